"""The figure model as a picture file, through matplotlib: PNG, SVG and PDF.

The palette is cividis for values (even in lightness, and the same to colour-blind readers) and Okabe and Ito's (2008)
colours for paths, which also differ in their markers, so that a print in grey still tells them apart. The same figure
gives the same bytes: nothing in the file depends on the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any

from gdcli.errors import GdcliError, OutsideError
from gdcli.figure.model import ContourPanel, CurvesPanel, Figure, FunctionPanel, HeatPanel, Mark, Panel, Path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

PATH_COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#0072B2", "#F0E442", "#000000")
MARKERS = "osD^vPX*"
ENDINGS = (".png", ".svg", ".pdf")
_INCHES = (12.0, 5.4)  # a slide's width at half its height
_DOTS_PER_INCH = 150
_MOST_MARKERS = 60  # a longer path has markers at some of its states

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "gdcli",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "path.simplify": True,
}


def save_picture(figure: Figure, ending: str, file: IO[bytes], *, surface: bool = False) -> None:
    """Draw a figure into a file of one of ENDINGS; with ``surface``, a contour is a surface in space.

    Raises:
        OutsideError: without matplotlib.
    """
    matplotlib = _matplotlib()
    with matplotlib.rc_context(_STYLE):
        canvas, _ = draw(figure, surface=surface)
        metadata: dict[str, Any] = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        canvas.savefig(file, format=ending[1:], dpi=_DOTS_PER_INCH, metadata=metadata[ending])


def check_ending(path: str, endings: Sequence[str] = ENDINGS) -> str:
    """The ending of a path, in lower case.

    Raises:
        GdcliError: for one that no target draws.
    """
    ending = PurePath(path).suffix.lower()
    if ending not in endings:
        shown = f"'{ending}'" if ending else "no ending"
        raise GdcliError(
            "save", f"a picture cannot be saved as {path}: {shown}", f"the endings are {', '.join(endings)}"
        )
    return ending


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        message = "pictures need matplotlib, which is not installed"
        raise OutsideError("missing-extra", message, 'install it: pip install "gdcli[plot]"') from error
    return matplotlib


def draw(figure: Figure, *, surface: bool = False) -> tuple[Canvas, list[Axes]]:
    """A canvas with the panels beside each other; the axes are in the order of the panels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=_INCHES if len(figure.panels) > 1 else (7.5, 6.0), layout="constrained")
    FigureCanvasAgg(canvas)
    title = figure.title if len(figure.title) <= 90 else figure.title[:87] + "..."
    canvas.suptitle(_plain(title), fontsize=16, fontweight="bold")
    axes = []
    for position, panel in enumerate(figure.panels, start=1):
        in_space = surface and isinstance(panel, ContourPanel)
        projection = {"projection": "3d"} if in_space else {}
        ax = canvas.add_subplot(1, len(figure.panels), position, **projection)
        draw_panel(ax, panel, surface=in_space)
        axes.append(ax)
    below = "\n".join(filter(None, [figure.subtitle, *figure.notes]))
    if below:
        canvas.supxlabel(_plain(below), fontsize=10, color="#444444")
    return canvas, axes


def draw_panel(ax: Any, panel: Panel, *, surface: bool = False) -> None:
    """Draw one panel."""
    drawers: dict[type[Any], Callable[[Any, Any], None]] = {
        CurvesPanel: _curves,
        FunctionPanel: _function,
        ContourPanel: _surface if surface else _contour,
        HeatPanel: _heat,
    }
    ax.set_title(_plain(panel.title))
    drawers[type(panel)](ax, panel)


def _plain(text: str) -> str:
    """A text of the user, in which matplotlib is to read no formulas."""
    return text.replace("$", r"\$")


def _labelled(ax: Any, panel: CurvesPanel | FunctionPanel | ContourPanel) -> None:
    ax.set_xlabel(_plain(panel.x.label))
    ax.set_ylabel(_plain(panel.y.label))


def _styles(paths: Sequence[Path]) -> list[tuple[Path, str, str]]:
    """Each path with its colour and its marker."""
    return list(zip(paths, cycle(PATH_COLOURS), cycle(MARKERS), strict=False))


