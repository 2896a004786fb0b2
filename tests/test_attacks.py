"""What a campaign of generated input has found once stays mended, and a short campaign finds nothing new."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import sympy
import torch
from conftest import Run, codes

import gdcli
from gdcli.explain.work import OutOfWorkError, Work
from tests.campaign import KINDS, failures

# An expression that made PyTorch or gdcli fail, and what is said of it.
REFUSED = {
    "gather([[1, 2], [3, 4]], 1, [[1], [], [0]])": "the rows of this list have different lengths",
    "broadcast_to(2*62, size=[-10**9, 0, 1])": "the result has a negative size: (-1000000000, 0, 1)",
    "arange(None, 3)": "arange() received an invalid combination of arguments",
    "zeros(10**5, 10**5, 0)": "this tensor would be written as 10,000,100,001 lists; the limit is 10,000,000",
    "tile([1.0], [2**31 - 1, 20000, 0])": "this tensor would be written as 42,951,820,423,648 lists",
    "randn(10**9, 0)": "this tensor would be written as 1,000,000,001 lists",
    "mvlgamma(5.0, 10**9)": "an intermediate result would have 1,000,000,000 elements; the limit is 10,000,000",
    "pad([[[1, 2, 3]]], (-1, 1), mode='circular')": "a circular pad cannot have a negative size",
    "unbind([1, 2]).values": "only a result with values and indices has .values and .indices",
    "split([1, 2], 1).indices": "only a result with values and indices has .values and .indices",
    "chunk([1, 2], 2).values": "only a result with values and indices has .values and .indices",
}


@pytest.mark.parametrize("expression", REFUSED)
def test_an_expression_that_once_failed_is_told_at_its_place(expression: str) -> None:
    row = gdcli.ops(expression).rows[0]
    assert isinstance(row.error, gdcli.contract.envelope.ErrorDetail)
    assert REFUSED[expression] in row.error.message
    assert "internal" not in row.error.code


# Tensors of zeros that have no memory: PyTorch ended the process when they were read.
ZEROS = ["sum(sgn([x, y]))", "sgn(x) + 0*y", "x*sgn(y)", "sum(stack([sgn(x), sgn(y)]))"]


@pytest.mark.parametrize("expression", ZEROS)
@pytest.mark.parametrize("explain", [False, True])
def test_a_gradient_without_memory_is_read(expression: str, explain: bool) -> None:
    result = gdcli.grad(expression, {"x": 0.3, "y": 0.7}, explain=explain)
    x, y = (torch.tensor(number, requires_grad=True) for number in (0.3, 0.7))
    function = {"sgn": torch.sgn, "sum": torch.sum, "stack": torch.stack, "x": x, "y": y}
    eval(expression.replace("[x, y]", "stack([x, y])"), function).backward()
    for name, leaf in (("x", x), ("y", y)):
        assert result.grads[name] == (None if leaf.grad is None else leaf.grad.clone().item())


COMMANDS = {
    "plot x**2 --x -1e308:1e308": "the window of x, -1e+308:1e+308, is too wide for a plot",
    "plot x**2 --x 0:1e-120": "the window of x, 0:1e-120, is too narrow for a plot",
    "minimize x**2 --x 1 --optimizer asgd --opt alpha=1e9 --steps 3": "",
    "minimize zakharov --optimizer lbfgs --lr 0 --opt line_search_fn=strong_wolfe --steps 3": "",
    "minimize maximum(x,0*x) --x 1e-320 --steps 3": "",
    "compare x**2 --x 1 --lr 1e308 --steps 3": "",
    "grad lgamma(x) --x -3 --explain": "",
    "grad x*y --x nan --y nan --explain": "",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_extreme_numbers_are_an_error_in_the_terms_of_the_user_or_a_result(run: Run, command: str) -> None:
    outcome = run(*command.split())
    assert outcome.code == (2 if COMMANDS[command] else 0)
    assert COMMANDS[command] in outcome.err
    assert "internal" not in outcome.err + outcome.out
    assert "failed" not in outcome.err + outcome.out


def test_a_run_with_very_many_unknowns_is_not_diagnosed() -> None:
    record = gdcli.minimize("sum(x**2)", {"x": "rand(10001)"}, steps=2).result()
    assert codes(record) == ["work-limit"]
    assert record.diagnosis[0].message == "no diagnosis: 10,001 unknowns are too many; the limit is 10,000"


@pytest.mark.slow
def test_a_check_of_expensive_elements_ends_and_says_how_many_it_left() -> None:
    check = gdcli.grad("norm(inverse(W))", {"W": "rand(60, 60)[:31, :31] + eye(31)"}, check=True).check
    assert 0 < len(check.rows) < 961
    assert check.message.endswith(
        f"{961 - len(check.rows)} of 961 not checked: the check has reached its limit of work"
    )
    assert check.verdict != "agree"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_short_campaign_finds_nothing(kind: str) -> None:
    """``python -m tests.campaign --minutes 60`` is the long one."""
    assert (
        list(failures(kind, seed=0, numbers=range({"commands": 60, "expressions": 400, "examples": 400}[kind]))) == []
    )


@pytest.mark.parametrize("text", ["2**53 + 1", "3**39", "10**18 + 1", "7**22 - 1", "-(2**62) - 1", "(-3)**33"])
def test_whole_numbers_of_64_bits_are_exact(text: str) -> None:
    mask = torch.tensor([True, False])
    row = gdcli.ops(f"bool([1, 0]) + ({text})").rows[0]
    expected = mask + eval(text)
    assert row.dtype == "int64" == str(expected.dtype).removeprefix("torch.")
    assert row.value == expected.tolist()


def test_a_config_without_an_end_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdcli.cli.config._MOST_BYTES", 1_000_000)
    outcome = run("minimize", "--config", "/dev/zero")
    assert (outcome.code, outcome.err) == (2, "error: the config /dev/zero is longer than 1 MB\n")


@pytest.mark.parametrize("depth", [600, 3_000, 100_000])  # versions of Python differ in what reads how deep
def test_a_config_that_is_nested_deeply_is_refused(run: Run, depth: int) -> None:
    nested = f'{{"values": {{"x": {"[" * depth}1{"]" * depth}}}}}'
    outcome = run("minimize", "--config", "-", stdin=nested)
    assert outcome.code == 2
    assert "nested too deeply" in outcome.err


def test_a_number_beyond_all_numbers_is_not_an_end_too_early(run: Run) -> None:
    outcome = run("minimize", "--config", "-", stdin='{"lr": 1e999}')
    assert "is not JSON: number out of range" in outcome.err
    assert "too early" not in outcome.err


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ("k" * 200_000 + "\n1\n", "error: the header of points.csv cannot be read: field larger than"),
        ('x\n1\n"' + "9" * 200_000 + '"\n4\n', "error: line 3: it cannot be read: field larger than field limit"),
    ],
)
def test_a_cell_of_any_length_is_an_error_of_its_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("points.csv").write_text(points)
    outcome = run("grad", "x**2", "--points", "points.csv")
    assert outcome.err.startswith(message)
    assert "internal" not in outcome.err
    assert ("4.0,16.0,8.0" in outcome.out) == ("line 3" in message)


@pytest.mark.process
def test_a_file_that_cannot_be_saved_leaves_one_document(gdcli_process: Run, tmp_path: Path) -> None:
    """The descent is printed; that the picture is not written is said on standard error."""
    (tmp_path / "full.png").symlink_to("/dev/full")
    outcome = gdcli_process("minimize", "--steps", "3", "--json", "--save", str(tmp_path / "full.png"))
    assert outcome.code == 1
    assert json.loads(outcome.out)["status"] == "max_steps"
    assert outcome.err.startswith(f"error: cannot write {tmp_path / 'full.png'}")


@pytest.mark.slow
def test_a_page_may_have_a_name_that_is_not_utf_8(run: Run, tmp_path: Path) -> None:
    name = f"{tmp_path}/\udcff.html"
    assert run("minimize", "--steps", "3", "--save", name).code == 0
    assert Path(name).stat().st_size > 1000


@pytest.mark.slow
def test_the_name_of_a_saved_file_stays_in_its_line(run: Run, tmp_path: Path) -> None:
    outcome = run("minimize", "--steps", "1", "--save", f"{tmp_path}/a\nb.svg", "--quiet")
    assert outcome.code == 0
    outcome = run("grad", "x**2", "--x", "1", "--save", f"{tmp_path}/table\nb.txt")
    assert "saved" not in outcome.err or f"saved {tmp_path}/table\\nb.txt\n" in outcome.err


def test_the_name_of_a_folder_is_no_target(run: Run, tmp_path: Path) -> None:
    outcome = run("minimize", "--steps", "1", "--output", f"{tmp_path}/x/")
    assert (outcome.code, outcome.err) == (1, f"error: cannot write {tmp_path}/x/: it is the name of a folder\n")
    assert list(tmp_path.iterdir()) == []


# What a fresh look at sentences has found.


def test_a_flat_direction_with_a_slope_is_no_limit() -> None:
    """x**2 + 3*y has no minimum: after any number of steps that is what is said, and no factor."""
    for steps in (5, 10, 100):
        record = gdcli.minimize("x**2 + 3*y", {"x": 1.0, "y": -2.0}, lr=0.05, steps=steps).result()
        assert codes(record) == ["unbounded"]
        assert record.diagnosis[0].evidence["direction"] == {"y": -1.0}


def test_a_wave_on_a_slope_is_not_unbounded_where_a_minimum_lies_before_the_run() -> None:
    record = gdcli.minimize("sin(x) + x/10", {"x": 1.0}, optimizer="rmsprop", lr=0.01, steps=50).result()
    assert "unbounded" not in codes(record)


def test_a_prediction_with_weight_decay_says_so() -> None:
    record = gdcli.minimize("(x-4)**2", {"x": 0.0}, optimizer="sgd", weight_decay=1.0, lr=0.1).result()
    assert "with the weight decay 1)" in record.diagnosis[0].message
    assert "the decay balances the gradient of the loss" in record.diagnosis[0].message
    assert record.result.values["x"] == pytest.approx(8 / 3)
    tolerant = gdcli.minimize(
        "(x-4)**2", {"x": 0.0}, optimizer="sgd", weight_decay=1.0, lr=0.1, tol_grad=[1e-3]
    ).result()
    assert "reaching a gradient norm" not in "".join(finding.message for finding in tolerant.diagnosis)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "9" * 20], f"--steps must be a whole number of at most 1,000,000,000,000, not '{'9' * 20}'"),
        (["--seed", "9" * 20], f"--seed must be a whole number of at most 9,223,372,036,854,775,807, not '{'9' * 20}'"),
        (["--steps", "-1"], "--steps must be a whole number of at least 0, not '-1'"),
    ],
)
def test_a_number_that_is_too_large_is_told_the_largest(run: Run, words: list[str], message: str) -> None:
    assert run("minimize", *words).err.startswith(f"error: {message}\n")


def test_an_expression_below_the_values_is_no_variable(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('[values]\nx = "1"\nexpression = "x**2"\n')
    outcome = run("minimize", "--config", str(file))
    assert outcome.code == 2
    assert outcome.err.endswith("so it would be a variable\nhint: put it above [values]\n")
    file.write_text('expression = "x**2"\n[values]\nx = "1"\n')
    assert run("minimize", "--config", str(file)).code == 0


ENDED = "the computation in many digits was ended: it has reached its limit of work"
TERMS = " * ".join(f"(1 + v{i}*v{i + 1}*exp(v{i}))" for i in range(24))
BEYOND_THE_WORK = {
    ("1 - erf(x)", "float64"): ENDED,
    (TERMS, "float32"): "SymPy takes too long for this expression",
}


@pytest.mark.slow
@pytest.mark.parametrize(("expression", "dtype"), BEYOND_THE_WORK, ids=["many digits", "formulas"])
def test_a_check_says_what_it_left_out_when_its_work_is_used_up(expression: str, dtype: str) -> None:
    values = {"x": "100"} if "erf" in expression else {f"v{i}": "0.5" for i in range(25)}
    start = time.process_time()
    check = gdcli.grad(expression, values, check=True, dtype=dtype).check
    assert time.process_time() - start < 20  # 2 s on a machine that does nothing else
    assert check.message.endswith(BEYOND_THE_WORK[expression, dtype])


@pytest.mark.slow
@pytest.mark.parametrize("expression", ["digamma(x) - log(x)", "polygamma(2, x)", "exp(lgamma(x) - 1e6)"])
@pytest.mark.parametrize("x", ["100000", "123456.5"])
def test_many_digits_of_a_large_number_end(expression: str, x: str) -> None:
    """SymPy would add up 100,000 fractions, which took half a minute."""
    start = time.process_time()
    gdcli.grad(expression, {"x": x}, check=True)
    assert time.process_time() - start < 20


@pytest.mark.slow
def test_work_counts_the_loops_of_one_call() -> None:
    work = Work(1_000)
    with pytest.raises(OutOfWorkError), work.limit():
        sympy.erfc(sympy.Float(100, 4_000)).evalf(4_000)
    assert work.ended
    with pytest.raises(OutOfWorkError), work.limit():  # nothing is left for the next
        sympy.sin(sympy.Symbol("x")).diff()


@pytest.mark.slow
def test_a_check_of_a_costly_function_of_a_matrix_ends() -> None:
    check = gdcli.grad("trace(matrix_exp(A))", {"A": "rand(20, 20)"}, check=True).check
    assert 0 < len(check.rows) < 400
    assert check.message.endswith("not checked: the check has reached its limit of work")
