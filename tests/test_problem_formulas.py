"""The expressions of the test problems, against the published formulas written once more, in plain Python."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from math import atan, cos, e, exp, floor, log, pi, prod, sin, sqrt

import pytest
import torch

from gdcli.lang.constructors import Environment
from gdcli.lang.objective import build, evaluate
from gdcli.lang.parsing import parse
from gdcli.lang.problems import PROBLEMS, Instance
from gdcli.lang.syntax import parse_value

Formula = Callable[..., float]


def steps(n: int) -> range:
    return range(1, n + 1)


def bard(a: float, b: float, c: float) -> float:
    y = [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39]
    return sum((y[u - 1] - (a + u / ((16 - u) * b + min(u, 16 - u) * c))) ** 2 for u in steps(15))


def gaussian(a: float, b: float, c: float) -> float:
    half = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
    y = [*half, 0.3989, *reversed(half)]
    return sum((a * exp(-b * ((8 - i) / 2 - c) ** 2 / 2) - y[i - 1]) ** 2 for i in steps(15))


def meyer(a: float, b: float, c: float) -> float:
    y = [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872]
    return sum((a * exp(b / (45 + 5 * i + c)) - y[i - 1]) ** 2 for i in steps(16))


def gulf(a: float, b: float, c: float) -> float:
    total = 0.0
    for i in steps(99):
        t = i / 100
        y = 25 + (-50 * log(t)) ** (2 / 3)
        total += (exp(-(abs(y - b) ** c) / a) - t) ** 2
    return total


def box_3d(a: float, b: float, c: float) -> float:
    return sum((exp(-t * a) - exp(-t * b) - c * (exp(-t) - exp(-10 * t))) ** 2 for t in (i * 0.1 for i in steps(10)))


def kowalik(*x: float) -> float:
    y = [0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]
    u = [4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625]
    return sum((b - x[0] * (a * a + a * x[1]) / (a * a + a * x[2] + x[3])) ** 2 for a, b in zip(u, y, strict=True))


def brown_dennis(*x: float) -> float:
    total = 0.0
    for i in steps(20):
        t = i / 5
        total += ((x[0] + t * x[1] - exp(t)) ** 2 + (x[2] + x[3] * sin(t) - cos(t)) ** 2) ** 2
    return total


def biggs(*x: float) -> float:
    total = 0.0
    for i in steps(13):
        t = 0.1 * i
        y = exp(-t) - 5 * exp(-10 * t) + 3 * exp(-4 * t)
        total += (x[2] * exp(-t * x[0]) - x[3] * exp(-t * x[1]) + x[5] * exp(-t * x[4]) - y) ** 2
    return total


def watson(*x: float) -> float:
    n = len(x)
    total = x[0] ** 2 + (x[1] - x[0] ** 2 - 1) ** 2
    for i in steps(29):
        t = i / 29
        slope = sum((j - 1) * x[j - 1] * t ** (j - 2) for j in range(2, n + 1))
        value = sum(x[j - 1] * t ** (j - 1) for j in steps(n))
        total += (slope - value**2 - 1) ** 2
    return total


def brown_almost_linear(*x: float) -> float:
    n = len(x)
    return sum((x[i] + sum(x) - (n + 1)) ** 2 for i in range(n - 1)) + (prod(x) - 1) ** 2


def variably_dimensioned(*x: float) -> float:
    s = sum(i * (v - 1) for i, v in enumerate(x, 1))
    return sum((v - 1) ** 2 for v in x) + s**2 + s**4


def wood(a: float, b: float, c: float, d: float) -> float:
    """As Colville wrote it."""
    return (
        100 * (a**2 - b) ** 2
        + (a - 1) ** 2
        + (c - 1) ** 2
        + 90 * (c**2 - d) ** 2
        + 10.1 * ((b - 1) ** 2 + (d - 1) ** 2)
        + 19.8 * (b - 1) * (d - 1)
    )


def helical(a: float, b: float, c: float) -> float:
    theta = atan(b / a) / (2 * pi) + (0.5 if a < 0 else 0)
    return (10 * (c - 10 * theta)) ** 2 + (10 * (sqrt(a * a + b * b) - 1)) ** 2 + c**2


def levy(*x: float) -> float:
    w = [1 + (v - 1) / 4 for v in x]
    middle = sum((v - 1) ** 2 * (1 + 10 * sin(pi * v + 1) ** 2) for v in w[:-1])
    return sin(pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + sin(2 * pi * w[-1]) ** 2)


def ackley(*x: float) -> float:
    n = len(x)
    return -20 * exp(-0.2 * sqrt(sum(v * v for v in x) / n)) - exp(sum(cos(2 * pi * v) for v in x) / n) + 20 + e


def salomon(*x: float) -> float:
    r = math.hypot(*x)
    return 1 - cos(2 * pi * r) + 0.1 * r


def hartmann(A: list[list[float]], P: list[list[float]], *x: float) -> float:
    """The centres P are given in ten-thousandths."""
    total = 0.0
    for alpha, a, p in zip([1.0, 1.2, 3.0, 3.2], A, P, strict=True):
        total -= alpha * exp(-sum(a[j] * (x[j] - p[j] * 1e-4) ** 2 for j in range(len(x))))
    return total


def hartmann_3(*x: float) -> float:
    A = [[3.0, 10, 30], [0.1, 10, 35], [3.0, 10, 30], [0.1, 10, 35]]
    return hartmann(A, [[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381.5, 5743, 8828]], *x)


def hartmann_6(*x: float) -> float:
    A = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
    P: list[list[float]] = [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
    return hartmann(A, P, *x)


def shekel(*x: float) -> float:
    rows = [(4, 4), (1, 1), (8, 8), (6, 6), (3, 7), (2, 9), (5, 3), (8, 1), (6, 2), (7, 3.6)]
    beta = [1, 2, 2, 4, 4, 6, 3, 7, 5, 5]
    total = 0.0
    for i, (a, b) in enumerate(rows):
        c = (5, 5, 3, 3) if i == 6 else (a, b, a, b)
        total -= 1 / (sum((v - w) ** 2 for v, w in zip(x, c, strict=True)) + beta[i] / 10)
    return total


def foxholes(x: float, y: float) -> float:
    places = [-32, -16, 0, 16, 32]
    inverse = sum(1 / (i + 1 + (x - places[i % 5]) ** 6 + (y - places[i // 5]) ** 6) for i in range(25))
    return 1 / (1 / 500 + inverse)


def shubert(x: float, y: float) -> float:
    a, b = (sum(i * cos((i + 1) * v + i) for i in steps(5)) for v in (x, y))
    return float(a * b)


def goldstein_price(x: float, y: float) -> float:
    first = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    return first * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2))


def branin(x: float, y: float) -> float:
    b, c, t = 5.1 / (4 * pi**2), 5 / pi, 1 / (8 * pi)
    return (y - b * x**2 + c * x - 6) ** 2 + 10 * (1 - t) * cos(x) + 10


def cross_in_tray(x: float, y: float) -> float:
    """As published, with exp(100)."""
    return -0.0001 * math.pow(abs(sin(x) * sin(y) * exp(abs(100 - sqrt(x * x + y * y) / pi))) + 1, 0.1)


def wolfe(x: float, y: float) -> float:
    if x > abs(y):
        return 5 * sqrt(9 * x * x + 16 * y * y)
    return 9 * x + 16 * abs(y) - (0 if x > 0 else x**9)


def ql(x: float, y: float) -> float:
    f = x * x + y * y
    return max(f, f + 10 * (-4 * x - y + 4), f + 10 * (-x - 2 * y + 6))


def misra(a: float, b: float) -> float:
    y = [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78]
    x = [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0]
    return sum((v - a * (1 - exp(-b * u))) ** 2 for u, v in zip(x, y, strict=True))


def rat42(a: float, b: float, c: float) -> float:
    y = [8.930, 10.800, 18.590, 22.330, 39.350, 56.110, 61.730, 64.620, 67.080]
    x = [9, 14, 21, 28, 42, 57, 63, 70, 79]
    return sum((v - a / (1 + exp(b - c * u))) ** 2 for u, v in zip(x, y, strict=True))


PLANE: dict[str, Formula] = {
    "booth": lambda x, y: (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2,
    "matyas": lambda x, y: 0.26 * (x * x + y * y) - 0.48 * x * y,
    "rosenbrock": lambda x, y: 100 * (y - x * x) ** 2 + (1 - x) ** 2,
    "cube": lambda x, y: 100 * (y - x**3) ** 2 + (1 - x) ** 2,
    "beale": lambda x, y: sum((c - x * (1 - y**i)) ** 2 for i, c in enumerate((1.5, 2.25, 2.625), 1)),
    "freudenstein-roth": lambda x, y: (-13 + x + 5 * y**2 - y**3 - 2 * y) ** 2 + (-29 + x + y**3 + y**2 - 14 * y) ** 2,
    "powell-badly-scaled": lambda x, y: (10_000 * x * y - 1) ** 2 + (exp(-x) + exp(-y) - 1.0001) ** 2,
    "brown-badly-scaled": lambda x, y: (x - 10**6) ** 2 + (y - 2 * 10**-6) ** 2 + (x * y - 2) ** 2,
    "zettl": lambda x, y: (x * x + y * y - 2 * x) ** 2 + 0.25 * x,
    "himmelblau": lambda x, y: (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2,
    "six-hump-camel": lambda x, y: 4 * x**2 - 2.1 * x**4 + x**6 / 3 + x * y - 4 * y**2 + 4 * y**4,
    "three-hump-camel": lambda x, y: 2 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2,
    "branin": branin,
    "goldstein-price": goldstein_price,
    "bohachevsky": lambda x, y: x * x + 2 * y * y - 0.3 * cos(3 * pi * x) - 0.4 * cos(4 * pi * y) + 0.7,
    "levy-13": lambda x, y: (
        sin(3 * pi * x) ** 2 + (x - 1) ** 2 * (1 + sin(3 * pi * y) ** 2) + (y - 1) ** 2 * (1 + sin(2 * pi * y) ** 2)
    ),
    "mccormick": lambda x, y: sin(x + y) + (x - y) ** 2 - 1.5 * x + 2.5 * y + 1,
    "eggholder": lambda x, y: -(y + 47) * sin(sqrt(abs(y + x / 2 + 47))) - x * sin(sqrt(abs(x - (y + 47)))),
    "holder-table": lambda x, y: -abs(sin(x) * cos(y) * exp(abs(1 - sqrt(x * x + y * y) / pi))),
    "cross-in-tray": cross_in_tray,
    "drop-wave": lambda x, y: -(1 + cos(12 * math.hypot(x, y))) / (0.5 * (x * x + y * y) + 2),
    "schaffer-2": lambda x, y: 0.5 + (sin(x * x - y * y) ** 2 - 0.5) / (1 + 0.001 * (x * x + y * y)) ** 2,
    "schaffer-4": lambda x, y: 0.5 + (cos(sin(abs(x * x - y * y))) ** 2 - 0.5) / (1 + 0.001 * (x * x + y * y)) ** 2,
    "shubert": shubert,
    "foxholes": foxholes,
    "egg-crate": lambda x, y: x * x + y * y + 25 * (sin(x) ** 2 + sin(y) ** 2),
    "bird": lambda x, y: sin(x) * exp((1 - cos(y)) ** 2) + cos(y) * exp((1 - sin(x)) ** 2) + (x - y) ** 2,
    "trefethen": lambda x, y: (
        exp(sin(50 * x))
        + sin(60 * exp(y))
        + sin(70 * sin(x))
        + sin(sin(80 * y))
        - sin(10 * (x + y))
        + 0.25 * (x * x + y * y)
    ),
    "hosaki": lambda x, y: (1 - 8 * x + 7 * x**2 - 7 / 3 * x**3 + 0.25 * x**4) * y**2 * exp(-y),
    "zirilli": lambda x, y: 0.25 * x**4 - 0.5 * x**2 + 0.1 * x + 0.5 * y**2,
    "treccani": lambda x, y: x**4 + 4 * x**3 + 4 * x**2 + y**2,
    "parsopoulos": lambda x, y: cos(x) ** 2 + sin(y) ** 2,
    "adjiman": lambda x, y: cos(x) * sin(y) - x / (y * y + 1),
    "dekkers-aarts": lambda x, y: 1e5 * x**2 + y**2 - (x**2 + y**2) ** 2 + 1e-5 * (x**2 + y**2) ** 4,
    "easom": lambda x, y: -cos(x) * cos(y) * exp(-((x - pi) ** 2 + (y - pi) ** 2)),
    "bukin-6": lambda x, y: 100 * sqrt(abs(y - 0.01 * x * x)) + 0.01 * abs(x + 10),
    "bartels-conn": lambda x, y: abs(x * x + y * y + x * y) + abs(sin(x)) + abs(cos(y)),
    "mifflin-1": lambda x, y: -x + 20 * max(x * x + y * y - 1, 0),
    "mifflin-2": lambda x, y: -x + 2 * (x * x + y * y - 1) + 1.75 * abs(x * x + y * y - 1),
    "crescent": lambda x, y: max(x * x + (y - 1) ** 2 + y - 1, -x * x - (y - 1) ** 2 + y + 1),
    "cb2": lambda x, y: max(x * x + y**4, (2 - x) ** 2 + (2 - y) ** 2, 2 * exp(-x + y)),
    "cb3": lambda x, y: max(x**4 + y * y, (2 - x) ** 2 + (2 - y) ** 2, 2 * exp(-x + y)),
    "dem": lambda x, y: max(5 * x + y, -5 * x + y, x * x + y * y + 4 * y),
    "ql": ql,
    "lq": lambda x, y: max(-x - y, -x - y + x * x + y * y - 1),
    "wolfe": wolfe,
    "jennrich-sampson": lambda x, y: sum((2 + 2 * i - (exp(i * x) + exp(i * y))) ** 2 for i in steps(10)),
    "el-attar": lambda x, y: (x**2 + y - 10) ** 2 + (x + y**2 - 7) ** 2 + (x**2 + y**3 - 1) ** 2,
    "misra1a": misra,
}
OTHERS: dict[str, Formula] = {
    "gramacy-lee": lambda x: sin(10 * pi * x) / (2 * x) + (x - 1) ** 4,
    "forrester": lambda x: (6 * x - 2) ** 2 * sin(12 * x - 4),
    "helical-valley": helical,
    "bard": bard,
    "gaussian": gaussian,
    "meyer": meyer,
    "gulf": gulf,
    "box-3d": box_3d,
    "rat42": rat42,
    "hartmann-3": hartmann_3,
    "hartmann-6": hartmann_6,
    "shekel": shekel,
    "wood": wood,
    "kowalik-osborne": kowalik,
    "brown-dennis": brown_dennis,
    "biggs-exp6": biggs,
}
ANY_DIMENSION: dict[str, Formula] = {
    "sphere": lambda *x: sum(v * v for v in x),
    "sum-squares": lambda *x: sum(i * v * v for i, v in enumerate(x, 1)),
    "rotated-hyper-ellipsoid": lambda *x: sum(sum(v * v for v in x[: i + 1]) for i in range(len(x))),
    "schwefel-1-2": lambda *x: sum(sum(x[: i + 1]) ** 2 for i in range(len(x))),
    "zakharov": lambda *x: (
        sum(v * v for v in x) + sum(sum(0.5 * i * v for i, v in enumerate(x, 1)) ** power for power in (2, 4))
    ),
    "trid": lambda *x: sum((v - 1) ** 2 for v in x) - sum(x[i] * x[i - 1] for i in range(1, len(x))),
    "different-powers": lambda *x: sum(abs(v) ** (i + 1) for i, v in enumerate(x, 1)),
    "quartic": lambda *x: sum(i * v**4 for i, v in enumerate(x, 1)),
    "variably-dimensioned": variably_dimensioned,
    "rosenbrock": lambda *x: sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (x[i] - 1) ** 2 for i in range(len(x) - 1)),
    "extended-rosenbrock": lambda *x: sum(
        (10 * (x[2 * i + 1] - x[2 * i] ** 2)) ** 2 + (1 - x[2 * i]) ** 2 for i in range(len(x) // 2)
    ),
    "chebyshev-rosenbrock": lambda *x: (
        0.25 * (x[0] - 1) ** 2 + sum((x[i + 1] - 2 * x[i] ** 2 + 1) ** 2 for i in range(len(x) - 1))
    ),
    "nonsmooth-chebyshev-rosenbrock": lambda *x: (
        0.25 * abs(x[0] - 1) + sum(abs(x[i + 1] - 2 * abs(x[i]) + 1) for i in range(len(x) - 1))
    ),
    "powell-singular": lambda *x: sum(
        (x[i] + 10 * x[i + 1]) ** 2
        + 5 * (x[i + 2] - x[i + 3]) ** 2
        + (x[i + 1] - 2 * x[i + 2]) ** 4
        + 10 * (x[i] - x[i + 3]) ** 4
        for i in range(0, len(x), 4)
    ),
    "dixon-price": lambda *x: (
        (x[0] - 1) ** 2 + sum(i * (2 * x[i - 1] ** 2 - x[i - 2]) ** 2 for i in range(2, len(x) + 1))
    ),
    "rastrigin": lambda *x: 10 * len(x) + sum(v * v - 10 * cos(2 * pi * v) for v in x),
    "ackley": ackley,
    "griewank": lambda *x: sum(v * v / 4000 for v in x) - prod(cos(v / sqrt(i)) for i, v in enumerate(x, 1)) + 1,
    "schwefel": lambda *x: 418.98288727243371 * len(x) - sum(v * sin(sqrt(abs(v))) for v in x),
    "levy": levy,
    "styblinski-tang": lambda *x: 0.5 * sum(v**4 - 16 * v**2 + 5 * v for v in x),
    "michalewicz": lambda *x: -sum(sin(v) * sin(i * v * v / pi) ** 20 for i, v in enumerate(x, 1)),
    "salomon": salomon,
    "step": lambda *x: sum(floor(v + 0.5) ** 2 for v in x),
    "absolute": lambda *x: sum(map(abs, x)),
    "schwefel-2-21": lambda *x: max(map(abs, x)),
    "schwefel-2-22": lambda *x: sum(map(abs, x)) + prod(map(abs, x)),
    "watson": watson,
    "penalty-1": lambda *x: 1e-5 * sum((v - 1) ** 2 for v in x) + (sum(v * v for v in x) - 0.25) ** 2,
    "brown-almost-linear": brown_almost_linear,
}
POINTS = 20


def check_at_random_points(instance: Instance, formula: Formula, dim: int, seed: str) -> None:
    """Compare the value of the expression with the formula's, at points of the domain."""
    draw = random.Random(seed)
    expression = parse(instance.expression)
    objective = build(expression, Environment(torch.float64))
    names = sorted(instance.domain)  # x, y, z
    is_vector = evaluate(parse_value(instance.start["x"]), Environment()).dim() == 1
    boxes = [instance.domain["x"]] * dim if is_vector else [instance.domain[name] for name in names]
    for _ in range(POINTS):
        numbers = [draw.uniform(*interval) for interval in boxes]
        tensors = torch.tensor(numbers, dtype=torch.float64)
        given = {"x": tensors} if is_vector else dict(zip(names, tensors, strict=True))
        value = objective(*(given[name] for name in expression.variables)).item()
        assert value == pytest.approx(formula(*numbers), rel=1e-9, abs=1e-9), f"{instance.expression} at {numbers}"


