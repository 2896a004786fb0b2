"""``sweep --live``: the order of the cells, the figures on the way, what is on the terminal, and what is left."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Run, document
from msgspec.json import encode
from test_live import Terminal, live

from gdcli.cli.live.sweep import Pace
from gdcli.complete.sweep import complete_sweep
from gdcli.contract.figure import MapPanel, SweepCurvePanel
from gdcli.contract.sweep import SweepAxis, SweepSettings
from gdcli.sweeps.coarse import MovingMap, coarse_first, strides_of
from gdcli.sweeps.sweep import Sweep

__all__ = ["live"]  # the fixture

ALL = 1 << 20  # cells of a figure


def axes(*sizes: int) -> list[SweepAxis]:
    return [
        SweepAxis(name=name, kind="start", target=name, low=0.0, high=1.0, count=size)
        for name, size in zip("xy", sizes, strict=False)
    ]


def a_sweep(expression: str, *over: str, **settings: Any) -> Sweep:
    return Sweep(complete_sweep(SweepSettings(expression=expression, over=list(over), **settings)))


# The order


@pytest.mark.parametrize(
    "sizes", [(1,), (16,), (37,), (300,), (1, 1), (20, 20), (300, 300), (300, 5), (3, 100), (64, 33), (2000, 700)]
)
def test_each_cell_is_run_once(sizes: tuple[int, ...]) -> None:
    numbers = torch.cat(list(coarse_first(axes(*sizes))))
    assert torch.equal(numbers.sort().values, torch.arange(torch.tensor(sizes).prod()))


@pytest.mark.parametrize(("sizes", "first"), [((300,), 16), ((300, 300), 16), ((64, 512), 4)])
def test_order_is_coarse_first(sizes: tuple[int, ...], first: int) -> None:
    """Each pass has the places that are multiples of its strides, which are halved; the first has 16 to 31 an axis."""
    strides = strides_of(axes(*sizes))
    assert strides[0][0] == first
    assert all(16 <= -(-size // stride) <= 32 for size, stride in zip(sizes, strides[0], strict=True))
    assert all(b == [max(1, stride // 2) for stride in a] for a, b in pairwise(strides))
    assert set(strides[-1]) == {1}
    pieces = list(coarse_first(axes(*sizes)))
    assert len(pieces) == len(strides)
    for piece, stride in zip(pieces, strides, strict=True):
        places = [piece % sizes[0], piece // sizes[0]]
        assert all(bool((place % each == 0).all()) for place, each in zip(places, stride, strict=False))


def test_a_piece_of_a_pass_is_no_larger_than_memory_allows() -> None:
    assert max(map(len, coarse_first(axes(3000, 1000)))) <= 1 << 20


SWEEPS: list[tuple[str, list[str], dict[str, Any]]] = [
    ("himmelblau", ["x=-5:5:40", "y=-5:5:36"], {"lr": 0.01}),
    ("x**4 - x**2", ["lr=0.01:1:40", "x=-2:2:41"], {}),
    ("rosenbrock", ["lr=1e-4:1e-2:log:60"], {"measure": "loss"}),
    ("quadratic-10", ["lr=0.01:0.4:33", "momentum=0:0.95:34"], {"optimizer": "manual-momentum", "measure": "rate"}),
    ("sum(x**2)", ["seed=0:40"], {"values": {"x": "randn(3)"}}),
    ("sum((x - 1)**2)", ["seed=0:7", "lr=0.1:1.1:33"], {"values": {"x": "randn(3)"}, "optimizer": "adam"}),
    ("sum((W @ X - 1)**2)", ["lr=0.01:0.5:64"], {"values": {"W": "randn(2,3)", "X": "ones(3,4)"}, "wrt": ["W"]}),
    ("sin(exp(x)) + y**2", ["x=-1:1:33", "y=0:1:35"], {"optimizer": "adam", "schedule": "exponential",
                                                       "sched": {"gamma": 0.99}, "dtype": "float64"}),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("expression", "over", "settings"), SWEEPS)
def test_order_and_number_of_cells_change_nothing(
    tmp_path: Path, expression: str, over: list[str], settings: dict[str, Any]
) -> None:
    def told(sweep: Sweep) -> list[bytes]:
        """All that can be told of a sweep that has run."""
        file = tmp_path / "cells"
        saved = []
        for ending in (".npz", ".csv"):
            with file.open("wb") as stream:
                sweep.save_cells(ending, stream)
            saved.append(file.read_bytes())
        return [encode(sweep.record(cells=True)), encode(sweep.figure()), *saved]

    usual = a_sweep(expression, *over, **settings)
    for _ in usual:
        pass
    expected = told(usual)
    for together in (40, 1000):
        other = a_sweep(expression, *over, **settings)
        moving = MovingMap(other)
        chunks = [chunk for cells in coarse_first(other.axes) for chunk in torch.split(cells, together)]
        for i, _ in enumerate(other.run(chunks)):
            if i % 50 == 0:
                moving.figure(1000)
        assert told(other) == expected, together


# Figures on the way


def passes(sweep: Sweep) -> Callable[[int], None]:
    """A function that runs the cells of so many passes."""
    pieces = coarse_first(sweep.axes)

    def run(count: int) -> None:
        for _ in sweep.run(islice(pieces, count)):
            pass

    return run


def test_a_cell_that_was_not_run_looks_like_the_nearest_that_was() -> None:
    sweep = a_sweep("himmelblau", "x=-5:5:64", "y=-5:5:48", lr=0.01)
    passes(sweep)(1)
    ran = sweep.cells.status.reshape(48, 64) != 0
    assert ran.nonzero().tolist() == [[j, i] for j in range(0, 48, 2) for i in range(0, 64, 4)]
    whole = sweep.figure().panels[0]
    filled = MovingMap(sweep).figure(ALL).panels[0]
    assert isinstance(whole, MapPanel)
    assert isinstance(filled, MapPanel)
    assert (filled.x, filled.y, filled.columns, filled.rows) == (whole.x, whole.y, 64, 48)
    assert whole.group.count(255) == 64 * 48 - 16 * 24
    assert 255 not in filled.group
    label = {255: "", **{i: scale.label for i, scale in enumerate(whole.scales)}}
    for j in range(48):
        for i in range(64):
            near = min(range(0, 64, 4), key=lambda at, i=i: (abs(at - i), -at))
            below = min(range(0, 48, 2), key=lambda at, j=j: (abs(at - j), -at))
            assert filled.scales[filled.group[j * 64 + i]].label == label[whole.group[below * 64 + near]], (i, j)


@pytest.mark.parametrize("over", [["x=-5:5:40", "y=-5:5:40"], ["x=-5:5:40"]])
def test_last_figure_is_that_of_the_sweep(over: list[str]) -> None:
    sweep = a_sweep("himmelblau", *over, values={"y": "2"} if len(over) == 1 else {}, lr=0.01)
    run, moving = passes(sweep), MovingMap(sweep)
    for _ in strides_of(sweep.axes):
        run(1)
        panels = moving.figure(ALL).panels
    assert encode(panels) == encode(sweep.figure().panels)


def test_a_curve_leaves_out_what_was_not_run() -> None:
    sweep = a_sweep("rosenbrock", "lr=1e-4:1e-2:log:64", measure="loss")
    run, moving = passes(sweep), MovingMap(sweep)
    nothing = moving.figure(ALL).panels[0]
    assert isinstance(nothing, SweepCurvePanel)
    assert all(value != value for value in nothing.values)  # noqa: PLR0124 -- NaN
    run(1)
    panel = moving.figure(ALL).panels[0]
    assert isinstance(panel, SweepCurvePanel)
    assert panel.grid == [sweep.axes[0].number(i) for i in range(0, 64, 4)]
    assert (panel.x.low, panel.x.high, panel.x.log) == (1e-4, 1e-2, True)


def test_a_figure_has_about_as_many_cells_as_are_drawn() -> None:
    sweep = a_sweep("himmelblau", "x=-5:5:300", "y=-5:5:200", lr=0.01, steps=1)
    panel = MovingMap(sweep).figure(2500).panels[0]
    assert isinstance(panel, MapPanel)
    assert (panel.columns, panel.rows) == (50, 50)
    assert panel.group == bytes([255]) * 2500


def test_minima_keep_their_numbers() -> None:
    """Only the last place is right of the maximum at -0.05, in the basin of the lower minimum."""
    sweep = a_sweep("x**4 - x**2 - 0.1*x", "x=-1.2:-0.03:34", "lr=0.01,0.02", measure="minimum", steps=1000)
    run, moving = passes(sweep), MovingMap(sweep)
    labels = []
    for _ in strides_of(sweep.axes):
        run(1)
        panel = moving.figure(ALL).panels[0]
        assert isinstance(panel, MapPanel)
        labels.append([panel.scales[panel.group[place]].label for place in (0, 33)])
    assert labels == [["minimum 1", "minimum 1"], ["minimum 1", "minimum 2"]]
    last = sweep.figure().panels[0]
    assert isinstance(last, MapPanel)
    assert [last.scales[last.group[place]].label for place in (0, 33)] == ["minimum 2", "minimum 1"]


# The pace


@pytest.mark.parametrize(
    ("once", "per_cell", "least", "most"),
    [
        (0.0, 1e-3, 75, 300),  # cells cost what they cost: 0.15 s of them
        (1.0, 1e-6, 100_000, 1 << 20),  # almost all is the same for few and for many
        (0.0, 1e-7, 1 << 20, 1 << 20),
        (0.0, 10.0, 16, 16),
    ],
)
def test_pace(once: float, per_cell: float, least: int, most: int) -> None:
    pace = Pace()
    for _ in range(4):
        pace.begin_pass()
        for _ in range(20):
            pace.learn(pace.cells, once + pace.cells * per_cell)
    assert least <= pace.cells <= most


# On a terminal

LIVE = ["sweep", "himmelblau", "--over", "x=-5:5:40", "--over", "y=-5:5:40", "--lr", "0.01"]
SLOW = ["sweep", "himmelblau", "--over", "x=-5:5:300", "--over", "y=-5:5:300", "--lr", "0.0001", "--live"]
SLOW += ["--steps", "100000", "--tol-grad", "1e-30", "--engine", "replay"]


def cells_of(screen: str) -> int:
    found = re.search(r"([\d,]+) of [\d,]+ cells", screen)
    return int(found[1].replace(",", "")) if found else -1


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_report_is_the_usual_one(live: Callable[..., Terminal], columns: int) -> None:
    terminal = live(*LIVE, "--live", size=(columns, 24), NO_COLOR="1")
    assert terminal.end() == 0
    assert terminal.frames >= 1
    assert terminal.after == terminal.before
    expected = live(*LIVE, size=(columns, 24), NO_COLOR="1")
    assert expected.end() == 0
    assert terminal.seen.rpartition("\x1b[?25h")[2] == expected.seen


@pytest.mark.slow
@pytest.mark.parametrize("words", [LIVE, ["sweep", "rosenbrock", "--over", "lr=1e-4:1e-2:log:60"]])
def test_every_file_is_the_same(live: Callable[..., Terminal], run: Run, tmp_path: Path, words: list[str]) -> None:
    names = ["map.png", "map.svg", "map.npz", "map.csv", "table.svg"]  # a page has the command in it
    for folder in ("with", "without"):
        (tmp_path / folder).mkdir()
    saving = {f: [w for n in names for w in ("--save", str(tmp_path / f / n))] for f in ("with", "without")}
    record = tmp_path / "with" / "record.json"
    terminal = live(*words, "--live", "--json", "--cells", "--output", str(record), *saving["with"])
    assert terminal.end() == 0, terminal.seen
    assert run(*words, "--json", "--cells", *saving["without"]).out == record.read_text()
    for name in names:
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize(("key", "code", "by"), [("q", 0, " by q"), ("\x03", 130, "")])
def test_ending_it_keeps_what_is_finished(
    live: Callable[..., Terminal], tmp_path: Path, key: str, code: int, by: str
) -> None:
    words = ["--over", "x=-5:5:60", "--over", "y=-5:5:60", "--lr", "0.0001", "--steps", "4000", "--tol-grad", "1e-30"]
    file = tmp_path / "record.json"
    terminal = live("sweep", "himmelblau", *words, "--live", "--json", "--cells", "--output", str(file))
    terminal.wait(lambda screen: cells_of(screen) > 0)
    terminal.press(" ")
    terminal.wait(lambda screen: "paused" in screen)
    before = cells_of(terminal.wait(lambda screen: "space resume   q stop" in screen))
    terminal.press(key)
    assert terminal.end() == code
    assert terminal.after == terminal.before
    record = document(file.read_text())
    assert record["status"] == "interrupted"
    finished = sum(status != "interrupted" for status in record["grid"]["status"])
    assert finished >= before > 0
    message = f"interrupted{by} after {finished:,} of 3,600 cells; the others were not run"
    assert record["message"] == message


@pytest.mark.slow
def test_a_frame_comes_while_the_first_cells_run(live: Callable[..., Terminal]) -> None:
    terminal = live(*SLOW)
    screen = terminal.wait(lambda screen: "0 of 90,000 cells" in screen)
    assert screen.startswith("sweep himmelblau ")
    assert "space pause   q stop" in screen
    assert "step" not in screen.splitlines()[-1]
    terminal.press("q")
    assert terminal.end() == 0
    assert "interrupted by q after 0 of 90,000 cells; the others were not run" in terminal.printed


@pytest.mark.slow
def test_pause_holds_and_other_keys_do_nothing(live: Callable[..., Terminal]) -> None:
    terminal = live(*SLOW)
    terminal.wait(lambda screen: "running" in screen)
    terminal.press("+-\x1b[D\x1b[C\x1b[H\x1b[F")
    terminal.press(" ")
    screen = terminal.wait(lambda screen: "paused" in screen)
    share = re.search(r"([\d.]+)%", screen)
    terminal.press(" ")
    terminal.wait(lambda screen: "running" in screen and re.search(r"([\d.]+)%", screen) != share)
    terminal.press("q")
    assert terminal.end() == 0


def test_without_a_terminal_it_is_an_error(run: Run) -> None:
    outcome = run(*LIVE, "--live")
    assert outcome.code == 2
    assert outcome.err.startswith("error: --live needs a terminal, but standard output is a pipe or a file\n")
    assert run(*LIVE, "--screen").err.startswith("error: --screen needs --live\n")


def test_sweep_has_no_delay(run: Run) -> None:
    outcome = run(*LIVE, "--live", "--delay", "1")
    assert outcome.err.startswith("error: sweep has no option '--delay'\n")
    shown = run("sweep", "--help").out
    assert "from coarse to fine" in " ".join(shown.split())
    assert "--delay" not in shown
