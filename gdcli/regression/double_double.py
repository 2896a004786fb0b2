"""Double-double arithmetic on tensors: sums and products with about 32 digits, as unevaluated sums of two float64.

T. J. Dekker (1971), "A floating-point technique for extending the available precision"; Y. Hida, X. S. Li, D. H. Bailey
(2001), "Algorithms for quad-double precision floating point arithmetic". PyTorch rounds each operation on its own, and
that is what these formulas need.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple, TypeAlias

import torch

Halves: TypeAlias = tuple[torch.Tensor, torch.Tensor]

_SPLITTER = 134217729.0  # 2**27 + 1


class Double(NamedTuple):
    """The numbers ``high + low``: two tensors of float64 of one shape; ``low`` is at most half an ulp of ``high``."""

    high: torch.Tensor
    low: torch.Tensor


def exactly(numbers: torch.Tensor) -> Double:
    """Tensors of float64 as they are."""
    return Double(numbers, torch.zeros_like(numbers))


def two_sum(a: torch.Tensor, b: torch.Tensor) -> Double:
    """``a + b`` without an error (Knuth)."""
    high = a + b
    part = high - a
    rest = high - part
    torch.sub(a, rest, out=rest)
    torch.sub(b, part, out=part)
    return Double(high, rest.add_(part))


def two_product(a: torch.Tensor, b: torch.Tensor, halves_of_a: Halves | None = None) -> Double:
    """``a * b`` without an error, below about 1e300 (Dekker, with Veltkamp's halves)."""
    high = a * b
    (a1, a2), (b1, b2) = halves_of_a or halves(a), halves(b)
    # The products of halves are exact, so that addcmul gives the same with and without a fused multiply-add.
    low = (-high).addcmul_(a1, b1).addcmul_(a1, b2).addcmul_(a2, b1).addcmul_(a2, b2)
    return Double(high, low)


def halves(a: torch.Tensor) -> Halves:
    """``a`` as a sum of two numbers of 26 bits."""
    high = a * _SPLITTER
    high -= high - a
    return high, a - high


def _normal(high: torch.Tensor, low: torch.Tensor) -> Double:
    total = high + low
    return Double(total, low - (total - high))


def add(a: Double, b: Double) -> Double:
    """``a + b``, with a relative error of about 2e-32."""
    high, first = two_sum(a.high, b.high)
    low, second = two_sum(a.low, b.low)
    high, first = _normal(high, first + low)
    return _normal(high, first + second)


def negative(a: Double) -> Double:
    """``-a``."""
    return Double(-a.high, -a.low)


def multiply(a: Double, b: Double) -> Double:
    """``a * b``, elementwise."""
    high, low = two_product(a.high, b.high)
    return _normal(high, low.addcmul_(a.high, b.low).addcmul_(a.low, b.high))


def total(a: Double, dim: int = -1) -> Double:
    """The sum along a dimension, in pairs.

    T. Ogita, S. M. Rump, S. Oishi (2005), "Accurate sum and dot product", algorithm 4.4: the errors of the sums are
    added too. The result is as good as one in twice the precision.
    """
    high, low = a.high.movedim(dim, 0), a.low.movedim(dim, 0)
    low = low.sum(0)
    while (count := len(high)) > 1:
        half = count // 2
        pairs, errors = two_sum(high[:half], high[half : 2 * half])
        low = low + errors.sum(0)
        high = torch.cat([pairs, high[-1:]]) if count % 2 else pairs
    return _normal(high[0], low)


def dot(a: Double, b: Double, dim: int = -1, halves_of_a: Halves | None = None) -> Double:
    """The sum of products along a dimension; ``halves_of_a`` are those of ``a.high``, where they are known."""
    high, low = two_product(a.high, b.high, halves_of_a)
    return total(Double(high, low.addcmul_(a.high, b.low).addcmul_(a.low, b.high)), dim)


def fractions(a: Double) -> list[Fraction]:
    """The numbers of vectors, exactly."""
    return [Fraction(high) + Fraction(low) for high, low in zip(a.high.tolist(), a.low.tolist(), strict=True)]


def nearest(numbers: list[Fraction]) -> Double:
    """The nearest double-doubles: vectors."""
    high = [float(number) for number in numbers]
    low = [float(number - Fraction(near)) for number, near in zip(numbers, high, strict=True)]
    return Double(torch.tensor(high, dtype=torch.float64), torch.tensor(low, dtype=torch.float64))
