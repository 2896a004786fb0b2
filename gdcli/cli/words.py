"""Keeps Typer from converting the arguments of a command line."""

from __future__ import annotations

from typing import Any


class _AsTyped:
    """Leaves the arguments of an option as they are: contract.reading.read converts them.

    Typer would load pydantic for that, which takes longer than all of gdcli.
    """

    def coerce(self, value: Any, **_: Any) -> Any:
        return value


def leave_as_typed(params: list[Any]) -> None:
    """Keep Typer from converting the values of the parameters."""
    for param in params:
        param._runtime_param = _AsTyped()  # noqa: SLF001 -- Typer offers no other way
