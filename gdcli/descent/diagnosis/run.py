"""What is known of a run that has ended: its states, its curvature, and what other settings would do."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
from msgspec import UnsetType

from gdcli.contract.descent import DescentSettings, KnownMinimum, Step, StopReason
from gdcli.contract.nested import flat
from gdcli.contract.short import short
from gdcli.descent.diagnosis.local import CurvatureAt, LocalCurvature, NoCurvatureError
from gdcli.descent.diagnosis.surface import Surface, axis, moved
from gdcli.descent.diagnosis.theory import MILLIONTH, LinearRule, linear_rule
from gdcli.descent.diagnosis.trace import Trace
from gdcli.descent.diagnosis.trial import Goal, Trial, Trials
from gdcli.descent.loop import State
from gdcli.descent.run import Descent
from gdcli.descent.snapshot import Snapshot, is_finite, joined, norm, same, size
from gdcli.errors import GdcliError
from gdcli.rules.catalogue import RULES
from gdcli.rules.parameters import rates_change, remembers
from gdcli.tensors import Problem, labels_of

_ROUNDING = 50  # of a loss, in units of eps
_CLEARLY = 1e-4  # of what a run has gained
_RECORDED = 200  # a number in the record of a step costs as much as so many elements of a result
_REMEMBERED = 4_000  # what a pair of vectors that L-BFGS remembers costs, at each evaluation
_MOST_AXES = 50
_TINY = 1e-7  # a distance, relative to 1 + |x|, over which only a kink changes a gradient
_JUMP = 1e-2  # by this part of it
_FAR_MORE = 100
_FLAT = 1e-6  # of the first gradient
_AT_A_MINIMUM = 1e-3
"""A loss that is above a known minimum by at most this part of what there was to gain is not clearly above it."""


class Run:
    """A run that has ended.

    ``best`` is its state with the smallest loss, and ``nearest`` the known minimum nearest to its end, where there is
    one. ``restart`` makes the descent with other settings. ``gaps`` are reasons why something is not known.
    """

    def __init__(  # noqa: PLR0913 -- the parts of a run
        self,
        settings: DescentSettings,
        problem: Problem,
        reason: StopReason,
        best: State,
        trace: Trace,
        restart: Callable[[dict[str, Any]], Descent[Any]],
        *,
        nearest: KnownMinimum | UnsetType,
    ) -> None:
        self.settings = settings
        self.problem = problem
        self.reason = reason
        self.first, self.best, self.final = trace.first, best, trace.last
        self.trace = trace
        self.nearest = None if isinstance(nearest, UnsetType) or settings.maximize else nearest
        self.gaps: list[str] = []
        self.sign = -1.0 if settings.maximize else 1.0
        self.rule: LinearRule | None = linear_rule(settings)
        self.decay = (settings.weight_decay or 0.0) if self.rule is not None else 0.0
        self.labels = labels_of(problem.leaves)
        self.failed = reason in (StopReason.NON_FINITE, StopReason.GROWN)
        self.dtype = next(problem.tensors[name].dtype for name in problem.wrt)
        self.eps = torch.finfo(self.dtype).eps
        self._restart = restart
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

    @property
    def gained(self) -> float:
        """How much the loss changed from the first state to the last."""
        return abs(self.loss(self.first) - self.loss(self.final))

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
        later = (each for pair in self.trace.pairs for each in pair if each.iteration >= iteration)
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

    @functools.cached_property
    def curvatures_alone(self) -> dict[str, float]:
        """The curvature of each variable alone at the start, where there are several and that of each is positive.

        The sum of the curvatures along the axes of a variable is a bound of its L.
        """
        n = len(self.labels)
        if len(self.problem.wrt) < 2 or n > _MOST_AXES or not self.is_linear:
            return {}
        point = self.point(self.first)
        axes = iter([self.surface.curvature(point, axis(n, i)) for i in range(n)])
        found = {name: sum(itertools.islice(axes, size(self.first.values[name]))) for name in self.problem.wrt}
        return found if all(0 < curvature < math.inf for curvature in found.values()) else {}

    def curvature(self, step: State) -> LocalCurvature | None:
        """The curvature at a state, or None where there is none; ``gaps`` says why."""
        return self._look(step, self.gaps)

    def glance(self, step: State) -> LocalCurvature | None:
        """The same at a state where there need be none."""
        return self._look(step, [])

    def _look(self, step: State, gaps: list[str]) -> LocalCurvature | None:
        try:
            local = self._curvature_at(step, self.rates(step if self.rule is not None else self.first))
            jumps = self._jumps(local, self.point(step))
        except (GdcliError, NoCurvatureError, ArithmeticError, RuntimeError, TypeError) as error:
            text = error.message if isinstance(error, GdcliError) else str(error)
            why = text.strip().splitlines()[0] if text.strip() else type(error).__name__
        else:
            if not jumps:
                return local
            why = "the gradient jumps there"
        if why not in gaps:
            gaps.append(why)
        return None

    def _jumps(self, local: LocalCurvature, point: list[float]) -> bool:
        """Whether the gradient changes, over a tiny distance, by far more than by the curvature there."""
        by = _TINY * (1.0 + math.hypot(*point))
        for direction in (local.direction(-1), local.gradient.tolist()):
            length = math.hypot(*direction)
            if not 0 < length < math.inf:
                continue
            unit = [d / length for d in direction]
            above, below = (self.surface.gradient(moved(point, unit, side)) for side in (by, -by))
            change = math.dist(above, below)
            if change > _JUMP * math.hypot(*above, *below) and change > _FAR_MORE * 2 * by * local.spectrum.size:
                return True
        return False

    # Places

    @functools.cached_property
    def surface(self) -> Surface:
        """The loss at any point, in float64: smaller is better."""
        return Surface(self.problem, self.first, self.sign)

    @functools.cached_property
    def gap(self) -> float | None:
        """How far the loss ended above the known minimum; None where that is not known, or the end is not finite."""
        if self.nearest is None or self.failed:
            return None
        return self.loss(self.final) - self.nearest.loss

    @functools.cached_property
    def is_above_minimum(self) -> bool:
        """Whether the loss ended clearly above the known minimum: by more than a thousandth of what there was to gain.

        Of a start at the minimum that is nothing; of every end the rounding of the loss is allowed.
        """
        if self.gap is None or self.nearest is None:
            return False
        allowed = _ROUNDING * self.eps * max(abs(self.loss(self.first)), abs(self.nearest.loss))
        return self.gap > max(_AT_A_MINIMUM * (self.loss(self.first) - self.nearest.loss), allowed)

    @functools.cached_property
    def is_minimum(self) -> bool:
        """Whether it ended at a known minimum, by its place and its loss."""
        if self.nearest is None or self.nearest.distance is None or self.is_above_minimum:
            return False
        size = math.hypot(*(number for value in self.nearest.values.values() for number in flat(value)))
        return self.nearest.distance <= _AT_A_MINIMUM * max(1.0, size)

    @functools.cached_property
    def is_memoryless(self) -> bool:
        """Whether the next step depends on the place alone."""
        return not (remembers(self.settings) or rates_change(self.settings) or self.problem.is_random)

    # The goal, and what other settings would do

    @functools.cached_property
    def goal(self) -> Goal | None:
        """What its gradient should come down to: the tolerance of the settings, else a millionth of the first one."""
        first = self.slope(self.first)
        absolute, relative = (*(self.settings.tol_grad or [0.0]), 0.0)[:2]
        limit = absolute + relative * first
        if 0 < limit < math.inf and self.decay:
            return None  # the tolerance is one of the gradient without the decay
        if 0 < limit < math.inf:
            return Goal(limit, limit / first if first else math.inf, f"a gradient norm of {short(limit, 3)}")
        return (
            None
            if not 0 < first < math.inf
            else Goal(MILLIONTH * first, MILLIONTH, "a millionth of the initial gradient")
        )

    @functools.cached_property
    def has_arrived(self) -> bool:
        """Whether its gradient is as small as it should become, or all rounding."""
        slope = self.slope(self.final)
        return slope <= 2 * _ROUNDING * self.rounding or (self.goal is not None and slope <= self.goal.norm)

    @functools.cached_property
    def rounding(self) -> float:
        """The size of a gradient that is all rounding: that of variables which are off by eps."""
        local = self.end
        size = local.spectrum.size if local is not None else 0.0
        point = self.best if self.failed else self.final
        return self.eps * (size * (self.scale(point) - 1.0))

    @functools.cached_property
    def _trials(self) -> Trials:
        defaults = RULES[self.settings.optimizer].parameters
        history = self.settings.opt.get("history_size", defaults.get("history_size", 0))
        cost = self._curvature_at.cost.work + _RECORDED * len(self.labels) + _REMEMBERED * history
        made, evaluations = self.final.iteration, self.final.evaluations
        return Trials(self.settings, self._restart, self.goal, self._slope, cost, steps=made, evaluations=evaluations)

    @property
    def is_limited(self) -> bool:
        """Whether other settings were not tried because all trials together would have cost too much."""
        return "_trials" in self.__dict__ and self._trials.is_limited

    def _slope(self, state: State) -> float:
        """The norm of the gradient that the rule goes against, at a state of any run."""
        if not self.decay:
            return norm(state.grads)
        grads = [_zeros(state.values[name]) if g is None else g for name, g in state.grads.items()]
        return float((self.sign * joined(grads) + self.decay * state.point).norm())

    def attempt(self, changes: dict[str, Any]) -> Trial | None:
        """The run with other settings; None when it cannot be made, or would cost too much."""
        return None if self.problem.is_random else self._trials.whole(changes)

    @functools.cached_property
    def longer(self) -> Trial | None:
        """The run itself, up to its goal, however many steps it takes; None when it cannot be made."""
        return None if self.problem.is_random or self.goal is None else self._trials.longer()

    @functools.cached_property
    def comes_nearer(self) -> bool:
        """Whether more steps bring a clearly lower loss or a smaller gradient, as far as they were made.

        Of a run that is too long for that: whether its second half did.
        """
        if self.longer is None:
            half = self.at_or_after(self.final.iteration // 2)
            is_lower = self.loss(self.final) < self.loss(half) - _AT_A_MINIMUM * self.gained
            return not self.problem.is_random and (is_lower or self.slope(self.final) <= self.slope(half) / 2)
        if self.longer.arrives is not None or self.longer.slope <= self.slope(self.final) / 2:
            return True
        return self.loss(self.longer.outcome.result) < self.loss(self.final) - _AT_A_MINIMUM * self.gained

    @functools.cached_property
    def arrives(self) -> int | None:
        """The iteration at which the run reaches its goal; None when it does not, as far as it was tried."""
        return None if self.longer is None else self.longer.arrives

    @functools.cached_property
    def newton_loss(self) -> float | None:
        """The loss at the end of Newton's step from the last state; None where not all of the curvature is known."""
        if self.end is None or not self.end.spectrum.exact:
            return None
        return self.surface(self.after_newton(self.end))

    @functools.cached_property
    def flat_gradient(self) -> list[float] | None:
        """The part of the gradient at the end along directions of curvature 0; None where it is none, or not known."""
        local = self.end
        if local is None or not local.spectrum.exact:
            return None
        left = local.flat_part(torch.tensor(self.gradient(self.final), dtype=torch.float64))
        return left.tolist() if float(left.norm()) > _FLAT * max(self.slope(self.first), local.slope) else None

    def after_newton(self, local: LocalCurvature) -> list[float]:
        """Where Newton's step leads from the last state, by this curvature."""
        return moved(self.point(self.final), local.newton_step.tolist(), -1.0)

    @functools.cached_property
    def is_at_bottom(self) -> bool:
        """Whether Newton's step from the end, by the curvature there, leads to no clearly lower loss."""
        if self.end is None or self.newton_loss is None or not self.end.is_convex:
            return True
        return not self.newton_loss < self.surface(self.point(self.final)) - _CLEARLY * self.gained

    def is_lower(self, a: float, b: float) -> bool:
        """Whether a loss (signed) is lower than another by more than rounding."""
        return a < b - _ROUNDING * self.eps * abs(b) or (not math.isfinite(b) and math.isfinite(a))

    def improves(self, trial: Trial | None) -> bool:
        """Whether a trial ended lower than the run: than its best state, where its end is not a number.

        So did the last tenth of its states, unless the rate falls. Where both ended equally low, it must have reached
        the goal in half of the steps.
        """
        if trial is None or trial.outcome.status == "diverged" or not math.isfinite(trial.outcome.result.loss):
            return False
        end = self.loss(trial.outcome.result)
        if "schedule" not in trial.changes:  # a rate that falls to 0 comes to rest, which is no luck
            end = max(end, trial.highest)
        ended = self.loss(self.final if math.isfinite(self.final.loss) else self.best)
        if self.failed and not self.is_lower(end, self.loss(self.first)):
            return False  # a rate with which nothing moves is no remedy
        if self.is_lower(end, ended):
            return True
        slack = _ROUNDING * self.eps * abs(ended)
        if self.failed or not end <= ended + slack or trial.arrives is None:
            return False
        own = self.arrives if self.arrives is not None else math.inf
        return 2 * trial.arrives <= own


def _zeros(x: Snapshot) -> Snapshot:
    return torch.zeros_like(x) if isinstance(x, torch.Tensor) else 0.0


def _is_finite(step: State) -> bool:
    return math.isfinite(step.loss) and all(map(is_finite, step.values.values()))
