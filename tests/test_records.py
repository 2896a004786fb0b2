"""A record is the config of its run, fits its schema, keeps within bounds, and its script prints as many states."""

from __future__ import annotations

import contextlib
import io
import json
import math
import random
import re
import shlex
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from conftest import Run

import gdcli
from gdcli.contract.nested import flat
from gdcli.rules.catalogue import RULES, SCHEDULES
from gdcli.rules.parameters import ALL_OWN
from gdcli.rules.row import RuleRow

MATRIX = ["minimize", "sum((W @ W - 2)**2)", "--W", "[[1.0, 0.5], [0.25, 2.0]]", "--steps", "4", "--no-diagnose"]

# The same record again


def word(value: Any) -> str:
    """A parameter as it is typed."""
    if isinstance(value, tuple):
        return ",".join(map(word, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def parameters(row: RuleRow) -> Iterator[list[str]]:
    """Nothing, each parameter in --opt alone, and all of them in the other order."""
    options = [["--opt", f"{name}={word(value)}"] for name, value in row.parameters.items() if name not in ALL_OWN]
    yield []
    yield from options
    yield [part for option in reversed(options) for part in option]


SCHEDULED = {
    "constant": "factor=0.5 total_iters=3",
    "linear": "total_iters=3 start_factor=0.5",
    "exponential": "gamma=1",
    "polynomial": "power=2 total_iters=3",
    "step": "step_size=3 gamma=0.5",
    "multistep": "milestones=2,3 gamma=0.5",
    "cosine": "T_max=10 eta_min=0",
    "cosine-restarts": "T_0=4 T_mult=2",
    "cyclic": "max_lr=0.1 base_lr=0.01 step_size_up=3 mode=triangular2",
    "one-cycle": "total_steps=50 max_lr=0.1 three_phase=true anneal_strategy=linear",
    "plateau": "patience=1 factor=0.5 mode=min threshold=0",
    "lambda": "lr_lambda=0.95**epoch",
    "multiplicative": "lr_lambda=1",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_a_record_of_every_rule_is_its_config(run: Run, name: str) -> None:
    for options in parameters(RULES[name]):
        words = [*MATRIX, "--optimizer", name, *options]
        record = run(*words, "--json")
        assert record.json()["status"] != "error", words
        assert run("minimize", "--config", "-", "--json", stdin=record.out) == record, words


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_record_of_every_schedule_is_its_config(run: Run, name: str) -> None:
    pairs = [part for pair in SCHEDULED[name].split() for part in ("--sched", pair)]
    for optimizer in ("manual", "sgd", "adam"):
        words = [*MATRIX, "--optimizer", optimizer, "--lr", "0.01", "--schedule", name, *pairs, "--lr-factor", "2=0.5"]
        record = run(*words, "--json")
        assert record.json()["status"] != "error", words
        assert run("minimize", "--config", "-", "--json", stdin=record.out) == record, words


# Numbers that are not finite


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lr.x", "inf"], "--lrs must be rates of at least 0, each with its variable, not 'x=inf'"),
        (["--tol-grad", "inf"], "--tol-grad must be a number of at least 0, or two: absolute,relative, not 'inf'"),
        (["--tol-x", "1,inf"], "--tol-x must be a number of at least 0, or two: absolute,relative, not '1,inf'"),
        (["--tol-loss", "nan"], "--tol-loss must be a number of at least 0, or two: absolute,relative, not 'nan'"),
        (["--schedule", "exponential", "--sched", "gamma=nan"], "'gamma' of the schedule exponential must be a finite number, not 'nan'"),  # noqa: E501
        (["--schedule", "cosine", "--sched", "T_max=inf"], "'T_max' of the schedule cosine must be an integer of at least 1, not 'inf'"),  # noqa: E501
        (["--optimizer", "adam", "--opt", "eps=inf"], "'eps' of adam must be a finite number, not 'inf'"),
        (["--optimizer", "adam", "--opt", "betas=nan,0"], "'betas' of adam must be 2 numbers, not 'nan,0.0'"),
        (["--bound", "x=nan:9"], "--bound must be finite numbers, not 'x=[nan, 9.0]'"),
        (["--bound", "x=inf:9"], "--bound must be finite numbers, not 'x=[inf, 9.0]'"),
        (["--bound", "x=-inf:inf"], "the bounds of x are infinite, so they hold nothing"),
        (["--x", "nan", "--bound", "x=-1:9"], "the start of x is nan, which is not within its bounds, -1:9"),
    ],
)  # fmt: skip
def test_settings_of_a_record_are_finite(run: Run, words: list[str], message: str) -> None:
    outcome = run("minimize", *words)
    assert outcome.code == 2
    assert outcome.err.splitlines()[0] == f"error: {message}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "bound"),
    [
        (["--bound", "x=1:inf"], [1.0, None]),
        (["--bound", "x=-inf:9"], [None, 9.0]),
    ],
)
def test_an_infinite_bound_is_none(run: Run, words: list[str], bound: list[float | None]) -> None:
    record = run("minimize", *words, "--json")
    assert record.json()["settings"]["bound"] == {"x": bound}
    assert run("minimize", "--config", "-", "--json", stdin=record.out) == record


