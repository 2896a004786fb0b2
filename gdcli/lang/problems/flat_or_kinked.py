"""Flat and nonsmooth problems: gradients that vanish, jump, or do not exist at the minimum."""

from __future__ import annotations

import math
from functools import partial

from gdcli.lang.problems.problem import Family, always, at, box, equal, filled, fixed, instance, repeated, scalable
from gdcli.lang.problems.sources import JAMIL_YANG, LUKSAN_VLCEK, SURJANOVIC_BINGHAM

_fixed = partial(fixed, category="flat-or-kinked")
_scalable = partial(scalable, category="flat-or-kinked")

PROBLEMS = (
    _fixed(
        "easom",
        "Easom",
        instance(
            "-cos(x)*cos(y)*exp(-(x - pi)**2 - (y - pi)**2)",
            {"x": "2", "y": "2"},
            (-100, 100),
            [at(-1, x=math.pi, y=math.pi)],
        ),
        hard="a small basin in a wide flat region",
        source=SURJANOVIC_BINGHAM,
    ),
    _scalable(
        "step",
        "Step (step 2 of Jamil and Yang)",
        Family(always("sum(floor(x + 0.5)**2)"), start=filled(5), domain=box(-100, 100), minima=equal(0)),
        2,
        hard="steps: the gradient is zero wherever it exists, so gradient descent does not move",
        source=JAMIL_YANG,
        note="every point with coordinates in [-0.5, 0.5) is a minimum; the central one is listed",
    ),
    _scalable(
        "absolute",
        "Sum of absolute values (Schwefel 2.20)",
        Family(always("sum(abs(x))"), start=repeated(10, -4), domain=box(-100, 100), minima=equal(0)),
        2,
        hard="a gradient as large near the minimum as far from it: a fixed learning rate overshoots forever",
        source=JAMIL_YANG,
    ),
    _scalable(
        "schwefel-2-21",
        "Largest absolute value (Schwefel 2.21)",
        Family(always("max(abs(x))"), start=repeated(10, -4), domain=box(-100, 100), minima=equal(0)),
        2,
        hard="only the largest coordinate has a gradient",
        source=JAMIL_YANG,
    ),
    _scalable(
        "schwefel-2-22",
        "Sum and product of absolute values (Schwefel 2.22)",
        Family(always("sum(abs(x)) + prod(abs(x))"), start=repeated(10, -4), domain=box(-100, 100), minima=equal(0)),
        2,
        hard="kinks along the axes, and a product that becomes huge in many dimensions",
        source=JAMIL_YANG,
    ),
    _fixed(
        "bukin-6",
        "Bukin 6",
        instance(
            "100*sqrt(abs(y - 0.01*x**2)) + 0.01*abs(x + 10)",
            {"x": "-5", "y": "2"},
            {"x": (-15, -5), "y": (-3, 3)},
            [at(0, x=-10, y=1)],
        ),
        hard="a curved kink with sides that become infinitely steep",
        source=SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "bartels-conn",
        "Bartels and Conn",
        instance(
            "abs(x**2 + y**2 + x*y) + abs(sin(x)) + abs(cos(y))",
            {"x": "100", "y": "-200"},
            (-500, 500),
            [at(1, x=0, y=0)],
        ),
        hard="a bowl that is smooth far away and has kinks at the bottom",
        source=JAMIL_YANG,
    ),
    _scalable(
        "nonsmooth-chebyshev-rosenbrock",
        "Nesterov's nonsmooth Chebyshev-Rosenbrock",
        Family(
            always("abs(x[0] - 1)/4 + sum(abs(x[1:] - 2*abs(x[:-1]) + 1))"),
            start=filled(-0.5),
            domain=box(-2, 2),
            minima=equal(1),
            least=2,
        ),
        instance("abs(x - 1)/4 + abs(y - 2*abs(x) + 1)", {"x": "-0.5", "y": "-0.5"}, (-2, 2), [at(0, x=1, y=1)]),
        hard="a nonsmooth valley with points where methods stop although they are not minima",
        source="Gürbüzbalaban and Overton (2012), On Nesterov's nonsmooth Chebyshev-Rosenbrock functions",
    ),
    _fixed(
        "mifflin-1",
        "Mifflin 1: a slope and a ReLU",
        instance("-x + 20*relu(x**2 + y**2 - 1)", {"x": "0.8", "y": "0.6"}, (-2, 2), [at(-1, x=1, y=0)]),
        hard="a kink along a circle: the gradient jumps from 1 to 39 where the ReLU becomes active",
        source=LUKSAN_VLCEK,
    ),
    _fixed(
        "mifflin-2",
        "Mifflin 2",
        instance(
            "-x + 2*(x**2 + y**2 - 1) + 1.75*abs(x**2 + y**2 - 1)",
            {"x": "-1", "y": "-1"},
            (-2, 2),
            [at(-1, x=1, y=0)],
        ),
        hard="a kink along a circle, which must be followed halfway around",
        source=LUKSAN_VLCEK,
    ),
    _fixed(
        "crescent",
        "Crescent",
        instance("y + abs(x**2 + (y - 1)**2 - 1)", {"x": "-1.5", "y": "2"}, (-3, 3), [at(0, x=0, y=0)]),
        hard="a kink in the shape of a crescent",
        source=LUKSAN_VLCEK,
    ),
    _fixed(
        "cb2",
        "CB2 of Charalambous and Bandler",
        instance(
            "max([x**2 + y**4, (2 - x)**2 + (2 - y)**2, 2*exp(y - x)])",
            {"x": "1", "y": "-0.1"},
            (-3, 3),
            [at(1.952224493870659, x=1.1390376519926627, y=0.8995599383953929)],
        ),
        hard="the maximum of three functions: the minimum lies on the kink between two of them",
        source=LUKSAN_VLCEK,
    ),
    _fixed(
        "cb3",
        "CB3 of Charalambous and Bandler",
        instance(
            "max([x**4 + y**2, (2 - x)**2 + (2 - y)**2, 2*exp(y - x)])",
            {"x": "2", "y": "2"},
            (-3, 3),
            [at(2, x=1, y=1)],
        ),
        hard="the maximum of three functions, which are equal at the minimum",
        source=LUKSAN_VLCEK,
    ),
    _fixed(
        "dem",
        "DEM of Demyanov and Malozemov",
        instance("max([5*x + y, y - 5*x, x**2 + y**2 + 4*y])", {"x": "1", "y": "1"}, (-5, 5), [at(-3, x=0, y=-3)]),
        hard="a narrow valley between two planes, which ends at a paraboloid",
        source=LUKSAN_VLCEK,
    ),
    _fixed(
        "ql",
        "QL",
        instance(
            "x**2 + y**2 + 10*max([0, 4 - 4*x - y, 6 - x - 2*y])",
            {"x": "-1", "y": "5"},
            (-6, 6),
            [at(7.2, x=1.2, y=2.4)],
        ),
        hard="a bowl with two steep penalties, whose kinks meet at the minimum",
        source=LUKSAN_VLCEK,
    ),
    _fixed(
        "lq",
        "LQ",
        instance(
            "-x - y + relu(x**2 + y**2 - 1)",
            {"x": "-0.5", "y": "-0.5"},
            (-2, 2),
            [at(-math.sqrt(2), x=math.sqrt(0.5), y=math.sqrt(0.5))],
        ),
        hard="a plane that bends up outside the unit circle",
        source=LUKSAN_VLCEK,
    ),
    _fixed(
        "wolfe",
        "Wolfe",
        instance(
            "where(x > abs(y), 5*sqrt(9*x**2 + 16*y**2), 9*x + 16*abs(y) - clamp(x, max=0)**9)",
            {"x": "3", "y": "2"},
            (-4, 4),
            [at(-8, x=-1, y=0)],
        ),
        hard="steepest descent with exact line searches zigzags to (0, 0), which is not a minimum",
        source=LUKSAN_VLCEK,
    ),
)
