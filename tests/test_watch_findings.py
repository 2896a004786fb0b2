"""The findings of watch: every fault of tests/loops/faulty at its line, and none in tests/loops/sound."""

from __future__ import annotations

import math
import re
import runpy
import warnings
from decimal import Decimal
from pathlib import Path

import pytest

from gdcli.contract.watch import WatchFinding
from gdcli.watching.findings.find import find
from gdcli.watching.recorder import Recorder
from gdcli.watching.seen import WatchedScript

LOOPS = Path(__file__).parent / "loops"
FAULTY = sorted((LOOPS / "faulty").glob("*.py"))
SOUND = sorted((LOOPS / "sound").glob("*.py"))
_MARK = re.compile(r"# fault: (\S+)$", re.MULTILINE)


def watched(path: Path) -> WatchedScript:
    """What is seen of a script, in this process; an error that ends it is part of that."""
    recorder = Recorder()
    recorder.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runpy.run_path(str(path), run_name="__main__")
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- scripts raise whatever they raise
        recorder.failed(error)
    finally:
        recorder.stop()
    assert recorder.errors == []
    return recorder.seen


def findings_of(text: str, path: Path) -> list[WatchFinding]:
    """The findings about a script of this text."""
    path.write_text(text)
    return find(watched(path))


@pytest.mark.slow
@pytest.mark.parametrize("path", FAULTY, ids=lambda path: path.stem)
def test_fault_is_found_at_its_line(path: Path) -> None:
    text = path.read_text()
    (mark,) = _MARK.finditer(text)
    found = find(watched(path))
    assert [(each.code, each.file, each.line) for each in found] == [
        (mark[1], str(path), text.count("\n", 0, mark.start()) + 1)
    ]
    assert found[0].message
    assert found[0].change


@pytest.mark.slow
@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_sound_loop_has_no_finding(path: Path) -> None:
    assert find(watched(path)) == []


def test_corpus_has_both_versions_of_most_faults() -> None:
    assert len(FAULTY) >= 60
    assert len(SOUND) >= 40
    stems = {path.stem for path in FAULTY}
    by_hand = {stem.removesuffix("_manual") for stem in stems if stem.endswith("_manual")}
    by_optimizer = {stem.removesuffix("_optimizer") for stem in stems if stem.endswith("_optimizer")}
    assert len(by_hand & by_optimizer) >= 28


def the_finding(name: str) -> WatchFinding:
    """The only finding about a faulty loop."""
    (found,) = find(watched(LOOPS / "faulty" / f"{name}.py"))
    return found


def test_accumulated_gradient_is_shown_as_a_sum() -> None:
    # by hand: d/dx (x - 0.5)**2 at 3 is 5; x = 3 - 0.1 * 5 = 2.5, and there it is 4
    found = the_finding("zero_grad_forgotten_manual")
    assert "the gradient of x in iteration 1 is 5 + 4 = 9" in found.message
    assert found.evidence == {"iteration": 1, "leaf": "x", "last": 5.0, "new": 4.0, "sum": 9.0}
    assert found.remedy is not None
    assert (found.remedy.line, found.remedy.text, found.remedy.replaces) == (8, "x.grad = None", "")


def test_curvature_of_a_rate_that_is_too_large_is_that_of_the_parabola() -> None:
    found = the_finding("learning_rate_too_large_manual")  # 3 * (x - 2)**2 has L = 6
    assert found.evidence["L"] == pytest.approx(6, rel=1e-5)
    assert found.evidence["bound"] == pytest.approx(1 / 3, rel=1e-5)
    assert found.evidence["lr"] == 0.4
    assert "lr 0.4 > 2 / L = 0.3333" in found.message
    assert not found.guess


