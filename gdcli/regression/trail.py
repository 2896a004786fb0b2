"""What a picture needs of a regression, gathered while its rows stream by."""

from __future__ import annotations

import torch

from gdcli.contract.figure import Counted
from gdcli.contract.regression import Row
from gdcli.memory import Thinned, capacity

_MOST = 2_000  # rows of a path in a picture
_NUMBERS = 2_000_000  # in all the rows that are kept


class RowTrail:
    """The rows of a regression in memory that does not grow with their number: of many some (see ``Thinned``).

    ``first`` and ``last``, the rows that were added first and last, are always part of the trail, and ``count`` is the
    number of all that were added. ``counted`` is what a picture of it counts: epochs or iterations.
    """

    def __init__(self, counted: Counted = "epoch", label: str = "gradient descent") -> None:
        self.label = label
        self.counted = counted
        self.first: Row | None = None
        self.last: Row | None = None
        self.count = 0
        self._kept: Thinned[Row] = Thinned(_MOST)

    def add(self, row: Row) -> None:
        """Take the next row."""
        if self.first is None:
            self.first = row
            size = len(coefficients_of(row))
            self._kept = Thinned(capacity(size, most=_MOST, least=20, elements=_NUMBERS))
        elif self.last is not None and self.last.iteration == row.iteration:
            raise ValueError("a row was added twice")
        self.last = row
        self._kept.add(self.count, row)
        self.count += 1

    def count_of(self, row: Row) -> int:
        """The epoch or the iteration of a row, as the picture counts them."""
        return row.iteration if self.counted == "iteration" else row.epoch

    @property
    def rows(self) -> list[Row]:
        """The rows that were kept, in order, from the first to the last."""
        kept = self._kept.things
        if self.last is not None and (not kept or kept[-1].iteration != self.last.iteration):
            kept.append(self.last)
        return kept

    @property
    def points(self) -> torch.Tensor:
        """The coefficients of these rows, the intercept first: shape (rows, coefficients), float64."""
        return torch.tensor([coefficients_of(row) for row in self.rows], dtype=torch.float64)


def coefficients_of(row: Row) -> list[float]:
    """The coefficients of a row as the descent has them, the intercept first."""
    found: list[float] = []
    for name in ("b", "w"):
        value = row.values.get(name, [])
        found += value if isinstance(value, list) else [value]
    return found
