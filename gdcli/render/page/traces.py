"""The panels of a figure as plain plotly traces and layouts: numbers and roles. The page colours them by role.

``meta.role`` says what a trace is, and ``meta.run`` which run it belongs to. The current points are not among them:
they move, and the page draws them over the panels.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

from gdcli.contract.fields import Nested
from gdcli.contract.figure import (
    NO_VALUE,
    Axis,
    CurvesPanel,
    FunctionPanel,
    HeatPanel,
    MapLine,
    Mark,
    Path,
    largest_size,
)
from gdcli.contract.nested import flat
from gdcli.render.page.alt import curves_text, function_text, heat_text, sentence
from gdcli.render.page.thin import some

Trace = dict[str, Any]
Plot = dict[str, Any]
"""A panel of the page: ``kind``, ``title``, ``alt``, ``note``, ``traces``, ``layout``, and the fields of its kind."""

_MOST_CELLS = 64  # of a heat map, along each side
_READABLE = 100  # cells; with more, their numbers do not fit
_MARKED = 100  # states; a longer path is only a line
_MARKS = {"start": "circle", "end": "star", "minimum": "x", "exact": "x"}
_DASHES = ("dashed", "dotted", "dash-dotted")  # in the order of the styles of the page
_WORDS = {"start": "○ start", "end": "☆ end", "minimum": "✕ known minimum", "exact": "✕ exact minimum"}


def curves_plot(panel: CurvesPanel) -> Plot:
    """Curves over the iterations, or over the evaluations."""
    place = f"{escaped(panel.y.label)} %{{y:.6g}}"
    traces = [path_trace(k, curve, place, several=len(panel.curves) > 1) for k, curve in enumerate(panel.curves)]
    traces += compared_traces(panel.lines)
    layout = {"xaxis": _with_margin(axis_of(panel.x), 0.03), "yaxis": _with_margin(axis_of(panel.y), 0.06)}
    if panel.y.label == panel.title:
        del layout["yaxis"]["title"]
    if panel.x.high < 8:
        layout["xaxis"]["dtick"] = 1
    note = sentence(["the axis is logarithmic" if panel.y.log else "", *compared_words(panel.lines)])
    return plot("curves", panel.title, curves_text(panel), note, traces, layout)


def function_plot(panel: FunctionPanel, slopes: Sequence[float | None] = ()) -> Plot:
    """A function of one variable; ``slopes`` are those of the tangents at the states of its path, if it has them."""
    label = escaped(panel.x.label)
    place = f"{label} %{{x:.6g}}<br>{escaped(panel.y.label)} %{{y:.6g}}"
    several = len(panel.paths) > 1
    line = {"type": "scatter", "mode": "lines", "x": panel.grid}
    traces: list[Trace] = [{**line, "y": panel.values, "meta": {"role": "function"}, **hover(place)}]
    if panel.derivative is not None:
        template = f"{label} %{{x:.6g}}<br>derivative %{{y:.6g}}"
        dashed = {"line": {"dash": "dash"}, "meta": {"role": "derivative"}}
        traces.append({**line, "y": panel.derivative, **dashed, **hover(template)})
    traces += [path_trace(k, path, place, several=several) for k, path in enumerate(panel.paths)]
    if panel.paths:
        traces.append(marks_trace(panel.marks, several=several))
    words = legend(panel.marks, several=several)
    words += ["dashed: the derivative"] * (panel.derivative is not None)
    words += ["the line through the current point: the tangent"] * bool(slopes)
    layout = {"xaxis": axis_of(panel.x), "yaxis": axis_of(panel.y)}
    if panel.is_blank:
        layout["yaxis"]["showticklabels"] = False
        layout.update(blank_window())
    made = plot("function", panel.title, function_text(panel), sentence(words), traces, layout)
    return {**made, "slopes": list(slopes)}


def heat_plot(title: str, panel: HeatPanel, states: Sequence[Nested]) -> Plot:
    """A matrix at each of the states of a run: ``frames`` are its numbers row by row, None where there are none."""
    columns = len(panel.values[0])
    shown_rows, shown_columns = some(range(len(panel.values)), _MOST_CELLS), some(range(columns), _MOST_CELLS)
    cells = [i * columns + j for i in shown_rows for j in shown_columns]
    frames: list[list[float] | None] = []
    for state in states:
        numbers = None if state is None else list(flat(state))
        frames.append(None if numbers is None else [numbers[cell] for cell in cells])
    largest = largest_size(number for frame in frames for number in frame or [])
    trace = {
        "type": "heatmap",
        "x": list(map(str, shown_columns)),
        "y": list(map(str, shown_rows)),
        "z": [[0.0] * len(shown_columns) for _ in shown_rows],
        "zmin": -largest,
        "zmax": largest,
        "xgap": int(len(cells) <= _READABLE),
        "ygap": int(len(cells) <= _READABLE),
        "meta": {"role": "heat"},
        **hover("row %{y}, column %{x}<br>%{z:.6g}"),
    }
    if len(cells) <= _READABLE:
        trace["texttemplate"] = "%{z:.4~g}"
    category = {"type": "category", "showgrid": False}
    layout = {
        "xaxis": {**category, "title": {"text": "column"}},
        "yaxis": {**category, "title": {"text": "row"}, "autorange": "reversed"},
    }
    note = "Orange is positive, blue negative; the colour scale is the same at every iteration."
    if len(cells) < len(panel.values) * columns:
        note += (
            f" The map shows {len(shown_rows)} of {len(panel.values):,} rows and {len(shown_columns)} of {columns:,} "
            "columns: the first ones, then evenly spaced ones."
        )
    made = plot("heat", title, heat_text(title, panel, frames), note, [trace], layout)
    return {**made, "frames": frames}


def path_trace(run: int, path: Path, place: str, *, several: bool) -> Trace:
    """The states of a run, with where they are as their label; the page adds their counts as ``customdata``."""
    template = f"{path.counted} %{{customdata:,d}}<br>{place}"
    mode = "lines" if several or len(path.counts) > _MARKED else "lines+markers"
    about = {"name": escaped(path.label), "meta": {"role": "path", "run": run}}
    return {"type": "scatter", "mode": mode, "x": path.x, "y": path.y, **about, **hover(template, named=several)}


def compared_traces(lines: Sequence[MapLine]) -> list[Trace]:
    """The lines that points or curves are compared with."""
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": line.x,
            "y": line.y,
            "name": escaped(line.label),
            "meta": {"role": "compared", "number": i},
            **hover(f"{escaped(line.label)} %{{y:.6g}}"),
        }
        for i, line in enumerate(lines)
    ]


def compared_words(lines: Sequence[MapLine]) -> list[str]:
    """The meaning of these lines."""
    return [f"{_DASHES[i % len(_DASHES)]}: {line.label}" for i, line in enumerate(lines)]


def marks_trace(marks: Sequence[Mark], *, several: bool) -> Trace:
    """Where the paths start and end, and the known minima; with several runs the ends are left out."""
    shown = _shown(marks, several=several)
    words = [_WORDS[mark.kind] for mark in shown]
    about = {"meta": {"role": "marks"}, "text": words, **hover("%{text}<br>%{x:.6g}, %{y:.6g}")}
    marker = {"symbol": [_MARKS[mark.kind] for mark in shown]}
    places = {"x": [mark.x for mark in shown], "y": [mark.y for mark in shown]}
    return {"type": "scatter", "mode": "markers", **places, "marker": marker, **about}


def legend(marks: Sequence[Mark], *, several: bool) -> list[str]:
    """The meaning of the marks."""
    return list(dict.fromkeys(_WORDS[mark.kind] for mark in _shown(marks, several=several)))


def blank_window() -> dict[str, Any]:
    """What is written into a window in which a function has no finite value."""
    middle = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
    return {"annotations": [{"text": NO_VALUE, **middle}]}


def _shown(marks: Sequence[Mark], *, several: bool) -> list[Mark]:
    return [mark for mark in marks if not (several and mark.kind == "end")]


def plot(*parts: Any) -> Plot:
    """A panel of the page from its parts, in order."""
    return dict(zip(("kind", "title", "alt", "note", "traces", "layout"), parts, strict=True))


def hover(template: str, *, named: bool = False) -> Trace:
    """The label of the point under the pointer."""
    return {"hovertemplate": template + ("<extra>%{fullData.name}</extra>" if named else "<extra></extra>")}


def axis_of(axis: Axis) -> dict[str, Any]:
    """An axis with a fixed range."""
    ends = [math.log10(axis.low), math.log10(axis.high)] if axis.log else [axis.low, axis.high]
    found: dict[str, Any] = {"title": {"text": escaped(axis.label)}, "range": ends}
    return {**found, "type": "log", **_decades(*ends)} if axis.log else found


def _decades(low: float, high: float) -> dict[str, Any]:
    """The ticks of a logarithmic axis between two powers of ten: 1, 2 and 5 of each decade if there are few."""
    every = max(1, math.ceil((high - low) / 6))
    steps = (1, 2, 5) if high - low < 2 else (1,)
    places = [step * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1, every) for step in steps]
    return {"tickvals": places, "ticktext": [f"{place:.6g}" for place in places]}


def escaped(text: str) -> str:
    """Text that plotly shows literally: no tags, no entities, no format fields."""
    return html.escape(text, quote=False).replace("%", "&#37;")


def _with_margin(axis: dict[str, Any], share: float) -> dict[str, Any]:
    low, high = axis["range"]
    margin = share * (high - low)
    return {**axis, "range": [low - margin, high + margin]}
