"""What the command of a record prints, draws and saves, for a record that is there already."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from msgspec.structs import replace

from gdcli.cli.output import Kind, Output
from gdcli.cli.show import Report, report_of
from gdcli.contract.compare import CompareResult
from gdcli.contract.descent import DescentRecord
from gdcli.contract.grad import GradResult, PointsResult
from gdcli.contract.ops import OpsResult
from gdcli.contract.plot import PlotResult
from gdcli.contract.predict import Prediction, PredictResult
from gdcli.contract.regression import RegressionResult
from gdcli.contract.shown import Shown
from gdcli.contract.sweep import SweepResult
from gdcli.contract.watch import WatchResult
from gdcli.errors import GdcliError

if TYPE_CHECKING:
    from gdcli.contract.figure import Figure


@dataclass(frozen=True, kw_only=True)
class View:
    """The parts of what is shown: None for what such a record does not have.

    ``saves`` are the kinds of files that its command saves.
    """

    report: Callable[[], Report]
    csv: Callable[[], bytes]
    saves: tuple[Kind, ...]
    figure: Callable[[], Figure] | None = None
    page: Callable[[], tuple[Figure, Any]] | None = None
    cells: Callable[[str, IO[bytes]], None] | None = None
    tape: Callable[[], GradResult] | None = None


def view_of(record: Any) -> View:
    """The view of a record; it is made once, and so are its pictures.

    Raises:
        GdcliError: where the problem cannot be made again, for a file that has changed.
    """
    known = record.__dict__
    if "view" not in known:
        known["view"] = next(make for kind, make in _VIEWS.items() if isinstance(record, kind))(record)
    found: View = known["view"]
    return found


def output_of(record: Shown) -> Output:
    """What is made of a record: a table, a picture and a page, with the options of the magic that made it."""
    asked: Output = record.__dict__.get("output", Output())
    return replace(asked, save=["run.html"])


def run_of(record: Shown) -> Any:
    """What made a record; None for one that was read or copied."""
    return record.__dict__.get("run")


def _ops(record: OpsResult) -> View:
    from gdcli.render.documents import ops_csv
    from gdcli.render.table import ops_table

    return View(
        report=lambda: report_of(record, output_of(record), ops_table),
        csv=lambda: ops_csv(record),
        saves=("table",),
    )


def _grad(record: GradResult) -> View:
    from gdcli.lang.functions import MATRIX_OPERATIONS
    from gdcli.render.explanations_csv import explained_csv
    from gdcli.render.gradient import grad_report

    report = functools.partial(grad_report, matrix_operations=MATRIX_OPERATIONS)
    return View(
        report=lambda: report_of(record, output_of(record), report),
        csv=lambda: explained_csv(record),
        saves=("table", "tape"),
        tape=lambda: with_tape(record),
    )


def with_tape(record: GradResult) -> GradResult:
    """The record with its tape, which is made again where it was not asked for."""
    from msgspec import UnsetType

    if not isinstance(record.tape, UnsetType):
        return record
    from gdcli.gradient import grad

    return grad(replace(run_of(record) or record.settings, explain=True))


def _points(record: PointsResult) -> View:
    from gdcli.render.points import points_csv
    from gdcli.render.points_table import points_table

    table = functools.partial(points_table, show_all=output_of(record).all)
    return View(
        report=lambda: report_of(record, output_of(record), table),
        csv=lambda: points_csv(record),
        saves=("table",),
    )


def _plot(record: PlotResult) -> View:
    from gdcli.render.figure_csv import plot_csv
    from gdcli.render.terminal.picture import Picture

    return View(
        report=lambda: report_of(record, output_of(record), lambda record, *_: Picture(record.figure)),
        csv=lambda: plot_csv(record),
        figure=lambda: record.figure,
        page=lambda: (record.figure, record),
        saves=("picture", "page"),
    )


def _compare(record: CompareResult) -> View:
    from gdcli.render.compare import compare_csv, compare_report

    @functools.cache
    def figure(*, gradient_norm: bool = False) -> Figure:
        from gdcli.landscape.race import race_figure
        from gdcli.race.race import Race

        return race_figure(run_of(record) or Race(record.settings), record, gradient_norm=gradient_norm)

    return View(
        report=lambda: report_of(record, output_of(record), compare_report),
        csv=lambda: compare_csv(record),
        figure=figure,
        page=lambda: (figure(gradient_norm=True), record),
        saves=("table", "picture", "animation", "page"),
    )


def _sweep(record: SweepResult) -> View:
    from gdcli.render.sweep import sweep_csv, sweep_report

    @functools.cache
    def run() -> Any:
        """The sweep with its cells, which no record has to have."""
        if (made := run_of(record)) is not None:
            return made
        from gdcli.sweeps.sweep import Sweep

        again = Sweep(record.settings)
        for _ in again:
            pass
        return again

    @functools.cache
    def figure() -> Figure:
        found: Figure = run().figure()
        return found

    return View(
        report=lambda: report_of(
            record, output_of(record), lambda record, *sizes: sweep_report(record, figure(), *sizes)
        ),
        csv=lambda: sweep_csv(run().record(cells=True)),
        figure=figure,
        page=lambda: (figure(), record),
        cells=lambda ending, file: run().save_cells(ending, file),
        saves=("table", "picture", "page", "cells"),
    )


def _watch(record: WatchResult) -> View:
    from gdcli.render.watch import watch_csv, watch_report, with_findings

    @functools.cache
    def figure() -> Figure:
        from gdcli.watching.figure import figure_of

        found = figure_of(record)
        if not found.panels:
            raise GdcliError("save", "no loop has two iterations, so there is nothing to draw")
        return found

    output = output_of(record)
    report = functools.partial(watch_report, every=output.every, whole=output.all)
    return View(
        report=lambda: report_of(record, output, report),
        csv=lambda: watch_csv(record),
        figure=figure,
        page=lambda: (with_findings(figure(), record), record),
        saves=("table", "picture", "page"),
    )


def _descent(record: DescentRecord) -> View:
    @functools.cache
    def collector() -> Any:
        from gdcli.cli.collector import Collector
        from gdcli.descent.recalled import Recalled

        descent = Recalled(record, run_of(record))
        found = Collector(descent, output_of(record), descent.states())
        for _ in found.states_and_updates():
            pass
        return found

    def csv() -> bytes:
        from gdcli.render.documents import csv_row, step_cells, step_header

        def rows() -> Iterator[bytes]:
            steps = record.iterations
            last = [record.result] * (not steps or steps[-1].iteration != record.result.iteration)
            yield csv_row(step_header([*steps, *last][0]))
            yield from (csv_row(step_cells(step)) for step in (*steps, *last))

        return b"".join(rows())

    return View(
        report=lambda: collector().report(),
        csv=csv,
        figure=lambda: collector().figure,
        page=lambda: collector().page(),
        saves=("table", "picture", "animation", "page"),
    )


def _regression(record: RegressionResult) -> View:
    @functools.cache
    def run() -> Any:
        """The fit, and its states."""
        if (made := run_of(record)) is not None:
            return made
        from gdcli.regression.fit import Fit

        again = Fit(record.settings)
        return again, list(again.states())

    @functools.cache
    def collector() -> Any:
        from gdcli.cli.regress import FitCollector

        found = FitCollector(run()[0], output_of(record), run()[1])
        for _ in found.states():
            pass
        found.outcome = record
        return found

    def csv() -> bytes:
        from gdcli.render.documents import csv_row, row_cells, row_header

        fit, states = run()
        validates = record.settings.validate is not None
        rows = [row_cells(seen.row(), validates=validates) for seen in states]
        return b"".join(map(csv_row, [row_header(fit.design.names, validates=validates), *rows]))

    return View(
        report=lambda: collector().report(),
        csv=csv,
        figure=lambda: collector().figure,
        page=lambda: collector().page(),
        saves=("table", "picture", "animation", "page"),
    )


def _predict(record: PredictResult) -> View:
    from rich.console import Group

    from gdcli.memory import Ends
    from gdcli.render.documents import csv_row
    from gdcli.render.numbers import aligned, number
    from gdcli.render.table import listing
    from gdcli.render.text import Text

    @functools.cache
    def header() -> list[str]:
        from gdcli.regression.model import Predictor

        predictor: Predictor = run_of(record) or Predictor(record.settings)
        return predictor.header

    def table(_: Any, digits: int, *__: Any) -> Any:
        ends: Ends[Prediction] = Ends()
        for i, each in enumerate(record.predictions):
            ends.add(i, each)
        shown = ends.shown()
        kept = [*shown.head, *shown.tail]
        texts = aligned([number(each.prediction, digits) for each in kept])
        rows = [[f"{each.row:,}", *each.kept.values(), text] for each, text in zip(kept, texts, strict=True)]
        if shown.left_out:
            rows.insert(len(shown.head), ["...", *[""] * len(header())])
        left_out = [Text(f"{shown.left_out:,} rows are left out", "dim")] if shown.left_out else []
        return Group(Text(record.message), listing(["row", *header()], rows), *left_out)

    def csv() -> bytes:
        rows: list[list[Any]] = [[*each.kept.values(), each.prediction] for each in record.predictions]
        return b"".join(csv_row(row) for row in [header(), *rows])

    return View(report=lambda: report_of(record, output_of(record), table), csv=csv, saves=("table",))


_VIEWS: dict[type[Any], Callable[[Any], View]] = {
    OpsResult: _ops,
    GradResult: _grad,
    PointsResult: _points,
    PlotResult: _plot,
    CompareResult: _compare,
    SweepResult: _sweep,
    WatchResult: _watch,
    DescentRecord: _descent,
    RegressionResult: _regression,
    PredictResult: _predict,
}
