"""Curves in dots: the loss over the iterations, and a function of one variable with the path on it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import plotille
from rich.style import Style

from gdcli.figure.model import Axis, ContourPanel, CurvesPanel, FunctionPanel, Mark, Path
from gdcli.render.terminal.palette import Palette
from gdcli.render.terminal.sheet import Line, Piece, Sheet, flowing, framed, margin_of
from gdcli.render.terminal.signs import Signs, blank, drawn_in_ascii, joined
from gdcli.render.terminal.ticks import share, short

_DASH = 5  # dots of a dash and of the gap after it


class Dots:
    """Lines over a sheet, in dots: two in the width of a cell and four in its height."""

    def __init__(self, width: int, height: int, x: Axis, y: Axis) -> None:
        self.width = width
        self.height = height
        self._axes = x, y
        self._canvas = plotille.Canvas(width, height, 0, 0, 2 * width, 4 * height)

    def polyline(self, xs: Sequence[float], ys: Sequence[float], *, dashed: bool = False) -> None:
        """Connect points; where one is not finite the line is interrupted."""
        points = [self._place(x, y) for x, y in zip(xs, ys, strict=True)]
        if len(points) == 1 and points[0] is not None:
            self._segment(points[0], points[0])
        for one, other in zip(points, points[1:], strict=False):
            if one is not None and other is not None and (ends := clipped(one, other)) is not None:
                for start, end in _dashes(*self._in_dots(ends)) if dashed else [self._in_dots(ends)]:
                    self._segment_of_dots(start, end)

    def rows(self) -> list[str]:
        """A braille sign for each cell, row by row from the top."""
        return self._canvas.plot(linesep="\n").split("\n")

    def _place(self, x: float, y: float) -> tuple[float, float] | None:
        place = share(self._axes[0], x), share(self._axes[1], y)
        return place if all(map(math.isfinite, place)) else None

    def _segment(self, one: tuple[float, float], other: tuple[float, float]) -> None:
        if (ends := clipped(one, other)) is not None:
            self._segment_of_dots(*self._in_dots(ends))

    def _in_dots(self, ends: tuple[tuple[float, float], tuple[float, float]]) -> tuple[tuple[int, int], tuple[int, int]]:
        (x0, y0), (x1, y1) = ends
        wide, high = 2 * self.width, 4 * self.height
        return (_dot(x0, wide), _dot(y0, high)), (_dot(x1, wide), _dot(y1, high))

    def _segment_of_dots(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        self._canvas.line(*start, *end)


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
    """The part of a line that lies in the unit square; None if there is none.

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
    """Draw lines on a sheet; where they meet, the last one has the colour."""
    merged: dict[tuple[int, int], tuple[str, Style]] = {}
    for dots, style in layers:
        for row, line in enumerate(dots.rows()):
            for column, sign in enumerate(line):
                if not blank(sign):
                    below = merged.get((column, row))
                    merged[column, row] = (joined(below[0], sign) if below else sign), style
    for (column, row), (sign, style) in merged.items():
        sheet.put(column, row, drawn_in_ascii(sign) if signs.ascii_only else sign, style)


def cell(sheet: Sheet, x: Axis, y: Axis, at: tuple[float, float]) -> tuple[int, int] | None:
    """The column and row of a point; None outside the sheet."""
    across, up = share(x, at[0]), share(y, at[1])
    if not (0 <= across <= 1 and 0 <= up <= 1):
        return None
    return (
        min(sheet.width - 1, int(across * sheet.width)),
        sheet.height - 1 - min(sheet.height - 1, int(up * sheet.height)),
    )


def apart(sheet: Sheet, panel: FunctionPanel | ContourPanel, path: Path) -> Iterator[tuple[int, int]]:
    """The cells of the states of a path that are not next to the state before."""
    before: tuple[int, int] | None = None
    for point in zip(path.x, path.y, strict=True):
        place = cell(sheet, panel.x, panel.y, point)
        if place and (before is None or max(abs(place[0] - before[0]), abs(place[1] - before[1])) > 1):
            yield place
        before = place or before


def letter(number: int) -> str:
    """What stands for a run where there are several."""
    return chr(ord("a") + number % 26)


def curves_lines(panel: CurvesPanel, width: int, height: int, signs: Signs, palette: Palette) -> list[Line]:
    """The loss of each run, with a legend where there are several."""
    margin = margin_of(panel.y, height)
    sheet = Sheet(width - margin, height)
    layers = []
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
    return lines


def _letter_curves(sheet: Sheet, panel: CurvesPanel, palette: Palette) -> None:
    """Put the letter of each run here and there on its curve, each at other places."""
    count = len(panel.curves)
    for i, curve in enumerate(panel.curves):
        for part in (1, 2, 3):
            wanted = (part - 0.5 + (i + 0.5) / count) / 3.5 * curve.x[-1]
            k = min(range(len(curve.x)), key=lambda k: abs(curve.x[k] - wanted))
            if place := cell(sheet, panel.x, panel.y, (curve.x[k], curve.y[k])):
                sheet.put(*place, letter(i), palette.line(i))


