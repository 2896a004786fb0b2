"""Programs: cells as a notebook has them, against the same cell run by Python with PyTorch."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Run

from gdcli.errors import ExpressionError, caret
from gdcli.lang.constructors import Environment
from gdcli.lang.nodes import postorder
from gdcli.lang.objective import build
from gdcli.lang.parsing import parse
from gdcli.lang.values import bind
from gdcli.tensors import variables

CELLS = Path(__file__).parent / "cells"
LECTURE = (CELLS / "a_layer.txt").read_text()
"""The cell of the lecture notebook with its layer."""


def cells(kind: str) -> list[Any]:
    """The cells whose first line says ``# kind: words``, each with these words."""
    found = []
    for path in sorted(CELLS.glob("*.txt")):
        cell = path.read_text()
        if words := re.match(f"# {kind}: (.*)", cell):
            found.append(pytest.param(cell, words[1], id=path.stem))
    return found


def by_python(cell: str, result: str) -> tuple[torch.Tensor, dict[str, Any]]:
    """The result of a cell, and its names, as Python with PyTorch has them."""
    names: dict[str, Any] = {"torch": torch}
    if "manual_seed" not in cell:
        torch.manual_seed(0)
    exec("\n".join(line for line in cell.split("\n") if "backward()" not in line), names)
    return names[result], names


@pytest.mark.parametrize(("cell", "result"), cells("result"))
def test_a_cell_gives_what_python_gives(run: Run, cell: str, result: str) -> None:
    expected, names = by_python(cell, result)
    record = run("grad", cell, "--json").json() if expected.numel() == 1 else run("ops", cell, "--json").json()
    assert (record["value"] if "value" in record else record["rows"][-1]["value"]) == expected.tolist()
    if "requires_grad" in cell:
        expected.sum().backward()
        leaves = {k: v for k, v in names.items() if isinstance(v, torch.Tensor) and v.is_leaf and v.requires_grad}
        assert {k: g for k, g in record["grads"].items() if g is not None} == {
            k: v.grad.tolist() for k, v in leaves.items() if v.grad is not None
        }


def test_what_has_requires_grad_moves_and_options_override_values(run: Run) -> None:
    record = run("minimize", LECTURE, "--steps", "2", "--target", "[0, 0, 0]", "--json").json()
    assert record["settings"]["wrt"] == ["W"]
    assert record["settings"]["values"]["target"] == "[0, 0, 0]"
    torch.manual_seed(0)
    W = torch.rand(3, 4, requires_grad=True)
    x = torch.arange(4, dtype=torch.float32)
    losses = []
    for _ in range(2):
        loss = torch.sum(torch.relu(W.matmul(x)) ** 2)
        losses.append(loss.item())
        (gradient,) = torch.autograd.grad(loss, W)
        W = (W - 0.1 * gradient).detach().requires_grad_()
    assert [state["loss"] for state in record["iterations"]] == losses


@pytest.mark.parametrize(
    ("cell", "moving"),
    [
        ("a = -4.0; b = 2.0; y = a * b", ["a", "b"]),
        ("a = torch.tensor(1.); n = torch.tensor([1, 0], dtype=torch.int64); y = a * sum(n)", ["a"]),
        ("a = torch.tensor(1., requires_grad=True); b = torch.tensor(2.); y = a * b", ["a"]),
        ("a = torch.tensor(1.).requires_grad_(); b = torch.tensor(2.); y = a * b", ["a"]),
        ("a = nn.Parameter(torch.tensor(1.)); b = torch.tensor(2.); y = a * b", ["a"]),
        ("a = torch.tensor(1.); b = torch.tensor(2.); b.requires_grad = True; y = a * b", ["b"]),
        (
            "a = torch.tensor(1., requires_grad=True); a.requires_grad_(False); b = torch.tensor(2.); y = a*b",
            ["a", "b"],
        ),
    ],
)
def test_which_variables_move(run: Run, cell: str, moving: list[str]) -> None:
    assert run("grad", cell, "--json").json()["settings"]["wrt"] == moving


