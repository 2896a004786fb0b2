"""Positions on a grid or among levels, and interpolation between the points of a grid. No torch here."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import TypeAlias

Place: TypeAlias = tuple[int, float]
"""A position on an axis of a grid: the index of the point before it, and the fraction of the way to the next."""


def place_on(grid: Sequence[float], number: float) -> Place:
    """The position of a number within an ascending grid."""
    i = min(bisect_right(grid, number) - 1, len(grid) - 2)
    return i, (number - grid[i]) / (grid[i + 1] - grid[i])


def value_between(z: Sequence[Sequence[float]], row: Place, column: Place) -> float:
    """The value between four points of a grid, by bilinear interpolation; NaN when one of them has none."""
    (i, up), (j, across) = row, column
    lower = z[i][j] + across * (z[i][j + 1] - z[i][j])
    upper = z[i + 1][j] + across * (z[i + 1][j + 1] - z[i + 1][j])
    return lower + up * (upper - lower)


def bands_up(number: float, edges: Sequence[float], *, share: float) -> float:
    """The position of a number in units of bands: k at edge k, linear between two edges; NaN for no number.

    ``share`` is the position in a band of zero or infinite height. A number beyond the outer edges is clamped to them.
    """
    if not math.isfinite(number):
        return math.nan
    k = bisect_right(edges, number, 1, len(edges) - 1)
    low, high = edges[k - 1], edges[k]
    if high > low and math.isfinite(high - low):
        share = (number - low) / (high - low)
    return k - 1 + min(1.0, max(0.0, share))
