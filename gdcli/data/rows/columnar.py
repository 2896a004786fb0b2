"""Rows of Parquet and Arrow (Feather), by the extra ``data`` (pyarrow)."""

from __future__ import annotations

import contextlib
import math
import shlex
from array import array
from collections.abc import Iterator
from typing import Any

from gdcli.data.parquet import is_number, need_pyarrow
from gdcli.data.rows.batch import Part
from gdcli.data.rows.faults import check_unique, not_finite
from gdcli.data.rows.files import DataFile
from gdcli.data.rows.source import Wanted
from gdcli.errors import GdcliError

_PART = 65_536  # rows that are converted at a time
_GAP = "write null where a value is missing"


class Columnar:
    """A file of columns. Its units are rows."""

    def __init__(self, file: DataFile, hint: str) -> None:
        """Read the names of the columns and the number of rows. ``hint`` says what to do about a column of text.

        Raises:
            OutsideError: without pyarrow.
            GdcliError: for a file of another kind, one without rows, and a name that occurs twice.
        """
        need_pyarrow(file.name)
        self.file = file
        self.hint = hint
        with self._errors():
            opened: _Parquet | _Arrow = _Parquet(file) if file.kind == "parquet" else _Arrow(file)
            self._counts = opened.counts
            names = opened.names
        self.columns = check_unique(file, tuple(names), "give each a name of its own")
        self.extent = sum(self._counts)
        if not self.extent:
            raise GdcliError("data", f"{file.name} has no rows")

    def parts(self, wanted: Wanted, start: int, stop: int) -> Iterator[Part]:
        """The rows from ``start`` up to ``stop``."""
        names = [name for name in self.columns if name in wanted.numbers or name in wanted.texts]
        first = 0
        with self._errors():
            opened: _Parquet | _Arrow = _Parquet(self.file) if self.file.kind == "parquet" else _Arrow(self.file)
            for group, count in enumerate(self._counts):
                row = first
                first += count
                if first <= start or row >= stop:
                    continue
                for batch in opened.batches(group, names):
                    low, high = max(start - row, 0), min(stop - row, batch.num_rows)
                    if low < high:
                        yield self._part(wanted, batch.slice(low, high - low), row + low)
                    row += batch.num_rows

    def _part(self, wanted: Wanted, batch: Any, first: int) -> Part:
        numbers, gaps = {}, set()
        for name in wanted.numbers:
            column = batch.column(name)
            numbers[name] = self._numbers(name, column, first)
            if column.null_count:
                gaps.add(name)
        texts = {name: self._texts(name, batch.column(name)) for name in wanted.texts}
        return Part(batch.num_rows, numbers, texts, frozenset(gaps))

    def _numbers(self, name: str, column: Any, first: int) -> array[float]:
        import pyarrow as pa
        from pyarrow import compute

        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if not is_number(pa, column.type) and not pa.types.is_null(column.type):
            message = f"{name} of {self.file.name} holds {column.type}, not numbers"
            hint = "" if pa.types.is_nested(column.type) else self.hint.format(column=shlex.quote(name))
            raise GdcliError("data", message, hint)
        column = column.cast(pa.uint8()) if pa.types.is_boolean(column.type) else column
        column = column.cast(pa.float64(), safe=False)
        if compute.all(compute.is_finite(column)).as_py() is False:
            row = compute.index(compute.is_finite(column), value=False).as_py()
            label = f"{name} in row {first + row} of {self.file.name} (counted from 0)"
            raise not_finite(label, column[row].as_py(), _GAP)
        column = column.fill_null(math.nan) if column.null_count else column
        numbers = array("d")
        numbers.frombytes(memoryview(column.buffers()[1])[8 * column.offset : 8 * (column.offset + len(column))])
        return numbers

    def _texts(self, name: str, column: Any) -> list[str]:
        import pyarrow as pa

        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            raise GdcliError("data", f"{name} of {self.file.name} holds {column.type}, not texts")
        texts: list[str] = column.cast(pa.string()).fill_null("").to_pylist()
        return texts

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Errors of pyarrow are those of the file."""
        import pyarrow as pa

        kind = "Parquet" if self.file.kind == "parquet" else "Arrow"
        try:
            yield
        except (pa.ArrowException, OSError, ValueError) as error:
            self.file.check()
            text = str(error).partition("\n")[0]
            raise GdcliError("data", f"{self.file.name} cannot be read as {kind}: {text}") from None


class _Parquet:
    """An open file of Parquet; a group of rows is read a part at a time."""

    def __init__(self, file: DataFile) -> None:
        from pyarrow import parquet

        self._file = parquet.ParquetFile(file.place)
        self.names: list[str] = self._file.schema_arrow.names
        metadata = self._file.metadata
        self.counts: list[int] = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]

    def batches(self, group: int, names: list[str]) -> Iterator[Any]:
        """The rows of a group."""
        yield from self._file.iter_batches(_PART, row_groups=[group], columns=names)


class _Arrow:
    """An open file of Arrow, or a stream of it in a file; its batches stay where the file is mapped into memory."""

    def __init__(self, file: DataFile) -> None:
        import pyarrow as pa

        place = file.place
        self._source = pa.memory_map(place) if isinstance(place, str) else pa.PythonFile(place)
        try:
            opened = pa.ipc.open_file(self._source)
            self._batches = [opened.get_batch(number) for number in range(opened.num_record_batches)]
        except pa.ArrowInvalid:  # a stream has no table of contents
            self._source.seek(0)
            opened = pa.ipc.open_stream(self._source)
            self._batches = list(opened)
        self.names: list[str] = opened.schema.names
        self.counts: list[int] = [batch.num_rows for batch in self._batches]

    def batches(self, group: int, names: list[str]) -> Iterator[Any]:
        """The rows of a batch of the file."""
        batch = self._batches[group].select(names)
        for start in range(0, batch.num_rows, _PART):
            yield batch.slice(start, _PART)
