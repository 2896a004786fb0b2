"""What to know about a race: rules that did not reach the goal, ends that are no minimum, a grid that is too narrow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from gdcli.complete.problem import problem_of
from gdcli.complete.racers import racers
from gdcli.contract.compare import CompareSettings, Standing
from gdcli.contract.envelope import Notice
from gdcli.contract.short import exactly, short
from gdcli.descent.data import data_that_moves
from gdcli.race.task import Task
from gdcli.rules.checks import without_effect

_MOST_SHOWN = 4  # numbers of a point in a sentence


def notices(settings: CompareSettings, task: Task, standings: Sequence[Standing]) -> list[Notice]:
    """The notes on the standings, one of a kind."""
    return [
        *([] if problem_of(settings) else data_that_moves(task.problem.leaves)),
        *_left_the_domain(task, standings),
        *_stationary(task, standings),
        *_not_reached(settings, task, standings),
        *_grid_too_narrow(settings, standings),
        *_without_effect(settings),
    ]


def _without_effect(settings: CompareSettings) -> Iterator[Notice]:
    """Parameters that change nothing."""
    for racer in racers(settings):
        yield from (Notice("no-effect", f"{racer.label}: {words}") for words in without_effect(racer.settings))


def _left_the_domain(task: Task, standings: Sequence[Standing]) -> Iterator[Notice]:
    """Runs that ended lower than the known minimum, where it is none."""
    found = [(each, run) for each in standings for run in each.runs if task.goal.is_below(run.loss, run.values)]
    if not found or task.goal.domain is None:
        return
    run = found[0][1]
    bounds = " ".join(
        f"--bound {name}={exactly(low)}:{exactly(high)}" for name, (low, high) in task.goal.domain.items()
    )
    message = (
        f"{listed([each.label for each, _ in found])} left the domain, to where the loss is below the known minimum "
        f"({short(run.loss, 6)}{_at(run.values)}); that does not count as reached; {bounds} keeps a run inside"
    )
    yield Notice("below-minimum", message)


def _stationary(task: Task, standings: Sequence[Standing]) -> Iterator[Notice]:
    """Runs that rest with a small gradient, but not at a minimum; the first one is described."""
    found = [(each, run) for each in standings for run in each.runs if run.status == "stationary"]
    if not found:
        return
    run = found[0][1]
    point = torch.cat([torch.tensor(value, dtype=torch.float64).reshape(-1) for value in run.values.values()])
    (fall,) = task.surroundings.falls(point[None])
    who, where = listed([each.label for each, _ in found]), _at(run.values)
    if fall is None:
        why = f"the loss there, {short(run.loss + 0.0, 6)}{where}, is larger than at the start"
    else:
        lower = _at({name: x.tolist() for name, x in fall.values.items()}) or " beside it"
        why = f"not at a minimum: the loss is {short(fall.here + 0.0, 6)}{where}, but {short(fall.there, 6)}{lower}"
    message = f"{who} rested where the gradient is as small as the goal asks, but {why}"
    if run.values == {name: x.tolist() for name, x in task.starts[run.start].items()}:
        message += "; choose another start"
    yield Notice("stationary", message)


def _not_reached(settings: CompareSettings, task: Task, standings: Sequence[Standing]) -> Iterator[Notice]:
    """Rules that did not reach the goal from any start, and what else to try."""
    failed: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in standings:
        if each.reached or not each.statuses.keys() <= {"max_steps", "diverged", "stalled"}:
            continue
        is_tuned = each.tuning is not None
        code = "all-diverged" if _always_diverged(each) else "out-of-budget"
        failed[code, _hint(settings, code, is_tuned=is_tuned)].append(each.label if is_tuned else _with_rate(each))
    for (code, hint), labels in failed.items():
        budget = f" within {task.evaluations:,} evaluations"
        did = "diverged" if code == "all-diverged" else f"did not reach the goal{budget}"
        yield Notice(code, f"{listed(labels)} {did}{hint}")


def _always_diverged(standing: Standing) -> bool:
    if standing.tuning is None:
        return standing.statuses.keys() == {"diverged"}
    return all(trial.diverged == len(standing.runs) for trial in standing.tuning.trials)


def _hint(settings: CompareSettings, code: str, *, is_tuned: bool) -> str:
    if is_tuned and code == "all-diverged":
        return " at every rate of the grid: try smaller rates (--rate-range)"
    if is_tuned:
        return " at any rate of the grid: try more steps (--steps), or other rates (--rate-range)"
    what = "--lr" if settings.lr is not None else "a rate of its own" if settings.tune else "--no-tune"
    return f"; without {what}, the learning rate is tuned"


def _with_rate(standing: Standing) -> str:
    if standing.lr is None or "lr=" in standing.label:
        return standing.label
    return f"{standing.label} (lr {short(standing.lr, 6)})"


def _grid_too_narrow(settings: CompareSettings, standings: Sequence[Standing]) -> Iterator[Notice]:
    """Rules whose best rate is at an end of the grid, where another one may be better."""
    for which, end in zip(("lowest", "highest"), settings.rate_range or (), strict=False):
        best = [each.label for each in standings if each.tuning and each.reached and each.tuning.best == end]
        if best:
            does = "is" if len(best) == 1 else "are"
            message = f"{listed(best)} {does} best at the {which} rate of the grid, {short(end, 6)}: "
            message += "widen it with --rate-range"
            yield Notice("grid-too-narrow", message)


def _at(values: Mapping[str, Any]) -> str:
    """A point with few numbers in words: " at x = 1, y = 2"; nothing for others."""
    if len(values) > _MOST_SHOWN or any(isinstance(value, list) for value in values.values()):
        return ""
    return " at " + ", ".join(f"{name} = {short(value, 6)}" for name, value in values.items())


def listed(labels: Sequence[str]) -> str:
    """Labels in words, each once: "a, b and c"."""
    *most, last = dict.fromkeys(labels)
    return f"{', '.join(most)} and {last}" if most else last
