"""One run of a regression: the loop over its epochs and batches, and when it ends."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from msgspec import UNSET, Struct
from msgspec.structs import replace

from gdcli.complete.regression import as_descent, most_steps
from gdcli.contract.descent import StopReason
from gdcli.contract.regression import Row
from gdcli.descent.loop import Rates, Rule, State, descend
from gdcli.descent.snapshot import norm, numbers
from gdcli.descent.stopping import StopTests
from gdcli.regression.epoch import Epoch
from gdcli.regression.evaluation import Proximal, evaluation_of, problem_of
from gdcli.regression.kept_run import KeptRun
from gdcli.regression.one_batch import Drawn, OnTheSameBatch
from gdcli.regression.plan import no_coefficient
from gdcli.regression.tables import Piece
from gdcli.regression.together import sums_of
from gdcli.rules.catalogue import RULES
from gdcli.rules.make import update_rule
from gdcli.rules.parameters import rates_change, remembers
from gdcli.rules.rule import NoStepError, why_not_computed
from gdcli.rules.schedules import rates_of
from gdcli.tensors import Problem

if TYPE_CHECKING:
    from gdcli.regression.fit import Fit

_NEVER = 10**12  # steps


class Seen(Struct, frozen=True):
    """A state of a fit, in its epoch, with the loss of the rows that are kept apart (None without them).

    The state of an epoch of batches has the coefficients before it, the mean of the losses of its rows as they were
    evaluated, and the gradient of its last batch. One that ``is_end`` comes after all updates, and has all rows.
    """

    state: State
    epoch: int
    validation: float | None = None
    is_end: bool = False

    def row(self) -> Row:
        """The state in plain numbers, as the record has it."""
        s = self.state
        values: dict[str, Any] = {name: numbers(x) for name, x in s.values.items()}
        rate = next(iter(s.lr.values())) if isinstance(s.lr, dict) else s.lr
        validation = UNSET if self.validation is None else self.validation
        return Row(s.iteration, self.epoch, s.loss, norm(s.grads), rate, values, validation)

    @property
    def size(self) -> float:
        """What is to be small: the loss of the rows that are kept apart, where there are some."""
        return self.state.loss if self.validation is None else self.validation


class Ending(Struct, frozen=True):
    """How a fit ended, and a sentence about it; ``reason`` is None for an early stop."""

    status: str
    message: str
    reason: StopReason | None = None


class Run:
    """One run of a fit: its tensors, its rule, and the tests that end it."""

    def __init__(self, fit: Fit) -> None:
        self.settings = s = fit.settings
        self.design, self.table, self.total = fit.design, fit.table, fit.total
        self.descent = as_descent(s, lr=fit.rate, steps=_NEVER)
        self.problem = self._problem()
        self.evaluation = evaluation_of(s, self.descent, self.problem, by_hand=not RULES[s.optimizer].path)
        rates = dict.fromkeys(self.problem.wrt, fit.rate)
        rule = update_rule(self.descent, self.problem.tensors, self.problem.wrt, rates, self.problem)
        self.rates = rates_of(self.descent, rule)
        self.rule: Rule = Proximal(rule, self.problem.tensors["w"], s.l1) if s.l1 else rule
        more = remembers(self.descent) or rates_change(self.descent) or s.batch_size is not None
        self.tests = StopTests(self.descent, remembers=more)
        if fit.together is not None:
            self.evaluation.sums = sums_of(fit.together, self.problem.leaves, fit.hear)
        self.ending: Ending | None = None
        self._generator = torch.Generator().manual_seed(s.seed) if s.shuffle else None
        self._seen: Seen | None = None
        self.updates = self.taken = self.skipped = 0
        self.is_finite_at_start = True
        self.order: torch.Tensor | None = None
        self._lowest: Seen | None = None
        self._kept = None if fit.checkpoint is None else KeptRun(self, fit.checkpoint)

    def _problem(self) -> Problem:
        """The loss, at the start.

        Raises:
            GdcliError: for a start of a coefficient that there is not.
        """
        s, names = self.settings, self.design.names
        for name in s.init:
            if name not in names:
                raise no_coefficient(name, names)
        dtype: torch.dtype = getattr(torch, s.dtype)
        w, b = self.design.from_units([s.init.get(name, 0.0) for name in names])
        start = torch.tensor(w, dtype=torch.float64).to(s.device, dtype).requires_grad_()
        return problem_of(s, self.descent, start, torch.tensor(b, dtype=dtype, device=s.device).requires_grad_())

    def states(self) -> Iterator[Seen]:
        """The states of the run, the last one of all rows; then ``ending`` says why it ended."""
        s = self.settings
        if s.batch_size is None:
            states = self._on_all_rows()
        elif s.per == "step":
            states = self._by_step(s.batch_size)
        else:
            states = self._by_epoch(s.batch_size)
        try:
            for self._seen in states:
                if self._kept is not None:
                    self._kept.see(self._seen)
                yield self._seen
        except NoStepError as error:
            self._stalled(error.why)
        except (ArithmeticError, RuntimeError) as error:
            if not (why := why_not_computed(error)):
                raise
            self._stalled(why)
        if self.ending is not None and self.ending.status == "early_stopped" and self._lowest is not None:
            yield self._restored(self._lowest)
        elif s.batch_size is not None:
            yield self._at_the_end()

    def _on_all_rows(self) -> Iterator[Seen]:
        """The loop of a lecture: a step an epoch, on all rows."""
        if self.table.is_whole:
            self.problem.tensors["X"], self.problem.tensors["y"] = next(self.table.pieces())
        else:
            self.evaluation.pieces = self.table.pieces
        self.tests.steps = self.total
        rates: Rates = self.rates
        first = 0
        if self._kept is not None:
            yield from self._kept.resumed(lambda seen, _: self.rates.step(seen.state.loss))
            rates, first = self._kept.marking(self.rates), self._kept.first
        for state in descend(self.evaluation, self.rule, rates, self.stops, first):
            self.updates = state.iteration
            yield Seen(state, state.iteration, self._validation(), is_end=state.iteration == self.total)

    def _by_step(self, size: int) -> Iterator[Seen]:
        """A state a step: the loss of a batch, before the update by it."""
        drawn = Drawn(self.evaluation, self._batches_of_epochs(size), self.rates)
        rule, first = OnTheSameBatch(self.rule, self.evaluation), 0
        rates: Rates = drawn
        if self._kept is not None:
            yield from self._kept.resumed(drawn.replay)
            rates, first = self._kept.marking(drawn), self._kept.first
        for state in descend(drawn, rule, rates, self.stops, first):
            self.updates = state.iteration
            if state.iteration == self.total:
                self.ending = self._after_all()
                return
            yield Seen(state, drawn.epoch, self._validation() if drawn.begins_epoch else None)

    def _by_epoch(self, size: int) -> Iterator[Seen]:
        """A state an epoch, and nothing but the steps in between."""
        evaluate, rule, tensors, tests = self.evaluation, self.rule, self.problem.tensors, self.tests
        if self._kept is not None:
            yield from self._kept.resumed(lambda seen, _: self.rates.step(seen.state.loss))
        for epoch in itertools.count(0 if self._seen is None else self._seen.epoch + 1):
            if self.updates >= self.total:
                self.ending = self._after_all()
                return
            begun = self._begun_epoch()
            if begun.validation is not None:
                state = State(begun.updates, math.nan, begun.values, {}, begun.rate, None, evaluate.count)
                if self.is_enough(Seen(state, epoch, begun.validation)):
                    return
            left = self.total - self.updates - self.skipped
            for X, y in self._batches(size):  # noqa: N806 -- the matrix of features, as everybody writes it
                tensors["X"], tensors["y"] = X, y
                loss = evaluate().item()
                if not evaluate.count > 1:
                    self.is_finite_at_start = math.isfinite(loss)
                count = evaluate.rows_of(y)
                begun.losses += loss * count
                begun.rows += count
                rule.step(evaluate)
                left -= 1
                if not left or tests.interrupted_by is not None:
                    break
                if self._kept is not None:
                    self._kept.mark(self.total - left, begun)
            self.updates = self.total - left
            mean = begun.losses / begun.rows
            self.rates.step(mean)
            gradients, acts = evaluate.gradients, evaluate.noted()
            state = State(begun.updates, mean, begun.values, gradients, begun.rate, acts, evaluate.count)
            yield Seen(state, epoch, begun.validation)
            if left and self.stops(state):
                return

    def _begun_epoch(self) -> Epoch:
        """The epoch that begins now, or in the middle of which a checkpoint was made."""
        if self._kept is not None and (begun := self._kept.take_epoch()) is not None:
            return begun
        return Epoch(self.updates, self.evaluation.values(), self.rates.lr, self._validation())

    def _batches_of_epochs(self, size: int) -> Iterator[tuple[int, Piece]]:
        for epoch in itertools.count(0 if self._seen is None else self._seen.epoch):
            for piece in self._batches(size):
                yield epoch, piece

    def _batches(self, size: int) -> Iterator[Piece]:
        """The batches of an epoch, without those that were taken before a checkpoint."""
        skipped, self.skipped, self.taken = self.skipped, 0, 0
        self.order = None if self._generator is None else self._generator.get_state()
        for piece in self.table.batches(size, self._generator):
            self.taken += 1
            if self.taken > skipped:
                yield piece

    def restore_order(self, order: torch.Tensor) -> None:
        """Have the next epoch draw the rows in this order."""
        if self._generator is not None:
            self._generator.set_state(order)

    @property
    def _is_an_epoch(self) -> bool:
        """Whether a state has many updates."""
        return self.settings.batch_size is not None and self.settings.per == "epoch"

    @property
    def _epoch(self) -> int:
        return 0 if self._seen is None else self._seen.epoch

    # The end

    def end_soon(self) -> None:
        """Make no update after those of the row that was yielded last, as if ``steps`` had said so from the start."""
        is_epoch = self.settings.batch_size is not None and self.settings.per == "epoch"
        self.total = self.tests.steps = min(self.total, self.updates if is_epoch else self.updates + 1)
        self.settings = replace(self.settings, steps=self.total, epochs=None)

    def stops(self, state: State) -> bool:
        """Whether the run ends at a state, which was the last to be yielded."""
        if self.tests(state) and self.tests.ending is not None:
            reason, message, _ = self.tests.ending
            is_last = reason is StopReason.MAX_STEPS
            if self._is_an_epoch:
                message = message.replace(f"at iteration {state.iteration}", f"in epoch {self._epoch}")
            elif reason is StopReason.NON_FINITE and state.iteration == 0:
                self.is_finite_at_start = False
            self.ending = self._after_all() if is_last else Ending(reason.status, message, reason)
            return True
        seen = self._seen
        return not self._is_an_epoch and seen is not None and self.is_enough(seen)

    def is_enough(self, seen: Seen) -> bool:
        """Whether the validation loss has not become smaller for too many epochs, at a state that may have none."""
        patience, lowest = self.settings.patience, self._lowest
        if seen.validation is None:
            return False
        if lowest is None or lowest.validation is None or seen.validation < lowest.validation:
            self._lowest = lowest = seen
        if patience is None or seen.epoch - lowest.epoch < patience:
            return False
        message = f"stopped early at epoch {seen.epoch}: the validation loss was smallest, {lowest.validation:.6g}, "
        self.ending = Ending("early_stopped", f"{message}at epoch {lowest.epoch}, and the coefficients are those of it")
        return True

    def _restored(self, lowest: Seen) -> Seen:
        """The state at the smallest validation loss, of all rows: the coefficients go back to it."""
        tensors, state = self.problem.tensors, lowest.state
        with torch.no_grad():
            for name, value in state.values.items():
                tensors[name].copy_(torch.as_tensor(value, dtype=tensors[name].dtype))
        if self.settings.batch_size is None:
            return replace(lowest, is_end=True)
        at_the_end = self._at_the_end()
        state = replace(at_the_end.state, iteration=state.iteration, lr=state.lr)
        return replace(at_the_end, state=state, epoch=lowest.epoch)

    def _after_all(self) -> Ending:
        """The end after all updates that were asked for."""
        s = self.settings
        steps = f"{self.updates:,} step{'s' * (self.updates != 1)}"
        if s.steps is not None:
            return Ending("max_steps", f"stopped after {steps}", StopReason.MAX_STEPS)
        count = most_steps(s)
        epochs = f"{count:,} epoch{'s' * (count != 1)}"
        more = "" if s.batch_size is None else f" ({steps})"
        return Ending("max_steps", f"stopped after {epochs}{more}", StopReason.MAX_STEPS)

    def _stalled(self, why: str) -> None:
        message = StopReason.STALLED.value.format(iteration=self.updates, why=why)
        self.ending = Ending("stalled", message, StopReason.STALLED)

    def _at_the_end(self) -> Seen:
        """The state after the last update, of all rows."""
        evaluate, epoch = self.evaluation, self._epoch + (self._seen is not None)
        evaluate.pieces = self.table.pieces
        loss = evaluate().item()
        state = State(self.updates, loss, evaluate.values(), evaluate.gradients, self.rates.lr, None, evaluate.count)
        return Seen(state, epoch, self._validation(), is_end=True)

    def _validation(self) -> float | None:
        """The loss of the rows that are kept apart, with its penalties; None without them."""
        if self.settings.validate is None:
            return None
        tensors = self.problem.tensors
        before = tensors["X"], tensors["y"]
        found = self.evaluation.value_over(self.table.apart())
        tensors["X"], tensors["y"] = before
        return found
