"""A map of cells: two colours per character with half blocks, or a letter or a shade per character without colours."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment

from gdcli.contract.figure import MapPanel
from gdcli.render.map_axes import CellAxis, axes_of, line_in_cells
from gdcli.render.terminal.curves import Dots
from gdcli.render.terminal.map_legend import map_legend
from gdcli.render.terminal.map_signs import MapInk
from gdcli.render.terminal.palette import Palette
from gdcli.render.terminal.sheet import Line, Ruler, Sheet, framed_with, margin_beside
from gdcli.render.terminal.signs import Signs, blank

_UPPER_HALF, _LOWER_HALF = "▀", "▄"
_WIDER = 1.6  # than high, at most, unless there are more columns than that
_LEAST = 0.6  # of the room, to make all cells equally large


def map_lines(panel: MapPanel, width: int, height: int, signs: Signs, palette: Palette) -> list[Line]:
    """The map with its lines, as large as fits, and its legend."""
    x, y = (_ruler(axis, signs) for axis in axes_of(panel))
    margin = margin_beside(y, height)
    sheet = Sheet(*size_of(panel, max(8, width - margin), height))
    ink = MapInk(panel.scales, signs, palette)
    cells = _Cells(panel, sheet, 2 if palette.colourful and not signs.ascii_only else 1)
    _paint(sheet, cells, ink, palette)
    for line in panel.lines:
        _draw(sheet, line_in_cells(panel, line), cells, ink)
    title = [[Segment(signs.printable(panel.title)[:width])]] if panel.title else []
    framed = framed_with(sheet, x, y, signs, min(margin, margin_beside(y, sheet.height)))
    return title + framed + map_legend(panel, width, ink)


def _ruler(axis: CellAxis, signs: Signs) -> Ruler:
    def at(most: int) -> list[tuple[float, str]]:
        return [(place / axis.cells, text) for place, text in axis.ticks(most)]

    return Ruler(signs.printable(axis.axis.label), at)


def size_of(panel: MapPanel, width: int, height: int) -> tuple[int, int]:
    """The characters that a map takes, out of those available: a character is twice as high as wide.

    Where there is room for every cell, all cells are equally large.
    """
    wide = min(width, round(2 * height * max(_WIDER, panel.columns / panel.rows)))
    equal = wide // panel.columns * panel.columns
    wide = equal if equal >= _LEAST * wide else wide
    even = (high for high in range(height, 0, -1) if 2 * high % panel.rows == 0)
    high = next(even, 0) if panel.rows <= 2 * height else 0
    return max(4, wide), max(2, high if high >= _LEAST * height else height)


class _Cells:
    """The cell of the map that is nearest to each of the ``parts`` of a character, one above the other."""

    def __init__(self, panel: MapPanel, sheet: Sheet, parts: int) -> None:
        self.panel = panel
        self.parts = parts
        self._columns = [_nearest(i, sheet.width, panel.columns) for i in range(sheet.width)]
        rows = [_nearest(i, sheet.height * parts, panel.rows) for i in range(sheet.height * parts)]
        self._rows = rows[::-1]

    def at(self, column: int, row: int, part: int = 0) -> tuple[int, int]:
        """The group and the level of a part of a character, counted from the top."""
        cell = self._rows[row * self.parts + part] * self.panel.columns + self._columns[column]
        return self.panel.group[cell], self.panel.level[cell]


def _nearest(i: int, count: int, cells: int) -> int:
    """The cell at the middle of part ``i`` of ``count`` parts of an axis."""
    return (2 * i + 1) * cells // (2 * count)


def _paint(sheet: Sheet, cells: _Cells, ink: MapInk, palette: Palette) -> None:
    for row in range(sheet.height):
        for column in range(sheet.width):
            upper, lower = cells.at(column, row), cells.at(column, row, cells.parts - 1)
            if not palette.colourful:
                sheet.put(column, row, ink.sign(*upper))
                continue
            above, below = ink.colour(*upper), ink.colour(*lower)
            if above == below:
                sheet.put(column, row, " ", palette.style(None, above))
            elif above is None:
                sheet.put(column, row, _LOWER_HALF, palette.style(below))
            else:
                sheet.put(column, row, _UPPER_HALF, palette.style(above, below))


def _draw(sheet: Sheet, points: tuple[Sequence[float], Sequence[float]], cells: _Cells, ink: MapInk) -> None:
    """A line in black or white dots, whichever is seen on the cell below it."""
    panel = cells.panel
    dots = Dots.over(sheet.width, sheet.height, panel.columns, panel.rows)
    dots.polyline(*points)
    for row, drawn in enumerate(dots.rows()):
        for column, sign in enumerate(drawn):
            if not blank(sign):
                ground = ink.colour(*cells.at(column, row, cells.parts - 1))
                sheet.put(column, row, ink.line or sign, ink.on(ground))
