"""``minimize --batch``: each step sees a batch of rows. The right answers are loops of PyTorch by hand."""

from __future__ import annotations

import contextlib
import io
import json
import math
import random
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from conftest import Run

import gdcli
from gdcli.errors import GdcliError

ROWS = 23
LOSS = "((a*X + b - Y)**2).mean()"
DATA = f'"{LOSS}" --X @ex.csv:x --Y @ex.csv:y --a 0 --b 0 --lr 1e-3'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with ex.csv, in which each test runs."""
    monkeypatch.chdir(tmp_path)
    source = random.Random(0)
    lines = [
        f"{x:.4f},{1.2 * x - 3.9 + source.gauss(0, 3):.4f}\n" for x in (source.uniform(5, 22) for _ in range(ROWS))
    ]
    Path("ex.csv").write_text("x,y\n" + "".join(lines))


def columns() -> tuple[torch.Tensor, torch.Tensor]:
    cells = [list(map(float, line.split(","))) for line in Path("ex.csv").read_text().splitlines()[1:]]
    return torch.tensor([x for x, _ in cells]), torch.tensor([y for _, y in cells])


def batches_by_hand(size: int, seed: int | None) -> Iterator[torch.Tensor]:
    """The rows of each step, pass after pass."""
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    while True:
        order = torch.arange(ROWS) if generator is None else torch.randperm(ROWS, generator=generator)
        for start in range(0, ROWS, size):
            yield order[start : start + size]


def by_hand(optimizer: str, size: int, seed: int | None, steps: int) -> list[tuple[float, float, float]]:
    """Loss, a and b at each iteration, and at the end those of all rows."""
    X, Y = columns()
    a, b = torch.tensor(0.0, requires_grad=True), torch.tensor(0.0, requires_grad=True)
    made = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "lbfgs": torch.optim.LBFGS}[optimizer]([a, b], lr=1e-3)
    states = []
    for taken, _ in zip(batches_by_hand(size, seed), range(steps), strict=False):

        def closure(taken: torch.Tensor = taken) -> torch.Tensor:
            made.zero_grad()
            loss = ((a * X[taken] + b - Y[taken]) ** 2).mean()
            loss.backward()
            return loss

        states.append((((a * X[taken] + b - Y[taken]) ** 2).mean().item(), a.item(), b.item()))
        made.step(closure)
    return [*states, (((a * X + b - Y) ** 2).mean().item(), a.item(), b.item())]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize(("size", "seed"), [(1, None), (5, None), (5, 0), (8, 7), (ROWS, 3), (1_000, 3)])
def test_steps_on_batches_are_those_of_a_loop_by_hand(run: Run, optimizer: str, size: int, seed: int | None) -> None:
    order = "--no-shuffle" if seed is None else f"--seed {seed}"
    words = f"minimize {DATA} --batch X,Y --batch-size {size} {order} --optimizer {optimizer} --steps 12 --json"
    record = json.loads(run(*shlex.split(words)).out)
    states = [*record["iterations"], record["result"]]
    found = [(state["loss"], state["values"]["a"], state["values"]["b"]) for state in states]
    assert found == by_hand(optimizer, size, seed, 12)
    assert record["best"]["iteration"] == 12


def test_a_batch_of_all_rows_in_their_order_is_the_run_without_batches(run: Run) -> None:
    words = shlex.split(f"minimize {DATA} --steps 5 --json")
    without = json.loads(run(*words).out)
    within = json.loads(run(*words, "--batch", "X,Y", "--batch-size", "23", "--no-shuffle").out)
    assert [within[key] for key in ("iterations", "result")] == [without[key] for key in ("iterations", "result")]
    assert "batch" not in without["settings"]


def test_settings_of_a_record_make_the_same_run_again(run: Run) -> None:
    words = shlex.split(f"minimize {DATA} --batch X,Y --batch-size 4 --steps 9 --json")
    first = run(*words).out
    record = json.loads(first)
    assert [record["settings"][key] for key in ("batch", "batch_size", "shuffle")] == [["X", "Y"], 4, True]
    Path("run.json").write_text(first)
    assert run("minimize", "--config", "run.json", "--json").out == first


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    ["", "--no-shuffle --batch-size 7", "--optimizer adam --seed 5", "--optimizer lbfgs", "--batch-size 99",
     "--optimizer manual-backtracking", "--steps 0", "--dtype float64 --schedule exponential --sched gamma=0.9"],
)  # fmt: skip
def test_the_script_makes_the_same_steps(run: Run, options: str) -> None:
    words = shlex.split(f"minimize {DATA} --batch X,Y --batch-size 6 --steps 11 {options}")
    record = json.loads(run(*words, "--json").out)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(run(*words, "--code").out, {"__name__": "__main__"})
    lines = [
        re.findall(r"(?:a|b|loss|a\.grad|b\.grad) (\S+?)(?:,|$)", line) for line in printed.getvalue().splitlines()
    ]
    right = [
        [state["values"]["a"], state["values"]["b"], state["loss"], state["grads"]["a"], state["grads"]["b"]]
        for state in [*record["iterations"], record["result"]]
    ]
    assert [list(map(float, line[:5])) for line in lines] == right


def test_the_report_says_of_which_rows_the_loss_is(run: Run) -> None:
    text = run(*shlex.split(f"minimize {DATA} --batch X,Y --batch-size 4 --steps 3")).out
    assert "in batches of 4 of 23 rows" in " ".join(text.split())
    assert text.splitlines()[-1].endswith(" over all rows")
    text = run(*shlex.split(f"minimize {DATA} --batch X,Y --batch-size 400 --steps 100 --lr 10")).out
    assert "in batches of 23 of 23 rows" in " ".join(text.split())
    assert "diverged" in text
    assert text.splitlines()[-1].endswith(" over its batch")


def test_without_steps_the_loss_is_that_of_all_rows(run: Run) -> None:
    record = json.loads(run(*shlex.split(f"minimize {DATA} --batch X,Y --batch-size 4 --steps 0 --json")).out)
    assert record["result"]["loss"] == float((columns()[1] ** 2).mean())


def test_python_takes_batches_of_tensors() -> None:
    X, Y = columns()
    descent = gdcli.minimize(
        LOSS, X=X, Y=Y, a=0, b=0, batch=["X", "Y"], batch_size=5, seed=7, optimizer="sgd", lr=1e-3, steps=6
    )
    states = [(step.loss, step.values["a"], step.values["b"]) for step in descent]
    assert states == by_hand("sgd", 5, 7, 6)
    again = [(step.loss, step.values["a"], step.values["b"]) for step in descent]
    assert again == states


def test_batches_have_whole_matrices_and_labels_of_rows(run: Run) -> None:
    words = 'minimize "cross_entropy(X @ W, y)" --X "rand(10, 3)" --y "arange(10) % 2" --W "zeros(3, 2)" --batch X,y'
    record = json.loads(run(*shlex.split(f"{words} --batch-size 4 --steps 3 --json")).out)
    assert record["settings"]["wrt"] == ["W"]
    assert math.isclose(record["iterations"][0]["loss"], math.log(2), rel_tol=1e-6)
    assert record["result"]["loss"] < math.log(2)


ERRORS: list[tuple[str, str, str]] = [
    ("--batch X,Z", "--batch names 'Z', which is not a variable of the expression", "the variables are a, X, b, Y"),
    ("--batch X,y", "--batch names 'y', which is not a variable of the expression", "did you mean 'Y'?"),
    ("--batch X,Y --wrt X,a", "--batch takes rows of X, which moves as a whole", "leave X out of --wrt or --batch"),
    ("--batch X,a", "a is one number, so it has no rows", "leave a out of --batch"),
    ("--batch-size 3", "--batch-size is about batches of rows, and --batch names none", "--batch X,y"),
    ("--no-shuffle", "--shuffle is about batches of rows, and --batch names none", "--batch X,y"),
    ("--batch X,Y --batch-size 0", "--batch-size must be a whole number of at least 1, not '0'", ""),
    ("--batch X,Y --tol-grad 1e-3", "--tol-grad would test one batch, not all rows", "set --steps"),
    ("--batch X,Y --until 1", "--until would test one batch, not all rows", "leave out --until"),
    ("--batch X,Y --update rebind", "--update rebind takes no batches", ""),
    ("--batch X,Y --optimizer newton", "newton takes the second derivatives of all rows, not of a batch", ""),
    ("--batch X,Y --Y 1,2,3", "the variables of --batch have different numbers of rows: X has 23, Y has 3", ""),
    ("--batch X,Y,a,b", "every variable is data, so none moves", "--wrt a"),
]


@pytest.mark.parametrize(("options", "message", "hint"), ERRORS, ids=[options for options, _, _ in ERRORS])
def test_batches_that_cannot_be_taken_are_refused(run: Run, options: str, message: str, hint: str) -> None:
    ended = run(*shlex.split(f"minimize {DATA} {options}"))
    assert ended.code == 2
    assert message in ended.err
    assert hint in ended.err


def test_python_refuses_numbers_without_rows() -> None:
    with pytest.raises(GdcliError, match="a is one number, so it has no rows"):
        gdcli.minimize("(a*x).sum()", x=[1, 2], a=2, batch=["a"], wrt=["x"])
