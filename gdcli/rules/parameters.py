"""The parameters of a rule as the settings give them: checked, and completed with its defaults. No torch here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gdcli.contract.descent import DescentSettings
from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean
from gdcli.rules.catalogue import RULES

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
            own = f"use the option --{name.replace('_', '-')}" if name in known else ""
            hint = own or did_you_mean(name, known) or f"its parameters are {', '.join(known)}"
            raise GdcliError("optimizer", f"{settings.optimizer} has no parameter '{name}' in --opt", hint)
        _check_type(settings.optimizer, name, value, known[name])
        low, high = RULES[settings.optimizer].between.get(name, (-math.inf, math.inf))
        if isinstance(value, (int, float)) and not low < value < high:
            message = f"'{name}' of {settings.optimizer} must be between {low:g} and {high:g}, not {value}"
            raise GdcliError("optimizer", message, f"for example: --opt {name}={known[name]}")


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
    return found | {name: tuple(v) if isinstance(v, list) else v for name, v in settings.opt.items()}


def remembers(settings: DescentSettings) -> bool:
    """Whether the rule's next step depends on more than the place."""
    return RULES[settings.optimizer].remembers or bool(settings.momentum)


def _check_type(rule: str, name: str, value: Any, default: Any) -> None:
    wanted: tuple[type, ...]
    if isinstance(default, bool):
        wanted, words = (bool,), "true or false"
    elif isinstance(default, tuple):
        wanted, words = (list,), f"{len(default)} numbers, such as {','.join(map(str, default))}"
    elif isinstance(default, (int, float)):
        wanted, words = (int, float), "a number"
    else:
        return
    right = isinstance(value, wanted) and (isinstance(default, bool) or not isinstance(value, bool))
    if not right or (isinstance(default, tuple) and len(value) != len(default)):
        raise GdcliError("optimizer", f"'{name}' of {rule} must be {words}, not '{value}'")


def parameters_given(settings: DescentSettings) -> Mapping[str, Any]:
    """Every parameter of a completed rule but its learning rate, as ``--opt`` gives them."""
    own = {name: getattr(settings, name) for name in OWN_OPTIONS}
    return {**{name: value for name, value in own.items() if value is not None}, **settings.opt}


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
