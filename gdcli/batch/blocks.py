"""A block of iterations that is stepped again with tests, and what they find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from gdcli.batch.limits import Rates
from gdcli.batch.stopping import BatchStopTests, Before, Stopping


@dataclass(frozen=True, slots=True)
class Block:
    """The iterations from ``start`` to ``start + count`` of the runs of a tile.

    ``saved`` is their state at the first of them, and ``before`` what is known of them from earlier ones.
    """

    start: int
    count: int
    saved: Mapping[str, torch.Tensor]
    before: Before
    stopping: Stopping


@dataclass(frozen=True, slots=True)
class Tested:
    """How some runs ended: tensors of shape (runs,), ``x`` (elements, runs). ``status`` is 0 where they go on."""

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
            steps=torch.zeros(runs, dtype=torch.int32),
            loss=torch.zeros(runs, dtype=loss),
            x=torch.zeros(elements, runs, dtype=x),
            norm=torch.zeros(runs, dtype=torch.float64),
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
