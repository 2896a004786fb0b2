"""The exact answer of a regression: Householder QR of the columns, and refinement with residuals in higher precision.

The normal equations are never formed. The columns are centred and scaled by a power of 2, without an error, before they
are raised to powers; R comes from tall-skinny QR in float64; the residuals of each step of refinement are computed in
double-double, from the data as they are, and the corrected semi-normal equations of R (Å. Björck 1987, "Stability
analysis of the method of seminormal equations for linear least squares problems") turn them into a correction.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import torch

from gdcli.regression import double_double as dd
from gdcli.regression.design import READ, Design
from gdcli.regression.double_double import Double
from gdcli.regression.learn import Gather, alone
from gdcli.regression.qr import Factor, chunks, combine, condition, dependent, factor, matrix, with_rows

_EPSILON = 2.0**-52
_MOST_STEPS = 4
QR = "Householder QR with iterative refinement"


class Exact(NamedTuple):
    """The coefficients that minimize the loss.

    ``coefficients`` are those of the data, the intercept first where the model has one; ``w`` and ``b`` those of the
    descent, ``centred`` those of the centred columns (with the target centred too). ``standard_errors`` are those of
    ``coefficients``, None with a penalty; ``residual`` is the sum of squares of the residuals, and ``method`` says how
    it was found.
    """

    method: str
    coefficients: list[float]
    w: list[float]
    b: float
    centred: list[Fraction]
    standard_errors: list[float] | None
    residual: float


class Answer(NamedTuple):
    """The factor of the columns, and the exact answer, or in ``without`` a sentence that says why there is none."""

    factor: Factor
    exact: Exact | None
    without: str = ""


def least_squares(
    design: Design, found: Factor, penalty: float = 0.0, share: tuple[int, int] = (0, 1), gather: Gather = alone
) -> Answer:
    """The least squares solution; with a ``penalty``, that of ``sum of squares + penalty * sum(w**2)``.

    ``found`` is the factor of all rows. Each step of refinement is one pass over the rows of the share.
    """
    if without := not_unique(design, found, penalty):
        return Answer(found, None, without)
    root = matrix(design.layout, "of_descent").high[int(design.layout.intercept) :] * math.sqrt(penalty)
    whole = with_rows(found, root) if penalty else found
    v = dd.exactly(torch.linalg.solve_triangular(whole.r, whole.z[:, None], upper=True)[:, 0])
    loses = 10 * _EPSILON * condition(whole.r) ** 2  # the factor by which a step reduces an error
    residual = math.nan
    for _ in range(_MOST_STEPS):
        slope, squares = _slope(design, v, share, gather)
        if penalty:
            held = dd.total(dd.multiply(dd.exactly(root), Double(v.high[None], v.low[None])))
            back = dd.multiply(dd.exactly(root.T), Double(held.high[None], held.low[None]))
            slope = dd.add(slope, dd.negative(dd.total(back)))
        half = torch.linalg.solve_triangular(whole.r.T, slope.high[:, None], upper=False)
        before = design.layout.of_data(dd.fractions(v))
        v = dd.add(v, dd.exactly(torch.linalg.solve_triangular(whole.r, half, upper=True)[:, 0]))
        after = design.layout.of_data(dd.fractions(v))
        residual = max(squares - float((half * half).sum()), 0.0) if not penalty else math.nan
        if not math.isfinite(changed := _change(before, after)) or changed * loses < _EPSILON / 8:
            break
    centred = dd.fractions(v)
    if penalty:
        residual = found.residual(v.high)
    return Answer(found, _exact(design, found, centred, residual, penalty=penalty))


def not_unique(design: Design, found: Factor, penalty: float = 0.0) -> str:
    """Why the coefficients are not determined by the data; empty where they are."""
    k, rows = found.coefficients, found.rows
    if not bool(found.r.isfinite().all()) or not math.isfinite(found.rest):
        return "the numbers of the data are too large for float64"
    if rows < k and not penalty:
        return f"there are {rows} rows for {k} coefficients, so many answers are equally good"
    name = None if penalty else dependent(found, design.names)
    if name is None:
        return ""
    return f"the columns before '{name}' determine it, so many answers are equally good"


def _slope(design: Design, v: Double, share: tuple[int, int], gather: Gather) -> tuple[Double, float]:
    """X' times the residuals, shape (k,), and the sum of their squares: computed in double-double, of all rows."""
    lead = int(design.layout.intercept)
    found = dd.exactly(torch.zeros(design.width + lead + 1, dtype=torch.float64))
    for values in design.values(READ, share):
        for bases, y in chunks(values.bases, values.y):
            columns, rest = design.centred(bases), design.centred_target(y)
            ones = Double(torch.ones_like(y)[None], torch.zeros_like(y)[None])
            if lead:
                columns = Double(torch.cat([ones.high, columns.high]), torch.cat([ones.low, columns.low]))
            shown = dd.multiply(columns, Double(v.high[:, None], v.low[:, None]))
            rest = dd.add(rest, dd.negative(dd.total(shown, 0)))
            columns = Double(torch.cat([columns.high, rest.high[None]]), torch.cat([columns.low, rest.low[None]]))
            products = dd.multiply(columns, Double(rest.high[None], rest.low[None]))
            found = dd.add(found, dd.total(products))
    parts = gather(found)
    whole = parts[0]
    for part in parts[1:]:
        whole = dd.add(whole, part)
    return Double(whole.high[:-1], whole.low[:-1]), float(whole.high[-1])


