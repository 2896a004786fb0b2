"""A figure as PNG, SVG or PDF. The same figure gives the same bytes: nothing in a file depends on the time."""

from __future__ import annotations

import textwrap
from typing import IO, TYPE_CHECKING, Any

from gdcli.contract.figure import ContourPanel, Figure, HeatPanel, MapPanel, ScatterPanel
from gdcli.printable import one_line
from gdcli.render.picture.map import drawn_map
from gdcli.render.picture.panels import draw_panel
from gdcli.render.picture.style import DOTS_PER_INCH, RC
from gdcli.render.picture.surface import draw_surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_WIDE, _SINGLE = (12.8, 6.4), (8.0, 6.4)  # inches
_ROW_OF_THREE, _TWO_ROWS = (18.0, 6.4), (13.6, 12.0)
_TITLE_LETTERS, _NOTE_LETTERS = 100, 150
_METADATA = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def save_picture(figure: Figure, ending: str, file: IO[bytes], *, surface: bool = False) -> None:
    """Draw a figure into a file: ".png", ".svg" or ".pdf". With ``surface``, a contour is a surface in space."""
    import matplotlib as mpl

    with mpl.rc_context(RC):
        canvas, dots = canvas_of(figure, surface=surface)
        canvas.savefig(file, format=ending[1:], dpi=dots, metadata=_METADATA[ending])


def canvas_of(figure: Figure, *, surface: bool) -> tuple[Canvas, float]:
    """The canvas of a figure, and its dots per inch."""
    if isinstance(figure.panels[0], MapPanel):
        return drawn_map(figure, figure.panels[0])
    return drawn(figure, surface=surface)[0], DOTS_PER_INCH


def drawn(figure: Figure, *, surface: bool = False) -> tuple[Canvas, list[Axes]]:
    """A canvas with the panels beside each other, and their axes in the same order."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    several = len(figure.panels) > 1
    canvas = Canvas(figsize=_size(figure), layout="constrained")
    FigureCanvasAgg(canvas)
    letters = _TITLE_LETTERS if several else _TITLE_LETTERS * 5 // 8
    title = textwrap.shorten(one_line(figure.title), letters, placeholder=" ...")
    canvas.suptitle(title, fontsize=18, fontweight="bold")
    notes = [figure.subtitle, *(remark.message for remark in figure.remarks)]
    width = _NOTE_LETTERS if several else _NOTE_LETTERS * 5 // 8
    below = "\n".join(line for note in notes if note for line in textwrap.wrap(one_line(note), width))
    if below:
        canvas.supxlabel(below, fontsize=12, color="#333333")
    return canvas, _panels(canvas, figure, surface=surface)


def _size(figure: Figure) -> tuple[float, float]:
    """Width and height in inches."""
    if _has_points(figure) and len(figure.panels) > 2:
        return _ROW_OF_THREE if len(figure.panels) == 3 else _TWO_ROWS
    return _WIDE if len(figure.panels) > 1 else _SINGLE


def _has_points(figure: Figure) -> bool:
    """Whether it is the figure of a fit to data."""
    return any(isinstance(panel, ScatterPanel) for panel in figure.panels)


def _grid(canvas: Canvas, figure: Figure) -> list[Any]:
    """The place of each panel: of a fit in a row of three or in rows of two; else the first one on the left."""
    count = len(figure.panels)
    if _has_points(figure) and count > 2:
        columns = 3 if count == 3 else 2
        grid = canvas.add_gridspec(-(-count // columns), columns)
        return [grid[divmod(i, columns)] for i in range(count)]
    heats = [panel for panel in figure.panels if isinstance(panel, HeatPanel)]
    columns = count - max(0, len(heats) - 1)
    rows = max(1, len(heats))
    grid = canvas.add_gridspec(rows, columns, width_ratios=[1] if columns == 1 else [4, *[5] * (columns - 1)])
    return [
        grid[heats.index(panel), columns - 1] if isinstance(panel, HeatPanel) else grid[:, i]
        for i, panel in enumerate(figure.panels)
    ]


def _panels(canvas: Canvas, figure: Figure, *, surface: bool) -> list[Axes]:
    """Each panel on axes of its own; heat maps share the right with each other."""
    found: list[Any] = []
    for place, panel in zip(_grid(canvas, figure), figure.panels, strict=True):
        in_space = surface and isinstance(panel, ContourPanel)
        ax = canvas.add_subplot(place, projection="3d" if in_space else None)
        if in_space and isinstance(panel, ContourPanel):
            draw_surface(ax, panel, figure)
        else:
            draw_panel(ax, panel)
        found.append(ax)
    return found
