"""What becomes of gradients in the layers of a network: ReLUs that died, gradients that vanish or explode."""

from __future__ import annotations

import itertools
import math
from typing import Any

from gdcli.contract.short import short
from gdcli.contract.watch import WatchFinding
from gdcli.watching.findings.case import Case, nothing, size_of
from gdcli.watching.findings.shapes import line_of_loss
from gdcli.watching.seen import Graph, Iteration, Node, Saved

_SHARE = 0.75  # of the units of a layer, from which on it is said
_INPUTS = 8  # from so many on it is said of a part of a layer
_LONG = 3  # iterations without a gradient
_LAYERS = 5  # from so many on gradients are compared
_APART = 1e-4  # the ratio of gradients of the first and the last layer
_MOSTLY = 0.7  # of the steps from layer to layer go the same way


def dead_relu(case: Case) -> WatchFinding | None:
    """A ReLU that is 0 for every input up to the end, so that what lies below it gets no gradient; or most of one."""
    graphs = [each for each in case.descent.graphs if _is_before_the_end(case, each)]
    if len(graphs) < 2 or case.iterations[-1].loss == 0:
        return None
    last = graphs[-1]
    for index, node in enumerate(last.nodes):
        share = _dead(node)
        if share is None or share <= _SHARE:
            continue
        below = _leaves_below(last, index)
        since = _without_gradient_since(case, below) if share == 1 else _mostly_zero_since(graphs, index)
        if since is not None:
            return _died(case, last, index, share, since, below)
    return None


def _mostly_zero_since(graphs: list[Graph], index: int) -> int | None:
    """The first graph's iteration from which on most units are 0 for all of many inputs; None for a short while."""
    since, count = None, 0
    for graph in reversed(graphs):
        node = graph.nodes[index] if index < len(graph.nodes) else None
        share = None if node is None else _dead(node)
        if node is None or share is None or share <= _SHARE or (node.shape or [0])[0] < _INPUTS:
            break
        since, count = graph.iteration, count + 1
    return since if count >= _LONG else None


def _is_before_the_end(case: Case, graph: Graph) -> bool:
    return case.descent.not_finite is None or graph.iteration < case.descent.not_finite


def _dead(node: Node) -> float | None:
    """The share of the units of a ReLU that are 0 for every input; None for what is no ReLU of several inputs."""
    if not node.op.startswith("ReluBackward"):
        return None
    saved = next((each for each in node.saved if each.name == "result"), None)
    if saved is None or not saved.shape:
        return None
    if _is_all_zero(saved):
        return 1.0
    if len(saved.shape) == 2 and saved.zero_units is not None and saved.units:
        return saved.zero_units / saved.units
    return 0.0


def _is_all_zero(saved: Saved) -> bool:
    return saved.extent is not None and saved.extent.norm == 0


def _leaves_below(graph: Graph, index: int) -> list[str]:
    """The names of the leaves that an operation was made of."""
    found: list[str] = []
    waiting: list[int | str | None] = [index]
    seen = set()
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, str):
            found += [each] if each not in found else []
        elif isinstance(each, int) and each not in seen:
            seen.add(each)
            waiting += graph.nodes[each].inputs
    return found


def _without_gradient_since(case: Case, names: list[str]) -> int | None:
    """The iteration from which on the gradients of leaves are exactly 0 up to the end; None for a short while."""
    since = None
    count = 0
    for iteration in reversed(case.iterations):
        states = [iteration.leaves.get(name) for name in names]
        if not states or any(state is not None and not nothing(state.grad) for state in states):
            break
        since, count = iteration.number, count + 1
    return since if count >= _LONG else None


def _died(case: Case, graph: Graph, index: int, share: float, since: int, below: list[str]) -> WatchFinding:
    layer = _layer(below)
    units = next((each.units for each in graph.nodes[index].saved if each.name == "result"), None)
    when = f"since iteration {since}" if since else "from the start"
    if since and share < 1:
        when += " or before"
    if share < 1:
        told = (
            f"{share:.0%} of the {units} units are 0 for every input {when}, so {layer} gets no gradient through them"
        )
    else:
        every = f": all {units} units are" if units else " is"
        told = f"{every} 0 for every input {when}, so the gradient of {layer} is exactly 0"
    message = f"the ReLU after {layer}{told}" if share == 1 else f"the ReLU after {layer}: {told}"
    evidence: dict[str, Any] = {"layer": layer, "since": since, "share": share, "units": units}
    change = "use a smaller learning rate, or " if since else ""
    change += "start with biases that are not far below 0; leaky_relu keeps a slope"
    return case.finding("dead-relu", message, case.place_of(graph, index) or line_of_loss(case), evidence, change)


def _layer(below: list[str]) -> str:
    """The module that the nearest leaf belongs to, or the leaf."""
    if not below:
        return "the input"
    before, dot, last = below[0].rpartition(".")
    return before if dot and last in ("weight", "bias") else below[0]


def layers(case: Case) -> WatchFinding | None:
    """Gradients that become far smaller, or far larger, from the last layer to the first one."""
    if not case.descent.graphs or not case.iterations or case.descent.not_finite is not None:
        return None
    graph, first = case.descent.graphs[0], case.iterations[0]
    found = _by_depth(case, graph, first)
    if len(found) < _LAYERS:
        return None
    names, sizes = [name for name, _ in found], [size for _, size in found]
    if not all(0 < size < math.inf for size in sizes):
        return None
    ratio = sizes[-1] / sizes[0]
    steps = [b / a for a, b in itertools.pairwise(sizes)]
    evidence = {"layers": names, "gradients": sizes, "ratio": ratio}
    ends = [f"{short(size, 3)} in {name}" for name, size in (found[-1], found[0])]
    told = f"{ends[0]}, the first layer, and {ends[1]}, the last of {len(found)}"
    if ratio <= _APART and sum(step < 1 for step in steps) >= _MOSTLY * len(steps):
        message = f"the gradient vanishes on its way back: per element it is {told} (iteration {first.number})"
        change = "use ReLU in place of sigmoid or tanh, residual connections, normalization, or another initialization"
        return case.finding("vanishing-gradient", message, None, evidence, change)
    if ratio >= 1 / _APART and sum(step > 1 for step in steps) >= _MOSTLY * len(steps):
        message = f"the gradient explodes on its way back: per element it is {told} (iteration {first.number})"
        change = "start with smaller weights, use normalization, or clip: torch.nn.utils.clip_grad_norm_"
        return case.finding("exploding-gradient", message, None, evidence, change)
    return None


def _by_depth(case: Case, graph: Graph, iteration: Iteration) -> list[tuple[str, float]]:
    """The weights from the loss down, each with the root mean square of its gradient; one depth each."""
    depths: dict[str, int] = {}
    level: list[int] = [0]
    seen, depth = {0}, 0
    while level:
        depth += 1
        following: list[int] = []
        for index in level:
            for each in graph.nodes[index].inputs:
                if isinstance(each, str):
                    depths.setdefault(each, depth)
                elif isinstance(each, int) and each not in seen:
                    seen.add(each)
                    following.append(each)
        level = following
    found = []
    for name in sorted(depths, key=lambda each: depths[each]):
        leaf, state = case.descent.leaves.get(name), iteration.leaves.get(name)
        if leaf is None or state is None or state.grad is None or len(leaf.shape) < 2:
            continue
        found.append((name, size_of(state.grad) / math.sqrt(max(leaf.count, 1))))
    return found
