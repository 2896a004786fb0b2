"""The operations of one run for many: the same mathematics in the same order, with the runs along a last axis.

With the runs last, shapes broadcast as they do for one run. Pointwise operations are taken as they are; what counts
dimensions has them counted from the front; sums add in the order of PyTorch's kernel for one contiguous tensor.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from gdcli.batch.recording import Level, NotRecordedError, Recorded, Slot, constant, mapped, slots_in
from gdcli.batch.sums import MOST_TERMS, add_in_order, lanes_of_sum, order_of_sum


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """An operation on slots whose tensors have a last axis of runs.

    ``run(*arguments, out=result)`` makes it, with tensors in the places of slots; a ``view`` has no ``out`` and returns
    a view of its argument. ``pointwise``: an element of the result depends on the same element of the arguments alone.
    ``keywords`` of one that is not pointwise are what the generated code needs beyond the name.
    """

    name: str
    run: Callable[..., Any]
    arguments: tuple[Any, ...]
    result: Slot
    keywords: Mapping[str, Any] = field(default_factory=dict)
    view: bool = False
    pointwise: bool = False
    zeros: bool = False  # the result keeps zeros that are written once

    @property
    def slots(self) -> list[Slot]:
        """The slots that it reads."""
        return list(slots_in([*self.arguments, *self.keywords.values()]))


def lifted(recorded: Recorded) -> Iterator[Operation]:
    """The operations for many runs of one that was recorded with one run.

    Raises:
        NotRecordedError: for an operation that has no such form here.
    """
    name = recorded.name
    if recorded.results[0].level is Level.CONSTANT:
        return
    if name in _VIEWS or name in _PARTS:
        yield from _views(recorded)
    elif name in _OTHERS:
        yield from _OTHERS[name](recorded)
    elif torch.Tag.pointwise in recorded.function.tags:
        yield pointwise(recorded)
    else:
        raise NotRecordedError(name)


# Pointwise


def pointwise(recorded: Recorded) -> Operation:
    """A pointwise operation, whose bits are those of single runs."""
    (result,) = recorded.results
    arguments = tuple(mapped(argument, _aligned, Slot) for argument in recorded.arguments)
    keywords = {name: mapped(value, _aligned, Slot) for name, value in recorded.keywords.items()}
    name = recorded.name
    if simple := _simplified(name, arguments, keywords, result):
        return simple
    run = _with_out(recorded.function)
    return Operation(name, run, arguments, result, keywords, pointwise=True)


def _simplified(name: str, a: tuple[Any, ...], keywords: Mapping[str, Any], result: Slot) -> Operation | None:
    """What has the same bits and costs less, or has a kernel that writes into a tensor."""
    make = functools.partial(Operation, result=result, pointwise=True)
    of_run = a[0] if isinstance(a[0], Slot) else None
    if name == "pow.Tensor_Scalar" and of_run is not None and of_run.dtype == result.dtype:
        if a[1] == 1:
            return Operation("alias", lambda x: x, (of_run,), result, view=True)
        if a[1] == 2:
            return make("mul.Tensor", torch.mul, (of_run, of_run))
    if name == "mul.Tensor" and len(a) == 2:
        for one, other in ((a[0], a[1]), (a[1], a[0])):
            if _is_one(one) and isinstance(other, Slot) and (other.shape, other.dtype) == (result.shape, result.dtype):
                return Operation("alias", lambda x: x, (other,), result, view=True)
    if name in _SCALARS:
        run, kind = _SCALARS[name]
        if keywords or (len(a) > 2 and a[2] != 1) or not isinstance(a[1], (int, float)):
            return None
        number = constant(torch.tensor(a[1], dtype=result.dtype))
        return make(kind, run, (number, a[0]) if name.startswith("rsub") else (a[0], number))
    if name in ("add.Tensor", "sub.Tensor", "mul.Tensor", "div.Tensor") and not keywords:
        base = name.split(".", maxsplit=1)[0]
        scaled = {"alpha": a[2]} if len(a) > 2 else {}
        return make(name, getattr(torch, base), a[:2], keywords=scaled)
    if name in ("neg.default", "abs.default", "sqrt.default", "exp.default", "log.default", "sin.default",
                "cos.default", "tanh.default", "maximum.default", "minimum.default", "addcmul.default",
                "addcdiv.default", "sign.default"):  # fmt: skip
        return make(name, getattr(torch, name.split(".", maxsplit=1)[0]), a, keywords=keywords)
    return None


_SCALARS: dict[str, tuple[Callable[..., Any], str]] = {
    "mul.Scalar": (torch.mul, "mul.Tensor"),
    "div.Scalar": (torch.div, "div.Tensor"),
    "add.Scalar": (torch.add, "add.Tensor"),
    "sub.Scalar": (torch.sub, "sub.Tensor"),
    "rsub.Scalar": (torch.sub, "sub.Tensor"),
}


def _is_one(argument: Any) -> bool:
    if not isinstance(argument, Slot):
        return bool(argument == 1)
    return argument.value is not None and argument.value.dtype.is_floating_point and bool((argument.value == 1).all())


def _aligned(slot: Slot) -> Slot:
    """A constant with a last axis for the runs."""
    if slot.many or slot.value is None or slot.value.dim() == 0:
        return slot
    value = slot.value.unsqueeze(-1)
    return Slot(slot.shape, slot.dtype, slot.level, many=False, value=value)


@functools.cache
def _with_out(function: Any) -> Callable[..., Any]:
    """The overload of an operation that writes into a given tensor; one that copies, where there is none."""
    packet = function.overloadpacket
    wanted = [(argument.name, str(argument.type)) for argument in function._schema.arguments]  # noqa: SLF001
    for overload in packet.overloads():
        found = getattr(packet, overload)
        arguments = found._schema.arguments  # noqa: SLF001
        own = [(argument.name, str(argument.type)) for argument in arguments if not argument.is_out]
        if len(arguments) == len(own) + 1 and own == wanted:
            (name,) = (argument.name for argument in arguments if argument.is_out)
            return found if name == "out" else functools.partial(_named_otherwise, found, name)

    def copied(*arguments: Any, out: torch.Tensor, **keywords: Any) -> None:
        out.copy_(function(*arguments, **keywords))

    return copied


def _named_otherwise(function: Any, name: str, *arguments: Any, out: torch.Tensor, **keywords: Any) -> None:
    """A call of an overload that writes into its ``grad_input``."""
    function(*arguments, **keywords, **{name: out})


# Views


def _views(recorded: Recorded) -> Iterator[Operation]:
    if recorded.name in _PARTS:
        for i, result in enumerate(recorded.results):
            yield _view(recorded, functools.partial(_PARTS[recorded.name], i=i), result)
    else:
        yield _view(recorded, _VIEWS[recorded.name], recorded.results[0])


def _view(recorded: Recorded, make: Callable[..., Any], result: Slot) -> Operation:
    source, *rest = recorded.arguments
    dims = len(source.shape)

    def run(x: torch.Tensor) -> torch.Tensor:
        return make(x, dims, result.shape, *rest)  # type: ignore[no-any-return]

    return Operation(recorded.name, run, (source,), result, view=True)


def _positive(dim: int, dims: int) -> int:
    return dim + dims if dim < 0 else dim


def _select(x: torch.Tensor, n: int, _: Any, dim: int, index: int) -> torch.Tensor:
    return x.select(_positive(dim, n), index)


def _slice(
    x: torch.Tensor, n: int, _: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> torch.Tensor:
    dim = _positive(dim, n)
    return x[(slice(None),) * dim + (slice(*slice(start, end, step).indices(x.shape[dim])),)]


def _unbound(x: torch.Tensor, n: int, _: Any, dim: int = 0, *, i: int) -> torch.Tensor:
    return x.select(_positive(dim, n), i)


def _permuted(x: torch.Tensor, n: int, _: Any, dims: Sequence[int]) -> torch.Tensor:
    return x.permute(*(_positive(dim, n) for dim in dims), n)


_VIEWS: dict[str, Callable[..., torch.Tensor]] = {
    **dict.fromkeys(["detach.default", "alias.default", "lift_fresh.default"], lambda x, _n, _s: x),
    **dict.fromkeys(
        ["view.default", "_unsafe_view.default", "reshape.default", "squeeze.default", "squeeze.dim", "squeeze.dims"],
        lambda x, _n, shape, *_: x.view(*shape, x.shape[-1]),
    ),
    "expand.default": lambda x, _n, shape, *_: x.expand(*shape, x.shape[-1]),
    "unsqueeze.default": lambda x, n, _s, dim: x.unsqueeze(dim + n + 1 if dim < 0 else dim),
    "t.default": lambda x, n, _s: x.transpose(0, 1) if n == 2 else x,
    "transpose.int": lambda x, n, _s, a, b: x.transpose(_positive(a, n), _positive(b, n)),
    "permute.default": _permuted,
    "select.int": _select,
    "slice.Tensor": _slice,
}
_PARTS: dict[str, Callable[..., torch.Tensor]] = {"unbind.int": _unbound}


# Sums


def _sum(recorded: Recorded) -> Iterator[Operation]:
    """A sum over all dimensions, or over some, in the order of one contiguous tensor."""
    source = recorded.arguments[0]
    (result,) = recorded.results
    dims = recorded.arguments[1] if len(recorded.arguments) > 1 else None
    is_mean = recorded.name.startswith("mean")
    n = len(source.shape)
    over = tuple(range(n)) if not dims else tuple(sorted(_positive(dim, n) for dim in dims))
    if recorded.keywords.get("dtype") not in (None, source.dtype) or source.dtype != result.dtype:
        raise NotRecordedError(recorded.name)
    count = math.prod(source.shape[dim] for dim in over)
    inner = bool(over) and over[-1] == n - 1 and over == tuple(range(over[0], n))
    tree = order_of_sum(count, lanes_of_sum(source.dtype)) if inner and 1 < count <= MOST_TERMS else None

    def run(x: torch.Tensor, *, out: torch.Tensor) -> None:
        if n == 0 or count == 1:
            out.copy_(x.reshape(out.shape))
        elif tree is not None:
            rows = x.reshape(*x.shape[: over[0]], count, x.shape[-1]).unbind(over[0])
            add_in_order(tree, rows, out.view(rows[0].shape))
        else:
            torch.sum(x, over, out=out.view(*(s for d, s in enumerate(x.shape) if d not in over)))
        if is_mean:
            out.div_(count)

    yield Operation("mean" if is_mean else "sum", run, (source,), result, {"tree": tree, "over": over, "count": count})


# Products


def _product(recorded: Recorded) -> Iterator[Operation]:
    """``mm``, ``mv`` and ``dot``: sums of products, added from the first to the last."""
    a, b = recorded.arguments[:2]
    (result,) = recorded.results
    (shape, other), (strides, others) = (a.shape, b.shape), recorded.strides[:2]
    fused, exact = fit_of_product(recorded.function, (shape, strides), (other, others), result.dtype)
    scratch: dict[Any, torch.Tensor] = {}

    def run(a: torch.Tensor, b: torch.Tensor, *, out: torch.Tensor) -> None:
        left, right = _as_matrices(recorded.name, a, b)
        into = out.view(left.shape[0], right.shape[1], out.shape[-1])
        torch.mul(left[:, 0, None], right[None, 0], out=into)
        if not fused and into.shape not in scratch:
            scratch[into.shape] = torch.empty_like(into)
        for k in range(1, left.shape[1]):
            if fused:
                torch.addcmul(into, left[:, k, None], right[None, k], out=into)
            else:
                torch.mul(left[:, k, None], right[None, k], out=scratch[into.shape])
                torch.add(into, scratch[into.shape], out=into)

    yield Operation(recorded.name, run, (_aligned(a), _aligned(b)), result, {"fused": fused, "exact": exact})


Layout = tuple[tuple[int, ...], tuple[int, ...]]
"""The shape and the strides of a tensor."""
_TRIALS = 8


@functools.cache
def fit_of_product(function: Any, a: Layout, b: Layout, dtype: torch.dtype) -> tuple[bool, bool]:
    """How products are summed up here so that the bits are PyTorch's in most places, and whether they are in all.

    The first is whether a product and its sum are rounded together. It is found by trying: the order and the rounding
    of a BLAS library depend on the sizes, on the layout and on the processor.
    """
    generator = torch.Generator().manual_seed(0)

    def drawn(layout: Layout) -> torch.Tensor:
        empty = torch.empty_strided(*layout, dtype=dtype)
        return empty.copy_(torch.randn(layout[0], generator=generator, dtype=torch.float64))

    def differences(*, fused: bool) -> int:
        x, y = drawn(a), drawn(b)
        left, right = _as_matrices(str(function).removeprefix("aten."), x, y)
        found = left[:, 0, None] * right[None, 0]
        for k in range(1, left.shape[1]):
            one, other = left[:, k, None].expand_as(found), right[None, k].expand_as(found)
            found = torch.addcmul(found, one, other) if fused else found + one * other
        return int((found.reshape(-1) != function(x, y).reshape(-1)).sum())

    together = sum(differences(fused=True) for _ in range(_TRIALS))
    apart = sum(differences(fused=False) for _ in range(_TRIALS))
    return together < apart, min(together, apart) == 0


def _as_matrices(name: str, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if name == "dot.default":
        return a.unsqueeze(0), b.unsqueeze(1)
    return (a, b.unsqueeze(1)) if name == "mv.default" else (a, b)


# What writes a part of its result, or joins parts


def _placed(recorded: Recorded) -> Iterator[Operation]:
    """The gradient of ``x[i]`` or ``x[a:b]``: zeros, with the gradient of the part in its place."""
    gradient, sizes, *where = recorded.arguments
    take = _select if recorded.name.startswith("select") else _slice
    (result,) = recorded.results

    def run(g: torch.Tensor, *, out: torch.Tensor) -> None:
        take(out, len(sizes), None, *where).copy_(g)

    yield Operation(recorded.name, run, (gradient,), result, {"where": tuple(where)}, zeros=True)


def _joined(recorded: Recorded) -> Iterator[Operation]:
    """``stack`` and ``cat``: each part is copied to its place."""
    parts = tuple(map(_aligned, recorded.arguments[0]))
    dim = recorded.arguments[1] if len(recorded.arguments) > 1 else 0
    (result,) = recorded.results
    dim = _positive(dim, len(result.shape))
    stacks = recorded.name.startswith("stack")

    def run(*parts: torch.Tensor, out: torch.Tensor) -> None:
        start = 0
        for part in parts:
            if stacks:
                out.select(dim, start).copy_(part)
                start += 1
            else:
                out.narrow(dim, start, part.shape[dim]).copy_(part)
                start += part.shape[dim]

    yield Operation(recorded.name, run, parts, result, {"dim": dim})


def copied(recorded: Recorded) -> Iterator[Operation]:
    """A copy, perhaps in another dtype."""
    (result,) = recorded.results

    def run(x: torch.Tensor, *, out: torch.Tensor) -> None:
        out.copy_(x)

    yield Operation("copy", run, (recorded.arguments[0],), result, pointwise=True)


_OTHERS: dict[str, Callable[[Recorded], Iterator[Operation]]] = {
    **dict.fromkeys(["sum.default", "sum.dim_IntList", "mean.default", "mean.dim"], _sum),
    **dict.fromkeys(["mm.default", "mv.default", "dot.default"], _product),
    **dict.fromkeys(["select_backward.default", "slice_backward.default"], _placed),
    **dict.fromkeys(["stack.default", "cat.default"], _joined),
    **dict.fromkeys(["_to_copy.default", "clone.default"], copied),
}
