"""Some of the states of a run, in memory that does not grow with its length. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gdcli.contract.descent import Step, Update
from gdcli.contract.nested import size

MOST_STEPS = 20_000
_NUMBERS = 500_000  # in all the steps that are kept

T = TypeVar("T")


@dataclass(slots=True)
class Thinned(Generic[T]):
    """At most ``capacity`` of the things that belong to the iterations of a run.

    Half of them are the first ones, in which most happens; the others are evenly apart, at distances that are powers of
    2 and double whenever there are too many. What a smaller capacity keeps, a larger one keeps too.
    """

    capacity: int
    _head: list[tuple[int, T]] = field(default_factory=list)
    _tail: list[tuple[int, T]] = field(default_factory=list)
    _distance: int = 1

    def keeps(self, iteration: int) -> bool:
        """Whether what belongs to the next iteration is to be added."""
        return len(self._head) < self.capacity // 2 or iteration % self._distance == 0

    def add(self, iteration: int, thing: T) -> None:
        """Take what belongs to an iteration."""
        if len(self._head) < self.capacity // 2:
            self._head.append((iteration, thing))
            return
        self._tail.append((iteration, thing))
        if len(self._tail) >= self.capacity // 2:
            self._distance *= 2
            self._tail = [(i, other) for i, other in self._tail if i % self._distance == 0]

    @property
    def things(self) -> list[T]:
        """What was kept, in order."""
        return [thing for _, thing in (*self._head, *self._tail)]


@dataclass(slots=True)
class Steps:
    """The steps of a run for a document of bounded size: all of them, or of a long run some (see ``Thinned``)."""

    count: int = 0
    _kept: Thinned[tuple[Step, Sequence[Update]]] = field(default_factory=lambda: Thinned(MOST_STEPS))

    def add(self, step: Step, updates: Sequence[Update] = ()) -> None:
        """Take the next step, and the updates that were made from it."""
        if self.count == 0:
            numbers = 2 * sum(size(value) for value in step.values.values())
            self._kept.capacity = max(4, min(MOST_STEPS, _NUMBERS // max(1, numbers)))
        self.count += 1
        if self._kept.keeps(step.iteration):
            self._kept.add(step.iteration, (step, updates))

    @property
    def kept(self) -> list[Step]:
        """The steps that were kept, in order."""
        return [step for step, _ in self._kept.things]

    @property
    def updates(self) -> list[Update]:
        """The updates that were made from them."""
        return [update for _, updates in self._kept.things for update in updates]
