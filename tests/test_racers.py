"""Which rules race: several rates of one rule, different parameters of one, the tuning, and the winner's command."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Run

import gdcli
from gdcli.contract.compare import CompareResult, Standing


def race(expression: str = "rosenbrock", **settings: Any) -> CompareResult:
    return gdcli.compare(expression, **settings)


def by_label(record: CompareResult) -> dict[str, Standing]:
    return {each.label: each for each in record.standings}


def sgd_losses(lr: float, momentum: float, steps: int) -> list[float]:
    """The losses of torch.optim.SGD on Rosenbrock's function from its start, as a script has them."""
    x, y = (torch.tensor(number, requires_grad=True) for number in (-1.2, 1.0))
    optimizer = torch.optim.SGD([x, y], lr=lr, momentum=momentum)
    losses = []
    for _ in range(steps + 1):
        optimizer.zero_grad()
        loss = (1 - x) ** 2 + 100 * (y - x**2) ** 2
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    return losses


# Several rates, and one rule with different parameters


@pytest.mark.slow
def test_several_rates_are_a_run_each_of_one_rule() -> None:
    record = race("quadratic-10", lr=[0.01, 0.1, 0.21], steps=40)
    assert {each.label: each.lr for each in record.standings} == {
        "manual lr=0.01": 0.01,
        "manual lr=0.1": 0.1,
        "manual lr=0.21": 0.21,
    }
    for each in record.standings:
        alone = gdcli.minimize("quadratic-10", lr=each.lr, steps=each.runs[0].steps).result()
        assert each.runs[0].loss == alone.result.loss
    assert record.settings.tune is False


def test_each_named_rule_runs_with_each_of_several_rates() -> None:
    record = race(optimizer=["sgd", "adam"], lr=[0.001, 0.01], steps=5)
    assert set(by_label(record)) == {"sgd lr=0.001", "sgd lr=0.01", "adam lr=0.001", "adam lr=0.01"}


@pytest.mark.slow
def test_one_rule_runs_with_different_parameters() -> None:
    record = race(racer=["sgd momentum=0.9 lr=0.001", "sgd momentum=0.5 lr=0.001", "sgd lr=0.001"], steps=30, tol=0)
    found = by_label(record)
    assert set(found) == {"sgd momentum=0.9", "sgd momentum=0.5", "sgd"}
    for label, momentum in (("sgd momentum=0.9", 0.9), ("sgd momentum=0.5", 0.5), ("sgd", 0.0)):
        assert found[label].curve.loss == sgd_losses(0.001, momentum, 30)
        assert (found[label].optimizer, found[label].parameters["momentum"]) == ("sgd", momentum)


def test_a_rate_is_in_the_label_where_it_tells_two_apart() -> None:
    record = race(racer=["sgd lr=0.001", "sgd lr=0.002", "adam betas=0.8,0.9 lr=0.1"], steps=3)
    assert set(by_label(record)) == {"sgd lr=0.001", "sgd lr=0.002", "adam betas=0.8,0.9"}
    assert by_label(record)["adam betas=0.8,0.9"].parameters["betas"] == [0.8, 0.9]


def test_racers_join_the_optimizers() -> None:
    record = race(optimizer=["adam"], racer=["sgd momentum=0.9"], lr=0.001, steps=3)
    assert set(by_label(record)) == {"adam", "sgd momentum=0.9"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["--racer", "sgd momentum=0.9 lr=0.01", "--racer", "sgd", "--racer", "adam betas = 0.8, 0.9 amsgrad=true"],
        ["--lr", "0.01,0.1", "--racer", "manual-nesterov"],
        ["--optimizer", "sgd,adam", "--opt", "sgd.lr=0.001"],
        ["--optimizer", "adafactor,sgd", "--no-tune"],
    ],
)
def test_the_record_of_racers_is_a_config(words: list[str], run: Run, tmp_path: Path) -> None:
    first = run("compare", "himmelblau", *words, "--steps", "5", "--json")
    config = tmp_path / "record.json"
    config.write_text(first.out)
    first.json()
    assert run("compare", "--config", str(config), "--json").out == first.out


# Tuning


@pytest.mark.slow
def test_the_example_and_the_problem_by_name_are_the_same_race(run: Run) -> None:
    assert run("compare", "--steps", "40", "--json").out == run("compare", "rosenbrock", "--steps", "40", "--json").out


