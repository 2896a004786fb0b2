"""The words of ``gdcli sweep``: its axes, its settings completed, and a cell as a run of ``minimize``.

What is refused stands in errors/sweep.txt.
"""

from __future__ import annotations

import math
import shlex
import subprocess
import sys
from typing import Any

import pytest
import torch
from conftest import Run

import gdcli
from gdcli.complete.alone import command_alone, settings_alone
from gdcli.complete.sweep import axes_of, complete_sweep, too_large_for_memory
from gdcli.complete.sweep_checks import INTERVALS
from gdcli.complete.sweep_names import OFFERED
from gdcli.contract.sweep import SweepAxis, SweepCells, SweepSettings
from gdcli.errors import GdcliError
from gdcli.rules.catalogue import RULES


def completed(expression: str, *over: str, **settings: Any) -> SweepSettings:
    return complete_sweep(SweepSettings(expression=expression, over=list(over), **settings))


def axes(expression: str, *over: str, **settings: Any) -> list[SweepAxis]:
    return axes_of(completed(expression, *over, **settings))


# Words to axes

ROSENBROCK = "rosenbrock"  # of two numbers, x and y
SPHERE = "sum(x**2)"
SGD = {"optimizer": "sgd", "momentum": 0.5}
RMSPROP = {"optimizer": "rmsprop", "values": {"x": "1"}}
LAYER = {"values": {"W": "[[1,2],[3,4]]", "x": "1,2"}, "wrt": ["W"]}
WORDS = [
    ("x=-2:2:400", ROSENBROCK, {}, ("start", "x", ()), (-2, 2, 400, False)),
    ("x = -2 : 2 : 400", ROSENBROCK, {}, ("start", "x", ()), (-2, 2, 400, False)),
    ("y=-pi:pi", ROSENBROCK, {}, ("start", "y", ()), (-math.pi, math.pi, 200, False)),
    ("x=1/3:2**2:7", ROSENBROCK, {}, ("start", "x", ()), (1 / 3, 4, 7, False)),
    ("lr=1e-3:3:log:400", ROSENBROCK, {}, ("lr", "lr", ()), (1e-3, 3, 400, True)),
    ("lr=1e-3:3:log", ROSENBROCK, {}, ("lr", "lr", ()), (1e-3, 3, 200, True)),
    ("lr=1e-3:3:LOG:1e2", ROSENBROCK, {}, ("lr", "lr", ()), (1e-3, 3, 100, True)),
    ("lr.y=0:1:3", ROSENBROCK, {}, ("lr of a variable", "y", ()), (0, 1, 3, False)),
    ("momentum=0:0.99:100", ROSENBROCK, {"optimizer": "sgd"}, ("parameter", "momentum", ()), (0, 0.99, 100, False)),
    ("weight-decay=0:1", ROSENBROCK, {}, ("parameter", "weight_decay", ()), (0, 1, 200, False)),
    ("dampening=-1:1", ROSENBROCK, SGD, ("parameter", "dampening", ()), (-1, 1, 200, False)),
    ("eps=1e-10:1:log", ROSENBROCK, {"optimizer": "adam"}, ("parameter", "eps", ()), (1e-10, 1, 200, True)),
    ("betas[1]=0:0.999", ROSENBROCK, {"optimizer": "adam"}, ("parameter", "betas", (1,)), (0, 0.999, 200, False)),
    ("x[1]=0:1", SPHERE, {"values": {"x": "1,2,3"}}, ("start", "x", (1,)), (0, 1, 200, False)),
    ("x[-1]=0:1", SPHERE, {"values": {"x": [1, 2, 3]}}, ("start", "x", (2,)), (0, 1, 200, False)),
    ("x[4]=0:1", SPHERE, {"values": {"x": "zeros(5)"}}, ("start", "x", (4,)), (0, 1, 200, False)),
    ("x[9]=0:1", "sum-squares", {}, ("start", "x", (9,)), (0, 1, 200, False)),
    ("W[0, 1]=0:1", "sum((W @ x)**2)", LAYER, ("start", "W", (0, 1)), (0, 1, 200, False)),
    ("seed=0:20", SPHERE, {"values": {"x": "randn(3)"}}, ("seed", "seed", ()), (0, 20, 21, False)),
    ("seed=5:25:3", SPHERE, {"values": {"x": "randn(3)"}}, ("seed", "seed", ()), (5, 25, 3, False)),
    ("alpha=1:2", "(x - alpha)**2", {"values": {"x": "1"}}, ("start", "alpha", ()), (1, 2, 200, False)),
    ("alpha=0:1", "x**2", RMSPROP, ("parameter", "alpha", ()), (0, 1, 200, False)),
]  # fmt: skip


