"""The variables of an expression to differentiate with respect to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gdcli.complete.sources import stays
from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.parsing import parse
from gdcli.lang.suggest import NAME, did_you_mean, variables_listed
from gdcli.lang.values import bind, bind_some, check_not_computed, is_whole

_NAMES = re.compile(NAME)


def moving_variables(
    text: str, values: Mapping[str, Any], wrt: Sequence[str], *, partial: bool = False, data: Sequence[str] = ()
) -> list[str]:
    """The names to differentiate with respect to, after a check of the expression and its values.

    Without ``wrt`` they are all variables; in a program those with ``requires_grad``, or all that are floating-point.
    With ``partial``, variables may be without a value. Those in ``data`` stay unless ``wrt`` names them.

    Raises:
        GdcliError: for an invalid expression, value or name in ``wrt``.
    """
    expression = parse(text, (*values, *wrt))
    bound = bind_some(expression, values) if partial else bind([expression], values)
    if not expression.variables:
        message = "the expression is constant: it has no variable to differentiate with respect to"
        source = expression.source
        raise ExpressionError("constant", message, "for example: x**2", source=source, span=expression.place)
    check_not_computed(expression, wrt)
    for name in wrt:
        if name not in expression.variables:
            raise _unknown(name, wrt, expression.variables)
    free = [name for name in expression.variables if not stays(values.get(name)) and name not in data]
    if not free and not wrt:
        message, hint = (
            "every value comes from a file, so none moves" if not data else "every variable is data, so none moves",
            "name the variables to differentiate with respect to",
        )
        raise GdcliError("wrt", message, f"{hint}: --wrt {expression.variables[0]}")
    if not wrt and expression.is_program:
        floating = [name for name in free if name not in bound or not is_whole(bound[name])]
        return [name for name in free if name in expression.moving] or floating
    chosen = [name for name in expression.variables if name in wrt]
    indices = [name for name, value in bound.items() if value.dtype and is_whole(value)]
    return chosen or [name for name in free if name not in indices] or free


def _unknown(name: str, wrt: Sequence[str], variables: Sequence[str]) -> GdcliError:
    """The error for a name in ``wrt`` that is no variable: none, or several in another form than x,y."""
    meant = [word for text in wrt for word in _NAMES.findall(text)]
    form = meant and all(word in variables for word in meant)  # the names are right
    hint = f"write --wrt {','.join(dict.fromkeys(meant))}" if form else did_you_mean(name, variables)
    message = f"wrt names '{name}', which is not a variable of the expression"
    if not name:
        message = f"wrt has an empty name in '{','.join(wrt)}'"
    elif form:
        message = f"wrt takes names with commas between them, not '{','.join(wrt)}'"
    return GdcliError("wrt", message, hint or variables_listed(variables))
