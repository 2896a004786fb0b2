"""Which part of a line or plane to show, and which levels: from the paths, minima and values. No torch here."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from gdcli.contract.figure import Window, finite

Point = Sequence[float]

_MARGIN = 0.15  # of the extent of what must be seen, on each side
_FAR = 50.0  # a path that ends so many times farther from its start than it usually is runs away
_BOUNCES = 15.0  # how far to follow a path that runs away, in first steps
_ALIKE = 5.0  # extents up to so many times each other are drawn to one scale
_THINNEST = 1_000.0  # no extent is smaller than the other by more
_WORTH_CUTTING = 1.6  # values are cut off when all of them would take so many times the height
_RESOLVED = 400.0  # roundings that a window is wide, at least
BANDS = 12


def states_to_show(points: Sequence[Point]) -> int:
    """How many states of a path, from its start, belong into the window: all of them, unless it runs away.

    A path that arrives somewhere is soon as far from its start as it will ever be; one that runs away has its
    end beyond all that came before, or nowhere.
    """
    start = points[0]
    distances = [math.dist(point, start) for point in points]
    known = finite(distances)
    if len(known) == len(points) and max(known) <= _FAR * (sorted(known)[len(known) // 2] or math.inf):
        return len(points)
    first = next((distance for distance in known if distance > 0), 0.0)
    radius = max(_BOUNCES * first, math.hypot(*start) or 1.0)
    inside = next((i for i, distance in enumerate(distances) if not distance <= radius), len(points))
    return max(1, inside)


def window(numbers: Sequence[float], eps: float = 0.0) -> Window:
    """The window around the finite ones of some numbers, with a margin.

    ``eps`` is the relative rounding of the type that the axis is computed in: a window in which it would show is
    widened. Around a single number, the window has a width of 0 (see ``widened`` and ``to_one_scale``).
    """
    seen = finite(numbers) or [0.0]
    low, high = min(seen), max(seen)
    margin = _MARGIN * (high - low)
    extent = high - low + 2 * margin
    least = _RESOLVED * eps * max(abs(low), abs(high))
    return _around((low + high) / 2, least) if 0 < extent < least else (low - margin, high + margin)


def widened(one: Window) -> Window:
    """The window itself, or one about as wide as its middle is far from 0 where it has no width."""
    low, high = one
    return one if high > low else _around(low, 2 * max(1.0, abs(low) / 2))


def to_one_scale(x: Window, y: Window) -> tuple[Window, Window, bool]:
    """Two windows for a square picture, and whether both have the same scale.

    They do when neither is much narrower than the other: the narrower one is widened. An axis along which nothing
    moves gets the scale of the other.
    """
    wide, high = x[1] - x[0], y[1] - y[0]
    if wide == high == 0:
        wide = high = max(widened(x)[1] - widened(x)[0], widened(y)[1] - widened(y)[0])
    most, least = max(wide, high), min(wide, high)
    if least == 0 or most <= _ALIKE * least:
        return _around(_middle(x), most), _around(_middle(y), most), True
    thinnest = most / _THINNEST
    return _around(_middle(x), max(wide, thinnest)), _around(_middle(y), max(high, thinnest)), False


def same_scale(x: Window, y: Window) -> bool:
    """Whether two given windows are to be drawn to one scale: when neither would be a narrow strip."""
    wide, high = x[1] - x[0], y[1] - y[0]
    return max(wide, high) <= 3 * min(wide, high)


def _middle(one: Window) -> float:
    return one[0] + (one[1] - one[0]) / 2


def _around(middle: float, extent: float) -> Window:
    return middle - extent / 2, middle + extent / 2


def grid(low: float, high: float, count: int) -> list[float]:
    """``count`` numbers from low to high, evenly apart."""
    step = (high - low) / (count - 1)
    return [low + i * step for i in range(count - 1)] + [high]


def height(values: Sequence[float], must: Sequence[float] = ()) -> tuple[float, float, bool]:
    """The window for the values of a function, and whether values are cut off.

    A pole, or a wall that is far higher than all the rest, is cut off; the values in ``must`` are all seen.
    """
    seen = sorted(finite(values))
    if not seen:
        seen = sorted(finite(must)) or [0.0]
    low, high = seen[0], seen[-1]
    inner = seen[len(seen) // 10], seen[-1 - len(seen) // 10]
    reach = 2 * (inner[1] - inner[0])
    wanted = finite(must)
    if reach > 0:
        low, high = max(low, inner[0] - reach), min(high, inner[1] + reach)
    low, high = min([low, *wanted]), max([high, *wanted])
    if seen[-1] - seen[0] <= _WORTH_CUTTING * (high - low):
        low, high = min([seen[0], low]), max([seen[-1], high])
    cut = seen[0] < low or seen[-1] > high
    margin = 0.04 * (high - low) or max(1.0, abs(low)) / 2
    return low - margin, high + margin, cut


def levels(values: Sequence[Sequence[float]], bands: int = BANDS) -> list[float]:
    """Values that divide the finite numbers of a grid into bands, rising.

    Three quarters of the way from band to band count area and one quarter counts height: a narrow valley and small
    dimples get bands of their own, and so does a lone pit in a plain.
    """
    numbers = sorted(finite(number for row in values for number in row))
    if not numbers:
        return []
    low, high = numbers[0], numbers[-1]
    extent = high - low
    if extent == 0 or not math.isfinite(extent):
        inner = [numbers[len(numbers) * i // bands] for i in range(1, bands)]
        return sorted(set(inner))
    progress = [0.75 * i / len(numbers) + 0.25 * (number - low) / extent for i, number in enumerate(numbers)]
    found = {numbers[min(bisect_left(progress, i / bands), len(numbers) - 1)] for i in range(1, bands)}
    return sorted(found - {low})
