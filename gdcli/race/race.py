"""The race: every optimizer from the same starts to the same goal, under the same budget."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from gdcli.complete.compare import complete_compare, racer
from gdcli.complete.problem import expression_of
from gdcli.contract.compare import CompareResult, CompareSettings, RaceRules, Standing
from gdcli.contract.descent import MinimizeSettings
from gdcli.contract.envelope import Notice
from gdcli.descent.bounds import check_start
from gdcli.errors import UserInterruptError
from gdcli.race.goal import goal_of
from gdcli.race.single import OneByOne
from gdcli.race.standings import Merit, merit, ranked, standing
from gdcli.race.task import Outcome, Run, Runs, Task, draw_starts, rate_at
from gdcli.race.together import Together, can_be_together
from gdcli.race.tuning import grid, tuned
from gdcli.rules.make import update_rule
from gdcli.rules.parameters import complete_rule, parameters_given
from gdcli.tensors import Problem, on_device, plain, prepare


class Race:
    """A race: iterate over it for the share of the work that is done, then ask for its record."""

    def __init__(self, settings: CompareSettings) -> None:
        """Set the race up.

        Raises:
            GdcliError: for an expression, a value or an option that does not fit.
        """
        settings = on_device(complete_compare(settings))
        self.racers = {name: _completed(racer(settings, name)) for name in settings.optimizer}
        spelled = {
            f"{name}.{key}": v for name, each in self.racers.items() for key, v in parameters_given(each).items()
        }
        self.settings = replace(settings, opt={**settings.opt, **spelled})
        self.task = _task(settings)
        for start in self.task.starts:
            check_start(self.racers[settings.optimizer[0]].bound, start)
        for each in self.racers.values():  # PyTorch refuses some now, and not when the others have run
            problem = self.task.problem_at(0)
            update_rule(each, problem.tensors, problem.wrt, dict.fromkeys(settings.wrt, 1.0), problem)
        self._running: Runs | None = None
        self._interrupted = False
        self._finished: dict[str, tuple[list[Outcome], bool]] = {}

    def interrupt(self) -> None:
        """Ask the race to end before its next step."""
        self._interrupted = True
        if self._running is not None:
            self._running.interrupt()

    def __iter__(self) -> Iterator[float]:
        """Run every optimizer, and yield now and then which share of the work is done."""
        self._finished = {}
        for done, (name, settings) in enumerate(self.racers.items()):
            if self._interrupted:
                break
            runs = self._runs(settings)
            self._running = runs
            for share in runs:
                yield (done + share) / len(self.racers)
            self._running = None
            if runs.outcomes:
                self._finished[name] = (runs.outcomes, runs.batched)

    def _runs(self, settings: MinimizeSettings) -> Runs:
        starts = range(len(self.task.starts))
        if self.settings.rate_range is not None and self.settings.rates is not None:
            rates = grid(*self.settings.rate_range, self.settings.rates)
            runs = [Run(lr, start) for lr in rates for start in starts]
        elif settings.lr == "auto":
            runs = [Run(rate_at(self.task, start), start) for start in starts]
        else:
            runs = [Run(float(settings.lr or 0.0), start) for start in starts]
        if can_be_together(settings, runs, self.task, tuning=self.settings.tune):
            return Together(settings, runs, self.task)
        return OneByOne(settings, runs, self.task)

    def record(self) -> CompareResult:
        """The standings, once the race has ended.

        Raises:
            UserInterruptError: when it was interrupted before anything was run.
        """
        if not self._finished:
            raise UserInterruptError
        entries = [self._entry(name, found, batched=batched) for name, (found, batched) in self._finished.items()]
        standings = [replace(entry, rank=rank) for rank, entry in ranked(entries)]
        return CompareResult(
            settings=self.settings,
            status="interrupted" if self._interrupted else "ok",
            message=self._message(standings),
            rules=RaceRules(
                expression=expression_of(self.settings),
                goal=self.task.goal.kind,
                limit=self.task.goal.limit,
                minimum=self.task.goal.minimum,
                evaluations=self.task.evaluations,
                runs=len(self.task.starts) * (self.settings.rates or 1),
            ),
            starts=[{name: plain(x) for name, x in start.items()} for start in self.task.starts],
            standings=standings,
            warnings=[notice for each in standings for notice in self._notices(each)],
        )

    def result(self) -> CompareResult:
        """Run to the end and return the record."""
        for _ in self:
            pass
        return self.record()

    def _entry(self, name: str, outcomes: list[Outcome], *, batched: bool) -> tuple[Merit, Standing]:
        cost = sum(outcome.evaluations for outcome in outcomes)
        tuning = None
        if self.settings.tune:
            tuning, outcomes = tuned(outcomes, len(self.task.starts))
        entry = standing(name, outcomes, self.task.goal, tuning=tuning, cost=cost, batched=batched)
        return merit(outcomes), entry

    def _message(self, standings: list[Standing]) -> str:
        """Who has won, in a sentence."""
        if self._interrupted:
            return f"interrupted: {len(self._finished)} of {len(self.racers)} optimizers had started"
        best = standings[0]
        first = " and ".join(each.optimizer for each in standings if each.rank == 1)
        if not best.reached:
            return f"no optimizer reached the goal; {first} came closest"
        if len(self.task.starts) == 1:
            return f"{first} reached the goal first, after {best.evaluations.median:g} evaluations"
        return f"{first} did best, reaching the goal from {best.reached} of {len(best.runs)} starts"

    def _notices(self, entry: Standing) -> Iterator[Notice]:
        name, tuning = entry.optimizer, entry.tuning
        if entry.statuses.get("diverged") == len(entry.runs):
            hint = "a range of smaller rates (--rate-range)" if tuning else "a smaller learning rate, or --tune"
            where = "at every rate" if tuning else "" if entry.lr is None else f"with lr {entry.lr:g}"
            yield Notice("all-diverged", f"{name} diverged {where or 'from every start'}: try {hint}")
        elif tuning is not None and self.settings.rate_range is not None:
            low, high = self.settings.rate_range
            ends = [
                word for word, works in (("lowest", tuning.lowest == low), ("highest", tuning.highest == high)) if works
            ]
            if ends:
                message = f"{name} works at the {' and the '.join(ends)} rate of the grid; widen it with --rate-range"
                yield Notice("grid-too-narrow", message)


def _task(settings: CompareSettings) -> Task:
    def make() -> Problem:
        return prepare(expression_of(settings), settings, settings.wrt)

    problem = make()
    starts = draw_starts(settings, problem)
    # A rule that looks once in a step has made one evaluation more than steps when it has used them up.
    return Task(problem, make, starts, goal_of(settings), evaluations=settings.steps + 1)


def _completed(settings: MinimizeSettings) -> MinimizeSettings:
    return replace(settings, **complete_rule(settings))
