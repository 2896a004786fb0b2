"""The page of a run: its pictures, its states, its settings and its document, in one self-contained file."""

from __future__ import annotations

import base64
import hashlib
import html
import math
from collections.abc import Sequence
from importlib import resources
from typing import Any

import msgspec

from gdcli.contract.compare import CompareResult
from gdcli.contract.descent import DescentRecord, Step
from gdcli.contract.figure import (
    ContourPanel,
    CurvesPanel,
    Figure,
    FunctionPanel,
    HeatPanel,
    MapPanel,
    Path,
    ScatterPanel,
    SweepCurvePanel,
)
from gdcli.contract.nested import size
from gdcli.contract.plot import PlotResult
from gdcli.contract.regression import RegressionResult, Row
from gdcli.contract.short import short
from gdcli.contract.sweep import SweepResult
from gdcli.render.diagnosis import shown as shown_findings
from gdcli.render.diagnosis import with_remedies
from gdcli.render.page.attached import PageRecord, attached
from gdcli.render.page.map import map_plot, sweep_curve_plot
from gdcli.render.page.plane import contour_plot, surface_plot
from gdcli.render.page.regression import (
    coefficient_columns,
    count_of,
    facts_in_words,
    notes_of,
    quality_columns,
    row_columns,
    rows_shown,
)
from gdcli.render.page.rows import (
    MOST_UNKNOWNS,
    Column,
    labels_of,
    minima_columns,
    most_states,
    standing_columns,
    state_columns,
    states_of,
)
from gdcli.render.page.scatter import scatter_plot
from gdcli.render.page.thin import some, with_fewer_states
from gdcli.render.page.traces import Plot, curves_plot, function_plot, heat_plot
from gdcli.render.run_colours import ON_DARK, RUNS
from gdcli.render.sweep import summary

MOST_BYTES = 8_000_000
_SCRIPTS = ("look.js", "surface.js", "panels.js", "map.js", "controls.js", "words.js", "page.js")
_TEMPLATES = 60_000  # upper limit of the bytes that are the same in every page
_MOST_FRAMES = 2_000  # of a race
_DIGITS = 6
_LONGEST = 300  # characters of a setting
_SAFE = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def page(figure: Figure, record: PageRecord, command: str) -> bytes:
    """The page of a run, HTML of at most ``MOST_BYTES``.

    ``figure`` is the picture of the run, with the gradient norm if it is to be shown, and ``command`` the command line
    that created it. The iterations of ``record`` may have been thinned out, except those on the paths of the figure.
    The same arguments give the same bytes.
    """
    from plotly.offline import get_plotlyjs

    plotly = get_plotlyjs().replace("</script", "<\\/script")
    data = page_data(figure, record, command)
    room = MOST_BYTES - len(plotly.encode()) - len(_json(data).encode()) - _TEMPLATES
    document = attached(record, room)
    if document.note:
        data["notes"].append(document.note)
    return _filled(figure.title, plotly, data, document.base64)


def page_data(figure: Figure, record: PageRecord, command: str) -> dict[str, Any]:
    """The data for the script of the page, without the document."""
    figure = with_fewer_states(figure)
    paths = _paths(figure)
    steps: list[Step] = []
    rows: list[Row] = []
    counts: list[int] = []
    notes: list[str] = []
    if isinstance(record, DescentRecord):
        steps = _steps(figure, record, paths)
        notes = _left_out(record, steps)
    elif isinstance(record, RegressionResult):
        rows = rows_shown(record, paths[0].counts if paths else [])
        notes = notes_of(record, rows)
        counts = [count_of(record, row) for row in rows]
    frames = [step.iteration for step in steps] or counts or _frames(paths)
    warnings = [notice.message for notice in record.warnings] + [remark.message for remark in figure.remarks]
    return {
        "title": figure.title,
        "subtitle": figure.subtitle,
        "command": command,
        "message": "" if isinstance(record, PlotResult) else record.message,
        "facts": _facts(record),
        "runs": [{"label": path.label, "counts": path.counts} for path in paths],
        "counted": paths[0].counted if paths else "iteration",
        "frames": frames,
        "opens": _opens(record, frames),
        "panels": _of_sweep(figure, record) if isinstance(record, SweepResult) else _plots(figure, steps, frames),
        "table": _table(record, figure, steps, rows),
        "tables": _tables(record),
        "notes": list(dict.fromkeys([*warnings, *notes])),
        "diagnosis": _diagnosis(record),
        "settings": _settings(record),
        "file": f"gdcli-{record.command}.json",
    }


