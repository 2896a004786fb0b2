"""Whole numbers that stay whole: class labels and indices, where PyTorch's function needs them. No torch here.

``torch.tensor([2])`` has whole numbers in PyTorch. In an expression it has the dtype of the run, which is what
gradients need; as an index, as a class label, it is what it is in PyTorch.
"""

from __future__ import annotations

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
    is_plain,
    is_whole,
    postorder,
)
from gdcli.lang.signature import Parameter

PLACES = ("index", "labels")
"""The kinds of parameters whose whole numbers stay whole."""
_SHAPES = frozenset(
    ["reshape", "view", "flatten", "ravel", "squeeze", "unsqueeze", "transpose", "torch.t", "permute", "expand"]
)
_CLOSED = ("+", "-", "*", "//", "%")


def dtype_of(node: Node, *, lists: bool = True) -> str:
    """The dtype that PyTorch gives to constants, int64 or bool; empty for any other dtype, and for what is no constant.

    A list that stands alone is none of PyTorch's: it counts only with ``lists``.
    """
    match node:
        case Number(value=bool()):
            return "bool" if lists else ""
        case Number(value=int()):
            return "int64" if lists else ""
        case ListOf(items=items) if lists and items:
            found = {dtype_of(item) for item in items}
            return found.pop() if len(found) == 1 else ""
        case Unary(operand=operand):
            return "int64" if dtype_of(operand, lists=lists) == "int64" else ""
        case Binary(operator=operator, left=left, right=right) if operator in _CLOSED:
            sides = [side for side in (left, right) if not isinstance(side, Number)]
            whole = all(dtype_of(side, lists=True) == "int64" for side in (left, right))
            return "int64" if whole and any(dtype_of(side, lists=lists) for side in sides) else ""
        case Call():
            return _of_call(node)
    return ""


def _of_call(call: Call) -> str:
    if any(argument.parameter.kind == "dtype" for argument in call.arguments):
        return ""
    if "whole numbers" in call.function.facts:
        return "int64"
    if "dtype of its numbers" not in call.function.facts:
        return ""
    values = [a.value for a in call.arguments if a.parameter.kind in ("data", "number")]
    found = {"" if isinstance(value, (Static, tuple)) else _of_number(value) for value in values}
    return found.pop() if len(found) == 1 else ""


def _of_number(value: Node) -> str:
    """The dtype of a number, which may be one that is known only when the expression runs."""
    return dtype_of(value) or ("int64" if is_plain(value) and is_whole(value) else "")


def stays_whole(node: Node, parameter: Parameter | None) -> str:
    """The dtype of constants in the place of an argument, or of an index (no parameter); empty elsewhere."""
    if isinstance(node, (Number, ListOf)) or (parameter is not None and parameter.kind not in PLACES):
        return ""
    return dtype_of(node, lists=False)


def names_in_places(expression: Expression) -> dict[str, str]:
    """The variables that are indices or class labels in an expression, each with the kind of its place."""
    found: dict[str, str] = {}
    for node in postorder(expression.root):
        places: list[tuple[Node, str]] = []
        if isinstance(node, Index):
            places = [(item, "index") for item in children(node)[1:]]
        elif isinstance(node, Call):
            places = [
                (a.value, a.parameter.kind)
                for a in node.arguments
                if a.parameter.kind in PLACES and not isinstance(a.value, (Static, tuple))
            ]
        for part, kind in places:
            if (name := _moved(part)) is not None:
                found[name] = kind
    return found


def _moved(node: Node) -> str | None:
    """The variable whose elements a node has: itself, a part of it, or another shape of it."""
    while not isinstance(node, Variable):
        match node:
            case Reference(value=value) | Application(value=value) | Index(value=value):
                node = value
            case Attribute(value=value, name="T"):
                node = value
            case Call(function=function, arguments=(Argument(value=value), *_)) if function.usual in _SHAPES:
                node = value  # type: ignore[assignment]  # the tensor, which is their first argument
            case _:
                return None
    return node.name


def typed(name: str, value: Expression, places: dict[str, str], own: Expression | None) -> str:
    """The dtype of a variable's value where it stays whole; ``own`` is what the program itself gives to the name."""
    kind = places.get(name)
    if kind is None:
        return ""
    lists = kind == "index" or (own is not None and dtype_of(own.root, lists=False) != "")
    return dtype_of(value.root, lists=lists)
