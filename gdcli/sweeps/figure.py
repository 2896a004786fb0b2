"""The picture of a sweep: a map of two axes, or a curve over one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from msgspec.structs import replace

from gdcli.contract.figure import Axis, Figure, MapLine, MapPanel, MapScale, SweepCurvePanel
from gdcli.contract.scale import is_log
from gdcli.contract.short import exactly, in_a_title, short
from gdcli.contract.sweep import SweepAxis, measure_in_words, status_in_words
from gdcli.sweeps.ends import NAMES, in_pieces, memory_of
from gdcli.sweeps.working import bound_lines, ranges

if TYPE_CHECKING:
    from gdcli.sweeps.sweep import Sweep

_SAMPLE, _ENOUGH = 500_000, 5_000  # values from which ranks are taken
_TICKS = (0, 64, 128, 191, 255)
_NOT_RUN = 255


def figure_of(sweep: Sweep) -> Figure:
    """The figure, with one panel."""
    panel = _map(sweep) if len(sweep.axes) == 2 else _curve(sweep)
    return Figure(title=in_a_title(sweep.settings.expression), subtitle=_subtitle(sweep), panels=[panel])


def _subtitle(sweep: Sweep) -> str:
    s = sweep.descent
    parts = [s.optimizer]
    if not sweep.grid.has_rates:
        parts.append(f"lr = {exactly(float(s.lr))}")  # type: ignore[arg-type]
    if s.momentum and not any(axis.target == "momentum" for axis in sweep.axes):
        parts.append(f"momentum = {exactly(s.momentum)}")
    parts.append(f"at most {s.steps:,} steps")
    if s.tol_grad is not None:
        parts.append(f"gradient norm at most {short(s.tol_grad[0], 3)}")
    return ", ".join([*parts, s.dtype])


def axis_of(axis: SweepAxis) -> Axis:
    """The axis of a figure."""
    numbers = axis.numbers()
    log = axis.log or (bool(axis.listed) and min(numbers) > 0 and max(numbers) / min(numbers) >= 100)
    return Axis(axis.name, min(numbers), max(numbers), log=log, whole=axis.kind == "seed")


# A map


class _Painter:
    """Gives cells a scale and a level."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        size = sweep.grid.size
        self.group = torch.full((size,), _NOT_RUN, dtype=torch.uint8)
        self.level = torch.zeros(size, dtype=torch.uint8)
        self.scales: list[MapScale] = []

    def paint(self, where: torch.Tensor, scale: MapScale, values: torch.Tensor | None = None, sign: int = 1) -> None:
        """Give cells a scale; ``sign * values`` of these cells are ranked, the lowest at level 0."""
        count = int(where.sum())
        if not count:
            return
        ticks: list[tuple[int, float]] = []
        if values is not None:
            edges = _quantiles(_sample(where, values) * sign)
            ticks = [(level, sign * number) for level, number in _ticks(edges)]
            for piece in in_pieces(len(where)):
                chosen = where[piece]
                levels = torch.bucketize(values[piece][chosen].double() * sign, edges[1:-1])
                self.level[piece][chosen] = levels.to(torch.uint8)
        self.group[where] = len(self.scales)
        self.scales.append(replace(scale, ticks=ticks, share=count / len(self.group)))

    def others(self) -> None:
        """Give what has no scale yet one of its status."""
        status = self.sweep.cells.status
        left = (self.group == _NOT_RUN) & (status != 0)
        number = 0
        for code, name in NAMES.items():
            if bool((left & (status == int(code))).any()):
                self.paint(left & (status == int(code)), MapScale(status_in_words(name), "other", number))
                number += 1


