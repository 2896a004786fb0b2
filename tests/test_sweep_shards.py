"""Parts of a sweep: shards put together, finished tiles that are kept, and processes that a launcher has started."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import ENVIRONMENT, Outcome, Run
from forks import Piped

from gdcli.batch.engines import has_numba
from gdcli.cli import ranks as ranks_module
from gdcli.cli.ranks import Meeting, Ranks, ranks_of
from gdcli.cli.shards import Kept, read_shard
from gdcli.contract.sweep import Shard
from gdcli.errors import OutsideError
from gdcli.sweeps.sweep import Finished, Sweep

SMALL = ["rosenbrock", "--over", "x=-2:2:20", "--over", "y=-2:2:15", "--lr", "0.002", "--steps", "50"]
TILES = 5  # of SMALL, with tiles of 64 cells


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of 64 cells, so that a small grid has several."""
    for module in ("gdcli.sweeps.grid", "gdcli.sweeps.part", "gdcli.sweeps.sweep"):
        monkeypatch.setattr(f"{module}.TILE", 64)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(run: Run, *words: str) -> Outcome:
    outcome = run("sweep", *words)
    assert outcome.code == 0, outcome.err
    return outcome


def parts_of(run: Run, words: list[str], n: int) -> list[str]:
    """The files of all parts of a sweep."""
    names = [f"part-{i}-of-{n}.npz" for i in range(1, n + 1)]
    for i, name in enumerate(names, start=1):
        outcome = made(run, *words, "--shard", f"{i}/{n}", "--save", name)
        assert outcome.err == f"saved {name}\n"
    return names


WHOLE = ["--save", "map.npz", "--save", "map.csv", "--json", "--cells"]


def files() -> dict[str, bytes]:
    """What WHOLE has saved, which is removed."""
    found = {}
    for path in sorted(Path().glob("map.*")):
        found[path.name] = path.read_bytes()
        path.unlink()
    assert list(found) == ["map.csv", "map.npz"]
    return found


