"""What the diagnosis says is true: counted steps, causes and remedies, against loops in plain PyTorch and theory."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable
from typing import Any

import pytest
import torch
from conftest import Run, find

import gdcli
from gdcli.descent.diagnosis.words import factor_in_words

Loss = Callable[..., torch.Tensor]


# Steps to a millionth of the first gradient, counted in a loop with torch.optim


def counted(loss: Loss, start: list[float], lr: float, limit: int, **options: Any) -> int | None:
    """The number of steps after which the gradient is a millionth of the first one; None within the limit."""
    xs = [torch.tensor(x, requires_grad=True) for x in start]
    optimizer = torch.optim.SGD(xs, lr=lr, **options)
    first = None
    for i in range(limit + 1):
        optimizer.zero_grad()
        loss(*xs).backward()
        size = math.hypot(*(float(x.grad) for x in xs if x.grad is not None))
        first = size if first is None else first
        if size <= 1e-6 * first:
            return i
        optimizer.step()
    return None


STEPS = [
    ("x**2 + y**2/10", {"x": 3.0, "y": 2.0}, {"lr": 0.1}),
    ("(x - 1)**2 + 100*y**2", {"x": 10.0, "y": 1.0}, {"lr": 0.005}),
    # Along y the gradient is smaller than the goal from the start.
    ("x**2 + 1e-8*y**2", {"x": 1.0, "y": 1.0}, {"lr": 0.1}),
    # A double root: the error shrinks like k * sqrt(b)**k.
    ("x**2", {"x": 5.0}, {"lr": 0.005, "momentum": 0.81}),
    ("x**2 + y**2/2", {"x": 5.0, "y": 1.0}, {"lr": 0.02, "momentum": 0.5, "nesterov": True}),
    # Not quadratic.
    ("(x**2 + y - 11)**2 + (x + y**2 - 7)**2", {"x": 0.0, "y": 0.0}, {"lr": 0.01}),
    ("log(1 + exp(x)) + x**2/4", {"x": 3.0}, {"lr": 0.2}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("expression", "start", "options"), STEPS, ids=str)
def test_steps_to_the_goal_are_counted(expression: str, start: dict[str, float], options: dict[str, Any]) -> None:
    record = gdcli.minimize(expression, start, optimizer="sgd", **options).result()
    finding = next(f for f in record.diagnosis if f.code in ("rate", "slow"))
    function = eval(f"lambda {', '.join(start)}: {expression}", {"log": torch.log, "exp": torch.exp})
    right = counted(function, list(start.values()), limit=5000, **options)
    assert finding.evidence["steps_to_goal"] == right
    assert f"takes {right:,} steps" in finding.message


@pytest.mark.slow
def test_steps_that_are_too_many_to_count_are_a_bound() -> None:
    record = gdcli.minimize("x**4", x=1, lr=0.1, steps=200).result()
    finding = find(record, "slow")
    assert finding.evidence["steps_to_goal"] is None
    assert finding.evidence["more_than"] == 4000  # 20 times as many as the run
    # x shrinks like (8 lr k)**(-1/2), so the gradient is a millionth after about (1e4 - 1) / (8 lr) steps.
    assert 4000 < (1e4 - 1) / 0.8
    assert "more than 4,000 steps" in finding.message
    assert finding.evidence["power"] == pytest.approx(2, rel=0.1)  # of the loss


def test_the_direction_of_a_circle_of_minima_is_not_the_slowest() -> None:
    record = gdcli.minimize("(x**2 + y**2 - 1)**2", x=1.45, y=1.4, lr=0.1, steps=50).result()
    for finding in record.diagnosis:
        assert finding.evidence.get("steps_to_goal") in (None, *range(30))
        assert finding.evidence.get("condition_number", 1) < 10


def test_a_factor_near_1_is_given_by_its_distance_from_1() -> None:
    finding = find(gdcli.minimize("x**2 + 100*y**2", x=10, y=0, lr=1e-6, steps=50).result(), "slow")
    assert "by 1 - 2e-06" in finding.message


# Causes: the code that comes first, with what an independent calculation says of the place


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "evidence"),
    [
        # The gradient of abs is -1 and 1.
        (["abs(x)", "--x", "1", "--lr", "0.3"], "kink", {"before": 1.0, "after": -1.0}),
        (["max(x, -x)", "--x", "1"], "kink", {"before": 1.0, "after": -1.0}),
        (["abs(x) + y**2", "--x", "1", "--y", "3"], "kink", {"variable": "x"}),
        # That of a norm beside its zero is a unit vector, which steps do not meet.
        (
            ["norm([x-1, y-2]) + 0.3*y", "--x", "3", "--y", "1", "--lr", "0.2"],
            "kink",
            {"point": pytest.approx({"x": 1, "y": 2}), "before": pytest.approx(-1), "after": pytest.approx(1)},
        ),
        (
            ["sqrt(x**2 + y**2) + 0.1*x", "--x", "1", "--y", "1", "--lr", "0.2"],
            "kink",
            {"point": {"x": 0.0, "y": 0.0}, "before": pytest.approx(-0.9), "after": pytest.approx(1.1)},
        ),
        (["abs(x)**0.5", "--x", "1", "--lr", "0.1"], "kink", {"variable": "x"}),
        # 1 - 2 lr = -1.
        (["x**2", "--x", "1", "--lr", "1"], "cycling", {"period": 2}),
        (["(x**2 - 1)**2", "--x", "0.6", "--lr", "0.26", "--steps", "201"], "cycling", {"period": 2}),
        # Functions that fall for ever, to a limit or without one.
        (["exp(-x)", "--x", "0"], "no-minimum", {"direction": {"x": 1.0}, "loss_there": 0.0}),
        (["log(1 + exp(-x)) + log(1 + exp(-2*x))", "--x", "0", "--lr", "0.5"], "no-minimum", {"loss_there": 0.0}),
        (["tanh(x)", "--x", "0"], "no-minimum", {"direction": {"x": -1.0}, "loss_there": -1.0}),
        (["1/x", "--x", "1", "--lr", "0.5"], "no-minimum", {"limit": pytest.approx(0, abs=1e-9)}),
        (["2 - atan(x)", "--x", "0"], "no-minimum", {"limit": pytest.approx(2 - math.pi / 2)}),
        # Inflections, where the slope is (x - 1)**2 or a part of it.
        (["x - log(1 + x**2)", "--x", "3", "--lr", "0.1"], "unbounded", {"pause": {"x": pytest.approx(1)}}),
        (["x**3/3 - x**2 + x", "--x", "3", "--lr", "0.1"], "unbounded", {"pause": {"x": pytest.approx(1)}}),
        (["x", "--x", "1"], "unbounded", {"direction": {"x": -1.0}}),
        (["x**3", "--x=-1", "--lr", "0.01", "--steps", "20"], "unbounded", {"direction": {"x": -1.0}}),
        (["-log(x)", "--x", "1"], "unbounded", {"direction": {"x": 1.0}}),
        (["x*y", "--x", "0.1", "--y", "0.2"], "unbounded", {}),
        (["x**2", "--x", "1", "--maximize"], "unbounded", {"direction": {"x": 1.0}}),
        # What holds a run.
        (["x**2", "--x", "1", "--lr", "0"], "held", {"by": "rate", "variables": ["x"]}),
        (["x**2 + y**2", "--x", "1", "--y", "1", "--lr.y", "0"], "held", {"by": "rate", "variables": ["y"]}),
        (["(x - 3)**2", "--x", "0", "--bound", "x=-1:2"], "held", {"by": "bound", "at": {"x": 2.0}}),
        (
            ["x**2", "--x", "3", "--schedule", "step", "--sched", "step_size=5", "--steps", "60"],
            "held",
            {"by": "rate"},
        ),
        # Starts.
        (["cos(x)", "--x", "0"], "saddle", {"kind": "maximum", "eigenvalue": pytest.approx(-1)}),
        (["cos(x)", "--x", "0.001", "--tol-grad", "0.01"], "saddle", {"kind": "maximum"}),
        (["x**3", "--x", "0"], "stationary", {"variable": "x"}),
        (["(x - 1)**2", "--x", "nan"], "not-finite", {"during": "start", "variable": "x"}),
        # Minima that are not the lowest: of x**4 - 3 x**2 + x at 1.131 and -1.301.
        (["x**4 - 3*x**2 + x", "--x", "2", "--lr", "0.05"], "local-minimum", {}),
        (["schwefel", "--lr", "1"], "local-minimum", {"lowest": 0.0}),
        (["sum(([[1], [2], [3]]*w - [1, 2, 3])**2)", "--w", "0", "--lr", "0.005"], "broadcast", {}),
        # 8 steps that double x, with the sign turned, then a rate of 0.15.
        (
            ["x**2", "--x", "1", "--lr", "1.5", "--schedule", "step", "--sched", "step_size=8", "--sched", "gamma=0.5"],
            "overflow-recovered",
            {"iteration": 8, "first": 1.0, "worst": 4.0**8},
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_cause_is_told(words: list[str], code: str, evidence: dict[str, Any], run: Run) -> None:
    document = run("minimize", *words, "--json").json()
    found = [finding for finding in document["diagnosis"] if finding["code"] == code]
    assert found, document["diagnosis"]
    assert {name: found[0]["evidence"][name] for name in evidence} == evidence


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (["relu(1 - x)", "--x", "2"], {"dead-relu"}),  # a hinge at its minimum
        (["relu(x)", "--x", "3"], {"dead-relu"}),
        (["abs(x)", "--x", "1", "--lr", "0.3"], {"saddle", "oscillating", "learning-rate-too-large", "slow", "rate"}),
        (["x**2", "--x", "1", "--lr", "1"], {"float-floor", "oscillating"}),
        (["abs(x)", "--x", "1", "--lr", "0.3"], {"float-floor"}),
        (["x", "--x", "1"], {"slow", "learning-rate-too-large"}),
        (["exp(-x)", "--x", "0"], {"slow", "rate"}),
        (["log(x)", "--x", "1"], {"learning-rate-too-large"}),  # leaves the domain
        (["x**2", "--x", "3", "--maximize"], {"learning-rate-too-large", "saddle"}),
        (["x**2 + 10*y**2", "--x", "5", "--y", "1", "--optimizer", "lbfgs"], {"oscillating", "float-floor"}),
        (["easom", "--x", "3.1", "--y", "3.1"], {"oscillating", "vanishing-gradient"}),
        (["x**2", "--x", "0"], {"saddle", "stationary", "held", "float-floor"}),
        (["(x - 3)**2", "--x", "0", "--bound", "x=-1:2"], {"float-floor", "slow", "vanishing-gradient"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_not_the_cause_is_not_told(words: list[str], codes: set[str], run: Run) -> None:
    document = run("minimize", *words, "--json").json()
    assert not codes & {finding["code"] for finding in document["diagnosis"]}, document["diagnosis"]


@pytest.mark.slow
def test_the_warning_says_what_the_diagnosis_says(run: Run) -> None:
    assert run("minimize", "-x**2", "--x", "1").err == (
        "warning: the loss has no bound in this direction, so there is nothing to converge to\n"
    )
    assert run("minimize", "--lr", "1.5").err == "warning: the steps grew without bound; try a smaller learning rate\n"
    done = run("minimize", "log(x)", "--x", "1")
    assert done.err.startswith("warning: log(x) became nan at iteration 6, where x = -0.00156")
    assert "without bound" not in done.err
    assert "tensor" not in run("minimize", "sum(log(x))", "--x=-1,2", "--no-diagnose").err


def test_converging_at_once_at_a_maximum_is_no_success(run: Run) -> None:
    done = run("minimize", "cos(x)", "--x", "0.001", "--tol-grad", "0.01", "--json", "--require-convergence")
    assert done.code == 3
    assert json.loads(done.out)["status"] == "stationary"
    assert run("minimize", "x**2", "--x", "0.001", "--tol-grad", "0.01", "--require-convergence").code == 0
    for words in (["x**3", "--x", "0"], ["x**4 - x**2", "--x", "0"]):
        assert run("minimize", *words, "--tol-grad", "1e-6", "--require-convergence").code == 3


# Remedies, pasted after the command


PASTED = [
    ["--lr", "1.5"],
    ["--lr", "0.001"],
    ["(x - 1)**2 + 100*y**2", "--x", "10", "--y", "1", "--lr", "0.005"],
    ["rosenbrock"],
    ["rastrigin"],
    ["matyas"],
    ["styblinski-tang"],
    ["abs(x)", "--x", "1", "--lr", "0.3"],
    ["sqrt(x)", "--x", "4", "--lr", "5"],
    ["log(x)", "--x", "1"],
    ["x**2", "--x", "1", "--lr", "1"],
    ["cos(x)", "--x", "0"],
    ["x**2", "--x", "5", "--optimizer", "sgd", "--momentum", "0.9", "--lr", "0.01"],
    ["(sigmoid(x) - 0.5)**2", "--x", "15", "--optimizer", "sgd", "--momentum", "0.1", "--weight-decay", "1e-9"],
    ["x**2", "--x", "5", "--optimizer", "adagrad"],
    ["beale", "--lr", "0.001", "--steps", "200"],
    ["exp(x**2)", "--x", "3"],
    ["x**4 - 3*x**2 + x", "--x", "2", "--lr", "0.05"],
    ["x**2 / 1000", "--x", "300", "--dtype", "float16", "--lr", "1"],
]


@pytest.mark.slow
@pytest.mark.parametrize("words", PASTED, ids=" ".join)
def test_a_remedy_that_is_pasted_does_what_it_says(words: list[str], run: Run) -> None:
    document = run("minimize", *words, "--json").json()
    with_remedy = [finding for finding in document["diagnosis"] if finding["remedy"]]
    assert with_remedy or words[0] == "log(x)"
    assert len({finding["remedy"]["options"] for finding in with_remedy}) <= 2
    for finding in with_remedy:
        remedy = finding["remedy"]
        start = [
            word for word in words if not any(word == f"--{name}" for name in remedy["settings"].get("values", {}))
        ]
        pasted = [*(words if len(start) == len(words) else _without(words, remedy)), *shlex.split(remedy["options"])]
        done = run("minimize", *pasted, "--no-diagnose", "--json").json()
        assert done["result"]["loss"] == remedy["loss"]
        ended = document["result"]["loss"]
        assert ended is None or remedy["loss"] <= ended * (1 + 1e-5) + 1e-12
        if remedy["arrives"] is not None:
            sizes = [_size(step) for step in (*done["iterations"], done["result"])]
            goal = 1e-6 * _size(document["iterations"][0])
            assert next(i for i, size in enumerate(sizes) if size <= goal) == remedy["arrives"]


def _without(words: list[str], remedy: dict[str, Any]) -> list[str]:
    """The words without the start that the remedy replaces: a variable can be given once."""
    new = shlex.split(remedy["options"])[::2]
    return [word for i, word in enumerate(words) if word not in new and (i == 0 or words[i - 1] not in new)]


def _size(step: dict[str, Any]) -> float:
    return float(torch.tensor([x for g in step["grads"].values() for x in torch.tensor(g).reshape(-1).tolist()]).norm())


def test_of_a_function_without_a_minimum_only_a_start_that_leads_to_one_is_a_remedy() -> None:
    # x**2*exp(-x) has its minimum at 0 and falls towards 0 beyond its maximum at 2; 1/x has none.
    assert find(gdcli.minimize("1/x", x=1, lr=0.5).result(), "no-minimum").remedy is None
    remedy = find(gdcli.minimize("x**2*exp(-x)", x=2.5).result(), "no-minimum").remedy
    assert remedy is not None
    assert remedy.settings["values"]["x"] < 2
    assert remedy.loss < 1e-9


@pytest.mark.slow
def test_a_remedy_ends_lower_in_its_last_states_too() -> None:
    """With --lr 3 rmsprop jumps about, and its last state, 1.08, is lower than the run's end by luck."""
    settings = {"optimizer": "rmsprop", "lr": 0.3}
    run = gdcli.minimize("(x-3)**4 + 20*(y + x**2)**2", x=1, y=-1, **settings).result()
    remedy = find(run, "unexplained").remedy
    assert remedy is not None
    tried = gdcli.minimize(
        "(x-3)**4 + 20*(y + x**2)**2", x=1, y=-1, **{**settings, **remedy.settings, "diagnose": False}
    ).result()
    assert max(step.loss for step in tried.iterations[-9:]) < run.result.loss


