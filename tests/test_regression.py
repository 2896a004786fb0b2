"""``fit-linear`` with data: the descent against loops written by hand in PyTorch, its record, its errors."""

from __future__ import annotations

import csv
import json
import math
import random
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Run, in_a_process

import gdcli
from gdcli.contract.regression import coefficients_of
from gdcli.regression.agreement import digits
from gdcli.regression.fit import Fit
from gdcli.regression.model import model_of

LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "mse": torch.nn.functional.mse_loss,
    "sum": lambda p, y: ((p - y) ** 2).sum(),
    "half-mse": lambda p, y: ((p - y) ** 2).mean() / 2,
    "mae": torch.nn.functional.l1_loss,
    "huber": torch.nn.functional.huber_loss,
}


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[float]]]:
    """A folder with data.csv, and its columns: two features of other scales, and a target."""
    monkeypatch.chdir(tmp_path)
    draw = random.Random(5)
    a = [round(draw.uniform(1, 4), 3) for _ in range(53)]
    b = [round(draw.gauss(30, 12), 2) for _ in range(53)]
    y = [round(2 + 1.5 * u - 0.2 * v + draw.gauss(0, 0.5), 4) for u, v in zip(a, b, strict=True)]
    columns = {"a": a, "b": b, "y": y}
    with Path("data.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])
    return columns


def tensors(table: dict[str, list[float]], dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    """X and y of the raw columns."""
    X = torch.tensor([[u, v] for u, v in zip(table["a"], table["b"], strict=True)], dtype=dtype)
    return X, torch.tensor(table["y"], dtype=dtype)


def by_hand(
    X: torch.Tensor, y: torch.Tensor, loss: str, make: Callable[..., Any], batches: list[list[torch.Tensor]]
) -> tuple[list[float], float, list[float]]:
    """The loop that everybody writes: the coefficients at the end, and the mean loss of each epoch."""
    w = torch.zeros(X.shape[1], dtype=X.dtype, requires_grad=True)
    b = torch.zeros((), dtype=X.dtype, requires_grad=True)
    optimizer = make([w, b])
    means = []
    for epoch in batches:
        total, rows = 0.0, 0
        for chosen in epoch:
            optimizer.zero_grad()
            value = LOSSES[loss](X[chosen] @ w + b, y[chosen])
            value.backward()
            optimizer.step()
            total, rows = total + value.item() * len(chosen), rows + len(chosen)
        means.append(total / rows)
    return w.tolist(), b.item(), means


def shuffled(rows: int, size: int, epochs: int, seed: int = 0) -> list[list[torch.Tensor]]:
    """The batches of each epoch."""
    generator = torch.Generator().manual_seed(seed)
    return [list(torch.randperm(rows, generator=generator).split(size)) for _ in range(epochs)]


def in_order(rows: int, size: int, epochs: int) -> list[list[torch.Tensor]]:
    """The same in the order of the file."""
    return [list(torch.arange(rows).split(size)) for _ in range(epochs)]


def sgd(lr: float, **more: Any) -> Callable[..., Any]:
    """How an optimizer is made."""
    return lambda moving: torch.optim.SGD(moving, lr=lr, **more)


def adam(lr: float) -> Callable[..., Any]:
    """The same of another one."""
    return lambda moving: torch.optim.Adam(moving, lr=lr)


@pytest.mark.slow  # what a course's first exercise does: half the mean of squares, rate 0.01, 1,500 steps from zeros
def test_the_first_exercise_of_a_course_has_the_bits_of_its_loop(table: dict[str, list[float]], run: Run) -> None:
    words = ["data.csv", "--target", "y", "--features", "a", "--loss", "half-mse", "--lr", "0.01", "--epochs", "1500"]
    record = run("fit-linear", *words, "--no-standardize", "--no-diagnose", "--json").json()
    X, y = torch.tensor([[u] for u in table["a"]]), torch.tensor(table["y"])
    w, b = torch.zeros(1, requires_grad=True), torch.tensor(0.0, requires_grad=True)
    losses = []
    for _ in range(1500):
        loss = ((X @ w + b - y) ** 2).mean() / 2
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            w -= 0.01 * w.grad  # type: ignore[operator]
            b -= 0.01 * b.grad  # type: ignore[operator]
        w.grad.zero_()  # type: ignore[union-attr]
        b.grad.zero_()  # type: ignore[union-attr]
    assert [row["loss"] for row in record["iterations"]] == losses
    assert record["result"]["values"] == {"w": w.tolist(), "b": b.item()}
    assert record["result"]["iteration"] == record["result"]["epoch"] == 1500
    assert record["status"] == "max_steps"


RUNS: list[tuple[dict[str, Any], str, Callable[..., Any], Callable[[], list[list[torch.Tensor]]]]] = [
    ({"optimizer": "sgd", "lr": 1e-3, "epochs": 9}, "mse", sgd(1e-3), lambda: in_order(53, 53, 9)),
    ({"optimizer": "sgd", "lr": 1e-3, "momentum": 0.9, "epochs": 4, "batch_size": 8}, "mse",
     sgd(1e-3, momentum=0.9), lambda: shuffled(53, 8, 4)),
    ({"optimizer": "sgd", "lr": 1e-4, "epochs": 2, "batch_size": 1, "shuffle": False}, "half-mse",
     sgd(1e-4), lambda: in_order(53, 1, 2)),
    ({"optimizer": "adam", "lr": 0.05, "epochs": 5, "batch_size": 16, "seed": 7}, "huber",
     adam(0.05), lambda: shuffled(53, 16, 5, 7)),
    ({"optimizer": "adam", "lr": 0.05, "epochs": 3, "batch_size": 50}, "mae", adam(0.05), lambda: shuffled(53, 50, 3)),
    ({"optimizer": "sgd", "lr": 1e-5, "epochs": 3, "batch_size": 20}, "sum", sgd(1e-5), lambda: shuffled(53, 20, 3)),
    ({"optimizer": "sgd", "lr": 1e-4, "steps": 10, "batch_size": 8}, "mse", sgd(1e-4),
     lambda: [shuffled(53, 8, 2)[0], shuffled(53, 8, 2)[1][:3]]),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "loss", "make", "batches"), RUNS)
def test_a_run_has_the_bits_of_the_loop_by_hand(
    table: dict[str, list[float]],
    settings: dict[str, Any],
    loss: str,
    make: Callable[..., Any],
    batches: Callable[[], list[list[torch.Tensor]]],
) -> None:
    found = gdcli.fit_linear(
        data="data.csv", target="y", loss=loss, standardize=False, diagnose=False, **settings
    ).result()
    w, b, means = by_hand(*tensors(table), loss, make, batches())
    if loss == "mse":  # mse_loss divides where the mean multiplies
        assert found.result.values["w"] == pytest.approx(w, rel=1e-5)
        assert [row.loss for row in found.iterations] == pytest.approx(means, rel=1e-5)
    else:
        assert found.result.values == {"w": w, "b": b}
        assert [row.loss for row in found.iterations] == pytest.approx(means, rel=1e-6)
    assert found.result.iteration == sum(map(len, batches()))


NIST = Path(__file__).parent / "data" / "nist"
BY_DESCENT: list[tuple[str, dict[str, Any]]] = [
    ("norris", {"target": "y", "epochs": 1}),
    ("noint1", {"target": "y", "epochs": 1, "intercept": False}),
    ("noint2", {"target": "y", "epochs": 1, "intercept": False}),
    ("longley", {"target": "TOTEMP", "optimizer": "manual-nesterov", "momentum": 0.98, "epochs": 3000}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), BY_DESCENT)
def test_gradient_descent_itself_has_six_digits_of_the_certified_values(name: str, settings: dict[str, Any]) -> None:
    certified = tomllib.loads((NIST / "certified.toml").read_text())
    found = gdcli.fit_linear(data=NIST / f"{name}.csv", dtype="float64", diagnose=False, **settings).result()
    known = certified[name]["coefficients"]
    for coefficient, value in zip(found.coefficients, known, strict=True):
        assert abs(coefficient.value - float(value)) <= 1e-6 * abs(float(value)), coefficient.name


def test_rows_of_steps_have_the_loss_of_their_batch(table: dict[str, list[float]]) -> None:
    words = {"data": "data.csv", "target": "y", "standardize": False, "lr": 1e-4, "batch_size": 20, "epochs": 2}
    steps = gdcli.fit_linear(**words, per="step", diagnose=False).result()
    epochs = gdcli.fit_linear(**words, diagnose=False).result()
    assert [(row.iteration, row.epoch) for row in steps.iterations] == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)]
    sizes = [20, 20, 13]
    for epoch, row in enumerate(epochs.iterations):
        losses = [step.loss for step in steps.iterations[3 * epoch : 3 * epoch + 3]]
        assert row.loss == pytest.approx(sum(n * loss for n, loss in zip(sizes, losses, strict=True)) / 53, rel=1e-12)
        assert row.values == steps.iterations[3 * epoch].values
    assert steps.result.values == epochs.result.values


