"""The columns of X as plain numbers and text: what a saved model needs, and how coefficients change their units.

Coefficients have three bases. Those *of the data* belong to the columns as they are: ``x``, ``x**2``, the indicator of
a level. Those *of the descent* belong to the columns that it sees: standardized, unless it sees the data as they are.
The *centred* ones, of the exact solution, belong to powers of ``(x - mean) / 2**exponent``, which differ from the
powers of ``x`` by rational numbers alone: with fractions, no change costs a digit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Literal

from msgspec import Struct

_BITS = 320  # of a quotient: far more than any cancellation between powers takes


class Base(Struct, frozen=True, kw_only=True):
    """What a column is before powers: a column of numbers, the indicator of a level, or an expression.

    ``source`` is the column, or the text of the expression. ``center`` is its mean beside an intercept and 0 without
    one; ``scale`` is the root of the mean square about that, with missing cells filled in by ``mean``.
    """

    kind: Literal["number", "level", "expression"]
    source: str
    level: str = ""
    mean: float = 0.0
    center: float = 0.0
    scale: float = 1.0

    @property
    def exponent(self) -> int:
        """That of the power of 2 next to the scale."""
        return math.frexp(self.scale)[1]


class Term(Struct, frozen=True, kw_only=True):
    """A column of X: a power of a base. ``center`` and ``scale`` are those of a power of the standardized base."""

    name: str
    base: int
    degree: int = 1
    center: float = 0.0
    scale: float = 1.0


class Levels(Struct, frozen=True, kw_only=True):
    """The categories of a column, in order; ``dropped`` is the one that has no column of X."""

    levels: tuple[str, ...]
    dropped: str | None = None


class Layout(Struct, frozen=True, kw_only=True, dict=True):
    """All columns of X. ``means`` are those of the columns of numbers; with ``missing`` "mean" they fill gaps.

    ``target_levels`` are the two categories of a target that is text: the second one counts as 1. ``target_mean`` is
    the mean of the target beside an intercept, and 0 without one.
    """

    target: str
    intercept: bool
    standardize: bool
    missing: Literal["error", "drop", "mean"]
    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    means: dict[str, float]
    categories: dict[str, Levels]
    target_levels: tuple[str, ...] = ()
    target_mean: float = 0.0
    bases: tuple[Base, ...]
    terms: tuple[Term, ...]

    @property
    def has_powers(self) -> bool:
        """Whether a column is a higher power."""
        return any(term.degree > 1 for term in self.terms)

    @cached_property
    def _factors(self) -> list[Fraction]:
        """Of each term, the coefficient of the descent by the centred one."""
        return [
            Fraction(term.scale) * _ratio(Fraction(base.scale), Fraction(2) ** base.exponent) ** term.degree
            for term, base in ((term, self.bases[term.base]) for term in self.terms)
        ]

    def to_units(self, w: Sequence[float], b: float = 0.0) -> list[float]:
        """Coefficients of the descent (``w`` in the order of the terms, ``b`` of the intercept) as those of the data.

        The intercept comes first, where the model has one.
        """
        return [float(number) for number in self.of_data(self.centred([*self._lead(b), *w]))]

    def from_units(self, coefficients: Sequence[float]) -> tuple[list[float], float]:
        """The inverse of :meth:`to_units`: ``w``, and ``b`` (0 without an intercept)."""
        found = self.of_descent(self.centred_of_data([Fraction(number) for number in coefficients]))
        numbers = [float(number) for number in found]
        return (numbers[1:], numbers[0]) if self.intercept else (numbers, 0.0)

    def _lead(self, b: float) -> list[float]:
        return [b] if self.intercept else []

    def centred(self, descent: Sequence[float | Fraction]) -> list[Fraction]:
        """The centred coefficients of those of the descent, the intercept first. The target is not centred here."""
        numbers = [Fraction(number) for number in descent]
        if not self.standardize:
            return self.centred_of_data(numbers)
        lead = numbers[: int(self.intercept)]
        w = numbers[int(self.intercept) :]
        for i, term in enumerate(self.terms):
            if lead and term.center:
                lead[0] -= _ratio(w[i] * Fraction(term.center), Fraction(term.scale))
        return [*lead, *(_ratio(number, factor) for number, factor in zip(w, self._factors, strict=True))]

    def of_descent(self, centred: Sequence[Fraction]) -> list[Fraction]:
        """The coefficients of the descent by the centred ones, the intercept first."""
        if not self.standardize:
            return self.of_data(centred)
        lead = list(centred[: int(self.intercept)])
        v = centred[int(self.intercept) :]
        w = [number * factor for number, factor in zip(v, self._factors, strict=True)]
        for number, term in zip(w, self.terms, strict=True):
            if lead and term.center:
                lead[0] += _ratio(number * Fraction(term.center), Fraction(term.scale))
        return [*lead, *w]

    def of_data(self, centred: Sequence[Fraction]) -> list[Fraction]:
        """The coefficients of the data by the centred ones, the intercept first."""
        return self._shifted(centred, back=True)

    def centred_of_data(self, coefficients: Sequence[Fraction]) -> list[Fraction]:
        """The centred coefficients by those of the data."""
        return self._shifted(coefficients, back=False)

    def _shifted(self, numbers: Sequence[Fraction], *, back: bool) -> list[Fraction]:
        """Polynomials in ``(x - c) / 2**e`` as polynomials in ``x`` (``back``), or the other way round."""
        lead = list(numbers[: int(self.intercept)])
        rest = numbers[int(self.intercept) :]
        found: list[Fraction] = [Fraction(0)] * len(rest)
        for base, places in self.places.items():
            by_degree = {self.terms[place].degree: rest[place] for place in places}
            center, size = Fraction(self.bases[base].center), Fraction(2) ** self.bases[base].exponent
            if back:
                moved = _moved({k: number / size**k for k, number in by_degree.items()}, -center)
            else:
                moved = {k: number * size**k for k, number in _moved(by_degree, center).items()}
            if lead:
                lead[0] += moved.get(0, Fraction(0))
            for place in places:
                found[place] = moved[self.terms[place].degree]
        return [*lead, *found]

    @cached_property
    def places(self) -> dict[int, list[int]]:
        """The terms of each base. Their degrees have no gaps, so that a shift leaves them among themselves."""
        places: dict[int, list[int]] = {}
        for place, term in enumerate(self.terms):
            places.setdefault(term.base, []).append(place)
        return places


def _moved(polynomial: Mapping[int, Fraction], by: Fraction) -> Mapping[int, Fraction]:
    """The coefficients of ``polynomial(x + by)``, by their degrees."""
    if by == 0:
        return polynomial
    return {
        k: sum((math.comb(j, k) * a * by ** (j - k) for j, a in polynomial.items() if j >= k), Fraction(0))
        for k in range(max(polynomial) + 1)
    }


def _ratio(a: Fraction, b: Fraction) -> Fraction:
    """``a / b`` in 320 bits, with a power of 2 below: sums of many stay small."""
    if a == 0:
        return a
    numerator, denominator = a.numerator * b.denominator, a.denominator * b.numerator
    shift = _BITS - numerator.bit_length() + denominator.bit_length()
    if shift >= 0:
        return Fraction((numerator << shift) // denominator, 1 << shift)
    return Fraction((numerator // (denominator << -shift)) << -shift)
