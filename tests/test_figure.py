"""The figure model: which window it shows, and that its numbers are those of the function and of the run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import pytest
import torch

import gdcli
from gdcli.complete.plot import complete_plot, spread_of
from gdcli.contract.compare import CompareSettings
from gdcli.contract.figure import ContourPanel, CurvesPanel, Figure, FunctionPanel, HeatPanel, Mark
from gdcli.contract.grid import bands_up, place_on, value_between
from gdcli.contract.plot import PlotSettings
from gdcli.contract.scale import floor_of_log, is_log
from gdcli.descent.loop import State
from gdcli.landscape.descent import descent_figure, figure_of, heat_panel
from gdcli.landscape.panels import GRID_POINTS
from gdcli.landscape.race import race_figure
from gdcli.landscape.section import principal_plane
from gdcli.landscape.surface import evaluate_many, points_that_pay
from gdcli.landscape.trail import MOST, Trail
from gdcli.landscape.window import height, levels, states_to_show, to_one_scale, widened, window
from gdcli.lang.problems import PROBLEMS
from gdcli.race.race import Race


def drawn(descent: Any) -> tuple[Figure, Trail]:
    """The figure of a descent, run to its end, and its trail."""
    trail = Trail("run")
    for state in descent.states():
        trail.add(state)
    return figure_of(descent, "title", trail), trail


def minimized(expression: str = "", **more: Any) -> Figure:
    return drawn(gdcli.minimize(expression, diagnose=False, **more))[0]


def contours(figure: Figure) -> ContourPanel:
    panel = figure.panels[-1]
    assert isinstance(panel, ContourPanel)
    return panel


def function(figure: Figure) -> FunctionPanel:
    panel = figure.panels[-1]
    assert isinstance(panel, FunctionPanel)
    return panel


def codes(figure: Figure) -> list[str]:
    return [remark.code for remark in figure.remarks]


def the(marks: Sequence[Mark], kind: str) -> Mark:
    (mark,) = [mark for mark in marks if mark.kind == kind]
    return mark


# One unknown


def test_the_path_of_one_unknown_is_that_of_the_record_and_lies_on_the_curve() -> None:
    record = gdcli.minimize().result()
    panel = function(drawn(gdcli.minimize())[0])
    (path,) = panel.paths
    states = [*record.iterations, record.result]
    assert path.counts == [step.iteration for step in states]
    assert path.x == [step.values["x"] for step in states]
    assert path.y == [step.loss for step in states]
    for x, y in zip(path.x, path.y, strict=True):
        assert panel.x.low < x < panel.x.high
        assert y == pytest.approx(between(panel, x), abs=1e-3)


def between(panel: FunctionPanel, x: float) -> float:
    """The height of the curve, between two of its points."""
    i = next(i for i, right in enumerate(panel.grid) if right >= x)
    share = (x - panel.grid[i - 1]) / (panel.grid[i] - panel.grid[i - 1])
    return panel.values[i - 1] + share * (panel.values[i] - panel.values[i - 1])


def test_the_curve_is_the_function_in_the_numbers_of_the_run() -> None:
    panel = function(minimized("sin(x)*x", x=1))
    xs = torch.tensor(panel.grid, dtype=torch.float32)
    assert xs.double().tolist() == panel.grid
    assert panel.values == (torch.sin(xs) * xs).double().tolist()


@pytest.mark.parametrize("more", [{"steps": 3}, {"steps": 0}, {"steps": 5, "maximize": True}])
def test_the_tangent_is_at_the_end_and_has_the_slope_of_the_gradient(more: dict[str, Any]) -> None:
    final = gdcli.minimize("x**3 - x", x=2, lr=0.01, **more).result().result
    tangent = function(minimized("x**3 - x", x=2, lr=0.01, **more)).tangent
    assert tangent is not None
    assert (tangent.x, tangent.y, tangent.slope) == (final.values["x"], final.loss, final.grads["x"])


def test_both_walls_of_a_valley_are_seen() -> None:
    panel = function(minimized())
    assert panel.x.low < 1
    assert panel.x.high > 4
    assert panel.values[0] > 2
    assert panel.values[-1] > 6


def test_start_and_end_and_the_known_minimum_are_marked() -> None:
    marks = function(minimized("forrester", lr=0.001, steps=50)).marks
    assert [mark.kind for mark in marks] == ["start", "end", "minimum"]
    minimum = PROBLEMS["forrester"].minima[0]
    assert the(marks, "minimum").x == minimum.values["x"]
    assert the(marks, "minimum").y == pytest.approx(minimum.loss, rel=1e-5)


# Two unknowns


def test_two_unknowns_are_the_axes_in_the_order_of_their_names() -> None:
    panel = contours(minimized("(y - 1)**2 + 3*(x - 2)**2", x=0, y=5, steps=20))
    assert (panel.x.label, panel.y.label) == ("x", "y")
    start = the(panel.marks, "start")
    assert (start.x, start.y) == (0, 5)


def test_a_vector_of_two_numbers_has_both_as_axes() -> None:
    panel = contours(minimized("sum((x - 1)**2)", x=[3.0, -1.0]))
    assert (panel.x.label, panel.y.label) == ("x[0]", "x[1]")


def test_the_grid_holds_the_function() -> None:
    panel = contours(minimized("rosenbrock", lr=1e-3))
    assert len(panel.grid_x) == len(panel.grid_y) == len(panel.z) == GRID_POINTS
    x = torch.tensor(panel.grid_x, dtype=torch.float32)
    for i in (0, 40, 95):
        y = torch.tensor(panel.grid_y[i], dtype=torch.float32)
        assert panel.z[i] == ((1 - x) ** 2 + 100 * (y - x**2) ** 2).double().tolist()


def test_the_window_holds_the_path_and_the_known_minima_to_one_scale() -> None:
    panel = contours(minimized("himmelblau", lr=0.01))
    points = [(x, y) for path in panel.paths for x, y in zip(path.x, path.y, strict=True)]
    points += [(mark.x, mark.y) for mark in panel.marks]
    assert sum(mark.kind == "minimum" for mark in panel.marks) == 4
    assert all(panel.x.low < x < panel.x.high and panel.y.low < y < panel.y.high for x, y in points)
    assert panel.equal
    assert panel.x.high - panel.x.low == pytest.approx(panel.y.high - panel.y.low)


def test_very_different_extents_keep_their_own_scales() -> None:
    panel = contours(minimized("quadratic-100", lr=0.01))
    assert not panel.equal
    assert panel.x.high - panel.x.low > 50 * (panel.y.high - panel.y.low)


def test_a_variable_that_stays_takes_no_axis_and_no_minimum_from_elsewhere() -> None:
    panel = function(minimized("rosenbrock", values={"y": "0.25"}, wrt=["x"], lr=1e-3))
    assert panel.x.label == "x"
    assert [mark.kind for mark in panel.marks] == ["start", "end"]
    panel = function(minimized("rosenbrock", values={"y": "1"}, wrt=["x"], lr=1e-3))
    assert the(panel.marks, "minimum").x == 1


def band_at(panel: ContourPanel, x: float, y: float) -> int:
    j = min(range(len(panel.grid_x)), key=lambda k: abs(panel.grid_x[k] - x))
    i = min(range(len(panel.grid_y)), key=lambda k: abs(panel.grid_y[k] - y))
    return sum(level <= panel.z[i][j] for level in panel.levels)


def test_the_valley_of_rosenbrock_is_a_band_of_its_own() -> None:
    panel = contours(gdcli.plot("rosenbrock").figure)
    valley = [band_at(panel, x, x * x) for x in (-1.2, -0.7, -0.2, 0.3, 0.8, 1.2)]
    assert set(valley) == {0}
    lowest = sum(z < panel.levels[0] for row in panel.z for z in row) / GRID_POINTS**2
    assert 0.05 < lowest < 0.2
    assert band_at(panel, 0, 2) >= 5


def test_the_dimples_of_rastrigin_are_apart() -> None:
    panel = contours(gdcli.plot("rastrigin").figure)
    for x, y in [(0, 0), (2, 1), (-3, 2)]:
        assert band_at(panel, x + 0.5, y + 0.5) - band_at(panel, x, y) >= 3


def test_a_lone_pit_in_a_plain_has_bands() -> None:
    numbers = [[math.exp(-((x - 50) ** 2 + (y - 50) ** 2) / 10) for x in range(100)] for y in range(100)]
    found = levels([[-number for number in row] for row in numbers])
    assert sum(-0.9 < level < -0.1 for level in found) >= 2


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([[]], []),
        ([[math.nan, math.inf]], []),
        ([[1.0, 1.0], [1.0, 1.0]], [1.0]),
        ([[0.0, 1.0], [math.nan, -math.inf]], [1.0]),
    ],
)
def test_levels_of_hardly_anything(numbers: list[list[float]], expected: list[float]) -> None:
    assert levels(numbers) == expected


def test_levels_rise_and_lie_within_the_values() -> None:
    panel = contours(gdcli.plot("goldstein-price").figure)
    numbers = [z for row in panel.z for z in row]
    assert len(panel.levels) == 11
    assert panel.levels == sorted(set(panel.levels))
    assert min(numbers) < panel.levels[0]
    assert panel.levels[-1] < max(numbers)


# More unknowns


@pytest.mark.slow
def test_the_plane_of_a_path_in_a_plane_is_that_plane() -> None:
    generator = torch.Generator().manual_seed(3)
    axes, _ = torch.linalg.qr(torch.randn(7, 2, generator=generator, dtype=torch.float64))
    t = torch.linspace(0, 6, 50, dtype=torch.float64)
    path = 4 + torch.stack([3 * torch.exp(-t) * torch.cos(t), torch.exp(-t) * torch.sin(t)], dim=1) @ axes.T
    section = principal_plane([path])
    torch.testing.assert_close(section.axes @ section.axes.T, torch.eye(2, dtype=torch.float64))
    torch.testing.assert_close(section.axes.T @ section.axes, axes @ axes.T)
    torch.testing.assert_close(section.origin + section.project(path) @ section.axes, path)
    assert "100% of the movement" in section.about
    assert section.project(path)[-1].tolist() == [0, 0]
    assert section.project(path)[0, 0] < 0  # it starts on the left


def test_the_plane_of_a_straight_path_has_two_axes() -> None:
    path = torch.outer(torch.arange(5.0, dtype=torch.float64), torch.tensor([1.0, 2, 2], dtype=torch.float64))
    section = principal_plane([path])
    assert section.labels == ("direction 1 (100%)", "direction 2 (0%)")
    torch.testing.assert_close(section.axes @ section.axes.T, torch.eye(2, dtype=torch.float64))
    torch.testing.assert_close(section.project(path)[:, 1], torch.zeros(5, dtype=torch.float64))


def test_the_plane_of_a_path_that_does_not_move_is_that_of_the_first_unknowns() -> None:
    section = principal_plane([torch.ones(1, 4, dtype=torch.float64)])
    assert section.axes.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0]]
    assert "does not move" in section.about


def test_more_unknowns_are_shown_in_the_plane_of_the_path_and_that_is_said() -> None:
    figure = minimized("rosenbrock", dim=5, lr=5e-4, steps=200)
    panel = contours(figure)
    assert panel.x.label.startswith("direction 1 (")
    assert codes(figure) == ["plane"]
    assert figure.remarks[0].message.startswith("with 5 unknowns, the figure shows the plane through the end")
    end = the(panel.marks, "end")
    assert (end.x, end.y) == (0, 0)
    final = gdcli.minimize("rosenbrock", dim=5, lr=5e-4, steps=200, diagnose=False).result().result
    i = min(range(GRID_POINTS), key=lambda k: abs(panel.grid_y[k]))
    j = min(range(GRID_POINTS), key=lambda k: abs(panel.grid_x[k]))
    assert panel.z[i][j] == pytest.approx(final.loss, rel=0.3)


def test_a_large_problem_has_fewer_points() -> None:
    small = gdcli.minimize("sum(x**2)", x="ones(5)").problem
    large = gdcli.minimize("sum(x**2)", x="ones(50000)").problem
    assert points_that_pay(small, 96) == 96
    assert points_that_pay(large, 96) == 20


# Matrices


def test_a_layer_is_shown_as_its_matrix_and_its_gradient() -> None:
    record = gdcli.fit_linear(steps=1, diagnose=False).result()
    figure, _ = drawn(gdcli.fit_linear(steps=1, diagnose=False))
    loss, weights, gradient = figure.panels
    assert isinstance(loss, CurvesPanel)
    assert isinstance(weights, HeatPanel)
    assert isinstance(gradient, HeatPanel)
    assert weights.values == record.result.values["W"]
    assert gradient.values == record.result.grads["W"]
    largest = max(abs(number) for row in gradient.values for number in row)
    assert (gradient.low, gradient.high) == (-largest, largest)


@pytest.mark.parametrize(
    ("numbers", "rows", "high"),
    [
        ([[1.0, -3.0]], [[1.0, -3.0]], 3.0),
        ([1.0, 2.0], [[1.0, 2.0]], 2.0),
        ([[0.0]], [[0.0]], 1.0),
        ([[math.inf, 2.0]], [[math.inf, 2.0]], 2.0),
        ([[[1.0], [2.0]], [[3.0], [4.0]]], [[1.0], [2.0], [3.0], [4.0]], 4.0),
    ],
)
def test_a_heat_map_is_symmetric_about_0(numbers: Any, rows: list[list[float]], high: float) -> None:
    panel = heat_panel("W", numbers)
    assert (panel.values, panel.low, panel.high) == (rows, -high, high)


# What cannot be seen


def test_what_is_not_defined_is_nan_and_said() -> None:
    figure = gdcli.plot("log(x)", x="-1:3").figure
    panel = function(figure)
    assert all(math.isnan(y) for x, y in zip(panel.grid, panel.values, strict=True) if x < 0)
    assert all(math.isfinite(y) for x, y in zip(panel.grid, panel.values, strict=True) if x > 0)
    assert [remark.message for remark in figure.remarks] == [
        "the function has no finite value on 25% of the window; this part is left blank"
    ]


def test_a_pole_is_cut_off_and_said() -> None:
    figure = gdcli.plot("1/x", x="-2:2").figure
    panel = function(figure)
    assert codes(figure) == ["cut-off"]
    assert panel.y.high < 20 < max(panel.values)


@pytest.mark.parametrize(
    ("values", "cut"),
    [
        ([x**4 / 1e8 for x in range(-100, 101)], False),
        ([math.exp(x / 20) for x in range(-100, 101)], False),
        ([1 / (x + 0.5) for x in range(-100, 100)], True),
        ([0.0] * 99 + [1.0], False),
        ([], False),
    ],
)
def test_only_poles_and_walls_are_cut_off(values: list[float], cut: bool) -> None:
    assert height(values)[2] is cut


def test_what_must_be_seen_is_not_cut_off() -> None:
    values = [1 / (x + 0.5) for x in range(-100, 100)]
    assert height(values, [500.0])[1] > 500


def test_a_path_that_runs_away_is_shown_from_its_beginning_and_that_is_said() -> None:
    figure = minimized(lr=1.5)
    panel = function(figure)
    assert -200 < panel.x.low < panel.x.high < 200
    assert panel.x.low < 4 < panel.x.high
    assert panel.tangent is None
    (remark,) = figure.remarks
    assert remark.code == "runs-away"
    first = next(k for k, x in zip(panel.paths[0].counts, panel.paths[0].x, strict=True) if abs(x) > 200)
    assert remark.message == (f"the path leaves the window at iteration {first - 1}; only its beginning is shown")


@pytest.mark.parametrize(
    ("points", "shown"),
    [
        ([[1.0]], 1),
        ([[1.0]] * 5, 5),
        ([[10.0], [1.0], [0.5], [0.25], [0.2]], 5),  # arrives
        ([[1.0 - 2.0**i] for i in range(30)], 5),  # doubles
        ([[1.0], [2.0], [math.nan]], 2),
        ([[1.0], [2.0], [math.inf]], 2),
        ([[math.nan, 1.0]], 1),
        ([[0.001 * i, 0.0] for i in range(50)] + [[1e6, 1e6]], 50),  # a leap at the end
    ],
)
def test_how_much_of_a_path_is_shown(points: list[list[float]], shown: int) -> None:
    assert states_to_show(points) == shown


def test_a_descent_into_nan_has_a_picture() -> None:
    figure = minimized("log(x)", x=1.0)
    assert [mark.kind for mark in function(figure).marks] == ["start"]
    assert codes(figure) == ["undefined"]
    figure = minimized("log(x)", x=-1.0)
    assert function(figure).marks == []


def test_a_loss_of_zero_on_a_logarithmic_axis_is_said() -> None:
    figure = minimized("x**2", x=1.0, lr=0.45, steps=60)
    assert codes(figure) == ["zero-loss"]
    panel = figure.panels[0]
    assert isinstance(panel, CurvesPanel)
    assert panel.y.log
    assert panel.curves[0].y[-1] == 0 < panel.y.low


def test_random_numbers_are_said() -> None:
    assert codes(minimized("x**2 + rand(1)[0]", x=1.0, steps=3)) == ["random"]


def test_what_cannot_be_computed_at_once_is_computed_point_by_point() -> None:
    problem = gdcli.minimize("sum(inverse([[x, 1], [1, x]]))", x=3.0).problem
    found = evaluate_many(problem, {"x": torch.tensor([3.0, 1.0, 0.0])})
    assert found[0] == pytest.approx(0.5)
    assert math.isnan(found[1])
    assert found[2] == pytest.approx(2.0)


# Axes


@pytest.mark.parametrize(
    ("losses", "log"),
    [
        ([1.0, 0.5], False),
        ([1.0, 0.05], True),
        ([1.0, 0.05, -1.0], False),
        ([1.0, 0.05, 0.0], True),
        ([0.0, 0.0], False),
        ([], False),
        ([math.nan, math.inf], False),
        ([1e300, 1e-300], True),
    ],
)
def test_a_loss_that_spans_decades_has_a_logarithmic_axis(losses: list[float], log: bool) -> None:
    assert is_log(losses) is log


@pytest.mark.parametrize(
    ("values", "floor"),
    [
        ([10.0**i for i in range(5)], 1.0),
        ([1.0] * 50 + [50.0] * 50, None),  # they span less than two decades
        ([0.0] + [1.0] * 50 + [1e3] * 50, 0.01),  # a lone 0 is shown lower, and not at minus infinity
        ([0.0] * 50 + [1e3] * 50, None),
        ([-1.0] + [1.0] * 50 + [1e3] * 50, None),
        ([], None),
    ],
)
def test_the_height_of_a_surface_is_logarithmic_where_its_bulk_is_positive_and_spans_decades(
    values: list[float], floor: float | None
) -> None:
    assert floor_of_log(values[::-1]) == floor


def test_between_the_points_of_a_grid_a_bilinear_function_has_its_own_value() -> None:
    def of(x: float, y: float) -> float:
        return 2 + 3 * x - y + 0.5 * x * y

    xs, ys = [-1.0, 0.0, 0.5, 4.0], [1.0, 1.5, 7.0]
    z = [[of(x, y) for x in xs] for y in ys]
    for x, y in [(-1.0, 1.0), (4.0, 7.0), (0.5, 1.5), (-0.3, 1.2), (3.7, 6.5), (0.2, 1.6)]:
        assert value_between(z, place_on(ys, y), place_on(xs, x)) == pytest.approx(of(x, y), rel=1e-14)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(-7.0, 0.5), (0.0, 1.0), (2.5, 1.25), (9.0, 1.9), (10.0, 2.5), (99.0, 2.5), (math.inf, math.nan)],
)
def test_a_value_is_so_many_bands_up(number: float, expected: float) -> None:
    found = bands_up(number, [-math.inf, 0.0, 10.0, math.inf], share=0.5)
    assert found == pytest.approx(expected, abs=0, nan_ok=True)


@pytest.mark.parametrize(
    ("x", "y", "expected", "equal"),
    [
        ((0.0, 4.0), (0.0, 4.0), ((0.0, 4.0), (0.0, 4.0)), True),
        ((0.0, 4.0), (1.0, 3.0), ((0.0, 4.0), (0.0, 4.0)), True),
        ((0.0, 4.0), (1.0, 1.0), ((0.0, 4.0), (-1.0, 3.0)), True),
        ((0.0, 0.0), (0.0, 0.0), ((-1.0, 1.0), (-1.0, 1.0)), True),
        ((0.0, 40.0), (0.0, 4.0), ((0.0, 40.0), (0.0, 4.0)), False),
        ((0.0, 4e6), (0.0, 4.0), ((0.0, 4e6), (-1998.0, 2002.0)), False),
    ],
)
def test_two_windows_become_a_square(x: Any, y: Any, expected: Any, equal: bool) -> None:
    assert to_one_scale(x, y) == (*expected, equal)


def test_a_window_has_a_margin_and_is_never_narrower_than_the_rounding() -> None:
    assert window([0.0, 10.0, math.nan]) == (-1.5, 11.5)
    low, high = window([1000.0, 1000.0 + 1e-4], torch.finfo(torch.float32).eps)
    assert high - low == pytest.approx(400 * 1.19e-7 * 1000, rel=1e-2)
    assert window([]) == (0.0, 0.0)
    assert widened((4.0, 4.0)) == (2.0, 6.0)
    assert widened((1.0, 2.0)) == (1.0, 2.0)


# Trails


def state(iteration: int, values: dict[str, Any] | None = None) -> State:
    tensors = {name: torch.tensor(value) for name, value in (values or {"x": float(iteration)}).items()}
    return State(iteration, float(iteration), tensors, {"x": torch.tensor(0.0)}, 0.1)


def test_a_short_trail_is_whole() -> None:
    trail = Trail("run")
    for i in range(100):
        trail.add(state(i))
    assert [state.iteration for state in trail.states] == list(range(100))
    assert trail.count == 100


@pytest.mark.slow
@pytest.mark.parametrize("count", [999, 1_000, 1_001, 2_001, 50_000, 123_457])
def test_a_long_trail_is_thinned_and_keeps_its_ends(count: int) -> None:
    trail = Trail("run")
    for i in range(count):
        trail.add(state(i))
    iterations = [state.iteration for state in trail.states]
    assert len(iterations) <= MOST + 1
    assert iterations[: min(count, 1_000)] == list(range(min(count, 1_000)))
    assert iterations[-1] == count - 1
    assert iterations == sorted(set(iterations))
    gaps = {b - a for a, b in itertools.pairwise(iterations[1_000:-1])}
    assert len(gaps) <= 1


@pytest.mark.slow
def test_a_trail_of_large_states_keeps_few_of_them() -> None:
    trail = Trail("run")
    for i in range(150):
        trail.add(state(i, {"x": [float(i)] * 50_000}))
    assert len(trail.states) <= 41
    assert trail.states[-1].point.tolist() == [149.0] * 50_000


@pytest.mark.slow
def test_a_thinned_run_says_so() -> None:
    figure, trail = drawn(gdcli.minimize(steps=5_000, diagnose=False))
    assert trail.count == 5_001
    assert f"{len(trail.states):,} of 5,001 states are drawn: the first ones, and others evenly spaced" in [
        remark.message for remark in figure.remarks
    ]


# Several descents


@pytest.mark.slow
def test_a_race_shows_the_runs_that_it_ranks() -> None:
    settings = CompareSettings(expression="quadratic-10", optimizer=["sgd", "adam"], lr=0.05, steps=50)
    race = Race(settings)
    for _ in race:
        pass
    record = race.record()
    figure = race_figure(race, record)
    panel = contours(figure)
    assert [path.label for path in panel.paths] == [standing.optimizer for standing in record.standings]
    for path, standing in zip(panel.paths, record.standings, strict=True):
        (run,) = standing.runs
        assert (path.counted, path.counts[-1]) == ("evaluation", run.evaluations)
        assert (path.x[-1], path.y[-1]) == pytest.approx((run.values["x"], run.values["y"]), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("counted", ["evaluation", "iteration"])
def test_a_race_counts_what_its_ranking_counts(counted: Literal["evaluation", "iteration"]) -> None:
    """A step of lbfgs takes many evaluations: its curve is as long as its evaluations, unless steps are asked for."""
    race = Race(CompareSettings(expression="rosenbrock", racer=["lbfgs lr=0.5", "manual lr=0.001"], steps=60))
    record = race.result()
    figure = race_figure(race, record, counted=counted, gradient_norm=True)
    for panel in (figure.panels[0], figure.panels[2]):
        assert isinstance(panel, CurvesPanel)
        assert panel.x.label == counted
        assert panel.x.high == max(curve.x[-1] for curve in panel.curves)
        for curve, standing in zip(panel.curves, record.standings, strict=True):
            (run,) = standing.runs
            assert (curve.label, curve.counted) == (standing.label, counted)
            assert curve.counts[-1] == (run.evaluations if counted == "evaluation" else run.steps)
            assert curve.counts[0] == (1 if counted == "evaluation" else 0)
            assert curve.x == curve.counts
    plane = figure.panels[1]
    assert isinstance(plane, ContourPanel)
    lbfgs = next(path for path in plane.paths if path.label == "lbfgs")
    assert (lbfgs.counts[1] - lbfgs.counts[0] > 10) == (counted == "evaluation")


def test_a_run_that_explodes_does_not_press_the_others_flat() -> None:
    """sgd diverges to 1e24; the axis ends at a thousand times the first loss, and that is said."""
    race = Race(CompareSettings(expression="rosenbrock", optimizer=["sgd", "adam"], tune=False, steps=20))
    for _ in race:
        pass
    figure = race_figure(race, race.record())
    losses = figure.panels[0]
    assert isinstance(losses, CurvesPanel)
    start = (1 + 1.2) ** 2 + 100 * (1 - 1.44) ** 2
    assert max(number for curve in losses.curves for number in curve.y) > 1e20
    assert losses.y.high == pytest.approx(1000 * start)
    assert "cut-off" in codes(figure)
    alone = minimized(lr=1.5).panels[0]
    assert isinstance(alone, CurvesPanel)
    assert alone.y.high == max(alone.curves[0].y)  # a descent that is alone is seen to explode


def test_the_caption_tells_a_changed_rate() -> None:
    figure = minimized(settings={"lr_factor": {"2": 0.5}, "steps": 6})
    assert figure.subtitle == "manual, lr 0.1, times 0.5 from iteration 2, 6 steps"


def test_a_function_that_is_defined_nowhere_is_said_to_be() -> None:
    figure = gdcli.plot("sqrt(x)", x="-2:-1").figure
    assert [remark.message for remark in figure.remarks] == [
        "the function has no finite value anywhere in the window; try another window"
    ]


def test_a_matrix_has_its_history() -> None:
    record = gdcli.fit_linear(steps=3).result()
    panel = drawn(gdcli.fit_linear(steps=3))[0].panels[1]
    assert isinstance(panel, HeatPanel)
    states = [*record.iterations, record.result]
    assert [(state.iteration, state.values) for state in panel.history] == [
        (s.iteration, s.values["W"]) for s in states
    ]


def test_the_first_of_several_descents_has_the_tangent() -> None:
    trails = []
    for lr in (0.1, 0.2):
        descent = gdcli.minimize(lr=lr, steps=2)
        trail = Trail(f"lr {lr}")
        for each in descent.states():
            trail.add(each)
        trails.append(trail)
    panel = function(descent_figure("", "", descent.problem, trails))
    assert [path.label for path in panel.paths] == ["lr 0.1", "lr 0.2"]
    assert panel.tangent is not None
    assert panel.tangent.x == panel.paths[0].x[-1]


# Functions alone


def test_a_gradient_field_points_uphill() -> None:
    panel = contours(gdcli.plot("x**2 + x*y", x="-2:2", y="-1:3", field=True).figure)
    assert len(panel.field) == 225
    for arrow in panel.field:
        gx, gy = 2 * arrow.x + arrow.y, arrow.x
        assert arrow.size == pytest.approx(math.hypot(gx, gy), rel=1e-5, abs=1e-6)
        assert arrow.dx * gy == pytest.approx(arrow.dy * gx, abs=1e-6)
        assert arrow.dx * gx + arrow.dy * gy >= 0


def test_a_derivative_is_that_of_the_function() -> None:
    panel = function(gdcli.plot("sin(x)", x="-2:2", field=True).figure)
    assert panel.derivative is not None
    assert panel.derivative == pytest.approx([math.cos(x) for x in panel.grid], abs=1e-6)


@pytest.mark.parametrize(
    ("expression", "given", "values"),
    [
        ("", {}, {"x": "-2.048:2.048", "y": "-2.048:2.048"}),
        ("rosenbrock", {"x": "-2:2"}, {"x": "-2:2", "y": "-2.048:2.048"}),
        ("rosenbrock", {"y": "1"}, {"x": "-2.048:2.048", "y": "1"}),
        ("rastrigin", {}, {"x": "[-5.12:5.12, -5.12:5.12]"}),
        ("rastrigin", {"x": "-1:1"}, {"x": "[-1:1, -1:1]"}),
        ("rastrigin", {"x": "-1:1, 0"}, {"x": "-1:1, 0"}),
        ("wood", {}, {"x": "[-10:10, -10:10, 1, 1]"}),
        ("helical-valley", {"z": "-1:1"}, {"x": "-10:10", "y": "0", "z": "-1:1"}),
        ("sin(x)", {}, {"x": "-5:5"}),
        ("x*y", {}, {"x": "-5:5", "y": "-5:5"}),
        ("x[0]*x[1]", {}, {"x": "[-5:5, -5:5]"}),
        ("a*x", {"a": 2}, {"a": 2, "x": "-5:5"}),
        ("a*x", {"a": 2, "x": "0:pi"}, {"a": 2, "x": "0:pi"}),
        ("x[0]*x[1]*x[2]", {"x": ["-1:1", 0.5, "0:1"]}, {"x": ["-1:1", 0.5, "0:1"]}),
    ],
)
def test_windows_that_are_not_given(expression: str, given: dict[str, Any], values: dict[str, Any]) -> None:
    assert complete_plot(PlotSettings(expression=expression, values=given)).values == values


@pytest.mark.parametrize(
    ("value", "items", "scalar"),
    [
        ("-2:2", ((-2.0, 2.0),), True),
        (" -2 : 2 ", ((-2.0, 2.0),), True),
        ("-pi:2*pi", ((-math.pi, 2 * math.pi),), True),
        ("[0:1]", ((0.0, 1.0),), False),
        ("0:1, 3, -1:1", ((0.0, 1.0), 3.0, (-1.0, 1.0)), False),
        (["0:1", 3], ((0.0, 1.0), 3.0), False),
    ],
)
def test_windows_that_are_understood(value: Any, items: Any, scalar: bool) -> None:
    spread = spread_of("x", value)
    assert spread is not None
    assert (spread.items, spread.scalar) == (items, scalar)


@pytest.mark.parametrize("value", ["3", 3, "[1, 2]", "rand(3)", [1.0, 2.0]])
def test_values_are_no_windows(value: Any) -> None:
    assert spread_of("x", value) is None


def test_a_section_holds_what_stays() -> None:
    figure = gdcli.plot("x[0]**2 + 10*x[1] + a*x[2]", x="-1:1, 3, 0:1", a=4).figure
    panel = contours(figure)
    assert (panel.x.label, panel.y.label) == ("x[0]", "x[2]")
    assert panel.z[0][0] == pytest.approx(1 + 30 + 0)
    assert panel.z[-1][-1] == pytest.approx(1 + 30 + 4)
    assert figure.subtitle == "x[1] = 3, a = 4"


def test_numbers_that_do_not_exist_are_null_in_json() -> None:
    text = msgspec.json.encode(gdcli.plot("log(x)", x="-1:1").figure)
    assert b"NaN" not in text
    assert b'"values":[null,' in text
