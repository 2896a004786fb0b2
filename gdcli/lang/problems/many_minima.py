"""Many minima, in any dimension or in a line: hard for every local method."""

from __future__ import annotations

import math
from functools import partial

from gdcli.lang.problems.problem import Family, Minimum, always, at, box, equal, filled, fixed, instance, scalable
from gdcli.lang.problems.sources import JAMIL_YANG, SURJANOVIC_BINGHAM

_fixed = partial(fixed, category="many-minima")
_scalable = partial(scalable, category="many-minima")

# Where -sin(x) * sin(i * x**2 / pi)**20 is smallest in (0, pi), and its value there, for i = 1, 2, ..., 10.
_MICHALEWICZ = (
    (2.2029055201726093, -0.8013034100985525),
    (math.pi / 2, -1.0),
    (1.2849915705529244, -0.959091269896006),
    (1.9230584698663628, -0.9384624184720834),
    (1.7204697725658413, -0.9888010806215044),
    (math.pi / 2, -1.0),
    (1.454413971362379, -0.9932271353558816),
    (1.7560865209450264, -0.9828720362722106),
    (1.655717416821029, -0.996394364925103),
    (math.pi / 2, -1.0),
)


def _michalewicz_minima(n: int) -> tuple[Minimum, ...]:
    if n > len(_MICHALEWICZ):
        return ()
    places, losses = zip(*_MICHALEWICZ[:n], strict=True)
    return (at(sum(losses), x=places),)


