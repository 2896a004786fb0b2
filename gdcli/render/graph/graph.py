"""The nodes and the edges of the graph of a tape, with the words that stand on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from gdcli.contract.fields import Nested
from gdcli.contract.grad import GradResult, TapeNode
from gdcli.printable import one_line
from gdcli.render.program_tape import shortened
from gdcli.render.tape import NORM, short_value

MOST = 2_000
"""Nodes of a graph that is drawn."""
_TEXT = 30  # characters of an expression on a node

Key: TypeAlias = int | str
"""A node: the id of a node of the tape, or the name of a variable."""


class Node(NamedTuple):
    """A tensor: its expression, its value, and the gradient of the result by it (empty where there is none).

    A variable without a gradient is ``fixed``.
    """

    kind: Literal["operation", "variable", "fixed", "constant"]
    text: str
    value: str
    grad: str
    grad_fn: str


class Edge(NamedTuple):
    """A use of a tensor in another: the local derivative, empty where it is no number, and the gradient of this use."""

    source: Key
    target: Key
    local: str
    grad: str


class Graph(NamedTuple):
    """The graph, from the result back."""

    nodes: dict[Key, Node]
    edges: list[Edge]

    @property
    def legend(self) -> str:
        """What stands on an edge."""
        is_norm = any(edge.grad.startswith(NORM) for edge in self.edges)
        norms = "; of a matrix its norm, and norms do not add up" if is_norm else ""
        return f"on an edge: the local derivative, and the gradient that this use adds{norms}"


def graph_of(record: GradResult, digits: int, matrix_operations: Collection[str]) -> Graph:
    """The graph of a record that has a tape.

    A variable, and another name of a program, is one node with an edge for each use. Below ``matrix_operations`` no
    local derivative is given, as it is not one number per element.
    """
    tape: Sequence[TapeNode] = record.tape  # type: ignore[assignment]
    nodes: dict[Key, Node] = {}
    edges: list[Edge] = []
    for each in tape:
        key = _key(each)
        if key not in nodes and each.kind != "name":
            nodes[key] = _node(each, record.grads, digits)
        if each.parent is not None:
            above = tape[each.parent]
            local = "" if above.op in matrix_operations or each.local is None else short_value(each.local, None, digits)
            edges.append(Edge(key, _key(above), local, _gradient(each, digits)))
    return Graph(nodes, edges)


def _key(node: TapeNode) -> Key:
    if node.kind == "variable":
        return node.op
    return node.statement if isinstance(node.statement, int) else node.id


def _node(node: TapeNode, totals: Mapping[str, Nested], digits: int) -> Node:
    name = f"{node.name} = " if isinstance(node.name, str) and node.name and node.name != node.text else ""
    is_variable = node.kind == "variable"
    text = node.op if is_variable else shortened(one_line(f"{name}{' '.join(node.text.split())}"), _TEXT)
    shape = f" {tuple(node.shape)}" if node.shape else ""
    value = f"{short_value(node.value, node.norm, digits)}{shape}"
    grad = short_value(totals[node.op], None, digits) if is_variable and node.op in totals else _gradient(node, digits)
    grad = "" if grad == "None" else grad
    kind = "operation" if node.kind == "name" else "fixed" if is_variable and not grad else node.kind
    return Node(kind, text, value, grad, node.grad_fn or "")


def _gradient(node: TapeNode, digits: int) -> str:
    return "" if node.grad is None and node.grad_norm is None else short_value(node.grad, node.grad_norm, digits)
