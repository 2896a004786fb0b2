"""What a picture needs of a descent, gathered while its states stream by."""

from __future__ import annotations

from gdcli.contract.figure import Counted
from gdcli.descent.loop import State
from gdcli.memory import Thinned, capacity

MOST = 2_000  # states of a path in a picture
_ELEMENTS = 2_000_000  # in all the states that are kept


class Trail:
    """The states of a descent in memory that does not grow with its length: of a long one some (see ``Thinned``).

    ``first`` and ``last``, the states that were added first and last, are always part of the trail, and ``count`` is
    the number of all that were added. ``counted`` is what a picture of it counts.
    """

    def __init__(self, label: str, counted: Counted = "iteration") -> None:
        self.label = label
        self.counted = counted
        self.first: State | None = None
        self.last: State | None = None
        self.count = 0
        self._kept: Thinned[State] = Thinned(MOST)

    def add(self, state: State) -> None:
        """Take the next state."""
        if self.first is None:
            self.first = state
            self._kept = Thinned(capacity(state.size, most=MOST, least=20, elements=_ELEMENTS))
        self.last = state
        self.count += 1
        self._kept.add(state.iteration, state)

    def count_at(self, state: State) -> int:
        """How many iterations or evaluations there were, as the picture counts them, when a state was reached."""
        return state.iteration if self.counted == "iteration" else state.evaluations

    @property
    def states(self) -> list[State]:
        """The states that were kept, in order, from the first to the last."""
        kept = self._kept.things
        if self.last is not None and (not kept or kept[-1].iteration != self.last.iteration):
            kept.append(self.last)
        return kept
