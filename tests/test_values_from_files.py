"""Values from files and from Python's own arrays: what is read, what stays, what the record says, what is refused.

The right answers are NumPy's, which writes the files, and PyTorch's by hand.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import shlex
import subprocess
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from conftest import Run

import gdcli
from gdcli.errors import GdcliError

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(4, 3))
CSV = "population,profit\n6.1101,17.592\n5.5277,9.1302\n8.5186,13.662\n"
X, Y = [6.1101, 5.5277, 8.5186], [17.592, 9.1302, 13.662]
HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (40000000, 3), }"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ex1.csv, in which each test runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ex1.csv").write_text(CSV)
    return tmp_path


def npy(value: Any) -> bytes:
    """The bytes of an NPY file."""
    file = io.BytesIO()
    np.save(file, value)
    return file.getvalue()


def npz(**values: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **values)
    return file.getvalue()


def text(value: Any, **how: Any) -> bytes:
    """A table as NumPy writes it."""
    file = io.StringIO()
    np.savetxt(file, value, **how)
    return file.getvalue().encode()


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


# What is read: the name of a file, what it holds, the selector, and the values in the dtype that they come in.
READ: list[tuple[str, bytes, str, Any]] = [
    ("a.csv", CSV.encode(), ":population", np.float32(X)),
    ("a.csv", CSV.encode(), ":1", np.float32(Y)),
    ("a.csv", CSV.encode(), ":-2", np.float32(X)),
    ("a.csv", CSV.encode(), ":profit, population", np.float32([Y, X]).T),
    ("a.csv", CSV.encode(), "", np.float32([X, Y]).T),
    ("a.csv", CSV.replace("\n", "\r\n").encode("utf-8-sig"), ":population", np.float32(X)),
    ("a.csv", b"\n\nv\n1\n\n2", "", np.float32([1, 2])),  # one column is a vector
    ("a.csv", b"1,2\n3,4\n", "", np.float32([[1, 2], [3, 4]])),  # without a header
    ("a.csv", b"1,2\n3,4\n", ":1", np.float32([2, 4])),
    ("a.csv", b'name,"a, b"\nx,"1"\n"y, z",2\n', ":a, b", np.float32([1, 2])),
    ("a.csv", b"a;b\n1;2\n", "", np.float32([[1, 2]])),
    ("a.csv", b"t,1990,1991\nx,1,2\n", ":1991", np.float32([2])),  # a name before a number
    ("a.csv", b"a\nnan\n-inf\n1e-400\n", ":a", np.float32([np.nan, -np.inf, 0])),
    ("a.tsv", text(MATRIX, delimiter="\t"), "", np.float32(MATRIX)),
    ("a.txt", text(MATRIX), "", np.float32(MATRIX)),
    ("a.dat", text(MATRIX, header="a b c", comments=""), ":b", np.float32(MATRIX[:, 1])),
    ("data", text(MATRIX, delimiter=","), "", np.float32(MATRIX)),
    ("a.json", dumped(MATRIX.tolist()), "", np.float32(MATRIX)),
    ("a.json", dumped({"W": MATRIX.tolist(), "b": 2}), ":W", np.float32(MATRIX)),
    ("a.json", dumped({"W": MATRIX.tolist(), "b": 2}), ":b", np.float32(2)),
    ("a.json", dumped({"r": {"v": {"x": [1, 2]}}, "r.v": 3}), ":r.v.x", np.float32([1, 2])),
    ("a.json", dumped({"r": {"v": {"x": [1, 2]}}, "r.v": 3}), ":r.v", np.float32(3)),
    ("a.json", dumped([{"x": 1, "y": 2}, {"x": 3, "y": 4}]), ":y", np.float32([2, 4])),
    ("a.json", dumped({"x": [np.nan, -np.inf]}), ":x", np.float32([np.nan, -np.inf])),  # as Python writes them
    ("a.jsonl", b'{"x": 1}\n\n{"x": 3}\n', ":x", np.float32([1, 3])),
    ("a.json", b'{"x": [1, 2]}\n{"x": [3, 4]}\n', ":x", np.float32([[1, 2], [3, 4]])),  # lines under another name
    ("a.jsonl", b"[1, 2]\n[3, 4]\n", "", np.float32([[1, 2], [3, 4]])),
    ("a.npz", npz(W=MATRIX, b=MATRIX[0]), ":b", np.float32(MATRIX[0])),
    ("a.npz", npz(W=np.asfortranarray(MATRIX)), "", np.float32(MATRIX)),
    *(("a.npy", npy(MATRIX.astype(kind)), "", MATRIX.astype(kind).astype("f4")) for kind in ("f2", "f4", "f8", ">f4")),
    *(("a.npy", npy(np.arange(6).astype(kind)), "", np.arange(6)) for kind in ("i1", "u1", "<i2", ">u2", "i4", "u4")),
    ("a.npy", npy(np.array([-1, 2**62])), "", np.array([-1, 2**62])),
    ("a.npy", npy(np.array([7, 2**62], dtype=">u8")), "", np.array([7, 2**62])),
    ("a.npy", npy(np.array([[True], [False]])), "", np.array([[True], [False]])),
    ("a.npy", npy(np.asfortranarray(RNG.normal(size=(2, 3, 4)))), "", None),
    ("a.npy", npy(np.float64(2.5)), "", np.float32(2.5)),
    ("data", npy(MATRIX), "", np.float32(MATRIX)),
    ("a:b.csv", CSV.encode(), ":population", np.float32(X)),
    ("my data.csv", CSV.encode(), ":population", np.float32(X)),
]


@pytest.mark.parametrize(("name", "content", "selector", "right"), READ)
def test_a_file_gives_the_numbers_that_are_in_it(
    run: Run, folder: Path, name: str, content: bytes, selector: str, right: Any
) -> None:
    (folder / name).write_bytes(content)
    if right is None:
        right = np.load(io.BytesIO(content)).astype("f4")
    row = run("ops", "x", "--x", f"@{name}{selector}", "--json").json()["rows"][0]
    assert row["shape"] == list(right.shape)
    assert row["dtype"] == right.dtype.name
    expected = torch.tensor(right)
    found = torch.tensor(json.loads(json.dumps(row["value"]).replace("null", "NaN")), dtype=expected.dtype)
    finite = expected.isfinite()
    assert torch.equal(found[finite], expected[finite])
    if expected.is_floating_point():
        assert found[~finite].isnan().all()  # JSON has null for these


@pytest.mark.parametrize("kind", ["float64", "float16", "bfloat16"])
def test_floating_point_numbers_are_those_of_the_dtype(run: Run, folder: Path, kind: str) -> None:
    (folder / "a.npy").write_bytes(npy(MATRIX))
    row = run("ops", "x", "--x", "@a.npy", "--dtype", kind, "--json").json()["rows"][0]
    assert row["dtype"] == kind
    assert row["value"] == torch.tensor(MATRIX).to(getattr(torch, kind)).tolist()


@pytest.mark.parametrize(
    ("content", "selector"),
    [(CSV, ":population"), (json.dumps({"x": X}), ":x"), ("".join(f'{{"x": {x}}}\n' for x in X), ":x")],
)
def test_standard_input_is_known_by_what_it_holds(run: Run, content: str, selector: str) -> None:
    found = run("ops", "x", "--x", f"@-{selector}", "--json", stdin=content).json()
    assert found["rows"][0]["value"] == torch.tensor(X).tolist()
    assert found["settings"]["sources"]["x"]["sha256"] == hashlib.sha256(content.encode()).hexdigest()


def test_two_values_are_read_from_one_stream(run: Run) -> None:
    outcome = run("ops", "x", "y", "--x", "@-:population", "--y", "@-:profit", "--json", stdin=CSV)
    assert [row["value"] for row in outcome.json()["rows"]] == [torch.tensor(X).tolist(), torch.tensor(Y).tolist()]


# Parquet


def test_parquet_needs_the_extra(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    outcome = run("ops", "x", "--x", "@a.parquet:a")
    assert outcome.code == 1
    assert outcome.err == (
        "error: in the value of x: a.parquet needs pyarrow, which is not installed\n"
        'hint: install it: pip install "gdcli[data]"\n'
    )


def test_parquet_gives_its_columns(run: Run, folder: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {
        "x": [1.5, -2.5, 1e-9],
        "i": [3, -4, 2**40],
        "b": [True, False, True],
        "t": list("abc"),
        "n": [1, None, 2],
    }
    parquet.write_table(pa.table(columns), folder / "a.parquet", row_group_size=2)

    def row(selector: str) -> tuple[Any, str]:
        found = run("ops", "x", "--x", f"@a.parquet:{selector}", "--json", "--dtype", "float64").json()["rows"][0]
        return found["value"], found["dtype"]

    assert row("x") == (columns["x"], "float64")
    assert row("i") == (columns["i"], "int64")
    assert row("b") == (columns["b"], "bool")
    assert row("x,i") == ([[1.5, 3.0], [-2.5, -4.0], [1e-9, 2.0**40]], "float64")
    errors = {
        "t": "error: in the value of x: the column 't' of a.parquet holds string, not numbers\n"
        "hint: select the columns with numbers\n",
        "n": "error: in the value of x: the column 'n' of a.parquet has no value in row 1 (counted from 0)\n"
        "hint: fill the missing values, or leave out their rows\n",
        "X": "error: in the value of x: a.parquet has no column 'X'\nhint: did you mean 'x'?\n",
    }
    for selector, message in errors.items():
        outcome = run("ops", "x", "--x", f"@a.parquet:{selector}")
        assert (outcome.code, outcome.err) == (2, message)


# What is refused: a file, what it holds, the value, the exit code, the message and the hint
REFUSED: list[tuple[str, bytes, str, int, str, str]] = [
    ("a.csv", b"a,b\n1,2\n3,x\n", "@a.csv:b", 2, "b in line 3 of a.csv is 'x', not a number", ""),
    ("a.csv", b"a,b\nx,2\n", "@a.csv", 2, "a in line 2 of a.csv is 'x', not a number",
     "select the columns with numbers, for example: @a.csv:b"),
    ("a.csv", b"1,2\n\n3,x\n", "@a.csv:1", 2, "column 1 (counted from 0) in line 3 of a.csv is 'x', not a number", ""),
    ("a.csv", b"a,b\n1,\n", "@a.csv:b", 2, "b in line 2 of a.csv is empty", ""),
    ("a.csv", b"a\n1e999\n", "@a.csv:a", 2, "a in line 2 of a.csv exceeds the largest float, about 1.8e308", ""),
    ("a.csv", b"a;b\n1,5;2\n", "@a.csv:a", 2, "a in line 2 of a.csv is '1,5', not a number",
     "write decimals with a point"),
    ("a.csv", b"a,b\n1,2\n3\n", "@a.csv:a", 2, "line 3 of a.csv has 1 cell, but the header has 2", ""),
    ("a.csv", b"1,2\n3,4,5\n", "@a.csv", 2, "line 2 of a.csv has 3 cells, but the first line has 2", ""),
    ("a.csv", b"", "@a.csv", 2, "a.csv is empty", ""),
    ("a.csv", b"a,b\n", "@a.csv:a", 2, "a.csv has a header and no lines below it", ""),
    ("a.csv", CSV.encode(), "@a.csv:populaton", 2, "a.csv has no column 'populaton'", "did you mean 'population'?"),
    ("a.csv", CSV.encode(), "@a.csv:z", 2, "a.csv has no column 'z'", "its columns are population, profit"),
    ("a.csv", CSV.encode(), "@a.csv:2", 2, "a.csv has no column 2: it has 2, counted from 0", "the columns are 0 to 1"),
    ("a.csv", b"1,2\n", "@a.csv:x", 2, "a.csv has no column 'x': its first line has no names",
     "give the number of a column, from 0 to 1"),
    ("a.csv", b"a,a\n1,2\n", "@a.csv:a", 2, "a.csv has 2 columns 'a'", "select one by its number"),
    ("a.csv", b"NA,3\n1,2\n", "@a.csv:1", 2,
     "the first line of a.csv has both names and numbers, so it may be a header or not",
     "give every column a name, or none, or select columns by their names"),
    ("a.csv", CSV.encode(), "@a.csv:", 2, "'@a.csv:' selects nothing after ':'", "for example: @a.csv:price"),
    ("a.csv", CSV.encode(), "@", 2, "'@' names no file", "for example: @data.csv:price"),
    ("a.csv", "größe,b\n1,2\n".encode("latin1"), "@a.csv:b", 2,
     "line 1 of a.csv is not text in UTF-8: byte 0xf6 at column 3",
     "save it as UTF-8, for example: iconv -f latin1 -t UTF-8 a.csv"),
    ("a.csv", CSV.encode("utf-16"), "@a.csv:b", 2, "a.csv is not text in UTF-8",
     "save it as UTF-8: iconv -f UTF-16 -t UTF-8 a.csv"),
    ("a.csv", b"\x1f\x8b\x08abc", "@a.csv:b", 2, "a.csv is compressed",
     "for example: gunzip -c a.csv | gdcli ... --x @-"),
    ("a.csv", CSV.encode(), "@b.csv:a", 1, "cannot read b.csv: No such file or directory", "did you mean a.csv?"),
    ("a.csv", CSV.encode(), "@a.npy", 1, "cannot read a.npy: No such file or directory", "did you mean a.csv?"),
    ("a.csv", CSV.encode(), "@no/a.csv", 1, "cannot read no/a.csv: No such file or directory", "there is no folder no"),
    ("a.csv", CSV.encode(), "@.", 1, "cannot read .: Is a directory", "it is a folder, which has a.csv, ex1.csv"),
    ("a.pt", b"PK", "@a.pt", 2, "a.pt is a pickle, which can run any program and is not read",
     "save the numbers as NPY, CSV or JSON"),
    ("a.json", b'{"x": [1,\n 2,, 3]}', "@a.json:x", 2,
     "line 2, column 4 of a.json is not valid JSON: invalid character", ""),
    ("a.json", b'{"x": [1, "q"]}', "@a.json:x", 2, "x[1] in a.json is 'q', not a number", ""),
    ("a.json", b"[[1, 2], [3, null]]", "@a.json", 2, "a.json[1][1] is 'null', not a number", ""),
    ("a.json", b'{"x": [[1, 2], [3]]}', "@a.json:x", 2, "the rows of x in a.json have different lengths", ""),
    ("a.json", b'{"x": []}', "@a.json:x", 2, "x in a.json is empty", ""),
    ("a.json", b'{"x": 1}', "@a.json", 2, "a.json holds an object, not numbers", "select a key: @a.json:x"),
    ("a.json", b'[{"x": 1}]', "@a.json", 2, "a.json holds objects, not numbers", "select a key: @a.json:x"),
    ("a.json", b'[{"x": 1}, {"y": 1}]', "@a.json:x", 2, "a.json has no key 'x' in item 1", "its keys are y"),
    ("a.json", b'{"rate": {"y": 1}}', "@a.json:rate.z", 2, "a.json has no key 'z' in 'rate'", "its keys are y"),
    ("a.json", b'{"rate": 1}', "@a.json:rat", 2, "a.json has no key 'rat'", "did you mean 'rate'?"),
    ("a.jsonl", b'{"x": 1}\n{"x": 2', "@a.jsonl:x", 2,
     "line 2, column 8 of a.jsonl is not valid JSON: Input data was truncated", ""),
    ("a.jsonl", b'{"x": 1}\n{"x": [2, "q"]}', "@a.jsonl:x", 2, "x[1] in line 2 of a.jsonl is 'q', not a number", ""),
    ("a.npy", npy(MATRIX)[:-10], "@a.npy", 2,
     "a.npy is cut off: its numbers need 96 bytes, and 86 follow the header", ""),
    ("a.npy", npy(MATRIX)[:40], "@a.npy", 2, "the header of a.npy is cut off", ""),
    ("a.npy", CSV.encode(), "@a.npy", 2, "a.npy is not an NPY file", "numpy.save writes one"),
    ("a.npy", npy(MATRIX).replace(b"'descr'", b"'dxscr'"), "@a.npy", 2, "the header of a.npy is not valid", ""),
    ("a.npy", npy(np.array([{}], dtype=object)), "@a.npy", 2,
     "a.npy holds Python objects, which only a pickle holds, and a pickle is not read",
     "numpy.save(file, a.astype(float)) saves plain numbers"),
    ("a.npy", npy(MATRIX.astype(complex)), "@a.npy", 2, "a.npy holds complex numbers, which gdcli does not have", ""),
    ("a.npy", npy(np.array(["a"])), "@a.npy", 2, "a.npy holds text, not numbers", ""),
    ("a.npy", npy(np.zeros(2, dtype="M8[s]")), "@a.npy", 2, "a.npy holds dates, not numbers", ""),
    ("a.npy", npy(np.zeros(2, dtype=[("a", "f8")])), "@a.npy", 2, "a.npy holds records, not plain numbers",
     "numpy.save(file, a.astype(float)) saves plain numbers"),
    ("a.npy", npy(np.array([2**63], dtype="u8")), "@a.npy", 2, "a.npy has whole numbers beyond int64",
     "numpy.save(file, a.astype(float))"),
    ("a.npy", npy(np.zeros((0, 3))), "@a.npy", 2, "a.npy has no numbers: its shape is (0, 3)", ""),
    ("a.npy", npy(MATRIX), "@a.npy:x", 2, "a.npy holds one array, which has no part 'x'",
     "write @a.npy, and select in the expression: x[:, 0]"),
    ("a.npy", b"\x93NUMPY\1\0" + bytes([118, 0]) + HEADER.ljust(117).encode() + b"\n", "@a.npy", 2,
     "a.npy has 120,000,000 numbers; the limit is 10,000,000", "make it smaller"),
    ("a.npz", npz(W=MATRIX, b=MATRIX), "@a.npz", 2, "a.npz has 2 arrays", "select one: @a.npz:W; its arrays are W, b"),
    ("a.npz", npz(W=MATRIX, b=MATRIX), "@a.npz:c", 2, "a.npz has no array 'c'", "its arrays are W, b"),
    ("a.npz", npz(W=np.array([None])), "@a.npz", 2,
     "W in a.npz holds Python objects, which only a pickle holds, and a pickle is not read",
     "numpy.save(file, a.astype(float)) saves plain numbers"),
    ("a.npz", b"PK\3\4", "@a.npz", 2, "a.npz is not an NPZ file that can be read: File is not a zip file", ""),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[2]}: {case[4]}")
def test_what_is_wrong_with_a_file_is_said_with_its_place(run: Run, folder: Path, case: Any) -> None:
    name, content, value, code, message, hint = case
    (folder / name).write_bytes(content)
    outcome = run("ops", "x", "--x", value)
    assert outcome.err == f"error: in the value of x: {message}\n" + (f"hint: {hint}\n" if hint else "")
    assert (outcome.code, outcome.out) == (code, "")


def test_a_table_over_the_limit_is_refused(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdcli.data.table.MAX_ELEMENTS", 5)
    assert run("ops", "x", "--x", "@ex1.csv:profit").code == 0
    assert run("ops", "x", "--x", "@ex1.csv").err == (
        "error: in the value of x: ex1.csv has more than 5 numbers\nhint: select a column\n"
    )


@pytest.mark.parametrize(
    ("name", "head", "message"),
    [
        ("a.npy", b"\x93NUMPY\1\0" + bytes([118, 0]) + HEADER.ljust(117).encode() + b"\n",
         "a.npy has 120,000,000 numbers; the limit is 10,000,000\nhint: make it smaller\n"),
        ("a.csv", CSV.encode() * 1_000, "a.csv is larger than 1 GiB\nhint: give a part of it\n"),
    ],
    ids=["npy", "csv"],
)  # fmt: skip
def test_what_is_too_large_is_refused_before_it_is_read(
    run: Run, folder: Path, name: str, head: bytes, message: str
) -> None:
    with (folder / name).open("wb") as file:
        file.write(head)
        file.truncate(2**40)  # a file with holes, which takes no space, and which no memory could hold
    assert run("ops", "x", "--x", f"@{name}").err == f"error: in the value of x: {message}"


def test_a_pickle_in_an_array_runs_nothing(run: Run, folder: Path) -> None:
    class Attack:
        def __reduce__(self) -> Any:
            return (Path("ran").touch, ())

    (folder / "a.npy").write_bytes(npy(np.array([Attack()], dtype=object)))
    assert run("ops", "x", "--x", "@a.npy").code == 2
    assert not Path("ran").exists()


@pytest.mark.process
def test_errors_of_files_come_before_torch(folder: Path) -> None:
    code = (
        "import sys; from gdcli.cli.main import run\n"
        "assert run(['grad', 'sum(x)', '--x', '@ex1.csv:nothing']) == 2\n"
        "assert run(['grad', 'sum(x)', '--x', '@none.csv']) == 1\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


# What stays and what moves

LINE = "mean((w*x + b - y)**2)"
DATA = ["--x", "@ex1.csv:population", "--y", "@ex1.csv:profit"]
LINE_WORDS = [LINE, *DATA, "--w", "0", "--b", "0", "--lr", "0.01", "--steps", "3"]


def descent_by_hand() -> list[tuple[float, float, float]]:
    """Loss, w and b of the lecture's loop on the two columns."""
    x, y = torch.tensor(X), torch.tensor(Y)
    w, b = torch.tensor(0.0, requires_grad=True), torch.tensor(0.0, requires_grad=True)
    found = []
    for _ in range(4):
        loss = ((w * x + b - y) ** 2).mean()
        loss.backward()
        found.append((loss.item(), w.item(), b.item()))
        with torch.no_grad():
            w -= 0.01 * w.grad
            b -= 0.01 * b.grad
        w.grad = b.grad = None
    return found


