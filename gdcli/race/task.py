"""The task of a race: the problem, the starts that all optimizers share, and what a run leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from gdcli.complete.domain import interval
from gdcli.contract.compare import CompareSettings, RunStatus
from gdcli.contract.fields import Nested
from gdcli.contract.short import exactly
from gdcli.descent.curvature import rate_from_curvature
from gdcli.errors import GdcliError
from gdcli.race.goal import Goal
from gdcli.race.minimum import Surroundings
from gdcli.rules.rule import Tensors
from gdcli.tensors import Problem, check_scalar


@dataclass(frozen=True, slots=True)
class Task:
    """What every optimizer of a race meets: the problem, the values of its variables at each start, goal and budget.

    ``surroundings`` says whether a point with a small gradient is a minimum. ``prepare`` makes the problem anew, with a
    generator of random numbers that is again at its beginning.
    """

    problem: Problem
    prepare: Callable[[], Problem]
    starts: tuple[Tensors, ...]
    goal: Goal
    surroundings: Surroundings
    evaluations: int

    def problem_at(self, start: int) -> Problem:
        """The problem with its variables at a start: tensors of its own, and the random numbers of a run alone."""
        moved = {name: x.clone().requires_grad_() for name, x in self.starts[start].items()}
        problem = self.prepare() if self.problem.is_random else self.problem
        return replace(problem, tensors={**problem.tensors, **moved})


@dataclass(frozen=True, slots=True)
class Run:
    """A run: its learning rate, and the number of its start."""

    lr: float
    start: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state in which a run ended, and its losses on the way as pairs (evaluations so far, loss)."""

    run: Run
    status: RunStatus
    steps: int
    evaluations: int
    loss: float
    best_loss: float
    values: dict[str, Nested]
    curve: list[tuple[int, float]]

    @property
    def reached(self) -> bool:
        """Whether it reached the goal."""
        return self.status == "reached"


class Runs(Protocol):
    """The runs of one optimizer: iterate over them for the share that is done, then read the outcomes in order."""

    batched: bool
    outcomes: list[Outcome]

    def __iter__(self) -> Iterator[float]:
        """Run, and yield now and then which share of the budget is used."""

    def interrupt(self) -> None:
        """Ask the runs to end before their next step."""


def draw_starts(settings: CompareSettings, problem: Problem) -> tuple[Tensors, ...]:
    """The starts: the one that the values give, or points drawn evenly from the domain, which depend on the seed alone.

    Start number i is the same in a race with more starts, and in every dtype but for its rounding.

    Raises:
        GdcliError: for a start outside the domain, or where the expression has no gradient.
    """
    given = {name: problem.tensors[name].detach() for name in settings.wrt}
    value = problem.value()
    check_scalar(value, problem.objective.expression, problem.wrt)
    if not settings.starts:
        _check_domain(settings, given)
        return (given,)
    sizes = [x.numel() for x in given.values()]
    generator = torch.Generator().manual_seed(settings.seed)
    numbers = torch.rand(settings.starts, sum(sizes), generator=generator, dtype=torch.float64)
    drawn: dict[str, torch.Tensor] = {}
    for (name, x), part in zip(given.items(), torch.split(numbers, sizes, dim=1), strict=True):
        low, high = interval(settings, name)
        inside = (low + (high - low) * part).to(x.dtype)
        drawn[name] = inside.clamp(low, high).reshape(settings.starts, *x.shape).to(x.device)
    return tuple({name: x[i].clone() for name, x in drawn.items()} for i in range(settings.starts))


def rate_at(task: Task, start: int) -> float:
    """The learning rate that ``auto`` stands for at a start.

    Raises:
        GdcliError: where there is no curvature to go by.
    """
    return rate_from_curvature(task.problem_at(start), maximize=False)


def _check_domain(settings: CompareSettings, start: Tensors) -> None:
    for name, x in start.items():
        if name in settings.domain:
            low, high = interval(settings, name)
            if bool((x < low).any()) or bool((x > high).any()):
                message = f"the start of {name} lies outside its domain, {exactly(low)}:{exactly(high)}"
                wider = f"{exactly(min(low, float(x.min())))}:{exactly(max(high, float(x.max())))}"
                hint = f"choose another start, or widen the domain: --domain {name}={wider}"
                raise GdcliError("domain", message, hint)
