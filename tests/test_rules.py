"""Newton's method, line searches and RMSprop by hand, against calculations of their own; and what every row says."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import mpmath
import pytest
import torch
from conftest import Run

import gdcli
from gdcli.rules.catalogue import RULES, SCHEDULES
from gdcli.rules.make import class_of

WAVE = "x*cos(0.15*pi*x)"


def end(expression: str, rule: str, *, diagnose: bool = False, **given: Any) -> Any:
    return gdcli.minimize(expression, optimizer=rule, diagnose=diagnose, **given).result()


def test_newton_goes_to_the_minimum_of_cosh_in_ten_steps() -> None:
    record = end("cosh(x/2)", "newton", x=10.0, steps=10)
    assert record.result.values["x"] == 0.0
    x = 10.0
    for step in [*record.iterations, record.result]:  # x - f'/f'' = x - 2 tanh(x/2)
        assert step.values["x"] == pytest.approx(x, abs=1e-4)
        x -= 2 * math.tanh(x / 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "expected"), [({}, 26.834), ({"opt": {"damping": 0.5}}, 7.2699), ({"lr": 0.5}, 7.2699)]
)
def test_newton_on_a_wave_ends_where_its_step_leads(options: dict[str, Any], expected: float) -> None:
    record = end(WAVE, "newton", x=10.0, steps=10, **options)
    assert record.result.values["x"] == pytest.approx(expected, abs=5e-4)


def test_newton_that_climbs_says_so_with_the_numbers_of_the_run() -> None:
    record = end(WAVE, "newton", x=10.0, steps=10, diagnose=True)
    finding = next(each for each in record.diagnosis if each.code == "uphill")
    evidence = finding.evidence
    states = [*record.iterations, record.result]
    at = evidence["iteration"]
    assert (evidence["before"], evidence["after"]) == (states[at].loss, states[at + 1].loss)
    assert evidence["after"] > evidence["before"]
    a, x = 0.15 * math.pi, states[at].values["x"]
    curvature = -2 * a * math.sin(a * x) - x * a**2 * math.cos(a * x)
    assert evidence["eigenvalue"] == pytest.approx(curvature, rel=1e-3)
    assert curvature < 0
    assert f"the curvature is {evidence['eigenvalue']:.4g} along x" in finding.message
    record = end("cosh(x/2)", "newton", x=10.0, steps=10, diagnose=True)
    assert "uphill" not in [each.code for each in record.diagnosis]


def test_newton_solves_over_all_variables_together() -> None:
    expression = "(1 - x)**2 + 100*(y - x**2)**2"
    record = end(expression, "newton", x=-1.2, y=1.0, steps=6, dtype="float64")
    x, y = -1.2, 1.0
    for step in [*record.iterations, record.result]:
        assert [step.values["x"], step.values["y"]] == pytest.approx([x, y], rel=1e-9)
        gx, gy = -2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)
        a, b, d = 2 - 400 * (y - 3 * x**2), -400 * x, 200.0
        determinant = a * d - b * b  # Cramer's rule
        x, y = x - (d * gx - b * gy) / determinant, y - (a * gy - b * gx) / determinant


def test_newton_works_in_half_precision_and_with_tensors() -> None:
    assert end("sum((W - 2)**2)", "newton", W=[[1.0, 5.0], [0.0, 3.0]], steps=1, dtype="bfloat16").result.values == {
        "W": [[2.0, 2.0], [2.0, 2.0]]
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expression", "advice"),
    [
        ("relu(x)", "; lbfgs and manual-backtracking need no Hessian"),
        ("(x + y)**2", "; lbfgs and manual-backtracking need no Hessian"),
        ("x**2 + y", "; lbfgs and manual-backtracking need no Hessian"),
        ("(x - 2)**4", ""),  # the gradient is 0 too
    ],
)
def test_singular_hessian_ends_the_run_with_its_reason(expression: str, advice: str) -> None:
    record = end(expression, "newton", x=2.0, steps=5, **({"y": 1.0} if "y" in expression else {}))
    assert record.status == "stalled"
    assert record.message == (
        f"stalled at iteration 0: the Hessian is singular, so Newton's equation has no unique solution{advice}"
    )
    assert record.result == record.iterations[-1]
    for rule in ("lbfgs", "manual-backtracking") if advice else ():
        other = end(expression, rule, x=2.0, steps=5, **({"y": 1.0} if "y" in expression else {}))
        assert other.result.loss < record.result.loss


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"optimizer": "newton", "clip_norm": 1.0},
            "newton solves a system with the Hessian, which does not match a clipped gradient",
        ),
        (
            {"optimizer": "manual-backtracking", "opt": {"shrink": 1.0}},
            "'shrink' of manual-backtracking must be between 0 and 1, not '1.0'",
        ),
        ({"optimizer": "newton", "momentum": 0.9}, "newton has no momentum"),
        (
            {"optimizer": "manual-exact", "update": "rebind"},
            "manual-exact always updates in place, so there is nothing to rebind",
        ),
    ],
)
def test_what_a_rule_cannot_do_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(gdcli.GdcliError) as error:
        gdcli.minimize(settings=options).result()
    assert error.value.message == message


def test_newton_refuses_more_unknowns_than_a_hessian_may_have() -> None:
    with pytest.raises(gdcli.GdcliError, match="2,001 unknowns are too many"):
        gdcli.minimize("sum(x**2)", x="zeros(2001)", optimizer="newton").result()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exact_steps_shrink_a_quadratic_by_its_condition_number(dtype: str) -> None:
    record = end("(x**2 + 10*y**2)/2", "manual-exact", x=10.0, y=1.0, steps=10, dtype=dtype)
    losses = [step.loss for step in [*record.iterations, record.result]]
    ratios = [b / a for a, b in itertools.pairwise(losses)]
    assert ratios == pytest.approx([(9 / 11) ** 2] * 10, rel=1e-4 if dtype == "float32" else 1e-12)
    assert record.evaluations == 11 + 2 * 10  # two looks along each line


def test_exact_steps_end_where_the_slope_is_0_on_any_line() -> None:
    record = end("cosh(x/2) + (y - x)**4", "manual-exact", x=3.0, y=1.0, steps=6, dtype="float64")
    states = [*record.iterations, record.result]
    for before, after in itertools.pairwise(states):
        slope = sum(before.grads[name] * after.grads[name] for name in ("x", "y"))
        assert abs(slope) <= 1e-6 * sum(g**2 for g in before.grads.values())
        assert after.loss < before.loss


def test_exact_step_needs_a_lowest_point() -> None:
    record = end("2*x", "manual-exact", x=1.0, steps=5)
    assert record.message == (
        "stalled at iteration 0: the loss decreases without bound along the gradient, so no step length is optimal"
    )
    assert record.result.values == {"x": 1.0}


def armijo(x: float, y: float, c1: float, shrink: float) -> tuple[float, float, int]:
    """A step of Nocedal and Wright (2006), algorithm 3.1, on Rosenbrock's function, and its evaluations."""

    def loss(a: float, b: float) -> float:
        return (1 - a) ** 2 + 100 * (b - a**2) ** 2

    gx, gy = -2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)
    t, looks = 1.0, 1
    while loss(x - t * gx, y - t * gy) > loss(x, y) - c1 * t * (gx**2 + gy**2):
        t, looks = t * shrink, looks + 1
    return x - t * gx, y - t * gy, looks


