"""A descent from its settings to its record: the loop, and what watches it."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic

import torch
from msgspec import UNSET
from msgspec.structs import replace

from gdcli.contract.descent import (
    Best,
    DescentSettings,
    Step,
    StopReason,
    TensorState,
    Update,
)
from gdcli.contract.diagnosis import Finding
from gdcli.contract.envelope import Notice, listed
from gdcli.contract.fields import in_record
from gdcli.contract.short import short
from gdcli.descent.batches import Batched
from gdcli.descent.bounds import Bounded
from gdcli.descent.curvature import rate_from_curvature
from gdcli.descent.diagnosis.trace import Trace
from gdcli.descent.evaluation import ClippedEvaluation, Evaluation
from gdcli.descent.kind import Kind, R
from gdcli.descent.loop import Rule, State, descend
from gdcli.descent.repeats import does_not_repeat
from gdcli.descent.rest import at_rest
from gdcli.descent.snapshot import Snapshot, norm, same
from gdcli.descent.stopping import Ending, StopTests
from gdcli.descent.walk import Walked
from gdcli.rules.catalogue import RULES
from gdcli.rules.checks import check_parameters, without_effect
from gdcli.rules.make import update_rule
from gdcli.rules.parameters import complete_rule, rates_change, remembers
from gdcli.rules.rule import NoStepError, why_not_computed
from gdcli.rules.schedules import rates_of
from gdcli.tensors import Problem, grad_fn_name

_GROWN = "the steps grew without bound"
# What the warning about a run that diverged says, by the code of the finding; nothing for the sentence of the finding.
_WHY = {
    "learning-rate-too-large": f"{_GROWN}; try a smaller learning rate",
    "momentum-too-large": f"{_GROWN}; try a smaller momentum",
    "unbounded": "the loss has no bound in this direction, so there is nothing to converge to",
    "not-finite": "",
}
_FEW = 3  # elements of a tensor in a sentence
_EXTRAS = ("diagnose", "walk", "check")  # what explains a run and changes nothing in it


class Descent(Generic[R]):
    """A descent: iterate over it for its steps, then ask for its outcome.

    Each iteration over it is the same run again, from the start; the last step is the state in which the run ended.
    """

    def __init__(self, settings: DescentSettings, kind: Kind[R]) -> None:
        check_parameters(settings)
        self.settings = replace(settings, **complete_rule(settings))
        self.kind = kind
        self.problem = kind.prepare(self.settings)
        self.diagnoses = settings.diagnose
        self.updates: list[Update] = []
        self._sign = -1.0 if settings.maximize else 1.0
        self._is_new = True
        self._evaluation = Evaluation(self.problem)
        self._tests = self._stop_tests()
        self._first: State | None = None
        self._best: State | None = None
        self._trace: Trace | None = None

    def __repr__(self) -> str:
        return f"<gdcli {self.command}: iterate over its steps, or call result() for the record>"

    @property
    def command(self) -> str:
        """The command that makes such a descent."""
        return self.kind.command

    @property
    def evaluations(self) -> int:
        """How many times the loss was evaluated so far."""
        return self._evaluation.count

    def interrupt(self, by: str = "") -> None:
        """Ask the loop to stop before its next update; ``by`` says by what (" by SIGTERM")."""
        self._tests.interrupted_by = by

    def end_after(self, steps: int) -> None:
        """Make this number of updates, while it runs: as if ``settings.steps`` had said so from the start."""
        self.settings = replace(self.settings, steps=steps)
        self._tests.steps = steps

    # The run

    def __iter__(self) -> Iterator[Step]:
        """The states in plain numbers."""
        return (state.step() for state in self.states())

    def states(self) -> Iterator[State]:
        """The states as tensors."""
        settings, problem = self.settings, self._begin()
        rule = update_rule(settings, problem.tensors, problem.wrt, self._first_rates(), problem)
        rates = rates_of(settings, rule)
        bounded = Bounded(rule, problem.tensors, settings.bound) if settings.bound else None
        walked = Walked(rule, settings.optimizer, problem, bounded) if settings.walk else None
        try:
            for state in descend(self._evaluation, self._on_batches(walked or bounded or rule), rates, self._tests):
                self.updates = [] if walked is None else walked.updates  # of the step to this state
                self._see(state)
                yield state
        except NoStepError as error:
            self._tests.end(StopReason.STALLED, {"why": error.why}, state)
        except (ArithmeticError, RuntimeError) as error:
            if error is self.problem.objective.raised or not (why := why_not_computed(error)):
                raise
            self._tests.end(StopReason.STALLED, {"why": why}, state)
        self._judge_start()

    def _on_batches(self, rule: Rule) -> Rule:
        """The rule, with a batch of rows for each step where the problem has such."""
        batches = self.problem.batches
        return rule if batches is None else Batched(rule, batches, lambda: self.settings.steps)

    def walk(self, states: Iterable[State]) -> Iterator[tuple[State, list[Update]]]:
        """Each of the states of this descent with the updates made from it, of ``settings.walk``; none at the end."""
        before = None
        for state in states:
            if before is not None:
                yield before, self.updates
            before = state
        if before is not None:
            yield before, []

    def _begin(self) -> Problem:
        """The problem at the start, with all forgotten that was seen in a run before."""
        if not self._is_new:
            self.problem = self.kind.prepare(self.settings)
            self._tests = self._stop_tests()
            self._first = self._best = self._trace = None
            self.__dict__.pop("outcome", None)
        self._is_new = False
        by_hand = not RULES[self.settings.optimizer].path
        if self.settings.clip_norm is not None or self.settings.clip_value is not None:
            self._evaluation = ClippedEvaluation(self.problem, self.settings, adds_to_zeros=by_hand)
        else:
            self._evaluation = Evaluation(self.problem, adds_to_zeros=by_hand)
        self.kind.begin(self.problem)
        return self.problem

    def _judge_start(self) -> None:
        """A start whose gradient is within its tolerance is no success where the loss is lower beside it."""
        reason, _, state = self.ending
        if reason is not StopReason.CONVERGED_GRAD or state.iteration > 0 or self.problem.is_random:
            return
        from gdcli.descent.diagnosis.beside import lower_beside
        from gdcli.descent.diagnosis.surface import Surface

        if lower_beside(Surface(self.problem, state, self._sign), state.point.tolist()) is not None:
            self._tests.end(StopReason.STATIONARY, {"value": norm(state.grads)}, state)

    def _see(self, state: State) -> None:
        """What watches the loop: the best state, the trace of the diagnosis, and what the kind looks for."""
        if self._first is None:
            self._first = self._best = state
            if self.problem.is_random:  # of a function, this is known from its first call on
                self._tests.sees_cycles = False
            if self.diagnoses:
                self._trace = Trace(state, maximize=self.settings.maximize)
        else:
            if self._trace is not None:
                self._trace.see(state)
            if self._is_better(state) or self.problem.batches is not None:  # losses of batches do not compare
                self._best = state
        self.kind.watch(state)

    def _is_better(self, state: State) -> bool:
        """Whether a state is better than the best so far: a loss that is not finite is never better."""
        if self._best is None:
            return True
        is_lower = not math.isfinite(self._best.loss) or self._sign * state.loss < self._sign * self._best.loss
        return math.isfinite(state.loss) and is_lower

    def _first_rates(self) -> dict[str, float]:
        """The learning rate of each variable."""
        rate = self.settings.lr
        if rate == "auto":
            rate = rate_from_curvature(self.kind.prepare(self.settings), maximize=self.settings.maximize)
        rate = math.nan if rate is None else rate  # an own class has no number for it
        return {name: self.settings.lrs.get(name, rate) for name in self.problem.wrt}

    def _stop_tests(self) -> StopTests:
        s = self.settings
        more = remembers(s) or rates_change(s) or self.problem.is_random
        return StopTests(s, remembers=more, is_stuck=self.kind.is_stuck)

    # What it leaves

    @property
    def ending(self) -> Ending:
        """Why and where it ended.

        Raises:
            RuntimeError: before the loop has ended.
        """
        if self._tests.ending is None:
            raise RuntimeError("the descent has not finished; iterate over it first")
        return self._tests.ending

    @functools.cached_property
    def outcome(self) -> R:
        """The record without its iterations: how it ended, the last and the best point, what to know about it.

        Raises:
            RuntimeError: before the loop has ended.
        """
        reason, message, final = self.ending
        first, best = self._first or final, self._best or final
        changing = does_not_repeat(self.problem, final)
        findings = [] if changing else self._diagnosis()
        return self.kind.record(
            command=self.kind.command,
            settings=in_record(self.settings),
            status=reason.status,
            message=message,
            iterations=[],
            result=final.step(),
            best=Best(best.iteration, best.loss, best.step().values),
            evaluations=self.evaluations,
            minimum=self.kind.nearest_minimum(final),
            checks=self.kind.checks(first, final),
            tensors={name: _tensor_state(self.problem.tensors[name]) for name in self.problem.wrt},
            walk=[] if self.settings.walk else UNSET,
            diagnosis=findings,
            warnings=[*([changing] if changing else []), *self._notices(findings)],
        )

    def record(self, steps: Iterable[Step], updates: Iterable[Update] = ()) -> R:
        """The whole record, once the descent has ended, of its steps and of the updates of ``settings.walk``.

        The iterations are the states from which an update was made or could have been: all before the last of
        ``settings.steps`` updates.
        """
        iterations = [step for step in steps if self.is_iteration(step)]
        walk = list(updates) if self.settings.walk else UNSET
        return replace(self.outcome, iterations=iterations, walk=walk).made_by((self.settings, self.kind))

    def is_iteration(self, state: State | Step) -> bool:
        """Whether a state is one of the iterations of the record: not the one after all updates."""
        return state.iteration < self.settings.steps

    def result(self) -> R:
        """Run to the end and return the whole record."""
        steps: list[Step] = []
        updates: list[Update] = []
        for state, made in self.walk(self.states()):
            steps.append(state.step())
            updates += made
        return self.record(steps, updates)

    def _diagnosis(self) -> list[Finding]:
        """What happened, and what to change; empty unless ``settings.diagnose``."""
        trace = self._trace
        if not self.diagnoses or trace is None or self.problem.batches is not None:
            return []  # what is found rests on one loss, and each batch has another
        from gdcli.descent.diagnosis.diagnose import MOST_UNKNOWNS, diagnose, too_many
        from gdcli.descent.diagnosis.run import Run

        if self.problem.unknowns > MOST_UNKNOWNS:
            return [too_many(self.problem.unknowns)]

        def collect() -> Run:
            reason, _, final = self.ending
            nearest = self.kind.nearest_minimum(final)
            return Run(self.settings, self.problem, reason, self._best or final, trace, self._restart, nearest=nearest)

        return diagnose(collect, self.kind.finders())

    def _restart(self, changes: dict[str, Any]) -> Descent[R]:
        """The descent with other settings."""
        extras = {name: False for name in _EXTRAS if name in self.settings.__struct_fields__}
        return self.kind.again(replace(self.settings, **extras, **changes))

    def _notices(self, findings: Sequence[Finding]) -> list[Notice]:
        """What a reader should know about the run; of one that diverged what the diagnosis found, if it was made."""
        reason, message, final = self.ending
        notices = self.kind.notices(self.problem)
        notices += [Notice("no-effect", words) for words in without_effect(self.settings)]
        if reason in (StopReason.NON_FINITE, StopReason.GROWN):
            why = [finding for finding in findings if finding.code in _WHY]
            found = next((each for each in why if each.evidence.get("value") == "nan"), next(iter(why), None))
            if found is not None:
                message = _WHY[found.code] or found.message
                if final.iteration == 1 and self._first is not None:  # a single step cannot have grown
                    once = (
                        f"the loss went from {short(self._first.loss, 4)} to {short(final.loss, 4)} in the first step"
                    )
                    message = message.replace(_GROWN, once)
                elif reason is StopReason.NON_FINITE and math.isfinite(final.loss):
                    message = message.replace(_GROWN, "the steps led to a gradient that is not finite")
            elif final.iteration == 0:
                point = ", ".join(f"{name} = {_short(value)}" for name, value in final.values.items())
                message = f"the loss or its gradient is not finite at the start, {point}; choose another start"
            notices.append(Notice("diverged", message))
        elif reason is StopReason.NO_GRADIENT or any(t.grad_fn is not None for t in self.problem.tensors.values()):
            notices.append(_non_leaf(self.problem.leaves))
        elif (
            self._first is not None
            and None not in self._first.grads.values()
            and norm(self._first.grads) == 0
            and same(self._first.values, final.values)
        ):
            notices.append(
                Notice("zero-gradient", "the gradient is exactly 0 at the start, so the variables do not change")
            )
        elif (
            self._trace is not None
            and self.problem.batches is None
            and (rests := at_rest(self.problem, self._trace, maximize=self.settings.maximize))
        ):
            notices.append(rests)
        return notices


def _tensor_state(x: torch.Tensor) -> TensorState:
    return TensorState(x.is_leaf, x.requires_grad, grad_fn_name(x))


def _non_leaf(tensors: Mapping[str, torch.Tensor]) -> Notice:
    """Why variables that were bound to new tensors have no gradient any more, told of the first one."""
    name, *others = tensors
    x = tensors[name]
    grads = f"{name}.grad stays" if not others else f"{listed(f'{each}.grad' for each in tensors)} stay"
    return Notice(
        "non-leaf",
        f"{name} = {name} - lr * {name}.grad created a new tensor: grad_fn {grad_fn_name(x)}, is_leaf {x.is_leaf}"
        f"{f' (and so for {listed(others)})' if others else ''}; "
        f"backward() populates .grad of leaf tensors only, so {grads} None from now on; "
        f"update {listed(tensors)} in place under torch.no_grad() instead (--update in-place)",
    )


def _short(x: Snapshot) -> str:
    """A value in a sentence: a number, or the first elements of a tensor."""
    if not isinstance(x, torch.Tensor):
        return short(x, 6)
    first = ", ".join(short(number, 6) for number in x.reshape(-1)[:_FEW].tolist())
    return f"[{first}{', ...' if x.numel() > _FEW else ''}]"
