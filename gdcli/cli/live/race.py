"""``--live`` of a comparison: the runs from the first start side by side, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any

from gdcli.cli.live.history import History
from gdcli.cli.live.session import Session
from gdcli.cli.output import Output
from gdcli.complete.problem import known_minima
from gdcli.contract.compare import CompareResult
from gdcli.render.live import Scene, Stage
from gdcli.render.numbers import aligned, number
from gdcli.render.terminal.curves import letter

if TYPE_CHECKING:
    from gdcli.descent.loop import State
    from gdcli.descent.run import Descent
    from gdcli.race.race import Race


class LiveRace:
    """The descents of a finished comparison, repeated in lockstep, each at its best learning rate."""

    has_rate = False

    def __init__(self, race: Race, record: CompareResult, output: Output) -> None:
        from gdcli.landscape.moving import MovingFigure

        self.digits = output.digits
        self.title = f"compare {record.settings.expression}"
        self.descents = [race.descent_of(standing) for standing in record.standings]
        self.histories = [History(standing.label) for standing in record.standings]
        self.figure = MovingFigure(race.task.problem_at(0), record.settings.steps, known_minima(record.settings))
        self.session = Session(self, output)

    def run(self) -> None:
        """Show all steps, or until the user stops."""
        session = self.session
        running = [self._states(*pair) for pair in zip(self.descents, self.histories, strict=True)]
        with session.open():
            while running := [states for states in running if next(states, None) is not None]:
                if monotonic() >= session.next_look:
                    session.after_step(self.head)
                if session.ended or session.interrupted:
                    return
            session.at_end()

    def _states(self, descent: Descent[Any], history: History) -> Iterator[State]:
        """The states of a descent, which are also added to its history."""
        for state in descent.states():
            history.add(state)
            yield state
        history.end = descent.ending.message

    # What a session shows

    @property
    def head(self) -> int:
        """The last iteration that was computed, by any of them."""
        return max(history.head.iteration for history in self.histories)

    def beside(self, iteration: int, direction: int) -> int:
        """The iteration of the nearest state of any of them after or before a given one."""
        others = [history.beside(iteration, direction) for history in self.histories]
        others = [other for other in others if other != iteration] or [iteration]
        return min(others) if direction > 0 else max(others)

    def change_rate(self, iteration: int, factor: float) -> None:
        """Does nothing: the learning rates of a comparison are fixed."""

    def scene(self, iteration: int, stage: Stage, status: str, keys: str) -> Scene:  # noqa: ARG002 -- all have a row
        """The current state of each run, and their paths."""
        steps = [history.last_states(iteration, 1)[0] for history in self.histories]
        widest = max(len(history.label) for history in self.histories)
        columns = {
            "optimizer": [f"{letter(k)} {history.label:<{widest}}" for k, history in enumerate(self.histories)],
            "iteration": [f"{step.iteration:,}" for step in steps],
            "loss": aligned([number(step.loss, self.digits) for step in steps]),
        }
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        figure = self.figure.of([history.trail_until(iteration) for history in self.histories])
        status = f"iteration {iteration:,}   {status}"
        return Scene(self.title, status, list(columns), rows, figure, keys, from_top=True)
