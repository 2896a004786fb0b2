"""The command of ``minimize`` that makes a run, from its settings."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from gdcli.complete.problem import expression_of
from gdcli.complete.racers import changed_parameters, short_word
from gdcli.complete.sources import given
from gdcli.complete.wrt import moving_variables
from gdcli.contract.descent import MinimizeSettings
from gdcli.rules.parameters import OWN_OPTIONS

MOST_NUMBERS = 24
"""Numbers of a start that a command may have."""
_USUAL = MinimizeSettings()


def words_of(settings: MinimizeSettings, values: Mapping[str, Any]) -> Iterator[str]:
    """The words of the command that makes the run of completed settings, each option with its value.

    ``values`` are those of the variables that it has to give.
    """
    expression = shlex.quote(settings.expression)
    is_option = settings.expression.startswith("--")
    yield "gdcli minimize" if is_option else f"gdcli minimize {expression}"
    if settings.dim is not None:
        yield f"--dim {settings.dim}"
    for name, value in values.items():
        yield _assignment(name, value if isinstance(value, str) else json.dumps(value))
    if set(settings.wrt) != set(moving_variables(expression_of(settings), given(settings), [])):
        yield f"--wrt {','.join(settings.wrt)}"
    if settings.optimizer != _USUAL.optimizer:
        yield f"--optimizer {settings.optimizer}"
    for name, value in changed_parameters(settings).items():
        yield _parameter(name, value)
    yield f"--lr {short_word(settings.lr)}"
    for name, rate in settings.lrs.items():
        yield f"--lr.{name} {short_word(rate)}"
    yield f"--steps {settings.steps}"
    for name, (low, high) in settings.bound.items():
        yield f"--bound {name}={_end_of(low)}:{_end_of(high)}"
    yield from _schedule(settings)
    if settings.maximize:
        yield "--maximize"
    yield from _changed(settings, "clip_norm", "clip_value")
    yield from _changed(settings, "tol_grad", "tol_loss", "tol_x", "tol", "until", "dtype", "seed", "device")
    if is_option:
        yield f"-- {expression}"


def _schedule(settings: MinimizeSettings) -> Iterator[str]:
    """How the learning rate changes."""
    if settings.schedule != _USUAL.schedule:
        yield f"--schedule {settings.schedule}"
    for name, value in settings.sched.items():
        yield f"--sched {name}={short_word(value)}"
    for iteration, factor in settings.lr_factor.items():
        yield f"--lr-factor {iteration}={short_word(factor)}"


def _changed(settings: MinimizeSettings, *names: str) -> Iterator[str]:
    """Those of the options that are not as usual."""
    for name in names:
        if (value := getattr(settings, name)) != getattr(_USUAL, name):
            yield f"--{name.replace('_', '-')} {short_word(value)}"


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
