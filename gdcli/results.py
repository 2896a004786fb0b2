"""The records of every command: the JSON contract. No torch, no rich.

A tensor is a nested list of numbers; a number that is not finite becomes null in JSON. Fields are only ever added:
``SCHEMA`` grows when one changes its meaning or goes.
"""

from __future__ import annotations

import enum
from typing import Any, Generic, Literal, TypeVar

from msgspec import UNSET, Struct, UnsetType

from gdcli.figure.model import Figure
from gdcli.settings import CompareSettings, FitLinearSettings, GradSettings, MinimizeSettings, OpsSettings, PlotSettings
from gdcli.version import __version__

SCHEMA = 1

Nested = float | int | bool | list[Any] | None
"""A tensor as Python has it: a number, a list of numbers, a list of lists."""


class StopReason(enum.Enum):
    """Why a descent stopped; the value is the sentence that people read."""

    CONVERGED_GRAD = "converged at iteration {iteration}: the gradient norm {value:.6g} is at most {limit:.6g}"
    CONVERGED_LOSS = "converged at iteration {iteration}: the loss changed by {value:.6g}, at most {limit:.6g}"
    CONVERGED_X = "converged at iteration {iteration}: the variables moved by {value:.6g}, at most {limit:.6g}"
    MAX_STEPS = "stopped after {steps}"
    NON_FINITE = "diverged: {what} became {value} at iteration {iteration}"
    GROWN = (
        "diverged: the loss grew to {value:.6g} at iteration {iteration}, beyond {bound:.6g}, and so did its gradient"
    )
    STALLED = "stalled at iteration {iteration}: {why}"
    CYCLING = "cycling at iteration {iteration}: the state of {period} iterations before is there again"
    NO_GRADIENT = "stopped at iteration {iteration}: {name}.grad is None, so there is nothing to step with"
    INTERRUPTED = "interrupted at iteration {iteration}"

    @property
    def status(self) -> DescentStatus:
        """The word for it in a record."""
        return _STATUS[self]


DescentStatus = Literal[
    "converged_grad", "converged_loss", "converged_x", "max_steps", "diverged", "stalled", "cycling", "no_gradient",
    "interrupted",
]  # fmt: skip
_STATUS: dict[StopReason, DescentStatus] = {
    StopReason.CONVERGED_GRAD: "converged_grad",
    StopReason.CONVERGED_LOSS: "converged_loss",
    StopReason.CONVERGED_X: "converged_x",
    StopReason.MAX_STEPS: "max_steps",
    StopReason.NON_FINITE: "diverged",
    StopReason.GROWN: "diverged",
    StopReason.STALLED: "stalled",
    StopReason.CYCLING: "cycling",
    StopReason.NO_GRADIENT: "no_gradient",
    StopReason.INTERRUPTED: "interrupted",
}
CONVERGED = frozenset(["converged_grad", "converged_loss", "converged_x"])


class Notice(Struct, frozen=True):
    """Something that a reader should know about a run: ``code`` for scripts, ``message`` for people."""

    code: str
    message: str


def notices_about(figure: Figure) -> list[Notice]:
    """What has to be said about a picture."""
    return [Notice(remark.code, remark.message) for remark in figure.remarks]


def spelled_out(name: str, expression: str) -> str:
    """What was given as an objective, with its expression where it is the name of a problem."""
    return name if name == expression else f"{name}: {expression}"


FindingCode = Literal[
    "unbounded", "learning-rate-too-large", "momentum-too-large", "not-finite", "dead-relu", "saddle",
    "vanishing-gradient", "zig-zag", "oscillating", "slow", "rate", "float-floor", "no-curvature", "incomplete",
]  # fmt: skip


class Remedy(Struct, frozen=True):
    """Settings to change: ``settings`` by their names, as a config has them, and the same as ``options``.

    ``effect`` says what they do: as computed, or as tried for some steps.
    """

    settings: dict[str, Any]
    options: str
    effect: str


