"""The loop of many descents at once: evaluate all, test all, step those that go on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch

from gdcli.batch.parameters import Given, Parameters
from gdcli.batch.recorded import objective_of
from gdcli.batch.rules import BatchRule, batch_rule, is_memoryless
from gdcli.batch.stopping import BatchResult, BatchStopTests, Stopping
from gdcli.rules.rule import Tensors
from gdcli.tensors import Problem


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """What is done to every run of a batch.

    ``rule`` is a name of the catalogue and ``parameters`` are its parameters, ``lr`` among them; those that are left
    out have their defaults. A float may be a tensor of shape (runs,) instead, alone or in a pair such as ``betas``.
    ``clip_value`` bounds each element of a gradient, ``bound`` each element of a variable. ``samples`` is how many
    losses of a run are kept at most.
    """

    rule: str
    parameters: Mapping[str, Given]
    stopping: Stopping
    clip_value: float | None = None
    bound: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    samples: int = 0


class BatchDescent:
    """Many descents: iterate over it for the share of the budget that is used, then ask for the result.

    Each run is, bit for bit, the descent of a loop that makes it alone, as far as the objective is: PyTorch computes
    few operations, ``x**4`` among them, otherwise for one number than for many.
    """

    def __init__(self, problem: Problem, starts: Tensors, settings: BatchSettings) -> None:
        """Take the runs: ``starts`` are the variables that move, each with a first axis of runs.

        Raises:
            GdcliError: for a rule that looks at a whole tensor to move one of its elements, and for a parameter that
                it does not have or that does not fit the runs.
        """
        self.settings = settings
        self.objective = objective_of(problem, starts)
        self.parameters = Parameters(settings.rule, settings.parameters, self.objective.x)
        self.rule: BatchRule = batch_rule(settings.rule, self.parameters, self.objective)
        self._tests: BatchStopTests | None = None
        self._interrupted = False

    def interrupt(self) -> None:
        """Ask the runs to end before their next step."""
        self._interrupted = True

    def __iter__(self) -> Iterator[float]:
        """Run, and yield after each evaluation which share of the budget is used.

        Raises:
            RuntimeError: when it has run already.
        """
        if self._tests is not None:
            raise RuntimeError("a batch can be run only once")
        x, gradient = self.objective.x, self.objective.gradient
        stopping = self.settings.stopping
        momentum = 0.0 if self.parameters.is_zero("momentum") else self.parameters["momentum"]
        stalls = stopping.stalled and is_memoryless(self.settings.rule, momentum)
        tests = self._tests = BatchStopTests(stopping, x, stalls=stalls, samples=self.settings.samples)
        for iteration in itertools.count():
            loss = self.objective.evaluate()
            tests.evaluations += tests.alive
            tests.look(iteration, loss, gradient, x)
            if self._interrupted:
                tests.interrupt(iteration, loss, x)
            if not bool(tests.alive.any()):
                break
            yield int(tests.evaluations.max()) / stopping.evaluations
            if self.settings.clip_value is not None:
                gradient.clamp_(-self.settings.clip_value, self.settings.clip_value)
            tests.evaluations += self.rule.step(tests.alive)
            for name, (low, high) in self.settings.bound.items():
                x[self.objective.rows_of(name)].clamp_(low, high)
            if not bool(tests.alive.all()):  # those that have ended go back to their start, where the loss is defined
                torch.where(tests.alive, x, self.objective.starts, out=x)

    @property
    def result(self) -> BatchResult:
        """How each run has ended.

        Raises:
            RuntimeError: before all have.
        """
        tests = self._tests
        if tests is None or bool(tests.alive.any()):
            raise RuntimeError("the runs have not finished; iterate over them first")
        return BatchResult(
            status=tests.status,
            steps=tests.steps,
            evaluations=tests.evaluations,
            loss=tests.loss,
            best=tests.best,
            values=self.objective.by_variable(tests.x),
            samples=tests.samples(),
        )
