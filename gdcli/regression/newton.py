"""The exact answer where the loss is no sum of squares: Newton's method, with QR of the weighted columns.

For the logistic loss this is iteratively reweighted least squares (P. J. Green 1984, "Iteratively reweighted least
squares for maximum likelihood estimation"). For the Huber loss it ends after finitely many steps (K. Madsen,
H. B. Nielsen 1990, "Finite algorithms for robust linear regression").
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import torch
from torch.nn import functional

from gdcli.contract.regression import HUBER_DELTA
from gdcli.regression.design import READ, Design
from gdcli.regression.exact import Answer, exact_of, not_unique, spreads
from gdcli.regression.learn import Gather, alone
from gdcli.regression.qr import Factor, chunks, dependent, matrix, solved, solved_transposed, triangle, with_ones

IRLS = "Newton's method (iteratively reweighted least squares)"
HUBER = "Newton's method"
_MOST = 100
_ROUNDING = 1e-9  # of a margin, relative to the largest

_TOLERANCE = 1e-14  # of the last step: what it leaves is of second order
_DAMPING = 1e-2
_SHARES = 2.0 ** torch.arange(-10, 11, dtype=torch.float64)  # of a damped step

Terms = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]
"""Of predictions and targets: the loss of each row, its slope against the prediction, its weight (the second
derivative), and one that is nowhere 0."""


class _Pass(NamedTuple):
    """What one pass finds at a point: the loss, its slope (shape (k,)), and the factor of the weighted columns.

    ``margins`` are the least and the largest margin of the rows along the last step.
    """

    loss: float
    slope: torch.Tensor
    factor: Factor
    margins: tuple[float, float]


def logistic_terms(
    prediction: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """``log(1 + exp(-p))`` of class 1, with the other sign of class 0 (``binary_cross_entropy_with_logits``)."""
    signed = torch.where(y > 0.5, prediction, -prediction)
    other = torch.sigmoid(-signed)  # the probability of the other class
    weight = other * torch.sigmoid(signed)
    return functional.softplus(-signed, threshold=1e9), torch.where(y > 0.5, other, -other), weight, weight


def huber_terms(delta: float) -> Terms:
    """``r**2/2`` up to delta, and ``delta (|r| - delta/2)`` beyond (``torch.nn.HuberLoss``)."""

    def terms(
        prediction: torch.Tensor, y: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        r = y - prediction
        size = r.abs()
        inside = size <= delta
        loss = torch.where(inside, r * r / 2, delta * (size - delta / 2))
        return loss, r.clamp(-delta, delta), inside.double(), delta / size.clamp(min=delta)

    return terms


def logistic(
    design: Design, found: Factor, penalty: float = 0.0, share: tuple[int, int] = (0, 1), gather: Gather = alone
) -> Answer:
    """The minimum of ``sum of losses + penalty * sum(w**2)``. Each step is a pass over the rows of the share."""
    if without := not_unique(design, found, penalty):
        return Answer(found, None, without)
    look = _Look(design, logistic_terms, penalty, share, gather)
    ended = _minimum(look, torch.zeros(found.coefficients, dtype=torch.float64), watches_margins=not penalty)
    if isinstance(ended, str):
        return Answer(found, None, ended)
    v, here = ended
    errors = None if penalty else spreads(design, here.factor.r).tolist()
    return Answer(found, exact_of(design, IRLS, _fractions(v), math.nan, errors))


def huber(
    design: Design, found: Factor, penalty: float = 0.0, share: tuple[int, int] = (0, 1), gather: Gather = alone
) -> Answer:
    """The minimum of ``sum of losses + penalty * sum(w**2)``. Each step is a pass over the rows of the share.

    It begins with a delta beyond most residuals, where the loss is next to a sum of squares, and halves it.
    """
    if without := not_unique(design, found, penalty):
        return Answer(found, None, without)
    v = solved(found.r, found.z)
    spread = 4 * found.rest / math.sqrt(found.rows)
    for halving in range(max(math.ceil(math.log2(max(spread, HUBER_DELTA) / HUBER_DELTA)), 0), -1, -1):
        look = _Look(design, huber_terms(HUBER_DELTA * 2.0**halving), penalty, share, gather)
        ended = _minimum(look, v, tolerance=1e-3 if halving else _TOLERANCE)
        if isinstance(ended, str):
            return Answer(found, None, ended)
        v = ended[0]
    return Answer(found, exact_of(design, HUBER, _fractions(v), found.residual(v)))


def _fractions(v: torch.Tensor) -> list[Fraction]:
    return [Fraction(number) for number in v.tolist()]


def _minimum(
    look: _Look, v: torch.Tensor, *, tolerance: float = _TOLERANCE, watches_margins: bool = False
) -> tuple[torch.Tensor, _Pass] | str:
    """Newton's method from ``v``: the point where it ends and what is known there, or why it does not end."""
    here = look(v, torch.zeros_like(v))
    for _ in range(_MOST):
        if watches_margins and here.margins[1] > 0 and here.margins[0] > -_ROUNDING * here.margins[1]:
            return _SEPARATED
        if dependent(here.factor, look.design.names) is None:
            step = _step(here)
            gain = float(here.slope @ step)
            there = look(v + step, step)
            is_last = gain <= 1e-13 * abs(here.loss)  # of such a gain, rounding decides whether it is seen
            if there.loss <= here.loss or is_last:
                norms = torch.linalg.vector_norm(here.factor.r, dim=0)
                changed = float((step * norms).norm() / (v * norms).norm().clamp(1e-300))
                v, here = v + step, there
                if changed < tolerance or gain <= 1e-26 * abs(here.loss):
                    return v, here
                continue
        here = look(v, torch.zeros_like(v), damping=_DAMPING)
        if dependent(here.factor, look.design.names) is not None:
            return _FLAT
        step = _step(here)
        if float(here.slope @ step) <= 1e-14 * abs(here.loss):  # a minimum, and not the only one
            return _FLAT
        step = step * look.best_share(v, step)
        v, here = v + step, look(v + step, step)
    return f"Newton's method did not converge in {_MOST} steps"


