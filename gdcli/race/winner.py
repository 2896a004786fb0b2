"""The command that makes the best run of a race again, alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from gdcli.complete.problem import expression_of, problem_of
from gdcli.complete.racers import changed_parameters, short_word
from gdcli.complete.sources import given
from gdcli.complete.wrt import moving_variables
from gdcli.contract.compare import CompareSettings, RaceRun, Standing, Winner
from gdcli.contract.descent import MinimizeResult, MinimizeSettings
from gdcli.contract.nested import flat
from gdcli.contract.sources import GIVEN
from gdcli.descent.minimize import Minimizing
from gdcli.descent.run import Descent
from gdcli.race.task import Task
from gdcli.rules.parameters import OWN_OPTIONS

_MOST_NUMBERS = 24  # of a start in a command
_USUAL = MinimizeSettings()


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
    many numbers for a command.
    """
    run = run_from_first_start(best)
    if run is None or run.status in ("diverged", "stationary", "interrupted"):
        return None
    values = dict(race.values)
    if GIVEN in values.values():
        return None
    if race.starts:
        start = {name: x.tolist() for name, x in task.starts[run.start].items()}
        if sum(1 for value in start.values() for _ in flat(value)) > _MOST_NUMBERS:
            return None
        values |= start
    problem = problem_of(race)
    usual = {} if problem is None else problem.start
    changed = {name: value for name, value in values.items() if name not in usual or value != usual[name]}
    words = list(_words(race, changed, replace(settings, lr=run.lr, steps=run.steps)))
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


def _words(race: CompareSettings, values: Mapping[str, Any], settings: MinimizeSettings) -> Iterator[str]:
    """The words of a command, each option with its value."""
    expression = shlex.quote(race.expression)
    is_option = race.expression.startswith("--")
    yield "gdcli minimize" if is_option else f"gdcli minimize {expression}"
    if race.dim is not None:
        yield f"--dim {race.dim}"
    for name, value in values.items():
        yield _assignment(name, value if isinstance(value, str) else json.dumps(value))
    if set(race.wrt) != set(moving_variables(expression_of(race), given(race), [])):
        yield f"--wrt {','.join(race.wrt)}"
    if settings.optimizer != _USUAL.optimizer:
        yield f"--optimizer {settings.optimizer}"
    for name, value in changed_parameters(settings).items():
        yield _parameter(name, value)
    yield f"--lr {short_word(settings.lr)}"
    yield f"--steps {settings.steps}"
    for name, (low, high) in race.bound.items():
        yield f"--bound {name}={_end_of(low)}:{_end_of(high)}"
    for name in ("clip_norm", "clip_value", "dtype", "seed", "device"):
        if getattr(race, name) != getattr(_USUAL, name):
            yield f"--{name.replace('_', '-')} {short_word(getattr(race, name))}"
    if is_option:
        yield f"-- {expression}"


def _assignment(name: str, text: str) -> str:
    if len(name) == 1 or not name.isalpha():  # a longer name may be that of an option
        return f"--{name} {shlex.quote(text)}"
    return f"--var {name}={shlex.quote(text)}"


def _parameter(name: str, value: Any) -> str:
    flag = name.replace("_", "-")
    if name not in OWN_OPTIONS:
        return f"--opt {name}={short_word(value)}"
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag} {short_word(value)}"


def _end_of(number: float | None) -> str:
    return "" if number is None else short_word(number)
