"""A regression by gradient descent, from its settings to its record: the loop, and what watches it."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from msgspec import UNSET, Struct
from msgspec.structs import replace

from gdcli.complete.regression import as_descent, complete_regression, data_of, most_steps
from gdcli.contract.descent import StopReason
from gdcli.contract.regression import DataSource, RegressionResult, RegressionSettings, Row
from gdcli.descent.loop import State, descend
from gdcli.descent.snapshot import norm, numbers
from gdcli.descent.stopping import StopTests
from gdcli.regression.design import Design
from gdcli.regression.evaluation import Proximal, RowsEvaluation, evaluation_of, problem_of
from gdcli.regression.losses import LOSSES
from gdcli.regression.rate import largest_curvature
from gdcli.regression.tables import InMemory, Piece, Streamed, table_of
from gdcli.rules.catalogue import RULES
from gdcli.rules.make import update_rule
from gdcli.rules.parameters import complete_rule, rates_change, remembers
from gdcli.rules.rule import NoStepError, UpdateRule, why_not_computed
from gdcli.rules.schedules import ChangingRates, ConstantRates, rates_of
from gdcli.tensors import Problem, on_device

_NEVER = 10**15  # steps


class Seen(Struct, frozen=True):
    """A state of a fit, in its epoch, with the loss of the rows that are kept apart (None without them).

    The state of an epoch of batches has the coefficients before it, the mean of the losses of its rows as they were
    evaluated, and the gradient of its last batch.
    """

    state: State
    epoch: int
    validation: float | None = None

    def row(self) -> Row:
        """The state in plain numbers, as the record has it."""
        s = self.state
        values: dict[str, Any] = {name: numbers(x) for name, x in s.values.items()}
        rate = s.lr if isinstance(s.lr, float) else next(iter(s.lr.values()))
        validation = UNSET if self.validation is None else self.validation
        return Row(s.iteration, self.epoch, s.loss, norm(s.grads), rate, values, validation)


class Ending(Struct, frozen=True):
    """How a fit ended, and a sentence about it."""

    status: str
    message: str
    reason: StopReason | None = None


class Fit:
    """A regression: iterate over it for its rows, then ask for its outcome.

    Each iteration over it is the same run again, from the start.
    """

    command = "fit-linear"

    def __init__(self, settings: RegressionSettings) -> None:
        settings = on_device(complete_regression(settings))
        self.settings = replace(settings, **complete_rule(as_descent(settings)))
        self.data = data_of(self.settings)
        self.diagnoses = settings.diagnose
        self.interrupted_by: str | None = None
        self._tests: StopTests | None = None
        self._ending: Ending | None = None
        self._best: Seen | None = None
        self._final: Seen | None = None
        self.first: Seen | None = None

    def interrupt(self, by: str = "") -> None:
        """Ask the loop to stop before its next update; ``by`` says by what (" by SIGTERM")."""
        self.interrupted_by = by
        if self._tests is not None:
            self._tests.interrupted_by = by

    # What it is made of

    @functools.cached_property
    def design(self) -> Design:
        """The columns of X, learned from the data."""
        return Design.learn(self.data, self.settings)

    @functools.cached_property
    def table(self) -> InMemory | Streamed:
        """The rows as the descent sees them."""
        return table_of(self.design, self.settings)

    @functools.cached_property
    def curvature(self) -> float | None:
        """The largest eigenvalue of the Hessian of the loss, or a bound of it; None where the loss has none."""
        row = LOSSES[self.settings.loss]
        if row.curvature is None:
            return None
        return row.curvature * largest_curvature(self.design, is_mean=row.is_mean) + 2 * self.settings.l2

    @functools.cached_property
    def rate(self) -> float:
        """The learning rate at the start."""
        rate = self.settings.lr
        if isinstance(rate, float | int):
            return float(rate)
        return 1 / self.curvature if self.curvature else 1.0

    @property
    def steps_an_epoch(self) -> int:
        """The number of updates in an epoch."""
        size = self.settings.batch_size
        return 1 if size is None else max(1, math.ceil(self.table.rows / size))

    @property
    def total(self) -> int:
        """The number of updates of the whole run."""
        s = self.settings
        return s.steps if s.steps is not None else most_steps(s) * self.steps_an_epoch

    # The run

    def __iter__(self) -> Iterator[Row]:
        """The rows in plain numbers."""
        return (seen.row() for seen in self.states())

    def states(self) -> Iterator[Seen]:
        """The states as tensors: one an epoch, or one a step; the last is that of all rows after the last update."""
        run = Run(self)
        self._tests, self._ending = run.tests, None
        self._best = self._final = self.first = None
        if self.interrupted_by is not None:
            run.tests.interrupted_by = self.interrupted_by
        for seen in run.states():
            self.first = self.first or seen
            if self._is_better(seen):
                self._best = seen
            self._final = seen
            yield seen
        self._ending = run.ending
        self.evaluations = run.evaluation.count

    def _is_better(self, seen: Seen) -> bool:
        """Whether a state is better than the best so far, by its validation loss where there is one."""

        def size(each: Seen) -> float:
            return each.state.loss if each.validation is None else each.validation

        if self._best is None:
            return True
        return math.isfinite(size(seen)) and not size(seen) >= size(self._best)

    # What it leaves

    @property
    def ending(self) -> Ending:
        """How it ended.

        Raises:
            RuntimeError: before the loop has ended.
        """
        if self._ending is None:
            raise RuntimeError("the fit has not finished; iterate over it first")
        return self._ending

    @property
    def final(self) -> Seen:
        """The state after the last update, of all rows."""
        if self._final is None:
            raise RuntimeError("the fit has not finished; iterate over it first")
        return self._final

    @property
    def best(self) -> Seen:
        """The state with the smallest loss."""
        return self._best or self.final

    @property
    def source(self) -> DataSource:
        """What identifies the data, with the number of their rows."""
        known = self.settings.source
        sha256 = self.data.sha256 if known is UNSET else known.sha256
        return DataSource.of(self.data, sha256, self.design.rows + self.design.dropped)

    @functools.cached_property
    def outcome(self) -> RegressionResult:
        """The record without its iterations."""
        from gdcli.regression.outcome import outcome_of

        return outcome_of(self)

    def record(self, rows: Iterable[Row]) -> RegressionResult:
        """The whole record, once the fit has ended, of its rows: all but the one after the last update."""
        return replace(self.outcome, iterations=[row for row in rows if self.is_iteration(row)])

    def is_iteration(self, row: Row | Seen) -> bool:
        """Whether a state is one of the iterations of the record: not the one after all updates."""
        return (row.iteration if isinstance(row, Row) else row.state.iteration) < self.total

    def result(self) -> RegressionResult:
        """Run to the end and return the whole record."""
        return self.record(list(self))


class Run:
    """One run of a fit: its tensors, its rule, and the tests that end it."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        self.settings = s = fit.settings
        self.table = fit.table
        self.descent = as_descent(s, lr=fit.rate, steps=_NEVER)
        self.per_step = s.batch_size is None or s.per == "step"
        self.problem = self._problem()
        self.evaluation = evaluation_of(s, self.descent, self.problem, by_hand=not RULES[s.optimizer].path)
        rates = dict.fromkeys(self.problem.wrt, fit.rate)
        rule = update_rule(self.descent, self.problem.tensors, self.problem.wrt, rates, self.problem)
        self.rates = rates_of(self.descent, rule)
        self.rule: UpdateRule = Proximal(rule, self.problem.tensors["w"], s.l1) if s.l1 else rule
        is_random = s.batch_size is not None
        more = remembers(self.descent) or rates_change(self.descent) or is_random
        self.tests = StopTests(self.descent, remembers=more)
        self.ending: Ending | None = None
        self.generator = torch.Generator().manual_seed(s.seed) if s.shuffle else None
        self._lowest, self._since = math.inf, 0

    def _problem(self) -> Problem:
        """The loss, at the start."""
        s, design = self.settings, self.fit.design
        dtype: torch.dtype = getattr(torch, s.dtype)
        unknown = [name for name in s.init if name not in design.names]
        if unknown:
            from gdcli.regression.outcome import no_coefficient

            raise no_coefficient(unknown[0], design.names)
        w, b = design.from_units([s.init.get(name, 0.0) for name in design.names])
        start = torch.tensor(w, dtype=torch.float64).to(s.device, dtype).requires_grad_()
        return problem_of(s, self.descent, start, torch.tensor(b, dtype=dtype, device=s.device).requires_grad_())

    def states(self) -> Iterator[Seen]:
        """The states of the run; at the end ``ending`` says why it ended."""
        s = self.settings
        if s.batch_size is None:
            states = self._on_all_rows()
        elif s.per == "step":
            states = self._by_step(s.batch_size)
        else:
            states = self._by_epoch(s.batch_size)
        seen: Seen | None = None
        try:
            for seen in states:
                yield seen
        except NoStepError as error:
            self._stalled(error.why, seen)
        except (ArithmeticError, RuntimeError) as error:
            if not (why := why_not_computed(error)):
                raise
            self._stalled(why, seen)
        if s.batch_size is not None and self.ending is not None:
            yield self._at_the_end(0 if seen is None else seen.epoch)

    def _on_all_rows(self) -> Iterator[Seen]:
        """The loop of a lecture: a step an epoch, on all rows."""
        if self.table.is_whole:
            self.problem.tensors["X"], self.problem.tensors["y"] = next(self.table.pieces())
        else:
            self.evaluation.pieces = self.table.pieces
        self.tests.steps = self.fit.total
        seen: Seen | None = None

        def stop(state: State) -> bool:
            assert seen is not None
            return self._ends(seen)

        for state in descend(self.evaluation, self.rule, self.rates, stop):
            seen = Seen(state, state.iteration, self._validation())
            yield seen

    def _by_step(self, size: int) -> Iterator[Seen]:
        """A state a step: the loss of a batch, before the update by it."""
        self.tests.steps = self.fit.total
        drawn = Drawn(self.evaluation, self._batches(size), self.rates)
        seen: Seen | None = None

        def stop(_: State) -> bool:
            assert seen is not None
            return self._ends(seen)

        rule = OnTheSameBatch(self.rule, self.evaluation)
        for state in descend(drawn, rule, drawn, stop):  # type: ignore[arg-type]
            seen = Seen(state, drawn.epoch, self._validation() if drawn.begins_epoch else None)
            if state.iteration == self.tests.steps:
                self._ends(seen)
                return
            yield seen

    def _by_epoch(self, size: int) -> Iterator[Seen]:
        """A state an epoch, and nothing but the steps in between."""
        evaluate, rule, tensors, tests = self.evaluation, self.rule, self.problem.tensors, self.tests
        total, iteration = self.fit.total, 0
        for epoch in itertools.count():
            if iteration >= total:
                self.ending = self._after_all(iteration)
                return
            before, values, rate, validation = iteration, evaluate.values(), self.rates.lr, self._validation()
            losses, rows = 0.0, 0
            for X, y in self.table.batches(size, self.generator):  # noqa: N806
                tensors["X"], tensors["y"] = X, y
                losses += evaluate().item() * len(y)
                rows += len(y)
                rule.step(evaluate)
                iteration += 1
                if iteration == total or tests.interrupted_by is not None:
                    break
            mean = losses / rows
            self.rates.step(mean)
            gradients, acts = evaluate.gradients, evaluate.noted()
            state = State(before, mean, values, gradients, rate, acts, evaluate.count)
            seen = Seen(state, epoch, validation)
            yield seen
            if iteration < total and self._ends(seen):
                return

    def _batches(self, size: int) -> Iterator[tuple[int, Piece]]:
        """The batches of all epochs, each with the number of its epoch."""
        for epoch in itertools.count():
            for piece in self.table.batches(size, self.generator):
                yield epoch, piece

    def _ends(self, seen: Seen) -> bool:
        """Whether the run ends at a state."""
        if self.tests(seen.state):
            ending = self.tests.ending
            assert ending is not None
            reason, message, _ = ending
            if reason is StopReason.MAX_STEPS:
                self.ending = self._after_all(seen.state.iteration)
            else:
                self.ending = Ending(reason.status, message, reason)
            return True
        return seen.validation is not None and self._is_enough(seen.validation, seen.epoch)

    def _is_enough(self, validation: float, epoch: int) -> bool:
        """Whether the validation loss has not become smaller for too many epochs."""
        patience = self.settings.patience
        if validation < self._lowest:
            self._lowest, self._since = validation, epoch
        if patience is None or epoch - self._since < patience:
            return False
        message = f"stopped early at epoch {epoch}: the validation loss is no smaller than the {self._lowest:.6g} of "
        self.ending = Ending("early_stopped", f"{message}epoch {self._since}, {patience} epochs before")
        return True

    def _after_all(self, iteration: int) -> Ending:
        """The end after all updates that were asked for."""
        s = self.settings
        steps = f"{iteration:,} step{'s' * (iteration != 1)}"
        if s.steps is not None:
            return Ending("max_steps", f"stopped after {steps}", StopReason.MAX_STEPS)
        count = most_steps(s)
        epochs = f"{count:,} epoch{'s' * (count != 1)}"
        more = "" if s.batch_size is None else f" ({steps})"
        return Ending("max_steps", f"stopped after {epochs}{more}", StopReason.MAX_STEPS)

    def _stalled(self, why: str, seen: Seen | None) -> None:
        iteration = 0 if seen is None else seen.state.iteration
        message = StopReason.STALLED.value.format(iteration=iteration, why=why)
        self.ending = Ending("stalled", message, StopReason.STALLED)

    def _at_the_end(self, epoch: int) -> Seen:
        """The state after the last update, of all rows."""
        evaluate = self.evaluation
        evaluate.pieces = self.table.pieces
        loss = evaluate()
        iteration = evaluate.count - 1
        values, gradients = evaluate.values(), evaluate.gradients
        state = State(iteration, loss.item(), values, gradients, self.rates.lr, None, evaluate.count)
        return Seen(state, epoch + 1, self._validation())

    def _validation(self) -> float | None:
        """The loss of the rows that are kept apart, with its penalties; None without them."""
        if self.settings.validate is None:
            return None
        tensors, total, count = self.problem.tensors, 0.0, 0
        kept = tensors["X"], tensors["y"]
        with torch.no_grad():
            for piece in self.table.apart():
                tensors["X"], tensors["y"] = piece
                weight = len(piece.y) if self.evaluation.is_mean else 1
                total, count = total + weight * self.problem.value().item(), count + weight
            if self.settings.l1:
                total += self.settings.l1 * float(tensors["w"].abs().sum()) * (count if self.evaluation.is_mean else 1)
        tensors["X"], tensors["y"] = kept
        return total / (count if self.evaluation.is_mean else 1) if count else None


