"""Tables: numbers and headers stay whole at any width, rows that repeat are folded, and a run fits on a screen."""

from __future__ import annotations

import functools
import io
import math
import os
import re
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any
from unittest import mock

import pytest
from conftest import ENVIRONMENT, Outcome, Run, in_process
from rich.cells import cell_len
from rich.console import Console

import gdcli
from gdcli.cli.main import run as run_words
from gdcli.contract.descent import DescentRecord
from gdcli.lang.problems import PROBLEMS
from gdcli.memory import Shown
from gdcli.render.descent_table import DescentTable
from gdcli.render.numbers import differ
from gdcli.render.numbers import number as shown

WIDTHS = (80, 60, 40)
QUIET = {"diagnose": False}
NETWORK = "sum((w2*tanh(w1*t + b1) + v2*tanh(v1*t + c1) + d*t + e0 - sin(3*t))**2)"


def network(**settings: Any) -> DescentRecord:
    """A network of eight variables."""
    values = {"w1": 0.3, "b1": -1e-7, "w2": 12.5, "v1": -0.7, "c1": 250, "v2": 0.01, "d": 0, "e0": 3}
    values |= {"t": "linspace(-1, 1, 9)"}  # type: ignore[dict-item]
    return gdcli.minimize(NETWORK, values, settings={**QUIET, "wrt": list(values)[:8], **settings}).result()


def drawn(record: DescentRecord, width: int, digits: int = 6, *, whole: bool = False) -> str:
    """The printed table of a record."""
    file = io.StringIO()
    table = DescentTable("title", Shown(record.iterations, 0, []), record, digits, whole=whole)
    Console(file=file, width=width, highlight=False, markup=False, emoji=False).print(table)
    return file.getvalue()


def in_one_line(text: str) -> str:
    """A text without its line ends."""
    return " ".join(text.split())


def cells_of(text: str) -> tuple[list[str], list[list[str]]]:
    """The headers of a printed table, and the cells of its lines of numbers; of a stacked one, a line for each."""
    lines = [line.rstrip() for line in text.split("\n")]
    rule = next(i for i, line in enumerate(lines) if line and set(line) == {"─"})
    headers = re.split(r" {2,}", lines[rule - 1].strip())
    rows = []
    for line in lines[rule + 1 :]:
        if line and not line.startswith(" ") and not re.match(r"\d+ {2,}", line):
            break
        if line and "…" not in line:
            rows.append(re.split(r" {2,}", line.strip()) if line else [])
    return headers, rows


def assert_whole(record: DescentRecord, width: int, digits: int = 6) -> str:
    """The printed table, of which every line is in its width, every row has its cells, and every cell is a number."""
    text = drawn(record, width, digits)
    assert max(map(cell_len, text.split("\n"))) <= width, text
    headers, rows = cells_of(text)
    steps = {step.iteration: step for step in (*record.iterations, record.result)}
    if "value" in headers:
        assert_stacked(rows, steps, text)
        return text
    assert headers[:2] in (["iteration", "loss"], ["iter", "loss"]), text
    for row in rows:
        assert len(row) == len(headers), text
        step = steps[int(row[0])]
        assert (
            (float(row[1]), step.loss) == (math.inf, math.inf)
            or math.isnan(step.loss)
            or math.isclose(float(row[1]), step.loss, rel_tol=0.006 if digits > 1 else 0.5)
        ), text
        for cell in row[2:]:
            assert cell == "None" or isinstance(float(cell), float), text
    return text


def assert_stacked(rows: Sequence[list[str]], steps: dict[int, Any], text: str) -> None:
    """The lines of a stacked table: an iteration with its loss, then each element with its gradient."""
    step = None
    for row in rows:
        if len(row) == 3 and row[1] == "loss":
            step = steps[int(row[0])]
            assert math.isnan(step.loss) or math.isclose(float(row[2]), step.loss, rel_tol=0.006), text
        else:
            assert step is not None, text
            name, value, gradient = row
            assert name.split("[")[0] in step.values, text
            assert isinstance(float(value), float), text
            assert gradient == "None" or isinstance(float(gradient), float), text


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [{}, {"optimizer": "newton"}, {"optimizer": "adam", "lr": 0.3}, {"optimizer": "manual-momentum", "lr": 1e-4}],
    ids=lambda settings: settings.get("optimizer", "manual"),
)
def test_numbers_of_every_problem_stay_whole(settings: dict[str, Any]) -> None:
    for name in PROBLEMS:
        record = gdcli.minimize(name, settings={**QUIET, "steps": 12, **settings}).result()
        for width in WIDTHS:
            assert_whole(record, width)
        assert_whole(record, 60, digits=17)


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("digits", [1, 3, 6, 12, 17])
def test_numbers_of_a_network_of_eight_variables_stay_whole(width: int, digits: int) -> None:
    for lr in (1e-3, 10):
        assert_whole(network(lr=lr, steps=9), width, digits)


