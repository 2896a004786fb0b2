"""One-line bar charts: numbers as blocks of eighths, or as ASCII characters where the encoding has no blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult

from gdcli.render.text import Text

_BLOCKS = "▁▂▃▄▅▆▇█"
_LETTERS = "_.-~=+*#"


class Bars:
    """A line with a bar for each level from 0 to 1, and a space for None."""

    def __init__(self, levels: Sequence[float | None], style: str = "") -> None:
        self.levels = levels
        self.style = style

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it with the characters of the encoding."""
        marks = _LETTERS if options.ascii_only else _BLOCKS
        line = "".join(" " if level is None else marks[_eighth(level)] for level in self.levels)
        yield Text(line, self.style, no_wrap=True, end="")


def _eighth(level: float) -> int:
    return min(7, max(0, round(level * 7)))


class LogScale:
    """Maps numbers to positions from 0 to 1 on a logarithmic scale; numbers beyond its ends are clamped to them."""

    def __init__(self, low: float, high: float) -> None:
        self.low = math.log10(low)
        self.high = math.log10(high)

    def level(self, value: float | None) -> float:
        """The position; a number that is not finite is at the top."""
        if value is None or not math.isfinite(value):
            return 1.0
        if value <= 0 or self.high == self.low:
            return 0.0
        return min(1.0, max(0.0, (math.log10(value) - self.low) / (self.high - self.low)))
