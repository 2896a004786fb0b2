"""Remedies: settings to change, as data and as options, with what they do."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gdcli.contract.descent import DescentSettings
from gdcli.contract.diagnosis import Remedy
from gdcli.contract.fields import Nested
from gdcli.contract.short import exactly, short
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.diagnosis.trial import Trial
from gdcli.descent.snapshot import numbers, size
from gdcli.rules.catalogue import RULES
from gdcli.rules.parameters import OWN_OPTIONS

_CLEARLY = 1e-3  # of what a run has gained
_EQUALLY = 1e-6  # of what was gained: so much higher is equally low
_SMALLER = 0.3
_SMALLER_TRIES = 12


def remedy(run: Run, trial: Trial) -> Remedy:
    """The changes of a trial as a remedy, with what they did."""
    return Remedy(
        trial.changes,
        options(run.settings, trial.changes),
        effect(run, trial),
        trial.outcome.result.loss,
        trial.arrives,
    )


def effect(run: Run, trial: Trial) -> str:
    """What a trial did: the iteration at which it reached the goal, or its loss at the end.

    Of a run that has reached the goal itself, only the loss can be better.
    """
    lower = run.has_arrived and _end(run, trial) < run.loss(run.final) - _CLEARLY * run.gained
    if trial.arrives is not None and run.goal is not None and not lower:
        turned = "maximize" in trial.changes
        worse = not turned and _end(run, trial) > run.loss(run.best) + _CLEARLY * run.gained
        at = f", at a loss of {short(trial.outcome.result.loss, 3)}" if worse else ""
        return f"{run.goal.words} after {in_steps(trial.arrives)}{at}"
    return f"loss {short(trial.outcome.result.loss, 3)} after {in_steps(trial.steps)}"


def in_steps(count: int) -> str:
    """A number of steps in words."""
    return f"{count:,} step{'s' * (count != 1)}"


def complete(settings: DescentSettings, changes: Mapping[str, Any]) -> dict[str, Any] | None:
    """The changes, and what has to go with them; None where an option of the command line would have to go.

    A change of the rule takes the defaults of its parameters away. A parameter that was set cannot be taken back by
    more options.
    """
    name = changes.get("optimizer", settings.optimizer)
    if name == settings.optimizer:
        return dict(changes)
    mine, known = RULES[settings.optimizer].parameters, RULES[name].parameters
    found = dict(changes)
    for own in OWN_OPTIONS:
        value = getattr(settings, own)
        if own not in changes and own not in known and value is not None:
            if value and value != mine.get(own):
                return None
            found[own] = None
    chosen = {key: value for key, value in settings.opt.items() if value != _listed(mine.get(key))}
    if any(key not in known for key in chosen):
        return None
    return {**found, "opt": {**chosen, **changes.get("opt", {})}}


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def options(settings: DescentSettings, changes: Mapping[str, Any]) -> str:
    """The changes as words of a command line."""
    words: list[str] = []
    for name, value in changes.items():
        flag = f"--{name.replace('_', '-')}"
        if name == "values":
            words += _variables(settings, value)
        elif name == "lrs":
            words += [f"--lr.{variable} {exactly(rate)}" for variable, rate in value.items()]
        elif name == "bound":
            words += [f"{flag} {variable}={_range(low, high)}" for variable, (low, high) in value.items()]
        elif isinstance(value, dict):
            given = getattr(settings, name)
            new = {key: each for key, each in value.items() if given.get(key) != each}
            words += [f"{flag} {key}={shlex.quote(_word(each))}" for key, each in new.items()]
        elif isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif value is not None:
            words.append(f"{flag} {shlex.quote(_word(value))}")
    return " ".join(words)


def _range(low: float | None, high: float | None) -> str:
    return f"{'' if low is None else _word(low)}:{'' if high is None else _word(high)}"


def _variables(settings: DescentSettings, values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if value != settings.values.get(name):
            text = shlex.quote(_word(value))
            yield f"--var {name}={text}" if name in settings.__struct_fields__ else f"--{name} {text}"


def _word(value: Any) -> str:
    if isinstance(value, float):
        return short(value, 6)
    return json.dumps(value) if isinstance(value, list) else str(value)


def rounded(number: float, digits: int = 3) -> float:
    """The number with so many significant digits, rounded towards 0, so that a bound stays one."""
    if number == 0 or not math.isfinite(number):
        return number
    nearest = float(f"{number:.{digits - 1}e}")
    if abs(nearest) <= abs(number) * (1 + 1e-9):
        return nearest
    unit = 10.0 ** (math.floor(math.log10(abs(number))) - digits + 1)
    return float(f"{nearest - math.copysign(unit, number):.{digits - 1}e}")


def base_rate(run: Run) -> float:
    """The learning rate of the settings, or what "auto" came to."""
    given = run.settings.lr
    return given if isinstance(given, (int, float)) else max(run.rates(run.first).values())


def with_rate(run: Run, lr: float) -> dict[str, Any]:
    """The change that makes this the largest learning rate of the run: all rates by the same factor."""
    factor = lr / run.lr
    changes: dict[str, Any] = {"lr": rounded(base_rate(run) * factor)}
    if run.settings.lrs:
        changes["lrs"] = {name: rounded(rate * factor) for name, rate in run.settings.lrs.items()}
    return changes


def tried(run: Run, candidates: Iterable[Mapping[str, Any]]) -> Iterator[Trial]:
    """The trials of those changes that can be made and change something."""
    for candidate in candidates:
        changes = complete(run.settings, candidate)
        if changes is None or all(getattr(run.settings, name) == value for name, value in changes.items()):
            continue
        trial = run.attempt(changes)
        if trial is not None:
            yield trial


def first_that_works(run: Run, candidates: Iterable[Mapping[str, Any]]) -> Remedy | None:
    """The first of some changes that ends lower than the run."""
    return next((remedy(run, trial) for trial in tried(run, candidates) if run.improves(trial)), None)


def best_that_works(run: Run, candidates: Iterable[Mapping[str, Any]], *, by: float = 0.0) -> Remedy | None:
    """The one of some changes that does best, if it does better than the run.

    It ends lowest, and lower than the run ``by`` a share of what the run has gained, or reaches the goal. Of those that
    end equally low, it reaches the goal first.
    """
    most = math.inf
    if by and not run.failed:
        most = run.loss(run.final) - by * run.gained
    better = (trial for trial in tried(run, candidates) if run.improves(trial))
    good = [trial for trial in better if trial.arrives is not None or _end(run, trial) <= most]
    if not good:
        return None
    lowest = min(_end(run, trial) for trial in good)
    slack = _EQUALLY * abs(run.loss(run.first) - lowest)
    lowest_ones = [trial for trial in good if not _end(run, trial) > lowest + slack]
    return remedy(run, min(lowest_ones, key=lambda each: math.inf if each.arrives is None else each.arrives))


def _end(run: Run, trial: Trial) -> float:
    return run.loss(trial.outcome.result)


def smaller_rates(run: Run, known: Iterable[float]) -> Iterator[dict[str, Any]]:
    """Changes to smaller learning rates: those that are known to be good, then ever smaller ones."""
    below = [lr for lr in known if 0 < lr < run.lr]
    yield from (with_rate(run, lr) for lr in below)
    lr = min([run.lr, *below])
    yield from (with_rate(run, lr * _SMALLER**k) for k in range(1, _SMALLER_TRIES))


def falling_rate(run: Run) -> Iterator[dict[str, Any]]:
    """The change to a learning rate that falls to 0 along a line, for what no fixed rate brings to rest: a kink."""
    if run.settings.schedule == "none":
        falling = {"start_factor": 1.0, "end_factor": 0.0, "total_iters": run.settings.steps}
        yield {"schedule": "linear", "sched": falling}


def other_starts(
    run: Run, direction: Sequence[float], sizes: Iterable[float], signs: Sequence[int] = (1, -1)
) -> Iterator[dict[str, Any]]:
    """Changes to starts that lie so far along a direction, and against it, relative to 1 + |x|."""
    length = math.hypot(*direction)
    for reach in sizes:
        for sign in signs:
            far = sign * reach * run.scale(run.first)
            yield {"values": _moved(run, [far * part / length for part in direction])}


def _moved(run: Run, step: Sequence[float]) -> dict[str, Any]:
    """The values of the settings with the start moved; a variable that does not move keeps its text."""
    least = 1e-3 * max(map(abs, step))
    values, rest = dict(run.settings.values), list(step)
    for name in run.problem.wrt:
        count = size(run.first.values[name])
        part, rest = rest[:count], rest[count:]
        if any(abs(each) > least for each in part):
            values[name] = _added(numbers(run.first.values[name]), iter(part))
    return values


def _added(value: Nested, step: Iterator[float]) -> Any:
    if isinstance(value, list):
        return [_added(item, step) for item in value]
    return rounded(float(value or 0.0) + next(step), 4)
