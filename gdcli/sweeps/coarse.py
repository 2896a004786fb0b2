"""A sweep while it runs: its cells from coarse to fine, and the figure of those that have been run so far."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from math import isqrt
from typing import TYPE_CHECKING

import torch
from msgspec.structs import replace

from gdcli.contract.figure import Figure, MapPanel, Panel
from gdcli.contract.sweep import SweepAxis
from gdcli.sweeps.figure import axis_of, figure_of

if TYPE_CHECKING:
    from gdcli.sweeps.minima import Minima
    from gdcli.sweeps.sweep import Sweep

_COARSE = 16  # numbers of an axis at least, in the first pass
_PIECE = 1 << 20  # cells of a pass whose numbers are made together


def strides_of(axes: Sequence[SweepAxis]) -> list[list[int]]:
    """The strides along each axis, from the first pass to the last: powers of two that are halved, down to 1."""
    first = [_first_stride(len(axis)) for axis in axes]
    passes = max(first).bit_length()
    return [[max(1, stride >> k) for stride in first] for k in range(passes)]


def _first_stride(numbers: int) -> int:
    """The largest power of two that leaves enough numbers of an axis."""
    return 1 << max(0, (numbers // _COARSE).bit_length() - 1)


def coarse_first(axes: Sequence[SweepAxis]) -> Iterator[torch.Tensor]:
    """The numbers of all cells, each once: those at every 16th place on each axis, for example, every 8th, ..., all.

    A tensor has at most about a million numbers, all of one pass.
    """
    width = len(axes[0])
    before: list[int] = []
    for strides in strides_of(axes):
        columns = torch.arange(0, width, strides[0])
        rows = torch.arange(0, len(axes[1]), strides[1]) if len(axes) > 1 else torch.tensor([0])
        for some in torch.split(rows, max(1, _PIECE // len(columns))):
            cells = some.unsqueeze(1) * width + columns
            if before:
                ran = (some % before[-1] == 0).unsqueeze(1) & (columns % before[0] == 0)
                yield cells[~ran]
            else:
                yield cells.reshape(-1)
        before = strides


class MovingMap:
    """Makes the figure of a sweep again and again while it runs.

    A minimum keeps its number, and so its colour, in the figures that follow.
    """

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self._points = torch.zeros(0, sweep.problem.unknowns, dtype=torch.float64)

    def figure(self, most: int) -> Figure:
        """The figure so far: in a map, a cell that was not run looks like the nearest that was; a curve leaves it out.

        Of a sweep with more than about ``most`` cells, it has that many, evenly spread.
        """
        with _one_thread():
            return Figure("", "", [self._panel(most)])

    def _panel(self, most: int) -> Panel:
        sweep = self.sweep
        shown = _filled(sweep, most) if len(sweep.axes) > 1 else _those_that_ran(sweep, most)
        if not shown.minima.known:
            _renumber(shown.minima, self._points)
        self._points = shown.minima.points
        x, *y = map(axis_of, sweep.axes)
        (panel,) = figure_of(shown).panels
        return replace(panel, x=x, y=y[0]) if isinstance(panel, MapPanel) else replace(panel, x=x)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Have torch work in this thread: for so few cells, it would wait for others longer than it works."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _filled(sweep: Sweep, cells: int) -> Sweep:
    """A map as it is drawn, each cell that was not run with the end of the nearest one that was."""
    axes = sweep.axes
    most = max(isqrt(cells), cells // min(map(len, axes)))
    places = [_spread(len(axis), most) for axis in axes]
    ran = sweep.cells.status != 0
    source = torch.full((len(places[1]), len(places[0])), -1)
    for strides in reversed(strides_of(axes)):
        i, j = (
            _nearest_place(place, stride, len(axis))
            for place, stride, axis in zip(places, strides, axes, strict=True)
        )  # fmt: skip
        cell = j.unsqueeze(1) * len(axes[0]) + i
        source = torch.where((source < 0) & ran[cell], cell, source)
    shown = [
        replace(axis, listed=[axis.listed[i] for i in place] if axis.listed else [], count=len(place))
        for axis, place in zip(axes, places, strict=True)
    ]
    return sweep.with_cells(shown, sweep.cells.at(source.reshape(-1)))


def _spread(count: int, most: int) -> torch.Tensor:
    """The places from 0 to ``count - 1``, or as many of them as are drawn."""
    return torch.linspace(0, count - 1, min(count, most), dtype=torch.float64).round().long()


def _nearest_place(place: torch.Tensor, stride: int, numbers: int) -> torch.Tensor:
    """The nearest of the places of a pass along an axis."""
    return ((place + stride // 2) // stride * stride).clamp(max=(numbers - 1) // stride * stride)


def _those_that_ran(sweep: Sweep, most: int) -> Sweep:
    """A curve through the cells that were run; without any, that of all."""
    ran = sweep.cells.status.nonzero().squeeze(1)
    ran = ran[_spread(len(ran), most)]
    (axis,) = sweep.axes
    part = replace(axis, listed=[axis.number(i) for i in ran.tolist()])
    return sweep.with_cells([part], sweep.cells.at(ran)) if len(ran) else sweep


def _renumber(minima: Minima, before: torch.Tensor) -> None:
    """Give the minima that are among earlier ones, of shape (minima, elements), the order of those."""
    order: list[int] = []
    left = list(range(len(minima.points)))
    for point in before:
        near = minima.tolerance * max(1.0, float(point.norm()))
        same = next((i for i in left if float((minima.points[i] - point).norm()) <= near), None)
        if same is not None:
            order.append(same)
            left.remove(same)
    minima.in_order(order + left)