@pytest.mark.parametrize(("word", "expression", "settings", "target", "numbers"), WORDS, ids=[w[0] for w in WORDS])
def test_axis_is_what_its_words_say(
    word: str,
    expression: str,
    settings: dict[str, Any],
    target: tuple[str, str, tuple[int, ...]],
    numbers: tuple[float, float, int, bool],
) -> None:
    (axis,) = axes(expression, word, **settings)
    assert (axis.kind, axis.target, axis.index) == target
    assert (axis.low, axis.high, axis.count, axis.log) == numbers
    assert axis.name == word.partition("=")[0].replace(" ", "")


def test_list_is_an_axis_of_its_numbers() -> None:
    first, second = axes(ROSENBROCK, "lr=0.01, 0.1, 1", "x=[-pi, 0, pi]")
    assert first.numbers() == [0.01, 0.1, 1.0]
    assert second.numbers() == [-math.pi, 0.0, math.pi]


def test_two_axes_have_100_points_each_where_no_count_is_given() -> None:
    assert [len(axis) for axis in axes(ROSENBROCK, "x=0:1", "y=0:1")] == [100, 100]
    assert [len(axis) for axis in axes(ROSENBROCK, "x=0:1", "y=0:1:5")] == [100, 5]


def test_points_of_an_axis_are_evenly_spaced_and_its_ends_are_exact() -> None:
    linear, log = axes(ROSENBROCK, "x=-2:2:5", "lr=0.001:10:log:5")
    assert linear.numbers() == [-2, -1, 0, 1, 2]
    assert log.numbers() == pytest.approx([0.001, 0.01, 0.1, 1, 10], rel=1e-14)
    assert (log.numbers()[0], log.numbers()[-1]) == (0.001, 10)


def test_seeds_are_whole_numbers() -> None:
    (axis,) = axes(SPHERE, "seed=0:20:8", values={"x": "randn(3)"})
    assert axis.numbers() == [0, 3, 6, 9, 11, 14, 17, 20]


# --zoom

ZOOMS = [
    ({"x": (0.1, 0.2)}, [(0.1, 0.2, 400, False), (1e-3, 1, 300, True)]),
    ({"x": (None, 0.2)}, [(-2, 0.2, 400, False), (1e-3, 1, 300, True)]),
    ({"lr": (0.5, None), "x": (3.0, 4.0)}, [(3, 4, 400, False), (0.5, 1, 300, True)]),
]


@pytest.mark.parametrize(("zoom", "numbers"), ZOOMS)
def test_zoom_keeps_count_and_scale(zoom: dict[str, Any], numbers: list[Any]) -> None:
    found = axes(ROSENBROCK, "x=-2:2:400", "lr=1e-3:1:log:300", zoom=zoom)
    assert [(axis.low, axis.high, axis.count, axis.log) for axis in found] == numbers


@pytest.mark.parametrize("words", [["--zoom", "x=0:1,lr=0.1:"], ["--zoom", "x=0:1", "--zoom", "lr=0.1:"]], ids=" ".join)
def test_zooms_are_given_together_or_one_by_one(words: list[str]) -> None:
    from gdcli.contract.words import read_word

    assert read_word("--zoom", words[1::2], "bounds", "NAME=LOW:HIGH") == {"x": [0.0, 1.0], "lr": [0.1, None]}


# Completed settings


def test_without_arguments_it_is_an_example_over_rate_and_start() -> None:
    settings = complete_sweep(SweepSettings())
    assert settings.expression == "x**4 - x**2"
    assert [axis.kind for axis in axes_of(settings)] == ["lr", "start"]


