"""The race: every optimizer from the same starts to the same goal, under the same budget."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from gdcli.complete.compare import complete_compare
from gdcli.complete.problem import expression_of
from gdcli.complete.racers import racers
from gdcli.contract.compare import CompareResult, CompareSettings, RaceRules, Standing
from gdcli.contract.descent import MinimizeResult, MinimizeSettings
from gdcli.contract.fields import in_record
from gdcli.contract.short import short
from gdcli.descent.bounds import check_start
from gdcli.descent.run import Descent
from gdcli.errors import UserInterruptError
from gdcli.race.goal import goal_of
from gdcli.race.minimum import Surroundings
from gdcli.race.notices import listed, notices
from gdcli.race.settling import settled
from gdcli.race.single import OneByOne
from gdcli.race.standings import Merit, merit, ranked, standing
from gdcli.race.task import Outcome, Run, Runs, Task, draw_starts, rate_at
from gdcli.race.together import Together, can_be_together, rounds_otherwise
from gdcli.race.tuning import rates_to_try, tuned
from gdcli.race.winner import descent_of, winner_of
from gdcli.rules.make import update_rule
from gdcli.rules.rule import why_not_computed
from gdcli.tensors import Problem, on_device, plain, prepare


class Race:
    """A race: iterate over it for the share of the work that is done, then ask for its record."""

    def __init__(self, settings: CompareSettings) -> None:
        """Set the race up.

        Raises:
            GdcliError: for an expression, a value or an option that does not fit.
        """
        settings = on_device(complete_compare(settings))
        self.settings = settings
        self.racers = {racer.label: racer for racer in racers(settings)}
        self.rates = rates_to_try(settings)
        self.task = _task(settings)
        for start in self.task.starts:
            check_start(settings.bound, start)
        for _, each in self.racers.values():  # PyTorch refuses some now, and not when the others have run
            problem = self.task.problem_at(0)
            update_rule(each, problem.tensors, problem.wrt, dict.fromkeys(settings.wrt, 1.0), problem)
        self._running: Runs | None = None
        self._interrupted_by: str | None = None
        self._finished: dict[str, tuple[list[Outcome], bool]] = {}

    def interrupt(self, by: str = "") -> None:
        """Ask the race to end before its next step; ``by`` says by what (" by SIGTERM")."""
        self._interrupted_by = by
        if self._running is not None:
            self._running.interrupt()

    def __iter__(self) -> Iterator[float]:
        """Run every optimizer, and yield now and then which share of the work is done."""
        self._finished = {}
        for done, (label, racer) in enumerate(self.racers.items()):
            if self._interrupted_by is not None:
                break
            for share in self._run(racer.settings):
                yield (done + share) / len(self.racers)
            if self._running is not None and self._running.outcomes:
                self._finished[label] = (settled(self._running.outcomes, self.task), self._running.batched)
            self._running = None

    def _run(self, settings: MinimizeSettings) -> Iterator[float]:
        """Make the runs of one optimizer, as ``_running``, and yield which share of them is done.

        Where a number of one is too large for a step of all, each is made alone, and ends where that is so.
        """
        runs = self._runs(settings)
        if can_be_together(settings, runs, self.task, tuning=settings.lr is None):
            try:
                self._running = Together(settings, runs, self.task)
                yield from self._running
            except (ArithmeticError, RuntimeError) as error:
                if not why_not_computed(error):
                    raise
            else:
                return
        self._running = OneByOne(settings, runs, self.task)
        yield from self._running

    def _runs(self, settings: MinimizeSettings) -> list[Run]:
        starts = range(len(self.task.starts))
        if settings.lr is None:
            return [Run(lr, start) for lr in self.rates for start in starts]
        if settings.lr == "auto":
            return [Run(rate_at(self.task, start), start) for start in starts]
        return [Run(settings.lr, start) for start in starts]

    def record(self) -> CompareResult:
        """The standings, once the race has ended.

        Raises:
            UserInterruptError: when it was interrupted before anything was run.
        """
        if not self._finished:
            raise UserInterruptError(self._interrupted_by or "")
        entries = [self._entry(label, found, batched=batched) for label, (found, batched) in self._finished.items()]
        standings = [replace(entry, rank=rank) for rank, entry in ranked(entries)]
        best = standings[0]
        return CompareResult(
            settings=in_record(self.settings),
            status="ok" if self._interrupted_by is None else "interrupted",
            message=self._message(standings),
            rules=RaceRules(
                expression=str(expression_of(self.settings)),
                goal=self.task.goal.kind,
                limit=self.task.goal.limit,
                minimum=self.task.goal.minimum,
                domain=None if self.task.goal.domain is None else dict(self.task.goal.domain),
                judged=self.task.goal.kind == "gradient_norm" and self.task.surroundings.are_known,
                evaluations=self.task.evaluations,
                rates=self.rates,
                runs=len(self.task.starts) * (len(self.rates) or 1),
            ),
            starts=[{name: plain(x) for name, x in start.items()} for start in self.task.starts],
            standings=standings,
            winner=winner_of(self.settings, self.racers[best.label].settings, best, self.task),
            warnings=notices(self.settings, self.task, standings),
        ).made_by(self)

    def descent_of(self, standing: Standing) -> Descent[MinimizeResult]:
        """An optimizer's run from the first start, at its best learning rate, as a descent of its own."""
        run = next(run for run in standing.runs if run.start == 0)
        return descent_of(self.racers[standing.label].settings, run, self.task)

    def result(self) -> CompareResult:
        """Run to the end and return the record."""
        for _ in self:
            pass
        return self.record()

    def _entry(self, label: str, outcomes: list[Outcome], *, batched: bool) -> tuple[Merit, Standing]:
        racer, goal = self.racers[label], self.task.goal
        cost = sum(outcome.evaluations for outcome in outcomes)
        tuning = None
        if racer.settings.lr is None:
            tuning, outcomes = tuned(outcomes, len(self.task.starts), goal)
            if batched and len(outcomes) == 1 and rounds_otherwise(racer.settings, self.task):
                outcomes = self._alone(racer.settings, outcomes[0].run)
        entry = standing(racer, outcomes, goal, tuning=tuning, cost=cost, batched=batched)
        return merit(outcomes, goal), entry

    def _alone(self, settings: MinimizeSettings, run: Run) -> list[Outcome]:
        """A run made again as torch.optim makes it, where a batch rounds otherwise."""
        runs = OneByOne(settings, [run], self.task)
        for _ in runs:
            pass
        return settled(runs.outcomes, self.task)

    def _message(self, standings: list[Standing]) -> str:
        """Who has won, in a sentence."""
        if self._interrupted_by is not None:
            begun = f"{len(self._finished)} of {len(self.racers)} optimizers had started"
            return f"interrupted{self._interrupted_by}: {begun}"
        best = standings[0]
        winners = [each.label for each in standings if each.rank == 1]
        first = listed(winners)
        if not best.reached and all(each.statuses.keys() == {"diverged"} for each in standings):
            return "every optimizer diverged"
        if not best.reached and len(winners) == len(standings) > 1:
            return "no optimizer reached the goal, and none came closer than the others"
        if not best.reached:
            closest = "came closest" if self.task.goal.kind == "loss" else "ended with the smallest loss"
            return f"no optimizer reached the goal; {first} {closest}"
        if len(self.task.starts) == 1:
            middle = best.evaluations.median or 0.0
            count = f"{short(middle, 9)} evaluation{'s' * (middle != 1)}"
            return f"{first} reached the goal first, after {count}"
        return f"{first} did best, reaching the goal from {best.reached} of {len(best.runs)} starts"


def _task(settings: CompareSettings) -> Task:
    def make() -> Problem:
        return prepare(expression_of(settings), settings, settings.wrt)

    problem = make()
    starts = draw_starts(settings, problem)
    goal = goal_of(settings)
    # A rule that looks once in a step has made one evaluation more than steps when it has used them up.
    return Task(problem, make, starts, goal, Surroundings(settings, problem, goal.limit), settings.steps + 1)