class Drawn:
    """An evaluation that draws the next batch each time, with the rates of its epoch."""

    def __init__(
        self,
        evaluation: RowsEvaluation,
        batches: Iterator[tuple[int, Piece]],
        rates: ConstantRates | ChangingRates,
    ) -> None:
        self.evaluation, self.batches, self.rates = evaluation, batches, rates
        self.epoch, self.begins_epoch = -1, True
        self._losses, self._rows = 0.0, 0

    def __call__(self) -> torch.Tensor:
        """The loss of the next batch, with its gradient."""
        epoch, (X, y) = next(self.batches)  # noqa: N806
        self.begins_epoch = epoch != self.epoch
        if self.begins_epoch and self.epoch >= 0:
            self.rates.step(self._losses / self._rows)
            self._losses, self._rows = 0.0, 0
        self.epoch = epoch
        tensors = self.evaluation.problem.tensors
        tensors["X"], tensors["y"] = X, y
        loss = self.evaluation()
        self._losses += loss.item() * len(y)
        self._rows += len(y)
        return loss

    def __getattr__(self, name: str) -> Any:
        return getattr(self.evaluation, name)

    @property
    def lr(self) -> float | dict[str, float]:
        """The rate of the next step."""
        return self.rates.lr

    def step(self, loss: float) -> None:
        """A rate holds for an epoch."""


class OnTheSameBatch:
    """A rule that evaluates again on the batch of its step."""

    def __init__(self, rule: UpdateRule, evaluation: RowsEvaluation) -> None:
        self.rule, self.evaluation = rule, evaluation

    def step(self, _: Any) -> None:
        """Move the coefficients."""
        self.rule.step(self.evaluation)