@pytest.mark.parametrize("name", [*PLANE, *OTHERS])
def test_expression_is_the_published_formula(name: str) -> None:
    formula = PLANE.get(name) or OTHERS[name]
    check_at_random_points(PROBLEMS[name].usual, formula, PROBLEMS[name].dimension, name)


@pytest.mark.parametrize("name", ANY_DIMENSION)
def test_expression_in_n_dimensions_is_the_published_formula(name: str) -> None:
    family = PROBLEMS[name].family
    assert family is not None
    for dim in (family.least * family.multiple // math.gcd(family.least, family.multiple), 8, 20):
        check_at_random_points(PROBLEMS[name].instantiate(dim), ANY_DIMENSION[name], dim, f"{name} {dim}")


@pytest.mark.parametrize("name", ["rosenbrock", "chebyshev-rosenbrock", "nonsmooth-chebyshev-rosenbrock"])
def test_form_in_x_and_y_is_the_same_function(name: str) -> None:
    check_at_random_points(PROBLEMS[name].usual, ANY_DIMENSION[name], 2, name)


def test_form_of_powell_singular_in_four_dimensions_is_the_same_function() -> None:
    check_at_random_points(PROBLEMS["powell-singular"].usual, ANY_DIMENSION["powell-singular"], 4, "powell")


@pytest.mark.parametrize("condition", [10, 100, 1000])
def test_quadratics_have_the_condition_number_of_their_name(condition: int) -> None:
    problem = PROBLEMS[f"quadratic-{condition}"]
    check_at_random_points(problem.usual, lambda x, y: 0.5 * (x * x + condition * y * y), 2, "quadratic")
    for dim in (2, 5):
        eigenvalues = [condition ** (i / (dim - 1)) for i in range(dim)]
        formula = lambda *x, a=eigenvalues: sum(k * v * v for k, v in zip(a, x, strict=True)) / 2  # noqa: E731
        check_at_random_points(problem.instantiate(dim), formula, dim, f"quadratic {dim}")


def test_every_problem_has_a_formula_here() -> None:
    here = {*PLANE, *OTHERS, *ANY_DIMENSION, "parabola", "three-exponentials"}
    assert {name for name in PROBLEMS if not name.startswith("quadratic-")} == here
