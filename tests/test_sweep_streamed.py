"""Sweeps whose result is too large for memory: their files and their record are those of one that fits."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import pytest
from conftest import Run
from msgspec.structs import replace

import gdcli.complete.sweep_checks
import gdcli.sweeps.sweep
from gdcli.cli.output import Output
from gdcli.cli.streamed import check_size
from gdcli.complete.sweep import complete_sweep
from gdcli.contract.figure import MapPanel
from gdcli.contract.sweep import SweepSettings
from gdcli.errors import GdcliError
from gdcli.sweeps.saved import writer_of
from gdcli.sweeps.streamed import Streamed
from gdcli.sweeps.sweep import Sweep

KNOWN = SweepSettings(expression="himmelblau", over=["x=-5:5:110", "y=-5:5:160"], lr=0.01, steps=40)
FOUND = SweepSettings(
    expression="(x**2 - 1)**2 + y**2", over=["lr=0.01:1:log:130", "x=-2:2:140"], values={"y": "1"}, steps=60
)
SEEDS = SweepSettings(
    expression="sum((x - a)**2)", over=["seed=0:6", "lr=0.01:1.2:3000"], values={"x": "randn(3)", "a": "1"}, wrt=["x"],
    steps=20, measure="rate",
)  # fmt: skip
SWEEPS = {
    "known minima": KNOWN,
    "minima found": FOUND,
    "distance": replace(KNOWN, measure="distance"),
    "seeds and rate": SEEDS,
    "maximized": replace(FOUND, expression="-(x**2 - 1)**2 - y**2", maximize=True),
}


@pytest.fixture(autouse=True)
def one_tile_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gdcli.sweeps.sweep, "_CHUNK", 1)


def run_in_memory(settings: SweepSettings) -> Sweep:
    sweep = Sweep(settings)
    for _ in sweep:
        pass
    return sweep


def streamed(settings: SweepSettings, folder: Path, most: int = 10**6) -> Streamed:
    """Run, with a file of each kind."""
    found = Streamed(settings, most)
    with contextlib.ExitStack() as stack:
        writers = []
        for ending in (".npz", ".csv", ".parquet"):
            file = stack.enter_context((folder / f"streamed{ending}").open("wb"))
            writers.append(stack.enter_context(contextlib.closing(writer_of(found.sweep, ending, file))))
        for _ in found.run(writers):
            pass
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", SWEEPS)
def test_streamed_files_and_record_are_those_of_a_sweep_in_memory(name: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    settings = complete_sweep(SWEEPS[name])
    whole, found = run_in_memory(settings), streamed(settings, tmp_path)
    for ending in (".npz", ".csv"):
        with (tmp_path / f"whole{ending}").open("wb") as file:
            whole.save_cells(ending, file)
        assert (tmp_path / f"streamed{ending}").read_bytes() == (tmp_path / f"whole{ending}").read_bytes(), ending
    with (tmp_path / "whole.parquet").open("wb") as file:
        whole.save_cells(".parquet", file)
    tables = [pq.read_table(tmp_path / f"{each}.parquet") for each in ("streamed", "whole")]
    assert tables[0].schema == tables[1].schema
    assert repr(tables[0].to_pydict()) == repr(tables[1].to_pydict())  # where NaN is NaN
    (notice,) = found.record().warnings
    assert notice.code == "thinned"
    assert replace(found.record(), warnings=[]) == whole.record()
    assert found.figure().panels == whole.figure().panels


@pytest.mark.slow
def test_thinned_grid_has_cells_of_the_grid_and_says_how_many(tmp_path: Path) -> None:
    settings = complete_sweep(FOUND)
    whole, found = run_in_memory(settings), streamed(settings, tmp_path, 900)
    (panel,), (all_cells,) = found.figure().panels, whole.figure().panels
    assert isinstance(panel, MapPanel)
    assert isinstance(all_cells, MapPanel)
    assert (panel.columns, panel.rows) == (30, 30)
    assert (panel.x, panel.y) == (all_cells.x, all_cells.y)
    kept = [[round(k * (count - 1) / 29) for k in range(30)] for count in (130, 140)]
    labels, all_labels = ([scale.label for scale in each.scales] for each in (panel, all_cells))
    assert [labels[group] for group in panel.group] == [
        all_labels[all_cells.group[j * 130 + i]] for j in kept[1] for i in kept[0]
    ]
    (remark,) = found.figure().remarks
    assert remark.message == (
        "the picture has 30 x 30 of 130 x 140 cells, evenly spaced, and the minima are those that these reach"
    )
    record = found.record()
    assert (record.cells, record.statuses) == (130 * 140, whole.record().statuses)
    assert record.run_steps == whole.run_steps
    assert [axis.numbers() for axis in found.record_drawn().axes] == [
        [axis.number(k) for k in places] for axis, places in zip(record.axes, kept, strict=True)
    ]


WORDS = ["sweep", "x**2 + y**2", "--over", "x=-1:1:200", "--over", "y=-1:1:200", "--steps", "3"]


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """At most 10,000 cells of two numbers in float32 fit."""
    monkeypatch.setattr(gdcli.complete.sweep_checks, "MOST_BYTES", 210_000)
    monkeypatch.chdir(tmp_path)
    return tmp_path


NEED_ALL = [
    ([], "memory", "add"),
    (["--save", "map.png"], "memory", "add"),
    (["--csv", "--save", "map.npz"], "--csv", "leave out --csv, and add"),
    (["--json", "--cells", "--save", "map.npz"], "--cells", "leave out --cells, and add"),
    (["--shard", "1/2", "--save", "map.npz"], "--shard", "leave out --shard, and add"),
    (["--resume", "--save", "map.npz"], "--resume", "leave out --resume, and add"),
]


@pytest.mark.parametrize(("more", "keeps", "way_out"), NEED_ALL, ids=[" ".join(each[0]) for each in NEED_ALL])
@pytest.mark.usefixtures("little_memory")
def test_grid_that_does_not_fit_is_refused_where_all_cells_are_needed(
    run: Run, more: list[str], keeps: str, way_out: str
) -> None:
    outcome = run(*WORDS, *more)
    assert outcome.code == 2
    error, hint = outcome.err.splitlines()[-2:]
    assert error.endswith(f"40,000 cells, and {keeps} keeps at most 0.00021 GB")
    assert hint.startswith(f"hint: {way_out} --save map.npz, which takes the cells as they are run; or fewer: ")


@pytest.mark.usefixtures("little_memory")
def test_grid_that_does_not_fit_is_not_shown_live() -> None:
    settings = complete_sweep(SweepSettings(expression="x**2 + y**2", over=["x=-1:1:200", "y=-1:1:200"]))
    check_size(settings, Output(save=["map.npz"]))
    with pytest.raises(GdcliError, match="and --live keeps at most"):
        check_size(settings, Output(save=["map.npz"], live=True))


@pytest.mark.slow
def test_grid_that_does_not_fit_is_saved(run: Run, little_memory: Path) -> None:
    outcome = run(*WORDS, "--save", "map.npz", "--save", "map.csv", "--save", "map.png", "--save", "map.html")
    assert outcome.code == 0
    assert outcome.err == "".join(f"saved map.{ending}\n" for ending in ("npz", "csv", "png", "html"))
    assert "note: the picture has 200 x 200 of 200 x 200 cells" in outcome.out
    assert len((little_memory / "map.csv").read_text().splitlines()) == 40_001


def test_streamed_sweep_that_is_interrupted_saves_nothing(
    run: Run, little_memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiles = Sweep.look_at

    def look_at(sweep: Sweep, cells: object) -> None:
        tiles(sweep, cells)  # type: ignore[arg-type]
        if sweep.first:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Sweep, "look_at", look_at)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in the background
    files = [word for name in ("map.npz", "map.csv", "map.parquet") for word in ("--save", name)]
    try:
        outcome = run(*WORDS, *files)
    finally:
        signal.signal(signal.SIGINT, before)
    assert outcome.code == 130
    assert outcome.err.endswith(
        "interrupted after 16,384 of 40,000 cells; map.npz and map.csv and map.parquet were not saved\n"
    )
    assert list(little_memory.iterdir()) == []
