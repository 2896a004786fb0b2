"""Diagnosis: each finding has a run that shows it, one that does not, and a remedy that works when it is applied."""

from __future__ import annotations

import functools
import itertools
import math
import re
import shlex
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import torch
from conftest import Run, codes, find
from msgspec.structs import replace

import gdcli
from gdcli.contract.descent import FitLinearSettings
from gdcli.contract.diagnosis import Finding, FindingCode
from gdcli.descent import diagnosis
from gdcli.descent.curvature import rate_from_curvature, spectrum
from gdcli.descent.diagnosis import diagnose as diagnosing
from gdcli.descent.diagnosis.theory import LinearRule, best_heavy_ball, safe_nesterov
from gdcli.descent.diagnosis.trace import PAIRS, Trace
from gdcli.descent.loop import State
from gdcli.descent.minimize import minimize
from gdcli.explain.hessian import exact_spectrum, lanczos
from gdcli.linear.model import fit_linear
from gdcli.tensors import prepare

Record = gdcli.MinimizeResult | gdcli.FitLinearResult

VALLEY = "(1 - x)**2 + 100*(y - x**2)**2"
BOWL = "x**2 + 4*y**2"  # curvature 2 along x, 8 along y
LONG_BOWL = "x**2 + 100*y**2"


def run_of(settings: Any) -> Record:
    return (fit_linear if isinstance(settings, FitLinearSettings) else minimize)(settings).result()


def cured(record: Record, finding: Finding, **more: Any) -> Record:
    """The same run with the remedy applied, of which the numbers are looked at and no diagnosis."""
    assert finding.remedy is not None
    return run_of(replace(record.settings, **{"diagnose": False, **finding.remedy.settings, **more}))


# Each finding: a run that shows it, a run like it that does not


@dataclass(frozen=True)
class Case:
    """A finding: its code, a run that shows it, and one that does not.

    ``works`` compares the run with that of the remedy; by default the loss ends a thousand times lower.
    """

    code: str
    expression: str
    values: dict[str, Any]
    shows: dict[str, Any]
    other: dict[str, Any]
    works: Callable[[Record, Record], bool] = lambda run, cure: cure.result.loss < 1e-3 * abs(run.result.loss)
    elsewhere: dict[str, Any] = field(default_factory=dict)
    """Values of the run that does not show it, where they differ."""

    def __str__(self) -> str:
        return f"{self.code}: {self.expression} {self.shows}"


def loss_is_much_smaller(run: Record, cure: Record) -> bool:
    return cure.result.loss < 0.5 * run.result.loss


def reaches(limit: float) -> Callable[[Record, Record], bool]:
    return lambda _, cure: cure.result.loss <= limit


def is_finite_and_falls(run: Record, cure: Record) -> bool:
    return cure.status != "diverged" and cure.result.loss < cure.iterations[0].loss


def gradient_is_smaller(run: Record, cure: Record) -> bool:
    x, y = (math.hypot(*record.result.grads.values()) for record in (run, cure))
    return y < 1e-2 * x


