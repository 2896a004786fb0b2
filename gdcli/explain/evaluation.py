"""One evaluation of an expression in numbers of many digits, node by node, by the counterparts of its functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
import torch
from sympy.logic.boolalg import BooleanAtom

from gdcli.explain.counterparts import ELEMENTWISE, OF_LISTS, TAKES_CONDITIONS, as_number
from gdcli.explain.known import Expr, floor
from gdcli.explain.symbolic import exact
from gdcli.lang.compiler import resolve
from gdcli.lang.constructors import Environment
from gdcli.lang.limits import SIZED
from gdcli.lang.nodes import (
    Application,
    Argument,
    Attribute,
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
    index_item,
    is_shape,
    postorder,
)
from gdcli.lang.objective import build
from gdcli.lang.operators import BINARY, UNARY

MAX_ITEMS = 3_000
"""Numbers that one evaluation may compute."""
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
        "torch.t",
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
        "linalg.diagonal",
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


class NoValueError(Exception):
    """A node that cannot be computed in many digits."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The result of a node: its shape, and its elements in order."""

    shape: tuple[int, ...]
    items: tuple[Expr, ...]

    @property
    def index(self) -> torch.Tensor:
        """The positions of the elements, in the shape of the result."""
        return torch.arange(len(self.items)).reshape(self.shape)


Shift = Mapping[str, Mapping[int, Expr]]
"""A change of elements: for each variable, what is added to its elements."""


