"""``--live``: what is on the terminal while a descent runs, what the keys do, and what is left at the end."""

from __future__ import annotations

import codecs
import fcntl
import io
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ENVIRONMENT, Run, document
from forks import PATIENCE, Fork
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console

import gdcli
from gdcli.cli.live.descent import changed_factors
from gdcli.cli.live.history import History
from gdcli.cli.live.keys import Key, decoded
from gdcli.contract.descent import MinimizeSettings
from gdcli.contract.figure import ContourPanel, FunctionPanel
from gdcli.landscape.moving import MovingFigure
from gdcli.landscape.trail import Trail
from gdcli.render.live import Scene, Stage

GDCLI = [sys.executable, "-m", "gdcli"]
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
LEFT, RIGHT, HOME, END_KEY = "\x1b[D", "\x1b[C", "\x1b[H", "\x1b[F"


class Terminal:
    """gdcli on a pseudo-terminal of its own, which controls it, so that Ctrl-C reaches it."""

    def __init__(self, *words: str, size: tuple[int, int] = (80, 24), keys: bool = True, **env: str) -> None:
        self.controller, self.terminal = pty.openpty()
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.before = termios.tcgetattr(self.terminal)
        environment = {**os.environ, **ENVIRONMENT, "TERM": "xterm-256color", **env}
        environment = {name: value for name, value in environment.items() if value and name != "COLUMNS"}
        nothing = os.open(os.devnull, os.O_RDONLY)
        streams = (self.terminal if keys else nothing, self.terminal, self.terminal)
        self.process = Fork(*words, streams=streams, env=environment, session=True)
        os.close(nothing)
        self.seen = ""
        self._read_until = 0  # of what was seen, for the last frame
        self._lines: list[str] = []  # of the last frame
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while piece := os.read(self.controller, 65_536):
                self.seen += decoder.decode(piece)
        except OSError:  # what Linux says when the other side is closed
            pass

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self.controller, keys.encode())

    def wait(self, found: Callable[[str], Any]) -> str:
        """The screen, as soon as it is as it should be."""
        until = time.monotonic() + PATIENCE
        looks_left = 50  # after it has ended: the last it has written may be on its way
        while not found(screen := self.screen):
            assert time.monotonic() < until, f"{screen}\n{self.seen[-2000:]!r}"
            looks_left -= self.process.poll() is not None
            assert looks_left, self.printed
            time.sleep(0.02)
        return screen

    def end(self) -> int:
        """The exit code, when it has ended."""
        code = self.process.wait()
        self.after = termios.tcgetattr(self.terminal)
        os.close(self.terminal)
        self._reader.join(timeout=PATIENCE)
        os.close(self.controller)
        return code

    @property
    def frames(self) -> int:
        """How many frames were drawn."""
        return self.seen.count(BEGIN)

    @property
    def screen(self) -> str:
        """The last whole frame, without colours: what each line was written as last."""
        for frame in re.compile(re.escape(BEGIN) + "(.*?)" + re.escape(END), re.DOTALL).finditer(
            self.seen, self._read_until
        ):
            written = re.split("\r*\n", frame[1].lstrip("\r"))
            shown = [*self._lines, *written][: len(written)]
            self._lines = [new or old for new, old in zip(written, shown, strict=True)]
            self._read_until = frame.end()
        return plain("\n".join(self._lines))

    @property
    def printed(self) -> str:
        """What was printed after the view has closed."""
        return plain(self.seen.rpartition("\x1b[?25h")[2]).replace("\r", "")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", text)


def iteration_of(screen: str) -> int:
    found = re.search(r"(?:iteration|evaluation) ([\d,]+)", screen)
    return int(found[1].replace(",", "")) if found else -1


def at(iteration: int, *words: str) -> Callable[[str], bool]:
    """Whether a screen shows an iteration, and some words."""
    return lambda screen: iteration_of(screen) == iteration and all(word in screen for word in words)


@pytest.fixture
def live() -> Iterator[Callable[..., Terminal]]:
    """Start gdcli on a terminal: ``live("minimize", "--live")``."""
    started: list[Terminal] = []

    def start(*words: str, **options: Any) -> Terminal:
        started.append(Terminal(*words, **options))
        return started[-1]

    yield start
    for terminal in started:
        terminal.process.kill()


