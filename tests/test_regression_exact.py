"""The columns of a regression and its exact answer, against rational arithmetic, mpmath, and PyTorch's own losses."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import pytest
import torch
from torch.nn import functional

import gdcli
from gdcli.contract.regression import RegressionSettings
from gdcli.data.rows.rows import open_rows
from gdcli.errors import ExpressionError, GdcliError
from gdcli.regression import double_double as dd
from gdcli.regression.agreement import digits
from gdcli.regression.conditioning import (
    largest_eigenvalue,
    raw_condition,
    spectrum,
    standardized_condition,
    steps_by_simulation,
    steps_by_theory,
)
from gdcli.regression.design import Design
from gdcli.regression.held_apart import kept_apart
from gdcli.regression.learn import learn
from gdcli.regression.moments import Moments
from gdcli.regression.solve import solve

ROWS = 240


def numbers(seed: int) -> dict[str, list[float]]:
    """Columns of very different sizes, of which d depends on a; y is a sum of them with noise, and c is 0 or 1."""
    draw = random.Random(seed)
    a = [draw.gauss(50, 3) for _ in range(ROWS)]
    b = [draw.gauss(0.01, 0.002) for _ in range(ROWS)]
    d = [2e4 * value + draw.gauss(0, 5e3) for value in a]
    y = [0.3 * p - 400 * q + 1e-4 * r + draw.gauss(0, 1) for p, q, r in zip(a, b, d, strict=True)]
    chance = [1 / (1 + math.exp(-(p - 50) / 3 - 300 * (q - 0.01))) for p, q in zip(a, b, strict=True)]
    return {"a": a, "b": b, "d": d, "y": y, "c": [float(draw.random() < p) for p in chance]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write("data.csv", numbers(0))
    return tmp_path


def write(name: str, columns: dict[str, Sequence[Any]]) -> None:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    Path(name).write_text("\n".join(lines) + "\n")


def chosen(**options: Any) -> RegressionSettings:
    how = {"target": "y", "features": ["a", "b", "d"]} | options
    return RegressionSettings(data=["data.csv"], **how)


def learned(**options: Any) -> tuple[Design, RegressionSettings]:
    settings = chosen(**options)
    return learn(open_rows(settings.data), settings), settings


def joined(design: Design, **how: Any) -> tuple[torch.Tensor, torch.Tensor]:
    parts = list(design.batches(**how))
    return torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])


# Arithmetic


def test_double_double_sums_and_products_have_31_digits() -> None:
    draw = torch.Generator().manual_seed(1)
    a, b, c, d = torch.randn(4, 999, generator=draw, dtype=torch.float64)
    p, q = dd.two_sum(a, b * 1e-17), dd.two_sum(c, d * 1e-17)
    exact_p, exact_q = dd.fractions(p), dd.fractions(q)
    pairs = list(zip(exact_p, exact_q, strict=True))
    for found, right in ((dd.add(p, q), [x + y for x, y in pairs]), (dd.multiply(p, q), [x * y for x, y in pairs])):
        for value, exact in zip(dd.fractions(found), right, strict=True):
            assert abs(value - exact) <= Fraction(1, 10**31) * max(abs(exact), Fraction(1, 10**3))
    total = dd.dot(p, q)
    right = sum(x * y for x, y in pairs)
    assert abs(Fraction(float(total.high)) + Fraction(float(total.low)) - right) < Fraction(1, 10**28) * abs(right)


def test_two_product_has_no_error() -> None:
    a = torch.tensor([1 / 3, 1e150, -7.1e-120, 2.0**53 - 1], dtype=torch.float64)
    b = torch.tensor([3.3, 1.7e100, 1e-90, 2.0**53 - 1], dtype=torch.float64)
    right = [Fraction(x) * Fraction(y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert dd.fractions(dd.two_product(a, b)) == right


@pytest.mark.parametrize("size", [1, 7, 100])
def test_moments_of_batches_are_those_of_all_rows(size: int) -> None:
    draw = torch.Generator().manual_seed(2)
    columns = torch.randn(3, 100, generator=draw, dtype=torch.float64) + torch.tensor([[1e9], [0.0], [-5.0]])
    columns[1, ::3] = torch.nan
    found = Moments.none(3)
    for part in columns.split(size, 1):
        found = found.joined(Moments.of(part))
    for k, column in enumerate(columns):
        here = [Fraction(value) for value in column.tolist() if not math.isnan(value)]
        mean = sum(here) / len(here)
        spread = math.sqrt(sum((value - mean) ** 2 for value in here) / len(here))
        assert float(found.mean[k]) == pytest.approx(float(mean), rel=1e-15)
        assert float(found.scale()[k]) == pytest.approx(spread, rel=1e-15 * (100 + abs(mean) / spread))
        assert (float(found.least[k]), float(found.most[k])) == (min(here), max(here))


@pytest.mark.parametrize("share", [0.1, 0.2, 0.25, 0.3, 1 / 3, 0.5, 0.7, 0.9])
def test_rows_kept_apart_are_the_share_of_every_part_of_the_file(share: float) -> None:
    apart = kept_apart(0, 3_000, share, seed=5)
    for start in range(0, 3_000, 100):
        assert abs(int(apart[start : start + 100].sum()) - 100 * share) < 1.5
    in_parts = torch.cat([kept_apart(start, 7, share, seed=5) for start in range(0, 2_996, 7)])
    assert torch.equal(apart[:2_996], in_parts)
    assert not torch.equal(apart, kept_apart(0, 3_000, share, seed=6))


@pytest.mark.slow
def test_each_row_is_kept_apart_as_often_as_the_others() -> None:
    counts = sum(kept_apart(0, 50, 0.2, seed=seed).int() for seed in range(4_000))
    assert isinstance(counts, torch.Tensor)
    assert int(counts.min()) > 650  # 800 are expected, with a deviation of 25
    assert int(counts.max()) < 950


# Columns


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["intercept", "a", "b", "d"]),
        ({"intercept": False}, ["a", "b", "d"]),
        ({"features": [], "exclude": ["c", "d"]}, ["intercept", "a", "b"]),
        ({"features": ["b"], "poly": {"b": 3}}, ["intercept", "b", "b**2", "b**3"]),
        ({"features": ["b"], "feature": ["log(a)", "a*b"]}, ["intercept", "b", "log(a)", "a*b"]),
        ({"features": ["a"], "categorical": ["c"]}, ["intercept", "a", "c[1.0]"]),
        ({"features": ["a"], "categorical": ["c"], "intercept": False}, ["a", "c[0.0]", "c[1.0]"]),
    ],
)
def test_names_of_coefficients(folder: Path, options: dict[str, Any], names: list[str]) -> None:
    assert learned(**options)[0].names == names


@pytest.mark.parametrize("size", [7, 1000])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"intercept": False},
        {"features": ["a"], "poly": {"a": 4}},
        {"features": ["a"], "poly": {"a": 3}, "intercept": False},
        {"features": ["b"], "feature": ["log(a)"], "categorical": ["c"]},
    ],
)
def test_columns_are_standardized(folder: Path, options: dict[str, Any], size: int) -> None:
    design, settings = learned(**options)
    x, _ = joined(design, size=size)
    center = x.mean(0) if settings.intercept else torch.zeros(x.shape[1])
    assert float(center.abs().max()) < 1e-13
    first = [k for k, term in enumerate(design.layout.terms) if term.degree == 1 or settings.intercept]
    assert torch.allclose((x[:, first] ** 2).mean(0), torch.ones(len(first), dtype=torch.float64), atol=1e-12)


def test_raw_columns_are_the_numbers_of_the_file(folder: Path) -> None:
    design, _ = learned(standardize=False, feature=["a*b"], poly={"d": 2})
    columns = numbers(0)
    a, b, d = (torch.tensor(columns[name], dtype=torch.float64) for name in "abd")
    x, y = joined(design, size=50)
    assert torch.equal(x, torch.stack([a, b, d, d * d, a * b], 1))
    assert torch.equal(y, torch.tensor(columns["y"], dtype=torch.float64))


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
def test_coefficients_of_the_data_predict_what_those_of_the_descent_do(
    folder: Path, *, standardize: bool, intercept: bool
) -> None:
    """Of powers too; the predictions by the coefficients of the data in rational arithmetic."""
    options = {"features": ["a"], "poly": {"a": 4}, "categorical": ["c"], "standardize": standardize}
    design, _ = learned(**options, intercept=intercept)
    draw = random.Random(3)
    w = [draw.gauss(0, 1) / (1 if standardize else 50**k) for k in range(design.width)]
    b = 2.5 if intercept else 0.0
    coefficients = dict(zip(design.names, map(Fraction, design.to_units(w, b)), strict=True))
    x, _ = joined(design)
    shown = x @ torch.tensor(w, dtype=torch.float64) + b
    columns = numbers(0)
    for value, a, c in zip(shown.tolist(), columns["a"], columns["c"], strict=True):
        terms = [coefficients.get("intercept", Fraction(0)), coefficients["a"] * Fraction(a)]
        terms += [coefficients[f"a**{k}"] * Fraction(a) ** k for k in (2, 3, 4)]
        terms += [coefficients.get(f"c[{c}]", Fraction(0))]
        size = max(abs(float(term)) for term in terms)  # the rounded coefficients cancel
        assert float(sum(terms)) == pytest.approx(value, abs=1e-14 * size + 1e-12)
    back, lead = design.from_units(design.to_units(w, b))
    assert back == pytest.approx(w, rel=1e-6)  # they cancel on the way back
    assert lead == pytest.approx(b, rel=1e-6)


def test_a_saved_design_transforms_other_data_as_the_first(folder: Path) -> None:
    design, _ = learned(features=["a"], poly={"a": 2}, feature=["sqrt(b)"], categorical=["c"])
    other = Design.from_dict(design.as_dict())
    assert other.layout == design.layout
    rows = open_rows(["data.csv"])
    numbers_, texts = [n for n in other.layout.numbers if n != "y"], other.layout.texts
    found = torch.cat([other.transform(batch)[0] for batch in rows.batches(numbers_, texts, size=50)])
    assert torch.equal(found, joined(design)[0])


def test_missing_cells(folder: Path) -> None:
    a: list[Any] = [1.0, 2.0, "", 4.0, 6.0, "NA"]
    c = ["u", "v", "u", "", "v", "u"]
    write("data.csv", {"a": a, "c": c, "y": [1.0, 2.0, 3.0, 4.0, "", 6.0]})
    how: dict[str, Any] = {"features": ["a"], "categorical": ["c"], "standardize": False}
    with pytest.raises(GdcliError, match=r"cells are missing: column 'a' has 2, 'y' has 1, 'c' has 1"):
        learned(**how)
    design, _ = learned(missing="drop", **how)
    x, y = joined(design)
    assert (x.tolist(), y.tolist()) == ([[1, 0], [2, 1]], [1, 2])
    assert (design.sample.rows, design.sample.dropped) == (2, 4)
    with pytest.raises(GdcliError, match=r"cells are missing: column 'c' has 1") as caught:
        learned(missing="mean", **how)
    assert caught.value.hint == "leave out their rows with --missing drop; categories have no mean"
    how["categorical"] = []
    design, _ = learned(missing="mean", **how)
    x, y = joined(design, size=2)
    mean = 7 / 3  # of the rows that have a target
    assert x.tolist() == [[1], [2], [mean], [4], [mean]]
    assert y.tolist() == [1, 2, 3, 4, 6]


@pytest.mark.parametrize("intercept", [True, False])
def test_standardized_columns_with_means_in_their_gaps_have_the_standard_deviation_one(
    folder: Path, intercept: bool
) -> None:
    write("data.csv", {"a": [1.0, 2.0, "", 4.0, "NA", 9.0], "y": [1.0, 2.0, 3.0, 4.0, 5.0, ""]})
    design, _ = learned(features=["a"], missing="mean", intercept=intercept)
    x, _ = joined(design)
    assert float(x.square().mean()) == pytest.approx(1, rel=1e-14)
    if intercept:
        assert float(x.mean()) == pytest.approx(0, abs=1e-14)


_TWO = "hint: leave out --loss logistic to predict numbers; of two categories, add --categorical y"
_OTHERS = "depends on other rows, or on random numbers\nhint: a feature is computed of each row on its own"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "Y"}, "data.csv has no column 'Y' (--target)\nhint: did you mean 'y'?"),
        ({"features": ["aa"]}, "data.csv has no column 'aa' (--features)\nhint: did you mean 'a'?"),
        ({"features": ["a", "y"]}, "'y' is the target, so it cannot be a feature too"),
        ({"features": ["a", "a"]}, "--features names 'a' twice"),
        (
            {"features": ["a"], "exclude": ["a"]},
            "'a' is excluded, and named as a feature too\nhint: give one of the two options",
        ),
        (
            {"categorical": ["c"], "poly": {"c": 2}},
            "'c' is categorical, so it has no powers\nhint: leave out one of the options",
        ),
        (
            {"loss": "logistic"},
            f"the target 'y' of a logistic regression is 0 or 1, not {numbers(0)['y'][0]:.6g}\n" + _TWO,
        ),
        (
            {"feature": ["a - mean(a)"]},
            f"the feature 'a - mean(a)' of a row {_OTHERS}",
        ),
        (
            {"feature": ["a + rand(240)"]},
            f"the feature 'a + rand(240)' of a row {_OTHERS}",
        ),
    ],
)
def test_errors_of_columns(folder: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(GdcliError) as caught:
        learned(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("log(q)", "data.csv has no column 'q'", "q"),
        ("a + y", "the feature uses 'y', which is the target", "y"),
        ("exp(2)", "the feature is a constant: it has no column", "exp(2)"),
        ("z = a", "a feature is one expression, without statements", "z = a"),
    ],
)
def test_errors_of_features_have_a_place(folder: Path, text: str, message: str, marked: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        learned(feature=[text])
    start, end = caught.value.span
    assert (caught.value.message, text[start:end]) == (message, marked)


@pytest.mark.parametrize("level", [0.1, 1e100, -3.0])
def test_a_constant_column_is_named(folder: Path, level: float) -> None:
    write("data.csv", {"a": [1.0, 2.0, 3.0], "k": [level] * 3, "y": [1.0, 2.0, 4.0]})
    with pytest.raises(GdcliError, match="column 'k' is constant"):
        learned(features=["a", "k"])
    assert learned(features=["a", "k"], intercept=False)[0].names == ["a", "k"]


def test_a_power_that_is_constant_is_named(folder: Path) -> None:
    write("data.csv", {"a": [1.0, -1.0, 1.0, -1.0], "y": [1.0, 2.0, 4.0, 3.0]})
    with pytest.raises(GdcliError, match=r"the feature 'a\*\*2' is constant"):
        learned(features=["a"], poly={"a": 2})


# The exact answer


def loss_of(settings: RegressionSettings, x: torch.Tensor, y: torch.Tensor, w: torch.Tensor, b: Any) -> torch.Tensor:
    """The loss, with PyTorch's own functions."""
    shown = x @ w + b
    losses = {
        "mse": functional.mse_loss,
        "sum": lambda p, t: functional.mse_loss(p, t, reduction="sum"),
        "half-mse": lambda p, t: functional.mse_loss(p, t) / 2,
        "huber": functional.huber_loss,
        "logistic": functional.binary_cross_entropy_with_logits,
    }
    return losses[settings.loss](shown, y) + settings.l2 * (w * w).sum()


