"""Runs with other settings, made to their end: what a remedy does, and how many steps the run itself still needs."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from gdcli.contract.descent import DescentRecord, DescentSettings
from gdcli.descent.loop import State
from gdcli.descent.run import Descent
from gdcli.errors import GdcliError

MOST_STEPS = 5_000
"""A trial makes at most this many steps."""
_LONGER = 20  # so many times its own steps the run itself is made up to its goal, at most
_LAST = 10  # states at the end of a trial whose gradients are kept
MOST_WORK = 100_000_000
"""Elements that all trials of a diagnosis may make together."""
_STEP = 8_000  # what a step costs beside the elements that it makes, in elements


class Goal(NamedTuple):
    """The norm that a gradient should come down to, as a part of the first one too, and the words for it."""

    norm: float
    ratio: float
    words: str


class Trial(NamedTuple):
    """A run with ``changes``: its outcome, and the iteration at which its gradient reached the goal, if it did.

    ``slope`` is the largest norm of the gradient in its last ten states.
    """

    changes: dict[str, Any]
    outcome: DescentRecord
    arrives: int | None
    slope: float

    @property
    def steps(self) -> int:
        """The number of updates that were made."""
        return self.outcome.result.iteration

    @property
    def ends_still(self) -> bool:
        """Whether it ended where nothing moves any more, or in a cycle."""
        return self.outcome.status in ("stalled", "cycling")


class Trials:
    """Makes runs with other settings, within a bound of work."""

    def __init__(
        self,
        settings: DescentSettings,
        restart: Callable[[dict[str, Any]], Descent[Any]],
        goal: Goal | None,
        slope: Callable[[State], float],
        cost: int,
    ) -> None:
        """``slope`` is the norm of the gradient at a state, and ``cost`` the number of elements that a step makes."""
        self.settings = settings
        self.goal = goal
        self._restart = restart
        self._slope = slope
        self._cost = cost + _STEP
        self._work_left = MOST_WORK

    def whole(self, changes: dict[str, Any]) -> Trial | None:
        """The run with these changes, for as many steps as the run itself had.

        Of a run of more steps than can be tried, only up to its goal; None when it does not come there, when the
        settings cannot be run, or when all trials together would cost too much.
        """
        steps = max(self.settings.steps, 1)
        allowed = self._allowed()
        trial = self._make(changes, min(steps, allowed), ends_at_goal=steps > allowed)
        if trial is None or (steps > allowed and trial.arrives is None):
            return None
        return trial

    def longer(self) -> Trial | None:
        """The run itself up to its goal, whatever its number of steps and its tolerances."""
        steps = min(self._allowed(), _LONGER * max(self.settings.steps, 1))
        changes = {"tol_grad": [0.0], "tol_loss": None, "tol_x": None}
        return self._make(changes, steps, ends_at_goal=True)

    def _allowed(self) -> int:
        return min(MOST_STEPS, self._work_left // self._cost)

    def _make(self, changes: dict[str, Any], steps: int, *, ends_at_goal: bool) -> Trial | None:
        if steps < 1:
            return None
        arrives = None
        slopes: deque[float] = deque(maxlen=_LAST)
        try:
            descent = self._restart({**changes, "steps": steps})
            for state in descent.states():
                self._work_left -= self._cost
                slopes.append(self._slope(state))
                if arrives is None and self.goal is not None and slopes[-1] <= self.goal.norm:
                    arrives = state.iteration
                    if ends_at_goal:
                        descent.interrupt()
            outcome = descent.outcome
        except (GdcliError, RuntimeError, ArithmeticError):
            return None
        if not math.isfinite(outcome.result.loss):
            arrives = None
        return Trial(changes, outcome, arrives, max(slopes, default=math.nan))
