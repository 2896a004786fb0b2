"""An axis of a sweep as it is typed: what it is called, and the numbers along it."""

from __future__ import annotations

import math
import re
import shlex
import unicodedata
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from gdcli.complete.plot import parts_of
from gdcli.contract.envelope import listed
from gdcli.contract.short import exactly
from gdcli.contract.sweep import SweepSettings
from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.nodes import Number
from gdcli.lang.suggest import NAME, did_you_mean, typographic
from gdcli.lang.syntax import parse_value
from gdcli.rules.catalogue import RULES

MOST = 2  # axes of a sweep
LARGEST_SEED = 2**53
_MOST_CELLS = 10**9
_USUAL_COUNTS = {1: 200, 2: 100}
_NAME = re.compile(rf"(?P<rate>lr\.)?(?P<base>{NAME}(?:-[a-z]+)*)\s*(?:\[(?P<index>[^\]]*)\])?")
_FORMS = "LOW:HIGH:COUNT, LOW:HIGH:log:COUNT or a list A,B,C"


class AxisWords(Struct, frozen=True):
    """An axis as it was typed.

    ``base`` is the name without ``lr.`` (which ``is_rate`` says) and without ``index``, the element in brackets.
    Its numbers are ``listed``, or go from ``low`` to ``high``, in ``count`` points; 0 where no count was given.
    """

    name: str
    base: str
    is_rate: bool = False
    index: tuple[int, ...] | None = None
    low: float = 0.0
    high: float = 0.0
    count: int = 0
    log: bool = False
    listed: list[float] = []

    @property
    def is_seed(self) -> bool:
        """Whether it is the seed that changes."""
        return self.base == "seed" and not self.is_rate and self.index is None

    @property
    def same(self) -> tuple[str, bool, tuple[int, ...] | None]:
        """What two axes of one name have in common, however that is spaced."""
        return self.base, self.is_rate, self.index

    @property
    def ends(self) -> tuple[float, float]:
        """Its smallest and its largest number."""
        return (self.listed[0], self.listed[-1]) if self.listed else (self.low, self.high)

    def option(self, name: str = "", ends: tuple[float, float] | None = None, *, count: int = 0) -> str:
        """The option that gives the axis, perhaps with another name, range or count."""
        name = name or self.name
        if self.listed and ends is None and not count:
            return f"--over {shlex.quote(name + '=' + ','.join(map(exactly, self.listed)))}"
        low, high = ends or self.ends
        count = count or self.count
        points = f"{':log' * self.log}:{count}" if count else ":log" * self.log
        return f"--over {shlex.quote(f'{name}={exactly(low)}:{exactly(high)}{points}')}"


def typed_axes(over: Sequence[str], zoom: Mapping[str, tuple[float | None, float | None]]) -> list[AxisWords]:
    """The axes of ``--over``, each with its count, as ``--zoom`` narrows them.

    Raises:
        GdcliError: for an axis that cannot be read, several of one name, and more than two.
    """
    axes = [_axis(text) for text in over]
    for i, axis in enumerate(axes):
        if axis.same in [other.same for other in axes[:i]]:
            raise GdcliError("axis", f"the axis {axis.name} is given twice", "give each axis once")
    if len(axes) > MOST:
        names = listed(axis.name for axis in axes)
        message = f"a sweep has one or two axes, but {len(axes)} are given: {names}"
        raise GdcliError("axis", message, f"leave out {axes[-1].option()}, and run a sweep for each of its numbers")
    axes = [_with_count(axis, _USUAL_COUNTS[len(axes)]) for axis in axes]
    for name, ends in zoom.items():
        i = _place(name, axes)
        axes[i] = _zoomed(axes[i], ends)
    return axes


def _axis(text: str) -> AxisWords:
    name, equals, numbers = (part.strip() for part in text.partition("="))
    match = _NAME.fullmatch(name)
    if not equals or not numbers or match is None:
        raise _no_axis(text)
    base = unicodedata.normalize("NFKC", match["base"]).replace("-", "_")
    axis = AxisWords(re.sub(r"\s", "", name), base, match["rate"] is not None, _index(name, match["index"]))
    parts = parts_of(_without_brackets(numbers))
    if any("=" in part for part in parts[1:]):
        raise _several(text)
    return _listed(axis, parts) if len(parts) > 1 or ":" not in numbers else _range(axis, numbers)


