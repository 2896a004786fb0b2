"""Hints lead out: what they suggest is run; names as PyTorch and other tools have them; the Python API."""

from __future__ import annotations

import inspect
import math
import re
import shlex
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import torch
from conftest import Run

import gdcli
from gdcli.contract.choices import choice_of
from gdcli.contract.compare import CompareSettings
from gdcli.contract.descent import FitLinearSettings, MinimizeSettings
from gdcli.contract.grad import GradSettings
from gdcli.contract.ops import OpsSettings
from gdcli.contract.plot import PlotSettings
from gdcli.contract.reading import read
from gdcli.contract.words import read_word
from gdcli.rules.catalogue import RULES, SCHEDULES
from gdcli.rules.schedules import parameters_of

# A mistake, a part of its hint, and the command line that follows the hint.
LED = [
    ("minimize --optimizer newtons --steps 1", "did you mean 'newton'?", "minimize --optimizer newton --steps 1"),
    ("minimize --optimizer xyz", "gdcli optimizers lists them all", "optimizers"),
    ("minimize --schedule stp", "did you mean 'step'?", "optimizers step"),
    ("minimize --schedule step", "--sched step_size=30", "minimize --schedule step --sched step_size=30"),
    ("compare --optimizer newtons", "did you mean 'newton'?", "compare --optimizer newton --steps 2"),
    ("minimize --learning-rate 0.1", "did you mean '--lr'?", "minimize --lr 0.1"),
    ("minimize --epochs 3", "did you mean '--steps'?", "minimize --steps 3"),
    ("minimize –lr 0.1", "did you mean '--lr'?", "minimize --lr 0.1"),
    ("grad 'x**2' —x 3", "did you mean '--x'?", "grad 'x**2' --x 3"),
    ("grad 'x**2' –x=3", "did you mean '--x=3'?", "grad 'x**2' --x=3"),
    ("grad 'x**2' -–x=3", "did you mean '--x=3'?", "grad 'x**2' --x=3"),
    ("grad 'x**2' -x 3", "did you mean '--x'?", "grad 'x**2' --x 3"),
    ("minimize -x 3", "did you mean '--x'?", "minimize --x 3"),
    ("fit-linear -x 1,2", "did you mean '--x'?", "fit-linear --x 1,2"),
    ("grad “x - 2” --x 3", 'type straight quotes: "x - 2"', 'grad "x - 2" --x 3'),
    ("grad '“x**2”' --x 3", "write x**2", "grad 'x**2' --x 3"),
    ("grad 'x**2' --x –3", "write -3", "grad 'x**2' --x -3"),
    ("minimize --lr “0.1”", "type 0.1", "minimize --lr 0.1"),
    ("minimize --bound x=–9:9", "type -9:9", "minimize --bound x=-9:9"),
    ("ops 'a + b' --a 1", "--b 1", "ops 'a + b' --a 1 --b 1"),
    ("compare nosuch", "gdcli problems lists", "problems"),
    ("compare nosuch", "--nosuch 1", "compare nosuch --nosuch 1 --steps 2"),
    ("compare rosenbrok", "did you mean 'rosenbrock'?", "compare rosenbrock --steps 2"),
    ("minimize styblinski-tan", "did you mean 'styblinski-tang'?", "minimize styblinski-tang"),
    ("grad rosenbrock", "gdcli problems rosenbrock", "problems rosenbrock"),
    ("compare --code", "ops, grad, minimize and fit-linear", "minimize --code"),
    ("grad 'max(x**2, 1)' --x 3", "maximum(a, b)", "grad 'maximum(x**2, 1)' --x 3"),
    ("grad 'sum(min(x, 1) + 1)' --x '[[1, 2]]'", "minimum(a, b)", "grad 'sum(minimum(x, 1) + 1)' --x '[[1, 2]]'"),
    ("grad 'cross_entropy(x, y)' --x '[[1, 2]]' --y '[1]'", "long(y)",
     "grad 'cross_entropy(x, long(y))' --x '[[1, 2]]' --y '[1]'"),
    ("grad 'sum(where(y, x, -x))' --x 1,2 --y 0,1", "bool(y)", "grad 'sum(where(bool(y), x, -x))' --x 1,2 --y 0,1"),
    ("minimize --optimizer sgd --opt lr=1", "--lr", "minimize --optimizer sgd --lr 1"),
    ("minimize --optimizer sgd --opt momentm=0.5", "--momentum", "minimize --optimizer sgd --momentum 0.5"),
    ("minimize --optimizer sgd --opt foo=1",
     "--momentum, --dampening, --weight-decay, --nesterov and --maximize set its parameters",
     "minimize --optimizer sgd --momentum 0.9 --dampening 0 --weight-decay 0 --nesterov --steps 3"),
    ("minimize --optimizer adam --opt foo=1", "its parameters are betas, eps, amsgrad",
     "minimize --optimizer adam --opt amsgrad=true"),
    ("minimize --optimizer newton --opt damping=2x", "damping=1.0", "minimize --optimizer newton --opt damping=1.0"),
    ("minimize --optimizer muon", "gdcli optimizers lists the others", "optimizers"),
    ("minimize --lr.x foo", "--lr.x 0.1", "minimize --lr.x 0.1"),
    ("minimize --device gpu", "did you mean 'cuda'?", "minimize --device auto"),
    ("fit-linear --activation swish", "PyTorch calls it 'silu'", "fit-linear --activation silu"),
    ("minimize --dtype float", "torch.double is float64", "minimize --dtype torch.double"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("wrong", "hint", "right"), LED)
def test_what_a_hint_suggests_runs(run: Run, wrong: str, hint: str, right: str) -> None:
    outcome = run(*shlex.split(wrong))
    assert outcome.code == 2
    assert outcome.err.count("error: ") == outcome.err.count("\nhint: ") == 1
    assert hint in outcome.err.partition("\nhint: ")[2]
    led = run(*shlex.split(right))
    assert (led.code, led.err) == (0, "")


# A mistake, what of it the hint replaces, and the hint, whose command or options are typed as they are printed.
TYPED = [
    ("minimize 'x**2' --x 1 --sched gamma=0.5", "--sched gamma=0.5",
     "for example: --schedule exponential --sched gamma=0.5; step, multistep and cyclic have gamma too"),
    ("minimize 'x**2' --x 1 --sched t_max=50", "--sched t_max=50",
     "for example: --schedule cosine --sched T_max=50"),
    ("minimize --sched pct_start=0.3", "--sched pct_start=0.3",
     "for example: --schedule one-cycle --sched max_lr=0.1 --sched total_steps=100 --sched pct_start=0.3"),
    ("fit-linear --sched step_size=3 --sched gamma=0.3", "--sched step_size=3 --sched gamma=0.3",
     "for example: --schedule step --sched step_size=3 --sched gamma=0.3"),
    ("minimize --sched factor=0.5", "--sched factor=0.5",
     "for example: --schedule constant --sched factor=0.5; plateau has factor too"),
    ("minimize --sched lr_lambda='0.9**epoch'", "--sched lr_lambda=0.9**epoch",
     "for example: --schedule lambda --sched lr_lambda=0.9**epoch; multiplicative has lr_lambda too"),
    ("minimize --sched foo=1", "--sched foo=1", "no schedule has foo; gdcli optimizers lists the schedules"),
    ("minimize --schedule one-cycle", "",
     "for example: --sched max_lr=0.1 --sched total_steps=100"),
    ("minimize 'x**2' --x 1 --momentum 0.9", "--momentum 0.9",
     "use --optimizer manual-momentum --momentum 0.9; manual-nesterov, sgd, rmsprop and muon have it too"),
    ("minimize --opt momentum=0.9", "--opt momentum=0.9",
     "use --optimizer manual-momentum --momentum 0.9; manual-nesterov, sgd, rmsprop and muon have it too"),
    ("minimize --optimizer adam --momentum 0.9", "--optimizer adam --momentum 0.9",
     "use --optimizer sgd --momentum 0.9; rmsprop, muon, manual-momentum and manual-nesterov have it too"),
    ("minimize --nesterov", "--nesterov", "use --optimizer sgd --momentum 0.9 --nesterov; muon has it too"),
    ("minimize --dampening 0.5", "--dampening 0.5", "use --optimizer sgd --momentum 0.9 --dampening 0.5"),
    ("minimize --optimizer newton --weight-decay 0.1", "--optimizer newton --weight-decay 0.1",
     ("use --optimizer manual --weight-decay 0.1; manual-momentum, manual-nesterov, manual-adam, manual-rmsprop, sgd "
      "and 12 more have it too")),
    ("minimize --optimizer sgd --nesterov", "--nesterov", "for example: --momentum 0.9 --nesterov"),
    ("minimize --optimizer sgd --nesterov --momentum 0.8 --dampening 0.1",
     "--nesterov --momentum 0.8 --dampening 0.1", "for example: --momentum 0.8 --dampening 0 --nesterov"),
    ("minimize --optimizer adam --opt betas=0.9", "--opt betas=0.9", "for example: --opt betas=0.9,0.999"),
    ("minimize --opt betas=0.9,0.95", "--opt betas=0.9,0.95",
     "use --optimizer manual-adam --opt betas=0.9,0.95; adam, adamw, amsgrad, nadam, radam and adamax have it too"),
    ("minimize --optimizer adam --opt rho=0.9", "--optimizer adam --opt rho=0.9",
     "use --optimizer adadelta --opt rho=0.9"),
    ("compare 'x**2' --x 1 --opt betas=0.9,0.95", "--opt betas=0.9,0.95", "for example: --opt adam.betas=0.9,0.95"),
    ("compare 'x**2' --x 1 --opt rho=0.9", "--opt rho=0.9", 'use --racer "adadelta rho=0.9"'),
    ("compare 'x**2' --x 1 --opt betas", "--opt betas", "for example: --opt adam.betas=0.9,0.95"),
    ("compare 'x**2' --x 1 --racer 'adam betas=0.9'", "--racer 'adam betas=0.9'",
     'for example: --racer "adam betas=0.9,0.999"'),
    ("compare 'x**2' --x 1 --racer 'adam momentum=0.9'", "--racer 'adam momentum=0.9'",
     'use --racer "sgd momentum=0.9"; rmsprop, muon, manual-momentum and manual-nesterov have it too'),
    ("compare 'x**2' --x 1 --optimizer adam --opt sgd.lr=0.3", "--opt sgd.lr=0.3", 'use --racer "sgd lr=0.3"'),
    ("minimize 'x**2' --x 1.5 --bound 2:1", "--bound 2:1", "for example: --bound x=1:2"),
    ("minimize 'y**2' --y 1.5 --bound y:1:2", "--bound y:1:2", "did you mean '--bound y=1:2'?"),
    ("minimize 'x**2' --x 1.5 --bound x=2:1", "--bound x=2:1", "for example: --bound x=1:2"),
    ("minimize 'x**2' --x 1.5 --bound x=2", "--bound x=2",
     "for example: --bound x=-2:2, or x=2: for a lower bound alone, or x=:2 for an upper one"),
    ("minimize 'x**2' --x 1.5 --bound x -2:2", "--bound x -2:2", "did you mean '--bound x=-2:2'?"),
    ("minimize 'x**2' --x 1.5 --bound x=-2,2", "--bound x=-2,2", "did you mean '--bound x=-2:2'?"),
    ("minimize 'w**2' --w 1.5 --bound=-2:2", "--bound=-2:2", "for example: --bound w=-2:2"),
    ("fit-linear --bound -2:2", "--bound -2:2", "for example: --bound W=-2:2"),
    ("minimize 'x**2' --x 1.5 --bound 'x >= 0'", "--bound 'x >= 0'", "did you mean '--bound x=0:'?"),
    ("minimize 'x**2' --x 1.5 --bound 'x<2'", "--bound x<2", "did you mean '--bound x=:2'?"),
    ("minimize 'x**2' --x 1.5 --bound '-2 < x <= 2'", "--bound '-2 < x <= 2'", "did you mean '--bound x=-2:2'?"),
    ("compare --domain 'x=-2 2' --starts 3", "--domain 'x=-2 2'", "did you mean '--domain x=-2:2'?"),
    ("minimize --schedule cosine --sched T_max 50", "--sched T_max 50", "did you mean '--sched T_max=50'?"),
    ("minimize --optimizer adam --opt eps 1e-3", "--opt eps 1e-3", "did you mean '--opt eps=1e-3'?"),
    ("minimize 'x**2' --var x 3", "--var x 3", "did you mean '--var x=3'?"),
    ("grad 'x*y' --x 1 --y 2 --wrt x,", "--wrt x,", "write --wrt x"),
    ("grad 'x*y' --x 1 --y 2 --wrt 'x y'", "--wrt 'x y'", "write --wrt x,y"),
    ("grad 'x*y' --x 1 --y 2 --wrt '[x;y]'", "--wrt '[x;y]'", "write --wrt x,y"),
    ("minimize --lr 0.5 --require-convergence", "",
     "add --tol-grad 1e-6 (or --tol-loss, --tol-x, --until), or leave it out"),
    ("minimize 'x**2 + y**2' '--x=3 --y=1'", "", 'write gdcli minimize "x**2 + y**2" --x=3 --y=1'),
    ("minimize '--steps 3 --lr 0.1'", "", "write gdcli minimize --steps 3 --lr 0.1"),
    ("minimize '--lr=0.1 --x=3 --json'", "", "write gdcli minimize --lr=0.1 --x=3 --json"),
    ("minimize x**2 + y**2 --x 3", "", 'write gdcli minimize "x**2 + y**2" --x 3 --y 1'),
    ("compare x**2 - 1 --optimizer sgd --steps 5 --lr 0.1", "",
     'write gdcli compare "x**2 - 1" --optimizer sgd --steps 5 --lr 0.1 --x 1'),
    ("ops a + b --a 1", "", 'write gdcli ops "a + b" --a 1 --b 1'),
    ("plot x ** 2", "", 'write gdcli plot "x ** 2"'),
    ("minimize --bound x=-2:2", "--bound x=-2:2", "choose a start within the bounds, or wider bounds: --bound x=-2:4"),
    ("minimize 'sum(x**2)' --x 0.1,7.3 --bound x=:2", "--bound x=:2",
     "choose a start within the bounds, or wider bounds: --bound x=:7.300000190734863"),
    ("compare rosenbrock --x 5.3", "",
     "choose another start, or widen the domain: --domain x=-2.048:5.300000190734863"),
    ("compare --bound x=0:1 --starts 3", "", "make the domain smaller: --domain x=0:1"),
    ("minimize --lrs 0.1", "--lrs 0.1", "for example: --lr.x 0.1"),
    ("minimize --tol-grad 1e-3,2,3", "--tol-grad 1e-3,2,3", "for example: --tol-grad 1e-6"),
    ("grad --depth 2", "", "add --explain, or leave out --depth"),
    ("compare --over iterations", "", "add --plot, or leave out --over"),
    ("minimize --all --json", "--json", "leave out --all or --json"),
    ("minimize --every 3 --csv", "--csv", "leave out --every or --csv"),
    ("minimize --every 3 --code", "--code", "leave out --every or --code"),
    ("grad --all", "--all", "leave out --all"),
    ("grad 'x**2' --x 1,2 --each --all --csv", "--csv", "leave out --all or --csv"),
    ("minimize --code --require-convergence", "--require-convergence", "leave out --require-convergence or --code"),
    ("minimize 'x**2 --x 1'", "", 'write gdcli minimize "x**2" --x 1'),
    ("minimize 'x**2 --lr 0.1'", "", 'write gdcli minimize "x**2" --lr 0.1 --x 1'),
    ("minimize 'x**2 --lr=0.1' --x 1", "", 'write gdcli minimize "x**2" --lr=0.1 --x 1'),
    ("minimize '(x - 1)**2 --x 4 --optimizer adam --json'", "",
     'write gdcli minimize "(x - 1)**2" --x 4 --optimizer adam --json'),
    ("minimize 'x**2 --json' --x 1", "", 'write gdcli minimize "x**2" --json --x 1'),
    ("minimize 'x**2 --x' 1", "", 'write gdcli minimize "x**2" --x 1'),
    ("minimize '--x 1' 'x**2'", "", 'write gdcli minimize --x 1 "x**2"'),
    ("minimize 'x**2' --x '3 --lr 0.1'", "", 'write gdcli minimize "x**2" --x 3 --lr 0.1'),
    ("minimize 'x**2' --lr '0.1 --steps 3' --x 1", "", 'write gdcli minimize "x**2" --lr 0.1 --steps 3 --x 1'),
    ("minimize 'sum(lr*x) --steps 3' --x 1", "", 'write gdcli minimize "sum(lr*x)" --steps 3 --x 1 --var lr=1'),
    ("compare 'rosenbrock --steps 20'", "", "write gdcli compare rosenbrock --steps 20"),
    ("grad 'sum(W @ x) --W rand(2,2) --x [1,2]'", "", 'write gdcli grad "sum(W @ x)" --W "rand(2,2)" --x "[1,2]"'),
    ("ops 'a + b --a 1 --b 2'", "", 'write gdcli ops "a + b" --a 1 --b 2'),
    ("plot 'x**2 --x -2:2'", "", 'write gdcli plot "x**2" --x -2:2'),
    ("functions 'sin --json'", "", "write gdcli functions sin --json"),
    ("minimize --expr 'x**2' --x 1", "",
     'the expression stands without an option: gdcli minimize "x**2" --x 1'),
    ("fit-linear --function 'x**2'", "", 'the expression stands without an option: gdcli minimize "x**2" --x 1'),
    ("plot --expression 'x**2'", "", 'the expression stands without an option: gdcli plot "x**2"'),
]  # fmt: skip
SHORT = {"minimize": ["--steps", "3"], "fit-linear": ["--steps", "3"], "compare": ["--steps", "5", "--no-tune"]}


@pytest.mark.slow
@pytest.mark.parametrize(("wrong", "replaced", "hint"), TYPED)
def test_a_hint_runs_as_it_is_printed(run: Run, wrong: str, replaced: str, hint: str) -> None:
    outcome = run(*shlex.split(wrong))
    assert (outcome.code, outcome.err.partition("\nhint: ")[2]) == (2, f"{hint}\n")
    words = shlex.split(wrong)
    drop = shlex.split(replaced)
    if drop:
        at = next(i for i in range(len(words)) if words[i : i + len(drop)] == drop)
        words[at : at + len(drop)] = []
    typed = hint.partition(";")[0].partition(", or ")[0].partition(" (")[0].strip("'?")
    if "wider" in hint or "widen" in hint:
        typed = hint
    if "gdcli " in hint:
        words = shlex.split(hint.partition("gdcli ")[2].partition(" lists")[0])
    elif not typed.startswith("leave out"):
        words += shlex.split(typed[typed.index("--") :].rstrip("'?"))
    short = SHORT.get(words[0], []) if "--racer" not in words and "write" not in hint else []
    led = run(*words, *short)
    assert (led.code, led.err) == (0, ""), words


@pytest.mark.parametrize("files", [["run.json"], ["a.txt", "b.csv", "notes"]])
def test_a_star_that_the_shell_has_replaced_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in files:
        (tmp_path / name).touch()
    outcome = run("minimize", "x", *files, "2", "+", "1", "--x", "3")
    assert outcome.err.startswith("error: the shell has put the names of the files here in the place of *: ")
    assert outcome.err.endswith('hint: put the expression in quotation marks: "x * 2 + 1", or "x ** 2 + 1"\n')
    assert outcome.code == 2
    assert run("ops", "x", *files, "2", "--x", "3").err.endswith('marks: "x * 2", or "x ** 2"\n')


def test_expressions_with_two_minus_signs_are_left_alone(run: Run) -> None:
    assert run("grad", "x**2 --y", "--x", "3", "--y", "2").out.startswith("x**2 --y = 11")
    assert run("grad", "x --3", "--x", "1").out.startswith("x --3 = 4")
    assert run("ops", "a - --b", "--a", "1", "--b", "2").code == 0
    assert run("grad", "sinn(x) --y", "--x", "1", "--y", "2").err.endswith("hint: did you mean 'sin'?\n")


@pytest.mark.slow
def test_the_parameters_of_schedules_are_those_of_torch() -> None:
    for name, row in SCHEDULES.items():
        known = parameters_of(name)
        assert set(row.parameters) == set(known)
        needed = {each for each, default in known.items() if default is inspect.Parameter.empty}
        assert set(row.needs) - set(row.unless) == needed
        gdcli.minimize(steps=2, schedule=name, sched=read_word("--sched", _pairs(row.needs), "pairs")).result()


def _pairs(needs: Any) -> list[str]:
    return [f"{name}={text.strip(chr(34))}" for name, text in needs.items()]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "sgd", "dampening": 0.5}, "dampening 0.5 has no effect without momentum"),
        (
            {"lr_factor": {"2": 0.5, "3": 2.0, "9": 2.0}},
            (
                "the learning rate's factor from iteration 3 and 9 on has no effect: "
                "the last update is that of iteration 2"
            ),
        ),
        ({"optimizer": "sgd", "dampening": 0.5, "momentum": 0.9}, ""),
        ({"lr_factor": {"2": 0.5}}, ""),
    ],
)
def test_a_setting_without_effect_is_said(settings: dict[str, Any], message: str) -> None:
    record = gdcli.minimize(settings={"steps": 3, **settings}).result()
    assert [each.message for each in record.warnings if each.code == "no-effect"] == [message] * bool(message)
    without = {name: value for name, value in settings.items() if name not in ("dampening", "lr_factor")}
    if message and "lr_factor" not in settings:
        assert gdcli.minimize(settings={"steps": 3, **without}).result().result == record.result


