"""The map and the curve of a sweep as PNG, SVG, PDF and page. Pixels are compared with the table of colours."""

from __future__ import annotations

import base64
import io
import re
import shlex
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from msgspec import UNSET
from msgspec.structs import replace
from test_page import HOSTILE, Parts

from gdcli.contract.figure import MapLine, MapPanel
from gdcli.contract.sweep import SweepResult
from gdcli.render.map_colours import colours_of
from gdcli.render.page.map import MOST_CELLS
from gdcli.render.page.page import MOST_BYTES, page
from gdcli.render.picture.map import drawn_map, layout_of
from gdcli.render.picture.picture import drawn, save_picture
from gdcli.render.picture.style import RC
from tests.browser import Browser
from tests.synthetic_sweep import SCALES, STEPS_TO, a_curve, a_map, a_record, axes_of_map, figure_of

pytestmark = pytest.mark.slow  # matplotlib draws, and a page has megabytes


def expected(panel: MapPanel) -> np.ndarray[Any, Any]:
    """The colours of the cells, the highest row first, white where a cell was not run: (rows, columns, 3)."""
    colours = [colours_of(scale) for scale in panel.scales]
    cells = [
        (255, 255, 255) if group == 255 else colours[group][level]
        for group, level in zip(panel.group, panel.level, strict=True)
    ]
    return np.array(cells, np.uint8).reshape(panel.rows, panel.columns, 3)[::-1]


def saved(panel: Any, ending: str) -> bytes:
    file = io.BytesIO()
    save_picture(figure_of(panel), ending, file)
    return file.getvalue()


# Pictures


@pytest.mark.parametrize(("columns", "rows"), [(512, 512), (37, 200), (700, 650), (1000, 30), (1, 5), (3, 2)])
def test_png_has_every_cell_as_a_block_of_its_own_colour(columns: int, rows: int) -> None:
    panel = a_map(columns, rows)
    pixels = (matplotlib.image.imread(io.BytesIO(saved(panel, ".png"))) * 255).round().astype(np.uint8)[..., :3]
    across, up, dots = layout_of(columns, rows)
    blocks = expected(panel).repeat(up, axis=0).repeat(across, axis=1)
    left = round(1.1 * dots)
    part = pixels[:, left : left + blocks.shape[1]]
    tops = np.flatnonzero((part == blocks[0]).all(axis=(1, 2)))
    assert any(np.array_equal(part[top : top + len(blocks)], blocks) for top in tops)
    assert 800 < pixels.shape[1] < 2600


def test_map_of_many_cells_has_a_pixel_for_each() -> None:
    assert layout_of(4000, 3000)[:2] == (1, 1)


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_same_map_gives_the_same_bytes(ending: str) -> None:
    assert saved(a_map(30, 20), ending) == saved(a_map(30, 20), ending)


def test_svg_has_the_cells_as_an_image_with_a_pixel_for_each() -> None:
    panel = a_map(37, 23)
    images = [base64.b64decode(text) for text in re.findall(rb'base64,([^"]+)"', saved(panel, ".svg"))]
    cells = [matplotlib.image.imread(io.BytesIO(image)) for image in images]
    (found,) = [each for each in cells if each.shape[:2] == (23, 37)]
    colours, alpha = (found[..., :3] * 255).round().astype(np.uint8), found[..., 3]
    wanted = expected(panel)[::-1]  # the transform of the image turns it
    run = np.frombuffer(panel.group, np.uint8).reshape(23, 37) != 255
    assert np.array_equal(alpha == 1, run)
    assert np.array_equal(colours[run], wanted[run])
    assert b"image-rendering:crisp-edges;image-rendering:pixelated" in saved(panel, ".svg")


def test_pdf_has_the_cells_as_an_image() -> None:
    content = saved(a_map(37, 23), ".pdf")
    images = [part for part in content.split(b"endobj") if b"/Subtype /Image" in part]
    assert any(b"/Width 37" in part and b"/Height 23" in part for part in images)


