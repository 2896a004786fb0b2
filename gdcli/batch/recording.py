"""Records what PyTorch computes: each operation below autograd, with the tensors that it read and made.

The operations of a backward pass are recorded as they run, in autograd's order, so that whoever makes them again gets
the same bits.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Level(enum.IntEnum):
    """How often a value is computed anew: never, for each set of runs, for each step, for each step of each run."""

    CONSTANT = 0
    RUNS = 1
    STEP = 2
    STATE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A value of a step. ``shape`` is that of one run; where ``many``, there is one for each run, along a last axis.

    ``value`` is the tensor of a constant.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    level: Level
    many: bool = True
    value: torch.Tensor | None = None

    @property
    def size(self) -> int:
        """The number of elements of one run."""
        return torch.Size(self.shape).numel()


def constant(value: torch.Tensor) -> Slot:
    """The slot of a constant."""
    return Slot(tuple(value.shape), value.dtype, Level.CONSTANT, many=False, value=value.detach())


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """An operation as PyTorch ran it; the arguments have slots in the places of tensors.

    ``strides`` are those of the tensors among its positional arguments.
    """

    function: Any
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    results: tuple[Slot, ...]
    value: Any
    strides: tuple[tuple[int, ...], ...] = ()

    @property
    def name(self) -> str:
        """The name of the operation and its overload: ``mul.Tensor``."""
        return str(self.function).removeprefix("aten.")


class NotRecordedError(Exception):
    """An operation that cannot be made again for many runs; the message names it."""


class Recorder(TorchDispatchMode):
    """Records all operations within its ``with`` block, unless it is ``paused``.

    With ``many``, the tensors have a last axis of runs: all that have an axis. Without, they are those of one run, and
    every result that depends on a variable is one for each run. ``refused`` names an operation that changes a tensor in
    place, which is not recorded.
    """

    def __init__(self, *, many: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.many = many
        self.operations: list[Recorded] = []
        self.paused = False
        self.refused = ""
        self._slots: dict[Any, Slot] = {}
        self._kept: list[Any] = []  # so that no address is used twice

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: PyTorch would import its compiler to keep it away from here, and that takes seconds."""
        return False

    def know(self, tensor: torch.Tensor, slot: Slot) -> None:
        """Have a tensor stand for a slot."""
        self._slots[_identity(tensor)] = slot
        self._kept.append(tensor)

    def slot_of(self, tensor: torch.Tensor) -> Slot:
        """The slot of a tensor; one that was made elsewhere is a constant."""
        identity = _identity(tensor)
        if identity not in self._slots:
            self.know(tensor, self._constant(tensor))
        return self._slots[identity]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and record it."""
        kwargs = kwargs or {}
        if self.paused:
            return func(*args, **kwargs)
        if func._schema.is_mutable:  # noqa: SLF001 -- what changes a tensor in place
            self.refused = str(func).removeprefix("aten.")
        arguments = mapped(args, self.slot_of)
        keywords = {name: mapped(value, self.slot_of) for name, value in kwargs.items()}
        value = func(*args, **kwargs)
        made = value if isinstance(value, (tuple, list)) else (value,)
        read = list(slots_in([*arguments, *keywords.values()]))
        results = []
        for tensor in made:
            slot = self._slot(func, read, tensor)
            self.know(tensor, slot)
            results.append(slot)
        strides = tuple(each.stride() for each in args if isinstance(each, torch.Tensor))
        self.operations.append(Recorded(func, arguments, keywords, tuple(results), value, strides))
        return value

    def _slot(self, function: Any, read: Sequence[Slot], tensor: torch.Tensor) -> Slot:
        level = max((slot.level for slot in read), default=Level.CONSTANT)
        if level is Level.CONSTANT or function.overloadpacket in _CONSTANT:
            return self._constant(tensor)
        many = tensor.dim() > 0 if self.many else True
        shape = tuple(tensor.shape[:-1] if self.many and many else tensor.shape)
        return Slot(shape, tensor.dtype, level, many=many)

    def _constant(self, tensor: torch.Tensor) -> Slot:
        """A constant; one with a last axis of runs, along which it is the same, is kept for one of them."""
        if self.many and tensor.dim():
            return Slot(tuple(tensor.shape[:-1]), tensor.dtype, Level.CONSTANT, value=tensor.detach()[..., :1])
        return constant(tensor)


_CONSTANT = frozenset(
    getattr(torch.ops.aten, name) for name in ("ones_like", "zeros_like", "full_like", "new_zeros", "new_ones")
)


def mapped(argument: Any, change: Callable[[Any], Any], kind: type = torch.Tensor) -> Any:
    """Arguments with something else in the places of their tensors, or of what is of another ``kind``."""
    if isinstance(argument, kind):
        return change(argument)
    if isinstance(argument, (list, tuple)):
        return type(argument)(mapped(each, change, kind) for each in argument)
    return argument


def slots_in(arguments: Iterable[Any]) -> Iterable[Slot]:
    """The slots among arguments."""
    for argument in arguments:
        if isinstance(argument, Slot):
            yield argument
        elif isinstance(argument, (list, tuple)):
            yield from slots_in(argument)


def _identity(tensor: torch.Tensor) -> Any:
    """What two tensors share when they are the same view of the same memory."""
    if tensor._is_zerotensor():  # noqa: SLF001 -- zeros without memory
        return id(tensor)
    place = tensor.untyped_storage().data_ptr() or id(tensor)
    return place, tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.dtype
