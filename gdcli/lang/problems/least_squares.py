"""Sums of squares: fits of a model to data, and systems of equations; mostly badly conditioned."""

from __future__ import annotations

import itertools
import math
from functools import partial

from gdcli.lang.problems.problem import Family, Minimum, at, box, filled, fixed, instance, scalable
from gdcli.lang.problems.sources import JAMIL_YANG, NIST, mgh

_fixed = partial(fixed, category="least-squares")
_scalable = partial(scalable, category="least-squares")

_KOWALIK_U = "[4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625]"

_WATSON = {
    6: at(
        0.0022876700535524364,
        x=[
            -0.015725086401458457,
            1.0124348693691099,
            -0.23299162595673768,
            1.2604300877996083,
            -1.5137289227222797,
            0.9929964324311345,
        ],
    ),
    9: at(
        1.39976013809902e-06,
        x=[
            -1.5307036521394342e-05,
            0.9997897039319484,
            0.014763963693556958,
            0.14634232829936223,
            1.0008211030047092,
            -2.617731140519015,
            4.1044031644788564,
            -3.1436122785564422,
            1.0526264080101669,
        ],
    ),
    12: at(
        4.7223811058917574e-10,
        x=[
            -6.638060464520687e-09,
            1.000001644117862,
            -0.0005639322103423058,
            0.34782054050404241,
            -0.15673150409616512,
            1.0528151772071778,
            -3.2472711534596677,
            7.288434897938061,
            -10.271848241321724,
            9.0741136470753157,
            -4.541375466692512,
            1.0120118885528104,
        ],
    ),
}


def _watson(n: int) -> str:
    """The polynomial with coefficients x, its derivative, and the points 1/29, ..., 29/29."""
    powers, derivative = f"vander(arange(1, 30)/29, {n}, True)", f"vander(arange(1, 30)/29, {n - 1}, True)"
    return (
        f"x[0]**2 + (x[1] - x[0]**2 - 1)**2"
        f" + sum(({derivative} @ (arange(1, {n})*x[1:]) - ({powers} @ x)**2 - 1)**2)"
    )


def _penalty_minima(n: int) -> tuple[Minimum, ...]:
    """All numbers are equal, and the largest root of 2 n x**3 - (1/2 - 1e-5) x - 1e-5."""
    x = 0.5 / math.sqrt(n) + 1e-4
    for _ in range(20):
        x -= (2 * n * x**3 - (0.5 - 1e-5) * x - 1e-5) / (6 * n * x**2 - (0.5 - 1e-5))
    return (at(1e-5 * n * (x - 1) ** 2 + (n * x**2 - 0.25) ** 2, x=[x] * n),)


def _brown_minima(n: int) -> tuple[Minimum, ...]:
    """All numbers but the last are a root a of n a**n - (n + 1) a**(n - 1) + 1, and the last is n + 1 - n a.

    1 is a root, another lies between 0 and 1 - 1/n**2, and for an odd n a third between -1 and 0.
    """
    brackets = [(1 - 1 / n**2, 0.0), *([(-1.0, 0.0)] if n % 2 else [])]
    roots = [1.0, *(_root(lambda a: (n * a - (n + 1)) * a ** (n - 1) + 1, low, high) for low, high in brackets)]
    return tuple(at(0, x=[*[a] * (n - 1), n + 1 - n * a]) for a in roots)
