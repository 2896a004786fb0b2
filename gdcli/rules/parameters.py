"""The parameters of a rule as the settings give them: checked, and completed with its defaults. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from gdcli.contract.descent import DescentSettings
from gdcli.rules.catalogue import RULES

OWN_OPTIONS = ("momentum", "dampening", "weight_decay", "nesterov")
"""Parameters of rules that have options of their own, beside --opt, and are the rule's own when they are left out."""
ALL_OWN = (*OWN_OPTIONS, "maximize")
"""The same, and the direction."""
_LARGEST_INTEGER = 2**63 - 1  # that PyTorch takes


def complete_rule(settings: DescentSettings) -> dict[str, Any]:
    """The settings of the rule with every default spelled out: ``opt`` holds all parameters without an own option.

    They have been checked before.
    """
    known = RULES[settings.optimizer].parameters
    changes: dict[str, Any] = {}
    for name in OWN_OPTIONS:
        if getattr(settings, name) is None and isinstance(usual := known.get(name), (bool, int, float)):
            changes[name] = usual if isinstance(usual, bool) else float(usual)
    rest = {name: default for name, default in known.items() if name not in ALL_OWN and default is not UNSET}
    changes["opt"] = {name: _listed(value) for name, value in {**rest, **settings.opt}.items()}
    return changes


def parameters_of(settings: DescentSettings) -> dict[str, Any]:
    """Every parameter of the rule but its learning rate, as its class takes it: as given, or its default."""
    known = RULES[settings.optimizer].parameters
    found = {name: default for name, default in known.items() if default is not UNSET}
    found |= {
        name: getattr(settings, name) for name in ALL_OWN if name in known and getattr(settings, name) is not None
    }
    whole = RULES[settings.optimizer].whole
    given = {k: int(v) if k in whole and isinstance(v, float) else v for k, v in settings.opt.items()}
    return found | {name: _as_torch_takes_it(v) for name, v in given.items()}


def _as_torch_takes_it(value: Any) -> Any:
    """A parameter as a class takes it: a list is a tuple, and an integer that has no place in 64 bits a float."""
    if isinstance(value, list):
        return tuple(map(_as_torch_takes_it, value))
    return float(value) if isinstance(value, int) and abs(value) > _LARGEST_INTEGER else value


def remembers(settings: DescentSettings) -> bool:
    """Whether the rule's next step depends on more than the place."""
    return RULES[settings.optimizer].remembers or bool(settings.momentum)


def rates_change(settings: DescentSettings) -> bool:
    """Whether the rates of a run may change from step to step."""
    return settings.schedule != "none" or bool(settings.lr_factor)


def parameters_given(settings: DescentSettings) -> Mapping[str, Any]:
    """Every parameter of a completed rule but its learning rate, as ``--opt`` gives them."""
    own = {name: getattr(settings, name) for name in OWN_OPTIONS}
    return {**{name: value for name, value in own.items() if value is not None}, **settings.opt}


def _listed(value: Any) -> Any:
    """A parameter as a config gives it: of several numbers, a list of floats."""
    if not isinstance(value, tuple):
        return value
    return [None if number is None else float(number) for number in value]
