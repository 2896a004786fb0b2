"""Runs one after the other, each the very run of ``minimize``: for rules that look at a whole tensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from gdcli.contract.compare import RunStatus
from gdcli.contract.descent import MinimizeResult, MinimizeSettings
from gdcli.descent.loop import State
from gdcli.descent.minimize import Minimizing
from gdcli.descent.run import Descent
from gdcli.descent.snapshot import same
from gdcli.descent.stopping import StopTests
from gdcli.race.track import Lane, Outcome, Track

_OFTEN = 64  # steps between two looks at how much is done


class OneByOne:
    """Makes each run with the loop of ``minimize``, and ends it by the rules of the race."""

    batched = False

    def __init__(self, settings: MinimizeSettings, lanes: Sequence[Lane], track: Track, *, remembers: bool) -> None:
        """Take the runs of one optimizer; ``remembers`` says that the same place is not yet the same state."""
        # The budget ends a run, and a step counts before the loop would say that it was the last.
        self.settings = replace(settings, steps=track.evaluations + 1, diagnose=False)
        self.lanes = lanes
        self.track = track
        self.remembers = remembers
        self.outcomes: list[Outcome] = []
        self._interrupted = False

    def interrupt(self) -> None:
        """Ask the runs to end before their next step."""
        self._interrupted = True

    def __iter__(self) -> Iterator[float]:
        """Run, and yield now and then which share of the budget is used."""
        self.outcomes = []
        for done, lane in enumerate(self.lanes):
            if self._interrupted and done:
                return
            for share in self._run(lane):
                yield (done + share) / len(self.lanes)

    def _run(self, lane: Lane) -> Iterator[float]:
        """One run; its outcome is the last of ``outcomes`` then."""
        descent = self._descent(lane)
        tests = StopTests(self.settings, remembers=True)
        curve: list[tuple[int, float]] = []
        previous: State | None = None
        best = float("inf")
        for step in descent.states():
            loss = step.loss
            curve.append((descent.evaluations, loss))
            best = min(best, loss)
            status = self._status(step, previous, descent.evaluations, tests)
            if status is not None:
                outcome = Outcome(
                    lane, status, step.iteration, descent.evaluations, loss, best, step.step().values, curve
                )
                self.outcomes.append(outcome)
                return
            previous = step
            if step.iteration % _OFTEN == 0:
                yield descent.evaluations / self.track.evaluations

    def _status(self, step: State, previous: State | None, evaluations: int, tests: StopTests) -> RunStatus | None:
        """How the run has ended in this state; None when it goes on."""
        if self.track.goal.is_reached(step):
            return "reached"
        if tests.has_diverged(step):
            return "diverged"
        if evaluations >= self.track.evaluations:
            return "max_steps"
        if not self.remembers and previous is not None and same(step.values, previous.values):
            return "stalled"
        return "interrupted" if self._interrupted else None

    def _descent(self, lane: Lane) -> Descent[MinimizeResult]:
        settings = replace(self.settings, lr=lane.lr)
        return Descent(settings, Minimizing(settings, lambda: self.track.problem_at(lane.start)))
