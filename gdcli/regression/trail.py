"""What a picture needs of a regression, gathered while its states stream by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from gdcli.contract.figure import Counted
from gdcli.contract.regression import Row, coefficients_of
from gdcli.memory import Thinned, capacity

_MOST = 2_000  # rows of a path in a picture
_NUMBERS = 2_000_000  # in all the rows that are kept


class Given(Protocol):
    """A state that can be put in plain numbers."""

    def row(self) -> Row:
        """The state in plain numbers."""


class RowTrail:
    """The states of a regression in memory that does not grow with their number: of many some (see ``Thinned``).

    The first and the last state that were added are always part of it, and ``count`` is the number of all. ``counted``
    is what a picture of it counts: epochs or iterations. After an early stop, ``returned`` is the count of the state to
    which the run went back: it is on the path already.
    """

    def __init__(self, counted: Counted = "epoch", label: str = "gradient descent") -> None:
        self.label = label
        self.counted = counted
        self.count = 0
        self.returned: int | None = None
        self._last: Given | None = None
        self._kept: Thinned[Given] = Thinned(_MOST)
        self._rows: list[Row] = []

    def add(self, state: Given) -> None:
        """Take the next state."""
        if self._last is not None and (count := self.count_of(state.row())) < self.count_of(self._last.row()):
            self.returned = count
            return
        if self._last is None:
            size = len(coefficients_of(state.row()))
            self._kept = Thinned(capacity(size, most=_MOST, least=20, elements=_NUMBERS))
        self._last = state
        self._kept.add(self.count, state)
        self.count += 1
        self._rows = []

    def count_of(self, row: Row) -> int:
        """The epoch or the iteration of a row, as the picture counts them."""
        return row.iteration if self.counted == "iteration" else row.epoch

    @property
    def rows(self) -> list[Row]:
        """The states that were kept in plain numbers, in order, from the first to the last."""
        if not self._rows:
            kept = self._kept.things
            if self._last is not None and (not kept or kept[-1] is not self._last):
                kept.append(self._last)
            self._rows = [state.row() for state in kept]
        return self._rows

    def place_of_the_fit(self, chosen: Sequence[int]) -> int:
        """Which of the chosen rows has the coefficients of the result, or those next to them."""
        if self.returned is None:
            return len(chosen) - 1
        wanted = self.returned
        return min(range(len(chosen)), key=lambda k: abs(self.count_of(self.rows[chosen[k]]) - wanted))

    @property
    def points(self) -> torch.Tensor:
        """The coefficients of these rows, the intercept first: shape (rows, coefficients), float64."""
        return torch.tensor([coefficients_of(row) for row in self.rows], dtype=torch.float64)
