"""Printing a complete record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeVar

from gdcli.cli.messages import WARNINGS, warn
from gdcli.cli.output import Output
from gdcli.cli.save import save
from gdcli.contract.shown import changed

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gdcli.contract.diagnosis import Finding
    from gdcli.contract.envelope import Notice
    from gdcli.contract.figure import Figure
    from gdcli.contract.grad import GradResult

R = TypeVar("R")


Report: TypeAlias = list[Callable[[int], "RenderableType"]]
"""The parts of a printed report, from top to bottom: each is made for a width."""


def show(  # noqa: PLR0913 -- all that a record is shown as
    record: R,
    output: Output,
    *,
    table: Callable[[R, int, int], Any],
    csv: Callable[[R], bytes],
    figure: Callable[[], Figure] | None = None,
    page: Callable[[], tuple[Figure, Any]] | None = None,
    cells: Callable[[str, IO[bytes]], None] | None = None,
    tape: Callable[[], GradResult] | None = None,
) -> None:
    """Print a record in the requested format, and save it; its notes follow the table.

    Warnings go to standard error. ``figure``, ``page``, ``cells`` and ``tape`` are for ``--save``. A notebook takes the
    record instead of what is printed for people.
    """
    if output.format != "csv":  # it has no place for them
        record = with_notices(record, output.heard.notices())
    notices = record.warnings  # type: ignore[attr-defined]
    if output.takes_record:
        output.take(record)
    elif output.format == "table":
        print_report(report_of(record, output, table), output)
    else:
        from gdcli.render.documents import json_line

        with output.open() as binary:
            binary.write(csv(record) if output.format == "csv" else json_line(record))  # type: ignore[arg-type]
    if not output.quiet and not output.takes_record:
        warn(notices)
    save(output, report=lambda: report_of(record, output, table), figure=figure, page=page, cells=cells, tape=tape)


def with_notices(record: R, more: Sequence[Notice]) -> R:
    """A record with more notices, each of them once."""
    notices = dict.fromkeys([*record.warnings, *more])  # type: ignore[attr-defined]
    return changed(record, warnings=list(notices))  # type: ignore[type-var]


def report_of(record: R, output: Output, table: Callable[[R, int, int], Any]) -> Report:
    """The printed report of a record."""
    notices = record.warnings  # type: ignore[attr-defined]
    return report_for_people(lambda width: table(record, output.digits, width), notices, output)


def report_for_people(
    make: Callable[[int], RenderableType],
    notices: Sequence[Notice],
    output: Output,
    findings: Sequence[Finding] = (),
) -> Report:
    """The output of ``make`` for a width, and the findings and notices that explain it."""
    from gdcli.render.diagnosis import diagnosis, shown
    from gdcli.render.table import notes

    report = [make]
    if output.quiet:
        return report
    if shown(findings):
        report.append(lambda width: diagnosis(shown(findings), width))
    explaining = [notice for notice in notices if notice.code not in WARNINGS]
    if explaining:
        report.append(lambda width: notes(explaining, width))
    return report


def print_report(report: Report, output: Output) -> None:
    """Print the parts of a report."""
    from gdcli.render.table import print_to

    with output.open_text() as file:
        print_to(file, report)
