"""Checks of a sweep from its words: what cannot be swept, numbers out of bounds, and grids that are too large."""

from __future__ import annotations

import math
import shlex
import struct
from collections.abc import Callable, Sequence

from msgspec import Struct

from gdcli.complete.alone import descent_of
from gdcli.complete.axes import AxisWords
from gdcli.complete.sweep_names import OFFERED, Known, shape_of_value
from gdcli.contract.envelope import listed
from gdcli.contract.short import exactly
from gdcli.contract.sweep import SweepAxis, SweepSettings
from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.arrays import Array
from gdcli.lang.nodes import Call, postorder
from gdcli.rules.catalogue import SCHEDULES, is_own
from gdcli.rules.parameters import OWN_OPTIONS, parameters_of

MOST_CELLS = 10**9
MOST_BYTES = 400_000_000
"""Of a result in memory."""
MOST_OF_AN_AXIS = 10**7
"""Numbers of an axis of a result that is saved as it is computed."""
_BYTES_OF_A_CELL = 13  # status, steps, loss and minimum
_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}
_LARGEST = {"float64": math.inf, "float32": 3.4028234663852886e38, "float16": 65504.0, "bfloat16": 3.38953139e38}


class Interval(Struct, frozen=True):
    """The numbers that a parameter may be: from ``low`` to ``high``, without the ends that are open."""

    low: float = 0.0
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def has(self, number: float) -> bool:
        """Whether a number is in it."""
        above = number > self.low if self.open_low else number >= self.low
        return above and (number < self.high if self.open_high else number <= self.high)

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"{'above' if self.open_low else 'at least'} {exactly(self.low)}"
        below = "below" if self.open_high else "at most"
        return f"{'above' if self.open_low else 'at least'} {exactly(self.low)} and {below} {exactly(self.high)}"


_AT_LEAST_0 = Interval()
_BETA = Interval(high=1.0, open_high=True)
INTERVALS = {
    "lr": _AT_LEAST_0,
    "momentum": _AT_LEAST_0,
    "weight_decay": _AT_LEAST_0,
    "betas[0]": _BETA,
    "betas[1]": _BETA,
    "eps": _AT_LEAST_0,
    "alpha": _AT_LEAST_0,
    "lambd": _AT_LEAST_0,
    "rho": Interval(high=1.0),
    "momentum_decay": _AT_LEAST_0,
    "lr_decay": _AT_LEAST_0,
    "initial_accumulator_value": _AT_LEAST_0,
    "etas[0]": Interval(high=1.0, open_low=True, open_high=True),
    "etas[1]": Interval(low=1.0, open_low=True),
    "damping": Interval(open_low=True),
}
"""Where PyTorch, and newton, take the parameters of the rules that are offered; the others may be any number.

Some versions of PyTorch take a negative lambd or alpha of asgd, which can make them divide by 0 in a step.
"""


def check_offered(settings: SweepSettings) -> None:
    """Raise GdcliError for a rule or a schedule that sweep does not offer, and an option without effect."""
    if settings.optimizer not in OFFERED:
        message = f"sweep does not offer {settings.optimizer}{'' if is_own(settings.optimizer) else ' yet'}"
        raise GdcliError("optimizer", message, f"use one of {', '.join(OFFERED)}")
    if settings.schedule in SCHEDULES and SCHEDULES[settings.schedule].needs_loss:
        others = listed(name for name, row in SCHEDULES.items() if not row.needs_loss)
        message = f"sweep does not offer the schedule {settings.schedule}, whose steps depend on the loss of each run"
        raise GdcliError("schedule", message, f"the others are {others}")
    if settings.tolerance_ulp is not None and settings.engine != "auto":
        message = f"--tolerance-ulp chooses an engine, but --engine names {settings.engine}"
        raise GdcliError("usage", message, "leave one of them out")


def check_only_axes(settings: SweepSettings, words: Sequence[AxisWords]) -> None:
    """Raise GdcliError for a number that is given and is an axis as well."""
    for axis in words:
        given_too = ""
        if axis.is_rate:
            given_too = f"--lr.{axis.base}" if axis.base in settings.lrs else ""
        elif axis.base == "seed":
            given_too = f"--seed {settings.seed}" if settings.seed else ""
        elif axis.base in ("lr", *OWN_OPTIONS):
            own = getattr(settings, axis.base)
            is_number = own is not None and not isinstance(own, bool)
            given_too = f"--{axis.base.replace('_', '-')} {exactly(own)}" if is_number else ""
        elif axis.index is None and axis.base in settings.opt:
            given_too = f"--opt {axis.base}"
        if given_too:
            message = f"{axis.name} is an axis, so {given_too} would change nothing"
            raise GdcliError("axis", message, "leave one of them out")