OBJECTIVES: list[dict[str, Any]] = [
    {},
    {"loss": "sum"},
    {"loss": "half-mse", "intercept": False},
    {"standardize": False},
    {"l2": 0.3},
    {"l2": 0.3, "loss": "sum"},
    {"l2": 0.02, "loss": "half-mse"},
    {"l2": 0.3, "intercept": False},
    {"l2": 0.3, "features": ["a"], "poly": {"a": 3}},
    {"l2": 1e-3, "standardize": False},
    {"loss": "huber"},
    {"loss": "huber", "l2": 0.1},
    {"loss": "huber", "intercept": False, "standardize": False},
    {"loss": "logistic", "target": "c"},
    {"loss": "logistic", "target": "c", "l2": 0.05},
    {"loss": "logistic", "target": "c", "standardize": False},
    {"l1": 0.4},
    {"l1": 0.4, "l2": 0.1},
    {"l1": 3.0, "loss": "half-mse"},
    {"l1": 40.0, "loss": "sum"},
    {"l1": 0.2, "intercept": False},
    {"l1": 100.0},
    {"l1": 0.05, "features": ["a"], "poly": {"a": 4}},
]


@pytest.mark.parametrize("options", OBJECTIVES, ids=str)
def test_the_slope_of_the_loss_is_zero_at_the_exact_answer(folder: Path, options: dict[str, Any]) -> None:
    design, settings = learned(**options)
    answer = solve(design, settings)
    assert answer.exact is not None
    x, y = joined(design)
    w = torch.tensor(answer.exact.w, dtype=torch.float64, requires_grad=True)
    b = torch.tensor(answer.exact.b, dtype=torch.float64, requires_grad=True)
    loss_of(settings, x, y, w, b).backward()
    assert w.grad is not None
    # What one rounding of each coefficient may leave: its Hessian is at most 2 X'X by the mean or the sum.
    rows = 1 if settings.loss == "sum" else len(y)
    allowed = 1e-15 * (x.abs().T @ (x.abs() @ w.detach().abs() + b.detach().abs() + y.abs())) * 2 / rows + 1e-12
    slope = w.grad
    if settings.l1:
        held = (slope.abs() - settings.l1).clamp(min=0)
        slope = torch.where(w.detach() == 0, held, slope + settings.l1 * w.detach().sign())
    assert bool((slope.abs() <= 20 * allowed).all())
    if settings.intercept:
        assert abs(float(b.grad or 0)) < 1e-11 * (1 if settings.loss != "sum" else ROWS)
    back = design.to_units(answer.exact.w, answer.exact.b)
    assert answer.exact.coefficients == pytest.approx(back, rel=1e-9)