@pytest.mark.parametrize(
    "settings",
    [{}, {"loss": "sum", "l2": 0.5}, {"loss": "huber"}, {"batch_size": 20, "lr": 1e-3}, {"l1": 0.1, "l2": 0.01}],
)
def test_rows_that_are_read_for_every_pass_give_the_same(
    table: dict[str, list[float]], settings: dict[str, Any]
) -> None:
    words = {"data": "data.csv", "target": "y", "epochs": 5, "dtype": "float64", "diagnose": False, **settings}
    kept, read = (gdcli.fit_linear(**words, in_memory=choice).result() for choice in ("yes", "no"))
    assert [row.loss for row in read.iterations] == pytest.approx([row.loss for row in kept.iterations], rel=1e-12)
    assert [c.value for c in read.coefficients] == pytest.approx([c.value for c in kept.coefficients], rel=1e-12)


def test_coefficients_stand_beside_the_exact_ones_in_the_units_of_the_data(table: dict[str, list[float]]) -> None:
    found = gdcli.fit_linear(
        data="data.csv", target="y", dtype="float64", epochs=2000, tol_x=1e-13, diagnose=False
    ).result()
    X, y = tensors(table, torch.float64)
    A = torch.cat([torch.ones(53, 1, dtype=torch.float64), X], 1)
    known = torch.linalg.lstsq(A, y, driver="gelsd").solution
    assert [c.name for c in found.coefficients] == ["intercept", "a", "b"]
    assert [c.exact for c in found.coefficients] == pytest.approx(known.tolist(), rel=1e-11)
    assert all(c.digits is not None and c.digits > 9 for c in found.coefficients)
    residual = y - A @ known
    spread = math.sqrt(float(residual @ residual) / 50)
    errors = (spread * torch.linalg.inv(A.T @ A).diagonal().sqrt()).tolist()
    assert [c.standard_error for c in found.coefficients] == pytest.approx(errors, rel=1e-9)
    assert found.quality.residual_sd == pytest.approx(spread, rel=1e-9)
    assert found.quality.r2 == pytest.approx(1 - float(residual.var(correction=0) / y.var(correction=0)), rel=1e-9)
    assert found.status == "converged_x"
    means, scales = X.mean(0), X.std(0, correction=0)
    assert found.columns[0].mean == pytest.approx(float(means[0]), rel=1e-14)
    assert found.coefficients[2].standardized == pytest.approx(float(known[2] * scales[1]), rel=1e-9)


