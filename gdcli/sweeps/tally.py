"""What is counted of the cells of a sweep, piece by piece: statuses, minima, what converges, and the best cell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch

from gdcli.contract.descent import DescentStatus
from gdcli.sweeps.ends import NAMES, Cells


class Best(NamedTuple):
    """The best cell: its number, its end as ``Cells`` of one, and the number of the minimum that it reached, or -1."""

    cell: int
    end: Cells
    minimum: int
    measured: float | None


@dataclass(slots=True)
class Tally:
    """Counts of cells that are added in pieces, in their order.

    ``sizes`` are the numbers of cells along the axes. ``minima`` counts the cells by the minimum that they reached, and
    ``converged[k]`` those that converged, by their place on axis k. ``range`` has the smallest and the largest of the
    measured values that are finite, of cells that did not diverge.
    """

    sizes: list[int]
    minima: list[int]
    converged: list[torch.Tensor]
    codes: list[int]
    maximize: bool
    best: Best | None = None
    range: tuple[float, float] | None = None

    @staticmethod
    def empty(sizes: list[int], minima: int, *, maximize: bool) -> Tally:
        """Nothing counted yet, of cells along these axes."""
        converged = [torch.zeros(size, dtype=torch.int64) for size in sizes]
        return Tally(sizes, [0] * minima, converged, [0] * (max(NAMES) + 1), maximize)

    def add(self, first: int, cells: Cells, reached: torch.Tensor, measured: torch.Tensor | None = None) -> None:
        """Count some cells, whose numbers begin at ``first``; ``reached`` has the minimum of each, or -1."""
        self.codes = _added(self.codes, cells.status)
        self.minima = _added(self.minima, reached[reached >= 0])
        places = cells.converged.nonzero().squeeze(1) + first
        for counts, size in zip(self.converged, self.sizes, strict=True):
            counts.add_(torch.bincount(places % size, minlength=size))
            places = places // size
        if measured is not None:
            self._measure(measured[cells.ended & measured.isfinite()])
        here = _best(cells, maximize=self.maximize)
        if here is not None:
            end = cells.at(torch.tensor([here]))
            if self.best is None or self._order(end) < self._order(self.best.end):
                value = None if measured is None else float(measured[here])
                self.best = Best(first + here, end, int(reached[here]), value)

    def _measure(self, values: torch.Tensor) -> None:
        if len(values):
            low, high = self.range or (math.inf, -math.inf)
            self.range = min(low, float(values.min())), max(high, float(values.max()))

    def _order(self, end: Cells) -> tuple[bool, int, float]:
        """A cell that converged is better, the one with the fewest steps best; then, or without any, the best loss."""
        loss = -float(end.loss) if self.maximize else float(end.loss)
        return (False, int(end.steps), loss) if bool(end.converged) else (True, 0, loss)

    @property
    def finished(self) -> int:
        """How many cells have been run."""
        return sum(self.codes[1:])

    @property
    def statuses(self) -> dict[DescentStatus, int]:
        """How many cells have each status, the most frequent first."""
        found = {name: self.codes[code] for code, name in NAMES.items() if self.codes[code]}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def shares(self, axis: int) -> list[float]:
        """The share of cells that converge, for each number of an axis."""
        others = math.prod(self.sizes) // self.sizes[axis]
        return (self.converged[axis].double() / others).tolist()

    @property
    def most_reached(self) -> int | None:
        """The minimum that most cells reach; None where none is reached."""
        return max(range(len(self.minima)), key=self.minima.__getitem__) if any(self.minima) else None


def _added(counts: list[int], numbers: torch.Tensor) -> list[int]:
    more = torch.bincount(numbers.int(), minlength=len(counts)).tolist()
    return [count + each for count, each in zip(counts, more, strict=True)]


def _best(cells: Cells, *, maximize: bool) -> int | None:
    """Of cells that converged, the one with the fewest steps; without any, the one with the best loss."""
    good = cells.converged.nonzero().squeeze(1)
    if len(good):
        return _lowest(cells, good[cells.steps[good] == cells.steps[good].min()], maximize=maximize)
    rest = (cells.ended & cells.loss.isfinite()).nonzero().squeeze(1)
    return _lowest(cells, rest, maximize=maximize) if len(rest) else None


def _lowest(cells: Cells, among: torch.Tensor, *, maximize: bool) -> int:
    loss = cells.loss[among]
    return int(among[loss.argmax() if maximize else loss.argmin()])
