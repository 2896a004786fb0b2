"""What a picture needs of a descent, gathered while its steps stream by. No torch here."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field

from gdcli.contract.descent import Step
from gdcli.contract.fields import Nested
from gdcli.contract.nested import size
from gdcli.thinned import Thinned

MOST = 2_000  # states of a path in a picture
_NUMBERS = 2_000_000  # in all the states that are kept


@dataclass(frozen=True, slots=True)
class State:
    """A point of a path: the numbers of the variables flattened and joined, and the loss there (NaN for none).

    ``gradient_norm`` is the Euclidean norm of the gradient, NaN where autograd has none.
    """

    iteration: int
    loss: float
    point: array[float]
    gradient_norm: float


@dataclass(slots=True)
class Trail:
    """The states of a descent in memory that does not grow with its length: of a long one some (see ``Thinned``).

    ``first`` and ``last``, the states that were added first and last, are always part of the trail, and ``count`` is
    the number of all that were added.
    """

    label: str
    first: Step | None = None
    last: Step | None = None
    count: int = 0
    _kept: Thinned[State] = field(default_factory=lambda: Thinned(MOST))

    def add(self, step: Step) -> None:
        """Take the next state."""
        if self.first is None:
            self.first = step
            numbers = sum(size(value) for value in step.values.values())
            self._kept.capacity = max(20, min(MOST, _NUMBERS // max(1, numbers)))
        self.last = step
        self.count += 1
        if self._kept.keeps(step.iteration):
            self._kept.add(step.iteration, _state(step))

    def end(self, final: Step) -> None:
        """Take the state in which the run has ended, unless it was the last one already."""
        if self.last is None or self.last.iteration != final.iteration:
            self.add(final)

    @property
    def states(self) -> list[State]:
        """The states that were kept, in order, from the first to the last."""
        kept = self._kept.things
        if self.last is not None and (not kept or kept[-1].iteration != self.last.iteration):
            kept.append(_state(self.last))
        return kept


def _state(step: Step) -> State:
    point = array("d", [number for value in step.values.values() for number in _numbers(value)])
    known = [gradient for gradient in step.grads.values() if gradient is not None]
    norm = math.hypot(*(number for gradient in known for number in _numbers(gradient))) if known else math.nan
    return State(step.iteration, math.nan if step.loss is None else step.loss, point, norm)


def _numbers(value: Nested) -> list[float]:
    """The same as ``flat``, a row at a time, which is several times faster."""
    if not isinstance(value, list):
        return [math.nan if value is None else float(value)]
    if value and isinstance(value[0], list):
        return [number for row in value for number in _numbers(row)]
    return [math.nan if number is None else number for number in value]
