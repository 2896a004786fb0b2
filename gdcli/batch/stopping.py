"""When the runs of a batch end: looks at every run after each evaluation, and keeps the state in which it ended."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from gdcli.descent.criteria import grown, largest_loss, reached, threshold
from gdcli.rules.rule import Tensors

Tolerance = tuple[float, float]
"""Absolute and relative."""


class Status(enum.IntEnum):
    """How a run has ended; the first one that holds, in this order. The names are those of a single descent."""

    RUNNING = 0
    REACHED = 1  # the goal
    DIVERGED = 2
    CONVERGED_GRAD = 3
    CONVERGED_LOSS = 4
    CONVERGED_X = 5
    MAX_STEPS = 6
    STALLED = 7
    INTERRUPTED = 8
    CONVERGED_ALL = 9
    CYCLING = 10


@dataclass(frozen=True, slots=True)
class Stopping:
    """When a run ends; the tests are those of ``gdcli.descent.stopping``.

    ``evaluations`` is the budget: a rule that evaluates once in a step has made one evaluation more than steps.
    ``goal`` is a loss to reach, where ``domain`` is given at a point between these two, of shape (elements, 1). With
    ``arrived``, a run that meets ``tol_grad`` ends only if that function says so: of which runs meet it, of the losses,
    both of shape (runs,), and of the points (elements, runs) it returns which of these runs end. With ``stalled``, a
    run ends when a step has not moved it and no other step will. With ``maximize`` a loss may grow, and the largest one
    is the best. ``until`` is a loss to reach, wherever; with ``takes_all`` a run converges when all tolerances are met.
    With ``cycles``, a run ends at a point where it was before, as a single descent looks for it: it is stalled where
    that was one step before.
    """

    evaluations: int
    goal: float | None = None
    domain: tuple[torch.Tensor, torch.Tensor] | None = None
    tol_grad: Tolerance | None = None
    arrived: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor] | None = None
    tol_loss: Tolerance | None = None
    tol_x: Tolerance | None = None
    stalled: bool = True
    maximize: bool = False
    until: float | None = None
    takes_all: bool = False
    cycles: bool | torch.Tensor = False


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of runs before an iteration: what the tests of the next ones compare with.

    ``loss``, ``gradient`` and ``x`` are those of the iteration before; x is None where no tolerance needs it.
    ``largest`` and ``first_norm`` come from the start, and the ``landmark`` from iteration ``landmark_at``.
    """

    loss: torch.Tensor
    gradient: torch.Tensor
    x: torch.Tensor | None
    largest: torch.Tensor
    first_norm: torch.Tensor
    landmark: torch.Tensor | None = None
    landmark_at: int = 0


