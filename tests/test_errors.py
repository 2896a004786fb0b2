"""Every error as a user reads it, to the character.

The files in errors/ are what a terminal shows: a command line, and what it prints on standard error. Exit code 2.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from conftest import Run

from gdcli.errors import ExpressionError, caret
from gdcli.lang.parsing import parse

FILES = sorted((Path(__file__).parent / "errors").glob("*.txt"))


def transcripts(*files: Path) -> list[tuple[str, str]]:
    """The command lines of the files, each with what it prints."""
    blocks = [block for file in files for block in f"\n{file.read_text(encoding='utf-8')}".split("\n$ gdcli ")[1:]]
    pairs = [block.rstrip("\n").partition("\n") for block in blocks]
    return [(line, f"{printed}\n") for line, _, printed in pairs]


CASES = [pytest.param(line, printed, id=line) for line, printed in transcripts(*FILES)]
WITH_JSON = [
    pytest.param(line, printed, id=line)
    for line, printed in transcripts(*FILES)
    if shlex.split(line)[0] in ("ops", "grad", "minimize", "fit-linear") and "hint: write gdcli" not in printed
]  # a hint that shows the whole command has --json in it


def test_there_are_transcripts() -> None:
    assert len(CASES) > 250


@pytest.mark.parametrize(("line", "printed"), CASES)
def test_error_reads_as_the_transcript_shows(run: Run, line: str, printed: str) -> None:
    outcome = run(*shlex.split(line))
    assert outcome.err == printed
    assert (outcome.code, outcome.out) == (2, "")


@pytest.mark.slow
@pytest.mark.parametrize(("line", "printed"), WITH_JSON)
def test_error_is_a_document_too_with_json(run: Run, line: str, printed: str) -> None:
    command, *words = shlex.split(line)
    outcome = run(command, "--json", *words)
    record = outcome.json()
    place = "" if not record["source"] else f"\n{caret(record['source'], tuple(record['span']))}"
    hint = f"\nhint: {record['hint']}" if record["hint"] else ""
    assert f"error: {record['message']}{place}{hint}\n" == printed == outcome.err
    assert (outcome.code, record["status"], record["command"]) == (2, "error", command)
    assert record["code"] == record["code"].lower() != "internal"


@pytest.mark.parametrize(
    "hint",
    [
        printed.rstrip("\n").rpartition("hint: write ")[2]
        for line, printed in transcripts(FILES[0].parent / "notation.txt")
        if "hint: write " in printed and "(a, b)" not in printed and " for " not in printed.splitlines()[-1]
    ],
)
def test_the_expression_that_a_hint_shows_is_correct(hint: str) -> None:
    parse(hint)


def test_the_library_raises_the_same_text() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("sinn(x) + 1")
    assert str(caught.value) == "unknown function 'sinn'\n  sinn(x) + 1\n  ^^^^\nhint: did you mean 'sin'?"
    assert caught.value.span == (0, 4)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # a long expression is a window of 60 characters around the place
        ("x + " * 30 + "foo(x)", "  …" + "x + " * 15 + "foo(x)\n" + "   " + " " * 60 + "^^^"),
        ("foo(x)" + " + x" * 60, "  foo(x)" + " + x" * 14 + " …\n  ^^^"),
        (
            "x + " * 30 + "foo(x)" + " + x" * 30,
            "  …" + "x + " * 15 + "foo(x)" + " + x" * 14 + " …\n" + " " * 63 + "^^^",
        ),
        ("日 + " * 40 + "foo(x)", "  …" + "日 + " * 15 + "foo(x)\n" + "   " + " " * 75 + "^^^"),
        # what a terminal must not get, and white space that is no plain space
        ("x + \x1b[31m", "  x + �[31m\n      ^"),
        ("x + \u202ey", "  x + �y\n      ^"),
        ("x\t+\u00a0foo(x)", "  x + foo(x)\n      ^^^"),
        ("x +\u3000foo(x)", "  x + foo(x)\n      ^^^"),
        ("x\n+ foo(1)", "  line 2: + foo(1)\n            ^^^"),
    ],
)
def test_the_place_of_an_error_in_a_long_or_strange_text(run: Run, text: str, shown: str) -> None:
    outcome = run("grad", text)
    assert outcome.err.partition("\n")[2].partition("\nhint: ")[0] == shown


def test_a_long_correction_is_told_in_general(run: Run) -> None:
    assert run("grad", "x + " * 20 + "x^2").err.endswith("hint: write **\n")


def test_each_row_of_ops_has_its_own_error(run: Run) -> None:
    outcome = run("ops", "a + b", "a +", "1/0", "a[5]", "--a", "1,2", "--b", "3", "--json")
    record = outcome.json()
    assert outcome.code == 2
    assert record["status"] == "failed"
    assert record["message"] == "3 of 4 expressions failed"
    assert record["rows"][0]["value"] == [4.0, 5.0]
    assert [(row["error"]["message"], row["error"]["span"]) for row in record["rows"][1:]] == [
        ("the expression ends where a value is expected", [3, 4]),
        ("division by zero", [0, 3]),
        ("PyTorch reports: index 5 is out of bounds for dimension 0 with size 2", [0, 4]),
    ]


def test_the_place_in_the_text_is_told_in_the_encoding_of_the_terminal(run: Run) -> None:
    assert run("grad", "β + foo(1)", encoding="ascii").err == (
        "error: unknown function 'foo'\n  \\u03b2 + foo(1)\n           ^^^\nhint: did you mean 'floor'?\n"
    )
