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
from gdcli.explain.cost import SECOND

MOST_STEPS = 5_000
"""A trial makes at most this many steps."""
_LONGER = 20  # so many times its own steps the run itself is made up to its goal, at most
_AT_LEAST = 1_000  # or so many steps
_LAST = 10  # states at the end of a trial whose losses and gradients are kept
HALF_A_SECOND = SECOND // 2
"""What all trials of a diagnosis may cost together beside the run's own cost, in elements: about half a second."""
STEP = 20_000
"""What a step costs beside its evaluations, in elements."""


class Goal(NamedTuple):
    """The norm that a gradient should come down to, as a part of the first one too, and the words for it."""

    norm: float
    ratio: float
    words: str


class Trial(NamedTuple):
    """A run with ``changes``: its outcome, and the iteration at which its gradient reached the goal, if it did.

    ``slope`` is the largest norm of the gradient in its last ten states, and ``highest`` the worst loss, with the sign
    of going down, in the last tenth of its states, at most ten: a single last state may be luck.
    """

    changes: dict[str, Any]
    outcome: DescentRecord
    arrives: int | None
    slope: float
    highest: float

    @property
    def steps(self) -> int:
        """The number of updates that were made."""
        return self.outcome.result.iteration

    @property
    def ends_still(self) -> bool:
        """Whether it ended where nothing moves any more, or in a cycle."""
        return self.outcome.status in ("stalled", "cycling")


class Trials:
    """Makes runs with other settings, which cost at most what the run itself did and half a second.

    Costs are counted in elements of results, and not in seconds, so that the same run has the same findings.
    ``is_limited`` says that a run was not made, or not to its end, because of that.
    """

    def __init__(  # noqa: PLR0913 -- what a run is made with, and what it costs
        self,
        settings: DescentSettings,
        restart: Callable[[dict[str, Any]], Descent[Any]],
        goal: Goal | None,
        slope: Callable[[State], float],
        cost: int,
        *,
        steps: int,
        evaluations: int,
    ) -> None:
        """``slope`` is the norm of the gradient at a state, ``cost`` what an evaluation costs.

        ``steps`` and ``evaluations`` are those of the run itself.
        """
        self.settings = settings
        self.goal = goal
        self._restart = restart
        self._slope = slope
        self.is_limited = False
        self._cost = cost
        own = STEP * max(steps, 1) + cost * evaluations
        self._step = own / max(steps, 1)
        self._left = own + HALF_A_SECOND

    def whole(self, changes: dict[str, Any]) -> Trial | None:
        """The run with these changes, for as many steps as the run itself had.

        Of a run of more steps than can be tried, only up to its goal; None when it does not come there, when the
        settings cannot be run, or when all trials together would cost too much.
        """
        steps = max(self.settings.steps, 1)
        trial = self._make(changes, min(steps, MOST_STEPS), ends_at_goal=steps > MOST_STEPS)
        if trial is None or (trial.steps >= MOST_STEPS < steps and trial.arrives is None):
            return None
        return trial

    def longer(self) -> Trial | None:
        """The run itself up to its goal, whatever its number of steps and its tolerances.

        It takes at most half of what the trials may cost; None where that is not enough for more steps than it had.
        """
        most = min(MOST_STEPS, max(_LONGER * self.settings.steps, _AT_LEAST))
        steps = int(min(most, self._left / 2 / self._step))
        if steps <= self.settings.steps:
            return None
        return self._make({"tol_grad": [0.0], "tol_loss": None, "tol_x": None, "until": None}, steps, ends_at_goal=True)

    def _make(self, changes: dict[str, Any], steps: int, *, ends_at_goal: bool) -> Trial | None:
        """The trial; None when it cannot be made, or costs more than is left."""
        if self.is_limited:
            return None
        arrives, spent = None, 0
        slopes, losses = deque[float](maxlen=_LAST), deque[float](maxlen=_LAST)
        try:
            descent = self._restart({**changes, "steps": steps})
            for state in descent.states():
                slopes.append(self._slope(state))
                losses.append(-state.loss if self.settings.maximize else state.loss)
                if arrives is None and self.goal is not None and slopes[-1] <= self.goal.norm:
                    arrives = state.iteration
                    if ends_at_goal:
                        descent.interrupt()
                spent = STEP * state.iteration + self._cost * state.evaluations
                if spent > self._left:
                    self.is_limited = True
                    break
            self._left -= spent
            if self.is_limited:
                return None
            outcome = descent.outcome
        except (GdcliError, RuntimeError, ArithmeticError):
            return None
        if not math.isfinite(outcome.result.loss):
            arrives = None
        late = list(losses)[-max(1, outcome.result.iteration // _LAST) :]
        return Trial(changes, outcome, arrives, max(slopes, default=math.nan), max(late, default=math.nan))