@pytest.mark.slow
@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "[1.0, inf]", "[[nan, 1.0], [2.0, -inf]]"])
@pytest.mark.parametrize("text", ["sum(x*0)", "sum(log(-x**2 - 1))", "sum(x**2)", "sum(x)/0*0"])
def test_a_start_that_is_not_finite_gives_a_valid_document(run: Run, tmp_path: Path, value: str, text: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f"expression = '{text}'\n[values]\nx = {value}\n")
    for command in ("minimize", "grad"):
        record = run(command, "--config", str(path), "--json")
        assert record.json()["settings"]["values"] == {"x": value}
        assert run(command, "--config", "-", "--json", stdin=record.out) == record
    for line in run("minimize", "--config", str(path), "--jsonl").lines():
        assert "record" in line


def test_python_numbers_that_are_not_finite_are_texts_in_the_settings() -> None:
    settings = gdcli.grad("sum(x*y)", x=math.inf, y=[[math.nan, 1]]).settings
    assert settings.values == {"x": "inf", "y": "[[nan, 1]]"}


EXPRESSIONS = [
    "x**2", "log(x)", "x*inf", "x*nan", "1/x", "x - x", "sqrt(x)", "x/0", "abs(x)", "exp(x)", "sum(x)", "x + nan",
    "where(x > 0, x, nan)", "floor(x)", "mean(x)", "x*y", "x/y", "hypot(x, y)", "x**y", "log(x*y)", "nan*x*y",
]  # fmt: skip
STARTS = ["inf", "-inf", "nan", "0", "1", "1e308", "1e-320", "[inf,nan]", "[inf]", "-0.0", "1,2"]


@pytest.mark.slow
def test_schema_is_one_of_json_schema(run: Run) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(run("schema").out))  # raises for what is none


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_documents_of_every_command_fit_the_schema(run: Run, seed: int) -> None:
    choose = random.Random(seed).choice
    for _ in range(25):
        text = choose(EXPRESSIONS)
        words = [choose(["minimize", "grad", "ops", "compare", "plot"]), text, "--x", choose(STARTS)]
        words += ["--y", choose(STARTS)] * ("y" in text)
        if words[0] == "minimize":
            words += ["--steps", choose("013"), "--optimizer", choose(list(RULES))]
            words += choose(
                [[], ["--maximize"], ["--walk"], ["--tol-grad", "1e-3"], ["--bound", "x=-1:1"], ["--jsonl"]]
            )
        outcome = run(*words, *["--json"] * ("--jsonl" not in words))
        assert outcome.lines(), shlex.join(words)  # each is checked against the schema


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["sqrt(x)", "--x", "0", "--clip-norm", "1"],
        ["x**2", "--x", "inf", "--clip-value", "1"],
        ["x**2", "--x", "1", "--bound", "x=0:2", "--optimizer", "manual-exact", "--maximize"],
        ["x", "--x", "1", "--lr", "1e30", "--bound", "x=-1:1", "--lr-factor", "1=1e30"],
        ["1e-30*x", "--x", "1", "--schedule", "exponential", "--sched", "gamma=1e300"],
        ["x*0", "--x", "1", "--lr", "0", "--schedule", "exponential", "--sched", "gamma=1e300"],
    ],
    ids=" ".join,
)
def test_infinite_clipped_gradients_and_rates_give_valid_documents(run: Run, words: list[str]) -> None:
    for form in ("--json", "--jsonl"):
        assert run("minimize", *words, "--steps", "4", form).lines()


