"""The rules of single runs, stepping the runs of a batch that have the same parameters together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import torch

from gdcli.batch.objective import BatchObjective
from gdcli.batch.parameters import Parameters
from gdcli.rules.catalogue import RULES
from gdcli.rules.make import class_of
from gdcli.rules.rule import UpdateRule
from gdcli.rules.torch_optim import TorchOptimizer


@dataclass(frozen=True, slots=True)
class _Group:
    """Runs that have the same parameters, and the rule that moves ``x``, a copy of their points."""

    runs: torch.Tensor
    rule: UpdateRule
    x: torch.Tensor


class GroupedRule:
    """Any elementwise rule, as many of it as there are distinct combinations of parameters."""

    def __init__(self, name: str, parameters: Parameters, objective: BatchObjective) -> None:
        self.objective = objective
        self.groups = [_group(name, objective.x[:, runs], runs, given) for runs, given in parameters.groups()]

    def step(self, alive: torch.Tensor) -> int:
        """Make a step of the runs that are alive; they need no evaluation for it."""
        for group in self.groups:
            if bool(alive[group.runs].any()):
                with torch.no_grad():
                    group.x.copy_(self.objective.x[:, group.runs])
                group.x.grad = self.objective.gradient[:, group.runs]
                group.rule.step(_nothing_more)
                self.objective.x[:, group.runs] = group.x.detach()
        return 0


def _group(name: str, x: torch.Tensor, runs: torch.Tensor, given: dict[str, object]) -> _Group:
    row = RULES[name]
    rest = {key: value for key, value in given.items() if key != "lr"}
    rates = {"x": float(given["lr"])}  # type: ignore[arg-type]
    rule = TorchOptimizer(class_of(row), {"x": x}, rates, rest) if row.path else class_of(row)({"x": x}, rates, rest)
    return _Group(runs, rule, x)


def _nothing_more() -> NoReturn:
    raise AssertionError("an elementwise rule does not evaluate the loss within a step")
