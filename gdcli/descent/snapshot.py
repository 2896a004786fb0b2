"""What a tensor is at one moment, kept while the tensor goes on; and the sizes of such snapshots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import torch

from gdcli.contract.fields import Nested
from gdcli.tensors import plain

Snapshot: TypeAlias = torch.Tensor | float
"""A copy of a tensor; of one without dimensions its number, which is exact and costs less than a copy."""

Snapshots = Mapping[str, Snapshot | None]
"""By variable; None for a gradient that autograd does not have."""


def snapshot(x: torch.Tensor) -> Snapshot:
    """What a variable is now."""
    return x.detach().clone() if x.dim() else x.item()


def numbers(snapshot: Snapshot | None) -> Nested:
    """A snapshot in plain numbers."""
    return plain(snapshot) if isinstance(snapshot, torch.Tensor) else snapshot


def size(snapshot: Snapshot) -> int:
    """The number of elements."""
    return snapshot.numel() if isinstance(snapshot, torch.Tensor) else 1


def joined(snapshots: Iterable[Snapshot]) -> torch.Tensor:
    """The elements of some snapshots in order, shape (n,), float64, on the CPU."""
    return torch.cat([torch.as_tensor(each, dtype=torch.float64).reshape(-1).cpu() for each in snapshots])


def is_finite(x: Snapshot) -> bool:
    """Whether every element is finite. The sum tells it, but for a sum beyond the largest number of the dtype."""
    if not isinstance(x, torch.Tensor):
        return math.isfinite(x)
    return math.isfinite(x.sum().item()) or bool(x.isfinite().all())


def has_nan(x: Snapshot) -> bool:
    """Whether an element is NaN."""
    return bool(x.isnan().any()) if isinstance(x, torch.Tensor) else math.isnan(x)


def same(a: Snapshots, b: Snapshots) -> bool:
    """Whether two states have the same numbers."""
    return all(_equal(x, b[name]) for name, x in a.items())


def _equal(x: Snapshot | None, y: Snapshot | None) -> bool:
    return torch.equal(x, y) if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor) else x is y or x == y


def norm(snapshots: Snapshots) -> float:
    """The Euclidean norm of all the elements together, in float64; None counts as nothing."""
    return math.hypot(*(_norm(x) for x in snapshots.values() if x is not None))


def distance(a: Mapping[str, Snapshot], b: Mapping[str, Snapshot]) -> float:
    """The Euclidean distance of two points that have the same variables, in float64."""
    return math.hypot(*(_norm(_float64(x) - _float64(b[name])) for name, x in a.items()))


def _norm(x: Snapshot) -> float:
    return torch.linalg.vector_norm(x.double()).item() if isinstance(x, torch.Tensor) else abs(x)


def _float64(x: Snapshot) -> Snapshot:
    return x.double() if isinstance(x, torch.Tensor) else x
