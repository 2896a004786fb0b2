"""Makes docs/gallery.md and every picture of the documentation from real runs: ``python docs/make_gallery.py``.

With names of pictures (``tape.svg gdcli.png``) it makes these alone; some maps take minutes.

A picture of a terminal is what Rich draws for so many columns, exported as SVG; other pictures are the files that the
commands save. Same program, same bytes: a test compares. The pictures of the page need Chromium; without it they stay.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from rich.console import Console, RenderableType
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from rich.text import Text

from gdcli.cli.main import run
from gdcli.render import table
from gdcli.render.table_file import recorder, tidy_svg

DOCS = Path(__file__).resolve().parent
FOLDER = DOCS / "pictures"
_DIAGNOSED = ("gdcli minimize ", "gdcli fit-linear tests/")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Terminal:
    """A terminal in which commands have run, one after the other, as SVG.

    ``files`` are in the folder in which they run. A command may end with an error, which the picture then shows.
    """

    name: str
    commands: tuple[str, ...]
    says: str
    columns: int = 80
    light: bool = False
    files: tuple[tuple[str, str], ...] = ()

    @property
    def file(self) -> str:
        """Its picture."""
        return f"{self.name}.svg"

    def make(self) -> bytes:
        """Run the commands and draw what they print."""
        screen = recorder(self.columns)

        with _in_a_folder() as folder:
            for name, text in self.files:
                (folder / name).write_text(text, encoding="utf-8")
            for i, command in enumerate(self.commands):
                if i:
                    screen.print()
                screen.print(Text(f"$ {command}", "bold green"))
                _draw(command, screen)
        theme = DEFAULT_TERMINAL_THEME if self.light else SVG_EXPORT_THEME
        return tidy_svg(screen, f"gdcli-{self.name}", theme)


@dataclass(frozen=True)
class Saved:
    """A file that a command saves; its name is the last word of the command."""

    command: str
    says: str

    @property
    def commands(self) -> tuple[str, ...]:
        """The one command."""
        return (self.command,)

    @property
    def file(self) -> str:
        """Its picture."""
        return self.command.split()[-1]

    def make(self) -> bytes:
        """Run the command and read what it has saved."""
        diagnosed = self.command.startswith(_DIAGNOSED)  # which takes a while, and no file shows it
        with _in_a_folder() as folder:
            _run(f"{self.command} --quiet{' --no-diagnose' * diagnosed}")
            return (folder / self.file).read_bytes()


@dataclass(frozen=True)
class Page:
    """A page that a command saves, as a browser shows it; the page's name is the last word of the command."""

    name: str
    command: str
    says: str
    size: tuple[int, int] = (1280, 1000)
    dark: bool = False

    @property
    def commands(self) -> tuple[str, ...]:
        """The one command."""
        return (self.command,)

    @property
    def file(self) -> str:
        """Its picture."""
        return f"{self.name}.png"

    def make(self) -> bytes | None:
        """Run the command and look at the page; None without a browser."""
        with _in_a_folder() as folder:
            _run(f"{self.command} --quiet")
            return _seen(folder / self.command.split()[-1], self.size, *["--force-dark-mode"] * self.dark)


@dataclass(frozen=True)
class Montage:
    """Several pictures as one; each of ``parts`` has its place (left, top, width, height)."""

    name: str
    says: str
    size: tuple[int, int]
    parts: tuple[tuple[Terminal | Page, tuple[int, int, int, int]], ...]

    @property
    def commands(self) -> tuple[str, ...]:
        """Those of all parts."""
        return tuple(command for part, _ in self.parts for command in part.commands)

    @property
    def file(self) -> str:
        """Its picture."""
        return f"{self.name}.png"

    def make(self) -> bytes | None:
        """Make the parts and look at all of them on a transparent page; None without a browser."""
        boxes = []
        with tempfile.TemporaryDirectory() as folder:
            for part, (left, top, width, height) in self.parts:
                made = part.make()
                if made is None:
                    return None
                (Path(folder) / part.file).write_bytes(made)
                place = f"left:{left}px;top:{top}px;width:{width}px;height:{height}px"
                boxes.append(f'<div style="{place}"><img src="{part.file}"></div>')
            page = Path(folder) / "montage.html"
            page.write_text(_MONTAGE + "\n".join(boxes), encoding="utf-8")
            return _seen(page, self.size, "--force-device-scale-factor=1.5", "--default-background-color=00000000")


