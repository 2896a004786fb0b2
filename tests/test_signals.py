"""SIGTERM and SIGHUP end a run as Ctrl-C does; a second signal, or one outside a run, ends the process at once."""

from __future__ import annotations

import csv
import fcntl
import io
import itertools
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ENVIRONMENT, Run, document
from forks import PATIENCE, Fork, Piped

from gdcli.cli.commands import compare
from gdcli.tensors import Problem

CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
BY = {"SIGINT": "", "SIGTERM": " by SIGTERM", "SIGHUP": " by SIGHUP"}
EVERY = pytest.mark.parametrize("name", CODES)
SHORT = ["minimize", "x", "--x", "0", "--lr", "0.5", "--steps", "200"]  # x = -lr, -2 lr, ...: it does not come to rest
LONG = [*SHORT[:-1], "10000000"]
FILM = ["minimize", "--steps", "50", "--quiet", "--no-diagnose", "--json", "--seconds", "60", "--save"]


def error_of(name: str, command: str) -> dict[str, Any]:
    """The document of a command that a signal has ended before it had results."""
    message = f"interrupted{BY[name]}"
    what = {"status": "error", "code": "interrupted", "message": message, "hint": "", "source": None, "span": None}
    return {"gdcli": "0.1.0", "schema": 1, "command": command, **what}


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """Heed all signals: a shell in the background ignores Ctrl-C, and nohup ignores SIGHUP."""
    usual = {"SIGINT": signal.default_int_handler, "SIGTERM": signal.SIG_DFL, "SIGHUP": signal.SIG_DFL}
    before = {name: signal.signal(signal.Signals[name], handler) for name, handler in usual.items()}
    yield
    for name, handler in before.items():
        signal.signal(signal.Signals[name], handler)


