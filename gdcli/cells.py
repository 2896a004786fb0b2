"""Numbers in files: the cells of a line of CSV, nested lists of JSON, the number that a cell has. No torch here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

MOST_DIMENSIONS = 64  # of a tensor, in PyTorch
TOO_LARGE = "{} exceeds the largest float, about 1.8e308"

Shape = tuple[int, ...]


class BadLineError(ValueError):
    """A line, or a part of a file, that does not hold the numbers it must; the message tells the user why."""


def delimiter_of(header: str) -> str:
    """The delimiter of CSV, by its first line: a tab or a semicolon where there is one, otherwise a comma."""
    return next((mark for mark in "\t;" if mark in header), ",")


def cells_of(line: bytes, delimiter: str) -> Sequence[bytes | str]:
    """The cells of a line of CSV; those of a line with quotes are text.

    Raises:
        BadLineError: for quotes that cannot be read.
    """
    if b'"' not in line:
        return line.split(delimiter.encode())
    import csv  # a start without such lines does not wait for it

    try:
        return next(csv.reader([line.decode(errors="replace")], delimiter=delimiter))
    except csv.Error as error:
        raise BadLineError(f"it cannot be read: {error}") from None


def number_of(label: str, cell: str | bytes) -> float:
    """The number that a text represents; "nan" and "inf" are numbers too.

    Raises:
        BadLineError: for an empty cell, for what is not a number, and for a number beyond the largest float.
    """
    text = (cell.decode(errors="replace") if isinstance(cell, bytes) else cell).strip()
    if not text:
        raise BadLineError(f"{label} is empty")
    try:
        number = float(text)
    except ValueError:
        raise BadLineError(f"{label} is '{short_cell(text)}', not a number") from None
    if math.isinf(number) and "inf" not in text.lower():
        raise BadLineError(TOO_LARGE.format(label))
    return number


def flat(name: str, value: Any, depth: int = 0) -> tuple[Shape, list[float]]:
    """The shape and the numbers of nested lists, as a tensor would have them.

    Raises:
        BadLineError: for an empty list, rows of different lengths, and what is not a number.
    """
    if not isinstance(value, list):
        return (), [_json_number(name, value)]
    if not value:
        raise BadLineError(f"{name} is empty")
    if depth == MOST_DIMENSIONS:
        raise BadLineError(f"{name} has more than {MOST_DIMENSIONS} dimensions")
    if not any(isinstance(item, list) for item in value):
        return (len(value),), [_json_number(name, item) for item in value]
    items = [flat(name, item, depth + 1) for item in value]
    if any(shape != items[0][0] for shape, _ in items):
        raise BadLineError(f"the rows of {name} have different lengths")
    return (len(value), *items[0][0]), [number for _, numbers in items for number in numbers]


def _json_number(name: str, value: Any) -> float:
    """A number of JSON; a string is parsed as a number."""
    if isinstance(value, str):
        return number_of(name, value)
    try:
        return float(value)
    except TypeError:
        raise BadLineError(f"{name} is '{short_cell(msgspec.json.encode(value).decode())}', not a number") from None
    except OverflowError:
        raise BadLineError(TOO_LARGE.format(name)) from None


def short_cell(text: str) -> str:
    """The text of a cell in a message: shortened, and without what a terminal would act on."""
    text = text if len(text) <= 40 else text[:39] + "…"
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