@pytest.mark.slow
def test_rates_are_tuned_unless_they_are_given() -> None:
    rates = [float(f"{digit}e{power}") for power in range(-5, 1) for digit in (1, 2, 3, 5)] + [10.0]
    record = race("quadratic-10", optimizer=["sgd", "adam"], opt={"adam.lr": 0.5}, steps=50)
    found = by_label(record)
    assert record.rules.rates == [trial.lr for trial in found["sgd"].tuning.trials] == rates
    assert found["sgd"].lr == min(found["sgd"].tuning.trials, key=lambda t: (-t.reached, t.evaluations, t.loss)).lr
    assert (found["adam"].tuning, found["adam"].lr) == (None, 0.5)
    assert record.settings.tune
    own = race("quadratic-10", optimizer=["sgd", "adam"], tune=False, steps=50)
    assert {each.label: each.lr for each in own.standings} == {"sgd": 0.1, "adam": 0.001}
    assert own.rules.rates == []


def test_the_grid_keeps_to_its_range() -> None:
    record = race("quadratic-10", optimizer=["manual"], rate_range=[0.04, 0.4], steps=5)
    assert record.rules.rates == [0.04, 0.05, 0.1, 0.2, 0.3, 0.4]


@pytest.mark.slow
def test_all_rates_that_work_are_ranges() -> None:
    """(x**4 - 16*x**2 + 5*x)/2 from -1: small rates walk to its minimum, and one far larger rate leaps there."""
    settings = {"dim": 1, "x": [-1.0], "optimizer": ["manual"], "rates": 80, "rate_range": [1e-3, 0.4375], "steps": 60}
    record = race("styblinski-tang", dtype="float64", **settings)
    tuning = record.standings[0].tuning

    def arrives(lr: float) -> bool:
        x = -1.0
        for _ in range(61):
            if (x**4 - 16 * x**2 + 5 * x) / 2 <= record.rules.limit:
                return abs(x) <= 5
            if abs(x) > 1e6:
                return False
            x -= lr * (2 * x**3 - 16 * x + 2.5)
        return False

    works = [arrives(trial.lr) for trial in tuning.trials]
    firsts = [i for i in range(80) if works[i] and (i == 0 or not works[i - 1])]
    assert len(firsts) == 2
    assert [low for low, _ in tuning.working] == [tuning.trials[i].lr for i in firsts]
    covered = [t.lr for t in tuning.trials if any(low <= t.lr <= high for low, high in tuning.working)]
    assert covered == [t.lr for t, does in zip(tuning.trials, works, strict=True) if does]
    assert tuning.width == pytest.approx(sum(math.log10(high / low) for low, high in tuning.working))


# Notes