class Evaluation:
    """One evaluation of an expression, to so many digits."""

    def __init__(
        self,
        expression: Expression,
        environment: Environment,
        point: Mapping[str, Numbers],
        digits: int,
        shift: Shift | None,
    ) -> None:
        self.expression = expression
        self.environment = environment
        self.point = point
        self.digits = digits
        self.shift = shift
        self.found: dict[int, Numbers] = {}

    def result(self, node: Node) -> Numbers:
        """The result of a node, from those of its children."""
        match node:
            case Number(value=value):
                return Numbers((), (self._number(exact(value)),))
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
            case Reference(value=value) | Application(value=value):
                return self.found[id(value)]
            case Attribute(value=value, name="shape" | "ndim" as name):
                return self._sizes(value, name)
            case Index(value=value, items=items):
                index = tuple(index_item(item, self._positions) for item in items)
                return self._moved(lambda part: part[index], self.found[id(value)])
            case Attribute(value=value, name="T" | "mT" as name):
                return self._moved(lambda part: getattr(part, name), self.found[id(value)])
            case Call():
                return self._call(node)
        raise NoValueError

    def _sizes(self, of: Node, name: str, dim: int | None = None) -> Numbers:
        """What follows from the shape of a tensor: the shape, as whole numbers in a row, or one number."""
        shape = self.found[id(of)].shape
        sizes = {"len": shape[:1], "numel": (math.prod(shape),), "dim": (len(shape),), "ndim": (len(shape),)}
        found = sizes.get(name, shape if dim is None else (shape[dim],))
        items = tuple(map(sympy.Integer, found))
        return Numbers((len(items),) if name in ("shape", "size") and dim is None else (), items)

    def _positions(self, node: Node) -> Any:
        """An index that is a tensor: of whole numbers, or of truth values."""
        numbers = self.found[id(node)]
        if all(isinstance(item, BooleanAtom) for item in numbers.items):
            return torch.tensor([bool(item) for item in numbers.items]).reshape(numbers.shape)
        if not all(item == int(item) for item in numbers.items):
            raise NoValueError
        return torch.tensor([int(item) for item in numbers.items], dtype=torch.int64).reshape(numbers.shape)

    def _variable(self, name: str) -> Numbers:
        numbers = self.point[name]
        items = list(numbers.items)
        for i, change in (self.shift or {}).get(name, {}).items():
            items[i] += change
        return Numbers(numbers.shape, tuple(map(self._number, items)))

    def _call(self, call: Call) -> Numbers:
        name = call.function.usual
        given = {a.parameter.name: self._argument(a) for a in call.arguments}
        if call.function.form == "size":
            return self._sizes(next(iter(children(call))), name, given.get("dim"))
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

    def _argument(self, argument: Argument) -> Any:
        value = argument.value
        if isinstance(value, Static):
            return value.value
        found = [self.found[id(item)] for item in (value if isinstance(value, tuple) else [value])]
        if argument.parameter.kind in SIZED:
            whole = [int(item) for numbers in found for item in numbers.items]
            return whole if isinstance(value, tuple) or is_shape(value) else whole[0]
        return found if isinstance(value, tuple) else found[0]

    def _constant(self, node: Node) -> Numbers:
        """A part without variables, as PyTorch computes it in float64."""
        parts = list(postorder(node))
        if any(isinstance(p, Variable) or (isinstance(p, Call) and p.function.form == "random") for p in parts):
            raise NoValueError
        result: Any = build(Expression(self.expression.source, node, ()), self.environment)()
        if not isinstance(result, torch.Tensor) or result.numel() > MAX_ITEMS:
            raise NoValueError
        return Numbers(tuple(result.shape), tuple(self._number(exact(x)) for x in result.reshape(-1).tolist()))

    def _elementwise(self, name: str, values: Sequence[Any], named: Mapping[str, Any] | None = None) -> Numbers:
        rule = _floored if name == "floor_divide" else ELEMENTWISE[name]
        arrays = [value if isinstance(value, Numbers) else Numbers((), (sympy.sympify(value),)) for value in values]
        options = {key: _scalar(value) for key, value in (named or {}).items()}
        shape: tuple[int, ...] = torch.broadcast_shapes(*(array.shape for array in arrays))  # type: ignore[no-untyped-call]
        if math.prod(shape) > MAX_ITEMS:
            raise NoValueError
        places = [array.index.expand(shape).reshape(-1).tolist() for array in arrays]
        columns = [[array.items[k] for k in place] for array, place in zip(arrays, places, strict=True)]
        plain = name in TAKES_CONDITIONS
        items = []
        for row in zip(*columns, strict=True):
            operands = row if plain else tuple(map(as_number, row))
            self._check_sizes(name, operands)
            items.append(self._number(rule(*operands, **options)))
        return Numbers(tuple(shape), tuple(items))

    def _check_sizes(self, name: str, operands: Sequence[Expr]) -> None:
        """Raise NoValueError where a function would have a result that fills the memory."""
        limited = operands[1:] if name in ("pow", "float_power") else () if name in _HARMLESS else operands
        if any(bits(operand) > _LARGEST_ARGUMENT for operand in limited):
            raise NoValueError

    def _moved(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Numbers:
        """The result of a function that only moves elements: it is given their positions."""
        items: list[Expr] = []

        def positions(argument: Any) -> Any:
            if isinstance(argument, Numbers):
                items.extend(argument.items)
                return argument.index + (len(items) - len(argument.items))
            return [positions(part) for part in argument] if isinstance(argument, list) else argument

        placed = [positions(argument) for argument in arguments]
        result: Any = function(*placed, **{key: positions(value) for key, value in named.items()})
        if not isinstance(result, torch.Tensor) or result.numel() > MAX_ITEMS:
            raise NoValueError
        return Numbers(tuple(result.shape), tuple(items[k] for k in result.reshape(-1).tolist()))

    def _product(self, left: Numbers, right: Numbers) -> Numbers:
        """A product of two vectors or matrices."""
        if not 1 <= min(len(left.shape), len(right.shape)) <= max(len(left.shape), len(right.shape)) <= 2:
            raise NoValueError
        shape = torch.matmul(torch.empty(left.shape), torch.empty(right.shape)).shape
        rows = left.index.reshape(-1, left.shape[-1]).tolist()
        columns = right.index.reshape(right.shape[0], -1).T.tolist()
        if len(rows) * len(columns) * left.shape[-1] > MAX_ITEMS:
            raise NoValueError
        items = [self._dot([left.items[i] for i in row], [right.items[j] for j in column])
                 for row in rows for column in columns]  # fmt: skip
        return Numbers(tuple(shape), tuple(items))

    def _dot(self, left: Sequence[Expr], right: Sequence[Expr]) -> Expr:
        return self._number(sympy.Add(*(as_number(a) * as_number(b) for a, b in zip(left, right, strict=True))))

    def _along(self, name: str, required: Sequence[Any], given: dict[str, Any]) -> Numbers:
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
            return Numbers(values.shape, tuple(items))
        numbers = [as_number(item) for item in values.items]
        if name == "logsumexp":
            options["dim"], numbers = 0, list(map(self._power, values.items))
        reduced = [rule(tuple(numbers[k] for k in group), **options) for group in groups]
        shape = [1 if d in dims else n for d, n in enumerate(values.shape) if keep or d not in dims]
        return Numbers(tuple(shape), tuple(map(self._number, reduced)))

    def _power(self, item: Expr) -> Expr:
        """An element of a list whose function takes its exponential."""
        number = as_number(item)
        self._check_sizes("exp", (number,))
        return number

    def _pairwise(self, name: str, required: Sequence[Numbers], given: Mapping[str, Any]) -> Numbers:
        """A loss of two tensors of one shape."""
        left, right = required
        if left.shape != right.shape:
            raise NoValueError
        sides = (tuple(map(self._power, left.items)), tuple(map(self._power, right.items)))
        options = {key: value if isinstance(value, (str, bool)) else _scalar(value) for key, value in given.items()}
        found = OF_LISTS[name](*sides, **options)
        return Numbers(left.shape, tuple(map(self._number, found))) if isinstance(found, tuple) else self._one(found)

    def _of_lists(self, name: str, required: Sequence[Numbers], given: Mapping[str, Any]) -> Numbers:
        """Another function of lists whose result is one number."""
        if any(len(value.shape) > 1 for value in required) or (given and name not in ("max", "min")):
            raise NoValueError
        values = [value.items if value.shape else value.items[0] for value in (*required, *given.values())]
        return self._one(OF_LISTS[name](*values))

    def _one(self, value: Expr) -> Numbers:
        if isinstance(value, tuple):
            raise NoValueError
        return Numbers((), (self._number(value),))

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
    if not isinstance(value, Numbers):
        return value
    if value.shape:
        raise NoValueError
    return value.items[0]


def is_number(item: Expr) -> bool:
    """Whether an item is a number or a truth value, and not nan or something that SymPy cannot evaluate."""
    return isinstance(item, BooleanAtom) or bool(item.is_Float or item.is_Rational)


def bits(number: Expr) -> int:
    """How many bits the whole part of a number has; negative for one that is small."""
    if number.is_Float:
        _, mantissa, exponent, length = number._mpf_
        return int(exponent + length) if mantissa else 0
    return int(abs(number.p)).bit_length() - int(number.q).bit_length() if number.is_Rational else 0
