"""Races: every run against the single run of minimize, the ranks, the tuning, the errors, and what is printed."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from conftest import Run

import gdcli
from gdcli.contract.compare import CompareResult, CompareSettings, RaceRun, Standing
from gdcli.race.race import Race
from gdcli.rules.catalogue import RULES

ROSENBROCK = "(1 - x)**2 + 100*(y - x**2)**2"
ONE_BY_ONE = [name for name, row in RULES.items() if not row.elementwise and not row.has_batch_form]
BATCHED = [name for name in RULES if name not in ONE_BY_ONE]
RATES = {"manual": 1e-3, "sgd": 1e-3, "manual-momentum": 3e-4, "manual-nesterov": 3e-4, "adadelta": 1.0, "lbfgs": 0.3}


def race(expression: str = "rosenbrock", *optimizers: str, **settings: Any) -> CompareResult:
    return gdcli.compare(expression, optimizer=list(optimizers), **settings)


def only(record: CompareResult) -> Standing:
    (entry,) = record.standings
    return entry


class Alone(NamedTuple):
    """A run of minimize, to a state that a race has ended in."""

    loss: float
    best_loss: float
    values: dict[str, Any]
    evaluations: int


def alone(record: CompareResult, entry: Standing, run: RaceRun) -> Alone:
    """The same run by ``minimize``: as many steps, from the same start, at the same rate."""
    opt = {key.partition(".")[2]: v for key, v in record.settings.opt.items() if key.startswith(f"{entry.optimizer}.")}
    own = {key: opt.pop(key) for key in ("momentum", "dampening", "weight_decay", "nesterov") if key in opt}
    s = record.settings
    opt.pop("lr", None)
    settings = {"opt": opt, "steps": run.steps + 1, "dtype": s.dtype, "seed": s.seed, "bound": s.bound}
    settings |= {"clip_norm": s.clip_norm, "clip_value": s.clip_value, "wrt": s.wrt, **own}
    values = {**s.values, **record.starts[run.start]}
    expression = record.rules.expression
    descent = gdcli.minimize(expression, values, optimizer=entry.optimizer, lr=run.lr, settings=settings)
    steps = []
    for step in descent:
        steps.append(step)
        if step.iteration == run.steps:  # before the update that would follow
            break
    best = min((step.loss for step in steps if not math.isnan(step.loss)), default=math.inf)
    return Alone(steps[-1].loss, best, steps[-1].values, descent.evaluations)


def check_bits(record: CompareResult) -> None:
    """Each run is, bit for bit, the run of minimize with as many steps."""
    for entry in record.standings:
        for run in entry.runs:
            assert Alone(run.loss, run.best_loss, run.values, run.evaluations) == alone(record, entry, run)


# Runs


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [name for name in RULES if name != "muon"])
def test_a_run_alone_is_the_run_of_minimize(optimizer: str) -> None:
    record = race("rosenbrock", optimizer, lr=RATES.get(optimizer, 0.02), steps=40)
    assert not only(record).batched
    check_bits(record)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", BATCHED)
def test_runs_of_a_batch_are_those_of_minimize_bit_for_bit(optimizer: str, dtype: str) -> None:
    record = race("rosenbrock", optimizer, lr=RATES.get(optimizer, 0.02), steps=60, starts=3, dtype=dtype, seed=5)
    assert only(record).batched
    check_bits(record)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["himmelblau", "booth", "beale"])
def test_batches_of_other_problems_have_the_same_bits(name: str) -> None:
    record = race(name, "sgd", "manual-adam", "lbfgs", lr=0.005, starts=4, steps=40)
    assert all(entry.batched for entry in record.standings)
    check_bits(record)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lr", [1e-10, 1e-6, 0.3, 1.0])
def test_lbfgs_ends_its_inner_loop_where_torch_does(lr: float, dtype: str) -> None:
    """Without a tolerance it goes on to where nothing changes any more, in the loss, the variables or the gradient."""
    quartic = "(x*x)*(x*x) + 2*(y*y)*(y*y)"  # a power of 4 would be rounded otherwise in a batch
    settings = {"domain": {"x": [-1.28, 1.28], "y": [-1.28, 1.28]}, "tol": 0, "starts": 4, "steps": 150}
    record = race(quartic, "lbfgs", lr=lr, dtype=dtype, **settings)
    assert only(record).batched
    check_bits(record)


@pytest.mark.slow
def test_lbfgs_forgets_as_torch_does() -> None:
    opt = {"lbfgs.history_size": 3, "lbfgs.max_iter": 7, "lbfgs.max_eval": 5, "lbfgs.tolerance_grad": 0.1}
    record = race("rosenbrock", "lbfgs", lr=0.3, opt=opt, starts=4, steps=60)
    assert only(record).batched
    check_bits(record)


def test_a_batch_of_vectors_has_the_same_bits() -> None:
    record = race("rosenbrock", "sgd", "rmsprop", lr=1e-3, dim=6, starts=3, steps=40)
    assert all(entry.batched for entry in record.standings)
    check_bits(record)


def test_options_of_one_optimizer_reach_its_runs() -> None:
    opt = {"adam.betas": [0.8, 0.9], "sgd.momentum": 0.5, "sgd.nesterov": True, "sgd.lr": 1e-4}
    record = race("rosenbrock", "adam", "sgd", lr=0.01, starts=2, steps=30, opt=opt)
    assert {entry.optimizer: entry.lr for entry in record.standings} == {"adam": 0.01, "sgd": 1e-4}
    assert record.settings.opt["adam.betas"] == [0.8, 0.9]
    assert record.settings.opt["sgd.momentum"] == 0.5
    check_bits(record)
    assert (
        only(race("rosenbrock", "adam", lr=0.01, steps=30, opt={"adam.betas": [0.8, 0.9]})).loss
        != only(race("rosenbrock", "adam", lr=0.01, steps=30)).loss
    )


@pytest.mark.slow
def test_bounds_and_clipping_hold_in_a_batch() -> None:
    limits = {"bound": {"x": [-1.5, 0.5]}, "domain": {"x": [-1.5, 0.5]}, "clip_value": 3.0}
    record = race("rosenbrock", "manual", "adam", lr=0.01, starts=4, steps=50, **limits)
    assert all(entry.batched for entry in record.standings)
    assert max(run.values["x"] for entry in record.standings for run in entry.runs) == 0.5
    check_bits(record)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "more"),
    [
        ("adafactor", {}),
        ("sgd", {"clip_norm": 1.0, "lr": 0.01}),
        ("lbfgs", {"opt": {"lbfgs.line_search_fn": "strong_wolfe"}}),
        ("lbfgs", {"dim": 4, "tune": False}),
    ],
)
def test_what_looks_at_whole_tensors_runs_one_by_one(optimizer: str, more: dict[str, Any]) -> None:
    record = race("rosenbrock", optimizer, starts=2, steps=15, **more)
    assert not only(record).batched
    check_bits(record)


@pytest.mark.slow
def test_muon_runs_one_by_one_on_matrices() -> None:
    values = {"W": "zeros(2, 2)"}
    settings = {"starts": 2, "steps": 10, "domain": {"W": [-1, 1]}, "optimizer": ["muon"]}
    record = gdcli.compare("sum((W @ [1, 2] - [3, 4])**2)", values, **settings)
    assert not only(record).batched
    check_bits(record)


@pytest.mark.slow
def test_a_batch_rounds_powers_otherwise_by_little() -> None:
    """x**4 is a power that PyTorch computes otherwise for many elements than for one; nothing else differs."""
    record = race("x**4 - 3*x**2 + x", "sgd", lr=0.01, starts=40, domain={"x": [-2, 2]}, steps=15)
    assert only(record).batched
    for run in only(record).runs:
        assert run.values["x"] == pytest.approx(alone(record, only(record), run).values["x"], rel=1e-5)


def test_lbfgs_of_many_numbers_is_batched_when_it_is_tuned_and_differs_in_rounding() -> None:
    settings = {"dim": 5, "steps": 12, "tol": 0, "dtype": "float64", "starts": 2}
    record = race("rosenbrock", "lbfgs", tune=True, rates=2, rate_range=[0.1, 0.2], **settings)
    assert only(record).batched
    for run in only(record).runs:
        assert run.loss == pytest.approx(alone(record, only(record), run).loss, rel=1e-6)


def test_batch_is_the_loop_of_a_script() -> None:
    record = race("sphere", "sgd", lr=0.1, starts=3, steps=10, tol=0)
    for start, run in zip(record.starts, only(record).runs, strict=True):
        x = torch.tensor(start["x"], requires_grad=True)
        optimizer = torch.optim.SGD([x], lr=0.1)
        for _ in range(10):
            optimizer.zero_grad()
            torch.sum(x**2).backward()
            optimizer.step()
        assert run.values["x"] == x.tolist()


@pytest.mark.slow
def test_runs_that_diverge_or_arrive_leave_the_others_alone() -> None:
    record = race("rosenbrock", "sgd", tune=True, rates=9, rate_range=[1e-4, 1.0], steps=200, tol=0.3)
    trials = only(record).tuning.trials
    assert {trial.reached for trial in trials} == {0, 1}
    for trial in trials:
        steps = list(gdcli.minimize("rosenbrock", optimizer="sgd", lr=trial.lr, steps=200))
        end = next((step for step in steps[:200] if step.loss <= 0.3), steps[-1])
        assert trial.loss == end.loss or not math.isfinite(end.loss)
        assert trial.evaluations == (end.iteration + 1 if trial.reached else math.inf)


def test_a_run_that_has_arrived_does_not_go_on_to_where_the_function_fails() -> None:
    """Another step would bring the near ones to what is rounded to 0, and a matrix of that has no inverse."""
    expression = "x**2 + 0*sum(inverse([[detach(round(1000*x))]]))"
    record = race(expression, "manual", lr=0.45, tol=0.01, starts=9, domain={"x": [0.01, 0.2]})
    assert only(record).batched
    assert {run.steps for run in only(record).runs} == {1, 2}
    check_bits(record)


def test_random_expressions_draw_anew_for_each_run() -> None:
    expression = "sum((x - rand(3))**2)"
    record = gdcli.compare(expression, x="randn(3)", optimizer=["sgd", "manual"], lr=0.1, steps=5)
    alike = gdcli.minimize(expression, x="randn(3)", optimizer="sgd", lr=0.1, steps=5).result()
    assert [entry.loss.median for entry in record.standings] == [alike.result.loss] * 2
    record = race("(x - rand(1)[0])**2", "sgd", lr=0.1, steps=5, starts=3, domain={"x": [-1, 1]})
    assert not only(record).batched
    check_bits(record)


# Goal and budget


@pytest.mark.slow
def test_a_run_ends_in_the_first_state_that_reaches_the_goal() -> None:
    run = only(race("rosenbrock", "adam", lr=0.5)).runs[0]
    losses = [step.loss for step in gdcli.minimize("rosenbrock", optimizer="adam", lr=0.5, steps=500)]
    first = next(i for i, loss in enumerate(losses) if loss <= 1e-4)
    assert (run.status, run.steps, run.evaluations, run.loss) == ("reached", first, first + 1, losses[first])


def test_tolerance_is_relative_to_a_large_minimum() -> None:
    rules = race("styblinski-tang", "sgd", lr=0.01, tol=1e-3).rules
    assert rules.goal == "loss"
    assert rules.minimum == pytest.approx(-78.33233, abs=1e-4)
    assert rules.limit == pytest.approx(rules.minimum + 1e-3 * abs(rules.minimum))


def test_goal_is_the_gradient_where_no_minimum_is_known() -> None:
    record = race("x**2 + 3*y**2", "sgd", lr=0.1, x=1.0, y=1.0, tol=1e-3)
    run = only(record).runs[0]
    assert (record.rules.goal, record.rules.limit, record.rules.minimum) == ("gradient_norm", 1e-3, None)
    assert (only(record).share, run.distance) == (None, None)
    steps = gdcli.minimize("x**2 + 3*y**2", x=1.0, y=1.0, optimizer="sgd", lr=0.1, steps=100)
    norms = [math.hypot(*step.grads.values()) for step in steps]
    assert run.steps == next(i for i, norm in enumerate(norms) if norm <= 1e-3)


def test_known_minimum_does_not_count_when_a_variable_is_fixed() -> None:
    assert race("rosenbrock", "sgd", lr=1e-3, wrt=["x"], steps=5).rules.goal == "gradient_norm"


def test_budget_is_one_of_evaluations_for_lbfgs() -> None:
    record = race("rosenbrock", "sgd", "lbfgs", lr=1e-3, steps=50)
    runs = {entry.optimizer: entry.runs[0] for entry in record.standings}
    assert (runs["sgd"].steps, runs["sgd"].evaluations) == (50, 51)
    assert runs["lbfgs"].steps == 3
    assert 51 <= runs["lbfgs"].evaluations < 51 + 21


@pytest.mark.slow
def test_runs_that_go_nowhere_are_stalled() -> None:
    for starts in (0, 3):
        record = race("rastrigin", "manual", lr=1e-3, steps=500, starts=starts, seed=2)
        assert only(record).statuses == {"stalled": max(1, starts)}
        assert all(run.steps < 500 for run in only(record).runs)
        check_bits(record)


def test_distance_is_to_the_nearest_minimum() -> None:
    record = race("himmelblau", "sgd", lr=0.01, starts=12)
    minima = [(3, 2), (-2.805118, 3.131312), (-3.779310, -3.283186), (3.584428, -1.848126)]
    for run in only(record).runs:
        here = run.values["x"], run.values["y"]
        assert run.distance == pytest.approx(min(math.dist(here, each) for each in minima), abs=1e-5)
    ends = {min(minima, key=lambda each: math.dist((r.values["x"], r.values["y"]), each)) for r in only(record).runs}
    assert len(ends) > 2


@pytest.mark.slow
def test_interrupt_keeps_what_was_computed() -> None:
    settings = {"expression": "rosenbrock", "optimizer": ["sgd", "adam", "lbfgs"], "lr": 1e-3, "starts": 2}
    contest = Race(CompareSettings(**settings))
    for share in contest:
        if share > 0.5:
            contest.interrupt()
    record = contest.record()
    assert record.status == "interrupted"
    assert {entry.optimizer: entry.statuses for entry in record.standings} == {
        "sgd": {"max_steps": 2},
        "adam": {"interrupted": 2},
    }
    assert record.message == "interrupted: 2 of 3 optimizers had started"


# Standings


@pytest.mark.slow
def test_ranks_go_by_runs_that_arrive_then_evaluations_then_loss() -> None:
    settings = {"lr": 0.01, "starts": 10}
    short = {"lbfgs.history_size": 5}  # which takes less time
    record = race("himmelblau", "adam", "sgd", "lbfgs", "manual", opt={"lbfgs.lr": 1e-3, **short}, **settings)
    assert [(entry.rank, entry.optimizer, entry.reached) for entry in record.standings] == [
        (1, "sgd", 10),
        (1, "manual", 10),
        (3, "adam", 8),
        (4, "lbfgs", 0),
    ]
    assert record.message == "sgd and manual did best, reaching the goal from 10 of 10 starts"
    sure = race("himmelblau", "manual", "adam", starts=10, opt={"manual.lr": 0.02, "adam.lr": 0.2})
    assert [(entry.optimizer, entry.reached) for entry in sure.standings] == [("adam", 10), ("manual", 6)]
    assert sure.standings[0].evaluations.median > sure.standings[1].evaluations.median
    fast = race("rosenbrock", "adam", "lbfgs", opt={"adam.lr": 0.5, **short})
    assert [entry.optimizer for entry in fast.standings] == ["lbfgs", "adam"]
    far = race("rosenbrock", "adam", "sgd", lr=1e-3, steps=100)
    assert [entry.optimizer for entry in far.standings] == ["sgd", "adam"]
    assert far.message == "no optimizer reached the goal; sgd came closest"


@pytest.mark.slow
def test_shares_and_statistics_are_those_of_single_runs() -> None:
    record = race("rastrigin", "manual", lr=1e-3, dim=1, starts=20, seed=1, steps=60)
    entry = only(record)
    ends = [alone(record, entry, run) for run in entry.runs]
    reached = sum(abs(end.values["x"][0]) < 0.01 for end in ends)
    assert (entry.reached, entry.share) == (reached, reached / 20)
    assert 0 < reached < 10
    losses = torch.tensor([end.loss for end in ends], dtype=torch.float64)
    quartiles = torch.quantile(losses, torch.tensor([0.5, 0.25, 0.75], dtype=torch.float64)).tolist()
    assert [entry.loss.median, entry.loss.q1, entry.loss.q3] == pytest.approx(quartiles, rel=1e-6)
    assert entry.evaluations.median == math.inf
    assert entry.cost == sum(run.evaluations for run in entry.runs)


@pytest.mark.slow
def test_a_run_that_never_arrives_counts_as_infinite() -> None:
    entry = only(race("himmelblau", "adam", lr=0.01, starts=10))
    counts = sorted(run.evaluations if run.status == "reached" else math.inf for run in entry.runs)
    assert counts[-1] == math.inf
    assert entry.evaluations.median == (counts[4] + counts[5]) / 2


@pytest.mark.slow
def test_curve_holds_the_losses_of_the_run() -> None:
    curve = only(race("rosenbrock", "sgd", lr=1e-3, steps=30)).curve
    assert curve.evaluations == list(range(1, 32))
    losses = [step.loss for step in gdcli.minimize("rosenbrock", optimizer="sgd", lr=1e-3, steps=30)]
    assert curve.loss == losses
    long = only(race("rosenbrock", "sgd", lr=1e-3, steps=3000)).curve
    assert len(long.loss) == 60
    assert (long.evaluations[0], long.evaluations[-1]) == (1, 3001)
    medians = only(race("rosenbrock", "sgd", lr=1e-3, steps=10, starts=3))
    assert medians.curve.loss[-1] == medians.loss.median


# Starts


def test_starts_lie_in_the_domain_and_depend_on_the_seed_alone() -> None:
    few = race("rosenbrock", "sgd", lr=1e-3, starts=5, steps=1).starts
    many = race("rosenbrock", "adam", lr=1e-3, starts=40, steps=1).starts
    double = race("rosenbrock", "sgd", lr=1e-3, starts=5, steps=1, dtype="float64").starts
    other = race("rosenbrock", "sgd", lr=1e-3, starts=5, steps=1, seed=1).starts
    assert many[:5] == few
    assert all(-2.048 <= number <= 2.048 for start in many for number in start.values())
    assert max(start["x"] for start in many) > 1.5
    assert min(start["y"] for start in many) < -1.5
    assert [start["x"] for start in double] == pytest.approx([start["x"] for start in few], rel=1e-6)
    assert other != few


def test_usual_start_is_that_of_the_problem() -> None:
    assert race("rosenbrock", "sgd", lr=1e-3, steps=1, dtype="float64").starts == [{"x": -1.2, "y": 1.0}]


@pytest.mark.slow
def test_an_expression_is_drawn_from_its_own_domain_in_the_shape_of_its_value() -> None:
    record = gdcli.compare(
        "sum((x - a)**2)", x="zeros(3)", a=2, wrt=["x"], optimizer=["sgd"], starts=4, domain={"x": [5, 6]}
    )
    assert all(len(start["x"]) == 3 and min(start["x"]) >= 5 for start in record.starts)
    assert list(record.starts[0]) == ["x"]


# Tuning


def test_rates_that_work_on_a_quadratic_end_at_two_over_l() -> None:
    """(x**2 + 10*y**2)/2 has L = 10: a rate works below 0.2 where it also arrives within the budget."""
    steps, tol = 100, 1e-4
    record = race("quadratic-10", "manual", tune=True, rates=40, rate_range=[1e-3, 1.0], steps=steps, tol=tol)
    tuning = only(record).tuning

    def arrives(lr: float) -> bool:
        return (10 * (1 - lr) ** steps) ** 2 / 2 + 10 * (1 - 10 * lr) ** (2 * steps) / 2 <= tol

    assert [trial.lr for trial in tuning.trials if trial.reached] == [t.lr for t in tuning.trials if arrives(t.lr)]
    working = [trial.lr for trial in tuning.trials if trial.reached]
    assert tuning.working == [(working[0], working[-1])]
    assert working[-1] < 2 / 10 < working[-1] * 10 ** (3 / 39)
    assert tuning.width == pytest.approx(math.log10(working[-1] / working[0]))
    best = min(tuning.trials, key=lambda trial: (trial.evaluations, trial.loss))
    assert tuning.best == best.lr == only(record).lr == pytest.approx(2 / 11, rel=0.1)


def test_momentum_works_at_rates_up_to_its_own_bound() -> None:
    """2 * (1 + momentum) / L (Polyak 1964)."""
    settings = {"tune": True, "rates": 60, "rate_range": [0.05, 1.0], "steps": 400}
    record = race("quadratic-10", "manual-momentum", opt={"manual-momentum.momentum": 0.5}, **settings)
    ((_, highest),) = only(record).tuning.working
    assert highest < 2 * 1.5 / 10 < highest * 20 ** (3 / 59)


def test_grid_is_even_in_the_logarithm_and_the_same_for_all() -> None:
    record = race("quadratic-10", "sgd", "adam", tune=True, rates=5, rate_range=[1e-3, 10], steps=5)
    for entry in record.standings:
        assert [trial.lr for trial in entry.tuning.trials] == pytest.approx([1e-3, 1e-2, 0.1, 1, 10])
        assert len(entry.runs) == 1
    assert record.rules.runs == 5


def test_cost_counts_the_tuning() -> None:
    record = race("quadratic-10", "sgd", tune=True, rates=4, rate_range=[1e-3, 1e-2], steps=20)
    assert only(record).cost == 4 * 21
    assert only(race("quadratic-10", "sgd", lr=1e-3, steps=20)).cost == 21


def test_a_rate_works_when_half_of_the_starts_arrive() -> None:
    record = race("himmelblau", "manual", tune=True, starts=8, rates=10, rate_range=[1e-3, 0.1], steps=100)
    tuning = only(record).tuning
    working = [trial for trial in tuning.trials if trial.reached >= 4]
    assert {trial.reached for trial in working} >= {5, 8}
    assert tuning.working == [(working[0].lr, working[-1].lr)]
    assert min(trial.lr for trial in working if trial.reached == 8) <= tuning.best < working[-1].lr


def test_no_rate_that_works_is_said() -> None:
    record = race("rosenbrock", "sgd", tune=True, rates=3, rate_range=[1.0, 10.0], steps=10)
    tuning = only(record).tuning
    assert (tuning.working, tuning.width) == ([], None)
    assert [notice.code for notice in record.warnings] == ["all-diverged"]


def test_a_grid_that_is_too_narrow_is_said() -> None:
    record = race("quadratic-10", "sgd", tune=True, rates=4, rate_range=[0.01, 0.1], steps=200)
    assert [notice.message for notice in record.warnings] == [
        "sgd is best at the highest rate of the grid, 0.1: widen it with --rate-range"
    ]


def test_rate_from_the_curvature_is_that_of_each_start() -> None:
    record = race("x**4", "sgd", lr="auto", starts=4, domain={"x": [1, 3]}, steps=5)
    assert only(record).lr is None
    for run in only(record).runs:
        x = record.starts[run.start]["x"]
        assert run.lr == pytest.approx(1 / (12 * x**2), rel=1e-5)
    check_bits(record)


# The command


@pytest.mark.slow
def test_json_fits_the_schema_and_reproduces_itself(run: Run, tmp_path: Path) -> None:
    words = ["compare", "himmelblau", "--optimizer", "sgd,adam", "--tune", "--rates", "4", "--starts", "3"]
    first = run(*words, "--steps", "30", "--opt", "adam.betas=0.8,0.9", "--json")
    record = first.json()
    assert first.code == 0
    assert record["settings"]["opt"]["adam.betas"] == [0.8, 0.9]
    assert record["settings"]["domain"] == {"x": [-5.0, 5.0], "y": [-5.0, 5.0]}
    config = tmp_path / "settings.json"
    config.write_text(json.dumps(record["settings"]))
    assert run("compare", "--config", str(config), "--json").out == first.out


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["--rates", "4", "--steps", "60"],
        ["x**2 - 2*x*y + 3*y**2", "--starts", "2", "--domain", "x=-1:1", "--domain", "y=0:1", "--steps", "9"],
        ["rosenbrock", "--dim", "3", "--optimizer", "manual,lbfgs", "--lr", "auto", "--steps", "9"],
    ],
)
def test_every_record_is_a_config(run: Run, tmp_path: Path, words: list[str]) -> None:
    first = run("compare", *words, "--json")
    config = tmp_path / "record.json"
    config.write_text(first.out)
    first.json()
    assert run("compare", "--config", str(config), "--json").out == first.out


def test_json_has_null_for_what_is_not_finite(run: Run) -> None:
    record = run("compare", "rosenbrock", "--optimizer", "sgd", "--lr", "1", "--json").json()
    (entry,) = record["standings"]
    assert entry["evaluations"] == {"median": None, "q1": None, "q3": None}
    assert entry["runs"][0]["status"] == "diverged"


def test_csv_has_a_row_an_optimizer(run: Run) -> None:
    words = ["compare", "sphere", "--optimizer", "sgd,adadelta", "--tune", "--rates", "5", "--steps", "50"]
    table = run(*words, "--csv")
    rows = list(csv.DictReader(io.StringIO(table.out)))
    record = run(*words, "--json").json()
    assert [row["optimizer"] for row in rows] == [entry["optimizer"] for entry in record["standings"]]
    first, entry = rows[0], record["standings"][0]
    assert float(first["loss"]) == entry["loss"]["median"]
    assert float(first["width"]) == entry["tuning"]["width"]
    assert (first["reached"], first["diverged"], first["share"]) == ("1", "0", "1.0")
    assert rows[1]["evaluations"] == ""


def test_output_file_holds_the_record(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "race.json"
    words = ["compare", "sphere", "--optimizer", "sgd", "--steps", "5", "--json"]
    assert run(*words, "--output", str(target)).out == ""
    assert target.read_text() == run(*words).out


def test_table_has_leaderboard_curves_and_rules(run: Run) -> None:
    words = ["--optimizer", "manual,sgd", "--opt", "manual.lr=0.15", "--steps", "70", "--no-tune"]
    shown = run("compare", "quadratic-10", *words)
    assert shown.out.splitlines()[:5] == [
        "compare quadratic-10: (x**2 + 10*y**2)/2",
        "rank   optimizer     lr   evals   steps          loss    distance   status",
        "─" * 75,
        "   1   manual      0.15      42      41   8.15308e-05   0.0127696   reached",
        "   2   sgd          0.1      64      63   8.58077e-05   0.0131002   reached",
    ]
    assert "goal    a loss of at most 0.0001 with x in [-15, 15] and y in [-1.5, 1.5]; the" in shown.out
    assert "budget  at most 70 steps and 71 evaluations in a run" in shown.out


@pytest.mark.slow
@pytest.mark.parametrize("width", ["60", "80", "120"])
def test_no_line_is_wider_than_the_terminal(width: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("conftest").ENVIRONMENT, "COLUMNS", width)
    for words in (["--steps", "40"], ["himmelblau", "--tune", "--rates", "5", "--starts", "3", "--steps", "20"]):
        shown = run("compare", *words)
        assert shown.code == 0
        assert max(map(len, shown.out.splitlines())) <= int(width)


def test_bars_are_letters_where_the_encoding_has_no_blocks(run: Run) -> None:
    shown = run("compare", "quadratic-10", "--optimizer", "manual", "--steps", "60", encoding="ascii")
    assert shown.code == 0
    assert "manual  #" in shown.out
    assert "\\u" not in shown.out


ERRORS = {
    ("rosenbrok",): ("there is no problem 'rosenbrok'", "did you mean 'rosenbrock'?"),
    ("--optimizer", "sgd,adm"): ("there is no optimizer 'adm'", "did you mean 'adam'? gdcli optimizers lists them all"),
    ("--optimizer", "momentum"): (
        "there is no optimizer 'momentum'",
        "did you mean 'manual-momentum'? gdcli optimizers lists them all",
    ),
    ("--optimizer", "sgd,sgd"): (
        "the optimizer sgd is named twice",
        'list each optimizer once, or with other parameters: --racer "sgd lr=0.01"',
    ),
    ("--opt", "betas=0.9,0.95"): (
        "--opt betas does not name an optimizer",
        "for example: --opt adam.betas=0.9,0.95",
    ),
    ("--opt", "adma.betas=0.9,0.95"): (
        "--opt adma.betas is for 'adma', which is not in the comparison",
        "did you mean 'adam'?",
    ),
    ("--opt", "adam.beta=0.9"): ("adam has no parameter 'beta' in --opt", "did you mean 'betas'?"),
    ("--opt", "adam.betas=0.9"): (
        "'betas' of adam must be 2 numbers, not '0.9'",
        "for example: --opt adam.betas=0.9,0.999",
    ),
    ("--opt", "adam.lr=-1"): ("'lr' of adam must be a number of at least 0, or auto, not '-1'", "for example: 0.1"),
    ("--optimizer", "adam", "--opt", "adam.momentum=0.9"): (
        "adam has no momentum",
        'use --racer "sgd momentum=0.9"; rmsprop, muon, manual-momentum and manual-nesterov have it too',
    ),
    ("--optimizer", "sgd", "--opt", "sgd.nesterov=true"): (
        "nesterov of sgd needs a momentum above 0 and no dampening",
        "for example: --opt sgd.momentum=0.9 --opt sgd.nesterov=true",
    ),
    ("rosenbrock", "--x", "5"): (
        "the start of x lies outside its domain, -2.048:2.048",
        "choose another start, or widen the domain: --domain x=-2.048:5",
    ),
    ("x**2", "--x", "3", "--domain", "x=-2:2"): (
        "the start of x lies outside its domain, -2:2",
        "choose another start, or widen the domain: --domain x=-2:3",
    ),
    ("x**2", "--starts", "5"): (
        "no domain is given to draw the starts of x from",
        "give one: --domain x=-2:2",
    ),
    ("x**2", "--x", "1", "--domain", "x=2:-2"): (
        "the lower end of the domain of x, 2, is above the upper end, -2",
        "for example: --domain x=-2:2",
    ),
    ("x**2", "--x", "1", "--domain", "x=2:"): (
        "the domain of x needs both ends",
        "for example: --domain x=-2:2",
    ),
    ("x**2", "--x", "1", "--domain", "x"): (
        "--domain takes NAME=LOW:HIGH, not 'x'",
        "for example: --domain x=-2:2",
    ),
    ("x**2", "--x", "1", "--domain", "y=0:1"): (
        "the domain names 'y', which is not a variable of the expression",
        "the variables are x",
    ),
    ("--bound", "x=2:1"): ("the lower bound of x, 2, is above the upper bound, 1", "for example: --bound x=1:2"),
    ("--bound", "x=0:1", "--starts", "3"): (
        "the starts of x are drawn from -2.048:2.048, which is not within its bounds",
        "make the domain smaller: --domain x=0:1",
    ),
    ("--no-tune", "--rates", "5"): ("--rates applies only to tuning", "leave out --no-tune"),
    ("--lr", "0.1", "--rates", "5"): (
        "--rates applies only to tuning",
        "leave out the learning rates that are given",
    ),
    ("--tune", "--rate-range", "2:1"): (
        "the lowest rate, 2, must be below the highest, 1",
        "for example: --rate-range 1:2",
    ),
    ("--tune", "--rate-range", "0:1"): (
        "--rate-range takes LOW:HIGH, two numbers greater than 0, not '0:1'",
        "for example: --rate-range 1e-5:10",
    ),
    ("--tune", "--lr", "0.1"): (
        "--tune searches for the learning rates, but --lr sets one",
        "leave one of them out",
    ),
    ("--tune", "--optimizer", "adam", "--opt", "adam.lr=0.1"): (
        "--tune searches for the learning rates, but each rule has one",
        "leave one of them out",
    ),
    ("--lr", "0.1,0.2,0.1"): ("the learning rate 0.1 is given twice", "list each rate once"),
    ("--lr", "0.1,inf"): (
        "--lr must be a number of at least 0, several such as 0.01,0.1,1, or auto, not '0.1,inf'",
        "for example: --lr 0.1",
    ),
    ("--lr", "fast"): (
        "--lr must be a number of at least 0, several such as 0.01,0.1,1, or auto, not 'fast'",
        "for example: --lr 0.1",
    ),
    ("--racer", "sdg lr=0.1"): ("there is no optimizer 'sdg'", "did you mean 'sgd'? gdcli optimizers lists them all"),
    ("--racer", "sgd 0.1"): (
        "'0.1' in --racer 'sgd 0.1' is not PARAMETER=VALUE",
        'for example: --racer "sgd momentum=0.9 lr=0.01"',
    ),
    ("--racer", "sgd lr=0.1 lr=0.2"): ("'lr' in --racer 'sgd lr=0.1 lr=0.2' is given twice", "keep one of them"),
    ("--racer", "adam momentum=0.9"): (
        "adam has no momentum",
        'use --racer "sgd momentum=0.9"; rmsprop, muon, manual-momentum and manual-nesterov have it too',
    ),
    ("--racer", "sgd", "--racer", "sgd momentum=0"): (
        "the optimizer sgd is named twice",
        'list each optimizer once, or with other parameters: --racer "sgd lr=0.01"',
    ),
    ("--racer", "sgd lr=0.1", "--opt", "sgd.momentum=0.9"): (
        "--opt sgd.momentum is for 'sgd', which is not in the comparison",
        'use --racer "sgd momentum=0.9"',
    ),
    ("x**2", "--x", "1", "--dim", "3"): (
        "dim sets the dimension of a catalogue problem, but no problem is named",
        "name one, for example: gdcli compare rosenbrock --dim 3",
    ),
    ("--starts", "-1"): ("--starts must be a whole number from 0 to 10000, not '-1'", "for example: --starts 1"),
    ("--tol", "-1"): ("--tol must be a number of at least 0, not '-1'", "for example: --tol 0.0001"),
    ("--clip-norm", "1"): (
        "lbfgs evaluates more gradients within a step, and these would not be clipped",
        "leave out the clipping, or use another optimizer",
    ),
    ("3*x", "--x", "1", "--lr", "auto", "--optimizer", "sgd"): (
        (
            "cannot choose a learning rate from the curvature: it is zero or not finite at the start, so the "
            "distance to the minimum is unknown"
        ),
        "give a number: --lr 0.1",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("words", "said"), ERRORS.items(), ids=lambda each: " ".join(each) if len(each) != 2 else "")
def test_a_wrong_word_is_one_clear_error(run: Run, words: tuple[str, ...], said: tuple[str, str]) -> None:
    outcome = run("compare", *words)
    message, hint = said
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"error: {message}\n" + (f"hint: {hint}\n" if hint else "")


def test_vectors_and_numbers_may_move_together() -> None:
    record = gdcli.compare("sum((x - 1)**2) + (b - 2)**2", x=[0.0, 3.0], b=0.5, optimizer=["sgd"], lr=0.25, steps=50)
    (run,) = record.standings[0].runs
    assert (run.status, run.distance) == ("reached", None)
    assert all(abs(number - 1) < 1e-3 for number in run.values["x"])  # type: ignore[union-attr]


def test_where_the_best_runs_end_at_0_the_scale_is_that_of_the_other_rates(run: Run) -> None:
    """With lr 0.5 the descent on (x - 1.5)**2 is there after a step."""
    words = ["compare", "(x - 1.5)**2", "--x", "4", "--optimizer", "sgd,manual", "--steps", "20"]
    document = run(*words, "--json").json()
    losses = [trial["loss"] for trial in document["standings"][0]["tuning"]["trials"]]
    least = min(loss for loss in losses if loss)
    assert 0 in losses
    out = run(*words).out
    assert f"log of loss, from 6.2 down to {least:.2g}, by learning rate" in out
    (strip,) = [line for line in out.splitlines() if line.startswith("sgd  ") and "0.3..0.5" in line]
    assert {"█", "▁"} <= set(strip)
