"""Numbers in a script: the user's own text, where Python and the names of the script give the same number."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from gdcli.errors import ExpressionError
from gdcli.lang.constants import LARGEST_INT, fold
from gdcli.lang.nodes import Number, Statement
from gdcli.lang.operators import BINARY_BY_SYNTAX
from gdcli.lang.syntax import parse_expression

_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*")


class Local:
    """A function's own names: what the script calls each, and the values of those that are plain numbers."""

    def __init__(self, names: Mapping[str, str], numbers: Mapping[str, float]) -> None:
        self.names = names
        self.numbers = numbers

    def after(self, statements: Sequence[Statement]) -> Local:
        """The same after statements of the function."""
        given = {statement.name: statement.node for statement in statements}
        others = {name: value for name, value in self.numbers.items() if name not in given}
        return Local(self.names, others | {n: node.value for n, node in given.items() if isinstance(node, Number)})

    def valued(self, text: str) -> str:
        """A text with the names of numbers replaced by their numbers."""
        return _NAME.sub(lambda name: f"({self.numbers[name[0]]!r})" if name[0] in self.numbers else name[0], text)


NOTHING = Local({}, {})


def says(text: str, value: float) -> bool:
    """Whether a text alone is read as the number: it needs no name of the program."""
    try:
        root = parse_expression(text).root
    except ExpressionError:
        return False
    return isinstance(root, Number) and root.value == value and type(root.value) is type(value)


def python_agrees(text: str) -> bool:
    """Whether Python computes what ``fold`` has computed: not where a whole number grows beyond 64 bits."""
    try:
        _exact(ast.parse(text.strip(), mode="eval").body)
    except OverflowError:
        return False
    return True


def _exact(node: ast.expr) -> float:
    """The value; raises OverflowError where ``fold`` leaves whole numbers for floats and Python does not."""
    match node:
        case ast.Constant(value=int() | float() as value):
            if isinstance(value, int) and value > LARGEST_INT:
                raise OverflowError
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_exact(operand)
        case ast.UnaryOp(operand=operand):
            return _exact(operand)
        case ast.BinOp(left=a, op=op, right=b):
            left, right = _exact(a), _exact(b)
            result = fold(BINARY_BY_SYNTAX[type(op)], left, right)
            whole = isinstance(left, int) and isinstance(right, int) and not isinstance(op, ast.Div)
            if whole and isinstance(result, float) and not (isinstance(op, ast.Pow) and right < 0):
                raise OverflowError
            return result
        case _:
            return 0.5  # a comparison or a named constant: no whole number that could grow
