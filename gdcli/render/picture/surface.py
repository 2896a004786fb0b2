"""A contour panel as a surface in space, with the paths on it."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Any

from gdcli.contract.figure import ContourPanel, CurvesPanel, Figure, Path
from gdcli.render.picture.panels import edges, every, legend_below
from gdcli.render.picture.style import MARKS, VALUES, path_style

_SPAN = 100.0  # the highest values are so many times the lowest ones: their logarithm is shown
_ELEVATION, _AZIMUTH = 52, -120  # degrees


def draw_surface(ax: Any, panel: ContourPanel, figure: Figure) -> None:
    """Draw the surface; a height is the value, or its logarithm where the values span decades."""
    import numpy as np
    from matplotlib import colormaps

    ax.set_title(panel.title)
    ax.set_xlabel(panel.x.label, labelpad=8)
    ax.set_ylabel(panel.y.label, labelpad=8)
    bands = edges(panel)
    if len(bands) < 2:
        return
    z = np.array(panel.z, dtype=float)
    floor = _floor(panel)
    shown = z if floor is None else np.log10(np.maximum(z, floor))
    x, y = np.array(panel.grid_x), np.array(panel.grid_y).reshape(-1, 1)  # plot_surface broadcasts them
    colours = colormaps[VALUES](np.interp(z, bands, np.linspace(0, 1, len(bands))))  # as the bands, and even between
    ax.plot_surface(x, y, shown, facecolors=colours, rcount=96, ccount=96, linewidth=0, antialiased=False, shade=False)
    ax.computed_zorder = False  # paths are drawn above the surface that they lie on
    for i, path in enumerate(panel.paths):
        colour, marker = path_style(i)
        heights = heights_on(panel, path, figure)
        label = "steps" if len(panel.paths) == 1 else None  # several are named beside it
        ax.plot(path.x, path.y, heights, color="white", linewidth=3.4, zorder=10)
        ax.plot(
            path.x, path.y, heights, color=colour, linewidth=1.8, marker=marker, markevery=every(len(path.x)),
            markersize=5, markeredgecolor="white", markeredgewidth=0.5, zorder=11, label=label,
        )  # fmt: skip
        for kind, at in (("start", slice(0, 1)), ("end", slice(-1, None))):
            if math.isfinite(heights[at][0]):
                shape, fill, area = MARKS[kind]
                spot = path.x[at], path.y[at], heights[at]
                ax.scatter(
                    *spot, marker=shape, s=area, c=fill, edgecolors="black", zorder=12, depthshade=False,
                    label=kind if i == 0 else None,
                )  # fmt: skip
    if panel.paths:
        legend_below(ax)
    if floor is not None:
        ax.zaxis.set_major_locator(_whole())
        ax.zaxis.set_major_formatter(lambda power, _: f"{10.0**power:.3g}")
    ax.set_zlabel("value" if floor is None else "value, logarithmic", labelpad=10)
    ax.set_xlim(panel.x.low, panel.x.high)
    ax.set_ylim(panel.y.low, panel.y.high)
    ax.set_box_aspect(None, zoom=1.1)
    ax.view_init(elev=_ELEVATION, azim=_AZIMUTH)


def _whole() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True, nbins=6)


def _floor(panel: ContourPanel) -> float | None:
    """Lower values are shown as this one on a logarithmic axis; None: the axis is linear.

    It is logarithmic where nearly all values are positive and span decades.
    """
    known = sorted(number for row in panel.z for number in row if math.isfinite(number))
    low, high = known[len(known) // 20], known[-1 - len(known) // 20]
    if known[0] < 0 or low <= 0 or high <= _SPAN * low:
        return None
    return max(known[0], low / _SPAN)


def _shown(number: float, floor: float | None) -> float:
    """A value on the vertical axis."""
    return number if floor is None or not math.isfinite(number) else math.log10(max(number, floor))


def _inside(panel: ContourPanel, x: float, y: float) -> bool:
    return panel.x.low <= x <= panel.x.high and panel.y.low <= y <= panel.y.high


def heights_on(panel: ContourPanel, path: Path, figure: Figure) -> list[float]:
    """Where the states of a path are drawn on the vertical axis of the surface; NaN outside the window."""
    floor = _floor(panel)
    losses = zip(path.x, path.y, _losses(panel, path, figure), strict=True)
    return [_shown(loss, floor) if _inside(panel, x, y) else math.nan for x, y, loss in losses]


def _losses(panel: ContourPanel, path: Path, figure: Figure) -> list[float]:
    """The loss at each state of a path; that of the surface below it where the path is projected onto the plane."""
    if not panel.plane:
        for curves in figure.panels:
            if isinstance(curves, CurvesPanel):
                for curve in curves.curves:
                    if curve.label == path.label and curve.iterations == path.iterations:
                        return list(curve.y)
    return [_below(panel, x, y) for x, y in zip(path.x, path.y, strict=True)]


def _below(panel: ContourPanel, x: float, y: float) -> float:
    """The value of the surface at a point, between the four points of the grid around it."""
    if not _inside(panel, x, y):
        return math.nan
    j, across = _between(panel.grid_x, x)
    i, up = _between(panel.grid_y, y)
    lower = panel.z[i][j] + across * (panel.z[i][j + 1] - panel.z[i][j])
    upper = panel.z[i + 1][j] + across * (panel.z[i + 1][j + 1] - panel.z[i + 1][j])
    return lower + up * (upper - lower)


def _between(grid: list[float], number: float) -> tuple[int, float]:
    """The grid point before a number, and the share of the way to the next."""
    i = min(bisect_right(grid, number) - 1, len(grid) - 2)
    return i, (number - grid[i]) / (grid[i + 1] - grid[i])
