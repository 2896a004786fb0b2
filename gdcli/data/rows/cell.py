"""A cell of a table as a number, and columns of cells as numbers and texts. The cells are text, as CSV has them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import msgspec

MISSING = frozenset(("", "NA", "null"))
"""The cells that have no value."""

BOOLEANS = {"true": 1.0, "True": 1.0, "TRUE": 1.0, "false": 0.0, "False": 0.0, "FALSE": 0.0}

# JSON has numbers as CSV mostly does; msgspec rounds them as float() does, and is several times faster.
_NUMBERS = msgspec.json.Decoder(list[float])
_NUMBERS_AND_GAPS = msgspec.json.Decoder(list[float | None])


def number_in(cell: str) -> float:
    """The number that a cell represents: NaN for a missing one, 0 and 1 for booleans.

    Raises:
        ValueError: for anything else, also for what Python reads as NaN, as infinity, or with underscores.
    """
    text = cell.strip()
    if text in MISSING:
        return math.nan
    if text in BOOLEANS:
        return BOOLEANS[text]
    number = float(text)
    if not math.isfinite(number) or "_" in text:
        raise ValueError(text)
    return number


def numbers_in_json(text: str) -> array[float] | None:
    """The numbers that are separated by commas; None where one is not as JSON writes it."""
    try:
        return array("d", _NUMBERS.decode(f"[{text}]"))
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return None


def column_of_numbers(cells: Sequence[str]) -> tuple[array[float], bool]:
    """The numbers of a column, and whether any may be missing; those are NaN.

    Raises:
        ValueError: for a cell that is not a number.
    """
    numbers = numbers_in_json(",".join(cells))
    if numbers is not None and len(numbers) == len(cells):
        return numbers, False
    if not MISSING.isdisjoint(cells):
        text = ",".join(["null" if cell in MISSING else cell for cell in cells])
        try:
            found = _NUMBERS_AND_GAPS.decode(f"[{text}]")
        except (msgspec.MsgspecError, UnicodeEncodeError):
            found = []
        if len(found) == len(cells):
            return array("d", [math.nan if number is None else number for number in found]), True
    return array("d", map(_Cells().__getitem__, cells)), True


class _Cells(dict[str, float]):
    """The numbers of the cells that were seen: booleans and the like are few."""

    def __missing__(self, cell: str) -> float:
        number = self[cell] = number_in(cell)
        return number


def column_of_texts(cells: Sequence[str]) -> list[str]:
    """The cells as they are; "" for those that are missing.

    Raises:
        ValueError: for a cell that is not UTF-8.
    """
    "\n".join(cells).encode()
    return list(cells) if MISSING.isdisjoint(cells) else ["" if cell in MISSING else cell for cell in cells]
