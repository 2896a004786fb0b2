"""Descents that go back and forth, or come back to the same place."""

from __future__ import annotations

import math

from gdcli.contract.short import short
from gdcli.contract.watch import WatchFinding
from gdcli.descent.diagnosis.words import point_in_words
from gdcli.watching.findings.case import EPS, Case
from gdcli.watching.findings.remedies import other_rate

_TURNS = -0.4  # the cosine of successive gradients below which they turn, as in minimize
_ENOUGH = 8  # pairs
_SETTLED = 0.02  # of the largest gradient: what is left of one that has come to rest
_ARRIVED = 1e-2  # of the first loss
_LONGEST = 10  # states of a cycle
_SPACINGS = 100  # a cycle within so many spacings of the dtype is rounding


def oscillating(case: Case) -> WatchFinding | None:
    """Successive gradients that point against each other, in a run that has not come to rest."""
    cosines = case.cosines[len(case.cosines) // 2 :]
    if len(cosines) < _ENOUGH or not case.is_repeatable or case.descent.not_finite is not None:
        return None
    middle = sorted(cosines)[len(cosines) // 2]
    slopes = [math.hypot(*grad) for _, _, grad in case.points]
    if middle > _TURNS or slopes[-1] <= _SETTLED * max(slopes) or case.rate is None:
        return None
    losses = [each.loss for each in case.finite]
    if not case.is_plain and losses[-1] <= _ARRIVED * losses[0]:  # rules of a constant length turn at their end
        return None
    evidence = {"cosine": middle, "lr": case.rate, "gradient_norm": slopes[-1]}
    message = f"successive gradients oppose each other (median cosine {short(middle, 2)} in the second half)"
    change, remedy = "use a smaller rate", other_rate(case, case.rate / 2)
    products = sorted(lr * change_ / length for _, length, change_, lr in case.secants[len(cosines) :])
    if products and case.is_plain:
        product = products[len(products) // 2]
        evidence["lr_times_curvature"] = product
        message += f", and lr {short(case.rate, 4)} is {short(product, 3)} / L: each step goes beyond the best point"
        best = short(case.rate / product, 2)
        change = f"use a smaller rate, such as 1 / L = {best}; by the curvature on the way"
        remedy = other_rate(case, case.rate / product)
        if product <= 1:
            return None
    return case.finding("oscillating", message, case.rate_place, evidence, change, remedy=remedy)


def cycling(case: Case) -> WatchFinding | None:
    """The same places again and again at the end of a run."""
    points = case.points
    if not case.is_repeatable or case.descent.not_finite is not None:
        return None
    for period in range(2, _LONGEST + 1):
        if len(points) <= 2 * period or points[-1][0] - points[-1 - 2 * period][0] != 2 * period:
            continue
        tail = [value for _, value, _ in points[-1 - 2 * period :]]
        if any(tail[i] != tail[i + period] for i in range(period + 1)):
            continue
        apart = max(math.dist(tail[0], each) for each in tail if len(each) == len(tail[0]))
        dtype = next((leaf.dtype for leaf in case.reached), "float32")
        if apart <= _SPACINGS * EPS.get(dtype, 2.0**-23) * (1 + math.hypot(*tail[0])):
            return None
        return _cycle(case, period, tail)
    return None


def _cycle(case: Case, period: int, tail: list[list[float]]) -> WatchFinding:
    points = case.points
    since = next(
        points[i][0] for i in range(len(points) - period) if all(
            points[k][1] == points[k + period][1] for k in range(i, len(points) - period)
        )
    )  # fmt: skip
    labels = _labels(case)
    if period == 2 and len(labels) <= 2 and len(labels) == len(tail[0]):
        ends = " and ".join(point_in_words(each, labels) for each in tail[:2])
        message = f"since iteration {since} the loop alternates between {ends}"
    else:
        message = f"since iteration {since} the same {period} places come again and again"
    losses = sorted({each.loss for each in case.iterations[-period:]})
    evidence = {"since": since, "period": period, "losses": losses, "lr": case.rate}
    remedy = None if case.rate is None else other_rate(case, case.rate / 2)
    change = "use a smaller rate, or one that falls"
    return case.finding("cycling", message, case.rate_place, evidence, change, remedy=remedy)


def _labels(case: Case) -> list[str]:
    """A name for each number of a point."""
    found: list[str] = []
    for name in sorted(case.iterations[-1].reached):
        leaf = case.descent.leaves[name]
        found += [name] if not leaf.shape else [f"{name}[{i}]" for i in range(leaf.count)]
    return found
