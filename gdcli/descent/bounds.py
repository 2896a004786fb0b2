"""Bounds of the variables: the projected gradient method."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from gdcli.contract.descent import Act
from gdcli.contract.short import exactly
from gdcli.descent.evaluation import Evaluation
from gdcli.errors import GdcliError
from gdcli.rules.rule import UpdateRule

Bounds = Mapping[str, tuple[float | None, float | None]]
"""The least and the greatest value of each element of a variable; None where there is no bound."""


class Bounded:
    """A rule whose variables are put onto their bounds when a step has left them (projected gradient)."""

    def __init__(self, rule: UpdateRule, variables: Mapping[str, torch.Tensor], bounds: Bounds) -> None:
        """Take a rule.

        Raises:
            GdcliError: when a variable starts outside its bounds.
        """
        self.rule = rule
        self.variables = variables
        self.bounds = bounds
        check_start(bounds, variables)

    def step(self, evaluate: Evaluation) -> None:
        """Make the step, and put the variables that have left their bounds onto them."""
        self.rule.step(evaluate)
        evaluate.acts += self.project()

    def project(self) -> list[Act]:
        """Put the variables that have left their bounds onto them; what was done."""
        acts = []
        with torch.no_grad():
            for name, (low, high) in self.bounds.items():
                x = self.variables[name]
                outside = x.clamp(low, high)
                moved = (x - outside).abs().nan_to_num(nan=0.0)  # a NaN stays, and ends the run
                farthest = float(moved.max())
                if farthest > 0:
                    x.copy_(outside)
                    acts.append(Act("bound", name, farthest, 0.0))
        return acts


def check_start(bounds: Bounds, variables: Mapping[str, torch.Tensor]) -> None:
    """Raise GdcliError when a variable starts outside its bounds."""
    for name, (low, high) in bounds.items():
        x = variables[name].detach()
        if bool(x.isnan().any()):
            message = f"the start of {name} is nan, which is not within its bounds, {_range(low, high)}"
            raise GdcliError("bound", message, "choose a start within the bounds")
        if (low is not None and bool((x < low).any())) or (high is not None and bool((x > high).any())):
            message = f"the start of {name} lies outside its bounds, {_range(low, high)}"
            ends = [
                None if low is None else min(low, float(x.min())),
                None if high is None else max(high, float(x.max())),
            ]
            wider = f"--bound {name}={':'.join('' if end is None else exactly(end) for end in ends)}"
            raise GdcliError("bound", message, f"choose a start within the bounds, or wider bounds: {wider}")


def _range(low: float | None, high: float | None) -> str:
    return f"{'' if low is None else f'{low:g}'}:{'' if high is None else f'{high:g}'}"
