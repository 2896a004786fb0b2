"""Minimizing an expression."""

from __future__ import annotations

from msgspec.structs import replace

from gdcli.defaults import complete_minimize
from gdcli.descent.loop import Descent
from gdcli.results import MinimizeResult, Step
from gdcli.settings import MinimizeSettings
from gdcli.tensors import prepare, resolve_device


class MinimizeDescent(Descent):
    """The descent of ``minimize``."""

    command = "minimize"
    settings: MinimizeSettings

    def record(self, iterations: list[Step]) -> MinimizeResult:
        """The whole record, once the descent has ended."""
        outcome = self.outcome
        return MinimizeResult(
            settings=self.settings,
            status=outcome.status,
            message=outcome.message,
            iterations=iterations,
            result=outcome.result,
            best=outcome.best,
            tensors=outcome.tensors,
            warnings=outcome.warnings,
        )

    def result(self) -> MinimizeResult:
        """Run to the end and return the whole record."""
        return self.record(list(self))


def minimize(settings: MinimizeSettings) -> MinimizeDescent:
    """The descent that the settings describe, ready to be iterated.

    Raises:
        GdcliError: for an expression, a value or an option that does not fit.
    """
    settings = complete_minimize(settings)
    settings = replace(settings, device=resolve_device(settings.device))
    return MinimizeDescent(settings, lambda: prepare(settings.expression, settings, settings.wrt))
