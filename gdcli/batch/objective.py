"""An objective at many points at once: their losses and gradients, by ``torch.func.vmap``."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch

from gdcli.errors import GdcliError
from gdcli.rules.rule import Tensors
from gdcli.tensors import Problem, rows_of


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable: ``rows`` of the points hold it, and ``leaf`` of shape (runs, *shape) is what is differentiated."""

    rows: slice
    leaf: torch.Tensor


class BatchObjective:
    """A problem at the points of all runs.

    ``x`` and ``gradient`` have shape (elements, runs): the elements of all variables of ``starts``, in order. Runs lie
    next to each other, so that a parameter of shape (runs,) meets them as it is. A variable that is one number is a
    row of ``x``; the objective sees the others as contiguous tensors of their own, as a single run does.
    """

    def __init__(self, problem: Problem, starts: Tensors) -> None:
        """Take the points from ``starts``: the variables that move, each with a first axis of runs."""
        self.starts = _matrix(starts)
        self.x = self.starts.clone()
        self.gradient = torch.zeros_like(self.x)
        self._shapes = {name: points.shape for name, points in starts.items()}
        self._variables: list[_Variable] = []
        leaves: Tensors = {}
        for name, rows in rows_of({name: points[0] for name, points in starts.items()}).items():
            points = starts[name]
            is_number = points.dim() == 1
            leaf = self.x[rows.start].detach() if is_number else torch.empty_like(points).contiguous()
            leaves[name] = leaf.requires_grad_()
            self._variables.append(_Variable(rows, leaf))
        self._arguments = [leaves.get(name, tensor) for name, tensor in problem.tensors.items()]
        axes = tuple(0 if name in leaves else None for name in problem.tensors)
        self._losses = torch.func.vmap(lambda *tensors: problem.objective(*tensors).reshape(()), in_dims=axes)

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return self.x.shape[1]

    def evaluate(self) -> torch.Tensor:
        """Fill ``gradient`` at ``x`` and return the losses, of shape (runs,)."""
        for variable in self._variables:
            if variable.leaf.dim() > 1:
                variable.leaf.detach().copy_(self.x[variable.rows].T.reshape(variable.leaf.shape))
        losses: torch.Tensor = self._losses(*self._arguments)
        found = torch.autograd.grad(losses.sum(), [variable.leaf for variable in self._variables])
        for variable, gradient in zip(self._variables, found, strict=True):  # a loss has no part in another's gradient
            row = self.gradient[variable.rows.start] if gradient.dim() == 1 else self.gradient[variable.rows]
            row.copy_(gradient if gradient.dim() == 1 else gradient.reshape(self.runs, -1).T)  # as it is: much faster
        return losses.detach()

    def rows_of(self, name: str) -> slice:
        """The rows of ``x`` that hold a variable."""
        return self._variables[list(self._shapes).index(name)].rows

    def by_variable(self, points: torch.Tensor) -> Tensors:
        """Points of the shape of ``x`` as tensors by variable, each with a first axis of runs."""
        return {name: points[self.rows_of(name)].T.reshape(shape) for name, shape in self._shapes.items()}


def _matrix(starts: Tensors) -> torch.Tensor:
    runs = len(next(iter(starts.values())))
    return torch.cat([points.reshape(runs, -1) for points in starts.values()], dim=1).T.contiguous()


def can_be_batched(problem: Problem, start: Tensors) -> bool:
    """Whether PyTorch can evaluate a problem for many points at once, each as if it were alone.

    ``start`` is one point where it is tried. Random numbers would be drawn for all runs together, and an operation
    without a batching rule would fall back to a loop.
    """
    if problem.is_random or problem.objective.expression.function:  # which may do anything with its numbers
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            BatchObjective(problem, {name: torch.stack([x, x]) for name, x in start.items()}).evaluate()
        except (GdcliError, RuntimeError, ValueError, UserWarning):
            return False
    return True