def check_axes(settings: SweepSettings, axes: Sequence[SweepAxis], known: Known) -> None:
    """Raise GdcliError for an axis that no run can follow, or that changes nothing, and an expression that draws."""
    _check_draws(known)
    for axis in axes:
        if axis.kind == "start":
            _check_start(settings, axis)
        elif axis.kind == "seed":
            _check_seed(axis, axes, known)
        else:
            _check_interval(settings, axis)
        if axis.kind in ("start", "lr", "lr of a variable"):
            _check_resolution(settings, axis)
    rates = {*settings.lrs, *(axis.target for axis in axes if axis.kind == "lr of a variable")}
    if any(axis.kind == "lr" for axis in axes) and rates.issuperset(settings.wrt):
        raise GdcliError("axis", "the axis lr changes nothing: every variable has a learning rate of its own",
                         "leave out --over lr=..., or a rate of one variable")  # fmt: skip
    _check_momentum(settings, axes)


def _check_draws(known: Known) -> None:
    """Raise ExpressionError for an expression that draws random numbers in every evaluation."""
    expression = known.expression
    for node in postorder(expression.root):
        if isinstance(node, Call) and node.function.form == "random":
            name = node.function.name
            message = f"{name} draws new numbers in every evaluation, and a sweep runs one function in all cells"
            free = next(name for name in ("noise", "drawn", "_") if name not in expression.variables)
            numbers = f"--{free} {shlex.quote(expression.text(node))} --wrt {','.join(known.moving)}"
            hint = f"write a variable in its place, and give it the numbers: {numbers}"
            raise ExpressionError("random", message, hint, source=expression.source, span=node.span)


def _check_start(settings: SweepSettings, axis: SweepAxis) -> None:
    numbers = axis.numbers() if axis.listed else [axis.low, axis.high]
    largest, dtype = _LARGEST[settings.dtype], settings.dtype
    if too_large := [number for number in numbers if abs(number) > largest]:
        message = f"the axis {axis.name} has {exactly(too_large[0])}, which is infinite in {dtype}"
        raise GdcliError("axis", message, f"{dtype} ends at {largest:.6g}; add --dtype float64")
    low, high = settings.bound.get(axis.target, (None, None))
    least, most = min(numbers), max(numbers)
    if (low is not None and least < low) or (high is not None and most > high):
        least, most = min(least, least if low is None else low), max(most, most if high is None else high)
        shown = f"{'' if low is None else exactly(low)}:{'' if high is None else exactly(high)}"
        wider = f"{'' if low is None else exactly(least)}:{'' if high is None else exactly(most)}"
        message = f"the axis {axis.name} leaves the bounds of {axis.target}, {shown}"
        raise GdcliError("bound", message, f"choose a range within them, or --bound {axis.target}={wider}")


def _check_seed(axis: SweepAxis, axes: Sequence[SweepAxis], known: Known) -> None:
    """Raise GdcliError where no value is drawn, and for the seed 0 of a program that sets its own."""
    roots = [value.root for value in known.values.values() if not isinstance(value, Array)]
    draws = any(isinstance(n, Call) and n.function.form == "random" for root in roots for n in postorder(root))
    if not draws:
        message = "the axis seed changes nothing: no value of a variable is drawn"
        taken = [each.target for each in axes if each.kind == "start"]
        name = next((name for name in known.moving if name not in taken), "")
        size = ", ".join(map(str, shape_of_value(known.values[name]) or ())) or "()" if name else ""
        hint = f'draw one, for example: --{name} "randn({size})"' if name else f"leave out --over {axis.name}=..."
        raise GdcliError("axis", message, hint)
    if known.expression.seed and min(axis.numbers()) == 0:
        message = f"the axis seed begins at 0, which stands for the seed of the program, {known.expression.seed}"
        raise GdcliError("axis", message, "begin at 1: --over seed=1:20")


def _check_interval(settings: SweepSettings, axis: SweepAxis) -> None:
    """Raise GdcliError for a number that the rule does not take."""
    name = axis.target + (f"[{axis.index[0]}]" if axis.index else "")
    interval = INTERVALS.get("lr" if axis.kind != "parameter" else name)
    if interval is None:
        return
    numbers = axis.listed or [axis.low, axis.high]
    wrong = [number for number in numbers if not interval.has(number)]
    if wrong:
        of = f" of {settings.optimizer}" if axis.kind == "parameter" else ""
        message = f"{axis.name}{of} must be {interval}, but the axis has {exactly(wrong[0])}"
        raise GdcliError("axis", message, f"for example: --over {shlex.quote(f'{axis.name}={_example(interval)}:100')}")


def _example(interval: Interval) -> str:
    """A range within an interval."""
    low = interval.low + 0.01 if interval.open_low else interval.low
    high = interval.high - 0.01 if interval.open_high else min(interval.high, interval.low + 1)
    return f"{exactly(low)}:{exactly(high)}"


