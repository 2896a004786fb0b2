"""The engines of ``gdcli sweep``: the run of a cell has the bits of the same run alone.

The oracle is ``minimize`` with the settings of the cell. Bits are compared as numbers: a -0.0 counts as 0.0, because
PyTorch's own kernels leave its sign open (a sum of one term begins with 0.0 or with the term).
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from msgspec.structs import replace

from gdcli.batch.operations import lanes, order_of_sum
from gdcli.complete.alone import settings_alone
from gdcli.complete.sweep import complete_sweep
from gdcli.complete.sweep_names import OFFERED
from gdcli.contract.sweep import SweepSettings
from gdcli.descent.minimize import minimize
from gdcli.errors import GdcliError
from gdcli.sweeps.ends import NAMES
from gdcli.sweeps.sweep import Sweep

HAS_NUMBA = importlib.util.find_spec("numba") is not None
needs_numba = pytest.mark.skipif(not HAS_NUMBA, reason="the engine fast needs numba, which is not installed")


def swept(expression: str, *over: str, **settings: Any) -> Sweep:
    """A sweep that has run."""
    sweep = Sweep(complete_sweep(SweepSettings(expression=expression, over=list(over), **settings)))
    for _ in sweep:
        pass
    return sweep


@dataclass
class Compared:
    """Cells and their runs alone: what differs, in words, and how often each status came."""

    differing: list[str]
    statuses: Counter[str]


def compared(sweep: Sweep, count: int) -> Compared:
    """Random cells of a sweep compared with their runs alone: status, number of steps, loss and end point."""
    cells = sweep.cells
    chosen = torch.randperm(sweep.grid.size, generator=torch.Generator().manual_seed(sweep.grid.size))[:count]
    found = Compared([], Counter())
    for cell in chosen.tolist():
        settings = settings_alone(sweep.settings, sweep.axes, sweep.grid.index_of(cell))
        alone = minimize(replace(settings, diagnose=False))
        for _ in alone.states():
            pass
        reason, _, state = alone.ending
        here = (NAMES[int(cells.status[cell])], int(cells.steps[cell]), float(cells.loss[cell]))
        there = (str(reason.status), state.iteration, float(state.loss))
        found.statuses[there[0]] += 1
        point, end = cells.x[:, cell].double(), state.point.double()
        if repr(here) != repr(there) and here != there:
            found.differing.append(f"{alone.settings}: {here} is not {there}")
        elif not torch.equal(point.nan_to_num(nan=0.1234), end.nan_to_num(nan=0.1234)):
            found.differing.append(f"{alone.settings}: {point.tolist()} is not {end.tolist()}")
    return found


def assert_same(engine: str, count: int, expression: str, *over: str, **settings: Any) -> Counter[str]:
    """The statuses that some cells ended with, all of them as the same runs alone."""
    sweep = swept(expression, *over, engine=engine, **settings)
    assert sweep.engine.name == engine
    found = compared(sweep, count)
    assert found.differing == []
    return found.statuses


ROSENBROCK = "(1-x)**2 + 100*(y-x**2)**2"
WELLS = "x**4 - x**2 + 0.1*y**2"
STARTS = ("x=-2:2:23", "y=-1:3:19")
DTYPES = ("float32", "float64")

# Every rule


RULES: list[tuple[str, dict[str, Any]]] = [
    ("manual", {}),
    ("manual", {"weight_decay": 0.03}),
    ("manual-momentum", {"momentum": 0.8}),
    ("manual-momentum", {"momentum": 0.8, "weight_decay": 0.01}),
    ("manual-nesterov", {"momentum": 0.7}),
    ("manual-adam", {}),
    ("sgd", {}),
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "dampening": 0.3}),
    ("sgd", {"momentum": 0.5, "nesterov": True}),
    ("sgd", {"momentum": 0.5, "nesterov": True, "weight_decay": 0.1}),
    ("sgd", {"momentum": 0.6, "dampening": 0.1, "weight_decay": 0.01}),
    ("adam", {}),
    ("adam", {"weight_decay": 0.1, "opt": {"betas": [0.8, 0.95], "eps": 1e-3}}),
    ("adam", {"opt": {"amsgrad": True}}),
    ("adam", {"weight_decay": 0.1, "opt": {"decoupled_weight_decay": True}}),
    ("adamw", {}),
    ("adamw", {"weight_decay": 0.2, "opt": {"amsgrad": True}}),
    ("amsgrad", {}),
    ("nadam", {}),
    ("nadam", {"weight_decay": 0.1, "opt": {"momentum_decay": 0.01, "decoupled_weight_decay": True}}),
    ("radam", {}),
    ("radam", {"weight_decay": 0.1, "opt": {"betas": [0.9, 0.9]}}),
    ("adamax", {}),
    ("adamax", {"weight_decay": 0.1}),
    ("adagrad", {}),
    ("adagrad", {"weight_decay": 0.1, "opt": {"lr_decay": 0.01, "initial_accumulator_value": 0.1}}),
    ("adadelta", {}),
    ("adadelta", {"weight_decay": 0.1, "opt": {"rho": 0.8}}),
    ("rmsprop", {}),
    ("rmsprop", {"momentum": 0.5, "weight_decay": 0.1, "opt": {"centered": True}}),
    ("rprop", {}),
    ("rprop", {"opt": {"etas": [0.4, 1.3], "step_sizes": [1e-4, 0.5]}}),
    ("asgd", {}),
    ("asgd", {"weight_decay": 0.1, "opt": {"lambd": 0.01, "alpha": 0.6}}),
]


def test_every_rule_that_sweep_offers_is_compared() -> None:
    assert {rule for rule, _ in RULES} == set(OFFERED)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("rule", "settings"), RULES)
def test_replay_has_the_bits_of_single_runs_with_every_rule(rule: str, settings: dict[str, Any], dtype: str) -> None:
    common: dict[str, Any] = {"optimizer": rule, "dtype": dtype, "steps": 60, "tol_grad": [1e-3]}
    assert_same("replay", 4, WELLS, "lr=1e-3:1:log:9", "x=-2:2:11", values={"y": "0.7"}, **common, **settings)
    bounded: dict[str, Any] = {"bound": {"x": (-0.5, 1.5), "y": (None, 2.0)}, "clip_value": 3.0, "steps": 40}
    assert_same("replay", 3, ROSENBROCK, "x=-0.5:1.5:8", "y=-1:2:8", **(common | settings | bounded))



# Every axis


AXES: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("lr.x=1e-3:1:log:7", "lr.y=0.1:20:log:7"), {"values": {"x": "1.3", "y": "0.7"}}),
    (("lr.x=1e-3:1:log:7",), {"values": {"x": "1.3", "y": "0.7"}, "optimizer": "adam", "lr": 0.05, "lrs": {"y": 0.2}}),
    (("momentum=0:0.99:8", "lr=1e-2:1:log:8"), {"values": {"x": "1.3", "y": "0.7"}, "optimizer": "sgd"}),
    (("momentum=0:0.9:8", "weight-decay=0:0.5:5"), {"values": {"x": "1.3", "y": "0.7"}, "optimizer": "sgd",
                                                   "dampening": 0.1, "bound": {"x": (None, 1.0)}}),
    (("dampening=-0.5:0.9:8", "x=-1:1:5"), {"values": {"y": "0.7"}, "optimizer": "sgd", "momentum": 0.8}),
    (("betas[0]=0:0.99:8", "betas[1]=0.5:0.999:8"), {"values": {"x": "1.3", "y": "0.7"}, "optimizer": "adam"}),
    (("eps=1e-10:1:log:9", "betas[1]=0:0.999:5"), {"values": {"x": "1.3", "y": "0.7"}, "optimizer": "adamw"}),
    (("betas[0]=0:0.99:8", "lr=0.01:1:log:5"), {"values": {"x": "1.3", "y": "0.7"}, "optimizer": "nadam"}),
    (("etas[0]=0.2:0.8:5", "etas[1]=1.1:1.5:5"), {"values": {"x": "1.3", "y": "0.7"}, "optimizer": "rprop"}),
    (("alpha=0.5:0.99:5", "momentum=0:0.5:4"), {"values": {"x": "1.3", "y": "0.7"}, "optimizer": "rmsprop"}),
    (("rho=0.5:0.99:5", "lr=0.1:10:log:5"), {"values": {"x": "1.3", "y": "0.7"}, "optimizer": "adadelta"}),
    (("lr-decay=0:1:5", "initial-accumulator-value=0:1:4"), {"values": {"x": "1.3", "y": "0.7"},
                                                             "optimizer": "adagrad"}),
    (("lambd=0:0.1:5", "alpha=0.2:1:5"), {"values": {"x": "1.3", "y": "0.7"}, "optimizer": "asgd"}),
    (("x=-0.0,0.1,1.7", "lr=0.01,0.1,1"), {"values": {"y": "0.7"}}),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("over", "settings"), AXES)
def test_replay_has_the_bits_of_single_runs_along_every_axis(
    over: tuple[str, ...], settings: dict[str, Any], dtype: str
) -> None:
    assert_same("replay", 6, WELLS, *over, steps=40, tol_grad=[1e-4], dtype=dtype, **settings)


@pytest.mark.slow
@pytest.mark.parametrize("over", [("seed=0:9", "lr=0.01:1:log:5"), ("seed=3:7", "lr=0.1,0.2"), ("seed=0:5",)])
def test_replay_has_the_bits_of_single_runs_along_seeds(over: tuple[str, ...]) -> None:
    assert_same("replay", 8, "mean((A @ x - b)**2)", *over, steps=20, wrt=["x"],
                values={"A": "rand(4,3)", "b": "rand(4)", "x": "randn(3)"})  # fmt: skip


# Schedules and endings


SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("none", {"lr_factor": {"5": 0.5, "20": 0.1}}),
    ("none", {"lr_factor": {"7": 0.3}, "optimizer": "adamw", "weight_decay": 0.1}),
    ("constant", {"sched": {"factor": 0.3, "total_iters": 10}}),
    ("linear", {"sched": {"start_factor": 0.2, "total_iters": 15}}),
    ("exponential", {"sched": {"gamma": 0.9}}),
    ("polynomial", {"sched": {"total_iters": 30, "power": 2.0}, "optimizer": "sgd", "momentum": 0.5}),
    ("step", {"sched": {"step_size": 10, "gamma": 0.5}, "optimizer": "manual-momentum"}),
    ("multistep", {"sched": {"milestones": [5, 20], "gamma": 0.3}}),
    ("cosine", {"sched": {"T_max": 40}, "optimizer": "rmsprop"}),
    ("cosine-restarts", {"sched": {"T_0": 9}, "optimizer": "adam"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("schedule", "settings"), SCHEDULES)
def test_replay_has_the_bits_of_single_runs_with_schedules(schedule: str, settings: dict[str, Any]) -> None:
    common: dict[str, Any] = {"schedule": schedule, "steps": 40, "tol_grad": [1e-3], "values": {"y": "0.7"}}
    assert_same("replay", 4, WELLS, "lr=1e-2:1:log:9", "x=-2:2:7", **common, **settings)
    assert_same("replay", 4, WELLS, "x=-2:2:7", "lr.y=0.1:1:3", lr=0.05, dtype="float64", **(common | settings))


ENDINGS: list[tuple[str, dict[str, Any], set[str]]] = [
    (WELLS, {"tol_grad": [1e-5]}, {"converged_grad", "max_steps"}),
    (WELLS, {"tol_grad": [0.0], "steps": 1200}, {"stalled", "cycling"}),
    (WELLS, {"tol_grad": [0.0, 1e-3]}, {"converged_grad"}),
    (WELLS, {"tol_loss": [1e-7, 1e-7]}, {"converged_loss"}),
    (WELLS, {"tol_x": [1e-5, 1e-6]}, {"converged_x"}),
    (WELLS, {"tol_x": [1e-4], "tol_grad": [1e-3], "tol": "all"}, {"converged_all"}),
    (WELLS, {"tol_x": [1e-4], "tol_grad": [1e-3], "tol_loss": [1e-9]}, {"converged_x", "converged_grad"}),
    (WELLS, {"until": -0.2}, {"reached"}),
    (f"-({WELLS})", {"until": 0.2, "maximize": True}, {"reached"}),
    (f"-({WELLS})", {"tol_grad": [1e-3], "maximize": True, "optimizer": "adam"}, {"converged_grad"}),
    (WELLS, {"tol_grad": [1e-3], "bound": {"x": (None, 2.0), "y": (0.1, None)}, "clip_value": 1.0}, {"converged_grad"}),
    (WELLS, {"steps": 1}, {"max_steps"}),
    (WELLS, {"steps": 0}, {"max_steps"}),
    ("abs(x) + y**2", {"tol_grad": [1e-5], "steps": 700}, {"cycling"}),
    ("1/x + x + y**2", {"tol_grad": [1e-4]}, {"converged_grad"}),
    ("log(x) + x + y**2", {"tol_grad": [1e-4]}, {"diverged"}),
    ("sqrt(x) + x + y**2", {}, {"diverged"}),
    ("relu(x) + 0.1*x**2 + abs(x - y)", {"steps": 50}, {"max_steps"}),
    ("exp(-x) + where(x > 0.5, x**2, x) + y*y", {"tol_grad": [1e-4]}, {"max_steps"}),
]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("expression", "settings", "expected"), ENDINGS)
def test_replay_ends_cells_as_single_runs_end(
    expression: str, settings: dict[str, Any], expected: set[str], dtype: str
) -> None:
    common: dict[str, Any] = {"steps": 150, "dtype": dtype, "values": {"y": "0.7"}}
    statuses = assert_same("replay", 12, expression, "x=-2:2:13", "lr=0.01:0.9:log:9", **(common | settings))
    assert expected & set(statuses)


# Every shape


def drawn(*shape: int, low: float = -1.0) -> str:
    """Numbers from ``low`` to 1 as text: the same ones for the same shape."""
    generator = torch.Generator().manual_seed(sum(shape))
    return str((torch.rand(*shape, generator=generator) * (1 - low) + low).tolist())


SHAPES: list[tuple[str, str, dict[str, str], float]] = [
    ("sum((x-[1,2,3])**2) + x[0]*x[1]", "x[0]", {"x": "1,2,3"}, 0.1),
    ("sum(x**2 + cos(3*x))", "x[1]", {"x": drawn(5)}, 0.1),
    ("sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", "x[0]", {"x": drawn(10)}, 1e-3),
    ("sum(x**4 - x**2) + mean(x)**2", "x[0]", {"x": drawn(17)}, 0.05),
    ("sum(x**4 - 3*x**2 + 0.3*sin(5*x))", "x[39]", {"x": drawn(40)}, 0.03),
    ("mean(exp(-x) + x**2) + 0.1*x[3]*x[-1]", "x[3]", {"x": drawn(40)}, 0.5),
    ("log(sum(exp(x))) + 0.5*sum(x**2)", "x[2]", {"x": drawn(10)}, 0.2),
    ("sum(sigmoid(x)*x) + x @ x", "x[0]", {"x": drawn(17)}, 0.1),
    ("sum((A @ x - b)**2)", "x[0]", {"A": drawn(5, 3), "b": drawn(5), "x": drawn(3)}, 0.05),
    ("sum((A @ B - 1)**2)", "A[1,2]", {"A": drawn(3, 4), "B": drawn(4, 2)}, 0.05),
    ("mean((W1 @ tanh(W0 @ X) - Y)**2)", "W0[0,1]",
     {"W0": drawn(4, 3), "W1": drawn(1, 4), "X": drawn(3, 5), "Y": drawn(1, 5)}, 0.3),
    ("mean((W1 @ tanh(W0 @ X) - Y)**2)", "W1[0,3]",
     {"W0": drawn(9, 7), "W1": drawn(1, 9), "X": drawn(7, 12), "Y": drawn(1, 12)}, 0.3),
    ("mean((sigmoid(X @ W + b) - Y)**2)", "W[0,1]",
     {"W": drawn(3, 2), "b": "0,0", "X": drawn(7, 3), "Y": drawn(7, 2)}, 0.5),
    ("sum(sum(x, 0)**2) + mean(x, 1) @ [1,2,3]", "x[0,0]", {"x": drawn(3, 6)}, 0.05),
    ("sum(x.T * x) + sum(x.reshape(9)**2)", "x[0,2]", {"x": drawn(3, 3)}, 0.05),
    ("sum(stack([x[0], x[1]*2, x[2]])**2) + sum(cat([x, x*2])**4)", "x[2]", {"x": drawn(3)}, 0.01),
    ("sum(abs(x)) + sum(relu(x - 0.5)) + sum(clamp(x, -0.3, 0.4)*x)", "x[0]", {"x": drawn(17)}, 0.03),
    ("sum(x**3) + sum(x**0.5) + sum(1/x) + sum(2**x)", "x[0]", {"x": drawn(10, low=0.3)}, 0.01),
    ("sum(sin(x)) + sum(cos(x)) + sum(log1p(x**2)) + sum(atan(x)) + sum(erf(x))", "x[0]", {"x": drawn(17)}, 0.1),
    ("sum(sinh(x)) + sum(cosh(x)) + sum(asinh(x)) + sum(expm1(x)) + sum(tan(x/2))", "x[0]", {"x": drawn(19)}, 0.01),
]  # fmt: skip
DATA = ("X", "Y", "b")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("expression", "axis", "values", "lr"), SHAPES)
def test_replay_has_the_bits_of_single_runs_of_every_shape(
    expression: str, axis: str, values: dict[str, str], lr: float, dtype: str
) -> None:
    wrt = ["x"] if "A @ x" in expression else [name for name in values if name not in DATA]
    assert_same("replay", 5, expression, f"{axis}=0.1:1:17", f"lr={lr / 10}:{lr * 3}:log:5",
                values=values, wrt=wrt, dtype=dtype, steps=30)  # fmt: skip


# The order of sums


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_order_of_sum_is_that_of_pytorch(dtype: torch.dtype) -> None:
    def added(tree: Any, terms: torch.Tensor) -> torch.Tensor:
        if isinstance(tree, int):
            return terms[tree]
        chain = []
        while isinstance(tree, tuple):
            tree, right = tree
            chain.append(right)
        total = terms[tree]
        for right in reversed(chain):
            total = total + added(right, terms)
        return total

    generator = torch.Generator().manual_seed(0)
    for count in range(1, 601):
        numbers = torch.randn(4, count, generator=generator, dtype=torch.float64).to(dtype)
        expected = torch.stack([row.clone().sum() for row in numbers])
        found = added(order_of_sum(count, lanes(dtype)), numbers.T)
        assert torch.equal(found, expected), count
