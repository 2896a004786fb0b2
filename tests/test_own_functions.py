"""Functions and optimizers of somebody's own, against loops that are written by hand in PyTorch."""

from __future__ import annotations

import functools
import json
import math
import random
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from conftest import Run

import gdcli
from gdcli.contract.descent import MinimizeResult
from gdcli.rules import own as own_rules

A, B = torch.tensor([[1.0, 2.0], [0.5, -1.0], [0.3, 0.7]]), torch.tensor([1.0, 0.5, -0.25])


def square(x: torch.Tensor, a: float = 2.0) -> torch.Tensor:
    return (x - 1.5) ** 2 * a


def of_data(w: torch.Tensor) -> torch.Tensor:
    return ((A @ w - B) ** 2).mean()


def first_alone(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x**2


def nothing(x: torch.Tensor) -> None:
    return None


def rows(record: MinimizeResult) -> list[tuple[float, Any, Any]]:
    return [(step.loss, step.values, step.grads) for step in record.iterations]


def by_hand(function: Callable[..., torch.Tensor], make: Callable[..., Any], steps: int, **start: Any) -> list[Any]:
    """The same loop as a script of PyTorch has it."""
    torch.manual_seed(0)
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
    optimizer = make(list(leaves.values()))
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = function(**leaves)
        loss.backward()
        gradients = {name: None if x.grad is None else x.grad.tolist() for name, x in leaves.items()}
        found.append((loss.item(), {name: x.tolist() for name, x in leaves.items()}, gradients))
        optimizer.step()
    return found


def plain_sgd(leaves: list[torch.Tensor]) -> torch.optim.Optimizer:
    return torch.optim.SGD(leaves, lr=0.1)


class Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = torch.nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layer(x).square().sum()
        return result

    def loss(self, w: torch.Tensor, *, power: int = 2) -> torch.Tensor:
        return (w**power).sum()


NETWORK = Network()
FUNCTIONS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a function with a default": (square, {"x": 4.0}, "@square(x)"),
    "its default given": (square, {"x": 4.0, "a": 0.5}, "@square(x, a)"),
    "tensors that it holds": (of_data, {"w": [0.0, 1.0]}, "@of_data(w)"),
    "a lambda": (lambda x, y: x**2 + x * y + y**2, {"x": 1.0, "y": 2.0}, "@<lambda>(x, y)"),
    "keywords alone": (lambda *, x, y: x**2 * y**2, {"x": 1.0, "y": 2.0}, "@<lambda>(x, y)"),
    "any keywords": (lambda **given: given["x"] ** 2, {"x": 1.0}, "@<lambda>(x)"),
    "a partial call": (functools.partial(square, a=3.0), {"x": 4.0}, "@partial(square)(x)"),
    "a module": (NETWORK, {"x": [1.0, -2.0]}, "@Network(x)"),
    "a method": (NETWORK.loss, {"w": [1.0, -2.0]}, "@Network.loss(w)"),
    "one that ignores a variable": (first_alone, {"x": 1.0, "y": 2.0}, "@first_alone(x, y)"),
    "one that draws": (lambda x: (x - torch.randn(())) ** 2, {"x": 1.0}, "@<lambda>(x)"),
    "one that has the name of a function of the language": (
        lambda relu: relu.abs().sin(), {"relu": 1.0}, "@<lambda>(relu)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("function", "start", "text"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_descent_on_a_function_has_the_bits_of_a_loop_by_hand(
    function: Any, start: dict[str, Any], text: str
) -> None:
    found = gdcli.minimize(function, **start, optimizer="sgd", lr=0.1, steps=7).result()
    assert rows(found) == by_hand(function, plain_sgd, 7, **start)
    assert found.settings.expression == text
    assert json.loads(msgspec.json.encode(found))["settings"]["expression"] == text


def test_what_a_module_holds_gets_no_gradient() -> None:
    network = Network()
    gdcli.minimize(network, x=[1.0, 2.0], steps=2).result()
    assert network.layer.weight.grad is None


def test_the_generator_of_the_process_stays_where_it_was() -> None:
    torch.manual_seed(11)
    before = torch.get_rng_state()
    gdcli.minimize(lambda x: x * torch.rand(()), x=1.0, steps=3).result()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_default_is_the_value_of_a_variable_that_wrt_names() -> None:
    found = gdcli.minimize(square, x=4.0, wrt=["x", "a"], steps=1).result()
    assert found.iterations[0].values == {"x": 4.0, "a": 2.0}
    assert found.iterations[0].grads == {"x": 10.0, "a": 6.25}
    alone = gdcli.minimize(lambda x=3.0, how="sum": getattr(x**2, how)(), steps=1).result()
    assert alone.iterations[0].values == {"x": 3.0}


def test_what_needs_no_text_works_for_a_function() -> None:
    found = gdcli.grad(of_data, w=[1.0, 2.0], hessian=True, check=True)
    hessian = torch.autograd.functional.hessian(of_data, torch.tensor([1.0, 2.0]))
    assert found.hessian.matrix == hessian.tolist()  # type: ignore[union-attr]
    assert found.check.verdict == "agree"  # type: ignore[union-attr]
    jacobian = gdcli.grad(lambda x: x**2, x=[1.0, 3.0], jacobian=True).jacobian
    assert jacobian.matrix == [[2.0, 0.0], [0.0, 6.0]]  # type: ignore[union-attr]
    points = gdcli.grad_each(square, x=[1.0, 2.0, 4.0]).points
    assert [point.grads for point in points] == [{"x": -2.0}, {"x": 2.0}, {"x": 10.0}]  # type: ignore[union-attr]


def test_a_wrong_gradient_of_a_function_is_found() -> None:
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(_: Any, x: torch.Tensor) -> torch.Tensor:
            return x**2

        @staticmethod
        def backward(_: Any, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            return 3 * gradient

    def wrong(x: torch.Tensor) -> Any:
        return Wrong.apply(x)

    assert gdcli.grad(wrong, x=4.0, check=True).check.verdict == "disagree"  # type: ignore[union-attr]


def test_the_diagnosis_of_a_function_is_that_of_its_expression() -> None:
    for settings in ({"lr": 0.01}, {"lr": 1.2}):
        mine = gdcli.minimize(square, x=4.0, steps=20, **settings).result()
        text = gdcli.minimize("(x - 1.5)**2*2", x=4.0, steps=20, **settings).result()
        assert mine.diagnosis == text.diagnosis
        assert len(mine.diagnosis) > 0


def test_a_function_is_compared_and_plotted_as_its_expression_is() -> None:
    mine = gdcli.compare(square, x=4.0, optimizer=["manual", "adam"], steps=30, lr=0.05)
    text = gdcli.compare("(x - 1.5)**2*2", x=4.0, optimizer=["manual", "adam"], steps=30, lr=0.05)
    assert [(each.label, each.loss) for each in mine.standings] == [(each.label, each.loss) for each in text.standings]
    assert mine.winner is None  # a function has no command
    msgspec.json.encode(mine)
    curve, same = (gdcli.plot(f, x="-1:1").figure.panels[0] for f in (square, "(x - 1.5)**2*2"))
    assert curve.values == same.values  # type: ignore[union-attr]


def test_float64_takes_the_tensors_that_a_function_holds_as_float64() -> None:
    found = gdcli.grad(of_data, w=[1.0, 2.0], dtype="float64")
    w = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    ((A.double() @ w - B.double()) ** 2).mean().backward()
    assert found.grads["w"] == w.grad.tolist()  # type: ignore[union-attr]


def into_a_buffer(x: torch.Tensor) -> torch.Tensor:
    buffer = torch.zeros(2)
    buffer[0] = x.sin()
    buffer += x.float()
    return torch.cat([buffer, torch.full((1,), 1.1, dtype=torch.float32) * x]).square().sum()


def test_what_a_function_makes_is_float64_where_it_is_checked() -> None:
    found = gdcli.grad(into_a_buffer, x=0.7, check=True)
    x = torch.tensor(0.7, requires_grad=True)
    into_a_buffer(x).backward()  # type: ignore[no-untyped-call]
    assert found.grads["x"] == x.grad.item()  # type: ignore[union-attr]
    assert found.check.verdict == "agree"  # type: ignore[union-attr]
    assert torch.get_default_dtype() == torch.float32


def test_what_a_function_writes_into_a_tensor_that_it_holds_is_read_from_it() -> None:
    held = torch.zeros(2, 2)

    def function(x: torch.Tensor) -> torch.Tensor:
        buffer = held.clone() if torch.is_grad_enabled() else held
        buffer.view(-1)[1:3] = torch.stack([x.sin(), x])
        buffer[1, 1] = 3.0
        return (x * buffer).sum()

    found = gdcli.grad(function, x=0.7, check=True).check
    assert found.verdict == "agree"  # type: ignore[union-attr]
    assert found.rows[0].differences == pytest.approx(math.sin(0.7) + 0.7 * math.cos(0.7) + 1.4 + 3, rel=1e-6)  # type: ignore[union-attr]


def in_place(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        x += 1
    return x**2


def in_data(x: torch.Tensor) -> torch.Tensor:
    x.data += 1
    return x**2


def centred(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    y -= y.mean()
    return ((x * y - 1) ** 2).sum()


REFUSED: dict[str, tuple[Any, dict[str, Any], str, str]] = {
    "a number": (lambda x: (x**2).item(), {"x": 1}, "<lambda> returned a value of type float, not a tensor", ".item()"),
    "an array": (lambda x: x.detach().numpy(), {"x": 1}, "<lambda> returned a value of type ndarray, not a tensor",
                 ".numpy()"),
    "None": (nothing, {"x": 1}, "nothing returned None, not a tensor", "does it end with return?"),
    "a pair": (lambda x: (x, x), {"x": 1}, "<lambda> returned a value of type tuple, not a tensor", "the loss alone"),
    "a vector": (lambda x: x**2, {"x": [1, 2]},
                 "<lambda> returned a tensor of shape (2,), but a gradient needs one number", ".sum()"),
    "truth values": (lambda x: x > 0, {"x": 1},
                     "<lambda> returned a tensor of bool, but only floating-point ones have gradients", "comparisons"),
    "no graph": (lambda x: x.detach() ** 2, {"x": 1},
                 "what <lambda> returned does not depend on a variable that requires a gradient", "detach()"),
    "a change in place": (in_place, {"x": 1}, "in_place changed its argument 'x' in place", "x = x.clone()"),
    "a change of .data": (in_data, {"x": 1}, "in_data changed its argument 'x' in place", "x = x.clone()"),
    "a change of data": (centred, {"x": 1, "y": [1, 2], "wrt": ["x"]}, "centred changed its argument 'y' in place",
                         "y = y.clone()"),
    "no names": (lambda *given: given[0], {"x": 1}, "<lambda> takes *given, so its variables have no names",
                 "lambda x, y: f(x, y)"),
    "a complex number": (lambda x: x * torch.tensor(1j), {"x": 1},
                         "<lambda> returned a tensor of complex64, but only floating-point ones have gradients",
                         ".real"),
    "no keywords": (lambda **given: given["x"], {}, "<lambda> takes **given, and no value is given", "x=1"),
    "no parameters": (lambda: 1, {}, "<lambda> has no parameter that could be a variable", "lambda x: x**2"),
    "a builtin": (torch.sin, {"input": 1}, "Python does not know the parameters of sin", "lambda x: torch.sin(x)"),
    "a class": (Network, {"x": 1}, "Network is a class, not a function", "Network()"),
    "a value too few": (lambda x, y: x * y, {"x": 1}, "the variable 'y' has no value", "y=1"),
    "a value too many": (square, {"x": 1, "z": 1}, "square has no parameter 'z'", "x"),
    "the name of a setting": (lambda x, lr: x * lr, {"x": 1}, "the variable 'lr' has no value", 'values={"lr": 1}'),
}  # fmt: skip


@pytest.mark.parametrize(("function", "given", "message", "hint"), REFUSED.values(), ids=REFUSED)
def test_a_function_that_cannot_be_minimized_is_told_why(
    function: Any, given: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(gdcli.GdcliError) as caught:
        gdcli.minimize(function, **given, steps=3).result()
    assert caught.value.message == message
    assert hint in caught.value.hint


@pytest.mark.parametrize("option", ["explain", "symbolic"])
def test_what_needs_the_text_says_so(option: str) -> None:
    with pytest.raises(gdcli.GdcliError) as caught:
        gdcli.grad(square, x=1.0, **{option: True})
    assert caught.value.message == f"'{option}' reads the text of an expression, but square(x) is a function of Python"


@pytest.mark.parametrize("command", ["ops", "sweep"])
def test_ops_and_sweep_take_text_alone(command: str) -> None:
    with pytest.raises(gdcli.GdcliError, match="an expression must be text, but this one is a function"):
        getattr(gdcli, command)(square)


@pytest.mark.parametrize("error", [ZeroDivisionError, OverflowError, ValueError, RuntimeError, KeyError])
@pytest.mark.parametrize("calls", [0, 3])
def test_an_error_of_a_function_is_raised_as_it_is(error: type[Exception], calls: int) -> None:
    count = iter(range(calls))

    def failing(x: torch.Tensor) -> torch.Tensor:
        if next(count, None) is None:
            raise error("mine")
        return x**2

    with pytest.raises(error, match="mine") as caught:
        gdcli.minimize(failing, x=1.0, steps=9).result()
    assert caught.traceback[-1].name == "failing"


@pytest.mark.parametrize("draw", [random.random, np.random.rand])
def test_draws_that_no_seed_of_gdcli_governs_are_told(draw: Callable[[], float]) -> None:
    found = gdcli.minimize(lambda x: (x - float(draw())) ** 2, x=1.0, steps=3).result()
    assert [notice.code for notice in found.warnings] == ["random"]


def test_a_function_that_changes_from_call_to_call_has_no_diagnosis() -> None:
    calls: list[int] = []

    def counting(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return (x - len(calls)) ** 2

    found = gdcli.minimize(counting, x=1.0, steps=3, lr=0.1).result()
    assert [step.loss for step in found.iterations[:2]] == [0.0, 1.0]  # no call before the first
    assert found.diagnosis == []
    assert [notice.code for notice in found.warnings] == ["not-repeatable"]


def test_without_a_diagnosis_a_function_is_called_once_for_an_iteration_and_twice_more() -> None:
    calls: list[int] = []

    def counted(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return x**2

    gdcli.minimize(counted, x=1.0, steps=5, diagnose=False).result()
    assert len(calls) == 5 + 2


def test_the_record_of_a_function_cannot_be_a_config(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "run.json"
    config.write_bytes(msgspec.json.encode(gdcli.minimize(square, x=1.0, steps=1).result()))
    outcome = run("minimize", "--config", str(config))
    assert outcome.code == 2
    assert "square(x) was a function of Python: a record has its name, and not its code" in outcome.err
    assert run("minimize", "x**2", "--config", str(config)).code == 0  # another expression


OWN = """
import torch

print("imported")

class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=0.02, betas=(0.9, 0.99), weight_decay=0.0, report=print):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        print("step")
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(torch.sign(m * b1 + p.grad * (1 - b1)), alpha=-group["lr"])
                p.grad.mul_(1 - b2)  # as many classes do
                m.mul_(b2).add_(p.grad)

class Sam(torch.optim.Optimizer):
    def __init__(self, params, lr, rho=0.05):
        super().__init__(params, dict(lr=lr, rho=rho))

    @torch.no_grad()
    def step(self, closure):
        gradients = [p.grad.clone() for group in self.param_groups for p in group["params"]]
        parameters = [p for group in self.param_groups for p in group["params"]]
        for p, g in zip(parameters, gradients):
            p.add_(g, alpha=self.defaults["rho"])
        closure()
        for p, g in zip(parameters, gradients):
            p.sub_(g, alpha=self.defaults["rho"])
            p.sub_(p.grad, alpha=self.defaults["lr"])

class NoRate(torch.optim.Optimizer):
    def __init__(self, params, **others):
        super().__init__(params, {})
        if others.get("beta", 0) < 0:
            raise ValueError("beta is negative\\nreally")

    @torch.no_grad()
    def step(self):
        for p in self.param_groups[0]["params"]:
            p -= 0.01 * p.grad

class Still(torch.optim.Optimizer):
    def __init__(self, params, beta=0.5):
        super().__init__(params, {})

    def step(self):
        raise ZeroDivisionError("still")

class Exits(Still):
    def step(self):
        raise SystemExit(3)

class Unwritten(Still):
    def step(self):
        raise NotImplementedError

class Shape(Still):
    def step(self):
        for p in self.param_groups[0]["params"]:
            p.data = torch.zeros(3)

class Typed(Still):
    def __init__(self, params, lr=0.1, mom=0.5, nest=False):
        super().__init__(params)

    def step(self):
        pass

class Other:
    pass

def make(params):
    return None
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a package of optimizers, as the current directory."""
    package = tmp_path / "own_rules"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "steps.py").write_text(OWN)
    (tmp_path / "broken_rules.py").write_text("x = 1\nimport no_such_module\n")
    (tmp_path / "raising_rules.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "arguments_rules.py").write_text("import argparse\n\nargparse.ArgumentParser().parse_args(['1'])\n")
    monkeypatch.chdir(tmp_path)
    own_rules._row_of_text.cache_clear()  # other tests have modules of the same name
    yield tmp_path
    own_rules._row_of_text.cache_clear()
    for name in [
        name for name in sys.modules if name.partition(".")[0] in ("own_rules", "broken_rules", "arguments_rules")
    ]:
        del sys.modules[name]


X = ["(x - 1.5)**2", "--x", "4", "--steps", "6"]


def test_a_class_of_a_module_steps_as_it_does_in_a_script(own: Path, run: Run) -> None:
    words = ["--optimizer", "own_rules.steps:Lion", "--opt", "betas=0.5,0.9", "--weight-decay", "0.1"]
    outcome = run("minimize", *X, *words, "--json")
    found = outcome.json()
    make = functools.partial(sys.modules["own_rules.steps"].Lion, betas=(0.5, 0.9), weight_decay=0.1)
    hand = by_hand(lambda x: (x - 1.5) ** 2, make, 6, x=4.0)
    assert [(step["loss"], step["values"], step["grads"]) for step in found["iterations"]] == hand
    settings = found["settings"]
    assert (settings["optimizer"], settings["lr"], settings["weight_decay"], settings["opt"]) == (
        "own_rules.steps:Lion", 0.02, 0.1, {"betas": [0.5, 0.9]},
    )  # fmt: skip
    assert outcome.err == "imported\n" + "step\n" * 6  # and not in the document
    (own / "run.json").write_text(outcome.out)
    assert run("minimize", "--config", "run.json", "--json").out == outcome.out


def test_a_class_that_takes_a_closure_gets_one(own: Path, run: Run) -> None:
    found = run("minimize", *X, "--optimizer", "own_rules.steps:Sam", "--lr", "0.1", "--json").json()
    x, expected = torch.tensor(4.0), []
    for _ in range(7):
        gradient = 2 * (x - 1.5)
        expected.append(x.item())
        x = (x + 0.05 * gradient) - 0.05 * gradient - 0.1 * (2 * (x + 0.05 * gradient - 1.5))
    assert [step["values"]["x"] for step in found["iterations"]] == pytest.approx(expected[:-1], rel=1e-6)
    assert found["evaluations"] == 7 + 6


def test_a_class_without_a_learning_rate_has_none(own: Path, run: Run) -> None:
    found = run("minimize", *X, "--optimizer", "own_rules.steps:NoRate", "--opt", "kappa=3", "--json").json()
    assert (found["settings"]["lr"], found["iterations"][0]["lr"]) == (None, None)
    assert found["settings"]["opt"] == {"kappa": 3}
    assert found["iterations"][1]["values"]["x"] == pytest.approx(3.95)


def test_a_class_is_compared_with_rules_of_the_catalogue(own: Path, run: Run) -> None:
    words = ["--optimizer", "sgd,own_rules.steps:Lion", "--opt", "own_rules.steps:Lion.betas=0.5,0.9", "--lr", "0.1"]
    found = run("compare", *X[:3], *words, "--steps", "50", "--json").json()
    assert {each["optimizer"] for each in found["standings"]} == {"sgd", "own_rules.steps:Lion"}
    racer = run("compare", *X[:3], "--racer", "own_rules.steps:Lion lr=0.1", "--steps", "5", "--json").json()
    assert racer["standings"][0]["optimizer"] == "own_rules.steps:Lion"


def test_a_script_imports_the_class_and_has_the_digits_of_the_run(
    own: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["minimize", "(Lion - 1.5)**2", "--Lion", "4", "--steps", "3", "--optimizer", "own_rules.steps:Lion"]
    script = run(*words, "--code").out
    assert "from own_rules.steps import Lion as Lion_\n" in script
    (own / "script.py").write_text(script)
    last = run(*words, "--json").json()["result"]
    monkeypatch.syspath_prepend(own)
    runpy.run_path("script.py")
    assert f"Lion {last['values']['Lion']}, loss {last['loss']}, " in capsys.readouterr().out


MISSING = "ModuleNotFoundError: No module named 'no_such_module'"
NO_PATH = "a module is written with dots, without .py"
WRITTEN = "gdcli optimizers lists them all; a class of your own is written module:Class"
ERRORS: dict[str, tuple[list[str], int, str, str]] = {
    "own_rules.stepps:Lion": ([], 2, "there is no module 'own_rules.stepps'", "in the current directory"),
    "no_rules:Lion": ([], 2, "there is no module 'no_rules'", "in the current directory"),
    "own_rules.steps:Loin": ([], 2, "the module own_rules.steps has no class 'Loin'", "did you mean 'Lion'?"),
    "own_rules.steps:Other": ([], 2, "own_rules.steps:Other is a class, but not a subclass of torch.optim.Optimizer",
                              "torch.optim.Optimizer as its base"),
    "own_rules.steps:make": ([], 2, "own_rules.steps:make is a function, not a subclass of torch.optim.Optimizer",
                             "torch.optim.Optimizer as its base"),
    "broken_rules:Lion": ([], 1, f"the module broken_rules cannot be imported: {MISSING}", "line 2 of broken_rules.py"),
    "raising_rules:Lion": ([], 1, "the module raising_rules cannot be imported: SystemExit: 3", "line 1"),
    "own_rules.steps:Lion": (["--opt", "beta=1"], 2, "own_rules.steps:Lion has no parameter 'beta' in --opt",
                             "did you mean 'betas'?"),
    "own_rules.steps:Sam": ([], 2, "own_rules.steps:Sam needs a learning rate", "--lr 0.1"),
    "own_rules.steps:NoRate": (["--opt", "beta=-1"], 2,
                               "own_rules.steps:NoRate rejects these arguments: ValueError: beta is negative", ""),
    "own_rules.steps:Still": ([], 1, "the step of own_rules.steps:Still failed: ZeroDivisionError: still",
                              "of steps.py"),
    "own_rules.steps:Still ": (["--lr", "0.1"], 2, "own_rules.steps:Still takes no learning rate", "leave out --lr"),
    "own_rules.steps:Exits": ([], 1, "the step of own_rules.steps:Exits failed: SystemExit: 3", "of steps.py"),
    "own_rules.steps:Unwritten": ([], 1, "the step of own_rules.steps:Unwritten failed: NotImplementedError",
                                  "of steps.py"),
    "own_rules.steps:Shape": ([], 1, "the step of own_rules.steps:Shape changed the shape of x from () to (3,)",
                              "p.add_"),
    "own_rules.steps:Typed": (["--opt", "nest=no"], 2,
                              "'nest' of own_rules.steps:Typed must be true or false, not 'no'", "--opt nest=true"),
    "own_rules.steps:Typed ": (["--opt", "mom=much"], 2,
                               "'mom' of own_rules.steps:Typed must be a number, not 'much'", "--opt mom=0.5"),
    "own_rules.steps:Typed  ": (["--opt", "mom=0.5,nest=true"], 2,
                                "--opt takes one NAME=VALUE, not 'mom=0.5,nest=true'", "--opt mom=0.5 --opt nest=true"),
    "own_rules.steps:Lion ": (["--opt", "betas=(0.5,0.9)"], 2,
                              "--opt takes one NAME=VALUE, not 'betas=(0.5,0.9)'", "--opt betas=0.5,0.9"),
    "arguments_rules:Lion": ([], 1, "the module arguments_rules cannot be imported: SystemExit: 2",
                             "line 3 of arguments_rules.py"),
    "torch.optim:Optimizer": ([], 2, "torch.optim:Optimizer is the base class itself", "and a step()"),
    "own_rules/steps.py:Lion": ([], 2, NO_PATH, "--optimizer own_rules.steps:Lion"),
    "own_rules.steps.py:Lion": ([], 2, NO_PATH, "--optimizer own_rules.steps:Lion"),
    "./broken_rules:Lion": ([], 2, NO_PATH, "--optimizer broken_rules:Lion"),
    "/a/broken_rules.py:Lion": ([], 2, NO_PATH, "--optimizer broken_rules:Lion, in the folder of the module"),
    "own_rules.steps:": ([], 2, "there is no optimizer 'own_rules.steps:'", WRITTEN),
    ":Lion": ([], 2, "there is no optimizer ':Lion'", WRITTEN),
    "own_rules.Lion": ([], 2, "there is no optimizer 'own_rules.Lion'", WRITTEN),
    "MyMine": ([], 2, "there is no optimizer 'MyMine'", WRITTEN),
    "broken_rules": ([], 2, "there is no optimizer 'broken_rules'", WRITTEN),
}  # fmt: skip


@pytest.mark.parametrize("optimizer", ERRORS)
def test_a_class_that_cannot_step_is_told_why(own: Path, run: Run, optimizer: str) -> None:
    words, code, message, hint = ERRORS[optimizer]
    outcome = run("minimize", *X, "--optimizer", optimizer.strip(), *words, "--json")
    found = json.loads(outcome.out)
    assert (outcome.code, found["message"]) == (code, message)
    assert hint in found["hint"]


def test_a_class_that_has_no_rate_of_its_own_gets_the_tuned_one(own: Path, run: Run) -> None:
    words = ["compare", *X[:3], "--optimizer", "sgd,own_rules.steps:Sam", "--steps", "5"]
    found = run(*words, "--rate-range", "0.01:0.4", "--rates", "2", "--json").json()
    best = {each["optimizer"]: each["tuning"]["best"] for each in found["standings"]}
    assert best == {"sgd": 0.4, "own_rules.steps:Sam": 0.4}  # nearer to 1 / L = 0.5 than 0.01
    assert "own_rules.steps:Sam needs a learning rate" in run(*words, "--no-tune").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "3"], "the step of own_rules.steps:Typed changed nothing in any of the 3 iterations"),
        (["--tol-x", "1e-6"], "the step of own_rules.steps:Typed changed nothing"),
    ],
)
def test_steps_that_change_nothing_are_told(own: Path, run: Run, words: list[str], message: str) -> None:
    found = run("minimize", *X[:3], *words, "--optimizer", "own_rules.steps:Typed", "--json").json()
    assert [(each["code"], each["message"]) for each in found["diagnosis"]] == [("held", message)]
    moving = run("minimize", *X[:3], *words, "--optimizer", "own_rules.steps:NoRate", "--json").json()
    assert "held" not in [each["code"] for each in moving["diagnosis"]]


def test_data_are_fitted_by_a_class(own: Path, run: Run) -> None:
    (own / "d.csv").write_text("x,y\n1,2\n2,3.9\n3,6.1\n")
    words = ["fit-linear", "d.csv", "--target", "y", "--steps", "2", "--optimizer"]
    found = run(*words, "own_rules.steps:Lion", "--json").json()
    assert found["settings"]["lr"] == 0.02
    for name, message in (
        ("Sam", "needs a learning rate"),
        ("Still", "takes no learning rate, and a fit to data has one"),
    ):
        assert run(*words, f"own_rules.steps:{name}").err.startswith(f"error: own_rules.steps:{name} {message}\n")


def test_walk_and_sweep_say_what_they_do_not_know(own: Path, run: Run) -> None:
    walked = run("minimize", *X, "--optimizer", "own_rules.steps:NoRate", "--walk")
    assert "no equation is known for own_rules.steps:NoRate" in walked.out
    swept = run("sweep", "x**2", "--over", "x=-1:1:3", "--optimizer", "own_rules.steps:Lion")
    assert "sweep does not offer own_rules.steps:Lion" in swept.err


class Scaled(torch.optim.Optimizer):
    """Gradient descent whose rate is scaled; ``hook`` is no value that settings can have."""

    def __init__(self, params: Any, lr: float = 0.3, scale: float = 1.0, hook: Any = len) -> None:
        assert hook is len
        super().__init__(params, {"lr": lr, "scale": scale})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * group["scale"] * p.grad


@pytest.mark.parametrize(
    ("optimizer", "given"),
    [
        (Scaled, {}),
        (Scaled, {"lr": 0.1, "opt": {"scale": 0.5}}),
        (functools.partial(Scaled, lr=0.1, scale=0.5), {}),
    ],
)
def test_a_class_is_given_in_python(optimizer: Any, given: dict[str, Any]) -> None:
    found = gdcli.minimize(of_data, w=[0.0, 1.0], optimizer=optimizer, **given, steps=5).result()
    plain = given.get("opt", {}) | {name: value for name, value in given.items() if name == "lr"}
    assert rows(found) == by_hand(of_data, functools.partial(optimizer, **plain), 5, w=[0.0, 1.0])
    assert found.settings.optimizer == f"{__name__}:Scaled"
    assert json.loads(msgspec.json.encode(found))["settings"]["opt"] == {"scale": found.settings.opt["scale"]}


def test_a_class_of_torch_is_its_rule() -> None:
    found = gdcli.minimize(square, x=1.0, optimizer=functools.partial(torch.optim.Adam, betas=(0.5, 0.9)), steps=1)
    assert found.settings.optimizer == "adam"
    assert found.settings.opt["betas"] == [0.5, 0.9]


def test_data_are_fitted_by_a_class_in_python() -> None:
    data = {"x": [1.0, 2.0, 3.0], "y": [2.0, 3.9, 6.1]}
    mine = gdcli.fit_linear(data=data, target="y", optimizer=Scaled, steps=5).result()
    text = gdcli.fit_linear(data=data, target="y", optimizer="sgd", lr=0.3, steps=5).result()
    assert mine.result == text.result
    assert json.loads(msgspec.json.encode(mine))["settings"]["optimizer"] == f"{__name__}:Scaled"


def test_classes_are_compared_in_python() -> None:
    racers = ["adam", Scaled, functools.partial(torch.optim.SGD, momentum=0.5)]
    found = gdcli.compare(square, x=4.0, optimizer=racers, steps=20, lr=0.1)
    assert {each.optimizer for each in found.standings} == {"adam", f"{__name__}:Scaled", "sgd"}
    msgspec.json.encode(found)


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (int, "builtins:int is a class, but not a subclass of torch.optim.Optimizer"),
        (nothing, "an optimizer must be a name or a class, but this one is of type function"),
        (plain_sgd([torch.zeros(1)]), "an optimizer must be a name or a class, but this one is an object of SGD"),
        (
            functools.partial(Scaled, 0.1),
            "a partial call of an optimizer gives its parameters by name, and this one has others",
        ),
    ],
)
def test_what_is_no_class_of_optimizers_is_refused(optimizer: Any, message: str) -> None:
    with pytest.raises(gdcli.GdcliError) as caught:
        gdcli.minimize(square, x=1.0, optimizer=optimizer)
    assert caught.value.message == message
