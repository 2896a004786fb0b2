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

from gdcli.regression.design import READ, Design
from gdcli.regression.exact import Answer, Exact, exact_of, not_unique, spreads
from gdcli.regression.learn import Gather, alone
from gdcli.regression.qr import Factor, chunks, dependent, matrix, solved, solved_transposed, triangle, with_ones

IRLS = "Newton's method (iteratively reweighted least squares)"
HUBER_DELTA = 1.0  # that of torch.nn.HuberLoss
_MOST = 100
_ROUNDING = 1e-9  # of a margin, relative to the largest

Terms = Callable[[torch.Tensor, torch.Tensor, bool], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]
"""Of predictions and targets: the loss of each row, its slope against the prediction, and its weight.

The flag asks for the weights of a safe step: a quadratic with them is nowhere below the loss.
"""


class _Pass(NamedTuple):
    """What one pass finds at a point: the loss, its slope (shape (k,)), and the factor of the weighted columns.

    ``margins`` are the least and the largest margin of the rows along the last step.
    """

    loss: float
    slope: torch.Tensor
    factor: Factor
    margins: tuple[float, float]


def logistic_terms(
    prediction: torch.Tensor,
    y: torch.Tensor,
    safe: bool,  # noqa: FBT001, ARG001 -- Newton's own are safe enough
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``log(1 + exp(-p))`` of class 1, with the other sign of class 0 (``binary_cross_entropy_with_logits``)."""
    signed = torch.where(y > 0.5, prediction, -prediction)
    other = torch.sigmoid(-signed)  # the probability of the other class
    slope = torch.where(y > 0.5, other, -other)
    return torch.nn.functional.softplus(-signed, threshold=1e9), slope, other * torch.sigmoid(signed)


def huber_terms(
    prediction: torch.Tensor,
    y: torch.Tensor,
    safe: bool,  # noqa: FBT001 -- a flag of Terms
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``r**2/2`` up to delta, and ``delta (|r| - delta/2)`` beyond (``torch.nn.HuberLoss``)."""
    r = y - prediction
    size = r.abs()
    inside = size <= HUBER_DELTA
    loss = torch.where(inside, r * r / 2, HUBER_DELTA * (size - HUBER_DELTA / 2))
    weight = HUBER_DELTA / size.clamp(min=HUBER_DELTA) if safe else inside.double()
    return loss, r.clamp(-HUBER_DELTA, HUBER_DELTA), weight


def newton(
    design: Design,
    found: Factor,
    terms: Terms,
    penalty: float = 0.0,
    share: tuple[int, int] = (0, 1),
    gather: Gather = alone,
) -> Answer:
    """The minimum of ``sum of losses + penalty * sum(w**2)``. Each step is a pass over the rows of the share."""
    if without := not_unique(design, found, penalty):
        return Answer(found, None, without)
    is_logistic = terms is logistic_terms
    start = torch.zeros(found.coefficients, dtype=torch.float64)
    if not is_logistic:
        start = solved(found.r, found.z)
    look = _Look(design, terms, penalty, share, gather)
    here, v, step, is_safe = look(start, torch.zeros_like(start)), start, torch.zeros_like(start), False
    for _ in range(_MOST):
        if is_logistic and not penalty and here.margins[1] > 0 and here.margins[0] > -_ROUNDING * here.margins[1]:
            return Answer(found, None, _SEPARATED)
        is_flat = dependent(here.factor, design.names) is not None
        if is_flat and is_safe:
            return Answer(found, None, "the loss is flat along a combination of the columns, so many answers are good")
        if is_flat:
            is_safe, here = True, look(v, step, safe=True)
            continue
        step = _step(here)
        gain = float(here.slope @ step)
        there = look(v + step, step, safe=False)
        while not there.loss <= here.loss and gain > 1e-13 * (abs(here.loss) + 1e-300):
            step, gain = step / 2, gain / 4
            there = look(v + step, step, safe=False)
        changed = float(
            (step * here.factor.r.norm(dim=0)).norm() / (v * here.factor.r.norm(dim=0)).norm().clamp(1e-300)
        )
        v, here, is_safe = v + step, there, False
        if changed < 4e-16 or gain <= 1e-26 * abs(here.loss):
            return Answer(found, _exact(design, found, v, here, is_logistic=is_logistic, penalty=penalty))
    return Answer(found, None, f"Newton's method did not converge in {_MOST} steps")


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

    def __call__(self, v: torch.Tensor, step: torch.Tensor, *, safe: bool = False) -> _Pass:
        """One pass over the rows, at ``v``; ``step`` is the direction whose margins are measured."""
        parts = self.gather(self._local(v, step, safe=safe))
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

    def _local(self, v: torch.Tensor, step: torch.Tensor, *, safe: bool) -> _Pass:
        design, intercept = self.design, self.design.layout.intercept
        slope, loss, least, most, rows = torch.zeros_like(v), 0.0, math.inf, -math.inf, 0
        r = torch.zeros((0, len(v)), dtype=torch.float64)
        for values in design.values(READ, self.share):
            for bases, target in chunks(values.bases, values.y):
                columns = with_ones(design.centred(bases).high, intercept=intercept)
                y = design.centred_target(target).high
                losses, slopes, weights = self.terms(v @ columns, y, safe)
                slope = slope + columns @ slopes
                loss += float(losses.sum())
                margin = torch.where(y > 0.5, step @ columns, -(step @ columns))
                least, most = min(least, float(margin.min())), max(most, float(margin.max()))
                r = triangle(torch.cat([r, (columns * weights.sqrt()).T]))
                rows += len(y)
        found = Factor(r, torch.zeros_like(v), 0.0, rows, intercept)
        return _Pass(loss, slope, found, (least, most))


def _exact(design: Design, found: Factor, v: torch.Tensor, here: _Pass, *, is_logistic: bool, penalty: float) -> Exact:
    errors = spreads(design, here.factor.r).tolist() if is_logistic and not penalty else None
    residual = math.nan if is_logistic else found.residual(v)
    return exact_of(design, IRLS, [Fraction(number) for number in v.tolist()], residual, errors)
