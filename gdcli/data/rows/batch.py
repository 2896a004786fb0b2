"""Rows of a table as columns of numbers and of texts, and batches of the wanted size from parts of any size."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows: the columns by their names. In ``numbers`` NaN stands for a missing value, in ``texts`` "".

    ``gaps`` are the columns of numbers that may have a missing value.
    """

    count: int
    numbers: dict[str, array[float]]
    texts: dict[str, list[str]]
    gaps: frozenset[str] = frozenset()

    def rows(self, start: int, stop: int) -> Part:
        """The rows from ``start`` up to ``stop``."""
        numbers = {name: column[start:stop] for name, column in self.numbers.items()}
        texts = {name: column[start:stop] for name, column in self.texts.items()}
        return Part(stop - start, numbers, texts, self.gaps)

    def before(self, other: Part) -> Part:
        """These rows and then those of ``other``; these columns are extended in place."""
        for name, column in self.numbers.items():
            column.extend(other.numbers[name])
        for name, texts in self.texts.items():
            texts.extend(other.texts[name])
        return Part(self.count + other.count, self.numbers, self.texts, self.gaps | other.gaps)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a table.

    ``first`` is the number of the first row, counted from 0 within the share that is read, and ``count`` the number of
    rows. ``numbers`` has each column of numbers as ``array("d")`` of ``count`` items, where NaN stands for a missing
    value; ``texts`` has each column of texts, where an empty text does. ``missing`` counts them, by column.
    """

    first: int
    count: int
    numbers: dict[str, array[float]]
    texts: dict[str, list[str]]
    missing: dict[str, int]


def batches_of(parts: Iterable[Part], size: int) -> Iterator[Batch]:
    """The rows of all parts in batches of ``size`` rows; the last may have fewer, and none is empty."""
    first, rest = 0, Part(0, {}, {})
    for part in parts:
        rest = rest.before(part) if rest.count else part
        start = 0
        while rest.count - start >= size:
            yield _batch(first, rest if rest.count == size else rest.rows(start, start + size))
            start, first = start + size, first + size
        if start:
            rest = rest.rows(start, rest.count)
    if rest.count:
        yield _batch(first, rest)


def _batch(first: int, part: Part) -> Batch:
    missing = {name: sum(map(math.isnan, part.numbers[name])) if name in part.gaps else 0 for name in part.numbers}
    missing |= {name: column.count("") for name, column in part.texts.items()}
    return Batch(first, part.count, part.numbers, part.texts, missing)
