"""Points with a fit through them, for plotly: the page moves what moves with the states of the run."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from gdcli.contract.figure import ScatterPanel
from gdcli.render.page.alt import scatter_text, sentence
from gdcli.render.page.traces import Plot, Trace, axis_of, compared_traces, compared_words, escaped, hover, plot

_DIGITS = 6


def scatter_plot(panel: ScatterPanel, frames: Sequence[int]) -> Plot:
    """The points, the fit, and what they are compared with.

    ``moves`` are the states of what moves, each with ``x`` and ``y`` of the points and ``fit`` where they change, and
    ``moved`` the place of the one that each of ``frames`` shows.
    """
    place = f"{escaped(panel.x.label)} %{{x:.6g}}<br>{escaped(panel.y.label)} %{{y:.6g}}"
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": _rounded(panel.points_x),
            "y": _rounded(panel.points_y),
            "meta": {"role": "rows"},
            **hover(place),
        }
    ]
    if panel.fit is not None:
        line = {"type": "scatter", "mode": "lines", "x": panel.fit.x, "y": panel.fit.y, "hoverinfo": "skip"}
        traces.append({**line, "meta": {"role": "fit"}})
    traces += compared_traces(panel.lines)
    states = panel.history
    moves = [
        {name: _rounded(getattr(state, name)) for name in ("x", "y", "fit") if getattr(state, name)} for state in states
    ]
    moved = [max(1, bisect_right(states, frame, key=lambda state: state.iteration)) - 1 for frame in frames]
    words = [f"dots: {panel.points}"] + [f"line: {panel.fit.label}" for _ in [panel.fit] if panel.fit is not None]
    layout = {"xaxis": axis_of(panel.x), "yaxis": axis_of(panel.y)}
    note = sentence([*words, *compared_words(panel.lines)])
    made = plot("scatter", panel.title, scatter_text(panel), note, traces, layout)
    return {**made, "moves": moves, "moved": moved if moves else []}


def _rounded(numbers: Sequence[Any]) -> list[Any]:
    """Numbers with as many digits as a picture needs; those that are none are None in JSON."""
    return [float(f"{number:.{_DIGITS}g}") for number in numbers]
