"""``fit-linear --save-model`` and ``predict``: predictions are what the record gives by hand."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import Outcome, Run

import gdcli

TOWNS = ("Bonn", "Kiel", "Ulm")


def houses(count: int, seed: int) -> list[dict[str, Any]]:
    """Rows of houses; the price depends on all columns but the id."""
    drawn = random.Random(seed)
    rows = []
    for k in range(count):
        area, rooms, town = round(drawn.uniform(40, 250), 1), drawn.randint(1, 8), drawn.choice(TOWNS)
        price = 900 * area + 4e3 * rooms + 5e4 * TOWNS.index(town) + drawn.gauss(0, 2e4)
        row = {"id": f"h{k}", "area": area, "rooms": rooms, "town": town, "price": round(price)}
        rows.append({**row, "sold": int(drawn.random() < 1 / (1 + math.exp((price - 2e5) / 5e4)))})
    return rows


def written(path: Path, rows: list[dict[str, Any]], columns: list[str] | None = None) -> str:
    """A CSV file of rows."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns or list(rows[0]), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


@pytest.fixture
def data(tmp_path: Path) -> str:
    return written(tmp_path / "houses.csv", houses(120, seed=1))


@pytest.fixture
def new(tmp_path: Path) -> str:
    return written(tmp_path / "new.csv", NEW)


NEW = houses(40, seed=2)
LINEAR = ["--target", "price", "--exclude", "id,sold", "--categorical", "town", "--epochs", "30", "--quiet"]


def fitted(run: Run, data: str, model: Path, *words: str) -> dict[str, float]:
    """The coefficients of a fit whose model is saved."""
    outcome = run("fit-linear", data, *words, "--save-model", str(model), "--json")
    assert outcome.code == 0, outcome.err
    return {each["name"]: each["value"] for each in outcome.json()["coefficients"]}


def predicted(outcome: Outcome, name: str = "prediction") -> list[float]:
    assert outcome.code == 0, outcome.err
    return [float(row[name]) for row in csv.DictReader(io.StringIO(outcome.out))]


def by_hand(coefficients: dict[str, float], row: dict[str, Any], features: dict[str, Any]) -> float:
    """The sum over the features of a row, each a function of the row."""
    assert set(coefficients) == {"intercept", *features}
    return coefficients["intercept"] + sum(coefficients[name] * of(row) for name, of in features.items())


PLAIN = {
    "area": lambda row: row["area"],
    "rooms": lambda row: row["rooms"],
    "town[Kiel]": lambda row: float(row["town"] == "Kiel"),
    "town[Ulm]": lambda row: float(row["town"] == "Ulm"),
}
FEATURES = {
    "plain": ([], PLAIN),
    "raw": (["--no-standardize", "--lr", "1e-5"], PLAIN),
    "powers": (
        ["--poly", "area:3"],
        {**PLAIN, "area**2": lambda row: row["area"] ** 2, "area**3": lambda row: row["area"] ** 3},
    ),
    "expressions": (
        ["--feature", "log(area)", "--feature", "area*rooms"],
        {
            **PLAIN,
            "log(area)": lambda row: math.log(row["area"]),
            "area*rooms": lambda row: row["area"] * row["rooms"],
        },
    ),
}


@pytest.mark.parametrize("kind", FEATURES)
def test_predictions_are_the_sums_by_hand(kind: str, run: Run, data: str, new: str, tmp_path: Path) -> None:
    words, features = FEATURES[kind]
    model = tmp_path / "m.json"
    coefficients = fitted(run, data, model, *LINEAR, *words)
    expected = [by_hand(coefficients, row, features) for row in NEW]
    assert predicted(run("predict", str(model), new)) == pytest.approx(expected, rel=1e-9)