def test_a_parameter_without_effect_is_said_in_a_comparison() -> None:
    race = gdcli.compare("x**2", x=1, racer=["sgd dampening=0.5 lr=0.1"], steps=3)
    assert "sgd dampening=0.5: dampening 0.5 has no effect without momentum" in [each.message for each in race.warnings]


def test_a_picture_has_no_digits(run: Run) -> None:
    assert run("plot", "--digits", "3").err.endswith(
        "hint: it is an option of ops, grad, minimize, fit-linear, compare, sweep and watch\n"
    )


@pytest.mark.parametrize(
    ("word", "choices", "choice"),
    [
        *((f"{before}{row.path.rpartition('.')[2]}", RULES, name) for before in ("", "optim.", "torch.optim.")
          for name, row in RULES.items() if row.path and not row.fixed),
        *((f"{before}{row.class_name}", SCHEDULES, name) for before in ("", "torch.optim.lr_scheduler.")
          for name, row in SCHEDULES.items()),
        ("manual_momentum", RULES, "manual-momentum"),
        ("Newton", RULES, "newton"),
        ("nn.LeakyReLU", ["relu", "leaky_relu"], "leaky_relu"),
        ("torch.nn.functional.leaky_relu", ["relu", "leaky_relu"], "leaky_relu"),
        ("torch.float64", ["float32", "float64"], "float64"),
        ("torch.float", ["float32", "float64"], "float32"),
        ("double", ["float32", "float64"], "float64"),
        ("float", ["float32", "float64"], None),  # 64 bits in Python, 32 in PyTorch
        ("inplace", ["in-place", "rebind"], "in-place"),
        *((word, SCHEDULES, name) for name, row in SCHEDULES.items() for word in
          (row.class_name.lower(), row.class_name.removesuffix("LR"),
           re.sub("(?<=[a-z])(?=[A-Z])", "_", row.class_name))),
        *((word, RULES, name) for word, name in [("Adam_W", "adamw"), ("l_bfgs", "lbfgs"), ("manualmomentum",
          "manual-momentum")]),
        *((word, ["float16", "bfloat16", "float32", "float64"], name) for word, name in [("fp32", "float32"),
          ("FP64", "float64"), ("f16", "float16"), ("bf16", "bfloat16"), ("Float_64", "float64"), ("half", "float16")]),
        ("nn.Identity", ["none", "relu"], "none"),
        ("leakyrelu", ["none", "leaky_relu"], "leaky_relu"),
        ("newtons", RULES, None),
    ],
)  # fmt: skip
def test_names_of_pytorch_are_taken(word: str, choices: Any, choice: str | None) -> None:
    assert choice_of(word, list(choices)) == choice


