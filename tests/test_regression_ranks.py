"""A regression on several processes: what one process finds, and what happens when one of them fails."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Outcome, Run
from forks import PATIENCE, Piped

pytestmark = [pytest.mark.slow, pytest.mark.process]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of two files of 600 and 401 rows: two columns of numbers, one of categories, and a target."""
    found = tmp_path_factory.mktemp("data")
    draw = random.Random(1)
    for name, rows in (("0", 600), ("1", 401)):
        lines = ["a,b,c,y"]
        for _ in range(rows):
            a, b, c = draw.gauss(3, 2), draw.gauss(0, 1), draw.choice("uvw")
            lines.append(f"{a:.6f},{b:.6f},{c},{2 * a - 3 * b + ord(c) + draw.gauss(0, 0.5):.6f}")
        (found / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return str(found)


@contextlib.contextmanager
def started(size: int, *words: str, folders: Sequence[Path] = ()) -> Iterator[list[Piped]]:
    """``gdcli WORDS`` in so many processes that have what torchrun tells them, each in its folder if they are given."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with contextlib.ExitStack() as stack:
        processes = []
        for rank in range(size):
            with contextlib.chdir(folders[rank]) if folders else contextlib.nullcontext():
                processes.append(stack.enter_context(Piped(*words, env={**env, "RANK": str(rank)})))
            processes[-1].stdin.close()
        yield processes


def end_of(process: Piped) -> Outcome:
    out, err = process.stdout.read(), process.stderr.read()
    return Outcome(process.wait(), out, err)


def together(size: int, *words: str) -> Outcome:
    """What the first of so many processes prints; the others print nothing, and all end well."""
    with started(size, *words) as processes:
        first, *others = map(end_of, processes)
    assert first.code == 0, first.err
    assert others == [Outcome(0, "", "")] * (size - 1)
    return first


def farthest(a: Any, b: Any) -> float:
    """The largest difference of numbers in the same place, relative to them or to 1e-3; infinite for anything else."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return max((farthest(a[name], b[name]) for name in a), default=0.0)
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return max(map(farthest, a, b), default=0.0)
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) / max(abs(a), abs(b), 1e-3)
    return 0.0 if a == b else float("inf")


def comparable(outcome: Outcome) -> dict[str, Any]:
    """The record, without the digits in agreement and the trials of the diagnosis, which magnify rounding."""
    record = outcome.json()
    for coefficient in record["coefficients"]:
        del coefficient["digits"]
    record["diagnosis"] = [finding["code"] for finding in record["diagnosis"]]
    record.pop("best")
    return record


FIT = ("--target", "y", "--categorical", "c", "--json", "--dtype", "float64")
FITS: dict[str, tuple[int, list[str]]] = {
    "all rows": (2, ["--epochs", "5"]),
    "batches": (3, ["--epochs", "3", "--batch-size", "64", "--lr", "0.05", "--validate", "0.2"]),
    "batches in order": (2, ["--epochs", "2", "--batch-size", "300", "--lr", "0.05", "--no-shuffle", "--per", "step"]),
    "read again": (3, ["--epochs", "2", "--in-memory", "no", "--poly", "a:2", "--feature", "exp(b)", "--l2", "0.1"]),
    "read again in order": (
        2,
        ["--epochs", "2", "--in-memory", "no", "--batch-size", "300", "--no-shuffle", "--lr", "0.05"],
    ),
    "a sum": (
        3,
        ["--epochs", "3", "--loss", "sum", "--l2", "0.1", "--lr", "1e-4", "--clip-norm", "50", "--no-diagnose"],
    ),
    "lbfgs": (2, ["--epochs", "3", "--loss", "huber", "--optimizer", "lbfgs", "--lr", "1"]),
}


@pytest.mark.parametrize("name", FITS)
def test_several_processes_find_what_one_finds(run: Run, folder: str, name: str) -> None:
    size, words = FITS[name]
    alone = run("fit-linear", folder, *FIT, *words)
    found = together(size, "fit-linear", folder, *FIT, *words)
    assert farthest(comparable(alone), comparable(found)) < 1e-9  # lbfgs magnifies it; the others are below 1e-12
    exact = [[c["exact"] for c in json.loads(outcome.out)["coefficients"]] for outcome in (alone, found)]
    assert farthest(*exact) < 1e-14


