"""Functions of the language that SymPy has not under one name, or would rewrite into something that overflows.

Each has its name in the language, a derivative by each argument, and a definition in SymPy's own functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy
from sympy import Piecewise, pi, sqrt

from gdcli.explain.ties import at_a_tie

Expr = Any  # sympy.Expr; SymPy has no types


class NoCounterpartError(ValueError):
    """A call that has no counterpart; the message says why."""


class Known(sympy.Function):  # type: ignore[misc]
    """A function of the language with a derivative by each argument, and a definition in SymPy's own functions."""

    is_real = True
    slopes: Sequence[Callable[..., Expr] | None]
    meaning: Callable[..., Expr]

    def fdiff(self, argindex: int = 1) -> Expr:
        """The derivative by an argument, as SymPy asks for it."""
        slope = type(self).slopes[argindex - 1]
        if slope is None:
            raise NoCounterpartError(f"{type(self).__name__} has no formula for this derivative")
        return slope(*self.args)

    def _eval_evalf(self, prec: int) -> Expr:
        # More digits than are asked for: a definition may cancel where the function does not, as exp(x) - 1 does.
        asked = sympy.core.evalf.prec_to_dps(prec)
        digits = 2 * asked + 30
        arguments = [sympy.Float(argument.evalf(asked), digits) for argument in self.args]
        return type(self).meaning(*arguments).evalf(digits)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        name = r"\sigma" if type(self).__name__ == "sigmoid" else rf"\operatorname{{{type(self).__name__}}}"
        inside = ", ".join(map(printer.doprint, self.args))
        return rf"{name}{'' if exp is None else f'^{{{exp}}}'}\left({inside}\right)"


def _known(name: str, meaning: Callable[..., Expr], *slopes: Callable[..., Expr] | None) -> Any:
    return type(name, (Known,), {"slopes": slopes, "meaning": staticmethod(meaning)})


def _flat(*_: Expr) -> Expr:
    return sympy.S.Zero


def _normal_density(x: Expr) -> Expr:
    return sympy.exp(-(x**2) / 2) / sqrt(2 * pi)


_HALF = sympy.Rational(1, 2)
floor = _known("floor", sympy.floor, _flat)
trunc = _known("trunc", lambda x: sympy.sign(x) * sympy.floor(sympy.Abs(x)), _flat)
sign = _known("sign", sympy.sign, _flat)
size = _known("abs", sympy.Abs, sign)
relu = _known("relu", lambda x: Piecewise((x, x > 0), (0, True)), lambda x: Piecewise((1, x > 0), (0, True)))


def _larger(name: str) -> Any:
    return _known(
        name,
        lambda x, y: Piecewise((x, x > y), (y, True)),
        lambda x, y: Piecewise((1, x > y), (0, x < y), (_tie(name, 0), True)),
        lambda x, y: Piecewise((0, x > y), (1, x < y), (_tie(name, 1), True)),
    )


def _smaller(name: str) -> Any:
    return _known(
        name,
        lambda x, y: Piecewise((x, x < y), (y, True)),
        lambda x, y: Piecewise((1, x < y), (0, x > y), (_tie(name, 0), True)),
        lambda x, y: Piecewise((0, x < y), (1, x > y), (_tie(name, 1), True)),
    )


def _tie(name: str, place: int) -> Expr:
    return sympy.Rational(at_a_tie(name)[place])


maximum, fmax = map(_larger, ("maximum", "fmax"))
minimum, fmin = map(_smaller, ("minimum", "fmin"))
sigmoid: Any = _known("sigmoid", lambda x: 1 / (1 + sympy.exp(-x)), lambda x: sigmoid(x) * (1 - sigmoid(x)))
logsigmoid = _known("logsigmoid", lambda x: -sympy.log(1 + sympy.exp(-x)), lambda x: sigmoid(-x))
softplus = _known(  # PyTorch's turns into x itself above 20
    "softplus",
    lambda x: Piecewise((x, x > 20), (sympy.log(1 + sympy.exp(x)), True)),
    lambda x: Piecewise((1, x > 20), (sigmoid(x), True)),
)
expm1 = _known("expm1", lambda x: sympy.exp(x) - 1, sympy.exp)
log1p = _known("log1p", lambda x: sympy.log(1 + x), lambda x: 1 / (1 + x))
logaddexp = _known(
    "logaddexp",
    lambda x, y: sympy.log(sympy.exp(x) + sympy.exp(y)),
    lambda x, y: sigmoid(x - y),
    lambda x, y: sigmoid(y - x),
)
sinc: Any = _known(
    "sinc",
    lambda x: Piecewise((1, sympy.Eq(x, 0)), (sympy.sin(pi * x) / (pi * x), True)),
    lambda x: Piecewise((0, sympy.Eq(x, 0)), ((sympy.cos(pi * x) - sinc(x)) / x, True)),
)
erfcx: Any = _known("erfcx", lambda x: sympy.exp(x**2) * sympy.erfc(x), lambda x: 2 * x * erfcx(x) - 2 / sqrt(pi))
ndtr = _known("ndtr", lambda x: sympy.erfc(-x / sqrt(2)) / 2, _normal_density)
ndtri: Any = _known("ndtri", lambda p: sqrt(2) * sympy.erfinv(2 * p - 1), lambda p: 1 / _normal_density(ndtri(p)))
log_ndtr = _known(
    "log_ndtr", lambda x: sympy.log(sympy.erfc(-x / sqrt(2)) / 2), lambda x: sqrt(2 / pi) / erfcx(-x / sqrt(2))
)
lgamma = _known("lgamma", lambda x: sympy.log(sympy.Abs(sympy.gamma(x))), lambda x: sympy.polygamma(0, x))
gammainc = _known(
    "gammainc",
    lambda a, x: sympy.lowergamma(a, x) / sympy.gamma(a),
    None,
    lambda a, x: sympy.exp((a - 1) * sympy.log(x) - x - lgamma(a)),
)
i0: Any = _known("i0", lambda x: sympy.besseli(0, x), lambda x: i1(x))  # noqa: PLW0108 -- i1 comes below
i1: Any = _known(
    "i1",
    lambda x: sympy.besseli(1, x),
    lambda x: Piecewise((_HALF, sympy.Eq(x, 0)), (i0(x) - i1(x) / x, True)),
)
i0e: Any = _known("i0e", lambda x: sympy.exp(-sympy.Abs(x)) * sympy.besseli(0, x), lambda x: i1e(x) - sign(x) * i0e(x))
i1e: Any = _known(
    "i1e",
    lambda x: sympy.exp(-sympy.Abs(x)) * sympy.besseli(1, x),
    lambda x: Piecewise((_HALF, sympy.Eq(x, 0)), (i0e(x) - i1e(x) * (sign(x) + 1 / x), True)),
)
