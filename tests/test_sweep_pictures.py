"""The map and the curve of a sweep on a terminal, its report, and its cells as CSV."""

from __future__ import annotations

import csv
import io
import itertools
import math
import shlex
from typing import Any

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment

from gdcli.contract.figure import Axis, MapLine, MapScale
from gdcli.contract.sweep import EngineUsed, SweepMinimum, SweepResult, SweepSettings, Working, measure_in_words
from gdcli.render.map_axes import CellAxis, axes_of, line_in_cells
from gdcli.render.map_colours import BLANK, colour_table, colours_of
from gdcli.render.numbers import percent
from gdcli.render.shell_lines import parts_of, shell_lines
from gdcli.render.sweep import sweep_csv, sweep_report
from gdcli.render.terminal.map import map_lines, size_of
from gdcli.render.terminal.palette import Palette
from gdcli.render.terminal.picture import Picture
from gdcli.render.terminal.signs import ASCII, UNICODE
from gdcli.render.terminal.sweep_curve import sweep_curve_lines
from gdcli.render.text import PlainConsole
from tests.synthetic_sweep import SCALES, STEPS_TO, TICKS, a_curve, a_map, a_record, figure_of

OKABE_ITO = {"E69F00", "56B4E9", "009E73", "F0E442", "0072B2", "D55E00", "CC79A7"}  # jfly.uni-koeln.de/color, no black


def luminance(rgb: tuple[int, int, int]) -> float:
    """Relative luminance by WCAG, with its published coefficients."""
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def console(system: str | None, width: int = 80) -> PlainConsole:
    return PlainConsole(
        file=io.StringIO(), width=width, height=50, color_system=system, force_terminal=system is not None,
        no_color=system is None, legacy_windows=False,
    )  # fmt: skip


def cells(lines: list[list[Segment]]) -> list[list[tuple[str, Any]]]:
    """Characters with their styles, right of the vertical axis."""
    found = []
    for line in lines:
        row = [(letter, segment.style) for segment in line for letter in segment.text]
        edge = next((i for i, (letter, _) in enumerate(row) if letter in "┤│"), None)
        if edge is not None:
            found.append(row[edge + 1 :])
    return found


def rgb(color: Color | None) -> tuple[int, int, int] | None:
    return None if color is None or color.triplet is None else tuple(color.triplet)  # type: ignore[return-value]


def text_of(lines: list[list[Segment]]) -> list[str]:
    return ["".join(segment.text for segment in line) for line in lines]


# Colours


def test_table_has_the_colour_of_every_group_and_level() -> None:
    table = colour_table(SCALES)
    assert len(table) == 3 * 256 * 256
    for group, level in itertools.product(range(256), (0, 1, 100, 255)):
        place = 3 * (256 * group + level)
        expected = colours_of(SCALES[group])[level] if group < len(SCALES) else BLANK
        assert tuple(table[place : place + 3]) == expected


def test_first_basins_have_the_colours_of_okabe_and_ito() -> None:
    middle = [colours_of(MapScale("", "basin", k))[0] for k in range(7)]
    assert {"".join(f"{part:02X}" for part in colour) for colour in middle} == OKABE_ITO


def test_basins_differ_and_get_darker_with_the_level() -> None:
    scales = [colours_of(MapScale("", "basin", k, TICKS)) for k in range(16)]
    for one, other in itertools.combinations(scales, 2):
        assert math.dist(one[128], other[128]) > 25
    for scale in scales:
        light = [luminance(colour) for colour in scale]
        assert light == sorted(light, reverse=True)
        assert light[0] > 1.8 * light[255]


def test_convergence_and_divergence_meet_at_the_edge_with_their_extremes() -> None:
    converged, diverged = (colours_of(MapScale("", kind, 0, TICKS)) for kind in ("converged", "diverged"))  # type: ignore[arg-type]
    inside, outside = ([luminance(colour) for colour in scale] for scale in (converged, diverged))
    assert inside == sorted(inside, reverse=True)
    assert outside == sorted(outside)
    contrast = (inside[0] + 0.05) / (outside[0] + 0.05)
    assert contrast > 15  # of 21
    for other in (converged[0], diverged[255]):
        assert max(other) - min(other) < 60  # nearly white
    assert converged[255][2] > 2 * converged[255][0]  # dark blue
    red, green, blue = colours_of(MapScale("", "other", 0))[7]
    assert red == green == blue