@pytest.mark.slow
@pytest.mark.parametrize(("c1", "shrink"), [(1e-4, 0.5), (0.3, 0.8)])
def test_backtracking_takes_the_first_step_that_is_good_enough(c1: float, shrink: float) -> None:
    given = {"opt": {"c1": c1, "shrink": shrink}, "steps": 20, "dtype": "float64"}
    record = end("(1 - x)**2 + 100*(y - x**2)**2", "manual-backtracking", x=-1.2, y=1.0, **given)
    x, y, evaluations = -1.2, 1.0, 1
    for step in [*record.iterations, record.result]:
        assert [step.values["x"], step.values["y"]] == pytest.approx([x, y], rel=1e-9)
        if step.iteration < 20:
            x, y, looks = armijo(x, y, c1, shrink)
            evaluations += 1 + 1 + looks  # the loop's, the one at the start of the line, the trials
    assert record.evaluations == evaluations


def test_backtracking_shows_its_trials() -> None:
    record = end("sum(x**2)", "manual-backtracking", x=[1.0, -2.0, 3.0], lr=3.0, steps=1, walk=True)
    update = record.walk[0]
    assert update.terms["trial_steps"] == [3.0, 1.5, 0.75]
    assert update.terms["trial_losses"] == [350.0, 56.0, 3.5]
    assert update.terms["step"] == 0.75
    assert update.note == "tried 3: loss 350, 1.5: loss 56, 0.75: loss 3.5"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "dtype", "loss", "exactly", "x"),
    [
        ("manual-backtracking", "float32", "cosh(x - 0.375)", lambda x: mpmath.cosh(x - 0.375), 3.0),
        ("manual-backtracking", "float32", "(x - 1.25)**4 + 7", lambda x: (x - 1.25) ** 4 + 7, 3.0),
        (
            "manual-backtracking",
            "float64",
            "log(1 + exp(x)) - x/4 + 2",
            lambda x: mpmath.log1p(mpmath.exp(x)) - x / 4 + 2,
            0.1,
        ),
        ("manual-exact", "float32", "x**4 + 3", lambda x: x**4 + 3, 1.0),
        ("manual-exact", "float64", "x**4 + 3", lambda x: x**4 + 3, 1.0),
    ],
)
def test_line_search_at_the_limit_of_its_dtype_says_so(
    rule: str, dtype: str, loss: str, exactly: Callable[[Any], Any], x: float
) -> None:
    record = end(loss, rule, x=x, steps=400, dtype=dtype)
    found = re.search(
        r"a step would gain at most about (.*), and (.*) has a spacing of (.*) at this loss$", record.message
    )
    assert found, record.message
    assert found[2] == dtype
    final = torch.tensor(record.result.loss, dtype=getattr(torch, dtype))
    spacing = (torch.nextafter(final, torch.tensor(math.inf, dtype=final.dtype)) - final).item()
    assert float(found[3]) == pytest.approx(spacing, rel=0.05)
    mpmath.mp.dps = 40
    place, slope = mpmath.mpf(record.result.values["x"]), mpmath.mpf(record.result.grads["x"])
    longest = 1 if rule == "manual-backtracking" else 10**6
    steps = [longest * mpmath.mpf(2) ** (-k / mpmath.mpf(8)) for k in range(600)]
    gain = max(exactly(place) - exactly(place - s * slope) for s in steps)
    assert gain < 1.5 * float(found[1]) + spacing / 4 < 7 * spacing


