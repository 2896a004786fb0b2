"""``plot``: its settings and its record."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Struct

from gdcli.contract.envelope import Notice
from gdcli.contract.fields import PROBLEM, Device, Dim, Dtype, Seed, Values, meta
from gdcli.contract.figure import Figure
from gdcli.contract.short import in_a_title
from gdcli.contract.shown import Shown
from gdcli.contract.sources import Sources

Field = Annotated[bool, meta("also draw the gradient as arrows, or for one variable the derivative", PROBLEM)]


class PlotSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``plot``: a function, and for each variable a window ``LOW:HIGH`` or a value."""

    expression: Annotated[
        str, meta("function to draw: an expression, or a problem (gdcli problems)", PROBLEM, "EXPR")
    ] = ""
    values: Values = {}
    sources: Sources = UNSET
    dim: Dim = None
    field: Field = False
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class PlotResult(Shown, frozen=True, kw_only=True):
    """The record of ``plot``: the data from which every picture of the function is drawn."""

    command: Literal["plot"] = "plot"
    settings: PlotSettings
    status: Literal["ok"] = "ok"
    message: str
    figure: Figure
    warnings: list[Notice] = []


def notices_about(figure: Figure) -> list[Notice]:
    """The remarks about a picture, as notices."""
    return [Notice(remark.code, remark.message) for remark in figure.remarks]


def spelled_out(name: str, expression: str) -> str:
    """The objective as given, with its expression if it is the name of a problem."""
    return in_a_title(name) if name == expression else f"{name}: {expression}"
