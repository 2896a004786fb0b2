"""How the learning rate changes: the schedules of torch.optim.lr_scheduler, over any rule, and factors by iteration."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch

from gdcli.contract.descent import DescentSettings
from gdcli.errors import GdcliError
from gdcli.lang.constructors import Environment
from gdcli.lang.objective import build
from gdcli.lang.parsing import parse
from gdcli.rules.catalogue import SCHEDULES
from gdcli.rules.checks import a_number, is_number
from gdcli.rules.parameters import rates_change
from gdcli.rules.row import ScheduleRow
from gdcli.rules.rule import Rates, UpdateRule

# last_epoch is for taking up a run again; the momentum of cyclic schedules belongs to the optimizer.
_LEFT_OUT = frozenset(
    ["self", "optimizer", "last_epoch", "scale_fn", "cycle_momentum", "base_momentum", "max_momentum"]
)


class Changes(Protocol):
    """What changes the rates of a rule from step to step."""

    def step(self, loss: float) -> None:
        """Go on to the rates of the next step."""


class ConstantRates:
    """Learning rates that stay as they are; ``lr`` is the rate, by variable where they differ."""

    def __init__(self, rule: UpdateRule) -> None:
        self.lr = common(rule.rates)

    def step(self, loss: float) -> None:
        """Go on to the rates of the next step: the same."""


class ChangingRates:
    """Learning rates that change from step to step; ``lr`` is that of the next step, by variable where they differ."""

    def __init__(self, rule: UpdateRule, changes: Changes) -> None:
        self.rule = rule
        self.changes = changes
        self.lr = common(rule.rates)

    def step(self, loss: float) -> None:
        """Go on to the rates of the next step."""
        self.changes.step(loss)
        self.lr = common(self.rule.rates)


def common(rates: Rates) -> float | dict[str, float]:
    """One rate when all variables have the same."""
    values = iter(rates.values())
    first = next(values)
    return first if all(rate == first for rate in values) else dict(rates)


def rates_of(settings: DescentSettings, rule: UpdateRule) -> ConstantRates | ChangingRates:
    """The learning rates of a run; the rule has those of the first step then.

    Raises:
        GdcliError: for a parameter of the schedule that is unknown, missing, or refused.
    """
    changes: Changes = ConstantRates(rule)
    if settings.schedule != "none":
        changes = RateSchedule(SCHEDULES[settings.schedule], settings.sched, rule)
    if settings.lr_factor:
        changes = RateFactors(settings.lr_factor, rule, changes)
    return ChangingRates(rule, changes) if rates_change(settings) else ConstantRates(rule)


class RateFactors:
    """Multiplies the rates that a schedule gives, or those of the start, by a factor that holds from an iteration on.

    The schedule never sees the factor: one that computes a rate from the last one is not disturbed.
    """

    def __init__(self, factors: Mapping[str, float], rule: UpdateRule, schedule: Changes) -> None:
        self.rule = rule
        self.schedule = schedule
        self._factors = {int(iteration): factor for iteration, factor in factors.items()}
        self._iteration = 0
        self._factor = self._factors.get(0, 1.0)
        self._unscaled = dict(rule.rates)
        self._scale()

    def step(self, loss: float) -> None:
        """Go on to the rates of the next step."""
        self._iteration += 1
        self._factor = self._factors.get(self._iteration, self._factor)
        self.rule.rates = self._unscaled
        self.schedule.step(loss)
        self._unscaled = dict(self.rule.rates)
        self._scale()

    def _scale(self) -> None:
        self.rule.rates = {name: rate * self._factor for name, rate in self._unscaled.items()}


class RateSchedule:
    """Changes the rates of a rule after each step, as the scheduler of the same name does."""

    def __init__(self, row: ScheduleRow, parameters: Mapping[str, Any], rule: UpdateRule) -> None:
        """Set the rates of the first step.

        Raises:
            GdcliError: for a parameter that is unknown, missing, or refused.
        """
        self.rule = rule
        self.needs_loss = row.needs_loss
        self._shown = _SHOWN.format(name=row.name)
        names = list(rule.rates)
        # The scheduler drives an optimizer of its own, with a group for each variable; the rule takes its rates over.
        groups = [{"params": [torch.zeros(())], "lr": rate} for rate in rule.rates.values()]
        self._optimizer = torch.optim.SGD(groups, lr=1.0)
        self._names = names
        given = {key: _read(row.name, key, value) for key, value in parameters.items()}
        make = getattr(torch.optim.lr_scheduler, row.class_name)
        _check_parameters(row.name, make, given)
        try:
            self._scheduler = make(self._optimizer, **given, **row.fixed)
        except (ValueError, TypeError, ArithmeticError) as error:
            message = f"the schedule {row.name} rejects these parameters: {error}"
            raise GdcliError("schedule", message, _SHOWN.format(name=row.name)) from error
        self._take_over()

    def step(self, loss: float) -> None:
        """Go on to the rates of the next step."""
        with warnings.catch_warnings():
            # It warns that its own optimizer has made no step, which is right: the rule makes them.
            warnings.simplefilter("ignore")
            try:
                self._scheduler.step(*([loss] if self.needs_loss else []))
            except (ValueError, ArithmeticError) as error:
                raise GdcliError("schedule", f"the schedule cannot continue: {error}", self._shown) from error
        self._take_over()

    def _take_over(self) -> None:
        rates: Rates = {
            name: float(group["lr"]) for name, group in zip(self._names, self._optimizer.param_groups, strict=True)
        }
        self.rule.rates = rates


def parameters_of(name: str) -> dict[str, Any]:
    """The parameters of a schedule with their defaults; those that must be given have ``inspect.Parameter.empty``."""
    make = getattr(torch.optim.lr_scheduler, SCHEDULES[name].class_name)
    signature = inspect.signature(make.__init__)
    return {p.name: p.default for p in signature.parameters.values() if p.name not in _LEFT_OUT}


def _check_parameters(name: str, make: Any, given: Mapping[str, Any]) -> None:
    known = parameters_of(name)
    annotations = inspect.get_annotations(make.__init__)  # texts, in torch
    for key, value in given.items():
        words = _what_it_must_be(key, value, str(annotations.get(key, "")), known[key])
        if words:
            message = f"'{key}' of the schedule {name} must be {words}, not '{value}'"
            example = _EXAMPLES.get(key) or (10 if known[key] is None else str(known[key]).lower())
            raise GdcliError("schedule", message, f"for example: --sched {key}={example}")


def _what_it_must_be(key: str, value: Any, annotation: str, default: Any) -> str:
    """What a parameter takes, by its annotation in torch, when the value is something else; otherwise empty."""
    number = is_number(value)
    if value is None and default is None:
        return ""
    if annotation.startswith("Literal"):
        choices = re.findall(r"'(.*?)'", annotation)
        return "" if value in choices else f"one of {', '.join(choices)}"
    if annotation == "bool":
        return "" if isinstance(value, bool) else "true or false"
    if annotation in ("int", "int | None"):
        least = 1 if key in _POSITIVE else 0
        return "" if number and value == int(value) and value >= least else f"an integer of at least {least}"
    return a_number(value) if "float" in annotation and "Callable" not in annotation and not number else ""


_SHOWN = "gdcli optimizers {name} shows its parameters with their defaults"
_POSITIVE = frozenset(
    [
        *["step_size", "T_max", "T_0", "T_mult", "total_steps"],
        *["epochs", "steps_per_epoch", "step_size_up", "step_size_down"],
    ]
)
_EXAMPLES = {name: example for row in SCHEDULES.values() for name, example in row.needs.items()}


_LAMBDA = 'for example: --sched lr_lambda="0.95**epoch"'


def _read(name: str, key: str, value: Any) -> Any:
    if key == "lr_lambda" and isinstance(value, (str, int, float)):
        return _function_of_epoch(str(value))
    if key == "lr_lambda":
        message = f"lr_lambda must be an expression in epoch, not '{value}'"
        raise GdcliError("schedule", message, _LAMBDA)
    if key == "milestones":
        listed = value if isinstance(value, list) else [value]
        if not all(is_number(each) and each == int(each) for each in listed):
            message = f"'milestones' of the schedule {name} must be whole numbers, not '{','.join(map(str, listed))}'"
            raise GdcliError("schedule", message, f"for example: --sched milestones={_EXAMPLES[key]}")
        return [int(each) for each in listed]
    if isinstance(value, (list, tuple)):
        message = f"'{key}' of the schedule {name} must be a single value, not '{value}'"
        raise GdcliError("schedule", message, f"for example: --sched {key}={_EXAMPLES.get(key, value[0])}")
    return value


def _function_of_epoch(text: str) -> Callable[[int], float]:
    """A factor for each step, as an expression in ``epoch``: ``0.95**epoch``."""
    expression = parse(text)
    if any(name != "epoch" for name in expression.variables):
        message = f"lr_lambda must be an expression in epoch, not '{text}'"
        raise GdcliError("schedule", message, _LAMBDA)
    factor = build(expression, Environment(torch.float64))
    return lambda epoch: float(factor(*[torch.tensor(float(epoch), dtype=torch.float64)] * len(expression.variables)))