@pytest.mark.parametrize("l1", [0.01, 0.4, 2.0, 5.0])
def test_lasso_keeps_at_zero_what_the_loss_does_not_need(folder: Path, l1: float) -> None:
    """Beside the best of all patterns of signs."""
    design, settings = learned(l1=l1)
    answer = solve(design, settings)
    assert answer.exact is not None
    x, y = joined(design)
    y = y - y.mean()
    gram, moment = 2 * x.T @ x / len(y), 2 * x.T @ y / len(y)
    candidates = []
    for pattern in itertools.product((-1.0, 0.0, 1.0), repeat=3):
        signs = torch.tensor(pattern, dtype=torch.float64)
        active = signs != 0
        w = torch.zeros(3, dtype=torch.float64)
        w[active] = torch.linalg.solve(gram[active][:, active], (moment - l1 * signs)[active])
        if torch.equal(w.sign(), signs):
            candidates.append(w)
    right = min(candidates, key=lambda w: float(((x @ w - y) ** 2).mean() + l1 * w.abs().sum()))
    assert [value == 0 for value in answer.exact.w] == [value == 0 for value in right.tolist()]
    assert answer.exact.w == pytest.approx(right.tolist(), abs=1e-10)


@pytest.mark.slow
def test_logistic_coefficients_and_their_errors_are_those_of_mpmath(folder: Path) -> None:
    """Newton's method with 50 digits, and the inverse of the information."""
    design, settings = learned(loss="logistic", target="c", features=["a", "b"])
    answer = solve(design, settings)
    assert answer.exact is not None
    assert answer.exact.standard_errors is not None
    columns = numbers(0)
    with mpmath.workdps(50):
        x = mpmath.matrix([[1, a, b] for a, b in zip(columns["a"], columns["b"], strict=True)])
        y = mpmath.matrix(columns["c"])
        v = mpmath.matrix([0, 0, 0])
        for _ in range(15):
            p = (x * v).apply(lambda t: 1 / (1 + mpmath.exp(-t)))
            weighted = mpmath.matrix([[x[i, j] * p[i] * (1 - p[i]) for j in range(3)] for i in range(ROWS)])
            information = x.T * weighted
            v = v + mpmath.lu_solve(information, x.T * (y - p))
        inverse = information**-1
        for k in range(3):
            assert digits(answer.exact.coefficients[k], float(v[k])) > 12
            assert digits(answer.exact.standard_errors[k], float(mpmath.sqrt(inverse[k, k]))) > 10


