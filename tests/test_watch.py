"""``gdcli watch``: scripts behave as under Python, and their loops are recorded as minimize records descents."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Outcome, in_a_process
from forks import Piped

import gdcli
from gdcli.errors import GdcliError
from gdcli.watching.notebook import read_notebook

LECTURE = Path(__file__).parent / "watched" / "lecture.ipynb"
MANUAL = """
    import torch
    x = torch.tensor(4., requires_grad=True)
    for i in range(5):
        loss = (x - 1.5)**2
        loss.backward()
        with torch.no_grad():
            x -= 0.1 * x.grad
        x.grad.zero_()
"""


def script(folder: Path, text: str, name: str = "train.py") -> Path:
    """A script in a folder."""
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def watch(*words: object) -> Outcome:
    """``gdcli watch`` in a process of its own."""
    return in_a_process("watch", *map(str, words))


def record(path: Path, *args: str) -> Any:
    """The JSON document about a script."""
    return watch("--json", path, *args).json()


@pytest.fixture(scope="module")
def lecture() -> Any:
    """The record of the lecture's notebook."""
    return record(LECTURE)


@pytest.mark.slow
@pytest.mark.process
def test_loop_by_hand_of_the_lecture_is_that_of_minimize(lecture: Any, run: Any) -> None:
    expected = run("minimize", "--json").json()
    loop = next(each for each in lecture["descents"] if each["file"].endswith("cell 13"))
    assert loop["count"] == 100
    assert [(s["loss"], s["values"], s["grads"]) for s in loop["iterations"]] == [
        (s["loss"], s["values"], s["grads"]) for s in expected["iterations"]
    ]
    assert loop["result"] == expected["result"]["values"]


@pytest.mark.slow
@pytest.mark.process
def test_loop_with_an_optimizer_of_the_lecture_is_that_of_minimize(lecture: Any, run: Any) -> None:
    expected = run("minimize", "sum((x - 1.5)**2)", "--x", "[4]", "--optimizer", "sgd", "--json").json()
    loop = next(each for each in lecture["descents"] if each["file"].endswith("cell 14"))
    assert [(s["loss"], s["values"], s["grads"], s["lr"]) for s in loop["iterations"]] == [
        (s["loss"], s["values"], s["grads"], s["lr"]) for s in expected["iterations"]
    ]
    assert loop["result"] == expected["result"]["values"]
    assert lecture["optimizers"][0]["name"] == "SGD"
    assert lecture["optimizers"][0]["holds"] == ["x"]


@pytest.mark.slow
@pytest.mark.process
def test_layer_of_the_lecture_is_that_of_fit_linear(lecture: Any, run: Any) -> None:
    expected = run("fit-linear", "--json").json()
    loop = next(each for each in lecture["descents"] if each["file"].endswith("cell 12"))
    assert [(s["loss"], s["values"], s["grads"]) for s in loop["iterations"]] == [
        (s["loss"], s["values"], s["grads"]) for s in expected["iterations"]
    ]
    assert loop["result"] == expected["result"]["values"]


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize(
    ("cell", "expression", "values"),
    [
        (5, "log(x**2 + y**2)", {"x": 15, "y": 24}),
        (8, "tan(1 + x**2)", {"x": 1}),
        (11, "sum((relu(W @ x) - target)**2)", {"W": "rand(3, 4)", "x": [0, 1, 2, 3], "target": [1, 1.2, 1.4]}),
    ],
)
def test_single_backward_of_the_lecture_is_that_of_grad(
    lecture: Any, cell: int, expression: str, values: dict[str, Any]
) -> None:
    moving = "W" if "W" in values else "x"
    expected = gdcli.grad(expression, values, wrt=[moving])
    loop = next(each for each in lecture["descents"] if each["file"].endswith(f"cell {cell}"))
    (step,) = loop["iterations"]
    assert step["loss"] == expected.value
    assert step["grads"] == {moving: expected.grads[moving]}


@pytest.mark.slow
@pytest.mark.process
def test_rebinding_cell_of_the_lecture_is_that_of_minimize(lecture: Any, run: Any) -> None:
    expected = run("minimize", "--update", "rebind", "--steps", "1", "--json").json()
    loop = next(each for each in lecture["descents"] if each["file"].endswith("cell 15"))
    assert loop["iterations"][0]["by"] == {"x": "rebound"}
    assert loop["iterations"][0]["grads"] == expected["iterations"][0]["grads"]
    assert loop["result"] == expected["result"]["values"]


