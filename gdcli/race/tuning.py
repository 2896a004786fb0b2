"""The search for a learning rate on a grid: the best one, and all that work, as ranges."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence

from gdcli.contract.compare import CompareSettings, RateTrial, Tuning
from gdcli.race.goal import Goal
from gdcli.race.standings import evaluations_to_goal, median, merit
from gdcli.race.task import Outcome


def grid(low: float, high: float, count: int) -> list[float]:
    """So many rates from ``low`` to ``high``, both included, evenly spaced in their logarithm."""
    step = math.log(high / low) / (count - 1)
    inner = [low * math.exp(step * i) for i in range(1, count - 1)]
    return [low, *inner, high]


def rates_to_try(settings: CompareSettings) -> list[float]:
    """The learning rates of a race that is tuned, from the lowest to the highest; none for one that is not.

    They are 1, 2, 3 and 5 times powers of 10 and the two ends of the range, or as many as the settings say.
    """
    if not settings.tune or settings.rate_range is None:
        return []
    low, high = settings.rate_range
    if settings.rates is not None:
        return grid(low, high, settings.rates)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    series = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 3, 5)]
    return [low, *(rate for rate in series if low < rate < high), high]


def tuned(outcomes: Sequence[Outcome], starts: int, goal: Goal) -> tuple[Tuning, list[Outcome]]:
    """What a grid of rates has shown, and the outcomes of the best one; those of a rate follow each other."""
    groups = [list(outcomes[i : i + starts]) for i in range(0, len(outcomes), starts)]
    merits = [merit(group, goal) for group in groups]
    best = merits.index(min(merits))
    rates = [group[0].run.lr for group in groups]
    works = [2 * sum(outcome.reached for outcome in group) >= len(group) for group in groups]
    working = _ranges(rates, works)
    found = Tuning(
        best=rates[best],
        working=working,
        width=sum(math.log10(high / low) for low, high in working) if working else None,
        trials=[_trial(group) for group in groups],
    )
    return found, groups[best]


def _ranges(rates: Sequence[float], works: Sequence[bool]) -> list[tuple[float, float]]:
    """The lowest and the highest of the rates of each stretch that works."""
    stretches = itertools.groupby(zip(rates, works, strict=True), key=operator.itemgetter(1))
    found = [[rate for rate, _ in stretch] for does_work, stretch in stretches if does_work]
    return [(stretch[0], stretch[-1]) for stretch in found]


def _trial(group: Sequence[Outcome]) -> RateTrial:
    return RateTrial(
        lr=group[0].run.lr,
        reached=sum(outcome.reached for outcome in group),
        diverged=sum(outcome.status == "diverged" for outcome in group),
        evaluations=median(evaluations_to_goal(group)),
        loss=median(outcome.loss for outcome in group),
    )
