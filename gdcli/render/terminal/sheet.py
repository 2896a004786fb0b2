"""A sheet of cells to draw on, which is printed as lines of segments."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from gdcli.contract.figure import Axis
from gdcli.render.terminal.signs import Signs
from gdcli.render.terminal.ticks import share, ticks

PLAIN = Style.null()
MARGIN = 3  # cells to the left of a sheet without numbers
Line = list[Segment]


class Piece(NamedTuple):
    """A bit of text in one style."""

    text: str
    style: Style = PLAIN


class Sheet:
    """``height`` rows of ``width`` cells, the first row at the top."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._cells = [[Piece(" ") for _ in range(width)] for _ in range(height)]

    def put(self, column: int, row: int, sign: str, style: Style = PLAIN) -> None:
        """Put a character of one cell; does nothing outside the sheet."""
        if 0 <= row < self.height and 0 <= column < self.width:
            self._cells[row][column] = Piece(sign, style)

    def say(self, text: str) -> None:
        """Write a text into the middle."""
        text = text[: self.width]
        for i, letter in enumerate(text, start=(self.width - len(text)) // 2):
            self.put(i, self.height // 2, letter)

    def put_over(self, column: int, row: int, sign: str, style: Style) -> None:
        """Put a character on the background that its cell has."""
        ground = self._cells[row][column].style.bgcolor
        self.put(column, row, sign, style if ground is None else Style(bgcolor=ground) + style)

    def lines(self) -> list[Line]:
        """The rows as segments."""
        found = []
        for row in self._cells:
            runs = groupby(row, key=lambda cell: cell.style)
            found.append([Segment("".join(cell.text for cell in cells), style) for style, cells in runs])
        return found


def width_of(line: Iterable[Segment]) -> int:
    """The cells that a line takes."""
    return sum(cell_len(segment.text) for segment in line)


def padded(line: Line, width: int) -> Line:
    """The line with spaces to its right."""
    missing = width - width_of(line)
    return [*line, Segment(" " * missing)] if missing > 0 else line


def beside(columns: Sequence[Sequence[Line]], widths: Sequence[int], gap: int) -> list[Line]:
    """Blocks of lines next to each other; the last one is not padded."""
    height = max(map(len, columns))
    found = []
    for i in range(height):
        line: Line = []
        for k, (block, width) in enumerate(zip(columns, widths, strict=True)):
            part = list(block[i]) if i < len(block) else []
            line += part if k == len(columns) - 1 else [*padded(part, width), Segment(" " * gap)]
        found.append(line)
    return found


def flowing(pieces: Sequence[Sequence[Piece]], width: int, indent: int = 0) -> list[Line]:
    """Entries of a legend, with two spaces between them, in as many lines as they take."""
    lines: list[Line] = []
    room = 0
    for entry in pieces:
        taken = sum(cell_len(piece.text) for piece in entry)
        segments = [Segment(piece.text, piece.style) for piece in entry]
        if lines and taken + 2 <= room:
            lines[-1] += [Segment("  "), *segments]
            room -= taken + 2
        else:
            lines.append([Segment(" " * indent), *segments])
            room = width - indent - taken
    return lines


def wrapped(entry: Sequence[Piece], width: int) -> list[list[Piece]]:
    """An entry of a legend, whose label is its last piece, as several ones where it is wider than a line."""
    *samples, label = entry
    taken = sum(cell_len(piece.text) for piece in samples)
    if taken + cell_len(label.text) <= width:
        return [list(entry)]
    lead = len(label.text) - len(label.text.lstrip())
    room = max(1, width - taken - lead)
    first, *others = textwrap.wrap(label.text.strip(), room) or [""]
    before = " " * (taken + lead)
    return [[*samples, label._replace(text=label.text[:lead] + first)],
            *([label._replace(text=before + more)] for more in others)]  # fmt: skip


class Ruler(NamedTuple):
    """What is written along an axis: its label, and at most so many ticks, each a share of the axis and a text."""

    label: str
    ticks: Callable[[int], list[tuple[float, str]]]


def framed(sheet: Sheet, x: Axis, y: Axis, signs: Signs, margin: int) -> list[Line]:
    """A sheet with its axes, and ``margin`` cells to its left."""
    return framed_with(sheet, ruler(x), ruler(y), signs, margin)


def framed_with(sheet: Sheet, x: Ruler, y: Ruler, signs: Signs, margin: int) -> list[Line]:
    """A sheet between two rulers, and ``margin`` cells to its left."""
    rows = {row_at(place, sheet.height): text for place, text in ruled(y, sheet.height)}
    found: list[Line] = [[Segment(_fit(signs.printable(y.label), margin + sheet.width))]]
    for i, line in enumerate(sheet.lines()):
        text = rows.get(i, "")
        edge = signs.tick_left if text else signs.vertical
        found.append([Segment(f"{text:>{margin - 2}} {edge}"), *line])
    below, labels = _x_axis(x, sheet.width, signs)
    found.append([Segment(" " * (margin - 1) + signs.corner + below)])
    found.append([Segment(" " * margin + labels)])
    title = _fit(signs.printable(x.label), sheet.width)
    found.append([Segment(" " * (margin + (sheet.width - cell_len(title)) // 2) + title)])
    return found


def ruler(axis: Axis) -> Ruler:
    """The ruler along an axis."""
    return Ruler(axis.label, lambda most: [(share(axis, number), text) for number, text in ticks(axis, most)])


def ruled(y: Ruler, height: int) -> list[tuple[float, str]]:
    """The ticks of a vertical ruler: one every three or four rows."""
    return [tick for tick in y.ticks(max(2, height // 3)) if 0 <= tick[0] <= 1]


def margin_beside(y: Ruler, height: int) -> int:
    """The cells that the labels to the left of a sheet take, with the axis itself."""
    return max((len(text) for _, text in ruled(y, height)), default=1) + 2


def margin_of(y: Axis, height: int) -> int:
    """The same for an axis."""
    return margin_beside(ruler(y), height)


def column_of(x: Axis, number: float, width: int) -> int:
    """The column of a number, counted from the left."""
    return column_at(share(x, number), width)


def column_at(place: float, width: int) -> int:
    """The column at a share of an axis."""
    return min(width - 1, int(place * width))


def row_of(y: Axis, number: float, height: int) -> int:
    """The row of a number, counted from the top."""
    return row_at(share(y, number), height)


def row_at(place: float, height: int) -> int:
    """The row at a share of an axis, counted from the top."""
    return height - 1 - min(height - 1, int(place * height))


def _x_axis(x: Ruler, width: int, signs: Signs) -> tuple[str, str]:
    """The axis below a sheet, and the labels below that."""
    for most in range(max(2, width // 5), 0, -1):
        axis, labels, free = [signs.horizontal] * width, [" "] * width, 0
        for place, text in x.ticks(most):
            column = column_at(place, width)
            start = min(max(0, column - len(text) // 2), width - len(text))
            if start < free or start < 0:
                break
            axis[column] = signs.tick_below
            labels[start : start + len(text)] = text
            free = start + len(text) + 2
        else:
            return "".join(axis), "".join(labels).rstrip()
    return signs.horizontal * width, ""


def _fit(text: str, width: int) -> str:
    while cell_len(text) > width:
        text = text[:-1]
    return text
