"""Checkpoints of a regression: a run that was ended anywhere goes on to the same bits."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from conftest import Run

from gdcli.contract.regression import RegressionSettings
from gdcli.regression.checkpoint import Checkpoint
from gdcli.regression.fit import Fit
from gdcli.render.documents import json_line


@pytest.fixture
def data(tmp_path: Path) -> str:
    """150 rows of two columns and a target."""
    draw = random.Random(3)
    lines = ["a,b,y"]
    for _ in range(150):
        a, b = draw.gauss(3, 2), draw.gauss(0, 1)
        lines.append(f"{a:.6f},{b:.6f},{2 * a - 3 * b + draw.gauss(0, 0.5):.6f}")
    path = tmp_path / "data.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


class KilledError(Exception):
    """Instead of a signal."""


def record(fit: Fit) -> dict[str, Any]:
    return json.loads(json_line(fit.result()))


def killed_at(settings: RegressionSettings, folder: Path, checkpoints: int, *, resume: bool) -> None:
    """Run, with a checkpoint after every update, until so many were made."""
    made, keep = 0, Checkpoint.keep

    def count(checkpoint: Checkpoint, updates: int, state: dict[str, Any]) -> None:
        nonlocal made
        keep(checkpoint, updates, state)
        made += 1
        if made == checkpoints:
            raise KilledError

    fit = Fit(settings)
    with mock.patch.object(Checkpoint, "keep", count), mock.patch.object(Checkpoint, "is_due", return_value=True):
        fit.keep_in(str(folder), resume=resume)
        with pytest.raises(KilledError):
            fit.result()


BATCHES = {"batch_size": 40, "lr": 0.05}  # four in an epoch
RUNS: dict[str, dict[str, Any]] = {
    "all rows": {"epochs": 12},
    "momentum and a schedule": {
        "epochs": 12,
        "optimizer": "manual-momentum",
        "lr": 0.05,
        "schedule": "step",
        "sched": {"step_size": 3},
    },
    "lbfgs": {"epochs": 12, "optimizer": "lbfgs", "lr": 0.01, "dtype": "float64"},
    "l1": {"epochs": 12, "l1": 0.2},
    "a tolerance": {"epochs": 60, "lr": 0.1, "tol_loss": [1e-3]},
    "batches": {**BATCHES, "epochs": 4},
    "batches by step": {**BATCHES, "epochs": 4, "per": "step", "schedule": "exponential", "sched": {"gamma": 0.9}},
    "adam, with validation": {**BATCHES, "epochs": 4, "optimizer": "adam", "validate": 0.2},
    "clipping": {**BATCHES, "epochs": 4, "optimizer": "manual-adam", "clip_norm": 2.0},
    "read again": {**BATCHES, "epochs": 4, "in_memory": "no"},
    "in the order of the file": {**BATCHES, "epochs": 4, "shuffle": False, "optimizer": "rmsprop", "lr": 0.01},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_was_killed_goes_on_to_the_same_record(data: str, tmp_path: Path, name: str) -> None:
    settings = RegressionSettings(data=[data], target="y", diagnose=False, **RUNS[name])
    expected = record(Fit(settings))
    for checkpoints in (1, 4, 7):
        folder = tmp_path / f"kept-{checkpoints}"
        killed_at(settings, folder, checkpoints, resume=False)
        resumed = Fit(settings)
        resumed.keep_in(str(folder), resume=True)
        assert record(resumed) == expected
    killed_at(settings, folder, 2, resume=True)  # once more, later on
    resumed = Fit(settings)
    resumed.keep_in(str(folder), resume=True)
    assert record(resumed) == expected


@pytest.mark.slow
def test_checkpoints_of_another_fit_are_refused(run: Run, data: str, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    killed_at(RegressionSettings(data=[data], target="y", epochs=5), folder, 2, resume=False)
    words = ("fit-linear", data, "--target", "y", "--checkpoint", str(folder))
    outcome = run(*words, "--epochs", "5")
    assert outcome.code == 2
    assert outcome.err == (
        f"error: there is a checkpoint in {folder} already\n"
        f"hint: add --resume to go on from there; rm -r {folder} begins anew; or name another folder\n"
    )
    outcome = run(*words, "--epochs", "6", "--resume")
    assert outcome.code == 2
    assert outcome.err == (
        f"error: the checkpoint in {folder} is of another fit: epochs is 5 there, and 6 here\n"
        f"hint: rm -r {folder} begins anew; or name another folder\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume"], "--resume goes on from a checkpoint, and no folder of checkpoints is named"),
        (["--checkpoint", "kept", "--code"], "--code runs nothing, so there is nothing to keep"),
    ],
)
def test_options_that_need_each_other(run: Run, data: str, words: list[str], message: str) -> None:
    outcome = run("fit-linear", data, "--target", "y", *words)
    assert (outcome.code, outcome.out, outcome.err.splitlines()[0]) == (2, "", f"error: {message}")


def test_a_folder_that_cannot_be_made_is_told(run: Run, data: str) -> None:
    outcome = run("fit-linear", data, "--target", "y", "--checkpoint", f"{data}/kept")
    assert outcome.code == 1
    assert outcome.err == f"error: cannot keep checkpoints in {data}/kept: Not a directory\n"
