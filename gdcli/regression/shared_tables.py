"""The rows that a descent sees in one process among several: of each batch, those that are in its share.

In memory, the batches are those of one process: all draw the same order of all rows. Rows that are read again for every
pass, and those that are too many for that, are shuffled in each share on its own; every batch has its part of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from gdcli.regression.design import Design
from gdcli.regression.shared_rows import places
from gdcli.regression.tables import InMemory, Piece, Streamed, windows
from gdcli.regression.together import Together

_MOST_DRAWN = 2**25  # rows, of which each process holds the order


class SharedInMemory(InMemory):
    """The share of a process as two tensors; ``rows`` counts those of all."""

    def __init__(self, design: Design, dtype: torch.dtype, device: str, together: Together) -> None:
        super().__init__(design, dtype, device)
        counts = together.gather(self.rows)
        self.rank, self.rows, self.places = together.rank, sum(counts), places(counts, together.rank)

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Piece]:
        """The rows here of each batch of all rows; there may be none."""
        if generator is None:
            return cut(self.pieces(), _in_order(self.rows, size, self.places))
        if self.rows > _MOST_DRAWN:
            mixed = windows(self.pieces(), max(1, len(self.whole.y)), _own(generator, self.rank))
            return cut(mixed, _evenly(self.rows, size, self.places), Piece(*(each[:0] for each in self.whole)))
        return self._drawn(size, generator)

    def _drawn(self, size: int, generator: torch.Generator) -> Iterator[Piece]:
        """Those of the batches that one process would draw."""
        X, y = self.whole  # noqa: N806 -- the matrix of features, as everybody writes it
        order = torch.randperm(self.rows, generator=generator)
        start, stop = self.places
        here = ((order >= start) & (order < stop)).nonzero()[:, 0]
        count = -(-self.rows // size)
        sizes = torch.bincount(here // size, minlength=count).tolist()
        own = (order[here] - start).to(X.device)
        for chosen in own.split(sizes):  # type: ignore[no-untyped-call]
            yield Piece(X[chosen], y[chosen])


class SharedStreamed(Streamed):
    """The share of a process, read again for every pass; it is shuffled within windows of 524,288 of its rows."""

    def __init__(self, design: Design, dtype: torch.dtype, device: str, together: Together) -> None:
        super().__init__(design, dtype, device)
        self.rank = together.rank
        self.places = places(together.gather(design.sample.own), together.rank)

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Piece]:
        """The rows here of each batch; there may be none."""
        if generator is None:
            return cut(self.pieces(), _in_order(self.rows, size, self.places), self._none())
        mixed = windows(self.pieces(), size, _own(generator, self.rank))
        return cut(mixed, _evenly(self.rows, size, self.places), self._none())

    def _none(self) -> Piece:
        X = torch.empty((0, self.design.width), dtype=self.dtype, device=self.device)  # noqa: N806
        return Piece(X, X.new_empty(0))


def cut(pieces: Iterable[Piece], sizes: Iterable[int], none: Piece | None = None) -> Iterator[Piece]:
    """The rows of the pieces in pieces of other sizes, whose sum is the same; ``none`` is one without rows."""
    given, rest, first = iter(pieces), none, 0
    for size in sizes:
        if rest is None:
            rest = next(given)
        parts, missing = [], size
        while missing:
            taken = min(missing, len(rest.y) - first)
            parts.append(Piece(rest.X[first : first + taken], rest.y[first : first + taken]))
            first, missing = first + taken, missing - taken
            if missing:
                rest, first = next(given), 0
        parts = [part for part in parts if len(part.y)] or [Piece(rest.X[:0], rest.y[:0])]
        yield parts[0] if len(parts) == 1 else Piece(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def _in_order(rows: int, size: int, here: tuple[int, int]) -> Iterator[int]:
    """How many rows of each batch are here, where a batch has the rows that come next in all the data."""
    start, stop = here
    for first in range(0, rows, size):
        yield max(0, min(first + size, stop) - max(first, start))


def _evenly(rows: int, size: int, here: tuple[int, int]) -> Iterator[int]:
    """How many of the rows here go into each batch, where each batch has its part of each share."""
    own, count = here[1] - here[0], -(-rows // size)
    for k in range(count):
        yield own * (k + 1) // count - own * k // count


def _own(generator: torch.Generator, rank: int) -> torch.Generator:
    """A generator for the order of a share, by the next number of the one that all share."""
    seed = int(torch.randint(2**40, (), generator=generator))
    return torch.Generator().manual_seed(seed * 4096 + rank)