@pytest.mark.parametrize("rule", ["manual-backtracking", "manual-exact"])
def test_line_search_at_a_kink_does_not_speak_of_the_dtype(rule: str) -> None:
    record = end("abs(x) + 2*abs(y - x)", rule, x=1.0, y=3.0, steps=100)
    assert record.message.endswith("no step along the gradient lowers the loss")


@pytest.mark.parametrize("rule", ["manual-backtracking", "manual-exact"])
def test_line_search_that_finds_no_decrease_ends_the_run(rule: str) -> None:
    record = end("x - detach(x)*2", rule, x=1.0, steps=5)  # its gradient says 1, and the loss is -x
    assert record.message == "stalled at iteration 0: no step along the gradient lowers the loss"
    assert record.result.values == {"x": 1.0}


@pytest.mark.parametrize("rule", ["manual-backtracking", "manual-exact"])
def test_line_search_climbs_when_it_is_asked_to(rule: str) -> None:
    record = end("-(x - 1)**2", rule, x=0.0, maximize=True, steps=5)
    assert record.result.values["x"] == pytest.approx(1.0)


@pytest.mark.slow
def test_rmsprop_by_hand_is_that_of_torch() -> None:
    given = {"x": [0.5, -1.0, 2.0], "lr": 0.01, "steps": 50, "dtype": "float64"}
    hand = end("sum((x**2 - [1, 2, 3])**2)", "manual-rmsprop", **given).result.values["x"]
    assert hand == pytest.approx(end("sum((x**2 - [1, 2, 3])**2)", "rmsprop", **given).result.values["x"], rel=1e-12)