CASES = [
    Case("learning-rate-too-large", BOWL, {"x": 1, "y": 1}, {"lr": 0.3}, {"lr": 0.2}),
    Case("learning-rate-too-large", BOWL, {"x": 1, "y": 1}, {"lr": 0.25}, {"lr": 0.24}),
    Case("learning-rate-too-large", BOWL, {"x": 1, "y": 1}, {"lr": 0.3, "optimizer": "sgd"}, {"lr": 0.2}),
    Case("learning-rate-too-large", VALLEY, {"x": -1.2, "y": 1}, {"lr": 0.01}, {"lr": 1e-3}, loss_is_much_smaller),
    Case("learning-rate-too-large", "x**4", {"x": 4}, {"lr": 0.1}, {"lr": 0.01}, is_finite_and_falls),
    Case(
        "learning-rate-too-large",
        BOWL,
        {"x": 1, "y": 1},
        {"lr": 0.5, "optimizer": "manual-momentum", "momentum": 0.9, "steps": 300},
        {"lr": 0.45, "optimizer": "manual-momentum", "momentum": 0.9, "steps": 300},
    ),
    Case(
        "learning-rate-too-large",
        BOWL,
        {"x": 1, "y": 1},
        {"lr": 0.2, "optimizer": "manual-nesterov", "momentum": 0.9, "steps": 300},
        {"lr": 0.15, "optimizer": "manual-nesterov", "momentum": 0.9, "steps": 300},
    ),
    Case("learning-rate-too-large", "x**4", {"x": 2}, {"lr": 10, "optimizer": "asgd"}, {"optimizer": "asgd"}),
    Case(
        "momentum-too-large",
        BOWL,
        {"x": 1, "y": 1},
        {"lr": 0.1, "optimizer": "sgd", "momentum": 1.1},
        {"lr": 0.1, "optimizer": "sgd", "momentum": 0.5},
    ),
    Case("unbounded", "-x**2", {"x": 1}, {}, {"maximize": True}, lambda _, cure: abs(cure.result.loss) < 1e-9),
    Case("not-finite", "x - log(x)", {"x": 5}, {"lr": 10}, {"lr": 0.1}, is_finite_and_falls),
    Case("not-finite", "log(x)**2", {"x": -1}, {}, {}, reaches(1e-6), {"x": 2}),
    Case("not-finite", "exp(x**2)", {"x": 3}, {"lr": 0.1}, {"lr": 1e-6}, is_finite_and_falls),
    Case("saddle", "x**2 - y**2 + y**4", {"x": 1, "y": 0}, {}, {}, reaches(-0.24), {"y": 0.5}),
    Case("saddle", "cos(x)", {"x": 0}, {}, {}, reaches(-0.99), {"x": 0.5}),
    Case("saddle", "cos(x)", {"x": 0}, {"optimizer": "adam", "lr": 0.1}, {}, reaches(-0.99), {"x": 0.5}),
    Case("vanishing-gradient", "(sigmoid(x) - 0.5)**2", {"x": 15}, {}, {}, reaches(1e-6), {"x": 1}),
    Case("vanishing-gradient", "-exp(-(x - 3)**2)", {"x": 0}, {}, {}, reaches(-0.99), {"x": 2}),
    Case("vanishing-gradient", "(sigmoid(x) - 0.1)**2", {"x": 200}, {}, {}, loss_is_much_smaller, {"x": 1}),
    Case("zig-zag", LONG_BOWL, {"x": 10, "y": 1}, {"lr": 0.0099}, {"lr": 0.005}),
    Case("oscillating", "(x - 1.5)**2", {"x": 4}, {"lr": 0.99}, {"lr": 0.3}),
    Case("kink", "abs(x)", {"x": 4}, {"lr": 0.3}, {"lr": 0.03}, loss_is_much_smaller),
    Case("kink", "abs(x)", {"x": 4}, {"lr": 0.3, "optimizer": "adam"}, {"lr": 0.03}, loss_is_much_smaller),
    Case("oscillating", "(x - 1.5)**2", {"x": 4}, {"optimizer": "manual-momentum"}, {}),
    Case("slow", "(x - 1.5)**2", {"x": 4}, {"lr": 0.001}, {"lr": 0.4}),
    Case("slow", LONG_BOWL, {"x": 10, "y": 1}, {"lr": 0.005}, {"lr": 0.009, "steps": 2000}),
    Case("slow", LONG_BOWL, {"x": 10, "y": 1}, {"lr": 0.005, "optimizer": "sgd"}, {"lr": 0.009, "steps": 2000}),
    Case("slow", VALLEY, {"x": -1.2, "y": 1}, {"lr": 1e-3}, {"lr": 0.1}, loss_is_much_smaller),
    Case("slow", "(x - 1.5)**2", {"x": 4}, {"optimizer": "adam"}, {"optimizer": "adam", "lr": 0.1}),
    Case("rate", "(x - 1.5)**2", {"x": 4}, {}, {"steps": 5}, lambda _, cure: cure.result.loss == 0),
    Case("float-floor", "(x - 1.5)**2", {"x": 4}, {}, {"dtype": "float64"}, gradient_is_smaller),
    Case("float-floor", "(x - 1.5)**2", {"x": 4}, {"lr": 1e-9}, {"lr": 1e-3}),
    Case("dead-relu", "(relu(x) - 1)**2", {"x": 0.1}, {"lr": 1.1, "maximize": False}, {"lr": 0.1}, reaches(1.0)),
]


@functools.cache
def shown_by(number: int) -> Any:
    """The record of the run of a case that shows the trouble."""
    case = CASES[number]
    return gdcli.minimize(case.expression, case.values, **case.shows).result()


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_finding_is_there_and_its_remedy_works(case: Case) -> None:
    record = shown_by(CASES.index(case))
    finding = find(record, case.code)
    cure = cured(record, finding)
    assert case.works(record, cure), (finding, cure.result)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_run_without_the_trouble_has_no_such_finding(case: Case) -> None:
    record = gdcli.minimize(case.expression, {**case.values, **case.elsewhere}, **case.other).result()
    assert case.code not in codes(record)
    assert "incomplete" not in codes(record)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_options_of_a_remedy_are_its_settings(case: Case, run: Run) -> None:
    record = shown_by(CASES.index(case))
    remedy = find(record, case.code).remedy
    assert remedy is not None
    given = [f"--{name.replace('_', '-')}" if value is True else f"--{name.replace('_', '-')}={value}"
             for name, value in case.shows.items() if value is not False and name not in remedy.settings]  # fmt: skip
    start = remedy.settings.get("values", {})
    values = [f"--{name}={value}" for name, value in case.values.items() if start.get(name, value) == value]
    words = [*values, *given, *shlex.split(remedy.options), "--no-diagnose", "--json"]
    done = run("minimize", case.expression, *words).json()
    expected = msgspec.to_builtins(replace(record.settings, **remedy.settings))
    for name in remedy.settings:
        if name == "values":
            assert {n: float(v) for n, v in done["settings"]["values"].items()} == {
                n: float(v) for n, v in expected["values"].items()
            }
        elif name == "opt":
            assert expected[name].items() <= done["settings"][name].items()
        elif expected[name] is not None:
            assert done["settings"][name] == expected[name], remedy.options


# Numbers, against hand-made quadratics


def quadratic(eigenvalues: list[float], seed: int = 0) -> tuple[str, dict[str, Any], torch.Tensor]:
    """x A x / 2 with these eigenvalues and random eigenvectors, and a start that has a part along each."""
    n = len(eigenvalues)
    q, _ = torch.linalg.qr(torch.randn(n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))
    matrix = q @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ q.T
    return "sum(x * (A @ x)) / 2", {"x": q.sum(1).tolist(), "A": matrix.tolist()}, matrix


