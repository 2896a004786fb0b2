"""Where a number is on a grid or among levels, and the value between the points of a grid. No torch here."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import TypeAlias

Place: TypeAlias = tuple[int, float]
"""A place on an axis of a grid: the point before it, and the share of the way to the next."""


def place_on(grid: Sequence[float], number: float) -> Place:
    """The place of a number within a grid, which rises."""
    i = min(bisect_right(grid, number) - 1, len(grid) - 2)
    return i, (number - grid[i]) / (grid[i + 1] - grid[i])


def value_between(z: Sequence[Sequence[float]], row: Place, column: Place) -> float:
    """The value between four points of a grid, bilinear; NaN when one of them has none."""
    (i, up), (j, across) = row, column
    lower = z[i][j] + across * (z[i][j + 1] - z[i][j])
    upper = z[i + 1][j] + across * (z[i + 1][j + 1] - z[i + 1][j])
    return lower + up * (upper - lower)


def bands_up(number: float, edges: Sequence[float], *, share: float) -> float:
    """How many bands a number is up: k at edge k, and between two edges in proportion; NaN for no number.

    ``share`` is the place in a band that has no height, or an infinite one. A number beyond the outer edges is at them.
    """
    if not math.isfinite(number):
        return math.nan
    k = bisect_right(edges, number, 1, len(edges) - 1)
    low, high = edges[k - 1], edges[k]
    if high > low and math.isfinite(high - low):
        share = (number - low) / (high - low)
    return k - 1 + min(1.0, max(0.0, share))
