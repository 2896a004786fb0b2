"""From the outcomes of runs to statistics, and from these to ranks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from gdcli.complete.racers import Racer
from gdcli.contract.compare import LossCurve, RaceRun, Spread, Standing, Tuning
from gdcli.race.goal import Goal
from gdcli.race.task import Outcome
from gdcli.rules.parameters import parameters_given

_POINTS = 60  # of a curve in the record

Merit = tuple[float, float, float]
"""What ranks: more runs that reach the goal, then fewer evaluations to it, then a smaller loss. Less is better."""


def merit(outcomes: Sequence[Outcome], goal: Goal) -> Merit:
    """The merit of some runs: medians over them.

    A loss that diverged counts as infinite, and so does one below the known minimum, outside the domain.
    """
    reached = sum(outcome.reached for outcome in outcomes)
    lost = [each.status == "diverged" or goal.is_below(each.loss, each.values) for each in outcomes]
    losses = [math.inf if is_lost else each.loss for is_lost, each in zip(lost, outcomes, strict=True)]
    return -reached / len(outcomes), median(evaluations_to_goal(outcomes)), median(losses)


def evaluations_to_goal(outcomes: Iterable[Outcome]) -> list[float]:
    """How many evaluations each run took; infinitely many where it did not reach the goal."""
    return [outcome.evaluations if outcome.reached else math.inf for outcome in outcomes]


def median(numbers: Iterable[float]) -> float:
    """The median; what is not a number counts as infinite."""
    return _quantile(_sorted(numbers), 0.5)


def spread(numbers: Iterable[float | None]) -> Spread:
    """Median and quartiles; None and what is not a number count as infinite."""
    ordered = _sorted(math.inf if number is None else number for number in numbers)
    return Spread(*(_quantile(ordered, part) for part in (0.5, 0.25, 0.75)))


def _sorted(numbers: Iterable[float]) -> list[float]:
    return sorted(math.inf if math.isnan(number) else number for number in numbers)


def _quantile(ordered: Sequence[float], part: float) -> float:
    """The quantile, linear between neighbours."""
    place = part * (len(ordered) - 1)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    return below if below == above else below + (above - below) * (place % 1)


def standing(
    racer: Racer, outcomes: Sequence[Outcome], goal: Goal, *, tuning: Tuning | None, cost: int, batched: bool
) -> Standing:
    """How an optimizer did, with the rank still open (0)."""
    reached = sum(outcome.reached for outcome in outcomes)
    rates = {outcome.run.lr for outcome in outcomes}
    statuses = Counter(outcome.status for outcome in outcomes)
    return Standing(
        rank=0,
        label=racer.label,
        optimizer=str(racer.settings.optimizer),
        parameters=dict(parameters_given(racer.settings)),
        lr=rates.pop() if len(rates) == 1 else None,
        reached=reached,
        share=None if goal.minimum is None else reached / len(outcomes),
        statuses=dict(sorted(statuses.items())),
        steps=spread(o.steps if o.reached else None for o in outcomes),
        evaluations=spread(evaluations_to_goal(outcomes)),
        loss=spread(o.loss for o in outcomes),
        best_loss=spread(o.best_loss for o in outcomes),
        distance=spread(goal.distance(o.values) for o in outcomes),
        cost=cost,
        batched=batched,
        curve=median_curve([o.curve for o in outcomes]),
        tuning=tuning,
        runs=[_run(outcome, goal) for outcome in outcomes],
    )


def _run(outcome: Outcome, goal: Goal) -> RaceRun:
    return RaceRun(
        start=outcome.run.start,
        lr=outcome.run.lr,
        status=outcome.status,
        steps=outcome.steps,
        evaluations=outcome.evaluations,
        loss=outcome.loss,
        best_loss=outcome.best_loss,
        distance=goal.distance(outcome.values),
        values=outcome.values,
    )


def median_curve(curves: Sequence[Sequence[tuple[int, float]]]) -> LossCurve:
    """The median of some curves, each of which keeps its loss until the next state, and its last one for good."""
    all_places = sorted({evaluations for curve in curves for evaluations, _ in curve})
    last = len(all_places) - 1
    chosen = range(last + 1) if last < _POINTS else [round(i * last / (_POINTS - 1)) for i in range(_POINTS)]
    places = [all_places[i] for i in chosen]
    columns = [_at_places(curve, places) for curve in curves]
    return LossCurve(places, [median(losses) for losses in zip(*columns, strict=True)])


def _at_places(curve: Sequence[tuple[int, float]], places: Sequence[int]) -> list[float]:
    """The loss of one curve at each place: that of the last state before it."""
    found: list[float] = []
    i = 0
    for place in places:
        while i + 1 < len(curve) and curve[i + 1][0] <= place:
            i += 1
        found.append(curve[i][1])
    return found


def ranked(standings: Sequence[tuple[Merit, Standing]]) -> list[tuple[int, Standing]]:
    """The standings with their ranks, best first; equal merits share a rank, and keep their order."""
    ordered = sorted(standings, key=lambda pair: pair[0])
    merits = [each for each, _ in ordered]
    return [(merits.index(each) + 1, entry) for each, entry in ordered]
