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

from gdcli.errors import GdcliError
from gdcli.lang.nodes import Expression
from gdcli.lang.objective import located
from gdcli.results import Curvature, JacobianMatrix

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
        gradient = _row(value, tensors, create_graph=True)
        matrix = torch.stack([_row(element, tensors) for element in gradient]).detach().double()
    except RuntimeError as error:
        raise located(error, expression, {}) from error
    gradient = gradient.detach().double()
    if not (matrix.isfinite().all() and gradient.isfinite().all()):
        message = "the derivatives are not finite here, so the point has no kind"
        return _record(names, matrix, [], None, gradient, "undefined", message)
    eigenvalues = torch.linalg.eigvalsh((matrix + matrix.T) / 2).tolist()
    eps = torch.finfo(value.dtype).eps
    sizes = [abs(eigenvalue) for eigenvalue in eigenvalues]
    zero = _EIGENVALUE_ROUNDING * len(sizes) * eps * max(sizes)
    condition = max(sizes) / min(sizes) if min(sizes) > zero else None
    point = math.hypot(*(float(tensor.detach().double().norm()) for tensor in tensors))
    critical = float(gradient.norm()) <= _GRADIENT_ROUNDING * eps * _gradient_scale(value.item(), point, max(sizes))
    kind, message = _classified(eigenvalues, zero, critical=critical, gradient_norm=float(gradient.norm()))
    return _record(names, matrix, eigenvalues, condition, gradient, kind, message)


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
        matrix = [_row(element, tensors).tolist() for element in value.reshape(-1)]
    except RuntimeError as error:
        raise located(error, expression, {}) from error
    return JacobianMatrix(rows=rows, columns=columns, matrix=matrix)


def _row(element: torch.Tensor, tensors: Sequence[torch.Tensor], *, create_graph: bool = False) -> torch.Tensor:
    """The derivatives of one element by all tensors, joined; zeros where it does not depend on them."""
    if not element.requires_grad:
        return torch.cat([torch.zeros_like(tensor).reshape(-1) for tensor in tensors])
    found = torch.autograd.grad(
        element, tensors, retain_graph=True, create_graph=create_graph, allow_unused=True, materialize_grads=True
    )
    return torch.cat([part.reshape(-1) for part in found])


def _gradient_scale(value: float, point: float, curvature: float) -> float:
    """The size below which a gradient is rounding, in units of eps.

    Variables that are off by eps have a gradient that is off by curvature * point * eps; a value that is off by
    eps times itself, over the length sqrt(value / curvature) on which it changes, gives the other term.
    """
    return curvature * point + math.sqrt(abs(value) * curvature)


def _classified(
    eigenvalues: Sequence[float], zero: float, *, critical: bool, gradient_norm: float
) -> tuple[Point, str]:
    """What kind of point it is, and a sentence that says why."""
    up = sum(eigenvalue > zero for eigenvalue in eigenvalues)
    down = sum(eigenvalue < -zero for eigenvalue in eigenvalues)
    total = len(eigenvalues)
    if not critical:
        message = f"not a critical point: the gradient norm is {gradient_norm:.6g}; {_bending(up, down, total)}"
        return "not critical", message
    if up and down:
        message = (
            f"a saddle point: of {total} eigenvalues {up} > 0 and {down} < 0, so it rises one way and falls another"
        )
        return "saddle", message
    if up == total:
        return "minimum", "a local minimum: the gradient is zero, and every eigenvalue is positive"
    if down == total:
        return "maximum", "a local maximum: the gradient is zero, and every eigenvalue is negative"
    zeros = "its only eigenvalue is" if total == 1 else f"{total - up - down} of {total} eigenvalues are"
    return "flat", f"flat: the gradient is zero, and {zeros} 0 within rounding, so second derivatives do not decide"


def _bending(up: int, down: int, total: int) -> str:
    if up == total:
        return "the function is convex here (every eigenvalue is positive)"
    if down == total:
        return "the function is concave here (every eigenvalue is negative)"
    return f"of {total} eigenvalues {up} > 0 and {down} < 0"


def _record(  # noqa: PLR0913 -- the parts of a record
    names: list[str],
    matrix: torch.Tensor,
    eigenvalues: list[float | None],
    condition: float | None,
    gradient: torch.Tensor,
    point: Point,
    message: str,
) -> Curvature:
    return Curvature(
        labels=names,
        matrix=matrix.tolist(),
        eigenvalues=eigenvalues,
        condition_number=condition,
        gradient_norm=float(gradient.norm()),
        point=point,
        message=message,
    )
