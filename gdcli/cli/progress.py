"""A progress bar on standard error, for long work on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

_AFTER_SECONDS = 1.0
_EVERY_SECONDS = 0.1


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


def _progress_bar(label: str) -> Any:
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    bar.add_task(label, total=1.0)
    bar.start()
    return bar
