"""SymPy's expressions as code that gdcli accepts, as LaTeX, and shorter."""

from __future__ import annotations

import contextlib
import functools
import struct
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import sympy
from sympy import Piecewise
from sympy.printing.precedence import precedence_traditional
from sympy.printing.str import StrPrinter

from gdcli.explain.known import Expr, Known
from gdcli.explain.work import OutOfWorkError, Work

_SHORT = 40  # characters up to which a formula is short enough
_LARGEST_FRACTION = 10_000  # numerator or denominator from which on a fraction is written as a decimal


class UnprintableError(ValueError):
    """An expression that the language has no words for; the message says what stands in the way."""


class Opaque(sympy.Function):  # type: ignore[misc]
    """A piece of the source that SymPy sees as a function of its variables; it is written as it stands there.

    ``obstacle`` says why it has no derivative; it is empty where autograd takes the derivative to be zero. ``drawn``
    is not empty when each evaluation of it draws other numbers, so that no formula may repeat it.
    """

    is_real = True
    text: str
    obstacle: str
    drawn: str

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002 -- every argument alike
        """Zero, or an error that says what stands in the way."""
        if self.obstacle:
            raise UnprintableError(self.obstacle)
        return sympy.S.Zero

    def _latex(self, printer: Any, exp: str | None = None) -> str:  # noqa: ARG002 -- SymPy's signature
        escaped = "".join(rf"\{c}" if c in "_#%&${}" else c for c in self.text)
        return rf"\mathtt{{{escaped}}}" + ("" if exp is None else f"^{{{exp}}}")


# The names of SymPy's functions in the language, where they are the same function of the same arguments.
_SAME = {
    **{name: name for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "exp", "log", "sign", "floor")},
    **{name: name for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "erfinv")},
    "Abs": "abs",
    "loggamma": "lgamma",
    "ceiling": "ceil",
}


class Code(StrPrinter):  # type: ignore[misc]
    """Prints an expression as code. ``decimals``: fractions that end are written 0.2 and not 1/5."""

    def __init__(self, *, decimals: bool) -> None:
        super().__init__()
        self.decimals = decimals

    def _unprintable(self, expr: Expr) -> str:
        raise UnprintableError(f"SymPy returns {type(expr).__name__}, which PyTorch does not have")

    emptyPrinter = _print_Basic = _print_Derivative = _print_Subs = _print_Integral = _unprintable  # noqa: N815
    _print_Infinity = _print_NegativeInfinity = _print_Order = _unprintable  # noqa: N815

    def _print_ImaginaryUnit(self, _: Expr) -> str:  # noqa: N802
        raise UnprintableError("the derivative is a complex number")

    def _print_ComplexInfinity(self, _: Expr) -> str:  # noqa: N802
        raise UnprintableError("the derivative is not defined anywhere: it divides by zero")

    _print_NaN = _print_ComplexInfinity  # noqa: N815

    def _print_Exp1(self, _: Expr) -> str:  # noqa: N802
        return "e"

    def _print_Float(self, expr: Expr) -> str:  # noqa: N802
        return repr(float(expr))

    def _print_Rational(self, expr: Expr) -> str:  # noqa: N802
        return _decimal(expr) if self._is_decimal(expr) else f"{expr.p}/{expr.q}"

    def _is_decimal(self, number: Expr) -> bool:
        if max(abs(number.p), number.q) > _LARGEST_FRACTION:
            return True
        return self.decimals and _ends(number)

    def _print_Mul(self, expr: Expr) -> str:  # noqa: N802
        coefficient, rest = expr.as_coeff_Mul()
        if coefficient.is_Rational and not coefficient.is_Integer and self._is_decimal(coefficient):
            expr = sympy.Mul(sympy.Float(coefficient, 17), rest)
        return str(super()._print_Mul(expr))

    def _print_Pow(self, expr: Expr, rational: bool = False) -> str:  # noqa: FBT001, FBT002, N802
        base, exponent = expr.args
        if exponent == -1 or abs(exponent) == sympy.S.Half:
            return str(super()._print_Pow(expr, rational))
        left = self.parenthesize(base, precedence_traditional(expr) + 1)
        exponent_text = self._print(exponent)
        return f"{left}**{exponent_text if exponent_text.isalnum() else f'({exponent_text})'}"

    def _print_Relational(self, expr: Expr) -> str:  # noqa: N802
        left, right = (f"({self._print(side)})" if side.is_Relational else self._print(side) for side in expr.args)
        return f"{left} {expr.rel_op} {right}"

    def _print_And(self, expr: Expr) -> str:  # noqa: N802
        return self._nested("logical_and", expr.args)

    def _print_Or(self, expr: Expr) -> str:  # noqa: N802
        return self._nested("logical_or", expr.args)

    def _print_Not(self, expr: Expr) -> str:  # noqa: N802
        return f"logical_not({self._print(expr.args[0])})"

    def _print_ITE(self, expr: Expr) -> str:  # noqa: N802
        return f"where({', '.join(map(self._print, expr.args))})"

    def _nested(self, name: str, parts: Any) -> str:
        texts: list[str] = sorted(map(self._print, parts))
        return functools.reduce(lambda left, right: f"{name}({left}, {right})", texts)

    def _print_BooleanTrue(self, _: Expr) -> str:  # noqa: N802
        return "tensor(1) > 0"

    def _print_BooleanFalse(self, _: Expr) -> str:  # noqa: N802
        return "tensor(0) > 0"

    def _print_Piecewise(self, expr: Expr) -> str:  # noqa: N802
        plain = all(value.is_number for value, _ in expr.args)
        *choices, (last, condition) = [
            (self._branch(value) if plain else self._print(value), condition) for value, condition in expr.args
        ]
        text = last if condition == sympy.true else f"where({self._print(condition)}, {last}, nan)"
        for value, choice in reversed(choices):
            text = f"where({self._print(choice)}, {value}, {text})"
        return text

    def _branch(self, value: Expr) -> str:
        """A number beside other numbers only: PyTorch makes it float32, so one that float32 has not is a tensor."""
        text = _decimal(value) if value.is_Rational and _ends(value) else self._print(value)
        number = float(value)
        exact = abs(number) < 1e38 and struct.unpack("f", struct.pack("f", number))[0] == number
        return text if exact or "(" in text else f"tensor({text})"

    def _print_Function(self, expr: Expr) -> str:  # noqa: N802
        if isinstance(expr, Opaque):
            if expr.drawn:
                raise UnprintableError(expr.drawn)
            return expr.text
        arguments = ", ".join(map(self._print, expr.args))
        name = type(expr).__name__
        if isinstance(expr, Known):
            return f"{name}({arguments})"
        if name in _SAME:
            return f"{_SAME[name]}({arguments})"
        return self._unprintable(expr)

    def _print_polygamma(self, expr: Expr) -> str:
        order, x = expr.args
        return f"digamma({self._print(x)})" if order == 0 else f"polygamma({order}, {self._print(x)})"