def test_the_rate_by_itself_is_one_over_the_curvature(table: dict[str, list[float]]) -> None:
    X, _ = tensors(table, torch.float64)
    A = torch.cat([torch.ones(53, 1, dtype=torch.float64), X], 1)
    largest = float(torch.linalg.eigvalsh(A.T @ A / 53)[-1])
    for loss, factor in {"mse": 2, "half-mse": 1, "sum": 106, "huber": 1}.items():
        fit = gdcli.fit_linear(data="data.csv", target="y", standardize=False, loss=loss, epochs=1, diagnose=False)
        assert fit.result().iterations[0].lr == pytest.approx(1 / (factor * largest), rel=1e-9)
    ridge = gdcli.fit_linear(data="data.csv", target="y", standardize=False, l2=3.0, epochs=1, diagnose=False).result()
    held = 2 * A.T @ A / 53 + 6 * torch.diag(torch.tensor([0.0, 1, 1], dtype=torch.float64))
    assert ridge.iterations[0].lr == pytest.approx(1 / float(torch.linalg.eigvalsh(held)[-1]), rel=1e-9)
    assert ridge.conditioning is not None
    assert ridge.conditioning.largest == pytest.approx(float(torch.linalg.eigvalsh(held)[-1]), rel=1e-9)


def test_a_penalty_l1_puts_coefficients_to_zero_where_the_conditions_say_so(table: dict[str, list[float]]) -> None:
    found = gdcli.fit_linear(data="data.csv", target="y", l1=4.0, dtype="float64", epochs=500, diagnose=False).result()
    w = torch.tensor(found.result.values["w"], dtype=torch.float64)
    X, y = tensors(table, torch.float64)
    Z = (X - X.mean(0)) / X.std(0, correction=0)
    slope = 2 * Z.T @ (Z @ w + found.result.values["b"] - y) / 53
    assert (w == 0).tolist() == [True, False]
    assert abs(float(slope[0])) < 4
    assert float(slope[1]) == pytest.approx(-4 * math.copysign(1, float(w[1])), rel=1e-9)


EARLY: list[dict[str, Any]] = [
    {"batch_size": 4, "lr": 0.05},
    {"batch_size": 4, "lr": 0.05, "per": "step"},
    {"batch_size": 4, "lr": 0.05, "in_memory": "no"},
    {"optimizer": "manual-momentum", "momentum": 0.97, "lr": 0.05},
]


