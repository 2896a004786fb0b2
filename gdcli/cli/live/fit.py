"""``--live`` of a regression: frames with the data and the fit as it moves, while it runs."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from time import monotonic
from typing import TYPE_CHECKING

from gdcli.cli.live.session import Session
from gdcli.cli.output import Output
from gdcli.contract.figure import Figure
from gdcli.memory import Thinned, capacity
from gdcli.render.live import Scene, Stage
from gdcli.render.numbers import aligned
from gdcli.render.regression import MOST_NAMED, row_columns

if TYPE_CHECKING:
    from gdcli.regression.fit import Fit
    from gdcli.regression.run import Seen
    from gdcli.regression.sample import Known, Over, Sample

_MOST = 4_000  # states to go back to
_NUMBERS = 1_000_000  # in all of them
_DRAWN = 400  # states in a picture


class LiveFit:
    """A regression that is shown live; earlier states can be gone back to."""

    has_rate = False
    goes_back = True

    def __init__(self, fit: Fit, output: Output, title: str) -> None:
        self.fit = fit
        self.title = title
        self.digits = output.digits
        self.counts_steps = fit.settings.per == "step"
        self.end = ""
        self._kept: Thinned[Seen] = Thinned(capacity(len(fit.design.names), most=_MOST, least=20, elements=_NUMBERS))
        self._last: Seen | None = None
        self.session = Session(self, output)

    def open(self) -> AbstractContextManager[None]:
        """The terminal for the view."""
        return self.session.open()

    def interrupt(self, by: str) -> None:
        """A signal: stop the loop before its next update."""
        self.session.interrupt()
        self.fit.interrupt(by)

    def states(self) -> Iterator[Seen]:
        """The states of the fit; between two of them, frames are shown and keys are heard."""
        session = self.session
        for place, seen in enumerate(self.fit.states()):
            if self._last is None or self.count_of(seen) >= self.head:  # not one to which an early stop went back
                self._last = seen
                self._kept.add(place, seen)
            yield seen
            if seen.is_end or monotonic() < session.next_look:
                continue
            session.after_step(self.count_of(seen))
            if session.ended:
                self.fit.end_soon()
                session.next_look = math.inf
        self.end = self.fit.ending.message
        session.at_end()

    # What a session shows

    def count_of(self, seen: Seen) -> int:
        """The epoch of a state, or its iteration where a row is a step."""
        return seen.state.iteration if self.counts_steps else seen.epoch

    @property
    def head(self) -> int:
        """The count of the last state."""
        return 0 if self._last is None else self.count_of(self._last)

    def beside(self, iteration: int, direction: int) -> int:
        """The count of the state that was kept after (1) or before (-1) a given one; its own at the ends."""
        counts = [self.count_of(seen) for seen in self._states(self.head)]
        others = [count for count in counts if (count - iteration) * direction > 0]
        return iteration if not others else min(others) if direction > 0 else max(others)

    def change_rate(self, iteration: int, factor: float) -> None:
        """The rate is not changed while a regression is shown."""

    def scene(self, iteration: int, stage: Stage, status: str, keys: str) -> Scene:
        """The last rows, and the picture up to a state."""
        states = self._states(iteration)
        rows = [seen.row() for seen in states[-max(stage.rows, 12) :]]
        counted = "iteration" if self.counts_steps else "epoch"
        columns = {counted: [f"{self.count_of(seen):,}" for seen in states[-len(rows) :]]}
        names = self.fit.design.names
        columns |= row_columns(rows, names if len(names) <= MOST_NAMED else (), self.digits, per_step=self.counts_steps)
        cells = zip(columns[counted], *(aligned(each) for each in list(columns.values())[1:]), strict=True)
        facts = [f"{counted} {iteration:,}", f"lr {rows[-1].lr:.4g}", status]
        if iteration == self.head and self.end:
            facts[-1] = self.end
        figure = self._figure(states)
        return Scene(self.title, "   ".join(facts), list(columns), [list(row) for row in cells], figure, keys)

    def _states(self, count: int) -> list[Seen]:
        """The states that were kept, up to a count."""
        kept = self._kept.things
        if self._last is not None and (not kept or kept[-1] is not self._last):
            kept.append(self._last)
        return [seen for seen in kept if self.count_of(seen) <= count]

    @functools.cached_property
    def _data(self) -> tuple[Known, Sample, Over | None]:
        """The rows in the picture, and the exact answer."""
        import torch

        from gdcli.regression.sample import Known, losses_at

        sample, over = self.fit.sample
        found, settings = self.fit.answer.exact, self.fit.settings
        if found is None:
            return Known(settings, self.fit.design.names, None, None), sample, over
        exact = torch.tensor([*([found.b] if settings.intercept else []), *found.w], dtype=torch.float64)
        loss = float(losses_at(settings, sample, exact.unsqueeze(0)))
        return Known(settings, self.fit.design.names, exact, loss), sample, over

    def _figure(self, states: list[Seen]) -> Figure:
        """The loss, beside the data with the fit, or what it predicts."""
        from gdcli.landscape.moving import steady
        from gdcli.regression.figure import loss_by_count, points_panel
        from gdcli.regression.trail import RowTrail

        known, sample, over = self._data
        trail = RowTrail("iteration" if self.counts_steps else "epoch")
        every = max(1, len(states) // _DRAWN)
        for seen in [*states[:-1:every], states[-1]]:
            trail.add(seen)
        loss = steady(loss_by_count(known, trail, []), self.fit.total)
        return Figure("", "", [loss, points_panel(known, trail, sample, over)])
