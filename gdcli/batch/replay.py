"""The engine ``replay``: PyTorch's operations of a recorded step, made in place for many runs.

No memory is taken in a step: each operation writes into a tensor that was made before, and a tensor whose value is not
needed any more is written again. The runs of a tile fit the processor's cache.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from gdcli.batch.blocks import Block, Tested, of_runs, rates_of_runs
from gdcli.batch.limits import Limits, Rates
from gdcli.batch.operations import Operation, lanes
from gdcli.batch.recording import Level, Slot, mapped
from gdcli.batch.step import Step, StepInputs, Update
from gdcli.batch.stopping import BatchStopTests

Call = tuple[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]]
"""A function with its arguments, ready to be called."""

_TILE = 131_072  # numbers of a tensor, which stay in the cache together with a few others
_FEWEST, _MOST = 1_024, 65_536  # runs of a tile
_SAMPLES = 4096  # numbers on which the two kernels of an operation are compared


class Replay:
    """The engine: makes tiles of runs, which share the memory of what lies between."""

    name = "replay"
    block, block_with_tolerance = 32, 8

    def __init__(self, step: Step) -> None:
        self.step = step
        self.tile = tile_size([*step.evaluation, *step.update.operations])
        self._memory: dict[int, Memory] = {}

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


class Memory:
    """Tensors for what lies between, to be written again once their value is not needed any more."""

    def __init__(self, runs: int) -> None:
        self.runs = runs
        self._free: dict[tuple[tuple[int, ...], torch.dtype], list[torch.Tensor]] = defaultdict(list)

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """A tensor of this shape, the runs included, with any numbers."""
        free = self._free[shape, dtype]
        return free.pop() if free else torch.empty(shape, dtype=dtype)

    def give_back(self, tensor: torch.Tensor) -> None:
        """Have a tensor be taken again."""
        self._free[tuple(tensor.shape), tensor.dtype].append(tensor)


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

    def advance(self, t: int, steps: int, limits: Limits, rates: Rates) -> torch.Tensor:
        """Evaluate and update, ``steps`` times, from update ``t`` on; says which runs may have ended, shape (runs,)."""
        watch = Watch(self, limits)
        for i in range(t, t + steps):
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
        return bound(step.evaluation, self._places, wanted, {}, self._memory)

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
        return bound(update.operations, places, wanted, replaced, self._memory)

    def _empty(self, slot: Slot) -> torch.Tensor:
        return torch.empty((*slot.shape, *(self.runs,) * slot.many), dtype=slot.dtype)


class Watch:
    """Looks at runs while they step, for signs that one may have ended: what it says is tested afterwards."""

    def __init__(self, tile: ReplayTile, limits: Limits) -> None:
        self.tile, self.limits = tile, limits
        loss, x = tile.loss, tile.x
        self.size = torch.empty_like(loss)
        self.largest = torch.zeros_like(loss)
        self.broken = torch.zeros_like(x)
        self.squares = torch.empty_like(x)
        self.norm = torch.empty_like(loss)
        self.least: dict[str, torch.Tensor] = {}
        self.before_loss = tile.loss.clone() if limits.loss else None
        self.before = x.clone() if limits.x else None
        self.previous = x.clone() if limits.x else None

    def evaluated(self) -> None:
        """Look at the loss and at the gradient."""
        tile, limits = self.tile, self.limits
        torch.abs(tile.loss, out=self.size)
        torch.maximum(self.largest, self.size, out=self.largest)
        if limits.gradient is None:
            torch.add(self.broken, tile.gradient, alpha=0, out=self.broken)
        else:
            torch.mul(tile.gradient, tile.gradient, out=self.squares)
            torch.sum(self.squares, 0, out=self.norm)
            self._keep("gradient", self.norm)
            torch.add(self.broken, self.squares, alpha=0, out=self.broken)
        if limits.until is not None:
            self._keep("loss", -tile.loss if limits.maximize else tile.loss)
        if limits.loss is not None:
            before = self.before_loss if self.before_loss is not None else tile.loss
            change = (tile.loss - before).abs_()
            self._keep("change", change.sub_(self.size, alpha=limits.loss[1]))
            self.before_loss = tile.loss.clone()

    def updated(self) -> None:
        """Look at the points."""
        limits, x = self.limits, self.tile.x
        if limits.x is not None and self.before is not None and self.previous is not None:
            move = (x - self.before).abs_().amax(0)
            self._keep("move", move.sub_(x.abs().amax(0), alpha=limits.x[1] * x.shape[0] ** 0.5))
            self.previous, self.before = self.before, self.previous
            self.before.copy_(x)
        if limits.landmark is not None:
            self._keep("return", (x - limits.landmark).abs_().amax(0))

    def _keep(self, name: str, value: torch.Tensor) -> None:
        if name in self.least:
            torch.minimum(self.least[name], value, out=self.least[name])
        else:
            self.least[name] = value.clone()

    def suspects(self) -> torch.Tensor:
        """Which runs may have ended."""
        limits = self.limits
        found = ~(self.largest <= limits.largest) | (self.broken != 0).any(0)
        if limits.gradient is not None:
            found |= ~(self.least["gradient"] > limits.gradient)
        if limits.until is not None:
            found |= ~(self.least["loss"] > limits.until)
        if limits.loss is not None:
            found |= ~(self.least["change"] > limits.loss[0])
        if limits.x is not None:
            found |= ~(self.least["move"] > limits.x[0])
        if limits.landmark is not None:
            found |= ~(self.least["return"] > 0)
        return found


def bound(
    operations: Sequence[Operation],
    places: dict[Slot, torch.Tensor],
    wanted: Mapping[Slot, Sequence[torch.Tensor]],
    replaced: Mapping[Slot, Slot],
    memory: Memory,
) -> list[Call]:
    """The calls that make some operations.

    ``places`` are the tensors of the slots that are there before; ``wanted`` those that results are to be written to.
    A result of ``replaced`` takes the place of a slot, which must not be read after it was written.
    """
    operations = needed(operations, wanted)
    bases = _bases(operations)
    last = {bases.get(slot, slot): i for i, operation in enumerate(operations) for slot in operation.slots}
    owned: dict[Slot, torch.Tensor] = {}
    calls: list[Call] = []
    for i, operation in enumerate(operations):
        result = operation.result
        arguments = mapped(operation.arguments, lambda slot: _tensor(slot, places), Slot)
        if operation.view:
            places[result] = operation.run(*arguments)
            continue
        ending = {bases.get(slot, slot) for slot in operation.slots}
        ending = {slot for slot in ending if last[slot] == i and slot in owned and slot not in wanted}
        direct = {slot for slot in operation.slots if (slot.shape, slot.dtype) == (result.shape, result.dtype)}
        early = {s for s in ending if _in_place(operation) and s in direct and _read_directly(s, operation, bases)}
        for slot in early:
            memory.give_back(owned.pop(slot))
        out = _out(operation, i, wanted, replaced, bases, last, memory)
        if result not in wanted and not operation.zeros and result.level is not Level.RUNS:
            owned[result] = out
        places[result] = out
        keywords = {}
        if operation.pointwise:  # those of others are not for PyTorch
            given = operation.keywords.items()
            keywords = {name: mapped(value, lambda slot: _tensor(slot, places), Slot) for name, value in given}
        made = list(_calls(operation, arguments, keywords, out))
        if result.level is Level.RUNS:
            for function, parts, named in made:
                function(*parts, **named)
        else:
            calls += made
        for slot in ending - early:
            memory.give_back(owned.pop(slot))
    for slot, targets in wanted.items():
        source = _tensor(slot, places) if slot.value is None or slot.many else slot.value.unsqueeze(-1)
        calls += [(target.copy_, (source,), {}) for target in targets if target.data_ptr() != source.data_ptr()]
    for slot, tensor in owned.items():
        if bases.get(slot, slot) not in {bases.get(each, each) for each in wanted}:
            memory.give_back(tensor)
    return calls


def needed(operations: Sequence[Operation], wanted: Iterable[Slot]) -> list[Operation]:
    """The operations that the results of interest depend on."""
    read, found = set(wanted), []
    for operation in reversed(operations):
        if operation.result in read:
            read.update(operation.slots)
            found.append(operation)
    return found[::-1]


def _bases(operations: Sequence[Operation]) -> dict[Slot, Slot]:
    """The slot whose tensor each view is of."""
    found: dict[Slot, Slot] = {}
    for operation in operations:
        if operation.view:
            (source,) = operation.slots
            found[operation.result] = found.get(source, source)
    return found


def _in_place(operation: Operation) -> bool:
    """Whether an operation may write over an argument: it is pointwise, and one call makes it."""
    return operation.pointwise and not (_at_once(operation) and rounds_otherwise(operation))


def _at_once(operation: Operation) -> int:
    """How many elements of a contiguous tensor of one run PyTorch's kernels take in whole groups."""
    groups = 2 * lanes(operation.result.dtype)
    return operation.result.size // groups * groups


