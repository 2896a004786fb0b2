"""``grad --hessian`` and ``grad --jacobian``: against torch.func, torch.autograd.functional, and known matrices."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

import gdcli
from gdcli.contract.grad import Curvature, JacobianMatrix
from gdcli.explain.kinks import kink_between
from gdcli.tensors import labels
from tests.conftest import Run

Tensors = dict[str, torch.Tensor]

ROSENBROCK = "(1 - x)**2 + 100*(y - x**2)**2"


def hessian(expression: str, dtype: str = "float64", wrt: tuple[str, ...] = (), **values: Any) -> Curvature:
    record = gdcli.grad(expression, values, wrt=wrt, settings={"hessian": True, "dtype": dtype})
    assert isinstance(record.hessian, Curvature)
    return record.hessian


def jacobian(expression: str, dtype: str = "float64", wrt: tuple[str, ...] = (), **values: Any) -> JacobianMatrix:
    record = gdcli.grad(expression, values, wrt=wrt, settings={"jacobian": True, "dtype": dtype})
    assert isinstance(record.jacobian, JacobianMatrix)
    return record.jacobian


def tensors(values: dict[str, Any]) -> Tensors:
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}


def joined(function: Callable[..., torch.Tensor], start: Tensors) -> tuple[Callable[..., torch.Tensor], torch.Tensor]:
    """The function over one vector of all variables, and that vector."""
    sizes = [tensor.numel() for tensor in start.values()]

    def over(vector: torch.Tensor) -> torch.Tensor:
        parts = vector.split(sizes)
        shaped = {name: part.reshape(start[name].shape) for (name, part) in zip(start, parts, strict=True)}
        return function(**shaped)

    return over, torch.cat([tensor.reshape(-1) for tensor in start.values()])


SCALARS: dict[str, tuple[str, dict[str, Any], Callable[..., torch.Tensor]]] = {
    "scalar": ("x**3 + sin(x)", {"x": 0.7}, lambda x: x**3 + torch.sin(x)),
    "two": (ROSENBROCK, {"x": -1.2, "y": 1.0}, lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2),
    "vector": ("sum(exp(x))*prod(x)", {"x": [0.1, -0.4, 0.9]}, lambda x: torch.exp(x).sum() * x.prod()),
    "matrix and vector": (
        "sum(tanh(W @ x)**2)",
        {"W": [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]], "x": [1.0, -2.0]},
        lambda W, x: (torch.tanh(W @ x) ** 2).sum(),
    ),
    "one element, shape (1,)": ("x**2 * sum(y)", {"x": [2.0], "y": [1.0, 3.0]}, lambda x, y: (x**2 * y.sum()).sum()),
    "linear": ("sum(3*x)", {"x": [1.0, 2.0]}, lambda x: (3 * x).sum()),
    "logdet": ("logdet(A)", {"A": [[2.0, 0.3], [0.1, 1.5]]}, lambda A: torch.logdet(A)),  # noqa: PLW0108 -- called by name
}


@pytest.mark.parametrize("case", SCALARS)
def test_hessian_is_that_of_torch_func(case: str) -> None:
    expression, values, function = SCALARS[case]
    over, vector = joined(function, tensors(values))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_func = torch.func.hessian(over)(vector)
        by_functional = torch.autograd.functional.hessian(over, vector)
    found = torch.tensor(hessian(expression, **values).matrix, dtype=torch.float64)
    torch.testing.assert_close(found, by_func, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found, by_functional, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", SCALARS)
def test_eigenvalues_ascend_and_are_those_of_the_matrix(case: str) -> None:
    expression, values, _ = SCALARS[case]
    found = hessian(expression, **values)
    matrix = torch.tensor(found.matrix, dtype=torch.float64)
    expected = torch.linalg.eigvals(matrix).real.sort().values
    torch.testing.assert_close(torch.tensor(found.eigenvalues, dtype=torch.float64), expected, rtol=1e-9, atol=1e-9)


def test_rosenbrock_at_its_minimum() -> None:
    for dtype in ("float32", "float64"):
        found = hessian(ROSENBROCK, dtype, x=1, y=1)
        assert found.labels == ["x", "y"]
        assert found.matrix == [[802, -400], [-400, 200]]
        assert found.eigenvalues == pytest.approx([501 - math.sqrt(250601), 501 + math.sqrt(250601)], rel=1e-12)
        assert found.condition_number == pytest.approx(2508.0096, rel=1e-7)
        assert found.gradient_norm == 0
        assert found.point == "minimum"
        assert found.message == "a local minimum: the gradient is zero, and every eigenvalue is positive"


KINDS = [
    ("x**2 + 3*y**2", {"x": 0, "y": 0}, "minimum", 3.0),
    ("-cosh(x) - y**2", {"x": 0, "y": 0}, "maximum", 2.0),
    ("x**2 - y**2", {"x": 0, "y": 0}, "saddle", 1.0),
    ("x**2 - y**2 + 0*z", {"x": 0, "y": 0, "z": 1}, "saddle", None),
    ("x**4 + y**2", {"x": 0, "y": 0}, "flat", None),
    ("x**4", {"x": 0}, "flat", None),
    ("0*x", {"x": 3}, "flat", None),
    ("x**2", {"x": 1}, "not critical", 1.0),
    ("3*x", {"x": 1}, "not critical", None),
    ("-x**2 - y**2", {"x": 1, "y": 0}, "not critical", 1.0),
    ("x**3 + y**2", {"x": -1, "y": 1}, "not critical", 3.0),
    ("sqrt(x)", {"x": 0}, "undefined", None),
    ("log(x)", {"x": 0}, "undefined", None),
]


@pytest.mark.parametrize(("expression", "values", "kind", "condition"), KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kind_of_point(
    expression: str, values: dict[str, float], kind: str, condition: float | None, dtype: str
) -> None:
    found = hessian(expression, dtype, **values)
    assert found.point == kind
    assert found.condition_number == pytest.approx(condition)
    assert (found.eigenvalues == []) == (kind == "undefined")


def test_sentences_say_why() -> None:
    said = {
        hessian("x**2 - y**2", x=0, y=0).message: "a saddle point: of 2 eigenvalues, 1 is positive and 1 is "
        "negative, so the function increases in one direction and decreases in another",
        hessian("x**4", x=0).message: "flat: the gradient is zero, and the only eigenvalue is 0 within rounding; "
        "the second-derivative test is inconclusive",
        hessian("x**4 + y**2", x=0, y=0).message: "flat: the gradient is zero, and of 2 eigenvalues 1 is 0 within "
        "rounding; the second-derivative test is inconclusive",
        hessian("x**2", x=1).message: "not a critical point: the gradient norm is 2; the function is convex here "
        "(every eigenvalue is positive)",
        hessian("-x**2", x=1).message: "not a critical point: the gradient norm is 2; the function is concave here "
        "(every eigenvalue is negative)",
        hessian("3*x", x=1).message: "not a critical point: the gradient norm is 3; the only eigenvalue is 0",
        hessian("x**3 - y**2", x=1, y=0).message: "not a critical point: the gradient norm is 3; of 2 eigenvalues, 1 "
        "is positive and 1 is negative",
        hessian("sqrt(x)", x=0).message: "the derivatives are not finite here, so the point cannot be classified",
    }
    for found, expected in said.items():
        assert found == expected


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_what_counts_as_zero_does_not_depend_on_the_unit_of_the_function(scale: float) -> None:
    assert hessian(f"{scale}*((x - 1.1)**2 + 5*(y - 0.3)**2)", "float32", x=1.1, y=0.3).point == "minimum"
    assert hessian(f"{scale}*((x - 1.1)**2 + 5*(y - 0.3)**2)", "float32", x=1.101, y=0.3).point == "not critical"
    assert hessian(f"{scale}*(x**2 + 1e-9*y**2)", "float32", x=0, y=0).point == "flat"
    assert hessian(f"{scale}*(x**2 + 1e-9*y**2)", "float64", x=0, y=0).point == "minimum"


def test_end_of_a_descent_in_float32_is_a_minimum() -> None:
    # x stops at the float32 beside 1.5, where the gradient is 4.8e-07 and not 0.
    end = gdcli.minimize("(x - 1.5)**2", x=4, steps=100).result().result
    assert end.grads["x"] != 0
    assert hessian("(x - 1.5)**2", "float32", x=end.values["x"]).point == "minimum"


def test_a_narrow_valley_is_not_yet_its_minimum() -> None:
    assert hessian(ROSENBROCK, "float32", x=0.9, y=0.81).point == "not critical"


def test_names_count_from_zero_in_the_order_of_the_variables() -> None:
    found = hessian("sum(W @ x) + s**2", W=[[1.0, 2.0]], x=[1.0, 2.0], s=3.0)
    assert found.labels == ["W[0,0]", "W[0,1]", "x[0]", "x[1]", "s"]
    assert found.matrix[0][2] == 1
    assert hessian("x*y**2", wrt=("y",), x=3, y=2).labels == ["y"]
    assert hessian("x*y**2", wrt=("y",), x=3, y=2).matrix == [[6]]


def test_numbers_are_those_of_the_dtype() -> None:
    x = torch.tensor(0.1, requires_grad=True)
    (first,) = torch.autograd.grad(torch.exp(x * x), x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)
    assert hessian("exp(x * x)", "float32", x=0.1).matrix == [[second.item()]]
    assert hessian("x**2 + x", "bfloat16", x=1).matrix == [[2]]


def test_random_numbers_are_those_of_the_run() -> None:
    record = gdcli.grad("sum(rand(3)*x**2)", x="randn(3)", settings={"hessian": True, "seed": 3})
    generator = torch.Generator().manual_seed(3)
    torch.randn(3, generator=generator)
    drawn = torch.rand(3, generator=generator)
    assert isinstance(record.hessian, Curvature)
    assert [record.hessian.matrix[i][i] for i in range(3)] == (2 * drawn).tolist()


def test_too_many_unknowns_are_refused() -> None:
    with pytest.raises(gdcli.GdcliError) as error:
        hessian("sum(x**2)", x="zeros(2001)")
    assert error.value.code == "limit"
    assert error.value.message == "a Hessian over 2,001 unknowns is too large; at most 2,000 are allowed"
    assert error.value.hint == "choose fewer variables with --wrt"


def test_no_second_derivative_is_an_error() -> None:
    with pytest.raises(gdcli.GdcliError, match=r"PyTorch reports: .*not implemented"):
        hessian("hardsigmoid(x)*y", x=1, y=2)


UNDECIDED = "so the Hessian does not decide what kind of point this is"

KINKS = [  # what the function does there, by theory: one slope on each side
    ("abs(x)", {"x": 0}, "x", -1, 1),
    ("abs(x) + x**2", {"x": 0}, "x", -1, 1),
    ("-abs(x) + x**2", {"x": 0}, "x", 1, -1),
    ("relu(x)", {"x": 0}, "x", 0, 1),
    ("relu(3*x - 0.3) + x**2", {"x": 0.1}, "x", 0.2, 3.2),
    ("abs(x) + 3*x", {"x": 0}, "x", 2, 4),
    ("sqrt(x**2)", {"x": 0}, "x", -1, 1),
    ("abs(x - y) + x**2", {"x": 1.1, "y": 1.1}, "x", 1.2, 3.2),
    ("max(x)", {"x": [1.0, 1.0]}, "x[0]", 0, 1),
    ("norm(x)", {"x": [0.0, 0.0]}, "x[0]", -1, 1),
    ("hypot(x, y)", {"x": 0, "y": 0}, "x", -1, 1),
    ("clamp(x, 0, 1)**2", {"x": 1}, "x", 2, 0),
    ("where(x > 1, 2*x, x + 1)", {"x": 1}, "x", 1, 2),
    ("x**2 + abs(y - 0.7)", {"x": 0, "y": 0.7}, "y", -1, 1),
    ("1e-3*abs(x) + x**2", {"x": 0}, "x", -1e-3, 1e-3),
]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("expression", "values", "name", "left", "right"), KINKS, ids=[k[0] for k in KINKS])
def test_hessian_at_a_kink_decides_nothing(
    expression: str, values: dict[str, Any], name: str, left: float, right: float, dtype: str
) -> None:
    found = hessian(expression, dtype, **values)
    assert (found.point, found.eigenvalues, found.condition_number) == ("kink", [], None)
    numbers = re.fullmatch(
        rf"a kink: the slope along {re.escape(name)} is (\S+) on the left and (\S+) on the right, {UNDECIDED}(;.*)?",
        found.message,
    )
    assert numbers is not None, found.message
    assert [float(number) for number in numbers.groups()[:2]] == pytest.approx([left, right], rel=1e-4, abs=1e-6)
    both = "; by these slopes the function " + ("increases" if left < 0 else "decreases") + " on both sides"
    assert numbers[3] == (both if left * right < 0 and len(values) == 1 and name == "x" else None)


NOT_CRITICAL = (
    "not a critical point: the gradient norm is 1; the second derivatives are not the same on both sides along x"
)
NOT_DECIDED = [
    ("sqrt(abs(x))", {"x": 0}, f"a cusp: the slope along x grows without bound towards this point, {UNDECIDED}"),
    ("abs(x)**1.5", {"x": 0}, "the derivatives are not finite here, so the point cannot be classified"),
    ("relu(x)**2", {"x": 0}, f"the second derivatives are not the same on both sides along x, {UNDECIDED}"),
    ("x*abs(x) + x**2", {"x": 0}, f"the second derivatives are not the same on both sides along x, {UNDECIDED}"),
    ("huber_loss(x, 0)", {"x": 1}, NOT_CRITICAL),
    ("x**2.5 + x**2", {"x": 0}, f"the gradient is not defined on both sides along x, {UNDECIDED}"),
    ("relu(x) - relu(-x) + x**2", {"x": 0},
     f"autograd's gradient here is not that of the points beside it along x, {UNDECIDED}"),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("expression", "values", "message"), NOT_DECIDED, ids=[n[0] for n in NOT_DECIDED])
def test_hessian_that_does_not_decide_says_so(
    expression: str, values: dict[str, float], message: str, dtype: str
) -> None:
    found = hessian(expression, dtype, **values)
    assert found.message == message
    kind = "kink" if "cusp" in message else "not critical" if "critical" in message else "undefined"
    assert found.point == kind
    assert found.eigenvalues == []


SMOOTH = [
    ROSENBROCK, "(x**2 + y - 11)**2 + (x + y**2 - 7)**2", "sin(x)*cos(y) + x*y", "log(1 + x**2 + y**2)",
    "x**4 - 2*x*y", "log(cosh(x*0.7 - 0.49)) + y**2", "(exp(x) - 1)**2/(1 + y**2)", "1e6*(x - 1)**2 + 1e-3*y**2",
    "gelu(x) + softplus(y)",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("expression", SMOOTH)
def test_smooth_functions_have_no_kinks(expression: str, dtype: str) -> None:
    for x, y in ((0, 0), (1, 1), (1.1, -2), (0.9, 0.81), (-1.2, 1), (3, 2), (1e-3, 1e-8)):
        found = hessian(expression, dtype, x=x, y=y)
        assert found.point not in ("kink", "undefined"), (x, y, found.message)


ZERO = [  # the gradient beside what a rounding of the variables, and of its terms, is worth
    ("1e6 + x**2", {"x": 0.005}, "not critical"),  # a rounding of the loss is worth 0.06: the gradient is exact
    ("1e6 + x**2", {"x": 0}, "minimum"),
    ("1e6 + (x - 1.1)**2", {"x": 1.1}, "minimum"),
    ("1e6 + (x - 1.1)**2", {"x": 1.1001}, "not critical"),
    ("x**2", {"x": 1e-9}, "not critical"),
    ("(x - 1.5)**2", {"x": 1.5000001}, "minimum"),
    ("exp(x) - 2*x", {"x": 0.6931472}, "minimum"),
]


@pytest.mark.parametrize(("expression", "values", "kind"), ZERO)
def test_zero_is_what_the_dtype_cannot_tell_from_zero(expression: str, values: dict[str, float], kind: str) -> None:
    found = hessian(expression, "float32", **values)
    assert found.point == kind
    rounded = " within float32 rounding" if found.gradient_norm else ""
    if kind == "minimum":
        assert found.message == f"a local minimum: the gradient is zero{rounded}, and every eigenvalue is positive"


def test_random_expressions_are_not_looked_at_twice() -> None:
    record = gdcli.grad("sum(rand(3)*x**2)", x="zeros(3)", settings={"hessian": True})
    assert isinstance(record.hessian, Curvature)
    assert record.hessian.point == "minimum"


def gradient_of(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    def gradient(point: torch.Tensor) -> torch.Tensor:
        leaf = point.clone().requires_grad_()
        (found,) = torch.autograd.grad(function(leaf), leaf)
        return found

    return gradient


SEGMENTS = [  # a function of (x, y), the ends of a segment, where the kink is on it, and the jump
    (lambda p: p[0].abs(), (-1, 0), (3, 0), 0.25, (2, 0)),
    (lambda p: torch.relu(p[0] - 0.3) * 5 + p[1] ** 2, (0, 0), (1, 1), 0.3, (5, 0)),
    (lambda p: torch.maximum(p[0] ** 2, p[1]), (0, 1), (2, 1), 0.5, (2, -1)),
    (lambda p: p.abs().sum() * 1e-3 + 100 * (p**2).sum(), (-1, 1), (1, 2), 0.5, (2e-3, 0)),
    (lambda p: p.norm(), (-1, -1), (3, 3), 0.25, (2**0.5, 2**0.5)),
    (lambda p: (p**2).sum(), (-1, 0), (3, 0), None, None),
    (lambda p: p[0] ** 3 + torch.sin(50 * p[1]), (-1, 0), (3, 2), None, None),
    (lambda p: torch.sigmoid(1000 * p[0]), (-1, 0), (3, 0), None, None),
    (lambda p: p[0].abs() ** 1.5, (-1, 0), (3, 0), None, None),
    (lambda p: p[0].abs(), (1, 0), (3, 0), None, None),
    (lambda p: p[0].sqrt(), (-1, 0), (3, 0), None, None),
]  # fmt: skip


@pytest.mark.parametrize(("function", "start", "end", "at", "jump"), SEGMENTS)
def test_kink_on_a_segment(
    function: Any, start: Any, end: Any, at: float | None, jump: tuple[float, float] | None
) -> None:
    first, last = (torch.tensor(point, dtype=torch.float64) for point in (start, end))
    found = kink_between(gradient_of(function), first, last)
    if at is None:
        assert found is None
        return
    assert found is not None
    assert found.at == pytest.approx(at, abs=1e-8)
    assert found.jump.tolist() == pytest.approx(jump, rel=1e-3, abs=1e-5)
    assert not found.is_cusp


def test_cusp_on_a_segment() -> None:
    ends = (torch.tensor([x], dtype=torch.float64) for x in (-1.0, 3.0))
    found = kink_between(gradient_of(lambda p: p[0].abs().sqrt()), *ends)
    assert found is not None
    assert found.is_cusp
    assert found.before[0] < -1e3
    assert found.after[0] > 1e3


VECTORS: dict[str, tuple[str, dict[str, Any], Callable[..., torch.Tensor]]] = {
    "vector": ("tanh(W @ x)", {"W": [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]], "x": [1.0, -2.0]},
               lambda W, x: torch.tanh(W @ x)),
    "matrix": ("outer(x, y)", {"x": [1.0, 2.0], "y": [3.0, 4.0, 5.0]}, lambda x, y: torch.outer(x, y)),  # noqa: PLW0108 -- called by name
    "list": ("[x*y, x + y, 3*x, 7]", {"x": 1.0, "y": 2.0},
             lambda x, y: torch.stack([x * y, x + y, 3 * x, torch.tensor(7.0, dtype=torch.float64)]).reshape(-1)),
    "sorted": ("sort(x)[0]", {"x": [3.0, 1.0, 2.0]}, lambda x: torch.sort(x)[0]),
    "one number": ("sum(x**2)", {"x": [3.0, 1.0]}, lambda x: (x**2).sum()),
}  # fmt: skip


@pytest.mark.parametrize("case", VECTORS)
def test_jacobian_is_that_of_torch_func(case: str) -> None:
    expression, values, function = VECTORS[case]
    over, vector = joined(function, tensors(values))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_func = torch.func.jacrev(over)(vector)
    by_functional = torch.autograd.functional.jacobian(over, vector)
    found = torch.tensor(jacobian(expression, **values).matrix, dtype=torch.float64)
    torch.testing.assert_close(found, by_func.reshape(found.shape))
    torch.testing.assert_close(found, by_functional.reshape(found.shape))


def test_jacobian_has_names_on_rows_and_columns() -> None:
    found = jacobian("outer(x, y)", x=[1.0, 2.0], y=[3.0, 4.0])
    assert found.rows == ["f[0,0]", "f[0,1]", "f[1,0]", "f[1,1]"]
    assert found.columns == ["x[0]", "x[1]", "y[0]", "y[1]"]
    assert found.matrix == [[3, 0, 1, 0], [4, 0, 0, 1], [0, 3, 2, 0], [0, 4, 0, 2]]
    assert jacobian("x*y", wrt=("x",), x=[1.0, 2.0], y=3).matrix == [[3, 0], [0, 3]]
    assert jacobian("x**2", x=3).rows == ["f"]


def test_a_result_that_is_no_number_has_no_gradient() -> None:
    record = gdcli.grad("[x*y, x + y]", x=1, y=2, wrt=["x"], settings={"jacobian": True})
    assert record.value == [2, 3]
    assert record.grads == {"x": None, "y": None}
    assert record.message == "the Jacobian with respect to x"
    assert [notice.code for notice in record.warnings] == ["not-scalar"]
    assert "shape (2,)" in record.warnings[0].message


def test_a_number_has_gradient_and_jacobian() -> None:
    record = gdcli.grad("sum(x**2)", x=[1.0, 2.0], settings={"jacobian": True})
    assert record.grads == {"x": [2, 4]}
    assert isinstance(record.jacobian, JacobianMatrix)
    assert record.jacobian.matrix == [[2, 4]]
    assert record.warnings == []


REFUSED = [
    ("x > [1, 2]", {"x": 1}, {"jacobian": True}, "dtype"),
    ("detach(x)*[1, 2]", {"x": 1}, {"jacobian": True}, "constant"),
    ("[x, x**2]", {"x": 1}, {"jacobian": True, "hessian": True}, "not-scalar"),
    ("[x, x**2]", {"x": 1}, {"jacobian": True, "check": True}, "not-scalar"),
    ("[x, x**2]", {"x": 1}, {"jacobian": True, "symbolic": True}, "not-scalar"),
    ("[x, x**2]", {"x": 1}, {}, "not-scalar"),
    ("x*ones(10001)", {"x": 1}, {"jacobian": True}, "limit"),
    ("ones(5000, 900) @ x", {"x": "ones(900)"}, {"jacobian": True}, "limit"),
]


@pytest.mark.parametrize(("expression", "values", "settings", "code"), REFUSED)
def test_what_has_no_jacobian_is_refused(
    expression: str, values: dict[str, Any], settings: dict[str, Any], code: str
) -> None:
    with pytest.raises(gdcli.GdcliError) as error:
        gdcli.grad(expression, values, settings=settings)
    assert error.value.code == code


def test_everything_together_comes_from_one_run() -> None:
    asked = {"explain": True, "hessian": True, "jacobian": True, "symbolic": True, "check": True}
    record = gdcli.grad("log(x**2 + y**2)", x=15, y=24, settings=asked)
    assert record.grads == gdcli.grad("log(x**2 + y**2)", x=15, y=24, wrt=["x", "y"]).grads
    assert isinstance(record.jacobian, JacobianMatrix)
    assert record.jacobian.matrix == [[record.grads["x"], record.grads["y"]]]
    assert isinstance(record.hessian, Curvature)
    assert record.hessian.matrix == hessian("log(x**2 + y**2)", "float32", x=15, y=24).matrix


def test_labels() -> None:
    assert list(labels("x", ())) == ["x"]
    assert list(labels("W", (2, 1))) == ["W[0,0]", "W[1,0]"]


def test_table_of_a_hessian(run: Run) -> None:
    done = run("grad", ROSENBROCK, "--x", "1", "--y", "1", "--hessian")
    assert done.code == 0
    assert done.out.endswith(
        "Hessian\n"
        "       x      y\n"
        "───────────────\n"
        "x    802   -400\n"
        "y   -400    200\n"
        "eigenvalues       0.399361, 1001.6\n"
        "condition number  2508.01\n"
        "gradient norm     0\n"
        "a local minimum: the gradient is zero, and every eigenvalue is positive\n"
    )


def test_table_says_that_a_condition_number_is_infinite(run: Run) -> None:
    done = run("grad", "x**4", "--x", "0", "--hessian")
    assert "condition number  infinite (an eigenvalue is 0 within rounding)\n" in done.out
    undefined = run("grad", "sqrt(x)", "--x", "0", "--hessian")
    assert "eigenvalues" not in undefined.out
    assert "gradient norm  inf\n" in undefined.out


def test_table_of_a_jacobian(run: Run) -> None:
    done = run("grad", "outer(x, y)", "--x", "1,2", "--y", "3,4", "--jacobian")
    assert (
        "Jacobian\n"
        "         x[0]   x[1]   y[0]   y[1]\n"
        "──────────────────────────────────\n"
        "f[0,0]      3      0      1      0\n"
        "f[0,1]      4      0      0      1\n"
        "f[1,0]      0      3      2      0\n"
        "f[1,1]      0      4      0      2\n"
    ) in done.out
    assert "note: the result has shape (2, 2): backward needs a scalar" in done.out


@pytest.mark.slow
@pytest.mark.parametrize("size", [12, 40, 300])
def test_wide_matrix_fits_in_80_columns(run: Run, size: int) -> None:
    done = run("grad", "sum(softmax(x, 0)*x)", "--x", f"rand({size})", "--hessian", "--quiet")
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    header = lines[lines.index("Hessian") + 1]
    assert header.split()[0] == "x[0]"
    assert header.split()[-2:] == ["…", f"x[{size - 1}]"]
    assert "x[1]" in header
    rows = [line for line in lines if line.startswith("x[")]
    assert len(rows) == min(size, 20)
    assert rows[-1].startswith(f"x[{size - 1}]")
    assert ("…" in lines) == (size > 20)


def test_long_jacobian_shows_its_ends(run: Run) -> None:
    lines = run("grad", "x*ones(300)", "--x", "2", "--jacobian", "--quiet").out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("f[")] == [
        f"f[{i}]" for i in (*range(20), *range(280, 300))
    ]


def test_digits_17_are_exact(run: Run) -> None:
    done = run("grad", "x**3", "--x", "0.1", "--hessian", "--digits", "17")
    exact = hessian("x**3", "float32", x=0.1).matrix[0][0]
    assert f"x   {exact!r}\n" in done.out


def test_documents_fit_the_schema(run: Run) -> None:
    document = run("grad", ROSENBROCK, "--x", "1", "--y", "1", "--hessian", "--jacobian", "--json").json()
    assert document["hessian"]["matrix"] == [[802, -400], [-400, 200]]
    assert document["jacobian"] == {"rows": ["f"], "columns": ["x", "y"], "matrix": [[0, 0]]}
    undefined = run("grad", "sqrt(x)", "--x", "0", "--hessian", "--json").json()
    assert undefined["hessian"]["matrix"] == [[None]]
    assert undefined["hessian"]["gradient_norm"] is None
    assert "hessian" not in run("grad", "x**2", "--x", "1", "--json").json()


def test_csv_holds_the_matrix(run: Run) -> None:
    rosenbrock = ("grad", ROSENBROCK, "--x", "1", "--y", "1", "--csv")
    assert run(*rosenbrock, "--hessian").out == ",x,y\nx,802.0,-400.0\ny,-400.0,200.0\n"
    assert run("grad", "[x, x**2]", "--x", "3", "--jacobian", "--csv").out == ",x\nf[0],1.0\nf[1],6.0\n"
    both = run(*rosenbrock, "--hessian", "--jacobian")
    assert both.code == 2
    assert both.err == (
        "error: --csv prints one table, and --hessian and --jacobian were requested\n"
        "hint: keep one of them, or use --json\n"
    )
