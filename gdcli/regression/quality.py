"""How well coefficients fit the rows: loss, R2 and the size of the residuals, in float64, in one pass over the data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from gdcli.contract.regression import Quality, RegressionSettings
from gdcli.regression.design import Design
from gdcli.regression.sample import EACH, predictions


def qualities(settings: RegressionSettings, design: Design, points: Sequence[Sequence[float]]) -> list[Quality]:
    """How good each of some points is: coefficients of the descent, the intercept first where there is one.

    R2 is 1 less the sum of squared residuals over that about the mean (about 0 without an intercept); its adjusted form
    divides both by their degrees of freedom. Of a logistic regression, only the loss is known.
    """
    coefficients = torch.tensor(points, dtype=torch.float64)
    losses, squares = (torch.zeros(len(points), dtype=torch.float64) for _ in range(2))
    about, center = 0.0, design.layout.target_mean
    for X, y in design.batches():  # noqa: N806
        predicted = predictions(settings, X, coefficients)
        losses += EACH[settings.loss](predicted, y.expand_as(predicted)).sum(1)
        squares += (predicted - y).square().sum(1)
        about += (y - center).square().sum().item()
    n, k = design.sample.rows, len(design.names)
    weights = coefficients[:, 1:] if settings.intercept else coefficients
    penalties = settings.l2 * weights.square().sum(1) + settings.l1 * weights.abs().sum(1)
    shown = (losses if settings.loss == "sum" else losses / n) + penalties
    if settings.loss == "logistic":
        return [Quality(loss=loss, r2=None, adjusted_r2=None, rmse=None, residual_sd=None) for loss in shown.tolist()]
    found = []
    for loss, residual in zip(shown.tolist(), squares.tolist(), strict=True):
        free = n - k
        r2 = 1 - residual / about if about else None
        total = (n - int(settings.intercept)) / free if free > 0 else None
        found.append(
            Quality(
                loss=loss,
                r2=r2,
                adjusted_r2=None if r2 is None or total is None else 1 - (1 - r2) * total,
                rmse=math.sqrt(residual / n),
                residual_sd=math.sqrt(residual / free) if free > 0 else None,
            )
        )
    return found
