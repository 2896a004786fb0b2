"""Filled contours with paths: two colours per cell with half blocks, or one shade per cell without colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from rich.segment import Segment
from rich.style import Style

from gdcli.contract.figure import NO_VALUE, Arrow, ContourPanel
from gdcli.contract.grid import Place, bands_up, value_between
from gdcli.render.terminal.curves import Dots, apart, cell, letter, mark_legend, marked
from gdcli.render.terminal.palette import Ink, Palette
from gdcli.render.terminal.sheet import Line, Piece, Sheet, flowing, framed, margin_of
from gdcli.render.terminal.signs import Signs, blank
from gdcli.render.terminal.ticks import three_digits

_UPPER_HALF, _LOWER_HALF = "▀", "▄"


class Shading:
    """The band of values at each of the ``parts`` that a cell of a sheet has, one above the other."""

    def __init__(self, panel: ContourPanel, width: int, height: int, parts: int) -> None:
        self.bands = len(panel.levels) + 1
        self.muted = len(panel.paths) > 1
        self.parts = parts
        edges = [-math.inf, *panel.levels, math.inf]  # a value in an outer band counts as its middle
        heights = [[bands_up(number, edges, share=0.5) for number in row] for row in panel.z]
        columns = _samples(width, len(panel.grid_x))
        rows = _samples(height * parts, len(panel.grid_y))
        self._bands = [[_band(_between(heights, row, column)) for column in columns] for row in reversed(rows)]

    def at(self, column: int, row: int, part: int = 0) -> int | None:
        """The band in a part of a cell, counted from the top; None where the function has no value."""
        return self._bands[row * self.parts + part][column]


def _samples(count: int, points: int) -> list[Place]:
    """The position of the middle of each part of an axis, on a grid of ``points`` points."""
    found = []
    for i in range(count):
        place = (i + 0.5) / count * (points - 1)
        point = min(int(place), points - 2)
        found.append((point, place - point))
    return found


def _between(heights: list[list[float]], row: Place, column: Place) -> float:
    """The height between four points of the grid; if one has none, that of the nearest point, which may be NaN."""
    (i, up), (j, across) = row, column
    found = value_between(heights, row, column)
    return heights[i + (up >= 0.5)][j + (across >= 0.5)] if math.isnan(found) else found


def _band(height: float) -> int | None:
    return None if math.isnan(height) else int(height)


def contour_lines(panel: ContourPanel, width: int, height: int, signs: Signs, palette: Palette) -> list[Line]:
    """The contours with the paths on them, as large as fit."""
    margin = margin_of(panel.y, height)
    sheet = Sheet(*size_of(panel, max(8, width - margin), height))
    halves = palette.colourful and not signs.ascii_only
    shading = Shading(panel, sheet.width, sheet.height, 2 if halves else 1)
    _shade(sheet, shading, signs, palette)
    over = _Over(panel, sheet, shading, palette)
    over.arrows(panel.field, signs)
    for i in range(len(panel.paths)):
        over.path(i, signs)
    for place, mark in marked(sheet, panel):
        over.sign(place, signs.mark(mark.kind))
    if panel.is_blank:
        sheet.say(NO_VALUE)
    lines = framed(sheet, panel.x, panel.y, signs, margin)
    lines += _scale(panel, width, signs, palette)
    return lines + flowing(_legend(panel, sheet, signs), width)


def contour_rows(panel: ContourPanel, width: int, height: int) -> int:
    """The number of rows that the contours take, out of ``height``."""
    return size_of(panel, max(8, width - margin_of(panel.y, height)), height)[1]


def size_of(panel: ContourPanel, width: int, height: int) -> tuple[int, int]:
    """The cells that the contours take, out of those available: a cell is twice as high as wide."""
    ratio = (panel.x.high - panel.x.low) / (panel.y.high - panel.y.low) if panel.equal else 1.0
    wide = min(width, round(2 * height * ratio))
    return max(4, wide), max(2, min(height, round(wide / 2 / ratio)))


def _shade(sheet: Sheet, shading: Shading, signs: Signs, palette: Palette) -> None:
    colors = [palette.band(band, shading.bands, muted=shading.muted) for band in range(shading.bands)]
    for row in range(sheet.height):
        for column in range(sheet.width):
            upper, lower = shading.at(column, row), shading.at(column, row, shading.parts - 1)
            if not palette.colourful:
                sheet.put(column, row, " " if upper is None else _shade_of(upper, shading.bands, signs))
            elif upper == lower:
                ground = None if upper is None else colors[upper]
                sheet.put(column, row, " ", palette.style(None, ground))
            elif upper is None and lower is not None:
                sheet.put(column, row, _LOWER_HALF, palette.style(colors[lower]))
            elif upper is not None:
                ground = None if lower is None else colors[lower]
                sheet.put(column, row, _UPPER_HALF, palette.style(colors[upper], ground))


def _shade_of(band: int, bands: int, signs: Signs) -> str:
    return signs.shades[int((band + 0.5) / bands * len(signs.shades))]


class _Over:
    """Draws characters over the contours, in black or white, whichever is readable."""

    def __init__(self, panel: ContourPanel, sheet: Sheet, shading: Shading, palette: Palette) -> None:
        self.panel = panel
        self.sheet = sheet
        self.shading = shading
        self.palette = palette

    def sign(self, place: tuple[int, int], sign: str, *, bold: bool = True, run: int | None = None) -> None:
        """Put a character into a cell, in the colour of its run if there are several."""
        ground = self._ground(place)
        if ground is None:
            style = Style(bold=True) if bold else Style.null()
        elif run is not None:
            style = self.palette.path(run, ground, bold=bold)
        else:
            style = self.palette.on(ground, bold=bold)
        self.sheet.put(*place, sign, style)

    def _ground(self, place: tuple[int, int]) -> Ink | None:
        """The colour of a cell; None if it has none."""
        band = self.shading.at(*place, self.shading.parts - 1)
        if band is None:
            band = self.shading.at(*place)
        if band is None or not self.palette.colourful:
            return None
        return self.palette.band(band, self.shading.bands, muted=self.shading.muted)

    def path(self, number: int, signs: Signs) -> None:
        """Draw the lines of a path in dots, and the states that are far enough apart as characters."""
        path = self.panel.paths[number]
        run, step = (number, letter(number)) if len(self.panel.paths) > 1 else (None, signs.step)
        dots = Dots(self.sheet.width, self.sheet.height, self.panel.x, self.panel.y)
        dots.polyline(path.x, path.y)
        for row, line in enumerate(dots.rows()):
            for column, sign in enumerate(line):
                if not blank(sign):
                    self.sign((column, row), signs.line or sign, bold=False, run=run)
        places = list(apart(self.sheet, self.panel, path))
        if run is not None:  # a path of small steps has a letter too
            cells = [cell(self.sheet, self.panel.x, self.panel.y, point) for point in zip(path.x, path.y, strict=True)]
            different = list(dict.fromkeys(place for place in cells if place))
            places += different[len(different) // 2 :][:1]
        for place in places:
            self.sign(place, step, run=run)

    def arrows(self, field: Sequence[Arrow], signs: Signs) -> None:
        """Draw the arrows of a field, as many as can be distinguished."""
        if not field:
            return
        across = self.sheet.width / (self.panel.x.high - self.panel.x.low)
        up = 2 * self.sheet.height / (self.panel.y.high - self.panel.y.low)
        shown = _far_apart([arrow.x for arrow in field], 4 / across), _far_apart([arrow.y for arrow in field], 4 / up)
        for arrow in field:
            place = cell(self.sheet, self.panel.x, self.panel.y, (arrow.x, arrow.y))
            if place and arrow.x in shown[0] and arrow.y in shown[1] and arrow.size > 0:
                eighth = round(math.atan2(arrow.dy * up, arrow.dx * across) / math.tau * 8) % 8
                self.sign(place, signs.arrows[eighth], bold=False)


def _far_apart(numbers: Sequence[float], distance: float) -> set[float]:
    """Every nth distinct number, for numbers that are evenly spaced except for gaps."""
    different = sorted(set(numbers))
    step = min((b - a for a, b in pairwise(different)), default=distance)
    every = max(1, math.ceil(distance / step - 1e-9))
    return {number for number in different if round((number - different[-1]) / step) % every == every // 2}


def _scale(panel: ContourPanel, width: int, signs: Signs, palette: Palette) -> list[Line]:
    """The legend of the colours or shades."""
    known = panel.values()
    if not known:
        return []
    bands = len(panel.levels) + 1
    low, high = three_digits(min(known)), three_digits(max(known))
    wide = max(1, min(3, (width - len(low) - len(high) - 2) // bands))
    line: Line = [Segment(f"{low} ")]
    for band in range(bands):
        if palette.colourful:
            muted = len(panel.paths) > 1
            line.append(Segment(" " * wide, palette.style(None, palette.band(band, bands, muted=muted))))
        else:
            line.append(Segment(_shade_of(band, bands, signs) * wide))
    line.append(Segment(f" {high}"))
    return [line, [Segment(_levels_below(panel.levels, wide, len(low) + 1, width))]]


def _levels_below(levels: Sequence[float], wide: int, start: int, width: int) -> str:
    """Values at the borders of the bands, where they fit."""
    line, free = [" "] * width, 0
    for i, level in enumerate(levels):
        text = three_digits(level)
        place = start + (i + 1) * wide - len(text) // 2
        if place >= free and place + len(text) <= width:
            line[place : place + len(text)] = text
            free = place + len(text) + 1
    return "".join(line).rstrip()


def _legend(panel: ContourPanel, sheet: Sheet, signs: Signs) -> list[list[Piece]]:
    has_steps = any(len(list(apart(sheet, panel, path))) > 1 for path in panel.paths)
    entries = mark_legend(panel, signs, signs.step if has_steps else "")
    if panel.field:
        sign = signs.arrows[1] if not signs.ascii_only else "^"
        entries.append([Piece(sign, Style(bold=True)), Piece(" gradient")])
    return entries
