"""What is said about a run beside its numbers: the title, how it ended, notes, and warnings of PyTorch."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
import torch
from conftest import ENVIRONMENT, Run
from rich.console import Console

import gdcli
from gdcli.contract.diagnosis import Finding, Remedy
from gdcli.render.diagnosis import diagnosis

BROADCAST = ["mse_loss(x, y)", "--x", "[[1], [2]]", "--y", "1,2", "--wrt", "x"]
WARNING = (
    "PyTorch warns: Using a target size (torch.Size([2])) that is different to the input size (torch.Size([2, 1])). "
    "This will likely lead to incorrect results due to broadcasting. Please ensure they have the same size."
)


def in_one_line(text: str) -> str:
    """A text without its line ends."""
    return " ".join(text.split())


# The title


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "title"),
    [
        (["minimize"], "minimize (x - 1.5)**2 over x"),
        (["minimize", "a*x**2", "--x", "1", "--a", "2", "--wrt", "x"], "minimize a*x**2 over x; a stays fixed"),
        (["minimize", "a*x + b", "--x", "1", "--a", "2", "--b", "0", "--wrt", "x"],
         "minimize a*x + b over x; a and b stay fixed"),
        (["minimize", "-x**2", "--x", "1", "--maximize"], "maximize -x**2 over x"),
        (["minimize", "rosenbrock"], "minimize rosenbrock over x, y"),
        (["fit-linear"], "fit W in torch.sum((torch.relu(W.matmul(x)) - target)**2); x and target stay fixed"),
        (["fit-linear", "--maximize"],
         "maximize over W torch.sum((torch.relu(W.matmul(x)) - target)**2); x and target stay fixed"),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, list) else "",
)  # fmt: skip
def test_a_title_says_what_moves_and_what_stays(run: Run, words: list[str], title: str) -> None:
    printed = in_one_line(run(*words, "--steps", "1", "--no-diagnose").out)
    assert printed.startswith(f"{title} iteration loss")


@pytest.mark.slow
def test_the_title_of_a_page_says_that_it_was_maximized(run: Run, tmp_path: Any) -> None:
    pytest.importorskip("plotly")
    page = tmp_path / "run.html"
    assert run("minimize", "--maximize", "--steps", "2", "--save", str(page)).code == 0
    assert '"title":"maximize (x - 1.5)**2"' in page.read_text(encoding="utf-8").replace('": "', '":"')


# The end


def test_a_run_that_goes_up_tells_its_largest_value(run: Run) -> None:
    out = run("minimize", "-(x - 1)**2", "--x", "3", "--lr", "1.02", "--steps", "3", "--maximize", "--no-diagnose").out
    losses, x = [], 3.0
    for _ in range(4):
        losses.append(-((x - 1) ** 2))
        x += 1.02 * -2 * (x - 1)
    assert max(losses) == losses[0] == -4
    assert f"loss {losses[-1]:.6g}; the largest was -4 at iteration 0\n" in out
    assert "smallest" not in out


def test_a_known_minimum_is_no_goal_of_a_run_that_goes_up(run: Run) -> None:
    words = ["minimize", "rosenbrock", "--steps", "1", "--lr", "1e-5", "--no-diagnose"]
    assert "known minimum: 0" in run(*words).out
    assert "known minimum" not in run(*words, "--maximize").out


# A run that rests


@pytest.mark.parametrize(
    ("expression", "values", "settings", "since"),
    [
        ("(x - 1.5)**2", {"x": 4}, {"lr": 0.5}, 1),
        ("(x - 1.5)**2 + 7", {"x": 4}, {"lr": 0.5, "steps": 2}, 1),
        ("(x - 1)**2 + 4*(y + 2)**2", {"x": 5, "y": 3}, {"optimizer": "newton", "steps": 9}, 1),
        ("sum((x - 1)**2)", {"x": [3, 4]}, {"lr": 0.25, "dtype": "float64"}, 55),
        ("-(x - 1)**2", {"x": 5}, {"lr": 0.5, "maximize": True, "steps": 9}, 1),
    ],
)
def test_a_run_that_rests_at_a_minimum_says_since_when(
    expression: str, values: dict[str, Any], settings: dict[str, Any], since: int
) -> None:
    record = gdcli.minimize(expression, values, settings=settings).result()
    resting = [all(g == 0 for g in gradients(step)) for step in record.iterations]
    assert resting.index(True) == since
    assert all(resting[since:])
    kind, curved = ("maximum", "negative") if settings.get("maximize") else ("minimum", "positive")
    told = [notice.message for notice in record.warnings if notice.code == "at-rest"]
    assert len(told) == 1
    assert told[0].startswith(
        f"at a {kind} since iteration {since}: the gradient is exactly 0 there and the curvature is {curved}, so "
    )


def gradients(step: Any) -> list[float]:
    """The numbers of all gradients of a step."""
    return [g for grad in step.grads.values() for g in torch.tensor(grad).reshape(-1).tolist()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expression", "values", "settings"),
    [
        ("(x - 1.5)**2", {"x": 4}, {"lr": 0.1}),  # still moves, or is held by the dtype with a gradient
        ("(x - 1.5)**2", {"x": 4}, {"lr": 0.5, "steps": 1}),  # has only just arrived
        ("relu(x)", {"x": 1}, {"lr": 0.5}),  # flat, not curved
        ("x**2 - abs(x)", {"x": 1.5}, {"lr": 0.75}),  # a peak, though autograd says slope 0 and curvature 2
        ("x**4", {"x": 1}, {"lr": 0.25}),  # a minimum, but not by its curvature
        ("x**2 - y**2", {"x": 1, "y": 0}, {"lr": 0.5}),  # a saddle
        ("x**3/3 - x", {"x": 2}, {"lr": 0}),  # does not move, but has a gradient
    ],
)
def test_no_run_rests_at_a_minimum_that_does_not(
    expression: str, values: dict[str, Any], settings: dict[str, Any]
) -> None:
    record = gdcli.minimize(expression, values, settings=settings).result()
    assert "at-rest" not in [notice.code for notice in record.warnings]


# CSV


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["minimize", "--steps", "3"],
        ["minimize", "--steps", "0"],
        ["minimize", "--steps", "50", "--tol-grad", "1e-1"],
        ["minimize", "--lr", "1.5", "--steps", "200"],
        ["minimize", "--update", "rebind"],
        ["minimize", "sum((x - 1)**2)", "--x", "3,5", "--steps", "2"],
        ["fit-linear", "--steps", "2"],
    ],
    ids=" ".join,
)
def test_csv_has_every_state_of_the_document_and_the_last_one(run: Run, words: list[str]) -> None:
    record = run(*words, "--json").json()
    steps = {step["iteration"]: step for step in [*record["iterations"], record["result"]]}
    rows = list(csv.DictReader(io.StringIO(run(*words, "--csv").out)))
    assert [int(row["iteration"]) for row in rows] == list(steps)
    for row, step in zip(rows, steps.values(), strict=True):
        assert float(row["loss"]) == step["loss"] or step["loss"] is None
        values = [x for value in step["values"].values() for x in torch.tensor(value).reshape(-1).tolist()]
        assert [float(cell) for name, cell in row.items() if name[0] in "xW"] == pytest.approx(values)


# Notes


def test_variables_without_a_gradient_share_a_note(run: Run) -> None:
    out = run("grad", "a*b*c", "--a", "1", "--b", "2", "--c", "3", "--wrt", "a").out
    assert out.count("note:") == 1
    assert in_one_line(out).endswith(
        "note: b.grad and c.grad are None: b and c are not in --wrt, so they do not require gradients and autograd "
        "skips them"
    )


def test_variables_without_a_path_share_a_note() -> None:
    record = gdcli.grad("x.detach()*y.detach() + z", {"x": 1, "y": 2, "z": 3})
    assert [notice.message for notice in record.warnings] == [
        "x.grad and y.grad are None: no differentiable path leads from the result back to x or y"
    ]


def test_variables_that_were_bound_anew_share_a_note() -> None:
    record = gdcli.minimize("x**2 + y**2 + z**2", {"x": 1, "y": 2, "z": 3}, update="rebind").result()
    (notice,) = record.warnings
    assert notice.message == (
        "x = x - lr * x.grad created a new tensor: grad_fn SubBackward0, is_leaf False (and so for y and z); "
        "backward() populates .grad of leaf tensors only, so x.grad, y.grad and z.grad stay None from now on; "
        "update x, y and z in place under torch.no_grad() instead (--update in-place)"
    )


@pytest.mark.parametrize("width", [40, 60, 80])
def test_options_that_a_remedy_names_stay_whole(width: int) -> None:
    options = "--x 0.12345678901234567,-0.98765432109876543 --lr 0.1"
    finding = Finding("saddle", "stuck at a saddle point", Remedy({}, options, "loss 1 after 2 steps", 1.0, None), {})
    file = io.StringIO()
    Console(file=file, width=width).print(diagnosis([finding], width), crop=False)
    assert set(options.split()) <= set(file.getvalue().split())


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 80])
def test_a_formula_is_neither_wrapped_nor_cut(run: Run, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    names = [f"coefficient_of_the_{number}_power" for number in ("first", "second", "third")]
    words = ["grad", " + ".join(f"{name}*x**{k}" for k, name in enumerate(names, 1)), "--x", "2", "--wrt", "x"]
    words += ["--symbolic", *(word for name in names for word in (f"--{name}", "3"))]
    formula = run(*words, "--json").json()["derivatives"][0]["formula"]
    assert len(formula) > 80
    monkeypatch.setitem(ENVIRONMENT, "COLUMNS", str(width))
    assert f"\n∂f/∂x = {formula}\n" in run(*words).out


# Warnings of PyTorch

WARNED = (["minimize", *BROADCAST, "--steps", "4"], ["grad", *BROADCAST], ["ops", *BROADCAST[:5]])


@pytest.mark.parametrize(
    "words",
    [["minimize", *BROADCAST, "--steps", "4"], ["grad", *BROADCAST], ["ops", "mse_loss(x, y)", *BROADCAST[1:5]]],
)
def test_a_warning_of_pytorch_is_one_note(run: Run, words: list[str]) -> None:
    outcome = run(*words)
    assert outcome.err == ""
    assert outcome.out.count("PyTorch warns") == 1
    assert f"note: {WARNING}" in in_one_line(outcome.out)
    quiet = run(*words, "--quiet")
    assert "warns" not in quiet.out
    assert quiet.err == ""


@pytest.mark.parametrize(
    "words",
    [["minimize", *BROADCAST, "--steps", "4"], ["grad", *BROADCAST], ["ops", "mse_loss(x, y)", *BROADCAST[1:5]]],
)
def test_a_warning_of_pytorch_stands_in_the_document(run: Run, words: list[str]) -> None:
    outcome = run(*words, "--json")
    assert outcome.err == ""
    told = [notice for notice in outcome.json()["warnings"] if notice["code"] == "pytorch"]
    assert told == [{"code": "pytorch", "message": WARNING}]


def test_a_warning_of_pytorch_stands_in_the_last_line(run: Run) -> None:
    outcome = run("minimize", *BROADCAST, "--steps", "4", "--jsonl")
    assert outcome.err == ""
    assert {"code": "pytorch", "message": WARNING} in outcome.lines()[-1]["warnings"]


@pytest.mark.parametrize("words", [["minimize", *BROADCAST, "--steps", "2"], ["grad", *BROADCAST]])
def test_beside_csv_a_warning_of_pytorch_is_on_standard_error_once(run: Run, words: list[str]) -> None:
    outcome = run(*words, "--csv")
    assert "warns" not in outcome.out
    assert outcome.err == f"warning: {WARNING.removeprefix('PyTorch warns: ')}\n"
    assert run(*words, "--csv", "--quiet").err == ""


def test_a_warning_before_an_error_is_told_too(run: Run) -> None:
    outcome = run("minimize", "sum(mse_loss(x, y)) + zeros(2)", *BROADCAST[1:])
    assert outcome.code == 2
    assert re.fullmatch(r"warning: Using a target size .*\nerror: .*", outcome.err, re.DOTALL)