def test_learning_rate_is_compared_with_two_over_the_largest_curvature() -> None:
    finding = find(gdcli.minimize(BOWL, x=1, y=1, lr=0.3).result(), "learning-rate-too-large")
    assert finding.message == ("lr 0.3 > 2/L = 0.25 (L = 8, along y), so each step multiplies the error there by 1.4")
    evidence = finding.evidence
    assert (evidence["lr"], evidence["bound"], evidence["largest"], evidence["smallest"]) == (0.3, 0.25, 8.0, 2.0)
    assert evidence["direction"] == {"y": 1.0}
    assert evidence["local"] is False
    assert evidence["best_lr"] == 0.2  # 2 / (mu + L)
    assert finding.remedy is not None
    assert finding.remedy.settings == {"lr": 0.2}


@pytest.mark.slow
@pytest.mark.parametrize("eigenvalues", [[1.0, 3.0, 10.0], [0.5, 0.5, 40.0, 80.0], [2.0] * 5])
def test_spectrum_bound_and_best_rate_of_a_known_quadratic(eigenvalues: list[float]) -> None:
    expression, values, _ = quadratic(eigenvalues)
    low, high = min(eigenvalues), max(eigenvalues)
    record = gdcli.minimize(expression, values, wrt=["x"], lr=2.2 / high, steps=200, dtype="float64").result()
    evidence = find(record, "learning-rate-too-large").evidence
    assert evidence["bound"] == pytest.approx(2 / high)
    assert (evidence["smallest"], evidence["largest"]) == (pytest.approx(low), pytest.approx(high))
    assert evidence["best_lr"] == pytest.approx(2 / (low + high))
    assert evidence["local"] is False


def test_a_bound_that_holds_at_one_place_only_is_called_local() -> None:
    finding = find(gdcli.minimize("x**4", x=4, lr=0.1).result(), "learning-rate-too-large")
    assert finding.evidence["local"] is True
    assert finding.evidence["largest"] == 192.0  # 12 x**2
    assert "locally L = 192 at the start" in finding.message


@pytest.mark.slow
def test_a_rate_too_large_for_the_place_where_the_run_ends_is_found_there() -> None:
    # Both minima have curvature 8. The start, near the hill between them, is flat.
    record = gdcli.minimize("(x**2 - 1)**2", x=0.6, lr=0.26, steps=201).result()
    finding = find(record, "learning-rate-too-large")
    assert finding.evidence["iteration"] > 0
    assert finding.evidence["bound"] < 0.26
    assert cured(record, finding).result.loss < 1e-6 < record.result.loss


def test_default_run_converges_as_predicted() -> None:
    evidence = find(gdcli.minimize().result(), "rate").evidence
    assert evidence["predicted_factor"] == pytest.approx(0.8)
    assert evidence["predicted_loss_factor"] == pytest.approx(0.64)
    assert evidence["measured_factor"] == pytest.approx(0.8, abs=1e-4)
    assert evidence["measured_loss_factor"] == pytest.approx(0.64, abs=1e-3)
    sizes = [abs(step.grads["x"]) for step in gdcli.minimize().result().iterations]
    assert evidence["steps_to_goal"] == next(i for i, size in enumerate(sizes) if size <= 1e-6 * sizes[0])
    evidence = find(gdcli.minimize(dtype="float64").result(), "rate").evidence
    assert evidence["steps_to_goal"] == 62  # 0.8**62 < 1e-6 < 0.8**61
    assert evidence["condition_number"] == 1
    assert evidence["best_lr"] == 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "factor"),
    [
        ({"lr": 0.15}, 0.85),
        ({"lr": 0.19}, 0.9),
        ({"optimizer": "sgd", "lr": 0.05}, 0.95),
        ({"optimizer": "sgd", "lr": 0.05, "weight_decay": 1.0}, 0.9),
        ({"optimizer": "sgd", "lr": 0.02, "momentum": 0.5}, None),
        ({"optimizer": "sgd", "lr": 0.02, "momentum": 0.5, "dampening": 0.5}, None),
        ({"optimizer": "sgd", "lr": 0.02, "momentum": 0.5, "nesterov": True}, None),
        ({"optimizer": "manual-momentum", "lr": 0.02, "momentum": 0.5}, None),
        ({"optimizer": "manual-nesterov", "lr": 0.02, "momentum": 0.5}, None),
    ],
    ids=str,
)
def test_predicted_rate_is_the_measured_one(options: dict[str, Any], factor: float | None) -> None:
    expression, values, _ = quadratic([1.0, 4.0, 10.0], seed=3)
    record = gdcli.minimize(expression, values, wrt=["x"], steps=400, dtype="float64", **options).result()
    finding = next(f for f in record.diagnosis if f.code in ("rate", "slow"))
    evidence = finding.evidence
    assert evidence["measured_factor"] == pytest.approx(evidence["predicted_factor"], abs=2e-3)
    if not options.get("weight_decay"):  # with it, the run does not tend to the minimum of the loss
        assert evidence["measured_loss_factor"] == pytest.approx(evidence["predicted_loss_factor"], abs=4e-3)
    if factor is not None:
        assert evidence["predicted_factor"] == pytest.approx(factor)
    assert evidence["condition_number"] == pytest.approx(5.5 if options.get("weight_decay") else 10.0)


@pytest.mark.slow
def test_a_rate_that_is_the_best_already_is_no_trouble() -> None:
    # Curvature 2 and 18: the best fixed rate is 0.1, and the gradients turn all the time.
    record = gdcli.minimize("booth", lr=0.1, steps=200).result()
    assert record.result.loss < 1e-10
    assert not {"zig-zag", "oscillating"} & set(codes(record))