@pytest.mark.slow
@pytest.mark.parametrize("width", [*range(40, 100, 4), 200])
@pytest.mark.parametrize("digits", [4, 6, 17])
def test_numbers_of_fit_linear_stay_whole(width: int, digits: int) -> None:
    text = assert_whole(gdcli.fit_linear(settings=QUIET).result(), width, digits)
    assert "W = [[" in text


@pytest.mark.slow
@pytest.mark.parametrize("digits", [6, 17])
def test_numbers_of_very_different_sizes_stay_whole_at_every_width(digits: int) -> None:
    values = {"a": 5, "b": -3}
    record = gdcli.minimize(
        "log(1 + exp(a - 2)) + exp(-a) + (b - a)**2", values, optimizer="newton", steps=20, settings=QUIET
    ).result()
    for width in range(40, 130):
        assert_whole(record, width, digits)


def test_digits_go_first_and_a_note_tells() -> None:
    values = {"a": 1 / 3, "b": 2 / 3}
    record = gdcli.minimize("a**2 + 3*b**2", values, steps=2, settings=QUIET).result()
    wide, narrow = drawn(record, 60), drawn(record, 50)
    assert "to fit into" not in wide
    assert cells_of(wide)[1][0] == ["0", "1.44444", "0.333333", "0.666667", "0.666667", "4"]
    assert cells_of(narrow)[1][0] == ["0", "1.4444", "0.33333", "0.66667", "0.66667", "4"]
    assert "to fit into 50 columns, numbers have 5 digits; --csv shows every number" in in_one_line(narrow)


def test_then_gradients_become_one_norm() -> None:
    record = gdcli.minimize("a**2 + b**2", {"a": 3.33333, "b": 4.44444}, lr=1e-5, steps=1, settings=QUIET).result()
    headers, rows = cells_of(drawn(record, 40))
    assert headers == ["iter", "loss", "a", "b", "|grad|"]
    assert float(rows[0][-1]) == pytest.approx(2 * math.hypot(3.33333, 4.44444), rel=1e-3)
    assert "|grad| is the norm of all gradients" in in_one_line(drawn(record, 40))


def test_or_the_elements_stand_below_each_other() -> None:
    record = gdcli.minimize("a**2 + b**2", {"a": -333.333e30, "b": 4.44444e-20}, steps=1, dtype="float64",
                            settings=QUIET).result()  # fmt: skip
    headers, rows = cells_of(drawn(record, 40))
    assert headers == ["iter", "value", "gradient"]
    assert rows[:3] == [
        ["0", "loss", "1.11111e+65"],
        ["a", "-3.33333e+32", "-6.66666e+32"],
        ["b", "4.44444e-20", "8.88888e-20"],
    ]


def test_digits_that_were_asked_for_are_not_given_up_first() -> None:
    record = gdcli.minimize("rosenbrock", lr=1e-3, steps=1, settings=QUIET).result()
    _, rows = cells_of(drawn(record, 60, digits=17))
    assert rows[:3] == [
        ["0", "loss", "24.20000457763672"],
        ["x", "-1.2000000476837158", "-215.60003662109375"],
        ["y", "1.0", "-88.00001525878906"],
    ]


def test_headers_stay_whole() -> None:
    names = {"learning_coefficient": 1, "a_long_name_of_a_variable": 2}
    record = gdcli.minimize(" + ".join(f"{name}**2" for name in names), names, steps=1, settings=QUIET).result()
    for width in range(40, 140):
        headers, _ = cells_of(assert_whole(record, width))
        known = {"iteration", "iter", "loss", "value", "gradient", "|values|", "|grad|", *names}
        assert set(headers) <= known | {f"grad {name}" for name in names}


def test_eight_numbers_have_fewer_digits_before_they_become_norms() -> None:
    record = network(lr=1e-3, steps=4)
    headers, rows = cells_of(drawn(record, 80))
    assert headers == ["iter", "loss", "w2", "w1", "b1", "v2", "v1", "c1", "d", "e0", "|grad|"]
    for row, step in zip(rows, [*record.iterations, record.result], strict=True):
        assert [float(cell) for cell in row[2:10]] == [float(f"{step.values[name]:.3g}") for name in headers[2:10]]
    assert "numbers have 3 digits" in in_one_line(drawn(record, 80))
    assert cells_of(drawn(record, 60))[0] == ["iteration", "loss", "|values|", "|grad|"]


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [
        (5000.0, 1, "5000"),
        (5432.1, 2, "5400"),
        (-70000.0, 3, "-70000"),
        (123456.7, 4, "123500"),
        (999499.0, 3, "999000"),
        (999999.0, 3, "1e+06"),
        (1234567.0, 3, "1.23e+06"),
        (1953125.0, 6, "1.95312e+06"),
        (123456.7, 6, "123457"),
        (0.00001234, 3, "1.23e-05"),
        (math.inf, 3, "inf"),
        (math.nan, 3, "nan"),
        (5000.0, 17, "5000.0"),
    ],
)
def test_a_number_that_is_not_that_large_has_no_exponent(number: float, digits: int, text: str) -> None:
    assert shown(number, digits) == text


