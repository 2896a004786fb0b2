"""Formulas, Hessians, Jacobians and checks as CSV: one of them, as a table."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from gdcli.contract.grad import CheckRow, Derivative, GradResult
from gdcli.render.documents import csv_row, grad_csv

EXCLUSIVE = ("symbolic", "hessian", "jacobian", "check")
"""Settings of ``grad`` whose answers are tables of their own."""


def explained_csv(record: GradResult) -> bytes:
    """The table of the requested explanation; the gradient itself if none was requested."""
    if not isinstance(record.derivatives, UnsetType):
        return _records(Derivative, record.derivatives)
    if not isinstance(record.hessian, UnsetType):
        return _matrix(record.hessian.labels, record.hessian.labels, record.hessian.matrix)
    if not isinstance(record.jacobian, UnsetType):
        return _matrix(record.jacobian.rows, record.jacobian.columns, record.jacobian.matrix)
    if not isinstance(record.check, UnsetType):
        return _records(CheckRow, record.check.rows)
    return grad_csv(record)


def _records(kind: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> bytes:
    """One column per field that a row has."""
    fields = [f for f in kind.__struct_fields__ if any(getattr(row, f) is not UNSET for row in rows)]
    cells = [[getattr(row, field) for field in fields] for row in rows]
    return b"".join([csv_row(fields), *(csv_row(["" if c is UNSET else c for c in line]) for line in cells)])


def _matrix(rows: Sequence[str], columns: Sequence[str], matrix: Sequence[Sequence[float | None]]) -> bytes:
    lines = [csv_row(["", *columns])]
    return b"".join([*lines, *(csv_row([label, *line]) for label, line in zip(rows, matrix, strict=True))])