@pytest.mark.parametrize("settings", EARLY)
def test_rows_kept_apart_teach_nothing_and_end_a_run_early(
    table: dict[str, list[float]], settings: dict[str, Any]
) -> None:
    words = {"data": "data.csv", "target": "y", "validate": 0.3, "dtype": "float64", "diagnose": False}
    fit = gdcli.fit_linear(**words, **settings, epochs=300, patience=3)
    record = fit.result()
    assert isinstance(fit, Fit)
    assert record.status == "early_stopped"
    validated = [row for row in record.iterations if isinstance(row.validation, float)]
    lowest = min(validated, key=lambda row: row.validation)
    smallest = f"the validation loss was smallest, {lowest.validation:.6g}, at epoch {lowest.epoch}, "
    smallest += "and the coefficients are those of it"
    assert record.message == f"stopped early at epoch {lowest.epoch + 3}: {smallest}"
    begun = record.iterations[-1].epoch  # the epoch at which it stops is not begun with batches
    assert begun == lowest.epoch + (2 if settings.get("per") is None and "batch_size" in settings else 3)
    assert record.rows == 53 - 16
    # The coefficients are those of the best epoch: in the row at the end, the table, and the model.
    assert record.result.values == record.best.values == lowest.values
    assert (record.result.iteration, record.result.epoch) == (lowest.iteration, lowest.epoch)
    assert [c.standardized for c in record.coefficients] == coefficients_of(lowest)
    assert model_of(fit).w == lowest.values["w"]
    kept = next(fit.table.apart())
    predicted = kept.X @ torch.tensor(record.result.values["w"], dtype=torch.float64) + record.result.values["b"]
    assert record.result.validation == pytest.approx(float((predicted - kept.y).square().mean()), rel=1e-12)


def test_rows_that_are_left_out_are_counted_among_all(table: dict[str, list[float]]) -> None:
    text = Path("data.csv").read_text()
    Path("data.csv").write_text(text + ",3,4\n" * 20 + "1,NA,\n")
    words = {"data": "data.csv", "target": "y", "missing": "drop", "validate": 0.5, "epochs": 1, "diagnose": False}
    found = gdcli.fit_linear(**words).result()
    assert found.dropped == 21
    assert found.settings.source.rows == 74
    assert found.warnings[0].message == "21 of 74 rows have a missing cell and were left out"
    assert {column.name: column.missing for column in found.columns} == {"a": 20, "b": 1, "y": 1}


@pytest.mark.parametrize("loss", ["mse", "sum", "mae", "logistic"])
def test_rows_kept_apart_have_a_quality_of_their_own(table: dict[str, list[float]], loss: str) -> None:
    middle = sorted(table["y"])[26]
    lines = [f"{a},{b},{int(y > middle) if loss == 'logistic' else y}" for a, b, y in zip(*table.values(), strict=True)]
    Path("kept.csv").write_text("\n".join(["a,b,y", *lines]))
    fit = gdcli.fit_linear(
        data="kept.csv", target="y", loss=loss, validate=0.3, l2=0.05, epochs=7, lr=0.003, dtype="float64",
        diagnose=False,
    )  # fmt: skip
    record = fit.result()
    assert isinstance(fit, Fit)
    w = torch.tensor(record.result.values["w"], dtype=torch.float64)
    for (X, y), found in ((next(fit.table.apart()), record.validation_quality), (next(fit.table.pieces()), None)):
        predicted = X @ w + record.result.values["b"]
        if loss == "logistic":
            plain = torch.nn.functional.binary_cross_entropy_with_logits(predicted, y).item()
            found = found or record.quality
            assert found.accuracy == pytest.approx(((predicted > 0) == (y == 1)).double().mean().item(), rel=1e-12)
            assert found.deviance == pytest.approx(2 * len(y) * plain, rel=1e-9)
        elif found is not None:
            assert found.loss == pytest.approx(LOSSES[loss](predicted, y).item(), rel=1e-9)
            squares = (predicted - y).square().sum().item()
            assert found.rmse == pytest.approx(math.sqrt(squares / len(y)), rel=1e-9)
            assert found.r2 == pytest.approx(1 - squares / (y - y.mean()).square().sum().item(), rel=1e-9)


FACTS = [
    (["--loss", "logistic", "--target", "sold", "--categorical", "sold"], "class 1 sold is yes; no is class 0"),
    (["--loss", "logistic", "--target", "sold", "--categorical", "sold"], "condition number of X'X,"),
    (["--loss", "logistic", "--target", "sold", "--categorical", "sold"], "the largest eigenvalue of a bound of the"),
    (["--target", "y", "--categorical", "sold"], "reference level no of sold"),
    (["--target", "y", "--loss", "huber", "--exclude", "sold"], "Huber's loss delta is 1, in the unit of y"),
    (["--target", "y", "--no-intercept", "--exclude", "sold"],
     "R2 without an intercept, against predictions of 0 and not of the mean"),
    (["--target", "y", "--exclude", "sold", "--validate", "0.3"], "; 37 rows, 16 more kept apart"),
    (["--target", "y", "--exclude", "sold", "--validate", "0.3"], "R2 kept apart"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "fact"), FACTS)
def test_what_has_to_be_known_to_read_the_table_is_said(
    table: dict[str, list[float]], run: Run, words: list[str], fact: str
) -> None:
    middle = sorted(table["y"])[26]
    rows = zip(*table.values(), strict=True)
    lines = [f"{a},{b},{y},{'no' if y + (i % 3 - 1) < middle else 'yes'}" for i, (a, b, y) in enumerate(rows)]
    Path("sold.csv").write_text("\n".join(["a,b,y,sold", *lines]))
    said = run("fit-linear", "sold.csv", *words, "--epochs", "2", "--no-diagnose").out
    assert fact in " ".join(said.split())


