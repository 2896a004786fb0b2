"""A place where the gradient jumps: a fixed learning rate comes to no rest there."""

from __future__ import annotations

import math
from typing import Any

import torch

from gdcli.contract.diagnosis import Finding
from gdcli.contract.short import short
from gdcli.descent.diagnosis.remedies import best_that_works, falling_rate, with_rate
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.surface import axis, moved
from gdcli.descent.diagnosis.words import parts_of, point_in_words
from gdcli.descent.loop import State
from gdcli.explain.kinks import Kink, kink_between

_BACK_AND_FORTH = 2  # times that a run turns there: one that has crossed a kink once may go on
_FEW = 3  # variables whose numbers fit into a sentence
_ROUNDING = 1e-9  # of a segment: a place on it is known to so much
_LAST = 6  # of the last known pairs of states
_MOST = 0.5  # of the steps that turn, which a kink must turn back
_PART = 0.1
_SHRINKS = 0.9  # what is left of a step in the next one, on the way to the lowest point nearby
_STEPS = 300
_FAR, _NEAR = 1e-5, 1e-8  # distances from that point, relative to 1 + |x|
_FALLEN = 0.5  # of the largest rate
_STAYS = 0.5  # what is left of the change of the gradient from the one to the other, where it jumps


def kink(run: Run) -> Finding | None:
    """A gradient that jumps between the last states of a run that has not arrived, and turns it back."""
    if run.failed or run.has_arrived or run.problem.is_random or run.final.iteration < 3 or run.is_minimum:
        return None
    if run.is_still:  # it has come to rest, for whatever reason
        return None
    turned = [_opposed(run.gradient(a), run.gradient(b)) for a, b in run.pairs]
    turns = [pair for pair, turns in zip(run.pairs[-_LAST:], turned[-_LAST:], strict=True) if turns]
    if not turns or sum(turned) < min(_BACK_AND_FORTH, len(turned)):
        return None
    found = [(each, pair) for pair in turns if (each := _between(run, *pair))]
    if len(found) < _MOST * len(turns):
        return _at_a_point(run, turns)
    jump, (before, after) = found[-1]
    start, end = before.point, after.point
    point, nothing = (start + jump.at * (end - start)).tolist(), _ROUNDING * math.dist(start, end)
    return _finding(run, [0.0 if abs(x) < nothing else x for x in point], jump)


def _between(run: Run, a: State, b: State) -> Kink | None:
    """A jump between two states that is a good part of the change of the gradient from the one to the other."""
    change = math.dist(run.gradient(a), run.gradient(b))
    found = kink_between(run.surface.slopes, a.point, b.point)
    return found if found is not None and float(found.jump.norm()) > _PART * change else None


def _opposed(one: list[float], other: list[float]) -> bool:
    return sum(a * b for a, b in zip(one, other, strict=True)) < 0


def _at_a_point(run: Run, turns: list[tuple[State, State]]) -> Finding | None:
    """A jump at a single point, such as the zero of a norm, which the steps pass by: at the lowest point nearby."""
    size = min(run.slope(b) for pair in turns for b in pair)
    if len(run.labels) < 2 or size < _MOST * max(run.slope(b) for pair in turns for b in pair):
        return None
    end, reach = run.point(turns[-1][1]), max(math.dist(run.point(a), run.point(b)) for a, b in turns)
    point, step = end, reach
    for _ in range(_STEPS):
        slope = run.surface.gradient(point)
        length = math.hypot(*slope)
        if not 0 < length < math.inf:
            break
        point, step = moved(point, slope, -step / length), step * _SHRINKS
    if math.dist(end, point) > reach:  # it is not there that the steps turn
        return None
    scale, n = 1.0 + math.hypot(*point), len(point)
    for i in range(min(n, _FEW)):
        near, far = (
            [run.surface.slopes(torch.tensor(moved(point, axis(n, i), to * scale), dtype=torch.float64)) for to in by]
            for by in ((-_NEAR, _NEAR), (-_FAR, _FAR))
        )
        changes = [math.dist(*(side.tolist() for side in sides)) for sides in (near, far)]
        if changes[0] > max(_STAYS * changes[1], _MOST * size) and math.isfinite(changes[0]):
            return _finding(
                run, [0.0 if abs(x) < _NEAR * scale else x for x in point], Kink(0.5, near[0], near[1], False)
            )
    return None


def _finding(run: Run, point: list[float], jump: Kink) -> Finding:
    i = int(jump.jump.abs().argmax())
    label, old, new = run.labels[i], run.sign * float(jump.before[i]), run.sign * float(jump.after[i])
    where = f" at {point_in_words(point, run.labels)}" if len(point) <= _FEW else ""
    if jump.is_cusp and old * new < 0:
        message = f"the gradient grows without bound towards a cusp{where}, where that of {label} changes sign"
    else:
        message = f"the gradient jumps at a kink{where}: that of {label} from {short(old, 4)} to {short(new, 4)}"
    if max(run.rates(run.final).values()) < _FALLEN * run.lr:
        message += "; the run steps back and forth over it, by less as the learning rate falls"
    else:
        message += "; a fixed learning rate steps back and forth over it and comes to no rest"
    evidence: dict[str, Any] = {
        "point": dict(zip(run.labels[:20], point[:20], strict=True)),
        "variable": label,
        "before": old,
        "after": new,
        "lr": run.lr,
        "jump": parts_of(jump.jump.tolist(), run.labels),
    }
    candidates = [*falling_rate(run), *(with_rate(run, run.lr * factor) for factor in (0.1, 0.01))]
    return Finding("kink", message, best_that_works(run, candidates), evidence)
