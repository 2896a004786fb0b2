"""The catalogue of test problems: its minima, starts, domains, dimensions and names."""

from __future__ import annotations

import functools
import math
import random
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import get_args

import pytest
import torch

from gdcli.errors import GdcliError
from gdcli.lang.constructors import Environment
from gdcli.lang.objective import Objective, build, evaluate
from gdcli.lang.parsing import parse
from gdcli.lang.problems import PROBLEMS, CatalogueProblem, Category, Instance, Minimum, find
from gdcli.lang.syntax import parse_value

FLOAT64 = Environment(torch.float64)

# Minima at which the gradient is not zero, and why.
SLOPED = {
    "eggholder": "on the edge of the box",
    "adjiman": "on the edge of the box",
    "mifflin-1": "a kink: the gradient is that of one side",
    "mifflin-2": "a kink: the gradient is that of one side",
    "crescent": "a kink: the gradient is that of one side",
    "cb2": "a crease: the gradient is that of one of the functions",
    "cb3": "a crease: the gradient is that of the functions, shared",
    "ql": "a crease: the gradient is that of one of the functions",
    "lq": "a kink: the gradient is that of one side",
}
# Minima at which autograd gives nan: sqrt has an infinite derivative at 0.
UNDEFINED = {"ackley", "drop-wave", "bukin-6"}
# The Hessian has an eigenvalue of 2e14 there, and the point has 16 digits.
STEEP = {"meyer": 1e-2}

# Losses at the global minimum, as the literature prints them.
PUBLISHED = {
    "trid": "-50",
    "freudenstein-roth": "0",
    "zettl": "-0.003791",
    "styblinski-tang": "-78.33233",
    "michalewicz": "-1.8013",
    "gramacy-lee": "-0.869011",
    "forrester": "-6.02074",
    "shekel": "-10.5364",
    "hartmann-3": "-3.86278",
    "hartmann-6": "-3.32237",
    "six-hump-camel": "-1.0316",
    "branin": "0.397887",
    "goldstein-price": "3",
    "mccormick": "-1.9133",
    "eggholder": "-959.6407",
    "holder-table": "-19.2085",
    "cross-in-tray": "-2.06261",
    "schaffer-4": "0.292579",
    "shubert": "-186.7309",
    "foxholes": "0.998004",
    "bird": "-106.764537",
    "trefethen": "-3.306868647",
    "hosaki": "-2.3458",
    "zirilli": "-0.3524",
    "adjiman": "-2.02181",
    "dekkers-aarts": "-24776.518",
    "easom": "-1",
    "cb2": "1.9522245",
    "cb3": "2",
    "dem": "-3",
    "ql": "7.2",
    "lq": "-1.4142136",
    "wolfe": "-8",
    "jennrich-sampson": "124.362",
    "bard": "8.21487e-3",
    "gaussian": "1.12793e-8",
    "meyer": "87.9458",
    "kowalik-osborne": "3.07505e-4",
    "brown-dennis": "85822.2",
    "watson": "2.28767e-3",
    "penalty-1": "2.24997e-5",
    "el-attar": "1.712780354",
    "misra1a": "1.2455138894e-1",
    "rat42": "8.0565229338",
}


@functools.cache
def expression_of(expression: str) -> Objective:
    return build(parse(expression), FLOAT64)


def compiled(instance: Instance) -> Objective:
    return expression_of(instance.expression)


def tensors(values: Mapping[str, float | tuple[float, ...]], objective: Objective) -> list[torch.Tensor]:
    return [torch.tensor(values[v], dtype=torch.float64, requires_grad=True) for v in objective.variables]


def start_of(instance: Instance, environment: Environment) -> dict[str, torch.Tensor]:
    return {name: evaluate(parse_value(text), environment) for name, text in instance.start.items()}


def starting_point(instance: Instance) -> dict[str, float | tuple[float, ...]]:
    start = {name: tensor.tolist() for name, tensor in start_of(instance, FLOAT64).items()}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in start.items()}