def test_some_processes_have_no_rows(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "few.csv"
    data.write_text("x,y\n1,2\n2,3.5\n3,7\n")
    words = ("fit-linear", str(data), "--target", "y", "--epochs", "4", "--dtype", "float64", "--json")
    for more in ([], ["--batch-size", "2", "--lr", "0.1"], ["--in-memory", "no", "--batch-size", "2", "--lr", "0.1"]):
        found = comparable(together(5, *words, *more))
        assert found["rows"] == 3
        if "--in-memory" not in more:  # each share is shuffled on its own
            assert farthest(found, comparable(run(*words, *more))) < 1e-10


def test_a_picture_and_a_model_are_those_of_one_process(run: Run, folder: str, tmp_path: Path) -> None:
    words = ["fit-linear", folder, *FIT[:4], "--epochs", "3", "--quiet", "--dtype", "float64"]
    names = ["one.html", "one.json", "two.html", "two.json"]
    files = [str(tmp_path / name) for name in names]
    run(*words, "--save", files[0], "--save-model", files[1])
    together(2, *words, "--save", files[2], "--save-model", files[3])
    one, two = (json.loads(Path(file).read_text()) for file in (files[1], files[3]))
    assert farthest(one, two) < 1e-13
    assert Path(files[2]).stat().st_size == pytest.approx(Path(files[0]).stat().st_size, rel=0.02)


def test_a_rank_that_fails_ends_all_after_its_own_error(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    rows = [f"{i},{2 * i + 1}" for i in range(3000)]
    rows[2000] = "oops,3"  # of rank 1, which has more than the third of the bytes before
    data.write_text("\n".join(["x,y", *rows]) + "\n")
    with started(3, "fit-linear", str(data), "--target", "y", "--json") as processes:
        outcomes = list(map(end_of, processes))
    own = f"x in line 2002 of {data} is 'oops', not a number"
    assert [outcome.code for outcome in outcomes] == [2, 2, 2]
    failed = next(rank for rank, outcome in enumerate(outcomes) if outcome.err.startswith(f"error: {own}\n"))
    assert failed > 0
    told = f"error: rank {failed} has failed: {own}\nhint: its own error says more\n"
    assert all(outcome.err == told for rank, outcome in enumerate(outcomes) if rank != failed)
    assert outcomes[0].json()["message"] == f"rank {failed} has failed: {own}"
    assert [outcome.out for outcome in outcomes[1:]] == ["", ""]


@pytest.mark.parametrize(
    "words", [["--target", "z"], ["--target", "y", "--categorical", "c", "--optimizer", "newton", "--lr", "1"]]
)
def test_an_error_of_all_is_printed_once(folder: str, words: list[str]) -> None:
    with started(2, "fit-linear", folder, *words) as processes:
        first, second = map(end_of, processes)
    assert first.err.startswith("error: ")
    assert (first.code, second) == (2, Outcome(2, "", ""))


def test_ranks_that_see_other_data_are_told(tmp_path: Path) -> None:
    folders = [tmp_path / "0", tmp_path / "1"]
    for number, place in enumerate(folders):
        place.mkdir()
        (place / "data.csv").write_text(f"x,y\n1,2\n2,3\n3,{number}\n")
    with started(2, "fit-linear", "data.csv", "--target", "y", folders=folders) as processes:
        first, second = map(end_of, processes)
    told = "error: rank 1 sees other data than rank 0\nhint: put the files where all processes see the same\n"
    assert (first, second) == (Outcome(2, "", told), Outcome(2, "", ""))


LONG = (*FIT[:4], "--epochs", "100000000", "--no-diagnose", "--jsonl")


@pytest.mark.parametrize("killed", [0, 1])
def test_a_rank_that_is_killed_ends_the_other(folder: str, killed: int) -> None:
    with started(2, "fit-linear", folder, *LONG) as processes:
        head = processes[0].stdout.readline()
        assert json.loads(head)["record"] == "settings"
        os.kill(processes[killed].pid, signal.SIGKILL)
        at = time.monotonic()
        outcome = end_of(processes[1 - killed])
        assert time.monotonic() - at < PATIENCE
    what = "rank 0 cannot be reached any more" if killed == 0 else "rank 1 of 2 gives no sign of life any more"
    assert outcome.code == 1
    assert f"error: {what}\n" in outcome.err


def test_a_signal_to_one_ends_all_at_the_same_step(folder: str) -> None:
    with started(2, "fit-linear", folder, *LONG) as processes:
        processes[0].stdout.readline()
        processes[0].stdout.readline()
        os.kill(processes[1].pid, signal.SIGTERM)
        outcomes = list(map(end_of, processes))
    assert [outcome.code for outcome in outcomes] == [143, 143]
    last = json.loads(outcomes[0].out.splitlines()[-1])
    assert (last["status"], last["record"]) == ("interrupted", "result")


def of_slurm(nodes: str, *words: str) -> list[Outcome]:
    """``gdcli WORDS`` in three processes that have what Slurm tells them."""
    env = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_ID": "0", "SLURM_NTASKS": "3", "SLURM_NNODES": nodes}
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(Piped(*words, env={**env, "SLURM_PROCID": str(rank)})) for rank in range(3)]
        for process in started:
            process.stdin.close()
        return list(map(end_of, started))


def test_processes_of_slurm_on_one_machine_find_each_other(run: Run, folder: str) -> None:
    words = ("fit-linear", folder, *FIT, "--epochs", "2")
    first, *others = of_slurm("1", *words)
    assert others == [Outcome(0, "", "")] * 2
    assert farthest(comparable(first), comparable(run(*words))) < 1e-12


def test_processes_of_slurm_on_several_machines_need_an_address(folder: str) -> None:
    outcomes = of_slurm("2", "fit-linear", folder, *FIT)
    assert [outcome.code for outcome in outcomes] == [2, 2, 2]
    assert outcomes[0].json()["message"] == "3 processes on several machines need an address to meet at"
    assert [outcome.out for outcome in outcomes[1:]] == ["", ""]


def test_standard_input_is_refused() -> None:
    with started(2, "fit-linear", "-", "--target", "y") as processes:
        first, second = map(end_of, processes)
    assert first == Outcome(
        2, "", "error: standard input goes to one process, and a launcher has started several\nhint: name the files\n"
    )
    assert second == Outcome(2, "", "")


KILLED = """
import os, signal, sys
from gdcli.cli.main import run
from gdcli.regression.checkpoint import Checkpoint

def keep_and_end(checkpoint, updates, state, keep=Checkpoint.keep):
    keep(checkpoint, updates, state)
    if updates == 17 and (os.environ["RANK"], os.environ["TORCHELASTIC_RESTART_COUNT"]) == ("1", "0"):
        os.kill(os.getpid(), signal.SIGKILL)

Checkpoint.is_due, Checkpoint.keep = lambda checkpoint: True, keep_and_end
if run(sys.argv[1:]):
    sys.exit(1)
"""


def test_torchrun_goes_on_after_a_kill_to_the_same_bits(folder: str, tmp_path: Path) -> None:
    words = [*FIT, "--batch-size", "100", "--optimizer", "adam", "--lr", "0.001", "--epochs", "3", "--no-diagnose"]
    expected = together(2, "fit-linear", folder, *words).out
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    torchrun = ["python", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "1"]
    forks = ["--start-method", "fork", "--run-path", str(script)]
    fit = ["fit-linear", folder, *words, "--checkpoint", str(tmp_path / "kept"), "--resume"]
    with Piped(*torchrun, *forks, *fit) as process:
        code, out, err = process.ended()
    assert code == 0, err
    assert "exitcode: -9" in err  # of rank 1, for the first time
    assert out == expected
