"""Hostile and unlucky input: one clean message, soon, in little memory, and nothing that was not asked for."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Outcome, Run

ESCAPES = {
    "dunder name": ("__import__('os')", "unknown function '__import__'"),
    "method of a dunder": ("__import__('os').system('touch {file}')", "unknown method 'system'"),
    "dunder name, not called": ("__builtins__", "'__builtins__' is not a valid variable name"),
    "dunder name in full width": ("＿＿import＿＿('os')", "'＿' is not part of the expression language"),
    "dunder attribute": ("x.__class__", "'.__class__' is not part of the expression language"),
    "dunder method": ("x.__reduce__()", "unknown method '__reduce__'"),
    "attribute of a function": ("sin.__globals__", "'sin' is a function and must be called"),
    "attribute of a module": ("torch.os.system", "'torch.os.system' is not part of the expression language"),
    "function of a module": ("torch.os.system('touch {file}')", "unknown function 'torch.os.system'"),
    "torch function outside the table": ("torch.load('{file}')", "unknown function 'torch.load'"),
    "method outside the table": ("x.numpy().tofile('{file}')", "unknown method 'tofile'"),
    "builtin function": ("open('{file}', 'w')", "unknown function 'open'"),
    "eval": ("eval('1')", "unknown function 'eval'"),
    "attribute of a number": ("(1).real", "'.real' is not part of the expression language"),
    "attribute of a list": ("[].append", "'.append' is not part of the expression language"),
    "attribute of a tuple": ("().__class__.__bases__", "a list in parentheses is not a tensor"),
    "attribute of text": ("''.join", "quoted text is not part of the expression language"),
    "subscript of text": ("'abc'[0]", "quoted text is not part of the expression language"),
    "subscript by text": ("x['__class__']", "quoted text is not part of the expression language"),
    "subscript by a call": ("x[open('{file}', 'w')]", "unknown function 'open'"),
    "call of a call": ("sin(x)(x)", "an operator is missing between ')' and '('"),
    "call of a subscript": ("[sin][0](x)", "an operator is missing between ']' and '('"),
    "list comprehension": ("[i for i in x]", "'for' is not part of the expression language"),
    "generator": ("sum(i for i in x)", "'for' is not part of the expression language"),
    "set": ("{{x}}", "'{' is not part of the expression language"),
    "dict": ("{{'a': x}}", "'{' is not part of the expression language"),
    "lambda": ("(lambda: x)()", "'lambda' is not part of the expression language"),
    "f-string": ("f'{{x}}'", "quoted text is not part of the expression language"),
    "bytes": ("b'abc'", "quoted text is not part of the expression language"),
    "triple quotes": ("'''x'''", "quoted text is not part of the expression language"),
    "text as an argument": ("sum('abc')", "quoted text is not part of the expression language"),
    "walrus": ("(y := x)", "':=' is not part of the expression language"),
    "import": ("import os", "a program cannot import os"),
    "import of a part": ("from os import system", "a program cannot import os"),
    "import behind another": ("import torch, os", "a program cannot import os"),
    "second name": ("y = __builtins__; y", "'__builtins__' is not a valid variable name"),
    "attribute of a name": ("y = x*2; y.__class__", "'.__class__' is not part of the expression language"),
    "a function's globals": ("f = lambda u: u; f.__globals__", "'f' is a function and must be called"),
    "a module's attribute": ("import torch as t; t.os.system(x)", "unknown function 'torch.os.system'"),
    "decorator": ("@f\ndef g(x): return x", "a value is missing before '@'"),
    "default that escapes": ("def f(u=__import__('os')): return u\nf(x)", "unknown function '__import__'"),
    "yield": ("(yield x)", "'yield' is not part of the expression language"),
    "await": ("await x", "'await' is not part of the expression language"),
    "conditional": ("x if x else x", "'if' is not part of the expression language"),
    "keyword in full width": ("ｌａｍｂｄａ", "'ｌａｍｂｄａ' is not part of the expression language"),
    "constant in full width": ("Ｎｏｎｅ", "'Ｎｏｎｅ' is not part of the expression language"),
    "starred argument": ("sum(*[x])", "a value is missing before '*'"),
    "starred keywords": ("sum(**x)", "a value is missing before '**'"),
    "starred item": ("[*x]", "a value is missing before '*'"),
    "ellipsis": ("...", "'...' is not part of the expression language"),
    "None": ("None", "'None' is not allowed here"),
    "unknown keyword": ("sum(x, out=x)", "sum has no argument 'out'"),
    "dtype that is no dtype": ("sum(x, dtype=torch.os)", "'dtype' of sum must be a dtype, such as torch.float64"),
    "second statement": ("x; import os", "a program cannot import os"),
    "new line": ("x\nimport os", "a program cannot import os"),
    "carriage return": ("x\rimport os", "an expression must be on one line"),
    "line separator": ("x\u2028import os", "an expression must be on one line"),
    "null": ("x\0", "invisible character U+0000"),
    "escape sequence": ("x\x1b[2J", "invisible character U+001B"),
    "zero width space": ("x\u200b + 1", "invisible character U+200B"),
    "right-to-left override": ("x\u202e + 1", "invisible character U+202E"),
    "byte that is not UTF-8": ("x\udc80", "invisible character U+DC80"),
    "Cyrillic letter": ("ѕin(x)", "unknown function 'ѕin'"),
    "Cyrillic letters in a dunder": ("__imроrt__('os')", "unknown function '__imроrt__'"),
    "full width brackets": ("sin（x）", "'（' is not part of the expression language"),
}

BOMBS = {
    "power": ("9**9**9**9", "this number exceeds the largest float, about 1.8e308"),
    "power tower": ("**".join(["2"] * 3_000), "the expression chains too many operations"),
    "large power of a variable": ("x**" * 300 + "x", "the expression is nested too deeply; the limit is 100 levels"),
    "100,000 parentheses": ("(" * 100_000, "the expression is too long: 100,000 characters; the limit is 10,000"),
    "101 parentheses": ("(" * 101 + "x" + ")" * 101, "the brackets are nested too deeply; the limit is 100 levels"),
    "101 brackets": ("[" * 101 + "x" + "]" * 101, "the brackets are nested too deeply; the limit is 100 levels"),
    "nested calls": ("sin(" * 101 + "x" + ")" * 101, "the brackets are nested too deeply; the limit is 100 levels"),
    "nested methods": ("x" + ".sin()" * 150, "the expression is nested too deeply; the limit is 100 levels"),
    "minus signs": ("-" * 200 + "x", "the expression is nested too deeply; the limit is 100 levels"),
    "9,000 minus signs": ("-" * 9_000 + "x", "the expression chains too many operations"),
    "9,000 attributes": ("x" + ".T" * 4_500, "the expression chains too many operations"),
    "1 MB": ("x" * 1_000_000, "the expression is too long: 1,000,000 characters; the limit is 10,000"),
    "5,000 terms": ("+".join(["x"] * 5_000), "the expression chains too many operations"),
    "7,000 parts": (f"[{','.join(['x+x+x+x'] * 1_000)}]", "the expression has more than 5,000 parts"),
    "integer of 5,000 digits": ("1" * 5_000, "a number with 5,000 digits is too long; the limit is 400"),
    "integer of 400 digits": ("1" * 400, "this number exceeds the largest float, about 1.8e308"),
    "exponent of 5,000 digits": ("1e" + "9" * 5_000, "a number with 5,001 digits is too long; the limit is 400"),
    "index": ("x[10**30]", "an index must be an integer of at most 9,223,372,036,854,775,807"),
    **{
        name: (text, f"this tensor would have {elements} elements; the limit is 10,000,000")
        for name, text, elements in [
            ("zeros", "zeros(10**12) * x", "1,000,000,000,000"),
            ("rand", "rand(99999, 99999) * x", "9,999,800,001"),
            ("arange", "arange(1e15) * x", "1,000,000,000,000,000"),
            ("arange with a tiny step", "arange(0, 1, 1e-300) * x", "about 1e+300"),
            ("linspace", "linspace(0, 1, steps=10**12) * x", "1,000,000,000,000"),
            ("eye", "eye(10**6) * x", "1,000,000,000,000"),
            ("full", "full((10**6, 10**6), 1) * x", "1,000,000,000,000"),
            ("randperm", "randperm(10**12) * x", "1,000,000,000,000"),
            ("one_hot", "one_hot([0, 1], 10**12) * x", "1,000,000,000,000"),
            ("outer", "outer(ones(10**6) * x, ones(10**6))", "1,000,000,000,000"),
            (
                "outer of random numbers",
                "outer(rand_like(ones(10**6)), x * rand_like(ones(10**6)))",
                "1,000,000,000,000",
            ),
            ("broadcasting", "ones(10**5, 1) * ones(1, 10**5) * x", "10,000,000,000"),
            ("matrix product", "(x * ones(10**5, 1)) @ ones(1, 10**5)", "10,000,000,000"),
            ("tile", "tile(x * ones(1000), (1000, 1000, 1000))", "1,000,000,000,000"),
            ("repeat", "(x * ones(1000)).repeat(1000, 1000, 1000)", "1,000,000,000,000"),
            ("repeat_interleave", "repeat_interleave(x * ones(1000), 10**9)", "1,000,000,000,000"),
            ("expand", "expand(x, (10**6, 10**6))", "1,000,000,000,000"),
            ("diag", "diag(x * ones(10**5))", "10,000,000,000"),
            ("kron", "kron(x * ones(3000, 1000), ones(3000, 1000))", "9,000,000,000,000"),
            ("pad", "pad(x * ones(10), (10**9, 10**9))", "2,000,000,010"),
            ("vander", "vander(x * ones(1000), 10**9)", "1,000,000,000,000"),
            ("cdist", "cdist(x * ones(10**5, 3), ones(10**5, 3))", "10,000,000,000"),
            ("stack", f"stack([{'x * ones(10**6), ' * 20}])", "20,000,000"),
            ("list", f"[{'x * ones(10**6), ' * 20}]", "20,000,000"),
        ]
    },
    "unbind": ("unbind(x * ones(10**6))[0]", "this would split a tensor into 1,000,000 parts; the limit is 10,000"),
    "split": ("x * split(ones(10**6), 2)[0]", "this would split a tensor into 500,000 parts; the limit is 10,000"),
    "chunk": (
        "chunk(x * ones(10**6), 10**6)[0]",
        "this would split a tensor into 1,000,000 parts; the limit is 10,000",
    ),
}


MOST_CALLS = 200_000  # of Python functions; the longest of these texts takes less than 50,000


@contextlib.contextmanager
def little_work() -> Iterator[None]:
    """Few calls of Python functions, after the imports."""
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
    assert 0 < calls < MOST_CALLS


@pytest.fixture(scope="module")
def imported(run: Run) -> None:
    """Import torch, and what its trial of shapes imports, before calls are counted."""
    run("ops", "outer(ones(10**4), ones(10**4))")


def refused(outcome: Outcome, message: str) -> None:
    """One clean message."""
    lines = outcome.err.splitlines()
    assert lines[0] == f"error: {message}"
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert "Traceback" not in outcome.err
    assert max(map(len, lines)) < 250
    assert (outcome.code, outcome.out) == (2, "")


@pytest.mark.slow
@pytest.mark.parametrize(("text", "message"), ESCAPES.values(), ids=ESCAPES)
def test_escape_is_refused(run: Run, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "file"
    refused(run("grad", text.format(file=file) if "{" in text else text, "--var", "x=1"), message)
    assert not file.exists()


@pytest.mark.parametrize(
    "text", ["__import__('os')", "x.__class__", "(1).real", "[open][0]", "lambda: 1", "exp.__self__"]
)
def test_escape_is_refused_in_a_value_too(run: Run, text: str) -> None:
    outcome = run("grad", "x**2", "--x", text)
    assert outcome.err.startswith("error: in the value of x: ")
    assert (outcome.code, outcome.out) == (2, "")


@pytest.mark.slow
@pytest.mark.parametrize(("text", "message"), BOMBS.values(), ids=BOMBS)
@pytest.mark.usefixtures("imported")
def test_bomb_is_refused_with_little_work(run: Run, text: str, message: str) -> None:
    with little_work():
        outcome = run("grad", text, "--var", "x=1")
    refused(outcome, message)


@pytest.mark.parametrize(
    "text", ["zeros(10**12)", "outer(ones(10**6), ones(10**6))", "[" * 200, "1" * 5_000, "9**9**9**9"]
)
@pytest.mark.usefixtures("imported")
def test_bomb_is_refused_in_a_value_too(run: Run, text: str) -> None:
    with little_work():
        outcome = run("minimize", "sum(x**2)", "--x", text)
    assert outcome.err.startswith("error: in the value of x: ")
    assert (outcome.code, outcome.out) == (2, "")


@pytest.mark.slow
@pytest.mark.process
def test_bombs_take_no_memory() -> None:
    script = """
