"""The record of a sweep: what its cells have in common, the best one, and the rates that work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from msgspec import UNSET
from msgspec.structs import replace

from gdcli.complete.alone import command_alone
from gdcli.contract.envelope import Notice
from gdcli.contract.fields import Nested
from gdcli.contract.short import short
from gdcli.contract.sweep import SweepAxis, SweepCell, SweepCells, SweepMinimum, SweepResult
from gdcli.sweeps.ends import NAMES
from gdcli.sweeps.working import working_rates
from gdcli.tensors import rows_of

if TYPE_CHECKING:
    from gdcli.sweeps.sweep import Sweep

_MOST_MINIMA = 256
_PLACES = (0.123454321012345, 0.543212345098765)  # numbers that no command has by chance
_SEEDS = (987654321987, 789123456789)


def record_of(sweep: Sweep, *, cells: bool) -> SweepResult:
    """The record; with ``cells``, every cell is in it."""
    return SweepResult(
        settings=sweep.settings,
        status="ok" if sweep.interrupted_by is None else "interrupted",
        message=_message(sweep),
        axes=sweep.axes,
        cells=sweep.grid.size,
        run_steps=sweep.run_steps,
        statuses=sweep.tally.statuses,
        minima=_minima(sweep),
        best=_best(sweep),
        working=working_rates(sweep) if sweep.interrupted_by is None else [],  # of a part of the cells, nobody knows
        engine=sweep.used,
        cell_command=_cell_command(sweep),
        grid=all_cells(sweep) if cells else UNSET,
        measured=sweep.tally.range or UNSET,
        warnings=_notices(sweep),
    )


def _message(sweep: Sweep) -> str:
    size = sweep.grid.size
    if sweep.interrupted_by is None:
        return f"ran {size:,} descent{'s' * (size != 1)} of at most {sweep.descent.steps:,} steps"
    finished = sweep.tally.finished
    return f"interrupted{sweep.interrupted_by} after {finished:,} of {size:,} cells; the others were not run"


def _minima(sweep: Sweep) -> list[SweepMinimum]:
    minima, counts = sweep.minima, sweep.tally.minima
    found = []
    for point, count, kind in zip(minima.points[:_MOST_MINIMA], counts, minima.kinds, strict=False):
        values, loss = values_of(sweep, point), loss_at(sweep, point)
        found.append(SweepMinimum(kind=kind, values=values, loss=loss, known=minima.known, cells=count))
    return found


def loss_at(sweep: Sweep, point: torch.Tensor) -> float:
    """The loss at a point, in the dtype of the run."""
    problem = sweep.problem
    leaves = leaves_at(sweep, point)
    with torch.no_grad():
        return float(problem.objective(*{**problem.tensors, **leaves}.values()))


def leaves_at(sweep: Sweep, point: torch.Tensor) -> dict[str, torch.Tensor]:
    """The variables at a point of shape (elements,)."""
    leaves = sweep.problem.leaves
    return {
        name: point[rows].to(leaves[name].dtype).reshape(leaves[name].shape) for name, rows in rows_of(leaves).items()
    }


def values_of(sweep: Sweep, point: torch.Tensor) -> dict[str, Nested]:
    """A point by variable, in plain numbers."""
    return {name: value.tolist() for name, value in leaves_at(sweep, point).items()}


def _best(sweep: Sweep) -> SweepCell | None:
    """The best cell as a record has it."""
    if (best := sweep.tally.best) is None:
        return None
    index, end = sweep.grid.index_of(best.cell), best.end
    return SweepCell(
        index=index,
        at={axis.name: axis.number(i) for axis, i in zip(sweep.axes, index, strict=True)},
        status=NAMES[int(end.status)],
        steps=int(end.steps),
        loss=float(end.loss),
        minimum=best.minimum if best.minimum >= 0 else None,
        values=values_of(sweep, end.x[:, 0]),
        measured=UNSET if best.measured is None else best.measured,
        command=command_alone(sweep.settings, sweep.axes, index),
    )


def _cell_command(sweep: Sweep) -> str:
    """The command of any cell, with places for its numbers."""
    marked: list[SweepAxis] = []
    texts = []
    for axis, place, seed in zip(sweep.axes, _PLACES, _SEEDS, strict=False):
        number = seed if axis.kind == "seed" else place
        marked.append(replace(axis, listed=[number]))
        texts.append(str(number))
    command = command_alone(sweep.settings, marked, [0] * len(marked))
    command = command.replace("{", "{{").replace("}", "}}")
    for i, text in enumerate(texts):
        if command.count(text) != 1:
            return ""
        command = command.replace(text, f"{{{i}}}")
    return command


def all_cells(sweep: Sweep) -> SweepCells:
    """All cells as lists."""
    cells = sweep.cells
    names, measured = {0: "interrupted", **NAMES}, sweep.measured(cells)
    leaves = sweep.problem.leaves
    by_variable = {
        name: cells.x[rows].T.reshape(-1, *leaves[name].shape).tolist() for name, rows in rows_of(leaves).items()
    }
    return SweepCells(
        status=[names[code] for code in cells.status.tolist()],
        steps=cells.steps.tolist(),
        loss=cells.loss.tolist(),
        minimum=sweep.reached.tolist(),
        measured=UNSET if measured is None else measured.tolist(),
        values=by_variable,
    )


def _notices(sweep: Sweep) -> list[Notice]:
    found = []
    if sweep.settings.measure in ("minimum", "distance") and not len(sweep.minima.points):
        end = sweep.extremum
        shown = end if sweep.settings.measure == "minimum" else sweep.settings.measure
        message = f"no {end} is known and no cell converged, so there is no {shown} to show"
        found.append(Notice("no-minimum", message))
    if text := _decay(sweep):
        found.append(Notice("weight-decay", text))
    return found


def _decay(sweep: Sweep) -> str:
    """What weight decay means for the minima and the tolerance; empty without any."""
    if sweep.penalty == 0:
        return ""
    ends = "maxima" if sweep.descent.maximize else "minima"
    parts = []
    if len(sweep.minima.points):
        if sweep.minima.known:
            parts.append(f"the known {ends} are those of the loss without weight decay")
        elif sweep.penalty is None:
            parts.append("weight decay moves the ends, which need not be stationary points of the loss")
        else:
            sign = "-" if sweep.penalty < 0 else "+"
            half = short(abs(sweep.penalty) / 2, 4)
            parts.append(f"{ends} here are those of loss {sign} {half} * (the sum of the squares of the variables)")
    left_out = "the losses" if sweep.descent.tol_grad is None else "the losses and the tolerance of the gradient"
    return "; ".join([*parts, f"{left_out} leave weight decay out"])
