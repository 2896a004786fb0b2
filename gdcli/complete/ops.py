"""The settings of ``ops`` completed and checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from gdcli.complete.sources import given, with_sources
from gdcli.contract.ops import OpsSettings
from gdcli.errors import ExpressionError
from gdcli.lang.nodes import Expression
from gdcli.lang.parsing import in_one_form, parse
from gdcli.lang.values import bind

EXAMPLES = [
    *["a", "b", "a * b", "a + b", "a - b", "a / b", "a//b", "a**b", "a > b", "a==b"],
    *["torch.add(a, b)", "torch.mul(a, b)", "torch.sub(a, b)"],
]
EXAMPLE_VALUES = {"a": "[1, 2, 3.0, 4, 5]", "b": "arange(5, 10)"}


def complete_ops(settings: OpsSettings) -> OpsSettings:
    """With the notebook's expressions when there are none.

    The notebook's a and b stand in for values that its own expressions need, or that an expression needs when no value
    is given at all.

    Raises:
        GdcliError: for a value that is missing, unknown or cannot be read.
    """
    settings = with_sources(settings)
    expressions = settings.expressions or EXAMPLES
    parsed = _parsed(expressions, settings.values)
    expressions = [in_one_form(text) for text in expressions]
    in_programs = {name: text for expression in parsed for name, text in expression.values.items()}
    used = {name for expression in parsed for name in expression.variables}
    takes_defaults = not settings.expressions or not settings.values
    defaults = {name: value for name, value in EXAMPLE_VALUES.items() if takes_defaults and name in used}
    settings = replace(settings, expressions=expressions, values={**defaults, **in_programs, **settings.values})
    seeds = [expression.seed for expression in parsed if expression.seed]
    bind(parsed, given(settings))
    return replace(settings, seed=settings.seed or next(iter(seeds), 0))


def _parsed(expressions: Iterable[str], values: Collection[str]) -> list[Expression]:
    """The rows of the expressions that can be parsed; the errors of the others are reported in their rows."""
    parsed: list[Expression] = []
    for text in expressions:
        try:
            parsed += parse(text, values).rows
        except ExpressionError:
            continue
    return parsed
