"""The rows of one process among several: its share, with the numbers that they have in all the data."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gdcli.regression.design import READ
from gdcli.regression.source import Source
from gdcli.regression.together import Together

if TYPE_CHECKING:
    from gdcli.data.rows.batch import Batch


class SharedRows:
    """The share of a process: a source whose batches have the numbers of its rows in all the data."""

    def __init__(self, source: Source, together: Together) -> None:
        self.source, self.together = source, together
        self.first = 0
        self.count: int | None = None

    @property
    def name(self) -> str:
        """What a sentence calls the data."""
        return self.source.name

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.source.columns

    def number(self, numbers: Sequence[str], texts: Sequence[str]) -> None:
        """Find the number of the first row here, by a pass over them if none has been made; all processes do."""
        if self.count is None:
            for _ in self.batches(numbers, texts):
                pass
        counts = self.together.gather(self.count)
        self.first = sum(counts[: self.together.rank])

    def batches(
        self, numbers: Sequence[str], texts: Sequence[str] = (), *, size: int = READ, share: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """The rows here, at most ``size`` at a time; ``share`` divides them no further."""
        if share != (0, 1):
            raise ValueError("the rows of a process are not shared again")
        count = 0
        for batch in self.source.batches(numbers, texts, size=size, share=self.together.share):
            count += batch.count
            yield replace(batch, first=batch.first + self.first) if self.first else batch
        self.count = count


def places(counts: Sequence[int], rank: int) -> tuple[int, int]:
    """Where the rows of a process begin and end among those of all, by the counts of each."""
    ends = list(itertools.accumulate(counts, initial=0))
    return ends[rank], ends[rank + 1]
