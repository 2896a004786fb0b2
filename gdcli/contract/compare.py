"""``compare``: its settings and its record."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct

from gdcli.contract.descent import Bound, ClipNorm, ClipValue
from gdcli.contract.envelope import Notice
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
from gdcli.contract.shown import Shown
from gdcli.contract.sources import Sources

TUNING = "Tuning"
Racers = Annotated[
    list[str],
    meta(
        "update rules to compare (gdcli optimizers), or package.module:Class, whose code is run",
        RULE,
        "NAMES",
        words="a list of optimizer names",
        reads="list",
        shown="sgd,manual-momentum,adam,lbfgs",
    ),
]
RacersWithParameters = Annotated[
    list[str],
    meta(
        'one more rule, with parameters, such as "sgd momentum=0.9 lr=0.01"; may be repeated',
        RULE,
        '"NAME PARAMETER=VALUE ..."',
    ),
]
RacerLr = Annotated[
    NonNegative | Literal["auto"] | list[NonNegative] | None,
    meta(
        "learning rate, not tuned; several: a run for each, of manual unless rules are named; auto: by the curvature",
        RULE,
        "NUMBER[,NUMBER...]|auto",
        words="a number of at least 0, several such as 0.01,0.1,1, or auto",
        reads="rates",
        shown="tuned",
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
Tune = Annotated[
    bool | None,
    meta("try the same learning rates for every rule, and compare each at its best; or take each rule's own", TUNING),
]
Rates = Annotated[
    Annotated[int, Meta(ge=2, le=1000)] | None,
    meta(
        "number of learning rates to try, evenly spaced on a log scale, instead of 1, 2, 3 and 5 times powers of 10",
        TUNING,
        "N",
        words="a whole number from 2 to 1000",
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
RaceUntil = Annotated[
    float | None, meta("goal: a loss of at most this, in the place of --tol", STOPPING, "LOSS", words="a number")
]


class CompareSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``compare``: an objective, where to start, the update rules, and the conditions of the comparison."""

    expression: Objective = ""
    values: Values = {}
    sources: Sources = UNSET
    wrt: Wrt = []
    dim: Dim = None
    starts: Starts = 0
    domain: Domain = {}
    optimizer: Racers = []
    racer: RacersWithParameters = []
    lr: RacerLr = None
    opt: RacerOpt = {}
    clip_norm: ClipNorm = None
    clip_value: ClipValue = None
    bound: Bound = {}
    tune: Tune = None
    rates: Rates = None
    rate_range: RateRange = None
    steps: RaceSteps = 500
    tol: RaceTol = 1e-4
    until: RaceUntil = None
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class Spread(Struct, frozen=True):
    """Median and quartiles over the starts (linear interpolation); null if not finite, or never reached."""

    median: float | None
    q1: float | None
    q3: float | None


RunStatus = Literal["reached", "max_steps", "diverged", "stalled", "stationary", "interrupted"]


class RaceRun(Struct, frozen=True, kw_only=True):
    """One run of a comparison, from start number ``start`` to the state in which it ended.

    ``evaluations`` counts the evaluations of the loss and its gradient up to that state. "stalled": a step changed
    nothing, and no later step will. "stationary": the gradient is as small as the goal asks, but the point is not a
    minimum, or the loss is larger than at the start. ``distance`` is the distance to the nearest known global minimum,
    null if none is known.
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
    """One learning rate in the tuning: how many runs reached the goal and diverged, and medians over all starts."""

    lr: float
    reached: int
    diverged: int
    evaluations: Number
    loss: Number


class Tuning(Struct, frozen=True, kw_only=True):
    """The search for a learning rate on a logarithmic grid.

    A rate works when at least half of the starts reach the goal. ``working`` are all rates that work, as ranges: the
    lowest and the highest of rates that follow each other on the grid. ``width`` is how many decades the ranges cover
    together, null when no rate works.
    """

    best: float
    working: list[tuple[float, float]]
    width: float | None
    trials: list[RateTrial]


class LossCurve(Struct, frozen=True):
    """The median loss over the starts against the number of evaluations, at up to 60 states."""

    evaluations: list[int]
    loss: list[Number]


class Standing(Struct, frozen=True, kw_only=True):
    """How an optimizer did in a comparison. Optimizers that did equally well have the same rank.

    ``label`` tells it from the others: the name of the rule, and what it needs of its parameters and its rate.
    ``parameters`` are all but the rate. ``lr`` is null when it differs between starts. ``steps`` and ``evaluations``
    count up to the goal, and are infinite for a run that did not reach it. ``share`` is the fraction of runs that
    reached a global minimum, null if none is known. ``cost`` counts all evaluations, including those of the tuning.
    ``batched``: its runs were computed as one batch.
    """

    rank: int
    label: str
    optimizer: str
    parameters: dict[str, Option]
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

    ``minimum`` is the loss at the known global minima of ``expression`` in ``domain``, the box in which they are known:
    a state outside it does not reach the goal. Without a known minimum, where ``judged`` (not for an expression that
    draws random numbers), the loss must not fall beside the state, nor be larger than at the start. A run ends at the
    goal, when it diverges or stalls, or after ``evaluations`` evaluations. ``rates`` are those that are tried for an
    optimizer that is tuned, and ``runs`` is the number of runs that it takes; the others take one from each start.
    """

    expression: str
    goal: Literal["loss", "gradient_norm"]
    limit: float
    minimum: float | None
    domain: dict[str, tuple[float, float]] | None
    judged: bool
    evaluations: int
    rates: list[float]
    runs: int


class Winner(Struct, frozen=True, kw_only=True):
    """The run of the best optimizer from the first start, as a command that makes it again alone.

    ``words`` are its parts, each an option with its value, as a shell reads them. ``loss`` is where that command ends
    after ``steps`` steps: it was run. It differs from the run of the race where
    PyTorch computes an operation otherwise for many runs than for one.
    """

    label: str
    command: str
    words: list[str]
    steps: int
    loss: Number


class CompareResult(Shown, frozen=True, kw_only=True):
    """The record of ``compare``: the standings, best first. Every optimizer starts from each of ``starts``.

    ``winner`` is null where the first start is too long for a command.
    """

    command: Literal["compare"] = "compare"
    settings: CompareSettings
    status: Literal["ok", "interrupted"]
    message: str
    rules: RaceRules
    starts: list[dict[str, Nested]]
    standings: list[Standing]
    winner: Winner | None
    warnings: list[Notice] = []