def test_data_stays_and_the_other_variables_move(run: Run) -> None:
    record = run("minimize", *LINE_WORDS, "--json").json()
    assert record["settings"]["wrt"] == ["w", "b"]
    steps = [*record["iterations"], record["result"]]
    assert [(s["loss"], s["values"]["w"], s["values"]["b"]) for s in steps] == descent_by_hand()
    assert [set(step["values"]) for step in steps] == [{"w", "b"}] * 4


def test_the_title_says_what_the_data_is_and_prints_none_of_it(run: Run) -> None:
    out = " ".join(run("minimize", *LINE_WORDS).out.split())
    assert out.startswith(
        f"minimize {LINE} over w, b; x (3) from ex1.csv:population and y (3) from ex1.csv:profit stay fixed"
    )
    assert "6.11" not in out


def test_data_moves_when_wrt_names_it(run: Run, folder: Path) -> None:
    record = run("grad", "sum(x**2)", "--x", "@ex1.csv:population", "--wrt", "x", "--json").json()
    assert record["grads"]["x"] == (2 * torch.tensor(X)).tolist()
    (folder / "i.npy").write_bytes(npy(np.array([1, -2])))  # whole numbers that move are floating-point
    record = run("grad", "sum(x**2)", "--x", "@i.npy", "--wrt", "x", "--json").json()
    assert record["grads"]["x"] == [2.0, -4.0]