def _change(before: list[Fraction], after: list[Fraction]) -> float:
    """The largest relative change of a coefficient."""
    return max((float(abs(a - b) / abs(a)) for a, b in zip(after, before, strict=True) if a), default=0.0)


def _exact(design: Design, found: Factor, centred: list[Fraction], residual: float, *, penalty: float) -> Exact:
    numbers = with_target(design, centred)
    coefficients = [float(number) for number in design.layout.of_data(numbers)]
    descent = [float(number) for number in design.layout.of_descent(numbers)]
    lead = int(design.layout.intercept)
    free = found.rows - found.coefficients
    errors = None
    if not penalty and free > 0:
        errors = (spreads(design, found.r) * math.sqrt(residual / free)).tolist()
    return Exact(QR, coefficients, descent[lead:], sum(descent[:lead]), centred, errors, residual)


def with_target(design: Design, centred: list[Fraction]) -> list[Fraction]:
    """Centred coefficients of the target as it is: the intercept has its mean."""
    if not design.layout.intercept:
        return centred
    return [centred[0] + Fraction(design.layout.target_mean), *centred[1:]]


def spreads(design: Design, r: torch.Tensor) -> torch.Tensor:
    """The roots of the diagonal of the inverse of X'X for the columns of the data, shape (k,): by the inverse of R."""
    return to_data(design, r).norm(dim=1)


def to_data(design: Design, r: torch.Tensor) -> torch.Tensor:
    """The inverse of R for the columns of the data as they are, shape (k, k), times an orthogonal matrix."""
    inverse = torch.linalg.solve_triangular(r, torch.eye(len(r), dtype=torch.float64), upper=True)
    change = matrix(design.layout, "of_data")
    if not design.layout.has_powers:
        return change.high @ inverse
    # Powers cancel: the sums need more digits than their terms have.
    products = dd.multiply(Double(change.high[:, :, None], change.low[:, :, None]), dd.exactly(inverse[None]))
    return dd.total(products, 1).high


def solve(
    design: Design, loss: str, *, l2: float = 0.0, l1: float = 0.0, share: tuple[int, int] = (0, 1), gather: Gather = alone
) -> Answer:
    found = combine(gather(factor(design, share)))
    return least_squares(design, found, l2 * found.rows if l2 else 0.0, share, gather)
