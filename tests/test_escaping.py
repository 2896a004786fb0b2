"""What others wrote (names of files, keys, cells, texts) acts on no terminal, page, spreadsheet or script."""

from __future__ import annotations

import ast
import builtins
import contextlib
import csv
import io
import json
import re
import shlex
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import Outcome, Run, document

from gdcli.cli.heard import sentence
from gdcli.cli.messages import warn, warn_of
from gdcli.contract.envelope import ErrorResult, Notice
from gdcli.contract.figure import Axis, CurvesPanel, Figure
from gdcli.contract.figure import Path as Route
from gdcli.errors import ExpressionError, GdcliError
from gdcli.printable import LONGEST, in_lines, one_line, short_message
from gdcli.render.documents import csv_row, json_line
from gdcli.render.live import Scene, Stage
from gdcli.render.table import beside, definition, listing, notes, print_to
from gdcli.render.table_file import table_file
from gdcli.render.terminal.picture import Picture
from gdcli.render.text import PlainConsole, Text
from gdcli.rules.catalogue import RULES

# Sets the title of a window, reddens, turns the direction, ends the line in five ways, deletes.
ATTACK = "a\x1b]0;hi\x07\x9b31m\u202e\u2067\u2028\u2029\x85\r\n\x7f\x00b"
SHOWN = r"a\x1b]0;hi\x07\x9b31m\u202e\u2067\u2028\u2029\x85\r\n\x7f\x00b"
IN_A_NAME = ATTACK.replace("\x00", "")  # which no file and no argument has
RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def harmless(outcome: Outcome) -> Outcome:
    """The outcome of a command, none of whose characters acts on a terminal."""
    assert not RAW.search(outcome.out), outcome.out
    assert not RAW.search(outcome.err), outcome.err
    return outcome


# On standard error


CONTROLS = [*map(chr, [*range(0x20), *range(0x7F, 0xA0)]), *"\u061c\u2028\u2029\u202a\u202e\u2066\u2069"]


@pytest.mark.parametrize("text", [ATTACK, *CONTROLS])
def test_controls_are_escapes_as_python_writes_them(text: str) -> None:
    assert one_line(text) == "".join(c if c.isalnum() or c in "];" else repr(c)[1:-1] for c in text)
    assert not RAW.search(in_lines(text))
    assert in_lines("a\tb\nc") == "a\tb\nc"