def test_data_alone_has_nothing_to_move(run: Run) -> None:
    assert run("grad", "sum(x**2)", "--x", "@ex1.csv:population").err == (
        "error: every value comes from a file, so none moves\n"
        "hint: name the variables to differentiate with respect to: --wrt x\n"
    )


def test_whole_numbers_are_labels(run: Run, folder: Path) -> None:
    (folder / "t.npy").write_bytes(npy(np.array([2, 0, 1], dtype="i4")))
    record = run("grad", "cross_entropy(W, t)", "--W", "eye(3)", "--t", "@t.npy", "--json").json()
    assert record["value"] == torch.nn.functional.cross_entropy(torch.eye(3), torch.tensor([2, 0, 1])).item()


@pytest.mark.slow
def test_every_explanation_takes_data(run: Run) -> None:
    words = ["grad", LINE, *DATA, "--w", "1", "--b", "2", "--explain", "--check", "--hessian", "--symbolic", "--json"]
    record = run(*words).json()
    x, y = torch.tensor(X, dtype=torch.float64), torch.tensor(Y, dtype=torch.float64)
    assert record["check"]["verdict"] == "agree"
    assert record["hessian"]["labels"] == ["w", "b"]
    rows = [[2 * (x * x).mean().item(), 2 * x.mean().item()], [2 * x.mean().item(), 2.0]]
    assert np.allclose(record["hessian"]["matrix"], rows, rtol=1e-6)
    assert record["grads"]["b"] == pytest.approx((2 * (x + 2 - y)).mean().item(), rel=1e-6)