@pytest.mark.parametrize(
    "classes",
    [
        [0, 0, 0, 1, 1, 1],  # apart
        [0, 0, 0, 1, 0, 1],  # not apart
    ],
)
def test_separation_is_said_where_it_is(folder: Path, classes: list[int]) -> None:
    write("data.csv", {"a": [1, 2, 3, 4, 5, 6], "c": classes})
    design, settings = learned(loss="logistic", target="c", features=["a"])
    answer = solve(design, settings)
    is_apart = classes != [0, 0, 0, 1, 0, 1]
    assert ("separates the two classes" in answer.without) == is_apart
    assert (answer.exact is None) == is_apart
    with_penalty = chosen(loss="logistic", target="c", features=["a"], l2=0.1)
    assert solve(design, with_penalty).exact is not None


@pytest.mark.slow
def test_separation_is_said_exactly_where_one_column_separates(folder: Path) -> None:
    draw = random.Random(5)
    seen = set()
    for _ in range(60):
        size = draw.randint(3, 9)
        a, c = [draw.randint(0, 5) for _ in range(size)], [draw.randint(0, 1) for _ in range(size)]
        if len(set(a)) < 2 or len(set(c)) < 2:
            continue
        write("data.csv", {"a": a, "c": c})
        ones, zeros = ([x for x, k in zip(a, c, strict=True) if k == which] for which in (1, 0))
        is_apart = max(ones) <= min(zeros) or max(zeros) <= min(ones)
        answer = solve(*learned(loss="logistic", target="c", features=["a"]))
        assert ("separates the two classes" in answer.without, answer.exact is None) == (is_apart, is_apart)
        seen.add(is_apart)
    assert seen == {True, False}


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.1, 3, 60])
def test_huber_regression_of_any_spread(folder: Path, spread: float) -> None:
    """With few rows within delta or with all: the slope of PyTorch's loss is 0."""
    draw = random.Random(6)
    for _ in range(8):
        a = [draw.gauss(100, 10) for _ in range(41)]
        write("data.csv", {"a": a, "y": [x + draw.gauss(0, spread) for x in a]})
        design, settings = learned(loss="huber", features=["a"], poly={"a": 2})
        answer = solve(design, settings)
        assert answer.exact is not None
        x, y = joined(design)
        w = torch.tensor(answer.exact.w, dtype=torch.float64, requires_grad=True)
        b = torch.tensor(answer.exact.b, dtype=torch.float64, requires_grad=True)
        loss_of(settings, x, y, w, b).backward()
        assert w.grad is not None
        assert b.grad is not None
        assert float(w.grad.abs().max()) < 1e-11
        assert abs(float(b.grad)) < 1e-11