class Finding(Struct, frozen=True):
    """Something that explains how a descent went.

    ``code`` is for scripts and ``message`` one sentence for people; ``evidence`` holds the numbers behind it, by names
    that depend on the code, and ``remedy`` what to change (null when nothing is known to help, or nothing is wrong).
    "rate" tells how fast a run came to its goal; "no-curvature" and "incomplete" say what could not be found out.
    """

    code: FindingCode
    message: str
    remedy: Remedy | None
    evidence: dict[str, Any]


class Problem(Struct, frozen=True):
    """What is wrong with one expression; ``span`` counts characters."""

    code: str
    message: str
    hint: str
    span: tuple[int, int] | None


class Act(Struct, frozen=True):
    """Something that was done to a gradient before a step, or to a variable after the step before.

    ``before`` is the size that was too large (for a bound: the farthest distance from it), ``after`` what it became.
    """

    kind: Literal["clip-value", "clip-norm", "bound"]
    variable: str | None
    before: float
    after: float


class Step(Struct, frozen=True, gc=False, omit_defaults=True):
    """The state at which loss and gradient were evaluated, before the update of this iteration.

    ``lr`` is the learning rate of the update, by variable where they differ; ``acts`` is left out where nothing was
    done.
    """

    iteration: int
    loss: float | None
    values: dict[str, Nested]
    grads: dict[str, Nested]
    lr: float | dict[str, float]
    acts: list[Act] | None = None


class Equation(Struct, frozen=True):
    """One line of an update: the term named ``symbol`` is what ``formula`` gives.

    The formula is Python, elementwise over the terms of its update, with ``sqrt`` and ``maximum``.
    """

    symbol: str
    formula: str


class Update(Struct, frozen=True, kw_only=True):
    """What the update of an iteration did to one variable, as equations over numbers that were read from the run.

    ``terms`` are the numbers: ``before`` and ``after`` (the variable), ``gradient`` (as the rule got it, after
    clipping; null when there was none), ``lr``, the parameters of the rule, and what it remembers (``buffer_before``
    and ``buffer``). ``projected`` is where bounds put the variable then, null when it was inside them.
    ``equations`` are empty for a rule that has none; ``note`` says so in words, or what is special in this step.
    """

    iteration: int
    variable: str
    terms: dict[str, Nested]
    equations: list[Equation]
    projected: Nested = None
    note: str = ""


class Best(Struct, frozen=True):
    """The point with the smallest loss of the run."""

    iteration: int
    loss: float | None
    values: dict[str, Nested]


class TensorState(Struct, frozen=True):
    """What autograd knows of a variable after the run."""

    is_leaf: bool
    requires_grad: bool
    grad_fn: str | None


class TapeNode(Struct, frozen=True, kw_only=True):
    """One node of the tape of ``grad --explain``; node 0 is the result, and a parent comes before its children.

    ``text`` is its piece of the expression, at ``span``. ``op`` is the name that PyTorch gives the operation, and
    ``grad_fn`` that of its backward. ``local`` is the derivative of the parent with respect to this node (for tensors:
    the parent's elements summed), ``grad`` the gradient that reached it. Tensors of more than 1,000 elements have
    ``value``, ``local`` and ``grad`` null, and norms. ``note`` says in words what autograd does here.
    """

    id: int
    parent: int | None
    text: str
    span: tuple[int, int]
    kind: Literal["operation", "variable", "constant"]
    op: str
    grad_fn: str | None
    dtype: str | None
    shape: list[int] | None
    value: Nested
    norm: float | None
    local: Nested
    grad: Nested
    grad_norm: float | None
    note: str


class Derivative(Struct, frozen=True, kw_only=True):
    """The partial derivative with respect to ``variable`` as a formula, or why there is none (``obstacle``).

    ``formula`` is in gdcli's own language, ``latex`` in LaTeX, and ``value`` what the formula gives at the point, in
    the dtype of the run.
    """

    variable: str
    formula: str | None
    latex: str | None
    value: float | None
    obstacle: str


