"""Numbers and tensors as short text."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from gdcli.contract.fields import Nested
from gdcli.contract.nested import items
from gdcli.contract.short import short

EXACT = 17  # significant digits with which a number is exact
USUAL = 6  # digits of a table where nothing else is asked for
FEWEST = 3  # digits down to which a number is still told from others
_LEAST = 4  # digits down to which it is better to show fewer of them than fewer numbers
_EDGE = 3  # items shown at each end of a long list
_MAX_ITEMS = 8
_MATRIX_EDGE = 2  # the same of a matrix, whose rows have up to three times as many


def number(value: float | None, digits: int) -> str:
    """A number with ``digits`` significant digits; with 17 or more, the shortest exact text."""
    if value is None:
        return "None"
    if isinstance(value, int):  # bool included
        return str(value)
    return repr(value) if digits >= EXACT else short(value, digits)


def percent(share: float) -> str:
    """A share as a percentage; one that is not 0 or 1 is never shown as 0% or 100%."""
    if 0 < share < 0.0005:
        return "<0.1%"
    if 0.9995 <= share < 1:
        return ">99.9%"
    return f"{100 * share:.1f}%"


def differ(one: float | None, other: float | None, digits: int) -> bool:
    """Whether two numbers differ by at least one in the last of their significant digits."""
    if one == other or number(one, digits) == number(other, digits):
        return False
    if one is None or other is None or not math.isfinite(one - other) or digits >= EXACT:
        return True
    size = max(abs(one), abs(other))
    return abs(one - other) >= 10.0 ** (math.floor(math.log10(size)) - digits + 1)


def fewer(digits: int) -> Iterator[Sequence[int]]:
    """Numbers of digits to try where ``digits`` may not fit, the best first.

    Each group is to be tried before numbers are left out for those of the next. More digits than usual were asked for.
    """
    if digits > USUAL:
        yield [digits]
    most = min(digits, USUAL)
    yield range(most, min(most, _LEAST) - 1, -1)
    yield range(min(most, _LEAST) - 1, FEWEST - 1, -1)


def aligned(cells: Sequence[str]) -> list[str]:
    """The cells of a column, padded to the same width so that their decimal points are aligned."""
    points = [_point(cell) for cell in cells]
    left = max(points, default=0)
    padded = [" " * (left - point) + cell for cell, point in zip(cells, points, strict=True)]
    width = max(map(len, padded), default=0)
    return [cell.ljust(width) for cell in padded]


def _point(cell: str) -> int:
    """The number of characters before the decimal point or the exponent, or in total."""
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
    return math.hypot(*items(value))


def tensor(value: Nested, digits: int, *, edge: int = _MATRIX_EDGE) -> str:
    """A tensor as text: one line per row, numbers in columns, the middle of long lists left out.

    ``edge`` is the number of columns that are shown at each end of a wide matrix.
    """
    if not isinstance(value, list):
        return number(value, digits)
    if not any(isinstance(item, list) for item in value):
        return f"[{', '.join(_cell(item, digits) for item in _head_and_tail(value))}]"
    shown = _head_and_tail(value)
    rows = [row for row in shown if row is not ...]
    if any(isinstance(item, list) for row in rows for item in row):
        texts = [tensor(row, digits, edge=edge).replace("\n", "\n ") for row in rows]
    else:
        texts = _matrix_rows(rows, digits, edge)
    if len(rows) < len(shown):
        texts.insert(_EDGE, "…")
    return "[" + ",\n ".join(texts) + "]"


def tensor_within(width: int, value: Nested, digits: int) -> str:
    """A tensor as text in lines of at most ``width`` cells: a vector is wrapped, a matrix gets fewer digits or columns.

    A number that is wider stays whole.
    """
    if not any(isinstance(item, list) for item in (value if isinstance(value, list) else [])):
        return "\n".join(wrapped(tensor(value, digits), width, " "))
    tried = [fit for group in fewer(digits) for fit in group]
    texts = (tensor(value, fit, edge=edge) for edge in (_MATRIX_EDGE, 1) for fit in tried)
    return next((text for text in texts if max(map(len, text.split("\n"))) <= width), tensor(value, 1, edge=1))


def wrapped(line: str, width: int, indent: str) -> list[str]:
    """A line as lines of at most ``width`` characters that begin with ``indent``, but for the first; no word is cut."""
    kept = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.wrap(line, max(width, 1), subsequent_indent=indent, **kept) or [line]  # type: ignore[arg-type]


def _matrix_rows(rows: list[Any], digits: int, edge: int) -> list[str]:
    """The rows of a matrix with their numbers in columns."""
    cells = [[_cell(item, digits) for item in _head_and_tail(row, edge=edge, most=3 * edge)] for row in rows]
    columns = [aligned(column) for column in zip(*cells, strict=True)]
    return [f"[{', '.join(row)}]" for row in zip(*columns, strict=True)] if columns else ["[]"] * len(rows)


def _cell(item: Any, digits: int) -> str:
    return "…" if item is ... else number(item, digits)


def _head_and_tail(items: list[Any], *, edge: int = _EDGE, most: int = _MAX_ITEMS) -> list[Any]:
    return items if len(items) <= most else [*items[:edge], ..., *items[-edge:]]
