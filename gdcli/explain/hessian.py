"""The second derivatives of a result at a point: the Hessian, products with it, its spectrum, and the kind of point.

A matrix is taken row by row on the graph of the run itself. ``torch.func.hessian`` and ``torch.func.jacrev`` give the
same numbers (the tests compare them), but they evaluate the expression anew, refuse what ``vmap`` cannot batch, and
load ``torch._dynamo`` and SymPy, which takes longer than all of gdcli.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import torch
from msgspec import Struct

LANCZOS_STEPS = 300  # products with the Hessian, at most
_ORTHOGONALISING = 100_000_000  # steps * steps * unknowns, at most
_ACCURACY = 1e-6  # the residual of an end of the spectrum, relative to the end, at which Lanczos is content
_INVARIANT = 1e-12  # what is left of a new direction, relative to the spectrum, below which there is none

# What counts as zero: an eigenvalue of an n x n matrix below 4 n eps times the largest.
_EIGENVALUE_ROUNDING = 4

Product = Callable[[torch.Tensor], torch.Tensor]
"""A symmetric matrix as a function of a vector, both of shape (n,) and float64."""

Point = Literal["minimum", "maximum", "saddle", "flat", "not critical", "kink", "undefined"]
"""What a point is; undefined where derivatives are not finite, or say nothing."""


def gradient_of(value: torch.Tensor, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """The gradient of a result of one element over all ``tensors``, flattened and joined in order, with its graph.

    Shape (n,); zeros where no path leads to a tensor.

    Raises:
        RuntimeError: where PyTorch has no derivative.
    """
    parts = torch.autograd.grad(value, tensors, create_graph=True, allow_unused=True, materialize_grads=True)
    return _joined(parts)


def rows(values: torch.Tensor, tensors: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
    """The derivatives of each of ``values``, of shape (n,), by all tensors, joined; zeros where it has none."""
    # A row is picked by the vector that backward multiplies from the left: indexing would cost a node of the graph.
    picked = torch.zeros_like(values)
    for i in range(len(values)):
        picked[i] = 1
        yield product(picked, values, tensors)
        picked[i] = 0


def hessian(gradient: torch.Tensor, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """The matrix of second derivatives, shape (n, n), from the gradient with its graph.

    It is symmetric but for rounding.

    Raises:
        RuntimeError: where PyTorch has no second derivative.
    """
    return torch.stack(list(rows(gradient, tensors)))


def hessian_product(gradient: torch.Tensor, tensors: Sequence[torch.Tensor]) -> Product:
    """The product of the Hessian with a vector, by differentiating gradient @ vector (Pearlmutter 1994)."""

    def image(vector: torch.Tensor) -> torch.Tensor:
        return product(vector.to(gradient), gradient, tensors).double().cpu()

    return image


def symmetric(matrix: torch.Tensor) -> torch.Tensor:
    """The symmetric part of a square matrix."""
    return (matrix + matrix.T) / 2


def product(left: torch.Tensor, values: torch.Tensor, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """``left`` times the matrix of derivatives of ``values`` by all tensors, joined."""
    if not values.requires_grad:  # they do not depend on the variables here
        return _joined([torch.zeros_like(tensor) for tensor in tensors])
    # As a sum, since PyTorch imports SymPy for a vector that is given to grad.
    total = (left * values).sum()
    return _joined(torch.autograd.grad(total, tensors, retain_graph=True, allow_unused=True, materialize_grads=True))


def _joined(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


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


def eigenvalues_of(matrix: torch.Tensor) -> torch.Tensor:
    """The eigenvalues of the symmetric part of a matrix of float64, ascending, shape (n,)."""
    eigenvalues: torch.Tensor = torch.linalg.eigvalsh(symmetric(matrix))
    return eigenvalues


def condition_number(eigenvalues: torch.Tensor, eps: float) -> float | None:
    """The largest eigenvalue over the smallest, in size; None where that one is 0 within rounding ``eps``."""
    smallest = float(eigenvalues.abs().min())
    return float(eigenvalues.abs().max()) / smallest if smallest > _rounding(eigenvalues, eps) else None


def _rounding(eigenvalues: torch.Tensor, eps: float) -> float:
    """The size up to which an eigenvalue is 0 within rounding."""
    return _EIGENVALUE_ROUNDING * len(eigenvalues) * eps * float(eigenvalues.abs().max())


def kind_of_point(
    eigenvalues: torch.Tensor, eps: float, gradient_norm: float, *, is_zero: bool, zero_name: str
) -> tuple[Point, str]:
    """What kind of point it is, and a sentence that says why.

    ``is_zero`` says that the gradient is zero within rounding, and ``zero_name`` how that is told.
    """
    zero = _rounding(eigenvalues, eps)
    up, down = int((eigenvalues > zero).sum()), int((eigenvalues < -zero).sum())
    total = len(eigenvalues)
    signs = (
        f"of {total} eigenvalues, {_are(up)} positive and {_are(down)} negative"
        if total > 1
        else "the only eigenvalue is 0"
    )
    bending = {
        up: "the function is convex here (every eigenvalue is positive)",
        down: "the function is concave here (every eigenvalue is negative)",
    }.get(total, signs)
    if not is_zero:
        return "not critical", f"not a critical point: the gradient norm is {gradient_norm:.6g}; {bending}"
    if up and down:
        return "saddle", f"a saddle point: {signs}, so the function increases in one direction and decreases in another"
    if up == total:
        return "minimum", f"a local minimum: {zero_name}, and every eigenvalue is positive"
    if down == total:
        return "maximum", f"a local maximum: {zero_name}, and every eigenvalue is negative"
    zeros = f"of {total} eigenvalues {_are(total - up - down)}" if total > 1 else "the only eigenvalue is"
    return (
        "flat",
        f"flat: {zero_name}, and {zeros} 0 within rounding; the second-derivative test is inconclusive",
    )


def _are(count: int) -> str:
    return f"{count} {'is' if count == 1 else 'are'}"
