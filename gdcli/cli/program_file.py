"""``--file FILE``: the expression or the program of a command, from a file or standard input. No torch here."""

from __future__ import annotations

import sys
from pathlib import Path

from gdcli.errors import ExpressionError, GdcliError
from gdcli.lang.lines import MAX_CHARACTERS
from gdcli.unreadable import unreadable

_MOST_BYTES = 4 * MAX_CHARACTERS  # a character takes up to four


def read_program(path: str) -> str:
    """The text of a program; ``-`` is standard input.

    Raises:
        OutsideError: when the file cannot be read.
        GdcliError: when it is too long, not UTF-8, or empty.
    """
    name = "standard input" if path == "-" else path
    try:
        content = sys.stdin.buffer.read(_MOST_BYTES + 1) if path == "-" else _start_of(path)
    except OSError as error:
        raise unreadable("program", f"the program {path}", path, error, (".py", ".txt")) from error
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = f"the program in {name} is not UTF-8 in line {line}"
        raise GdcliError("program", message, "save the file as UTF-8") from error
    if len(text) > MAX_CHARACTERS:
        message = f"the program in {name} is longer than {MAX_CHARACTERS:,} characters"
        raise GdcliError("limit", message, "keep the lines that compute the result")
    if not text.strip():
        raise GdcliError("empty", f"the program in {name} is empty", "for example: y = (x - 1.5)**2")
    return text.strip("\ufeff\n\r ")


def _start_of(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(_MOST_BYTES + 1)


def naming(error: ExpressionError, path: str) -> None:
    """Name the file in a hint that has a command for a file."""
    error.hint = error.hint.replace("--file cell.py", f"--file {path}")
