"""Runs of a part of a sweep: what is kept while it runs, the part that is saved, and what processes do together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from gdcli.cli.interrupt import interruptible
from gdcli.cli.messages import to_stderr
from gdcli.cli.progress import run_with_progress
from gdcli.cli.shards import Kept, checked_parts
from gdcli.cli.whole_file import whole_file
from gdcli.errors import ExitCode, GdcliError, UserInterruptError
from gdcli.printable import one_line

if TYPE_CHECKING:
    from gdcli.cli.output import Output
    from gdcli.cli.ranks import Meeting
    from gdcli.contract.sweep import SweepSettings
    from gdcli.sweeps.sweep import Sweep


def merged(settings: SweepSettings, paths: Sequence[str]) -> Sweep:
    """The whole sweep of completed ``settings``, from its parts.

    Raises:
        GdcliError: for parts that are not all of one sweep.
    """
    from gdcli.sweeps.part import difference, settings_text
    from gdcli.sweeps.sweep import Sweep

    parts, _ = checked_parts(paths)
    sweep = Sweep(settings, made=parts[0].engine)
    if settings_text(sweep.settings) != parts[0].settings:  # a file of values has changed
        what = difference(parts[0].settings, settings_text(sweep.settings), "here")
        raise GdcliError("part", f"the parts are of another sweep: {what}", "have the same files here as there")
    for part in parts:
        sweep.take(part)
    return sweep


def run_and_keep(sweep: Sweep, output: Output, kept: Kept | None, meeting: Meeting | None = None) -> ExitCode:
    """Run what is not kept yet, and keep what is finished; returns the exit code.

    Raises:
        GdcliError: when tiles of another sweep are kept.
        OutsideError: when a file cannot be written, or another process has failed.
    """
    with interruptible(sweep.interrupt) as interruption:
        if kept is not None:
            for part in kept.parts(sweep):
                sweep.take(part)
            kept.make()
            sweep.keeps = True
        run_with_progress(_watched(sweep, kept, meeting), "sweeping", quiet=output.quiet)
    return ExitCode.OK if sweep.interrupted_by is None else interruption.code


def _watched(sweep: Sweep, kept: Kept | None, meeting: Meeting | None) -> Iterator[float]:
    """The shares of a sweep, while its tiles are kept and other processes are watched."""
    written = 0
    for share in sweep:
        if kept is not None:
            for finished in sweep.finished[written:]:
                kept.keep(sweep, finished)
            written = len(sweep.finished)
        if meeting is not None:
            meeting.look()
        yield share


def save_part(sweep: Sweep, output: Output) -> None:
    """Save the part of a shard, and print what it is.

    Raises:
        OutsideError: when it cannot be written.
    """
    from gdcli.sweeps.part import write_part

    tiles, grid = sorted(sweep.tiles), sweep.grid
    with whole_file(output.save[0]) as file:
        write_part(file, sweep, tiles, sweep.run_steps)
    cells = len(grid.cells(tiles))
    with output.open_text() as stream:
        stream.write(
            f"shard {sweep.shard}: ran {len(tiles):,} of {grid.tiles:,} tile{'s' * (grid.tiles != 1)}, "
            f"{cells:,} of {grid.size:,} cells\n"
        )
    if not output.quiet:
        to_stderr(f"saved {one_line(output.save[0])}")


def how_to_go_on(sweep: Sweep, kept: Kept) -> str:
    """Which tiles are kept after an interruption, and how they are used."""
    count = len(sweep.tiles)
    noun = "tile is" if count == 1 else "tiles are"
    return f"{count:,} finished {noun} kept in {kept.folder}, and the same command goes on from there"


def interruption_of(sweep: Sweep, kept: Kept | None) -> UserInterruptError:
    """The error for a part that is not saved because a signal came."""
    by = sweep.interrupted_by or ""
    if kept is None:
        hint = "with --resume, finished tiles are kept, and the same command goes on from there"
        return UserInterruptError(by, f"interrupted{by}; no part was saved", hint)
    return UserInterruptError(by, f"interrupted{by}; {how_to_go_on(sweep, kept)}")


def run_together(
    settings: SweepSettings, output: Output, meeting: Meeting, show: Callable[[Sweep], object]
) -> ExitCode:
    """Run the tiles of this process; the first one puts those of all together, and ``show`` prints and saves them.

    Raises:
        OutsideError: when a file cannot be written, or another process has failed.
        UserInterruptError: when a signal ends the run.
    """
    from gdcli.sweeps.part import write_part
    from gdcli.sweeps.sweep import Sweep

    ranks, kept = meeting.ranks, meeting.kept
    sweep = Sweep(settings, ranks.shard)
    run_and_keep(sweep, output, kept if output.resume else None, meeting)
    if sweep.interrupted_by is not None:
        raise interruption_of(sweep, kept if output.resume else None)
    if ranks.rank > 0:
        if not output.resume:
            with whole_file(str(meeting.part(ranks.rank))) as file:
                write_part(file, sweep, sorted(sweep.tiles), sweep.run_steps)
        meeting.done()
        return ExitCode.OK
    with interruptible(sweep.interrupt):
        meeting.wait()
    _take_all(sweep, meeting, resume=output.resume)
    show(sweep)
    meeting.done()
    kept.remove()
    return ExitCode.OK


def _take_all(sweep: Sweep, meeting: Meeting, *, resume: bool) -> None:
    """Take the cells of the other processes over.

    Raises:
        GdcliError: for cells that are missing.
    """
    from gdcli.sweeps.part import check_of, disjoint, read_part, settings_text

    if resume:
        parts = meeting.kept.parts(sweep)
    else:
        parts = [read_part(str(meeting.part(rank))) for rank in range(1, meeting.ranks.size)]
        for part in parts:
            check_of(part, settings_text(sweep.settings), sweep.made, "in rank 0")
    for part in disjoint(parts, sorted(sweep.tiles)):
        sweep.take(part)
    missing = sweep.grid.tiles - len(sweep.tiles)
    if missing:
        message = f"{missing:,} of {sweep.grid.tiles:,} tiles are missing in {meeting.kept.folder}"
        raise GdcliError("part", message, "do all processes see the same folder?")