@pytest.mark.slow
def test_compare_and_plot_take_data(run: Run) -> None:
    words = ["compare", LINE, *DATA, "--w", "0", "--b", "0", "--optimizer", "adam,lbfgs", "--lr", "0.5", "--json"]
    record = run(*words).json()
    assert record["settings"]["wrt"] == ["w", "b"]
    x, y = np.array(X), np.array(Y)
    least = np.linalg.lstsq(np.stack([x, np.ones(3)], 1), y)[1][0] / 3
    assert min(each["loss"]["median"] for each in record["standings"]) == pytest.approx(least, rel=1e-3)
    winner = run(*shlex.split(" ".join(record["winner"]["words"]))[1:], "--json").json()
    assert winner["result"]["loss"] == record["winner"]["loss"]
    drawn = run(
        "compare", LINE, *DATA, "--domain", "w=-1:1", "--domain", "b=0:1", "--starts", "2", "--steps", "5", "--json"
    )
    assert [set(start) for start in drawn.json()["starts"]] == [{"w", "b"}] * 2
    figure = run("plot", LINE, *DATA, "--w=-1:4", "--b", "1").out
    assert "x (3) from ex1.csv:population, b = 1, y (3) from ex1.csv:profit" in " ".join(figure.split())


def test_many_points_take_data(run: Run, folder: Path) -> None:
    words = ["grad", "sum((w*x)**2)", "--x", "@ex1.csv:population", "--points", "points.csv", "--json"]
    (folder / "points.csv").write_text("w\n1\n2\n")
    points = run(*words).json()["points"]
    squares = sum(x * x for x in X)
    assert [p["grads"]["w"] for p in points] == pytest.approx([2 * squares, 4 * squares], rel=1e-6)
    each = run("grad", "(w*x)**2", "--x", "@ex1.csv:population", "--w", "2", "--each", "--json").json()["points"]
    assert [p["grads"]["w"] for p in each] == pytest.approx([4 * x * x for x in X], rel=1e-6)


