"""The checked tree of an expression: frozen nodes, each with its place in the source text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

from gdcli.lang.signature import Function, Parameter

Span: TypeAlias = tuple[int, int]
"""A half-open range of characters of the source."""

IndexItem: TypeAlias = int | slice


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
    """``W[0, 1:3]``; the items are whole numbers and slices of them."""

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


Node: TypeAlias = Number | Variable | ListOf | Unary | Binary | Index | Attribute | Call


class Expression(Struct, frozen=True):
    """A parsed text. ``variables`` are in the order of their first appearance."""

    source: str
    root: Node
    variables: tuple[str, ...]

    def text(self, node: Node) -> str:
        """The piece of the source that the node came from."""
        start, end = node.span
        return self.source[start:end]

    def __str__(self) -> str:
        return self.source


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
        case Index(value=value) | Attribute(value=value):
            return (value,)
        case Call(arguments=arguments):
            found: list[Node] = []
            for argument in arguments:
                if isinstance(argument.value, tuple):
                    found.extend(argument.value)
                elif not isinstance(argument.value, Static):
                    found.append(argument.value)
            return tuple(found)


def postorder(root: Node) -> Iterator[Node]:
    """Every node below and including ``root``, children before parents, without recursion (sums may be long)."""
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        else:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(children(node)))
