"""A frame of a live view: title, some rows, a picture and the keys, as high as the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style

from gdcli.contract.figure import Figure
from gdcli.printable import one_line
from gdcli.render.terminal.picture import SIDE_BY_SIDE, Picture
from gdcli.render.terminal.signs import ASCII

_GAP = 2  # cells between columns
_LEAST_ROWS, _MOST_ROWS = 4, 10
_LEAST_PLOT, _MOST_PLOT = 5, 40
_AROUND = 7  # lines that axes and legends take, approximately
_TITLE, _HEADER, _LAST, _FOOTER = Style(bold=True), Style(bold=True), Style(bold=True), Style(dim=True)


class Scene(Struct, frozen=True):
    """What a frame shows: the title with the ``status`` at its right, rows under headers, a picture, the keys.

    If not all rows fit, the last ones are shown, or with ``from_top`` the first ones, which begin with names. Without
    headers, there are no rows.
    """

    title: str
    status: str
    headers: list[str]
    rows: list[list[str]]
    figure: Figure
    keys: str
    from_top: bool = False


class Stage:
    """Draws scenes on a console. Columns never become narrower, so that the layout does not jump."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._widest: dict[str, int] = {}
        self._plot_rows = 0
        self._size = (0, 0)

    @property
    def rows(self) -> int:
        """The number of rows above a picture."""
        return max(_LEAST_ROWS, min(_MOST_ROWS, self.console.height // 6))

    def lines(self, scene: Scene) -> list[str]:
        """The lines of the frame, with their escape sequences: as many as the terminal has."""
        width, height = self.console.size
        if (width, height) != self._size:
            self._size, self._plot_rows = (width, height), 0
        title, footer = self._title(scene, width), _cut(self._printable(scene.keys), width, _FOOTER)
        if height < 3:
            return self._printed([Segment.adjust_line_length(line, width) for line in (title, footer)[:height]])
        count = self.rows + 1 if scene.headers else 0  # lines of the table, with its header
        picture = self._picture(scene.figure, width, height - 3 - count)
        blank: list[list[Segment]] = [[] for _ in range(height)]
        above = [title]
        if scene.headers:
            count = count if picture else height - 2
            header, *rows = self._table(scene, width)
            rows = rows[: count - 1] if scene.from_top else rows[1 - count :]
            above += [header, *(rows + blank)[: count - 1]]
        above += [[], *picture] if picture else []
        lines = [*(above + blank)[: height - 1], footer]
        lines = [Segment.adjust_line_length(line, width) for line in lines]
        return self._printed(lines)

    def _title(self, scene: Scene, width: int) -> list[Segment]:
        """The title, and at the right the status, which is never cut."""
        room = max(0, width - cell_len(scene.status) - _GAP)
        title = self._printable(" ".join(scene.title.split()))
        if cell_len(title) > room:
            title = set_cell_size(title, max(0, room - 1)) + self._printable("…") * (room > 0)
        gap = " " * max(0, width - cell_len(title) - cell_len(scene.status))
        return [Segment(title, _TITLE), Segment(gap), Segment(scene.status)]

    def _table(self, scene: Scene, width: int) -> list[list[Segment]]:
        """The headers, and a line for each row; as many columns as fit."""
        taken, columns = 0, 0
        for k, header in enumerate(scene.headers):
            widest = max(
                cell_len(self._printable(header)),
                *(cell_len(row[k]) for row in scene.rows),
                self._widest.get(header, 0),
            )
            taken += widest + _GAP * (k > 0)
            self._widest[header] = widest
            if taken > width:
                break
            columns = k + 1
        lines = []
        for row in [list(map(self._printable, scene.headers)), *scene.rows]:
            cells = [
                _padded(row[k], self._widest[scene.headers[k]], left=not k and scene.from_top) for k in range(columns)
            ]
            lines.append((" " * _GAP).join(cells))
        shown = [[Segment(line)] for line in lines]
        shown[0] = [Segment(lines[0], _HEADER)]
        if not scene.from_top and len(shown) > 1:
            shown[-1] = [Segment(lines[-1], _LAST)]
        return shown

    def _picture(self, figure: Figure, width: int, room: int) -> list[list[Segment]]:
        """The picture in at most ``room`` lines; empty if not even a small one fits."""
        if width < SIDE_BY_SIDE and len(figure.panels) > 1:  # they would be drawn one below the other
            figure = Figure(figure.title, figure.subtitle, figure.panels[1:2])
        rows = self._plot_rows or max(_LEAST_PLOT, min(_MOST_PLOT, room - _AROUND))
        options = self.console.options.update(width=width, height=None)
        for _ in range(3):  # the lines of axes and legends are known only once they are drawn
            if rows < _LEAST_PLOT or room < rows:
                return []
            lines = self.console.render_lines(Picture(figure, titled=False, rows=rows), options, pad=False)
            spare = room - len(lines)
            if spare == 0 or (spare > 0 and self._plot_rows):
                return lines
            self._plot_rows = rows = min(_MOST_PLOT, rows + spare)
        return []

    def _printable(self, text: str) -> str:
        """The text in one line, in characters that the terminal can show."""
        text = one_line(text)
        if not self.console.options.ascii_only:
            return text
        return ASCII.printable(text.replace("← →", "arrows").replace("…", "."))

    def _printed(self, lines: Sequence[list[Segment]]) -> list[str]:
        segments: list[Segment] = []
        for i, line in enumerate(lines):
            segments += [Segment.line()] * (i > 0) + line
        with self.console.capture() as captured:
            self.console.print(Segments(segments), end="", crop=False)
        return captured.get().split("\n")


def _padded(text: str, width: int, *, left: bool) -> str:
    blank = " " * (width - cell_len(text))
    return text + blank if left else blank + text


def _cut(text: str, width: int, style: Style) -> list[Segment]:
    return [Segment(text if cell_len(text) <= width else set_cell_size(text, width), style)]
