"""What every script has: its imports, the seed, the tensors of the variables, and names that do not collide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gdcli.codegen.files import STANDARD, TAKEN_TO_READ, modules_for, numbers_of, read_lines, tensor_text
from gdcli.codegen.program import ProgramPrinter, names_in
from gdcli.lang.arguments import FLOAT_DTYPES
from gdcli.lang.arrays import Array
from gdcli.lang.nodes import (
    Application,
    Attribute,
    Binary,
    Call,
    Expression,
    Index,
    ListOf,
    Node,
    Number,
    Reference,
    Static,
    Variable,
    children,
    postorder,
)
from gdcli.lang.operators import BINARY
from gdcli.lang.values import Bound
from gdcli.printable import one_line

WIDTH = 80
# What a script calls by these names, so that a variable must not hide it.
_TAKEN = frozenset(["torch", "F", "math", "print", "range", "len", "float", "abs", "max", "all", "None"])


class Script:
    """A script in the making, for the expressions and the values of a run."""

    def __init__(self, settings: Any, expressions: Sequence[Expression], values: Mapping[str, Bound]) -> None:
        self.settings = settings
        self.expressions = expressions
        self.values = values
        self.names: dict[str, str] = {}
        self.own_imports: list[str] = []
        self._read: dict[str, str] = {}  # the name of what was read of a file, by its path
        taken = {*_TAKEN, *(TAKEN_TO_READ if any(isinstance(value, Array) for value in values.values()) else ())}
        for name in values:
            self.names[name] = _free(name, {*taken, *(set(values) - {name}), *self.names.values()})
        # Of one name, the variable keeps it, then the function, then what lies between; the script's own come last.
        functions, between, own = names_in(expressions)
        self._used = {*taken, *self.names.values()}
        called = {name: self.new_name(name) for name in functions}
        named = {name: self.new_name(name) for name in between}
        self._used |= own
        self.printer = ProgramPrinter(settings.dtype, self.names, called, named, self.new_name)

    def new_name(self, wanted: str) -> str:
        """A name for one thing in the script: this one, or one like it; no other thing has it or will have it."""
        name = _free(wanted, self._used)
        self._used.add(name)
        return name

    def print(self, expression: Expression) -> str:
        """The source of an expression."""
        return self.printer.print(expression)

    def result(self, expression: Expression, wanted: str) -> tuple[str, list[str]]:
        """What the script calls the result of an expression, and the lines that compute it.

        It is the name that a program gives to it; any other result is called as ``wanted``.
        """
        lines = []
        if expression.is_program:
            lines = [line for placed in self.printer.statements([expression]) for line in placed.lines]
            if name := self.printer.name_of(expression):
                return name, lines
        name = self.new_name(wanted)
        return name, [*lines, f"{name} = {self.printer.text(expression)}"]

    def item(self, name: str) -> str:
        """How the numbers of a variable are read: ``x.item()`` for one, ``W.tolist()`` for a tensor."""
        value = self.values[name]
        if isinstance(value, Array):
            return "tolist" if value.shape else "item"
        return "item" if isinstance(value.root, Number) else "tolist"

    def dtype(self, name: str) -> str:
        """The dtype of a variable: that of the run, unless its value names another."""
        value = self.values[name]
        root = None if isinstance(value, Array) else value.root
        named = [a.value for a in root.arguments if a.parameter.kind == "dtype"] if isinstance(root, Call) else []
        return next((str(d.value) for d in named if isinstance(d, Static) and d.value), self.settings.dtype)

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
            if isinstance(value, Array):
                lines += self._array(self.names[name], value, moves=moves)
                continue
            line = f"{self.names[name]} = {self.printer.leaf(value, requires_grad=moves)}"
            if moves and not explained and ", dtype=torch.float32" in line:
                lines.append("# Integers alone would make an int64 tensor, which cannot require a gradient.")
                explained = True
            lines += broken(line) if isinstance(value.root, ListOf) else [line]
        return lines

    def functions(self) -> list[str]:
        """The functions of programs that stand above their statements."""
        return self.printer.above

    def _array(self, name: str, value: Array, *, moves: bool) -> list[str]:
        """The lines that make a tensor of numbers that do not pass through text."""
        dtype = value.dtype if value.dtype == "bool" else "int64" if value.is_whole else self.settings.dtype
        dtype = self.settings.dtype if moves and value.is_whole else dtype
        if value.origin is None:
            numbers = broken(f"{name} = torch.tensor({numbers_of(value)}, dtype=torch.{dtype})")
            return [*numbers, f"{name}.requires_grad_()"] if moves else numbers
        lines: list[str] = []
        path = value.origin.path
        if path not in self._read:
            self._read[path] = self.new_name("rows" if value.origin.kind in ("csv", "jsonl") else "data")
            lines = read_lines(value.origin, self._read[path], self.new_name("file"))
        self.printer.modules |= modules_for(value.origin)
        made = tensor_text(value, self._read[path], dtype)
        return [*lines, f"{name} = {made}{'.requires_grad_()' if moves else ''}"]

    def text(self, title: str, *parts: Sequence[str]) -> str:
        """The whole script: imports and setting up, then the parts, with an empty line between them."""
        modules = self.printer.modules
        imports = [f"import {name}" for name in (*STANDARD, "numpy") if name in modules]
        imports += ["from pyarrow import parquet"] * ("parquet" in modules) + ["import torch"]
        imports += ["import torch.nn.functional as F"] * ("F" in self.printer.modules) + self.own_imports
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
        values = [value for value in self.values.values() if not isinstance(value, Array)]
        if any(draws(expression) for expression in [*values, *self.expressions]):
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
    reached = {id(expression.root)}
    for node in reversed(list(postorder(expression.root))):
        if id(node) not in reached:
            continue
        if isinstance(node, Variable) and node.name == name:
            return True
        if not _cuts_gradient(node):
            reached.update(id(child) for child in children(node))
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
        case Index(value=Call() | Reference() | Application(), items=items):  # sort(x)[1]
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
