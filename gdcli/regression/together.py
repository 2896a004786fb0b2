"""The processes that make one fit together, each with a share of the rows: what they gather and add up.

Everything that a fit decides follows from what all of them know, so that all make the same steps: the numbers that are
added up are the same in each, to the last bit.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NoReturn

import torch
import torch.distributed as dist

from gdcli.errors import INTERRUPTED_BY

_NEVER = timedelta(days=7)  # a share may be slow; whether a process lives is watched elsewhere
_SIGNALS = list(INTERRUPTED_BY)
_TAIL = 3 + len(_SIGNALS) + 1


class Together:
    """A process among those of a fit: it has the ``rank``, from 0, among ``size``.

    ``lost`` is called when one of them cannot be reached any more; it raises.
    """

    def __init__(self, rank: int, size: int, lost: Callable[[], NoReturn]) -> None:
        self.rank, self.size, self._lost = rank, size, lost
        self.nearby = 1  # processes on this machine
        self.pending: str | None = None
        self.is_due: Callable[[], bool] = lambda: False

    @classmethod
    def of(cls, store: Any, rank: int, size: int, device: str, lost: Callable[[], NoReturn]) -> Together:
        """Meet the others, by a store that all reach: with gloo, and of tensors on a GPU with nccl."""
        if device.startswith("cuda"):
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0"))))
        backend = "cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo"
        found = cls(rank, size, lost)
        with found._reaching():
            dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_NEVER)
        name = socket.gethostname()
        found.nearby = found.gather(name).count(name)
        return found

    @property
    def share(self) -> tuple[int, int]:
        """The share of the rows that is read here."""
        return self.rank, self.size

    def gather(self, value: Any) -> list[Any]:
        """The values of all, in the order of their ranks."""
        found: list[Any] = [None] * self.size
        with self._reaching():
            dist.all_gather_object(found, value)
        return found

    def add_up(self, flat: torch.Tensor) -> None:
        """Put the sum over all processes in the place of each number."""
        with self._reaching():
            dist.all_reduce(flat)

    def interrupt(self, by: str) -> None:
        """A signal has come here: tell it with the next numbers that are added up, so that all end at the same step."""
        self.pending = by

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError:  # of torch.distributed: a connection was closed
            self._lost()


class Sums:
    """What the processes add up in a step, as one flat tensor of float64: gradients, loss, rows, and some flags.

    The flags say that a signal has come to one of them (``hear`` is told then), and that rank 0 wants the run to be
    kept.
    """

    def __init__(self, together: Together, moving: list[torch.Tensor], hear: Callable[[str], None]) -> None:
        self.together, self.moving, self.hear = together, moving, hear
        self.sizes = [x.numel() for x in moving]
        self.flat = torch.zeros(sum(self.sizes) + _TAIL, dtype=torch.float64, device=moving[0].device)
        self.is_due = False

    def begin(self) -> None:
        """Forget the last step."""
        self.flat.zero_()

    def add(self, loss: torch.Tensor, rows: int, weight: int) -> None:
        """Add the loss of some rows here, and its gradients in ``.grad``; a mean has their number for a weight."""
        parts = [torch.zeros_like(x) if x.grad is None else x.grad for x in self.moving]
        flat = torch.cat([*(part.reshape(-1) for part in parts), loss.detach().reshape(1)]).double()
        self.flat[: len(flat)] += flat.mul_(weight) if weight != 1 else flat
        self.flat[len(flat)] += rows
        self.flat[len(flat) + 1] += 1

    def total(self) -> tuple[float, int, int]:
        """The sums over all processes: the loss, the rows and the pieces; gradients are in ``gradients`` then."""
        together, start = self.together, len(self.flat) - _TAIL
        if together.pending is not None:
            self.flat[start + 3 + _SIGNALS.index(together.pending)] = 1
        if together.is_due():
            self.flat[-1] = 1
        together.add_up(self.flat)
        loss, rows, pieces, *signals, due = self.flat[start:].tolist()
        for by, count in zip(_SIGNALS, signals, strict=True):
            if count:
                self.hear(by)
        self.is_due = due > 0
        return loss, int(rows), int(pieces)

    def gradients(self) -> list[torch.Tensor]:
        """The sums of the gradients, in the shapes of what moves, as float64."""
        parts = self.flat[: sum(self.sizes)].split(self.sizes)  # type: ignore[no-untyped-call]
        return [part.reshape(x.shape) for part, x in zip(parts, self.moving, strict=True)]


def sums_of(together: Together, leaves: dict[str, torch.Tensor], hear: Callable[[str], None]) -> Sums:
    """What is added up in a step for these variables."""
    return Sums(together, list(leaves.values()), hear)