@pytest.mark.slow
@pytest.mark.process
def test_lines_for_ipython_are_left_out_and_named(lecture: Any) -> None:
    assert lecture["skipped"] == ["cell 3: %matplotlib inline", "cell 3: !echo a shell line"]


@pytest.mark.slow
@pytest.mark.process
def test_lecture_as_a_script_has_the_same_loops(lecture: Any, tmp_path: Path) -> None:
    cells, _ = read_notebook("lecture.ipynb", LECTURE.read_text())
    found = record(script(tmp_path, "\n".join(cell.source for cell in cells)))
    assert [each["iterations"] for each in found["descents"]] == [each["iterations"] for each in lecture["descents"]]


@pytest.mark.slow
@pytest.mark.process
def test_cell_ends_the_notebook_there() -> None:
    found = record(LECTURE, "--cell", "5")
    assert [each["file"][-6:] for each in found["descents"]] == ["cell 5"]


@pytest.mark.parametrize(
    ("source", "python", "left_out"),
    [
        ("%time f()", "f()", ["%time"]),
        ("%load_ext x", "pass  # %load_ext x", ["%load_ext x"]),
        ("%%time\nx = 1\n!ls", "# %%time\nx = 1\npass  # !ls", ["%%time", "!ls"]),
        ("if a:\n    !ls", "if a:\n    pass  # !ls", ["!ls"]),
        ("x?", "pass  # x?", ["x?"]),
        ("files = !ls", "pass  # files = !ls", ["files = !ls"]),
        ("%%bash\nls", "#%%bash\n#ls", ["%%bash, with 1 line"]),
        ("a = 7\nb = (a\n% 2)", "a = 7\nb = (a\n% 2)", []),
        ("# what? why?\nx = 1", "# what? why?\nx = 1", []),
    ],
)
def test_lines_that_only_ipython_understands(source: str, python: str, left_out: list[str]) -> None:
    text = json.dumps({"cells": [{"cell_type": "code", "source": source}]})
    (cell,), skipped = read_notebook("n.ipynb", text)
    assert cell.source == python
    assert skipped == [f"cell 1: {line}" for line in left_out]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": [1]}', '{"cells": [{"cell_type": "code"}]}'])
def test_what_is_no_notebook_is_an_error(text: str) -> None:
    with pytest.raises(GdcliError, match=r"n\.ipynb is not a notebook"):
        read_notebook("n.ipynb", text)


BEHAVIOURS = {
    "exits": "import sys, atexit\natexit.register(print, 'bye')\nprint(sys.argv, __name__, __file__)\nsys.exit(7)",
    "exits with a message": "import sys\nsys.exit('no way')",
    "raises": "def f(v):\n    return 1 / v\nprint('before')\nf(0)",
    "raises in backward": "import torch\nx = torch.ones(2, requires_grad=True)\n(2 * x).backward()",
    "chains errors": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('x') from e",
    "has no syntax": "x = (1 +\ny = 2",
    "warns": "import warnings\nwarnings.warn('careful')",
    "is imported again": (
        "import multiprocessing as mp\ndef f(k):\n    return 2 * k\nif __name__ == '__main__':\n"
        "    with mp.get_context('spawn').Pool(1) as pool:\n        print(pool.map(f, [1, 2]))"
    ),
    "forks": "import os, sys\nif os.fork() == 0:\n    print('child')\n    sys.exit(3)\nprint(os.wait()[1] >> 8)",
    "has threads": (
        "import threading, time\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()\n"
        "ThreadPoolExecutor(1).submit(print, 'pool')"
    ),
    "prints much": "for i in range(100_000):\n    print(i)",
    "writes to the descriptor": "import os\nos.write(1, b'raw\\n')",
    "pickles its classes": (
        "import pickle\nclass A:\n    pass\nprint(type(pickle.loads(pickle.dumps(A()))).__module__)"
    ),
}


