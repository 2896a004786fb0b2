"""The curvature of the loss, from the factor R: its extremes, condition numbers, and the steps that they cost.

The Hessian of a mean of squares is ``2 X'X/n = 2 R'R/n``: its eigenvalues are those of squares of singular values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from gdcli.contract.regression import LossName
from gdcli.regression.design import READ, Design
from gdcli.regression.exact import to_data
from gdcli.regression.learn import Gather, alone
from gdcli.regression.qr import Factor, matrix

_CURVATURE: dict[LossName, float] = {"mse": 2.0, "half-mse": 1.0, "huber": 1.0, "logistic": 0.25}
_MOST_STEPS = 2**62
_LEAST = 1e-12  # of the largest singular value: a smaller one has no digits


class Spectrum(NamedTuple):
    """The Hessian of the loss over ``b, w`` as the descent has them.

    ``values`` are its eigenvalues, shape (k,), the largest first, and the rows of ``vectors`` its eigenvectors, shape
    (k, k). For the Huber and the logistic loss it is a bound: the Hessian is nowhere larger.
    """

    values: torch.Tensor
    vectors: torch.Tensor

    @property
    def largest(self) -> float:
        """The largest eigenvalue, L."""
        return float(self.values[0])

    @property
    def smallest(self) -> float:
        """The smallest eigenvalue."""
        return float(self.values[-1])


def curvature_of(loss: LossName, rows: int) -> float | None:
    """The factor of X'X in the Hessian of a loss over the rows, or in its bound; None where there is none."""
    if loss == "sum":
        return 2.0
    return _CURVATURE[loss] / rows if loss in _CURVATURE else None


def spectrum(design: Design, found: Factor, loss: LossName, l2: float = 0.0) -> Spectrum | None:
    """The eigenvalues of the Hessian; None for a loss without curvature."""
    factor = curvature_of(loss, found.rows)
    if factor is None or not bool(found.r.isfinite().all()):
        return None
    lead = int(design.layout.intercept)
    r = found.r @ matrix(design.layout, "centred").high * math.sqrt(factor)
    held = math.sqrt(2 * l2) * torch.eye(found.coefficients, dtype=torch.float64)[lead:]
    _, values, vectors = torch.linalg.svd(torch.cat([r, held]), full_matrices=False)
    if len(values) < found.coefficients:  # fewer rows than coefficients
        values = torch.cat([values, values.new_zeros(found.coefficients - len(values))])
    return Spectrum(values * values, vectors)


def hessian_condition(design: Design, found: Factor, penalty: float, *, standardized: bool) -> float | None:
    """The condition number of ``X'X + penalty * I`` (the intercept has no penalty); None beyond what float64 shows.

    Of the loss with ``l2``, whose penalty is ``2 * l2`` over the factor of X'X in the Hessian. The columns are those of
    the data as they are, or standardized.
    """
    lead = int(found.intercept)
    if standardized:
        r = torch.zeros_like(found.r)
        r[:lead, :lead] = found.r[:lead, :lead]
        columns = found.r[lead:, lead:]
        r[lead:, lead:] = columns / columns.norm(dim=0) * math.sqrt(found.rows)
    else:
        r = found.r @ matrix(design.layout, "centred_of_data").high
    held = math.sqrt(penalty) * torch.eye(found.coefficients, dtype=torch.float64)[lead:]
    values = torch.linalg.svdvals(torch.cat([r, held]))
    if not bool(values.isfinite().all()) or values[-1] < _LEAST * values[0]:
        return None
    return _squared(float(values[0] / values[-1]))


def raw_condition(design: Design, found: Factor) -> float | None:
    """The condition number of X'X for the columns of the data as they are, that of ones included.

    It is the square of that of X, which is found from norms of R and of its inverse, both to all digits; None where a
    column depends on others.
    """
    if len(found.r) < found.coefficients or bool((found.r.diagonal() == 0).any()):
        return None
    largest = torch.linalg.matrix_norm(found.r @ matrix(design.layout, "centred_of_data").high, 2)
    inverse = torch.linalg.matrix_norm(to_data(design, found.r), 2)
    return _squared(float(largest * inverse))


