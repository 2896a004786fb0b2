"""What ``plot`` shows: its settings completed and checked, and the windows in them read.

The value of a variable is a window, such as ``-2:2`` or ``-pi:pi``; a value, as in other commands; or the elements of
a vector, some of which are windows: ``-2:2,-1:3,0``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gdcli.complete.problem import expression_of, named_problem
from gdcli.complete.program import with_program
from gdcli.complete.sources import given, with_sources
from gdcli.contract.figure import Window
from gdcli.contract.plot import PlotSettings
from gdcli.contract.short import exactly
from gdcli.data.reference import is_reference
from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.arrays import Array
from gdcli.lang.nodes import Expression, Index, Number, Variable, postorder
from gdcli.lang.parsing import parse
from gdcli.lang.syntax import parse_value
from gdcli.lang.values import check_given, check_known, check_not_computed, read_value

if TYPE_CHECKING:
    from gdcli.lang.problems.problem import CatalogueProblem, Instance

EXAMPLE = "rosenbrock"
USUAL = "-5:5"
MOST = 2  # windows of a plot
_NARROWEST, _WIDEST = 1e-100, 1e100


@dataclass(frozen=True, slots=True)
class Spread:
    """A variable with windows: ``items`` has a window or a number for each element.

    ``scalar`` says that it is a scalar, not a vector of one element.
    """

    items: tuple[Window | float, ...]
    scalar: bool

    @property
    def windows(self) -> list[Window]:
        """The windows among the items."""
        return [item for item in self.items if isinstance(item, tuple)]


def complete_plot(settings: PlotSettings) -> PlotSettings:
    """With the example when there is no expression, and a window or a value for each variable.

    Raises:
        GdcliError: for an expression, a value or a window that does not fit, and for no windows or too many.
    """
    settings = replace(with_sources(settings), expression=settings.expression or EXAMPLE)
    problem = named_problem(settings, example="gdcli plot rastrigin")
    if problem is not None and settings.dim is None and problem.dimension > MOST and _has_a_plane(problem):
        settings = replace(settings, dim=MOST)
    settings = with_program(settings)
    expression = parse(expression_of(settings), settings.values)
    variables = expression.variables
    if not variables:
        source = expression.source
        message = "the expression is constant: it has no variable to plot against"
        raise ExpressionError("constant", message, "for example: x**2", source=source, span=expression.place)
    check_not_computed(expression, settings.values)
    check_known(settings.values, variables)
    if problem is None:
        values = _with_usual_windows(settings, expression)
    else:
        values = _with_domain(settings.values, problem.instantiate(settings.dim), variables)
    settings = replace(settings, values=values)
    check_given(expression, values)
    values = given(settings)
    _check_number_of_windows(values, variables)
    for name in variables:
        if spread_of(name, values[name]) is None:
            read_value(name, values[name])
    return settings


def spread_of(name: str, value: Any) -> Spread | None:
    """The windows in the value of a variable; None when it is a value without any.

    Raises:
        GdcliError: for an invalid window.
    """
    if isinstance(value, Array) or is_reference(value):
        return None
    items, scalar = _items(value)
    if not any(":" in item for item in items):
        return None
    return Spread(tuple(_window(name, item) if ":" in item else _finite_number(name, item) for item in items), scalar)


def _has_a_plane(problem: CatalogueProblem) -> bool:
    family = problem.family
    return family is not None and family.least <= MOST and MOST % family.multiple == 0


def _with_usual_windows(settings: PlotSettings, expression: Expression) -> dict[str, Any]:
    """The values, and the default window for one or two variables that have no value."""
    open_ones = [name for name in expression.variables if name not in settings.values]
    if any(spread_of(name, value) for name, value in settings.values.items()):
        return settings.values  # variables without a value stay without one
    if len(open_ones) > MOST:
        some = f"{', '.join(open_ones[:-1])} and {open_ones[-1]}"
        message = f"a plot shows at most {MOST} variables, but {some} have no value"
        raise GdcliError("window", message, f"give a value to the others: --{open_ones[-1]} 1")
    sizes = _sizes_by_index(expression)
    windows = {name: f"[{', '.join([USUAL] * sizes[name])}]" if name in sizes else USUAL for name in open_ones}
    return {**settings.values, **windows}


def _sizes_by_index(expression: Expression) -> dict[str, int]:
    """The number of elements of each indexed variable, as far as its indices tell."""
    sizes: dict[str, int] = {}
    for node in postorder(expression.root):
        if isinstance(node, Index) and isinstance(node.value, Variable) and isinstance(node.items[0], int):
            size = node.items[0] + 1 if node.items[0] >= 0 else -node.items[0]
            sizes[node.value.name] = max(size, sizes.get(node.value.name, 1))
    return sizes


def _with_domain(given: Mapping[str, Any], instance: Instance, variables: Sequence[str]) -> dict[str, Any]:
    """The values; by default the domain of the problem, and from the third element on the known minimum."""
    sizes = {name: _size(instance, name) for name in variables}
    minimum = instance.minima[0].values if instance.minima else {}
    values = {name: _for_a_vector(value, sizes[name], minimum.get(name)) for name, value in given.items()}
    taken = sum(len(spread.windows) for name, value in values.items() if (spread := spread_of(name, value)))
    for name in variables:
        if name in values:
            continue
        low, high = instance.domain[name]
        numbers = _numbers(minimum.get(name), sizes[name] or 1)
        free = min(len(numbers), MOST - taken)
        items = [f"{exactly(low)}:{exactly(high)}"] * free + [exactly(number) for number in numbers[free:]]
        taken += free
        values[name] = items[0] if sizes[name] is None else f"[{', '.join(items)}]"
    return values


def _for_a_vector(value: Any, size: int | None, minimum: Any) -> Any:
    """A single window for a vector applies to its first two elements; the others are those of the known minimum."""
    if size is None or not isinstance(value, str) or ":" not in value or _items(value)[1] is False:
        return value
    free = min(size, MOST)
    rest = [exactly(number) for number in _numbers(minimum, size)[free:]]
    return f"[{', '.join([value] * free + rest)}]"


def _size(instance: Instance, name: str) -> int | None:
    """How many numbers a variable of a problem has; None for one that is a number."""
    value = instance.minima[0].values[name] if instance.minima else ()
    if isinstance(value, float):
        return None
    return len(value) or len(_items(instance.start[name])[0])


def _numbers(value: Any, size: int) -> list[float]:
    """The numbers of a variable at a known minimum; zeros where none is known."""
    if value is None or value == ():
        return [0.0] * size
    return [value] if isinstance(value, float) else list(value)


def _check_number_of_windows(values: Mapping[str, Any], variables: Sequence[str]) -> None:
    spreads = {name: spread for name in variables if (spread := spread_of(name, values[name])) is not None}
    names = [label for name, spread in spreads.items() for label in _labels(name, spread)]
    if not names:
        hint = f"give a variable a window: --{variables[0]} -2:2"
        raise GdcliError("window", "every variable has a value, but none has a window to plot over", hint)
    if len(names) > MOST:
        message = f"a plot has one or two windows, but {len(names)} are given: {', '.join(names)}"
        raise GdcliError("window", message, f"give {names[-1]} a value")


def _labels(name: str, spread: Spread) -> list[str]:
    """What has a window: the variable, or some of its numbers."""
    if spread.scalar:
        return [name]
    return [f"{name}[{i}]" for i, item in enumerate(spread.items) if isinstance(item, tuple)]


def _items(value: Any) -> tuple[list[str], bool]:
    """The elements and windows of a variable as text, and whether it is a scalar."""
    if isinstance(value, list):
        return [str(item) for item in value], False
    text = str(value).strip()
    listed = text.startswith("[") and text.endswith("]")
    items = parts_of(text[1:-1] if listed else text)
    return items, not listed and len(items) == 1


def parts_of(text: str) -> list[str]:
    """The parts of a text between the commas that stand outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _window(name: str, text: str) -> Window:
    ends = text.split(":")
    if len(ends) != 2 or not all(end.strip() for end in ends):
        raise GdcliError(
            "window", f"the window of {name} must be LOW:HIGH, not '{text}'", f"for example: --{name} -2:2"
        )
    low, high = (_finite_number(name, end) for end in ends)
    if not low < high:
        least, most = (high, low) if high < low else (low - 1, high + 1)
        better = f"--{name} {exactly(least)}:{exactly(most)}"
        message = f"the lower end of the window of {name}, {exactly(low)}, is not below the upper end, {exactly(high)}"
        raise GdcliError("window", message, f"put the lower end first: {better}")
    if not _NARROWEST <= high - low <= _WIDEST:
        how = "wide" if high - low > _WIDEST else "narrow"
        message = f"the window of {name}, {exactly(low)}:{exactly(high)}, is too {how} for a plot"
        raise GdcliError("window", message, f"its width must be from {_NARROWEST:g} to {_WIDEST:g}")
    return low, high


def _finite_number(name: str, text: str) -> float:
    try:
        root = parse_value(text.strip()).root
    except ExpressionError as error:
        message = f"in the window of {name}: {error.message}"
        raise ExpressionError(error.code, message, error.hint, source=error.source, span=error.span) from None
    if not isinstance(root, Number) or not math.isfinite(root.value):
        message = f"the window of {name} must consist of finite numbers, not '{text.strip()}'"
        raise GdcliError("window", message, f"for example: --{name} -2:2, or -pi:pi")
    return float(root.value)
