"""The engines of ``gdcli sweep``: the run of a cell has the bits of the same run alone.

The oracle is ``minimize`` with the settings of the cell. Bits are compared as numbers: a -0.0 counts as 0.0, because
PyTorch's own kernels leave its sign open (a sum of one term begins with 0.0 or with the term).
"""

from __future__ import annotations

import importlib.util
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from msgspec.structs import replace

import gdcli
from gdcli.batch.fast import _FUNCTIONS, compiled
from gdcli.batch.generated import APPROXIMATE, TEXTS, Source
from gdcli.batch.stepped import NJIT
from gdcli.batch.sums import lanes_of_sum, order_of_sum
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
PLATEAU = "relu(x - 1)**2 + relu(0.2 - x)**2 + y"
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
    ("manual-rmsprop", {"opt": {"eps_inside": True}}),
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
    assert {rule for rule, _ in RULES} == set(OFFERED) - {"newton"}  # test_sweep_newton.py has that


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
                                                   "dampening": 0.1, "bound": {"x": (None, 2.0)}}),
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
    ("x**4 - x**2 + (y-0.3)**2", {"tol_grad": [0.0], "steps": 300}, {"stalled", "cycling"}),
    (WELLS, {"tol_grad": [0.0, 1e-3]}, {"converged_grad"}),
    (WELLS, {"tol_loss": [1e-7, 1e-7]}, {"converged_loss"}),
    (WELLS, {"tol_x": [1e-5, 1e-6]}, {"converged_x"}),
    (WELLS, {"tol_x": [1e-4], "tol_grad": [1e-3], "tol": "all"}, {"converged_all"}),
    (WELLS, {"tol_x": [1e-4], "tol_grad": [1e-3], "tol_loss": [1e-9]}, {"converged_x", "converged_grad"}),
    (WELLS, {"until": -0.2}, {"reached"}),
    (f"-({WELLS})", {"until": 0.2, "maximize": True}, {"reached"}),
    (f"-({WELLS})", {"tol_grad": [1e-3], "maximize": True, "optimizer": "adam"}, {"converged_grad"}),
    (WELLS, {"tol_grad": [1e-3], "bound": {"x": (None, 2.0), "y": (0.1, None)}, "clip_value": 1.0}, {"stalled"}),
    (WELLS, {"steps": 1}, {"max_steps"}),
    (WELLS, {"steps": 0}, {"max_steps"}),
    ("abs(x) + y**2", {"tol_grad": [1e-5], "steps": 700}, {"cycling"}),
    # weight decay moves a run whose gradient is 0 to where it is not
    (PLATEAU, {"tol_grad": [0.0], "weight_decay": 0.5, "optimizer": "sgd", "wrt": ["x"]}, {"converged_grad"}),
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
    ("sum(sigmoid(x)*x) + sum(x**2)", "x[0]", {"x": drawn(17)}, 0.1),
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
    ("sum(abs(x)) + sum(relu(x - 0.5)) + sum(sign(x)*x)", "x[0]", {"x": drawn(17)}, 0.03),
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
    over = (f"{axis}=0.1:1:17", f"lr={lr / 10}:{lr * 3}:log:5")
    sweep = swept(expression, *over, engine="replay", values=values, wrt=wrt, dtype=dtype, steps=30)
    if sweep.used.functions:  # a product that the BLAS library of this machine sums up in an order of its own
        assert set(sweep.used.functions) <= {"mm", "mv", "dot"}
        assert "@" in expression
        cell = minimize(settings_alone(sweep.settings, sweep.axes, [0] * len(sweep.axes)))
        assert list(cell.states())[-1].loss == pytest.approx(float(sweep.cells.loss[0]), rel=1e-4)
    else:
        assert compared(sweep, 5).differing == []


def test_product_that_is_summed_up_otherwise_is_said_in_the_record() -> None:
    sweep = swept("sum((A @ x - 1)**2)", "x[0]=0:1:9", values={"A": drawn(9, 13), "x": drawn(13)}, wrt=["x"], steps=5)
    exact = compared(sweep, 9).differing == []
    assert exact or sweep.used.functions == ["mv"]
    assert sweep.used.compared == 9
    assert (sweep.used.differing == 0) == exact


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
        found = added(order_of_sum(count, lanes_of_sum(dtype)), numbers.T)
        assert torch.equal(found, expected), count


# The engine fast


