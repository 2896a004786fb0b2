"""The settings of ``predict`` checked: the model is read, and the columns of the data are those that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gdcli.contract.predict import PredictSettings
from gdcli.contract.regression import Model
from gdcli.data.reference import in_home
from gdcli.data.rows.given import GivenRows
from gdcli.data.rows.rows import open_rows
from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean, lookalike
from gdcli.regression.layout import Layout
from gdcli.unreadable import unreadable

if TYPE_CHECKING:
    from gdcli.data.rows.rows import Rows

_EXAMPLE = "gdcli predict model.json new.csv"
_TEXT_HINT = "the column '{column}' had numbers when the model was fitted"
_SHOWN = 8  # columns in a hint


class Task(NamedTuple):
    """A model with its transformations, and the rows to predict from."""

    model: Model
    layout: Layout
    rows: Rows | GivenRows


def complete_predict(
    settings: PredictSettings, model: Model | None = None, columns: Mapping[str, Any] | None = None
) -> PredictSettings:
    """The settings, with the model and the rows that they name, or those that are given.

    Raises:
        GdcliError: for a file that is no model, and data without the columns that it needs.
        OutsideError: for a file that cannot be read.
    """
    if model is not None:
        layout = msgspec.convert(model.design, Layout)
    elif settings.model:
        model, layout = _model(settings.model)
    else:
        raise GdcliError("usage", "predict needs a model", f"for example: {_EXAMPLE}")
    rows = _rows(settings) if columns is None else GivenRows(columns, _TEXT_HINT)
    return settings.opening(_task(settings, model, layout, rows))


def _rows(settings: PredictSettings) -> Rows:
    if not settings.data:
        hint = f"{_EXAMPLE}, or - for standard input"
        raise GdcliError("usage", "predict needs data to predict from", hint)
    return open_rows(settings.data, _TEXT_HINT)


def _task(settings: PredictSettings, model: Model, layout: Layout, rows: Rows | GivenRows) -> Task:
    for name in _needed(layout):
        if name not in rows.columns:
            raise _no_column(name, rows, f"{rows.name} has no column '{name}', which the model needs")
    for name in settings.keep:
        if name not in rows.columns:
            raise _no_column(name, rows, f"{rows.name} has no column '{name}' (--keep)")
        if name == heading(model):
            raise GdcliError(
                "columns", f"the predictions are called '{name}' too", f"rename it, or use --keep without '{name}'"
            )
    if settings.missing is not None:
        layout = msgspec.structs.replace(layout, missing=settings.missing)
    return Task(model, layout, rows)


def heading(model: Model) -> str:
    """The name of the column of predictions; of classes that are texts, it names the one that is meant."""
    if model.model != "logistic":
        return "prediction"
    levels = model.design.get("target_levels")
    return f"probability of {levels[1]}" if isinstance(levels, list | tuple) and len(levels) == 2 else "probability"


def _needed(layout: Layout) -> list[str]:
    """The columns that a model reads."""
    return [name for name in (*layout.numbers, *layout.texts) if name != layout.target]


def _no_column(name: str, rows: Rows | GivenRows, message: str) -> GdcliError:
    others = [column for column in rows.columns if column.strip().lower() == name.strip().lower()]
    shown = ", ".join(rows.columns[:_SHOWN]) + (", ..." if len(rows.columns) > _SHOWN else "")
    meant = f"did you mean '{others[0]}'?" if others else lookalike(name, rows.columns)
    meant = meant or did_you_mean(name, rows.columns)
    renamed = f" Rename it to '{name}' in the first line of the data" if meant and "needs" in message else ""
    return GdcliError("columns", message, f"{meant}{renamed}" if meant else f"its columns are {shown}")


def _model(path: str) -> tuple[Model, Layout]:
    place = in_home(path)
    try:
        text = Path(place).read_bytes()
    except (OSError, ValueError) as error:
        cause = error if isinstance(error, OSError) else OSError(0, str(error))  # a null in the name
        raise unreadable("model", path, place, cause, (".json",)) from error
    hint = "a model is written by gdcli fit-linear data.csv --target y --save-model model.json"
    try:
        model = msgspec.json.decode(text, type=Model)
        layout = msgspec.convert(model.design, Layout)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise GdcliError("model", f"{path} is not a model: {error}", hint) from error
    if len(model.w) != len(layout.terms):
        message = f"{path} is not a model: it has {len(model.w)} weights for {len(layout.terms)} features"
        raise GdcliError("model", message, hint)
    return model, layout
