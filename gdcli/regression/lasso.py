"""The exact answer with a penalty on the sum of ``|w|``: which coefficients are 0, and the others by QR.

H. Lee, A. Battle, R. Raina, A. Y. Ng (2006), "Efficient sparse coding algorithms": feature-sign search. It guesses the
signs of the coefficients, solves for them, and ends when the conditions of a minimum hold.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import torch

from gdcli.regression.design import Design
from gdcli.regression.exact import Answer, exact_of, not_unique
from gdcli.regression.qr import Factor, matrix, solved, solved_transposed

METHOD = "QR on the coefficients that are not 0, by feature-sign search"
_MOST = 10_000  # changes of a sign
_ROUNDING = 1e-12


class _Problem(NamedTuple):
    """``|z - r d|^2 + sum(l2 d^2) + sum(l1 |d|)`` with ``d`` the coefficients of the descent; no penalty is 0."""

    r: torch.Tensor
    z: torch.Tensor
    l1: torch.Tensor
    l2: torch.Tensor

    def value(self, d: torch.Tensor) -> float:
        """What is to be minimized, less a constant."""
        apart = self.z - self.r @ d
        return float(apart @ apart + (self.l2 * d * d).sum() + (self.l1 * d.abs()).sum())

    def pull(self, d: torch.Tensor) -> torch.Tensor:
        """Half of the slope against each coefficient, without that of ``|w|``."""
        return self.r.T @ (self.z - self.r @ d) - self.l2 * d

    def solved(self, active: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
        """The coefficients with these signs; the others are 0."""
        columns = self.r[:, active]
        block = torch.cat([columns, torch.diag(self.l2[active].sqrt())])
        q, r = torch.linalg.qr(block)
        shifted = (self.l1 * signs)[active] / 2
        right = q[: len(columns)].T @ self.z - solved_transposed(r, shifted)
        d = torch.zeros_like(signs)
        d[active] = solved(r, right)
        return d


def lasso(design: Design, found: Factor, l1: float, l2: float) -> Answer:
    """The coefficients that minimize ``sum of squares + l1 * sum(|w|) + l2 * sum(w**2)``."""
    if without := not_unique(design, found, l2):
        return Answer(found, None, without)
    lead = int(design.layout.intercept)
    weight = torch.ones(found.coefficients, dtype=torch.float64)
    weight[:lead] = 0.0
    r = found.r @ matrix(design.layout, "centred").high
    d = _searched(_Problem(r, found.z, l1 * weight, l2 * weight))
    if d is None:
        return Answer(found, None, "the search for the signs of the coefficients did not end")
    centred = design.layout.centred([Fraction(number) for number in d.tolist()])
    residual = found.residual(torch.tensor([float(number) for number in centred], dtype=torch.float64))
    return Answer(found, exact_of(design, METHOD, centred, residual))


def _searched(problem: _Problem) -> torch.Tensor | None:
    """The minimum; None when the search does not end."""
    free = problem.l1 == 0
    d = problem.r.new_zeros(problem.r.shape[1])
    signs = torch.zeros_like(d)
    for _ in range(_MOST):
        active = free | (signs != 0)
        target = problem.solved(active, signs)
        if bool(((target.sign() == signs) | free)[active].all()):
            d = target
            pull = 2 * problem.pull(d)
            over = torch.where(active, torch.zeros_like(pull), pull.abs() - problem.l1 * (1 + _ROUNDING))
            place = int(over.argmax())
            if float(over[place]) <= 0:
                return d
            signs[place] = pull[place].sign()
            continue
        d = _best_between(problem, d, target)
        signs = torch.where(free, signs, d.sign())
    return None


def _best_between(problem: _Problem, start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """The best point on the way, among its end and those where a coefficient changes its sign."""
    best, least = end, problem.value(end)
    crosses = (start * end < 0) & (problem.l1 > 0)
    for place in crosses.nonzero()[:, 0].tolist():
        share = float(start[place] / (start[place] - end[place]))
        point = start + share * (end - start)
        point[place] = 0.0
        if (value := problem.value(point)) < least:
            best, least = point, value
    return best
