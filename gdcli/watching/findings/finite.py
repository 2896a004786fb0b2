"""Where NaN or inf was born: the first operation, with its inputs, forward or backward."""

from __future__ import annotations

import math
from typing import Any

from gdcli.contract.short import short
from gdcli.contract.watch import WatchFinding
from gdcli.watching.amounts import flat, is_finite
from gdcli.watching.findings.case import Case
from gdcli.watching.findings.shapes import line_of_loss
from gdcli.watching.seen import Extent, Graph, Iteration, Node, Place, Saved

_NOT_FINITE = "numbers that are not finite"
_OWN_RESULT = frozenset(["result", "result0"])
_FIRST = frozenset(["self", "input", "base"])
_SECOND = frozenset(["other", "exponent", "target", "mat2"])


def not_finite(case: Case) -> WatchFinding | None:
    """The first iteration with a loss or a gradient that is not finite, and what made it so."""
    number = case.descent.not_finite
    iteration = next((each for each in case.iterations if each.number == number), None)
    if number is None or iteration is None:
        return None
    broken = [name for name, state in iteration.leaves.items() if not is_finite(state.value)]
    if broken:
        return _by_update(case, iteration, broken)
    graph = next((each for each in case.descent.graphs if each.iteration == number), None)
    if graph is None:
        return None
    if not math.isfinite(iteration.loss):
        return _forward(case, iteration, graph)
    return _backward(case, iteration, graph)


def _by_update(case: Case, iteration: Iteration, broken: list[str]) -> WatchFinding:
    """Leaves that an update made so; with finite numbers before it, its step was too long for the dtype."""
    names = ", ".join(broken[:3])
    message = f"{names} became not finite in the update of iteration {max(iteration.number - 1, 0)}"
    if iteration.number == 0:
        message = f"{names} is not finite from the start"
    evidence = {"iteration": iteration.number, "during": "update" if iteration.number else "start", "leaves": broken}
    change = "use a smaller learning rate" if iteration.number else "start with finite numbers"
    return case.finding("not-finite", message, case.rate_place, evidence, change)


def _forward(case: Case, iteration: Iteration, graph: Graph) -> WatchFinding | None:
    """The deepest operation with a result that is not finite, of inputs that are finite."""
    results = _results(graph)
    bad = {i for i, known in results.items() if known is not None and not _finite(known)}
    bad |= {i for i, node in enumerate(graph.nodes) if _makes_it(node) is not None}
    bad |= {i for i, node in enumerate(graph.nodes) if any(not _finite(each) for each in _given(node))}
    if not math.isfinite(iteration.loss):
        bad.add(0)
    for index in sorted(bad, reverse=True):
        if not any(_is_from(graph, each, bad) for each in graph.nodes[index].inputs):
            return _born(case, iteration, graph, index, _suspect(graph, index, results))
    return None


def _suspect(graph: Graph, index: int, results: dict[int, Saved | None]) -> int | None:
    """The deepest operation below one that made it so as far as is known, if nothing tells its result."""
    if _makes_it(graph.nodes[index]) or _exceeds(graph.nodes[index]) or _tensors(graph.nodes[index]):
        return None
    found, waiting = None, [index]
    while waiting:
        for below in graph.nodes[waiting.pop()].inputs:
            if isinstance(below, int) and results.get(below) is None:
                waiting.append(below)
                if _tensors(graph.nodes[below]) and (found is None or below > found):
                    found = below
    return found


def _is_from(graph: Graph, start: int | str | None, bad: set[int]) -> bool:
    """Whether a node is one of these, or made of one."""
    waiting, seen = [start], set()
    while waiting:
        each = waiting.pop()
        if not isinstance(each, int) or each in seen:
            continue
        if each in bad:
            return True
        seen.add(each)
        waiting += graph.nodes[each].inputs
    return False


