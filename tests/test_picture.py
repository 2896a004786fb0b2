"""Saved pictures: PNG, SVG, PDF, GIF and MP4. What is in the pixels is compared with descents written by hand."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from conftest import Run
from matplotlib.colors import to_rgb
from PIL import Image, ImageSequence
from test_plot import FIGURES, figure

from gdcli.contract.figure import Axis, ContourPanel, CurvesPanel, Figure, FunctionPanel, HeatPanel
from gdcli.contract.figure import Path as Route
from gdcli.render.picture.animation import Pace, _Film, save_animation
from gdcli.render.picture.picture import drawn, save_picture
from gdcli.render.picture.style import BLANK, DOTS_PER_INCH, MARKERS, RC
from gdcli.render.picture.surface import heights_on
from gdcli.render.run_colours import ON_DARK, RUNS

pytestmark = pytest.mark.slow  # matplotlib draws

PIXEL = DOTS_PER_INCH / 100  # of a file, for one of the canvas
TILTED = ["minimize", "x**2 + 3*y**2 + x*y", "--x", "2", "--y", "-1.5", "--lr", "0.08", "--steps", "12", "--quiet"]


def tilted_by_hand() -> list[tuple[float, float]]:
    """The states of TILTED, by a loop in PyTorch."""
    x, y = torch.tensor(2.0, requires_grad=True), torch.tensor(-1.5, requires_grad=True)
    states = []
    for _ in range(13):
        states.append((x.item(), y.item()))
        (x**2 + 3 * y**2 + x * y).backward()
        with torch.no_grad():
            for each in (x, y):
                each -= 0.08 * each.grad
                each.grad = None
    return states


def saved(figure: Figure, *, surface: bool = False) -> tuple[Any, list[Any], np.ndarray]:
    """The canvas, its axes, and the pixels of the PNG: rows of RGB from 0 to 1, the first at the top."""
    file = io.BytesIO()
    canvas, axes = canvas_of(figure, surface=surface)
    with mpl.rc_context(RC):
        canvas.savefig(file, format="png", dpi=DOTS_PER_INCH, pil_kwargs={"compress_level": 1})  # the same pixels
    return canvas, axes, np.asarray(Image.open(file).convert("RGB")) / 255


def canvas_of(figure: Figure, *, surface: bool = False) -> tuple[Any, list[Any]]:
    """The canvas and its axes, where no pixel is looked at."""
    with mpl.rc_context(RC):
        return drawn(figure, surface=surface)


def pixel(canvas: Any, ax: Any, pixels: np.ndarray, x: float, y: float) -> np.ndarray:
    """The colour at a point of the data."""
    across, up = ax.transData.transform((x, y)) * PIXEL
    return pixels[round(canvas.bbox.height * PIXEL - up) - 1, round(across)]


def is_near(colour: np.ndarray, wanted: str, tolerance: float = 0.15) -> bool:
    return bool(np.abs(colour - np.array(to_rgb(wanted))).max() <= tolerance)


def luminance(colour: Any) -> float:
    """How light a colour is, from 0 to 1 (Rec. 709)."""
    return float(np.dot(colour, [0.2126, 0.7152, 0.0722]))


def texts(canvas: Any) -> str:
    return "\n".join(text.get_text() for text in canvas.findobj(mpl.text.Text))


def test_the_path_is_where_the_descent_was(run: Run, tmp_path: Path) -> None:
    """The pixel at every state of a descent by hand has the colour of the path, and none nearby off the path has."""
    assert run(*TILTED, "--save", str(tmp_path / "a.png")).code == 0
    import gdcli

    descent = gdcli.minimize("x**2 + 3*y**2 + x*y", x=2, y=-1.5, lr=0.08, steps=12)
    from test_plot import of_descent

    canvas, axes, pixels = saved(of_descent(descent, "minimize x**2 + 3*y**2 + x*y"))
    with Image.open(tmp_path / "a.png") as image:
        assert np.abs(np.asarray(image.convert("RGB")) / 255 - pixels)[100:-60].max() < 0.01  # the same but for texts
    states = tilted_by_hand()
    for x, y in states[1:-1]:
        assert is_near(pixel(canvas, axes[1], pixels, x, y), RUNS[0]), (x, y)
    for x, y in [(2, 1), (-1, -1), (0, -1.2)]:
        assert not is_near(pixel(canvas, axes[1], pixels, x, y), RUNS[0]), (x, y)
    losses = [x**2 + 3 * y**2 + x * y for x, y in states]
    for i in range(1, 12):
        assert is_near(pixel(canvas, axes[0], pixels, i, losses[i]), RUNS[0]), i


def test_bands_get_lighter_with_the_value() -> None:
    """In grey as well: from the valley outwards, each band of a bowl is lighter than the one before."""
    bowl = figure("himmelblau")
    canvas, axes, pixels = saved(bowl)
    panel = bowl.panels[1]
    assert isinstance(panel, ContourPanel)
    points = sorted(
        (panel.z[i][j], luminance(pixel(canvas, axes[1], pixels, panel.grid_x[j], panel.grid_y[i])))
        for i in range(4, 92, 8)
        for j in range(4, 20, 2)  # left of the path
    )
    lights = np.array([light for _, light in points])
    ranks = lights.argsort().argsort()
    assert np.corrcoef(ranks, np.arange(len(ranks)))[0, 1] > 0.9
    assert lights[-1] - lights[0] > 0.3


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("surface", [False, True])
def test_every_figure_is_drawn(name: str, surface: bool) -> None:
    canvas, axes, pixels = saved(figure(name), surface=surface)
    assert len(axes) == len(figure(name).panels)
    assert pixels.shape[:2] == (960, 1920 if len(axes) > 1 else 1200)
    assert figure(name).title in texts(canvas)
    for ax, panel in zip(axes, figure(name).panels, strict=True):
        assert " ".join(ax.get_title().split()) == panel.title
        in_space = surface and isinstance(panel, ContourPanel)
        assert (ax.name == "3d") == in_space
    for remark in figure(name).remarks:
        assert remark.message in texts(canvas).replace("\n", " ")


def test_a_race_has_a_legend_and_colours_and_markers_of_its_own() -> None:
    _, axes = canvas_of(figure("race"))
    lines = {line.get_label(): line for line in axes[0].lines if not line.get_label().startswith("_")}
    assert set(lines) == {"sgd", "adam"} == {text.get_text() for text in axes[0].get_legend().get_texts()}
    looks = {(line.get_color(), line.get_marker()) for line in lines.values()}
    assert len({colour for colour, _ in looks}) == len({marker for _, marker in looks}) == 2
    assert looks <= {(line.get_color(), line.get_marker()) for line in axes[1].lines}
    assert len(set(RUNS)) == len(RUNS)
    assert len(set(MARKERS)) == len(MARKERS)


@pytest.mark.parametrize(
    ("colours", "ground", "least"), [(RUNS, (1, 1, 1), 2.8), (RUNS, (0, 0, 0), 2.8), (ON_DARK, (0, 0, 0), 7)]
)
def test_colours_of_runs_show_on_their_ground(colours: Sequence[str], ground: Sequence[float], least: float) -> None:
    """The contrast of WCAG 2.2, computed here."""

    def light(colour: Sequence[float]) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return float(np.dot(parts, [0.2126, 0.7152, 0.0722])) + 0.05

    for colour in colours:
        high, low = sorted([light(to_rgb(colour)), light(ground)], reverse=True)
        assert high / low > least, colour


def test_where_the_function_is_not_defined_the_picture_is_blank() -> None:
    shown = figure("field")  # log(x) + y**2 from -1
    canvas, axes, pixels = saved(shown)
    assert is_near(pixel(canvas, axes[0], pixels, -0.55, 0.13), BLANK, 0.02)
    assert not is_near(pixel(canvas, axes[0], pixels, 1.55, 0.13), BLANK, 0.02)
    assert "left blank" in texts(canvas)


def test_a_function_that_is_defined_nowhere_is_drawn_blank(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "nowhere.png"
    for words in (["log(-1 - x**2 - y**2)", "--y", "-1:1"], ["log(-1 - x**2)"]):
        assert run("plot", *words, "--x", "-1:1", "--save", str(file), "--surface").code == 0
        with Image.open(file) as image:
            assert image.size == (1200, 960)


def test_tangent_touches_at_the_end_with_the_slope_of_autograd() -> None:
    panel = figure("parabola").panels[1]
    _, axes = canvas_of(figure("parabola"))
    (tangent,) = [line for line in axes[1].lines if line.get_linestyle() == "--"]
    (x0, x1), (y0, y1) = tangent.get_xdata(), tangent.get_ydata()
    assert isinstance(panel, FunctionPanel)
    end = panel.paths[0].x[-1]
    assert (y1 - y0) / (x1 - x0) == pytest.approx(2 * (end - 1.5), abs=1e-9)
    assert (x0 + x1) / 2 == pytest.approx(end)


def test_the_path_on_a_surface_has_the_losses_as_heights() -> None:
    shown = figure("himmelblau")
    panel = shown.panels[1]
    assert isinstance(panel, ContourPanel)
    path = panel.paths[0]
    wanted = [(x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2 for x, y in zip(path.x, path.y, strict=True)]
    heights = heights_on(panel, path, shown)
    logarithms = [math.log10(loss) for loss in wanted]
    assert heights[:10] in (pytest.approx(wanted[:10], rel=1e-4), pytest.approx(logarithms[:10], rel=1e-4))


def test_a_projected_path_lies_on_the_surface_that_is_shown() -> None:
    shown = figure("five")
    panel = shown.panels[1]
    assert isinstance(panel, ContourPanel)
    heights = [h for h in heights_on(panel, panel.paths[0], shown) if math.isfinite(h)]
    numbers = [z for row in panel.z for z in row]
    is_log = max(heights) < math.log10(max(numbers)) + 1e-9
    low, high = (math.log10(min(numbers)), math.log10(max(numbers))) if is_log else (min(numbers), max(numbers))
    assert all(low - 1e-6 <= height <= high + 1e-6 for height in heights)


def test_a_path_that_runs_away_does_not_stretch_the_surface(run: Run, tmp_path: Path) -> None:
    shown = figure("race")
    panel = shown.panels[1]
    assert isinstance(panel, ContourPanel)
    far = Route("sgd", [0, 1, 2], [0.0, 1.0, 1e9], [0.0, 1.0, 1e9])
    from msgspec.structs import replace

    _, axes = canvas_of(replace(shown, panels=[shown.panels[0], replace(panel, paths=[far])]), surface=True)
    assert axes[1].get_xlim() == pytest.approx((panel.x.low, panel.x.high))
    assert math.isnan(heights_on(panel, far, shown)[-1])


def test_a_matrix_is_shown_with_its_numbers() -> None:
    shown = figure("layer")
    canvas, axes = canvas_of(shown)
    panel = shown.panels[1]
    assert isinstance(panel, HeatPanel)
    assert np.asarray(axes[1].images[0].get_array()) == pytest.approx(np.array(panel.values))
    for row in panel.values:
        for number in row:
            assert f"{number:.3g}" in texts(canvas)


ENDINGS = [".png", ".svg", ".pdf", ".gif", *([".mp4"] if shutil.which("ffmpeg") else [])]


@pytest.fixture(scope="module")
def run_twice(run: Run, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two folders, each with the pictures of the same race."""
    folders = [tmp_path_factory.mktemp("race") for _ in range(2)]
    for folder in folders:
        saves = [word for ending in ENDINGS for word in ("--save", str(folder / f"race{ending}"))]
        words = ["compare", "himmelblau", "--optimizer", "sgd,adam", "--lr", "0.01", "--steps", "20"]
        assert run(*words, "--seconds", "0.2", *saves).code == 0
    return folders


