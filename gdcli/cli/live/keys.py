"""Reading single keys: the terminal without line buffering and echo, and the meaning of its escape sequences."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any

_REST_SECONDS = 0.025  # the rest of an escape sequence comes at once


class Key(Enum):
    """The action of a key."""

    PAUSE = "pause"
    BACK = "back"
    FORWARD = "forward"
    FIRST = "first"
    LAST = "last"
    FASTER = "faster"
    SLOWER = "slower"
    END = "end"


_PLAIN = {
    " ": Key.PAUSE,
    "+": Key.FASTER,
    "=": Key.FASTER,  # the same key without shift, on many keyboards
    "-": Key.SLOWER,
    "_": Key.SLOWER,
    "q": Key.END,
    "Q": Key.END,
}
# After ESC [ or ESC O: what xterm, VT220, the Linux console and rxvt send.
_SEQUENCES = {
    "C": Key.FORWARD,
    "D": Key.BACK,
    "H": Key.FIRST,
    "F": Key.LAST,
    "1~": Key.FIRST,
    "7~": Key.FIRST,
    "4~": Key.LAST,
    "8~": Key.LAST,
}


class Keyboard:
    """The keys of standard input if it is a terminal; otherwise there are none.

    Ctrl-C and Ctrl-Z remain signals. ``release`` restores the terminal, ``take`` takes it again.
    """

    def __init__(self) -> None:
        self.is_there = sys.stdin.isatty()
        self._before: list[Any] | None = None
        self._pending = ""

    def take(self) -> None:
        """Have keys delivered one by one."""
        if self.is_there and self._before is None:
            import termios
            import tty

            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin, termios.TCSANOW)

    def release(self) -> None:
        """Restore the terminal."""
        if self._before is not None:
            import termios

            with contextlib.suppress(termios.error):  # it is gone
                termios.tcsetattr(sys.stdin, termios.TCSANOW, self._before)
            self._before = None

    def pressed(self, seconds: float = 0.0) -> list[Key]:
        """The keys that were pressed, after waiting at most ``seconds`` for the first one."""
        self._read(seconds)
        if self._pending.startswith("\x1b") and not _is_whole(self._pending):
            self._read(_REST_SECONDS)
        found, self._pending = list(decoded(self._pending)), ""
        return found

    def _read(self, seconds: float) -> None:
        if not self.is_there:
            if seconds:
                select.select([], [], [], seconds)
            return
        if select.select([sys.stdin], [], [], seconds)[0]:
            data = os.read(sys.stdin.fileno(), 4096)
            self.is_there = bool(data)  # readable but empty: the other end is closed
            self._pending += data.decode("ascii", "replace")


def decoded(text: str) -> Iterator[Key]:
    """The keys in what a terminal has sent; others are left out."""
    i = 0
    while i < len(text):
        if text[i] != "\x1b":
            if text[i] in _PLAIN:
                yield _PLAIN[text[i]]
            i += 1
            continue
        end = _end_of_sequence(text, i)
        if text[i + 1 : i + 2] in ("[", "O") and (key := _SEQUENCES.get(text[i + 2 : end])):
            yield key
        i = end


def _end_of_sequence(text: str, start: int) -> int:
    """The end of the escape sequence that begins at ``start``: after its final letter, or at the end of the text."""
    if text[start + 1 : start + 2] not in ("[", "O"):
        return start + 1
    end = start + 2
    while end < len(text) and not "@" <= text[end] <= "~":
        end += 1
    return min(end + 1, len(text))


def _is_whole(text: str) -> bool:
    """Whether the last escape sequence is complete."""
    rest = text[text.rindex("\x1b") :]
    return len(rest) > 2 and "@" <= rest[-1] <= "~"
