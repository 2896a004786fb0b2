"""``gdcli predict``: the predictions of a saved model for rows of data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from msgspec.structs import replace

from gdcli.cli.command import Command
from gdcli.cli.descend import stream
from gdcli.cli.messages import to_stderr
from gdcli.cli.output import Output
from gdcli.contract.envelope import SettingsLine
from gdcli.contract.predict import PredictionLine, PredictLine, PredictResult, PredictSettings
from gdcli.errors import ExitCode

if TYPE_CHECKING:
    from gdcli.regression.model import Predictor


def complete(settings: PredictSettings) -> PredictSettings:
    """Open the model and the data, and check that they fit together."""
    from gdcli.complete.predict import complete_predict

    return complete_predict(settings)


def run(settings: PredictSettings, output: Output) -> int:
    """Predict and print."""
    from gdcli.regression.model import Predictor

    predictor = Predictor(settings)
    with output.open() as file:
        match output.format:
            case "json":
                _print_json(predictor, output, file)
            case "jsonl":
                _print_lines(predictor, output, file)
            case _:
                stream(_rows(predictor), file)
    if not output.quiet:
        for notice in predictor.notices:
            to_stderr(f"note: {notice.message}")
    return ExitCode.OK


def _rows(predictor: Predictor) -> Iterator[bytes]:
    from gdcli.render.documents import csv_row, csv_rows, csv_text

    keep = predictor.settings.keep
    header = csv_row(predictor.header)
    for batch in predictor.batches():
        kept = [map(csv_text, batch.kept[name]) for name in keep]
        yield header + csv_rows(zip(*kept, batch.numbers, strict=True))
        header = b""
    if header:
        yield header


def _heard(record: PredictResult, output: Output) -> PredictResult:
    return replace(record, warnings=[*record.warnings, *output.heard.notices()])


def _print_json(predictor: Predictor, output: Output, file: IO[bytes]) -> None:
    from gdcli.render.documents import json_line

    file.write(json_line(_heard(predictor.result(), output)))


def _print_lines(predictor: Predictor, output: Output, file: IO[bytes]) -> None:
    from gdcli.render.documents import json_line, json_lines

    file.write(json_line(SettingsLine(command="predict", settings=predictor.settings)))
    lines = (
        json_lines([PredictionLine(each.row, each.prediction, each.kept) for each in batch.each()])
        for batch in predictor.batches()
    )
    stream(lines, file)
    record = _heard(predictor.record([]), output)
    file.write(json_line(PredictLine(**{name: getattr(record, name) for name in PredictLine.__struct_fields__})))


COMMAND = Command(
    name="predict",
    settings=PredictSettings,
    complete=complete,
    run=run,
    help="Predict from rows of data with a model that fit-linear --save-model has written; prints CSV.",
    examples=(
        "gdcli predict model.json new.csv",
        "gdcli predict model.json new.csv --keep id",
        "gdcli predict model.json - --jsonl < new.csv",
    ),
    features=("rows",),
)
