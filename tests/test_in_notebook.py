"""Records in a notebook: their HTML and their text, pictures, pages, files and frames, and the tape as a graph."""

from __future__ import annotations

import copy
import html
import importlib.util
import json
import pickle
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from conftest import Run

import gdcli
from gdcli.errors import GdcliError
from gdcli.lang.functions import MATRIX_OPERATIONS
from gdcli.render.graph.graph import Graph, graph_of

VOID = frozenset(["img", "meta", "br"])
HOSTILE = "\"><img src=x onerror=alert(1)>'&amp;<script>"


class Parts(HTMLParser):
    """The elements of HTML, all of which are closed in order, with the cells of its tables and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("p", "td", "pre", "li"):
            self.text += "\n"

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def shown(record: Any) -> dict[str, str]:
    bundle: dict[str, str] = record._repr_mimebundle_()
    return bundle


@pytest.fixture(scope="module")
def rosenbrock() -> Any:
    return gdcli.minimize("rosenbrock", lr=1e-3, steps=300).result()


def watched_block() -> Any:
    with gdcli.watch() as seen:
        x = torch.tensor(4.0, requires_grad=True)
        for _ in range(3):
            ((x - 1.5) ** 2).backward()
            with torch.no_grad():
                x -= 0.1 * x.grad
    return seen


def looped() -> Any:
    return watched_block().record


TAPE = {"x": 15, "y": 24, "explain": True}
TAPE_WORDS = ["--x", "15", "--y", "24", "--explain"]
# A call and the command that is the same.
RECORDS: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "ops": (lambda: gdcli.ops("a @ b", "sinn(a)", a=[1, 2], b=[3, 4]),
            ["ops", "a @ b", "sinn(a)", "--a", "1,2", "--b", "3,4"]),
    "grad": (lambda: gdcli.grad("log(x**2 + y**2)", **TAPE), ["grad", "log(x**2 + y**2)", *TAPE_WORDS]),
    "grad_each": (lambda: gdcli.grad_each("x**2", x=[1, 2, 3]), ["grad", "x**2", "--x", "1,2,3", "--each"]),
    "minimize": (lambda: gdcli.minimize().result(), ["minimize"]),
    "long": (lambda: gdcli.minimize("x**2 + y**4", x=1, y=3, steps=500, lr=0.01).result(),
             ["minimize", "x**2 + y**4", "--x", "1", "--y", "3", "--steps", "500", "--lr", "0.01"]),
    "walk": (lambda: gdcli.minimize(steps=3, walk=True).result(), ["minimize", "--steps", "3", "--walk"]),
    "diverged": (lambda: gdcli.minimize(lr=1.2).result(), ["minimize", "--lr", "1.2"]),
    "fit-linear": (lambda: gdcli.fit_linear().result(), ["fit-linear"]),
    "compare": (lambda: gdcli.compare("rosenbrock", steps=20), ["compare", "rosenbrock", "--steps", "20"]),
    "sweep": (lambda: gdcli.sweep("x**2", x=3, over="lr=0.1:1:5"),
              ["sweep", "x**2", "--x", "3", "--over", "lr=0.1:1:5"]),
    "plot": (lambda: gdcli.plot("x**2", x="-2:2"), ["plot", "x**2", "--x", "-2:2"]),
}  # fmt: skip


# HTML and text


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDS)
def test_text_of_a_record_is_what_the_command_prints(name: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    make, words = RECORDS[name]
    outcome = run(*words)
    assert shown(make())["text/plain"] == f"{outcome.out}{outcome.err}".removesuffix("\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*RECORDS, "watch"])
def test_html_of_a_record_is_whole_and_fetches_nothing(name: str) -> None:
    parts = Parts(shown(looped() if name == "watch" else RECORDS[name][0]())["text/html"])
    addresses = [value for key, value in parts.attributes if key in ("src", "href", "srcset", "data", "action")]
    assert all(str(value).startswith("data:image/svg+xml;base64,") for value in addresses)
    assert not {"script", "link", "iframe", "object"} & set(parts.tags)
    assert not [key for key, _ in parts.attributes if key.startswith("on")]


def test_table_of_a_descent_has_the_rows_of_the_terminal(run: Run) -> None:
    rows = Parts(shown(gdcli.minimize(steps=5).result())["text/html"]).rows
    printed = run("minimize", "--steps", "5").out.splitlines()
    assert [cell.strip() for cell in rows[0]] == ["iteration", "loss", "x", "grad x"]
    lines = [line.split() for line in printed if re.fullmatch(r" +\d+( +[-\d.e]+){3}", line)]
    assert [[cell.strip() for cell in row] for row in rows[1:7]] == lines
    assert len(lines) == 6


def test_long_table_shows_its_ends_and_where_the_rest_is(rosenbrock: Any) -> None:
    parts = Parts(shown(rosenbrock)["text/html"])
    iterations = [row[0].strip() for row in parts.rows if row[0].strip().isdigit()]
    assert (iterations[0], iterations[-1]) == ("0", "300")
    assert len(iterations) < 30
    left = re.search(r"(\d+) rows left out \(frame\(\) has them\)", parts.text)
    assert left is not None
    assert int(left[1]) + len(iterations) == 301


def test_warning_and_diagnosis_are_below_the_table() -> None:
    record = gdcli.minimize(lr=1.2).result()
    text = Parts(shown(record)["text/html"]).text
    assert f"warning: {record.warnings[0].message}" in text
    assert record.diagnosis[0].message in text
    assert record.message in text


def test_tape_is_a_list_and_a_graph() -> None:
    parts = Parts(shown(gdcli.grad("x**2", x=3, explain=True))["text/html"])
    assert parts.tags.count("svg") == 1
    assert parts.tags.count("li") == 2
    assert "svg" not in Parts(shown(gdcli.grad("x**2", x=3))["text/html"]).tags


def test_text_from_outside_adds_no_element() -> None:
    plain = gdcli.minimize(steps=3).result()
    settings = msgspec.structs.replace(plain.settings, values={"x": 4})
    finding = msgspec.structs.replace(plain.diagnosis[0], message=HOSTILE)
    record = msgspec.structs.replace(plain, message=HOSTILE, settings=settings, diagnosis=[finding])
    one, other = (Parts(shown(each)["text/html"]) for each in (plain, record))
    assert [tag for tag in other.tags if tag != "span"] == [tag for tag in one.tags if tag != "span"]
    assert other.text.count(HOSTILE) == 2


def test_names_and_expressions_are_escaped_everywhere() -> None:
    record = gdcli.minimize("x*(x<script) + 0*(x>2)", x=3, script=5, wrt=["x"], steps=3).result()
    found = shown(record)["text/html"]
    assert "<script" not in found
    assert "minimize x*(x<script) + 0*(x>2)" in Parts(found).text
    data = gdcli.fit_linear(data={HOSTILE: [1, 2, 3], "y": [2.0, 4.5, 6.0]}, target="y", steps=2).result()
    parts = Parts(shown(data)["text/html"])
    assert HOSTILE in parts.text
    assert "script" not in parts.tags
    tape = gdcli.grad("x*(x<script) + 0*(x>2)", x=3, script=5, wrt=["x"]).explain()
    assert "<script" not in shown(tape)["text/html"]
    ET.fromstring(tape.svg)


# The record itself


def test_showing_a_record_changes_nothing_in_it(rosenbrock: Any) -> None:
    before = msgspec.json.encode(rosenbrock)
    shown(rosenbrock)
    again = gdcli.minimize("rosenbrock", lr=1e-3, steps=300).result()
    assert again == rosenbrock
    assert msgspec.json.encode(rosenbrock) == before == msgspec.json.encode(again)
    assert repr(again) == repr(rosenbrock)


@pytest.mark.parametrize(
    "copied",
    [
        copy.deepcopy,
        lambda record: pickle.loads(pickle.dumps(record)),
        lambda record: msgspec.json.decode(msgspec.json.encode(record), type=type(record)),
    ],
    ids=["copy", "pickle", "json"],
)
@pytest.mark.parametrize("name", ["minimize", "sweep", "compare"])
def test_record_without_its_run_is_shown_alike(name: str, copied: Callable[[Any], Any]) -> None:
    record = RECORDS[name][0]()
    other = copied(record)
    assert "run" not in other.__dict__
    assert shown(other) == shown(record)


def test_record_whose_file_is_gone_says_so(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("u\n1\n2\n")
    record = gdcli.minimize("sum((x - u)**2)", x=0, u=f"@{file}:u", wrt=["x"], lr=0.1, steps=3).result()
    whole = shown(record)
    other = msgspec.json.decode(msgspec.json.encode(record), type=type(record))
    file.unlink()
    assert shown(record) == whole  # it has what was read
    (text,) = shown(other).values()
    assert text.startswith("stopped after 3 steps\nthe table cannot be shown: in the value of u: cannot read ")


def test_record_is_shown_while_its_descent_runs_again() -> None:
    descent = gdcli.minimize(steps=5)
    record = descent.result()
    next(iter(descent))
    assert shown(record)["text/plain"] == shown(gdcli.minimize(steps=5).result())["text/plain"]


def test_descent_on_a_function_of_python_is_shown() -> None:
    def parabola(x: Any) -> Any:
        return (x - 1.5) ** 2

    record = gdcli.minimize(parabola, x=4, lr=0.1, steps=5).result()
    rows = Parts(shown(record)["text/html"]).rows
    assert (
        rows[1:7] == Parts(shown(gdcli.minimize("(x - 1.5)**2", x=4, lr=0.1, steps=5).result())["text/html"]).rows[1:7]
    )
    assert record.plot().svg
    (text,) = shown(copy.deepcopy(record)).values()
    assert "was a function of Python" in text


def test_descent_says_how_to_get_its_record() -> None:
    assert repr(gdcli.minimize()) == "<gdcli minimize: iterate over its steps, or call result() for the record>"
    fit = gdcli.fit_linear(data={"x": [1, 2], "y": [2, 4]}, target="y")
    assert repr(fit) == "<gdcli fit-linear: iterate over its rows, or call result() for the record>"


def test_watched_block_is_shown_as_its_record() -> None:
    with gdcli.watch() as seen:
        assert "Watched" in seen._repr_mimebundle_()["text/plain"]
        torch.tensor(3.0, requires_grad=True).square().backward()
    assert shown(seen) == shown(seen.record)


# Files, pictures, pages, frames


@pytest.mark.slow
def test_files_are_those_of_the_command(rosenbrock: Any, run: Run, tmp_path: Path) -> None:
    names = ["run.svg", "table.svg", "table.html"]
    rosenbrock.save(*(tmp_path / name for name in names), tmp_path / "run.json", str(tmp_path / "run.csv"))
    words = ["minimize", "rosenbrock", "--lr", "1e-3", "--steps", "300"]
    other = tmp_path / "other"
    other.mkdir()
    assert run(*words, *(word for name in names for word in ("--save", str(other / name)))).code == 0
    for name in names:
        assert (tmp_path / name).read_bytes() == (other / name).read_bytes(), name
    for kind in ("json", "csv"):
        assert (tmp_path / f"run.{kind}").read_text() == run(*words, f"--{kind}").out
    assert rosenbrock.plot().svg in (tmp_path / "run.svg").read_text()


def test_walk_that_is_saved_as_json_is_that_of_the_command(run: Run, tmp_path: Path) -> None:
    gdcli.minimize(steps=3, walk=True).result().save(tmp_path / "run.json")
    assert (tmp_path / "run.json").read_text() == run("minimize", "--steps", "3", "--walk", "--json").out


def test_cells_of_a_sweep_are_those_of_the_command(run: Run, tmp_path: Path) -> None:
    RECORDS["sweep"][0]().save(tmp_path / "cells.csv")
    assert run(*RECORDS["sweep"][1], "--save", str(tmp_path / "other.csv")).code == 0
    assert (tmp_path / "cells.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()


def test_picture_is_svg_and_a_figure_of_matplotlib(rosenbrock: Any) -> None:
    from matplotlib.figure import Figure

    picture = rosenbrock.plot()
    ET.fromstring(picture.svg)
    assert isinstance(picture.figure, Figure)
    (image,) = [value for key, value in Parts(shown(picture)["text/html"]).attributes if key == "alt"]
    assert "rosenbrock" in str(image)
    assert "3.1" not in shown(picture)["text/plain"]
    assert repr(picture).startswith("<gdcli picture: minimize rosenbrock")


@pytest.mark.slow
def test_page_stands_whole_in_a_frame_that_reaches_nothing(rosenbrock: Any, tmp_path: Path) -> None:
    page = rosenbrock.page(height=500)
    frame = dict(Parts(page._repr_html_()).attributes)
    assert frame["srcdoc"] == page.html
    assert frame["sandbox"] == "allow-scripts allow-downloads"
    assert "height:500px" in str(frame["style"])
    rosenbrock.save(tmp_path / "run.html")
    saved = (tmp_path / "run.html").read_text()
    call = "gdcli.minimize(optimizer='manual', lr=0.001, steps=300"
    assert call.partition("optimizer")[0] in page.html
    assert len(saved) > 1_000_000
    assert json.dumps("stopped after 300 steps") in page.html.replace('"message":', "")


ERRORS: list[tuple[Callable[[Any], Any], str, str]] = [
    (lambda r: r.save("run.foo"), "unsupported file type '.foo'",
     "the supported endings are table.svg, table.html, .png, .svg, .pdf, .gif, .mp4, .html, .json, .csv"),
    (lambda r: r.save("run.dot"), "unsupported file type '.dot'",
     "the supported endings are table.svg, table.html, .png, .svg, .pdf, .gif, .mp4, .html, .json, .csv"),
    (lambda r: r.save(), "save() needs the name of a file", 'for example: save("run.png")'),
    (lambda r: r.save(3), "the name of a file must be text, but it is of type int", ""),
    (lambda r: r.save("run.gif", dpi=3), "save() has no option 'dpi'", "its options are surface, fps, seconds"),
    (lambda r: r.save("run.gif", fps=100), "'fps' must be a whole number from 1 to 60, not '100'", "for example: 20"),
    (lambda r: r.save("/no/where.png"), "cannot write /no/where.png: there is no folder /no", ""),
    (lambda r: r.save("a.svg", "a.svg"), "a.svg would be written twice", "give each file its own name"),
    (lambda _: gdcli.grad("x**2", x=3).plot(), "the record of grad has no picture",
     "explain() shows its tape as a graph"),
    (lambda _: gdcli.grad("x**2", x=3).page(), "the record of grad has no page", "explain() shows its tape as a graph"),
    (lambda r: r.page(height="big"), "'height' must be a whole number of pixels of at least 1, not 'big'",
     "for example: page(height=700)"),
    (lambda _: gdcli.grad("x**2", x=None), "'x' must be a number, a list, text, a tensor or an array, not None",
     "for example: x=3"),
    (lambda _: gdcli.sweep("x**2", over="x=-1:1:3", lr=[0.01, 0.1]), "lr must be a number, not a list",
     'to run with each of them: over="lr=0.01,0.1"'),
    (lambda _: gdcli.ops("1 + 1").save("run.png"), "ops has no picture to save as run.png",
     "the supported endings are table.svg, table.html, .json, .csv"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "message", "hint"), ERRORS, ids=[message for _, message, _ in ERRORS])
def test_what_cannot_be_done_is_said(
    wrong: Callable[[Any], Any], message: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GdcliError) as caught:
        wrong(gdcli.minimize(steps=2).result())
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("library", "use", "install"),
    [
        ("pandas", lambda r: r.frame(), "install it: pip install pandas"),
        ("matplotlib", lambda r: r.plot(), 'install it: pip install "gdcli[plot]"'),
        ("plotly", lambda r: r.page(), 'install it: pip install "gdcli[html]"'),
        ("matplotlib", lambda r: r.save("run.png"), 'install it: pip install "gdcli[plot]"'),
    ],
)
def test_library_that_is_missing_is_named(
    library: str, use: Callable[[Any], Any], install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == library else find(name))
    record = gdcli.minimize(steps=2).result()
    with pytest.raises(GdcliError) as caught:
        use(record)
    assert caught.value.hint == install
    assert library in caught.value.message
    assert ("img" in Parts(shown(record)["text/html"]).tags) == (library != "matplotlib")


@pytest.mark.slow
def test_frame_has_the_numbers_of_the_record(rosenbrock: Any) -> None:
    pytest.importorskip("pandas", reason="needs pandas")
    frame = rosenbrock.frame()
    assert list(frame.columns) == ["iteration", "loss", "x", "y", "grad.x", "grad.y"]
    steps = [*rosenbrock.iterations, rosenbrock.result]
    assert frame["x"].tolist() == [step.values["x"] for step in steps]
    assert frame["grad.y"].tolist() == [step.grads["y"] for step in steps]
    assert gdcli.grad("x**2", x=3).frame().to_dict("list") == {"variable": ["x"], "value": [3.0], "grad": [6.0]}
    assert len(RECORDS["sweep"][0]().frame()) == 5


# The tape as a graph


def graph(expression: str, **values: Any) -> tuple[Any, Graph]:
    record = gdcli.grad(expression, explain=True, **values)
    return record, graph_of(record, 17, MATRIX_OPERATIONS)


def test_uses_of_a_variable_add_up_to_its_gradient() -> None:
    _, found = graph("x**3 + sin(x*y)*x + y", x=1.25, y=0.5, dtype="float64")
    x, y = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (1.25, 0.5))
    (x**3 + torch.sin(x * y) * x + y).backward()
    for name, leaf, uses in (("x", x, 3), ("y", y, 2)):
        grads = [float(edge.grad) for edge in found.edges if edge.source == name]
        assert len(grads) == uses
        assert sum(grads) == pytest.approx(leaf.grad.item(), rel=1e-14)
        assert float(found.nodes[name].grad) == leaf.grad.item()


def test_edges_have_the_local_derivative_and_nodes_the_value() -> None:
    _, found = graph("exp(x)*y", x=2.0, y=3.0, dtype="float64")
    (use,) = [edge for edge in found.edges if edge.source == "x"]
    assert float(use.local) == torch.tensor(2.0, dtype=torch.float64).exp().item()
    assert found.nodes[use.target].text == "exp(x)"
    assert found.nodes[use.target].value == use.local
    assert found.nodes[use.target].grad == "3.0"
    assert found.nodes[0].grad == "1.0"


def test_name_of_a_program_is_one_node_for_all_its_uses() -> None:
    _, found = graph("h = x**2\nloss = h*3 + h**2\nloss", x=2.0)
    (node,) = [key for key, node in found.nodes.items() if node.text == "h = x**2"]
    uses = [float(edge.grad) for edge in found.edges if edge.source == node]
    assert sorted(uses) == [3.0, 8.0]  # d/dh of 3h and of h**2 at 4
    assert found.nodes[node].grad == "11.0"


def test_product_of_matrices_has_no_local_derivative() -> None:
    _, found = graph("sum(W @ x)", W=[[1, 2], [3, 4]], x=[1, 1])
    assert {edge.local for edge in found.edges if edge.source in ("W", "x")} == {""}
    assert found.nodes["x"].grad == "[4.0, 6.0]"


def boxes(svg: str) -> Iterator[tuple[float, float, float, float]]:
    for rect in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}rect"):
        if "rx" in rect.attrib:
            yield tuple(float(rect.attrib[name]) for name in ("x", "y", "width", "height"))  # type: ignore[misc]


def texts(svg: str) -> Iterator[tuple[float, float, float, float]]:
    """The words on the edges, as wide as a character of 12 pixels is at least."""
    root = ET.fromstring(svg)
    for text in root.findall("{http://www.w3.org/2000/svg}text"):
        if text.attrib["class"] != "legend":
            width = 7.2 * len(text.text or "")
            yield float(text.attrib["x"]) - width / 2, float(text.attrib["y"]) - 10, width, 12


GRAPHS = {
    "small": ("log(x**2 + y**2)", {"x": 15, "y": 24}),
    "medium": ("(1 - x)**2 + 100*(y - x**2)**2 + sin(x*y)*exp(-x**2/2) + log(1 + y**2)", {"x": -1.2, "y": 1}),
    "matrix": ("sum(relu(W @ x - 1)**2) + 0.1*sum(W**2)", {"W": "rand(3, 4)", "x": "arange(4)", "wrt": ["W"]}),
    "wide": ("sum(x)*x[0] + x[1]*x[2] + x[2]*x[3] + x[3]*x[4]", {"x": [1, 2, 3, 4, 5]}),
    "one": ("x", {"x": 2}),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_nothing_in_a_graph_covers_anything_else(name: str) -> None:
    expression, values = GRAPHS[name]
    svg = gdcli.grad(expression, **values).explain().svg
    placed = [*boxes(svg), *texts(svg)]
    assert placed
    for i, (x, y, width, height) in enumerate(placed):
        for other, above, wide, high in placed[:i]:
            assert x >= other + wide or other >= x + width or y >= above + high or above >= y + height
    size = [float(number) for number in ET.fromstring(svg).attrib["viewBox"].split()]
    assert all(x >= 0 and y >= 0 and x + w <= size[2] and y + h <= size[3] for x, y, w, h in placed)


def test_explanation_prints_the_tree_of_the_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    explained = gdcli.grad("log(x**2 + y**2)", x=15, y=24).explain()
    printed = run("grad", "log(x**2 + y**2)", "--x", "15", "--y", "24", "--explain").out
    assert printed.endswith(f"{explained}\n")
    assert shown(explained)["text/plain"] == str(explained)
    assert len(explained.tape) == 6
    short = gdcli.grad("log(x**2 + y**2)", x=15, y=24).explain(depth=2)
    assert "more below" in str(short)


def test_graph_is_saved_by_the_command_as_by_the_record(run: Run, tmp_path: Path) -> None:
    words = ["grad", "x**2 * sin(y)", "--x", "1.5", "--y", "2"]
    files = [tmp_path / name for name in ("tape.svg", "tape.dot")]
    outcome = run(*words, *(word for file in files for word in ("--save", str(file))))
    assert outcome.out == run(*words).out
    record = gdcli.grad("x**2 * sin(y)", x=1.5, y=2)
    explained = record.explain()
    assert [file.read_text() for file in files] == [explained.svg, explained.dot]
    record.save(tmp_path / "other.dot")
    assert (tmp_path / "other.dot").read_text() == explained.dot
    explained.save(tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == explained.svg


def test_dot_quotes_what_stands_on_a_node() -> None:
    dot = gdcli.grad("x**2", x=3).explain().dot
    assert dot.splitlines()[3:] == [
        '  n0 [shape=box, label="x**2\\n= 9\\nPowBackward0\\ngrad 1"];',
        '  n1 [shape=box, style=filled, fillcolor=lightblue, label="x\\n= 3\\ngrad 6"];',
        '  n1 -> n0 [label="local 6\\ngrad 6"];',
        "}",
    ]


@pytest.mark.parametrize(
    ("words", "err"),
    [
        (["x**2", "--x", "1,2", "--each", "--save", "t.svg"],
         "error: a tape is that of a single point\nhint: leave out --each or --points\n"),
        (["x**2", "--x", "1", "--save", "t.png"],
         ("error: grad has no picture to save as t.png\n"
         "hint: the supported endings are table.svg, table.html, .svg, .dot\n")),
        (["x**2", "--x", "1", "--code", "--save", "t.dot"],
         "error: --code runs nothing, so there is nothing to save\nhint: leave out --save or --code\n"),
    ],
)  # fmt: skip
def test_tape_that_cannot_be_saved_is_an_error(
    words: list[str], err: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run("grad", *words)
    assert (outcome.code, outcome.err) == (2, err)
    assert not list(tmp_path.iterdir())


def test_html_escapes_once() -> None:
    text = shown(gdcli.minimize("x*(x<5) + 0*(x>2)", x=3, steps=1).result())["text/html"]
    assert html.escape("x*(x<5) + 0*(x>2)") in re.sub(r"</?span[^>]*>", "", text)
    assert "&amp;lt;" not in text


@pytest.mark.process
def test_import_of_gdcli_imports_neither_ipython_nor_what_shows_records() -> None:
    code = "import gdcli, sys; print(sorted({'IPython', 'torch', 'pandas', 'gdcli.notebook'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_watched_block_is_saved_as_a_picture_and_a_page(tmp_path: Path) -> None:
    watched_block().save(tmp_path / "w.html", tmp_path / "w.png")
    page = (tmp_path / "w.html").read_text()
    assert "Plotly.newPlot" in page
    assert "test_in_notebook.py" in page  # the place of the loop
    assert (tmp_path / "w.png").read_bytes()[1:4] == b"PNG"
