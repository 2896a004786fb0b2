"""What is shown of a regression: tables in any width, figures, pictures and pages, against PyTorch by hand."""

from __future__ import annotations

import csv
import functools
import io
import json
import math
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from conftest import Run, in_process
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console
from test_predict import LINEAR, houses, written

from gdcli.contract.figure import ContourPanel, CurvesPanel, Figure, FunctionPanel, ScatterPanel
from gdcli.contract.regression import LossName, RegressionResult, RegressionSettings
from gdcli.memory import Ends
from gdcli.regression.figure import regression_figure
from gdcli.regression.fit import Fit
from gdcli.regression.losses import loss_expression
from gdcli.regression.sample import Sample, losses_at, sample_of
from gdcli.regression.trail import RowTrail
from gdcli.render.regression import RegressionTable
from gdcli.render.terminal.picture import Picture

WIDTHS = (60, 80, 120)


def city(count: int = 97) -> list[dict[str, Any]]:
    """Rows of one feature."""
    drawn = random.Random(3)
    people = [round(5 + 20 * drawn.random() ** 2, 4) for _ in range(count)]
    return [{"population": x, "profit": round(1.2 * x - 4 + drawn.gauss(0, 3), 4)} for x in people]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("data")
    return {
        "city": written(folder / "city.csv", city()),
        "many": written(folder / "many.csv", city(9_000)),
        "houses": written(folder / "houses.csv", houses(120, seed=1)),
    }


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "line": ("city", {"target": "profit", "standardize": False, "lr": 0.004, "epochs": 30}),
    "standardized line": ("city", {"target": "profit", "epochs": 8, "lr": 0.1}),
    "cubic": ("city", {"target": "profit", "poly": {"population": 3}, "epochs": 20}),
    "no intercept": ("city", {"target": "profit", "intercept": False, "epochs": 12, "lr": 0.1}),
    "several": ("houses", {"target": "price", "exclude": ["id", "sold"], "categorical": ["town"], "epochs": 40}),
    "batches": ("houses", {"target": "price", "features": ["area", "rooms"], "batch_size": 16, "validate": 0.25}),
    "classes": ("houses", {"target": "sold", "features": ["area"], "loss": "logistic", "epochs": 30}),
    "classes by two": ("houses", {"target": "sold", "features": ["area", "rooms"], "loss": "logistic", "epochs": 30}),
    "diverging": ("city", {"target": "profit", "standardize": False, "lr": 0.02, "epochs": 30}),
    "steps": ("houses", {"target": "price", "features": ["area"], "batch_size": 60, "per": "step", "epochs": 4}),
}


class Shown:
    """A regression that has ended: its record, its figure, and the data as PyTorch reads them."""

    def __init__(self, file: str, settings: dict[str, Any]) -> None:
        fit = Fit(RegressionSettings(data=[file], diagnose=False, dtype="float64", **settings))
        self.settings = fit.settings
        self.trail = RowTrail("iteration" if fit.settings.per == "step" else "epoch")
        self.states = []
        for seen in fit.states():
            self.trail.add(seen)
            self.states.append(seen)
        self.record: RegressionResult = fit.record(s.row() for s in self.states if not s.is_end)
        self.sample, self.over = sample_of(fit.design)
        self.figure = regression_figure("title", self.record, self.trail, self.sample, self.over, gradient_norm=True)

    def panel(self, kind: type[Any], number: int = 0) -> Any:
        return [panel for panel in self.figure.panels if isinstance(panel, kind)][number]


@pytest.fixture(scope="module")
def shown(files: dict[str, str]) -> Callable[[str], Shown]:
    @functools.cache
    def make(name: str) -> Shown:
        file, settings = CASES[name]
        return Shown(files[file], settings)

    return make


def columns(file: str, *names: str) -> list[torch.Tensor]:
    """Columns of a CSV file."""
    rows = list(csv.DictReader(io.StringIO(Path(file).read_text())))
    return [torch.tensor([float(row[name]) for row in rows], dtype=torch.float64) for name in names]


# Figures