@pytest.mark.parametrize("text", ["", "x**2", "λ é 日本 🎉 café\u0301", "a\u00a0b\u200b", "a\\x1b"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert one_line(text) == in_lines(text) == short_message(text) == text


@pytest.mark.parametrize(
    "words",
    [
        ["minimize", "--config", f"{IN_A_NAME}.toml"],
        ["grad", "x**2", "--points", IN_A_NAME],
        ["minimize", "--output", f"/none{IN_A_NAME}/f"],
        ["minimize", "--save", f"/none{IN_A_NAME}/f.svg"],
        ["minimize", "--save", IN_A_NAME],
        ["minimize", "--optimizer", IN_A_NAME],
        ["minimize", "--schedule", IN_A_NAME],
        ["minimize", "--dtype", IN_A_NAME],
        ["minimize", "--lr", IN_A_NAME],
        ["minimize", "--opt", f"{IN_A_NAME}=1"],
        ["minimize", "--opt", IN_A_NAME],
        ["minimize", "--bound", f"{IN_A_NAME}=1:2"],
        ["minimize", "--bound", f"x={IN_A_NAME}"],
        ["minimize", "--wrt", IN_A_NAME],
        ["minimize", "--var", f"{IN_A_NAME}=1"],
        ["minimize", f"--{IN_A_NAME}", "1"],
        ["minimize", f"--{IN_A_NAME}=1"],
        ["minimize", f"--lr.{IN_A_NAME}", "1"],
        ["minimize", "--x", IN_A_NAME],
        ["minimize", IN_A_NAME],
        ["minimize", f"x**2 {IN_A_NAME}"],
        ["minimize", f"x**2{IN_A_NAME}", "--code"],
        ["grad", f"f('{IN_A_NAME}')"],
        ["ops", f"1 + '{IN_A_NAME}'"],
        ["ops", IN_A_NAME, "1 + 1"],
        ["ops", IN_A_NAME, "1 + 1", "--csv"],
        ["ops", IN_A_NAME, "1 + 1", "--json"],
        ["plot", IN_A_NAME],
        ["compare", "--optimizer", IN_A_NAME],
        ["compare", "--racer", IN_A_NAME],
        ["problems", IN_A_NAME],
        ["functions", IN_A_NAME],
        ["optimizers", IN_A_NAME],
        ["schema", IN_A_NAME],
        [IN_A_NAME],
        [f"--{IN_A_NAME}"],
    ],
    ids=lambda words: " ".join(words).replace(IN_A_NAME, "ATTACK"),
)
@pytest.mark.parametrize("form", ["", "--json"])
def test_arguments_do_not_act_on_a_terminal(run: Run, words: list[str], form: str) -> None:
    outcome = harmless(run(*words, *[form] * bool(form and form not in words)))
    assert outcome.code, words
    lines = outcome.err.splitlines()
    assert len(lines) <= 4, lines  # error, expression, caret, hint
    assert all(line.startswith(("error: ", "hint: ", "  ")) for line in lines), lines


@pytest.mark.parametrize(
    "config",
    [
        {ATTACK: 1},
        {"values": {ATTACK: 1}},
        {"values": {"x": ATTACK}},
        {"expression": ATTACK},
        {"optimizer": ATTACK},
        {"opt": {ATTACK: 1}},
        {"optimizer": "adam", "opt": {"betas": ATTACK}},
        {"schedule": "step", "sched": {ATTACK: 1}},
        {"lrs": {ATTACK: 1}},
        {"lr": ATTACK},
        {"lr": {ATTACK: 1}},
        {"wrt": [ATTACK]},
        {"bound": {ATTACK: [1, 2]}},
        {"bound": {"x": ATTACK}},
        {"command": ATTACK},
        {"gdcli": "0", "command": ATTACK, "settings": {}},
        {"lr_factor": {ATTACK: 1}},
        {"dtype": ATTACK},
    ],
    ids=lambda config: json.dumps(config).replace(json.dumps(ATTACK)[1:-1], "ATTACK"),
)
def test_configs_do_not_act_on_a_terminal(run: Run, tmp_path: Path, config: object) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(config))
    outcome = harmless(run("minimize", "--config", str(path)))
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) <= 4


@pytest.mark.parametrize(
    "text",
    [
        f'"{ATTACK}",y\n1,2\n'.replace("\x00", ""),
        f'x\n1\n"{ATTACK}"\n'.replace("\x00", ""),
        f"x\n1\n{ATTACK}\n".replace("\x00", ""),
        json.dumps({"x": 1}) + "\n" + json.dumps({ATTACK: 2}) + "\n",
        json.dumps({"x": ATTACK}) + "\n",
        f'{{"x": {ATTACK}}}\n',
    ],
)
@pytest.mark.parametrize("form", ["", "--json", "--jsonl", "--csv"])
def test_files_of_points_do_not_act_on_a_terminal(run: Run, tmp_path: Path, text: str, form: str) -> None:
    path = tmp_path / ("p.jsonl" if text.startswith("{") else "p.csv")
    path.write_text(text, newline="")
    outcome = harmless(run("grad", "x**2", "--points", str(path), *[form] * bool(form)))
    assert outcome.code
    if form.startswith("--json"):
        for line in outcome.out.splitlines():
            document(line)


def test_a_message_is_shown_whole_in_one_line(run: Run) -> None:
    outcome = run("minimize", "--optimizer", IN_A_NAME)
    assert outcome.err.splitlines()[0] == f"error: there is no optimizer '{SHOWN.replace(chr(92) + 'x00', '')}'"


def test_warnings_do_not_act_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    warn([Notice("diverged", ATTACK)])
    warn_of(sentence(UserWarning(f"\x1b[2J{ATTACK}")))
    err = capsys.readouterr().err
    assert not RAW.search(err)
    assert err.count("\n") == 2
    assert sentence(UserWarning("")) == ""


