"""Targets of ``--output`` and ``--save`` that are no plain file or cannot be written, and odd surroundings.

One message, the right exit code, no half file, the old file kept, no temporary file left; for every format.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ENVIRONMENT, Outcome, Run
from forks import PATIENCE, Piped

QUICK = ["minimize", "--steps", "20", "--quiet", "--no-diagnose"]
OUTPUTS = {"table": [], "json": ["--json"], "jsonl": ["--jsonl"], "csv": ["--csv"], "code": ["--code"]}
SAVES = [".png", ".svg", ".pdf", ".gif", ".mp4", ".html", "-table.svg", "-table.html"]
WAYS = {
    **{name: [*QUICK, *flags, "--output", "x.out"] for name, flags in OUTPUTS.items()},
    **{end: [*QUICK, *["--seconds", "0.2"] * (end in (".gif", ".mp4")), "--save", f"x{end}"] for end in SAVES},
    "points": ["grad", "x**2", "--x", "arange(500)", "--each", "--jsonl", "--output", "x.out"],
}
EVERY = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(outcome: Outcome) -> str:
    """What is on standard output beside the document of an error."""
    return outcome.out if not outcome.out or outcome.json()["code"] != "output" else ""


def target(way: str) -> Path:
    return Path(WAYS[way][-1])


@pytest.mark.slow
@EVERY
def test_a_full_device_is_one_error(run: Run, folder: Path, way: str) -> None:
    target(way).symlink_to("/dev/full")
    outcome = run(*WAYS[way])
    assert (outcome.code, outcome.err) == (1, f"error: cannot write {target(way)}: No space left on device\n")
    assert os.listdir() == [target(way).name]


@contextlib.contextmanager
def small_files(size: int) -> Iterator[None]:
    """Files cannot become larger, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.slow
@EVERY
@pytest.mark.parametrize("size", [0, 300])
def test_a_disk_that_fills_up_keeps_the_old_file(run: Run, folder: Path, way: str, size: int) -> None:
    target(way).write_text("precious")
    with small_files(size):
        outcome = run(*WAYS[way])
    message = f"error: cannot write {target(way)}: File too large\n"
    if way == ".mp4":
        message = "error: ffmpeg failed: File size limit exceeded\nhint: save a .gif instead\n"
    assert (outcome.code, outcome.err) == (1, message)
    assert (target(way).read_text(), os.listdir()) == ("precious", [target(way).name])


