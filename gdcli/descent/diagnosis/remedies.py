"""Remedies: settings to change, as data and as options, with what they do."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gdcli.descent.diagnosis.run import Run
from gdcli.results import Remedy, ResultLine, Step
from gdcli.settings import DescentSettings

# What belongs to one rule and means nothing to another.
_OF_A_RULE: dict[str, Any] = {"momentum": None, "dampening": None, "nesterov": None, "weight_decay": None, "opt": {}}
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
    gone = {name: empty for name, empty in _OF_A_RULE.items() if getattr(settings, name) and name not in changes}
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


def tried(outcome: ResultLine) -> str:
    """What an attempt did."""
    steps = outcome.result.iteration
    return f"loss {outcome.result.loss:.3g} after {steps} step{'s' * (steps != 1)} of it"


def first_that_works(
    run: Run, candidates: Iterable[Mapping[str, Any]], *, on: Step | None = None, untried: str = ""
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


def best_that_works(run: Run, candidates: Iterable[Mapping[str, Any]]) -> Remedy | None:
    """The one of some changes that ends lowest, if it is lower than the run was after as many steps."""
    best: tuple[float, Remedy] | None = None
    for changes in candidates:
        outcome = run.attempt(complete(run.settings, changes))
        if outcome is None or not run.improves(outcome, run.at_or_after(outcome.result.iteration)):
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
