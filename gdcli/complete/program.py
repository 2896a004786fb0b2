"""The values and the seed that a program gives, among the settings of a command."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from gdcli.contract.compare import CompareSettings
from gdcli.contract.descent import MinimizeSettings
from gdcli.contract.grad import GradSettings
from gdcli.contract.plot import PlotSettings
from gdcli.contract.sweep import SweepSettings
from gdcli.lang.parsing import is_program, parse

P = TypeVar("P", GradSettings, MinimizeSettings, CompareSettings, SweepSettings, PlotSettings)


def with_program(settings: P) -> P:
    """With the values of the program, when the expression is one, below those that are given, and its seed.

    Raises:
        ExpressionError: for a program that cannot be read.
    """
    if not is_program(settings.expression):
        return settings
    program = parse(settings.expression, (*settings.values, *getattr(settings, "wrt", ())))
    given = {name: text for name, text in program.values.items() if name in program.variables}
    values = {**given, **settings.values}
    seed = settings.seed or program.seed or 0
    return replace(settings, expression=program.source, values=values, seed=seed)
