"""How well coefficients fit the rows: loss, R2 and the size of the residuals, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gdcli.contract.regression import Quality, RegressionSettings
from gdcli.regression.design import Design
from gdcli.regression.exact import Exact
from gdcli.regression.learn import Gather, alone
from gdcli.regression.losses import LOSSES
from gdcli.regression.qr import Factor
from gdcli.regression.sample import EACH, predictions
from gdcli.regression.solve import share_of_row
from gdcli.regression.statistics import fit, residual_of


class Point:
    """Coefficients of the descent, ``w`` and ``b``, in plain numbers; ``residual`` where it is known."""

    def __init__(self, w: Sequence[float], b: float, residual: float | None = None) -> None:
        self.w, self.b, self.residual = list(w), b, residual

    @classmethod
    def of(cls, exact: Exact) -> Point:
        """The exact answer."""
        return cls(exact.w, exact.b, exact.residual)


def qualities(
    settings: RegressionSettings,
    design: Design,
    found: Factor | None,
    points: Sequence[Point],
    gather: Gather = alone,
) -> list[Quality]:
    """How good each of some points is.

    R2 is 1 less the sum of squared residuals over that about the mean (about 0 without an intercept); its adjusted form
    divides both by their degrees of freedom. Of a logistic regression, only the loss is known. Squares of residuals
    come from the factor of the rows; another loss takes one pass over them.
    """
    squares = [_residual(design, found, point) for point in points]
    if LOSSES[settings.loss].is_quadratic and found is not None:
        share = share_of_row(settings.loss, found)
        losses = [share * (square or 0.0) for square in squares]
    else:
        losses = _losses(settings, design, points, gather)
    made = []
    for point, loss, square in zip(points, losses, squares, strict=True):
        penalty = settings.l2 * sum(x * x for x in point.w) + settings.l1 * sum(map(abs, point.w))
        if settings.loss == "logistic" or found is None or square is None:
            made.append(Quality(loss=loss + penalty, r2=None, adjusted_r2=None, rmse=None, residual_sd=None))
            continue
        known = fit(found, square)
        made.append(
            Quality(
                loss=loss + penalty,
                r2=known.r2,
                adjusted_r2=known.adjusted_r2,
                rmse=known.rmse,
                residual_sd=known.residual_sd,
            )
        )
    return made


def _residual(design: Design, found: Factor | None, point: Point) -> float | None:
    """The sum of squares of the residuals; None where it is not known, or not finite."""
    if point.residual is not None or found is None:
        return point.residual
    if not torch.tensor([*point.w, point.b]).isfinite().all():
        return None
    return residual_of(design, found, point.w, point.b)


def _losses(settings: RegressionSettings, design: Design, points: Sequence[Point], gather: Gather) -> list[float]:
    """The loss of each point without its penalties, in one pass over the rows."""
    lead = [[point.b] if settings.intercept else [] for point in points]
    coefficients = torch.tensor([[*b, *point.w] for b, point in zip(lead, points, strict=True)], dtype=torch.float64)
    total = torch.zeros(len(points), dtype=torch.float64)
    for X, y in design.batches():  # noqa: N806
        predicted = predictions(settings, X, coefficients)
        total += EACH[settings.loss](predicted, y.expand_as(predicted)).sum(1)
    total = torch.stack(gather(total)).sum(0)
    found: list[float] = (total if settings.loss == "sum" else total / design.sample.rows).tolist()
    return found
