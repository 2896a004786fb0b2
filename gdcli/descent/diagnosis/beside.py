"""Whether the loss is lower right beside a point at which the gradient is 0, or nearly."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator

from gdcli.descent.diagnosis.surface import Surface, Vector, axis, moved

LOOKS = (1e-4, 1e-3, 1e-2, 0.1)
"""How far from a point to look, relative to 1 + |x|."""
_NOISE = 1e-14  # of a loss in float64
_AXES = 20  # so many variables are looked along


def sides(surface: Surface, point: Vector, direction: Vector, by: float) -> tuple[bool, bool]:
    """Whether the loss is lower so far along a direction from a point, relative to 1 + |x|, and so far against it."""
    length = by * (1.0 + math.hypot(*point))
    base = surface(point)
    slack = _NOISE * max(abs(base), sys.float_info.min)
    above, below = (surface(moved(point, direction, sign * length)) for sign in (1, -1))
    return above < base - slack, below < base - slack


def lower_beside(surface: Surface, point: Vector, looks: Iterable[float] = LOOKS) -> tuple[list[float], int] | None:
    """A point beside this one at which the loss is lower, and the variable along which it lies; None without one.

    It is looked for along the axes of the first twenty variables: not along one on which the loss is convex and has a
    slope, for there a minimum is near.
    """
    gradient = surface.gradient(point)
    axes = [
        (i, unit) for i, unit in enumerate(_axes(len(point))) if gradient[i] == 0 or surface.curvature(point, unit) < 0
    ]
    for by in looks:
        for i, unit in axes:
            above, below = sides(surface, point, unit, by)
            if above or below:
                length = by * (1.0 + math.hypot(*point))
                return moved(point, unit, length if above else -length), i
    return None


def _axes(n: int) -> Iterator[list[float]]:
    return (axis(n, i) for i in range(min(n, _AXES)))