def test_a_hint_that_is_typed_quotes_the_name_of_a_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a; touch b.json"
    path.write_text('{"gdcli": "0", "command": "grad", "settings": {}}')
    hint = run("minimize", "--config", str(path)).err.splitlines()[1]
    words = shlex.split(hint.removeprefix("hint: ").removesuffix(" runs it again"))
    assert words == ["gdcli", "grad", "--config", str(path)]


# Long words


@pytest.mark.parametrize(
    "words",
    [
        ["minimize", "--optimizer", "{}"],
        ["minimize", "--lr", "{}"],
        ["minimize", "--config", "{}"],
        ["minimize", "--config", "/{}/{}"],
        ["minimize", "--output", "/{}/f"],
        ["minimize", "--save", "{}"],
        ["minimize", "--opt", "{}=1"],
        ["minimize", "--bound", "x={}"],
        ["minimize", "--{}", "1"],
        ["minimize", "--var", "{}=1"],
        ["minimize", "{}"],
        ["minimize", "x**2", "--x", "{}"],
        ["grad", "sin({})"],
        ["ops", "1 + {}"],
        ["compare", "--racer", "{}"],
        ["problems", "{}"],
        ["{}"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("letter", ["q", "1", "é", "a b ", "'", "日", "\x1b"])
def test_a_message_repeats_little_of_a_long_word(run: Run, words: list[str], letter: str) -> None:
    long = (letter * 10_000)[:10_000]
    outcome = run(*(word.replace("{}", long) for word in words))
    assert outcome.code
    for line in outcome.err.splitlines():
        assert line.count(letter[0] if letter != "\x1b" else "\\x1b") <= LONGEST, line


@pytest.mark.parametrize("before", [0, 10, 59, 60, 61, 120, 121, 122, 500, 4999, 9990])
@pytest.mark.parametrize("letter", ["1", "é"])
def test_the_caret_stands_under_its_place_in_a_long_line(before: int, letter: str) -> None:
    source = letter * before + "$" + letter * (9_999 - before)
    error = ExpressionError("syntax", "no", source=source, span=(before, before + 1))
    _, line, marks = str(error).splitlines()
    assert len(line) <= LONGEST
    assert marks.index("^") == marks.rindex("^") == line.index("$")


def test_messages_of_errors_are_short_everywhere() -> None:
    error = GdcliError("code", f"there is no '{'a b' * 9999}'", "x" * 9999)
    assert len(error.message) <= LONGEST + 20
    assert len(error.hint) <= LONGEST
    assert len(GdcliError("code", "a b " * 9999).message) <= LONGEST
    assert short_message("word " * 100) == "word " * 100  # nothing long in it
    own = f"PyTorch's {'word ' * 60}and the rule's"  # no quotation
    assert short_message(own) == own


# On standard output


def printed(*parts: object) -> str:
    file = io.StringIO()
    print_to(file, [lambda _, part=part: part for part in parts])  # type: ignore[misc, list-item]
    return file.getvalue()


def test_tables_and_notes_do_not_act_on_a_terminal() -> None:
    text = printed(
        Text(ATTACK, "bold"),
        Text.assemble(ATTACK, (ATTACK, "dim"), Text(ATTACK)),
        Text("a").append(ATTACK).append(Text(ATTACK)),
        listing([ATTACK, "b"], [[ATTACK, "1"]]),
        definition(ATTACK, {ATTACK: ATTACK}),
        notes([Notice("n", ATTACK), Notice("n", "q" * 10_000)], 80),
        beside(ATTACK, Text(ATTACK), 40),
        ATTACK,
        f"[red]{ATTACK}[/red] :smile:",
    )
    assert not RAW.search(text), text
    assert SHOWN in text.replace(" ", "")
    assert "[red]" in text
    assert ":smile:" in text
    assert text.count("q") <= LONGEST


def test_columns_are_as_wide_as_their_escapes() -> None:
    rows = printed(listing(["name", "n"], [["\x1b\x1b", "1"], ["abcdefgh", "2"]])).splitlines()
    assert [row.split() for row in rows[2:]] == [[r"\x1b\x1b", "1"], ["abcdefgh", "2"]]
    assert rows[2].rindex("1") == rows[3].rindex("2")


def test_pictures_in_a_terminal_have_no_controls() -> None:
    axis = Axis(ATTACK, 0.0, 3.0)
    route = Route(label=ATTACK, x=[0.0, 1.0, 2.0], y=[0.0, 1.0, 2.0], counts=[0, 1, 2])
    figure = Figure(ATTACK, ATTACK, [CurvesPanel(ATTACK, axis, axis, [route, route])])
    assert not RAW.search(printed(Picture(figure)))
    console = PlainConsole(file=io.StringIO(), width=80, height=30, color_system=None)
    scene = Scene(ATTACK, "running", [ATTACK, "b"], [["1", "2"]], figure, "keys")
    assert not RAW.search("".join(Stage(console).lines(scene)))


@pytest.mark.parametrize("letter", [*CONTROLS, *"é日🎉"])
def test_json_escapes_what_acts_on_a_terminal_and_nothing_else(letter: str) -> None:
    line = json_line(ErrorResult(command="c", code="x", message=letter, hint="")).decode()
    assert json.loads(line)["message"] == letter
    assert not RAW.search(line)
    assert letter.isprintable() == (letter in line.rstrip("\n"))


# Spreadsheets


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=cmd()", "'=cmd()"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+x", "'+x"),
        ("-x**2", "'-x**2"),
        ("@x", "'@x"),
        ("  =1+1", "'  =1+1"),
        ("\t=1+1", "'\t=1+1"),
        ("\r=1", r"\r=1"),
        ("x = 1", "x = 1"),
        ("-1.5", "-1.5"),  # a number is harmless
        ("-inf", "-inf"),
        ("a\x1b\u202eb", r"a\x1b\u202eb"),
        ('a"b,c\nd', 'a"b,c\nd'),
        ("", ""),
    ],
)
def test_a_text_in_csv_is_no_formula(text: str, cell: str) -> None:
    row = csv_row([text, -1.5, None, text]).decode()
    assert next(csv.reader(io.StringIO(row, newline=""))) == [cell, "-1.5", "", cell]


def test_formulas_given_to_ops_are_texts_in_csv(run: Run) -> None:
    out = run("ops", "=cmd()", "-x", "+2", "@x", "--x", "3", "--csv").out
    assert [row["expression"] for row in csv.DictReader(io.StringIO(out))] == ["'=cmd()", "'-x", "+2", "'@x"]


# Pages and pictures

MARKUP = [
    "</script><script>hit()</script>", "<!-- -->", "]]>", "&amp;", "<b onclick='hit()'>", "$x^2$", "{x}", "%s", '"""',
]  # fmt: skip


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", [*MARKUP, ATTACK.replace("\n", "")])
def test_a_saved_table_holds_a_text_as_text(text: str) -> None:
    page = table_file([lambda _: Text(text, "bold red")], ".html").decode()
    plain = table_file([lambda _: Text("x", "bold red")], ".html").decode()
    assert Tags(page).tags == Tags(plain).tags
    assert one_line(text) in Tags(page).text
    svg = ET.fromstring(table_file([lambda _: Text(text, "bold red")], ".svg"))
    assert not [each for each in svg.iter() if each.tag.endswith("script")]
    assert one_line(text) in "".join(svg.itertext()).replace("\xa0", " ")


@pytest.mark.parametrize("ending", [".svg", ".png", ".pdf"])
@pytest.mark.slow
def test_a_saved_picture_draws_a_text_as_text(ending: str) -> None:
    pytest.importorskip("matplotlib")
    from gdcli.render.picture.picture import save_picture

    def drawn(text: str) -> bytes:
        label = one_line(text)
        axis = Axis(label, 0.0, 3.0)
        route = Route(label=label, x=[0.0, 1.0, 2.0], y=[0.0, 1.0, 2.0], counts=[0, 1, 2])
        file = io.BytesIO()
        save_picture(Figure(text, text, [CurvesPanel(label, axis, axis, [route, route])]), ending, file)
        return file.getvalue()

    for text in (*MARKUP, r"$\frac{1}{2}$", "$x", "x -- y --> z", "a\x1b\x00\u202eb"):
        picture = drawn(text)
        if ending == ".svg":
            root = ET.fromstring(picture)
            assert not [each for each in root.iter() if each.tag.endswith("script")]
    assert drawn("$x^2$") != drawn("x^2")  # the signs are drawn, as no formula


# Scripts


def rows_of(script: str) -> list[str]:
    """What a script prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(script, "script", "exec"), {"__name__": "__main__"})
    return out.getvalue().splitlines()


def builtins_of(script: str) -> set[str]:
    """The names of Python itself that a script uses."""
    names = {node.id for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Name)}
    return {name for name in names if hasattr(builtins, name)}


def scripts(run: Run) -> Iterator[str]:
    for name in RULES:
        for more in ([], ["--schedule", "lambda", "--sched", "lr_lambda=0.9**epoch"], ["--lr-factor", "1=0.5"]):
            start = "[[1.0, 2.0], [3.0, 4.0]]"
            words = ["sum((q @ q)**2)", "--q", start, "--optimizer", name, "--steps", "2", "--bound", "q=:9", *more]
            yield run("minimize", *words, "--tol-x", "1e-9", "--tol-grad", "0", "--code").out


@pytest.mark.slow
def test_a_variable_hides_nothing_that_a_script_uses(run: Run) -> None:
    used = {name for script in scripts(run) if script for name in builtins_of(script)}
    assert {"print", "range"} <= used
    for name in sorted({*used, "F", "loss", "i", "limit", "finite", "grown", "state", "landmark", "optimizer"}):
        words = [f"{name}**2 + abs(b)", "--var", f"{name}=3", "--b", "1.05", "--tol-x", "0", "--steps", "3"]
        outcome = run("minimize", *words, "--code")
        if outcome.code:  # a function of the language is no variable
            assert "function" in outcome.err, outcome.err
            continue
        assert len(rows_of(outcome.out)) == 4, outcome.out


@pytest.mark.parametrize(
    "words",
    [
        ["(x - 1)**2\nimport os"],
        ["(x - 1)**2 # hi"],
        ["(x - 1)**2\r\nimport os"],
        ["(x - 1)**2\x0cimport os"],
        ["(x - 1)**2 \u2028import os"],
        ['x**2 + """'],
        ["x**2 + '''"],
        ["__import__('os')"],
        ["x.__class__"],
        ["f'{x}'"],
        ["x**2", "--schedule", "lambda", "--sched", "lr_lambda=__import__('os')"],
        ["x**2", "--schedule", "lambda", "--sched", "lr_lambda=1\nimport os"],
        ["x**2", "--optimizer", "lbfgs", "--opt", "line_search_fn=');import os;('"],
        ["x**2", "--optimizer", "adam", "--opt", "eps=1);import os"],
        ["x**2", "--schedule", "cyclic", "--sched", "base_lr=1", "--sched", "max_lr=1", "--sched", "mode=');import os"],
    ],
)
def test_a_script_cannot_be_broken_out_of(run: Run, words: list[str]) -> None:
    outcome = harmless(run("minimize", *words, "--x", "3", "--code"))
    assert outcome.code == 2 or only_torch(outcome.out), outcome.out


def only_torch(script: str) -> bool:
    """Whether a script imports torch and math alone."""
    names = [each.name for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Import) for each in node.names]
    return set(names) <= {"math", "torch", "torch.nn.functional"}


@pytest.mark.parametrize("words", [["x +  1e0 *   y"], ["x*y  +  (y)"]])
def test_the_title_of_a_script_is_a_comment(run: Run, words: Sequence[str]) -> None:
    script = run("minimize", *words, "--x", "1", "--y", "2", "--steps", "1", "--code").out
    assert script.startswith("# ")
    assert len(rows_of(script)) == 2
