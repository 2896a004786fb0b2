"""``compare``: its settings and its record."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gdcli.contract.descent import Bound, ClipNorm, ClipValue
from gdcli.contract.envelope import Notice, Record
from gdcli.contract.fields import (
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

TUNING = "Tuning"
Racers = Annotated[
    list[str],
    meta(
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
    meta(
        "learning rate of all of them; auto takes it from the curvature at the start",
        RULE,
        "NUMBER|auto",
        words="a number of at least 0, or auto",
        shown="that of each rule",
    ),
]
RacerOpt = Annotated[
    dict[str, Option],
    meta("a parameter of one rule, such as adam.betas=0.9,0.95 or sgd.lr=0.01", RULE, "RULE.NAME=VALUE", reads="pairs"),
]
Domain = Annotated[
    dict[str, tuple[float | None, float | None]],
    meta(
        "where starts lie, such as x=-2:2",
        PROBLEM,
        "NAME=LOW:HIGH",
        reads="bounds",
        shown="that of the problem",
    ),
]
Starts = Annotated[
    int,
    meta("start so many times, at random in the domain; 0: once, at the usual start", PROBLEM, "N", ge=0, le=10_000),
]
Tune = Annotated[bool, meta("let each rule try the same learning rates, and race with its best", TUNING)]
Rates = Annotated[
    Annotated[int, Meta(ge=2, le=1000)] | None,
    meta(
        "number of learning rates to try, spaced evenly in their logarithm",
        TUNING,
        "N",
        words="a whole number from 2 to 1000",
        shown="30",
    ),
]
RateRange = Annotated[
    tuple[Positive, Positive] | None,
    meta(
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
    meta(
        "budget of a run: so many updates, or as many evaluations as they take when each takes one",
        STOPPING,
        "N",
        ge=1,
        le=10**7,
    ),
]
RaceTol = Annotated[
    float,
    meta(
        "reached: the loss is so near to the known minimum, or the norm of the gradient so small where none is known",
        STOPPING,
        "NUMBER",
        ge=0,
    ),
]


class CompareSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``compare``: an objective, where to start, the update rules that race, and the rules of the race."""

    expression: Objective = ""
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
    loss: Number
    best_loss: Number
    distance: float | None
    values: dict[str, Nested]


class RateTrial(Struct, frozen=True, kw_only=True):
    """What a learning rate did in the tuning: how many starts reached the goal, and medians over all of them."""

    lr: float
    reached: int
    evaluations: Number
    loss: Number


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
    loss: list[Number]


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


class CompareResult(Record, frozen=True, kw_only=True):
    """The record of ``compare``: the standings, best first. Every optimizer started at each of ``starts``."""

    command: Literal["compare"] = "compare"
    settings: CompareSettings
    status: Literal["ok", "interrupted"]
    message: str
    rules: RaceRules
    starts: list[dict[str, Nested]]
    standings: list[Standing]
    warnings: list[Notice] = []