COMPLETED = [
    ("x**2", ["x=-2:2:5"], {}, {"values": {"x": "-2"}, "wrt": ["x"], "lr": 0.1}),
    ("x**2", ["x=-2:2:5"], {"values": {"x": "7"}}, {"values": {"x": "-2"}, "lr": 0.1}),
    ("x**2", ["x=-2:2:5"], {"zoom": {"x": (0.0, 1.0)}}, {"values": {"x": "0"}}),
    ("x**2", ["lr=0:1"], {"values": {"x": "7"}}, {"values": {"x": "7"}, "lr": None}),
    ("x**2", ["x=0:1"], {"optimizer": "adam"}, {"lr": 0.001}),
    ("sum(x**2)", ["x[0]=0:1"], {"values": {"x": "1,2"}}, {"values": {"x": "1,2"}}),
    (ROSENBROCK, ["y=0:1"], {}, {"values": {"x": "-1.2", "y": "0"}, "wrt": ["x", "y"]}),
    (ROSENBROCK, ["y=0:1"], {"wrt": ["y"]}, {"wrt": ["y"]}),
    ("", ["lr=0.1:1"], {}, {"expression": "x**4 - x**2", "values": {"x": "1"}}),
    (
        "torch.manual_seed(5)\nx = torch.rand(2, requires_grad=True)\nloss = (x**2).sum()\nloss.backward()",
        ["lr=0.1:1"],
        {},
        {"seed": 5, "wrt": ["x"], "values": {"x": "torch.rand(2)"}},
    ),
    (
        "torch.manual_seed(5)\nx = torch.rand(2, requires_grad=True)\nloss = (x**2).sum()\nloss.backward()",
        ["seed=1:3"],
        {},
        {"seed": 0},
    ),
]


@pytest.mark.parametrize(("expression", "over", "given", "expected"), COMPLETED)
def test_settings_are_completed_and_are_then_complete(
    expression: str, over: list[str], given: dict[str, Any], expected: dict[str, Any]
) -> None:
    settings = completed(expression, *over, **given)
    assert {name: getattr(settings, name) for name in expected} == expected
    assert complete_sweep(settings) == settings


@pytest.mark.process
def test_words_are_read_without_torch() -> None:
    code = (
        "import sys; from gdcli.contract.sweep import SweepSettings; from gdcli.complete.sweep import complete_sweep\n"
        "complete_sweep(SweepSettings(expression='rosenbrock', over=['x=0:1', 'lr=0:1']))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_data_that_stays_is_no_axis(tmp_path: Any) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n2\n")
    values = {"x": "1", "a": f"@{tmp_path / 'a.csv'}:a"}
    with pytest.raises(GdcliError) as caught:
        axes("sum((x - a)**2)", "a[0]=0:1", values=values)
    assert caught.value.message == "a stays, because its value comes from a file"
    assert caught.value.hint == "have it move: --wrt x,a"
    settings = completed("sum((x - a)**2)", "a[0]=0:1:3", values=values, wrt=["x", "a"])
    assert settings_alone(settings, axes_of(settings), [1]).values["a"] == [0.5, 2.0]


def test_variable_from_which_another_is_drawn_is_no_axis() -> None:
    program = (
        "x = torch.rand(2)\ny = 3*x + 0.1*torch.randn(2)\nw = torch.tensor(1.0, requires_grad=True)\n"
        "loss = ((w*x - y)**2).mean()\nloss.backward()"
    )
    with pytest.raises(GdcliError) as caught:
        completed(program, "x[0]=0:1", wrt=["w", "x"], values={"x": "1,2"})
    assert caught.value.message == "the program computes y from x, so x alone is no axis"
    (axis,) = axes(program, "x[0]=0:1", wrt=["w", "x"], values={"x": "1,2", "y": "1,2"})
    assert axis.target == "x"


def test_index_is_no_axis() -> None:
    with pytest.raises(GdcliError) as caught:
        completed("x[i]**2", "i=0:1", values={"x": "1,2", "i": "1"})
    assert str(caught.value) == "i stays, because it has whole numbers\nhint: what moves is x"


# The grid

GRIDS = [
    ("x**2", ["x=-2:2:1e9"], {"dtype": "float64"}, "the result has 21 GB, 21 bytes for each of 1,000,000,000 cells"),
    (SPHERE, ["x[0]=0:1:4000", "x[1]=0:1:4000"], {"values": {"x": "1,2,3,4"}}, "the result has 0.464 GB, 29 bytes"),
    (ROSENBROCK, ["x=0:1:40000", "y=0:1:40000"], {}, "the grid has 1,600,000,000 cells, and a sweep has at most"),
]


