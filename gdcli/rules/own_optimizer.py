"""An own class of optimizers at work."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import Any

import torch

from gdcli.contract.fields import Nested
from gdcli.errors import GdcliError, OutsideError
from gdcli.rules.own import OwnRow, described, place_of, quiet
from gdcli.rules.rule import Evaluate, Rates, Tensors
from gdcli.rules.torch_optim import TorchOptimizer
from gdcli.tensors import Problem, plain


class OwnOptimizer(TorchOptimizer):
    """The steps of an own class, which is called as a script would call it."""

    def __init__(
        self, row: OwnRow, tensors: Tensors, rates: Rates, parameters: Mapping[str, Any], problem: Problem | None
    ) -> None:
        """Make an optimizer of the class.

        Raises:
            GdcliError: for arguments that the class rejects.
        """
        self._row = row
        self._problem = problem
        self._shapes = {name: x.shape for name, x in tensors.items()}
        # In Python, an exit is the caller's; on the command line it would end gdcli without a word.
        self._caught: tuple[type[BaseException], ...] = (Exception,) if row.speaks else (Exception, SystemExit)

        def make(groups: Any, **given: Any) -> Any:
            with self._output():
                if math.isnan(next(iter(rates.values()))):  # the class has a rate of its own, or none
                    del given["lr"]
                elif row.needs_lr:  # though the groups have rates of their own
                    given.setdefault("lr", next(iter(rates.values())))
                return row.made(groups, **given)

        try:
            super().__init__(make, tensors, rates, parameters)
        except self._caught as error:
            message = f"{row.name} rejects these arguments: {described(error)}"
            raise GdcliError("optimizer", message, _parameters_of(row)) from error

    def _output(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._row.speaks else quiet()

    @property
    def rates(self) -> Rates:
        """The learning rate of each variable; nan for a class that has none."""
        for names, group in zip(self._names, self.optimizer.param_groups, strict=False):
            self._rates |= dict.fromkeys(names, float(group.get("lr", math.nan)))
        return self._rates

    @rates.setter
    def rates(self, rates: Rates) -> None:
        for names, group in zip(self._names, self.optimizer.param_groups, strict=False):
            group["lr"] = rates[names[0]]

    def step(self, evaluate: Evaluate) -> None:
        """Move the variables.

        Raises:
            OutsideError: for an error in the code of the class, and a variable whose shape it changed.
        """
        for x in self._by_name.values():
            if x.grad is not None:  # the state keeps the gradient as it was, and a step may change it
                x.grad = x.grad.clone()

        def closure() -> torch.Tensor:
            self._check_shapes()
            self.optimizer.zero_grad()
            with torch.enable_grad():
                return evaluate()

        try:
            with self._output():
                if self._row.evaluates:
                    self.optimizer.step(closure)
                    self.optimizer.zero_grad()
                else:
                    self.optimizer.step()
        except GdcliError:
            raise
        except self._caught as error:
            if self._problem is not None and error is self._problem.objective.raised:
                raise
            message = f"the step of {self._row.name} failed: {described(error)}"
            raise OutsideError("optimizer", message, place_of(error)) from error
        self._check_shapes()

    def _check_shapes(self) -> None:
        """Raise OutsideError for a variable that a step gave another shape."""
        for name, x in self._by_name.items():
            if x.shape != self._shapes[name]:
                shapes = f"from {tuple(self._shapes[name])} to {tuple(x.shape)}"
                message = f"the step of {self._row.name} changed the shape of {name} {shapes}"
                raise OutsideError("optimizer", message, "a step changes numbers alone: p.add_(...), p.copy_(...)")

    def memory(self, name: str) -> dict[str, Nested]:
        """The tensors and numbers that the optimizer keeps of a variable, by its own names."""
        state = self.optimizer.state.get(self._by_name[name], {})
        found = {str(key): plain(each) if isinstance(each, torch.Tensor) else each for key, each in state.items()}
        return {key: each for key, each in found.items() if isinstance(each, (bool, int, float, list))}


def _parameters_of(row: OwnRow) -> str:
    """What parameters a class has, as a hint."""
    names = ", ".join(row.parameters)
    return f"its parameters are {names}; --opt {next(iter(row.parameters))}=VALUE sets one" if names else ""
