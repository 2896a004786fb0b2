"""Kinks: places where the gradient jumps, found on a segment by bisection. Everything in float64.

Where a gradient is continuous, halving a segment about halves what the gradient changes on it. At a kink (``abs``,
``relu``, ``max``, a norm at 0) the change stays as it is however short the segment becomes, at a cusp it even grows.
Rounding stays as well, but it also varies on either side, which the slopes beside a kink do not.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from msgspec import Struct

Gradient = Callable[[torch.Tensor], torch.Tensor]
"""The gradient of a function at a point, both of shape (n,) and float64; nan where it is not defined."""

_HALVINGS = 40
_LAST = 10  # halvings over which the change of the gradient is watched at the end
_STAYS = 0.25  # what is left of the change over them at a kink; where the gradient is continuous, 0.06 at most
_GROWS = 2.0
_NOTICEABLE = 1e-6  # the smallest jump, relative to the largest gradient seen
_SPLITS = (0.4375, 0.40625)  # where a segment is divided: not in the middle, where a start at 0 would have its kink
_BESIDE = 2.0**-30  # of the segment: how near the two sides of a kink are looked at
_ULPS = 2.0**-49  # and not nearer than this, relative to the point
_LOOKED_AT = 2.0**-6  # of the segment: where the gradient on either side is looked at
_POINTS = 16
_GOLDEN = 0.618034
_CLEAR = 8.0  # times its deviation from a straight line there, which a jump has to be


class Kink(Struct, frozen=True):
    """A jump of the gradient on a segment.

    ``at`` is its place, from 0 at the start of the segment to 1 at its end; ``before`` and ``after`` are the gradients
    on its two sides, shape (n,). ``is_cusp`` says that they grow without bound towards it.
    """

    at: float
    before: torch.Tensor
    after: torch.Tensor
    is_cusp: bool

    @property
    def jump(self) -> torch.Tensor:
        """The gradient after it less that before it."""
        return self.after - self.before


def kink_between(gradient: Gradient, start: torch.Tensor, end: torch.Tensor) -> Kink | None:
    """A kink on the segment from ``start`` to ``end``, both of shape (n,) and float64; None without one.

    It costs at most about 75 gradients, and two where the gradient is the same at both ends. Of several kinks the one
    is found that bisection meets: in each step it goes to the part on which the gradient changes faster. The segment
    should be long beside the spacing of floats, and the function defined a little beyond its ends too.
    """

    def along(share: float) -> torch.Tensor:
        return gradient(start + share * (end - start))

    low, high = 0.0, 1.0
    before, after = along(low), along(high)
    largest, changes = max(_size(before), _size(after)), [_size(after - before)]
    for _ in range(_HALVINGS):
        if not changes[-1] > _NOTICEABLE * largest:  # also where it is nan
            return None
        for split in _SPLITS:
            middle = low + split * (high - low)
            inside = along(middle)
            if bool(inside.isfinite().all()):
                break
        else:
            return None
        largest = max(largest, _size(inside))
        # The part on which it changes faster: what changes more is often only the longer one.
        if _size(inside - before) / (middle - low) >= _size(after - inside) / (high - middle):
            high, after = middle, inside
        else:
            low, before = middle, inside
        changes.append(_size(after - before))
    if not changes[-1] > _STAYS * changes[-1 - _LAST]:
        return None
    spacing = max(_BESIDE, _ULPS * max(_size(start), _size(end)) / _size(end - start))
    is_cusp = changes[-1] > _GROWS * changes[-1 - _LAST]
    return _confirmed(along, (low + high) / 2, max(spacing, high - low), is_cusp=is_cusp)


def kink_at(gradient: Gradient, point: torch.Tensor, reach: torch.Tensor) -> Kink | None:
    """A kink on the segment from ``point - reach`` to ``point + reach``, all of shape (n,); None without one.

    With a ``reach`` of some roundings of the point, it is the kink at the point, along that direction.
    """
    return kink_between(gradient, point - reach, point + reach)


def _confirmed(along: Callable[[float], torch.Tensor], at: float, spacing: float, *, is_cusp: bool) -> Kink | None:
    """The kink, unless the gradient is as rough on either side as it jumps: then it is rounding."""
    # Not evenly: steps of rounding are even.
    distances = [spacing + _LOOKED_AT * (k + (k * _GOLDEN) % 1) / _POINTS for k in range(_POINTS)]
    sides = [torch.stack([along(at + sign * distance) for distance in distances]) for sign in (-1, 1)]
    straight = [_straight(side, distances) for side in sides]
    rough = max(rest for _, rest in straight)
    steady = spacing * (straight[1][0] - straight[0][0])
    left, right = (side[0] for side in sides)
    return Kink(at, left, right, is_cusp) if _size(right - left - steady) > _CLEAR * rough else None


def _straight(side: torch.Tensor, distances: list[float]) -> tuple[torch.Tensor, float]:
    """The steady change of a gradient with the distance, and how far it is from that; without the nearest point.

    At a cusp the nearest is far from all others.
    """
    steady = (side[-1] - side[1]) / (distances[-1] - distances[1])
    rest = [_size(each - side[1] - (d - distances[1]) * steady) for each, d in zip(side, distances, strict=True)]
    return steady, max(rest[1:])


def _size(vector: torch.Tensor) -> float:
    """The largest size of an element; nan where one is."""
    return float(vector.abs().max())