LOSSES: dict[LossName, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "mse": torch.nn.functional.mse_loss,
    "sum": functools.partial(torch.nn.functional.mse_loss, reduction="sum"),
    "half-mse": lambda p, y: torch.nn.functional.mse_loss(p, y) / 2,
    "mae": torch.nn.functional.l1_loss,
    "huber": torch.nn.functional.huber_loss,
    "logistic": torch.nn.functional.binary_cross_entropy_with_logits,
}


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("loss", LOSSES)
def test_loss_at_many_coefficients_is_that_of_pytorch(loss: LossName, intercept: bool) -> None:
    torch.manual_seed(1)
    X, y = torch.randn(30, 3, dtype=torch.float64), torch.randint(0, 2, (30,)).double()
    settings = RegressionSettings(loss=loss, l2=0.3, l1=0.2, intercept=intercept)
    points = torch.randn(7, 3 + intercept, dtype=torch.float64)
    expected = []
    for point in points:
        w, b = (point[1:], point[0]) if intercept else (point, torch.tensor(0.0))
        expected.append(float(LOSSES[loss](X @ w + b, y) + 0.3 * (w**2).sum() + 0.2 * w.abs().sum()))
    assert losses_at(settings, Sample(X, y, 30), points).tolist() == pytest.approx(expected, rel=1e-12)


def test_losses_of_pictures_are_those_that_are_minimized() -> None:
    torch.manual_seed(2)
    X, y = torch.randn(20, 2, dtype=torch.float64), torch.randint(0, 2, (20,)).double()
    point = torch.randn(1, 3, dtype=torch.float64)
    names = {"X": X, "y": y, "w": point[0, 1:], "b": point[0, 0], "F": torch.nn.functional, "abs": torch.abs}
    for loss in LOSSES:
        settings = RegressionSettings(loss=loss, l2=0.1)
        minimized = eval(loss_expression(settings), {**names, "mean": torch.mean, "sum": torch.sum})
        assert float(losses_at(settings, Sample(X, y, 20), point)) == pytest.approx(float(minimized), rel=1e-12)


@pytest.mark.parametrize("name", ["line", "standardized line"])
def test_fit_over_the_data_is_the_line_of_each_epoch(
    name: str, shown: Callable[[str], Shown], files: dict[str, str]
) -> None:
    run = shown(name)
    x, y = columns(files["city"], "population", "profit")
    panel = run.panel(ScatterPanel)
    assert panel.points_x == x.tolist()
    assert panel.points_y == y.tolist()
    ends = torch.tensor(panel.fit.x, dtype=torch.float64)
    z = (ends - x.mean()) / x.std(correction=0) if run.settings.standardize else ends
    assert [state.iteration for state in panel.history] == [row.epoch for row in run.trail.rows]
    for state, row in zip(panel.history, run.trail.rows, strict=True):
        line = row.values["w"][0] * z + row.values["b"]  # type: ignore[index, operator]
        assert state.fit == pytest.approx(line.tolist(), rel=1e-12, abs=1e-12)
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    exact = [float(y.mean()) + slope * (end - float(x.mean())) for end in panel.fit.x]
    (line,) = panel.lines
    assert line.label == "exact fit"
    assert line.y == pytest.approx(exact, rel=1e-9)


def test_curve_of_powers_goes_through_the_predictions(shown: Callable[[str], Shown], files: dict[str, str]) -> None:
    run = shown("cubic")
    panel = run.panel(ScatterPanel)
    value = {each.name: each.value for each in run.record.coefficients}
    powers = [value["intercept"], value["population"], value["population**2"], value["population**3"]]
    by_hand = [sum(c * x**k for k, c in enumerate(powers)) for x in panel.fit.x]
    assert panel.fit.y == pytest.approx(by_hand, rel=1e-6)


