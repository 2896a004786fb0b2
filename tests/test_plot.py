"""Pictures in a terminal: ``--plot`` and ``gdcli plot``, at every width, with and without colours and Unicode.

``python tests/test_plot.py`` draws the snapshots in tests/pictures anew.
"""

from __future__ import annotations

import functools
import io
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from pathlib import Path as FilePath
from typing import Any

import pytest
from conftest import Run
from rich.cells import cell_len
from rich.color import Color
from rich.console import Console
from rich.text import Text

import gdcli
from gdcli.contract.compare import CompareSettings
from gdcli.contract.figure import Axis, ContourPanel, Figure, FunctionPanel
from gdcli.landscape.descent import figure_of
from gdcli.landscape.race import race_figure
from gdcli.landscape.trail import Trail
from gdcli.race.race import Race
from gdcli.render.terminal.palette import (
    DIVERGING,
    LINES,
    MUTED,
    MUTED_OF_256,
    SCALE,
    SCALE_OF_16,
    SCALE_OF_256,
    Rgb,
    between,
    luminance,
)
from gdcli.render.terminal.picture import Picture
from gdcli.render.terminal.ticks import three_digits, ticks

SNAPSHOTS = FilePath(__file__).parent / "pictures"
WIDTHS = (60, 80, 120)
WIDTHS_OF_TERMINALS = (40, 60, 61, 75, 76, 79, 99, 100, 133, 200)
ENCODINGS = ("utf-8", "ascii")


def of_descent(descent: Any, title: str) -> Figure:
    trail = Trail("run")
    for state in descent.states():
        trail.add(state)
    return figure_of(descent, title, trail)


def of_race() -> Figure:
    race = Race(CompareSettings(expression="himmelblau", optimizer=["sgd", "adam"], lr=0.01, steps=30))
    for _ in race:
        pass
    return race_figure(race, race.record())


quiet = {"diagnose": False}
FIGURES: dict[str, Callable[[], Figure]] = {
    "parabola": lambda: of_descent(gdcli.minimize(settings=quiet), "minimize (x - 1.5)**2"),
    "diverging": lambda: of_descent(gdcli.minimize(lr=1.5, settings=quiet), "minimize (x - 1.5)**2"),
    "himmelblau": lambda: of_descent(gdcli.minimize("himmelblau", lr=0.01, settings=quiet), "minimize himmelblau"),
    "five": lambda: of_descent(gdcli.minimize("rosenbrock", dim=5, lr=5e-4, settings=quiet), "minimize rosenbrock"),
    "layer": lambda: of_descent(gdcli.fit_linear(steps=2, settings=quiet), "fit W"),
    "field": lambda: gdcli.plot("log(x) + y**2", x="-1:3", y="-2:2", field=True).figure,
    "tan": lambda: gdcli.plot("tan(x)", x="-2:5", field=True).figure,
    "race": of_race,
}


@functools.cache
def figure(name: str) -> Figure:
    return FIGURES[name]()


def plain(shown: Figure, width: int, encoding: str = "utf-8") -> str:
    """A picture without colours, as in a pipe."""
    bytes_ = io.BytesIO()
    file = io.TextIOWrapper(bytes_, encoding, newline="")
    Console(file=file, width=width, color_system=None).print(Picture(shown))
    file.flush()
    return "".join(f"{line.rstrip()}\n" for line in bytes_.getvalue().decode(encoding).splitlines())


