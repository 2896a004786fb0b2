"""The figure of one or more descents: the loss over the iterations, beside what fits the number of unknowns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gdcli.complete.problem import known_minima
from gdcli.contract.descent import DescentSettings, MinimizeSettings
from gdcli.contract.fields import Nested
from gdcli.contract.figure import ContourPanel, Figure, FunctionPanel, HeatPanel, HeatState, Panel, largest_size
from gdcli.contract.nested import flat
from gdcli.contract.regression import RegressionSettings
from gdcli.descent.snapshot import numbers
from gdcli.landscape.panels import (
    Route,
    Subject,
    contour_panel,
    function_panel,
    gradient_norm_panel,
    loss_panel,
    points_of,
    routes_in,
)
from gdcli.landscape.section import Section, along_unknowns, in_order, principal_plane
from gdcli.landscape.trail import Trail
from gdcli.rules.parameters import OWN_OPTIONS
from gdcli.tensors import Problem

if TYPE_CHECKING:
    from gdcli.descent.run import Descent


_SAME = 1e-6  # relative distance of two values of a variable that count as one


def figure_of(descent: Descent[Any], title: str, trail: Trail, *, gradient_norm: bool = False) -> Figure:
    """The figure of a descent that has ended, from the trail of its states, the last one included.

    With ``gradient_norm``, its last panel is the norm of the gradient over the iterations.
    """
    settings = descent.settings
    subtitle = caption(settings, trail)
    if not isinstance(settings, MinimizeSettings):
        figure = layer_figure(title, subtitle, descent.problem, trail)
    else:
        figure = descent_figure(title, subtitle, descent.problem, [trail], known_minima(settings))
    return with_gradient_norm(figure, [trail]) if gradient_norm else figure


def with_gradient_norm(figure: Figure, trails: Sequence[Trail]) -> Figure:
    """The figure with one more panel: the norm of the gradient of each descent over the iterations."""
    return replace(figure, panels=[*figure.panels, gradient_norm_panel(trails)])


def caption(settings: DescentSettings, trail: Trail) -> str:
    """The update rule of a descent in one line."""
    lr = settings.lr if trail.first is None or settings.lr != "auto" else trail.first.lr
    parts = [settings.optimizer, f"lr {lr:.6g}" if isinstance(lr, float) else f"lr {lr}"]
    parts += [f"lr.{name} {rate:.6g}" for name, rate in settings.lrs.items()]
    parts += [f"times {factor:.4g} from iteration {first}" for first, factor in list(settings.lr_factor.items())[:3]]
    parts += ["and so on"] * (len(settings.lr_factor) > 3)
    parts += options_in_words(settings)
    if trail.last is not None:
        parts.append(f"{trail.last.iteration:,} step{'s' * (trail.last.iteration != 1)}")
    return ", ".join(parts)


def options_in_words(settings: DescentSettings | RegressionSettings) -> list[str]:
    """The options of an update rule that are set, for a caption."""
    given = [(name.replace("_", " "), getattr(settings, name)) for name in (*OWN_OPTIONS, "clip_norm", "clip_value")]
    parts = [f"{name} {value:.6g}" for name, value in given if value and not isinstance(value, bool)]
    parts += ["nesterov"] * bool(settings.nesterov)
    if getattr(settings, "maximize", False):
        parts.append("maximize")
    if settings.schedule != "none":
        parts.append(f"schedule {settings.schedule}")
    return parts


def descent_figure(
    title: str,
    subtitle: str,
    problem: Problem,
    trails: Sequence[Trail],
    minima: Sequence[Mapping[str, object]] = (),
) -> Figure:
    """The loss over the iterations, beside the function with the paths on it.

    One unknown: the function, the path's points on it, the tangent at its end. Two: contours with the paths. More:
    contours in the plane of the two principal directions of the paths. ``problem`` is the objective, its tensors in
    any state; ``minima`` are the known ones, with the value of each variable.
    """
    subject = Subject(problem)
    panels: list[Panel] = [loss_panel(trails, subject)]
    section = section_for(problem, trails)
    routes = routes_in(section, trails, subject)
    panels.append(landscape(subject, section, routes, known_points(problem, minima)))
    subject.say_if_random()
    return Figure(title, subtitle, panels, subject.remarks)


def section_for(problem: Problem, trails: Sequence[Trail]) -> Section:
    """What a picture shows of the space of the unknowns: all of a line or a plane, else the plane of the paths."""
    count = problem.unknowns
    if count <= 2:
        return along_unknowns(problem, in_order(problem, range(count)))
    return principal_plane([points_of(trail) for trail in trails])


def landscape(
    subject: Subject, section: Section, routes: Sequence[Route], known: Sequence[Sequence[float]]
) -> FunctionPanel | ContourPanel:
    """The function over a section with the routes in it; ``known`` are minima, marked where they lie in it."""
    count = subject.problem.unknowns
    if count == 1:
        return function_panel(subject, section, routes, [point[0] for point in known])
    order = in_order(subject.problem, range(2)) if count == 2 else []
    return contour_panel(subject, section, routes, [[point[i] for i in order] for point in known if order])


def known_points(problem: Problem, minima: Sequence[Mapping[str, object]]) -> list[list[float]]:
    """The minima as numbers of the unknowns, those in the space of the unknowns."""
    return [point for minimum in minima if (point := _unknowns_at(problem, minimum)) is not None]


def layer_figure(title: str, subtitle: str, problem: Problem, trail: Trail, name: str = "W") -> Figure:
    """The loss over the iterations, beside a matrix at the end and the gradient of the loss by it, as heat maps."""
    subject = Subject(problem)
    panels: list[Panel] = [loss_panel([trail], subject)]
    if trail.last is not None:
        iteration = trail.last.iteration
        matrix = heat_panel(f"{name} at iteration {iteration}", numbers(trail.last.values[name]))
        panels.append(replace(matrix, history=_history(trail, columns=len(matrix.values[0]))))
        if trail.last.grads[name] is not None:
            panels.append(heat_panel(f"gradient of {name}", numbers(trail.last.grads[name])))
    return Figure(title, subtitle, panels, subject.remarks)


def heat_panel(title: str, numbers: Nested) -> HeatPanel:
    """A matrix as a heat map; a vector is a matrix of one row, and further axes are rows as well."""
    rows = _rows(numbers)
    largest = largest_size(number for row in rows for number in row)
    return HeatPanel(title, rows, -largest, largest)


def _history(trail: Trail, columns: int) -> list[HeatState]:
    """The one variable of a descent at each of its states, as rows of so many numbers."""
    return [HeatState(state.iteration, state.point.reshape(-1, columns).tolist()) for state in trail.states]


def _rows(numbers: Nested) -> list[list[float]]:
    if not isinstance(numbers, list):
        return [[math.nan if numbers is None else float(numbers)]]
    if not any(isinstance(item, list) for item in numbers):
        return [list(flat(numbers))]
    return [row for item in numbers for row in _rows(item)]


def _unknowns_at(problem: Problem, values: Mapping[str, object]) -> list[float] | None:
    """A point as the numbers of the unknowns; None where it is not in the space of the unknowns."""
    there = {name: list(_numbers(value)) for name, value in values.items()}
    if there.keys() != problem.tensors.keys():
        return None
    for name, tensor in problem.tensors.items():
        held = tensor.detach().double().reshape(-1).tolist()
        if len(held) != len(there[name]):
            return None
        if name not in problem.wrt and math.dist(held, there[name]) > _SAME * max(1.0, math.hypot(*held)):
            return None  # a variable that does not move has another value there
    return [number for name in problem.wrt for number in there[name]]


def _numbers(value: object) -> Iterator[float]:
    listed = list(value) if isinstance(value, tuple) else value
    return flat(listed)  # type: ignore[arg-type]
