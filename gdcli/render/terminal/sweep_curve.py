"""A quantity over one axis of a sweep, with the ranges that work shaded."""

from __future__ import annotations

from collections.abc import Iterator

from rich.segment import Segment
from rich.style import Style

from gdcli.contract.figure import SweepCurvePanel
from gdcli.render.terminal.curves import Dots, draw
from gdcli.render.terminal.palette import Palette
from gdcli.render.terminal.sheet import Line, Piece, Sheet, column_of, flowing, framed, margin_of, wrapped
from gdcli.render.terminal.signs import Signs
from gdcli.render.terminal.ticks import three_digits


def sweep_curve_lines(panel: SweepCurvePanel, width: int, height: int, signs: Signs, palette: Palette) -> list[Line]:
    """The curve, the panel's vertical lines in dashes, and a legend."""
    margin = margin_of(panel.y, height)
    sheet = Sheet(max(8, width - margin), height)
    shade, style = (
        (" ", palette.style(None, palette.shaded())) if palette.colourful else (signs.shades[0], Style.null())
    )
    for column in {column for low, high in panel.works for column in _columns(panel, sheet.width, low, high)}:
        for row in range(height):
            sheet.put(column, row, shade, style)
    layers = []
    for i, line in enumerate(panel.lines):
        dots = Dots(sheet.width, height, panel.x, panel.y)
        dots.polyline([line.x[0]] * 2, [panel.y.low, panel.y.high], dashed=True)
        layers.append((dots, palette.line(i)))
    curve = Dots(sheet.width, height, panel.x, panel.y)
    for xs, ys in _pieces(panel):
        curve.polyline(xs, ys)
    draw(sheet, [*layers, (curve, Style.null())], signs)
    title = [[Segment(signs.printable(panel.title)[:width])]] if panel.title else []
    return title + framed(sheet, panel.x, panel.y, signs, margin) + _legend(panel, width, signs, palette)


def _columns(panel: SweepCurvePanel, width: int, low: float, high: float) -> range:
    """The columns of a range of the axis."""
    return range(max(0, column_of(panel.x, low, width)), column_of(panel.x, high, width) + 1)


def _pieces(panel: SweepCurvePanel) -> Iterator[tuple[list[float], list[float]]]:
    """The parts of the curve between the places where it has no value."""
    xs: list[float] = []
    ys: list[float] = []
    for x, y in zip(panel.grid, panel.values, strict=True):
        if y == y:  # noqa: PLR0124 -- NaN
            xs.append(x)
            ys.append(y)
        elif xs:
            yield xs, ys
            xs, ys = [], []
    if xs:
        yield xs, ys


def _legend(panel: SweepCurvePanel, width: int, signs: Signs, palette: Palette) -> list[Line]:
    sign = "- -" if signs.ascii_only else "╌╌"
    entries = [
        [Piece(sign, palette.line(i)), Piece(f" {signs.printable(line.label)}")] for i, line in enumerate(panel.lines)
    ]
    if panel.works:
        sample = Piece("  ", palette.style(None, palette.shaded())) if palette.colourful else Piece(signs.shades[0] * 2)
        ends = [(three_digits(low), three_digits(high)) for low, high in panel.works[:3]]
        ranges = ", ".join(low if low == high else f"{low} to {high}" for low, high in ends)
        more = f" and {len(panel.works) - 3} more" if len(panel.works) > 3 else ""
        entries.insert(0, [sample, Piece(f" runs converge: {ranges}{more}")])
    return flowing([part for entry in entries for part in wrapped(entry, width)], width)
