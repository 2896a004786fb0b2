"""``sweep``: its settings and its record."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from gdcli.contract.descent import (
    Bound,
    ClipValue,
    Dampening,
    DescentStatus,
    LrFactor,
    Lrs,
    Maximize,
    Momentum,
    Nesterov,
    Opt,
    Optimizer,
    Sched,
    Schedule,
    Steps,
    Tol,
    TolGrad,
    TolLoss,
    TolX,
    Until,
    WeightDecay,
)
from gdcli.contract.envelope import Notice
from gdcli.contract.fields import (
    AT_LEAST_0,
    NUMBERS,
    RULE,
    Device,
    Dim,
    Dtype,
    Nested,
    NonNegative,
    Number,
    Objective,
    Seed,
    Values,
    Wrt,
    meta,
)
from gdcli.contract.shown import Shown
from gdcli.contract.sources import Sources

SWEEP = "Sweep"
TILE = 16_384
"""Cells of a tile. Tiles are numbered along the grid from 0, and tile k has the cells from k * TILE on."""
SweepLr = Annotated[
    NonNegative | None,
    meta("learning rate", RULE, "NUMBER", words=AT_LEAST_0, shown="0.1 for manual and sgd, otherwise PyTorch's"),
]
Over = Annotated[
    list[str],
    meta(
        "an axis: what changes from cell to cell, such as x=-2:2:400, lr=1e-3:3:log:400, seed=0:20 or lr=0.01,0.1,1; "
        "one or two",
        SWEEP,
        "NAME=LOW:HIGH:COUNT",
    ),
]
Zoom = Annotated[
    dict[str, tuple[float | None, float | None]],
    meta("look at a part of an axis, such as x=0.1:0.2, with as many cells", SWEEP, "NAME=LOW:HIGH", reads="bounds"),
]
MeasureName = Literal["status", "steps", "loss", "minimum", "distance", "rate"]
Measure = Annotated[MeasureName, meta("what a cell shows", SWEEP)]
Engine = Annotated[
    Literal["auto", "replay", "fast", "vmap"],
    meta("what makes the steps: PyTorch's operations in place, numba (the extra fast), or torch.func.vmap", NUMBERS),
]
ToleranceUlp = Annotated[
    Annotated[int, Meta(ge=0)] | None,
    meta(
        "with auto, take the fastest engine whose steps differ from a single run by at most N units in the last place",
        NUMBERS,
        "N",
        words="a whole number of at least 0",
    ),
]
TolMinima = Annotated[
    float,
    meta(
        "end points within this distance of each other are one minimum",
        SWEEP,
        "NUMBER",
        words="a number greater than 0",
        gt=0,
    ),
]


class SweepSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``sweep``: a descent, as ``minimize`` has it, and the axes along which its settings change."""

    expression: Objective = ""
    over: Over = []
    zoom: Zoom = {}
    measure: Measure = "status"
    tol_minima: TolMinima = 1e-2
    values: Values = {}
    sources: Sources = UNSET
    wrt: Wrt = []
    dim: Dim = None
    optimizer: Optimizer = "manual"
    lr: SweepLr = None
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
    clip_value: ClipValue = None
    bound: Bound = {}
    maximize: Maximize = False
    tol_grad: TolGrad = None
    tol_loss: TolLoss = None
    tol_x: TolX = None
    tol: Tol = "any"
    until: Until = None
    engine: Engine = "auto"
    tolerance_ulp: ToleranceUlp = None
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


AxisKind = Literal["start", "lr", "lr of a variable", "parameter", "seed"]


class SweepAxis(Struct, frozen=True, kw_only=True):
    """An axis: ``name`` as it was typed (``x``, ``W[0,1]``, ``lr``, ``lr.W0``, ``betas[0]``, ``seed``).

    Its numbers are ``listed``, or ``count`` from ``low`` to ``high``, evenly spaced, with ``log`` on a log scale.
    ``target`` is the variable or the parameter that it changes, and ``index`` the element of it.
    """

    name: str
    kind: AxisKind
    target: str
    index: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 0.0
    count: int = 0
    log: bool = False
    listed: list[float] = []

    def __len__(self) -> int:
        return len(self.listed) or self.count

    def number(self, i: int) -> float:
        """The number of cell ``i`` along the axis; the ends are exact."""
        if self.listed:
            return self.listed[i]
        if i == 0 or self.count == 1:
            return self.low
        if i == self.count - 1:
            return self.high
        share = i / (self.count - 1)
        if self.kind == "seed":
            return round(self.low + (self.high - self.low) * share)
        return self.low * (self.high / self.low) ** share if self.log else self.low + (self.high - self.low) * share

    def numbers(self) -> list[float]:
        """All of its numbers."""
        return [self.number(i) for i in range(len(self))]


class Shard(Struct, frozen=True):
    """One of ``of`` parts of a sweep, counted from 1: tile k belongs to the shard k % of + 1."""

    number: int
    of: int

    def tiles(self, count: int) -> range:
        """Its tiles, of so many in all."""
        return range(self.number - 1, count, self.of)

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


