"""When and why a descent ends, and that a script can rely on what it says."""

from __future__ import annotations

import math
from typing import Any

import pytest

import gdcli
from gdcli.cli import main
from gdcli.contract.descent import _STATUS, CONVERGED, StopReason


def run(expression: str = "", **more: Any) -> gdcli.MinimizeResult:
    return gdcli.minimize(expression, **more).result()


def test_gradient_tolerance_is_shown_beside_the_value_that_met_it() -> None:
    record = run(tol_grad=[1e-3], steps=1000)
    assert record.status == "converged_grad"
    assert abs(record.result.grads["x"]) <= 1e-3 < abs(record.iterations[-2].grads["x"])
    value = abs(record.result.grads["x"])
    assert (
        record.message
        == f"converged at iteration {record.result.iteration}: the gradient norm {value:.6g} is at most 0.001"
    )


def test_relative_gradient_tolerance_is_that_of_the_first_gradient() -> None:
    record = run(tol_grad=[0, 1e-2], steps=1000)
    assert abs(record.result.grads["x"]) <= 5.0 * 1e-2 < abs(record.iterations[-2].grads["x"])


def test_loss_tolerance() -> None:
    record = run(tol_loss=[1e-4], steps=1000)
    before, last = record.iterations[-2].loss, record.result.loss
    assert record.status == "converged_loss"
    assert abs(last - before) <= 1e-4 < abs(before - record.iterations[-3].loss)


def test_relative_tolerance_of_the_variables() -> None:
    record = run(tol_x=[0, 1e-3], steps=1000)
    before, last = record.iterations[-2].values["x"], record.result.values["x"]
    assert record.status == "converged_x"
    assert abs(last - before) <= 1e-3 * abs(last)


def test_without_a_tolerance_all_steps_are_made() -> None:
    record = run(steps=300)
    assert (record.status, len(record.iterations)) == ("max_steps", 300)


def test_no_representable_progress_is_a_stall_when_a_tolerance_is_set() -> None:
    record = run(tol_grad=[1e-12], steps=1000)
    assert record.status == "stalled"
    assert "too small to change the variables in this dtype" in record.message
    assert record.result.values == record.iterations[-2].values


def test_a_cycle_is_found_with_its_period() -> None:
    record = run("abs(x)", x=0.25, lr=0.5, tol_grad=[1e-6], steps=1000)
    assert record.status == "cycling"
    assert record.message.endswith("the state is the same as 2 iterations earlier")
    assert run("abs(x)", x=0.25, lr=0.5, steps=50).status == "max_steps"


def test_a_place_that_comes_again_with_another_momentum_is_no_cycle() -> None:
    record = run("abs(x)", x=0.3, lr=0.5, optimizer="sgd", momentum=0.5, tol_grad=[1e-6], steps=50)
    assert record.status == "max_steps"


def test_a_dead_layer_is_stalled_and_not_converged() -> None:
    record = gdcli.fit_linear(seed=1, tol_grad=[1e-6], steps=50).result()
    assert record.status == "stalled"
    assert record.message == "stalled at iteration 1: the gradient is exactly 0, but this is not a minimum"


def test_a_flat_place_away_from_the_known_minimum_is_stalled() -> None:
    record = run("easom", x=20, y=20, tol_grad=[1e-6])
    assert record.result.grads == {"x": 0.0, "y": 0.0}
    assert record.status == "stalled"


def test_first_last_and_best_are_in_the_record() -> None:
    record = run("x**4 - 3*x**2 + x", x=2.0, lr=0.2, steps=20)
    assert record.iterations[0].iteration == 0
    assert record.best.loss == min(step.loss for step in [*record.iterations, record.result])


def test_every_reason_has_a_sentence_and_a_status() -> None:
    assert set(_STATUS) == set(StopReason)
    assert set(_STATUS.values()) >= CONVERGED


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["minimize", "--tol-grad", "1e-3"], 0),
        (["minimize", "--tol-grad", "1e-3", "--steps", "5"], 3),
        (["minimize", "--lr", "1.5", "--tol-grad", "1e-3"], 3),
        (["fit-linear", "--seed", "1", "--tol-grad", "1e-3"], 3),
    ],
)
def test_require_convergence_sets_the_exit_code(words: list[str], code: int) -> None:
    assert main.run([*words, "--require-convergence", "--quiet"]) == code
    assert main.run([*words, "--quiet"]) == 0


@pytest.mark.parametrize("field", ["tol_grad", "tol_loss", "tol_x"])
def test_a_tolerance_below_zero_is_refused(field: str) -> None:
    with pytest.raises(gdcli.GdcliError, match="a number of at least 0, or two: absolute,relative"):
        run(**{field: [-1.0]})