@pytest.mark.slow
def test_an_optimizer_of_pytorch_is_recorded_by_its_name_here(run: Run) -> None:
    for word in ("Adam", "torch.optim.Adam", "adam"):
        words = ["minimize", "--steps", "5", "--json", "--optimizer"]
        assert run(*words, word) == run(*words, "adam")
    assert run("optimizers", "torch.optim.Adam") == run("optimizers", "adam")
    assert run("optimizers", "StepLR") == run("optimizers", "step")
    race = ["compare", "--lr", "0.001", "--steps", "5", "--optimizer"]
    assert run(*race, "SGD,torch.optim.Adam").out == run(*race, "sgd,adam").out


SETTINGS: list[tuple[str, type[msgspec.Struct]]] = [
    ("ops", OpsSettings), ("grad", GradSettings), ("minimize", MinimizeSettings), ("fit-linear", FitLinearSettings),
    ("compare", CompareSettings), ("plot", PlotSettings),
]  # fmt: skip


_PLAIN = (str, bool, bool | None, list[str], list[str] | msgspec.UnsetType, bool | msgspec.UnsetType)
"""What an option takes that needs no example."""


@pytest.mark.slow
@pytest.mark.parametrize(("command", "settings"), SETTINGS)
def test_the_example_in_the_error_of_each_option_is_taken(run: Run, command: str, settings: type[Any]) -> None:
    tried = 0
    for field in msgspec.structs.fields(settings):
        kind, meta = get_args(field.type)[0], get_args(field.type)[1]
        option = "--" + field.name.replace("_", "-")
        if kind in _PLAIN or field.name in ("values", "sources"):
            continue
        outcome = run(command, option, "@")
        assert outcome.code == 2
        if "one of" in outcome.err or outcome.err.startswith("error: there is no "):
            continue  # it lists them, or says what does
        example = outcome.err.partition("\nhint: for example: ")[2].rstrip("\n")
        word = example.partition(" ")[2]
        assert example.startswith((option, "--lr.x")), outcome.err
        word = f"x={word}" if example.startswith("--lr.x") else word
        reads = (meta.extra or {}).get("reads", "")
        value = read_word(option, [word] if reads in ("pairs", "bounds") else word, reads)
        read(settings, {field.name: value}, text=True)
        tried += 1
    assert tried >= (1 if command in ("ops", "grad", "plot") else 10)


