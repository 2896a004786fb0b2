"""Running a descent and printing it: as a table at the end, or line by line as it happens."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from msgspec import UnsetType

from gdcli.cli.collector import Collector
from gdcli.cli.interrupt import interruptible
from gdcli.cli.messages import warn
from gdcli.cli.output import Output
from gdcli.cli.show import print_report
from gdcli.cli.title import title_of
from gdcli.errors import ExitCode, GdcliError

if TYPE_CHECKING:
    from gdcli.cli.live.descent import LiveDescent
    from gdcli.contract.descent import Step, Update
    from gdcli.descent.loop import State
    from gdcli.descent.run import Descent

Walked: TypeAlias = "tuple[Step, Sequence[Update]]"
"""A step, and with ``--walk`` the updates that were made from it."""

_FLUSH_SECONDS = 0.05  # maximum delay of a line


def run_descent(descent: Descent[Any], output: Output) -> int:
    """Run, print, and return the exit code."""
    if output.format == "csv" and descent.settings.walk:
        hint = "use --json, --jsonl or the table; without --walk, the CSV has x, grad and loss of every step"
        raise GdcliError("usage", "the equations of --walk cannot be printed as CSV", hint)
    if output.format == "csv" and getattr(descent.settings, "check", False):
        hint = "use --json, --jsonl or the table"
        raise GdcliError("usage", "the checks of --check cannot be printed as CSV", hint)
    collector = Collector(descent, output)
    live = _live(descent, output)
    with interruptible(descent.interrupt if live is None else live.interrupt) as interruption:
        match output.format:
            case "jsonl":
                with output.open() as file:
                    _print_lines(collector, file)
            case "csv":
                with output.open() as file:
                    _print_csv(collector, file)
            case _ if live is None:
                _print_whole(collector, _gathered(collector))
            case _:
                collector, items = live.run(functools.partial(_gathered_live, output))
                _print_whole(collector, items)
    outcome = collector.outcome
    if not output.quiet and not output.takes_record:
        warn(outcome.warnings)
    collector.save()
    if outcome.status == "interrupted":
        return interruption.code
    if not isinstance(outcome.checks, UnsetType) and any(c.verdict == "disagree" for c in outcome.checks.values()):
        return ExitCode.CHECK_FAILED
    from gdcli.contract.descent import CONVERGED

    if output.require_convergence and outcome.status not in CONVERGED:
        return ExitCode.CHECK_FAILED
    return ExitCode.OK


def _live(descent: Descent[Any], output: Output) -> LiveDescent | None:
    """The live view of the descent, with ``--live``."""
    if not output.live:
        return None
    from gdcli.cli.live.descent import LiveDescent

    return LiveDescent(descent, output, title_of(descent))


def _gathered(collector: Collector) -> list[Walked]:
    """Run to the end; returns the steps of a JSON document."""
    if collector.output.format == "json" or collector.output.takes_record:
        return [(state.step(), updates) for state, updates in collector.iterations()]
    for _ in collector.iterations():
        pass
    return []


def _gathered_live(output: Output, descent: Descent[Any], states: Iterable[State]) -> tuple[Collector, list[Walked]]:
    """The same for the states of a descent that is shown live."""
    collector = Collector(descent, output, states)
    return collector, _gathered(collector)


def _print_whole(collector: Collector, items: list[Walked]) -> None:
    """Print what needs the whole run: a JSON document, or the report for people; a notebook takes the record."""
    if collector.output.takes_record:
        collector.output.take(collector.record(items))
        return
    if collector.output.format == "table":
        print_report(collector.report(), collector.output)
        return
    from gdcli.render.documents import json_line

    with collector.output.open() as file:
        file.write(json_line(collector.record(items)))


def _print_lines(collector: Collector, file: IO[bytes]) -> None:
    from gdcli.contract.envelope import SettingsLine
    from gdcli.render.documents import json_line, result_line, walk_lines

    descent = collector.descent
    file.write(json_line(SettingsLine(command=descent.command, settings=descent.settings)))
    items = ((state.step(), updates) for state, updates in collector.iterations())
    stream(walk_lines(items), file)
    file.write(result_line(collector.outcome))


def _print_csv(collector: Collector, file: IO[bytes]) -> None:
    from gdcli.render.documents import csv_row, step_cells, step_header

    descent = collector.descent
    descent.diagnoses = bool(collector.output.save)  # the CSV has no place for it

    def rows() -> Iterator[bytes]:
        for state, _ in collector.states_and_updates():
            step = state.step()
            if step.iteration == 0:
                yield csv_row(step_header(step))
            yield csv_row(step_cells(step))

    stream(rows(), file)


def stream(lines: Iterable[bytes], file: IO[bytes]) -> None:
    """Write lines, and flush often enough that they can be read as they are computed."""
    last = time.monotonic()
    for line in lines:
        file.write(line)
        now = time.monotonic()
        if now - last > _FLUSH_SECONDS:
            file.flush()
            last = now
