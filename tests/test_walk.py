"""The update with the numbers in it: what is shown is what the run did, and it adds up."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from conftest import ENVIRONMENT, Run

import gdcli
from gdcli.contract.descent import Update
from gdcli.descent import run as running
from gdcli.rules.catalogue import RULES

Given = dict[str, Any]

PROBLEMS: dict[str, Given] = {
    "scalar": {"expression": "(x - 1.5)**2", "values": {"x": 4.0}},
    "two scalars": {"expression": "(1 - x)**2 + 10*(y - x**2)**2", "values": {"x": -1.2, "y": 1.0}, "lr": 0.01},
    "vector": {"expression": "sum(log(1 + exp(-x)) + 0.1*x**2)", "values": {"x": [3.0, -1.5, 0.2]}},
    "matrix": {"expression": "sum(tanh(W @ [1, 2] - 0.5)**2)", "values": {"W": "rand(3, 2) - 0.5"}},
}
# Rules whose equations, evaluated in the dtype of the run, give the next numbers to the last bit: they are the code.
EXACT: dict[str, Given] = {
    "manual": {},
    "manual, weight decay": {"weight_decay": 0.1},
    "manual, up": {"maximize": True, "lr": 0.01},
    "rebind": {"update": "rebind"},
    "manual-momentum": {"optimizer": "manual-momentum", "momentum": 0.9},
    "manual-nesterov": {"optimizer": "manual-nesterov", "weight_decay": 0.01},
    "manual-adam": {"optimizer": "manual-adam", "lr": 0.1},
    "manual-rmsprop": {"optimizer": "manual-rmsprop", "weight_decay": 0.01},
    "manual-rmsprop, eps inside": {"optimizer": "manual-rmsprop", "opt": {"eps_inside": True}},
    "manual-backtracking": {"optimizer": "manual-backtracking", "lr": 1.0, "opt": {"shrink": 0.3}},
    "manual-exact": {"optimizer": "manual-exact", "lr": 1.0},
    "schedule": {"schedule": "exponential", "sched": {"gamma": 0.9}},
    "clipped": {"clip_norm": 0.5},
}
# Those of torch.optim: PyTorch fuses or reorders some operations, and the last digit may differ.
ROUNDED: dict[str, Given] = {
    "sgd": {"optimizer": "sgd"},
    "sgd, momentum": {"optimizer": "sgd", "momentum": 0.9},
    "sgd, nesterov": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    "sgd, everything": {"optimizer": "sgd", "momentum": 0.5, "dampening": 0.1, "weight_decay": 0.01},
    "sgd, up": {"optimizer": "sgd", "momentum": 0.5, "weight_decay": 0.01, "maximize": True, "lr": 0.01},
    "adam": {"optimizer": "adam", "lr": 0.1, "weight_decay": 0.01},
    "adamw": {"optimizer": "adamw", "lr": 0.1},
    "newton": {"optimizer": "newton", "lr": 0.5},
    "newton, damped": {"optimizer": "newton", "opt": {"damping": 0.5}},
    "adagrad": {"optimizer": "adagrad", "lr": 0.1, "opt": {"lr_decay": 0.1}},
    "rmsprop": {"optimizer": "rmsprop"},
    "rmsprop, momentum": {"optimizer": "rmsprop", "momentum": 0.9},
}


def walked(given: Given) -> Any:
    """The record of a run with --walk."""
    rest = {
        "steps": 6,
        "walk": True,
        "diagnose": False,
        **{k: v for k, v in given.items() if k not in ("expression", "values")},
    }
    values = given.get("values", {})
    return gdcli.minimize(given.get("expression", ""), values, settings=rest).result()


def tensor(value: Any, dtype: torch.dtype) -> Any:
    return torch.tensor(value, dtype=dtype)


def sides(update: Update, dtype: torch.dtype) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """For each equation, what its formula gives in the dtype of the run, and what the run had there."""
    changing = re.compile("before|after|gradient|buffer|mean|square|sum|direction|hessian")
    terms = {k: tensor(v, dtype) if changing.match(k) else v for k, v in update.terms.items()}
    both = [(eval(e.formula, {"sqrt": torch.sqrt}, terms), terms[e.symbol]) for e in update.equations]
    return [tuple(torch.as_tensor(side) for side in pair) for pair in both]  # type: ignore[misc]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("options", EXACT)
def test_equations_of_rules_by_hand_give_the_bits_of_the_run(options: str, problem: str, dtype: str) -> None:
    record = walked({**PROBLEMS[problem], **EXACT[options], "dtype": dtype})
    assert record.walk
    for update in record.walk:
        assert update.equations
        for computed, seen in sides(update, getattr(torch, dtype)):
            assert torch.equal(computed, seen), update


# The Hessian of the matrix is singular, and newton makes no step there.
ROUNDED_ON = [(o, p) for o in ROUNDED for p in PROBLEMS if not (o.startswith("newton") and p == "matrix")]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("options", "problem"), ROUNDED_ON)
def test_equations_of_torch_optim_hold_within_rounding(options: str, problem: str, dtype: str) -> None:
    record = walked({**PROBLEMS[problem], **ROUNDED[options], "dtype": dtype})
    eps = torch.finfo(getattr(torch, dtype)).eps
    assert record.walk
    for update in record.walk:
        assert update.equations
        before = tensor(update.terms["before"], getattr(torch, dtype))
        for computed, seen in sides(update, before.dtype):
            assert bool(((computed - seen).abs() <= 2 * eps * torch.maximum(seen.abs(), before.abs())).all()), update


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_equations_or_says_that_it_has_none(rule: str) -> None:
    record = walked({"expression": "sum((W - 1)**2)", "values": {"W": "rand(2, 2)"}, "optimizer": rule, "steps": 3})
    assert len(record.walk) == 3
    for update in record.walk:
        assert (
            update.equations
            or update.note == f"no equation is shown for {rule}; gdcli optimizers {rule} shows its formula"
        )


@pytest.mark.parametrize("problem", PROBLEMS)
def test_updates_lead_from_each_state_to_the_next(problem: str) -> None:
    record = walked({**PROBLEMS[problem], "optimizer": "sgd", "momentum": 0.9})
    states = [*record.iterations, record.result]
    names = list(record.result.values)
    assert [(u.iteration, u.variable) for u in record.walk] == [(i, name) for i in range(6) for name in names]
    for update in record.walk:
        i, name = update.iteration, update.variable
        assert update.terms["before"] == states[i].values[name]
        assert update.terms["gradient"] == states[i].grads[name]
        assert update.terms["after"] == states[i + 1].values[name]
        assert update.terms["lr"] == states[i].lr


def test_buffer_is_the_one_of_torch_optim() -> None:
    x = torch.tensor(4.0, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=0.1, momentum=0.9)
    buffers = []
    for _ in range(6):
        optimizer.zero_grad()
        ((x - 1.5) ** 2).backward()
        optimizer.step()
        buffers.append(optimizer.state[x]["momentum_buffer"].item())
    record = walked({"optimizer": "sgd", "momentum": 0.9})
    assert [update.terms["buffer"] for update in record.walk] == buffers
    assert [update.terms.get("buffer_before") for update in record.walk] == [None, *buffers[:-1]]


def test_gradient_is_the_clipped_one() -> None:
    update = walked({"clip_value": 1.0}).walk[0]
    assert (update.terms["gradient"], update.terms["after"]) == (1.0, pytest.approx(3.9))


def test_rate_is_the_one_of_the_step() -> None:
    record = walked({"schedule": "exponential", "sched": {"gamma": 0.5}, "steps": 3})
    assert [update.terms["lr"] for update in record.walk] == [0.1, 0.05, 0.025]


def test_bounds_put_a_variable_back() -> None:
    record = walked({"bound": {"x": [3.2, 9.0]}, "steps": 2})
    assert [update.projected for update in record.walk] == [None, pytest.approx(3.2)]
    assert record.walk[1].terms["after"] < 3.2
    assert record.result.values["x"] == record.walk[1].projected


def test_variable_without_a_gradient_stays() -> None:
    record = walked({"expression": "x**2 + float(y > 0)", "values": {"x": 2.0, "y": 3.0}, "steps": 1})
    update = record.walk[1]
    assert (update.terms["gradient"], update.terms["before"], update.terms["after"]) == (None, 3.0, 3.0)
    assert update.note == "y.grad is None, so y does not change"


@pytest.mark.slow
def test_diverging_run_has_no_update_at_its_end() -> None:
    record = walked({"lr": 1.5, "steps": 1000})
    assert record.status == "diverged"
    assert [update.iteration for update in record.walk] == list(range(record.result.iteration))


def test_run_without_walk_has_none_and_does_nothing_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a walk was made")

    monkeypatch.setattr(running, "Walked", refuse)
    record = gdcli.minimize(steps=3).result()
    assert not isinstance(record.walk, list)


def test_walk_stands_in_the_json_when_it_is_asked_for(run: Run) -> None:
    document = run("minimize", "--walk", "--steps", "2", "--json").json()
    assert document["settings"]["walk"] is True
    assert document["walk"][0] == {
        "iteration": 0,
        "variable": "x",
        "terms": {"before": 4.0, "gradient": 5.0, "lr": 0.1, "after": 3.5},
        "equations": [{"symbol": "after", "formula": "before - lr * gradient"}],
        "projected": None,
        "note": "",
    }
    assert len(document["walk"]) == 2
    assert "walk" not in run("minimize", "--steps", "2", "--json").json()


def test_walk_stands_between_the_json_lines(run: Run) -> None:
    lines = run("fit-linear", "--walk", "--steps", "2", "--jsonl").lines()
    assert [line["record"] for line in lines] == ["settings", "step", "update", "step", "update", "result"]
    assert lines[2]["terms"]["after"] == lines[3]["values"]["W"]


def test_csv_has_no_place_for_a_walk(run: Run) -> None:
    said = run("minimize", "--walk", "--csv")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: the equations of --walk cannot be printed as CSV\nhint: ")


# What people read.

PLAIN = """\
minimize (x - 1.5)**2 over x
iteration   loss   update
────────────────────────────────────────────────────────────
        0   6.25   x₁ = x₀ − lr · grad = 4 − 0.1 · 5 = 3.5
        1   4      x₂ = x₁ − lr · grad = 3.5 − 0.1 · 4 = 3.1

        2   2.56   x₂ = 3.1