def _results(graph: Graph) -> dict[int, Saved | None]:
    """What is known of the result of each node: what it saved, or what the node above it saved as its input."""
    found: dict[int, Saved | None] = {}
    for i, node in enumerate(graph.nodes):
        own = next((each for each in node.saved if each.name in _OWN_RESULT), None)
        if own is not None:
            found[i] = own
        for position, names in enumerate((_FIRST, _SECOND)):
            below = node.inputs[position] if position < len(node.inputs) else None
            kept = next((each for each in node.saved if each.name in names and _has_numbers(each)), None)
            if isinstance(below, int) and kept is not None and found.get(below) is None:
                found[below] = kept
    return found


def _given(node: Node) -> list[Saved]:
    """The inputs that a node saved."""
    return [each for each in node.saved if each.name not in _OWN_RESULT and _has_numbers(each)]


def _tensors(node: Node) -> list[Saved]:
    return [each for each in _given(node) if each.extent is not None]


def _has_numbers(saved: Saved) -> bool:
    return saved.extent is not None or isinstance(saved.value, int | float | list)


def _finite(saved: Saved) -> bool:
    if saved.extent is not None:
        return is_finite(saved.extent)
    return all(math.isfinite(x) for x in _numbers(saved.value))


def _numbers(value: Any) -> list[float]:
    return flat(value) if isinstance(value, list | int | float) else []


def _low_high(saved: Saved | None) -> tuple[float, float] | None:
    if saved is None:
        return None
    numbers = _numbers(saved.value)
    if numbers and all(map(math.isfinite, numbers)):
        return min(numbers), max(numbers)
    extent = saved.extent
    if not isinstance(extent, Extent) or extent.smallest is None or extent.largest is None or not is_finite(extent):
        return None
    return extent.smallest, extent.largest


def _saved(node: Node, name: str) -> Saved | None:
    return next((each for each in node.saved if each.name == name), None)


def _exceeds(node: Node) -> tuple[str, str] | None:
    """The same for what can be told by the result of an operation on finite numbers."""
    result, name = _saved(node, "result"), _name(node)
    if result is None or _finite(result):
        return None
    if name == "sqrt":
        return "sqrt of a negative number", "keep its argument above 0, such as with clamp(min=1e-8)"
    if name == "reciprocal":
        return "a division by 0", "keep the divisor away from 0, such as with clamp(min=1e-8)"
    if name == "rsqrt":
        return "rsqrt of 0 or less", "keep its argument above 0, such as with clamp(min=1e-8)"
    if name == "exp":
        return (
            "exp of a number that is too large for the dtype",
            "keep its argument small, or use log_softmax, logsumexp",
        )
    return None


def _makes_it(node: Node) -> tuple[str, str] | None:
    """What an operation was given that has no finite value there, in words, and what to change."""
    ends, name = _low_high(_saved(node, "self")), _name(node)
    if ends is not None and name in ("log", "log2", "log10") and ends[0] <= 0:
        return f"{name} of {short(ends[0], 4)}", "keep its argument above 0, such as with clamp(min=1e-8)"
    if ends is not None and name == "log1p" and ends[0] <= -1:
        return f"{name} of {short(ends[0], 4)}", "keep its argument above -1"
    if ends is not None and name in ("acos", "asin") and max(-ends[0], ends[1]) > 1:
        return f"{name} of {short(ends[0] if ends[0] < -1 else ends[1], 4)}", "keep its argument between -1 and 1"
    other = _saved(node, "other")
    divisor = _low_high(other)
    if name == "pow" and ends is not None:
        power = _low_high(_saved(node, "exponent"))
        if power is not None and power[0] < 0 and ends[0] <= 0 <= ends[1]:
            return f"0 ** {short(power[0], 3)}", "keep the base away from 0, such as with clamp(min=1e-8)"
        if power is not None and ends[0] < 0 and power[0] == power[1] and power[0] % 1:
            return (f"({short(ends[0], 4)}) ** {short(power[0], 3)}",
                    "keep the base above 0, such as with clamp(min=1e-8), or use abs")  # fmt: skip
    if name == "div" and other is not None and divisor is not None and 0.0 in (*divisor, *_numbers(other.value)):
        return "a division by 0", "keep the divisor away from 0, such as with clamp(min=1e-8)"
    return None


