"""A fitted model: what is saved of it, and its predictions for rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch

from gdcli.complete.predict import Task, heading
from gdcli.contract.envelope import Notice
from gdcli.contract.predict import Prediction, PredictResult, PredictSettings
from gdcli.contract.regression import Model, coefficients_of
from gdcli.errors import GdcliError
from gdcli.regression.design import NO_MEAN, READ, Design
from gdcli.version import __version__

if TYPE_CHECKING:
    from gdcli.data.rows.batch import Batch
    from gdcli.regression.fit import Fit


def model_of(fit: Fit) -> Model:
    """What predictions need of a regression that has ended.

    Raises:
        GdcliError: when the run diverged.
    """
    settings, design = fit.settings, fit.design
    point = coefficients_of(fit.final.row())
    w, b = (point[1:], point[0]) if settings.intercept else (point, 0.0)
    if fit.outcome.status == "diverged" or not all(map(math.isfinite, point)):
        message = "the run diverged, so there is no model to save"
        raise GdcliError("model", message, "use a smaller learning rate")
    return Model(
        gdcli=__version__,
        model="logistic" if settings.loss == "logistic" else "linear",
        target=settings.target,
        design=design.as_dict(),
        coefficients=dict(zip(design.names, design.to_units(w, b), strict=True)),
        w=w,
        b=b,
    )


class Predicted(NamedTuple):
    """The predictions for a batch of rows, and the cells that are printed beside them."""

    first: int
    numbers: list[float | None]
    kept: dict[str, list[str]]

    def each(self) -> Iterator[Prediction]:
        """The predictions one by one."""
        columns = list(self.kept.items())
        for i, number in enumerate(self.numbers):
            yield Prediction(self.first + i + 1, number, {name: cells[i] for name, cells in columns})


class Predictor:
    """Predicts, with the transformations of the fit, for batches of rows."""

    def __init__(self, settings: PredictSettings) -> None:
        self.task: Task = settings.opened
        self.settings = settings
        self.design = Design(self.task.layout)
        self.weights = torch.tensor(self.task.model.w, dtype=torch.float64)
        self.rows = self.missing = 0

    @property
    def header(self) -> list[str]:
        """The names of the columns that are kept, and of the predictions."""
        return [*self.settings.keep, heading(self.task.model)]

    @property
    def predicts(self) -> str:
        """What the predictions are, in words."""
        layout, model = self.task.layout, self.task.model
        if model.model == "linear":
            return model.target
        return f"probability that {model.target} is {layout.target_levels[1] if layout.target_levels else 1}"

    def batches(self) -> Iterator[Predicted]:
        """The predictions in the order of the rows; None for one with a missing value, unless it is filled in.

        Raises:
            GdcliError: for a missing value that is to be an error, and a category that the fit has not seen.
        """
        layout, keep = self.task.layout, self.settings.keep
        numbers = [name for name in layout.numbers if name != layout.target]
        texts = [name for name in layout.texts if name != layout.target]
        for batch in self.task.rows.batches(numbers, list(dict.fromkeys([*texts, *keep])), size=READ):
            found = self._numbers(batch)
            self.rows += batch.count
            self.missing += sum(number is None for number in found)
            yield Predicted(batch.first, found, {name: batch.texts[name] for name in keep})

    @property
    def notices(self) -> list[Notice]:
        """What to know about the predictions that were made."""
        if not self.missing:
            return []
        count = f"{self.missing:,} of {self.rows:,} rows"
        return [Notice("missing", f"{count} have a missing value, so they have no prediction")]

    def record(self, predictions: list[Prediction]) -> PredictResult:
        """The record, once all batches have been predicted."""
        return PredictResult(
            settings=self.settings,
            message=f"predictions of {self.predicts} for {self.rows:,} row{'s' * (self.rows != 1)}",
            target=self.task.model.target,
            predicts=self.predicts,
            rows=self.rows,
            missing=self.missing,
            predictions=predictions,
            warnings=self.notices,
        )

    def result(self) -> PredictResult:
        """Predict all rows and return the whole record."""
        return self.record([each for batch in self.batches() for each in batch.each()])

    def _numbers(self, batch: Batch) -> list[float | None]:
        try:
            columns, whole = self.design.transform(batch)
        except GdcliError as error:
            if error.code == "missing":
                has_mean = "--missing mean" in error.hint
                error.hint = "print no prediction for these rows with --missing drop"
                error.hint += ", or use the means of the fit with --missing mean" if has_mean else NO_MEAN
            raise
        found = columns @ self.weights + self.task.model.b
        listed: list[float] = (found.sigmoid() if self.task.model.model == "logistic" else found).tolist()
        if whole is None:
            return list(listed)
        numbers = iter(listed)
        return [next(numbers) if is_whole else None for is_whole in whole.tolist()]
