"""The documentation, run: its commands, its Python, the output that it shows, its pictures, its links.

How a document shows what is to be checked:

- A ``console`` block holds commands after ``$ ``, each followed by its exact output (both streams, as a terminal shows
  them); a line ``...`` stands for any lines. A command ends with exit code 0, or 2 when its output begins with
  "error:"; ``$ echo $?`` shows any other. A command may go on after a backslash, and a
  here-document goes on to its ``END``. Each block has a folder of its own.
- A ``python`` block with ``>>>`` is a doctest; the blocks of a document share their names. Without, it just runs.
- An ``ipython`` block is a cell of a notebook; tests/test_magics.py runs those of a document, one after the other.
- A ``sh`` block holds commands that are not run here because they install, test or measure; gdcli's are.
- A code span that begins with ``gdcli`` ends with exit code 0.

``python tests/test_docs.py`` writes the output that the commands give now into the console blocks;
``python tests/test_docs.py docs/sweep.md`` does so in one document.
"""

from __future__ import annotations

import contextlib
import doctest
import functools
import io
import itertools
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from forks import shell
from packaging.requirements import Requirement
from PIL import Image

import gdcli
from gdcli.cli.app import COMMANDS, load
from gdcli.cli.main import run
from gdcli.errors import ExitCode
from gdcli.race.race import Race
from gdcli.version import TESTED_TORCH

pytestmark = pytest.mark.slow  # it runs every command of the documents

ROOT = Path(__file__).parent.parent
TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
DOCUMENTS = [*(ROOT / name for name in TOP), *sorted((ROOT / "docs").glob("*.md"))]
NOT_RUN = (
    *("pip install", "uv pip install", "uv tool install", "pipx install", "git clone", "cd gdcli", "python -m venv"),
    *(". env/bin/activate", "pytest", "python benchmarks/"),
    *(".ci/run", "pre-commit", "mkdocs build"),
)
PROGRAMS = ("gdcli", "python", "jq", "printf", "cat", "cmp", "head", "tail", "wc", "echo")


LOOP = "import torch\ntorch.tensor(3.0, requires_grad=True).square().backward()\n"  # the train.py of examples


@dataclass
class Block:
    """A fenced block of a document; ``line`` is that of its fence."""

    document: Path
    line: int
    language: str
    lines: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.document.name}:{self.line}"


def read_blocks(document: Path) -> list[Block]:
    blocks: list[Block] = []
    inside = False
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("```"):
            inside = not inside
            if inside:
                blocks.append(Block(document, number, line[3:].strip()))
        elif inside:
            blocks[-1].lines.append(line)
    assert not inside, f"a block of {document.name} has no end"
    return blocks


BLOCKS = [block for document in DOCUMENTS for block in read_blocks(document)]


def blocks_of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


# What a terminal of 80 columns without colours says of itself.
ENVIRONMENT = {
    "COLUMNS": "80",
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "PYTHONUTF8": "1",
}
UNSET = ("FORCE_COLOR", "TTY_COMPATIBLE", "GDCLI_DEBUG", "PYTHONPATH")


@pytest.fixture(autouse=True)
def terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)


RACES: dict[str, Race] = {}


@pytest.fixture(autouse=True)
def each_race_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documents print, draw and save the same few races, and a race follows from its settings."""
    run_race = Race.__iter__

    def run_or_recall(race: Race) -> Iterator[float]:
        settings = repr(race.settings)
        if settings in RACES:
            race.__dict__.update(RACES[settings].__dict__)
            return
        yield from run_race(race)
        RACES[settings] = race

    monkeypatch.setattr(Race, "__iter__", run_or_recall)


# Commands


@dataclass(frozen=True)
class Outcome:
    """What a command left: the text of both streams in the order in which it was written, and the exit code."""

    output: str
    code: int

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.output.splitlines()]


def words_of(command: str) -> list[str]:
    """The words of a command line, with ``|``, ``>`` and the like as words of their own."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    return list(lexer)


def programs_of(words: list[str]) -> list[str]:
    """The programs that a shell would start for a command line."""
    starts = [0, *(i + 1 for i, word in enumerate(words) if word in ("|", "&&", ";"))]
    return [words[i] for i in starts]


def outcome_of(command: str) -> Outcome:
    """Run a command: gdcli in this process, anything that needs a shell in one.

    Raises LookupError when a program that it needs is not installed.
    """
    words = words_of(command.partition("\n")[0])
    for program in programs_of(words):
        assert program in PROGRAMS, f"'{program}' is none of the programs that a document may use"
        if shutil.which(program) is None:
            raise LookupError(f"{program} is not installed")
    if words[0] == "gdcli" and not any(set(word) <= set("|&;<>") for word in words):
        uses_files = {"--save", "--output", "--config", "--points", "--file"} & set(words)
        uses_files |= {word for word in words if word.startswith("@") or word == "watch"}
        return (in_this_process if uses_files else in_this_process_once)(tuple(words[1:]))
    return Outcome(*shell(command))


