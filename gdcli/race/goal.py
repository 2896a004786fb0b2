"""What a race is about: the goal that a run has to reach, and how far it ended from the known minima."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from gdcli.complete.problem import problem_of
from gdcli.contract.compare import CompareSettings
from gdcli.contract.fields import Nested
from gdcli.contract.nested import flat
from gdcli.descent.criteria import reached
from gdcli.descent.loop import State
from gdcli.descent.snapshot import norm
from gdcli.lang.problems.problem import Instance


@dataclass(frozen=True, slots=True)
class Goal:
    """A run has met it in a state whose loss, or the norm of whose gradient, is finite and at most ``limit``.

    ``minimum`` is the loss of the known global minima, at ``minima``: the numbers of all variables in order. They are
    known in ``domain``; outside it the loss may be smaller, and no state meets the goal. Without a known minimum, the
    goal is about the gradient, and a run that meets it may yet be at a maximum (see ``gdcli.race.minimum``).
    """

    kind: Literal["loss", "gradient_norm"]
    limit: float
    minimum: float | None
    minima: tuple[tuple[float, ...], ...]
    domain: Mapping[str, tuple[float, float]] | None = None

    def is_met(self, state: State) -> bool:
        """Whether a run meets the goal in this state."""
        if self.kind == "loss":
            return reached(state.loss, self.limit) and self.holds(state.step().values)
        return math.isfinite(state.loss) and reached(norm(state.grads), self.limit)

    def holds(self, values: Mapping[str, Nested]) -> bool:
        """Whether a point is where the minimum is known."""
        if self.domain is None:
            return True
        return all(low <= number <= high for name, (low, high) in self.domain.items() for number in flat(values[name]))

    def is_below(self, loss: float, values: Mapping[str, Nested]) -> bool:
        """Whether a point is lower than the known minimum, outside the domain where that is one."""
        if self.minimum is None or not math.isfinite(loss):
            return False
        return loss < 2 * self.minimum - self.limit and not self.holds(values)

    def distance(self, values: Mapping[str, Nested]) -> float | None:
        """The Euclidean distance to the nearest known minimum; None where none is known, or at no place at all."""
        here = [number for value in values.values() for number in flat(value)]
        far = min((_distance(here, minimum) for minimum in self.minima), default=math.inf)
        return far if math.isfinite(far) else None


def goal_of(settings: CompareSettings) -> Goal:
    """The goal of completed settings.

    With ``until`` it is that loss. With a known minimum f*, it is a loss of at most f* + tol * max(1, |f*|): float32
    has seven digits, not more.
    """
    instance = problem_of(settings)
    if settings.until is not None:
        points = () if instance is None or set(settings.wrt) != set(instance.start) else _points(instance, settings.wrt)
        return Goal("loss", settings.until, None, points)
    if instance is None or not instance.minima or set(settings.wrt) != set(instance.start):
        return Goal("gradient_norm", settings.tol, None, ())
    least = min(minimum.loss for minimum in instance.minima)
    limit = least + settings.tol * max(1.0, abs(least))
    domain = {name: _rounded(instance.domain[name], settings.dtype) for name in settings.wrt}
    return Goal("loss", limit, least, _points(instance, settings.wrt), domain)


def _rounded(ends: tuple[float, float], dtype: str) -> tuple[float, float]:
    """The ends of an interval as numbers of a dtype, to which a variable can be clamped."""
    low, high = torch.tensor(ends, dtype=getattr(torch, dtype)).tolist()
    return low, high


def _points(instance: Instance, names: list[str]) -> tuple[tuple[float, ...], ...]:
    return tuple(
        tuple(n for v in (minimum.values[name] for name in names) for n in flat(list(v) if isinstance(v, tuple) else v))
        for minimum in instance.minima
    )


def _distance(a: list[float], b: tuple[float, ...]) -> float:
    try:
        return math.dist(a, b)
    except (ValueError, OverflowError):
        return math.inf
