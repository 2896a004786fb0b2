"""The settings of ``fit-linear`` completed and checked."""

from __future__ import annotations

from msgspec.structs import replace

from gdcli.complete.rule import check_rule, usual_rate
from gdcli.contract.descent import FitLinearSettings
from gdcli.lang.syntax import parse
from gdcli.lang.values import bind

EXAMPLE_VALUES = {"W": "rand(3, 4)", "x": "arange(4)", "target": "[1, 1.2, 1.4]"}
_TORCH_ACTIVATIONS = ("relu", "sigmoid", "tanh")


def complete_fit_linear(settings: FitLinearSettings) -> FitLinearSettings:
    """With the notebook's values where none are given.

    Raises:
        GdcliError: for a value that does not fit.
    """
    settings = replace(settings, values={**EXAMPLE_VALUES, **settings.values}, lr=usual_rate(settings))
    bind([parse(loss_expression(settings.activation))], settings.values)
    check_rule(settings, ["W"])
    return settings


def loss_expression(activation: str) -> str:
    """The objective of fit-linear as the notebook writes it, in gdcli's own language."""
    z = "W.matmul(x)"
    prefix = "torch." if activation in _TORCH_ACTIVATIONS else "F."
    y = z if activation == "none" else f"{prefix}{activation}({z})"
    return f"torch.sum(({y} - target)**2)"
