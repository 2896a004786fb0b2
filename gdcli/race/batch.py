"""Many runs at once, as tensors with a first axis of runs: for rules that treat each element on its own."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from msgspec.structs import replace

from gdcli.contract.compare import RunStatus
from gdcli.contract.descent import MinimizeSettings
from gdcli.descent.optimizers import update_rule
from gdcli.descent.rules import Tensors, UpdateRule
from gdcli.errors import GdcliError
from gdcli.race.board import Board
from gdcli.race.lbfgs import EXACT, LbfgsLanes
from gdcli.race.track import Lane, Outcome, Track
from gdcli.tensors import Problem

# Rules that look at a whole tensor to move one of its elements: muon at its singular values, adafactor at its norm.
_WHOLE_TENSOR = frozenset(["muon", "adafactor"])
_NOTHING: Any = None  # what an elementwise rule evaluates in its step
_MOST_HISTORY = 20_000_000  # numbers that all lanes of lbfgs may remember together


class Mover(Protocol):
    """Moves the variables of all runs."""

    def step(self, alive: torch.Tensor) -> torch.Tensor | int:
        """Make a step of the runs that are alive; returns how many evaluations each took."""


class Batch:
    """The runs of one optimizer, computed together: a batch of losses, of gradients, of steps.

    The objective becomes one of a whole batch by ``torch.func.vmap``; the steps are made by the very rules of single
    runs, a rule for each learning rate, on views of the batch.
    """

    batched = True

    def __init__(self, settings: MinimizeSettings, lanes: Sequence[Lane], track: Track, *, remembers: bool) -> None:
        """Take the runs of one optimizer; ``remembers`` says that the same place is not yet the same state.

        Those of one learning rate follow each other in ``lanes``.
        """
        self.settings = settings
        self.lanes = list(lanes)
        self.track = track
        self.remembers = remembers
        self.outcomes: list[Outcome] = []
        self._interrupted = False
        stacked = {name: [track.starts[lane.start][name] for lane in lanes] for name in settings.wrt}
        self.starts: Tensors = {name: torch.stack(points) for name, points in stacked.items()}
        self.x: Tensors = {name: points.clone() for name, points in self.starts.items()}
        self.gradients: Tensors = {name: torch.zeros_like(points) for name, points in self.starts.items()}
        self.evaluate = evaluator(track.problem, self.x, self.gradients)

    def interrupt(self) -> None:
        """Ask the runs to end before their next step."""
        self._interrupted = True

    def __iter__(self) -> Iterator[float]:
        """Run, and yield now and then which share of the budget is used."""
        budget = self.track.evaluations
        device = next(iter(self.x.values())).device
        board = Board(len(self.lanes), self.track.goal, budget, device)
        mover = self._mover()
        before: Tensors | None = None
        for iteration in itertools.count():
            loss = self.evaluate()
            board.evaluations += board.alive
            board.look(iteration, loss, self.gradients, self.x)
            self._end_others(board, iteration, loss, before)
            if not bool(board.alive.any()):
                break
            yield int(board.evaluations.max()) / budget
            if not self.remembers:
                before = {name: x.clone() for name, x in self.x.items()}
            board.evaluations += mover.step(board.alive)
            self._keep_in_bounds()
            self._park(board.alive)
        self.outcomes = board.outcomes(self.lanes)

    def _mover(self) -> Mover:
        if self.settings.optimizer == "lbfgs":
            rates = torch.tensor([lane.lr for lane in self.lanes], dtype=torch.float64)
            return LbfgsLanes(self.x, self.gradients, rates, self.settings.opt, self.evaluate)
        return _ElementwiseRules(self.settings, self.lanes, self.x, self.gradients)

    def _end_others(self, board: Board, iteration: int, loss: torch.Tensor, before: Tensors | None) -> None:
        """End the runs that a step has not moved, and all when that is asked for."""
        ends: list[tuple[RunStatus, torch.Tensor]] = []
        if before is not None:
            same = [(x == before[name]).reshape(len(x), -1).all(1) for name, x in self.x.items()]
            ends.append(("stalled", torch.stack(same).all(0)))
        if self._interrupted:
            ends.append(("interrupted", board.alive))
        for status, ended in ends:
            board.end(status, ended, iteration, loss, self.x)

    def _keep_in_bounds(self) -> None:
        for name, (low, high) in self.settings.bound.items():
            self.x[name].clamp_(low, high)

    def _park(self, alive: torch.Tensor) -> None:
        """Put the runs that have ended back to their start, where the objective is defined."""
        if not bool(alive.all()):
            for name, x in self.x.items():
                x[~alive] = self.starts[name][~alive]


class _ElementwiseRules:
    """A rule for each learning rate, over the views of its runs."""

    def __init__(self, settings: MinimizeSettings, lanes: list[Lane], x: Tensors, gradients: Tensors) -> None:
        self.clip_value = settings.clip_value
        self.gradients = gradients
        self.rules: list[tuple[slice, UpdateRule, list[tuple[torch.Tensor, torch.Tensor]]]] = []
        start = 0
        for lr, group in itertools.groupby(lanes, key=lambda lane: lane.lr):
            part = slice(start, start + len(list(group)))
            views = {name: points[part] for name, points in x.items()}
            rule = update_rule(replace(settings, lr=lr), views, tuple(views), dict.fromkeys(views, lr))
            self.rules.append((part, rule, [(view, gradients[name][part]) for name, view in views.items()]))
            start = part.stop

    def step(self, alive: torch.Tensor) -> int:
        """Make a step of the runs that are alive; they need no evaluation for it."""
        if self.clip_value is not None:
            for gradient in self.gradients.values():
                gradient.clamp_(-self.clip_value, self.clip_value)
        for part, rule, views in self.rules:
            if bool(alive[part].any()):
                for view, gradient in views:
                    view.grad = gradient
                rule.step(_NOTHING)
        return 0


def evaluator(problem: Problem, x: Tensors, gradients: Tensors) -> Callable[[], torch.Tensor]:
    """A function that fills ``gradients`` at ``x``, both with a first axis of runs, and returns the losses."""
    moving = {name: points.detach().requires_grad_() for name, points in x.items()}  # the same memory as x
    arguments = [moving.get(name, tensor) for name, tensor in problem.tensors.items()]
    axes = tuple(0 if name in moving else None for name in problem.tensors)
    objective = torch.func.vmap(lambda *tensors: problem.objective(*tensors).reshape(()), in_dims=axes)
    leaves = list(moving.values())

    def evaluate() -> torch.Tensor:
        losses: torch.Tensor = objective(*arguments)
        found = torch.autograd.grad(losses.sum(), leaves)  # a loss has no part in the gradient of another
        for gradient, new in zip(gradients.values(), found, strict=True):
            gradient.copy_(new)
        return losses.detach()

    return evaluate


def can_be_batched(settings: MinimizeSettings, lanes: Sequence[Lane], track: Track, *, tuning: bool) -> bool:
    """Whether the rule treats each element on its own (or is lbfgs, for which lanes exist), and the objective batches.

    A single run gains nothing, and random numbers would be drawn for all runs together.
    """
    if len(lanes) < 2 or track.problem.is_random or settings.clip_norm is not None:
        return False
    if settings.optimizer in _WHOLE_TENSOR:
        return False
    if settings.optimizer == "lbfgs" and not _lbfgs_fits(settings, len(lanes), track, tuning=tuning):
        return False
    return _has_batching_rules(track)


def _lbfgs_fits(settings: MinimizeSettings, lanes: int, track: Track, *, tuning: bool) -> bool:
    """Whether there are lanes for these settings of lbfgs.

    Beyond ``EXACT`` numbers they round otherwise than torch.optim.LBFGS, and that only the many runs of a tuning are
    worth.
    """
    numbers = sum(x.numel() for x in track.starts[0].values())
    history = settings.opt["history_size"]
    small = isinstance(history, int) and history * lanes * numbers <= _MOST_HISTORY
    plain = settings.opt["line_search_fn"] is None and settings.dtype in ("float32", "float64")
    return small and plain and (tuning or numbers <= EXACT)


def _has_batching_rules(track: Track) -> bool:
    """Whether PyTorch can evaluate the objective for several starts at once without falling back to a loop."""
    x = {name: torch.stack([points, points]) for name, points in track.starts[0].items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            evaluator(track.problem, x, {name: torch.zeros_like(points) for name, points in x.items()})()
        except (GdcliError, RuntimeError, ValueError, UserWarning):
            return False
    return True
