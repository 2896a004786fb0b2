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

PROBLEM, RULE, STOPPING, NUMBERS, EXPLAIN = "Problem", "Update rule", "Stopping", "Numbers", "Explanation"
TUNING = "Tuning"


def _meta(
    description: str, panel: str, metavar: str = "", *, words: str = "", reads: str = "", shown: str = "", **bounds: Any
) -> Meta:
    """What a field says of itself.

    ``words`` is what it takes, in an error ("a number"), ``shown`` its default in the help where the value says too
    little, and ``reads`` how a word of the command line is read: a "list", "pairs" NAME=VALUE, or "bounds".
    """
    extra = {"panel": panel, "metavar": metavar, "words": words, "reads": reads, "shown": shown}
    return Meta(description=description, extra=extra, **bounds)


_AT_LEAST_0 = "a number of at least 0"

Value = str | float | int | bool | list[Any]
Values = Annotated[dict[str, Value], _meta("the value of each variable, as numbers, lists, or text", PROBLEM)]
Wrt = Annotated[
    list[str], _meta("with respect to which variables, separated by commas", PROBLEM, "NAMES", reads="list")
]
Dtype = Annotated[
    Literal["float32", "float64", "float16", "bfloat16"], _meta("floating-point type of the tensors", NUMBERS)
]
Seed = Annotated[int, _meta("seed of everything random", NUMBERS, ge=0, le=2**63 - 1)]
Device = Annotated[Literal["cpu", "cuda", "auto"], _meta("where the tensors live", NUMBERS)]
OptimizerName = Literal[
    "manual", "manual-momentum", "manual-nesterov", "manual-adam",
    "sgd", "adam", "adamw", "amsgrad", "nadam", "radam", "adamax", "adagrad", "adadelta", "rmsprop", "rprop", "asgd",
    "adafactor", "lbfgs", "muon",
]  # fmt: skip
Optimizer = Annotated[
    OptimizerName,
    _meta("the notebook's own loop, a classic written by hand, or one of torch.optim (gdcli optimizers)", RULE, "NAME"),
]
NonNegative = Annotated[float, Meta(ge=0)]
Lr = Annotated[
    NonNegative | Literal["auto"] | None,
    _meta(
        "learning rate; auto takes it from the curvature at the start",
        RULE,
        "NUMBER|auto",
        words="a number of at least 0, or auto",
        shown="0.1 for manual and sgd, else PyTorch's",
    ),
]
Lrs = Annotated[
    dict[str, NonNegative],
    _meta("learning rate of one variable; --lr.NAME NUMBER says the same", RULE, "NAME=NUMBER", reads="pairs"),
]
Steps = Annotated[int, _meta("number of updates", RULE, ge=0, le=10**12)]
Momentum = Annotated[NonNegative | None, _meta("momentum, where the rule has one", RULE, "NUMBER", words=_AT_LEAST_0)]
Dampening = Annotated[float | None, _meta("dampening of the momentum of sgd", RULE, "NUMBER", words="a number")]
WeightDecay = Annotated[
    NonNegative | None, _meta("weight decay: an L2 penalty, decoupled in adamw", RULE, "NUMBER", words=_AT_LEAST_0)
]
Nesterov = Annotated[bool | None, _meta("Nesterov's momentum, in sgd", RULE)]
Option = str | bool | int | float | list[float | None] | None
Opt = Annotated[
    dict[str, Option], _meta("a parameter of the rule, such as betas=0.9,0.95", RULE, "NAME=VALUE", reads="pairs")
]
Schedule = Annotated[
    Literal[
        "none", "constant", "linear", "exponential", "polynomial", "step", "multistep", "cosine", "cosine-restarts",
        "cyclic", "one-cycle", "plateau", "lambda", "multiplicative",
    ],
    _meta("how the learning rate changes (torch.optim.lr_scheduler)", RULE, "NAME"),
]  # fmt: skip
Sched = Annotated[
    dict[str, Option], _meta("a parameter of the schedule, such as T_max=100", RULE, "NAME=VALUE", reads="pairs")
]
LrFactor = Annotated[
    dict[str, NonNegative],
    _meta(
        "from that iteration on, the learning rate of rule and schedule times this",
        RULE,
        "ITERATION=FACTOR",
        words="factors of at least 0, each with its iteration",
        reads="pairs",
    ),
]
Positive = Annotated[float, Meta(gt=0)]
ClipNorm = Annotated[
    Positive | None, _meta("scale the gradient down to this norm", RULE, "NUMBER", words="a number greater than 0")
]
ClipValue = Annotated[
    Positive | None, _meta("clip each element of the gradient", RULE, "NUMBER", words="a number greater than 0")
]
Maximize = Annotated[bool, _meta("go up instead of down", RULE)]
Bound = Annotated[
    dict[str, tuple[float | None, float | None]],
    _meta("keep a variable between bounds, such as x=-2:2 (projected gradient)", RULE, "NAME=LOW:HIGH", reads="bounds"),
]
Tolerance = list[NonNegative] | None
_TOLERANCE = "a number of at least 0, or two: absolute,relative"
TolGrad = Annotated[
    Tolerance,
    _meta("stop when the norm of the gradient is at most this", STOPPING, "ABS[,REL]", words=_TOLERANCE, reads="list"),
]
TolLoss = Annotated[
    Tolerance,
    _meta(
        "stop when the loss changes by at most this in a step", STOPPING, "ABS[,REL]", words=_TOLERANCE, reads="list"
    ),
]
TolX = Annotated[
    Tolerance,
    _meta(
        "stop when the variables move by at most this in a step", STOPPING, "ABS[,REL]", words=_TOLERANCE, reads="list"
    ),
]
Dim = Annotated[
    Annotated[int, Meta(ge=1, le=100_000)] | None,
    _meta("dimension of a problem of the catalogue", PROBLEM, "N", words="a whole number of at least 1"),
]
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
Latex = Annotated[bool, _meta("show the formulas as LaTeX; it means --symbolic too", EXPLAIN)]
Hessian = Annotated[bool, _meta("show second derivatives, and what kind of point this is", EXPLAIN)]
Jacobian = Annotated[bool, _meta("differentiate a result of any shape", EXPLAIN)]
Check = Annotated[bool, _meta("check the gradient against finite differences and SymPy", EXPLAIN)]
Walk = Annotated[bool, _meta("show each update as an equation with its numbers", EXPLAIN)]
Diagnose = Annotated[bool, _meta("say how it went, and what to change", EXPLAIN)]
Field = Annotated[bool, _meta("draw the gradient too: arrows uphill, or for one variable the derivative", PROBLEM)]
Each = Annotated[bool, _meta("the variables are lists of equal length: each item is a point", EXPLAIN)]
Points = Annotated[
    str,
    _meta("read points from a CSV or JSON lines file (- is standard input), and stream the answers", EXPLAIN, "FILE"),
]