stopped after 2 steps
x = 3.1
loss 2.56
"""

ASCII = """\
minimize x**2 + 3*y over x, y
iteration | loss | update
----------+------+------------------------------------------
        0 | 7    | x1 = x0 - lr * x.grad = 1 - 0.1 * 2 = 0.8
          |      | y1 = y0 - lr * y.grad = 2 - 0.1 * 3 = 1.7
----------+------+------------------------------------------
        1 | 5.74 | x1 = 0.8
          |      | y1 = 1.7
stopped after 1 step
x = 0.8
y = 1.7
loss 5.74
"""

ELEMENTS = """\
v₁[0] = μ · v₀[0] + grad[0] = 0.9 · 0 + 2 = 2
            x₁[0] = x₀[0] − lr · v₁[0] = 1 − 0.1 · 2 = 0.8
            v₁[1] = μ · v₀[1] + grad[1] = 0.9 · 0 + (−4) = −4
            x₁[1] = x₀[1] − lr · v₁[1] = −2 − 0.1 · (−4) = −1.6
"""

NORMS = """\
W₁ = W₀ − lr · grad
               |W₀| = 6, lr = 0.1, |grad| = 12, |W₁| = 4.8
"""


def shown(run: Run, *words: str, encoding: str = "utf-8") -> str:
    done = run("minimize", *words, "--walk", "--no-diagnose", encoding=encoding)
    assert (done.code, done.err) == (0, "")
    return done.out


def lines(text: str) -> list[str]:
    """Lines with every run of spaces as one: the widths of columns are another test's."""
    return [" ".join(line.split()) for line in text.splitlines()]