class Curvature(Struct, frozen=True, kw_only=True):
    """The Hessian at a point: ``matrix[i][j]`` is the derivative by ``labels[i]`` and ``labels[j]``.

    ``eigenvalues`` ascend. ``condition_number`` is the ratio of the largest to the smallest size of an eigenvalue, null
    when one is 0 within rounding.
    """

    labels: list[str]
    matrix: list[list[float | None]]
    eigenvalues: list[float | None]
    condition_number: float | None
    gradient_norm: float | None
    point: Literal["minimum", "maximum", "saddle", "flat", "not critical", "undefined"]
    message: str


class JacobianMatrix(Struct, frozen=True, kw_only=True):
    """``matrix[i][j]`` is the derivative of element ``rows[i]`` of the result by ``columns[j]``."""

    rows: list[str]
    columns: list[str]
    matrix: list[list[float | None]]


class CheckRow(Struct, frozen=True, kw_only=True):
    """One element of a gradient by three ways; ``doubt`` names the one not to trust, and ``reason`` says why.

    ``left`` and ``right`` are the one-sided slopes, given at a kink and where only one side is defined. A row is
    "undefined" where there is no slope, and "unconfirmed" where nothing else can tell it.
    """

    label: str
    autograd: float | None
    differences: float | None
    symbolic: float | None
    left: float | None
    right: float | None
    relative_error: float | None
    agreeing_digits: int | None
    verdict: Literal["agree", "kink", "disagree", "undefined", "unconfirmed"]
    doubt: Literal["", "autograd", "differences", "symbolic"]
    reason: str


class GradientCheck(Struct, frozen=True, kw_only=True):
    """The check of a gradient: a row an element, and what follows from all of them.

    It is "unclear" when nothing disagrees, and some of it is undefined or unconfirmed.
    """

    rows: list[CheckRow]
    verdict: Literal["agree", "disagree", "unclear"]
    message: str


class KnownMinimum(Struct, frozen=True, kw_only=True):
    """The nearest of the known minima of a problem, and how far the end of the run is from it (Euclidean)."""

    values: dict[str, Nested]
    loss: float
    distance: float | None


class OpsRow(Struct, frozen=True, kw_only=True):
    """One expression of ``ops``: its value, dtype and shape, or what is wrong with it."""

    expression: str
    value: Nested | UnsetType = UNSET
    dtype: str | UnsetType = UNSET
    shape: list[int] | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class OpsResult(Struct, frozen=True, kw_only=True):
    """The record of ``ops``."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["ops"] = "ops"
    settings: OpsSettings
    status: Literal["ok", "failed"]
    message: str
    rows: list[OpsRow]
    warnings: list[Notice] = []


class GradResult(Struct, frozen=True, kw_only=True):
    """The record of ``grad``. A gradient is null for a variable outside ``settings.wrt``, as autograd's None."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["grad"] = "grad"
    settings: GradSettings
    status: Literal["ok"] = "ok"
    message: str
    value: Nested
    grad_fn: str | None
    values: dict[str, Nested]
    grads: dict[str, Nested]
    tape: list[TapeNode] | UnsetType = UNSET
    derivatives: list[Derivative] | UnsetType = UNSET
    hessian: Curvature | UnsetType = UNSET
    jacobian: JacobianMatrix | UnsetType = UNSET
    check: GradientCheck | UnsetType = UNSET
    warnings: list[Notice] = []


class Point(Struct, frozen=True, kw_only=True, gc=False):
    """One point of ``grad --each`` or ``--points``, with the value of the expression and the gradient there.

    ``values`` are those of the variables that differ from point to point. In the place of a point that cannot be read
    or evaluated stands its ``error``, and the ``line`` of the file, counted from 1.
    """

    values: dict[str, Nested] | UnsetType = UNSET
    value: Nested | UnsetType = UNSET
    grads: dict[str, Nested] | UnsetType = UNSET
    line: int | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class PointsResult(Struct, frozen=True, kw_only=True):
    """The record of ``grad --each`` and ``grad --points``: a value and a gradient at each point, in order.

    ``values`` are those of the variables that are the same at every point. "failed": there are points with an error.
    """

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["grad"] = "grad"
    settings: GradSettings
    values: dict[str, Nested]
    points: list[Point]
    status: Literal["ok", "failed", "interrupted"]
    message: str
    warnings: list[Notice] = []


