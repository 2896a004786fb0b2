"""Numbers as text in sentences and tables."""

from __future__ import annotations

import re

_WHOLE = 1e6  # numbers below it are written without an exponent


def short(number: float, digits: int) -> str:
    """A number with so many significant digits: 0.0124, 5430, 1.2e+06; no exponent for one that is not that large."""
    text = f"{number:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(float(text)) < _WHOLE else text


def exactly(number: float) -> str:
    """The shortest text that is read as the number."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)


def in_a_title(expression: str) -> str:
    """An expression as a title has it: of a program, the statement that gives the result."""
    if not any(mark in expression for mark in "\n;#"):
        return expression
    statements: list[str] = []
    for line in expression.split("\n"):
        parts = [part.strip() for part in line.partition("#")[0].split(";")]
        if statements and _is_open(statements[-1]):  # a statement goes on inside brackets
            statements[-1] += parts.pop(0)
        statements += parts
    if named := _RESULT.search(expression):
        own = [part for part in statements if re.match(rf"{named[1]}\s*(?:[-+*/@%]|\*\*|//)?=(?!=)", part)]
        statements = own or statements
    told = [part for part in statements if part and not _WITHOUT_RESULT.match(part)]
    return told[-1] if told else expression.partition("\n")[0]


def _is_open(statement: str) -> bool:
    """Whether a bracket of it is not closed."""
    return len(re.findall(r"[(\[{]", statement)) > len(re.findall(r"[)\]}]", statement))


_WITHOUT_RESULT = re.compile(
    r"print\s*\(|[\w.]+\.(?:backward|requires_grad_|grad)\b|import\b|from\b|torch\.manual_seed\b"
)
_RESULT = re.compile(r"(?m)(?:^|;)\s*(\w+)\.backward\b")
