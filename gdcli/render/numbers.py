"""Numbers and tensors as short text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from gdcli.results import Nested

EXACT = 17  # significant digits from which on a number is shown exactly
_EDGE = 3  # items shown at each end of a long list
_MAX_ITEMS = 8


def number(value: float | None, digits: int) -> str:
    """A number with so many significant digits; from 17 on the shortest text that is exact."""
    if value is None:
        return "None"
    if isinstance(value, int):  # bool included
        return str(value)
    return repr(value) if digits >= EXACT else f"{value:.{digits}g}"


def aligned(cells: Sequence[str]) -> list[str]:
    """The cells of a column, padded so that their decimal points stand below each other."""
    points = [_point(cell) for cell in cells]
    left = max(points, default=0)
    padded = [" " * (left - point) + cell for cell, point in zip(cells, points, strict=True)]
    width = max(map(len, padded), default=0)
    return [cell.ljust(width) for cell in padded]


def _point(cell: str) -> int:
    """How many characters stand before the decimal point, or before the exponent, or in all."""
    for mark in (".", "e"):
        if mark in cell and cell.lstrip("-")[:1].isdigit():
            return cell.index(mark)
    return len(cell)


def elements(name: str, value: Nested, index: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Each number of a tensor with its label: ``x``, ``x[0]``, ``W[0,1]``."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from elements(name, item, (*index, i))
    else:
        yield f"{name}[{','.join(map(str, index))}]" if index else name, value


def norm(value: Nested) -> float | None:
    """The Euclidean norm of the numbers of a tensor; None for None."""
    if value is None:
        return None
    return math.hypot(*(number for _, number in elements("", value)))


def tensor(value: Nested, digits: int) -> str:
    """A tensor as text, one line a row, the middle of long ones left out."""
    if not isinstance(value, list):
        return number(value, digits)
    if any(isinstance(item, list) for item in value):
        rows = [tensor(item, digits) for item in _head_and_tail(value)]
        if all("\n" not in row for row in rows):
            rows = _columns(value, digits)
        return "[" + ",\n ".join(row.replace("\n", "\n ") for row in rows) + "]"
    return "[" + ", ".join("…" if item is ... else number(item, digits) for item in _head_and_tail(value)) + "]"


def _columns(matrix: list[Any], digits: int) -> list[str]:
    """The rows of a matrix with their numbers in columns."""
    rows = [
        ["…"] if row is ... else ["…" if item is ... else number(item, digits) for item in _head_and_tail(row)]
        for row in _head_and_tail(matrix)
    ]
    full = [row for row in rows if row != ["…"] or len(rows) == 1]
    if len({len(row) for row in full}) != 1:
        return [f"[{', '.join(row)}]" for row in rows]
    columns = [aligned(column) for column in zip(*full, strict=True)]
    lines = iter([f"[{', '.join(cells)}]" for cells in zip(*columns, strict=True)])
    return ["…" if row == ["…"] and len(rows) > 1 else next(lines) for row in rows]


def _head_and_tail(items: list[Any]) -> list[Any]:
    return items if len(items) <= _MAX_ITEMS else [*items[:_EDGE], ..., *items[-_EDGE:]]
