"""Many descents by an engine: all of them step together, and those that may have ended are tested exactly.

An engine steps a block of iterations without testing, and watches for signs of an end. A run with such a sign is
stepped again from the beginning of the block, with the tests of a single descent after each step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from gdcli.batch.blocks import Block, Tested
from gdcli.batch.limits import Limits, Rates
from gdcli.batch.step import Step
from gdcli.batch.stopping import BatchStopTests, Before, Stopping

_FIRST_BLOCK = 16  # iterations; most runs that diverge do so early, and are stepped twice from where a block begins
_MARGIN = 1e-3  # relative: signs are computed in the dtype of the run, tests in float64


class Tile(Protocol):
    """Runs of an engine that are stepped together: ``x`` and ``gradient`` (elements, runs), ``loss`` (runs,).

    ``stuck`` says for which runs the last update was none, because the rule has no step there; None for none.
    """

    x: torch.Tensor
    gradient: torch.Tensor
    loss: torch.Tensor
    previous: torch.Tensor | None
    stuck: torch.Tensor | None
    parameters: dict[str, torch.Tensor]
    state: dict[str, torch.Tensor]

    @property
    def runs(self) -> int:
        """The number of runs."""

    def saved(self) -> dict[str, torch.Tensor]:
        """A copy of the points and of the state."""

    def restore(self, saved: Mapping[str, torch.Tensor]) -> None:
        """Take over a state."""

    def evaluate(self) -> None:
        """Compute ``loss`` and ``gradient`` at ``x``."""

    def update(self, t: int, rates: torch.Tensor | None = None) -> None:
        """Make update ``t``, counted from 1."""

    def advance(self, t: int, steps: int, limits: Limits, rates: Rates) -> torch.Tensor:
        """Evaluate and update, ``steps`` times, from update ``t`` on; says which runs may have ended."""

    def tested(self, runs: torch.Tensor, block: Block, rates: Rates) -> Tested:
        """Step some runs from the beginning of a block, with the tests of a descent."""


class Engine(Protocol):
    """Makes tiles of at most ``tile`` runs.

    ``block`` is how many iterations it makes at most between two looks at the signs of an end; fewer with a tolerance,
    when most runs end, and are stepped twice from where a block begins.
    """

    name: str
    tile: int
    block: int
    block_with_tolerance: int
    step: Step

    def tile_of(self, x: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> Tile:
        """Runs at ``x``."""


@dataclass(frozen=True, slots=True)
class Ends:
    """How runs have ended: tensors of shape (runs,), ``x`` of shape (elements, runs). ``status`` holds ``Status``.

    ``first_norm`` and ``norm`` are the norms of the first and of the last gradient.
    """

    status: torch.Tensor
    steps: torch.Tensor
    loss: torch.Tensor
    x: torch.Tensor
    first_norm: torch.Tensor
    norm: torch.Tensor


@dataclass(slots=True)
class _Part:
    """The runs of a tile: their numbers, which of them go on, and what their tests compare with."""

    tile: Tile
    runs: torch.Tensor
    alive: torch.Tensor
    largest: torch.Tensor
    first_norm: torch.Tensor
    landmark: torch.Tensor | None = None
    landmark_at: int = 0

    def before(self) -> Before:
        """What the tests of the next iterations compare with."""
        tile = self.tile
        return Before(
            tile.loss.clone(), tile.gradient.clone(), tile.previous, self.largest, self.first_norm,
            self.landmark, self.landmark_at,
        )  # fmt: skip


class Many:
    """Many descents: iterate over it for the share of the steps that is made, then ask for the ``ends``."""

    def __init__(
        self,
        engine: Engine,
        stopping: Stopping,
        x: torch.Tensor,
        parameters: Mapping[str, torch.Tensor],
        rates: Callable[[int, torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        """Take runs at ``x``, of shape (elements, runs).

        Each of ``parameters`` has shape (runs,) or (elements, runs). ``rates`` gives the learning rates of some runs,
        by their numbers, in a step.
        """
        self.engine, self.stopping = engine, stopping
        self.steps = stopping.evaluations - 1
        self._rates = rates
        self._interrupted = False
        runs = x.shape[1]
        self.ends = Ends(
            status=torch.zeros(runs, dtype=torch.int8),
            steps=torch.zeros(runs, dtype=torch.int32),
            loss=torch.zeros(runs, dtype=engine.step.loss.dtype),
            x=x.clone(),
            first_norm=torch.zeros(runs),
            norm=torch.zeros(runs),
        )
        self._start = (x, parameters)

    def interrupt(self) -> None:
        """Ask the runs to end before their next step."""
        self._interrupted = True

    def __iter__(self) -> Iterator[float]:
        """Run, and yield now and then which share of the steps is made."""
        parts = self._parts(*self._start)
        for part in parts:
            self._begin(part)
        i = 1 if self.steps else 0
        while i < self.steps and not self._interrupted:
            parts = self._compacted(parts)
            if not parts:
                return
            k = self._block(i)
            for part in parts:
                self._block_of(part, i, k)
            i += k
            yield i / self.steps
        for part in self._compacted(parts):
            self._finish(part, i)

    def _block(self, i: int) -> int:
        """How many iterations are made from iteration ``i`` on: not beyond a power of two, where landmarks are set."""
        stopping = self.stopping
        tolerant = any(t is not None for t in (stopping.tol_grad, stopping.tol_loss, stopping.tol_x, stopping.until))
        most = self.engine.block_with_tolerance if tolerant else min(self.engine.block, max(_FIRST_BLOCK, i))
        if stopping.cycles is not False:
            most = min(most, (1 << i.bit_length()) - i)
        return min(most, self.steps - i)

    def _parts(self, x: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> list[_Part]:
        """The runs in tiles."""
        numbers = torch.arange(x.shape[1])
        found = []
        for runs in torch.split(numbers, self.engine.tile):
            tile = self.engine.tile_of(x[:, runs], {name: p[..., runs] for name, p in parameters.items()})
            none = torch.zeros(len(runs), dtype=torch.float64)
            found.append(_Part(tile, runs, torch.ones(len(runs), dtype=torch.bool), none, none))
        return found

    def _begin(self, part: _Part) -> None:
        """Test the first two iterations."""
        tile = part.tile
        tests = self._tests(tile)
        tile.evaluate()
        tests.look(0, tile.loss, tile.gradient, tile.x)
        part.largest, part.first_norm = tests.largest, tests.first_norm
        part.landmark = tests.landmark
        self.ends.first_norm[part.runs] = tests.first_norm.float()
        if self.steps:
            tile.previous = tile.x.clone()
            tile.update(1, self._rates_of(part)(1))
            self._end_stuck(tests, 0, tile)
        self._take(part, Tested.by(tests), slice(None))

    def _block_of(self, part: _Part, i: int, k: int) -> None:
        """Make the iterations i to i + k - 1; the points are those of iteration i + k then."""
        tile = part.tile
        before = part.before()
        saved = tile.saved()
        if self.stopping.cycles is not False and i & (i - 1) == 0:
            part.landmark, part.landmark_at = tile.x.clone(), i
        suspects = tile.advance(i + 1, k, self._limits(part), self._rates_of(part)) & part.alive
        if bool(suspects.any()):
            runs = suspects.nonzero().squeeze(1)
            block = Block(i, k, saved, before, self.stopping)
            self._take(part, tile.tested(runs, block, self._rates_of(part)), runs)

    def _limits(self, part: _Part) -> Limits:
        stopping, dtype = self.stopping, part.tile.x.dtype
        tiny = torch.finfo(dtype).tiny
        gradient = None
        if stopping.tol_grad is not None:
            norm = stopping.tol_grad[0] + stopping.tol_grad[1] * part.first_norm
            gradient = (norm * norm * (1 + _MARGIN)).to(part.tile.loss.dtype).clamp(min=tiny)
        return Limits(
            largest=torch.full_like(part.tile.loss, torch.finfo(dtype).max)
            if stopping.maximize
            else (part.largest * (1 - _MARGIN)).to(part.tile.loss.dtype).clamp(max=torch.finfo(dtype).max),
            gradient=gradient,
            until=None if stopping.until is None else _with_margin(stopping.until, maximize=stopping.maximize),
            loss=_wider(stopping.tol_loss, tiny),
            x=_wider(stopping.tol_x, tiny),
            landmark=None if stopping.cycles is False else part.landmark,
            maximize=stopping.maximize,
        )

    def _finish(self, part: _Part, i: int) -> None:
        """Evaluate and test the last iteration."""
        tile = part.tile
        tests = self._tests(tile)
        tests.resume(part.before())
        tile.evaluate()
        self._look(tests, i, tile)
        if bool(tests.alive.any()):
            tests.interrupt(i, tile.loss, tile.x)
        self._take(part, Tested.by(tests), slice(None))

    def _look(self, tests: BatchStopTests, iteration: int, tile: Tile) -> None:
        tests.evaluations.fill_(iteration + 1)
        tests.look(iteration, tile.loss, tile.gradient, tile.x)

    def _end_stuck(self, tests: BatchStopTests, iteration: int, tile: Tile) -> None:
        """End the runs that have no step from the points of an iteration."""
        if tile.stuck is not None and bool(tile.stuck.any()):
            tests.stall(tile.stuck, iteration, tile.loss, tile.gradient, tile.x)

    def _take(self, part: _Part, tested: Tested, runs: torch.Tensor | slice) -> None:
        """Keep the ends of those of the runs that have ended."""
        over = (tested.status != 0) & part.alive[runs]
        if not bool(over.any()):
            return
        numbers = part.runs[runs][over]
        ends = self.ends
        ends.status[numbers] = tested.status[over]
        ends.steps[numbers] = tested.steps[over]
        ends.loss[numbers] = tested.loss[over].to(ends.loss.dtype)
        ends.x[:, numbers] = tested.x[:, over]
        ends.norm[numbers] = tested.norm[over].float()
        part.alive[runs] &= tested.status == 0

    def _tests(self, tile: Tile) -> BatchStopTests:
        tests = BatchStopTests(self.stopping, tile.x, stalls=False, samples=0)
        tests.evaluations.fill_(1)
        return tests

    def _rates_of(self, part: _Part) -> Rates:
        rates = self._rates
        return (lambda _: None) if rates is None else (lambda t: rates(t, part.runs))

    def _compacted(self, parts: Sequence[_Part]) -> list[_Part]:
        """The parts without the runs that have ended, once half of them have."""
        alive = [int(part.alive.sum()) for part in parts]
        if sum(alive) > sum(part.tile.runs for part in parts) // 2:
            return [part for part, left in zip(parts, alive, strict=True) if left]
        kept = [(part, part.alive.nonzero().squeeze(1)) for part, left in zip(parts, alive, strict=True) if left]
        if not kept:
            return []
        x = torch.cat([part.tile.x[:, on] for part, on in kept], 1)
        joined = _Joined(kept)
        made = []
        for place in torch.split(torch.arange(x.shape[1]), self.engine.tile):
            tile = self.engine.tile_of(x[:, place], joined.of(lambda part: part.tile.parameters, place))
            tile.restore(joined.of(lambda part: part.tile.state, place))
            tile.loss.copy_(joined.one(lambda part: part.tile.loss)[place])
            tile.gradient.copy_(joined.one(lambda part: part.tile.gradient)[:, place])
            tile.previous = joined.maybe(lambda part: part.tile.previous, place)
            made.append(
                _Part(
                    tile,
                    joined.one(lambda part: part.runs)[place],
                    torch.ones(len(place), dtype=torch.bool),
                    joined.one(lambda part: part.largest)[place],
                    joined.one(lambda part: part.first_norm)[place],
                    joined.maybe(lambda part: part.landmark, place),
                    kept[0][0].landmark_at,
                )
            )
        return made


class _Joined:
    """What some runs of several parts have, one after the other."""

    def __init__(self, kept: Sequence[tuple[_Part, torch.Tensor]]) -> None:
        self.kept = kept

    def one(self, of: Callable[[_Part], torch.Tensor]) -> torch.Tensor:
        """A tensor whose last axis are the runs."""
        return torch.cat([of(part)[..., on] for part, on in self.kept], -1)

    def maybe(self, of: Callable[[_Part], torch.Tensor | None], place: torch.Tensor) -> torch.Tensor | None:
        """A tensor that may be missing, of some of the runs."""
        if of(self.kept[0][0]) is None:
            return None
        return self.one(of)[..., place].contiguous()  # type: ignore[arg-type]

    def of(self, of: Callable[[_Part], Mapping[str, torch.Tensor]], place: torch.Tensor) -> dict[str, torch.Tensor]:
        """Tensors by name, of some of the runs; one without runs is that of all."""
        first = of(self.kept[0][0])
        return {
            name: self.one(lambda part, name=name: of(part)[name])[..., place].contiguous()  # type: ignore[misc]
            if value.dim() and value.shape[-1] == self.kept[0][0].tile.runs
            else value
            for name, value in first.items()
        }


def _with_margin(loss: float, *, maximize: bool) -> float:
    """A limit of a loss, or of its negative, that is surely met when the loss is."""
    value = -loss if maximize else loss
    return value + abs(value) * _MARGIN + 1e-30


def _wider(tolerance: tuple[float, float] | None, tiny: float) -> tuple[float, float] | None:
    return None if tolerance is None else (tolerance[0] * (1 + _MARGIN) + tiny, tolerance[1] * (1 + _MARGIN))
