"""``%gdcli`` and ``%%gdcli``: in a shell of IPython in this process, and in a notebook that a kernel runs."""

from __future__ import annotations

import contextlib
import html
import io
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch

import gdcli
from tests.browser import Browser

pytestmark = pytest.mark.filterwarnings("default")  # those of IPython are its own


class Shell:
    """A shell of IPython that has loaded the extension."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.out = self.err = ""

    def __call__(self, cell: str, **names: Any) -> Any:
        """The result of a cell; its two streams are kept."""
        self.shell.user_ns.update(names)
        streams = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            done = self.shell.run_cell(cell)
        self.out, self.err = (stream.getvalue() for stream in streams)
        self.error = done.error_in_exec
        return done.result


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("IPython", reason="needs IPython")
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    with mock.patch.dict(os.environ, {"IPYTHONDIR": str(tmp_path_factory.mktemp("ipython"))}):
        shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
        shell.run_line_magic("load_ext", "gdcli")
        yield shell
        shell.restore_sys_module_state()


@pytest.fixture
def shell(started: Any) -> Iterator[Shell]:
    started.reset(new_session=False)
    return Shell(started)


def test_result_is_the_record_of_the_command(shell: Shell) -> None:
    record = shell('%gdcli minimize "(x - 1)**2" --x 4 --lr 0.1 --steps 5')
    assert record == gdcli.minimize("(x - 1)**2", x="4", lr=0.1, steps=5).result()
    assert shell.err == ""


def test_variables_of_the_notebook_have_their_values(shell: Shell) -> None:
    W = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    record = shell('%gdcli grad "sum((W @ v)**2) + a + b[0]"', W=W, v=(5, 6), a=2, b=[1.5, 2])
    assert record.grads["W"] == [[170.0, 204.0], [390.0, 468.0]]  # 2 (W v) v^T
    assert (record.values["a"], record.values["b"]) == (2.0, [1.5, 2.0])


def test_arrays_of_numpy_and_large_tensors_are_values(shell: Shell) -> None:
    numpy = pytest.importorskip("numpy", reason="needs numpy")
    big = torch.arange(2000, dtype=torch.float32)
    record = shell('%gdcli grad "sum(big*2) + sum(u)"', big=big, u=numpy.array([1.0, 2.0]))
    assert record.value == 2 * 1999 * 1000 + 3
    assert record.settings.sources["big"].shape == [2000]
    assert record._repr_mimebundle_()["text/html"]


def test_option_wins_over_the_notebook(shell: Shell) -> None:
    assert shell("%gdcli grad x**2 --x 5", x=3).value == 25
    assert shell("%gdcli grad x**2", x=3).value == 9


def test_name_with_a_default_stays_as_it_is(shell: Shell) -> None:
    assert shell("%gdcli minimize --steps 1", x=100).iterations[0].values == {"x": 4.0}  # the example has a value


def test_cell_is_a_program(shell: Shell) -> None:
    record = shell("%%gdcli minimize --lr 0.1 --steps 3\ny = x - 1\nloss = y**2\nloss\n", x=3.0)
    assert record.settings.expression == "y = x - 1\nloss = y**2\nloss"
    assert record.iterations[0].loss == 4.0
    assert shell("%%gdcli grad --x 2\nh = x**2\n-h").grads == {"x": -4.0}


LOOP = """\
x = torch.tensor(4.0, requires_grad=True)
for _ in range(3):
    loss = (x - 1)**2
    loss.backward()
    x.data -= 0.1*x.grad
"""  # forgets to set the gradient to zero


def test_cell_is_watched(shell: Shell) -> None:
    record = shell(f"%%gdcli watch\n{LOOP}", torch=torch)
    assert [loop.count for loop in record.descents] == [3]
    assert [finding.code for finding in record.findings] == ["zero-grad-forgotten"]
    assert record.findings[0].line == 5  # the magic is in line 1
    assert shell.shell.user_ns["loss"].item() == record.descents[0].iterations[-1].loss


def test_cell_that_fails_is_shown_as_far_as_it_was_watched(shell: Shell) -> None:
    cell = f"""{LOOP}(x*torch.ones(2)).backward()