def _opens(record: PageRecord, frames: Sequence[int]) -> int:
    """The frame that the page shows first: the last one, and of a regression that of its coefficients."""
    if not isinstance(record, RegressionResult) or not frames:
        return max(0, len(frames) - 1)
    end = count_of(record, record.result)
    return min(range(len(frames)), key=lambda k: abs(frames[k] - end))


def _paths(figure: Figure) -> list[Path]:
    """The loss of each run over what is counted."""
    return next((panel.curves for panel in figure.panels if isinstance(panel, CurvesPanel)), [])


def _steps(figure: Figure, record: DescentRecord, paths: Sequence[Path]) -> list[Step]:
    """The states that the page shows: those on the path, as many as fit."""
    steps = states_of(record, paths[0].counts if paths else [])
    cells = sum(len(panel.values) * len(panel.values[0]) for panel in figure.panels if isinstance(panel, HeatPanel))
    return some(steps, most_states(4 + 2 * len(labels_of(record.result)) + min(cells, 2 * 64 * 64)))


def _frames(paths: Sequence[Path]) -> list[int]:
    """The counts at which at least one run of a comparison has a state."""
    return some(sorted({count for path in paths for count in path.counts}), _MOST_FRAMES)


def _of_sweep(figure: Figure, record: SweepResult) -> list[Plot]:
    plots = []
    for panel in figure.panels:
        if isinstance(panel, MapPanel):
            plots.append(map_plot(panel, record))
        elif isinstance(panel, SweepCurvePanel):
            plots.append(sweep_curve_plot(panel, record))
    return plots


def _plots(figure: Figure, steps: Sequence[Step], frames: Sequence[int]) -> list[Plot]:
    """The panels in the order of the page: first the function, then the curves over the iterations."""
    plots, curves = [], []
    heats = 0
    for panel in figure.panels:
        match panel:
            case CurvesPanel():
                curves.append(curves_plot(panel))
            case ContourPanel():
                plots += [contour_plot(panel), surface_plot(panel, _paths(figure) if panel.paths else [])]
            case FunctionPanel():
                plots.append(function_plot(panel, _slopes(panel, steps)))
            case ScatterPanel():
                plots.append(scatter_plot(panel, frames))
            case HeatPanel():
                name = next(iter(steps[-1].values))
                states = [step.grads[name] if heats else step.values[name] for step in steps]
                plots.append(heat_plot(f"gradient of {name}" if heats else name, panel, states))
                heats += 1
    return [*plots, *curves]


def _slopes(panel: FunctionPanel, steps: Sequence[Step]) -> list[float | None]:
    """The derivative at each state of a run of one unknown, as computed by the run."""
    if panel.tangent is None or not steps or len(panel.paths) != 1:
        return []
    (gradients,) = [cells for label, cells in state_columns(steps, {}) if label.startswith("grad ")]
    return gradients


def _tables(record: PageRecord) -> list[dict[str, Any]]:
    """The tables that stay as they are."""
    if not isinstance(record, RegressionResult):
        return []
    return [{"title": "coefficients", "columns": _labelled(coefficient_columns(record))},
            {"title": "quality of the fit", "columns": _labelled(quality_columns(record))}]  # fmt: skip


def _table(record: PageRecord, figure: Figure, steps: Sequence[Step], rows: Sequence[Row]) -> dict[str, Any] | None:
    if isinstance(record, RegressionResult):
        title = "iterations" if record.settings.per == "step" else "epochs"
        return {"title": title, "columns": _labelled(row_columns(record, rows)), "moves": True}
    if isinstance(record, CompareResult):
        return {"title": "standings", "columns": _labelled(standing_columns(record))}
    if isinstance(record, SweepResult) and record.minima:
        title = "maxima" if record.settings.maximize else "minima"
        return {"title": title, "columns": _labelled(minima_columns(record))}
    if not steps:
        return None
    panels = [panel for panel in figure.panels if isinstance(panel, CurvesPanel) and panel.title == "gradient norm"]
    norms = {i: norm for panel in panels for path in panel.curves for i, norm in zip(path.counts, path.y, strict=True)}
    return {"title": "iterations", "columns": _labelled(state_columns(steps, norms)), "moves": True}


