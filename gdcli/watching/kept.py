"""The iterations of a descent that are kept: its first and last ones."""

from __future__ import annotations

from collections import deque

from gdcli.watching.seen import Iteration


class KeptIterations:
    """At most ``most`` iterations: the first half of them and the last ones; all if ``most`` is 0."""

    def __init__(self, most: int) -> None:
        self._first = most - most // 2
        self._all = most == 0
        self._head: list[Iteration] = []
        self._tail: deque[Iteration] = deque(maxlen=most // 2)
        self._also: list[Iteration] = []

    def add(self, iteration: Iteration, *, always: bool = False) -> None:
        """Keep an iteration, and drop one that lies between the ends; ``always`` keeps it wherever it is."""
        if self._all or len(self._head) < self._first:
            self._head.append(iteration)
            return
        self._tail.append(iteration)
        if always:
            self._also.append(iteration)

    @property
    def iterations(self) -> list[Iteration]:
        """Those that are kept, in order."""
        found = {each.number: each for each in (*self._head, *self._also, *self._tail)}
        return [found[number] for number in sorted(found)]
