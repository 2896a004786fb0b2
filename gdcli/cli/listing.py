"""What the commands that list something share: everything, one thing by its name, or the record."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import msgspec


def print_record(record: msgspec.Struct) -> None:
    """Print a record as one JSON document."""
    from gdcli.cli.output import Output
    from gdcli.render.documents import json_line

    with Output().open() as file:
        file.write(json_line(record))


def print_tables(tables: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """Print a table of two columns for each heading, all of one layout."""
    from gdcli.render.table import listing, print_to

    for heading, rows in tables.items():
        print_to(sys.stdout, lambda _, heading=heading, rows=rows: listing((heading, ""), rows))  # type: ignore[misc]
        print()  # noqa: T201


def print_definition(title: str, facts: Mapping[str, str]) -> None:
    """Print everything about one thing; facts without a text are left out."""
    from gdcli.render.table import definition, print_to

    shown = {label: text for label, text in facts.items() if text}
    print_to(sys.stdout, lambda _: definition(title, shown))