@dataclass(frozen=True)
class Swept(Saved):
    """A map that a command saves as PNG, with its config in docs/sweeps; here in 256 colours, which takes less room.

    ``more`` says what there is to see, with numbers from the record. One that ``takes_minutes`` is not compared with
    what the program makes now.
    """

    more: str
    takes_minutes: bool = False

    def make(self) -> bytes:
        """Run the command and read what it has saved."""
        from PIL import Image

        with _in_a_folder() as folder:
            _run(f"{self.command} --quiet")
            made = io.BytesIO()
            picture = Image.open(folder / self.file).convert("RGB")
            picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(made, "PNG", optimize=True)
            return made.getvalue()


Picture = Terminal | Saved | Page | Montage | Swept

FORGETS_ZERO_GRAD = """\
import torch
x = torch.tensor(4., requires_grad=True)
for i in range(8):
    loss = (x - 1.5)**2
    loss.backward()
    with torch.no_grad():
        x -= 0.1 * x.grad
"""
HOUSES = """\
area,rooms,price
50,2,190
80,3,280
65,2,226
120,5,402
95,3,310
"""
ROSENBROCK = "gdcli minimize rosenbrock --lr 1e-3 --steps 1000"
TAPE = 'gdcli grad "log(x**2 + y**2)" --x 15 --y 24 --explain'
PAGES = (
    Montage(
        "gdcli",
        "README.md",
        (1280, 652),
        (
            (Terminal("contour", (f"{ROSENBROCK} --plot --quiet",), "", columns=76), (16, 16, 640, 612)),
            (Page("page", f"{ROSENBROCK} --save rosenbrock.html", ""), (672, 16, 592, 270)),
            (Terminal("tape", (TAPE,), "", columns=64), (672, 302, 592, 326)),
        ),
    ),
    Terminal("descents", ("gdcli minimize --lr 0.1 --steps 5", "gdcli fit-linear --steps 5"), "docs/descents.md"),
    Terminal("lecture", ('gdcli grad "tan(1 + x**2)" --x 1 --explain',), "docs/lecture.md"),
    Terminal(
        "expressions",
        ("gdcli ops a/b 'a @ b' 'outer(a, b)' 'a @ c' --a 1,2,3 --b 4,5,6 --c 1,2",),
        "docs/expressions.md",
    ),
    Terminal("programs", ("gdcli grad 'x = torch.tensor(3.); y = x**2; z = y + x' --explain",), "docs/programs.md"),
    Terminal(
        "many-points", ('gdcli grad "a*x**3 - x" --x "linspace(-2, 2, 5)" --a 2 --wrt x --each',), "docs/many-points.md"
    ),
    Terminal(
        "values",
        ('gdcli minimize "mean((w*x - y)**2)" --x @houses.csv:area --y @houses.csv:price --w 0 --lr 1e-5 --steps 3',),
        "docs/values.md",
        files=(("houses.csv", HOUSES),),
    ),
    Terminal(
        "data",
        ("gdcli fit-linear houses.csv --target price --epochs 20 --every 5",),
        "docs/data.md",
        files=(("houses.csv", HOUSES),),
    ),
    Terminal("diagnosis", ('gdcli minimize "x**2 + 4*y**2" --x 1 --y 1 --lr 0.3 --steps 6',), "docs/diagnosis.md"),
    Terminal("json", ("gdcli minimize --steps 5 --csv",), "docs/json.md"),
    Terminal(
        "configuration",
        ("gdcli minimize --config fast.toml", "gdcli minimize --config slow.toml"),
        "docs/configuration.md",
        files=(("fast.toml", "lr = 0.3\nsteps = 4\n"), ("slow.toml", "learning_rate = 0.01\n")),
    ),
    Terminal(
        "errors",
        ('gdcli grad "sinn(x) + 1" --x 1', 'gdcli minimize "x^2" --x 3', "gdcli minimize --stpes 3"),
        "docs/errors.md",
    ),
    Terminal("python", ('gdcli grad "log(x**2 + y**2)" --x 15 --y 24 --code',), "docs/python.md"),
)
"""The pictures that stand at the top of a page, beside those of the gallery; ``says`` is the page."""

