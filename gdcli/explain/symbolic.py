"""Partial derivatives as formulas: the tree of an expression in SymPy's terms, differentiated there.

Variables of one number are real symbols, and lists of numbers are tuples of expressions. What SymPy has no counterpart
of becomes an opaque function of its variables, so that only the derivatives that need it have no formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
import torch

from gdcli.contract.grad import Derivative
from gdcli.errors import GdcliError
from gdcli.explain.counterparts import ELEMENTWISE, OF_LISTS, TAKES_CONDITIONS, as_number
from gdcli.explain.formulas import Code, Opaque, UnprintableError, latex, simplified
from gdcli.explain.known import Expr, NoCounterpartError, floor, sign
from gdcli.explain.spelled import spelled
from gdcli.explain.work import OutOfWorkError, Work
from gdcli.lang.constants import CONSTANTS
from gdcli.lang.constructors import Environment
from gdcli.lang.nodes import (
    Application,
    Binary,
    Call,
    Expression,
    Index,
    ListOf,
    Node,
    Number,
    Reference,
    Static,
    Unary,
    Variable,
    children,
    is_plain,
    postorder,
)
from gdcli.lang.objective import build
from gdcli.lang.operators import BINARY, UNARY
from gdcli.lang.parsing import parse

# Calls of SymPy's functions, for all variables together.
DIFFERENTIATING = 400_000
SIMPLIFYING = 500_000
TOO_LONG = "SymPy takes too long for this expression"
_MAX_LIST = 16  # numbers of a constant list that are spelled out
_SHORT = 12  # digits up to which a number is taken as the decimal that was typed
_DIGITS = 25  # to which a formula is evaluated for a check


@dataclass(frozen=True, slots=True)
class Partial:
    """A partial derivative in SymPy's terms, or what stands in its way."""

    variable: str
    expr: Expr | None
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class _Unknown:
    """A piece that has no counterpart, and why."""

    reason: str


def typed(value: float) -> Expr:
    """A number as it was meant: the decimal that was typed, a multiple of pi, e, a fraction; else its float64."""
    if isinstance(value, int) or not math.isfinite(value):
        return exact(value)
    if len(repr(abs(value)).split("e")[0].replace(".", "").strip("0")) <= _SHORT:
        return sympy.Rational(repr(value))
    if value == math.e:
        return sympy.E
    turns = Fraction(value / math.pi).limit_denominator(360)
    if turns and math.isclose(float(turns) * math.pi, value, rel_tol=4e-16):
        return sympy.Rational(*turns.as_integer_ratio()) * sympy.pi
    ratio = Fraction(value).limit_denominator(1000)
    return sympy.Rational(*ratio.as_integer_ratio()) if float(ratio) == value else exact(value)


def exact(value: float) -> Expr:
    """A number to the last bit."""
    if isinstance(value, int) or not math.isfinite(value):
        return sympy.sympify(int(value) if isinstance(value, bool) else value)
    return sympy.Rational(*value.as_integer_ratio())


