"""Checks of the parameters of update rules and schedules, each with a hint that can be typed. No torch here."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from gdcli.contract.descent import DescentSettings
from gdcli.contract.envelope import listed
from gdcli.contract.short import exactly
from gdcli.errors import GdcliError
from gdcli.lang.suggest import closest, did_you_mean
from gdcli.rules.catalogue import RULES, SCHEDULES, is_own
from gdcli.rules.parameters import ALL_OWN
from gdcli.rules.row import RuleRow, ScheduleRow

Form: TypeAlias = Literal["options", "opt", "racer"]
"""How a hint writes a parameter: as options of a descent, or in --opt or --racer of a comparison."""
_FEW = 5  # names in a hint
_OF_MOMENTUM = ("dampening", "nesterov")


def check_parameters(settings: DescentSettings, form: Form = "options") -> None:
    """Raise GdcliError for a parameter that the rule does not have, or that has the wrong type."""
    row = RULES[settings.optimizer]
    for name in ALL_OWN:
        if (value := getattr(settings, name)) and name not in row.parameters:
            raise _missing(row, name, value, form)
    for name, value in settings.opt.items():
        if name in ALL_OWN and name not in row.parameters:
            raise _missing(row, name, value, form)
        if (name not in row.parameters and not row.takes_others) or name in ALL_OWN:
            message = f"{row.name} has no parameter '{name}' in --opt"
            raise GdcliError("optimizer", message, _meant(row, name, value, type(settings).__struct_fields__, form))
        if problem := (_wrong_for_a_class if row.is_own else _wrong)(row, name, value):
            words, example = problem
            shown = ",".join(map(str, value)) if isinstance(value, list) else value
            message = f"'{name}' of {row.name} must be {words}, not '{shown}'"
            raise GdcliError(
                "optimizer", message, f"for example: {written_parameters(row.name, {name: example}, form)}"
            )
    is_sgd = "dampening" in row.parameters and not row.is_own
    if settings.nesterov and is_sgd and (not settings.momentum or settings.dampening):
        parameters = {"momentum": settings.momentum or 0.9, "dampening": 0, "nesterov": True}
        if not settings.dampening:
            del parameters["dampening"]
        message = f"nesterov of {row.name} needs a momentum above 0 and no dampening"
        raise GdcliError("optimizer", message, f"for example: {written_parameters(row.name, parameters, form)}")


def check_own(settings: DescentSettings) -> None:
    """Raise GdcliError for a learning rate that an own class needs, or does not take."""
    row, lr = RULES[settings.optimizer], settings.lr
    if not row.is_own:
        return
    if row.needs_lr and lr is None:
        raise GdcliError("optimizer", f"{row.name} needs a learning rate", "for example: --lr 0.1")
    changes = {"--lr": lr is not None, "--lr.NAME": settings.lrs, "--lr-factor": settings.lr_factor}
    changes["--schedule"] = settings.schedule != "none"
    for option, given in changes.items():
        if given and not row.takes_lr:
            raise GdcliError("optimizer", f"{row.name} takes no learning rate", f"leave out {option}")
        if given and lr is None:
            message = f"{option} is about a learning rate, and {row.name} has no number for it"
            raise GdcliError("optimizer", message, "add --lr 0.1")


def without_effect(settings: DescentSettings) -> Iterator[str]:
    """What of the settings of a run changes nothing, in words."""
    if settings.dampening and not settings.momentum and not is_own(settings.optimizer):
        yield f"dampening {exactly(settings.dampening)} has no effect without momentum"
    late = [iteration for iteration in settings.lr_factor if int(iteration) >= settings.steps]
    if late:
        last = (
            f"the last update is that of iteration {settings.steps - 1}" if settings.steps else "there are no updates"
        )
        yield f"the learning rate's factor from iteration {listed(late)} on has no effect: {last}"


def _missing(row: RuleRow, name: str, value: Any, form: Form) -> GdcliError:
    """The error for a parameter that other rules have."""
    return GdcliError("optimizer", f"{row.name} has no {name.replace('_', ' ')}", elsewhere(row, name, value, form))


def elsewhere(row: RuleRow, name: str, value: Any, form: Form) -> str:
    """The hint at the rules that have a parameter and take this value; empty where none does."""
    have = [
        each
        for each in RULES.values()
        if name in each.parameters and (name in ALL_OWN or not _wrong(each, name, value))
    ]
    have.sort(key=lambda each: (bool(each.path) != bool(row.path), each.matrices_only))
    if not have:
        return ""
    first, *others = [each.name for each in have]
    parameters = {"momentum": 0.9} if name in _OF_MOMENTUM else {}
    optimizer = f"--optimizer {first} " if form == "options" else ""
    written = written_parameters(first, {**parameters, name: value}, "options" if form == "options" else "racer")
    return f"use {optimizer}{written}{_too(others, 'it')}"


def _too(names: Sequence[str], what: str) -> str:
    """What is added to a hint about others that have the same; the first of many."""
    if not names:
        return ""
    shown = [*names[:_FEW], f"{len(names) - _FEW} more"] if len(names) > _FEW + 1 else names
    return f"; {listed(shown)} {'has' if len(names) == 1 else 'have'} {what} too"


def written_parameters(rule: str, parameters: Mapping[str, Any], form: Form) -> str:
    """Parameters of a rule as they are typed."""
    pairs = {name: word(value) for name, value in parameters.items()}
    if form == "racer":
        return f'--racer "{" ".join([rule, *(f"{name}={text}" for name, text in pairs.items())])}"'
    if form == "opt":
        return " ".join(f"--opt {rule}.{name}={text}" for name, text in pairs.items())
    flags = {"true": "", "false": ""}
    return " ".join(
        f"{option_of(name)} {flags.get(text, text)}".rstrip() if name in ALL_OWN else f"--opt {name}={text}"
        for name, text in pairs.items()
    )


def word(value: Any) -> str:
    """A parameter as text that ``--opt`` and ``--racer`` read as the same value: 0.01, true, none, 0.9,0.95."""
    if isinstance(value, (list, tuple)):
        return ",".join(map(word, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def option_of(name: str) -> str:
    """The option of a setting."""
    return "--" + name.replace("_", "-")


def _meant(row: RuleRow, name: str, value: Any, settings: Iterable[str], form: Form) -> str:
    """The hint for a parameter that is not one for --opt: what sets it, or what there is."""
    known = row.parameters
    if name in settings:
        return f"use the option {option_of(name)}"
    if hint := elsewhere(row, name, value, form):
        return hint
    if (similar := closest(name, known)) is not None:
        return f"did you mean the option {option_of(similar)}?" if similar in ALL_OWN else f"did you mean '{similar}'?"
    in_opt, own = [p for p in known if p not in ALL_OWN], [option_of(p) for p in known if p in ALL_OWN]
    options = f"{', '.join(own[:-1])} and {own[-1]} set" if len(own) > 1 else f"{own[0]} sets" if own else ""
    if not known:
        return "it has no parameters"
    if not in_opt:
        return f"{options} its parameters; it has none in --opt"
    return f"its parameters are {', '.join(in_opt)}" + (f"; {options} the others" if options else "")


def _wrong(row: RuleRow, name: str, value: Any) -> tuple[str, str] | None:
    """What a parameter of a rule must be and an example, where the value is something else."""
    default = row.parameters[name]
    if value is None and default is None:
        return None
    low, high = row.between.get(name, (-math.inf, math.inf))
    if name in row.choices:
        words, example = f"none or {' or '.join(row.choices[name])}", row.choices[name][0]
        right = value in row.choices[name]
    elif isinstance(default, bool):
        right, words, example = isinstance(value, bool), "true or false", "true"
    elif isinstance(default, tuple):
        right, words, example = _fits(value, default), f"{len(default)} numbers", word(default)
    elif name in row.whole:
        right, words, example = is_number(value) and value == int(value), "a whole number", str(default or 20)
    else:
        right, words, example = is_number(value), a_number(value), str(default)
    if right and isinstance(value, (int, float)) and not low < value < high:
        words = f"between {exactly(low)} and {exactly(high)}" if high < math.inf else f"greater than {exactly(low)}"
        right, example = False, str(default or 20)
    return None if right else (words, example)


def _wrong_for_a_class(row: RuleRow, name: str, value: Any) -> tuple[str, str] | None:
    """The same for somebody's own class, of which the default alone is known: text is no number, and no truth value."""
    default = row.parameters.get(name)
    if isinstance(default, bool):
        return None if value is None or isinstance(value, bool) else ("true or false", word(not default))
    if isinstance(default, (int, float)) and isinstance(value, str):
        return "a number", word(default)
    return None