@pytest.mark.slow
def test_trial_runs_cost_at_most_what_the_run_did_and_half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    from gdcli.descent.diagnosis import trial

    run = {"values": {"x": -1.2, "y": 1.0}, "lr": 1e-3, "steps": 200}
    whole = find(gdcli.minimize("rosenbrock", **run).result(), "slow")
    assert whole.remedy is not None
    monkeypatch.setattr(trial, "HALF_A_SECOND", 0)
    found = gdcli.minimize("rosenbrock", **run).result().diagnosis
    assert found[-1].code == "work-limit"
    # Half of the cost of 200 steps is not enough for 201: that much the run itself has shown.
    slow = next(finding for finding in found if finding.code == "slow")
    assert (slow.evidence["more_than"], slow.evidence["steps_to_goal"]) == (200, None)


def test_a_year_beside_a_bias_is_ill_conditioned_though_its_gradient_is_small() -> None:
    years, target = [1920.0, 1921.0, 1925.0, 1930.0], [1.0, 2.0, 3.0, 4.0]
    columns = torch.tensor([[year, 1.0] for year in years], dtype=torch.float64)
    y = torch.tensor(target, dtype=torch.float64)
    best = torch.linalg.lstsq(columns, y).solution
    eigenvalues = torch.linalg.eigvalsh(2 * columns.T @ columns / 4)
    run = gdcli.minimize(f"mean((w*{years} + b - {target})**2)", w=0, b=0, lr=1e-7, dtype="float64").result()
    finding = find(run, "badly-scaled")
    assert finding.evidence["lowest"] == pytest.approx(float(((columns @ best - y) ** 2).mean()), rel=1e-6)
    assert finding.evidence["ratio"] == pytest.approx(float(eigenvalues[1] / eigenvalues[0]), rel=1e-3)
    assert finding.remedy is not None
    assert finding.remedy.loss == pytest.approx(finding.evidence["lowest"], rel=1e-6)


