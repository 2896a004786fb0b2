"""``gdcli sweep``: many descents along one or two axes."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from gdcli.cli.command import Command
from gdcli.cli.interrupt import interruptible
from gdcli.cli.output import Output
from gdcli.cli.progress import run_with_progress
from gdcli.cli.show import show
from gdcli.contract.sweep import SweepSettings
from gdcli.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gdcli.cli.live.sweep import LiveSweep
    from gdcli.contract.sweep import SweepResult
    from gdcli.sweeps.sweep import Sweep


def complete(settings: SweepSettings) -> SweepSettings:
    """Fill in the example, and check the arguments."""
    from gdcli.complete.sweep import complete_sweep

    return complete_sweep(settings)


def run(settings: SweepSettings, output: Output) -> int:
    """Run all cells and draw them."""
    from gdcli.render.sweep import sweep_csv, sweep_report
    from gdcli.sweeps.sweep import Sweep

    sweep = Sweep(settings)
    live = _live(sweep, output)
    with interruptible(sweep.interrupt if live is None else live.interrupt) as interruption:
        if live is None:
            run_with_progress(sweep, "sweeping", quiet=output.quiet)
        else:
            live.run()
    record = sweep.record(cells=output.cells or output.format == "csv")
    figure = functools.cache(sweep.figure)

    def report(record: SweepResult, digits: int, width: int) -> RenderableType:
        return sweep_report(record, figure(), digits, width)

    show(
        record,
        output,
        table=report,
        csv=sweep_csv,
        figure=figure,
        page=lambda: (figure(), record),
        cells=sweep.save_cells,
    )
    return ExitCode.OK if interruption.by is None else interruption.code


def _live(sweep: Sweep, output: Output) -> LiveSweep | None:
    """The live view of the sweep, with ``--live``."""
    if not output.live:
        return None
    from gdcli.cli.live.sweep import LiveSweep

    return LiveSweep(sweep, output)


COMMAND = Command(
    name="sweep",
    settings=SweepSettings,
    complete=complete,
    run=run,
    help="Run many descents along one or two axes, and draw which of them reach what: a start, a learning rate, a "
    "parameter of the rule, or the seed.",
    examples=(
        "gdcli sweep",
        "gdcli sweep rosenbrock --over lr=1e-4:1e-2:log:60",
        "gdcli sweep himmelblau --over x=-5:5:60 --over y=-5:5:60 --lr 0.01",
        "gdcli sweep quadratic-10 --over lr=0.01:0.4:40 --over momentum=0:0.95:40 --optimizer manual-momentum",
        'gdcli sweep "x**4 - x**2" --over lr=0.01:1:60 --over x=-2:2:60 --zoom lr=0.9:1,x=1:1.5',
        "gdcli sweep rosenbrock --over lr=0.001,0.01,0.1 --optimizer adam --measure loss --json --cells",
        'gdcli sweep "sum(x**2)" --x "randn(3)" --over seed=0:20 --csv',
        "gdcli sweep himmelblau --over x=-5:5:60 --over y=-5:5:60 --lr 0.01 --save map.png --save map.npz",
    ),
    features=("numbers", "sweep", "table", "picture", "page", "cells"),
)
