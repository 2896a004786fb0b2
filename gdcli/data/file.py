"""A file that has values: its bytes, what kind of file it is, and its SHA-256."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gdcli.data.npy import MAGIC, header_of
from gdcli.data.reference import KINDS, in_home
from gdcli.errors import GdcliError
from gdcli.lang.arrays import FileKind
from gdcli.unreadable import unreadable

_PICKLES = (".pt", ".pth", ".pkl", ".pickle")
_BEGINNINGS: dict[bytes, FileKind] = {MAGIC: "npy", b"PK\x03\x04": "npz", b"PAR1": "parquet"}
_BINARY = ("npy", "npz", "parquet")
_HEAD = 2**14  # bytes by which the kind of a file is known; no header of NPY is longer
_MOST_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class File:
    """A file that was read; ``name`` is how a sentence calls it, and ``path`` is "-" for standard input."""

    path: str
    name: str
    kind: FileKind
    content: bytes

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()


def read_file(path: str) -> File:
    """Read a file, or standard input for ``-``; an array that is too large is refused before it is read.

    Raises:
        OutsideError: when it cannot be read.
        GdcliError: for a file that is empty, too large, or of a kind that has no values.
    """
    name = "standard input" if path == "-" else path
    if path.lower().endswith(_PICKLES):
        message = f"{name} is a pickle, which can run any program and is not read"
        raise GdcliError("values", message, "save the numbers as NPY, CSV or JSON")
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else Path(in_home(path)).open("rb") as file:
            head = file.read(_HEAD)
            kind = _kind_of(path, name, head)
            if kind == "npy":
                header_of(head, name)
            _check_size(file, name)
            content = head + file.read(_MOST_BYTES + 1 - len(head))
    except (OSError, ValueError) as error:
        if not isinstance(error, OSError):
            error = OSError(0, str(error))  # a null in the name
        raise unreadable("values", name, in_home(path), error, tuple(KINDS)) from error
    if len(content) > _MOST_BYTES:
        raise _too_large(name)
    return File(path, name, kind, content)


def _kind_of(path: str, name: str, head: bytes) -> FileKind:
    """The kind of a file by the end of its name, or by its beginning."""
    if not head.strip():
        raise GdcliError("values", f"{name} is empty")
    kind = KINDS.get(Path(path).suffix.lower())
    if kind is None:
        kind = next((kind for start, kind in _BEGINNINGS.items() if head.startswith(start)), None)
    if kind is None:
        kind = "json" if head.lstrip()[:1] in (b"{", b"[") else "csv"
    if kind not in _BINARY and b"\0" in head:
        is_utf16 = head[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = f"save it as UTF-8: iconv -f UTF-16 -t UTF-8 {name}" if is_utf16 else ""
        raise GdcliError("values", f"{name} is not text in UTF-8", hint)
    if kind not in _BINARY and head.startswith(b"\x1f\x8b"):
        raise GdcliError("values", f"{name} is compressed", f"for example: gunzip -c {name} | gdcli ... --x @-")
    return kind


def _check_size(file: IO[bytes], name: str) -> None:
    """Raise GdcliError for a file on disk that is larger than the limit."""
    try:
        status = os.fstat(file.fileno())
    except OSError:  # standard input may be no file at all
        return
    if stat.S_ISREG(status.st_mode) and status.st_size > _MOST_BYTES:
        raise _too_large(name)


def _too_large(name: str) -> GdcliError:
    return GdcliError("limit", f"{name} is larger than {_MOST_BYTES // 2**30} GiB", "give a part of it")
