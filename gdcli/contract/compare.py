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
        "update rules to compare (gdcli optimizers)",
        RULE,
        "NAMES",
        words="a list of optimizer names",
        reads="list",
        shown="sgd,manual-momentum,adam,lbfgs",
    ),
]
RacerLr = Annotated[
    NonNegative | Literal["auto"] | None,
    meta(
        "learning rate of all rules; auto derives it from the curvature at the start",
        RULE,
        "NUMBER|auto",
        words="a number of at least 0, or auto",
        shown="each rule's own",
    ),
]
RacerOpt = Annotated[
    dict[str, Option],
    meta("parameter of one rule, such as adam.betas=0.9,0.95 or sgd.lr=0.01", RULE, "RULE.NAME=VALUE", reads="pairs"),
]
Domain = Annotated[
    dict[str, tuple[float | None, float | None]],
    meta(
        "range to draw the starts from, such as x=-2:2",
        PROBLEM,
        "NAME=LOW:HIGH",
        reads="bounds",
        shown="the problem's own",
    ),
]
Starts = Annotated[
    int,
    meta("number of random starts in the domain; 0: one run from the standard start", PROBLEM, "N", ge=0, le=10_000),
]
Tune = Annotated[bool, meta("try the same learning rates for every rule, and compare each at its best", TUNING)]
Rates = Annotated[
    Annotated[int, Meta(ge=2, le=1000)] | None,
    meta(
        "number of learning rates to try, evenly spaced on a log scale",
        TUNING,
        "N",
        words="a whole number from 2 to 1000",
        shown="30",
    ),
]
RateRange = Annotated[
    tuple[Positive, Positive] | None,
    meta(
        "smallest and largest learning rate to try",
        TUNING,
        "LOW:HIGH",
        words="two numbers greater than 0, such as 1e-5:10",
        reads="range",
        shown="1e-5:10",
    ),
]
RaceSteps = Annotated[
    int,
    meta(
        "maximum number of updates per run; a run also ends after N + 1 evaluations",
        STOPPING,
        "N",
        ge=1,
        le=10**7,
    ),
]
RaceTol = Annotated[
    float,
    meta(
        "goal: the loss is within this of the known minimum, or the gradient norm at most this if none is known",
        STOPPING,
        "NUMBER",
        ge=0,
    ),
]


class CompareSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``compare``: an objective, where to start, the update rules, and the conditions of the comparison."""

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
    """Median and quartiles over the starts (linear interpolation); null if not finite, or never reached."""

    median: float | None
    q1: float | None
    q3: float | None


RunStatus = Literal["reached", "max_steps", "diverged", "stalled", "interrupted"]


class RaceRun(Struct, frozen=True, kw_only=True):
    """One run of a comparison, from start number ``start`` to the state in which it ended.

    ``evaluations`` counts the evaluations of the loss and its gradient up to that state. "stalled": a step changed
    nothing, and no later step will. ``distance`` is the distance to the nearest known global minimum, null if none is
    known.
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
    """One learning rate in the tuning: how many starts reached the goal, and medians over all starts."""

    lr: float
    reached: int
    evaluations: Number
    loss: Number


class Tuning(Struct, frozen=True, kw_only=True):
    """The search for a learning rate on a logarithmic grid.

    A rate works when at least half of the starts reach the goal. ``lowest`` and ``highest`` are the ends of the
    contiguous range of working rates around the best one, and ``width`` is its length in decades; all three are null
    when no rate works.
    """

    best: float
    lowest: float | None
    highest: float | None
    width: float | None
    trials: list[RateTrial]


class LossCurve(Struct, frozen=True):
    """The median loss over the starts against the number of evaluations, at up to 60 states."""

    evaluations: list[int]
    loss: list[Number]


class Standing(Struct, frozen=True, kw_only=True):
    """How an optimizer did in a comparison. Optimizers that did equally well have the same rank.

    ``lr`` is null when it differs between starts. ``steps`` and ``evaluations`` count up to the goal, and are infinite
    for a run that did not reach it. ``share`` is the fraction of runs that reached a global minimum, null if none is
    known. ``cost`` counts all evaluations, including those of the tuning. ``batched``: its runs were computed as one
    batch.
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
    """The rules of a comparison: a run reaches the goal at the first state where ``goal`` is at most ``limit``.

    ``minimum`` is the loss at the known global minima of ``expression``. A run ends at the goal, when it diverges or
    stalls, or after ``evaluations`` evaluations. ``runs`` is the number of runs of each optimizer.
    """

    expression: str
    goal: Literal["loss", "gradient_norm"]
    limit: float
    minimum: float | None
    evaluations: int
    runs: int


class CompareResult(Record, frozen=True, kw_only=True):
    """The record of ``compare``: the standings, best first. Every optimizer starts from each of ``starts``."""

    command: Literal["compare"] = "compare"
    settings: CompareSettings
    status: Literal["ok", "interrupted"]
    message: str
    rules: RaceRules
    starts: list[dict[str, Nested]]
    standings: list[Standing]
    warnings: list[Notice] = []