def _read_directly(slot: Slot, operation: Operation, bases: Mapping[Slot, Slot]) -> bool:
    """Whether no argument is a view of a slot that is not the slot itself."""
    return all(bases.get(each, each) is not slot or each is slot for each in operation.slots)


def _out(
    operation: Operation,
    i: int,
    wanted: Mapping[Slot, Sequence[torch.Tensor]],
    replaced: Mapping[Slot, Slot],
    bases: Mapping[Slot, Slot],
    last: Mapping[Slot, int],
    memory: Memory,
) -> torch.Tensor:
    """The tensor that a result is written to."""
    result = operation.result
    shape = (*result.shape, *(memory.runs,) * result.many)
    if result in wanted:
        old = replaced.get(result)
        if old is None or last.get(old, -1) < i:
            return wanted[result][0]
        if last[old] == i and _in_place(operation) and _read_directly(old, operation, bases):
            return wanted[result][0]
        return torch.empty(shape, dtype=result.dtype)
    if operation.zeros:
        return torch.zeros(shape, dtype=result.dtype)
    return torch.empty(shape, dtype=result.dtype) if result.level is Level.RUNS else memory.take(shape, result.dtype)


def _calls(
    operation: Operation, arguments: tuple[Any, ...], keywords: Mapping[str, Any], out: torch.Tensor
) -> Iterable[Call]:
    """The calls of an operation: where PyTorch computes one number otherwise than many, it is made to take each alone.

    Its kernels take a whole number of groups of a contiguous tensor at once, and what is left one by one; a tensor with
    gaps they take one by one.
    """
    together: Call = (operation.run, arguments, {**keywords, "out": out})
    result = operation.result
    if not (operation.pointwise and result.many and rounds_otherwise(operation)):
        yield together
        return
    if at_once := _at_once(operation):
        yield together
        tensors = [each for each in arguments if isinstance(each, torch.Tensor) and each.numel() > 1]
        if not all(each.shape == out.shape and each.is_contiguous() for each in (*tensors, out)):
            return

        def left(each: Any) -> Any:
            return each.view(-1, each.shape[-1])[at_once:] if each.numel() > 1 else each

        arguments, out = mapped(arguments, left), left(out)
    apart = torch.empty((*out.shape, 2), dtype=out.dtype)[..., 0]
    yield operation.run, arguments, {**keywords, "out": apart}
    yield out.copy_, (apart,), {}