# Axes


@pytest.mark.parametrize(
    ("axis", "number", "place"),
    [
        (CellAxis(Axis("x", -2, 2), 5, []), -2, 0.5),
        (CellAxis(Axis("x", -2, 2), 5, []), 1.5, 4.0),
        (CellAxis(Axis("lr", 0.001, 10, log=True), 5, []), 0.1, 2.5),
        (CellAxis(Axis("lr", 0.001, 10, log=True), 5, []), math.sqrt(0.1), 3.0),
        (CellAxis(Axis("lr", 0.01, 1), 3, [0.01, 0.1, 1]), 0.1, 1.5),
        (CellAxis(Axis("lr", 0.01, 1), 3, [0.01, 0.1, 1]), 0.55, 2.0),
        (CellAxis(Axis("lr", 0.01, 1), 3, [1, 0.01, 0.1]), 0.1, 2.5),
        (CellAxis(Axis("lr", 3, 3), 1, []), 3, 0.5),
    ],
)
def test_place_of_a_number_in_cells(axis: CellAxis, number: float, place: float) -> None:
    assert axis.place(number) == pytest.approx(place, rel=1e-12)


@pytest.mark.parametrize(("low", "high"), [(0.25, 0.45), (2, 5), (0.35, 0.39)])
def test_part_of_a_decade_has_ticks(low: float, high: float) -> None:
    axis = CellAxis(Axis("lr", low, high, log=True), 100, [])
    ticks = axis.ticks(6)
    assert 3 <= len(ticks) <= 6
    for place, text in ticks:
        assert low * (high / low) ** ((place - 0.5) / 99) == pytest.approx(float(text))


def test_listed_numbers_are_the_ticks() -> None:
    axis = CellAxis(Axis("lr", 0.01, 1), 3, [0.01, 0.1, 1])
    assert axis.ticks(7) == [(0.5, "0.01"), (1.5, "0.1"), (2.5, "1")]
    assert axis.ticks(2) == [(0.5, "0.01"), (2.5, "1")]
    assert math.isnan(axis.place(2))


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (CellAxis(Axis("x", -1, 1), 3, []), [(0.5, "-1"), (1.5, "0"), (2.5, "1")]),
        (CellAxis(Axis("x", 0.12, 0.13), 2, []), [(0.5, "0.12"), (1.5, "0.13")]),
        (
            CellAxis(Axis("lr", 0.013, 0.0171, log=True), 3, []),
            [(1.040679, "0.014"), (2.014902, "0.016"), (2.874227, "0.018")],
        ),
        (CellAxis(Axis("seed", 0, 4, whole=True), 5, []), [(0.5, "0"), (2.5, "2"), (4.5, "4")]),
        (CellAxis(Axis("x", 3, 3), 1, []), [(0.5, "3")]),
    ],
)
def test_ticks_are_never_beyond_the_outer_cells(axis: CellAxis, ticks: list[tuple[float, str]]) -> None:
    assert [(pytest.approx(place), text) for place, text in axis.ticks(3)] == ticks


# The map on a terminal


def test_listed_numbers_have_a_tick_at_their_columns() -> None:
    panel = a_map(3, 3, x=Axis("lr", 0.01, 0.5), listed_x=[0.01, 0.02, 0.5])
    texts = text_of(map_lines(panel, 80, 22, UNICODE, Palette(console("truecolor"))))
    axis = next(text for text in texts if "└" in text)
    start, wide = axis.index("└") + 1, len(axis.rstrip()) - axis.index("└") - 1
    marks = [i - start for i, letter in enumerate(axis) if letter == "┬"]
    assert marks == [math.floor((k + 0.5) / 3 * wide) for k in range(3)]
    assert texts[texts.index(axis) + 1].split() == ["0.01", "0.02", "0.5"]