def test_curvature_of_a_regression_is_at_most_that_of_its_hessian() -> None:
    import torch

    found = the_finding("learning_rate_too_large_optimizer")
    torch.manual_seed(0)
    x = 3 + torch.randn(40, 2)
    rows = torch.cat([x, torch.ones(40, 1)], 1).double()
    largest = float(torch.linalg.eigvalsh(2 * rows.T @ rows / 40).max())
    assert 0.9 * largest < found.evidence["L"] <= largest * (1 + 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "learning_rate_too_large_manual", "learning_rate_too_large_optimizer", "learning_rate_too_small_manual",
        "learning_rate_too_small_optimizer", "oscillating_manual", "oscillating_optimizer", "cycling_optimizer",
        "lr_zero_manual", "lr_zero_optimizer", "float_floor_manual", "rate_to_inf", "lr_zero_groups",
        "two_backwards_optimizer",
    ],
)  # fmt: skip
def test_remedy_of_one_number_or_word_cures(name: str, tmp_path: Path) -> None:
    path = LOOPS / "faulty" / f"{name}.py"
    found = the_finding(name)
    remedy = found.remedy
    assert remedy is not None
    assert not remedy.tried
    lines = path.read_text().splitlines(keepends=True)
    line = lines[remedy.line - 1]
    assert remedy.replaces in line
    lines[remedy.line - 1] = line.replace(remedy.replaces, remedy.text)
    after = tmp_path / "changed.py"
    after.write_text("".join(lines))
    seen = watched(after)
    assert found.code not in [each.code for each in find(seen)]
    before = watched(path).descents[0].iterations[-1].loss if found.code != "two-backwards" else math.inf
    assert not seen.descents[0].iterations[-1].loss >= before  # before may be nan
    assert math.isfinite(seen.descents[0].iterations[-1].loss)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["zero_grad_forgotten_manual", "zero_grad_forgotten_optimizer", "never_stepped_optimizer"],
)  # fmt: skip
def test_remedy_of_a_line_to_add_cures(name: str, tmp_path: Path) -> None:
    path = LOOPS / "faulty" / f"{name}.py"
    found = the_finding(name)
    remedy = found.remedy
    assert remedy is not None
    assert remedy.replaces == ""
    lines = path.read_text().splitlines(keepends=True)
    beside = lines[min(remedy.line, len(lines)) - 1]
    indentation = beside[: len(beside) - len(beside.lstrip())]
    lines.insert(remedy.line - 1, f"{indentation}{remedy.text}\n")
    after = tmp_path / "changed.py"
    after.write_text("".join(lines))
    assert find(watched(after)) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rebound_manual",
         "`x = x - 0.1 * x.grad` binds x to a new tensor: from iteration 1 on it is no leaf, and its .grad is None"),
        ("step_before_backward_manual", "the update uses .grad, which is None: backward (line 11) comes after it"),
        ("two_backwards_manual",
         ("iteration 1 goes through a graph that backward has used and freed: loss is computed once, in line 6, before "
         "the loop")),
        ("lr_zero_manual", "the rate in `x -= lr * x.grad` is 0: the gradient has norm 7.211, and nothing moves"),
        ("broadcast_manual",
         ("shapes (20, 1) and (20,) make (20, 20), so the loss compares each of the 20 outputs with all of "
         "the 20 targets")),
        ("not_finite_backward_manual",
         ("the loss of iteration 0 is 3, but the gradient of v is not: sqrt of 0, where its slope is "
         "infinite (in backward)")),
        ("cycling_manual", "since iteration 1 the loop alternates between x = 1 and x = -1"),
        ("no_gradient_manual",
         "the loss has no graph, though w requires a gradient: by the source, it is computed under no_grad (line 7)"),
        ("float_floor_manual",
         ("limit of bfloat16 precision: the step, lr * gradient = 0.112, is too small to change 256, whose next number "
         "is 2 away, so nothing moves in 10 iterations")),
    ],
)  # fmt: skip
def test_message_has_its_evidence(name: str, message: str) -> None:
    assert the_finding(name).message == message


def test_guesses_are_called_so() -> None:
    for name in ("saddle_manual", "not_averaged_manual", "rate_mlp"):
        found = the_finding(name)
        assert found.guess
        assert "may" in found.message


