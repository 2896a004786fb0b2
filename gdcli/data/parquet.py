"""Values from Parquet, by the extra ``data`` (pyarrow)."""

from __future__ import annotations

import importlib.util
from typing import Any

from gdcli.data.file import File
from gdcli.data.npy import Header, array_of
from gdcli.errors import GdcliError, OutsideError
from gdcli.lang.arrays import Array, Origin
from gdcli.lang.limits import MAX_ELEMENTS
from gdcli.lang.suggest import did_you_mean


def need_pyarrow(name: str) -> None:
    """Raise OutsideError when pyarrow is not installed, which reads the file of this name."""
    if importlib.util.find_spec("pyarrow") is None:
        message = f"{name} needs pyarrow, which is not installed"
        raise OutsideError("missing-extra", message, 'install it: pip install "gdcli[data]"')


def is_number(pa: Any, kind: Any) -> bool:
    """Whether values of a type of Arrow are numbers; booleans are."""
    is_decimal = str(kind).startswith("decimal")
    return pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_floating(kind) or is_decimal


def read_parquet(file: File, selector: str | None) -> Array:
    """The numbers of columns: shape (rows, columns), or (rows,) for one column; whole where all columns are.

    Raises:
        OutsideError: without pyarrow.
        GdcliError: for a file that is not Parquet, a column that there is not or that has no numbers, missing values.
    """
    need_pyarrow(file.name)
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(pa.BufferReader(file.content))
        known = list(table.schema_arrow.names)
        names = _chosen(known, file, selector)
        if (count := table.metadata.num_rows * len(names)) > MAX_ELEMENTS:
            message = f"{file.name} has {count:,} numbers; the limit is {MAX_ELEMENTS:,}"
            raise GdcliError("limit", message, "make it smaller" if len(names) == 1 else "select a column")
        columns = [_plain(pa, table.read(columns=[name]).column(0), name, file) for name in names]
    except (pa.ArrowException, OSError, ValueError) as error:
        text = str(error).partition("\n")[0]
        raise GdcliError("values", f"{file.name} cannot be read as Parquet: {text}") from None
    kinds = {column.type for column in columns}
    kind = kinds.pop() if len(kinds) == 1 else pa.float64()
    parts = [_bytes(column.cast(kind, safe=False)) for column in columns]
    dtype, item = ("int64", 8) if kind == pa.int64() else ("bool", 1) if kind == pa.uint8() else ("float64", 8)
    shape = (len(columns[0]),) if len(names) == 1 else (len(columns[0]), len(names))
    header = Header(dtype, item, swapped=False, columns_first=True, shape=shape, length=0)
    return array_of(bytearray(b"".join(parts)), header, file.name, Origin(file.path, "parquet", names=tuple(names)))


def _chosen(known: list[str], file: File, selector: str | None) -> list[str]:
    """The names of the columns that are meant."""
    if selector is None or selector in known:
        return known if selector is None else [selector]
    names = [word.strip() for word in selector.split(",")]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"its columns are {', '.join(known)}"
            raise GdcliError("values", f"{file.name} has no column '{name}'", hint)
    return names


def _plain(pa: Any, column: Any, name: str, file: File) -> Any:
    """A column as int64, float64, or bytes that are 0 or 1."""
    kind = column.type
    if not is_number(pa, kind):
        hint = "select the columns with numbers"
        raise GdcliError("values", f"the column '{name}' of {file.name} holds {kind}, not numbers", hint)
    if column.null_count:
        row = next(i for i, item in enumerate(column) if not item.is_valid)
        message = f"the column '{name}' of {file.name} has no value in row {row} (counted from 0)"
        raise GdcliError("values", message, "fill the missing values, or leave out their rows")
    whole = pa.int64() if pa.types.is_integer(kind) else pa.float64()
    return column.cast(pa.uint8() if pa.types.is_boolean(kind) else whole)


def _bytes(column: Any) -> bytes:
    """The numbers of a column without missing values, one after the other."""
    parts = []
    for chunk in column.chunks:
        item = chunk.type.bit_width // 8
        data = memoryview(chunk.buffers()[1]) if len(chunk) else memoryview(b"")
        parts.append(bytes(data[chunk.offset * item : (chunk.offset + len(chunk)) * item]))
    return b"".join(parts)
