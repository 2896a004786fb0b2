"""A progress bar on standard error, for long runs on a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gdcli.descent.loop import State
    from gdcli.descent.run import Descent

_AFTER_SECONDS = 1.0
_EVERY_SECONDS = 0.1
_STEPS = 256  # of a descent, between two looks at the clock


def run_with_progress(shares: Iterable[float], label: str, *, quiet: bool) -> None:
    """Consume an iterable of fractions done, 0 to 1, and show a bar if it takes long."""
    with progress(label, 1.0, quiet=quiet) as show:
        for share in shares:
            show(share)


def with_progress(descent: Descent[Any], *, quiet: bool) -> Iterator[State]:
    """The states of a descent; on a terminal, with a bar if they take long."""
    if quiet or not sys.stderr.isatty():
        yield from descent.states()
        return
    with progress("descending", descent.settings.steps, quiet=quiet) as show:
        for state in descent.states():
            if state.iteration % _STEPS == 0:
                show(state.iteration)
            yield state


@contextlib.contextmanager
def progress(label: str, total: float, *, quiet: bool) -> Iterator[Callable[[float], None]]:
    """A function that shows how much is done: nothing during the first second, and only on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    bar: Any = None
    shown = time.monotonic() + _AFTER_SECONDS - _EVERY_SECONDS

    def show(done: float) -> None:
        nonlocal bar, shown
        if time.monotonic() - shown > _EVERY_SECONDS:
            shown = time.monotonic()
            if bar is None:
                bar = _progress_bar(label, total)
            bar.update(bar.task_ids[0], completed=done)

    try:
        yield show
    finally:
        if bar is not None:
            bar.stop()


def _progress_bar(label: str, total: float) -> Any:
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    bar.add_task(label, total=total)
    bar.start()
    return bar
