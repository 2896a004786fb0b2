"""Running a descent and printing it: as a table at the end, or line by line as it happens."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from msgspec import UnsetType

from gdcli.cli.audience import Audience, Item
from gdcli.cli.interrupt import interruptible
from gdcli.cli.output import Output
from gdcli.cli.report import warn
from gdcli.cli.show import print_report
from gdcli.errors import ExitCode, GdcliError

if TYPE_CHECKING:
    from gdcli.cli.live.descent import LiveDescent
    from gdcli.contract.descent import Step
    from gdcli.descent.loop import Descent

_FLUSH_SECONDS = 0.05  # a line reaches its reader at the latest after so long


def run_descent(descent: Descent[Any], output: Output, title: str) -> int:
    """Run, print, and return the exit code."""
    if output.format == "csv" and descent.settings.walk:
        hint = "--json, --jsonl and the table have them; the CSV has x, grad and loss of every step without --walk"
        raise GdcliError("usage", "the equations of --walk cannot be printed as CSV", hint)
    if output.format == "csv" and getattr(descent.settings, "check", False):
        hint = "--json, --jsonl and the table have them"
        raise GdcliError("usage", "the checks of --check cannot be printed as CSV", hint)
    audience = Audience(descent, output, title)
    live = _live(descent, output, title)
    with interruptible(descent.interrupt if live is None else live.interrupt):
        match output.format:
            case "jsonl":
                with output.open() as file:
                    _print_lines(audience, file)
            case "csv":
                with output.open() as file:
                    _print_csv(audience, file)
            case _ if live is None:
                _print_whole(audience, _gathered(audience))
            case _:
                audience, items = live.run(functools.partial(_gathered_live, output, title))
                _print_whole(audience, items)
    outcome = audience.descent.outcome
    if not output.quiet:
        warn(outcome.warnings)
    audience.save()
    if outcome.status == "interrupted":
        return ExitCode.INTERRUPTED
    if not isinstance(outcome.checks, UnsetType) and any(c.verdict == "disagree" for c in outcome.checks.values()):
        return ExitCode.DISAGREEMENT
    from gdcli.contract.descent import CONVERGED

    if output.require_convergence and outcome.status not in CONVERGED:
        return ExitCode.NOT_CONVERGED
    return ExitCode.OK


def _live(descent: Descent[Any], output: Output, title: str) -> LiveDescent | None:
    """What shows the descent while it runs, with ``--live``."""
    if not output.live:
        return None
    from gdcli.cli.live.descent import LiveDescent

    return LiveDescent(descent, output, title)


def _gathered(audience: Audience) -> list[Item]:
    """Run to the end; returns what a document holds of it."""
    if audience.output.format == "json":
        return list(audience.walked())
    for _ in audience.walked():
        pass
    return []


def _gathered_live(
    output: Output, title: str, descent: Descent[Any], steps: Iterable[Step]
) -> tuple[Audience, list[Item]]:
    """The same of the steps of a descent that is shown meanwhile."""
    audience = Audience(descent, output, title, steps)
    return audience, _gathered(audience)


def _print_whole(audience: Audience, items: list[Item]) -> None:
    """Print what is printed when all is there: a document, or what people read."""
    if audience.output.format == "table":
        print_report(audience.report(), audience.output)
        return
    from gdcli.render.documents import json_line

    with audience.output.open() as file:
        file.write(json_line(audience.record(items)))


def _print_lines(audience: Audience, file: IO[bytes]) -> None:
    from gdcli.contract.envelope import SettingsLine
    from gdcli.render.documents import json_line, result_line, step_line, walk_lines

    descent = audience.descent
    file.write(json_line(SettingsLine(command=descent.command, settings=descent.settings)))
    items = audience.walked()
    _stream(walk_lines(items) if descent.settings.walk else (step_line(step) for step, _ in items), file)
    file.write(result_line(descent.outcome))


def _print_csv(audience: Audience, file: IO[bytes]) -> None:
    from gdcli.render.documents import csv_row, step_cells, step_header

    descent = audience.descent
    descent.diagnoses = bool(audience.output.save)  # there is no place for it in the CSV

    def rows() -> Iterator[bytes]:
        for step, _ in audience.walked():
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
