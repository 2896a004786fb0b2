"""What a campaign of generated input has found once stays mended, and a short campaign finds nothing new."""

from __future__ import annotations

import pytest
import torch
from conftest import Run, codes

import gdcli
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
    record = gdcli.minimize("sum(x**2)", {"x": "rand(100001)"}, steps=2).result()
    assert codes(record) == ["work-limit"]
    assert record.diagnosis[0].message == "no diagnosis: 100,001 unknowns are too many; the limit is 100,000"


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