@pytest.mark.slow
def test_a_change_of_the_rule_keeps_the_weight_decay() -> None:
    record = gdcli.minimize(LONG_BOWL, x=10, y=1, lr=0.005, weight_decay=0.1).result()
    remedy = find(record, "slow").remedy
    assert remedy is not None
    assert remedy.settings["optimizer"] == "manual-momentum"
    assert "weight_decay" not in remedy.settings


@pytest.mark.slow
def test_best_momentum_is_the_one_of_polyak() -> None:
    evidence = find(gdcli.minimize(LONG_BOWL, x=10, y=1, lr=0.005).result(), "slow").evidence
    assert evidence["condition_number"] == pytest.approx(100)
    assert evidence["best_momentum"] == pytest.approx((9 / 11) ** 2)
    assert evidence["best_momentum_lr"] == pytest.approx(4 / (math.sqrt(200) + math.sqrt(2)) ** 2)
    assert evidence["best_momentum_factor"] == pytest.approx(9 / 11)
    assert evidence["best_lr"] == pytest.approx(2 / 202)


def test_directions_without_curvature_or_gradient_do_not_count() -> None:
    # One input: the Hessian of 12 weights has rank 3, and all its curvature is 2 |x|^2 = 28.
    record = gdcli.fit_linear(activation="none", lr=0.02, steps=40).result()
    evidence = find(record, "rate").evidence
    assert (evidence["smallest"], evidence["largest"]) == (pytest.approx(28), pytest.approx(28))
    # y never moves, though lr is beyond the bound along y.
    record = gdcli.minimize("x**2 + 100*y**2", x=1, y=0, lr=0.1).result()
    assert find(record, "rate").evidence["predicted_factor"] == pytest.approx(0.8)
    assert "learning-rate-too-large" not in codes(record)


@pytest.mark.slow
def test_maximizing_and_rates_by_variable_are_seen_as_the_rule_feels_them() -> None:
    record = gdcli.minimize("-(x**2) - 4*y**2", x=1, y=1, lr=0.3, maximize=True).result()
    assert find(record, "learning-rate-too-large").evidence["bound"] == 0.25
    record = gdcli.minimize(BOWL, x=1, y=1, lr=0.1, lrs={"y": 0.3}).result()
    finding = find(record, "learning-rate-too-large")
    assert finding.evidence["bound"] == pytest.approx(0.25)
    assert cured(record, finding).result.loss < 1e-3
    record = gdcli.minimize(BOWL, x=1, y=1, lr=0.3, lrs={"y": 0.1}, steps=200).result()
    assert find(record, "rate").evidence["predicted_factor"] == pytest.approx(0.4)


def test_predicted_steps_go_to_the_tolerance_of_the_run() -> None:
    record = gdcli.minimize(tol_grad=[1e-3], lr=0.1).result()
    assert find(record, "rate").evidence["steps_to_goal"] == record.result.iteration


# Theory, against recurrences and grids

RULES = [
    LinearRule("plain"),
    LinearRule("heavy ball", 0.3),
    LinearRule("heavy ball", 0.9),
    LinearRule("heavy ball", 0.9, gain=0.5),
    LinearRule("nesterov", 0.5),
    LinearRule("nesterov", 0.95),
]


def last_size(rule: LinearRule, lr: float, a: float, steps: int) -> float:
    """How large the error along one eigenvalue is in the end: the rule as torch.optim.SGD makes it, on a e**2 / 2."""
    e, v = 1.0, 0.0
    sizes = []
    for _ in range(steps):
        g = a * e
        v = rule.momentum * v + rule.gain * g
        e -= lr * (g + rule.momentum * v if rule.kind == "nesterov" else v)
        sizes.append(abs(e))
    return max(sizes[-50:])


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_bound_separates_the_rates_that_converge(rule: LinearRule) -> None:
    for largest in (0.5, 7.0):
        bound = rule.bound(largest)
        assert last_size(rule, 0.99 * bound, largest, 4000) < 1e-3
        assert last_size(rule, 1.01 * bound, largest, 4000) > 1e3


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_factor_is_that_of_the_recurrence(rule: LinearRule) -> None:
    for share in (0.05, 0.4, 0.93):
        lr = share * rule.bound(3.0)
        ratio = last_size(rule, lr, 3.0, 400) / last_size(rule, lr, 3.0, 200)
        assert ratio ** (1 / 200) == pytest.approx(rule.factor(lr, 3.0), rel=1e-2)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_best_rate_is_best_on_a_grid(rule: LinearRule) -> None:
    ends = (0.7, 9.0)
    best = rule.worst(rule.best_rate(*ends), ends)[0]
    grid = (rule.worst(rule.bound(9.0) * k / 500, ends)[0] for k in range(1, 500))
    assert best <= min(grid) + 2e-3


def test_best_heavy_ball_is_best_on_a_grid() -> None:
    ends = (0.7, 9.0)
    best = best_heavy_ball(*ends)
    rule = LinearRule("heavy ball", best.momentum)
    assert rule.worst(best.lr, ends)[0] == pytest.approx(best.factor, abs=1e-6)
    for momentum, share in itertools.product((0.1, 0.2, 0.3, 0.4, 0.5), range(1, 60)):
        other = LinearRule("heavy ball", momentum)
        assert other.worst(other.bound(9.0) * share / 60, ends)[0] >= best.factor - 1e-9


def test_nesterovs_constants_give_their_rate() -> None:
    tuned = safe_nesterov(0.7, 9.0)
    rule = LinearRule("nesterov", tuned.momentum)
    assert rule.worst(tuned.lr, (0.7, 3.0, 9.0))[0] == pytest.approx(tuned.factor, abs=1e-6)


# Curvature