# The best state


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["exp(x)", "--x", "1", "--maximize", "--lr", "100"],
        ["x**4", "--x", "1", "--maximize", "--lr", "10"],
        ["1/x", "--x", "1", "--maximize", "--lr", "1"],
        ["-exp(x)", "--x", "1", "--lr", "100"],
        ["-x**4", "--x", "1", "--lr", "10"],
        ["log(x)", "--x", "1", "--lr", "0.9"],
        ["sin(x)", "--x", "1", "--maximize"],
        ["x**2", "--x", "3", "--lr", "2"],
    ],
    ids=" ".join,
)
def test_the_best_loss_is_finite(run: Run, words: list[str]) -> None:
    record = run("minimize", *words, "--json").json()
    steps = [*record["iterations"], record["result"]]
    losses = [step["loss"] for step in steps if step["loss"] is not None]
    assert record["best"]["loss"] == (max if "--maximize" in words else min)(losses)
    best = next(step for step in steps if step["loss"] == record["best"]["loss"])
    assert record["best"] == {"iteration": best["iteration"], "loss": best["loss"], "values": best["values"]}


@pytest.mark.parametrize("words", [["x*nan"], ["x*nan", "--maximize"], ["log(-x)"]])
def test_without_a_finite_loss_the_best_is_the_start(run: Run, words: list[str]) -> None:
    assert run("minimize", *words, "--x", "2", "--json").json()["best"] == {
        "iteration": 0, "loss": None, "values": {"x": 2.0},
    }  # fmt: skip


# Bounds

ZERO_BY_ZERO = ["--optimizer", "adam", "--opt", "eps=0", "--lr", "5"]  # an element whose gradient is 0 becomes nan


def test_a_nan_beside_it_does_not_let_an_element_out_of_its_bounds(run: Run) -> None:
    words = ["x[0]**2 + (x[1] - 10)**2", "--x", "[0.0, 0.0]", *ZERO_BY_ZERO, "--bound", "x=-1:1"]
    record = run("minimize", *words, "--json").json()
    assert [step["values"]["x"] for step in record["iterations"]] == [[0.0, 0.0], [None, 1.0]]
    assert record["status"] == "diverged"


def test_a_nan_that_no_bound_holds_ends_the_run(run: Run) -> None:
    words = ["where(x[0] > -1, x[1]**2, (x[1] - 0.5)**2)", "--x", "[0.0, 1.0]", *ZERO_BY_ZERO, "--bound", "x=-1:1"]
    record = run("minimize", *words, "--json").json()
    assert record["message"] == "diverged: x became nan at iteration 1"
    assert record["result"]["loss"] is not None
    assert len(printed(run("minimize", *words, "--code").out)) == record["result"]["iteration"] + 1
    assert "= nan\n" in run("minimize", *words, "--walk").out  # it was not projected
    without = run("minimize", *words[:-2], "--json").json()
    assert without["result"]["iteration"] > 1


def outside(record: dict[str, Any]) -> Iterator[str]:
    """The states of a record that are not within its bounds, of which a nan is the last."""
    dtype = getattr(torch, record["settings"]["dtype"])
    for step in [*record["iterations"], record["result"]]:
        for name, ends in record["settings"]["bound"].items():
            numbers = list(flat(step["values"][name]))
            low, high = (None if end is None else torch.tensor(end, dtype=dtype).item() for end in ends)
            known = [number for number in numbers if number is not None]
            if len(known) < len(numbers) and step["iteration"] < record["result"]["iteration"]:
                yield f"{step}: not the last"
            if any((low is not None and x < low) or (high is not None and x > high) for x in known):
                yield f"{step}: outside {ends}"


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_bounds_hold_in_every_state(run: Run, name: str) -> None:
    for text in ("sum((x @ x - 2)**2)", "sum(1/x)", "-sum(exp(x))", "sum(sqrt(x - 0.5))"):
        for dtype in ("float32", "float64", "bfloat16"):
            for update in ([], ["--update", "rebind"]) if RULES[name].can_rebind else ([],):
                words = [text, "--x", "[[0.6, 0.7], [0.8, 0.9]]", "--bound", "x=0.55:1.1", "--lr", "3", "--steps", "6"]
                words += ["--optimizer", name, "--dtype", dtype, *update, "--no-diagnose", "--json"]
                assert not list(outside(run("minimize", *words).json())), words