SLOWLY = ["minimize", "--live", "--delay", "0.05", "--no-diagnose"]


@pytest.mark.slow
def test_frames_appear_and_are_few(live: Callable[..., Terminal]) -> None:
    terminal = live("minimize", "--live", "--delay", "0.01", "--no-diagnose", "--steps", "200")
    terminal.wait(lambda screen: "running" in screen)
    assert terminal.end() == 0
    assert 2 <= terminal.frames <= 100  # of 200 steps: a step waits for 0.01 s, and a frame for 0.05 s
    assert terminal.after == terminal.before
    assert terminal.printed.startswith("minimize (x - 1.5)**2 over x\niteration ")
    assert "stopped after 200 steps" in terminal.printed


@pytest.mark.slow
def test_full_speed_ends_by_itself_with_the_usual_table(live: Callable[..., Terminal], run: Run) -> None:
    terminal = live("minimize", "--live", "--steps", "3")
    assert terminal.end() == 0
    assert [line.rstrip() for line in terminal.printed.splitlines()] == run("minimize", "--steps", "3").out.splitlines()


@pytest.mark.slow
def test_pause_holds_and_arrows_step(live: Callable[..., Terminal]) -> None:
    terminal = live(*SLOWLY, "--steps", "100000")
    terminal.wait(lambda screen: iteration_of(screen) >= 4)
    terminal.press(" ")
    head = iteration_of(terminal.wait(lambda screen: "paused" in screen))
    time.sleep(0.3)
    assert iteration_of(terminal.screen) == head
    terminal.press(LEFT)
    terminal.wait(at(head - 1, f"looking back from {head}"))
    terminal.press(LEFT + LEFT)
    screen = terminal.wait(at(head - 3))
    rows = [line.split()[0] for line in screen.split("\n")[2:6] if line.strip()]
    assert rows == [str(i) for i in range(head - 3 - len(rows) + 1, head - 2)]
    terminal.press(RIGHT)
    terminal.wait(at(head - 2))
    terminal.press(HOME)
    terminal.wait(at(0))
    terminal.press(END_KEY)
    terminal.wait(at(head, "paused"))
    terminal.press(RIGHT)
    terminal.wait(at(head + 1, "paused"))
    terminal.press(RIGHT + RIGHT)
    terminal.wait(at(head + 3, "paused"))
    terminal.press(" ")
    terminal.wait(lambda screen: iteration_of(screen) > head + 4 and "running" in screen)
    terminal.press("q")
    assert terminal.end() == 0


@pytest.mark.slow
def test_a_changed_rate_is_recorded_and_the_document_reproduces_it(
    live: Callable[..., Terminal], run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "run.json"
    rosenbrock = ["minimize", "rosenbrock", "--lr", "1e-3", "--steps", "60", "--optimizer", "manual-momentum"]
    rosenbrock.append("--no-diagnose")
    terminal = live(*rosenbrock, "--live", "--delay", "0.02", "--json", "--output", str(file))
    terminal.wait(lambda screen: iteration_of(screen) >= 0)
    terminal.press(" ")
    terminal.wait(lambda screen: "paused" in screen)
    terminal.press(RIGHT * 5)
    head = iteration_of(terminal.wait(lambda screen: "paused" in screen and iteration_of(screen) >= 5))
    terminal.press(LEFT + LEFT)
    terminal.wait(at(head - 2))
    terminal.press("+")
    terminal.wait(at(head - 2, "lr 0.00125", "paused"))
    terminal.press(RIGHT * 4)
    terminal.wait(at(head + 2, "paused"))
    terminal.press("--")
    terminal.wait(at(head + 2, "lr 0.0008", "paused"))
    terminal.press(" ")
    assert terminal.end() == 0
    record = document(file.read_text())
    assert record["settings"]["lr_factor"] == {str(head - 2): 1.25, str(head + 2): 0.8}
    assert (record["status"], len(record["iterations"])) == ("max_steps", 60)
    assert [step["lr"] for step in record["iterations"]] == [
        0.001 * (1.0 if i < head - 2 else 1.25 if i < head + 2 else 0.8) for i in range(60)
    ]
    assert run("minimize", "--config", str(file), "--json").out == file.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["sum((x - rand(3))**2)", "--x", "randn(3)", "--seed", "3"],
        ["(x - 1)**2 + x*y**2", "--x", "1", "--y", "2", "--optimizer", "adam", "--walk", "--no-diagnose"],
        [
            "quadratic-10",
            "--lr",
            "auto",
            "--clip-norm",
            "1",
            "--schedule",
            "exponential",
            "--sched",
            "gamma=0.99",
            "--no-diagnose",
        ],
    ],
)
def test_a_run_that_is_watched_is_the_same_run(
    live: Callable[..., Terminal], run: Run, tmp_path: Path, words: list[str]
) -> None:
    file = tmp_path / "run.json"
    terminal = live("minimize", *words, "--steps", "40", "--live", "--delay", "0.03", "--json", "--output", str(file))
    assert terminal.end() == 0
    assert terminal.frames > 1
    assert file.read_text() == run("minimize", *words, "--steps", "40", "--json").out


