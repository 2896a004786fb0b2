"""A map of cells on a canvas of matplotlib: every cell is a whole number of pixels wide and high."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

from gdcli.contract.figure import Figure, MapPanel
from gdcli.printable import one_line
from gdcli.render.map_axes import axes_of, line_in_cells
from gdcli.render.map_colours import NOT_RUN, colour_table
from gdcli.render.picture.map_legend import draw_legend, height_of_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_WIDE, _HIGH = 6.6, 6.0  # inches that the cells take, about
_ALIKE = 0.5, 1.15  # rows by columns between which cells are square
_LEAST_DOTS = 150  # per inch
_MOST_CELLS = 8_000  # along an axis; of a larger map every so many
_LEFT, _RIGHT, _BELOW = 1.1, 0.35, 0.75  # inches around the cells
_TITLE_LETTERS, _NOTE_LETTERS = 56, 88
_LINE = 0.21  # inches, of a note
_TICKS = 7
_DASHES = ((0, (5, 3)), (0, (1.5, 2)), (0, (6, 2, 1.5, 2)))


class Layout(NamedTuple):
    """The pixels of a map: of a cell in each direction, and per inch."""

    across: int
    up: int
    dots: float


def layout_of(columns: int, rows: int) -> Layout:
    """How large the cells are drawn."""
    dots = max(math.ceil(_LEAST_DOTS * _WIDE / columns) * columns / _WIDE, rows / _HIGH)
    across = max(1, round(_WIDE * dots / columns))
    if _ALIKE[0] <= rows / columns <= _ALIKE[1]:
        return Layout(across, across, dots)
    return Layout(across, max(1, round(_HIGH * dots / rows)), dots)


def drawn_map(figure: Figure, panel: MapPanel) -> tuple[Canvas, float]:
    """A canvas with the map, its title and its legend, and the dots per inch at which a cell is whole pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    image = cells_in_colour(panel)
    rows, columns = image.shape[:2]
    across, up, dots = layout_of(columns, rows)
    below = [figure.subtitle, *(remark.message for remark in figure.remarks)]
    notes = [line for note in below if note for line in textwrap.wrap(one_line(note), _NOTE_LETTERS)]
    legend = height_of_legend(panel)
    under = _pixels(_BELOW + legend + _LINE * (len(notes) + 1), dots)
    over = _pixels(0.85 if panel.title else 0.6, dots)
    left, right = _pixels(_LEFT, dots), _pixels(_RIGHT, dots)
    wide, high = left + across * columns + right, under + up * rows + over
    size = wide + 0.01, high + 0.01  # a size that is rounded down is still whole
    canvas = Canvas(figsize=(size[0] / dots, size[1] / dots), dpi=dots)
    FigureCanvasAgg(canvas)
    title = textwrap.shorten(one_line(figure.title), _TITLE_LETTERS, placeholder=" ...")
    canvas.suptitle(title, fontsize=18, fontweight="bold", y=1 - 0.12 * dots / high, va="top")
    ax = canvas.add_axes((left / size[0], under / size[1], across * columns / size[0], up * rows / size[1]))
    _draw(ax, panel, image, (across, up))
    inches = across * columns / dots
    place = (left / size[0], (under - (_BELOW + legend) * dots) / size[1], inches * dots / size[0])
    draw_legend(canvas.add_axes((*place, legend * dots / size[1])), panel, inches, legend, _DASHES)
    canvas.text(0.5, 0.1 * dots / high, "\n".join(notes), fontsize=12, color="#333333", ha="center", va="bottom")
    return canvas, dots


def _pixels(inches: float, dots: float) -> int:
    return round(inches * dots)


def cells_in_colour(panel: MapPanel) -> Any:
    """The colours of the cells, the lowest row first: (rows, columns, 4), transparent where a cell was not run."""
    import numpy as np

    shape = panel.rows, panel.columns
    every = max(1, math.ceil(max(shape) / _MOST_CELLS))
    group = np.frombuffer(panel.group, np.uint8).reshape(shape)[::every, ::every]
    level = np.frombuffer(panel.level, np.uint8).reshape(shape)[::every, ::every]
    table = np.frombuffer(colour_table(panel.scales), np.uint8).reshape(256, 256, 3)
    image = np.empty((*group.shape, 4), np.uint8)
    for i, (groups, levels) in enumerate(
        zip(group, level, strict=True)
    ):  # all at once, the places take 16 bytes a cell
        image[i, :, :3] = table[groups, levels]
        image[i, :, 3] = np.where(groups == NOT_RUN, 0, 255)
    return image


def _cells_of(ax: Axes, image: Any, window: tuple[int, int, int, int], pixels: tuple[int, int]) -> Any:
    """The cells as an image that matplotlib does not resample, which would take the memory of many copies."""
    import numpy as np
    from matplotlib.image import AxesImage
    from matplotlib.transforms import IdentityTransform

    class Cells(AxesImage):
        def make_image(self, renderer: Any, magnification: float = 1.0, unsampled: bool = False) -> Any:  # noqa: FBT001, FBT002
            if unsampled:  # in SVG and PDF a cell is a pixel of the image that they hold
                self.set_data(image)
                return super().make_image(renderer, magnification, unsampled=True)
            across, up = pixels
            drawn = image if pixels == (1, 1) else np.repeat(np.repeat(image, up, axis=0), across, axis=1)
            return drawn, round(self.axes.bbox.x0), round(self.axes.bbox.y0), IdentityTransform()

    cells = Cells(ax, origin="lower", extent=window, interpolation="none")
    cells.set_data(image[:1, :1])  # matplotlib copies it, and a PNG does without
    return cells


def _draw(ax: Axes, panel: MapPanel, image: Any, pixels: tuple[int, int]) -> None:
    """The cells, the axes in the units of the data, and the lines."""
    ax.add_image(_cells_of(ax, image, (0, panel.columns, 0, panel.rows), pixels))
    if panel.title:
        ax.set_title(panel.title)
    x, y = axes_of(panel)
    ax.set_xticks(*_apart(x.ticks(_TICKS)))
    ax.set_yticks(*_apart(y.ticks(_TICKS)))
    ax.set_xlabel(panel.x.label)
    ax.set_ylabel(panel.y.label)
    for i, line in enumerate(panel.lines):
        points = line_in_cells(panel, line)
        ax.plot(*points, color="black", linewidth=2.8)
        ax.plot(*points, color="white", linewidth=1.4, linestyle=_DASHES[i % len(_DASHES)])
    for side in ("left", "bottom"):
        ax.spines[side].set_position(("outward", 1))  # a line on the border would hide a part of the outer cells
    ax.set_xlim(0, panel.columns)
    ax.set_ylim(0, panel.rows)


def _apart(ticks: list[tuple[float, str]]) -> tuple[list[float], list[str]]:
    return [place for place, _ in ticks], [text for _, text in ticks]
