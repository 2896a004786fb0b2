"""``--live`` of a comparison: the runs from the first start side by side, evaluation by evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any

from gdcli.cli.live.history import History
from gdcli.cli.live.session import Session
from gdcli.cli.output import Output
from gdcli.complete.problem import known_minima
from gdcli.contract.compare import CompareResult
from gdcli.contract.short import in_a_title
from gdcli.render.live import Scene, Stage
from gdcli.render.numbers import aligned, number
from gdcli.render.terminal.curves import letter

if TYPE_CHECKING:
    from gdcli.descent.loop import State
    from gdcli.descent.run import Descent
    from gdcli.race.race import Race


class LiveRace:
    """The descents of a finished comparison, repeated in lockstep, each at its best learning rate.

    They keep step in what ``--over`` counts: none is a step ahead of another that has made fewer evaluations.
    """

    has_rate = False
    goes_back = True

    def __init__(self, race: Race, record: CompareResult, output: Output) -> None:
        from gdcli.landscape.moving import MovingFigure

        self.digits = output.digits
        self.counted = output.counted
        self.title = f"compare {in_a_title(record.settings.expression)}"
        self.descents = [race.descent_of(standing) for standing in record.standings]
        self.histories = [History(standing.label, output.counted) for standing in record.standings]
        most = record.settings.steps if self.counted == "iteration" else race.task.evaluations
        self.figure = MovingFigure(race.task.problem_at(0), most, known_minima(record.settings))
        self._running: dict[History, Iterator[State]] = {}
        self.session = Session(self, output)

    def run(self) -> None:
        """Show all steps, or until the user stops."""
        session = self.session
        running = self._running = {h: self._states(d, h) for d, h in zip(self.descents, self.histories, strict=True)}
        for states in running.values():
            next(states)
        with session.open():
            while running:
                if monotonic() >= session.next_look:
                    session.after_step(self.head)
                if session.ended or session.interrupted:
                    return
                least = self.head
                for history in [each for each in running if self._count(each) == least]:
                    if next(running[history], None) is None:
                        del running[history]
            session.at_end()

    def _count(self, history: History) -> int:
        """How far a descent has got."""
        return history.count_at(history.head)

    def _states(self, descent: Descent[Any], history: History) -> Iterator[State]:
        """The states of a descent, which are also added to its history."""
        for state in descent.states():
            history.add(state)
            yield state
        history.end = descent.ending.message

    # What a session shows

    @property
    def head(self) -> int:
        """The iteration or evaluation that all who are still running have got to; at the end, the last one."""
        return min(map(self._count, self._running)) if self._running else max(map(self._count, self.histories))

    def beside(self, count: int, direction: int) -> int:
        """The count of the nearest state of any of them after or before a given one."""
        others = [history.beside(count, direction) for history in self.histories]
        others = [other for other in others if other != count] or [count]
        return min(others) if direction > 0 else max(others)

    def change_rate(self, iteration: int, factor: float) -> None:
        """Does nothing: the learning rates of a comparison are fixed."""

    def scene(self, count: int, stage: Stage, status: str, keys: str) -> Scene:  # noqa: ARG002 -- all have a row
        """The current state of each run, and their paths."""
        steps = [history.last_states(count, 1)[0] for history in self.histories]
        widest = max(len(history.label) for history in self.histories)
        columns = {
            "optimizer": [f"{letter(k)} {history.label:<{widest}}" for k, history in enumerate(self.histories)],
            self.counted: [f"{h.count_at(step):,}" for h, step in zip(self.histories, steps, strict=True)],
            "loss": aligned([number(step.loss, self.digits) for step in steps]),
        }
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        figure = self.figure.of([history.trail_until(count) for history in self.histories])
        status = f"{self.counted} {count:,}   {status}"
        return Scene(self.title, status, list(columns), rows, figure, keys, from_top=True)
