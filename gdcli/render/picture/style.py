"""Colours, marks and type of saved pictures.

Values have the colours of cividis (Nunez, Anderton and Renslow 2018): dark to light, in order for every eye and in
grey. Paths have the colours of runs, and differ in their markers too, so that a print in grey tells them apart.
"""

from __future__ import annotations

from typing import Any

from gdcli.render.run_colours import RUNS

MARKERS = "osD^vP<>"
CURVE_COLOUR = "#222222"
TANGENT_COLOUR = RUNS[1]
POINT_COLOUR = RUNS[1]
LINE_STYLES = ("--", ":", "-.")  # of what curves and points are compared with
VALUES = "cividis"
SIGNED_VALUES = "RdBu_r"
WORKING = "#D7EEE6"  # the ranges of an axis in which runs converge
BLANK = "#E4E4E4"  # where the function has no value

# Shape, colour and area of the ends of a path and of a minimum.
MARKS = {
    "start": ("o", "#FFFFFF", 80),
    "end": ("*", "#FFFFFF", 260),
    "minimum": ("X", "#F0E442", 120),
    "exact": ("X", "#F0E442", 120),
}

DOTS_PER_INCH = 150
RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 14,
    "axes.titlesize": 15,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "text.usetex": False,
    "text.parse_math": False,
    "svg.hashsalt": "gdcli",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
}


def path_style(i: int) -> tuple[str, str]:
    """The colour and the marker of the path with this number."""
    return RUNS[i % len(RUNS)], MARKERS[i % len(MARKERS)]
