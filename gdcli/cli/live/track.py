"""The states of a descent that is watched: those that one can go back to, and those that a picture shows."""

from __future__ import annotations

from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING

from gdcli.contract.descent import Step
from gdcli.contract.nested import size
from gdcli.thinned import Thinned

if TYPE_CHECKING:
    from gdcli.landscape.trail import Trail

_RECENT = 20_000  # states that are kept one by one
_OLDER = 2_000  # some of those before
_HEAD = 200  # the first ones, in which most happens, are always drawn
_NUMBERS = 1_000_000  # in all the states that are kept


class Track:
    """The states of one descent, in memory that does not grow with its length.

    The last ones are there one by one, and some of those before. ``end`` is the sentence that says why it ended.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.end = ""
        self._new: list[Step] = []
        self._recent: deque[Step] = deque()
        self._older: Thinned[Step] = Thinned(_OLDER)
        self._most = _RECENT
        self.add = self._new.append  # the loop is slowed down least by what is done later, for many at once

    @property
    def is_empty(self) -> bool:
        """Whether there is no state yet."""
        return not (self._new or self._recent)

    def _sort(self) -> None:
        """Put the states that are new where they belong."""
        if not self._new:
            return
        recent = self._recent
        if not recent:
            numbers = 2 * sum(map(size, self._new[0].values.values()))
            self._most = max(10, min(_RECENT, _NUMBERS // max(1, numbers)))
            self._older = Thinned(max(4, self._most // 10))
        recent.extend(self._new)
        self._new.clear()
        while len(recent) > self._most:
            oldest = recent.popleft()
            if self._older.keeps(oldest.iteration):
                self._older.add(oldest.iteration, oldest)

    @property
    def head(self) -> Step:
        """The last state that was computed."""
        self._sort()
        return self._recent[-1]

    def steps(self, last: int) -> list[Step]:
        """The states that were kept, up to an iteration."""
        kept = self._kept()
        return kept if last >= self.head.iteration else [step for step in kept if step.iteration <= last]

    def last_steps(self, last: int, count: int) -> list[Step]:
        """So many of them, up to an iteration."""
        self._sort()
        backwards = chain(reversed(self._recent), reversed(self._older.things))
        found = list(islice((step for step in backwards if step.iteration <= last), count))
        return found[::-1]

    def beside(self, iteration: int, direction: int) -> int:
        """The iteration of the state that was kept after (1) or before (-1) a given one; its own at the ends."""
        kept = [step.iteration for step in self._kept()]
        others = [i for i in kept if (i - iteration) * direction > 0]
        return iteration if not others else min(others) if direction > 0 else max(others)

    def trail_until(self, iteration: int) -> Trail:
        """What a picture shows when the descent has got so far: from frame to frame the same states, and new ones."""
        from gdcli.landscape.trail import MOST, Trail

        steps = self.steps(iteration)
        distance = 1
        while len(steps) > MOST // 2 * distance:
            distance *= 2
        trail = Trail(self.label)
        for step in steps[:-1]:
            if step.iteration % distance == 0 or step.iteration < _HEAD:
                trail.add(step)
        for step in steps[-1:]:
            trail.add(step)
        return trail

    def _kept(self) -> list[Step]:
        self._sort()
        return [*self._older.things, *self._recent]
