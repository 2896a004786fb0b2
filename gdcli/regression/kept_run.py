"""A run that is kept in checkpoints, and goes on from the last one: what is written of it, and how it is taken up.

What follows from the states alone (when the run ends, the schedule of the learning rate) is made again from those that
were kept; what does not is in the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from gdcli.contract.descent import Act
from gdcli.descent.loop import Rates
from gdcli.regression.checkpoint import Checkpoint
from gdcli.regression.epoch import Epoch
from gdcli.regression.packed import moved, restore_rule, state_of_rule

if TYPE_CHECKING:
    from gdcli.regression.run import Run, Seen


class KeptRun:
    """Keeps a run in a checkpoint, when it is time, between two of its updates."""

    def __init__(self, run: Run, checkpoint: Checkpoint) -> None:
        self.run, self.checkpoint = run, checkpoint
        self.first = 0
        self._replays = False
        self._epoch: Epoch | None = None

    # Keeping

    def see(self, seen: Seen) -> None:
        """Note the next state of the run, unless the checkpoint has it."""
        if not (self._replays or seen.is_end):
            run = self.run
            self.checkpoint.see(seen, run.evaluation.rows_of(run.problem.tensors["y"]))

    def mark(self, updates: int, epoch: Epoch | None = None) -> None:
        """Make a checkpoint after an update, if it is time; ``epoch`` is the one in whose middle this is."""
        sums = self.run.evaluation.sums
        if self.checkpoint.is_due() if sums is None else sums.is_due:
            self.checkpoint.keep(updates, self._state(updates, epoch))

    def marking(self, rates: Rates) -> Rates:
        """Rates whose steps, which end an iteration, are followed by a checkpoint when it is time."""
        return _Marking(rates, self)

    def marked(self) -> None:
        """An iteration is over."""
        self.mark(self.run.updates + 1)

    def _state(self, updates: int, epoch: Epoch | None) -> dict[str, Any]:
        run, evaluation = self.run, self.run.evaluation
        return {
            "updates": updates,
            "moving": run.problem.leaves,
            "rule": state_of_rule(getattr(run.rule, "rule", run.rule)),
            "count": evaluation.count,
            "gradients": evaluation.gradients,
            "acts": [msgspec.to_builtins(act) for act in evaluation.acts],
            "is_finite": run.is_finite_at_start,
            "order": run.order,
            "taken": run.taken,
            "epoch": None if epoch is None else msgspec.structs.asdict(epoch),
        }

    # Going on

    def resumed(self, replay: Callable[[Seen, int], None]) -> Iterator[Seen]:
        """The states up to the checkpoint, each with its ``replay``; after the last one, the run is where it was."""
        state = self.checkpoint.state
        if state is None:
            return
        run = self.run
        dtype, device = getattr(torch, run.settings.dtype), run.settings.device
        self._replays = True
        for seen, rows in self.checkpoint.seen(dtype, device):
            replay(seen, rows)
            yield seen
            run.stops(seen.state)
            run.is_enough(seen)  # an epoch of batches is looked at when it begins
        self._replays = False
        self._restore(moved(state, device))

    def _restore(self, state: dict[str, Any]) -> None:
        run, evaluation = self.run, self.run.evaluation
        with torch.no_grad():
            for name, x in run.problem.leaves.items():
                x.copy_(state["moving"][name])
        restore_rule(getattr(run.rule, "rule", run.rule), state["rule"])
        evaluation.count, evaluation.gradients = state["count"], state["gradients"]
        evaluation.acts = msgspec.convert(state["acts"], list[Act])
        if state["order"] is not None:
            run.restore_order(state["order"].cpu())
        run.skipped, run.is_finite_at_start = state["taken"], state["is_finite"]
        self.first = run.updates = state["updates"]
        if state["epoch"] is not None:
            self._epoch = Epoch(**state["epoch"])
            run.updates = self._epoch.updates

    def take_epoch(self) -> Epoch | None:
        """The epoch in whose middle the checkpoint was made, once."""
        epoch, self._epoch = self._epoch, None
        return epoch


class _Marking:
    """Rates after whose step an iteration is over."""

    def __init__(self, rates: Rates, kept: KeptRun) -> None:
        self.rates, self.kept = rates, kept

    @property
    def lr(self) -> float | dict[str, float]:
        """That of the next step."""
        return self.rates.lr

    def step(self, loss: float) -> None:
        """Go on to the rate of the next step."""
        self.rates.step(loss)
        self.kept.marked()