def _curves(ax: Any, panel: CurvesPanel) -> None:
    if panel.y.log:
        ax.set_yscale("log")
    for curve, colour, marker in _styles(panel.curves):
        every = max(1, len(curve.x) // 12)
        ax.plot(curve.x, curve.y, color=colour, marker=marker, markevery=every, markersize=5, label=curve.label)
    if len(panel.curves) > 1:
        ax.legend(frameon=False)
    ax.grid(alpha=0.3)
    _labelled(ax, panel)


def _function(ax: Any, panel: FunctionPanel) -> None:
    ax.plot(panel.grid, panel.values, color="#333333", linewidth=1.8, label="function")
    if panel.derivative is not None:
        ax.plot(panel.grid, panel.derivative, color=PATH_COLOURS[5], linestyle="--", label="derivative")
        ax.legend(frameon=False)
    for path, colour, marker in _styles(panel.paths):
        every = max(1, len(path.x) // _MOST_MARKERS)
        ax.plot(path.x, path.y, color=colour, linewidth=1.0, marker=marker, markevery=every, markersize=5, alpha=0.9)
    if panel.tangent is not None:
        x, y, slope = panel.tangent
        reach = 0.2 * (panel.x.high - panel.x.low)
        ax.plot([x - reach, x + reach], [y - slope * reach, y + slope * reach], color=PATH_COLOURS[5], linestyle="--")
    _marks(ax, panel.marks)
    margin = 0.05 * (panel.y.high - panel.y.low or 1.0)
    ax.set_xlim(panel.x.low, panel.x.high)
    ax.set_ylim(panel.y.low - margin, panel.y.high + margin)
    ax.grid(alpha=0.3)
    _labelled(ax, panel)


def _contour(ax: Any, panel: ContourPanel) -> None:
    from matplotlib.colors import BoundaryNorm

    edges = _edges(panel)
    if len(edges) > 1:
        norm = BoundaryNorm(edges, 256, extend="neither")
        ax.contourf(panel.grid_x, panel.grid_y, panel.z, levels=edges, cmap="cividis", norm=norm)
        ax.contour(panel.grid_x, panel.grid_y, panel.z, levels=edges[1:-1], colors="white", linewidths=0.4, alpha=0.6)
    if panel.field:
        ax.quiver(
            [a.x for a in panel.field], [a.y for a in panel.field], [a.dx for a in panel.field],
            [a.dy for a in panel.field], angles="xy", scale_units="xy", scale=1, color="white", width=0.003,
        )  # fmt: skip
    for path, colour, marker in _styles(panel.paths):
        every = max(1, len(path.x) // _MOST_MARKERS)
        ax.plot(path.x, path.y, color="white", linewidth=3.2)
        ax.plot(
            path.x, path.y, color=colour, linewidth=1.6, marker=marker, markevery=every, markersize=4.5,
            markeredgecolor="white", markeredgewidth=0.6, label=path.label,
        )  # fmt: skip
    if len(panel.paths) > 1:
        ax.legend(fontsize=10, framealpha=0.9)
    _marks(ax, panel.marks)
    ax.set_xlim(panel.x.low, panel.x.high)
    ax.set_ylim(panel.y.low, panel.y.high)
    _labelled(ax, panel)


def _edges(panel: ContourPanel) -> list[float]:
    """The levels with the smallest and the largest value around them."""
    finite = [z for row in panel.z for z in row if z - z == 0]
    if not finite:
        return []
    return sorted({min(finite), *panel.levels, max(finite)})


def _surface(ax: Any, panel: ContourPanel) -> None:
    import numpy as np
    from matplotlib.colors import BoundaryNorm

    edges = _edges(panel)
    if len(edges) > 1:
        # The bands of the contour colour the surface; its height is shown by rank, so that a valley is seen.
        x, y = np.meshgrid(panel.grid_x, panel.grid_y)
        z = np.array(panel.z)
        norm = BoundaryNorm(edges, 256)
        ax.plot_surface(x, y, z, cmap="cividis", norm=norm, rstride=2, cstride=2, linewidth=0, alpha=0.9)
        for path, colour, marker in _styles(panel.paths):
            heights = [_height(panel, a, b) for a, b in zip(path.x, path.y, strict=True)]
            ax.plot(path.x, path.y, heights, color=colour, marker=marker, markersize=3, zorder=10, label=path.label)
    ax.set_xlabel(_plain(panel.x.label))
    ax.set_ylabel(_plain(panel.y.label))
    ax.set_zlabel("loss")
    ax.view_init(elev=35, azim=-125)


def _height(panel: ContourPanel, x: float, y: float) -> float:
    """The value of the nearest point of the grid."""
    j = min(range(len(panel.grid_x)), key=lambda k: abs(panel.grid_x[k] - x))
    i = min(range(len(panel.grid_y)), key=lambda k: abs(panel.grid_y[k] - y))
    return panel.z[i][j]


def _heat(ax: Any, panel: HeatPanel) -> None:
    ax.imshow(panel.values, cmap="PuOr", vmin=panel.low, vmax=panel.high, aspect="equal")
    rows, columns = len(panel.values), len(panel.values[0])
    if rows * columns <= 64:
        for i, row in enumerate(panel.values):
            for j, value in enumerate(row):
                dark = abs(value) > 0.6 * panel.high
                ax.text(j, i, f"{value:.3g}", ha="center", va="center", fontsize=10, color="white" if dark else "black")
    ax.set_xticks(range(columns))
    ax.set_yticks(range(rows))


def _marks(ax: Any, marks: Sequence[Mark]) -> None:
    """The ends of paths and the known minima, above everything else."""
    styles = {"start": ("o", "#FFFFFF", 70), "end": ("*", "#FFFFFF", 170), "minimum": ("X", "#F0E442", 90)}
    for mark in marks:
        shape, colour, size = styles[mark.kind]
        ax.scatter([mark.x], [mark.y], marker=shape, s=size, c=colour, edgecolors="black", linewidths=1.2, zorder=5)
