"""What a process does: Ctrl-C, closed pipes, encodings, terminals, and what is imported."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ENVIRONMENT, Outcome, Run, document
from forks import Fork, Piped

from gdcli.tensors import Problem

# Descents that do not come to rest: x = -lr, -2 lr, ... A long one takes seconds.
SHORT = ["minimize", "x", "--x", "0", "--lr", "0.5", "--steps", "200"]
LONG = [*SHORT[:-1], "100000"]
GDCLI = [sys.executable, "-m", "gdcli"]
NO_SPACE = "error: cannot write the output: No space left on device\n"


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Have Ctrl-C pressed during an iteration of the descent: ``interrupt(at=7, times=2)``."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in the background

    def press(*, at: int, times: int = 1) -> None:
        calls = itertools.count()
        backward = Problem.backward

        def pressed(*arguments: Any, **keywords: Any) -> None:
            if next(calls) == at:
                for _ in range(times):
                    signal.raise_signal(signal.SIGINT)
            backward(*arguments, **keywords)

        monkeypatch.setattr(Problem, "backward", pressed)

    yield press
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_prints_the_document_of_what_was_computed(run: Run, interrupt: Callable[..., None]) -> None:
    interrupt(at=7)
    outcome = run(*SHORT, "--json")
    record = outcome.json()
    assert (outcome.code, record["status"], record["message"]) == (130, "interrupted", "interrupted at iteration 7")
    assert [step["values"]["x"] for step in record["iterations"]] == [-0.5 * i for i in range(8)]
    assert record["result"]["values"] == {"x": -3.5}


def test_ctrl_c_ends_a_stream_with_its_result(run: Run, interrupt: Callable[..., None]) -> None:
    interrupt(at=7)
    outcome = run(*SHORT, "--jsonl")
    lines = outcome.lines()
    assert (outcome.code, lines[-1]["record"], lines[-1]["status"]) == (130, "result", "interrupted")
    assert [line["iteration"] for line in lines[1:-1]] == list(range(8))


def test_ctrl_c_leaves_whole_rows_of_csv(run: Run, interrupt: Callable[..., None]) -> None:
    interrupt(at=7)
    outcome = run(*SHORT, "--csv")
    header, *rows = csv.reader(io.StringIO(outcome.out))
    assert outcome.code == 130
    assert [row[0] for row in rows] == [str(i) for i in range(8)]
    assert {len(row) for row in rows} == {len(header)}
    assert outcome.out.endswith("\n")


def test_ctrl_c_prints_the_table_of_what_was_computed(run: Run, interrupt: Callable[..., None]) -> None:
    interrupt(at=7)
    outcome = run(*SHORT)
    assert outcome.code == 130
    assert "\ninterrupted at iteration 7\n" in outcome.out
    assert re.search(r"^ +7 +-3.5 ", outcome.out, re.MULTILINE)


def test_ctrl_c_writes_the_file_whole(run: Run, interrupt: Callable[..., None], tmp_path: Path) -> None:
    interrupt(at=7)
    file = tmp_path / "run.json"
    assert run(*SHORT, "--json", "--output", str(file)).code == 130
    assert document(file.read_text())["status"] == "interrupted"
    assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.parametrize("output", ["--json", "--jsonl"])
def test_a_second_ctrl_c_ends_at_once(run: Run, interrupt: Callable[..., None], tmp_path: Path, output: str) -> None:
    interrupt(at=7, times=2)
    outcome = run(*SHORT, output)
    assert (outcome.code, outcome.err) == (130, "error: interrupted\n")
    assert outcome.lines()[-1]["code"] == "interrupted"


def test_a_second_ctrl_c_leaves_an_old_file_as_it_was(run: Run, interrupt: Callable[..., None], tmp_path: Path) -> None:
    interrupt(at=7, times=2)
    file = tmp_path / "old"
    file.write_text("precious")
    assert run(*SHORT, "--jsonl", "--output", str(file)).code == 130
    assert (file.read_text(), os.listdir(tmp_path)) == ("precious", ["old"])


def test_ctrl_c_does_not_reach_the_program_that_called(run: Run, interrupt: Callable[..., None]) -> None:
    handler = signal.getsignal(signal.SIGINT)
    interrupt(at=7)
    run(*SHORT, "--json")
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.slow
@pytest.mark.process
def test_ctrl_c_in_a_process_that_streams() -> None:
    with Piped(*LONG, "--jsonl") as process:
        first = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGINT)
        lines = [json.loads(line) for line in [*first, *process.stdout.read().splitlines()]]
        assert (process.wait(), process.stderr.read()) == (130, "")
    assert [line["record"] for line in lines] == ["settings", *["step"] * (len(lines) - 2), "result"]
    assert lines[-1]["status"] == "interrupted"
    assert lines[-1]["result"]["iteration"] == lines[-2]["iteration"] == len(lines) - 3


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize(
    "words",
    [
        [*LONG, "--jsonl"],
        [*LONG, "--csv"],
        ["minimize", "--steps", "500", "--all"],
        ["schema"],
        ["functions"],
        ["minimize", "--help"],
    ],
)
def test_a_reader_that_has_had_enough_ends_it_quietly(words: list[str]) -> None:
    with Piped(*words) as process:
        assert process.stdout.readline()
        process.stdout.close()  # as head -1 does
        assert (process.wait(), process.stderr.read()) == (0, "")


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("words", [["functions", "sin"], ["--help"], ["minimize", "--json", "--steps", "1"]])
def test_a_full_standard_output_is_an_error(words: list[str]) -> None:
    with open("/dev/full", "wb") as full, Piped(*words, out=full) as process:
        assert (process.wait(), process.stderr.read()) == (1, NO_SPACE)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
@pytest.mark.parametrize(("words", "code"), [(["functions", "sin", "--json"], 0), (["grad", "x +", "--json"], 2)])
def test_a_closed_stream_is_no_crash(stream: str, words: list[str], code: int) -> None:
    number = ["stdin", "stdout", "stderr"].index(stream)
    done = subprocess.run(
        [*GDCLI, *words], capture_output=True, text=True, preexec_fn=lambda: os.close(number), timeout=300, check=False
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert stream == "stdout" or done.stdout.startswith('{"gdcli":')


@pytest.mark.slow
@pytest.mark.process
def test_help_and_every_error_of_the_words_answer_without_torch() -> None:
    command_lines = [
        [],
        ["--help"],
        ["--version"],
        *([command, "--help"] for command in ("ops", "grad", "minimize", "fit-linear", "functions", "schema")),
        ["functions"],
        ["functions", "sin", "--json"],
        ["schema"],
        ["minim"],
        ["minimize", "--stpes", "3"],
        ["minimize", "--steps", "x"],
        ["minimize", "--config", "/nowhere"],
        ["minimize", "--output", "/nowhere/file"],
        ["minimize", "--json", "--csv"],
        ["minimize", "--live"],
        ["minimize", "--lr-factor", "x=1"],
        ["minimize", "x +", "--json"],
        ["grad", "sinn(x)", "--x", "1"],
        ["grad", "x*y", "--x", "1"],
        ["grad", "x", "--x", "1", "--y", "2"],
        ["grad", "x", "--x", "1/0"],
        ["grad", "x", "--x", "[1, 2"],
        ["grad", "x", "--x", "1", "--wrt", "y"],
        ["ops", "a + c", "--a", "1"],
        ["fit-linear", "--q", "1"],
    ]
    script = """
