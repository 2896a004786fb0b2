"""Update rules written by hand: what a lecture puts on the board, as code.

Each rule holds the tensors that it moves and ``step`` moves them once by their ``.grad``; a variable
without a gradient stays. ``rates`` are the learning rates by variable, and a schedule may change them between steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

from gdcli.descent.evaluation import Evaluation

Tensors = dict[str, torch.Tensor]
Rates = dict[str, float]


class UpdateRule(Protocol):
    """One step of an update rule."""

    rates: Rates

    def step(self, evaluate: Evaluation) -> None:
        """Move the variables."""


class HandWritten:
    """What the rules by hand share: the variables, their rates, weight decay, and the direction."""

    def __init__(self, tensors: Tensors, rates: Rates, *, weight_decay: float = 0.0, maximize: bool = False) -> None:
        self.variables = tensors
        self.rates = rates
        self.weight_decay = weight_decay
        self.maximize = maximize
        self.no_grad = torch.no_grad()

    def step(self, evaluate: Evaluation) -> None:  # noqa: ARG002 -- one look is enough
        """Move the variables."""
        with self.no_grad:
            for name, x in self.variables.items():
                if x.grad is not None:
                    self.move(name, x, self.against(x, x.grad))

    def against(self, x: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
        """The gradient to go against: with the sign of the direction, and weight decay added."""
        g = -grad if self.maximize else grad
        return g + self.weight_decay * x if self.weight_decay else g

    def move(self, name: str, x: torch.Tensor, g: torch.Tensor) -> None:
        """Move ``x``, of any shape, by its gradient ``g`` of the same shape."""
        raise NotImplementedError


class Manual(HandWritten):
    """The notebook's own loop: ``x -= lr * x.grad``."""

    def move(self, name: str, x: torch.Tensor, g: torch.Tensor) -> None:
        """Move ``x``."""
        x -= self.rates[name] * g


class Momentum(HandWritten):
    """Polyak's heavy ball, in PyTorch's convention: the buffer starts as the first gradient."""

    def __init__(self, tensors: Tensors, rates: Rates, *, momentum: float = 0.9, **shared: float) -> None:
        super().__init__(tensors, rates, **shared)  # type: ignore[arg-type]
        self.momentum = momentum
        self.v = {name: torch.zeros_like(x, requires_grad=False) for name, x in tensors.items()}

    def move(self, name: str, x: torch.Tensor, g: torch.Tensor) -> None:
        """Move ``x``."""
        v = self.v[name] = self.momentum * self.v[name] + g
        x -= self.rates[name] * v


class Nesterov(Momentum):
    """Nesterov's momentum: the gradient is taken to be the one ahead (Sutskever et al. 2013)."""

    def move(self, name: str, x: torch.Tensor, g: torch.Tensor) -> None:
        """Move ``x``."""
        v = self.v[name] = self.momentum * self.v[name] + g
        x -= self.rates[name] * (g + self.momentum * v)


class Adam(HandWritten):
    """Kingma and Ba (2015), algorithm 1."""

    def __init__(
        self,
        tensors: Tensors,
        rates: Rates,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        **shared: float,
    ) -> None:
        super().__init__(tensors, rates, **shared)  # type: ignore[arg-type]
        self.betas = betas
        self.eps = eps
        self.t = dict.fromkeys(tensors, 0)
        self.m = {name: torch.zeros_like(x, requires_grad=False) for name, x in tensors.items()}
        self.v = {name: torch.zeros_like(x, requires_grad=False) for name, x in tensors.items()}

    def move(self, name: str, x: torch.Tensor, g: torch.Tensor) -> None:
        """Move ``x``."""
        b1, b2 = self.betas
        t = self.t[name] = self.t[name] + 1
        m = self.m[name] = b1 * self.m[name] + (1 - b1) * g
        v = self.v[name] = b2 * self.v[name] + (1 - b2) * g**2
        x -= self.rates[name] * (m / (1 - b1**t)) / (torch.sqrt(v / (1 - b2**t)) + self.eps)


class Rebind:
    """The notebook's last cell: ``x = x - lr * x.grad``, inside the graph. The new x is not a leaf any more."""

    def __init__(self, tensors: Tensors, wrt: tuple[str, ...], rates: Rates) -> None:
        self.tensors = tensors
        self.wrt = wrt
        self.rates = rates

    def step(self, evaluate: Evaluation) -> None:  # noqa: ARG002 -- one look is enough
        """Put new tensors in the place of the variables."""
        for name in self.wrt:
            x = self.tensors[name]
            if x.is_leaf and x.grad is not None:
                x = x - self.rates[name] * x.grad
                self.tensors[name] = x.requires_grad_(True)


HAND_WRITTEN: dict[str, Callable[..., HandWritten]] = {
    "manual": Manual,
    "manual-momentum": Momentum,
    "manual-nesterov": Nesterov,
    "manual-adam": Adam,
}