def test_a_huber_loss_that_is_flat_has_no_single_answer(folder: Path) -> None:
    write("data.csv", {"a": [-1.0, 1.0, -1.0, 1.0], "y": [10.0, 10.0, -10.0, -10.0]})
    assert "flat" in solve(*learned(loss="huber", features=["a"])).without


def test_classes_that_touch_at_one_value_are_separated(folder: Path) -> None:
    write("data.csv", {"a": [1, 2, 3, 3, 4, 5], "c": [0, 0, 0, 1, 1, 1]})
    design, settings = learned(loss="logistic", target="c", features=["a"])
    assert "separates the two classes" in solve(design, settings).without


def test_a_target_of_one_class_is_refused(folder: Path) -> None:
    write("data.csv", {"a": [1, 2, 3], "c": [1, 1, 1]})
    with pytest.raises(GdcliError, match="the target 'c' of a logistic regression is 1 in all rows"):
        learned(loss="logistic", target="c", features=["a"])


def test_a_target_of_two_categories(folder: Path) -> None:
    draw = random.Random(4)
    a = [draw.gauss(0, 1) for _ in range(100)]
    c = ["yes" if draw.random() < 1 / (1 + math.exp(-v)) else "no" for v in a]
    write("data.csv", {"a": a, "c": c, "n": [float(v == "yes") for v in c]})
    by_name = learned(loss="logistic", target="c", features=["a"], categorical=["c"])
    by_number = learned(loss="logistic", target="n", features=["a"])
    assert by_name[0].layout.target_levels == ("no", "yes")
    found, right = solve(*by_name).exact, solve(*by_number).exact
    assert found is not None
    assert right is not None
    assert found.coefficients == right.coefficients


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (
            {"a": [1, 2, 3], "b": [2, 4, 6], "y": [1, 3, 2]},
            {"features": ["a", "b"]},
            "the columns before 'b' determine it to 13 digits, so many answers are equally good",
        ),
        (
            {"a": [1, 2], "b": [2, 3.5], "y": [1, 3]},
            {"features": ["a", "b"]},
            "there are 2 rows for 3 coefficients, so many answers are equally good",
        ),
    ],
)
def test_an_answer_that_is_not_unique_is_not_given(
    folder: Path, columns: dict[str, list[float]], options: dict[str, Any], message: str
) -> None:
    if len(columns["a"]) == 3:
        columns = {name: [*column, column[0], column[1] + column[2]] for name, column in columns.items()}
    write("data.csv", columns)
    assert solve(*learned(**options)).without == message
    assert solve(*learned(**options, l2=0.1)).exact is not None