def is_number(value: Any) -> bool:
    """Whether a value is a number that a float can hold: no other can be written in a record and read again."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def a_number(value: Any) -> str:
    """What a parameter must be, where a value is not: "a number"; an infinite one is told that it must be finite."""
    return "a finite number" if isinstance(value, (int, float)) and not isinstance(value, bool) else "a number"


def _fits(value: Any, default: tuple[float | None, ...]) -> bool:
    """Whether a value is a list of as many numbers; None only where the default has it."""
    if not isinstance(value, list) or len(value) != len(default):
        return False
    return all(is_number(v) or (v is None and usual is None) for v, usual in zip(value, default, strict=True))


def check_schedule(settings: DescentSettings) -> None:
    """Raise GdcliError for parameters of a schedule without it, one that it does not have, and one that is missing."""
    given = settings.sched
    if settings.schedule == "none":
        if given:
            raise _no_schedule(given)
        return
    row = SCHEDULES[settings.schedule]
    for name in given:
        if name not in row.parameters:
            hint = did_you_mean(name, row.parameters) or f"its parameters are {', '.join(row.parameters)}"
            raise GdcliError("schedule", f"the schedule {row.name} has no parameter '{name}'", hint)
    if missing := _needed(row, given):
        written = " ".join(f"--sched {name}={value}" for name, value in missing.items())
        raise GdcliError("schedule", f"the schedule {row.name} needs {listed(missing)}", f"for example: {written}")


def _no_schedule(given: Mapping[str, Any]) -> GdcliError:
    """The error for parameters of a schedule where none is chosen; its hint names those that have them."""
    known = list(dict.fromkeys(name for row in SCHEDULES.values() for name in row.parameters))
    meant = {closest(name, known) or name: value for name, value in given.items()}
    have: Sequence[ScheduleRow] = [row for row in SCHEDULES.values() if set(meant) <= set(row.parameters)]
    have = sorted(have, key=lambda row: len(_needed(row, meant)))
    shown = listed(f"{name}={word(value)}" for name, value in given.items())
    message = f"--sched {shown} need{'s' * (len(given) == 1)} a schedule, and --schedule names none"
    if not have:
        unknown = [name for name in meant if name not in known]
        why = f"no schedule has {listed(unknown)}" if unknown else f"no schedule has {listed(meant)} together"
        return GdcliError("schedule", message, f"{why}; gdcli optimizers lists the schedules")
    first, *others = [row.name for row in have]
    words = {**_needed(have[0], meant), **{name: word(value) for name, value in meant.items()}}
    pairs = " ".join(f"--sched {name}={text}" for name, text in words.items())
    return GdcliError("schedule", message, f"for example: --schedule {first} {pairs}{_too(others, listed(meant))}")


def _needed(row: ScheduleRow, given: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that a schedule still needs, each with an example."""
    return {k: v for k, v in row.needs.items() if k not in given and row.unless.get(k) not in given}
