"""Frames on the terminal: each overwrites the previous one, and at the end they are removed."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from rich.console import Console

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  # a terminal that knows these shows only complete frames
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_ALTERNATE, _MAIN = "\x1b[?1049h", "\x1b[?1049l"
_HOME, _CLEAR_BELOW = "\x1b[H", "\x1b[J"


class Screen:
    """Shows frames: lists of lines as wide as the terminal, with their escape sequences."""

    def __init__(self, console: Console, *, alternate: bool) -> None:
        self.console = console
        self.alternate = alternate
        self._is_open = False
        self._shown: list[str] = []
        self._size = (0, 0)

    def open(self) -> None:
        """Make room for the first frame."""
        if not self._is_open:
            self._is_open = True
            self._shown = []
            self._write((_ALTERNATE if self.alternate else "") + _HIDE_CURSOR)

    def close(self) -> None:
        """Remove the last frame; what was on the screen before is kept."""
        if self._is_open:
            self._is_open = False
            self._write(self._restoring())

    def abandon(self) -> None:
        """The same while a frame may be in the making: past the stream, which may be writing it."""
        if self._is_open:
            self._is_open = False
            with contextlib.suppress(OSError, RuntimeError):  # what is not written yet must not follow
                sys.stdout.flush()
            os.write(sys.stdout.fileno(), (_END + self._restoring()).encode())

    def _restoring(self) -> str:
        return (_MAIN if self.alternate else self._to_top() + _CLEAR_BELOW) + _SHOW_CURSOR

    def show(self, lines: Sequence[str]) -> None:
        """Show a frame; unchanged lines are not written again."""
        size = tuple(self.console.size)
        same_size = size == self._size and len(lines) == len(self._shown)
        start = self._to_top()
        if not same_size:
            start += _CLEAR_BELOW
        written = [
            "" if same_size and line == before else line
            for line, before in zip(lines, self._shown if same_size else lines, strict=True)
        ]
        self._shown, self._size = list(lines), size  # type: ignore[assignment]
        self._write(_BEGIN + start + "\r\n".join(written) + _END)

    def _to_top(self) -> str:
        """Move to the first cell of the current frame; a terminal that became narrower has wrapped its lines."""
        if self.alternate:
            return _HOME
        width, height = self.console.size
        was = self._size[0] or width
        rows = min(height, len(self._shown) * -(-was // width))
        return f"\r\x1b[{rows - 1}A" if rows > 1 else "\r"

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
