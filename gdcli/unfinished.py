"""What has to be undone when a signal ends the process at once: temporary files, child processes, the terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

_undo: list[Callable[[], None]] = []


@contextlib.contextmanager
def undone_by(undo: Callable[[], None]) -> Iterator[None]:
    """While the block runs, an end of the process calls ``undo``; leaving the block as usual does not."""
    _undo.append(undo)
    try:
        yield
    finally:
        _undo.remove(undo)


def undo_all() -> None:
    """Undo what is unfinished, the last first; an error in one does not keep the others from being undone."""
    for undo in reversed(_undo):
        with contextlib.suppress(Exception):
            undo()
