"""What every script has: its imports, the seed, the tensors of the variables, and names that do not collide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gdcli.codegen.expression import ExpressionPrinter
from gdcli.lang.arguments import FLOAT_DTYPES
from gdcli.lang.nodes import (
    Attribute,
    Binary,
    Call,
    Expression,
    Index,
    ListOf,
    Node,
    Number,
    Static,
    Variable,
    children,
    postorder,
)
from gdcli.lang.operators import BINARY
from gdcli.printable import one_line

WIDTH = 80
# What a script calls by these names, so that a variable must not hide it.
_TAKEN = frozenset(["torch", "F", "math", "print", "range", "len", "float", "abs", "max", "all", "None"])


class Script:
    """A script in the making, for the expressions and the values of a run."""

    def __init__(self, settings: Any, expressions: Sequence[Expression], values: Mapping[str, Expression]) -> None:
        self.settings = settings
        self.expressions = expressions
        self.values = values
        self.names: dict[str, str] = {}
        for name in values:
            self.names[name] = _free(name, {*_TAKEN, *(set(values) - {name}), *self.names.values()})
        self.printer = ExpressionPrinter(settings.dtype, self.names)
        self._used = {*_TAKEN, *self.names.values()}

    def new_name(self, wanted: str) -> str:
        """A name for one thing in the script: this one, or one like it; no other thing has it or will have it."""
        name = _free(wanted, self._used)
        self._used.add(name)
        return name

    def print(self, expression: Expression) -> str:
        """The source of an expression."""
        return self.printer.print(expression)

    def item(self, name: str) -> str:
        """How the numbers of a variable are read: ``x.item()`` for one, ``W.tolist()`` for a tensor."""
        root = self.values[name].root
        return "item" if isinstance(root, Number) else "tolist"

    def has_no_dimension(self) -> bool:
        """Whether the expressions surely give tensors of shape (): of plain numbers, by functions that keep it so."""
        if any(self.item(name) == "tolist" for name in self.values):
            return False
        nodes = [node for expression in self.expressions for node in postorder(expression.root)]
        return not any(
            isinstance(node, ListOf) or (isinstance(node, Call) and "elementwise" not in node.function.facts)
            for node in nodes
        )

    def declarations(self, wrt: Iterable[str]) -> list[str]:
        """A line for each variable; those in ``wrt`` require a gradient."""
        lines: list[str] = []
        explained = self.settings.dtype != "float32"
        for name, value in self.values.items():
            moves = name in wrt
            line = f"{self.names[name]} = {self.printer.leaf(value, requires_grad=moves)}"
            if moves and not explained and ", dtype=torch.float32" in line:
                lines.append("# Integers alone would make an int64 tensor, which cannot require a gradient.")
                explained = True
            lines += broken(line) if isinstance(value.root, ListOf) else [line]
        return lines

    def text(self, title: str, *parts: Sequence[str]) -> str:
        """The whole script: imports and setting up, then the parts, with an empty line between them."""
        imports = ["import math"] * ("math" in self.printer.modules) + ["import torch"]
        imports += ["import torch.nn.functional as F"] * ("F" in self.printer.modules)
        blocks = [
            textwrap.wrap(one_line(title), WIDTH, initial_indent="# ", subsequent_indent="# "),
            imports,
            self._setting_up(),
        ]
        return "\n\n".join("\n".join(block) for block in [*blocks, *parts] if block) + "\n"

    def _setting_up(self) -> list[str]:
        """What comes before the first tensor: the device, and the seed when something is drawn."""
        lines = []
        if self.settings.device == "cuda":
            lines.append('torch.set_default_device("cuda")')
        elif self.settings.device == "auto":
            lines.append('torch.set_default_device("cuda" if torch.cuda.is_available() else "cpu")')
        if any(draws(expression) for expression in [*self.values.values(), *self.expressions]):
            lines.append(f"torch.manual_seed({self.settings.seed})")
        return lines


def not_shown(what: Mapping[str, Any]) -> list[str]:
    """A comment about what was asked for and stands not in the script."""
    asked = [f"--{name.replace('_', '-')}" for name, value in what.items() if value]
    if not asked:
        return []
    return textwrap.wrap(f"Not in this script: {', '.join(asked)}.", WIDTH, initial_indent="# ", subsequent_indent="# ")


def surely_has_gradient(expression: Expression, name: str) -> bool:
    """Whether autograd reaches the variable for sure: not when every use is inside of what cuts the gradient."""
    cut: set[int] = set()
    for node in reversed(list(postorder(expression.root))):
        if isinstance(node, Variable) and node.name == name and id(node) not in cut:
            return True
        if id(node) in cut or _cuts_gradient(node):
            cut.update(id(child) for child in children(node))
    return False


def _cuts_gradient(node: Node) -> bool:
    """Whether no gradient passes the node, perhaps: its result may be whole numbers or truth values."""
    match node:
        case Binary(operator=symbol):
            return BINARY[symbol].is_comparison
        case Call(function=function, arguments=arguments):
            dtypes = [a.value for a in arguments if a.parameter.kind == "dtype"]
            floats = (*FLOAT_DTYPES, None)
            return bool(function.gradient) or any(isinstance(d, Static) and d.value not in floats for d in dtypes)
        case Attribute(name=name):
            return name == "indices"
        case Index(value=Call(), items=items):  # sort(x)[1]
            return items != (0,)
        case _:
            return False


def draws(expression: Expression) -> bool:
    """Whether the expression takes random numbers."""
    return any(isinstance(node, Call) and node.function.form == "random" for node in postorder(expression.root))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def broken(line: str, width: int = WIDTH) -> list[str]:
    """A line with a list, in several lines when it is long: a row of a matrix each, or filled."""
    if len(line) <= width or "[" not in line:
        return [line]
    at = line.index("[") + 1
    if line[at] == "[":
        head, *rows = line.replace("], [", "],\n[").replace("],[", "],\n[").split("\n")
        return [part for each in [head, *(" " * at + row for row in rows)] for part in _wrapped(each, width, at + 1)]
    return _wrapped(line, width, at)


def _wrapped(line: str, width: int, indent: int) -> list[str]:
    return textwrap.wrap(line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
