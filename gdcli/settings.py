"""The settings of every command: the keys of a config, the options of the command line, the "settings" of a record.

No torch here. A field's type carries its bounds, its help line and the panel it is shown in; command line, config,
JSON Schema and Python API all read them from here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta

from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean

PROBLEM, RULE, NUMBERS, EXPLAIN = "Problem", "Update rule", "Numbers", "Explanation"


def _meta(description: str, panel: str, metavar: str = "", **bounds: Any) -> Meta:
    return Meta(description=description, extra={"panel": panel, "metavar": metavar}, **bounds)


Value = str | float | int | bool | list[Any]
Values = Annotated[dict[str, Value], _meta("the value of each variable, as numbers, lists, or text", PROBLEM)]
Wrt = Annotated[list[str], _meta("with respect to which variables, separated by commas", PROBLEM, "NAMES")]
Dtype = Annotated[
    Literal["float32", "float64", "float16", "bfloat16"], _meta("floating-point type of the tensors", NUMBERS)
]
Seed = Annotated[int, _meta("seed of everything random", NUMBERS, ge=0, le=2**63 - 1)]
Device = Annotated[Literal["cpu", "cuda", "auto"], _meta("where the tensors live", NUMBERS)]
Optimizer = Annotated[
    Literal["manual", "sgd"], _meta("the notebook's own loop (x -= lr * x.grad), or torch.optim.SGD", RULE)
]
Lr = Annotated[float, _meta("learning rate", RULE, ge=0)]
Steps = Annotated[int, _meta("number of updates", RULE, ge=0, le=10**12)]
Momentum = Annotated[float, _meta("momentum of sgd", RULE, ge=0)]
Dampening = Annotated[float, _meta("dampening of the momentum of sgd", RULE)]
WeightDecay = Annotated[float, _meta("weight decay (L2 penalty) of sgd", RULE, ge=0)]
Nesterov = Annotated[bool, _meta("Nesterov's momentum, in sgd", RULE)]
Update = Annotated[
    Literal["in-place", "rebind"],
    _meta("x -= lr * x.grad, or x = x - lr * x.grad, which makes x a non-leaf tensor", RULE),
]
Activation = Annotated[
    Literal["relu", "none", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh"],
    _meta("what is applied to W @ x", PROBLEM),
]


Explain = Annotated[bool, _meta("show the tape: every operation, forward and backward", EXPLAIN)]
Depth = Annotated[int, _meta("levels of the tape to show; 0 is as many as fit", EXPLAIN, "N", ge=0)]
Symbolic = Annotated[bool, _meta("show each partial derivative as a formula (SymPy)", EXPLAIN)]
Hessian = Annotated[bool, _meta("show second derivatives, and what kind of point this is", EXPLAIN)]
Jacobian = Annotated[bool, _meta("differentiate a result of any shape", EXPLAIN)]
Check = Annotated[bool, _meta("check the gradient against finite differences and SymPy", EXPLAIN)]
Each = Annotated[bool, _meta("the variables are lists of equal length: each item is a point", EXPLAIN)]


class OpsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``ops``: expressions, each a row, over common variables."""

    expressions: Annotated[list[str], _meta("expressions, each one row", PROBLEM, "EXPR")] = []
    values: Values = {}
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class GradSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``grad``: one expression, and where to differentiate it."""

    expression: Annotated[str, _meta("what to differentiate", PROBLEM, "EXPR")] = ""
    values: Values = {}
    wrt: Wrt = []
    explain: Explain = False
    depth: Depth = 0
    symbolic: Symbolic = False
    hessian: Hessian = False
    jacobian: Jacobian = False
    check: Check = False
    each: Each = False
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class MinimizeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``minimize``: an objective, a start, and an update rule."""

    expression: Annotated[str, _meta("what to minimize", PROBLEM, "EXPR")] = ""
    values: Values = {}
    wrt: Wrt = []
    optimizer: Optimizer = "manual"
    lr: Lr = 0.1
    steps: Steps = 100
    momentum: Momentum = 0.0
    dampening: Dampening = 0.0
    weight_decay: WeightDecay = 0.0
    nesterov: Nesterov = False
    update: Update = "in-place"
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class FitLinearSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``fit-linear``: one layer ``activation(W @ x)``, its target, and an update rule."""

    values: Values = {}
    activation: Activation = "relu"
    optimizer: Optimizer = "manual"
    lr: Lr = 0.1
    steps: Steps = 10
    momentum: Momentum = 0.0
    dampening: Dampening = 0.0
    weight_decay: WeightDecay = 0.0
    nesterov: Nesterov = False
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


Settings = OpsSettings | GradSettings | MinimizeSettings | FitLinearSettings
S = TypeVar("S", bound=msgspec.Struct)


def read(settings: type[S], given: Mapping[str, Any], *, naming: str = "{}", text: bool = False) -> S:
    """Settings from loose values.

    ``naming`` is how an error names a key (``--{}`` on a command line), and ``text`` says that the values are words of
    a command line, to be read as what they stand for.

    Raises:
        GdcliError: for an unknown key or a value of the wrong type or out of bounds.
    """
    fields = {field.name: field for field in msgspec.structs.fields(settings)}
    checked: dict[str, Any] = {}
    for key, value in given.items():
        if key not in fields:
            hint = did_you_mean(key, fields) or f"the keys are {', '.join(fields)}"
            raise GdcliError("unknown-setting", f"unknown setting '{key}'", hint)
        checked[key] = _checked(
            naming.format(key.replace("_", "-") if text else key), value, fields[key].type, text=text
        )
    return settings(**checked)


def _checked(name: str, value: Any, kind: Any, *, text: bool) -> Any:
    try:
        converted = msgspec.convert(value, kind, strict=not text)
    except msgspec.ValidationError:
        converted = None
    if converted is None or (isinstance(converted, float) and not math.isfinite(converted)):
        shown = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        choices = _choices(kind)
        hint = did_you_mean(shown, choices)
        raise GdcliError("setting", f"{name} must be {describe(kind)}, not '{shown}'", hint)
    return converted


def _choices(kind: Any) -> tuple[str, ...]:
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_args(plain) if get_origin(plain) is Literal else ()


def describe(kind: Any) -> str:
    """What a field takes, in words: "a number of at least 0"."""
    plain, meta = get_args(kind)[0], get_args(kind)[1]
    if choices := _choices(kind):
        return "one of " + ", ".join(choices)
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    if plain in words:
        bounds = f" of at least {meta.ge}" if meta.ge is not None else ""
        if meta.le is not None and meta.le < 10**9:
            bounds = f" from {meta.ge} to {meta.le}"
        return words[plain] + bounds
    if get_origin(plain) is dict:
        return "a table of variables, each a number, a list or text"
    return "a list of texts"
