"""``gdcli functions``: the functions of the language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gdcli.cli.listing import WORD, Json, has_word, print_definition, print_record, print_tables
from gdcli.errors import GdcliError

if TYPE_CHECKING:
    from gdcli.contract.listings import FunctionEntry
    from gdcli.lang.signature import Function

EXAMPLES = ("gdcli functions", "gdcli functions softplus", "gdcli functions hyperbolic", "gdcli functions --json")


def functions(
    name: Annotated[str | None, typer.Argument(metavar="WORD", help=WORD.format("function"))] = None,
    json: Json = False,
) -> None:
    """List the functions of the expression language, show one of them, or search their names and texts."""
    from gdcli.contract.listings import FunctionsResult
    from gdcli.lang.functions import CATEGORIES, FUNCTIONS, SPELLINGS
    from gdcli.lang.functions.modules import MODULES
    from gdcli.lang.suggest import FOREIGN_FUNCTIONS, did_you_mean

    exact = name is not None and name in SPELLINGS
    found = list(FUNCTIONS.values()) if name is None else [SPELLINGS[name]] if exact else _searched(name)
    if name is not None and (not found or (name in FOREIGN_FUNCTIONS and not exact)):
        foreign = FOREIGN_FUNCTIONS.get(name)
        hint = f"PyTorch calls it '{foreign}'" if foreign else did_you_mean(name, FUNCTIONS)
        raise GdcliError("unknown-function", f"unknown function '{name}'", hint or "gdcli functions lists them all")
    if json:
        print_record(FunctionsResult(functions=_entries(found)))
    elif name is not None and len(found) == 1:
        row = found[0]
        modules = [
            f"{name}()" for name, module in MODULES.items() if module.function == row.usual and name[:3] == "nn."
        ]
        calls = ", ".join([row.path, *([f"x.{row.bare_name}()"] if row.method else []), *modules])
        facts = {"what": row.help, "PyTorch": calls, "example": f'gdcli ops "{row.example}"', "gradient": row.gradient}
        print_definition(row.usage, facts)
    else:
        tables = {
            category: [(row.usage, row.help) for row in rows if row in found] for category, rows in CATEGORIES.items()
        }
        print_tables({category: rows for category, rows in tables.items() if rows})


def _searched(word: str) -> list[Function]:
    """The functions whose names or texts have a word."""
    from gdcli.lang.functions import FUNCTIONS

    return [row for row in FUNCTIONS.values() if has_word(word, row.name, row.path, row.help)]


def _entries(rows: list[Function]) -> list[FunctionEntry]:
    from gdcli.contract.listings import FunctionEntry
    from gdcli.lang.functions import CATEGORIES

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