def coloured(shown: Figure, width: int, system: Any = "truecolor", height: int = 40) -> list[Text]:
    """The lines of a picture on a terminal with colours."""
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, force_terminal=True, color_system=system, no_color=False)
    console.print(Picture(shown))
    return [Text.from_ansi(line) for line in file.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def terminal_of_many_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


# Snapshots


def snapshots() -> Iterator[tuple[FilePath, str]]:
    for name, width, encoding in product(FIGURES, WIDTHS, ENCODINGS):
        yield SNAPSHOTS / f"{name}-{width}-{encoding}.txt", plain(figure(name), width, encoding)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_is_as_it_was(name: str, width: int, encoding: str) -> None:
    path = SNAPSHOTS / f"{name}-{width}-{encoding}.txt"
    assert plain(figure(name), width, encoding) == path.read_text(encoding="utf-8")


# Size


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", FIGURES)
def test_no_line_is_wider_than_the_terminal(name: str, encoding: str) -> None:
    for width in WIDTHS_OF_TERMINALS:
        lines = plain(figure(name), width, encoding).splitlines()
        assert max(map(cell_len, lines)) <= width


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_no_line_in_colours_is_wider_than_the_terminal(name: str) -> None:
    for width in WIDTHS_OF_TERMINALS:
        assert all(cell_len(line.plain) <= width for line in coloured(figure(name), width))


@pytest.mark.parametrize("width", [60, 75, 76, 120])
def test_panels_are_side_by_side_where_there_is_room(width: int) -> None:
    lines = plain(figure("parabola"), width).splitlines()
    headers = [line.split() for line in lines if line.split() and set(line.split()) == {"loss"}]
    assert headers == ([["loss"], ["loss"]] if width < 76 else [["loss", "loss"]])


@pytest.mark.parametrize("height", [10, 24, 30, 50])
def test_a_picture_takes_what_the_screen_has(height: int) -> None:
    lines = coloured(figure("himmelblau"), 100, height=height)
    assert len(lines) == max(10, min(28, height - 10)) + 10


def test_contours_to_one_scale_are_twice_as_wide_as_high_in_cells() -> None:
    for width in (60, 80, 120):
        lines = plain(figure("himmelblau"), width).splitlines()
        rows = [line for line in lines if re.search(r"[┤│][░▒▓█·]", line)]
        cells = {len(re.search(r"[┤│]([^┤│]+)$", line)[1]) for line in rows}  # type: ignore[index]
        assert cells == {2 * len(rows)}


# Contours


class Place:
    """Where things are in a picture with colours that is one contour panel alone, or the right one of two."""

    def __init__(self, lines: list[Text], panel: ContourPanel | FunctionPanel) -> None:
        self.lines = lines
        self.panel = panel
        bottom = max(i for i, line in enumerate(lines) if "└" in line.plain)
        self.left = lines[bottom].plain.rindex("└") + 1
        self.width = len(re.match(r"[─┬]+", lines[bottom].plain[self.left :])[0])  # type: ignore[index]
        top = bottom
        while self.left - 1 < len(lines[top - 1]) and lines[top - 1].plain[self.left - 1] in "│┤":
            top -= 1
        self.top, self.height = top, bottom - top

    def cell(self, x: float, y: float) -> tuple[int, int]:
        across = min(self.width - 1, int(share(self.panel.x, x) * self.width))
        up = min(self.height - 1, int(share(self.panel.y, y) * self.height))
        return self.left + across, self.top + self.height - 1 - up

    def sign(self, cell: tuple[int, int]) -> str:
        return self.lines[cell[1]].plain[cell[0]]

    def style(self, cell: tuple[int, int]) -> Any:
        return self.lines[cell[1]].get_style_at_offset(Console(), cell[0])


def share(axis: Axis, number: float) -> float:
    return (number - axis.low) / (axis.high - axis.low)


def right_panel(shown: Figure) -> Any:
    return shown.panels[-1]


def color_of(band: int, bands: int = 12) -> Rgb:
    return between(SCALE, band / (bands - 1))


def band_of(panel: ContourPanel, x: float, y: float) -> int:
    """The band of the nearest point of the grid."""
    j = min(range(len(panel.grid_x)), key=lambda k: abs(panel.grid_x[k] - x))
    i = min(range(len(panel.grid_y)), key=lambda k: abs(panel.grid_y[k] - y))
    return sum(level <= panel.z[i][j] for level in panel.levels)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_path_is_where_the_path_is(width: int) -> None:
    panel = right_panel(figure("himmelblau"))
    place = Place(coloured(figure("himmelblau"), width), panel)
    (path,) = panel.paths
    for x, y in zip(path.x, path.y, strict=True):
        sign = place.sign(place.cell(x, y))
        assert sign in set("○●•") or "⠀" < sign <= "⣿"
    signs = {mark.kind: place.sign(place.cell(mark.x, mark.y)) for mark in panel.marks if mark.kind != "minimum"}
    assert signs == {"start": "○", "end": "●"}
    others = [mark for mark in panel.marks if mark.kind == "minimum"]
    ends = place.cell(path.x[-1], path.y[-1])
    assert [place.sign(place.cell(m.x, m.y)) for m in others if place.cell(m.x, m.y) != ends] == ["✕"] * 3


def test_elsewhere_there_is_no_path() -> None:
    panel = right_panel(figure("himmelblau"))
    place = Place(coloured(figure("himmelblau"), 80), panel)
    taken = [place.cell(x, y) for path in panel.paths for x, y in zip(path.x, path.y, strict=True)]
    taken += [place.cell(mark.x, mark.y) for mark in panel.marks]
    for row in range(place.top, place.top + place.height):
        for column in range(place.left, place.left + place.width):
            far = min(math.dist((column, row), cell) for cell in taken) > 3
            assert not far or place.sign((column, row)) in {" ", "▀"}


@pytest.mark.slow
def test_a_contour_has_two_colours_a_cell() -> None:
    shown = gdcli.plot("x**2 + y**2", x="-2:2", y="-2:2").figure
    panel = right_panel(shown)
    place = Place(coloured(shown, 80), panel)
    halves = 0
    for row in range(place.height):
        for column in range(place.width):
            cell = place.left + column, place.top + row
            x = panel.x.low + (column + 0.5) / place.width * (panel.x.high - panel.x.low)
            style = place.style(cell)
            found = [style.bgcolor.triplet] if place.sign(cell) == " " else [style.color.triplet, style.bgcolor.triplet]
            halves += len(found) == 2
            for part, color in enumerate(found if len(found) == 2 else found * 2):
                down = (row + (part + 0.5) / 2) / place.height
                y = panel.y.high - down * (panel.y.high - panel.y.low)
                near = {color_of(min(11, max(0, band_of(panel, x, y) + change))) for change in (-1, 0, 1)}
                assert tuple(color) in near
    assert halves > 50


def test_signs_can_be_read_on_their_ground() -> None:
    panel = right_panel(figure("himmelblau"))
    place = Place(coloured(figure("himmelblau"), 80), panel)
    assert {mark.kind for mark in panel.marks} == {"start", "end", "minimum"}
    for mark in panel.marks:
        style = place.style(place.cell(mark.x, mark.y))
        light, dark = sorted([luminance(style.color.triplet), luminance(style.bgcolor.triplet)], reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 4.5


def test_what_is_not_defined_is_blank() -> None:
    shown = figure("field")
    place = Place(coloured(shown, 80), right_panel(shown))
    for row in range(place.top, place.top + place.height):
        assert place.sign((place.left, row)) == " "
        assert place.style((place.left, row)).bgcolor is None
        assert place.style((place.left + place.width - 1, row)).bgcolor is not None


def test_arrows_point_uphill() -> None:
    shown = gdcli.plot("x + 0*y", x="-2:2", y="-2:2", field=True).figure
    place = Place(coloured(shown, 80), right_panel(shown))
    signs = {
        place.sign((column, row))
        for row in range(place.top, place.top + place.height)
        for column in range(place.left, place.left + place.width)
    }
    assert signs - {" ", "▀"} == {"→"}


@pytest.mark.parametrize(("system", "known"), [("256", SCALE_OF_256), ("standard", SCALE_OF_16)])
def test_fewer_colours_are_those_of_the_scale(system: str, known: tuple[int, ...]) -> None:
    shown = gdcli.plot("rosenbrock").figure
    lines = coloured(shown, 80, system)
    place = Place(lines, right_panel(shown))
    found = set()
    for row in range(place.top, place.top + place.height):
        for column in range(place.left, place.left + place.width):
            style = place.style((column, row))
            found |= {color.number for color in (style.color, style.bgcolor) if color is not None}
    assert found <= set(known)
    assert len(found) > len(known) / 2


def test_several_paths_have_colours_of_their_own_on_grey() -> None:
    shown = figure("race")
    panel = right_panel(shown)
    place = Place(coloured(shown, 120), panel)
    greys = {between(MUTED, i / 11) for i in range(12)}
    colors = set()
    for row in range(place.top, place.top + place.height):
        for column in range(place.left, place.left + place.width):
            style = place.style((column, row))
            assert tuple(style.bgcolor.triplet) in greys
            if place.sign((column, row)) in "ab":
                colors.add((place.sign((column, row)), tuple(style.color.triplet)))
    assert len(colors) == 2
    assert len({color for _, color in colors}) == 2


# Colours


def lightness(color: Rgb) -> float:
    """L* of CIELAB, from 0 to 100."""
    y = luminance(color)
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def of_256(number: int) -> Rgb:
    red, green, blue = Color.from_ansi(number).get_truecolor()
    return red, green, blue


@pytest.mark.parametrize(
    "colors",
    [
        pytest.param([between(SCALE, i / 11) for i in range(12)], id="scale"),
        pytest.param([between(MUTED, i / 11) for i in range(12)], id="muted"),
        pytest.param(list(map(of_256, MUTED_OF_256)), id="muted of 256"),
    ],
)
def test_a_scale_gets_lighter_in_even_steps(colors: list[Rgb]) -> None:
    steps = [lightness(b) - lightness(a) for a, b in pairwise(colors)]
    assert min(steps) > 0.6 * sum(steps) / len(steps)


def test_the_scale_of_256_gets_lighter() -> None:
    values = [lightness(of_256(number)) for number in SCALE_OF_256]
    assert values == sorted(set(values))


def test_negative_and_positive_numbers_are_told_apart_in_hue_and_their_size_in_lightness() -> None:
    for share in (0.25, 0.5, 1.0):
        negative, positive = between(DIVERGING, 0.5 - share / 2), between(DIVERGING, 0.5 + share / 2)
        assert negative[2] > negative[0]
        assert positive[0] > positive[2]
    values = [lightness(color) for color in DIVERGING]
    assert values[0] < values[1] < values[2] > values[3] > values[4]


@pytest.mark.parametrize("color", LINES)
def test_lines_show_on_black_and_on_white(color: Rgb) -> None:
    assert 1.05 / (luminance(color) + 0.05) > 2.8
    assert (luminance(color) + 0.05) / 0.05 > 2.8


# Functions


def test_the_end_of_a_path_on_a_curve_is_where_it_is() -> None:
    panel = right_panel(figure("parabola"))
    place = Place([Text(line) for line in plain(figure("parabola"), 80).splitlines()], panel)
    marks = {mark.kind: place.sign(place.cell(mark.x, mark.y)) for mark in panel.marks}
    assert marks == {"start": "○", "end": "●"}


def test_a_curve_is_where_the_function_is() -> None:
    shown = gdcli.plot("x**2", x="-2:2").figure
    panel = right_panel(shown)
    place = Place([Text(line) for line in plain(shown, 80).splitlines()], panel)
    for x, y in zip(panel.grid, panel.values, strict=True):
        column, row = place.cell(x, y)
        signs = [place.lines[r].plain.ljust(80)[column] for r in (row - 1, row, row + 1) if r < len(place.lines)]
        assert any("⠀" < sign <= "⣿" for sign in signs)


def test_a_pole_is_no_line() -> None:
    text = plain(gdcli.plot("tan(x)", x="0:3").figure, 80)
    lines = text.splitlines()
    place = Place([Text(line) for line in lines], right_panel(gdcli.plot("tan(x)", x="0:3").figure))
    column, _ = place.cell(math.pi / 2, 0)
    middle = place.top + place.height // 2
    assert lines[middle].ljust(80)[column - 1 : column + 2].strip() == ""


# Axes


@pytest.mark.parametrize(
    ("axis", "most", "labels"),
    [
        (Axis("x", 0, 10), 6, ["0", "2", "4", "6", "8", "10"]),
        (Axis("x", 0, 10), 3, ["0", "5", "10"]),
        (Axis("x", -1.5, 1.5), 4, ["-1", "0", "1"]),
        (Axis("x", -1.5, 1.5), 7, ["-1.5", "-1.0", "-0.5", "0", "0.5", "1.0", "1.5"]),
        (Axis("x", 0, 1, whole=True), 10, ["0", "1"]),
        (Axis("x", 0, 250_000), 3, ["0", "1e5", "2e5"]),
        (Axis("x", 0, 30_000), 4, ["0", "10000", "20000", "30000"]),
        (Axis("x", 0, 3e-6), 4, ["0", "1e-6", "2e-6", "3e-6"]),
        (Axis("x", 1000.0, 1000.004), 3, ["1000.000", "1000.002", "1000.004"]),
        (Axis("x", 0.02, 300, log=True), 5, ["0.1", "1", "10", "100"]),
        (Axis("x", 0.9, 30, log=True), 6, ["1", "2", "5", "10", "20"]),
        (Axis("x", 1e-12, 1, log=True), 5, ["1e-12", "1e-9", "1e-6", "0.001", "1"]),
        (Axis("x", 1e-300, 1e300, log=True), 4, ["1e-200", "1", "1e200"]),
    ],
)
def test_ticks_are_round_numbers(axis: Axis, most: int, labels: list[str]) -> None:
    found = ticks(axis, most)
    assert [text for _, text in found] == labels
    assert [number for number, _ in found] == pytest.approx([float(text) for text in labels], rel=1e-9)
    assert all(axis.low <= number <= axis.high for number, _ in found)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0"), (-0.0, "0"), (1.0, "1"), (1234.5, "1.23e3"), (1000, "1000"), (0.001, "0.001"), (1e-4, "1e-4")],
)
def test_short_numbers(number: float, text: str) -> None:
    assert three_digits(number) == text


# The command line


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["minimize", "--plot"],
        ["minimize", "rosenbrock", "--lr", "1e-3", "--plot"],
        ["fit-linear", "--plot"],
        ["compare", "quadratic-10", "--steps", "20", "--plot"],
        ["plot"],
        ["plot", "x**2 + y", "--field"],
    ],
)
def test_in_a_pipe_a_picture_is_plain_text(run: Run, words: list[str]) -> None:
    outcome = run(*words)
    assert (outcome.code, outcome.err) == (0, "")
    assert "\x1b" not in outcome.out
    assert "└" in outcome.out
    assert not re.search(r"[ \u2800]$", outcome.out, re.MULTILINE)
    assert max(map(cell_len, outcome.out.splitlines())) <= 80


