"""Newton's method in a sweep: cells against single runs, and basins against the iteration in complex numbers."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from gdcli.complete.alone import settings_alone
from gdcli.complete.sweep import complete_sweep
from gdcli.contract.sweep import SweepSettings
from gdcli.descent.minimize import minimize
from gdcli.errors import GdcliError
from gdcli.sweeps.ends import NAMES
from gdcli.sweeps.sweep import Sweep


def swept(expression: str, *over: str, **settings: Any) -> Sweep:
    """A sweep by Newton's method that has run."""
    settings = {"optimizer": "newton", "steps": 40, **settings}
    sweep = Sweep(complete_sweep(SweepSettings(expression=expression, over=list(over), **settings)))
    for _ in sweep:
        pass
    return sweep


def assert_cells_are_single_runs(sweep: Sweep, count: int = 12) -> set[str]:
    """Compare random cells with runs of ``minimize``: status, steps, loss and point, bit for bit; their statuses."""
    statuses = set()
    cells = random.Random(0).sample(range(sweep.grid.size), min(count, sweep.grid.size))
    for cell in cells:
        descent = minimize(settings_alone(sweep.settings, sweep.axes, sweep.grid.index_of(cell)))
        for _ in descent.states():
            pass
        reason, _, state = descent.ending
        statuses.add(reason.status)
        assert (NAMES[int(sweep.cells.status[cell])], int(sweep.cells.steps[cell])) == (reason.status, state.iteration)
        torch.testing.assert_close(
            sweep.cells.x[:, cell].double(), state.point.double(), rtol=0, atol=0, equal_nan=True
        )
        torch.testing.assert_close(sweep.cells.loss[cell].item(), state.loss, rtol=0, atol=0, equal_nan=True)
    return statuses


