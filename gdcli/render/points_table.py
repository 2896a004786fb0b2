"""The record of ``grad --each`` as a table: one row per point."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, UnsetType
from rich.console import Group, RenderableType

from gdcli.contract.envelope import ErrorDetail
from gdcli.contract.fields import Nested
from gdcli.contract.grad import Point, PointsResult
from gdcli.contract.nested import items
from gdcli.contract.short import in_a_title
from gdcli.memory import EDGE, WHOLE
from gdcli.printable import one_line
from gdcli.render.columns import NARROWEST, Columns, Form, Layout, fitted
from gdcli.render.numbers import elements, norm, number, tensor
from gdcli.render.table import listing
from gdcli.render.text import Text

Column = tuple[str, str, list[Nested | UnsetType]]
"""The prefix of a header, the name of the variable, and its tensor at each point."""


def points_table(record: PointsResult, digits: int, width: int, *, show_all: bool = False) -> RenderableType:
    """The values of each point, the value of the expression and the gradients.

    A long table shows its ends, and a wide one the norms of tensors instead of their elements.
    """
    points = record.points
    folded = not show_all and len(points) > WHOLE
    columns = _columns([*points[:EDGE], *points[-EDGE:]] if folded else points, record.settings.wrt)
    fit = fitted(_forms(columns, width), [Layout(0, 3), Layout(0, 2)], digits, width)
    rows = [list(row) for row in zip(*fit.columns.values(), strict=True)]
    if folded:
        rows.insert(EDGE, ["…"] * len(fit.columns))
    title = f"{in_a_title(record.settings.expression)} at {record.message}"
    title += "".join(f", {name} = {tensor(value, digits)}" for name, value in record.values.items())
    parts: list[RenderableType] = [Text(title, "bold"), listing(list(fit.columns), rows, gap=fit.layout.gap)]
    if fit.note:
        parts.append(Text(fit.note, "dim"))
    if folded:
        parts.append(Text(f"{len(points) - 2 * EDGE:,} rows left out (--all shows them)", "dim"))
    for i, point in enumerate(points, start=1):
        if isinstance(point.error, ErrorDetail):
            parts.append(Text(f"point {i}: {one_line(point.error.message)}", "red"))
    return Group(*parts)


def _columns(points: Sequence[Point], wrt: Sequence[str]) -> list[Column]:
    values = [{} if isinstance(point.values, UnsetType) else point.values for point in points]
    grads = [{} if isinstance(point.grads, UnsetType) else point.grads for point in points]
    return [
        *(("", name, [at.get(name, UNSET) for at in values]) for name in values[0]),
        ("", "value", [_only_element(point.value) for point in points]),
        *(("grad ", name, [at.get(name, UNSET) for at in grads]) for name in wrt),
    ]


def _only_element(value: Nested | UnsetType) -> Nested | UnsetType:
    """The only number of a tensor of any dimension."""
    while isinstance(value, list):
        value = value[0]
    return value


def _forms(columns: Sequence[Column], width: int) -> list[Form]:
    """The ways to show the columns: a column for each element of a tensor, or their norms."""
    labels = [_labels(column) for column in columns]

    def elementwise(digits: int) -> Columns:
        found: Columns = {}
        for (before, _, tensors), of_column in zip(columns, labels, strict=True):
            rows = [_flat(value, len(of_column)) for value in tensors]
            for label, cells in zip(of_column, zip(*rows, strict=True), strict=True):
                found[before + label] = [_shown(cell, digits) for cell in cells]
        return found

    forms = []
    if sum(map(len, labels)) * NARROWEST <= width:
        forms.append(Form(elementwise, exact=True))
    if any(isinstance(value, list) for _, _, tensors in columns for value in tensors):
        norms = "tensors are shown as norms"
        forms.append(Form(lambda digits: dict(_normed(column, digits) for column in columns), norms, exact=True))
    if not forms:
        forms.append(Form(elementwise, exact=True))
    return forms


def _labels(column: Column) -> list[str]:
    _, name, tensors = column
    known = next((value for value in tensors if isinstance(value, list)), None)
    return [label for label, _ in elements(name, known)]


def _flat(value: Nested | UnsetType, count: int) -> list[Nested | UnsetType]:
    """The numbers of a tensor; anything else is repeated."""
    return items(value) if isinstance(value, list) else [value] * count


def _normed(column: Column, digits: int) -> tuple[str, list[str]]:
    """The norms of the tensors; numbers as they are."""
    before, name, tensors = column
    is_tensor = any(isinstance(value, list) for value in tensors)
    header = f"{before}|{name}|" if is_tensor else before + name
    return header, [_shown(norm(value) if isinstance(value, list) else value, digits) for value in tensors]


def _shown(value: Nested | UnsetType, digits: int) -> str:
    """A number, or an empty text where a point has no result."""
    return "" if isinstance(value, (UnsetType, list)) else number(value, digits)