SPECTRA = {
    "random": torch.randn(300, generator=torch.Generator().manual_seed(1), dtype=torch.float64),
    "a condition number of 10,000": torch.logspace(0, 4, 300, dtype=torch.float64),
    "a multiple of 1": torch.full((300,), 2.0, dtype=torch.float64),
    "three eigenvalues": torch.tensor([1.0, 5.0, -2.0] * 100, dtype=torch.float64),
    "low rank": torch.cat([torch.zeros(290, dtype=torch.float64), torch.arange(1.0, 11.0, dtype=torch.float64)]),
    "zero": torch.zeros(300, dtype=torch.float64),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECTRA)
def test_lanczos_finds_the_ends_that_eigvalsh_finds(name: str) -> None:
    q, _ = torch.linalg.qr(torch.randn(300, 300, generator=torch.Generator().manual_seed(2), dtype=torch.float64))
    matrix = (q * SPECTRA[name]) @ q.T
    products = []

    def product(vector: torch.Tensor) -> torch.Tensor:
        products.append(1)
        return matrix @ vector

    found = lanczos(product, 300)
    exact = torch.linalg.eigvalsh(matrix)
    size = float(exact.abs().max()) or 1.0
    assert found.smallest == pytest.approx(float(exact[0]), abs=1e-8 * size)
    assert found.largest == pytest.approx(float(exact[-1]), abs=1e-8 * size)
    for i in (0, -1):
        vector = found.vectors[:, i]
        assert float((matrix @ vector - found.values[i] * vector).norm()) <= found.errors[i] + 1e-9 * size
    assert len(products) <= {"a multiple of 1": 1, "three eigenvalues": 3, "low rank": 12, "zero": 1}.get(name, 300)


@pytest.mark.slow
def test_lanczos_on_hessian_products_is_the_hessian() -> None:
    values = {"x": "linspace(-1, 1, 250)"}
    problem = prepare("sum(x**4) + sum(x)**2", gdcli.minimize("sum(x**4) + sum(x)**2", values).settings, ["x"])
    x = torch.linspace(-1, 1, 250, dtype=torch.float64)
    exact = torch.linalg.eigvalsh(torch.diag(12 * x**2) + 2)
    found = spectrum(problem)
    assert not found.exact
    assert found.largest == pytest.approx(float(exact[-1]), rel=1e-5)
    assert found.smallest == pytest.approx(float(exact[0]), abs=1e-3)
    assert rate_from_curvature(problem, maximize=False) == pytest.approx(1 / float(exact[-1]), rel=1e-5)


def test_spectrum_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(ArithmeticError):
        exact_spectrum(torch.tensor([[math.inf]]))
    with pytest.raises(ArithmeticError):
        lanczos(lambda vector: vector * math.nan, 300)


@pytest.mark.slow
def test_many_unknowns_are_diagnosed_by_lanczos() -> None:
    record = gdcli.minimize("sum(x**2 * arange(1, 301))", x="ones(300)", lr=0.01).result()
    evidence = find(record, "learning-rate-too-large").evidence
    assert evidence["largest"] == pytest.approx(600)
    assert evidence["direction"].keys() == {"x[299]"}
    record = gdcli.minimize("sum(x**2 * arange(1, 301))", x="ones(300)", lr=0.001, steps=20).result()
    evidence = find(record, "slow").evidence
    assert evidence["exact"] is False
    assert evidence["condition_number"] == pytest.approx(300)


def test_auto_rate_without_second_derivatives_is_an_error() -> None:
    with pytest.raises(gdcli.GdcliError, match="hardsigmoid_backward"):
        gdcli.minimize("(hardsigmoid(x) - 0.9)**2", x=0.0, lr="auto").result()


# Places


def test_saddle_has_its_eigenvalue_and_direction() -> None:
    evidence = find(gdcli.minimize("x**2 - y**2 + y**4", x=1, y=0).result(), "saddle").evidence
    assert evidence["kind"] == "saddle"
    assert evidence["eigenvalue"] == pytest.approx(-2)
    assert evidence["direction"] == {"y": 1.0}
    finding = find(gdcli.minimize("x*y", x=0, y=0).result(), "saddle")
    assert finding.evidence["direction"] == pytest.approx({"x": math.sqrt(0.5), "y": -math.sqrt(0.5)})
    assert "along 0.71 x - 0.71 y" in finding.message


@pytest.mark.slow
def test_a_ring_of_minima_is_no_saddle() -> None:
    # Near the circle of minima the curvature along it is -|gradient| / radius.
    record = gdcli.minimize("(x**2 + y**2 - 1)**2", x=0.5, y=0.1, lr=0.01, steps=100).result()
    assert 1e-6 < 1 - math.hypot(*record.result.values.values()) < 1e-3
    assert "saddle" not in codes(record)
    assert "saddle" in codes(gdcli.minimize("(x**2 + y**2 - 1)**2", x=0, y=0).result())


def test_a_saddle_among_many_unknowns_is_seen_by_lanczos() -> None:
    text, values = "sum(x**2) - y**2 + y**4", {"x": "ones(300)", "y": 0.0}
    finding = find(gdcli.minimize(text, values).result(), "saddle")
    assert finding.evidence["direction"] == {"y": pytest.approx(1.0)}
    assert finding.evidence["eigenvalue"] == pytest.approx(-2)
    assert "saddle" not in codes(gdcli.minimize(text, {**values, "y": 0.1}, steps=8).result())


