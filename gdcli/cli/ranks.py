"""Processes that run one sweep together, started by torchrun or Slurm: each knows its rank, and they talk by files.

They share a folder. Rank k writes a number that grows into ``rank-k`` there, every few seconds, and "done" at the end;
one that fails writes ``failed``, which ends the others. No process waits for one that has stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from gdcli.cli.interrupt import raise_if_interrupted
from gdcli.cli.output import Output
from gdcli.cli.shards import Kept
from gdcli.cli.whole_file import check_file
from gdcli.contract.sweep import Shard
from gdcli.errors import GdcliError, OutsideError
from gdcli.printable import one_line
from gdcli.unfinished import undone_by

_EVERY = 1.0  # seconds between two signs of life, and between two looks at those of others
_LOST = 15.0  # seconds without a sign
_STARTS = 120.0  # seconds until the first sign: a machine may start late
_POLITE = 1.0  # seconds in which a rank that has failed prints its own error first


class Ranks(Struct, frozen=True, kw_only=True):
    """Which of how many processes this is, by which launcher, and in which run of it.

    ``nearby`` says that all are on one machine.
    """

    rank: int
    size: int
    launcher: str
    run: str
    nearby: bool

    @property
    def shard(self) -> Shard:
        """The shard of this process."""
        return Shard(self.rank + 1, self.size)


def ranks_of(environment: Mapping[str, str]) -> Ranks | None:
    """The ranks that a launcher has set; None for a single process.

    Raises:
        GdcliError: for numbers that cannot be.
    """
    if "RANK" in environment and "WORLD_SIZE" in environment:
        names, launcher = ("RANK", "WORLD_SIZE"), "torchrun"
        run = [
            environment.get(name, "") for name in ("TORCHELASTIC_RUN_ID", "MASTER_PORT", "TORCHELASTIC_RESTART_COUNT")
        ]
        nearby = environment.get("LOCAL_WORLD_SIZE") == environment["WORLD_SIZE"]
    elif "SLURM_PROCID" in environment and "SLURM_NTASKS" in environment:
        if "SLURM_JOB_ID" in environment and "SLURM_STEP_ID" not in environment:
            return None  # the script of a job itself, which srun has not started
        names, launcher = ("SLURM_PROCID", "SLURM_NTASKS"), "Slurm"
        if "SLURM_STEP_NUM_TASKS" in environment:
            names = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS")
        run = [environment.get(name, "") for name in ("SLURM_JOB_ID", "SLURM_STEP_ID")]
        nodes = environment.get("SLURM_STEP_NUM_NODES") or environment.get("SLURM_NNODES")
        nearby = nodes == "1"
    else:
        return None
    rank, size = (environment[name] for name in names)
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        message = f"{names[0]}={rank} and {names[1]}={size} in the environment are not a rank and a number of processes"
        raise GdcliError("shard", message, f"unset them, or start this with {launcher}")
    if int(size) == 1:
        return None
    return Ranks(rank=int(rank), size=int(size), launcher=launcher, run="-".join(run), nearby=nearby)


def ranks_for(output: Output) -> Ranks | None:
    """The ranks of this command; None for a single process, and one that was told its shard.

    Raises:
        GdcliError: for numbers in the environment that cannot be.
    """
    if output.shard is not None or output.merge:
        return None
    ranks = ranks_of(os.environ)
    if ranks is None:
        return None
    words = hashlib.sha256("\0".join(output.words).encode(errors="surrogateescape")).hexdigest()[:12]
    return replace(ranks, run=f"{ranks.run}-{words}")


def folder_of(ranks: Ranks, output: Output) -> Kept:
    """The folder that the processes share: beside the first file of ``--save``, or on this machine.

    Raises:
        GdcliError: when they have no folder in common.
    """
    if output.save:
        check_file(output.save[0])
        return Kept(output.save[0])
    if ranks.nearby:
        name = "".join(c if c.isalnum() else "-" for c in ranks.run)
        return Kept(str(Path(tempfile.gettempdir()) / f"gdcli-sweep-{os.getuid()}-{name}"))
    message = f"{ranks.size} processes on several machines need a folder that they share for their parts"
    raise GdcliError("usage", message, "add --save map.npz, in a folder that all machines see")


class Meeting:
    """What one of the processes tells the others, and sees of them. As a context, it tells them of an error."""

    def __init__(self, ranks: Ranks, kept: Kept) -> None:
        self.ranks, self.kept = ranks, kept
        self._seen: dict[int, tuple[str, float]] = {}
        self._looked = 0.0
        self._over = threading.Event()
        self._signs = threading.Thread(target=self._live, daemon=True)

    def path(self, rank: int) -> Path:
        """Where a process gives signs of life."""
        return self.kept.folder / f"rank-{rank}"

    def part(self, rank: int) -> Path:
        """Where a process leaves its part."""
        return self.kept.folder / f"rank-{rank}-of-{self.ranks.size}.npz"

    @property
    def _failure(self) -> Path:
        return self.kept.folder / "failed"

    @contextlib.contextmanager
    def joined(self) -> Iterator[Meeting]:
        """Take part, until the block is left: as usual, or with an error."""
        self.kept.make()
        _check_owner(self.kept.folder)
        if self.ranks.rank == 0 and self._told(self._failure) is None:
            self._failure.unlink(missing_ok=True)  # of an earlier run
        self._signs.start()
        try:
            with undone_by(self._end):
                yield self
        except Exception as error:
            if not (isinstance(error, GdcliError) and error.code == "rank"):
                message = error.message if isinstance(error, GdcliError) else f"{type(error).__name__}: {error}"
                self._fail(f"rank {self.ranks.rank} has failed: {message}")
            raise
        finally:
            self._end()

    def look(self) -> None:
        """Look, at most once a second, whether a process has failed.

        Raises:
            OutsideError: when one has failed, or gives no sign of life any more.
        """
        now = time.monotonic()
        if now - self._looked < _EVERY:
            return
        self._looked = now
        if (told := self._told(self._failure)) is not None:
            time.sleep(_POLITE)
            raise OutsideError("rank", told, "its own error says more")
        for rank, (last, since) in list(self._seen.items()):
            if last != "done" and now - since > (_LOST if last else _STARTS):
                state = "gives no sign of life any more" if last else "has not started"
                message = f"rank {rank} of {self.ranks.size} {state}"
                self._fail(message)
                hint = "it was killed, perhaps; with --resume, the same command goes on from finished tiles"
                raise OutsideError("rank", message, hint)

    def _watch(self) -> None:
        """See which processes have given another sign of life; only that counts, for their clocks may differ."""
        for rank in range(1, self.ranks.size):
            sign = self._told(self.path(rank)) or ""
            last, _ = self._seen.setdefault(rank, ("", time.monotonic()))
            if sign not in ("", last):
                self._seen[rank] = (sign, time.monotonic())

    def done(self) -> None:
        """Tell that the part of this process is there."""
        self._leave("done")

    def wait(self) -> None:
        """Wait until all other processes are done.

        Raises:
            OutsideError: when one has failed, or gives no sign of life any more.
            UserInterruptError: when a signal ends the wait.
        """
        while any(self._seen.get(rank, ("", 0))[0] != "done" for rank in range(1, self.ranks.size)):
            raise_if_interrupted()
            self.look()
            time.sleep(_EVERY / 5)

    def _live(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            self._tell(self.path(self.ranks.rank), str(number))
            if self.ranks.rank == 0:
                self._watch()
            self._over.wait(_EVERY)

    def _end(self) -> None:
        self._leave("")
        with contextlib.suppress(OSError):  # somebody else is there, or finished tiles
            self.kept.folder.rmdir()

    def _leave(self, last: str) -> None:
        """Give no more signs of life; the ``last`` one stays, if there is one."""
        if self._over.is_set():
            return
        self._over.set()
        self._signs.join()
        if last:
            self._tell(self.path(self.ranks.rank), last)
        else:
            with contextlib.suppress(OSError):
                self.path(self.ranks.rank).unlink()

    def _fail(self, message: str) -> None:
        """Have the others end; torchrun ends them itself, and may start them again."""
        if self.ranks.launcher == "Slurm":
            self._tell(self._failure, one_line(message))

    def _tell(self, path: Path, what: str) -> None:
        with contextlib.suppress(OSError):  # a sign that is lost is given again
            path.write_text(f"{self.ranks.run}\n{what}\n", encoding="utf-8")

    def _told(self, path: Path) -> str | None:
        """What a process of this run has told; None for nothing."""
        try:
            run, what, end = path.read_text(encoding="utf-8").split("\n")
        except (OSError, ValueError):  # it is just being written, perhaps
            return None
        return what if run == self.ranks.run and not end else None


def _check_owner(folder: Path) -> None:
    """Raise OutsideError for a folder of somebody else."""
    if folder.stat().st_uid != os.getuid():
        raise OutsideError("output", f"the folder {folder} belongs to somebody else", "add --save map.npz")