FAST_RULES: list[tuple[str, dict[str, Any]]] = [
    ("manual-nesterov", {"momentum": 0.7, "weight_decay": 0.1}),
    ("sgd", {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1, "dtype": "float64"}),
    ("rprop", {}),
    ("adamax", {"dtype": "float64"}),
    ("manual", {"lr_factor": {"5": 0.5, "20": 0.1}}),
]


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize(("rule", "settings"), FAST_RULES)
def test_fast_has_the_bits_of_single_runs_where_it_rounds_nothing_otherwise(
    rule: str, settings: dict[str, Any]
) -> None:
    common: dict[str, Any] = {"optimizer": rule, "steps": 60, "tol_grad": [1e-3], "values": {"y": "0.7"}}
    bounded: dict[str, Any] = {"bound": {"x": (-0.5, 1.5), "y": (None, 2.0)}, "clip_value": 3.0}
    sweep = swept(ROSENBROCK, "lr=1e-4:1:log:9", "x=-0.5:1.5:8", engine="fast", **common, **settings, **bounded)
    assert sweep.used.name == "fast"
    assert sweep.used.functions == []
    assert compared(sweep, 9).differing == []


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize(("expression", "axis", "values", "lr"), [SHAPES[0], SHAPES[2]])
def test_fast_has_the_bits_of_single_runs_of_vectors(
    expression: str, axis: str, values: dict[str, str], lr: float
) -> None:
    over = (f"{axis}=0.1:1:17", f"lr={lr / 10}:{lr * 3}:log:5")
    assert_same("fast", 9, expression, *over, values=values, steps=30)


@needs_numba
@pytest.mark.slow
def test_fast_says_which_roots_it_rounds_otherwise() -> None:
    sweep = swept(WELLS.replace("x**4", "x**2*x**2"), *STARTS, optimizer="adam", engine="fast", steps=30)
    numbers = 4 * torch.rand(1000, generator=torch.Generator().manual_seed(1))
    nearest = torch.tensor([math.sqrt(n) for n in numbers.tolist()])
    assert sweep.used.functions == ([] if torch.equal(numbers.sqrt(), nearest) else ["sqrt"])
    assert sweep.used.ulp < 100 or sweep.used.functions


# Its functions, one by one


COUNT = 3_000


def numbers(dtype: torch.dtype, seed: int) -> torch.Tensor:
    """Random numbers of all sizes, among them zeros of both signs, infinities, NaN, subnormal and the largest ones.

    The first ones of seeds 0 and 1 are all pairs of the special ones.
    """
    info, generator = torch.finfo(dtype), torch.Generator().manual_seed(seed)
    tiny = info.smallest_normal
    special = [0.0, math.inf, math.nan, 1.0, 0.5, 2.0, 3.0, tiny, tiny / 8, info.max, info.eps, 1 + info.eps]
    ends = torch.tensor([sign * number for number in special for sign in (1, -1)], dtype=torch.float64)
    wide = torch.randn(COUNT, generator=generator, dtype=torch.float64)
    wide *= torch.logspace(-6, 6, COUNT, dtype=torch.float64)[torch.randperm(COUNT, generator=generator)]
    found = torch.where(torch.rand(COUNT, generator=generator) < 0.5, wide, wide.sign() * wide.abs() ** 0.1)
    chosen = torch.rand(COUNT, generator=generator) < 0.1
    found[chosen] = ends[torch.randint(len(ends), (int(chosen.sum()),), generator=generator)]
    if seed < 2:
        pairs = (ends.repeat_interleave(len(ends)), ends.repeat(len(ends)))
        found[: len(ends) ** 2] = pairs[seed]
    return found.to(dtype)


def overload(name: str) -> Any:
    packet, which = name.split(".")
    return getattr(getattr(torch.ops.aten, packet), which)