def run_legend(labels: Sequence[str], width: int, signs: Signs, palette: Palette) -> list[Line]:
    """Which letter is which run."""
    entries = [
        [Piece(letter(i), palette.line(i)), Piece(f" {signs.printable(text)}")] for i, text in enumerate(labels)
    ]
    return flowing(entries, width)


def function_lines(panel: FunctionPanel, width: int, height: int, signs: Signs, palette: Palette) -> list[Line]:
    """A function, its derivative or its tangent, and the paths on it."""
    margin = margin_of(panel.y, height)
    sheet = Sheet(width - margin, height)
    curve = Dots(sheet.width, height, panel.x, panel.y)
    _trace(curve, panel, panel.values)
    layers = [(curve, palette.line(0))]
    if panel.derivative is not None:
        slopes = Dots(sheet.width, height, panel.x, panel.y)
        _trace(slopes, panel, panel.derivative)
        layers.append((slopes, palette.line(1)))
    for i, path in enumerate(panel.paths):
        steps = Dots(sheet.width, height, panel.x, panel.y)
        steps.polyline(path.x, path.y)
        layers.insert(0, (steps, palette.line(3 + i)))
    if panel.tangent is not None:
        tangent = Dots(sheet.width, height, panel.x, panel.y)
        ends = [panel.x.low, panel.x.high]
        at = panel.tangent
        tangent.polyline(ends, [at.y + at.slope * (x - at.x) for x in ends], dashed=True)
        layers.insert(0, (tangent, palette.line(1)))
    draw(sheet, layers, signs)
    for i, path in enumerate(panel.paths):
        _points(sheet, panel, path, letter(i) if len(panel.paths) > 1 else signs.step)
    for mark in sorted(panel.marks, key=lambda mark: mark.kind, reverse=True):
        if place := cell(sheet, panel.x, panel.y, (mark.x, mark.y)):
            sheet.put(*place, signs.mark(mark.kind), _STRONG)
    return framed(sheet, panel.x, panel.y, signs, margin) + _function_legend(panel, width, signs, palette)


_STRONG = Style(bold=True)


def _trace(dots: Dots, panel: FunctionPanel, values: Sequence[float]) -> None:
    """Draw a curve; it is interrupted where it leaves at the top and comes back at the bottom, as at a pole."""
    xs, ys = list(panel.grid), list(values)
    for i in range(len(ys) - 1, 0, -1):
        one, other = share(panel.y, ys[i - 1]), share(panel.y, ys[i])
        if (one > 1 and other < 0) or (one < 0 and other > 1):
            xs.insert(i, xs[i])
            ys.insert(i, math.nan)
    dots.polyline(xs, ys)


def _points(sheet: Sheet, panel: FunctionPanel, path: Path, sign: str) -> None:
    for point in zip(path.x, path.y, strict=True):
        if place := cell(sheet, panel.x, panel.y, point):
            sheet.put(*place, sign, _STRONG)


def _function_legend(panel: FunctionPanel, width: int, signs: Signs, palette: Palette) -> list[Line]:
    entries: list[list[Piece]] = mark_legend(panel, signs)
    if panel.tangent is not None:
        dash = "- -" if signs.ascii_only else "╌╌"
        entries.append([Piece(dash, palette.line(1)), Piece(f" tangent at the end, slope {short(panel.tangent.slope)}")])
    if panel.derivative is not None:
        sign = "--" if signs.ascii_only else "──"
        entries.append([Piece(sign, palette.line(0)), Piece(" function")])
        entries.append([Piece(sign, palette.line(1)), Piece(" derivative")])
    lines = flowing(entries, width)
    if len(panel.paths) > 1:
        lines += run_legend([path.label for path in panel.paths], width, signs, palette)
    return lines


def _inside(panel: FunctionPanel | ContourPanel, mark: Mark) -> bool:
    return 0 <= share(panel.x, mark.x) <= 1 and 0 <= share(panel.y, mark.y) <= 1


def mark_legend(panel: FunctionPanel | ContourPanel, signs: Signs) -> list[list[Piece]]:
    """What the signs on a path mean."""
    names = {"start": "start", "end": "end", "minimum": "known minimum"}
    kinds = dict.fromkeys(mark.kind for mark in panel.marks if _inside(panel, mark))
    entries = [[Piece(signs.mark(kind), _STRONG), Piece(f" {names[kind]}")] for kind in kinds]
    if len(panel.paths) == 1 and len(panel.paths[0].x) > 1:
        entries.insert(1, [Piece(signs.step, _STRONG), Piece(" step")])
    return entries
