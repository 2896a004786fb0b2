"""Evaluating the loss and its gradient, with clipping; each act is noted where it happens."""

from __future__ import annotations

import torch

from gdcli.contract.descent import Act, DescentSettings
from gdcli.descent.snapshot import Snapshot, snapshot
from gdcli.tensors import Problem, check_scalar


class Evaluation:
    """Computes the loss at the variables as they are, and fills their ``.grad`` anew.

    ``gradients`` are those of the last evaluation, before they are clipped; ``count`` is the number of evaluations.
    A loop that clears gradients by ``grad.zero_()`` has backward add to these zeros: with ``adds_to_zeros`` a gradient
    of -0.0 is 0.0 from the second evaluation on, as it is there.
    """

    def __init__(self, problem: Problem, *, adds_to_zeros: bool = False) -> None:
        self.problem = problem
        self.adds_to_zeros = adds_to_zeros
        self.count = 0
        self.acts: list[Act] = []
        self.gradients: dict[str, Snapshot | None] = {}
        self._one: torch.Tensor | None = None
        self._moving = [problem.tensors[name] for name in problem.wrt]

    def __call__(self) -> torch.Tensor:
        """The loss, a tensor of one element.

        Raises:
            ExpressionError: where the expression cannot be evaluated or differentiated, or is not one number.
        """
        problem = self.problem
        for x in self._moving:
            x.grad = None
        loss = problem.value_of_batch()
        if self.count == 0:
            check_scalar(loss, problem.objective.expression, problem.wrt)
            self._one = torch.ones_like(loss)
        self.count += 1
        problem.backward(loss, of=self._one)
        self.gradients = {name: self._gradient(problem.tensors[name]) for name in problem.wrt}
        return loss

    def _gradient(self, x: torch.Tensor) -> Snapshot | None:
        """``x.grad``. PyTorch keeps none for a tensor that is not a leaf, and warns when it is asked."""
        grad = x.grad if x.is_leaf else None
        if grad is None:
            return None
        if grad._is_zerotensor():  # noqa: SLF001 -- the gradient of sgn is a tensor of zeros without storage
            grad = x.grad = torch.zeros_like(x)
        elif self.adds_to_zeros and self.count > 1:
            grad += 0.0
        return grad if grad.dim() else grad.item()  # not copied: the next evaluation makes another tensor

    def values(self) -> dict[str, Snapshot]:
        """The variables as they are."""
        tensors = self.problem.tensors
        return {name: snapshot(tensors[name]) for name in self.problem.wrt}

    def noted(self) -> list[Act] | None:
        """What was done to variables and gradients since the last state; None for nothing."""
        if not self.acts:
            return None
        acts, self.acts = self.acts, []
        return acts


class ClippedEvaluation(Evaluation):
    """An evaluation whose gradients are clipped: first each element, then the norm of all together."""

    def __init__(self, problem: Problem, settings: DescentSettings, *, adds_to_zeros: bool = False) -> None:
        super().__init__(problem, adds_to_zeros=adds_to_zeros)
        self.clip_norm = settings.clip_norm
        self.clip_value = settings.clip_value

    def __call__(self) -> torch.Tensor:
        """The loss, with the clipped gradients in ``.grad``."""
        loss = super().__call__()
        leaves = [x for x in self._moving if x.grad is not None]
        gradients = [x.grad.clone() for x in leaves if x.grad is not None]  # the state has those before
        for x, gradient in zip(leaves, gradients, strict=True):
            x.grad = gradient
        if self.clip_value is not None:
            largest = max(float(gradient.abs().max()) for gradient in gradients)
            if largest > self.clip_value:
                torch.nn.utils.clip_grad_value_(leaves, self.clip_value)
                self.acts.append(Act("clip-value", None, largest, self.clip_value))
        if self.clip_norm is not None:
            norm = float(torch.nn.utils.clip_grad_norm_(leaves, self.clip_norm))
            if norm > self.clip_norm:
                self.acts.append(Act("clip-norm", None, norm, self.clip_norm))
        return loss