def test_a_picture_takes_the_place_of_the_table(run: Run) -> None:
    outcome = run("minimize", "--plot", "--no-diagnose")
    assert outcome.out.startswith(
        "minimize (x - 1.5)**2 over x\nstopped after 100 steps\nx = 1.5\nloss 5.68434e-14; "
        "the smallest was 5.68434e-14 at iteration 72\n\nmanual, lr 0.1, 100 steps\n\nloss  "
    ) or outcome.out.startswith(
        "minimize (x - 1.5)**2 over x\nstopped after 100 steps\nx = 1.5\nloss 5.68434e-14\n\n"
        "manual, lr 0.1, 100 steps\n\nloss"
    )
    assert "iteration     " not in outcome.out.splitlines()[1]


@pytest.mark.parametrize("more", [["--all"], ["--every", "50"], ["--walk"]])
def test_a_table_that_is_asked_for_stands_above_the_picture(run: Run, more: list[str]) -> None:
    table = run("minimize", "--no-diagnose", *more).out
    both = run("minimize", "--plot", "--no-diagnose", *more).out
    assert both.startswith(table + "\nmanual, lr 0.1, 100 steps\n")
    assert "└" in both


def test_the_record_is_the_same_with_a_picture(run: Run) -> None:
    for option in ("--json", "--jsonl", "--csv", "--code"):
        outcome = run("minimize", "--plot", option)
        assert outcome.code == 2
        assert outcome.err == f"error: --plot cannot be combined with {option}\nhint: keep one of them\n"


