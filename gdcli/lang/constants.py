"""Arithmetic on plain numbers, done once at parse time and bounded, so that 9**9**9**9 fails immediately."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from gdcli.lang.operators import BinaryOperator

CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e, "tau": math.tau, "τ": math.tau, "inf": math.inf, "nan": math.nan}

IN_MODULES = {
    "torch": ("pi", "e", "inf", "nan"),
    "math": ("pi", "e", "tau", "inf", "nan"),
    "np": ("pi", "e", "inf", "nan"),
    "numpy": ("pi", "e", "inf", "nan"),
}
"""The constants that each module has."""

LARGEST_INT = 2**63 - 1
_MAX_POWER_BITS = 64


class ConstantError(ValueError):
    """The arithmetic has no result; the message tells the user why."""


def fold(operator: BinaryOperator, left: float, right: float) -> float | bool:
    """``left operator right`` for plain numbers, as Python computes it; whole numbers beyond 64 bits become floats.

    Raises ConstantError for a division by zero, an overflow, a result that is not real, or ``@``.
    """
    if operator.compute is None:
        raise ConstantError(f"'{operator.symbol}' needs tensors, but its operands are plain numbers")
    whole = isinstance(left, int) and isinstance(right, int)
    if operator.symbol == "**" and whole and (int(left).bit_length() - 1) * abs(right) > _MAX_POWER_BITS:
        left = float(left)  # it has at least so many bits
    try:
        result = operator.compute(left, right)
    except ZeroDivisionError:
        raise ConstantError("division by zero") from None
    except OverflowError:
        raise ConstantError("this number exceeds the largest float, about 1.8e308") from None
    if isinstance(result, complex):
        raise ConstantError("no real result: a negative number raised to a fractional power")
    return number(result)


def applied(function: Callable[..., float], values: Sequence[float]) -> float:
    """A function of ``math`` of plain numbers.

    Raises ConstantError where it is not defined, and for an overflow.
    """
    try:
        return number(function(*values))
    except OverflowError:
        raise ConstantError("this number exceeds the largest float, about 1.8e308") from None
    except ValueError:
        raise ConstantError("this function is not defined there") from None
    except TypeError:
        raise ConstantError("this function needs a whole number there") from None


def number(value: float) -> float:
    """The value, with a whole number beyond 64 bits as a float (PyTorch has no longer integers)."""
    return float(value) if isinstance(value, int) and abs(value) > LARGEST_INT else value
