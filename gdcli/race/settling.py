"""Runs that ended short of the goal with a small gradient: at a minimum after all, or stationary elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from gdcli.descent.criteria import reached
from gdcli.landscape.surface import gradients
from gdcli.race.task import Outcome, Task


def settled(outcomes: Sequence[Outcome], task: Task) -> list[Outcome]:
    """The outcomes, those of runs that rest with a small gradient judged by the loss beside them.

    One at a minimum that is no higher than its start has reached the goal; the others are stationary.
    """
    found = list(outcomes)
    if task.goal.kind == "loss" or not task.surroundings.are_known:
        return found
    resting = [i for i, each in enumerate(found) if each.status in ("max_steps", "stalled")]
    if not resting:
        return found
    points = torch.stack([point_of(found[i], task) for i in resting])
    small = [
        i for i, norm in zip(resting, _gradient_norms(points, task), strict=True) if reached(norm, task.goal.limit)
    ]
    falls = task.surroundings.falls(torch.stack([point_of(found[i], task) for i in small])) if small else []
    for i, fall in zip(small, falls, strict=True):
        is_there = fall is None and found[i].loss <= found[i].curve[0][1]
        found[i] = replace(found[i], status="reached" if is_there else "stationary")
    return found


def point_of(run: Outcome, task: Task) -> torch.Tensor:
    """Where a run ended, as a vector of float64."""
    return torch.cat([torch.tensor(run.values[name], dtype=torch.float64).reshape(-1) for name in task.problem.wrt])


def _gradient_norms(points: torch.Tensor, task: Task) -> list[float]:
    shapes = {name: x.shape for name, x in task.starts[0].items()}
    parts = torch.split(points, [shape.numel() for shape in shapes.values()], dim=1)
    columns = {name: part.reshape(-1, *shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
    found = gradients(task.problem, columns)
    rows = [torch.tensor(each, dtype=torch.float64).reshape(len(points), -1) for each in found.values()]
    norms: list[float] = torch.cat(rows, dim=1).norm(dim=1).tolist()
    return norms
