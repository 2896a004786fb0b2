"""L-BFGS for many runs at once: what torch.optim.LBFGS does without a line search, operation by operation.

Its sums over elements round otherwise beyond two elements, and L-BFGS amplifies that: longer runs in more dimensions
take other ways to the same places.
"""

from __future__ import annotations

from typing import Any

import torch

from gdcli.batch.objective import BatchObjective
from gdcli.batch.parameters import Parameters

Pair = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""A step s, the change y of the gradient over it, and 1 / (s @ y)."""
EXACT = 2
"""Up to so many numbers in all variables the bits are those of torch.optim.LBFGS."""
_SMALLEST_CURVATURE = 1e-10  # of torch.optim.LBFGS: a pair of step and change is remembered from here on


class BatchLbfgs:
    """The state of each run: direction ``d``, step length ``t``, and ``pairs`` of steps and changes, the newest first.

    Vectors have shape (elements, runs), numbers (runs,). Runs that are not in the inner loop of their step keep what
    they have.
    """

    def __init__(self, objective: BatchObjective, parameters: Parameters) -> None:
        """Take the runs of ``objective``; only their learning rates may differ."""
        self.objective = objective
        self.rates = parameters.rounded(parameters["lr"]).expand(objective.runs).contiguous()
        names = ("max_iter", "max_eval", "tolerance_grad", "tolerance_change", "history_size")
        self.options: dict[str, Any] = {name: parameters.plain(name) for name in names}
        self.max_eval = self.options["max_eval"] or self.options["max_iter"] * 5 // 4
        self.d = torch.zeros_like(objective.x)
        self.t = torch.zeros_like(self.rates)
        self.scale = torch.ones_like(self.rates)
        self.previous = self.d.clone()
        self.previous_loss = self.t.double()
        self.iterations = self.t.long()
        self.pairs: list[Pair] = []

    def step(self, alive: torch.Tensor) -> torch.Tensor:
        """Make up to ``max_iter`` inner steps of the runs that are alive; returns the evaluations that each took."""
        loss = self.objective.evaluate().double()  # as the optimizer does first, where the loop has just looked
        gradient = self.objective.gradient
        evaluations = alive.long()
        inside = alive & ~(gradient.abs().amax(0) <= self.options["tolerance_grad"])
        for inner in range(1, self.options["max_iter"] + 1):
            if not bool(inside.any()):
                break
            self._turn(inside, alive, gradient, loss)
            inside = inside & ~((gradient * self.d).sum(0) > -self.options["tolerance_change"])
            self._move(inside)
            if inner == self.options["max_iter"]:
                break
            loss = self.objective.evaluate().double()
            evaluations += inside
            inside = inside & self._goes_on(evaluations, gradient, loss)
        return evaluations

    def _turn(self, inside: torch.Tensor, alive: torch.Tensor, gradient: torch.Tensor, loss: torch.Tensor) -> None:
        """The new direction and step length; what the next one needs is kept."""
        self.iterations += inside
        first = self.iterations == 1
        later = inside & ~first
        direction = -gradient
        if bool(later.any()):
            self._remember(later, alive, gradient)
            direction = torch.where(first, direction, self._direction(gradient))
        self.d = torch.where(inside, direction, self.d)
        self.previous = torch.where(inside, gradient, self.previous)
        self.previous_loss = torch.where(inside, loss, self.previous_loss)
        inverse = 1.0 / gradient.abs().sum(0)
        shortened = torch.where(inverse < 1.0, inverse, torch.ones_like(inverse)) * self.rates
        self.t = torch.where(inside, torch.where(first, shortened, self.rates), self.t)

    def _move(self, inside: torch.Tensor) -> None:
        """Go ``t`` along ``d``."""
        x = self.objective.x
        x.copy_(torch.where(inside, torch.addcmul(x, self.t, self.d), x))

    def _goes_on(self, evaluations: torch.Tensor, gradient: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:
        """Which runs are not yet at the end of their step."""
        change = self.options["tolerance_change"]
        goes_on: torch.Tensor = (
            (evaluations < self.max_eval)
            & ~(gradient.abs().amax(0) <= self.options["tolerance_grad"])
            & ~((self.d * self.t).abs().amax(0) <= change)
            & ~((loss - self.previous_loss).abs() < change)
        )
        return goes_on

    def _direction(self, gradient: torch.Tensor) -> torch.Tensor:
        """The two loops of Nocedal and Wright (2006), algorithm 7.4, over the pairs of each run.

        A run with fewer pairs than others has zeros in their place, which change nothing.
        """
        q, factors = -gradient, []
        for s, y, ro in self.pairs:
            factor = (s * q).sum(0) * ro
            q = torch.addcmul(q, y, -factor)
            factors.append(factor)
        r = q * self.scale
        for (s, y, ro), factor in zip(reversed(self.pairs), reversed(factors), strict=True):
            r = torch.addcmul(r, s, factor - (y * r).sum(0) * ro)
        return r

    def _remember(self, later: torch.Tensor, alive: torch.Tensor, gradient: torch.Tensor) -> None:
        """Put the last step and the change of the gradient before the other pairs, where the curvature is positive."""
        y = gradient - self.previous
        s = self.d * self.t
        curvature = (y * s).sum(0)
        new = later & (curvature > _SMALLEST_CURVATURE)
        self.scale = torch.where(new, curvature / (y * y).sum(0), self.scale)
        pair = (s, y, 1.0 / curvature)
        if bool((new | ~alive).all()):
            self.pairs.insert(0, pair)
        elif bool(new.any()):
            self.pairs.append((torch.zeros_like(s), torch.zeros_like(y), torch.zeros_like(curvature)))
            shifted = [pair, *self.pairs]
            self.pairs = [_chosen(new, ahead, own) for ahead, own in zip(shifted, self.pairs, strict=False)]
        del self.pairs[self.options["history_size"] :]


def _chosen(new: torch.Tensor, ahead: Pair, own: Pair) -> Pair:
    s, y, ro = (torch.where(new, a, b) for a, b in zip(ahead, own, strict=True))
    return s, y, ro
