"""A contour panel as a surface in space, with the paths on it."""

from __future__ import annotations

import math
from typing import Any

from gdcli.contract.figure import ContourPanel, CurvesPanel, Figure, Path
from gdcli.contract.grid import place_on, value_between
from gdcli.contract.scale import floor_of_log
from gdcli.render.picture.panels import edges, fitting, legend_below, markers_of
from gdcli.render.picture.style import MARKS, VALUES

_ELEVATION, _AZIMUTH = 52, -120  # degrees


def draw_surface(ax: Any, panel: ContourPanel, figure: Figure) -> None:
    """Draw the surface; a height is the value, or its logarithm where the values span decades."""
    import numpy as np
    from matplotlib import colormaps

    ax.set_title(fitting(ax, panel.title))
    ax.set_xlabel(panel.x.label, labelpad=8)
    ax.set_ylabel(panel.y.label, labelpad=8)
    bands = edges(panel)
    if len(bands) < 2:
        return
    z = np.array(panel.z, dtype=float)
    floor = floor_of_log(panel.values())
    shown = z if floor is None else np.log10(np.maximum(z, floor))
    x, y = np.array(panel.grid_x), np.array(panel.grid_y).reshape(-1, 1)  # plot_surface broadcasts them
    colours = colormaps[VALUES](np.interp(z, bands, np.linspace(0, 1, len(bands))))  # as the bands, and even between
    ax.plot_surface(x, y, shown, facecolors=colours, rcount=96, ccount=96, linewidth=0, antialiased=False, shade=False)
    ax.computed_zorder = False  # paths are drawn above the surface that they lie on
    for i, path in enumerate(panel.paths):
        heights = heights_on(panel, path, figure)
        ax.plot(path.x, path.y, heights, color="white", linewidth=3.4, zorder=10)
        edge = {"markersize": 5, "markeredgecolor": "white", "markeredgewidth": 0.5}
        ax.plot(path.x, path.y, heights, linewidth=1.8, zorder=11, **edge, **markers_of(panel.paths, i))
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
    ax.set_zlabel(panel.value if floor is None else f"{panel.value}, logarithmic", labelpad=10)
    ax.set_xlim(panel.x.low, panel.x.high)
    ax.set_ylim(panel.y.low, panel.y.high)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(_few())
    ax.set_box_aspect(None, zoom=0.98)
    ax.view_init(elev=_ELEVATION, azim=_AZIMUTH)


def _few() -> Any:
    """A few ticks, none of them in the corner where two axes meet."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5, prune="lower")


def _whole() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True, nbins=6)


def _shown(number: float, floor: float | None) -> float:
    """A value on the vertical axis."""
    return number if floor is None or not math.isfinite(number) else math.log10(max(number, floor))


def heights_on(panel: ContourPanel, path: Path, figure: Figure) -> list[float]:
    """Where the states of a path are drawn on the vertical axis of the surface; NaN outside the window."""
    floor = floor_of_log(panel.values())
    losses = zip(path.x, path.y, _losses(panel, path, figure), strict=True)
    return [_shown(loss, floor) if panel.holds(x, y) else math.nan for x, y, loss in losses]


def _losses(panel: ContourPanel, path: Path, figure: Figure) -> list[float]:
    """The loss at each state of a path; that of the surface below it where the path is projected onto the plane."""
    if not panel.plane:
        for curves in figure.panels:
            if isinstance(curves, CurvesPanel):
                for curve in curves.curves:
                    if curve.label == path.label and curve.counts == path.counts:
                        return list(curve.y)
    return [_below(panel, x, y) for x, y in zip(path.x, path.y, strict=True)]


def _below(panel: ContourPanel, x: float, y: float) -> float:
    """The value of the surface at a point, between the four points of the grid around it."""
    if not panel.holds(x, y):
        return math.nan
    return value_between(panel.z, place_on(panel.grid_y, y), place_on(panel.grid_x, x))