def _ends(fraction: Expr) -> bool:
    """Whether its decimal ends after at most twelve digits."""
    return 10**12 % int(fraction.q) == 0


def _decimal(number: Expr) -> str:
    """A whole number, or the shortest decimal of a fraction: that of its float64."""
    return str(number) if number.is_Integer else repr(float(number))


def latex(expr: Expr) -> str:
    """The expression in LaTeX; Greek variables by their names, and long fractions as decimals."""
    names = {symbol: _greek(symbol.name) for symbol in expr.free_symbols if _greek(symbol.name)}
    long = {r: sympy.Float(r, 17) for r in expr.atoms(sympy.Rational) if max(abs(r.p), r.q) > _LARGEST_FRACTION}
    return str(sympy.latex(expr.xreplace(long), symbol_names=names))


def _greek(name: str) -> str:
    words = unicodedata.name(name).split() if len(name) == 1 else []
    spelled = words[-1].lower().replace("lamda", "lambda") if words[:3] == ["GREEK", "SMALL", "LETTER"] else ""
    return f"\\{spelled}" if spelled else ""


def simplified(expr: Expr, code: Code, is_finite: Callable[[str], bool], calls: int) -> tuple[Expr, str]:
    """The shortest of several forms of an expression, and its code; the search ends after so many calls.

    Forms whose value at the point is not finite come last.

    Raises:
        UnprintableError: when the language has no words for it.
    """
    expr = _merged(expr)
    best = expr, code.doprint(expr)
    cost = not is_finite(best[1]), len(best[1])
    with contextlib.suppress(OutOfWorkError), Work(calls).limit():
        for rewrite in _rewrites(expr, best[1]):
            found = _tried(rewrite, expr, code)
            if found is not None and (found_cost := (not is_finite(found[1]), len(found[1]))) < cost:
                best, cost = found, found_cost
    return best


def _rewrites(expr: Expr, text: str) -> Iterator[Callable[[Expr], Expr]]:
    """What may make an expression shorter, the quick ones first."""
    yield from (sympy.factor_terms, sympy.powsimp, sympy.together, sympy.cancel, sympy.factor)
    # The slow ones turn choices inside out, and drop a branch that holds at one point only.
    if len(text) > _SHORT and not expr.has(Piecewise):
        yield from (sympy.trigsimp, sympy.simplify)


def _tried(rewrite: Callable[[Expr], Expr], expr: Expr, code: Code) -> tuple[Expr, str] | None:
    """A rewritten form with its code; None where SymPy fails, which it does in many ways, or has no words."""
    try:
        found = _merged(rewrite(expr))
        return found, code.doprint(found)
    except Exception:  # noqa: BLE001 -- a form less is no loss
        return None


def _merged(expr: Expr) -> Expr:
    """With numbers moved into a choice between numbers: 0.1 * where(x > 0, 1, 0) is where(x > 0, 0.1, 0).

    PyTorch makes a choice between plain numbers a tensor of float32 or int64, and calculates with it in float32.
    """
    return sympy.core.traversal.bottom_up(expr, _with_numbers_inside)


def _with_numbers_inside(node: Expr) -> Expr:
    choice = next((part for part in node.args if _chooses_numbers(part)), None)
    if choice is None or not isinstance(node, sympy.Expr) or isinstance(node, Piecewise):
        return node
    outside = [part for part in node.args if part is not choice and not part.is_number]
    if not (node.is_Mul or node.is_Add):
        return node if outside else _each(choice, lambda value: node.xreplace({choice: value}))
    numbers = [part for part in node.args if part.is_number]
    return node.func(_each(choice, lambda value: node.func(value, *numbers)), *outside) if numbers else node


def _chooses_numbers(node: Expr) -> bool:
    return isinstance(node, Piecewise) and all(value.is_number for value, _ in node.args)


def _each(choice: Expr, change: Callable[[Expr], Expr]) -> Expr:
    return Piecewise(*[(change(value), condition) for value, condition in choice.args])
