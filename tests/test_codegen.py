"""The scripts of ``--code``: run in an interpreter that has no gdcli, they print the digits of gdcli's own record."""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import json
import subprocess
import sys
import warnings
from typing import Any

import pytest

import gdcli
from gdcli.codegen.descent import fit_linear_script, minimize_script
from gdcli.codegen.grad import grad_script
from gdcli.codegen.ops import ops_script
from gdcli.complete.fit_linear import complete_fit_linear
from gdcli.complete.grad import complete_grad
from gdcli.complete.minimize import complete_minimize
from gdcli.complete.ops import complete_ops
from gdcli.contract.descent import FitLinearSettings, MinimizeSettings
from gdcli.contract.grad import GradSettings
from gdcli.contract.ops import OpsSettings
from gdcli.contract.reading import read
from gdcli.lang.functions import FUNCTIONS

Given = dict[str, Any]

ROSENBROCK = {"expression": "(1 - x)**2 + 100*(y - x**2)**2", "values": {"x": "-1.2", "y": "1"}, "lr": 1e-3}
PROBLEMS: dict[str, Given] = {
    "notebook": {},
    "one element": {"values": {"x": "[4]"}},
    "two scalars": ROSENBROCK,
    "vector": {"expression": "sum(softplus(-x) + 0.1*x**2)", "values": {"x": "3, -1.5, 0.2"}},
    "matrix": {
        "expression": "torch.sum((torch.tanh(W.matmul([1, 2])) - target)**2)",
        "values": {"W": "rand(3, 2)", "target": "[0.5, 0.1, -0.2]"},
        "wrt": ["W"],
    },
    "linear algebra": {
        "expression": "norm(solve(A, b)) + logdet(A @ A.T)",
        "values": {"A": "eye(3) + 0.1*rand(3, 3)", "b": "arange(1, 4)"},
        "lr": 0.01,
    },
    "special functions": {
        "expression": "lgamma(a) + xlogy(a, 3) + F.mse_loss(a*[1, 2], erf(b)) + π",
        "values": {"a": "2", "b": "linspace(-1, 1, 2)"},
        "lr": 0.01,
    },
    "random numbers in the loss": {"expression": "sum((x - rand(3))**2)", "values": {"x": "randn(3)"}, "seed": 7},
    "lists of variables": {
        "expression": "sum([x, 2*y, 3]**2) + [x, y].max()",
        "values": {"x": "1", "y": "-2"},
        "lr": 0.05,
    },
    "names of the script": {
        "expression": "(loss - 1)**2 + (i - lr)**2 + optimizer*x**2 + print**2 + softplus(F)",
        "values": {"loss": "3", "i": "2", "lr": "0.5", "optimizer": "2", "x": "1", "print": "1", "F": "1"},
        "lr": 0.05,
    },
    "without a path": {"expression": "x**2 + float(y > 0) + floor(z)", "values": {"x": "2", "y": "1", "z": "1.5"}},
    "whole numbers on the way": {"expression": "x**2 + sort(y)[1].sum()", "values": {"x": "2", "y": "3, 1"}},
    "long lists": {
        "expression": "sum((A @ x)**2)",
        "values": {"x": [i / 3 for i in range(9)], "A": [[i / 7 + j / 3 for j in range(9)] for i in range(3)]},
        "lr": 1e-3,
    },
    "diverging": {"lr": 1.5, "steps": 400},
    "diverging in two variables": {**ROSENBROCK, "lr": 0.1},
    "nothing finite": {"expression": "sqrt(x)", "values": {"x": "0"}},
    "catalogue": {"expression": "rosenbrock", "lr": 1e-3},
    "catalogue in many dimensions": {"expression": "rastrigin", "dim": 4, "lr": 1e-3},
}
SGD = {"optimizer": "sgd"}
OPTIONS: dict[str, Given] = {
    "plain": {},
    "float64": {"dtype": "float64"},
    "seed": {"seed": 12},
    "sgd": SGD,
    "momentum": {**SGD, "momentum": 0.9},
    "nesterov": {**SGD, "momentum": 0.9, "nesterov": True},
    "weight decay": {**SGD, "momentum": 0.5, "dampening": 0.1, "weight_decay": 0.01, "dtype": "float64"},
    "rebind": {"update": "rebind"},
    "adam": {"optimizer": "adam", "lr": 0.02},
}
ONCE: dict[str, Given] = {
    "no steps": {"steps": 0},
    "half precision": {"dtype": "bfloat16", "steps": 5},
    "manual weight decay": {"optimizer": "manual-momentum", "weight_decay": 0.01, "momentum": 0.8},
    "manual nesterov": {**ROSENBROCK, "optimizer": "manual-nesterov"},
    "manual adam": {**ROSENBROCK, "optimizer": "manual-adam", "lr": 0.05, "opt": {"betas": [0.8, 0.99]}},
    "manual, up": {"expression": "1 - x**2", "values": {"x": "0.5"}, "maximize": True},
    "manual adam, up": {"expression": "1 - x**2", "values": {"x": "1"}, "maximize": True, "optimizer": "manual-adam"},
    "manual rmsprop": {**ROSENBROCK, "optimizer": "manual-rmsprop", "weight_decay": 0.01},
    "manual rmsprop, eps inside": {"optimizer": "manual-rmsprop", "opt": {"eps_inside": True, "alpha": 0.9}},
    **{
        f"{rule}, {name}": {**given, "optimizer": rule}
        for rule in ("newton", "manual-backtracking", "manual-exact")
        for name, given in {
            "notebook": {},
            "rosenbrock": {**ROSENBROCK, "lr": 1.0},
            "float64": {**ROSENBROCK, "dtype": "float64", "lr": 0.5},
            "half": {"dtype": "bfloat16"},
            "a rate for each": {**ROSENBROCK, "lrs": {"x": 0.5}, "lr": 1.0},
            "matrix": {
                "expression": "sum((W @ [1, 2] - 1)**2) + sum((W - 1)**4)", "values": {"W": "rand(3, 2)"}, "seed": 3,
            },
            "up": {"expression": "1 - x**2 - y**4", "values": {"x": "0.5", "y": "2"}, "maximize": True},
            "no step": {"expression": "abs(x) + 2*y", "values": {"x": "0.5", "y": "1"}},
            "no path": {"expression": "x**4 + float(y > 0)", "values": {"x": "0.5", "y": "1"}},
            "random": {"expression": "sum((x - rand(3))**2) + x.norm()**4", "values": {"x": "randn(3)"}, "seed": 7},
            "not finite": {"expression": "x - log(x)", "values": {"x": "5"}},
            "a factor": {**ROSENBROCK, "lr": 1.0, "lr_factor": {"2": 0.5}},
        }.items()
    },
    "newton, damped": {"expression": "x*cos(0.15*pi*x)", "values": {"x": "10"}, "optimizer": "newton",
                       "opt": {"damping": 0.5}},
    "backtracking, constants": {**ROSENBROCK, "optimizer": "manual-backtracking", "opt": {"c1": 0.3, "shrink": 0.8}},
    "adam, up": {"expression": "1 - x**2", "values": {"x": "1"}, "maximize": True, "optimizer": "adam"},
    "adam with parameters": {"optimizer": "adam", "opt": {"betas": [0.8, 0.99], "eps": 1e-6}, "weight_decay": 0.1},
    "adamw without decay": {"optimizer": "adamw", "weight_decay": 0.0},
    "amsgrad": {"optimizer": "amsgrad", "lr": 0.1},
    "lbfgs": {**ROSENBROCK, "optimizer": "lbfgs", "lr": 1.0, "steps": 10},
    "muon": {"expression": "sum((W - 1)**2)", "values": {"W": "rand(2, 3)"}, "optimizer": "muon"},
    "a rate for each": {**ROSENBROCK, "lrs": {"x": 1e-3, "y": 1e-4}},
    "a rate for each, adam": {**ROSENBROCK, "lrs": {"x": 1e-3, "y": 1e-4}, "optimizer": "adam"},
    "cosine": {"schedule": "cosine", "sched": {"T_max": 20}},
    "cosine, sgd": {**SGD, "schedule": "cosine", "sched": {"T_max": 20}},
    "schedule for each": {**ROSENBROCK, "lrs": {"x": 1e-4}, "schedule": "exponential", "sched": {"gamma": 0.9}},
    "plateau": {"schedule": "plateau", "sched": {"patience": 1}, "lr": 0.9},
    "lambda": {"schedule": "lambda", "sched": {"lr_lambda": "0.9**epoch"}},
    "multistep": {**SGD, "schedule": "multistep", "sched": {"milestones": [5, 9], "gamma": 0.5}},
    "one cycle": {**SGD, "schedule": "one-cycle", "sched": {"max_lr": 0.3, "total_steps": 50}},
    "cosine, lbfgs": {"optimizer": "lbfgs", "schedule": "cosine", "sched": {"T_max": 20}},
    "a factor": {"lr_factor": {"5": 0.5, "9": 1.25}},
    "a factor, adam": {"optimizer": "adam", "lr_factor": {"0": 2.0, "7": 0.8}},
    "a factor, lbfgs": {**ROSENBROCK, "optimizer": "lbfgs", "lr": 0.5, "lr_factor": {"2": 0.5}, "steps": 6},
    "a factor for each": {**ROSENBROCK, "lrs": {"y": 1e-4}, "lr_factor": {"3": 0.5}},
    "a factor for each, sgd": {**ROSENBROCK, **SGD, "lrs": {"y": 1e-4}, "lr_factor": {"3": 0.5}},
    "a factor, rebound": {"update": "rebind", "lr_factor": {"1": 2.0}},
    "a factor on a schedule": {"schedule": "exponential", "sched": {"gamma": 0.9}, "lr_factor": {"4": 0.5}},
    "a factor on a schedule, sgd": {**SGD, "schedule": "cosine", "sched": {"T_max": 9}, "lr_factor": {"4": 2.0}},
    "a factor on a schedule for each": {
        **ROSENBROCK, **SGD, "lrs": {"x": 1e-4}, "lr_factor": {"4": 0.5},
        "schedule": "exponential", "sched": {"gamma": 0.9},
    },
    "clipped": {**ROSENBROCK, "clip_norm": 1.0, "clip_value": 0.9, "lr": 0.05},
    "bounded": {**ROSENBROCK, "bound": {"x": [-1.3, 0.5], "y": [None, 1.1]}},
    "tolerances": {"tol_grad": [1e-3, 1e-2], "steps": 200},
    "tolerance of the loss": {"tol_loss": [0.0, 1e-3], "steps": 200},
    "tolerance of the variables": {**ROSENBROCK, "tol_x": [1e-4, 1e-3], "steps": 200},
    "a loss that is asked for": {**ROSENBROCK, "until": 3.0, "steps": 200},
    "all tolerances": {**ROSENBROCK, "tol_grad": [1.0], "tol_loss": [1e-3], "tol_x": [1e-3], "tol": "all", "steps": 90},
    "all of them": {
        **ROSENBROCK, "optimizer": "adam", "lr": 0.1, "schedule": "cosine", "sched": {"T_max": 30}, "clip_norm": 5.0,
        "bound": {"x": [-1.5, 0.9]}, "tol_grad": [1e-6], "tol_loss": [1e-9], "tol_x": [1e-7], "dtype": "float64",
    },
}  # fmt: skip
LAYERS: dict[str, Given] = {
    **{activation: {"activation": activation, "lr": 0.02}
       for activation in ("relu", "none", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh")},
    "notebook": {},
    "samples": {
        "values": {"W": "zeros(2, 3)", "x": "rand(3, 5)", "target": "ones(2, 5)"},
        "activation": "none",
        "lr": 0.01,
    },
    "sgd": {**SGD, "momentum": 0.9, "seed": 3, "dtype": "float64", "lr": 0.01},
    "adam": {"optimizer": "adam", "activation": "gelu", "seed": 5},
}  # fmt: skip
GRADIENTS: dict[str, Given] = {
    "notebook": {},
    "all": {"values": {"x": "15", "y": "24"}, "expression": "log(x**2 + y**2)"},
    "tangent": {"expression": "tan(1 + x**2)", "values": {"x": "1"}, "dtype": "float64"},
    "matrix": {
        "expression": "torch.sum((torch.relu(W.matmul(x)) - target)**2)",
        "values": {"W": "rand(3, 4)", "x": "arange(4)", "target": "[1, 1.2, 1.4]"},
        "wrt": ["W"],
    },
    "one element": {"expression": "x**2", "values": {"x": "[3]"}},
    "a variable alone": {"expression": "x", "values": {"x": "3"}},
    "itself in another dtype": {"expression": "x.float()", "values": {"x": "3"}},
    "no path": {"expression": "x*2 + detach(y)", "values": {"x": "3", "y": "1"}},
    "not finite": {"expression": "sqrt(x)/0 + log(y)", "values": {"x": "0", "y": "-1"}},
    "Hessian": {
        "expression": "sum(exp(x)*y) + W.det()",
        "values": {"x": "1, 2", "y": "2", "W": "rand(2,2)"},
        "hessian": True,
    },
    "Hessian of a line": {"expression": "sum(x)", "values": {"x": "1, 2"}, "hessian": True},
    "Jacobian": {
        "expression": "tanh(W @ x) * y",
        "values": {"x": "1, 2", "y": "2", "W": "rand(3,2)"},
        "wrt": ["x", "W"],
        "jacobian": True,
    },
    "Jacobian of one number": {"expression": "sum(x**2)", "values": {"x": "1, 2"}, "jacobian": True, "hessian": True},
    "explained": {"explain": True},
}  # fmt: skip
VALUES = {"x": "3", "A": "[[2, 1], [1, 3]]", "v": "rand(3) - 0.5", "θ": "-0.5", "c": "expand([1], (3, 1))"}
EXPRESSIONS = [
    *["x*2**40", "x*-9**30", "long(x)*2**40", "2**63 + x", "99999999999999999999*x", "tau*x + pi/4 + 2*π*torch.e"],
    *["[x, 3, 2*x]", "[[x, 1], [2, x]]", "(x > 1)*3", "1 < 2", "-inf + x", "1e5*x + .5e-3", "θ.sin() + θ*2", "c + 1"],
    *["zeros(2,3) + ones((2, 3), )", "rand((2,3)) + randn(3)", "randint(0, 10, size=(5,))", "randperm(5)"],
    *["normal(0, 1, (3,))", "bernoulli([0.1, 0.9])", "rand_like(v)", "arange(0, 5, dtype=int64)", "full((2,), 1)"],
    *["tensor([1.5, pi])", "torch.tensor([1,2], dtype=torch.int64)", "linspace(-pi, pi, 5)", "logspace(0, 2, 3)"],
    *["max(x, 2.5)", "max([1,2,3], 0).values", "slogdet(A)[1]", "sort([3,1,2]).indices", "topk(v, k=2)[0]"],
    *["A.T @ [1,2]", "A[0, 1:]", "A[-1]", "(A + 1)[0]", "[1,2,3][::2]", "( A ) . sum( 0 )", "-A**2", "+A", "A@A@[1,2]"],
    *["float(A > 1)", "(A + 1).long()", "view((A), (4))", "view(A, -1)", "A.view(4)", "reshape(A, -1)", "tile(A, 2)"],
    *["permute(A, 1, 0)", "A.permute(1, 0)", "flip(A, 0, 1)", "A.flip(0)", "roll(A, (1, 1), (0, 1))"],
    *["sum(A, axis=0)", "A.sum(0, keepdims=True)", "sum(A, dtype=float64)", "to(A, torch.float64)", "zeros_like(A)"],
    *["F.relu(A)", "nn.functional.softplus(A)", "torch.nn.functional.softplus(A, beta=2)", "special.xlogy(A, 2)"],
    *["torch.special.expit(A)", "torch.igamma(A, A)", "linalg.norm(A, 2)", "solve(A, [1, 1])", "A.cholesky()"],
    *["cat([A, [[1, 2]]])", "stack([x, 1, 2])", "where(A > 2, A, 0)", "clamp( A , 1 , max = 2 )", "hypot(3,4)"],
    *["index_select(A, 0, [0])", "take(A, [0, 3])", "one_hot([0,2], 3)", "norm(A, inf)", "quantile(A, [0.25, 0.5])"],
]  # fmt: skip


def minimize_cases() -> dict[str, Given]:
    cases = {f"{problem}, {option}": {"steps": 12, **PROBLEMS[problem], **given}
             for problem in PROBLEMS for option, given in OPTIONS.items()}  # fmt: skip
    return cases | {name: {"steps": 12, **given} for name, given in ONCE.items()}


def shown_steps(record: Any, wrt: list[str]) -> str:
    """What the loop of a script prints for the steps of a record."""
    steps = [*record.iterations, record.result]
    if len(steps) > 1 and steps[-2] == steps[-1]:
        steps.pop()
    has_rates = record.settings.schedule != "none" or record.settings.lr_factor
    lines = []
    for step in steps:
        parts = [f"iteration {step.iteration}", *(f"{name} {step.values[name]}" for name in wrt), f"loss {step.loss}"]
        parts += [f"{f'{name}.grad' if len(wrt) > 1 else 'grad'} {step.grads[name]}" for name in wrt]
        if has_rates:
            labels = wrt if record.settings.lrs else [""]  # rates that differ at the start may meet later
            rates = step.lr if isinstance(step.lr, dict) else dict.fromkeys(labels, step.lr)
            parts += [f"{f'{name}.lr' if name else 'lr'} {rate}" for name, rate in rates.items()]
        lines.append(", ".join(parts))
    return "".join(f"{line}\n" for line in lines)


def flat(value: Any) -> Any:
    """The number of a tensor of one element."""
    return flat(value[0]) if isinstance(value, list) else value


def shown_gradient(record: Any) -> str:
    value = record.value if record.settings.jacobian else flat(record.value)
    lines = [f"value {value}", f"grad_fn {record.grad_fn}"]
    if record.settings.hessian:
        lines += [f"hessian {row}" for row in record.hessian.matrix]
    if record.settings.jacobian:
        lines += [f"jacobian {row}" for row in record.jacobian.matrix]
    lines += [f"{name}.grad {gradient}" for name, gradient in record.grads.items()]
    return "".join(f"{line}\n" for line in lines)


def shown_rows(record: Any) -> str:
    rows = [row for row in record.rows if not hasattr(row.error, "code")]
    return "".join(f"{r.expression}\t{r.value}\ttorch.{r.dtype}\t{tuple(r.shape)}\n" for r in rows)


UNJUDGED = {"diagnose": False}  # a script prints the run, not its diagnosis


def run_minimize(given: Given) -> tuple[str, str]:
    settings = complete_minimize(read(MinimizeSettings, given))
    values, rest = given.get("values", {}), {k: v for k, v in given.items() if k not in ("expression", "values")}
    record = gdcli.minimize(given.get("expression", ""), values, settings=rest | UNJUDGED).result()
    return minimize_script(settings), shown_steps(record, settings.wrt)


def run_fit_linear(given: Given) -> tuple[str, str]:
    values, rest = given.get("values", {}), {k: v for k, v in given.items() if k != "values"}
    record = gdcli.fit_linear(values, settings=rest | UNJUDGED).result()
    return fit_linear_script(complete_fit_linear(read(FitLinearSettings, given))), shown_steps(record, ["W"])


def run_grad(given: Given) -> tuple[str, str]:
    rest = {k: v for k, v in given.items() if k not in ("expression", "values", "wrt")}
    record = gdcli.grad(given.get("expression", ""), given.get("values"), wrt=given.get("wrt", ()), settings=rest)
    return grad_script(complete_grad(read(GradSettings, given))), shown_gradient(record)


def run_ops(given: Given) -> tuple[str, str]:
    settings = complete_ops(read(OpsSettings, given))
    record = gdcli.ops(*settings.expressions, values=settings.values, dtype=settings.dtype, seed=settings.seed)
    assert all(not hasattr(row.error, "code") or row.error.code == "unknown-function" for row in record.rows)
    return ops_script(settings), shown_rows(record)


def ops_cases() -> dict[str, Given]:
    examples = [row.example for row in FUNCTIONS.values()]
    values = VALUES
    return {
        "notebook": {},
        "one wrong": {"expressions": ["sinn(a)", "a"]},
        "examples": {"expressions": examples},
        "examples in float64": {"expressions": examples, "dtype": "float64", "seed": 9},
        "expressions": {"expressions": EXPRESSIONS, "values": values},
        "expressions in float64": {"expressions": EXPRESSIONS, "values": values, "dtype": "float64"},
    }


CASES = {
    **{f"ops: {name}": (run_ops, given) for name, given in ops_cases().items()},
    **{f"grad: {name}": (run_grad, given) for name, given in GRADIENTS.items()},
    **{f"minimize: {name}": (run_minimize, given) for name, given in minimize_cases().items()},
    **{f"fit-linear: {name}": (run_fit_linear, given) for name, given in LAYERS.items()},
}
# What rebind and another rule, or an update and a loss without bounds, cannot have together.
CASES = {name: case for name, case in CASES.items() if "muon, " not in name}

# Runs scripts one after the other, each in names of its own, where gdcli cannot be imported.
RUNNER = """
import contextlib, io, json, sys, traceback, warnings

class NoGdcli:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "gdcli":
            raise ImportError("there is no gdcli here")

sys.meta_path.insert(0, NoGdcli())
warnings.simplefilter("ignore")
printed = []
for script in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            exec(compile(script, "script", "exec"), {"__name__": "__main__"})
        except Exception:
            traceback.print_exc(file=out)
    printed.append(out.getvalue())
json.dump(printed, sys.stdout)
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str, str]]:
    """Of each case: the script, what it should print, what it has printed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, on functions that will change
        made = {name: run(given) for name, (run, given) in CASES.items()}
    scripts = json.dumps([script for script, _ in made.values()])
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], input=scripts, text=True, capture_output=True, check=True,
        cwd=tmp_path_factory.mktemp("elsewhere"),
    )  # fmt: skip
    return {name: (*pair, printed) for (name, pair), printed in zip(made.items(), json.loads(done.stdout), strict=True)}


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("name", CASES)
def test_script_prints_every_digit_of_the_record(runs: dict[str, tuple[str, str, str]], name: str) -> None:
    script, expected, printed = runs[name]
    assert printed == expected, script