def of_pytorch(name: str, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """What PyTorch makes of some numbers, each of them alone."""
    if name == "where.self":
        return torch.where(a > 0, b, c)
    if name.endswith(".Scalar"):
        return overload(name)(a, b.item())  # type: ignore[no-any-return]
    if name in ("clamp.default", "clamp_min.default", "clamp_max.default"):
        return overload(name)(*(a, b.item(), c.item())[: arity(name)])  # type: ignore[no-any-return]
    return overload(name)(*(a, b, c)[: arity(name)])  # type: ignore[no-any-return]


def arity(name: str) -> int:
    """How many numbers an operation takes."""
    return len([each for each in overload(name)._schema.arguments if not each.kwarg_only])


EXACT: list[tuple[str, str, Any]] = [
    *((name, TEXTS[name](*("(a > zero)" if name == "where.self" else "a", "b", "c")[: arity(name)]),
       lambda a, b, c, name=name: of_pytorch(name, a, b, c)) for name in TEXTS if name != "copy"),
    ("add with alpha", TEXTS["add.Tensor"]("a", "b", "c"), lambda a, b, c: torch.add(a, b, alpha=c.item())),
    ("sub with alpha", TEXTS["sub.Tensor"]("a", "b", "c"), lambda a, b, c: torch.sub(a, b, alpha=c.item())),
    ("addcmul with -1", TEXTS["addcmul.default"]("a", "b", "c", value="(-one)"),
     lambda a, b, c: torch.addcmul(a, b, c, value=-1)),
    ("addcdiv with 0.5", TEXTS["addcdiv.default"]("a", "b", "c", value="half"),
     lambda a, b, c: torch.addcdiv(a, b, c, value=0.5)),
    ("power 3", "a * a * a", lambda a, _b, _c: torch.pow(a, 3)),
    ("power -1", "one / a", lambda a, _b, _c: torch.pow(a, -1)),
    ("power -2", "one / (a * a)", lambda a, _b, _c: torch.pow(a, -2)),
]  # fmt: skip


def called(texts: list[str], given: list[torch.Tensor], approximate: list[str]) -> torch.Tensor:
    """The values of some texts: of shape (texts, numbers). Those given have a row for each text, or are the same."""
    rows = [each.expand(len(texts), COUNT).contiguous() for each in given]
    lines = ["def advance(p, q, r, out):", "    for i in range(out.shape[1]):"]
    for j, text in enumerate(texts):
        lines += [f"        a, b, c = p[{j}, i], q[{j}, i], r[{j}, i]", f"        out[{j}, i] = {text}"]
    out = torch.empty(len(texts), COUNT, dtype=given[0].dtype)
    text = f"{NJIT}\n" + "\n".join(lines) + "\n"
    source = Source(text, len(lines), 0, [], [], [], approximate=approximate)
    compiled(source, out.dtype).advance(*(row.numpy() for row in rows), out.numpy())
    return out


def same(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a == b) | (a.isnan() & b.isnan())


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_exact_functions_of_fast_have_pytorchs_bits(dtype: torch.dtype) -> None:
    given = [numbers(dtype, seed) for seed in range(3)]
    found = called([text for _, text, _ in EXACT], given, [])
    for (name, _, function), row in zip(EXACT, found, strict=True):
        each = torch.stack([function(*one).to(dtype) for one in zip(*given, strict=True)])
        wrong = (~same(row, each)).nonzero().squeeze(1)
        assert len(wrong) == 0, (name, [t[wrong[0]].item() for t in given], row[wrong[0]].item(), each[wrong[0]].item())
        signs = (row == 0) & (row.signbit() != each.signbit())
        assert not bool(signs.any()), name


WITHIN: dict[str, tuple[float, float, int]] = {
    "exp": (-80, 80, 1), "expm1": (-20, 80, 1), "log": (1e-6, 1e6, 1), "log1p": (-0.99, 1e3, 1),
    "log2": (1e-6, 1e6, 1), "log10": (1e-6, 1e6, 2), "sin": (-100, 100, 1), "cos": (-100, 100, 1),
    "tan": (-100, 100, 1),
    "asin": (-1, 1, 1), "acos": (-1, 1, 1), "atan": (-50, 50, 1), "sinh": (-80, 80, 1), "cosh": (-80, 80, 1),
    "tanh": (-9, 9, 2), "asinh": (-1e3, 1e3, 1), "acosh": (1, 1e3, 1), "atanh": (-0.99, 0.99, 1), "erf": (-4, 4, 1),
    "erfc": (-4, 9, 2), "pow": (1e-3, 20, 1), "atan2": (-5, 5, 1), "sigmoid": (-80, 80, 1), "sqrt": (1e-6, 1e6, 1),
}  # fmt: skip
"""The interval that is looked at, and by how many units in the last place the functions differ there at most."""


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_approximate_functions_of_fast_differ_by_few_units(dtype: torch.dtype) -> None:
    assert set(WITHIN) == set(APPROXIMATE.values())
    generator = torch.Generator().manual_seed(5)
    a = torch.empty(len(APPROXIMATE), COUNT, dtype=torch.float64)
    b = torch.rand(len(APPROXIMATE), COUNT, generator=generator, dtype=torch.float64) * 6 - 3
    for row, function in zip(a, APPROXIMATE.values(), strict=True):
        low, high, _ = WITHIN[function]
        row.copy_(torch.rand(COUNT, generator=generator, dtype=torch.float64) * (high - low) + low)
        near = torch.randn(COUNT, generator=generator, dtype=torch.float64) * 0.5
        row[::2] = torch.where((near > low) & (near < high), near, row)[::2]
    a, b = a.to(dtype), b.to(dtype)
    texts = [f"{function}({'a, b' if arity(name) > 1 else 'a'})" for name, function in APPROXIMATE.items()]
    found = called(texts, [a, b, b], list(_FUNCTIONS))
    for j, (name, function) in enumerate(APPROXIMATE.items()):
        pairs = zip(a[j], b[j], strict=True)
        if name == "pow.Tensor_Scalar":
            each = torch.stack([torch.pow(x, y.item()) for x, y in pairs])
        else:
            each = torch.stack([overload(name)(*pair[: arity(name)]) for pair in pairs])
        unit = torch.nextafter(each.abs(), torch.tensor(math.inf, dtype=dtype)) - each.abs()
        ulp = torch.where(same(found[j], each), 0.0, (found[j].double() - each.double()).abs() / unit.double())
        assert float(ulp.max()) <= WITHIN[function][2], (name, float(ulp.max()), a[j, ulp.argmax()].item())


# What an engine cannot do


@pytest.mark.slow
@pytest.mark.parametrize(("expression", "why"), [
    ("norm(x)**2 + x[0]", "linalg_vector_norm.default is not made in place"),
    ("max(x) + sum(x**2)", "max.default is not made in place"),
    ("sum(clamp(x, -0.3, 0.4)*x)", "logical_and_.default is not made in place"),
])  # fmt: skip
def test_what_cannot_be_replayed_goes_through_vmap_and_the_record_says_why(expression: str, why: str) -> None:
    sweep = swept(expression, "x[0]=0.3:1:5", "lr=0.01:0.1:4", values={"x": "0.5,-1,2"}, steps=20)
    assert sweep.used.name == "vmap"
    assert sweep.used.why == why
    assert compared(sweep, 5).differing == []


@pytest.mark.parametrize("engine", ["replay", "fast"])
def test_engine_that_was_asked_for_and_cannot_is_an_error(engine: str) -> None:
    if engine == "fast" and not HAS_NUMBA:
        pytest.skip("the engine fast needs numba, which is not installed")
    with pytest.raises(GdcliError) as caught:
        swept("max(x) + sum(x**2)", "x[0]=0.3:1:5", values={"x": "0.5,-1,2"}, engine=engine)
    assert caught.value.message == f"this expression cannot use {engine}: max.default"
    assert caught.value.hint == "use --engine auto"


def test_expression_that_no_engine_can_evaluate_is_an_error() -> None:
    with pytest.raises(GdcliError) as caught:
        swept("sum(x[x > 0]**2)", "x[0]=0.3:1:5", values={"x": "0.5,-1,2"})
    assert "be evaluated for many runs at once" in caught.value.message
    assert caught.value.hint == "run its cells one by one with gdcli minimize"


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize(
    "ends",
    [
        {"tol_x": [1e-4]},
        {"tol_x": [0.0, 1e-4]},
        {"tol_loss": [1e-6]},
        {"tol_loss": [1e-9, 1e-6]},
        {"tol_grad": [1e-3, 1e-3]},
        {"tol_x": [1e-4], "tol_grad": [1e-3], "tol": "all"},
        {"until": 0.01},
        {"tol_grad": [0.0]},
    ],
)
def test_fast_ends_runs_where_replay_does(ends: dict[str, Any]) -> None:
    """What fast tests is compiled; replay tests by the tests of a batch, which those above compare with single runs."""
    common: dict[str, Any] = {"over": ["x=-1:1:40", "lr=1e-3:0.2:log:40"], "values": {"y": 1}, "steps": 400}
    one, other = (
        gdcli.sweep("(1 - x)**2 + 10*(y - x**2)**2", settings={**common, **ends, "engine": engine}, cells=True)
        for engine in ("fast", "replay")
    )
    assert len(one.statuses) > 1
    assert one.grid == other.grid


@pytest.mark.slow
@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize(
    ("expression", "settings", "expected"),
    [
        ("abs(x) + y**2", {"tol_grad": [0.0], "steps": 200}, {"cycling", "diverged"}),
        ("x**3 - 3*x + y**2", {"tol_grad": [0.0, 1e-3]}, {"converged_grad", "diverged"}),
        ("x**2 + y**2", {"tol_grad": [0.0], "steps": 0}, {"max_steps"}),
        ("1/x - x**2", {"steps": 70}, {"diverged"}),
    ],
)
def test_fast_ends_cells_as_single_runs_end(expression: str, settings: dict[str, Any], expected: set[str]) -> None:
    common: dict[str, Any] = {"steps": 150, "values": {"y": "0.7"} if "y" in expression else {}}
    statuses = assert_same("fast", 12, expression, "x=-2:2:13", "lr=0.01:1.2:log:13", **(common | settings))
    assert expected <= set(statuses)


@needs_numba
def test_fast_gives_the_same_cells_with_one_thread_and_with_several() -> None:
    settings: dict[str, Any] = {"over": ["x=-1:1:128", "lr=1e-3:0.2:log:128"], "values": {"y": 1}, "steps": 60}
    before = torch.get_num_threads()
    grids = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            record = gdcli.sweep("(1 - x)**2 + 10*(y - x**2)**2", settings={**settings, "engine": "fast"}, cells=True)
            grids.append(record.grid)
    finally:
        torch.set_num_threads(before)
    assert grids[0] == grids[1]
