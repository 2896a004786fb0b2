"""``--check``: what it says where the truth is known by hand: smooth places, kinks, poles, cancellation, traps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

import gdcli
from gdcli.contract.grad import CheckRow, GradientCheck
from gdcli.explain.differences import Slopes, slopes
from gdcli.explain.reference import precision, reference
from gdcli.lang.constructors import Environment
from gdcli.lang.objective import build
from tests.conftest import Run


def check(expression: str, dtype: str = "float32", wrt: tuple[str, ...] = (), **values: Any) -> GradientCheck:
    record = gdcli.grad(expression, values, wrt=wrt, settings={"check": True, "dtype": dtype})
    assert isinstance(record.check, GradientCheck)
    return record.check


def row(expression: str, dtype: str = "float32", **values: Any) -> CheckRow:
    (found,) = check(expression, dtype, **values).rows
    return found


# --- slopes by differences ---------------------------------------------------------------------------------------

Function = Callable[[float], float]


def defined(function: Function) -> Function:
    """The function with nan where Python would raise."""

    def wrapped(x: float) -> float:
        try:
            return function(x)
        except (ValueError, ZeroDivisionError, OverflowError):
            return math.nan

    return wrapped


SMOOTH: list[tuple[str, Function, float, float, float]] = [
    ("square", lambda x: (x - 1.5) ** 2, 4.0, 5.0, 1e-12),
    ("log near 0", math.log, 1e-6, 1e6, 1e-9),
    ("log very near 0", math.log, 1e-20, 1e20, 1e-9),
    ("log far away", math.log, 1e10, 1e-10, 1e-9),
    ("tangent near its pole", math.tan, 1.5707964, 1 / math.cos(1.5707964) ** 2, 1e-9),
    ("fast sine", lambda x: math.sin(1e4 * x), 0.3, 1e4 * math.cos(3e3), 1e-9),
    ("sine in step with the steps", lambda x: math.sin(128 * math.pi * x), 0.3,
     128 * math.pi * math.cos(128 * math.pi * 0.3), 1e-9),
    ("exponential", math.exp, 700.0, math.exp(700), 1e-9),
    ("tenth power", lambda x: x**10, 1e-3, 1e-26, 1e-9),
    ("tiny units", lambda x: (1e8 * x - 1) ** 2, 2e-8, 2e8, 1e-9),
    ("reciprocal of a tiny number", lambda x: 1 / x, 1e-30, -1e60, 1e-9),
    ("beside a pole", lambda x: 1 / (x - 1), 1 + 2.0**-30, -(2.0**60), 1e-3),
    ("coarse value", lambda x: math.log(math.cosh(x)), 1e-8, 1e-8, 1e-3),
    ("dead side of a kink", lambda x: max(x, 0.0), -1e-3, 0.0, 1e-12),
    ("beside a kink", abs, 1e-3, 1.0, 1e-12),
    ("very near a kink", abs, 1e-9, 1.0, 1e-12),
    ("large x", lambda x: x**2, 1e8, 2e8, 1e-9),
]  # fmt: skip


@pytest.mark.parametrize(("function", "x", "true", "tolerance"), [s[1:] for s in SMOOTH], ids=[s[0] for s in SMOOTH])
def test_slope_is_right_and_its_error_is_honest(function: Function, x: float, true: float, tolerance: float) -> None:
    center = slopes(defined(function), x).center
    assert center is not None
    assert center.value == pytest.approx(true, rel=tolerance)
    assert abs(center.value - true) <= 3 * center.error + 1e-14 * abs(true)


def test_bend_is_the_second_derivative() -> None:
    for function, x, true in ((math.sin, 0.7, -math.sin(0.7)), (lambda x: (x - 1.5) ** 2, 1.5, 2.0)):
        bend = slopes(function, x).bend
        assert bend is not None
        assert bend.value == pytest.approx(true, rel=1e-5)


def test_slope_that_rounding_hides_has_an_error_that_says_so() -> None:
    center = slopes(lambda x: x + 1e20, 1.0).center
    assert center is not None
    assert center.error > 1


def test_both_sides_of_a_kink() -> None:
    found = slopes(abs, 0.0)
    assert found.left is not None
    assert found.right is not None
    assert found.gap is not None
    assert (found.left.value, found.right.value, found.gap.value) == (-1, 1, 2)
    assert found.gap.error < 1e-12
    smooth = slopes(math.sin, 0.3)
    assert smooth.gap is not None
    assert abs(smooth.gap.value) <= 10 * smooth.gap.error


def test_nearest_says_what_still_counts_as_the_point() -> None:
    near = slopes(abs, 1e-9, nearest=1e-6)
    assert near.gap is not None
    assert near.gap.value == pytest.approx(2)
    far = slopes(abs, 1e-9)
    assert far.gap is not None
    assert far.gap.value == 0


def test_jump_is_found_and_a_steep_slope_is_none() -> None:
    assert slopes(math.floor, 2.0).jump == 1
    assert slopes(lambda x: 3.0 if x >= 0 else 1.0, 0.0).jump == 2
    for function, x in ((math.tan, 1.5707964), (defined(math.sqrt), 0.0), (abs, 0.0), (lambda x: 1e12 * x, 0.0)):
        assert slopes(function, x).jump == 0


def test_function_that_is_defined_on_one_side() -> None:
    found = slopes(defined(lambda x: x * math.sqrt(x)), 0.0)
    assert (found.center, found.left) == (None, None)
    assert found.right is not None
    assert found.right.value == pytest.approx(0, abs=1e-5)
    assert slopes(math.sin, math.inf) == Slopes(None, None, None, None, None, None, 0.0, 0.0)


# --- verdicts ----------------------------------------------------------------------------------------------------

AGREE = [
    ("log(x**2 + y**2)", {"x": 15, "y": 24}, {"x": 30 / 801, "y": 48 / 801}),
    ("tan(1 + x**2)", {"x": 1}, {"x": 2 / math.cos(2) ** 2}),
    ("(x - 1.1)**2", {"x": 1.1}, {"x": 0}),  # 1.1 is another number in float64, and the minimum is where it was
    ("(1 - x)**2 + 100*(y - x**2)**2", {"x": 1, "y": 1}, {"x": 0, "y": 0}),
    ("1/(x - 1)", {"x": 1.0000001}, {}),
    ("tan(x)", {"x": "pi/2"}, {}),
    ("floor(x)*x", {"x": 2.5}, {"x": 2}),
    ("x % 2", {"x": 3.5}, {"x": 1}),
    ("x**3", {"x": 1e-10}, {"x": 3e-20}),
    ("exp(x) - 2*x", {"x": 0.6931472}, {}),
    ("(x/3 - 0.7)**2", {"x": 2.1}, {}),
    ("(sqrt(x) - 1.3)**2", {"x": 1.69}, {}),
    ("(x**2 - 2)**2", {"x": 1.4142135}, {}),
    ("log(cosh(x*0.7 - 0.49))", {"x": 0.7}, {}),  # its value is 0 all around
    ("cos(x)", {"x": 3.1415927}, {}),
    ("reciprocal(x*y)*x", {"x": 0.9, "y": 2.3}, {"x": 0}),
    ("3*x + 0*y", {"x": 1, "y": 2}, {"x": 3, "y": 0}),
    ("relu(x)**2", {"x": 0}, {"x": 0}),
    ("float(x)**2", {"x": 3}, {"x": 6}),
    ("sum(float(x > 0.5) * x)", {"x": [0.2, 0.9]}, {"x[0]": 0, "x[1]": 1}),
    ("sum((relu(W @ [0.0, 1, 2, 3]) - [1, 1.2, 1.4])**2)", {"W": "rand(3, 4)"}, {"W[0,0]": 0}),
    ("sum(softmax(x, 0)*x**2)", {"x": "rand(20)"}, {}),
    ("logdet(A)", {"A": "eye(3)*2"}, {"A[0,0]": 0.5, "A[0,1]": 0}),
    ("trace(cholesky(A @ A.T + eye(2)))", {"A": [[1.0, 0.2], [0.3, 2.0]]}, {}),
    ("sum(cos(x)) + 1000*sum(y)", {"x": [1.0], "y": [2.0]}, {"y[0]": 1000}),
]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("expression", "values", "true"), AGREE, ids=[a[0] for a in AGREE])
def test_smooth_places_agree(expression: str, values: dict[str, Any], true: dict[str, float], dtype: str) -> None:
    found = check(expression, dtype, **values)
    assert found.verdict == "agree", found
    assert {r.verdict for r in found.rows} == {"agree"}
    by_label = {r.label: r for r in found.rows}
    for label, slope in true.items():
        assert by_label[label].differences == pytest.approx(slope, rel=1e-6, abs=1e-6)
        assert by_label[label].autograd == pytest.approx(slope, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_short_dtypes_agree_to_their_few_digits(dtype: str) -> None:
    found = row("sin(3*x)*x", dtype, x=0.7)
    assert found.verdict == "agree"
    assert found.agreeing_digits is not None
    assert found.agreeing_digits <= 3


def test_three_columns() -> None:
    x = float(torch.tensor(0.3))
    found = row("exp(sin(x))", x=0.3)
    true = math.exp(math.sin(x)) * math.cos(x)
    leaf = torch.tensor(0.3, requires_grad=True)
    torch.exp(torch.sin(leaf)).backward()
    assert leaf.grad is not None
    assert found.autograd == leaf.grad.item()
    assert found.symbolic == pytest.approx(true, rel=1e-15)
    assert found.differences == pytest.approx(true, rel=1e-10)
    assert found.differences != found.symbolic
    assert found.relative_error == pytest.approx(abs(found.autograd - true) / max(found.autograd, true), rel=1e-6)
    assert found.agreeing_digits == 7
    assert (found.left, found.right, found.doubt, found.reason) == (None, None, "", "")


def test_digits_are_those_that_agree() -> None:
    found = row("tan(1 + x**2)", x=0.7555)
    assert found.relative_error is not None
    assert found.agreeing_digits == math.floor(-math.log10(found.relative_error)) == 3
    assert check("x**2", "float64", x=3).message == "1 of 1 agree, to at least 16 digits"


def test_no_formula_leaves_two_columns() -> None:
    found = check("sum(x**2)", x=[1.0, 2.0]).rows
    assert [r.symbolic for r in found] == [None, None]
    assert [r.label for r in found] == ["x[0]", "x[1]"]
    assert [r.doubt for r in found] == ["", ""]


KINKS = [
    ("relu(x)", {"x": 0}, 0, 1, 0),
    ("relu(x - 1.1)", {"x": 1.1}, 0, 1, 0),  # in float32 too: at the float32 beside 1.1
    ("relu(3*x - 0.3)", {"x": 0.1}, 0, 3, None),  # within rounding of the kink
    ("abs(x)", {"x": 0}, -1, 1, 0),
    ("leaky_relu(x)", {"x": 0}, 0.01, 1, 0.01),
    ("clamp(x, 0, 1)", {"x": 1}, 1, 0, None),  # versions of PyTorch differ
    ("hardtanh(x)", {"x": 1}, 1, 0, 0),
    ("x*sign(x)", {"x": 0}, -1, 1, 0),
    ("abs(x) + 100*x", {"x": 0}, 99, 101, 100),
    ("where(x > 1, 2*x, x + 1)", {"x": 1}, 1, 2, 1),
]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("expression", "values", "left", "right", "chosen"), KINKS, ids=[k[0] for k in KINKS])
def test_kink_shows_both_slopes_and_what_torch_chose(
    expression: str, values: dict[str, Any], left: float, right: float, chosen: float | None, dtype: str
) -> None:
    found = row(expression, dtype, **values)
    assert (found.verdict, found.doubt) == ("kink", "")
    assert found.left == pytest.approx(left, abs=1e-5)
    assert found.right == pytest.approx(right, abs=1e-5)
    choices = [left, right] if chosen is None else [chosen]
    assert any(found.autograd == pytest.approx(choice, rel=1e-6) for choice in choices)
    assert (found.relative_error, found.agreeing_digits) == (None, None)
    expected = f"the slope is {found.left:.6g} on the left and {found.right:.6g} on the right; PyTorch chose "
    assert found.reason == f"{expected}{found.autograd:.6g}"
    assert check(expression, dtype, **values).verdict == "agree"


def test_tie_of_a_maximum_is_a_kink_for_each() -> None:
    found = check("maximum(x, y)", x=1, y=1)
    assert found.message == "2 of 2 at a kink"
    assert [(r.left, r.autograd, r.right) for r in found.rows] == [(0, 0.5, 1), (0, 0.5, 1)]
    found = check("max(x)", x=[1.0, 1.0, 0.0])
    assert [r.verdict for r in found.rows] == ["kink", "kink", "agree"]


def test_kink_where_torch_chose_neither_side_nor_between_is_a_disagreement() -> None:
    # 3*relu(x) - relu(-x) has the slopes 1 and 3; PyTorch takes 0 twice.
    found = row("3*relu(x) - relu(-x)", x=0)
    assert (found.verdict, found.doubt) == ("disagree", "autograd")
    assert found.reason == "the slope is 1 on the left and 3 on the right, and PyTorch's 0 is not between them"


DISAGREE = [
    # PyTorch takes 0 at both kinks, and the sum is x itself.
    (
        "relu(x) - relu(-x)",
        {"x": 0},
        1.0,
        "PyTorch's choice at a kink inside: next to this point autograd also gives 1",
    ),
    # The trap of where: 0 * inf from the branch that is not chosen.
    ("where(x > 0, sqrt(x), 0*x)", {"x": -1}, 0.0, "autograd computes 0 * inf or inf - inf along the way"),
    ("x*sqrt(x)", {"x": 0}, 0.0, "autograd computes 0 * inf or inf - inf along the way"),
    ("x*detach(x)", {"x": 3}, 6.0, "detach blocks part of the gradient, on purpose"),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("expression", "values", "true", "reason"), DISAGREE, ids=[d[0] for d in DISAGREE])
def test_gradient_that_is_no_slope_is_doubted(
    expression: str, values: dict[str, Any], true: float, reason: str, dtype: str
) -> None:
    found = row(expression, dtype, **values)
    assert (found.verdict, found.doubt) == ("disagree", "autograd")
    assert found.reason.startswith(reason)
    known = found.differences if found.symbolic is None else found.symbolic
    assert known == pytest.approx(true, abs=1e-9)


def test_cancellation_in_float32_is_autograds_fault() -> None:
    x = float(torch.tensor(1e-3))
    found = row("(1 - cos(x))/x**2", x=1e-3)
    assert found.autograd is not None
    assert abs(found.autograd) > 1  # the derivative is -x/12
    assert found.symbolic == pytest.approx(-x / 12 + x**3 / 180, rel=1e-12)
    assert found.differences == pytest.approx(-x / 12, rel=1e-4)
    assert (found.verdict, found.doubt) == ("disagree", "autograd")
    assert found.reason.startswith("terms cancel, and float32 has too few digits: autograd in float64 gives -8.3")


def test_cancellation_in_float64_is_autograds_fault_too() -> None:
    found = row("(1 - cos(x))/x**2", "float64", x=1e-6)
    assert found.symbolic == pytest.approx(-1e-6 / 12, rel=1e-9)
    assert (found.verdict, found.doubt) == ("disagree", "autograd")
    assert found.reason == "terms cancel, and float64 has too few digits"


def test_formula_is_believed_where_differences_cannot_tell() -> None:
    found = row("(1 - cos(x))/x**2", "float64", x=1e-3)
    assert found.symbolic == pytest.approx(-1e-3 / 12 + 1e-9 / 180, rel=1e-12)
    assert (found.verdict, found.doubt) == ("disagree", "autograd")
    assert found.agreeing_digits == 3


def test_cancellation_without_a_formula_is_found_by_differences() -> None:
    found = check("sum((1 - cos(x))/x**2)", x=[1e-3, 1.0])
    assert [(r.verdict, r.doubt) for r in found.rows] == [("disagree", "autograd"), ("agree", "")]
    assert found.message == "1 of 2 agree, to at least 6 digits; 1 of 2 disagree"


def test_cancellation_that_hides_the_slope_from_differences_is_their_fault() -> None:
    found = row("x + 1e20", x=1)
    assert (found.autograd, found.symbolic) == (1, 1)
    assert (found.verdict, found.doubt) == ("agree", "differences")
    assert found.reason == "terms cancel: the value changes by less than its rounding error"


def test_pole_that_the_steps_cannot_resolve_is_the_fault_of_differences() -> None:
    found = row("tan(x)", "float64", x="pi/2")
    assert found.symbolic == pytest.approx(1 / math.cos(math.pi / 2) ** 2, rel=1e-12)
    assert (found.verdict, found.doubt) == ("agree", "differences")
    assert found.reason == "the function is steep here, as near a pole: the difference steps are too large"


def test_pole_that_float32_cannot_resolve_is_autograds_fault() -> None:
    found = row("tan(1 + x**2)", x=0.755512)
    assert (found.verdict, found.doubt) == ("disagree", "autograd")
    assert found.reason.startswith(
        "the function is steep here, as near a pole, and float32 has too few digits: autograd in"
    )
    assert row("tan(1 + x**2)", "float64", x=0.755512).verdict == "agree"


def test_formula_that_says_nothing_at_the_point_is_doubted_alone() -> None:
    found = check("x**y", x=0, y=2).rows[0]
    assert (found.autograd, found.differences, found.symbolic) == (0, 0, None)
    assert (found.verdict, found.doubt) == ("agree", "symbolic")
    assert found.reason == ("the formula has no value at this point, a branch boundary or a division of 0 by 0")


def test_derivative_that_torch_computes_roughly_is_found() -> None:
    # PyTorch 2.13 multiplies by 1/6 in float32, also in float64.
    found = row("hardsigmoid(x)", "float64", x=0.37)
    assert (found.verdict, found.doubt, found.agreeing_digits) == ("disagree", "autograd", 7)
    assert found.reason == "PyTorch computes this derivative less accurately than float64 allows"


def test_formula_that_disagrees_with_the_two_others_is_doubted() -> None:
    # 0.1*(x > 0) is a float32 tensor in PyTorch, whatever x is: 0.1 has eight digits there.
    found = row("1000*(0.1*(x > 0) - 0.0999999)*x", "float64", x=1)
    assert (found.verdict, found.doubt) == ("disagree", "symbolic")
    assert found.reason == "autograd and finite differences agree, but the formula does not"
    assert found.autograd == pytest.approx(found.differences, rel=1e-9)


def test_slope_beyond_the_dtype_is_said() -> None:
    found = row("exp(60*x)*1e12", x=1)
    assert (found.autograd, found.verdict, found.doubt) == (math.inf, "disagree", "autograd")
    assert found.reason == "the slope is 6.85204e+39, which exceeds the range of float32"


UNDEFINED = [
    ("log(x)", -1, "the value is nan here"),
    ("1/x", 0, "the value is inf here"),
    ("floor(x) + x", 2, "the value jumps by 1 here, so there is no slope; PyTorch returns 1"),
    ("sqrt(x)", 0, "the slope is infinite here"),
    ("sqrt(abs(x))", 0, "a cusp: the slope goes to -inf on the left and to inf on the right"),
]


@pytest.mark.parametrize(("expression", "x", "reason"), UNDEFINED)
def test_where_there_is_no_slope_nothing_is_judged(expression: str, x: float, reason: str) -> None:
    found = check(expression, x=x)
    assert found.verdict == "unclear"
    assert found.message == "1 of 1 undefined"
    (only,) = found.rows
    assert (only.verdict, only.doubt, only.reason) == ("undefined", "", reason)
    assert (only.differences, only.relative_error, only.agreeing_digits) == (None, None, None)


def test_function_with_one_side_is_checked_on_that_side() -> None:
    found = check("sum(where(x >= 0, x, nan))", x=[0.0]).rows[0]
    assert (found.verdict, found.reason) == ("agree", "the function is defined only on the right")
    assert (found.left, found.right, found.differences) == (None, 1, None)


def test_nothing_to_confirm_with_is_said() -> None:
    found = check("sum(x) + 1e20", x=[1.0])  # in many digits the value does change
    assert (found.rows[0].verdict, found.rows[0].differences) == ("agree", 1)
    found = check("trace(inverse(A)) + 1e20", A=[[1.0]])
    assert found.verdict == "unclear"
    assert (found.rows[0].verdict, found.rows[0].doubt) == ("unconfirmed", "differences")
    assert found.message == "1 of 1 unconfirmed"


def test_zero_within_rounding_has_no_agreeing_digits() -> None:
    found = row("exp(x) - 2*x", x=0.6931472)
    assert (found.verdict, found.agreeing_digits) == ("agree", None)
    assert found.reason == "zero within float32 rounding"
    assert check("exp(x) - 2*x", x=0.6931472).message == "1 of 1 agree"


def test_variable_without_a_path_is_checked_as_zero() -> None:
    found = check("detach(x) + y", x=1, y=2)
    assert [(r.autograd, r.verdict) for r in found.rows] == [(None, "disagree"), (1, "agree")]
    found = check("floor(x) + y", x=1.5, y=2)
    assert [r.verdict for r in found.rows] == ["agree", "agree"]


def test_only_the_variables_of_wrt_are_checked() -> None:
    assert [r.label for r in check("x*y", wrt=("y",), x=1, y=2).rows] == ["y"]


def test_variables_that_are_no_floats_stay_what_they_are() -> None:
    found = check("sum(index_select(x, 0, i)**2)", wrt=("x",), x=[1.0, 2.0, 3.0], i="arange(2, dtype=int64)")
    assert [r.differences for r in found.rows] == pytest.approx([2, 4, 0])
    assert check("x*sum(m)", wrt=("x",), x=3, m="ones(2) > 0").rows[0].symbolic == 2


def test_gradient_of_a_tensor_that_is_not_contiguous() -> None:
    assert check("sum(x * [[1, 2, 3], [4, 5, 6]])", x="rand(3, 2).T").verdict == "agree"


def test_random_numbers_cannot_be_checked() -> None:
    with pytest.raises(gdcli.GdcliError) as error:
        check("x*sum(rand(3))", x=1)
    assert error.value.message == "the gradient cannot be checked if each evaluation draws new random numbers"
    assert error.value.hint == 'draw them once, as the value of a variable: --r "rand(3)"'
    assert check("x*sum(r)", wrt=("x",), x=1, r="rand(3)").verdict == "agree"


def test_too_many_unknowns_are_refused() -> None:
    with pytest.raises(gdcli.GdcliError, match="a check of 1,001 unknowns takes too long; at most 1,000 are allowed"):
        check("sum(x)", x="zeros(1001)")


# --- the function to compare with --------------------------------------------------------------------------------

REFERENCES = [
    ("x*1.1 + 1", "float32", {"x": 2.0}, 2 * float(torch.tensor(1.1)) + 1),
    ("x*1.1 + 1", "float64", {"x": 2.0}, 3.2),
    ("float(x)*x", "float64", {"x": 0.1}, 0.1**2),
    ("half(x) + to(x, torch.float32)", "float64", {"x": 0.1}, 0.2),
    ("float(x > 0.05)/3", "float64", {"x": 0.1}, 1 / 3),
    ("to(x, torch.int64) + x", "float64", {"x": 1.7}, 2.7),
    ("-[x, 0.1][1] + sum(stack([x, 2*x]))", "float64", {"x": 1.0}, 2.9),
    ("1e300*x", "float32", {"x": 0.0}, 0.0),
]


@pytest.mark.parametrize(("expression", "dtype", "values", "expected"), REFERENCES)
def test_reference_is_the_same_function_in_float64(
    expression: str, dtype: str, values: dict[str, float], expected: float
) -> None:
    made = reference(gdcli.parse(expression), getattr(torch, dtype))
    point = [torch.tensor(values[name], dtype=torch.float64) for name in made.variables]
    assert build(made, Environment(torch.float64))(*point).item() == pytest.approx(expected, rel=1e-15)


def test_precision_is_that_of_the_coarsest_conversion() -> None:
    coarsest = {
        "x": torch.float64,
        "float(x)": torch.float32,
        "half(x) + float(x)": torch.float16,
        "to(x, torch.int64) + x": torch.float64,
        "to(x, torch.bfloat16)": torch.bfloat16,
    }
    for expression, expected in coarsest.items():
        assert precision(gdcli.parse(expression), torch.float64) == expected


# --- the commands ------------------------------------------------------------------------------------------------


def test_table_of_a_check(run: Run) -> None:
    done = run("grad", "log(x**2+y**2)", "--x", "15", "--y", "24", "--check")
    assert done.code == 0
    assert done.out.endswith(
        "check\n"
        "     autograd   differences     formula   rel. error   digits   verdict\n"
        "───────────────────────────────────────────────────────────────────────\n"
        "x   0.0374532     0.0374532   0.0374532      3.9e-08        7   agree\n"
        "y   0.0599251     0.0599251   0.0599251        1e-08        7   agree\n"
        "2 of 2 agree, to at least 7 digits\n"
    )


def test_exact_digits_stand_below_each_other(run: Run) -> None:
    done = run("grad", "log(x**2+y**2)", "--x", "15", "--y", "24", "--check", "--digits", "17")
    assert "\nx  verdict      agree\n   autograd     0.03745318204164505\n   differences  0.0374531835206" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_disagreement_is_exit_code_3_and_says_why(run: Run) -> None:
    done = run("grad", "(1 - cos(x))/x**2", "--x", "1e-3", "--check")
    assert done.code == 3
    shown = " ".join(done.out.split())
    assert "x: do not trust autograd: terms cancel, and float32 has too few digits: autograd in float64" in shown
    assert done.out.endswith("1 of 1 disagree\n")
    assert run("grad", "(1 - cos(x))/x**2", "--x", "1e-3", "--check", "--json").code == 3


def test_kink_is_exit_code_0(run: Run) -> None:
    done = run("grad", "abs(x)", "--x", "0", "--check")
    assert done.code == 0
    assert "x: the slope is -1 on the left and 1 on the right; PyTorch chose 0\n1 of 1 at a kink\n" in done.out


@pytest.mark.slow
def test_of_many_rows_those_that_agree_are_left_out(run: Run) -> None:
    many = run("grad", "sum(abs(x))", "--x", "linspace(-1, 1, 201)", "--check", "--quiet").out.splitlines()
    rows = [line.split()[0] for line in many[many.index("check") :] if line.startswith("x[")]
    assert rows == ["x[100]", "x[100]:"]
    assert "200 rows left out (--json has them)" in many
    assert many[-1].endswith("1 of 201 at a kink")
    smooth = run("grad", "sum(x**2)", "--x", "linspace(-1, 1, 201)", "--check", "--quiet").out.splitlines()
    assert "181 rows left out (--json has them)" in smooth


@pytest.mark.slow
def test_minimize_checks_its_start_and_its_end(run: Run) -> None:
    document = run("minimize", "--steps", "3", "--check", "--json").json()
    assert list(document["checks"]) == ["start", "end"]
    for name, step in (("start", document["iterations"][0]), ("end", document["result"])):
        (only,) = document["checks"][name]["rows"]
        assert only["autograd"] == step["grads"]["x"]
        assert only["symbolic"] == 2 * (step["values"]["x"] - 1.5)
        assert only["verdict"] == "agree"
    assert "checks" not in run("minimize", "--steps", "3", "--json").json()


def test_minimize_shows_both_checks(run: Run) -> None:
    for walk in ([], ["--walk"]):
        done = run("minimize", "--steps", "3", "--check", *walk)
        assert done.code == 0
        start, end = done.out.split("\ncheck at the start\n")[1].split("\ncheck at the end\n")
        assert start.splitlines()[2].split() == ["x", "5", "5", "5", "0", "7", "agree"]
        assert end.splitlines()[2].split() == ["x", "2.56", "2.56", "2.56", "0", "7", "agree"]


def test_minimize_streams_the_checks_in_its_last_line(run: Run) -> None:
    lines = run("minimize", "--steps", "3", "--check", "--jsonl").lines()
    assert [line["record"] for line in lines] == ["settings", "step", "step", "step", "result"]
    assert lines[-1]["checks"]["end"]["verdict"] == "agree"


def test_minimize_with_a_doubtful_gradient_is_exit_code_3(run: Run) -> None:
    done = run("minimize", "(1 - cos(x))/x**2", "--x", "0.001", "--steps", "2", "--lr", "0", "--check")
    assert done.code == 3
    assert done.out.count("do not trust autograd") == 2


def test_minimize_checks_a_descent_that_diverged(run: Run) -> None:
    document = run("minimize", "x**4", "--x", "1e5", "--lr", "1", "--steps", "20", "--check", "--json").json()
    assert document["status"] == "diverged"
    assert document["result"]["loss"] is None
    assert document["checks"]["start"]["verdict"] == "agree"
    end = document["checks"]["end"]
    x = document["result"]["values"]["x"]
    assert end["lost"]["message"].startswith(f"the value is {x**4:.6g}, beyond the range of float32")
    assert end["lost"]["value"] == pytest.approx(x**4, rel=1e-14)
    assert end["rows"][0]["reason"].endswith(f"the slope is {4 * x**3:.6g}, which exceeds the range of float32")


def test_minimize_checks_each_run_of_a_descent() -> None:
    descent = gdcli.minimize(steps=2, check=True)
    first, second = descent.result(), descent.result()
    assert first.checks == second.checks
    assert isinstance(first.checks, dict)
    assert first.checks["end"].rows[0].autograd == first.result.grads["x"]


def test_minimize_with_a_variable_that_stays(run: Run) -> None:
    words = ("minimize", "sum((x - a)**2)", "--x", "0,0", "--a", "1,2", "--wrt", "x", "--steps", "2", "--check")
    document = run(*words, "--json").json()
    assert [r["label"] for r in document["checks"]["end"]["rows"]] == ["x[0]", "x[1]"]


def test_minimize_refuses_what_cannot_be_checked_before_it_runs(run: Run) -> None:
    random = run("minimize", "sum((x - rand(3))**2)", "--x", "1", "--check", "--steps", "1000000")
    assert (random.code, random.out) == (2, "")
    assert "draws new random numbers" in random.err
    csv = run("minimize", "--check", "--csv")
    assert (csv.code, csv.out) == (2, "")
    assert csv.err == (
        "error: the checks of --check cannot be printed as CSV\nhint: use --json, --jsonl or the table\n"
    )


def test_documents_fit_the_schema(run: Run) -> None:
    document = run("grad", "abs(x)", "--x", "0", "--check", "--json").json()
    assert document["check"]["rows"] == [
        {
            "label": "x", "autograd": 0, "differences": 0, "symbolic": None, "left": -1, "right": 1,
            "relative_error": None, "agreeing_digits": None, "verdict": "kink", "doubt": "",
            "reason": "the slope is -1 on the left and 1 on the right; PyTorch chose 0",
        }
    ]  # fmt: skip
    trap = run("grad", "where(x > 0, sqrt(x), 0*x)", "--x", "-1", "--check", "--json")
    assert trap.code == 3
    assert trap.json()["check"]["rows"][0]["autograd"] is None


def test_csv_holds_the_rows(run: Run) -> None:
    done = run("grad", "x**2", "--x", "3", "--check", "--csv")
    assert done.out.splitlines() == [
        "label,autograd,differences,symbolic,left,right,relative_error,agreeing_digits,verdict,doubt,reason",
        "x,6.0,6.0,6.0,,,0.0,7,agree,,",
    ]
