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
    from gdcli.sweeps.grid import Chosen
    from gdcli.sweeps.sweep import Sweep

_SECONDS = 0.15  # of cells that are run together, so that about five frames can follow each other in a second
_LEAST, _MOST = 16, 1 << 20  # cells
_CHANGE = 4  # of this number, at most, from one time to the next
_GAIN = 0.3  # twice as many cells are cheaper if 2**0.3 as many are run in a second
_CELLS = 4  # that are drawn, for each character of the terminal
_SHARE = 3  # frames take one part in this many of the time


class Pace:
    """How many ``cells`` are run together: so many that they take the time between two frames.

    There may be more, if they gain by it: what a step costs beside the cells is the same for few and for many. In each
    pass, their number is doubled as long as that makes each cell clearly cheaper.
    """

    def __init__(self) -> None:
        self.cells = self._least = _LEAST
        self._number, self._rate = 0, 0.0  # of the last cells, and how many of them were run in a second
        self._grows = True

    def begin_pass(self) -> None:
        """Try again whether larger numbers are cheaper."""
        self._grows = True

    def learn(self, cells: int, seconds: float) -> None:
        """Take into account that some cells took some seconds."""
        rate = cells / max(seconds, 1e-6)
        if self._grows and cells > self._number > 0:
            self._grows = rate > self._rate * (cells / self._number) ** _GAIN
            self._least = cells if self._grows else self._least
        self._rate, self._number = rate, cells
        wanted = max(rate * _SECONDS, 2 * cells if self._grows else self._least)
        self.cells = round(min(max(wanted, cells / _CHANGE, _LEAST), cells * _CHANGE, _MOST))


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
        self._seconds = self._share = 0.0

    def run(self) -> None:
        """Run all cells, or those until the user stops."""
        session = self.session
        with session.open():
            began = monotonic()
            for share in self.sweep.run(self._chunks()):
                self._share = share
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

    def _chunks(self) -> Iterator[Chosen]:
        """The cells from coarse to fine, as many at a time as the pace says.

        With the engine vmap in their tiles, because others together may be rounded otherwise.
        """
        from gdcli.sweeps.coarse import coarse_first

        if self.sweep.made.name == "vmap":
            grid = self.sweep.grid
            yield from (grid.cells([tile]) for tile in range(grid.tiles))
            return
        pace = Pace()
        for cells in coarse_first(self.sweep.axes):
            pace.begin_pass()
            start = 0
            while start < len(cells):
                chunk = cells[start : start + pace.cells]
                start += len(chunk)
                before = self._seconds
                yield chunk
                pace.learn(len(chunk), self._seconds - before)

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
        facts = [f"{done:,} of {size:,} cells", percent(self._share), f"{self._seconds:.0f} s", status]
        width, height = stage.console.size
        figure = self.figure.figure(_CELLS * width * height)
        return Scene(self.title, "   ".join(facts), [], [], figure, keys)