SWEEPS = [
    SMALL,
    ["x**4 - x**2", "--over", "lr=0.01:1:150", "--over", "x=-2:2:3", "--dtype", "float64", "--measure", "rate"],
    ["x**4 - x**2", "--x", "1", "--over", "lr=0.01:0.6:200"],
    ["himmelblau", "--over", "momentum=0:0.9:20", "--over", "x=-4:4:11", "--lr", "0.01", "--optimizer", "sgd"],
    ["sum((W @ b)**2)", "--W", "randn(2,3)", "--b", "1,2,3", "--over", "seed=0:9", "--over", "lr=0.01:0.3:17"],
    ["sum((W @ b)**2)", "--W", "randn(2,3)", "--b", "1,2,3", "--over", "lr=0.01:0.3:17", "--over", "seed=0:9"],
    ["mean(tanh(A @ B)**2)", "--A", "randn(3,4)", "--B", "randn(4,2)", "--engine", "vmap",
     "--over", "lr.A=0.01:3:15", "--over", "lr.B=0.01:3:11", "--steps", "8", "--tol-grad", "0.1"],
    ["mean((W1 @ tanh(W0 @ X) - Y)**2)", "--W0", "randn(4,3)", "--W1", "randn(1,4)", "--X", "randn(3,7)",
     "--Y", "randn(1,7)", "--wrt", "W0,W1", "--over", "lr.W0=0.01:30:log:19", "--over", "lr.W1=0.01:30:log:17",
     "--steps", "40", "--tol-grad", "0.05"],
    ["rosenbrock", "--over", "x=-2:2:20", "--over", "lr=1e-4:1e-1:log:12", "--optimizer", "adam",
     "--schedule", "cosine", "--sched", "T_max=60"],
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.usefixtures("small_tiles", "there")
@pytest.mark.parametrize("words", SWEEPS, ids=" ".join)
def test_shards_put_together_are_the_sweep_of_one_process(run: Run, words: list[str]) -> None:
    alone = made(run, *words, *WHOLE)
    expected = files()
    for n in (2, 3) if words is SMALL else (3,):
        parts = parts_of(run, words, n)
        merged = made(run, "--merge", *reversed(parts), *WHOLE)
        assert merged == alone
        assert files() == expected


@pytest.mark.slow
@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@pytest.mark.usefixtures("small_tiles", "there")
def test_shards_by_numba_are_the_sweep_of_one_process(run: Run) -> None:
    words = [*SMALL, "--engine", "fast"]
    alone = made(run, *words, *WHOLE)
    expected = files()
    assert made(run, "--merge", *parts_of(run, words, 2), *WHOLE) == alone
    assert files() == expected


@pytest.mark.slow
@pytest.mark.usefixtures("small_tiles", "there")
def test_there_may_be_more_shards_than_tiles(run: Run) -> None:
    alone = made(run, *SMALL, "--json", "--cells")
    parts = parts_of(run, SMALL, TILES + 2)
    assert made(run, "--merge", *parts, "--json", "--cells") == alone


@pytest.mark.usefixtures("small_tiles", "there")
def test_a_part_says_what_it_has(run: Run) -> None:
    outcome = made(run, *SMALL, "--shard", "2/3", "--save", "part.npz")
    assert outcome.out == "shard 2/3: ran 2 of 5 tiles, 108 of 300 cells\n"
    with np.load("part.npz") as part:
        assert part["tiles"].tolist() == [1, 4]
        assert part["shard"].tolist() == [2, 3]
        assert str(part["settings"]).startswith('{"expression":"rosenbrock","over":["x=-2:2:20","y=-2:2:15"]')
        steps, end = part["steps"], part["end"]
    made(run, *SMALL, "--save", "map.npz")
    with np.load("map.npz") as whole:
        cells = [*range(64, 128), *range(256, 300)]
        assert steps.tolist() == whole["steps"].reshape(-1)[cells].tolist()
        assert np.array_equal(end[:, 0], whole["end.x"].reshape(-1)[cells])


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--shard", "0/3", "--save", "p.npz"], "there is no shard 0 of 3", "they are 1/3 to 3/3"),
        (["--shard", "4/3", "--save", "p.npz"], "there is no shard 4 of 3", "they are 1/3 to 3/3"),
        (["--shard", "2/1", "--save", "p.npz"], "there is no shard 2 of 1", "the only one is 1/1"),
        (
            ["--shard", "a/b", "--save", "p.npz"],
            "--shard takes I/N, not 'a/b'",
            "for example: --shard 3/8, the third of eight",
        ),
        (
            ["--shard", "3", "--save", "p.npz"],
            "--shard takes I/N, not '3'",
            "for example: --shard 3/8, the third of eight",
        ),
        (["--shard", "1/3"], "--shard makes a part of the map, and it is not saved", "add --save part-1.npz"),
        (
            ["--shard", "1/3", "--save", "map.png"],
            "--shard makes a part of the map, which is an NPZ file, not map.png",
            "use --save part-1.npz; --merge then saves map.png",
        ),
        (
            ["--shard", "1/3", "--save", "p.npz", "--csv"],
            "--shard makes a part of the map, which has no record for --csv",
            "leave out --csv; --merge prints the record",
        ),
        (
            ["--shard", "1/3", "--save", "p.npz", "--save", "q.npz"],
            "--shard makes one part, and --save names several files",
            "keep --save part-1.npz",
        ),
        (
            ["--resume"],
            "--resume keeps the finished tiles beside the file that is saved, and none is",
            "add --save map.npz",
        ),
        (
            ["--merge", "p.npz"],
            "--merge takes the settings from the parts, so the expression would change nothing",
            "leave out the expression",
        ),
        (["--merge", "p.npz", "--shard", "1/2"], "--merge runs nothing, so --shard would change nothing",
         "leave out --shard or --merge"),
        (["--merge", "p.npz", "--resume"], "--merge runs nothing, so --resume would change nothing",
         "leave out --resume or --merge"),
    ],
)  # fmt: skip
def test_words_that_cannot_be(run: Run, words: list[str], message: str, hint: str) -> None:
    outcome = run("sweep", *SMALL, *words)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"error: {message}\nhint: {hint}\n")
    assert not os.listdir()


