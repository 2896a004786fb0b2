"""The checkpoints of a fit in a folder: what a process that was killed has to know to go on, to the same bits.

    settings.json   the settings of the fit
    rows            the rows so far, each as its length and msgpack
    step-N          by torch.distributed.checkpoint, after N updates: coefficients, state of the rule, order of the rows

The rows are written by rank 0 alone; ``step-N`` is there once it is whole, and the one before is removed then.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import msgspec
import torch
import torch.distributed as dist

from gdcli.contract.descent import Act
from gdcli.contract.regression import RegressionSettings
from gdcli.descent.loop import State
from gdcli.errors import GdcliError, OutsideError
from gdcli.regression.packed import line_of, packed, snapshot_of, unpacked

if TYPE_CHECKING:
    from gdcli.regression.run import Seen
    from gdcli.regression.together import Together

_LEAST, _MOST = 1.0, 600.0  # seconds between two checkpoints
_SHARE = 0.02  # of the time, at most, is for checkpoints


class Checkpoint:
    """The folder in which the checkpoints of a fit are kept. Each process of a fit has one, of the same folder."""

    def __init__(self, folder: str, *, resume: bool) -> None:
        self.folder, self.resume = Path(folder), resume
        self.state: dict[str, Any] | None = None
        self._together: Together | None = None
        self._waiting: list[bytes] = []
        self._size = 0  # bytes of the rows that are kept
        self._next = 0.0  # the first one comes after the first update

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes what all have in common."""
        return self._together is None or self._together.rank == 0

    def open(self, settings: RegressionSettings, together: Together | None) -> None:
        """Take up the last checkpoint as ``state``, if there is one to go on from.

        Raises:
            GdcliError: for a folder with checkpoints of another fit, or where none was expected.
            OutsideError: for a folder that cannot be read or written.
        """
        _dcp()  # it is imported now, and not when the first checkpoint is timed
        self._together = together
        if together is not None:
            together.is_due = lambda: self.is_first and self.is_due()
        text = msgspec.json.encode(settings)
        last = None
        try:
            if self.is_first:
                self.folder.mkdir(parents=True, exist_ok=True)
                last = self._last()
                self._check(text, last)
            last = last if together is None else together.gather(last)[0]
            self.state = None if last is None else self._read(last)
        except OSError as error:
            raise self._failed(error) from error
        if self.state is not None:
            self._size = self.state["rows"]

    def _last(self) -> int | None:
        """The number of updates of the last whole checkpoint."""
        found = [re.fullmatch(r"step-(\d+)", path.parent.name) for path in self.folder.glob("step-*/.metadata")]
        return max((int(match[1]) for match in found if match), default=None)

    def _check(self, text: bytes, last: int | None) -> None:
        """Check that the checkpoints in the folder are of this fit, and write what it is."""
        hint = f"rm -r {quote(str(self.folder))} begins anew; or name another folder"
        place = self.folder / "settings.json"
        if last is not None and not self.resume:
            hint = f"add --resume to go on from there; {hint}"
            raise GdcliError("checkpoint", f"there is a checkpoint in {self.folder} already", hint)
        if last is None:
            place.write_bytes(text)
            (self.folder / "rows").write_bytes(b"")
            return
        there, here = msgspec.json.decode(place.read_bytes()), msgspec.json.decode(text)
        name = next((name for name in here if there.get(name) != here[name]), None)
        if name is not None:
            message = f"the checkpoint in {self.folder} is of another fit: {name} is {there.get(name)!r} there, "
            raise GdcliError("checkpoint", f"{message}and {here[name]!r} here", hint)

    # Keeping

    def is_due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        return time.monotonic() >= self._next

    def see(self, seen: Seen, rows: int) -> None:
        """Note the next state; ``rows`` is the number of rows of its loss."""
        if self.is_first:
            line = msgspec.msgpack.encode(_line(seen, rows))
            self._waiting.append(len(line).to_bytes(4, "big") + line)

    def keep(self, updates: int, state: dict[str, Any]) -> None:
        """Write a checkpoint after this number of updates; all processes do.

        Raises:
            OutsideError: when it cannot be written.
        """
        began = time.monotonic()
        try:
            self._append()
            whole = self.folder / f"step-{updates}"
            self._save(whole, packed({**state, "rows": self._size}))
            if self.is_first:
                for old in self.folder.glob("step-*"):
                    if old != whole:
                        shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            raise self._failed(error) from error
        now = time.monotonic()
        self._next = now + min(max(_LEAST, (now - began) / _SHARE), _MOST)

    def _append(self) -> None:
        """Write the rows that have come since the last checkpoint."""
        if self.is_first and self._waiting:
            with (self.folder / "rows").open("r+b") as file:
                file.truncate(self._size)
                file.seek(self._size)
                file.write(b"".join(self._waiting))
                file.flush()
                os.fsync(file.fileno())
                self._size = file.tell()
            self._waiting = []
        if self._together is not None:
            self._size = self._together.gather(self._size)[0]

    def _save(self, place: Path, tensors: dict[str, torch.Tensor]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _dcp().save(tensors, checkpoint_id=str(place), no_dist=not dist.is_initialized())

    # Going on

    def _read(self, updates: int) -> dict[str, Any]:
        place = str(self.folder / f"step-{updates}")
        known = _dcp().FileSystemReader(place).read_metadata().state_dict_metadata
        tensors: dict[str, Any] = {
            name: torch.empty(each.size, dtype=each.properties.dtype) for name, each in known.items()
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _dcp().load(tensors, checkpoint_id=place, no_dist=not dist.is_initialized())
        found: dict[str, Any] = unpacked(tensors)
        return found

    def seen(self, dtype: torch.dtype, device: str) -> Iterator[tuple[Seen, int]]:
        """The states up to the checkpoint, each with the number of rows of its loss."""
        try:
            with (self.folder / "rows").open("rb") as file:
                while file.tell() < self._size:
                    length = int.from_bytes(file.read(4), "big")
                    yield _seen(msgspec.msgpack.decode(file.read(length)), dtype, device)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> OutsideError:
        return OutsideError("checkpoint", f"cannot keep checkpoints in {self.folder}: {error.strerror or error}")


def _dcp() -> Any:
    """torch.distributed.checkpoint, which takes seconds to import."""
    import torch.distributed.checkpoint as dcp

    return dcp


def _line(seen: Seen, rows: int) -> list[Any]:
    s = seen.state
    values = {name: line_of(value) for name, value in s.values.items()}
    grads = {name: line_of(value) for name, value in s.grads.items()}
    acts = None if s.acts is None else [msgspec.to_builtins(act) for act in s.acts]
    return [s.iteration, s.loss, values, grads, s.lr, acts, s.evaluations, seen.epoch, seen.validation, rows]


def _seen(line: list[Any], dtype: torch.dtype, device: str) -> tuple[Seen, int]:
    from gdcli.regression.run import Seen

    iteration, loss, values, grads, rate, acts, evaluations, epoch, validation, rows = line
    state = State(
        iteration,
        loss,
        {name: snapshot_of(value, dtype, device) for name, value in values.items()},
        {name: snapshot_of(value, dtype, device) for name, value in grads.items()},
        rate,
        None if acts is None else msgspec.convert(acts, list[Act]),
        evaluations,
    )
    return Seen(state, epoch, validation), rows
