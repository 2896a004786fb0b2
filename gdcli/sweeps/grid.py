"""The cells of a sweep: their starts, the parameters of their rules, and their learning rates in each step.

Cells are numbered along the first axis first. A tile is a range of numbers that depends on the grid alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import torch

from gdcli.batch.parameters import PAIRS
from gdcli.batch.step import StepSettings
from gdcli.contract.descent import MinimizeSettings
from gdcli.contract.sweep import TILE, SweepAxis, SweepSettings
from gdcli.descent.bounds import check_start
from gdcli.rules.parameters import parameters_of, rates_change
from gdcli.rules.schedules import rates_of
from gdcli.tensors import Problem, rows_of

Chosen = range | torch.Tensor
"""The numbers of some cells, in order: a range where they follow each other, of which things are made much faster."""


def numbers_of(cells: Chosen) -> torch.Tensor:
    """The numbers of some cells as a tensor."""
    return torch.arange(cells.start, cells.stop) if isinstance(cells, range) else cells


def place_of(cells: Chosen, first: int = 0) -> slice | torch.Tensor:
    """The place of some cells in tensors that begin with cell ``first``."""
    return slice(cells.start - first, cells.stop - first) if isinstance(cells, range) else cells - first


class Grid:
    """All cells. ``descent`` are the settings that they have in common, completed."""

    def __init__(self, settings: SweepSettings, axes: Sequence[SweepAxis], descent: MinimizeSettings) -> None:
        self.settings, self.axes, self.descent = settings, list(axes), descent
        self.numbers = [torch.tensor(axis.numbers(), dtype=torch.float64) for axis in axes]
        self.size = math.prod(map(len, axes))

    @property
    def tiles(self) -> int:
        """The number of tiles."""
        return -(-self.size // TILE)

    def count(self, tiles: Sequence[int]) -> int:
        """How many cells some tiles have."""
        return sum(min(TILE, self.size - tile * TILE) for tile in tiles)

    def cells(self, tiles: Sequence[int]) -> Chosen:
        """The cells of some tiles, in order."""
        ranges = [range(tile * TILE, min((tile + 1) * TILE, self.size)) for tile in tiles]
        if not ranges:
            return range(0)
        if all(one.stop == other.start for one, other in itertools.pairwise(ranges)):
            return range(ranges[0].start, ranges[-1].stop)
        return torch.cat([torch.arange(each.start, each.stop) for each in ranges])

    def index(self, cells: torch.Tensor) -> list[torch.Tensor]:
        """The place of some cells on each axis."""
        found, rest = [], cells
        for axis in self.axes:
            found.append(rest % len(axis))
            rest = rest // len(axis)
        return found

    def index_of(self, cell: int) -> list[int]:
        """The place of a cell on each axis."""
        return [int(place) for place in self.index(torch.tensor(cell))]

    def at(self, cells: Chosen, axis: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        """The numbers of some cells on an axis."""
        before = math.prod(map(len, self.axes[:axis]))
        numbers, count = self.numbers[axis].to(dtype), len(self.axes[axis])
        if not isinstance(cells, range):
            return numbers[(cells // before if before > 1 else cells) % count]
        first, last = cells.start // before, -(-cells.stop // before)
        if last - first > count:  # all numbers, again and again
            first -= first % count
            repeated = numbers.repeat(-(-(last - first) // count))
        else:
            repeated = numbers[torch.arange(first, last) % count]
        repeated = repeated.repeat_interleave(before) if before > 1 else repeated
        return repeated[cells.start - first * before :][: len(cells)]

    def seeds(self) -> list[int]:
        """The seeds of the cells; one where no axis is the seed."""
        for axis in self.axes:
            if axis.kind == "seed":
                return [int(number) for number in axis.numbers()]
        return [self.settings.seed]

    def by_seed(self, cells: Chosen) -> list[tuple[int, Chosen]]:
        """Each seed of some cells, and those of them that have it."""
        for k, axis in enumerate(self.axes):
            if axis.kind == "seed":
                seeds = self.at(cells, k)
                return [(int(seed), numbers_of(cells)[seeds == seed]) for seed in torch.unique(seeds).tolist()]
        return [(self.settings.seed, cells)]

    # What differs from cell to cell

    def starts(self, cells: Chosen, problem: Problem) -> torch.Tensor:
        """The starts, of shape (elements, cells), in the dtype of the run.

        Raises:
            GdcliError: for one outside the bounds.
        """
        rows = rows_of(problem.leaves)
        flat = torch.cat([leaf.detach().reshape(-1) for leaf in problem.leaves.values()])
        x = flat.unsqueeze(1).repeat(1, len(cells))
        for k, axis in enumerate(self.axes):
            if axis.kind == "start":
                x[self._row(axis, problem, rows)] = self.at(cells, k, x.dtype)
        check_start(self.descent.bound, {name: x[rows[name]] for name in self.descent.bound})
        return x

    def _row(self, axis: SweepAxis, problem: Problem, rows: Mapping[str, slice]) -> int:
        place = 0
        for i, length in zip(axis.index, problem.leaves[axis.target].shape, strict=True):
            place = place * length + i % length
        return int(rows[axis.target].start) + place

    def parameters(self, cells: Chosen, problem: Problem) -> dict[str, torch.Tensor]:
        """The parameters that differ from cell to cell, float64, by their names within the rule."""
        found = {}
        for k, axis in enumerate(self.axes):
            if axis.kind == "parameter":
                found[_inner_name(axis)] = self.at(cells, k)
        if (self.has_rates or self.has_row_rates) and not rates_change(self.descent):
            found["lr"] = self.first_rates(cells, problem)
        return found

    @property
    def has_rates(self) -> bool:
        """Whether the learning rate differs from cell to cell."""
        return any(axis.kind in ("lr", "lr of a variable") for axis in self.axes)

    @property
    def has_row_rates(self) -> bool:
        """Whether the learning rate differs from variable to variable."""
        return bool(self.descent.lrs) or any(axis.kind == "lr of a variable" for axis in self.axes)

    def first_rates(self, cells: Chosen, problem: Problem) -> torch.Tensor:
        """The learning rates of the first step, of shape (cells,), or (elements, cells) where variables differ."""
        common = torch.full((len(cells),), float(self.descent.lr or 0.0), dtype=torch.float64)
        for k, axis in enumerate(self.axes):
            if axis.kind == "lr":
                common = self.at(cells, k)
        if not self.has_row_rates:
            return common
        rows = rows_of(problem.leaves)
        rates = common.repeat(problem.unknowns, 1)
        for name, rate in self.descent.lrs.items():
            rates[rows[name]] = rate
        for k, axis in enumerate(self.axes):
            if axis.kind == "lr of a variable":
                rates[rows[axis.target]] = self.at(cells, k)
        return rates

    def rates(self, cells: Chosen, problem: Problem) -> Callable[[int, torch.Tensor], torch.Tensor] | None:
        """The learning rates of some of these cells in a step, where they change; one number for all that have one."""
        if not rates_change(self.descent):
            return None
        if not self.has_rates and not self.has_row_rates:
            common = Schedule(self.descent, [float(self.descent.lr or 0.0)])
            return lambda step, _: common.at(step)[0]
        first = self.first_rates(cells, problem)
        distinct, place = torch.unique(first, return_inverse=True)
        schedule = Schedule(self.descent, distinct.tolist())
        return lambda step, runs: schedule.at(step)[place[..., runs]]

    def step_settings(self, problem: Problem) -> StepSettings:
        """What a step of all cells has in common."""
        given: dict[str, Any] = {**parameters_of(self.descent), "lr": self.descent.lr or 0.0}
        varying = set()
        for k, axis in enumerate(self.axes):
            if axis.kind == "parameter":
                varying.add(_inner_name(axis))
                if axis.target in PAIRS:
                    pair = list(given[axis.target])
                    pair[axis.index[0]] = self.numbers[k]
                    given[axis.target] = tuple(pair)
                else:
                    given[axis.target] = self.numbers[k]
            elif axis.kind in ("lr", "lr of a variable"):
                given["lr"] = self.numbers[k]
        if self.has_rates or self.has_row_rates:
            varying.add("lr")
            given["lr"] = given["lr"] if isinstance(given["lr"], torch.Tensor) else torch.tensor([given["lr"]] * 2)
        low, high = self._bounds(problem)
        return StepSettings(
            rule=self.descent.optimizer,
            parameters=given,
            varying=frozenset(varying),
            row_rates=self.has_row_rates,
            rates=rates_change(self.descent),
            clip_value=self.descent.clip_value,
            low=low,
            high=high,
        )

    def _bounds(self, problem: Problem) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """The bounds of each element; None without any."""
        if not self.descent.bound:
            return None, None
        leaves = problem.leaves
        ends = []
        for side, none in ((0, -torch.inf), (1, torch.inf)):
            parts = []
            for name, leaf in leaves.items():
                end = self.descent.bound.get(name, (None, None))[side]
                parts.append(torch.full((leaf.numel(),), none if end is None else end, dtype=leaf.dtype))
            ends.append(torch.cat(parts))
        return ends[0], ends[1]


class Schedule:
    """The learning rates that a schedule makes of some first ones, step by step."""

    def __init__(self, settings: MinimizeSettings, first: Sequence[float]) -> None:
        self._rule = SimpleNamespace(rates={str(i): rate for i, rate in enumerate(first)})
        self._rates = rates_of(settings, cast("Any", self._rule))
        self._known = [self._now()]

    def at(self, step: int) -> torch.Tensor:
        """The rates of a step, counted from 1, float64."""
        while len(self._known) < step:
            self._rates.step(0.0)
            self._known.append(self._now())
        return self._known[step - 1]

    def _now(self) -> torch.Tensor:
        return torch.tensor(list(self._rule.rates.values()), dtype=torch.float64)


def _inner_name(axis: SweepAxis) -> str:
    return PAIRS[axis.target][axis.index[0]] if axis.target in PAIRS else axis.target
