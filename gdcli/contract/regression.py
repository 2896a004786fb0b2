"""``fit-linear`` with data from files: its settings, its record, and the model that it saves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct
from msgspec.structs import fields

from gdcli.contract.descent import (
    ClipNorm,
    ClipValue,
    Dampening,
    DescentStatus,
    Diagnose,
    LrFactor,
    Momentum,
    Nesterov,
    Opt,
    Optimizer,
    Sched,
    Schedule,
    Tol,
    TolGrad,
    TolLoss,
    TolX,
    Until,
    WeightDecay,
)
from gdcli.contract.diagnosis import Finding
from gdcli.contract.envelope import Notice
from gdcli.contract.fields import NUMBERS, RULE, STOPPING, Device, Dtype, NonNegative, Number, Seed, meta
from gdcli.contract.shown import Shown

DATA, MODEL = "Data", "Model"
_WHOLE = "a whole number of at least 1"
Count = Annotated[int, Meta(ge=1)]

Files = Annotated[
    list[str],
    meta("files of data: CSV, TSV, JSON lines, Parquet, a folder, or - for stdin", DATA, "FILE", reads="files"),
]
Target = Annotated[str, meta("column to predict", DATA, "COLUMN")]
Features = Annotated[
    list[str], meta("columns to predict from; all others by default", DATA, "COLUMNS", reads="columns")
]
Exclude = Annotated[list[str], meta("columns to leave out", DATA, "COLUMNS", reads="columns")]
Feature = Annotated[list[str], meta('a feature as an expression of columns, such as "log(area)"', DATA, "EXPR")]
Poly = Annotated[
    dict[str, Count],
    meta(
        "powers of a column up to DEGREE",
        DATA,
        "COLUMN:DEGREE",
        words="degrees of at least 1, each with its column",
        reads="degrees",
    ),
]
Categorical = Annotated[list[str], meta("columns of categories, one-hot encoded", DATA, "COLUMNS", reads="columns")]
Missing = Annotated[Literal["error", "drop", "mean"], meta("what to do about missing values", DATA)]
InMemory = Annotated[Literal["auto", "yes", "no"], meta("whether the data are kept in memory", DATA)]
Validate = Annotated[
    Annotated[float, Meta(gt=0, lt=1)] | None,
    meta("share of the rows that is kept apart for validation", DATA, "SHARE", words="a number between 0 and 1"),
]
Intercept = Annotated[bool, meta("fit an intercept", MODEL)]
Standardize = Annotated[bool, meta("standardize the features before the descent", MODEL)]
LossName = Literal["mse", "sum", "half-mse", "mae", "huber", "logistic"]
QUADRATIC: frozenset[LossName] = frozenset(["mse", "sum", "half-mse"])
HUBER_DELTA = 1.0  # that of torch.nn.HuberLoss
Loss = Annotated[LossName, meta("loss over the rows", MODEL)]
L2 = Annotated[float, meta("add L2 * sum(w**2) to the loss", MODEL, "NUMBER", shown="0", ge=0)]
L1 = Annotated[float, meta("add L1 * sum(|w|) to the loss (proximal gradient)", MODEL, "NUMBER", shown="0", ge=0)]
Init = Annotated[
    dict[str, float],
    meta(
        "start of a coefficient, in the units of the data; others start at 0",
        MODEL,
        "NAME=VALUE",
        words="numbers, each with its coefficient",
        reads="pairs",
    ),
]
BatchSize = Annotated[
    Count | None,
    meta("rows of a batch; all rows by default", RULE, "N", words=_WHOLE, shown="all rows"),
]
Shuffle = Annotated[bool, meta("draw the rows of each epoch in random order; else in that of the file", RULE)]
Epochs = Annotated[
    Annotated[int, Meta(ge=0, le=10**12)] | None,
    meta("passes over the rows", RULE, "N", words="a whole number of at least 0", shown="100"),
]
MostSteps = Annotated[
    Annotated[int, Meta(ge=0, le=10**12)] | None,
    meta("in place of --epochs", RULE, "N", words="a whole number of at least 0"),
]
RateOfFit = Annotated[
    NonNegative | Literal["auto"] | None,
    meta(
        "auto in place of 0.1",
        RULE,
        "NUMBER|auto",
        words="a number of at least 0, or auto",
    ),
]
Patience = Annotated[
    Count | None,
    meta(
        "with --validate, stop after N epochs without a smaller validation loss",
        STOPPING,
        "N",
        words=_WHOLE,
        shown="10",
    ),
]
Per = Annotated[Literal["epoch", "step"], meta("what a row of the table is", NUMBERS)]


class DataSource(Struct, frozen=True, kw_only=True, dict=True):
    """What identifies the data of a run: the number of their rows (null before they are read), and a SHA-256.

    ``table`` is what reads them, once they have been opened; no record has it.
    """

    rows: int | None = None
    sha256: str

    @classmethod
    def of(cls, table: Any, sha256: str, rows: int | None) -> DataSource:
        """The source of data that have been opened."""
        found = cls(rows=rows, sha256=sha256)
        found.__dict__["table"] = table
        return found

    @property
    def table(self) -> Any:
        """What reads the data; None before they were opened."""
        return self.__dict__.get("table")


SourceOfData = Annotated[DataSource | UnsetType, meta("what the data of a record were", DATA)]


class RegressionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``fit-linear`` with data: the columns, the model, its loss, an update rule, and when to stop."""

    data: Files = []
    target: Target = ""
    features: Features = []
    exclude: Exclude = []
    feature: Feature = []
    poly: Poly = {}
    categorical: Categorical = []
    missing: Missing = "error"
    in_memory: InMemory = "auto"
    validate: Validate = None
    intercept: Intercept = True
    standardize: Standardize = True
    loss: Loss = "mse"
    l2: L2 = 0.0
    l1: L1 = 0.0
    init: Init = {}
    batch_size: BatchSize = None
    shuffle: Shuffle = True
    epochs: Epochs = None
    steps: MostSteps = None
    optimizer: Optimizer = "manual"
    lr: RateOfFit = None
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
    tol_grad: TolGrad = None
    tol_loss: TolLoss = None
    tol_x: TolX = None
    tol: Tol = "any"
    until: Until = None
    patience: Patience = None
    per: Per = "epoch"
    diagnose: Diagnose = True
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"
    source: SourceOfData = UNSET


