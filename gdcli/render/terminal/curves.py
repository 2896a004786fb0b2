"""Curves in dots: the loss over the iterations, and a function of one variable with the path on it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import plotille
from rich.style import Style

from gdcli.contract.figure import (
    MARK_NAMES,
    NO_VALUE,
    Axis,
    ContourPanel,
    CurvesPanel,
    FunctionPanel,
    Mark,
    Path,
    ScatterPanel,
)
from gdcli.render.terminal.palette import Palette
from gdcli.render.terminal.sheet import (
    MARGIN,
    Line,
    Piece,
    Ruler,
    Sheet,
    column_of,
    flowing,
    framed,
    framed_with,
    margin_of,
    row_of,
    ruler,
)
from gdcli.render.terminal.signs import Signs, blank, drawn_in_ascii, joined
from gdcli.render.terminal.ticks import share, three_digits

_DASH = 5  # dots of a dash and of the gap after it


class Dots:
    """Lines over a sheet, in dots: two per cell horizontally and four vertically."""

    def __init__(self, width: int, height: int, x: Axis, y: Axis) -> None:
        self.width = width
        self.height = height
        self._axes = x, y
        self._canvas = plotille.Canvas(width, height, 0, 0, 2 * width, 4 * height)

    @classmethod
    def over(cls, width: int, height: int, columns: int, rows: int) -> Dots:
        """Dots over a map, whose coordinates are its cells."""
        return cls(width, height, Axis("", 0, columns), Axis("", 0, rows))

    def polyline(self, xs: Sequence[float], ys: Sequence[float], *, dashed: bool = False) -> None:
        """Connect points; the line is interrupted where one is not finite. A single point is a dot."""
        points = [self._place(x, y) for x, y in zip(xs, ys, strict=True)]
        drawn = None
        for one, other in zip(points, points[1:] or points, strict=False):
            if one is None or other is None or (ends := clipped(one, other)) is None:
                continue
            line = self._dots(ends[0]), self._dots(ends[1])
            if line != drawn:
                for start, end in _dashes(*line) if dashed else [line]:
                    self._canvas.line(*start, *end)
            drawn = line[1], line[1]

    def blob(self, x: float, y: float) -> None:
        """A point of two by two dots."""
        place = self._place(x, y)
        if place is not None and all(0 <= part <= 1 for part in place):
            column, row = self._dots(place)
            row = max(row, 1)
            for dots in (row - 1, row):
                self._canvas.line(column // 2 * 2, dots, column // 2 * 2 + 1, dots)

    def rows(self) -> list[str]:
        """A braille character for each cell, row by row from the top."""
        drawn: str = self._canvas.plot(linesep="\n")
        return drawn.split("\n")

    def _place(self, x: float, y: float) -> tuple[float, float] | None:
        place = share(self._axes[0], x), share(self._axes[1], y)
        return place if all(map(math.isfinite, place)) else None

    def _dots(self, place: tuple[float, float]) -> tuple[int, int]:
        return _dot(place[0], 2 * self.width), _dot(place[1], 4 * self.height)


def _dot(place: float, dots: int) -> int:
    return min(dots - 1, max(0, int(place * dots)))


def _dashes(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """The dashes of a line."""
    (x0, y0), (x1, y1) = start, end
    length = max(abs(x1 - x0), abs(y1 - y0), 1)
    for first in range(0, length + 1, 2 * _DASH):
        last = min(first + _DASH - 1, length)
        yield tuple((round(x0 + (x1 - x0) * i / length), round(y0 + (y1 - y0) * i / length)) for i in (first, last))  # type: ignore[misc]


def clipped(
    one: tuple[float, float], other: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """The part of a line inside the unit square; None if there is none.

    Liang and Barsky (1984), A new concept and method for line clipping.
    """
    (x0, y0), (x1, y1) = one, other
    first, last = 0.0, 1.0
    for start, change in ((x0, x1 - x0), (y0, y1 - y0)):
        for direction, room in ((-change, start), (change, 1 - start)):
            if direction == 0:
                if room < 0:
                    return None
            elif direction < 0:
                first = max(first, room / direction)
            else:
                last = min(last, room / direction)
    if first > last:
        return None
    return (x0 + first * (x1 - x0), y0 + first * (y1 - y0)), (x0 + last * (x1 - x0), y0 + last * (y1 - y0))


def draw(sheet: Sheet, layers: Iterable[tuple[Dots, Style]], signs: Signs) -> None:
    """Draw lines on a sheet; where they meet, the last one sets the colour."""
    merged: dict[tuple[int, int], tuple[str, Style]] = {}
    for dots, style in layers:
        for row, line in enumerate(dots.rows()):
            for column, sign in enumerate(line):
                if not blank(sign):
                    below = merged.get((column, row))
                    merged[column, row] = (joined(below[0], sign) if below else sign), style
    for (column, row), (sign, style) in merged.items():
        sheet.put_over(column, row, drawn_in_ascii(sign) if signs.ascii_only else sign, style)


def cell(sheet: Sheet, x: Axis, y: Axis, at: tuple[float, float]) -> tuple[int, int] | None:
    """The column and row of a point; None outside the sheet."""
    if not (0 <= share(x, at[0]) <= 1 and 0 <= share(y, at[1]) <= 1):
        return None
    return column_of(x, at[0], sheet.width), row_of(y, at[1], sheet.height)


def marked(sheet: Sheet, panel: FunctionPanel | ContourPanel) -> Iterator[tuple[tuple[int, int], Mark]]:
    """The cell of each mark that is on the sheet; the ends of the paths come last, above all others."""
    for mark in sorted(panel.marks, key=lambda mark: mark.kind, reverse=True):
        if place := cell(sheet, panel.x, panel.y, (mark.x, mark.y)):
            yield place, mark


def apart(sheet: Sheet, panel: FunctionPanel | ContourPanel, path: Path) -> Iterator[tuple[int, int]]:
    """The cells of the states of a path that are not next to the state before."""
    before: tuple[int, int] | None = None
    for point in zip(path.x, path.y, strict=True):
        place = cell(sheet, panel.x, panel.y, point)
        if place and (before is None or max(abs(place[0] - before[0]), abs(place[1] - before[1])) > 1):
            yield place
        before = place or before


def letter(number: int) -> str:
    """The letter of a run, if there are several."""
    return chr(ord("a") + number % 26)


def curves_lines(panel: CurvesPanel, width: int, height: int, signs: Signs, palette: Palette) -> list[Line]:
    """The loss of each run, with a legend if there are several."""
    margin = margin_of(panel.y, height)
    sheet = Sheet(max(8, width - margin), height)
    layers = dashed_layers(panel, sheet, palette)
    for i, curve in enumerate(panel.curves):
        dots = Dots(sheet.width, height, panel.x, panel.y)
        dots.polyline(curve.x, curve.y)
        layers.append((dots, palette.line(i)))
    draw(sheet, layers, signs)
    lines = framed(sheet, panel.x, panel.y, signs, margin)
    if len(panel.curves) > 1:
        _letter_curves(sheet, panel, palette)
        lines = framed(sheet, panel.x, panel.y, signs, margin) + run_legend(
            [curve.label for curve in panel.curves], width, signs, palette
        )
    if panel.lines:
        sign = "--" if signs.ascii_only else "──"
        own = [[Piece(sign, palette.line(0)), Piece(f" {signs.printable(panel.curves[0].label)}")]]
        lines += flowing([*own[: len(panel.curves) == 1], *dashed_legend(panel, signs, palette)], width)
    return lines


def _letter_curves(sheet: Sheet, panel: CurvesPanel, palette: Palette) -> None:
    """Put the letter of each run on its curve at regular distances, each at different places."""
    count = len(panel.curves)
    for i, curve in enumerate(panel.curves):
        for part in (1, 2, 3):
            wanted = (part - 0.5 + (i + 0.5) / count) / 3.5 * curve.x[-1]
            k = min(range(len(curve.x)), key=lambda k: abs(curve.x[k] - wanted))
            if place := cell(sheet, panel.x, panel.y, (curve.x[k], curve.y[k])):
                sheet.put(*place, letter(i), palette.line(i))


def dashed_layers(panel: ScatterPanel | CurvesPanel, sheet: Sheet, palette: Palette) -> list[tuple[Dots, Style]]:
    """The lines that points or curves are compared with."""
    layers = []
    for i, line in enumerate(panel.lines, start=1):
        dots = Dots(sheet.width, sheet.height, panel.x, panel.y)
        dots.polyline(line.x, line.y, dashed=True)
        layers.append((dots, palette.line(i)))
    return layers


def dashed_legend(panel: ScatterPanel | CurvesPanel, signs: Signs, palette: Palette) -> list[list[Piece]]:
    """The entries of these lines in a legend."""
    sign = "- -" if signs.ascii_only else "╌╌"
    return [
        [Piece(sign, palette.line(i)), Piece(f" {signs.printable(line.label)}")]
        for i, line in enumerate(panel.lines, start=1)
    ]


def run_legend(labels: Sequence[str], width: int, signs: Signs, palette: Palette) -> list[Line]:
    """The legend of the letters of the runs."""
    entries = [[Piece(letter(i), palette.line(i)), Piece(f" {signs.printable(text)}")] for i, text in enumerate(labels)]
    return flowing(entries, width)


def function_lines(panel: FunctionPanel, width: int, height: int, signs: Signs, palette: Palette) -> list[Line]:
    """A function, its derivative or its tangent, and the paths on it."""
    if panel.is_blank:
        return _blank_lines(panel, width, height, signs)
    margin = margin_of(panel.y, height)
    sheet = Sheet(max(8, width - margin), height)
    curve = Dots(sheet.width, height, panel.x, panel.y)
    _trace(curve, panel, panel.values)
    layers = [(curve, _PLAIN)]
    if panel.derivative is not None:
        slopes = Dots(sheet.width, height, panel.x, panel.y)
        _trace(slopes, panel, panel.derivative)
        layers.append((slopes, palette.line(0)))
    for i, path in enumerate(panel.paths):
        steps = Dots(sheet.width, height, panel.x, panel.y)
        steps.polyline(path.x, path.y)
        layers.insert(0, (steps, palette.line(i)))
    if panel.tangent is not None:
        tangent = Dots(sheet.width, height, panel.x, panel.y)
        ends = [panel.x.low, panel.x.high]
        at = panel.tangent
        tangent.polyline(ends, [at.y + at.slope * (x - at.x) for x in ends], dashed=True)
        layers.insert(0, (tangent, palette.line(1)))
    if len(panel.paths) == 1 and not signs.ascii_only:
        states = Dots(sheet.width, height, panel.x, panel.y)
        for point in zip(panel.paths[0].x, panel.paths[0].y, strict=True):
            states.blob(*point)
        layers.append((states, _STRONG))
    draw(sheet, layers, signs)
    for i, path in enumerate(panel.paths):
        if len(panel.paths) > 1 or signs.ascii_only:
            several = len(panel.paths) > 1
            sign, style = (letter(i), palette.line(i)) if several else (signs.step, _STRONG)
            _points(sheet, panel, path, sign, style)
    for place, mark in marked(sheet, panel):
        sheet.put(*place, signs.mark(mark.kind), _STRONG)
    return framed(sheet, panel.x, panel.y, signs, margin) + _function_legend(panel, width, signs, palette)


def _blank_lines(panel: FunctionPanel, width: int, height: int, signs: Signs) -> list[Line]:
    """The window of a function that has no finite value there: its vertical axis has no numbers."""
    sheet = Sheet(max(8, width - MARGIN), height)
    sheet.say(NO_VALUE)
    return framed_with(sheet, ruler(panel.x), Ruler(panel.y.label, lambda _: []), signs, MARGIN)


_STRONG, _PLAIN = Style(bold=True), Style.null()
_BLOB = "⠶"


def _trace(dots: Dots, panel: FunctionPanel, values: Sequence[float]) -> None:
    """Draw a curve; it is interrupted at a pole."""
    xs, ys = list(panel.grid), list(values)
    for i in range(len(ys) - 1, 0, -1):
        if _jumps_against_trend(values, i, (panel.y.high - panel.y.low) / 3):
            xs.insert(i, xs[i])
            ys.insert(i, math.nan)
    dots.polyline(xs, ys)


def _jumps_against_trend(values: Sequence[float], i: int, far: float) -> bool:
    """Whether a curve falls far between two points but rises before and after them, or vice versa."""
    if not 1 < i < len(values) - 1:
        return False
    before, jump, after = values[i - 1] - values[i - 2], values[i] - values[i - 1], values[i + 1] - values[i]
    return abs(jump) > far and before * jump < 0 and jump * after < 0


def _points(sheet: Sheet, panel: FunctionPanel, path: Path, sign: str, style: Style) -> None:
    for point in zip(path.x, path.y, strict=True):
        if place := cell(sheet, panel.x, panel.y, point):
            sheet.put(*place, sign, style)


def _function_legend(panel: FunctionPanel, width: int, signs: Signs, palette: Palette) -> list[Line]:
    entries = mark_legend(panel, signs, signs.step if signs.ascii_only else _BLOB)
    if panel.tangent is not None:
        dash = "- -" if signs.ascii_only else "╌╌"
        entries.append(
            [Piece(dash, palette.line(1)), Piece(f" tangent at the end, slope {three_digits(panel.tangent.slope)}")]
        )
    if panel.derivative is not None:
        sign = "--" if signs.ascii_only else "──"
        entries.append([Piece(sign, _PLAIN), Piece(" function")])
        entries.append([Piece(sign, palette.line(0)), Piece(" derivative")])
    return flowing(entries, width)


def _inside(panel: FunctionPanel | ContourPanel, mark: Mark) -> bool:
    return 0 <= share(panel.x, mark.x) <= 1 and 0 <= share(panel.y, mark.y) <= 1


def mark_legend(panel: FunctionPanel | ContourPanel, signs: Signs, step: str) -> list[list[Piece]]:
    """The legend of the marks on a path; ``step`` is that of a state, or empty if none is shown."""
    kinds = dict.fromkeys(mark.kind for mark in panel.marks if _inside(panel, mark))
    entries = [[Piece(signs.mark(kind), _STRONG), Piece(f" {MARK_NAMES[kind]}")] for kind in kinds]
    if step and len(panel.paths) == 1 and len(panel.paths[0].x) > 1:
        entries.insert(1, [Piece(step, _STRONG), Piece(" step")])
    return entries