@pytest.mark.slow
def test_q_ends_it_with_a_record_that_reproduces_it(live: Callable[..., Terminal], run: Run, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    terminal = live(*SLOWLY, "--steps", "100000", "--json", "--output", str(file))
    terminal.wait(lambda screen: iteration_of(screen) >= 3)
    terminal.press("q")
    assert terminal.end() == 0
    assert terminal.after == terminal.before
    record = document(file.read_text())
    assert record["status"] == "max_steps"
    steps = record["settings"]["steps"]
    assert 4 <= steps < 100_000
    assert record["result"]["iteration"] == steps
    assert [step["iteration"] for step in record["iterations"]] == list(range(steps))
    assert run("minimize", "--config", str(file), "--json").out == file.read_text()


@pytest.mark.slow
def test_the_document_comes_after_the_view(live: Callable[..., Terminal], run: Run) -> None:
    terminal = live(*SLOWLY, "--steps", "4", "--json")
    assert terminal.end() == 0
    printed = json.loads(terminal.printed)  # indented, on a terminal
    assert printed == run("minimize", "--steps", "4", "--no-diagnose", "--json").json()


@pytest.mark.slow
def test_q_is_no_convergence(live: Callable[..., Terminal]) -> None:
    terminal = live(*SLOWLY, "--steps", "1000", "--tol-grad", "1e-30", "--require-convergence")
    terminal.wait(lambda screen: "running" in screen)
    terminal.press("q")
    assert terminal.end() == 3


@pytest.mark.slow
@pytest.mark.parametrize("paused", [False, True])
def test_ctrl_c_leaves_the_table_and_the_terminal(live: Callable[..., Terminal], paused: bool) -> None:
    terminal = live(*SLOWLY, "--steps", "100000")
    terminal.wait(lambda screen: iteration_of(screen) >= 2)
    if paused:
        terminal.press(" ")
        terminal.wait(lambda screen: "paused" in screen)
    terminal.press("\x03")
    assert terminal.end() == 130
    assert terminal.after == terminal.before
    assert re.search(r"\ninterrupted at iteration \d+\n", terminal.printed)


@pytest.mark.slow
def test_an_error_in_the_loop_leaves_the_terminal(live: Callable[..., Terminal]) -> None:
    words = ["--schedule", "one-cycle", "--sched", "max_lr=0.1", "--sched", "total_steps=5"]
    terminal = live(*SLOWLY, *words, "--steps", "50")
    assert terminal.end() == 2
    assert terminal.after == terminal.before
    assert terminal.frames >= 1
    assert terminal.printed.startswith("error: the schedule cannot continue")


@pytest.mark.slow
def test_a_view_that_was_paused_stays_at_the_end(live: Callable[..., Terminal], run: Run, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    terminal = live("minimize", "--live", "--delay", "3", "--steps", "2", "--json", "--output", str(file))
    terminal.wait(lambda screen: "running" in screen)
    terminal.press(" " + RIGHT)
    terminal.wait(at(1, "paused"))
    terminal.press(RIGHT)
    terminal.wait(at(2, "stopped after 2 steps", "space close"))
    terminal.press(LEFT + "-")
    terminal.wait(at(1, "lr 0.08", "paused"))
    terminal.press(RIGHT)
    terminal.wait(at(2, "stopped after 2 steps"))
    terminal.press(" ")
    assert terminal.end() == 0
    assert document(file.read_text())["settings"]["lr_factor"] == {"1": 0.8}
    assert run("minimize", "--config", str(file), "--json").out == file.read_text()


@pytest.mark.slow
def test_without_keys_it_runs_and_says_so(live: Callable[..., Terminal]) -> None:
    terminal = live(*SLOWLY, "--steps", "20", keys=False)
    assert "no keys: standard input is not a terminal" in terminal.wait(lambda screen: "running" in screen)
    assert terminal.end() == 0


@pytest.mark.slow
def test_a_layer_shows_its_matrix(live: Callable[..., Terminal]) -> None:
    terminal = live("fit-linear", "--live", "--delay", "0.1", "--steps", "1000", "--no-diagnose", size=(120, 40))
    screen = terminal.wait(lambda screen: iteration_of(screen) >= 2)
    assert "W at iteration" in screen
    terminal.press("+")
    terminal.wait(lambda screen: "lr 0.125" in screen)
    terminal.press("q")
    assert terminal.end() == 0
    assert "\nfit W in " in "\n" + terminal.printed


@pytest.mark.slow
def test_a_race_is_shown_in_lockstep(live: Callable[..., Terminal], run: Run) -> None:
    words = ["compare", "himmelblau", "--optimizer", "manual,adam", "--lr", "0.01", "--steps", "200"]
    terminal = live(*words, "--live", "--delay", "0.02", size=(120, 40))
    terminal.wait(lambda screen: iteration_of(screen) >= 25)
    terminal.press(" ")
    screen = terminal.wait(lambda screen: "paused" in screen)
    head = iteration_of(screen)
    assert re.findall(r"^[ab] (?:manual|adam) +(\d+) ", screen, re.MULTILINE) == ["25", str(head)]
    assert "+ -" not in screen
    terminal.press(LEFT + "+")
    terminal.wait(at(head - 1, "looking back"))
    terminal.press("q")
    assert terminal.end() == 0
    # The view shows what has run: the report is that of the whole race.
    report = run(*words, env={"COLUMNS": "120"}).out
    assert "   1   manual " in report
    assert [line.rstrip() for line in terminal.printed.splitlines()] == [line.rstrip() for line in report.splitlines()]


@pytest.mark.slow
def test_a_race_keeps_step_in_evaluations(live: Callable[..., Terminal]) -> None:
    """The first step of lbfgs takes 21 evaluations more: until the others have made as many, it is at its start."""
    words = ["compare", "rosenbrock", "--racer", "lbfgs lr=0.5", "--racer", "manual lr=0.001", "--live"]
    terminal = live(*words, "--steps", "60", "--delay", "0.05", size=(120, 40))
    terminal.wait(lambda screen: 5 <= iteration_of(screen) <= 20)
    terminal.press(" ")
    screen = terminal.wait(lambda screen: "paused" in screen)
    head = iteration_of(screen)
    assert 5 <= head <= 21
    assert re.findall(r"^[ab] (?:lbfgs|manual) +(\d+) ", screen, re.MULTILINE) == ["1", str(head)]
    terminal.press("q")
    assert terminal.end() == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--live"], "--live needs a terminal, but standard output is a pipe or a file"),
        (["--delay", "1"], "--delay needs --live"),
        (["--screen"], "--screen needs --live"),
        (
            ["--live", "--jsonl"],
            "--live cannot be combined with --jsonl: a change of the rate cannot change printed lines",
        ),
        (["--live", "--code"], "--live cannot be combined with --code: it prints a script and runs nothing"),
        (["--live", "--delay", "-1"], "--delay must be a number from 0 to 3600, not '-1'"),
    ],
)
@pytest.mark.parametrize("command", ["minimize", "fit-linear"])
def test_what_does_not_go_together(run: Run, command: str, words: list[str], message: str) -> None:
    outcome = run(command, *words)
    assert (outcome.code, outcome.err.splitlines()[0]) == (2, f"error: {message}")


