"""``minimize`` and ``fit-linear``: their settings and their records."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct
from msgspec.structs import fields

from gdcli.contract.batches import Batch, BatchSize, Shuffle
from gdcli.contract.diagnosis import Finding
from gdcli.contract.envelope import Notice
from gdcli.contract.fields import (
    AT_LEAST_0,
    EXPLAIN,
    PROBLEM,
    RULE,
    STOPPING,
    Device,
    Dim,
    Dtype,
    Nested,
    NonNegative,
    Number,
    Objective,
    Option,
    Positive,
    Seed,
    Values,
    Wrt,
    meta,
)
from gdcli.contract.grad import Check, GradientCheck
from gdcli.contract.shown import Shown
from gdcli.contract.sources import Sources
from gdcli.rules.catalogue import OWN, RULES, SCHEDULES

if TYPE_CHECKING:  # the names come from the catalogue, which a type checker does not run
    ScheduleName = str
else:
    ScheduleName = Literal["none", *SCHEDULES]
Optimizer = Annotated[
    str,
    meta(
        "the notebook's loop, a rule written by hand, one of torch.optim (gdcli optimizers), or package.module:Class, "
        "an optimizer of your own, whose code is run",
        RULE,
        "NAME",
        words="optimizer",
        choices=tuple(RULES),
        extra_json_schema={"anyOf": [{"enum": list(RULES)}, {"pattern": f"^{OWN.pattern}$"}]},
    ),
]
Lr = Annotated[
    NonNegative | Literal["auto"] | None,
    meta(
        "learning rate; auto derives it from the curvature at the start",
        RULE,
        "NUMBER|auto",
        words="a number of at least 0, or auto",
        shown="0.1 for manual and sgd, otherwise PyTorch's",
    ),
]
Lrs = Annotated[
    dict[str, NonNegative],
    meta(
        "learning rate of one variable; same as --lr.NAME NUMBER",
        RULE,
        "NAME=NUMBER",
        words="rates of at least 0, each with its variable",
        reads="pairs",
    ),
]
Steps = Annotated[int, meta("number of updates", RULE, ge=0, le=10**12)]
Momentum = Annotated[NonNegative | None, meta("momentum, for rules that have it", RULE, "NUMBER", words=AT_LEAST_0)]
Dampening = Annotated[float | None, meta("dampening of the momentum, in sgd", RULE, "NUMBER", words="a number")]
WeightDecay = Annotated[
    NonNegative | None, meta("weight decay (L2 penalty), decoupled in adamw", RULE, "NUMBER", words=AT_LEAST_0)
]
Nesterov = Annotated[bool | None, meta("Nesterov momentum, in sgd", RULE)]
Opt = Annotated[
    dict[str, Option], meta("parameter of the rule, such as betas=0.9,0.95", RULE, "NAME=VALUE", reads="pairs")
]
Schedule = Annotated[
    ScheduleName, meta("schedule of the learning rate (torch.optim.lr_scheduler)", RULE, "NAME", words="schedule")
]
Sched = Annotated[
    dict[str, Option], meta("parameter of the schedule, such as T_max=100", RULE, "NAME=VALUE", reads="pairs")
]
LrFactor = Annotated[
    dict[str, NonNegative],
    meta(
        "multiply the learning rate by FACTOR from ITERATION on",
        RULE,
        "ITERATION=FACTOR",
        words="factors of at least 0, each with its iteration",
        reads="pairs",
    ),
]
ClipNorm = Annotated[
    Positive | None, meta("clip the gradient to this norm", RULE, "NUMBER", words="a number greater than 0")
]
ClipValue = Annotated[
    Positive | None,
    meta("clip each element of the gradient to this size", RULE, "NUMBER", words="a number greater than 0"),
]
Maximize = Annotated[bool, meta("maximize instead of minimizing", RULE)]
Bound = Annotated[
    dict[str, tuple[float | None, float | None]],
    meta("keep a variable within bounds, such as x=-2:2 (projected gradient)", RULE, "NAME=LOW:HIGH", reads="bounds"),
]
Tolerance = Annotated[list[NonNegative], Meta(min_length=1, max_length=2)] | None
_TOLERANCE = "a number of at least 0, or two: absolute,relative"
TolGrad = Annotated[
    Tolerance,
    meta("stop when the norm of the gradient is at most this", STOPPING, "ABS[,REL]", words=_TOLERANCE, reads="list"),
]
TolLoss = Annotated[
    Tolerance,
    meta(
        "stop when the loss changes by at most this in one step", STOPPING, "ABS[,REL]", words=_TOLERANCE, reads="list"
    ),
]
TolX = Annotated[
    Tolerance,
    meta(
        "stop when the variables move by at most this in one step",
        STOPPING,
        "ABS[,REL]",
        words=_TOLERANCE,
        reads="list",
    ),
]
Tol = Annotated[
    Literal["any", "all"], meta("whether one of several tolerances ends the run, or all of them together", STOPPING)
]
Until = Annotated[
    float | None,
    meta("stop at a loss of at most this (at least, with --maximize)", STOPPING, "LOSS", words="a number"),
]
UpdateForm = Annotated[
    Literal["in-place", "rebind"],
    meta("x -= lr * x.grad, or x = x - lr * x.grad, which makes x a non-leaf tensor", RULE),
]
Activation = Annotated[
    Literal["relu", "none", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh"],
    meta("activation function, applied to W @ x", PROBLEM),
]
Walk = Annotated[bool, meta("show each update as an equation with its numbers", EXPLAIN)]
Diagnose = Annotated[bool, meta("explain how the run went, and what to change", EXPLAIN)]


class DescentSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of every descent: the values, an update rule, when to stop, and what to explain."""

    values: Values = {}
    sources: Sources = UNSET
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
    tol_grad: TolGrad = None
    tol_loss: TolLoss = None
    tol_x: TolX = None
    tol: Tol = "any"
    until: Until = None
    walk: Walk = False
    diagnose: Diagnose = True
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class MinimizeSettings(DescentSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``minimize``: an objective, a start, and an update rule."""

    expression: Objective = ""
    wrt: Wrt = []
    dim: Dim = None
    update: UpdateForm = "in-place"
    batch: Batch = UNSET
    batch_size: BatchSize = UNSET
    shuffle: Shuffle = UNSET
    check: Check = False


class FitLinearSettings(DescentSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``fit-linear``: one layer ``activation(W @ x)``, its target, and an update rule."""

    activation: Activation = "relu"
    steps: Steps = 10


GROWTH = 1e10
"""A loss that has grown to this many times the size of the first one, with a growing gradient, has diverged."""


class StopReason(enum.Enum):
    """Why a descent stopped; the value is the message for people."""

    CONVERGED_GRAD = "converged at iteration {iteration}: the gradient norm {value:.6g} is at most {limit:.6g}"
    CONVERGED_LOSS = "converged at iteration {iteration}: the change in the loss, {value:.6g}, is at most {limit:.6g}"
    CONVERGED_X = "converged at iteration {iteration}: the change in the variables, {value:.6g}, is at most {limit:.6g}"
    CONVERGED_ALL = "converged at iteration {iteration}: every tolerance is met ({met})"
    REACHED = "reached at iteration {iteration}: the loss, {value:.6g}, is at {most} {limit:.6g}"
    MAX_STEPS = "stopped after {steps}"
    NON_FINITE = "diverged: {what} became {value} at iteration {iteration}"
    GROWN = (
        "diverged: the loss reached {value:.6g} at iteration {iteration} (limit {bound:.6g}), with a growing gradient"
    )
    STALLED = "stalled at iteration {iteration}: {why}"
    CYCLING = "cycling at iteration {iteration}: the state is the same as {period} iterations earlier"
    STATIONARY = (
        "stationary at iteration {iteration}: the gradient norm is {value:.6g}, but the loss is lower right beside it"
    )
    NO_GRADIENT = "stopped at iteration {iteration}: {name}.grad is None, so no update is possible"
    INTERRUPTED = "interrupted{by} at iteration {iteration}"

    @property
    def status(self) -> DescentStatus:
        """The status in a record."""
        return _STATUS[self]


DescentStatus = Literal[
    "converged_grad", "converged_loss", "converged_x", "converged_all", "reached", "max_steps", "diverged", "stalled",
    "cycling", "stationary", "no_gradient", "interrupted",
]  # fmt: skip
_STATUS: dict[StopReason, DescentStatus] = {
    StopReason.CONVERGED_GRAD: "converged_grad",
    StopReason.CONVERGED_LOSS: "converged_loss",
    StopReason.CONVERGED_X: "converged_x",
    StopReason.CONVERGED_ALL: "converged_all",
    StopReason.REACHED: "reached",
    StopReason.MAX_STEPS: "max_steps",
    StopReason.NON_FINITE: "diverged",
    StopReason.GROWN: "diverged",
    StopReason.STALLED: "stalled",
    StopReason.CYCLING: "cycling",
    StopReason.STATIONARY: "stationary",
    StopReason.NO_GRADIENT: "no_gradient",
    StopReason.INTERRUPTED: "interrupted",
}
CONVERGED = frozenset(["converged_grad", "converged_loss", "converged_x", "converged_all", "reached"])
"""The statuses of a run that met what it was asked to meet."""


class Act(Struct, frozen=True):
    """A change that was made to a gradient before a step, or to a variable after the previous step.

    ``before`` is the size that was too large (for a bound: the largest distance from it), ``after`` the size it became.
    """

    kind: Literal["clip-value", "clip-norm", "bound"]
    variable: str | None
    before: Number
    after: float


class Step(Struct, frozen=True, gc=False, omit_defaults=True):
    """The state at which loss and gradient were evaluated, before the update of this iteration.

    ``lr`` is the learning rate of the update, by variable if the rates differ; ``acts`` is omitted if there are none.
    """

    iteration: int
    loss: Number
    values: dict[str, Nested]
    grads: dict[str, Nested]
    lr: Number | dict[str, Number]
    acts: list[Act] | None = None


class Equation(Struct, frozen=True):
    """One line of an update: the term named ``symbol`` is the value of ``formula``.

    The formula is Python, elementwise over the terms of its update, with ``sqrt`` and ``maximum``.
    """

    symbol: str
    formula: str


class Update(Struct, frozen=True, kw_only=True):
    """The update of one variable in an iteration, as equations over numbers that were read from the run.

    ``terms`` are the numbers: ``before`` and ``after`` (the variable), ``gradient`` (as the rule received it, after
    clipping; null when there was none), ``lr``, the parameters of the rule, and its state (``buffer_before`` and
    ``buffer``). ``projected`` is the variable projected onto its bounds, null when it was inside them.
    ``equations`` is empty for a rule that has none; ``note`` says so, or what is special about this step.
    """

    iteration: int
    variable: str
    terms: dict[str, Nested]
    equations: list[Equation]
    projected: Nested = None
    note: str = ""


class Best(Struct, frozen=True):
    """The point with the smallest finite loss of the run, with ``maximize`` the largest; the start if there is none."""

    iteration: int
    loss: Number
    values: dict[str, Nested]


class TensorState(Struct, frozen=True):
    """The state of a variable in autograd after the run."""

    is_leaf: bool
    requires_grad: bool
    grad_fn: str | None


class KnownMinimum(Struct, frozen=True, kw_only=True):
    """The nearest known minimum of a problem, and its Euclidean distance from the end of the run."""

    values: dict[str, Nested]
    loss: float
    distance: float | None


class DescentRecord(Shown, frozen=True, kw_only=True):
    """The record of a descent. ``result`` is the point after the last update."""

    settings: DescentSettings
    status: DescentStatus
    message: str
    iterations: list[Step]
    result: Step
    best: Best
    evaluations: int
    minimum: KnownMinimum | UnsetType = UNSET
    checks: dict[str, GradientCheck] | UnsetType = UNSET
    tensors: dict[str, TensorState]
    walk: list[Update] | UnsetType = UNSET
    diagnosis: list[Finding] = []
    warnings: list[Notice] = []


class MinimizeResult(DescentRecord, frozen=True, kw_only=True):
    """The record of ``minimize``."""

    command: Literal["minimize"] = "minimize"
    settings: MinimizeSettings


class FitLinearResult(DescentRecord, frozen=True, kw_only=True):
    """The record of ``fit-linear``."""

    command: Literal["fit-linear"] = "fit-linear"
    settings: FitLinearSettings


class StepLine(Step, frozen=True, omit_defaults=True, tag_field="record", tag="step"):
    """A line of ``--jsonl`` for an iteration."""


class UpdateLine(Update, frozen=True, kw_only=True, tag_field="record", tag="update"):
    """A line of ``--jsonl --walk`` for one variable: it follows the line of its iteration."""


_NOT_AT_THE_END = frozenset(["gdcli", "schema", "command", "settings", "iterations", "walk"])
ResultLine = defstruct(
    "ResultLine",
    [(f.name, f.type, f.default) for f in fields(DescentRecord) if f.name not in _NOT_AT_THE_END],
    namespace={"__doc__": "The last line of ``--jsonl``: the fields of the record that are known at the end."},
    frozen=True,
    kw_only=True,
    tag_field="record",
    tag="result",
)