class MinimizeResult(Struct, frozen=True, kw_only=True):
    """The record of ``minimize``. ``result`` is the point after the last update."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["minimize"] = "minimize"
    settings: MinimizeSettings
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


class FitLinearResult(Struct, frozen=True, kw_only=True):
    """The record of ``fit-linear``. ``result`` is the point after the last update."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["fit-linear"] = "fit-linear"
    settings: FitLinearSettings
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


class Spread(Struct, frozen=True):
    """Median and quartiles over the starts (linear between neighbours); null: not finite, or never."""

    median: float | None
    q1: float | None
    q3: float | None


RunStatus = Literal["reached", "max_steps", "diverged", "stalled", "interrupted"]


class RaceRun(Struct, frozen=True, kw_only=True):
    """One run of a race, from start number ``start``, to the state in which it ended.

    ``evaluations`` counts those of the loss and its gradient up to that state. "stalled": a step moved nothing, and so
    will every further one. ``distance`` is that to the nearest known global minimum, null where none is known.
    """

    start: int
    lr: float
    status: RunStatus
    steps: int
    evaluations: int
    loss: float | None
    best_loss: float | None
    distance: float | None
    values: dict[str, Nested]


class RateTrial(Struct, frozen=True, kw_only=True):
    """What a learning rate did in the tuning: how many starts reached the goal, and medians over all of them."""

    lr: float
    reached: int
    evaluations: float | None
    loss: float | None


class Tuning(Struct, frozen=True, kw_only=True):
    """The search for a learning rate on a grid that is even in the logarithm.

    A rate works when at least half of the starts reach the goal. ``lowest`` and ``highest`` are the ends of the piece
    of the grid around the best rate in which every rate works, ``width`` its decades; they are null when none works.
    """

    best: float
    lowest: float | None
    highest: float | None
    width: float | None
    trials: list[RateTrial]


class LossCurve(Struct, frozen=True):
    """The loss by the evaluations made so far: the median over the starts, at up to 60 states."""

    evaluations: list[int]
    loss: list[float | None]


class Standing(Struct, frozen=True, kw_only=True):
    """How an optimizer did in a race. Those that did equally well have the same rank.

    ``lr`` is null when it differs from start to start. ``steps`` and ``evaluations`` are those to the goal, and count
    as infinite for a run that did not reach it. ``share`` is that of the runs that reached a global minimum, null where
    none is known. ``cost`` counts all evaluations, those of the tuning included. ``batched``: its runs were computed as
    one batch.
    """

    rank: int
    optimizer: str
    lr: float | None
    reached: int
    share: float | None
    statuses: dict[RunStatus, int]
    steps: Spread
    evaluations: Spread
    loss: Spread
    best_loss: Spread
    distance: Spread
    cost: int
    batched: bool
    curve: LossCurve
    tuning: Tuning | None
    runs: list[RaceRun]


class RaceRules(Struct, frozen=True, kw_only=True):
    """The rules of a race: a run reaches its goal in the first state whose ``goal`` is at most ``limit``.

    ``minimum`` is the loss of the known global minima of ``expression``. A run ends there, or where it diverges or
    stalls, or when it has made ``evaluations`` evaluations. ``runs`` is the number of runs of each optimizer.
    """

    expression: str
    goal: Literal["loss", "gradient_norm"]
    limit: float
    minimum: float | None
    evaluations: int
    runs: int


class CompareResult(Struct, frozen=True, kw_only=True):
    """The record of ``compare``: the standings, best first. Every optimizer started at each of ``starts``."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["compare"] = "compare"
    settings: CompareSettings
    status: Literal["ok", "interrupted"]
    message: str
    rules: RaceRules
    starts: list[dict[str, Nested]]
    standings: list[Standing]
    warnings: list[Notice] = []


class PlotResult(Struct, frozen=True, kw_only=True):
    """The record of ``plot``: what every picture of the function is drawn from."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["plot"] = "plot"
    settings: PlotSettings
    status: Literal["ok"] = "ok"
    message: str
    figure: Figure
    warnings: list[Notice] = []