import json, resource, sys, torch
from gdcli.cli.main import run
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
codes = [run(["grad", text, "--var", "x=1"]) for text in json.load(sys.stdin)]
print(codes.count(2), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    texts = json.dumps([text for text, _ in BOMBS.values()])
    command = [sys.executable, "-c", script]
    printed = subprocess.run(command, input=texts, capture_output=True, text=True, timeout=300, check=True).stdout
    refusals, megabytes = map(int, printed.split())
    assert refusals == len(BOMBS)
    assert megabytes < 500


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(" * 100 + "x" + ")" * 100, 1),
        ("sin(" * 98 + "x*0" + ")" * 98, 0),
        ("-" * 98 + "x", 1),
        ("x**" * 98 + "x", 1),
        ("x" + " " * 9_999, 1),
        (f"sum([{','.join(['x'] * 4_990)}])", 4_990),
        ("sum(x * ones(10**7))", 10_000_000),
        ("2**-10000 + x", 1),
        ("1e-999999 + x", 1),
        ("1_0.0_1e-0_1 + x".replace("e-0_1", "e-1"), 2.001),
        ("sum(x * split(ones(10**5), 10)[0])", 10),
    ],
)
def test_what_is_just_within_the_limits_runs(run: Run, text: str, value: float) -> None:
    assert run("grad", text, "--x", "1", "--json").json()["value"] == pytest.approx(value)


