"""``predict``: its settings, and its record."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Struct, defstruct
from msgspec.structs import fields

from gdcli.contract.envelope import Notice
from gdcli.contract.fields import Number, meta
from gdcli.contract.regression import DATA, Files
from gdcli.contract.shown import Shown

ModelFile = Annotated[str, meta("file of a model, written by gdcli fit-linear --save-model", DATA, "MODEL")]
Keep = Annotated[list[str], meta("columns to print beside the predictions", DATA, "COLUMNS", reads="columns")]
MissingOrModel = Annotated[
    Literal["error", "drop", "mean"] | None,
    meta(
        "missing values: error, no prediction (drop), or the mean of the fit",
        DATA,
        "error|drop|mean",
        words="error, drop or mean",
        shown="that of the fit",
    ),
]


class PredictSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Settings of ``predict``: a saved model, and the data to predict from.

    ``opened`` is both, once they have been looked at; no record has it.
    """

    model: ModelFile = ""
    data: Files = []
    keep: Keep = []
    missing: MissingOrModel = None

    @property
    def opened(self) -> Any:
        """The model and the rows; None before they were opened."""
        return self.__dict__.get("opened")

    def opening(self, opened: Any) -> PredictSettings:
        """These settings, with the model and the rows."""
        self.__dict__["opened"] = opened
        return self


class Prediction(Struct, frozen=True, gc=False, omit_defaults=True):
    """What a model predicts for a row, which is counted from 1; None for one with a missing value.

    ``kept`` are the cells of the columns that ``keep`` names.
    """

    row: int
    prediction: Number | None
    kept: dict[str, str] = {}


class PredictResult(Shown, frozen=True, kw_only=True):
    """The record of ``predict``. ``predicts`` says what the numbers are; ``missing`` counts rows that have none."""

    command: Literal["predict"] = "predict"
    settings: PredictSettings
    status: Literal["ok"] = "ok"
    message: str
    target: str
    predicts: str
    rows: int
    missing: int
    predictions: list[Prediction]
    warnings: list[Notice] = []


class PredictionLine(Prediction, frozen=True, omit_defaults=True, tag_field="record", tag="prediction"):
    """A line of ``--jsonl`` for a row."""


_NOT_AT_THE_END = frozenset(["gdcli", "schema", "command", "settings", "predictions"])
PredictLine = defstruct(
    "PredictLine",
    [(f.name, f.type, f.default) for f in fields(PredictResult) if f.name not in _NOT_AT_THE_END],
    namespace={"__doc__": "The last line of ``--jsonl``: the fields of the record that are known at the end."},
    frozen=True,
    kw_only=True,
    tag_field="record",
    tag="result",
)