@pytest.mark.slow
def test_celsius_beside_a_bias_gets_rates_of_its_own() -> None:
    expression = "mean((w*[20., 21, 25, 30, 35, 18] + b - [1., 1.1, 1.4, 2, 2.4, .8])**2)"
    run = gdcli.minimize(expression, w=0, b=0, lr=1e-3, steps=500).result()
    remedy = find(run, "badly-scaled").remedy
    assert remedy is not None
    # 1 / L of each alone: the second derivatives are 2 mean(x**2) and 2.
    assert remedy.settings["lrs"] == pytest.approx({"w": 1 / (2 * 3915 / 6), "b": 0.5}, rel=0.01)
    assert remedy.arrives is not None


@pytest.mark.parametrize(
    ("expression", "start", "settings"),
    [
        ("1/x + x", 0.1, {"lr": 0.1}),  # the minimum is at 1, between the end and the pole at 0
        ("1/x + x", 3, {"lr": 0.1, "steps": 20}),
        ("x + 4/x", 6, {"lr": 0.05}),
        ("1/x**2 + x", 4, {"lr": 0.05}),
    ],
)
def test_beyond_a_minimum_and_a_pole_is_not_where_the_run_goes(
    expression: str, start: float, settings: dict[str, Any]
) -> None:
    found = gdcli.minimize(expression, {"x": start}, **settings).result().diagnosis
    assert not {"unbounded", "no-minimum"} & {finding.code for finding in found}


