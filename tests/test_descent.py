"""The loop against the same loop written in plain PyTorch: the same bits."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import gdcli
from gdcli.descent.run import Descent

Tensors = dict[str, torch.Tensor]

PROBLEMS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "scalar": ("(x - 1.5)**2", {"x": 4.0}, lambda x: (x - 1.5) ** 2),
    "two scalars": (
        "(1 - x)**2 + 100*(y - x**2)**2",
        {"x": -1.2, "y": 1.0},
        lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    ),
    "vector": (
        "sum(log(1 + exp(-x)) + 0.1*x**2)",
        {"x": [3.0, -1.5, 0.2]},
        lambda x: torch.sum(torch.log(1 + torch.exp(-x)) + 0.1 * x**2),
    ),
    "matrix": (
        "sum((tanh(W @ [1, 2]) - [0.5, 0.1, -0.2])**2)",
        {"W": [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]]},
        lambda W: torch.sum(
            (torch.tanh(W @ torch.tensor([1.0, 2.0], dtype=W.dtype)) - torch.tensor([0.5, 0.1, -0.2], dtype=W.dtype))
            ** 2
        ),
    ),
}
SGD_OPTIONS: list[dict[str, Any]] = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
    {"momentum": 0.5, "dampening": 0.1, "weight_decay": 0.01},
]


def start(values: dict[str, Any], dtype: str) -> Tensors:
    kind = getattr(torch, dtype)
    return {name: torch.tensor(value, dtype=kind, requires_grad=True) for name, value in values.items()}


def as_step(loss: torch.Tensor, tensors: Tensors) -> tuple[Any, ...]:
    return loss.item(), {n: t.tolist() for n, t in tensors.items()}, {n: t.grad.tolist() for n, t in tensors.items()}


def steps_of(descent: Descent[Any]) -> list[tuple[Any, ...]]:
    record = descent.result()
    return [(step.loss, step.values, step.grads) for step in [*record.iterations, record.result]]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_manual_loop_gives_the_bits_of_the_loop_by_hand(problem: str, dtype: str) -> None:
    expression, values, f = PROBLEMS[problem]
    tensors = start(values, dtype)
    expected = []
    for _ in range(41):
        loss = f(**tensors)
        loss.backward()
        expected.append(as_step(loss, tensors))
        with torch.no_grad():
            for x in tensors.values():
                x -= 0.002 * x.grad
        for x in tensors.values():
            x.grad.zero_()
    settings = {"lr": 0.002, "steps": 40, "dtype": dtype, "diagnose": False}
    assert steps_of(gdcli.minimize(expression, values, settings=settings)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("options", SGD_OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_sgd_gives_the_bits_of_torch_optim(problem: str, dtype: str, options: dict[str, Any]) -> None:
    expression, values, f = PROBLEMS[problem]
    tensors = start(values, dtype)
    optimizer = torch.optim.SGD(tensors.values(), lr=0.001, **options)
    expected = []
    for _ in range(31):
        loss = f(**tensors)
        optimizer.zero_grad()
        loss.backward()
        expected.append(as_step(loss, tensors))
        optimizer.step()
    settings = {"optimizer": "sgd", "lr": 0.001, "steps": 30, "dtype": dtype, "diagnose": False, **options}
    descent = gdcli.minimize(expression, values, settings=settings)
    assert steps_of(descent) == expected


def test_only_the_variables_of_wrt_move() -> None:
    record = gdcli.minimize("sum((x - a)**2)", x=[0.0, 0.0], a=[1.0, 2.0], wrt=["x"], steps=3).result()
    assert list(record.result.values) == ["x"]
    assert record.settings.wrt == ["x"]


def test_result_is_the_state_after_the_last_update() -> None:
    long = gdcli.minimize(steps=8).result()
    short = gdcli.minimize(steps=7).result()
    assert short.result == long.iterations[7]
    assert [step.iteration for step in short.iterations] == list(range(7))


@pytest.mark.parametrize(
    "settings", [{"steps": 7}, {"steps": 0}, {"tol_grad": [1e-3]}, {"lr": 1.5}, {"update": "rebind"}], ids=str
)
def test_the_state_in_which_a_run_ends_is_yielded_like_the_others(settings: dict[str, Any]) -> None:
    descent = gdcli.minimize(settings=settings)
    steps = list(descent)
    record = descent.record(steps)
    assert steps[-1] == record.result
    assert [step.iteration for step in steps] == list(range(record.result.iteration + 1))
    assert record.iterations == [step for step in steps if step.iteration < record.settings.steps]


def test_nothing_changes_the_tensors_of_a_state() -> None:
    descent = gdcli.minimize("sum((W - 1)**2)", W="rand(3, 2)", optimizer="sgd", momentum=0.9, steps=5)
    copies = []
    states = []
    for state in descent.states():
        states.append(state)
        copies.append(state.step())
    assert [state.step() for state in states] == copies


def test_best_is_the_smallest_loss_of_the_run() -> None:
    record = gdcli.minimize("x**2", x=1.0, lr=1.2, steps=5).result()
    assert (record.best.iteration, record.best.loss) == (0, 1.0)
    assert gdcli.minimize(steps=5).result().best.iteration == 5


def test_a_descent_can_be_iterated_again() -> None:
    descent = gdcli.minimize("sum((x - rand(3))**2)", x="randn(3)", steps=5, seed=4)
    assert list(descent) == list(descent)


def test_random_numbers_in_an_expression_are_drawn_at_each_step() -> None:
    torch.manual_seed(7)
    x = torch.randn(3).requires_grad_()
    losses = []
    for _ in range(4):
        loss = torch.sum((x - torch.rand(3)) ** 2)
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            x -= 0.1 * x.grad
        x.grad.zero_()
    steps = gdcli.minimize("sum((x - rand(3))**2)", x="randn(3)", steps=4, seed=7)
    assert [step.loss for step in steps][:-1] == losses


def test_the_seed_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1).item()
    torch.manual_seed(1)
    gdcli.fit_linear(steps=1, seed=5).result()
    assert torch.rand(1).item() == expected


def test_divergence_stops_the_run_where_it_happens() -> None:
    record = gdcli.minimize("exp(x)**2", x=3.0, lr=1.0, maximize=True, steps=1000).result()
    assert record.status == "diverged"
    assert record.iterations[-1] == record.result
    assert record.result.loss == float("inf")
    assert record.message == f"diverged: the loss became inf at iteration {record.result.iteration}"


@pytest.mark.slow
def test_a_loss_that_grows_without_bound_stops_the_run() -> None:
    record = gdcli.minimize(lr=1.5, steps=1000).result()
    assert record.status == "diverged"
    losses = [step.loss for step in record.iterations]
    assert losses[-2] <= 6.25e10 < losses[-1]
    assert record.message == (
        "diverged: the loss reached 1.07374e+11 at iteration 17 (limit 6.25e+10), with a growing gradient"
    )


def test_a_gradient_that_is_not_finite_stops_the_run() -> None:
    record = gdcli.minimize("sqrt(x)", x=0.0).result()
    assert record.status == "diverged"
    assert record.message == "diverged: the gradient of x became non-finite at iteration 0"


def test_zero_steps_show_the_start() -> None:
    record = gdcli.minimize(steps=0).result()
    assert record.iterations == []
    assert (record.result.iteration, record.result.loss, record.result.grads) == (0, 6.25, {"x": 5.0})


def test_a_zero_gradient_at_the_start_is_said() -> None:
    record = gdcli.minimize(x=1.5, steps=3).result()
    assert [notice.code for notice in record.warnings] == ["zero-gradient"]
    assert gdcli.minimize(x=1.6, steps=3).result().warnings == []


def test_interrupt_keeps_what_was_computed() -> None:
    descent = gdcli.minimize(steps=1000)
    steps = []
    for step in descent:
        steps.append(step)
        if step.iteration == 10:
            descent.interrupt()
    assert len(steps) == 11
    assert descent.outcome.status == "interrupted"
    assert descent.outcome.result == steps[-1]


def test_outcome_before_the_end_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="has not finished"):
        _ = gdcli.minimize().outcome


def test_an_option_that_the_rule_would_ignore_is_an_error() -> None:
    with pytest.raises(gdcli.GdcliError) as error:
        gdcli.minimize(momentum=0.5)
    assert error.value.message == "manual has no momentum"
    assert (
        error.value.hint
        == "use --optimizer manual-momentum --momentum 0.5; manual-nesterov, sgd, rmsprop and muon have it too"
    )


def test_what_torch_optim_refuses_is_an_error() -> None:
    with pytest.raises(gdcli.GdcliError, match="nesterov of sgd needs a momentum above 0 and no dampening"):
        list(gdcli.minimize(optimizer="sgd", nesterov=True))


def test_a_gradient_of_zeros_without_storage_is_zero() -> None:
    record = gdcli.minimize("sum(sgn(x))", x=[1.0, 2.0], steps=2).result()
    assert (record.result.grads, record.result.values) == ({"x": [0.0, 0.0]}, {"x": [1.0, 2.0]})
