"""Update rules written by hand: what a lecture puts on the board, as code."""

from __future__ import annotations

from typing import Any

import torch

from gdcli.contract.fields import Nested
from gdcli.rules.rule import Evaluate, Rates, Tensors
from gdcli.tensors import plain


class ByHand:
    """What the rules by hand share: the variables, their rates, and what they were given."""

    def __init__(self, tensors: Tensors, rates: Rates, given: dict[str, Any]) -> None:
        self.variables = tensors
        self.rates = rates
        self.given = given
        self.maximize: bool = given["maximize"]
        self.no_grad = torch.no_grad()

    def memory(self, name: str) -> dict[str, Nested]:  # noqa: ARG002 -- for rules that remember
        """What the rule knows of a variable beside its rate."""
        return {}

    def numbers(self, name: str) -> dict[str, Nested]:  # noqa: ARG002 -- the same for every variable
        """The numbers that the rule was given."""
        return plain_numbers(self.given)


class Elementwise(ByHand):
    """A rule that looks at one gradient, and treats each element on its own."""

    def __init__(self, tensors: Tensors, rates: Rates, given: dict[str, Any]) -> None:
        super().__init__(tensors, rates, given)
        self.weight_decay: float = given["weight_decay"]

    def step(self, evaluate: Evaluate) -> None:  # noqa: ARG002 -- one look is enough
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


class Manual(Elementwise):
    """The notebook's own loop: ``x -= lr * x.grad``."""

    def move(self, name: str, x: torch.Tensor, g: torch.Tensor) -> None:
        """Move ``x``."""
        x -= self.rates[name] * g


class Momentum(Elementwise):
    """Polyak's heavy ball, in PyTorch's convention: the buffer starts as the first gradient."""

    def __init__(self, tensors: Tensors, rates: Rates, given: dict[str, Any]) -> None:
        super().__init__(tensors, rates, given)
        self.momentum: float = given["momentum"]
        self.v = zeros_like(tensors)

    def move(self, name: str, x: torch.Tensor, g: torch.Tensor) -> None:
        """Move ``x``."""
        v = self.v[name] = self.momentum * self.v[name] + g
        x -= self.rates[name] * v

    def memory(self, name: str) -> dict[str, Nested]:
        """The buffer."""
        return {"buffer": plain(self.v[name])}


class Nesterov(Momentum):
    """Nesterov's momentum: the gradient is taken to be the one ahead (Sutskever et al. 2013)."""

    def move(self, name: str, x: torch.Tensor, g: torch.Tensor) -> None:
        """Move ``x``."""
        v = self.v[name] = self.momentum * self.v[name] + g
        x -= self.rates[name] * (g + self.momentum * v)


class Adam(Elementwise):
    """Kingma and Ba (2015), algorithm 1."""

    def __init__(self, tensors: Tensors, rates: Rates, given: dict[str, Any]) -> None:
        super().__init__(tensors, rates, given)
        self.betas: tuple[float, float] = given["betas"]
        self.eps: float = given["eps"]
        self.t = dict.fromkeys(tensors, 0)
        self.m, self.v = zeros_like(tensors), zeros_like(tensors)

    def move(self, name: str, x: torch.Tensor, g: torch.Tensor) -> None:
        """Move ``x``."""
        b1, b2 = self.betas
        t = self.t[name] = self.t[name] + 1
        m = self.m[name] = b1 * self.m[name] + (1 - b1) * g
        v = self.v[name] = b2 * self.v[name] + (1 - b2) * g**2
        x -= self.rates[name] * (m / (1 - b1**t)) / (torch.sqrt(v / (1 - b2**t)) + self.eps)

    def memory(self, name: str) -> dict[str, Nested]:
        """The two moments, and the number of steps."""
        return {"mean": plain(self.m[name]), "square": plain(self.v[name]), "t": self.t[name]}


class RMSprop(Elementwise):
    """Tieleman and Hinton (2012): as torch.optim.RMSprop has it, or with ``eps`` inside the root."""

    def __init__(self, tensors: Tensors, rates: Rates, given: dict[str, Any]) -> None:
        super().__init__(tensors, rates, given)
        self.alpha: float = given["alpha"]
        self.eps: float = given["eps"]
        self.eps_inside: bool = given["eps_inside"]
        self.v = zeros_like(tensors)

    def move(self, name: str, x: torch.Tensor, g: torch.Tensor) -> None:
        """Move ``x``."""
        v = self.v[name] = self.alpha * self.v[name] + (1 - self.alpha) * g**2
        root = torch.sqrt(v + self.eps) if self.eps_inside else torch.sqrt(v) + self.eps
        x -= self.rates[name] * g / root

    def memory(self, name: str) -> dict[str, Nested]:
        """The mean of squared gradients."""
        return {"square": plain(self.v[name])}


class Rebind:
    """The notebook's last cell: ``x = x - lr * x.grad``, inside the graph. The new x is not a leaf any more."""

    def __init__(self, tensors: Tensors, wrt: tuple[str, ...], rates: Rates) -> None:
        self.tensors = tensors
        self.wrt = wrt
        self.rates = rates

    def step(self, evaluate: Evaluate) -> None:  # noqa: ARG002 -- one look is enough
        """Put new tensors in the place of the variables."""
        for name in self.wrt:
            x = self.tensors[name]
            if x.is_leaf and x.grad is not None:
                x = x - self.rates[name] * x.grad
                self.tensors[name] = x.requires_grad_(True)

    def memory(self, name: str) -> dict[str, Nested]:  # noqa: ARG002 -- it has none
        """Nothing."""
        return {}

    def numbers(self, name: str) -> dict[str, Nested]:  # noqa: ARG002 -- nor parameters
        """Nothing."""
        return {}


def zeros_like(tensors: Tensors) -> Tensors:
    """A tensor of zeros for each variable."""
    return {name: torch.zeros_like(x, requires_grad=False) for name, x in tensors.items()}


def plain_numbers(given: dict[str, Any]) -> dict[str, Nested]:
    """Those of some parameters that are single numbers, and the two of ``betas``."""
    found: dict[str, Nested] = {key: value for key, value in given.items() if isinstance(value, (bool, int, float))}
    if "betas" in given:
        found |= {"beta1": given["betas"][0], "beta2": given["betas"][1]}
    return found
