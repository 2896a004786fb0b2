"""``gdcli watch``: what the training loop of a script does."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, NoReturn, Self

from gdcli.cli.command import Command
from gdcli.cli.output import Output
from gdcli.cli.show import show
from gdcli.contract.watch import WatchSettings
from gdcli.errors import ExitCode

if TYPE_CHECKING:
    from types import TracebackType

    from gdcli.contract.figure import Figure
    from gdcli.contract.watch import WatchedStep, WatchResult


def complete(settings: WatchSettings) -> WatchSettings:
    """Check the arguments."""
    from gdcli.complete.watch import complete_watch

    return complete_watch(settings)


def run(settings: WatchSettings, output: Output) -> int:
    """Run the script and print what it did; the exit code is that of the script."""
    from gdcli.watching.script import read_script
    from gdcli.watching.watch import Watch

    script = read_script(settings.script, settings.cell)
    with contextlib.ExitStack() as stack:
        apart = stack.enter_context(_Apart()) if output.format != "table" else None
        lines = stack.enter_context(_Lines(settings, output, apart)) if output.format == "jsonl" and apart else None
        watch = Watch(settings, script, None if lines is None else lines.write)
        watch.run()
        if watch.is_child:  # the script has forked it, and it has nothing to report
            return watch.ended.exit_code
        record = watch.record()
        with _unless_closed():
            if lines is not None:
                lines.end(record)
            else:
                with contextlib.nullcontext() if apart is None else apart.back():
                    _show(record, output)
    if record.status == "interrupted" and os.name == "posix":
        _end_by_interrupt()
    return code_of(record)


def code_of(record: WatchResult) -> int:
    """The exit code: that of the script, or 3 with a finding of ``--fail-on``."""
    from gdcli.complete.watch import ANY

    wanted = record.settings.fail_on
    found = any(ANY in wanted or finding.code in wanted for finding in record.findings)
    return record.exit_code or (ExitCode.CHECK_FAILED if found else ExitCode.OK)


def _show(record: WatchResult, output: Output) -> None:
    from gdcli.render.watch import watch_csv, watch_report, with_findings

    @functools.cache
    def figure() -> Figure:
        from gdcli.watching.figure import figure_of

        return figure_of(record)

    report = functools.partial(
        watch_report, every=output.every, whole=output.all, figure=figure() if output.plot else None
    )
    show(
        record,
        output,
        table=report,
        csv=watch_csv,
        figure=figure,
        page=lambda: (with_findings(figure(), record), record),
    )


class _Apart:
    """What the script prints goes to standard error, also as the process ends; ``number`` is for the record."""

    def __enter__(self) -> Self:
        sys.stdout.flush()
        self._stdout = sys.stdout
        self.number = os.dup(1)
        os.dup2(2, 1)
        if not _is_first(sys.stdout):
            sys.stdout = sys.stderr
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout = self._stdout
        os.close(self.number)

    @contextlib.contextmanager
    def back(self) -> Iterator[None]:
        """Standard output as it was, while the record is printed."""
        sys.stdout.flush()
        script, sys.stdout = sys.stdout, self._stdout
        os.dup2(self.number, 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stdout = script
            os.dup2(2, 1)


def _is_first(stream: IO[str]) -> bool:
    """Whether a stream writes to descriptor 1."""
    try:
        return stream.fileno() == 1
    except (OSError, ValueError, AttributeError):
        return False


class _Lines:
    """The lines of ``--jsonl``: one for each iteration, once it is over."""

    def __init__(self, settings: WatchSettings, output: Output, apart: _Apart) -> None:
        self._settings = settings
        self._stack = contextlib.ExitStack()
        self._output = output
        self._apart = apart

    def __enter__(self) -> Self:
        from gdcli.contract.envelope import SettingsLine
        from gdcli.render.documents import json_line

        if self._output.output in (None, "-"):
            stream = open(self._apart.number, "wb", closefd=False)
            self._file: IO[bytes] = self._stack.enter_context(stream)
        else:
            self._file = self._stack.enter_context(self._output.open())
        self._file.write(json_line(SettingsLine(command="watch", settings=self._settings)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with _unless_closed():
            self._stack.__exit__(kind, error, at)

    def write(self, index: int, file: str, line: int, step: WatchedStep) -> None:
        """Write the line of an iteration."""
        from gdcli.contract.watch import WatchedStepLine
        from gdcli.render.documents import json_line

        self._file.write(json_line(WatchedStepLine(descent=index, file=file, line=line, step=step)))

    def end(self, record: WatchResult) -> None:
        """Write the last line."""
        from msgspec import structs

        from gdcli.contract.watch import WatchResultLine
        from gdcli.render.documents import json_line

        loops = [structs.replace(loop, iterations=[]) for loop in record.descents]
        fields = {name: getattr(record, name) for name in WatchResultLine.__struct_fields__}
        self._file.write(json_line(WatchResultLine(**{**fields, "descents": loops})))


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
    help="Run a script or a notebook as it is, and show what its training loops did: loss, values and gradients at "
    "each iteration, and what is wrong with them. Options go before the name of the script; what follows it is for the "
    "script.",
    examples=(
        "gdcli watch train.py --epochs 3",
        "gdcli watch --json train.py",
        "gdcli watch --plot train.py",
        "gdcli watch --try train.py",
        "gdcli watch lecture.ipynb --cell 12",
        "gdcli watch --fail-on any train.py",
        "gdcli watch - < train.py",
    ),
    features=("numbers", "table", "loops", "picture", "page"),
)
