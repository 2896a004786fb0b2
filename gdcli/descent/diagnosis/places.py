"""Where a run ended, when that is no minimum: a saddle or a maximum, a plateau, the end of what a dtype can tell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from gdcli.contract.descent import StopReason
from gdcli.contract.diagnosis import Finding
from gdcli.contract.short import short
from gdcli.descent.diagnosis.beside import LOOKS, lower_beside, sides
from gdcli.descent.diagnosis.local import LocalCurvature
from gdcli.descent.diagnosis.remedies import best_that_works, other_starts, with_rate
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.surface import axis
from gdcli.descent.diagnosis.words import direction_in_words, parts_of
from gdcli.descent.loop import State
from gdcli.descent.snapshot import same, size

_NEAR = 1e-3
"""A place is next to a critical point when Newton's step there is at most so long, relative to 1 + |x|."""
NEGATIVE = 1e-6
"""Size of a negative eigenvalue, relative to the largest, from which on it is one."""
_NEAR_A_SADDLE = 1e-2  # a run that leaves it does so slowly at first
_OWN = 10  # so many times the gradient's own curvature is one
_FLAT = 1e-3  # a gradient that would change the loss by less than this part of it, over a distance of 1 + |x|, is small
_LITTLE = 0.02  # a way, relative to 1 + |x|, that is hardly any
_FEW = 5  # steps from which on a standstill is one
_DIGITS = 4  # so many spacings of the dtype are the last digit
_MOVES = (0.1, 1.0, 3.0)  # of another start, relative to 1 + |x|
_AT_THE_START = frozenset(
    [StopReason.CONVERGED_GRAD, StopReason.CONVERGED_LOSS, StopReason.CONVERGED_X, StopReason.STATIONARY]
)
"""Why a run may end at its start, though it could go on."""


def is_near(run: Run, local: LocalCurvature, near: float = _NEAR) -> bool:
    """Whether the end is next to a place where the gradient is 0, by the curvature."""
    return local.newton_distance <= near * run.scale(run.final)


def rests(run: Run) -> bool:
    """Whether the last step was short."""
    return math.dist(run.point(run.final), run.point(run.trace.previous)) <= _NEAR * run.scale(run.final)


def saddle(run: Run) -> Finding | None:
    """A critical point from which the loss falls, along an eigenvector of a negative eigenvalue, as evaluated there."""
    local = run.end
    starts_there = run.slope(run.first) == 0
    if run.failed or run.is_minimum or local is None or local.spectrum.size == 0:
        return None
    if (run.final.iteration == 0 and not starts_there and run.reason not in _AT_THE_START) or not rests(run):
        return None
    if local.smallest > -NEGATIVE * local.spectrum.size or not is_near(run, local, _NEAR_A_SADDLE):
        return None
    # Beside a ring of minima the curvature along it is -slope / radius: that is the gradient's own, and no way down.
    if -local.smallest * run.scale(run.final) <= _OWN * local.slope:
        return None
    vector = local.direction(0)
    if not any(all(sides(run.surface, run.point(run.final), vector, by)) for by in LOOKS):
        return None
    curvature = run.sign * run.surface.curvature(run.point(run.final), vector)
    kind, verb = ("maximum" if local.is_concave else "saddle"), "decreases"
    if run.settings.maximize:
        kind, verb = ("minimum" if local.is_concave else "saddle"), "increases"
    place = f"{kind} point" if kind == "saddle" else kind
    message = (
        f"{'started' if starts_there else 'stuck'} at a {place}: the gradient norm is "
        f"{short(run.slope(run.final), 3)}, but the curvature is {short(curvature, 4)} "
        f"{direction_in_words(vector, run.labels)}, so the loss {verb} in both directions"
    )
    evidence = {
        "kind": kind,
        "gradient_norm": run.slope(run.final),
        "eigenvalue": curvature,
        "direction": parts_of(vector, run.labels),
        "iteration": run.final.iteration,
    }
    return Finding("saddle", message, best_that_works(run, other_starts(run, vector, _MOVES[:2])), evidence)


def stationary(run: Run) -> Finding | None:
    """A start at which the gradient is 0, or as small as the tolerance, though the loss is lower beside it."""
    if run.failed or run.is_minimum or run.problem.is_random:
        return None
    if not (run.slope(run.first) == 0 or (run.final.iteration == 0 and run.reason in _AT_THE_START)):
        return None
    if not same(run.first.values, run.final.values):  # a weight decay moves it
        return None
    looks = (
        LOOKS if run.final.iteration else (*LOOKS, *_MOVES)
    )  # a plateau on which a run moves is found by its curvature
    found = lower_beside(run.surface, run.point(run.final), looks)
    if found is None:
        return None
    there, i = found
    lower, slope, label = run.sign * run.surface(there), run.slope(run.final), run.labels[i]
    message = (
        f"the gradient is {short(slope, 3) if slope else 'exactly 0'} at the start, which is no "
        f"{'maximum' if run.settings.maximize else 'minimum'}: at {label} = {short(there[i], 6)} the loss is "
        f"{short(lower, 6)}, and here {short(run.final.loss, 6)}"
    )
    evidence = {"gradient_norm": slope, "variable": label, "at": there[i], "loss_there": lower}
    return Finding(
        "stationary", message, best_that_works(run, other_starts(run, axis(len(there), i), _MOVES)), evidence
    )


