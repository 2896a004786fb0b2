"""Many minima in the plane: functions of two variables that can be plotted."""

from __future__ import annotations

import itertools
import math
from functools import partial

from gdcli.lang.problems.problem import Minimum, at, fixed, instance
from gdcli.lang.problems.sources import JAMIL_YANG, SURJANOVIC_BINGHAM

_fixed = partial(fixed, category="many-minima")


def _four_corners(loss: float, x: float, y: float) -> list[Minimum]:
    """The same minimum with every combination of signs."""
    return [at(loss, x=a * x, y=b * y) for a, b in itertools.product((1, -1), repeat=2)]


def _shubert_minima() -> list[Minimum]:
    """One factor of Shubert's product is largest where the other is smallest: 18 points."""
    largest = [-7.08350640765156, -0.8003211004719731, 5.4828642067076134]
    smallest = [-7.708313735499347, -1.425128428319761, 4.858056878859826]
    pairs = [*itertools.product(largest, smallest), *itertools.product(smallest, largest)]
    return [at(-186.7309088310239, x=x, y=y) for x, y in pairs]


PROBLEMS = (
    _fixed(
        "himmelblau",
        "Himmelblau",
        instance(
            "(x**2 + y - 11)**2 + (x + y**2 - 7)**2",
            {"x": "0", "y": "0"},
            (-5, 5),
            [
                at(0, x=3, y=2),
                at(0, x=-2.805118086952745, y=3.131312518250573),
                at(0, x=-3.779310253377747, y=-3.2831859912861694),
                at(0, x=3.584428340330492, y=-1.8481265269644036),
            ],
        ),
        hard="four minima of the same depth: the start determines which one is found",
        source="Himmelblau (1972), Applied nonlinear programming",
    ),
    _fixed(
        "six-hump-camel",
        "Six-hump camel back",
        instance(
            "(4 - 2.1*x**2 + x**4/3)*x**2 + x*y + (4*y**2 - 4)*y**2",
            {"x": "-1.5", "y": "0.5"},
            {"x": (-3, 3), "y": (-2, 2)},
            [
                at(-1.0316284534898774, x=0.08984201310031806, y=-0.7126564030207396),
                at(-1.0316284534898774, x=-0.08984201310031806, y=0.7126564030207396),
            ],
            [
                at(-0.21546382438371764, x=1.7036067149699808, y=-0.7960835686726251),
                at(-0.21546382438371764, x=-1.7036067149699808, y=0.7960835686726251),
                at(2.1042503103112583, x=1.6071047529201972, y=0.5686514548841314),
                at(2.1042503103112583, x=-1.6071047529201972, y=-0.5686514548841314),
            ],
        ),
        hard="six minima in three pairs, two of them global",
        source="Dixon and Szegö (1978), Towards global optimisation 2; " + SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "three-hump-camel",
        "Three-hump camel back",
        instance(
            "2*x**2 - 1.05*x**4 + x**6/6 + x*y + y**2",
            {"x": "2", "y": "2"},
            (-5, 5),
            [at(0, x=0, y=0)],
            [
                at(0.29863844223685982, x=1.7475523458302889, y=-0.8737761729151444),
                at(0.29863844223685982, x=-1.7475523458302889, y=0.8737761729151444),
            ],
        ),
        hard="three minima in a row, the middle one global",
        source=SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "branin",
        "Branin",
        instance(
            "(y - 5.1*x**2/(4*pi**2) + 5*x/pi - 6)**2 + 10*(1 - 1/(8*pi))*cos(x) + 10",
            {"x": "0", "y": "10"},
            {"x": (-5, 10), "y": (0, 15)},
            [
                at(1.25 / math.pi, x=-math.pi, y=12.275),
                at(1.25 / math.pi, x=math.pi, y=2.275),
                at(1.25 / math.pi, x=3 * math.pi, y=2.475),
            ],
        ),
        hard="three minima of the same depth along a curved valley",
        source="Branin (1972), Widely convergent method for finding multiple solutions of simultaneous "
        "nonlinear equations",
    ),
    _fixed(
        "goldstein-price",
        "Goldstein and Price",
        instance(
            "(1 + (x + y + 1)**2*(19 - 14*x + 3*x**2 - 14*y + 6*x*y + 3*y**2))"
            "*(30 + (2*x - 3*y)**2*(18 - 32*x + 12*x**2 + 48*y - 36*x*y + 27*y**2))",
            {"x": "-0.5", "y": "0.25"},
            (-2, 2),
            [at(3, x=0, y=-1)],
            [at(30, x=-0.6, y=-0.4), at(84, x=1.8, y=0.2), at(840, x=1.2, y=0.8)],
        ),
        hard="values from 3 to a million, so no single learning rate works",
        source="Goldstein and Price (1971), On descent from local minima",
    ),
    _fixed(
        "bohachevsky",
        "Bohachevsky (1)",
        instance(
            "x**2 + 2*y**2 - 0.3*cos(3*pi*x) - 0.4*cos(4*pi*y) + 0.7",
            {"x": "5", "y": "5"},
            (-100, 100),
            [at(0, x=0, y=0)],
        ),
        hard="ripples on a bowl",
        source="Bohachevsky, Johnson and Stein (1986), Generalized simulated annealing for function optimization",
    ),
    _fixed(
        "levy-13",
        "Levy 13",
        instance(
            "sin(3*pi*x)**2 + (x - 1)**2*(1 + sin(3*pi*y)**2) + (y - 1)**2*(1 + sin(2*pi*y)**2)",
            {"x": "-4", "y": "5"},
            (-10, 10),
            [at(0, x=1, y=1)],
        ),
        hard="waves in two directions across a bowl",
        source=SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "mccormick",
        "McCormick",
        instance(
            "sin(x + y) + (x - y)**2 - 1.5*x + 2.5*y + 1",
            {"x": "3", "y": "3"},
            {"x": (-1.5, 4), "y": (-3, 4)},
            [at(-1.9132229549810365, x=0.5 - math.pi / 3, y=-0.5 - math.pi / 3)],
            [at(1.2283696986087572, x=2.5943951023931953, y=1.5943951023931953)],
        ),
        hard="a valley with a series of minima: a descent stops in the first",
        source=SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "eggholder",
        "Eggholder",
        instance(
            "-(y + 47)*sin(sqrt(abs(x/2 + y + 47))) - x*sin(sqrt(abs(x - y - 47)))",
            {"x": "400", "y": "400"},
            (-512, 512),
            [at(-959.6406627208508, x=512, y=404.2318051137578)],
        ),
        hard="deep, irregular valleys; the minimum is on the edge of the box",
        source=SURJANOVIC_BINGHAM,
        note="the minimum is that of the box: there are lower points beyond x = 512",
    ),
    _fixed(
        "holder-table",
        "Hölder table",
        instance(
            "-abs(sin(x)*cos(y)*exp(abs(1 - sqrt(x**2 + y**2)/pi)))",
            {"x": "5", "y": "6"},
            (-10, 10),
            _four_corners(-19.20850256788673, 8.055023475736563, 9.664590019241273),
        ),
        hard="many minima that become deeper towards the four corners",
        source=SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "cross-in-tray",
        "Cross in tray",
        instance(
            "-0.0001*exp(abs(100 - sqrt(x**2 + y**2)/pi)/10)"
            "*(abs(sin(x)*sin(y)) + exp(-abs(100 - sqrt(x**2 + y**2)/pi)))**0.1",
            {"x": "4", "y": "5"},
            (-10, 10),
            _four_corners(-2.062611870822737, 1.349406617153911, 1.349406617153911),
        ),
        hard="kinks in the shape of a cross between the minima",
        source=SURJANOVIC_BINGHAM,
        note="written so that exp(100), which overflows float32, does not appear; the function is the published one",
    ),
    _fixed(
        "drop-wave",
        "Drop wave",
        instance(
            "-(1 + cos(12*sqrt(x**2 + y**2)))/(0.5*(x**2 + y**2) + 2)",
            {"x": "2", "y": "1"},
            (-5.12, 5.12),
            [at(-1, x=0, y=0)],
        ),
        hard="circular waves around the minimum",
        source=SURJANOVIC_BINGHAM,
        note="at the minimum autograd gives nan: the square root has no derivative at zero",
    ),
    _fixed(
        "schaffer-2",
        "Schaffer 2",
        instance(
            "0.5 + (sin(x**2 - y**2)**2 - 0.5)/(1 + 0.001*(x**2 + y**2))**2",
            {"x": "10", "y": "4"},
            (-100, 100),
            [at(0, x=0, y=0)],
        ),
        hard="waves that become shorter outwards, until they are too short for any learning rate",
        source=SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "schaffer-4",
        "Schaffer 4",
        instance(
            "0.5 + (cos(sin(abs(x**2 - y**2)))**2 - 0.5)/(1 + 0.001*(x**2 + y**2))**2",
            {"x": "10", "y": "4"},
            (-100, 100),
            [
                at(0.29257863203598055, x=0, y=1.2531318314637332),
                at(0.29257863203598055, x=0, y=-1.2531318314637332),
                at(0.29257863203598055, x=1.2531318314637332, y=0),
                at(0.29257863203598055, x=-1.2531318314637332, y=0),
            ],
        ),
        hard="short waves of nearly equal depth",
        source=SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "shubert",
        "Shubert",
        instance(
            "sum(arange(1, 6)*cos(arange(2, 7)*x + arange(1, 6)))*sum(arange(1, 6)*cos(arange(2, 7)*y + arange(1, 6)))",
            {"x": "0", "y": "0"},
            (-10, 10),
            _shubert_minima(),
        ),
        hard="760 minima, 18 of them global",
        source="Shubert (1972), A sequential method seeking the global maximum of a function; " + SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "foxholes",
        "Shekel's foxholes (De Jong F5)",
        instance(
            "1/(0.002 + sum(1/(arange(1, 26) + (x - tile([-32, -16, 0, 16, 32], (5,)))**6"
            " + (y - repeat_interleave([-32, -16, 0, 16, 32], 5))**6)))",
            {"x": "-8", "y": "-8"},
            (-65.536, 65.536),
            [at(0.9980038377944503, x=-31.97833483565697, y=-31.978334837300796)],
        ),
        hard="25 narrow basins in a plateau, each slightly deeper than the next",
        source="De Jong (1975), An analysis of the behavior of a class of genetic adaptive systems, F5",
        note="the bottom of a basin is so flat that only float64 resolves the position of the minimum",
    ),
    _fixed(
        "egg-crate",
        "Egg crate",
        instance("x**2 + y**2 + 25*(sin(x)**2 + sin(y)**2)", {"x": "4", "y": "-3.5"}, (-5, 5), [at(0, x=0, y=0)]),
        hard="a regular grid of basins",
        source=JAMIL_YANG,
    ),
    _fixed(
        "bird",
        "Bird of Mishra",
        instance(
            "sin(x)*exp((1 - cos(y))**2) + cos(y)*exp((1 - sin(x))**2) + (x - y)**2",
            {"x": "2", "y": "2"},
            (-2 * math.pi, 2 * math.pi),
            [
                at(-106.76453674926468, x=4.701043130249553, y=3.15293850372493),
                at(-106.76453674926468, x=-1.5821421769300335, y=-3.1302468034546564),
            ],
        ),
        hard="steep hills between the minima, two of which are global",
        source=JAMIL_YANG,
    ),
    _fixed(
        "trefethen",
        "Trefethen",
        instance(
            "exp(sin(50*x)) + sin(60*exp(y)) + sin(70*sin(x)) + sin(sin(80*y)) - sin(10*(x + y)) + (x**2 + y**2)/4",
            {"x": "0", "y": "0"},
            (-10, 10),
            [at(-3.306868647475237, x=-0.02440307969437517, y=0.21061242715535577)],
        ),
        hard="thousands of minima: problem 4 of the hundred-digit challenge",
        source="Trefethen (2002), A hundred-dollar, hundred-digit challenge, problem 4",
    ),
    _fixed(
        "hosaki",
        "Hosaki",
        instance(
            "(1 - 8*x + 7*x**2 - 7*x**3/3 + x**4/4)*y**2*exp(-y)",
            {"x": "2", "y": "3"},
            {"x": (0, 5), "y": (0, 6)},
            [at(-52 / 3 * math.exp(-2), x=4, y=2)],
            [at(-25 / 3 * math.exp(-2), x=1, y=2)],
        ),
        hard="two minima side by side, and a flat edge at y = 0",
        source=JAMIL_YANG,
    ),
    _fixed(
        "zirilli",
        "Zirilli (Aluffi-Pentini)",
        instance(
            "x**4/4 - x**2/2 + x/10 + y**2/2",
            {"x": "1", "y": "1"},
            (-10, 10),
            [at(-0.35238607380003642, x=-1.0466805318046023, y=0)],
            [at(-0.15263944177378456, x=0.9456492739235914, y=0)],
        ),
        hard="two minima, the nearer one less deep",
        source=JAMIL_YANG,
    ),
    _fixed(
        "treccani",
        "Treccani",
        instance(
            "x**4 + 4*x**3 + 4*x**2 + y**2",
            {"x": "-1.1", "y": "2"},
            (-5, 5),
            [at(0, x=0, y=0), at(0, x=-2, y=0)],
        ),
        hard="two minima of the same depth and a saddle point between them",
        source=JAMIL_YANG,
    ),
    _fixed(
        "parsopoulos",
        "Parsopoulos",
        instance(
            "cos(x)**2 + sin(y)**2",
            {"x": "0.5", "y": "1"},
            (-5, 5),
            [at(0, x=k * math.pi / 2, y=m * math.pi) for k in (-3, -1, 1, 3) for m in (-1, 0, 1)],
        ),
        hard="a grid of minima of the same depth, twelve of them in the box",
        source=JAMIL_YANG,
    ),
    _fixed(
        "adjiman",
        "Adjiman",
        instance(
            "cos(x)*sin(y) - x/(y**2 + 1)",
            {"x": "0", "y": "0.5"},
            {"x": (-1, 2), "y": (-1, 1)},
            [at(-2.021806783359787, x=2, y=0.1057834694517169)],
        ),
        hard="no minimum outside the box: a descent diverges along x",
        source=JAMIL_YANG,
        note="the minimum is that of the box: the function keeps decreasing beyond x = 2",
    ),
    _fixed(
        "dekkers-aarts",
        "Dekkers and Aarts",
        instance(
            "1e5*x**2 + y**2 - (x**2 + y**2)**2 + 1e-5*(x**2 + y**2)**4",
            {"x": "1", "y": "5"},
            (-20, 20),
            [at(-24776.51834231769, x=0, y=14.945112151891958), at(-24776.51834231769, x=0, y=-14.945112151891958)],
        ),
        hard="a curvature of 200,000 across the valley and small curvatures along it",
        source=JAMIL_YANG,
    ),
)
