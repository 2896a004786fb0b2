"""``gdcli compare``: optimizers side by side."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from gdcli.cli.command import Command
from gdcli.cli.interrupt import interruptible
from gdcli.cli.output import Output
from gdcli.cli.progress import run_with_progress
from gdcli.cli.show import show
from gdcli.contract.compare import CompareSettings
from gdcli.contract.shown import changed
from gdcli.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gdcli.contract.compare import CompareResult
    from gdcli.contract.figure import Figure
    from gdcli.race.race import Race


def complete(settings: CompareSettings) -> CompareSettings:
    """Fill in the example, and check the arguments."""
    from gdcli.complete.compare import complete_compare

    return complete_compare(settings)


def run(settings: CompareSettings, output: Output) -> int:
    """Compare and print."""
    from gdcli.race.race import Race
    from gdcli.render.compare import compare_csv

    race = Race(settings)
    with interruptible(race.interrupt) as interruption:
        run_with_progress(race, "comparing", quiet=output.quiet)
    record = race.record()
    code = interruption.code if record.status == "interrupted" else ExitCode.OK
    if output.live and code is ExitCode.OK:
        code = _watch(race, record, output)

    @functools.cache
    def figure(*, gradient_norm: bool = False) -> Figure:
        from gdcli.landscape.race import race_figure

        return race_figure(race, record, counted=output.counted, gradient_norm=gradient_norm)

    def page() -> tuple[Figure, CompareResult]:
        return figure(gradient_norm=True), record

    if output.plot:
        from gdcli.contract.plot import notices_about

        record = changed(record, warnings=[*record.warnings, *notices_about(figure())])
    table = functools.partial(_report, figure=figure if output.plot else None)
    show(record, output, table=table, csv=compare_csv, figure=figure, page=page)
    return code


def _watch(race: Race, record: CompareResult, output: Output) -> ExitCode:
    """Show the runs from the first start side by side; returns the exit code."""
    from gdcli.cli.live.race import LiveRace

    live = LiveRace(race, record, output)
    with interruptible(live.session.interrupt) as interruption:
        live.run()
    return interruption.code if live.session.interrupted else ExitCode.OK


def _report(record: CompareResult, digits: int, width: int, *, figure: Callable[[], Figure] | None) -> RenderableType:
    """The standings, and with ``--plot`` the paths of the optimizers below them."""
    from gdcli.render.compare import compare_report

    report = compare_report(record, digits, width)
    if figure is None:
        return report
    from gdcli.cli.picture import above_picture

    return above_picture(report, figure())


COMMAND = Command(
    name="compare",
    settings=CompareSettings,
    complete=complete,
    run=run,
    help="Compare optimizers from the same starts to the same goal: which reach it, and at what cost.",
    examples=(
        "gdcli compare",
        "gdcli compare himmelblau --optimizer sgd,adam --lr 0.01 --starts 20",
        "gdcli compare quadratic-10 --rates 12 --steps 200",
        "gdcli compare beale --optimizer manual,manual-momentum,manual-nesterov --lr auto --json",
        'gdcli compare "x**4 - x**2" --optimizer sgd,adam --opt adam.betas=0.8,0.9 --domain x=-2:2 --starts 5',
        "gdcli compare quadratic-10 --optimizer manual --lr 0.01,0.1,0.18,0.21 --steps 60",
        'gdcli compare rosenbrock --racer "sgd lr=0.002" --racer "sgd momentum=0.9 lr=0.002"',
        "gdcli compare rosenbrock --plot",
        "gdcli compare himmelblau --lr 0.01 --save race.gif --seconds 2",
    ),
    features=("numbers", "plot", "race", "table", "surface", "picture", "animation", "page"),
)