class FunctionEntry(Struct, frozen=True, kw_only=True):
    """A function of the language.

    ``arity`` is the least and the greatest number of arguments (null: no limit); ``gradient`` is empty for a
    differentiable function, and else says why there is no gradient, or a zero one.
    """

    name: str
    category: str
    usage: str
    arity: tuple[int, int | None]
    help: str
    example: str
    path: str
    method: bool
    gradient: str


class FunctionsResult(Struct, frozen=True, kw_only=True):
    """The record of ``functions``."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["functions"] = "functions"
    functions: list[FunctionEntry]


class OptimizerEntry(Struct, frozen=True, kw_only=True):
    """An update rule: its formula, its learning rate and parameters with their defaults, and who published it.

    ``path`` is its class in PyTorch, and empty for a rule that gdcli writes by hand.
    """

    name: str
    path: str
    formula: str
    lr: float
    parameters: dict[str, Any]
    source: str


class OptimizersResult(Struct, frozen=True, kw_only=True):
    """The record of ``optimizers``."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["optimizers"] = "optimizers"
    optimizers: list[OptimizerEntry]
    schedules: dict[str, dict[str, Any]]


class ProblemMinimum(Struct, frozen=True, kw_only=True):
    """A known minimum: the point and the loss there."""

    values: dict[str, Nested]
    loss: float


class ProblemEntry(Struct, frozen=True, kw_only=True):
    """A test problem in its usual form; ``dimensions`` says which others it has."""

    name: str
    title: str
    category: str
    expression: str
    dimension: int
    dimensions: str
    start: dict[str, str]
    domain: dict[str, tuple[float, float]]
    minima: list[ProblemMinimum]
    local: list[ProblemMinimum]
    hard: str
    note: str
    source: str


class ProblemsResult(Struct, frozen=True, kw_only=True):
    """The record of ``problems``."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: Literal["problems"] = "problems"
    problems: list[ProblemEntry]


class ErrorResult(Struct, frozen=True, kw_only=True):
    """What any command prints with ``--json`` when it fails; ``span`` counts characters of ``source``."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: str
    status: Literal["error"] = "error"
    code: str
    message: str
    hint: str
    source: str | None = None
    span: tuple[int, int] | None = None


SettingsT = TypeVar("SettingsT", bound=Struct)


class SettingsLine(Struct, Generic[SettingsT], frozen=True, kw_only=True, tag_field="record", tag="settings"):
    """The first line of ``--jsonl``."""

    gdcli: str = __version__
    schema: int = SCHEMA
    command: str
    settings: SettingsT


class StepLine(Struct, frozen=True, omit_defaults=True, tag_field="record", tag="step"):
    """A line of ``--jsonl`` for an iteration."""

    iteration: int
    loss: float | None
    values: dict[str, Nested]
    grads: dict[str, Nested]
    lr: float | dict[str, float]
    acts: list[Act] | None = None


class UpdateLine(Update, frozen=True, kw_only=True, tag_field="record", tag="update"):
    """A line of ``--jsonl --walk`` for one variable: it follows the line of its iteration."""


class PointLine(Point, frozen=True, kw_only=True, gc=False, tag_field="record", tag="point"):
    """A line of ``--jsonl`` for a point of ``grad --each`` or ``--points``."""


class ResultLine(Struct, frozen=True, kw_only=True, tag_field="record", tag="result"):
    """The last line of ``--jsonl``."""

    status: DescentStatus
    message: str
    result: Step
    best: Best
    evaluations: int
    minimum: KnownMinimum | UnsetType = UNSET
    checks: dict[str, GradientCheck] | UnsetType = UNSET
    tensors: dict[str, TensorState]
    diagnosis: list[Finding] = []
    warnings: list[Notice] = []


DescentRecord = MinimizeResult | FitLinearResult
Result = OpsResult | GradResult | MinimizeResult | FitLinearResult | CompareResult

RECORDS: dict[str, Any] = {
    "ops": OpsResult,
    "grad": GradResult,
    "minimize": MinimizeResult,
    "fit-linear": FitLinearResult,
    "compare": CompareResult,
    "plot": PlotResult,
    "functions": FunctionsResult,
    "optimizers": OptimizersResult,
    "problems": ProblemsResult,
}
