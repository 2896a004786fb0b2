"""What a page shows of a regression: its rows, its coefficients, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from gdcli.contract.regression import RegressionResult, Row, coefficients_of
from gdcli.render.coefficients import qualities_of
from gdcli.render.numbers import number
from gdcli.render.page.rows import MOST_UNKNOWNS, Column, most_states
from gdcli.render.page.thin import some
from gdcli.render.regression import BATCHES, facts_of

_DIGITS = 6
_MOST_COEFFICIENTS = 1_000


def rows_shown(record: RegressionResult, on_path: Sequence[int]) -> list[Row]:
    """The rows on the path of the picture, as many as fit: the first ones, then evenly spaced ones."""
    wanted = set(on_path)
    rows = list(record.iterations)
    if not rows or rows[-1].iteration < record.result.iteration:
        rows.append(record.result)
    rows = [row for row in rows if count_of(record, row) in wanted]
    return some(rows, most_states(5 + min(len(record.coefficients), MOST_UNKNOWNS)))


def count_of(record: RegressionResult, row: Row) -> int:
    """The epoch of a row, or its iteration where a row is a step."""
    return row.iteration if record.settings.per == "step" else row.epoch


def row_columns(record: RegressionResult, rows: Sequence[Row]) -> list[Column]:
    """The columns of the rows: what they count, the loss, the gradient, and the first coefficients."""
    counted = "iteration" if record.settings.per == "step" else "epoch"
    columns: list[Column] = [
        (counted, [count_of(record, row) for row in rows]),
        ("loss", [row.loss for row in rows]),
        ("gradient norm", [row.gradient for row in rows]),
    ]
    if any(isinstance(row.validation, float) for row in rows):
        apart = [row.validation if isinstance(row.validation, float) else None for row in rows]
        columns.append(("validation loss", apart))
    if counted == "epoch" and any(row.iteration != row.epoch for row in rows):
        columns.append(("updates", [row.iteration for row in rows]))
    if len({row.lr for row in rows}) > 1:
        columns.append(("lr", [row.lr for row in rows]))
    labels = [each.name for each in islice(record.coefficients, MOST_UNKNOWNS)]
    if record.settings.standardize:
        labels = [f"{label} (standardized)" for label in labels]
    numbers = zip(*(islice(coefficients_of(row), len(labels)) for row in rows), strict=True)
    return [*columns, *((label, list(cells)) for label, cells in zip(labels, numbers, strict=True))]


def coefficient_columns(record: RegressionResult) -> list[Column]:
    """The coefficients beside the exact ones, in the units of the data and of standardized features."""
    shown = record.coefficients[:_MOST_COEFFICIENTS]
    columns: Mapping[str, list[Any]] = {
        "coefficient": [each.name for each in shown],
        "by gradient descent": [each.value for each in shown],
        "exact": [each.exact for each in shown],
        "digits": [None if each.digits is None else round(each.digits, 1) for each in shown],
        "standard error": [each.standard_error for each in shown],
        "standardized": [each.standardized for each in shown],
        "exact, standardized": [each.exact_standardized for each in shown],
    }
    left_out = [] if record.settings.standardize else ["standardized", "exact, standardized"]
    return [
        (label, cells)
        for label, cells in columns.items()
        if label not in left_out and any(cell is not None for cell in cells)
    ]


def quality_columns(record: RegressionResult) -> list[Column]:
    """The loss, R2 and the size of the residuals, by descent and of the exact answer."""
    known = qualities_of(record)
    columns: list[Column] = [
        ("quality", [label for label, _, _ in known]),
        ("by gradient descent", [number for _, number, _ in known]),
    ]
    if record.exact_quality is not None:
        columns.append(("exact", [number for _, _, number in known]))
    return columns


def facts_in_words(record: RegressionResult) -> list[str]:
    """The smallest loss, and what is known of the problem."""
    found = []
    if record.best.loss is not None:
        counted = "iteration" if record.settings.per == "step" else "epoch"
        found.append(
            f"smallest loss {number(record.best.loss, _DIGITS)} at {counted} {count_of(record, record.best):,}"
        )
    return found


def notes_of(record: RegressionResult, rows: Sequence[Row]) -> list[str]:
    """Notes on the exact answer, and on what the slider and the tables leave out."""
    notes = [f"{label}: {text}" for label, text in facts_of(record)]
    if record.settings.batch_size is not None and record.settings.per == "epoch":
        notes.append(BATCHES.format(before="coefficients and validation loss are"))
    total = max(count_of(record, row) for row in [*record.iterations[-1:], record.result]) + 1
    if len(rows) < total:
        where = "the first ones, then evenly spaced ones"
        notes.append(f"the slider and the table show {len(rows):,} of {total:,} states: {where}")
    count = len(record.coefficients)
    if count > MOST_UNKNOWNS:
        notes.append(f"the rows have columns for the first {MOST_UNKNOWNS} of {count:,} coefficients")
    if count > _MOST_COEFFICIENTS:
        notes.append(f"the table of coefficients has the first {_MOST_COEFFICIENTS:,} of {count:,}")
    return notes
