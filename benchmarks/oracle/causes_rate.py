"""Causes that lie in the learning rate or the momentum, and how fast a run is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from oracle.ran import Ran, State

Judged = tuple[str, bool | None, str]
"""A kind of statement, whether it holds, and why."""
CAUSE, NUMBERS = "the cause", "its numbers"
_SMALLER = (0.98, 0.9, 0.7, 0.5, 0.2, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10, 1e-13)


def too_large(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """A smaller rate ends lower, the loss does have a lowest value, and the bound is that of the curvature there."""
    lower = next((rate for rate, end in _with_smaller_rates(ran) if _is_lower(ran, end)), None)
    falls = leaves(ran)
    why = "the loss falls without bound" if falls else f"a smaller rate that ends lower: {lower and f'{lower:.3g}'}"
    yield CAUSE, lower is not None and not falls, why
    evidence = finding["evidence"]
    if evidence.get("bound") is None or ran.settings["lrs"] or evidence.get("largest") is None:
        return
    at = next((state for state in ran.states if state.iteration == evidence["iteration"]), None)
    found = None if at is None else ran.f.eigen(at.x)
    if at is None or found is None:
        yield NUMBERS, False, f"no curvature at iteration {evidence['iteration']}"
        return
    largest = float(found[0][-1]) + decay_of(ran)
    bound = _bound(ran, largest)
    holds = math.isclose(largest, evidence["largest"], rel_tol=0.01) and ran.first.lr >= bound * (1 - 1e-5)
    yield NUMBERS, holds, f"L = {largest:.6g}, told {evidence['largest']:.6g}; bound {bound:.6g}"


def decay_of(ran: Ran) -> float:
    """The weight decay that acts as curvature."""
    return 0.0 if ran.settings["optimizer"] == "adamw" else float(ran.settings["weight_decay"] or 0.0)


def _bound(ran: Ran, largest: float) -> float:
    """The rate from which on an error grows along this curvature: of gradient descent, with momentum or Nesterov's."""
    momentum = float(ran.settings["momentum"] or 0.0)
    if largest <= 0:
        return math.inf
    if ran.settings["nesterov"] or ran.settings["optimizer"] == "manual-nesterov":
        return 2 * (1 + momentum) / ((1 + 2 * momentum) * largest)
    gain = 1 - float(ran.settings["dampening"] or 0.0) if momentum else 1.0
    return 2 * (1 + momentum) / (gain * largest)


def _with_smaller_rates(ran: Ran, **changes: Any) -> Iterator[tuple[float, State]]:
    """The end of the same run with smaller rates."""
    for factor in _SMALLER:
        lrs = {name: rate * factor for name, rate in ran.settings["lrs"].items()}
        end = ran.outcome(max(ran.settings["steps"], 1), lr=ran.first.lr * factor, lrs=lrs, **changes)
        if end is not None:
            yield ran.first.lr * factor, end


def _is_lower(ran: Ran, end: State) -> bool:
    """Whether an end lies clearly below the start, and below that of the run."""
    bar = ran.first.loss if ran.first.is_finite else math.inf
    if not ran.failed:
        bar = min(bar, ran.last.loss)
    return end.loss < bar - 10 * ran.eps * abs(bar) if math.isfinite(bar) else True


def leaves(ran: Ran) -> bool:
    """Whether the loss falls without bound the way that the run went."""
    if ran.lowest == -math.inf:
        return True
    end = ran.last_finite
    before = next((state for state in reversed(ran.states) if state.iteration < end.iteration), None)
    ways = [-ran.f.gradient(end.x)] + ([end.x - before.x, end.x - ran.first.x] if before is not None else [])
    return any(ran.f.falls_for_ever(end.x, way) for way in ways)