def _sample(where: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The values of some cells, float64: of all that are chosen, or of many that are drawn among a larger number."""
    if len(where) > _SAMPLE:
        drawn = torch.randint(len(where), (_SAMPLE,), generator=torch.Generator().manual_seed(0))
        found = values[drawn[where[drawn]]]
        if len(found) >= _ENOUGH:
            return found.double()
    return values[where].double()


def _quantiles(values: torch.Tensor) -> torch.Tensor:
    """The edges between 256 levels of about as many values each, ends included: shape (257,)."""
    return torch.quantile(values.double(), torch.linspace(0, 1, 257, dtype=torch.float64))


def _ticks(edges: torch.Tensor) -> list[tuple[int, float]]:
    numbers = [float(edges[round(level / 255 * 256)]) for level in _TICKS]
    found: list[tuple[int, float]] = []
    for level, number in zip(_TICKS, numbers, strict=True):
        if not found or number != found[-1][1]:
            found.append((level, number))
    return found


def _map(sweep: Sweep) -> MapPanel:
    painter = _Painter(sweep)
    cells, measure = sweep.cells, sweep.settings.measure
    steps = cells.steps
    minima, reached = sweep.minima, sweep.reached
    if measure == "minimum" or (measure == "status" and len(minima.points) > 1 and _reached_several(sweep)):
        for i in range(len(minima.points)):
            there = reached == i
            there = there if measure == "minimum" else there & cells.converged
            label = f"{minima.kinds[i]} {i + 1}"
            painter.paint(there, MapScale(label, "basin", i), None if measure == "minimum" else steps)
    if measure in ("status", "steps"):
        rest = cells.converged & (painter.group == _NOT_RUN)
        painter.paint(rest, MapScale("converged, steps", "converged"), steps, sign=-1)
    elif measure != "minimum":
        values = _measured(sweep)
        known = values.isfinite() & (cells.status != 0) & ~cells.diverged
        painter.paint(known, MapScale(measure_in_words(sweep.settings), "converged"), values, sign=-1)
    painter.paint(cells.diverged, MapScale("diverged, steps", "diverged"), steps, sign=-1)
    painter.others()
    x, y = (axis_of(axis) for axis in sweep.axes)
    return MapPanel(
        title=measure_in_words(sweep.settings),
        x=x,
        y=y,
        columns=len(sweep.axes[0]),
        rows=len(sweep.axes[1]),
        group=bytes(memory_of(painter.group)),
        level=bytes(memory_of(painter.level)),
        scales=painter.scales,
        lines=bound_lines(sweep),
        listed_x=sweep.axes[0].listed,
        listed_y=sweep.axes[1].listed,
    )


def _reached_several(sweep: Sweep) -> bool:
    there = sweep.reached[sweep.cells.converged]
    return len(torch.unique(there[there >= 0])) > 1


def _measured(sweep: Sweep) -> torch.Tensor:
    found = sweep.measured(sweep.cells)
    return sweep.cells.loss if found is None else found


# A curve


def _curve(sweep: Sweep) -> SweepCurvePanel:
    cells, measure = sweep.cells, sweep.settings.measure
    (axis,) = sweep.axes
    if measure in ("status", "steps"):
        values, label = torch.where(cells.converged, cells.steps.double(), torch.nan), "steps"
    elif measure == "minimum":
        numbers = sweep.reached.double() + 1
        values, label = torch.where(numbers > 0, numbers, torch.nan), sweep.extremum
    else:
        values, label = (
            torch.where(cells.diverged, torch.nan, _measured(sweep).double()),
            measure_in_words(sweep.settings),
        )
    finite = [number for number in values.tolist() if math.isfinite(number)]
    if not finite and measure == "status":
        values, label = torch.where(cells.diverged, torch.nan, cells.loss.double()), "final loss"
        finite = [number for number in values.tolist() if math.isfinite(number)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    log = is_log(finite) and low > 0
    lines = [MapLine(line.label, line.x, [low, high]) for line in bound_lines(sweep)]
    order = sorted(range(len(axis)), key=axis.number)
    return SweepCurvePanel(
        title=label,
        x=axis_of(axis),
        y=Axis(label, low, high, log=log, whole=measure == "minimum" or label == "steps"),
        grid=[axis.number(i) for i in order],
        values=[float(values[i]) for i in order],
        works=ranges(axis.numbers(), sweep.tally.shares(0)),
        lines=lines,
    )
