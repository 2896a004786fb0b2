"""``grad --symbolic``: formulas against derivatives taken by hand, and against autograd in float64."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import math
import os
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch

import gdcli
from gdcli.contract.grad import Derivative
from gdcli.lang.functions import FUNCTIONS
from tests.conftest import Run

sympy = pytest.importorskip("sympy")
mpmath = pytest.importorskip("mpmath")


@pytest.fixture
def little_simplification(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the shortest form is not what is tested."""
    monkeypatch.setattr("gdcli.explain.symbolic.SIMPLIFYING", 50_000)


def by_name(record: gdcli.GradResult) -> dict[str, Derivative]:
    assert isinstance(record.derivatives, list)
    return {derivative.variable: derivative for derivative in record.derivatives}


def derivatives(expression: str, dtype: str = "float64", **values: Any) -> dict[str, Derivative]:
    return by_name(gdcli.grad(expression, values, settings={"symbolic": True, "dtype": dtype}))


def formula(expression: str, **values: Any) -> str | None:
    return derivatives(expression, **values)["x"].formula


ON_A_BOUND = torch.ones((), requires_grad=True)
ON_A_BOUND.clamp(max=1).backward()  # 1 or 0: versions of PyTorch differ
BELOW, ABOVE = ("<", ">") if ON_A_BOUND.grad else ("<=", ">=")

# What a lecture would write, and the very text that is printed.
BY_HAND = [
    ("x**2", {"x": 3}, "2*x"),
    ("(x - 1.5)**2", {"x": 4}, "2*x - 3"),
    ("log(x**2 + y**2)", {"x": 15, "y": 24}, "2*x/(x**2 + y**2)"),
    ("tan(1 + x**2)", {"x": 1}, "2*x*(tan(x**2 + 1)**2 + 1)"),
    ("exp(-x)", {"x": 1}, "-exp(-x)"),
    ("sqrt(x)", {"x": 4}, "1/(2*sqrt(x))"),
    ("x**0.5", {"x": 4}, "0.5/sqrt(x)"),
    ("0.1*x**2", {"x": 4}, "0.2*x"),
    ("x**2/10", {"x": 4}, "x/5"),
    ("x**y", {"x": 2, "y": 3}, "x**y*y/x"),
    ("x**(1/3)", {"x": 2}, "1/(3*x**(2/3))"),
    ("sin(pi*x/4)", {"x": 1}, "pi*cos(pi*x/4)/4"),
    ("e*x + x/3", {"x": 1}, "1/3 + e"),
    ("3*x", {"x": 1}, "3"),
    ("y + 0*x", {"x": 1, "y": 2}, "0"),
    ("abs(x)", {"x": -2}, "sign(x)"),
    ("abs(log(x))", {"x": 0.5}, "sign(log(x))/x"),
    ("relu(x)", {"x": 2}, "where(x > 0, 1, 0)"),
    ("leaky_relu(x)", {"x": 2}, "where(x > 0, 1, tensor(0.01))"),
    ("(x > 0)*x*0.1", {"x": 2}, "where(x > 0, tensor(0.1), 0)"),
    ("maximum(x, y)", {"x": 2, "y": 3}, "where(x > y, 1, where(x < y, 0, 0.5))"),
    ("clamp(x, -1, 1)", {"x": 0.5}, f"where(logical_or(x {BELOW} -1, x {ABOVE} 1), 0, 1)"),
    ("sigmoid(x)", {"x": 1}, "(1 - sigmoid(x))*sigmoid(x)"),
    ("where(logical_and(x > 0, x < 1), x**2, -x)", {"x": 0.5}, "where(logical_and(x < 1, x > 0), 2*x, -1)"),
    ("x % 2", {"x": 3.5}, "1"),
    ("floor(x)*x", {"x": 2.5}, "floor(x)"),
    ("round(x)*x", {"x": 2.5}, "round(x)"),
    ("detach(x)*x", {"x": 3}, "detach(x)"),
    ("lgamma(x)", {"x": 3}, "digamma(x)"),
    ("digamma(x)", {"x": 3}, "polygamma(1, x)"),
    ("sum([x, 2*x, y])", {"x": 1, "y": 2}, "3"),
    ("norm([x, y])", {"x": 3, "y": 4}, "x/sqrt(x**2 + y**2)"),
    ("sum(([x, y] - [1, 2])**2)", {"x": 3, "y": 4}, "2*x - 2"),
    ("sin(x)**4 + 2*sin(x)**2*cos(x)**2 + cos(x)**4 + x", {"x": 1}, "1"),
    ("sum(x*arange(4))", {"x": 2}, "6"),
    ("x*sum(A)", {"x": 1, "A": [1.0, 2.0]}, "sum(A)"),
    ("x*(A @ A)", {"x": 1, "A": [1.0, 2.0]}, "(A @ A)"),
]


