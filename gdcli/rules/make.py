"""From settings to a rule that is ready to step: by hand, or one of torch.optim."""

from __future__ import annotations

import importlib
from typing import Any

from msgspec import UNSET

from gdcli.contract.descent import DescentSettings, MinimizeSettings
from gdcli.errors import GdcliError
from gdcli.rules.by_hand import Rebind
from gdcli.rules.catalogue import RULES
from gdcli.rules.own import OwnRow
from gdcli.rules.own_optimizer import OwnOptimizer
from gdcli.rules.parameters import parameters_of
from gdcli.rules.row import RuleRow
from gdcli.rules.rule import Rates, Tensors, UpdateRule
from gdcli.rules.torch_optim import ClosureOptimizer, TorchOptimizer
from gdcli.tensors import Problem


def update_rule(
    settings: DescentSettings, tensors: Tensors, wrt: tuple[str, ...], rates: Rates, problem: Problem | None = None
) -> UpdateRule:
    """The rule that the settings describe, for those of the tensors that are in ``wrt``.

    A rule that takes second derivatives needs the ``problem`` that has these tensors.

    Raises:
        GdcliError: for what PyTorch refuses.
    """
    if isinstance(settings, MinimizeSettings) and settings.update == "rebind":
        return Rebind(tensors, wrt, rates)
    row = RULES[settings.optimizer]
    parameters = parameters_of(settings)
    moving = {name: tensors[name] for name in wrt}
    if isinstance(row, OwnRow):
        changed = {name: each for name, each in parameters.items() if each != row.parameters.get(name, UNSET)}
        return OwnOptimizer(row, moving, rates, changed, problem)
    make = class_of(row)
    if not row.path:
        rule: UpdateRule = make(moving, rates, parameters, *([problem] if row.second_order else []))
        return rule
    kind = ClosureOptimizer if row.evaluates else TorchOptimizer
    try:
        return kind(make, moving, rates, {**parameters, **row.fixed})
    except (ValueError, TypeError, RuntimeError) as error:
        hint = f"gdcli optimizers {row.name} shows its parameters with their defaults"
        if row.matrices_only and "2D" in str(error):
            hint = "it moves matrices alone; gdcli optimizers lists the others"
        message = f"{row.path} rejects these arguments: {str(error).splitlines()[0]}"
        raise GdcliError("optimizer", message, hint) from error


def class_of(row: RuleRow) -> Any:
    """The class that makes the steps of a rule."""
    module, _, name = row.made_by.rpartition(".")
    return getattr(importlib.import_module(module), name)
