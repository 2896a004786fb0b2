"""What a sweep says of its cells, against what is known of a quadratic: x goes from 5 to 2 + 3 * (1 - 3 lr)**n."""

from __future__ import annotations

import math

import pytest
import torch

import gdcli
from gdcli.complete.sweep import complete_sweep
from gdcli.contract.figure import MapPanel, SweepCurvePanel
from gdcli.contract.sweep import SweepCells, SweepSettings
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
