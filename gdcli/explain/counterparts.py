"""The functions of the language in SymPy's terms, and PyTorch's own choices at their kinks.

``ELEMENTWISE`` holds functions of numbers, ``OF_LISTS`` those that take a list of numbers as one; other names of
a function are not repeated. A function gets its required arguments in their order, optional ones by name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy
from sympy import Piecewise, pi, sqrt
from sympy.logic.boolalg import Boolean

from gdcli.explain.known import (
    Expr,
    NoCounterpartError,
    erfcx,
    expm1,
    floor,
    fmax,
    fmin,
    gammainc,
    i0,
    i0e,
    i1,
    i1e,
    lgamma,
    log1p,
    log_ndtr,
    logaddexp,
    logsigmoid,
    maximum,
    minimum,
    ndtr,
    ndtri,
    relu,
    sigmoid,
    sign,
    sinc,
    size,
    softplus,
    trunc,
)
from gdcli.explain.ties import passes_at_a_bound, shares_at_a_bound

_SUMMED = 1_000  # a number up to which SymPy adds up fractions for digamma


def as_number(value: Expr) -> Expr:
    """A condition as 1 or 0, and a number as it is."""
    return Piecewise((1, value), (0, True)) if _is_condition(value) else value


def as_condition(value: Expr) -> Expr:
    """A number as the condition that it is not 0, and a condition as it is."""
    return value if _is_condition(value) else sympy.Ne(value, 0)


def _is_condition(value: Expr) -> bool:
    return isinstance(value, Boolean) and not value.is_Symbol  # SymPy counts symbols among the Booleans


def absolute(x: Expr) -> Expr:
    """|x|; SymPy's own only where it knows that x is real, since else its derivative is full of real parts."""
    return sympy.Abs(x) if x.is_extended_real else size(x)


def power(base: Expr, exponent: Expr) -> Expr:
    """``base ** exponent``; a power of plain numbers that would have thousands of digits stays a decimal."""
    if base.is_number and exponent.is_number and abs(exponent) > 100:
        return sympy.Float(base) ** sympy.Float(exponent)
    return base**exponent


def clamp(x: Expr, min: Expr | None = None, max: Expr | None = None) -> Expr:
    """Kept between bounds, of which the upper wins; versions of PyTorch differ in the gradient on a bound itself."""
    bounds = [bound for bound in (min, max) if bound is not None]
    if not all(bound.is_number for bound in bounds) and shares_at_a_bound():
        x = x if min is None else maximum(x, min)
        return x if max is None else minimum(x, max)
    low, high = (-sympy.oo if min is None else min), (sympy.oo if max is None else max)
    if not all(bound.is_number for bound in bounds) or passes_at_a_bound():
        return Piecewise((high, (x > high) | (low > high)), (low, x < low), (x, True))
    return Piecewise((high, (x >= high) | (low >= high)), (low, x <= low), (x, True))


def _between(x: Expr, low: Expr, high: Expr) -> Expr:
    """``hardtanh``; on a bound PyTorch stops the gradient."""
    return Piecewise((low, x <= low), (high, x >= high), (x, True))


def _logical(combine: Callable[..., Expr]) -> Callable[[Expr, Expr], Expr]:
    return lambda x, y: combine(as_condition(x), as_condition(y))


def _divided(x: Expr, y: Expr, rounding_mode: str | None = None) -> Expr:
    return {None: lambda q: q, "floor": floor, "trunc": trunc}[rounding_mode](x / y)


def _gelu(x: Expr, approximate: str = "none") -> Expr:
    if approximate == "none":
        return x * ndtr(x)
    return x * (1 + sympy.tanh(sqrt(2 / pi) * (x + sympy.Rational("0.044715") * x**3))) / 2


def _softplus(x: Expr, beta: Expr = 1, threshold: Expr = 20) -> Expr:
    if threshold != 20:
        raise NoCounterpartError("softplus with another threshold has no counterpart in SymPy")
    return softplus(beta * x) / beta


def _elu(x: Expr, alpha: Expr = 1) -> Expr:
    return Piecewise((x, x > 0), (alpha * expm1(x), True))


def _selu(x: Expr) -> Expr:
    alpha, scale = (
        sympy.Rational("1.6732632423543772848170429916717"),
        sympy.Rational("1.0507009873554804934193349852946"),
    )
    return scale * _elu(x, alpha)


