"""The search for a learning rate on a grid: the best one, and how wide the range is in which rates work."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gdcli.contract.compare import RateTrial, Tuning
from gdcli.race.standings import evaluations_to_goal, median, merit
from gdcli.race.task import Outcome


def grid(low: float, high: float, count: int) -> list[float]:
    """So many rates from ``low`` to ``high``, both included, evenly spaced in their logarithm."""
    step = math.log(high / low) / (count - 1)
    inner = [low * math.exp(step * i) for i in range(1, count - 1)]
    return [low, *inner, high]


def tuned(outcomes: Sequence[Outcome], starts: int) -> tuple[Tuning, list[Outcome]]:
    """What a grid of rates has shown, and the outcomes of the best one; those of a rate follow each other."""
    groups = [list(outcomes[i : i + starts]) for i in range(0, len(outcomes), starts)]
    merits = [merit(group) for group in groups]
    best = merits.index(min(merits))
    rates = [group[0].run.lr for group in groups]
    works = [2 * sum(outcome.reached for outcome in group) >= len(group) for group in groups]
    first = last = best
    while first > 0 and works[first - 1]:
        first -= 1
    while last + 1 < len(works) and works[last + 1]:
        last += 1
    lowest, highest = (rates[first], rates[last]) if works[best] else (None, None)
    found = Tuning(
        best=rates[best],
        lowest=lowest,
        highest=highest,
        width=math.log10(highest / lowest) if lowest and highest else None,
        trials=[_trial(group) for group in groups],
    )
    return found, groups[best]


def _trial(group: Sequence[Outcome]) -> RateTrial:
    return RateTrial(
        lr=group[0].run.lr,
        reached=sum(outcome.reached for outcome in group),
        evaluations=median(evaluations_to_goal(group)),
        loss=median(outcome.loss for outcome in group),
    )
