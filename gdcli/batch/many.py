"""Many descents by an engine: all of them step together, and those that may have ended are tested exactly.

An engine steps a block of iterations without testing, and watches for signs of an end. A run with such a sign is
stepped again from the beginning of the block, with the tests of a single descent after each step.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import torch

from gdcli.batch.blocks import Ended, Known, Tested
from gdcli.batch.limits import Rates
from gdcli.batch.step import Step
from gdcli.batch.stopping import Stopping

_FEWEST = 4_096  # runs of a tile, below which a thread of its own gains nothing


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

    def go_on(self, i: int, count: int, known: Known, stopping: Stopping, rates: Rates) -> Ended | None:
        """Make the iterations from ``i`` on of the runs that are alive; says how some of them ended."""

    def finish(self, i: int, known: Known, stopping: Stopping) -> Ended:
        """Evaluate and test iteration ``i``, where all runs end."""


class Engine(Protocol):
    """Makes tiles of at most ``tile`` runs. With ``threads``, tiles may be stepped at the same time."""

    name: str
    tile: int
    threads: bool
    step: Step

    def most(self, i: int, stopping: Stopping) -> int:
        """How many iterations it makes at most in one go from iteration ``i`` on."""

    def tile_of(self, x: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> Tile:
        """Runs at ``x``."""


@dataclass(frozen=True, slots=True)
class Ends:
    """How runs have ended: tensors of shape (runs,), ``x`` of shape (elements, runs). ``status`` holds ``Status``.

    ``first_norm`` and ``norm``, float32, are the norms of the first and of the last gradient.
    """

    status: torch.Tensor
    steps: torch.Tensor
    loss: torch.Tensor
    x: torch.Tensor
    first_norm: torch.Tensor
    norm: torch.Tensor

    @staticmethod
    def empty(runs: int, step: Step) -> Ends:
        """Runs of a step that have not ended."""
        return Ends(
            status=torch.zeros(runs, dtype=torch.int8),
            steps=torch.empty(runs, dtype=torch.int32),
            loss=torch.empty(runs, dtype=step.loss.dtype),
            x=torch.empty(step.x.size, runs, dtype=step.x.dtype),
            first_norm=torch.empty(runs),
            norm=torch.empty(runs),
        )


Starts = Callable[[slice], tuple[torch.Tensor, Mapping[str, torch.Tensor]]]
"""The starts (elements, runs) of some runs, and their parameters, each of shape (runs,) or (elements, runs)."""


@dataclass(slots=True)
class _Part:
    """The runs of a tile, and their numbers."""

    tile: Tile
    runs: torch.Tensor
    known: Known


class Many:
    """Many descents: iterate over it for the share of the steps that is made, then ask for the ``ends``."""

    def __init__(
        self,
        engine: Engine,
        stopping: Stopping,
        starts: Starts,
        ends: Ends,
        rates: Callable[[int, torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        """Take as many runs as ``ends`` has, which is where their ends are written.

        ``rates`` gives the learning rates of some runs, by their numbers, in a step.
        """
        self.engine, self.stopping, self.ends = engine, stopping, ends
        self.steps = stopping.evaluations - 1
        self._starts, self._rates = starts, rates
        self._threads = torch.get_num_threads() if engine.threads else 1
        self._interrupted = False

    def interrupt(self) -> None:
        """Ask the runs to end before their next step."""
        self._interrupted = True

    def __iter__(self) -> Iterator[float]:
        """Run, and yield now and then which share of the steps is made."""
        with ThreadPoolExecutor(self._threads) as pool:
            each = map if self._threads == 1 else pool.map
            i = min(self.engine.most(0, self.stopping), self.steps)
            # a part of which all runs have ended is gone before the next one is made
            parts = [part for part in each(functools.partial(self._begin, i), self._places()) if part is not None]
            yield i / max(1, self.steps)
            while i < self.steps and not self._interrupted:
                parts = self._compacted(parts)
                if not parts:
                    return
                k = min(self.engine.most(i, self.stopping), self.steps - i)
                for _ in each(functools.partial(self._go_on, i, k), parts):
                    pass
                i += k
                yield i / self.steps
            for part in self._compacted(parts):
                self._take(part, *part.tile.finish(i, part.known, self.stopping))

    def _places(self) -> Iterator[slice]:
        """The runs in tiles."""
        runs = len(self.ends.status)
        most = min(self.engine.tile, max(_FEWEST, -(-runs // self._threads)))
        return (slice(start, min(start + most, runs)) for start in range(0, runs, most))

    def _begin(self, k: int, place: slice) -> _Part | None:
        """Make the first k iterations; None where all runs have ended."""
        runs = place.stop - place.start
        tile = self.engine.tile_of(*self._starts(place))
        numbers = torch.arange(place.start, place.stop)
        known = Known(torch.ones(runs, dtype=torch.bool), *torch.empty(2, runs, dtype=torch.float64))
        part = _Part(tile, numbers, known)
        if k:
            self._go_on(0, k, part)
        else:
            self._take(part, *tile.finish(0, known, self.stopping))
        self.ends.first_norm[place] = known.first_norm
        return part if bool(known.alive.any()) else None

    def _go_on(self, i: int, k: int, part: _Part) -> None:
        """Make the iterations i to i + k - 1."""
        ended = part.tile.go_on(i, k, part.known, self.stopping, self._rates_of(part))
        if ended is not None:
            self._take(part, *ended)

    def _take(self, part: _Part, runs: torch.Tensor | slice, tested: Tested) -> None:
        """Keep the ends of those of the runs that have ended."""
        over = (tested.status != 0) & part.known.alive[runs]
        if not bool(over.any()):
            return
        part.known.alive[runs] &= ~over
        numbers, ended = (part.runs[runs], slice(None)) if bool(over.all()) else (part.runs[runs][over], over)
        place = _contiguous(numbers)
        ends = self.ends
        ends.steps[place] = tested.steps[ended]
        ends.loss[place] = tested.loss[ended].to(ends.loss.dtype)
        ends.x[:, place] = tested.x[:, ended]
        ends.norm[place] = tested.norm[ended].float()
        ends.status[place] = tested.status[ended]  # last: from then on, a figure shows the run

    def _rates_of(self, part: _Part) -> Rates:
        rates = self._rates
        return (lambda _: None) if rates is None else (lambda t: rates(t, part.runs))

    def _compacted(self, parts: Sequence[_Part]) -> list[_Part]:
        """The parts without the runs that have ended, once half of them have."""
        alive = [int(part.known.alive.sum()) for part in parts]
        if sum(alive) > sum(part.tile.runs for part in parts) // 2:
            return [part for part, left in zip(parts, alive, strict=True) if left]
        kept = [(part, part.known.alive.nonzero().squeeze(1)) for part, left in zip(parts, alive, strict=True) if left]
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
                    Known(
                        torch.ones(len(place), dtype=torch.bool),
                        joined.one(lambda part: part.known.largest)[place],
                        joined.one(lambda part: part.known.first_norm)[place],
                        joined.maybe(lambda part: part.known.landmark, place),
                        kept[0][0].known.landmark_at,
                    ),
                )
            )
        return made


def _contiguous(numbers: torch.Tensor) -> torch.Tensor | slice:
    """Numbers of runs, in order, as a slice where they follow each other: it is copied to much faster."""
    first, last = int(numbers[0]), int(numbers[-1])
    return slice(first, last + 1) if last - first == len(numbers) - 1 else numbers


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