@pytest.mark.slow
def test_maximum_and_minimum_are_told_by_the_direction_of_the_run() -> None:
    assert find(gdcli.minimize("cos(x)", x=0).result(), "saddle").evidence["kind"] == "maximum"
    record = gdcli.minimize("x**2", x=0, maximize=True).result()
    assert find(record, "saddle").message.startswith("started at a minimum")
    assert codes(gdcli.minimize("x**2", x=0).result()) == []


def test_float_floor_has_the_step_and_the_spacing() -> None:
    record = gdcli.minimize().result()
    evidence = find(record, "float-floor").evidence
    steps = [*record.iterations, record.result]
    since = next(i for i, step in enumerate(steps) if step.values == record.result.values)
    assert evidence["since"] == since
    assert evidence["spacing"] == torch.finfo(torch.float32).eps  # of numbers in [1, 2)
    assert evidence["step"] == pytest.approx(0.1 * abs(record.result.grads["x"]))
    assert evidence["step"] < evidence["spacing"] / 2
    assert "float-floor" not in codes(gdcli.minimize(dtype="float64", steps=1000, lr=0.5).result())


@pytest.mark.slow
def test_float_floor_is_also_where_only_the_last_digit_changes() -> None:
    record = gdcli.fit_linear(lr=0.0357, steps=60).result()
    last, before = record.result, record.iterations[-1]
    assert last.values != before.values
    finding = find(record, "float-floor")
    assert "only the last digit changes" in finding.message
    assert cured(record, finding).result.loss < 1e-3 * record.result.loss
    # As small are the steps of a run with a tiny rate, but they add up.
    assert "float-floor" not in codes(gdcli.minimize(lr=1e-7).result())


def test_zig_zag_and_oscillation_are_told_apart_by_what_is_left() -> None:
    evidence = find(gdcli.minimize(LONG_BOWL, x=10, y=1, lr=0.0099).result(), "zig-zag").evidence
    assert evidence["cosine"] < -0.9
    assert evidence["progress_cosine"] < 0.7
    evidence = find(gdcli.minimize(lr=0.9).result(), "oscillating").evidence
    assert evidence["cosine"] == pytest.approx(-1)


@pytest.mark.slow
def test_a_known_minimum_is_no_plateau_and_no_saddle() -> None:
    for name in ("easom", "ackley"):
        minimum = gdcli.minimize(name).result().minimum
        assert not isinstance(minimum, msgspec.UnsetType)
        record = gdcli.minimize(name, minimum.values, steps=5).result()
        assert not {"saddle", "vanishing-gradient"} & set(codes(record))


# Where a number that is not finite arose


@pytest.mark.parametrize(
    ("expression", "options", "expected"),
    [
        ("log(x - 3) + x**2", {"x": 4, "lr": 1}, ("forward", "log", "log(x - 3)", "nan", 1)),
        ("1 / x + 3", {"x": 0}, ("forward", "/", "1 / x", "inf", 0)),
        ("sqrt(x) + 1", {"x": 0}, ("backward", "sqrt", "sqrt(x)", "inf", 0)),
        ("sum(sqrt(W @ [1, 1]))", {"W": [[1, -1], [2, 3]]}, ("backward", "sqrt", "sqrt(W @ [1, 1])", "inf", 0)),
        ("exp(x**2)", {"x": 3, "lr": 0.1}, ("forward", "exp", "exp(x**2)", "inf", 1)),
        ("(exp(x) - exp(x)) * exp(x) / exp(x)", {"x": 100}, ("forward", "exp", "exp(x)", "inf", 0)),
        ("abs(x)", {"x": 1e38, "lr": 1e39, "maximize": True}, ("update", "update", None, None, 1)),
    ],
)
def test_origin_of_nan(expression: str, options: dict[str, Any], expected: tuple[Any, ...]) -> None:
    record = gdcli.minimize(expression, **options).result()
    assert record.status == "diverged"
    evidence = find(record, "not-finite").evidence
    found = tuple(evidence.get(key) for key in ("during", "operation", "text", "value", "iteration"))
    assert found == expected
    if evidence["during"] != "update":
        start, end = evidence["span"]
        assert expression[start:end] == evidence["text"]


def test_origin_of_nan_has_its_operands() -> None:
    finding = find(gdcli.minimize("log(x - 3) + x**2", x=4, lr=1).result(), "not-finite")
    assert finding.message == "log(x - 3) became nan at iteration 1, where x - 3 = -8; the last point before was x = 4"
    assert finding.evidence["operands"] == {"x - 3": -8.0}


@pytest.mark.slow
def test_overflow_of_a_narrow_dtype_is_cured_by_a_wide_one() -> None:
    record = gdcli.minimize("x**2 / 1000", x=300, dtype="float16", lr=1).result()
    finding = find(record, "not-finite")
    assert finding.remedy is not None
    assert finding.remedy.options == "--dtype float64"
    assert cured(record, finding).status == "max_steps"


def test_dead_relu_in_an_expression() -> None:
    values = {"W": "rand(3, 4)", "x": [0, 1, 2, 3]}
    text = "torch.sum((torch.relu(W.matmul(x)) - 1)**2)"
    record = gdcli.minimize(text, values, wrt=["W"]).result()
    finding = find(record, "dead-relu")
    since = finding.evidence["since"]
    zero = [not any(map(any, step.grads["W"])) for step in record.iterations]
    assert zero.index(True) == since
    assert finding.message.startswith(f"torch.relu(W.matmul(x)) died in the update of iteration {since - 1}")
    assert cured(record, finding).result.loss < 1e-3
    assert "dead-relu" not in codes(gdcli.minimize(text, values, wrt=["W"], lr=0.01).result())


