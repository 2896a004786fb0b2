"""The settings of ``fit-linear`` with data completed and checked."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Literal

from msgspec import UNSET
from msgspec.structs import replace

from gdcli.complete.rule import check_rule
from gdcli.contract.descent import FitLinearSettings
from gdcli.contract.regression import DataSource, RegressionSettings
from gdcli.data.rows.rows import open_rows
from gdcli.errors import GdcliError
from gdcli.regression.plan import INTERCEPT, Plan, no_coefficient, plan
from gdcli.rules.catalogue import RULES

if TYPE_CHECKING:
    from gdcli.data.rows.rows import Rows

EPOCHS = 100
PATIENCE = 10
_NOTEBOOK_RATE = 0.1  # of the rules for which 1 / curvature is the better default
_SHOWN = 8  # columns in a hint
_SHARED = [name for name in RegressionSettings.__struct_fields__ if name in FitLinearSettings.__struct_fields__]


def complete_regression(settings: RegressionSettings) -> RegressionSettings:
    """The settings with their defaults; their ``source`` has the data, whose columns have been looked at.

    Raises:
        GdcliError: for data without what the settings name, and options that do not go together.
        OutsideError: for data that cannot be read.
    """
    _check_together(settings)
    rows = data_of(settings)
    _check_target(settings, rows)
    planned = plan(settings, rows.columns, rows.name)
    _check_start(settings, planned)
    settings = replace(settings, **_defaults(settings), source=_source(settings, rows))
    check_rule(as_descent(settings), ["w", "b"] if settings.intercept else ["w"])
    return settings


def data_of(settings: RegressionSettings) -> Rows:
    """The data of the settings: opened once, when they are completed.

    Raises:
        GdcliError: for data without rows of columns.
        OutsideError: for data that cannot be read.
    """
    opened: Rows | None = None if settings.source is UNSET else settings.source.table
    return open_rows(settings.data) if opened is None else opened


def _source(settings: RegressionSettings, rows: Rows) -> DataSource:
    """What identifies the data.

    Raises:
        GdcliError: when the settings are those of a record of other data.
    """
    known = settings.source
    if known is not UNSET and known.sha256 != rows.sha256:
        message = f"{rows.name} is not the data of this record: its SHA-256 is {rows.sha256[:12]}..., not "
        message += f"{known.sha256[:12]}..."
        raise GdcliError("source", message, "leave out 'source' in the config to fit the data as they are now")
    return DataSource.of(rows, rows.sha256, None if known is UNSET else known.rows)


def as_descent(settings: RegressionSettings, **changes: Any) -> FitLinearSettings:
    """What the settings say of the update rule and of when to stop, as a descent has it."""
    shared = {name: getattr(settings, name) for name in _SHARED if name != "steps"}
    return FitLinearSettings(**{**shared, "steps": most_steps(settings), **changes})


def most_steps(settings: RegressionSettings) -> int:
    """The number of updates, or of epochs, whichever was asked for."""
    return next(n for n in (settings.steps, settings.epochs, EPOCHS) if n is not None)


def _defaults(settings: RegressionSettings) -> dict[str, Any]:
    """What is filled in where little is said."""
    found: dict[str, Any] = {"lr": _usual_rate(settings)}
    if settings.steps is None and settings.epochs is None:
        found["epochs"] = EPOCHS
    if settings.validate is not None and settings.patience is None:
        found["patience"] = PATIENCE
    return found


def _usual_rate(settings: RegressionSettings) -> float | Literal["auto"]:
    """The learning rate: the given one, or that of the rule; 1 / curvature where that is the notebook's."""
    if settings.lr is not None:
        return settings.lr
    row = RULES[settings.optimizer]
    if math.isnan(row.lr):
        if row.takes_lr:
            raise GdcliError("optimizer", f"{row.name} needs a learning rate", "for example: --lr 0.1")
        message = f"{row.name} takes no learning rate, and a fit to data has one"
        raise GdcliError("optimizer", message, "use another optimizer")
    return "auto" if row.lr == _NOTEBOOK_RATE and settings.loss != "mae" else row.lr


def _check_target(settings: RegressionSettings, rows: Rows) -> None:
    if settings.target:
        return
    shown = ", ".join(rows.columns[:_SHOWN]) + (", ..." if len(rows.columns) > _SHOWN else "")
    hint = f"write --target COLUMN; {rows.name} has the columns {shown}"
    raise GdcliError("columns", "the column to predict is not given", hint)


def _check_together(settings: RegressionSettings) -> None:
    """Raise GdcliError for options that contradict each other, or would have no effect."""
    s, row = settings, RULES[settings.optimizer]
    if s.epochs is not None and s.steps is not None:
        raise GdcliError("usage", "--epochs and --steps both say how long to go on", "keep one of them")
    if s.patience is not None and s.validate is None:
        raise GdcliError("usage", "--patience is about the validation loss, and there is none", "add --validate 0.2")
    if not s.shuffle and s.batch_size is None:
        message = "--no-shuffle is about the order of the rows in batches, and a batch has all rows"
        raise GdcliError("usage", message, "add --batch-size 32, or leave it out")
    if s.tol_grad is not None and s.batch_size is not None:
        message = "--tol-grad is about the gradient of all rows, and a step sees that of a batch"
        raise GdcliError("usage", message, "use --tol-loss or --tol-x, or leave out --batch-size")
    if s.lr == "auto" and s.loss == "mae":
        message = "--lr auto derives the learning rate from the curvature, and mae has none"
        raise GdcliError("lr", message, "give a number: --lr 0.1")
    if s.l1:
        if row.linear is None:
            names = [each.name for each in RULES.values() if each.linear is not None]
            message = f"--l1 makes a proximal step after the step of a rule, and {row.name} has none that goes with it"
            raise GdcliError("optimizer", message, f"use --optimizer {names[0]}; others are {', '.join(names[1:])}")
        if s.tol_grad is not None:
            message = "with --l1 the gradient of the loss is not 0 at the minimum, so --tol-grad would not end the run"
            raise GdcliError("usage", message, "use --tol-x 1e-6, or --tol-loss")
    if row.evaluates and s.batch_size is not None and s.optimizer != "lbfgs" and not row.path:
        message = f"{row.name} compares losses of all rows, and a batch has {s.batch_size:,} of them"
        raise GdcliError("optimizer", message, "leave out --batch-size, or use another optimizer")
    if s.loss == "logistic" and s.optimizer == "newton" and s.l1:
        raise GdcliError("optimizer", "newton has no proximal step", "leave out --l1")


def _check_start(settings: RegressionSettings, planned: Plan) -> None:
    """Raise GdcliError for a start of what is surely no coefficient, or is not finite."""
    known: Collection[str] = [*([INTERCEPT] if settings.intercept else []), *planned.features, *planned.expressions]
    for name, value in settings.init.items():
        if not math.isfinite(value):
            raise GdcliError("init", f"the start of '{name}' is not finite", f"for example: --init {name}=0")
        if name in known or planned.categorical or _is_power(name, planned.features):
            continue
        raise no_coefficient(name, known)


def _is_power(name: str, features: Collection[str]) -> bool:
    return name.rpartition("**")[0] in features
