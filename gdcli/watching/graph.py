"""The autograd graph of a loss: the leaves that it reaches, and its operations as plain data."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import torch

from gdcli.watching.amounts import Extents, amount
from gdcli.watching.places import Places
from gdcli.watching.seen import FEW, Graph, Node, Place, Saved

_ACCUMULATE: Any = type(torch.ones((), requires_grad=True).expand(1).grad_fn.next_functions[0][0])  # type: ignore[union-attr]
_MOST_NODES = 1000
_MOST_ELEMENTS = 4_000_000  # of a saved tensor that is looked at
_LINE = re.compile(r'\s*File "(.*)", line (\d+), in (.*)')


def leaves_of(root: Any) -> list[torch.Tensor]:
    """The leaves that a graph reaches from its node ``root``, each once."""
    seen = {root}
    found: dict[int, torch.Tensor] = {}
    waiting = [root]
    while waiting:
        for node, _ in waiting.pop().next_functions:
            if node is None or node in seen:
                continue
            seen.add(node)
            if type(node) is _ACCUMULATE:
                leaf = node.variable
                found[id(leaf)] = leaf
            else:
                waiting.append(node)
    return list(found.values())


def shape_at_the_top(losses: list[torch.Tensor]) -> tuple[int, ...] | None:
    """The shape of what the last operation of a loss, such as a sum, was given; None where there is none."""
    node = losses[0].grad_fn
    below = node.next_functions[0][0] if node is not None and node.next_functions else None
    shape = None if below is None else _shape(below)
    return None if shape is None else tuple(shape)


def is_compiled(graph: Graph) -> bool:
    """Whether a part of the graph is a compiled function, whose operations cannot be seen."""
    return any(node.op.startswith("CompiledFunction") for node in graph.nodes)


def graph_of(root: Any, iteration: int, name_of: Callable[[torch.Tensor], str | None], places: Places,
             extents: Extents) -> Graph:  # fmt: skip
    """The graph below a node as plain data, before backward has freed what it saved."""
    order: dict[Any, int] = {root: 0}
    waiting, nodes, left_out = [root], [root], 0
    for node in waiting:
        for below, _ in node.next_functions:
            if below is None or type(below) is _ACCUMULATE or below in order:
                continue
            if len(nodes) >= _MOST_NODES:
                left_out += 1
                continue
            order[below] = len(nodes)
            nodes.append(below)
            waiting.append(below)

    def input_of(node: Any) -> int | str | None:
        if node is None:
            return None
        return name_of(node.variable) if type(node) is _ACCUMULATE else order.get(node)

    return Graph(iteration, [_node(node, [input_of(b) for b, _ in node.next_functions], places, extents)
                             for node in nodes], left_out)  # fmt: skip


def _node(node: Any, inputs: list[int | str | None], places: Places, extents: Extents) -> Node:
    saved = []
    for attribute in _saved_names(type(node)):  # type: ignore[arg-type]
        try:
            value = getattr(node, attribute)
        except RuntimeError:  # it was changed in place, or is gone
            continue
        if (one := _saved(attribute.removeprefix("_saved_"), value, extents)) is not None:
            saved.append(one)
    return Node(node.name().split("::")[-1], inputs, saved, _shape(node), _place(node, places))


@functools.cache
def _saved_names(kind: Any) -> list[str]:
    return [name for name in dir(kind) if name.startswith("_saved_")]


def _saved(name: str, value: Any, extents: Extents) -> Saved | None:
    if not isinstance(value, torch.Tensor):
        numbers = isinstance(value, (bool, int, float, str)) or (
            isinstance(value, (list, tuple)) and all(isinstance(each, (int, float)) for each in value)
        )
        return Saved(name, [], value=value) if numbers else None
    shape = list(value.shape)
    if not value.is_floating_point() or value.layout != torch.strided or not 0 < value.numel() <= _MOST_ELEMENTS:
        return Saved(name, shape)
    units = zeros = None
    if name == "result" and value.dim() > 1:
        units = value.shape[-1]
        flat = value.detach().reshape(-1, units)
        zeros = int((flat == 0).all(dim=0).sum().item())
    few = amount(value.detach()) if value.numel() <= FEW else None
    return Saved(name, shape, extents.of(value), few, zeros, units)


def _shape(node: Any) -> list[int] | None:
    try:
        return list(node._input_metadata[0].shape)  # noqa: SLF001 -- the only place that has it
    except (AttributeError, IndexError, RuntimeError, TypeError):
        return None


def _place(node: Any, places: Places) -> Place | None:
    """The line that made a node, where PyTorch has noted the traceback."""
    try:
        lines = node.metadata.get("traceback_", [])
    except (AttributeError, RuntimeError):
        return None
    for text in reversed(lines):
        if (found := _LINE.match(text)) and places.is_own_file(found[1]):
            return Place(found[1], int(found[2]), found[3].strip())
    return None
