"""The colours of the cells of a map: the same on a terminal, in a picture and on a page.

A basin has a hue, of Okabe and Ito (2008), Color universal design, in their order without black, then further ones. It
is lightest at level 0, where the minimum is reached fastest, and darkest at level 255. The two scales of convergence
and divergence meet with their extremes at the edge between them, after Sohl-Dickstein (2024, arXiv:2402.06184):
convergence is lightest there, at level 0, and dark blue at level 255; divergence is black there and a bright yellow at
level 255. What neither converges nor diverges is grey.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from gdcli.contract.figure import MapScale
from gdcli.render.terminal.ticks import three_digits

Rgb: TypeAlias = tuple[int, int, int]

LEVELS = 256
_MOST_BASINS = 12  # in a legend
NOT_RUN = 255
"""The group of a cell that was not run."""
BLANK: Rgb = (255, 255, 255)
"""The colour of a cell that was not run, where there is no background to show."""

BASINS: tuple[Rgb, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
CONVERGED: tuple[Rgb, ...] = ((236, 247, 250), (158, 212, 232), (74, 152, 205), (33, 84, 158), (10, 28, 84))
DIVERGED: tuple[Rgb, ...] = ((14, 2, 4), (96, 10, 14), (190, 38, 16), (242, 132, 30), (255, 214, 92), (255, 250, 206))
OTHERS: tuple[Rgb, ...] = ((140, 140, 140), (190, 190, 190), (96, 96, 96), (165, 165, 165))
_LIGHTEST, _DARKEST = 0.38, 0.42  # parts of white and of black in the hue of a basin
_GOLDEN = 0.61803398875  # of a turn between two hues, so that none is near another
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def colours_of(scale: MapScale) -> list[Rgb]:
    """The colours of a scale, from level 0 to level 255; all the same where it has no ticks."""
    stops = _stops(scale)
    if not scale.ticks and scale.kind in ("basin", "other"):
        return [stops[len(stops) // 2]] * LEVELS
    if not scale.ticks:
        return [_mixed(stops, 0.6)] * LEVELS
    return [_mixed(stops, level / (LEVELS - 1)) for level in range(LEVELS)]


def colour_table(scales: Sequence[MapScale]) -> bytes:
    """The colour of level ``l`` of group ``g``: bytes ``3 * (256 * g + l)`` and the two after it, for all 256 groups.

    With NumPy, a whole map is ``frombuffer(table, uint8).reshape(256, 256, 3)[group, level]``.
    """
    table = b"".join(bytes(part for colour in colours_of(scale) for part in colour) for scale in scales)
    return table + bytes(BLANK) * (LEVELS * (256 - len(scales)))


def steps_of_basin(scale: MapScale) -> str:
    """In how many steps its cells reach the minimum, from the lightest to the darkest: ``(3 to 40 steps)``."""
    ends = [three_digits(number) for _, number in (scale.ticks[0], scale.ticks[-1])]
    return f"({' to '.join(dict.fromkeys(ends))} steps)"


def steps_of_basins(basins: Sequence[MapScale]) -> str:
    """The numbers at the ticks that all basins have; empty where they differ or there are none."""
    if len({tuple(scale.ticks) for scale in basins}) != 1 or not basins[0].ticks:
        return ""
    numbers = ", ".join(three_digits(number) for _, number in basins[0].ticks)
    return f"steps, from light to dark: {numbers}"


def rare_basins(scales: Sequence[MapScale]) -> list[MapScale]:
    """The basins that a legend leaves out: all but the largest ones."""
    basins = sorted((scale for scale in scales if scale.kind == "basin"), key=lambda scale: -scale.share)
    return basins[_MOST_BASINS:]


def _stops(scale: MapScale) -> Sequence[Rgb]:
    """Colours between which those of a scale lie, evenly spaced."""
    if scale.kind == "converged":
        return CONVERGED
    if scale.kind == "diverged":
        return DIVERGED
    if scale.kind == "other":
        return OTHERS[scale.number % len(OTHERS) :][:1]
    hue = _hue(scale.number)
    return _mixed((hue, _WHITE), _LIGHTEST), hue, _mixed((hue, _BLACK), _DARKEST)


def _hue(number: int) -> Rgb:
    if number < len(BASINS):
        return BASINS[number]
    turn = (number - len(BASINS)) * _GOLDEN
    red, green, blue = colorsys.hls_to_rgb(turn % 1, (0.55, 0.4, 0.7)[number % 3], (0.75, 0.5)[number % 2])
    return round(255 * red), round(255 * green), round(255 * blue)


def _mixed(stops: Sequence[Rgb], share: float) -> Rgb:
    """The colour at a share from 0 to 1 of the way along the stops."""
    if len(stops) == 1:
        return stops[0]
    place = share * (len(stops) - 1)
    i = min(int(place), len(stops) - 2)
    one, other = list(pairwise(stops))[i]
    red, green, blue = (round(a + (place - i) * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue
