"""A descent whose every step is on another batch, for a state a step."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from gdcli.descent.evaluation import Evaluation
from gdcli.descent.loop import Rates, Rule
from gdcli.regression.evaluation import RowsEvaluation
from gdcli.regression.tables import Piece


class Drawn(Evaluation):
    """An evaluation that draws the next batch each time, and the rates of its epoch: ``lr`` is that of the next step.

    ``batches`` are those of all epochs, each with the number of its epoch. ``begins_epoch`` says that the last batch is
    the first one of its ``epoch``.
    """

    def __init__(self, evaluation: RowsEvaluation, batches: Iterator[tuple[int, Piece]], rates: Rates) -> None:
        super().__init__(evaluation.problem)
        self.evaluation, self.batches, self.rates = evaluation, batches, rates
        self.lr = rates.lr
        self.epoch, self.begins_epoch = -1, True
        self._losses, self._rows = 0.0, 0

    def __call__(self) -> torch.Tensor:
        """The loss of the next batch, with its gradient."""
        epoch, (X, y) = next(self.batches)  # noqa: N806
        self.begins_epoch = epoch != self.epoch
        if self.begins_epoch and self._rows:
            self.rates.step(self._losses / self._rows)
            self._losses, self._rows = 0.0, 0
            self.lr = self.rates.lr
        self.epoch = epoch
        tensors = self.problem.tensors
        tensors["X"], tensors["y"] = X, y
        loss = self.evaluation()
        self.gradients, self.acts, self.count = self.evaluation.gradients, self.evaluation.acts, self.evaluation.count
        self.evaluation.acts = []
        self._losses += loss.item() * len(y)
        self._rows += len(y)
        return loss

    def step(self, loss: float) -> None:
        """Keep the rate: it holds for an epoch."""


class OnTheSameBatch:
    """A rule that evaluates again on the batch of its step."""

    def __init__(self, rule: Rule, evaluation: RowsEvaluation) -> None:
        self.rule, self.evaluation = rule, evaluation

    def step(self, evaluate: Evaluation) -> None:  # noqa: ARG002 -- that would draw another batch
        """Move the coefficients."""
        self.rule.step(self.evaluation)
