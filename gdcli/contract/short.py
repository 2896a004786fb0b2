"""Numbers as text in sentences and tables."""

from __future__ import annotations

_WHOLE = 1e6  # numbers below it are written without an exponent


def short(number: float, digits: int) -> str:
    """A number with so many significant digits: 0.0124, 5430, 1.2e+06; no exponent for one that is not that large."""
    text = f"{number:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(float(text)) < _WHOLE else text


def exactly(number: float) -> str:
    """The shortest text that is read as the number."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)