def test_a_race_is_drawn_between_numbers_without_exponents(run: Run) -> None:
    out = run("compare", "5000*x**2", "--x", "1", "--lr", "1e-5", "--steps", "3").out
    assert "log of loss, from 5000 down to 1200," in out


@pytest.mark.parametrize(
    ("one", "other", "digits", "differs"),
    [
        (10.0, 9.99999, 6, False),
        (-0.9863253831863403, -0.9863255023956299, 6, False),
        (2.9999923706054688, 2.999964952468872, 6, True),
        (1.0, 1.0 + 2**-52, 17, True),
        (1.0, 1.0, 17, False),
        (0.0, 4e-20, 6, True),
        (math.inf, 3.0, 6, True),
        (math.nan, 3.0, 6, True),
        (None, 3.0, 6, True),
    ],
)
def test_losses_that_differ_by_less_than_the_last_digit_are_one(
    one: float | None, other: float, digits: int, *, differs: bool
) -> None:
    assert differ(one, other, digits) is differ(other, one, digits) is differs


def test_the_smallest_loss_is_left_out_where_it_is_the_last_one_but_for_rounding() -> None:
    record = gdcli.minimize("forrester", settings={**QUIET, "optimizer": "adam", "lr": 0.1, "steps": 300}).result()
    assert f"{record.result.loss:.6g}" != f"{record.best.loss:.6g}"
    assert "the smallest was" not in drawn(record, 80)
    assert f"the smallest was {record.best.loss} at iteration" in in_one_line(drawn(record, 80, digits=17))


# Rows that repeat


def test_rows_that_repeat_are_folded(run: Run) -> None:
    out = run("minimize", "--lr", "0.5").out
    assert out == (
        "minimize (x - 1.5)**2 over x\n"
        "iteration   loss     x   grad x\n"
        "───────────────────────────────\n"
        "        0   6.25   4          5\n"
        "        1   0      1.5        0\n"
        "        …   98 rows as above\n"
        "\n"
        "      100   0      1.5        0\n"
        "stopped after 100 steps\n"
        "x = 1.5\n"
        "loss 0\n"
        "note: at a minimum since iteration 1: the gradient is exactly 0 there and the\n"
        "      curvature is positive, so x no longer changes\n"
    )


def test_rows_of_which_only_the_shown_digits_repeat_say_so() -> None:
    record = gdcli.minimize("x**2", {"x": 1}, lr=1e-9, dtype="float64", steps=5, settings=QUIET).result()
    assert [step.loss for step in record.iterations] != [1.0] * 5
    assert "        …   4 rows as above, in these digits\n" in drawn(record, 80)
    exact = gdcli.minimize("x**2", {"x": 1}, lr=0, steps=5, settings=QUIET).result()
    assert "        …   4 rows as above\n" in drawn(exact, 80)


def test_two_rows_that_are_alike_are_not_folded() -> None:
    record = gdcli.minimize("x**2", {"x": 1}, lr=0, steps=2, settings=QUIET).result()
    assert "as above" not in drawn(record, 80)


def test_all_shows_every_row(run: Run) -> None:
    out = run("minimize", "--lr", "0.5", "--all").out
    assert "as above" not in out
    assert [int(row[0]) for row in cells_of(out)[1]] == list(range(101))


# On a screen


