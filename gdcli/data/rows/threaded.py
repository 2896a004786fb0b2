"""Lines of CSV converted by pyarrow where it is installed, which is faster and uses several threads."""

from __future__ import annotations

import importlib.util
import math
from array import array
from typing import Any

from gdcli.data.rows.batch import Part
from gdcli.data.rows.cell import MISSING
from gdcli.data.rows.source import Wanted

BLOCK = 2**21  # bytes that are converted at a time
_PIECE = 2**19  # bytes that a thread converts at a time
_LEAST = 2**23  # bytes from which on pyarrow gains more time than its import takes


class Threaded:
    """Converts blocks of whole lines without quotes; the numbers are those that ``float`` gives."""

    def __init__(self, columns: tuple[str, ...], delimiter: str, wanted: Wanted) -> None:
        import pyarrow as pa
        from pyarrow import csv

        self._wanted = wanted
        self._read = csv.ReadOptions(column_names=columns, block_size=_PIECE)
        self._parse = csv.ParseOptions(delimiter=delimiter, quote_char=False)
        kinds = dict.fromkeys(wanted.numbers, pa.float64()) | dict.fromkeys(wanted.texts, pa.string())
        self._convert = csv.ConvertOptions(
            column_types=kinds, include_columns=list(kinds), null_values=sorted(MISSING), strings_can_be_null=True
        )

    def part(self, block: bytes) -> Part | None:
        """The rows of a block; None when pyarrow cannot read it, or a number is not finite."""
        import pyarrow as pa
        from pyarrow import csv

        try:
            pool = pa.system_memory_pool()  # it keeps less of what it has given back
            table = csv.read_csv(pa.BufferReader(block), self._read, self._parse, self._convert, memory_pool=pool)
        except pa.ArrowInvalid:
            return None
        numbers, gaps = {}, set()
        for name in self._wanted.numbers:
            column = table.column(name)
            if (found := _numbers(column)) is None:
                return None
            numbers[name] = found
            if column.null_count:
                gaps.add(name)
        texts = {name: table.column(name).fill_null("").to_pylist() for name in self._wanted.texts}
        return Part(table.num_rows, numbers, texts, frozenset(gaps))


def threaded(columns: tuple[str, ...], delimiter: str, wanted: Wanted, size: int) -> Threaded | None:
    """What converts ``size`` bytes of lines; None without pyarrow, or where the standard library does as well."""
    are_apart = bool(wanted.numbers or wanted.texts) and set(wanted.numbers).isdisjoint(wanted.texts)
    if size < _LEAST or delimiter == " " or not are_apart or importlib.util.find_spec("pyarrow") is None:
        return None
    return Threaded(columns, delimiter, wanted)


def _numbers(column: Any) -> array[float] | None:
    """The numbers of a column, NaN for a missing one; None when another one is not finite."""
    from pyarrow import compute

    if compute.all(compute.is_finite(column)).as_py() is False:
        return None
    numbers = array("d")
    for chunk in (column.fill_null(math.nan) if column.null_count else column).chunks:
        numbers.frombytes(memoryview(chunk.buffers()[1])[8 * chunk.offset : 8 * (chunk.offset + len(chunk))])
    return numbers
