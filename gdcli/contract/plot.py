"""``plot``: its settings and its record."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from gdcli.contract.envelope import Notice, Record
from gdcli.contract.fields import PROBLEM, Device, Dim, Dtype, Seed, Values, meta
from gdcli.contract.figure import Figure

Field = Annotated[bool, meta("draw the gradient too: arrows uphill, or for one variable the derivative", PROBLEM)]


class PlotSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``plot``: a function, and for each variable a window ``LOW:HIGH`` or a value."""

    expression: Annotated[str, meta("what to draw: an expression, or a problem (gdcli problems)", PROBLEM, "EXPR")] = ""
    values: Values = {}
    dim: Dim = None
    field: Field = False
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class PlotResult(Record, frozen=True, kw_only=True):
    """The record of ``plot``: what every picture of the function is drawn from."""

    command: Literal["plot"] = "plot"
    settings: PlotSettings
    status: Literal["ok"] = "ok"
    message: str
    figure: Figure
    warnings: list[Notice] = []


def notices_about(figure: Figure) -> list[Notice]:
    """What has to be said about a picture."""
    return [Notice(remark.code, remark.message) for remark in figure.remarks]


def spelled_out(name: str, expression: str) -> str:
    """What was given as an objective, with its expression where it is the name of a problem."""
    return name if name == expression else f"{name}: {expression}"
