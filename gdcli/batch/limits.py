"""What a run must not come near, as an engine looks at it while it steps: signs of an end, which are tested exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from gdcli.batch.step import Step
from gdcli.batch.stopping import Stopping

Rates = Callable[[int], torch.Tensor | None]
"""The learning rates of the runs in a step, counted from 1; None where they stay as they are."""
MARGIN = 1e-3
"""Relative: signs are computed in the dtype of the run, tests in float64."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the runs of a tile. A sign of an end may be wrong, but no end is without one.

    ``largest`` is the size of a loss, ``gradient`` the square of the norm of a gradient, both of shape (runs,);
    ``until`` a loss, and ``loss`` and ``x`` what changes by at most ``absolute + relative * size`` in a step. With
    ``stays``, a gradient that is within its limit once is so from then on; ``propagates``: one that is not finite makes
    all later points so.
    """

    largest: torch.Tensor
    gradient: torch.Tensor | None = None
    until: float | None = None
    loss: tuple[float, float] | None = None
    x: tuple[float, float] | None = None
    maximize: bool = False
    stays: bool = False
    propagates: bool = False


def gradient_stays(stopping: Stopping, step: Step) -> bool:
    """Whether a run whose gradient is within the tolerance stays where it is: that of 0 in a rule that then rests."""
    # in float64 the square of what is not 0 may be 0
    return stopping.tol_grad == (0.0, 0.0) and step.rests and step.x.dtype == torch.float32


def limits_of(stopping: Stopping, largest: torch.Tensor, first_norm: torch.Tensor, step: Step) -> Limits:
    """The limits of the runs of a step, whose losses may be as large as ``largest``."""
    dtype = step.x.dtype
    info = torch.finfo(dtype)
    gradient = None
    if stopping.tol_grad is not None:
        norm = stopping.tol_grad[0] + stopping.tol_grad[1] * first_norm
        gradient = (norm * norm * (1 + MARGIN)).to(dtype).clamp(min=info.tiny)
    return Limits(
        largest=torch.full_like(largest, info.max, dtype=dtype)
        if stopping.maximize
        else (largest * (1 - MARGIN)).to(dtype).clamp(max=info.max),
        gradient=gradient,
        until=None if stopping.until is None else _with_margin(stopping.until, maximize=stopping.maximize),
        loss=_wider(stopping.tol_loss, info.tiny),
        x=_wider(stopping.tol_x, info.tiny),
        maximize=stopping.maximize,
        stays=gradient_stays(stopping, step),
        propagates=step.propagates,
    )


def _with_margin(loss: float, *, maximize: bool) -> float:
    """A limit of a loss, or of its negative, that is surely met when the loss is."""
    value = -loss if maximize else loss
    return value + abs(value) * MARGIN + 1e-30


def _wider(tolerance: tuple[float, float] | None, tiny: float) -> tuple[float, float] | None:
    return None if tolerance is None else (tolerance[0] * (1 + MARGIN) + tiny, tolerance[1] * (1 + MARGIN))