@pytest.mark.slow
@EVERY
def test_a_folder_that_is_read_only_is_found_before_the_run(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    access = os.access
    monkeypatch.setattr("os.access", lambda path, mode: path != folder and access(path, mode))  # root may write there
    monkeypatch.setattr("gdcli.cli.command.import_torch", None)
    outcome = run(*WAYS[way])
    assert (outcome.code, outcome.err) == (1, f"error: cannot write {target(way)}: the folder {folder} is read-only\n")
    assert (printed(outcome), os.listdir()) == ("", [])


@EVERY
def test_what_is_wrong_with_a_target_is_found_before_the_run(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr("gdcli.cli.command.import_torch", None)
    path = target(way)

    def refused(reason: str) -> None:
        outcome = run(*WAYS[way])
        assert (outcome.code, printed(outcome), outcome.err) == (1, "", f"error: cannot write {path}: {reason}\n")

    path.mkdir()
    refused("it is a folder")
    path.rmdir()
    path.symlink_to(".")
    refused("it is a folder")
    path.unlink()
    path.symlink_to(path)
    refused("Too many levels of symbolic links")
    assert os.readlink(path) == path.name
    path.unlink()
    path.symlink_to("missing/file")
    refused(f"there is no folder {folder}/missing")
    path.unlink()
    path.symlink_to("/dev/fd/99")
    refused("Bad file descriptor")


@pytest.mark.slow
@EVERY
def test_links_stay_and_devices_and_pipes_are_written_to(run: Run, folder: Path, way: str) -> None:
    path = target(way)
    assert run(*WAYS[way]).code == 0
    whole = path.read_bytes()
    path.unlink()
    path.symlink_to("behind")  # there is none yet
    for _ in range(2):
        assert run(*WAYS[way]).code == 0
        assert (path.is_symlink(), Path("behind").read_bytes()) == (True, whole)
    path.unlink()
    path.symlink_to("/dev/null")
    assert run(*WAYS[way]).code == 0
    assert Path("/dev/null").is_char_device()
    path.unlink()
    os.mkfifo(path)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    assert run(*WAYS[way]).code == 0
    reader.join(PATIENCE)
    assert got == [whole]
    assert sorted(os.listdir()) == sorted(["behind", path.name])


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_a_descriptor_is_written_to_where_it_is(run: Run, folder: Path, name: str) -> None:
    if name == "link":
        Path(name).symlink_to("/dev/stdout")
    for way, flags in OUTPUTS.items():
        printed = run(*QUICK, *flags).out
        with Piped(*QUICK, *flags, "--output", name) as process:
            assert (process.stdout.read(), process.wait()) == (printed, 0), way
        log = Path("log")
        log.write_text("before\n")
        with log.open("ab") as file, Piped(*QUICK, *flags, "--output", name, out=file) as process:
            assert (process.stderr.read(), process.wait()) == ("", 0)
        assert log.read_text() == f"before\n{printed}"


def test_a_name_as_long_as_allowed_is_written(run: Run, folder: Path) -> None:
    for letter in ("n", "é"):
        name = letter * (255 // len(letter.encode()))
        assert run("ops", "--output", name).code == 0
        assert os.listdir() == [name]
        os.unlink(name)


@pytest.mark.slow
@pytest.mark.process
def test_a_document_is_whole_without_buffers_too(folder: Path) -> None:
    with open("out", "wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "gdcli", "functions", "--json"],
            stdout=out,
            stderr=subprocess.PIPE,
            env={**os.environ, **ENVIRONMENT, "PYTHONUNBUFFERED": "1"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
            timeout=PATIENCE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"error: cannot write the output: File too large\n")


# Surroundings: variables to set, or None to remove them; and shell commands before it. Each process has several.
SURROUNDINGS = {
    "home is no folder, dumb terminal, a small stack": (
        {"HOME": "/dev/null", "MPLCONFIGDIR": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "TERM": "dumb"},
        "ulimit -s 512",
    ),
    "home cannot be written, no terminal type, few files": (
        {"HOME": "/proc", "MPLCONFIGDIR": "/proc", "TERM": None},
        "ulimit -n 16",
    ),
    "no home, nothing on standard input": ({"HOME": None, "MPLCONFIGDIR": None}, "exec <&-"),
    "no folder for temporary files, POSIX, the folder was deleted": (
        {"TMPDIR": "/nowhere", "LC_ALL": "POSIX", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        'mkdir gone; cd gone; rmdir "$OLDPWD/gone"',
    ),
}


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("around", SURROUNDINGS)
def test_odd_surroundings_change_nothing(run: Run, folder: Path, around: str) -> None:
    variables, before = SURROUNDINGS[around]
    environment = {**os.environ, **ENVIRONMENT, **variables}
    command = f'{before}; exec "$0" -m gdcli minimize --steps 3 --json --save "$1/x.png" --save "$1/x.html"'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, str(folder)],
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, f"saved {folder}/x.png\nsaved {folder}/x.html\n")
    assert done.stdout == run("minimize", "--steps", "3", "--json").out
    assert sorted(os.listdir()) == ["x.html", "x.png"]


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["0", "-5", "abc"])
def test_a_width_that_is_none_is_the_usual_one(run: Run, columns: str) -> None:
    for words in (["ops"], ["minimize", "--steps", "3", "--plot"]):
        assert run(*words, env={"COLUMNS": columns}) == run(*words, env={"COLUMNS": "80"})


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["1", "1000000"])
def test_no_width_is_too_small_or_too_large(run: Run, columns: str) -> None:
    for words in (["ops"], ["minimize", "--steps", "3", "--plot"], ["plot"], ["compare", "--steps", "3"]):
        outcome = run(*words, env={"COLUMNS": columns})
        assert (outcome.code, outcome.err) == (0, "")
        assert 0 < len(outcome.out) < 200_000
