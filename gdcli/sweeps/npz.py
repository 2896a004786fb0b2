"""NPZ files without NumPy: tensors and texts by name. The same contents give the same bytes."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any, NamedTuple

import torch

from gdcli.sweeps.ends import memory_of

_DESCR = {
    torch.float32: "<f4",
    torch.float64: "<f8",
    torch.int8: "|i1",
    torch.int16: "<i2",
    torch.int32: "<i4",
    torch.int64: "<i8",
}
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Member(NamedTuple):
    """An array that is written in pieces: the bytes of its numbers, one after the other."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    pieces: Iterable[Any]


def write_npz(
    file: IO[bytes], arrays: Mapping[str, torch.Tensor | Member], texts: Mapping[str, str | Sequence[str]]
) -> None:
    """Write tensors, and then texts: one as an array without axes, several as an array of one axis."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True) as member:
                member.write(_header(_DESCR[array.dtype], tuple(array.shape)))
                if isinstance(array, Member):
                    for piece in array.pieces:
                        member.write(piece)
                    continue
                numbers = array.contiguous()  # alive while it is written
                if numbers.nbytes:
                    member.write(memory_of(numbers))
        for name, text in texts.items():
            shape, words = ((), [text]) if isinstance(text, str) else ((len(text),), text)
            longest = max(map(len, words))
            with archive.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w") as member:
                member.write(_header(f"<U{longest}", shape))
                member.write("".join(word.ljust(longest, "\0") for word in words).encode("utf-32-le"))


def _header(descr: str, shape: tuple[int, ...]) -> bytes:
    """The first bytes of an NPY file of version 1."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape!r}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin-1")
