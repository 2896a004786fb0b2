"""The parameters of a rule as the settings give them: checked, and completed with its defaults. No torch here."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from gdcli.contract.descent import DescentSettings
from gdcli.errors import GdcliError
from gdcli.lang.suggest import closest
from gdcli.rules.catalogue import RULES
from gdcli.rules.row import RuleRow

OWN_OPTIONS = ("momentum", "dampening", "weight_decay", "nesterov")
"""Parameters of rules that have options of their own, beside --opt, and are the rule's own when they are left out."""
_ALL_OWN = (*OWN_OPTIONS, "maximize")


def check_parameters(settings: DescentSettings) -> None:
    """Raise GdcliError for a parameter that the rule does not have, or that has the wrong type."""
    known = RULES[settings.optimizer].parameters
    for name in _ALL_OWN:
        if getattr(settings, name) and name not in known:
            has = [row.name for row in RULES.values() if name in row.parameters]
            message = f"{settings.optimizer} has no {name.replace('_', ' ')}"
            raise GdcliError("optimizer", message, f"it is an option of {', '.join(has)}")
    for name, value in settings.opt.items():
        if name not in known or name in _ALL_OWN:
            message = f"{settings.optimizer} has no parameter '{name}' in --opt"
            raise GdcliError("optimizer", message, _meant(name, known, type(settings).__struct_fields__))
        _check_type(RULES[settings.optimizer], name, value)
        low, high = RULES[settings.optimizer].between.get(name, (-math.inf, math.inf))
        if isinstance(value, (int, float)) and not low < value < high:
            bounds = f"between {low:g} and {high:g}" if high < math.inf else f"greater than {low:g}"
            message = f"'{name}' of {settings.optimizer} must be {bounds}, not {value}"
            raise GdcliError("optimizer", message, f"for example: {name}={known[name] or 20}")


def _meant(name: str, known: Mapping[str, Any], settings: Collection[str]) -> str:
    """The hint for a parameter that is not one for --opt: what sets it, or what there is."""
    if name in settings:
        return f"use the option {_option(name)}"
    if (similar := closest(name, known)) is not None:
        return f"did you mean the option {_option(similar)}?" if similar in _ALL_OWN else f"did you mean '{similar}'?"
    in_opt, own = [p for p in known if p not in _ALL_OWN], [_option(p) for p in known if p in _ALL_OWN]
    options = f"{', '.join(own[:-1])} and {own[-1]} set" if len(own) > 1 else f"{own[0]} sets" if own else ""
    if not in_opt:
        return f"{options} its parameters; it has none in --opt"
    return f"its parameters are {', '.join(in_opt)}" + (f"; {options} the others" if options else "")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def complete_rule(settings: DescentSettings) -> dict[str, Any]:
    """The settings of the rule with every default spelled out: ``opt`` holds all parameters without an own option.

    Raises:
        GdcliError: for a parameter that the rule does not have, or that has the wrong type.
    """
    check_parameters(settings)
    known = RULES[settings.optimizer].parameters
    changes: dict[str, Any] = {}
    for name in OWN_OPTIONS:
        if getattr(settings, name) is None and name in known:
            changes[name] = known[name] if isinstance(known[name], bool) else float(known[name])
    rest = {name: default for name, default in known.items() if name not in _ALL_OWN}
    changes["opt"] = {name: _listed(settings.opt.get(name, default)) for name, default in rest.items()}
    return changes


def parameters_of(settings: DescentSettings) -> dict[str, Any]:
    """Every parameter of the rule but its learning rate, as its class takes it: as given, or its default."""
    known = RULES[settings.optimizer].parameters
    found = dict(known)
    found |= {
        name: getattr(settings, name) for name in _ALL_OWN if name in known and getattr(settings, name) is not None
    }
    whole = RULES[settings.optimizer].whole
    given = {k: int(v) if k in whole and isinstance(v, float) else v for k, v in settings.opt.items()}
    return found | {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}


def remembers(settings: DescentSettings) -> bool:
    """Whether the rule's next step depends on more than the place."""
    return RULES[settings.optimizer].remembers or bool(settings.momentum)


def _check_type(row: RuleRow, name: str, value: Any) -> None:
    default = row.parameters[name]
    if value is None and default is None:
        return
    if name in row.choices:
        words, example = f"none or {' or '.join(row.choices[name])}", row.choices[name][0]
        right = value in row.choices[name]
    elif isinstance(default, bool):
        right, words, example = isinstance(value, bool), "true or false", "true"
    elif isinstance(default, tuple):
        example = ",".join("none" if each is None else str(each) for each in default)
        right, words = _fits(value, default), f"{len(default)} numbers, such as {example}"
    elif name in row.whole:
        right, words, example = _is_number(value) and value == int(value), "a whole number", str(default or 20)
    else:
        right, words, example = _is_number(value), "a number", str(default)
    if not right:
        shown = ",".join(map(str, value)) if isinstance(value, list) else value
        message = f"'{name}' of {row.name} must be {words}, not '{shown}'"
        raise GdcliError("optimizer", message, f"for example: {name}={example}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _fits(value: Any, default: tuple[float | None, ...]) -> bool:
    """Whether a value is a list of as many numbers; None only where the default has it."""
    if not isinstance(value, list) or len(value) != len(default):
        return False
    return all(_is_number(v) or (v is None and usual is None) for v, usual in zip(value, default, strict=True))


def parameters_given(settings: DescentSettings) -> Mapping[str, Any]:
    """Every parameter of a completed rule but its learning rate, as ``--opt`` gives them."""
    own = {name: getattr(settings, name) for name in OWN_OPTIONS}
    return {**{name: value for name, value in own.items() if value is not None}, **settings.opt}


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
