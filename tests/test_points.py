"""``grad --each`` and ``grad --points``: each answer against a loop of plain PyTorch, one point at a time."""

from __future__ import annotations

import json
import random
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Run, document
from forks import PATIENCE, Piped

import gdcli
from gdcli.contract.grad import Point
from gdcli.lines import Lines

Function = Callable[..., torch.Tensor]

# Expressions of + - * / sqrt, squares and cubes, which IEEE 754 or PyTorch round in one way only: every bit is that of
# a run at the point alone.
EXACT: dict[str, Function] = {
    "x**3 - x": lambda x: x**3 - x,
    "(1 - x)**2 + 100*(y - x**2)**2": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    "sqrt(x**2 + y**2) / (1 + abs(x - y))": lambda x, y: torch.sqrt(x**2 + y**2) / (1 + torch.abs(x - y)),
    "relu(x*y) + where(x > y, x**2, -y)": lambda x, y: torch.relu(x * y) + torch.where(x > y, x**2, -y),
    "maximum(x, y)*minimum(x, 2*y) - x % 1": lambda x, y: torch.maximum(x, y) * torch.minimum(x, 2 * y) - x % 1,
}
# Functions that PyTorch computes in one way in a row of numbers and in another for a number alone: the last digits may
# differ. So many units in the last place of the value, and of the gradient, are the most that was seen at 6,000 points.
# Where a gradient is a difference (s * (1 - s) for the sigmoid), the units of its parts weigh more.
CLOSE: dict[str, tuple[Function, int, int]] = {
    "log(x**2 + y**2)": (lambda x, y: torch.log(x**2 + y**2), 0, 0),
    "sin(x)*exp(-y)": (lambda x, y: torch.sin(x) * torch.exp(-y), 0, 0),
    "tanh(x)": (torch.tanh, 0, 0),
    "sinh(x)": (torch.sinh, 2, 1),
    "sigmoid(x)": (torch.sigmoid, 2, 16),
    "abs(x)**1.7": (lambda x: torch.abs(x) ** 1.7, 6, 2),
}


def numbers(count: int, seed: int = 0) -> list[float]:
    draw = random.Random(seed)
    return [draw.uniform(-3, 3) for _ in range(count)]


def alone(function: Function, values: Sequence[Any], dtype: torch.dtype = torch.float32) -> tuple[Any, list[Any]]:
    """The value and the gradients at one point, as a notebook computes them."""
    leaves = [torch.tensor(value, dtype=dtype, requires_grad=True) for value in values]
    value = function(*leaves)
    value.backward()
    return value.item(), [None if leaf.grad is None else leaf.grad.tolist() for leaf in leaves]


