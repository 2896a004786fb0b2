"""Colours for a terminal that knows many, 256, 16 or none.

The scale of a contour goes from dark to light, so that it is in order for every eye and in grey. Colours of lines are
about as far from black as from white, so that they show on any background.
"""

from __future__ import annotations

import functools
from typing import TypeAlias

from rich.color import Color, ColorSystem
from rich.console import Console
from rich.style import Style

from gdcli.render.run_colours import ON_DARK, RUNS, Rgb, rgb

Ink: TypeAlias = Rgb | int
"""A colour, or its index among the 256 or 16 of the terminal."""

# From an indigo over blue, teal and green to a pale yellow: lightness rises in even steps.
SCALE: tuple[Rgb, ...] = (
    (52, 18, 96),
    (62, 62, 142),
    (44, 106, 148),
    (26, 148, 143),
    (80, 187, 115),
    (170, 217, 78),
    (247, 236, 118),
)
# The nearest colours that get lighter at every step.
SCALE_OF_256 = (17, 54, 25, 61, 30, 36, 72, 78, 113, 149, 185, 228)
SCALE_OF_16 = (4, 12, 6, 2, 10, 11)  # blue, light blue, cyan, green, light green, yellow
# Used below several paths, which then have the colours.
MUTED: tuple[Rgb, ...] = ((22, 24, 32), (64, 68, 80), (122, 126, 136))
MUTED_OF_256 = (233, 234, 235, 236, 237, 238, 239, 240, 241, 242, 243, 244)
MUTED_OF_16 = (0, 8)
PATHS = tuple(map(rgb, ON_DARK))
PATHS_OF_16 = (9, 12, 10, 13, 11, 15, 14)
# Blue for negative numbers, white for 0, a red with much orange in it for positive ones.
DIVERGING: tuple[Rgb, ...] = ((24, 79, 149), (113, 169, 208), (244, 244, 240), (239, 158, 108), (178, 52, 24))
DIVERGING_OF_16 = (4, 12, 15, 9, 1)
LINES = tuple(map(rgb, RUNS))
LINES_OF_16 = (9, 12, 2, 5, 3, 8, 13)
BASINS_OF_16 = (3, 14, 2, 11, 4, 9, 13, 10, 12, 5, 6, 1)
MAP_OF_16 = {"converged": (15, 14, 12, 4), "diverged": (0, 1, 9, 11), "other": (8,)}
SHADED = (24, 62, 54)  # lines show on it, and it shows on black and on white
DARK_OF_16 = (1, 4, 12)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_HALF = 0.18  # the luminance above which black has more contrast than white


class Palette:
    """The colours of a terminal. Without colours, every style is plain text."""

    def __init__(self, console: Console) -> None:
        system = None if console.no_color else console.color_system
        self.colourful = system is not None
        self._few = system in ("standard", "windows")
        self._reduced = ColorSystem.EIGHT_BIT if system == "256" else None

    def band(self, number: int, bands: int, *, muted: bool = False) -> Ink:
        """The colour of a band of values, counted from the lowest; a grey when it is ``muted``."""
        if self._few or self._reduced:
            many, few = (MUTED_OF_256, MUTED_OF_16) if muted else (SCALE_OF_256, SCALE_OF_16)
            listed = few if self._few else many
            return listed[min(len(listed) - 1, int((number + 0.5) * len(listed) / bands))]
        return between(MUTED if muted else SCALE, number / max(1, bands - 1))

    def path(self, number: int, ground: Ink | None, *, bold: bool = False) -> Style:
        """The style of one of several paths, over a muted ground."""
        i = number % len(PATHS)
        return self.style(PATHS_OF_16[i] if self._few else PATHS[i], ground, bold=bold)

    def balance(self, share: float) -> Ink:
        """The colour of a number from -1 to 1."""
        if self._few:
            return DIVERGING_OF_16[min(4, max(0, round(2 + 2 * share)))]
        return between(DIVERGING, (share + 1) / 2)

    def line(self, number: int) -> Style:
        """The style of a line."""
        if not self.colourful:
            return Style.null()
        i = number % len(LINES)
        return self.style(LINES_OF_16[i] if self._few else LINES[i])

    def of_map(self, kind: str, number: int, level: int, colour: Rgb) -> Ink:
        """The colour of a cell of a map: ``colour``, or of 16 the one for a scale of this kind and number."""
        if not self._few:
            return colour
        if kind == "basin":
            return BASINS_OF_16[number % len(BASINS_OF_16)]
        scale = MAP_OF_16[kind]
        return scale[level * len(scale) // 256]

    def shaded(self) -> Ink:
        """The background of a range of an axis, below lines."""
        return 8 if self._few else SHADED

    def style(self, ink: Ink | None = None, ground: Ink | None = None, *, bold: bool = False) -> Style:
        """The style with these colours."""
        return _style(ink, ground, bold, self._reduced)

    def on(self, ground: Ink, *, bold: bool = False) -> Style:
        """The style of characters on a background: black on a light one, white on a dark one."""
        if self._few:  # bold black is grey on some terminals
            dark = ground in DARK_OF_16
            return self.style(15 if dark else 0, ground, bold=bold and dark)
        color = Color.from_ansi(ground).get_truecolor() if isinstance(ground, int) else ground
        return self.style(_WHITE if luminance(color) < _HALF else _BLACK, ground, bold=bold)


@functools.lru_cache(maxsize=1024)
def _style(ink: Ink | None, ground: Ink | None, bold: bool, reduced: ColorSystem | None) -> Style:  # noqa: FBT001
    return Style(color=_color(ink, reduced), bgcolor=_color(ground, reduced), bold=bold or None)


def _color(color: Ink | None, reduced: ColorSystem | None) -> Color | None:
    if color is None:
        return None
    if isinstance(color, int):
        return Color.from_ansi(color)
    found = Color.from_rgb(*color)
    return found if reduced is None else found.downgrade(reduced)


@functools.lru_cache(maxsize=1024)
def between(scale: tuple[Rgb, ...], share: float) -> Rgb:
    """The colour at a position from 0 to 1 of a scale with evenly spaced colours."""
    place = min(max(share, 0.0), 1.0) * (len(scale) - 1)
    i = min(int(place), len(scale) - 2)
    red, green, blue = (round(a + (place - i) * (b - a)) for a, b in zip(scale[i], scale[i + 1], strict=True))
    return red, green, blue


def luminance(color: Rgb) -> float:
    """The relative luminance of a colour, from 0 to 1 (WCAG 2.2)."""
    linear = [c / 12.92 if (c := part / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for part in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
