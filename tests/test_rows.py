"""Tables read in batches of rows: the same numbers by every reader, in every share, and what is wrong where.

The right answers are those of the standard library: ``csv``, ``float``, ``json``, ``hashlib``.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import json
import math
import random
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from gdcli.data.rows import threaded
from gdcli.data.rows.rows import Rows, open_rows
from gdcli.errors import GdcliError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which each test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=["standard library", "pyarrow"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """CSV is read by the standard library, and then by pyarrow, in pieces so small that there are several."""
    if request.param == "standard library":
        monkeypatch.setattr(threaded, "_LEAST", math.inf)
    else:
        monkeypatch.setattr(threaded, "_LEAST", 0)
        monkeypatch.setattr("gdcli.data.rows.delimited.BLOCK", 20_000)
    monkeypatch.setattr("gdcli.data.rows.delimited._BLOCK", 5_000)
    monkeypatch.setattr("gdcli.data.rows.delimited._MOST_RECORDS", 17)
    monkeypatch.setattr("gdcli.data.rows.objects._BLOCK", 3_000)
    monkeypatch.setattr("gdcli.data.rows.objects._PART", 19)
    return str(request.param)


def whole(rows: Rows, numbers: Sequence[str], texts: Sequence[str] = (), **how: Any) -> dict[str, list[Any]]:
    """All rows of a share, as lists."""
    found: dict[str, list[Any]] = {name: [] for name in (*numbers, *texts)}
    first = 0
    for batch in rows.batches(numbers, texts, **how):
        assert batch.first == first
        first += batch.count
        for name, items in (batch.numbers | batch.texts).items():
            assert len(items) == batch.count
            found[name] += list(items)
    return found


def a_number(source: random.Random) -> str:
    """A number as some program writes it."""

    def digits() -> str:
        return str(source.randrange(10 ** source.randrange(1, 25)))

    kind = source.randrange(8)
    if kind == 0:
        number = struct.unpack("d", source.randbytes(8))[0]
        return repr(number) if math.isfinite(number) else "0"
    forms = [digits(), f"-{digits()}.{digits()}", f"{source.gauss(0, 1)!r}", f"{digits()}e-{source.randrange(300)}"]
    return [*forms, f" {source.random()} ", f".{digits()}", f"+{digits()}."][kind - 1]


def bits(numbers: Sequence[float]) -> list[bytes]:
    """Numbers by their bits, with one NaN and one zero: JSON has the whole number -0, which is 0."""
    return [struct.pack("d", number + 0.0) if not math.isnan(number) else b"NaN" for number in numbers]


DELIMITERS = [("comma", ","), ("semicolon", ";"), ("tab", "\t"), ("spaces", " ")]
VARIANTS = ["plain", "gaps", "quoted", "windows"]


@pytest.mark.slow
@pytest.mark.parametrize("delimiter", [mark for _, mark in DELIMITERS], ids=[name for name, _ in DELIMITERS])
@pytest.mark.parametrize("variant", VARIANTS)
def test_csv_has_the_numbers_that_float_gives(reader: str, delimiter: str, variant: str) -> None:
    source = random.Random(f"{delimiter}{variant}")
    gaps = ["", "NA", "null"] if variant == "gaps" and delimiter != " " else ["NA", "null"]
    rows = []
    for row in range(1_000):
        cells = [a_number(source) for _ in range(4)]
        if delimiter == " ":
            cells = [cell.strip() for cell in cells]
        if variant == "gaps" and row > 300:
            cells[source.randrange(4)] = source.choice(gaps)
        rows.append([*cells, source.choice(["true", "False", "TRUE"]), f"level {row % 3}".replace(" ", "-")])
    written = io.StringIO()
    if variant == "quoted":
        rows = [[*row[:5], f'a "{delimiter}" {row[5]}'] for row in rows]
    end = "\r\n" if variant == "windows" else "\n"
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end)
    writer.writerows([["a", "b b" if delimiter != " " else "b", "c", "d", "yes", "name"], *rows])
    Path("data.csv").write_bytes(written.getvalue().encode())
    table = open_rows(["data.csv"])
    assert table.columns[2:] == ("c", "d", "yes", "name")
    found = whole(table, table.columns[:5], ["name"], size=100)
    for place, name in enumerate(table.columns[:4]):
        right = [math.nan if row[place] in gaps else float(row[place]) for row in rows]
        assert bits(found[name]) == bits(right), name
    assert found["yes"] == [float(row[4].lower() == "true") for row in rows]
    assert found["name"] == [row[5] for row in rows]


def files_of(count: int) -> list[str]:
    """The same table in every kind of file: ``n`` counts the rows, and ``t`` is a text of changing length."""
    source = random.Random(count)
    texts = ["x" * source.randrange(1, 40) for _ in range(count)]
    lines = [f"{n},{text}\n" for n, text in enumerate(texts)]
    Path("plain.csv").write_text("n,t\n" + "".join(lines))
    Path("quoted.csv").write_text("n,t\n" + "".join(f'{n},"{text}"\n' for n, text in enumerate(texts)))
    objects = [{"n": n, "t": text} for n, text in enumerate(texts)]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in objects))
    Path("list.json").write_text(json.dumps(objects))
    table = pa.table({"n": list(range(count)), "t": texts})
    parquet.write_table(table, "rows.parquet", row_group_size=77)
    feather.write_feather(table, "rows.feather", chunksize=50)
    with pa.ipc.new_stream("stream.arrow", table.schema) as stream:
        stream.write_table(table, max_chunksize=60)
    return ["plain.csv", "quoted.csv", "rows.jsonl", "list.json", "rows.parquet", "rows.feather", "stream.arrow"]


@pytest.mark.slow
@pytest.mark.parametrize("of", [1, 2, 3, 7, 64, 500])
def test_shares_have_every_row_once_and_are_nearly_even(reader: str, of: int) -> None:
    count = 300
    for path in files_of(count):
        table = open_rows([path])
        shares = [whole(table, ["n"], ["t"], share=(rank, of), size=11) for rank in range(of)]
        assert [n for share in shares for n in share["n"]] == list(range(count)), path
        sizes = [len(share["n"]) for share in shares]
        assert max(sizes) - min(sizes) <= (10 if "csv" in path or path == "rows.jsonl" else 2), path


def test_files_of_a_folder_are_one_table() -> None:
    Path("data/b").mkdir(parents=True)
    Path("data/a.csv").write_text("x,y\n1,2\n3,4\n")
    Path("data/b/c.csv").write_text("y,x\n6,5\n")
    Path("data/_about.csv").write_text("nothing")
    Path("data/readme.md").write_text("nothing")
    table = open_rows(["data"])
    assert (table.name, table.paths) == ("data", ("data/a.csv", "data/b/c.csv"))
    assert whole(table, ["x", "y"]) == {"x": [1, 3, 5], "y": [2, 4, 6]}
    assert open_rows(["data/a.csv", "data/b/c.csv"]).name == "2 files"
    shares = [whole(table, ["x"], share=(rank, 5))["x"] for rank in range(5)]
    assert [x for share in shares for x in share] == [1, 3, 5]


def test_batches_have_the_size_that_is_asked_for_and_can_be_read_again() -> None:
    Path("d.csv").write_text("x\n" + "".join(f"{n}\n" for n in range(10)))
    table = open_rows(["d.csv"])
    for size, counts in [(3, [3, 3, 3, 1]), (5, [5, 5]), (100, [10])]:
        batches = list(table.batches(["x"], size=size))
        assert [batch.count for batch in batches] == counts
        assert [x for batch in batches for x in batch.numbers["x"]] == list(range(10))


def test_missing_values_are_counted_by_column() -> None:
    Path("d.csv").write_text("x,y,z\n1,,a\nNA,2,\n3,null,NA\n")
    (batch,) = open_rows(["d.csv"]).batches(["x", "y"], ["z"])
    assert batch.missing == {"x": 1, "y": 2, "z": 2}
    assert batch.texts == {"z": ["a", "", ""]}
    Path("d.jsonl").write_text('{"x": 1, "z": "NA"}\n{"y": true}\n{"x": null, "y": "2", "z": 0.5}\n')
    (batch,) = open_rows(["d.jsonl"]).batches(["x", "y"], ["z"])
    assert batch.missing == {"x": 2, "y": 1, "z": 1}
    assert batch.texts == {"z": ["NA", "", "0.5"]}  # NA is a missing value in CSV alone


def test_columns_of_arrow_are_numbers_whatever_their_type() -> None:
    columns = {
        "whole": pa.array([1, None, 3], pa.int8()),
        "large": pa.array([2**63, 0, 1], pa.uint64()),
        "half": pa.array([0.5, 1.5, 2.5], pa.float16()),
        "flag": pa.array([True, False, None]),
        "money": pa.array([1, 2, 3]).cast(pa.decimal128(25, 2)),
        "coded": pa.array([1.5, 2.5, 1.5]).dictionary_encode(),
        "nothing": pa.nulls(3),
    }
    texts = {"level": pa.array(["u", None, "v"]).dictionary_encode(), "when": pa.array([1, 2, 3], pa.date32())}
    parquet.write_table(pa.table(columns | texts), "d.parquet")
    nan = math.nan
    found = whole(open_rows(["d.parquet"]), list(columns), list(texts))
    right = [[1, nan, 3], [2.0**63, 0, 1], [0.5, 1.5, 2.5], [1, 0, nan], [1, 2, 3], [1.5, 2.5, 1.5], [nan] * 3]
    for name, numbers in zip(columns, right, strict=True):
        assert bits(found[name]) == bits(numbers), name
    assert (found["level"], found["when"]) == (["u", "", "v"], ["1970-01-02", "1970-01-03", "1970-01-04"])


WRONG = {
    "text": ("x,y\n1,2\n\n3,big\n", "y in line 4 of d.csv is 'big', not a number", "--categorical y"),
    "far text": (
        "x,y\n" + "1,2\n" * 5_000 + "3,big\n",
        "y in line 5002 of d.csv is 'big', not a number",
        "--exclude y",
    ),
    "text in quotes": ('x,y\n1,"a\nb"\n', "y in line 2 of d.csv is 'a�b', not a number", "--categorical"),
    "decimal comma": ("x;y\n1;2,5\n", "y in line 2 of d.csv is '2,5', not a number", "write decimals with a point"),
    "thousands": ('x,y\n1,"2,500"\n', "y in line 2 of d.csv is '2,500', not a number", "write numbers without a comma"),
    "other gap": ("x,y\n1,n/a\n", "y in line 2 of d.csv is 'n/a', not a number", "leave the cell empty or write NA"),
    "NaN": ("x,y\n1,nan\n", "y in line 2 of d.csv is NaN, which is not a number", "leave the cell empty or write NA"),
    "infinity": ("x,y\n1,-inf\n", "y in line 2 of d.csv is -infinity, which is not a value of data", ""),
    "too large": ("x,y\n1,1e999\n", "y in line 2 of d.csv exceeds the largest float, about 1.8e308", ""),
    "underscore": ("x,y\n1,2020_1\n", "y in line 2 of d.csv is '2020_1', not a number", ""),
    "short row": ("x,y\n1,2\n3\n", "line 3 of d.csv has 1 cell, but the header has 2", ""),
    "long row": ("x,y\n1,2\n3,4,5\n", "line 3 of d.csv has 3 cells, but the header has 2", "must stand in quotes"),
    "rows that even out": ("x,y\n1,2\n3,4,5\n6\n", "line 3 of d.csv has 3 cells, but the header has 2", ""),
    "names of rows": ("x,y\na,1,2\nb,3,4\n", "line 2 of d.csv has 3 cells, but the header has 2", "no name"),
    "no header": ("1,2\n3,4\n", "d.csv has no header: all cells of line 1 are numbers", "the names of the columns"),
    "no rows": ("x,y\n\n", "d.csv has a header and no lines below it", ""),
    "empty": ("", "d.csv is empty", ""),
    "blank": ("\n  \n", "d.csv is empty", ""),
    "same name": ("x,y,x\n1,2,3\n", "d.csv has 2 columns 'x'", "give each a name of its own in line 1"),
    "open quote": (
        'x,y\n1,2\n3,"4\n' + "5,6\n" * 50_000,
        "line 3 of d.csv cannot be read: field larger than field limit (131072)",
        'a quote (") that begins a cell has to end it',
    ),
    "UTF-16": ("x,y\n1,2\n".encode("utf-16"), "d.csv is not text in UTF-8", "iconv -f UTF-16"),
    "Latin 1": (
        "x,y,ß\n1,2,3\n".encode("latin1"),
        "the name of a column in line 1 of d.csv is not text in UTF-8",
        "0xdf",
    ),
    "compressed": (b"\x1f\x8b\x08rest", "d.csv is compressed", "gunzip -c d.csv"),
}


@pytest.mark.parametrize("case", WRONG)
def test_csv_that_is_wrong_is_refused_with_its_place(reader: str, case: str) -> None:
    content, message, hint = WRONG[case]
    Path("d.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(GdcliError) as caught:
        list(open_rows(["d.csv"]).batches(["x", "y"]))
    assert caught.value.message.startswith(message)
    assert hint in f"{caught.value}"


WRONG_JSON = {
    "text": ('{"x": 1}\n\n{"x": "big"}\n', "x in line 3 of d.jsonl is 'big', not a number", "--categorical x"),
    "list": ('{"x": 1}\n{"x": [1]}\n', "x in line 2 of d.jsonl is [1], not a number", ""),
    "NaN": ('{"x": 1}\n{"x": NaN}\n', "x in line 2 of d.jsonl is NaN, which is not a number", "write null"),
    "broken": ('{"x": 1}\n{"x": 2\n', "line 2, column 8 of d.jsonl is not valid JSON: Input data was truncated", ""),
    "no object": ('{"x": 1}\n[2]\n', "line 2 of d.jsonl is a list, not an object", '{"area": 50, "price": 120}'),
    "new key": (
        '{"x": 1}\n' * 1_000 + '{"x": 1, "xx": 2}\n',
        "line 1001 of d.jsonl has a key 'xx', which the first rows do not have",
        "did you mean 'x'?",
    ),
}


@pytest.mark.parametrize("case", WRONG_JSON)
def test_json_lines_that_are_wrong_are_refused_with_their_place(reader: str, case: str) -> None:
    content, message, hint = WRONG_JSON[case]
    Path("d.jsonl").write_text(content)
    with pytest.raises(GdcliError) as caught:
        list(open_rows(["d.jsonl"]).batches(["x"]))
    assert caught.value.message == message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"x": 1}, {"x": "big"}]', "x in item 1 of d.json is 'big', not a number"),
        ('[{"x": 1}, 2]', "item 1 of d.json is 2, not an object"),
        ('{"x": [1, 2]}', "d.json holds an object, not a list of rows"),
        ("[]", "d.json has no rows"),
        ("[{}]", "the rows of d.json are empty: they have no keys"),
        ('[{"x": 1},\n', "line 2, column 1 of d.json is not valid JSON: Input data was truncated"),
    ],
)
def test_a_list_of_json_that_is_wrong_is_refused(content: str, message: str) -> None:
    Path("d.json").write_text(content)
    with pytest.raises(GdcliError) as caught:
        list(open_rows(["d.json"]).batches(["x"]))
    assert caught.value.message == message


def test_columns_of_parquet_that_are_no_numbers_are_refused() -> None:
    parquet.write_table(pa.table({"x": [1.0, math.nan], "t": ["a", "b"]}), "d.parquet")
    table = open_rows(["d.parquet"])
    with pytest.raises(GdcliError, match=r"t of d\.parquet holds string, not numbers\nhint: take it as categories"):
        list(table.batches(["t"]))
    with pytest.raises(GdcliError, match=r"x in row 1 of d.parquet \(counted from 0\) is NaN, which is not a number"):
        list(table.batches(["x"]))
    Path("text.parquet").write_text("x,y\n1,2\n")
    with pytest.raises(GdcliError, match=r"text\.parquet cannot be read as Parquet"):
        open_rows(["text.parquet"])


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    parquet.write_table(pa.table({"x": [1.0]}), "d.parquet")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(GdcliError, match=r"d\.parquet needs pyarrow, which is not installed") as caught:
        open_rows(["d.parquet"])
    assert (caught.value.hint, caught.value.exit_code) == ('install it: pip install "gdcli[data]"', 1)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["a.csv", "b.csv"], "b.csv has no column 'y', which a.csv has"),
        (["a.csv", "c.csv"], "c.csv has a column 'z', which a.csv does not have"),
        (["a.csv", "d.parquet"], "a.csv and d.parquet are of different kinds"),
        (["mixed"], "the folder mixed has files of several kinds: .csv, .jsonl"),
        (["empty"], "the folder empty has no files of data"),
        (["-", "-"], "standard input can be read once"),
        (["aa.csv"], "cannot read aa.csv: No such file or directory\nhint: did you mean a.csv?"),
    ],
)
def test_files_that_make_no_table_are_refused(paths: list[str], message: str) -> None:
    Path("a.csv").write_text("x,y\n1,2\n")
    Path("b.csv").write_text("x\n1\n")
    Path("c.csv").write_text("x,y,z\n1,2,3\n")
    parquet.write_table(pa.table({"x": [1.0], "y": [2.0]}), "d.parquet")
    Path("mixed").mkdir()
    Path("mixed/a.csv").write_text("x,y\n1,2\n")
    Path("mixed/b.jsonl").write_text('{"x": 1}\n')
    Path("empty").mkdir()
    with pytest.raises(GdcliError) as caught:
        open_rows(paths)
    assert str(caught.value).startswith(message)


def test_an_unknown_column_is_refused_before_anything_is_read() -> None:
    Path("d.csv").write_text("area,price\n1,big\n")
    with pytest.raises(GdcliError, match=r"d\.csv has no column 'aera'\nhint: did you mean 'area'\?"):
        open_rows(["d.csv"]).batches(["aera"])
    with pytest.raises(GdcliError, match=r"d\.csv has no column 'q'\nhint: its columns are area, price"):
        open_rows(["d.csv"]).batches([], ["q"])


def test_a_file_that_changes_between_two_passes_is_refused() -> None:
    Path("d.csv").write_text("x\n1\n")
    table = open_rows(["d.csv"])
    list(table.batches(["x"]))
    with Path("d.csv").open("a") as file:
        file.write("2\n")
    with pytest.raises(GdcliError, match=r"d\.csv was changed while it was being read"):
        list(table.batches(["x"]))


def test_a_file_that_grows_during_a_pass_is_refused() -> None:
    Path("d.csv").write_text("x\n" + "1\n" * 500_000)
    batches = open_rows(["d.csv"]).batches(["x"], size=10)
    next(batches)
    with Path("d.csv").open("a") as file:
        file.write("2\n")
    with pytest.raises(GdcliError, match=r"d\.csv was changed while it was being read"):
        list(batches)


def test_a_row_of_several_lines_is_not_shared() -> None:
    Path("d.csv").write_text('x,t\n1,"a\nb"\n' + "2,c\n" * 100)
    table = open_rows(["d.csv"])
    assert whole(table, ["x"], ["t"])["t"] == ["a\nb"] + ["c"] * 100
    with pytest.raises(GdcliError, match=r"d\.csv has a cell with several lines, so its rows cannot be shared"):
        list(table.batches(["x"], share=(0, 2)))


@pytest.mark.process
@pytest.mark.parametrize("name", ["plain.csv", "rows.jsonl", "list.json", "rows.parquet"])
def test_standard_input_is_read_as_often_as_wanted(name: str) -> None:
    files_of(200)
    program = (
        "from gdcli.data.rows.rows import open_rows; r = open_rows(['-']);"
        "print(r.name, r.sha256, *[sum(sum(b.numbers['n']) for b in r.batches(['n'], ['t'])) for _ in range(3)])"
    )
    command = [sys.executable, "-c", program]
    content = Path(name).read_bytes()
    done = subprocess.run(command, input=content, capture_output=True, check=True, env={"PYTHONPATH": str(ROOT)})
    total = float(sum(range(200)))
    assert done.stdout.decode().split() == [
        "standard", "input", hashlib.sha256(content).hexdigest(), *[str(total)] * 3,
    ]  # fmt: skip


ROOT = Path(__file__).parent.parent


def test_the_sha256_of_a_file_is_that_of_its_bytes() -> None:
    Path("d.csv").write_text("x\n1\n")
    assert open_rows(["d.csv"]).sha256 == hashlib.sha256(b"x\n1\n").hexdigest()
    Path("e.csv").write_text("x\n2\n")
    both = open_rows(["d.csv", "e.csv"]).sha256
    Path("e.csv").write_text("x\n3\n")
    assert open_rows(["d.csv", "e.csv"]).sha256 != both


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    peaks = []
    for count in (100_000, 400_000):
        Path("d.csv").write_text("x,y,z\n" + "1.25,2.5,3\n" * count)
        tracemalloc.start()
        assert sum(batch.count for batch in open_rows(["d.csv"]).batches(["x", "y", "z"], size=5_000)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
