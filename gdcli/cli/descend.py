"""Running a descent and printing it: as a table at the end, or line by line as it happens."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from msgspec import UnsetType

from gdcli.cli.interrupt import interruptible
from gdcli.cli.output import Output
from gdcli.cli.report import warn
from gdcli.errors import ExitCode, GdcliError

if TYPE_CHECKING:
    from gdcli.cli.picture import Drawing, Sketch
    from gdcli.descent.loop import Descent
    from gdcli.results import Notice, ResultLine, Step

_FLUSH_SECONDS = 0.05  # a line reaches its reader at the latest after so long
_PROGRESS_AFTER_SECONDS = 1.0


def run_descent(descent: Descent[Any], output: Output, title: str) -> int:
    """Run, print, and return the exit code."""
    if output.format == "csv" and descent.settings.walk:
        hint = "--json, --jsonl and the table have them; the CSV has x, grad and loss of every step without --walk"
        raise GdcliError("usage", "the equations of --walk cannot be printed as CSV", hint)
    if output.format == "csv" and getattr(descent.settings, "check", False):
        hint = "--json, --jsonl and the table have them"
        raise GdcliError("usage", "the checks of --check cannot be printed as CSV", hint)
    with interruptible(descent.interrupt):
        match output.format:
            case "json":
                _print_document(descent, output)
            case "jsonl":
                with output.open() as file:
                    _print_lines(descent, file)
            case "csv":
                with output.open() as file:
                    _print_csv(descent, file)
            case "table":
                _print_table(descent, output, title)
    outcome = descent.outcome
    if not output.quiet:
        warn(outcome.warnings)
    if outcome.status == "interrupted":
        return ExitCode.INTERRUPTED
    if not isinstance(outcome.checks, UnsetType) and any(c.verdict == "disagree" for c in outcome.checks.values()):
        return ExitCode.DISAGREEMENT
    from gdcli.results import CONVERGED

    if output.require_convergence and outcome.status not in CONVERGED:
        return ExitCode.NOT_CONVERGED
    return ExitCode.OK


def _print_document(descent: Descent[Any], output: Output) -> None:
    from gdcli.render.documents import json_line

    if descent.settings.walk:
        walked = list(descent.walk(_with_progress(descent, output)))
        record = descent.record([step for step, _ in walked], [update for _, updates in walked for update in updates])
    else:
        record = descent.record(list(_with_progress(descent, output)))
    with output.open() as file:
        file.write(json_line(record))


def _print_lines(descent: Descent[Any], file: IO[bytes]) -> None:
    from gdcli.render.documents import json_line, step_line, walk_lines
    from gdcli.results import SettingsLine

    file.write(json_line(SettingsLine(command=descent.command, settings=descent.settings)))
    lines = walk_lines(descent.walk()) if descent.settings.walk else (step_line(step) for step in descent)
    _stream(lines, file)
    file.write(json_line(descent.outcome))


def _print_csv(descent: Descent[Any], file: IO[bytes]) -> None:
    from gdcli.render.documents import csv_row, step_cells, step_header

    descent.diagnoses = False  # there is no place for it

    def rows() -> Iterator[bytes]:
        for step in descent:
            if step.iteration == 0:
                yield csv_row(step_header(step))
            yield csv_row(step_cells(step))

    _stream(rows(), file)
    final = descent.outcome.result
    if descent.settings.steps == 0:
        file.write(csv_row(step_header(final)))


def _stream(lines: Iterable[bytes], file: IO[bytes]) -> None:
    """Write lines, and let them out often enough that a reader sees them as they happen."""
    last = time.monotonic()
    for line in lines:
        file.write(line)
        now = time.monotonic()
        if now - last > _FLUSH_SECONDS:
            file.flush()
            last = now


def _print_table(descent: Descent[Any], output: Output, title: str) -> None:
    from gdcli.cli.show import show_for_people
    from gdcli.render.explanations import with_checks
    from gdcli.render.table import StepRows, descent_table

    if descent.settings.walk:
        _print_walk(descent, output, title)
        return
    rows: StepRows[Step] = StepRows(every=output.every, show_all=output.all)
    sketch = _sketch(descent, output, title)
    for step in _watched(descent, output, sketch):
        rows.add(step)
    outcome = descent.outcome
    drawing = None if sketch is None else sketch.draw(outcome)

    def made(width: int) -> Any:
        if drawing is not None and not output.all and output.every == 1:
            return with_checks(drawing.instead_of_table(outcome, output.digits), outcome, output.digits, width)
        table = descent_table(title, rows, outcome, output.digits, width)
        checked = with_checks(table, outcome, output.digits, width)
        return checked if drawing is None else drawing.below(checked)

    show_for_people(made, _notices(outcome, drawing), output, outcome.diagnosis)


def _print_walk(descent: Descent[Any], output: Output, title: str) -> None:
    from gdcli.cli.show import show_for_people
    from gdcli.render.explanations import with_checks
    from gdcli.render.table import StepRows
    from gdcli.render.walk import WalkedStep, WalkTable

    rows: StepRows[WalkedStep] = StepRows(every=output.every, show_all=output.all)
    sketch = _sketch(descent, output, title)
    for step, updates in descent.walk(_watched(descent, output, sketch)):
        rows.add(WalkedStep(step, updates))
    outcome = descent.outcome
    walked = WalkTable(title, rows, outcome, output.digits)
    drawing = None if sketch is None else sketch.draw(outcome)

    def made(width: int) -> Any:
        checked = with_checks(walked, outcome, output.digits, width)
        return checked if drawing is None else drawing.below(checked)

    show_for_people(made, _notices(outcome, drawing), output, outcome.diagnosis)


def _sketch(descent: Descent[Any], output: Output, title: str) -> Sketch | None:
    """What gathers the picture of ``--plot``."""
    if not output.plot:
        return None
    from gdcli.cli.picture import Sketch

    return Sketch(descent, title)


def _watched(descent: Descent[Any], output: Output, sketch: Sketch | None) -> Iterator[Step]:
    steps = _with_progress(descent, output)
    return steps if sketch is None else sketch.watch(steps)


def _notices(outcome: ResultLine, drawing: Drawing | None) -> list[Notice]:
    """What explains the outcome, and the picture."""
    return outcome.warnings if drawing is None else [*outcome.warnings, *drawing.notices]


def _with_progress(descent: Descent[Any], output: Output) -> Iterator[Step]:
    """The steps; on a terminal, with a progress bar on standard error when they take long."""
    if output.quiet or not sys.stderr.isatty():
        yield from descent
        return
    started = time.monotonic()
    bar: Any = None
    try:
        for step in descent:
            if step.iteration % 256 == 0:
                if bar is None and time.monotonic() - started > _PROGRESS_AFTER_SECONDS:
                    bar = _progress_bar(descent.settings.steps)
                if bar is not None:
                    bar.update(bar.task_ids[0], completed=step.iteration)
            yield step
    finally:
        if bar is not None:
            bar.stop()


def _progress_bar(steps: int) -> Any:
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    bar.add_task("descending", total=steps)
    bar.start()
    return bar
