"""``with gdcli.watch()``: the loops of a block of code, in a program or in a cell of a notebook."""

from __future__ import annotations

import contextlib
import linecache
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gdcli.contract.watch import WatchedLoop, WatchFinding, WatchResult, WatchSettings
from gdcli.watching.findings.find import LOOKED_AT, find
from gdcli.watching.recorder import Recorder
from gdcli.watching.script import Ended
from gdcli.watching.watch import record_of

if TYPE_CHECKING:
    from os import PathLike

    from gdcli.notebook.page import Page  # noqa: TID251 -- what the methods of a record return
    from gdcli.notebook.picture import Picture  # noqa: TID251


class Watched:
    """What was seen of a block of code. Its attributes have values once the block has ended."""

    def __init__(self) -> None:
        self._record: WatchResult | None = None

    @property
    def record(self) -> WatchResult:
        """The record, as ``gdcli watch --json`` prints it.

        Raises:
            RuntimeError: while the block runs.
        """
        if self._record is None:
            raise RuntimeError("the block that is watched has not ended")
        return self._record

    def __repr__(self) -> str:
        if self._record is None:
            return "<Watched: the block has not ended>"
        found = f"found: {', '.join(f'{each.code} at line {each.line}' for each in self.findings)}"
        return f"<Watched: {self.record.message}; {found if self.findings else 'nothing was found'}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        """What a notebook shows: the record, once there is one."""
        return {"text/plain": repr(self)} if self._record is None else self._record._repr_mimebundle_()

    def plot(self) -> Picture:
        """The losses of the loops, as ``plot()`` of the record."""
        return self.record.plot()

    def page(self, height: int = 800) -> Page:
        """The interactive page, as ``page()`` of the record."""
        return self.record.page(height)

    def save(self, *paths: str | PathLike[str], **options: Any) -> None:
        """Save what the endings of the names say, as ``save()`` of the record."""
        self.record.save(*paths, **options)

    def frame(self) -> Any:
        """The iterations as a pandas.DataFrame, as ``frame()`` of the record."""
        return self.record.frame()

    @property
    def descents(self) -> list[WatchedLoop]:
        """The loops, in the order of their first backward."""
        return self.record.descents

    @property
    def findings(self) -> list[WatchFinding]:
        """What is wrong with them."""
        return self.record.findings


@contextlib.contextmanager
def watched(keep: int) -> Iterator[Watched]:
    """Watch a block of code."""
    seen, recorder, ended = Watched(), Recorder(keep=keep), Ended("finished")
    shown = warnings.showwarning
    warnings.showwarning = own = recorder.places.warning_shown(shown)
    recorder.start()
    try:
        yield seen
    except BaseException as error:
        ended = Ended("error", 1, error)
        recorder.failed(error)
        raise
    finally:
        recorder.stop()
        if warnings.showwarning is own:
            warnings.showwarning = shown
        for descent in recorder.seen.descents:
            file = descent.place.file
            if lines := linecache.getlines(file):  # a cell is in no file
                recorder.seen.sources[file] = "".join(lines)
        settings = WatchSettings(keep=keep)
        findings = find(recorder.seen)
        seen._record = record_of(recorder.seen, settings, ended, recorder.places.shown, findings, LOOKED_AT)  # noqa: SLF001