@pytest.mark.parametrize(("expression", "over", "settings", "message"), GRIDS, ids=[each[3] for each in GRIDS])
def test_grid_that_is_too_large_says_its_size_and_the_way_out(
    expression: str, over: list[str], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(GdcliError) as caught:
        gdcli.sweep(expression, settings={"over": over, **settings})
    assert caught.value.message.startswith(message)
    fewer = caught.value.hint.partition("cells fit: ")[2].partition(";")[0]
    smaller = [word for word in shlex.split(fewer) if "=" in word]
    assert len(axes(expression, *smaller, **settings)) == len(over)
    assert too_large_for_memory(completed(expression, *smaller, **settings)) is None


def test_grid_of_4000_by_4000_fits() -> None:
    settings = completed(ROSENBROCK, "x=0:1:4000", "y=0:1:4000")
    assert math.prod(map(len, axes_of(settings))) == 16_000_000
    assert too_large_for_memory(settings) is None


# The rules


def test_rules_that_are_offered_are_those_that_step_many_runs_at_once() -> None:
    from gdcli.batch.elementwise import ELEMENTWISE

    assert set(OFFERED) == {*ELEMENTWISE, "newton"}


def numbers_of_rule(rule: str) -> dict[str, tuple[str, int | None]]:
    """The parameters of a rule that are numbers, with the place of each in a tuple."""
    found: dict[str, tuple[str, int | None]] = {"lr": ("lr", None)}
    for name, usual in RULES[rule].parameters.items():
        if isinstance(usual, tuple):
            found |= {f"{name}[{i}]": (name, i) for i in range(len(usual))}
        elif not isinstance(usual, bool):
            found[name] = (name, None)
    return found


LATER = ("asgd.lambd", "asgd.alpha")  # not every version of PyTorch refuses what is below 0


@pytest.mark.parametrize("rule", [rule for rule in OFFERED if RULES[rule].path])
def test_bounds_of_parameters_are_those_of_pytorch(rule: str) -> None:
    make = getattr(torch.optim, RULES[rule].path.rpartition(".")[2])
    for label, (name, place) in numbers_of_rule(rule).items():
        interval = INTERVALS.get(label)
        for number in (-1.0, -1e-9, 0.0, 0.5, 1.0 - 1e-9, 1.0, 1.0 + 1e-9, 2.0, 100.0):
            value: Any = number
            if place is not None:
                value = [*RULES[rule].parameters[name]]
                value[place] = number
                value = tuple(value)
            try:
                make([torch.zeros(1)], **{name: value})
                takes = True
            except ValueError:
                takes = False
            if f"{rule}.{label}" in LATER and number < 0:
                takes = False
            assert takes == (interval is None or interval.has(number)), (label, number)


# A cell alone

EVERYTHING = (
    "gdcli minimize 'sum(x**2)' --x 1,2 --lr 0.1 --steps 100 --bound x=-1: --schedule step --sched step_size=2 "
    "--lr-factor 3=0.5 --maximize --clip-value 0.5 --tol-grad 1e-06 --tol-loss 1e-09,0.1 --tol all --dtype float64"
)
ALONE = [
    (ROSENBROCK, ["x=-2:2:5", "lr=0.1:0.2:5"], {}, [1, 4], {"values": {"x": "-1", "y": "1"}, "lr": 0.2},
     "gdcli minimize rosenbrock --x -1 --lr 0.2 --steps 100 --tol-grad 1e-06"),
    (ROSENBROCK, ["lr.y=0.5:1.5:3"], {"steps": 7}, [1], {"lr": 0.1, "lrs": {"y": 1.0}},
     "gdcli minimize rosenbrock --lr 0.1 --lr.y 1 --steps 7 --tol-grad 1e-06"),
    (ROSENBROCK, ["momentum=0:0.9:2"], {"optimizer": "sgd"}, [1], {"momentum": 0.9},
     "gdcli minimize rosenbrock --optimizer sgd --momentum 0.9 --lr 0.1 --steps 100 --tol-grad 1e-06"),
    (ROSENBROCK, ["eps=0:1:2"], {"optimizer": "adam"}, [1], {"opt": {"eps": 1.0}},
     "gdcli minimize rosenbrock --optimizer adam --opt eps=1 --lr 0.001 --steps 100 --tol-grad 1e-06"),
    (ROSENBROCK, ["betas[0]=0:0.5:2"], {"optimizer": "adam"}, [1], {"opt": {"betas": [0.5, 0.999]}},
     "gdcli minimize rosenbrock --optimizer adam --opt betas=0.5,0.999 --lr 0.001 --steps 100 --tol-grad 1e-06"),
    (ROSENBROCK, ["betas[0]=0:0.5:2"], {"optimizer": "adam", "opt": {"betas": [0.1, 0.2]}}, [1],
     {"opt": {"betas": [0.5, 0.2]}},
     "gdcli minimize rosenbrock --optimizer adam --opt betas=0.5,0.2 --lr 0.001 --steps 100 --tol-grad 1e-06"),
    (SPHERE, ["x[0]=0:1:2", "x[2]=-1:0:2"], {"values": {"x": "1,2,3"}}, [1, 0], {"values": {"x": [1.0, 2.0, -1.0]}},
     "gdcli minimize 'sum(x**2)' --x '[1.0, 2.0, -1.0]' --lr 0.1 --steps 100 --tol-grad 1e-06"),
    (SPHERE, ["seed=3:9"], {"values": {"x": "randn(2)"}}, [2], {"seed": 5, "values": {"x": "randn(2)"}},
     "gdcli minimize 'sum(x**2)' --x 'randn(2)' --lr 0.1 --steps 100 --tol-grad 1e-06 --seed 5"),
    (SPHERE, ["lr=0.1:0.2:2"], {"values": {"x": "1,2"}, "bound": {"x": (-1.0, None)}, "clip_value": 0.5,
     "maximize": True, "schedule": "step", "sched": {"step_size": 2}, "lr_factor": {"3": 0.5}, "tol_grad": [1e-6],
     "tol_loss": [1e-9, 0.1], "tol": "all", "dtype": "float64"}, [0], {"lr": 0.1, "tol": "all"},
     EVERYTHING),
    ("x = torch.tensor(2.0, requires_grad=True)\nloss = x**2", ["lr=0.1:0.2:2"], {}, [0], {"lr": 0.1},
     "gdcli minimize 'x = torch.tensor(2.0, requires_grad=True)\nloss = x**2' --lr 0.1 --steps 100 --tol-grad 1e-06"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("expression", "over", "given", "index", "expected", "command"), ALONE)
def test_cell_alone_is_a_run_of_minimize(  # noqa: PLR0917
    run: Run,
    expression: str,
    over: list[str],
    given: dict[str, Any],
    index: list[int],
    expected: dict[str, Any],
    command: str,
) -> None:
    settings = completed(expression, *over, **{"tol_grad": [1e-6], **given})
    alone = settings_alone(settings, axes_of(settings), index)
    assert {name: getattr(alone, name) for name in expected} == expected
    assert command_alone(settings, axes_of(settings), index) == command
    typed = run(*shlex.split(command)[1:], "--json").json()
    same = gdcli.minimize(**{name: getattr(alone, name) for name in ("expression", "values", "wrt")}, settings={
        name: getattr(alone, name) for name in alone.__struct_fields__
        if name not in ("expression", "values", "wrt", "sources")
    }).result()  # fmt: skip
    assert (typed["status"], typed["result"]["iteration"]) == (same.status, same.result.iteration)
    assert (typed["result"]["loss"], typed["result"]["values"]) == (same.result.loss, same.result.values)


def test_cell_alone_is_the_loop_by_hand() -> None:
    settings = completed("(x**2 - y)**2 + y**2", "x=-2:2:7", "lr.y=0.01:0.1:log:5", values={"y": "3"}, steps=9)
    alone = settings_alone(settings, axes_of(settings), [2, 3])
    x, y = torch.tensor(-2 + 4 * (2 / 6), requires_grad=True), torch.tensor(3.0, requires_grad=True)
    rate = 0.01 * (0.1 / 0.01) ** (3 / 4)
    for _ in range(9):
        ((x**2 - y) ** 2 + y**2).backward()
        with torch.no_grad():
            x -= 0.1 * x.grad
            y -= rate * y.grad
        x.grad = y.grad = None
    made = gdcli.minimize(alone.expression, alone.values, settings={"lr": alone.lr, "lrs": alone.lrs, "steps": 9})
    assert made.result().result.values == {"x": x.item(), "y": y.item()}


def test_cell_with_many_numbers_has_no_command() -> None:
    settings = completed(SPHERE, "x[3]=0:1", values={"x": "zeros(25)"})
    assert command_alone(settings, axes_of(settings), [0]) == ""
    settings = completed(SPHERE, "x[3]=0:1", values={"x": "zeros(24)"})
    assert command_alone(settings, axes_of(settings), [0]).startswith("gdcli minimize 'sum(x**2)' --x '[0.0, ")


def test_python_function_completes_its_settings() -> None:
    record = gdcli.sweep("x**2", over="x=-1:1:5", lr=0.25, cells=True)
    assert record.settings.tol_grad == [1e-4]
    assert record.settings.wrt == ["x"]
    assert isinstance(record.grid, SweepCells)
    assert [values for name, values in record.grid.values.items()] == [[x * 0.5**n for x, n in PAIRS]]


PAIRS = [(-1.0, 15), (-0.5, 14), (0.0, 0), (0.5, 14), (1.0, 15)]
"""Each start, and the step at which 2 * abs(x), halved in each step, is at most 1e-4 for the first time."""
