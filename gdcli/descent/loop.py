"""The loop: a generator of steps that records why it stopped."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from gdcli.contract.descent import (
    Act,
    Best,
    FitLinearResult,
    FitLinearSettings,
    KnownMinimum,
    MinimizeResult,
    MinimizeSettings,
    Step,
    StopReason,
    TensorState,
    Update,
)
from gdcli.contract.diagnosis import Finding
from gdcli.contract.envelope import Notice
from gdcli.contract.fields import Nested
from gdcli.contract.grad import GradientCheck
from gdcli.descent.curvature import rate_from_curvature
from gdcli.descent.diagnosis.trace import Trace
from gdcli.descent.limits import Limits
from gdcli.descent.optimizers import complete_rule, update_rule
from gdcli.descent.schedules import changes_of_rates
from gdcli.descent.stopping import StopTests
from gdcli.descent.walk import Walk
from gdcli.tensors import Problem, check_scalar, grad_fn_name

if TYPE_CHECKING:
    from gdcli.descent.diagnosis.diagnose import Finder
    from gdcli.descent.diagnosis.run import Run

R = TypeVar("R", MinimizeResult, FitLinearResult)
_STATELESS = ("manual", "sgd")
_EXTRAS = ("diagnose", "walk", "check")  # what explains a run and changes nothing in it


class Descent(Generic[R]):
    """A descent: iterate over it for its steps, then ask for its outcome.

    Each iteration over it is the same run again, from the start. ``record_type`` is what its record is made of.
    """

    command: str
    record_type: type[R]

    def __init__(self, settings: MinimizeSettings | FitLinearSettings, prepare: Callable[[], Problem]) -> None:
        self.problem = prepare()
        self.settings = replace(settings, **complete_rule(settings))
        self._prepare = prepare
        self._started = False
        self._interrupted = False
        self._tests: StopTests | None = None
        self._outcome: tuple[StopReason, str, Step] | None = None
        self._first: Step | None = None
        self._best: Step | None = None
        self._trace: Trace | None = None
        self._diagnosis: list[Finding] | None = None
        self.diagnoses = settings.diagnose
        self.evaluations = 0
        self.updates: list[Update] = []

    def interrupt(self) -> None:
        """Ask the loop to stop before its next update."""
        self._interrupted = True

    def end_after(self, steps: int) -> None:
        """Make so many updates, while it runs: as if ``settings.steps`` had said so from the start."""
        self.settings = replace(self.settings, steps=steps)
        if self._tests is not None:
            self._tests.steps = steps

    def __iter__(self) -> Iterator[Step]:
        """Yield the state before each update; the state after the last one is in the outcome."""
        if self._started:
            self.problem = self._prepare()
        self._started = True
        self._outcome = self._best = self._diagnosis = self._trace = None
        self.evaluations = 0
        tensors, wrt = self.problem.tensors, self.problem.wrt
        limits = Limits(self.settings, {name: tensors[name] for name in wrt})
        limits.check_start()
        rule = update_rule(self.settings, tensors, wrt, self._first_rates())
        changes = changes_of_rates(self.settings, rule)
        walk = Walk(rule, self.settings.optimizer, tensors, wrt, limits) if self.settings.walk else None
        tests = self._tests = StopTests(self.settings, remembers=self._remembers())
        direction = -1.0 if self.settings.maximize else 1.0
        better, lr = math.inf, _common(rule.rates)
        acts: list[Act] = []
        trace: Trace | None = None
        for iteration in itertools.count():
            number = self._evaluate().item()
            values: dict[str, Nested] = {name: tensors[name].tolist() for name in wrt}
            grads = {name: _gradient(tensors[name]) for name in wrt}
            if limits.clips:
                acts = acts + limits.clip()
            step = Step(iteration, number, values, grads, lr, acts or None)
            if iteration == 0:
                self._first = step
                if self.diagnoses:
                    numbers = sum(tensors[name].numel() for name in wrt)
                    self._trace = trace = Trace(step, numbers, maximize=self.settings.maximize)
            elif trace is not None:
                trace.see(step)
            if direction * number < better:
                better, self._best = direction * number, step
            if iteration < self.settings.steps:
                yield step
            if self._is_over(step, tests):
                break
            if walk is None:
                rule.step(self._evaluate)
                acts = limits.project() if limits.bounds else []
            else:
                acts = walk.step(self._evaluate, iteration)
                self.updates = walk.updates
            if changes is not None:
                changes.step(number)
                lr = _common(rule.rates)

    def _evaluate(self) -> torch.Tensor:
        """The loss at the tensors as they are, with ``.grad`` filled."""
        self.evaluations += 1
        loss = self.problem.value()
        if self.evaluations == 1:
            check_scalar(loss, self.problem.objective.expression)
        self.problem.backward(loss)
        return loss

    def _first_rates(self) -> dict[str, float]:
        """The learning rate of each variable."""
        rate = self.settings.lr
        if rate == "auto":
            rate = rate_from_curvature(self._prepare(), maximize=self.settings.maximize)
        return {name: self.settings.lrs.get(name, rate) for name in self.problem.wrt}  # type: ignore[misc]

    def _remembers(self) -> bool:
        """Whether the rule's next step depends on more than where it is."""
        s = self.settings
        varies = s.schedule != "none" or bool(s.lr_factor)
        return s.optimizer not in _STATELESS or bool(s.momentum) or varies or self.problem.is_random

    def is_stuck(self, step: Step) -> bool:  # noqa: ARG002 -- for descents that know more
        """Whether a gradient of zero at this state is known not to mean a minimum."""
        return False

    def checks(self) -> dict[str, GradientCheck] | UnsetType:
        """The checks of the gradient at the start and at the end, where they were asked for."""
        return UNSET

    def nearest_minimum(self, step: Step) -> KnownMinimum | UnsetType:  # noqa: ARG002 -- for descents that know more
        """The known minimum that is nearest to a state."""
        return UNSET

    def _is_over(self, step: Step, tests: StopTests) -> bool:
        """Whether the loop ends at this state; if so, records why."""
        if not self._interrupted and tests.goes_on(step):
            return False
        found = tests.look(step, stuck=self.is_stuck(step) if tests.has_tolerance else False)
        if found is None and self._interrupted:
            found = StopReason.INTERRUPTED, {}
        if found is None:
            return False
        reason, details = found
        self._outcome = (reason, reason.value.format(iteration=step.iteration, **details), step)
        return True

    @property
    def ending(self) -> tuple[str, Step]:
        """Why it ended, in a sentence, and the state there; the outcome knows more.

        Raises:
            RuntimeError: before the loop has ended.
        """
        if self._outcome is None:
            raise RuntimeError("the descent has not ended: iterate over it first")
        return self._outcome[1:]

    @property
    def outcome(self) -> R:
        """How it ended: status, message, the last and the best point, what to know about it.

        Raises:
            RuntimeError: before the loop has ended.
        """
        if self._outcome is None:
            raise RuntimeError("the descent has not ended: iterate over it first")
        reason, message, final = self._outcome
        best = self._best or final
        return self.record_type(
            settings=self.settings,  # type: ignore[arg-type]
            status=reason.status,
            message=message,
            iterations=[],
            result=final,
            best=Best(best.iteration, best.loss, best.values),
            evaluations=self.evaluations,
            minimum=self.nearest_minimum(final),
            checks=self.checks(),
            tensors={name: _state(self.problem.tensors[name]) for name in self.problem.wrt},
            diagnosis=self.diagnosis(),
            warnings=self.notices(reason, final),
        )

    def walk(self, steps: Iterable[Step] | None = None) -> Iterator[tuple[Step, list[Update]]]:
        """Yield each state with the updates made from it: none without ``settings.walk``, and where the run ends.

        ``steps`` are those of this descent, when somebody else looks at them too.
        """
        previous = None
        for step in self if steps is None else steps:
            if previous is not None:
                yield previous, self.updates
            previous = step
        if previous is not None:
            yield previous, self.updates if self.ending[1].iteration > previous.iteration else []

    def record(self, iterations: list[Step], updates: list[Update] | None = None) -> R:
        """The whole record, once the descent has ended; ``updates`` are those of all steps, with ``settings.walk``."""
        return replace(self.outcome, iterations=iterations, walk=(updates or []) if self.settings.walk else UNSET)

    def result(self) -> R:
        """Run to the end and return the whole record."""
        if not self.settings.walk:
            return self.record(list(self))
        walked = list(self.walk())
        return self.record([step for step, _ in walked], [update for _, updates in walked for update in updates])

    def diagnosis(self) -> list[Finding]:
        """What happened, and what to change, once the descent has ended; empty unless ``settings.diagnose``."""
        if self._diagnosis is None:
            self._diagnosis = []
            if self.diagnoses and self._trace is not None and self._outcome is not None:
                from gdcli.descent.diagnosis.diagnose import diagnose

                collect = functools.partial(self._collected, self._trace, *self._outcome)
                self._diagnosis = diagnose(collect, self.finders())
        return self._diagnosis

    def _collected(self, trace: Trace, reason: StopReason, _: str, final: Step) -> Run:
        """What the diagnosis goes by."""
        from gdcli.descent.diagnosis.run import Run

        known = not isinstance(self.nearest_minimum(final), UnsetType) and not self.is_stuck(final)
        parts = self.settings, self.problem, reason, self._best or final, trace, self._attempt
        return Run(*parts, is_minimum=known)

    def finders(self) -> list[Finder]:
        """What this kind of descent looks for by itself, in the diagnosis."""
        return []

    def again(self, settings: Any) -> Descent[R]:
        """The same descent with other settings."""
        raise NotImplementedError

    def _attempt(self, changes: dict[str, Any]) -> R:
        """How the descent ends with other settings."""
        extras = {name: False for name in _EXTRAS if name in self.settings.__struct_fields__}
        descent = self.again(replace(self.settings, **extras, **changes))
        for _ in descent:
            pass
        return descent.outcome

    def notices(self, reason: StopReason, final: Step) -> list[Notice]:
        """What a reader should know about the run."""
        notices = []
        if reason in (StopReason.NON_FINITE, StopReason.GROWN):
            if final.iteration == 0:
                point = ", ".join(f"{name} = {_short(value)}" for name, value in final.values.items())
                message = f"the loss or its gradient is not finite at the start, {point}; choose another start"
            else:
                message = "the steps grew without bound; try a smaller learning rate"
            notices.append(Notice("diverged", message))
        elif reason is StopReason.NO_GRADIENT or any(t.grad_fn is not None for t in self.problem.tensors.values()):
            notices.extend(_non_leaf(name, self.problem.tensors[name]) for name in self.problem.wrt)
        elif self._first is not None and _is_zero(list(self._first.grads.values())):
            notices.append(Notice("zero-gradient", "the gradient is exactly 0 at the start, so nothing moves"))
        return notices