@pytest.mark.usefixtures("small_tiles", "there")
def test_parts_that_are_not_all_of_one_sweep(run: Run) -> None:
    one, two, three = parts_of(run, SMALL, 3)
    made(run, *SMALL, "--lr", "0.001", "--shard", "2/3", "--save", "other.npz")
    made(run, *SMALL, "--save", "map.npz")
    whole = Path(three).read_bytes()
    Path("cut.npz").write_bytes(whole[:-100])
    Path("flipped.npz").write_bytes(whole[:2000] + bytes([whole[2000] ^ 255]) + whole[2001:])
    Path("empty.npz").touch()
    again = "make this part again"
    for names, message, hint in [
        ([one], "3 of 5 tiles are missing: 1, 2 and 4", "add the parts of --shard 2/3 and 3/3"),
        ([one, two], "1 of 5 tiles is missing: 2", "add the part of --shard 3/3"),
        ([one, "other.npz", three], f"other.npz is of another sweep: lr is 0.001 there, and 0.002 in {one}",
         "use the parts of one sweep"),
        ([one, two, three, two], f"{two} is given twice", "leave one of them out"),
        ([one, two, "cut.npz"], "cut.npz is cut off, damaged, or not an NPZ file", again),
        ([one, two, "flipped.npz"], "flipped.npz is cut off, damaged, or not an NPZ file", again),
        ([one, two, "empty.npz"], "empty.npz is cut off, damaged, or not an NPZ file", again),
        (["map.npz"], "map.npz is not a part of a sweep", "a part is what --shard I/N --save FILE.npz writes"),
    ]:  # fmt: skip
        outcome = run("sweep", "--merge", *names, "--save", "all.npz")
        assert (outcome.code, outcome.out, outcome.err) == (2, "", f"error: {message}\nhint: {hint}\n")
        assert not Path("all.npz").exists()
    missing = run("sweep", "--merge", one, "part-2.npz")
    assert missing.code == 1
    assert missing.err.startswith("error: cannot read the part part-2.npz: No such file or directory\n")


@pytest.mark.usefixtures("small_tiles", "there")
def test_a_part_of_another_version_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = parts_of(run, SMALL, 2)
    monkeypatch.setattr("gdcli.sweeps.part.__version__", "9.9")
    outcome = run("sweep", "--merge", *parts)
    assert outcome.err.endswith("and this is 9.9\nhint: make all parts with one version\n")
    assert outcome.code == 2


# --resume


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have Ctrl-C pressed when the second chunk has been kept."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    keep, calls = Kept.keep, itertools.count(1)

    def pressed(kept: Kept, sweep: Sweep, finished: Finished) -> None:
        keep(kept, sweep, finished)
        if next(calls) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Kept, "keep", pressed)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.usefixtures("small_tiles", "there", "interrupted")
def test_ctrl_c_keeps_the_finished_tiles_and_the_same_command_goes_on(run: Run) -> None:
    words = [*SMALL, "--json", "--resume", "--save", "map.npz"]
    outcome = run("sweep", *words)
    message = outcome.json()["message"]
    assert (outcome.code, outcome.json()["status"]) == (130, "interrupted")
    assert message.endswith("2 finished tiles are kept in map.npz.tiles, and the same command goes on from there"), (
        message
    )
    assert sorted(os.listdir("map.npz.tiles")) == ["tiles-000000.npz", "tiles-000001.npz"]
    other = run("sweep", *words, "--steps", "51")
    assert other.code == 2
    assert other.err == (
        "error: map.npz.tiles/tiles-000000.npz is of another sweep: steps is 50 there, and 51 here\n"
        "hint: rm -r map.npz.tiles begins anew; or save under another name\n"
    )
    again = made(run, *words)
    resumed = Path("map.npz").read_bytes()
    assert not Path("map.npz.tiles").exists()
    assert again.out == made(run, *SMALL, "--json", "--save", "map.npz").out
    assert Path("map.npz").read_bytes() == resumed


@pytest.mark.usefixtures("small_tiles", "there", "interrupted")
def test_ctrl_c_leaves_no_half_of_a_part(run: Run) -> None:
    words = [*SMALL, "--shard", "1/2", "--save", "part.npz", "--resume"]
    outcome = run("sweep", *words)
    kept = "2 finished tiles are kept in part.npz.tiles, and the same command goes on from there"
    assert (outcome.code, outcome.out, outcome.err) == (130, "", f"error: interrupted; {kept}\n")
    assert os.listdir() == ["part.npz.tiles"]
    assert made(run, *words).out == "shard 1/2: ran 3 of 5 tiles, 172 of 300 cells\n"
    assert os.listdir() == ["part.npz"]
    resumed = Path("part.npz").read_bytes()
    made(run, *SMALL, "--shard", "1/2", "--save", "part.npz")
    assert Path("part.npz").read_bytes() == resumed


