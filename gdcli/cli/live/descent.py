"""``--live`` of a descent: frames while it runs, and a new run from the start when the learning rate is changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from msgspec.structs import replace

from gdcli.cli.live.history import History
from gdcli.cli.live.session import Session
from gdcli.cli.output import Output
from gdcli.complete.problem import known_minima
from gdcli.contract.descent import DescentSettings, MinimizeSettings, Step
from gdcli.render.live import Scene, Stage
from gdcli.render.numbers import aligned, number
from gdcli.render.steps import step_columns

if TYPE_CHECKING:
    from gdcli.descent.loop import State
    from gdcli.descent.run import Descent
    from gdcli.landscape.moving import MovingFigure

T = TypeVar("T")
_ROWS = 12  # if there is no room for a picture


class RateChanged(Exception):  # noqa: N818 -- not an error
    """The learning rate was changed: the descent restarts with these factors."""

    def __init__(self, factors: dict[str, float], iteration: int) -> None:
        super().__init__(f"from iteration {iteration} on")
        self.factors = factors
        self.iteration = iteration


class LiveDescent:
    """A descent that is shown live. ``descent`` is the present run, with the factors of the learning rate so far."""

    has_rate = True
    goes_back = True

    def __init__(self, descent: Descent[Any], output: Output, title: str) -> None:
        self.title = title
        self.digits = output.digits
        self.figure = self._moving_figure(descent)
        self._start(descent)
        self.session = Session(self, output)

    def _start(self, descent: Descent[Any]) -> None:
        self.descent = descent
        self.history = History(descent.settings.optimizer)

    @staticmethod
    def _moving_figure(descent: Descent[Any]) -> MovingFigure:
        """The figure of the descent and of those with other rates, so that its window stays where it is."""
        from gdcli.landscape.moving import MovingFigure

        settings = descent.settings
        problem = descent.kind.again(settings).problem  # with its own tensors and random numbers
        if not isinstance(settings, MinimizeSettings):
            return MovingFigure(problem, settings.steps, layer="W")
        return MovingFigure(problem, settings.steps, known_minima(settings))

    def run(self, collect: Callable[[Descent[Any], Iterable[State]], T]) -> T:
        """The result of ``collect`` for the descent and its states; it is called again when the descent restarts."""
        with self.session.open():
            while True:
                try:
                    return collect(self.descent, self._states())
                except RateChanged as change:
                    settings = replace(self.descent.settings, lr_factor=change.factors)
                    self._start(self.descent.kind.again(settings))
                    self.session.begin_anew(change.iteration)

    def interrupt(self, by: str) -> None:
        """A signal: stop the loop before its next update."""
        self.session.interrupt()
        self.descent.interrupt(by)

    def _states(self) -> Iterator[State]:
        session, history, descent = self.session, self.history, self.descent
        for state in descent.states():
            history.add(state)
            yield state
            if monotonic() < session.next_look and state.iteration != session.replay_to:
                continue
            if not descent.is_iteration(state):  # the run ends here
                continue
            session.after_step(state.iteration)
            if session.ended:  # saved as a setting, so that the document reproduces the run
                descent.end_after(min(state.iteration + 1, descent.settings.steps))
                session.next_look = math.inf
        history.end = descent.ending.message
        session.at_end()

    # What a session shows

    @property
    def head(self) -> int:
        """The last iteration that was computed."""
        return self.history.head.iteration

    def beside(self, iteration: int, direction: int) -> int:
        """The iteration after or before a given one."""
        return self.history.beside(iteration, direction)

    def change_rate(self, iteration: int, factor: float) -> NoReturn:
        """Multiply the learning rate from an iteration on, and drop later changes.

        Raises:
            RateChanged: always.
        """
        raise RateChanged(changed_factors(self.descent.settings, iteration, factor), iteration)

    def scene(self, iteration: int, stage: Stage, status: str, keys: str) -> Scene:
        """The last rows and the picture up to an iteration, and the learning rate."""
        steps = [state.step() for state in self.history.last_states(iteration, max(stage.rows, _ROWS))]
        columns = {"iteration": [f"{step.iteration:,}" for step in steps]}
        columns |= step_columns(steps, self.digits, stage.console.width)
        cells = zip(columns["iteration"], *(aligned(each) for each in list(columns.values())[1:]), strict=True)
        figure = self.figure.of([self.history.trail_until(iteration)])
        facts = [f"iteration {iteration:,} of {self.descent.settings.steps:,}", _rate(steps[-1]), status]
        if iteration == self.head and self.history.end:
            facts[-1] = self.history.end
        return Scene(self.title, "   ".join(facts), list(columns), [list(row) for row in cells], figure, keys)


def changed_factors(settings: DescentSettings, iteration: int, factor: float) -> dict[str, float]:
    """The factors of the learning rate with a new one from an iteration on; later factors are dropped."""
    before = {int(first): each for first, each in settings.lr_factor.items() if int(first) < iteration}
    ago = before[max(before)] if before else 1.0
    now = float(f"{settings.lr_factor.get(str(iteration), ago) * factor:.12g}")
    kept = {str(first): each for first, each in sorted(before.items())}
    return kept if now == ago else {**kept, str(iteration): now}


def _rate(step: Step) -> str:
    """The learning rate of a step, in words."""
    if isinstance(step.lr, dict):
        return "lr " + ", ".join(f"{name} {number(rate, 4)}" for name, rate in step.lr.items())
    return f"lr {number(step.lr, 4)}"
