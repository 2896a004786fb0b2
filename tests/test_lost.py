"""Values that a dtype loses: what ``--check`` says, against mpmath, and what it advises, tried."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import pytest
import torch

import gdcli
from gdcli.contract.grad import CheckRow, GradientCheck, LostValue
from gdcli.explain.differences import Sides
from gdcli.explain.digits import ManyDigits
from gdcli.explain.rewrites import rewrites
from gdcli.lang.functions import FUNCTIONS
from gdcli.lang.nodes import Call, postorder
from tests.conftest import Run

mp = mpmath.mp.clone()
mp.dps = 1_000


def check(expression: str, dtype: str = "float32", **values: Any) -> GradientCheck:
    record = gdcli.grad(expression, values, settings={"check": True, "dtype": dtype})
    assert isinstance(record.check, GradientCheck)
    return record.check


def stored(value: Any, dtype: str) -> Any:
    """A number as the dtype holds it."""
    return mp.mpf(torch.tensor(value, dtype=getattr(torch, dtype)).item())


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def log_sum(*x: Any) -> Any:
    return mp.log(sum(map(mp.exp, x)))


def softplus(x: Any) -> Any:
    return mp.log(1 + mp.exp(x))


# Expression, point, the function by mpmath, the part that goes wrong, and what keeps the value.
LOST: list[tuple[str, dict[str, float], Callable[..., Any], str, str]] = [
    ("log(1 + exp(x))", {"x": 1000}, softplus, "exp(x)", "softplus(x)"),
    ("log(exp(-2*x) + 1)", {"x": -600}, lambda x: softplus(-2 * x), "exp(-2*x)", "softplus(-2*x)"),
    ("log1p(exp(x))", {"x": 1000}, softplus, "exp(x)", "softplus(x)"),
    ("-log(1 - sigmoid(x))", {"x": 45}, softplus, "1 - sigmoid(x)", "-logsigmoid(-x)"),
    ("log(sigmoid(x))", {"x": -800}, lambda x: -softplus(-x), "sigmoid(x)", "logsigmoid(x)"),
    ("log(1/(1 + exp(-x)))", {"x": -800}, lambda x: -softplus(-x), "exp(-x)", "logsigmoid(x)"),
    ("1 - sigmoid(x)", {"x": 45}, lambda x: sigmoid(-x), "1 - sigmoid(x)", "sigmoid(-x)"),
    ("exp(x)/(1 + exp(x))", {"x": 1000}, sigmoid, "exp(x)", "sigmoid(x)"),
    ("exp(x)/(exp(x) + exp(y))", {"x": 1000, "y": 1001}, lambda x, y: sigmoid(x - y), "exp(x)", "sigmoid(x - y)"),
    ("log(exp(x) + exp(y))", {"x": 1000, "y": 999}, log_sum, "exp(x)", "logaddexp(x, y)"),
    ("log(exp(x) + exp(y) + exp(z))", {"x": 1000, "y": 1, "z": 999}, log_sum, "exp(x)", "logsumexp([x, y, z], 0)"),
    ("sqrt(x**2 + y**2)", {"x": 1e-30, "y": 3e-30}, mp.hypot, "x**2", "hypot(x, y)"),
    ("sqrt(x**2 + y**2)", {"x": 1e30, "y": -3e30}, mp.hypot, "x**2", "hypot(x, y)"),
    ("(x*x + y*y)**0.5", {"x": 2e30, "y": 0}, mp.hypot, "", ""),
    ("log(1 + x)", {"x": 1e-17}, mp.log1p, "log(1 + x)", "log1p(x)"),
    ("log(1 - x)", {"x": 1e-17}, lambda x: mp.log1p(-x), "log(1 - x)", "log1p(-x)"),
    ("exp(x) - 1", {"x": 1e-17}, mp.expm1, "exp(x) - 1", "expm1(x)"),
    ("log(1 - exp(-x))", {"x": 1e-17}, lambda x: mp.log(-mp.expm1(-x)), "1 - exp(-x)", "log(-expm1(-x))"),
    ("1 - erf(x)", {"x": 9}, mp.erfc, "1 - erf(x)", "erfc(x)"),
    ("log(cosh(x))", {"x": 1000}, lambda x: mp.log(mp.cosh(x)), "cosh(x)", "logaddexp(x, -x) - log(2)"),
    ("log(exp(x))", {"x": -800}, lambda x: x, "exp(x)", "x"),
    ("(exp(x) - exp(-x))/(exp(x) + exp(-x))", {"x": 1000}, mp.tanh, "exp(x)", "tanh(x)"),
    ("-(y*log(sigmoid(x)) + (1 - y)*log(1 - sigmoid(x)))", {"x": 45, "y": 0}, lambda x, y: softplus(x) - x * y,
     "1 - sigmoid(x)", "binary_cross_entropy_with_logits(x, y)"),
    ("-y*log(sigmoid(x)) - (1 - y)*log(1 - sigmoid(x))", {"x": 45, "y": 0.5}, lambda x, y: softplus(x) - x * y,
     "1 - sigmoid(x)", "binary_cross_entropy_with_logits(x, y)"),
]  # fmt: skip


def lost(found: GradientCheck) -> LostValue:
    assert isinstance(found.lost, LostValue), found
    return found.lost


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("expression", "values", "function", "part", "instead"), LOST, ids=[c[0] for c in LOST])
def test_value_and_slopes_are_those_of_mpmath(
    expression: str, values: dict[str, float], function: Callable[..., Any], part: str, instead: str, dtype: str
) -> None:
    if dtype == "float64" and expression in ("sqrt(x**2 + y**2)", "(x*x + y*y)**0.5"):
        values = {name: value**7 for name, value in values.items()}  # 1e30 is 1e210
    found = check(expression, dtype, **values)
    point = [stored(value, dtype) for value in values.values()]
    told = lost(found)
    assert told.value == pytest.approx(float(function(*point)), rel=1e-14)
    assert {row.label for row in found.rows} == set(values)
    for row in found.rows:
        order = tuple(int(row.label == name) for name in values)
        true = float(mp.diff(function, tuple(point), order)) if len(point) > 1 else float(mp.diff(function, point[0]))
        known = row.symbolic if row.symbolic is not None else row.differences
        assert known == pytest.approx(true, rel=1e-9, abs=1e-300)
    if not part:
        return
    assert told.part == part
    assert told.instead == instead
    assert not found.rows[0].reason or found.verdict in ("agree", "disagree")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", [c for c in LOST if c[4]], ids=[c[0] for c in LOST if c[4]])
def test_what_is_advised_is_right_in_the_dtype(case: tuple[Any, ...], dtype: str) -> None:
    expression, values, function, _, instead = case
    if dtype == "float64" and "sqrt" in expression:
        values = {name: value**7 for name, value in values.items()}
    record = gdcli.grad(instead, {k: v for k, v in values.items() if k in gdcli.parse(instead).variables},
                        settings={"dtype": dtype})  # fmt: skip
    point = [stored(value, dtype) for value in values.values()]
    eps = torch.finfo(getattr(torch, dtype)).eps
    assert record.value == pytest.approx(float(function(*point)), rel=math.sqrt(eps), abs=1e-38)
    names = {node.function.name for node in postorder(gdcli.parse(instead).root) if isinstance(node, Call)}
    assert names <= set(FUNCTIONS)


TENSORS = [
    ("log(sum(exp(x)))", {"x": [1000.0, 2.0]}, "logsumexp(x, 0)", 1000.0, [1, 0]),
    ("sum(exp(x)/sum(exp(x))*[1, 2, 3])", {"x": [100.0, 100.0, 3]}, "sum(softmax(x, 0)*[1, 2, 3])", 1.5, None),
    ("-log(softmax(x, 0))[1]", {"x": [200.0, 0.0]}, "-log_softmax(x, 0)[1]", 200.0, [1, -1]),
    ("-mean(y*log(sigmoid(x)) + (1 - y)*log(1 - sigmoid(x)))", {"x": [30.0, -3.0], "y": [0.0, 0.0]},
     "binary_cross_entropy_with_logits(x, y)", (30 + math.log1p(math.exp(-3))) / 2, [0.5, 0.5 / (1 + math.exp(3))]),
    ("binary_cross_entropy(sigmoid(x), y)", {"x": [200.0, 0.0], "y": [0.0, 1.0]},
     "binary_cross_entropy_with_logits(x, y)", (200 + math.log(2)) / 2, [0.5, -0.25]),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("expression", "values", "instead", "value", "slopes"), TENSORS, ids=[t[0] for t in TENSORS])
def test_tensors(
    expression: str, values: dict[str, Any], instead: str, value: float, slopes: list[float] | None
) -> None:
    found = check(expression, **values)
    assert lost(found).value == pytest.approx(value, rel=1e-12)
    assert lost(found).instead == instead
    assert gdcli.grad(instead, values).value == pytest.approx(value, rel=1e-6)
    by_label = {row.label: row for row in found.rows}
    for i, slope in enumerate(slopes or ()):
        assert by_label[f"x[{i}]"].differences == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_only_the_value_is_kept_where_the_gradient_is_not() -> None:
    found = check("(exp(x) - 1)/x", x=1e-9)
    assert lost(found).message == (
        "the value is 1, not 0: exp(x) - 1 is 1e-09, and float32 gives 0; "
        "expm1(x) in the place of exp(x) - 1 has the right value in float32"
    )


def test_a_sum_over_all_is_no_softmax_of_the_columns() -> None:
    found = check("log(sum(exp(W)))", W=[[100.0, 1.0], [2.0, 100.0]])
    assert lost(found).instead == ""
    assert lost(found).message.endswith("; --dtype float64 has the right value")


def test_value_beyond_the_dtype_is_said() -> None:
    found = check("exp(100*x)", x=1)
    assert lost(found).message == (
        "the value is 2.68812e+43, beyond the range of float32; --dtype float64 has the right value"
    )
    assert found.rows[0].reason.endswith("; the slope is 2.68812e+45, which exceeds the range of float32")
    far = check("exp(1000*x)", "float64", x=1)
    assert lost(far).message == "the value is 1.97007e+434, beyond the range of float64"
    assert lost(far).value is None
    assert far.rows[0].verdict == "undefined"


KEPT = [
    ("log(1 + exp(x))", {"x": 3}),
    ("-log(1 - sigmoid(x))", {"x": 3}),
    ("sqrt(x**2 + y**2)", {"x": 3, "y": 4}),
    ("exp(x) - 1", {"x": 0.1}),
    ("x**2", {"x": 1e-30}),  # 0 is the float32 nearest to 1e-60
    ("x**2 - 2", {"x": 1.4142135}),  # ordinary cancellation
    ("log(x)", {"x": -1}),
    ("log(1 - x)", {"x": 1}),
    ("0/x", {"x": 0}),
]


@pytest.mark.parametrize(("expression", "values"), KEPT)
def test_nothing_is_lost_where_the_value_is_right_or_not_defined(expression: str, values: dict[str, float]) -> None:
    assert not isinstance(check(expression, **values).lost, LostValue)


def test_advice_for_a_gradient_alone() -> None:
    (row,) = check("1/(1 + exp(-x))", x=-95).rows  # float32: exp(95) is inf, 1/inf is 0, and the gradient nan
    assert row.verdict == "disagree"
    true = float(sigmoid(mp.mpf(-95)) * sigmoid(mp.mpf(95)))
    assert row.symbolic == pytest.approx(true, rel=1e-12)
    assert row.reason == (
        f"exp(-x) is beyond the range of float32; the slope is {true:.6g}; "
        "sigmoid(x) in the place of 1/(1 + exp(-x)) has the right value and gradient in float32"
    )


# --- points where a formula and its value in SymPy were believed ---------------------------------------------------


def row(expression: str, dtype: str = "float32", **values: Any) -> CheckRow:
    (found,) = check(expression, dtype, **values).rows
    return found


REMOVABLE = [  # 0 * inf in the chain rule: the slope by theory
    ("cos(3*acos(c))", {"c": 1}, 9.0),
    ("cos(3*acos(c))", {"c": -1}, 9.0),
    ("cos(2*acos(c))", {"c": 1}, 4.0),
    ("cos(acos(c))", {"c": 1}, 1.0),
    ("acosh(x)**2", {"x": 1}, 2.0),
    ("acos(x)**2", {"x": 1}, -2.0),
    ("sin(sqrt(x))**2", {"x": 0}, 1.0),
    ("sqrt(x)**2", {"x": 0}, 1.0),
    ("cosh(sqrt(x))", {"x": 0}, 0.5),
    ("x*sqrt(x)", {"x": 0}, 0.0),
    ("atanh(sqrt(x))**2", {"x": 0}, 1.0),
]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("expression", "values", "slope"), REMOVABLE)
def test_slope_at_a_removable_point(expression: str, values: dict[str, float], slope: float, dtype: str) -> None:
    found = row(expression, dtype, **values)
    assert found.symbolic is None or found.symbolic == pytest.approx(slope)
    assert (found.verdict, found.doubt) == ("disagree", "autograd")
    assert found.reason.endswith(f"; the slope is {slope:.6g}")


INFINITE = [
    ("asin(x)", {"x": 1}, "the slope is infinite here"),
    ("acos(x)", {"x": 1}, "the slope is infinite here"),
    ("sqrt(x)", {"x": 0}, "the slope is infinite here"),
    ("sqrt(sin(x))", {"x": 0}, "the slope is infinite here"),
    ("acosh(x)", {"x": 1}, "the slope is infinite here"),
    ("x**0.3", {"x": 0}, "the slope is infinite here"),
    ("sqrt(abs(x))", {"x": 0}, "a cusp: the slope goes to -inf on the left and to inf on the right"),
    ("(x**2)**0.25", {"x": 0}, "a cusp: the slope goes to -inf on the left and to inf on the right"),
]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("expression", "values", "reason"), INFINITE)
def test_infinite_slope_is_no_disagreement(
    expression: str, values: dict[str, float], reason: str, dtype: str, run: Run
) -> None:
    found = row(expression, dtype, **values)
    assert (found.verdict, found.doubt, found.reason) == ("undefined", "", reason)
    assert (found.symbolic, found.differences) == (None, None)
    words = [word for name, value in values.items() for word in (f"--{name}", str(value))]
    assert run("grad", expression, *words, "--check", "--dtype", dtype).code == 0


FLAT = [
    ("sum(where(x > 0, sqrt(x), 0*x))", [-1.0, 1.0]),
    ("sum(where(x > 0, sqrt(x), 0*x + 5))", [-1.0, 1.0]),
    ("sum(x*sqrt(x))", [0.0, 1.0]),
    ("1e6 + sum(where(x > 0, sqrt(x), 0*x))", [-1.0, 1.0]),
]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("expression", "x"), FLAT)
def test_slope_of_exactly_zero_of_a_tensor_is_found(expression: str, x: list[float], dtype: str) -> None:
    found = check(expression, dtype, x=x).rows[0]
    assert (found.verdict, found.doubt) == ("disagree", "autograd")
    assert found.reason.endswith("; the slope is 0")


def test_kink_of_nan_is_a_disagreement() -> None:
    found = row("sqrt(x**2)", x=0)
    assert (found.left, found.right, found.verdict) == (-1, 1, "disagree")
    assert found.reason == "the slope is -1 on the left and 1 on the right, and PyTorch's nan is not between them"


# --- many digits ---------------------------------------------------------------------------------------------------

SLOPES: list[tuple[str, float, Sides]] = [
    ("x**2", 3.0, Sides(6, 6)),
    ("abs(x)", 0.0, Sides(-1, 1)),
    ("abs(x)", 1e-300, Sides(1, 1)),
    ("sqrt(x)", 0.0, Sides(None, math.inf)),
    ("-sqrt(abs(x))", 0.0, Sides(math.inf, -math.inf)),
    ("where(x > 0, x**2, -x)", 0.0, Sides(-1, 0)),
    ("x**3", 0.0, Sides(0, 0)),
    ("x*log(x)", 0.0, Sides(None, None)),
    ("exp(exp(exp(exp(x))))", 10.0, Sides(None, None)),
]


@pytest.mark.parametrize(("expression", "x", "sides"), SLOPES)
def test_slopes_in_many_digits(expression: str, x: float, sides: Sides) -> None:
    found = ManyDigits(gdcli.parse(expression), {"x": torch.tensor(x, dtype=torch.float64)}).sides("x", 0)
    assert found == sides


MANY = [
    ("sum(matmul(W, x)*[1, 2])", {"W": [[1.0, 2.0], [3.0, 4.0]], "x": [5.0, 6.0]}, 95.0),
    ("sum(W @ W.T)", {"W": [[1.0, 2.0], [3.0, 4.0]]}, 52.0),
    ("sum(sum(W, 0)**2)", {"W": [[1.0, 2.0], [3.0, 4.0]]}, 52.0),
    ("sum(mean(W, 1, keepdim=True)*W)", {"W": [[1.0, 2.0], [3.0, 5.0]]}, 36.5),
    ("sum(softmax(W, 1)[0]) + flip(W, (0,))[0, 1] + stack([x, x])[1]", {"W": [[1.0, 2.0], [3.0, 5.0]], "x": 2.0}, 8.0),
    ("amax(x) + norm(x) + prod(x)", {"x": [3.0, 4.0]}, 21.0),
    ("mse_loss(x, [1, 2])", {"x": [2.0, 4.0]}, 2.5),
    ("sum(clamp(x, 0, 1)) + add(x[0], x[1], alpha=2)", {"x": [-3.0, 4.0]}, 6.0),
    ("sum(x*ones(2)) + detach(x)[0]", {"x": [3.0, 4.0]}, 10.0),
    ("std(x)", {"x": [1.0, 2.0, 3.0]}, 1.0),
]


@pytest.mark.parametrize(("expression", "values", "expected"), MANY)
def test_tensors_in_many_digits(expression: str, values: dict[str, Any], expected: float) -> None:
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}
    found = ManyDigits(gdcli.parse(expression), tensors).value
    assert found is not None
    assert found.number == pytest.approx(expected, rel=1e-15)


# --- forms ---------------------------------------------------------------------------------------------------------

FORMS = [
    ("1/(1 + exp(-3*x))", "sigmoid(3*x)"),
    ("1/(1 + exp(-(x - 1)))", "sigmoid(x - 1)"),
    ("log(1 + (x - 1)*y)", "log1p((x - 1)*y)"),
    ("torch.log(torch.exp(x - y) + 1)", "softplus(x - y)"),
    ("x.exp().sum().log()", "logsumexp(x, 0)"),
    ("sigmoid(x) - 1", "-sigmoid(-x)"),
    ("1 - exp(-x)", "-expm1(-x)"),
    ("sqrt((x - 1)**2 + y**2)", "hypot(x - 1, y)"),
    ("2*log(1 + exp(x))/3", "2*softplus(x)/3"),
    ("(1 - sigmoid(x))**2", "(sigmoid(-x))**2"),
]


@pytest.mark.parametrize(("expression", "whole"), FORMS)
def test_forms_are_found_in_any_order(expression: str, whole: str) -> None:
    assert rewrites(gdcli.parse(expression))[0].whole == whole


@pytest.mark.parametrize(
    "expression", ["log(2 + exp(x))", "exp(x)/(exp(y) + exp(z))", "sqrt(x**2 - y**2)", "1 + exp(x)"]
)
def test_what_is_no_form_is_left_alone(expression: str) -> None:
    assert rewrites(gdcli.parse(expression)) == []


# --- the commands --------------------------------------------------------------------------------------------------


def test_grad_tells_value_slope_and_function(run: Run) -> None:
    done = run("grad", "log(1+exp(x))", "--x", "100", "--check")
    assert done.code == 3
    shown = " ".join(done.out.split())
    assert (
        "the value is 100, not inf: exp(x) is 2.68812e+43, beyond the range of float32; "
        "softplus(x) in the place of log(1+exp(x)) has the right value and gradient in float32 "
        "x: do not trust autograd: exp(x) is beyond the range of float32; the slope is 1 1 of 1 disagree"
    ) in shown
    assert "warning: the value is inf: the expression is not defined there, or float32 cannot hold a part" in done.err
    document = run("grad", "log(1+exp(x))", "--x", "100", "--check", "--json").json()
    assert document["check"]["lost"]["value"] == 100
    assert document["check"]["lost"]["computed"] is None
    assert "lost" not in run("grad", "log(1+exp(x))", "--x", "1", "--check", "--json").json()["check"]


def test_minimize_tells_it_too(run: Run) -> None:
    words = ("minimize", "log(1+exp(x))", "--x", "100", "--steps", "1", "--lr", "0", "--check")
    document = run(*words, "--json").json()
    assert document["checks"]["start"]["lost"]["instead"] == "softplus(x)"
    assert document["checks"]["start"]["rows"][0]["symbolic"] == 1