@pytest.mark.parametrize("seed", range(5))
def test_a_sum_of_columns_is_dependent_whatever_its_rounding(folder: Path, seed: int) -> None:
    columns = numbers(seed)
    columns["s"] = [0.1 * a + b for a, b in zip(columns["a"], columns["b"], strict=True)]
    write("data.csv", columns)
    answer = solve(*learned(features=["a", "b", "s", "d"]))
    assert answer.without == "the columns before 's' determine it to 13 digits, so many answers are equally good"


@pytest.mark.slow
@pytest.mark.parametrize("degree", [4, 10, 16])
def test_powers_are_exact_however_they_cancel(folder: Path, degree: int) -> None:
    """Every coefficient is the rational one of the numbers of the file, to one rounding or two."""
    draw = random.Random(9)
    x = [draw.uniform(2, 5) for _ in range(50)]
    y = [math.sin(3 * value) + draw.gauss(0, 0.01) for value in x]
    write("data.csv", {"x": x, "y": y})
    answer = solve(*learned(features=["x"], poly={"x": degree}))
    assert answer.exact is not None
    right = least_squares_of([[Fraction(value) ** k for k in range(degree + 1)] for value in x], list(map(Fraction, y)))
    for value, exact in zip(answer.exact.coefficients, right, strict=True):
        assert abs(Fraction(value) - exact) <= Fraction(1, 2**52) * abs(exact)


