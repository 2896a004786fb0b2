"""The variables of an expression to differentiate with respect to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.suggest import did_you_mean
from gdcli.lang.syntax import parse
from gdcli.lang.values import bind, bind_some


def moving_variables(text: str, values: Mapping[str, Any], wrt: Sequence[str], *, partial: bool = False) -> list[str]:
    """The names to differentiate with respect to, after a check of the expression and its values.

    With ``partial``, variables may be without a value.

    Raises:
        GdcliError: for an invalid expression, value or name in ``wrt``.
    """
    expression = parse(text)
    if partial:
        bind_some(expression, values)
    else:
        bind([expression], values)
    if not expression.variables:
        message = "the expression is constant: it has no variable to differentiate with respect to"
        source = expression.source
        raise ExpressionError("constant", message, "for example: x**2", source=source, span=(0, len(source)))
    for name in wrt:
        if name not in expression.variables:
            listed = ", ".join(expression.variables)
            hint = did_you_mean(name, expression.variables) or f"the variables are {listed}"
            raise GdcliError("wrt", f"wrt names '{name}', which is not a variable of the expression", hint)
    return [name for name in expression.variables if name in wrt] or list(expression.variables)
