"""What a run must not come near, as an engine looks at it while it steps: signs of an end, which are tested exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

Rates = Callable[[int], torch.Tensor | None]
"""The learning rates of the runs in a step, counted from 1; None where they stay as they are."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the runs of a tile. A sign of an end may be wrong, but no end is without one.

    ``largest`` is the size of a loss, ``gradient`` the square of the norm of a gradient, both of shape (runs,);
    ``until`` a loss, ``loss`` and ``x`` what changes by at most ``absolute + relative * size`` in a step, and
    ``landmark`` a point of shape (elements, runs) that a run has been at.
    """

    largest: torch.Tensor
    gradient: torch.Tensor | None = None
    until: float | None = None
    loss: tuple[float, float] | None = None
    x: tuple[float, float] | None = None
    landmark: torch.Tensor | None = None
    maximize: bool = False
