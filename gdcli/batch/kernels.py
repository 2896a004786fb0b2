"""Which of PyTorch's kernels computes an operation: that for many numbers may round otherwise than that for one."""

from __future__ import annotations

from typing import Any

import torch

from gdcli.batch.operations import Operation
from gdcli.batch.recording import Slot, mapped
from gdcli.batch.sums import lanes

_SAMPLES = 4096  # numbers on which the two kernels of an operation are compared


def in_place(operation: Operation) -> bool:
    """Whether an operation may write over an argument: it is pointwise, and one call makes it."""
    return operation.pointwise and not (at_once(operation) and rounds_otherwise(operation))


def at_once(operation: Operation) -> int:
    """How many elements of a contiguous tensor of one run PyTorch's kernels take in whole groups."""
    groups = 2 * lanes(operation.result.dtype)
    return operation.result.size // groups * groups


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