def test_rmsprop_takes_eps_inside_the_root() -> None:
    opt = {"alpha": 0.9, "eps": 0.01, "eps_inside": True}
    record = end("x**2 + 2", "manual-rmsprop", x=1.0, lr=0.4, steps=10, dtype="float64", opt=opt)
    x, s = 1.0, 0.0
    for step in [*record.iterations, record.result]:
        assert step.values["x"] == pytest.approx(x, rel=1e-12)
        s = 0.9 * s + 0.1 * (2 * x) ** 2
        x -= 0.4 * 2 * x / math.sqrt(s + 0.01)


@pytest.mark.slow
def test_new_rules_race() -> None:
    names = ["newton", "manual-backtracking", "manual-exact", "manual-rmsprop"]
    record = gdcli.compare("quadratic-10", optimizer=names, starts=3, steps=100, tune=False)
    by_name = {entry.optimizer: entry for entry in record.standings}
    assert {name: entry.batched for name, entry in by_name.items()} == {
        "newton": False, "manual-backtracking": False, "manual-exact": False, "manual-rmsprop": True,
    }  # fmt: skip
    assert by_name["newton"].reached == by_name["manual-exact"].reached == 3
    assert all(run.steps == 1 for run in by_name["newton"].runs)
    stalled = gdcli.compare("relu(x)", x=2.0, optimizer=["newton"], steps=5)
    assert [run.status for run in stalled.standings[0].runs] == ["stalled"]


@pytest.mark.parametrize("name", RULES)
def test_row_says_what_is_so(name: str) -> None:
    row = RULES[name]
    assert callable(class_of(row))
    assert row.formula
    assert row.source
    assert row.script is not None or row.path
    assert set(row.between) <= set(row.parameters)
    assert row.linear is None or "weight_decay" in row.parameters


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RULES if RULES[name].elementwise])
def test_elementwise_rules_treat_each_element_on_its_own(name: str) -> None:
    start = [0.5, -1.0, 2.0]
    together = end("sum((x**2 - 3)**2)", name, x=start, lr=0.01, steps=8).result.values["x"]
    alone = [end("sum((x**2 - 3)**2)", name, x=[x], lr=0.01, steps=8).result.values["x"][0] for x in start]
    assert together == pytest.approx(alone, rel=1e-6)


@pytest.mark.parametrize("name", [name for name in RULES if not RULES[name].remembers])
def test_rules_without_a_memory_go_on_from_a_place_as_if_they_began_there(name: str) -> None:
    steps = list(gdcli.minimize("cosh(x/2) + x**4", x=2.0, optimizer=name, lr=0.01, steps=6))
    again = list(gdcli.minimize("cosh(x/2) + x**4", x=steps[3].values["x"], optimizer=name, lr=0.01, steps=3))
    assert [step.values for step in again] == [step.values for step in steps[3:]]


@pytest.mark.parametrize("name", [name for name in RULES if not RULES[name].matrices_only])
def test_rules_that_do_not_evaluate_take_one_evaluation_a_step(name: str) -> None:
    record = end("cosh(x/2) + x**4", name, x=2.0, lr=0.01, steps=5)
    assert (record.evaluations > 6) == (RULES[name].evaluates and not RULES[name].second_order)


def test_names_stand_in_the_schema_and_in_errors(run: Run) -> None:
    schema = run("schema", "minimize").out
    for name in [*RULES, *SCHEDULES]:
        assert f'"{name}"' in schema
    said = run("minimize", "--optimizer", "newtn")
    assert (said.code, said.err) == (
        2,
        "error: there is no optimizer 'newtn'\nhint: did you mean 'newton'? gdcli optimizers lists them all\n",
    )