@pytest.mark.usefixtures("small_tiles", "there")
def test_tiles_that_are_damaged_are_named(run: Run) -> None:
    os.mkdir("map.npz.tiles")
    Path("map.npz.tiles/tiles-000000.npz").write_bytes(b"PK")
    outcome = run("sweep", *SMALL, "--resume", "--save", "map.npz")
    assert outcome.err.startswith("error: map.npz.tiles/tiles-000000.npz is cut off, damaged, or not an NPZ file\n")
    assert outcome.code == 2


# Processes: real tiles

BIG = ["rosenbrock", "--over", "x=-2:2:250", "--over", "y=-2:2:181", "--lr", "0.002", "--steps", "40"]
PRINTED = [*BIG, "--json", "--cells", "--save", "map.npz"]
SLURM = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_NTASKS": "3", "SLURM_NNODES": "1", "GDCLI_DEBUG": ""}


def slurm(rank: int, *words: str) -> Piped:
    return Piped("sweep", *words, env={**SLURM, "SLURM_PROCID": str(rank)})


def end_of(process: Piped) -> Outcome:
    with process:
        process.stdin.close()
        out, err = process.stdout.read(), process.stderr.read()
        return Outcome(process.wait(), out, err)


def torchrun(*words: str) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    env = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    return subprocess.run([*launcher, *words], capture_output=True, text=True, check=False, env=env, timeout=200)


@pytest.mark.slow
@pytest.mark.process
def test_processes_of_slurm_make_what_one_makes(run: Run, there: Path) -> None:
    alone = made(run, *PRINTED)
    expected = Path("map.npz").read_bytes()
    Path("map.npz").unlink()
    processes = [slurm(rank, *PRINTED) for rank in (2, 1, 0)]
    others, first = [end_of(process) for process in processes[:2]], end_of(processes[2])
    assert others == [Outcome(0, "", "")] * 2
    assert first == alone
    assert Path("map.npz").read_bytes() == expected
    assert os.listdir(there) == ["map.npz"]


@pytest.mark.slow
@pytest.mark.process
def test_processes_of_torchrun_make_what_one_makes(run: Run, there: Path) -> None:
    alone = made(run, *BIG, "--json", "--cells")
    together = torchrun("-m", "gdcli", "sweep", *BIG, "--json", "--cells")
    assert together.stdout == alone.out, together.stderr
    assert together.returncode == 0
    assert os.listdir(there) == []


def needs_a_file(there: Path) -> list[str]:
    """A long sweep that cannot run in the folder "other"."""
    (there / "w.json").write_text("1")
    (there / "other").mkdir()
    axes = ["--over", "x=-2:2:700", "--over", "y=-2:2:500"]
    return ["w*(x**2+y**2)", "--w", "@w.json", "--wrt", "x,y", *axes, "--steps", "1000000", "--tol-grad", "1e-30"]


@pytest.mark.slow
@pytest.mark.process
def test_a_rank_that_fails_ends_all_after_its_own_error(there: Path) -> None:
    words = [*needs_a_file(there), "--save", str(there / "map.npz")]
    processes = [slurm(0, *words), slurm(2, *words)]
    with contextlib.chdir("other"):
        failed = end_of(slurm(1, *words))
    others = [end_of(process) for process in processes]
    own = "in the value of w: cannot read w.json: No such file or directory"
    assert failed == Outcome(1, "", f"error: {own}\nhint: there is no such file in this folder\n")
    for other in others:
        assert other == Outcome(1, "", f"error: rank 1 has failed: {own}\nhint: its own error says more\n")
    assert not (there / "map.npz").exists()