def test_contours_are_the_loss_and_the_exact_minimum_is_marked(
    shown: Callable[[str], Shown], files: dict[str, str]
) -> None:
    run = shown("line")
    x, y = columns(files["city"], "population", "profit")
    panel = run.panel(ContourPanel)
    assert (panel.x.label, panel.y.label) == ("intercept", "population")
    for i, j in [(0, 0), (10, 60), (71, 5)]:
        by_hand = ((panel.grid_x[j] + panel.grid_y[i] * x - y) ** 2).mean()
        assert panel.z[i][j] == pytest.approx(float(by_hand), rel=1e-12)
    A = torch.stack([torch.ones_like(x), x], 1)
    solution = torch.linalg.lstsq(A, y).solution.tolist()
    (mark,) = [mark for mark in panel.marks if mark.kind == "exact"]
    assert [mark.x, mark.y] == pytest.approx(solution, rel=1e-9)
    assert panel.holds(mark.x, mark.y)
    assert panel.paths[0].x == pytest.approx([row.values["b"] for row in run.trail.rows])
    assert panel.paths[0].y == pytest.approx([row.values["w"][0] for row in run.trail.rows])  # type: ignore[index]


def test_plane_of_many_coefficients_goes_through_the_exact_answer(shown: Callable[[str], Shown]) -> None:
    run = shown("several")
    panel = run.panel(ContourPanel)
    (mark,) = [mark for mark in panel.marks if mark.kind == "exact"]
    assert [mark.x, mark.y] == pytest.approx([0, 0], abs=1e-6 * (panel.x.high - panel.x.low))
    lowest = min(panel.values())
    assert lowest >= run.record.exact_quality.loss * (1 - 1e-9)  # type: ignore[union-attr, operator]
    assert any(remark.code == "plane" and "of 5 coefficients" in remark.message for remark in run.figure.remarks)


def test_only_coefficient_has_the_loss_along_it(shown: Callable[[str], Shown], files: dict[str, str]) -> None:
    run = shown("no intercept")
    x, y = columns(files["city"], "population", "profit")
    panel = run.panel(FunctionPanel)
    scale = float((x**2).mean().sqrt())
    for k in (0, 150, 399):
        by_hand = float(((panel.grid[k] * x / scale - y) ** 2).mean())
        assert panel.values[k] == pytest.approx(by_hand, rel=1e-12)
    (mark,) = [mark for mark in panel.marks if mark.kind == "exact"]
    assert mark.x == pytest.approx(scale * float((x * y).sum() / (x * x).sum()), rel=1e-9)


def test_predicted_and_residuals_are_those_by_hand(shown: Callable[[str], Shown]) -> None:
    run = shown("several")
    predicted, residuals = run.panel(ScatterPanel, 0), run.panel(ScatterPanel, 1)
    value = {each.name: each.value for each in run.record.coefficients}
    rows = houses(120, seed=1)
    by_hand = [
        value["intercept"] + value["area"] * row["area"] + value["rooms"] * row["rooms"]
        + value["town[Kiel]"] * (row["town"] == "Kiel") + value["town[Ulm]"] * (row["town"] == "Ulm")
        for row in rows
    ]  # fmt: skip
    assert predicted.points_x == [row["price"] for row in rows]
    assert predicted.points_y == pytest.approx(by_hand, rel=1e-9)
    left = [row["price"] - p for row, p in zip(rows, by_hand, strict=True)]
    assert residuals.points_x == pytest.approx(by_hand, rel=1e-9)
    assert residuals.points_y == pytest.approx(left, rel=1e-6, abs=1e-3)
    first = predicted.history[0]
    assert first.y == [0.0] * len(rows)  # it starts at 0


def test_points_of_classes_are_at_their_scores(shown: Callable[[str], Shown]) -> None:
    run = shown("classes by two")
    panel = run.panel(ScatterPanel)
    value = {each.name: each.value for each in run.record.coefficients}
    rows = houses(120, seed=1)
    scores = [value["intercept"] + value["area"] * row["area"] + value["rooms"] * row["rooms"] for row in rows]
    assert panel.points_x == pytest.approx(scores, rel=1e-9)
    assert panel.points_y == [row["sold"] for row in rows]
    assert panel.lines[0].y == pytest.approx([1 / (1 + math.exp(-x)) for x in panel.lines[0].x])


