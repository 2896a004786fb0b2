"""The value of an expression and its slopes in as many digits as they need, node by node.

``exp(1000)`` and ``1 - sigmoid(50)`` are lost in a float. Here every node is computed in numbers of hundreds of digits
and any exponent (SymPy's Float, which is mpmath's), by the counterparts of the functions. The number of digits grows
until two evaluations agree, and is always more than the sizes of the intermediate results are apart. A slope is a
difference quotient with a step far below the spacing of floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
import torch
from sympy.logic.boolalg import BooleanAtom

from gdcli.errors import GdcliError
from gdcli.explain.counterparts import ELEMENTWISE, OF_LISTS, TAKES_CONDITIONS, as_number
from gdcli.explain.differences import SETTLED, Sides
from gdcli.explain.formulas import OutOfWorkError, work_limit
from gdcli.explain.known import Expr, NoCounterpartError, floor
from gdcli.explain.symbolic import exact
from gdcli.lang.constructors import Environment
from gdcli.lang.nodes import (
    Attribute,
    Binary,
    Call,
    Expression,
    Index,
    ListOf,
    Node,
    Number,
    Static,
    Unary,
    Variable,
    postorder,
)
from gdcli.lang.objective import build, resolve
from gdcli.lang.operators import BINARY, UNARY

MAX_ITEMS = 3_000
"""Numbers that one evaluation may compute."""
CALLS = 1_500_000  # of SymPy's functions, for one value or one pair of slopes
_DIGITS = 60
_MOST_DIGITS = 6_000
_DIGITS_OF_ZERO = 2_500  # before a difference that is 0 counts as 0
_AGREE = sympy.Float("1e-25")
_STEP = 40  # digits below x: the step of a difference quotient
_STEP_AT_ZERO = 330  # at x = 0: below the smallest float
_SMALLER = 8  # digits by which the second step is smaller
_RUNS_OFF = 10.0  # change of a quotient from which on it goes to infinity, or by the inverse to 0
_LARGEST_ARGUMENT = 1_100  # bits: exp of a number that has more has an exponent that fills the memory

# Functions that move elements and compute nothing.
_MOVING = frozenset(
    [
        "reshape",
        "view",
        "flatten",
        "ravel",
        "squeeze",
        "unsqueeze",
        "transpose",
        "swapaxes",
        "permute",
        "movedim",
        "stack",
        "cat",
        "hstack",
        "vstack",
        "column_stack",
        "broadcast_to",
        "expand",
        "repeat",
        "tile",
        "repeat_interleave",
        "diagonal",
        "flip",
        "fliplr",
        "flipud",
        "roll",
        "rot90",
        "select",
        "narrow",
    ]
)
_ALONG = frozenset(
    ["sum", "nansum", "mean", "nanmean", "prod", "norm", "vector_norm", "logsumexp", "amax", "amin", "var", "std"]
)
_SAME_SHAPE = frozenset(["softmax", "log_softmax"])
_PAIRWISE = frozenset(name for name in OF_LISTS if name.endswith(("_loss", "_entropy", "_with_logits")))
# Their results have about the exponent of their arguments, or a smaller one.
_HARMLESS = frozenset(
    [
        "add",
        "sub",
        "mul",
        "div",
        "true_divide",
        "neg",
        "positive",
        "abs",
        "square",
        "sqrt",
        "log",
        "log2",
        "log10",
        "log1p",
    ]
)


class _NoValueError(Exception):
    """A node that cannot be computed in many digits."""


@dataclass(frozen=True, slots=True)
class Digits:
    """A number: its ``float`` (infinite beyond the range of float64), and six digits as text whatever its exponent."""

    number: float
    text: str

    @property
    def is_below_floats(self) -> bool:
        """Whether it is not 0, and its float is."""
        return self.number == 0 and self.text != "0"


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The result of a node: its shape, and its elements in order."""

    shape: tuple[int, ...]
    items: tuple[Expr, ...]

    @property
    def index(self) -> torch.Tensor:
        """The positions of the elements, in the shape of the result."""
        return torch.arange(len(self.items)).reshape(self.shape)


Shift = Mapping[str, Mapping[int, Expr]]
"""A change of elements: for each variable, what is added to its elements."""