def test_basins_with_different_steps_have_their_own() -> None:
    scales = [SCALES[0], replace(SCALES[1], ticks=[(0, 5.0), (255, 80.0)]), SCALES[4]]
    legend = text_of(map_lines(a_map(40, 40, scales), 80, 20, UNICODE, Palette(console("truecolor"))))[-2:]
    assert "minimum 1 25.0% (3 to 1.2e3 steps)" in legend[0]
    assert "minimum 2 12.5% (5 to 80 steps)" in " ".join(legend)


@pytest.mark.parametrize(("columns", "rows"), [(5, 4), (30, 31), (400, 300), (1, 7)])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_each_half_of_a_character_has_the_colour_of_its_cell(columns: int, rows: int, width: int) -> None:
    panel = a_map(columns, rows)
    shown = cells(map_lines(panel, width, 22, UNICODE, Palette(console("truecolor", width))))
    wide, high = len(shown[0]), len(shown)
    assert wide >= min(4, columns)
    colours = [colours_of(scale) for scale in SCALES]
    for k, row in enumerate(shown):
        assert len(row) == wide
        for c, (letter, style) in enumerate(row):
            upper = rgb(style.bgcolor) if letter == " " else rgb(style.color) if letter == "▀" else rgb(style.bgcolor)
            lower = rgb(style.color) if letter == "▄" else rgb(style.bgcolor)
            for colour, place in ((upper, 2 * k), (lower, 2 * k + 1)):
                i = math.floor((c + 0.5) / wide * columns)
                j = math.floor(rows - (place + 0.5) / (2 * high) * rows)
                group = panel.group[j * columns + i]
                expected = None if group == 255 else colours[group][panel.level[j * columns + i]]
                assert colour == expected, (c, k, i, j)


def test_cells_are_equally_large_where_there_is_room() -> None:
    assert size_of(a_map(20, 21), 72, 22) == (60, 21)
    assert size_of(a_map(400, 300), 72, 22) == (70, 22)
    assert size_of(a_map(400, 10), 72, 22) == (72, 20)


@pytest.mark.slow
@pytest.mark.parametrize("signs", [UNICODE, ASCII])
@pytest.mark.parametrize("system", [None, "standard", "256", "truecolor"])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_too_wide_and_the_picture_is_not_higher_than_others(signs: Any, system: Any, width: int) -> None:
    long = [replace(scale, label=f"{scale.label} at (0.70710678, -0.70710678, 3.14159265)") for scale in SCALES]
    line = MapLine("lr = 2/L = 0.5 at the minimum that most of the cells reach, by the curvature", [-2, 2], [0.5, 0.5])
    for panel in (a_map(400, 300, lines=[line]), a_map(300, 200, long, lines=[line]), a_map(40, 3), a_curve()):
        draw: Any = sweep_curve_lines if panel is not None and hasattr(panel, "works") else map_lines
        lines = text_of(draw(panel, width, 22, signs, Palette(console(system, width))))
        assert max(map(cell_len, lines)) <= width
        assert len(lines) <= 22 + 4 + 4 + 3 * len(SCALES)
        if signs is ASCII:
            assert all(line.isascii() for line in lines)


