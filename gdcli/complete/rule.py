"""Checks of the options of an update rule."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Literal

from gdcli.contract.descent import FitLinearSettings, MinimizeSettings
from gdcli.errors import GdcliError
from gdcli.rules.catalogue import RULES

_ITERATION = re.compile("0|[1-9][0-9]{0,12}")
_FACTOR_EXAMPLE = "for example: --lr-factor 50=0.5"


def usual_rate(settings: MinimizeSettings | FitLinearSettings) -> float | Literal["auto"]:
    """The learning rate: the given one, or that of the rule."""
    return RULES[settings.optimizer].lr if settings.lr is None else settings.lr


def check_rule(settings: MinimizeSettings | FitLinearSettings, wrt: list[str]) -> None:
    """Raise GdcliError for options of the update that do not go together, or name what does not move."""
    row, listed = RULES[settings.optimizer], f"the variables are {', '.join(wrt)}"
    for name in settings.lrs:
        if name not in wrt:
            message = f"--lr.{name} is for a variable, and there is no '{name}' that moves"
            raise GdcliError("lr", message, listed)
    _check_factors(settings.lr_factor)
    for name, (low, high) in settings.bound.items():
        if name not in wrt:
            raise GdcliError("bound", f"there is no variable '{name}' to bound", listed)
        if low is not None and high is not None and low > high:
            message = f"the lower bound of {name}, {low:g}, is above the upper one, {high:g}"
            raise GdcliError("bound", message, f"for example: --bound {name}={high:g}:{low:g}")
    if isinstance(settings, MinimizeSettings) and settings.update == "rebind" and not row.can_rebind:
        message = f"{settings.optimizer} always updates in place, so there is nothing to rebind"
        can = " or ".join(each.name for each in RULES.values() if each.can_rebind)
        raise GdcliError("optimizer", message, f"leave out --update or use --optimizer {can}")
    if row.no_clipping and (settings.clip_norm or settings.clip_value):
        message = f"{row.name} {row.no_clipping}"
        raise GdcliError("optimizer", message, "leave out the clipping, or choose another rule")


def _check_factors(factors: Mapping[str, float]) -> None:
    """Raise GdcliError for a factor of the learning rate that belongs to no iteration, or is not finite."""
    for iteration, factor in factors.items():
        if not _ITERATION.fullmatch(iteration):
            message = f"lr_factor belongs to an iteration, a whole number of at least 0, not '{iteration}'"
            raise GdcliError("lr-factor", message, _FACTOR_EXAMPLE)
        if not math.isfinite(factor):
            raise GdcliError("lr-factor", f"the factor from iteration {iteration} on is not finite", _FACTOR_EXAMPLE)
