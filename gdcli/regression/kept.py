"""Data that are read once and kept in memory, as columns of float64, while several passes are made over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from gdcli.regression.design import READ
from gdcli.regression.source import Source

if TYPE_CHECKING:
    from gdcli.data.rows.batch import Batch

_TEXT = 60  # bytes that a short text takes


class Kept:
    """The rows of a source; those of the first whole pass are kept, if they take no more than ``most`` bytes.

    ``look`` is called for each batch: it may raise, to end a pass.
    """

    def __init__(self, source: Source, most: float, look: Callable[[], None]) -> None:
        self.source, self.most, self.look = source, most, look
        self._kept: list[Batch] | None = None
        self._share = (0, 1)

    @property
    def name(self) -> str:
        """What a sentence calls the data."""
        return self.source.name

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.source.columns

    def batches(
        self, numbers: Sequence[str], texts: Sequence[str] = (), *, size: int = READ, share: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """The rows of a share (rank, of), at most ``size`` at a time."""
        if self._kept is not None and size == READ and share == self._share and _has(self._kept, numbers, texts):
            for batch in self._kept:
                self.look()
                yield batch
            return
        kept: list[Batch] | None = [] if size == READ and self._kept is None else None
        taken = 0.0
        for batch in self.source.batches(numbers, texts, size=size, share=share):
            self.look()
            if kept is not None:
                kept.append(batch)
                taken += batch.count * (8 * len(batch.numbers) + _TEXT * len(batch.texts))
                if taken > self.most:
                    kept, self.most = None, 0.0
            yield batch
        if kept is not None:
            self._kept, self._share = kept, share

    def forget(self) -> None:
        """Free the memory: the next pass reads the source."""
        self._kept = None


def _has(kept: list[Batch], numbers: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether the batches have these columns and no others: a missing cell of another one would count."""
    return bool(kept) and kept[0].numbers.keys() == set(numbers) and kept[0].texts.keys() == set(texts)
