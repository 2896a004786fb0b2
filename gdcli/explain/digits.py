"""The value of an expression and its slopes in as many digits as they need, node by node.

``exp(1000)`` and ``1 - sigmoid(50)`` are lost in a float. Here every node is computed in numbers of hundreds of digits
and any exponent (SymPy's Float, which is mpmath's), by the counterparts of the functions. The number of digits grows
until two evaluations agree, and is always more than the sizes of the intermediate results are apart. A slope is a
difference quotient with a step far below the spacing of floats.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy
import torch

from gdcli.errors import GdcliError
from gdcli.explain.counterparts import as_number
from gdcli.explain.differences import SETTLED, Sides
from gdcli.explain.evaluation import MAX_ITEMS, Evaluation, NoValueError, Numbers, Shift, bits, is_number
from gdcli.explain.known import Expr, NoCounterpartError
from gdcli.explain.symbolic import exact
from gdcli.explain.work import OutOfWorkError, Work
from gdcli.lang.constructors import Environment
from gdcli.lang.nodes import Application, Binary, Expression, Node, Reference, postorder

CALLS = 500_000
"""Calls of SymPy's functions for a value and all its slopes, unless they are given another amount of work."""
_DIGITS = 60
_MOST_DIGITS = 6_000
_DIGITS_OF_ZERO = 2_500  # before a difference that is 0 counts as 0
_AGREE = sympy.Float("1e-25")
_STEP = 40  # digits below x: the step of a difference quotient
_STEP_AT_ZERO = 330  # at x = 0: below the smallest float
_SMALLER = 8  # digits by which the second step is smaller
_RUNS_OFF = 10.0  # change of a quotient from which on it goes to infinity, or by the inverse to 0


@dataclass(frozen=True, slots=True)
class Digits:
    """A number: its ``float`` (infinite beyond the range of float64), and six digits as text whatever its exponent."""

    number: float
    text: str

    @property
    def is_below_floats(self) -> bool:
        """Whether it is not 0, and its float is."""
        return self.number == 0 and self.text != "0"


class ManyDigits:
    """An expression at a point, in as many digits as it needs. What cannot be computed is None."""

    def __init__(self, expression: Expression, tensors: Mapping[str, torch.Tensor], work: Work | None = None) -> None:
        """``tensors`` are the point: their numbers are taken to the last bit. It ends when no ``work`` is left."""
        self._work = Work(CALLS) if work is None else work
        self._expression = expression
        self._point = {
            name: Numbers(tuple(tensor.shape), tuple(map(exact, tensor.detach().reshape(-1).tolist())))
            for name, tensor in tensors.items()
        }
        self._environment = Environment(torch.float64)
        self._digits = _DIGITS
        self._results: dict[int, Numbers] = {}
        self._value = self._precise()

    @property
    def value(self) -> Digits | None:
        """The value of the expression; None where it is not defined, or has no counterpart."""
        return None if self._value is None else _shown(self._value)

    @property
    def work(self) -> int:
        """What an evaluation costs: the numbers that it computes, those of many digits counted several times."""
        computed = {id(result): result for result in self._results.values()}  # a use of a name computes nothing
        return sum(len(result.items) for result in computed.values()) * max(1, self._digits // 300)

    def elements(self, node: Node) -> list[Digits | None] | None:
        """The elements of the result at a node; None where the evaluation did not get there."""
        if self._value is None or id(node) not in self._results:
            return None
        return [_shown(item) if is_number(item) else None for item in self._results[id(node)].items]

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
            with self._work.limit():
                here = self._root(self._evaluated(digits))
                left, right = (
                    self._quotient(direction, [sign * step for step in steps], here, digits, tolerance)
                    for sign in (-1, 1)
                )
                return Sides(left, right)
        except (NoValueError, OutOfWorkError):
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
        except (NoValueError, OverflowError):
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
            with self._work.limit():
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
        except (NoValueError, OutOfWorkError):
            return None

    def _cancels(self) -> bool:
        """Whether a sum or a difference of numbers that are not 0 is 0."""
        for node in postorder(self._expression.root):
            if isinstance(node, Binary) and node.operator in "+-":
                left, right, both = (self._results[id(each)].items for each in (node.left, node.right, node))
                if 0 in both and any(item != 0 for item in (*left, *right)):
                    return True
        return False

    def _root(self, results: Mapping[int, Numbers]) -> Expr:
        found = results[id(self._expression.root)]
        if len(found.items) != 1 or not is_number(found.items[0]):
            raise NoValueError
        return as_number(found.items[0])

    def _evaluated(self, digits: int, shift: Shift | None = None) -> dict[int, Numbers]:
        """The result of every node.

        Raises:
            NoValueError: for what has no counterpart, or is too large.
        """
        evaluation = Evaluation(self._expression, self._environment, self._point, digits, shift)
        count = 0
        for node in postorder(self._expression.root):
            try:
                evaluation.found[id(node)] = evaluation.result(node)
            except NoValueError:
                raise
            except (NoCounterpartError, GdcliError, RuntimeError, ArithmeticError) as error:
                raise NoValueError from error
            except (TypeError, ValueError, AttributeError, LookupError) as error:  # SymPy fails in many ways
                raise NoValueError from error
            if not isinstance(node, (Reference, Application)):
                count += len(evaluation.found[id(node)].items)
            if count > MAX_ITEMS:
                raise NoValueError
        return evaluation.found


def _span(results: Mapping[int, Numbers]) -> int:
    """Decimal digits between the smallest and the largest intermediate result, 1 included."""
    sizes = [bits(as_number(item)) for result in results.values() for item in result.items if is_number(item)]
    return math.ceil((max(sizes, default=0) - min(sizes, default=0)) * math.log10(2))


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
