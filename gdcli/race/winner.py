"""The command that makes the best run of a race again, alone."""

from __future__ import annotations

from msgspec.structs import replace

from gdcli.complete.command import MOST_NUMBERS, words_of
from gdcli.complete.problem import problem_of
from gdcli.contract.compare import CompareSettings, RaceRun, Standing, Winner
from gdcli.contract.descent import MinimizeResult, MinimizeSettings
from gdcli.contract.nested import flat
from gdcli.contract.sources import GIVEN
from gdcli.descent.minimize import Minimizing
from gdcli.descent.run import Descent
from gdcli.race.task import Task


def run_from_first_start(standing: Standing) -> RaceRun | None:
    """The run of an optimizer that the pictures show; None where it was interrupted before."""
    return next((run for run in standing.runs if run.start == 0), None)


def descent_of(settings: MinimizeSettings, run: RaceRun, task: Task) -> Descent[MinimizeResult]:
    """A run of a race as a descent of its own."""
    alone = replace(settings, lr=run.lr, steps=run.steps, diagnose=False)
    return Descent(alone, Minimizing(alone, lambda: task.problem_at(run.start)))


def winner_of(race: CompareSettings, settings: MinimizeSettings, best: Standing, task: Task) -> Winner | None:
    """The run of the best optimizer from the first start, as a command that was tried.

    ``settings`` are those of the optimizer. None where the run led nowhere or was interrupted, or its start has too
    many numbers for a command, or a function or a class was given in Python.
    """
    run = run_from_first_start(best)
    if run is None or run.status in ("diverged", "stationary", "interrupted"):
        return None
    values = dict(race.values)
    if GIVEN in values.values() or any(type(each) is not str for each in (race.expression, settings.optimizer)):
        return None
    if race.starts:
        start = {name: x.tolist() for name, x in task.starts[run.start].items()}
        if sum(1 for value in start.values() for _ in flat(value)) > MOST_NUMBERS:
            return None
        values |= start
    problem = problem_of(race)
    usual = {} if problem is None else problem.start
    changed = {name: value for name, value in values.items() if name not in usual or value != usual[name]}
    alone = replace(settings, expression=race.expression, dim=race.dim, lr=run.lr, steps=run.steps)
    words = list(words_of(alone, changed))
    loss = _end(settings, run, best, task)
    return Winner(label=best.label, command=" ".join(words), words=words, steps=run.steps, loss=loss)


def _end(settings: MinimizeSettings, run: RaceRun, best: Standing, task: Task) -> float:
    """The loss where the run ends alone."""
    if not best.batched:
        return run.loss
    descent = descent_of(settings, run, task)
    for _ in descent.states():
        pass
    return descent.ending.state.loss
