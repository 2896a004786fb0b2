"""A loss that goes on falling, as far as it was looked, in the direction in which a run moves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from gdcli.contract.diagnosis import Finding, Remedy
from gdcli.contract.nested import flat
from gdcli.contract.short import short
from gdcli.descent.diagnosis.remedies import best_that_works, complete, in_steps, other_starts, remedy
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.surface import moved
from gdcli.descent.diagnosis.words import direction_in_words, parts_of, point_in_words
from gdcli.rules.line_search import golden_section

_DECADES = 5  # the farthest place that is looked at: 10**5 times as far as the run has moved
_NEARER = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)  # parts of the first distance, all the way to which it falls
_BEYOND = tuple(1 + 0.25 * k for k in range(1, 37))  # up to ten times as far: a minimum of a wave may lie there
_ALONE = 0.98  # the part of a unit vector that is as good as alone
_LEAST = 2  # so many decades must be seen before the loss is beyond the numbers of float64
_FALLS = 0.5  # the part of the previous fall that the last one must be, from decade to decade, not to come to an end
_SAME = 1e-3  # relative difference up to which two limits are one
_BACK = (0.1, 0.3, 1.0)  # how far back a start may be, relative to 1 + |x|
_FEW = 3  # variables whose numbers fit into a sentence
_LITTLE = 1e-3
_PLACES = 100  # from so many powers of ten below the farthest on
_FINEST = -5
_PRECISION = 1e-12  # of the place of an inflection
_NEARLY_0 = 1e-3  # of the slope at the end of the run


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
    if run.is_quadratic and run.flat_gradient is not None and not run.decay:  # the rest of the way leads to a valley
        slope = math.hypot(*run.flat_gradient)
        direction = [-part / slope for part in run.flat_gradient]
    reach = max(math.dist(run.point(run.first), end), run.scale(last))
    if not math.isfinite(reach):
        return None
    nearer = [run.surface(moved(end, direction, reach * part)) for part in (0.0, *_NEARER, 1.0)]
    beyond = itertools.chain(nearer[-1:], (run.surface(moved(end, direction, reach * part)) for part in _BEYOND))
    if not (_falls(nearer) and _falls(itertools.takewhile(math.isfinite, beyond))):
        return None  # a minimum, or a pole, lies on the way
    distances = [reach * 10.0**k for k in range(_DECADES + 1)]
    losses = [nearer[0], nearer[-1], *(run.surface(moved(end, direction, by)) for by in distances[1:])]
    overflow = next((i for i, loss in enumerate(losses) if loss == -math.inf), len(losses))
    losses, distances = losses[:overflow], distances[: overflow - 1]
    falls = [a - b for a, b in itertools.pairwise(losses)]
    if len(falls) < _LEAST or not all(map(math.isfinite, losses)) or min(falls) < 0 or falls[0] <= 0:
        return None
    endless = falls[-1] >= _FALLS * falls[-2] > 0
    if not endless and (falls[-1] > 0.1 * falls[0] or not _slows(run, direction)):
        return None
    return _finding(run, last.iteration, direction, distances[-1], losses, endless=endless)


def _falls(losses: Iterable[float]) -> bool:
    """Whether no loss is above the one before; they are asked for one by one, up to the first that is."""
    return all(a >= b for a, b in itertools.pairwise(losses))


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
    where, there = _way(direction, run.labels), f"{short(run.sign * losses[-1], 4)} at a distance of {short(far, 3)}"
    evidence: dict[str, Any] = {
        "loss": run.sign * losses[0],
        "iteration": iteration,
        "direction": parts_of(direction, run.labels),
        "distance": far,
        "loss_there": run.sign * losses[-1],
    }
    if endless:
        message = (
            f"no {extreme} in this direction: the loss {word} {where}, from {short(run.sign * losses[0], 4)} to "
            f"{there}, and does not level off"
        )
        pause = _pause(run, direction)
        if pause is not None:
            evidence["pause"] = dict(zip(run.labels, pause, strict=True))
            message += (
                f"; but at {point_in_words(pause, run.labels)} the gradient is nearly 0, and the run does not pass it "
                f"in {in_steps(run.longer.steps if run.longer is not None else run.final.iteration)}"
            )
        return Finding("unbounded", message, _turned(run, opposite), evidence)
    limit = _limit(losses)
    evidence["limit"] = None if limit is None else run.sign * limit + 0.0
    if limit is None:
        message = f"no {extreme} in this direction: the loss {word} ever more slowly {where}, to {there}"
    else:
        message = f"no {extreme} in this direction: the loss {word} towards {short(evidence['limit'], 4)} {where}"
    cure = best_that_works(run, other_starts(run, [-part for part in direction], _BACK, signs=(1,)))
    if cure is not None and cure.arrives is None:  # lower, but no minimum either
        cure = None
    return Finding("no-minimum", f"{message}, so the steps become ever smaller", cure, evidence)


def _limit(losses: list[float]) -> float | None:
    """What losses at ever larger distances tend to, by Aitken's extrapolation; None where that is not clear."""
    if losses[-1] == losses[-2]:
        return losses[-1]
    found = []
    for a, b, c in (losses[-4:-1], losses[-3:]):
        bend = (c - b) - (b - a)
        if bend == 0:
            return None
        found.append(c - (c - b) ** 2 / bend)
    early, late = found
    if abs(late) <= _SAME * abs(losses[-1]):
        return 0.0
    return late if abs(late - early) <= _SAME * abs(late) else None


def _pause(run: Run, direction: list[float]) -> list[float] | None:
    """A place before the run, in this direction, where the slope is nearly 0 and which it does not pass.

    The slope has one sign all the way, so that is an inflection: the run slows down more and more.
    """
    if len(run.labels) > _FEW or run.slope(run.final) > run.slope(run.first):
        return None
    end = run.point(run.final)

    def slope(distance: float) -> float:
        gradient = run.surface.gradient(moved(end, direction, distance))
        return -sum(g * d for g, d in zip(gradient, direction, strict=True))

    reach = 10 * max(math.dist(run.point(run.first), end), _LITTLE)
    places = [0.0, *(reach * 10.0 ** (_FINEST * (1 - k / _PLACES)) for k in range(1, _PLACES + 1))]
    slopes = [slope(each) for each in places]
    i = min(range(_PLACES + 1), key=slopes.__getitem__)
    if not 0 < i < _PLACES or not all(map(math.isfinite, slopes)):
        return None
    place, least = golden_section(slope, places[i - 1], places[i + 1], _PRECISION)
    if not least <= _NEARLY_0 * slopes[0]:
        return None
    if run.longer is not None:
        last = [number for value in run.longer.outcome.result.values.values() for number in flat(value)]
        if sum(d * (x - y) for d, x, y in zip(direction, last, end, strict=True)) >= place:
            return None
    return moved(end, direction, place)


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
    return replace(found, effect=f"towards a {opposite}: {found.effect}")
