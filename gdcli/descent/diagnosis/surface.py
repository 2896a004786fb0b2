"""The loss of a run at any point, in float64: what a statement about a place is checked with."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from gdcli.descent.diagnosis.local import at
from gdcli.descent.loop import State
from gdcli.tensors import Problem

Vector = Sequence[float]


class Surface:
    """``sign`` times the loss, as a function of all variables flattened and joined, without the weight decay."""

    def __init__(self, problem: Problem, state: State, sign: float) -> None:
        """Of a problem, at a state that has the shapes of its variables."""
        self._problem = at(problem, state, torch.float64)
        self._sign = sign

    def __call__(self, point: Vector) -> float:
        """The value at a point of n numbers; not a number where it cannot be computed."""
        with torch.no_grad():
            self._go(point)
            try:
                return self._sign * float(self._problem.value())
            except (RuntimeError, ArithmeticError):
                return math.nan

    def gradient(self, point: Vector) -> list[float]:
        """The gradient at a point of n numbers, n numbers; 0 where autograd has none."""
        self._go(point)
        leaves = list(self._problem.leaves.values())
        found = torch.autograd.grad(self._problem.value(), leaves, allow_unused=True, materialize_grads=True)
        return [self._sign * each for g in found for each in g.reshape(-1).tolist()]

    def slopes(self, point: torch.Tensor) -> torch.Tensor:
        """The gradient at a point of shape (n,), in that form."""
        return torch.tensor(self.gradient(point.tolist()), dtype=torch.float64)

    def curvature(self, point: Vector, direction: Vector) -> float:
        """The second derivative along a unit vector, by a central difference of the gradient."""
        h = 1e-5 * (1.0 + math.hypot(*point))
        above, below = (self.gradient(moved(point, direction, by)) for by in (h, -h))
        return sum((a - b) * d for a, b, d in zip(above, below, direction, strict=True)) / (2 * h)

    def _go(self, point: Vector) -> None:
        rest = torch.tensor(list(point), dtype=torch.float64)
        with torch.no_grad():
            for leaf in self._problem.leaves.values():
                part, rest = rest[: leaf.numel()], rest[leaf.numel() :]
                leaf.copy_(part.reshape(leaf.shape))


def axis(n: int, i: int) -> list[float]:
    """The unit vector of unknown i, of n."""
    return [float(i == j) for j in range(n)]


def moved(point: Vector, direction: Vector, by: float) -> list[float]:
    """The point ``point + by * direction``."""
    return [x + by * d for x, d in zip(point, direction, strict=True)]
