"""The exceptions that users see, and the exit codes."""

from __future__ import annotations

import enum
import unicodedata
from typing import Self

from gdcli.printable import short_message

_WINDOW = 60  # characters of a long expression shown around the caret
_WRONG = (
    "the command line, an expression, a value or a config is wrong; or a row of ops or a point of --each has an error"
)
_CHECKED = (
    "with --require-convergence, no tolerance was met; with --check, a gradient disagrees; with --fail-on, there is "
    "such a finding"
)


@enum.unique
class ExitCode(enum.IntEnum):
    """The process exit codes that scripts may rely on, one name each; ``meaning`` says when a command ends so."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> Self:
        """A number with its meaning."""
        code = int.__new__(cls, number)
        code._value_ = number
        code.meaning = meaning
        return code

    OK = 0, "it ran; a descent that diverged is a result too, with a warning on standard error"
    FAILED = 1, "something outside failed: a file, a device; or a line of --points has an error"
    USAGE = 2, _WRONG
    CHECK_FAILED = 3, _CHECKED
    HUNG_UP = 129, "ended by SIGHUP; what was computed so far is printed"
    INTERRUPTED = 130, "ended by Ctrl-C; what was computed so far is printed"
    TERMINATED = 143, "ended by SIGTERM; what was computed so far is printed"


INTERRUPTED_BY = {"": ExitCode.INTERRUPTED, " by SIGTERM": ExitCode.TERMINATED, " by SIGHUP": ExitCode.HUNG_UP}
"""The exit code by the words that say which signal has ended a run; Ctrl-C needs none."""


class GdcliError(Exception):
    """An error that a user can act on.

    ``code`` is a stable identifier for scripts (kebab case), ``message`` the sentence for users, and
    ``hint`` how to fix it (empty when nothing can be suggested). Long words in them are shortened. ``is_late`` says
    that what was asked for had been printed before.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        message = short_message(message)
        super().__init__(message)
        self.code = code
        self.is_late = False
        self.message = message
        self.hint = short_message(hint)

    def __str__(self) -> str:
        hint = f"\nhint: {self.hint}" if self.hint else ""
        return f"{self.message}{hint}"


class OutsideError(GdcliError):
    """Something outside the program failed: a file, a device. Exit code 1."""

    exit_code = ExitCode.FAILED


class UserInterruptError(GdcliError):
    """A signal before there was anything to print. ``by`` is a key of ``INTERRUPTED_BY``."""

    def __init__(self, by: str = "", message: str = "", hint: str = "") -> None:
        super().__init__("interrupted", message or f"interrupted{by}", hint)
        self.exit_code = INTERRUPTED_BY[by]


class UnknownVariableError(GdcliError):
    """A value was given for ``name``, which is not one of the variables in ``known``."""

    def __init__(self, name: str, known: list[str], hint: str) -> None:
        super().__init__("unknown-variable", f"the expression has no variable '{name}'", hint)
        self.name = name
        self.known = known


class ExpressionError(GdcliError):
    """An error at a place in a text.

    ``span`` is the half-open range of characters of ``source`` that the error is about.
    """

    def __init__(self, code: str, message: str, hint: str = "", *, source: str, span: tuple[int, int]) -> None:
        super().__init__(code, message, hint)
        self.source = source
        self.span = span

    def __str__(self) -> str:
        hint = f"\nhint: {self.hint}" if self.hint else ""
        place = f"\n{caret(self.source, self.span)}" if self.source else ""
        return f"{self.message}{place}{hint}"


class MissingVariableError(ExpressionError):
    """The variable ``name`` of the expression has no value."""

    def __init__(self, name: str, hint: str, *, source: str, span: tuple[int, int]) -> None:
        super().__init__("missing-variable", f"the variable '{name}' has no value", hint, source=source, span=span)
        self.name = name


def caret(source: str, span: tuple[int, int]) -> str:
    """Two lines: the source (a window of it when it is long), and carets under the characters of ``span``.

    Of a program it is the line where the span begins, behind its number.
    """
    start, end = span
    if "\n" in source:
        first, last = source.rfind("\n", 0, start) + 1, source.find("\n", start)
        last = len(source) if last < 0 else last
        number = f"line {source.count(chr(10), 0, start) + 1}: "
        return _marked(source[first:last], (start - first, min(end, last) - first), f"  {number}")
    return _marked(source, span, "  ")


def _marked(source: str, span: tuple[int, int], before_it: str) -> str:
    start, end = span
    end = min(max(end, start + 1), start + _WINDOW)
    first = max(0, start - _WINDOW) if len(source) > 2 * _WINDOW else 0
    last = min(len(source), end + _WINDOW) if len(source) > 2 * _WINDOW else len(source)
    before = ("…" if first else "") + _printable(source[first:start])
    marked = _printable(source[start:end])
    after = _printable(source[end:last]) + ("…" if last < len(source) else "")
    gap = " " * (len(before_it) + _width(before))
    return f"{before_it}{before}{marked}{after}".rstrip() + f"\n{gap}{'^' * max(1, _width(marked))}"


def _printable(text: str) -> str:
    """The text with control and format characters replaced, so that it cannot disturb a terminal."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _width(text: str) -> int:
    """The number of terminal cells that the text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
