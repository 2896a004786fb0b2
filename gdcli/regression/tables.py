"""The rows that a descent sees, as tensors: kept in memory, or read again for every pass."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Literal, NamedTuple, Protocol

import torch

from gdcli.contract.regression import RegressionSettings
from gdcli.regression.design import Design

_SHARE_OF_MEMORY = 0.25
_WINDOW = 2**19  # rows within which those that are read again for every pass are shuffled


class Piece(NamedTuple):
    """Some rows: X, shape (n, p), and y, shape (n,)."""

    X: torch.Tensor
    y: torch.Tensor


class Table(Protocol):
    """The rows of a fit, and those that are kept apart for validation.

    ``rows`` counts the first; ``is_whole`` says that one piece has all of them.
    """

    rows: int
    is_whole: bool

    def pieces(self) -> Iterator[Piece]:
        """All rows, in their order."""

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Piece]:
        """The rows in batches, shuffled by the generator, or in their order."""

    def apart(self) -> Iterator[Piece]:
        """The rows that are kept apart."""


class InMemory:
    """All rows as two tensors."""

    is_whole = True

    def __init__(self, design: Design, dtype: torch.dtype, device: str) -> None:
        self.whole = _joined(design, "fit", dtype, device)
        self.kept = _joined(design, "apart", dtype, device) if design.sample.validate is not None else None
        self.rows = len(self.whole.y)

    def pieces(self) -> Iterator[Piece]:
        """All rows, in one piece."""
        yield self.whole

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Piece]:
        """The rows in batches, shuffled by the generator, or in their order."""
        X, y = self.whole  # noqa: N806 -- the matrix of features, as everybody writes it
        if generator is None:
            yield from _in_order(self.whole, size)
            return
        order = torch.randperm(self.rows, generator=generator).to(X.device)
        for first in range(0, self.rows, size):
            chosen = order[first : first + size]
            yield Piece(X[chosen], y[chosen])

    def apart(self) -> Iterator[Piece]:
        """The rows that are kept apart."""
        if self.kept is not None and len(self.kept.y):
            yield self.kept


class Streamed:
    """Rows that are read again for every pass; they are shuffled within a window of 524,288."""

    is_whole = False

    def __init__(self, design: Design, dtype: torch.dtype, device: str) -> None:
        self.design, self.dtype, self.device = design, dtype, device
        self.rows = design.sample.rows

    def pieces(self) -> Iterator[Piece]:
        """All rows, in their order."""
        for X, y in self.design.batches():  # noqa: N806
            yield Piece(X.to(self.device, self.dtype), y.to(self.device, self.dtype))

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Piece]:
        """The rows in batches, shuffled by the generator within a window, or in their order."""
        window = max(size, _WINDOW // size * size)
        waiting: list[Piece] = []
        for piece in self.pieces():
            waiting.append(piece)
            while sum(len(each.y) for each in waiting) >= window:
                whole = _cat(waiting)
                yield from _shuffled(Piece(whole.X[:window], whole.y[:window]), size, generator)
                waiting = [Piece(whole.X[window:], whole.y[window:])]
        if waiting:
            yield from _shuffled(_cat(waiting), size, generator)

    def apart(self) -> Iterator[Piece]:
        """The rows that are kept apart."""
        for X, y in self.design.batches(part="apart"):  # noqa: N806
            yield Piece(X.to(self.device, self.dtype), y.to(self.device, self.dtype))


def table_of(design: Design, settings: RegressionSettings) -> InMemory | Streamed:
    """The rows of a design as the settings have them: in memory where they fit, unless it is said."""
    dtype: torch.dtype = getattr(torch, settings.dtype)
    size = design.sample.rows * (design.width + 1) * dtype.itemsize
    fits = size <= _SHARE_OF_MEMORY * _memory()
    kind = InMemory if settings.in_memory == "yes" or (settings.in_memory == "auto" and fits) else Streamed
    return kind(design, dtype, settings.device)


def most_kept(settings: RegressionSettings) -> float:
    """The bytes of data that are kept while a fit is made from them."""
    return {"yes": math.inf, "no": 0.0}.get(settings.in_memory, _SHARE_OF_MEMORY / 2 * _memory())


def _memory() -> float:
    """The bytes of memory of this machine."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # not on Windows
        return 8e9


def _joined(design: Design, part: Literal["fit", "apart"], dtype: torch.dtype, device: str) -> Piece:
    """The rows of a part in one piece, row by row in memory, as a tensor of nested lists has them."""
    rows = design.sample.rows if part == "fit" else sum(len(y) for _, y in design.batches(part=part))
    whole = Piece(
        torch.empty((rows, design.width), dtype=dtype, device=device), torch.empty(rows, dtype=dtype).to(device)
    )
    first = 0
    for X, y in design.batches(part=part):  # noqa: N806
        whole.X[first : first + len(y)] = X
        whole.y[first : first + len(y)] = y
        first += len(y)
    return whole


def _cat(pieces: list[Piece]) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    return Piece(torch.cat([piece.X for piece in pieces]), torch.cat([piece.y for piece in pieces]))


def _in_order(piece: Piece, size: int) -> Iterator[Piece]:
    for first in range(0, len(piece.y), size):
        yield Piece(piece.X[first : first + size], piece.y[first : first + size])


def _shuffled(piece: Piece, size: int, generator: torch.Generator | None) -> Iterator[Piece]:
    X, y = piece  # noqa: N806
    if generator is None:
        yield from _in_order(piece, size)
        return
    order = torch.randperm(len(y), generator=generator).to(X.device)
    for first in range(0, len(y), size):
        chosen = order[first : first + size]
        yield Piece(X[chosen], y[chosen])