# Other rules, limits, failures


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [("adam", ["slow"]), ("rmsprop", ["slow"]), ("lbfgs", ["held"]), ("rprop", []), ("adagrad", ["slow"])],
)
def test_rules_without_theory_get_no_bound_and_no_prediction(optimizer: str, expected: list[str]) -> None:
    record = gdcli.minimize(BOWL, x=1, y=1, optimizer=optimizer, steps=50).result()
    assert codes(record) == expected
    for finding in record.diagnosis:
        assert "predicted_factor" not in finding.evidence
        assert finding.evidence.get("bound") is None


def test_clipping_bounds_and_schedules_void_the_theory() -> None:
    assert not {"rate", "learning-rate-too-large"} & set(codes(gdcli.minimize(clip_norm=0.1, steps=30).result()))
    assert not {"rate", "learning-rate-too-large"} & set(codes(gdcli.minimize(bound={"x": [2, 5]}).result()))
    assert "rate" not in codes(gdcli.minimize(schedule="exponential", sched={"gamma": 0.99}).result())


def test_a_rate_that_a_schedule_raises_too_high_is_found() -> None:
    options = {"schedule": "cyclic", "sched": {"base_lr": 0.1, "max_lr": 3.0, "step_size_up": 20}}
    finding = find(gdcli.minimize(BOWL, x=1, y=1, **options).result(), "learning-rate-too-large")
    assert finding.evidence["lr"] > finding.evidence["bound"] == 0.25


def test_a_random_loss_has_no_curvature_and_says_so() -> None:
    record = gdcli.minimize("sum((x - rand(3))**2)", x=[1, 2, 3]).result()
    assert codes(record) == ["no-curvature"]
    assert "new random numbers at every step" in record.diagnosis[0].message


def test_a_hessian_that_pytorch_cannot_compute_is_left_out_and_said() -> None:
    record = gdcli.minimize("(hardsigmoid(x) - 0.9)**2", x=0.0, lr=0.1).result()
    assert record.diagnosis[-1].code == "no-curvature"
    assert "hardsigmoid_backward" in record.diagnosis[-1].evidence["reasons"][0]


def test_a_diagnosis_that_fails_does_not_fail_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(diagnosing, "_FINDERS", ((broken, frozenset(["x"])), *diagnosing._FINDERS))
    record = gdcli.minimize().result()
    assert codes(record) == ["rate", "float-floor", "incomplete"]
    assert record.diagnosis[-1].evidence == {"part": "broken", "error": "ZeroDivisionError: on purpose"}
    monkeypatch.setattr(diagnosing, "_FINDERS", ())
    monkeypatch.setattr(diagnosing, "unexplained", broken)
    assert codes(gdcli.minimize("matyas").result()) == ["incomplete"]


def test_every_finding_is_documented() -> None:
    rows = [line[4:28] for line in (diagnosis.__doc__ or "").splitlines() if re.match("    [a-z]", line)]
    documented = [code for row in rows for code in re.findall("[a-z-]+", row)]
    assert sorted(documented) == sorted(typing.get_args(FindingCode))


def test_without_diagnose_there_is_none() -> None:
    record = gdcli.minimize(diagnose=False).result()
    assert record.diagnosis == []
    assert replace(record, settings=replace(record.settings, diagnose=True)) == replace(
        gdcli.minimize().result(), diagnosis=[]
    )


def test_diagnosis_of_a_descent_that_is_iterated_again_is_the_same() -> None:
    descent = gdcli.minimize(lr=1.5)
    assert descent.result() == descent.result()


# The trace


def state(i: int, x: float, loss: float) -> State:
    return State(i, loss, {"x": x}, {"x": 1.0}, 0.1)


def test_trace_keeps_few_pairs_of_a_long_run() -> None:
    trace = Trace(state(0, 0.0, 0.0))
    for i in range(1, 5001):
        trace.see(state(i, float(min(i, 4000)), float(i % 2) if i < 3900 else 0.0))
    assert PAIRS / 3 - 1 <= len(trace.pairs) <= PAIRS
    gaps = {b.iteration - a.iteration for (_, a), (_, b) in itertools.pairwise(trace.pairs)}
    assert gaps == {81}  # odd
    assert all(b.iteration == a.iteration + 1 for a, b in trace.pairs)
    assert (trace.first.iteration, trace.previous.iteration, trace.last.iteration) == (0, 4999, 5000)
    assert trace.still == 1000
    assert trace.rises == 1950


def test_trace_takes_a_cycle_of_equal_losses_for_no_standstill() -> None:
    trace = Trace(state(0, 1.0, 1.0))
    for i in range(1, 101):
        trace.see(state(i, (-1.0) ** i, 1.0))
    assert trace.still == 0


# What is shown


def test_findings_follow_the_table_in_lines_of_80(run: Run) -> None:
    done = run("minimize", BOWL, "--x", "1", "--y", "1", "--lr", "0.3")
    lines = done.out.splitlines()
    assert lines[-3] == "diagnosis: lr 0.3 > 2/L = 0.25 (L = 8, along y), so each step multiplies the"
    assert lines[-2].startswith("           error there by 1.4; try --lr 0.2 (a millionth of ")
    assert max(map(len, lines)) <= 80


def test_at_most_three_findings_are_shown_and_none_that_is_for_programs(run: Run) -> None:
    shown = run("minimize").out.count("diagnosis:")
    assert 1 <= shown <= 3
    assert "diagnosis:" not in run("minimize", "sum((x - rand(3))**2)", "--x", "1,2,3").out