GALLERY: dict[str, tuple[Picture, ...]] = {
    "In a terminal": (
        Terminal(
            "parabola",
            ("gdcli minimize --plot",),
            "One variable: the function with the steps on it and the tangent at the last one, beside the loss.",
        ),
        Terminal(
            "rosenbrock",
            (f"{ROSENBROCK} --plot",),
            "Two variables: the first step jumps across the valley, the others creep along it. The levels are chosen "
            "so that the flat valley and its steep walls both show.",
            columns=120,
        ),
        Terminal(
            "five",
            ("gdcli minimize rosenbrock --dim 5 --lr 1e-4 --steps 300 --plot",),
            "Five variables: the path in the plane of its two principal directions, on a light background.",
            columns=100,
            light=True,
        ),
        Terminal(
            "layer",
            ("gdcli fit-linear --steps 2 --plot",),
            "A layer: the matrix and its gradient as heat maps. Two rows of the gradient are 0: their ReLUs have died.",
        ),
        Terminal("race", ("gdcli compare --plot",), "Four optimizers from one start, on one landscape.", columns=120),
        Terminal(
            "sweep",
            ('gdcli sweep "x**4 - x**2" --over lr=0.01:1:60 --over x=-2:2:40',),
            "2,400 descents: which minimum they reach, by learning rate and start, and the bound of theory.",
        ),
        Terminal(
            "tape",
            (TAPE,),
            "The tape of a gradient: every operation, its local derivative, and the gradient that reached it.",
        ),
        Terminal(
            "watch",
            ("gdcli watch train.py",),
            "A training loop that forgets to set its gradients to zero, and the finding that names the line.",
            files=(("train.py", FORGETS_ZERO_GRAD),),
        ),
        Terminal(
            "dimples",
            ("gdcli plot rastrigin --x -2:2",),
            "A function alone: the dimples of Rastrigin's function.",
        ),
        Terminal(
            "saddle",
            ('gdcli plot "x**2 - y**2" --x -2:2 --y -2:2 --field',),
            "A saddle with its gradient field: the arrows point uphill.",
            light=True,
        ),
    ),
    "For slides and papers": (
        Saved(f"{ROSENBROCK} --save rosenbrock.png", "The same run as a PNG; `.svg` and `.pdf` draw the same."),
        Saved(
            f"{ROSENBROCK} --surface --save rosenbrock-surface.png",
            "The landscape as a surface in space, its height on a logarithmic scale.",
        ),
        Saved("gdcli compare --save race.png", "All optimizers of a race; each has a colour and a marker of its own."),
        Saved(
            "gdcli minimize himmelblau --optimizer sgd --momentum 0.9 --lr 2e-3 --steps 60 --save momentum.gif",
            "Momentum carries the point across the valley and back.",
        ),
        Saved(
            "gdcli fit-linear tests/data/nist/longley.csv --target TOTEMP --optimizer sgd --momentum 0.9 --nesterov "
            "--epochs 300 --save longley.png",
            "A regression on data (Longley's, of NIST): the first steps swing across the valley, the others creep "
            "along it to the exact minimum, which is still far when the loss has nearly arrived.",
        ),
        Saved("gdcli grad \"log(x**2 + y**2)\" --x 15 --y 24 --explain --save table.svg", "A table, for a slide."),
        Saved(
            'gdcli grad "(x - y)**2 + log(1 + x*y)" --x 2 --y 3 --save tape-graph.svg',
            "The tape of a gradient as a graph: the value and the gradient of each tensor, and on each edge the local "
            "derivative and what this use adds to the gradient.",
        ),
    ),
    "A hundred thousand descents": (
        Swept(
            "gdcli sweep --config docs/sweeps/cubic.toml --save cubic.png",
            "Newton's fractal: which root of `z**3 = 1` Newton's method reaches, by its start.",
            "The gradient of this function is the real part, and minus the imaginary part, of `z**3 - 1`, so a step of "
            "`newton` is a step of Newton's method for the three roots, which are saddles of the function. The root "
            "(1, 0) has 35.3% of the 400 x 400 starts, the two others have 32.3% each; darker is later. 90 starts come "
            "so near 0 that the next step takes them far away, and count as diverged. 400 cells, drawn at random from "
            "the others, were compared with the iteration `z - (z**3 - 1)/(3*z**2)` in Python's complex numbers: all "
            "of them reach the same root.",
        ),
        Swept(
            "gdcli sweep --config docs/sweeps/himmelblau.toml --save himmelblau.png",
            "The four basins of Himmelblau's function, by the start of gradient descent.",
            "The shares of the minima are 25.7%, 26.0%, 23.6% and 24.7% of 400 x 400 starts; darker is later. One cell "
            "of the 160,000 reaches none of them: it starts at (4.2982, 0.1629), and after 6 steps it meets the "
            "tolerance at a saddle, near (3.385, 0.0739).",
        ),
        Swept(
            "gdcli sweep --config docs/sweeps/quartic.toml --save quartic.png",
            "Learning rate and start of gradient descent on a function with two minima.",
            "Most of the starts that reach a minimum reach the one on their own side; in the bands at the top and at "
            "the bottom, the first step jumps to the other side. The dashed line is the largest stable rate at a "
            "minimum, 2/L = 0.5: 63,124 of the 400 x 400 cells converge, 204 of them at a rate above it. The others "
            "there diverge, or cycle (light grey, from a rate of 0.509 on), or do neither within 200 steps (dark "
            "grey).",
        ),
        Swept(
            "gdcli sweep --config docs/sweeps/momentum.toml --save momentum-map.png",
            "Learning rate and momentum on Rosenbrock's function, with the line of stability.",
            "The dashed line is 2 (1 + momentum) / L, with the curvature L = 1001.6 at the minimum. Of the 10,666 "
            "cells that converge, 9 are beyond it, by 0.2% of the rate at most. With little momentum even the largest "
            "stable rate takes more than 5,000 steps: the smallest momentum of a cell that converges is 0.199. The "
            "fewest steps are 92, with a momentum of 0.876 and a rate of 0.00225. The grid has 200 x 200 cells, which "
            "take 125 million steps.",
            takes_minutes=True,
        ),
    ),
    "The edge of what can be trained": (
        Swept(
            "gdcli sweep --config docs/sweeps/network.toml --save network.png",
            "A small network with a learning rate for each layer: which pairs of rates train it, and which diverge.",
            "The network has 8 inputs, one hidden layer of 8 tanh units and 8 points, and every cell trains it for 200 "
            "steps from the same start (after Sohl-Dickstein 2024, arXiv:2402.06184, whose networks have 16 units). "
            "Blue is the final loss, dark for a low one; red to yellow are the 42.1% of 512 x 512 cells that diverge, "
            "yellow for the earliest. A run counts as diverged once its loss has grown beyond 1e10 times the first "
            "one, so among the palest blue are runs on their way there. The 32 million steps took 2 minutes of one "
            "core, on a machine that was shared with other work.",
            takes_minutes=True,
        ),
        Swept(
            "gdcli sweep --config docs/sweeps/network.toml --zoom lr.W0=2:5 --zoom lr.W1=0.3:0.5 --save "
            "network-edge.png",
            "A part of the edge, again with 512 x 512 cells.",
            "55.4% of these cells diverge. At the lower right, runs that diverge and runs that do not lie next to each "
            "other, down to single cells.",
            takes_minutes=True,
        ),
        Swept(
            "gdcli sweep --config docs/sweeps/network.toml --zoom lr.W0=2.9:3.5 --zoom lr.W1=0.35:0.39 --save "
            "network-closer.png",
            "A part of that part: what looked like a line has islands, and islands beside them.",
            "59.6% of these cells diverge. The box-counting dimension of the edge is 1.41 in the first map, 1.52 in "
            "the second and 1.62 in the third; the paper reports 1.17 to 1.98 for its networks. It is the slope of the "
            "number of boxes that hold a cell of the edge over their side, of 1, 2, 4, ... 64 cells, in logarithms, by "
            "least squares: `docs/boxcount.py` computes it from the NPZ file, and finds 1.00 for a straight line and "
            "1.58 for Sierpinski's triangle. The slope depends on the side: from one side to the next it is 1.2 to 1.6 "
            "in the first map, 1.2 to 1.7 in the second, and 1.0 to 2.0 in the third, where single cells that do not "
            "diverge are strewn over the red. Products of these matrices are summed in another order than by a single "
            "run, so none of the 16 cells of each map that were run alone has the same bits, and at the edge a cell "
            "may end otherwise.",
            takes_minutes=True,
        ),
    ),
    "As a page": (
        Page(
            "page-light",
            f"{ROSENBROCK} --save rosenbrock.html",
            "One file that works offline: the slider moves the point in all panels, a row of the table does so too.",
        ),
        Page("page-dark", "gdcli compare --save race.html", "A race, in the dark.", dark=True),
        Page(
            "page-phone", "gdcli minimize --save parabola.html", "On a phone.", size=(500, 1000)
        ),
    ),
}  # fmt: skip

