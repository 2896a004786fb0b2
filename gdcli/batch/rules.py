"""Which rule steps the runs of a batch."""

from __future__ import annotations

from typing import Protocol

import torch

from gdcli.batch.elementwise import ELEMENTWISE, State
from gdcli.batch.grouped import GroupedRule
from gdcli.batch.lbfgs import BatchLbfgs
from gdcli.batch.objective import BatchObjective
from gdcli.batch.parameters import Parameters
from gdcli.errors import GdcliError
from gdcli.rules.catalogue import RULES

# float16 and bfloat16 compute with floats of more digits than they hold: a tensor of rates would be rounded before.
_FULL_PRECISION = (torch.float32, torch.float64)


class ElementwiseRule:
    """A rule that steps all runs by one of the functions of ``elementwise``."""

    def __init__(self, name: str, parameters: Parameters, objective: BatchObjective) -> None:
        self.update = ELEMENTWISE[name]
        self.parameters = parameters
        self.objective = objective
        self.state: State = {}
        self.t = 0

    def step(self, alive: torch.Tensor) -> int:  # noqa: ARG002 -- one more step of a run that has ended costs less
        """Make a step of all runs; they need no evaluation for it."""
        self.t += 1
        x = self.objective.x
        moved, self.state = self.update(x, self._gradient(), self.state, self.parameters, self.t)
        x.copy_(moved)
        return 0

    def _gradient(self) -> torch.Tensor:
        """The gradient to go against."""
        gradient = self.objective.gradient
        return -gradient if self.parameters.plain("maximize") else gradient


class BatchRule(Protocol):
    """Steps the points of a batch."""

    def step(self, alive: torch.Tensor) -> torch.Tensor | int:
        """Make a step of the runs that are alive; returns how many evaluations each took."""


def batch_rule(name: str, parameters: Parameters, objective: BatchObjective) -> BatchRule:
    """A rule that is ready to step all runs of ``objective``.

    Raises:
        GdcliError: for a rule that can not be batched.
    """
    if not is_batchable(name):
        raise GdcliError("optimizer", f"{name} depends on whole tensors, so its runs cannot be batched")
    if not RULES[name].elementwise:
        return BatchLbfgs(objective, parameters)
    if objective.x.dtype in _FULL_PRECISION and name in ELEMENTWISE:
        return ElementwiseRule(name, parameters, objective)
    return GroupedRule(name, parameters, objective)


def is_batchable(name: str) -> bool:
    """Whether a rule treats each element on its own, or has a form for many runs, as lbfgs does."""
    return RULES[name].elementwise or RULES[name].has_batch_form


def is_memoryless(name: str, momentum: float | torch.Tensor) -> bool | torch.Tensor:
    """Whether a step that moves nothing is followed by none that does; a tensor for a tensor of momenta.

    L-BFGS counts among these rules: where it does not move, it has nothing new to remember.
    """
    return RULES[name].rests or ((momentum == 0) & (not RULES[name].remembers))
