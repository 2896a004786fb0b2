"""Minimizing an expression, or a problem of the catalogue."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from gdcli.contract.descent import KnownMinimum, MinimizeResult, MinimizeSettings, Step
from gdcli.contract.fields import Nested
from gdcli.contract.grad import GradientCheck
from gdcli.defaults import complete_minimize, objective_of, problem_of
from gdcli.descent.loop import Descent
from gdcli.descent.stopping import distance, flat
from gdcli.errors import GdcliError
from gdcli.lang.problems.problem import Instance
from gdcli.tensors import Problem, prepare, resolve_device

if TYPE_CHECKING:
    from gdcli.descent.diagnosis.diagnose import Finder

_AT_A_MINIMUM = 1e-3
"""A point that is so near to a known minimum, relative to its size, is taken to be there."""


class MinimizeDescent(Descent[MinimizeResult]):
    """The descent of ``minimize``."""

    command = "minimize"
    record_type = MinimizeResult
    settings: MinimizeSettings
    _checks: tuple[object, dict[str, GradientCheck]] | None = None

    def checks(self) -> dict[str, GradientCheck] | UnsetType:
        """The checks of the gradient at the start and at the end, where they were asked for: made once a run."""
        if not self.settings.check or self._first is None or self._outcome is None:
            return UNSET
        if self._checks is None or self._checks[0] is not self._outcome:
            from gdcli.explain.check import check_at

            ends = {"start": self._first, "end": self._outcome[2]}
            found = {name: check_at(self._prepare(), step.values) for name, step in ends.items()}
            self._checks = self._outcome, found
        return self._checks[1]

    def nearest_minimum(self, step: Step) -> KnownMinimum | UnsetType:
        """The known minimum of the problem that is nearest to a state."""
        instance = problem_of(self.settings)
        if instance is None or not instance.minima or set(step.values) != set(instance.start):
            return UNSET
        points = [({n: _listed(v) for n, v in minimum.values.items()}, minimum.loss) for minimum in instance.minima]
        here = {name: step.values[name] for name in points[0][0]}
        values, loss = min(points, key=lambda point: _distance(here, point[0]))
        far = _distance(here, values)
        return KnownMinimum(values=values, loss=loss, distance=far if math.isfinite(far) else None)

    def is_stuck(self, step: Step) -> bool:
        """Whether the minima are known, and this is none of them."""
        nearest = self.nearest_minimum(step)
        if isinstance(nearest, UnsetType) or nearest.distance is None:
            return False
        return nearest.distance > _AT_A_MINIMUM * max(1.0, math.hypot(*flat(list(nearest.values.values()))))

    def finders(self) -> list[Finder]:
        """A ReLU in the expression may die."""
        from gdcli.descent.diagnosis.relu import dead_relu

        return [dead_relu]

    def again(self, settings: MinimizeSettings) -> MinimizeDescent:
        """The same descent with other settings."""
        return minimize(settings)


def minimize(settings: MinimizeSettings) -> MinimizeDescent:
    """The descent that the settings describe, ready to be iterated.

    Raises:
        GdcliError: for an expression, a value or an option that does not fit.
    """
    settings = complete_minimize(settings)
    settings = replace(settings, device=resolve_device(settings.device))
    descent = MinimizeDescent(settings, lambda: prepare(objective_of(settings), settings, settings.wrt))
    if settings.check:
        from gdcli.explain.check import refuse

        refuse(descent.problem)
    instance = problem_of(settings)
    if instance is not None:
        _check_domain(settings.expression, instance, descent.problem)
    return descent


def _check_domain(name: str, instance: Instance, problem: Problem) -> None:
    """Raise GdcliError for a start outside the domain of a problem of the catalogue."""
    for variable, (low, high) in instance.domain.items():
        x = problem.tensors[variable]
        if bool((x < low).any()) or bool((x > high).any()):
            message = f"the start of {variable} lies outside the domain of {name}, {low:g}:{high:g}"
            raise GdcliError(
                "domain", message, f"for another start, give the expression: gdcli problems {name} shows it"
            )


def _distance(a: dict[str, Nested], b: dict[str, Nested]) -> float:
    try:
        return distance(a, b)
    except (ValueError, OverflowError):
        return math.inf


def _listed(value: float | tuple[float, ...]) -> Nested:
    return list(value) if isinstance(value, tuple) else value
