"""Minimizing an expression, or a problem of the catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from gdcli.complete.minimize import complete_minimize
from gdcli.complete.problem import expression_of, problem_of
from gdcli.contract.descent import KnownMinimum, MinimizeResult, MinimizeSettings
from gdcli.contract.envelope import Notice
from gdcli.contract.fields import Nested
from gdcli.contract.grad import GradientCheck
from gdcli.contract.nested import flat
from gdcli.descent.batches import Batches
from gdcli.descent.data import data_that_moves
from gdcli.descent.kind import Kind
from gdcli.descent.loop import State
from gdcli.descent.run import Descent
from gdcli.descent.snapshot import numbers
from gdcli.errors import GdcliError
from gdcli.lang.problems.problem import Coordinates, Instance, Minimum
from gdcli.tensors import Problem, on_device, prepare

if TYPE_CHECKING:
    from gdcli.descent.diagnosis.diagnose import Finder

AT_A_MINIMUM = 1e-3
"""A point that is so near to a known minimum, relative to its size, is taken to be there."""


class Minimizing(Kind[MinimizeResult]):
    """What ``minimize`` knows: the minima of a problem of the catalogue, and the checks of ``--check``."""

    command = "minimize"
    record = MinimizeResult

    def __init__(self, settings: MinimizeSettings, make: Callable[[], Problem] | None = None) -> None:
        """``make`` gives the problem at another start than that of the settings."""
        self.settings = settings
        self.minima = _known_minima(settings)
        self._make = make

    def prepare(self, settings: MinimizeSettings) -> Problem:
        """The objective, with its variables at the start."""
        problem = self._make() if self._make is not None else prepare(expression_of(settings), settings, settings.wrt)
        if isinstance(settings.batch, UnsetType) or isinstance(settings.batch_size, UnsetType):
            return problem
        shuffle = settings.shuffle is True
        batches = Batches(problem.tensors, settings.batch, settings.batch_size, shuffle=shuffle, seed=settings.seed)
        return replace(problem, batches=batches)

    def again(self, settings: MinimizeSettings) -> Descent[MinimizeResult]:
        """The same descent with other settings."""
        return minimize(settings)

    def checks(self, first: State, last: State) -> dict[str, GradientCheck] | UnsetType:
        """The checks of the gradient at the start and at the end, where they were asked for."""
        if not self.settings.check:
            return UNSET
        from gdcli.explain.check import check_at

        if last.iteration == first.iteration:
            only = check_at(self.prepare(self.settings), first.values)
            return {"start": only, "end": only}
        ends = {"start": first, "end": last}
        return {name: check_at(self.prepare(self.settings), state.values, share=2) for name, state in ends.items()}

    def nearest_minimum(self, state: State) -> KnownMinimum | UnsetType:
        """The known minimum of the problem that is nearest to a state."""
        if not self.minima:
            return UNSET
        here = {name: list(flat(numbers(x))) for name, x in state.values.items()}
        far, nearest = min(((_distance(here, minimum), minimum) for minimum in self.minima), key=lambda each: each[0])
        values = {name: _listed(value) for name, value in nearest.values.items()}
        return KnownMinimum(values=values, loss=nearest.loss, distance=far if math.isfinite(far) else None)

    def is_stuck(self, state: State) -> bool:
        """Whether the minima are known, and this is none of them."""
        nearest = self.nearest_minimum(state)
        if isinstance(nearest, UnsetType) or nearest.distance is None:
            return False
        size = math.hypot(*(number for value in nearest.values.values() for number in flat(value)))
        return nearest.distance > AT_A_MINIMUM * max(1.0, size)

    def notices(self, problem: Problem) -> list[Notice]:
        """Data may be among what moves."""
        return [] if problem_of(self.settings) else data_that_moves(problem.leaves)

    def finders(self) -> list[Finder]:
        """A ReLU in the expression may die."""
        from gdcli.descent.diagnosis.relu import dead_relu

        return [dead_relu]


def minimize(settings: MinimizeSettings) -> Descent[MinimizeResult]:
    """The descent that the settings describe, ready to be iterated.

    Raises:
        GdcliError: for an expression, a value or an option that does not fit.
    """
    settings = on_device(complete_minimize(settings))
    descent = Descent(settings, Minimizing(settings))
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
                "domain", message, f"for a start outside it, give the expression that gdcli problems {name} shows"
            )


def _known_minima(settings: MinimizeSettings) -> tuple[Minimum, ...]:
    instance = problem_of(settings)
    return () if instance is None or set(instance.start) != set(settings.wrt) else instance.minima


def _distance(here: Mapping[str, list[float]], minimum: Minimum) -> float:
    """The Euclidean distance of a point from a minimum; infinite where they have other shapes."""
    there = [number for name in here for number in flat(_listed(minimum.values[name]))]
    point = [number for numbers in here.values() for number in numbers]
    return math.dist(point, there) if len(point) == len(there) else math.inf


def _listed(value: Coordinates) -> Nested:
    return list(value) if isinstance(value, tuple) else value