@pytest.mark.parametrize("words", [["--no-diagnose"], ["--quiet"]])
def test_people_can_do_without(words: list[str], run: Run) -> None:
    assert "diagnosis:" not in run("minimize", *words).out


@pytest.mark.slow
@pytest.mark.parametrize("command", ["minimize", "fit-linear"])
def test_documents_have_the_diagnosis(command: str, run: Run) -> None:
    document = run(command, "--json").json()
    assert document["settings"]["diagnose"] is True
    assert document["diagnosis"]
    assert run(command, "--jsonl").lines()[-1]["diagnosis"] == document["diagnosis"]
    assert run(command, "--no-diagnose", "--json").json()["diagnosis"] == []
    for finding in document["diagnosis"]:
        assert set(finding) == {"code", "message", "remedy", "evidence"}


@pytest.mark.slow
def test_curvature_is_that_of_the_point_in_float64() -> None:
    # A point of float64 that is rounded to float32 on the way has an eigenvalue that is off by 1%.
    rule: dict[str, Any] = {"optimizer": "sgd", "momentum": 0.9, "nesterov": True, "lr": 1e-3, "dtype": "float64"}
    record = gdcli.minimize("schaffer-2", **rule).result()
    evidence = find(record, "slow").evidence
    x, y = (torch.tensor(record.result.values[name], dtype=torch.float64) for name in ("x", "y"))

    def loss(point: torch.Tensor) -> torch.Tensor:
        x, y = point
        return 0.5 + (torch.sin(x**2 - y**2) ** 2 - 0.5) / (1 + 0.001 * (x**2 + y**2)) ** 2

    values = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, torch.stack([x, y])))
    assert evidence["smallest"] == pytest.approx(float(values[0]), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "settings", "said", "unsaid"),
    [
        # A run that has come to rest does not oscillate, however its gradients turned on the way.
        ("trefethen", {"optimizer": "manual-exact", "lr": 1e-3}, "local-minimum", "oscillating"),
        ("box-3d", {"optimizer": "sgd", "momentum": 0.9, "nesterov": True, "lr": 0.03, "steps": 30}, "", "oscillating"),
        ("shekel", {"optimizer": "manual-backtracking", "lr": 0.1, "dtype": "float64"}, "", "oscillating"),
        # A ring of minima has one that is flat along the ring; a curved valley at whose end nothing rests has none.
        ("drop-wave", {"lr": 0.03, "dtype": "float64"}, "local-minimum", "unexplained"),
        ("schaffer-4", {"optimizer": "sgd", "momentum": 0.9, "lr": 1}, "unexplained", "local-minimum"),
        # More steps bring these no nearer, so they are not slow.
        ("beale", {"optimizer": "rmsprop", "lr": 0.1}, "unexplained", "slow"),
        ("mifflin-2", {"optimizer": "lbfgs", "lr": 0.3, "dtype": "float64", "steps": 40}, "unexplained", "slow"),
        # No smaller rate is better, and the loss falls below the known minimum: neither may be silent.
        ("brown-badly-scaled", {"lr": 0.01}, "unexplained", "learning-rate-too-large"),
        ("forrester", {"lr": 0.03, "steps": 30}, "unexplained", "learning-rate-too-large"),
    ],
)  # fmt: skip
def test_cause_is_one_that_the_run_bears_out(problem: str, settings: dict[str, Any], said: str, unsaid: str) -> None:
    found = codes(gdcli.minimize(problem, **settings).result())
    assert not said or said in found
    assert unsaid not in found


def test_a_curvature_at_a_kink_is_no_bound() -> None:
    # The start lies on the circle where the gradient jumps: the curvature there is that of one side alone.
    record = gdcli.minimize("mifflin-1", optimizer="sgd", momentum=0.9, lr=0.3, dtype="float64").result()
    assert find(record, "learning-rate-too-large").evidence["iteration"] > 0


@pytest.mark.parametrize(("lr", "factor"), [(0.1, 0.64), (0.45, 0.01)])
def test_loss_of_a_single_step_has_its_factor(lr: float, factor: float) -> None:
    evidence = find(gdcli.minimize("x**2", x=1, lr=lr, steps=1).result(), "slow").evidence
    assert evidence["measured_loss_factor"] == pytest.approx(factor, rel=1e-4)


def test_cosines_are_taken_at_odd_distances() -> None:
    """With the signs + + - - every second pair agrees: a sample of every second pair sees only one kind."""
    trace = Trace(state(0, 0.0, 1.0))
    for i in range(1, 1001):
        trace.see(state(i, (1.0, 1.0, -1.0, -1.0)[i % 4], float(i)))
    opposed = [a.values["x"] * b.values["x"] < 0 for a, b in trace.pairs[1:]]
    assert 0.4 < sum(opposed) / len(opposed) < 0.6


@pytest.mark.slow
def test_a_kink_that_a_run_has_crossed_once_is_not_one_that_it_steps_back_and_forth_over() -> None:
    """A hinge loss whose first margin is met in the third step: by hand, the loss goes on to fall."""
    hinge = "mean(clamp(1 - y*(w*x + b), min=0)) + 0.005*w**2"
    data = {"x": [1.0, 2.0, 3.0, 4.0], "y": [-1.0, -1.0, 1.0, 1.0]}
    start = {"expression": hinge, **data, "w": 0.0, "b": 0.0, "wrt": ["w", "b"], "lr": 0.1}
    few, many = (gdcli.minimize(**start, steps=steps).result() for steps in (3, 400))  # type: ignore[arg-type]
    assert many.result.loss < 0.2 < few.result.loss
    assert "kink" not in {finding.code for finding in few.diagnosis}
