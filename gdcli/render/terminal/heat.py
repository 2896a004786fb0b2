"""A matrix as a heat map, with its numbers if they fit."""

from __future__ import annotations

import math

from rich.segment import Segment
from rich.style import Style

from gdcli.contract.figure import HeatPanel
from gdcli.render.terminal.palette import Palette
from gdcli.render.terminal.sheet import Line
from gdcli.render.terminal.signs import Signs
from gdcli.render.terminal.ticks import three_digits

_WIDEST = 9  # cells of a number
_ROWS = 16  # of a matrix that are always shown


def heat_lines(panel: HeatPanel, width: int, height: int, signs: Signs, palette: Palette) -> list[Line]:
    """The matrix: coloured numbers, or colours alone, or the largest number of each block of a large one."""
    margin = len(str(len(panel.values))) + 1
    room = width - margin
    values, block = _pooled(panel.values, max(1, room // 2), max(height, _ROWS))
    columns = max(map(len, values))
    wide = min(_WIDEST, room // columns)
    texts = [[_text(number) for number in row] for row in values]
    numbers = block == (1, 1) and max(len(text) for row in texts for text in row) + 2 <= wide
    high = 3 if numbers and palette.colourful and 3 * len(values) <= height else 1
    wide = wide if numbers else min(2, wide)
    lines: list[Line] = [[Segment(signs.printable(panel.title)[:width])]]
    if numbers:
        lines.append([Segment(" " * margin + "".join(f"{j:^{wide}}" for j in range(columns)).rstrip(), _DIM)])
    for i, row in enumerate(values):
        for k in range(high):
            name = str(i * block[0]) if k == high // 2 else ""
            line: Line = [Segment(f"{name:>{margin - 1}} ", _DIM)]
            for j, number in enumerate(row):
                text = texts[i][j] if numbers and k == high // 2 else ""
                line.append(_cell(number / panel.high, text, wide, signs, palette))
            lines.append(line)
    if block != (1, 1):
        text = f"each cell: the largest of {block[0]} x {block[1]} numbers"
        lines.append([Segment(text[:width])])
    return [*lines, _scale(panel, signs, palette)]


_DIM = Style(dim=True)


def _cell(share: float, text: str, wide: int, signs: Signs, palette: Palette) -> Segment:
    if math.isnan(share):
        return Segment(f"{text:^{wide}}")
    if palette.colourful:
        return Segment(f"{text:^{wide}}", palette.on(palette.balance(share)))
    if text:
        return Segment(f"{text:^{wide}}")
    shade = signs.shades[min(len(signs.shades) - 1, int(abs(share) * len(signs.shades)))]
    return Segment(("-" if share < 0 else "+")[: wide - 1] + shade)


def _text(number: float) -> str:
    return three_digits(number) if math.isfinite(number) else str(number)


def _pooled(values: list[list[float]], columns: int, rows: int) -> tuple[list[list[float]], tuple[int, int]]:
    """The matrix, or the largest number of each block if it has too many columns or rows."""
    down, across = math.ceil(len(values) / rows), math.ceil(max(map(len, values)) / columns)
    if down == across == 1:
        return values, (1, 1)
    found = []
    for top in range(0, len(values), down):
        block = values[top : top + down]
        found.append(
            [
                max((number for row in block for number in row[left : left + across]), key=_size)
                for left in range(0, len(block[0]), across)
            ]
        )
    return found, (down, across)


def _size(number: float) -> float:
    return abs(number) if math.isfinite(number) else math.inf


def _scale(panel: HeatPanel, signs: Signs, palette: Palette) -> Line:
    """The legend of the colours or shades."""
    line = [Segment(f"{three_digits(panel.low)} ")]
    line += [_cell(i / 4, "", 2, signs, palette) for i in range(-4, 5)]
    return [*line, Segment(f" {three_digits(panel.high)}")]
