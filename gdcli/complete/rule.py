"""Checks of the options of an update rule."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Literal

from gdcli.contract.descent import FitLinearSettings, MinimizeSettings
from gdcli.contract.short import exactly
from gdcli.errors import GdcliError
from gdcli.rules.catalogue import RULES
from gdcli.rules.checks import check_own, check_parameters, check_schedule

_ITERATION = re.compile("0|[1-9][0-9]{0,12}")
_FACTOR_EXAMPLE = "for example: --lr-factor 50=0.5"


def usual_rate(settings: MinimizeSettings | FitLinearSettings) -> float | Literal["auto"] | None:
    """The learning rate: the given one, or that of the rule; None for an own class that has no number for it."""
    usual = RULES[settings.optimizer].lr
    return (None if math.isnan(usual) else usual) if settings.lr is None else settings.lr


def check_rule(settings: MinimizeSettings | FitLinearSettings, wrt: list[str]) -> None:
    """Raise GdcliError for update options that cannot be combined, or that name a variable that is not updated."""
    check_parameters(settings)
    check_schedule(settings)
    row, listed = RULES[settings.optimizer], f"the variables are {', '.join(wrt)}"
    check_own(settings)
    for name in settings.lrs:
        if name not in wrt:
            message = f"--lr.{name} is for '{name}', which is not a variable to optimize"
            raise GdcliError("lr", message, listed)
    _check_factors(settings.lr_factor)
    for name, (low, high) in settings.bound.items():
        if name not in wrt:
            raise GdcliError("bound", f"there is no variable '{name}' to bound", listed)
        if low is None and high is None:
            message = f"the bounds of {name} are infinite, so they hold nothing"
            raise GdcliError("bound", message, f"for example: --bound {name}=-2:2")
        if low is not None and high is not None and low > high:
            message = f"the lower bound of {name}, {exactly(low)}, is above the upper bound, {exactly(high)}"
            raise GdcliError("bound", message, f"for example: --bound {name}={exactly(high)}:{exactly(low)}")
    if isinstance(settings, MinimizeSettings) and settings.update == "rebind" and not row.can_rebind:
        message = f"{settings.optimizer} always updates in place, so there is nothing to rebind"
        can = " or ".join(each.name for each in RULES.values() if each.can_rebind)
        raise GdcliError("optimizer", message, f"leave out --update or use --optimizer {can}")
    if row.no_clipping and (settings.clip_norm or settings.clip_value):
        message = f"{row.name} {row.no_clipping}"
        raise GdcliError("optimizer", message, "leave out the clipping, or use another optimizer")


def _check_factors(factors: Mapping[str, float]) -> None:
    """Raise GdcliError for a factor of the learning rate without a valid iteration, or one that is not finite."""
    for iteration, factor in factors.items():
        if not _ITERATION.fullmatch(iteration):
            message = f"lr_factor needs an iteration, a non-negative integer, not '{iteration}'"
            raise GdcliError("lr-factor", message, _FACTOR_EXAMPLE)
        if not math.isfinite(factor):
            raise GdcliError("lr-factor", f"the factor from iteration {iteration} on is not finite", _FACTOR_EXAMPLE)
