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
    statements = [part.strip() for line in expression.split("\n") for part in line.partition("#")[0].split(";")]
    told = [part for part in statements if part and not _WITHOUT_RESULT.match(part)]
    return told[-1] if told else expression.partition("\n")[0]


_WITHOUT_RESULT = re.compile(
    r"print\s*\(|[\w.]+\.(?:backward|requires_grad_|grad)\b|import\b|from\b|torch\.manual_seed\b"
)
