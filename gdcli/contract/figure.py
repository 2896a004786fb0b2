"""The model of a figure: plain numbers, no torch and no drawing. Every output format draws the same panels.

Coordinates are those of the data. In a grid, ``z[i][j]`` belongs to ``grid_y[i]`` and ``grid_x[j]``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    Number: TypeAlias = float
    """A number; NaN (null in JSON) where the function is not defined."""
else:
    Number = float | None  # what the JSON Schema says


Counted = Literal["iteration", "evaluation", "epoch"]
"""What a picture counts along its axis and in time."""
Window = tuple[float, float]
"""The two ends of an axis."""


def finite(numbers: Iterable[float]) -> list[float]:
    """The finite numbers."""
    return [number for number in numbers if math.isfinite(number)]


def largest_size(numbers: Iterable[float]) -> float:
    """The largest absolute value of the finite numbers, for a scale symmetric about 0; 1 if all are 0."""
    return max(map(abs, finite(numbers)), default=0.0) or 1.0


class Axis(Struct, frozen=True):
    """An axis: its label, the window from ``low`` to ``high``, and whether it is logarithmic.

    ``whole``: it shows whole numbers only.
    """

    label: str
    low: float
    high: float
    log: bool = False
    whole: bool = False

    def holds(self, number: float) -> bool:
        """Whether a number is in the window."""
        return self.low <= number <= self.high


class Path(Struct, frozen=True):
    """The states of one descent in the plane of a panel, in order.

    ``counts[k]`` is the iteration at (``x[k]``, ``y[k]``), or the number of evaluations so far, as ``counted`` says. A
    long run is thinned out; its first and last states are kept.
    """

    label: str
    counts: list[int]
    x: list[Number]
    y: list[Number]
    counted: Counted = "iteration"


NO_VALUE = "no finite value here"
MARK_NAMES = {"start": "start", "end": "end", "minimum": "known minimum", "exact": "exact minimum"}
"""The names of the kinds of marks."""


class Mark(Struct, frozen=True):
    """A point with a meaning: where a path starts or ends, or a minimum that is known or was computed exactly."""

    kind: Literal["start", "end", "minimum", "exact"]
    x: float
    y: float
    label: str = ""


class Arrow(Struct, frozen=True):
    """An arrow of a gradient field, from (x, y) to (x + dx, y + dy), in the direction of the gradient.

    ``size`` is the norm of the gradient.
    """

    x: float
    y: float
    dx: float
    dy: float
    size: float


class Tangent(Struct, frozen=True):
    """The tangent of a function at (x, y)."""

    x: float
    y: float
    slope: float


class MapLine(Struct, frozen=True):
    """A line in a map, over curves or among points, in the coordinates of the axes; outside the window it is cut."""

    label: str
    x: list[float]
    y: list[float]


class CurvesPanel(Struct, frozen=True, tag_field="panel", tag="curves"):
    """Curves over a common axis: the loss of each run over what is counted. ``lines`` are others to compare with."""

    title: str
    x: Axis
    y: Axis
    curves: list[Path]
    lines: list[MapLine] = []


class FunctionPanel(Struct, frozen=True, tag_field="panel", tag="function"):
    """A function of one variable: its curve, the paths on it, and the tangent at the end of the first path.

    ``tangent`` is null without a path. ``derivative`` is f' on the same ``grid``, if requested.
    """

    title: str
    x: Axis
    y: Axis
    grid: list[float]
    values: list[Number]
    paths: list[Path]
    marks: list[Mark]
    tangent: Tangent | None = None
    derivative: list[Number] | None = None

    @property
    def is_blank(self) -> bool:
        """Whether nothing in the window has a finite value."""
        return not finite([*self.values, *(self.derivative or []), *(y for path in self.paths for y in path.y)])


class ContourPanel(Struct, frozen=True, tag_field="panel", tag="contour"):
    """A function over a plane, with paths in it.

    ``levels`` divide the values into bands, from the lowest to the highest. ``equal``: both axes have the same scale,
    so that circles are round and the gradient is normal to the contours. ``plane`` describes the plane when it is not
    simply that of two variables, and ``value`` what the function is called.
    """

    title: str
    x: Axis
    y: Axis
    grid_x: list[float]
    grid_y: list[float]
    z: list[list[Number]]
    levels: list[float]
    paths: list[Path]
    marks: list[Mark]
    equal: bool = True
    field: list[Arrow] = []
    plane: str = ""
    value: str = "value"

    @property
    def is_blank(self) -> bool:
        """Whether nothing in the window has a finite value."""
        return not self.values()

    def values(self) -> list[float]:
        """The finite values, row by row."""
        return finite(number for row in self.z for number in row)

    def holds(self, x: float, y: float) -> bool:
        """Whether a point is in the window."""
        return self.x.holds(x) and self.y.holds(y)


class HeatState(Struct, frozen=True):
    """A matrix at an iteration, row by row."""

    iteration: int
    values: list[list[Number]]


class HeatPanel(Struct, frozen=True, tag_field="panel", tag="heat"):
    """A matrix as a heat map: ``values`` row by row, from ``low`` to ``high``, symmetric about 0.

    ``history`` holds the matrix during the descent, for animations; empty if it was not kept.
    """

    title: str
    values: list[list[Number]]
    low: float
    high: float
    history: list[HeatState] = []


class ScatterState(Struct, frozen=True):
    """What moves in a panel of points, at an iteration: the coordinates of the points, and the fit; else empty."""

    iteration: int
    x: list[Number] = []
    y: list[Number] = []
    fit: list[Number] = []


class ScatterPanel(Struct, frozen=True, tag_field="panel", tag="scatter"):
    """Points with a fit through them: rows of data, or what a fit predicts for them.

    ``fit`` is at the end of the descent; ``lines`` stay where they are. ``history`` holds what moves during the
    descent: points, and the heights of the fit at ``fit.x``. ``points`` says what the points are.
    """

    title: str
    x: Axis
    y: Axis
    points_x: list[Number]
    points_y: list[Number]
    fit: MapLine | None = None
    lines: list[MapLine] = []
    history: list[ScatterState] = []
    points: str = "rows"


class MapScale(Struct, frozen=True):
    """A colour scale of a map, or one colour if it has no ``ticks``: what it means, and its kind.

    ``kind`` chooses the colours: "basin" one for each minimum, "converged" and "diverged" two scales that meet at the
    edge between them (the last level of each is the farthest from it), "other" a grey. ``number`` counts the scales of
    a kind. ``ticks`` are levels, from 0 to 255, with the number that they stand for: the levels are spaced by rank.
    """

    label: str
    kind: Literal["basin", "converged", "diverged", "other"]
    number: int = 0
    ticks: list[tuple[int, float]] = []
    share: float = 0.0


class MapPanel(Struct, frozen=True, tag_field="panel", tag="map"):
    """A map of cells: ``columns`` along ``x`` and ``rows`` along ``y``, the lowest first.

    The axes run from the centre of the first cell to that of the last one. Cell (i, j), of column i and row j, is byte
    ``j * columns + i`` of ``group``, the number of its scale in ``scales``, and of ``level``, its place in that scale.
    A ``group`` of 255 is a cell that was not run. ``listed_x`` are the numbers of the columns, where they are a list
    and not evenly spaced, and ``listed_y`` those of the rows.
    """

    title: str
    x: Axis
    y: Axis
    columns: int
    rows: int
    group: bytes
    level: bytes
    scales: list[MapScale]
    lines: list[MapLine] = []
    listed_x: list[float] = []
    listed_y: list[float] = []


class SweepCurvePanel(Struct, frozen=True, tag_field="panel", tag="sweep"):
    """A quantity over one axis of a sweep: ``values[i]`` at ``grid[i]``, NaN where a run has none.

    ``works`` are the ranges of the axis, shaded, in which the runs converge. Each of ``lines`` is vertical.
    """

    title: str
    x: Axis
    y: Axis
    grid: list[float]
    values: list[Number]
    works: list[tuple[float, float]]
    lines: list[MapLine] = []


Panel = CurvesPanel | FunctionPanel | ContourPanel | HeatPanel | ScatterPanel | MapPanel | SweepCurvePanel


class Remark(Struct, frozen=True):
    """A remark about a picture: ``code`` for scripts, ``message`` for people."""

    code: Literal[
        "undefined",
        "runs-away",
        "cut-off",
        "plane",
        "thinned",
        "zero-loss",
        "random",
        "sample",
        "batches",
        "early-stop",
    ]
    message: str


class Figure(Struct, frozen=True):
    """A picture: its title (the expression), the settings in one line, its panels, and remarks about it."""

    title: str
    subtitle: str
    panels: list[Panel]
    remarks: list[Remark] = []
