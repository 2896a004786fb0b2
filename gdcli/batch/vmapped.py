"""The engine ``vmap``: evaluates by ``torch.func.vmap``, for what cannot be recorded, and for large tensors."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from gdcli.batch.binding import Memory
from gdcli.batch.blocks import most_of
from gdcli.batch.objective import BatchObjective
from gdcli.batch.replay import ReplayTile
from gdcli.batch.step import Step
from gdcli.batch.stopping import Stopping
from gdcli.tensors import Problem, rows_of


class Vmap:
    """The engine: its tiles evaluate all runs in one call, and step as ``replay`` does."""

    name = "vmap"
    threads = False  # PyTorch has its own

    def __init__(self, problem: Problem, step: Step) -> None:
        self.problem = problem
        self.step = step
        elements = sum(tensor.numel() for tensor in problem.tensors.values())
        self.tile = max(256, min(8_192, 2_000_000 // max(1, elements)))

    def most(self, i: int, stopping: Stopping) -> int:
        """How many iterations it makes at most in one go from iteration ``i`` on."""
        return most_of(i, stopping, self.step, 32, 8)

    def tile_of(self, x: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> VmapTile:
        """Runs at ``x``."""
        return VmapTile(self, x, parameters)


class VmapTile(ReplayTile):
    """Runs whose loss and gradient come from ``torch.func.vmap``."""

    def __init__(self, engine: Vmap, x: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> None:
        super().__init__(engine.step, x, parameters, Memory(x.shape[1]))
        self._engine = engine
        rows = rows_of(engine.problem.leaves)
        leaves = engine.problem.leaves.items()
        starts = {name: self.x[rows[name]].T.reshape(-1, *leaf.shape) for name, leaf in leaves}
        self._objective = BatchObjective(engine.problem, starts)

    def like(self, x: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> VmapTile:
        """Other runs of the same engine."""
        return VmapTile(self._engine, x, parameters)

    def evaluate(self) -> None:
        """Compute ``loss`` and ``gradient`` at ``x``."""
        self._objective.x.copy_(self.x)
        self.loss.copy_(self._objective.evaluate())
        self.gradient.copy_(self._objective.gradient)