def test_loss_has_lines_for_the_exact_answer_and_for_validation(shown: Callable[[str], Shown]) -> None:
    run = shown("batches")
    panel = run.panel(CurvesPanel)
    assert panel.curves[0].y == [row.loss for row in run.trail.rows]
    assert panel.curves[0].counts == [row.epoch for row in run.trail.rows]
    lines = {line.label: line for line in panel.lines}
    assert lines["exact answer"].y == [run.record.exact_quality.loss] * 2  # type: ignore[union-attr]
    assert lines["validation"].y == [row.validation for row in run.trail.rows]
    assert panel.y.low <= run.record.exact_quality.loss  # type: ignore[union-attr, operator]


def test_steps_are_counted_where_a_row_is_a_step(shown: Callable[[str], Shown]) -> None:
    run = shown("steps")
    panel = run.panel(CurvesPanel)
    assert panel.x.label == "iteration"
    assert panel.curves[0].counts == list(range(9))
    assert panel.curves[0].counted == "iteration"


def test_path_that_diverges_leaves_the_window_and_this_is_said(shown: Callable[[str], Shown]) -> None:
    run = shown("diverging")
    assert run.record.status == "diverged"
    assert any(remark.code == "runs-away" for remark in run.figure.remarks)
    for panel in run.figure.panels:
        if isinstance(panel, ScatterPanel | ContourPanel):
            for axis in (panel.x, panel.y):
                assert math.isfinite(axis.low)
                assert axis.high - axis.low < 1e4


def test_caption_says_what_was_set(files: dict[str, str]) -> None:
    settings: dict[str, Any] = {
        "optimizer": "sgd",
        "momentum": 0.9,
        "nesterov": True,
        "l2": 0.5,
        "clip_norm": 3.0,
        "batch_size": 10,
    }
    run = Shown(
        files["city"],
        {"target": "profit", "lr": 0.01, "epochs": 2, "schedule": "cosine", "sched": {"T_max": 9}, **settings},
    )
    assert run.figure.subtitle == (
        "mse, standardized, sgd, lr 0.01, batches of 10, l2 0.5, momentum 0.9, clip norm 3, nesterov, schedule cosine, "
        "20 updates"
    )


def test_many_rows_are_drawn_as_an_even_sample_and_this_is_said(files: dict[str, str]) -> None:
    run = Shown(files["many"], {"target": "profit", "epochs": 3})
    assert len(run.sample.target) == 3_000
    (y,) = columns(files["many"], "profit")
    assert run.sample.target.tolist() == y[::3].tolist()
    assert len(run.panel(ScatterPanel).points_x) == 400
    assert any(remark.message.startswith("points and contours are of 3,000 of 9,000") for remark in run.figure.remarks)


@pytest.mark.parametrize("name", CASES)
def test_figure_is_plain_numbers_in_its_windows(name: str, shown: Callable[[str], Shown]) -> None:
    figure = shown(name).figure
    assert msgspec.json.decode(msgspec.json.encode(figure), type=Figure).title == "title"
    for panel in figure.panels:
        if isinstance(panel, CurvesPanel | ContourPanel | FunctionPanel | ScatterPanel):
            assert panel.x.low < panel.x.high
            assert panel.y.low < panel.y.high


# Tables


def table(run: Shown, width: int, digits: int = 6, *, height: int | None = None) -> str:
    """The printed table of a regression."""
    ends: Ends[Any] = Ends()
    for row in run.record.iterations:
        ends.add(row.epoch, row)
    file = io.StringIO()
    console = Console(file=file, width=width, highlight=False, markup=False, emoji=False)
    console.print(RegressionTable("title", ends.shown(), run.record, digits), height=height)
    return file.getvalue()


def rows_below(text: str, label: str) -> tuple[list[str], list[list[str]]]:
    """The headers and the rows of the table whose first column has this label."""
    lines = text.split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith(label) and set(lines[i + 1].strip()) == {"─"})
    found = []
    for line in lines[start + 2 :]:
        if not line.strip():
            break
        found.append(re.split(r" {2,}", line.strip()))
    return re.split(r" {2,}", lines[start].strip()), found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", CASES)
