"""A sweep from its settings to its record: runs all cells, compares some with single runs, and sums them up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as with_changes
from typing import IO, Any

import torch
from msgspec.structs import replace

from gdcli.batch.engines import engine_for
from gdcli.batch.many import Ends, Engine, Many
from gdcli.batch.stopping import Status, Stopping
from gdcli.complete.alone import settings_alone
from gdcli.complete.minimize import complete_minimize
from gdcli.complete.problem import expression_of
from gdcli.complete.sweep import axes_of
from gdcli.contract.descent import MinimizeSettings
from gdcli.contract.figure import Figure
from gdcli.contract.sweep import EngineUsed, SweepResult, SweepSettings
from gdcli.descent.minimize import AT_A_MINIMUM, minimize
from gdcli.rules.parameters import complete_rule, rates_change, remembers
from gdcli.sweeps.alone import compare, is_stationary
from gdcli.sweeps.ends import CONVERGED_CODES, STATIONARY, Cells
from gdcli.sweeps.grid import TILE, Grid
from gdcli.sweeps.minima import Minima, clustered, known_minima, nearest, refined
from gdcli.tensors import Problem, check_scalar, on_device, prepare

_CHUNK = 64  # tiles that are run together at most
_NUMBERS = 1 << 23  # of all points of a chunk


class Sweep:
    """A sweep: iterate over it for the share that is done, then ask for its record and its figure."""

    def __init__(self, settings: SweepSettings) -> None:
        """Take completed settings.

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
        dtype = next(iter(self.problem.leaves.values())).dtype
        self.cells = Cells.empty(self.grid.size, self.problem.unknowns, dtype, rates=settings.measure == "rate")
        self.engine, self.why = self._engine(self.problem)
        self.run_steps = 0
        self.interrupted_by: str | None = None
        self.done = 0
        self._many: Many | None = None
        self._used: EngineUsed | None = None
        self._minima: Minima | None = None

    def _alone(self, index: list[int]) -> MinimizeSettings:
        return replace(settings_alone(self.settings, self.axes, index), diagnose=False)

    def _problem(self, seed: int) -> Problem:
        alone = replace(self._alone([0] * len(self.axes)), seed=seed)
        return prepare(expression_of(alone), alone, alone.wrt)

    def _engine(self, problem: Problem) -> tuple[Engine, str]:
        steps = self.grid.size * max(1, self.settings.steps)
        return engine_for(problem, self.settings, self.grid.step_settings(problem), steps)

    def interrupt(self, by: str = "") -> None:
        """Ask the runs to end; what has been finished is kept."""
        self.interrupted_by = by
        if self._many is not None:
            self._many.interrupt()

    # The run

    def __iter__(self) -> Iterator[float]:
        """Run all cells, and yield now and then which share is done."""
        for seed in self.grid.seeds():
            problem = self.problem if seed == self.grid.seeds()[0] else self._problem(seed)
            engine = self.engine if _same_constants(problem, self.problem) else self._engine(problem)[0]
            for cells in self._chunks():
                for chosen in self._alike(self.grid.with_seed(cells, seed)):
                    yield from self._run(engine, problem, chosen)
                    if self.interrupted_by is not None:
                        return
        self._judge()

    def _chunks(self) -> Iterator[torch.Tensor]:
        """The cells, as many at a time as are run together."""
        fits = max(TILE, _NUMBERS // max(1, self.problem.unknowns))
        size = min(_CHUNK * TILE, fits // TILE * TILE)
        for start in range(0, self.grid.size, size):
            yield torch.arange(start, min(start + size, self.grid.size))

    def _alike(self, cells: torch.Tensor) -> list[torch.Tensor]:
        """Some cells in groups whose runs end by the same tests: without momentum, a point that comes again is an end."""
        for k, axis in enumerate(self.axes):
            if axis.kind == "parameter" and axis.target == "momentum":
                zero = self.grid.at(cells, k) == 0
                return [group for group in (cells[zero], cells[~zero]) if len(group)]
        return [cells] if len(cells) else []

    def _run(self, engine: Engine, problem: Problem, chosen: torch.Tensor) -> Iterator[float]:
        grid = self.grid
        many = self._many = Many(
            engine,
            self._stopping(chosen),
            grid.starts(chosen, problem),
            grid.parameters(chosen, problem),
            grid.rates(chosen, problem),
        )
        for share in many:
            yield (self.done + share * len(chosen)) / grid.size
        self.run_steps += many.run_steps
        ends, cells = many.ends, self.cells
        cells.status[chosen], cells.steps[chosen], cells.loss[chosen] = ends.status, ends.steps, ends.loss
        cells.x[:, chosen] = ends.x
        cells.status[chosen[self._rest_elsewhere(ends)]] = int(Status.STALLED)
        if cells.rate is not None:
            cells.rate[chosen] = (ends.norm / ends.first_norm) ** (1 / ends.steps.clamp(min=1))
        if self.interrupted_by is not None:
            stopped = chosen[ends.status == int(Status.INTERRUPTED)]
            cells.status[stopped] = 0
        self.done += len(chosen)
        yield self.done / grid.size

    def _stopping(self, chosen: torch.Tensor) -> Stopping:
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
        found = (ends.norm == 0) & torch.isin(ends.status, torch.tensor(CONVERGED_CODES, dtype=torch.int8))
        found &= ends.status != int(Status.REACHED)
        known = self._known_points() if bool(found.any()) else []
        if not known:
            return torch.zeros_like(found)
        points = torch.tensor(known, dtype=torch.float64)
        number, distance = nearest(ends.x, points)
        elsewhere: torch.Tensor = distance > AT_A_MINIMUM * points.norm(dim=1).clamp(min=1.0)[number.long()]
        return found & elsewhere

    def _judge(self) -> None:
        """The endings that a single descent judges by what is beside its point, or by the known minima."""
        cells = self.cells
        at_once = ((cells.status == int(Status.CONVERGED_GRAD)) & (cells.steps == 0)).nonzero().squeeze(1)
        for cell in at_once.tolist():
            if is_stationary(self._alone(self.grid.index_of(cell))):
                cells.status[cell] = STATIONARY

    # What it leaves

    @property
    def minima(self) -> Minima:
        """The minima that the cells reach."""
        if self._minima is None:
            self._minima = self._found_minima()
        return self._minima

    def _found_minima(self) -> Minima:
        cells, tolerance = self.cells, self.settings.tol_minima
        known = self._known_points()
        if known:
            ended = (cells.status != 0) & ~cells.diverged
            return known_minima(cells.x, ended, known, tolerance)
        found = clustered(cells.x, cells.converged, cells.loss, tolerance)
        return refined(found, self.problem_at, tolerance)

    def problem_at(self, point: torch.Tensor) -> Problem:
        """The problem at a point of shape (elements,), in float64."""
        alone = replace(self._alone([0] * len(self.axes)), dtype="float64")
        problem = prepare(expression_of(alone), alone, alone.wrt)
        start, tensors = 0, dict(problem.tensors)
        for name, leaf in problem.leaves.items():
            part = point[start : start + leaf.numel()]
            tensors[name] = part.double().reshape(leaf.shape).clone().requires_grad_()
            start += leaf.numel()
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
            functions = list(getattr(getattr(self.engine, "source", None), "approximate", []))
            compared, differing, ulp = compare(self)
            name: Any = self.engine.name
            self._used = EngineUsed(
                name=name, compared=compared, differing=differing, ulp=ulp, functions=functions, why=self.why
            )
        return self._used

    def record(self, *, cells: bool = False) -> SweepResult:
        """The record; with ``cells``, every cell is in it."""
        from gdcli.sweeps.summary import record_of

        return record_of(self, cells=cells)

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
