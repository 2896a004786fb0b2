"""The index of ``x[i, 1:3, mask, None]``, read item by item."""

from __future__ import annotations

import ast
from types import EllipsisType
from typing import TYPE_CHECKING

from gdcli.lang.functions.elsewhere import NUMPY
from gdcli.lang.nodes import (
    Index,
    IndexItem,
    Node,
    Number,
    is_plain,
    is_shape,
)

if TYPE_CHECKING:
    from gdcli.lang.syntax import Reader


def index_of(reader: Reader, node: ast.Subscript) -> Node:
    """``x[i]``, its items read.

    Raises:
        ExpressionError: for an index that PyTorch does not have.
    """
    value = reader.node(node.value)
    if is_plain(value):
        reader.fail("syntax", "a number cannot be indexed", node)
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if not items:
        reader.fail("syntax", "the index is empty", node, "write x[0] or x[0:2]")
    if is_shape(value) and len(items) == 1 and not isinstance(items[0], ast.Slice):
        return Index(value, (reader.whole_number(items[0], "an index"),), reader.span(node))
    return Index(value, tuple(_item(reader, item) for item in items), reader.span(node))


def _item(reader: Reader, item: ast.expr) -> IndexItem:
    match item:
        case ast.Slice():
            return _slice(reader, item)
        case ast.Constant(value=None) | ast.Constant(value=EllipsisType()):
            return item.value  # type: ignore[return-value]
        case ast.Attribute(attr="newaxis") if reader.spelled(item).split(".")[0] in NUMPY:
            return None
    reader.in_index += _is_arithmetic(item)
    node = reader.node(item)
    reader.in_index -= _is_arithmetic(item)
    return reader.whole(node, item, "an index") if isinstance(node, Number) else node


def _slice(reader: Reader, item: ast.Slice) -> slice:
    bounds = (item.lower, item.upper, item.step)
    start, stop, step = (None if bound is None else reader.whole_number(bound, "an index") for bound in bounds)
    if isinstance(step, int) and step <= 0:
        reader.fail("syntax", "the step of a slice must be positive in PyTorch", item, "write flip(x, 0)")
    return slice(start, stop, step)


def _is_arithmetic(tree: ast.expr) -> bool:
    """Whether an index consists of names, numbers and operators alone."""
    parts = (ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.expr_context)
    return all(isinstance(part, parts) for part in ast.walk(tree))