def test_every_number_is_whole_at_every_width(name: str, width: int, shown: Callable[[str], Shown]) -> None:
    run = shown(name)
    text = table(run, width)
    assert max(map(cell_len, text.split("\n"))) <= width, text
    headers, rows = rows_below(text, "coefficient")
    assert headers[:3] == ["coefficient", "by descent", "exact"]
    assert [row[0] for row in rows] == [each.name for each in run.record.coefficients]
    for row, each in zip(rows, run.record.coefficients, strict=True):
        assert len(row) == len(headers), text
        assert float(row[1]) == pytest.approx(each.value, rel=1e-3)
        assert float(row[2]) == pytest.approx(each.exact, rel=1e-3)
        assert float(row[3]) == pytest.approx(each.digits, abs=0.06)
    if run.settings.standardize:  # beside them, or in a table below
        where = "coefficient" if "standardized" in headers else "standardized"
        headers, rows = rows_below(text, where)
        place = headers.index("standardized") if where == "coefficient" else 1
        for row, each in zip(rows, run.record.coefficients, strict=True):
            assert float(row[place]) == pytest.approx(each.standardized, rel=1e-3)
    _, rows = rows_below(text, "quality")
    quality = {row[0]: list(map(float, row[1:])) for row in rows}
    assert quality["loss"][0] == pytest.approx(run.record.quality.loss, rel=1e-3)


def test_many_digits_are_shown_where_they_are_wanted(shown: Callable[[str], Shown]) -> None:
    run = shown("several")
    _, rows = rows_below(table(run, 80, digits=17), "coefficient")
    assert [float(row[1]) for row in rows] == [each.value for each in run.record.coefficients]
    assert [float(row[2]) for row in rows] == [each.exact for each in run.record.coefficients]


def test_long_names_are_wrapped_and_numbers_stand_in_the_first_line(shown: Callable[[str], Shown]) -> None:
    run = shown("several")
    long = [f"the {'very ' * 6}long name number {k}" for k in range(len(run.record.coefficients))]
    named = [replace(each, name=name) for each, name in zip(run.record.coefficients, long, strict=True)]
    other = Shown.__new__(Shown)
    other.record, other.settings = replace(run.record, coefficients=named), run.settings
    text = table(other, 60)
    assert max(map(cell_len, text.split("\n"))) <= 60, text
    for k, each in enumerate(named):
        line = next(line for line in text.split("\n") if f"number {k}" in line or f"{each.value:.4g}" in line)
        assert line


def test_hundreds_of_coefficients_are_shown_by_their_ends(shown: Callable[[str], Shown]) -> None:
    run = shown("several")
    many = [replace(run.record.coefficients[0], name=f"c{k}") for k in range(300)]
    other = Shown.__new__(Shown)
    other.record, other.settings = replace(run.record, coefficients=many), run.settings
    text = table(other, 80)
    assert "c14 " in text
    assert "c15 " not in text
    assert "c285 " in text
    assert "270 coefficients left out; --json has them all" in text


def test_table_says_what_a_loss_without_an_exact_answer_lacks(files: dict[str, str]) -> None:
    run = Shown(files["city"], {"target": "profit", "loss": "mae", "lr": 0.1, "epochs": 3})
    text = table(run, 80)
    headers, _ = rows_below(text, "coefficient")
    if run.record.exact_quality is None:
        assert "exact" not in headers
        assert "no exact answer" in text


def test_table_says_what_a_row_of_batches_has(shown: Callable[[str], Shown]) -> None:
    said = " ".join(table(shown("batches"), 80).split())
    assert (
        "of an epoch of batches, coefficients and validation are those before it, loss is the mean during it, and "
        "|grad| that of its last batch; the row at the end is of all rows"
    ) in said
    assert "of an epoch of batches" not in table(shown("several"), 80)
    assert "of an epoch of batches" not in table(shown("steps"), 80)