NOT_REACHED = {
    ("--no-tune", "--optimizer", "sgd,adam"): [
        "sgd (lr 0.1) diverged; without --no-tune, the learning rate is tuned",
        "adam (lr 0.001) did not reach the goal within 51 evaluations; without --no-tune, the learning rate is tuned",
    ],
    ("--lr", "1", "--optimizer", "sgd,manual"): [
        "sgd (lr 1) and manual (lr 1) diverged; without --lr, the learning rate is tuned"
    ],
    ("--racer", "sgd lr=1", "--racer", "sgd lr=2", "--racer", "lbfgs"): [
        "sgd lr=1 and sgd lr=2 diverged; without a rate of its own, the learning rate is tuned"
    ],
    ("--optimizer", "sgd"): [
        (
            "sgd did not reach the goal within 51 evaluations at any rate of the grid: try more steps (--steps), or "
            "other rates (--rate-range)"
        )
    ],
    ("--optimizer", "sgd", "--rate-range", "1:2"): [
        "sgd diverged at every rate of the grid: try smaller rates (--rate-range)"
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize(("words", "messages"), NOT_REACHED.items(), ids=lambda each: " ".join(each)[:40])
def test_what_did_not_reach_the_goal_has_a_hint(words: tuple[str, ...], messages: list[str], run: Run) -> None:
    record = run("compare", "rosenbrock", *words, "--steps", "50", "--json").json()
    reached = [n["message"] for n in record["warnings"] if n["code"] in ("all-diverged", "out-of-budget")]
    assert sorted(reached) == sorted(messages)


# The winner's command

COMMANDS = [
    ["--steps", "100"],
    ["himmelblau", "--optimizer", "adam,sgd", "--starts", "3", "--steps", "60"],
    ["rosenbrock", "--dim", "4", "--lr", "0.001", "--optimizer", "manual-nesterov", "--steps", "9"],
    ["x**2 + (y - b)**4", "--x", "-3", "--y", "1e-3", "--b", "[2.0][0]", "--wrt", "x,y", "--steps", "20"],
    ["-x + x**4", "--x", "2", "--optimizer", "sgd", "--steps", "20", "--dtype", "float64"],
    ["--optimizer", "manual", "--x", "2", "--steps", "10", "--", "--x + x**2"],
    ["sum((W @ [1, 2] - [3, 4])**2)", "--W", "randn(2, 2)", "--seed", "7", "--optimizer", "muon,adam", "--steps", "9"],
    ["(delay - 1)**2 + seconds**2", "--var", "delay=3", "--var", "seconds=-2", "--optimizer", "manual", "--steps", "9"],
    ["himmelblau", "--racer", "adam betas=0.8,0.9 weight_decay=0.01", "--clip-value", "5", "--bound", "x=:4"],
    ["beale", "--racer", "sgd momentum=0.9 nesterov=true lr=0.001", "--clip-norm", "2", "--steps", "9"],
    ["booth", "--lr", "auto", "--optimizer", "manual", "--steps", "9"],
    ["sphere", "--starts", "2", "--racer", "lbfgs max_iter=4", "--steps", "3"],
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_winner_as_a_command_ends_where_the_race_did(words: list[str], run: Run) -> None:
    record = run("compare", "--json", *words).json()
    winner, best = record["winner"], record["standings"][0]
    assert winner["label"] == best["label"]
    name, *rest = shlex.split(winner["command"])
    assert name == "gdcli"
    alone = run(rest[0], "--json", "--no-diagnose", *rest[1:])
    assert alone.code == 0
    result = alone.json()["result"]
    (first,) = [each for each in best["runs"] if each["start"] == 0]
    assert (result["iteration"], result["loss"]) == (winner["steps"], winner["loss"])
    assert result["iteration"] == first["steps"]
    assert result["loss"] == pytest.approx(first["loss"], rel=1e-5, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["extended-rosenbrock", "wood"])
def test_the_best_run_of_lbfgs_is_that_of_torch_also_where_the_tuning_rounds_otherwise(name: str) -> None:
    record = race(name, optimizer=["lbfgs"], steps=60)
    (best,) = record.standings
    (run,) = best.runs
    alone = gdcli.minimize(name, optimizer="lbfgs", lr=best.lr, steps=run.steps, diagnose=False).result()
    assert run.loss == record.winner.loss == alone.result.loss
    assert run.values == alone.result.values


@pytest.mark.slow
@pytest.mark.parametrize("width", ["40", "80"])
def test_the_command_that_is_printed_can_be_pasted(width: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("conftest").ENVIRONMENT, "COLUMNS", width)
    words = ["compare", "himmelblau", "--racer", "sgd momentum=0.9 nesterov=true lr=0.01", "--starts", "2"]
    shown = run(*words, "--steps", "20")
    pasted = shown.out[shown.out.index("gdcli minimize") :].split("\n\n")[0].replace("\\\n", " ")
    assert shlex.split(pasted) == shlex.split(run(*words, "--steps", "20", "--json").json()["winner"]["command"])


def test_a_start_of_many_numbers_has_no_command() -> None:
    assert race("sphere", dim=30, starts=2, optimizer=["manual"], lr=0.1, steps=3).winner is None


@pytest.mark.slow
def test_no_number_is_broken_in_a_narrow_table(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["compare", "quadratic-10", "--optimizer", "manual", "--racer", "sgd momentum=0.5 nesterov=true"]
    wide = json.loads(run(*words, "--steps", "70", "--json").out)["standings"]
    for width in ("40", "60"):
        monkeypatch.setitem(__import__("conftest").ENVIRONMENT, "COLUMNS", width)
        shown = run(*words, "--steps", "70").out
        assert max(map(len, shown.splitlines())) <= int(width)
        for each in wide:
            assert f"{each['evaluations']['median']:g}" in shown.split("\n\n")[0].split()
            assert f"{each['lr']:g}" in shown.split("\n\n")[0].split()
