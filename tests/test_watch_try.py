"""``gdcli watch --try``: a remedy is tried by running the script once more with that one line changed."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import signal
import time
from pathlib import Path

import pytest
from conftest import Outcome, in_a_process
from forks import Piped

from gdcli.contract.watch import WatchFinding, WatchRemedy, WatchSettings
from gdcli.watching import change, trial
from gdcli.watching.script import Part, Script
from gdcli.watching.watch import Watch

LOOPS = Path(__file__).parent / "loops" / "faulty"
FORGOTTEN = """\
import torch
x = torch.tensor(4., requires_grad=True)
for i in range(20):
    loss = (x - 1.5)**2
    loss.backward()
    with torch.no_grad():
        x -= 0.1 * x.grad
"""
TOO_LARGE = """\
import torch
x = torch.tensor(4., requires_grad=True)
for i in range(20):
    loss = (x - 1.5)**2
    loss.backward()
    with torch.no_grad():
        x -= 1.5 * x.grad
    x.grad = None
"""


def finding(line: int, remedy: WatchRemedy) -> WatchFinding:
    """A finding at a line of ``train.py``."""
    return WatchFinding("zero-grad-forgotten", "message", "train.py", line, {}, "change", remedy)


@pytest.mark.parametrize(
    ("source", "line", "remedy", "expected"),
    [
        # a line to add stands before the statement at that line, or after it
        ("a\n  \nf()\nb\n", 3, WatchRemedy(3, "x.grad = None"), "a\n  \nx.grad = None; f()\nb\n"),
        ("if é:\n    f(é)  # é\nb\n", 2, WatchRemedy(3, "o.step()"), "if é:\n    f(é); o.step()  # é\nb\n"),
        ("f(\n  1,\n)\nb\n", 1, WatchRemedy(2, "o.step()"), "f(\n  1,\n); o.step()\nb\n"),
        ("if a: f()\r\nb\r\n", 1, WatchRemedy(1, "z()"), "if a: z(); f()\r\nb\r\n"),
        # a line that is replaced
        ("f(0.5)\n  \nf(1)\n", 1, WatchRemedy(1, "f(0.25)", "f(0.5)"), "f(0.25)\n  \nf(1)\n"),
        ("with n:\n    x = x-2*g # é\ny\n", 2, WatchRemedy(2, "x -= 2 * g", "x = x - 2 * g"),
         "with n:\n    x -= 2 * g # é\ny\n"),
        ("x = (x -\n     2 * g)\ny\n", 1, WatchRemedy(1, "x -= 2 * g", "x = x - 2 * g"), "x -= 2 * g\n\ny\n"),
        # what cannot be changed alone
        ("f(1)\n", 1, WatchRemedy(1, "f(2)", "f(3)"), None),
        ("a(); f()\n", 1, WatchRemedy(2, "o.step()"), None),
        ("for i in f():\n    pass\n", 1, WatchRemedy(1, "z()"), None),
        ("def f():\n    return g()\n", 2, WatchRemedy(3, "o.step()"), None),
    ],
)  # fmt: skip
def test_one_line_is_changed_and_the_others_keep_their_numbers(
    source: str, line: int, remedy: WatchRemedy, expected: str | None
) -> None:
    new = change.edited(source, finding(line, remedy))
    assert new == expected
    if new is not None:
        ast.parse(new)
        assert new.count("\n") == source.count("\n")


def test_change_keeps_the_encoding_of_the_script() -> None:
    text = "# -*- coding: latin-1 -*-\nname = 'é'\nloss.backward()\n"
    script = Script("train.py", [Part("train.py", text.encode("latin-1"))])
    new = change.changed(script, finding(3, WatchRemedy(3, "z()")), None)
    assert new.parts[0].source == text.replace("loss", "z(); loss").encode("latin-1")
    assert script.parts[0].source == text.encode("latin-1")


@pytest.mark.parametrize(
    ("file", "source", "reason"),
    [
        ("other.py", "loss.backward()\n", "in a module that the script imports"),
        ("train.py", "while loss.backward():\n    pass\n", "part of a larger statement"),
        ("train.py", "# -*- coding: nothing -*-\nf()\n", "part of a larger statement"),
    ],
)
def test_remedy_that_cannot_be_tried_says_why(file: str, source: str, reason: str) -> None:
    script = Script(file, [Part(file, source.encode())])
    with pytest.raises(change.CannotChangeError, match=reason):
        change.changed(script, finding(1, WatchRemedy(1, "z()")), None)


def tried_here(source: str, monkeypatch: pytest.MonkeyPatch, *, asked: bool = False) -> WatchRemedy:
    """The remedy of the first finding about a script, whose second run is in this process too."""

    def run(script: Script, watch: Watch) -> trial.SecondRun:
        second = trial.second_run(watch.settings, script)
        assert second is not None
        second.asked = asked
        return second

    monkeypatch.setattr(trial, "_in_a_process", run)
    watch = Watch(WatchSettings(script="-", try_=True), Script("-", [Part("<stdin>", source.encode())]))
    watch.run()
    remedy = watch.record().findings[0].remedy
    assert remedy is not None
    return remedy


def descent(rate: float) -> float:
    """The last loss of 20 iterations from 4, by hand."""
    x = 4.0
    for _ in range(19):
        x -= rate * 2 * (x - 1.5)
    return (x - 1.5) ** 2


def test_line_that_is_added_makes_the_descent_that_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    remedy = tried_here(FORGOTTEN, monkeypatch)
    assert remedy.tried
    assert remedy.gone is True
    assert remedy.loss == pytest.approx(descent(0.1), rel=1e-4)
    assert remedy.effect == "the last loss is 0.001298 instead of 4.297, and the finding is gone"


def test_rate_that_is_replaced_makes_the_descent_that_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    remedy = tried_here(TOO_LARGE, monkeypatch)
    assert remedy.text.startswith("x -= ")
    rate = float(remedy.text.split()[2])
    assert remedy.loss == pytest.approx(descent(rate), rel=1e-3, abs=1e-9)
    assert remedy.gone is True


@pytest.mark.parametrize(
    ("source", "effect"),
    [
        # the remedy takes the place of what the next line needs
        (FORGOTTEN + "assert loss > 1, 'the last line'\n",
         "the script then ends with AssertionError at <stdin>:8: the last line"),
        (FORGOTTEN + "import sys\nsys.exit(int(loss < 1))\n", "the exit code is 1 instead of 0"),
        ("import torch\nseen = 1\n" + FORGOTTEN.replace("(x -", "(0 if x.grad is None and i else 1) * (x -"),
         "the finding is gone"),
    ],
)  # fmt: skip
def test_second_run_that_goes_wrong_is_told(source: str, effect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    remedy = tried_here(source, monkeypatch)
    assert remedy.tried
    assert effect in remedy.effect


@pytest.mark.parametrize(
    ("name", "gone", "effect"),
    [
        ("cycling_optimizer", True, "the last loss is 0 instead of 10, and the finding is gone"),
        ("rate_mlp", False, "and the finding is still there"),
        ("rate_momentum", True, "and the finding is gone; new: oscillating at line 6"),
        ("rebound_manual", True, "the exit code is 0 instead of 1, and the finding is gone"),
        ("copy_updated_manual", True, "and the finding is gone"),
        ("changed_in_place_manual", True, "the exit code is 0 instead of 1, and the finding is gone"),
        ("graph_grows_optimizer", True, "and the finding is gone"),
        ("two_backwards_optimizer", True, "(after 4 iterations instead of 1), and the exit code is 0 instead of 1"),
        ("not_averaged_manual", True, "(a mean, and no sum)"),
    ],
)
def test_what_comes_of_a_remedy_is_said(
    name: str, gone: bool | None, effect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remedy = tried_here((LOOPS / f"{name}.py").read_text(), monkeypatch)
    assert remedy.tried
    assert remedy.gone is gone
    assert effect in remedy.effect


def test_script_that_asks_for_input_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    remedy = tried_here(FORGOTTEN, monkeypatch, asked=True)
    assert (remedy.tried, remedy.loss, remedy.gone) == (True, None, None)
    assert remedy.effect == "the script asks for input, which a second run does not have"


def test_without_try_no_remedy_is_tried() -> None:
    watch = Watch(WatchSettings(script="-"), Script("-", [Part("<stdin>", FORGOTTEN.encode())]))
    watch.run()
    remedy = watch.record().findings[0].remedy
    assert remedy is not None
    assert (remedy.tried, remedy.effect) == (False, "")


def of_process(folder: Path, source: str, *words: str, stdin: str = "", name: str = "train.py") -> Outcome:
    """The process of ``gdcli watch --try`` on a script."""
    (folder / name).write_text(source)
    with contextlib.chdir(folder):
        return in_a_process("watch", "--try", *words, name, stdin=stdin)


@pytest.mark.slow
@pytest.mark.process
def test_second_run_is_a_process_whose_output_is_discarded(tmp_path: Path) -> None:
    source = FORGOTTEN + "import os\nprint('once', flush=True)\nopen('pids', 'a').write(f'{os.getpid()}\\n')\n"
    done = of_process(tmp_path, source, "--json")
    assert done.err.count("once") == 1
    remedy = done.json()["findings"][0]["remedy"]
    assert (remedy["tried"], remedy["gone"]) == (True, True)
    assert remedy["loss"] == pytest.approx(descent(0.1), rel=1e-4)
    assert len(set((tmp_path / "pids").read_text().split())) == 2


@pytest.mark.slow
@pytest.mark.process
def test_input_is_asked_for_in_the_first_run_alone(tmp_path: Path) -> None:
    done = of_process(tmp_path, "input()\n" + FORGOTTEN, stdin="a line\n")
    assert done.code == 0
    assert "the script asks for input" in " ".join(done.out.split())


@pytest.mark.slow
@pytest.mark.process
def test_notebook_is_tried_with_its_cells(tmp_path: Path) -> None:
    cells = [FORGOTTEN[: FORGOTTEN.index("for")], FORGOTTEN[FORGOTTEN.index("for") :]]
    text = json.dumps({"cells": [{"cell_type": "code", "source": each} for each in cells]})
    done = of_process(tmp_path, text, "--json", name="lecture.ipynb")
    assert done.json()["findings"][0]["remedy"]["gone"] is True


@pytest.mark.slow
@pytest.mark.process
def test_second_run_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "START", 1.0)
    source = "import time\nwhile True: time.sleep(1)\n"
    watch = Watch(WatchSettings(script="-"), Script("-", [Part("<stdin>", b"")]))
    with pytest.raises(trial.TellsNothingError, match="had not ended after 1 s, and was ended"):
        trial._in_a_process(Script("-", [Part("<stdin>", source.encode())]), watch)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_signal_ends_the_second_run(number: int, code: int, tmp_path: Path) -> None:
    source = FORGOTTEN + (
        "import os, time\nsecond = os.path.exists('pid')\nopen('pid', 'a').write(f'{os.getpid()}\\n')\n"
        "if second: time.sleep(100)\n"
    )
    (tmp_path / "train.py").write_text(source)
    with contextlib.chdir(tmp_path), Piped("watch", "--try", "train.py") as process:
        pids: list[str] = []
        while len(pids) < 2:
            assert process.poll() is None
            time.sleep(0.02)
            pids = (tmp_path / "pid").read_text().split() if (tmp_path / "pid").exists() else []
        process.send_signal(number)
        ended, out, _ = process.ended()
    assert ended == code
    assert ("the second run was interrupted" in " ".join(out.split())) == (number == signal.SIGINT)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pids[1]), 0)
