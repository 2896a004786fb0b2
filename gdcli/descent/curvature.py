"""The curvature of a loss where its tensors are, and the learning rate that it suggests."""

from __future__ import annotations

import math

import torch

from gdcli.errors import GdcliError
from gdcli.explain.hessian import (
    Product,
    Spectrum,
    exact_spectrum,
    gradient_of,
    hessian,
    hessian_product,
    lanczos,
    symmetric,
)
from gdcli.tensors import Problem, check_scalar

MAX_EXACT = 200  # unknowns up to which the whole Hessian is computed


def hessian_at(problem: Problem) -> torch.Tensor:
    """The Hessian over all variables of ``wrt``, flattened and joined in order: shape (n, n), symmetric."""
    return symmetric(hessian(*_gradient(problem)))


def product_at(problem: Problem) -> Product:
    """The product of that Hessian with a vector."""
    return hessian_product(*_gradient(problem))


def spectrum(problem: Problem) -> Spectrum:
    """The spectrum of the Hessian where the tensors are: exact up to 200 unknowns, its ends by Lanczos beyond.

    Raises:
        ArithmeticError: when second derivatives are not finite.
    """
    if problem.unknowns <= MAX_EXACT:
        return exact_spectrum(hessian_at(problem))
    return lanczos(product_at(problem), problem.unknowns)


def largest_curvature(problem: Problem) -> float:
    """The eigenvalue of the Hessian that is largest in size, signed; not a number where it is not finite."""
    try:
        found = spectrum(problem)
    except ArithmeticError:
        return math.nan
    return found.largest if found.largest >= -found.smallest else found.smallest


def rate_from_curvature(problem: Problem, *, maximize: bool) -> float:
    """The learning rate of ``--lr auto``: 1 / |L|, with L the curvature that is largest in size at the start.

    For a quadratic it is half of the rate 2 / L from which on gradient descent diverges (Nesterov 2004, section 1.2.3).

    Raises:
        GdcliError: where there is no curvature to go by.
    """
    try:
        largest = abs(largest_curvature(problem))
    except RuntimeError as error:
        message = f"cannot choose a learning rate from the curvature: {str(error).splitlines()[0]}"
        raise GdcliError("lr", message, "give a number: --lr 0.1") from error
    if largest == 0 or not math.isfinite(largest):
        goal = "maximum" if maximize else "minimum"
        message = (
            "cannot choose a learning rate from the curvature: it is zero or not finite at the start, "
            f"so the distance to the {goal} is unknown"
        )
        raise GdcliError("lr", message, "give a number: --lr 0.1")
    return 1 / largest


def _gradient(problem: Problem) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The gradient with its graph, and the tensors that it is by."""
    tensors = list(problem.leaves.values())
    value = problem.value()
    check_scalar(value, problem.objective.expression, problem.wrt)
    return gradient_of(value, tensors), tensors
