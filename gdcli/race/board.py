"""The board of a batch: looks at every run after each evaluation, and notes the state in which it ended."""

from __future__ import annotations

import torch

from gdcli.contract.compare import RunStatus
from gdcli.descent.rules import Tensors
from gdcli.descent.stopping import GROWTH
from gdcli.race.goal import Goal
from gdcli.race.track import Lane, Outcome

_STATUSES: tuple[RunStatus, ...] = ("reached", "diverged", "max_steps", "stalled", "interrupted")
_SAMPLES = 1024  # losses of a run that are kept for its curve


class Board:
    """The stopping tests of ``StopTests`` and the goal of a race, for a batch of runs.

    ``alive`` says which runs go on; what becomes of the others does not count any more.
    """

    def __init__(self, runs: int, goal: Goal, budget: int, device: torch.device) -> None:
        self.goal = goal
        self.budget = budget
        whole = {"dtype": torch.int64, "device": device}
        self.alive = torch.ones(runs, dtype=torch.bool, device=device)
        self.status = torch.full((runs,), -1, **whole)  # type: ignore[call-overload]
        self.steps = torch.zeros(runs, **whole)  # type: ignore[call-overload]
        self.evaluations = torch.zeros(runs, **whole)  # type: ignore[call-overload]
        self.loss = torch.full((runs,), torch.inf, dtype=torch.float64, device=device)
        self.best = self.loss.clone()
        self.values: Tensors = {}
        self._largest: torch.Tensor | None = None
        self._previous_norm = self.loss
        self._samples: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._every = 1

    def look(self, iteration: int, loss: torch.Tensor, gradients: Tensors, values: Tensors) -> None:
        """Look at the state before step ``iteration``: ``loss`` has shape (runs,), the others a first axis of runs."""
        loss = loss.detach().double()
        norm, finite = _norm(gradients, len(loss))
        finite &= torch.isfinite(loss)
        if self._largest is None:
            self._largest = GROWTH * loss.abs().clamp(min=1.0)
        grown = (loss.abs() > self._largest) & (norm > self._previous_norm)
        self._previous_norm = norm
        self.best = torch.where(self.alive & (loss < self.best), loss, self.best)
        measured = loss if self.goal.kind == "loss" else norm
        found = {
            "reached": finite & (measured <= self.goal.limit),
            "diverged": ~finite | grown,
            "max_steps": self.evaluations >= self.budget,
        }
        self._sample(iteration, loss)
        for name, ended in found.items():
            self.end(name, ended, iteration, loss, values)  # type: ignore[arg-type]

    def end(self, status: RunStatus, ended: torch.Tensor, iteration: int, loss: torch.Tensor, values: Tensors) -> None:
        """Note the state of the runs in ``ended`` that were alive; they are not any more."""
        ended = ended & self.alive
        if not bool(ended.any()):
            return
        self.status[ended] = _STATUSES.index(status)
        self.steps[ended] = iteration
        self.loss[ended] = loss.double()[ended]
        for name, x in values.items():
            self.values.setdefault(name, torch.zeros_like(x))[ended] = x[ended]
        self.alive = self.alive & ~ended

    def _sample(self, iteration: int, loss: torch.Tensor) -> None:
        """Keep the losses of some iterations, evenly spaced, whatever the length of the run."""
        if iteration % self._every:
            return
        self._samples.append((self.evaluations.clone(), loss))
        if len(self._samples) > _SAMPLES:
            self._samples = self._samples[::2]
            self._every *= 2

    def outcomes(self, lanes: list[Lane]) -> list[Outcome]:
        """What each run left behind, once all have ended."""
        sampled = torch.stack([evaluations for evaluations, _ in self._samples]).T.tolist()
        losses = torch.stack([loss for _, loss in self._samples]).T.tolist()
        values = {name: x.tolist() for name, x in self.values.items()}
        last, final = self.evaluations.tolist(), self.loss.tolist()
        steps, best, statuses = self.steps.tolist(), self.best.tolist(), self.status.tolist()
        found = []
        for i, lane in enumerate(lanes):
            curve = [pair for pair in zip(sampled[i], losses[i], strict=True) if pair[0] < last[i]]
            curve.append((last[i], final[i]))
            here = {name: numbers[i] for name, numbers in values.items()}
            status = _STATUSES[statuses[i]]
            found.append(Outcome(lane, status, steps[i], last[i], final[i], best[i], here, curve))
        return found


def _norm(gradients: Tensors, runs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The norm of the gradient of each run, and whether it is finite."""
    joined = torch.cat([gradient.reshape(runs, -1) for gradient in gradients.values()], dim=1).double()
    return joined.square().sum(1).sqrt(), torch.isfinite(joined).all(1)
