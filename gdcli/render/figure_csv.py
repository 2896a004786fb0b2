"""The data of a picture as CSV: one row per point of its grid."""

from __future__ import annotations

from gdcli.contract.figure import ContourPanel, FunctionPanel
from gdcli.contract.plot import PlotResult
from gdcli.render.documents import csv_rows


def plot_csv(record: PlotResult) -> bytes:
    """The variables, the value, and the derivative if requested; a cell is empty where there is no value."""
    rows: list[list[object]] = []
    for panel in record.figure.panels:
        if isinstance(panel, FunctionPanel):
            rows.append([panel.x.label, "value", *([] if panel.derivative is None else ["derivative"])])
            columns = [panel.grid, panel.values, *([] if panel.derivative is None else [panel.derivative])]
            rows += [[_known(number) for number in row] for row in zip(*columns, strict=True)]
        elif isinstance(panel, ContourPanel):
            rows.append([panel.x.label, panel.y.label, "value"])
            for y, line in zip(panel.grid_y, panel.z, strict=True):
                rows += [[x, y, _known(value)] for x, value in zip(panel.grid_x, line, strict=True)]
    return csv_rows(rows)


def _known(number: float) -> float | None:
    return number if number == number else None  # noqa: PLR0124 -- NaN
