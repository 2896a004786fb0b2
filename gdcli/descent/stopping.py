"""When a descent ends: the tests that are made at each state, and what they say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from gdcli.contract.descent import DescentSettings, StopReason
from gdcli.descent.criteria import grown, largest_loss, threshold
from gdcli.descent.loop import State
from gdcli.descent.snapshot import distance, has_nan, is_finite, norm, same

Found = tuple[StopReason, dict[str, Any]]
"""A reason to stop, and the details of its sentence."""


_SIZES = {
    StopReason.CONVERGED_GRAD: "gradient norm {value:.6g}",
    StopReason.CONVERGED_LOSS: "change in the loss {value:.6g}",
    StopReason.CONVERGED_X: "change in the variables {value:.6g}",
}


class Ending(NamedTuple):
    """Why a descent ended, in a sentence too, and the state in which it did."""

    reason: StopReason
    message: str
    state: State


class StopTests:
    """Looks at each state, in order, says whether the run ends there, and keeps why as ``ending``.

    The tests of tolerances compare with ``absolute + relative * size``, where the size is that of the first gradient,
    of the loss, or of the variables. A state that comes again (a cycle), or does not change any more, ends a run only
    when a tolerance is set: without one a run makes all its steps, as the notebook's loop does.
    """

    def __init__(
        self, settings: DescentSettings, *, remembers: bool, is_stuck: Callable[[State], bool] = lambda _: False
    ) -> None:
        """``remembers`` says that the next step depends on more than the variables.

        ``is_stuck`` says of a state whether a gradient of zero there is known not to mean a minimum.
        """
        self.steps = settings.steps
        self.maximize = settings.maximize
        self.bounded = tuple(settings.bound)
        self.tol_grad = _pair(settings.tol_grad)
        self.tol_loss = _pair(settings.tol_loss)
        self.tol_x = _pair(settings.tol_x)
        self.takes_all = settings.tol == "all"
        self.until = settings.until
        self.has_tolerance = any(t is not None for t in (self.tol_grad, self.tol_loss, self.tol_x, self.until))
        # With momentum or a schedule the same place is not yet the same state.
        self.sees_cycles = self.has_tolerance and not remembers
        self.is_stuck = is_stuck
        self.interrupted_by: str | None = None
        self.ending: Ending | None = None
        self.previous: State | None = None
        self.landmark: State | None = None
        self.first_norm = 0.0
        self.largest_loss = math.inf

    def __call__(self, state: State) -> bool:
        """Whether the run ends at this state."""
        found = self._diverged(state)
        has_gradient = any(grad is not None for grad in state.grads.values())
        if found is None and self.has_tolerance and has_gradient:
            found = self._converged(state)
        if found is None and state.iteration == self.steps:
            found = StopReason.MAX_STEPS, {"steps": f"{state.iteration} step{'s' * (state.iteration != 1)}"}
        if found is None and not has_gradient:
            found = StopReason.NO_GRADIENT, {"name": next(iter(state.grads))}
        if found is None and self.sees_cycles:
            found = self._repeated(state)
        if found is None and self.interrupted_by is not None:
            found = StopReason.INTERRUPTED, {"by": self.interrupted_by}
        self.previous = state
        if found is not None:
            self.end(*found, state)
        return found is not None

    def end(self, reason: StopReason, details: Mapping[str, Any], state: State) -> None:
        """Record that the run ends at this state."""
        self.ending = Ending(reason, reason.value.format(iteration=state.iteration, **details), state)

    def has_diverged(self, state: State) -> bool:
        """Whether the run diverged at this state, the next after those that it has seen."""
        found = self._diverged(state)
        self.previous = state
        return found is not None

    def _diverged(self, state: State) -> Found | None:
        """A loss, a gradient or a bounded variable that is no number, or a loss that has grown with its gradient."""
        if not math.isfinite(state.loss):
            return StopReason.NON_FINITE, {"what": "the loss", "value": state.loss}
        for name, grad in state.grads.items():
            if grad is not None and not is_finite(grad):
                return StopReason.NON_FINITE, {"what": f"the gradient of {name}", "value": "non-finite"}
        for name in self.bounded:
            if has_nan(state.values[name]):  # no bound holds it
                return StopReason.NON_FINITE, {"what": name, "value": "nan"}
        if self.previous is None:
            self.first_norm = norm(state.grads)
            self.largest_loss = largest_loss(state.loss)
        elif abs(state.loss) <= self.largest_loss or self.maximize:
            return None  # no norm is computed for nothing
        elif grown(state.loss, self.largest_loss, norm(state.grads), norm(self.previous.grads)):
            return StopReason.GROWN, {"value": state.loss, "bound": self.largest_loss}
        return None

    def _converged(self, state: State) -> Found | None:
        """The tolerance that is met, if there is one."""
        size = norm(state.grads)
        if self.until is not None and (state.loss >= self.until if self.maximize else state.loss <= self.until):
            most = "least" if self.maximize else "most"
            return StopReason.REACHED, {"value": state.loss, "limit": self.until, "most": most}
        tests = list(self._within(state, size))
        met = [test for test in tests if test is not None]
        if self.takes_all and len(tests) > 1:
            names = {"met": ", ".join(_SIZES[reason].format(**details) for reason, details in met)}
            found = (StopReason.CONVERGED_ALL, names) if len(met) == len(tests) else None
        else:
            found = met[0] if met else None
        if found is not None and size == 0 and self.is_stuck(state):
            return StopReason.STALLED, {"why": "the gradient is exactly 0, but this is not a minimum"}
        return found

    def _within(self, state: State, size: float) -> Iterator[Found | None]:
        """What each tolerance says, None where it is not met: of the gradient, of the loss, of the variables."""
        before = self.previous
        if self.tol_grad is not None:
            limit = threshold(self.tol_grad, self.first_norm)
            yield (StopReason.CONVERGED_GRAD, {"value": size, "limit": limit}) if size <= limit else None
        if self.tol_loss is not None:
            change = math.inf if before is None else abs(state.loss - before.loss)
            limit = threshold(self.tol_loss, abs(state.loss))
            yield (StopReason.CONVERGED_LOSS, {"value": change, "limit": limit}) if change <= limit else None
        if self.tol_x is not None:
            move = math.inf if before is None else distance(state.values, before.values)
            limit = threshold(self.tol_x, norm(state.values))
            yield (StopReason.CONVERGED_X, {"value": move, "limit": limit}) if move <= limit else None

    def _repeated(self, state: State) -> Found | None:
        """Whether this place was there before (Brent 1980: against a landmark at each power of two)."""
        landmark = self.landmark
        if landmark is not None and same(landmark.values, state.values) and same(landmark.grads, state.grads):
            period = state.iteration - landmark.iteration
            if period == 1:
                return StopReason.STALLED, {"why": "the step is too small to change the variables in this dtype"}
            return StopReason.CYCLING, {"period": period}
        if state.iteration & (state.iteration - 1) == 0:
            self.landmark = state
        return None


def _pair(tolerance: list[float] | None) -> tuple[float, float] | None:
    """Absolute and relative tolerance."""
    return None if tolerance is None else (tolerance[0], tolerance[1] if len(tolerance) > 1 else 0.0)