def test_cells_that_were_filled_in_are_counted(table: dict[str, list[float]]) -> None:
    Path("gaps.csv").write_text(Path("data.csv").read_text() + ",3,4\n" * 20 + "1,NA,2\n1,2,\n")
    found = gdcli.fit_linear(data="gaps.csv", target="y", missing="mean", epochs=1, diagnose=False).result()
    message = "the mean of a column takes the place of its missing cells: column 'a' has 20, 'b' has 1"
    assert message in [notice.message for notice in found.warnings]


def test_a_start_is_given_in_the_units_of_the_data(table: dict[str, list[float]]) -> None:
    for standardize in (True, False):
        fit = gdcli.fit_linear(
            data="data.csv", target="y", init={"a": 2, "intercept": -1}, epochs=0, dtype="float64",
            standardize=standardize, diagnose=False,
        )  # fmt: skip
        X, y = tensors(table, torch.float64)
        known = float((2 * X[:, 0] - 1 - y).square().mean())
        record = fit.result()
        assert record.result.loss == pytest.approx(known, rel=1e-12)
        assert [c.value for c in record.coefficients] == pytest.approx([-1, 2, 0], abs=1e-12)


@pytest.mark.slow
def test_a_logistic_regression_comes_to_the_answer_of_newtons_method(table: dict[str, list[float]], run: Run) -> None:
    middle = sorted(table["y"])[26]
    rows = zip(table["a"], table["b"], table["y"], strict=True)
    draw = random.Random(1)
    lines = [f"{a},{b},{'yes' if y + draw.gauss(0, 3) > middle else 'no'}" for a, b, y in rows]
    Path("sold.csv").write_text("\n".join(["a,b,sold", *lines]))
    words = ["sold.csv", "--target", "sold", "--categorical", "sold", "--loss", "logistic", "--dtype", "float64"]
    record = run("fit-linear", *words, "--epochs", "400", "--json", "--no-diagnose").json()
    assert min(c["digits"] for c in record["coefficients"]) > 4
    assert record["quality"]["r2"] is None
    assert record["columns"][-1]["levels"] == ["no", "yes"]
    X, _ = tensors(table, torch.float64)
    y = torch.tensor([float(line.endswith("yes")) for line in lines], dtype=torch.float64)
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    A = torch.cat([torch.ones(53, 1, dtype=torch.float64), (X - X.mean(0)) / X.std(0)], 1)
    optimizer = torch.optim.LBFGS([w], max_iter=500, tolerance_grad=1e-12, tolerance_change=0)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(A @ w, y)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert record["exact_quality"]["loss"] == pytest.approx(closure().item(), rel=1e-10)


