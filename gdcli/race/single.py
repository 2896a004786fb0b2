"""Runs one after the other, each the very run of ``minimize``: for rules that look at a whole tensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from gdcli.batch.rules import is_memoryless
from gdcli.contract.compare import RunStatus
from gdcli.contract.descent import MinimizeResult, MinimizeSettings
from gdcli.descent.loop import State
from gdcli.descent.minimize import Minimizing
from gdcli.descent.run import Descent
from gdcli.descent.snapshot import same
from gdcli.descent.stopping import StopTests
from gdcli.race.minimum import Arrivals
from gdcli.race.task import Outcome, Run, Task

_OFTEN = 64  # steps between two looks at how much is done


class OneByOne:
    """Makes each run with the loop of ``minimize``, and ends it by the rules of the race."""

    batched = False

    def __init__(self, settings: MinimizeSettings, runs: Sequence[Run], task: Task) -> None:
        """Take the runs of one optimizer."""
        # The budget ends a run, and a step counts before the loop would say that it was the last.
        self.settings = replace(settings, steps=task.evaluations + 1, diagnose=False)
        self.runs = runs
        self.task = task
        self.stalls = not task.problem.is_random and is_memoryless(settings.optimizer, settings.momentum or 0.0)
        self.outcomes: list[Outcome] = []
        self._interrupted = False

    def interrupt(self) -> None:
        """Ask the runs to end before their next step."""
        self._interrupted = True

    def __iter__(self) -> Iterator[float]:
        """Run, and yield now and then which share of the budget is used."""
        self.outcomes = []
        for done, run in enumerate(self.runs):
            if self._interrupted and done:
                return
            for share in self._run(run):
                yield (done + share) / len(self.runs)

    def _run(self, run: Run) -> Iterator[float]:
        """One run; its outcome is the last of ``outcomes`` then."""
        descent = self._descent(run)
        tests = StopTests(self.settings, remembers=True)
        arrivals = Arrivals(self.task.surroundings)
        curve: list[tuple[int, float]] = []
        previous: State | None = None
        best = float("inf")
        for state in descent.states():
            loss, evaluations = state.loss, descent.evaluations
            curve.append((evaluations, loss))
            best = min(best, loss)
            if previous is None:
                arrivals.begin([loss])
            status = self._status(state, previous, evaluations, tests, arrivals)
            if status is not None:
                values = state.step().values
                self.outcomes.append(Outcome(run, status, state.iteration, evaluations, loss, best, values, curve))
                return
            previous = state
            if state.iteration % _OFTEN == 0:
                yield descent.evaluations / self.task.evaluations
        if previous is not None:  # the rule can make no step from here
            values, evaluations = previous.step().values, descent.evaluations
            outcome = Outcome(run, "stalled", previous.iteration, evaluations, previous.loss, best, values, curve)
            self.outcomes.append(outcome)

    def _status(
        self, state: State, previous: State | None, evaluations: int, tests: StopTests, arrivals: Arrivals
    ) -> RunStatus | None:
        """How the run has ended in this state; None when it goes on."""
        if self._has_arrived(state, arrivals):
            return "reached"
        if tests.has_diverged(state):
            return "diverged"
        if evaluations >= self.task.evaluations:
            return "max_steps"
        if self.stalls and previous is not None and same(state.values, previous.values):
            return "stalled"
        return "interrupted" if self._interrupted else None

    def _has_arrived(self, state: State, arrivals: Arrivals) -> bool:
        met = self.task.goal.is_met(state)
        if self.task.goal.kind == "loss":
            return met
        return bool(arrivals.look([0] if met else [], [state.loss], state.point[None].cpu()))

    def _descent(self, run: Run) -> Descent[MinimizeResult]:
        settings = replace(self.settings, lr=run.lr)
        return Descent(settings, Minimizing(settings, lambda: self.task.problem_at(run.start)))