def everything_wrong() -> list[tuple[str, str, Any]]:
    """Each parameter of each rule and schedule, with values of every kind."""
    values = ["x", -1, 0, 2.5, True, None, [0.5], [None, 0.5], [1, 2, 3]]
    values += [1e9, 1e300, -1e300, 1e-300, math.inf, -math.inf, math.nan, [math.nan, 0.5], [1e300, 1e300], 10**30]
    names = [
        (name, p) for name, row in RULES.items() for p in row.parameters if p not in MinimizeSettings.__struct_fields__
    ]
    names += [(name, p) for name in SCHEDULES for p in parameters_of(name)]
    return [(name, parameter, value) for name, parameter in names for value in values]


NEEDED = {"step_size": 3, "milestones": [3], "gamma": 0.5, "T_max": 4, "T_0": 4, "base_lr": 0.01, "max_lr": 0.1,
          "lr_lambda": "0.9", "total_steps": 10}  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Casting complex")  # a large negative lambd, in torch.optim.ASGD
def test_any_value_of_any_parameter_runs_or_is_refused_with_a_hint() -> None:
    for name, parameter, value in everything_wrong():
        text, start = ("sum(W**2)", {"W": [[1.0, 2.0]]}) if name == "muon" else ("x**2", {"x": 2.0})
        given: dict[str, Any] = {"optimizer": name, "opt": {parameter: value}}
        if name in SCHEDULES:
            known = parameters_of(name)
            needed = {
                key: NEEDED[key] for key in known if known[key] is inspect.Parameter.empty or key == "total_steps"
            }
            given = {"schedule": name, "sched": {**needed, parameter: value}}
        message, hint = "", ""
        try:
            gdcli.minimize(text, start, settings={**given, "steps": 3}).result()
        except gdcli.GdcliError as error:
            message, hint = error.message, error.hint
        assert bool(message) == bool(hint), (name, parameter, value, message)