def check_minimum(instance: Instance, minimum: Minimum, name: str) -> None:
    objective = compiled(instance)
    point = tensors(minimum.values, objective)
    loss = objective(*point)
    tolerance = 1e-10 if name == "meyer" else 1e-13
    assert loss.item() == pytest.approx(minimum.loss, rel=tolerance, abs=1e-14 * max(1, sum(t.numel() for t in point)))
    loss.backward()  # type: ignore[no-untyped-call]
    slope = max(t.grad.abs().max().item() for t in point)  # type: ignore[union-attr]
    if name in UNDEFINED:
        assert math.isnan(slope)
    elif name in SLOPED:
        assert slope > 0.1
    else:
        assert slope < STEEP.get(name, 1e-8)


def shifted(
    values: Mapping[str, float | tuple[float, ...]], instance: Instance, radius: float, draw: random.Random
) -> dict[str, float | tuple[float, ...]]:
    """The point moved by up to ``radius`` of the domain's width in every coordinate, and kept in the domain."""

    def moved(value: float, low: float, high: float) -> float:
        return min(high, max(low, value + draw.uniform(-radius, radius) * (high - low)))

    found: dict[str, float | tuple[float, ...]] = {}
    for name, value in values.items():
        interval = instance.domain[name]
        found[name] = tuple(moved(v, *interval) for v in value) if isinstance(value, tuple) else moved(value, *interval)
    return found


def value_at(values: Mapping[str, float | tuple[float, ...]], objective: Objective) -> float:
    return objective(*(torch.tensor(values[v], dtype=torch.float64) for v in objective.variables)).item()