def test_fit_linear_takes_its_data_from_files(run: Run, folder: Path) -> None:
    (folder / "x.npy").write_bytes(npy(MATRIX.T))  # (inputs, samples)
    record = run("fit-linear", "--x", "@x.npy", "--W", "ones(2, 3)", "--activation", "none", "--steps", "0", "--json")
    z = torch.ones(2, 3) @ torch.tensor(MATRIX.T, dtype=torch.float32)
    target = torch.outer(torch.linspace(1, 1.4, 2), torch.ones(4))
    assert record.json()["result"]["loss"] == pytest.approx(((z - target) ** 2).sum().item(), rel=1e-6)


# The record

SHA = hashlib.sha256(CSV.encode()).hexdigest()


def test_the_record_says_where_a_value_came_from(run: Run) -> None:
    settings = run("minimize", *LINE_WORDS, "--json").json()["settings"]
    assert settings["values"] == {"x": "@ex1.csv:population", "y": "@ex1.csv:profit", "w": "0", "b": "0"}
    assert settings["sources"] == {name: {"shape": [3], "sha256": SHA} for name in "xy"}
    assert "sources" not in run("minimize", "--json").json()["settings"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["minimize", *LINE_WORDS],
        ["ops", "x", "2*x", "--x", "@ex1.csv"],
        ["grad", "sum(w*x)", "--x", "@ex1.csv:0", "--w", "2"],
        ["plot", "sum((w - x)**2)", "--x", "@ex1.csv:0", "--w", "-2:2"],
        ["compare", LINE, *DATA, "--w", "0", "--b", "0", "--optimizer", "adam", "--lr", "0.1", "--steps", "5"],
        ["fit-linear", "--x", "@ex1.csv:profit", "--steps", "2"],
    ],
)
def test_a_record_with_data_is_a_config_that_repeats_it(run: Run, folder: Path, words: list[str]) -> None:
    first = run(*words, "--json")
    (folder / "run.json").write_text(first.out)
    assert run(words[0], "--config", "run.json", "--json") == first


