"""The panels of a figure, each from a section through the space of the unknowns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch

from gdcli.contract.figure import (
    Axis,
    ContourPanel,
    Counted,
    CurvesPanel,
    FunctionPanel,
    Mark,
    Path,
    Remark,
    Tangent,
    Window,
    finite,
)
from gdcli.contract.scale import is_log
from gdcli.contract.short import short
from gdcli.descent.loop import State
from gdcli.descent.snapshot import joined, norm
from gdcli.landscape.section import Section
from gdcli.landscape.surface import points_that_pay
from gdcli.landscape.trail import Trail
from gdcli.landscape.window import grid, height, levels, states_to_show, to_one_scale, widened, window
from gdcli.tensors import Problem

CURVE_POINTS = 400  # an even number: a pole in the middle of a window is not hit
GRID_POINTS = 96  # along each side of a contour
_EXPLODED = 1e3  # times the start
_FAR_SIDE = 0.6  # of the way from the start to the end


@dataclass(slots=True)
class Subject:
    """What the panels of one figure show, the function, with the remarks that they collect."""

    problem: Problem
    remarks: list[Remark] = field(default_factory=list)

    def say(self, remark: Remark) -> None:
        """Add a remark, once."""
        if remark not in self.remarks:
            self.remarks.append(remark)

    def say_if_random(self) -> None:
        """Say that the function draws random numbers."""
        if self.problem.is_random:
            self.say(Remark("random", "the expression draws random numbers; the figure shows one draw"))

    def say_where_undefined(self, values: Sequence[float]) -> None:
        """Say which share of the window has no finite value."""
        missing = sum(not math.isfinite(value) for value in values)
        if missing:
            share = 100 * missing / len(values)
            if missing == len(values):
                self.say(
                    Remark("undefined", "the function has no finite value anywhere in the window; try another window")
                )
                return
            amount = "less than 1%" if share < 1 else f"{min(share, 99):.0f}%"
            message = f"the function has no finite value on {amount} of the window; this part is left blank"
            self.say(Remark("undefined", message))


@dataclass(frozen=True, slots=True)
class Route:
    """A descent in a section: its trail, and the coordinates of each of its states, shape (k, 1 or 2)."""

    trail: Trail
    coordinates: list[list[float]]
    states: int
    """How many of them, from the start, are to be in the window."""

    def path(self, y: Sequence[float]) -> Path:
        """The path, with the first coordinate as x."""
        counts = [self.trail.count_at(state) for state in self.trail.states]
        return Path(self.trail.label, counts, [point[0] for point in self.coordinates], list(y), self.trail.counted)


def routes_in(section: Section, trails: Sequence[Trail], subject: Subject) -> list[Route]:
    """Each descent in a section; says which ones leave the window."""
    routes = []
    for trail in trails:
        points = section.project(points_of(trail)).tolist()
        seen = states_to_show(points)
        routes.append(Route(trail, points, seen))
        if seen < len(points):
            whose = f"the path of {trail.label}" if len(trails) > 1 else "the path"
            since = f"{trail.counted} {trail.count_at(trail.states[seen])}"
            message = f"{whose} leaves the window at {since}; only its beginning is shown"
            subject.say(Remark("runs-away", message))
    return routes


def points_of(trail: Trail) -> torch.Tensor:
    """The states as rows, shape (states, unknowns), float64."""
    return torch.stack([state.point for state in trail.states])


def loss_panel(trails: Sequence[Trail], subject: Subject) -> CurvesPanel:
    """The loss of each descent over what is counted; a logarithmic axis where it spans decades."""
    for trail in trails:
        shown = len(trail.states)
        if shown < trail.count:
            message = f"{shown:,} of {trail.count:,} states are drawn: the first ones, and others evenly spaced"
            subject.say(Remark("thinned", message))
    panel = _curves("loss", trails, [[state.loss for state in trail.states] for trail in trails])
    if panel.y.log and any(loss == 0 for curve in panel.curves for loss in curve.y):
        subject.say(Remark("zero-loss", "the loss becomes exactly 0, which a logarithmic axis cannot show"))
    if any(loss > panel.y.high for curve in panel.curves for loss in curve.y):
        subject.say(Remark("cut-off", f"losses above {short(panel.y.high, 3)} are cut off"))
    return panel


def gradient_norm_panel(trails: Sequence[Trail]) -> CurvesPanel:
    """The norm of the gradient of each descent over what is counted; a logarithmic axis where it spans decades."""
    return _curves("gradient norm", trails, [[_gradient_norm(state) for state in trail.states] for trail in trails])


def _gradient_norm(state: State) -> float:
    """The norm of the gradient, NaN where autograd has none."""
    return math.nan if all(grad is None for grad in state.grads.values()) else norm(state.grads)


def _curves(title: str, trails: Sequence[Trail], numbers: Sequence[Sequence[float]]) -> CurvesPanel:
    """A curve for each descent over what is counted, from the numbers at its states."""
    curves = []
    for trail, along in zip(trails, numbers, strict=True):
        counts = [trail.count_at(state) for state in trail.states]
        curves.append(Path(trail.label, counts, list(map(float, counts)), list(along), trail.counted))
    return curves_panel(title, curves, trails[0].counted if trails else "iteration")


def curves_panel(title: str, curves: list[Path], counted: Counted) -> CurvesPanel:
    """Curves over what is counted; a logarithmic axis where they span decades."""
    known = finite(number for curve in curves for number in curve.y)
    log = is_log(known)
    shown = [number for number in known if number > 0] if log else known
    low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
    if log:
        high = min(high, _highest([finite(curve.y) for curve in curves]))
    if low == high:
        low, high = widened((low, high))
    last = max((curve.x[-1] for curve in curves), default=1.0)
    start = 1.0 if counted == "evaluation" else 0.0
    return CurvesPanel(
        title, Axis(counted, start, max(start + 1.0, last), whole=True), Axis(title, low, high, log), curves
    )


def _highest(curves: Sequence[Sequence[float]]) -> float:
    """Where an axis ends at the latest: curves that explode are not to press all others flat."""
    bound = _EXPLODED * max((abs(curve[0]) for curve in curves if curve), default=math.inf)
    calm = any(curve and max(curve) <= bound for curve in curves)
    return bound if calm else math.inf


def function_panel(
    subject: Subject,
    section: Section,
    routes: Sequence[Route] = (),
    minima: Sequence[float] = (),
    *,
    over: Window | None = None,
    derivative: bool = False,
) -> FunctionPanel:
    """The function along a line; over a given window, or where the routes and the minima are."""
    problem = subject.problem
    paths = [route.path([state.loss for state in route.trail.states]) for route in routes]
    if over is None:
        seen = [point[0] for route in routes for point in route.coordinates[: route.states]]
        over = widened(window([*seen, *minima, *_beyond(routes)], _rounding(problem)))
    xs = _grid(problem, section, over, CURVE_POINTS)
    values = section.along(problem, xs)
    subject.say_where_undefined(values)
    slopes = section.slopes(problem, xs) if derivative else None
    heights = section.along(problem, minima) if minima else []
    marks = [*ends(paths), *_minima(zip(minima, heights, strict=True))]
    inside = [y for path in paths for x, y in zip(path.x, path.y, strict=True) if over[0] <= x <= over[1]]
    low, high, cut = height([*values, *(slopes or [])], [*inside, *heights])
    if cut:
        subject.say(Remark("cut-off", f"values below {short(low, 3)} or above {short(high, 3)} are cut off"))
    return FunctionPanel(
        f"the function along {section.labels[0]}",
        Axis(section.labels[0], *over),
        Axis("loss" if routes else "value", low, high),
        xs,
        list(values),
        paths,
        marks,
        tangent_at_end(routes[0].trail, over) if routes else None,
        None if slopes is None else list(slopes),
    )


def contour_panel(
    subject: Subject, section: Section, routes: Sequence[Route], minima: Sequence[Sequence[float]] = ()
) -> ContourPanel:
    """The function over a plane with the routes in it, where the routes and the minima are."""
    paths = [route.path([point[1] for point in route.coordinates]) for route in routes]
    seen = [point for route in routes for point in route.coordinates[: route.states]]
    eps = _rounding(subject.problem)
    x, y = (window([point[i] for point in [*seen, *minima]], eps) for i in (0, 1))
    x, y, equal = to_one_scale(x, y)
    marks = [*ends(paths), *_minima(minima)]
    return plain_contours(subject, section, (x, y), equal=equal, paths=paths, marks=marks)


def plain_contours(  # noqa: PLR0913 -- what a contour panel is made of
    subject: Subject,
    section: Section,
    over: tuple[Window, Window],
    *,
    equal: bool,
    paths: Sequence[Path] = (),
    marks: Sequence[Mark] = (),
    field: bool = False,
) -> ContourPanel:
    """The function over a window of a plane."""
    x, y = over
    side = points_that_pay(subject.problem, GRID_POINTS)
    xs, ys = (_grid(subject.problem, section, one, side) for one in (x, y))
    z = section.over(subject.problem, xs, ys)
    subject.say_where_undefined([number for row in z for number in row])
    if section.about:
        subject.say(Remark("plane", section.about))
    return ContourPanel(
        f"the function over {section.labels[0]} and {section.labels[1]}",
        Axis(section.labels[0], *x),
        Axis(section.labels[1], *y),
        xs,
        ys,
        z,
        levels(z),
        list(paths),
        list(marks),
        equal,
        section.arrows(subject.problem, x, y) if field else [],
        section.about,
    )


def _beyond(routes: Sequence[Route]) -> list[float]:
    """Points on the far side of where each path ends, so that both walls of a valley are seen."""
    found = []
    for route in routes:
        seen = [point[0] for point in route.coordinates]
        if route.states < len(seen):
            continue  # it ends nowhere
        found.append(seen[-1] + _FAR_SIDE * (seen[-1] - seen[0]))
    return found


def _grid(problem: Problem, section: Section, over: Window, count: int) -> list[float]:
    """Points of an axis: numbers that the type of the unknowns has, where they are the unknowns themselves."""
    numbers = torch.tensor(grid(*over, count), dtype=torch.float64)
    if section.exact:
        numbers = numbers.to(problem.tensors[problem.wrt[0]].dtype).double()
    listed: list[float] = numbers.tolist()
    return listed


def _rounding(problem: Problem) -> float:
    """The relative rounding of the type that the unknowns have."""
    return torch.finfo(problem.tensors[problem.wrt[0]].dtype).eps


def tangent_at_end(trail: Trail, over: Window) -> Tangent | None:
    """The tangent at the end of a descent in one unknown, with the slope that the descent itself found."""
    state = trail.states[-1]
    slope = next(iter(state.grads.values()))
    if slope is None:
        return None
    found = Tangent(state.point.item(), state.loss, joined([slope]).item())
    known = all(map(math.isfinite, (found.x, found.y, found.slope)))
    return found if known and over[0] <= found.x <= over[1] else None


def ends(paths: Sequence[Path]) -> list[Mark]:
    """Where each path starts, and where it ends."""
    found = []
    for path in paths:
        found.append(Mark("start", path.x[0], path.y[0], path.label))
        found.append(Mark("end", path.x[-1], path.y[-1], path.label))
    return [mark for mark in found if math.isfinite(mark.x) and math.isfinite(mark.y)]


def _minima(points: Iterable[Sequence[float]]) -> list[Mark]:
    return [Mark("minimum", x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
