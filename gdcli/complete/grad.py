"""The settings of ``grad`` completed and checked."""

from __future__ import annotations

from msgspec.structs import replace

from gdcli.complete.program import with_program
from gdcli.complete.sources import given, with_sources
from gdcli.complete.wrt import moving_variables
from gdcli.contract.grad import GradSettings
from gdcli.errors import GdcliError
from gdcli.lang.given_function import needs_text
from gdcli.lang.parsing import is_program

EXAMPLE = "log(x**2 + y**2)"
EXAMPLE_VALUES = {"x": "15", "y": "24"}
EXAMPLE_WRT = ["x"]  # y has no requires_grad in the notebook


def complete_grad(settings: GradSettings) -> GradSettings:
    """With the notebook's example when there is no expression, and ``wrt`` filled in.

    Raises:
        GdcliError: for an invalid expression, value or name in ``wrt``.
    """
    if settings.latex or settings.substitute:
        settings = replace(settings, symbolic=True)
    _check_alone(settings)
    needs_text(settings, ("explain", "symbolic"))
    settings = with_sources(settings)
    if not settings.expression:
        values = settings.values if settings.points else {**EXAMPLE_VALUES, **settings.values}
        settings = replace(settings, expression=EXAMPLE, values=values, wrt=settings.wrt or EXAMPLE_WRT)
    if settings.substitute and not is_program(settings.expression):
        message = "--substitute is about the names of a program, and this is one expression"
        raise GdcliError("usage", message, "leave out --substitute")
    settings = with_program(settings)
    wrt = moving_variables(settings.expression, given(settings), settings.wrt, partial=bool(settings.points))
    return replace(settings, wrt=wrt)


def _check_alone(settings: GradSettings) -> None:
    """Raise GdcliError for many points combined with an option for a single point."""
    for many in ("each", "points"):
        for other in ("each", "explain", "symbolic", "hessian", "jacobian", "check"):
            if getattr(settings, many) and getattr(settings, other) and other != many:
                hint = "keep one of them" if other == "each" else f"{other} applies to a single point"
                raise GdcliError("usage", f"'{many}' and '{other}' cannot be used together", hint)
    if settings.depth and not settings.explain:
        message = "--depth is about the tape of --explain, which is not shown"
        raise GdcliError("usage", message, "add --explain, or leave out --depth")