def test_axes_lines_and_legend_of_the_picture() -> None:
    import matplotlib as mpl

    panel = a_map(401, 401, lines=[MapLine("2/L = 0.1", [-2, 2], [0.1, 0.1])])
    with mpl.rc_context(RC):
        canvas, _ = drawn_map(figure_of(panel), panel)
    ax, legend = canvas.axes
    ticks = dict(zip([text.get_text() for text in ax.get_yticklabels()], ax.get_yticks(), strict=True))
    assert ticks["0.1"] == pytest.approx(200.5)
    assert ticks["0.001"] == pytest.approx(0.5)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("x", "lr", "the title")
    assert [list(line.get_ydata()) for line in ax.lines] == [[200.5, 200.5]] * 2
    texts = [text.get_text() for text in legend.texts]
    assert texts[:2] == ["converged, steps 20.0%", "3"]
    for said in ("minimum 1 25.0%", "out of budget 15.0%", "stalled <0.1%", "2/L = 0.1", "not run 14.3%"):
        assert said in texts
    assert "steps, from light to dark: 3, 40, 1.2e3" in texts
    places = {text.get_text(): text.get_position()[0] for text in legend.texts}
    wide = legend.get_xlim()[1]
    assert places["1.2e3"] < 0.05 * wide  # the farthest from the edge
    assert places["40"] == pytest.approx((1 - 128 / 255) * wide / 2, abs=0.01)
    assert places["90"] == pytest.approx(wide / 2, abs=0.05)


def test_curve_of_the_picture_has_its_ranges_and_lines() -> None:
    import matplotlib as mpl

    with mpl.rc_context(RC):
        _, (ax,) = drawn(figure_of(a_curve()))
    (shaded,) = ax.patches
    assert (shaded.get_x(), shaded.get_x() + shaded.get_width()) == pytest.approx((0.2, 0.8))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["runs converge", "2/L = 0.9"]
    for ending in (".png", ".svg", ".pdf"):
        assert len(saved(a_curve(), ending)) > 5_000


# The page


def made(panel: Any, record: SweepResult) -> bytes:
    pytest.importorskip("plotly", reason='needs plotly: pip install "gdcli[html]"')
    return page(figure_of(panel), record, "gdcli sweep")


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))


def test_page_has_the_cells_their_numbers_and_the_command() -> None:
    panel, record = a_map(5, 4), a_record(5, 4)
    data = Parts(made(panel, record).decode()).data
    (plot,) = data["panels"]
    sweep = plot["sweep"]
    assert unpacked(sweep["cells"]) == panel.group + panel.level
    assert record.grid is not UNSET
    numbers = sweep["numbers"]
    assert [numbers["statuses"][k] for k in unpacked(numbers["status"])] == [
        status.replace("_", " ") for status in record.grid.status
    ]
    assert list(np.frombuffer(unpacked(numbers["steps"]), "<i4")) == record.grid.steps
    assert list(np.frombuffer(unpacked(numbers["loss"]), "<f8")) == record.grid.loss
    assert [axis["numbers"] for axis in sweep["axes"]] == [axis.numbers() for axis in record.axes]
    assert sweep["command"] == record.cell_command
    assert data["table"]["columns"][1]["cells"] == [0.7071067690849304, -0.7071067690849304]
    assert "best cell: x = 0.7, lr = 0.25: converged after 3 steps, loss -0.25" in data["facts"]


def test_traces_and_layouts_of_a_sweep_are_what_plotly_knows() -> None:
    from plotly import graph_objects

    line = MapLine("2/L", [-2, 2], [0.1, 0.1])
    for panel, record in ((a_map(5, 4, lines=[line]), a_record()), (a_curve(), curve_record())):
        for plot in Parts(made(panel, record).decode()).data["panels"]:
            graph_objects.Figure(data=plot["traces"], layout=plot["layout"])  # raises for what it does not know