def test_saved_coefficients_are_those_of_the_record(run: Run, data: str, tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    coefficients = fitted(run, data, model, *LINEAR)
    saved = json.loads(model.read_text())
    assert saved["coefficients"] == coefficients
    assert (saved["model"], saved["target"]) == ("linear", "price")


def test_probabilities_are_sigmoids_of_the_sums_by_hand(run: Run, data: str, new: str, tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    words = ["--target", "sold", "--features", "area,rooms", "--loss", "logistic", "--quiet"]
    coefficients = fitted(run, data, model, *words)
    features = {name: PLAIN[name] for name in ("area", "rooms")}
    expected = [1 / (1 + math.exp(-by_hand(coefficients, row, features))) for row in NEW]
    assert predicted(run("predict", str(model), new), "probability") == pytest.approx(expected, rel=1e-9)
    assert run("predict", str(model), new, "--json").json()["predicts"] == "probability that sold is 1"


def test_columns_are_found_by_name(run: Run, data: str, new: str, tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    fitted(run, data, model, *LINEAR)
    turned = written(tmp_path / "turned.csv", NEW, ["town", "rooms", "id", "area"])  # no price, another order
    assert run("predict", str(model), turned).out == run("predict", str(model), new).out


def test_cells_to_keep_stand_beside_as_they_are(run: Run, data: str, new: str, tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    fitted(run, data, model, *LINEAR)
    rows = list(csv.reader(io.StringIO(run("predict", str(model), new, "--keep", "id,area,price").out)))
    assert rows[0] == ["id", "area", "price", "prediction"]
    assert [row[:3] for row in rows[1:]] == [[row["id"], str(row["area"]), str(row["price"])] for row in NEW]


def test_formats_have_the_same_numbers(run: Run, data: str, new: str, tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    fitted(run, data, model, *LINEAR)
    numbers = predicted(run("predict", str(model), new))
    record = run("predict", str(model), new, "--json", "--keep", "id").json()
    assert [each["prediction"] for each in record["predictions"]] == numbers
    assert [each["kept"]["id"] for each in record["predictions"]] == [row["id"] for row in NEW]
    first, *lines, last = run("predict", str(model), new, "--jsonl").lines()
    assert (first["record"], last["record"], last["rows"]) == ("settings", "result", len(NEW))
    assert [line["prediction"] for line in lines] == numbers
    assert [line["row"] for line in lines] == list(range(1, len(NEW) + 1))
    out = tmp_path / "out.csv"
    assert run("predict", str(model), "-", "--output", str(out), stdin=Path(new).read_text()).code == 0
    assert out.read_text() == run("predict", str(model), new).out


@pytest.mark.parametrize("missing", ["drop", "mean", "error"])
def test_missing_values_are_no_prediction_or_the_mean_or_an_error(
    missing: str, run: Run, data: str, tmp_path: Path
) -> None:
    model = tmp_path / "m.json"
    coefficients = fitted(run, data, model, *LINEAR)
    gaps = [dict(row) for row in NEW]
    gaps[3]["area"], gaps[7]["area"] = "", "NA"
    outcome = run("predict", str(model), written(tmp_path / "gaps.csv", gaps), "--missing", missing)
    if missing == "error":
        assert (outcome.code, outcome.out) == (2, "")
        assert "column 'area' has 2" in outcome.err
        assert "--missing drop" in outcome.err
        return
    assert outcome.code == 0, outcome.err
    cells = [row["prediction"] for row in csv.DictReader(io.StringIO(outcome.out))]
    assert len(cells) == len(NEW)
    if missing == "drop":
        assert [k for k, cell in enumerate(cells) if cell == ""] == [3, 7]
        assert "2 of 40 rows have a missing value" in outcome.err
        return
    mean = sum(row["area"] for row in houses(120, seed=1)) / 120
    expected = by_hand(coefficients, {**NEW[3], "area": mean}, PLAIN)
    assert float(cells[3]) == pytest.approx(expected, rel=1e-9)


def test_the_header_of_probabilities_names_the_class_where_classes_are_texts(
    run: Run, tmp_path: Path, new: str
) -> None:
    rows = [{**row, "sold": "yes" if row["sold"] else "no"} for row in houses(120, seed=1)]
    data, model = written(tmp_path / "texts.csv", rows), tmp_path / "m.json"
    words = ["--target", "sold", "--categorical", "sold", "--loss", "logistic", "--features", "area", "--epochs", "5"]
    fitted(run, data, model, *words, "--quiet")
    assert run("predict", str(model), new).out.splitlines()[0] == "probability of yes"


def test_a_missing_category_has_no_mean(run: Run, data: str, tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    fitted(run, data, model, *LINEAR)
    gaps = [dict(row) for row in NEW]
    gaps[3]["town"] = ""
    outcome = run("predict", str(model), written(tmp_path / "gaps.csv", gaps), "--missing", "mean")
    assert outcome.err.endswith(
        "column 'town' has 1\nhint: print no prediction for these rows with --missing drop; categories have no mean\n"
    )


def edited(change: str) -> list[dict[str, Any]]:
    """New rows that do not fit to the model."""
    rows = [dict(row) for row in NEW]
    if change == "renamed":
        return [{("Area" if name == "area" else name): cell for name, cell in row.items()} for row in rows]
    if change == "misspelled":
        return [{("romos" if name == "rooms" else name): cell for name, cell in row.items()} for row in rows]
    if change == "without":
        return [{name: cell for name, cell in row.items() if name != "town"} for row in rows]
    if change == "category":
        rows[5]["town"] = "Rom"
    if change == "text":
        rows[5]["area"] = "large"
    return rows


ERRORS = {
    "renamed": ("has no column 'area', which the model needs", "did you mean 'Area'? Rename it to 'area'"),
    "misspelled": ("has no column 'rooms', which the model needs", "did you mean 'romos'? Rename it to 'rooms'"),
    "without": ("has no column 'town', which the model needs", "its columns are id, area, rooms, price, sold"),
    "category": ("column 'town' has the category 'Rom' in row 6", "its categories are 'Bonn', 'Kiel', 'Ulm'"),
    "text": ("'large'", "the column 'area' had numbers when the model was fitted"),
}


@pytest.mark.parametrize("change", ERRORS)
def test_data_that_do_not_fit_to_the_model_are_refused(change: str, run: Run, data: str, tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    fitted(run, data, model, *LINEAR)
    outcome = run("predict", str(model), written(tmp_path / "other.csv", edited(change)))
    message, hint = ERRORS[change]
    assert outcome.code == 2
    assert outcome.out == ""
    assert message in outcome.err
    assert hint in outcome.err


def test_column_to_keep_that_is_called_like_the_predictions_is_refused(run: Run, data: str, tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    fitted(run, data, model, *LINEAR)
    rows = [{**row, "prediction": 1} for row in NEW]
    other = written(tmp_path / "other.csv", rows)
    assert "are called 'prediction' too" in run("predict", str(model), other, "--keep", "id,prediction").err
    hint = run("predict", str(model), other, "--keep", "idd").err
    assert "has no column 'idd' (--keep)" in hint
    assert "did you mean 'id'?" in hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a model"),
        ("not json", "is not a model"),
        ('{"model": "linear"}', "is not a model: Object missing required field"),
        ("[1, 2]", "is not a model"),
    ],
)
def test_file_that_is_no_model_is_refused(text: str, says: str, run: Run, new: str, tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_text(text)
    outcome = run("predict", str(file), new)
    assert outcome.code == 2
    assert says in outcome.err
    assert "--save-model" in outcome.err


def test_model_or_data_that_is_missing_is_asked_for(run: Run, data: str, tmp_path: Path) -> None:
    assert "predict needs a model" in run("predict").err
    model = tmp_path / "m.json"
    fitted(run, data, model, *LINEAR)
    assert "predict needs data" in run("predict", str(model)).err
    assert run("predict", str(tmp_path / "none.json"), data).code == 1


def test_run_that_diverged_saves_no_model(run: Run, data: str, tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    outcome = run("fit-linear", data, *LINEAR, "--lr", "1e30", "--save-model", str(model), "--json")
    assert outcome.json()["status"] == "diverged"  # and no second document, of the error
    assert outcome.code == 2
    assert not model.exists()
    assert "the run diverged, so there is no model to save" in outcome.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--save-model", "m.csv"], "does not end in .json"),
        (["--save-model", "m.json", "--code"], "runs nothing"),
        (["--save-model", "m.json", "--json", "--output", "m.json"], "would be written twice"),
    ],
)
def test_unsuitable_save_model_is_refused(words: list[str], says: str, run: Run, data: str) -> None:
    outcome = run("fit-linear", data, *LINEAR, *words)
    assert outcome.code == 2
    assert says in outcome.err


def test_powers_of_numbers_far_from_0_cost_no_digits(run: Run, tmp_path: Path) -> None:
    """Coefficients of x and x**2 around 10**6 nearly cancel: predictions come from those of centred columns."""
    rows = [{"x": 1e6 + k, "y": float((k - 20) ** 2)} for k in range(41)]
    data, model = written(tmp_path / "far.csv", rows), tmp_path / "m.json"
    words = ["--target", "y", "--poly", "x:2", "--optimizer", "newton", "--epochs", "3", "--dtype", "float64"]
    fitted(run, data, model, *words, "--quiet")
    expected = [row["y"] for row in rows]
    assert predicted(run("predict", str(model), data)) == pytest.approx(expected, abs=1e-8)


def test_help_names_the_arguments_and_no_option_that_does_nothing(run: Run) -> None:
    out = run("predict", "--help").out
    assert re.search(r"\[MODEL\]", out)
    for option in ("save", "plot", "digits", "every"):
        assert f"  --{option} " not in out


def test_predictions_in_python_are_those_of_the_command(run: Run, data: str, new: str, tmp_path: Path) -> None:

    model = tmp_path / "m.json"
    fitted(run, data, model, *LINEAR)
    expected = run("predict", str(model), new, "--keep", "id", "--json").json()
    found = gdcli.predict(model, new, keep=["id"])
    assert [(each.prediction, each.kept) for each in found.predictions] == [
        (each["prediction"], each["kept"]) for each in expected["predictions"]
    ]
    columns = {name: [row[name] for row in NEW] for name in NEW[0]}
    given = gdcli.predict(model, columns)
    assert [each.prediction for each in given.predictions] == [each["prediction"] for each in expected["predictions"]]


def test_fit_predicts_in_python_by_its_coefficients() -> None:

    columns = {"x": [1, 2, 3, 4], "y": [2.1, 3.9, 6.2, 7.8]}
    fit = gdcli.fit_linear(data=columns, target="y", dtype="float64", epochs=3, batch_size=2)
    intercept, slope = (each.value for each in fit.result().coefficients)
    found = gdcli.predict(fit, {"x": [5, None]}, missing="drop")
    assert [each.prediction for each in found.predictions] == [pytest.approx(intercept + 5 * slope), None]
    assert (found.rows, found.missing) == (2, 1)
    again = gdcli.fit_linear(data=columns, target="y", dtype="float64", epochs=3, batch_size=2)
    assert gdcli.predict(again, {"x": [5]}).predictions[0] == found.predictions[0]


@pytest.mark.parametrize(
    ("model", "columns", "more", "message"),
    [
        (3, {"x": [1]}, {}, "'model' must be a file or a fit to data, but it is of type int"),
        ("no.json", {"x": [1]}, {}, "cannot read no.json: No such file or directory"),
        (None, {"z": [1]}, {}, "the data has no column 'x', which the model needs"),
        (None, {"x": ["u"]}, {}, "'u' in row 1 of the column 'x' is not a number"),
        (None, 5, {}, "'data' must be files or columns, but it is of type int"),
        (None, {"x": [1]}, {"kep": ["x"]}, "'kep' is no setting of predict"),
    ],
)
def test_what_is_wrong_in_python_is_said(model: Any, columns: Any, more: dict[str, Any], message: str) -> None:

    if model is None:
        model = gdcli.fit_linear(data={"x": [1, 2, 3], "y": [2, 4, 7]}, target="y", epochs=1)
    with pytest.raises(gdcli.GdcliError) as raised:
        gdcli.predict(model, columns, **more)
    assert raised.value.message == message


def test_a_record_of_predictions_shows_itself(tmp_path: Path) -> None:
    columns = {"a": [float(i) for i in range(300)], "y": [2.0 * i + 1 for i in range(300)]}
    fit = gdcli.fit_linear(data=columns, target="y", epochs=20)
    record = gdcli.predict(fit, {"a": columns["a"], "id": [f"r{i}" for i in range(300)]}, keep=["id"])
    bundle = record._repr_mimebundle_()
    lines = bundle["text/plain"].splitlines()
    assert [lines[0], lines[-1]] == ["predictions of y for 300 rows", "260 rows are left out"]
    assert lines[3].split() == ["1", "r0", f"{record.predictions[0].prediction:.6g}"]
    assert "r299" in bundle["text/html"]
    record.save(tmp_path / "p.csv")
    with (tmp_path / "p.csv").open() as file:
        assert list(csv.reader(file)) == [
            ["id", "prediction"], *([f"r{i}", repr(each.prediction)] for i, each in enumerate(record.predictions))
        ]  # fmt: skip
