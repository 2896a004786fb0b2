"""``--live`` of a sweep: the cells are run from coarse to fine, and the picture becomes sharper."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING

from gdcli.cli.live.session import Session
from gdcli.cli.output import Output
from gdcli.contract.short import in_a_title
from gdcli.render.live import Scene, Stage
from gdcli.render.numbers import percent

if TYPE_CHECKING:
    import torch

    from gdcli.sweeps.sweep import Sweep

_SECONDS = 0.15  # of cells that are run together, about, so that frames can follow each other
_FIRST, _LEAST, _MOST = 256, 16, 1 << 20  # cells
_GROWTH = 4  # of this number, at most, from one time to the next
_CELLS = 4  # that are drawn, for each character of the terminal
_SHARE = 3  # frames take one part in this many of the time


class LiveSweep:
    """A sweep that is shown live."""

    has_rate = False
    goes_back = False

    def __init__(self, sweep: Sweep, output: Output) -> None:
        from gdcli.sweeps.coarse import MovingMap

        self.sweep = sweep
        self.title = f"sweep {in_a_title(sweep.settings.expression)}"
        self.figure = MovingMap(sweep)
        self.session = Session(self, output, _SHARE)
        self._seconds = 0.0

    def run(self) -> None:
        """Run all cells, or those until the user stops."""
        session = self.session
        with session.open():
            began = monotonic()
            for _ in self.sweep.run(self._chunks()):
                self._seconds += monotonic() - began
                if monotonic() >= session.next_look:
                    session.after_step(self.head)
                if session.ended and self.sweep.interrupted_by is None:
                    self.sweep.interrupt(" by q")
                began = monotonic()
            session.at_end()

    def interrupt(self, by: str) -> None:
        """A signal: end the runs before their next step."""
        self.session.interrupt()
        self.sweep.interrupt(by)

    def _chunks(self) -> Iterator[torch.Tensor]:
        """The cells from coarse to fine, as many at a time as take about the time between two frames."""
        from gdcli.sweeps.coarse import coarse_first

        size = _FIRST
        for cells in coarse_first(self.sweep.axes):
            start = 0
            while start < len(cells):
                chunk = cells[start : start + size]
                start += size
                before = self._seconds
                yield chunk
                per_cell = max((self._seconds - before) / len(chunk), 1e-9)
                size = round(_SECONDS / per_cell)
                size = min(max(size, len(chunk) // _GROWTH, _LEAST), _GROWTH * len(chunk), _MOST)

    # What a session shows

    @property
    def head(self) -> int:
        """How many cells have been run."""
        return self.sweep.done

    def beside(self, iteration: int, direction: int) -> int:  # noqa: ARG002 -- it does not go back
        """The same: there are no earlier states."""
        return iteration

    def change_rate(self, iteration: int, factor: float) -> None:
        """Does nothing: the learning rates of a sweep are fixed."""

    def scene(self, iteration: int, stage: Stage, status: str, keys: str) -> Scene:  # noqa: ARG002 -- always that of now
        """The picture so far, and how many cells have been run in how many seconds."""
        done, size = self.sweep.done, self.sweep.grid.size
        facts = [f"{done:,} of {size:,} cells", percent(done / size), f"{self._seconds:.0f} s", status]
        width, height = stage.console.size
        figure = self.figure.figure(_CELLS * width * height)
        return Scene(self.title, "   ".join(facts), [], [], figure, keys)