@functools.cache
def by_hand(number: int) -> gdcli.GradResult:
    """The record of a row of the table, in which both its formula and its value are."""
    expression, values, _ = BY_HAND[number]
    return gdcli.grad(expression, values, settings={"symbolic": True, "dtype": "float64"})


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BY_HAND)), ids=[row[0] for row in BY_HAND])
def test_formula_is_the_one_of_a_lecture(number: int) -> None:
    assert by_name(by_hand(number))["x"].formula == BY_HAND[number][2]


@pytest.mark.parametrize(
    "expression",
    [
        *["maximum(x, y)", "minimum(x, y)", "fmax(x, y)", "fmin(x, y)", "clamp(x, max=y)", "clamp(x, min=y)"],
        *["clamp(x, 1, 2)*y", "clamp(x, 0, 1)*y", "clamp_min(x, 1) + y", "clamp_max(x, 1) + y", "clip(x, 1, 1) + y"],
        *["logit(x/2, 0.5) + y", "hardtanh(x) + y", "relu6(6*x) + y"],
    ],
)
def test_formula_has_the_gradient_of_this_version_at_a_tie(expression: str) -> None:
    record = gdcli.grad(expression, {"x": 1, "y": 1}, settings={"symbolic": True, "dtype": "float64"})
    assert {name: found.value for name, found in by_name(record).items()} == record.grads


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BY_HAND)), ids=[row[0] for row in BY_HAND])
def test_value_is_autograds(number: int) -> None:
    record = by_hand(number)
    assert by_name(record)["x"].value == pytest.approx(record.grads["x"], rel=1e-12)


X, Y = sympy.symbols("x y", real=True)
AGAINST_SYMPY = {
    "sin(x)**2 * exp(-x*y) / (1 + x**2)**3": sympy.sin(X) ** 2 * sympy.exp(-X * Y) / (1 + X**2) ** 3,
    "log1p(x**2) * atan2(y, x)": sympy.log(1 + X**2) * sympy.atan2(Y, X),
    "erf(x*y) / (1 + sigmoid(x))": sympy.erf(X * Y) / (1 + 1 / (1 + sympy.exp(-X))),
    "hypot(x, y)**y": sympy.sqrt(X**2 + Y**2) ** Y,
    "logsumexp([x, y, x*y], 0)": sympy.log(sympy.exp(X) + sympy.exp(Y) + sympy.exp(X * Y)),
    "sinc(x*y) + i0(x) + expm1(y)": sympy.sin(sympy.pi * X * Y) / (sympy.pi * X * Y)
    + sympy.besseli(0, X)
    + sympy.exp(Y),
    "gammainc(2, x**2) + ndtr(y)": 1 - (1 + X**2) * sympy.exp(-(X**2)) + sympy.erf(Y / sympy.sqrt(2)) / 2,
}


@pytest.mark.slow
@pytest.mark.usefixtures("little_simplification")
@pytest.mark.parametrize("expression", AGAINST_SYMPY)
def test_printed_formula_is_the_derivative_that_sympy_takes(expression: str) -> None:
    point = {"x": 0.7, "y": 1.3}
    found = derivatives(expression, **point)
    for name, symbol in (("x", X), ("y", Y)):
        expected = AGAINST_SYMPY[expression].diff(symbol).subs({X: point["x"], Y: point["y"]}).evalf(30)
        assert found[name].formula is not None
        used = {name: point[name] for name in gdcli.parse(found[name].formula).variables}
        (row,) = gdcli.ops(found[name].formula, values=used, dtype="float64").rows  # the round trip
        assert row.value == pytest.approx(float(expected), rel=1e-12)
        assert found[name].value == row.value


