"""Generated calls of every function of the table, compared with Python's own evaluation over PyTorch."""

from __future__ import annotations

import random
import resource
import time
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.constructors import Environment
from gdcli.lang.functions import FUNCTIONS
from gdcli.lang.objective import build, tensor_result
from gdcli.lang.parsing import parse
from gdcli.lang.signature import Function, Parameter
from gdcli.tensors import plain

SHAPES = ((), (), (1,), (3,), (3,), (2, 3), (2, 3), (3, 3), (0,), (2, 0, 3), (2, 1, 3))
DTYPES = (torch.float32,) * 6 + (torch.float64,) * 2 + (torch.float16, torch.bfloat16, torch.int64, torch.int64)
DTYPES += (torch.bool, torch.int32, torch.uint8)
SPECIAL = (0.0, -0.0, 1.0, -1.0, float("inf"), float("-inf"), float("nan"), 1e-40, 5e-324, 3e38, 1e300, -2.5)
WHOLE = (0, 1, 2, 3, -1, -2, 5, 10**9, -(10**9), 2**31 - 1, 2**53 + 1, 2**63 - 1, 10**19)
NUMBERS = (
    "0",
    "1",
    "2",
    "0.5",
    "-1",
    "-1.5",
    "1e-3",
    "1e30",
    "inf",
    "nan",
    "1e300",
    "-0.0",
    "10**9",
    "9007199254740993",
)
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "@", "<", "<=", ">", ">=", "==", "!=")
PARTS = (".T", ".mT", "[0]", "[-1]", "[1:]", "[:, 0]", "[::2]", "[0, 1]", "[5]", ".values", ".indices")
_DEPTHS = (0, 0, 1, 2)
_LIMIT_S, _LIMIT_MB = 2.0, 500
# What gdcli refuses on purpose, by a part of its message.
ON_PURPOSE = (
    "must be",  # the kinds of arguments are checked when the text is read
    "takes",
    "has no argument",
    "not allowed here",
    "is not part of the expression language",
    "needs",
    "unknown",
    "a list in parentheses is not a tensor",
    "the function",
    "one comparison",
    "negative size",  # PyTorch makes such tensors, and fails when they are read
    "linalg.cholesky: The input tensor A must have",  # Tensor.cholesky, which is deprecated, takes a vector of none
)


class Maker:
    """Makes the text of an expression, and the tensors of its variables."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.tensors: dict[str, torch.Tensor] = {}
        self.is_random = False

    def tensor(self, depth: int) -> str:
        """The text of a tensor."""
        roll = self.source.random()
        if depth <= 0 or roll < 0.35:
            return self.variable()
        if roll < 0.7:
            return self.call(self.source.choice(FUNCTIONS_BY_NAME), depth - 1)
        if roll < 0.85:
            left, right = self.tensor(depth - 1), self.operand(depth - 1)
            if self.source.random() < 0.3:
                left, right = right, left
            return f"({left} {self.source.choice(OPERATORS)} {right})"
        return f"({self.tensor(depth - 1)}){self.source.choice(PARTS)}"

    def operand(self, depth: int) -> str:
        return self.number() if self.source.random() < 0.3 else self.tensor(depth)

    def number(self) -> str:
        text = self.source.choice(NUMBERS)
        return f"({text})" if text.startswith("-") or "*" in text else text

    def variable(self) -> str:
        """A variable, made or made before."""
        mine = [name for name in self.tensors if not name.startswith("i")]
        if mine and self.source.random() < 0.5:
            return self.source.choice(mine)
        name = "abcdefghijklmnopqrstuvwxyz"[len(self.tensors) % 26] + "_" * (len(self.tensors) // 26)
        name = f"{name}_"  # no constant has such a name
        shape, dtype = self.source.choice(SHAPES), self.source.choice(DTYPES)
        if mine and self.source.random() < 0.5:
            shape, dtype = self.tensors[mine[0]].shape, self.tensors[mine[0]].dtype
        numbers = torch.empty(shape, dtype=torch.float64)
        flat = numbers.view(-1)
        for i in range(flat.numel()):
            flat[i] = self.source.choice(SPECIAL) if self.source.random() < 0.3 else self.source.gauss(0, 1.5)
        if not dtype.is_floating_point:
            numbers = numbers.nan_to_num(0, 3, -3).clamp(-5, 5)
        self.tensors[name] = numbers.to(dtype)
        return name

    def call(self, function: Function, depth: int) -> str:
        """A call of a function, in one of the forms that PyTorch has."""
        self.is_random |= function.form == "random"
        positional, named, skipped = [], [], False
        for parameter in function.parameters:
            if not parameter.required and self.source.random() < 0.6:
                skipped = True
                continue
            text = self.argument(function, parameter, depth)
            if parameter.keyword_only or skipped or (not parameter.required and self.source.random() < 0.5):
                named.append(f"{parameter.name}={text}")
            else:
                positional.append(text)
        inside = ", ".join([*positional, *named])
        is_method = function.path.startswith("torch.Tensor.")
        if positional and (is_method or (function.method and self.source.random() < 0.4)):
            first = function.parameters[0]
            if first.kind in ("tensor", "either", "any"):
                target = self.tensor(depth)
                return f"({target}).{function.bare_name}({', '.join([*positional[1:], *named])})"
        return f"{function.path}({inside})"

    def argument(self, function: Function, parameter: Parameter, depth: int) -> str:  # noqa: C901, PLR0911, PLR0912 -- one a kind
        source = self.source

        def small() -> str:
            usual = source.random() < 0.9
            return str(source.choice((0, 1, 0, 1, 2, -1, 3)) if usual else source.choice(WHOLE))

        match parameter.kind:
            case "tensor":
                return self.tensor(depth)
            case "either":
                return self.operand(depth)
            case "number":
                return source.choice(NUMBERS)
            case "int":
                return small()
            case "ints":
                return small() if source.random() < 0.6 else f"({small()}, {small()})"
            case "sizes":
                return f"({', '.join(small() for _ in range(source.randint(1, 3)))},)"
            case "bool":
                return source.choice(("True", "False"))
            case "index" | "labels":
                shape = source.choice(SHAPES)
                name = f"i{len(self.tensors)}_"
                self.tensors[name] = torch.tensor(
                    [source.choice((0, 1, 2, -1, 5)) for _ in range(torch.Size(shape).numel())], dtype=torch.int64
                ).reshape(shape)
                return name
            case "tensors":
                return f"[{', '.join(self.tensor(depth) for _ in range(source.randint(1, 3)))}]"
            case "data":
                return source.choice(("1.0", "[1.0, 2, 3]", "[[1, 2], [3, 4.5]]", "[]", "[[1.0], [2, 3]]", "1e300"))
            case "lists":
                return source.choice(("[1.0, 2, 3]", "[[1, 2], [3, 4.5]]", "[True, False]", "[0, 1]"))
            case "text":
                return repr(source.choice(("ij,jk->ik", "i,i->", "ij->ji", "i,j", "...i,i->...", "ii", "bij,ij")))
            case "operands":
                return ", ".join(self.tensor(depth) for _ in range(source.randint(1, 3)))
            case "any":
                return self.tensor(depth) if source.random() < 0.5 else small()
            case "dtype":
                return source.choice(("torch.float64", "torch.float32", "torch.int64", "torch.bool", "torch.float16"))
            case "choice":
                return repr(source.choice(parameter.choices))
        raise AssertionError(f"{function.name}: {parameter.kind}")


def _is_its_own(function: Function) -> bool:
    """Whether it is no alias, and its result is a tensor."""
    return function.usual == function.name and function.form != "size"


FUNCTIONS_BY_NAME = [function for name, function in sorted(FUNCTIONS.items()) if _is_its_own(function)]
NAMES = {"torch": torch, "inf": float("inf"), "nan": float("nan")}


def by_python(text: str, tensors: dict[str, torch.Tensor]) -> Any:
    """What Python makes of the text; an exception where it or PyTorch raises one."""
    try:
        return eval(text, {**NAMES, **{name: tensor.clone() for name, tensor in tensors.items()}})
    except Exception as error:  # noqa: BLE001 -- whatever PyTorch raises
        return error


def by_gdcli(text: str, tensors: dict[str, torch.Tensor]) -> Any:
    """What gdcli makes of it; a GdcliError where it refuses it. Any other exception is a defect."""
    try:
        expression = parse(text)
        given = {name: tensors[name].clone() if name in tensors else torch.tensor(1.5) for name in expression.variables}
        result = build(expression, Environment(), given)(*given.values())
        if isinstance(result, torch.Tensor):
            plain(tensor_result(result, expression))
    except GdcliError as error:
        return error
    return result


def same(one: Any, other: Any) -> bool:
    """Whether two results are the same: kind, dtype, shape, and every bit; not-a-number is one number."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        if one.is_floating_point():
            equal = (one == other) & (torch.signbit(one) == torch.signbit(other)) | (one.isnan() & other.isnan())
            return bool(equal.all())
        return torch.equal(one, other)
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other or repr(one) == repr(other) == "nan")


