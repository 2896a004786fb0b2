"""Points with the fit through them, in dots."""

from __future__ import annotations

from gdcli.contract.figure import ScatterPanel
from gdcli.render.terminal.curves import Dots, cell, dashed_layers, dashed_legend, draw
from gdcli.render.terminal.palette import Palette
from gdcli.render.terminal.sheet import Line, Piece, Sheet, flowing, framed, margin_of
from gdcli.render.terminal.signs import Signs

_FIT, _POINTS = 0, 1  # colours of the palette
_EACH = 150  # points that have a sign each; of more, each is a dot
_DOTS = "⠂⠐"


def scatter_lines(panel: ScatterPanel, width: int, height: int, signs: Signs, palette: Palette) -> list[Line]:
    """The points, the fit as a line and what they are compared with in dashes, and a legend."""
    margin = margin_of(panel.y, height)
    sheet = Sheet(max(8, width - margin), height)
    layers = dashed_layers(panel, sheet, palette)
    places = list(zip(panel.points_x, panel.points_y, strict=True))
    each = signs.ascii_only or len(places) <= _EACH
    if each:
        for place in places:
            if at := cell(sheet, panel.x, panel.y, place):
                sheet.put(*at, signs.step, palette.line(_POINTS))
    else:
        points = Dots(sheet.width, height, panel.x, panel.y)
        for place in places:
            points.polyline(*([number] for number in place))
        layers.insert(0, (points, palette.line(_POINTS)))
    if panel.fit is not None:
        fit = Dots(sheet.width, height, panel.x, panel.y)
        fit.polyline(panel.fit.x, panel.fit.y)
        layers.append((fit, palette.line(_FIT)))
    draw(sheet, layers, signs)
    entries = [[Piece(signs.step if each else _DOTS, palette.line(_POINTS)), Piece(f" {panel.points}")]]
    if panel.fit is not None:
        sign = "--" if signs.ascii_only else "──"
        entries.append([Piece(sign, palette.line(_FIT)), Piece(f" {signs.printable(panel.fit.label)}")])
    entries += dashed_legend(panel, signs, palette)
    return framed(sheet, panel.x, panel.y, signs, margin) + flowing(entries, width)
