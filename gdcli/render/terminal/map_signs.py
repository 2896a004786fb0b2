"""The colour and the character of a cell of a map on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style

from gdcli.contract.figure import MapScale
from gdcli.render.map_colours import LEVELS, NOT_RUN, colours_of
from gdcli.render.terminal.palette import Ink, Palette
from gdcli.render.terminal.signs import Signs

_SHADES = "·░▒▓█"
_ASCII_SHADES = ".:-=+"
_BASINS = "abcdefghijklmnpqrstuvwyz"
_DIVERGED = "x"


class MapInk:
    """The colours of the scales of a map, and their characters where there are no colours.

    Without colours, a basin has a small letter, convergence a shade (the denser, the farther from the edge), divergence
    an ``x``, and what neither converges nor diverges the first letter of its name, in capitals.
    """

    def __init__(self, scales: Sequence[MapScale], signs: Signs, palette: Palette) -> None:
        self.palette = palette
        self.printable = signs.printable
        self.shades = _ASCII_SHADES if signs.ascii_only else _SHADES
        self.line = "#" if signs.ascii_only else ""
        self._colours: list[list[Ink]] = [self._inks(scale) for scale in scales]
        self._letters: list[str] = []
        for scale in scales:
            self._letters.append(self._letter(scale))

    def _inks(self, scale: MapScale) -> list[Ink]:
        return [self.palette.of_map(scale.kind, scale.number, level, colour)
                for level, colour in enumerate(colours_of(scale))]  # fmt: skip

    def _letter(self, scale: MapScale) -> str:
        """The character of a scale that has one for all levels; of two names that begin alike, the next letter."""
        if scale.kind == "converged":
            return ""
        if scale.kind == "diverged":
            return _DIVERGED
        if scale.kind == "basin":
            return _BASINS[scale.number % len(_BASINS)]
        letters = [letter for letter in scale.label.upper() if letter.isalpha() and letter.isascii()]
        return next((letter for letter in letters if letter not in self._letters), "?")

    def colour(self, group: int, level: int) -> Ink | None:
        """The colour of a cell; None for one that was not run."""
        return None if group == NOT_RUN else self._colours[group][level]

    def sign(self, group: int, level: int) -> str:
        """The character of a cell where there are no colours; a space for one that was not run."""
        if group == NOT_RUN:
            return " "
        return self._letters[group] or self.shades[level * len(self.shades) // LEVELS]

    def on(self, ground: Ink | None) -> Style:
        """The style of a character over a cell."""
        if ground is None or not self.palette.colourful:
            return Style(bold=True)
        return self.palette.on(ground, bold=True)
