"""Rows of JSON: lines that are objects, or a list of objects; their keys are the columns."""

from __future__ import annotations

import codecs
import math
import shlex
from array import array
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from gdcli.cells import short_cell
from gdcli.data.document import BadJsonError, decoded
from gdcli.data.rows.batch import Part
from gdcli.data.rows.cell import number_in
from gdcli.data.rows.faults import bad_number, lines_before
from gdcli.data.rows.files import DataFile
from gdcli.data.rows.records import LONGEST
from gdcli.data.rows.source import Wanted
from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean

_BLOCK = 2**18  # bytes of lines that are converted at a time
_FIRST = 1_000  # rows whose keys are the columns
_PART = 8_192  # rows of a list that are converted at a time
_MOST_BYTES = 2**30  # of a list, which is decoded as a whole

GAP = "write null where a value is missing"
_Object = tuple[str, Any]
"""A row as JSON has it, behind its place: "line 3"."""


class JsonLines:
    """A file with an object in each line. Its units are bytes; a line belongs to the share in which it begins.

    The columns are the keys of the first 1,000 rows. A key that a row lacks is missing there, as null is; one that only
    a later row has is an error.
    """

    def __init__(self, file: DataFile, hint: str) -> None:
        """Read the keys of the first rows. ``hint`` says what to do about a column of text.

        Raises:
            GdcliError: for a line that is not an object.
        """
        self.file = file
        self.hint = hint
        self.extent = file.size
        with file.open() as opened:
            first = [opened.readline(LONGEST) for _ in range(_FIRST)]
        self.columns = _keys(file, self._objects(b"".join(first), 0))

    def parts(self, wanted: Wanted, start: int, stop: int) -> Iterator[Part]:
        """The rows whose lines begin at a byte from ``start`` up to ``stop``."""
        decoder = msgspec.json.Decoder(_row_type(self.columns, wanted))
        position = start
        with self.file.open() as opened:
            if start:  # the line that began before belongs to the share before
                opened.seek(start - 1)
                position += len(opened.readline()) - 1
            while position < stop and (block := opened.read(min(_BLOCK, stop - position))):
                if not block.endswith(b"\n"):
                    block += opened.readline(LONGEST)
                try:
                    part = _part(self.columns, wanted, decoder.decode_lines(block.removeprefix(codecs.BOM_UTF8)))
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    part = _checked(self, wanted, self._objects(block, position))
                if part.count:
                    yield part
                position += len(block)

    def _objects(self, block: bytes, position: int) -> Iterator[_Object]:
        """The rows of the lines of a block, which begins at a byte; GdcliError for what is not JSON."""
        for place, line in enumerate(block.split(b"\n"), start=lines_before(self.file, position) + 1):
            if not line.strip():
                continue
            try:
                yield f"line {place}", decoded(line.removeprefix(codecs.BOM_UTF8))
            except BadJsonError as error:
                message = f"line {place}, column {error.column} of {self.file.name} is not valid JSON: {error}"
                raise GdcliError("data", message) from None


class JsonList:
    """A file with a list of objects, which is decoded as a whole. Its units are bytes, over which the rows are even."""

    def __init__(self, file: DataFile, hint: str) -> None:
        """Read the keys of the first rows. ``hint`` says what to do about a column of text.

        Raises:
            GdcliError: for a file that is too large, or not a list of objects.
        """
        self.file = file
        self.hint = hint
        self.extent = file.size
        if file.size > _MOST_BYTES:
            message = f"{file.name} is a list of JSON of more than {_MOST_BYTES // 2**30} GiB, which is read as a whole"
            raise GdcliError("limit", message, f"write an object a line: jq -c '.[]' {shlex.quote(file.name)}")
        self.columns = _keys(file, list(self._objects(self._items()))[:_FIRST])

    def parts(self, wanted: Wanted, start: int, stop: int) -> Iterator[Part]:
        """The rows of the share of the file from ``start`` up to ``stop``."""
        with self.file.open() as opened:
            content = opened.read().removeprefix(codecs.BOM_UTF8)
        try:
            rows = msgspec.json.decode(content, type=list[_row_type(self.columns, wanted)])  # type: ignore[misc]
        except (msgspec.MsgspecError, UnicodeDecodeError):
            rows = None
        items = self._items() if rows is None else rows
        first, last = len(items) * start // self.extent, len(items) * stop // self.extent
        for place in range(first, last, _PART):
            end = min(place + _PART, last)
            if rows is None:
                yield _checked(self, wanted, self._objects(items[place:end], place))
            else:
                yield _part(self.columns, wanted, rows[place:end])

    def _objects(self, items: list[Any], first: int = 0) -> Iterator[_Object]:
        for place, item in enumerate(items, start=first):
            yield f"item {place}", item

    def _items(self) -> list[Any]:
        name = self.file.name
        with self.file.open() as opened:
            content = opened.read().removeprefix(codecs.BOM_UTF8)
        try:
            document = decoded(content)
        except BadJsonError as error:
            message = f"line {error.line}, column {error.column} of {name} is not valid JSON: {error}"
            raise GdcliError("data", message) from None
        if not isinstance(document, list):
            kind = "an object" if isinstance(document, dict) else "a value"
            message = f"{name} holds {kind}, not a list of rows"
            raise GdcliError("data", message, 'write the rows as objects: [{"area": 50, "price": 120}, ...]')
        if not document:
            raise GdcliError("data", f"{name} has no rows")
        return document