def rounds_otherwise(operation: Operation) -> bool:
    """Whether PyTorch computes an operation otherwise for one number than for many, found on a sample of numbers."""
    arguments = operation.arguments
    scalars = repr(
        [None if isinstance(each, Slot) else each for each in arguments] + sorted(operation.keywords.items())
    )
    dtypes = tuple(each.dtype for each in arguments if isinstance(each, Slot))
    constants = tuple(
        each.value.item() for each in arguments
        if isinstance(each, Slot) and each.value is not None and each.value.numel() == 1
    )  # fmt: skip
    key = (operation.name, scalars if "Slot" not in scalars else "", dtypes, constants, operation.result.dtype)
    if key not in _ROUNDS_OTHERWISE:
        _ROUNDS_OTHERWISE[key] = _differs(operation)
    return _ROUNDS_OTHERWISE[key]


_ROUNDS_OTHERWISE: dict[Any, bool] = {}


def _differs(operation: Operation) -> bool:
    generator = torch.Generator().manual_seed(0)

    def sample(slot: Slot) -> torch.Tensor:
        if slot.value is not None and slot.value.numel() == 1:
            return slot.value.reshape(())
        if slot.dtype == torch.bool:
            return torch.rand(_SAMPLES, generator=generator) < 0.5
        if not slot.dtype.is_floating_point:
            return torch.randint(0, 9, (_SAMPLES,), generator=generator).to(slot.dtype)
        numbers = torch.randn(_SAMPLES, generator=generator, dtype=torch.float64)
        return (numbers * torch.logspace(-2, 1.5, _SAMPLES, dtype=torch.float64)).to(slot.dtype)

    arguments = mapped(operation.arguments, sample, Slot)
    keywords = {name: mapped(value, sample, Slot) for name, value in operation.keywords.items()}
    dtype = operation.result.dtype
    many, apart = torch.empty(_SAMPLES, dtype=dtype), torch.empty(_SAMPLES, 2, dtype=dtype)[:, 0]
    operation.run(*arguments, **keywords, out=many)
    operation.run(*arguments, **keywords, out=apart)
    return not torch.equal(many.nan_to_num(), apart.nan_to_num())


def _tensor(slot: Slot, places: Mapping[Slot, torch.Tensor]) -> torch.Tensor:
    """The tensor of a slot."""
    return places[slot] if slot.value is None else slot.value
