"""The settings of ``minimize`` completed and checked."""

from __future__ import annotations

from msgspec.structs import replace

from gdcli.complete.batches import batched, check_rows, with_batches
from gdcli.complete.problem import expression_of, with_start
from gdcli.complete.program import with_program
from gdcli.complete.rule import check_rule, usual_rate
from gdcli.complete.sources import given, with_sources
from gdcli.complete.wrt import moving_variables
from gdcli.contract.descent import MinimizeSettings
from gdcli.lang.arrays import Array
from gdcli.lang.parsing import parse

EXAMPLE = "(x - 1.5)**2"
EXAMPLE_VALUES = {"x": "4"}


def complete_minimize(settings: MinimizeSettings) -> MinimizeSettings:
    """With the notebook's example when there is no expression, and ``wrt`` filled in.

    Raises:
        GdcliError: for an invalid expression, value or name in ``wrt``.
    """
    settings = with_program(with_start(with_sources(settings), "minimize"))
    if not settings.expression:
        settings = replace(settings, expression=EXAMPLE, values={**EXAMPLE_VALUES, **settings.values})
    values = given(settings)
    wrt = moving_variables(expression_of(settings), values, settings.wrt, data=batched(settings))
    settings = replace(settings, wrt=wrt, lr=usual_rate(settings))
    check_rule(settings, settings.wrt)
    shapes = {name: value.shape for name, value in values.items() if isinstance(value, Array)}
    check_rows(batched(settings), shapes)
    return with_batches(settings, parse(expression_of(settings), settings.values).variables)
