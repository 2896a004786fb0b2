"""A look at the steps while they stream by: a few numbers, and pairs of successive steps here and there."""

from __future__ import annotations

from gdcli.descent.loop import State
from gdcli.descent.snapshot import same

PAIRS = 128  # kept, at most
_NUMBERS = 1_000_000  # kept in all pairs together, about


class Trace:
    """What a descent leaves behind for its diagnosis, in constant memory.

    ``pairs`` are (step, next step) at iterations with equal distances, which triple whenever there are too many: at an
    even distance one would see only half of what goes back and forth. ``first`` is the first state, ``previous`` and
    ``last`` are the last two. ``rises`` counts the steps after which the loss was worse, ``worst`` is the state with
    the worst loss. ``acts`` holds what was done to gradients and variables, by kind. ``cycle`` is a state that came
    again, and after how many steps; None when none did.
    """

    __slots__ = (
        "_anchor", "_capacity", "_distance", "_landmark", "_maximize", "_next", "_same",
        "acts", "cycle", "first", "last", "pairs", "previous", "rises", "worst",
    )  # fmt: skip

    def __init__(self, first: State, *, maximize: bool = False) -> None:
        """Begin with the first state."""
        self.first = self.previous = self.last = self.worst = first
        self.cycle: tuple[State, int] | None = None
        self._landmark = first
        self.rises = self._same = 0
        self._anchor = first  # since when the loss and the variables are as they are
        self.acts: set[str] = {act.kind for act in first.acts or ()}
        self.pairs: list[tuple[State, State]] = []
        self._maximize = maximize
        self._capacity = max(2, min(PAIRS, _NUMBERS // (4 * first.size)))
        self._distance = self._next = 1

    def see(self, step: State) -> None:
        """Take the next state."""
        previous = self.previous = self.last
        self.last = step
        if step.loss == previous.loss:
            self._same += 1
            # Large tensors take long to compare: it is enough to look now and then.
            if self._same & (self._same - 1) == 0 and not same(step.values, self._anchor.values):
                self._same, self._anchor = 0, step
        else:
            self._same, self._anchor = 0, step
            if (step.loss < previous.loss) if self._maximize else (step.loss > previous.loss):
                self.rises += 1
                if (step.loss < self.worst.loss) if self._maximize else (step.loss > self.worst.loss):
                    self.worst = step
        if step.acts is not None:
            self.acts.update([act.kind for act in step.acts])
        if step.loss == self._landmark.loss and self.cycle is None and same(self._landmark.values, step.values):
            self.cycle = self._landmark, step.iteration - self._landmark.iteration
        if step.iteration & (step.iteration - 1) == 0:  # a landmark at each power of two (Brent 1980)
            self._landmark = step
        if step.iteration == self._next:
            self._keep(previous, step)

    @property
    def still(self) -> int:
        """How many of the last steps left every variable as it was."""
        is_still = same(self._anchor.values, self.previous.values) and same(self.previous.values, self.last.values)
        return self._same if is_still else 0

    def _keep(self, previous: State, step: State) -> None:
        self.pairs.append((previous, step))
        if len(self.pairs) > self._capacity:
            self.pairs = self.pairs[2::3]
            self._distance *= 3
            self._next = self.pairs[-1][1].iteration
        self._next += self._distance