def standardized_condition(found: Factor) -> float | None:
    """The condition number of X'X for standardized columns: of the matrix of their correlations beside an intercept."""
    lead = int(found.intercept)
    r = found.r[lead:, lead:]
    if len(r) < found.coefficients - lead:
        return None
    values = torch.linalg.svdvals(r / r.norm(dim=0))
    return _squared(float(values[0] / values[-1]))


def _squared(condition: float) -> float | None:
    return condition * condition if math.isfinite(condition) else None


def steps_by_theory(found: Spectrum, rate: float, accuracy: float) -> float | None:
    """The whole number of full-batch steps after which any error is at most ``accuracy`` times as large.

    Each step multiplies the error along an eigenvector by ``1 - rate * eigenvalue``; None when one does not become
    smaller.
    """
    slowest = float(_log_factors(rate, found.values).max())
    return float(max(math.ceil(math.log(accuracy) / slowest), int(accuracy < 1))) if slowest < 0 else None


def steps_by_simulation(
    found: Spectrum, rate: float, accuracy: float, start: Sequence[float], exact: Sequence[float]
) -> int | None:
    """The first full-batch step of gradient descent that is within ``accuracy`` of the exact coefficients.

    The descent is simulated along the eigenvectors of the quadratic. ``start`` and ``exact`` are coefficients of the
    descent, b first where there is one; the error is ``|d - exact| / |exact|``. None when it never becomes so small, or
    the rate makes a part of it grow.
    """
    goal = torch.tensor(exact, dtype=torch.float64)
    apart = found.vectors @ (torch.tensor(start, dtype=torch.float64) - goal)
    logs = _log_factors(rate, found.values)
    if bool((logs > 0).any()):
        return None
    allowed = accuracy * float(goal.norm())

    def is_there(steps: int) -> bool:
        return float((apart * (steps * logs).exp()).norm()) <= allowed

    if is_there(0):
        return 0
    last = 1
    while not is_there(last):
        last *= 2
        if last > _MOST_STEPS:
            return None
    first = last // 2
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (first, middle) if is_there(middle) else (middle, last)
    return last


def _log_factors(rate: float, values: torch.Tensor) -> torch.Tensor:
    """The logarithms of ``|1 - rate * eigenvalue|``."""
    small = rate * values
    return torch.where(small < 0.5, torch.log1p(-small.clamp(max=0.5)), (1 - small).abs().log())


def largest_eigenvalue(
    design: Design,
    loss: LossName,
    l2: float = 0.0,
    *,
    share: tuple[int, int] = (0, 1),
    gather: Gather = alone,
    passes: int = 100,
) -> float | None:
    """L, the largest eigenvalue of the Hessian, by power iteration on X'X: a pass over the rows each.

    For columns that are too many for a factor. It is never larger than L, and grows from pass to pass; it ends when
    that is less than one in 10**4. None for a loss without curvature.
    """
    lead = int(design.layout.intercept)
    factor = curvature_of(loss, design.sample.rows)
    if factor is None:
        return None
    held = torch.ones(design.width + lead, dtype=torch.float64)
    held[:lead] = 0.0
    d = torch.randn(design.width + lead, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = 0.0
    for _ in range(passes):
        d = d / d.norm()
        product = torch.zeros_like(d)
        for x, _y in design.batches(READ, share):
            shown = x @ d[lead:] + (d[0] if lead else 0.0)
            product[lead:] += x.T @ shown
            product[:lead] += shown.sum()
        product = factor * sum(gather(product)) + 2 * l2 * held * d
        before, found = found, float(product.norm())
        d = product
        if found - before <= 1e-4 * found:
            break
    return found