HUGE = [
    ("asgd", "alpha", 1e9), ("adam", "lr", 1e38), ("sgd", "lr", 1e300), ("lbfgs", "lr", 1e300),
    ("sgd", "weight_decay", 1e300), ("manual-adam", "betas", [0.9, 1e300]), ("rprop", "etas", [0.5, 1e300]),
]  # fmt: skip


@pytest.mark.parametrize(("optimizer", "parameter", "value"), HUGE)
def test_a_step_whose_numbers_are_too_large_ends_the_run(optimizer: str, parameter: str, value: Any) -> None:
    given = {parameter: value} if parameter in ("lr", "weight_decay") else {"opt": {parameter: value}}
    dtype = "float64" if optimizer in ("asgd", "manual-adam") else "float32"
    record = gdcli.minimize(
        "x**2", x=2.0, settings={"optimizer": optimizer, "dtype": dtype, "steps": 9, **given}
    ).result()
    assert record.status == "stalled"
    assert record.message.endswith("the step cannot be computed, because a number in it is too large")
    assert record.result.values == record.iterations[-1].values  # as the last step left them


def test_a_step_whose_numbers_are_too_large_ends_one_racer_alone() -> None:
    race = gdcli.compare("x**2", x=2, racer=["asgd alpha=1e9", "sgd"], steps=3)
    assert {each.optimizer: set(each.statuses) for each in race.standings} == {"asgd": {"stalled"}, "sgd": {"reached"}}


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_the_example_of_each_parameter_of_a_rule_is_taken(name: str) -> None:
    text, start = ("sum(W**2)", {"W": [[1.0, 2.0]]}) if name == "muon" else ("x**2", {"x": 2.0})
    for parameter in set(RULES[name].parameters) - set(MinimizeSettings.__struct_fields__):
        with pytest.raises(gdcli.GdcliError) as caught:
            gdcli.minimize(text, start, optimizer=name, opt={parameter: "@"}, steps=1).result()
        example = caught.value.hint.removeprefix("for example: --opt ")
        opt = read_word("--opt", [example], "pairs")
        gdcli.minimize(text, start, optimizer=name, opt=opt, steps=1).result()


