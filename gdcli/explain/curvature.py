"""The records of derivatives of a result: the Hessian with what it says of the point, and the Jacobian."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from gdcli.contract.grad import Curvature, JacobianMatrix
from gdcli.errors import GdcliError
from gdcli.explain.decides import UNDECIDED, disagreement, kink_here, resolution
from gdcli.explain.hessian import Point, condition_number, eigenvalues_of, gradient_of, hessian, kind_of_point, rows
from gdcli.explain.names import result_name
from gdcli.lang.nodes import Expression
from gdcli.lang.torch_errors import located
from gdcli.tensors import Problem, dtype_name, labels, labels_of

MAX_UNKNOWNS = 2_000  # of a Hessian
MAX_ROWS = 10_000  # of a Jacobian: each is a backward pass
MAX_ENTRIES = 4_000_000
_ROUNDINGS = 16  # of a gradient that counts as zero: a descent of a small rate stops a few before the minimum


def curvature(value: torch.Tensor, problem: Problem) -> Curvature:
    """The Hessian of a result of one element over all variables of ``wrt``, flattened and joined in order: (n, n).

    ``value`` is the result with its graph, which is kept. Eigenvalues are those of the symmetrised matrix, computed in
    float64 and in ascending order; there are none where differences of the gradient show that the matrix says nothing
    about the point, as at a kink.

    Raises:
        GdcliError: for more than 2,000 unknowns.
        ExpressionError: where PyTorch has no second derivative.
    """
    names = labels_of(problem.leaves)
    if len(names) > MAX_UNKNOWNS:
        message = f"a Hessian over {len(names):,} unknowns is too large; at most {MAX_UNKNOWNS:,} are allowed"
        raise GdcliError("limit", message, "choose fewer variables with --wrt")
    tensors = list(problem.leaves.values())
    try:
        gradient = gradient_of(value, tensors)
        matrix = hessian(gradient, tensors).double().cpu()
    except RuntimeError as error:
        raise located(error, problem.objective.expression, {}) from error
    gradient = gradient.detach().double().cpu()
    eigenvalues: list[float | None] = []
    condition = None
    kind: Point = "undefined"
    norm, eps = float(gradient.norm()), torch.finfo(value.dtype).eps
    if message := kink_here(problem):
        kind = "kink"
    elif not (matrix.isfinite().all() and gradient.isfinite().all()):
        message = "the derivatives are not finite here, so the point cannot be classified"
    else:
        is_zero = bool((gradient.abs() <= _ROUNDINGS * resolution(problem, matrix, eps)).all())
        against = disagreement(problem, matrix)
        if against is None:
            found = eigenvalues_of(matrix)
            eigenvalues, condition = found.tolist(), condition_number(found, eps)
            exactly = "the gradient is zero"
            zero_name = exactly if not gradient.any() else f"{exactly} within {dtype_name(value)} rounding"
            kind, message = kind_of_point(found, eps, norm, is_zero=is_zero, zero_name=zero_name)
        elif is_zero or against.of_gradient:
            message = f"{against.reason}, {UNDECIDED}"
        else:
            kind = "not critical"
            message = f"not a critical point: the gradient norm is {norm:.6g}; {against.reason}"
    return Curvature(
        labels=names,
        matrix=matrix.tolist(),
        eigenvalues=eigenvalues,
        condition_number=condition,
        gradient_norm=norm,
        point=kind,
        message=message,
    )


def jacobian(value: torch.Tensor, leaves: Mapping[str, torch.Tensor], expression: Expression) -> JacobianMatrix:
    """The derivative of each element of ``value`` by each element of ``leaves``, both flattened in order.

    ``value`` is called as a program calls it, or else f.

    Raises:
        GdcliError: for more than 10,000 rows or 4 million entries.
        ExpressionError: where PyTorch has no derivative.
    """
    elements = list(labels(result_name(expression) or "f", value.shape))
    columns = labels_of(leaves)
    if len(elements) > MAX_ROWS or len(elements) * len(columns) > MAX_ENTRIES:
        message = f"a Jacobian of {len(elements):,} rows and {len(columns):,} columns is too large"
        hint = f"at most {MAX_ROWS:,} rows and {MAX_ENTRIES:,} entries are allowed"
        raise GdcliError("limit", message, hint)
    tensors = list(leaves.values())
    try:
        matrix = [row.tolist() for row in rows(value.reshape(-1), tensors)]
    except RuntimeError as error:
        raise located(error, expression, {}) from error
    return JacobianMatrix(rows=elements, columns=columns, matrix=matrix)