@dataclass(frozen=True, slots=True)
class Samples:
    """The losses of some iterations, evenly spaced, of shape (samples, runs), and how many evaluations had been made.

    A run that has ended is at its start again: what stands there after its last evaluation is not of the run.
    """

    evaluations: torch.Tensor
    loss: torch.Tensor


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The state in which each run has ended: tensors of shape (runs,), ``values`` with a first axis of runs.

    ``status`` holds members of ``Status``; ``best`` is the best loss of a run, and the losses are float64.
    """

    status: torch.Tensor
    steps: torch.Tensor
    evaluations: torch.Tensor
    loss: torch.Tensor
    best: torch.Tensor
    values: Tensors
    samples: Samples | None


class BatchStopTests:
    """The tests after each evaluation. ``alive`` says which runs go on; the others do not count any more."""

    def __init__(self, stopping: Stopping, x: torch.Tensor, *, stalls: bool | torch.Tensor, samples: int) -> None:
        """Test runs at ``x``, of shape (elements, runs).

        ``stalls`` says whether a run that a step has not moved has ended, for all or, with shape (runs,), for each.
        ``samples`` is how many losses of a run are kept at most.
        """
        self.stopping = stopping
        runs, device = x.shape[1], x.device
        self.alive = torch.ones(runs, dtype=torch.bool, device=device)
        self.status = torch.full((runs,), Status.RUNNING, dtype=torch.int64, device=device)
        self.steps = torch.zeros_like(self.status)
        self.evaluations = torch.zeros_like(self.status)
        self.loss = torch.full((runs,), torch.inf, dtype=torch.float64, device=device)
        self.best = -self.loss if stopping.maximize else self.loss
        self.x = x.clone()
        self._stalls = torch.as_tensor(stalls, device=device)
        self._compares = stopping.tol_x is not None or bool(self._stalls.any())
        self._previous_x: torch.Tensor | None = None
        self._previous_loss: torch.Tensor | None = None
        self._previous_gradient = torch.zeros_like(x)
        self.first_norm = self.largest = self.norm = self.loss
        self._norm_now: torch.Tensor | None = None
        self.landmark: torch.Tensor | None = None
        self._landmark_at = 0
        self._samples: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._most, self._every = samples, 1

    def resume(self, before: Before) -> None:
        """Go on with runs that were tested before."""
        self.largest, self.first_norm = before.largest, before.first_norm
        self._previous_loss = before.loss.double()
        self._previous_gradient.copy_(before.gradient)
        self._previous_x = before.x
        self.landmark, self._landmark_at = before.landmark, before.landmark_at

    def look(self, iteration: int, loss: torch.Tensor, gradient: torch.Tensor, x: torch.Tensor) -> None:
        """Look at the state before step ``iteration``: losses (runs,), gradients and points (elements, runs)."""
        loss = loss.double()
        self._norm_now = None
        if iteration == 0:
            self.largest, self.first_norm = largest_loss(loss), self._norm_of(gradient)
        if self._most:
            self._sample(iteration, loss)
        # Those that have ended are at their start, whose loss is among those of the run: they may stay in the count.
        self.best = (torch.fmax if self.stopping.maximize else torch.fmin)(self.best, loss)
        self._end([*self._found(loss, gradient, x), *self._repeated(iteration, x)], iteration, loss, x, gradient)
        self._previous_loss = loss.clone()  # an engine writes its losses into the same tensor again
        self._previous_gradient.copy_(gradient)
        if self._compares:
            self._previous_x = x.clone()

    def _norm_of(self, gradient: torch.Tensor) -> torch.Tensor:
        """The norms of the gradients that are looked at, computed once."""
        if self._norm_now is None:
            self._norm_now = norm_of(gradient)
        return self._norm_now

    def _found(
        self, loss: torch.Tensor, gradient: torch.Tensor, x: torch.Tensor
    ) -> Iterator[tuple[Status, torch.Tensor]]:
        """What each test says, of all runs, in the order of ``Status``."""
        stopping, previous = self.stopping, self._previous_x
        if stopping.goal is not None:
            there = reached(loss, stopping.goal)
            if stopping.domain is not None and bool(there.any()):
                low, high = stopping.domain
                there = there & ((x >= low) & (x <= high)).all(0)
            yield Status.REACHED, there
        # A first look at all runs together: at most steps all are finite, and none has grown.
        if not bool(gradient.abs().max() < torch.inf):
            yield Status.DIVERGED, ~torch.isfinite(gradient).all(0)
        size = loss.abs()
        yield Status.DIVERGED, ~(size < torch.inf)
        if not stopping.maximize and bool((size > self.largest).any()):
            yield Status.DIVERGED, grown(loss, self.largest, self._norm_of(gradient), norm_of(self._previous_gradient))
        if stopping.until is not None:
            far = -loss if stopping.maximize else loss
            yield Status.REACHED, far <= (-stopping.until if stopping.maximize else stopping.until)
        met = list(self._within(loss, size, gradient, x))
        if stopping.takes_all and len(met) > 1:
            yield Status.CONVERGED_ALL, functools.reduce(torch.logical_and, (holds for _, holds in met))
        else:
            yield from met
        yield Status.MAX_STEPS, self.evaluations >= stopping.evaluations
        if previous is not None:
            yield Status.STALLED, self._stalls & (x == previous).all(0)

    def _within(
        self, loss: torch.Tensor, size: torch.Tensor, gradient: torch.Tensor, x: torch.Tensor
    ) -> Iterator[tuple[Status, torch.Tensor]]:
        """What each tolerance says: of the gradient, of the loss, of the variables."""
        stopping, previous = self.stopping, self._previous_x
        none = torch.zeros_like(self.alive)
        if stopping.tol_grad is not None:
            met = self._norm_of(gradient) <= threshold(stopping.tol_grad, self.first_norm)
            if stopping.arrived is not None:
                met = stopping.arrived(met & self.alive & torch.isfinite(loss), loss, x)
            yield Status.CONVERGED_GRAD, met
        if stopping.tol_loss is not None:
            change = None if self._previous_loss is None else (loss - self._previous_loss).abs()
            yield Status.CONVERGED_LOSS, none if change is None else change <= threshold(stopping.tol_loss, size)
        if stopping.tol_x is not None:
            move = None if previous is None else norm_of(x.double() - previous.double())
            yield Status.CONVERGED_X, none if move is None else move <= threshold(stopping.tol_x, norm_of(x))

    def _repeated(self, iteration: int, x: torch.Tensor) -> Iterator[tuple[Status, torch.Tensor]]:
        """Whether a run was at this point before (Brent 1980: against a landmark at each power of two)."""
        cycles = self.stopping.cycles
        if cycles is False:
            return
        if self.landmark is not None:
            period = iteration - self._landmark_at
            yield Status.STALLED if period == 1 else Status.CYCLING, (x == self.landmark).all(0) & cycles
        if is_at_landmark(iteration):
            self.landmark, self._landmark_at = x.clone(), iteration

    def stall(
        self, stuck: torch.Tensor, iteration: int, loss: torch.Tensor, gradient: torch.Tensor, x: torch.Tensor
    ) -> None:
        """End the runs for which the rule has no step from here."""
        self._end([(Status.STALLED, stuck)], iteration, loss.double(), x, gradient)

    def interrupt(self, iteration: int, loss: torch.Tensor, x: torch.Tensor) -> None:
        """End all runs here."""
        self._end([(Status.INTERRUPTED, self.alive)], iteration, loss.double(), x)

    def _end(
        self,
        found: list[tuple[Status, torch.Tensor]],
        iteration: int,
        loss: torch.Tensor,
        x: torch.Tensor,
        gradient: torch.Tensor | None = None,
    ) -> None:
        """Keep the state of the runs that were alive and for which a test holds, with the status of the first one."""
        over = functools.reduce(torch.logical_or, (holds for _, holds in found)) & self.alive
        if not bool(over.any()):
            return
        for status, holds in reversed(found):
            self.status = torch.where(over & holds, int(status), self.status)
        self.steps = torch.where(over, iteration, self.steps)
        self.loss = torch.where(over, loss, self.loss)
        if gradient is not None:
            self.norm = torch.where(over, self._norm_of(gradient), self.norm)
        self.x = torch.where(over, x, self.x)
        self.alive = self.alive & ~over

    def _sample(self, iteration: int, loss: torch.Tensor) -> None:
        """Keep the losses of some iterations, evenly spaced, whatever the length of the runs."""
        if iteration % self._every:
            return
        self._samples.append((self.evaluations.clone(), loss))
        if len(self._samples) > self._most:
            self._samples = self._samples[::2]
            self._every *= 2

    def samples(self) -> Samples | None:
        """The losses that were kept."""
        if not self._samples:
            return None
        evaluations, losses = zip(*self._samples, strict=True)
        return Samples(torch.stack(evaluations), torch.stack(losses))


def is_at_landmark(iteration: int) -> bool:
    """Whether the points of an iteration are those with which later ones are compared: at 0 and each power of two."""
    return iteration & (iteration - 1) == 0


def norm_of(x: torch.Tensor) -> torch.Tensor:
    """The Euclidean norm of each run, in float64."""
    x = x.double()
    return (x * x).sum(0).sqrt()