@pytest.mark.slow
@pytest.mark.process
def test_scripts_know_nothing_of_gdcli_and_are_short(runs: dict[str, tuple[str, str, str]]) -> None:
    for name, (script, _, _) in runs.items():
        imports = [node for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Import)]
        assert {alias.name for node in imports for alias in node.names} <= {"math", "torch", "torch.nn.functional"}
        assert "gdcli" not in script, name
        if not name.startswith("ops"):
            assert len(script.splitlines()) <= (104 if "exact" in name else 79), script
        if "notebook" in name or "two scalars" in name:  # a long expression stays as it is
            assert all(len(line) <= 80 for line in script.splitlines()), script


# Options that a script has each a name of its own for; any two of them may meet.
PAIRED: dict[str, list[Given]] = {
    "optimizer": [
        *({"optimizer": name} for name in ("sgd", "adam", "manual-momentum", "manual-adam", "manual-rmsprop")),
        *({"optimizer": name} for name in ("lbfgs", "newton", "manual-backtracking", "manual-exact")),
    ],
    "schedule": [
        {"schedule": "lambda", "sched": {"lr_lambda": "0.95**epoch"}},
        {"schedule": "multiplicative", "sched": {"lr_lambda": "1 - 0.1/(epoch + 1)"}},
        {"schedule": "plateau", "sched": {"patience": 1}},
        {"schedule": "cyclic", "sched": {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 2}},
    ],
    "lr_factor": [{"lr_factor": {"1": 0.5, "3": 1.5}}],
    "lrs": [{"lrs": {"x": 0.02}}],
    "a loss that is asked for": [{"until": 0.5}],
    "tolerances": [{"tol_grad": [1e-9, 1e-9], "tol_loss": [1e-12], "tol_x": [1e-12, 1e-9]}],
    "bound": [{"bound": {"x": [-2.5, None], "f": [None, 1.6]}}],
    "clip": [{"clip_norm": 2.0, "clip_value": 1.5}],
    "maximize": [{"maximize": True}],
    "decay": [{"weight_decay": 0.01}],
}
# With variables whose names a script would like to have for itself.
CROWDED = {
    "expression": "sin(x - 1)**2 + (factor - f)**4 + 0.1*t**2", "wrt": ["x", "f", "t"], "steps": 5, "lr": 0.05,
    "values": {"x": "2.2", "f": "1.5", "factor": "0.5", "t": "1"},
}  # fmt: skip


