"""Causes that lie in where a run is: saddles, plateaus, other minima, none, the ends of a dtype or of a domain."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import torch

from gdcli.tensors import labels
from oracle.causes_rate import CAUSE, NUMBERS, Judged, has_arrived, leaves
from oracle.ran import Ran

_NEAR = 1e-2
_RESTS = 1e-3


def saddle(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """It rests next to a critical point from which the loss falls on both sides, and the curvature is what is told."""
    evidence, end = finding["evidence"], ran.last_finite
    place = ran.f.settled(end.x)
    size = 1 + float(end.x.norm())
    if place is None or float((place - end.x).norm()) > _NEAR * size:
        yield CAUSE, False, "no critical point is near"
        return
    values, vectors = torch.linalg.eigh(ran.f.hessian(place))
    down = vectors[:, 0]
    falls = any(
        max(ran.f.value(place + t * size * down), ran.f.value(place - t * size * down)) < ran.f.value(place)
        for t in (1e-4, 1e-3, 1e-2)
    )
    later = ran.outcome(ran.last.iteration + 10)
    rests = later is not None and float((later.x - end.x).norm()) <= _NEAR * size
    kind = "maximum" if float(values[-1]) <= 1e-9 * float(values.abs().max()) else "saddle"
    wanted = "minimum" if kind == "maximum" and ran.settings["maximize"] else kind
    holds = falls and rests and evidence.get("kind", wanted) == wanted
    yield CAUSE, holds, f"{wanted}; falls on both sides: {falls}; rests: {rests}"
    if isinstance(told := evidence.get("eigenvalue"), float):
        there = ran.f.eigen(end.x)
        own = [ran.f.sign * float(value) for value in (there[0] if there is not None else values)]
        yield NUMBERS, any(math.isclose(told, value, rel_tol=0.01) for value in own), f"told {told}, are {own[:6]}"


def vanishing_gradient(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """Hardly any gradient for the loss that there is, and no minimum."""
    evidence, end = finding["evidence"], ran.last_finite
    size = 1 + float(end.x.norm())
    height = max(abs(end.loss), abs(end.loss - ran.first.loss), 1.0)
    flat = end.slope * size <= 3 * _NEAR * height
    at_minimum = ran.is_above is False or (_is_minimum(ran) and not (ran.is_above and _is_level(ran)))
    yield CAUSE, flat and not at_minimum, f"|g| {end.slope:.3g}, loss {end.loss:.3g}, minimum: {at_minimum}"
    told = evidence.get("gradient_norm")
    if isinstance(told, float):
        yield NUMBERS, math.isclose(told, end.slope, rel_tol=1e-3, abs_tol=1e-30), f"told {told}, is {end.slope}"


def _is_level(ran: Ran) -> bool:
    """Whether gradient and curvature are exactly 0 at the end."""
    end = ran.last_finite
    found = ran.f.eigen(end.x)
    return end.slope == 0 and found is not None and not bool(found[0].any())


def _is_minimum(ran: Ran) -> bool:
    """Whether the end is next to a critical point at which no curvature is negative, and no lower loss beside it."""
    end = ran.last_finite
    place = ran.f.settled(end.x)
    if place is None or float((place - end.x).norm()) > _RESTS * (1 + float(end.x.norm())):
        return False
    found = ran.f.eigen(place)
    if found is None or float(found[0][0]) < -1e-9 * float(found[0].abs().max()):
        return False
    return float(found[0][0]) > 1e-9 * float(found[0].abs().max()) or not _is_lower_beside(ran, place)


def _is_lower_beside(ran: Ran, place: torch.Tensor) -> bool:
    """Whether the loss is lower in one of many directions, or nearly flat in all."""
    drawn = torch.randn(200, len(place), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    here, size = ran.f.value(place), 1 + float(place.norm())
    beside = [ran.f.value(place + by * size * way / way.norm()) for by in (1e-4, 1e-3, 1e-2, 0.1) for way in drawn]
    return min(beside) < here - 1e-12 * (1 + abs(here)) or max(beside) <= here


def local_minimum(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:  # noqa: ARG001
    """A minimum, perhaps one of a ring of them, above the lowest value."""
    if ran.settings["weight_decay"]:  # the minimum is that of another function
        yield CAUSE, None, "weight decay"
        return
    yield CAUSE, _is_minimum(ran) and ran.is_above, f"minimum: {_is_minimum(ran)}, above the lowest: {ran.is_above}"


def stationary(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:  # noqa: ARG001
    """The gradient was 0, or within the tolerance, from the start, so nothing moved."""
    limit = max([*(ran.settings["tol_grad"] or [0.0]), 100 * ran.rounding])
    moved = float((ran.last.x - ran.first.x).norm()) / (1 + float(ran.first.x.norm()))
    yield (
        CAUSE,
        ran.first.slope <= limit and moved <= _RESTS,
        f"|g| {ran.first.slope:.3g} at the start, moved {moved:.3g}",
    )


def float_floor(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """Since then no variable moved by more than a few spacings, and float64 gets nearer."""
    evidence, end = finding["evidence"], ran.last
    since = [state for state in ran.states if state.iteration >= int(evidence.get("since", end.iteration))]
    dtype = getattr(torch, ran.settings["dtype"])
    around = torch.stack([state.x for state in since]).abs().max(dim=0).values.to(dtype)
    spacing = (torch.nextafter(around, torch.tensor(math.inf, dtype=dtype)) - around).double()
    moved = torch.stack([(state.x - end.x).abs() for state in since]).max(dim=0).values
    still = bool((moved <= 8 * spacing).all()) and end.slope > 0 and end.lr > 0
    finer = True
    if ran.settings["dtype"] != "float64":
        other = ran.outcome(ran.last.iteration, dtype="float64")
        finer = other is not None and (other.slope < 0.9 * end.slope or other.loss < end.loss)
    yield CAUSE, still and finer, f"still: {still}, nearer in float64: {finer}"


def held(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:  # noqa: ARG001
    """A rate that is 0 or has become tiny, a bound that is touched, or an optimizer that ends by itself."""
    end, settings = ran.last, ran.settings
    touched = any(
        limit is not None and bool((_of(ran, name) == limit).any())
        for name, pair in settings["bound"].items()
        for limit in pair
    )
    no_rate = end.lr == 0 or end.lr <= 1e-3 * ran.first.lr or 0 in settings["lrs"].values()
    own = settings["optimizer"] in ("lbfgs", "adagrad", "manual-backtracking", "manual-exact")
    yield CAUSE, touched or no_rate or own, f"rate {end.lr:.3g}, at a bound: {touched}, by itself: {own}"


def _of(ran: Ran, name: str) -> torch.Tensor:
    """A variable at the end."""
    parts = torch.split(ran.last.x, [math.prod(ran.f.shapes[n]) for n in ran.f.names])
    return dict(zip(ran.f.names, parts, strict=True))[name]


def unbounded(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """The loss falls without bound the way that the run went or that is told, or becomes ever lower there."""
    end = ran.last_finite
    told = finding["evidence"].get("direction", {})
    every = [label for name in ran.f.names for label in labels(name, ran.f.shapes[name])]
    direction = torch.tensor([float(told.get(label, 0.0)) for label in every], dtype=torch.float64)
    ways = [end.x - ran.first.x, *([direction, direction.round(decimals=2)] if bool(direction.any()) else [])]
    lower = any(ran.f.has_ever_lower(end.x, way) for way in ways)
    yield CAUSE, leaves(ran) or lower, "the loss does not fall for ever that way"


def no_minimum(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """The loss goes on falling, ever more slowly, as the variables grow."""
    end = ran.last_finite
    later = ran.outcome(
        min(10 * max(ran.last.iteration, 10), max(ran.most // 5, ran.last.iteration + 10)), dtype="float64"
    )
    grows = later is not None and float((later.x - ran.first.x).norm()) > 1.05 * float((end.x - ran.first.x).norm())
    lower = later is not None and later.loss < end.loss
    way = end.x - ran.first.x
    values = [ran.f.value(end.x + t * way) for t in (0, 1, 3, 10, 30)]
    falls = all(b <= a for a, b in itertools.pairwise(values))
    yield CAUSE, grows and lower and falls, f"grows: {grows}, lower: {lower}, falls on: {falls}"
    limit, far = finding["evidence"].get("limit"), finding["evidence"].get("distance")
    if limit is not None and far is not None:
        direction = way / float(way.norm())
        near, beyond = (abs(ran.f.value(end.x + by * far * direction) - limit) for by in (1, 100))
        yield NUMBERS, beyond <= near, f"limit {limit:.6g}: {near:.3g} from it at {far:.3g}, {beyond:.3g} beyond"


def not_finite(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """A number that is not finite arose in that iteration, and there, the part that is named has it."""
    evidence, last = finding["evidence"], ran.last
    here = evidence.get("iteration") == last.iteration and not last.is_finite
    before = all(state.is_finite for state in ran.states[:-1])
    yield CAUSE, here and before, f"iteration {last.iteration}, finite: {last.is_finite}"
    if "iteration -1" in finding["message"]:
        yield NUMBERS, False, "there is no iteration -1"
    if evidence.get("during") == "forward" and evidence.get("text"):
        result = ran.f.part(evidence["text"], last.x, getattr(torch, ran.settings["dtype"]))
        bad = result[~result.isfinite()] if result.dim() else result
        told = float(str(evidence["value"]))
        is_it = bool(bad.numel()) and (math.isnan(told) == math.isnan(float(bad.reshape(-1)[0])))
        yield NUMBERS, is_it, f"{evidence['text']} is {result.reshape(-1)[:4].tolist()}"


def dead_relu(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """The part is 0 everywhere, the gradient is exactly 0, and the loss is above its lowest value."""
    result = ran.f.part(finding["evidence"]["text"], ran.last.x, getattr(torch, ran.settings["dtype"]))
    zero = not bool(result.any())
    holds = zero and ran.last.slope == 0 and ran.is_above is not False
    yield CAUSE, holds, f"0 everywhere: {zero}, |g| {ran.last.slope:.3g}, above the lowest: {ran.is_above}"


def uphill(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """Where the step began a curvature is negative, and the loss rose."""
    iteration = finding["evidence"]["iteration"]
    by_iteration = {state.iteration: state for state in ran.states}
    a, b = by_iteration.get(iteration), by_iteration.get(iteration + 1)
    found = None if a is None else ran.f.eigen(a.x)
    if a is None or b is None or found is None:
        yield CAUSE, False, "no such step"
        return
    along = float(a.gradient @ (b.x - a.x))
    holds = float(found[0][0]) < 0 and b.loss > a.loss and along > 0
    yield CAUSE, holds, f"curvature {float(found[0][0]):.3g}, loss {a.loss:.6g} to {b.loss:.6g}"


def overflow_recovered(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:  # noqa: ARG001
    """The loss rose far above its start, and came down again."""
    top = max(state.loss for state in ran.states if state.is_finite)
    rose = top > ran.first.loss + 10 * max(abs(ran.first.loss), 1e-30)
    yield (
        CAUSE,
        rose and not ran.failed and ran.last.loss < 0.5 * top,
        f"{ran.first.loss:.3g}, {top:.3g}, {ran.last.loss:.3g}",
    )


def broadcast(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """The part is a matrix of all pairs, though neither of what it is made of is one."""
    shape = tuple(ran.f.part(finding["evidence"]["text"], ran.first.x, torch.float64).shape)
    yield CAUSE, len(shape) == 2 and shape[0] == shape[1] > 1, f"shape {shape}"


def unexplained(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """It is above the lowest value, or not at rest."""
    holds = bool(ran.is_above) or not has_arrived(finding, ran)
    yield CAUSE, holds, f"above the lowest: {ran.is_above}, |g| {ran.last.slope:.3g}"
