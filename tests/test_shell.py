"""Completion of command lines, in real shells at a pseudo-terminal and by what they are answered."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from conftest import Run
from shells import Shell

from gdcli.cli.app import COMMANDS
from gdcli.cli.shell.answer import SCRIPTS, answer, split
from gdcli.cli.shell.candidates import candidates
from gdcli.complete.watch import FINDINGS
from gdcli.lang.functions import FUNCTIONS
from gdcli.lang.problems import PROBLEMS
from gdcli.rules.catalogue import RULES

# What is typed, TAB being the key, and the line that every shell makes of it.
LINES = [
    ("gdcli mini\t", "gdcli minimize "),
    ("gdcli help expr\t", "gdcli help expressions "),
    ("gdcli minimize --optimizer adama\t", "gdcli minimize --optimizer adamax "),
    ("gdcli minimize --optimizer=adama\t", "gdcli minimize --optimizer=adamax "),
    ('gdcli minimize --optimizer "adama\t', 'gdcli minimize --optimizer "adamax" '),
    ("gdcli minimize --optimizer nothing\t", "gdcli minimize --optimizer nothing"),
    ("gdcli compare --optimizer adama,adade\t", "gdcli compare --optimizer adama,adadelta "),
    ('gdcli grad "x**2 + softpl\t', 'gdcli grad "x**2 + softplus'),
    ('gdcli grad "x**2 + \t', 'gdcli grad "x**2 + '),
    ("gdcli minimize --optimizer adam --opt bet\t", "gdcli minimize --optimizer adam --opt betas="),
    ("gdcli minimize --config dat\t", "gdcli minimize --config data\\ file.csv "),
    ("gdcli minimize --config=dat\t", "gdcli minimize --config=data\\ file.csv "),
    ("gdcli fit-linear --checkpoint ru\t", "gdcli fit-linear --checkpoint runs/"),
    ("gdcli minimize --up\tre\t", "gdcli minimize --update rebind "),
]


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_tab_key_completes(name: str, tmp_path: Path) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    (tmp_path / "data file.csv").touch()
    (tmp_path / "runs").mkdir()
    with Shell(name, tmp_path) as shell:
        assert [(typed, shell.line_after(typed)) for typed, _ in LINES] == LINES


def asked(shell: str, *words: str, **environment: str) -> list[str]:
    """The lines of the answer to a shell."""
    with redirect_stdout(io.StringIO()) as out:
        answer({"_GDCLI_COMPLETE": shell, **{f"_GDCLI_{key}": text for key, text in environment.items()}}, words)
    return out.getvalue().splitlines()


def test_the_answer_in_the_form_of_each_shell() -> None:
    described = "adamax\ttorch.optim.Adamax"
    assert asked("zsh", "minimize", "--optimizer=adama") == ["words 12", described]
    assert asked("fish", "minimize", "--optimizer=adama") == ["words 12", f"--optimizer={described}"]
    line = "gdcli minimize --optimizer=adama"
    assert asked("powershell", LINE=line) == ["words 12", f"--optimizer={described}"]
    assert asked("bash", LINE=line, WORD="adama") == ["words 12", "adamax"]  # which breaks words at =
    assert asked("bash", LINE=line, WORD="--optimizer=adama") == ["words 12", "--optimizer=adamax"]
    assert asked("powershell", LINE='gdcli minimize "x**2 + `"y" --dty')[1].startswith("--dtype\t")
    assert asked("tcsh", "minimize", "") == []


def names(*words: str) -> list[str]:
    """What the last of some words may become."""
    *before, last = words
    return [text for text, _ in candidates(before, last).items]


def test_what_is_completed_is_read_from_the_tables() -> None:
    assert names("") == list(COMMANDS)
    assert names("minimize", "--optimizer", "") == list(RULES)
    assert names("problems", "") == names("minimize", "") == list(PROBLEMS)
    assert names("functions", "") == list(FUNCTIONS)
    assert names("grad", "relu") == [name for name in FUNCTIONS if name.startswith("relu")]
    assert names("watch", "--fail-on", "") == ["any", *FINDINGS]
    assert names("minimize", "--dtype", "") == ["float32", "float64", "float16", "bfloat16"]
    assert names("minimize", "--lr", "") == ["auto"]
    assert names("completion", "") == list(SCRIPTS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_completed(run: Run, command: str) -> None:
    shown = [line.split()[0] for line in run(command, "--help").out.splitlines() if line.startswith("  --")]
    assert set(shown) <= set(names(command, "--"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["minimize", "u**2 + w", "--u"], ["--u", "--until", "--update"]),
        (["minimize", "rosenbrock", "--wrt", "x,"], ["y"]),
        (["minimize", "u**2", "--bound", ""], ["u="]),
        (["sweep", "u**2", "--over", ""], ["lr=", "seed=", "u=", "weight_decay="]),
        (["sweep", "u**2", "--optimizer", "manual-momentum", "--over", "m"], ["momentum="]),
        (["minimize", "--schedule", "cosine", "--sched", "T"], ["T_max="]),
        (["minimize", "--steps", "3", "--ste"], []),  # given already
        (["minimize", "--save", "a.png", "--sa"], ["--save"]),  # may be repeated
        (["minimize", "--no-wa"], ["--no-walk"]),
        (["minimize", "rosenbrock", "bea"], []),
        (["minimize", "--x", "bea"], []),  # the value of a variable
        (["minimize", "--steps", ""], []),
        (["minimize", "--", "--ste"], []),
        (["minimize", "x**2 + 2e"], []),
        (["minimize", "x.__cl"], []),
        (["watch", "train.py", "--js"], []),  # it is for the script
        (["watch", "--js"], ["--json", "--jsonl"]),
        (["mistake", ""], []),
        (["--v"], ["--version"]),
    ],
)
def test_what_words_may_become(words: list[str], expected: list[str]) -> None:
    assert sorted(names(*words)) == expected


@pytest.mark.parametrize(
    ("words", "kind", "skip"),
    [
        (["minimize", "--output", "a"], "files", 0),
        (["minimize", "--x=@a"], "files", 5),
        (["sweep", "--merge", "a.npz", "b"], "files", 0),
        (["fit-linear", "a.csv", "b"], "files", 0),
        (["predict", "a.json", "b"], "files", 0),
        (["watch", "train.py", "b"], "files", 0),
        (["fit-linear", "--checkpoint=a"], "folders", 13),
        (["minimize", "3*soft"], "open", 2),
        (["minimize", "--dtype=f"], "words", 8),
    ],
)
def test_kinds_of_answers(words: list[str], kind: str, skip: int) -> None:
    assert candidates(words[:-1], words[-1])[:2] == (kind, skip)


@pytest.mark.parametrize(
    ("line", "words", "word", "quote"),
    [
        ("a b", ["a"], "b", ""),
        ("a b ", ["a", "b"], "", ""),
        ('a "b c" "d e', ["a", "b c"], "d e", '"'),
        ("a 'b\" c", ["a"], 'b" c', "'"),
        (r"a b\ c", ["a"], "b c", ""),
        ("a # b", ["a", "#"], "b", ""),
    ],
)
def test_a_line_is_split_as_a_shell_splits_it(line: str, words: list[str], word: str, quote: str) -> None:
    assert split(line) == (words, word, quote)


@pytest.mark.process
def test_a_shell_is_answered_without_torch_and_without_errors() -> None:
    program = (
        "import sys, os; sys.argv[1:] = ['grad', 'softpl']; os.environ['_GDCLI_COMPLETE'] = 'fish'\n"
        "from gdcli.cli.main import main\ntry: main()\nfinally: print('torch' in sys.modules, 'rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    first, *_, last = done.stdout.splitlines()
    assert (first, last, done.stderr, done.returncode) == ("open 0", "False False", "", 0)


def test_the_script_of_each_shell(run: Run) -> None:
    scripts = {shell: run("completion", shell).out for shell in SCRIPTS}
    assert len(set(scripts.values())) == 4
    assert all(f"_GDCLI_COMPLETE={shell}" in scripts[shell] for shell in ("bash", "zsh", "fish"))
    assert "$env:_GDCLI_COMPLETE = 'powershell'" in scripts["powershell"]
    assert "Register-ArgumentCompleter -Native -CommandName gdcli" in scripts["powershell"]
    assert run("completion", "pwsh").out == scripts["powershell"]


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["completion"], "completion needs the name of a shell", "the shells are bash, zsh, fish, powershell"),
        (["completion", "zhs"], "there is no completion for 'zhs'", "did you mean 'zsh'?"),
        (
            ["--show-completion"],
            "unknown option '--show-completion'",
            "gdcli completion SHELL prints the script of a shell",
        ),
    ],
)
def test_errors_of_completion(run: Run, words: list[str], message: str, hint: str) -> None:
    outcome = run(*words)
    assert (outcome.code, outcome.err) == (2, f"error: {message}\nhint: {hint}\n")
