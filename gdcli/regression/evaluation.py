"""Evaluating the loss of a regression and its gradient: over the rows of a batch, or over all of them in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch

from gdcli.contract.regression import RegressionSettings
from gdcli.descent.evaluation import ClippedEvaluation, Evaluation
from gdcli.lang.objective import build
from gdcli.lang.parsing import parse
from gdcli.regression.losses import LOSSES, loss_expression
from gdcli.regression.tables import Piece
from gdcli.rules.rule import Rates, UpdateRule
from gdcli.tensors import Problem, environment

if TYPE_CHECKING:
    from gdcli.regression.together import Sums

Pieces = Callable[[], Iterator[Piece]]


def problem_of(settings: RegressionSettings, descent: Any, w: torch.Tensor, b: torch.Tensor) -> Problem:
    """The loss as a problem: ``w`` (p,) and ``b`` () move, ``X`` and ``y`` are the rows that it is evaluated on.

    ``descent`` are the settings as a descent has them; the rows are put into ``tensors`` later.
    """
    expression = parse(loss_expression(settings))
    run = environment(descent)
    moving = {"w": w, "b": b} if settings.intercept else {"w": w}
    row = {"X": w.new_zeros((1, len(w))), "y": w.new_zeros(1)}
    tensors = {name: {**moving, **row}[name] for name in expression.variables}
    return Problem(build(expression, run, tensors), run, tensors, tuple(moving))


class RowsEvaluation(Evaluation):
    """The loss at the coefficients as they are: of the rows that the problem has, or of those of ``pieces`` together.

    The loss of pieces is the mean over their rows, added piece by piece, so that only one is in memory. With ``l1``,
    its penalty is in the loss, and not in the gradient: the step of a proximal rule sees to it. With ``sums``, the rows
    are those of all processes of a fit, and ``rows`` is their number in the last evaluation.
    """

    pieces: Pieces | None = None
    is_mean = True
    l1 = l2 = 0.0
    sums: Sums | None = None
    rows = 0

    def __call__(self) -> torch.Tensor:
        """The loss, a tensor of one element."""
        if self.sums is not None:
            loss = self._over_all(self.sums)
        else:
            loss = super().__call__() if self.pieces is None else self._over(self.pieces)
        if self.l1:
            return loss.detach() + self.l1 * self.problem.tensors["w"].detach().abs().sum()
        return loss

    def _over(self, pieces: Pieces) -> torch.Tensor:
        """The loss of all pieces, with its gradient in ``.grad``."""
        problem, evaluated = self.problem, self.count + 1
        w = problem.tensors["w"]
        total, count, repeated = w.new_zeros(()), 0, -1
        kept = [torch.zeros_like(x, requires_grad=False) for x in self._moving]
        for piece in pieces():
            problem.tensors["X"], problem.tensors["y"] = piece
            loss = super().__call__()
            weight = len(piece.y) if self.is_mean else 1
            count, repeated = count + weight, repeated + 1
            total += weight * loss.detach()
            for gradient, x in zip(kept, self._moving, strict=True):
                if x.grad is not None:
                    gradient.add_(weight * x.grad)
        if self.is_mean:
            total /= count
        elif self.l2:  # it is in the sum of each piece
            total -= repeated * self.l2 * w.detach().square().sum()
            kept[0] -= repeated * 2 * self.l2 * w.detach()
        for x, gradient in zip(self._moving, kept, strict=True):
            x.grad = gradient / count if self.is_mean else gradient
        self.count = evaluated
        self.gradients = {name: self._gradient(problem.tensors[name]) for name in problem.wrt}
        return total

    def _over_all(self, sums: Sums) -> torch.Tensor:
        """The loss of the rows of all processes, with its gradient in ``.grad``; here there may be none of them."""
        problem, evaluated, w = self.problem, self.count + 1, self.problem.tensors["w"]
        sums.begin()
        for piece in [self._piece()] if self.pieces is None else self.pieces():
            if rows := len(piece.y):
                problem.tensors["X"], problem.tensors["y"] = piece
                loss = super().__call__()
                sums.add(loss, rows, rows if self.is_mean else 1)
        total, self.rows, parts = sums.total()
        factor = self.rows if self.is_mean else 1
        repeated = 0 if self.is_mean else (parts - 1) * self.l2  # the penalty is in the sum of each piece
        total = total / factor - repeated * w.detach().double().square().sum().item()
        for place, (x, gradient) in enumerate(zip(self._moving, sums.gradients(), strict=True)):
            penalty = repeated * 2 * w.detach() if repeated and place == 0 else 0.0
            x.grad = (gradient / factor - penalty).to(x.dtype)
        self.count = evaluated
        self.gradients = {name: self._gradient(problem.tensors[name]) for name in problem.wrt}
        return w.new_tensor(total)

    def _piece(self) -> Piece:
        return Piece(self.problem.tensors["X"], self.problem.tensors["y"])

    def rows_of(self, y: torch.Tensor) -> int:
        """The number of rows of the last evaluation, of which ``y`` are those here."""
        return len(y) if self.sums is None else self.rows

    def value_over(self, pieces: Iterator[Piece]) -> float | None:
        """The loss of other rows, with its penalties and without a gradient; None where there are none."""
        problem, total, count, parts = self.problem, 0.0, 0, 0
        w = problem.tensors["w"]
        with torch.no_grad():
            for piece in pieces:
                problem.tensors["X"], problem.tensors["y"] = piece
                weight = len(piece.y) if self.is_mean else 1
                total, count, parts = total + weight * problem.value().item(), count + weight, parts + 1
            if self.sums is not None:
                total, count, parts = map(sum, zip(*self.sums.together.gather((total, count, parts)), strict=True))
            if not parts:
                return None
            squares = 0.0 if self.is_mean else (parts - 1) * self.l2 * w.square().sum().item()
            return (total - squares) / (count if self.is_mean else 1) + self.l1 * w.abs().sum().item()


class ClippedRowsEvaluation(ClippedEvaluation, RowsEvaluation):
    """The same with clipping."""


def evaluation_of(settings: RegressionSettings, descent: Any, problem: Problem, *, by_hand: bool) -> RowsEvaluation:
    """The evaluation of a run; ``by_hand`` says that the rule is written by hand, and clears gradients to zeros."""
    found: RowsEvaluation
    if settings.clip_norm is not None or settings.clip_value is not None:
        found = ClippedRowsEvaluation(problem, descent, adds_to_zeros=by_hand)
    else:
        found = RowsEvaluation(problem, adds_to_zeros=by_hand)
    found.l1, found.l2, found.is_mean = settings.l1, settings.l2, LOSSES[settings.loss].is_mean
    return found


class Proximal:
    """A rule with ``l1``: after its step, each coefficient goes towards 0 by ``lr * l1`` and stops there (ISTA).

    Daubechies, Defrise and De Mol (2004); the intercept is not penalized.
    """

    def __init__(self, rule: UpdateRule, w: torch.Tensor, l1: float) -> None:
        self.rule, self.w, self.l1 = rule, w, l1
        self.no_grad = torch.no_grad()

    @property
    def rates(self) -> Rates:
        """The learning rates, which a schedule changes."""
        return self.rule.rates

    @rates.setter
    def rates(self, rates: Rates) -> None:
        self.rule.rates = rates

    def step(self, evaluate: Evaluation) -> None:
        """Move the coefficients."""
        self.rule.step(evaluate)
        with self.no_grad:
            self.w.copy_(torch.nn.functional.softshrink(self.w, self.rule.rates["w"] * self.l1))