CONFIGS = {
    "deep JSON": ("deep.json", "[" * 100_000, "is not JSON: it is nested too deeply"),
    "deep TOML": ("deep.toml", "x = " + "[" * 100_000, "is not TOML: it is nested too deeply"),
    "long number in TOML": ("long.toml", "steps = " + "1" * 5_000, "is not TOML: a number in it is too long"),
    "NaN in JSON": ("nan.json", '{"lr": NaN}', "is not JSON: JSON has no NaN (at line 1, column 8)"),
    "binary": ("binary.json", "\0\1\2", "is not JSON: a config begins with { (at line 1, column 1)"),
    "empty": ("empty.json", "", "is not JSON: it is empty (at line 1, column 1)"),
}


@pytest.mark.parametrize(("name", "content", "message"), CONFIGS.values(), ids=CONFIGS)
def test_hostile_config_is_refused(run: Run, tmp_path: Path, name: str, content: str, message: str) -> None:
    file = tmp_path / name
    file.write_text(content)
    refused(run("minimize", "--config", str(file)), f"the config {file} {message}")


RUNS = {
    "divergence": (["--lr", "1.5"], "diverged", "diverged: the loss "),
    "divergence in float16": (["--lr", "1.5", "--dtype", "float16"], "diverged", "diverged: the loss "),
    "nan at the start": (["log(x)", "--x", "-1"], "diverged", "diverged: the loss became nan at iteration 0"),
    "inf at the start": (["exp(x)", "--x", "1000"], "diverged", "diverged: the loss became inf at iteration 0"),
    "nan as a value": (["x**2", "--x", "nan"], "diverged", "diverged: the loss became nan at iteration 0"),
    "infinite gradient": (["sqrt(x)", "--x", "0"], "diverged", "diverged: the gradient of x became non-finite at"),
}