def test_without_colours_letters_and_shades_tell_the_groups() -> None:
    panel = a_map(7, 7, level=bytes(7 * [0, 60, 110, 160, 210, 255, 128]))
    panel = replace(panel, group=bytes(i for i in (0, 1, 2, 3, 4, 5, 255) for _ in range(7)))
    lines = map_lines(panel, 80, 14, UNICODE, Palette(console(None)))
    rows = ["".join(letter for letter, _ in row) for row in cells(lines)]
    assert [row[:: len(row) // 7][:7] for row in rows[::-2]] == [
        "aaaaaaa", "bbbbbbb", "·░▒▓██▒", "xxxxxxx", "OOOOOOO", "SSSSSSS", "       ",
    ]  # fmt: skip
    legend = " ".join(text_of(lines)[-4:])
    for entry in (
        "a minimum 1 25.0%", "b minimum 2 12.5%", "·░▒▓█ converged, steps 20.0% (3, 40, 1.2e3)",
        "x diverged, steps 17.5%", "O out of budget 15.0%", "S stalled <0.1%", "not run 14.3%",
    ):  # fmt: skip
        assert entry in legend


def test_bars_meet_at_the_edge_and_have_their_numbers_where_the_levels_are() -> None:
    lines = map_lines(a_map(30, 20, STEPS_TO), 80, 20, UNICODE, Palette(console("truecolor")))
    texts = text_of(lines)
    above = next(i for i, text in enumerate(texts) if text.startswith("converged"))
    assert texts[above] == f"{'converged, steps 20.0%':36}diverged, steps 17.5%"
    colours = [rgb(segment.style.bgcolor) for segment in lines[above + 1] if segment.style for _ in segment.text]
    assert len(colours) == 72
    converged, diverged = colours_of(STEPS_TO[0]), colours_of(STEPS_TO[1])
    assert (colours[0], colours[35], colours[36], colours[71]) == (
        converged[255],
        converged[0],
        diverged[0],
        diverged[255],
    )
    below = texts[above + 2]
    assert below.split() == ["1.2e3", "40", "3", "90", "2"]
    assert (below.index("1.2e3"), below.index("3 ", 20), below.index("90")) == (0, 34, 36)
    assert below.index("40") in (16, 17, 18)  # in the middle of the 36 cells


def test_labels_that_are_too_long_for_bars_beside_each_other_have_bars_below_each_other() -> None:
    scales = [replace(scale, label=f"{scale.label} until the gradient is small") for scale in STEPS_TO]
    texts = text_of(map_lines(a_map(30, 20, scales), 60, 20, UNICODE, Palette(console("truecolor", 60))))
    assert "converged, steps until the gradient is small 20.0%" in texts
    assert "diverged, steps until the gradient is small 17.5%" in texts


def test_axes_are_in_the_units_of_the_data() -> None:
    panel = a_map(401, 401)  # the cells of a tick are known: x = -1 is column 100, lr = 0.1 is row 200
    texts = text_of(map_lines(panel, 80, 22, UNICODE, Palette(console(None))))
    frame = [text for text in texts if "┤" in text or "│" in text]
    at = {text.split("┤")[0].strip(): i for i, text in enumerate(frame) if "┤" in text}
    assert at["0.1"] in (10, 11)
    assert at["10"] == 0
    assert at["0.001"] == 21
    axis = next(text for text in texts if "└" in text)
    labels = texts[texts.index(axis) + 1]
    start = axis.index("└") + 1
    wide = len(axis) - start
    mark = start + math.floor((100 + 0.5) / 401 * wide)
    assert axis[mark] == "┬"
    assert labels[mark - 2 : mark + 2] == "-1.0"


def test_line_of_the_data_is_drawn_at_its_cells_in_black_or_white() -> None:
    line = MapLine("2/L", [-2.0, 2.0], [0.1, 0.1])
    panel = a_map(40, 41, lines=[line])
    assert line_in_cells(panel, line) == ([0.5, 39.5], [20.5, 20.5])
    drawn = cells(map_lines(panel, 80, 21, UNICODE, Palette(console("truecolor"))))
    rows = [k for k, row in enumerate(drawn) if any("⠀" < letter <= "⣿" for letter, _ in row)]
    assert rows == [len(drawn) // 2]
    dots = [(rgb(style.color), rgb(style.bgcolor)) for letter, style in drawn[rows[0]] if "⠀" < letter <= "⣿"]
    assert len(dots) > 60
    for ink, ground in dots:
        if ground is not None and ink is not None:
            light, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) > 4.4
    assert [axis.cells for axis in axes_of(panel)] == [40, 41]


def test_many_basins_have_a_legend_of_the_largest() -> None:
    scales = [MapScale(f"minimum {k + 1}", "basin", k, TICKS, (k + 1) / 820) for k in range(40)]
    for system in (None, "truecolor"):
        legend = " ".join(text_of(map_lines(a_map(40, 40, scales), 80, 20, UNICODE, Palette(console(system))))[-8:])
        assert "minimum 40 4.9%" in legend
        assert "minimum 29 " in legend
        assert "minimum 28 " not in legend
        assert "and 28 more" in legend


@pytest.mark.parametrize("measure", ["steps", "loss", "distance", "rate"])
@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("system", [None, "truecolor"])
def test_legend_is_whole_in_any_width(measure: Any, width: int, system: Any) -> None:
    label = measure_in_words(SweepSettings(measure=measure))
    ticks = [(0, 0.000123), (64, 0.0456), (128, 0.789), (191, 1.23), (255, 98765.0)]
    panel = a_map(30, 20, [MapScale(label, "converged", 0, ticks, 0.625)], title="")
    lines = text_of(map_lines(panel, width, 20, UNICODE, Palette(console(system, width))))
    legend = " ".join(" ".join(lines[-8:]).split())
    assert max(map(cell_len, lines)) <= width
    assert f"{label} 62.5%" in legend
    if system is None:
        assert "(1.23e-4, 0.0456, 0.789, 1.23, 9.88e4)" in legend


# The curve


def test_ranges_that_work_are_shaded_and_the_line_is_where_its_number_is() -> None:
    panel = a_curve()
    rows = cells(sweep_curve_lines(panel, 80, 18, UNICODE, Palette(console("truecolor"))))
    wide = len(rows[0])

    def column(number: float) -> int:
        return math.floor((number - 0.01) / 0.99 * wide)

    for row in rows:
        shaded = {c for c, (_, style) in enumerate(row) if style is not None and style.bgcolor is not None}
        assert shaded == set(range(column(0.2), column(0.8) + 1))
    dots = [(c, k) for k, row in enumerate(rows) for c, (letter, _) in enumerate(row) if "⠀" < letter <= "⣿"]
    outside = {c for c, _ in dots} - set(range(column(0.2), column(0.8) + 1))
    assert outside == {column(0.05), column(0.9)}  # a single number is drawn too
    assert len([c for c, _ in dots if c == column(0.9)]) > 8
    assert {k for c, k in dots if c == column(0.5)} == {17 - math.floor(10 / 50 * 18)}


def test_curve_without_colours_marks_the_range() -> None:
    lines = text_of(sweep_curve_lines(a_curve(), 80, 18, UNICODE, Palette(console(None))))
    assert lines[-1] == "·· runs converge: 0.2 to 0.8  ╌╌ 2/L = 0.9"
    assert sum(line.count("·") for line in lines) > 500


# The report


def report(record: SweepResult, width: int = 80) -> list[str]:
    screen = console(None, width)
    screen.print(sweep_report(record, figure_of(a_map(40, 30)), 6, width), crop=False)
    printed: str = screen.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in printed.splitlines()]


