"""``ops``: its settings and its record."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Struct, UnsetType

from gdcli.contract.envelope import ErrorDetail, Notice
from gdcli.contract.fields import PROBLEM, Device, Dtype, Nested, Seed, Values, meta
from gdcli.contract.shown import Shown
from gdcli.contract.sources import Sources


class OpsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``ops``: expressions over common variables, one per row."""

    expressions: Annotated[list[str], meta("expressions, one per row", PROBLEM, "EXPR")] = []
    values: Values = {}
    sources: Sources = UNSET
    dtype: Dtype = "float32"
    seed: Seed = 0
    device: Device = "cpu"


class OpsRow(Struct, frozen=True, kw_only=True):
    """One expression of ``ops``: its value, dtype and shape, or its error."""

    expression: str
    value: Nested | UnsetType = UNSET
    dtype: str | UnsetType = UNSET
    shape: list[int] | UnsetType = UNSET
    error: ErrorDetail | UnsetType = UNSET


class OpsResult(Shown, frozen=True, kw_only=True):
    """The record of ``ops``."""

    command: Literal["ops"] = "ops"
    settings: OpsSettings
    status: Literal["ok", "failed"]
    message: str
    rows: list[OpsRow]
    warnings: list[Notice] = []
