"""The loop: a generator of steps that records why it stopped."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import torch

from gdcli.descent.rules import check_options, update_rule
from gdcli.results import (
    Best,
    FitLinearResult,
    MinimizeResult,
    Nested,
    Notice,
    ResultLine,
    Step,
    StopReason,
    TensorState,
)
from gdcli.settings import FitLinearSettings, MinimizeSettings
from gdcli.tensors import Problem, check_scalar, grad_fn_name, is_finite

R = TypeVar("R", MinimizeResult, FitLinearResult)


class Descent(Generic[R]):
    """A descent: iterate over it for its steps, then ask for its outcome.

    Each iteration over it is the same run again, from the start. ``record_type`` is what its record is made of.
    """

    command: str
    record_type: type[R]

    def __init__(self, settings: MinimizeSettings | FitLinearSettings, prepare: Callable[[], Problem]) -> None:
        check_options(settings)
        self.settings = settings
        self.problem = prepare()
        self._prepare = prepare
        self._started = False
        self._interrupted = False
        self._outcome: tuple[StopReason, str, Step] | None = None
        self._first: Step | None = None
        self._best: Step | None = None

    def interrupt(self) -> None:
        """Ask the loop to stop before its next update."""
        self._interrupted = True

    def __iter__(self) -> Iterator[Step]:
        """Yield the state before each update; the state after the last one is in the outcome."""
        if self._started:
            self.problem = self._prepare()
        self._started = True
        self._outcome = self._best = None
        problem, tensors, wrt = self.problem, self.problem.tensors, self.problem.wrt
        rule = update_rule(self.settings, tensors, wrt)
        smallest = math.inf
        for iteration in itertools.count():
            loss = problem.value()
            if iteration == 0:
                check_scalar(loss, problem.objective.expression)
            problem.backward(loss)
            number = loss.item()
            step = Step(
                iteration,
                number,
                {name: tensors[name].tolist() for name in wrt},
                {name: _gradient(tensors[name]) for name in wrt},
            )
            if iteration == 0:
                self._first = step
            if number < smallest:
                smallest, self._best = number, step
            if iteration < self.settings.steps:
                yield step
            if self._is_over(step):
                break
            rule.step()

    def _is_over(self, step: Step) -> bool:
        """Whether the loop ends at this state; if so, records why."""
        if not math.isfinite(step.loss):  # type: ignore[arg-type]
            self._stop(StopReason.NON_FINITE, step, what="the loss", value=step.loss)
        elif not all(map(is_finite, step.grads.values())):
            name = next(name for name, numbers in step.grads.items() if not is_finite(numbers))
            self._stop(StopReason.NON_FINITE, step, what=f"the gradient of {name}", value="not finite")
        elif step.iteration == self.settings.steps:
            self._stop(StopReason.MAX_STEPS, step, steps=step.iteration)
        elif self._interrupted:
            self._stop(StopReason.INTERRUPTED, step)
        elif all(numbers is None for numbers in step.grads.values()):
            self._stop(StopReason.NO_GRADIENT, step, name=next(iter(step.grads)))
        return self._outcome is not None

    def _stop(self, reason: StopReason, step: Step, **details: Any) -> None:
        message = reason.value.format(iteration=step.iteration, **details)
        self._outcome = (reason, message, step)

    @property
    def outcome(self) -> ResultLine:
        """How it ended: status, message, the last and the best point, what to know about it.

        Raises:
            RuntimeError: before the loop has ended.
        """
        if self._outcome is None:
            raise RuntimeError("the descent has not ended: iterate over it first")
        reason, message, final = self._outcome
        best = self._best or final
        return ResultLine(
            status=reason.status,
            message=message,
            result=final,
            best=Best(best.iteration, best.loss, best.values),
            tensors={name: _state(self.problem.tensors[name]) for name in self.problem.wrt},
            warnings=self.notices(reason, final),
        )

    def record(self, iterations: list[Step]) -> R:
        """The whole record, once the descent has ended."""
        outcome = self.outcome
        return self.record_type(
            settings=self.settings,  # type: ignore[arg-type]
            status=outcome.status,
            message=outcome.message,
            iterations=iterations,
            result=outcome.result,
            best=outcome.best,
            tensors=outcome.tensors,
            warnings=outcome.warnings,
        )

    def result(self) -> R:
        """Run to the end and return the whole record."""
        return self.record(list(self))

    def notices(self, reason: StopReason, final: Step) -> list[Notice]:
        """What a reader should know about the run."""
        notices = []
        if reason is StopReason.NON_FINITE:
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


def _gradient(x: torch.Tensor) -> Nested:
    """The numbers of ``x.grad``. PyTorch keeps none for a tensor that is not a leaf, and warns when it is asked."""
    return x.grad.tolist() if x.is_leaf and x.grad is not None else None


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