@pytest.mark.parametrize(
    ("given", "shapes"),
    [
        ({}, [(3, 4), (4,), (3,)]),
        ({"x": "1,2"}, [(3, 2), (2,), (3,)]),
        ({"x": [1.0, 2.0, 3.0]}, [(3, 3), (3,), (3,)]),
        ({"x": "rand(4, 6)"}, [(3, 4), (4, 6), (3, 6)]),
        ({"target": "1,2"}, [(2, 4), (4,), (2,)]),
        ({"target": "rand(3, 6)"}, [(3, 4), (4, 6), (3, 6)]),
        ({"target": "2"}, [(4,), (4,), ()]),
        ({"W": "rand(2, 5)"}, [(2, 5), (5,), (2,)]),
        ({"W": "[1, 2, 3]"}, [(3,), (3,), ()]),
        ({"W": "rand(2, 5)", "target": "zeros(2, 7)"}, [(2, 5), (5, 7), (2, 7)]),
        ({"W": "rand(2, 5)", "x": "rand(5, 7)"}, [(2, 5), (5, 7), (2, 7)]),
        ({"x": "linspace(0, 1, 5)", "target": "1,2"}, [(2, 5), (5,), (2,)]),
    ],
)
def test_what_fit_linear_is_not_given_fits_what_it_is(given: dict[str, Any], shapes: list[tuple[int, ...]]) -> None:
    record = gdcli.fit_linear(given, settings={"steps": 1}).result()
    values = {name: gdcli.ops("v", values={"v": text}).rows[0] for name, text in record.settings.values.items()}
    w, x, target = (tuple(values[name].shape) for name in ("W", "x", "target"))
    assert [w, x, target] == shapes
    assert tuple(torch.matmul(torch.zeros(w), torch.zeros(x)).shape) == target


