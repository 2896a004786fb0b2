"""``gdcli functions``: the functions of the language."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gdcli.cli.command import WordsCommand
from gdcli.errors import GdcliError

if TYPE_CHECKING:
    from gdcli.lang.signature import Function
    from gdcli.results import FunctionEntry

_EXAMPLES = "gdcli functions\ngdcli functions softplus\ngdcli functions --json"


def add(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("functions", cls=WordsCommand, epilog=_EXAMPLES)(functions)


def functions(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="show this function alone")] = None,
    json: Annotated[bool, typer.Option("--json", help="print the record as one JSON document")] = False,
) -> None:
    """List the functions of the expression language, or show one of them."""
    from gdcli.lang.functions import FUNCTIONS, SPELLINGS
    from gdcli.lang.suggest import FOREIGN_FUNCTIONS, did_you_mean

    found = FUNCTIONS if name is None else {name: SPELLINGS[name]} if name in SPELLINGS else {}
    if name is not None and not found:
        foreign = FOREIGN_FUNCTIONS.get(name)
        hint = f"PyTorch calls it '{foreign}'" if foreign else did_you_mean(name, FUNCTIONS)
        raise GdcliError("unknown-function", f"unknown function '{name}'", hint or "gdcli functions lists them all")
    entries = _entries(list(found.values()))
    if json:
        _print_json(entries)
    elif name is not None:
        _print_one(entries[0])
    else:
        _print_all(entries)


def _entries(rows: list[Function]) -> list[FunctionEntry]:
    from gdcli.lang.functions import CATEGORIES
    from gdcli.results import FunctionEntry

    category = {row.name: name for name, of_category in CATEGORIES.items() for row in of_category}
    return [
        FunctionEntry(
            name=row.name,
            category=category[row.name],
            usage=row.usage,
            arity=row.arity,
            help=row.help,
            example=row.example,
            path=row.path,
            method=row.method,
            gradient=row.gradient,
        )
        for row in rows
    ]


def _print_json(entries: list[FunctionEntry]) -> None:
    from gdcli.cli.output import Output
    from gdcli.render.documents import json_line
    from gdcli.results import FunctionsResult

    with Output().open() as file:
        file.write(json_line(FunctionsResult(functions=entries)))


def _print_all(entries: list[FunctionEntry]) -> None:
    from gdcli.lang.functions import CATEGORIES
    from gdcli.render.table import listing, print_to

    for category in CATEGORIES:
        rows = [(entry.usage, entry.help) for entry in entries if entry.category == category]
        print_to(sys.stdout, lambda _, category=category, rows=rows: listing((category, ""), rows))  # type: ignore[misc]
        print()  # noqa: T201


def _print_one(entry: FunctionEntry) -> None:
    from gdcli.render.table import definition, print_to

    print_to(sys.stdout, lambda _: definition(entry))
