"""What is known of a rule on a quadratic: the rates that work, and how fast they are.

On a quadratic with curvature A a rule whose step is linear in the gradient moves the error along each eigenvector of A
on its own: e -> (1 - lr * a) * e for plain gradient descent, and with momentum the next error is made of the last two.
The largest root of that recurrence, over all eigenvalues, is the factor per step in the end.

L is the largest eigenvalue, mu the smallest that counts, kappa = L / mu the condition number.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable

from msgspec import Struct

from gdcli.contract.descent import DescentSettings, MinimizeSettings
from gdcli.rules.catalogue import RULES
from gdcli.rules.row import LinearKind

MILLIONTH = 1e-6
"""The tolerance of predicted numbers of steps: the gradient becomes so many times what it was at the start."""


class LinearRule(Struct, frozen=True):
    """A rule whose steps are linear in the gradient, in the convention of torch.optim.SGD.

    ``gain`` is what it multiplies the learning rate with: 1 - dampening, with momentum.
    """

    kind: LinearKind
    momentum: float = 0.0
    gain: float = 1.0

    def bound(self, largest: float) -> float:
        """The learning rate from which on an error along curvature ``largest`` grows.

        2 / L (Nesterov 2004, section 1.2.3); with momentum b, 2 (1 + b) / L for the heavy ball (Polyak 1964; Goh 2017),
        and 2 (1 + b) / ((1 + 2 b) L) for Nesterov's: where a root of z**2 - (1 + b) (1 - lr L) z + b (1 - lr L) is -1.
        """
        if self.momentum >= 1:
            return 0.0
        if largest <= 0:
            return math.inf
        if self.kind == "nesterov":
            return 2 * (1 + self.momentum) / ((1 + 2 * self.momentum) * largest)
        return 2 * (1 + self.momentum) / (largest * self.gain)

    @property
    def bound_text(self) -> str:
        """The bound in symbols."""
        if self.kind == "plain":
            return "2/L"
        if self.kind == "nesterov":
            return "2 (1 + momentum) / ((1 + 2 momentum) L)"
        return "2 (1 + momentum) / L" if self.gain == 1 else "2 (1 + momentum) / ((1 - dampening) L)"

    def factor(self, lr: float, eigenvalue: float) -> float:
        """What a step multiplies the error along this eigenvalue with, in size and in the end."""
        b, a = self.momentum, lr * self.gain * eigenvalue
        if self.kind == "nesterov":
            half, product = (1 + b) * (1 - a) / 2, b * (1 - a)
        else:
            half, product = (1 + b - a) / 2, b
        root = cmath.sqrt(half * half - product)
        return max(abs(half + root), abs(half - root))

    def worst(self, lr: float, eigenvalues: Iterable[float]) -> tuple[float, float]:
        """The largest factor, and the eigenvalue that has it."""
        return max((self.factor(lr, eigenvalue), eigenvalue) for eigenvalue in eigenvalues)

    def best_rate(self, smallest: float, largest: float) -> float:
        """The fixed learning rate whose largest factor is smallest, for this momentum.

        2 / (mu + L) for plain gradient descent (Nesterov 2004, theorem 2.1.15). With momentum, of 1,000 rates below
        the bound that are half a percent apart, the middle one of those that are best: a heavy ball has the factor
        sqrt(momentum) over a whole range of rates (Goh 2017).
        """
        if self.kind == "plain":
            return 2 / (smallest + largest)
        rates = [self.bound(largest) * 0.995**k for k in range(1, 1000)]
        factors = [self.worst(lr, (smallest, largest))[0] for lr in rates]
        good = [lr for lr, factor in zip(rates, factors, strict=True) if factor <= min(factors) * (1 + 1e-9)]
        return good[len(good) // 2]


PLAIN = LinearRule("plain")


def linear_rule(settings: DescentSettings) -> LinearRule | None:
    """The rule of the settings, where this theory holds for it."""
    if isinstance(settings, MinimizeSettings) and settings.update == "rebind":
        return None
    kind, momentum = RULES[settings.optimizer].linear, settings.momentum or 0.0
    if kind is None:
        return None
    if not momentum:
        return PLAIN
    return (
        LinearRule("nesterov", momentum)
        if settings.nesterov
        else LinearRule(kind, momentum, 1 - (settings.dampening or 0.0))
    )


class Tuned(Struct, frozen=True):
    """A rule with its best parameters, and its factor per step."""

    lr: float
    momentum: float
    factor: float


def best_heavy_ball(smallest: float, largest: float) -> Tuned:
    """The heavy ball with the best parameters on a quadratic (Polyak 1964).

    momentum = ((sqrt(kappa) - 1) / (sqrt(kappa) + 1))**2, lr = 4 / (sqrt(L) + sqrt(mu))**2, factor sqrt(momentum).
    """
    low, high = math.sqrt(smallest), math.sqrt(largest)
    factor = (high - low) / (high + low)
    return Tuned(4 / (high + low) ** 2, factor**2, factor)


def safe_nesterov(smallest: float, largest: float) -> Tuned:
    """Nesterov's constant momentum, which needs no quadratic: any strongly convex loss with curvature in [mu, L].

    momentum = (sqrt(kappa) - 1) / (sqrt(kappa) + 1), lr = 1 / L, factor 1 - 1 / sqrt(kappa) on a quadratic
    (Nesterov 2004, section 2.2.1).
    """
    low, high = math.sqrt(smallest), math.sqrt(largest)
    return Tuned(1 / largest, (high - low) / (high + low), 1 - low / high)