SAME = [
    ["--epochs", "5"],
    ["--loss", "half-mse", "--lr", "1e-4", "--no-standardize", "--epochs", "6"],
    ["--batch-size", "10", "--epochs", "2", "--optimizer", "adam", "--lr", "0.1"],
    ["--batch-size", "1", "--no-shuffle", "--epochs", "1", "--lr", "0.001"],
    ["--poly", "a:3", "--epochs", "3"],
    ["--feature", "log(a)", "--feature", "a*b", "--epochs", "3"],
    ["--optimizer", "lbfgs", "--epochs", "3", "--dtype", "float64"],
    ["--no-intercept", "--l2", "0.1", "--epochs", "4"],
    ["--loss", "huber", "--optimizer", "sgd", "--momentum", "0.9", "--epochs", "4", "--schedule", "step",
     "--sched", "step_size=2"],
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("words", SAME)
def test_the_script_comes_to_the_same_coefficients(table: dict[str, list[float]], run: Run, words: list[str]) -> None:
    script = run("fit-linear", "data.csv", "--target", "y", *words, "--code").out
    done = in_a_process("python", "-c", script)
    assert done.code == 0, done.err
    last = done.out.splitlines()[-1]
    record = run("fit-linear", "data.csv", "--target", "y", *words, "--no-diagnose", "--json").json()
    shown = json.loads(last.partition("w ")[2].partition("]")[0] + "]")
    exactly = "--no-standardize" in words
    assert shown == (
        record["result"]["values"]["w"] if exactly else pytest.approx(record["result"]["values"]["w"], rel=2e-6)
    )


@pytest.mark.slow
@pytest.mark.process
def test_the_script_leaves_out_the_rows_that_the_run_leaves_out(table: dict[str, list[float]], run: Run) -> None:
    gaps = "null,3,4\nNA,1,2\n,3,1\n1,2,null\n"
    Path("data.csv").write_text(Path("data.csv").read_text() + gaps)
    words = ["data.csv", "--target", "y", "--missing", "drop", "--epochs", "3"]
    script = run("fit-linear", *words, "--code").out
    done = in_a_process("python", "-c", script)
    assert done.code == 0, done.err
    shown = json.loads(done.out.splitlines()[-1].partition("w ")[2].partition("]")[0] + "]")
    record = run("fit-linear", *words, "--no-diagnose", "--json").json()
    assert shown == pytest.approx(record["result"]["values"]["w"], rel=2e-6)


def test_the_settings_of_a_record_make_it_again(table: dict[str, list[float]], run: Run) -> None:
    words = ["--target", "y", "--batch-size", "8", "--epochs", "3", "--init", "a=1", "--poly", "a:2", "--json"]
    first = run("fit-linear", "data.csv", *words)
    Path("run.json").write_text(first.out)
    assert run("fit-linear", "--config", "run.json", "--json").out == first.out
    again = run("fit-linear", "--config", "run.json", "--epochs", "1", "--json").json()
    assert len(again["iterations"]) == 1
    assert first.json()["settings"]["source"]["rows"] == 53
    Path("below").mkdir()
    Path("below/run.toml").write_text('data = ["../data.csv"]\ntarget = "y"\nepochs = 1\n[poly]\na = 2\n')
    below = run("fit-linear", "--config", "below/run.toml", "--json").json()["settings"]
    assert (below["data"], below["poly"]) == (["below/../data.csv"], {"a": 2})
    Path("data.csv").write_text(Path("data.csv").read_text() + "1,2,3\n")
    assert "is not the data of this record: its SHA-256 is" in run("fit-linear", "--config", "run.json").err


def test_columns_in_python_are_the_same_as_those_of_a_file(table: dict[str, list[float]]) -> None:
    given = {
        name: torch.tensor(column, dtype=torch.float64) if name == "a" else column for name, column in table.items()
    }
    words = {"target": "y", "epochs": 4, "diagnose": False}
    one, other = (gdcli.fit_linear(data=data, **words).result() for data in ("data.csv", given))
    assert one.iterations == other.iterations
    assert one.coefficients == other.coefficients
    rows = list(gdcli.fit_linear(data=given, **words))
    assert [row.epoch for row in rows] == [0, 1, 2, 3, 4]


def test_lines_and_csv_have_the_rows_of_the_document(table: dict[str, list[float]], run: Run) -> None:
    words = ["fit-linear", "data.csv", "--target", "y", "--epochs", "3", "--batch-size", "20"]
    record = run(*words, "--json").json()
    first, *rows, last = run(*words, "--jsonl").lines()
    assert (first["record"], last["record"]) == ("settings", "result")
    assert [{**row, "record": "row"} for row in record["iterations"]] == rows
    assert last["coefficients"] == record["coefficients"]
    lines = run(*words, "--csv").out.splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "3", "6", "9"]


def test_a_tolerance_that_is_not_met_is_an_exit_code(table: dict[str, list[float]], run: Run) -> None:
    words = ["fit-linear", "data.csv", "--target", "y", "--epochs", "2", "--tol-x", "1e-9", "--require-convergence"]
    assert run(*words).code == 3
    assert run(*words, "--epochs", "500", "--tol-x", "1e-4").code == 0


def test_raw_columns_that_are_hopeless_are_told_with_what_helps(table: dict[str, list[float]]) -> None:
    found = gdcli.fit_linear(data="data.csv", target="y", standardize=False, lr=0.1).result()
    assert found.status == "diverged"
    finding = found.diagnosis[0]
    assert finding.code == "learning-rate-too-large"
    assert finding.remedy is not None
    assert finding.remedy.options == "--standardize --lr auto"
    again = gdcli.fit_linear(data="data.csv", target="y", standardize=True, lr="auto", diagnose=False).result()
    exact = again.exact_quality
    assert exact is not None
    arrives = next(
        row.iteration for row in again.iterations if row.loss - exact.loss <= 1e-6 * found.iterations[0].loss
    )
    assert finding.remedy.arrives == pytest.approx(arrives, abs=1)


@pytest.mark.slow
def test_the_noise_of_batches_is_told_with_a_schedule_that_helps(table: dict[str, list[float]]) -> None:
    found = gdcli.fit_linear(data="data.csv", target="y", batch_size=4, lr=0.1, epochs=30).result()
    finding = found.diagnosis[0]
    assert finding.code == "batch-noise"
    assert finding.remedy is not None
    tried = gdcli.fit_linear(
        data="data.csv",
        target="y",
        **{"batch_size": 4, "lr": 0.1, "epochs": 30, "diagnose": False, **finding.remedy.settings},
    ).result()
    assert tried.result.loss == finding.remedy.loss
    assert found.exact_quality is not None
    exact = found.exact_quality.loss
    assert tried.result.loss - exact < 0.1 * (found.result.loss - exact)


