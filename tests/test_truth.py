"""``benchmarks/truth.py``: the oracle confirms what is true of a run, and refuses what is not."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

REMEDY = {"settings": {"lr": 0.5}, "options": "--lr 0.5", "effect": "loss 0 after 100 steps with it"}
# A command, a finding, and which of its statements hold. The right answers follow from the rule: with lr 0.1 on x**2 a
# step multiplies x by 0.8, so that a millionth takes ln(1e-6) / ln(0.8) = 61.9 steps; with lr 0.5 it takes one.
STATEMENTS: list[tuple[str, str, dict[str, Any], dict[str, bool]]] = [
    ("x**2 --x 1 --lr 0.1", "rate", {"steps_to_goal": 62, "goal": 1e-6}, {"predicted steps within 10%": True}),
    ("x**2 --x 1 --lr 0.1", "rate", {"steps_to_goal": 90, "goal": 1e-6}, {"predicted steps within 10%": False}),
    ("x**2 --x 1 --lr 0.1", "rate", {"steps_to_goal": 90, "goal": 1e-6}, {"predicted steps within 2x": True}),
    ("x**2 --x 1 --lr 0.1", "rate", {"steps_to_goal": 190, "goal": 1e-6}, {"predicted steps within 2x": False}),
    ("x**2 --x 1 --lr 0.1", "rate", {"more_than": 61, "goal": 1e-6}, {"more than so many steps": True}),
    ("x**2 --x 1 --lr 0.1", "rate", {"more_than": 63, "goal": 1e-6}, {"more than so many steps": False}),
    ("x**2 --x 1 --lr 0.1", "slow", {}, {"the cause": False}),
    ("x**2 --x 1 --lr 0.01", "slow", {}, {"the cause": True}),
    ("x**2 --x 1 --lr 0.1", "oscillating", {}, {"the cause": False}),
    ("x**2 --x 1 --lr 0.999", "oscillating", {}, {"the cause": True}),
    ("x**2 --x 1 --lr 1", "cycling", {"period": 2}, {"the cause": True, "its numbers": True}),
    ("x**2 --x 1 --lr 1", "cycling", {"period": 3}, {"the cause": True, "its numbers": False}),
    ("x**2 --x 1 --lr 0.9", "cycling", {}, {"the cause": False}),
    ("abs(x) --x 1 --lr 0.3", "kink", {}, {"the cause": True}),
    ("x**2 --x 1 --lr 1", "kink", {}, {"the cause": False}),
    ("x**2 --x 1 --lr 1.1", "learning-rate-too-large", {}, {"the cause": True}),
    ("x**2 --x 1 --lr 0.1", "learning-rate-too-large", {}, {"the cause": False}),
    ("2*x --x 1 --lr 0.1", "unbounded", {}, {"the cause": True}),
    ("exp(-x) --x 1 --lr 0.1", "unbounded", {}, {"the cause": False}),
    ("exp(-x) --x 1 --lr 0.1", "no-minimum", {}, {"the cause": True}),
    ("x**2 --x 1 --lr 0.1", "no-minimum", {}, {"the cause": False}),
    ("1/x --x 1 --lr 0.1", "no-minimum", {"limit": 0.0, "distance": 1e4}, {"the cause": True, "its numbers": True}),
    ("1/x --x 1 --lr 0.1", "no-minimum", {"limit": 1e-4, "distance": 1e4}, {"the cause": True, "its numbers": False}),
    (
        "(1000*x+y-3)**2+1e-4*y**2 --x 0 --y 0 --lr 1e-7 --dtype float64",
        "badly-scaled",
        {"lowest": 0.0, "ratio": 1e16 / 2},
        {"the cause": True, "its numbers": False},
    ),
    ("x**2 --x 1 --lr 0", "held", {}, {"the cause": True}),
    ("x**2 --x 1 --lr 0.1", "held", {}, {"the cause": False}),
    ("x**4-x**2 --x 0 --lr 0.1", "saddle", {"kind": "maximum", "eigenvalue": -2.0}, {"the cause": True}),
    ("x**4-x**2 --x 0 --lr 0.1", "saddle", {"kind": "saddle", "eigenvalue": -2.0}, {"the cause": False}),
    ("x**4-x**2 --x 0 --lr 0.1", "saddle", {"eigenvalue": -0.2}, {"its numbers": False}),
    ("x**2 --x 1 --lr 0.1", "unheard-of", {}, {}),
]
REMEDIES: list[tuple[str, dict[str, Any], dict[str, bool]]] = [
    ("x**2 --x 1 --lr 0.1", REMEDY, dict.fromkeys(["the command takes it", "the loss that it promises"], True)),
    ("x**2 --x 1 --lr 0.1", {**REMEDY, "effect": "1 step"}, {"the steps that it promises": True}),
    ("x**2 --x 1 --lr 0.1", {**REMEDY, "effect": "loss 3 after 9 steps with it"}, {"the loss that it promises": False}),
    ("x**2 --x 1 --lr 0.1", {**REMEDY, "loss": 0.0, "arrives": 1}, {"its field loss": True, "its field arrives": True}),
    (
        "x**2 --x 1 --lr 0.1",
        {**REMEDY, "loss": 1.0, "arrives": None},
        {"its field loss": False, "its field arrives": False},
    ),
    ("x**2 --x 1 --lr 0.5", REMEDY, {"not the settings in use": False}),
    ("x**2 --x 1 --lr 0.1", {**REMEDY, "options": "--lr 0.01"}, {"not worse than the run": False}),
    ("x**2 --x 1 --lr 0.1", {**REMEDY, "options": "--lr 1e-9"}, {"it gets somewhere": False}),
    ("x**2 --x 1 --lr 0.1", {**REMEDY, "options": "--optimizer rprop --momentum 0.9"}, {"the command takes it": False}),
]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The statements of one finding about a command that was run, by kind."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from oracle import judge
    from oracle.ran import Case, Document, Ran, document

    def of(command: str, finding: dict[str, Any]) -> dict[str, bool | None]:
        case = Case(tuple(shlex.split(command)))
        found = document(case.words)
        ran = Ran(case, Document(found.code, {**found.body, "diagnosis": [finding]}))
        return {each.kind: each.holds for each in judge.statements(ran) if each.code == finding["code"]}

    return of


@pytest.mark.slow
@pytest.mark.parametrize(("command", "code", "evidence", "expected"), STATEMENTS)
def test_statement_is_judged(
    command: str, code: str, evidence: dict[str, Any], expected: dict[str, bool], judged: Any
) -> None:
    found = judged(command, {"code": code, "message": "", "remedy": None, "evidence": evidence})
    assert {kind: found[kind] for kind in expected} == expected
    assert expected or found == {"the cause": None}


@pytest.mark.slow
@pytest.mark.parametrize(("command", "remedy", "expected"), REMEDIES)
def test_remedy_is_judged(command: str, remedy: dict[str, Any], expected: dict[str, bool], judged: Any) -> None:
    found = judged(command, {"code": "slow", "message": "", "remedy": remedy, "evidence": {}})
    assert {kind: found[f"remedy: {kind}"] for kind in expected} == expected


@pytest.mark.slow
@pytest.mark.process
def test_table_counts_statements_of_runs() -> None:
    script = [sys.executable, str(BENCHMARKS / "truth.py"), "--runs", "2", "--seed", "1"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert lines[0] == "| finding | statement | judged | hold | share | goal | | not judged |"
    assert "| (run) | no part of the diagnosis failed | 2 | 2 | 100.0% | 100% | ok |  |" in lines, done.stdout
    assert "(oracle)" not in done.stdout
    assert done.returncode == int(" | under | " in done.stdout)