def momentum_too_large(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """With less momentum, the rate as it is or smaller, the run ends lower."""
    tried = (end for momentum in (0.9, 0.5) for _, end in _with_smaller_rates(ran, momentum=momentum))
    yield CAUSE, any(_is_lower(ran, end) for end in tried), "no smaller momentum ends lower"
    yield NUMBERS, ran.settings["momentum"] == finding["evidence"]["momentum"], str(finding["evidence"])


def has_arrived(finding: dict[str, Any], ran: Ran) -> bool:
    """Whether the gradient is as small as it should become, or all rounding."""
    return not ran.failed and ran.last.slope <= max(ran.goal(finding), 100 * ran.rounding)


def slow(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """It is not there, and going on brings it nearer."""
    steps = min(10 * max(ran.last.iteration, 10), max(ran.most // 5, ran.last.iteration + 10))
    later = ran.outcome(steps, dtype="float64")
    drop = abs(ran.first.loss - ran.last.loss)
    little = min(1e-6 * drop, 1e-2 * abs(ran.last.loss))
    nearer = later is not None and (later.loss < ran.last.loss - little or later.slope < 0.5 * ran.last.slope)
    far = not has_arrived(finding, ran)
    ends = "nothing finite" if later is None else f"loss {later.loss:.6g}, |g| {later.slope:.3g}"
    yield (
        CAUSE,
        far and nearer,
        f"arrived: {not far}; after {steps:,} steps: {ends}; at the end |g| {ran.last.slope:.3g}",
    )
    yield from curvatures(finding, ran)


def rate(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """It is there, or has been."""
    came = has_arrived(finding, ran) or any(state.slope <= ran.goal(finding) for state in ran.states)
    yield CAUSE, came, f"|g| {ran.last.slope:.3g}, goal {ran.goal(finding):.3g}"
    yield from curvatures(finding, ran)


def curvatures(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """The curvatures that are told are eigenvalues where they are said to be."""
    evidence = finding["evidence"]
    told = [float(evidence[name]) for name in ("smallest", "largest") if isinstance(evidence.get(name), float)]
    at = next((state for state in ran.states if state.iteration == evidence.get("iteration")), None)
    found = None if at is None else ran.f.eigen(at.x)
    if not told or ran.settings["lrs"] or found is None:
        return
    values = [float(value) + decay_of(ran) for value in found[0]]
    noise = 1e-9 * max(map(abs, values))
    holds = all(any(math.isclose(t, value, rel_tol=0.01, abs_tol=noise) for value in values) for t in told)
    yield NUMBERS, holds, f"told {told}, eigenvalues {[f'{value:.6g}' for value in values[:6]]}"


def badly_scaled(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    """A large condition number that a scaling of the variables makes at least ten times smaller.

    Or one with which the gradient is small though the loss could still fall, to what Newton's step gives.
    """
    if "lowest" in finding["evidence"]:
        yield from _nearly_flat(finding, ran)
        return
    matrix = ran.f.hessian((ran.first if "at the start" in finding["message"] else ran.last_finite).x)
    diagonal = matrix.diagonal()
    if not bool(matrix.isfinite().all()) or not bool((diagonal > 0).all()):
        yield CAUSE, False, "no curvature along a variable"
        return
    before = float(matrix.det()) and _condition(matrix.svd().S)
    after = _condition((matrix / diagonal.sqrt() / diagonal.sqrt()[:, None]).svd().S)
    yield CAUSE, before >= 1e3 and after <= before / 10, f"condition {before:.3g}, scaled {after:.3g}"


def _nearly_flat(finding: dict[str, Any], ran: Ran) -> Iterator[Judged]:
    end, told = ran.last_finite, finding["evidence"]
    matrix = ran.f.hessian(end.x)
    lowest = ran.f.value(end.x - torch.linalg.solve(matrix, ran.f.gradient(end.x)))
    condition = _condition(matrix.svd().S)
    yield CAUSE, condition > 1e4 and lowest < end.loss, f"condition {condition:.3g}, lowest {lowest:.6g}"
    holds = math.isclose(condition, told["ratio"], rel_tol=0.01) and abs(lowest - told["lowest"]) <= 1e-3 * abs(
        end.loss
    )
    yield NUMBERS, holds, f"told {told['ratio']:.4g} and {told['lowest']:.6g}"


def _condition(values: Any) -> float:
    return float(values.max() / values.min()) if float(values.min()) > 0 else math.inf