def alone(*words: object) -> subprocess.CompletedProcess[str]:
    """A script under Python."""
    words = (sys.executable, *words)
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("name", BEHAVIOURS)
def test_script_behaves_as_under_python(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = script(tmp_path, BEHAVIOURS[name])
    expected = alone(path, "a", "--json")
    watched = watch("--json", path, "a", "--json")
    assert watched.code == expected.returncode
    assert sorted(watched.err.splitlines()) == sorted((expected.stdout + expected.stderr).splitlines())
    assert watched.json()["exit_code"] == expected.returncode


@pytest.mark.slow
@pytest.mark.process
def test_process_that_imports_everything_itself_behaves_so_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = script(
        tmp_path, BEHAVIOURS["is imported again"] + "\n    import sys, torch\n    sys.exit(torch.ones(7).numel())"
    )
    expected, watched = alone(path, "a"), alone("-m", "gdcli", "watch", "--json", path, "a")
    assert (watched.returncode, watched.stderr) == (expected.returncode, expected.stdout + expected.stderr)
    assert json.loads(watched.stdout)["exit_code"] == 7


@pytest.mark.slow
@pytest.mark.process
def test_output_of_a_script_comes_before_the_report(tmp_path: Path) -> None:
    path = script(tmp_path, MANUAL + "    print('done')\n")
    done = watch(path)
    assert done.out.startswith("done\n")
    assert "".join(done.out.split()).startswith(f"done{path}:6:backward")  # a long name may be broken
    assert "backward 5 times" in done.out
    assert "after the last update x = 2.3192" in done.out
    assert "nothing was found; looked at: " in done.out


@pytest.mark.slow
@pytest.mark.process
def test_ctrl_c_ends_the_script_and_what_was_seen_is_printed(tmp_path: Path) -> None:
    path = script(tmp_path, MANUAL.replace("range(5)", "iter(int, 1)") + "        print(i, flush=True)\n")
    with Piped("watch", "--json", str(path)) as process:
        for _ in range(3):
            assert process.stderr.readline() == "0\n"
        process.send_signal(signal.SIGINT)
        code, out, err = process.ended()
    assert code == -signal.SIGINT
    assert err.endswith("KeyboardInterrupt\n")
    found = json.loads(out)
    assert found["status"] == "interrupted"
    assert found["descents"][0]["count"] > 1


@pytest.mark.slow
@pytest.mark.process
def test_findings_of_fail_on_are_the_exit_code(tmp_path: Path) -> None:
    path = script(tmp_path, MANUAL.replace("        x.grad.zero_()\n", ""))
    assert watch(path).code == 0
    assert watch("--fail-on", "zero-grad-forgotten,not-held", path).code == 3
    assert watch("--fail-on", "not-held", path).code == 0
    assert watch("--fail-on", "any", path).code == 3


@pytest.mark.slow
@pytest.mark.process
def test_lines_and_csv_have_the_iterations_of_the_document(tmp_path: Path) -> None:
    path = script(tmp_path, MANUAL)
    loop = record(path)["descents"][0]
    lines = [json.loads(line) for line in watch("--jsonl", path).out.splitlines()]
    assert [line["record"] for line in lines] == ["settings", *["step"] * 5, "result"]
    assert [line["step"] for line in lines[1:-1]] == loop["iterations"]
    header, *rows = watch("--csv", path).out.splitlines()
    assert header == "iteration,loss,x,grad.x"
    assert [list(map(float, row.split(","))) for row in rows] == [
        [s["iteration"], s["loss"], s["values"]["x"], s["grads"]["x"]] for s in loop["iterations"]
    ]


def test_memory_does_not_grow_and_both_ends_are_kept() -> None:
    x = torch.tensor(4.0, requires_grad=True)
    with gdcli.watch(keep=10) as seen:
        for _ in range(50):
            ((x - 1.5) ** 2).backward()
            with torch.no_grad():
                x -= 0.01 * x.grad
            x.grad = None
    (loop,) = seen.descents
    numbers = [step.iteration for step in loop.iterations]
    assert loop.count == 50
    assert numbers[:5] == [0, 1, 2, 3, 4]
    assert numbers[-5:] == [45, 46, 47, 48, 49]
    assert set(numbers[5:-5]) <= {8, 16, 32}  # those that were looked at closely


def test_pytorch_is_put_back_also_after_an_error() -> None:
    before = torch.Tensor.backward, torch.autograd.grad, torch.optim.Optimizer.zero_grad, torch.autograd.backward

    def fail() -> None:
        torch.tensor(1.0, requires_grad=True).backward()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), gdcli.watch() as seen:
        fail()
    assert (
        torch.Tensor.backward,
        torch.autograd.grad,
        torch.optim.Optimizer.zero_grad,
        torch.autograd.backward,
    ) == before
    assert not torch.is_anomaly_enabled()
    assert seen.record.failure is not None
    assert seen.record.failure.type == "ZeroDivisionError"