# What is said of a run must be so: no noise where a smaller rate does not help, no growth without a step.
NOTHING_FALSE: list[tuple[dict[str, Any], list[str], str]] = [
    ({"optimizer": "adam", "epochs": 3, "batch_size": 8}, ["slow"], "after 21 steps the loss"),
    ({"epochs": 1, "batch_size": 1000, "lr": 0.1}, ["slow"], "after 1 step the loss"),
    ({"epochs": 0}, [], ""),
    ({"optimizer": "adamw", "epochs": 3}, [], ""),
    ({"until": 1e3, "epochs": 3}, [], ""),
    ({"epochs": 3, "clip_value": 0.1}, ["slow"], "after 3 steps the loss"),
    ({"init": {"b": 1e300}, "epochs": 3}, ["not-finite"], "the loss or its gradient is not finite at the start"),
    ({"lr": 1e30, "epochs": 9, "dtype": "float64"}, ["learning-rate-too-large"], "the learning rate 1e+30 is above"),
]


@pytest.mark.parametrize(("settings", "codes", "begins"), NOTHING_FALSE)
def test_what_is_said_of_a_run_is_so(
    table: dict[str, list[float]], settings: dict[str, Any], codes: list[str], begins: str
) -> None:
    found = gdcli.fit_linear(data="data.csv", target="y", **settings).result()
    assert [finding.code for finding in found.diagnosis] == codes
    assert not codes or found.diagnosis[0].message.startswith(begins)


def test_an_epoch_that_diverges_is_named(table: dict[str, list[float]]) -> None:
    found = gdcli.fit_linear(data="data.csv", target="y", batch_size=4, lr=1e30, epochs=9, diagnose=False).result()
    assert (found.status, found.message) == ("diverged", "diverged: the loss became nan in epoch 0")
    rests = gdcli.fit_linear(
        data="data.csv", target="y", batch_size=30, lr=0.05, schedule="exponential", sched={"gamma": 0.5}, tol_x=1e-3
    ).result()
    assert rests.status == "converged_x"
    assert rests.message.startswith(f"converged in epoch {rests.iterations[-1].epoch}: the change in the variables, ")


