"""The characters of a picture: Unicode, or ASCII where the encoding has no others."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rich.console import ConsoleOptions

_TERMINALS_OF_FEW_SIGNS = ("linux", "dumb", "vt100")


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs of one cell each.

    ``line`` is that of a path over contours, empty where there are dots for it; ``shades`` rise from the lowest values
    to the highest; ``arrows`` begin with the one to the right and go round against the clock.
    """

    ascii_only: bool
    horizontal: str
    vertical: str
    corner: str
    tick_below: str
    tick_left: str
    line: str
    step: str
    start: str
    end: str
    minimum: str
    shades: str
    arrows: str

    def mark(self, kind: str) -> str:
        """The sign of a mark."""
        return {"start": self.start, "end": self.end, "minimum": self.minimum, "exact": self.minimum}[kind]

    def printable(self, text: str) -> str:
        """A text of the user in one line; characters that cannot be shown are escaped."""
        text = " ".join(text.split())
        text = "".join(letter if letter.isprintable() else "?" for letter in text)
        return text.encode("ascii", "backslashreplace").decode() if self.ascii_only else text


UNICODE = Signs(False, "─", "│", "└", "┬", "┤", "", "•", "○", "●", "✕", "·░▒▓█", "→↗↑↖←↙↓↘")
ASCII = Signs(True, "-", "|", "+", "+", "+", "~", "o", "S", "E", "X", ".:-=+*#%@", ">/^\\</v\\")

_BRAILLE = 0x2800
# The bits of the dots of a braille sign, from the highest row to the lowest: the left one and the right one.
_ROWS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def blank(sign: str) -> bool:
    """Whether a braille sign has no dots."""
    return ord(sign) == _BRAILLE


def joined(one: str, other: str) -> str:
    """The braille sign with the dots of two."""
    return chr(ord(one) | ord(other))


def drawn_in_ascii(sign: str) -> str:
    """The ASCII sign that looks most like a braille sign."""
    dots = ord(sign) - _BRAILLE
    if not dots:
        return " "
    rows = [i for i, (left, right) in enumerate(_ROWS) if dots & (left | right)]
    if rows[-1] - rows[0] < 2:
        middle = rows[0] + rows[-1]
        return "'" if middle <= 1 else "." if middle >= 5 else "-"
    left = [i for i, (bit, _) in enumerate(_ROWS) if dots & bit]
    right = [i for i, (_, bit) in enumerate(_ROWS) if dots & bit]
    if not left or not right or sum(left) / len(left) == sum(right) / len(right):
        return "|"
    return "\\" if sum(left) / len(left) < sum(right) / len(right) else "/"


def has_few_signs(options: ConsoleOptions) -> bool:
    """Whether the terminal or the encoding of the output supports little more than ASCII."""
    return options.ascii_only or os.environ.get("TERM") in _TERMINALS_OF_FEW_SIGNS