def contains(text: str, part: str) -> bool:
    return "\n".join(lines(part)) in "\n".join(lines(text))


def test_equations_stand_beside_the_loss(run: Run) -> None:
    assert shown(run, "--steps", "2") == PLAIN


def test_signs_are_ascii_where_the_encoding_has_no_others(run: Run) -> None:
    assert shown(run, "x**2 + 3*y", "--x", "1", "--y", "2", "--steps", "1", encoding="ascii") == ASCII


def test_signs_are_ascii_on_a_terminal_that_has_no_others(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "TERM", "linux")
    assert "x1 = x0 - lr * grad = 4 - 0.1 * 5 = 3.5" in shown(run, "--steps", "1")


def test_names_that_end_in_a_digit_keep_apart_from_the_iteration(run: Run) -> None:
    words = ["x1**2", "--x1", "1", "--steps", "1"]
    assert "x1₁ = x1₀ − lr · grad = 1 − 0.1 · 2 = 0.8" in shown(run, *words)
    assert "x1_1 = x1_0 - lr * grad = 1 - 0.1 * 2 = 0.8" in shown(run, *words, encoding="ascii")


def test_small_tensors_are_shown_by_element_and_large_ones_by_norms(run: Run) -> None:
    words = ["sum(x**2)", "--x", "[1, -2]", "--steps", "1", "--optimizer", "manual-momentum"]
    assert contains(shown(run, *words), ELEMENTS)
    assert contains(shown(run, "sum(W**2)", "--W", "full((3, 3), 2)", "--steps", "1"), NORMS)


