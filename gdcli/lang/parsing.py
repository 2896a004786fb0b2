"""Text to an expression or a program: which of the two it is, and who reads it."""

from __future__ import annotations

import re
from collections.abc import Collection

from gdcli.errors import ExpressionError
from gdcli.lang.given_function import MARK, GivenFunction, not_here
from gdcli.lang.nodes import Expression
from gdcli.lang.syntax import parse_expression

_STATEMENT = re.compile(r"\s*(?:[^\W\d][\w, ]*(?:\*\*|//|[-+*/%@])?=(?!=)|(?:import|from|def|for|while|with|print)\b)")
_OF_FUNCTION = re.compile(rf"{MARK}\S[^\n]*\([^\n]*\)")  # in a record


def parse(text: str, values: Collection[str] = ()) -> Expression:
    """Parse and check an expression or a program.

    A name of ``values`` is a variable, whatever else has that name.

    Raises:
        ExpressionError: with a message, a span of characters, and mostly a hint.
    """
    if isinstance(text, GivenFunction):
        return text.expression
    if _OF_FUNCTION.fullmatch(text):
        raise not_here(text)
    if not is_program(text):
        return parse_expression(text, values)
    from gdcli.lang.program import read_program  # an expression does not wait for what programs need

    return read_program(tidy(text), values)


def rows_of(text: str, values: Collection[str]) -> list[tuple[str, Expression | ExpressionError]]:
    """The text of each row of an expression, and what it says; a program has a row for each value that it prints."""
    try:
        return [(row.text(row.root) if row.is_program else text, row) for row in parse(text, values).rows]
    except ExpressionError as error:
        return [(text, error)]


def is_program(text: str) -> bool:
    """Whether a text has statements, and is no expression alone: lines, ``;``, comments, ``name = ...``, ``import``."""
    return not isinstance(text, GivenFunction) and (
        any(mark in text for mark in "\n;#") or _STATEMENT.match(text) is not None
    )


def tidy(text: str) -> str:
    """A program with one kind of line end, and without empty lines around it."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def in_one_form(text: str) -> str:
    """A text as it stands in settings: a program tidied, an expression as it is."""
    return tidy(text) if is_program(text) else text
