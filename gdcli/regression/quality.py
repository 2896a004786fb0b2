"""How well coefficients fit the rows: loss, R2 and the size of the residuals, in float64."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from msgspec.structs import replace

from gdcli.contract.regression import Quality, RegressionSettings
from gdcli.regression.design import Design
from gdcli.regression.exact import Exact
from gdcli.regression.learn import Gather, alone
from gdcli.regression.losses import LOSSES
from gdcli.regression.moments import Moments
from gdcli.regression.qr import Factor
from gdcli.regression.sample import EACH, predictions
from gdcli.regression.solve import share_of_row
from gdcli.regression.statistics import fit, residual_of

if TYPE_CHECKING:
    from gdcli.regression.design import Part


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
    divides both by their degrees of freedom. A logistic regression has no residuals. Squares of them
    come from the factor of the rows; another loss takes one pass over them.
    """
    squares = [_residual(design, found, point) for point in points]
    if LOSSES[settings.loss].is_quadratic and found is not None:
        share = share_of_row(settings.loss, found)
        losses = [share * (square or 0.0) for square in squares]
        right: list[float] = []
    else:
        sums = _sums(settings, design, points, "fit", gather)
        losses = (sums.losses if settings.loss == "sum" else sums.losses / sums.rows).tolist()
        right = (sums.right / sums.rows).tolist()
    made = []
    for place, (point, loss, square) in enumerate(zip(points, losses, squares, strict=True)):
        penalty = settings.l2 * sum(x * x for x in point.w) + settings.l1 * sum(map(abs, point.w))
        if settings.loss == "logistic" or found is None or square is None:
            made.append(_without_residuals(settings, loss + penalty, loss, right[place:][:1], design.sample.rows))
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


def _without_residuals(
    settings: RegressionSettings, whole: float, loss: float, right: Sequence[float], rows: int
) -> Quality:
    """The quality where squares of residuals say nothing; of a logistic regression with its accuracy and deviance."""
    found = Quality(loss=whole, r2=None, adjusted_r2=None, rmse=None, residual_sd=None)
    if settings.loss != "logistic" or not right:
        return found
    return replace(found, accuracy=right[0], deviance=2 * rows * loss)


def qualities_apart(
    settings: RegressionSettings, design: Design, points: Sequence[Point], gather: Gather = alone
) -> list[Quality]:
    """How good some points are on the rows that are kept apart, without penalties, in one pass over them."""
    sums = _sums(settings, design, points, "apart", gather)
    losses = (sums.losses if settings.loss == "sum" else sums.losses / sums.rows).tolist()
    if settings.loss == "logistic":
        right = (sums.right / sums.rows).tolist()
        return [_without_residuals(settings, losses[k], losses[k], right[k:], sums.rows) for k in range(len(points))]
    r2s = [1 - square / sums.total if sums.total > 0 else None for square in sums.squares.tolist()]
    roots = (sums.squares / sums.rows).sqrt().tolist()
    return [
        Quality(loss=loss, r2=r2, adjusted_r2=None, rmse=rmse, residual_sd=None)
        for loss, r2, rmse in zip(losses, r2s, roots, strict=True)
    ]


def _residual(design: Design, found: Factor | None, point: Point) -> float | None:
    """The sum of squares of the residuals; None where it is not known, or not finite."""
    if point.residual is not None or found is None:
        return point.residual
    if not torch.tensor([*point.w, point.b]).isfinite().all():
        return None
    return residual_of(design, found, point.w, point.b)


class _Sums(NamedTuple):
    """Sums over rows, of each point: losses without penalties, squares of residuals, and rows of the right class.

    ``total`` is the sum of squares of the target about its mean.
    """

    losses: torch.Tensor
    squares: torch.Tensor
    right: torch.Tensor
    total: float
    rows: int


def _sums(settings: RegressionSettings, design: Design, points: Sequence[Point], part: Part, gather: Gather) -> _Sums:
    """What one pass over a part of the rows finds, of all processes together."""
    lead = [[point.b] if settings.intercept else [] for point in points]
    coefficients = torch.tensor([[*b, *point.w] for b, point in zip(lead, points, strict=True)], dtype=torch.float64)
    losses, squares, right = (torch.zeros(len(points), dtype=torch.float64) for _ in range(3))
    moments = Moments.none(1)
    for X, y in design.batches(part=part):  # noqa: N806
        predicted = predictions(settings, X, coefficients)
        losses += EACH[settings.loss](predicted, y.expand_as(predicted)).sum(1)
        squares += (predicted - y).square().sum(1)
        right += ((predicted > 0) == (y > 0.5)).sum(1)
        moments = moments.joined(Moments.of(y[None]))
    of_points, of_target = zip(*gather((torch.stack([losses, squares, right]), moments)), strict=True)
    losses, squares, right = torch.stack(of_points).sum(0)
    moments = functools.reduce(Moments.joined, of_target)
    return _Sums(losses, squares, right, float(moments.squares[0]), int(moments.counts[0]))
