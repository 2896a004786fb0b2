"""The curvature of a loss at a point: its Hessian whole where it is small, its largest eigenvalue where it is not."""

from __future__ import annotations

import math

import torch

from gdcli.errors import GdcliError
from gdcli.tensors import Problem, check_scalar

MAX_EXACT = 200  # unknowns up to which the whole Hessian is computed
_POWER_STEPS = 60


def hessian(problem: Problem) -> torch.Tensor:
    """The Hessian over all variables of ``wrt``, flattened and joined in order: shape (n, n), symmetric."""
    tensors = [problem.tensors[name] for name in problem.wrt]
    gradient = _gradient(problem, tensors)
    rows = []
    for element in gradient:
        if not element.requires_grad:  # the gradient does not depend on the variables here
            rows.append(torch.zeros_like(gradient))
            continue
        row = torch.autograd.grad(element, tensors, retain_graph=True, allow_unused=True, materialize_grads=True)
        rows.append(_joined(row))
    matrix = torch.stack(rows).detach()
    return (matrix + matrix.T) / 2


def largest_curvature(problem: Problem) -> float:
    """The eigenvalue of the Hessian that is largest in size, signed.

    Exact up to 200 unknowns; beyond, by power iteration on Hessian-vector products.
    """
    tensors = [problem.tensors[name] for name in problem.wrt]
    if sum(t.numel() for t in tensors) <= MAX_EXACT:
        eigenvalues = torch.linalg.eigvalsh(hessian(problem).double())
        return float(eigenvalues[eigenvalues.abs().argmax()])
    gradient = _gradient(problem, tensors)
    vector = torch.ones_like(gradient)
    value = 0.0
    for _ in range(_POWER_STEPS):
        vector = vector / vector.norm()
        product = _joined(torch.autograd.grad(gradient, tensors, vector, retain_graph=True, materialize_grads=True))
        value = float(vector @ product)
        if not product.any():
            break
        vector = product
    return value


def rate_from_curvature(problem: Problem, *, maximize: bool) -> float:
    """The learning rate of ``--lr auto``: 1 / |L|, with L the curvature that is largest in size at the start.

    For a quadratic it is half of the rate 2 / L from which on gradient descent diverges (Nesterov 2004, section 1.2.3).

    Raises:
        GdcliError: where there is no curvature to go by.
    """
    largest = abs(largest_curvature(problem))
    if largest == 0 or not math.isfinite(largest):
        goal = "maximum" if maximize else "minimum"
        message = f"the start has no curvature to take a learning rate from: the {goal} is in no known distance"
        raise GdcliError("lr", message, "give a number: --lr 0.1")
    return 1 / largest


def _gradient(problem: Problem, tensors: list[torch.Tensor]) -> torch.Tensor:
    value = problem.value()
    check_scalar(value, problem.objective.expression)
    gradients = torch.autograd.grad(value, tensors, create_graph=True, allow_unused=True, materialize_grads=True)
    return _joined(gradients)


def _joined(tensors: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return torch.cat([t.reshape(-1) for t in tensors])
