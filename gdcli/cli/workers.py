"""Processes that make one fit together, started by torchrun or Slurm: whether all live, and what ends all of them.

They meet at a store of PyTorch that all reach. Each counts up a number there, twice a second; rank 0 looks at those of
all others, and these at that of rank 0. One that fails leaves its error there. Then all end, after its own error.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NoReturn

import msgspec
from msgspec import Struct, structs

from gdcli.cli.messages import print_error
from gdcli.cli.output import Output
from gdcli.cli.ranks import Ranks, ranks_of
from gdcli.errors import ExitCode, GdcliError, OutsideError
from gdcli.torch_import import import_torch
from gdcli.unfinished import undo_all

_EVERY = 0.5  # seconds between two looks at the store
_LOST = 15.0  # seconds without a sign of life
_CLOSED = 2.0  # the same, once a connection was closed
_STARTS = 120.0  # seconds until the first sign: a machine may start late
_POLITE = 2.0  # seconds in which a rank that has failed prints its own error first
_HINT = "it was killed, perhaps; with --checkpoint DIR --resume, the same command goes on from the last checkpoint"


class Failure(Struct, frozen=True):
    """What a rank has left in the store when it failed."""

    rank: int
    message: str
    exit_code: int
    hint: str


class Workers:
    """This process among those of a fit. As a context, it tells the others of an error, and they it."""

    def __init__(self, ranks: Ranks, output: Output) -> None:
        self.ranks, self.output = ranks, output
        self.rank, self.size = ranks.rank, ranks.size
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # it warns at length that a connection was closed
        import_torch()
        self._store = _met(ranks)  # of the thread of the command
        self._seen: dict[int, tuple[int, float]] = {}
        self._over = threading.Event()
        self._trouble = threading.Event()
        self._watching = threading.Thread(target=self._watch, args=[self._store.clone()], daemon=True)

    @property
    def store(self) -> Any:
        """A connection of its own to the store."""
        return self._store.clone()

    @contextlib.contextmanager
    def joined(self) -> Iterator[Workers]:
        """Take part, until the block is left: then wait until all have left it."""
        self._watching.start()
        try:
            yield self
        except (BrokenPipeError, SystemExit):  # who reads the output of rank 0 has had enough
            self._leave()
            raise
        except Exception as error:
            self._fail(error)
            raise
        else:
            self._leave()
        finally:
            self._over.set()

    def lost(self) -> NoReturn:
        """A connection to another process was closed: say which has ended.

        Raises:
            OutsideError: always.
        """
        self._trouble.set()
        with contextlib.suppress(RuntimeError):
            self._store.set("trouble", "1")
        time.sleep(_CLOSED + 4 * _EVERY + _POLITE)  # the thread that watches ends the process meanwhile
        raise OutsideError("rank", "another rank has ended", _HINT)

    # Failures

    def _fail(self, error: Exception) -> None:
        """Tell the others of an error; one that another rank tells already is not told again."""
        self._hush()
        if isinstance(error, GdcliError) and error.code == "rank":
            return
        message = error.message if isinstance(error, GdcliError) else f"{type(error).__name__}: {error}"
        code = int(error.exit_code) if isinstance(error, GdcliError) else int(ExitCode.FAILED)
        failure = Failure(self.rank, message, code, "its own error says more")
        self._over.set()
        with contextlib.suppress(RuntimeError):
            first = self._tell(self._store, failure)
            self._store.set(f"failed-{self.rank}", message)
            if self.rank == 0:  # the store may be here: it stays until the others have seen why
                atexit.register(self._wait_for_others, self._store.clone(), 5.0)
                return
            time.sleep(_POLITE / 2)
            is_told = self._is_told_by(0, message) or self._is_told_by(first.rank, message)
            self._store.add("left", 1)
            if is_told:
                _end(code)

    def _is_told_by(self, rank: int, message: str) -> bool:
        """Whether another rank prints the same error."""
        key = f"failed-{rank}"
        return rank != self.rank and self._store.check([key]) and self._store.get(key).decode() == message

    def _tell(self, store: Any, failure: Failure) -> Failure:
        """Leave a failure in the store; the first one that was left there."""
        text = store.compare_set("failed", "", msgspec.json.encode(failure).decode())
        return msgspec.json.decode(text, type=Failure)

    def _watch(self, store: Any) -> None:
        """Look at the store until the command is over; end the process when another one has failed."""
        unreachable = 0
        while not self._over.wait(_EVERY):
            try:
                failure = self._look(store)
                unreachable = 0
            except RuntimeError:  # DistNetworkError and its like: no store any more
                unreachable += 1
                failure = Failure(0, "rank 0 cannot be reached any more", int(ExitCode.FAILED), _HINT)
                if unreachable < 4:
                    continue
            if failure is not None:
                is_own = failure.hint == _HINT  # nobody else tells it
                if self._over.wait(0 if is_own else _POLITE):
                    return
                self._report(failure)
                with contextlib.suppress(RuntimeError):
                    store.add("left", 1)
                    if self.rank == 0:
                        self._wait_for_others(store, 2.0, also=1)
                _end(failure.exit_code)

    def _look(self, store: Any) -> Failure | None:
        """Give a sign of life, and look for those of others; the failure of one of them."""
        store.add(f"alive-{self.rank}", 1)
        if store.check(["failed"]):
            return msgspec.json.decode(store.get("failed"), type=Failure)
        if self.rank == 0 and not self._trouble.is_set() and store.check(["trouble"]):
            self._trouble.set()
        now = time.monotonic()
        for rank in range(1, self.size) if self.rank == 0 else (0,):
            sign = store.add(f"alive-{rank}", 0)
            last, since = self._seen.setdefault(rank, (0, now))
            if sign != last:
                self._seen[rank] = (sign, now)
                continue
            limit = _CLOSED if self._trouble.is_set() else _LOST if last else _STARTS
            if now - since > limit and not store.check([f"left-{rank}"]):
                state = "has not started" if limit == _STARTS else "gives no sign of life any more"
                failure = Failure(rank, f"rank {rank} of {self.size} {state}", int(ExitCode.FAILED), _HINT)
                return self._tell(store, failure)
        return None

    def _report(self, failure: Failure) -> None:
        """Print that another rank has failed."""
        what = failure.message
        if failure.hint != _HINT:
            what = f"rank {failure.rank} has failed: {what}"
        error = OutsideError("rank", what, failure.hint)
        words = self.output.words
        with contextlib.suppress(Exception):
            self._hush()
            print_error(error, words[0], as_json=self.rank == 0 and ("--json" in words or "--jsonl" in words))

    def _hush(self) -> None:
        """Leave standard output to the next start, if torchrun makes one: a document is printed once."""
        left = int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0")) - int(
            os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        )
        if left > 0:
            sys.stdout.flush()
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    # The end

    def _leave(self) -> None:
        """Wait until all have come to their ends: rank 0 is the last to go, for the store may be there."""
        try:
            if self.rank == 0:
                self._store.set("done", "1")
                self._wait_for_others(self._store, 10.0)
            else:
                while not self._store.check(["done"]):
                    time.sleep(0.02)
                self._store.set(f"left-{self.rank}", "1")
                self._store.add("left", 1)
        except RuntimeError:
            if self.rank > 0:
                self.lost()

    def _wait_for_others(self, store: Any, seconds: float, also: int = 0) -> None:
        """Wait until all other ranks have left, but not for long."""
        until = time.monotonic() + seconds
        with contextlib.suppress(RuntimeError):
            while store.add("left", 0) < self.size - 1 + also and time.monotonic() < until:
                time.sleep(0.02)


@contextlib.contextmanager
def together(output: Output) -> Iterator[Output]:
    """Where a launcher has started several processes, they meet; only rank 0 prints."""
    ranks = ranks_of(os.environ)
    if ranks is None:
        yield output
        return
    if ranks.rank > 0:
        sys.stdout.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _check_address(ranks)
    with Workers(ranks, output).joined() as workers:
        _check(output)
        yield structs.replace(output, meeting=workers, quiet=output.quiet or ranks.rank > 0)


def _check(output: Output) -> None:
    """Raise GdcliError for what needs one process."""
    if output.live:
        message = "--live shows the fit of one process, and a launcher has started several"
        raise GdcliError("usage", message, "leave out --live, or run one process")
    places = [at for at, word in enumerate(output.words) if word == "-"]
    if any(output.words[at - 1] != "--output" for at in places):
        message = "standard input goes to one process, and a launcher has started several"
        raise GdcliError("usage", message, "name the files")


def _check_address(ranks: Ranks) -> None:
    """Raise GdcliError for processes without an address to meet at; on one machine it is made up."""
    if "MASTER_ADDR" not in os.environ or "MASTER_PORT" not in os.environ:
        if ranks.nearby:
            number = sum(ord(c) * 31**at for at, c in enumerate(ranks.run))
            os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(20_000 + number % 10_000)}
            return
        message = f"{ranks.size} processes on several machines need an address to meet at"
        hint = 'export MASTER_PORT=29500 MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)'
        raise GdcliError("usage", message, hint)


def _met(ranks: Ranks) -> Any:
    """The store that all processes reach: that of torchrun, or of rank 0.

    Raises:
        OutsideError: when rank 0 cannot be reached in time.
    """
    from torch.distributed.rendezvous import rendezvous

    try:
        found = rendezvous("env://", ranks.rank, ranks.size, timeout=timedelta(seconds=_STARTS))
        store, _, _ = next(iter(found))
    except (RuntimeError, ValueError) as error:
        place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        reason = " ".join(str(error).split())
        message = f"rank {ranks.rank} cannot meet the others at {place}"
        raise OutsideError("rank", message, f"PyTorch says: {reason}") from error
    return _prefixed(store, ranks)


def _prefixed(store: Any, ranks: Ranks) -> Any:
    """The store for this start of all processes: the store of torchrun outlives a restart, with what was left there.

    Rank 0 offers a name; each other rank accepts it with a token of its own; and rank 0 confirms these tokens.

    Raises:
        OutsideError: when a rank does not come in time.
    """
    from torch import distributed

    own, until = uuid.uuid4().hex, time.monotonic() + _STARTS
    name = own
    if ranks.rank == 0:
        store.set("offer", own)
    while True:
        if ranks.rank == 0:
            answers = [_got(store, f"answer-{rank}").split() for rank in range(1, ranks.size)]
            missing = [rank for rank, words in enumerate(answers, start=1) if words[:1] != [own]]
            if not missing:
                store.set(f"confirmed-{own}", " ".join(token for _, token in answers))
                break
        else:
            missing, name = [0], _got(store, "offer")
            store.set(f"answer-{ranks.rank}", f"{name} {own}")
            if own in _got(store, f"confirmed-{name}").split():
                break
        if time.monotonic() > until:
            message = f"rank {missing[0]} of {ranks.size} has not started"
            raise OutsideError("rank", message, "start all processes within two minutes")
        time.sleep(0.05)
    return distributed.PrefixStore(f"gdcli-{name}", store)  # type: ignore[attr-defined]


def _got(store: Any, key: str) -> str:
    """What is in the store; empty for nothing."""
    return store.get(key).decode() if store.check([key]) else ""


def _end(code: int) -> NoReturn:
    """End the process at once, without a word."""
    undo_all()
    os._exit(code)