# The rows of a script


def printed(script: str) -> list[str]:
    """What a script prints, a line a state."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a gradient that is not a leaf's
        exec(compile(script, "script", "exec"), {"__name__": "__main__"})
    return out.getvalue().splitlines()


ENDINGS = {
    "max_steps": ["x**2"],
    "converged_grad": ["x**2", "--tol-grad", "1e-3"],
    "converged_grad relative": ["x**2 + y**2", "--y", "2", "--tol-grad", "0,1e-3"],
    "converged_loss": ["x**2", "--tol-loss", "1e-3"],
    "converged_x": ["sum(x**2)", "--x", "[1.0, 2.0]", "--tol-x", "1e-3"],
    "diverged": ["x**2", "--lr", "3"],
    "diverged at once": ["log(x)", "--x", "-1"],
    "diverged, the gradient": ["sqrt(x)", "--x", "0"],
    "max_steps of a large loss": ["x", "--lr", "1e11"],  # its gradient does not grow
    "max_steps of a large maximum": ["x**2", "--maximize", "--lr", "1e6", "--steps", "3"],
    "no_gradient": ["x**2", "--update", "rebind"],
    "no_gradient with a tolerance": ["cross-in-tray", "--update", "rebind", "--tol-grad", "0.001", "--tol-x", "0"],
    "no_gradient of two": ["abs(x - y)", "--y", "0", "--update", "rebind", "--tol-grad", "0", "--tol-loss", "1e-6"],
    "cycling": ["abs(x)", "--x", "0.05", "--lr", "0.1", "--tol-grad", "1e-3"],
    "cycling of two": ["abs(x - y)", "--x", "-2.5", "--y", "0", "--lr", "0.5", "--tol-grad", "0"],
    "stalled": ["x**2", "--x", "1", "--lr", "1e-30", "--tol-grad", "1e-3"],
    "stalled on a plateau": ["easom", "--x", "-50", "--y", "-50", "--tol-x", "0"],
    "stalled, singular": ["x**4 + y", "--y", "1", "--optimizer", "newton"],
    "stalled, no decrease": ["x - 2*floor(x)", "--x", "0", "--optimizer", "manual-backtracking"],
    "stationary": ["cos(x)", "--x", "0", "--tol-grad", "1e-3"],
    "clipped": ["x**4", "--clip-norm", "1", "--tol-x", "1e-3"],
    "bounded": ["x**2", "--x", "3", "--bound", "x=1:", "--tol-x", "1e-3"],
    "remembers": ["abs(x)", "--x", "0.05", "--lr", "0.1", "--tol-grad", "1e-3", "--optimizer", "manual-momentum"],
    "scheduled": ["abs(x)", "--lr", "0.1", "--tol-grad", "1e-3", "--schedule", "exponential", "--sched", "gamma=0.9"],
    "random": ["x**2 * rand(())", "--tol-x", "1e-9"],
}


STATUSES = ("max_steps", "converged_grad", "converged_loss", "converged_x", "diverged", "no_gradient", "cycling",
            "stalled", "stationary")  # fmt: skip


def rows_agree(run: Run, words: list[str]) -> None:
    """Whether a script prints as many states as the run has."""
    script, record = run(*words, "--code"), run(*words, "--no-diagnose", "--json")
    if script.code or record.code == 2:  # what is refused, or cannot be evaluated
        return
    document = record.json()
    assert len(printed(script.out)) == document["result"]["iteration"] + 1, (document["message"], shlex.join(words))


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDINGS)
def test_a_script_prints_as_many_states_as_the_run_has(run: Run, name: str) -> None:
    words = ["minimize", *ENDINGS[name]]
    if "--x" not in words and "cross-in-tray" not in words:
        words += ["--x", "1"]
    rows_agree(run, words)
    status, expected = run(*words, "--no-diagnose", "--json").json()["status"], re.split("[ ,]", name)[0]
    assert status == expected or expected not in STATUSES


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "none", "tanh"])
@pytest.mark.parametrize("start", ["[[1.0, 1.0]]", "[[-1.0, -1.0]]"])
@pytest.mark.parametrize("tolerance", ["--tol-grad", "--tol-loss", "--tol-x"])
def test_a_script_of_a_layer_prints_as_many_states(run: Run, activation: str, start: str, tolerance: str) -> None:
    words = [
        "--W",
        start,
        "--x",
        "1,2",
        "--target",
        "1",
        "--activation",
        activation,
        tolerance,
        "1e-3",
        "--steps",
        "30",
    ]
    rows_agree(run, ["fit-linear", *words])


def case(seed: int) -> list[str]:
    """A run: a problem or an expression, a rule, a rate, tolerances, bounds, and what else may end it."""
    choose, chance = random.Random(seed).choice, random.Random(-seed - 1).random
    texts = [
        "x", "x**2", "abs(x)", "x**3", "-x**2", "exp(x)", "relu(x)", "sin(x)", "sqrt(x)", "1/x", "floor(x)", "log(x)",
        "where(x > 0, x, nan)", "sum(x**2)", "mean(x)*1e12", "x - x", "x*1e20", "round(x)", "rand(1)*x**2", "x*y",
        "x**2 + 10*y**2", "x + detach(y)", "hypot(x, y)", "x/y", "abs(x - y)", "x + 0*y", "relu(x) + floor(y)",
    ]  # fmt: skip
    starts = ["0", "1", "-1", "1e-3", "3", "1e10", "[1.0,2.0]", "[0.0]", "[[1.,2.],[3.,4.]]", "inf", "1e-30", "-2.5"]
    if chance() < 0.4:
        words = ["minimize", choose(["rosenbrock", "himmelblau", "cross-in-tray", "zakharov", "ackley", "beale"])]
    else:
        text = choose(texts)
        words = ["minimize", text, "--x", choose(starts), *(["--y", choose(starts)] if "y" in text else [])]
    optimizer = choose([*RULES, "manual", "sgd", "newton", "manual-exact", "manual-backtracking"])
    words += ["--optimizer", optimizer, "--steps", choose(["0", "1", "5", "20", "60"])]
    if chance() < 0.7:
        words += ["--lr", choose(["0", "0.01", "0.1", "0.5", "1", "2", "1e3", "1e11", "1e-30"])]
    for kind in ("grad", "loss", "x"):
        if chance() < 0.4:
            words += [f"--tol-{kind}", choose(["0", "1e-3", "1e-6", "0,1e-3", "1e10", "1e-3,1e-9"])]
    if chance() < 0.3 and RULES[optimizer].can_rebind:
        words += ["--update", "rebind"]
    words += ["--maximize"] * (chance() < 0.15)
    if chance() < 0.2 and "x" in words[1]:
        words += ["--bound", f"x={choose(['-1:1', '0:', '-5:5', ':3'])}"]
    if chance() < 0.3:
        words += choose(
            [["--clip-norm", "1"], ["--weight-decay", "0.1"], ["--lr-factor", "3=0.5"], ["--dtype", "float64"]]
        )
    return words


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_scripts_of_chosen_runs_print_as_many_states(run: Run, seed: int) -> None:
    for k in range(15):
        rows_agree(run, case(1000 * seed + k))


def test_a_script_tests_for_cycles_only_where_the_run_does(run: Run) -> None:
    assert "landmark" not in run("minimize", "--code").out
    assert "landmark" in run("minimize", "--tol-grad", "1e-6", "--code").out
    assert "landmark" not in run("minimize", "--tol-grad", "1e-6", "--optimizer", "adam", "--code").out
    assert json.loads(run("minimize", "--json").out)["status"] == "max_steps"