def test_a_terminal_that_cannot_move_its_cursor(live: Callable[..., Terminal]) -> None:
    terminal = live("minimize", "--live", TERM="dumb")
    assert terminal.end() == 2
    assert "error: --live moves the cursor, which this terminal cannot do" in terminal.seen


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux, which knows what a screen shows")
@pytest.mark.parametrize("options", [[], ["--screen"]])
def test_the_screen_is_left_as_it_was(tmp_path: Path, options: list[str]) -> None:
    tmux = ["tmux", "-S", str(tmp_path / "socket"), "-f", os.devnull]
    command = " ".join([*GDCLI, *SLOWLY, "--steps", "100000", *options])

    def shown() -> str:
        return subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True).stdout

    def type_(*keys: str) -> None:
        subprocess.run([*tmux, "send-keys", *keys], check=True)

    def wait(found: Callable[[str], Any]) -> str:
        until = time.monotonic() + PATIENCE
        while not found(screen := shown()):
            assert time.monotonic() < until, screen
            time.sleep(0.05)
        return screen

    subprocess.run([*tmux, "new-session", "-d", "-x", "80", "-y", "24", "env", "PS1=ready ", "sh"], check=True)
    try:
        wait(lambda screen: "ready" in screen)
        type_("echo precious", "Enter")
        wait(lambda screen: "\nprecious" in screen)
        type_(command, "Enter")
        screen = wait(lambda screen: iteration_of(screen) >= 2 and "q stop" in screen)
        assert len(screen.rstrip("\n").split("\n")) == 24
        type_("C-z")
        wait(lambda screen: "q stop" not in screen and screen.rstrip().endswith("ready"))
        type_("fg", "Enter")
        wait(lambda screen: "q stop" in screen)
        type_(" ")
        wait(lambda screen: "paused" in screen)
        type_("q")
        screen = wait(lambda screen: "stopped after" in screen and screen.rstrip().endswith("ready"))
        assert "q stop" not in screen
        assert "│" not in screen
        type_("stty -a", "Enter")
        assert re.search(r"(?<!-)icanon", wait(lambda screen: "icanon" in screen))
    finally:
        subprocess.run([*tmux, "kill-server"], check=True)


