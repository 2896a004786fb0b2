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
        gaps = columns.isnan()
        count = (~gaps).sum(1).double()
        whole = columns.masked_fill(gaps, 0.0)
        some = count.clamp(min=1)
        mean = whole.sum(1) / some
        away = (columns - mean[:, None]).masked_fill(gaps, 0.0)
        mean = mean + away.sum(1) / some  # the error of the first sum
        away = (columns - mean[:, None]).masked_fill(gaps, 0.0)
        least = columns.masked_fill(gaps, torch.inf).amin(1) if columns.shape[1] else mean + torch.inf
        most = columns.masked_fill(gaps, -torch.inf).amax(1) if columns.shape[1] else mean - torch.inf
        return cls(count, mean, (away * away).sum(1), least, most)

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