def test_names_are_those_of_the_frame_the_module_and_the_optimizer() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    extra = [torch.ones(2, requires_grad=True)]
    optimizer = torch.optim.SGD([*model.parameters(), *extra], lr=0.1)
    with gdcli.watch() as seen:
        for _ in range(2):
            optimizer.zero_grad()
            (model(torch.ones(4, 2)).mean() + extra[0].sum()).backward()
            optimizer.step()
    (loop,) = seen.descents
    assert list(loop.leaves) == ["model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias", "extra[0]"]
    assert all(leaf.held and leaf.reached for leaf in loop.leaves.values())
    assert seen.record.optimizers[0].variable == "optimizer"
    assert loop.iterations[0].lr == 0.1


def test_gradients_are_those_that_pytorch_gives() -> None:
    torch.manual_seed(0)
    w, data = torch.randn(3, 2, requires_grad=True), torch.randn(3)
    expected = []
    with gdcli.watch() as seen:
        for _ in range(6):
            loss = torch.tanh(data @ w).square().sum()
            (grad,) = torch.autograd.grad(loss, [w], retain_graph=True)
            loss.backward()
            expected.append((loss.item(), w.tolist(), grad.tolist()))
            with torch.no_grad():
                w -= 0.2 * w.grad
            w.grad = None
    for loop in seen.descents:
        assert [(s.loss, s.values["w"], s.grads["w"]) for s in loop.iterations] == expected
    assert [loop.kind for loop in seen.descents] == ["grad", "backward"]


def test_second_run_of_a_loop_is_another_descent() -> None:
    with gdcli.watch() as seen:
        for lr in (0.1, 0.2):
            x = torch.tensor(4.0, requires_grad=True)
            for _ in range(5):
                ((x - 1.5) ** 2).backward()
                with torch.no_grad():
                    x -= lr * x.grad
                x.grad = None
    assert [(loop.run, loop.count) for loop in seen.descents] == [(0, 5), (1, 5)]
    assert seen.descents[0].line == seen.descents[1].line


def test_loss_of_a_scaler_is_the_loss_of_the_script() -> None:
    w = torch.tensor(3.0, requires_grad=True)
    optimizer, scaler = torch.optim.SGD([w], lr=0.1), torch.amp.GradScaler("cpu", init_scale=1024.0)
    with gdcli.watch() as seen:
        for _ in range(2):
            optimizer.zero_grad()
            scaler.scale((w - 1) ** 2).backward()
            scaler.step(optimizer)
            scaler.update()
    (loop,) = seen.descents
    assert loop.iterations[0].loss == 4.0
    assert loop.iterations[0].lr == 0.1


def test_closure_of_lbfgs_is_a_descent() -> None:
    w = torch.tensor(3.0, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=3)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (w - 1) ** 2
        loss.backward()
        return loss

    with gdcli.watch() as seen:
        for _ in range(2):
            optimizer.step(closure)
    (loop,) = seen.descents
    assert loop.function == "closure"
    assert loop.count > 2
    assert loop.iterations[0].values == {"w": 3.0}
    assert loop.result == {"w": w.item()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["watch"], "watch needs a script"),
        (["watch", "nowhere.py"], "cannot read nowhere.py: there is no such file"),
        (["watch", "--cell", "2", "a.py"], "--cell is about the cells of a notebook, and a.py is none"),
        (["watch", "--fail-on", "zero-grad", "a.py"], "there is no finding 'zero-grad'"),
    ],
)
def test_what_is_wrong_with_the_words(words: list[str], message: str, run: Any) -> None:
    assert f"error: {message}\n" in run(*words).err


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [
        (["a.py", "--json"], ["a.py"], ["--json"]),
        (["--json", "a.py", "b", "-c"], ["--json", "a.py"], ["b", "-c"]),
        (["--keep", "5", "a.py", "7"], ["--keep", "5", "a.py"], ["7"]),
        (["-", "--x"], ["-"], ["--x"]),
        (["a.ipynb", "--cell", "3"], ["a.ipynb", "--cell", "3"], []),
        (["--", "-odd.py", "--x"], ["--", "-odd.py"], ["--x"]),
    ],
)
def test_what_follows_the_script_is_for_the_script(words: list[str], before: list[str], after: list[str]) -> None:
    from gdcli.cli.arguments import before_script

    assert before_script(words, {"--json": "", "--keep": "N", "--cell": "N"}) == (before, after)
