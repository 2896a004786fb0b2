"""The curvature of a loss at a point: its Hessian whole where it is small, the ends of its spectrum where it is not."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from msgspec import Struct

from gdcli.errors import GdcliError
from gdcli.tensors import Problem, check_scalar

MAX_EXACT = 200  # unknowns up to which the whole Hessian is computed
LANCZOS_STEPS = 300  # products with the Hessian beyond, at most
_ORTHOGONALISING = 100_000_000  # steps * steps * unknowns, at most
_ACCURACY = 1e-6  # the residual of an end of the spectrum, relative to the end, at which Lanczos is content
_INVARIANT = 1e-12  # what is left of a new direction, relative to the spectrum, below which there is none

Product = Callable[[torch.Tensor], torch.Tensor]
"""A symmetric matrix as a function of a vector, both of shape (n,) and float64."""


class Spectrum(Struct, frozen=True):
    """The eigenvalues of a symmetric matrix of ``unknowns`` rows, or their two ends.

    ``values`` ascend: all of them where ``exact``, else the ends; ``vectors`` are their unit eigenvectors, as columns,
    shape (unknowns, len(values)). ``errors`` bound how far each end is from an eigenvalue.
    """

    unknowns: int
    exact: bool
    values: list[float]
    vectors: torch.Tensor
    errors: tuple[float, float]

    @property
    def smallest(self) -> float:
        """The lower end."""
        return self.values[0]

    @property
    def largest(self) -> float:
        """The upper end."""
        return self.values[-1]

    @property
    def size(self) -> float:
        """The size of the eigenvalue that is largest in size."""
        return max(abs(self.smallest), abs(self.largest))


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


def hessian_product(problem: Problem) -> Product:
    """The product of the Hessian with a vector, by differentiating gradient @ vector (Pearlmutter 1994)."""
    tensors = [problem.tensors[name] for name in problem.wrt]
    gradient = _gradient(problem, tensors)

    def product(vector: torch.Tensor) -> torch.Tensor:
        if not gradient.requires_grad:
            return torch.zeros_like(vector)
        # Of one number: with a vector of grad_outputs, PyTorch would import SymPy to compare the shapes.
        along = gradient @ vector.to(gradient.dtype).to(gradient.device)
        found = torch.autograd.grad(along, tensors, retain_graph=True, allow_unused=True, materialize_grads=True)
        return _joined(found).detach().double().cpu()

    return product


def exact_spectrum(matrix: torch.Tensor) -> Spectrum:
    """The spectrum of a symmetric matrix that is there as a whole, shape (n, n).

    Raises:
        ArithmeticError: when the matrix is not finite.
    """
    matrix = matrix.double().cpu()
    if not bool(matrix.isfinite().all()):
        raise ArithmeticError("the second derivatives are not finite here")
    values, vectors = torch.linalg.eigh(matrix)
    return Spectrum(len(matrix), True, values.tolist(), vectors, (0.0, 0.0))


def lanczos(product: Product, unknowns: int, steps: int | None = None) -> Spectrum:
    """The ends of the spectrum of a symmetric matrix, from at most so many products with it.

    The method of Lanczos (1950) from a random start (always the same), with every new direction made orthogonal to all
    before it, twice (Parlett 1980, chapter 13): without that, rounding brings the ends back as false copies. The error
    of an end is bounded by the residual of its vector. A matrix of few distinct eigenvalues is done in as many steps.

    Raises:
        ArithmeticError: when a product is not finite.
    """
    steps = lanczos_steps(unknowns) if steps is None else min(steps, unknowns)
    next_look = 0
    basis = torch.empty(steps, unknowns, dtype=torch.float64)
    direction = torch.randn(unknowns, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rest = float(direction.norm())
    small = torch.zeros(steps, steps, dtype=torch.float64)  # the matrix, seen from the basis: three diagonals
    for k in range(steps):
        basis[k] = direction / rest
        image = product(basis[k])
        if not bool(image.isfinite().all()):
            raise ArithmeticError("the second derivatives are not finite here")
        small[k, k] = basis[k] @ image
        direction = image
        for _ in range(2):
            direction = direction - basis[: k + 1].T @ (basis[: k + 1] @ direction)
        rest = float(direction.norm())
        is_invariant = rest <= _INVARIANT * float(small.abs().max())
        if is_invariant or k == steps - 1 or k >= next_look:
            next_look = max(k + 5, k + k // 5)
            values, vectors = torch.linalg.eigh(small[: k + 1, : k + 1])
            errors = (abs(rest * float(vectors[k, 0])), abs(rest * float(vectors[k, -1])))
            found = [float(values[0]), float(values[-1])]
            if is_invariant or k == steps - 1 or _are_accurate(found, errors):
                return Spectrum(unknowns, False, found, basis[: k + 1].T @ vectors[:, [0, -1]], errors)
        small[k, k + 1] = small[k + 1, k] = rest
    raise ArithmeticError("there are no unknowns")


def lanczos_steps(unknowns: int) -> int:
    """How many products ``lanczos`` takes at most: all that there can be, or what a part of a second allows."""
    return min(unknowns, LANCZOS_STEPS, max(20, math.isqrt(_ORTHOGONALISING // unknowns)))


def _are_accurate(ends: list[float], errors: tuple[float, float]) -> bool:
    size = max(map(abs, ends))
    return all(e <= max(_ACCURACY * abs(end), _INVARIANT * size) for end, e in zip(ends, errors, strict=True))


def spectrum(problem: Problem) -> Spectrum:
    """The spectrum of the Hessian where the tensors are: exact up to 200 unknowns, its ends by Lanczos beyond.

    Raises:
        ArithmeticError: when second derivatives are not finite.
    """
    unknowns = sum(problem.tensors[name].numel() for name in problem.wrt)
    if unknowns <= MAX_EXACT:
        return exact_spectrum(hessian(problem))
    return lanczos(hessian_product(problem), unknowns)


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
        message = f"there is no curvature to take a learning rate from: {str(error).splitlines()[0]}"
        raise GdcliError("lr", message, "give a number: --lr 0.1") from error
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
