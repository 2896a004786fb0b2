"""Valleys: the minimum lies in a curved or narrow valley, and the gradient points across it."""

from __future__ import annotations

from functools import partial

from gdcli.lang.problems.problem import (
    Family,
    Minimum,
    always,
    at,
    box,
    equal,
    filled,
    fixed,
    instance,
    repeated,
    scalable,
    written,
)
from gdcli.lang.problems.sources import JAMIL_YANG, SURJANOVIC_BINGHAM, mgh

_fixed = partial(fixed, category="valley")
_scalable = partial(scalable, category="valley")


def _dixon_price_minima(n: int) -> tuple[Minimum, ...]:
    """Coordinate i is 2**-((2**i - 2)/2**i); only the square of the last one counts."""
    x = [2.0 ** (2.0 ** (1 - i) - 1) for i in range(1, n + 1)]
    return at(0, x=x), at(0, x=[*x[:-1], -x[-1]])


def _minus_one_then_ones(n: int) -> str:
    return written([-1] + [1] * (n - 1)) if n <= 6 else f"cat([[-1], ones({n - 1})])"


PROBLEMS = (
    _scalable(
        "rosenbrock",
        "Rosenbrock",
        Family(
            always("sum((1 - x[:-1])**2 + 100*(x[1:] - x[:-1]**2)**2)"),
            start=repeated(-1.2, 1),
            domain=box(-2.048, 2.048),
            minima=equal(1),
            least=2,
        ),
        instance("(1 - x)**2 + 100*(y - x**2)**2", {"x": "-1.2", "y": "1"}, (-2.048, 2.048), [at(0, x=1, y=1)]),
        hard="a long curved valley with a nearly flat floor",
        source="Rosenbrock (1960), An automatic method for finding the greatest or least value of a function; "
        + mgh(1),
        note="in 4 or more dimensions there is also a local minimum near (-1, 1, ..., 1)",
    ),
    _scalable(
        "extended-rosenbrock",
        "Extended Rosenbrock",
        Family(
            always("sum((1 - x[0::2])**2 + 100*(x[1::2] - x[0::2]**2)**2)"),
            start=repeated(-1.2, 1),
            domain=box(-2.048, 2.048),
            minima=equal(1),
            least=2,
            multiple=2,
        ),
        10,
        hard="many Rosenbrock valleys side by side, each in two of the coordinates",
        source=mgh(21),
    ),
    _fixed(
        "cube",
        "Cube",
        instance("100*(y - x**3)**2 + (1 - x)**2", {"x": "-1.2", "y": "-1"}, (-10, 10), [at(0, x=1, y=1)]),
        hard="a valley that follows a cubic, steeper than Rosenbrock's",
        source=JAMIL_YANG,
    ),
    _scalable(
        "chebyshev-rosenbrock",
        "Nesterov's Chebyshev-Rosenbrock",
        Family(
            always("(x[0] - 1)**2/4 + sum((x[1:] - 2*x[:-1]**2 + 1)**2)"),
            start=_minus_one_then_ones,
            domain=box(-2, 2),
            minima=equal(1),
            least=2,
        ),
        instance("(x - 1)**2/4 + (y - 2*x**2 + 1)**2", {"x": "-1", "y": "1"}, (-2, 2), [at(0, x=1, y=1)]),
        hard="a valley that oscillates: its length grows exponentially with the dimension",
        source="Jarre (2013), On Nesterov's smooth Chebyshev-Rosenbrock function",
    ),
    _fixed(
        "beale",
        "Beale",
        instance(
            "(1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2 + (2.625 - x + x*y**3)**2",
            {"x": "1", "y": "1"},
            (-4.5, 4.5),
            [at(0, x=3, y=0.5)],
        ),
        hard="a flat valley along y = 1 between high corners",
        source=mgh(5),
    ),
    _fixed(
        "freudenstein-roth",
        "Freudenstein and Roth",
        instance(
            "(x - 13 + ((5 - y)*y - 2)*y)**2 + (x - 29 + ((y + 1)*y - 14)*y)**2",
            {"x": "0.5", "y": "-2"},
            (-20, 20),
            [at(0, x=5, y=4)],
            [at(48.98425367924002, x=11.412778986902094, y=-0.8968052532744765)],
        ),
        hard="a valley that leads from the usual start to a local minimum",
        source=mgh(2),
    ),
    _fixed(
        "powell-badly-scaled",
        "Powell badly scaled",
        instance(
            "(1e4*x*y - 1)**2 + (exp(-x) + exp(-y) - 1.0001)**2",
            {"x": "0", "y": "1"},
            (-10, 10),
            [
                at(0, x=1.0981593296998175e-05, y=9.106146739866524),
                at(0, x=9.106146739866524, y=1.0981593296998175e-05),
            ],
        ),
        hard="coordinates of very different magnitude: the condition number at the minimum is about 1e18",
        source=mgh(3),
    ),
    _fixed(
        "brown-badly-scaled",
        "Brown badly scaled",
        instance(
            "(x - 1e6)**2 + (y - 2e-6)**2 + (x*y - 2)**2",
            {"x": "1", "y": "1"},
            {"x": (-2e6, 2e6), "y": (-10, 10)},
            [at(0, x=1e6, y=2e-6)],
        ),
        hard="a minimum at 1e6 in one coordinate and 2e-6 in the other",
        source=mgh(4),
    ),
    _fixed(
        "helical-valley",
        "Helical valley",
        # 2*pi*theta runs from -pi/2 to 3*pi/2 in the paper, which is pi/2 more than this atan2 of the turned plane.
        instance(
            "100*((z - 2.5 - 5*atan2(-x, y)/pi)**2 + (sqrt(x**2 + y**2) - 1)**2) + z**2",
            {"x": "-1", "y": "0", "z": "0"},
            (-10, 10),
            [at(0, x=1, y=0, z=0)],
        ),
        hard="a valley that winds around an axis",
        source=f"Fletcher and Powell (1963), A rapidly convergent descent method for minimization; {mgh(7)}",
        note="undefined on the axis x = y = 0, and discontinuous where x = 0 and y < 0, as published",
    ),
    _scalable(
        "powell-singular",
        "Powell singular",
        Family(
            always(
                "sum((x[0::4] + 10*x[1::4])**2 + 5*(x[2::4] - x[3::4])**2"
                " + (x[1::4] - 2*x[2::4])**4 + 10*(x[0::4] - x[3::4])**4)"
            ),
            start=repeated(3, -1, 0, 1),
            domain=box(-4, 5),
            minima=equal(0),
            least=4,
            multiple=4,
        ),
        instance(
            "(x[0] + 10*x[1])**2 + 5*(x[2] - x[3])**2 + (x[1] - 2*x[2])**4 + 10*(x[0] - x[3])**4",
            {"x": "[3, -1, 0, 1]"},
            (-4, 5),
            [at(0, x=[0, 0, 0, 0])],
        ),
        hard="a Hessian that is singular at the minimum: convergence keeps slowing down",
        source=f"{mgh(13)}; in more dimensions, problem 22",
    ),
    _fixed(
        "wood",
        "Wood (Colville)",
        instance(
            "100*(x[1] - x[0]**2)**2 + (1 - x[0])**2 + 90*(x[3] - x[2]**2)**2 + (1 - x[2])**2"
            " + 10*(x[1] + x[3] - 2)**2 + 0.1*(x[1] - x[3])**2",
            {"x": "[-3, -1, -3, -1]"},
            (-10, 10),
            [at(0, x=[1, 1, 1, 1])],
        ),
        hard="two coupled Rosenbrock valleys, with a nearly stationary point between the start and the minimum",
        source=mgh(14),
    ),
    _scalable(
        "dixon-price",
        "Dixon and Price",
        Family(
            lambda n: f"(x[0] - 1)**2 + sum(arange(2, {n + 1})*(2*x[1:]**2 - x[:-1])**2)",
            start=filled(10),
            domain=box(-10, 10),
            minima=_dixon_price_minima,
            least=2,
        ),
        2,
        hard="a curved valley in which each coordinate depends on the previous one",
        source=SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "zettl",
        "Zettl",
        instance(
            "(x**2 + y**2 - 2*x)**2 + x/4",
            {"x": "2", "y": "1"},
            (-1, 5),
            [at(-0.003791237220468898, x=-0.029895985050660383, y=0)],
        ),
        hard="a circular valley with very little slope along it",
        source=JAMIL_YANG,
    ),
)
