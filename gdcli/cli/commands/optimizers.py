"""``gdcli optimizers``: the update rules and the schedules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gdcli.cli.listing import Json, print_definition, print_record, print_tables
from gdcli.errors import GdcliError

if TYPE_CHECKING:
    from gdcli.contract.listings import OptimizerEntry

EXAMPLES = ("gdcli optimizers", "gdcli optimizers adam", "gdcli optimizers --json")


def optimizers(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="show only this rule or schedule")] = None,
    json: Json = False,
) -> None:
    """List the update rules with their formulas and parameters, and the learning rate schedules."""
    from gdcli.contract.choices import choice_of
    from gdcli.lang.suggest import did_you_mean
    from gdcli.rules.catalogue import RULES, SCHEDULES, is_own
    from gdcli.rules.row import NOTATION

    if name is not None:
        name = choice_of(name, [*RULES, *SCHEDULES]) or name
    if name is not None and name not in RULES and name not in SCHEDULES:
        hint = did_you_mean(name, [*RULES, *SCHEDULES]) or "gdcli optimizers lists them all"
        if is_own(name):
            hint = "of a class of your own, no more is known than its __init__ says"
        raise GdcliError("unknown-optimizer", f"unknown update rule or schedule '{name}'", hint)
    if json:
        print_record(_record(name))
    elif name is not None and name in RULES:
        entry = _entry(name)
        facts = {"formula": _lines(entry.formula), "PyTorch": entry.path, "lr": f"{entry.lr:g}"}
        facts |= {"notation": "\n".join(f"{symbol}: {meaning}" for symbol, meaning in _used(entry).items())}
        facts |= {"parameters": _listed(entry.parameters), "source": entry.source}
        facts["example"] = f"gdcli minimize rosenbrock --optimizer {name}" if not RULES[name].matrices_only else ""
        print_definition(entry.name, facts)
    elif name is not None:
        facts = {"PyTorch": SCHEDULES[name].path, "parameters": _listed(_schedule(name))}
        print_definition(name, facts)
    else:
        hand = [(row.name, _lines(row.formula)) for row in RULES.values() if not row.path]
        torch_optim = [(row.name, _lines(row.formula)) for row in RULES.values() if row.path]
        schedules = [(row.name, row.path) for row in SCHEDULES.values()]
        notation = list(NOTATION.items())
        print_tables(
            {"written by hand": hand, "torch.optim": torch_optim, "in these formulas": notation, "schedules": schedules}
        )


def _lines(formula: str) -> str:
    """A formula with a line for each of its statements."""
    return formula.replace(";  ", "\n")


def _used(entry: OptimizerEntry) -> dict[str, str]:
    """The part of the notation that the formula and the parameters of a rule need."""
    from gdcli.rules.row import NOTATION

    names = {*re.findall(r"[a-z_][a-z_0-9]*", entry.formula), *entry.parameters, "other names"}
    return {symbol: meaning for symbol, meaning in NOTATION.items() if names.intersection(symbol.split(", "))}


def _record(name: str | None) -> Any:
    from gdcli.contract.listings import OptimizersResult
    from gdcli.rules.catalogue import RULES, SCHEDULES
    from gdcli.rules.row import NOTATION

    entries = [_entry(each) for each in RULES if name in (None, each)]
    return OptimizersResult(
        notation=dict(NOTATION),
        optimizers=entries,
        schedules={each: _schedule(each) for each in SCHEDULES if name in (None, each)},
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