"""
    assert shell(f"%%gdcli watch\n{cell}", torch=torch) is None
    assert isinstance(shell.error, RuntimeError)
    shown, _, traceback = shell.out.partition("Traceback (most recent call last)")
    assert "backward 3 times" in shown
    assert "zero-grad-forgotten" in shown
    assert re.search(r"ended with\s+RuntimeError\s+at\s+<ipython-input-[\w-]+>:7", shown)
    assert "---> 7 (x*torch.ones(2)).backward()" in re.sub(r"\x1b\[[\d;]*m", "", traceback)
    assert str(Path(gdcli.__file__).parent) not in traceback
    assert shell.shell.user_ns["loss"].item() < 9


def test_cell_with_a_syntax_error_shows_its_line(shell: Shell) -> None:
    shell("%%gdcli watch\ny = 1\nx = = 3")
    assert shell.error is not None
    assert "x = = 3" in shell.out
    assert "SyntaxError" in shell.out
    assert str(Path(gdcli.__file__).parent) not in shell.out
    assert "y" not in shell.shell.user_ns


NOT_NUMBERS = [
    (None, "None"),
    ({}, "a dict"),
    (["a", 1], "a list with a str"),
    ((1, [None]), "a tuple with a list with None"),
    (1j, "a complex"),
    (range(3), "a range"),
    (int, "a class"),
    (torch.ones(2) * 1j, "a complex Tensor"),
]


@pytest.mark.parametrize(("value", "kind"), NOT_NUMBERS, ids=[kind for _, kind in NOT_NUMBERS])
def test_hint_says_what_a_value_is_that_is_no_number(shell: Shell, value: Any, kind: str) -> None:
    shell("%gdcli grad x*b --x 3", b=value)
    assert f"hint: b is {kind} in the notebook; give it a number: --b 1\n" in shell.out + shell.err


MOVING = [
    ("minimize (x-a)**2 --x 4", ["x"]),
    ("minimize (w-a)**2", ["w"]),
    ("minimize (w-a)**2+x --x 4", ["w", "x"]),
    ("minimize (x-a)**2 --x 4 --wrt a", ["a"]),
    ("minimize (b-a)**2", ["b", "a"]),
    ("compare (x-a)**2 --x 4", ["x"]),
    ("sweep (x-a)**2 --over x=0:1:3 --over lr=0.1:0.2:2", ["x"]),
]


@pytest.mark.parametrize(("line", "wrt"), MOVING, ids=[line for line, _ in MOVING])
def test_values_of_the_notebook_stay_where_something_else_moves(shell: Shell, line: str, wrt: list[str]) -> None:
    record = shell(f"%gdcli {line}", a=1.5, b=2.0, w=torch.tensor(2.0, requires_grad=True))
    assert record.settings.wrt == wrt


def test_tensor_that_stays_has_no_gradient_and_keeps_its_whole_numbers(shell: Shell) -> None:
    V, labels = torch.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True), torch.tensor([1, 0])
    record = shell("%gdcli grad 'cross_entropy(V, labels)'", V=V, labels=labels)
    torch.nn.functional.cross_entropy(V, labels).backward()
    assert V.grad is not None
    assert torch.tensor(record.grads["V"]).equal(V.grad)
    assert record.grads["labels"] is None


def test_options_of_the_table_are_those_of_the_shown_record(shell: Shell) -> None:
    record = shell("%gdcli minimize --lr 0.01 --steps 30 --every 10 --digits 3")
    text = record._repr_mimebundle_()["text/plain"]
    assert [line.split() for line in text.splitlines()[3:6]] == [
        ["0", "6.25", "4", "5"],
        ["10", "4.17", "3.54", "4.09"],
        ["20", "2.79", "3.17", "3.34"],
    ]
    for option, is_whole in (("", False), ("--all", True)):
        text = shell(f"%gdcli minimize --lr 0.001 --steps 250 {option}")._repr_mimebundle_()["text/plain"]
        assert all(f"\n{i:>9} " in text for i in range(250)) is is_whole
    quiet = shell("%gdcli minimize --lr 1.2 --quiet")._repr_mimebundle_()
    assert all("diagnosis" not in text and "warning" not in text for text in quiet.values())


def test_comment_is_left_out_and_a_semicolon_hides_the_result(shell: Shell) -> None:
    assert shell('%gdcli grad "x**2" --x 3 # the "square').value == 9
    assert shell("%gdcli grad x**2 --x 3;") is None
    assert shell("%gdcli grad x**2 --x 3 ; # hidden") is None
    assert shell.error is None
    assert shell("record = %gdcli grad x**2 --x 3;\nrecord").value == 9
    assert shell('%gdcli grad "y = x**2; y # kept" --x 3').settings.expression == "y = x**2; y # kept"


def test_record_remembers_the_words(shell: Shell) -> None:
    page = shell("%gdcli minimize --lr 0.1 --steps 3").page().html
    assert "gdcli minimize --lr 0.1 --steps 3" in page


def test_warning_is_in_the_record_and_not_printed_twice(shell: Shell) -> None:
    record = shell("%gdcli minimize --lr 1.2")
    assert shell.err == ""
    assert "warning: the steps grew without bound" in record._repr_mimebundle_()["text/plain"]


PRINTED = [
    ("%gdcli minimize --steps 1 --json", '{"gdcli":'),
    ("%gdcli minimize --steps 1 --csv", "iteration,loss,x,grad.x\n"),
    ("%gdcli minimize --code", "# Minimize (x - 1.5)**2 by gradient descent.\n"),
    ("%gdcli functions relu", "relu(input)\n"),
    ("%gdcli --version", f"gdcli {gdcli.__version__}\n"),
    ("%gdcli", "Usage: gdcli "),
    ("%gdcli grad --help", "Usage: gdcli grad "),
]


@pytest.mark.parametrize(("cell", "begins"), PRINTED, ids=[cell for cell, _ in PRINTED])
def test_what_is_no_record_is_printed(shell: Shell, cell: str, begins: str) -> None:
    assert shell(cell) is None
    assert shell.error is None
    assert shell.out.startswith(begins)


def test_files_are_saved(shell: Shell, tmp_path: Path) -> None:
    assert shell(f"%gdcli grad x**2 --x 3 --save {tmp_path / 'tape.svg'}").value == 9
    assert (tmp_path / "tape.svg").read_text() == gdcli.grad("x**2", x=3).explain().svg
    assert shell.err == f"saved {tmp_path / 'tape.svg'}\n"


ERRORS = [
    ("%gdcli grad sinn(x)", "error: unknown function 'sinn'\n  sinn(x)\n  ^^^^\nhint: did you mean 'sin'?"),
    ("%gdcli grad f", ("error: the variable 'f' has no value\n  f\n  ^\n"
     "hint: f is a function in the notebook; give it a number: --f 1")),
    ("%gdcli grad ab*2", ("error: the variable 'ab' has no value\n  ab*2\n  ^^\n"
     "hint: ab is a str in the notebook; give it a number: --ab 1")),
    ("%gdcli grad u*2", "error: the variable 'u' has no value\n  u*2\n  ^\nhint: give it a value: --u 1"),
    ("%gdcli minimise", "error: no such command 'minimise'\nhint: did you mean 'minimize'?"),
    ("%gdcli minimize --stpes 3", "error: unknown option '--stpes'\nhint: did you mean '--steps'?"),
    ("%gdcli minimize 'x**2", "error: no closing quotation"),
    ("%gdcli minimize --lr", "error: the option '--lr' needs a value\nhint: write --lr NUMBER|auto"),
    ("%gdcli minimize --save no/where.png", None),
    ("%%gdcli fit-linear\nx", ("error: the cell is a program for grad, minimize, compare, sweep, plot, ops; or code to "
     "watch\nhint: %%gdcli minimize --lr 0.1")),
    ("%%gdcli grad\nx = = 3", None),
    ("%%gdcli grad --wrt\nx**2", "error: the option '--wrt' needs a value\nhint: write --wrt NAMES"),
    ("%%gdcli watch --try\nx = 3", "error: watch takes no options in a cell, but got '--try'\nhint: %%gdcli watch"),
    ("%gdcli grad x**2 --x 3 | head", ("error: a magic has no '|', which is for a shell\n"
     'hint: record = %gdcli ..., and then record.save("out.csv")')),
    ("%gdcli grad x**2 --x 3 > file", ("error: a magic has no '>', which is for a shell\n"
     'hint: record = %gdcli ..., and then record.save("out.csv")')),
    ("%gdcli minimize --save t.json", ("error: unsupported file type '.json'\n"
     'hint: record = %gdcli ..., and then record.save("t.json")')),
    ("%gdcli minimize f(x) --x 4", ("error: unknown function 'f'\n  f(x)\n  ^\n"
     "hint: a function of the notebook is given in Python: gdcli.minimize(f, x=4)")),
    ("%gdcli grad --expression x**2", ("error: unknown option '--expression'\n"
     'hint: the expression stands without an option: %gdcli grad "x**2" --x 1')),
    ("%%gdcli minimize\nfor i in range(9):\n    x -= 1", ("error: a training loop is not part of a program\n"
     "  line 1: for i in range(9):\n          ^^^^^^^^^^^^^^^^^^\n"
     "hint: to run the loop as it is: %%gdcli watch; or leave it out, keep its lines up to backward(), and run: "
     "%%gdcli minimize --steps 9")),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "message"), ERRORS, ids=[cell for cell, _ in ERRORS])
def test_error_is_one_message(shell: Shell, cell: str, message: str | None) -> None:
    assert shell(cell, f=lambda x: x, ab="text") is None
    assert shell.error is not None
    printed = shell.out + shell.err
    assert "Traceback" not in printed
    assert printed.startswith("error: ")
    if message is not None:
        assert printed == f"{message}\n"


def test_extension_can_be_unloaded(shell: Shell) -> None:
    shell("%unload_ext gdcli")
    shell("%gdcli minimize")
    assert "not found" in shell.err + shell.out
    shell("%load_ext gdcli")
    assert shell("%gdcli grad x**2 --x 1").value == 1


def test_cells_of_the_documents_run(shell: Shell) -> None:
    pytest.importorskip("pandas", reason="needs pandas")
    document = (Path(__file__).parent.parent / "docs" / "notebooks.md").read_text(encoding="utf-8")
    cells = re.findall(r"(?ms)^```ipython\n(.*?)^```", document)
    for cell in cells:
        shell(cell)
        assert shell.error is None, cell
    assert len(cells) == 5


# A notebook that a kernel runs, and a browser that shows it

CELLS = [
    "%load_ext gdcli\nimport gdcli, torch\nx = torch.tensor(4.0)",
    "%gdcli minimize (x-1.5)**2 --steps 300",
    'gdcli.grad("sum(relu(W @ x - 1)**2)", W="rand(4, 5)", x=[1, 2, 3, 4, 5], explain=True, wrt=["W"])',
    'gdcli.minimize("rosenbrock", lr=1e-3, steps=40).result().page(height=600)',
    "%gdcli minimize (x-1.5)** --steps 3",
    '%gdcli grad "sum(W**2)" --W "rand(6, 40)"',
    "gdcli.minimize(steps=3)",
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Any]:
    """The outputs of the cells, as a notebook keeps them."""
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient")
    nbformat = pytest.importorskip("nbformat", reason="needs nbformat")
    pytest.importorskip("ipykernel", reason="needs ipykernel")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    folder = tmp_path_factory.mktemp("kernel")
    path = os.pathsep.join([str(Path(gdcli.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    with mock.patch.dict(os.environ, {"IPYTHONDIR": str(folder), "PYTHONPATH": path}):
        nbclient.NotebookClient(book, timeout=300, kernel_name="python3", allow_errors=True).execute(cwd=str(folder))
    return [cell["outputs"] for cell in book["cells"]]


def html_of(outputs: Sequence[Any]) -> str:
    (output,) = [each for each in outputs if each["output_type"] == "execute_result"]
    text: str = output["data"]["text/html"]
    return text


@pytest.mark.process
@pytest.mark.slow
def test_kernel_shows_records_pages_and_errors(outputs: Sequence[Any]) -> None:
    assert outputs[0] == []
    assert "stopped after 300 steps" in re.sub("<[^>]*>", "", html_of(outputs[1]))
    assert outputs[1][0]["data"]["text/plain"].startswith("minimize (x-1.5)**2 over x\niteration")
    assert "<svg" in html_of(outputs[2])
    assert html_of(outputs[3]).startswith("<iframe ")
    (error,) = outputs[4]
    assert error["output_type"] == "error"
    assert error["traceback"][0].startswith("error: ")
    assert "Traceback" not in "\n".join(error["traceback"])
    assert outputs[6][0]["data"]["text/plain"].startswith("<gdcli minimize:")


def notebook_page(folder: Path, outputs: Sequence[Any], *, dark: bool) -> Path:
    """What a notebook makes of the outputs: a column of cells, on its own background."""
    colours = "background:#111;color:#ddd" if dark else "background:#fff;color:#222"
    shown = "".join(f'<div class="cell">{html_of(outputs[i])}</div>' for i in (1, 2, 5))
    file = folder / f"{'dark' if dark else 'light'}.html"
    style = f"<style>body{{margin:8px;{colours}}}</style>"
    file.write_text(
        f'<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">{style}{shown}'
    )
    return file


# The contrast of the colour of each piece of text with the background, as WCAG 2 defines it.
CONTRASTS = """
[...document.querySelectorAll('.gdcli span[class], .gdcli p, .gdcli td, .gdcli pre, .gdcli text')].map(e => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const numbers = colour => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
                              return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3); };
  const style = getComputedStyle(e), back = numbers(getComputedStyle(document.body).backgroundColor);
  const own = numbers(e.tagName === 'text' ? style.fill : style.color);
  const seen = own.map((c, i) => c*style.opacity + back[i]*(1 - style.opacity));
  const light = c => c.map(v => v/255).map(v => v <= 0.04045 ? v/12.92 : ((v + 0.055)/1.055)**2.4)
                      .reduce((sum, v, i) => sum + v*[0.2126, 0.7152, 0.0722][i], 0);
  const [a, b] = [light(seen), light(back)];
  return (Math.max(a, b) + 0.05)/(Math.min(a, b) + 0.05);
})
"""


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_outputs_fit_into_a_notebook_and_can_be_read(
    browser: Browser, outputs: Sequence[Any], tmp_path: Path, width: int, dark: bool
) -> None:
    browser.open(notebook_page(tmp_path, outputs, dark=dark), width)
    assert browser.js("document.documentElement.scrollWidth") <= width
    assert browser.js("[...document.querySelectorAll('.cell')].every(e => e.scrollWidth <= e.clientWidth)")
    numbers = browser.js("[...document.querySelectorAll('.n')].map(e => e.getClientRects().length)")
    assert numbers
    assert set(numbers) == {1}
    heights = browser.js("[...document.querySelectorAll('td.r')].map(e => e.getBoundingClientRect().height)")
    assert heights
    assert max(heights) < 1.5 * min(heights)
    contrasts = browser.js(CONTRASTS)
    assert len(contrasts) > 100
    assert min(contrasts) >= 4.5


@pytest.mark.browser
@pytest.mark.slow
def test_page_in_a_cell_steps_and_plays_offline(browser: Browser, outputs: Sequence[Any], tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(f'<!doctype html><meta charset="utf-8">{html_of(outputs[3])}')
    browser.show("page in a cell")
    browser.open(file, 1000)
    outside = browser._session
    found: list[str] = []
    end = time.monotonic() + 30
    while not found:  # a frame without allow-same-origin is a target of its own
        targets = browser.call("Target.getTargets")["targetInfos"]
        found = [each["targetId"] for each in targets if each["type"] == "iframe"]
        assert time.monotonic() < end
    browser._session = browser.call("Target.attachToTarget", targetId=found[0], flatten=True)["sessionId"]
    try:
        browser.wait("performance.getEntriesByName('flat').length")
        now = "document.getElementById('now').textContent"
        browser.js("(document.getElementById('first').click(), 0)")
        assert browser.js(now).startswith("iteration 0 ")
        browser.js("(document.getElementById('forward').click(), 0)")
        assert browser.js(now).startswith("iteration 1 ")
        slider = "document.getElementById('slider')"
        browser.js(f"({slider}.value = 30, {slider}.dispatchEvent(new Event('input')), 0)")
        assert browser.js(now).startswith("iteration 30 ")
        browser.js("(document.getElementById('play').click(), 0)")
        browser.wait(f"!{now}.startsWith('iteration 30 ')")
        assert browser.js("document.getElementById('command').textContent").startswith("gdcli.minimize(")
    finally:
        browser._session = outside


def test_frame_keeps_what_is_in_it_as_text() -> None:
    frame = gdcli.minimize("x*(x<script) + 0*(x>2)", x=3, script=5, wrt=["x"], steps=2).result().page()._repr_html_()
    inside = re.search(r'srcdoc="([^"]*)"', frame)
    assert inside is not None
    assert "<" not in inside[1]
    assert html.unescape(inside[1]).startswith("<!doctype html>")
