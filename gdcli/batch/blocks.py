"""A block of iterations that is stepped again with tests, and what they find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from gdcli.batch.limits import Limits, Rates, gradient_stays
from gdcli.batch.step import Step
from gdcli.batch.stopping import BatchStopTests, Before, Stopping


@dataclass(slots=True)
class Known:
    """What the tests of the runs of a tile compare with, and which of the runs go on: tensors of shape (runs,).

    ``largest`` and ``first_norm``, float64, are found out in iteration 0. The ``landmark`` (elements, runs) is None
    where nobody looks for cycles; it is of iteration ``landmark_at``.
    """

    alive: torch.Tensor
    largest: torch.Tensor
    first_norm: torch.Tensor
    landmark: torch.Tensor | None = None
    landmark_at: int = 0
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """The iterations from ``start`` to ``start + count`` of the runs of a tile.

    ``saved`` is their state at the first of them, and ``before`` what is known of them from earlier ones; None where
    there are none.
    """

    start: int
    count: int
    saved: Mapping[str, torch.Tensor]
    before: Before | None
    stopping: Stopping


@dataclass(frozen=True, slots=True)
class Tested:
    """How some runs ended: tensors of shape (runs,), ``x`` (elements, runs).

    ``status`` is 0 where they go on, and there the others are undefined.
    """

    status: torch.Tensor
    steps: torch.Tensor
    loss: torch.Tensor
    x: torch.Tensor
    norm: torch.Tensor

    @staticmethod
    def empty(runs: int, elements: int, loss: torch.dtype, x: torch.dtype) -> Tested:
        """Runs that go on."""
        return Tested(
            status=torch.zeros(runs, dtype=torch.int8),
            steps=torch.empty(runs, dtype=torch.int32),
            loss=torch.empty(runs, dtype=loss),
            x=torch.empty(elements, runs, dtype=x),
            norm=torch.empty(runs),
        )

    @staticmethod
    def by(tests: BatchStopTests) -> Tested:
        """What the tests of a batch have found."""
        return Tested(tests.status.to(torch.int8), tests.steps.to(torch.int32), tests.loss, tests.x, tests.norm)


def of_runs(before: Before, runs: torch.Tensor) -> Before:
    """What is known of some of the runs."""

    def chosen(tensor: torch.Tensor | None) -> torch.Tensor | None:
        return None if tensor is None else tensor[..., runs]

    return Before(
        before.loss[runs], before.gradient[:, runs], chosen(before.x), before.largest[runs], before.first_norm[runs],
        chosen(before.landmark), before.landmark_at,
    )  # fmt: skip


def rates_of_runs(rates: Rates, runs: torch.Tensor) -> Rates:
    """The learning rates of some of the runs."""

    def chosen(t: int) -> torch.Tensor | None:
        changed = rates(t)
        return changed[..., runs] if changed is not None and changed.dim() else changed

    return chosen


Ended = tuple[torch.Tensor | slice, Tested]
"""Some runs of a tile, and how they ended."""
FIRST = 16
"""Iterations of a block at first: most runs that diverge do so early, and are stepped twice from where it begins."""


def most_of(i: int, stopping: Stopping, step: Step, block: int, with_tolerance: int) -> int:
    """How many iterations a block has at most from iteration ``i`` on.

    With a tolerance most runs end, and are stepped twice from where a block begins: it is shorter.
    """
    tolerances = [each for each in (stopping.tol_grad, stopping.tol_loss, stopping.tol_x) if each is not None]
    ends_many = len(tolerances) > gradient_stays(stopping, step) or stopping.until is not None
    return with_tolerance if ends_many else min(block, max(FIRST, i))