def test_a_schedule_that_froze_the_run_is_named() -> None:
    run = gdcli.minimize("x**2", x=3, schedule="step", sched={"step_size": 30}).result()
    assert find(run, "held").evidence["by"] == "rate"


# Statements that hold for a part of a run, or for a direction, say so


@pytest.mark.slow
def test_a_factor_is_that_of_the_steps_it_was_measured_over() -> None:
    record = gdcli.minimize(
        "mean((w*[50,80,120,200] + b - [1.1,1.7,2.5,4.1])**2)", {"w": 0.0, "b": 0.0}, lr=1e-5, steps=100
    ).result()
    finding = find(record, "slow")
    since, until = finding.evidence["measured_since"], finding.evidence["measured_until"]
    assert f"a step multiplied the gradient norm by {finding.evidence['measured_factor']:.4g}" in finding.message
    assert f"on average (iterations {since} to {until}); in the long run, the gradient norm by 1 - " in finding.message
    inputs = torch.tensor([50.0, 80.0, 120.0, 200.0], dtype=torch.float64)
    hessian = torch.tensor([[2 * (inputs**2).mean(), 2 * inputs.mean()], [2 * inputs.mean(), 2.0]], dtype=torch.float64)
    slowest = 1e-5 * float(torch.linalg.eigvalsh(hessian)[0])
    assert finding.evidence["predicted_factor"] == pytest.approx(1 - slowest, abs=1e-12)