def _name(node: Node) -> str:
    return node.op.partition("Backward")[0].lower()


def _born(case: Case, iteration: Iteration, graph: Graph, index: int, suspect: int | None) -> WatchFinding:
    node = graph.nodes[index]
    made = _makes_it(node) or _exceeds(node)
    what, change = made or (_name(node), "keep its inputs where it is finite")
    inputs = {each.name: _told(each) for each in _tensors(node)}
    if made is None and inputs:
        what += " of " + ", ".join(inputs.values())
        if _NOT_FINITE in inputs.values():
            change = "the data has nan or inf: look for it with torch.isfinite"
    if suspect is not None:
        below = graph.nodes[suspect]
        inputs = {each.name: _told(each) for each in _tensors(below)}
        what = f"{_name(below)} of {' and '.join(inputs.values())}"
        change = "look with torch.isfinite at the result of this operation"
        index, node = suspect, below
    value = "nan" if math.isnan(iteration.loss) else "inf" if iteration.loss > 0 else "-inf"
    place = case.place_of(graph, index) or line_of_loss(case)
    message = f"the loss is {value} in iteration {iteration.number}, where {what} is not finite (in forward)"
    if suspect is not None:
        message = (
            f"the loss is {value} in iteration {iteration.number}; the first result that is not finite may be {what}"
        )
    evidence = {"iteration": iteration.number, "during": "forward", "operation": _name(node), "inputs": inputs}
    return case.finding("not-finite", message, place, evidence, change, guess=suspect is not None)


def _told(saved: Saved) -> str:
    ends = _low_high(saved)
    if ends is None:
        return _NOT_FINITE if saved.extent is not None else str(saved.value)
    return short(ends[0], 4) if ends[0] == ends[1] else f"numbers from {short(ends[0], 4)} to {short(ends[1], 4)}"


def _backward(case: Case, iteration: Iteration, graph: Graph) -> WatchFinding | None:
    """An operation whose slope is infinite where it was evaluated, while the loss is finite."""
    names = [name for name, state in iteration.leaves.items() if not is_finite(state.grad)]
    steep = ((i, _steep(node)) for i, node in enumerate(graph.nodes))
    found = next(((i, what) for i, what in steep if what is not None), None)
    evidence: dict[str, Any] = {"iteration": iteration.number, "during": "backward", "leaves": names}
    leaves = ", ".join(names[:3])
    if found is None:
        message = f"the gradient of {leaves} is not finite in iteration {iteration.number}, and its loss is"
        change = "torch.autograd.detect_anomaly() names the operation"
        return case.finding("not-finite", message, None, evidence, change)
    index, (given, advice) = found
    node = graph.nodes[index]
    message = (
        f"the loss of iteration {iteration.number} is {short(iteration.loss, 4)}, but the gradient of "
        f"{leaves} is not: {given}, where its slope is infinite (in backward)"
    )
    place: Place | None = case.place_of(graph, index) or line_of_loss(case)
    return case.finding("not-finite", message, place, evidence | {"operation": _name(node)}, advice)


def _steep(node: Node) -> tuple[str, str] | None:
    """What an operation was given where its slope is infinite, in words, and what to change."""
    name, result, base = _name(node), _low_high(_saved(node, "result")), _low_high(_saved(node, "self"))
    if name == "sqrt" and result is not None and result[0] == 0:
        return "sqrt of 0", "add a small number under the root: sqrt(... + 1e-12)"
    power = getattr(_saved(node, "exponent"), "value", None)
    if name == "pow" and base is not None and base[0] == 0 and isinstance(power, float) and 0 < power < 1:
        return f"0 ** {short(power, 3)}", "add a small number to the base"
    if base is not None and name in ("acos", "asin") and max(-base[0], base[1]) >= 1:
        return f"{name} of {short(base[1], 4)}", "keep its argument between -1 and 1"
    return _makes_it(node)
