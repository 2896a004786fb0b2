"""What is kept of a long run: its first and last items, or the first ones and evenly spaced others. No torch here."""

from __future__ import annotations

from collections import deque
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

WHOLE = 200  # items kept without leaving any out
EDGE = 20  # items kept at each end of a longer run


class Shown(NamedTuple, Generic[T]):
    """The first items, the number of those left out, and the last items."""

    head: list[T]
    left_out: int
    tail: list[T]


class Ends(Generic[T]):
    """All items, or the first and last ``EDGE`` of more than ``WHOLE``."""

    def __init__(self, *, every: int = 1, keep_all: bool = False) -> None:
        """Take only the iterations that are multiples of ``every``."""
        self.every = every
        self.keep_all = keep_all
        self._count = 0
        self._head: list[T] = []
        self._tail: deque[T] = deque(maxlen=EDGE)

    def add(self, iteration: int, thing: T) -> None:
        """Add the item of an iteration."""
        if iteration % self.every:
            return
        self._count += 1
        (self._head if self.keep_all or self._count <= WHOLE else self._tail).append(thing)

    def shown(self) -> Shown[T]:
        """What was kept."""
        if self.keep_all or self._count <= WHOLE:
            return Shown(self._head, 0, [])
        ends = [*self._head, *self._tail]
        return Shown(ends[:EDGE], self._count - 2 * EDGE, ends[-EDGE:])


class Thinned(Generic[T]):
    """At most ``capacity`` of the items of a run, one per iteration.

    Half of them are the first ones, where most changes happen; the others are evenly spaced, at distances that are
    powers of 2 and double whenever there are too many. What a smaller capacity keeps, a larger one keeps too.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._head: list[T] = []
        self._tail: list[tuple[int, T]] = []
        self._distance = 1

    def add(self, iteration: int, thing: T) -> None:
        """Add the item of the next iteration, if it is one to keep."""
        if len(self._head) < self.capacity // 2:
            self._head.append(thing)
        elif iteration % self._distance == 0:
            self._tail.append((iteration, thing))
            if len(self._tail) >= self.capacity // 2:
                self._distance *= 2
                self._tail = [(i, other) for i, other in self._tail if i % self._distance == 0]

    @property
    def things(self) -> list[T]:
        """What was kept, in order."""
        return [*self._head, *(thing for _, thing in self._tail)]


def capacity(size: int, *, most: int, least: int, elements: int) -> int:
    """How many items of a size to keep: from ``least`` to ``most``, with at most ``elements`` elements if possible."""
    return max(least, min(most, elements // max(1, size)))


def evenly(count: int, most: int) -> list[int]:
    """At most ``most`` (2 or more) of the indices below ``count``: the first ones, and as many evenly spaced."""
    if count <= most:
        return list(range(count))
    head = most // 2
    rest = most - head
    return [*range(head), *(head + (count - 1 - head) * (k + 1) // rest for k in range(rest))]