def test_what_cannot_be_seen_is_said_and_quiet_leaves_it_out(run: Run) -> None:
    words = ["minimize", "--lr", "1.5", "--plot", "--no-diagnose"]
    assert "note: the path leaves the window at iteration " in run(*words).out
    assert "note:" not in run(*words, "--quiet").out


def test_a_picture_goes_into_a_file(run: Run, tmp_path: FilePath) -> None:
    file = tmp_path / "picture.txt"
    shown = run("plot", "x**2").out
    assert run("plot", "x**2", "--output", str(file)).out == ""
    assert file.read_text(encoding="utf-8") == shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x*y*z"], "a plot shows at most 2 variables, but x, y and z have no value"),
        (
            ["x*y*z", "--x", "0:1", "--y", "0:1", "--z", "0:1"],
            "a plot has one or two windows, but 3 are given: x, y, z",
        ),
        (["sum(x)", "--x", "0:1, 0:1, 0:1"], "a plot has one or two windows, but 3 are given: x[0], x[1], x[2]"),
        (["x**2", "--x", "2:-2"], "the lower end of the window of x, 2, is not below the upper end, -2"),
        (["x**2", "--x", "2:2"], "the lower end of the window of x, 2, is not below the upper end, 2"),
        (["x**2", "--x", ":2"], "the window of x must be LOW:HIGH, not ':2'"),
        (["x**2", "--x", "1:2:3"], "the window of x must be LOW:HIGH, not '1:2:3'"),
        (["x**2", "--x", "0:inf"], "the window of x must consist of finite numbers, not 'inf'"),
        (["x**2", "--x", "0:[1]"], "the window of x must consist of finite numbers, not '[1]'"),
        (["x**2", "--x", "0:b"], "in the window of x: a value cannot contain the name 'b'"),
        (["x**2", "--x", "3"], "every variable has a value, but none has a window to plot over"),
        (["a*x", "--x", "0:1"], "the variable 'a' has no value"),
        (["x**2", "--z", "0:1"], "unknown option '--z'"),
        (["3 + 4"], "the expression is constant: it has no variable to plot against"),
        (["rosenbrok"], "there is no problem 'rosenbrok'"),
        (["x**2", "--dim", "3"], "dim sets the dimension of a catalogue problem, but no problem is named"),
        (["[x, x]"], "the result has shape (2,), but only a single number can be plotted"),
        (["x > 0", "--field"], "the result is bool, but only floating-point results have gradients"),
        (["sin(x"], "'(' was never closed"),
    ],
)
def test_what_cannot_be_drawn_is_one_clear_error(run: Run, words: list[str], message: str) -> None:
    outcome = run("plot", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"error: {message}\n")
    assert outcome.err.count("error:") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [[], ["log(x)"], ["log(x*y)", "--field"], ["x**2", "--x", "-1:1", "--field"], ["rastrigin", "--x", "0:1"]],
)
def test_the_record_of_a_picture_fits_the_schema_and_is_a_config(
    run: Run, words: list[str], tmp_path: FilePath
) -> None:
    outcome = run("plot", *words, "--json")
    record = outcome.json()
    assert record["command"] == "plot"
    assert record["figure"]["panels"][0]["panel"] in ("function", "contour")
    config = tmp_path / "plot.json"
    config.write_text(outcome.out, encoding="utf-8")
    assert run("plot", "--config", str(config), "--json") == outcome