@pytest.mark.parametrize(("words", "status", "message"), RUNS.values(), ids=RUNS)
def test_descent_that_leaves_the_numbers_is_a_result_with_a_warning(
    run: Run, words: list[str], status: str, message: str
) -> None:
    outcome = run("minimize", *words, "--json")
    record = outcome.json()
    assert (outcome.code, record["status"]) == (0, status)
    assert record["message"].startswith(message)
    assert outcome.err == f"warning: {record['warnings'][0]['message']}\n"


def test_numbers_that_are_not_finite_are_null_in_every_format(run: Run) -> None:
    document = run("grad", "sum(x / y)", "--x", "1,0,-1", "--y", "zeros(3)", "--json").json()
    assert (document["value"], document["grads"]["x"]) == (None, [None] * 3)
    lines = run("minimize", "sum(x / 0.0001) * 1e38", "--x", "1,2", "--jsonl").lines()
    assert lines[1]["loss"] is None
    assert run("ops", "[1, inf, nan]", "--json").json()["rows"][0]["value"] == [1.0, None, None]


def test_zero_gradient_at_the_start_is_noted(run: Run) -> None:
    record = run("minimize", "x**2", "--x", "0", "--steps", "3", "--json").json()
    assert [warning["code"] for warning in record["warnings"]] == ["zero-gradient"]
    assert record["result"]["values"] == {"x": 0.0}


@pytest.mark.parametrize("output", ["--json", "--jsonl", "--csv", "--quiet"])
def test_zero_steps_shows_the_start(run: Run, output: str) -> None:
    outcome = run("minimize", "--steps", "0", output)
    assert (outcome.code, outcome.err) == (0, "")
    if output == "--json":
        record = outcome.json()
        assert (record["iterations"], record["result"]["iteration"], record["result"]["loss"]) == ([], 0, 6.25)
    elif output == "--jsonl":
        assert [line["record"] for line in outcome.lines()] == ["settings", "result"]
    elif output == "--csv":
        assert outcome.out == "iteration,loss,x,grad.x\n0,6.25,4.0,5.0\n"
    else:
        assert re.search(r"^ +0 +6.25 ", outcome.out, re.MULTILINE)


def test_negative_learning_rate_is_refused(run: Run) -> None:
    outcome = run("minimize", "--lr", "-1")
    assert outcome.err.startswith("error: --lr must be a number of at least 0")
    assert (outcome.code, outcome.out) == (2, "")
