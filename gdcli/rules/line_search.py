"""Gradient descent that looks for the length of each step along the gradient: by backtracking, or exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from gdcli.contract.fields import Nested
from gdcli.contract.short import short
from gdcli.rules.by_hand import ByHand
from gdcli.rules.rule import Evaluate, NoStepError, Rates, Tensors

_GOLDEN = (math.sqrt(5) - 1) / 2
_MOST = 100  # times that an interval shrinks by the golden section
_FAR = 1e20  # the farthest point that is tried, in units of lr
NO_DECREASE = "no step along the gradient lowers the loss"


class LineSearch(ByHand):
    """A rule that tries steps ``lr * s`` along the gradient, for one ``s`` that all variables share.

    ``trials`` are the s that were tried in the last step, with their losses, which are negative when going up.
    """

    def __init__(self, tensors: Tensors, rates: Rates, given: dict[str, Any]) -> None:
        super().__init__(tensors, rates, given)
        self.start: Tensors = {}
        self.against: Tensors = {}
        self.trials: list[tuple[float, float]] = []
        self.steps: Rates = {}

    def step(self, evaluate: Evaluate) -> None:
        """Move the variables by the step that was found."""
        moving = {name: x for name, x in self.variables.items() if x.grad is not None}
        self.start = {name: x.detach().clone() for name, x in moving.items()}
        self.against = {name: self._signed(x.grad).clone() for name, x in moving.items() if x.grad is not None}
        self.trials, self.steps = [], dict(self.rates)
        try:
            if self.slope_along(self.against) != 0:
                self.search(evaluate)
        except NoStepError:
            with self.no_grad:
                for name, x in self.start.items():
                    self.variables[name].copy_(x)
            raise

    def search(self, evaluate: Evaluate) -> None:
        """Leave the variables where the step ends.

        Raises:
            NoStepError: when there is no such step.
        """
        raise NotImplementedError

    def slope_along(self, gradients: Tensors) -> float:
        """The derivative by ``s`` of the loss along the line, for the gradients at a place on it."""
        along = (self.rates[name] * (g * self.against[name]).sum().item() for name, g in gradients.items())
        return -sum(along)

    def go(self, s: float) -> None:
        """Go to a place on the line."""
        self.steps = {name: rate * s for name, rate in self.rates.items()}
        with self.no_grad:
            for name, start in self.start.items():
                self.variables[name].copy_(start - self.steps[name] * self.against[name])

    def look(self, s: float, evaluate: Evaluate) -> tuple[float, float]:
        """Go to a place on the line, and return the loss and its slope there."""
        self.go(s)
        loss = evaluate().item()
        loss = -loss if self.maximize else loss
        self.trials.append((s, loss))
        gradients = {name: self.variables[name].grad for name in self.start}
        return loss, self.slope_along({name: self._signed(g) for name, g in gradients.items() if g is not None})

    def limit_of_the_dtype(self, before: float, slope: float) -> str:
        """Why no trial lowered the loss from ``before``, where rounding is the reason; otherwise an empty string.

        ``slope`` is that of the loss at the start. A smooth loss is ``before + slope * s + c * s**2`` for small s, so
        c follows from a trial, the same from each; the best step then gains ``slope**2 / (4 * c)``. At a kink the c of
        shorter and shorter trials grows without bound.
        """
        dtype = next(iter(self.start.values())).dtype
        spacing = math.ldexp(torch.finfo(dtype).eps, math.frexp(before)[1] - 1)
        gain = self._best_gain(before, slope, 32 * spacing)
        if gain is None or gain > 4 * spacing:
            return ""
        name = str(dtype).removeprefix("torch.")
        most, apart = short(gain, 2), short(spacing, 2)
        return f": a step would gain at most about {most}, and {name} has a spacing of {apart} at this loss"

    def _best_gain(self, before: float, slope: float, clear: float) -> float | None:
        """What the best step gains, from the two shortest trials whose slope promises more than ``clear``."""
        trials = sorted((s, loss) for s, loss in self.trials if -s * slope > clear and math.isfinite(loss))
        if not trials:
            return -slope * max((s for s, _ in self.trials), default=0.0)
        if len(trials) == 1:
            return None
        short, long = ((loss - before - slope * s) / s**2 for s, loss in trials[:2])
        return slope**2 / (4 * short) if 0 < short < 1.5 * long else None

    def memory(self, name: str) -> dict[str, Nested]:
        """The step that was made, and the trials of it."""
        if name not in self.steps:
            return {}
        sign = -1.0 if self.maximize else 1.0
        return {
            "step": self.steps[name],
            "trial_steps": [self.rates[name] * s for s, _ in self.trials],
            "trial_losses": [sign * loss for _, loss in self.trials],
        }

    def _signed(self, gradient: torch.Tensor) -> torch.Tensor:
        return -gradient if self.maximize else gradient


class Backtracking(LineSearch):
    """The first of ever shorter steps that lowers the loss enough: Armijo (1966); Nocedal and Wright, algorithm 3.1."""

    def __init__(self, tensors: Tensors, rates: Rates, given: dict[str, Any]) -> None:
        super().__init__(tensors, rates, given)
        self.c1: float = given["c1"]
        self.shrink: float = given["shrink"]
        self.shrinks = 0

    def search(self, evaluate: Evaluate) -> None:
        """Shrink the step until the loss falls by at least ``c1`` of what the slope at the start promises."""
        before, _ = self.look(0.0, evaluate)
        self.trials.clear()
        slope = self.slope_along(self.against)
        self.shrinks = 0
        while True:
            s = self.shrink**self.shrinks
            loss, _ = self.look(s, evaluate)
            if all(torch.equal(self.variables[name], x) for name, x in self.start.items()):
                raise NoStepError(NO_DECREASE + self.limit_of_the_dtype(before, slope))
            if loss <= before + self.c1 * s * slope:
                return
            self.shrinks += 1

    def memory(self, name: str) -> dict[str, Nested]:
        """The step that was made, how often it shrank, and the trials of it."""
        return super().memory(name) | ({"shrinks": self.shrinks} if self.steps else {})


class Exact(LineSearch):
    """The lowest point of the line: from two slopes where the loss is quadratic on it, else by golden section.

    The derivative of a quadratic along a line is linear, so its zero follows from its values at 0 and at ``lr``
    (Nocedal and Wright 2006, section 3.3); where the slope at that place is not 0 after all, the loss is no
    quadratic, and golden section (Kiefer 1953) brackets a minimum of the line.
    """

    def __init__(self, tensors: Tensors, rates: Rates, given: dict[str, Any]) -> None:
        super().__init__(tensors, rates, given)
        self.slopes: tuple[float, float] | None = None  # at the start and at lr, where they gave the step

    def search(self, evaluate: Evaluate) -> None:
        """Find the lowest point of the line."""
        dtype = next(iter(self.start.values())).dtype
        precision = math.sqrt(torch.finfo(dtype).eps)
        first = self.slope_along(self.against)
        _, second = self.look(1.0, evaluate)
        self.slopes = None
        if second > first:
            _, slope = self.look(first / (first - second), evaluate)
            if abs(slope) <= precision * abs(first):
                self.slopes = first, second
                return

        try:
            s = minimum_along(lambda s: self.look(s, evaluate)[0], precision)
        except NoStepError as error:
            if error.why != NO_DECREASE:
                raise
            before = next(loss for s, loss in self.trials if s == 0)
            raise NoStepError(NO_DECREASE + self.limit_of_the_dtype(before, first)) from None
        self.go(s)

    def memory(self, name: str) -> dict[str, Nested]:
        """The step that was made, the slopes that gave it, and the trials."""
        slopes = {} if self.slopes is None else {"slope": self.slopes[0], "slope_at_lr": self.slopes[1]}
        return super().memory(name) | slopes


def minimum_along(loss_at: Callable[[float], float], precision: float) -> float:
    """A place s > 0 where a function of s has a minimum, to a relative precision; a loss of nan is no lower than any.

    Raises:
        NoStepError: where the function decreases without bound, or is nowhere below its value at 0.
    """
    before, high = loss_at(0.0), 1.0
    last, loss = before, loss_at(high)
    while loss < last and high < _FAR:
        high /= _GOLDEN
        last, loss = loss, loss_at(high)
    if loss < last:
        raise NoStepError("the loss decreases without bound along the gradient, so no step length is optimal")
    s, lowest = golden_section(loss_at, 0.0, high, precision)
    if not lowest < before:
        raise NoStepError(NO_DECREASE)
    return s


def golden_section(f: Callable[[float], float], low: float, high: float, precision: float) -> tuple[float, float]:
    """A place between two where a function has a minimum, and its value there (Kiefer 1953).

    To a precision relative to the upper end; a value of nan is no lower than any.
    """
    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_a, at_b = f(a), f(b)
    for _ in range(_MOST):
        if high - low <= precision * high:
            break
        if at_b < at_a:
            low, a, at_a = a, b, at_b
            b = low + _GOLDEN * (high - low)
            at_b = f(b)
        else:
            high, b, at_b = b, a, at_a
            a = high - _GOLDEN * (high - low)
            at_a = f(a)
    return (b, at_b) if at_b < at_a else (a, at_a)