def test_the_record_of_a_program_runs_again_to_the_same_bytes(run: Run, tmp_path: Path) -> None:
    first = run("minimize", LECTURE, "--steps", "3", "--json")
    (tmp_path / "run.json").write_text(first.out)
    assert run("minimize", "--config", str(tmp_path / "run.json"), "--json").out == first.out


def test_a_program_comes_from_a_file_or_standard_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cell.py").write_text(LECTURE.replace("\n", "\r\n"))
    expected = run("grad", LECTURE, "--json").out
    assert run("grad", "--file", str(tmp_path / "cell.py"), "--json").out == expected
    assert run("grad", "--file", "-", "--json", stdin=LECTURE).out == expected


def test_ops_has_a_row_for_each_value_that_is_printed(run: Run) -> None:
    cell = "a = torch.tensor([1., 2.])\nb = a * 2\na, b\n"
    cell += "print('b is', b, sep=''); print(f'{b}')\na.dtype\nc = b + 1\nb.sum()"
    rows = run("ops", cell, "--json").json()["rows"]
    assert [(row["expression"], row["value"]) for row in rows] == [
        ("a", [1, 2]),
        ("b", [2, 4]),
        ("b", [2, 4]),
        ("a", [1, 2]),
        ("b.sum()", 6),
    ]


def test_the_title_says_what_moves_and_what_stays(run: Run) -> None:
    out = run("minimize", LECTURE, "--steps", "2").out
    title = "minimize loss = torch.sum((y - target)**2) over W (3x4); x and target stay fixed"
    assert " ".join(out.split("iteration")[0].split()) == title


@pytest.mark.parametrize("name", ["mean", "std", "cos", "threshold", "tau", "e", "pi"])
def test_a_name_that_is_given_a_value_is_a_variable(run: Run, name: str) -> None:
    record = run("grad", f"3*{name}**2", f"--{name}", "2", "--json").json()
    assert (record["value"], record["grads"]) == (12, {name: 12})
    assert run("grad", f"{name} = 2.0; y = 3*{name}**2", "--json").json()["grads"] == {name: 12}


@pytest.mark.parametrize(("cell", "refused"), cells("refused"))
def test_a_loop_is_refused_at_its_line_with_the_command_that_runs_it(
    run: Run, tmp_path: Path, cell: str, refused: str
) -> None:
    number, options = refused.split(" ", 1)
    line = int(number)
    path = tmp_path / "loop.py"
    path.write_text(cell)
    outcome = run("minimize", "--file", str(path))
    assert outcome.code == 2
    assert f"\n  line {line}: {cell.splitlines()[line - 1].strip()}" in outcome.err
    assert outcome.err.rstrip().endswith(f"and run: gdcli minimize --file {path} {options}")


def test_what_the_hint_about_a_loop_says_leads_out(run: Run, tmp_path: Path) -> None:
    cell = (CELLS / "loop_by_hand.txt").read_text()
    path = tmp_path / "loop.py"
    path.write_text(re.sub("(?m)^for.*\n|^    (with|    x|x).*\n", "", cell).replace("    ", ""))
    record = run("minimize", "--file", str(path), "--lr", "0.1", "--steps", "100", "--json").json()
    assert record["iterations"][3]["values"]["x"] == 2.7799999713897705  # as the notebook prints it


