"""The figure of descents that go on: its windows stay where they are as long as the paths are inside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from gdcli.contract.figure import ContourPanel, CurvesPanel, Figure, FunctionPanel
from gdcli.landscape.descent import known_points, landscape, layer_figure, section_for
from gdcli.landscape.panels import Route, Subject, ends, loss_panel, routes_in, tangent_at_end
from gdcli.landscape.section import Section
from gdcli.landscape.trail import Trail
from gdcli.tensors import Problem

_TURNS = 1.5  # a plane along the path is chosen anew when the path is so many times longer


class MovingFigure:
    """Makes the figure of one or more descents again and again.

    ``problem`` is the objective with tensors and random numbers of its own, so that nothing of the descents is touched;
    ``minima`` are the known ones. With ``layer``, the name of a matrix, its heat maps take the place of the function.
    """

    def __init__(
        self, problem: Problem, steps: int, minima: Sequence[Mapping[str, object]] = (), *, layer: str = ""
    ) -> None:
        self.problem = problem
        self.steps = steps
        self.layer = layer
        self._known = known_points(problem, minima)
        self._section: Section | None = None
        self._panel: FunctionPanel | ContourPanel | None = None
        self._count = 0

    def of(self, trails: Sequence[Trail]) -> Figure:
        """The figure of the descents as far as they have got."""
        if self.layer:
            found = layer_figure("", "", self.problem, trails[0], self.layer)
            panels = [steady(panel, self.steps) if isinstance(panel, CurvesPanel) else panel for panel in found.panels]
            return replace(found, panels=panels)
        subject = Subject(self.problem)
        loss = steady(loss_panel(trails, subject), self.steps)
        return Figure("", "", [loss, self._moved(subject, trails)])

    def _moved(self, subject: Subject, trails: Sequence[Trail]) -> FunctionPanel | ContourPanel:
        """The function with the paths, in the window of last time if they are inside."""
        panel, section, count = self._panel, self._section, max(_length(trail) for trail in trails)
        turns = section is not None and not section.exact and not self._count / _TURNS <= count <= self._count * _TURNS
        if panel is not None and section is not None and not turns:
            routes = routes_in(section, trails, subject)
            if all(_is_inside(panel, route) for route in routes):
                return _with_paths(panel, routes)
        self._section = section = section_for(self.problem, trails)
        self._count = count
        self._panel = landscape(subject, section, routes_in(section, trails, subject), self._known)
        return self._panel


def _length(trail: Trail) -> int:
    return 1 if trail.last is None else trail.last.iteration + 1


def steady(panel: CurvesPanel, steps: int) -> CurvesPanel:
    """Curves over axes that end at round numbers, so that they do not move with every state."""
    x, y = panel.x, panel.y
    if y.log:
        y = replace(y, low=10.0 ** math.floor(math.log10(y.low)), high=10.0 ** math.ceil(math.log10(y.high)))
    unit = 10.0 ** math.floor(math.log10(x.high))
    high = next(unit * digit for digit in (1, 2, 5, 10) if unit * digit >= x.high)
    return replace(panel, x=replace(x, high=max(x.high, min(high, float(steps)))), y=y)


def _is_inside(panel: FunctionPanel | ContourPanel, route: Route) -> bool:
    """Whether what is to be seen of a path is in the window."""
    axes = (panel.x, panel.y) if isinstance(panel, ContourPanel) else (panel.x,)
    seen = route.coordinates[: route.states]
    return all(axis.holds(point[i]) for i, axis in enumerate(axes) for point in seen)


def _with_paths(panel: FunctionPanel | ContourPanel, routes: Sequence[Route]) -> FunctionPanel | ContourPanel:
    """The panel with other paths in it."""
    minima = [mark for mark in panel.marks if mark.kind == "minimum"]
    if isinstance(panel, ContourPanel):
        paths = [route.path([point[1] for point in route.coordinates]) for route in routes]
        return replace(panel, paths=paths, marks=[*ends(paths), *minima])
    paths = [route.path([state.loss for state in route.trail.states]) for route in routes]
    tangent = tangent_at_end(routes[0].trail, (panel.x.low, panel.x.high))
    return replace(panel, paths=paths, marks=[*ends(paths), *minima], tangent=tangent)
