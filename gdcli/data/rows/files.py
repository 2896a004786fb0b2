"""The files of a table: which they are, of what kind, and whether they are still what they were."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal

from gdcli.data.reference import in_home
from gdcli.errors import GdcliError, OutsideError
from gdcli.unreadable import unreadable

Kind = Literal["csv", "jsonl", "json", "parquet", "arrow"]
KINDS: dict[str, Kind] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".dat": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
"""The kinds of files, by the ends of their names."""

_BEGINNINGS: dict[bytes, Kind] = {b"PAR1": "parquet", b"ARROW1": "arrow"}
_BINARY = ("parquet", "arrow")
_HEAD = 2**14  # bytes by which the kind of a file is known
_MOST_HASHED = 2**30  # bytes; of more, their beginnings and ends
_END = 2**20


class DataFile:
    """A file with rows: its ``path``, its ``name`` in sentences, its ``kind`` and its ``size`` in bytes."""

    def __init__(self, path: str) -> None:
        """Look at the beginning of a file; standard input, for ``-``, is read to its end into a temporary file.

        Raises:
            OutsideError: when it cannot be read.
            GdcliError: for a file that is empty, or of a kind that has no rows.
        """
        self.path = path
        self.name = "standard input" if path == "-" else path
        self._place = in_home(path)
        try:
            self._spool = _spooled() if path == "-" else None
            with self.open() as file:
                head = file.read(_HEAD)
                self.size, self._identity = _identity(file, self._spool)
        except (OSError, ValueError) as error:
            cause = error if isinstance(error, OSError) else OSError(0, str(error))  # a null in the name
            raise self._unreadable(cause) from error
        self.kind = _kind_of(path, self.name, head)

    def open(self) -> BinaryIO:
        """The file, from its beginning; it may be open several times."""
        if self._spool is not None:
            return io.BufferedReader(_Reader(self._spool), 2**18)
        return Path(self._place).open("rb")

    @property
    def place(self) -> str | BinaryIO:
        """What a library opens: the path; of standard input, the open file."""
        return self._place if self._spool is None else self.open()

    def check(self) -> None:
        """Raise GdcliError when the file is no longer the one that was opened first."""
        if self._spool is not None:
            return
        try:
            status = Path(self._place).stat()
        except OSError as error:
            raise self._unreadable(error) from error
        if (status.st_size, status.st_mtime_ns, status.st_ino) != self._identity:
            message = f"{self.name} was changed while it was being read"
            raise GdcliError("data", message, "run it again when the file is complete, or read a copy")

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Makes an error of the system that of the file."""
        try:
            yield
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> OutsideError:
        return unreadable("data", self.name, self._place, error, tuple(KINDS))


class _Reader(io.RawIOBase):
    """A reader of a file that others read too: it has a position of its own."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._position = 0
        self._size = os.fstat(file.fileno()).st_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._position)
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _spooled() -> IO[bytes]:
    """All of standard input in a temporary file without a name."""
    file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 -- it is read until the process ends
    shutil.copyfileobj(sys.stdin.buffer, file, 2**20)
    return file


def _identity(file: BinaryIO, spool: IO[bytes] | None) -> tuple[int, tuple[int, int, int]]:
    """The size of a file, and what changes when it is written to or replaced."""
    status = os.fstat(file.fileno() if spool is None else spool.fileno())
    return status.st_size, (status.st_size, status.st_mtime_ns, status.st_ino)


def _kind_of(path: str, name: str, head: bytes) -> Kind:
    """The kind of a file by the end of its name, or by its beginning."""
    if not head.strip():
        raise GdcliError("data", f"{name} is empty")
    kind = next((kind for start, kind in _BEGINNINGS.items() if head.startswith(start)), None)
    kind = kind or KINDS.get(Path(path).suffix.lower())
    first, _, rest = head.lstrip().removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    if kind in (None, "json"):
        is_line = first.startswith(b"{") and first.rstrip().endswith(b"}") and bool(rest.strip())
        kind = "jsonl" if is_line else "json" if first[:1] in (b"{", b"[") or kind else "csv"
    if kind in _BINARY:
        return kind
    if head.startswith(b"\x1f\x8b"):
        raise GdcliError("data", f"{name} is compressed", f"for example: gunzip -c {name} | gdcli fit-linear -")
    if b"\0" in head:
        is_utf16 = head[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = f"save it as UTF-8: iconv -f UTF-16 -t UTF-8 {name}" if is_utf16 else ""
        raise GdcliError("data", f"{name} is not text in UTF-8", hint)
    return kind


def files_in(paths: Sequence[str]) -> list[str]:
    """The files that paths name: of a folder those in it and in its folders, in the order of their names.

    Raises:
        GdcliError: for a folder that has no files with rows, or files of several kinds.
    """
    if list(paths).count("-") > 1:
        raise GdcliError("data", "standard input can be read once", "give - once")
    return [file for path in paths for file in (_files_of(path) if path != "-" and _is_folder(path) else [path])]


def _is_folder(path: str) -> bool:
    with contextlib.suppress(OSError, ValueError):  # a name that is too long, or has a null
        return Path(in_home(path)).is_dir()
    return False


def _files_of(folder: str) -> list[str]:
    """The files with rows in a folder; those that begin with a dot or an underscore say something about it."""
    found: list[str] = []
    for place, folders, names in os.walk(in_home(folder)):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        found += [str(Path(place, name)) for name in sorted(names) if not name.startswith((".", "_"))]
    files = [name for name in found if Path(name).suffix.lower() in KINDS]
    kinds = sorted({Path(name).suffix.lower() for name in files})
    if not files:
        ends = ", ".join(KINDS)
        raise GdcliError("data", f"the folder {folder} has no files of data", f"their names end with one of {ends}")
    if len(kinds) > 1:
        message = f"the folder {folder} has files of several kinds: {', '.join(kinds)}"
        raise GdcliError("data", message, f"name those that are meant: {Path(folder, '*' + kinds[0])}")
    return files


def sha256_of(files: Sequence[DataFile]) -> str:
    """What identifies the content of files, in hexadecimal digits.

    Of one file of up to 1 GiB, it is the SHA-256 of its bytes. Of several or of a larger one, it is the SHA-256 of a
    list with, for each file, its size and the SHA-256 of its first and last MiB: a change elsewhere that keeps the size
    is not seen.
    """
    if len(files) == 1 and files[0].size <= _MOST_HASHED:
        with files[0].open() as file:
            whole = hashlib.sha256()
            while block := file.read(_END):
                whole.update(block)
            return whole.hexdigest()
    total = hashlib.sha256()
    for data in files:
        with data.open() as file:
            ends = hashlib.sha256(file.read(_END))
            file.seek(max(0, data.size - _END))
            ends.update(file.read(_END))
        total.update(f"{data.size} {ends.hexdigest()}\n".encode())
    return total.hexdigest()
