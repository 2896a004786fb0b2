"""An objective at many points at once by its recorded operations, as the engine ``replay`` makes them."""

from __future__ import annotations

import torch

from gdcli.batch.binding import Binding, Memory
from gdcli.batch.objective import BatchObjective
from gdcli.batch.recording import Level, NotRecordedError, Slot
from gdcli.batch.step import record_evaluation
from gdcli.rules.rule import Tensors
from gdcli.tensors import Problem

_RECORDED = (torch.float32, torch.float64)


class RecordedObjective(BatchObjective):
    """A problem at the points of all runs, with the bits of single runs."""

    def __init__(self, problem: Problem, starts: Tensors) -> None:
        """Take the points from ``starts``.

        Raises:
            NotRecordedError: for an operation that cannot be made for many runs.
        """
        super().__init__(problem, starts)
        points = Slot((self.x.shape[0],), self.x.dtype, Level.STATE)
        rows = {name: self.rows_of(name) for name in starts}
        operations, loss, gradients = record_evaluation(problem, points, rows)
        self._loss = torch.empty(self.runs, dtype=loss.dtype)
        wanted: dict[Slot, list[torch.Tensor]] = {loss: [self._loss]}
        for name, slot in gradients.items():
            wanted.setdefault(slot, []).append(self.gradient[rows[name]].view(*slot.shape, self.runs))
        self._calls = Binding(operations, {points: self.x}, wanted, Memory(self.runs)).calls()

    def evaluate(self) -> torch.Tensor:
        """Fill ``gradient`` at ``x`` and return the losses, of shape (runs,)."""
        for function, arguments, keywords in self._calls:
            function(*arguments, **keywords)
        return self._loss.clone()


def objective_of(problem: Problem, starts: Tensors) -> BatchObjective:
    """The objective by its recorded operations where there are such, by ``torch.func.vmap`` otherwise."""
    first = next(iter(starts.values()))
    if first.device.type == "cpu" and first.dtype in _RECORDED:
        try:
            return RecordedObjective(problem, starts)
        except NotRecordedError:
            pass
    return BatchObjective(problem, starts)