def test_the_grid_as_csv(run: Run) -> None:
    lines = run("plot", "log(x)", "--x", "-1:1", "--field", "--csv").out.splitlines()
    assert lines[0] == "x,value,derivative"
    assert len(lines) == 401
    assert lines[1] == "-1.0,,-1.0"
    x, value, derivative = map(float, lines[-1].split(","))
    assert (x, value, derivative) == (1, 0, 1)
    lines = run("plot", "x + y", "--x", "0:1", "--y", "2:4", "--csv").out.splitlines()
    assert lines[:2] == ["x,y,value", "0.0,2.0,2.0"]
    assert lines[-1] == "1.0,4.0,5.0"
    assert len(lines) == 1 + 96 * 96


# Processes


@pytest.mark.slow
def test_an_encoding_without_unicode_gets_none(gdcli_process: Run) -> None:
    for words in (["minimize", "--plot", "--no-diagnose"], ["plot", "α*x", "--var", "α=2"]):
        outcome = gdcli_process(*words, env={"PYTHONIOENCODING": "ascii"})
        assert outcome.code == 0
        assert outcome.out.isascii()
        assert max(map(len, outcome.out.splitlines())) <= 80


@pytest.mark.slow
def test_no_color_leaves_out_colours_on_a_terminal(gdcli_process: Run) -> None:
    terminal = {"FORCE_COLOR": "1", "COLORTERM": "truecolor", "TERM": "xterm-256color"}
    assert "\x1b[48;2;" in gdcli_process("plot", env=terminal).out
    plain_one = gdcli_process("plot", env={**terminal, "NO_COLOR": "1"}).out
    assert not re.search(r"\x1b\[[0-9;]*[34]8;", plain_one)
    assert "░" in plain_one


@pytest.mark.slow
@pytest.mark.process
def test_a_picture_imports_nothing_heavy() -> None:
    script = (
        "import sys, warnings; warnings.simplefilter('ignore'); import torch; before = set(sys.modules)\n"
        "from gdcli.cli.main import run\n"
        "run(['minimize', 'rosenbrock', '--lr', '1e-3', '--no-diagnose'])\n"
        "between = set(sys.modules)\n"
        "run(['minimize', 'rosenbrock', '--lr', '1e-3', '--no-diagnose', '--plot'])\n"
        "new = set(sys.modules) - between\n"
        "print('NEW', *sorted({name.split('.')[0] for name in new}))\n"
        "print('TORCH', *sorted(name for name in new if name.startswith('torch')))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=300)
    lines = done.stdout.decode().splitlines()
    assert set(lines[-2].split()[1:]) <= {"gdcli", "plotille", "rich", "colorsys", "getpass", "platform", "dataclasses"}
    assert lines[-1] == "TORCH"


if __name__ == "__main__":
    SNAPSHOTS.mkdir(exist_ok=True)
    for path, text in snapshots():
        path.write_text(text, encoding="utf-8")
