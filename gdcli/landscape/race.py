"""The figure of a race: the path of every optimizer from the first start, on one landscape."""

from __future__ import annotations

from msgspec.structs import replace

from gdcli.complete.problem import known_minima
from gdcli.contract.compare import CompareResult, Standing
from gdcli.contract.descent import MinimizeResult
from gdcli.contract.figure import Figure
from gdcli.contract.plot import spelled_out
from gdcli.descent.minimize import Minimizing
from gdcli.descent.run import Descent
from gdcli.landscape.descent import descent_figure, with_gradient_norm
from gdcli.landscape.trail import Trail
from gdcli.race.race import Race


def race_figure(race: Race, record: CompareResult, *, gradient_norm: bool = False) -> Figure:
    """The loss of each optimizer over its steps, beside the paths; the best one is the first.

    A race keeps no paths: the runs from the first start are made again, each as the run of ``minimize`` that it is.
    With ``gradient_norm``, the last panel is the norm of the gradient over the steps.
    """
    trails = [_trail(race, standing) for standing in record.standings]
    title = f"compare {spelled_out(record.settings.expression, record.rules.expression)}"
    subtitle = "the runs from the first start" if len(record.starts) > 1 else ""
    figure = descent_figure(title, subtitle, race.task.problem_at(0), trails, known_minima(record.settings))
    return with_gradient_norm(figure, trails) if gradient_norm else figure


def descent_of(race: Race, standing: Standing) -> Descent[MinimizeResult]:
    """An optimizer's run from the first start, at its best learning rate."""
    rate = standing.lr if standing.tuning is None else standing.tuning.best
    runs = [run for run in standing.runs if run.start == 0]
    run = min(runs, key=lambda run: 0.0 if rate is None else abs(run.lr - rate))
    settings = replace(race.racers[standing.optimizer], lr=run.lr, steps=run.steps)
    return Descent(replace(settings, diagnose=False), Minimizing(settings, lambda: race.task.problem_at(0)))


def _trail(race: Race, standing: Standing) -> Trail:
    """Its states."""
    descent = descent_of(race, standing)
    trail = Trail(standing.optimizer)
    for state in descent.states():
        trail.add(state)
    return trail
