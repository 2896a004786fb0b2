"""Minimizing an expression."""

from __future__ import annotations

from msgspec.structs import replace

from gdcli.defaults import complete_minimize
from gdcli.descent.loop import Descent
from gdcli.results import MinimizeResult
from gdcli.settings import MinimizeSettings
from gdcli.tensors import prepare, resolve_device


class MinimizeDescent(Descent[MinimizeResult]):
    """The descent of ``minimize``."""

    command = "minimize"
    record_type = MinimizeResult
    settings: MinimizeSettings


def minimize(settings: MinimizeSettings) -> MinimizeDescent:
    """The descent that the settings describe, ready to be iterated.

    Raises:
        GdcliError: for an expression, a value or an option that does not fit.
    """
    settings = complete_minimize(settings)
    settings = replace(settings, device=resolve_device(settings.device))
    return MinimizeDescent(settings, lambda: prepare(settings.expression, settings, settings.wrt))
