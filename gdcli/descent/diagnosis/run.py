"""What is known of a run that has ended: its states, its curvature, and what other settings would do."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from gdcli.contract.descent import DescentRecord, DescentSettings, Step, StopReason
from gdcli.descent.diagnosis.local import MAX_WORK, CurvatureAt, LocalCurvature, NoCurvatureError
from gdcli.descent.diagnosis.theory import LinearRule, linear_rule
from gdcli.descent.diagnosis.trace import Trace
from gdcli.descent.loop import State
from gdcli.descent.snapshot import Snapshot, is_finite, joined, same
from gdcli.errors import GdcliError
from gdcli.tensors import Problem, labels

TRIAL_STEPS = 200
"""So many steps of a remedy are tried, at most."""
_RECORDED = 100  # a number in the record of a step costs as much as so many elements of a result


class Run:
    """A run that has ended.

    ``best`` is its state with the smallest loss, and ``is_minimum`` says that it ended at a known minimum. ``restart``
    makes the same run with other settings, and returns its outcome. ``gaps`` are reasons why something is not known.
    """

    def __init__(  # noqa: PLR0913 -- the parts of a run
        self,
        settings: DescentSettings,
        problem: Problem,
        reason: StopReason,
        best: State,
        trace: Trace,
        restart: Callable[[dict[str, Any]], DescentRecord],
        *,
        is_minimum: bool = False,
    ) -> None:
        self.settings = settings
        self.problem = problem
        self.reason = reason
        self.first, self.best, self.final = trace.first, best, trace.last
        self.trace = trace
        self.is_minimum = is_minimum
        self.gaps: list[str] = []
        self.sign = -1.0 if settings.maximize else 1.0
        self.rule: LinearRule | None = linear_rule(settings)
        self.decay = (settings.weight_decay or 0.0) if self.rule is not None else 0.0
        self.labels = [label for name in problem.wrt for label in labels(name, problem.tensors[name].shape)]
        self.failed = reason in (StopReason.NON_FINITE, StopReason.GROWN)
        self.dtype = next(problem.tensors[name].dtype for name in problem.wrt)
        self.eps = torch.finfo(self.dtype).eps
        self._restart = restart
        self._work_left = 2 * MAX_WORK
        self._points: dict[int, list[float]] = {}
        self._gradients: dict[int, list[float]] = {}
        self._curvature_at = CurvatureAt(problem, self.sign, self.decay)

    # States

    def point(self, step: State) -> list[float]:
        """The variables, flattened and joined."""
        if step.iteration not in self._points:
            self._points[step.iteration] = step.point.tolist()
        return self._points[step.iteration]

    def gradient(self, step: State) -> list[float]:
        """The gradient that the rule goes against: signed, with the weight decay of a linear rule; 0 for None."""
        if step.iteration not in self._gradients:
            grads = [_zeros(step.values[name]) if g is None else g for name, g in step.grads.items()]
            self._gradients[step.iteration] = (self.sign * joined(grads) + self.decay * step.point).tolist()
        return self._gradients[step.iteration]

    def slope(self, step: State) -> float:
        """The norm of that gradient."""
        return math.hypot(*self.gradient(step))

    def scale(self, step: State) -> float:
        """The size of a point: 1 + |x|."""
        return 1.0 + math.hypot(*self.point(step))

    def loss(self, step: State | Step) -> float:
        """What is to become small: the loss, or minus the loss when going up."""
        return self.sign * step.loss

    @functools.cached_property
    def went_badly(self) -> bool:
        """Whether it diverged, or ended no better than it began."""
        return self.failed or not self.loss(self.final) < self.loss(self.first)

    @functools.cached_property
    def is_still(self) -> bool:
        """Whether nothing moves any more: where a rule has a memory, one pause is not yet the end."""
        return self.trace.still >= (1 if self.rule is not None and self.rule.kind == "plain" else 5)

    @functools.cached_property
    def pairs(self) -> list[tuple[State, State]]:
        """Pairs of successive states between which something moved, in order, the last of the run included."""
        found = list(self.trace.pairs)
        if not found or found[-1][1].iteration < self.final.iteration:
            found.append((self.trace.previous, self.final))
        return [(a, b) for a, b in found if not same(a.values, b.values) and _is_finite(b)]

    def at_or_after(self, iteration: int) -> State:
        """The first state that is known from this iteration on."""
        later = (b for _, b in self.trace.pairs if b.iteration >= iteration)
        return next(later, self.final)

    # Learning rates

    @functools.cached_property
    def lr(self) -> float:
        """The largest learning rate, over the variables and the steps that were looked at."""
        steps = [self.first, self.final, *(b for _, b in self.trace.pairs)]
        return max(max(self.rates(step).values()) for step in steps)

    def rates(self, step: State) -> dict[str, float]:
        """The learning rate of each variable."""
        return step.lr if isinstance(step.lr, dict) else dict.fromkeys(self.problem.wrt, step.lr)

    @functools.cached_property
    def is_linear(self) -> bool:
        """Whether every step was linear in the gradient: nothing clipped, nothing held at a bound."""
        return self.rule is not None and not self.trace.acts

    # Curvature

    @functools.cached_property
    def start(self) -> LocalCurvature | None:
        """The curvature at the start."""
        return self.curvature(self.first)

    @functools.cached_property
    def end(self) -> LocalCurvature | None:
        """The curvature at the last state, or at the best one of a run that diverged."""
        step = self.best if self.failed else self.final
        return self.start if same(step.values, self.first.values) else self.curvature(step)

    @functools.cached_property
    def is_quadratic(self) -> bool:
        """Whether the curvature is the same at the start and where the run ended, as far as it is known."""
        others = (step for step in (self.final, self.trace.previous) if _is_finite(step))
        other = next((step for step in others if not same(step.values, self.first.values)), None)
        if self.start is None or other is None:
            return False
        there = self.end if self.end is not None and self.end.iteration == other.iteration else self.glance(other)
        return there is not None and self.start.is_that_of(there)

    def curvature(self, step: State) -> LocalCurvature | None:
        """The curvature at a state, or None where there is none; ``gaps`` says why."""
        return self._look(step, self.gaps)

    def glance(self, step: State) -> LocalCurvature | None:
        """The same at a state where there need be none."""
        return self._look(step, [])

    def _look(self, step: State, gaps: list[str]) -> LocalCurvature | None:
        try:
            return self._curvature_at(step, self.rates(step if self.rule is not None else self.first))
        except (GdcliError, NoCurvatureError, ArithmeticError, RuntimeError, TypeError) as error:
            text = error.message if isinstance(error, GdcliError) else str(error)
            why = text.strip().splitlines()[0] if text.strip() else type(error).__name__
            if why not in gaps:
                gaps.append(why)
            return None

    # What other settings would do

    def attempt(self, changes: dict[str, Any], most: int = TRIAL_STEPS) -> DescentRecord | None:
        """The outcome of up to so many steps with other settings; None when they cannot be run, or cost too much."""
        steps = min(max(self.settings.steps, 1), most, TRIAL_STEPS)
        work = steps * (self._curvature_at.elements + _RECORDED * len(self.labels))
        if self.problem.is_random or work > self._work_left:
            return None
        self._work_left -= work
        try:
            return self._restart({**changes, "steps": steps})
        except (GdcliError, RuntimeError, ArithmeticError):
            return None

    def improves(self, outcome: DescentRecord | None, on: State) -> bool:
        """Whether an attempt stayed finite and ended with a smaller loss than a state has."""
        return (
            outcome is not None
            and outcome.status != "diverged"
            and (not _is_finite(on) or self.loss(outcome.result) < self.loss(on))
        )


def _zeros(x: Snapshot) -> Snapshot:
    return torch.zeros_like(x) if isinstance(x, torch.Tensor) else 0.0


def _is_finite(step: State) -> bool:
    return math.isfinite(step.loss) and all(map(is_finite, step.values.values()))


def direction_in_words(vector: Sequence[float], labels: Sequence[str]) -> str:
    """A direction by its variables: ``along y``, ``along 0.71 x - 0.71 y``, ``mostly along W[0,3]``."""
    main = {label: part for label, part in parts_of(vector, labels).items() if abs(part) >= 0.3}
    if not main:
        largest = max(range(len(vector)), key=lambda i: abs(vector[i]))
        return f"mostly along {labels[largest]}"
    if abs(next(iter(main.values()))) > 0.98:
        return f"along {next(iter(main))}"
    terms = [f"{'-' if part < 0 else '+'} {abs(part):.2g} {label}" for label, part in main.items()]
    return f"{'along' if math.hypot(*main.values()) > 0.98 else 'mostly along'} {' '.join(terms).removeprefix('+ ')}"


def parts_of(vector: Sequence[float], labels: Sequence[str]) -> dict[str, float]:
    """The five largest parts of a direction that matter, the largest first, as parts of a unit vector."""
    length = math.hypot(*vector) or 1.0
    order = sorted(range(len(vector)), key=lambda i: -abs(vector[i]))[:5]
    return {labels[i]: vector[i] / length for i in order if abs(vector[i]) > 1e-3 * length}