ERRORS = [
    ("data.csv", "the column to predict is not given", "write --target COLUMN; data.csv has the columns a, b, y"),
    ("data.csv --target z", "data.csv has no column 'z' (--target)", "its columns are a, b, y"),
    ("data.csv --target y --epochs 5 --steps 3", "--epochs and --steps both say how long to go on", "keep one of them"),
    ("data.csv --target y --patience 3", "--patience is about the validation loss, and there is none",
     "add --validate 0.2"),
    ("data.csv --target y --no-shuffle",
     "--no-shuffle is about the order of the rows in batches, and a batch has all rows",
     "add --batch-size 32, or leave it out"),
    ("data.csv --target y --batch-size 8 --tol-grad 1e-3",
     "--tol-grad is about the gradient of all rows, and a step sees that of a batch",
     "use --tol-loss or --tol-x, or leave out --batch-size"),
    ("data.csv --target y --lr auto --loss mae",
     "--lr auto derives the learning rate from the curvature, and mae has none", "give a number: --lr 0.1"),
    ("data.csv --target y --init z=1", "there is no coefficient 'z' (--init)", "the coefficients are intercept, a, b"),
    ("data.csv --target y --poly a", "--poly takes COLUMN:DEGREE, not 'a'", "for example: --poly a:2"),
    ("data.csv --target y --poly a:0", "--poly takes COLUMN:DEGREE, not 'a:0'", "for example: --poly a:2"),
    ("data.csv --target y --l1 1 --optimizer adam",
     "--l1 makes a proximal step after the step of a rule, and adam has none that goes with it",
     "use --optimizer manual; others are manual-momentum, manual-nesterov, sgd"),
    ("data.csv --target y --l1 1 --tol-grad 1e-3",
     "with --l1 the gradient of the loss is not 0 at the minimum, so --tol-grad would not end the run",
     "use --tol-x 1e-6, or --tol-loss"),
    ("data.csv --target y --activation relu", "--activation is about the layer that fit-linear fits without data",
     "leave out --activation, or the file"),
    ("data.csv --target y --W 3", "--W is a value of the layer that fit-linear fits without data",
     "leave out --W, or the file"),
    ("data.csv --target y --lr.w 3", "--lr.NAME is about the layer that fit-linear fits without data",
     "leave out --lr.NAME, or the file"),
    ("data.csv --target y --foo 3", "unknown option '--foo'", "--help lists the options"),
    ("data.csv --target y --loss rmse", "--loss must be one of mse, sum, half-mse, mae, huber, logistic, not 'rmse'",
     "did you mean 'mse'?"),
    ("data.csv --target y --validate 2", "--validate must be a number between 0 and 1, not '2'",
     "for example: --validate 0.1"),
    ("data.csv --target y --batch-size 0", "--batch-size must be a whole number of at least 1, not '0'",
     "for example: --batch-size 2"),
    ("data.csv --target y --optimizer manual-exact --batch-size 8",
     "manual-exact compares losses of all rows, and a batch has 8 of them",
     "leave out --batch-size, or use another optimizer"),
    ("data.csv --target y --validate 0.001", "--validate 0.001 keeps none of the 53 rows apart",
     "give a larger share, or leave it out"),
    ("--epochs 3", "--epochs is about data, and no file is given", "gdcli fit-linear data.csv --target y --epochs 3"),
    ("--features a", "--features is about data, and no file is given",
     "gdcli fit-linear data.csv --target y --features a"),
    ("data.csv --target y --validate 0.2 --code",
     "--code cannot write this run: a script keeps no rows apart for validation",
     "leave out --validate, or --code"),
    ("data.csv --target y --l1 1 --code", "--code cannot write this run: a script makes no proximal steps",
     "leave out --l1, or --code"),
    ("--target price", "--target names the column 'price', and no file is given",
     "gdcli fit-linear data.csv --target price"),
    ("data.csv --target y --loss logistic", "the target 'y' of a logistic regression is 0 or 1, not 1.8902",
     "leave out --loss logistic to predict numbers; of two categories, add --categorical y"),
    ("text.csv --target y --features a --feature id*2", "id in line 2 of text.csv is 'h0', not a number",
     "a feature is computed of columns of numbers: leave out --feature 'id*2'"),
    ("text.csv --target y", "id in line 2 of text.csv is 'h0', not a number",
     "leave it out with --exclude id: it has another text in each row"),
    ("text.csv --target y --exclude id", "kind in line 2 of text.csv is 'u', not a number",
     "take it as categories with --categorical kind, or leave it out with --exclude kind"),
    ("text.csv --target y --features a --feature log(a-1)",
     "the feature 'log(a-1)' is -inf in row 1 of the data, where a = 1",
     "write a feature that is finite in every row, or remove the row"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message", "hint"), ERRORS)
def test_an_error_says_what_is_wrong_and_what_to_do(
    table: dict[str, list[float]], run: Run, line: str, message: str, hint: str
) -> None:
    Path("text.csv").write_text("a,id,kind,y\n1,h0,u,1\n2,h1,v,3\n3,h2,u,2\n4,h3,v,5\n")
    outcome = run("fit-linear", *line.split())
    assert outcome.err == f"error: {message}\nhint: {hint}\n"
    assert (outcome.code, outcome.out) == (2, "")


def test_a_target_of_texts_is_no_category_to_take_it_as(table: dict[str, list[float]], run: Run) -> None:
    Path("text.csv").write_text("x,y\n1,2\n2,abc\n3,6\n")
    assert run("fit-linear", "text.csv", "--target", "y").err == (
        "error: y in line 3 of text.csv is 'abc', not a number\n"
        "hint: a target is a column of numbers, or of two categories: --loss logistic --categorical y\n"
    )


def test_several_starts_stand_in_one_word_or_in_several(table: dict[str, list[float]], run: Run) -> None:
    words = ["fit-linear", "data.csv", "--target", "y", "--epochs", "1", "--json"]
    one = run(*words, "--init", "a=2,intercept=100").json()
    assert one["settings"]["init"] == {"a": 2.0, "intercept": 100.0}
    assert one == run(*words, "--init", "a=2", "--init", "intercept=100").json()


def test_no_digit_is_none_and_a_dependent_column_has_a_way_out(run: Run, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b,y\n1,2,2\n2,4,3\n3,6,5\n4,8,4\n")
    said = run("fit-linear", str(tmp_path / "d.csv"), "--target", "y", "--epochs", "1", "--no-diagnose").out
    assert "so many answers are equally good; with --l2 there is one" in " ".join(said.split())
    assert math.copysign(1, digits(3.0, 1.0) or 0.0) == math.copysign(1, digits(2.0, 1.0) or 0.0) == 1


def test_without_data_a_target_is_a_value_of_the_layer(run: Run) -> None:
    record = run("fit-linear", "--target", "4,5", "--W", "zeros(2, 3)", "--x", "1,2,3", "--steps", "1", "--json").json()
    assert record["settings"]["values"] == {"W": "zeros(2, 3)", "x": "1,2,3", "target": "4,5"}


def test_a_run_that_is_interrupted_is_whole(table: dict[str, list[float]]) -> None:
    fit = gdcli.fit_linear(data="data.csv", target="y", epochs=10**9, batch_size=8)
    assert isinstance(fit, Fit)
    rows = []
    for row in fit:
        rows.append(row)
        if row.epoch == 2:
            fit.interrupt(" by SIGTERM")
    assert fit.ending.status == "interrupted"
    assert fit.ending.message.startswith("interrupted by SIGTERM")
    assert fit.record(rows[:-1]).result.iteration == rows[-1].iteration