_INDICES = re.compile(rf"(?P<base>(?:lr\.)?{NAME})(?P<index>(?:\[-?\d+\]){{2,}})=(?P<numbers>.+)")
_NO_EQUALS = re.compile(rf"(?P<name>(?:lr\.)?{NAME}(?:\[[\d,-]+\])?)\s*[:\s]\s*(?P<numbers>[^\s=]*[:,][^\s=]*)")


def _no_axis(text: str) -> GdcliError:
    """The error for words that have no name with numbers."""
    match = _NAME.match(text)
    name = match["base"] if match else "x"
    rate = bool(match and match["rate"])
    hint = f"for example: {_example(AxisWords(f'lr.{name}' if rate else name, name, rate))}"
    if indices := _INDICES.fullmatch(text):
        element = f"{indices['base']}[{indices['index'][1:-1].replace('][', ',')}]"
        hint = f"write --over {shlex.quote(element + '=' + indices['numbers'])}"
    elif meant := _NO_EQUALS.fullmatch(text):
        hint = f"did you mean '--over {meant['name']}={meant['numbers']}'?"
    return GdcliError("axis", f"--over takes NAME=LOW:HIGH:COUNT, not '{text}'", typographic(text) or hint)


def _several(text: str) -> GdcliError:
    """The error for several axes in one option."""
    axes: list[str] = []
    for part in parts_of(text):
        if "=" in part or not axes:
            axes.append(part)
        else:
            axes[-1] += f",{part}"
    options = " ".join(f"--over {axis}" for axis in axes)
    return GdcliError("axis", f"--over takes one axis, not '{text}'", f"repeat the option: {options}")