def test_after_an_early_stop_the_picture_is_of_the_coefficients_that_are_kept(files: dict[str, str]) -> None:
    momentum = {"optimizer": "manual-momentum", "momentum": 0.97, "lr": 0.05}
    run = Shown(files["city"], {"target": "profit", "validate": 0.3, "patience": 4, "epochs": 400, **momentum})
    record, panel = run.record, run.panel(ScatterPanel)
    assert record.status == "early_stopped"
    at = record.result.epoch
    assert at == record.iterations[-1].epoch - 4
    counts = [state.iteration for state in panel.history]
    assert counts == list(range(at + 5))
    assert panel.fit.y == panel.history[at].fit != panel.history[-1].fit
    counted = re.findall(r"^ *(\d+) ", table(run, 120).partition("stopped early")[0], re.MULTILINE)
    assert counted == [*map(str, range(at + 5)), str(at)]
    pytest.importorskip("plotly")
    from gdcli.render.page.page import page_data

    data = page_data(run.figure, record, "gdcli fit-linear")
    assert data["frames"] == list(range(at + 5))
    assert data["opens"] == at


def test_output_that_knows_only_ascii_has_only_ascii(files: dict[str, str]) -> None:
    words = ["--target", "price", "--exclude", "id,sold", "--categorical", "town", "--epochs", "3", "--plot", "--all"]
    outcome = in_process("fit-linear", files["houses"], *words, "--no-diagnose", encoding="ascii")
    assert outcome.code == 0, outcome.err
    assert outcome.out.isascii()
    assert "\\u" not in outcome.out  # an escape of what cannot be encoded
    assert "-----" in outcome.out


def test_early_epochs_and_late_ones_are_kept_in_a_long_run(files: dict[str, str], run: Run) -> None:
    outcome = run("fit-linear", files["city"], "--target", "profit", "--lr", "0.001", "--epochs", "1000", "--quiet")
    _, rows = rows_below(outcome.out, "epoch")
    counted = [row[0] for row in rows if row[0].isdigit()]
    assert counted[:3] == ["0", "1", "2"]
    assert counted[-1] == "999"
    assert "960 rows left out" in outcome.out


# The terminal


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", CASES)
def test_picture_fits_into_the_width(name: str, width: int, shown: Callable[[str], Shown]) -> None:
    file = io.StringIO()
    figure = replace(shown(name).figure, panels=shown(name).figure.panels[:-1])
    Console(file=file, width=width, highlight=False, markup=False).print(Picture(figure))
    text = file.getvalue()
    assert max(map(cell_len, text.split("\n"))) <= width
    assert "rows" in text
    assert "epoch" in text or "iteration" in text


# Files


def test_formats_agree(run: Run, files: dict[str, str]) -> None:
    words = ["fit-linear", files["houses"], *LINEAR, "--epochs", "5", "--no-diagnose"]
    record = run(*words, "--json").json()
    first, *lines, last = run(*words, "--jsonl").lines()
    assert (first["record"], last["record"]) == ("settings", "result")
    assert [{**line, "record": None} for line in lines] == [{**row, "record": None} for row in record["iterations"]]
    assert last["coefficients"] == record["coefficients"]
    rows = list(csv.DictReader(io.StringIO(run(*words, "--csv").out)))
    assert [float(row["loss"]) for row in rows] == [row["loss"] for row in (*record["iterations"], record["result"])]
    names = [each["name"] for each in record["coefficients"]]
    assert list(rows[0]) == ["iteration", "epoch", "loss", "gradient", "lr", *names]
    assert [float(rows[-1][name]) for name in names] == [each["standardized"] for each in record["coefficients"]]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "ending"), [("line", ".png"), ("several", ".svg"), ("classes by two", ".pdf")])
def test_pictures_are_drawn_the_same_each_time(name: str, ending: str, shown: Callable[[str], Shown]) -> None:
    pytest.importorskip("matplotlib")
    from gdcli.render.picture.picture import save_picture

    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        save_picture(shown(name).figure, ending, file)
    assert files[0].getvalue() == files[1].getvalue()
    assert len(files[0].getvalue()) > 10_000


