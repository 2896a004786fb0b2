"""Update rules: what happens to the variables between two evaluations of the loss.

Each rule holds the tensors that it moves, by name, and ``step`` moves them once by their ``.grad`` and clears it.
"""

from __future__ import annotations

from typing import Protocol

import torch

from gdcli.errors import GdcliError
from gdcli.settings import FitLinearSettings, MinimizeSettings


class UpdateRule(Protocol):
    """One step of an update rule."""

    def step(self) -> None:
        """Move the variables."""


class Manual:
    """The notebook's own loop: ``x -= lr * x.grad``, outside the graph. A variable without a gradient stays."""

    def __init__(self, tensors: dict[str, torch.Tensor], wrt: tuple[str, ...], lr: float) -> None:
        self.variables = [tensors[name] for name in wrt]
        self.lr = lr
        self.no_grad = torch.no_grad()

    def step(self) -> None:
        """Move the variables and clear their gradients."""
        with self.no_grad:
            for x in self.variables:
                if x.grad is not None:
                    x -= self.lr * x.grad  # noqa: PLW2901 -- in place
                    x.grad.zero_()


class Rebind:
    """The notebook's last cell: ``x = x - lr * x.grad``, inside the graph. The new x is not a leaf any more."""

    def __init__(self, tensors: dict[str, torch.Tensor], wrt: tuple[str, ...], lr: float) -> None:
        self.tensors = tensors
        self.wrt = wrt
        self.lr = lr

    def step(self) -> None:
        """Put new tensors in the place of the variables."""
        for name in self.wrt:
            x = self.tensors[name]
            if x.is_leaf and x.grad is not None:
                x = x - self.lr * x.grad
                self.tensors[name] = x.requires_grad_(True)


class TorchOptimizer:
    """An optimizer of torch.optim."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer

    def step(self) -> None:
        """Move the variables and clear their gradients."""
        self.optimizer.step()
        self.optimizer.zero_grad()


def update_rule(
    settings: MinimizeSettings | FitLinearSettings, tensors: dict[str, torch.Tensor], wrt: tuple[str, ...]
) -> UpdateRule:
    """The rule that the settings describe.

    Raises:
        GdcliError: for options that do not go together.
    """
    rebind = isinstance(settings, MinimizeSettings) and settings.update == "rebind"
    if settings.optimizer == "manual":
        return Rebind(tensors, wrt, settings.lr) if rebind else Manual(tensors, wrt, settings.lr)
    try:
        optimizer = torch.optim.SGD(
            [tensors[name] for name in wrt],
            lr=settings.lr,
            momentum=settings.momentum,
            dampening=settings.dampening,
            weight_decay=settings.weight_decay,
            nesterov=settings.nesterov,
        )
    except ValueError as error:
        raise GdcliError("optimizer", f"torch.optim.SGD refuses this: {error}") from error
    return TorchOptimizer(optimizer)


def check_options(settings: MinimizeSettings | FitLinearSettings) -> None:
    """Raise GdcliError when the settings hold an option that their rule would ignore."""
    if settings.optimizer == "manual":
        for name in ("momentum", "dampening", "weight_decay", "nesterov"):
            if getattr(settings, name):
                message = f"{name} is an option of torch.optim.SGD, and the rule here is manual"
                raise GdcliError("optimizer", message, "add --optimizer sgd")
    elif isinstance(settings, MinimizeSettings) and settings.update == "rebind":
        message = "torch.optim.SGD always updates in place, so there is nothing to rebind"
        raise GdcliError("optimizer", message, "leave out --update or use --optimizer manual")
