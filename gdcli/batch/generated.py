"""The source of a step as a Python function for numba: the recorded operations, one line for each number.

The runs are taken in groups of lanes, the innermost loop, so that the compiler makes vector instructions of it. No
operation is reordered or fused that PyTorch does not fuse: the bits are those of single runs, except for the functions
of ``APPROXIMATE``, which the C library rounds otherwise than PyTorch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from gdcli.batch.binding import needed
from gdcli.batch.operations import Operation
from gdcli.batch.recording import Level, NotRecordedError, Slot
from gdcli.batch.step import Step
from gdcli.batch.stepped import DTYPES, NJIT, Rows, Tests, text_of_steps
from gdcli.batch.sums import Tree
from gdcli.batch.tested import text_of_tests

_SAMPLES = 4_096  # numbers of which the root is compared
_MOST_LINES = 3_000  # of the innermost loop, beyond which compiling takes long

Names = torch.Tensor
"""The numbers of the lines that made the elements of a slot, with the shape of the slot and an axis of one run."""


def _fused(a: str, b: str, c: str) -> str:
    return f"fma({a}, {b}, {c})"


def _plus(kind: str) -> Callable[..., str]:
    def text(a: str, b: str, *rest: str, alpha: str = "") -> str:
        scale = rest[0] if rest else alpha
        if not scale:
            return f"{a} {kind} {b}"
        return _fused(b, scale if kind == "+" else f"-{scale}", a)

    return text


def _scaled(form: str) -> Callable[..., str]:
    def text(a: str, b: str, c: str, *, value: str = "") -> str:
        scaled = f"({value} * {b})" if value else b
        return _fused(scaled, c, a) if form == "*" else f"{a} + {scaled} / {c}"

    return text


def _clamped(x: str, low: str = "", high: str = "", *, min: str = "", max: str = "") -> str:
    low, high = low or min, high or max
    inner = f"larger({x}, {low})" if low not in ("", "none") else x
    return f"smaller({inner}, {high})" if high not in ("", "none") else inner


TEXTS: Mapping[str, Callable[..., str]] = {
    "add.Tensor": _plus("+"),
    "sub.Tensor": _plus("-"),
    "mul.Tensor": lambda a, b: f"{a} * {b}",
    "div.Tensor": lambda a, b: f"{a} / {b}",
    "neg.default": lambda a: f"-{a}",
    "abs.default": lambda a: f"abs({a})",
    "reciprocal.default": lambda a: f"one / {a}",
    "sign.default": lambda a: f"sign({a})",
    "sgn.default": lambda a: f"sign({a})",
    "maximum.default": lambda a, b: f"larger({a}, {b})",
    "minimum.default": lambda a, b: f"smaller({a}, {b})",
    "clamp.default": _clamped,
    "clamp.Tensor": _clamped,
    "clamp_min.default": lambda a, b: f"larger({a}, {b})",
    "clamp_max.default": lambda a, b: f"smaller({a}, {b})",
    "relu.default": lambda a: f"larger({a}, zero)",
    "sigmoid_backward.default": lambda g, y: f"{g} * (one - {y}) * {y}",
    "tanh_backward.default": lambda g, y: f"{g} * fma(-{y}, {y}, one)",
    "addcmul.default": _scaled("*"),
    "addcdiv.default": _scaled("/"),
    "lerp.Tensor": lambda a, b, w: f"lerp({a}, {b}, {w})",
    "where.self": lambda c, a, b: f"({a} if {c} else {b})",
    "copy": lambda a: a,
    **{f"{name}.{kind}": (lambda a, b, sign=sign: f"{a} {sign} {b}")
       for name, sign in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="), ("eq", "=="), ("ne", "!="))
       for kind in ("Scalar", "Tensor")},
}  # fmt: skip
"""Pointwise operations that have the same bits as PyTorch's: the text of each, of the texts of its arguments."""

APPROXIMATE: Mapping[str, str] = {
    **{f"{name}.default": name for name in (
        "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan",
        "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc",
    )},
    "pow.Tensor_Scalar": "pow",
    "pow.Tensor_Tensor": "pow",
    "atan2.default": "atan2",
    "sigmoid.default": "sigmoid",
    "sqrt.default": "sqrt",
}  # fmt: skip
"""Functions that the C library computes, by the name that the generated source has for them: last bits may differ."""

_POWERS = {3.0: "{0} * {0} * {0}", -1.0: "one / {0}", -2.0: "one / ({0} * {0})"}
"""The powers that PyTorch computes without ``pow``, with the same bits."""


