"""The loop of a descent: evaluate, look, step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from msgspec import Struct

from gdcli.contract.descent import Act, Step
from gdcli.descent.evaluation import Evaluation
from gdcli.descent.snapshot import Snapshot, joined, numbers, size


class State(Struct, frozen=True, gc=False):
    """The state at which loss and gradient were evaluated, before the update of this iteration.

    ``values`` and ``grads`` are snapshots by variable, that nothing changes any more; a gradient is None where autograd
    has none. ``lr`` is the learning rate of the update, by variable where they differ; ``acts`` is None where nothing
    was clipped or held at a bound. ``evaluations`` is how many there were so far, the one at this state included.
    """

    iteration: int
    loss: float
    values: dict[str, Snapshot]
    grads: dict[str, Snapshot | None]
    lr: float | dict[str, float]
    acts: list[Act] | None = None
    evaluations: int = 0

    @property
    def size(self) -> int:
        """The number of elements of the variables."""
        return sum(map(size, self.values.values()))

    @property
    def point(self) -> torch.Tensor:
        """The variables flattened and joined, shape (size,), float64."""
        return joined(self.values.values())

    def step(self) -> Step:
        """The state in plain numbers, as records have it."""
        values = {name: numbers(x) for name, x in self.values.items()}
        grads = {name: numbers(grad) for name, grad in self.grads.items()}
        return Step(self.iteration, self.loss, values, grads, self.lr, self.acts)


class Rule(Protocol):
    """An update rule."""

    def step(self, evaluate: Evaluation) -> None:
        """Move the variables by their ``.grad``."""


class Rates(Protocol):
    """The learning rates."""

    @property
    def lr(self) -> float | dict[str, float]:
        """That of the next step, by variable where they differ."""

    def step(self, loss: float) -> None:
        """Go on to the rate of the next step."""


def descend(
    evaluate: Evaluation, rule: Rule, rates: Rates, stop: Callable[[State], bool], first: int = 0
) -> Iterator[State]:
    """Yield each state of a descent, the one in which it ends included; ``first`` is the number of the first one."""
    for iteration in itertools.count(first):
        loss = evaluate()  # fills .grad
        values, gradients = evaluate.values(), evaluate.gradients
        state = State(iteration, loss.item(), values, gradients, rates.lr, evaluate.noted(), evaluate.count)
        yield state
        if stop(state):
            return
        rule.step(evaluate)
        rates.step(state.loss)
