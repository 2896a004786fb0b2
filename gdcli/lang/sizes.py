"""Whole numbers that follow from shapes which are known before anything runs: ``X.shape[1]``, ``len(x)``."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gdcli.lang.constants import ConstantError, fold
from gdcli.lang.limits import known_shapes
from gdcli.lang.nodes import Application, Attribute, Binary, Call, Index, Node, Number, Reference, Static, is_shape
from gdcli.lang.operators import BINARY
from gdcli.lang.shapes import Shape


def size_of(node: Node, shapes: Mapping[str, Shape]) -> int | None:
    """The whole number that a node is, from the shapes of the variables; None where it does not follow from them."""
    match node:
        case Number(value=int(value)):
            return value
        case Reference(value=value) | Application(value=value):
            return size_of(value, shapes)
        case Attribute(name="ndim", value=value):
            shape = _shape(value, shapes)
            return None if shape is None else len(shape)
        case Index(value=value, items=(int(item),)) if is_shape(value):
            return _part(_shape(_subject(value), shapes), item)
        case Call(function=function) if function.form == "size":
            return _of_call(node, shapes)
        case Binary(operator=operator, left=left, right=right) if operator in ("+", "-", "*", "//"):
            sides = size_of(left, shapes), size_of(right, shapes)
            if sides[0] is None or sides[1] is None:
                return None
            try:
                return int(fold(BINARY[operator], sides[0], sides[1]))
            except ConstantError:
                return None
    return None


def _of_call(call: Call, shapes: Mapping[str, Shape]) -> int | None:
    subject, *others = (argument.value for argument in call.arguments)
    shape = None if isinstance(subject, (Static, tuple)) else _shape(subject, shapes)
    if shape is None:
        return None
    match call.function.name:
        case "len":
            return _part(shape, 0)
        case "dim":
            return len(shape)
        case "numel":
            return math.prod(shape)
        case "size" if others and isinstance(others[0], Static) and isinstance(others[0].value, int):
            return _part(shape, others[0].value)
    return None


def _subject(shape: Node) -> Node:
    """The tensor whose shape a node is."""
    match shape:
        case Reference(value=value) | Application(value=value):
            return _subject(value)
        case Call(arguments=arguments):
            return arguments[0].value  # type: ignore[return-value]
        case Attribute(value=value):
            return value
    return shape


def _shape(node: Node, shapes: Mapping[str, Shape]) -> Shape | None:
    return known_shapes(node, shapes)[id(node)]


def _part(shape: Shape | None, item: int) -> int | None:
    return shape[item] if shape is not None and -len(shape) <= item < len(shape) else None