# The parts


def test_escape_sequences_are_keys() -> None:
    assert list(decoded(" +=-_qQ")) == [Key.PAUSE, *[Key.FASTER] * 2, *[Key.SLOWER] * 2, *[Key.END] * 2]
    for text in ("\x1b[C", "\x1bOC"):
        assert list(decoded(text)) == [Key.FORWARD]
    assert list(decoded("\x1b[D\x1b[H\x1b[1~\x1b[4~\x1b[F")) == [Key.BACK, Key.FIRST, Key.FIRST, Key.LAST, Key.LAST]
    # Up, F5, Ctrl-right, the escape key, a sequence that is cut off, letters.
    assert list(decoded("\x1b[A\x1b[15~\x1b[1;5C\x1b \x1b[xyz")) == [Key.PAUSE]


@pytest.mark.parametrize(
    ("factors", "iteration", "factor", "expected"),
    [
        ({}, 7, 1.25, {"7": 1.25}),
        ({"7": 1.25}, 7, 1.25, {"7": 1.5625}),
        ({"7": 1.25}, 7, 0.8, {}),
        ({"7": 1.25}, 9, 0.8, {"7": 1.25, "9": 1.0}),
        ({"9": 2.0, "7": 1.25}, 8, 0.8, {"7": 1.25, "8": 1.0}),
        ({"10": 2.0, "9": 4.0}, 10, 0.8, {"9": 4.0, "10": 1.6}),
        ({"5": 2.0}, 0, 1.25, {"0": 1.25}),
    ],
)
def test_a_change_drops_what_comes_later(
    factors: dict[str, float], iteration: int, factor: float, expected: dict[str, float]
) -> None:
    found = changed_factors(MinimizeSettings(lr_factor=factors), iteration, factor)
    assert (found, list(found)) == (expected, list(expected))


@pytest.mark.slow
def test_a_history_is_bounded_and_goes_back_one_by_one() -> None:
    history = History("x")
    (start,) = gdcli.minimize(steps=0).states()
    for i in range(25_000):
        history.add(replace(start, iteration=i))
    assert history.head.iteration == 24_999
    assert history.beside(24_999, -1) == 24_998
    assert history.beside(24_999, 1) == 24_999
    assert history.beside(-1, 1) == 0
    assert [step.iteration for step in history.last_states(10_000, 3)] == [9_998, 9_999, 10_000]
    kept = [step.iteration for step in history.states(25_000)]
    assert len(kept) <= 22_000
    assert kept == sorted(set(kept))
    trail = history.trail_until(20_000)
    assert (trail.first.iteration, trail.last.iteration) == (0, 20_000)  # type: ignore[union-attr]
    shown = {state.iteration for state in trail.states}
    assert len(shown) < 2_000
    assert {state.iteration for state in history.trail_until(19_990).states} - shown == {19_990}


