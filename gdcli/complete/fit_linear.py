"""The settings of ``fit-linear`` completed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from gdcli.complete.rule import check_rule, usual_rate
from gdcli.complete.sources import given, with_sources
from gdcli.contract.descent import FitLinearSettings
from gdcli.lang.arrays import Array
from gdcli.lang.limits import known_shapes
from gdcli.lang.parsing import parse
from gdcli.lang.shapes import Shape
from gdcli.lang.values import bind, read_value

EXAMPLE_VALUES = {"W": "rand(3, 4)", "x": "arange(4)", "target": "[1, 1.2, 1.4]"}
_TORCH_ACTIVATIONS = ("relu", "sigmoid", "tanh")


def complete_fit_linear(settings: FitLinearSettings) -> FitLinearSettings:
    """With the notebook's values where none are given, in the sizes that fit those that are.

    Raises:
        GdcliError: for a value that does not fit.
    """
    settings = with_sources(settings)
    settings = replace(settings, values=_fitting_values(settings.values, given(settings)), lr=usual_rate(settings))
    bind([parse(loss_expression(settings.activation))], given(settings))
    check_rule(settings, ["W"])
    return settings


def _fitting_values(texts: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, and those of the example in the sizes that fit W (outputs, inputs), x and target."""
    shapes = {name: _shape(name, values[name]) for name in EXAMPLE_VALUES if name in values}
    if any(not shape for name, shape in shapes.items() if name != "target") or None in shapes.values():
        return {**EXAMPLE_VALUES, **texts}  # a number or a size that is not known: PyTorch will say what does not fit
    w, x, target = (shapes.get(name) or () for name in ("W", "x", "target"))
    outputs = w[:-1] or (target[:1] if "target" in shapes else () if "W" in shapes else (3,))
    inputs = w[-1:] or x[:1] or (4,)
    samples = x[1:] or (target[1:] if "target" in shapes else ())
    sizes = ", ".join(map(str, outputs + inputs))
    fitting = {
        "W": f"rand({sizes})",
        "x": f"rand({inputs[0]}, {samples[0]})" if samples else f"arange({inputs[0]})",
        "target": _target(outputs, samples),
    }
    return {**fitting, **texts}


def _target(outputs: Shape, samples: Shape) -> str:
    """The example's target, from 1 to 1.4, for so many outputs, the same for each sample."""
    usual = EXAMPLE_VALUES["target"] if outputs == (3,) else f"linspace(1, 1.4, {outputs[0]})" if outputs else "1"
    if not samples:
        return usual
    return f"outer({usual}, ones({samples[0]}))" if outputs else f"ones({samples[0]})"


def _shape(name: str, value: Any) -> Shape | None:
    found = read_value(name, value)
    if isinstance(found, Array):
        return found.shape
    root = found.root
    return known_shapes(root, {})[id(root)]


def loss_expression(activation: str) -> str:
    """The objective of fit-linear as the notebook writes it, in gdcli's own language."""
    z = "W.matmul(x)"
    prefix = "torch." if activation in _TORCH_ACTIVATIONS else "F."
    y = z if activation == "none" else f"{prefix}{activation}({z})"
    return f"torch.sum(({y} - target)**2)"
