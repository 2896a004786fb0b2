"""Functions that are given in Python where the commands take an expression: what the API makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gdcli.errors import GdcliError
from gdcli.lang.given_function import given_function


def objective(
    command: str, expression: Any, given: Mapping[str, Any], variables: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The expression as settings take it, and the values of those parameters of a function that keep their defaults.

    ``given`` are the settings of the call, and ``variables`` the values.

    Raises:
        GdcliError: for what is no text and no function, and for a function that cannot be called.
    """
    if isinstance(expression, str):
        return expression, {}
    if not callable(expression):
        check_text(expression, command)
    wrt = given.get("wrt") or ()
    found = given_function(expression, variables, wrt.split(",") if isinstance(wrt, str) else wrt)
    return found, {name: value for name, value in found.defaults.items() if name not in variables}


def check_text(expression: Any, command: str) -> None:
    """Raise GdcliError for an expression that is no text, where a function has no place."""
    if not isinstance(expression, str):
        what = "a function" if callable(expression) else f"of type {type(expression).__name__}"
        message = f"an expression must be text, but this one is {what}"
        if command in ("ops", "sweep"):
            message = f"gdcli.{command} takes expressions as text, but this one is {what}"
        raise GdcliError("argument", message, f'for example: gdcli.{command}("x**2", x=3)')