def in_this_process(words: tuple[str, ...]) -> Outcome:
    screen = io.BytesIO()
    with one_screen(screen):
        code = int(run(words))
    return Outcome(screen.getvalue().decode(), code)


in_this_process_once = functools.cache(in_this_process)  # the documents show many a command more than once


@contextlib.contextmanager
def one_screen(screen: io.BytesIO) -> Iterator[None]:
    """Both standard streams write to ``screen``, at once, so that their lines keep their order."""
    streams = [io.TextIOWrapper(screen, encoding="utf-8", write_through=True) for _ in range(2)]
    try:
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            yield
    finally:
        for stream in streams:
            stream.detach()


# Console blocks


@dataclass
class Shown:
    """A command as a document shows it: its lines there, and the output below it."""

    lines: list[str]
    output: list[str] = field(default_factory=list)

    @property
    def command(self) -> str:
        return "\n".join(self.lines).removeprefix("$ ").replace("\\\n", "")

    @property
    def goes_on(self) -> bool:
        """Whether the next line of the document is part of the command."""
        is_open = "<<'END'" in self.lines[0] and self.lines[-1] != "END"
        return not self.output and (is_open or self.lines[-1].endswith("\\"))


def session_of(block: Block) -> list[Shown]:
    session: list[Shown] = []
    for line in block.lines:
        if line.startswith("$ "):
            session.append(Shown([line]))
        elif session[-1].goes_on:
            session[-1].lines.append(line)
        else:
            session[-1].output.append(line)
    return session


def agrees(shown: list[str], output: list[str]) -> bool:
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in shown)
    return re.fullmatch(pattern, "".join(line + "\n" for line in output)) is not None


@pytest.mark.process
@pytest.mark.parametrize("block", blocks_of("console"), ids=str)
def test_commands_print_what_the_document_shows(block: Block) -> None:
    session = session_of(block)
    code = 0
    skipped = []
    for i, shown in enumerate(session):
        if shown.command == "echo $?":
            assert shown.output == [str(code)], f"{block}: {session[i - 1].command}"
            continue
        try:
            outcome = outcome_of(shown.command)
        except LookupError as missing:
            skipped.append(str(missing))
            continue
        code = outcome.code
        if not agrees(shown.output, outcome.lines):
            assert outcome.lines == shown.output, f"{block}: {shown.command}"
        if i + 1 == len(session) or session[i + 1].command != "echo $?":
            failed = bool(shown.output) and shown.output[0].startswith("error:")
            assert code == (2 if failed else 0), f"{block}: {shown.command}"
    if skipped:
        pytest.skip(", ".join(dict.fromkeys(skipped)))


GALLERY = runpy.run_path(str(ROOT / "docs" / "make_gallery.py"))
PICTURES = {picture.file: picture for picture in GALLERY["shown"]()}
LONG = {name: picture for name, picture in PICTURES.items() if getattr(picture, "takes_minutes", False)}
SEEN = ("Page", "Montage")  # in Chromium, whose pixels differ from one version to the next
COMPARED = {n: picture for n, picture in PICTURES.items() if type(picture).__name__ not in SEEN and n not in LONG}
DRAWN = {command for picture in COMPARED.values() for command in picture.commands}


@pytest.mark.parametrize("block", blocks_of("sh"), ids=str)
def test_commands_that_are_not_run_are_known_ones(block: Block) -> None:
    for line in block.lines:
        for command in line.split(" && "):
            if command in DRAWN:
                continue  # test_pictures_are_those_that_the_program_makes_now runs it
            if any(command in picture.commands for picture in LONG.values()):
                continue  # test_long_sweeps_run_on_a_coarse_grid runs it
            if command.startswith("gdcli "):
                assert outcome_of(command).code == 0
            else:
                assert command.startswith(NOT_RUN), f"{block}: why is '{command}' not run?"


def commands_in_sentences() -> list[str]:
    found: dict[str, None] = {}
    for document in DOCUMENTS:
        text = re.sub(r"(?ms)^```.*?^```", "", document.read_text(encoding="utf-8"))
        for span in re.findall(r"`([^`]+)`", text):
            command = " ".join(span.split())
            if command.startswith("gdcli "):
                found[command] = None
    return list(found)