# Arguments for the functions that take more than numbers; the others are called with x, or with x and y.
CALLS = {
    "polygamma": ["polygamma(2, x)"],
    "mvlgamma": ["mvlgamma(x + 3, 2)"],
    "gammainc": ["gammainc(2, abs(x))"],
    "gammaincc": ["gammaincc(2, abs(x))"],
    "igamma": ["igamma(2, abs(x))"],
    "igammac": ["igammac(2, abs(x))"],
    "clamp": ["clamp(x, -0.3, 0.7)", "clamp(x, min=0.5)", "clamp(x, max=y)", "clamp(x, y, 0*y)"],
    "where": ["where(x > y, x**2, y*x)", "where(x > 0.3, 1, 2)*x"],
    "clip": ["clip(x, -0.3, 0.7)"],
    "div": ["div(x, y)", "div(x, y, rounding_mode='floor') + x*y"],
    "add": ["add(x, y, alpha=2)"],
    "sub": ["sub(x, y, alpha=3)"],
    "threshold": ["threshold(x, 0.2, 5)"],
    "addcmul": ["addcmul(x, y, x, value=0.5)"],
    "addcdiv": ["addcdiv(x, y, x, value=0.5)"],
    "lerp": ["lerp(x, y, 0.3)", "lerp(x, y, x)"],
    "gelu": ["gelu(x)", "gelu(x, approximate='tanh')"],
    "softplus": ["softplus(x)", "softplus(x, 2)", "softplus(30*x)"],
    "elu": ["elu(x, 2)"],
    "celu": ["celu(x, 0.5)"],
    "leaky_relu": ["leaky_relu(x, 0.2)"],
    "hardtanh": ["hardtanh(x, -0.5, 0.4)"],
    "logit": ["logit(x)", "logit(x, 0.1)"],
    "softshrink": ["softshrink(x, 0.3)"],
    "sum": ["sum([x, y, x*y])"],
    "mean": ["mean([x, y, x*y])"],
    "prod": ["prod([x, y, x])"],
    "var": ["var([x, y, x*y])", "var([x, y], correction=0)"],
    "std": ["std([x, y, x*y])"],
    "norm": ["norm([x, y])", "norm([x, y], 1)", "norm([x, y], 3)", "norm([x, y], inf)", "norm(x)"],
    "vector_norm": ["vector_norm([x, y], 3)", "vector_norm([x, y])"],
    "dist": ["dist([x, y], [1, 2])"],
    "dot": ["dot([x, y], [y, 2])", "[x, y] @ [y, 2]"],
    "logsumexp": ["logsumexp([x, y], 0)"],
    "softmax": ["softmax([x, y], 0)[0]"],
    "log_softmax": ["log_softmax([x, y], 0)[1]"],
    "stack": ["sum(stack([x, y]))"],
    "max": ["max([x, y, x*y])", "max(x, y)"],
    "min": ["min([x, y])"],
    "amax": ["amax([x, y])"],
    "amin": ["amin([x, y])"],
    "mse_loss": ["mse_loss(x, y)", "mse_loss([x, y], [1, 2], reduction='sum')"],
    "huber_loss": ["huber_loss(x, y)", "huber_loss([x, y], [1, 2], delta=0.4)"],
    "smooth_l1_loss": ["smooth_l1_loss(x, y)", "smooth_l1_loss([x, y], [3, 2], beta=2)"],
    "binary_cross_entropy": ["binary_cross_entropy(sigmoid(x), 0.3)"],
    "binary_cross_entropy_with_logits": ["binary_cross_entropy_with_logits([x, y], [0, 1])"],
    "soft_margin_loss": ["soft_margin_loss(x, -1)"],
    "poisson_nll_loss": ["poisson_nll_loss(x, 2)", "poisson_nll_loss(abs(x), 2, log_input=False)"],
    "tensor": ["tensor(3)*x"],
    "xlogy": ["xlogy(x, abs(y))"],
}
# PyTorch computes the derivatives of these to fewer digits than float64 has.
ROUGH = {"hardsigmoid": 1e-6, "digamma": 1e-8, "float": 1e-6, "half": 1e-2, "bfloat16": 1e-1}