def test_large_map_is_thinned_evenly_and_the_page_says_so() -> None:
    panel, record = a_map(1500, 3), a_record(1500, 3)
    (plot,) = Parts(made(panel, record).decode()).data["panels"]
    sweep = plot["sweep"]
    assert (sweep["columns"], sweep["rows"]) == (MOST_CELLS, 3)
    assert "he page has 1,000 of 1,500 columns and 3 of 3 rows, evenly spaced" in plot["note"]
    numbers = sweep["axes"][0]["numbers"]
    every = record.axes[0].numbers()
    kept = [every.index(number) for number in numbers]
    assert (kept[0], kept[-1]) == (0, 1499)
    assert {after - before for before, after in pairwise(kept)} == {1, 2}
    wanted = bytes(panel.group[j * 1500 + i] for j in range(3) for i in kept)
    assert unpacked(sweep["cells"])[:3000] == wanted


def test_page_of_a_million_random_cells_stays_below_its_limit() -> None:
    import random

    draw = random.Random(0)
    count = 1000 * 1000
    panel = a_map(2, 2, STEPS_TO)
    panel = replace(
        panel, columns=1000, rows=1000, group=bytes(draw.choices(range(3), k=count)), level=draw.randbytes(count)
    )
    record = a_record(1, 1, axes=axes_of_map(1000, 1000), grid=UNSET)
    content = made(panel, record)
    assert len(content) < MOST_BYTES
    (plot,) = Parts(content.decode()).data["panels"]
    assert plot["sweep"]["columns"] <= 1000
    assert ("evenly spaced" in plot["note"]) == (plot["sweep"]["columns"] < 1000)


def curve_record() -> SweepResult:
    record = a_record(100, 1)
    axis = replace(record.axes[1], low=0.01, high=1.0, count=100, log=False)
    return replace(record, axes=[axis], cell_command="gdcli minimize 'x**2' --lr {0}", grid=UNSET)


def test_text_from_outside_adds_no_element_to_the_page_of_a_sweep() -> None:
    scales = [replace(scale, label=HOSTILE) for scale in SCALES]
    plain, record = a_map(5, 4), a_record()
    axis = replace(plain.x, label=HOSTILE)
    hostile = replace(plain, title=HOSTILE, x=axis, scales=scales, lines=[MapLine(HOSTILE, [0, 1], [0.1, 1])])
    settings = replace(record.settings, expression=HOSTILE)
    content = made(hostile, replace(record, settings=settings, message=HOSTILE, cell_command=HOSTILE)).decode()
    assert Parts(content).tags == Parts(made(plain, record).decode()).tags


# In the browser


def opened(browser: Browser, folder: Path, panel: Any, record: SweepResult) -> Browser:
    file = folder / "sweep.html"
    file.write_bytes(made(panel, record))
    browser.open(file)
    browser.wait("performance.getEntriesByName('all').length")
    return browser


def point_at(browser: Browser, x: float, y: float) -> None:
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)


def press(browser: Browser, *places: tuple[float, float]) -> None:
    """Press at the first place, and let go at the last."""
    kinds = ["mousePressed", *["mouseMoved"] * (len(places) - 1), "mouseReleased"]
    for kind, (x, y) in zip(kinds, [*places, places[-1]], strict=True):
        held = int(kind != "mouseReleased")
        browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=held, clickCount=1)


def place_of(browser: Browser, i: float, j: float) -> tuple[float, float]:
    """Where (i, j), in cells, is on the screen."""
    found: list[float] = browser.js(
        "(() => { const plot = document.querySelector('.plot'), { xaxis, yaxis } = plot._fullLayout;"
        " const { left, top } = plot.getBoundingClientRect();"
        f" return [left + xaxis._offset + xaxis.d2p({i}), top + yaxis._offset + yaxis.d2p({j})]; }})()"
    )
    return found[0], found[1]


def quiet(browser: Browser) -> bool:
    """Whether the page told no error and asked for nothing."""
    told = [
        event for event in browser.events if event["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown")
    ]
    urls = [event["params"]["request"]["url"] for event in browser.events if "request" in event.get("params", {})]
    return not told and all(url.startswith(("data:", "file:")) for url in urls)


