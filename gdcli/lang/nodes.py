"""The checked tree of an expression: frozen nodes, each with its place in the source text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import EllipsisType, NoneType
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from gdcli.lang.signature import Function, Parameter

Span: TypeAlias = tuple[int, int]
"""A half-open range of characters of the source."""

IndexItem: TypeAlias = "int | slice | EllipsisType | Node | None"

_LINE_ENDS = re.compile(r"(?:[ \t]*(?:#[^\n]*|\\[ \t]*)?\n\s*)+(?P<closing>[)\]]?)")


class Number(Struct, frozen=True):
    """A constant, already computed: ``1.5``, ``pi/4``, ``True``."""

    value: float | int | bool
    span: Span


class Variable(Struct, frozen=True):
    """A name whose value the user gives."""

    name: str
    span: Span


class ListOf(Struct, frozen=True):
    """``[a, b, c]``: a tensor made of its items, which are numbers, lists or tensors of one shape."""

    items: tuple[Node, ...]
    span: Span


class Unary(Struct, frozen=True):
    """``-a`` or ``+a``."""

    operator: str
    operand: Node
    span: Span


class Binary(Struct, frozen=True):
    """``a + b`` and the other binary operators, comparisons included."""

    operator: str
    left: Node
    right: Node
    span: Span


class Index(Struct, frozen=True):
    """``W[0, 1:3]``, ``x[..., None]``, ``x[x > 0]``.

    An item is a whole number, a slice, None, an ellipsis, or a node: a tensor of indices or of truth values, or a whole
    number that is known when the expression runs. The bounds of a slice are whole numbers of both kinds.
    """

    value: Node
    items: tuple[IndexItem, ...]
    span: Span


class Attribute(Struct, frozen=True):
    """``W.T`` and the few other attributes in syntax.ATTRIBUTES."""

    value: Node
    name: str
    span: Span


class Static(Struct, frozen=True):
    """An argument that is not a tensor: an integer, a shape, True, a word, a dtype's name, None."""

    value: object
    span: Span


class Argument(Struct, frozen=True):
    """A value bound to a parameter; ``value`` is a tuple of nodes for a parameter of kind "tensors"."""

    parameter: Parameter
    value: Node | Static | tuple[Node, ...]
    by_keyword: bool


class Call(Struct, frozen=True):
    """A call of a function of the table; ``name_span`` is the place of its name."""

    function: Function
    arguments: tuple[Argument, ...]
    span: Span
    name_span: Span

    @property
    def is_method(self) -> bool:
        """Whether it is written as a method: ``x.f()``."""
        return self.span[0] < self.name_span[0]


class Reference(Struct, frozen=True):
    """A use of a name that a statement has given to ``value``; ``number`` counts these names as they are given."""

    name: str
    value: Node
    number: int
    span: Span


class Application(Struct, frozen=True):
    """A call of a function that the program defines: ``value`` is its result, with the arguments in their places.

    ``statements`` are those of the body, read for this call; ``numbers`` are the first and the last number of the names
    that parameters and statements have got in it.
    """

    name: str
    arguments: tuple[Node, ...]
    value: Node
    span: Span
    definition: Definition
    statements: tuple[Statement, ...]
    numbers: tuple[int, int]


Node: TypeAlias = Number | Variable | ListOf | Unary | Binary | Index | Attribute | Call | Reference | Application


class Definition(Struct, frozen=True):
    """A function of a program: its parameters, each with its default, and its place."""

    name: str
    parameters: tuple[tuple[str, Node | None], ...]
    span: Span
    is_lambda: bool


class Statement(Struct, frozen=True):
    """A line of a program that gives a name to what lies between the variables and the result."""

    name: str
    node: Node
    number: int
    span: Span


class Expression(Struct, frozen=True):
    """A parsed text.

    ``variables`` are in the order of their first appearance; in a program, in the order in which they get their values.
    The other fields are those of a program: the ``names`` of all its variables, also of those that it only prints; its
    ``statements`` in order; the text of each value that it gives (``values``) and the other values that stand in it
    (``uses``); the variables of ``requires_grad``
    (``moving``); what it prints (``shown``); the name of its result; the place of each function that it defines; and
    the seed that it sets. ``dtype`` is that of the value of a variable whose numbers stay whole; empty for the run's.
    ``function`` is a function of Python that the text stands for; it takes the tensors of the variables in order.
    """

    source: str
    root: Node
    variables: tuple[str, ...]
    names: tuple[str, ...] = ()
    statements: tuple[Statement, ...] = ()
    values: Mapping[str, str] = {}
    uses: Mapping[str, tuple[str, ...]] = {}
    moving: tuple[str, ...] = ()
    shown: tuple[Node, ...] = ()
    result: str = ""
    functions: Mapping[str, Span] = {}
    seed: int | None = None
    is_program: bool = False
    dtype: str = ""
    function: Callable[..., Any] | None = None

    def text(self, node: Node) -> str:
        """The piece of the source that the node came from, in one line and without comments."""
        start, end = node.span
        return in_one_line(self.source[start:end])

    def line(self, node: Node | Statement) -> int:
        """The line of a program in which a node begins, counted from 1."""
        return self.source.count("\n", 0, node.span[0]) + 1

    def of(self, node: Node) -> Expression:
        """The expression whose result is a node of this one."""
        used = {part.name for part in postorder(node) if isinstance(part, Variable)}
        for name in reversed(self.names):
            used |= {*self.uses.get(name, ())} if name in used else set()
        return replace(self, root=node, variables=tuple(name for name in self.names if name in used))

    @property
    def rows(self) -> tuple[Expression, ...]:
        """What ``ops`` shows: what a program prints, or else its result."""
        return tuple(map(self.of, self.shown)) or (self,)

    @property
    def place(self) -> Span:
        """The characters that an error about the result is about."""
        return self.root.span if self.is_program else (0, len(self.source))

    def __str__(self) -> str:
        return self.source


