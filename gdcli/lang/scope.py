"""What the names of a program stand for, while it is read."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from gdcli.lang.definitions import Function
from gdcli.lang.functions.modules import Module
from gdcli.lang.given import Given
from gdcli.lang.lines import lines_of
from gdcli.lang.nodes import (
    Argument,
    Node,
    Number,
    Reference,
    Span,
    Variable,
)
from gdcli.lang.scan import check_part
from gdcli.lang.syntax import Reader, dotted_name


class Named(Struct, frozen=True):
    """A name for what lies between: its node, and the number of the name."""

    node: Node
    number: int


class MadeModule(Struct, frozen=True):
    """A module of torch.nn without parameters, and what it is made with."""

    module: Module
    settings: Mapping[str, Argument]


class Aside(Struct, frozen=True):
    """A name for what is no tensor, which gdcli has no use for: an optimizer, a list of texts."""

    span: Span


Meaning: TypeAlias = Given | Named | Function | MadeModule | Aside


class Scope(Reader):
    """Reads expressions in which the names of a program stand for what it has defined."""

    def __init__(self, source: str, values: Collection[str]) -> None:
        code, self.lines = lines_of(source)
        super().__init__(source, code, given=values)
        self.globals: dict[str, Meaning] = {}
        self.scope = self.globals
        self.modules: dict[str, str] = {}
        self.moving: dict[str, None] = {}
        self.inside: list[str] = []  # the functions whose bodies are being read
        self.is_literal = 0  # whether a name of numbers is read as these numbers
        # Without requires_grad every number may move; with it, a plain number is Python's, as in PyTorch.
        self.numbers_move = not re.search("requires_grad|Parameter|Variable", self.python)
        self.numbers = 0

    def named(self, name: str, span: Span) -> Node | None:
        """What a name of the program stands for."""
        match self.scope.get(name):
            case Named(node=Number(value=value)):
                return Number(value, span)
            case Named(node=Variable() | Reference() as node) if self.inside:
                return replace(node, span=span)
            case Named(node=node, number=number):
                return Reference(name, node, number, span)
            case Given(literal=literal):
                stays = isinstance(literal, Number) and not self.numbers_move and name not in self.given
                is_index = self.in_index and isinstance(literal, Number)
                if literal is not None and (self.is_literal or is_index or stays):
                    return replace(literal, span=span)
                return self.variable(name, span)
            case Function() | MadeModule():
                self.fail("syntax", f"'{name}' is a function and must be called", span, f"write {name}(...)")
            case Aside(span=place):
                text = self.source[slice(*place)]
                self.fail(
                    "statement", f"'{name}' is no tensor, and not part of an expression", span, f"it is given by {text}"
                )
        return None

    def spelled(self, node: ast.expr) -> str:
        """``a.b.c`` for a chain of plain names, with what the imports of the program call by other names."""
        first, dot, rest = dotted_name(node).partition(".")
        return f"{self.modules.get(first, first)}{dot}{rest}"

    def whole_number(self, node: ast.expr, what: str, hint: str = "", *, or_shape: bool = False) -> int | Node:
        """A whole number, also one that a name of the program stands for."""
        self.is_literal += 1
        found = super().whole_number(node, what, hint, or_shape=or_shape)
        self.is_literal -= 1
        return found

    # Places

    def code(self, span: Span) -> str:
        """The characters at a place, without comments."""
        return self.python[slice(*span)]

    def tree_at(self, span: Span, *, names: bool = False) -> ast.expr:
        """Python's tree of the expression at a place; ``names`` allows texts, which only what is put aside has."""
        text = self.code(span)
        start, end = trimmed(text, span)
        if start >= end:
            self.fail("syntax", "a value is missing", span)
        may_be_aside = names and re.search("['\"]|optim", self.python[start:end])
        if not (may_be_aside and is_aside(self._tried(start, end))):
            check_part(self.source, self.python, start, end)
        return self.tree(start, end)

    def _tried(self, start: int, end: int) -> ast.expr | None:
        try:
            return ast.parse(self.python[start:end], mode="eval").body
        except (SyntaxError, RecursionError, MemoryError):
            return None

    def node_at(self, span: Span) -> Node:
        """Read the expression at a place."""
        return self.node(self.tree_at(span))

    def parameter(self, node: Node) -> Meaning:
        """What a parameter of a function stands for in a call."""
        self.numbers += 1
        return Named(node, self.numbers)


def trimmed(text: str, span: Span) -> Span:
    """The span without the white space at its ends."""
    return span[0] + len(text) - len(text.lstrip()), span[1] - (len(text) - len(text.rstrip()))


def is_text(tree: ast.expr) -> bool:
    """Whether it is a text."""
    return isinstance(tree, ast.Constant) and isinstance(tree.value, str)


def is_aside(tree: ast.expr | None) -> bool:
    """Whether it is a text, a list of texts, or an optimizer: nothing to compute with."""
    if isinstance(tree, (ast.List, ast.Tuple)):
        return bool(tree.elts) and all(map(is_text, tree.elts))
    is_optimizer = isinstance(tree, ast.Call) and re.search(r"\boptim\.\w+$", ast.unparse(tree.func)) is not None
    return is_optimizer or (tree is not None and is_text(tree))
