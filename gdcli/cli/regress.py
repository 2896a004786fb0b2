"""Running a regression and printing it: as tables at the end, or line by line as it happens."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from gdcli.cli.descend import stream
from gdcli.cli.interrupt import interruptible
from gdcli.cli.messages import warn
from gdcli.cli.output import Output
from gdcli.cli.progress import progress
from gdcli.cli.save import save, save_model, targets
from gdcli.cli.show import Report, print_report, report_for_people, with_notices
from gdcli.cli.title import title_of_regression
from gdcli.contract.plot import notices_about
from gdcli.contract.regression import RegressionResult, Row
from gdcli.errors import INTERRUPTED_BY, ExitCode
from gdcli.memory import Ends, Shown, Thinned, capacity

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gdcli.cli.live.fit import LiveFit
    from gdcli.contract.figure import Figure
    from gdcli.regression.fit import Fit
    from gdcli.regression.run import Seen

_MOST_ROWS = 20_000  # in a page
_NUMBERS = 500_000  # in all rows of a page


class FitCollector:
    """Keeps those states of a regression that the tables, the pictures and the page need."""

    def __init__(self, fit: Fit, output: Output, states: Iterable[Seen] | None = None) -> None:
        """``states`` are those of the fit, if they pass through another iterator first."""
        from gdcli.regression.trail import RowTrail

        self.fit = fit
        self.output = output
        self._states = self._with_progress() if states is None else states
        self.counts_steps = fit.settings.per == "step"
        kinds = {target.kind for target in targets(output.save)}
        has_table = output.format == "table" or "table" in kinds
        self.rows: Ends[Seen] | None = Ends(every=output.every, keep_all=output.all) if has_table else None
        self.trail = RowTrail("iteration" if self.counts_steps else "epoch") if _draws(output) else None
        self.kept: Thinned[Seen] | None = None
        if "page" in kinds:
            size = len(fit.design.names)
            self.kept = Thinned(capacity(size, most=_MOST_ROWS, least=4, elements=_NUMBERS))

    def iterations(self) -> Iterator[Seen]:
        """The iterations of the record, as they are computed; the state after the last update is not one of them."""
        return (seen for seen in self.states() if not seen.is_end)

    def states(self) -> Iterator[Seen]:
        """The states as they are computed, the one after the last update included."""
        for place, seen in enumerate(self._states):
            if self.trail is not None:
                self.trail.add(seen)
            if not seen.is_end:
                if self.rows is not None:
                    self.rows.add(seen.state.iteration if self.counts_steps else seen.epoch, seen)
                if self.kept is not None:
                    self.kept.add(place, seen)
            yield seen

    def _with_progress(self) -> Iterator[Seen]:
        """The states of the fit; on a terminal, with a bar if they take long."""
        with progress("fitting", self.fit.total, quiet=self.output.quiet) as show:
            for seen in self.fit.states():
                show(seen.state.iteration)
                yield seen

    @functools.cached_property
    def outcome(self) -> RegressionResult:
        """The outcome of the regression, with what libraries have warned of."""
        outcome = self.fit.outcome
        return outcome if self.output.format == "csv" else with_notices(outcome, self.output.heard.notices())

    @functools.cached_property
    def title(self) -> str:
        """What the regression does."""
        return title_of_regression(self.fit.settings, [term.name for term in self.fit.design.layout.terms])

    @functools.cached_property
    def figure(self) -> Figure:
        """The picture, once the regression has ended."""
        return self._figure(gradient_norm=False)

    def _figure(self, *, gradient_norm: bool) -> Figure:
        from gdcli.regression.figure import regression_figure

        if self.trail is None:
            raise RuntimeError("no picture was requested")
        sample, over = self.fit.sample
        return regression_figure(self.title, self.outcome, self.trail, sample, over, gradient_norm=gradient_norm)

    def report(self) -> Report:
        """The printed report: with ``--plot`` the picture, instead of the rows or below them."""
        outcome = self.outcome
        if not self.output.plot:
            return self._report(self._table)
        from gdcli.cli.picture import above_picture

        above = self._table if self.output.all or self.output.every > 1 else self._ending
        notices = [*outcome.warnings, *notices_about(self.figure)]
        return report_for_people(
            lambda width: above_picture(above(width), self.figure), notices, self.output, outcome.diagnosis
        )

    def _report(self, make: Callable[[int], RenderableType]) -> Report:
        return report_for_people(make, self.outcome.warnings, self.output, self.outcome.diagnosis)

    def _table(self, _: int) -> RenderableType:
        from gdcli.render.regression import RegressionTable, rows_of

        if self.rows is None:
            raise RuntimeError("no table was requested")
        head, left_out, tail = self.rows.shown()
        rows = Shown([seen.row() for seen in head], left_out, [seen.row() for seen in tail])
        output, chosen = self.output, self.output.all or self.output.every > 1
        title = f"{self.title}; {rows_of(self.outcome)}"
        return RegressionTable(title, rows, self.outcome, output.digits, whole=output.all, shortens=not chosen)

    def _ending(self, width: int) -> RenderableType:
        """How the regression ended, and what it found."""
        from rich.console import Group

        from gdcli.render.regression import regression_ending, rows_of
        from gdcli.render.text import Text

        title = Text(f"{self.title}; {rows_of(self.outcome)}", "bold")
        return Group(title, regression_ending(self.outcome, self.output.digits, width))

    def save(self) -> None:
        """Write the files of ``--save``.

        Raises:
            OutsideError: when one cannot be written.
        """
        if self.output.save:
            table = functools.partial(self._report, self._table)
            save(self.output, report=table, figure=lambda: self.figure, page=self.page)
        if self.output.save_model is not None:
            from gdcli.regression.model import model_of

            save_model(lambda: model_of(self.fit), self.output.save_model, quiet=self.output.quiet)

    def page(self) -> tuple[Figure, Any]:
        """The contents of the page: the picture with the gradient norm, and a record of the rows that were kept."""
        if self.kept is None:
            raise RuntimeError("no page was requested")
        record = self.fit.record(seen.row() for seen in self.kept.things)
        return self._figure(gradient_norm=True), with_notices(record, self.output.heard.notices())


def run_share(fit: Fit, output: Output) -> int:
    """Run the share of a process that does not print: it computes all that the first one prints of."""
    fit.diagnoses = _is_diagnosed(fit, output)
    with interruptible(fit.interrupt):
        for _ in fit.states():
            pass
        fit.outcome  # noqa: B018 -- it is computed together
    if _draws(output):
        fit.sample  # noqa: B018 -- it is gathered
    return _exit_code(fit, output)


def run_regression(fit: Fit, output: Output) -> int:
    """Run, print, and return the exit code."""
    live = _live(fit, output)
    collector = FitCollector(fit, output, None if live is None else live.states())
    with interruptible(fit.interrupt if live is None else live.interrupt):
        match output.format:
            case "jsonl":
                with output.open() as file:
                    _print_lines(collector, file)
            case "csv":
                with output.open() as file:
                    _print_csv(collector, file)
            case _ if output.takes_record and live is None:
                record = fit.seen(list(collector.states()))
                output.take(with_notices(record, output.heard.notices()))
            case _:
                with contextlib.nullcontext() if live is None else live.open():
                    rows = [seen.row() for seen in collector.iterations() if output.format == "json"]
                _print_whole(collector, rows)
    outcome = collector.outcome
    if not output.quiet and not output.takes_record:
        warn(outcome.warnings)
    collector.save()
    return _exit_code(fit, output)


def _exit_code(fit: Fit, output: Output) -> int:
    outcome = fit.outcome
    if outcome.status == "interrupted":
        return INTERRUPTED_BY[fit.interrupted_by or ""]
    from gdcli.contract.descent import CONVERGED

    if output.require_convergence and outcome.status not in CONVERGED:
        return ExitCode.CHECK_FAILED
    return ExitCode.OK


def _draws(output: Output) -> bool:
    """Whether a picture is printed or saved."""
    return output.plot or any(target.kind != "table" for target in targets(output.save))


def _is_diagnosed(fit: Fit, output: Output) -> bool:
    """Whether the run is diagnosed; the CSV has no place for it."""
    return fit.diagnoses if output.format != "csv" else bool(output.save)


def _live(fit: Fit, output: Output) -> LiveFit | None:
    """The live view of the regression, with ``--live``."""
    if not output.live:
        return None
    from gdcli.cli.live.fit import LiveFit

    return LiveFit(fit, output, title_of_regression(fit.settings, [term.name for term in fit.design.layout.terms]))


def _print_whole(collector: FitCollector, rows: list[Row]) -> None:
    """Print what needs the whole run: a JSON document, or the report for people."""
    if collector.output.format == "table":
        print_report(collector.report(), collector.output)
        return
    from gdcli.render.documents import json_line

    record = with_notices(collector.fit.record(rows), collector.output.heard.notices())
    with collector.output.open() as file:
        file.write(json_line(record))


def _print_lines(collector: FitCollector, file: IO[bytes]) -> None:
    from gdcli.contract.envelope import SettingsLine
    from gdcli.render.documents import json_line, regression_line, row_line

    fit = collector.fit
    file.write(json_line(SettingsLine(command=fit.command, settings=fit.settings)))
    stream((row_line(seen.row()) for seen in collector.iterations()), file)
    file.write(regression_line(collector.outcome))


def _print_csv(collector: FitCollector, file: IO[bytes]) -> None:
    from gdcli.render.documents import csv_row, row_cells, row_header

    fit = collector.fit
    fit.diagnoses = _is_diagnosed(fit, collector.output)
    validates = fit.settings.validate is not None

    def rows() -> Iterator[bytes]:
        yield csv_row(row_header(fit.design.names, validates=validates))
        for seen in collector.states():
            yield csv_row(row_cells(seen.row(), validates=validates))

    stream(rows(), file)
