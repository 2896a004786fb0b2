"""The scale on which values are shown: linear, logarithmic, or by bands. No torch here.

The axis of curves is logarithmic where positive values span decades. The scale of a surface depends on the bulk of its
values: a still picture has a linear or a logarithmic height, a page a linear height or one by bands, which can be
changed on the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

from gdcli.contract.figure import finite

Scale: TypeAlias = Literal["linear", "log", "bands"]

_DECADES = 1.0  # positive values that span more are shown on a logarithmic axis
_SPAN = 100.0  # ratio of the highest to the lowest values of a surface above which their logarithm is shown
_LOW = 0.05  # of the range; with a median below that, a linear height looks flat


def is_log(values: Sequence[float]) -> bool:
    """Whether positive values span so many decades that a logarithmic axis shows them better; zeros do not count."""
    numbers = finite(values)
    positive = [number for number in numbers if number > 0]
    if not positive or len(positive) < len(numbers) - numbers.count(0.0):
        return False
    return math.log10(max(positive)) - math.log10(min(positive)) > _DECADES


def floor_of_log(values: Sequence[float]) -> float | None:
    """The lower limit of a logarithmic axis, to which smaller values are raised; None: the axis is linear.

    ``values`` are finite. The axis is logarithmic where nearly all of them are positive and span decades.
    """
    if not values:
        return None
    known = sorted(values)
    low, high = known[len(known) // 20], known[-1 - len(known) // 20]
    if known[0] < 0 or low <= 0 or high <= _SPAN * low:
        return None
    return max(known[0], low / _SPAN)


def scale_of_heights(values: Sequence[float]) -> Scale:
    """The initial scale of the height of a surface: "linear", or "bands".

    ``values`` are finite. Linear, unless half of them lie at the very bottom. A logarithm would make spikes along the
    floor of a valley, whose depth depends only on how near a point of the grid happens to be.
    """
    if not values:
        return "linear"
    numbers = sorted(values)
    low, high, middle = numbers[0], numbers[-1], numbers[len(numbers) // 2]
    return "linear" if middle - low >= _LOW * (high - low) else "bands"


def scales_to_choose(numbers: Sequence[float]) -> list[Scale]:
    """The scales that suit some heights: a logarithm only where none is negative."""
    has_log = min(numbers) >= 0 and max(numbers) > 0
    return ["linear", "log", "bands"] if has_log else ["linear", "bands"]