class Row(Struct, frozen=True, gc=False, omit_defaults=True):
    """An epoch, or with ``per`` a step: ``iteration`` is the number of updates before it.

    ``loss`` is the mean over the samples of the epoch as they were evaluated (of a step, that of its batch), with the
    penalties; ``gradient`` is the norm of the last gradient. ``values`` are the coefficients that move (``w`` in the
    order of ``coefficients``, and ``b``), of standardized features where they are standardized.
    """

    iteration: int
    epoch: int
    loss: Number
    gradient: Number
    lr: Number
    values: dict[str, float | list[float]]
    validation: Number | UnsetType = UNSET


def coefficients_of(row: Row) -> list[float]:
    """The coefficients of a row as the descent has them, the intercept first: in the order of the record."""
    found: list[float] = []
    for name in ("b", "w"):
        value = row.values.get(name, [])
        found += value if isinstance(value, list) else [value]
    return found


class Coefficient(Struct, frozen=True, kw_only=True):
    """A coefficient in the units of the data, and of standardized features.

    ``digits`` is the number of digits in which ``value`` agrees with ``exact``: -log10 of the relative error.
    """

    name: str
    value: Number
    exact: Number | None
    digits: Number | None
    standard_error: Number | None
    standardized: Number
    exact_standardized: Number | None


class Quality(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How well coefficients fit the rows; ``residual_sd`` divides by ``rows`` less the number of coefficients.

    Of a logistic regression, ``accuracy`` is the share of the rows whose class is the more probable one, and
    ``deviance`` twice the sum of the losses of the rows, without penalties.
    """

    loss: Number
    r2: Number | None
    adjusted_r2: Number | None
    rmse: Number | None
    residual_sd: Number | None
    accuracy: Number | None = None
    deviance: Number | None = None


class Conditioning(Struct, frozen=True, kw_only=True):
    """The condition number of the Hessian of the loss, with raw and with standardized features; its extremes.

    ``largest`` and ``smallest`` are the eigenvalues for the features as the descent has them, or of a bound of the
    Hessian; below ``rate`` = 2 / largest plain descent converges. ``steps_by_theory`` is the number of full-batch steps
    with ``lr`` after which any error is ``accuracy`` times as large, ``steps_by_simulation`` that after which the
    coefficients are within ``accuracy`` of the exact ones, as a simulation of the descent counts them.
    """

    raw: Number | None
    standardized: Number | None
    largest: Number
    smallest: Number
    rate: Number | None
    lr: Number
    accuracy: float
    steps_by_theory: Number | None
    steps_by_simulation: int | None


class Column(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A column of the data: its ``mean`` and ``scale`` (population standard deviation), or its ``levels``.

    ``dropped`` is the level that has no coefficient; ``missing`` counts the cells without a value.
    """

    name: str
    mean: float | None = None
    scale: float | None = None
    levels: list[str] = []
    dropped: str | None = None
    missing: int = 0


class RegressionResult(Shown, frozen=True, kw_only=True):
    """The record of ``fit-linear`` with data. ``result`` is the row after the last update, of all rows of the data.

    After an early stop it is that of the coefficients with the smallest validation loss, to which the run goes back.
    ``best`` is the row with the smallest validation loss, or without validation the smallest loss.

    ``exact`` says by which method the exact answer was found, or why there is none. ``validation_quality`` is that of
    the rows that are kept apart, without penalties; R2 is about the mean of their targets.
    """

    command: Literal["fit-linear"] = "fit-linear"
    settings: RegressionSettings
    status: DescentStatus | Literal["early_stopped"]
    message: str
    rows: int
    dropped: int = 0
    columns: list[Column]
    iterations: list[Row]
    result: Row
    best: Row
    evaluations: int
    coefficients: list[Coefficient]
    quality: Quality
    exact_quality: Quality | None
    validation_quality: Quality | None = None
    exact_validation_quality: Quality | None = None
    exact: str
    conditioning: Conditioning | None
    diagnosis: list[Finding] = []
    warnings: list[Notice] = []


class Model(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fitted model as ``--save-model`` writes it: the transformations (``design``) and the coefficients.

    ``coefficients`` are those of the data, for people; ``w`` and ``b`` belong to the columns that the design makes, and
    predictions are made of them: powers of numbers far from 0 would cost digits.
    """

    gdcli: str
    model: Literal["linear", "logistic"]
    target: str
    design: dict[str, object]
    coefficients: dict[str, float]
    w: list[float]
    b: float


class RowLine(Row, frozen=True, omit_defaults=True, tag_field="record", tag="row"):
    """A line of ``--jsonl`` for an epoch or a step."""


_NOT_AT_THE_END = frozenset(["gdcli", "schema", "command", "settings", "iterations"])
RegressionLine = defstruct(
    "RegressionLine",
    [(f.name, f.type, f.default) for f in fields(RegressionResult) if f.name not in _NOT_AT_THE_END],
    namespace={"__doc__": "The last line of ``--jsonl``: the fields of the record that are known at the end."},
    frozen=True,
    kw_only=True,
    tag_field="record",
    tag="result",
)
