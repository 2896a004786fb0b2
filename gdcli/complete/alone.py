"""A cell of a sweep alone: the settings of its descent, and the command that makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from gdcli.complete.command import MOST_NUMBERS, words_of
from gdcli.complete.problem import problem_of
from gdcli.complete.rule import usual_rate
from gdcli.complete.sources import given
from gdcli.complete.sweep_names import numbers_of_value
from gdcli.contract.descent import MinimizeSettings
from gdcli.contract.fields import Nested
from gdcli.contract.nested import size
from gdcli.contract.short import exactly
from gdcli.contract.sources import GIVEN
from gdcli.contract.sweep import SweepAxis, SweepSettings
from gdcli.lang.parsing import is_program, parse
from gdcli.lang.values import read_value
from gdcli.rules.catalogue import RULES
from gdcli.rules.parameters import OWN_OPTIONS

_OF_DESCENT = [name for name in MinimizeSettings.__struct_fields__ if name in SweepSettings.__struct_fields__]


def descent_of(settings: SweepSettings) -> MinimizeSettings:
    """The settings that a sweep and a descent have in common, as those of ``minimize``."""
    return MinimizeSettings(**{name: getattr(settings, name) for name in _OF_DESCENT})


def settings_alone(settings: SweepSettings, axes: Sequence[SweepAxis], index: Sequence[int]) -> MinimizeSettings:
    """The settings with which ``minimize`` makes the run of a cell: ``index[k]`` is its place on ``axes[k]``.

    ``settings`` are complete.
    """
    alone = descent_of(settings)
    for axis, i in zip(axes, index, strict=True):
        alone = _at(alone, axis, axis.number(i))
    return replace(alone, lr=usual_rate(alone))


def _at(settings: MinimizeSettings, axis: SweepAxis, number: float) -> MinimizeSettings:
    """The settings at a number of an axis."""
    name = axis.target
    match axis.kind:
        case "start":
            return _with_start(settings, name, axis.index, number)
        case "lr":
            return replace(settings, lr=number)
        case "lr of a variable":
            return replace(settings, lrs={**settings.lrs, name: number})
        case "seed":
            return replace(settings, seed=int(number))
    if name in OWN_OPTIONS:
        return replace(settings, **{name: number})
    if not axis.index:
        return replace(settings, opt={**settings.opt, name: number})
    numbers = list(settings.opt.get(name) or RULES[settings.optimizer].parameters[name])  # type: ignore[arg-type]
    numbers[axis.index[0]] = number
    return replace(settings, opt={**settings.opt, name: numbers})


def _with_start(settings: MinimizeSettings, name: str, index: Sequence[int], number: float) -> MinimizeSettings:
    """The settings with a start, or one element of it."""
    value: Any = exactly(number)
    if index:
        numbers = numbers_of_value(read_value(name, given(settings)[name]))
        value = _replaced(numbers, index, number)
    sources = {other: source for other, source in (settings.sources or {}).items() if other != name}
    return replace(settings, values={**settings.values, name: value}, sources=sources or UNSET)


def _replaced(numbers: Nested, index: Sequence[int], number: float) -> Nested:
    """Nested numbers with another one in a place."""
    if not index or not isinstance(numbers, list):
        return number
    first, *rest = index
    return [_replaced(row, rest, number) if i == first else row for i, row in enumerate(numbers)]


def command_alone(settings: SweepSettings, axes: Sequence[SweepAxis], index: Sequence[int]) -> str:
    """The command that makes the run of a cell; empty where its start has too many numbers for one."""
    alone = settings_alone(settings, axes, index)
    usual = _usual_values(settings)
    values = {name: value for name, value in alone.values.items() if name not in usual or value != usual[name]}
    if GIVEN in values.values() or sum(size(v) for v in values.values() if isinstance(v, list)) > MOST_NUMBERS:
        return ""
    return " ".join(words_of(alone, values))


def _usual_values(settings: SweepSettings) -> Mapping[str, Any]:
    """The values that the problem or the program has itself."""
    if is_program(settings.expression):
        return parse(settings.expression, (*settings.values, *settings.wrt)).values
    problem = problem_of(settings)
    return {} if problem is None else problem.start
