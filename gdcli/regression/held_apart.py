"""Which rows are kept apart for validation: one at random of each run of 1/share rows, by the seed."""

from __future__ import annotations

import torch

_MIXERS = (-0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15)  # splitmix64 (Steele, Lea, Flood 2014)


def kept_apart(first: int, count: int, share: float | None, seed: int, rank: int = 0) -> torch.Tensor:
    """Whether each of the rows ``first, first + 1, ...`` is kept apart: shape (count,), bool.

    Row numbers are counted in the rank's own share of the data. Of n rows, n * share are kept apart, to one row.
    """
    numbers = torch.arange(first, first + count)
    if share is None:
        return torch.zeros(count, dtype=torch.bool)
    if share > 0.5:  # the rows that stay are the fewer ones
        return ~kept_apart(first, count, 1 - share, seed, rank)
    # Cell k has the rows from ceil(k / share); a draw of its number chooses one of them.
    cell = (numbers.double() * share + 1e-9).floor()
    begin = ((cell - 1e-9) / share).ceil()
    end = ((cell + 1 - 1e-9) / share).ceil()
    draw = _uniform(cell.long() ^ _mixed(torch.tensor([(seed * 1_000_003 + rank) % 2**63])))
    return numbers == (begin + (draw * (end - begin)).floor()).long()


def _mixed(numbers: torch.Tensor) -> torch.Tensor:
    """splitmix64 of whole numbers: int64, with overflow."""
    z = numbers * _MIXERS[0] + _MIXERS[0]
    for shift, factor in zip((30, 27), _MIXERS[1:], strict=True):
        z = (z ^ ((z >> shift) & ((1 << (64 - shift)) - 1))) * factor
    return z ^ ((z >> 31) & ((1 << 33) - 1))


def _uniform(numbers: torch.Tensor) -> torch.Tensor:
    """A number in [0, 1) by each whole number."""
    return ((_mixed(numbers) >> 11) & ((1 << 53) - 1)).double() * 2.0**-53