PROBLEMS = (
    _scalable(
        "rastrigin",
        "Rastrigin",
        Family(always("sum(x**2 - 10*cos(2*pi*x) + 10)"), start=filled(3.2), domain=box(-5.12, 5.12), minima=equal(0)),
        2,
        hard="a regular grid of minima on a bowl: 11 to the power of the dimension",
        source=SURJANOVIC_BINGHAM,
    ),
    _scalable(
        "ackley",
        "Ackley",
        Family(
            always("20 + e - 20*exp(-0.2*sqrt(mean(x**2))) - exp(mean(cos(2*pi*x)))"),
            start=filled(3.4),
            domain=box(-32.768, 32.768),
            minima=equal(0),
        ),
        2,
        hard="a nearly flat outer region full of shallow minima, and a deep basin in the middle",
        source="Ackley (1987), A connectionist machine for genetic hillclimbing",
        note="at the minimum autograd gives nan: the square root has no derivative at zero",
    ),
    _scalable(
        "griewank",
        "Griewank",
        Family(
            lambda n: f"sum(x**2)/4000 - prod(cos(x/sqrt(arange(1, {n + 1})))) + 1",
            start=filled(50),
            domain=box(-600, 600),
            minima=equal(0),
        ),
        2,
        hard="thousands of shallow minima on a wide bowl",
        source="Griewank (1981), Generalized descent for global optimization",
    ),
    _scalable(
        "schwefel",
        "Schwefel (2.26)",
        Family(
            always("sum(418.98288727243371 - x*sin(sqrt(abs(x))))"),
            start=filled(100),
            domain=box(-500, 500),
            minima=equal(420.96874635998203),
        ),
        2,
        hard="the global minimum is near a corner, far from the second-best minimum",
        source=SURJANOVIC_BINGHAM,
        note="the constant has more digits than the published 418.9829, so that the minimum is 0",
    ),
    _scalable(
        "levy",
        "Levy",
        Family(
            always(
                "sin(pi*(x[0] + 3)/4)**2 + sum((x[:-1] - 1)**2/16*(1 + 10*sin(pi*(x[:-1] + 3)/4 + 1)**2))"
                " + (x[-1] - 1)**2/16*(1 + sin(pi*(x[-1] + 3)/2)**2)"
            ),
            start=filled(-5),
            domain=box(-10, 10),
            minima=equal(1),
        ),
        2,
        hard="parallel waves across a valley",
        source=SURJANOVIC_BINGHAM,
    ),
    _scalable(
        "styblinski-tang",
        "Styblinski and Tang",
        Family(
            always("sum(x**4 - 16*x**2 + 5*x)/2"),
            start=filled(0),
            domain=box(-5, 5),
            minima=equal(-2.903534027771177, each=-39.166165703771415),
        ),
        2,
        hard="two minima in every coordinate, and only one combination of them is global",
        source="Styblinski and Tang (1990), Experiments in nonconvex optimization",
    ),
    _scalable(
        "michalewicz",
        "Michalewicz (m = 10)",
        Family(
            lambda n: f"-sum(sin(x)*sin(arange(1, {n + 1})*x**2/pi)**20)",
            start=filled(2),
            domain=box(0, math.pi),
            minima=_michalewicz_minima,
        ),
        2,
        hard="narrow valleys in a plateau: elsewhere the gradient is nearly zero",
        source=SURJANOVIC_BINGHAM,
        note="the catalogue lists its minima for up to 10 dimensions",
    ),
    _scalable(
        "salomon",
        "Salomon",
        Family(always("1 - cos(2*pi*norm(x)) + 0.1*norm(x)"), start=filled(3), domain=box(-100, 100), minima=equal(0)),
        2,
        hard="rings of minima around the global one, which lies at the tip of a cone",
        source=JAMIL_YANG,
    ),
    _fixed(
        "gramacy-lee",
        "Gramacy and Lee",
        instance(
            "sin(10*pi*x)/(2*x) + (x - 1)**4",
            {"x": "1.5"},
            (0.5, 2.5),
            [at(-0.8690111349894998, x=0.5485634445276052)],
        ),
        hard="a one-dimensional oscillation with nine minima side by side",
        source="Gramacy and Lee (2012), Cases for the nugget in modeling computer experiments",
    ),
    _fixed(
        "forrester",
        "Forrester, Sóbester and Keane",
        instance(
            "(6*x - 2)**2*sin(12*x - 4)",
            {"x": "0.3"},
            (0, 1),
            [at(-6.020740055767083, x=0.7572487578418559)],
            [at(-0.9863254063210814, x=0.1425891893247163)],
        ),
        hard="one dimension, a local minimum, and a flat region between it and the global one",
        source="Forrester, Sóbester and Keane (2008), Engineering design via surrogate modelling",
    ),
    _fixed(
        "shekel",
        "Shekel (m = 10)",
        instance(
            "-sum(1/(sum((x - [[4, 4, 4, 4], [1, 1, 1, 1], [8, 8, 8, 8], [6, 6, 6, 6], [3, 7, 3, 7],"
            " [2, 9, 2, 9], [5, 5, 3, 3], [8, 1, 8, 1], [6, 2, 6, 2], [7, 3.6, 7, 3.6]])**2, dim=1)"
            " + [0.1, 0.2, 0.2, 0.4, 0.4, 0.6, 0.3, 0.7, 0.5, 0.5]))",
            {"x": "[3, 3, 3, 3]"},
            (0, 10),
            [
                at(
                    -10.536409816692045,
                    x=[4.000746531592046, 4.000592934138532, 3.9996633980403224, 3.9995098005868077],
                )
            ],
        ),
        hard="ten narrow basins of different depths in a flat region",
        source="Shekel (1971), Test functions for multimodal search techniques; " + SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "hartmann-3",
        "Hartmann in 3 dimensions",
        instance(
            "-sum([1, 1.2, 3, 3.2]*exp(-sum([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]]"
            "*([x, y, z] - [[0.3689, 0.117, 0.2673], [0.4699, 0.4387, 0.747], [0.1091, 0.8732, 0.5547],"
            " [0.03815, 0.5743, 0.8828]])**2, dim=1)))",
            {"x": "0.5", "y": "0.5", "z": "0.5"},
            (0, 1),
            [at(-3.862782147820755, x=0.11461433858967196, y=0.5556488499718569, z=0.8525469535208658)],
        ),
        hard="four basins of very different widths along the coordinates",
        source=SURJANOVIC_BINGHAM,
    ),
    _fixed(
        "hartmann-6",
        "Hartmann in 6 dimensions",
        instance(
            "-sum([1, 1.2, 3, 3.2]*exp(-sum([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14],"
            " [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]"
            "*(x - [[0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],"
            " [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],"
            " [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],"
            " [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381]])**2, dim=1)))",
            {"x": "[0.5, 0.5, 0.5, 0.5, 0.5, 0.5]"},
            (0, 1),
            [
                at(
                    -3.322368011415515,
                    x=[
                        0.20168951100670543,
                        0.15001069182345797,
                        0.476873974221897,
                        0.2753324304940561,
                        0.31165161660011326,
                        0.6573005340656204,
                    ],
                )
            ],
        ),
        hard="four basins in six dimensions; the start leads to one that is not the deepest",
        source=SURJANOVIC_BINGHAM,
    ),
)