@pytest.mark.slow
@pytest.mark.process
def test_torchrun_ends_all_when_a_rank_fails(there: Path) -> None:
    words = [*needs_a_file(there), "--save", str(there / "map.npz")]
    script = f'test $RANK = 1 && cd other; exec {sys.executable} -m gdcli sweep "$@"'
    together = torchrun("--no-python", "sh", "-c", script, "sh", *words)
    errors = [line for line in together.stderr.splitlines() if line.startswith("error:")]
    assert errors[0] == "error: in the value of w: cannot read w.json: No such file or directory"
    assert together.returncode != 0
    assert sorted(os.listdir(there)) == ["other", "w.json"]


@pytest.mark.slow
@pytest.mark.process
def test_a_process_that_was_killed_loses_no_finished_tile(run: Run, there: Path) -> None:
    words = [*BIG[:-1], "600", "--tol-grad", "1e-30", "--save", "map.npz"]
    with Piped("sweep", *words, "--resume") as process:
        while not list(there.glob("map.npz.tiles/tiles-*.npz")):
            assert process.poll() is None
            time.sleep(0.002)
        process.kill()
    kept = {path.name: path.stat().st_mtime_ns for path in there.glob("map.npz.tiles/tiles-*.npz")}
    assert 1 <= len(kept) < 3
    assert not (there / "map.npz").exists()
    resumed = made(run, *words, "--resume", "--json")
    found = Path("map.npz").read_bytes()
    assert os.listdir(there) == ["map.npz"]
    assert made(run, *words, "--json").out == resumed.out
    assert Path("map.npz").read_bytes() == found


# Ranks


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"RANK": "1"}, None),
        ({"RANK": "0", "WORLD_SIZE": "1"}, None),
        ({"RANK": "1", "WORLD_SIZE": "4"}, (1, 4, "torchrun", False)),
        ({"RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "4"}, (1, 4, "torchrun", True)),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "3"}, (2, 3, "Slurm", False)),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "3", "SLURM_NNODES": "1"}, (2, 3, "Slurm", True)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "3", "SLURM_JOB_ID": "5"}, None),  # the script of the job
        (
            {"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_JOB_ID": "5", "SLURM_STEP_ID": "1"}
            | {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "2"},
            (0, 2, "Slurm", False),
        ),
    ],
)
def test_ranks_come_from_the_launcher(environment: dict[str, str], expected: tuple[int, int, str, bool] | None) -> None:
    found = ranks_of(environment)
    assert (found and (found.rank, found.size, found.launcher, found.nearby)) == expected


def test_numbers_of_a_launcher_that_cannot_be(run: Run) -> None:
    outcome = run("sweep", env={"RANK": "2", "WORLD_SIZE": "2"})
    assert outcome.code == 2
    assert outcome.err == (
        "error: RANK=2 and WORLD_SIZE=2 in the environment are not a rank and a number of processes\n"
        "hint: unset them, or start this with torchrun\n"
    )


def test_several_machines_need_a_folder(run: Run) -> None:
    outcome = run("sweep", env={"RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "1"})
    assert outcome.code == 2
    assert outcome.err == (
        "error: 2 processes on several machines need a folder that they share for their parts\n"
        "hint: add --save map.npz, in a folder that all machines see\n"
    )


@pytest.mark.parametrize("started", [True, False])
def test_a_rank_without_a_sign_of_life_is_not_waited_for(
    there: Path, monkeypatch: pytest.MonkeyPatch, *, started: bool
) -> None:
    for name in ("_EVERY", "_LOST", "_STARTS", "_POLITE"):
        monkeypatch.setattr(ranks_module, name, 0.05)
    if started:
        (there / "map.npz.tiles").mkdir()
        (there / "map.npz.tiles" / "rank-1").write_text("run\n17\n")
    about = Ranks(rank=0, size=2, launcher="Slurm", run="run", nearby=True)
    state = "gives no sign of life any more" if started else "has not started"
    with (
        pytest.raises(OutsideError, match=f"rank 1 of 2 {state}"),
        Meeting(about, Kept("map.npz")).joined() as meeting,
    ):
        meeting.wait()
    assert (there / "map.npz.tiles" / "failed").read_text() == f"run\nrank 1 of 2 {state}\n"


def test_shards_are_every_nth_tile() -> None:
    assert list(read_shard("2/3").tiles(8)) == [1, 4, 7]
    assert list(read_shard(None).tiles(3)) == [0, 1, 2]
    assert sorted(t for i in range(1, 6) for t in Shard(i, 5).tiles(13)) == list(range(13))