def pairs() -> dict[str, Given]:
    """Two options of different kinds, each in turn; the others are left as they are."""
    found: dict[str, Given] = {}
    for one, other in itertools.combinations(PAIRED, 2):
        for a, b in itertools.product(PAIRED[one], PAIRED[other]):
            found[f"{a} with {b}"] = {**CROWDED, **a, **b}
    return found


@pytest.mark.slow
def test_any_two_options_make_a_script_that_prints_the_digits_of_the_record() -> None:
    names, refused = set(), 0
    for name, given in pairs().items():
        try:
            script, expected = run_minimize(given)
        except gdcli.GdcliError:  # what does not go together is said before there is a script
            refused += 1
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(script, "script", "exec"), {"__name__": "__main__"})
        assert printed.getvalue() == expected, f"{name}\n{script}"
        names.add(name)
    assert len(names) > 100
    assert refused < 30


def test_a_script_never_gives_one_name_to_two_things() -> None:
    given = {"schedule": "lambda", "sched": {"lr_lambda": "0.95**epoch"}, "lr_factor": {"3": 0.5}, "steps": 5}
    script, _ = run_minimize(given)
    functions = {node.name for node in ast.walk(ast.parse(script)) if isinstance(node, ast.FunctionDef)}
    stored = {n.id for n in ast.walk(ast.parse(script)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    assert functions
    assert not functions & stored
