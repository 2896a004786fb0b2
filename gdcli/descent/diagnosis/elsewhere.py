"""A run that could have ended lower: elsewhere, with shorter steps, or for no reason that was found."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from gdcli.contract.descent import StopReason
from gdcli.contract.diagnosis import Finding
from gdcli.contract.nested import flat
from gdcli.contract.short import short
from gdcli.descent.diagnosis.beside import LOOKS, sides
from gdcli.descent.diagnosis.local import LocalCurvature
from gdcli.descent.diagnosis.places import NEGATIVE, is_near
from gdcli.descent.diagnosis.remedies import best_that_works, other_starts, with_rate
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.speed import steps_in_words, steps_to_goal
from gdcli.descent.diagnosis.words import point_in_words
from gdcli.descent.snapshot import size

_STARTS = 8
_FAR = (0.3, 1.0, 3.0)
_VALLEY = 1e-4  # the smallest curvature relative to the largest, below which a valley hardly tells its lowest point
_CLEARLY = 1e-3  # of the size of a loss
_FELL_BACK = 1e3  # so many times its first size a loss must have grown to


def local_minimum(run: Run) -> Finding | None:
    """A minimum that is not the lowest: by the known minimum, or because another start ends lower."""
    local = run.end
    if run.failed or local is None or run.final.iteration == 0 or run.settings.bound or run.is_minimum:
        return None
    if local.largest <= 0 or not is_near(run, local) or _falls_aside(run, local) or not _is_next_to_it(run, local):
        return None
    if run.nearest is not None:
        if not run.is_above_minimum or _leads_down(run):
            return None
        cure = best_that_works(run, _starts(run))
        where = _point(run)
        message = (
            f"a local minimum{where}: the loss is {short(run.final.loss, 6)}, and the lowest known is "
            f"{short(run.sign * run.nearest.loss, 6)}"
        )
    else:
        if run.is_quadratic or local.slope > _CLEARLY * max(1.0, run.slope(run.first)):
            return None
        cure = best_that_works(run, _starts(run))
        if cure is None or run.loss(run.final) - run.sign * cure.loss <= _CLEARLY * (1 + abs(run.final.loss)):
            return None
        message = f"a local minimum{_point(run)}: the loss is {short(run.final.loss, 6)}"
        message += ", and from another start it ends lower"
    if run.settings.maximize:
        message = message.replace("minimum", "maximum").replace("lower", "higher").replace("lowest", "highest")
    evidence: dict[str, Any] = {
        "loss": run.final.loss,
        "lowest": run.sign * run.nearest.loss if run.nearest is not None else None,
        "gradient_norm": run.slope(run.final),
        "smallest": local.smallest,
        "iteration": run.final.iteration,
    }
    return Finding("local-minimum", message, cure, evidence)


def _is_next_to_it(run: Run, local: LocalCurvature) -> bool:
    """Whether Newton's step leads to where the gradient is smaller, by as much as a minimum is near."""
    if not local.spectrum.exact or local.slope <= run.rounding:
        return True
    if local.smallest < _VALLEY * local.largest:  # along a curved valley Newton's step may lead anywhere
        return False
    return math.hypot(*run.surface.gradient(run.after_newton(local))) <= local.slope / 2


def _leads_down(run: Run) -> bool:
    """Whether Newton's step leads down to the known minimum: then the run is only not there yet."""
    return run.newton_loss is not None and run.newton_loss < run.loss(run.final) - (run.gap or 0.0) / 2


def _falls_aside(run: Run, local: LocalCurvature) -> bool:
    """Whether the loss falls in a direction in which it is not curved upwards; along a ring of minima it does not."""
    if local.smallest > local.zero:
        return False
    if not local.spectrum.exact or local.smallest < -NEGATIVE * local.spectrum.size:
        return True
    flat_ones = [i for i, value in enumerate(local.spectrum.values) if value <= local.zero]
    point = run.point(run.final)
    return any(any(sides(run.surface, point, local.direction(i), by)) for i in flat_ones for by in LOOKS)


def _point(run: Run) -> str:
    if len(run.labels) > 3:
        return ""
    return f" at {point_in_words(run.point(run.final), run.labels)}"


