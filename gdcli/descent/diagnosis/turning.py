"""A run that goes back and forth: oscillating about the minimum, or zig-zagging along a valley."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from gdcli.contract.diagnosis import Finding, Remedy
from gdcli.contract.short import short
from gdcli.descent.diagnosis.remedies import best_that_works, falling_rate, with_rate
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.speed import best_on_quadratic, counting, nearby

_TURNS = -0.4  # the cosine of successive gradients below which they turn
_ASIDE = 0.7  # what is left of two successive gradients, summed, is aside of them up to this cosine
_REMAINS = 1e-3  # size of that sum, relative to the gradient, below which there is no such direction
_RISES = 0.15  # the share of steps after which the loss is larger
_MOSTLY = 0.3  # the share of rises up to which a loss falls, in a valley
_MUCH = 3
_ENOUGH = 4  # states from which on it can be said that a gradient becomes small
_SMALL = 0.02
_ROUNDING = 50


def turning(run: Run) -> Finding | None:
    """Oscillation and zig-zag, by the cosine of successive gradients, and by steps after which the loss is larger.

    Two successive gradients that point against each other and leave nothing aside of them, or nothing at all, belong to
    an oscillation; in a zig-zag along a valley their sum points along the valley.
    """
    if run.failed or run.final.iteration < 3 or run.problem.is_random:
        return None
    cosines, aside = _angles(run)
    if not cosines:
        return None
    cosine = _median(cosines)
    share = run.trace.rises / run.final.iteration
    evidence: dict[str, Any] = {"cosine": cosine, "rising_steps": share, "lr": run.lr}
    if cosine <= _TURNS:
        return _against(run, cosine, aside, evidence)
    if share < _RISES or run.has_arrived or run.is_minimum or _rises_are_rounding(run):
        return None
    message = (
        f"oscillating: the loss {'decreases' if run.settings.maximize else 'increases'} in {share:.0%} of the steps"
    )
    message += " because the momentum overshoots" if run.rule and run.rule.momentum else ""
    return Finding("oscillating", message, _calmer(run), evidence)


def _rises_are_rounding(run: Run) -> bool:
    """Whether the loss changes by no more than its rounding in the second half of the run."""
    pairs = run.pairs[len(run.pairs) // 2 :]
    return all(abs(a.loss - b.loss) <= _ROUNDING * run.eps * max(abs(a.loss), abs(b.loss)) for a, b in pairs)


def _against(run: Run, cosine: float, aside: list[float], evidence: dict[str, Any]) -> Finding | None:
    """Gradients that point against each other: no trouble in a run that has arrived and would do so no sooner."""
    is_plain = run.is_linear and run.rule is not None and not run.rule.momentum
    if (run.has_arrived or _settles(run)) and not (run.is_quadratic and is_plain and not run.is_still):
        return None
    cure = _calmer(run)
    if run.has_arrived and cure is None:
        return None
    turns = f"successive gradients oppose each other (cosine {short(cosine, 2)})"
    if aside and _median(aside) <= _ASIDE and run.trace.rises <= _MOSTLY * run.final.iteration and _is_valley(run):
        message = f"zig-zag: {turns}, and only their sum points along the valley"
        return Finding("zig-zag", message, cure, evidence | {"progress_cosine": _median(aside)})
    share = _overshoots(run)
    steps = "each step overshoots" if share == 1 else f"{share:.0%} of the steps looked at overshoot"
    direction = "its direction" if share == 1 else "their direction"
    message = f"oscillating: {turns}, and {steps} the best point along {direction}"
    return Finding("oscillating", message, cure, evidence | {"overshoots": share})


def _overshoots(run: Run) -> float:
    """The share of steps in the second half at whose end the loss rises in the direction of the step."""
    ends = []
    for a, b in run.pairs[len(run.pairs) // 2 :]:
        step = [y - x for x, y in zip(run.point(a), run.point(b), strict=True)]
        ends.append(sum(g * d for g, d in zip(run.gradient(b), step, strict=True)) > 0)
    return sum(ends) / max(len(ends), 1)


def _settles(run: Run) -> bool:
    """Whether the gradient becomes a hundred times smaller over the second half."""
    half = [run.slope(b) for _, b in run.pairs if 2 * b.iteration >= run.final.iteration]
    quarter = max(len(half) // 4, 1)
    return len(half) > _ENOUGH and max(half[-quarter:]) < _SMALL * max(half[:quarter])


def _is_valley(run: Run) -> bool:
    """Whether the loss at the end is curved far less in one direction than in another, as far as that is known."""
    return run.end is None or abs(run.end.smallest) < run.end.spectrum.size / _MUCH


def _angles(run: Run) -> tuple[list[float], list[float]]:
    """The cosines of successive gradients, and how far their sum is aside of them, in the second half of a run."""
    noise = _ROUNDING * run.rounding
    cosines, aside = [], []
    pairs = [(a, b) for a, b in run.pairs if run.slope(a) > noise and run.slope(b) > noise]
    late = [b for _, b in run.pairs if 2 * b.iteration >= run.final.iteration]
    if not run.is_quadratic and 2 * sum(run.slope(b) > noise for b in late) < len(late):
        return [], []  # where gradients are mostly rounding, the rest says nothing of the run
    for a, b in pairs[len(pairs) // 2 :]:
        one, other = run.gradient(a), run.gradient(b)
        cosine = _cosine(one, other)
        cosines.append(cosine)
        total = [u + v for u, v in zip(one, other, strict=True)]
        if cosine < 0:
            remains = math.hypot(*total) > _REMAINS * math.hypot(*one)
            aside.append(abs(_cosine(one, total)) if remains else 1.0)
    return cosines, aside


def _median(numbers: list[float]) -> float:
    return sorted(numbers)[len(numbers) // 2]


def _cosine(a: list[float], b: list[float]) -> float:
    length = math.hypot(*a) * math.hypot(*b)
    return sum(u * v for u, v in zip(a, b, strict=True)) / length if length else 0.0


def _calmer(run: Run) -> Remedy | None:
    """Less of what makes it turn: what theory recommends on a quadratic, elsewhere the best of what is tried."""
    values = counting(run, run.end) if run.end is not None else []
    if (
        run.is_quadratic
        and run.is_linear
        and values
        and (found := best_that_works(run, [best_on_quadratic(run, values)]))
    ):
        return found
    return best_that_works(run, _candidates(run, values))


def _candidates(run: Run, values: list[float]) -> Iterator[dict[str, Any]]:
    if run.is_linear and values:
        yield from nearby(run, values)
    if run.is_linear and run.rule is not None and run.end is not None and run.end.largest > 0:
        yield with_rate(run, min(run.lr, run.rule.bound(run.end.largest)) / 2)
    yield with_rate(run, run.lr / 10)
    yield from falling_rate(run)
