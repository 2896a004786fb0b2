"""What is kept of a long run: its ends, or its beginning and others evenly apart. No torch here."""

from __future__ import annotations

from collections import deque
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

WHOLE = 200  # things that are kept one by one
EDGE = 20  # things kept at each end of more


class Shown(NamedTuple, Generic[T]):
    """The things at the beginning, the number of those left out, and the things at the end."""

    head: list[T]
    left_out: int
    tail: list[T]


class Ends(Generic[T]):
    """All of some things, or of more than ``WHOLE`` the ``EDGE`` first and last ones."""

    def __init__(self, *, every: int = 1, keep_all: bool = False) -> None:
        """Take every so many of them."""
        self.every = every
        self.keep_all = keep_all
        self._count = 0
        self._head: list[T] = []
        self._tail: deque[T] = deque(maxlen=EDGE)

    def add(self, iteration: int, thing: T) -> None:
        """Take what belongs to an iteration."""
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
    """At most ``capacity`` of the things that belong to the iterations of a run.

    Half of them are the first ones, in which most happens; the others are evenly apart, at distances that are powers of
    2 and double whenever there are too many. What a smaller capacity keeps, a larger one keeps too.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._head: list[T] = []
        self._tail: list[tuple[int, T]] = []
        self._distance = 1

    def add(self, iteration: int, thing: T) -> None:
        """Take what belongs to the next iteration, if it is one to be kept."""
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
    """How many things of a size are kept: at most ``most``, and of large ones so many that ``elements`` are enough."""
    return max(least, min(most, elements // max(1, size)))


def evenly(count: int, most: int) -> list[int]:
    """At most ``most`` (2 or more) of the places below ``count``: the first ones, and as many evenly apart."""
    if count <= most:
        return list(range(count))
    head = most // 2
    rest = most - head
    return [*range(head), *(head + (count - 1 - head) * (k + 1) // rest for k in range(rest))]
