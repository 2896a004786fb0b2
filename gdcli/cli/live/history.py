"""The states of a descent that is shown live: those to go back to, and those in the picture."""

from __future__ import annotations

from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING

from gdcli.memory import Thinned, capacity

if TYPE_CHECKING:
    from gdcli.contract.figure import Counted
    from gdcli.descent.loop import State
    from gdcli.landscape.trail import Trail

_RECENT = 20_000  # states that are kept one by one
_HEAD = 200  # the first ones, which change most, are always drawn
_ELEMENTS = 1_000_000  # of variables and gradients, in all the states that are kept


class History:
    """The states of one descent, in memory that does not grow with its length.

    It keeps all recent states and some of the older ones. ``end`` is the message that says why the descent ended. What
    its methods call a count is that of the iterations, or of the evaluations, as ``counted`` says.
    """

    def __init__(self, label: str, counted: Counted = "iteration") -> None:
        self.label = label
        self.counted = counted
        self.end = ""
        self._new: list[State] = []
        self._recent: deque[State] = deque()
        self._older: Thinned[State] = Thinned(_RECENT // 10)
        self._most = _RECENT
        self.add = self._new.append  # sorting many states at once later slows the loop down least

    def _sort(self) -> None:
        """Move the new states to the recent and the older ones."""
        if not self._new:
            return
        recent = self._recent
        if not recent:
            self._most = capacity(2 * self._new[0].size, most=_RECENT, least=10, elements=_ELEMENTS)
            self._older = Thinned(max(4, self._most // 10))
        recent.extend(self._new)
        self._new.clear()
        while len(recent) > self._most:
            oldest = recent.popleft()
            self._older.add(oldest.iteration, oldest)

    @property
    def head(self) -> State:
        """The last state that was computed."""
        self._sort()
        return self._recent[-1]

    def count_at(self, state: State) -> int:
        """The count of a state."""
        return state.iteration if self.counted == "iteration" else state.evaluations

    def states(self, last: int) -> list[State]:
        """The states that were kept, up to a count."""
        kept = self._kept()
        return kept if last >= self.count_at(self.head) else [state for state in kept if self.count_at(state) <= last]

    def last_states(self, last: int, number: int) -> list[State]:
        """At most ``number`` of them, up to a count."""
        self._sort()
        backwards = chain(reversed(self._recent), reversed(self._older.things))
        found = list(islice((state for state in backwards if self.count_at(state) <= last), number))
        return found[::-1]

    def beside(self, count: int, direction: int) -> int:
        """The count of the state that was kept after (1) or before (-1) a given one; its own at the ends."""
        kept = [self.count_at(state) for state in self._kept()]
        others = [i for i in kept if (i - count) * direction > 0]
        return count if not others else min(others) if direction > 0 else max(others)

    def trail_until(self, count: int) -> Trail:
        """The path in the picture up to a count: each frame keeps the states of the previous one."""
        from gdcli.landscape.trail import MOST, Trail

        states = self.states(count)
        distance = 1
        while len(states) > MOST // 2 * distance:
            distance *= 2
        trail = Trail(self.label, self.counted)
        for state in states[:-1]:
            if state.iteration % distance == 0 or state.iteration < _HEAD:
                trail.add(state)
        for state in states[-1:]:
            trail.add(state)
        return trail

    def _kept(self) -> list[State]:
        self._sort()
        return [*self._older.things, *self._recent]