Racers = Annotated[
    list[str],
    _meta(
        "the update rules that race (gdcli optimizers)",
        RULE,
        "NAMES",
        words="a list of names of optimizers",
        reads="list",
        shown="sgd,manual-momentum,adam,lbfgs",
    ),
]
RacerLr = Annotated[
    NonNegative | Literal["auto"] | None,
    _meta(
        "learning rate of all of them; auto takes it from the curvature at the start",
        RULE,
        "NUMBER|auto",
        words="a number of at least 0, or auto",
        shown="that of each rule",
    ),
]
RacerOpt = Annotated[
    dict[str, Option],
    _meta(
        "a parameter of one rule, such as adam.betas=0.9,0.95 or sgd.lr=0.01", RULE, "RULE.NAME=VALUE", reads="pairs"
    ),
]
Domain = Annotated[
    dict[str, tuple[float | None, float | None]],
    _meta(
        "where starts lie, such as x=-2:2",
        PROBLEM,
        "NAME=LOW:HIGH",
        reads="bounds",
        shown="that of the problem",
    ),
]
Starts = Annotated[
    int,
    _meta("start so many times, at random in the domain; 0: once, at the usual start", PROBLEM, "N", ge=0, le=10_000),
]
Tune = Annotated[bool, _meta("let each rule try the same learning rates, and race with its best", TUNING)]
Rates = Annotated[
    Annotated[int, Meta(ge=2, le=1000)] | None,
    _meta(
        "number of learning rates to try, spaced evenly in their logarithm",
        TUNING,
        "N",
        words="a whole number from 2 to 1000",
        shown="30",
    ),
]
RateRange = Annotated[
    tuple[Positive, Positive] | None,
    _meta(
        "the least and the greatest of them",
        TUNING,
        "LOW:HIGH",
        words="two numbers greater than 0, like 1e-5:10",
        reads="range",
        shown="1e-5:10",
    ),
]
RaceSteps = Annotated[
    int,
    _meta(
        "budget of a run: so many updates, or as many evaluations as they take when each takes one",
        STOPPING,
        "N",
        ge=1,
        le=10**7,
    ),
]
RaceTol = Annotated[
    float,
    _meta(
        "reached: the loss is so near to the known minimum, or the norm of the gradient so small where none is known",
        STOPPING,
        "NUMBER",
        ge=0,
    ),
]


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
    latex: Latex = False
    hessian: Hessian = False
    jacobian: Jacobian = False
    check: Check = False
    each: Each = False
    points: Points = ""
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class MinimizeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``minimize``: an objective, a start, and an update rule."""

    expression: Annotated[
        str, _meta("what to minimize: an expression, or a problem (gdcli problems)", PROBLEM, "EXPR")
    ] = ""
    values: Values = {}
    wrt: Wrt = []
    dim: Dim = None
    optimizer: Optimizer = "manual"
    lr: Lr = None
    lrs: Lrs = {}
    steps: Steps = 100
    momentum: Momentum = None
    dampening: Dampening = None
    weight_decay: WeightDecay = None
    nesterov: Nesterov = None
    opt: Opt = {}
    schedule: Schedule = "none"
    sched: Sched = {}
    lr_factor: LrFactor = {}
    clip_norm: ClipNorm = None
    clip_value: ClipValue = None
    bound: Bound = {}
    maximize: Maximize = False
    update: Update = "in-place"
    tol_grad: TolGrad = None
    tol_loss: TolLoss = None
    tol_x: TolX = None
    check: Check = False
    walk: Walk = False
    diagnose: Diagnose = True
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class FitLinearSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``fit-linear``: one layer ``activation(W @ x)``, its target, and an update rule."""

    values: Values = {}
    activation: Activation = "relu"
    optimizer: Optimizer = "manual"
    lr: Lr = None
    lrs: Lrs = {}
    steps: Steps = 10
    momentum: Momentum = None
    dampening: Dampening = None
    weight_decay: WeightDecay = None
    nesterov: Nesterov = None
    opt: Opt = {}
    schedule: Schedule = "none"
    sched: Sched = {}
    lr_factor: LrFactor = {}
    clip_norm: ClipNorm = None
    clip_value: ClipValue = None
    bound: Bound = {}
    maximize: Maximize = False
    tol_grad: TolGrad = None
    tol_loss: TolLoss = None
    tol_x: TolX = None
    walk: Walk = False
    diagnose: Diagnose = True
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class CompareSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``compare``: an objective, where to start, the update rules that race, and the rules of the race."""

    expression: Annotated[
        str, _meta("what to minimize: an expression, or a problem (gdcli problems)", PROBLEM, "EXPR")
    ] = ""
    values: Values = {}
    wrt: Wrt = []
    dim: Dim = None
    starts: Starts = 0
    domain: Domain = {}
    optimizer: Racers = []
    lr: RacerLr = None
    opt: RacerOpt = {}
    clip_norm: ClipNorm = None
    clip_value: ClipValue = None
    bound: Bound = {}
    tune: Tune = False
    rates: Rates = None
    rate_range: RateRange = None
    steps: RaceSteps = 500
    tol: RaceTol = 1e-4
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class PlotSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``plot``: a function, and for each variable a window ``LOW:HIGH`` or a value."""

    expression: Annotated[str, _meta("what to draw: an expression, or a problem (gdcli problems)", PROBLEM, "EXPR")] = (
        ""
    )
    values: Values = {}
    dim: Dim = None
    field: Field = False
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


