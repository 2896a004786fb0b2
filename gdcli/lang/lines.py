"""The lines of a program: where each statement begins and ends, and its text without comments."""

from __future__ import annotations

import re
from typing import NoReturn

from msgspec import Struct

from gdcli.errors import ExpressionError
from gdcli.lang.nodes import Span

MAX_CHARACTERS = 100_000
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_PIECES = re.compile(
    r"""(?P<long>'''.*?'''|\"\"\".*?\"\"\")|(?P<text>'[^'\n]*'|"[^"\n]*")"""
    r"""|(?P<comment>\#[^\n]*)|(?P<joined>\\[ \t]*\n)"""
    r"""|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>[\n;])|[\w ,.]+|.""",
    re.DOTALL,
)
_OPERATORS = re.compile(
    r"""'[^']*'|"[^"]*"|(?P<open>[(\[{])|(?P<close>[)\]}])|[=!<>:]="""
    r"""|(?P<sign>(?:\*\*|//|>>|<<|[-+*/%@&|^])?=)|(?P<colon>:)|[\w ,.]+|."""
)


class Line(Struct, frozen=True):
    """One statement: its characters in the source, and how far its line is indented."""

    span: Span
    indent: int


def lines_of(source: str) -> tuple[str, list[Line]]:
    """The source with spaces for what is no code, each character in its place, and its statements.

    No code are comments, long texts, and ends of lines inside brackets.

    Raises:
        ExpressionError: for a program that is too long, and a bracket that is never closed.
    """
    if len(source) > MAX_CHARACTERS:
        message = f"the program is too long: {len(source):,} characters; the limit is {MAX_CHARACTERS:,}"
        raise ExpressionError("limit", message, source=source, span=(MAX_CHARACTERS, len(source)))
    code, ends = _code(source)
    found: list[Line] = []
    start = indent = 0
    for end in [*ends, len(code)]:
        text = code[start:end]
        left = start + len(text) - len(text.lstrip())
        if start == 0 or code[start - 1] == "\n":
            indent = len(text[: left - start].expandtabs())
        if text.strip():
            found.append(Line((left, start + len(text.rstrip())), indent))
        start = end + 1
    return code, found


def _code(source: str) -> tuple[str, list[int]]:
    """The source with spaces for what is no code, and the places where statements end."""
    texts: list[str] = []
    ends: list[int] = []
    opened: list[int] = []
    for piece in _PIECES.finditer(source):
        text, kind = piece[0], piece.lastgroup
        if kind == "open":
            opened.append(piece.start())
        elif kind == "close" and opened:
            bracket = opened.pop()
            if _CLOSING[source[bracket]] != text:
                _never_closed(source, bracket)
        elif kind == "end" and not opened:
            ends.append(piece.start())
        if kind in ("comment", "joined", "long") or (text == "\n" and opened):
            text = " " * len(text)
        texts.append(text)
    if opened:
        _never_closed(source, opened[-1])
    return "".join(texts), ends


def _never_closed(source: str, place: int) -> NoReturn:
    message, hint = f"'{source[place]}' was never closed", f"add '{_CLOSING[source[place]]}'"
    raise ExpressionError("syntax", message, hint, source=source, span=(place, place + 1))


def assignments(text: str) -> list[tuple[int, str]]:
    """The place and the sign of each ``=``, ``+=`` and the like outside brackets, from left to right."""
    return [(place, sign) for place, kind, sign in _outside_brackets(text) if kind == "sign"]


def colon(text: str) -> int:
    """The place of the first ``:`` outside brackets; -1 if there is none."""
    return next((place for place, kind, _ in _outside_brackets(text) if kind == "colon"), -1)


def _outside_brackets(text: str) -> list[tuple[int, str | None, str]]:
    found, depth = [], 0
    for piece in _OPERATORS.finditer(text):
        depth += (piece.lastgroup == "open") - (piece.lastgroup == "close")
        if depth == 0:
            found.append((piece.start(), piece.lastgroup, piece[0]))
    return found
