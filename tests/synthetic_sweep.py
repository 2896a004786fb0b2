"""Maps, curves and records of sweeps of known content, for the tests of their pictures."""

from __future__ import annotations

import math
from typing import Any

from msgspec.structs import replace

from gdcli.contract.figure import Axis, Figure, MapLine, MapPanel, MapScale, SweepCurvePanel
from gdcli.contract.sweep import (
    EngineUsed,
    SweepAxis,
    SweepCell,
    SweepCells,
    SweepMinimum,
    SweepResult,
    SweepSettings,
    Working,
)

TICKS = [(0, 3.0), (128, 40.0), (255, 1200.0)]
SCALES = [
    MapScale("minimum 1", "basin", 0, TICKS, 0.25),
    MapScale("minimum 2", "basin", 1, TICKS, 0.125),
    MapScale("converged, steps", "converged", 0, TICKS, 0.2),
    MapScale("diverged, steps", "diverged", 0, [(0, 90.0), (255, 2.0)], 0.175),
    MapScale("out of budget", "other", 0, [], 0.15),
    MapScale("stalled", "other", 1, [], 0.0004),
]
STEPS_TO = SCALES[2:5]


def a_map(columns: int, rows: int, scales: list[MapScale] = SCALES, **others: Any) -> MapPanel:
    """A map whose neighbours differ: cell (i, j) has group (i + 2j) mod (n + 1), the last of which was not run."""
    places = [(i, j) for j in range(rows) for i in range(columns)]
    group = [(i + 2 * j) % (len(scales) + 1) for i, j in places]
    made = MapPanel(
        "the title", Axis("x", -2.0, 2.0), Axis("lr", 0.001, 10.0, log=True), columns, rows,
        bytes(255 if each == len(scales) else each for each in group),
        bytes((37 * i + 91 * j) % 256 for i, j in places), scales,
    )  # fmt: skip
    return replace(made, **others)


def figure_of(panel: MapPanel | SweepCurvePanel) -> Figure:
    return Figure("x**4 - x**2", "manual, 200 steps", [panel])


def a_curve() -> SweepCurvePanel:
    """Steps over rates 0.01, 0.02, ..., 1, without a number outside of 0.2 to 0.8, but for one at 0.05."""
    grid = [k / 100 for k in range(1, 101)]
    values = [10.0 + 100 * (x - 0.5) ** 2 if 0.2 <= x <= 0.8 or x == 0.05 else math.nan for x in grid]
    line = MapLine("2/L = 0.9", [0.9, 0.9], [0.0, 50.0])
    return SweepCurvePanel("steps", Axis("lr", 0.01, 1.0), Axis("steps", 0.0, 50.0), grid, values, [(0.2, 0.8)], [line])


def axes_of_map(columns: int, rows: int) -> list[SweepAxis]:
    """The axes of ``a_map``."""
    return [
        SweepAxis(name="x", kind="start", target="x", low=-2.0, high=2.0, count=columns),
        SweepAxis(name="lr", kind="lr", target="lr", low=0.001, high=10.0, count=rows, log=True),
    ]


def a_record(columns: int = 5, rows: int = 4, **others: Any) -> SweepResult:
    count = columns * rows
    made = SweepResult(
        settings=SweepSettings(expression="x**4 - x**2", over=[f"x=-2:2:{columns}", f"lr=1e-3:10:log:{rows}"]),
        status="ok",
        message="the message",
        axes=axes_of_map(columns, rows),
        cells=160_000,
        run_steps=7_654_321,
        statuses={"converged_grad": 97_920, "diverged": 52_800, "max_steps": 9_260, "stalled": 20},
        minima=[
            SweepMinimum(kind="minimum", values={"x": 0.7071067690849304}, loss=-0.25, known=True, cells=48_960),
            SweepMinimum(kind="minimum", values={"x": -0.7071067690849304}, loss=-0.2499, known=False, cells=48_000),
        ],
        best=SweepCell(
            index=[1, 2], at={"x": 0.7, "lr": 0.25}, status="converged_grad", steps=3, loss=-0.25, minimum=0,
            values={"x": 0.7071067690849304},
            command="gdcli minimize 'x**4 - x**2' --x 0.7 --lr 0.25 --steps 200 --tol-grad 1e-06 --dtype float64",
        ),
        working=[Working(axis="lr", ranges=[(0.015, 0.49)], bound=0.5, formula="2/L", curvature=4.0)],
        engine=EngineUsed(name="replay", compared=64, differing=0, ulp=0.0),
        cell_command="gdcli minimize 'x**4 - x**2' --x {0} --lr {1} --note '{{}}'",
        grid=SweepCells(
            status=[("converged_grad", "diverged", "max_steps")[k % 3] for k in range(count)],
            steps=[7 * k for k in range(count)],
            loss=[math.inf if k % 3 == 1 else k / 8 for k in range(count)],
            minimum=[k % 3 - 1 for k in range(count)],
            values={"x": [k / 4 for k in range(count)], "W": [[[k, 0.5], [1.5, -k]] for k in range(count)]},
        ),
    )  # fmt: skip
    return replace(made, **others)
