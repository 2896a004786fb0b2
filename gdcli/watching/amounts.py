"""Tensors as plain numbers where they are few, and as their size where they are many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from gdcli.watching.seen import FEW, Amount, Extent


def amount(tensor: torch.Tensor | None, *, closely: bool = False) -> Amount:
    """The numbers of a tensor, or its extent: the norm alone, or ``closely`` all that an extent has."""
    if tensor is None:
        return None
    if tensor.numel() == 1 and tensor.dim() == 0 and not tensor.is_complex():
        return tensor.item()
    if is_small(tensor):
        return tensor.tolist()
    return extent(tensor) if closely else Extent(tensor.numel(), norm(tensor))


def norm(tensor: torch.Tensor) -> float:
    """The Euclidean norm of all elements, computed in the precision of the tensor; NaN for one that has none."""
    x = tensor.detach()
    if x.layout == torch.sparse_coo:
        x = x.coalesce().values()
    if not (x.is_floating_point() or x.is_complex()) or x.layout != torch.strided:
        return math.nan
    return torch.linalg.vector_norm(x).item()  # type: ignore[no-any-return]


def amounts(tensors: Sequence[torch.Tensor | None], extents: Extents | None = None) -> list[Amount]:
    """What ``amount`` gives of each; with ``extents``, all that these have of each large one."""
    if extents is not None:
        return [amount(each) if each is None or is_small(each) else extents.of(each) for each in tensors]
    large = [each.detach() for each in tensors if each is not None and not is_small(each)]
    if not all(each.is_floating_point() and each.layout == torch.strided for each in large) or not _are_alike(large):
        return list(map(amount, tensors))
    norms = iter(torch.stack(torch._foreach_norm(large)).tolist() if large else ())  # noqa: SLF001 -- as clip_grad does
    return [amount(each) if each is None or is_small(each) else Extent(each.numel(), next(norms)) for each in tensors]


def _are_alike(tensors: list[torch.Tensor]) -> bool:
    return len({(each.dtype, each.device) for each in tensors}) <= 1


def is_small(tensor: torch.Tensor) -> bool:
    """Whether a tensor is noted as its numbers."""
    return tensor.numel() <= FEW and not tensor.is_complex() and tensor.layout == torch.strided


def extent(tensor: torch.Tensor) -> Extent:
    """The norm, the extremes, and how many elements are not finite."""
    x = tensor.detach()
    if not x.is_floating_point() or x.layout != torch.strided or not x.numel():
        return Extent(x.numel(), norm(x))
    x = x.mT if x.dim() == 2 and x.mT.is_contiguous() else x  # the order of memory is far faster
    low, high = (end.item() for end in torch.aminmax(x))
    not_finite = 0 if math.isfinite(low) and math.isfinite(high) else x.numel() - int(x.isfinite().sum().item())
    return Extent(x.numel(), norm(x), low, high, not_finite)


class Extents:
    """The extents of tensors that are looked at closely at one time; those of the same memory are computed once."""

    def __init__(self) -> None:
        self._known: dict[Any, Extent] = {}

    def of(self, tensor: torch.Tensor) -> Extent:
        """The extent of a tensor."""
        try:
            layout = sorted(zip(tensor.shape, tensor.stride(), strict=True))
            key = tensor.data_ptr(), tensor._version, tensor.dtype, *layout  # noqa: SLF001
        except RuntimeError:  # it is sparse, or has no memory of its own
            return extent(tensor)
        if key not in self._known:
            self._known[key] = extent(tensor)
        return self._known[key]


def is_zero(amount: Amount) -> bool:
    """Whether all numbers are 0."""
    if isinstance(amount, Extent):
        return amount.norm == 0
    if isinstance(amount, list):
        return all(map(is_zero, amount))
    return amount == 0


def flat(amount: Amount) -> list[float]:
    """The numbers, without their nesting."""
    if isinstance(amount, list):
        return [number for each in amount for number in flat(each)]
    return [] if amount is None or isinstance(amount, Extent) else [amount]


def distance(one: Amount, other: Amount) -> float | None:
    """The norm of the difference of two tensors of few elements; None where one of them has no numbers."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(other - one)
    if one is None or other is None or isinstance(one, Extent) or isinstance(other, Extent):
        return None
    ones, others = flat(one), flat(other)
    return math.dist(ones, others) if len(ones) == len(others) else None


def is_finite(amount: Amount) -> bool:
    """Whether all numbers are finite."""
    if isinstance(amount, float):
        return math.isfinite(amount)
    if isinstance(amount, Extent):
        return math.isfinite(amount.norm) if amount.not_finite is None else not amount.not_finite
    return amount is None or all(map(math.isfinite, flat(amount)))


def plain(value: Any) -> Any:
    """A parameter of an optimizer as a plain number, word or list; None for what is neither."""
    if isinstance(value, torch.Tensor):
        return value.item() if value.numel() == 1 else None
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value if isinstance(value, (bool, int, float, str)) else None
