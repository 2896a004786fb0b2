"""A sweep whose result is too large for memory: its cells go to files as they are run, and a thinned grid is drawn.

The cells of the thinned grid are run first. The minima are those that these reach, so that the number of the minimum
that a cell reached is known when it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isqrt
from typing import TYPE_CHECKING

import torch
from msgspec.structs import replace

from gdcli.contract.envelope import Notice
from gdcli.contract.figure import Figure, MapPanel, Remark
from gdcli.contract.sweep import SweepAxis, SweepResult, SweepSettings
from gdcli.sweeps.figure import axis_of, figure_of
from gdcli.sweeps.saved import Piece
from gdcli.sweeps.summary import record_of
from gdcli.sweeps.sweep import Sweep

if TYPE_CHECKING:
    from gdcli.sweeps.saved import Writer
    from gdcli.sweeps.tally import Tally

MOST_DRAWN = 4_000_000  # cells of the thinned grid


class Streamed:
    """A sweep that keeps its thinned grid alone: run it with writers, then ask for its record and its figure."""

    def __init__(self, settings: SweepSettings, most: int = MOST_DRAWN) -> None:
        """Take completed settings; at most about ``most`` cells are drawn.

        Raises:
            GdcliError: for what cannot be swept.
        """
        self.sweep = Sweep(settings, whole=False)
        axes = self.sweep.axes
        along = max(isqrt(most), most // min(map(len, axes)) if len(axes) > 1 else most)
        self._thin_axes = [_thinned(axis, along) for axis in axes]
        self.thin = self.sweep.on(self._thin_axes)
        self._tally: Tally | None = None

    def interrupt(self, by: str = "") -> None:
        """Ask the runs to end."""
        self.sweep.interrupt(by)
        self.thin.interrupt(by)

    @property
    def interrupted_by(self) -> str | None:
        """What has interrupted it; None where nothing has."""
        return self.sweep.interrupted_by

    def run(self, writers: Sequence[Writer]) -> Iterator[float]:
        """Run all cells, have the writers write them, and yield now and then which share is done."""
        sweep, thin = self.sweep, self.thin
        total = thin.grid.size + sweep.grid.size
        for share in thin:
            yield share * thin.grid.size / total
        if thin.interrupted_by is not None:
            return
        minima, used = thin.minima, thin.used
        tally = self._tally = sweep.new_tally(minima)
        tiles, together = sweep.grid.tiles, sweep.together(sweep.grid.tiles)
        for start in range(0, tiles, together):
            cells = sweep.grid.cells(range(start, min(start + together, tiles)))
            sweep.look_at(cells)
            for share in sweep.run([cells]):
                yield (thin.grid.size + share * sweep.grid.size) / total
            if sweep.interrupted_by is not None:
                return
            sweep.summed_up(tally, minima, used)
            piece = Piece(sweep.first, sweep.cells, minima.reached(sweep.cells), sweep.measured(sweep.cells))
            tally.add(*piece)
            for writer in writers:
                writer.write(piece)
        for writer in writers:
            writer.finish()
        sweep.summed_up(tally, minima, used)

    def record(self) -> SweepResult:
        """The record, of all cells."""
        record = record_of(self.sweep, cells=False)
        return replace(record, warnings=[*record.warnings, Notice("thinned", self._how())])

    @property
    def done(self) -> int:
        """How many cells have been run and written."""
        return 0 if self._tally is None else self._tally.finished

    def record_drawn(self) -> SweepResult:
        """The record with the axes of the cells that are drawn, as a page needs it beside the figure."""
        return replace(record_of(self.sweep, cells=False), axes=self._thin_axes)

    def figure(self) -> Figure:
        """The map of the thinned grid, or the curve."""
        figure = figure_of(self.thin)
        (panel,) = figure.panels
        if isinstance(panel, MapPanel):
            x, y = self.sweep.axes  # the numbers of the thinned axes are listed, but evenly spaced where these are
            panel = replace(panel, x=axis_of(x), y=axis_of(y),
                            listed_x=panel.listed_x if x.listed else [],
                            listed_y=panel.listed_y if y.listed else [])  # fmt: skip
        return replace(figure, panels=[panel], remarks=[Remark("thinned", self._how())])

    def _how(self) -> str:
        """Which cells are drawn, and what follows for the minima."""
        sizes = " x ".join(f"{len(axis):,}" for axis in self._thin_axes)
        of = " x ".join(f"{len(axis):,}" for axis in self.sweep.axes)
        shown = f"the picture has {sizes} of {of} cells, evenly spaced"
        return shown if self.sweep.minima.known else f"{shown}, and the minima are those that these reach"


def _thinned(axis: SweepAxis, most: int) -> SweepAxis:
    """An axis with at most ``most`` of its numbers, evenly spaced, the first and the last among them."""
    if len(axis) <= most:
        return axis
    places = torch.linspace(0, len(axis) - 1, most, dtype=torch.float64).round().long().tolist()
    return replace(axis, listed=[axis.number(place) for place in places], count=0)
