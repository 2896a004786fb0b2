"""Second derivatives at a point, and the derivatives of a result of any shape: Hessian and Jacobian.

A matrix is taken row by row on the graph of the run itself. ``torch.func.hessian`` and ``torch.func.jacrev`` give the
same numbers (the tests compare them), but they evaluate the expression anew, refuse what ``vmap`` cannot batch, and
load ``torch._dynamo`` and SymPy, which takes longer than all of gdcli.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import torch

from gdcli.contract.grad import Curvature, JacobianMatrix
from gdcli.errors import GdcliError
from gdcli.lang.nodes import Expression
from gdcli.lang.objective import located

MAX_UNKNOWNS = 2_000  # of a Hessian
MAX_ROWS = 10_000  # of a Jacobian: each is a backward pass
MAX_ENTRIES = 4_000_000

# What counts as zero, in units of the dtype's precision eps: an eigenvalue of an n x n matrix below 4 n eps times the
# largest; a gradient that a change of the variables by 64 eps would cancel.
_EIGENVALUE_ROUNDING = 4
_GRADIENT_ROUNDING = 64

Point = Literal["minimum", "maximum", "saddle", "flat", "not critical", "undefined"]


def labels(name: str, shape: Sequence[int]) -> Iterator[str]:
    """The name of each element of a tensor: ``x``, ``x[0]``, ``W[0,1]``."""
    for index in itertools.product(*map(range, shape)):
        yield f"{name}[{','.join(map(str, index))}]" if index else name


def curvature(value: torch.Tensor, leaves: Mapping[str, torch.Tensor], expression: Expression) -> Curvature:
    """The Hessian of a result of one element over all ``leaves``, flattened and joined in order: shape (n, n).

    ``value`` is the result with its graph, which is kept. Eigenvalues are those of the symmetrised matrix, computed in
    float64 and in ascending order.

    Raises:
        GdcliError: for more than 2,000 unknowns.
        ExpressionError: where PyTorch has no second derivative.
    """
    names = [label for name, leaf in leaves.items() for label in labels(name, leaf.shape)]
    if len(names) > MAX_UNKNOWNS:
        message = f"a Hessian over {len(names):,} unknowns is too large: {MAX_UNKNOWNS:,} are allowed"
        raise GdcliError("limit", message, "choose fewer variables with --wrt")
    tensors = list(leaves.values())
    try:
        parts = torch.autograd.grad(value, tensors, create_graph=True, allow_unused=True, materialize_grads=True)
        gradient = torch.cat([part.reshape(-1) for part in parts])
        matrix = torch.stack(list(_rows(gradient, tensors))).double()
    except RuntimeError as error:
        raise located(error, expression, {}) from error
    gradient = gradient.detach().double()
    eigenvalues: list[float | None] = []
    condition = None
    if matrix.isfinite().all() and gradient.isfinite().all():
        found = torch.linalg.eigvalsh((matrix + matrix.T) / 2)
        eigenvalues, condition = found.tolist(), _condition(found, eps := torch.finfo(value.dtype).eps)
        limit = _GRADIENT_ROUNDING * eps * _gradient_scale(value, tensors, float(found.abs().max()))
        kind, message = _classified(found, eps, float(gradient.norm()), limit)
    else:
        kind, message = "undefined", "the derivatives are not finite here, so the point has no kind"
    return Curvature(
        labels=names,
        matrix=matrix.tolist(),
        eigenvalues=eigenvalues,
        condition_number=condition,
        gradient_norm=float(gradient.norm()),
        point=kind,
        message=message,
    )


def jacobian(value: torch.Tensor, leaves: Mapping[str, torch.Tensor], expression: Expression) -> JacobianMatrix:
    """The derivative of each element of ``value``, named f, by each element of ``leaves``, both flattened in order.

    Raises:
        GdcliError: for more than 10,000 rows or 4 million entries.
        ExpressionError: where PyTorch has no derivative.
    """
    rows = list(labels("f", value.shape))
    columns = [label for name, leaf in leaves.items() for label in labels(name, leaf.shape)]
    if len(rows) > MAX_ROWS or len(rows) * len(columns) > MAX_ENTRIES:
        message = f"a Jacobian of {len(rows):,} rows and {len(columns):,} columns is too large"
        hint = f"{MAX_ROWS:,} rows and {MAX_ENTRIES:,} entries are allowed"
        raise GdcliError("limit", message, hint)
    tensors = list(leaves.values())
    try:
        matrix = [row.tolist() for row in _rows(value.reshape(-1), tensors)]
    except RuntimeError as error:
        raise located(error, expression, {}) from error
    return JacobianMatrix(rows=rows, columns=columns, matrix=matrix)


def _rows(values: torch.Tensor, tensors: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
    """The derivatives of each of ``values``, of shape (n,), by all tensors, joined; zeros where it has none."""
    # A row is picked by the vector that backward multiplies from the left: indexing would cost a node of the graph.
    picked = torch.zeros_like(values)
    for i in range(len(values)):
        picked[i] = 1
        yield torch.cat([part.reshape(-1) for part in _products(picked, values, tensors)])
        picked[i] = 0


def _products(left: torch.Tensor, values: torch.Tensor, tensors: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """``left`` times the matrix of derivatives of ``values`` by each tensor."""
    if not values.requires_grad:
        return [torch.zeros_like(tensor) for tensor in tensors]
    # As a sum, since PyTorch imports SymPy for a vector that is given to grad.
    total = (left * values).sum()
    return torch.autograd.grad(total, tensors, retain_graph=True, allow_unused=True, materialize_grads=True)


def _zero(eigenvalues: torch.Tensor, eps: float) -> float:
    """The size up to which an eigenvalue is 0 within rounding."""
    return _EIGENVALUE_ROUNDING * len(eigenvalues) * eps * float(eigenvalues.abs().max())


def _condition(eigenvalues: torch.Tensor, eps: float) -> float | None:
    smallest = float(eigenvalues.abs().min())
    return float(eigenvalues.abs().max()) / smallest if smallest > _zero(eigenvalues, eps) else None


def _gradient_scale(value: torch.Tensor, tensors: Sequence[torch.Tensor], curvature: float) -> float:
    """The size below which a gradient is rounding, in units of eps; ``curvature`` is the largest of an eigenvalue.

    Variables that are off by eps have a gradient that is off by curvature * point * eps; a value that is off by
    eps times itself, over the length sqrt(value / curvature) on which it changes, gives the other term.
    """
    point = math.hypot(*(float(tensor.detach().double().norm()) for tensor in tensors))
    return curvature * point + math.sqrt(abs(value.item()) * curvature)


def _classified(eigenvalues: torch.Tensor, eps: float, gradient_norm: float, limit: float) -> tuple[Point, str]:
    """What kind of point it is, and a sentence that says why; a gradient up to ``limit`` is zero."""
    zero = _zero(eigenvalues, eps)
    up, down = int((eigenvalues > zero).sum()), int((eigenvalues < -zero).sum())
    total = len(eigenvalues)
    signs = f"of {total} eigenvalues {up} are positive and {down} negative" if total > 1 else "its only eigenvalue is 0"
    bending = {
        up: "the function is convex here (every eigenvalue is positive)",
        down: "the function is concave here (every eigenvalue is negative)",
    }.get(total, signs)
    if not gradient_norm <= limit:
        return "not critical", f"not a critical point: the gradient norm is {gradient_norm:.6g}; {bending}"
    if up and down:
        return "saddle", f"a saddle point: {signs}, so it rises one way and falls another"
    if up == total:
        return "minimum", "a local minimum: the gradient is zero, and every eigenvalue is positive"
    if down == total:
        return "maximum", "a local maximum: the gradient is zero, and every eigenvalue is negative"
    zeros = f"{total - up - down} of {total} eigenvalues are" if total > 1 else "its only eigenvalue is"
    return "flat", f"flat: the gradient is zero, and {zeros} 0 within rounding, so second derivatives do not decide"