_FLAT = "the loss is flat along a combination of the columns, so many answers are equally good"
_SEPARATED = (
    "a combination of the columns separates the two classes, so that the coefficients grow without bound; "
    "with --l2 there is an answer"
)


def _step(here: _Pass) -> torch.Tensor:
    """Newton's step, by the triangular factor of the weighted columns."""
    return solved(here.factor.r, solved_transposed(here.factor.r, here.slope))


class _Look:
    """Computes what a step needs at a point."""

    def __init__(self, design: Design, terms: Terms, penalty: float, share: tuple[int, int], gather: Gather) -> None:
        self.design, self.terms, self.penalty, self.share, self.gather = design, terms, penalty, share, gather
        lead = int(design.layout.intercept)
        self.held = matrix(design.layout, "of_descent").high[lead:] * math.sqrt(2 * penalty) if penalty else None

    def __call__(self, v: torch.Tensor, step: torch.Tensor, *, damping: float = 0.0) -> _Pass:
        """One pass over the rows, at ``v``; ``step`` is the direction whose margins are measured."""
        parts = self.gather(self._local(v, step, damping=damping))
        slope, loss, least, most = torch.zeros_like(v), 0.0, math.inf, -math.inf
        for part in parts:
            slope, loss = slope + part.slope, loss + part.loss
            least, most = min(least, part.margins[0]), max(most, part.margins[1])
        blocks = [part.factor.r for part in parts]
        if self.held is not None:
            penal = self.held @ v
            slope, loss = slope - self.held.T @ penal, loss + float(penal @ penal) / 2
            blocks.append(self.held)
        whole = parts[0].factor._replace(r=triangle(torch.cat(blocks)), rows=sum(part.factor.rows for part in parts))
        return _Pass(loss, slope, whole, (least, most))

    def best_share(self, v: torch.Tensor, step: torch.Tensor) -> float:
        """The share of a step, from 2**-10 to 2**10, with the smallest loss: one pass over the rows."""
        design = self.design
        losses = torch.zeros_like(_SHARES)
        for values in design.values(READ, self.share):
            for bases, target in chunks(values.bases, values.y):
                columns = with_ones(design.centred(bases).high, intercept=design.layout.intercept)
                y = design.centred_target(target).high
                shown = (v @ columns)[None] + _SHARES[:, None] * (step @ columns)
                losses += self.terms(shown, y.expand_as(shown))[0].sum(1)
        losses = sum(self.gather(losses), torch.zeros_like(losses))
        if self.held is not None:
            penal = self.held @ (v[:, None] + step[:, None] * _SHARES)
            losses = losses + (penal * penal).sum(0) / 2
        return float(_SHARES[losses.argmin()])

    def _local(self, v: torch.Tensor, step: torch.Tensor, *, damping: float) -> _Pass:
        design, intercept = self.design, self.design.layout.intercept
        slope, loss, least, most, rows = torch.zeros_like(v), 0.0, math.inf, -math.inf, 0
        r = torch.zeros((0, len(v)), dtype=torch.float64)
        for values in design.values(READ, self.share):
            for bases, target in chunks(values.bases, values.y):
                columns = with_ones(design.centred(bases).high, intercept=intercept)
                y = design.centred_target(target).high
                losses, slopes, weights, nowhere_zero = self.terms(v @ columns, y)
                weights = weights + damping * nowhere_zero
                slope = slope + columns @ slopes
                loss += float(losses.sum())
                margin = torch.where(y > 0.5, step @ columns, -(step @ columns))
                least, most = min(least, float(margin.min())), max(most, float(margin.max()))
                r = triangle(torch.cat([r, (columns * weights.sqrt()).T]))
                rows += len(y)
        found = Factor(r, torch.zeros_like(v), 0.0, rows, intercept)
        return _Pass(loss, slope, found, (least, most))