class Terminal(io.TextIOWrapper):
    """A terminal without colour."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def on_screen(*words: str, lines: int = 24, columns: int = 80) -> Outcome:
    """What a command prints on a terminal of this size."""
    out, err = Terminal(io.BytesIO(), "utf-8", newline=""), io.TextIOWrapper(io.BytesIO(), "utf-8", newline="")
    environment = {
        **ENVIRONMENT,
        "COLUMNS": str(columns),
        "LINES": str(lines),
        "TERM": "xterm",
        "TTY_COMPATIBLE": "1",
        "NO_COLOR": "1",
    }
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        mock.patch.dict(os.environ, environment),
        warnings.catch_warnings(),
    ):
        code = run_words(list(words))
    printed, told = (_STYLES.sub("", stream.buffer.getvalue().decode()) for stream in (out, err))  # type: ignore[attr-defined]
    return Outcome(code, printed, told)


_STYLES = re.compile(r"\x1b\[[\d;]*m")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["minimize"],
        ["minimize", "--lr", "0.1", "--steps", "100"],
        ["minimize", "--lr", "0.5"],
        ["minimize", "--lr", "1"],
        ["minimize", "rosenbrock", "--optimizer", "adam", "--lr", "0.3", "--steps", "2000", "--tol-grad", "1e-3"],
        ["fit-linear"],
    ],
)
def test_a_run_fits_on_a_screen_with_its_start_and_its_end(words: list[str]) -> None:
    out = on_screen(*words).out
    assert out.count("\n") <= 22  # the command and the prompt are on the screen too
    _, rows = cells_of(out)
    assert rows[0][0] == "0"
    assert len(rows) >= 3
    left_out = re.search(r"^([\d,]+) rows left out", out, re.MULTILINE)
    folded = [int(count) for count in re.findall(r"(\d+) rows as", out)]
    missing = int(left_out[1].replace(",", "")) if left_out else 0
    last = int(rows[-1][0])
    assert last == len(rows) - 1 + missing + sum(folded)
    assert f"iteration {last}:" in out or f"after {last} steps" in out


@pytest.mark.slow
@pytest.mark.parametrize("lines", [24, 40])
@pytest.mark.parametrize(
    "words",
    [
        ["minimize"],
        ["minimize", "--optimizer", "manual-adam"],
        ["minimize", "rosenbrock", "--lr", "0.001", "--steps", "1000"],
        ["minimize", "rosenbrock", "--optimizer", "manual-backtracking", "--steps", "80"],
        ["fit-linear"],
        ["minimize", "--steps", "3"],
    ],
)
def test_a_walk_fits_on_a_screen_with_its_start_and_its_end(words: list[str], lines: int) -> None:
    out = on_screen(*words, "--walk", lines=lines).out
    assert out.count("\n") <= lines - 2
    whole = whole_walk(*words)
    steps = [int(number) for number in _WALKED.findall(out)]
    every = [int(number) for number in _WALKED.findall(whole)]
    left_out = re.search(r"^([\d,]+) rows left out", out, re.MULTILINE)
    missing = int(left_out[1].replace(",", "")) if left_out else 0
    assert (steps[0], steps[-1]) == (0, every[-1])
    assert len(steps) + missing == len(every) == every[-1] + 1
    head = next((k for k, step in enumerate(steps) if step != k), len(steps))
    assert steps[head:] == every[len(every) - len(steps) + head :]
    assert "rows left out" not in whole


@functools.cache
def whole_walk(*words: str) -> str:
    """All of a walk, on the lower screen, without the findings below it."""
    return on_screen(*words, "--walk", "--all", "--no-diagnose", lines=24).out


_WALKED = re.compile(r"^ *(\d+) {3}", re.MULTILINE)


def test_a_higher_screen_shows_more_rows() -> None:
    low, high = (cells_of(on_screen("minimize", lines=lines).out)[1] for lines in (24, 50))
    assert len(low) < len(high)


def test_all_shows_every_row_on_a_screen_too() -> None:
    assert len(cells_of(on_screen("minimize", "--all").out)[1]) == 101


# Other tables


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "words",
    [
        [
            "grad",
            "x**2*y + exp(-z)",
            "--x",
            "linspace(-2000, 2, 4)",
            "--y",
            "linspace(1e-7, 3, 4)",
            "--z",
            "2",
            "--each",
        ],
        ["grad", "(1 - x)**2 + 100*(y - x**2)**2", "--x", "1.2345678", "--y", "1", "--hessian", "--check"],
        ["grad", "sum(relu(W @ x))", "--W", "rand(3, 4)", "--x", "arange(4)", "--wrt", "W"],
        ["ops"],
        ["ops", "W @ x", "exp(x)", "sin(W)", "--W", "rand(3, 4)*1000", "--x", "rand(4)"],
        ["minimize", "rosenbrock", "--lr", "0.001", "--steps", "3", "--walk"],
        ["minimize", "--optimizer", "manual-adam", "--steps", "3", "--walk"],
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_numbers_of_other_tables_stay_whole(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str], width: int
) -> None:
    whole = [numbers(in_wide_columns(*words, "--digits", str(digits))) for digits in (3, 4, 5, 6)]
    monkeypatch.setitem(ENVIRONMENT, "COLUMNS", str(width))
    narrow = run(*words).out
    assert max(map(cell_len, narrow.split("\n"))) <= width
    known = set().union(*whole, numbers(f"to fit into {width} columns, numbers have 3 4 5 digits"))
    assert set(numbers(narrow)) <= known


@functools.cache
def in_wide_columns(*words: str) -> str:
    """What a command prints where there is room for everything."""
    with mock.patch.dict(ENVIRONMENT, {"COLUMNS": "400"}):
        return in_process(*words).out


def numbers(text: str) -> list[str]:
    """All numbers of a text."""
    return re.findall(r"(?<![\w.])\d[\d.]*(?:e[-+]?\d+)?", text)