def _starts(run: Run) -> Iterator[dict[str, Any]]:
    """Other starts: drawn with a fixed seed, around the start and as far from it as the known minimum is."""
    generator = torch.Generator().manual_seed(0)
    reach = run.scale(run.first)
    if run.nearest is not None:
        there = [number for name in run.problem.wrt for number in flat(run.nearest.values[name])]
        reach = max(reach, math.dist(run.point(run.first), there) if len(there) == len(run.labels) else 0.0)
    n = sum(size(x) for x in run.first.values.values())
    for _ in range(_STARTS):
        direction = torch.randn(n, generator=generator, dtype=torch.float64)
        direction = direction / direction.norm()
        yield from other_starts(run, direction.tolist(), [reach / run.scale(run.first) * _FAR[_ % len(_FAR)]])


def recovered(run: Run) -> Finding | None:
    """A loss that grew far beyond its first size, and came back."""
    worst = run.trace.worst
    if run.failed or worst.iteration in (0, run.final.iteration) or not math.isfinite(worst.loss):
        return None
    rose = run.loss(worst) - run.loss(run.first)
    fell = run.loss(run.first) - run.loss(run.final)
    if rose <= _FELL_BACK * max(abs(run.first.loss), abs(run.final.loss), abs(fell)):
        return None
    cure = best_that_works(run, (with_rate(run, run.lr * factor) for factor in (0.5, 0.2, 0.1, 0.03, 0.01)))
    message = (
        f"the loss went from {short(run.first.loss, 4)} to {short(worst.loss, 4)} at iteration {worst.iteration} "
        f"before it came back to {short(run.final.loss, 4)}"
    )
    if cure is not None:
        message += ": the first steps are too long"
    evidence = {"first": run.first.loss, "worst": worst.loss, "iteration": worst.iteration, "last": run.final.loss}
    return Finding("overflow-recovered", message, cure, evidence)


def below(run: Run) -> Finding | None:
    """A loss clearly below the known minimum, outside of where that holds."""
    if run.nearest is None or run.final.iteration == 0 or not run.is_lower(run.loss(run.final), run.nearest.loss):
        return None
    gained = abs(run.loss(run.first) - run.nearest.loss)
    if run.loss(run.final) > run.nearest.loss - _CLEARLY * max(gained, abs(run.nearest.loss)):
        return None
    message = (
        f"the loss fell to {short(run.final.loss, 6)} at iteration {run.final.iteration}, below the known minimum "
        f"{short(run.nearest.loss, 6)}{_point(run)}: it has lower values there, and perhaps no minimum"
    )
    evidence: dict[str, Any] = {"loss": run.final.loss, "iteration": run.final.iteration, "lr": run.lr}
    return Finding("unexplained", message, None, evidence)


def unexplained(run: Run) -> Finding | None:
    """A run that ended clearly above the known minimum, and nothing else was found to say of it."""
    if run.reason is StopReason.INTERRUPTED:
        return None
    if run.failed:
        return _diverged(run)
    if not run.is_above_minimum or run.nearest is None:
        return None
    gap = run.gap or 0.0
    evidence: dict[str, Any] = {"loss": run.final.loss, "gap": gap, "iteration": run.final.iteration, "lr": run.lr}
    rates = (with_rate(run, run.lr * factor) for factor in (10, 3, 0.3, 0.1, 0.01) if run.lr > 0)
    other = ({"optimizer": "adam", "lr": lr} for lr in (0.1, 0.01) if run.settings.optimizer != "adam")
    cure = best_that_works(run, [*rates, *other, *_starts(run)])
    message = f"the loss ended {short(gap, 3)} above the known minimum"
    if not run.has_arrived and run.comes_nearer:
        evidence |= steps_to_goal(run)
        if words := steps_in_words(run, evidence):
            return Finding("slow", f"slow: {message}; {words}", cure, evidence)
    message += "; why is not known"
    return Finding("unexplained", message, cure, evidence)


def _diverged(run: Run) -> Finding:
    """A run that diverged for no reason that was found, though smaller rates were tried."""
    evidence: dict[str, Any] = {"loss": run.final.loss, "iteration": run.final.iteration, "lr": run.lr}
    other = ({"optimizer": name, "lr": lr} for name in ("rprop", "adam") for lr in (0.1, 0.01))
    cure = best_that_works(run, (each for each in other if each["optimizer"] != run.settings.optimizer))
    message = f"diverged at iteration {run.final.iteration}, and no smaller learning rate that was tried ends lower"
    return Finding("unexplained", message, cure, evidence)
