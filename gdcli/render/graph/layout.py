"""Where the nodes of a graph stand: in layers by their distance from the result, which stands at the bottom.

Between two layers is one for the words on the edges, so that no words cover each other: an edge goes through a place of
its own in every layer that it passes. The order in a layer is that of the means of the neighbours (Sugiyama, Tagawa and
Toda 1981), and so are the places, as far as the widths allow.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from gdcli.render.graph.graph import Graph, Key

_SWEEPS = 8
_GAP = 14.0  # pixels between two neighbours
_THIN = 6.0  # width of an edge that passes a layer

Spot: TypeAlias = "tuple[str, Key | int, int]"
"""A place: that of a node, or of an edge (its number) in a layer."""


class Layout(NamedTuple):
    """The middle of each node, and the points that each edge passes, from its source to its target.

    ``layers`` are counted from the top: nodes stand in the even ones, and the words of an edge in the odd ones.
    """

    nodes: dict[Key, tuple[float, int]]
    edges: list[list[tuple[float, int]]]
    width: float
    layers: int


def layout_of(graph: Graph, width: Callable[[Key], float], label: Callable[[int], float]) -> Layout:
    """Place the nodes; ``width`` is that of a node, and ``label`` that of the words on an edge, by its number."""
    ranks = _ranks(graph)
    top = max(ranks.values(), default=0)
    layers: list[list[Spot]] = [[] for _ in range(2 * top + 1)]
    widths: dict[Spot, float] = {}
    routes: list[list[Spot]] = []
    for key in graph.nodes:
        spot: Spot = ("node", key, 0)
        layers[2 * (top - ranks[key])].append(spot)
        widths[spot] = width(key)
    for number, edge in enumerate(graph.edges):
        first, last = 2 * (top - ranks[edge.source]), 2 * (top - ranks[edge.target])
        between: list[Spot] = [("edge", number, layer) for layer in range(first + 1, last)]
        for spot in between:
            layers[spot[2]].append(spot)
            widths[spot] = label(number) if spot[2] == first + 1 else _THIN
        routes.append([("node", edge.source, 0), *between, ("node", edge.target, 0)])
    above, below = _neighbours(routes)
    _order(layers, above, below)
    places = _places(layers, widths, above, below)
    left = min((places[spot] - widths[spot] / 2 for spot in places), default=0.0)
    right = max((places[spot] + widths[spot] / 2 for spot in places), default=0.0)
    heights = {spot: number for number, layer in enumerate(layers) for spot in layer}
    points = {spot: (place - left, heights[spot]) for spot, place in places.items()}
    return Layout(
        {key: points["node", key, 0] for key in graph.nodes},
        [[points[spot] for spot in route] for route in routes],
        right - left,
        len(layers),
    )


def _ranks(graph: Graph) -> dict[Key, int]:
    """The longest distance of each node from the result."""
    ranks: dict[Key, int] = dict.fromkeys(graph.nodes, 0)
    waiting = dict.fromkeys(graph.nodes, 0)  # uses that are not counted yet
    into: dict[Key, list[Key]] = {key: [] for key in graph.nodes}
    for edge in graph.edges:
        waiting[edge.source] += 1
        into[edge.target].append(edge.source)
    ready = [key for key, count in waiting.items() if count == 0]
    while ready:
        key = ready.pop()
        for source in into[key]:
            ranks[source] = max(ranks[source], ranks[key] + 1)
            waiting[source] -= 1
            if waiting[source] == 0:
                ready.append(source)
    return ranks


def _neighbours(routes: Sequence[Sequence[Spot]]) -> tuple[dict[Spot, list[Spot]], dict[Spot, list[Spot]]]:
    above: dict[Spot, list[Spot]] = {}
    below: dict[Spot, list[Spot]] = {}
    for route in routes:
        for one, other in itertools.pairwise(route):
            below.setdefault(one, []).append(other)
            above.setdefault(other, []).append(one)
    return above, below


def _order(layers: list[list[Spot]], above: Mapping[Spot, list[Spot]], below: Mapping[Spot, list[Spot]]) -> None:
    """Order each layer by the means of its neighbours, from the result up and back."""
    for sweep in range(_SWEEPS):
        neighbours, order = (below, reversed(layers)) if sweep % 2 == 0 else (above, iter(layers))
        places: dict[Spot, float] = {}
        for layer in order:
            means = {
                spot: _mean([places[other] for other in neighbours.get(spot, ())], i) for i, spot in enumerate(layer)
            }
            layer.sort(key=means.__getitem__)
            places |= {spot: (i + 0.5) / len(layer) for i, spot in enumerate(layer)}


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise


def _places(
    layers: Sequence[Sequence[Spot]],
    widths: Mapping[Spot, float],
    above: Mapping[Spot, list[Spot]],
    below: Mapping[Spot, list[Spot]],
) -> dict[Spot, float]:
    """The middle of each place: beside each other at first, then near the means of the neighbours."""
    places: dict[Spot, float] = {}
    for layer in layers:
        places |= _apart(layer, dict.fromkeys(layer, 0.0), widths)
    for sweep in range(_SWEEPS):
        for layer in reversed(layers) if sweep % 2 == 0 else layers:
            wanted = {
                spot: _mean([places[other] for other in (*above.get(spot, ()), *below.get(spot, ()))], places[spot])
                for spot in layer
            }
            places |= _apart(layer, wanted, widths)
    return places


def _apart(layer: Sequence[Spot], wanted: Mapping[Spot, float], widths: Mapping[Spot, float]) -> dict[Spot, float]:
    """Places nearest to those that are wanted (least squares) in this order, with all widths kept.

    Neighbours that would overlap are put together to a block, which stands at the mean of its members.
    """
    offsets: dict[Spot, float] = {}
    offset = 0.0
    for i, spot in enumerate(layer):
        offset += (widths[layer[i - 1]] + widths[spot]) / 2 + _GAP if i else 0.0
        offsets[spot] = offset
    blocks: list[list[Spot]] = []
    means: list[float] = []
    for spot in layer:
        block, mean = [spot], wanted[spot] - offsets[spot]
        while means and means[-1] > mean:
            before, other = blocks.pop(), means.pop()
            mean = (mean * len(block) + other * len(before)) / (len(block) + len(before))
            block = [*before, *block]
        blocks.append(block)
        means.append(mean)
    return {spot: mean + offsets[spot] for block, mean in zip(blocks, means, strict=True) for spot in block}
