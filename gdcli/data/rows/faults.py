"""What is wrong with a file of CSV, and where: its lines are read once more, one by one."""

from __future__ import annotations

import csv
import math
import re
import shlex
from collections import Counter
from typing import TYPE_CHECKING

from gdcli.cells import TOO_LARGE, BadLineError, number_of, short_cell
from gdcli.data.rows.cell import number_in
from gdcli.data.rows.records import LONGEST, Lines, all_records, is_blank
from gdcli.errors import GdcliError

if TYPE_CHECKING:
    from gdcli.data.rows.delimited import Delimited
    from gdcli.data.rows.files import DataFile
    from gdcli.data.rows.source import Wanted

_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
_MISSING = ("n/a", "#n/a", "nan", "none", "nil", "-", "--", "?", ".", "*", "missing", "unknown")  # as others write it
GAP = "where a value is missing, leave the cell empty or write NA"


def check_names(file: DataFile, names: list[str], line: int) -> tuple[str, ...]:
    """The names of columns; one that is empty is called by its number, from 1.

    Raises:
        GdcliError: for numbers in the place of names, and for a name that occurs twice.
    """
    if all(map(_is_number, names)):
        message = f"{file.name} has no header: all cells of line {line} are numbers"
        raise GdcliError("data", message, "put the names of the columns in the first line, for example: area,price")
    bad = next((name for name in names if not _is_text(name)), "")
    if bad:
        raise _bad_encoding(file, bad.encode(errors="surrogateescape"), line, "the name of a column")
    named = tuple(name or f"column {place}" for place, name in enumerate(names, start=1))
    return check_unique(file, named, f"give each a name of its own in line {line}")


def check_unique(file: DataFile, names: tuple[str, ...], hint: str) -> tuple[str, ...]:
    """The names of columns; GdcliError for one that occurs twice."""
    double = next((name for name, count in Counter(names).items() if count > 1), None)
    if double is not None:
        raise GdcliError("data", f"{file.name} has {names.count(double)} columns '{double}'", hint)
    return names


def fault_in(source: Delimited, wanted: Wanted, position: int) -> GdcliError:
    """The first error in the lines from a byte on, which is the beginning of a line."""
    file, width = source.file, len(source.columns)
    with file.open() as opened:
        lines = Lines(opened, position, lines_before(source.file, position))
        first = lines.number + 1
        try:
            for cells in all_records(lines, source.delimiter):
                begin, first = first, lines.number + 1
                if is_blank(cells):
                    continue
                if len(cells) != width:
                    return _ragged(source, cells, begin)
                by_name = dict(zip(source.columns, cells, strict=True))
                for name in wanted.numbers:
                    if error := _bad_number(source, name, by_name[name], begin):
                        return error
                for name in wanted.texts:
                    if not _is_text(by_name[name]):
                        return _bad_encoding(file, by_name[name].encode(errors="surrogateescape"), begin, name)
        except csv.Error as error:
            message = f"line {first} of {file.name} cannot be read: {error}"
            return GdcliError("data", message, 'a quote (") that begins a cell has to end it')
    file.check()
    return GdcliError("data", f"the lines of {file.name} from {first} on cannot be read")


def lines_before(file: DataFile, position: int) -> int:
    """How many lines there are before a byte."""
    count = 0
    with file.open() as opened:
        while position and (block := opened.read(min(LONGEST, position))):
            count += block.count(b"\n")
            position -= len(block)
    return count


def _ragged(source: Delimited, cells: list[str], line: int) -> GdcliError:
    width = len(source.columns)
    count = f"{len(cells)} cell" if len(cells) == 1 else f"{len(cells)} cells"
    message = f"line {line} of {source.file.name} has {count}, but the header has {width}"
    hint = ""
    if len(cells) == width + 1 and line == source.header_line + 1:
        hint = "if its first column has no name, put one in the header"
    elif len(cells) > width:
        hint = f"a cell that has a '{source.delimiter}' in it must stand in quotes" if source.delimiter != " " else ""
    return GdcliError("data", message, hint)


def _bad_number(source: Delimited, name: str, cell: str, line: int) -> GdcliError | None:
    """The error of a cell that is not a number; None for one that is."""
    try:
        number_in(cell)
    except ValueError:
        return bad_number(
            f"{name} in line {line} of {source.file.name}", cell, source.hint.format(column=shlex.quote(name))
        )
    return None


def bad_number(label: str, cell: str, hint: str, gap: str = GAP) -> GdcliError:
    """The error of a text that is not a number.

    ``hint`` is for one that is just another text, ``gap`` says how a missing value is written.
    """
    text = cell.strip()
    if text.lower() in _MISSING:
        hint = gap
    elif _DECIMAL_COMMA.fullmatch(text) and not _THOUSANDS.fullmatch(text):
        hint = "write decimals with a point"
    elif _THOUSANDS.fullmatch(text):
        hint = "write numbers without a comma"
    try:
        number = number_of(label, cell)
    except BadLineError as error:
        return GdcliError("data", str(error), "" if str(error).startswith(TOO_LARGE.format(label)) else hint)
    if math.isfinite(number):  # Python reads underscores between digits
        return GdcliError("data", f"{label} is '{short_cell(text)}', not a number", hint)
    return not_finite(label, number, gap)


def not_finite(label: str, number: float, gap: str) -> GdcliError:
    """The error of a number that is NaN or infinite."""
    if math.isnan(number):
        return GdcliError("data", f"{label} is NaN, which is not a number", gap)
    return GdcliError("data", f"{label} is {'-' if number < 0 else ''}infinity, which is not a value of data", gap)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_text(text: str) -> bool:
    """Whether all its bytes were UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bad_encoding(file: DataFile, cell: bytes, line: int, column: str) -> GdcliError:
    try:
        cell.decode()
        byte = 0
    except UnicodeDecodeError as error:
        byte = cell[error.start]
    message = f"{column} in line {line} of {file.name} is not text in UTF-8: it has the byte 0x{byte:02x}"
    return GdcliError("data", message, f"save it as UTF-8, for example: iconv -f latin1 -t UTF-8 {file.name}")
