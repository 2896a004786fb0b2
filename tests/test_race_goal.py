"""Which states reach the goal of a race: not a maximum, a saddle point or a plateau, and not outside the domain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from conftest import Run

import gdcli

# Expression, start, and where the loss falls from it: worked out by hand.
NOT_MINIMA = {
    "x**4 - x**2": {"x": 0.0},  # a maximum
    "cos(x)": {"x": 0.0},
    "x**3": {"x": 0.0},  # an inflection point: the loss falls on one side
    "x*y": {"x": 0.0, "y": 0.0},  # a saddle point, along no axis
    "x**2 - y**2": {"x": 0.0, "y": 0.0},
    "x**3 - 3*x*y**2": {"x": 0.0, "y": 0.0},  # a monkey saddle, without curvature
    "x**2 - 1e-3*y**4": {"x": 0.0, "y": 0.0},
    "-exp(-x**2)": {"x": 12.0},  # a plateau: the gradient underflows
    "sigmoid(x)": {"x": 40.0},
    "relu(1 - x)**2 - relu(x - 3)": {"x": 2.0},  # flat, and lower on one side
}
MINIMA = {
    "x**2": {"x": 0.0},
    "x**4": {"x": 0.01},
    "abs(x)*x**2": {"x": 0.0},
    "relu(x)": {"x": -1.0},  # flat, and higher on the other side
    "0*x": {"x": 1.0},
    "exp(-x)": {"x": 12.0},  # falls for ever, but nowhere faster
    "1e6*x**2 + 1e-6*y**2": {"x": 0.0, "y": 0.0},
    "(x**2 + y**2 - 1)**2": {"x": 0.999996, "y": 0.0},  # inside the circle the curvature along it is negative
    "x**2 - cos(3*pi*x)/10": {"x": 0.0},
    "(x - 1000.1)**2": {"x": 1000.1},
}
RULES = ["manual", "adam", "lbfgs", "adafactor"]


def statuses(expression: str, start: Mapping[str, Any], **settings: Any) -> list[set[str]]:
    record = gdcli.compare(expression, start, **{"optimizer": RULES, "lr": 0.01, "steps": 15, **settings})
    return [set(each.statuses) for each in record.standings]


@pytest.mark.slow
@pytest.mark.parametrize("more", [{}, {"lr": None, "rates": 3}], ids=["alone", "tuned"])
@pytest.mark.parametrize("expression", NOT_MINIMA)
def test_a_start_that_is_no_minimum_has_not_reached(expression: str, more: dict[str, Any]) -> None:
    assert statuses(expression, NOT_MINIMA[expression], **more) == [{"stationary"}] * len(RULES)


@pytest.mark.slow
@pytest.mark.parametrize("more", [{}, {"lr": None, "rates": 3}], ids=["alone", "tuned"])
@pytest.mark.parametrize("expression", MINIMA)
def test_a_minimum_is_reached(expression: str, more: dict[str, Any]) -> None:
    assert statuses(expression, MINIMA[expression], **more) == [{"reached"}] * len(RULES)


def test_a_run_that_leaves_a_maximum_reaches_the_minimum() -> None:
    """The gradient at 1e-5 is within the goal; the loop grows it by 1 + 2 lr a step, and ends at 1/sqrt(2)."""
    record = gdcli.compare("x**4 - x**2", x=1e-5, optimizer=["manual"], lr=0.1, steps=200)
    (run,) = record.standings[0].runs
    assert (run.status, run.values["x"]) == ("reached", pytest.approx(math.sqrt(0.5), abs=1e-4))
    x, steps = 1e-5, 0
    while steps == 0 or abs(4 * x**3 - 2 * x) > 1e-4 or x < 0.5:
        x, steps = x - 0.1 * (4 * x**3 - 2 * x), steps + 1
    assert abs(run.steps - steps) <= 1


def test_a_leap_to_a_plateau_above_the_start_has_not_reached() -> None:
    """A step of 1e4 lands where the function is 0 and has no slope, far from any place where the loss falls."""
    record = gdcli.compare("-exp(-(x - 300)**2)", x=300.5, optimizer=["manual", "sgd"], lr=1e4, steps=20)
    assert [each.statuses for each in record.standings] == [{"stationary": 1}] * 2
    assert "as small as the goal asks, but the loss there, 0 at x = -7487.51, is larger" in record.warnings[0].message


def test_the_note_says_where_the_loss_falls(run: Run) -> None:
    record = run("compare", "x**4 - x**2", "--x", "0", "--optimizer", "manual", "--lr", "0.1", "--json").json()
    (notice,) = record["warnings"]
    where = notice["message"].split(", but ")[-1].split("; ")[0]
    loss, _, x = where.partition(" at x = ")
    assert float(loss) == pytest.approx(float(x) ** 4 - float(x) ** 2, rel=1e-5)
    assert float(loss) < -1e-4 * abs(float(x))
    assert notice["message"].endswith("; choose another start")


# Outside the domain, where the loss may be below the known minimum

UNBOUNDED = ["mccormick", "adjiman", "eggholder", "gramacy-lee", "schwefel"]


@pytest.mark.slow
@pytest.mark.parametrize("tuned", [False, True])
@pytest.mark.parametrize("name", UNBOUNDED)
def test_below_the_known_minimum_outside_the_domain_is_not_reached(name: str, tuned: bool) -> None:
    settings: dict[str, Any] = {} if tuned else {"lr": 0.1}
    record = gdcli.compare(name, optimizer=["manual", "adam", "manual-momentum"], starts=12, steps=300, **settings)
    domain, rules, low = record.rules.domain, record.rules, 0
    for each in record.standings:
        for run in each.runs:
            numbers = {key: value if isinstance(value, list) else [value] for key, value in run.values.items()}
            inside = all(a <= x <= b for key, (a, b) in domain.items() for x in numbers[key])
            assert (run.status == "reached") == (inside and run.loss <= rules.limit and run.status != "diverged")
            low += run.loss < rules.minimum - 1 and not inside
    if low:
        (notice,) = [notice for notice in record.warnings if notice.code == "below-minimum"]
        assert "--bound " in notice.message
    assert low or tuned or name != "mccormick"


@pytest.mark.slow
def test_the_bounds_of_the_note_keep_a_run_inside(run: Run) -> None:
    words = ["compare", "mccormick", "--optimizer", "manual-momentum", "--lr", "0.1", "--starts", "12"]
    first = run(*words, "--json").json()
    (notice,) = [notice for notice in first["warnings"] if notice["code"] == "below-minimum"]
    bounds = notice["message"].split("; ")[-1].removesuffix(" keeps a run inside").split()
    second = run(*words, *bounds, "--json").json()
    assert second["standings"][0]["reached"] > first["standings"][0]["reached"]
    assert not [notice for notice in second["warnings"] if notice["code"] == "below-minimum"]


def test_a_run_below_the_minimum_does_not_come_closest() -> None:
    """One that stays inside, higher up, is nearer to the goal than one that has left for minus infinity."""
    racers = ["manual-momentum lr=0.1", "manual lr=1e-9"]
    record = gdcli.compare("mccormick", x=0.454, y=1.353, racer=racers)
    low = {each.optimizer: each.runs[0].loss for each in record.standings}
    assert low["manual-momentum"] < record.rules.minimum - 1 < 3 < low["manual"]
    assert [each.optimizer for each in record.standings] == ["manual", "manual-momentum"]
    assert record.message == "no optimizer reached the goal; manual came closest"


def test_a_minimum_on_the_edge_of_the_domain_counts() -> None:
    """adjiman is smallest at x = 2, the upper end of its domain."""
    record = gdcli.compare("adjiman", x=2.0, y=0.10578, optimizer=["manual"], lr=0.01, steps=1, dtype="float64")
    assert record.standings[0].reached == 1
    assert record.rules.domain == {"x": (-1.0, 2.0), "y": (-1.0, 1.0)}


def test_a_drawn_loss_is_not_judged_by_what_is_beside_it() -> None:
    record = gdcli.compare("sum((x - rand(3))**2)*0", x="randn(3)", optimizer=["manual"], lr=0.1, steps=3)
    assert (record.rules.judged, record.standings[0].reached) == (False, 1)


@pytest.mark.slow
@pytest.mark.parametrize("unknowns", [40, 100, 20_000])
def test_a_maximum_of_many_unknowns_is_none(unknowns: int) -> None:
    start = {"x": f"zeros({unknowns})"}
    assert statuses("sum(x**4) - sum(x**2)", start, optimizer=["manual"], steps=3) == [{"stationary"}]
    assert statuses("sum(x**4) + sum(x**2)", start, optimizer=["manual"], steps=3) == [{"reached"}]
