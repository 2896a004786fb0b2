"""Signals that end a run: Ctrl-C (SIGINT), SIGTERM and SIGHUP.

During a run, the first of them stops it at its next step, and the results so far are printed, complete and valid. A
second one, or one at any other time, ends the process at once. A signal that is ignored when the process starts, as
``nohup`` has it, stays ignored.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from gdcli.errors import INTERRUPTED_BY, ExitCode, UserInterruptError
from gdcli.unfinished import undo_all

_SIGNALS = [signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_PATIENCE = 0.5  # seconds for the last words of a process that ends at once: a reader may have stopped reading


class Interruption:
    """Whether a signal has interrupted a run, and which: ``by`` is a key of ``INTERRUPTED_BY`` then."""

    def __init__(self) -> None:
        self.by: str | None = None

    @property
    def code(self) -> ExitCode:
        """The exit code of an interrupted run."""
        return INTERRUPTED_BY[self.by or ""]


_last = Interruption()  # that of the present run, or of the last one


@contextlib.contextmanager
def interruptible(interrupt: Callable[[str], None]) -> Iterator[Interruption]:
    """The first signal calls ``interrupt``, which stops the run at its next step; a second one is not held back.

    ``interrupt`` gets the words that say which, a key of ``INTERRUPTED_BY``.
    """
    global _last  # noqa: PLW0603 -- signals belong to the process
    _last = found = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield found
        return
    previous = {number: signal.getsignal(number) for number in _SIGNALS}
    previous = {number: handler for number, handler in previous.items() if handler not in (signal.SIG_IGN, None)}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def handle(number: int, _: FrameType | None) -> None:
        restore()
        _leave_closed_terminal()
        found.by = _by(number)
        interrupt(found.by)

    for number in previous:
        signal.signal(number, handle)
    try:
        yield found
    finally:
        restore()


def raise_if_interrupted() -> None:
    """For a place that waits for something that may never come.

    Raises:
        UserInterruptError: when a signal has interrupted the run.
    """
    if _last.by is not None:
        raise UserInterruptError(_last.by)


def end_at_signals(report: Callable[[UserInterruptError], None]) -> None:
    """From now on, a signal outside a run ends the process at once: unfinished files are removed, ``report`` says it.

    Nothing is raised: in the middle of an import, or where an object is being deleted, Python would print the exception
    and go on.
    """

    def end(number: int, _: FrameType | None) -> NoReturn:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        _leave_closed_terminal()
        error = UserInterruptError(_by(number))
        clock = threading.Timer(_PATIENCE, os._exit, [error.exit_code])
        clock.daemon = True
        clock.start()
        undo_all()
        with contextlib.suppress(Exception):
            report(error)
        os._exit(error.exit_code)

    for number in _SIGNALS:
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, end)


def _leave_closed_terminal() -> None:
    """Have the null device in place of a terminal that was closed: a file can still be written whole."""
    with contextlib.suppress(ImportError):  # not on Windows
        import termios

        for stream in range(3):
            try:
                termios.tcgetattr(stream)
            except termios.error as error:
                if error.args[0] == errno.EIO:
                    os.dup2(os.open(os.devnull, os.O_RDWR), stream)


def _by(number: int) -> str:
    return "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
