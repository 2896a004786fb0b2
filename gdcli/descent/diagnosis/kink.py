"""A place where the gradient jumps: a fixed learning rate comes to no rest there."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from gdcli.contract.diagnosis import Finding
from gdcli.descent.diagnosis.remedies import best_that_works, falling_rate, with_rate
from gdcli.descent.diagnosis.run import Run, parts_of
from gdcli.descent.diagnosis.surface import Vector, moved

_HALVINGS = 60
_JUMPS = 0.1  # what is left of the difference of two gradients, as the points come together, of a jump
_LAST = 6  # of the last known pairs of states


class Jump(NamedTuple):
    """The place of a jump, and the gradients on both sides of it."""

    point: list[float]
    before: list[float]
    after: list[float]


def kink(run: Run) -> Finding | None:
    """A gradient that jumps between the last states of a run that has not arrived, and turns it back."""
    if run.failed or run.has_arrived or run.problem.is_random or run.final.iteration < 3 or run.is_minimum:
        return None
    jump = None
    for before, after in run.pairs[-_LAST:]:
        one, other = run.gradient(before), run.gradient(after)
        if sum(a * b for a, b in zip(one, other, strict=True)) >= 0:
            continue
        jump = jump_between(run, run.point(before), run.point(after))
        if jump is None:
            return None
    if jump is None:
        return None
    label, old, new = _largest(run, jump)
    where = (
        ", ".join(f"{name} = {_short(x)}" for name, x in zip(run.labels, jump.point, strict=True))
        if len(run.labels) <= 3
        else ""
    )
    message = (
        f"the gradient jumps at a kink{' at ' + where if where else ''}: that of {label} from {old:.4g} to {new:.4g}; "
        "a fixed learning rate steps back and forth over it and comes to no rest"
    )
    evidence: dict[str, Any] = {
        "point": dict(zip(run.labels[:20], jump.point[:20], strict=True)),
        "variable": label,
        "before": old,
        "after": new,
        "lr": run.lr,
        "jump": parts_of([b - a for a, b in zip(jump.before, jump.after, strict=True)], run.labels),
    }
    candidates = [*falling_rate(run), *(with_rate(run, run.lr * factor) for factor in (0.1, 0.01))]
    return Finding("kink", message, best_that_works(run, candidates), evidence)


def jump_between(run: Run, a: Vector, b: Vector) -> Jump | None:
    """The jump of the gradient on the segment between two points; None where it changes continuously.

    The segment is halved until its ends cannot be told apart, each time towards the half with the larger difference.
    """
    surface = run.surface
    left, right = list(a), list(b)
    at_left, at_right = surface.gradient(left), surface.gradient(right)
    first = math.dist(at_left, at_right)
    if not 0 < first < math.inf:
        return None
    for _ in range(_HALVINGS):
        middle = moved(left, [y - x for x, y in zip(left, right, strict=True)], 0.5)
        if middle in (left, right):
            break
        there = surface.gradient(middle)
        if math.dist(at_left, there) >= math.dist(there, at_right):
            right, at_right = middle, there
        else:
            left, at_left = middle, there
        if math.dist(at_left, at_right) < _JUMPS * first:
            return None
    return Jump([0.5 * (x + y) for x, y in zip(left, right, strict=True)], at_left, at_right)


def _largest(run: Run, jump: Jump) -> tuple[str, float, float]:
    """The variable whose part of the gradient jumps most, and that part on both sides."""
    sizes = [abs(a - b) for a, b in zip(jump.before, jump.after, strict=True)]
    i = sizes.index(max(sizes))
    return run.labels[i], run.sign * jump.before[i], run.sign * jump.after[i]


def _short(x: float) -> str:
    return f"{0.0 if abs(x) < 1e-12 else x:.4g}"