def test_a_run_is_refused_when_its_file_has_changed(run: Run, folder: Path) -> None:
    (folder / "run.json").write_text(run("minimize", *LINE_WORDS, "--json").out)
    changed = CSV.replace("6.1101", "6.1102")
    (folder / "ex1.csv").write_text(changed)
    outcome = run("minimize", "--config", "run.json", "--json")
    new = hashlib.sha256(changed.encode()).hexdigest()
    assert outcome.code == 2
    assert outcome.json()["code"] == "values"
    assert outcome.err == (
        f"error: in the value of x: ex1.csv has changed: its SHA-256 begins with {new[:12]}, "
        f"and that of the run with {SHA[:12]}\n"
        "hint: to run with the file as it is now, give it again: --x @ex1.csv:population\n"
    )
    again = run("minimize", "--config", "run.json", *DATA, "--json")
    assert {source["sha256"] for source in again.json()["settings"]["sources"].values()} == {new}
    partly = run("minimize", "--config", "run.json", "--x", "1,2,3", "--json")
    assert partly.err.startswith("error: in the value of y: ex1.csv has changed")


def test_a_path_in_a_config_is_relative_to_its_folder(run: Run, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "ex1.csv").rename(folder / "sub" / "ex1.csv")
    config = folder / "sub" / "run.toml"
    config.write_text(
        f'expression = "{LINE}"\n[values]\nx = "@ex1.csv:population"\ny = "@ex1.csv:profit"\nw = 0\nb = 0\n'
    )
    record = run("minimize", "--config", "sub/run.toml", "--json")
    assert record.json()["settings"]["values"]["x"] == "@sub/ex1.csv:population"
    (folder / "run.json").write_text(record.out)
    assert run("minimize", "--config", "run.json", "--json") == record
    absolute = config.read_text().replace("@ex1.csv", f"@{folder}/sub/ex1.csv")
    config.write_text(absolute)
    assert run("minimize", "--config", "sub/run.toml", "--json").json()["result"] == record.json()["result"]


# The script

