"""Cells of a sweep run alone, as ``minimize`` runs them: what the engine is compared with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from gdcli.contract.descent import MinimizeSettings
from gdcli.descent.minimize import minimize
from gdcli.sweeps.ends import NAMES

if TYPE_CHECKING:
    from gdcli.sweeps.sweep import Sweep

_MOST_CELLS = 16
_MOST_STEPS = 20_000  # of all cells that are compared


def is_stationary(alone: MinimizeSettings) -> bool:
    """Whether a run that meets its tolerance at the start is no success, because the loss is lower beside it."""
    descent = minimize(alone)
    for _ in descent.states():
        pass
    return descent.ending.reason.status == "stationary"


def compare(sweep: Sweep) -> tuple[int, int, float]:
    """Run some cells alone: how many, how many of them differ, and by how many units in the last place."""
    cells, finished = sweep.cells, sweep.tally.finished
    if not finished:
        return 0, 0, 0.0
    generator = torch.Generator().manual_seed(0)
    compared = differing = steps = 0
    largest = 0.0
    chosen = torch.randint(finished, (8 * _MOST_CELLS,), generator=generator)
    if finished < len(cells):
        chosen = cells.status.nonzero().squeeze(1)[chosen]
    for cell in dict.fromkeys(chosen.tolist()):
        cost = int(cells.steps[cell]) + 1
        if compared == _MOST_CELLS or steps + cost > _MOST_STEPS:
            continue
        steps += cost
        compared += 1
        difference = difference_of(sweep, cell)
        differing += difference > 0
        largest = max(largest, difference if math.isfinite(difference) else 0.0)
    return compared, differing, largest


def difference_of(sweep: Sweep, cell: int) -> float:
    """The largest difference between the end of a cell, point and loss, and that of its run alone, in last places.

    It is infinite where status or number of steps differ.
    """
    descent = minimize(sweep._alone(sweep.grid.index_of(cell)))  # noqa: SLF001
    for _ in descent.states():
        pass
    reason, _, state = descent.ending
    cells = sweep.cells
    if NAMES[int(cells.status[cell])] != reason.status or int(cells.steps[cell]) != state.iteration:
        return math.inf
    here, there = cells.x[:, cell], state.point.to(cells.x.dtype)
    loss = torch.tensor([float(cells.loss[cell]), state.loss], dtype=cells.loss.dtype)
    return float(torch.cat([ulps(here, there), ulps(loss[:1], loss[1:])]).max())


def ulps(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The difference of numbers in units in the last place of the larger one; infinite where only one is finite."""
    size = torch.maximum(a.abs(), b.abs())
    unit = torch.nextafter(size, torch.full_like(size, torch.inf)) - size
    found = (a.double() - b.double()).abs() / unit.double()
    same = (a == b) | (a.isnan() & b.isnan())
    return torch.where(same, 0.0, torch.where(found.isfinite(), found, torch.inf))
