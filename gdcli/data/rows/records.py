"""The lines of a file of CSV as records: a cell in quotes may have the delimiter, and go on in the next line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

LONGEST = 2**24  # bytes of a line


class Lines(Iterator[str]):
    """The lines of a file as text: ``position`` is the byte at which the next one begins, ``number`` that of the last.

    A byte that is not UTF-8 becomes a surrogate, so that it matters only where the cell is used.
    """

    def __init__(self, opened: BinaryIO, position: int, number: int = 0) -> None:
        opened.seek(position)
        self._opened = opened
        self.position = position
        self.number = number

    def __next__(self) -> str:
        line = self._opened.readline(LONGEST)
        if not line:
            raise StopIteration
        self.position += len(line)
        self.number += 1
        return line.decode(errors="surrogateescape")


def next_line(opened: BinaryIO) -> bytes:
    """The next line that is not blank; empty at the end."""
    return next((line for line in iter(lambda: opened.readline(LONGEST), b"") if line.strip()), b"")


def records(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    """The cells of each line that is not blank.

    Raises:
        csv.Error: for a cell of more characters than the limit of ``csv``.
    """
    return (cells for cells in all_records(lines, delimiter) if not is_blank(cells))


def all_records(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    """The same with those of blank lines; cells that are separated by a space may be so by several."""
    if delimiter == " ":
        lines = (f"{line.strip()}\n" for line in lines)
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter == " ")


def is_blank(cells: list[str]) -> bool:
    """Whether the cells are those of a blank line."""
    return not cells or (len(cells) == 1 and not cells[0].strip())