def least_squares_of(x: list[list[Fraction]], y: list[Fraction]) -> list[Fraction]:
    """The normal equations, solved in rational arithmetic."""
    size = len(x[0])
    rows = [
        [sum((row[i] * row[j] for row in x), Fraction(0)) for j in range(size)]
        + [sum((row[i] * t for row, t in zip(x, y, strict=True)), Fraction(0))]
        for i in range(size)
    ]
    for i in range(size):
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for j in range(size):
            if j != i:
                rows[j] = [a - rows[j][i] * b for a, b in zip(rows[j], rows[i], strict=True)]
    return [row[-1] for row in rows]


@pytest.mark.parametrize("size", [1e-140, 1e-30, 1e30, 1e140])
def test_the_answer_scales_with_the_columns(folder: Path, size: float) -> None:
    columns = numbers(0)
    first = solve(*learned(features=["a", "b"])).exact
    scale = 2.0 ** round(math.log2(size))
    write("data.csv", {**columns, "a": [a * scale for a in columns["a"]], "y": [y / scale for y in columns["y"]]})
    second = solve(*learned(features=["a", "b"])).exact
    assert first is not None
    assert second is not None
    b, a, other = first.coefficients
    assert second.coefficients == [b / scale, a / scale / scale, other / scale]


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (1e-200, "the numbers of column 'a' are too small: their squares are 0 in float64"),
        (1e200, "the numbers of column 'a' are too large: their squares are infinite in float64"),
    ],
)
def test_numbers_that_have_no_squares_are_refused(folder: Path, size: float, message: str) -> None:
    write("data.csv", {"a": [size, 2 * size, 4 * size], "y": [1.0, 2.0, 3.0]})
    with pytest.raises(GdcliError, match=message):
        learned(features=["a"])


def test_a_target_that_is_too_large_has_no_exact_answer(folder: Path) -> None:
    write("data.csv", {"a": [1.0, 2.0, 4.0, 5.0], "y": [1e200, 2e200, -3e200, 1e200]})
    assert solve(*learned(features=["a"])).without == "the numbers of the data are too large for float64"


@pytest.mark.parametrize("options", [{"loss": "mae"}, {"loss": "huber", "l1": 0.1}])
def test_what_is_not_computed_is_said(folder: Path, options: dict[str, Any]) -> None:
    answer = solve(*learned(**options))
    assert answer.exact is None
    assert answer.factor is not None
    assert answer.without


# Curvature


@pytest.mark.parametrize(
    "options",
    [{}, {"loss": "sum"}, {"loss": "half-mse", "l2": 0.2}, {"standardize": False}, {"intercept": False}],
    ids=str,
)
def test_the_spectrum_is_that_of_the_hessian(folder: Path, options: dict[str, Any]) -> None:
    design, settings = learned(**options)
    x, y = joined(design)
    answer = solve(design, settings)
    assert answer.factor is not None
    found = spectrum(design, answer.factor, settings.loss, settings.l2)
    assert found is not None

    def loss(d: torch.Tensor) -> torch.Tensor:
        return loss_of(settings, x, y, d[-x.shape[1] :], d[0] if settings.intercept else 0.0)

    size = len(design.names)
    hessian = torch.autograd.functional.hessian(loss, torch.zeros(size, dtype=torch.float64))
    right = torch.linalg.eigvalsh(hessian).flip(0)
    assert torch.allclose(found.values, right, rtol=1e-9, atol=1e-11 * float(right[0]))
    power = largest_eigenvalue(design, settings.loss, settings.l2)
    assert power == pytest.approx(float(right[0]), rel=1e-3)


def test_condition_numbers(folder: Path) -> None:
    design, settings = learned()
    factor = solve(design, settings).factor
    assert factor is not None
    x, _ = joined(design)
    right = torch.linalg.cond(torch.cat([torch.ones(ROWS, 1, dtype=torch.float64), x], 1)) ** 2
    assert standardized_condition(factor) == pytest.approx(float(right), rel=1e-9)
    with mpmath.workdps(40):
        columns = numbers(0)
        rows = zip(columns["a"], columns["b"], columns["d"], strict=True)
        matrix = mpmath.matrix([[1, *row] for row in rows])
        values = mpmath.eigsy(matrix.T * matrix, eigvals_only=True)
        assert raw_condition(design, factor) == pytest.approx(float(max(values) / min(values)), rel=1e-9)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(("loss", "l2"), [("mse", 0.3), ("sum", 40.0), ("half-mse", 5.0)])
