"""``gdcli watch``: what the training loop of a script does."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, NoReturn

from gdcli.cli.command import Command
from gdcli.cli.output import Output
from gdcli.cli.show import show
from gdcli.contract.watch import WatchSettings
from gdcli.errors import ExitCode

if TYPE_CHECKING:
    from gdcli.contract.watch import WatchedStep, WatchResult
    from gdcli.watch.seen import WatchedDescent
    from gdcli.watch.watch import Watch


def complete(settings: WatchSettings) -> WatchSettings:
    """Check the arguments."""
    from gdcli.complete.watch import complete_watch

    return complete_watch(settings)


def run(settings: WatchSettings, output: Output) -> int:
    """Run the script and print what it did; the exit code is that of the script."""
    from gdcli.watch.script import read_script
    from gdcli.watch.watch import Watch

    script = read_script(settings.script, settings.cell)
    if output.format == "jsonl":
        record, ended = _run_with_lines(settings, output)
    else:
        watch = Watch(settings, script)
        with _apart() if output.format != "table" else contextlib.nullcontext():
            watch.run()
        record, ended = watch.record(), watch.ended.status
        with _unless_closed():
            _show(record, output)
    if ended == "interrupted" and hasattr(signal, "SIGINT") and os.name == "posix":
        _end_by_interrupt()
    return code_of(record)


def code_of(record: WatchResult) -> int:
    """The exit code: that of the script, or 3 with a finding of ``--fail-on``."""
    from gdcli.complete.watch import ANY

    wanted = record.settings.fail_on
    found = any(ANY in wanted or finding.code in wanted for finding in record.findings)
    return record.exit_code or (ExitCode.CHECK_FAILED if found else ExitCode.OK)


def _show(record: WatchResult, output: Output) -> None:
    from gdcli.render.watch import watch_csv, watch_report

    @functools.cache
    def figure() -> object:
        from gdcli.watch.figure import figure_of

        return figure_of(record)

    report = functools.partial(watch_report, every=output.every, whole=output.all, figure=figure() if output.plot else None)
    show(record, output, table=report, csv=watch_csv, figure=figure)  # type: ignore[arg-type]


def _run_with_lines(settings: WatchSettings, output: Output) -> tuple[WatchResult, str]:
    """Run the script and print a line for each iteration, once it is over."""
    from msgspec import structs

    from gdcli.contract.envelope import SettingsLine
    from gdcli.contract.watch import WatchedStepLine, WatchResultLine
    from gdcli.render.documents import json_line
    from gdcli.watch.script import read_script
    from gdcli.watch.watch import Watch

    with contextlib.ExitStack() as stack:
        own = stack.enter_context(_apart())
        file: IO[bytes] = own if output.output in (None, "-") else stack.enter_context(output.open())

        def on_step(index: int, seen: WatchedDescent, step: WatchedStep) -> None:
            file.write(json_line(WatchedStepLine(descent=index, file=seen.place.file, line=seen.place.line, step=step)))

        script = read_script(settings.script, settings.cell)
        watch: Watch = Watch(structs.replace(settings, keep=1), script, on_step)
        with _unless_closed():
            file.write(json_line(SettingsLine(command="watch", settings=settings)))
        watch.run()
        record = structs.replace(watch.record(), settings=settings)
        loops = [structs.replace(loop, iterations=[]) for loop in record.descents]
        fields = {name: getattr(record, name) for name in WatchResultLine.__struct_fields__}
        with _unless_closed():
            file.write(json_line(WatchResultLine(**{**fields, "descents": loops})))
            file.flush()
    return record, watch.ended.status


@contextlib.contextmanager
def _apart() -> Iterator[IO[bytes]]:
    """What the script prints goes to standard error; yields the standard output that is for the record."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with open(kept, "wb", closefd=False) as stream:  # noqa: PTH123 -- a descriptor
            yield stream
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


@contextlib.contextmanager
def _unless_closed() -> Iterator[None]:
    """A reader that has gone, as ``head`` does, leaves the exit code of the script as it is."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _end_by_interrupt() -> NoReturn:
    """End as Python ends a script that Ctrl-C interrupts: by that signal."""
    import atexit

    atexit._run_exitfuncs()  # noqa: SLF001 -- a signal skips them
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
    os._exit(ExitCode.INTERRUPTED)


COMMAND = Command(
    name="watch",
    settings=WatchSettings,
    complete=complete,
    run=run,
    help="Run a script or a notebook as it is, and show what its training loops did: loss, values and gradients at each "
    "iteration, and what is wrong with them. Options go before the name of the script; what follows it is for the "
    "script.",
    examples=(
        "gdcli watch train.py --epochs 3",
        "gdcli watch --json train.py",
        "gdcli watch --plot train.py",
        "gdcli watch lecture.ipynb --cell 12",
        "gdcli watch --fail-on any train.py",
        "gdcli watch - < train.py",
    ),
    features=("numbers", "table", "loops", "picture"),
)
