"""The runs of one optimizer as a batch, for a race."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch

from gdcli.batch.descent import BatchDescent, BatchSettings
from gdcli.batch.lbfgs import EXACT
from gdcli.batch.objective import can_be_batched
from gdcli.batch.rules import is_batchable
from gdcli.batch.stopping import BatchResult, Status, Stopping
from gdcli.contract.compare import RunStatus
from gdcli.contract.descent import MinimizeSettings
from gdcli.race.minimum import Arrivals
from gdcli.race.task import Outcome, Run, Task

_STATUSES: Mapping[Status, RunStatus] = {
    Status.REACHED: "reached",
    Status.CONVERGED_GRAD: "reached",  # where the goal is a norm of the gradient
    Status.DIVERGED: "diverged",
    Status.MAX_STEPS: "max_steps",
    Status.STALLED: "stalled",
    Status.INTERRUPTED: "interrupted",
}
_SAMPLES = 1024  # losses of a run that are kept for its curve
_MOST_HISTORY = 20_000_000  # numbers that all runs of lbfgs may remember together


class Together:
    """Makes all runs at once: each is the run of ``minimize``, ended by the rules of the race."""

    batched = True

    def __init__(self, settings: MinimizeSettings, runs: Sequence[Run], task: Task) -> None:
        """Take the runs of one optimizer."""
        self.runs = runs
        self.outcomes: list[Outcome] = []
        starts = {name: torch.stack([task.starts[run.start][name] for run in runs]) for name in settings.wrt}
        self.descent = BatchDescent(task.problem, starts, _batch_settings(settings, runs, task))

    def interrupt(self) -> None:
        """Ask the runs to end before their next step."""
        self.descent.interrupt()

    def __iter__(self) -> Iterator[float]:
        """Run, and yield now and then which share of the budget is used."""
        yield from self.descent
        self.outcomes = _outcomes(self.runs, self.descent.result)


def _batch_settings(settings: MinimizeSettings, runs: Sequence[Run], task: Task) -> BatchSettings:
    goal = task.goal
    if goal.kind == "loss":
        stopping = Stopping(evaluations=task.evaluations, goal=goal.limit, domain=_domain(settings, task))
    else:
        arrived = _Arrived(Arrivals(task.surroundings))
        stopping = Stopping(evaluations=task.evaluations, tol_grad=(goal.limit, 0.0), arrived=arrived)
    own = {name: getattr(settings, name) for name in ("momentum", "dampening", "weight_decay", "nesterov")}
    parameters = {**{name: value for name, value in own.items() if value is not None}, **settings.opt}
    rates = torch.tensor([run.lr for run in runs], dtype=torch.float64)
    return BatchSettings(
        rule=settings.optimizer,
        parameters={**parameters, "lr": rates},
        stopping=stopping,
        clip_value=settings.clip_value,
        bound=settings.bound,
        samples=_SAMPLES,
    )


def _domain(settings: MinimizeSettings, task: Task) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The two corners of the box in which the goal counts, each of shape (elements, 1)."""
    if task.goal.domain is None:
        return None
    start = task.starts[0]
    corners = [
        torch.cat([torch.full_like(start[name], task.goal.domain[name][i]).reshape(-1, 1) for name in settings.wrt])
        for i in (0, 1)
    ]
    return corners[0], corners[1]


class _Arrived:
    """Asks ``Arrivals`` about the runs of a batch."""

    def __init__(self, arrivals: Arrivals) -> None:
        self.arrivals = arrivals
        self._is_first = True

    def __call__(self, met: torch.Tensor, loss: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Which of the runs that meet the tolerance have arrived, as ``Stopping.arrived`` has it."""
        if self._is_first:
            self._is_first = False
            self.arrivals.begin(loss.tolist())
        runs = met.nonzero().squeeze(1)
        there = self.arrivals.look(runs.tolist(), loss[runs].tolist(), x[:, runs].T.cpu())
        found = torch.zeros_like(met)
        found[there] = True
        return found


def _outcomes(runs: Sequence[Run], result: BatchResult) -> list[Outcome]:
    """What each run left behind."""
    values = {name: x.tolist() for name, x in result.values.items()}
    last, final = result.evaluations.tolist(), result.loss.tolist()
    steps, best = result.steps.tolist(), result.best.tolist()
    statuses = [_STATUSES[Status(number)] for number in result.status.tolist()]
    curves = _curves(result, last, final)
    return [
        Outcome(
            run, statuses[i], steps[i], last[i], final[i], best[i], {name: x[i] for name, x in values.items()}, curve
        )
        for i, (run, curve) in enumerate(zip(runs, curves, strict=True))
    ]


def _curves(result: BatchResult, last: list[int], final: list[float]) -> Iterator[list[tuple[int, float]]]:
    """The losses of each run that were kept, up to its last one."""
    if result.samples is None:
        raise RuntimeError("the batch kept no losses")
    sampled, losses = result.samples.evaluations.T.tolist(), result.samples.loss.T.tolist()
    for i, end in enumerate(last):
        curve = [pair for pair in zip(sampled[i], losses[i], strict=True) if pair[0] < end]
        yield [*curve, (end, final[i])]


def can_be_together(settings: MinimizeSettings, runs: Sequence[Run], task: Task, *, tuning: bool) -> bool:
    """Whether the rule has a form for many runs, and the objective too.

    A single run gains nothing.
    """
    if len(runs) < 2 or settings.clip_norm is not None or not is_batchable(settings.optimizer):
        return False
    if settings.optimizer == "lbfgs" and not _lbfgs_fits(settings, len(runs), task, tuning=tuning):
        return False
    return can_be_batched(task.problem, task.starts[0])


def rounds_otherwise(settings: MinimizeSettings, task: Task) -> bool:
    """Whether a batch of these runs rounds otherwise than the runs alone, whatever the objective."""
    return settings.optimizer == "lbfgs" and task.problem.unknowns > EXACT


def _lbfgs_fits(settings: MinimizeSettings, runs: int, task: Task, *, tuning: bool) -> bool:
    """Whether these settings of lbfgs have a form for many runs.

    Beyond ``EXACT`` numbers they round otherwise than torch.optim.LBFGS, and that only the many runs of a tuning are
    worth.
    """
    numbers = task.problem.unknowns
    history = settings.opt["history_size"]
    small = isinstance(history, int) and history * runs * numbers <= _MOST_HISTORY
    plain = settings.opt["line_search_fn"] is None and settings.dtype in ("float32", "float64")
    return small and plain and (tuning or not rounds_otherwise(settings, task))