@pytest.mark.parametrize(
    ("cell", "place", "message", "hint"),
    [
        (
            "y = torch.relo(x)\ny",
            "line 1: y = torch.relo(x)\n              ^^^^^^^^^^",
            "unknown function 'torch.relo'",
            "relu",
        ),
        (
            "a = 1.\ny = 2a",
            "line 2: y = 2a\n              ^^",
            "an operator is missing between '2' and 'a'",
            "write 2*a",
        ),
        (
            "a = 1.\ny = a^2",
            "line 2: y = a^2\n               ^",
            "'^' is not the power operator in PyTorch",
            "write a**2",
        ),
        ("a = 1.\n\ny = (a +\n  b", "line 3: y = (a +\n              ^", "'(' was never closed", "add ')'"),
        ("import os\nx", "line 1: import os\n          ^^^^^^^^^", "a program cannot import os", "remove the line"),
        ("from os import path\nx", "line 1: from os", "a program cannot import os", "remove the line"),
        ("if x > 0: y = x\nx", "line 1: if x > 0: y = x\n", "'if' is not part of a program", "where"),
        ("class A: pass\nx", "line 1: class A: pass\n", "'class' is not part of a program", "def f(x)"),
        ("%matplotlib inline\nx", "line 1: %matplotlib", "a line that begins with '%' is a command", "remove"),
        (
            "x[0] = 3\nx",
            "line 1: x[0] = 3\n          ^^^^",
            "'x[0]' cannot be given a value",
            "write where(mask, a, b)",
        ),
        ("def f(u): return f(u)\ny = f(x)", "line 1: def f(u): return f(u)\n", "'f' calls itself", ""),
        (
            "def f(u):\n  v = u\ny = f(x)",
            "line 3: y = f(x)\n              ^^^^",
            "the function 'f' returns nothing",
            "return",
        ),
        (
            "def f(u): return u\ny = f(x, x)",
            "line 2: y = f(x, x)\n                   ^",
            "f takes 1 argument, but 2",
            "",
        ),
        ("def f(u): return u\ny = f()", "line 2: y = f()\n              ^^^", "f needs the argument 'u'", ""),
        ("def f(u): return u\ny = f(v=x)", "line 2: y = f(v=x)\n                ^^^", "f has no argument 'v'", ""),
        (
            "def f(u): return u\ny = f + 1",
            "line 2: y = f + 1\n              ^",
            "'f' is a function and must be called",
            "",
        ),
        ("def f(*u): return u\ny = f(x)", "line 1: def f(*u)", "takes no * arguments", "name each parameter"),
        ("return x\nx", "line 1: return x\n", "'return' is only part of a function", ""),
        ("x = 1.\ny = x\nx = 2.\nz = x", "line 3: x = 2.\n", "'x' gets a second value", "another name"),
        ("y += 1\ny", "line 1: y += 1\n", "'y' has no value yet", "give it a value first: y = 1.0"),
        ("x = 1.\n  y = x", "line 2:   y = x\n", "the indentation of this line does not match", ""),
        ("a, b = 1., 2., 3.\na", "line 1: a, b = 1., 2., 3.\n", "3 values for 2 names", ""),
        ("x = 1.\ny = x*2\ny.requires_grad_()\ny", "line 3: y.requires_grad_()\n", "and 'y' is none", ""),
        ("x = 1.\ny = x**2\ny.backward()\ny.backward()", "line 4: y.backward()\n          ^", "a second time", ""),
        (
            "y = x**2\nloss.backward()",
            "line 2: loss.backward()\n          ^^^^\n",
            "the program gives nothing to 'loss'",
            "",
        ),
        (
            "x = torch.tensor([1., 2.)\ny = x",
            "line 1: x = torch.tensor([1., 2.)\n                           ^",
            "'[' was",
            "']'",
        ),
        ("def f(u):\nreturn u\nf(x)", "line 1: def f(u):\n", "the function has no body", "indent its lines"),
        ("y = x.__class__\ny", "line 1: y = x.__class__\n", "'.__class__' is not part", ""),
        ("x = 1.\nz = __import__('os')", "line 2: z = __import__('os')\n", "unknown function '__import__'", ""),
    ],
)
def test_an_error_stands_at_its_line(cell: str, place: str, message: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(cell)
    error = caught.value
    assert message in error.message
    assert hint in error.hint
    assert f"  {place}" in f"{caret(error.source, error.span)}\n"


def test_an_error_of_pytorch_stands_at_its_line(run: Run) -> None:
    outcome = run("grad", "W = torch.ones(3, 4)\nx = torch.ones(3)\nz = W.matmul(x)\nloss = z.sum()")
    assert "\n  line 3: z = W.matmul(x)\n              ^^^^^^^^^^^\n" in outcome.err


def test_a_wrong_file_is_told(run: Run, tmp_path: Path) -> None:
    for content, said in {
        b"": "is empty",
        b"x = '\xff'": "is not UTF-8 in line 1",
        b"x" * 200_000: "longer than 100,000",
    }.items():
        (tmp_path / "cell.py").write_bytes(content)
        outcome = run("grad", "--file", str(tmp_path / "cell.py"))
        assert (outcome.code, said in outcome.err) == (2, True)
    outcome = run("grad", "--file", str(tmp_path / "cel.py"))
    assert outcome.code == 1
    assert "cannot read the program" in outcome.err
    assert "cell.py" in outcome.err
    assert "cannot be used together" in run("grad", "x**2", "--x", "1", "--file", str(tmp_path / "cell.py")).err


def test_a_name_that_doubles_forty_times_is_evaluated_once_a_statement() -> None:
    program = parse("a = x\n" + "\n".join(["a = a + a"] * 40))
    assert sum(1 for _ in postorder(program.root)) < 200
    value = build(program, Environment(torch.float64, "cpu", 0))(torch.tensor(1.0, dtype=torch.float64))
    assert value.item() == 2.0**40


def test_calls_that_unroll_without_end_meet_the_limit_of_nodes() -> None:
    lines = ["def f0(x): return x + x"]
    lines += [f"def f{k}(x): return f{k - 1}(x) + f{k - 1}(x)" for k in range(1, 20)]
    with pytest.raises(ExpressionError, match="more than 5,000 parts"):
        parse("\n".join([*lines, "y = f19(z)"]))


def test_values_are_drawn_in_the_order_in_which_they_are_given() -> None:
    cell = "b = torch.rand(2)\na = torch.rand(2)\nr = torch.sum(a * b**2)"
    program = parse(cell)
    tensors = variables(bind([program], program.values), Environment(torch.float32, "cpu", 0), [])
    torch.manual_seed(0)
    assert tensors["b"].tolist() == torch.rand(2).tolist()
    assert list(tensors) == ["b", "a"]


def test_the_json_of_a_program_has_its_source(run: Run) -> None:
    record = json.loads(run("grad", LECTURE, "--json").out)
    assert record["settings"]["expression"] == LECTURE.rstrip("\n")


def test_noise_in_data_is_drawn_once_for_all_steps(run: Run) -> None:
    cell = (CELLS / "noise_drawn_around_data.txt").read_text()
    record = run("minimize", cell, "--lr", "0.5", "--steps", "100", "--json").json()
    torch.manual_seed(0)
    x = torch.linspace(0, 1, 20)
    y = 2 * x + 1 + 0.3 * torch.randn(20)
    w, b = torch.randn(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    for state in record["iterations"]:
        loss = ((w * x + b - y) ** 2).mean()
        assert state["loss"] == loss.item()
        loss.backward()
        with torch.no_grad():
            for leaf in (w, b):
                leaf -= 0.5 * leaf.grad  # type: ignore[operator]
                leaf.grad = None
    assert "noise = torch.randn(20)" in run("grad", cell.replace("y = 2*x", "z = x*2\ny = z")).err


@pytest.mark.parametrize(
    ("cell", "title"),
    [
        ("x = torch.tensor(2., requires_grad=True); y = x**2; w = 3.0; y.backward()", "y = x**2 = 4"),
        ("x = torch.tensor(2.)\ny = x**2\nx.requires_grad = True\ny.backward()", "y = x**2 = 4"),
        ("x = torch.tensor(2.)\ny = x**2\nprint('loss', y.item())", "y = x**2 = 4"),
    ],
)
def test_a_title_has_the_statement_of_the_result(run: Run, cell: str, title: str) -> None:
    assert run("grad", cell).out.startswith(title)


@pytest.mark.parametrize("words", [["--z", "3"], ["--wrt", "z"]])
def test_what_the_program_computes_is_no_variable(run: Run, words: list[str]) -> None:
    outcome = run("grad", "x = 2.\nz = x**2\ny = z + 1", *words)
    assert outcome.err == (
        "error: 'z' is computed by the program\n  line 2: z = x**2\n          ^^^^^^^^\nhint: the only variable is x\n"
    )
