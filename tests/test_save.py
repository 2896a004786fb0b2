"""``--save FILE``: files that are whole or absent, beside an output that stays as it is; and saved tables."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import resource
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import conftest
import pytest
from conftest import Run, in_a_process

COMMANDS = {
    "ops": ["ops"],
    "grad": ["grad", "log(x**2 + y**2)", "--x", "15", "--y", "24", "--explain"],
    "grad-each": ["grad", "x**2", "--x", "1,2,3", "--each"],
    "minimize": ["minimize", "--steps", "5"],
    "minimize-walk": ["minimize", "--steps", "3", "--walk"],
    "fit-linear": ["fit-linear", "--steps", "3"],
    "compare": ["compare", "himmelblau", "--steps", "20"],
}


class Text(HTMLParser):
    """The text of a page, and the addresses that it names."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if "pre" in self.tags:  # after the styles
            self.text += data


def svg_text(path: Path) -> str:
    """The lines of text of an SVG, from top to bottom and left to right."""
    rows: dict[float, list[tuple[float, str]]] = {}
    for node in ET.fromstring(path.read_bytes()).iter("{http://www.w3.org/2000/svg}text"):
        if "clip-path" in node.attrib:
            rows.setdefault(float(node.attrib["y"]), []).append((float(node.attrib["x"]), node.text or ""))
    return "\n".join(" ".join(text for _, text in sorted(rows[y])) for y in sorted(rows)).replace("\xa0", " ")


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_saved_table_is_what_a_terminal_of_100_columns_shows(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    svg, html = tmp_path / "run-table.svg", tmp_path / "TABLE.HTML"
    monkeypatch.setitem(conftest.ENVIRONMENT, "COLUMNS", "100")
    plain = run(*COMMANDS[name])
    outcome = run(*COMMANDS[name], "--save", str(svg), "--save", str(html))
    assert (outcome.code, outcome.out) == (plain.code, plain.out)
    assert outcome.err == f"{plain.err}saved {svg}\nsaved {html}\n"
    page = Text()
    page.feed(html.read_text())
    assert "script" not in page.tags
    assert words(page.text) == words(plain.out)
    assert words(svg_text(svg)) == words(plain.out)


def test_a_saved_table_fetches_nothing(run: Run, tmp_path: Path) -> None:
    run("ops", "--save", str(tmp_path / "table.svg"), "--save", str(tmp_path / "table.html"))
    for file in tmp_path.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http" not in text
        assert "url(" not in text.replace("url(#gdcli-", "")


@pytest.mark.slow
@pytest.mark.parametrize("output", ["--json", "--jsonl", "--csv"])
def test_output_for_programs_stays_as_it_is(run: Run, tmp_path: Path, output: str) -> None:
    for name in ("minimize", "fit-linear"):
        plain = run(*COMMANDS[name], output)
        saved = run(*COMMANDS[name], output, "--save", str(tmp_path / "a.png"), "--save", str(tmp_path / "table.svg"))
        assert (saved.code, saved.out) == (plain.code, plain.out)
    assert (tmp_path / "a.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.slow
def test_quiet_says_nothing_of_the_files(run: Run, tmp_path: Path) -> None:
    assert run("minimize", "--quiet", "--save", str(tmp_path / "a.png")).err == ""


@pytest.mark.slow
def test_plot_and_save_show_the_same_run(run: Run, tmp_path: Path) -> None:
    plain = run("minimize", "--plot")
    outcome = run("minimize", "--plot", "--save", str(tmp_path / "a.png"), "--save", str(tmp_path / "table.svg"))
    assert outcome.out == plain.out
    assert "iteration" in svg_text(tmp_path / "table.svg")


@pytest.mark.slow
def test_surface_of_a_curve_is_said_to_change_nothing(run: Run, tmp_path: Path) -> None:
    outcome = run("minimize", "--surface", "--save", str(tmp_path / "a.png"))
    assert outcome.code == 0
    assert "note: --surface had no effect, because it needs a function of two or more variables" in outcome.err


@pytest.mark.parametrize(("library", "file", "extra"), [("matplotlib", "a.png", "plot"), ("plotly", "a.html", "html")])
def test_a_missing_extra_is_named_before_anything_runs(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: str, file: str, extra: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == library else find(name, *a))
    path = tmp_path / file
    outcome = run("minimize", "--save", str(path))
    assert (outcome.code, outcome.out) == (1, "")
    hint = f'hint: install it: pip install "gdcli[{extra}]"'
    assert outcome.err == f"error: {path} needs {library}, which is not installed\n{hint}\n"


def test_a_missing_ffmpeg_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = run("minimize", "--save", "a.mp4")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.endswith("which is not installed\nhint: install ffmpeg, or save a .gif\n")


def test_what_contradicts_itself(run: Run) -> None:
    twice = run("minimize", "--json", "--output", "a.svg", "--save", "a.svg")
    assert twice.err == "error: a.svg would be written twice\nhint: give each file its own name\n"
    code = run("minimize", "--code", "--save", "a.png")
    assert code.err == "error: --code runs nothing, so there is nothing to save\nhint: leave out --save or --code\n"
    assert (twice.code, code.code) == (2, 2)


def test_a_folder_that_is_not_there(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "a.png"
    outcome = run("minimize", "--save", str(path))
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"error: cannot write {path}: there is no folder {tmp_path / 'nowhere'}\n"


def test_points_that_stream_cannot_be_saved(run: Run, tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("x\n1\n")
    outcome = run("grad", "x**2", "--points", str(tmp_path / "points.csv"), "--save", "table.svg")
    assert outcome.code == 2
    assert outcome.err.startswith("error: --save cannot be combined with --points\n")


@pytest.mark.slow
@pytest.mark.process
def test_a_full_disk_leaves_no_half_file_and_loses_no_output(tmp_path: Path) -> None:
    """The process may write files of 2 kB only; what it prints goes through pipes."""
    names = ["a.png", "a.svg", "a.pdf", "a.gif", "a.html", "table.svg"]
    old = b"an older picture"
    for name in names:
        (tmp_path / name).write_bytes(old)
    code = """
import io, json, resource, sys
from contextlib import redirect_stderr, redirect_stdout
from gdcli.cli.main import run
resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))
done = []
for words in json.loads(sys.argv[1]):
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        code = int(run(words))
    done.append([code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode()])
json.dump(done, sys.stdout)
"""
    more = {"a.gif": ["--seconds", "0.5"]}
    commands = [[*COMMANDS["minimize"], "--save", name, *more.get(name, ["--quiet"])] for name in names]
    with contextlib.chdir(tmp_path):
        done = in_a_process("python", "-c", code, json.dumps(commands))
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 2048
    for name, (status, out, err) in zip(names, json.loads(done.out), strict=True):
        assert (status, err) == (1, f"error: cannot write {name}: File too large\n")
        assert "iteration" in out
        assert (tmp_path / name).read_bytes() == old
    assert sorted(os.listdir(tmp_path)) == sorted(names)


def test_a_saved_file_has_the_mode_that_other_new_files_have(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    run("ops", "--save", str(tmp_path / "table.svg"))
    assert (tmp_path / "table.svg").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.process
def test_errors_and_help_need_neither_torch_nor_matplotlib() -> None:
    code = """
import sys
from gdcli.cli.main import run
run(["minimize", "--save", "run.bmp"]); run(["minimize", "--save", "nowhere/a.png"]); run(["minimize", "--help"])
print([name for name in ("torch", "matplotlib", "plotly", "numpy", "PIL") if name in sys.modules], file=sys.stderr)
"""
    done: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "[]"