@pytest.mark.parametrize(
    ("factor", "words"), [(1.0005, "1 + 0.0005"), (0.9999, "1 - 0.0001"), (1.0, "1"), (1.4, "1.4"), (0.25, "0.25")]
)
def test_a_factor_near_1_is_told_by_its_distance_from_it(factor: float, words: str) -> None:
    assert factor_in_words(factor) == words


def test_a_local_curvature_promises_no_factor_of_every_step() -> None:
    record = gdcli.minimize("x**4 + y**4", {"x": 2.0, "y": 1.0}, lr=0.3).result()
    message = find(record, "learning-rate-too-large").message
    assert "each step" not in message
    assert "L = 48 at the start" in message  # 12 x**2
    assert message.endswith("errors in this direction grow where the curvature is this large")


def test_the_share_of_steps_that_overshoot_is_counted() -> None:
    """A step overshoots where the loss rises along it at its end: for all 100 steps, by a loop in PyTorch."""
    record = gdcli.minimize("rosenbrock", optimizer="sgd", momentum=0.9, lr=0.002, steps=100).result()
    finding = find(record, "oscillating")
    point = [torch.tensor(x, requires_grad=True) for x in (-1.2, 1.0)]
    optimizer = torch.optim.SGD(point, lr=0.002, momentum=0.9)
    ends = []
    for _ in range(100):
        optimizer.zero_grad()
        ((1 - point[0]) ** 2 + 100 * (point[1] - point[0] ** 2) ** 2).backward()
        before = [x.detach().clone() for x in point]
        optimizer.step()
        optimizer.zero_grad()
        ((1 - point[0]) ** 2 + 100 * (point[1] - point[0] ** 2) ** 2).backward()
        ends.append(sum(float(x.grad * (x.detach() - old)) for x, old in zip(point, before, strict=True)) > 0)  # type: ignore[operator]
    assert finding.evidence["overshoots"] == pytest.approx(sum(ends[50:]) / 50, abs=0.011)
    assert f"and {finding.evidence['overshoots']:.0%} of the steps looked at overshoot" in finding.message


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fit_over_years_is_ill_conditioned(dtype: Any) -> None:
    """The least squares have the solution w = 1, b = -2000 and the loss 0; the eigenvalues by NumPy's formula."""
    record = gdcli.minimize(
        "sum((w*[2001,2002,2003] + b - [1,2,3])**2)", {"w": 0.0, "b": 0.0}, lr=1e-8, steps=100, dtype=dtype
    ).result()
    finding = find(record, "badly-scaled")
    assert abs(finding.evidence["lowest"]) < 1e-9
    squares, total = 2001**2 + 2002**2 + 2003**2, 2001 + 2002 + 2003
    trace, determinant = 2.0 * (squares + 3), 4.0 * (3 * squares - total**2)
    assert finding.evidence["ratio"] == pytest.approx(trace**2 / determinant, rel=1e-2)  # the larger root is the trace
    assert finding.remedy is not None
    assert finding.remedy.loss < 1e-9