def test_condition_numbers_with_a_penalty_are_those_of_the_loss(
    folder: Path, loss: str, l2: float, standardize: bool
) -> None:
    numbers = {"a": [1.0, 2.0, 4.0, 7.0, 1.5, 3.0], "b": [1.2, 2.1, 3.7, 7.5, 1.0, 3.5]}
    write("data.csv", {**numbers, "y": [1.0, 3.0, 2.0, 5.0, 4.0, 6.0]})
    words = {"data": "data.csv", "target": "y", "l2": l2, "loss": loss, "standardize": standardize, "epochs": 1}
    record = gdcli.fit_linear(**words, lr=1e-3, diagnose=False).result()
    x = torch.tensor([numbers["a"], numbers["b"]], dtype=torch.float64).T
    x = (x - x.mean(0)) / x.std(0, correction=0) if standardize else x
    whole = torch.cat([torch.ones(6, 1, dtype=torch.float64), x], 1)
    factor = {"mse": 2 / 6, "sum": 2.0, "half-mse": 1 / 6}[loss]
    hessian = factor * whole.T @ whole + 2 * l2 * torch.diag(torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64))
    found = record.conditioning
    assert found is not None
    number = found.standardized if standardize else found.raw
    assert number == pytest.approx(float(torch.linalg.cond(hessian)), rel=1e-9)
    assert number == pytest.approx(found.largest / found.smallest, rel=1e-9)


def test_no_number_of_steps_leads_to_an_answer_that_there_is_not(folder: Path) -> None:
    write("data.csv", {"a": [1.0, 2.0, 4.0], "b": [2.0, 1.0, 5.0], "c": [1.0, 7.0, 2.0], "y": [1.0, 3.0, 2.0]})
    record = gdcli.fit_linear(data="data.csv", target="y", epochs=1, diagnose=False).result()
    assert record.exact.startswith("there are 3 rows for 4 coefficients")
    assert record.conditioning is not None
    assert record.conditioning.steps_by_theory is record.conditioning.steps_by_simulation is None


@pytest.mark.slow
@pytest.mark.parametrize("share", [1.0, 1.9, 0.5])
def test_simulated_steps_are_those_of_a_descent(folder: Path, share: float) -> None:
    """Full-batch steps of the loop, counted by hand."""
    design, settings = learned()
    answer = solve(design, settings)
    assert answer.factor is not None
    assert answer.exact is not None
    found = spectrum(design, answer.factor, "mse")
    assert found is not None
    rate, exact = share / found.largest, [answer.exact.b, *answer.exact.w]
    steps = steps_by_simulation(found, rate, 1e-3, [0.0] * 4, exact)
    x, y = joined(design)
    ones = torch.cat([torch.ones(ROWS, 1, dtype=torch.float64), x], 1)
    goal, d, count = torch.tensor(exact, dtype=torch.float64), torch.zeros(4, dtype=torch.float64), 0
    while float((d - goal).norm()) > 1e-3 * float(goal.norm()):
        d = d - rate * 2 * ones.T @ (ones @ d - y) / ROWS
        count += 1
    assert steps == count
    theory = steps_by_theory(found, rate, 1e-3)
    assert theory is not None
    assert count <= theory


def test_a_rate_that_is_too_large_has_no_number_of_steps(folder: Path) -> None:
    design, settings = learned()
    answer = solve(design, settings)
    assert answer.factor is not None
    found = spectrum(design, answer.factor, "mse")
    assert found is not None
    assert steps_by_theory(found, 2.01 / found.largest, 1e-6) is None
    assert steps_by_simulation(found, 2.01 / found.largest, 1e-6, [0.0] * 4, [1.0] * 4) is None


@pytest.mark.parametrize(
    ("value", "exact", "right"),
    [(1.001, 1.0, 3.0), (2.0, 2.0, 15.0), (1e-5, 0.0, 5.0), (5.0, 1.0, 0.0), (math.nan, 1.0, None)],
)
def test_digits_in_agreement(value: float, exact: float, right: float | None) -> None:
    found = digits(value, exact)
    assert found == (None if right is None else pytest.approx(right, abs=1e-6))
