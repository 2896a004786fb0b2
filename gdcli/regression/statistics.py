"""How well coefficients fit the rows: R2 and its like, from the residuals' sum of squares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import torch

from gdcli.regression.design import Design
from gdcli.regression.qr import Factor


class Fit(NamedTuple):
    """``residual_sd`` divides by the rows less the coefficients, ``rmse`` by the rows; None is undefined.

    R2 compares with the mean of the target beside an intercept, and with 0 without one.
    """

    r2: float | None
    adjusted_r2: float | None
    rmse: float
    residual_sd: float | None


def fit(found: Factor, residual: float) -> Fit:
    """The statistics of a fit whose residuals have this sum of squares."""
    total, free = found.total, found.rows - found.coefficients
    r2 = 1 - residual / total if total > 0 else None
    spread = found.rows - int(found.intercept)
    adjusted = 1 - (1 - r2) * spread / free if r2 is not None and free > 0 else None
    sd = math.sqrt(residual / free) if free > 0 else None
    return Fit(r2, adjusted, math.sqrt(residual / found.rows), sd)


def residual_of(design: Design, found: Factor, w: Sequence[float], b: float = 0.0) -> float:
    """The sum of squares of the residuals of any coefficients of the descent, without a pass over the rows."""
    lead = [b] if design.layout.intercept else []
    centred = design.layout.centred([*lead, *w])
    if lead:
        centred[0] -= Fraction(design.layout.target_mean)
    return found.residual(torch.tensor([float(number) for number in centred], dtype=torch.float64))
