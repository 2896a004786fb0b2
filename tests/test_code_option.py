"""``--code`` as an option: scripts to the character, where they go, and what is said when there can be none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Outcome, Run

NOTEBOOK = """\
# Minimize (x - 1.5)**2 by gradient descent.

import torch

# Integers alone would make an int64 tensor, which cannot require a gradient.
x = torch.tensor(4, dtype=torch.float32, requires_grad=True)

lr = 0.1
steps = 100

for i in range(steps + 1):
    loss = (x - 1.5)**2
    loss.backward()
    print(f"iteration {i}, x {x}, loss {loss}, grad {x.grad}")
    if i == 0:
        limit = 1e10 * max(1, abs(loss.item()))  # a larger loss may diverge
    finite = all(t.isfinite().all() for t in [loss, x.grad])
    norm = abs(x.grad.item())
    grown = abs(loss.item()) > limit and norm > last_norm
    if i == steps or not finite or grown:
        break  # after the last update, or when the run diverged
    last_norm = norm
    with torch.no_grad():  # autograd must not record the update
        x -= lr * x.grad
    x.grad.zero_()  # backward() adds to .grad
"""

LAYER = """\
# Fit W in softplus(W @ x) to target with torch.optim.SGD.

import math
import torch
import torch.nn.functional as F

torch.manual_seed(5)

W = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
x = torch.arange(4, dtype=torch.float64)
target = torch.tensor([1, 1.2, 1.4], dtype=torch.float64)

optimizer = torch.optim.SGD([W], lr=0.1, momentum=0.9)
steps = 10

for i in range(steps + 1):
    optimizer.zero_grad()  # backward() adds to .grad
    z = W.matmul(x)
    y = F.softplus(z)
    loss = torch.sum((y - target)**2)
    loss.backward()
    print(
        f"iteration {i}, W {W.tolist()}, loss {loss.item()}, "
        f"grad {W.grad.tolist()}"
    )
    if i == 0:
        limit = 1e10 * max(1, abs(loss.item()))  # a larger loss may diverge
    finite = all(t.isfinite().all() for t in [loss, W.grad])
    norm = math.hypot(*W.grad.flatten().tolist())
    grown = abs(loss.item()) > limit and norm > last_norm
    if i == steps or not finite or grown:
        break  # after the last update, or when the run diverged
    last_norm = norm
    optimizer.step()
"""

GRADIENT = """\
# The gradient of log(x**2 + y**2).

import torch

# Integers alone would make an int64 tensor, which cannot require a gradient.
x = torch.tensor(15, dtype=torch.float32, requires_grad=True)
y = torch.tensor(24, dtype=torch.float32)

value = torch.log(x**2 + y**2)
value.backward()

print("value", value.item())
print("grad_fn", value.grad_fn.name())
print("x.grad", x.grad.item())
print("y.grad", y.grad)  # None: y does not require a gradient
"""


@pytest.mark.parametrize(
    ("words", "script"),
    [
        (["minimize"], NOTEBOOK),
        (
            ["fit-linear", "--activation", "softplus", "--dtype", "float64", "--seed", "5", "--optimizer", "sgd",
             "--momentum", "0.9"],
            LAYER,
        ),
        (["grad"], GRADIENT),
    ],
    ids=["minimize", "fit-linear", "grad"],
)  # fmt: skip
def test_script_to_the_character(run: Run, words: list[str], script: str) -> None:
    assert run(*words, "--code") == Outcome(0, script, "")


@pytest.mark.slow
def test_config_of_a_run_gives_the_script_of_the_run(run: Run, tmp_path: Path) -> None:
    words = ["minimize", "x**2", "--x", "3", "--optimizer", "sgd", "--momentum", "0.5", "--lr", "0.2", "--steps", "7"]
    config = tmp_path / "run.json"
    config.write_text(run(*words, "--json").out)
    script = run("minimize", "--config", str(config), "--code").out
    assert "torch.optim.SGD([x], lr=0.2, momentum=0.5)" in script
    assert "steps = 7" in script


def test_code_goes_into_a_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    assert run("minimize", "(θ - 1)**2", "--θ", "2", "--code", "--output", str(path)) == Outcome(0, "", "")
    assert "loss = (θ - 1)**2\n" in path.read_text(encoding="utf-8")


def test_code_is_one_output_format(run: Run) -> None:
    said = "error: --csv and --code cannot be combined\nhint: keep one of them\n"
    assert run("minimize", "--code", "--csv") == Outcome(2, "", said)


@pytest.mark.process
def test_code_is_written_without_torch() -> None:
    lines = [
        "import sys",
        "from gdcli.cli.main import run",
        *(f"run([{command!r}, '--code'])" for command in ("ops", "grad", "minimize", "fit-linear")),
        "assert 'torch' not in sys.modules",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (
            ["minimize", "--lr", "auto"],
            "--lr auto computes the learning rate in a run, but a script is written without one",
            "run the command first, and give the lr that it shows: --lr NUMBER",
        ),
        (
            ["minimize", "--momentum", "0.9"],
            "manual has no momentum",
            "use --optimizer manual-momentum --momentum 0.9; manual-nesterov, sgd, rmsprop and muon have it too",
        ),
        (
            ["grad", "x**2", "--x", "1,2", "--each"],
            "a script evaluates one point, but 'each' asks for many",
            "leave out --each",
        ),
    ],
)  # fmt: skip
def test_what_no_script_can_do_is_said(run: Run, words: list[str], message: str, hint: str) -> None:
    assert run(*words, "--code") == Outcome(2, "", f"error: {message}\nhint: {hint}\n")


@pytest.mark.parametrize(
    ("words", "comment"),
    [
        (["grad", "--explain", "--check"], "# Not in this script: --explain, --check."),
        (["minimize", "--walk"], "# Not in this script: --walk."),
    ],
)
def test_what_the_script_leaves_out_is_said(run: Run, words: list[str], comment: str) -> None:
    assert comment in run(*words, "--code").out.splitlines()


def test_a_row_that_is_no_expression_is_a_comment(run: Run) -> None:
    script = run("ops", "sinn(a)", "a", "--a", "1", "--code").out
    assert script.endswith("# sinn(a): unknown function 'sinn'\nshow(\"a\", a)\n")
