"""Text to checked tree.

The grammar is that of Python's expressions, less everything that is not listed here::

    expression  number | name | unary | binary | comparison | list | index | attribute | call | (expression)
    unary       + - expression
    binary      expression + - * / // % ** @ expression
    comparison  expression < <= > >= == != expression          (one only)
    list        [expression, ...]
    index       expression[item, ...]      item: whole number | start:stop:step
    attribute   expression.T
    call        function(argument, name=argument, ...)  |  expression.function(...)
    function    sin | torch.sin | F.softplus | torch.linalg.solve | ...   (the table in functions/)

What is not listed is refused. Nothing is ever looked up by attribute on an object. program.py has the statements around
expressions.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NoReturn

from gdcli.errors import ExpressionError
from gdcli.lang import scan
from gdcli.lang.arguments import ArgumentReader
from gdcli.lang.constants import CONSTANTS, IN_MODULES, LARGEST_INT, ConstantError, applied, fold, number
from gdcli.lang.functions import FUNCTIONS, METHODS, SPELLINGS
from gdcli.lang.functions.elsewhere import ON_NUMBERS
from gdcli.lang.functions.modules import MODULES as MODULES_OF_NN
from gdcli.lang.functions.modules import Module
from gdcli.lang.indices import index_of
from gdcli.lang.nodes import (
    Argument,
    Attribute,
    Binary,
    Call,
    Expression,
    ListOf,
    Node,
    Number,
    Span,
    Unary,
    Variable,
    is_plain,
    is_shape,
    is_whole,
)
from gdcli.lang.operators import BINARY, BINARY_BY_SYNTAX, UNARY_BY_SYNTAX, BinaryOperator
from gdcli.lang.signature import Function
from gdcli.lang.suggest import closest, did_you_mean
from gdcli.lang.unknown import ALL_FUNCTIONS, TENSOR_METHODS, function_hint, hint_for_function, told_of_module_function

MAX_NODES = 5_000

ATTRIBUTES = {
    "shape": "the sizes of the dimensions",
    "ndim": "the number of dimensions",
    "T": "the transpose of a matrix",
    "mT": "the transpose of the last two dimensions",
    "values": "the values of a result that has values and indices",
    "indices": "the indices of a result that has values and indices",
}
MODULES = frozenset(["torch", "nn", "F", "linalg", "special", "np", "numpy", "math", "jnp", "tf", "sympy", "sp"])


def parse_expression(text: str, given: Collection[str] = ()) -> Expression:
    """Parse and check one expression. A name of ``given`` is a variable, whatever else has that name.

    Raises:
        ExpressionError: with a message, a span of characters, and mostly a hint.
    """
    return Reader(text.strip(), given=given).read()


def parse_value(text: str, names: Collection[str] = ()) -> Expression:
    """Parse the value of a variable: an expression without variables but ``names``; ``1, 2, 3`` is ``[1, 2, 3]``."""
    return Reader(text.strip(), variables=False, given=names).read()


class Reader:
    """Turns Python's tree into ours; it knows the source, so that every error has a place.

    A program, which has names of its own, overrides ``named`` and ``applied``.
    """

    def __init__(self, source: str, code: str = "", *, variables: bool = True, given: Collection[str] = ()) -> None:
        self.source = source
        self.variables_allowed = variables
        self.given = given
        self.variables: dict[str, None] = {}
        self.nodes = 0
        self.depth = 0
        self.in_index = 0  # where a name of a number is read as this number
        self.start = 0  # where the expression begins that is read
        # Python knows no other white space than ours; copied text has some. Each character keeps its place.
        self.python = re.sub(r"\s", " ", code or source)
        self.ascii = self.python.isascii()
        self.arguments = ArgumentReader(self)

    def read(self) -> Expression:
        """The whole source, which is one expression."""
        scan.check(self.source)
        tree = self.tree(0, len(self.source))
        if isinstance(tree, ast.Tuple) and not self.variables_allowed:
            root: Node = ListOf(tuple(self.node(item) for item in tree.elts), (0, len(self.source)))
        else:
            root = self.node(tree)
        return Expression(self.source, root, tuple(self.variables))

    def named(self, name: str, span: Span) -> Node | None:  # noqa: ARG002 -- the interface
        """What a name stands for that the program has defined; None for any other."""
        return None

    def spelled(self, node: ast.expr) -> str:
        """``a.b.c`` for a chain of plain names, an empty string for anything else."""
        return dotted_name(node)

    def applied(self, name: str, call: ast.Call) -> Node | None:  # noqa: ARG002 -- the interface
        """The call of a function that the program has defined; None for any other."""
        return None

    def fail(self, code: str, message: str, place: ast.AST | Span, hint: str = "") -> NoReturn:
        """Raise ExpressionError at a node or a span of the source."""
        span = place if isinstance(place, tuple) else self.span(place)
        raise ExpressionError(code, message, hint, source=self.source, span=span)

    def tree(self, start: int, end: int) -> ast.expr:
        """Python's tree of the expression at these characters of the source; ``span`` then counts from there."""
        self.start = start
        try:
            return ast.parse(self.python[start:end], mode="eval").body
        except SyntaxError as error:
            place = start + max(0, min((error.offset or 1) - 1, end - start - 1))
            self.fail("syntax", "this is not a valid expression", (place, place + 1))
        except (RecursionError, MemoryError):
            # The scan has counted the brackets: what is left is a long chain, such as a sum of 3,000 terms.
            self.fail("limit", "the expression chains too many operations", (start, end))

    def span(self, node: ast.AST) -> Span:
        """The characters of a node; ``ast`` counts UTF-8 bytes."""
        start, end = node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
        if self.ascii:
            return self.start + start, self.start + end
        encoded = self.python[self.start :].encode(errors="surrogatepass")
        return self.start + len(encoded[:start].decode()), self.start + len(encoded[:end].decode())

    def node(self, node: ast.expr) -> Node:
        """Read an expression, one level deeper."""
        self.nodes += 1
        self.depth += 1
        if self.nodes > MAX_NODES:
            self.fail("limit", f"the expression has more than {MAX_NODES:,} parts", node)
        if self.depth > scan.MAX_NESTING:
            message = f"the expression is nested too deeply; the limit is {scan.MAX_NESTING} levels"
            self.fail("limit", message, node)
        try:
            return self._node(node)
        finally:
            self.depth -= 1

    def _node(self, node: ast.expr) -> Node:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node)
            case ast.UnaryOp(op=sign) if type(sign) in UNARY_BY_SYNTAX:
                return self._unary(node)
            case ast.BinOp():
                return self._binary(node)
            case ast.Compare():
                return self._comparison(node)
            case ast.List(elts=items):
                return ListOf(tuple(self.node(item) for item in items), self.span(node))
            case ast.Tuple():
                return self._tuple(node)
            case ast.Subscript():
                return index_of(self, node)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Call():
                return self._call(node)
            case _:
                return self.fail("syntax", "this is not part of the expression language", node)

    def _tuple(self, node: ast.Tuple) -> NoReturn:
        start, end = self.span(node)
        text = self.source[start:end]
        if text.startswith("("):
            items = text[1:-1].strip().rstrip(",")
            hint = f"write [{items}]" if items else "use square brackets for a tensor: [1, 2, 3]"
            self.fail("syntax", "a list in parentheses is not a tensor", node, hint)
        hint = "use square brackets for a tensor: [1, 2, 3]"
        if decimal := re.search(r"\d,\d", text):
            comma = start + decimal.start() + 1
            hint = f"use a decimal point: {self.source[:comma]}.{self.source[comma + 1 :]}"
        self.fail("syntax", "a comma outside brackets is not part of the expression language", node, hint)

    def _constant(self, node: ast.Constant) -> Number:
        if isinstance(node.value, (bool, int, float)):
            return Number(number(node.value), self.span(node))
        if node.value is None:
            self.fail("syntax", "'None' is not allowed here", node)
        return self.fail("syntax", "quoted text is not part of the expression language", node)

    def _name(self, node: ast.Name) -> Node:
        name, span = node.id, self.span(node)
        if (own := self.named(name, span)) is not None:
            return own
        if name in self.given:
            return self.variable(name, span)
        if name in CONSTANTS:
            return Number(CONSTANTS[name], span)
        if name in FUNCTIONS:
            hint = f"write {FUNCTIONS[name].usage}"
            hint += f", or give it a value if it is a variable: --{name} 1" if self.variables_allowed else ""
            self.fail("syntax", f"'{name}' is a function and must be called", span, hint)
        if name == "torch":
            self.fail("syntax", "'torch' is a module, not a value", span, "write torch.sin(x) or sin(x)")
        if not self.variables_allowed:
            similar = closest(name, CONSTANTS)
            hint = f"did you mean '{similar}'?" if similar else "use numbers, for example 3 or rand(3, 4)"
            self.fail("unknown-name", f"a value cannot contain the name '{name}'", span, hint)
        return self.variable(name, span)

    def variable(self, name: str, span: Span) -> Variable:
        """A use of a variable, which is then one of the expression."""
        if name.startswith("__"):
            self.fail("syntax", f"'{name}' is not a valid variable name", span)
        self.variables[name] = None
        return Variable(name, span)

    def _unary(self, node: ast.UnaryOp) -> Node:
        sign = UNARY_BY_SYNTAX[type(node.op)]
        operand, span = self.node(node.operand), self.span(node)
        if isinstance(operand, Number):
            return Number(sign.compute(operand.value), span)
        return Unary(sign.symbol, operand, span)

    def _binary(self, node: ast.BinOp) -> Node:
        # A sum of a thousand terms is a tree a thousand deep on its left side: walk it, do not recurse.
        chain = [node]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        result = self.node(chain[-1].left)
        self.nodes += len(chain) - 1
        for step in reversed(chain):
            result = self._fold(BINARY_BY_SYNTAX[type(step.op)], result, self.node(step.right), step)
        return result

    def _fold(self, operator: BinaryOperator, left: Node, right: Node, place: ast.AST) -> Node:
        span = self.span(place)
        if shape := next(filter(is_shape, (left, right)), None):
            text = self.source[slice(*shape.span)]
            self.fail("syntax", "a shape is not a number", shape.span, f"select one of its sizes: {text}[0]")
        if not (isinstance(left, Number) and isinstance(right, Number)):
            return Binary(operator.symbol, left, right, span)
        try:
            return Number(fold(operator, left.value, right.value), span)
        except ConstantError as error:
            return self.fail("constant", str(error), span)

    def _comparison(self, node: ast.Compare) -> Node:
        operator = BINARY_BY_SYNTAX.get(type(node.ops[0]))
        if operator is None:
            self.fail("syntax", "this comparison is not part of the expression language", node, "compare with ==")
        if len(node.ops) > 1:
            parts = [self.source[slice(*self.span(part))] for part in (node.left, *node.comparators)]
            symbols = [BINARY_BY_SYNTAX.get(type(op), BINARY["=="]).symbol for op in node.ops]
            pairs = [f"{a} {symbol} {b}" for a, symbol, b in zip(parts, symbols, parts[1:], strict=False)]
            hint = f"write logical_and({pairs[0]}, {pairs[1]})"
            self.fail("syntax", "comparisons cannot be chained", node, hint)
        return self._fold(operator, self.node(node.left), self.node(node.comparators[0]), node)

    def whole_number(self, node: ast.expr, what: str, hint: str = "", *, or_shape: bool = False) -> int | Node:
        """The value of a whole number, or its node where it is known only when the expression runs.

        ``what`` names its part in the sentence of the error; ``or_shape`` allows a shape (``x.shape``).
        """
        value = self.node(node)
        if (or_shape and is_shape(value)) or (not isinstance(value, Number) and is_plain(value) and is_whole(value)):
            return value
        return self.whole(value, node, what, hint)

    def whole(self, value: Node, node: ast.expr, what: str, hint: str = "") -> int:
        """The value of a whole number that is known; an error at its place for anything else."""
        if isinstance(value, Number) and isinstance(value.value, int) and not isinstance(value.value, bool):
            return value.value
        if isinstance(value, Number) and isinstance(value.value, float) and value.value.is_integer():
            if abs(value.value) > LARGEST_INT:
                self.fail("limit", f"{what} must be an integer of at most {LARGEST_INT:,}", node)
            hint = f"write {int(value.value)}"
        return self.fail("syntax", f"{what} must be an integer", node, hint)

    def _attribute(self, node: ast.Attribute) -> Node:
        dotted = self.spelled(node)
        if dotted.split(".")[0] in MODULES and node.attr not in ATTRIBUTES:
            return self._module_constant(dotted, node)
        value = self.node(node.value)
        if node.attr not in ATTRIBUTES:
            start, end = self._attribute_span(node)
            hint = TENSOR_METHODS.get(node.attr) or did_you_mean(node.attr, ATTRIBUTES)
            if node.attr in METHODS:
                hint = f"call it: {self.source[:end]}()"
            self.fail("syntax", f"'.{node.attr}' is not part of the expression language", (start - 1, end), hint)
        return Attribute(value, node.attr, self.span(node))

    def _attribute_span(self, node: ast.Attribute) -> Span:
        end = self.span(node)[1]
        written = self.source[:end].rpartition(".")[2].lstrip()  # node.attr may be shorter: it is normalized
        return end - len(written), end

    def _module_constant(self, dotted: str, node: ast.Attribute) -> Number:
        module, _, name = dotted.rpartition(".")
        if name in IN_MODULES.get(module, ()):
            return Number(CONSTANTS[name], self.span(node))
        if dotted in SPELLINGS:
            usage = SPELLINGS[dotted].usage
            self.fail("syntax", f"'{dotted}' is a function and must be called", node, f"write {usage}")
        hint = f"write {name}" if name in CONSTANTS else "gdcli functions lists all functions"
        return self.fail("unknown-name", f"'{dotted}' is not part of the expression language", node, hint)

    def _call(self, node: ast.Call) -> Node:
        if isinstance(node.func, ast.Name) and (own := self.applied(node.func.id, node)) is not None:
            return own
        if (value := _float_of_text(node)) is not None:
            return Number(value, self.span(node))
        if isinstance(node.func, ast.Call):
            module, settings = self.made(node.func)
            return self.called_module(module, settings, node)
        function, name_span, subject = self._called(node.func)
        arguments = self.arguments.read(function, node, name_span, subject)
        if (compute := ON_NUMBERS.get(self.spelled(node.func))) and all(isinstance(a.value, Number) for a in arguments):
            return self._computed(compute, [a.value for a in arguments if isinstance(a.value, Number)], node)
        return Call(function, arguments, self.span(node), name_span)

    def made(self, node: ast.Call) -> tuple[Module, dict[str, Argument]]:
        """A module of torch.nn, and what it is made with: ``nn.LeakyReLU(0.1)``."""
        name = self.spelled(node.func)
        if name not in MODULES_OF_NN:
            self._called(node.func)  # which knows what else it may be
            self.fail("syntax", "only functions can be called", node, "use '*' for multiplication")
        return MODULES_OF_NN[name], self.arguments.settings(MODULES_OF_NN[name], node)

    def called_module(self, module: Module, settings: Mapping[str, Argument], call: ast.Call) -> Call:
        """The call of a module that is made: ``nn.ReLU()(x)``."""
        function, name_span = FUNCTIONS[module.function], self.span(call.func)
        return Call(
            function, self.arguments.read(function, call, name_span, None, settings), self.span(call), name_span
        )

    def _computed(self, compute: Callable[..., float], values: Sequence[Number], place: ast.expr) -> Number:
        """A function of ``math`` of plain numbers, which is a plain number."""
        try:
            return Number(applied(compute, [number.value for number in values]), self.span(place))
        except ConstantError as error:
            return self.fail("constant", str(error), place)

    def _called(self, node: ast.expr) -> tuple[Function, Span, ast.expr | None]:
        """The function that is called, the place of its name, and the subject of a method call."""
        if isinstance(node, ast.Name):
            name = self.spelled(node)
            if name not in SPELLINGS:
                self._unknown_function(name, node)
            return SPELLINGS[name], self.span(node), None
        if not isinstance(node, ast.Attribute):
            self.fail("syntax", "only functions can be called", node, "use '*' for multiplication")
        dotted = self.spelled(node)
        if dotted in SPELLINGS:
            return SPELLINGS[dotted], self.span(node), None
        if dotted and dotted.split(".")[0] in MODULES:
            self._unknown_module_function(dotted, node)
        name, span = node.attr, self._attribute_span(node)
        if name in METHODS:
            return METHODS[name], span, node.value
        if name in FUNCTIONS:
            subject = self.source[slice(*self.span(node.value))]
            message = f"'{name}' is a function, not a method, in PyTorch"
            self.fail("unknown-function", message, span, f"write {name}({subject}, ...)")
        hint = TENSOR_METHODS.get(name) or function_hint(name, methods=True) or ALL_FUNCTIONS
        return self.fail("unknown-function", f"unknown method '{name}'", span, hint)

    def _unknown_function(self, name: str, node: ast.Name) -> NoReturn:
        if name in CONSTANTS:
            self.fail("syntax", f"'{name}' is a number and cannot be called", node, "use '*' for multiplication")
        self.fail("unknown-function", f"unknown function '{name}'", node, hint_for_function(name))

    def _unknown_module_function(self, dotted: str, node: ast.Attribute) -> NoReturn:
        message, hint = told_of_module_function(dotted)
        self.fail("unknown-function", message, node, hint)


def dotted_name(node: ast.expr) -> str:
    """``a.b.c`` for a chain of plain names, an empty string for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def _float_of_text(node: ast.Call) -> float | None:
    """The value of ``float('inf')``; None for any other call."""
    match node:
        case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value=str() as text)], keywords=[]):
            try:
                return float(text)
            except ValueError:
                return None
    return None
