"""The settings of ``compare`` completed and checked: which optimizers, from which starts, with which options."""

from __future__ import annotations

from msgspec.structs import replace

from gdcli.complete.domain import with_domain
from gdcli.complete.problem import expression_of, with_start
from gdcli.complete.program import with_program
from gdcli.complete.racers import check_options, has_rate, racers, spelled_out
from gdcli.complete.rule import check_rule
from gdcli.complete.sources import given, with_sources
from gdcli.complete.wrt import moving_variables
from gdcli.contract.choices import optimizer_named
from gdcli.contract.compare import CompareSettings
from gdcli.contract.short import exactly
from gdcli.errors import GdcliError

OPTIMIZERS = ("sgd", "manual-momentum", "adam", "lbfgs")
"""What is compared when no rule is named; with several learning rates it is ``manual`` alone."""
EXAMPLE = "rosenbrock"
RATE_RANGE = (1e-5, 10.0)


def complete_compare(settings: CompareSettings) -> CompareSettings:
    """With the default optimizers and the example where none are given, and every default filled in.

    Raises:
        GdcliError: for an invalid name, value or domain, or options that cannot be combined.
    """
    usual = ["manual"] if isinstance(settings.lr, list) else list(OPTIMIZERS)
    named = [optimizer_named(word) for word in settings.optimizer]
    optimizers = named or ([] if settings.racer else usual)
    _check_rates(settings.lr)
    settings = _with_tuning(replace(settings, optimizer=optimizers, expression=settings.expression or EXAMPLE))
    settings = with_domain(with_program(with_start(with_sources(settings), "compare")))
    settings = replace(settings, wrt=moving_variables(expression_of(settings), given(settings), settings.wrt))
    check_options(settings.opt, optimizers)
    for racer in racers(settings):
        found = racer.settings
        if found.lr is None and settings.rate_range is not None:  # which gives it a rate
            found = replace(found, lr=settings.rate_range[0])
        check_rule(found, settings.wrt)
    return spelled_out(settings)


def _check_rates(lr: object) -> None:
    """Raise GdcliError for several rates of which one stands there twice."""
    for i, rate in enumerate(lr if isinstance(lr, list) else []):
        if rate in lr[:i]:  # type: ignore[index]
            raise GdcliError("lr", f"the learning rate {exactly(rate)} is given twice", "list each rate once")


def _with_tuning(settings: CompareSettings) -> CompareSettings:
    """With the answer whether rates are tuned: as it says, or where a rule has none."""
    own = has_rate(settings)
    given = "--lr sets one" if settings.lr is not None else "each rule has one" if all(own) else ""
    if settings.tune and given:
        raise GdcliError("usage", f"--tune searches for the learning rates, but {given}", "leave one of them out")
    tune = not given if settings.tune is None else settings.tune
    if not tune:
        for name, value in (("rates", settings.rates), ("rate-range", settings.rate_range)):
            if value is not None:
                hint = "leave out --no-tune" if not given else "leave out the learning rates that are given"
                raise GdcliError("usage", f"--{name} applies only to tuning", hint)
        return replace(settings, tune=False)
    low, high = settings.rate_range or RATE_RANGE
    if not low < high:
        message = f"the lowest rate, {exactly(low)}, must be below the highest, {exactly(high)}"
        least = high if high < low else low / 10
        raise GdcliError("usage", message, f"for example: --rate-range {exactly(least)}:{exactly(low)}")
    return replace(settings, tune=True, rate_range=(low, high))