def test_ops_takes_the_notebooks_values_only_where_none_are_given(run: Run) -> None:
    assert run("ops", "a + b").code == 0
    assert run("ops", "--a", "1").code == 0
    assert "the variable 'b' has no value" in run("ops", "a + b", "--a", "1").err


F = staticmethod(lambda x: x**2)


@pytest.mark.parametrize("function", ["minimize", "grad", "grad_each", "compare", "plot", "ops"])
@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ((3,), "an expression must be text, but this one is of type int", '("x**2", x=3)'),
        (("x**2", {"x": 3, "dtpe": "float64"}), "the expression has no variable 'dtpe'", "the only variable is x"),
        (("x**2", 3), "'values' must be a mapping, but it is of type int", "x=3, or values={'x': 3}"),
        (("x*y", {"x": 3}), "the variable 'y' has no value", "give it a value: y=1"),
    ],
)
def test_a_wrong_argument_of_a_function_is_an_error_of_gdcli(
    function: str, arguments: tuple[Any, ...], message: str, hint: str
) -> None:
    call = getattr(gdcli, function)
    if function == "ops" and len(arguments) > 1:
        arguments, values = arguments[:1], arguments[1]
        call = lambda *given: gdcli.ops(*given, values=values)  # noqa: E731
    if function == "plot" and "no value" in message:
        return  # it takes a window
    with pytest.raises(gdcli.GdcliError) as caught:
        call(*arguments)
    assert caught.value.message == message
    assert caught.value.hint.endswith(hint)


