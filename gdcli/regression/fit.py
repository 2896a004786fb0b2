"""A regression by gradient descent, from its settings to its record: the loop, and what watches it."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import UNSET
from msgspec.structs import replace

from gdcli.complete.regression import as_descent, complete_regression, data_of, most_steps
from gdcli.contract.regression import DataSource, RegressionResult, RegressionSettings, Row
from gdcli.contract.short import exactly
from gdcli.descent.stopping import StopTests
from gdcli.errors import GdcliError, UserInterruptError
from gdcli.regression.checkpoint import Checkpoint
from gdcli.regression.conditioning import Spectrum, largest_eigenvalue, spectrum
from gdcli.regression.design import Design
from gdcli.regression.exact import Answer
from gdcli.regression.kept import Kept
from gdcli.regression.learn import Gather, alone, learn
from gdcli.regression.plan import plan
from gdcli.regression.run import Ending, Run, Seen
from gdcli.regression.sample import Over, Sample, sample_of
from gdcli.regression.solve import solve
from gdcli.regression.tables import InMemory, Streamed, most_kept, table_of
from gdcli.regression.text_column import with_way_out
from gdcli.rules.parameters import complete_rule
from gdcli.tensors import on_device

if TYPE_CHECKING:
    from gdcli.regression.together import Together


class Fit:
    """A regression: iterate over it for its rows, then ask for its outcome.

    Each iteration over it is the same run again, from the start. With ``together``, it is made of the shares of several
    processes: all make the same calls in the same order, and find the same.
    """

    command = "fit-linear"

    def __init__(self, settings: RegressionSettings, together: Together | None = None) -> None:
        settings = complete_regression(settings)
        settings = replace(settings, device=on_device(as_descent(settings)).device)
        self.settings = replace(settings, **complete_rule(as_descent(settings)))
        self.data = data_of(self.settings)
        self.together = together
        self.gather: Gather = alone if together is None else together.gather
        self.kept = Kept(self.data, most_kept(self.settings, together.nearby if together else 1), self._look)
        self.diagnoses = settings.diagnose
        self.evaluations = 0
        self.is_finite_at_start = True
        self.interrupted_by: str | None = None
        self._tests: StopTests | None = None
        self._run: Run | None = None
        self._ending: Ending | None = None
        self._best: Seen | None = None
        self._final: Seen | None = None
        self.first: Seen | None = None
        self.checkpoint: Checkpoint | None = None

    def __repr__(self) -> str:
        return f"<gdcli {self.command}: iterate over its rows, or call result() for the record>"

    def keep_in(self, folder: str, *, resume: bool) -> None:
        """Keep checkpoints of the run in a folder, and with ``resume`` go on from the last one there.

        Raises:
            GdcliError: for a folder that has checkpoints already, or those of another fit.
            OutsideError: for a folder that cannot be written.
        """
        self.checkpoint = Checkpoint(folder, resume=resume)
        self.checkpoint.open(self.settings, self.together)

    def interrupt(self, by: str = "") -> None:
        """Ask the loop to stop before its next update; ``by`` says by what (" by SIGTERM")."""
        self.interrupted_by = by
        if self.together is not None:
            self.together.interrupt(by)
        elif self._tests is not None:
            self._tests.interrupted_by = by

    def hear(self, by: str) -> None:
        """A signal has come to one of several processes: stop before the next update, as all of them do."""
        self.interrupted_by = by
        if self._tests is not None:
            self._tests.interrupted_by = by

    def end_soon(self) -> None:
        """Make no update after those of the row that was yielded last, as if ``settings.steps`` had said so."""
        if self._run is not None:
            self._run.end_soon()
            self.settings = self._run.settings

    def again(self, **changes: Any) -> Fit:
        """The fit with other settings, which shares what does not depend on them, and is not diagnosed."""
        found = Fit(replace(self.settings, diagnose=False, **changes), self.together)
        if changes.keys().isdisjoint(("standardize", "intercept", "poly", "feature", "features", "validate", "seed")):
            found.__dict__["design"] = self.design
            if changes.keys().isdisjoint(("dtype", "device", "in_memory")):
                found.__dict__["table"] = self.table
        return found

    def _look(self) -> None:
        """End a pass over the data where nothing has been computed yet.

        Raises:
            UserInterruptError: when the fit was interrupted before its first step.
        """
        if self.interrupted_by is not None and self._tests is None:
            raise UserInterruptError(self.interrupted_by)

    # What it is made of

    @functools.cached_property
    def design(self) -> Design:
        """The columns of X, learned from the data."""
        try:
            return learn(self.kept, self.settings) if self.together is None else self._learn_together(self.together)
        except GdcliError as error:
            raise with_way_out(error, self.settings, self.data)  # noqa: B904 -- it is the same error

    def _learn_together(self, together: Together) -> Design:
        from gdcli.regression.shared_rows import SharedRows

        rows = SharedRows(self.kept, together)
        planned = plan(self.settings, rows.columns, rows.name)
        if self.settings.validate is not None:  # which rows are kept apart follows from their numbers
            rows.number(planned.numbers, planned.texts)
        design = learn(rows, self.settings, gather=together.gather)
        rows.number(planned.numbers, planned.texts)
        return design

    @functools.cached_property
    def table(self) -> InMemory | Streamed:
        """The rows as the descent sees them."""
        self.answer  # noqa: B018 -- it takes passes over the rows, which are not kept twice
        found = table_of(self.design, self.settings, self.together)
        has_apart = self.settings.validate is None or next(found.apart(), None) is not None
        if not any(self.gather(has_apart)):
            message = f"--validate {exactly(self.settings.validate or 0.0)} keeps none of the {found.rows:,} rows apart"
            raise GdcliError("validate", message, "give a larger share, or leave it out")
        self.kept.forget()
        return found

    @functools.cached_property
    def answer(self) -> Answer:
        """The exact answer, or why there is none."""
        return solve(self.design, self.settings, gather=self.gather)

    @functools.cached_property
    def spectrum(self) -> Spectrum | None:
        """The eigenvalues of the Hessian of the loss, or of a bound of it; None where there is none."""
        found = self.answer.factor
        return None if found is None else spectrum(self.design, found, self.settings.loss, self.settings.l2)

    @functools.cached_property
    def curvature(self) -> float | None:
        """The largest of these eigenvalues; of very many columns by power iteration."""
        if self.answer.factor is None:
            return largest_eigenvalue(self.design, self.settings.loss, self.settings.l2, gather=self.gather)
        return None if self.spectrum is None else self.spectrum.largest

    @functools.cached_property
    def rate(self) -> float:
        """The learning rate at the start."""
        rate = self.settings.lr
        if isinstance(rate, float | int):
            return float(rate)
        if not self.curvature:
            message = "cannot choose a learning rate from the curvature: the loss has none with these columns"
            raise GdcliError("lr", message, "give a number: --lr 0.1")
        return 1 / self.curvature

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
        run = self._run = Run(self)
        self._tests, self._ending = run.tests, None
        self._best = self._final = self.first = None
        self.__dict__.pop("outcome", None)
        if self.interrupted_by is not None and self.together is None:
            run.tests.interrupted_by = self.interrupted_by
        for seen in run.states():
            self.first = self.first or seen
            if self._is_better(seen):
                self._best = seen
            self._final = seen
            yield seen
        self._ending = run.ending
        self.is_finite_at_start = run.is_finite_at_start
        self.evaluations = run.evaluation.count

    def _is_better(self, seen: Seen) -> bool:
        """Whether a state is better than the best so far, by its validation loss where there is one."""
        if self._best is None:
            return True
        if seen.validation is None and self._best.validation is not None:
            return False
        return math.isfinite(seen.size) and not seen.size >= self._best.size

    # What it leaves

    @property
    def has_ended(self) -> bool:
        """Whether the loop has ended."""
        return self._ending is not None

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
        return DataSource.of(self.data, sha256, self.design.sample.read)

    @functools.cached_property
    def sample(self) -> tuple[Sample, Over | None]:
        """The rows that a picture shows, and the one column that all features are made of."""
        return sample_of(self.design, together=self.together)

    @functools.cached_property
    def outcome(self) -> RegressionResult:
        """The record without its iterations."""
        from gdcli.regression.outcome import outcome_of

        return outcome_of(self)

    def record(self, rows: Iterable[Row]) -> RegressionResult:
        """The whole record, once the fit has ended, of the rows of its iterations: all but that after all updates."""
        return replace(self.outcome, iterations=list(rows))

    def is_iteration(self, seen: Seen) -> bool:
        """Whether a state is one of the iterations of the record: not the one after all updates."""
        return not seen.is_end

    def result(self) -> RegressionResult:
        """Run to the end and return the whole record."""
        return self.seen(list(self.states()))

    def seen(self, states: Sequence[Seen]) -> RegressionResult:
        """The whole record, of all states of the fit; it keeps them for its pictures."""
        return self.record(seen.row() for seen in states if not seen.is_end).made_by((self, states))
