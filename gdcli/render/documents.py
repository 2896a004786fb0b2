"""Records as JSON, JSON lines, CSV and JSON Schema."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import structs

from gdcli.contract.descent import (
    DescentRecord,
    FitLinearSettings,
    MinimizeSettings,
    ResultLine,
    Step,
    StepLine,
    Update,
    UpdateLine,
)
from gdcli.contract.envelope import ErrorResult, SettingsLine
from gdcli.contract.grad import GradResult, PointLine, PointsResult
from gdcli.contract.nested import items
from gdcli.contract.ops import OpsResult
from gdcli.contract.predict import PredictionLine, PredictLine, PredictSettings
from gdcli.contract.records import RECORDS
from gdcli.contract.regression import (
    RegressionLine,
    RegressionResult,
    RegressionSettings,
    Row,
    RowLine,
    coefficients_of,
)
from gdcli.printable import in_lines
from gdcli.render.numbers import elements

_ENCODER = msgspec.json.Encoder()
# What JSON may hold as it is, and a terminal would act on: DEL, C1, and the marks of lines and directions, in UTF-8.
_NOT_SHOWN = re.compile(
    rb"\x7f|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]",
)
_FORMULA = ("=", "+", "-", "@")


def json_bytes(value: Any) -> bytes:
    """Strict JSON in which every character that a terminal would act on is an escape."""
    return _escaped(_ENCODER.encode(value))


def json_lines(values: Sequence[Any]) -> bytes:
    """The same, a line each."""
    return _escaped(_ENCODER.encode_lines(values))


def _escaped(document: bytes) -> bytes:
    if document.isascii() and b"\x7f" not in document:
        return document
    return _NOT_SHOWN.sub(lambda found: rb"\u%04x" % ord(found[0].decode()), document)


def json_line(record: msgspec.Struct) -> bytes:
    """A record as one line of strict JSON, with a line end; numbers that are not finite are null."""
    return json_bytes(record) + b"\n"


def step_line(step: Step) -> bytes:
    """The line of ``--jsonl`` for a step."""
    return json_line(StepLine(step.iteration, step.loss, step.values, step.grads, step.lr, step.acts))


def result_line(record: DescentRecord) -> bytes:
    """The last line of ``--jsonl``."""
    return json_line(ResultLine(**{name: getattr(record, name) for name in ResultLine.__struct_fields__}))


def row_line(row: Row) -> bytes:
    """The line of ``--jsonl`` for an epoch or a step of a regression."""
    return json_line(RowLine(*(getattr(row, name) for name in Row.__struct_fields__)))


def regression_line(record: RegressionResult) -> bytes:
    """The last line of ``--jsonl`` for a regression."""
    return json_line(RegressionLine(**{name: getattr(record, name) for name in RegressionLine.__struct_fields__}))


def walk_lines(walked: Iterable[tuple[Step, Sequence[Update]]]) -> Iterator[bytes]:
    """The lines of ``--jsonl``: a step, and with ``--walk`` the update of each variable."""
    for step, updates in walked:
        yield step_line(step)
        for update in updates:
            yield json_line(UpdateLine(**structs.asdict(update)))


def schema(command: str | None = None) -> dict[str, Any]:
    """The JSON Schema of a command's documents and lines, errors included; of those of all commands if it is None."""
    records = RECORDS if command is None else {command: RECORDS[command]}
    lines = [line for name in records for line in _LINES.get(name, ())]
    documents = dict.fromkeys([*records.values(), ErrorResult, *lines])
    references, definitions = msgspec.json.schema_components(documents, ref_template="#/$defs/{name}")
    return {"$schema": _DIALECT, "anyOf": list(references), "$defs": definitions}


_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LINES: dict[str, tuple[Any, ...]] = {
    "grad": (PointsResult, PointLine),
    "minimize": (SettingsLine[MinimizeSettings], StepLine, UpdateLine, ResultLine),
    "fit-linear": (
        *(SettingsLine[FitLinearSettings], StepLine, UpdateLine, ResultLine),
        *(RegressionResult, SettingsLine[RegressionSettings], RowLine, RegressionLine),
    ),
    "predict": (SettingsLine[PredictSettings], PredictionLine, PredictLine),
}


def csv_row(cells: Iterable[Any]) -> bytes:
    """A row of CSV; floats are exact, and None is an empty cell."""
    return csv_rows([[csv_text(cell) if isinstance(cell, str) else cell for cell in cells]])


def csv_text(text: str) -> str:
    """A text as a cell: controls are escapes, and what a spreadsheet would compute begins with an apostrophe."""
    text = in_lines(text)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def csv_rows(rows: Iterable[Iterable[Any]]) -> bytes:
    """Rows of CSV, of numbers and names of variables."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def step_header(step: Step) -> list[str]:
    """The columns of a descent: ``iteration, loss, x, W[0,1], grad.x, ...``."""
    values = [label for name, value in step.values.items() for label, _ in elements(name, value)]
    # A gradient has the shape of its variable, also where it is None.
    return ["iteration", "loss", *values, *(f"grad.{label}" for label in values)]


def step_cells(step: Step) -> list[Any]:
    """The cells of a step below ``step_header``."""
    cells: list[Any] = [step.iteration, step.loss]
    cells += [number for value in step.values.values() for number in items(value)]
    for name, value in step.values.items():
        gradient = step.grads[name]
        shape = value if gradient is None else gradient
        cells += [None if gradient is None else number for number in items(shape)]
    return cells


def row_header(names: Sequence[str], *, validates: bool) -> list[str]:
    """The columns of a regression: ``iteration, epoch, loss, gradient, lr``, ``validation``, and the coefficients."""
    own = ["iteration", "epoch", "loss", "gradient", "lr", *["validation"] * validates]
    return [*own, *(f"coefficient {name}" if name in own else name for name in names)]


def row_cells(row: Row, *, validates: bool) -> list[Any]:
    """The cells of a row below ``row_header``: the coefficients as the descent has them, the intercept first."""
    cells: list[Any] = [row.iteration, row.epoch, row.loss, row.gradient, row.lr]
    if validates:
        cells.append(None if isinstance(row.validation, msgspec.UnsetType) else row.validation)
    return [*cells, *coefficients_of(row)]


def ops_csv(record: OpsResult) -> bytes:
    """The rows of ``ops``: expression, value, dtype, shape, error; a tensor's value is JSON in its cell."""
    rows = [csv_row(["expression", "value", "dtype", "shape", "error"])]
    for row in record.rows:
        if isinstance(row.error, msgspec.UnsetType):
            value = row.value if not isinstance(row.value, list) else _ENCODER.encode(row.value).decode()
            shape = "x".join(map(str, row.shape)) if isinstance(row.shape, list) else ""
            rows.append(csv_row([row.expression, value, row.dtype, shape, ""]))
        else:
            rows.append(csv_row([row.expression, "", "", "", row.error.message]))
    return b"".join(rows)


def grad_csv(record: GradResult) -> bytes:
    """One row per element of a variable: its label, value and gradient."""
    rows = [csv_row(["variable", "value", "grad"])]
    for name, value in record.values.items():
        gradient = record.grads[name]
        numbers = iter([] if gradient is None else items(gradient))
        rows += [csv_row([label, number, next(numbers, None)]) for label, number in elements(name, value)]
    return b"".join(rows)
