"""Arrays of NumPy's own files, NPY and NPZ, without NumPy. A pickle is never loaded.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import ast
import io
import math
import re
import struct
import sys
import zipfile
import zlib
from array import array
from typing import Any, NamedTuple

from gdcli.errors import GdcliError
from gdcli.lang.arrays import Array, Origin
from gdcli.lang.limits import MAX_ELEMENTS
from gdcli.lang.shapes import Shape
from gdcli.lang.suggest import did_you_mean

MAGIC = b"\x93NUMPY"
_MOST_HEADER = 10_000  # characters, as in NumPy: the header is a Python literal
_TYPE = re.compile(r"([<>|=])([a-zA-Z])(\d*)(?:\[\w+\])?")
_DTYPES = {
    **{f"f{size}": f"float{8 * size}" for size in (2, 4, 8)},
    **{f"i{size}": f"int{8 * size}" for size in (1, 2, 4, 8)},
    **{f"u{size}": f"uint{8 * size}" for size in (1, 2, 4, 8)},
    "b1": "bool",
}
_KINDS = {
    "O": "Python objects, which only a pickle holds, and a pickle is not read",
    "c": "complex numbers, which gdcli does not have",
    "U": "text, not numbers",
    "S": "text, not numbers",
    "M": "dates, not numbers",
    "m": "durations, not numbers",
    "V": "records, not plain numbers",
}
# What zipfile raises for bytes that are no ZIP, or one that is damaged, encrypted or compressed in another way.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError, LookupError, struct.error)
_WORDS = {2: "H", 4: "I", 8: "Q"}  # of array, by their number of bytes


class Header(NamedTuple):
    """What the header of an NPY file says, and how many bytes it has."""

    dtype: str
    item: int
    swapped: bool
    columns_first: bool
    shape: Shape
    length: int


def dtype_of(descr: str, name: str) -> tuple[str, int, bool]:
    """PyTorch's dtype of a type as NumPy describes it ("<f8"), the bytes of a number, and whether they are swapped.

    Raises:
        GdcliError: for a type that is not one of plain numbers.
    """
    found = _TYPE.fullmatch(descr)
    order, kind, size = (found[1], found[2], int(found[3] or 0)) if found else ("|", "V", 0)
    if f"{kind}{size}" not in _DTYPES:
        what = _KINDS.get(kind, f"numbers of type '{descr}', which PyTorch does not have")
        hint = "numpy.save(file, a.astype(float)) saves plain numbers" if kind in "OV" else ""
        raise GdcliError("dtype", f"{name} holds {what}", hint)
    native = "<" if sys.byteorder == "little" else ">"
    return _DTYPES[f"{kind}{size}"], size, size > 1 and order not in (native, "=")


def header_of(content: bytes, name: str, most: int = MAX_ELEMENTS) -> Header:
    """The header of an NPY file, of which ``content`` is the beginning.

    Raises:
        GdcliError: for a header that is not valid, an array of something else than numbers, and one of more than
            ``most`` numbers.
    """
    descr, columns_first, shape, length = _said(content, name)
    dtype, item, swapped = dtype_of(descr if isinstance(descr, str) else "|V0", name)
    if (count := math.prod(shape)) > most:
        raise GdcliError("limit", f"{name} has {count:,} numbers; the limit is {most:,}", "make it smaller")
    return Header(dtype, item, swapped, columns_first, shape, length)


def _said(content: bytes, name: str) -> tuple[Any, bool, Shape, int]:
    """The type as NumPy describes it, whether columns come first, the shape, and the bytes of the header."""
    width = 2 if content[6:7] == b"\1" else 4
    start = 8 + width
    length = int.from_bytes(content[8:start], "little")
    if not content.startswith(MAGIC) or content[6:7] not in (b"\1", b"\2", b"\3"):
        raise GdcliError("values", f"{name} is not an NPY file", "numpy.save writes one")
    if length > _MOST_HEADER or len(content) < start + length:
        raise GdcliError("values", f"the header of {name} is {'too long' if length > _MOST_HEADER else 'cut off'}")
    try:
        said = ast.literal_eval(content[start : start + length].decode("latin1").strip())
        descr, columns_first, shape = said["descr"], bool(said["fortran_order"]), _sizes(said["shape"])
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError):
        raise GdcliError("values", f"the header of {name} is not valid") from None
    return descr, columns_first, shape, start + length


def read_text(content: bytes, name: str) -> str:
    """The text of an NPY file that holds one, as NumPy writes ``numpy.array("text")``.

    Raises:
        GdcliError: for a header that is not valid, and another array.
    """
    descr, _, shape, length = _said(content, name)
    if shape or not isinstance(descr, str) or not descr.startswith("<U"):
        raise GdcliError("dtype", f"{name} is not a text")
    return content[length:].decode("utf-32-le", "replace").rstrip("\0")


def _sizes(shape: Any) -> Shape:
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(shape)
    return tuple(shape)


def read_npy(content: bytes, name: str, origin: Origin, most: int = MAX_ELEMENTS) -> Array:
    """The array of an NPY file.

    Raises:
        GdcliError: as ``header_of``, and for a file that is cut off.
    """
    header = header_of(content, name, most)
    needed = math.prod(header.shape) * header.item
    numbers = bytearray(content[header.length : header.length + needed])
    if len(numbers) < needed:
        message = f"{name} is cut off: its numbers need {needed:,} bytes, and {len(numbers):,} follow the header"
        raise GdcliError("values", message)
    return array_of(numbers, header, name, origin)


def array_of(numbers: bytearray, header: Header, name: str, origin: Origin | None) -> Array:
    """The array whose bytes are these, in the order of bytes of this machine.

    Raises:
        GdcliError: for whole numbers beyond those of int64.
    """
    if header.swapped:
        words = array(_WORDS[header.item], bytes(numbers))
        words.byteswap()
        numbers = bytearray(words.tobytes())
    if header.dtype == "uint64" and numbers and max(memoryview(numbers).cast("Q")) >= 2**63:
        raise GdcliError("dtype", f"{name} has whole numbers beyond int64", "numpy.save(file, a.astype(float))")
    return Array(header.shape, header.dtype, numbers, header.columns_first, origin)


def read_npz(content: bytes, name: str, path: str, selector: str | None) -> Array:
    """An array of an NPZ file, which is a ZIP of NPY files.

    Raises:
        GdcliError: for a file that is no NPZ, and a name that it does not have.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [each.removesuffix(".npy") for each in archive.namelist() if each.endswith(".npy")]
            chosen = _chosen(names, name, path, selector)
            called = f"{chosen} in {name}"
            with archive.open(f"{chosen}.npy") as member:
                head = member.read(_MOST_HEADER + 12)
                header = header_of(head, called)
                body = head + member.read(max(0, header.length + math.prod(header.shape) * header.item - len(head)))
    except _UNREADABLE as error:
        raise GdcliError("values", f"{name} is not an NPZ file that can be read: {error}") from None
    return read_npy(body, called, Origin(path, "npz", names=(chosen,)))


def _chosen(names: list[str], name: str, path: str, selector: str | None) -> str:
    """The name of the array that is meant."""
    if not names:
        raise GdcliError("values", f"{name} has no arrays", "numpy.savez writes them")
    if selector is None and len(names) == 1:
        return names[0]
    listed = f"its arrays are {', '.join(names)}"
    if selector is None:
        raise GdcliError("values", f"{name} has {len(names)} arrays", f"select one: @{path}:{names[0]}; {listed}")
    if selector not in names:
        raise GdcliError("values", f"{name} has no array '{selector}'", did_you_mean(selector, names) or listed)
    return selector