@pytest.mark.slow
def test_animation_moves_the_line(shown: Callable[[str], Shown]) -> None:
    pytest.importorskip("matplotlib")
    import matplotlib as mpl

    from gdcli.render.picture.animation import _Film
    from gdcli.render.picture.style import RC

    figure = shown("line").figure
    panel = shown("line").panel(ScatterPanel)
    with mpl.rc_context(RC):
        film = _Film(figure, surface=False)
        (points,) = film._points
        for count in (0, 7, 30):
            film.frame(count)
            assert list(points.fit.get_ydata()) == panel.history[count].fit


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, files: dict[str, str]) -> Path:
    pytest.importorskip("plotly")
    file = tmp_path_factory.mktemp("page") / "city.html"
    words = ["--target", "profit", "--lr", "0.1", "--epochs", "20", "--quiet", "--save", str(file)]
    assert in_process("fit-linear", files["city"], *words).code == 0
    return file


@pytest.mark.slow
def test_page_has_the_tables_of_the_record(page: Path, run: Run, files: dict[str, str]) -> None:
    from test_page import Parts

    parts = Parts(page.read_text())
    document = json.loads(parts.document)
    tables = {each["title"]: {c["label"]: c["cells"] for c in each["columns"]} for each in parts.data["tables"]}
    named = tables["coefficients"]
    assert named["coefficient"] == ["intercept", "population"]
    assert named["by gradient descent"] == [each["value"] for each in document["coefficients"]]
    assert named["exact"] == [each["exact"] for each in document["coefficients"]]
    assert parts.data["frames"][parts.data["opens"]] == 20  # the page opens with the fit, not with zeros
    (surface,) = [panel for panel in parts.data["panels"] if panel["kind"] == "surface"]
    assert surface["value"] == "loss"
    rows = {c["label"]: c["cells"] for c in parts.data["table"]["columns"]}
    assert rows["epoch"] == list(range(21))
    assert rows["loss"] == [row["loss"] for row in (*document["iterations"], document["result"])]
    words = ["--target", "profit", "--lr", "0.1", "--epochs", "20", "--quiet"]
    assert document == run("fit-linear", files["city"], *words, "--json").json()


@pytest.mark.slow
def test_page_moves_the_line_with_the_slider(page: Path) -> None:
    from test_page import Parts, slide

    from tests.browser import CHROMIUM, Browser

    if CHROMIUM is None:
        pytest.skip("needs chromium")
    data = Parts(page.read_text()).data
    (panel,) = [each for each in data["panels"] if each["kind"] == "scatter"]
    with Browser() as browser:
        browser.open(page, 1280)
        browser.wait("performance.getEntriesByName('all').length")
        for place in (0, 3, 20):
            slide(browser, place)
            expected = panel["moves"][panel["moved"][place]]["fit"]
            shown = "document.querySelector('.scatter .plot').data[1].y"
            browser.wait(f"{shown}.every((y, k) => y === {json.dumps(expected)}[k])")
        thrown = [event for event in browser.events if event["method"] == "Runtime.exceptionThrown"]
        assert not thrown


@pytest.mark.slow
def test_names_of_columns_add_no_element_to_a_page(page: Path, tmp_path: Path) -> None:
    from test_page import Parts

    hostile = "</script><img src=x onerror='window.hacked = 1'> %{x}"
    rows = [{hostile: row["population"], "<b>profit</b>": row["profit"]} for row in city()]
    file, saved = written(tmp_path / "odd.csv", rows), tmp_path / "odd.html"
    words = ["--target", "<b>profit</b>", "--lr", "0.1", "--epochs", "20", "--quiet", "--save", str(saved)]
    assert in_process("fit-linear", file, *words).code == 0
    parts = Parts(saved.read_text())
    assert parts.tags == Parts(page.read_text()).tags
    (panel,) = [each for each in parts.data["panels"] if each["kind"] == "scatter"]
    assert "<img" not in json.dumps([panel["layout"], panel["traces"]])
    assert parts.data["tables"][0]["columns"][0]["cells"] == ["intercept", hostile]


def test_columns_that_are_given_twice_add_up(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,c,y\n1,2,0,3\n2,0,1,5\n3,5,2,6\n4,1,1,9\n")
    words = ("fit-linear", str(path), "--target", "y", "--epochs", "2", "--json")
    twice = run(*words, "--features", "a", "--features", "c").json()
    assert twice["settings"]["features"] == ["a", "c"]
    assert twice == run(*words, "--features", "a,c").json()