def _calls() -> list[str]:
    from gdcli.explain.counterparts import ELEMENTWISE, OF_LISTS

    calls = [call for found in CALLS.values() for call in found]
    for name, row in FUNCTIONS.items():
        known = row.usual in ELEMENTWISE and name not in CALLS
        if known and row.arity[0] in (1, 2) and name != "to" and row.gradient == "":
            calls.append(f"{name}(x)" if row.arity[0] == 1 else f"{name}(x, y)")
    assert {FUNCTIONS[name].usual for name in CALLS} <= {*ELEMENTWISE, *OF_LISTS} <= set(FUNCTIONS)
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("call", _calls())
def test_every_function_has_the_derivative_that_autograd_takes(call: str) -> None:
    from gdcli.contract.grad import GradSettings
    from gdcli.explain.symbolic import Partial, exact, partials, precise_value
    from gdcli.explain.work import Work
    from gdcli.tensors import prepare

    seen = 0
    found: list[Partial] = []
    for x, y in [(0.37, 0.81), (-0.62, 0.45), (1.7, -0.9), (2.4, 1.3)]:
        values = {name: repr(v) for name, v in (("x", x), ("y", y)) if name in gdcli.parse(call).variables}
        record = gdcli.grad(call, values, settings={"symbolic": False, "dtype": "float64"})
        if not isinstance(record.value, float) or not math.isfinite(record.value):
            continue
        seen += 1
        problem = prepare(call, GradSettings(values=values, dtype="float64"), list(values))
        found = found or partials(problem.objective.expression, problem.tensors, problem.wrt, exact)  # for all points
        for partial in found:
            autograd = record.grads[partial.variable]
            tolerance = next((ROUGH[name] for name in ROUGH if call.startswith(f"{name}(")), 1e-10)
            assert partial.obstacle == ""
            assert precise_value(partial, problem.tensors, Work(400_000)) == pytest.approx(
                autograd, rel=tolerance, abs=1e-14
            )
    assert seen


def test_random_numbers_have_no_value_of_their_own() -> None:
    from gdcli.explain.symbolic import partials, precise_value
    from gdcli.explain.work import Work

    tensors = {"x": torch.tensor(2.0)}
    (partial,) = partials(gdcli.parse("x*sum(rand(3))"), tensors, ["x"])
    assert precise_value(partial, tensors, Work(400_000)) is None


ROUND_TRIPS = [
    "y*sin(x*0.7*(x > y))*0.3*(x > 0.1) + 2**(x > 0)*x + x*(x > 0)*(y > 0)*0.1",
    "where(x > 0, 0.1, 0.3)*exp(where(y > 0, 0.7, 1))*x**2*y",
    "clamp(x*y, -1, 1)*sinc(x)",
    "where(relu(x - y) > 0.2, maximum(x, y)**2, minimum(x, 0.5))",
    "i1e(x)*log_ndtr(y) + erfcx(x)",
    "softplus(3*x) + mish(y) - celu(x - 1, 2)",
    "(x < y)*x + logical_not(x > 0.1)*y**2",
    "logaddexp(x, y)/(1 + hypot(x, y))",
    "acosh(2 + x**2) + asin(x/3) - atanh(x/4)",
    "2**x + x**-3 + (x/3)**(y/7)",
    "1.25e-7*x**2 + 123456.789*x + x*0.1234567890123456",
    "polygamma(1, x)*mvlgamma(x + 2, 2)",
    "smooth_l1_loss(x, y, beta=0.7)*hardswish(x)",
]


