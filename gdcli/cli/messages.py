"""Messages: errors and warnings for people on standard error, and errors for scripts as a JSON document."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gdcli.errors import ExpressionError, GdcliError, caret
from gdcli.printable import in_lines, one_line, short_message, shortened

if TYPE_CHECKING:
    from gdcli.contract.envelope import Notice

# Notices that the numbers cannot be trusted; the others explain.
WARNINGS = frozenset(["diverged", "non-finite"])


def print_error(error: GdcliError, command: str, *, as_json: bool, indent: bool = False) -> None:
    """Print an error: text on standard error, and with ``as_json`` a JSON document on standard output."""
    lines = [f"error: {one_line(error.message)}"]
    if isinstance(error, ExpressionError) and error.source:
        start, end = error.span
        place = len(_encodable(error.source[:start])), len(_encodable(error.source[:end]))
        lines.append(caret(_encodable(error.source), place))
    if error.hint:
        lines.append(f"hint: {one_line(short_message(error.hint))}")
    to_stderr("\n".join(lines))
    if as_json:
        from gdcli.cli.output import indented
        from gdcli.contract.envelope import ErrorResult
        from gdcli.render.documents import json_line

        record = ErrorResult(
            command=_valid(command),
            code=error.code,
            message=_valid(error.message),
            hint=_valid(error.hint),
            source=_valid(error.source) if isinstance(error, ExpressionError) else None,
            span=getattr(error, "span", None),
        )
        document = json_line(record)
        sys.stdout.buffer.write(indented(document) if indent else document)
        sys.stdout.buffer.flush()


def _valid(text: str) -> str:
    """The text with "?" for each byte that is not valid UTF-8, which JSON cannot represent."""
    return text.encode(errors="replace").decode()


def warn(notices: Sequence[Notice]) -> None:
    """Print the warnings among the notices on standard error."""
    for notice in notices:
        if notice.code in WARNINGS:
            warn_of(notice.message)


def warn_of(message: str) -> None:
    """Print a warning on standard error, in one line."""
    to_stderr(f"warning: {one_line(shortened(message))}")


def to_stderr(text: str) -> None:
    """Print lines to standard error, with escapes for controls and for what it cannot encode.

    A closed stream is not an error.
    """
    with contextlib.suppress(OSError, ValueError):
        print(_encodable(in_lines(text)), file=sys.stderr, flush=True)  # noqa: T201


def _encodable(text: str) -> str:
    """The text with escapes for the characters that standard error cannot encode."""
    encoding = sys.stderr.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