def _common(rates: dict[str, float]) -> float | dict[str, float]:
    """One rate when all variables have the same."""
    values = iter(rates.values())
    first = next(values)
    return first if all(rate == first for rate in values) else dict(rates)


def _gradient(x: torch.Tensor) -> Nested:
    """The numbers of ``x.grad``. PyTorch keeps none for a tensor that is not a leaf, and warns when it is asked."""
    if not x.is_leaf or x.grad is None:
        return None
    try:
        return x.grad.tolist()
    except RuntimeError:  # the gradient of sgn is a tensor of zeros without storage
        x.grad = torch.zeros_like(x)
        return x.grad.tolist()


def _state(x: torch.Tensor) -> TensorState:
    return TensorState(x.is_leaf, x.requires_grad, grad_fn_name(x))


def _non_leaf(name: str, x: torch.Tensor) -> Notice:
    return Notice(
        "non-leaf",
        f"{name} = {name} - lr * {name}.grad made {name} a new tensor: grad_fn {grad_fn_name(x)}, is_leaf {x.is_leaf}; "
        f"backward fills the .grad of leaves only, so {name}.grad stays None from now on; "
        f"update in place under torch.no_grad() instead (--update in-place)",
    )


def _is_zero(numbers: Any) -> bool:
    return all(map(_is_zero, numbers)) if isinstance(numbers, list) else numbers == 0


def _short(value: Nested) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "a tensor" if isinstance(value, list) else str(value)
