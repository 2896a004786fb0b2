"""When a descent ends: the tests that are made after each evaluation, and what they say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gdcli.contract.descent import DescentSettings, Step, StopReason
from gdcli.contract.fields import Nested
from gdcli.tensors import is_finite

GROWTH = 1e10
"""A loss that has grown to this many times the size of the first one, with a growing gradient, has diverged."""


class StopTests:
    """Looks at each state, in order, and says whether the run ends there.

    The tests of tolerances compare with ``absolute + relative * size``, where the size is that of the first gradient,
    of the loss, or of the variables. A state that comes again (a cycle), or does not change any more, ends a run only
    when a tolerance is set: without one a run makes all its steps, as the notebook's loop does.
    """

    def __init__(self, settings: DescentSettings, *, remembers: bool) -> None:
        self.steps = settings.steps
        self.maximize = settings.maximize
        self.tol_grad = _pair(settings.tol_grad)
        self.tol_loss = _pair(settings.tol_loss)
        self.tol_x = _pair(settings.tol_x)
        self.has_tolerance = any(t is not None for t in (self.tol_grad, self.tol_loss, self.tol_x))
        # With momentum or a schedule the same place is not yet the same state.
        self.sees_cycles = self.has_tolerance and not remembers
        self.previous: Step | None = None
        self.landmark: Step | None = None
        self.first_norm = 0.0
        self.largest_loss = math.inf

    def goes_on(self, step: Step) -> bool:
        """Whether this state is ordinary, without a look at each test; the first is not."""
        if self.has_tolerance or self.previous is None or step.iteration == self.steps:
            return False
        if not -self.largest_loss <= step.loss <= self.largest_loss:
            return False
        for numbers in step.grads.values():
            if numbers is None or (numbers - numbers != 0 if numbers.__class__ is float else not is_finite(numbers)):
                return False
        self.previous = step
        return True

    def look(self, step: Step, *, stuck: bool = False) -> tuple[StopReason, dict[str, Any]] | None:
        """The reason to stop at this state and the details of its sentence, or None.

        ``stuck`` says that a gradient of zero here is known not to mean a minimum.
        """
        found = self._not_finite(step) or self._grown(step)
        if found is None and self.has_tolerance:
            found = self._converged(step, stuck=stuck)
        if found is None and step.iteration == self.steps:
            found = StopReason.MAX_STEPS, {"steps": f"{step.iteration} step{'s' * (step.iteration != 1)}"}
        if found is None and all(numbers is None for numbers in step.grads.values()):
            found = StopReason.NO_GRADIENT, {"name": next(iter(step.grads))}
        if found is None and self.sees_cycles:
            found = self._repeated(step)
        self.previous = step
        return found

    def _not_finite(self, step: Step) -> tuple[StopReason, dict[str, Any]] | None:
        if not math.isfinite(step.loss):
            return StopReason.NON_FINITE, {"what": "the loss", "value": step.loss}
        for name, numbers in step.grads.items():
            if not is_finite(numbers):
                return StopReason.NON_FINITE, {"what": f"the gradient of {name}", "value": "not finite"}
        return None

    def _grown(self, step: Step) -> tuple[StopReason, dict[str, Any]] | None:
        loss = abs(step.loss)
        if self.previous is None:
            self.first_norm = norm(step.grads)
            self.largest_loss = GROWTH * max(1.0, loss)
        elif loss > self.largest_loss and not self.maximize and norm(step.grads) > norm(self.previous.grads):
            return StopReason.GROWN, {"value": step.loss, "bound": self.largest_loss}
        return None

    def _converged(self, step: Step, *, stuck: bool) -> tuple[StopReason, dict[str, Any]] | None:
        size = norm(step.grads)
        if size == 0 and stuck:
            return StopReason.STALLED, {"why": "the gradient is exactly 0, and this is no minimum"}
        if self.tol_grad is not None:
            limit = self.tol_grad[0] + self.tol_grad[1] * self.first_norm
            if size <= limit:
                return StopReason.CONVERGED_GRAD, {"value": size, "limit": limit}
        if self.previous is None:
            return None
        if self.tol_loss is not None:
            change = abs(step.loss - self.previous.loss)
            limit = self.tol_loss[0] + self.tol_loss[1] * abs(step.loss)
            if change <= limit:
                return StopReason.CONVERGED_LOSS, {"value": change, "limit": limit}
        if self.tol_x is not None:
            move = distance(step.values, self.previous.values)
            limit = self.tol_x[0] + self.tol_x[1] * norm(step.values)
            if move <= limit:
                return StopReason.CONVERGED_X, {"value": move, "limit": limit}
        return None

    def _repeated(self, step: Step) -> tuple[StopReason, dict[str, Any]] | None:
        """Whether this place was there before (Brent 1980: against a landmark at each power of two)."""
        landmark = self.landmark
        if landmark is not None and landmark.values == step.values and landmark.grads == step.grads:
            period = step.iteration - landmark.iteration
            if period == 1:
                return StopReason.STALLED, {"why": "the step is too small to change the variables in this dtype"}
            return StopReason.CYCLING, {"period": period}
        if step.iteration & (step.iteration - 1) == 0:
            self.landmark = step
        return None


def _pair(tolerance: list[float] | None) -> tuple[float, float] | None:
    """Absolute and relative tolerance."""
    return None if tolerance is None else (tolerance[0], tolerance[1] if len(tolerance) > 1 else 0.0)


def norm(tensors: Mapping[str, Nested]) -> float:
    """The Euclidean norm of all the numbers of some tensors together; None counts as nothing."""
    return math.hypot(*flat(list(tensors.values())))


def distance(a: Mapping[str, Nested], b: Mapping[str, Nested]) -> float:
    """The Euclidean distance of two points that have the same variables."""
    return math.dist(flat(list(a.values())), flat(list(b.values())))


def flat(numbers: Any) -> list[float]:
    """The numbers of nested lists, in order."""
    if isinstance(numbers, list):
        return [number for item in numbers for number in flat(item)]
    return [] if numbers is None else [numbers]
