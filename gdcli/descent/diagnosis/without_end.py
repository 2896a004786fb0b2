"""A loss that goes on falling, as far as it was looked, in the direction in which a run moves."""

from __future__ import annotations

import itertools
import math
from typing import Any

from msgspec.structs import replace

from gdcli.contract.diagnosis import Finding, Remedy
from gdcli.descent.diagnosis.remedies import complete, remedy
from gdcli.descent.diagnosis.run import Run, direction_in_words, parts_of
from gdcli.descent.diagnosis.surface import moved

_DECADES = 5  # the farthest place that is looked at: 10**5 times as far as the run has moved
_ALONE = 0.98  # the part of a unit vector that is as good as alone
_LEAST = 2  # so many decades must be seen before the loss is beyond the numbers of float64
_FALLS = 0.5  # the part of the previous fall that the last one must be, from decade to decade, not to come to an end


def without_end(run: Run) -> Finding | None:
    """A loss without bound, or without a minimum: it falls along the way of the run, farther than the run came."""
    if run.problem.is_random or run.is_minimum or run.settings.bound or run.final.iteration == 0:
        return None
    last = run.final if math.isfinite(run.loss(run.final)) else run.trace.previous
    if not math.isfinite(run.loss(last)) or not run.loss(last) < run.loss(run.first):
        return None
    start, end = run.point(run.at_or_after(last.iteration // 2) if last.iteration > 2 else run.first), run.point(last)
    if start == end:
        start = run.point(run.first)
    length = math.dist(start, end)
    if not 0 < length < math.inf:
        return None
    direction = [(b - a) / length for a, b in zip(start, end, strict=True)]
    reach = max(math.dist(run.point(run.first), end), run.scale(last))
    if not math.isfinite(reach):
        return None
    distances = [reach * 10.0**k for k in range(_DECADES + 1)]
    losses = [run.surface(end), *(run.surface(moved(end, direction, by)) for by in distances)]
    overflow = next((i for i, loss in enumerate(losses) if loss == -math.inf), len(losses))
    losses, distances = losses[:overflow], distances[: overflow - 1]
    falls = [a - b for a, b in itertools.pairwise(losses)]
    if len(falls) < _LEAST or not all(map(math.isfinite, losses)) or min(falls) < 0 or falls[0] <= 0:
        return None
    endless = falls[-1] >= _FALLS * falls[-2] > 0
    if not endless and (falls[-1] > 0.1 * falls[0] or not _slows(run, direction)):
        return None
    return _finding(run, last.iteration, direction, distances[-1], losses, endless=endless)


def _slows(run: Run, direction: list[float]) -> bool:
    """Whether the run moves on in this direction at its end."""
    along = sum(g * d for g, d in zip(run.gradient(run.final), direction, strict=True))
    return along < 0


def _finding(
    run: Run, iteration: int, direction: list[float], far: float, losses: list[float], *, endless: bool
) -> Finding:
    word, extreme, opposite = (
        ("rises", "maximum", "minimum") if run.settings.maximize else ("falls", "minimum", "maximum")
    )
    where = _way(direction, run.labels)
    evidence: dict[str, Any] = {
        "loss": run.sign * losses[0],
        "iteration": iteration,
        "direction": parts_of(direction, run.labels),
        "distance": far,
        "loss_there": run.sign * losses[-1],
    }
    if endless:
        message = (
            f"no {extreme} in this direction: the loss {word} {where}, from {run.sign * losses[0]:.4g} to "
            f"{run.sign * losses[-1]:.4g} at a distance of {far:.3g}, and does not level off"
        )
        return Finding("unbounded", message, _turned(run, opposite), evidence)
    message = (
        f"no {extreme} in this direction: the loss {word} towards {run.sign * losses[-1] + 0.0:.4g} {where}, "
        f"as far as a distance of {far:.3g}, so the steps become ever smaller"
    )
    return Finding("no-minimum", message, None, evidence)


def _way(direction: list[float], labels: list[str]) -> str:
    """A direction with its sense: ``as x decreases``, ``along 0.71 x - 0.71 y``."""
    largest = max(range(len(direction)), key=lambda i: abs(direction[i]))
    if abs(direction[largest]) > _ALONE:
        return f"as {labels[largest]} {'increases' if direction[largest] > 0 else 'decreases'}"
    return direction_in_words(direction, labels)


def _turned(run: Run, opposite: str) -> Remedy | None:
    """The other direction, where the whole surface is curved that way and the run ends there."""
    if run.start is None or not run.start.is_concave:
        return None
    changes = complete(run.settings, {"maximize": not run.settings.maximize})
    trial = None if changes is None else run.attempt(changes)
    if trial is None or trial.outcome.status == "diverged" or trial.arrives is None:
        return None
    found = remedy(run, trial)
    return replace(found, effect=f"towards the {opposite}: {found.effect}")
