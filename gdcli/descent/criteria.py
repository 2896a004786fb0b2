"""The conditions on which a descent ends, as formulas for one run (floats) and for many (tensors)."""

from __future__ import annotations

import math
from typing import TypeVar, overload

import torch

from gdcli.contract.descent import GROWTH

Number = TypeVar("Number", float, torch.Tensor)


def largest_loss(first: Number) -> Number:
    """The size of a loss beyond which a run has grown, from its first loss."""
    if isinstance(first, torch.Tensor):
        return GROWTH * first.abs().clamp(min=1.0)
    return GROWTH * max(1.0, abs(first))


@overload
def grown(loss: float, largest: float, norm: float, previous_norm: float) -> bool: ...
@overload
def grown(
    loss: torch.Tensor, largest: torch.Tensor, norm: torch.Tensor, previous_norm: torch.Tensor
) -> torch.Tensor: ...
def grown(loss: Number, largest: Number, norm: Number, previous_norm: Number) -> bool | torch.Tensor:
    """Whether a run has diverged: its loss is larger than ``largest``, and the norm of its gradient still grows."""
    return (abs(loss) > largest) & (norm > previous_norm)


@overload
def reached(value: float, limit: float) -> bool: ...
@overload
def reached(value: torch.Tensor, limit: float) -> torch.Tensor: ...
def reached(value: Number, limit: float) -> bool | torch.Tensor:
    """Whether a loss or a norm is at most ``limit``; -inf and NaN are not."""
    return (value > -math.inf) & (value <= limit)


def threshold(tolerance: tuple[float, float], size: Number) -> Number:
    """What a tolerance (absolute, relative) allows for something of this size."""
    return tolerance[0] + tolerance[1] * size
