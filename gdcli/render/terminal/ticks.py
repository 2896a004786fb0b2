"""The ticks of an axis and their labels."""

from __future__ import annotations

import math

from gdcli.contract.figure import Axis

Tick = tuple[float, str]
_DECADES = (1, 2, 3, 4, 5, 6, 10, 20, 50, 100, 200)  # between two ticks
_PLAIN = 100_000.0  # numbers up to here are written out


def share(axis: Axis, number: float) -> float:
    """The position of a number on an axis, from 0 to 1; NaN for one that a logarithmic axis cannot show."""
    if not axis.log:
        return (number - axis.low) / (axis.high - axis.low)
    if not number > 0:
        return math.nan
    low, high = math.log10(axis.low), math.log10(axis.high)
    return (math.log10(number) - low) / (high - low)


def ticks(axis: Axis, most: int) -> list[Tick]:
    """At most ``most`` round numbers in the window of an axis, and their labels (at least one)."""
    if not axis.log:
        return _even(axis, most)
    found = _decades(axis, most)
    return [tick for tick in found if tick[0].is_integer()] or found if axis.whole else found


def _even(axis: Axis, most: int) -> list[Tick]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    extent = axis.high - axis.low
    exponent = math.floor(math.log10(extent / max(1, most)))
    if axis.whole:
        exponent = max(0, exponent)
    steps = ((mantissa, power) for power in (exponent, exponent + 1) for mantissa in (1, 2, 5))
    first = last = 0
    mantissa, power = 1, exponent
    for mantissa, power in steps:
        step = _times(mantissa, power)
        first, last = math.ceil(axis.low / step - 1e-9), math.floor(axis.high / step + 1e-9)
        if last - first < most:
            break
    numbers = [_times(mantissa * i, power) for i in range(first, last + 1)]
    return [(number, label(number, power, numbers)) for number in numbers]


def _times(number: int, power: int) -> float:
    """``number * 10**power``, rounded once."""
    return float(f"{number}e{power}")


def label(number: float, power: int, among: list[float]) -> str:
    """A tick's number, with as many digits as ticks ``10**power`` apart need."""
    largest = max(map(abs, among), default=0.0)
    if number == 0:
        return "0"
    if largest >= _PLAIN or power < -4:
        digits = max(0, math.floor(math.log10(abs(number))) - power)
        return _compact(f"{number:.{digits}e}")
    return f"{number:.{max(0, -power)}f}"


def _decades(axis: Axis, most: int) -> list[Tick]:
    """Powers of ten, and their multiples if there are few."""
    first, last = math.ceil(math.log10(axis.low) - 1e-9), math.floor(math.log10(axis.high) + 1e-9)
    for mantissas in ((1, 2, 5), (1, 3)):
        numbers = [_times(mantissa, power) for power in range(first - 1, last + 1) for mantissa in mantissas]
        inside = [number for number in numbers if axis.low <= number <= axis.high]
        if len(inside) <= most:
            return [(number, three_digits(number)) for number in inside]
    fitting = (step for step in _DECADES if (last - first) // step + 1 <= max(1, most))
    step = next(fitting, last - first + 1)
    first = -(-first // step) * step  # so that 1 is among them
    return [(_times(1, power), three_digits(_times(1, power))) for power in range(first, last + 1, step)]


def three_digits(number: float) -> str:
    """A number with three digits."""
    if number == 0:
        return "0"
    if 0.001 <= abs(number) < 1000 or number in (1000, -1000):
        return f"{number:.4g}" if abs(number) == 1000 else f"{number:.3g}"
    return _compact(f"{number:.2e}")


def _compact(text: str) -> str:
    """``1.5e6`` for ``1.50e+06``."""
    mantissa, exponent = text.split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"
