"""Batches: every run, with parameters of its own, against a loop that makes it alone; and how runs end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch

import gdcli
from gdcli.batch.descent import BatchDescent, BatchSettings
from gdcli.batch.objective import BatchObjective, can_be_batched
from gdcli.batch.parameters import Parameters
from gdcli.batch.stopping import BatchResult, Status, Stopping
from gdcli.contract.descent import MinimizeSettings
from gdcli.errors import GdcliError
from gdcli.rules.catalogue import RULES
from gdcli.tensors import Problem, prepare

EXPRESSION = "(1 - x)**2 + 10*sum((w - x**2)**2) + x*sum(sin(w))"
RUNS, STEPS = 11, 20  # no multiple of the width of a vector of a processor
BY_HAND = [name for name, row in RULES.items() if not row.path]


def loss_of(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """The same in PyTorch."""
    return (1 - x) ** 2 + 10 * torch.sum((w - x**2) ** 2) + x * torch.sum(torch.sin(w))


def spread(*numbers: float) -> list[float]:
    """As many numbers as there are runs."""
    return [numbers[i % len(numbers)] for i in range(RUNS)]


RATES = [1e-3 * 1.3**i for i in range(RUNS)]
BETAS = (spread(0.9, 0.8, 0.0, 0.95, 0.7), spread(0.999, 0.99, 0.9))
DECAY = spread(0.0, 0.01, 0.1)
# The rule, the parameters that differ from run to run, and those that do not.
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "manual": ("manual", {"weight_decay": DECAY}, {}),
    "manual-momentum": ("manual-momentum", {"momentum": spread(0.9, 0.0, 0.5), "weight_decay": DECAY}, {}),
    "manual-nesterov": ("manual-nesterov", {"momentum": spread(0.9, 0.0, 0.5)}, {"weight_decay": 0.01}),
    "manual-adam": ("manual-adam", {"betas": BETAS, "eps": spread(1e-8, 1e-3)}, {}),
    "manual-rmsprop": ("manual-rmsprop", {"alpha": spread(0.99, 0.9), "eps": spread(1e-8, 1e-3)}, {"eps_inside": True}),
    "sgd": ("sgd", {}, {}),
    "sgd, momentum": ("sgd", {"momentum": spread(0.9, 0.0, 0.5, 0.99, 0.1)}, {}),
    "sgd, all": (
        "sgd",
        {"momentum": spread(0.9, 0.0, 0.5), "dampening": spread(0.0, 0.2), "weight_decay": DECAY},
        {},
    ),
    "sgd, nesterov": ("sgd", {"momentum": spread(0.9, 0.3, 0.5)}, {"nesterov": True}),
    "sgd, maximize": ("sgd", {"lr": [1e-5 * i for i in range(RUNS)]}, {"maximize": True, "momentum": 0.3}),
    "adam": ("adam", {"betas": BETAS, "eps": spread(1e-8, 1e-3), "weight_decay": DECAY}, {}),
    "adam, decoupled": ("adam", {"weight_decay": DECAY}, {"decoupled_weight_decay": True}),
    "adamw": ("adamw", {"betas": BETAS, "weight_decay": DECAY}, {}),
    "adamw, largest": ("adamw", {"betas": BETAS}, {"amsgrad": True}),
    "amsgrad": ("amsgrad", {"betas": BETAS, "weight_decay": DECAY}, {}),
    "nadam": ("nadam", {"betas": BETAS, "momentum_decay": spread(0.004, 0.1, 0.0), "weight_decay": DECAY}, {}),
    "nadam, decoupled": ("nadam", {"weight_decay": DECAY}, {"decoupled_weight_decay": True}),
    "radam": ("radam", {"betas": BETAS, "weight_decay": DECAY}, {}),
    "radam, decoupled": ("radam", {"weight_decay": DECAY}, {"decoupled_weight_decay": True}),
    "adamax": ("adamax", {"betas": BETAS, "eps": spread(1e-8, 1e-3), "weight_decay": DECAY}, {}),
    "adagrad": (
        "adagrad",
        {"lr_decay": spread(0.0, 0.1), "initial_accumulator_value": spread(0.0, 0.3), "weight_decay": DECAY},
        {},
    ),
    "adadelta": ("adadelta", {"rho": spread(0.9, 0.5), "eps": spread(1e-6, 1e-4), "weight_decay": DECAY}, {}),
    "rmsprop": ("rmsprop", {"alpha": spread(0.99, 0.9), "weight_decay": DECAY}, {}),
    "rmsprop, momentum": ("rmsprop", {"momentum": spread(0.0, 0.5, 0.9)}, {}),
    "rmsprop, centered": ("rmsprop", {"momentum": spread(0.0, 0.5), "alpha": spread(0.99, 0.9)}, {"centered": True}),
    "rprop": (
        "rprop",
        {"etas": (spread(0.5, 0.3), spread(1.2, 1.4)), "step_sizes": (spread(1e-6, 1e-2), spread(50.0, 0.05))},
        {},
    ),
    "asgd": ("asgd", {"lambd": spread(1e-4, 0.1), "alpha": spread(0.75, 0.5), "weight_decay": DECAY}, {}),
}


def problem(dtype: str = "float32", expression: str = EXPRESSION, **values: str) -> Problem:
    values = values or {"x": "0", "w": "[0, 0, 0]"}
    return prepare(expression, MinimizeSettings(values=values, dtype=dtype), list(values))


def starts(dtype: str = "float32") -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    made = {"x": torch.rand(RUNS, generator=generator), "w": torch.rand(RUNS, 3, generator=generator)}
    return {name: (2 * x - 1).to(getattr(torch, dtype)) for name, x in made.items()}


def tensor(value: Any) -> Any:
    """A parameter of all runs as it is given to a batch: a tensor, or a pair of them."""
    if isinstance(value, tuple):
        return tuple(map(tensor, value))
    return torch.tensor(value, dtype=torch.float64)


def of_run(value: Any, run: int) -> Any:
    """The same parameter of one run."""
    return tuple(part[run] for part in value) if isinstance(value, tuple) else value[run]


def batch(
    rule: str, parameters: Mapping[str, Any], stopping: Stopping, dtype: str = "float32", **more: Any
) -> BatchResult:
    descent = BatchDescent(problem(dtype), starts(dtype), BatchSettings(rule, parameters, stopping, **more))
    shares = list(descent)
    assert all(0 < share <= 1 for share in shares)
    return descent.result


def by_torch(rule: str, dtype: str, run: int, given: dict[str, Any]) -> tuple[list[float], torch.Tensor, torch.Tensor]:
    """The losses of a run and where it ends, by a loop with an optimizer of torch.optim."""
    x, w = (points[run].clone().requires_grad_() for points in starts(dtype).values())
    optimizer = getattr(torch.optim, RULES[rule].path.rpartition(".")[2])([x, w], **given, **RULES[rule].fixed)
    losses = []
    for step in range(STEPS + 1):
        optimizer.zero_grad()
        loss = loss_of(x, w)
        losses.append(loss.item())
        loss.backward()
        if step < STEPS:
            optimizer.step()
    return losses, x.detach(), w.detach()


def by_minimize(rule: str, dtype: str, run: int, given: dict[str, Any]) -> tuple[list[float], Any, Any]:
    """The same by the loop of ``minimize``."""
    values = {name: repr(points[run].tolist()) for name, points in starts(dtype).items()}
    own = {name: given.pop(name) for name in ("momentum", "weight_decay", "lr") if name in given}
    opt = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    settings = {"opt": opt, "steps": STEPS, "dtype": dtype, "diagnose": False, **own}
    record = gdcli.minimize(EXPRESSION, values, optimizer=rule, settings=settings).result()
    losses = [step.loss for step in record.iterations] + [record.result.loss]
    ends = [torch.tensor(v, dtype=getattr(torch, dtype)) for v in record.result.values.values()]
    return losses, ends[0], ends[1]


HALF = ("manual-momentum", "sgd, all", "adam")  # the rules of these dtypes are those of single runs
TABLE = [(case, dtype) for case in CASES for dtype in ("float32", "float64")]
TABLE += [(case, dtype) for case in HALF for dtype in ("float16", "bfloat16")]


@pytest.mark.slow
@pytest.mark.parametrize(("case", "dtype"), TABLE)
def test_runs_with_parameters_of_their_own_are_single_runs_bit_for_bit(case: str, dtype: str) -> None:
    rule, differing, common = CASES[case]
    differing = {"lr": RATES, **differing}
    given = {name: tensor(value) for name, value in differing.items()}
    stopping = Stopping(STEPS + 1, stalled=False, maximize=common.get("maximize", False))
    result = batch(rule, {**given, **common}, stopping, dtype, samples=STEPS + 1)
    alone = by_minimize if rule in BY_HAND else by_torch
    for run in range(RUNS):
        losses, x, w = alone(rule, dtype, run, {**{name: of_run(v, run) for name, v in differing.items()}, **common})
        made = int(result.evaluations[run])
        assert str(result.samples.loss[:made, run].tolist()) == str(losses[:made])
        if int(result.status[run]) == Status.MAX_STEPS:
            assert made == STEPS + 1
            assert result.loss[run] == losses[-1]
            assert torch.equal(result.values["x"][run], x)
            assert torch.equal(result.values["w"][run], w)
        else:
            assert int(result.status[run]) == Status.DIVERGED
    assert int((result.status == Status.MAX_STEPS).sum()) >= RUNS - 2
    assert len(set(result.loss.tolist())) >= RUNS - 2


def test_every_elementwise_rule_is_in_the_table() -> None:
    assert {rule for rule, _, _ in CASES.values()} == {rule for rule, row in RULES.items() if row.elementwise}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_parameter_that_all_runs_have_may_be_a_number(case: str) -> None:
    rule, differing, common = CASES[case]
    numbers = {"lr": 0.01, **{name: of_run(value, 0) for name, value in differing.items()}}
    tensors = {name: tuple(map(of_all, v)) if isinstance(v, tuple) else of_all(v) for name, v in numbers.items()}
    stopping = Stopping(10, maximize=common.get("maximize", False))
    one, other = (batch(rule, {**given, **common}, stopping) for given in (numbers, tensors))
    assert torch.equal(one.loss, other.loss)
    assert torch.equal(one.values["w"], other.values["w"])


def of_all(number: float) -> torch.Tensor:
    return torch.full((RUNS,), number, dtype=torch.float64)


def test_parameters_have_the_defaults_of_the_rule() -> None:
    given = {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
    one, other = batch("adam", {"lr": 0.01}, Stopping(10)), batch("adam", given, Stopping(10))
    assert torch.equal(one.loss, other.loss)


def test_powers_are_those_of_python() -> None:
    """``torch.pow`` of many numbers differs from them in the last bit, now and then."""
    b1 = torch.linspace(0.5, 0.99, 1000, dtype=torch.float64).repeat(2)
    parameters = Parameters("adam", {"betas": (b1, 0.999)}, torch.zeros(1, 2000))
    power, other = parameters.of_each(17, lambda t, b1, b2: (b1**t, b2), "beta1", "beta2")
    assert power.tolist() == [number**17 for number in b1.tolist()]
    assert set(other.tolist()) == {0.999}
    assert len(parameters.distinct("beta1", "beta2").combinations) == 1000


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lbfgs_takes_a_rate_a_run(dtype: str) -> None:
    rates = torch.tensor([0.1, 0.3, 0.5, 0.9, 1.0], dtype=torch.float64)
    points = torch.linspace(-1, 1, 5).to(getattr(torch, dtype))
    rosenbrock = problem(dtype, "(1 - x)**2 + 100*(y - x**2)**2", x="0", y="0")
    stopping = Stopping(10_000, tol_grad=(1e-3, 0.0))
    descent = BatchDescent(
        rosenbrock, {"x": points, "y": points.flip(0)}, BatchSettings("lbfgs", {"lr": rates}, stopping)
    )
    for _ in descent:
        pass
    result = descent.result
    assert result.status.tolist() == [Status.CONVERGED_GRAD] * 5
    for run in range(5):
        x, y = points[run].clone().requires_grad_(), points.flip(0)[run].clone().requires_grad_()
        optimizer = torch.optim.LBFGS([x, y], lr=rates[run].item())

        def closure(x: torch.Tensor = x, y: torch.Tensor = y, optimizer: Any = optimizer) -> torch.Tensor:
            optimizer.zero_grad()
            loss = (1 - x) ** 2 + 100 * (y - x**2) ** 2
            loss.backward()
            return loss

        for _ in range(int(result.steps[run])):
            optimizer.step(closure)
        assert (result.values["x"][run].item(), result.values["y"][run].item()) == (x.item(), y.item())


# How runs end


def singles(expression: str, starts: torch.Tensor, **settings: Any) -> list[Any]:
    """The single runs of a rule from some starts of x."""
    return [gdcli.minimize(expression, x=x, diagnose=False, **settings).result() for x in starts.tolist()]


def of_x(
    expression: str, points: torch.Tensor, rule: str, parameters: dict[str, Any], stopping: Stopping
) -> BatchDescent:
    return BatchDescent(problem("float64", expression, x="0"), {"x": points}, BatchSettings(rule, parameters, stopping))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tol_grad", "tol_loss", "tol_x"])
@pytest.mark.parametrize("tolerance", [(1e-3, 0.0), (0.0, 1e-2), (1e-5, 1e-4)])
def test_tolerances_end_runs_where_minimize_ends_them(name: str, tolerance: tuple[float, float]) -> None:
    points = torch.linspace(-3, 3, 8, dtype=torch.float64)
    expression = "x**2 + sin(3*x)"
    descent = of_x(expression, points, "sgd", {"lr": 0.05}, Stopping(61, **{name: tolerance}))
    list(descent)
    alone = singles(
        expression, points, lr=0.05, dtype="float64", steps=60, optimizer="sgd", settings={name: list(tolerance)}
    )
    statuses = [Status(code).name.lower() for code in descent.result.status.tolist()]
    assert statuses == [record.status for record in alone]
    assert f"converged_{name.removeprefix('tol_')}" in statuses
    assert descent.result.steps.tolist() == [record.result.iteration for record in alone]
    assert descent.result.evaluations.tolist() == [record.evaluations for record in alone]
    assert descent.result.loss.tolist() == [record.result.loss for record in alone]
    assert descent.result.best.tolist() == [record.best.loss for record in alone]


def test_a_run_that_diverges_ends_where_minimize_ends_it() -> None:
    points = torch.linspace(0.5, 3, 6, dtype=torch.float64)
    rates = torch.tensor([0.1, 1.2, 3.0, 0.5, 50.0, 0.9], dtype=torch.float64)
    descent = of_x("x**2", points, "sgd", {"lr": rates}, Stopping(101, stalled=False))
    list(descent)
    alone = [
        gdcli.minimize("x**2", x=x, lr=lr, dtype="float64", optimizer="sgd", steps=100).result()
        for x, lr in zip(points.tolist(), rates.tolist(), strict=True)
    ]
    assert [record.status for record in alone].count("diverged") == 3
    assert [Status(code).name.lower() for code in descent.result.status.tolist()] == [each.status for each in alone]
    assert descent.result.steps.tolist() == [record.result.iteration for record in alone]
    assert descent.result.loss.tolist() == [record.result.loss for record in alone]


def test_a_loss_that_grows_with_a_steady_gradient_has_not_diverged() -> None:
    points = torch.tensor([0.0, 1.0], dtype=torch.float64)
    descent = of_x("-x", points, "sgd", {"lr": 1e10}, Stopping(6))
    list(descent)
    alone = singles("-x", points, lr=1e10, dtype="float64", steps=5, optimizer="sgd")
    assert [record.status for record in alone] == ["max_steps"] * 2
    assert descent.result.status.tolist() == [Status.MAX_STEPS] * 2


def test_a_goal_ends_a_run_though_its_gradient_is_not_finite() -> None:
    points = torch.tensor([0.0, 1.0], dtype=torch.float64)
    descent = of_x("sqrt(x)", points, "manual", {"lr": 0.1}, Stopping(5, goal=0.0))
    list(descent)
    assert descent.result.status.tolist() == [Status.REACHED, Status.MAX_STEPS]
    without = of_x("sqrt(x)", points, "manual", {"lr": 0.1}, Stopping(5))
    list(without)
    assert without.result.status.tolist() == [Status.DIVERGED, Status.MAX_STEPS]


def test_only_runs_without_momentum_stall() -> None:
    points = torch.tensor([1.0, 1.0, 1.0], dtype=torch.float64)
    parameters = {"lr": torch.tensor([0.1, 0.1, 0.0]).double(), "momentum": torch.tensor([0.0, 0.5, 0.5]).double()}
    descent = of_x("0*x + 3", points, "sgd", parameters, Stopping(10))
    list(descent)
    assert descent.result.status.tolist() == [Status.STALLED, Status.MAX_STEPS, Status.MAX_STEPS]
    assert descent.result.steps.tolist() == [1, 9, 9]
    kept = of_x("0*x + 3", points, "sgd", parameters, Stopping(10, stalled=False))
    list(kept)
    assert kept.result.status.tolist() == [Status.MAX_STEPS] * 3


def test_what_happens_to_one_run_changes_no_other() -> None:
    rates = tensor(spread(1e-3, 1e9, 2e-3))
    alone = batch("sgd", {"lr": torch.where(rates > 1, 1e-3, rates), "momentum": 0.9}, Stopping(STEPS))
    mixed = batch("sgd", {"lr": rates, "momentum": 0.9}, Stopping(STEPS))
    calm = rates < 1
    assert mixed.status[~calm].tolist() == [Status.DIVERGED] * int((~calm).sum())
    assert torch.equal(mixed.loss[calm], alone.loss[calm])


def test_maximizing_looks_for_the_largest_loss() -> None:
    points = torch.tensor([0.5, 1.0], dtype=torch.float64)
    descent = of_x(
        "sin(x)", points, "sgd", {"lr": 0.5, "maximize": True}, Stopping(200, tol_grad=(1e-6, 0), maximize=True)
    )
    list(descent)
    assert descent.result.status.tolist() == [Status.CONVERGED_GRAD] * 2
    assert descent.result.values["x"].tolist() == pytest.approx([math.pi / 2] * 2, abs=1e-5)
    assert descent.result.best.tolist() == pytest.approx([1.0, 1.0])


def test_clipping_and_bounds_are_those_of_minimize() -> None:
    points = torch.tensor([-1.0, 0.3, 0.9], dtype=torch.float64)
    settings = BatchSettings(
        "manual", {"lr": tensor([0.1, 0.2, 0.3])}, Stopping(11, stalled=False), clip_value=2.0, bound={"x": (-1.5, 1.0)}
    )
    descent = BatchDescent(problem("float64", "(x - 4)**2", x="0"), {"x": points}, settings)
    list(descent)
    for run, lr in enumerate([0.1, 0.2, 0.3]):
        limits = {"bound": {"x": [-1.5, 1.0]}, "clip_value": 2.0}
        record = gdcli.minimize(
            "(x - 4)**2", x=points[run].item(), lr=lr, dtype="float64", steps=10, settings=limits
        ).result()
        assert descent.result.values["x"][run].item() == record.result.values["x"]


def test_samples_are_spread_evenly_over_a_long_run() -> None:
    result = batch("sgd", {"lr": 1e-4}, Stopping(100), samples=10)
    assert result.samples.evaluations[:, 0].tolist() == list(range(1, 101, 16))
    assert result.samples.loss.shape == (7, RUNS)
    assert batch("sgd", {"lr": 1e-4}, Stopping(10)).samples is None


def test_an_interrupt_ends_the_runs_that_go_on() -> None:
    points = torch.tensor([0.0, 1.0], dtype=torch.float64)
    descent = of_x("x**2", points, "sgd", {"lr": 0.1}, Stopping(100, tol_grad=(1e-9, 0.0)))
    for count, _ in enumerate(descent):
        with pytest.raises(RuntimeError, match="not finished"):
            _ = descent.result
        if count == 3:
            descent.interrupt()
    assert descent.result.status.tolist() == [Status.CONVERGED_GRAD, Status.INTERRUPTED]
    assert descent.result.steps.tolist() == [0, 4]
    with pytest.raises(RuntimeError, match="only once"):
        list(descent)


# What does not fit


@pytest.mark.parametrize(
    ("rule", "parameters", "message"),
    [
        ("muon", {}, "muon depends on whole tensors, so its runs cannot be batched"),
        ("adam", {"momentum": 0.9}, "adam has no parameter 'momentum'"),
        ("sgd", {"lr": torch.zeros(4)}, f"lr has shape (4,), but there are {RUNS} runs"),
        ("adam", {"betas": (torch.zeros(4), 0.9)}, f"beta1 has shape (4,), but there are {RUNS} runs"),
    ],
)
def test_a_rule_or_parameter_that_does_not_fit_is_an_error(rule: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(GdcliError) as caught:
        BatchDescent(problem(), starts(), BatchSettings(rule, parameters, Stopping(10)))
    assert caught.value.message == message


def test_random_expressions_are_not_batched() -> None:
    start = {"x": torch.tensor(1.0)}
    assert can_be_batched(problem(expression="x**2", x="1"), start)
    assert not can_be_batched(problem(expression="(x - rand(1)[0])**2", x="1"), start)


def test_an_objective_of_many_points_is_that_of_each() -> None:
    points = {"x": torch.tensor([1.0, 2.0]), "w": torch.tensor([[1.0, 2, 3], [4, 5, 6]])}
    objective = BatchObjective(problem(), points)
    losses = objective.evaluate()
    gradients = objective.by_variable(objective.gradient)
    for run in range(2):
        x, w = (each[run].clone().requires_grad_() for each in points.values())
        loss = loss_of(x, w)
        loss.backward()
        assert losses[run] == loss
        assert torch.equal(gradients["x"][run], x.grad)
        assert torch.equal(gradients["w"][run], w.grad)
    assert torch.equal(objective.by_variable(objective.x)["w"], points["w"])