def dimensions(problem: CatalogueProblem) -> list[int]:
    assert problem.family is not None
    family = problem.family
    first = -(-family.least // family.multiple) * family.multiple
    several = [first, first + family.multiple, first + 3 * family.multiple, 6, 9, 12, 60]
    return sorted({n for n in several if n <= (family.most or n) and n % family.multiple == 0})


def test_catalogue_has_many_problems_of_every_category() -> None:
    assert len(PROBLEMS) >= 45
    for category in get_args(Category):
        assert sum(problem.category == category for problem in PROBLEMS.values()) >= 8, category


def test_texts_are_complete() -> None:
    for name, problem in PROBLEMS.items():
        assert problem.name == name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert re.search(r"\((19|20)\d\d\)|notebook", problem.source), name
        assert problem.title, name
        assert 0 < len(problem.hard) <= 110, name
        for text in (problem.title, problem.hard, problem.note, problem.source):
            assert not text.endswith((".", " ")), name


@pytest.mark.parametrize("name", PROBLEMS)
def test_variables_are_those_of_start_domain_and_minima(name: str) -> None:
    problem = PROBLEMS[name]
    variables = set(parse(problem.expression).variables)
    assert variables == set(problem.start) == set(problem.domain)
    assert all(variables == set(minimum.values) for minimum in (*problem.minima, *problem.local))
    assert problem.minima
    start = start_of(problem.usual, FLOAT64)
    assert sum(tensor.numel() for tensor in start.values()) == problem.dimension
    if problem.family is None:
        assert variables == set("xyz"[: problem.dimension]) or (problem.dimension > 3 and variables == {"x"})


@pytest.mark.parametrize("name", PROBLEMS)
def test_start_lies_in_the_domain_and_has_a_slope_in_float32_too(name: str) -> None:
    problem = PROBLEMS[name]
    for variable, tensor in start_of(problem.usual, FLOAT64).items():
        low, high = problem.domain[variable]
        assert low <= tensor.min().item() <= tensor.max().item() <= high
    environment = Environment()
    start = start_of(problem.usual, environment)
    expression = parse(problem.expression)
    point = [start[variable].requires_grad_() for variable in expression.variables]
    loss = build(expression, environment)(*point)
    assert math.isfinite(loss.item())
    loss.backward()  # type: ignore[no-untyped-call]
    gradient = torch.cat([t.grad.ravel() for t in point])  # type: ignore[union-attr]
    assert torch.isfinite(gradient).all()
    assert (gradient.abs().max().item() > 0) == (name != "step")


def test_minima_lie_in_the_domain_and_are_distinct() -> None:
    for name, problem in PROBLEMS.items():
        points = (*problem.minima, *problem.local)
        assert len({str(sorted(minimum.values.items())) for minimum in points}) == len(points), name
        assert len({minimum.loss for minimum in problem.minima}) == 1, name
        assert all(minimum.loss > problem.minima[0].loss for minimum in problem.local), name
        for minimum in points:
            assert minimum.values == shifted(minimum.values, problem.usual, 0, random.Random(0)), name


@pytest.mark.parametrize("name", PROBLEMS)
def test_loss_and_gradient_at_each_minimum(name: str) -> None:
    problem = PROBLEMS[name]
    for minimum in (*problem.minima, *problem.local):
        check_minimum(problem.usual, minimum, name)


@pytest.mark.parametrize("name", PROBLEMS)
def test_no_point_near_a_minimum_is_lower(name: str) -> None:
    draw = random.Random(name)
    problem = PROBLEMS[name]
    objective = compiled(problem.usual)
    for minimum in (*problem.minima, *problem.local):
        floor = minimum.loss - 1e-9 * abs(minimum.loss) - 1e-14
        for radius in (1e-6, 1e-6, 1e-5, 1e-5, 1e-4, 1e-4):
            assert value_at(shifted(minimum.values, problem.usual, radius, draw), objective) >= floor


@pytest.mark.slow
@pytest.mark.parametrize("name", PROBLEMS)
def test_no_point_of_the_domain_is_lower(name: str) -> None:
    draw = random.Random(name)
    problem = PROBLEMS[name]
    objective, start = compiled(problem.usual), starting_point(problem.usual)
    for _ in range(40):
        point = shifted(start, problem.usual, 1, draw)
        assert value_at(point, objective) >= problem.minima[0].loss


@pytest.mark.parametrize("name", [name for name, problem in PROBLEMS.items() if problem.category == "convex"])
def test_convex_problems_lie_below_their_chords(name: str) -> None:
    draw = random.Random(name)
    problem = PROBLEMS[name]
    objective, start = compiled(problem.usual), starting_point(problem.usual)
    for _ in range(25):
        ends = [tensors(shifted(start, problem.usual, 1, draw), objective) for _ in range(2)]
        middle = objective(*((a + b) / 2 for a, b in zip(*ends, strict=True))).item()
        chord = sum(objective(*end).item() for end in ends) / 2
        assert middle <= chord * (1 + 1e-12) + 1e-12


@pytest.mark.parametrize("name", PUBLISHED)
def test_lowest_loss_is_the_published_one(name: str) -> None:
    digits = PUBLISHED[name]
    mantissa, _, exponent = digits.partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
    # The tables cut some last digits off instead of rounding them.
    assert PROBLEMS[name].minima[0].loss == pytest.approx(float(digits), rel=0, abs=1.01 * 10**-decimals)


def test_number_of_global_minima() -> None:
    counts = {name: len(problem.minima) for name, problem in PROBLEMS.items() if len(problem.minima) > 1}
    assert counts == {
        "powell-badly-scaled": 2,
        "dixon-price": 2,
        "himmelblau": 4,
        "six-hump-camel": 2,
        "branin": 3,
        "holder-table": 4,
        "cross-in-tray": 4,
        "schaffer-4": 4,
        "shubert": 18,
        "bird": 2,
        "treccani": 2,
        "parsopoulos": 12,
        "dekkers-aarts": 2,
        "box-3d": 2,
        "biggs-exp6": 6,
        "brown-almost-linear": 2,
    }


@pytest.mark.parametrize("name", [name for name, problem in PROBLEMS.items() if problem.family is not None])
def test_every_dimension_has_its_start_and_minima(name: str) -> None:
    problem = PROBLEMS[name]
    assert problem.family is not None
    for dim in dimensions(problem):
        instance = problem.instantiate(dim)
        start = start_of(instance, FLOAT64)
        low, high = instance.domain["x"]
        assert start["x"].shape == (dim,)
        assert low <= start["x"].min().item() <= start["x"].max().item() <= high
        assert math.isfinite(compiled(instance)(start["x"]).item())
        for minimum in instance.minima:
            check_minimum(instance, minimum, name)


def test_usual_form_is_the_default_and_its_dimension_may_be_named() -> None:
    for problem in PROBLEMS.values():
        assert problem.instantiate() is problem.usual
        if problem.family is None:
            assert problem.instantiate(problem.dimension) is problem.usual


def test_rosenbrock_is_a_form_in_x_and_y_and_a_form_of_a_vector() -> None:
    problem = find("rosenbrock")
    assert problem.expression == "(1 - x)**2 + 100*(y - x**2)**2"
    assert dict(problem.start) == {"x": "-1.2", "y": "1"}
    assert dict(problem.instantiate(2).start) == {"x": "[-1.2, 1]"}
    assert problem.instantiate(7).start["x"] == "tile([-1.2, 1], (4,))[0:7]"
    assert problem.instantiate(7).minima[0].values["x"] == (1.0,) * 7


def test_minima_that_are_not_known_are_left_out() -> None:
    assert find("michalewicz").instantiate(10).minima[0].loss == pytest.approx(-9.66015, abs=1e-5)
    assert find("michalewicz").instantiate(11).minima == ()
    assert find("watson").instantiate(9).minima[0].loss == pytest.approx(1.39976e-6, abs=1e-11)
    assert find("watson").instantiate(7).minima == ()


def test_brown_almost_linear_has_a_third_minimum_in_odd_dimensions() -> None:
    assert [len(find("brown-almost-linear").instantiate(n).minima) for n in (2, 3, 4, 5)] == [2, 3, 2, 3]


@pytest.mark.parametrize(
    ("name", "dim", "message", "hint"),
    [
        ("himmelblau", 3, "the dimension of this problem must be 2, not 3", "leave the dimension out"),
        ("sphere", 0, "the dimension of this problem must be at least 1, not 0", "use 1 or more"),
        ("rosenbrock", 1, "the dimension of this problem must be at least 2, not 1", "use 2 or more"),
        ("watson", 32, "the dimension of this problem must be at most 31, not 32", "use 31 or fewer"),
        ("powell-singular", 6, "the dimension of this problem must be a multiple of 4, not 6", "use 8"),
    ],
)
def test_dimension_that_a_problem_does_not_have(name: str, dim: int, message: str, hint: str) -> None:
    with pytest.raises(GdcliError) as caught:
        find(name).instantiate(dim)
    assert (caught.value.code, caught.value.message, caught.value.hint) == ("dimension", message, hint)


def test_dimension_over_the_limit_is_refused_before_anything_is_made() -> None:
    with pytest.raises(GdcliError) as caught:
        find("sphere").instantiate(10**12)
    assert caught.value.code == "limit"


@pytest.mark.parametrize("name", ["himmelblau", " Himmelblau ", "HIMMELBLAU"])
def test_capitals_and_spaces_are_forgiven(name: str) -> None:
    assert find(name).name == "himmelblau"
    assert find("Six_Hump Camel").name == "six-hump-camel"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("rosenbrok", "did you mean 'rosenbrock'?"),
        ("styblinski", "did you mean 'styblinski-tang'?"),
        ("quadratic", "did you mean 'quadratic-10'?"),
        ("qqq", "for example: rosenbrock, himmelblau, rastrigin or beale"),
    ],
)
def test_unknown_name_gets_a_suggestion(name: str, hint: str) -> None:
    with pytest.raises(GdcliError) as caught:
        find(name)
    assert (caught.value.code, caught.value.message) == ("unknown-problem", f"there is no problem '{name}'")
    assert caught.value.hint == hint


def test_catalogue_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        PROBLEMS["mine"] = find("sphere")  # type: ignore[index]
    with pytest.raises(TypeError):
        find("himmelblau").start["x"] = "1"  # type: ignore[index]
    with pytest.raises(AttributeError):
        find("himmelblau").name = "mine"  # type: ignore[misc]


@pytest.mark.process
def test_catalogue_does_not_import_torch() -> None:
    code = "import gdcli.lang.problems, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
