"""Places where a descent hardly moves: a plateau, the ridge of a saddle."""

from __future__ import annotations

import math
from typing import Any

from gdcli.contract.short import short
from gdcli.contract.watch import WatchFinding
from gdcli.watching.amounts import flat
from gdcli.watching.findings.case import Case
from gdcli.watching.seen import Graph, Saved

_ENOUGH = 10  # iterations
_FLAT = 1e-4  # of a slope, relative to the loss over the size of the point
_LITTLE = 1e-3  # of the size of a point, or of the loss
_SATURATED = {"SigmoidBackward0": (0.0, 1.0), "TanhBackward0": (-1.0, 1.0)}
_NEAR = 1e-4  # an end of a saturated function
_SHRUNK = 1e-3  # of the first gradient


def plateau(case: Case) -> WatchFinding | None:
    """A slope that is tiny for the loss from the start, in a run that has gone nowhere."""
    its = case.finite
    if len(its) < _ENOUGH or case.descent.not_finite is not None or not case.is_repeatable:
        return None
    first, last = its[0], its[-1]
    slope, size = case.slope(last), case.size(last)
    if slope * size > _FLAT * abs(last.loss) or slope < 0.5 * case.slope(first):
        return None
    if abs(last.loss - first.loss) > _LITTLE * abs(first.loss):
        return None
    saturated = _saturated(case)
    if saturated is None and not _is_far_from_rest(case):
        return None
    evidence: dict[str, Any] = {"gradient_norm": slope, "loss": last.loss, "iterations": case.descent.count}
    norm = short(slope, 3) if slope else "exactly 0"
    message = (
        f"the norm of the gradient is {norm} at a loss of {short(last.loss, 4)}, which changed by "
        f"{short(abs(last.loss - first.loss), 2)} in {case.descent.count} iterations"
    )
    change = "start elsewhere, or scale the inputs"
    if saturated is not None:
        name, low, high = saturated
        message += f"; {name} is saturated: all of its values are between {short(low, 7)} and {short(high, 7)}"
        change = f"start where {name} is not saturated: smaller weights, or inputs that are scaled"
        evidence |= {"operation": name, "smallest": low, "largest": high}
    else:
        message += "; by the curvature on the way, this may be no minimum"
    return case.finding("plateau", message, None, evidence, change, guess=saturated is None)


def _saturated(case: Case) -> tuple[str, float, float] | None:
    """A sigmoid or tanh of the last graph all of whose values are at its ends, with those."""
    graph: Graph | None = case.descent.graphs[-1] if case.descent.graphs else None
    for node in graph.nodes if graph is not None else ():
        ends = _SATURATED.get(node.op)
        result = next((each for each in node.saved if each.name == "result"), None)
        span = None if ends is None or result is None else _span(result)
        if ends is None or span is None:
            continue
        if all(min(abs(x - ends[0]), abs(x - ends[1])) <= _NEAR for x in span) and span[1] - span[0] <= _NEAR:
            return node.op.partition("Backward")[0].lower(), *span
    return None


def _span(saved: Saved) -> tuple[float, float] | None:
    numbers = flat(saved.value) if isinstance(saved.value, list | float) else []
    if numbers:
        return min(numbers), max(numbers)
    if saved.extent is None or saved.extent.smallest is None or saved.extent.largest is None:
        return None
    return saved.extent.smallest, saved.extent.largest


def _is_far_from_rest(case: Case) -> bool:
    """Whether the curvature on the way puts the place of no slope far away: |g| / L is large for the point."""
    if len(case.points) < 2:
        return False
    (_, x, g), (_, y, h) = case.points[0], case.points[-1]
    step, change = math.dist(x, y), math.dist(g, h)
    if not step > 0 or not math.hypot(*h) > 0:
        return False
    return math.hypot(*h) * step > 0.1 * change * case.size(case.finite[-1])


def saddle(case: Case) -> WatchFinding | None:
    """Numbers that are exactly 0 with a gradient of exactly 0 in every iteration, where the loss stays above 0."""
    if len(case.points) < _ENOUGH or not case.is_repeatable or case.descent.not_finite is not None:
        return None
    values = [value for _, value, _ in case.points]
    n = len(values[0])
    if any(len(each) != n for each in values):
        return None
    still = [i for i in range(n) if all(v[i] == 0 and g[i] == 0 for _, v, g in case.points)]
    slopes = [math.hypot(*grad) for _, _, grad in case.points]
    last = case.finite[-1]
    is_at_rest = slopes[-1] <= _SHRUNK * slopes[0] or slopes[-1] * case.size(last) <= _FLAT * abs(last.loss)
    if not still or not is_at_rest or (last.loss == 0 and _is_sum_of_errors(case)):
        return None
    names = _names(case, still)
    evidence = {"elements": len(still), "of": n, "leaves": names, "gradient_norm": slopes[-1]}
    message = (
        f"{len(still)} of {n} numbers ({', '.join(names)}) are exactly 0 with a gradient of exactly 0 in each "
        f"of {case.descent.count} iterations, and the gradient norm is {short(slopes[-1], 2)} at the end. "
        "The loss may be lower beside it"
    )
    if len(still) == 1:
        message = message.replace("numbers (", "numbers (").replace(") are exactly", ") is exactly")
    change = "start beside 0: a small random start tells"
    return case.finding("saddle", message, None, evidence, change, guess=True)


def _is_sum_of_errors(case: Case) -> bool:
    """Whether the loss is a sum or a mean, which 0 is most often the least of."""
    op = case.descent.graphs[0].nodes[0].op if case.descent.graphs else ""
    return op.startswith(("Mean", "Sum")) or "Loss" in op


def _names(case: Case, still: list[int]) -> list[str]:
    """The leaves that have these numbers."""
    found, start = [], 0
    for name in sorted(case.iterations[0].reached):
        count = case.descent.leaves[name].count
        inside = [i - start for i in still if start <= i < start + count]
        if inside:
            found.append(
                name if len(inside) == count else f"{name}[{inside[0]}]" if len(inside) == 1 else f"parts of {name}"
            )
        start += count
    return found
