"""The racers of a comparison: update rules with their parameters and learning rates, each with a label of its own."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from msgspec.structs import replace

from gdcli.complete.problem import expression_of
from gdcli.contract.choices import optimizer_named
from gdcli.contract.compare import CompareSettings
from gdcli.contract.descent import MinimizeSettings
from gdcli.contract.fields import Option
from gdcli.contract.reading import read
from gdcli.contract.short import exactly
from gdcli.contract.words import plain
from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean
from gdcli.rules.catalogue import RULES, is_own
from gdcli.rules.checks import check_parameters, elsewhere, word, written_parameters
from gdcli.rules.parameters import OWN_OPTIONS, complete_rule, parameters_given

_EXAMPLE = 'for example: --racer "sgd momentum=0.9 lr=0.01"'


class Racer(NamedTuple):
    """A rule of a comparison, with its settings as those of a single run without a start.

    Every parameter of the rule is spelled out. ``lr`` of the settings is None where the rate is to be tuned.
    """

    label: str
    settings: MinimizeSettings


class _Named(NamedTuple):
    """A rule as it was named: its parameters and its rate, and what of them is in its label."""

    rule: str
    given: dict[str, Option]
    shown: bool


def racers(settings: CompareSettings) -> list[Racer]:
    """The racers of settings that are complete but for the parameters of the rules, in the order in which they run.

    Raises:
        GdcliError: for an unknown rule or parameter, a value that it does not take, and a rule that is named twice with
            the same parameters.
    """
    found: list[tuple[str, MinimizeSettings]] = []
    for named in _named(settings):
        for lr in _rates(settings, named):
            own = _settings_of(settings, named, lr)
            found.append((_with_parameters(own) if named.shown else str(named.rule), own))
    count = Counter(base for base, _ in found)
    labelled = [Racer(_label(base, own, alone=count[base] == 1), own) for base, own in found]
    for label, times in Counter(racer.label for racer in labelled).items():
        if times > 1:
            hint = f'list each optimizer once, or with other parameters: --racer "{label.split()[0]} lr=0.01"'
            raise GdcliError("optimizer", f"the optimizer {label} is named twice", hint)
    return labelled


def spelled_out(settings: CompareSettings) -> CompareSettings:
    """Settings with every parameter of every rule.

    Raises:
        GdcliError: as ``racers``.
    """
    opt = dict(settings.opt)
    texts = []
    for named in _named(settings):
        given = parameters_given(_settings_of(settings, named, None))
        if named.shown:
            lr = {"lr": named.given["lr"]} if "lr" in named.given else {}
            texts.append(" ".join([named.rule, *(f"{name}={word(value)}" for name, value in {**given, **lr}.items())]))
        else:
            opt |= {f"{named.rule}.{name}": value for name, value in given.items()}
    return replace(settings, opt=opt, racer=texts)


def has_rate(settings: CompareSettings) -> list[bool]:
    """Whether each rule that is named has a learning rate of its own."""
    return ["lr" in named.given for named in _named(settings)]


def _named(settings: CompareSettings) -> Iterator[_Named]:
    for name in map(optimizer_named, settings.optimizer):
        own = {key.removeprefix(f"{name}."): v for key, v in settings.opt.items() if key.startswith(f"{name}.")}
        yield _Named(name, own, shown=False)
    for text in settings.racer:
        yield _read(text)


def _read(text: str) -> _Named:
    """A rule from ``NAME PARAMETER=VALUE ...``."""
    words = re.sub(r"\s*([,=])\s*", r"\1", text).split()
    if not words:
        raise GdcliError("optimizer", "--racer names no optimizer", _EXAMPLE)
    rule, *pairs = words
    rule = optimizer_named(rule)
    given: dict[str, Option] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            message = f"'{pair}' in --racer '{text}' is not PARAMETER=VALUE"
            raise GdcliError("optimizer", message, _EXAMPLE)
        if name in given:
            raise GdcliError("optimizer", f"'{name}' in --racer '{text}' is given twice", "keep one of them")
        given[name] = plain(value)
    return _Named(rule, given, shown=True)


def _rates(settings: CompareSettings, named: _Named) -> list[float | Literal["auto"] | None]:
    """The learning rates with which a rule runs; None where its rate is to be tuned."""
    if "lr" in named.given:
        return [_settings_of(settings, named, None).lr]
    if isinstance(settings.lr, list):
        return [*settings.lr]
    if settings.lr is not None:
        return [settings.lr]
    row = RULES[named.rule]
    if not row.takes_lr:
        raise GdcliError("optimizer", f"{row.name} takes no learning rate, and a comparison gives one", "leave it out")
    return [None if settings.tune or math.isnan(row.lr) else row.lr]


def _settings_of(settings: CompareSettings, named: _Named, lr: float | Literal["auto"] | None) -> MinimizeSettings:
    opt = dict(named.given)
    own: dict[str, Any] = {"lr": lr, "optimizer": named.rule}
    own |= {key: opt.pop(key) for key in ("lr", *OWN_OPTIONS) if key in opt}
    made = replace(
        read(MinimizeSettings, own, naming=f"'{{}}' of {named.rule}"),
        expression=expression_of(settings),
        values=settings.values,
        sources=settings.sources,
        wrt=settings.wrt,
        opt=opt,
        clip_norm=settings.clip_norm,
        clip_value=settings.clip_value,
        bound=settings.bound,
        dtype=settings.dtype,
        seed=settings.seed,
        device=settings.device,
    )
    check_parameters(made, "racer" if named.shown else "opt")
    return replace(made, **complete_rule(made))


def changed_parameters(settings: MinimizeSettings) -> dict[str, Any]:
    """The parameters of a completed rule that are not its defaults."""
    known = RULES[settings.optimizer].parameters
    return {name: value for name, value in parameters_given(settings).items() if value != _listed(known.get(name))}


def _with_parameters(settings: MinimizeSettings) -> str:
    """The name of a rule with those of its parameters that are not the defaults."""
    changed: Mapping[str, Any] = changed_parameters(settings)
    return " ".join([settings.optimizer, *(f"{name}={short_word(value)}" for name, value in changed.items())])


def _label(base: str, settings: MinimizeSettings, *, alone: bool) -> str:
    return base if alone or settings.lr is None else f"{base} lr={short_word(settings.lr)}"


def check_options(opt: Mapping[str, Any], optimizers: list[str]) -> None:
    """Raise GdcliError for a parameter of ``--opt`` without a rule, or of one that is not in ``--optimizer``."""
    for key, value in opt.items():
        owner, dot, name = key.rpartition(".")
        if not dot or not name:
            message = f"--opt {key} does not name an optimizer"
            raise GdcliError("optimizer", message, _with_an_owner(key, value, optimizers))
        if owner not in optimizers:
            hint = did_you_mean(owner, optimizers)
            if owner in RULES or is_own(owner):
                hint = f"use {written_parameters(owner, {name: value}, 'racer')}"
            hint = hint or (f"the optimizers are {', '.join(optimizers)}" if optimizers else "give it to --racer")
            raise GdcliError("optimizer", f"--opt {key} is for '{owner}', which is not in the comparison", hint)
        row = RULES[owner]
        known = ["lr", *(each for each in row.parameters if each != "maximize")]
        if name not in (*known, *OWN_OPTIONS) and not row.takes_others:
            hint = elsewhere(row, name, value, "opt") or did_you_mean(name, known)
            hint = hint or f"its parameters are {', '.join(known)}"
            raise GdcliError("optimizer", f"{owner} has no parameter '{name}' in --opt", hint)


def _with_an_owner(name: str, value: Any, optimizers: list[str]) -> str:
    """The hint for a parameter without a rule: the first rule of the comparison that has it, or one that has it."""
    rules = optimizers or ["sgd"]
    owner = next((rule for rule in rules if name == "lr" or name in RULES[rule].parameters), "")
    if owner:
        return f"for example: {written_parameters(owner, {name: value}, 'opt')}"
    return elsewhere(RULES[rules[0]], name, value, "opt") or f"for example: --opt {rules[0]}.lr=0.1"


def short_word(value: Any) -> str:
    """A parameter as ``word``, but for the zeros of a whole number: 1, and not 1.0."""
    if isinstance(value, list):
        return ",".join(map(short_word, value))
    return exactly(value) if isinstance(value, float) else word(value)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