def _keys(file: DataFile, objects: Iterable[_Object]) -> tuple[str, ...]:
    """The keys of all rows, in the order in which they come."""
    keys: dict[str, None] = {}
    for where, row in objects:
        _check_object(file, where, row)
        keys |= dict.fromkeys(row)
    if not keys:
        raise GdcliError("data", f"the rows of {file.name} are empty: they have no keys")
    return tuple(keys)


def _check_object(file: DataFile, where: str, row: Any) -> None:
    if not isinstance(row, dict):
        kind = "a list" if isinstance(row, list) else _json(row)
        message = f"{where} of {file.name} is {kind}, not an object"
        raise GdcliError("data", message, 'write each row with the names of its columns: {"area": 50, "price": 120}')


def _row_type(columns: tuple[str, ...], wanted: Wanted) -> type[Any]:
    """A struct with the columns as fields ``c0``, ``c1``, ...; those that are not wanted are not decoded."""
    fields = []
    for place, name in enumerate(columns):
        kind: Any = float | bool | None if name in wanted.numbers else msgspec.Raw
        kind = str | int | float | bool | None if name in wanted.texts else kind
        fields.append((f"c{place}", kind, msgspec.Raw() if kind is msgspec.Raw else None))
    names = {f"c{place}": name for place, name in enumerate(columns)}
    return msgspec.defstruct("Row", fields, rename=names, forbid_unknown_fields=True, gc=False)


def _part(columns: tuple[str, ...], wanted: Wanted, rows: Sequence[Any]) -> Part:
    """The wanted columns of rows; TypeError or ValueError for what is not a number."""
    numbers, gaps = {}, set()
    for name in wanted.numbers:
        values = list(map(attrgetter(f"c{columns.index(name)}"), rows))
        if None in values:
            gaps.add(name)
            values = [math.nan if value is None else value for value in values]
        numbers[name] = array("d", values)
    texts = {name: [_text(getattr(row, f"c{columns.index(name)}")) for row in rows] for name in wanted.texts}
    return Part(len(rows), numbers, texts, frozenset(gaps))


def _checked(source: JsonLines | JsonList, wanted: Wanted, objects: Iterable[_Object]) -> Part:
    """The same of rows that are not all plain: numbers may stand in quotes. GdcliError for the first that is wrong."""
    numbers = {name: array("d") for name in wanted.numbers}
    texts: dict[str, list[str]] = {name: [] for name in wanted.texts}
    count = 0
    for where, row in objects:
        _check_object(source.file, where, row)
        if new := [key for key in row if key not in source.columns]:
            message = f"{where} of {source.file.name} has a key '{new[0]}', which the first rows do not have"
            raise GdcliError("data", message, did_you_mean(new[0], source.columns) or "write null where it is missing")
        for name, column in numbers.items():
            column.append(_number(source, f"{name} in {where} of {source.file.name}", name, row.get(name)))
        for name, items in texts.items():
            value = row.get(name)
            if isinstance(value, list | dict):
                raise GdcliError("data", f"{name} in {where} of {source.file.name} is {_json(value)}, not a text")
            items.append(_text(value))
        count += 1
    return Part(count, numbers, texts, frozenset(numbers))


def _number(source: JsonLines | JsonList, label: str, name: str, value: Any) -> float:
    if value is None:
        return math.nan
    hint = source.hint.format(column=shlex.quote(name))
    if isinstance(value, list | dict):
        raise GdcliError("data", f"{label} is {_json(value)}, not a number")
    try:
        return number_in(value if isinstance(value, str) else repr(value))
    except ValueError:
        raise bad_number(label, str(value), hint, GAP) from None


def _text(value: str | float | None) -> str:
    """A value as the text that JSON has; "" for null."""
    return value if isinstance(value, str) else "" if value is None else _json(value)


def _json(value: Any) -> str:
    return short_cell(msgspec.json.encode(value).decode())
