"""The axes of a map in cells: where a number is, and where the ticks are."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import NamedTuple

from gdcli.contract.figure import Axis, MapLine, MapPanel
from gdcli.contract.short import short
from gdcli.render.terminal.ticks import Tick, share, ticks

_FEW = 3


class CellAxis(NamedTuple):
    """An axis of ``cells`` cells: cell ``i`` reaches from ``i`` to ``i + 1``.

    The numbers of the cells are ``listed``, or evenly spaced on the scale of ``axis``, whose ends are those of the
    first and the last cell.
    """

    axis: Axis
    cells: int
    listed: list[float]

    def place(self, number: float) -> float:
        """Where a number is, in cells; NaN where the axis cannot show it."""
        if self.listed:
            return _between(self.listed, number) + 0.5
        if self._is_single():
            return 0.5 if number == self.axis.low else math.nan
        return share(self.axis, number) * (self.cells - 1) + 0.5

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """At most ``most`` places in cells with their labels: round numbers, or those of every so many cells."""
        if not self.listed and not self._is_single():
            outer = self._outer()
            found = self._within(ticks(outer, most))
            if outer.log and len(found) < _FEW:  # a part of a decade: numbers of even distance are round there
                found = self._within(ticks(Axis(outer.label, outer.low, outer.high), most))
            if len(found) > 1:
                return found
        every = math.ceil(self.cells / max(1, most))
        return [(i + 0.5, short(self._number(i), 4)) for i in range(0, self.cells, every)]

    def _within(self, found: list[Tick]) -> list[Tick]:
        """Ticks at their places, those that are on the axis."""
        placed = [(self.place(number), text) for number, text in found]
        return [(place, text) for place, text in placed if 0 <= place <= self.cells]

    def _outer(self) -> Axis:
        """The axis with the outer halves of its first and its last cell."""
        low, high, half = self.axis.low, self.axis.high, 0.5 / (self.cells - 1)
        if self.axis.log:
            beyond = (high / low) ** half
            return Axis(self.axis.label, low / beyond, high * beyond, log=True)
        beyond = (high - low) * half
        return Axis(self.axis.label, low - beyond, high + beyond, whole=self.axis.whole)

    def _is_single(self) -> bool:
        return self.cells == 1 or self.axis.low == self.axis.high

    def _number(self, i: int) -> float:
        """The number of a cell, as exact as a label needs it."""
        if self.listed or self.cells == 1:
            return self.listed[i] if self.listed else self.axis.low
        low, high, share_of = self.axis.low, self.axis.high, i / (self.cells - 1)
        number = low * (high / low) ** share_of if self.axis.log else low + (high - low) * share_of
        return round(number) if self.axis.whole else number


def axes_of(panel: MapPanel) -> tuple[CellAxis, CellAxis]:
    """The two axes of a map."""
    return CellAxis(panel.x, panel.columns, panel.listed_x), CellAxis(panel.y, panel.rows, panel.listed_y)


def line_in_cells(panel: MapPanel, line: MapLine) -> tuple[list[float], list[float]]:
    """The points of a line in cells."""
    x, y = axes_of(panel)
    return [x.place(number) for number in line.x], [y.place(number) for number in line.y]


def _between(listed: list[float], number: float) -> float:
    """The place of a number among listed ones: between two of a rising list, otherwise only at one of them."""
    if number in listed:
        return float(listed.index(number))
    i = bisect_right(listed, number)
    if listed != sorted(listed) or not 0 < i < len(listed):
        return math.nan
    return i - 1 + (number - listed[i - 1]) / (listed[i] - listed[i - 1])