def _labelled(columns: Sequence[Column]) -> list[dict[str, Any]]:
    return [{"label": label, "cells": cells} for label, cells in columns]


def _left_out(record: DescentRecord, steps: Sequence[Step]) -> list[str]:
    """Notes on what the slider and the table leave out."""
    notes = []
    total = record.result.iteration + 1
    if len(steps) < total:
        where = "the first ones, then evenly spaced ones"
        notes.append(f"the slider and the table show {len(steps):,} of {total:,} states: {where}")
    unknowns = sum(size(value) for value in record.result.values.values())
    if unknowns > MOST_UNKNOWNS:
        notes.append(f"the table has columns for the first {MOST_UNKNOWNS} of {unknowns:,} unknowns")
    return notes


def _facts(record: PageRecord) -> list[str]:
    """Facts about the outcome in addition to the message."""
    if isinstance(record, SweepResult):
        return summary(record, _DIGITS)
    if isinstance(record, RegressionResult):
        return facts_in_words(record)
    if not isinstance(record, DescentRecord):
        return []
    facts = []
    if record.best.loss is not None and math.isfinite(record.best.loss):
        extreme = "largest" if record.settings.maximize else "smallest"
        facts.append(f"{extreme} loss {record.best.loss:.6g} at iteration {record.best.iteration:,}")
    if not isinstance(record.minimum, msgspec.UnsetType) and record.minimum.distance is not None:
        facts.append(f"{short(record.minimum.distance, 3)} from the nearest known minimum")
    return facts


def _diagnosis(record: PageRecord) -> list[dict[str, str]]:
    """The findings that are shown to people, each remedy once."""
    if not isinstance(record, DescentRecord | RegressionResult):
        return []
    found = []
    for finding, remedy in with_remedies(shown_findings(record.diagnosis)):
        options, effect = ("", "") if remedy is None else (remedy.options, remedy.effect)
        found.append({"message": finding.message, "options": options, "effect": effect})
    return found


def _settings(record: PageRecord) -> list[tuple[str, str]]:
    """Every setting and its value as in a config; long values are cut."""
    found = []
    for name, value in msgspec.to_builtins(record.settings).items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        found.append((name, text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"))
    return found


def _json(value: Any) -> str:
    """JSON that is safe in a script element: nothing in it ends the element or is read as a tag."""
    return msgspec.json.encode(value).decode().translate(_SAFE)


def _filled(title: str, plotly: str, data: dict[str, Any], document: str) -> bytes:
    """The filled template. Its content security policy allows only the scripts whose hashes it lists."""
    folder = resources.files("gdcli.render.page")
    template, style, *scripts = ((folder / name).read_text("utf-8") for name in ("page.html", "page.css", *_SCRIPTS))
    script = '"use strict";\n{\n' + "\n".join(scripts) + "}\n"
    parts = {
        "title": html.escape(title),
        "hashes": " ".join(f"'{_hash(text)}'" for text in (plotly, script)),
        "style": style + _colours(":root", RUNS) + _colours(':root[data-theme="dark"]', ON_DARK),
        "plotly": plotly,
        "script": script,
        "document": document,
        "data": _json(data),
    }
    pieces = template.split("@@")  # text and names in turn
    return "".join(parts[piece] if k % 2 else piece for k, piece in enumerate(pieces)).encode()


def _colours(selector: str, colours: Sequence[str]) -> str:
    """The colours of the runs as variables of the style sheet."""
    listed = " ".join(f"--run{i}: {colour};" for i, colour in enumerate(colours))
    return f"{selector} {{ {listed} }}\n"


def _hash(script: str) -> str:
    """The hash of a script, as in a content security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