SCRIPTS: list[tuple[str, bytes, str]] = [
    ("a.csv", CSV.encode("utf-8-sig"), ":profit"),
    ("a.csv", CSV.encode(), ""),
    ("a.csv", text(RNG.normal(size=(2, 5)), delimiter=";"), ""),
    ("a.txt", text(MATRIX), ""),
    ("a.json", dumped({"r": {"W": [[1, 2], [3, 4.5]]}}), ":r.W"),
    ("a.json", dumped([{"x": 1}, {"x": 3}]), ":x"),
    ("a.jsonl", b'{"x": 1}\n{"x": 3}\n', ":x"),
    ("a.npy", npy(MATRIX), ""),
    ("a.npy", npy(np.asfortranarray(MATRIX.astype(">f8"))), ""),
    ("a.npy", npy(np.arange(4, dtype="u2")), ""),
    ("a.npy", npy(np.array([True, False])), ""),
    ("a.npz", npz(W=MATRIX, b=MATRIX[0]), ":b"),
]


@pytest.mark.slow
@pytest.mark.parametrize("case", SCRIPTS, ids=lambda case: f"{case[0]}{case[2]}")
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_the_script_reads_the_file(run: Run, folder: Path, capsys: Any, case: Any, kind: str) -> None:
    name, content, selector = case
    (folder / name).write_bytes(content)
    words = ["ops", "x", "sum(x, 0)", "--x", f"@{name}{selector}", "--dtype", kind]
    script = run(*words, "--code").out
    exec(compile(script, "script", "exec"), {})
    rows = run(*words, "--json").json()["rows"]
    expected = [f"{r['expression']}\t{r['value']}\ttorch.{r['dtype']}\t{tuple(r['shape'])}" for r in rows]
    assert capsys.readouterr().out.splitlines() == expected


def test_the_script_of_a_descent_reads_a_file_once(run: Run, capsys: Any) -> None:
    script = run("minimize", *LINE_WORDS, "--code").out
    assert script.count("open(") == 1
    assert (
        'with open("ex1.csv", encoding="utf-8-sig", newline="") as file:\n'
        "    rows = [row for row in csv.reader(file) if row]\n"
        "x = torch.tensor([float(row[0]) for row in rows[1:]])\n"
    ) in script
    exec(compile(script, "script", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    for line, (loss, w, b) in zip(printed, descent_by_hand(), strict=True):
        assert f", w {w}, b {b}, loss {loss}, " in line


def test_the_script_reads_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    script = run("ops", "x + y", "--x", "@-:population", "--y", "@-:1", "--code", stdin=CSV).out
    monkeypatch.setattr("sys.stdin", io.StringIO(CSV))
    exec(compile(script, "script", "exec"), {})
    assert capsys.readouterr().out.split("\t")[1] == str((torch.tensor(X) + torch.tensor(Y)).tolist())


def test_a_variable_with_the_name_of_a_module_hides_nothing(run: Run, capsys: Any) -> None:
    words = ["ops", "csv + file + rows", "--var", "csv=@ex1.csv:population", "--var", "file=1", "--rows", "2"]
    exec(compile(run(*words, "--code").out, "script", "exec"), {})
    assert capsys.readouterr().out.split("\t")[1] == str((torch.tensor(X) + 3).tolist())


# Values that are given in Python

LONG = RNG.normal(size=4096)


@pytest.mark.parametrize(
    "given",
    [LONG, torch.tensor(LONG), LONG.tolist(), LONG.astype(">f8"), np.repeat(LONG, 2)[::2], array("d", LONG)],
    ids=["numpy", "torch", "list", "big-endian", "strided", "array"],
)
def test_numbers_of_any_size_are_taken_as_they_are(given: Any) -> None:
    record = gdcli.grad("sum(x**2)", x=given)
    x = torch.tensor(LONG, dtype=torch.float32, requires_grad=True)
    value = torch.sum(x**2)
    value.backward()  # type: ignore[no-untyped-call]
    assert record.value == value.item()
    assert record.grads["x"] == x.grad.tolist()  # type: ignore[union-attr]


def test_beyond_a_thousand_numbers_the_record_has_shape_and_hash() -> None:
    small, large = LONG[:1000], LONG[:1001]
    settings = msgspec.to_builtins(gdcli.grad("sum(x)", x=small).settings)
    assert settings["values"]["x"] == small.tolist()
    assert "sources" not in settings
    settings = msgspec.to_builtins(gdcli.grad("sum(x)", x=large).settings)
    assert settings["values"] == {"x": "@"}
    assert settings["sources"] == {"x": {"shape": [1001], "sha256": hashlib.sha256(large.tobytes()).hexdigest()}}


def test_a_record_with_a_thousand_numbers_repeats_the_run(run: Run, folder: Path) -> None:
    record = gdcli.grad("sum(x**3)", x=LONG[:1000])  # 20,000 characters
    config = json.loads(msgspec.json.encode(record))
    (folder / "run.json").write_text(json.dumps(config))
    assert run("grad", "--config", "run.json", "--json").json() == config


def test_numbers_that_are_not_in_the_settings_must_be_given_again(run: Run, folder: Path) -> None:
    record = gdcli.minimize("mean((w*x)**2)", x=LONG, w=1.0, wrt=["w"], steps=2).result()
    settings = json.loads(msgspec.json.encode(record.settings))
    (folder / "run.json").write_text(json.dumps(settings))
    message = "the value of x, of shape (4096,), was given in Python and does not stand in the settings"
    hint = "give it again: x=... in Python, or --x @FILE"
    assert run("minimize", "--config", "run.json").err == f"error: {message}\nhint: {hint}\n"
    expression = settings.pop("expression")
    with pytest.raises(GdcliError) as caught:
        gdcli.minimize(expression, settings=settings)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert gdcli.minimize(expression, settings=settings, x=LONG).result() == record
    (folder / "x.npy").write_bytes(npy(LONG))
    assert run("minimize", "--config", "run.json", "--x", "@x.npy", "--json").json()["result"]["loss"] == (
        record.result.loss
    )


@pytest.mark.parametrize("count", [4, 2000])
@pytest.mark.parametrize("kind", ["int64", "bool", "uint8"])
def test_whole_numbers_of_an_array_stay_whole(count: int, kind: str) -> None:
    values = (np.arange(count) % 2).astype(kind)
    for given in (values, torch.tensor(values)):
        row = gdcli.ops("x", x=given).rows[0]
        assert (row.value, row.dtype) == (values.tolist(), "bool" if kind == "bool" else "int64")
    record = gdcli.grad("sum(w * x)", w=2.0, x=values, wrt=["w"])
    assert record.grads == {"w": count / 2, "x": None}


def test_whole_numbers_that_move_are_floating_point() -> None:
    assert gdcli.grad("sum(x**2)", x=np.arange(3)).grads["x"] == [0.0, 2.0, 4.0]
    assert gdcli.grad("sum(x)", x=np.arange(2000)).grads["x"] == [1.0] * 2000
    assert gdcli.minimize("(x - 1.5)**2", x=np.int64(4), steps=0).result().result.loss == 6.25


def test_a_small_array_with_whole_numbers_repeats_the_run(run: Run, folder: Path) -> None:
    record = gdcli.grad("cross_entropy(W, t)", W=np.eye(3), t=torch.tensor([2, 0, 1]), wrt=["W"])
    config = json.loads(msgspec.json.encode(record))
    (folder / "run.json").write_text(json.dumps(config))
    assert run("grad", "--config", "run.json", "--json").json() == config


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros(2000, dtype=complex), "the value of x holds complex numbers, which gdcli does not have"),
        (torch.zeros(2, dtype=torch.complex64), "the value of x is complex64, but gdcli has no complex numbers"),
        ([[1.0, 2.0]] * 999 + [[1.0]], "in the value of x: the rows of x have different lengths"),
        ([1.0] * 2000 + [None], "in the value of x: x is 'null', not a number"),
    ],
)
def test_what_is_no_tensor_is_refused(given: Any, message: str) -> None:
    with pytest.raises(GdcliError) as caught:
        gdcli.ops("x", x=given)
    assert caught.value.message == message