def test_problem_uses_its_start_and_tells_the_distance_to_the_minimum() -> None:
    record = run("rosenbrock", optimizer="lbfgs", steps=20)
    assert record.iterations[0].values == {"x": pytest.approx(-1.2), "y": 1.0}
    x, y = record.result.values["x"], record.result.values["y"]
    assert record.minimum.distance == pytest.approx(math.hypot(x - 1, y - 1))
    assert record.minimum.distance < 1e-3
    assert (record.minimum.values, record.minimum.loss) == ({"x": 1.0, "y": 1.0}, 0.0)


def test_the_nearest_of_several_minima_is_told() -> None:
    record = run("himmelblau", x=-3, y=3, lr=0.01)
    assert record.minimum.values == pytest.approx({"x": -2.805118, "y": 3.131313}, abs=1e-5)
    assert record.minimum.distance < 1e-4


def test_problem_in_other_dimensions() -> None:
    record = run("rastrigin", dim=5, lr=0.001, steps=10)
    assert len(record.result.values["x"]) == 5
    assert record.settings.dim == 5
    assert record.settings.expression == "rastrigin"


@pytest.mark.slow
def test_settings_of_a_problem_reproduce_the_run() -> None:
    record = run("rosenbrock", dim=4, optimizer="adam", steps=5)
    again = gdcli.minimize(
        record.settings.expression, record.settings.values, settings={"dim": 4, "optimizer": "adam", "steps": 5}
    )
    assert again.result().result == record.result


@pytest.mark.parametrize(
    ("expression", "more", "message", "hint"),
    [
        ("rosenbrok", {}, "there is no problem 'rosenbrok'", "did you mean 'rosenbrock'?"),
        ("styblinski_tan", {}, "there is no problem 'styblinski_tan'", "did you mean 'styblinski-tang'?"),
        (
            "rosenbrock",
            {"x": 2000},
            "the start of x lies outside the domain of rosenbrock, -2.048:2.048",
            "for a start outside it, give the expression that gdcli problems rosenbrock shows",
        ),
        (
            "x**2",
            {"x": 1, "dim": 3},
            "dim sets the dimension of a catalogue problem, but no problem is named",
            "name one, for example: gdcli minimize rosenbrock --dim 3",
        ),
        (
            "himmelblau",
            {"dim": 3},
            "the dimension of this problem must be 2, not 3",
            "leave the dimension out",
        ),
    ],
)
def test_wrong_problems(expression: str, more: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(gdcli.GdcliError) as error:
        run(expression, **more)
    assert (error.value.message, error.value.hint) == (message, hint)


def test_a_loss_that_is_asked_for_ends_the_run() -> None:
    record = run(until=0.1)
    assert (record.status, record.status in CONVERGED) == ("reached", True)
    assert record.result.loss <= 0.1 < record.iterations[-2].loss
    value = record.result.loss
    assert record.message == f"reached at iteration 10: the loss, {value:.6g}, is at most 0.1"
    record = run("1 - x**2", x=2.0, maximize=True, until=0.5)
    assert record.result.loss >= 0.5 > record.iterations[-2].loss
    assert run(until=-1.0).status == "max_steps"
    assert run(until=7.0).result.iteration == 0


def test_a_run_that_reached_its_loss_is_not_called_slow() -> None:
    assert not {finding.code for finding in run(until=0.1).diagnosis} & {"slow"}
    assert "slow" in {finding.code for finding in run(steps=10).diagnosis}


def test_all_tolerances_end_a_run_where_each_of_them_is_met() -> None:
    tolerances = {"tol_grad": [1e-3], "tol_loss": [1e-9], "tol_x": [1e-5]}
    ends = [run(steps=1000, **{name: value}).result.iteration for name, value in tolerances.items()]
    assert run(steps=1000, **tolerances).result.iteration == min(ends)
    together = run(steps=1000, tol="all", **tolerances)
    assert (together.status, together.result.iteration) == ("converged_all", max(ends))
    last, before = together.result, together.iterations[-2]
    grad, loss, x = abs(last.grads["x"]), abs(last.loss - before.loss), abs(last.values["x"] - before.values["x"])
    sizes = f"gradient norm {grad:.6g}, change in the loss {loss:.6g}, change in the variables {x:.6g}"
    assert together.message == f"converged at iteration {max(ends)}: every tolerance is met ({sizes})"


@pytest.mark.slow
def test_compare_takes_the_loss_that_is_asked_for_as_the_goal() -> None:
    record = gdcli.compare("rosenbrock", until=3.0, optimizer=["sgd"], lr=0.001)
    (best,) = record.standings[0].runs
    assert (best.status, best.loss <= 3.0) == ("reached", True)
    alone = gdcli.minimize("rosenbrock", optimizer="sgd", lr=0.001, until=3.0, steps=500).result()
    assert (alone.status, alone.result.iteration, alone.result.loss) == ("reached", best.steps, best.loss)
