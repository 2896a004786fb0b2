"""How all cells of a sweep have ended, as tensors; and the names of their statuses."""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch

from gdcli.batch.stopping import Status
from gdcli.contract.descent import CONVERGED, DescentStatus

STATIONARY = 11
NAMES: Mapping[int, DescentStatus] = MappingProxyType(
    {
        Status.REACHED: "reached",
        Status.DIVERGED: "diverged",
        Status.CONVERGED_GRAD: "converged_grad",
        Status.CONVERGED_LOSS: "converged_loss",
        Status.CONVERGED_X: "converged_x",
        Status.CONVERGED_ALL: "converged_all",
        Status.MAX_STEPS: "max_steps",
        Status.STALLED: "stalled",
        Status.CYCLING: "cycling",
        Status.INTERRUPTED: "interrupted",
        STATIONARY: "stationary",
    }
)
"""The statuses by their codes; 0 is a cell that was not run."""
CONVERGED_CODES = [code for code, name in NAMES.items() if name in CONVERGED]


def has_converged(status: torch.Tensor) -> torch.Tensor:
    """Which of some codes are those of runs that met what they were asked to meet."""
    return functools.reduce(torch.logical_or, (status == code for code in CONVERGED_CODES))  # isin is slow


_AT_ONCE = 1 << 20


def in_pieces(count: int) -> Iterator[slice]:
    """Ranges of cells of which something is computed together, so that its memory does not grow with the map."""
    for start in range(0, count, _AT_ONCE):
        yield slice(start, min(start + _AT_ONCE, count))


def memory_of(tensor: torch.Tensor) -> memoryview:
    """The bytes of a contiguous tensor, which has to live as long; NumPy, which PyTorch would need, is not required."""
    size = tensor.numel() * tensor.element_size()
    return memoryview((ctypes.c_char * size).from_address(tensor.data_ptr())).cast("B")


def give_memory_back() -> None:
    """Have glibc return the memory that it keeps of tensors that are gone: of a large map, a hundred megabytes."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


@dataclass(slots=True)
class Cells:
    """Tensors of shape (cells,), ``x`` of shape (elements, cells): status codes, steps, losses, end points.

    ``rate`` is the mean factor per step of the norm of the gradient.
    """

    status: torch.Tensor
    steps: torch.Tensor
    loss: torch.Tensor
    x: torch.Tensor
    rate: torch.Tensor | None = None

    @staticmethod
    def empty(count: int, elements: int, dtype: torch.dtype, *, rates: bool, part: bool = False) -> Cells:
        """Cells that were not run; of a ``part``, only those that are run take memory, and the others are undefined."""
        cells = Cells(
            status=torch.zeros(count, dtype=torch.int8),
            steps=torch.empty(count, dtype=torch.int32),
            loss=torch.empty(count, dtype=dtype),
            x=torch.empty(elements, count, dtype=dtype),
            rate=torch.empty(count) if rates else None,
        )
        if not part:
            cells.steps.zero_()
            for numbers in (cells.loss, cells.x, *([] if cells.rate is None else [cells.rate])):
                numbers.fill_(torch.nan)
        return cells

    def forget(self, cells: torch.Tensor) -> None:
        """Have some cells be as if they had not been run."""
        self.status[cells], self.steps[cells], self.loss[cells] = 0, 0, torch.nan
        self.x[:, cells] = torch.nan
        if self.rate is not None:
            self.rate[cells] = torch.nan

    def __len__(self) -> int:
        return len(self.status)

    def pieces(self) -> Iterator[tuple[int, Cells]]:
        """The cells in pieces, each with the number of its first cell; they share the memory of the whole."""
        for piece in in_pieces(len(self)):
            rate = None if self.rate is None else self.rate[piece]
            yield piece.start, Cells(self.status[piece], self.steps[piece], self.loss[piece], self.x[:, piece], rate)

    def at(self, cells: torch.Tensor) -> Cells:
        """Some of the cells, by their numbers; -1 is one that was not run."""
        return Cells(
            status=self.status[cells].masked_fill(cells < 0, 0),
            steps=self.steps[cells],
            loss=self.loss[cells],
            x=self.x[:, cells],
            rate=None if self.rate is None else self.rate[cells],
        )

    @property
    def converged(self) -> torch.Tensor:
        """Which cells met what they were asked to meet."""
        return has_converged(self.status)

    @property
    def ended(self) -> torch.Tensor:
        """Which cells were run and did not diverge."""
        return (self.status != 0) & ~self.diverged

    @property
    def diverged(self) -> torch.Tensor:
        """Which cells diverged."""
        return self.status == int(Status.DIVERGED)