def test_map_in_the_browser_has_the_colours_the_numbers_and_the_command_of_each_cell(
    browser: Browser, tmp_path: Path
) -> None:
    panel, record = a_map(5, 4, lines=[MapLine("2/L", [-2, 2], [0.1, 0.1])]), a_record()
    opened(browser, tmp_path, panel, record)
    shot = base64.b64decode(browser.call("Page.captureScreenshot")["data"])
    pixels = (matplotlib.image.imread(io.BytesIO(shot)) * 255).round().astype(int)
    wanted = expected(panel)[::-1]
    for i in range(5):
        for j in range(4):
            x, y = place_of(browser, i + 0.3, j + 0.2)
            if y < 900:
                assert list(pixels[round(y), round(x)][:3]) == list(wanted[j, i]), (i, j)
    x, y = place_of(browser, 2.5, 3.2)
    point_at(browser, x, y)
    label = browser.js("(() => { const { hidden, textContent } = document.querySelector('.label');"
                       " return hidden ? null : textContent.split('\\n') })()")  # fmt: skip
    cell, at = 3 * 5 + 2, [axis.number(k) for axis, k in zip(record.axes, (2, 3), strict=True)]
    group = panel.group[cell]
    assert label[:2] == [f"x = {at[0]:g}", "lr = 10"]
    assert label[2] == ("not run" if group == 255 else SCALES[group].label)
    if group != 255:
        assert label[4:] == [f"steps {7 * cell}", f"loss {cell / 8:g}"]
    press(browser, (x, y))
    browser.wait("document.querySelector('.cell pre') !== null")
    command = browser.js("document.querySelector('.cell pre').textContent")
    words = shlex.split(command)
    assert words[:3] == ["gdcli", "minimize", "x**4 - x**2"]
    assert [float(words[4]), float(words[6])] == at
    assert words[-1] == "{}"
    assert quiet(browser)


def test_zoom_chooses_no_cell_and_gives_ticks_to_what_is_seen(browser: Browser, tmp_path: Path) -> None:
    panel, record = a_map(200, 100), a_record(200, 100, grid=UNSET)
    opened(browser, tmp_path, panel, record)
    press(browser, place_of(browser, 50, 80), place_of(browser, 60, 60))
    layout = "document.querySelector('.plot')._fullLayout"
    browser.wait(
        f"{layout}.xaxis.range[0] > 40 && {layout}.xaxis.ticktext.length > 1 && {layout}.xaxis.tickvals[0] > 40"
    )
    low, high = browser.js(f"{layout}.xaxis.range")
    texts, places = browser.js(f"{layout}.xaxis.ticktext"), browser.js(f"{layout}.xaxis.tickvals")
    assert (round(low), round(high)) == (50, 60)
    for text, place in zip(texts, places, strict=True):
        assert float(text) == pytest.approx(record.axes[0].number(int(place)), rel=1e-5)
    assert browser.js("document.querySelector('.cell pre')") is None
    assert quiet(browser)


def test_click_on_the_curve_shows_its_command(browser: Browser, tmp_path: Path) -> None:
    record = curve_record()
    opened(browser, tmp_path, a_curve(), record)
    x, y = place_of(browser, 0.5, 10.0)
    point_at(browser, x, y)
    press(browser, (x, y))
    browser.wait("document.querySelector('.cell pre') !== null")
    command = browser.js("document.querySelector('.cell pre').textContent")
    assert float(shlex.split(command)[-1]) == record.axes[0].number(49)
    assert quiet(browser)


@pytest.mark.parametrize("width", [390, 1280])
def test_page_of_a_map_is_not_wider_than_its_window(width: int, browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, a_map(30, 20), a_record(30, 20))
    browser.resize(width)
    browser.wait("document.documentElement.scrollWidth === document.documentElement.clientWidth")
    assert browser.js("document.querySelectorAll('.scale').length") == len(SCALES)