def expression_case(source: random.Random) -> Iterator[str]:
    """An expression, and how gdcli differs from PyTorch over it."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    maker = Maker(source)
    text = maker.call(source.choice(FUNCTIONS_BY_NAME), source.choice(_DEPTHS))
    yield from compared(text, maker.tensors, is_random=maker.is_random)


def compared(text: str, tensors: dict[str, torch.Tensor], *, is_random: bool) -> Iterator[str]:
    """An expression, and how gdcli differs from PyTorch over it; of a random one, only whether it is answered."""
    shown = {name: (list(t.shape), str(t.dtype)[6:], t.flatten().tolist()[:6]) for name, t in tensors.items()}
    yield f"{text}    with {shown}"
    before, began = _peak(), time.process_time()
    try:
        found = by_gdcli(text, tensors)
    except Exception as error:  # noqa: BLE001 -- a defect, whatever it is
        yield f"internal error: {type(error).__name__}: {error}"
        return
    seconds, megabytes = time.process_time() - began, _peak() - before
    if seconds > _LIMIT_S or megabytes > _LIMIT_MB:
        yield f"took {seconds:.1f} s and {megabytes:.0f} MB"
        return
    if isinstance(found, GdcliError):
        if isinstance(found, ExpressionError) and not 0 <= found.span[0] <= found.span[1] <= len(found.source):
            yield f"a place outside of the text: {found.span}"
        elif is_random or found.code == "limit" or any(part in found.message for part in ON_PURPOSE):
            yield ""
        else:
            right = by_python(text, tensors)
            yield "" if isinstance(right, Exception) else f"refused: {found.message}"
        return
    if is_random:
        yield ""
        return
    right = by_python(text, tensors)
    if isinstance(right, Exception):
        yield f"accepted: {_short(found)}; PyTorch: {type(right).__name__}: {str(right).splitlines()[:1]}"
    elif (
        text.startswith(("torch.full(", "torch.arange("))
        and right.dtype == torch.int64
        and found.dtype == torch.float32
    ):
        yield ""  # a tensor of whole numbers has the dtype of the run
    else:
        yield "" if same(found, right) else f"another result: {_short(found)}; PyTorch: {_short(right)}"


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _short(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{value.flatten()[:6].tolist()} {list(value.shape)} {value.dtype}"
    return f"{type(value).__name__} {str(value)[:120]}"
