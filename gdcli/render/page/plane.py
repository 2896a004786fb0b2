"""A function over a plane as contours and as a surface, for plotly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gdcli.contract.figure import Arrow, ContourPanel, Path, finite
from gdcli.contract.grid import bands_up
from gdcli.contract.scale import scale_of_heights, scales_to_choose
from gdcli.render.page.alt import contour_text, sentence, surface_text
from gdcli.render.page.traces import (
    Plot,
    Trace,
    axis_of,
    blank_window,
    escaped,
    hover,
    legend,
    marks_trace,
    path_trace,
    plot,
)

_SOLID = ["circle", "square", "diamond", "circle-open", "cross", "square-open", "diamond-open", "x"]  # all there are


def contour_plot(panel: ContourPanel) -> Plot:
    """Contours with the paths. ``z`` is not the value but its band, so that every band has its own colour."""
    numbers = sorted(panel.values()) or [0.0]
    edges = [numbers[0], *panel.levels, numbers[-1]]
    place = f"{escaped(panel.x.label)} %{{x:.6g}}<br>{escaped(panel.y.label)} %{{y:.6g}}"
    last = len(panel.levels)
    several = len(panel.paths) > 1
    traces: list[Trace] = [
        {
            "type": "contour",
            "x": panel.grid_x,
            "y": panel.grid_y,
            "z": [[band(number, edges) for number in row] for row in panel.z],
            "zmin": 0,
            "zmax": last + 1,
            "autocontour": False,
            "contours": {"start": 1, "end": max(1, last), "size": 1},
            "colorbar": {
                "tickvals": list(range(1, last + 1)),
                "ticktext": [_short(level) for level in panel.levels],
            },
            "meta": {"role": "contour"},
            **hover(f"{place}<br>{panel.value} %{{customdata:.6g}}"),  # the page adds the values
        }
    ]
    if panel.field:
        traces.append(_field(panel.field))
    traces += [path_trace(k, path, place, several=several) for k, path in enumerate(panel.paths)]
    if panel.paths:
        traces.append(marks_trace(panel.marks, several=several))
    layout = {"xaxis": axis_of(panel.x), "yaxis": axis_of(panel.y)}
    if panel.equal:
        layout["xaxis"]["constrain"] = layout["yaxis"]["constrain"] = "domain"
        layout["yaxis"]["scaleanchor"] = "x"
    if panel.is_blank:
        layout.update(blank_window())
    words = legend(panel.marks, several=several) + ["arrows: the gradient"] * bool(panel.field)
    note = sentence([*words, "the levels are not evenly spaced: each band has its own colour"])
    return plot("contour", panel.title, contour_text(panel), note, traces, layout)


def surface_plot(panel: ContourPanel, losses: Sequence[Path]) -> Plot:
    """The surface, and each path at the height of its own loss.

    The page takes the positions and the colours from the contours, and ``losses`` give the heights. All are
    values: the page scales them linearly, logarithmically or by the bands.
    """
    place = f"{escaped(panel.x.label)} %{{x:.6g}}<br>{escaped(panel.y.label)} %{{y:.6g}}"
    place += f"<br>{panel.value} %{{customdata:.6g}}"
    colours = {"cmin": 0, "cmax": len(panel.levels) + 1, "showscale": False, "meta": {"role": "surface"}}
    traces: list[Trace] = [{"type": "surface", "z": panel.z, **colours, **hover(place)}]
    several = len(panel.paths) > 1
    for k, (path, curve) in enumerate(zip(panel.paths, losses, strict=True)):
        meta = {"name": escaped(path.label), "meta": {"role": "path", "run": k}}
        heights = _inside(panel, path, curve)
        traces.append({"type": "scatter3d", "mode": "lines", "z": heights, **meta, **hover(place, named=several)})
    if panel.paths:
        marker = {"symbol": [_SOLID[k % len(_SOLID)] for k in range(len(panel.paths))]}
        role = {"meta": {"role": "point"}, "hoverinfo": "skip"}
        traces.append({"type": "scatter3d", "mode": "markers", "z": [], "marker": marker, **role})
    scene = {
        name: {"title": {"text": escaped(axis.label.partition(" (")[0])}, "range": [axis.low, axis.high]}
        for name, axis in (("xaxis", panel.x), ("yaxis", panel.y))
    }
    note = "Drag to rotate."
    if panel.plane and panel.paths:
        note += " Each path is drawn at its own loss, so it may lie above or below the surface."
    heights = [number for row in [*panel.z, *(trace["z"] for trace in traces[1:])] for number in row]
    made = plot("surface", "as a surface", surface_text(panel), note, traces, {"scene": scene})
    numbers = finite(number for number in heights if number is not None) or [0.0]
    edges = [min(numbers), *panel.levels, max(numbers)]
    scales = {"scales": scales_to_choose(numbers), "scale": scale_of_heights(panel.values())}
    return {**made, "edges": edges, **scales, "value": panel.value}


def band(number: float | None, edges: Sequence[float]) -> float | None:
    """The position of a value in units of bands: k at edge k, linear between two edges. None for no number."""
    place = bands_up(math.nan if number is None else number, edges, share=0.0)
    return None if math.isnan(place) else round(place, 4)


def _short(level: float) -> str:
    """A level with three digits, without an exponent if it is short: 1200, not 1.2e+03."""
    return f"{float(f'{level:.3g}'):g}"


def _inside(panel: ContourPanel, path: Path, curve: Path) -> list[float | None]:
    """The loss along a path, None where it is outside the window."""
    places = zip(path.x, path.y, curve.y, strict=True)
    return [loss if panel.holds(x, y) else None for x, y, loss in places]


def _field(arrows: Sequence[Arrow]) -> dict[str, Any]:
    """Arrows as one line with gaps, with a head at the end of each segment."""
    x = [number for arrow in arrows for number in (arrow.x, arrow.x + arrow.dx, None)]
    y = [number for arrow in arrows for number in (arrow.y, arrow.y + arrow.dy, None)]
    marker = {"symbol": "arrow", "angleref": "previous", "size": [0, 8, 0] * len(arrows)}
    about = {"meta": {"role": "field"}, "hoverinfo": "skip"}
    return {"type": "scatter", "mode": "lines+markers", "x": x, "y": y, "marker": marker, **about}
