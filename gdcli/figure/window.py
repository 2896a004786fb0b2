"""Which part of the plane to show, and which levels: from the path, the minima and the values. No torch here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

_MARGIN = 0.15  # of the extent of what must be seen, on each side
_FAR = 50.0  # a state so many times farther from the start than the middle one is on its way to infinity
_DECADES = 2.0  # positive values that span more are shown on a logarithmic axis


def finite(numbers: Iterable[float]) -> list[float]:
    """Those of the numbers that are finite."""
    return [number for number in numbers if math.isfinite(number)]


def span(path: Sequence[float], others: Sequence[float] = ()) -> tuple[float, float, bool]:
    """The window (low, high) around a path and other points that must be seen; True when part of the path is cut off.

    A path that leaves for infinity is shown as far as most of it goes.
    """
    seen = finite(path)
    whole = len(seen) == len(path)
    if seen:
        # Seen from its start, a path that arrives somewhere is soon as far away as it will ever be.
        start = seen[0]
        usual = sorted(abs(number - start) for number in seen)[len(seen) // 2]
        near = [number for number in seen if abs(number - start) <= _FAR * usual] if usual else seen
        whole = whole and len(near) == len(seen)
        seen = near
    points = [*seen, *finite(others)] or [0.0]
    low, high = min(points), max(points)
    extent = high - low or max(1.0, abs(low))
    return low - _MARGIN * extent, high + _MARGIN * extent, not whole


def squared_up(
    x: tuple[float, float], y: tuple[float, float], most: float = 8.0
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The two windows, with the smaller one widened so that neither is more than ``most`` times the other.

    A path along one axis would otherwise show a plane of no height.
    """
    wide, high = x[1] - x[0], y[1] - y[0]
    if wide < high / most:
        x = _widened(x, high / most)
    elif high < wide / most:
        y = _widened(y, wide / most)
    return x, y


def _widened(window: tuple[float, float], extent: float) -> tuple[float, float]:
    center = (window[0] + window[1]) / 2
    return center - extent / 2, center + extent / 2


def grid(low: float, high: float, count: int) -> list[float]:
    """``count`` numbers from low to high, evenly apart."""
    step = (high - low) / (count - 1)
    return [low + i * step for i in range(count)]


def levels(values: Sequence[Sequence[float]], count: int = 12) -> list[float]:
    """Values that divide the finite numbers of a grid into ``count`` bands of about equal area, rising."""
    numbers = sorted(finite(number for row in values for number in row))
    if not numbers:
        return []
    inner = [numbers[len(numbers) * i // count] for i in range(1, count)]
    return sorted(set(inner)) or [numbers[0]]


def is_log(values: Sequence[float]) -> bool:
    """Whether positive values span so much that a logarithmic axis shows them better."""
    numbers = finite(values)
    positive = [number for number in numbers if number > 0]
    if not positive or len(positive) < len(numbers) - numbers.count(0.0):
        return False
    return math.log10(max(positive) / min(positive)) > _DECADES


def thinned(count: int, most: int) -> list[int]:
    """The indices of at most ``most`` of ``count`` states, evenly apart, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})
