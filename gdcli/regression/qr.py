"""The triangular factor R of the columns, batch by batch: tall-skinny QR by Householder reflections.

J. Demmel, L. Grigori, M. Hoemmen, J. Langou (2012), "Communication-optimal parallel and sequential QR and LU
factorizations", section 4: the factor of all rows is that of the factors of their parts, on one machine or on many.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch

from gdcli.regression.design import READ, Design
from gdcli.regression.double_double import Double
from gdcli.regression.layout import Base, Layout

DIGITS = 13  # in which columns that depend on each other agree
_CHUNK = 2**17  # numbers that are worked on at a time, so that they stay in the cache


class Factor(NamedTuple):
    """``[X y] = Q [R z; 0 rest]`` with the centred columns X, that of ones first where there is an intercept.

    ``r`` has shape (k, k) and is upper triangular, ``z`` shape (k,); ``rest`` is the norm of what no column explains.
    ``rows`` is the number of rows, ``r`` has fewer rows than columns where these are fewer.
    """

    r: torch.Tensor
    z: torch.Tensor
    rest: float
    rows: int
    intercept: bool

    @property
    def coefficients(self) -> int:
        """The number k of coefficients, with the intercept."""
        return self.r.shape[1]

    @property
    def total(self) -> float:
        """The sum of squares of the target about its mean, or about 0 without an intercept."""
        explained = self.z[1:] if self.intercept else self.z
        return float(explained @ explained) + self.rest**2

    def residual(self, centred: torch.Tensor) -> float:
        """The sum of squares of the residuals for centred coefficients, shape (k,)."""
        apart = self.z - self.r @ centred
        return float(apart @ apart) + self.rest**2


def factor(design: Design, share: tuple[int, int] = (0, 1)) -> Factor:
    """The factor of the rows of a share: one pass over them."""
    width = design.width + int(design.layout.intercept)
    r, rows = torch.zeros((0, width + 1), dtype=torch.float64), 0
    for values in design.values(READ, share):
        for bases, y in chunks(values.bases, values.y):
            columns = with_ones(design.centred(bases).high, intercept=design.layout.intercept)
            block = torch.cat([columns, design.centred_target(y).high[None]])
            r = triangle(torch.cat([r, block.T]))
            rows += y.shape[0]
    return _split(r, rows, intercept=design.layout.intercept)


def combine(factors: Sequence[Factor]) -> Factor:
    """The factor of the rows of all: what several ranks have found for their shares."""
    if len(factors) == 1:
        return factors[0]
    blocks = [_joined(part) for part in factors]
    rows = sum(part.rows for part in factors)
    return _split(triangle(torch.cat(blocks)), rows, intercept=factors[0].intercept)


def with_rows(found: Factor, more: torch.Tensor) -> Factor:
    """The factor with more rows, shape (m, k), whose targets are 0: what a ridge penalty adds."""
    block = torch.cat([more, torch.zeros((len(more), 1), dtype=torch.float64)], 1)
    return _split(triangle(torch.cat([_joined(found), block])), found.rows, intercept=found.intercept)


def _joined(found: Factor) -> torch.Tensor:
    last = torch.zeros((1, found.coefficients + 1), dtype=torch.float64)
    last[0, -1] = found.rest
    return torch.cat([torch.cat([found.r, found.z[:, None]], 1), last])


def _split(r: torch.Tensor, rows: int, *, intercept: bool) -> Factor:
    k = r.shape[1] - 1
    rest = float(r[k:, k].abs().sum()) if r.shape[0] > k else 0.0
    return Factor(r[:k, :k], r[:k, k], rest, rows, intercept)


def triangle(block: torch.Tensor) -> torch.Tensor:
    """R of a QR factorization."""
    r: torch.Tensor = torch.linalg.qr(block, mode="r").R
    return r


def solved(r: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The solution of ``r x = right`` for an upper triangular matrix: shape (k,)."""
    found: torch.Tensor = torch.linalg.solve_triangular(r, right[:, None], upper=True)[:, 0]
    return found


def solved_transposed(r: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The solution of ``r.T x = right`` for an upper triangular matrix: shape (k,)."""
    found: torch.Tensor = torch.linalg.solve_triangular(r.T, right[:, None], upper=False)[:, 0]
    return found


def chunks(bases: torch.Tensor, y: torch.Tensor) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    """A batch (bases by columns, shape (k, m)) in parts that fit into the cache."""
    size = max(_CHUNK // (len(bases) + 1), 4 * len(bases), 256)
    return zip(torch.split(bases, size, 1), torch.split(y, size), strict=True)


def with_ones(columns: torch.Tensor, *, intercept: bool) -> torch.Tensor:
    """The columns, shape (p, m), below that of ones where there is an intercept."""
    return torch.cat([torch.ones_like(columns[:1]), columns]) if intercept else columns


def dependent(found: Factor, names: Sequence[str]) -> str | None:
    """The name of a column that the columns before it determine to 13 digits; None where there is none.

    Columns of float64 that depend on each other in decimals, or by a sum of two, differ in the last digits.
    """
    rest = found.r.diagonal().abs() / found.r.norm(dim=0)
    place = next((i for i, share in enumerate(rest.tolist()) if not share > 10.0**-DIGITS), None)
    return None if place is None else names[place]


def condition(r: torch.Tensor) -> float:
    """The condition number of a matrix with the columns scaled to norm 1."""
    values = torch.linalg.svdvals(r / r.norm(dim=0))
    return float(values[0] / values[-1])


def matrix(layout: Layout, change: str) -> Double:
    """A change of coefficients, one of the methods of ``layout``, as a matrix of shape (k, k).

    It leaves the powers of a base among themselves and the intercept, so that it is made base by base.
    """
    lead = int(layout.intercept)
    size = len(layout.terms) + lead
    found = Double(torch.zeros((size, size), dtype=torch.float64), torch.zeros((size, size), dtype=torch.float64))
    if lead:
        found.high[0, 0] = 1.0
    for base, places in layout.places.items():
        part = _alone(layout, layout.bases[base], places)
        rows = [0] * lead + [place + lead for place in places]
        for i, place in enumerate(places):
            unit = [0] * lead + [int(i == j) for j in range(len(places))]
            for row, number in zip(rows, getattr(part, change)(unit), strict=True):
                high = float(number)
                found.high[row, place + lead] = high
                found.low[row, place + lead] = float(number - type(number)(high))
    return found


def _alone(layout: Layout, base: Base, places: Sequence[int]) -> Layout:
    """The layout with the terms of one base."""
    from msgspec.structs import replace

    terms = tuple(replace(layout.terms[place], base=0) for place in places)
    return replace(layout, bases=(base,), terms=terms)
