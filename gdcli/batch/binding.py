"""Recorded operations bound to tensors: calls in which each result has its place, and no memory is taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from gdcli.batch.kernels import at_once, in_place, rounds_otherwise
from gdcli.batch.operations import Operation
from gdcli.batch.recording import Level, Slot, mapped

Call = tuple[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]]
"""A function with its arguments, ready to be called."""


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


class Binding:
    """Gives each result of some operations a tensor, and takes back those whose value is not needed any more.

    ``places`` are the tensors of the slots that are there before; ``wanted`` those that results are to be written to.
    A result of ``replaced`` takes the place of a slot, which must not be read after it was written.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        places: dict[Slot, torch.Tensor],
        wanted: Mapping[Slot, Sequence[torch.Tensor]],
        memory: Memory,
        replaced: Mapping[Slot, Slot] | None = None,
    ) -> None:
        self.operations = needed(operations, wanted)
        self.places, self.wanted, self.memory = places, wanted, memory
        self.replaced = replaced or {}
        self._bases = _bases(self.operations)
        self._last = {self._base(slot): i for i, each in enumerate(self.operations) for slot in each.slots}
        self._owned: dict[Slot, torch.Tensor] = {}

    def calls(self) -> list[Call]:
        """The calls, in order; what is computed once for the runs is computed now."""
        found: list[Call] = []
        for i, operation in enumerate(self.operations):
            result = operation.result
            arguments = mapped(operation.arguments, self._tensor, Slot)
            if operation.view:
                self.places[result] = operation.run(*arguments)
                continue
            ending = self._ending(i, operation)
            early = {slot for slot in ending if in_place(operation) and self._may_be_written(slot, operation)}
            self._give_back(early)
            out = self.places[result] = self._out(i, operation)
            made = list(_calls(operation, arguments, self._keywords(operation), out))
            if result.level is Level.RUNS:
                for function, parts, named in made:
                    function(*parts, **named)
            else:
                found += made
            self._give_back(ending - early)
        for slot, targets in self.wanted.items():
            source = self._tensor(slot) if slot.value is None or slot.many else slot.value.unsqueeze(-1)
            found += [(target.copy_, (source,), {}) for target in targets if target.data_ptr() != source.data_ptr()]
        self._give_back(set(self._owned) - {self._base(slot) for slot in self.wanted})
        return found

    def _base(self, slot: Slot) -> Slot:
        return self._bases.get(slot, slot)

    def _tensor(self, slot: Slot) -> torch.Tensor:
        return self.places[slot] if slot.value is None else slot.value

    def _keywords(self, operation: Operation) -> dict[str, Any]:
        """The keywords for PyTorch: only those of a pointwise operation are."""
        if not operation.pointwise:
            return {}
        return {name: mapped(value, self._tensor, Slot) for name, value in operation.keywords.items()}

    def _ending(self, i: int, operation: Operation) -> set[Slot]:
        """The slots whose tensors are read for the last time, and may be written again."""
        bases = {self._base(slot) for slot in operation.slots}
        return {slot for slot in bases if self._last[slot] == i and slot in self._owned and slot not in self.wanted}

    def _may_be_written(self, slot: Slot, operation: Operation) -> bool:
        """Whether a pointwise result may be written over a slot: it has its form, and no argument is a part of it."""
        result = operation.result
        alike = slot in operation.slots and (slot.shape, slot.dtype) == (result.shape, result.dtype)
        return alike and self._read_directly(slot, operation)

    def _read_directly(self, slot: Slot, operation: Operation) -> bool:
        """Whether no argument is a view of a slot that is not the slot itself."""
        return all(self._base(each) is not slot or each is slot for each in operation.slots)

    def _give_back(self, slots: set[Slot]) -> None:
        for slot in slots:
            self.memory.give_back(self._owned.pop(slot))

    def _out(self, i: int, operation: Operation) -> torch.Tensor:
        """The tensor that a result is written to."""
        result = operation.result
        shape = (*result.shape, *(self.memory.runs,) * result.many)
        if result in self.wanted:
            old = self.replaced.get(result)
            last = -1 if old is None else self._last.get(old, -1)
            if last < i or (last == i and old and in_place(operation) and self._read_directly(old, operation)):
                return self.wanted[result][0]
        elif operation.zeros:
            return torch.zeros(shape, dtype=result.dtype)
        elif result.level is not Level.RUNS:
            self._owned[result] = self.memory.take(shape, result.dtype)
            return self._owned[result]
        return torch.empty(shape, dtype=result.dtype)


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
    if groups := at_once(operation):
        yield together
        tensors = [each for each in arguments if isinstance(each, torch.Tensor) and each.numel() > 1]
        if not all(each.shape == out.shape and each.is_contiguous() for each in (*tensors, out)):
            return

        def left(each: Any) -> Any:
            return each.view(-1, each.shape[-1])[groups:] if each.numel() > 1 else each

        arguments, out = mapped(arguments, left), left(out)
    apart = torch.empty((*out.shape, 2), dtype=out.dtype)[..., 0]
    yield operation.run, arguments, {**keywords, "out": apart}
    yield out.copy_, (apart,), {}
