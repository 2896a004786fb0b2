"""The engine ``replay``: PyTorch's operations of a recorded step, made in place for many runs.

No memory is taken in a step: each operation writes into a tensor that was made before, and a tensor whose value is not
needed any more is written again. The runs of a tile fit the processor's cache.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping

import torch

from gdcli.batch.binding import Binding, Call, Memory
from gdcli.batch.blocks import Block, Ended, Known, Tested, most_of, of_runs, rates_of_runs
from gdcli.batch.limits import Rates, limits_of
from gdcli.batch.operations import Operation
from gdcli.batch.recording import Level, Slot
from gdcli.batch.step import Step, StepInputs, Update
from gdcli.batch.stopping import BatchStopTests, Before, Stopping, is_at_landmark, norm_of
from gdcli.batch.watch import Watch
from gdcli.descent.criteria import largest_loss

_TILE = 262_144  # numbers of a tensor, which stay in the cache together with a few others
_FEWEST, _MOST = 1_024, 131_072  # runs of a tile


class Replay:
    """The engine: makes tiles of runs, which share the memory of what lies between."""

    name = "replay"
    threads = False  # PyTorch has its own

    def __init__(self, step: Step) -> None:
        self.step = step
        self.tile = tile_size([*step.evaluation, *step.update.operations])
        self._memory: dict[int, Memory] = {}

    def most(self, i: int, stopping: Stopping) -> int:
        """How many iterations it makes at most in one go from iteration ``i`` on."""
        return most_of(i, stopping, self.step, 32, 8)

    def tile_of(self, x: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> ReplayTile:
        """Runs at ``x``, of shape (elements, runs); each of ``parameters`` has shape (runs,) or (elements, runs)."""
        runs = x.shape[1]
        if runs not in self._memory:
            self._memory = {n: m for n, m in self._memory.items() if n == self.tile}  # odd numbers come once
            self._memory[runs] = Memory(runs)
        return ReplayTile(self.step, x, parameters, self._memory[runs])


def tile_size(operations: Iterable[Operation]) -> int:
    """How many runs make some operations together, so that a tensor of each result stays in the cache."""
    widest = max(operation.result.size for operation in operations)
    return max(_FEWEST, min(_MOST, _TILE >> max(0, widest - 1).bit_length()))


class ReplayTile:
    """Runs that are stepped together: ``x`` and ``gradient`` have shape (elements, runs), ``loss`` has (runs,).

    ``state`` is what the rule remembers, from its first update on. ``previous`` are the points before the last update,
    where a limit needs them. ``stuck`` says for which runs the last update was none, because the rule has no
    step there.
    """

    def __init__(self, step: Step, x: torch.Tensor, parameters: Mapping[str, torch.Tensor], memory: Memory) -> None:
        self.step = step
        self.x = x.contiguous()
        self.parameters = {name: value.contiguous() for name, value in parameters.items()}
        self.gradient = torch.zeros_like(self.x)
        self.loss = torch.zeros(self.runs, dtype=step.loss.dtype)
        self.state: dict[str, torch.Tensor] = {}
        self.previous: torch.Tensor | None = None
        self.stuck: torch.Tensor | None = None
        self._watch: Watch | None = None
        self._memory = memory
        self._places: dict[Slot, torch.Tensor] = {step.x: self.x, step.gradient: self.gradient}
        self._evaluation: list[Call] = []
        self._updates: dict[bool, list[Call]] = {}

    @property
    def runs(self) -> int:
        """The number of runs."""
        return self.x.shape[1]

    def saved(self) -> dict[str, torch.Tensor]:
        """A copy of the points and of the state; the points have no name."""
        return {"": self.x.clone(), **{name: value.clone() for name, value in self.state.items()}}

    def restore(self, saved: Mapping[str, torch.Tensor]) -> None:
        """Take over the state of other runs; their points and parameters are those that this was made with."""
        self.state = {name: value for name, value in saved.items() if name}

    def evaluate(self) -> None:
        """Compute ``loss`` and ``gradient`` at ``x``."""
        if not self._evaluation:
            self._evaluation = self._bound_evaluation()
        for function, arguments, keywords in self._evaluation:
            function(*arguments, **keywords)

    def update(self, t: int, rates: torch.Tensor | None = None) -> None:
        """Make update ``t``, counted from 1; ``rates`` are the learning rates of this step, where they change."""
        is_first = t == 1
        update = self.step.first if is_first else self.step.update
        if is_first not in self._updates:
            self._updates[is_first] = self._bound_update(update)
        if rates is not None:
            self._places[self.step.parameters["lr"]].copy_(rates)
        for inputs in update.inputs:
            self._set(inputs, t)
        for function, arguments, keywords in self._updates[is_first]:
            function(*arguments, **keywords)

    def go_on(self, i: int, count: int, known: Known, stopping: Stopping, rates: Rates) -> Ended | None:
        """Make the iterations from ``i`` on of the runs that are alive; says how some of them ended.

        They are not tested while they step: those with a sign of an end are stepped again, from the beginning.
        """
        saved, before = self.saved(), self._before(i, known)
        suspects = self.advance(i + 1, count, known, stopping, rates) & known.alive
        if not bool(suspects.any()):
            return None
        runs = suspects.nonzero().squeeze(1)
        return runs, self.tested(runs, Block(i, count, saved, before, stopping), rates)

    def finish(self, i: int, known: Known, stopping: Stopping) -> Ended:
        """Evaluate and test iteration ``i``, where all runs end."""
        tests = BatchStopTests(stopping, self.x, stalls=False, samples=0)
        if before := self._before(i, known):
            tests.resume(before)
        self.evaluate()
        tests.evaluations.fill_(i + 1)
        tests.look(i, self.loss, self.gradient, self.x)
        if bool(tests.alive.any()):
            tests.interrupt(i, self.loss, self.x)
        return slice(None), Tested.by(tests)

    def _before(self, i: int, known: Known) -> Before | None:
        """What the tests compare with from iteration ``i`` on; None at the start, where it is found out."""
        if i == 0:
            self.evaluate()
            known.largest, known.first_norm = largest_loss(self.loss.double()), norm_of(self.gradient)
            return None
        return Before(
            self.loss.clone(), self.gradient.clone(), self.previous, known.largest, known.first_norm,
            known.landmark, known.landmark_at,
        )  # fmt: skip

    def advance(self, t: int, steps: int, known: Known, stopping: Stopping, rates: Rates) -> torch.Tensor:
        """Evaluate and update, ``steps`` times, from update ``t`` on; says which runs may have ended, shape (runs,)."""
        if known.limits is None:
            known.limits = limits_of(stopping, known.largest, known.first_norm, self.step)
        watch = self._watch = self._watch or Watch(self)
        watch.begin(known.limits, known.landmark)
        for i in range(t, t + steps):
            if stopping.cycles is not False and is_at_landmark(i - 1):
                known.landmark, known.landmark_at = self.x.clone(), i - 1
                watch.compare_with(known.landmark)
            self.evaluate()
            watch.evaluated()
            self.update(i, rates(i))
            watch.updated()
        self.previous = watch.previous
        return watch.suspects()

    def tested(self, runs: torch.Tensor, block: Block, rates: Rates) -> Tested:
        """Step some runs from the beginning of a block, with the tests of a descent after each evaluation."""
        saved = {
            name: value[..., runs] if value.dim() and value.shape[-1] == self.runs else value
            for name, value in block.saved.items()
        }
        tile = self.like(saved[""], {name: value[..., runs] for name, value in self.parameters.items()})
        tile.restore(saved)
        tests = BatchStopTests(block.stopping, tile.x, stalls=False, samples=0)
        if block.before is not None:
            tests.resume(of_runs(block.before, runs))
        changing = rates_of_runs(rates, runs)
        for i in range(block.start, block.start + block.count + 1):
            tile.evaluate()
            tests.evaluations.fill_(i + 1)
            tests.look(i, tile.loss, tile.gradient, tile.x)
            if i == block.start + block.count or not bool(tests.alive.any()):
                break
            tile.update(i + 1, changing(i + 1))
            if tile.stuck is not None:
                tests.stall(tile.stuck, i, tile.loss, tile.gradient, tile.x)
        return Tested.by(tests)

    def like(self, x: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> ReplayTile:
        """Other runs of the same engine."""
        return ReplayTile(self.step, x, parameters, Memory(x.shape[1]))

    def _set(self, inputs: StepInputs, t: int) -> None:
        """Compute the inputs of step ``t``, once for each combination of parameters."""
        varying = [self.parameters[name] for name, value in inputs.parameters.items() if value is None]
        if not varying:
            numbers = inputs.function(t, *(value for value in inputs.parameters.values() if value is not None))
            for slot, number in zip(inputs.slots, numbers, strict=True):
                self._places[slot].fill_(number)
            return
        combinations, index = self._combinations(tuple(n for n, v in inputs.parameters.items() if v is None))
        rows = []
        for each in combinations:
            values = iter(each)
            rows.append(inputs.function(t, *(next(values) if v is None else v for v in inputs.parameters.values())))
        found = torch.tensor(rows, dtype=torch.float64)
        for i, slot in enumerate(inputs.slots):
            torch.index_select(found[:, i], 0, index, out=self._places[slot])

    @functools.lru_cache(maxsize=8)  # noqa: B019 -- a tile lives as long as its parameters
    def _combinations(self, names: tuple[str, ...]) -> tuple[list[tuple[float, ...]], torch.Tensor]:
        stacked = torch.stack([self.parameters[name] for name in names])
        found, index = torch.unique(stacked, dim=1, return_inverse=True)
        return [tuple(column) for column in found.T.tolist()], index

    # Binding

    def _bound_evaluation(self) -> list[Call]:
        step = self.step
        wanted: dict[Slot, list[torch.Tensor]] = defaultdict(list)
        wanted[step.loss].append(self.loss)
        for name, slot in step.gradients.items():
            wanted[slot].append(self.gradient[step.rows[name]].view(*slot.shape, self.runs))
        return Binding(step.evaluation, self._places, wanted, self._memory).calls()

    def _bound_update(self, update: Update) -> list[Call]:
        step, places = self.step, self._places
        for name, slot in step.parameters.items():
            places[slot] = self.parameters[name] if slot.level is Level.RUNS else self._empty(slot)
        for inputs in update.inputs:
            places.update({slot: self._empty(slot) for slot in inputs.slots})
        wanted: dict[Slot, list[torch.Tensor]] = defaultdict(list)
        replaced: dict[Slot, Slot] = {update.x: step.x}
        wanted[update.x].append(self.x)
        for name, slot in step.state.items():
            if name not in self.state:
                self.state[name] = self._empty(slot)
            places[slot] = self.state[name]
            wanted[update.state[name]].append(self.state[name])
            replaced.setdefault(update.state[name], slot)
        return Binding(update.operations, places, wanted, self._memory, replaced).calls()

    def _empty(self, slot: Slot) -> torch.Tensor:
        return torch.empty((*slot.shape, *(self.runs,) * slot.many), dtype=slot.dtype)