_MONTAGE = """\
<style>
body { margin: 0 }
div { position: absolute; overflow: hidden; border-radius: 8px; box-shadow: 0 4px 14px rgb(0 0 0 / 35%) }
img { display: block; width: 100% }
</style>
"""

_HEAD = """\
# Gallery

Every picture here is made by `python docs/make_gallery.py` from the command above it.
"""


def _draw(command: str, screen: Console) -> None:
    """Run a command and put what it prints on a screen: tables with their colours, and other text as it is."""
    text = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)

    def draw_text() -> None:
        written = text.buffer.getvalue().decode()  # type: ignore[attr-defined]
        text.buffer.seek(0)
        text.buffer.truncate()
        if written:
            screen.print(Text(written.rstrip("\n")))

    def draw(_file: object, makes: Sequence[Callable[[int], RenderableType]]) -> None:
        draw_text()
        for make in makes:
            screen.print(make(screen.width))

    with (
        mock.patch.object(table, "print_to", draw),
        contextlib.redirect_stdout(text),
        contextlib.redirect_stderr(text),
    ):
        run(_words(command))
    draw_text()


def _run(command: str) -> None:
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = run(_words(command))
    if code != 0:
        raise SystemExit(f"{command} has failed: {said.getvalue()}")


def _words(command: str) -> list[str]:
    return [_whole(word) for word in shlex.split(command)[1:]]