@functools.cache
def root_is_nearest(dtype: torch.dtype) -> bool:
    """Whether PyTorch's square roots are the nearest numbers, found by trying: those of MKL are not always."""
    numbers = (4 * torch.rand(_SAMPLES, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).to(dtype)
    nearest = torch.tensor([math.sqrt(number) for number in numbers.tolist()], dtype=torch.float64).to(dtype)
    return torch.equal(numbers.sqrt(), nearest)


@dataclass(slots=True)
class Source:
    """The text of the functions; what they are called with beside a tile's tensors, in order.

    ``lines`` is how many lines a step has, and ``working`` how many numbers a group of runs needs. ``runs`` are slots
    with a number for each run, ``steps`` those with one for each step, and ``each`` those with one for each step and
    run. ``constants`` are the numbers of the source, ``approximate`` the functions whose bits may differ.
    """

    text: str
    lines: int
    working: int
    runs: list[Slot]
    steps: list[Slot]
    each: list[Slot]
    constants: dict[str, tuple[float, torch.dtype]] = field(default_factory=dict)
    approximate: list[str] = field(default_factory=list)


class Writer:
    """Writes the lines of the innermost loop."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.lines: list[str] = []
        self.texts: list[str] = []  # of each number: the name of a variable, or of a constant
        self.names: dict[Slot, Names] = {}
        self.runs: list[Slot] = []
        self.steps: list[Slot] = []
        self.each: list[Slot] = []
        self.constants: dict[str, tuple[float, torch.dtype]] = {}
        self.approximate: set[str] = set()

    def number(self, text: str) -> int:
        """The number of a text."""
        self.texts.append(text)
        return len(self.texts) - 1

    def line(self, value: str) -> int:
        """A new variable."""
        if len(self.lines) >= _MOST_LINES:
            raise NotRecordedError(f"a step of more than {_MOST_LINES:,} lines")
        name = f"v{len(self.texts)}"
        self.lines.append(f"{name} = {value}")
        return self.number(name)

    def constant(self, value: float, dtype: torch.dtype) -> str:
        """The name of a constant."""
        for name, known in self.constants.items():
            if known[1] == dtype and (known[0] == value and math.copysign(1, known[0]) == math.copysign(1, value)):
                return name
        name = f"c{len(self.constants)}"
        self.constants[name] = (value, dtype)
        return name

    def names_of(self, slot: Slot) -> list[str]:
        """The text of each element of a slot."""
        return self.texts_of(self.known(slot))

    def texts_of(self, numbers: Names) -> list[str]:
        """The texts of some numbers, in order."""
        return [self.texts[n] for n in numbers.reshape(-1).tolist()]

    def known(self, slot: Slot) -> Names:
        """The names of a slot: of what a line has made, of a constant, or of what the function is given."""
        if slot not in self.names:
            self.names[slot] = self._given(slot)
        return self.names[slot]

    def _given(self, slot: Slot) -> Names:
        if slot.value is not None:
            value = slot.value if slot.value.shape == (*slot.shape, 1) else slot.value.reshape(*slot.shape, 1)
            texts = [self.constant(float(each), slot.dtype) for each in value.reshape(-1).tolist()]
            return self._array([self.number(text) for text in texts], slot.shape)
        if not slot.many:
            self.steps.append(slot)
            return self._array([self.number(f"s{len(self.steps) - 1}")], slot.shape)
        kind, letter = (self.each, "e") if slot.level is Level.STEP else (self.runs, "r")
        kind.append(slot)
        first = sum(each.size for each in kind[:-1])
        return self._array([self.number(f"{letter}{first + i}") for i in range(slot.size)], slot.shape)

    @staticmethod
    def _array(numbers: Sequence[int], shape: tuple[int, ...]) -> Names:
        return torch.tensor(numbers, dtype=torch.int64).reshape(*shape, 1)

    def write(self, operations: Sequence[Operation]) -> None:
        """Write operations.

        Raises:
            NotRecordedError: for one that has no text.
        """
        for operation in operations:
            result = operation.result
            if operation.view:
                (source,) = operation.slots
                self.names[result] = operation.run(self.known(source))
            elif operation.name in ("sum", "mean"):
                self.names[result] = self._sum(operation)
            elif operation.name in ("mm.default", "mv.default", "dot.default"):
                self.names[result] = self._product(operation)
            elif operation.pointwise:
                self.names[result] = self._pointwise(operation)
            else:  # what only moves numbers is made with their names
                out = torch.full((*result.shape, 1), self.number(self.constant(0.0, result.dtype)))
                operation.run(*(self.known(slot) for slot in operation.slots), out=out)
                self.names[result] = out

    def _pointwise(self, operation: Operation) -> Names:
        shape = (*operation.result.shape, 1)
        arguments = [self._argument(each, operation, shape) for each in operation.arguments]
        keywords = {name: self._argument(each, operation, shape) for name, each in operation.keywords.items()}
        write = self._text_of(operation)
        made = [
            self.line(write(*(a[i] for a in arguments), **{name: k[i] for name, k in keywords.items()}))
            for i in range(operation.result.size)
        ]
        return self._array(made, operation.result.shape)

    def _text_of(self, operation: Operation) -> Callable[..., str]:
        name, dtype = operation.name, operation.result.dtype
        if name == "copy" and operation.slots[0].dtype != dtype:
            return lambda a: f"{DTYPES[dtype]}({a})"
        if name in ("sqrt.default", "pow.Tensor_Scalar") and _is_root(operation):
            if not root_is_nearest(dtype):
                self.approximate.add("sqrt")
            return lambda a, *_: f"sqrt({a})"
        if name == "pow.Tensor_Scalar" and float(operation.arguments[1]) in _POWERS:
            form = _POWERS[float(operation.arguments[1])]
            return lambda a, _: form.format(a)
        if name in TEXTS:
            return TEXTS[name]
        if name in APPROXIMATE:
            function = APPROXIMATE[name]
            self.approximate.add(function)
            return lambda *a: f"{function}({', '.join(a)})"
        raise NotRecordedError(name)

    def _argument(self, argument: Any, operation: Operation, shape: tuple[int, ...]) -> list[str]:
        """The text of an argument for each element of the result."""
        count = operation.result.size
        if isinstance(argument, Slot):
            return [self.texts[n] for n in self.known(argument).expand(shape).reshape(-1).tolist()]
        if argument is None:
            return ["none"] * count
        if isinstance(argument, (bool, int, float)):
            dtype = operation.slots[0].dtype
            return [self.constant(float(argument), dtype)] * count
        raise NotRecordedError(operation.name)

    def _sum(self, operation: Operation) -> Names:
        (source,) = operation.slots
        over, count = operation.keywords["over"], operation.keywords["count"]
        tree: Tree | None = operation.keywords["tree"]
        names = self.known(source)
        kept = [d for d in range(len(source.shape)) if d not in over]
        terms = names.permute(*kept, *over, len(source.shape)).reshape(-1, count)
        made = []
        for row in terms.tolist():
            if tree is None:
                total = row[0]
                for term in row[1:]:
                    total = self.line(f"{self.texts[total]} + {self.texts[term]}")
            else:
                total = self._added(tree, row)
            if operation.name == "mean":
                total = self.line(f"{self.texts[total]} / {self.constant(count, source.dtype)}")
            made.append(total)
        return self._array(made, operation.result.shape)

    def _added(self, tree: Tree, row: Sequence[int]) -> int:
        if isinstance(tree, int):
            return row[tree]
        chain: list[Tree] = []
        while isinstance(tree, tuple):
            tree, right = tree
            chain.append(right)
        total = row[tree]
        for right in reversed(chain):
            total = self.line(f"{self.texts[total]} + {self.texts[self._added(right, row)]}")
        return total

    def _product(self, operation: Operation) -> Names:
        a, b = (self.known(slot)[..., 0] for slot in operation.slots)
        left = a.unsqueeze(0) if operation.name == "dot.default" else a
        right = b if operation.name == "mm.default" else b.unsqueeze(1)
        made = []
        for row in left.tolist():
            for column in right.T.tolist():
                pairs = [(self.texts[i], self.texts[j]) for i, j in zip(row, column, strict=True)]
                total = self.line(f"{pairs[0][0]} * {pairs[0][1]}")
                for one, other in pairs[1:]:
                    before = self.texts[total]
                    fused = operation.keywords["fused"]
                    total = self.line(_fused(one, other, before) if fused else f"{before} + {one} * {other}")
                # a row and a column in each turn
                made.append(total)
        return self._array(made, operation.result.shape)


def _is_root(operation: Operation) -> bool:
    return operation.name == "sqrt.default" or float(operation.arguments[1]) == 0.5


def source_of(step: Step, tests: Tests) -> Source:
    """The function that makes many steps of many runs, with some tests.

    Raises:
        NotRecordedError: for an operation that the generated source does not have.
    """
    writer = Writer(step)
    elements = step.x.size
    writer.names[step.x] = writer._array([writer.number(f"x{i}") for i in range(elements)], (elements,))  # noqa: SLF001
    for k, (name, slot) in enumerate(step.state.items()):
        if not slot.many:
            raise NotRecordedError(f"the state {name}, which is the same for all runs")
        numbers = [writer.number(f"m{k}_{i}") for i in range(slot.size)]
        writer.names[slot] = writer._array(numbers, slot.shape)  # noqa: SLF001
    wanted = {step.loss, *step.gradients.values()}
    writer.write(needed([o for o in step.evaluation if o.result.level is Level.STATE], wanted))
    evaluated = len(writer.lines)
    gradient = torch.cat([writer.known(slot).reshape(-1) for slot in step.gradients.values()])
    writer.names[step.gradient] = gradient.reshape(-1, 1)
    (loss,) = writer.names_of(step.loss)
    update = step.update
    made = {update.x, *update.state.values()}
    operations = [o for o in update.operations if o.result.level is Level.STATE or (
        o.result.level is Level.STEP and o.result.many)]  # fmt: skip
    writer.write(needed(operations, made))
    texts = writer.texts_of(gradient)
    return Source(
        text_of_tests(writer, tests, evaluated, loss, texts)
        + f"\n\n{NJIT}\n"
        + text_of_steps(writer, tests, evaluated, loss, texts),
        len(writer.lines), Rows(writer, tests).size,
        writer.runs, writer.steps, writer.each, writer.constants, sorted(writer.approximate),
    )  # fmt: skip
