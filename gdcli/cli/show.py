"""Printing a record that is there as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from gdcli.cli.output import Output
from gdcli.cli.report import WARNINGS, warn

if TYPE_CHECKING:
    from gdcli.results import Finding, Notice

R = TypeVar("R")


def show(record: R, output: Output, *, table: Callable[[R, int, int], Any], csv: Callable[[R], bytes]) -> None:
    """Print a record in the format that was asked for; what explains it follows the table, warnings go to stderr."""
    notices = record.warnings  # type: ignore[attr-defined]
    if output.format == "table":
        show_for_people(lambda width: table(record, output.digits, width), notices, output)
    else:
        from gdcli.render.documents import json_line

        with output.open() as binary:
            binary.write(csv(record) if output.format == "csv" else json_line(record))  # type: ignore[arg-type]
    if not output.quiet:
        warn(notices)


def show_for_people(
    make: Callable[[int], Any], notices: Sequence[Notice], output: Output, findings: Sequence[Finding] = ()
) -> None:
    """Print what ``make`` returns for a width, and the findings and notices that explain it."""
    from gdcli.render.diagnosis import diagnosis, shown
    from gdcli.render.table import notes, print_to

    explaining = [] if output.quiet else [notice for notice in notices if notice.code not in WARNINGS]
    with output.open_text() as file:
        print_to(file, make)
        if shown(findings) and not output.quiet:
            print_to(file, lambda _: diagnosis(shown(findings)))
        if explaining:
            print_to(file, lambda _: notes(explaining))
