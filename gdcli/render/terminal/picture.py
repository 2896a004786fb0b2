"""A figure on a terminal: its panels next to each other if they fit, otherwise one below the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment

from gdcli.contract.figure import (
    ContourPanel,
    CurvesPanel,
    Figure,
    FunctionPanel,
    HeatPanel,
    MapPanel,
    Panel,
    ScatterPanel,
    SweepCurvePanel,
)
from gdcli.render.terminal.contour import contour_lines, contour_rows
from gdcli.render.terminal.curves import curves_lines, function_lines
from gdcli.render.terminal.heat import heat_lines
from gdcli.render.terminal.map import map_lines
from gdcli.render.terminal.palette import Palette
from gdcli.render.terminal.scatter import scatter_lines
from gdcli.render.terminal.sheet import Line, beside, width_of
from gdcli.render.terminal.signs import ASCII, UNICODE, Signs, has_few_signs
from gdcli.render.terminal.sweep_curve import sweep_curve_lines
from gdcli.render.text import Text

_GAP = 3
SIDE_BY_SIDE = 76  # from this width on
_WIDEST = 500  # a wider one has no more to show, and takes seconds
_AROUND = 10  # rows of a screen that the title, the axes, the legend and the prompt take
_LEAST_ROWS, _MOST_ROWS, _USUAL_ROWS = 10, 28, 18
_WIDE = 100  # cells
_MORE = 4  # rows, for a wide picture and for a contour that is alone


class Picture:
    """A figure as a picture of characters, as wide as the console; without its remarks."""

    def __init__(self, figure: Figure, *, titled: bool = True, rows: int | None = None) -> None:
        """``rows`` is the height of a plot; by default it is as high as the screen allows."""
        self.figure = figure
        self.titled = titled
        self.rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it for the width, the height, the characters and the colours of the console."""
        few = has_few_signs(options)
        width = min(options.max_width, _WIDEST)
        rows = self.rows or _rows(console, width)
        draw = _Drawing(ASCII if few else UNICODE, Palette(console), width, rows)
        draw.on_screen = console.is_terminal
        if self.titled:
            yield Text(draw.signs.printable(self.figure.title), "bold")
        if self.figure.subtitle:
            yield Text(draw.signs.printable(self.figure.subtitle), "dim")
        if self.titled or self.figure.subtitle:
            yield ""
        for line in draw.panels(self.figure.panels):
            yield from line
            yield Segment.line()


def _rows(console: Console, width: int) -> int:
    """The rows of a plot: as many as the screen has, on a terminal."""
    if not console.is_terminal:
        return _USUAL_ROWS + _MORE * (width >= _WIDE)
    return min(_MOST_ROWS, max(_LEAST_ROWS, console.height - _AROUND))


class _Drawing:
    def __init__(self, signs: Signs, palette: Palette, width: int, rows: int) -> None:
        self.signs = signs
        self.palette = palette
        self.width = width
        self.rows = rows
        self.on_screen = False

    def panels(self, panels: Sequence[Panel]) -> Iterator[Line]:
        """The first panel on the left and the others on the right, in rows of two, or one below the other."""
        if len(panels) > 2 and isinstance(panels[0], ScatterPanel) and self.width >= SIDE_BY_SIDE:
            yield from self._in_pairs(panels)
            return
        if len(panels) > 1 and self.width >= SIDE_BY_SIDE:
            yield from self._side_by_side(panels)
            return
        for i, panel in enumerate(panels):
            if i:
                yield []
            rows = self.rows
            if len(panels) > 1 and not isinstance(panel, ContourPanel):
                rows = min(rows, _LEAST_ROWS)
            elif len(panels) == 1 and isinstance(panel, (ContourPanel, MapPanel)) and not self.on_screen:
                rows += _MORE
            yield from self._lines(panel, self.width, rows)

    def _in_pairs(self, panels: Sequence[Panel]) -> Iterator[Line]:
        """The panels in rows of two."""
        half = (self.width - _GAP) // 2
        rows = max(_LEAST_ROWS, self.rows // 2) if self.on_screen else self.rows
        for i, row in enumerate(panels[k : k + 2] for k in range(0, len(panels), 2)):
            if i:
                yield []
            width, high = (half, rows) if len(row) == 2 else (self.width, self.rows)
            blocks = [self._lines(panel, width, high) for panel in row]
            yield from beside(blocks, [half] * len(row), _GAP)

    def _side_by_side(self, panels: Sequence[Panel]) -> list[Line]:
        others, rows = panels[1:], self.rows
        right = self._width_of_right(others[0])
        if isinstance(others[0], ContourPanel):
            rows = contour_rows(others[0], right, rows)
        block: list[Line] = []
        for i, panel in enumerate(others):
            block += [[]] * (i > 0)
            block += self._lines(panel, right, rows if len(others) == 1 else rows // 2 - 1)
        right = max(map(width_of, block))
        left = self.width - right - _GAP
        return beside([self._lines(panels[0], left, rows), block], [left, right], _GAP)

    def _width_of_right(self, panel: Panel) -> int:
        """A contour takes the width that its height needs, but leaves enough for the others; other panels take half."""
        if isinstance(panel, ContourPanel):
            return max(self.width // 2, min(self.width - 32 - _GAP, 2 * self.rows + 9))
        return (self.width - _GAP) // 2

    def _lines(self, panel: Panel, width: int, rows: int) -> list[Line]:
        for kind, draw in _KINDS:
            if isinstance(panel, kind):
                return draw(panel, width, rows, self.signs, self.palette)
        raise TypeError(type(panel).__name__)


_KINDS: tuple[tuple[type, Callable[..., list[Line]]], ...] = (
    (CurvesPanel, curves_lines),
    (FunctionPanel, function_lines),
    (ContourPanel, contour_lines),
    (HeatPanel, heat_lines),
    (ScatterPanel, scatter_lines),
    (MapPanel, map_lines),
    (SweepCurvePanel, sweep_curve_lines),
)
