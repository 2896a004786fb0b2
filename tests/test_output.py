"""``--output``: a file is written whole or not at all, and an old one is never lost."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that is there already."""
    file = tmp_path / "old.json"
    file.write_text("precious")
    return file


def unharmed(old: Path) -> bool:
    """The file is as it was, and nothing lies beside it."""
    return old.read_text() == "precious" and os.listdir(old.parent) == [old.name]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["ops"],
        ["ops", "--csv"],
        ["grad", "--json"],
        ["minimize"],
        ["minimize", "--json"],
        ["minimize", "--jsonl"],
        ["minimize", "--csv"],
        ["fit-linear", "--json"],
    ],
)
def test_a_file_holds_what_standard_output_would_show(run: Run, tmp_path: Path, words: list[str]) -> None:
    file = tmp_path / "new"
    printed = run(*words)
    written = run(*words, "--output", str(file))
    assert (written.code, written.out, written.err) == (0, "", printed.err)
    assert file.read_text(encoding="utf-8") == printed.out
    assert os.listdir(tmp_path) == ["new"]


def test_a_dash_is_standard_output(run: Run) -> None:
    assert run("grad", "--output", "-") == run("grad")


def test_an_old_file_is_replaced_and_keeps_its_mode(run: Run, old: Path) -> None:
    old.chmod(0o640)
    assert run("grad", "--json", "--output", str(old)).code == 0
    assert old.read_text() == run("grad", "--json").out
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_that_the_umask_leaves(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "new"
    previous = os.umask(0o027)
    try:
        run("grad", "--output", str(file))
    finally:
        os.umask(previous)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_link_stays_a_link(run: Run, old: Path) -> None:
    link = old.parent / "link"
    link.symlink_to(old)
    assert run("grad", "--json", "--output", str(link)).code == 0
    assert link.is_symlink()
    assert old.read_text() == run("grad", "--json").out


@pytest.mark.parametrize(
    "words",
    [
        ["minimize", "--stpes", "3"],
        ["minimize", "--lr", "-1"],
        ["grad", "x +", "--x", "1"],
        ["grad", "sum(x * y)", "--x", "1,2", "--y", "1,2,3"],
        ["minimize", "x[3]", "--x", "1,2"],
        ["grad", "--config", "/nowhere"],
    ],
)
def test_an_error_leaves_an_old_file_as_it_was(run: Run, old: Path, words: list[str]) -> None:
    outcome = run(*words, "--output", str(old))
    assert outcome.code in (1, 2)
    assert outcome.out == ""
    assert unharmed(old)


def test_a_read_only_file_is_not_written(run: Run, old: Path) -> None:
    old.chmod(0o400)
    outcome = run("minimize", "--json", "--output", str(old))
    assert outcome.err == f"error: cannot write {old}: the file is read-only\n"
    assert (outcome.code, outcome.json()["code"]) == (1, "output")
    assert unharmed(old)


def test_a_folder_is_not_written(run: Run, tmp_path: Path) -> None:
    outcome = run("minimize", "--output", str(tmp_path))
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"error: cannot write {tmp_path}: it is a folder\n"


def test_a_missing_folder_is_not_made(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "no" / "file"
    outcome = run("minimize", "--output", str(file))
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"error: cannot write {file}: there is no folder {file.parent}\n"
    assert os.listdir(tmp_path) == []


def test_what_is_wrong_with_the_file_is_found_before_the_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.Tensor.backward", None)  # a run would fail
    outcome = run("minimize", "--json", "--output", str(tmp_path))
    assert outcome.err == f"error: cannot write {tmp_path}: it is a folder\n"


@pytest.mark.parametrize("output", ["--json", "--jsonl", "--csv", "--quiet"])
def test_a_full_device_is_an_error(run: Run, output: str) -> None:
    outcome = run("minimize", output, "--output", "/dev/full")
    assert outcome.err == "error: cannot write /dev/full: No space left on device\n"
    assert outcome.code == 1


@pytest.mark.slow
@pytest.mark.process
def test_a_disk_that_fills_up_leaves_the_old_file_as_it_was(old: Path) -> None:
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))

    command = [sys.executable, "-m", "gdcli", "minimize", "--json", "--output", str(old)]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=small_disk, timeout=300, check=False)
    assert done.returncode == 1
    assert done.stderr == f"error: cannot write {old}: File too large\n"
    assert unharmed(old)
