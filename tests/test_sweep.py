"""What a sweep says of its cells, against what is known of a quadratic: x goes from 5 to 2 + 3 * (1 - 3 lr)**n."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

import gdcli
from gdcli.complete.sweep import complete_sweep
from gdcli.contract.figure import Axis, MapPanel, SweepCurvePanel
from gdcli.contract.sweep import SweepCells, SweepSettings
from gdcli.render.map_axes import CellAxis
from gdcli.render.sweep import summary, sweep_csv
from gdcli.render.terminal.ticks import ticks as ticks_of
from gdcli.sweeps.sweep import Sweep

QUADRATIC = "1.5*(x - 2)**2"
RATES = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06]


def test_cells_that_end_near_a_minimum_have_reached_it_converged_or_not() -> None:
    record = gdcli.sweep(QUADRATIC, over=["lr=0.01:0.06:6"], x=5, cells=True, dtype="float64")
    assert isinstance(record.grid, SweepCells)
    ends = [2 + 3 * (1 - 3 * rate) ** steps for rate, steps in zip(RATES, record.grid.steps, strict=True)]
    assert record.grid.values["x"] == pytest.approx(ends, rel=1e-9)
    near = [abs(end - 2) <= 0.01 * 2 for end in ends]
    assert [number == 0 for number in record.grid.minimum] == near
    assert near != [status == "converged_grad" for status in record.grid.status]
    (minimum,) = record.minima
    assert (minimum.kind, minimum.values["x"], minimum.cells) == ("minimum", pytest.approx(2), sum(near))


def test_number_of_steps_is_the_sum_of_those_of_the_cells() -> None:
    record = gdcli.sweep(QUADRATIC, over=["lr=0.01:2:40", "x=-5:5:30"], cells=True)
    assert isinstance(record.grid, SweepCells)
    assert record.run_steps == sum(record.grid.steps)
    assert record.statuses["diverged"] == sum(status == "diverged" for status in record.grid.status)


@pytest.mark.parametrize(("highest", "drawn"), [(0.5, False), (0.7, True)])
@pytest.mark.parametrize("more", [[], ["x=-5:5:9"]])
def test_bound_of_theory_is_drawn_where_it_is_in_the_picture(highest: float, drawn: bool, more: list[str]) -> None:
    settings = complete_sweep(
        SweepSettings(expression=QUADRATIC, over=[f"lr=0.01:{highest}:20", *more], values={"x": 5})
    )
    sweep = Sweep(settings)
    for _ in sweep:
        pass
    (panel,) = sweep.figure().panels
    assert isinstance(panel, (MapPanel, SweepCurvePanel))
    assert [line.x[0] for line in panel.lines] == ([pytest.approx(2 / 3)] if drawn else [])


@pytest.mark.slow
def test_cells_that_were_interrupted_are_empty() -> None:
    sweep = Sweep(complete_sweep(SweepSettings(expression=QUADRATIC, over=["lr=1e-4:0.01:50", "x=3:5:50"], steps=3000)))
    for share in sweep:
        if share > 0.2:
            sweep.interrupt()
    cells = sweep.cells
    none = cells.status == 0
    assert bool(none.any())
    assert not bool(cells.steps[none].any())
    assert bool(cells.loss[none].isnan().all())
    assert bool(cells.x[:, none].isnan().all())
    assert sweep.record().message == f"interrupted after {int((~none).sum()):,} of 2,500 cells; the others were not run"


def test_difference_from_a_single_run_counts_the_loss_too() -> None:
    sweep = Sweep(complete_sweep(SweepSettings(expression=QUADRATIC, over=["lr=0.1:0.2:2"], values={"x": 5})))
    for _ in sweep:
        pass
    assert sweep.used.differing == 0
    sweep.cells.loss = torch.nextafter(sweep.cells.loss, torch.tensor(math.inf))
    sweep._used = None
    assert (sweep.used.differing, sweep.used.ulp) == (2, 1)


def run_of(**settings: Any) -> Sweep:
    sweep = Sweep(complete_sweep(SweepSettings(**settings)))
    for _ in sweep:
        pass
    return sweep


# Minimum of 1.5 * (x - 2)**2 + decay / 2 * x**2, and the curvature there.
DECAYS = [(0.0, 2.0, 3.0), (1.0, 1.5, 4.0), (3.0, 1.0, 6.0)]


@pytest.mark.parametrize(("decay", "minimum", "curvature"), DECAYS)
def test_minimum_with_weight_decay_is_that_of_the_penalised_loss(
    decay: float, minimum: float, curvature: float
) -> None:
    record = run_of(
        expression=QUADRATIC, over=["lr=0.05:0.3:6"], values={"x": 5}, weight_decay=decay, tol_x=[1e-6], steps=500
    ).record()
    (found,) = record.minima
    assert (found.kind, found.values["x"]) == ("minimum", pytest.approx(minimum, abs=1e-6))
    assert found.loss == pytest.approx(1.5 * (minimum - 2) ** 2, abs=1e-5)
    assert record.working[0].curvature == pytest.approx(curvature)
    notes = [notice.message for notice in record.warnings]
    said = f"minima here are those of loss + {decay / 2:g} * (the sum of the squares of the variables)"
    assert notes == ([f"{said}; the losses leave weight decay out"] if decay else [])


def test_end_that_is_no_minimum_of_the_penalised_loss_is_not_called_one() -> None:
    record = run_of(expression=QUADRATIC, over=["x=1.99999:2.00001:3"], weight_decay=1.0, lr=0.01).record()
    (found,) = record.minima
    assert (found.kind, found.cells) == ("point", 3)
    (note,) = record.warnings
    assert note.message.endswith("the losses and the tolerance of the gradient leave weight decay out")


@pytest.mark.parametrize(("optimizer", "momentum"), [("sgd", "2 (1 + momentum) / L"), ("manual", "2/L")])
def test_curvature_of_the_bound_is_said_with_and_without_an_axis_of_momentum(optimizer: str, momentum: str) -> None:
    over = ["lr=0.01:1:20", *(["momentum=0:0.9:5"] if optimizer == "sgd" else [])]
    record = run_of(expression=QUADRATIC, over=over, values={"x": 5}, optimizer=optimizer).record()
    (working,) = record.working
    assert (working.formula, working.curvature) == (momentum, pytest.approx(3))
    (said,) = [text for text in summary(record, 6) if text.startswith("theory")]
    bound = "" if optimizer == "sgd" else " = 0.666667"
    assert said == f"theory: lr below {momentum}{bound}, with L = 3 where most cells end"


@pytest.mark.parametrize("measure", ["rate", "distance"])
def test_what_is_measured_is_in_the_sentences_the_cells_and_the_files(measure: str, tmp_path: Path) -> None:
    sweep = run_of(
        expression=QUADRATIC, over=["lr=0.01:0.06:6"], values={"x": 5}, measure=measure, dtype="float64", steps=300
    )
    record = sweep.record(cells=True)
    assert isinstance(record.grid, SweepCells)
    if measure == "rate":  # the gradient is multiplied by 1 - 3 lr in each step
        expected = [1 - 3 * rate for rate in RATES]
    else:
        expected = [3 * (1 - 3 * rate) ** steps for rate, steps in zip(RATES, record.grid.steps, strict=True)]
    assert record.grid.measured == pytest.approx(expected, rel=1e-5)
    assert record.measured == pytest.approx((min(expected), max(expected)), rel=1e-5)
    assert record.best is not None
    assert record.best.measured == pytest.approx(expected[record.best.index[0]], rel=1e-5)
    (said,) = [text for text in summary(record, 3) if "in the best cell" in text]
    assert f"{min(expected):.3g} to {max(expected):.3g} in cells that did not diverge" in said
    header, *rows = sweep_csv(record).decode().splitlines()
    column = header.split(",").index(measure)
    assert [float(row.split(",")[column]) for row in rows] == pytest.approx(expected, rel=1e-5)
    with (tmp_path / "map.csv").open("wb") as file:
        sweep.save_cells(".csv", file)
    saved = [row.split(",") for row in (tmp_path / "map.csv").read_text().splitlines()]
    assert [float(row[saved[0].index(measure)]) for row in saved[1:]] == pytest.approx(expected, rel=1e-5)


def test_nothing_is_called_a_minimum_where_the_loss_is_maximized() -> None:
    sweep = run_of(expression="-(x**2 - 1)**2", over=["lr=0.01:0.2:8", "x=-2:2:8"], maximize=True, measure="distance")
    (panel,) = sweep.figure().panels
    record = sweep.record()
    assert panel.title == "distance to the nearest maximum"
    assert [each.kind for each in record.minima] == ["maximum", "maximum"]
    assert not any("minim" in text for text in summary(record, 6))


@pytest.mark.parametrize("cells", [2, 3, 8, 15, 21])
@pytest.mark.parametrize("most", [1, 2, 4, 9])
def test_ticks_of_seeds_are_whole(cells: int, most: int) -> None:
    ticks = CellAxis(Axis("seed", 0.0, 20.0, whole=True), cells, []).ticks(most)
    assert ticks
    assert all(float(text).is_integer() for _, text in ticks), ticks


def test_ticks_of_few_steps_on_a_logarithmic_axis_are_whole() -> None:
    for high in (2.0, 5.0, 40.0, 3000.0):
        assert all(number.is_integer() for number, _ in ticks_of(Axis("steps", 0.9, high, log=True, whole=True), 9))