@pytest.mark.parametrize("command", commands_in_sentences())
def test_commands_in_sentences_run(command: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(LOOP)
    assert outcome_of(command).code == 0


EXAMPLES = [line for name in COMMANDS for line in (load(name).epilog or "").splitlines()]


@pytest.mark.process
@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_of_the_help_run(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if example.startswith("gdcli watch"):  # they name scripts
        monkeypatch.chdir(tmp_path)
        (tmp_path / "train.py").write_text(LOOP)
        shutil.copy(ROOT / "tests" / "watched" / "lecture.ipynb", tmp_path)
    if ".csv" in example:
        rows = [f"{i},{40 + 3 * i},{1 + i % 5},{90 + 8 * i + 5 * (i % 5) + i % 7},{int(i % 11 > 4)}" for i in range(40)]
        for name in ("data.csv", "new.csv"):
            Path(name).write_text("\n".join(["id,area,rooms,price,sold", *rows]), encoding="utf-8")
        if "model.json" in example:
            run(["fit-linear", "data.csv", "--target", "price", "--exclude", "id", "--save-model", "model.json"])
    outcome = outcome_of(example)
    assert outcome.code == 0
    assert outcome.output
    assert "error:" not in outcome.output


def test_every_command_has_examples() -> None:
    without = [name for name in COMMANDS if not load(name).epilog]
    assert not without


# Python, data, and the rest


def is_session(block: Block) -> bool:
    return any(line.startswith(">>> ") for line in block.lines)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_python_sessions_give_what_the_document_shows(document: Path) -> None:
    sessions = [block for block in blocks_of("python") if block.document == document and is_session(block)]
    lines = [""] * len(document.read_text(encoding="utf-8").splitlines())
    for block in sessions:
        lines[block.line : block.line + len(block.lines)] = block.lines
    test = doctest.DocTestParser().get_doctest("\n".join(lines), {}, document.name, str(document), 0)
    assert len(test.examples) >= len(sessions)
    report: list[str] = []
    failed = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL).run(test, out=report.append).failed
    assert not failed, "".join(report)


def test_python_scripts_run() -> None:
    for block in blocks_of("python"):
        if not is_session(block):
            code = compile("\n" * block.line + "\n".join(block.lines), str(block.document), "exec")
            exec(code, {"__name__": "__main__"})


def test_no_block_escapes_the_checks() -> None:
    unknown = [f"{block} {block.language}" for block in BLOCKS if block.language not in _CHECKED]
    assert not unknown


_CHECKED = ("console", "sh", "python", "ipython", "text")  # "text" is for drawings


def test_every_exit_code_is_explained_once() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    table = page.partition("## Exit codes")[2].partition("```")[0]
    assert [int(code) for code in re.findall(r"^\| ([0-9]+) \|", table, re.MULTILINE)] == sorted(ExitCode)


def test_readme_has_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\npip install -c constraints.txt . && gdcli minimize --lr 0.1 --steps 100\n" in readme
    assert '\npip install -c constraints.txt ".[dev]" && pytest\n' in readme


def test_readme_is_short_and_lists_every_command() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200
    assert [name for line in lines for name in re.findall(r"^\| `([a-z-]+)` \|", line)] == list(COMMANDS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_and_pictures_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    missing = [t for t in targets if not re.match(r"[a-z]+:", t) and not (document.parent / t).exists()]
    assert not missing


def test_map_of_the_code_names_what_is_there() -> None:
    (drawing,) = [block for block in blocks_of("text") if block.document.name == "architecture.md"]
    named = {line.split()[0] for line in drawing.lines[1:]}
    there = [path for path in (ROOT / "gdcli").rglob("*") if path.suffix == ".py" or path.is_dir()]
    names = {path.name + "/" * path.is_dir() for path in there}
    folders = {f"{path.parent.name}/" for path in there if path.name == "__init__.py"} - {"gdcli/"}
    assert named <= names
    assert folders <= named


def test_changelog_names_this_version() -> None:
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first is not None
    assert first[1] == gdcli.__version__


def test_constraints_name_the_tested_torch() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert f"\ntorch=={TESTED_TORCH}\n" in constraints


def test_constraints_allow_what_the_project_asks_for() -> None:
    pinned = dict(re.findall(r"^([\w-]+)==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    assert {Requirement(each).name for each in project["dependencies"]} <= pinned.keys()
    for requirement in map(Requirement, asked):
        assert requirement.name not in pinned or requirement.specifier.contains(pinned[requirement.name]), requirement


def test_citation_names_this_version() -> None:
    assert f"\nversion: {gdcli.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_index_leads_to_every_document() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    targets = {(ROOT / "docs" / target).resolve() for target in re.findall(r"\]\(([^)#]+)", index)}
    assert targets >= {document for document in DOCUMENTS if document.name != "index.md"}


def test_site_has_every_document() -> None:
    navigation = (ROOT / "docs" / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    listed = {(ROOT / name).resolve() for name in re.findall(r": (\S+\.md)$", navigation, re.MULTILINE)}
    assert listed == {*DOCUMENTS, ROOT / "CHANGELOG.md"}


def test_every_picture_is_shown() -> None:
    texts = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    assert not [file for file in PICTURES if f"pictures/{file})" not in texts]


def test_places_in_a_document_that_links_name_are_there() -> None:
    for document in DOCUMENTS:
        for target, place in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", document.read_text(encoding="utf-8")):
            headings = re.findall(r"(?m)^#+ (.*)$", (document.parent / target).read_text(encoding="utf-8"))
            assert place in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_gallery_shows_what_its_script_makes() -> None:
    folder = ROOT / "docs" / "pictures"
    assert sorted(PICTURES) == sorted(path.name for path in folder.iterdir())
    assert (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8") == GALLERY["gallery"]()


@pytest.mark.parametrize("file", COMPARED)
def test_pictures_are_those_that_the_program_makes_now(file: str) -> None:
    """Texts to the byte; pixels nearly, because another version of matplotlib draws a letter a little differently."""
    old = (ROOT / "docs" / "pictures" / file).read_bytes()
    new = PICTURES[file].make()
    if file.endswith(".svg"):
        assert new == old, f"run docs/make_gallery.py: {file} is old"
        return
    pictures = [Image.open(io.BytesIO(data)) for data in (old, new)]
    assert pictures[0].size == pictures[1].size
    assert getattr(pictures[0], "n_frames", 1) == getattr(pictures[1], "n_frames", 1)
    pixels = [np.asarray(picture.convert("RGB")).astype(float) for picture in pictures]
    assert np.abs(pixels[0] - pixels[1]).mean() < 2, f"run docs/make_gallery.py: {file} is old"


@pytest.mark.parametrize("file", LONG)
def test_long_sweeps_run_on_a_coarse_grid(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(LONG[file].command)[1:]
    config = ROOT / words[words.index("--config") + 1]
    words[words.index("--config") + 1] = str(config)
    axes = [re.sub(r"\d+$", "6", axis) for axis in tomllib.loads(config.read_text(encoding="utf-8"))["over"]]
    monkeypatch.chdir(tmp_path)
    assert run([*words, *(word for axis in axes for word in ("--over", axis)), "--steps", "5", "--quiet"]) == 0
    assert (tmp_path / file).exists()


def test_box_counting_finds_known_dimensions() -> None:
    boxcount = runpy.run_path(str(ROOT / "docs" / "boxcount.py"))
    dimension, edge_of = boxcount["dimension"], boxcount["edge_of"]
    y, x = np.mgrid[:512, :512]
    assert dimension(edge_of(y > 100))[0] == pytest.approx(1.0, abs=1e-9)
    assert dimension(edge_of((x - 250) ** 2 + (y - 250) ** 2 < 200**2))[0] == pytest.approx(1.0, abs=0.06)
    assert dimension(edge_of(np.random.default_rng(0).random((512, 512)) < 0.5))[0] == pytest.approx(2.0, abs=0.06)
    assert dimension((x & y) == 0)[0] == pytest.approx(np.log2(3), abs=1e-9)  # Sierpinski's triangle


@pytest.mark.process
def test_every_benchmark_has_its_numbers() -> None:
    script = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--list"]
    names = subprocess.run(script, capture_output=True, text=True, check=True).stdout.split()
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| ([a-z0-9-]+) +\|.* (?:ok|over) +\|$", page, re.MULTILINE) == names


def write_outputs(documents: Iterable[Path]) -> None:
    """Put the output that the commands give now below them. What has a line ``...`` stays as it is."""
    os.environ.update(ENVIRONMENT)
    for document in documents:
        lines = document.read_text(encoding="utf-8").splitlines()
        for block in reversed([block for block in blocks_of("console") if block.document == document]):
            written: list[str] = []
            code = 0
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                for shown in session_of(block):
                    if shown.command == "echo $?":
                        output = [str(code)]
                    else:
                        outcome = outcome_of(shown.command)
                        output, code = outcome.lines, outcome.code
                    written += [*shown.lines, *(shown.output if "..." in shown.output else output)]
            lines[block.line : block.line + len(block.lines)] = written
        document.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    write_outputs([Path(name).resolve() for name in sys.argv[1:]] or DOCUMENTS)
