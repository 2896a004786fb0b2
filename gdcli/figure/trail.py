"""What a picture needs of a descent, gathered while its steps stream by. No torch here."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from gdcli.results import Nested, Step

MOST = 2_000  # states of a path in a picture
_NUMBERS = 2_000_000  # in all the states that are kept


@dataclass(frozen=True, slots=True)
class State:
    """A point of a path: the numbers of the variables flattened and joined, and the loss there (NaN for none)."""

    iteration: int
    loss: float
    point: array[float]


@dataclass(slots=True)
class Trail:
    """The states of a descent in memory that does not grow with its length.

    Half of them are the first ones, in which most happens; the others are evenly apart, at distances that double
    whenever there are too many. ``first`` and ``last``, the states that were added first and last, are always part of
    the trail, and ``count`` is the number of all that were added.
    """

    label: str
    first: Step | None = None
    last: Step | None = None
    count: int = 0
    _head: list[State] = field(default_factory=list)
    _tail: list[State] = field(default_factory=list)
    _capacity: int = MOST
    _distance: int = 1

    def add(self, step: Step) -> None:
        """Take the next state."""
        self.last = step
        self.count += 1
        if len(self._head) < self._capacity // 2:
            if self.first is None:
                self.first = step
                numbers = sum(1 for value in step.values.values() for _ in flat(value))
                self._capacity = max(20, min(MOST, _NUMBERS // max(1, numbers)))
            self._head.append(_state(step))
        elif step.iteration % self._distance == 0:
            self._tail.append(_state(step))
            if len(self._tail) >= self._capacity // 2:
                self._distance *= 2
                self._tail = [state for state in self._tail if state.iteration % self._distance == 0]

    @property
    def states(self) -> list[State]:
        """The states that were kept, in order, from the first to the last."""
        kept = [*self._head, *self._tail]
        if self.last is not None and kept[-1].iteration != self.last.iteration:
            kept.append(_state(self.last))
        return kept


def flat(value: Nested) -> Iterator[float]:
    """The numbers of nested lists."""
    if isinstance(value, list):
        for item in value:
            yield from flat(item)
    else:
        yield math.nan if value is None else float(value)


def _state(step: Step) -> State:
    point = array("d", (number for value in step.values.values() for number in flat(value)))
    return State(step.iteration, math.nan if step.loss is None else step.loss, point)
