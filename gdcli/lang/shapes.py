"""The shape of a result, where it follows from the shapes of its parts. No torch here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import EllipsisType
from typing import Any, TypeAlias

from gdcli.lang.nodes import (
    Application,
    Attribute,
    Binary,
    Call,
    Index,
    IndexItem,
    ListOf,
    Node,
    Number,
    Reference,
    Static,
    Unary,
    Variable,
)
from gdcli.lang.signature import Function

Shape: TypeAlias = tuple[int, ...]


def shape_of(node: Node, below: Sequence[Shape | None], variables: Mapping[str, Shape]) -> Shape | None:
    """The shape of a node's result from those of its children; None when it is not known."""
    match node:
        case Number():
            return ()
        case Variable(name=name):
            return variables.get(name, ())
        case Unary() | Reference() | Application():
            return below[0]
        case Attribute(name="T") if below[0] is not None:
            return below[0][::-1]
        case ListOf():
            first = below[0] if below else ()
            return (len(below), *first) if first is not None and all(shape == first for shape in below) else None
        case Binary(operator=operator):
            return matrix_product(*below) if operator == "@" else broadcast(below)
        case Attribute(name="ndim"):
            return ()
        case Index(items=items) if below[0] is not None:
            return indexed(below[0], items)
        case Call():
            return _of_call(node, below)
    return None


def _of_call(call: Call, below: Sequence[Shape | None]) -> Shape | None:
    function = call.function
    if function.form == "size":
        return () if function.name != "size" or len(call.arguments) > 1 else None
    if "elementwise" in function.facts:
        return broadcast(below)
    if "reduction" in function.facts and len(call.arguments) == 1:
        return ()
    if "rows by columns" in function.facts and len(below) == 2:
        return matrix_product(*below)
    given: dict[str, Any] = {
        a.parameter.name: a.value.value for a in call.arguments if isinstance(a.value, (Static, Number))
    }
    if function.makes_a_tensor and isinstance(size := given.get("size"), tuple):
        return size
    if below and below[0] is not None and (shape := _moved(function, below[0], given)) is not None:
        return shape
    if function.name == "vander" and below[0] is not None and isinstance(columns := given.get("N"), int):
        return (*below[0], columns)
    return None


def _moved(function: Function, shape: Shape, given: Mapping[str, Any]) -> Shape | None:
    """The shape of the same elements in another order or of another dtype, for the functions that cells use most."""
    if function.usual in ("tensor", "clone") or "conversion" in function.facts:
        return shape
    if function.usual in ("reshape", "view"):
        sizes = given.get("shape", given.get("size"))
        return _inferred(shape, sizes) if isinstance(sizes, tuple) else None
    dim = given.get("dim")
    if function.usual == "unsqueeze" and isinstance(dim, int) and -len(shape) - 1 <= dim <= len(shape):
        at = dim % (len(shape) + 1)
        return (*shape[:at], 1, *shape[at:])
    return None


def _inferred(shape: Shape, sizes: tuple[int, ...]) -> Shape | None:
    """The sizes with the one that is -1 as it follows from the elements; None where they do not fit."""
    rest = math.prod(size for size in sizes if size >= 0)
    found = tuple(math.prod(shape) // rest if size < 0 and rest else size for size in sizes)
    return found if math.prod(found) == math.prod(shape) and sizes.count(-1) <= 1 else None


def broadcast(shapes: Sequence[Shape | None]) -> Shape | None:
    """The shape that shapes broadcast to; None when one is unknown or they cannot be broadcast."""
    result: Shape = ()
    for shape in shapes:
        if shape is None:
            return None
        width = max(len(result), len(shape))
        pairs = zip((1,) * (width - len(result)) + result, (1,) * (width - len(shape)) + shape, strict=True)
        merged = tuple(b if a == 1 else a if b in (1, a) else -1 for a, b in pairs)
        if -1 in merged:
            return None
        result = merged
    return result


def matrix_product(left: Shape | None, right: Shape | None) -> Shape | None:
    """The shape of a product of vectors and matrices; None when one is unknown, or has more dimensions."""
    if left is None or right is None or len(left) not in (1, 2) or len(right) not in (1, 2):
        return None
    return left[:-1] + right[1:]


def indexed(shape: Shape, items: Sequence[IndexItem]) -> Shape | None:
    """The shape of an indexed result; None when the index does not fit, or its shape depends on more than sizes."""
    taken = sum(item is not None and item is not ... for item in items)
    if taken > len(shape) or sum(item is ... for item in items) > 1:
        return None
    found: list[int] = []
    at = 0
    for item in (*items, ...) if ... not in items else items:
        match item:
            case None:
                found.append(1)
            case EllipsisType():
                end = at + len(shape) - taken
                found.extend(shape[at:end])
                at = end
            case int():
                at += 1
            case slice() if all(part is None or isinstance(part, int) for part in (item.start, item.stop, item.step)):
                found.append(len(range(*item.indices(shape[at]))))
                at += 1
            case _:
                return None
    return tuple(found)