@pytest.mark.parametrize("function", ["minimize", "grad", "grad_each", "compare", "plot", "ops", "fit_linear"])
def test_a_wrong_keyword_of_a_function_has_a_suggestion(function: str) -> None:
    arguments = [] if function == "fit_linear" else ["x**2"]
    with pytest.raises(gdcli.GdcliError) as caught:
        getattr(gdcli, function)(*arguments, x=[1.0, 2.0] if function == "fit_linear" else 2.0, dtpe="float64")
    assert str(caught.value) == (
        "'dtpe' is neither a setting nor a variable of the expression\nhint: did you mean 'dtype'?"
    )


def test_objects_of_torch_are_taken_as_settings() -> None:
    record = gdcli.minimize("x**2", x=3, optimizer=torch.optim.Adam, dtype=torch.float64, steps=2).result()
    assert (record.settings.optimizer, record.settings.dtype) == ("adam", "float64")
    race = gdcli.compare("x**2", x=3, optimizer=[torch.optim.Adam, "SGD"], steps=2)
    assert sorted(each.optimizer for each in race.standings) == ["adam", "sgd"]
    assert gdcli.grad("theta**2", theta=3, wrt="theta").grads == {"theta": 6.0}
    with pytest.raises(gdcli.GdcliError, match="steps must be a whole number of at least 0, not '<object"):
        gdcli.minimize("x**2", x=3, steps=object())
    assert math.isclose(gdcli.minimize("x**2", x=3, tol_grad=1e-3, lr=0.4).result().settings.tol_grad[0], 1e-3)