def test_captions_print_no_data() -> None:
    def caption(x: Any) -> str:
        return gdcli.plot("sum((w - x)**2)", x=x, w="-2:2").figure.subtitle

    assert caption([1, 2]) == "x = [1, 2]"
    assert caption(np.ones(200)) == "x (200)"
    assert caption(np.ones((20, 100))) == "x (20x100)"
    assert caption("@ex1.csv:population") == "x (3) from ex1.csv:population"


READERS: list[Callable[[], Any]] = [
    lambda: gdcli.minimize("sum((x - c)**2)", x=[0.0, 0.0, 0.0], c="@ex1.csv:population", wrt=["x"], steps=1),
    lambda: gdcli.minimize("sum((x - c)**2)", {"c": "@ex1.csv:population", "x": "zeros(3)"}, settings={"steps": 1}),
]


@pytest.mark.parametrize("descent", READERS)
def test_python_reads_files_too(descent: Callable[[], Any]) -> None:
    assert descent().result().result.values == {"x": (0.2 * torch.tensor(X)).tolist()}


@pytest.mark.parametrize("value", ["ex1.csv", "ex1.csv:population", "sub/a.npy"])
def test_a_file_without_its_sign_is_named(run: Run, value: str) -> None:
    assert run("grad", "sum(x)", "--x", value).err == (
        f"error: the value of x is the name of a file, '{value}', which '@' would read\nhint: write --x @{value}\n"
    )


def test_a_config_may_have_lists_of_any_length(run: Run, folder: Path, capsys: Any) -> None:
    numbers = LONG[:1500].tolist()
    config = {"expression": "sum(x*w)", "values": {"x": numbers, "w": 2}, "wrt": ["w"]}
    (folder / "long.json").write_text(json.dumps(config))
    first = run("grad", "--config", "long.json", "--json")
    record = first.json()
    assert record["grads"]["w"] == torch.tensor(numbers).sum().item()
    assert record["settings"]["values"] == config["values"]
    (folder / "again.json").write_text(first.out)
    assert run("grad", "--config", "again.json", "--json") == first
    exec(compile(run("grad", "--config", "long.json", "--code").out, "script", "exec"), {})
    assert f"w.grad {record['grads']['w']}" in capsys.readouterr().out
