"""Printing of the commands that list something: all entries, one entry by name, or the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, TypeAlias

import msgspec
import typer

from gdcli.cli.output import FORMATS, Output
from gdcli.cli.show import print_report

Json: TypeAlias = Annotated[bool, typer.Option("--json", help=FORMATS["json"].description)]


WORD = "show the {0} of this name, or those whose names or texts have this word"
"""The help line of the argument of a command that also searches."""


def has_word(word: str, *texts: str) -> bool:
    """Whether one of the texts has a word, or a part of one; case is ignored, and hyphens count as spaces."""
    plain = word.strip().lower().replace("-", " ")
    return plain != "" and any(plain in text.lower().replace("-", " ") for text in texts)


def print_record(record: msgspec.Struct) -> None:
    """Print a record as one JSON document."""
    from gdcli.render.documents import json_line

    with Output(format="json").open() as file:
        file.write(json_line(record))


def print_tables(tables: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """Print a two-column table for each heading, all with the same layout, and an empty line below each."""
    from rich.console import Group

    from gdcli.render.table import listing

    made = [Group(listing((heading, ""), rows), "") for heading, rows in tables.items()]
    print_report([lambda _, table=table: table for table in made], Output())  # type: ignore[misc]


def print_definition(title: str, facts: Mapping[str, str]) -> None:
    """Print all facts about one entry; empty facts are left out."""
    from gdcli.render.table import definition

    shown = {label: text for label, text in facts.items() if text}
    print_report([lambda _: definition(title, shown)], Output())