@pytest.fixture
def during_the_run(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have a signal sent in iteration 7 of a descent."""

    def send(name: str) -> None:
        calls = itertools.count()
        backward = Problem.backward

        def with_signal(*arguments: Any, **keywords: Any) -> None:
            if next(calls) == 7:
                signal.raise_signal(signal.Signals[name])
            backward(*arguments, **keywords)

        monkeypatch.setattr(Problem, "backward", with_signal)

    return send


@EVERY
def test_the_document_has_what_was_computed(
    run: Run, during_the_run: Callable[[str], None], tmp_path: Path, name: str
) -> None:
    during_the_run(name)
    file = tmp_path / "run.json"
    assert run(*SHORT, "--json", "--output", str(file)).code == CODES[name]
    record = document(file.read_text())
    assert (record["status"], record["message"]) == ("interrupted", f"interrupted{BY[name]} at iteration 7")
    assert [step["values"]["x"] for step in record["iterations"]] == [-0.5 * i for i in range(8)]
    assert os.listdir(tmp_path) == ["run.json"]


@EVERY
def test_lines_csv_and_table_are_whole(run: Run, during_the_run: Callable[[str], None], name: str) -> None:
    during_the_run(name)
    lines = run(*SHORT, "--jsonl")
    assert (lines.code, lines.lines()[-1]["message"]) == (CODES[name], f"interrupted{BY[name]} at iteration 7")
    during_the_run(name)
    table = run(*SHORT)
    assert (table.code, f"\ninterrupted{BY[name]} at iteration 7\n" in table.out) == (CODES[name], True)
    during_the_run(name)
    rows = run(*SHORT, "--csv")
    assert (rows.code, rows.out.splitlines()[-1]) == (CODES[name], "7,-3.5,-3.5,1.0")


@pytest.mark.slow
@EVERY
def test_a_race_has_the_optimizers_that_have_run(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def with_signal(race: Any, *_: object, **__: object) -> None:
        for k, _ in enumerate(race):
            if k == 5:
                signal.raise_signal(signal.Signals[name])

    monkeypatch.setattr(compare, "run_with_progress", with_signal)
    outcome = run("compare", "--steps", "50", "--json")  # with a tuning
    record = outcome.json()
    assert (outcome.code, record["status"]) == (CODES[name], "interrupted")
    assert record["message"] == f"interrupted{BY[name]}: 1 of 4 optimizers had started"


def test_the_handlers_of_a_caller_come_back(run: Run, during_the_run: Callable[[str], None]) -> None:
    handlers = [signal.getsignal(signal.Signals[name]) for name in CODES]
    during_the_run("SIGTERM")
    run(*SHORT, "--json")
    assert [signal.getsignal(signal.Signals[name]) for name in CODES] == handlers


@pytest.mark.slow
@pytest.mark.process
@EVERY
@pytest.mark.parametrize("output", ["--jsonl", "--csv"])
def test_a_stream_ends_with_a_whole_line(name: str, output: str) -> None:
    with Piped(*LONG, output) as process:
        first = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.Signals[name])
        out = "".join([*first, process.stdout.read()])
        assert (process.wait(), process.stderr.read(), out[-1]) == (CODES[name], "", "\n")
    if output == "--csv":
        assert {len(row) for row in csv.reader(io.StringIO(out))} == {4}
    else:
        assert json.loads(out.splitlines()[-1])["message"].startswith(f"interrupted{BY[name]} at iteration ")


@pytest.mark.slow
@pytest.mark.process
@EVERY
def test_points_from_standard_input_end_the_document(name: str) -> None:
    with Piped("grad", "x**2", "--points", "-", "--json") as process:
        process.stdin.write("x\n3\n")
        process.stdin.flush()
        begun = process.stdout.read(1)
        process.send_signal(signal.Signals[name])
        record = document(begun + process.stdout.read().rstrip("\n"))
        assert (process.wait(), record["message"]) == (CODES[name], f"1 point; interrupted{BY[name]}")


@pytest.mark.slow
@pytest.mark.process
@EVERY
def test_a_second_signal_ends_it_though_nobody_reads(name: str) -> None:
    with Piped(*LONG, "--jsonl") as process:
        process.stdout.readline()
        until_full(process.stdout.fileno())
        until = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < until:
            process.send_signal(signal.Signals[name])
            time.sleep(0.05)
        assert process.poll() == CODES[name]
        assert process.stderr.read() == f"error: interrupted{BY[name]}\n"


def until_full(pipe: int) -> None:
    """Wait until nothing more goes into a pipe."""
    held = -1
    while (now := struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"    "))[0]) != held or now < 30_000:
        held = now
        time.sleep(0.1)


# What a library may do to an exception that a signal raises: print it and go on, or swallow it.
IMPORTS = {
    "when an object is deleted": "class Gone:\n    def __del__(self):\n        send()\nGone()",
    "where every exception is caught": "try:\n    send()\nexcept BaseException:\n    pass",
    "while it waits": "import time\nsend()\ntime.sleep(60)",
}


@pytest.mark.slow
@pytest.mark.process
@EVERY
@pytest.mark.parametrize("place", IMPORTS)
def test_a_signal_while_torch_is_imported_ends_it_quietly(tmp_path: Path, name: str, place: str) -> None:
    send = f"import os\ndef send():\n    os.kill(os.getpid(), {signal.Signals[name].value})\n"
    (tmp_path / "torch.py").write_text(f"{send}{IMPORTS[place]}\n")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-m", "gdcli", "ops", "--json"],
        capture_output=True,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": path},
        timeout=PATIENCE,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (CODES[name], f"error: interrupted{BY[name]}\n")
    assert list(document(done.stdout).items()) == list(error_of(name, "ops").items())


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("ending", ["gif", "mp4"])
@EVERY
def test_a_signal_while_a_file_is_saved_leaves_the_old_one(tmp_path: Path, name: str, ending: str) -> None:
    film = tmp_path / f"film.{ending}"
    film.write_text("precious")
    with Piped(*FILM, str(film)) as process:
        printed = process.stdout.readline()
        until_there(film)
        process.send_signal(signal.Signals[name])
        assert process.wait() == CODES[name]
        assert process.stderr.read() == f"error: interrupted{BY[name]}\n"
        assert document(printed)["status"] == "max_steps"
        assert document(process.stdout.read()) == error_of(name, "minimize")
    assert (film.read_text(), os.listdir(tmp_path), helpers(tmp_path)) == ("precious", [film.name], [])


def until_there(film: Path) -> None:
    """Wait for the temporary file of a target."""
    until = time.monotonic() + PATIENCE
    while not [name for name in os.listdir(film.parent) if name != film.name]:
        assert time.monotonic() < until
        time.sleep(0.01)


def helpers(folder: Path) -> list[bytes]:
    """The programs that still run with a file of this folder, once they had time to end."""
    for _ in range(100):
        found = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
        found = [words for words in found if words.startswith(b"ffmpeg") and bytes(folder) in words]
        if not found:
            break
        time.sleep(0.05)
    return found


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_the_next_run_removes_what_a_killed_one_left(run: Run, tmp_path: Path, ending: str) -> None:
    film = tmp_path / f"film.{ending}"
    with Piped(*FILM, str(film)) as process:
        until_there(film)
        process.kill()
        left = os.listdir(tmp_path)
        assert [bool(re.fullmatch(rf"\.film\.{ending}\.gdcli-{process.pid}-\w+\.tmp", name)) for name in left] == [True]
    assert run("minimize", "--steps", "2", "--save", str(film), "--seconds", "0.2").code == 0
    assert os.listdir(tmp_path) == [film.name]


def test_only_what_a_dead_process_left_of_this_target_is_removed(run: Run, tmp_path: Path) -> None:
    dead = 2**22 + 5  # larger than Linux gives
    others = [
        f".run.json.gdcli-{os.getppid()}-0123abcd.tmp",  # of a process that lives
        f".other.json.gdcli-{dead}-0123abcd.tmp",
        f".run.json.gdcli-{dead}-0123abcd.tmp.mine",
        f".run.json.gdcli-{dead}.tmp",
        f"run.json.gdcli-{dead}-0123abcd.tmp",
    ]
    for name in [*others, f".run.json.gdcli-{dead}-0123abcd.tmp"]:
        (tmp_path / name).touch()
    (tmp_path / f".run.json.gdcli-{dead}-00000000.tmp").symlink_to(tmp_path / others[0])
    (tmp_path / f".run.json.gdcli-{dead}-11111111.tmp").mkdir()
    locked = tmp_path / f".run.json.gdcli-{dead}-22222222.tmp"  # as a process in another container has it
    with locked.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert run("ops", "--json", "--output", str(tmp_path / "run.json")).code == 0
    kept = [f".run.json.gdcli-{dead}-{each * 8}.tmp" for each in "012"]
    assert sorted(os.listdir(tmp_path)) == sorted([*others, *kept, "run.json"])


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_live_view_restores_the_terminal(name: str, times: int) -> None:
    controller, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    env = {"TERM": "xterm-256color", "PATH": os.environ["PATH"]}
    words = ["minimize", "--live", "--screen", "--delay", "0.2", "--steps", "100000"]
    with Fork(*words, streams=(terminal,) * 3, env=env) as process:
        seen = read_until(controller, b"\x1b[?2026l")
        while process.poll() is None:
            process.send_signal(signal.Signals[name])
            if times == 1:
                break
        seen += read_until(controller, b"\x1b[?25h")
        assert process.wait() == CODES[name]
        assert termios.tcgetattr(terminal) == before
    for on, off in ((b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h")):
        assert seen.count(on) == seen.count(off) == 1
    os.close(terminal)
    os.close(controller)


def read_until(terminal: int, text: bytes) -> bytes:
    """What comes until a text has come."""
    seen = b""
    while text not in seen:
        assert select.select([terminal], [], [], PATIENCE)[0], seen
        seen += os.read(terminal, 65_536)
    return seen


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("words", [["--live", "--delay", "0.1"], []])
def test_a_terminal_that_is_closed_does_not_lose_the_file(tmp_path: Path, words: list[str]) -> None:
    controller, terminal = pty.openpty()
    env = {"TERM": "xterm-256color", "PATH": os.environ["PATH"]}
    file = tmp_path / "run.json"
    command = [*LONG, "--no-diagnose", "--json", "--output", str(file), *words]
    with Fork(*command, streams=(terminal,) * 3, env=env, session=True) as process:
        os.close(terminal)
        assert select.select([controller], [], [], PATIENCE)[0]  # a frame, or a progress bar
        os.close(controller)
        assert process.wait() == 129
    assert document(file.read_text())["message"].startswith("interrupted by SIGHUP at iteration ")
    assert os.listdir(tmp_path) == [file.name]


@pytest.mark.slow
@pytest.mark.process
@EVERY
def test_a_signal_that_is_ignored_from_the_start_stays_ignored(name: str) -> None:
    number = signal.Signals[name]
    with subprocess.Popen(
        [sys.executable, "-m", "gdcli", "grad", "x**2", "--points", "-", "--jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(number, signal.SIG_IGN),  # noqa: PLW1509
        text=True,
        bufsize=1,
    ) as process:
        for value in (3, 4):
            process.stdin.write(f'{{"x": {value}}}\n')
            assert json.loads(process.stdout.readline())["value"] == value**2
            process.send_signal(number)
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def until_caught(pid: int, number: int) -> None:
    """Wait until a process has a handler for a signal."""
    while True:
        status = Path(f"/proc/{pid}/status").read_text()
        if int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1:
            return
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.process
@EVERY
def test_nobody_who_reads_a_named_pipe_is_no_hang(tmp_path: Path, name: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with Piped("ops", "--output", str(pipe)) as process:
        until_caught(process.pid, signal.SIGHUP)
        process.send_signal(signal.Signals[name])
        assert (process.wait(), process.stderr.read()) == (CODES[name], f"error: interrupted{BY[name]}\n")
