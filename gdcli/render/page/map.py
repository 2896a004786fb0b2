"""A map of a sweep, or its curve, for plotly. The page unpacks the cells, and makes the command of one that is clicked.

The axes of a map are its cells: cell (i, j) reaches from (i, j) to (i + 1, j + 1). On a logarithmic axis, plotly shows
no image.
"""

from __future__ import annotations

import base64
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET

from gdcli.contract.figure import Axis, MapPanel, MapScale, SweepCurvePanel
from gdcli.contract.sweep import SweepCells, SweepResult
from gdcli.render.map_axes import CellAxis, axes_of, line_in_cells
from gdcli.render.map_colours import NOT_RUN, colour_table, colours_of, rare_basins
from gdcli.render.numbers import percent
from gdcli.render.page.alt import map_text, sentence, sweep_curve_text
from gdcli.render.page.traces import Plot, Trace, axis_of, escaped, hover, plot
from gdcli.render.terminal.ticks import three_digits, ticks

MOST_CELLS = 1_000  # along an axis
_FEWER = 0.8  # of the cells along an axis, where those of a map take too many characters
_CHARACTERS = 2_300_000  # of the packed cells and their numbers
_MOST_POINTS = 20_000  # of a curve
_TICKS = 7
_STOPS = 16  # colours of a bar


class Kept(NamedTuple):
    """The columns and the rows of a map that a page has."""

    columns: list[int]
    rows: list[int]

    def cells(self, panel: MapPanel) -> Iterator[int]:
        """Their numbers in the map, row by row from the lowest."""
        return (j * panel.columns + i for j in self.rows for i in self.columns)


def map_plot(panel: MapPanel, record: SweepResult) -> Plot:
    """A map with its lines; of a large one every so many cells, which the note says."""
    kept, cells = _packed_cells(panel)
    columns, rows = len(kept.columns), len(kept.rows)
    x, y = axes_of(panel)
    layout = {"xaxis": _axis(x, columns), "yaxis": {**_axis(y, rows), "scaleanchor": False}}
    image: Trace = {
        "type": "image",
        "x0": 0.5,
        "y0": 0.5,
        "dx": 1,
        "dy": 1,
        "hoverinfo": "skip",
        "meta": {"role": "map"},
    }
    traces = [image]
    for i, line in enumerate(panel.lines):
        xs, ys = line_in_cells(panel, line)
        about = {"type": "scatter", "mode": "lines", "x": [place * columns / panel.columns for place in xs]}
        about |= {"y": [place * rows / panel.rows for place in ys], "name": escaped(line.label), "hoverinfo": "skip"}
        traces += [{**about, "meta": {"role": "line", "number": i, "below": below}} for below in (True, False)]
    shown = [scale for scale in panel.scales if scale.share > 0 and scale not in rare_basins(panel.scales)]
    numbers, missing = _packed_numbers(panel, record, kept, _CHARACTERS - len(cells))
    table = colour_table(panel.scales)[: 3 * 256 * len(panel.scales)]
    note = sentence([*(f"dashed: {line.label}" for line in panel.lines), _thinned(panel, kept), missing])
    sweep = {
        "columns": columns,
        "rows": rows,
        "cells": cells,
        "table": base64.b64encode(table).decode(),
        "scales": [_scale(scale) for scale in panel.scales],
        "legend": [panel.scales.index(scale) for scale in shown],
        "blank": NOT_RUN,
        "numbers": numbers,
        "axes": [
            {"name": axis.name, "numbers": [axis.number(i) for i in places]}
            for axis, places in zip(record.axes, kept, strict=True)
        ],
        "command": record.cell_command,
    }
    made = plot("map", panel.title, map_text(panel), note, traces, layout)
    return {**made, "sweep": sweep}


def _spread(count: int, most: int) -> list[int]:
    """At most ``most`` of ``count`` places, evenly spaced, with the first and the last."""
    if count <= most:
        return list(range(count))
    return [round(k * (count - 1) / (most - 1)) for k in range(most)]


def _packed_cells(panel: MapPanel) -> tuple[Kept, str]:
    """The groups and the levels of as many cells as fit, and which these are."""
    most = MOST_CELLS
    while True:
        kept = Kept(_spread(panel.columns, most), _spread(panel.rows, most))
        group = bytes(panel.group[cell] for cell in kept.cells(panel))
        packed = _packed(group + bytes(panel.level[cell] for cell in kept.cells(panel)))
        if len(packed) <= _CHARACTERS or most <= 2:
            return kept, packed
        most = int(_FEWER * min(most, max(panel.columns, panel.rows)))


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 6)).decode()