def vanishing_gradient(run: Run) -> Finding | None:
    """A plateau: hardly any gradient, or hardly any way made, where curvature says that no minimum is near."""
    local = run.end
    if run.failed or run.is_minimum or run.final.iteration == 0 or local is None or run.final.loss == 0:
        return None
    if local.spectrum.size > 0:
        along = local.along_gradient
        if along is None or along > 0 or is_near(run, local) or not _is_flat(run):
            return None
        about = f"on a plateau, where it grows along the step (curvature {short(run.sign * along, 3)})"
    elif local.slope == 0:
        along, about = 0.0, "and so is the curvature: the loss is flat to second order"
    else:
        return None
    slope = run.slope(run.final)
    evidence = {
        "gradient_norm": slope,
        "curvature": run.sign * along,
        "iteration": run.final.iteration,
        "moved": math.dist(run.point(run.final), run.point(run.first)),
    }
    message = f"vanishing gradient: its norm is {short(slope, 3) if slope else 'exactly 0'} {about}"
    return Finding("vanishing-gradient", message, best_that_works(run, _off_a_plateau(run, slope)), evidence)


def _is_flat(run: Run) -> bool:
    """Whether the gradient is small for the loss that there is, or just small and has moved hardly anything."""
    slope, scale = run.slope(run.final), run.scale(run.final)
    size = max(abs(run.loss(run.final)), abs(run.loss(run.final) - run.loss(run.first)))
    moved = math.dist(run.point(run.final), run.point(run.first))
    if slope * scale <= max(_FLAT * size, _FLAT**2):
        return True
    return slope * scale <= 10 * _FLAT * max(size, 1.0) and run.final.iteration >= 10 and moved <= _LITTLE * scale


def _off_a_plateau(run: Run, slope: float) -> Iterator[dict[str, Any]]:
    """Rules whose steps do not shrink with the gradient; and other starts."""
    if slope > 0:
        for name, lr in (("rprop", 0.1), ("adam", 0.1)):
            if run.settings.optimizer != name and not run.settings.lrs:
                yield {"optimizer": name, "lr": lr}
    yield from other_starts(run, [1.0] * len(run.labels), _MOVES)


def float_floor(run: Run) -> Finding | None:
    """Steps too small for the dtype to show, though the gradient is not 0: nothing moves, or only the last digit.

    Whether it is the dtype that ends the run, a run in float64 tells: it comes nearer, or has come nowhere better.
    """
    slope, dtype = run.slope(run.final), run.settings.dtype
    since = _still_since(run)
    if run.failed or slope == 0 or since is None or run.trace.acts or not any(run.rates(run.final).values()):
        return None
    step, spacing = _largest_step(run, run.final)
    evidence = {"since": since, "step": step, "spacing": spacing, "dtype": dtype, "gradient_norm": slope}
    message = f"limit of {dtype} precision: since iteration {since} "
    if not run.is_still:
        message = (
            f"limit of {dtype} precision: since iteration {since} at the latest, only the last digit changes "
            f"({short(spacing, 2)})"
        )
    elif run.rule is not None and step < spacing:
        message += (
            f"the step, lr * gradient = {short(step, 2)}, is less than half the spacing between adjacent numbers, "
            f"{short(spacing, 2)}, so nothing changes"
        )
    else:
        message += "the steps are too small to change the variables"
    local = run.end
    if local is not None and run.rule is not None and local.largest > 0 and not is_near(run, local):
        cure = best_that_works(run, [with_rate(run, run.rule.bound(local.largest) / 2)])
    else:
        cure = best_that_works(run, [] if dtype == "float64" else [{"dtype": "float64"}])
    if cure is None and (run.rule is None or run.is_minimum):
        return None
    return Finding("float-floor", message, cure, evidence)


def _still_since(run: Run) -> int | None:
    """The iteration from which on nothing moves, or, at the latest, the last digit only; None when something does."""
    if run.is_still:
        return run.final.iteration - run.trace.still
    half = run.at_or_after((run.final.iteration + 1) // 2)
    if run.final.iteration - half.iteration < _FEW:
        return None
    near = (
        abs(a - b) <= _DIGITS * max(_spacing(a, run.eps), _spacing(b, run.eps))
        for a, b in zip(run.point(half), run.point(run.final), strict=True)
    )
    return half.iteration if all(near) else None


def _largest_step(run: Run, step: State) -> tuple[float, float]:
    """The step ``lr * gradient`` of the element that is nearest to moving, and the spacing of the dtype there."""
    rates = run.rates(step)
    lrs = [rates[name] for name in run.problem.wrt for _ in range(size(step.values[name]))]
    found = [
        (lr * abs(g), _spacing(x, run.eps)) for lr, g, x in zip(lrs, run.gradient(step), run.point(step), strict=True)
    ]
    return max(found, key=lambda each: each[0] / each[1])


def _spacing(x: float, eps: float) -> float:
    """The distance to the next larger number of a dtype."""
    return math.ldexp(eps, math.frexp(x)[1] - 1) if x else math.ulp(0.0)
