"""The settings of ``compare`` completed and checked: which optimizers, from which starts, with which options."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from gdcli.complete.domain import with_domain
from gdcli.complete.problem import expression_of, with_start
from gdcli.complete.rule import check_rule
from gdcli.complete.wrt import moving_variables
from gdcli.contract.choices import optimizer_named
from gdcli.contract.compare import CompareSettings
from gdcli.contract.descent import MinimizeSettings
from gdcli.contract.fields import Option
from gdcli.contract.reading import read
from gdcli.errors import GdcliError
from gdcli.lang.suggest import did_you_mean
from gdcli.rules.catalogue import RULES
from gdcli.rules.parameters import OWN_OPTIONS

OPTIMIZERS = ("sgd", "manual-momentum", "adam", "lbfgs")
EXAMPLE = "rosenbrock"
EXAMPLE_RATES = {"manual": 0.003, "manual-momentum": 0.003, "sgd": 0.003, "adam": 0.5}
"""Learning rates for the example where the defaults do not work: about the best that ``--tune`` finds."""
RATES = 30
RATE_RANGE = (1e-5, 10.0)


def complete_compare(settings: CompareSettings) -> CompareSettings:
    """With the default optimizers and the example where none are given, and every default filled in.

    Raises:
        GdcliError: for an invalid name, value or domain, or options that cannot be combined.
    """
    optimizers = [optimizer_named(word) for word in settings.optimizer] or list(OPTIMIZERS)
    _check_names(optimizers)
    settings = _with_rates(replace(settings, optimizer=optimizers))
    if not settings.expression:
        settings = _with_example(settings)
    settings = with_domain(with_start(settings, "compare"))
    settings = replace(settings, wrt=moving_variables(expression_of(settings), settings.values, settings.wrt))
    _check_options(settings.opt, optimizers)
    for name in optimizers:
        check_rule(racer(settings, name), settings.wrt)
    return settings


def racer(settings: CompareSettings, name: str) -> MinimizeSettings:
    """The settings of one optimizer of the comparison, as those of a single run without a start.

    Raises:
        GdcliError: for a parameter with a value that it does not take.
    """
    opt = _parameters_given(settings.opt, name)
    lr = RULES[name].lr if settings.lr is None else settings.lr
    own = {key: opt.pop(key) for key in ("lr", *OWN_OPTIONS) if key in opt}
    own = {"lr": lr, "optimizer": name, "clip_norm": settings.clip_norm, "clip_value": settings.clip_value, **own}
    return replace(
        read(MinimizeSettings, own, naming=f"'{{}}' of {name}"),
        expression=expression_of(settings),
        values=settings.values,
        wrt=settings.wrt,
        opt=opt,
        bound=settings.bound,
        dtype=settings.dtype,
        seed=settings.seed,
        device=settings.device,
    )


def _parameters_given(opt: dict[str, Option], name: str) -> dict[str, Option]:
    """What ``--opt NAME.PARAMETER=VALUE`` says of one optimizer."""
    return {key.removeprefix(f"{name}."): value for key, value in opt.items() if key.startswith(f"{name}.")}


def _check_names(optimizers: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in optimizers:
        if name in seen:
            raise GdcliError("optimizer", f"the optimizer {name} is named twice", "list each optimizer once")
        seen.add(name)


def _check_options(opt: dict[str, Option], optimizers: list[str]) -> None:
    """Raise GdcliError for a parameter without an optimizer, or of one that is not compared."""
    for key in opt:
        owner, dot, name = key.partition(".")
        if not dot or not name:
            message = f"--opt {key} does not name an optimizer"
            raise GdcliError("optimizer", message, f"for example: --opt {optimizers[0]}.{key}=...")
        if owner not in optimizers:
            hint = did_you_mean(owner, optimizers) or f"the optimizers are {', '.join(optimizers)}"
            raise GdcliError("optimizer", f"--opt {key} is for '{owner}', which is not in the comparison", hint)


def _with_rates(settings: CompareSettings) -> CompareSettings:
    """With the grid of learning rates, when ``tune`` is set."""
    given = {"rates": settings.rates, "rate-range": settings.rate_range}
    if not settings.tune:
        for name, value in given.items():
            if value is not None:
                raise GdcliError("usage", f"--{name} applies only to tuning", "add --tune")
        return settings
    own = next((key for key in settings.opt if key.endswith(".lr")), None)
    if settings.lr is not None or own is not None:
        option = "--lr" if settings.lr is not None else f"--opt {own}"
        message = f"--tune searches for the learning rates, but {option} sets one"
        raise GdcliError("usage", message, "leave one of them out")
    low, high = settings.rate_range or RATE_RANGE
    if not low < high:
        message = f"the lowest rate, {low:g}, must be below the highest, {high:g}"
        least = high if high < low else low / 10
        raise GdcliError("usage", message, f"for example: --rate-range {least:g}:{low:g}")
    return replace(settings, rates=settings.rates or RATES, rate_range=(low, high))


def _with_example(settings: CompareSettings) -> CompareSettings:
    """The example, with learning rates for it unless some are given."""
    rates: dict[str, Option] = {}
    if settings.lr is None and not settings.tune:
        rates = {f"{name}.lr": EXAMPLE_RATES[name] for name in settings.optimizer if name in EXAMPLE_RATES}
    return replace(settings, expression=EXAMPLE, opt={**rates, **settings.opt})
