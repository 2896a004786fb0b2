"""The lines of a file or a stream, as many at a time as are available, in bounded memory. No torch here."""

from __future__ import annotations

import codecs
import os
import select
import stat
from collections import deque
from collections.abc import Callable

from gdcli.errors import OutsideError
from gdcli.unreadable import unreadable

ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")  # of files of points
MOST_LINES = 1_024  # returned at a time, so that many small points are evaluated together
_MOST_BYTES = 2**22  # of the lines returned at a time
_LONGEST = 2**24  # bytes of a line
_BLOCK = 2**18  # bytes read at a time
_QUIET_SECONDS = 0.02  # after this long without more input, the lines read so far are returned
_POLL_SECONDS = 0.1

Line = tuple[int, bytes | None]
"""The number of a line, counted from 1, and its bytes without the end; None for a line that is too long to keep."""


class Lines:
    """Reads lines from a file, or from standard input for ``-``.

    A full batch is returned whenever the file is fast enough to fill one, so that the same file gives the same batches.
    When a stream pauses, the lines read so far are returned, so that its writer can wait for the results of each line.
    """

    def __init__(self, path: str) -> None:
        """Open the file.

        Raises:
            OutsideError: when it cannot be opened.
        """
        self.is_named = path != "-"
        self._path = path if self.is_named else "standard input"
        try:
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)) if self.is_named else 0
            status = os.fstat(self._descriptor)
        except OSError as error:
            raise self._unreadable(error) from error
        self.size = status.st_size if stat.S_ISREG(status.st_mode) else None
        self.position = 0
        self._can_wait = self.size is None and os.name == "posix"
        self._ready: deque[Line] = deque()
        self._ready_bytes = 0
        self._rest: list[bytes] = []  # the beginning of a line whose end has not been read
        self._rest_bytes = 0
        self._read_lines = 0
        self._ended = False

    def peek(self) -> bytes | None:
        """The next line, without consuming it; None at the end."""
        while not self._ready and not self._ended:
            self._read()
        return (self._ready[0][1] or b"") if self._ready else None

    def skip(self) -> None:
        """Consume the line that ``peek`` returned."""
        self._ready_bytes -= len(self._ready.popleft()[1] or b"")

    def some(self, stopped: Callable[[], bool] = lambda: False) -> list[Line]:
        """The next lines; an empty list at the end, or when ``stopped`` returns True while waiting.

        Raises:
            OutsideError: when the file cannot be read.
        """
        while not self._ended and len(self._ready) < MOST_LINES and self._ready_bytes < _MOST_BYTES:
            if stopped():
                break
            if not self._can_wait or self._has_more(_QUIET_SECONDS if self._ready else _POLL_SECONDS):
                self._read()
            elif self._ready:
                break
        found: list[Line] = []
        taken = 0
        while self._ready and len(found) < MOST_LINES and taken < _MOST_BYTES:
            found.append(self._ready.popleft())
            taken += len(found[-1][1] or b"")
        self._ready_bytes -= taken
        return found

    @property
    def ended(self) -> bool:
        """Whether every line was returned."""
        return self._ended and not self._ready

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.is_named:
            os.close(self._descriptor)

    def _has_more(self, seconds: float) -> bool:
        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def _read(self) -> None:
        """Read a block and split it into lines."""
        try:
            block = os.read(self._descriptor, _BLOCK)
        except OSError as error:
            raise self._unreadable(error) from error
        self.position += len(block)
        if not block:
            self._ended = True
            if self._rest_bytes:
                self._finish(b"")
            return
        first, *others = block.split(b"\n")
        if not others:
            self._keep(first)
            return
        self._finish(first)
        for line in others[:-1]:
            self._add(line)
        self._keep(others[-1])

    def _keep(self, part: bytes) -> None:
        """Keep a part of a line; of a line that is too long, only its length."""
        if not part:
            return
        self._rest_bytes += len(part)
        if self._rest_bytes <= _LONGEST:
            self._rest.append(part)
        else:
            self._rest.clear()

    def _finish(self, part: bytes) -> None:
        self._keep(part)
        self._add(b"".join(self._rest) if self._rest_bytes <= _LONGEST else None)
        self._rest.clear()
        self._rest_bytes = 0

    def _add(self, line: bytes | None) -> None:
        if self._read_lines == 0 and line is not None:
            line = line.removeprefix(codecs.BOM_UTF8)  # Windows writes one
        self._read_lines += 1
        self._ready.append((self._read_lines, line))
        self._ready_bytes += len(line or b"")

    def _unreadable(self, error: OSError) -> OutsideError:
        return unreadable("points", self._path, self._path, error, ENDINGS)
