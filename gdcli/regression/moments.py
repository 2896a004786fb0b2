"""Counts, means, standard deviations and ranges of columns, batch by batch and from several processes."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Moments(NamedTuple):
    """What is known of ``k`` columns: tensors of float64, shape (k,).

    ``squares`` is the sum of squares about the mean. Cells that are NaN do not count.
    """

    counts: torch.Tensor
    mean: torch.Tensor
    squares: torch.Tensor
    least: torch.Tensor
    most: torch.Tensor

    @classmethod
    def none(cls, k: int) -> Moments:
        """Those of no rows."""
        zeros = torch.zeros(k, dtype=torch.float64)
        return cls(zeros, zeros, zeros, zeros + torch.inf, zeros - torch.inf)

    @classmethod
    def of(cls, columns: torch.Tensor) -> Moments:
        """Those of a batch, shape (k, m), by two passes over it."""
        m = columns.shape[1]
        if m == 0:
            return cls.none(len(columns))
        gaps = columns.isnan() if bool(columns.sum().isnan()) else None
        whole = columns if gaps is None else columns.masked_fill(gaps, 0.0)
        count = torch.full((len(columns),), float(m), dtype=torch.float64) if gaps is None else (~gaps).sum(1).double()
        some = count.clamp(min=1)
        mean = whole.sum(1) / some
        away = columns - mean[:, None]
        if gaps is not None:
            away.masked_fill_(gaps, 0.0)
        error = away.sum(1) / some  # of the first sum
        squares = (torch.linalg.vecdot(away, away) - count * error * error).clamp(min=0)
        if gaps is None:
            least, most = columns.aminmax(dim=1)
        else:
            least = columns.masked_fill(gaps, torch.inf).amin(1)
            most = columns.masked_fill(gaps, -torch.inf).amax(1)
        return cls(count, mean + error, squares, least, most)

    def joined(self, other: Moments) -> Moments:
        """Those of both.

        T. F. Chan, G. H. Golub, R. J. LeVeque (1983), "Algorithms for computing the sample variance".
        """
        count = self.counts + other.counts
        apart = other.mean - self.mean
        share = other.counts / count.clamp(min=1)
        mean = torch.where(self.counts > 0, self.mean + apart * share, other.mean)
        squares = self.squares + other.squares + apart * apart * self.counts * share
        return Moments(count, mean, squares, self.least.minimum(other.least), self.most.maximum(other.most))

    def scale(self, *, about_zero: bool = False) -> torch.Tensor:
        """The root of the mean square about the mean (the population standard deviation), or about zero."""
        apart = self.mean if about_zero else torch.zeros_like(self.mean)
        return (self.squares / self.counts.clamp(min=1) + apart * apart).sqrt()

    def is_useless(self, *, intercept: bool) -> list[bool]:
        """Whether a column adds nothing to a model: it has one value beside an intercept, or is 0 everywhere."""
        is_constant = self.least >= self.most
        return (is_constant if intercept else is_constant & (self.least == 0)).tolist()
