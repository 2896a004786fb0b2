"""A progress bar on standard error, for long work on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gdcli.descent.loop import Descent
    from gdcli.results import Step

_AFTER_SECONDS = 1.0
_EVERY_SECONDS = 0.1
_STEPS = 256  # of a descent, from one look at the clock to the next


def run_with_progress(shares: Iterable[float], label: str, *, quiet: bool) -> None:
    """Run work that tells which share of it is done, 0 to 1, and show a bar when it takes long."""
    shows = not quiet and sys.stderr.isatty()
    bar: Any = None
    shown = time.monotonic() + _AFTER_SECONDS - _EVERY_SECONDS
    try:
        for share in shares:
            if shows and time.monotonic() - shown > _EVERY_SECONDS:
                shown = time.monotonic()
                if bar is None:
                    bar = _progress_bar(label)
                bar.update(bar.task_ids[0], completed=share)
    finally:
        if bar is not None:
            bar.stop()


def with_progress(descent: Descent[Any], *, quiet: bool) -> Iterator[Step]:
    """The steps of a descent; on a terminal, with a bar when they take long."""
    if quiet or not sys.stderr.isatty():
        yield from descent
        return
    started = time.monotonic()
    bar: Any = None
    try:
        for step in descent:
            if step.iteration % _STEPS == 0:
                if bar is None and time.monotonic() - started > _AFTER_SECONDS:
                    bar = _progress_bar("descending", descent.settings.steps)
                if bar is not None:
                    bar.update(bar.task_ids[0], completed=step.iteration)
            yield step
    finally:
        if bar is not None:
            bar.stop()


def _progress_bar(label: str, total: float = 1.0) -> Any:
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    bar.add_task(label, total=total)
    bar.start()
    return bar
