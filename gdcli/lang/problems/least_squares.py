"""Sums of squares: fits of a model to data, and systems of equations; mostly ill-conditioned."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial

from gdcli.lang.problems.problem import Family, Minimum, always, at, box, filled, fixed, instance, scalable
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
        f"x[0]**2 + (x[1] - x[0]**2 - 1)**2 + sum(({derivative} @ (arange(1, {n})*x[1:]) - ({powers} @ x)**2 - 1)**2)"
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


def _root(function: Callable[[float], float], below: float, above: float) -> float:
    """Where the function is zero, between a point where it is negative and one where it is positive."""
    for _ in range(80):
        middle = (below + above) / 2
        below, above = (middle, above) if function(middle) < 0 else (below, middle)
    return (below + above) / 2


def _biggs_minima() -> list[Minimum]:
    """The three terms, each with a factor and a rate, may be in any order."""
    terms = [(1, 1), (-5, 10), (3, 4)]
    return [at(0, x=[a[1], b[1], a[0], -b[0], c[1], c[0]]) for a, b, c in itertools.permutations(terms)]


PROBLEMS = (
    _fixed(
        "jennrich-sampson",
        "Jennrich and Sampson",
        instance(
            "sum((2 + 2*arange(1, 11) - exp(arange(1, 11)*x) - exp(arange(1, 11)*y))**2)",
            {"x": "0.3", "y": "0.4"},
            (-1, 1),
            [at(124.36218235561485, x=0.2578252136703641, y=0.2578252136703641)],
        ),
        hard="large residuals at the minimum, and exponential growth away from it",
        source=mgh(6),
    ),
    _fixed(
        "bard",
        "Bard",
        instance(
            "sum(([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.1, 4.39]"
            " - x - arange(1, 16)/(arange(15, 0, -1)*y + minimum(arange(1, 16), arange(15, 0, -1))*z))**2)",
            {"x": "1", "y": "1", "z": "1"},
            {"x": (-2, 2), "y": (0.01, 5), "z": (0.01, 5)},
            [at(0.008214877306578978, x=0.08241055974978879, y=1.133036092029745, z=2.3436951786425144)],
        ),
        hard="a second valley that leads to infinity, where the loss is 17.4286",
        source=mgh(8),
    ),
    _fixed(
        "gaussian",
        "Gaussian",
        instance(
            "sum((x*exp(-y*(arange(7, -8, -1)/2 - z)**2/2) - [0.0009, 0.0044, 0.0175, 0.054, 0.1295, 0.242, 0.3521,"
            " 0.3989, 0.3521, 0.242, 0.1295, 0.054, 0.0175, 0.0044, 0.0009])**2)",
            {"x": "0.4", "y": "1", "z": "0"},
            {"x": (0, 1), "y": (0, 3), "z": (-1, 1)},
            [at(1.1279327696189349e-08, x=0.39895613783875666, y=1.0000190844878059, z=0)],
        ),
        hard="a start so close to the minimum that the loss is 4e-6: the precision of the dtype matters",
        source=mgh(9),
    ),
    _fixed(
        "meyer",
        "Meyer",
        instance(
            "sum((x*exp(y/(arange(50, 130, 5) + z)) - [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261,"
            " 7030, 6005, 5147, 4427, 3820, 3307, 2872])**2)",
            {"x": "0.02", "y": "4000", "z": "250"},
            {"x": (0.001, 0.05), "y": (2000, 10000), "z": (100, 500)},
            [at(87.94585517085112, x=0.005609636471028053, y=6181.346346286372, z=345.2236346241365)],
        ),
        hard="a condition number of about 1e16: gradient descent fails without scaling",
        source=mgh(10),
    ),
    _fixed(
        "gulf",
        "Gulf research and development",
        instance(
            "sum((exp(-abs(25 + (-50*log(arange(1, 100)/100))**(2/3) - y)**z/x) - arange(1, 100)/100)**2)",
            {"x": "5", "y": "2.5", "z": "0.15"},
            {"x": (0.1, 100), "y": (0, 25.6), "z": (0, 5)},
            [at(0, x=50, y=25, z=1.5)],
        ),
        hard="a fit that hardly changes when all three parameters change together",
        source=mgh(11),
    ),
    _fixed(
        "box-3d",
        "Box in 3 dimensions",
        instance(
            "sum((exp(-x*arange(1, 11)/10) - exp(-y*arange(1, 11)/10)"
            " - z*(exp(-arange(1, 11)/10) - exp(-arange(1, 11))))**2)",
            {"x": "0", "y": "10", "z": "20"},
            (-20, 20),
            [at(0, x=1, y=10, z=1), at(0, x=10, y=1, z=-1)],
        ),
        hard="exponentials that can replace each other",
        source=mgh(12),
        note="every point with x = y and z = 0 is also a minimum",
    ),
    _fixed(
        "kowalik-osborne",
        "Kowalik and Osborne",
        instance(
            "sum(([0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]"
            f" - x[0]*({_KOWALIK_U}**2 + {_KOWALIK_U}*x[1])/({_KOWALIK_U}**2 + {_KOWALIK_U}*x[2] + x[3]))**2)",
            {"x": "[0.25, 0.39, 0.415, 0.39]"},
            (-5, 5),
            [
                at(
                    0.000307505603849237,
                    x=[0.1928069345790379, 0.19128232873436696, 0.1230565069263209, 0.13606233068379484],
                )
            ],
        ),
        hard="a rational function with poles, and a flat valley towards infinity",
        source=mgh(15),
    ),
    _fixed(
        "brown-dennis",
        "Brown and Dennis",
        instance(
            "sum(((x[0] + x[1]*arange(1, 21)/5 - exp(arange(1, 21)/5))**2"
            " + (x[2] + x[3]*sin(arange(1, 21)/5) - cos(arange(1, 21)/5))**2)**2)",
            {"x": "[25, 5, -5, -1]"},
            (-30, 30),
            [
                at(
                    85822.20162635634,
                    x=[-11.594439904762163, 13.203630051207202, -0.4034394881768596, 0.2367787744557363],
                )
            ],
        ),
        hard="fourth powers, and a large loss at the minimum",
        source=mgh(16),
    ),
    _fixed(
        "biggs-exp6",
        "Biggs EXP6",
        instance(
            "sum((x[2]*exp(-x[0]*arange(1, 14)/10) - x[3]*exp(-x[1]*arange(1, 14)/10)"
            " + x[5]*exp(-x[4]*arange(1, 14)/10)"
            " - exp(-arange(1, 14)/10) + 5*exp(-arange(1, 14)) - 3*exp(-4*arange(1, 14)/10))**2)",
            {"x": "[1, 2, 1, 1, 1, 1]"},
            (-20, 20),
            _biggs_minima(),
        ),
        hard="three exponentials to separate, and a stationary point with loss 5.65565e-3",
        source=mgh(18),
    ),
    _scalable(
        "watson",
        "Watson",
        Family(
            _watson,
            start=filled(0),
            domain=box(-15, 15),
            minima=lambda n: (_WATSON[n],) if n in _WATSON else (),
            least=2,
            most=31,
        ),
        6,
        hard="the coefficients of a polynomial: the condition number grows rapidly with the dimension",
        source=mgh(20),
        note="the catalogue lists its minima for 6, 9 and 12 dimensions",
    ),
    _scalable(
        "penalty-1",
        "Penalty 1",
        Family(
            always("1e-5*sum((x - 1)**2) + (sum(x**2) - 0.25)**2"),
            start=lambda n: f"arange(1, {n + 1})",
            domain=lambda n: (-n, n),
            minima=_penalty_minima,
        ),
        4,
        hard="a sphere of nearly optimal points, distinguished only by a tiny term",
        source=mgh(23),
    ),
    _scalable(
        "brown-almost-linear",
        "Brown almost linear",
        Family(
            lambda n: f"sum((x[:-1] + sum(x) - {n + 1})**2) + (prod(x) - 1)**2",
            start=filled(0.5),
            domain=lambda n: (-2 * n - 1, 2 * n + 1),
            minima=_brown_minima,
            least=2,
        ),
        10,
        hard="linear equations and one product: minima so close together that the region between them is flat",
        source=mgh(27),
    ),
    _fixed(
        "el-attar",
        "El-Attar, Vidyasagar and Dutta",
        instance(
            "(x**2 + y - 10)**2 + (x + y**2 - 7)**2 + (x**2 + y**3 - 1)**2",
            {"x": "1", "y": "1"},
            (-100, 100),
            [at(1.7127803548622034, x=3.409186822190061, y=-2.171433036284005)],
        ),
        hard="three equations in two unknowns, and sixth powers far away",
        source=JAMIL_YANG,
    ),
    _fixed(
        "misra1a",
        "Misra1a: growth towards a limit",
        instance(
            "sum((x*(1 - exp(-y*[77.6, 114.9, 141.1, 190.8, 239.9, 289, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1,"
            " 689.1, 760])) - [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.4,"
            " 75.47, 81.78])**2)",
            {"x": "500", "y": "0.0001"},
            {"x": (0, 1000), "y": (0, 0.01)},
            [at(0.12455138894440552, x=238.9421291788617, y=0.0005501564318059136)],
        ),
        hard="two parameters of which the data determine only the product well; a condition number of about 6e13",
        source=f"Misra (1978), dental research monomolecular adsorption; {NIST}",
    ),
    _fixed(
        "rat42",
        "Rat42: logistic growth of a pasture",
        instance(
            "sum((x/(1 + exp(y - z*[9, 14, 21, 28, 42, 57, 63, 70, 79]))"
            " - [8.93, 10.8, 18.59, 22.33, 39.35, 56.11, 61.73, 64.62, 67.08])**2)",
            {"x": "100", "y": "1", "z": "0.1"},
            {"x": (0, 200), "y": (0, 10), "z": (0, 1)},
            [at(8.0565229338113, x=72.46223757556919, y=2.6180768402084967, z=0.06735920006610501)],
        ),
        hard="parameters of very different magnitude: a condition number of about 5e6",
        source=f"Ratkowsky (1983), Nonlinear regression modeling; {NIST}",
    ),
)
