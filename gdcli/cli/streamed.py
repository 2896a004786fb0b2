"""Sweeps whose result is too large for memory: what may be asked of them, and their run, which saves the cells."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gdcli.cli.interrupt import interruptible
from gdcli.cli.messages import to_stderr
from gdcli.cli.output import Kind, Output
from gdcli.cli.progress import run_with_progress
from gdcli.cli.save import targets
from gdcli.cli.show import show
from gdcli.cli.whole_file import whole_file
from gdcli.errors import ExitCode, UserInterruptError
from gdcli.printable import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gdcli.contract.sweep import SweepResult, SweepSettings

_KINDS: list[Kind] = ["table", "picture", "page", "cells"]
_NEED_ALL = ("live", "shard", "merge", "resume", "cells")


def check_size(settings: SweepSettings, output: Output) -> None:
    """Check that the result fits into memory, or is saved as it is computed.

    Raises:
        GdcliError: for a result that is too large.
    """
    from gdcli.complete.sweep import is_streamable, too_large_for_memory

    if too_large_for_memory(settings) is None:
        return
    keeps = [f"--{name}" for name in _NEED_ALL if getattr(output, name)]
    keeps += ["--csv"] * (output.format == "csv")
    keeps += [] if output.meeting is None else [output.meeting.ranks.launcher]
    saves = any(target.kind == "cells" for target in targets(output.save, _KINDS))
    error = too_large_for_memory(settings, next(iter(keeps), ""))
    if error is not None and (keeps or not saves or not is_streamable(settings)):
        raise error


def is_streamed(settings: SweepSettings) -> bool:
    """Whether the cells of a sweep that has been checked are saved as they are run."""
    from gdcli.complete.sweep import too_large_for_memory

    return too_large_for_memory(settings) is not None


def run_streamed(settings: SweepSettings, output: Output) -> ExitCode:
    """Run all cells, save them as they are run, and draw a thinned grid.

    Raises:
        OutsideError: when a file cannot be written.
        UserInterruptError: when a signal ends the run; no file is saved then.
    """
    from gdcli.render.sweep import sweep_csv, sweep_report
    from gdcli.sweeps.saved import writer_of
    from gdcli.sweeps.streamed import Streamed

    streamed = Streamed(settings)
    found = targets(output.save, _KINDS)
    cells = [target for target in found if target.kind == "cells"]
    with contextlib.ExitStack() as files, interruptible(streamed.interrupt):
        opened = [files.enter_context(whole_file(target.path)) for target in cells]
        writers = [
            files.enter_context(contextlib.closing(writer_of(streamed.sweep, target.ending, file)))
            for target, file in zip(cells, opened, strict=True)
        ]
        run_with_progress(streamed.run(writers), "sweeping", quiet=output.quiet)
        if (by := streamed.interrupted_by) is not None:
            names = " and ".join(one_line(target.path) for target in cells)
            message = f"interrupted{by} after {streamed.done:,} of {streamed.sweep.grid.size:,} cells"
            raise UserInterruptError(by, f"{message}; {names} {'was' if len(cells) == 1 else 'were'} not saved")
    if not output.quiet:
        for target in cells:
            to_stderr(f"saved {one_line(target.path)}")
    figure = functools.cache(streamed.figure)

    def report(record: SweepResult, digits: int, width: int) -> RenderableType:
        return sweep_report(record, figure(), digits, width)

    show(
        streamed.record(),
        replace(output, save=[target.path for target in found if target.kind != "cells"]),
        table=report,
        csv=sweep_csv,
        figure=figure,
        page=lambda: (figure(), streamed.record_drawn()),
    )
    return ExitCode.OK