def _check_resolution(settings: SweepSettings, axis: SweepAxis) -> None:
    """Raise GdcliError for an axis whose neighbouring numbers are one number in the dtype of the run."""
    kept = _rounded(settings.dtype)
    if kept is None:
        return
    ends = [(axis.number(0), axis.number(1)), (axis.number(len(axis) - 2), axis.number(len(axis) - 1))]
    same = next((pair for pair in ends if kept(pair[0]) == kept(pair[1])), None)
    if same is None:
        return
    message = f"neighbouring numbers of the axis {axis.name}, such as {same[0]!r} and {same[1]!r}, are the same"
    if settings.dtype == "float64":
        raise GdcliError("axis", f"{message} in float64", "choose a wider range, or fewer points")
    raise GdcliError("axis", f"{message} in {settings.dtype}", "add --dtype float64, or choose fewer points")


def _rounded(dtype: str) -> Callable[[float], float] | None:
    """The rounding of a dtype; None for those that are so coarse that neighbours are often the same."""
    return float if dtype == "float64" else _float32 if dtype == "float32" else None


def _float32(number: float) -> float:
    try:
        rounded: float = struct.unpack("f", struct.pack("f", number))[0]
    except OverflowError:
        return math.inf
    return rounded


def _check_momentum(settings: SweepSettings, axes: Sequence[SweepAxis]) -> None:
    """Raise GdcliError for what needs momentum on an axis that has none, or beside one."""
    targets = {axis.target: axis for axis in axes if axis.kind == "parameter"}
    momentum, dampening = targets.get("momentum"), targets.get("dampening")
    parameters = parameters_of(descent_of(settings))
    if dampening and not momentum and not parameters.get("momentum"):
        message = "the axis dampening changes nothing without momentum"
        raise GdcliError("axis", message, "add --momentum 0.9")
    if settings.nesterov and momentum and 0 in (momentum.listed or [momentum.low]):
        message = f"nesterov of {settings.optimizer} needs a momentum above 0, but the axis momentum has 0"
        raise GdcliError("axis", message, "for example: --over momentum=0.01:0.99:100")
    if settings.nesterov and dampening:
        message = f"nesterov of {settings.optimizer} takes no dampening, so that is no axis of it"
        raise GdcliError("axis", message, "leave out --nesterov, or --over dampening=...")


def check_grid(settings: SweepSettings, axes: Sequence[SweepAxis], words: Sequence[AxisWords], known: Known) -> None:
    """Raise GdcliError for a grid with more cells than can be counted."""
    cells = math.prod(map(len, axes))
    if cells > MOST_CELLS:
        message = f"the grid has {cells:,} cells, and a sweep has at most {MOST_CELLS:,}"
        most = min(MOST_CELLS, MOST_BYTES // bytes_of_a_cell(settings, known))
        raise GdcliError("limit", message, _what_fits(words, most))


def bytes_of_a_cell(settings: SweepSettings, known: Known) -> int:
    """What a cell of the result takes."""
    shapes = [shape_of_value(known.values[name]) for name in known.moving]
    elements = sum(math.prod(shape) if shape is not None else 1 for shape in shapes)
    measured = 4 if settings.measure in ("rate", "distance") else 0
    return _BYTES_OF_A_CELL + measured + _BYTES[settings.dtype] * elements


def does_not_fit(axes: Sequence[SweepAxis], words: Sequence[AxisWords], each: int, keeps: str) -> GdcliError | None:
    """The error for a result that is too large for memory, with ``each`` bytes a cell; None for one that fits.

    ``keeps`` is the option that needs all cells in memory; without one, they can be saved as they are run.
    """
    cells, most = math.prod(map(len, axes)), MOST_BYTES // each
    if cells <= most:
        return None
    message = f"the result has {cells * each / 1e9:.3g} GB, {each} bytes for each of {cells:,} cells"
    message += f", and {keeps or 'memory'} keeps at most {MOST_BYTES / 1e9:g} GB"
    hint = _what_fits(words, most)
    if max(map(len, axes)) <= MOST_OF_AN_AXIS:
        leave_out = f"leave out {keeps}, and " if keeps else ""
        hint = f"{leave_out}add --save map.npz, which takes the cells as they are run; or fewer: {hint}"
    return GdcliError("limit", message, hint)


def _what_fits(words: Sequence[AxisWords], most: int) -> str:
    return f"at most {most:,} cells fit: {_fewer(words, most)}; --zoom then looks closer at a part"


def _fewer(words: Sequence[AxisWords], most: int) -> str:
    """The axes with counts whose product is at most ``most``."""
    counts = [len(axis.listed) or axis.count for axis in words]
    free = [k for k, axis in enumerate(words) if not axis.listed]
    share = most / math.prod(counts)
    fewer = list(counts)
    for k in free:
        fewer[k] = max(2, int(counts[k] * share ** (1 / len(free))))
    for k in free:  # one axis that is short leaves its share to the other
        if math.prod(fewer) > most:
            fewer[k] = max(2, int(most // (math.prod(fewer) // fewer[k])))
    return " ".join(axis.option(count=0 if axis.listed else n) for axis, n in zip(words, fewer, strict=True))
