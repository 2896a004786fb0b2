"""The function that a check compares with: the same expression, made for float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from msgspec.structs import replace

from gdcli.lang.functions import FUNCTIONS
from gdcli.lang.nodes import (
    Application,
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
    index_item,
    postorder,
)


def reference(expression: Expression, dtype: torch.dtype, *, uncut: bool = False) -> Expression:
    """The expression for float64: its plain numbers are those of ``dtype``, and all that it converts is made float64.

    What is 1.1 in float32 is the same number everywhere then, and kinks stay where they are. ``uncut`` leaves
    ``detach`` out too.
    """
    new: dict[int, Any] = {}

    def renewed(value: Any) -> Any:
        return tuple(map(renewed, value)) if isinstance(value, tuple) else new.get(id(value), value)

    for node in postorder(expression.root):
        made = _renewed(node, renewed, dtype)
        if isinstance(made, Call) and cast(node) is not None:
            made = replace(made, function=FUNCTIONS["double"], arguments=made.arguments[:1])
        new[id(node)] = made.arguments[0].value if uncut and isinstance(made, Call) and _is_detach(node) else made
    return replace(expression, root=new[id(expression.root)])


def precision(expression: Expression, dtype: torch.dtype) -> torch.dtype:
    """The coarsest floating-point dtype of an evaluation in ``dtype``: its own, or one that it converts to."""
    dtypes = [dtype, *(found for node in postorder(expression.root) if (found := cast(node)) is not None)]
    return max(dtypes, key=lambda each: torch.finfo(each).eps)


def is_cut(expression: Expression) -> bool:
    """Whether ``detach`` hides a part of the expression from autograd."""
    return any(_is_detach(node) for node in postorder(expression.root))


def cast(node: Node) -> torch.dtype | None:
    """The floating-point dtype that a node converts to, if that is what it does."""
    if not isinstance(node, Call):
        return None
    name = node.function.name if "conversion" in node.function.facts else ""
    if node.function.name == "to" and isinstance(target := node.arguments[1].value, Static):
        name = str(target.value)
    found = getattr(torch, name, None)
    return found if isinstance(found, torch.dtype) and found.is_floating_point else None


def _is_detach(node: Node) -> bool:
    return isinstance(node, Call) and node.function.name == "detach"


def _renewed(node: Node, renewed: Callable[[Any], Any], dtype: torch.dtype) -> Node:
    match node:
        case Number(value=float(value)):
            number = torch.tensor(value, dtype=dtype).item()
            return replace(node, value=number if math.isfinite(number) else value)
        case ListOf(items=items):
            return replace(node, items=renewed(items))
        case Unary(operand=operand):
            return replace(node, operand=renewed(operand))
        case Binary(left=left, right=right):
            return replace(node, left=renewed(left), right=renewed(right))
        case Index(value=value, items=items):
            return replace(node, value=renewed(value), items=tuple(index_item(item, renewed) for item in items))
        case Attribute(value=value) | Reference(value=value) | Application(value=value):
            return replace(node, value=renewed(value))
        case Call(arguments=arguments):
            return replace(node, arguments=tuple(replace(a, value=renewed(a.value)) for a in arguments))
        case _:
            return node