def derivatives(
    expression: Expression, tensors: Mapping[str, torch.Tensor], wrt: Sequence[str], environment: Environment
) -> list[Derivative]:
    """The partial derivative by each variable of ``wrt`` as a formula, and its value in the environment's dtype."""
    code = Code(decimals=has_decimals(expression))
    found = partials(expression, tensors, wrt)
    return [written(partial, code, tensors, environment, SIMPLIFYING // len(found)) for partial in found]


def partials(
    expression: Expression,
    tensors: Mapping[str, torch.Tensor],
    wrt: Sequence[str],
    number: Callable[[float], Expr] = typed,
    *,
    calls: int = DIFFERENTIATING,
) -> list[Partial]:
    """The partial derivatives in SymPy's terms, not simplified; an obstacle where there is none.

    ``number`` says what a plain number of the expression stands for: what was typed, or its float64 to the last bit.
    ``calls`` of SymPy's functions are the most that it may take.
    """
    try:
        with Work(calls).limit():
            return differentiated(expression, tensors, wrt, number)
    except OutOfWorkError:
        return [Partial(name, None, TOO_LONG) for name in wrt]


def differentiated(
    expression: Expression,
    tensors: Mapping[str, torch.Tensor],
    wrt: Sequence[str],
    number: Callable[[float], Expr] = typed,
) -> list[Partial]:
    """The same without a limit of work."""
    try:
        found = _Converter(expression, tensors, number).convert()
        return [_partial(found, name, tuple(tensors[name].shape)) for name in wrt]
    except RecursionError:
        return [Partial(name, None, "the expression is nested too deeply for SymPy") for name in wrt]


def _partial(found: Any, name: str, shape: tuple[int, ...]) -> Partial:
    if shape:
        return Partial(name, None, f"{name} has shape {shape}, but formulas are for scalar variables")
    if isinstance(found, _Unknown):
        return Partial(name, None, found.reason)
    try:
        expr = as_number(found).diff(symbol(name))
    except (NoCounterpartError, UnprintableError) as error:
        return Partial(name, None, str(error))
    except Exception as error:  # noqa: BLE001 -- SymPy fails in many ways
        return Partial(name, None, f"SymPy cannot differentiate this: {type(error).__name__}")
    return Partial(name, expr)


def precise_value(partial: Partial, tensors: Mapping[str, torch.Tensor], work: Work) -> float | None:
    """The value of a derivative, computed to more digits than a float64 holds.

    None without a formula, or where no ``work`` is left. nan where it says nothing: at a division by zero, and on
    the very border of a choice, where the formula of a branch says nothing about the slope of the whole.
    """
    if partial.expr is None:
        return None
    point = {symbol(name): exact(tensor.item()) for name, tensor in tensors.items() if not tensor.dim()}
    digits = {each: sympy.Float(number, 60) for each, number in point.items()}
    try:
        with work.limit():
            expr = partial.expr.replace(lambda part: isinstance(part, Opaque), lambda part: _evaluated(part, tensors))
            expr = expr.replace(lambda part: isinstance(part, (sign, sympy.sign)), lambda part: _sign(part, point))
            expr = expr.replace(lambda part: isinstance(part, sympy.Piecewise), lambda part: _chosen(part, point))
            value = complex(expr.evalf(_DIGITS, subs=digits, maxn=500))
    except (OutOfWorkError, UnprintableError):
        return None
    except Exception:  # noqa: BLE001 -- SymPy fails in many ways where a value is not defined
        return math.nan
    return value.real if value.imag == 0 and math.isfinite(value.real) else math.nan


def _sign(part: Expr, point: Mapping[Expr, Expr]) -> Expr:
    argument = part.args[0].subs(point)
    return sympy.nan if _is_zero(argument) else sympy.sign(argument.evalf())


def _chosen(choice: Expr, point: Mapping[Expr, Expr]) -> Expr:
    """The branch of a choice that holds at the point; nothing on the border of an inequality."""
    for value, condition in choice.args:
        borders = [part for part in condition.atoms(sympy.Rel) if not isinstance(part, (sympy.Eq, sympy.Ne))]
        if any(_is_zero((part.lhs - part.rhs).subs(point)) for part in borders):
            return sympy.nan
        if condition.subs(point) == sympy.true:
            return value
    return sympy.nan


def _is_zero(value: Expr) -> bool:
    return bool(value == 0 or abs(value.evalf(_DIGITS)) < 10**-_DIGITS)


def _evaluated(part: Opaque, tensors: Mapping[str, torch.Tensor]) -> Expr:
    if part.drawn:
        raise UnprintableError(part.drawn)
    return sympy.Float(_value(part.text, tensors, _float64(tensors)), 17)


def written(
    partial: Partial, code: Code, tensors: Mapping[str, torch.Tensor], environment: Environment, calls: int
) -> Derivative:
    """The derivative in code and LaTeX, simplified for so many calls."""

    def is_finite(text: str) -> bool:
        return math.isfinite(_value(text, tensors, _float64(tensors)))

    obstacle = partial.obstacle
    if partial.expr is not None:
        try:
            expr, formula = simplified(partial.expr, code, is_finite, calls)
            value = _value(formula, tensors, environment)
            return Derivative(variable=partial.variable, formula=formula, latex=latex(expr), value=value, obstacle="")
        except (UnprintableError, GdcliError) as error:
            obstacle = str(error).splitlines()[0]
        except Exception as error:  # noqa: BLE001 -- SymPy fails in many ways
            obstacle = f"SymPy cannot express this: {type(error).__name__}"
    return Derivative(variable=partial.variable, formula=None, latex=None, value=None, obstacle=obstacle)


def _value(formula: str, tensors: Mapping[str, torch.Tensor], environment: Environment) -> float:
    """The value of a formula as gdcli evaluates it."""
    parsed = parse(formula, tensors)
    point = [_in_dtype(tensors[name], environment.dtype) for name in parsed.variables]
    return float(build(parsed, environment)(*point))


def _float64(tensors: Mapping[str, torch.Tensor]) -> Environment:
    return Environment(torch.float64, next((tensor.device for tensor in tensors.values()), "cpu"))


def _in_dtype(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A tensor without history, in a floating-point dtype if it is floating-point."""
    return tensor.detach().to(dtype) if tensor.is_floating_point() else tensor.detach()


def symbol(name: str) -> Expr:
    """A variable in SymPy's terms."""
    return sympy.Symbol(name, real=True)


def has_decimals(expression: Expression) -> bool:
    """Whether a number of the expression is written as a decimal that is not whole."""
    numbers = [node for node in postorder(expression.root) if isinstance(node, Number)]
    return any(
        isinstance(n.value, float) and not n.value.is_integer() and _is_typed(expression.text(n), expression)
        for n in numbers
    )


def _is_typed(text: str, expression: Expression) -> bool:
    """Whether a number is written as a decimal, or is a name that a program gives to one."""
    return "." in text or (expression.is_program and text.isidentifier() and text not in CONSTANTS)


class _Converter:
    """Takes the tree of an expression to SymPy, children before parents and without recursion."""

    def __init__(
        self, expression: Expression, tensors: Mapping[str, torch.Tensor], number: Callable[[float], Expr]
    ) -> None:
        self.expression = expression
        self.tensors = tensors
        self.number = number
        self.found: dict[int, Any] = {}
        self.opaque: dict[str, Any] = {}

    def convert(self) -> Any:
        """The expression of the root; an ``_Unknown`` when it has none."""
        for node in postorder(self.expression.root):
            self.found[id(node)] = self._convert(node)
        root = self.found[id(self.expression.root)]
        return _Unknown("the result is not a single number") if isinstance(root, tuple) else root

    def _convert(self, node: Node) -> Any:
        if is_plain(node) and not isinstance(node, Number):
            return self._size(node)
        parts = (self.found[id(child)] for child in children(node))
        unknown = next((part for part in parts if isinstance(part, _Unknown)), None)
        try:
            if unknown is None:
                return self._known(node)
        except NoCounterpartError as error:
            unknown = _Unknown(str(error))
        except (TypeError, ValueError, AttributeError, ArithmeticError):
            unknown = _Unknown(f"SymPy rejects {self.expression.text(node)}")
        try:
            return unknown if isinstance(node, Variable) else self._without_counterpart(node, unknown)
        except NoCounterpartError as error:
            return _Unknown(str(error))

    def _known(self, node: Node) -> Any:
        match node:
            case Number(value=value):
                return self.number(value)
            case Variable(name=name):
                shape = tuple(self.tensors[name].shape)
                return _Unknown(f"{name} has shape {shape}") if shape else symbol(name)
            case Reference(value=value) | Application(value=value):
                return self.found[id(value)]
            case ListOf(items=items):
                values = tuple(self.found[id(item)] for item in items)
                if any(isinstance(value, tuple) for value in values):
                    raise NoCounterpartError("a matrix has no counterpart in SymPy")
                return values
            case Unary(operator=operator, operand=operand):
                return elementwise(ELEMENTWISE[UNARY[operator].name], [self.found[id(operand)]])
            case Binary(operator=operator, left=left, right=right):
                sides = self.found[id(left)], self.found[id(right)]
                return OF_LISTS["dot"](*sides) if operator == "@" else elementwise(_rule(operator), sides)
            case Index(value=value, items=(int() | slice() as item,)) if isinstance(self.found[id(value)], tuple):
                return self.found[id(value)][item]
            case Call():
                return self._call(node)
            case _:
                raise NoCounterpartError(f"{self.expression.text(node)} has no counterpart in SymPy")

    def _size(self, node: Node) -> Any:
        """A plain number that follows from shapes, which are constant."""
        names = tuple(dict.fromkeys(part.name for part in postorder(node) if isinstance(part, Variable)))
        piece = Expression(self.expression.source, node, names)
        try:
            result: Any = build(piece, _float64(self.tensors))(*(self.tensors[name].detach() for name in names))
        except GdcliError as error:
            return _Unknown(error.message)
        return self.number(result.item())

    def _call(self, call: Call) -> Any:
        name = call.function.usual
        given = {argument.parameter.name: self._argument(argument.value) for argument in call.arguments}
        required = [given.pop(p.name) for p in call.function.parameters if p.required]
        if name in ELEMENTWISE:
            return elementwise(ELEMENTWISE[name], required, given, conditions=name in TAKES_CONDITIONS)
        if name in OF_LISTS:
            return OF_LISTS[name](*required, **given)
        raise NoCounterpartError(f"{call.function.name} has no counterpart in SymPy")

    def _argument(self, value: Node | Static | tuple[Node, ...]) -> Any:
        if isinstance(value, Static):
            return value.value
        return tuple(self.found[id(item)] for item in value) if isinstance(value, tuple) else self.found[id(value)]

    def _without_counterpart(self, node: Node, unknown: _Unknown) -> Any:
        """An opaque function where the result is one number; the numbers of a constant list; else unknown."""
        names = tuple(dict.fromkeys(part.name for part in postorder(node) if isinstance(part, Variable)))
        piece = Expression(self.expression.source, node, names)
        try:
            point = [_in_dtype(self.tensors[name], torch.float64) for name in names]
            result: Any = build(piece, _float64(self.tensors))(*point)
        except GdcliError:
            return unknown
        if not isinstance(result, torch.Tensor) or result.dim() > 1:
            return unknown
        if result.dim():
            constant = not names and not _draws(node) and result.numel() <= _MAX_LIST
            return tuple(map(self.number, result.tolist())) if constant else unknown
        return self._opaque(node, names, unknown.reason)

    def _opaque(self, node: Node, names: Sequence[str], reason: str) -> Expr:
        # In a program a piece is written in the variables: its names may mean other values elsewhere.
        text = spelled(node) if self.expression.is_program else self.expression.text(node)
        if text is None:
            raise NoCounterpartError(f"{reason}, and the piece with its names replaced is too long")
        if text not in self.opaque:
            function = node.function if isinstance(node, Call) else None
            flat = function is not None and function.gradient
            told = self.expression.text(node)
            short = told if len(told) <= 40 else f"{told[:39]}…"
            attributes = {
                "text": f"({text})" if function is None else text,
                "obstacle": "" if flat else f"{reason}, and the derivative depends on {short}",
                "drawn": f"{short} draws random numbers" if _draws(node) else "",
            }
            self.opaque[text] = type(f"opaque{len(self.opaque)}", (Opaque,), attributes)
        return self.opaque[text](*(symbol(name) for name in names if not self.tensors[name].dim()))


def _rule(operator: str) -> Callable[..., Expr]:
    """What an operator does with two numbers; ``//`` has a counterpart where its function has none."""
    return (lambda x, y: floor(x / y)) if operator == "//" else ELEMENTWISE[BINARY[operator].name]


def _draws(node: Node) -> bool:
    return any(isinstance(part, Call) and part.function.form == "random" for part in postorder(node))


def elementwise(
    rule: Callable[..., Expr],
    values: Sequence[Any],
    named: Mapping[str, Any] | None = None,
    *,
    conditions: bool = False,
) -> Any:
    """A rule applied to numbers, or to lists of equal length item by item; ``conditions`` stay what they are."""
    lengths = {len(value) for value in values if isinstance(value, tuple)}
    if not lengths:
        plain = values if conditions else [as_number(value) for value in values]
        return rule(*plain, **(named or {}))
    (length,) = lengths
    rows = [value if isinstance(value, tuple) else (value,) * length for value in values]
    return tuple(elementwise(rule, row, named, conditions=conditions) for row in zip(*rows, strict=True))