@pytest.mark.process
@pytest.mark.parametrize("ending", ENDINGS)
def test_same_run_same_bytes(run_twice: list[Path], ending: str) -> None:
    first, second = ((folder / f"race{ending}").read_bytes() for folder in run_twice)
    assert first == second


@pytest.mark.parametrize("ending", [".svg", ".pdf"])
def test_there_is_no_date_and_nothing_is_fetched(run: Run, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"a{ending}"
    run(*TILTED, "--save", str(file))
    data = file.read_bytes()
    assert not re.search(rb"20\d\d-\d\d-\d\d|CreationDate", data)
    if ending == ".svg":
        root = ET.fromstring(data)
        links = [value for node in root.iter() for key, value in node.attrib.items() if key.endswith("href")]
        assert links
        assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)


def test_text_of_a_user_is_never_a_formula_or_markup(run: Run, tmp_path: Path) -> None:
    """``$`` and ``_`` would be TeX for matplotlib, and ``<`` ends a text in SVG."""
    panel = CurvesPanel(
        "loss", Axis("iteration", 0, 1), Axis("loss", 0, 1), [Route("a_b^$x$<i>", [0, 1], [0, 1], [1, 0])]
    )
    file = io.BytesIO()
    save_picture(Figure(r"$\frac{1}{0$ x_y < z & [red]", "$", [panel, panel]), ".svg", file)
    ET.fromstring(file.getvalue())
    canvas, _, _ = saved(Figure(r"$\frac{1}{0$ x_y < z", "$", [panel]))
    assert r"$\frac{1}{0$ x_y < z" in texts(canvas)


