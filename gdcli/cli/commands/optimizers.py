"""``gdcli optimizers``: the update rules and the schedules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gdcli.cli.listing import WORD, Json, has_word, print_definition, print_record, print_tables
from gdcli.errors import GdcliError

if TYPE_CHECKING:
    from gdcli.contract.listings import OptimizerEntry

EXAMPLES = ("gdcli optimizers", "gdcli optimizers adam", "gdcli optimizers momentum", "gdcli optimizers --json")


def optimizers(
    name: Annotated[str | None, typer.Argument(metavar="WORD", help=WORD.format("rule or schedule"))] = None,
    json: Json = False,
) -> None:
    """List the update rules with their formulas and the learning rate schedules, show one, or search them."""
    from gdcli.contract.choices import choice_of
    from gdcli.lang.suggest import did_you_mean
    from gdcli.rules.catalogue import RULES, SCHEDULES, is_own
    from gdcli.rules.row import NOTATION

    if name is not None:
        name = choice_of(name, [*RULES, *SCHEDULES]) or name
    found = [] if name is None or name in {**RULES, **SCHEDULES} else _searched(name)
    if len(found) == 1:
        name = found[0]
    if name is not None and not found and name not in RULES and name not in SCHEDULES:
        hint = did_you_mean(name, [*RULES, *SCHEDULES]) or "gdcli optimizers lists them all"
        if is_own(name):
            hint = "of a class of your own, no more is known than its __init__ says"
        raise GdcliError("unknown-optimizer", f"unknown update rule or schedule '{name}'", hint)
    if json:
        print_record(_record(found or [name] if name is not None else [*RULES, *SCHEDULES]))
    elif name is not None and name in RULES:
        entry = _entry(name)
        facts = {"formula": _lines(entry.formula), "PyTorch": entry.path, "lr": f"{entry.lr:g}"}
        facts |= {"notation": "\n".join(f"{symbol}: {meaning}" for symbol, meaning in _used(entry).items())}
        facts |= {"parameters": _listed(entry.parameters), "source": entry.source}
        facts["example"] = f"gdcli minimize rosenbrock --optimizer {name}" if not RULES[name].matrices_only else ""
        print_definition(entry.name, facts)
    elif name is not None and name in SCHEDULES:
        facts = {"PyTorch": SCHEDULES[name].path, "parameters": _listed(_schedule(name))}
        print_definition(name, facts)
    else:
        shown = found or [*RULES, *SCHEDULES]
        rules = [row for row in RULES.values() if row.name in shown]
        tables = {
            "written by hand": [(row.name, _lines(row.formula)) for row in rules if not row.path],
            "torch.optim": [(row.name, _lines(row.formula)) for row in rules if row.path],
            "in these formulas": [] if found else list(NOTATION.items()),
            "schedules": [(row.name, row.path) for row in SCHEDULES.values() if row.name in shown],
        }
        print_tables({heading: rows for heading, rows in tables.items() if rows})


def _lines(formula: str) -> str:
    """A formula with a line for each of its statements."""
    return formula.replace(";  ", "\n")


def _used(entry: OptimizerEntry) -> dict[str, str]:
    """The part of the notation that the formula and the parameters of a rule need."""
    from gdcli.rules.row import NOTATION

    names = {*re.findall(r"[a-z_][a-z_0-9]*", entry.formula), *entry.parameters, "other names"}
    return {symbol: meaning for symbol, meaning in NOTATION.items() if names.intersection(symbol.split(", "))}


def _searched(word: str) -> list[str]:
    """The rules and schedules whose names, formulas or parameters have a word."""
    from gdcli.rules.catalogue import RULES, SCHEDULES

    rules = [name for name, row in RULES.items() if has_word(word, name, row.path, *row.parameters)]
    return rules + [name for name in SCHEDULES if has_word(word, name, SCHEDULES[name].path, *_schedule(name))]


def _record(names: Sequence[str]) -> Any:
    from gdcli.contract.listings import OptimizersResult
    from gdcli.rules.catalogue import RULES, SCHEDULES
    from gdcli.rules.row import NOTATION

    entries = [_entry(each) for each in RULES if each in names]
    return OptimizersResult(
        notation=dict(NOTATION),
        optimizers=entries,
        schedules={each: _schedule(each) for each in SCHEDULES if each in names},
    )


def _entry(name: str) -> OptimizerEntry:
    from gdcli.contract.listings import OptimizerEntry
    from gdcli.rules.catalogue import RULES

    row = RULES[name]
    parameters = {key: list(v) if isinstance(v, tuple) else v for key, v in row.parameters.items()}
    return OptimizerEntry(
        name=row.name, path=row.path, formula=row.formula, lr=row.lr, parameters=parameters, source=row.source
    )


def _schedule(name: str) -> dict[str, Any]:
    """The parameters of a schedule; null stands for one that must be given, and for PyTorch's own None."""
    from inspect import Parameter

    from gdcli.rules.schedules import parameters_of

    return {key: None if default is Parameter.empty else default for key, default in parameters_of(name).items()}


def _listed(parameters: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in parameters.items())
