"""``--live`` of a descent: its steps with a frame now and then, and again from the start when the rate is changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from msgspec.structs import replace

from gdcli.cli.live.session import Session
from gdcli.cli.live.track import Track
from gdcli.cli.output import Output
from gdcli.contract.descent import DescentSettings, FitLinearSettings, Step
from gdcli.defaults import problem_of
from gdcli.render.live import Scene, Stage
from gdcli.render.numbers import aligned, number
from gdcli.render.table import step_columns

if TYPE_CHECKING:
    from gdcli.descent.loop import Descent

T = TypeVar("T")
_ROWS = 12  # where there is no room for a picture


class RateChanged(Exception):  # noqa: N818 -- nothing went wrong
    """The learning rate was changed: the descent begins anew, with these factors."""

    def __init__(self, factors: dict[str, float], iteration: int) -> None:
        super().__init__(f"from iteration {iteration} on")
        self.factors = factors
        self.iteration = iteration


class LiveDescent:
    """A descent that is watched. ``descent`` is the one that runs, with the factors of the learning rate so far."""

    has_rate = True

    def __init__(self, descent: Descent[Any], output: Output, title: str) -> None:
        self.title = title
        self.digits = output.digits
        self._start(descent)
        self.session = Session(self, output)

    def _start(self, descent: Descent[Any]) -> None:
        from gdcli.landscape.moving import MovingFigure

        self.descent = descent
        self.track = Track(descent.settings.optimizer)
        settings = descent.settings
        problem = descent.again(settings).problem  # with tensors and random numbers of its own
        if isinstance(settings, FitLinearSettings):
            self.figure = MovingFigure(problem, settings.steps, layer="W")
        else:
            instance = problem_of(settings)
            minima = () if instance is None else [minimum.values for minimum in instance.minima]
            self.figure = MovingFigure(problem, settings.steps, minima)

    def run(self, collect: Callable[[Descent[Any], Iterable[Step]], T]) -> T:
        """What ``collect`` makes of the descent and its steps; it is called again when they begin anew."""
        with self.session.open():
            while True:
                try:
                    return collect(self.descent, self._steps())
                except RateChanged as change:
                    settings = replace(self.descent.settings, lr_factor=change.factors)
                    self._start(self.descent.again(settings))
                    self.session.begin_anew(change.iteration)

    def interrupt(self) -> None:
        """Ctrl-C: the loop is to stop before its next update."""
        self.session.interrupt()
        self.descent.interrupt()

    def _steps(self) -> Iterator[Step]:
        session, track, descent = self.session, self.track, self.descent
        for step in descent:
            track.add(step)
            yield step
            if monotonic() < session.next_look and step.iteration != session.replay_to:
                continue
            session.after_step(step.iteration)
            if session.ended:  # a setting like any other, so that the document reproduces the run
                descent.end_after(min(step.iteration + 1, descent.settings.steps))
                session.next_look = math.inf
        message, final = descent.ending
        if track.is_empty or final.iteration != track.head.iteration:
            track.add(final)
        track.end = message
        session.at_end()

    # What a session shows

    @property
    def head(self) -> int:
        """The last iteration that was computed."""
        return self.track.head.iteration

    def beside(self, iteration: int, direction: int) -> int:
        """The iteration after or before a given one."""
        return self.track.beside(iteration, direction)

    def change_rate(self, iteration: int, factor: float) -> NoReturn:
        """Multiply the learning rate from an iteration on: what was to change later is dropped.

        Raises:
            RateChanged: always.
        """
        raise RateChanged(changed_factors(self.descent.settings, iteration, factor), iteration)

    def scene(self, iteration: int, stage: Stage, status: str, keys: str) -> Scene:
        """The last rows up to an iteration, the picture up to there, and the learning rate."""
        steps = self.track.last_steps(iteration, max(stage.rows, _ROWS))
        columns = {"iteration": [f"{step.iteration:,}" for step in steps]}
        columns |= step_columns(steps, self.digits, stage.console.width)
        cells = zip(columns["iteration"], *(aligned(each) for each in list(columns.values())[1:]), strict=True)
        figure = self.figure.of([self.track.trail_until(iteration)])
        facts = [f"iteration {iteration:,} of {self.descent.settings.steps:,}", _rate(steps[-1]), status]
        if iteration == self.head and self.track.end:
            facts[-1] = self.track.end
        return Scene(self.title, "   ".join(facts), list(columns), [list(row) for row in cells], figure, keys)


def changed_factors(settings: DescentSettings, iteration: int, factor: float) -> dict[str, float]:
    """The factors of the learning rate with one more, from an iteration on; those of later iterations are gone."""
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
