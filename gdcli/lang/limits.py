"""How large a tensor may become, computed before it is allocated. No torch here.

``largest`` bounds the number of elements of every intermediate result from shapes alone: broadcasting can at most
multiply. Only when the bound is over the limit does objective.py try the expression on tensors without storage.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from gdcli.lang.nodes import Binary, Call, Index, ListOf, Node, Number, Static, children, postorder
from gdcli.lang.shapes import Shape, shape_of

MAX_ELEMENTS = 10_000_000
MAX_PARTS = 10_000  # tensors that one tensor may be split into

SIZED = frozenset(["int", "ints", "sizes"])
"""The kinds of parameters that take whole numbers."""


def constructor_elements(name: str, arguments: Sequence[Any]) -> float:
    """The number of elements that a constructor will make from its arguments, given in order; inf when unknown."""
    count: float = _count(name, list(arguments))
    return count


def _count(name: str, arguments: list[Any]) -> Any:
    match name, arguments:
        case "arange", _ if not all(isinstance(value, (int, float)) for value in arguments):
            return 0  # it rejects that itself
        case "arange", [end]:
            return _steps(end)
        case "arange", [start, end]:
            return _steps(end - start)
        case "arange", [start, end, step] if step:
            return _steps((end - start) / step)
        case "linspace" | "logspace", [_, _, steps, *_]:
            return max(0, steps)
        case "eye", [n]:
            return n * n
        case "eye", [n, m]:
            return n * (n if m is None else m)
        case "randperm", [n]:
            return n
        case _, values:
            sizes = [value for value in values if isinstance(value, tuple)]
            return math.prod(sizes[-1]) if sizes else 1


def _steps(count: float) -> float:
    """How many numbers ``arange`` makes; 0 for a count that is not finite, which ``arange`` itself rejects."""
    return math.ceil(max(0, count)) if math.isfinite(count) else 0


def lists_of(shape: Sequence[int]) -> int:
    """How many lists a tensor of this shape is written with; a tensor without elements may have many empty ones."""
    return sum(itertools.accumulate(shape[:-1], operator.mul, initial=1)) if shape else 0


def known_shapes(root: Node, shapes: Mapping[str, Shape]) -> dict[int, Shape | None]:
    """The shape of each result in the tree by the id of its node, None where it is not known.

    ``shapes`` are those of the variables.
    """
    known: dict[int, Shape | None] = {}
    for node in postorder(root):
        shape = shape_of(node, [known[id(child)] for child in children(node)], shapes)
        is_range = isinstance(node, Call) and node.function.name in ("arange", "linspace", "logspace")
        if shape is None and isinstance(node, Call) and is_range:
            shape = _of_range(node, shapes)
        known[id(node)] = shape
    return known


def _of_range(call: Call, shapes: Mapping[str, Shape]) -> Shape | None:
    """The shape of ``arange`` and the like, whose numbers are written, or sizes of tensors."""
    from gdcli.lang.sizes import size_of  # which reads shapes from here

    given: dict[str, Any] = {}
    for argument in call.arguments:
        value = argument.value
        if argument.parameter.kind != "dtype" and not isinstance(value, tuple):
            known = value.value if isinstance(value, (Static, Number)) else size_of(value, shapes)
            if known is None and not isinstance(value, Static):
                return None
            given[argument.parameter.name] = known
    arguments = [given[p.name] for p in call.function.parameters if p.name in given]
    return (int(constructor_elements(call.function.name, arguments)),)


def largest(root: Node, shapes: Mapping[str, Shape]) -> float:
    """An upper bound on the number of elements of any result in the tree; ``shapes`` are those of the variables.

    Where the shape of a result follows from those of its parts, its elements are counted; elsewhere they are bounded.
    """
    known = known_shapes(root, shapes)
    bounds: dict[int, float] = {}
    for node in postorder(root):
        below, shape = [bounds[id(child)] for child in children(node)], known[id(node)]
        is_wide = isinstance(node, Call) and "wide" in node.function.facts
        bounds[id(node)] = max(1.0, _bound(node, below) if shape is None or is_wide else math.prod(shape))
    return max(bounds.values())


def _bound(node: Node, below: list[float]) -> float:
    """An upper bound on the number of elements of a result whose shape is not known."""
    match node:
        case ListOf():
            return sum(below)
        case Binary() | Index():
            return math.prod(below)
        case Call():
            return _call_bound(node, below)
    return max(below, default=1)


def _call_bound(call: Call, below: list[float]) -> float:
    name, facts = call.function.name, call.function.facts
    if _is_known_later(call):
        return math.inf
    sizes = [a.value.value for a in call.arguments if a.parameter.kind in SIZED and isinstance(a.value, Static)]
    factor = math.prod(abs(n) for size in sizes for n in _whole_numbers(size) if n)
    bound = math.prod(below) * factor
    if "parts" in facts and bound > MAX_PARTS:
        return math.inf
    if call.function.makes_a_tensor and name != "tensor":
        return max(bound, constructor_elements(name, constructor_arguments(call)))
    return bound * bound if "square" in facts else bound


def _is_known_later(call: Call) -> bool:
    """Whether a size, or a number that a constructor needs, is known only when the expression runs."""
    return any(
        not isinstance(argument.value, (Static, Number))
        for argument in call.arguments
        if argument.parameter.kind in SIZED or (argument.parameter.kind == "number" and call.function.makes_a_tensor)
    )


def constructor_arguments(call: Call) -> list[Any]:
    """The plain values of a constructor's arguments, in the order of its parameters."""
    given = {a.parameter.name: a.value.value for a in call.arguments if isinstance(a.value, (Static, Number))}
    return [given[p.name] for p in call.function.parameters if p.name in given and p.kind != "dtype"]


def _whole_numbers(size: object) -> tuple[int, ...]:
    if isinstance(size, tuple):
        return size
    return (size,) if isinstance(size, int) and not isinstance(size, bool) else ()
