"""How the learning rate changes: the schedules of torch.optim.lr_scheduler, over any rule, and factors by iteration."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch

from gdcli.contract.descent import DescentSettings
from gdcli.errors import GdcliError
from gdcli.lang.constructors import Environment
from gdcli.lang.objective import build
from gdcli.lang.suggest import did_you_mean
from gdcli.lang.syntax import parse
from gdcli.rules.catalogue import SCHEDULES
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


def rates_change(settings: DescentSettings) -> bool:
    """Whether the rates of a run may change from step to step."""
    return settings.schedule != "none" or bool(settings.lr_factor)


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
        except (ValueError, TypeError, ZeroDivisionError) as error:
            raise GdcliError("schedule", f"the schedule {row.name} rejects these parameters: {error}") from error
        self._take_over()

    def step(self, loss: float) -> None:
        """Go on to the rates of the next step."""
        with warnings.catch_warnings():
            # It warns that its own optimizer has made no step, which is right: the rule makes them.
            warnings.simplefilter("ignore")
            try:
                self._scheduler.step(*([loss] if self.needs_loss else []))
            except (ValueError, ZeroDivisionError) as error:
                raise GdcliError("schedule", f"the schedule cannot continue: {error}") from error
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
    for key in given:
        if key not in known:
            hint = did_you_mean(key, known) or f"its parameters are {', '.join(known)}"
            raise GdcliError("schedule", f"the schedule {name} has no parameter '{key}'", hint)
    missing = [key for key, default in known.items() if default is inspect.Parameter.empty and key not in given]
    if missing:
        raise GdcliError(
            "schedule",
            f"the schedule {name} needs {missing[0]}",
            f"for example: --sched {missing[0]}={_EXAMPLES[missing[0]]}",
        )
    annotations = inspect.get_annotations(make.__init__)  # texts, in torch
    for key, value in given.items():
        if annotations.get(key) in ("int", int) and not (
            isinstance(value, int) and not isinstance(value, bool) and value >= 0
        ):
            raise GdcliError(
                "schedule", f"'{key}' of the schedule {name} must be an integer of at least 0, not '{value}'"
            )


_EXAMPLES = {
    "T_max": "100", "T_0": "50", "gamma": "0.99", "step_size": "30", "milestones": "30,60", "base_lr": "0.01",
    "max_lr": "0.1", "lr_lambda": '"0.95**epoch"',
}  # fmt: skip


def _read(name: str, key: str, value: Any) -> Any:
    if key == "lr_lambda":
        return _function_of_epoch(str(value))
    if key == "milestones":
        return [int(each) for each in (value if isinstance(value, list) else [value])]
    if isinstance(value, (list, tuple)):
        raise GdcliError("schedule", f"'{key}' of the schedule {name} must be a single value, not '{value}'")
    return value


def _function_of_epoch(text: str) -> Callable[[int], float]:
    """A factor for each step, as an expression in ``epoch``: ``0.95**epoch``."""
    expression = parse(text)
    if any(name != "epoch" for name in expression.variables):
        message = f"lr_lambda must be an expression in epoch, not '{text}'"
        raise GdcliError("schedule", message, 'for example: --sched lr_lambda="0.95**epoch"')
    factor = build(expression, Environment(torch.float64))
    return lambda epoch: float(factor(*[torch.tensor(float(epoch), dtype=torch.float64)] * len(expression.variables)))