def answers(points: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
    """The same of records."""
    return [(point["value"], list(point["grads"].values())) for point in points]


def units_apart(a: float, b: float) -> int:
    """How many float32 numbers lie between two of them."""

    def place(value: float) -> int:
        bits = int(torch.tensor(value, dtype=torch.float32).view(torch.int32))
        return bits if bits >= 0 else -(bits & 0x7FFFFFFF)

    return abs(place(a) - place(b))


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def columns(path: Path, **named: Sequence[float]) -> str:
    rows = [",".join(named), *(",".join(map(repr, row)) for row in zip(*named.values(), strict=True))]
    return write(path, "\n".join(rows) + "\n")


# The numbers


@pytest.mark.slow
@pytest.mark.parametrize("expression", EXACT)
def test_basic_arithmetic_has_the_bits_of_a_run_alone(run: Run, tmp_path: Path, expression: str) -> None:
    names = [name for name in ("x", "y") if name in expression.replace("max", "").replace("exp", "")]
    points = {name: numbers(1_500, seed) for seed, name in enumerate(names)}
    outcome = run("grad", expression, "--points", columns(tmp_path / "p.csv", **points), "--jsonl")
    assert outcome.code == 0
    found = answers([json.loads(line) for line in outcome.out.splitlines()])
    assert found == [alone(EXACT[expression], values) for values in zip(*points.values(), strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("expression", CLOSE)
def test_other_functions_agree_to_the_last_digits(run: Run, tmp_path: Path, expression: str) -> None:
    function, *units = CLOSE[expression]
    points = {name: numbers(1_500, seed) for seed, name in enumerate("xy") if name != "y" or "y" in expression}
    outcome = run("grad", expression, "--points", columns(tmp_path / "p.csv", **points), "--jsonl")
    found = answers([json.loads(line) for line in outcome.out.splitlines()])
    for (value, grads), at in zip(found, zip(*points.values(), strict=True), strict=True):
        expected, gradients = alone(function, at)
        assert units_apart(value, expected) <= units[0]
        assert max(units_apart(*pair) for pair in zip(grads, gradients, strict=True)) <= units[1]


@pytest.mark.slow
def test_float64_and_float16_are_those_of_pytorch(run: Run, tmp_path: Path) -> None:
    xs = numbers(200)
    path = columns(tmp_path / "p.csv", x=xs)
    for name, dtype in (("float64", torch.float64), ("float16", torch.float16)):
        outcome = run("grad", "x**3 - x/3", "--points", path, "--jsonl", "--dtype", name)
        found = answers(outcome.lines())
        assert found == [alone(lambda x: x**3 - x / 3, [x], dtype) for x in xs]


@pytest.mark.parametrize(
    ("expression", "length", "count", "words"),
    [
        ("sinh(x)**1.7 + sigmoid(x)", 1, 1_300, []),
        ("sum(sinh(x)*x)", 90, 400, []),
        ("sum(tanh(W @ x)**2)", 40, 33, ["--W", "rand(30, 40)", "--wrt", "x"]),
    ],
)
def test_an_answer_does_not_depend_on_where_its_point_stands(
    run: Run, tmp_path: Path, expression: str, length: int, count: int, words: list[str]
) -> None:
    points = [[abs(number) for number in numbers(length, seed)] for seed in range(count)]
    lines = [json.dumps({"x": point if length > 1 else point[0]}) for point in points]
    forth = run("grad", expression, "--points", write(tmp_path / "a.jsonl", "\n".join(lines)), *words)
    back = run("grad", expression, "--points", write(tmp_path / "b.jsonl", "\n".join(lines[-2::-1])), *words)
    assert forth.out.splitlines()[-2::-1] == back.out.splitlines()


def test_vectors_and_matrices_are_points(run: Run, tmp_path: Path) -> None:
    xs = [numbers(3, seed) for seed in range(70)]
    rows = "\n".join(",".join(map(repr, x)) for x in xs)
    path = write(tmp_path / "p.csv", f"x[0],x[1],x[2]\n{rows}\n")
    matrix = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    outcome = run("grad", "sum((W @ x)**2)", "--W", str(matrix), "--points", path, "--json")
    record = outcome.json()
    assert record["values"] == {"W": matrix}
    assert [point["values"] for point in record["points"]] == [
        {"x": torch.tensor(x, dtype=torch.float32).tolist()} for x in xs
    ]
    for point, x in zip(record["points"], xs, strict=True):
        value, (in_w, in_x) = alone(lambda w, x: torch.sum((w @ x) ** 2), [matrix, x])
        assert point["value"] == pytest.approx(value, rel=1e-6)
        assert point["grads"]["x"] == pytest.approx(in_x, rel=1e-5, abs=1e-5)
        for row, expected in zip(point["grads"]["W"], in_w, strict=True):
            assert row == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_columns_may_come_in_any_order(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", '"W[0,1]",x,"W[0,0]"\n2,3,1\n')
    outcome = run("grad", "sum(W * [[1, 10]])*x", "--points", path)
    assert (
        outcome.out == '"W[0,0]","W[0,1]",x,value,"grad.W[0,0]","grad.W[0,1]",grad.x\n1.0,2.0,3.0,63.0,3.0,30.0,21.0\n'
    )


def test_json_lines_may_have_points_of_many_shapes(run: Run, tmp_path: Path) -> None:
    vectors = [numbers(1 + seed % 4, seed) for seed in range(40)]
    lines = [json.dumps({"y": [[1, 2]], "x": x}) for x in vectors]
    outcome = run("grad", "sum(x**2)*sum(y)", "--points", write(tmp_path / "p.jsonl", "\n".join(lines)))
    assert outcome.code == 0
    found = [(line["value"], line["grads"]["x"]) for line in outcome.lines()]
    for (value, gradient), x in zip(found, vectors, strict=True):
        expected, (in_x, _) = alone(lambda x, y: torch.sum(x**2) * torch.sum(y), [x, [[1.0, 2.0]]])
        assert value == pytest.approx(expected, rel=1e-6)
        assert gradient == pytest.approx(in_x, rel=1e-6)


# --each

EACH_TABLE = """\
x**3 - x at 5 points
x    value   grad x
───────────────────
-2   -6      11
-1    0       2
 0    0      -1
 1    0       2
 2    6      11
"""


def test_each_shows_a_row_a_point(run: Run) -> None:
    assert run("grad", "x**3 - x", "--x", "linspace(-2, 2, 5)", "--each").out == EACH_TABLE


def test_a_single_number_is_the_same_at_every_point(run: Run) -> None:
    words = ["grad", "a*x + y", "--x", "1,2", "--y", "3,4", "--a", "10", "--each"]
    assert run(*words, "--csv").out == (
        "x,y,value,grad.a,grad.x,grad.y\n1.0,3.0,13.0,1.0,10.0,1.0\n2.0,4.0,24.0,2.0,10.0,1.0\n"
    )
    record = run(*words, "--json", "--wrt", "x").json()
    assert record["values"] == {"a": 10.0}
    assert record["points"] == [
        {"values": {"x": 1.0, "y": 3.0}, "value": 13.0, "grads": {"a": None, "x": 10.0, "y": None}},
        {"values": {"x": 2.0, "y": 4.0}, "value": 24.0, "grads": {"a": None, "x": 10.0, "y": None}},
    ]
    assert run(*words).out.splitlines()[0] == "a*x + y at 2 points, a = 10"


def test_a_matrix_lists_points_that_are_vectors(run: Run) -> None:
    words = ["grad", "x[0]*x[1]", "--x", "[[2, 3], [4, 5]]", "--each"]
    assert run(*words).out.splitlines()[1] == "x[0]   x[1]   value   grad x[0]   grad x[1]"
    lines = run(*words, "--jsonl").lines()
    assert [(line["value"], line["grads"]) for line in lines] == [(6.0, {"x": [3.0, 2.0]}), (20.0, {"x": [5.0, 4.0]})]


def test_vectors_that_are_too_wide_show_their_norms(run: Run) -> None:
    header = run("grad", "sum(x)*y", "--x", "ones(2, 9)", "--y", "1,2", "--each").out.splitlines()[1]
    assert header.split("   ") == ["|x|", "y", "value", "grad |x|", "grad y"]


def test_a_long_table_shows_its_ends(run: Run) -> None:
    words = ["grad", "x**2", "--x", "arange(300)", "--each"]
    folded = run(*words).out.splitlines()
    assert len(folded) == 1 + 2 + 41 + 1
    assert [line.split() for line in folded[22:25]] == [["19", "361", "38"], ["…", "…", "…"], ["280", "78400", "560"]]
    assert folded[-1] == "260 rows left out (--all shows them)"
    assert len(run(*words, "--all").out.splitlines()) == 303


def test_the_python_api_has_each() -> None:
    record = gdcli.grad_each("x**2", x=[1, 2])
    assert record.points == [
        Point(values={"x": 1.0}, value=1.0, grads={"x": 2.0}),
        Point(values={"x": 2.0}, value=4.0, grads={"x": 4.0}),
    ]
    with pytest.raises(gdcli.GdcliError, match="grad evaluates one point, but 'each' asks for many"):
        gdcli.grad("x**2", x=[1, 2], each=True)


NOT_EACH: dict[str, list[str]] = {
    """\
error: 'each' needs lists of equal length: 'x' has 2 items, but 'y' has 3
hint: give a variable that is the same at every point as a single number
""": ["x*y", "--x", "1,2", "--y", "1,2,3"],
    """\
error: 'each' takes the points from lists, but every variable is a single number
hint: for example: --x 1,2,3
""": ["x", "--x", "1"],
    """\
error: the expression is constant: it has no variable to differentiate with respect to
  3
  ^
hint: for example: x**2
""": ["3"],
    """\
error: the result has shape (2,), but a gradient needs a scalar result
  x
  ^
hint: sum it: sum(x)
""": ["x", "--x", "[[1, 2], [3, 4]]"],
    """\
error: the result is bool, but only floating-point results have gradients
  x > 1
  ^^^^^
hint: comparisons and whole numbers have no gradient; sigmoid(...) is a step that has one
""": ["x > 1", "--x", "1,2"],
    """\
error: the result does not depend on any variable that requires a gradient
  detach(x)
  ^^^^^^^^^
hint: no gradient flows through detach(x): it stops the gradient on purpose
""": ["detach(x)", "--x", "1,2"],
    """\
error: PyTorch reports: size mismatch, got input (3), mat (3x3), vec (2)
  sum(A @ x)
      ^^^^^
hint: the shapes are A (3, 3), x (2,)
""": ["sum(A @ x)", "--A", "ones(2, 3, 3)", "--x", "ones(2, 2)"],
    """\
error: 'each' and 'hessian' cannot be used together
hint: hessian applies to a single point
""": ["x", "--x", "1,2", "--hessian"],
    """\
error: 'points' and 'each' cannot be used together
hint: keep one of them
""": ["x", "--x", "1,2", "--points", "p.csv"],
}


@pytest.mark.parametrize("message", NOT_EACH)
def test_what_each_refuses(run: Run, message: str) -> None:
    outcome = run("grad", *NOT_EACH[message], "--each")
    assert (outcome.code, outcome.out, outcome.err) == (2, "", message)


def test_json_lines_are_for_many_points(run: Run) -> None:
    outcome = run("grad", "x", "--x", "1", "--jsonl")
    assert outcome.code == 2
    assert outcome.err == "error: --jsonl needs many points: --each or --points\nhint: use --json for a single point\n"


# What cannot be done together, or not at all


def test_what_vmap_cannot_do_is_done_point_by_point(run: Run) -> None:
    expression = "gaussian_nll_loss(x, 0.5*x, x**2)"  # looks at the numbers
    points = [0.5, 1.5, -2.0]
    record = run("grad", expression, "--x", "0.5,1.5,-2", "--each", "--json").json()
    assert [(p["value"], p["grads"]["x"]) for p in record["points"]] == [
        (one.value, one.grads["x"]) for one in (gdcli.grad(expression, x=x) for x in points)
    ]


@pytest.mark.parametrize("expression", ["x*rand(2)[0]", "x*rand_like(x)", "x + bernoulli(x)", "sum(x*randn(3))"])
def test_every_point_sees_the_random_numbers_of_a_run_alone(run: Run, expression: str) -> None:
    record = run("grad", expression, "--x", "0.25,0.5,0.75", "--each", "--seed", "7", "--json").json()
    assert len(record["points"]) == 3
    for point in record["points"]:
        one = gdcli.grad(expression, point["values"], settings={"seed": 7})
        assert (point["value"], point["grads"]) == (one.value, one.grads)


def test_a_point_without_an_answer_leaves_the_others_alone(run: Run) -> None:
    words = ["grad", "logdet(inverse(A))", "--A", "[[[1, 2], [2, 4]], [[2, 0], [0, 1]]]", "--each"]
    outcome = run(*words, "--json")
    record = outcome.json()
    assert (outcome.code, record["status"], record["message"]) == (2, "failed", "2 points, 1 of them failed")
    assert record["points"][0]["error"]["span"] == [7, 17]
    assert record["points"][1]["grads"] == {"A": [[-0.5, 0.0], [0.0, -1.0]]}
    assert run(*words, "--csv").out.splitlines()[1:] == [
        ",,,,,,,,",
        "2.0,0.0,0.0,1.0,-0.6931471824645996,-0.5,-0.0,-0.0,-1.0",
    ]
    assert "point 1: PyTorch reports: linalg.inv" in run(*words).out


def test_what_is_not_finite_is_null_and_counted(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "x\n-1\n0\n1\ninf\n")
    outcome = run("grad", "log(x)", "--points", path)
    assert outcome.out == "x,value,grad.x\n-1.0,nan,-1.0\n0.0,-inf,inf\n1.0,0.0,1.0\ninf,inf,0.0\n"
    warning = "the value or the gradient is not finite at 3 of 4 points"
    assert (outcome.code, outcome.err) == (0, f"warning: {warning}\n")
    record = run("grad", "log(x)", "--points", path, "--json").json()
    assert [point["value"] for point in record["points"]] == [None, None, 0.0, None]
    assert record["warnings"] == [{"code": "non-finite", "message": warning}]
    assert run("grad", "log(x)", "--points", path, "--quiet").err == ""


def test_a_gradient_without_a_path_is_none(run: Run) -> None:
    words = ["grad", "sum(x**2) + sum(detach(z))", "--x", "[[1, 2], [3, 4]]", "--z", "[[5, 6], [7, 8]]", "--each"]
    record = run(*words, "--json").json()
    assert [point["grads"]["z"] for point in record["points"]] == [None, None]
    assert [notice["code"] for notice in record["warnings"]] == ["no-path"]
    assert run(*words, "--csv").out.splitlines()[1] == "1.0,2.0,5.0,6.0,16.0,2.0,4.0,,"


# Files

BAD_CSV = "x,y\n1,2\n3,abc\n\n4\n5,6,7\n,8\n1e400,1\n9,10\n"
BAD_CSV_ERRORS = """\
error: line 3: y is 'abc', not a number
error: line 5: it has 1 cell, but the header has 2
error: line 6: it has 3 cells, but the header has 2
error: line 7: x is empty
error: line 8: x exceeds the largest float, about 1.8e308
"""


def test_a_bad_line_keeps_its_place_and_the_rest_goes_on(run: Run, tmp_path: Path) -> None:
    outcome = run("grad", "x*y", "--points", write(tmp_path / "p.csv", BAD_CSV))
    assert (outcome.code, outcome.err) == (1, BAD_CSV_ERRORS)
    assert outcome.out == (
        "x,y,value,grad.x,grad.y\n1.0,2.0,2.0,2.0,1.0\n,,,,\n,,,,\n,,,,\n,,,,\n,,,,\n9.0,10.0,90.0,10.0,9.0\n"
    )
    record = run("grad", "x*y", "--points", str(tmp_path / "p.csv"), "--json").json()
    assert (record["status"], record["message"]) == ("failed", "7 points, 5 of them failed")
    assert record["points"][2] == {
        "line": 5,
        "error": {"code": "point", "message": "it has 1 cell, but the header has 2", "hint": "", "span": None},
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("?", "it is not valid JSON: invalid character (byte 0)"),
        ("[1]", 'it is not a JSON object such as {"x": 1}'),
        ("{}", "the variable 'x' has no value"),
        ('{"x": 1}', "the variable 'y' has no value"),
        ('{"x": 1, "y": 2, "z": 3}', "'z' is not a variable of the expression"),
        ('{"x": 1, "y": 2, "k": 3}', "'k' already has a value, from --k"),
        ('{"x": 1, "y": null}', "y is 'null', not a number"),
        ('{"x": 1, "y": "two"}', "y is 'two', not a number"),
        ('{"x": 1, "y": []}', "y is empty"),
        ('{"x": 1, "y": [[1], [2, 3]]}', "the rows of y have different lengths"),
        ('{"x": 1, "y": 1e400}', "a number exceeds the largest float, about 1.8e308"),
        (f'{{"x": 1, "y": 1{"0" * 400}}}', "y exceeds the largest float, about 1.8e308"),
        (f'{{"x": 1, "y": {"[" * 65}1{"]" * 65}}}', "y has more than 64 dimensions"),
    ],
)
def test_a_bad_line_of_json(run: Run, tmp_path: Path, line: str, message: str) -> None:
    good = '{"x": 2, "y": 3}'
    path = write(tmp_path / "p.jsonl", "\n".join([good, line, "", good]))
    outcome = run("grad", "k*x*sum(y)", "--k", "1", "--points", path)
    assert (outcome.code, outcome.err) == (1, f"error: line 2: {message}\n")
    answered = {
        "record": "point",
        "values": {"x": 2.0, "y": 3.0},
        "value": 6.0,
        "grads": {"k": 6.0, "x": 3.0, "y": 2.0},
    }
    first, bad, last = outcome.lines()
    assert first == last == answered
    assert (bad["line"], bad["error"]["message"]) == (2, message)


def test_csv_has_one_set_of_columns(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", '?\n{"x": [1, 2]}\n{"x": [1, 2, 3]}\n{"x": [3, 4]}\n')
    outcome = run("grad", "sum(x**2)", "--points", path, "--csv")
    assert outcome.out == (
        "x[0],x[1],value,grad.x[0],grad.x[1]\n,,,,\n1.0,2.0,5.0,2.0,4.0\n,,,,\n3.0,4.0,25.0,6.0,8.0\n"
    )
    assert outcome.err == (
        "error: line 1: it is not valid JSON: invalid character (byte 0)\n"
        "error: line 3: x has shape (3,), but earlier points have (2,): CSV has one set of columns\n"
    )


def test_rows_wait_for_the_first_point_that_tells_their_columns(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", "?\n" * 1_100 + '{"x": [1, 2]}\n')
    rows = run("grad", "sum(x**2)", "--points", path, "--csv").out.splitlines()
    assert rows == ["x[0],x[1],value,grad.x[0],grad.x[1]", *([",,,,"] * 1_100), "1.0,2.0,5.0,2.0,4.0"]


NOT_A_FILE: dict[str, tuple[str, list[str]]] = {
    "the first line of p.csv must name the variables, but '1' is not a name": ("1,2\n", ["x*y"]),
    "the first line of p.csv must name the variables, but a name is empty": ("x,\n", ["x*y"]),
    "the column 'zz' of p.csv is not a variable of the expression": ("x,zz\n", ["x*y"]),
    "the header of p.csv names 'x' twice": ("x,x\n", ["x"]),
    "the columns of p.csv give the variable 'x' several shapes": ("x,x[0]\n", ["x"]),
    "p.csv has no column 'x[1]'": ("x[0],x[2]\n", ["sum(x)"]),
    "the variable 'y' is given twice: by --y and by a column of p.csv": ("x,y\n", ["x*y", "--y", "1"]),
    "every variable already has a value, so there is nothing to read from p.csv": ("x\n", ["x", "--x", "1"]),
    "the variable 'y' has no value": ("x\n", ["x*y"]),
    "p.csv is empty: there are no points": ("\n", ["x"]),
    "p.json is a single JSON list, but each line must hold one point": ('[{"x": 1}]', ["x"]),
    "'points' and 'check' cannot be used together": ("x\n1\n", ["x", "--check"]),
    "the result has shape (2,), but a gradient needs a scalar result": ("x[0],x[1]\n1,2\n", ["x"]),
    "the result is bool, but only floating-point results have gradients": ("x\n1\n", ["x > 0"]),
    "PyTorch reports: both arguments to matmul need to be at least 1D, but they are 0D and 0D": (
        "x\n1\n",
        ["x @ x"],
    ),
}


@pytest.mark.parametrize("message", NOT_A_FILE)
def test_what_a_file_may_not_say(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    text, words = NOT_A_FILE[message]
    name = "p.json" if "p.json" in message else "p.csv"
    write(tmp_path / name, text)
    outcome = run("grad", *words, "--points", name)
    assert (outcome.code, outcome.out, outcome.err.splitlines()[0]) == (2, "", f"error: {message}")


def test_a_file_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    outcome = run("grad", "x", "--points", str(tmp_path / "none.csv"))
    assert (outcome.code, outcome.err) == (
        1,
        (
            f"error: cannot read {tmp_path / 'none.csv'}: No such file or directory\n"
            f"hint: there is no such file in {tmp_path}\n"
        ),
    )
    outcome = run("grad", "x", "--points", str(tmp_path))
    hint = "hint: it is a folder; name a file"
    assert (outcome.code, outcome.err) == (1, f"error: cannot read {tmp_path}: Is a directory\n{hint}\n")


def test_a_file_as_spreadsheets_write_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(b'\xef\xbb\xbfx;"y"\r\n1;"2"\r\n\r\n 3 ;-4e-1')
    assert run("grad", "x*y", "--points", str(tmp_path / "p.csv")).out == (
        "x,y,value,grad.x,grad.y\n1.0,2.0,2.0,2.0,1.0\n3.0,-0.4000000059604645,-1.2000000476837158,-0.4000000059604645,3.0\n"
    )


def test_a_header_without_points_has_an_answer_without_points(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "x\n")
    assert run("grad", "x", "--points", path).out == "x,value,grad.x\n"
    record = run("grad", "x", "--points", path, "--json").json()
    assert (record["points"], record["message"]) == ([], "0 points")


def test_the_settings_of_a_record_give_the_same_record(run: Run, tmp_path: Path) -> None:
    path = columns(tmp_path / "p.csv", x=numbers(50))
    first = run("grad", "a*sin(x)", "--a", "2", "--points", path, "--json")
    second = run("grad", "--config", write(tmp_path / "run.json", first.out), "--json")
    assert second.out == first.out


def test_a_line_that_is_too_long_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_bytes(b"1\n" + b"2" * (2**24 + 1) + b"\n3")
    lines = Lines(str(path))
    assert lines.some() == [(1, b"1"), (2, None), (3, b"3")]
    assert (lines.some(), lines.ended) == ([], True)
    lines.close()


def test_a_file_is_read_in_pieces(tmp_path: Path) -> None:
    lines = Lines(write(tmp_path / "p.txt", "\n".join(map(str, range(2_500)))))
    pieces = [len(piece) for piece in iter(lines.some, [])]
    assert pieces == [1_024, 1_024, 452]
    lines.close()


# Streams: each in a process of its own


@contextmanager
def process(*words: str) -> Iterator[Piped]:
    with Piped("grad", *words) as child:
        watch = threading.Timer(PATIENCE, child.kill)  # it may wait for input while the test waits for an answer
        watch.start()
        yield child
        watch.cancel()


@pytest.mark.slow
@pytest.mark.process
def test_standard_input_is_answered_line_by_line() -> None:
    with process("x**2", "--points", "-") as child:
        answered = []
        for line in ('{"x": 3}', "?", '{"x": -1}'):
            child.stdin.write(f"{line}\n")
            child.stdin.flush()
            answered.append(document(child.stdout.readline()))  # waits for the answer before it writes the next line
        child.stdin.close()
        assert [line.get("value") for line in answered] == [9.0, None, 1.0]
        assert child.stdout.read() == ""
        assert child.stderr.read() == "error: line 2: it is not valid JSON: invalid character (byte 0)\n"
        assert child.wait() == 1


@pytest.mark.slow
@pytest.mark.process
def test_ctrl_c_ends_the_document_of_what_was_computed() -> None:
    with process("x**2", "--points", "-", "--json") as child:
        child.stdin.write("x\n3\n")
        child.stdin.flush()
        begun = child.stdout.read(1)  # the first answer is there
        child.send_signal(signal.SIGINT)
        record = document(begun + child.stdout.read().rstrip("\n"))
        assert child.wait() == 130
        assert (record["status"], record["message"], len(record["points"])) == (
            "interrupted",
            "1 point; interrupted",
            1,
        )
        assert child.stderr.read() == "1 point; interrupted\n"


@pytest.mark.slow
@pytest.mark.process
def test_a_closed_pipe_ends_it_quietly(tmp_path: Path) -> None:
    path = columns(tmp_path / "p.csv", x=numbers(30_000))
    with process("x**2", "--points", path) as child:
        assert child.stdout.readline() == "x,value,grad.x\n"
        child.stdout.close()
        assert (child.stderr.read(), child.wait()) == ("", 0)
