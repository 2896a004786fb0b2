"""A sweep from its settings to its record: runs all cells, compares some with single runs, and sums them up."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_changes
from typing import IO, Any

import torch
from msgspec.structs import replace

from gdcli.batch.engines import engine_for
from gdcli.batch.fast import Fast
from gdcli.batch.many import Ends, Engine, Many
from gdcli.batch.replay import Replay
from gdcli.batch.stopping import Status, Stopping
from gdcli.complete.alone import settings_alone
from gdcli.complete.minimize import complete_minimize
from gdcli.complete.problem import expression_of
from gdcli.complete.sweep import axes_of
from gdcli.contract.descent import MinimizeSettings
from gdcli.contract.figure import Figure
from gdcli.contract.sweep import TILE, EngineMade, EngineUsed, Shard, SweepAxis, SweepResult, SweepSettings
from gdcli.descent.minimize import AT_A_MINIMUM, minimize
from gdcli.rules.parameters import complete_rule, parameters_of, rates_change, remembers
from gdcli.sweeps.alone import compare, is_stationary, ulps
from gdcli.sweeps.ends import STATIONARY, Cells, give_memory_back, has_converged
from gdcli.sweeps.grid import Chosen, Grid, numbers_of, place_of
from gdcli.sweeps.minima import Minima, clustered, known_minima, nearest, refined
from gdcli.sweeps.part import Part, cells_of
from gdcli.sweeps.tally import Tally
from gdcli.tensors import Problem, check_scalar, on_device, prepare, rows_of

_TRIED = 64  # cells on which an engine that rounds otherwise is tried
_CHUNK = 64  # tiles that are run together at most
_NUMBERS = 1 << 23  # of all points of a chunk
_PIECES = 16  # chunks at least, where each is kept when it is finished


@dataclass(frozen=True, slots=True)
class Finished:
    """Tiles that were run together, and the steps of all their runs."""

    tiles: list[int]
    run_steps: int


class Sweep:
    """A sweep: iterate over it for the share that is done, then ask for its record and its figure.

    It runs the tiles of its ``shard``, without those that it was given as parts. ``finished`` has what has been run.
    ``cells`` are all cells, or those of the window that ``look_at`` has chosen, which begins with cell ``first``.
    """

    def __init__(
        self,
        settings: SweepSettings,
        shard: Shard = Shard(1, 1),  # noqa: B008 -- frozen
        made: EngineMade | None = None,
        *,
        whole: bool = True,
    ) -> None:
        """Take completed settings; with ``made``, all cells will be given as parts, and this engine has made them.

        Without ``whole``, no cell is kept before ``look_at``.

        Raises:
            GdcliError: for what cannot be swept.
        """
        settings = on_device(settings)
        self.settings = settings
        self.axes = axes_of(settings)
        first = [0] * len(self.axes)
        for index in (first, [len(axis) - 1 for axis in self.axes]):
            minimize(self._alone(index))  # refuses what minimize refuses
        alone = complete_minimize(self._alone(first))
        self.descent = replace(alone, **complete_rule(alone))
        self.grid = Grid(settings, self.axes, self.descent)
        self.problem = self._problem(self.grid.seeds()[0])
        check_scalar(self.problem.value(), self.problem.objective.expression, self.problem.wrt)
        self.cells = self.empty(self.grid.size if whole else 0, part=shard.of > 1)
        self.first = 0
        self.shard = shard
        self.engine: Engine | None = None
        if made is None:
            self.engine, why = self._engine(self.problem)
            source = getattr(self.engine, "source", None)
            functions = sorted({*self.engine.step.approximate, *getattr(source, "approximate", [])})
            name: Any = self.engine.name
            made = EngineMade(name=name, functions=functions, why=why)
        self.made = made
        self.finished: list[Finished] = []
        self.tiles: set[int] = set()
        self.run_steps = 0
        self.interrupted_by: str | None = None
        self.done = 0  # cells
        self.keeps = False  # whether what is finished is kept soon
        self._many: Many | None = None
        self._last: tuple[int, Problem, Engine] | None = None  # with another seed than the first
        self._used: EngineUsed | None = None
        self._minima: Minima | None = None
        self._reached: torch.Tensor | None = None
        self._tally: Tally | None = None
        self._stationary: dict[tuple[float, ...], bool] = {}  # by start: what is beside it does not depend on the rule

    def _alone(self, index: list[int]) -> MinimizeSettings:
        return replace(settings_alone(self.settings, self.axes, index), diagnose=False)

    def _problem(self, seed: int) -> Problem:
        alone = replace(self._alone([0] * len(self.axes)), seed=seed)
        return prepare(expression_of(alone), alone, alone.wrt)

    def _engine(self, problem: Problem) -> tuple[Engine, str]:
        steps = self.grid.size * max(1, self.settings.steps)
        engine, why = engine_for(problem, self.settings, self.grid.step_settings(problem), steps)
        most = self.settings.tolerance_ulp if self.settings.engine == "auto" else None
        if most is None or not isinstance(engine, Fast) or not engine.source.approximate:
            return engine, why
        exact = Replay(engine.step)
        difference = self._difference(engine, exact, problem)
        if difference <= most:
            return engine, why
        by = f"by {difference:.3g} units in the last place" if math.isfinite(difference) else "in steps or status"
        return exact, f"fast differs {by}"

    def _difference(self, one: Engine, other: Engine, problem: Problem) -> float:
        """How the ends of some cells differ between two engines, in units in the last place."""
        some = torch.randint(self.grid.size, (_TRIED,), generator=torch.Generator().manual_seed(0))
        chosen = dict(self.grid.by_seed(some)).get(self.grid.seeds()[0], some[:0])
        ends = []
        for engine in (one, other):
            found = Ends.empty(len(chosen), engine.step)
            for _ in self._many_of(engine, problem, chosen, found):
                pass
            ends.append(found)
        a, b = ends
        if not torch.equal(a.status, b.status) or not torch.equal(a.steps, b.steps):
            return math.inf
        return float(ulps(a.x, b.x).max()) if len(chosen) else 0.0

    def interrupt(self, by: str = "") -> None:
        """Ask the runs to end; what has been finished is kept."""
        self.interrupted_by = by
        if self._many is not None:
            self._many.interrupt()

    # The run

    def __iter__(self) -> Iterator[float]:
        """Run all cells, and yield now and then which share is done."""
        left = [tile for tile in self.shard.tiles(self.grid.tiles) if tile not in self.tiles]
        total = max(1, self.grid.count(left))
        size = self.together(len(left))
        for start in range(0, len(left), size):
            if self._stops():
                return
            tiles, before = left[start : start + size], self.run_steps
            yield from self._run_cells(self.grid.cells(tiles), total)
            if self._stops():
                return
            self.tiles.update(tiles)
            self.finished.append(Finished(tiles, self.run_steps - before))
            yield self.done / total
        give_memory_back()

    def run(self, chunks: Iterable[Chosen]) -> Iterator[float]:
        """The same in another order: ``chunks`` are the numbers of cells that are run together, each cell once."""
        for cells in chunks:
            yield from self._run_cells(cells, self.grid.size)
            if self._stops():
                return

    def _run_cells(self, cells: Chosen, total: int) -> Iterator[float]:
        for seed, of_seed in self.grid.by_seed(cells):
            problem, engine = self._with_seed(seed)
            for alike in self._alike(of_seed):
                yield from self._run(engine, problem, alike, total)
                if self._stops():
                    return

    def _stops(self) -> bool:
        return self.interrupted_by is not None

    def _with_seed(self, seed: int) -> tuple[Problem, Engine]:
        """The problem with a seed, and its engine."""
        if self.engine is None:
            raise RuntimeError("this sweep has its cells from parts")
        if seed == self.grid.seeds()[0]:
            return self.problem, self.engine
        if self._last is None or self._last[0] != seed:
            problem = self._problem(seed)
            engine = self.engine if _same_constants(problem, self.problem) else self._engine(problem)[0]
            self._last = seed, problem, engine
        return self._last[1:]

    def empty(self, count: int, *, part: bool = False) -> Cells:
        """So many cells that were not run."""
        dtype = next(iter(self.problem.leaves.values())).dtype
        return Cells.empty(count, self.problem.unknowns, dtype, rates=self.settings.measure == "rate", part=part)

    def look_at(self, cells: Chosen) -> None:
        """Keep these cells from now on, which follow each other, and forget those of before."""
        self.cells, self.first = self.empty(len(cells)), int(cells[0])
        self._forget_sums()

    def _forget_sums(self) -> None:
        self._minima = self._reached = self._tally = None

    def together(self, tiles: int) -> int:
        """How many tiles are run together."""
        if self.made.name == "vmap":  # a batch of another size may round otherwise, so it has to be that of the tile
            return 1
        fits = _NUMBERS // max(1, self.problem.unknowns) // TILE
        most = tiles // _PIECES if self.keeps else _CHUNK
        return max(1, min(_CHUNK, fits, most))

    def take(self, part: Part) -> None:
        """Take the cells of a part over.

        Raises:
            GdcliError: for a part that cannot be read.
        """
        cells, taken, chosen = self.cells, cells_of(part, self.grid.size), place_of(self.grid.cells(part.tiles))
        cells.status[chosen], cells.steps[chosen], cells.loss[chosen] = taken.status, taken.steps, taken.loss
        cells.x[:, chosen] = taken.x
        if cells.rate is not None and taken.rate is not None:
            cells.rate[chosen] = taken.rate
        self.run_steps += part.run_steps
        self.tiles.update(part.tiles)

    def _alike(self, cells: Chosen) -> list[Chosen]:
        """Some cells in groups that end by the same tests: without momentum, a point that comes again is an end."""
        for k, axis in enumerate(self.axes):
            if axis.kind == "parameter" and axis.target == "momentum":
                zero = self.grid.at(cells, k) == 0
                numbers = numbers_of(cells)
                return [group for group in (numbers[zero], numbers[~zero]) if len(group)]
        return [cells] if len(cells) else []

    def _run(self, engine: Engine, problem: Problem, chosen: Chosen, total: int) -> Iterator[float]:
        cells, place, ends = self.cells, place_of(chosen, self.first), Ends.empty(len(chosen), engine.step)
        if isinstance(place, slice):  # the ends are written where they stay
            ends = with_changes(ends, status=cells.status[place], steps=cells.steps[place], loss=cells.loss[place],
                                x=cells.x[:, place])  # fmt: skip
        many = self._many = self._many_of(engine, problem, chosen, ends)
        for share in many:
            yield (self.done + share * len(chosen)) / total
        self._judge(chosen, ends)
        if not isinstance(place, slice):
            cells.status[place], cells.steps[place], cells.loss[place] = ends.status, ends.steps, ends.loss
            cells.x[:, place] = ends.x
        if cells.rate is not None:
            ratio = ends.norm.double() / ends.first_norm  # float32 would differ with the place in a tensor
            cells.rate[place] = (ratio ** (1 / ends.steps.clamp(min=1).double())).to(cells.rate.dtype)
        self.run_steps += int(ends.steps.sum())
        if self.interrupted_by is not None:
            cells.forget(numbers_of(chosen)[ends.status == int(Status.INTERRUPTED)] - self.first)
        self._forget_sums()
        self._many = None
        self.done += len(chosen)

    def _many_of(self, engine: Engine, problem: Problem, chosen: Chosen, ends: Ends) -> Many:
        """The descents of some cells."""
        grid = self.grid

        def starts(place: slice) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            return grid.starts(chosen[place], problem), grid.parameters(chosen[place], problem)

        return Many(engine, self._stopping(chosen), starts, ends, grid.rates(chosen, problem))

    def _stopping(self, chosen: Chosen) -> Stopping:
        s = self.descent
        has_one = any(each is not None for each in (s.tol_grad, s.tol_loss, s.tol_x, s.until))
        for k, axis in enumerate(self.axes):
            if axis.kind == "parameter" and axis.target == "momentum":
                s = replace(s, momentum=float(self.grid.at(chosen[:1], k)))
        return Stopping(
            evaluations=s.steps + 1,
            stalled=False,
            maximize=s.maximize,
            until=s.until,
            takes_all=s.tol == "all",
            cycles=has_one and not rates_change(s) and not remembers(s),
            tol_grad=_pair(s.tol_grad),
            tol_loss=_pair(s.tol_loss),
            tol_x=_pair(s.tol_x),
        )

    def _rest_elsewhere(self, ends: Ends) -> torch.Tensor:
        """Which runs have met a tolerance with a gradient of exactly 0, but at none of the known minima."""
        found = ends.norm == 0
        if bool(found.any()):
            found &= has_converged(ends.status) & (ends.status != int(Status.REACHED))
        known = self._known_points() if bool(found.any()) else []
        if not known:
            return torch.zeros_like(found)
        points = torch.tensor(known, dtype=torch.float64)
        number, distance = nearest(ends.x, points)
        elsewhere: torch.Tensor = distance > AT_A_MINIMUM * points.norm(dim=1).clamp(min=1.0)[number.long()]
        return found & elsewhere

    def _judge(self, chosen: Chosen, ends: Ends) -> None:
        """The endings that a single descent judges by what is beside its point, or by the known minima."""
        ends.status[self._rest_elsewhere(ends)] = int(Status.STALLED)
        at_once = (ends.status == int(Status.CONVERGED_GRAD)) & (ends.steps == 0)
        for k in at_once.nonzero().squeeze(1).tolist():
            start = tuple(ends.x[:, k].tolist())
            if start not in self._stationary:
                self._stationary[start] = is_stationary(self._alone(self.grid.index_of(int(chosen[k]))))
            if self._stationary[start]:
                ends.status[k] = STATIONARY

    # What it leaves

    @property
    def minima(self) -> Minima:
        """The minima that the cells reach."""
        if self._minima is None:
            self._minima = self._found_minima()
        return self._minima

    def _found_minima(self) -> Minima:
        tolerance, known = self.settings.tol_minima, self._known_points()
        if known:
            return known_minima(known, tolerance)
        found = clustered(self.cells, tolerance, maximize=self.descent.maximize)
        return found if self.penalty is None else refined(found, self.problem_at, self.penalty)

    @property
    def penalty(self) -> float | None:
        """The factor p with which the runs add p / 2 times the squared norm of the point to the loss, by weight decay.

        None where weight decay differs from cell to cell, or is no part of the gradient, so that a run rests where no
        such function has a minimum.
        """
        decay = self.descent.weight_decay or 0.0
        if any(axis.target == "weight_decay" for axis in self.axes if axis.kind == "parameter"):
            return None
        if decay and (self.descent.optimizer == "adamw" or parameters_of(self.descent).get("decoupled_weight_decay")):
            return None
        return -decay if self.descent.maximize else decay

    @property
    def reached(self) -> torch.Tensor:
        """The number of the minimum that each cell reached, or -1: int16."""
        if self._reached is None:
            minima = self.minima
            found = torch.empty(len(self.cells), dtype=torch.int16)
            for first, piece in self.cells.pieces():
                found[first : first + len(piece)] = minima.reached(piece)
            self._reached = found
        return self._reached

    def measured(self, cells: Cells) -> torch.Tensor | None:
        """The distance or the rate of some cells, where that is what ``--measure`` asks for."""
        if self.settings.measure == "distance":
            return self.minima.distances(cells)
        return cells.rate if self.settings.measure == "rate" else None

    @property
    def tally(self) -> Tally:
        """The counts of all cells."""
        if self._tally is None:
            tally, reached = self.new_tally(self.minima), self.reached
            for first, piece in self.cells.pieces():
                tally.add(first, piece, reached[first : first + len(piece)], self.measured(piece))
            self._tally = tally
        return self._tally

    @property
    def extremum(self) -> str:
        """What the runs look for."""
        return "maximum" if self.descent.maximize else "minimum"

    def new_tally(self, minima: Minima) -> Tally:
        """Nothing counted yet."""
        return Tally.empty([len(axis) for axis in self.axes], len(minima.points), maximize=self.descent.maximize)

    def summed_up(self, tally: Tally, minima: Minima, used: EngineUsed) -> None:
        """Take over what was found in windows of all cells."""
        self._tally, self._minima, self._used = tally, minima, used

    def problem_at(self, point: torch.Tensor) -> Problem:
        """The problem at a point of shape (elements,), in float64."""
        alone = replace(self._alone([0] * len(self.axes)), dtype="float64")
        problem = prepare(expression_of(alone), alone, alone.wrt)
        tensors, leaves = dict(problem.tensors), problem.leaves
        for name, rows in rows_of(leaves).items():
            tensors[name] = point[rows].double().reshape(leaves[name].shape).clone().requires_grad_()
        return with_changes(problem, tensors=tensors)

    def _known_points(self) -> list[list[float]]:
        from gdcli.contract.nested import flat
        from gdcli.descent.minimize import Minimizing

        found = []
        for minimum in Minimizing(self.descent).minima:
            values = [minimum.values[name] for name in self.problem.wrt]
            point = [n for v in values for n in flat(list(v) if isinstance(v, tuple) else v)]
            if len(point) == self.problem.unknowns:
                found.append([float(number) for number in point])
        return found

    @property
    def used(self) -> EngineUsed:
        """The engine, and how some cells compare with single runs."""
        if self._used is None:
            made = self.made
            compared, differing, ulp = compare(self)
            self._used = EngineUsed(
                name=made.name,
                compared=compared,
                differing=differing,
                ulp=ulp,
                functions=made.functions,
                why=made.why,
            )
        return self._used

    def on(self, axes: Sequence[SweepAxis]) -> Sweep:
        """The same on other axes, none of whose cells was run."""
        other = self.with_cells(axes, self.empty(math.prod(map(len, axes))))
        other.finished, other.tiles, other.run_steps, other.done = [], set(), 0, 0
        return other

    def with_cells(self, axes: Sequence[SweepAxis], cells: Cells) -> Sweep:
        """The same with these axes and cells, to be drawn."""
        other = copy.copy(self)
        other.axes, other.cells, other.grid = list(axes), cells, Grid(self.settings, axes, self.descent)
        other.first = 0
        other._forget_sums()  # noqa: SLF001
        return other

    def record(self, *, cells: bool = False) -> SweepResult:
        """The record; with ``cells``, every cell is in it."""
        from gdcli.sweeps.summary import record_of

        return record_of(self, cells=cells).made_by(self)

    def figure(self) -> Figure:
        """The map, or the curve."""
        from gdcli.sweeps.figure import figure_of

        return figure_of(self)

    def save_cells(self, ending: str, file: IO[bytes]) -> None:
        """Write all cells as NPZ, Parquet or CSV, by the ending of the name."""
        from gdcli.sweeps.saved import save

        save(self, ending, file)


def _pair(tolerance: list[float] | None) -> tuple[float, float] | None:
    return None if tolerance is None else (tolerance[0], tolerance[1] if len(tolerance) > 1 else 0.0)


def _same_constants(a: Problem, b: Problem) -> bool:
    """Whether two problems differ in what moves alone."""
    return all(
        name in a.wrt or torch.equal(tensor.nan_to_num(), b.tensors[name].nan_to_num())
        for name, tensor in a.tensors.items()
    )