def test_report_says_what_the_cells_have_in_common() -> None:
    lines = report(a_record(), 200)
    assert lines[lines.index("the message") :] == [
        "the message",
        (
            "converged 61.2% (97,920 of 160,000), diverged 33.0% (52,800 of 160,000), "
            "out of budget 5.8% (9,260 of 160,000), stalled <0.1% (20 of 160,000)"
        ),
        "",
        "end         point           loss      cells",
        "───────────────────────────────────────────────────",
        "minimum 1   x = 0.707107    -0.25     30.6%   known",
        "minimum 2   x = -0.707107   -0.2499   30.0%   found",
        "",
        "best cell: x = 0.7, lr = 0.25: converged after 3 steps, loss -0.25",
        "the same run alone:",
        "gdcli minimize 'x**4 - x**2' --x 0.7 --lr 0.25 --steps 200 --tol-grad 1e-06 --dtype float64",
        "",
        "rates that work: lr = 0.015 to 0.49 (at least half of the cells converge)",
        "theory: lr below 2/L = 0.5, with L = 4 where most cells end",
        "",
        "7,654,321 steps by replay: 64 of 64 cells compared with single runs have the same bits",
    ]


@pytest.mark.parametrize(
    ("working", "said"),
    [
        (Working(axis="lr", ranges=[], bound=None), "no rate works: at no lr do at least half of the cells converge"),
        (
            Working(axis="lr.W", ranges=[(0.1, 0.2), (0.5, 0.5)], bound=None),
            "rates that work: lr.W = 0.1 to 0.2 and 0.5 (at least half of the cells converge)",
        ),
        (
            Working(axis="lr", ranges=[(k, k + 0.5) for k in range(9)], bound=None),
            (
                "rates that work: lr = 0 to 0.5, 1 to 1.5, 2 to 2.5, 3 to 3.5 and 5 more ranges "
                "(at least half of the cells converge)"
            ),
        ),
    ],
)
def test_rates_that_work_in_words(working: Working, said: str) -> None:
    lines = report(a_record(working=[working]), 200)
    assert said in lines
    assert not any(line.startswith("theory") for line in lines)


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (EngineUsed(name="vmap", compared=0, differing=0, ulp=0.0, why="det has no replay"),
         "7,654,321 steps by vmap (det has no replay); no cell was compared with a single run"),
        (EngineUsed(name="fast", compared=64, differing=4, ulp=2.0, functions=["exp", "tanh"]),
         ("7,654,321 steps by fast: 60 of 64 cells compared with single runs have the same bits, "
          "the others differ by up to 2 units in the last place; rounded otherwise: exp and tanh")),
    ],
)  # fmt: skip
def test_engine_in_words(engine: EngineUsed, said: str) -> None:
    assert report(a_record(engine=engine), 200)[-1] == said


