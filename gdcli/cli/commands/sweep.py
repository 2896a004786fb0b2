"""``gdcli sweep``: many descents along one or two axes."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import structs

from gdcli.cli.command import Command
from gdcli.cli.interrupt import interruptible
from gdcli.cli.output import Output
from gdcli.cli.parts import how_to_go_on, interruption_of, merged, run_and_keep, run_together, save_part
from gdcli.cli.shards import Kept, read_shard, settings_of_merge
from gdcli.cli.show import show
from gdcli.cli.streamed import check_size, is_streamed, run_streamed
from gdcli.contract.shown import changed
from gdcli.contract.sweep import SweepSettings
from gdcli.errors import ExitCode, GdcliError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gdcli.contract.sweep import SweepResult
    from gdcli.sweeps.sweep import Sweep


def complete(settings: SweepSettings) -> SweepSettings:
    """Fill in the example, and check the arguments."""
    from gdcli.complete.sweep import complete_sweep

    return complete_sweep(settings)


@contextlib.contextmanager
def around(output: Output) -> Iterator[Output]:
    """Where a launcher has started several processes, they tell each other of errors."""
    from gdcli.cli.ranks import Meeting, folder_of, ranks_for

    ranks = ranks_for(output)
    if ranks is None:
        yield output
        return
    if output.live:
        message = "--live shows the cells of one process, and a launcher has started several"
        raise GdcliError("usage", message, "leave out --live, or run one process")
    with Meeting(ranks, folder_of(ranks, output)).joined() as meeting:
        yield structs.replace(output, meeting=meeting, quiet=output.quiet or ranks.rank > 0)


def run(settings: SweepSettings, output: Output) -> int:
    """Run all cells and draw them; or those of a shard, or none where parts are put together."""
    if is_streamed(settings):
        return run_streamed(settings, output)
    if output.merge:
        return show_sweep(merged(settings, output.merge), output, ExitCode.OK)
    if output.meeting is not None:
        return run_together(settings, output, output.meeting, lambda sweep: show_sweep(sweep, output, ExitCode.OK))
    from gdcli.sweeps.sweep import Sweep

    sweep = Sweep(settings, read_shard(output.shard))
    kept = Kept(output.save[0]) if output.resume else None
    code = _run_live(sweep, output) if output.live else run_and_keep(sweep, output, kept)
    interrupted = sweep.interrupted_by
    if output.shard is not None:
        if interrupted is not None:
            raise interruption_of(sweep, kept)
        save_part(sweep, output)
    else:
        show_sweep(sweep, output, code, kept)
    if kept is not None and interrupted is None:
        kept.remove()
    return code


def show_sweep(sweep: Sweep, output: Output, code: int, kept: Kept | None = None) -> int:
    """Print and save all cells; returns ``code``."""
    from gdcli.render.sweep import sweep_csv, sweep_report

    record = sweep.record(cells=output.cells or output.format == "csv")
    if sweep.interrupted_by is not None and kept is not None:
        record = changed(record, message=f"{record.message}; {how_to_go_on(sweep, kept)}")
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
    return code


def _run_live(sweep: Sweep, output: Output) -> ExitCode:
    """Run the cells from coarse to fine, while the picture is shown; returns the exit code."""
    from gdcli.cli.live.sweep import LiveSweep

    live = LiveSweep(sweep, output)
    with interruptible(live.interrupt) as interruption:
        live.run()
    return ExitCode.OK if interruption.by is None else interruption.code


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
    given=settings_of_merge,
    check=check_size,
    around=around,
)
