"""Convex problems: no other local minimum; hard because of a large condition number or a flat minimum."""

from __future__ import annotations

import math
from functools import partial

from gdcli.lang.problems.problem import (
    CatalogueProblem,
    Family,
    Minimum,
    always,
    at,
    box,
    equal,
    filled,
    fixed,
    instance,
    scalable,
)
from gdcli.lang.problems.sources import JAMIL_YANG, SURJANOVIC_BINGHAM, mgh

_fixed = partial(fixed, category="convex")
_scalable = partial(scalable, category="convex")


def _quadratic(exponent: int) -> CatalogueProblem:
    """The quadratic whose Hessian has the condition number 10**exponent."""
    condition = 10**exponent
    return _scalable(
        f"quadratic-{condition}",
        f"Quadratic of condition number {condition}",
        Family(
            lambda n: f"sum(logspace(0, {exponent}, {n}) * x**2)/2",
            start=filled(1),
            domain=box(-1.5, 1.5),
            minima=equal(0),
            least=2,
        ),
        instance(
            f"(x**2 + {condition}*y**2)/2",
            {"x": str(condition), "y": "1"},
            {"x": (-1.5 * condition, 1.5 * condition), "y": (-1.5, 1.5)},
            [at(0, x=0, y=0)],
        ),
        hard=f"a learning rate above {2 / condition:g} diverges along y, and a smaller one is slow along x",
        source="Boyd and Vandenberghe (2004), Convex Optimization, section 9.3.2",
        note=f"in n dimensions the eigenvalues of the Hessian are spaced geometrically from 1 to {condition}",
    )


def _trid_minima(n: int) -> tuple[Minimum, ...]:
    return (at(-n * (n + 4) * (n - 1) / 6, x=[i * (n + 1 - i) for i in range(1, n + 1)]),)


PROBLEMS = (
    _fixed(
        "parabola",
        "Parabola of the lecture notebook",
        instance("(x - 1.5)**2", {"x": "4"}, (-2, 5), [at(0, x=1.5)]),
        hard="no difficulty: with learning rate 0.1 the distance shrinks by a factor of 0.8 in every step",
        source="the PyTorch lecture notebook that gdcli grew out of",
    ),
    _scalable(
        "sphere",
        "Sphere",
        Family(always("sum(x**2)"), start=filled(5), domain=box(-5.12, 5.12), minima=equal(0)),
        2,
        hard="no difficulty: the gradient points away from the minimum everywhere",
        source="De Jong (1975), An analysis of the behavior of a class of genetic adaptive systems, F1",
    ),
    _quadratic(1),
    _quadratic(2),
    _quadratic(3),
    _fixed(
        "booth",
        "Booth",
        instance("(x + 2*y - 7)**2 + (2*x + y - 5)**2", {"x": "-8", "y": "8"}, (-10, 10), [at(0, x=1, y=3)]),
        hard="a mild condition number of 9, with axes along the diagonals",
        source=SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "matyas",
        "Matyas",
        instance("0.26*(x**2 + y**2) - 0.48*x*y", {"x": "10", "y": "4"}, (-10, 10), [at(0, x=0, y=0)]),
        hard="a condition number of 25, and almost no slope along the diagonal",
        source=SURJANOVIC_BINGHAM,
    ),
    _scalable(
        "sum-squares",
        "Sum of squares (axis-parallel hyper-ellipsoid)",
        Family(lambda n: f"sum(arange(1, {n + 1}) * x**2)", start=filled(5), domain=box(-10, 10), minima=equal(0)),
        10,
        hard="a condition number that grows with the dimension",
        source=SURJANOVIC_BINGHAM,
    ),
    _scalable(
        "rotated-hyper-ellipsoid",
        "Rotated hyper-ellipsoid",
        Family(always("sum(cumsum(x**2, 0))"), start=filled(50), domain=box(-65.536, 65.536), minima=equal(0)),
        10,
        hard="a condition number that grows with the dimension",
        source=SURJANOVIC_BINGHAM,
        note="despite its name, its axes are the coordinate axes; schwefel-1-2 is the rotated one",
    ),
    _scalable(
        "schwefel-1-2",
        "Schwefel 1.2 (double sum)",
        Family(always("sum(cumsum(x, 0)**2)"), start=filled(50), domain=box(-100, 100), minima=equal(0)),
        2,
        hard="axes not aligned with the coordinates, and a condition number that grows with the dimension squared",
        source=JAMIL_YANG,
    ),
    _scalable(
        "zakharov",
        "Zakharov",
        Family(
            lambda n: f"sum(x**2) + (0.5*sum(arange(1, {n + 1})*x))**2 + (0.5*sum(arange(1, {n + 1})*x))**4",
            start=filled(5),
            domain=box(-5, 10),
            minima=equal(0),
        ),
        2,
        hard="a fourth power: the curvature at the start is hundreds of times that at the minimum",
        source=SURJANOVIC_BINGHAM,
    ),
    _scalable(
        "trid",
        "Trid",
        Family(
            always("sum((x - 1)**2) - sum(x[1:]*x[:-1])"),
            start=filled(0),
            domain=lambda n: (-(n**2), n**2),
            minima=_trid_minima,
            least=2,
        ),
        6,
        hard="coupled neighbors: distant coordinates move only after nearer ones have moved",
        source=SURJANOVIC_BINGHAM,
    ),
    _scalable(
        "different-powers",
        "Sum of different powers",
        Family(lambda n: f"sum(abs(x)**arange(2, {n + 2}))", start=filled(0.9), domain=box(-1, 1), minima=equal(0)),
        4,
        hard="a minimum that is flatter in each further coordinate, where its curvature is zero",
        source=SURJANOVIC_BINGHAM,
    ),
    _scalable(
        "quartic",
        "Quartic of De Jong, without noise",
        Family(lambda n: f"sum(arange(1, {n + 1}) * x**4)", start=filled(1), domain=box(-1.28, 1.28), minima=equal(0)),
        2,
        hard="a flat minimum: the gradient vanishes as the cube of the distance",
        source="De Jong (1975), An analysis of the behavior of a class of genetic adaptive systems, F4",
    ),
    _fixed(
        "three-exponentials",
        "Three exponentials of Boyd and Vandenberghe",
        instance(
            "exp(x + 3*y - 0.1) + exp(x - 3*y - 0.1) + exp(-x - 0.1)",
            {"x": "-1", "y": "1"},
            (-2, 2),
            [at(2 * math.sqrt(2) * math.exp(-0.1), x=-math.log(2) / 2, y=0)],
        ),
        hard="exponential growth: a learning rate is too large far from the minimum and too small near it",
        source="Boyd and Vandenberghe (2004), Convex Optimization, section 9.3.2, equation 9.20",
    ),
    _scalable(
        "variably-dimensioned",
        "Variably dimensioned",
        Family(
            lambda n: f"sum((x - 1)**2) + sum(arange(1, {n + 1})*(x - 1))**2 + sum(arange(1, {n + 1})*(x - 1))**4",
            start=lambda n: f"1 - arange(1, {n + 1})/{n}",
            domain=box(-10, 10),
            minima=equal(1),
        ),
        10,
        hard="one direction with very large curvature, and curvature 2 in all others",
        source=mgh(25),
    ),
)
