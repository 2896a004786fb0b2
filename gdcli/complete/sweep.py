"""The settings of ``sweep`` completed and checked, and its axes."""

from __future__ import annotations

import json
import shlex
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from gdcli.complete.alone import descent_of, settings_alone
from gdcli.complete.axes import AxisWords, typed_axes
from gdcli.complete.problem import expression_of, problem_of, with_start
from gdcli.complete.program import with_program
from gdcli.complete.rule import check_rule, usual_rate
from gdcli.complete.sources import given, stays, with_sources
from gdcli.complete.sweep_checks import (
    MOST_OF_AN_AXIS,
    bytes_of_a_cell,
    check_axes,
    check_grid,
    check_offered,
    check_only_axes,
    does_not_fit,
)
from gdcli.complete.sweep_names import Known, names_an_option, shape_of_value, sweep_axis
from gdcli.complete.wrt import moving_variables
from gdcli.contract.short import exactly
from gdcli.contract.sweep import SweepAxis, SweepSettings
from gdcli.errors import GdcliError, MissingVariableError
from gdcli.lang.nodes import Expression
from gdcli.lang.parsing import parse
from gdcli.lang.values import bind, check_known, read_value
from gdcli.rules.catalogue import RULES

USUAL_TOLERANCE = 1e-4
"""Of the norm of the gradient, where no other end is asked for: without one, no cell converges."""
EXAMPLE = "x**4 - x**2"
EXAMPLE_AXES = ["lr=0.01:1:100", "x=-2:2:100"]
EXAMPLE_VALUES = {"x": "1"}


def complete_sweep(settings: SweepSettings) -> SweepSettings:
    """With the example when there is no expression, a value for each variable, ``wrt`` and the learning rate.

    A variable that is an axis has its first number as its value. The learning rate stays open where it is an axis.

    Raises:
        GdcliError: for an invalid expression, value, name or axis, settings that cannot be combined, and a grid with
            too many cells.
    """
    if not settings.expression:
        over = settings.over or EXAMPLE_AXES
        settings = replace(settings, expression=EXAMPLE, over=over, values={**EXAMPLE_VALUES, **settings.values})
    check_offered(settings)
    words = typed_axes(settings.over, settings.zoom)
    check_only_axes(settings, words)
    settings = with_program(with_start(with_sources(settings), "sweep"))
    if any(axis.is_seed for axis in words):
        settings = replace(settings, seed=0)
    expression = parse(expression_of(settings), (*settings.values, *settings.wrt))
    check_known(settings.values, expression.variables)
    if not words and expression.variables:
        raise _no_axis(settings, expression)
    settings = _with_starts(settings, words, expression)
    wrt = _moving(settings, words)
    settings = replace(settings, wrt=wrt)
    known = _known(settings)
    axes = [sweep_axis(axis, settings, known) for axis in words]
    check_axes(settings, axes, known)
    for index in ([0] * len(axes), [len(axis) - 1 for axis in axes]):
        check_rule(settings_alone(settings, axes, index), wrt)
    check_grid(settings, axes, words, known)
    if all(each is None for each in (settings.tol_grad, settings.tol_loss, settings.tol_x, settings.until)):
        settings = replace(settings, tol_grad=[USUAL_TOLERANCE])
    if not any(axis.kind == "lr" for axis in axes):
        settings = replace(settings, lr=usual_rate(descent_of(settings)))
    return settings


def axes_of(settings: SweepSettings) -> list[SweepAxis]:
    """The axes of completed settings, one or two; cells are counted along the first one first.

    Raises:
        GdcliError: as ``complete_sweep``.
    """
    known = _known(settings)
    return [sweep_axis(words, settings, known) for words in typed_axes(settings.over, settings.zoom)]


def too_large_for_memory(settings: SweepSettings, keeps: str = "") -> GdcliError | None:
    """The error for completed settings whose result is too large for memory; None where it fits.

    ``keeps`` is the option that needs all cells in memory, if there is one.
    """
    known = _known(settings)
    words = typed_axes(settings.over, settings.zoom)
    axes = [sweep_axis(axis, settings, known) for axis in words]
    return does_not_fit(axes, words, bytes_of_a_cell(settings, known), keeps)


def is_streamable(settings: SweepSettings) -> bool:
    """Whether a result that is too large for memory can be saved as it is computed."""
    return max(map(len, axes_of(settings))) <= MOST_OF_AN_AXIS


def _known(settings: SweepSettings) -> Known:
    """What the axes may be of, in settings whose variables have values."""
    expression = parse(expression_of(settings), (*settings.values, *settings.wrt))
    return Known(expression, settings.wrt, bind([expression], given(settings)))


def _with_starts(settings: SweepSettings, words: list[AxisWords], expression: Expression) -> SweepSettings:
    """With the first number of its axis as the value of each variable that is one."""
    row, now = RULES[settings.optimizer], given(settings)
    first = {
        axis.base: exactly(axis.ends[0])
        for axis in words
        if axis.base in expression.variables
        and not (axis.is_rate or axis.index is not None or names_an_option(axis, row))
        and (axis.base not in now or _is_replaced(axis.base, now[axis.base], settings))
    }
    sources = {name: source for name, source in (settings.sources or {}).items() if name not in first}
    return replace(settings, values={**settings.values, **first}, sources=sources or UNSET)


def _is_replaced(name: str, value: Any, settings: SweepSettings) -> bool:
    """Whether the numbers of an axis can stand for a value: not for a tensor, nor for data that stays."""
    return not shape_of_value(read_value(name, value)) and (name in settings.wrt or not stays(value))


def _moving(settings: SweepSettings, words: list[AxisWords]) -> list[str]:
    """The variables that move; the hint at one without a value says how many numbers it needs for its axes."""
    try:
        return moving_variables(expression_of(settings), given(settings), settings.wrt)
    except MissingVariableError as error:
        places = [axis.index for axis in words if axis.base == error.name and axis.index]
        if places:
            shape = [max(place[k] if k < len(place) else 0 for place in places) + 1 for k in range(len(places[0]))]
            zeros: Any = 0
            for n in reversed(shape):
                zeros = [zeros] * max(1, n)
            text = json.dumps(zeros, separators=(",", ":"))
            text = text[1:-1] if len(shape) == 1 and shape[0] > 1 else text
            error.hint = f"give it its numbers: --{error.name} {shlex.quote(text)}"
        raise


def _no_axis(settings: SweepSettings, expression: Expression) -> GdcliError:
    """The error for a sweep along nothing; its hint is an axis that the expression has."""
    now = given(settings)
    open_ones = [name for name in expression.variables if name not in now]
    name = (open_ones or expression.variables)[0]
    problem = problem_of(settings)
    low, high = (-2.0, 2.0) if problem is None or name not in problem.domain else problem.domain[name]
    shape = shape_of_value(read_value(name, now[name])) if name in now else ()
    element = f"{name}[{','.join('0' * len(shape))}]" if shape else name
    option = f"--over {shlex.quote(f'{element}={exactly(low)}:{exactly(high)}:100')}"
    return GdcliError("axis", "a sweep needs an axis: what changes from run to run", f"for example: {option}")