def replaced(source: str, span: Span, pieces: Sequence[tuple[Span, str]]) -> str:
    """The source of ``span`` with other texts in some places."""
    texts, at = [], span[0]
    for (start, end), text in sorted(pieces, key=lambda piece: piece[0]):
        texts += [source[at:start], text]
        at = end
    return "".join(texts) + source[at : span[1]]


def in_one_line(text: str) -> str:
    """A piece of a program in one line, without comments."""
    if "\n" not in text:
        return text

    def joined(found: re.Match[str]) -> str:
        is_inside = found["closing"] or text[: found.start()].endswith(("(", "["))
        return found["closing"] if is_inside else " "

    return _LINE_ENDS.sub(joined, text)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, from left to right."""
    match node:
        case Number() | Variable():
            return ()
        case ListOf(items=items):
            return items
        case Unary(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Index(value=value, items=items):
            return (value, *(part for item in items for part in _nodes_of(item)))
        case Attribute(value=value) | Reference(value=value) | Application(value=value):
            return (value,)
        case Call(arguments=arguments):
            found: list[Node] = []
            for argument in arguments:
                if isinstance(argument.value, tuple):
                    found.extend(argument.value)
                elif not isinstance(argument.value, Static):
                    found.append(argument.value)
            return tuple(found)


def _nodes_of(item: IndexItem) -> tuple[Node, ...]:
    """The nodes of an item of an index."""
    parts = (item.start, item.stop, item.step) if isinstance(item, slice) else (item,)
    return tuple(part for part in parts if not isinstance(part, (int, EllipsisType, NoneType)))


def index_item(item: IndexItem, change: Callable[[Node], Any]) -> Any:
    """The item of an index with something else in the place of its nodes."""
    if isinstance(item, slice):
        return slice(*(index_item(part, change) for part in (item.start, item.stop, item.step)))
    return item if isinstance(item, (int, EllipsisType, NoneType)) else change(item)


class Numbers(Struct, frozen=True):
    """The ids of the nodes that are no tensors when the expression runs: numbers of Python, and shapes."""

    plain: frozenset[int]
    shapes: frozenset[int]

    def __contains__(self, node: Node) -> bool:
        return id(node) in self.plain or id(node) in self.shapes


def numbers_in(root: Node) -> Numbers:
    """Which parts of a tree are plain numbers or shapes: ``2``, ``len(x)``, ``x.shape[0]*2``; ``x.shape``."""
    plain: set[int] = set()
    shapes: set[int] = set()
    for node in postorder(root):
        if is_shape(node):
            shapes.add(id(node))
            continue
        match node:
            case Unary() | Binary() | Reference() | Application() if all(id(c) in plain for c in children(node)):
                plain.add(id(node))
            case Number() | Attribute() | Call() | Index() if is_plain(node):
                plain.add(id(node))
    return Numbers(frozenset(plain), frozenset(shapes))


def is_numbers(node: Node) -> bool:
    """Whether it is a number, or a list of numbers."""
    return isinstance(node, Number) or (isinstance(node, ListOf) and all(map(is_numbers, node.items)))


def is_shape(node: Node) -> bool:
    """Whether it is the shape of a tensor, or a slice of it, when the expression runs."""
    while True:
        match node:
            case Attribute(name="shape"):
                return True
            case Call(function=function, arguments=arguments):
                return function.name == "size" and len(arguments) == 1
            case Reference(value=value) | Application(value=value) | Index(value=value, items=(slice(),)):
                node = value
            case _:
                return False


def is_plain(node: Node) -> bool:
    """Whether it is a plain number when the expression runs."""
    stack = [node]
    while stack:
        part = stack.pop()
        match part:
            case Unary() | Binary() | Reference() | Application():
                stack.extend(children(part))
            case Number() | Attribute(name="ndim"):
                pass
            case Call(function=function) if function.form == "size" and not is_shape(part):
                pass
            case Index(value=value, items=(item,)) if is_shape(value) and not isinstance(item, slice):
                pass
            case _:
                return False
    return True


def is_whole(root: Node) -> bool:
    """Whether a plain number is surely a whole one."""
    return not any(
        (isinstance(node, Number) and (isinstance(node.value, bool) or not isinstance(node.value, int)))
        or (isinstance(node, Binary) and node.operator not in ("+", "-", "*", "//", "%"))
        for node in postorder(root)
    )


def postorder(root: Node) -> Iterator[Node]:
    """Every node below and including ``root``, children before parents, without recursion (sums may be long).

    What has a name is visited once, at the first use of the name.
    """
    stack: list[tuple[Node, bool]] = [(root, False)]
    named: set[int] = set()
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
            continue
        stack.append((node, True))
        if isinstance(node, Reference):
            if node.number in named:
                continue
            named.add(node.number)
        stack.extend((child, False) for child in reversed(children(node)))
