"""The figure of a race: the path of every optimizer from the first start, on one landscape."""

from __future__ import annotations

from gdcli.complete.problem import known_minima
from gdcli.contract.compare import CompareResult, Standing
from gdcli.contract.figure import Counted, Figure
from gdcli.contract.plot import spelled_out
from gdcli.landscape.descent import descent_figure, with_gradient_norm
from gdcli.landscape.trail import Trail
from gdcli.race.race import Race


def race_figure(
    race: Race, record: CompareResult, *, counted: Counted = "evaluation", gradient_norm: bool = False
) -> Figure:
    """The loss of each optimizer over its evaluations or its steps, beside the paths; the best one is the first.

    A race keeps no paths: the runs from the first start are made again, each as the run of ``minimize`` that it is.
    With ``gradient_norm``, the last panel is the norm of the gradient over the same.
    """
    trails = [_trail(race, standing, counted) for standing in record.standings]
    title = f"compare {spelled_out(record.settings.expression, record.rules.expression)}"
    subtitle = "the runs from the first start" if len(record.starts) > 1 else ""
    figure = descent_figure(title, subtitle, race.task.problem_at(0), trails, known_minima(record.settings))
    return with_gradient_norm(figure, trails) if gradient_norm else figure


def _trail(race: Race, standing: Standing, counted: Counted) -> Trail:
    """The states of an optimizer's run from the first start, at its best learning rate."""
    descent = race.descent_of(standing)
    trail = Trail(standing.label, counted)
    for state in descent.states():
        trail.add(state)
    return trail