def _whole(word: str) -> str:
    """A word of a command, with the whole path where it names a file of the repository."""
    return str(DOCS.parent / word) if word.startswith(("docs/sweeps/", "tests/data/")) else word


def _seen(page: Path, size: tuple[int, int], *options: str) -> bytes | None:
    """A page as Chromium shows it, as PNG; None without Chromium."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        return None
    picture = page.with_suffix(".png")
    words = [
        browser, "--headless=new", "--no-sandbox", "--hide-scrollbars", "--enable-unsafe-swiftshader",
        "--virtual-time-budget=8000", f"--screenshot={picture}", f"--window-size={size[0]},{size[1]}",
        *options, page.as_uri(),
    ]  # fmt: skip
    subprocess.run(words, check=True, capture_output=True)
    return picture.read_bytes()


@contextlib.contextmanager
def _in_a_folder() -> Iterator[Path]:
    """A folder of its own to run in, with nothing printed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")),
        mock.patch.dict(os.environ, {"COLUMNS": "80"}),
    ):
        yield Path(folder)


def shown() -> list[Picture]:
    """Every picture of the documentation."""
    return [*PAGES, *(picture for pictures in GALLERY.values() for picture in pictures)]


def gallery() -> str:
    """The text of docs/gallery.md."""
    parts = [_HEAD]
    for title, pictures in GALLERY.items():
        parts.append(f"## {title}\n")
        for picture in pictures:
            commands = "\n".join(picture.commands)
            parts.append(f"{picture.says}\n\n```sh\n{commands}\n```\n\n![{picture.says}](pictures/{picture.file})\n")
            if isinstance(picture, Swept):
                parts.append(f"{picture.more}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    (DOCS / "gallery.md").write_text(gallery(), encoding="utf-8")
    for each in shown():
        if sys.argv[1:] and each.file not in sys.argv[1:]:
            continue
        data = each.make()
        if data is not None:
            (FOLDER / each.file).write_bytes(data)
        print(FOLDER / each.file if data is not None else f"{each.file} needs Chromium, and stays as it is")