def test_minima_beyond_the_first_twelve_are_counted() -> None:
    minima = [SweepMinimum(values={"x": float(k)}, loss=1.0, known=False, cells=1600) for k in range(15)]
    lines = report(a_record(minima=minima))
    assert "and 3 more minima, with 3.0% of the cells" in lines
    assert any("point 12 " in line for line in lines)
    assert not any("point 13 " in line for line in lines)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_command_of_the_best_cell_is_one_command_for_a_shell(width: int) -> None:
    record = a_record()
    assert record.best is not None
    lines = shell_lines(parts_of(record.best.command), width)
    assert max(map(len, lines)) <= width
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(record.best.command)
    assert max(map(cell_len, report(record, width))) <= width


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0.0%"), (1e-6, "<0.1%"), (0.0005, "0.1%"), (0.9999, ">99.9%"), (1, "100.0%"), (1 / 3, "33.3%")],
)
def test_share_in_percent(share: float, said: str) -> None:
    assert percent(share) == said


# CSV


def test_csv_has_a_row_for_each_cell_with_exact_numbers() -> None:
    record = a_record(5, 4)
    header, *rows = csv.reader(io.StringIO(sweep_csv(record).decode()))
    ends = ["end.x", "end.W[0,0]", "end.W[0,1]", "end.W[1,0]", "end.W[1,1]"]
    assert header == ["x", "lr", "status", "steps", "loss", "minimum", *ends]
    assert len(rows) == 20
    for k, row in enumerate(rows):
        i, j = k % 5, k // 5
        assert (float(row[0]), float(row[1])) == (record.axes[0].number(i), record.axes[1].number(j))
        assert row[2] == ("converged_grad", "diverged", "max_steps")[k % 3]
        assert (int(row[3]), float(row[4])) == (7 * k, math.inf if k % 3 == 1 else k / 8)
        assert row[5] == ("" if k % 3 == 0 else str(k % 3 - 1))
        assert list(map(float, row[6:])) == [k / 4, k, 0.5, 1.5, -k]


def test_csv_needs_the_cells() -> None:
    from msgspec import UNSET

    with pytest.raises(ValueError, match="no cells"):
        sweep_csv(a_record(grid=UNSET))


def test_picture_of_a_map_fits_into_a_screen() -> None:
    screen = console("truecolor", 80)
    lines = screen.render_lines(Picture(figure_of(a_map(512, 512))))
    assert len(lines) < screen.height
