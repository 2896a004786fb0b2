"""Rows of CSV, TSV, and columns that are separated by spaces; the standard library and msgspec alone."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from gdcli.cells import delimiter_of
from gdcli.data.rows.batch import Part
from gdcli.data.rows.cell import column_of_numbers, column_of_texts, numbers_in_json
from gdcli.data.rows.faults import check_names, fault_in
from gdcli.data.rows.files import DataFile
from gdcli.data.rows.records import LONGEST, Lines, next_line, records
from gdcli.data.rows.source import Wanted
from gdcli.data.rows.threaded import BLOCK, threaded
from gdcli.errors import GdcliError

_BLOCK = 2**18  # bytes that are read and converted at a time
_MOST_RECORDS = 2_048  # that are read at a time, where there are quotes
_BOM = b"\xef\xbb\xbf"


class Delimited:
    """A file whose first line names the columns, and whose other lines are rows. Its units are bytes below the header.

    A line belongs to the share in which it begins. Blank lines are skipped.
    """

    def __init__(self, file: DataFile, hint: str) -> None:
        """Read the header. ``hint`` says what to do about a column of text.

        Raises:
            GdcliError: for a header without names or with the same name twice, and when there is nothing below it.
        """
        self.file = file
        self.hint = hint
        with file.open() as opened:
            line = next_line(opened)
            text = line.removeprefix(_BOM).decode(errors="surrogateescape")
            self.delimiter = delimiter_of(text)
            start = opened.tell() - len(line.removeprefix(_BOM))
            below = next_line(opened).decode(errors="surrogateescape")
            if self.delimiter not in text and 1 < _words(text) == _words(below):
                self.delimiter = " "
            opened.seek(0)
            lines = Lines(opened, start, opened.read(start).count(b"\n"))
            self.header_line = lines.number + 1
            header = next(records(lines, self.delimiter))
            self.columns = check_names(file, [cell.strip() for cell in header], self.header_line)
            self._body = lines.position
            if not next_line(opened):
                raise GdcliError("data", f"{file.name} has a header and no lines below it")
        self._marks = f"{self.delimiter * (len(self.columns) - 1)}\n".encode()
        self._others = bytes(set(range(256)).difference(self._marks, b"\n"))

    @property
    def extent(self) -> int:
        """The number of bytes below the header."""
        return self.file.size - self._body

    def parts(self, wanted: Wanted, start: int, stop: int) -> Iterator[Part]:
        """The rows whose lines begin at a byte from ``start`` up to ``stop``, counted from the end of the header."""
        position, end = self._body + start, self._body + stop
        with self.file.open() as opened:
            if start:  # the line that began before belongs to the share before
                opened.seek(position - 1)
                position += len(opened.readline()) - 1
            else:
                opened.seek(position)
            by_threads = threaded(self.columns, self.delimiter, wanted, stop - start)
            while position < end and (block := opened.read(min(BLOCK if by_threads else _BLOCK, end - position))):
                if not block.endswith(b"\n"):
                    block += opened.readline(LONGEST)
                if b'"' in block:
                    yield from self._quoted(opened, position, end, wanted)
                    return
                part = by_threads.part(block) if by_threads else self._part(block, position, wanted)
                if part is None:  # the other way can read it, or says what is wrong
                    by_threads = None
                    opened.seek(position)
                    continue
                if part.count:
                    yield part
                position += len(block)

    def _part(self, block: bytes, position: int, wanted: Wanted) -> Part:
        """The rows of whole lines without quotes, which begin at a byte of the file; GdcliError for a bad row."""
        try:
            return self._unquoted(block, wanted)
        except ValueError:
            raise fault_in(self, wanted, position) from None

    def _unquoted(self, block: bytes, wanted: Wanted) -> Part:
        """The same; ValueError when anything is wrong."""
        block, count = self._regular(block)
        width = len(self.columns)
        text = block.decode(errors="surrogateescape").replace("\n", self.delimiter)[:-1]
        if not wanted.texts and 2 * len(wanted.numbers) >= width and (self.delimiter == "," or "," not in text):
            numbers = numbers_in_json(text.replace(self.delimiter, ","))
            if numbers is not None:
                return Part(count, {name: numbers[self.columns.index(name) :: width] for name in wanted.numbers}, {})
        cells = text.split(self.delimiter) if count else []
        return self._columns(wanted, count, [cells[place::width] for place in range(width)])

    def _regular(self, block: bytes) -> tuple[bytes, int]:
        """The lines without blank ones, each with its end, and their number.

        Raises:
            ValueError: for a line that has more or fewer cells than the header.
        """
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n")
        if not block.endswith(b"\n"):
            block += b"\n"
        count = block.count(b"\n")
        has_blank = b"\n\n" in block or block.startswith(b"\n")
        if self.delimiter != " " and not has_blank and block.translate(None, self._others) == self._marks * count:
            return block, count
        lines = [line for line in block.split(b"\n") if line.strip()]
        if self.delimiter == " ":
            lines = [b" ".join(line.split()) for line in lines]
        block = b"".join([line + b"\n" for line in lines])
        if block.translate(None, self._others) != self._marks * len(lines):
            raise ValueError
        return block, len(lines)

    def _columns(self, wanted: Wanted, count: int, columns: Sequence[Sequence[str]]) -> Part:
        by_name = dict(zip(self.columns, columns, strict=True))
        numbers: dict[str, array[float]] = {}
        gaps = set()
        for name in wanted.numbers:
            numbers[name], has_gaps = column_of_numbers(by_name[name])
            if has_gaps:
                gaps.add(name)
        texts = {name: column_of_texts(by_name[name]) for name in wanted.texts}
        return Part(count, numbers, texts, frozenset(gaps))

    def _quoted(self, opened: BinaryIO, position: int, end: int, wanted: Wanted) -> Iterator[Part]:
        """The same for lines with quotes, where a cell may have the delimiter, and ends of lines."""
        lines = Lines(opened, position)
        read = records(lines, self.delimiter)
        is_share = end - self._body < self.extent
        while lines.position < end:
            position, lines.number = lines.position, 0
            try:
                rows = _until(lines, read, end)
                columns = list(zip(*rows, strict=True))  # ValueError where one has more cells
                if is_share and lines.number > len(rows):
                    self._check_one_line_each(rows)
                part = self._columns(wanted, len(rows), columns if rows else [()] * len(self.columns))
            except (ValueError, csv.Error):
                raise fault_in(self, wanted, position) from None
            if part.count:
                yield part

    def _check_one_line_each(self, rows: list[list[str]]) -> None:
        """Raise GdcliError for a row of several lines: a share could begin in the middle of it."""
        if any("\n" in cell for row in rows for cell in row):
            message = f"{self.file.name} has a cell with several lines, so its rows cannot be shared among processes"
            raise GdcliError("data", message, "write each row in one line")


def _words(line: str) -> int:
    """The number of cells that are separated by spaces."""
    return len(next(records(iter([line]), " "), []))


def _until(lines: Lines, read: Iterator[list[str]], end: int) -> list[list[str]]:
    """The next records, up to that before which the lines come to a byte."""
    rows: list[list[str]] = []
    for row in read:
        rows.append(row)
        if lines.position >= end or len(rows) == _MOST_RECORDS:
            break
    return rows
