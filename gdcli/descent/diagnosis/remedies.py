"""Remedies: settings to change, as data and as options, with what they do."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gdcli.contract.descent import DescentRecord, DescentSettings
from gdcli.contract.diagnosis import Remedy
from gdcli.contract.fields import Nested
from gdcli.descent.diagnosis.run import Run
from gdcli.descent.loop import State
from gdcli.descent.snapshot import numbers, size
from gdcli.rules.catalogue import RULES
from gdcli.rules.parameters import OWN_OPTIONS

# What may belong to one rule and mean nothing to another.
_OF_A_RULE: dict[str, Any] = {**dict.fromkeys(OWN_OPTIONS), "opt": {}}
_ROUNDING = 50  # of a loss, in units of eps
_SMALLER = 0.3
_SMALLER_TRIES = 12


def remedy(run: Run, effect: str, changes: Mapping[str, Any]) -> Remedy:
    """The changes as a remedy; a change of the rule takes its parameters away."""
    settings = complete(run.settings, changes)
    return Remedy(settings, options(run.settings, settings), effect)


def complete(settings: DescentSettings, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes, and what has to go with them."""
    if changes.get("optimizer", settings.optimizer) == settings.optimizer:
        return dict(changes)
    known = RULES[changes["optimizer"]].parameters
    gone = {n: empty for n, empty in _OF_A_RULE.items() if n not in changes and getattr(settings, n) and n not in known}
    return {**changes, **gone}


def options(settings: DescentSettings, changes: Mapping[str, Any]) -> str:
    """The changes as words of a command line."""
    words: list[str] = []
    for name, value in changes.items():
        flag = f"--{name.replace('_', '-')}"
        if name == "values":
            words += _variables(settings, value)
        elif name == "lrs":
            words += [f"--lr.{variable} {rate:g}" for variable, rate in value.items()]
        elif isinstance(value, dict):
            words += [f"{flag} {key}={shlex.quote(_word(each))}" for key, each in value.items()]
        elif isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif value is not None:
            words.append(f"{flag} {shlex.quote(_word(value))}")
    return " ".join(words)


def _variables(settings: DescentSettings, values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if value != settings.values.get(name):
            text = shlex.quote(_word(value))
            yield f"--var {name}={text}" if name in settings.__struct_fields__ else f"--{name} {text}"


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
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


def tried(outcome: DescentRecord) -> str:
    """What an attempt did."""
    steps = outcome.result.iteration
    return f"loss {outcome.result.loss:.3g} after {steps} step{'s' * (steps != 1)} with it"


def first_that_works(
    run: Run, candidates: Iterable[Mapping[str, Any]], *, on: State | None = None, untried: str = ""
) -> Remedy | None:
    """The first of some changes that ends lower than a state, the start unless another is given, as far as it is tried.

    ``untried`` is the effect of the first one, when trying costs too much; without it there is no remedy then.
    """
    for number, changes in enumerate(candidates):
        outcome = run.attempt(complete(run.settings, changes))
        if outcome is None and number == 0 and untried:
            return remedy(run, untried, changes)
        if outcome is not None and run.improves(outcome, on or run.first):
            return remedy(run, tried(outcome), changes)
    return None


def confirmed(run: Run, effect: str, changes: Mapping[str, Any], steps: int) -> Remedy | None:
    """A remedy of theory, unless a trial of so many steps ends higher than the run was then: a kink is no quadratic."""
    outcome = run.attempt(complete(run.settings, changes), max(steps, 1))
    if outcome is not None:
        there = run.at_or_after(outcome.result.iteration)
        slack = _ROUNDING * run.eps * abs(run.loss(there))
        if outcome.status == "diverged" or not run.loss(outcome.result) <= run.loss(there) + slack:
            return None
    return remedy(run, effect, changes)


def best_that_works(run: Run, candidates: Iterable[Mapping[str, Any]], *, by: float = 0.0) -> Remedy | None:
    """The one of some changes that ends lowest, if it is lower than the run was after as many steps.

    It must be lower ``by`` a share of what the run has gained.
    """
    best: tuple[float, Remedy] | None = None
    for changes in candidates:
        outcome = run.attempt(complete(run.settings, changes))
        if outcome is None:
            continue
        there = run.at_or_after(outcome.result.iteration)
        gain = by * (run.loss(run.first) - run.loss(there))
        if not run.improves(outcome, there) or run.loss(outcome.result) > run.loss(there) - gain:
            continue
        if best is None or run.loss(outcome.result) < best[0]:
            best = run.loss(outcome.result), remedy(run, tried(outcome), changes)
    return None if best is None else best[1]


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


def other_starts(run: Run, direction: Sequence[float], sizes: Iterable[float]) -> Iterator[dict[str, Any]]:
    """Changes to starts that lie so far along a direction, and against it, relative to 1 + |x|."""
    length = math.hypot(*direction)
    for reach in sizes:
        for sign in (1, -1):
            step = [sign * reach * run.scale(run.first) * part / length for part in direction]
            yield {"values": _moved(run, step)}


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