def _packed_numbers(panel: MapPanel, record: SweepResult, kept: Kept, room: int) -> tuple[dict[str, Any], str]:
    """The status, the steps and the loss of each cell, as far as they fit, and what is missing."""
    if record.grid is UNSET:
        return {}, ""
    grid: SweepCells = record.grid
    names = list(record.statuses)
    numbers: dict[str, Any] = {"statuses": [name.replace("_", " ") for name in names]}
    places = {name: place for place, name in enumerate(names)}
    kinds: dict[str, tuple[str, Sequence[float]]] = {
        "status": ("B", [places[name] for name in grid.status]),
        "steps": ("i", grid.steps),
        "loss": ("d", grid.loss),
    }
    for name, (kind, column) in kinds.items():
        content = array(kind, [column[cell] for cell in kept.cells(panel)])
        if sys.byteorder == "big":
            content.byteswap()
        packed = _packed(content.tobytes())
        if len(packed) > room:
            return numbers, f"the {name} of each cell did not fit into the page: use --json --cells"
        numbers[name] = packed
        room -= len(packed)
    return numbers, ""


def _thinned(panel: MapPanel, kept: Kept) -> str:
    columns, rows = len(kept.columns), len(kept.rows)
    if (columns, rows) == (panel.columns, panel.rows):
        return ""
    return f"the page has {columns:,} of {panel.columns:,} columns and {rows:,} of {panel.rows:,} rows, evenly spaced"


def _axis(axis: CellAxis, shown: int) -> dict[str, Any]:
    ticks = axis.ticks(_TICKS)
    found = {"title": {"text": escaped(axis.axis.label)}, "range": [0, shown], "showgrid": False}
    places = [place * shown / axis.cells for place, _ in ticks]
    return {**found, "tickmode": "array", "tickvals": places, "ticktext": [text for _, text in ticks]}


def _scale(scale: MapScale) -> dict[str, Any]:
    """A scale as the legend of the page shows it: its colours from left to right, and the numbers at their places."""
    turned = scale.kind == "converged"  # it ends at the edge, where divergence begins
    all_colours = colours_of(scale)
    colours = [all_colours[level] for level in _spread(len(all_colours), _STOPS)]
    ticks = [(1 - level / 255 if turned else level / 255, three_digits(number)) for level, number in scale.ticks]
    return {
        "label": scale.label,
        "kind": scale.kind,
        "share": percent(scale.share),
        "colours": [f"rgb{colour}" for colour in (colours[::-1] if turned else colours)],
        "ticks": ticks,
        "levels": scale.ticks,
    }


def _curve_axis(axis: Axis) -> dict[str, Any]:
    """An axis of a curve; one of whole numbers has its ticks at some of these."""
    found = axis_of(axis)
    if not axis.whole:
        return found
    if axis.log:
        places = [place for place in found["tickvals"] if place.is_integer()]
        return {**found, "tickvals": places, "ticktext": [f"{place:.6g}" for place in places]}
    places = [place for place, _ in ticks(axis, _TICKS)]
    return {**found, "tick0": 0, "dtick": places[1] - places[0] if len(places) > 1 else 1}


def sweep_curve_plot(panel: SweepCurvePanel, record: SweepResult) -> Plot:
    """A quantity over one axis, with the ranges that work shaded."""
    places = _spread(len(panel.grid), _MOST_POINTS)
    template = f"{escaped(panel.x.label)} %{{x}}<br>{escaped(panel.y.label)} %{{y:.6g}}"
    curve: Trace = {"type": "scatter", "mode": "lines+markers", "x": [panel.grid[i] for i in places]}
    curve |= {"y": [panel.values[i] for i in places], "meta": {"role": "sweep"}, **hover(template)}
    traces: list[Trace] = [curve]
    ends = [panel.y.low, panel.y.high]
    for i, line in enumerate(panel.lines):
        about = {"type": "scatter", "mode": "lines", "x": [line.x[0]] * 2, "y": ends, "name": escaped(line.label)}
        traces.append({**about, "meta": {"role": "bound", "number": i}, **hover(escaped(line.label))})
    shapes = [
        {"type": "rect", "xref": "x", "yref": "paper", "x0": low, "x1": high, "y0": 0, "y1": 1, "layer": "below"}
        for low, high in panel.works
    ]
    layout = {"xaxis": _curve_axis(panel.x), "yaxis": _curve_axis(panel.y), "shapes": shapes}
    words = ["shaded: the runs converge"] * bool(shapes) + [f"dashed: {line.label}" for line in panel.lines]
    axes = [{"name": record.axes[0].name, "numbers": curve["x"]}]
    made = plot("sweep", panel.title, sweep_curve_text(panel), sentence(words), traces, layout)
    return {**made, "sweep": {"axes": axes, "command": record.cell_command}}