def test_a_rate_that_falls_to_0_at_a_kink_is_not_to_blame() -> None:
    sched: dict[str, Any] = {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 100}
    record = gdcli.minimize("abs(x)", {"x": 1.0}, lr=0.3, steps=100, schedule="linear", sched=sched).result()
    assert [finding.code for finding in record.diagnosis] == ["kink"]
    assert record.diagnosis[0].message.endswith("by less as the learning rate falls")


def test_a_remedy_that_rests_above_the_best_state_says_its_loss() -> None:
    record = gdcli.minimize("x**2 + 0.1*sin(20*x)", {"x": 2.0}, optimizer="rmsprop", lr=0.1, steps=100).result()
    remedy = find(record, "oscillating").remedy
    assert remedy is not None
    assert record.best.loss < remedy.loss < record.result.loss  # type: ignore[operator]
    assert remedy.effect.endswith(f"at a loss of {remedy.loss:.3g}")


@pytest.mark.slow
def test_a_gradient_that_became_infinite_after_two_steps_is_no_growth(run: Run) -> None:
    outcome = run("minimize", "gulf", "--optimizer", "sgd", "--momentum", "0.9", "--lr", "0.3")
    assert "grew" not in outcome.err
    assert "the steps led to a gradient that is not finite; try a smaller learning rate" in outcome.err
