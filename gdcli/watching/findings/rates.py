"""Learning rates that are too large or too small for the curvature that a descent met, and the end of a dtype."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from gdcli.contract.short import short
from gdcli.contract.watch import WatchFinding
from gdcli.watching.amounts import flat
from gdcli.watching.findings.case import EPS, Case
from gdcli.watching.findings.remedies import longer_dtype, other_rate

_GROWN = 1.5  # times the first loss
_NEAR = 1e4  # times the first loss, up to which secants are taken to be of the place where the descent began
_FAR = 100  # times the first loss, where no bound of the rate is known
_MOSTLY = 0.7  # of the steps
_TINY_STEP = 1e-4  # of the size of a point, per step
_LEAST_STEP = 1e-6  # the same where no curvature is known
_FAR_BELOW = 0.01  # of 1 / L
_TINY_FALL = 1e-2  # of the loss, over the whole run
_STEEP = 1e-2  # of a slope, relative to the loss over the size of the point
_UNCHANGED = 0.5  # the part of the first gradient that is left
_ENOUGH = 10  # iterations from which on a run is called slow


def too_large(case: Case) -> WatchFinding | None:
    """A rate above 2 / L, where L is at least |change of gradient| / |step|, in a descent whose loss grew."""
    if not _grew(case) or not case.has_one_shape or case.rate is None:
        return None
    secants, momentum = case.secants, _momentum(case)
    if momentum is None or not secants:
        return _by_growth(case)
    factor = 2 * (1 + momentum)
    above = [each for each in secants if case.rate * each[2] / each[1] > factor]
    if 2 * len(above) < len(secants):
        return _by_growth(case)
    number, length, change = _steepest(case, above)
    curvature = change / length
    bound = factor / curvature
    formula = "2 / L" if not momentum else f"2 (1 + momentum) / L with momentum {short(momentum, 3)}"
    losses = [each.loss for each in case.finite]
    evidence = {"lr": case.rate, "L": curvature, "bound": bound, "momentum": momentum, "iteration": number}
    evidence |= {"first": losses[0], "last": losses[-1]}
    message = (
        f"lr {short(case.rate, 4)} > {formula} = {short(bound, 4)}: L is at least |change of gradient| / |step| = "
        f"{short(change, 4)} / {short(length, 4)} = {short(curvature, 4)} (iteration {number} to {number + 1}); the "
        f"loss grew from {short(losses[0], 4)} to {short(losses[-1], 4)}"
    )
    return case.finding("learning-rate-too-large", message, case.rate_place, evidence,
                        f"use a rate well below {short(bound, 4)}, such as {short(bound / 2, 4)}: the curvature that "
                        "was seen may not be the largest", remedy=other_rate(case, bound / 2))  # fmt: skip


def _steepest(case: Case, secants: Sequence[tuple[int, float, float, float]]) -> tuple[int, float, float]:
    """The steepest of some secants, of those near the start: where the loss has not yet become a far larger one.

    The first secants of a descent that diverges are mixtures of all directions; later ones are those of the steepest.
    """
    losses = {each.number: each.loss for each in case.finite}
    most = _NEAR * max(abs(case.finite[0].loss), 1e-30)
    near = [each for each in secants if losses.get(each[0], math.inf) <= most] or secants[:1]
    number, length, change, _ = max(near, key=lambda each: each[2] / each[1])
    return number, length, change


def _momentum(case: Case) -> float | None:
    """The momentum of the rule; None for a rule that is neither plain gradient descent nor has plain momentum."""
    if case.optimizer is None:
        return 0.0 if case.is_plain and not case.descent.optimizers else None
    group = case.optimizer.groups[0] if case.optimizer.groups else {}
    if case.optimizer.name != "SGD" or group.get("nesterov") or group.get("dampening") or group.get("maximize"):
        return None
    return float(group.get("momentum") or 0.0) if not isinstance(case.iterations[0].lr, list) else None


def _by_growth(case: Case) -> WatchFinding | None:
    """A loss that grows and grows, of leaves or of a rule for which no bound is known."""
    losses = [each.loss for each in case.finite]
    rises = sum(b > a for a, b in itertools.pairwise(losses))
    if case.rate is None or losses[-1] < _FAR * abs(losses[0]) or rises < _MOSTLY * (len(losses) - 1):
        return None
    then = "" if case.descent.not_finite is None else ", and then was not finite"
    message = (
        f"the loss grew from {short(losses[0], 4)} to {short(losses[-1], 4)} in {len(losses)} iterations{then}: "
        f"lr {short(case.rate, 4)} may be too large"
    )
    evidence = {"lr": case.rate, "first": losses[0], "last": losses[-1], "rises": rises}
    remedy = other_rate(case, case.rate / 10)
    change = "use a smaller rate"
    if case.optimizer is None:
        change += "; if the loss grows with every rate, look at the sign of the update: x -= lr * x.grad descends"
    return case.finding(
        "learning-rate-too-large", message, case.rate_place, evidence, change, guess=True, remedy=remedy
    )


def _grew(case: Case) -> bool:
    """Whether the loss ended above its start, also by becoming inf or NaN in an update."""
    losses = [each.loss for each in case.finite]
    if len(losses) < 3:
        return False
    return losses[-1] > losses[0] + (_GROWN - 1) * abs(losses[0]) and losses[-1] >= max(losses) / 2


def too_small(case: Case) -> WatchFinding | None:
    """Steps that are tiny for the place and the slope, over a run in which the loss hardly changed."""
    its = case.finite
    if len(its) < _ENOUGH or case.descent.not_finite is not None or case.stands_still or not case.rate:
        return None
    first, last, losses = its[0], its[-1], [each.loss for each in its]
    slope, size = case.slope(last), case.size(last)
    if not slope * size > _STEEP * abs(last.loss) or max(losses) - min(losses) > _TINY_FALL * abs(first.loss):
        return None
    steps = [math.hypot(*(s.moved for s in each.leaves.values() if s.moved is not None)) for each in its[:-1]]
    if not 0 < max(steps) <= _TINY_STEP * size or not slope > _UNCHANGED * case.slope(first) or not case.is_repeatable:
        return None
    evidence = {"lr": case.rate, "first": first.loss, "last": last.loss, "step": max(steps), "gradient_norm": slope}
    what = (
        f"in {case.descent.count} iterations the loss went from {short(first.loss, 6)} to {short(last.loss, 6)}, with "
        f"steps of at most {short(max(steps), 3)}"
    )
    curvature = _curvature(case)
    if curvature is not None and curvature * case.rate < _FAR_BELOW:
        best = short(1 / curvature, 2)
        evidence |= {"L": curvature, "bound": 2 / curvature}
        message = (
            f"lr {short(case.rate, 4)} is too small: {what}; by the curvature on the way, L = {short(curvature, 3)}, "
            f"1 / L = {best} is {short(1 / curvature / case.rate, 2)} times as large"
        )
        change = f"use a larger rate, up to about 1 / L = {best}: the curvature that was seen may not be the largest"
        remedy = other_rate(case, 1 / curvature)
        return case.finding("learning-rate-too-small", message, case.rate_place, evidence, change, remedy=remedy)
    if max(steps) > _LEAST_STEP * size:
        return None
    message = f"{what}: lr {short(case.rate, 4)} may be too small"
    return case.finding("learning-rate-too-small", message, case.rate_place, evidence, "use a larger rate", guess=True)


def _curvature(case: Case) -> float | None:
    """|change of gradient| / |step| over the whole run; None where it is lost in rounding."""
    if len(case.points) < 2 or not case.is_plain:
        return None
    (_, x, g), (_, y, h) = case.points[0], case.points[-1]
    if len(x) != len(y):
        return None
    step, change = math.dist(x, y), math.dist(g, h)
    dtype = next((leaf.dtype for leaf in case.reached), "float32")
    noise = EPS.get(dtype, 2.0**-23) * max(math.hypot(*g), math.hypot(*h))
    return change / step if step > 0 and change > 10 * noise else None


def float_floor(case: Case) -> WatchFinding | None:
    """Steps that are smaller than half the spacing of the dtype, so that nothing changes, with a gradient left."""
    if not case.stands_still or case.descent.count < 3 or case.rate is None or not case.rate > 0 or not case.iterations:
        return None
    if case.optimizer is not None and case.optimizer.name != "SGD":
        return None
    last = case.iterations[-1]
    nearest: tuple[float, float, str, float] | None = None
    for leaf in case.reached:
        state = last.leaves.get(leaf.name)
        if state is None or leaf.dtype not in EPS or len(flat(state.value)) != len(flat(state.grad)):
            return None
        for x, g in zip(flat(state.value), flat(state.grad), strict=True):
            spacing = math.ldexp(EPS[leaf.dtype], math.frexp(x)[1] - 1) if x else math.ulp(0.0)
            step = case.rate * abs(g)
            if step >= spacing:
                return None
            if step > 0 and (nearest is None or step / spacing > nearest[0] / nearest[1]):
                nearest = step, spacing, leaf.dtype, x
    slope = case.slope(last)
    if nearest is None or not slope * case.size(last) > _STEEP * abs(last.loss):
        return None
    step, spacing, dtype, x = nearest
    evidence = {"step": step, "spacing": spacing, "dtype": dtype, "gradient_norm": slope, "at": x}
    message = (
        f"limit of {dtype} precision: the step, lr * gradient = {short(step, 3)}, is too small to change "
        f"{short(x, 6)}, whose next number is {short(spacing, 3)} away, so nothing moves in {case.descent.count} "
        "iterations"
    )
    change = "use a larger rate, a dtype with more digits (float64), or variables that are scaled to about 1"
    return case.finding("float-floor", message, case.rate_place, evidence, change, remedy=longer_dtype(case))