import contextlib, io, json, sys
from gdcli.cli.main import run
heavy = ["torch", "numpy", "matplotlib", "plotly", "sympy", "pyarrow", "pydantic"]
seen = []
for words in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())), contextlib.redirect_stderr(io.StringIO()):
        run(words)
    seen += [[words, name] for name in heavy if name in sys.modules]
print(json.dumps(seen))
"""
    command = [sys.executable, "-c", script]
    words = json.dumps(command_lines)
    done = subprocess.run(command, input=words, capture_output=True, text=True, timeout=300, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.slow
def test_a_terminal_that_knows_no_unicode_gets_the_codes(gdcli_process: Run) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    shown = gdcli_process("ops", "π*α", "--α", "2", env=ascii_only)
    assert (shown.code, shown.err) == (0, "")
    assert re.search(r"^\\u03c0\*\\u03b1 +\| 6.28319 ", shown.out, re.MULTILINE)
    error = gdcli_process("grad", "α + foo(1)", env=ascii_only)
    assert error.err == (
        "error: unknown function 'foo'\n  \\u03b1 + foo(1)\n           ^^^\nhint: did you mean 'floor'?\n"
    )


def on_a_terminal(*words: str, **env: str) -> str:
    """What gdcli shows on a terminal of 80 columns."""
    controller, terminal = pty.openpty()
    environment = {**os.environ, **ENVIRONMENT, "TERM": "xterm-256color", **env}
    environment = {name: value for name, value in environment.items() if value}
    with Fork(*words, streams=(terminal, terminal, terminal), env=environment) as process:
        os.close(terminal)
        shown = b""
        while piece := _read(controller):
            shown += piece
        process.wait()
    os.close(controller)
    return shown.decode().replace("\r\n", "\n")


def _read(controller: int) -> bytes:
    try:
        return os.read(controller, 65_536)
    except OSError:  # what Linux says when the other side is closed
        return b""


@pytest.mark.slow
@pytest.mark.process
def test_colour_is_for_terminals_that_want_it() -> None:
    colour = re.compile(r"\x1b\[[\d;]*3\d")
    assert colour.search(on_a_terminal("ops", "1/0"))
    assert not colour.search(on_a_terminal("ops", "1/0", NO_COLOR="1"))


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("words", [["grad", "x**2", "--x", "3", "--json"], ["minimize", "--stpes", "3"]])
def test_python_m_gdcli_is_gdcli(run: Run, words: list[str]) -> None:
    environment = {**os.environ, **ENVIRONMENT}
    done = subprocess.run([*GDCLI, *words], capture_output=True, env=environment, timeout=300, check=False, text=True)
    assert Outcome(done.returncode, done.stdout, done.stderr) == run(*words)