@pytest.mark.slow
@pytest.mark.usefixtures("little_simplification")
@pytest.mark.parametrize("expression", ROUND_TRIPS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_formula_can_be_typed_in_again(expression: str, dtype: str) -> None:
    point = {"x": 0.7, "y": 0.3}
    values = {name: point[name] for name in gdcli.parse(expression).variables}
    record = gdcli.grad(expression, values, settings={"symbolic": True, "dtype": dtype})
    assert isinstance(record.derivatives, list)
    for derivative in record.derivatives:
        assert derivative.formula is not None, derivative.obstacle
        used = {name: values[name] for name in gdcli.parse(derivative.formula).variables}
        (row,) = gdcli.ops(derivative.formula, values=used, dtype=dtype).rows
        assert row.value == derivative.value
        rel = 1e-12 if dtype == "float64" else 1e-4
        assert derivative.value == pytest.approx(record.grads[derivative.variable], rel=rel)


def test_value_is_computed_in_the_dtype_of_the_run() -> None:
    found = derivatives("x**3", dtype="float32", x=0.1)["x"]
    assert found.value == (3 * torch.tensor(0.1) ** 2).item()
    assert found.value != 3 * 0.1**2


def test_decimals_keep_their_digits_in_float64() -> None:
    # PyTorch makes a choice between plain numbers a float32 tensor: 0.01 would come out as 0.009999999776.
    assert derivatives("leaky_relu(x)", x=-1)["x"].value == 0.01
    assert derivatives("(x > 0)*x*0.1", x=1)["x"].value == 0.1


OBSTACLES = [
    ("sum(x**2)", {"x": [1.0, 2.0]}, "x has shape (2,), but formulas are for scalar variables"),
    ("sum(x*A)", {"x": 2, "A": [1.0, 2.0]}, "A has shape (2,), and the derivative depends on sum(x*A)"),
    (
        "nan_to_num(x)**2",
        {"x": 2},
        "nan_to_num has no counterpart in SymPy, and the derivative depends on nan_to_num(x)",
    ),
    (
        "det([[x, y], [y, 2]])",
        {"x": 1, "y": 2},
        "a matrix has no counterpart in SymPy, and the derivative depends on det([[x, y], [y, 2]])",
    ),
    ("x*sum(rand(3))", {"x": 2}, "sum(rand(3)) draws random numbers"),
    (
        "gammainc(x, 2) + gammainc(y, x)",
        {"x": 2, "y": 3},
        "gammainc has no formula for this derivative",
    ),
    ("mean([x, y], dim=0, keepdim=True)[0]", {"x": 2, "y": 3}, "a dimension has no counterpart in SymPy"),
    ("softplus(x, 1, 5)", {"x": 2}, "softplus with another threshold has no counterpart in SymPy"),
    ("mvlgamma(x, 30)", {"x": 200}, "mvlgamma of more than 20 dimensions is too long for a formula"),
    ("norm([x, y], 0) + x", {"x": 2, "y": 1}, "a norm with p=0 has no counterpart in SymPy"),
    ("max([x, y], 0)[0]", {"x": 2, "y": 1}, "a pair of values and indices has no counterpart in SymPy"),
]


@pytest.mark.parametrize(("expression", "values", "obstacle"), OBSTACLES, ids=[row[0] for row in OBSTACLES])
def test_what_stands_in_the_way_is_named(expression: str, values: dict[str, Any], obstacle: str) -> None:
    if expression.startswith("gammainc"):
        from gdcli.explain.symbolic import partials

        # PyTorch has no such derivative either, so the run itself would end here.
        tensors = {name: torch.tensor(float(value)) for name, value in values.items()}
        found = partials(gdcli.parse(expression), tensors, ["x"])[0].obstacle
    else:
        derivative = derivatives(expression, **values)["x"]
        assert (derivative.formula, derivative.latex, derivative.value) == (None, None, None)
        found = derivative.obstacle
    assert found.startswith(obstacle)


def test_other_derivatives_go_on_where_one_has_no_formula() -> None:
    found = derivatives("nan_to_num(x) + y**2 + x*0", x=1, y=3)
    assert found["x"].formula is None
    assert found["y"].formula == "2*y"
    found = derivatives("x**2 * trace(W)", x=2, W=[[1.0, 0.0], [0.0, 3.0]])
    assert (found["x"].formula, found["x"].value) == ("2*x*trace(W)", 16.0)
    assert "shape (2, 2)" in found["W"].obstacle


def test_only_the_variables_of_wrt_are_differentiated() -> None:
    record = gdcli.grad("x*y", x=2, y=3, wrt=["y"], settings={"symbolic": True})
    assert [d.variable for d in record.derivatives] == ["y"]  # type: ignore[union-attr]


def test_latex_is_sympys() -> None:
    found = derivatives("log(x**2 + y**2)", x=15, y=24)
    assert found["x"].latex == r"\frac{2 x}{x^{2} + y^{2}}"
    assert derivatives("θ*sin(θ)", θ=1)["θ"].latex == r"\theta \cos{\left(\theta \right)} + \sin{\left(\theta \right)}"
    assert derivatives("λ**2", λ=1)["λ"].latex == r"2 \lambda"
    assert derivatives("sigmoid(x)", x=1)["x"].latex == r"\left(1 - \sigma\left(x\right)\right) \sigma\left(x\right)"
    assert derivatives("x*sum(A_1)", x=1, A_1=[1.0])["x"].latex == r"\mathtt{sum(A\_1)}"


def test_form_that_is_defined_at_the_point_is_preferred() -> None:
    assert formula("x**y", x=0, y=3) == "x**(y - 1)*y"  # x**y*y/x would divide 0 by 0
    assert derivatives("x**y", x=0, y=3)["x"].value == 0


LARGE = [
    "*".join(f"sin({i}*x + cos({i + 1}*x))" for i in range(1, 12)),
    "where(maximum(hardtanh(x), where(y > x, x*y, 2)) > 1.3, x*y, hardtanh(maximum(x, relu(y)))*x)",
    "x**1000*(1 + x)**1000",
    "+".join(f"x**{i}" for i in range(400)),
    "((x + 1)**50 + 1)**50",  # multiplied out, a power of 51 terms: about 1e28 products in one call
    "x**100000*(1 + x)**100000",
]


LITTLE = 200_000  # calls to simplify; without a limit, the first three take a million and more
MOST_CALLS = 1_000_000  # of SymPy's functions, for one variable


@pytest.mark.slow
@pytest.mark.parametrize("expression", LARGE, ids=["product", "choices", "powers", "sum", "power of a power", "degree"])
def test_work_is_bounded(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdcli.explain.symbolic.SIMPLIFYING", LITTLE)
    values = dict.fromkeys(gdcli.parse(expression).variables, 0.5)
    derivatives("x**2", x=1)  # imports
    calls, most = 0, MOST_CALLS * len(values)
    folders = tuple(str(Path(module.__file__).parent) for module in (sympy, mpmath))

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        if event == "call" and frame.f_code.co_filename.startswith(folders):
            calls += 1
            if calls > most and not frame.f_code.co_flags & inspect.CO_GENERATOR:
                pytest.fail(f"more than {calls} calls")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        derivatives(expression, **values)
    finally:
        sys.setprofile(before)
    assert calls > 1_000


@pytest.mark.parametrize(
    ("module", "name", "arguments", "products"),
    [
        ("sympy.polys.densearith", "dup_mul", ([1] * 50, [1] * 40, sympy.ZZ), 50 * 40),
        ("sympy.polys.densearith", "dup_mul", ([1] * 5_000, [1] * 4_000, sympy.ZZ), 5_000 * 4_000),
        ("sympy.ntheory.multinomial", "multinomial_coefficients", (3, 4), math.comb(6, 4) * 4),
        ("sympy.ntheory.multinomial", "multinomial_coefficients", (51, 49), math.comb(99, 49) * 49),
    ],
    ids=["product", "long product", "power", "high power"],
)
def test_long_loop_in_one_call_counts_for_many_calls(module: str, name: str, arguments: Any, products: int) -> None:
    from gdcli.explain.work import OutOfWorkError, Work

    function = getattr(importlib.import_module(module), name)
    limit = 10_000
    expected = pytest.raises(OutOfWorkError) if products > 16 * limit else contextlib.nullcontext()
    with expected, Work(limit).limit():
        function(*arguments)
    if products < 16 * limit:
        with pytest.raises(OutOfWorkError), Work(products // 16).limit():
            function(*arguments)


@pytest.mark.slow
def test_deep_nesting_is_an_obstacle() -> None:
    expression = "sin(" * 80 + "x" + ")" * 80
    derivative = derivatives(expression, x=1)["x"]
    obstacles = ("the expression is nested too deeply for SymPy", "SymPy takes too long for this expression")
    assert derivative.formula is None
    assert derivative.obstacle in obstacles  # which one comes first is a matter of Python's version


def test_work_limit_ends_what_runs_and_leaves_the_debugger_alone() -> None:
    from gdcli.explain.work import OutOfWorkError, Work

    def watch(*_: object) -> None:
        return None

    def endless() -> None:
        with Work(5_000).limit():
            while True:
                sympy.Symbol("x").diff("x")

    sys.settrace(watch)
    try:
        with pytest.raises(OutOfWorkError):
            endless()
        assert sys.gettrace() is watch
    finally:
        sys.settrace(None)


IN_A_PROCESS = """
import sys, gdcli
for settings in ({}, {"hessian": True, "jacobian": True}, {"symbolic": True}):
    record = gdcli.grad("clamp(x*y, -1, 1)*sinc(x) + (x*y + x/y)**3", x=0.7, y=0.3, settings=settings)
    print("sympy" in sys.modules)
print([derivative.formula for derivative in record.derivatives])
"""


@pytest.fixture(scope="module")
def processes() -> list[list[str]]:
    """What two processes print whose sets have different orders."""
    command = [sys.executable, "-W", "ignore", "-c", IN_A_PROCESS]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    ]
    return [process.communicate(timeout=300)[0].splitlines() for process in started]


@pytest.mark.slow
@pytest.mark.process
def test_sympy_is_imported_only_where_it_is_needed(processes: list[list[str]]) -> None:
    assert processes[0][:3] == ["False", "False", "True"]


@pytest.mark.process
def test_formula_is_the_same_in_every_process(processes: list[list[str]]) -> None:
    assert processes[0][3:] == processes[1][3:]
    assert "sinc(x)" in processes[0][3]


def test_table_shows_formula_and_value(run: Run) -> None:
    done = run("grad", "log(x**2+y**2)", "--x", "15", "--y", "24", "--symbolic")
    assert done.code == 0
    assert "∂f/∂x = 2*x/(x**2 + y**2) = 0.0374532\n∂f/∂y = 2*y/(x**2 + y**2) = 0.0599251\n" in done.out


@pytest.mark.slow
@pytest.mark.usefixtures("little_simplification")
def test_long_formula_stays_on_one_line_and_its_value_stands_below(run: Run) -> None:
    done = run("grad", "exp(sin(x)*cos(y)) + exp(cos(x)*sin(y)) + x*y", "--x", "1", "--y", "2", "--symbolic")
    (line,) = [line for line in done.out.splitlines() if line.startswith("∂f/∂x")]
    assert line == "∂f/∂x = y + exp(sin(x)*cos(y))*cos(x)*cos(y) - exp(sin(y)*cos(x))*sin(x)*sin(y)"
    assert "\n      = 0.591\n" in done.out


def test_latex_stands_alone_in_its_line(run: Run) -> None:
    done = run("grad", "log(x**2+y**2)", "--x", "15", "--y", "24", "--latex")
    assert "\n" + r"\frac{\partial f}{\partial x} = \frac{2 x}{x^{2} + y^{2}}" + "\n" in done.out
    assert "∂f" not in done.out
    assert run("grad", "x**2", "--x", "1", "--latex", "--json").json()["settings"]["symbolic"] is True


def test_obstacle_is_shown_in_the_place_of_the_formula(run: Run) -> None:
    done = run("grad", "sum(x**2)", "--x", "1,2,3", "--symbolic")
    assert done.code == 0
    shown = " ".join(done.out.split())
    assert "∂f/∂x no formula: x has shape (3,), but formulas are for scalar variables" in shown


def test_documents_fit_the_schema(run: Run) -> None:
    document = run("grad", "x*sum(A) + 1/y", "--x", "1", "--A", "1,2", "--y", "2", "--symbolic", "--json").json()
    assert document["derivatives"][0] == {
        "variable": "x",
        "formula": "sum(A)",
        "latex": r"\mathtt{sum(A)}",
        "value": 3.0,
        "obstacle": "",
    }
    assert "derivatives" not in run("grad", "x**2", "--x", "1", "--json").json()


def test_csv_holds_the_formulas(run: Run) -> None:
    done = run("grad", "x**2*y", "--x", "1", "--y", "2", "--symbolic", "--csv")
    assert done.out.splitlines() == ["variable,formula,latex,value,obstacle", "x,2*x*y,2 x y,4.0,", "y,x**2,x^{2},1.0,"]