DescentSettings = MinimizeSettings | FitLinearSettings
Settings = OpsSettings | GradSettings | MinimizeSettings | FitLinearSettings | CompareSettings | PlotSettings
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
        wrong = True
    else:
        wrong = isinstance(converted, float) and not math.isfinite(converted)
    if wrong:
        shown = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        raise GdcliError(
            "setting", f"{name} must be {describe(kind)}, not '{shown}'", did_you_mean(shown, _choices(kind))
        )
    return converted


def _choices(kind: Any) -> tuple[str, ...]:
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_args(plain) if get_origin(plain) is Literal else ()


def describe(kind: Any) -> str:
    """What a field takes, in words: "a number of at least 0"."""
    plain, meta = get_args(kind)[0], get_args(kind)[1]
    if meta.extra and meta.extra.get("words"):
        return str(meta.extra["words"])
    if choices := _choices(kind):
        return "one of " + ", ".join(choices)
    if type(None) in get_args(plain):  # a setting that may be left out is told as what it is when it is there
        plain = next(part for part in get_args(plain) if part is not type(None))
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    if plain in words:
        bounds = f" of at least {meta.ge}" if meta.ge is not None else ""
        if meta.le is not None and meta.le < 10**9:
            bounds = f" from {meta.ge} to {meta.le}"
        return words[plain] + bounds
    if get_origin(plain) is dict:
        return "a table of names and values"
    return "a list of texts"