def states(*words: Any, **settings: Any) -> tuple[Any, list[Trail]]:
    """A descent, and its trail after 1, 2, ... states."""
    descent = gdcli.minimize(*words, settings=settings)
    trails: list[Trail] = []
    steps = list(descent.states())
    for count in range(1, len(steps) + 1):
        trail = Trail("x")
        for step in steps[:count]:
            trail.add(step)
        trails.append(trail)
    return descent, trails


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expression", "settings"),
    [
        ("(x - 1.5)**2", {"values": {"x": "4"}}),
        ("rosenbrock", {"lr": 1e-3}),
        ("rosenbrock", {"dim": 5, "lr": 1e-4}),
    ],
)
def test_windows_stay_and_hold_the_path(expression: str, settings: dict[str, Any]) -> None:
    values = settings.pop("values", {})
    descent, trails = states(expression, values, **{"steps": 80, "diagnose": False, **settings})
    moving = MovingFigure(descent.kind.again(descent.settings).problem, descent.settings.steps)
    windows = []
    for trail in trails:
        figure = moving.of([trail])
        panel = figure.panels[1]
        assert isinstance(panel, FunctionPanel | ContourPanel)
        assert panel.paths[0].counts == [state.iteration for state in trail.states]
        windows.append((panel.x.low, panel.x.high))
    assert len(set(windows)) <= len(trails) // 5


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (79, 16), (60, 30), (30, 9), (10, 4), (200, 60), (5, 2)])
def test_a_frame_has_the_size_of_the_terminal(size: tuple[int, int]) -> None:
    _, trails = states("rosenbrock", lr=1e-3, steps=9)
    figure = MovingFigure(gdcli.minimize("rosenbrock").problem, 9).of([trails[-1]])
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=size[0], height=size[1])
    stage = Stage(console)
    rows = [[str(i), f"{i}.5"] for i in range(12)]
    scene = Scene("a title that is too long for a small terminal", "running", ["iteration", "loss"], rows, figure, "q")
    for _ in range(3):
        lines = stage.lines(scene)
        assert len(lines) == size[1]
        assert {cell_len(plain(line)) for line in lines} == {size[0]}
    has_picture = any("┤" in line for line in lines)
    assert has_picture == (size[1] >= 20)
    if size[1] > 4:
        assert any(plain(line).startswith("       11") for line in lines)


@pytest.mark.slow
def test_regression_is_shown_live_and_what_was_seen_can_be_stopped_and_repeated(
    live: Callable[..., Terminal], run: Run, tmp_path: Path
) -> None:
    out = tmp_path / "run.json"
    data = tmp_path / "city.csv"
    data.write_text("population,profit\n" + "".join(f"{5 + k % 20},{k % 20 - 2 + k % 3}\n" for k in range(60)))
    words = ["fit-linear", str(data), "--target", "profit", "--no-standardize", "--lr", "0.004", "--epochs", "400"]
    words += ["--no-diagnose", "--quiet"]
    terminal = live(*words, "--live", "--delay", "0.05", "--json", "--output", str(out), size=(100, 34))
    terminal.wait(lambda screen: re.search(r"epoch [3-9]", screen) and "exact fit" in screen)
    terminal.press(" ")
    paused = terminal.wait(lambda screen: "paused" in screen)
    seen = int(re.search(r"epoch (\d+)", paused)[1])  # type: ignore[index]
    terminal.press(LEFT)
    terminal.wait(lambda screen: f"epoch {seen - 1}" in screen and "looking back" in screen)
    terminal.press("q")
    assert terminal.end() == 0
    record = json.loads(out.read_text())
    assert record["settings"]["steps"] == record["result"]["iteration"] == seen + 1
    config = tmp_path / "config.json"
    config.write_text(json.dumps({name: value for name, value in record["settings"].items() if value is not None}))
    assert run("fit-linear", "--config", str(config), "--json", "--quiet").json() == record
