"""An amount of work of SymPy and mpmath: their calls, and the lines of mpmath's loops, counted while they run."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import mpmath
import sympy

_SYMPY = tuple(str(Path(module.__file__).parent) for module in (sympy, mpmath))
_ARITHMETIC = tuple(str(Path(sympy.__file__).parent / folder) for folder in ("polys", "ntheory/multinomial"))
_LOOPS = str(Path(mpmath.__file__).parent / "libmp")
_PRODUCTS_A_CALL = 16  # products of coefficients that take as long as a call
_LINES_A_CALL = 8  # lines of mpmath's arithmetic that do
_BITS = 1_500  # of a number whose product takes as long as a line
_GROWTH = 1.6  # the power with which a product of two long numbers grows (Karatsuba)

Watch = Callable[[FrameType, str, Any], Any]


class OutOfWorkError(BaseException):
    """SymPy took too long. No Exception: SymPy catches those."""


class Work:
    """An amount of work that several parts of an answer share, in calls of SymPy's functions.

    A million take two or three seconds. Calls and not seconds, so that the answer does not depend on the machine. A
    call that multiplies polynomials or expands a power counts for as many as its loops are long, and so do the lines
    of mpmath's arithmetic, each by the digits that it computes.
    """

    def __init__(self, calls: int) -> None:
        self.left = calls
        self.ended = False
        """Whether something was ended because nothing was left."""

    @contextmanager
    def limit(self) -> Iterator[None]:
        """End SymPy when nothing is left, in any thread and on any system.

        Raises:
            OutOfWorkError: at the next call.
        """
        lines = max(0, self.left) * _LINES_A_CALL

        def spend(amount: int) -> None:
            nonlocal lines
            lines -= amount
            if lines < 0:
                raise OutOfWorkError

        def watch(frame: FrameType, _event: str, _argument: object) -> Watch | None:
            code = frame.f_code
            # Not in a generator: it may be one that is being closed, where Python ignores what is raised.
            if code.co_flags & inspect.CO_GENERATOR:
                return None
            if _loops(code):
                weight = _weight(frame)

                def line(_frame: FrameType, _event: str, _argument: object) -> Watch:
                    spend(weight)
                    return line

                spend(weight)
                return line
            if code.co_filename.startswith(_SYMPY):
                products = _products(frame) if code.co_filename.startswith(_ARITHMETIC) else 0
                spend(_LINES_A_CALL + products * _LINES_A_CALL // _PRODUCTS_A_CALL)
            return None

        before = sys.gettrace()
        sys.settrace(watch)
        try:
            yield
        except OutOfWorkError:
            self.ended = True
            raise
        finally:
            sys.settrace(before)
            self.left = lines // _LINES_A_CALL


def _loops(code: CodeType) -> bool:
    """Whether a function belongs to mpmath's arithmetic: one call of it may compute thousands of terms."""
    return code.co_filename.startswith(_LOOPS) or code.co_name.startswith("hypsum")  # that one is made by exec


def _weight(frame: FrameType) -> int:
    """What a line costs that computes numbers of as many bits as the function is called for."""
    bits = frame.f_locals.get("prec", frame.f_locals.get("wp", 0))
    return 1 + int((bits / _BITS) ** _GROWTH) if isinstance(bits, int) and bits > 0 else 1


def _products(frame: FrameType) -> int:
    """How many coefficients a call of SymPy's arithmetic multiplies, from its arguments, before it has begun."""
    code = frame.f_code
    arguments = [frame.f_locals.get(name) for name in code.co_varnames[: code.co_argcount]]
    if code.co_name == "multinomial_coefficients":  # of a sum of m terms to the power n, which have about n digits
        terms: int = frame.f_locals["m"]
        exponent: int = frame.f_locals["n"]
        return math.comb(terms + exponent - 1, exponent) * exponent
    lengths = [len(polynomial) for polynomial in arguments if isinstance(polynomial, list | dict)]
    return math.prod(lengths)