class EngineMade(Struct, frozen=True, kw_only=True):
    """What makes the steps: ``name``, ``functions`` and ``why`` as in ``EngineUsed``."""

    name: Literal["replay", "fast", "vmap"]
    functions: list[str] = []
    why: str = ""


class EngineUsed(Struct, frozen=True, kw_only=True):
    """What made the steps, and how they compare with those of single runs.

    ``compared`` cells were run alone too: ``differing`` of them have another status, other steps or other bits, and
    ``ulp`` is the largest difference of an element of their end points, in units in the last place.

    ``functions`` are the operations that an engine rounds otherwise than a single run, and ``why`` says why a slower
    engine was taken; both are empty otherwise.
    """

    name: Literal["replay", "fast", "vmap"]
    compared: int
    differing: int
    ulp: Number
    functions: list[str] = []
    why: str = ""


PointKind = Literal["minimum", "maximum", "saddle", "point"]


class SweepMinimum(Struct, frozen=True, kw_only=True):
    """A point where cells ended, its loss, whether it is one of the catalogue's, and how many cells there are.

    ``kind`` is what the Hessian there says in float64: "point" where it does not decide, or was not computed.
    """

    kind: PointKind = "point"
    values: dict[str, Nested]
    loss: Number
    known: bool
    cells: int


class SweepCell(Struct, frozen=True, kw_only=True):
    """A cell: its place on the axes, how its run ended, and the command that makes this run alone.

    ``minimum`` is the number of the minimum that it reached in ``minima``. ``measured`` is its distance or its rate,
    where ``--measure`` asks for that.
    """

    index: list[int]
    at: dict[str, float]
    status: DescentStatus
    steps: int
    loss: Number
    minimum: int | None
    values: dict[str, Nested]
    command: str
    measured: Number | UnsetType = UNSET


class Working(Struct, frozen=True, kw_only=True):
    """Where along an axis of rates the runs converge.

    ``ranges`` are the lowest and the highest of rates that follow each other and for which at least half of the cells
    converge. ``bound`` is the largest rate that theory allows at the minimum that most cells reach, ``formula`` how it
    follows from the ``curvature`` L there (``2/L``), null where none is known. Where the momentum is the other axis,
    the bound differs from cell to cell, and ``formula`` and ``curvature`` give it.
    """

    axis: str
    ranges: list[tuple[float, float]]
    bound: float | None
    formula: str = ""
    curvature: float | None = None


def measure_in_words(settings: SweepSettings) -> str:
    """What a cell shows, as people read it."""
    end = "maximum" if settings.maximize else "minimum"
    words = {
        "loss": "final loss",
        "minimum": end,
        "distance": f"distance to the nearest {end}",
        "rate": "factor per step of the gradient norm",
    }
    return words.get(settings.measure, settings.measure)


_WORDS: dict[DescentStatus, str] = {
    "converged_grad": "converged",
    "converged_loss": "converged (change of the loss)",
    "converged_x": "converged (change of the variables)",
    "converged_all": "converged (all tolerances)",
    "reached": "reached the goal",
    "max_steps": "out of budget",
    "no_gradient": "no gradient",
}


def status_in_words(status: DescentStatus) -> str:
    """A status as people read it."""
    return _WORDS.get(status, status)


class SweepCells(Struct, frozen=True, kw_only=True):
    """All cells, the first axis fastest: a list for each quantity. ``minimum`` is -1 where none was reached.

    ``measured`` are the distances or the rates, where ``--measure`` asks for them.
    """

    status: list[DescentStatus]
    steps: list[int]
    loss: list[Number]
    minimum: list[int]
    values: dict[str, list[Nested]]
    measured: list[Number] | UnsetType = UNSET


class SweepResult(Shown, frozen=True, kw_only=True):
    """The record of ``sweep``. ``statuses`` counts the cells by status, the most frequent first.

    ``cell_command`` runs one cell alone: ``{0}`` stands for its number on the first axis, ``{1}`` on the second, and
    ``{{`` and ``}}`` for braces, as in Python's ``str.format``; empty where there is no such command. ``working`` is
    empty without an axis of rates, and when the sweep was interrupted. ``measured`` are the smallest and the largest
    distance or rate of cells that did not diverge, where ``--measure`` asks for it.
    """

    command: Literal["sweep"] = "sweep"
    settings: SweepSettings
    status: Literal["ok", "interrupted"]
    message: str
    axes: list[SweepAxis]
    cells: int
    run_steps: int
    statuses: dict[DescentStatus, int]
    minima: list[SweepMinimum]
    best: SweepCell | None
    working: list[Working]
    engine: EngineUsed
    cell_command: str = ""
    grid: SweepCells | UnsetType = UNSET
    measured: tuple[float, float] | UnsetType = UNSET
    warnings: list[Notice] = []
