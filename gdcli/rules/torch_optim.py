"""The optimizers of torch.optim as update rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from gdcli.contract.fields import Nested
from gdcli.rules.by_hand import plain_numbers
from gdcli.rules.rule import Evaluate, Rates, Tensors
from gdcli.tensors import plain

# What the optimizers of torch.optim remember of a variable: the names in their state, and ours.
_MEMORY = {
    "momentum_buffer": "buffer",
    "exp_avg": "mean",
    "exp_avg_sq": "square",
    "max_exp_avg_sq": "largest",
    "square_avg": "square",
    "sum": "sum",
    "step": "t",
}


class TorchOptimizer:
    """An optimizer of torch.optim, with a parameter group for each variable."""

    def __init__(self, make: Any, tensors: Tensors, rates: Rates, parameters: Mapping[str, Any]) -> None:
        names = list(tensors)
        if len(set(rates.values())) == 1:  # one group, as a script would have it
            self.optimizer = make(list(tensors.values()), lr=rates[names[0]], **parameters)
            self._names = [names]
        else:
            self.optimizer = make([{"params": [tensors[n]], "lr": rates[n]} for n in names], **parameters)
            self._names = [[name] for name in names]
        self._rates = dict(rates)
        self._by_name = dict(tensors)

    @property
    def rates(self) -> Rates:
        """The learning rate of each variable."""
        for names, group in zip(self._names, self.optimizer.param_groups, strict=True):
            rate = float(group["lr"])
            for name in names:
                self._rates[name] = rate
        return self._rates

    @rates.setter
    def rates(self, rates: Rates) -> None:
        for names, group in zip(self._names, self.optimizer.param_groups, strict=True):
            group["lr"] = rates[names[0]]

    def step(self, evaluate: Evaluate) -> None:  # noqa: ARG002 -- one look is enough
        """Move the variables."""
        self.optimizer.step()

    def memory(self, name: str) -> dict[str, Nested]:
        """What the optimizer keeps of a variable, by our names."""
        state = self.optimizer.state.get(self._by_name[name], {})
        found = {_MEMORY[key]: value for key, value in state.items() if key in _MEMORY}
        return {key: plain(value) if isinstance(value, torch.Tensor) else value for key, value in found.items()}

    def numbers(self, name: str) -> dict[str, Nested]:
        """The numbers in the parameter group of a variable, but its learning rate."""
        groups: list[dict[str, Any]] = self.optimizer.param_groups
        group = next(group for names, group in zip(self._names, groups, strict=True) if name in names)
        return plain_numbers({key: value for key, value in group.items() if key != "lr"})


class ClosureOptimizer(TorchOptimizer):
    """An optimizer of torch.optim that evaluates the loss several times in a step."""

    def step(self, evaluate: Evaluate) -> None:
        """Move the variables."""

        def closure() -> float:
            self.optimizer.zero_grad()
            return evaluate().item()

        self.optimizer.step(closure)
        self.optimizer.zero_grad()
