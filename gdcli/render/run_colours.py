"""The colours of runs, the same in a terminal, a picture and a page.

Hues after Okabe and Ito (2008), Color universal design: distinguishable with every kind of colour vision. Each is about
as far from black as from white; where the ground is known to be dark, a brighter tone of it is used.
"""

from __future__ import annotations

from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

RUNS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#A58200", "#7D7D7D", "#7A55C7")
ON_DARK = ("#FF8A3D", "#4EA8E8", "#2FC79B", "#E49AC4", "#F0E442", "#C4C9D2", "#B79CF2")


def rgb(colour: str) -> Rgb:
    """The parts of a colour, each from 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
