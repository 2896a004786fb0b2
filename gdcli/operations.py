"""Expressions side by side: the value, dtype and shape of each."""

from __future__ import annotations

from gdcli.complete.ops import complete_ops
from gdcli.complete.sources import given
from gdcli.contract.envelope import ErrorDetail, detail_of
from gdcli.contract.ops import OpsResult, OpsRow, OpsSettings
from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.nodes import Expression
from gdcli.lang.objective import build, tensor_result
from gdcli.lang.parsing import rows_of
from gdcli.lang.values import bind
from gdcli.tensors import dtype_name, environment, on_device, plain, variables


def ops(settings: OpsSettings) -> OpsResult:
    """Evaluate each expression; an error in one is reported in its row.

    Raises:
        GdcliError: for a value that is missing, unknown, or cannot be read.
    """
    settings = on_device(complete_ops(settings))
    parsed = [row for text in settings.expressions for row in rows_of(text, settings.values)]
    values = bind([row for _, row in parsed if isinstance(row, Expression)], given(settings))
    run = environment(settings)
    tensors = variables(values, run, wrt=[])
    rows = []
    for text, expression in parsed:
        if isinstance(expression, ExpressionError):
            rows.append(OpsRow(expression=text, error=detail_of(expression)))
            continue
        try:
            value = tensor_result(
                build(expression, run, tensors)(*(tensors[n] for n in expression.variables)), expression
            )
            numbers = plain(value)
        except GdcliError as error:
            rows.append(OpsRow(expression=text, error=detail_of(error)))
        else:
            rows.append(OpsRow(expression=text, value=numbers, dtype=dtype_name(value), shape=list(value.shape)))
    failed = sum(isinstance(row.error, ErrorDetail) for row in rows)
    message = f"{failed} of {len(rows)} expressions failed" if failed else f"{len(rows)} expressions"
    return OpsResult(settings=settings, status="failed" if failed else "ok", message=message, rows=rows)
