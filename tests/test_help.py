"""The help of commands, pages on topics, manual pages, the search in lists, and JSON on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest
from conftest import ENVIRONMENT, Run, in_a_process
from forks import Fork

from gdcli.cli.app import COMMANDS
from gdcli.cli.man import pages
from gdcli.cli.topics import TOPICS, Examples
from gdcli.contract.diagnosis import MEANINGS, FindingCode
from gdcli.errors import ExitCode
from gdcli.lang.functions import FUNCTIONS

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(*words: str, **environment: str) -> str:
    """What gdcli prints on a terminal."""
    ours, its = pty.openpty()
    env = {**os.environ, **ENVIRONMENT, "TERM": "xterm", **environment}
    with open(os.devnull, "rb") as nothing, Fork(*words, streams=(nothing.fileno(), its, its), env=env) as process:
        os.close(its)
        shown = b""
        try:
            while piece := os.read(ours, 65_536):
                shown += piece
        except OSError:  # what Linux says when the other side is closed
            pass
        process.wait()
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


# Styles


@pytest.mark.parametrize("words", [["--help"], ["minimize", "--help"], ["help", "fit-linear"]])
def test_help_in_colour_is_the_same_text(run: Run, words: list[str]) -> None:
    plain = run(*words).out
    shown = run(*words, env={"FORCE_COLOR": "1", "TERM": "xterm"}).out
    assert "\x1b" not in plain
    assert ESCAPE.sub("", shown) == plain
    assert shown.startswith("\x1b[1mUsage:\x1b[0m gdcli")
    assert "\n  \x1b[36m--" in shown


def test_only_names_are_coloured(run: Run) -> None:
    shown = run("minimize", "--help", env={"FORCE_COLOR": "1", "TERM": "xterm"}).out
    assert "\n  \x1b[36m--optimizer NAME\x1b[0m   " in shown
    assert "\n  \x1b[36m[EXPR]\x1b[0m   " in shown
    assert "\n\x1b[1mStopping:\x1b[0m\n" in shown
    assert "\n  \x1b[36mgdcli minimize --code\x1b[0m\n" in shown
    assert all(line.startswith(("  \x1b[36m", "\x1b[1m")) for line in shown.splitlines() if "\x1b" in line)


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"FORCE_COLOR": ""}])
def test_help_without_colour(run: Run, variables: dict[str, str]) -> None:
    environment = {"FORCE_COLOR": "1", "TERM": "xterm", **variables}
    assert run("minimize", "--help", env=environment).out == run("minimize", "--help").out


@pytest.mark.process
def test_a_terminal_has_colour_and_indented_json() -> None:
    assert on_a_terminal("--help").startswith("\x1b[1mUsage:\x1b[0m")
    assert "\x1b" not in on_a_terminal("--help", NO_COLOR="1")
    line = in_a_process("minimize", "--steps", "2", "--json").out
    assert line.count("\n") == 1
    shown = on_a_terminal("minimize", "--steps", "2", "--json")
    assert shown.startswith('{\n  "gdcli": "')
    assert shown.endswith('\n  "warnings": []\n}\n')
    assert json.loads(shown) == json.loads(line)
    for words in (["functions", "relu"], ["grad", "x**2", "--x", "3"], ["grad", "x**2", "--each", "--x", "1,2"]):
        assert json.loads(on_a_terminal(*words, "--json")) == json.loads(in_a_process(*words, "--json").out)
    assert '\n{\n  "gdcli": ' in on_a_terminal("grad", "sinn(x)", "--json")
    lines = on_a_terminal("minimize", "--steps", "2", "--jsonl")
    assert lines == in_a_process("minimize", "--steps", "2", "--jsonl").out


# Pages


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_is_that_of_its_option(run: Run, command: str) -> None:
    assert run("help", command) == run(command, "--help")


def test_help_alone_is_that_of_gdcli(run: Run) -> None:
    outcome = run("help")
    assert outcome == run("--help")
    assert all(f"\n  {name} " in outcome.out for name in (*COMMANDS, *TOPICS))


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_is_short_and_its_commands_run(run: Run, topic: str) -> None:
    outcome = run("help", topic)
    lines = outcome.out.splitlines()
    assert (outcome.code, outcome.err, lines[0]) == (0, "", TOPICS[topic][0])
    assert len(lines) <= 70
    assert max(map(len, lines)) <= 80
    parts = list(TOPICS[topic][1]())
    examples = [line for part in parts if isinstance(part, Examples) for line in part.lines]
    named = re.findall(r"\((gdcli [a-z ]+)\)", outcome.out)
    for line in [*examples, *named]:
        assert run(*shlex.split(line)[1:]).code == 0, line


def test_pages_say_what_stands_elsewhere(run: Run) -> None:
    assert set(MEANINGS) == set(get_args(FindingCode))
    document = Path(__file__).parents[1].joinpath("docs/diagnosis.md").read_text(encoding="utf-8")
    explained = re.findall(r"^## ([a-z-]+)$", document, re.MULTILINE)
    assert set(explained) <= set(MEANINGS)
    assert re.findall(r"^(\d+) ", run("help", "exit-codes").out, re.MULTILINE) == [str(int(code)) for code in ExitCode]
    assert run("help", "JSON") == run("help", "json")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("expresions", "did you mean 'expressions'?"),
        ("minimise", "did you mean 'minimize'?"),
        ("x**2", "the topics are expressions, values, programs, diagnosis, json, exit-codes"),
    ],
)
def test_an_unknown_topic(run: Run, word: str, hint: str) -> None:
    outcome = run("help", word)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"error: there is no command and no topic '{word}'\nhint: {hint}\n"


# Manual pages


def test_there_is_a_manual_page_for_gdcli_and_each_command(run: Run) -> None:
    found = pages()
    assert list(found) == ["gdcli.1", *(f"gdcli-{name}.1" for name in COMMANDS)]
    for name in COMMANDS:
        flags = re.findall(r"^  (--[\w-]+)", run(name, "--help").out, re.MULTILINE)
        shown = set(re.findall(r"--[\w-]+", found[f"gdcli-{name}.1"].replace("\\-", "-")))
        assert set(flags) <= shown


@pytest.mark.process
def test_man_renders_every_page_without_warnings(tmp_path: Path) -> None:
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    for name, text in pages().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    files = [str(tmp_path / name) for name in pages()]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"}
    done = subprocess.run(
        ["man", "--warnings", "-P", "cat", "-l", *files], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    shown = re.sub(r".\x08", "", done.stdout)
    assert 'gdcli ops "relu([-1, 2])" "W @ x" --W "eye(2)" --x 1,2\n' in shown
    assert "\n       --tol-grad ABS[,REL]\n              stop when" in shown
    assert "\n       3, 1e-3\n" in shown
    assert "'from torch import *'" in shown


# Search


def test_functions_are_searched_by_name_and_text(run: Run) -> None:
    found = [entry["name"] for entry in run("functions", "Hyperbolic", "--json").json()["functions"]]
    assert found == ["sinh", "cosh", "tanh", "asinh", "acosh", "atanh"]
    table = run("functions", "hyperbolic").out
    assert all(f"\n{name}(input) " in table for name in found)
    assert run("functions", "entropy", "--json").json()["functions"]
    named = [entry["name"] for entry in run("functions", "soft", "--json").json()["functions"]]
    assert [name for name in FUNCTIONS if "soft" in name] == [name for name in named if "soft" in name]


def test_the_exact_name_shows_the_details(run: Run) -> None:
    assert run("functions", "norm").out.startswith("norm(input, p=2")
    assert run("problems", "Rosenbrock").out.startswith("Rosenbrock\nexpression ")
    assert len(run("problems", "rosenbrock", "--json").json()["problems"]) == 1


def test_rules_and_schedules_are_searched_by_name_and_parameter(run: Run) -> None:
    table = run("optimizers", "nesterov").out
    assert {line.split()[0] for line in table.splitlines() if line[:1].islower() and "  " in line} >= {
        "manual-nesterov", "sgd", "muon",
    }  # fmt: skip
    assert "adagrad" not in table
    document = run("optimizers", "step_size", "--json").json()
    assert [each["name"] for each in document["optimizers"]] == ["rprop"]
    assert list(document["schedules"]) == ["step", "cyclic"]
    assert run("optimizers", "cosine").out == run("optimizers", "CosineAnnealingLR").out


def test_problems_are_searched_by_name_and_text(run: Run) -> None:
    found = [entry["name"] for entry in run("problems", "rosenbrock's", "--json").json()["problems"]]
    assert found == ["cube"]  # whose text says what it is steeper than
    table = run("problems", "many-minima").out
    assert "\nrastrigin " in table
    assert "\nrosenbrock " not in table
    assert run("problems", "six hump").out.startswith("Six-hump camel back\n")


@pytest.mark.parametrize(
    ("words", "err"),
    [
        (["functions", "sinn"], "error: unknown function 'sinn'\nhint: did you mean 'sin'?\n"),
        (["functions", "ln"], "error: unknown function 'ln'\nhint: PyTorch calls it 'log'\n"),
        (["functions", ""], "error: unknown function ''\nhint: gdcli functions lists them all\n"),
        (["problems", "rosenbrok"], "error: there is no problem 'rosenbrok'\nhint: did you mean 'rosenbrock'?\n"),
    ],
)
def test_a_word_that_is_found_nowhere(run: Run, words: list[str], err: str) -> None:
    assert (run(*words).code, run(*words).err) == (2, err)