def _logit(p: Expr, eps: Expr | None = None) -> Expr:
    if eps is not None:  # on a bound the gradient passes
        p = Piecewise((eps, p < eps), (1 - eps, p > 1 - eps), (p, True))
    return sympy.log(p / (1 - p))


def _polygamma(n: Expr, x: Expr) -> Expr:
    # SymPy would add up as many fractions as the number is large.
    return sympy.polygamma(n, x, evaluate=not (x.is_Rational and abs(x) > _SUMMED))


def _mvlgamma(x: Expr, p: int) -> Expr:
    if p > 20:
        raise NoCounterpartError("mvlgamma of more than 20 dimensions is too long for a formula")
    constant = sympy.Rational(p * (p - 1), 4) * sympy.log(pi)
    return constant + sum(lgamma(x - sympy.Rational(i, 2)) for i in range(p))


_HALF = sympy.Rational(1, 2)
_HUNDREDTH = sympy.Rational(1, 100)

ELEMENTWISE: Mapping[str, Callable[..., Expr]] = {
    "add": lambda x, y, alpha=1: x + alpha * y,
    "sub": lambda x, y, alpha=1: x - alpha * y,
    "mul": lambda x, y: x * y,
    **dict.fromkeys(["div", "true_divide"], _divided),
    "remainder": lambda x, y: x - y * floor(x / y),
    "fmod": lambda x, y: x - y * trunc(x / y),
    **dict.fromkeys(["pow", "float_power"], power),
    "neg": lambda x: -x,
    **dict.fromkeys(["positive", "clone", "float", "double", "half", "bfloat16", "contiguous"], lambda x: x),
    "to": lambda x, dtype: x,  # noqa: ARG005
    "abs": absolute,
    "square": lambda x: x**2,
    "sqrt": sqrt,
    "rsqrt": lambda x: 1 / sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "hypot": lambda x, y: sqrt(x**2 + y**2),
    "copysign": lambda x, y: absolute(x) * Piecewise((1, y >= 0), (-1, True)),
    "lerp": lambda x, end, weight: x + weight * (end - x),
    "addcmul": lambda x, a, b, value=1: x + value * a * b,
    "addcdiv": lambda x, a, b, value=1: x + value * a / b,
    "ldexp": lambda x, y: x * 2**y,
    **{name: getattr(sympy, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2")},
    **{name: getattr(sympy, name) for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    "sinc": sinc,
    "deg2rad": lambda x: x * pi / 180,
    "rad2deg": lambda x: x * 180 / pi,
    "exp": sympy.exp,
    "exp2": lambda x: 2**x,
    "expm1": expm1,
    "log": sympy.log,
    "log2": lambda x: sympy.log(x) / sympy.log(2),
    "log10": lambda x: sympy.log(x) / sympy.log(10),
    "log1p": log1p,
    "logaddexp": logaddexp,
    "logaddexp2": lambda x, y: logaddexp(x * sympy.log(2), y * sympy.log(2)) / sympy.log(2),
    "xlogy": lambda x, y: x * sympy.log(y),
    "xlog1py": lambda x, y: x * log1p(y),
    "logit": _logit,
    "entr": lambda x: -x * sympy.log(x),
    "erf": sympy.erf,
    "erfc": sympy.erfc,
    "erfcx": erfcx,
    "erfinv": sympy.erfinv,
    "ndtr": ndtr,
    "ndtri": ndtri,
    "log_ndtr": log_ndtr,
    "lgamma": lgamma,
    "digamma": lambda x: _polygamma(0, x),
    "polygamma": _polygamma,
    "mvlgamma": _mvlgamma,
    "gammainc": gammainc,
    "gammaincc": lambda a, x: 1 - gammainc(a, x),
    "i0": i0,
    "i0e": i0e,
    "i1": i1,
    "i1e": i1e,
    "floor": floor,
    "ceil": lambda x: -floor(-x),
    "trunc": trunc,
    "sign": sign,
    "frac": lambda x: x - trunc(x),
    "tensor": lambda x: x,
    "minimum": minimum,
    "maximum": maximum,
    "fmin": fmin,
    "fmax": fmax,
    "clamp": clamp,
    "clamp_min": clamp,
    "clamp_max": lambda x, high: clamp(x, None, high),
    "where": lambda condition, x, y: Piecewise((as_number(x), as_condition(condition)), (as_number(y), True)),
    "eq": sympy.Eq,
    "ne": sympy.Ne,
    "lt": sympy.Lt,
    "le": sympy.Le,
    "gt": sympy.Gt,
    "ge": sympy.Ge,
    "logical_and": _logical(sympy.And),
    "logical_or": _logical(sympy.Or),
    "logical_xor": _logical(lambda x, y: sympy.Or(sympy.And(x, sympy.Not(y)), sympy.And(y, sympy.Not(x)))),
    "logical_not": lambda x: sympy.Not(as_condition(x)),
    "relu": relu,
    "relu6": lambda x: _between(x, 0, 6),
    "leaky_relu": lambda x, negative_slope=_HUNDREDTH: Piecewise((x, x > 0), (negative_slope * x, True)),
    "elu": _elu,
    "selu": _selu,
    "celu": lambda x, alpha=1: Piecewise((x, x > 0), (alpha * expm1(x / alpha), True)),
    "gelu": _gelu,
    "silu": lambda x: x * sigmoid(x),
    "mish": lambda x: x * sympy.tanh(softplus(x)),
    "sigmoid": sigmoid,
    "logsigmoid": logsigmoid,
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + absolute(x)),
    "hardtanh": lambda x, min_val=-1, max_val=1: _between(x, min_val, max_val),
    "hardsigmoid": lambda x: _between(x + 3, 0, 6) / 6,
    "hardswish": lambda x: x * _between(x + 3, 0, 6) / 6,
    "hardshrink": lambda x, lambd=_HALF: Piecewise((x, (x > lambd) | (x < -lambd)), (0, True)),
    "softshrink": lambda x, lambd=_HALF: Piecewise((x - lambd, x > lambd), (x + lambd, x < -lambd), (0, True)),
    "tanhshrink": lambda x: x - sympy.tanh(x),
    "threshold": lambda x, threshold, value: Piecewise((x, x > threshold), (value, True)),
}
TAKES_CONDITIONS = frozenset(["where", "logical_and", "logical_or", "logical_xor", "logical_not"])


def _items(values: Expr) -> tuple[Expr, ...]:
    """The numbers of a list; a number is a list of one."""
    return tuple(map(as_number, values if isinstance(values, tuple) else (values,)))


def _along(reduce: Callable[..., Expr]) -> Callable[..., Expr]:
    """A reduction of a list, which has one dimension: any other ``dim`` or a kept one has no counterpart."""

    def reduced(values: Expr, *rest: Any, dim: Any = None, keepdim: bool = False, **more: Any) -> Expr:
        more.pop("dtype", None)
        if keepdim or dim not in (None, 0, -1, (), (0,), (-1,)):
            raise NoCounterpartError("a dimension has no counterpart in SymPy")
        return reduce(_items(values), *rest, **more)

    return reduced


def _total(values: Sequence[Expr]) -> Expr:
    return sympy.Add(*values)


def _mean(values: Sequence[Expr]) -> Expr:
    return _total(values) / len(values)


def _norm(values: Sequence[Expr], p: Expr = 2) -> Expr:
    if len(values) == 1:
        return absolute(values[0])
    if p == "nuc":
        raise NoCounterpartError("a nuclear norm has no counterpart in SymPy")
    p = 2 if p == "fro" else p
    if p == sympy.oo:
        return functools.reduce(maximum, map(absolute, values))
    if p in (0, -sympy.oo):
        raise NoCounterpartError(f"a norm with p={p} has no counterpart in SymPy")
    return _total([value**p if p == 2 else absolute(value) ** p for value in values]) ** (1 / sympy.sympify(p))


def _variance(values: Sequence[Expr], *, unbiased: bool = True, correction: Expr | None = None) -> Expr:
    divisor = len(values) - (int(unbiased) if correction is None else correction)
    center = _mean(values)
    return _total([(value - center) ** 2 for value in values]) / divisor


def _dot(left: Expr, right: Expr) -> Expr:
    return _total([a * b for a, b in zip(_items(left), _items(right), strict=True)])


def _softmax(values: Expr, dim: int, dtype: Any = None) -> tuple[Expr, ...]:  # noqa: ARG001
    powers = [sympy.exp(value) for value in _items(values)]
    return tuple(each / _total(powers) for each in powers)


def _loss(pointwise: Callable[..., Expr]) -> Callable[..., Expr]:
    """A loss that compares numbers one by one and takes their mean or sum; weights have no counterpart."""

    def loss(left: Expr, right: Expr, *, reduction: str = "mean", **more: Any) -> Expr:
        if any(more.get(name) is not None for name in ("weight", "pos_weight")):
            raise NoCounterpartError("a loss with weights has no counterpart in SymPy")
        each = tuple(pointwise(a, b, **more) for a, b in zip(_items(left), _items(right), strict=True))
        if not isinstance(left, tuple):
            return each[0]
        return each if reduction == "none" else _total(each) / (len(each) if reduction == "mean" else 1)

    return loss


def _extreme(choose: Callable[[Expr, Expr], Expr]) -> Callable[..., Expr]:
    """``max`` and ``min``: of all numbers, or of two tensors; along a dimension they give pairs."""

    def extreme(values: Expr, dim: Expr | None = None) -> Expr:
        if dim is None:
            return functools.reduce(choose, _items(values))
        if isinstance(dim, (int, sympy.Integer)) or isinstance(values, tuple) or isinstance(dim, tuple):
            raise NoCounterpartError("a pair of values and indices has no counterpart in SymPy")
        return choose(as_number(values), as_number(dim))

    return extreme


def _smooth_l1(x: Expr, target: Expr, beta: Expr = 1) -> Expr:
    d = absolute(x - target)
    return Piecewise((d**2 / (2 * beta), d < beta), (d - beta / 2, True)) if beta else d


def _huber(x: Expr, target: Expr, delta: Expr = 1) -> Expr:
    d = absolute(x - target)
    return Piecewise((d**2 / 2, d <= delta), (delta * (d - delta / 2), True))


def _poisson(x: Expr, target: Expr, *, log_input: bool = True, full: bool = False, eps: Expr = 0) -> Expr:
    if full:
        raise NoCounterpartError("poisson_nll_loss with full=True has no counterpart in SymPy")
    return sympy.exp(x) - target * x if log_input else x - target * sympy.log(x + (eps or sympy.Rational(1, 10**8)))


OF_LISTS: Mapping[str, Callable[..., Expr]] = {
    **dict.fromkeys(["sum", "nansum"], _along(_total)),
    **dict.fromkeys(["mean", "nanmean"], _along(_mean)),
    "prod": _along(lambda values: sympy.Mul(*values)),
    "norm": _along(_norm),
    "vector_norm": _along(lambda values, **more: _norm(values, more.get("ord", 2))),
    "dist": lambda x, y, p=2: _norm([a - b for a, b in zip(_items(x), _items(y), strict=True)], p),
    "logsumexp": lambda x, dim, keepdim=False: _along(
        lambda values: sympy.log(_total([sympy.exp(value) for value in values]))
    )(x, dim=dim, keepdim=keepdim),
    "amax": _along(lambda values: functools.reduce(maximum, values)),
    "amin": _along(lambda values: functools.reduce(minimum, values)),
    "max": _extreme(maximum),
    "min": _extreme(minimum),
    "var": _along(_variance),
    "std": _along(lambda values, **more: sqrt(_variance(values, **more))),
    **dict.fromkeys(["dot", "vdot", "inner"], _dot),
    "softmax": _softmax,
    "log_softmax": lambda x, dim, dtype=None: tuple(map(sympy.log, _softmax(x, dim, dtype))),
    "stack": lambda tensors, dim=0: tensors,  # noqa: ARG005 -- numbers have one dimension to be stacked along
    "mse_loss": _loss(lambda x, target: (x - target) ** 2),
    "l1_loss": _loss(lambda x, target: absolute(x - target)),
    "smooth_l1_loss": _loss(_smooth_l1),
    "huber_loss": _loss(_huber),
    "binary_cross_entropy": _loss(lambda p, target, **_: -(target * sympy.log(p) + (1 - target) * sympy.log(1 - p))),
    "binary_cross_entropy_with_logits": _loss(lambda x, target, **_: (1 - target) * x - logsigmoid(x)),
    "soft_margin_loss": _loss(lambda x, target: -logsigmoid(target * x)),
    "poisson_nll_loss": _loss(_poisson),
}
