"""The exact answer of a regression: Householder QR of the columns, and refinement with residuals in higher precision.

The normal equations are never formed. The columns are centred and scaled by a power of 2, without an error, before they
are raised to powers; R comes from tall-skinny QR in float64; the residuals of each step of refinement are computed in
double-double, from the data as they are, and the corrected semi-normal equations of R (Å. Björck 1987, "Stability
analysis of the method of seminormal equations for linear least squares problems") turn them into a correction. A step
makes the error smaller by about the condition number of X times the rounding of float64. One is enough, unless the
condition number is large: steps are taken until the next one would change no digit.
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
from gdcli.regression.qr import (
    DIGITS,
    Factor,
    chunks,
    condition,
    dependent,
    matrix,
    solved,
    solved_transposed,
    with_rows,
)

_EPSILON = 2.0**-52
_MOST_STEPS = 12
_TOO_LARGE = "the numbers of the data are too large for float64"
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
    """The factor of the columns, and the exact answer, or in ``without`` a sentence that says why there is none.

    Of more columns than a factor is made for, there is none.
    """

    factor: Factor | None
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
    v = dd.exactly(solved(whole.r, whole.z))
    shrinks = 32 * _EPSILON * condition(whole.r)  # what a step leaves of an error, at most
    for _ in range(_MOST_STEPS):
        slope, squares = _slope(design, v, share, gather)
        slope = dd.add(slope, dd.negative(_pull(root, v))) if penalty else slope
        half = solved_transposed(whole.r, slope.high)
        step = solved(whole.r, half)
        if not (bool(step.isfinite().all()) and math.isfinite(squares)):
            return Answer(found, None, _TOO_LARGE)
        before = design.layout.of_data(dd.fractions(v))
        v = dd.add(v, dd.exactly(step))
        if _change(before, design.layout.of_data(dd.fractions(v))) * shrinks < _EPSILON / 8:
            break
    else:
        return Answer(found, None, "the columns are so nearly dependent that the refinement does not converge")
    if penalty:
        return Answer(found, exact_of(design, QR, dd.fractions(v), found.residual(v.high)))
    residual = max(squares - float(half @ half), 0.0)  # that of the last point but one, less what the step has gained
    free = found.rows - found.coefficients
    errors = (spreads(design, found.r) * math.sqrt(residual / free)).tolist() if free > 0 else None
    return Answer(found, exact_of(design, QR, dd.fractions(v), residual, errors))


def _pull(root: torch.Tensor, v: Double) -> Double:
    """The slope of half the penalty ``|root v|^2``."""
    held = dd.dot(dd.exactly(root), Double(v.high[None], v.low[None]))
    return dd.dot(dd.exactly(root.T), Double(held.high[None], held.low[None]))


def not_unique(design: Design, found: Factor, penalty: float = 0.0) -> str:
    """Why the coefficients are not determined by the data; empty where they are."""
    k, rows = found.coefficients, found.rows
    if not (bool(found.r.isfinite().all()) and bool(found.z.isfinite().all()) and math.isfinite(found.rest)):
        return _TOO_LARGE
    if rows < k and not penalty:
        return f"there are {rows} rows for {k} coefficients, so many answers are equally good"
    name = None if penalty else dependent(found, design.names)
    if name is None:
        return ""
    return f"the columns before '{name}' determine it to {DIGITS} digits, so many answers are equally good"


def _slope(design: Design, v: Double, share: tuple[int, int], gather: Gather) -> tuple[Double, float]:
    """X' times the residuals, shape (k,), and the sum of their squares: computed in double-double, of all rows."""
    lead = int(design.layout.intercept)
    found = dd.exactly(torch.zeros(design.width + lead + 1, dtype=torch.float64))
    of_columns = Double(v.high[lead:, None], v.low[lead:, None])
    for values in design.values(READ, share):
        for bases, y in chunks(values.bases, values.y):
            columns, rest = design.centred(bases), design.centred_target(y)
            halves = dd.halves(columns.high)
            rest = dd.add(rest, dd.negative(dd.dot(columns, of_columns, 0, halves)))
            if lead:
                rest = dd.add(rest, Double(-v.high[:1], -v.low[:1]))
            slope = dd.dot(columns, Double(rest.high[None], rest.low[None]), 1, halves)
            parts = [*([dd.total(rest)] if lead else []), slope, dd.dot(rest, rest)]
            joined = (torch.cat([half.reshape(-1) for half in each]) for each in zip(*parts, strict=True))
            found = dd.add(found, Double(*joined))
    parts = gather(found)
    whole = parts[0]
    for part in parts[1:]:
        whole = dd.add(whole, part)
    return Double(whole.high[:-1], whole.low[:-1]), float(whole.high[-1])


def _change(before: list[Fraction], after: list[Fraction]) -> float:
    """The largest relative change of a coefficient."""
    return max((float(abs(a - b) / abs(a)) for a, b in zip(after, before, strict=True) if a), default=0.0)


def exact_of(
    design: Design, method: str, centred: list[Fraction], residual: float, errors: list[float] | None = None
) -> Exact:
    """The exact answer by its centred coefficients."""
    numbers = list(centred)
    if design.layout.intercept:
        numbers[0] += Fraction(design.layout.target_mean)
    coefficients = [float(number) for number in design.layout.of_data(numbers)]
    descent = [float(number) for number in design.layout.of_descent(numbers)]
    lead = int(design.layout.intercept)
    return Exact(method, coefficients, descent[lead:], sum(descent[:lead]), centred, errors, residual)


def spreads(design: Design, r: torch.Tensor) -> torch.Tensor:
    """The roots of the diagonal of the inverse of X'X for the columns of the data, shape (k,): by the inverse of R."""
    norms: torch.Tensor = torch.linalg.vector_norm(to_data(design, r), dim=1)
    return norms


def to_data(design: Design, r: torch.Tensor) -> torch.Tensor:
    """The inverse of R for the columns of the data as they are, shape (k, k), times an orthogonal matrix."""
    inverse: torch.Tensor = torch.linalg.solve_triangular(r, torch.eye(len(r), dtype=torch.float64), upper=True)
    change = matrix(design.layout, "of_data")
    if not design.layout.has_powers:
        plain: torch.Tensor = change.high @ inverse
        return plain
    # Powers cancel: the sums need more digits than their terms have.
    sums = dd.dot(Double(change.high[:, :, None], change.low[:, :, None]), dd.exactly(inverse[None]), 1)
    return sums.high