FUNCTIONS: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    "one variable": ("x**4 - x**2", ["x=-2:2:60", "lr=0.1:1.9:20"], {}),
    "a logarithm": ("x - log(x)", ["x=0.01:3:80"], {}),
    "two variables": ("rosenbrock", ["x=-2:2:30", "y=-2:2:30"], {}),
    "trigonometric": ("sin(x)*cos(y) + x**2/10 + y**2/10", ["x=-4:4:30", "y=-4:4:30"], {}),
    "maximum": ("-(x**2) - exp(y) + y", ["x=-2:2:20", "y=-2:2:20"], {"maximize": True}),
    "three variables": ("rosenbrock", ["x[0]=-2:2:20", "x[2]=-2:2:20"], {"dim": 3}),
    "a vector": ("sum(tanh(v)**2) + v[0]*v[1]", ["v[0]=-1:1:20", "v[1]=-1:1:20"], {"values": {"v": "0.1,0.2,0.3"}}),
    "damping": ("himmelblau", ["x=-5:5:20", "damping=0.1:1.5:20"], {"values": {"y": "1"}}),
    "rates": ("himmelblau", ["lr.x=0.1:1.2:20", "lr.y=0.1:1.2:20"], {"values": {"x": "4", "y": "1"}}),
    "bounds": ("himmelblau", ["x=-2:2:20", "y=-2:2:20"], {"bound": {"x": (-2.5, 2.5), "y": (None, 2.0)}}),
    "schedule": ("x**4 - x**2 + y**2*x", ["x=-2:2:20", "lr=0.5:1:5"], {"schedule": "exponential",
                 "sched": {"gamma": 0.9}, "values": {"y": "0.3"}}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_cells_are_single_runs(name: str, dtype: str) -> None:
    expression, over, settings = FUNCTIONS[name]
    assert_cells_are_single_runs(swept(expression, *over, dtype=dtype, **settings))


@pytest.mark.parametrize(
    ("expression", "over", "values"),
    [
        ("x**3 + x", "x=-1:1:5", {}),  # at 0 the Hessian is 0
        ("(x - y)**4 + x", "x=-1:1:9", {"y": "0.3"}),  # one of rank 1 from every start
        ("3*x", "x=0:2:5", {}),  # a gradient without a graph
        ("sum(v*[1,2,3])", "v[0]=0:2:5", {"v": "1,2,3"}),
    ],
)
def test_singular_hessian_ends_a_run_as_a_single_one(expression: str, over: str, values: dict[str, str]) -> None:
    sweep = swept(expression, over, values=values, tol_grad=[0.0], dtype="float64", steps=30)
    assert "stalled" in assert_cells_are_single_runs(sweep, 9)


def test_singular_hessian_in_the_middle_of_a_run() -> None:
    # The first step goes from 2 to -0.5, where a ReLU has no curvature.
    sweep = swept("relu(x)**2/2 + x/2", "x=-1,2", dtype="float64")
    assert [NAMES[code] for code in sweep.cells.status.tolist()] == ["stalled", "stalled"]
    assert sweep.cells.steps.tolist() == [0, 1]
    assert_cells_are_single_runs(sweep)


def test_a_quadratic_takes_one_step() -> None:
    sweep = swept("(x - 1)**2 + 3*(y + 2)**2 + x*y", "x=-9:9:20", "y=-9:9:20", dtype="float64")
    assert set(sweep.cells.steps.tolist()) == {1}
    # 2(x - 1) + y = 0 and 6(y + 2) + x = 0, by hand
    expected = torch.tensor([[24 / 11], [-26 / 11]], dtype=torch.float64).expand(2, 400)
    torch.testing.assert_close(sweep.cells.x, expected)


CUBIC = "(x**4 - 6*x**2*y**2 + y**4)/4 - x"  # whose gradient is the real part and minus the imaginary one of z**3 - 1
ROOTS = [1 + 0j, complex(-0.5, 0.75**0.5), complex(-0.5, -(0.75**0.5))]


def reached(z: complex) -> int:
    """The root of z**3 = 1 that Newton's iteration reaches."""
    for _ in range(200):
        z -= (z**3 - 1) / (3 * z**2)
    return min(range(3), key=lambda k: abs(z - ROOTS[k]))


def test_basins_of_a_cubic_are_those_of_the_complex_iteration() -> None:
    sweep = swept(CUBIC, "x=-2:2:80", "y=-2:2:80", dtype="float64", tol_grad=[1e-4], steps=100)
    assert int(sweep.cells.diverged.sum()) == 6  # near 0, from where the step is so long that the loss grows
    points = [complex(*point) for point in sweep.minima.points.tolist()]
    numbers = {k: min(range(3), key=lambda i, p=p: abs(ROOTS[i] - p)) for k, p in enumerate(points)}
    assert sorted(numbers.values()) == [0, 1, 2]
    for cell in random.Random(0).sample(sweep.cells.converged.nonzero().squeeze(1).tolist(), 200):
        x, y = (axis.number(i) for axis, i in zip(sweep.axes, sweep.grid.index_of(cell), strict=True))
        assert numbers[int(sweep.reached[cell])] == reached(complex(x, y)), (x, y)


def test_run_at_rest_at_a_maximum_is_stalled_where_the_minima_are_known() -> None:
    # Newton's method goes to the maximum of Himmelblau's function near (-0.27, -0.92); as float32 its gradient is 0.
    sweep = swept("himmelblau", "x=-0.55:0.05:20", "y=-1:-0.2:20")
    near = (sweep.cells.x - torch.tensor([[-0.270845], [-0.923039]])).norm(dim=0) < 1e-3
    statuses = {NAMES[code] for code in sweep.cells.status[near].tolist()}
    assert statuses == {"converged_grad", "stalled"}
    assert_cells_are_single_runs(sweep, 40)


def test_gradient_that_is_constant_for_a_vector() -> None:
    # -0.1 * 3 steps times (1, 2, 3), by hand
    sweep = swept("sum(v*[1,2,3])", "v[0]=0:2:5", values={"v": "0,0,0"}, optimizer="manual", lr=0.1, steps=3,
                  dtype="float64")  # fmt: skip
    starts = torch.zeros(3, 5, dtype=torch.float64)
    starts[0] = torch.linspace(0, 2, 5, dtype=torch.float64)
    expected = starts - 0.3 * torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)
    torch.testing.assert_close(sweep.cells.x, expected)


@pytest.mark.parametrize("engine", ["fast", "vmap"])
def test_other_engines_are_refused(engine: str) -> None:
    with pytest.raises(GdcliError) as caught:
        swept("x**4", "x=1:2:5", engine=engine)
    assert caught.value.message in (
        f"the engine {engine} has no step of newton",
        "the engine fast needs numba, which is not installed",
    )


def test_expression_whose_second_derivative_cannot_be_recorded_is_named() -> None:
    with pytest.raises(GdcliError) as caught:
        swept("sum(cumprod(v, 0)) + sum(v**2)", "v[0]=1:2:5", values={"v": "1,2,3"})
    assert caught.value.message.startswith("newton cannot be swept over this expression: its Hessian needs ")


def test_damping_of_zero_is_refused() -> None:
    with pytest.raises(GdcliError) as caught:
        swept("x**4", "damping=0:1:5", values={"x": "1"})
    assert "must be above 0" in caught.value.message