class ManyDigits:
    """An expression at a point, in as many digits as it needs. What cannot be computed is None."""

    def __init__(self, expression: Expression, tensors: Mapping[str, torch.Tensor]) -> None:
        """``tensors`` are the point: their numbers are taken to the last bit."""
        self._expression = expression
        self._point = {
            name: _Numbers(tuple(tensor.shape), tuple(map(exact, tensor.detach().reshape(-1).tolist())))
            for name, tensor in tensors.items()
        }
        self._environment = Environment(torch.float64)
        self._digits = _DIGITS
        self._results: dict[int, _Numbers] = {}
        self._value = self._precise()

    @property
    def value(self) -> Digits | None:
        """The value of the expression; None where it is not defined, or has no counterpart."""
        return None if self._value is None else _shown(self._value)

    @property
    def work(self) -> int:
        """What an evaluation costs: the numbers that it computes, those of many digits counted several times."""
        return sum(len(result.items) for result in self._results.values()) * max(1, self._digits // 300)

    def elements(self, node: Node) -> list[Digits | None] | None:
        """The elements of the result at a node; None where the evaluation did not get there."""
        if self._value is None or id(node) not in self._results:
            return None
        return [_shown(item) if _is_number(item) else None for item in self._results[id(node)].items]

    def sides(self, name: str, i: int, nearest: float = 0.0) -> Sides:
        """The slopes by element ``i`` of a variable, taken over a step of ``nearest`` where that is given."""
        x = self._point[name].items[i]
        step = sympy.Rational(1, 10**_STEP_AT_ZERO) if x == 0 else abs(x) / 10**_STEP
        if nearest:
            steps, tolerance = [exact(nearest), exact(nearest) / 2], 1.0
        else:
            steps, tolerance = [step, step / 10**_SMALLER], SETTLED
        return self._sides({name: {i: sympy.S.One}}, steps, tolerance)

    def along(self, direction: Mapping[str, Sequence[float]]) -> Sides:
        """The slopes along a direction, which has a number for each element of the variables that change."""
        exactly = {name: dict(enumerate(map(exact, numbers))) for name, numbers in direction.items()}
        return self._sides(exactly, [sympy.Rational(1, 10**k) for k in (_STEP, _STEP + _SMALLER)], SETTLED)

    def _sides(self, direction: Shift, steps: Sequence[Expr], tolerance: float) -> Sides:
        if self._value is None:
            return Sides(None, None)
        more = 3 * (10 - int(sympy.floor(sympy.log(steps[-1], 10).evalf(5))))
        digits = min(_MOST_DIGITS, self._digits + more)
        try:
            with work_limit(CALLS):
                here = self._root(self._evaluated(digits))
                left, right = (
                    self._quotient(direction, [sign * step for step in steps], here, digits, tolerance)
                    for sign in (-1, 1)
                )
                return Sides(left, right)
        except (_NoValueError, OutOfWorkError):
            return Sides(None, None)

    def _quotient(
        self, direction: Shift, steps: Sequence[Expr], here: Expr, digits: int, tolerance: float
    ) -> float | None:
        """The slope on one side, from two steps; infinite, 0 or None where it does not settle."""

        def there(step: Expr) -> Expr:
            shift = {name: {i: step * part for i, part in parts.items()} for name, parts in direction.items()}
            return self._root(self._evaluated(digits, shift))

        try:
            larger, smaller = (float((there(step) - here) / step) for step in steps)
        except (_NoValueError, OverflowError):
            return None
        if not (math.isfinite(larger) and math.isfinite(smaller)):  # beyond the range of float64
            return None
        if larger == smaller or abs(larger - smaller) <= tolerance * abs(smaller):
            return smaller
        if abs(smaller) > _RUNS_OFF * abs(larger):
            return math.copysign(math.inf, smaller)
        return 0.0 if abs(smaller) < abs(larger) / _RUNS_OFF else None

    def _precise(self) -> Expr | None:
        """The value, to digits that no longer change; its nodes are kept."""
        before: Expr | None = None
        try:
            with work_limit(CALLS):
                while True:
                    self._results = self._evaluated(self._digits)
                    needed = _DIGITS + 2 * _span(self._results)
                    if self._cancels():
                        needed = max(needed, _DIGITS_OF_ZERO)
                    # With too few digits, a difference may be 0 that is not, and the value nan.
                    value = self._root(self._results) if self._digits >= needed else None
                    if value is not None and before is not None and abs(value - before) <= _AGREE * abs(value):
                        return value
                    if self._digits >= _MOST_DIGITS:
                        return None
                    before, self._digits = value, min(_MOST_DIGITS, max(2 * self._digits, needed))
        except (_NoValueError, OutOfWorkError):
            return None

    def _cancels(self) -> bool:
        """Whether a sum or a difference of numbers that are not 0 is 0."""
        for node in postorder(self._expression.root):
            if isinstance(node, Binary) and node.operator in "+-":
                left, right, both = (self._results[id(each)].items for each in (node.left, node.right, node))
                if 0 in both and any(item != 0 for item in (*left, *right)):
                    return True
        return False

    def _root(self, results: Mapping[int, _Numbers]) -> Expr:
        found = results[id(self._expression.root)]
        if len(found.items) != 1 or not _is_number(found.items[0]):
            raise _NoValueError
        return as_number(found.items[0])

    def _evaluated(self, digits: int, shift: Shift | None = None) -> dict[int, _Numbers]:
        """The result of every node.

        Raises:
            _NoValueError: for what has no counterpart, or is too large.
        """
        evaluation = _Evaluation(self._expression, self._environment, self._point, digits, shift)
        count = 0
        for node in postorder(self._expression.root):
            try:
                evaluation.found[id(node)] = evaluation.result(node)
            except _NoValueError:
                raise
            except (NoCounterpartError, GdcliError, RuntimeError, ArithmeticError) as error:
                raise _NoValueError from error
            except (TypeError, ValueError, AttributeError, LookupError) as error:  # SymPy fails in many ways
                raise _NoValueError from error
            count += len(evaluation.found[id(node)].items)
            if count > MAX_ITEMS:
                raise _NoValueError
        return evaluation.found


class _Evaluation:
    """One evaluation of an expression, to so many digits."""

    def __init__(
        self,
        expression: Expression,
        environment: Environment,
        point: Mapping[str, _Numbers],
        digits: int,
        shift: Shift | None,
    ) -> None:
        self.expression = expression
        self.environment = environment
        self.point = point
        self.digits = digits
        self.shift = shift
        self.found: dict[int, _Numbers] = {}

    def result(self, node: Node) -> _Numbers:
        """The result of a node, from those of its children."""
        match node:
            case Number(value=value):
                return _Numbers((), (self._number(exact(value)),))
            case Variable(name=name):
                return self._variable(name)
            case ListOf(items=items):
                return self._moved(torch.stack, [self.found[id(item)] for item in items])
            case Unary(operator=operator, operand=operand):
                return self._elementwise(UNARY[operator].name, [self.found[id(operand)]])
            case Binary(operator="@", left=left, right=right):
                return self._product(self.found[id(left)], self.found[id(right)])
            case Binary(operator=operator, left=left, right=right):
                name = BINARY[operator].name
                return self._elementwise(name, [self.found[id(left)], self.found[id(right)]])
            case Index(value=value, items=items):
                return self._moved(lambda part: part[items], self.found[id(value)])
            case Attribute(value=value, name="T" | "mT" as name):
                return self._moved(lambda part: getattr(part, name), self.found[id(value)])
            case Call():
                return self._call(node)
        raise _NoValueError

    def _variable(self, name: str) -> _Numbers:
        numbers = self.point[name]
        items = list(numbers.items)
        for i, change in (self.shift or {}).get(name, {}).items():
            items[i] += change
        return _Numbers(numbers.shape, tuple(map(self._number, items)))

    def _call(self, call: Call) -> _Numbers:
        name = call.function.usual
        given = {a.parameter.name: self._argument(a.value) for a in call.arguments}
        required = [given.pop(p.name) for p in call.function.parameters if p.required]
        if name == "detach":
            return required[0]  # type: ignore[no-any-return]
        if name in _MOVING:
            return self._moved(resolve(call.function.path), *required, **given)
        if name in ("matmul", "mm", "mv"):
            return self._product(*required)
        if name in _ALONG | _SAME_SHAPE:
            return self._along(name, required, given)
        if name in _PAIRWISE:
            return self._pairwise(name, required, given)
        if name in OF_LISTS:
            return self._of_lists(name, required, given)
        if name in ELEMENTWISE:
            return self._elementwise(name, required, given)
        return self._constant(call)

    def _argument(self, value: Node | Static | tuple[Node, ...]) -> Any:
        if isinstance(value, Static):
            return value.value
        return [self.found[id(item)] for item in value] if isinstance(value, tuple) else self.found[id(value)]

    def _constant(self, node: Node) -> _Numbers:
        """A part without variables, as PyTorch computes it in float64."""
        parts = list(postorder(node))
        if any(isinstance(p, Variable) or (isinstance(p, Call) and p.function.form == "random") for p in parts):
            raise _NoValueError
        result: Any = build(Expression(self.expression.source, node, ()), self.environment)()
        if not isinstance(result, torch.Tensor) or result.numel() > MAX_ITEMS:
            raise _NoValueError
        return _Numbers(tuple(result.shape), tuple(self._number(exact(x)) for x in result.reshape(-1).tolist()))

    def _elementwise(self, name: str, values: Sequence[Any], named: Mapping[str, Any] | None = None) -> _Numbers:
        rule = _floored if name == "floor_divide" else ELEMENTWISE[name]
        arrays = [value if isinstance(value, _Numbers) else _Numbers((), (sympy.sympify(value),)) for value in values]
        options = {key: _scalar(value) for key, value in (named or {}).items()}
        shape: tuple[int, ...] = torch.broadcast_shapes(*(array.shape for array in arrays))  # type: ignore[no-untyped-call]
        if math.prod(shape) > MAX_ITEMS:
            raise _NoValueError
        places = [array.index.expand(shape).reshape(-1).tolist() for array in arrays]
        columns = [[array.items[k] for k in place] for array, place in zip(arrays, places, strict=True)]
        plain = name in TAKES_CONDITIONS
        items = []
        for row in zip(*columns, strict=True):
            operands = row if plain else tuple(map(as_number, row))
            self._check_sizes(name, operands)
            items.append(self._number(rule(*operands, **options)))
        return _Numbers(tuple(shape), tuple(items))

    def _check_sizes(self, name: str, operands: Sequence[Expr]) -> None:
        """Raise _NoValueError where a function would have a result that fills the memory."""
        limited = operands[1:] if name in ("pow", "float_power") else () if name in _HARMLESS else operands
        if any(_bits(operand) > _LARGEST_ARGUMENT for operand in limited):
            raise _NoValueError

    def _moved(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> _Numbers:
        """The result of a function that only moves elements: it is given their positions."""
        items: list[Expr] = []

        def positions(argument: Any) -> Any:
            if isinstance(argument, _Numbers):
                items.extend(argument.items)
                return argument.index + (len(items) - len(argument.items))
            return [positions(part) for part in argument] if isinstance(argument, list) else argument

        placed = [positions(argument) for argument in arguments]
        result: Any = function(*placed, **{key: positions(value) for key, value in named.items()})
        if not isinstance(result, torch.Tensor) or result.numel() > MAX_ITEMS:
            raise _NoValueError
        return _Numbers(tuple(result.shape), tuple(items[k] for k in result.reshape(-1).tolist()))

    def _product(self, left: _Numbers, right: _Numbers) -> _Numbers:
        """A product of two vectors or matrices."""
        if not 1 <= min(len(left.shape), len(right.shape)) <= max(len(left.shape), len(right.shape)) <= 2:
            raise _NoValueError
        shape = torch.matmul(torch.empty(left.shape), torch.empty(right.shape)).shape
        rows = left.index.reshape(-1, left.shape[-1]).tolist()
        columns = right.index.reshape(right.shape[0], -1).T.tolist()
        if len(rows) * len(columns) * left.shape[-1] > MAX_ITEMS:
            raise _NoValueError
        items = [self._dot([left.items[i] for i in row], [right.items[j] for j in column])
                 for row in rows for column in columns]  # fmt: skip
        return _Numbers(tuple(shape), tuple(items))

    def _dot(self, left: Sequence[Expr], right: Sequence[Expr]) -> Expr:
        return self._number(sympy.Add(*(as_number(a) * as_number(b) for a, b in zip(left, right, strict=True))))

    def _along(self, name: str, required: Sequence[Any], given: dict[str, Any]) -> _Numbers:
        """A reduction, or a softmax, over all elements or along dimensions."""
        values = required[0]
        dim = required[1] if len(required) > 1 else given.pop("dim", None)
        keep = bool(given.pop("keepdim", False))
        given.pop("dtype", None)
        count = len(values.shape)
        dims = [d % count for d in ([dim] if isinstance(dim, int) else dim or range(count))] if count else []
        last = values.index.movedim(dims, list(range(count - len(dims), count)))
        groups = last.reshape(-1, math.prod(values.shape[d] for d in dims)).tolist()
        options = {key: _scalar(value) for key, value in given.items()}
        rule = OF_LISTS[name]
        if name in _SAME_SHAPE:
            items: list[Expr] = [sympy.nan] * len(values.items)
            for group in groups:
                found = rule(tuple(self._power(values.items[k]) for k in group), 0)
                for k, item in zip(group, found, strict=True):
                    items[k] = self._number(item)
            return _Numbers(values.shape, tuple(items))
        numbers = [as_number(item) for item in values.items]
        if name == "logsumexp":
            options["dim"], numbers = 0, list(map(self._power, values.items))
        reduced = [rule(tuple(numbers[k] for k in group), **options) for group in groups]
        shape = [1 if d in dims else n for d, n in enumerate(values.shape) if keep or d not in dims]
        return _Numbers(tuple(shape), tuple(map(self._number, reduced)))

    def _power(self, item: Expr) -> Expr:
        """An element of a list whose function takes its exponential."""
        number = as_number(item)
        self._check_sizes("exp", (number,))
        return number

    def _pairwise(self, name: str, required: Sequence[_Numbers], given: Mapping[str, Any]) -> _Numbers:
        """A loss of two tensors of one shape."""
        left, right = required
        if left.shape != right.shape:
            raise _NoValueError
        sides = (tuple(map(self._power, left.items)), tuple(map(self._power, right.items)))
        options = {key: value if isinstance(value, (str, bool)) else _scalar(value) for key, value in given.items()}
        found = OF_LISTS[name](*sides, **options)
        return _Numbers(left.shape, tuple(map(self._number, found))) if isinstance(found, tuple) else self._one(found)

    def _of_lists(self, name: str, required: Sequence[_Numbers], given: Mapping[str, Any]) -> _Numbers:
        """Another function of lists whose result is one number."""
        if any(len(value.shape) > 1 for value in required) or (given and name not in ("max", "min")):
            raise _NoValueError
        values = [value.items if value.shape else value.items[0] for value in (*required, *given.values())]
        return self._one(OF_LISTS[name](*values))

    def _one(self, value: Expr) -> _Numbers:
        if isinstance(value, tuple):
            raise _NoValueError
        return _Numbers((), (self._number(value),))

    def _number(self, value: Expr) -> Expr:
        """The value as a number of so many digits; nan where it is none."""
        if isinstance(value, BooleanAtom) or value.is_Integer:
            return value
        number = value if value.is_Float else sympy.sympify(value).evalf(self.digits)
        return number if number.is_Float or number.is_Rational else sympy.nan


def _floored(x: Expr, y: Expr) -> Expr:
    return floor(x / y)


def _scalar(value: Any) -> Any:
    """An optional argument as a plain value."""
    if not isinstance(value, _Numbers):
        return value
    if value.shape:
        raise _NoValueError
    return value.items[0]


def _is_number(item: Expr) -> bool:
    return isinstance(item, BooleanAtom) or bool(item.is_Float or item.is_Rational)


def _bits(number: Expr) -> int:
    """How many bits the whole part of a number has; negative for one that is small."""
    if number.is_Float:
        _, mantissa, exponent, length = number._mpf_
        return int(exponent + length) if mantissa else 0
    return int(abs(number.p)).bit_length() - int(number.q).bit_length() if number.is_Rational else 0


def _span(results: Mapping[int, _Numbers]) -> int:
    """Decimal digits between the smallest and the largest intermediate result, 1 included."""
    bits = [_bits(as_number(item)) for result in results.values() for item in result.items if _is_number(item)]
    return math.ceil((max(bits, default=0) - min(bits, default=0)) * math.log10(2))


def _shown(item: Expr) -> Digits:
    value = sympy.Float(as_number(item), 30)
    try:
        number = float(value)
    except OverflowError:
        number = math.copysign(math.inf, float(sympy.sign(value)))
    text = f"{number:.6g}" if math.isfinite(number) and (number or not value) else _scientific(value)
    return Digits(number, text)


def _scientific(value: Expr) -> str:
    """Six digits of a number beyond the range of float64."""
    mantissa, _, exponent = str(sympy.Float(value, 6)).partition("e")
    return f"{float(mantissa):g}e{exponent}" if exponent else mantissa
