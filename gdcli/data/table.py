"""Values from CSV: a column, several, or the whole table."""

from __future__ import annotations

import codecs
import contextlib
import io
import itertools
import math
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from gdcli.cells import BadLineError, cells_of, delimiter_of, number_of, short_cell
from gdcli.data.file import File
from gdcli.errors import GdcliError
from gdcli.lang.arrays import Array, Origin
from gdcli.lang.limits import MAX_ELEMENTS
from gdcli.lang.suggest import did_you_mean

_NUMBER = re.compile(r"-?\d{1,9}")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
_FEW = 8  # columns in a hint

Line = tuple[int, bytes]
"""The number of a line, counted from 1, and its bytes."""


class _Table(NamedTuple):
    """What the first line of a table says: how many columns there are, and their names where it is a header."""

    file: File
    labels: list[str]
    header: bool
    delimiter: str

    def cells(self, line: bytes) -> Sequence[bytes | str]:
        return line.split() if self.delimiter == " " else cells_of(line, self.delimiter)

    def label(self, place: int, line: int) -> str:
        """How an error calls a cell."""
        column = self.labels[place] if self.header and self.labels[place] else f"column {place} (counted from 0)"
        return f"{column} in line {line} of {self.file.name}"


def read_table(file: File, selector: str | None) -> Array:
    """The numbers of a table: shape (rows, columns), or (rows,) for one column.

    The first line that is not blank is a header, unless it has only numbers. Other blank lines are skipped.

    Raises:
        GdcliError: for a column that there is not, a line of another length, and a cell that is not a number.
    """
    lines = _lines(file)
    first, second = next(lines, None), next(lines, None)
    if first is None:
        raise GdcliError("values", f"{file.name} is empty")
    table = _table(file, first, second)
    places = _places(table, selector)
    rows = [first] if not table.header else []
    if table.header and second is None:
        raise GdcliError("values", f"{file.name} has a header and no lines below it")
    rest = itertools.chain(rows, [] if second is None else [second], lines)
    try:
        numbers = _numbers(table, places, rest)
    except BadLineError as error:
        raise GdcliError("values", str(error), _hint(table, selector, str(error))) from None
    count = len(numbers) // len(places)
    origin = Origin(file.path, "csv", tuple(places), header=table.header, delimiter=table.delimiter)
    return Array.of_floats((count,) if len(places) == 1 else (count, len(places)), numbers, origin)


def _lines(file: File) -> Iterator[Line]:
    for number, line in enumerate(io.BytesIO(file.content.removeprefix(codecs.BOM_UTF8)), start=1):
        if line.strip():
            yield number, line.rstrip(b"\r\n")


def _table(file: File, first: Line, second: Line | None) -> _Table:
    try:
        text = first[1].decode()
    except UnicodeDecodeError as error:
        message = f"line {first[0]} of {file.name} is not text in UTF-8: byte 0x{first[1][error.start]:02x}"
        hint = f"save it as UTF-8, for example: iconv -f latin1 -t UTF-8 {file.name}"
        raise GdcliError("values", f"{message} at column {error.start + 1}", hint) from None
    delimiter = delimiter_of(text)
    if delimiter not in text and 1 < len(text.split()) == len((second or first)[1].split()):
        delimiter = " "
    found = _Table(file, [], header=False, delimiter=delimiter)
    try:
        labels = [_text(cell).strip() for cell in found.cells(first[1])]
    except BadLineError as error:
        raise GdcliError("values", f"line {first[0]} of {file.name}: {error}") from None
    return found._replace(labels=labels, header=not all(map(_is_number, labels)))


def _text(cell: bytes | str) -> str:
    return cell if isinstance(cell, str) else cell.decode()


def _is_number(label: str) -> bool:
    with contextlib.suppress(ValueError):
        float(label)
        return True
    return False


def _places(table: _Table, selector: str | None) -> list[int]:
    """The numbers of the columns that are meant."""
    if selector is None:
        by_number = places = list(range(len(table.labels)))
    else:
        words = [selector] if selector in table.labels else [word.strip() for word in selector.split(",")]
        places = [_place(table, word) for word in words]
        by_number = [place for place, word in zip(places, words, strict=True) if word not in table.labels]
    if table.header and any(_is_number(table.labels[place]) for place in by_number):
        message = f"the first line of {table.file.name} has both names and numbers, so it may be a header or not"
        raise GdcliError("values", message, "give every column a name, or none, or select columns by their names")
    return places


def _place(table: _Table, word: str) -> int:
    """The number of a column, by its name or by its number from 0; from the end, it is negative."""
    name, labels = table.file.name, table.labels
    if table.header and word in labels:
        if labels.count(word) > 1:
            raise GdcliError("values", f"{name} has {labels.count(word)} columns '{word}'", "select one by its number")
        return labels.index(word)
    if _NUMBER.fullmatch(word):
        if -len(labels) <= int(word) < len(labels):
            return int(word) % len(labels)
        last = len(labels) - 1
        message = f"{name} has no column {word}: it has {len(labels)}, counted from 0"
        raise GdcliError("values", message, f"the columns are 0 to {last}" if last else "the only column is 0")
    if not table.header:
        hint = f"give the number of a column, from 0 to {len(labels) - 1}"
        raise GdcliError("values", f"{name} has no column '{word}': its first line has no names", hint)
    shown = ", ".join(map(short_cell, labels[:_FEW])) + (", ..." if len(labels) > _FEW else "")
    hint = did_you_mean(word, labels) or f"its columns are {shown}"
    raise GdcliError("values", f"{name} has no column '{word}'", hint)


def _numbers(table: _Table, places: list[int], lines: Iterator[Line]) -> array[float]:
    """The numbers of the columns, line by line."""
    numbers, width, most = array("d"), len(table.labels), MAX_ELEMENTS - len(places)
    cells: Callable[[bytes], Sequence[bytes | str]] = table.cells
    for number, line in lines:
        row = cells(line)
        if len(row) != width:
            message = f"line {number} of {table.file.name} has {_cells(len(row))}"
            raise BadLineError(f"{message}, but the {'header' if table.header else 'first line'} has {width}")
        if len(numbers) > most:
            raise GdcliError("limit", f"{table.file.name} has more than {MAX_ELEMENTS:,} numbers", "select a column")
        for place in places:
            try:
                value = float(row[place])
            except ValueError:
                value = math.inf
            if math.isinf(value):
                value = number_of(table.label(place, number), row[place])
            numbers.append(value)
    return numbers


def _cells(count: int) -> str:
    return f"{count} cell" if count == 1 else f"{count} cells"


def _hint(table: _Table, selector: str | None, message: str) -> str:
    """What may be done about a line that cannot be read."""
    if _DECIMAL_COMMA.search(message):
        return "write decimals with a point"
    if selector is None and len(table.labels) > 1 and message.endswith("not a number"):
        return f"select the columns with numbers, for example: @{table.file.path}:{_first_with_numbers(table)}"
    return ""


def _first_with_numbers(table: _Table) -> str:
    """The name of the first column whose first cell is a number, or its number."""
    lines = _lines(table.file)
    first, second = next(lines), next(lines, None)
    row = table.cells((second or first)[1])
    place = next((i for i, cell in enumerate(row[: len(table.labels)]) if _is_number(_shown(cell))), 0)
    return table.labels[place] if table.header and table.labels[place] else str(place)


def _shown(cell: bytes | str) -> str:
    return cell if isinstance(cell, str) else cell.decode(errors="replace")