def _index(name: str, text: str | None) -> tuple[int, ...] | None:
    """The element in brackets."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"-?\d{1,9}", part) for part in parts):
        base = name.partition("[")[0].strip()
        message = f"the axis {name} must name one element by whole numbers, not '[{text}]'"
        raise GdcliError("axis", message, f"for example: {base}[0], or {base}[0,1] of a matrix")
    return tuple(map(int, parts))


def _without_brackets(text: str) -> str:
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def _listed(axis: AxisWords, parts: Sequence[str]) -> AxisWords:
    """An axis of numbers that are listed."""
    if any(":" in part for part in parts):
        raise _no_numbers(axis, ",".join(parts))
    numbers = [_number(axis, part) for part in parts]
    if len(set(numbers)) == 1:
        low, high = (numbers[0], numbers[0] + 20) if axis.is_seed else sorted((numbers[0], numbers[0] * 10 or 1.0))
        example = AxisWords(axis.name, axis.base, low=low, high=high, count=0 if axis.is_seed else 100).option()
        if not axis.is_seed and (low < 0 or high > 1) and not _may_be_any(axis):
            example = _example(axis)
        message = f"the axis {axis.name} has one point, {exactly(numbers[0])}"
        raise GdcliError("axis", message, f"an axis has two or more, for example: {example}")
    ordered = sorted(set(numbers))
    if ordered != numbers:
        twice = next((number for i, number in enumerate(numbers) if number in numbers[:i]), None)
        why = "do not increase" if twice is None else f"have {exactly(twice)} twice"
        hint = f"write {replace(axis, listed=ordered).option()}"
        raise GdcliError("axis", f"the numbers of the axis {axis.name} {why}", hint)
    return _checked(replace(axis, listed=numbers))


def _range(axis: AxisWords, text: str) -> AxisWords:
    """An axis of numbers that are spaced between two ends."""
    parts = [part.strip() for part in text.split(":")]
    is_log = len(parts) in (3, 4) and parts[2].lower() == "log"
    if len(parts) == 4 and parts[3].lower() == "log":
        right = f"--over {axis.name}={parts[0]}:{parts[1]}:log:{parts[2]}"
        raise GdcliError("axis", f"the axis {axis.name} must be {_FORMS}, not '{text}'", f"did you mean '{right}'?")
    if len(parts) == 4 and parts[2].isalpha() and not is_log:
        right = f"--over {axis.name}={parts[0]}:{parts[1]}:{parts[3]}"
        raise GdcliError("axis", f"the axis {axis.name} must be {_FORMS}, not '{text}'", f"evenly spaced: {right}")
    count = parts[3:] if is_log else parts[2:]
    if not all(parts) or len(parts) < 2 or len(count) > 1:
        raise _no_numbers(axis, text)
    axis = replace(axis, low=_number(axis, parts[0]), high=_number(axis, parts[1]), log=is_log)
    axis = replace(axis, count=_count(axis, count[0])) if count else axis
    return _checked(axis)


def _no_numbers(axis: AxisWords, text: str) -> GdcliError:
    """The error for numbers in another form."""
    message = f"the axis {axis.name} must be {_FORMS}, not '{text}'"
    return GdcliError("axis", message, f"for example: {_example(axis)}")


def _example(axis: AxisWords) -> str:
    """An axis of this name as it can be typed."""
    if axis.is_seed:
        return AxisWords(axis.name, axis.base, low=0, high=20).option()
    if axis.is_rate or axis.base == "lr":
        low, high = 0.001, 1.0
    else:
        low, high = (-2.0, 2.0) if _may_be_any(axis) else (0.1, 0.9)
    return AxisWords(axis.name, axis.base, low=low, high=high, count=100).option()


def _may_be_any(axis: AxisWords) -> bool:
    """Whether its numbers may be any: those of a variable, but not of a rate or a parameter of a rule."""
    is_parameter = axis.base == "lr" or any(axis.base in row.parameters for row in RULES.values())
    return not (axis.is_rate or is_parameter)


def _number(axis: AxisWords, text: str) -> float:
    """A number of an axis, which may be written as a constant expression: ``-pi``, ``1/3``."""
    example = f"for example: {_example(axis)}"
    if not text:
        raise GdcliError("axis", f"the axis {axis.name} has an empty number", example)
    try:
        root = parse_value(text).root
    except ExpressionError as error:
        if axis.base in SweepSettings.__struct_fields__ and axis.base not in ("lr", "seed") and not axis.is_rate:
            message = f"{axis.base.replace('_', ' ')} is no axis: it is the same in all runs of a sweep"
            hint = f"run a sweep for each, for example: --{axis.base.replace('_', '-')} {text}"
            raise GdcliError("axis", message, hint) from None
        message, hint = f"in the axis {axis.name}: {error.message}", error.hint
        hint = example if error.code in ("unknown-name", "unknown-function") or not hint else hint
        raise ExpressionError(error.code, message, hint, source=error.source, span=error.span) from None
    if not isinstance(root, Number) or not math.isfinite(root.value):
        raise GdcliError("axis", f"the axis {axis.name} must consist of finite numbers, not '{text}'", example)
    return float(root.value)


def _count(axis: AxisWords, text: str) -> int:
    """How many points an axis has."""
    count, width = _number(axis, text), axis.high - axis.low
    if count != int(count):
        message = f"COUNT of the axis {axis.name} must be a whole number, not {exactly(count)}"
        points = round(width / count) + 1 if 0 < count < abs(width) and abs(width) / count < _MOST_CELLS else 100
        how = f"points {exactly(count)} apart" if points != 100 else "for example"
        raise GdcliError("axis", message, f"{how}: {axis.option(count=abs(points))}")
    if count < 2:
        few = "no points" if count < 1 else "one point"
        message = f"the axis {axis.name} has {few}, because COUNT is {exactly(count)}"
        raise GdcliError("axis", message, f"an axis has two or more, for example: {axis.option(count=100)}")
    if count > _MOST_CELLS:
        message = f"the axis {axis.name} has {exactly(count)} points, but a sweep has at most {_MOST_CELLS:,} cells"
        raise GdcliError("limit", message, f"for example: {axis.option(count=1000)}")
    return int(count)


def _checked(axis: AxisWords) -> AxisWords:
    """The axis, whose range has been checked."""
    low, high = axis.ends
    if axis.log and axis.is_seed:
        raise GdcliError("axis", "seeds are not spaced on a log scale", f"write {replace(axis, log=False).option()}")
    if not axis.listed and not low < high:
        if high < low:
            message = f"the axis {axis.name} goes down, from {exactly(low)} to {exactly(high)}"
            raise GdcliError("axis", message, f"put the lower end first: {axis.option(ends=(high, low))}")
        message = f"both ends of the axis {axis.name} are {exactly(low)}"
        raise GdcliError("axis", message, f"for example: {axis.option(ends=(low, low + 1))}")
    if axis.log and low <= 0:
        usual = axis.option(ends=(high / 1000, high)) if high > 0 else replace(axis, log=False).option()
        message = (
            f"the axis {axis.name} is logarithmic, so its numbers must be above 0, but it begins at {exactly(low)}"
        )
        raise GdcliError("axis", message, f"for example: {usual}")
    if not math.isfinite(high / low if axis.log else high - low):
        message = f"the axis {axis.name}, from {exactly(low)} to {exactly(high)}, is too wide to be divided"
        raise GdcliError("axis", message, f"for example: {axis.option(ends=(1e-30 if axis.log else -1e30, 1e30))}")
    return _checked_seeds(axis) if axis.is_seed else axis


def _checked_seeds(axis: AxisWords) -> AxisWords:
    """The axis of seeds, which are whole numbers."""
    wrong = next((number for number in (axis.listed or axis.ends) if number != int(number) or number < 0), None)
    if wrong is not None:
        message = f"a seed is a whole number of at least 0, not {exactly(wrong)}"
        raise GdcliError("axis", message, "for example: --over seed=0:20")
    if axis.ends[1] > LARGEST_SEED:
        message = f"the seeds of an axis are at most {LARGEST_SEED:,}, not {exactly(axis.ends[1])}"
        raise GdcliError("axis", message, "for example: --over seed=0:20")
    seeds = int(axis.high - axis.low) + 1
    if axis.count > seeds:
        between = f"from {exactly(axis.low)} to {exactly(axis.high)}"
        message = f"there are only {seeds} seeds {between}, and COUNT is {axis.count}"
        raise GdcliError("axis", message, f"write {axis.option(count=seeds)}")
    return axis


def _with_count(axis: AxisWords, usual: int) -> AxisWords:
    """The axis with the usual count, or that of all seeds, where none is given."""
    if axis.listed or axis.count:
        return axis
    return replace(axis, count=int(axis.high - axis.low) + 1 if axis.is_seed else usual)


def _place(name: str, axes: Sequence[AxisWords]) -> int:
    """The number of the axis that ``--zoom`` names."""
    match = _NAME.fullmatch(name.strip())
    wanted = None if match is None else _axis(f"{name}=0:1").same
    found = next((i for i, axis in enumerate(axes) if axis.same == wanted), None)
    if found is None:
        known = [axis.name for axis in axes]
        hint = did_you_mean(name, known) or f"the {'axis is' if len(known) == 1 else 'axes are'} {listed(known)}"
        raise GdcliError("axis", f"--zoom names '{name}', which is no axis of this sweep", hint if known else "")
    return found


def _zoomed(axis: AxisWords, ends: tuple[float | None, float | None]) -> AxisWords:
    """The axis with the range of ``--zoom``, and as many points; an end that is left out stays."""
    if axis.listed or axis.is_seed:
        what = "is a list" if axis.listed else "has whole numbers alone"
        message = f"--zoom narrows a range, but the axis {axis.name} {what}"
        low, high = (end if end is not None else own for end, own in zip(ends, axis.ends, strict=True))
        inside = [number for number in axis.listed if low <= number <= high]
        better = replace(axis, listed=inside, low=math.ceil(low), high=math.floor(high), count=0)
        shown = better.option() if len(inside) > 1 or axis.is_seed else axis.option()
        raise GdcliError("axis", message, f"leave out --zoom, and give the axis: {shown}")
    low, high = (own if end is None else end for end, own in zip(ends, axis.ends, strict=True))
    if axis.log and low <= 0:
        message = f"the axis {axis.name} is logarithmic, so --zoom needs numbers above 0, not {exactly(low)}"
        own = (axis.low, high) if axis.low < high else axis.ends
        raise GdcliError("axis", message, f"for example: --zoom {axis.name}={':'.join(map(exactly, own))}")
    if not low < high:
        own = (high, low) if high < low else (axis.low, (axis.low + axis.high) / 2)
        message = f"the lower end of --zoom {axis.name}, {exactly(low)}, is not below the upper end, {exactly(high)}"
        raise GdcliError("axis", message, f"for example: --zoom {axis.name}={':'.join(map(exactly, own))}")
    return _checked(replace(axis, low=low, high=high))
