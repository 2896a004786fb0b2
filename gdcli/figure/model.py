"""The figure model: plain numbers, no torch and no drawing. Every target draws the same panels from it.

Coordinates are those of the data. A number that does not exist (the function is not defined there) is NaN. In a grid,
``z[i][j]`` belongs to ``y[i]`` and ``x[j]``.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Axis(Struct, frozen=True):
    """An axis: its label, the window from ``low`` to ``high``, and whether it is logarithmic."""

    label: str
    low: float
    high: float
    log: bool = False


class Path(Struct, frozen=True):
    """The states of one descent in the plane of a panel, in order.

    ``iterations[k]`` is the iteration at (``x[k]``, ``y[k]``). A long run is thinned out, and keeps its
    first and last state.
    """

    label: str
    iterations: list[int]
    x: list[float]
    y: list[float]


class Mark(Struct, frozen=True):
    """A point with a meaning: where a path starts or ends, or a known minimum."""

    kind: Literal["start", "end", "minimum"]
    x: float
    y: float
    label: str = ""


class Arrow(Struct, frozen=True):
    """An arrow of a gradient field, from (x, y) by (dx, dy), with the size of the gradient."""

    x: float
    y: float
    dx: float
    dy: float
    size: float


class CurvesPanel(Struct, frozen=True, tag_field="panel", tag="curves"):
    """Curves over a common axis: the loss of each run over the iterations."""

    title: str
    x: Axis
    y: Axis
    curves: list[Path]


class FunctionPanel(Struct, frozen=True, tag_field="panel", tag="function"):
    """A function of one variable: its curve, the paths on it, and the tangent at the last point of the first path.

    ``tangent`` is (x, y, slope), None without a path. ``derivative`` is f' over the same ``grid``, where it was asked
    for.
    """

    title: str
    x: Axis
    y: Axis
    grid: list[float]
    values: list[float]
    paths: list[Path]
    marks: list[Mark]
    tangent: tuple[float, float, float] | None = None
    derivative: list[float] | None = None


class ContourPanel(Struct, frozen=True, tag_field="panel", tag="contour"):
    """A function over a plane, with paths in it.

    ``levels`` divide the values into bands that hold about equally many points of the grid, so that a narrow valley and
    small dimples both show. ``note`` says what the plane is when it is not simply that of two variables.
    """

    title: str
    x: Axis
    y: Axis
    grid_x: list[float]
    grid_y: list[float]
    z: list[list[float]]
    levels: list[float]
    paths: list[Path]
    marks: list[Mark]
    field: list[Arrow] = []
    note: str = ""


class HeatPanel(Struct, frozen=True, tag_field="panel", tag="heat"):
    """A matrix as a heat map: ``values`` row by row, from ``low`` to ``high``, symmetric about 0."""

    title: str
    values: list[list[float]]
    low: float
    high: float


Panel = CurvesPanel | FunctionPanel | ContourPanel | HeatPanel


class Figure(Struct, frozen=True):
    """A picture: its title (the expression), the settings in one line, its panels, and what has to be said about it."""

    title: str
    subtitle: str
    panels: list[Panel]
    notes: list[str] = []
