"""From descents to a figure: the panels that fit the problem, with the function evaluated over the window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from gdcli.figure.model import Axis, ContourPanel, CurvesPanel, Figure, FunctionPanel, HeatPanel, Mark, Panel, Path
from gdcli.figure.plane import Plane, coordinate_plane, principal_plane
from gdcli.figure.surface import evaluate_many, gradients
from gdcli.figure.window import finite, grid, is_log, levels, span, squared_up, thinned
from gdcli.results import Step
from gdcli.tensors import Problem

MAX_STATES = 2_000  # of a path in a figure
CURVE_POINTS = 400
GRID_POINTS = 96  # along each side of a contour


@dataclass(frozen=True, slots=True)
class Run:
    """A descent to draw: its label, and its states in order, the last one included."""

    label: str
    states: Sequence[Step]


def descent_figure(
    title: str,
    subtitle: str,
    problem: Problem,
    runs: Sequence[Run],
    minima: Sequence[Mapping[str, object]] = (),
    *,
    resolution: int = GRID_POINTS,
) -> Figure:
    """The loss over the iterations, beside what fits the number of unknowns.

    One unknown: the function, the path on it, the tangent at its end. Two: contours with the path. More: contours in
    the plane of the two principal directions of the path. ``problem`` is the objective, its tensors of any state;
    ``minima`` are the known ones. ``resolution`` is the number of points along each side of a contour.
    """
    thin = [Run(run.label, [run.states[i] for i in thinned(len(run.states), MAX_STATES)]) for run in runs]
    notes: list[str] = []
    points = {run.label: _points(problem, run) for run in thin}
    count = sum(problem.tensors[name].numel() for name in problem.wrt)
    known = [_flat_point(problem, minimum) for minimum in minima]
    if count == 1:
        landscape: Panel = _function_panel(problem, thin, points, known, notes)
    else:
        plane = coordinate_plane(problem) if count == 2 else principal_plane(list(points.values()))
        landscape = _contour_panel(problem, plane, thin, points, known, notes, resolution)
    return Figure(title, subtitle, [loss_panel(runs), landscape], notes)


def loss_panel(runs: Sequence[Run]) -> CurvesPanel:
    """The loss of each run over the iterations; a logarithmic axis where it spans decades."""
    curves = []
    for run in runs:
        states = [run.states[i] for i in thinned(len(run.states), MAX_STATES)]
        losses = [math.nan if s.loss is None else s.loss for s in states]
        curves.append(Path(run.label, [s.iteration for s in states], [float(s.iteration) for s in states], losses))
    losses = finite(loss for curve in curves for loss in curve.y)
    log = is_log(losses)
    shown = [loss for loss in losses if loss > 0] if log else losses
    low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
    last = max((curve.x[-1] for curve in curves if curve.x), default=1.0)
    return CurvesPanel("loss", Axis("iteration", 0.0, max(1.0, last)), Axis("loss", low, high, log), curves)


def heat_panels(name: str, values: object, gradient: object) -> list[HeatPanel]:
    """A matrix and its gradient, each as a heat map."""
    return [_heat(name, values), _heat(f"gradient of {name}", gradient)]


def _heat(title: str, numbers: object) -> HeatPanel:
    rows = torch.atleast_2d(torch.tensor(numbers if numbers is not None else [[math.nan]])).tolist()  # type: ignore[no-untyped-call]
    largest = max((abs(number) for number in finite(n for row in rows for n in row)), default=1.0) or 1.0
    return HeatPanel(title, rows, -largest, largest)


def function_figure(
    title: str,
    problem: Problem,
    windows: Mapping[str, tuple[float, float]],
    *,
    field: bool = False,
    resolution: int = GRID_POINTS,
) -> Figure:
    """A function of one or two variables alone over given windows, with its derivative or gradient field."""
    notes: list[str] = []
    names = list(windows)
    if len(names) == 1:
        low, high = windows[names[0]]
        xs = grid(low, high, CURVE_POINTS)
        values = evaluate_many(problem, {names[0]: torch.tensor(xs)})
        slopes = gradients(problem, {names[0]: torch.tensor(xs)})[names[0]] if field else None
        shown = finite(values)
        axis = Axis(title, min(shown, default=0.0), max(shown, default=1.0))
        _note_undefined(values, notes)
        panel: Panel = FunctionPanel(title, Axis(names[0], low, high), axis, xs, values, [], [], None, slopes)
    else:
        plane = coordinate_plane(problem)
        panel = _contours(
            problem, plane, windows[names[0]], windows[names[1]], [], [], notes, resolution=resolution, field=field
        )
    return Figure(title, "", [panel], notes)


def _points(problem: Problem, run: Run) -> torch.Tensor:
    """The states as rows of one tensor, the variables flattened and joined: shape (states, unknowns), float64."""
    rows = [_flat_values(problem, step.values) for step in run.states]
    return torch.tensor(rows, dtype=torch.float64)


def _flat_point(problem: Problem, values: Mapping[str, object]) -> torch.Tensor:
    return torch.tensor(_flat_values(problem, values), dtype=torch.float64)


def _flat_values(problem: Problem, values: Mapping[str, object]) -> list[float]:
    flat: list[float] = []
    for name in problem.wrt:
        flat.extend(torch.tensor(values[name], dtype=torch.float64).reshape(-1).tolist())
    return flat


def _function_panel(
    problem: Problem,
    runs: Sequence[Run],
    points: Mapping[str, torch.Tensor],
    known: Sequence[torch.Tensor],
    notes: list[str],
) -> FunctionPanel:
    name = problem.wrt[0]
    xs_of = {run.label: points[run.label][:, 0].tolist() for run in runs}
    everything = [x for xs in xs_of.values() for x in xs]
    low, high, cut = span(everything, [float(point[0]) for point in known])
    _note_cut(cut, notes)
    xs = grid(low, high, CURVE_POINTS)
    values = evaluate_many(problem, {name: torch.tensor(xs)})
    _note_undefined(values, notes)
    paths = [_path(run, xs_of[run.label], _losses(run)) for run in runs]
    last = runs[0].states[-1] if runs else None
    tangent = _tangent(last, name)
    minima = [Mark("minimum", float(p[0]), evaluate_many(problem, {name: p[:1]})[0]) for p in known]
    inside = [y for path in paths for x, y in zip(path.x, path.y, strict=True) if low <= x <= high]
    shown = finite([*values, *inside])
    y_axis = Axis("loss", min(shown, default=0.0), max(shown, default=1.0))
    marks = [*_ends(paths), *minima]
    return FunctionPanel(f"{name} and the loss", Axis(name, low, high), y_axis, xs, values, paths, marks, tangent)


def _tangent(last: Step | None, name: str) -> tuple[float, float, float] | None:
    if last is None or last.loss is None:
        return None
    x, slope = torch.tensor(last.values[name]).reshape(-1), last.grads[name]
    if slope is None:
        return None
    found = (float(x[0]), last.loss, float(torch.tensor(slope).reshape(-1)[0]))
    return found if all(map(math.isfinite, found)) else None


def _contour_panel(  # noqa: PLR0913, PLR0917 -- what a contour panel is made of
    problem: Problem,
    plane: Plane,
    runs: Sequence[Run],
    points: Mapping[str, torch.Tensor],
    known: Sequence[torch.Tensor],
    notes: list[str],
    resolution: int,
) -> ContourPanel:
    flat = {run.label: plane.project(points[run.label]).tolist() for run in runs}
    minima = [plane.project(point.unsqueeze(0))[0].tolist() for point in known] if plane.shows_points else []
    x_low, x_high, x_cut = span([p[0] for ps in flat.values() for p in ps], [m[0] for m in minima])
    y_low, y_high, y_cut = span([p[1] for ps in flat.values() for p in ps], [m[1] for m in minima])
    _note_cut(x_cut or y_cut, notes)
    x_window, y_window = squared_up((x_low, x_high), (y_low, y_high))
    paths = [_path(run, [p[0] for p in flat[run.label]], [p[1] for p in flat[run.label]]) for run in runs]
    marks = [*_ends(paths), *(Mark("minimum", m[0], m[1]) for m in minima)]
    return _contours(problem, plane, x_window, y_window, paths, marks, notes, resolution=resolution)


def _contours(  # noqa: PLR0913, PLR0917 -- what a contour panel is made of
    problem: Problem,
    plane: Plane,
    x: tuple[float, float],
    y: tuple[float, float],
    paths: list[Path],
    marks: list[Mark],
    notes: list[str],
    *,
    resolution: int = GRID_POINTS,
    field: bool = False,
) -> ContourPanel:
    xs, ys = grid(*x, resolution), grid(*y, resolution)
    z = plane.values(problem, xs, ys)
    _note_undefined([number for row in z for number in row], notes)
    if plane.note:
        notes.append(plane.note)
    return ContourPanel(
        f"loss over {plane.labels[0]} and {plane.labels[1]}",
        Axis(plane.labels[0], *x),
        Axis(plane.labels[1], *y),
        xs,
        ys,
        z,
        levels(z),
        paths,
        marks,
        plane.arrows(problem, x, y) if field else [],
        plane.note,
    )


def _path(run: Run, x: list[float], y: list[float]) -> Path:
    return Path(run.label, [step.iteration for step in run.states], x, y)


def _losses(run: Run) -> list[float]:
    return [math.nan if step.loss is None else step.loss for step in run.states]


def _ends(paths: Sequence[Path]) -> list[Mark]:
    marks = []
    for path in paths:
        if path.x:
            marks.append(Mark("start", path.x[0], path.y[0], path.label))
            marks.append(Mark("end", path.x[-1], path.y[-1], path.label))
    return [mark for mark in marks if math.isfinite(mark.x) and math.isfinite(mark.y)]


def _note_cut(cut: bool, notes: list[str]) -> None:  # noqa: FBT001
    if cut:
        notes.append("the path leaves the window: it runs away, and the window shows where most of it is")


def _note_undefined(values: Sequence[float], notes: list[str]) -> None:
    missing = sum(not math.isfinite(value) for value in values)
    if missing:
        share = 100 * missing / len(values)
        notes.append(f"the function is not defined, or not finite, on {share:.0f}% of the window, which is left blank")