def test_a_long_title_is_shortened(run: Run, tmp_path: Path) -> None:
    long = " + ".join(f"(x - {i})**2" for i in range(200))
    canvas, _ = canvas_of(Figure(long, "", figure("parabola").panels))
    title = canvas.get_suptitle()
    assert title.endswith("...")
    assert len(title) <= 100


# Animations


def frames_of(path: Path) -> list[np.ndarray]:
    with Image.open(path) as film:
        return [np.asarray(frame.convert("RGB")) / 255 for frame in ImageSequence.Iterator(film)]


@pytest.mark.slow
@pytest.mark.parametrize(("over", "word", "first"), [([], "evaluation", 1), (["--over", "iterations"], "iteration", 0)])
def test_an_animation_of_a_race_counts_what_the_ranking_counts(
    over: list[str], word: str, first: int, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    state = _Film._state
    monkeypatch.setattr(_Film, "_state", lambda film, count: said.append(state(film, count)) or said[-1])
    words = ["compare", "rosenbrock", "--racer", "lbfgs lr=0.5", "--racer", "manual lr=0.001", "--steps", "60"]
    shown = run(*words, "--save", str(tmp_path / "race.gif"), "--seconds", "0.3", "--json", *over).json()
    (best,) = shown["standings"][0]["runs"]
    field = "evaluations" if word == "evaluation" else "steps"
    last = max(each["runs"][0][field] for each in shown["standings"])
    assert f"{word} {last:,}" in said
    assert f"{word} {first}" in said
    assert best["status"] == "reached"


def test_an_animation_shows_each_iteration_as_long_as_it_lasts(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.gif"
    assert run(*TILTED, "--save", str(file), "--fps", "13", "--seconds", "2").code == 0
    with Image.open(file) as film:
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(film)]
        assert film.info["loop"] == 0
    assert len(durations) == 13  # states, each for two of the 26 frames
    assert sum(durations[:-1]) == pytest.approx(12 * 2000 / 13, rel=0.1)
    assert durations[-1] > 1000


def test_the_head_of_the_path_moves_along_the_descent(run: Run, tmp_path: Path) -> None:
    """At every frame the head is where the descent by hand was, in the loss panel and on the contours."""
    file = tmp_path / "a.gif"
    assert run(*TILTED, "--save", str(file), "--fps", "13", "--seconds", "1").code == 0
    import gdcli

    descent = gdcli.minimize("x**2 + 3*y**2 + x*y", x=2, y=-1.5, lr=0.08, steps=12)
    from test_plot import of_descent

    from gdcli.render.picture.animation import _Film

    with mpl.rc_context(RC):
        film = _Film(of_descent(descent, "minimize x**2 + 3*y**2 + x*y"), surface=False)
    axes = [ax for ax in film.canvas.axes if ax.get_title()]
    frames = frames_of(file)
    for i, (x, y) in enumerate(tilted_by_hand()):
        for ax, point in ((axes[0], (i, x**2 + 3 * y**2 + x * y)), (axes[1], (x, y))):
            across, up = ax.transData.transform(point)
            assert is_near(frames[i][round(frames[i].shape[0] - up) - 1, round(across)], RUNS[0], 0.2), i
        if i < 8:  # where the path will be next, it is not yet
            x, y = tilted_by_hand()[i + 4]
            across, up = axes[1].transData.transform((x, y))
            place = round(frames[i].shape[0] - up) - 1, round(across)
            assert math.dist((x, y), tilted_by_hand()[i]) < 0.15 or not is_near(frames[i][place], RUNS[0], 0.2)


def test_a_matrix_moves_with_the_iteration() -> None:
    """W at each iteration of the film is that of a loop by hand, and so are the numbers that are written into it."""
    from gdcli.render.picture.animation import _Film

    with mpl.rc_context(RC):
        film = _Film(figure("layer"), surface=False)
    torch.manual_seed(0)
    w = torch.rand(3, 4, requires_grad=True)
    x, target = torch.arange(4.0), torch.tensor([1, 1.2, 1.4])
    (matrix,) = film._matrices
    for i in range(3):
        film.frame(i)
        assert np.asarray(matrix.image.get_array()) == pytest.approx(w.detach().numpy(force=True), rel=1e-6)
        shown = [text.get_text() for text in matrix.numbers]
        assert shown == [f"{number:.3g}" for number in w.detach().flatten().tolist()]
        torch.sum((torch.relu(w.matmul(x)) - target) ** 2).backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            w.grad = None


@pytest.mark.parametrize("surface", [False, True])
@pytest.mark.parametrize("name", ["parabola", "five", "layer", "race", "diverging"])
def test_every_descent_can_be_animated(name: str, surface: bool) -> None:
    file = io.BytesIO()
    save_animation(figure(name), ".gif", file, Pace(4, 1.0), surface=surface)
    with Image.open(file) as film:
        assert film.size == (1024, 512)
        assert 2 <= film.n_frames <= 4  # type: ignore[attr-defined]


@pytest.mark.process
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not here")
def test_an_mp4_has_its_frames_and_its_length(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    assert run(*TILTED, "--save", str(file), "--fps", "10", "--seconds", "1.5").code == 0
    probe = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(file)]
    (stream,) = json.loads(subprocess.run(probe, capture_output=True, check=True).stdout)["streams"]
    assert (stream["width"], stream["height"], stream["nb_read_frames"]) == (1024, 512, "15")
    assert float(stream["duration"]) == pytest.approx(1.5, abs=0.01)


@pytest.mark.process
def test_what_ffmpeg_says_is_told(monkeypatch: pytest.MonkeyPatch, run: Run, tmp_path: Path) -> None:
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\necho 'Unknown encoder h264' >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    outcome = run("minimize", "--save", str(tmp_path / "a.mp4"), "--quiet")
    assert (outcome.code, outcome.err) == (
        1,
        "error: ffmpeg failed: Unknown encoder h264\nhint: save a .gif instead\n",
    )
    assert not (tmp_path / "a.mp4").exists()
