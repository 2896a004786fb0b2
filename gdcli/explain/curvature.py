"""The records of derivatives of a result: the Hessian with what it says of the point, and the Jacobian."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from gdcli.contract.grad import Curvature, JacobianMatrix
from gdcli.errors import GdcliError
from gdcli.explain.hessian import (
    condition_number,
    eigenvalues_of,
    gradient_of,
    gradient_rounding,
    hessian,
    kind_of_point,
    rows,
)
from gdcli.lang.nodes import Expression
from gdcli.lang.torch_errors import located
from gdcli.tensors import labels, labels_of

MAX_UNKNOWNS = 2_000  # of a Hessian
MAX_ROWS = 10_000  # of a Jacobian: each is a backward pass
MAX_ENTRIES = 4_000_000


def curvature(value: torch.Tensor, leaves: Mapping[str, torch.Tensor], expression: Expression) -> Curvature:
    """The Hessian of a result of one element over all ``leaves``, flattened and joined in order: shape (n, n).

    ``value`` is the result with its graph, which is kept. Eigenvalues are those of the symmetrised matrix, computed in
    float64 and in ascending order.

    Raises:
        GdcliError: for more than 2,000 unknowns.
        ExpressionError: where PyTorch has no second derivative.
    """
    names = labels_of(leaves)
    if len(names) > MAX_UNKNOWNS:
        message = f"a Hessian over {len(names):,} unknowns is too large; at most {MAX_UNKNOWNS:,} are allowed"
        raise GdcliError("limit", message, "choose fewer variables with --wrt")
    tensors = list(leaves.values())
    try:
        gradient = gradient_of(value, tensors)
        matrix = hessian(gradient, tensors).double()
    except RuntimeError as error:
        raise located(error, expression, {}) from error
    norm = float(gradient.detach().double().norm())
    eigenvalues: list[float | None] = []
    condition = None
    if matrix.isfinite().all() and gradient.isfinite().all():
        found, eps = eigenvalues_of(matrix), torch.finfo(value.dtype).eps
        eigenvalues, condition = found.tolist(), condition_number(found, eps)
        point = math.hypot(*(float(tensor.detach().double().norm()) for tensor in tensors))
        limit = gradient_rounding(value.item(), point, float(found.abs().max()), eps)
        kind, message = kind_of_point(found, eps, norm, limit)
    else:
        kind, message = "undefined", "the derivatives are not finite here, so the point cannot be classified"
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
    """The derivative of each element of ``value``, named f, by each element of ``leaves``, both flattened in order.

    Raises:
        GdcliError: for more than 10,000 rows or 4 million entries.
        ExpressionError: where PyTorch has no derivative.
    """
    elements = list(labels("f", value.shape))
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