def test_an_equation_that_does_not_fit_goes_on_below(run: Run) -> None:
    words = [
        "x**2",
        "--x",
        "-3",
        "--optimizer",
        "sgd",
        "--momentum",
        "0.9",
        "--dampening",
        "0.1",
        "--weight-decay",
        "0.5",
    ]
    out = shown(run, *words, "--steps", "2")
    assert contains(
        out, "v₂ = μ · v₁ + (1 − dampening) · (grad + wd · x₁)\n= 0.9 · (−7.5) + (1 − 0.1) · ((−4.5) + 0.5 ·"
    )
    assert max(map(len, out.splitlines())) <= 80


def test_the_loss_makes_room_for_equations_of_one_line(run: Run) -> None:
    out = shown(run, "--steps", "30")
    assert "x₃₀ = x₂₉ − lr · grad = 1.50387 − 0.1 · 0.00773716 = 1.50309" in out
    assert "the losses do not fit" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.slow
def test_long_walks_show_their_ends(run: Run) -> None:
    out = lines(shown(run, "--steps", "1000", "--digits", "3"))
    iterations = [int(line.split()[0]) for line in out if re.match(r"\d+ (?!rows)", line)]
    assert iterations == [*range(20), *range(980, 1000), 1000]
    assert "960 rows left out (--all shows them, --every N every Nth)" in out
    every = lines(shown(run, "--steps", "1000", "--digits", "3", "--every", "250"))
    assert [int(line.split()[0]) for line in every if re.match(r"\d+ (?!rows)", line)] == [0, 250, 500, 750, 1000]
    whole = lines(shown(run, "--steps", "300", "--digits", "3", "--all"))
    assert len([line for line in whole if re.match(r"\d+ (?!rows)", line)]) == 301


@pytest.mark.parametrize("options", [[], ["--optimizer", "sgd", "--momentum", "0.9"]], ids=["plain", "momentum"])
def test_shown_numbers_add_up_to_the_next_ones(run: Run, monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    monkeypatch.setitem(ENVIRONMENT, "COLUMNS", "200")
    words = ["sum(x**2 * [1, 3])", "--x", "[4, -1.7]", "--steps", "8", "--digits", "17", *options]
    out = shown(run, *words, encoding="ascii")
    equations = [line.rpartition(" | ")[2].split(" = ") for line in out.splitlines() if line.count(" = ") == 3]
    assert len(equations) == (16 if not options else 30)  # the first two buffers are the gradient itself
    last: dict[str, str] = {}
    for name, _, numbers, value in equations:
        assert last.get(name[0] + name[2:], "") in numbers  # it goes on from the number shown before
        last[name[0] + name[2:]] = value
        computed = eval(re.sub(r"\d[\d.]*(?:e-?\d+)?", r"tensor(\g<0>)", numbers), {"tensor": torch.tensor})
        size = max(abs(float(value)), *(abs(float(n)) for n in re.findall(r"-?\d[\d.]*", numbers)))
        error = abs(computed.item() - float(value))
        assert error == 0 if not options else error <= 2 * torch.finfo(torch.float32).eps * size


def test_a_rule_without_equations_shows_where_it_went(run: Run) -> None:
    out = shown(run, "--steps", "2", "--optimizer", "nadam")
    assert contains(out, "x₀ = 4, x₁ = 3.99789\n(no equation is shown for nadam;")
    assert out.count("no equation is shown") == 1


def test_what_the_bounds_did_is_said(run: Run) -> None:
    out = shown(run, "--steps", "2", "--bound", "x=3.2:9")
    assert contains(out, "x₂ = x₁ − lr · grad\n= 3.5 − 0.1 · 4 = 3.1, projected onto its bounds: 3.2")


@pytest.mark.parametrize("rule", ["manual-backtracking", "manual-exact"])
def test_the_step_of_a_line_search_is_shown_once_for_all_variables(run: Run, rule: str) -> None:
    out = shown(
        run, "x**2 + 3*y**2 + sum(w**2)", "--x", "1", "--y", "2", "--w", "3,4", "--optimizer", rule, "--steps", "3"
    )
    rows = re.split(r"^ +\d+ ", out, flags=re.MULTILINE)[1:4]
    assert [row.count("step = ") for row in rows] == [1, 1, 1]
    assert [len(re.findall("− step · ", row)) for row in rows] == [4, 4, 4]
