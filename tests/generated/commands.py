"""Generated command lines: every option with ordinary, extreme and wrong values."""

from __future__ import annotations

import io
import json
import random
import resource
import shlex
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from gdcli.cli.app import group
from gdcli.cli.main import run
from gdcli.lang.problems import PROBLEMS
from gdcli.rules.catalogue import RULES

EXPRESSIONS = (
    "x**2",
    "log(x)",
    "sqrt(x)",
    "1/x",
    "exp(x)",
    "abs(x)",
    "x",
    "-x**2",
    "x*inf",
    "x**0.5",
    "tan(x)",
    "1e300*x**2",
    "x**2 + 100*y**2",
    "x*y",
    "norm([x, y])",
    "sum((W@[x, y])**2)",
    "rand(3).sum()*x",
    "nan*x",
    "0*x",
    "floor(x)",
    "maximum(x, 0*x)",
    "relu(x)",
    "(x-1)**4",
    "x**3",
    "sin(1e10*x)",
    "x/(x-1)",
    "lgamma(x)",
    "cumsum(v, 0)[-1]",
    "det(W)",
    "sum(x)**2",
    "mean((v - 1)**2)",
    "x**4 - x**2",
    "exp(-x)",
    "cosh(x)",
    "log(1 + exp(x*y))",
)
GOOD = ("0.5", "1", "-3", "2", "pi", "0.1", "1,2", "[[1,2],[3,4]]", "rand(3)")
VALUES = ("0", "-0.0", "1e-320", "1e308", "-1e308", "1e30", "inf", "nan", "rand(3)", "ones(2,2)", "1e-30", "zeros(3)")
NUMBERS = ("0", "1", "-1", "1e-320", "1e-30", "1e30", "1e308", "-1e308", "inf", "nan", "1e400", "0.999999", "2", "x")
SMALL = ("0.1", "0.5", "0.01", "0.9", "1")
WHOLE = ("0", "1", "2", "7", "-1", "10**3", "10000000000", "9223372036854775808", "1.5")
RANGES = (
    "1:0",
    "0:0",
    "-1e308:1e308",
    "1e-320:1e308",
    ":",
    "1:",
    "inf:nan",
    "1:1.0000001",
    "1e30:1e31",
    "a:b",
    "-1e30:1",
    "0:1e-320",
)
NEVER = {
    "--config",
    "--output",
    "--save",
    "--live",
    "--screen",
    "--delay",
    "--help",
    "--points",
    "--device",
    "--fps",
    "--seconds",
}
_LIMIT_S, _LIMIT_MB = 4.0, 700


def command_case(source: random.Random) -> Iterator[str]:
    """A command line, and what is wrong with the answer."""
    words = _words(source)
    yield shlex.join(words)
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    began, before = time.process_time(), _peak()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = run(words)
    except SystemExit as error:
        code = int(error.code or 0)
    seconds, megabytes = time.process_time() - began, _peak() - before
    out.flush()
    text = out.buffer.getvalue().decode()  # type: ignore[attr-defined]
    yield "; ".join(_wrong(words, code, text, err.getvalue(), seconds, megabytes))


def _wrong(words: list[str], code: int, out: str, err: str, seconds: float, megabytes: float) -> Iterator[str]:
    for sign in ("internal error", "Traceback", "part of the diagnosis failed", '"code":"incomplete"'):
        if sign in out or sign in err:
            yield f"'{sign}': {' '.join((out + err)[max(0, (out + err).index(sign) - 20) :][:300].split())}"
    if code not in (0, 1, 2, 3):
        yield f"exit code {code}"
    if code in (1, 2) and "error" not in err and "error" not in out:
        yield f"exit code {code} without an error"
    if "--json" in words and code != 2:
        try:
            json.loads(out, parse_constant=_refuse)
        except ValueError as error:
            yield f"no strict JSON: {error}"
    if seconds > _LIMIT_S or megabytes > _LIMIT_MB:
        yield f"took {seconds:.1f} s and {megabytes:.0f} MB"


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _words(source: random.Random) -> list[str]:
    command = source.choice(
        ("minimize", "minimize", "minimize", "grad", "grad", "compare", "fit-linear", "plot", "ops")
    )
    words = [command]
    if command != "fit-linear":
        use_problem = source.random() < 0.4 and command != "ops"
        words.append(source.choice(sorted(PROBLEMS)) if use_problem else source.choice(EXPRESSIONS))
        if not use_problem:
            for name in ("x", "y", "W", "v"):
                if name in words[-1 if len(words) == 2 else 1]:
                    if command == "plot" and name in "xy":
                        words.append(f"--{name}={_range(source)}")
                    else:
                        words.append(f"--{name}={source.choice(GOOD if source.random() < 0.7 else VALUES)}")
    options = _options(command)
    for name in source.sample(sorted(options), min(len(options), source.choice((0, 1, 1, 2, 2, 3, 4)))):
        words += _option(source, name, options[name])
    if command in ("minimize", "fit-linear", "compare") and "--steps" not in words:
        words += ["--steps", source.choice(("0", "1", "5", "20", "100"))]
    return words


def _options(command: str) -> dict[str, Any]:
    found = group().get_command(None, command)
    return {
        param.opts[0]: param
        for param in found.params
        if param.param_type_name == "option" and param.opts[0] not in NEVER
    }


def _option(source: random.Random, name: str, option: Any) -> list[str]:
    if getattr(option, "is_flag", False):
        return [name]
    metavar = str(option.metavar or "")
    if name == "--optimizer":
        return [name, source.choice([*sorted(RULES), "adam,sgd"])]
    if name in ("--opt", "--sched", "--rule"):
        keys = sorted({key for rule in RULES.values() for key in rule.parameters} | {"gamma", "step_size", "T_max"})
        return [name, f"{source.choice(keys)}={source.choice((*NUMBERS, *WHOLE, 'true', '[0.9, 0.99]'))}"]
    if "|" in metavar:
        return [name, source.choice([*metavar.strip("[]").split("|"), "nosuch"])]
    if ":" in metavar:
        prefix = f"{source.choice(('x', 'y', 'z'))}=" if "NAME=" in metavar else ""
        return [name, prefix + _range(source)]
    if "NAME=" in metavar:
        return [name, f"{source.choice(('x', 'y', 'lr'))}={source.choice(NUMBERS)}"]
    if metavar in ("N", "SEED") or metavar[-1:] == "N":
        return [name, source.choice(("1", "2", "5", "17")) if source.random() < 0.7 else source.choice(WHOLE)]
    if source.random() < 0.6:
        return [name, source.choice(SMALL)]
    return [name, source.choice((*NUMBERS, "1,2", "auto", "x", "none", "step", "exponential", "linear", "float64"))]


def _range(source: random.Random) -> str:
    return source.choice(("-1:1", "0:3", "-5:5", "1:2")) if source.random() < 0.6 else source.choice(RANGES)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