def test_vanishing_gradients_are_those_of_autograd() -> None:
    import torch

    found = the_finding("vanishing_gradient_manual")
    torch.manual_seed(0)
    weights = [(torch.randn(6, 6) * 0.5).requires_grad_() for _ in range(12)]
    x, y = torch.randn(10, 6), torch.rand(10, 6)
    for w in weights:
        x = torch.sigmoid(x @ w)
    grads = torch.autograd.grad((x - y).square().mean(), weights)
    expected = [float(g.square().mean().sqrt()) for g in reversed(grads)]
    assert found.evidence["gradients"] == pytest.approx(expected, rel=1e-4)


def test_script_without_torch_has_no_finding(tmp_path: Path) -> None:
    assert findings_of("print(1 + 1)\n", tmp_path / "plain.py") == []


def test_error_of_another_kind_is_no_finding(tmp_path: Path) -> None:
    text = "import torch\nx = torch.tensor(1.0, requires_grad=True)\n(x * x).backward()\nraise ValueError('mine')\n"
    assert findings_of(text, tmp_path / "raises.py") == []


def test_source_that_is_not_there_is_survived(tmp_path: Path) -> None:
    path = tmp_path / "gone.py"
    path.write_text((LOOPS / "faulty" / "zero_grad_forgotten_manual.py").read_text())
    seen = watched(path)
    path.write_text("this is (no Python any more\n")
    import linecache

    linecache.checkcache()
    assert [each.code for each in find(seen)] == ["zero-grad-forgotten"]


def test_finder_that_fails_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    import gdcli.watching.findings.find as module

    def broken(case: object) -> WatchFinding | None:
        raise LookupError("no such thing")

    monkeypatch.setattr(module, "_OF_THE_LOOP", (broken, *module._OF_THE_LOOP))
    found = find(watched(LOOPS / "faulty" / "zero_grad_forgotten_manual.py"))
    assert [each.code for each in found] == ["incomplete", "zero-grad-forgotten"]
    assert found[0].evidence == {"part": "broken", "error": "no such thing"}


def test_sum_is_printed_with_as_many_digits_as_it_takes(tmp_path: Path) -> None:
    text = (LOOPS / "faulty" / "zero_grad_forgotten_manual.py").read_text()
    assert "tensor(3.0" in text
    (found,) = findings_of(text.replace("tensor(3.0", "tensor(1.23456789"), tmp_path / "changed.py")
    one, other, both = re.findall(r"(\d+\.\d+) \+ (\d+\.\d+) = (\d+\.\d+)", found.message)[0]
    assert Decimal(one) + Decimal(other) == Decimal(both)
    assert float(both) == pytest.approx(found.evidence["sum"], rel=5e-4)


@pytest.mark.parametrize(
    ("name", "evidence"),
    [
        ("graph_grows_manual", {"name": "total", "first": 4, "last": 20, "iteration": 4}),  # 4 more in each iteration
        ("same_loss_twice_manual", {"iteration": 0, "leaf": "x", "first": 6.0, "sum": 12.0, "first_backward": 8}),
        ("nan_pow_manual", {"iteration": 0, "during": "forward", "operation": "pow",
                            "inputs": {"self": "numbers from -2 to 3"}}),
        ("changed_in_place_manual", {"shape": "2", "operation": "exp", "iteration": 0}),
    ],
)  # fmt: skip
def test_evidence_is_that_of_the_run(name: str, evidence: dict[str, object]) -> None:
    assert the_finding(name).evidence == evidence


def test_warning_of_pytorch_names_the_line_of_the_user(tmp_path: Path) -> None:
    import gdcli

    path = tmp_path / "early.py"
    path.write_text((LOOPS / "faulty" / "sched_first.py").read_text())
    line = next(i for i, each in enumerate(path.read_text().splitlines(), 1) if "fault" in each)
    named = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *told: named.append(told[2:4])
        with gdcli.watch():
            runpy.run_path(str(path))
    assert (str(path), line) in named
    assert not any("watching" in file for file, _ in named)
