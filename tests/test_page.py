"""``--save run.html``: one page that needs nothing else. A headless browser plays it, offline, and reads it back."""

from __future__ import annotations

import base64
import json
import math
import re
import shlex
import zlib
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import conftest
import msgspec
import pytest
import torch
from conftest import Run
from msgspec.structs import replace

import gdcli
from gdcli.contract.descent import Step
from gdcli.contract.figure import Axis, CurvesPanel, Figure
from gdcli.contract.figure import Path as Route
from gdcli.contract.scale import scale_of_heights, scales_to_choose
from gdcli.landscape.descent import figure_of
from gdcli.landscape.trail import Trail
from gdcli.memory import Thinned, capacity, evenly
from gdcli.render.page.page import MOST_BYTES, page
from gdcli.render.page.plane import band
from gdcli.render.page.thin import with_fewer_states
from tests.browser import Browser

pytest.importorskip("plotly", reason='needs plotly: pip install "gdcli[html]"')

pytestmark = pytest.mark.slow  # pages of megabytes

PAGES = {
    "line": ["minimize", "--steps", "30"],
    "five": ["minimize", "rosenbrock", "--dim", "5", "--lr", "1e-4", "--steps", "50"],
    "layer": ["fit-linear"],
    "race": ["compare", "himmelblau", "--optimizer", "manual,sgd,adam", "--lr", "0.01", "--steps", "40"],
    "function": ["plot", "x**2 - y**2", "--x", "-2:2", "--y", "-1:3", "--field"],
    "plane": ["minimize", "rosenbrock", "--lr", "1e-3", "--steps", "140", "--no-diagnose"],
}
HOSTILE = (
    "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'><b>bold</b> %{x} &lt; \u2028"
)


class Parts(HTMLParser):
    """The tags of a page, and the text in its elements with an id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str | None] = []
        self.policy = ""
        self.texts: dict[str, str] = {}
        self._id: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self._id = given.get("id")
        self.addresses += [given[name] for name in ("src", "href", "action") if name in given]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""

    def handle_endtag(self, _tag: str) -> None:
        self._id = None

    def handle_data(self, data: str) -> None:
        if self._id is not None:
            self.texts[self._id] = self.texts.get(self._id, "") + data

    @property
    def data(self) -> Any:
        return json.loads(self.texts["data"])

    @property
    def document(self) -> bytes:
        return zlib.decompress(base64.b64decode(self.texts["document"]))


def drawn(descent: Any) -> tuple[Figure, Any]:
    """The figure of a descent with the norm of its gradient, and its record, as a page needs them."""
    trail = Trail("run")
    kept: Thinned[Step] | None = None
    for state in descent.states():
        trail.add(state)
        kept = kept or Thinned(capacity(2 * state.size, most=20_000, least=4, elements=500_000))
        if descent.is_iteration(state):
            kept.add(state.iteration, state.step())
    return figure_of(descent, "title", trail, gradient_norm=True), descent.record(kept.things if kept else [])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The page of a command, made once: ``saved("plane")``."""
    folder = tmp_path_factory.mktemp("pages")

    def path(name: str) -> Path:
        file: Path = folder / f"{name}.html"
        if not file.exists():
            outcome = conftest.in_process(*PAGES[name], "--quiet", "--save", str(file))
            assert outcome.code == 0, outcome.err
        return file

    return path


# The file


@pytest.mark.parametrize("name", PAGES)
def test_page_is_one_file_below_its_limit_that_names_no_address(name: str, saved: Callable[[str], Path]) -> None:
    content = saved(name).read_bytes()
    parts = Parts(content.decode())
    assert len(content) < 6_000_000
    assert parts.addresses == ["data:,", "#controls"]
    assert parts.policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in parts.policy
    assert parts.policy.count("unsafe-inline") == 1  # styles
    assert parts.tags.count("script") == 4


@pytest.mark.parametrize("name", PAGES)
def test_document_in_the_page_is_the_one_of_json(name: str, saved: Callable[[str], Path], run: Run) -> None:
    parts = Parts(saved(name).read_text())
    assert parts.document.decode() == run(*PAGES[name], "--json").out


def test_walk_is_in_the_document_too(run: Run, tmp_path: Path) -> None:
    words = ["minimize", "--steps", "3", "--walk"]
    printed = run(*words, "--json", "--save", str(tmp_path / "run.html")).out
    assert Parts((tmp_path / "run.html").read_text()).document.decode() == printed
    assert '"walk":[{' in printed


def test_same_run_gives_the_same_bytes() -> None:
    pages = [page(*drawn(gdcli.minimize("himmelblau", lr=0.01, steps=20)), "gdcli") for _ in range(2)]
    assert pages[0] == pages[1]
    assert pages[0] != page(*drawn(gdcli.minimize("himmelblau", lr=0.01, steps=21)), "gdcli")


@pytest.mark.parametrize("name", PAGES)
def test_traces_and_layouts_are_what_plotly_knows(name: str, saved: Callable[[str], Path]) -> None:
    from plotly import graph_objects

    for panel in Parts(saved(name).read_text()).data["panels"]:
        graph_objects.Figure(data=panel["traces"], layout=panel["layout"])  # raises for what it does not know


def test_numbers_of_the_page_are_those_of_the_run(saved: Callable[[str], Path]) -> None:
    parts = Parts(saved("plane").read_text())
    document = json.loads(parts.document)
    states = [*document["iterations"], document["result"]]
    columns = {column["label"]: column["cells"] for column in parts.data["table"]["columns"]}
    assert columns["loss"] == [state["loss"] for state in states]
    assert columns["y"] == [state["values"]["y"] for state in states]
    assert columns["grad x"] == [state["grads"]["x"] for state in states]
    norms = [math.hypot(state["grads"]["x"], state["grads"]["y"]) for state in states]
    assert columns["gradient norm"] == pytest.approx(norms, rel=1e-15)
    assert parts.data["frames"] == list(range(141))


def test_gradient_norm_is_that_of_the_gradient_by_torch() -> None:
    figure, record = drawn(gdcli.fit_linear(steps=3))
    (panel,) = [panel for panel in figure.panels if isinstance(panel, CurvesPanel) and panel.title == "gradient norm"]
    norms = [torch.tensor(step.grads["W"], dtype=torch.float64).norm().item() for step in record.iterations]
    assert panel.curves[0].y[:3] == pytest.approx(norms, rel=1e-12)


def test_heat_maps_have_a_frame_for_every_state(saved: Callable[[str], Path]) -> None:
    parts = Parts(saved("layer").read_text())
    document = json.loads(parts.document)
    weights, gradient = (panel for panel in parts.data["panels"] if panel["kind"] == "heat")
    states = [*document["iterations"], document["result"]]
    assert weights["frames"] == [list(chain(*state["values"]["W"])) for state in states]
    assert gradient["frames"] == [list(chain(*state["grads"]["W"])) for state in states]
    largest = max(abs(number) for frame in weights["frames"] for number in frame)
    assert weights["traces"][0]["zmax"] == -weights["traces"][0]["zmin"] == largest


# Long runs and large ones


def test_ten_thousand_iterations_stay_below_the_limit_and_are_all_in_the_document(run: Run, tmp_path: Path) -> None:
    words = ["minimize", "rosenbrock", "--lr", "1e-3", "--steps", "10000", "--no-diagnose"]
    printed = run(*words, "--json", "--save", str(tmp_path / "run.html")).out
    content = (tmp_path / "run.html").read_bytes()
    parts = Parts(content.decode())
    assert len(content) < MOST_BYTES
    assert parts.document.decode() == printed
    shown = len(parts.data["frames"])
    assert 1_500 < shown <= 2_001
    assert (
        f"the slider and the table show {shown:,} of 10,001 states: the first ones, then evenly spaced ones"
        in (parts.data["notes"])
    )


def test_what_is_too_large_for_the_page_is_thinned_out_and_said() -> None:
    descent = gdcli.fit_linear(W="rand(100, 100)*0.01", x="rand(100)", target="rand(100)", lr=1e-3, steps=40)
    figure, record = drawn(descent)
    content = page(figure, record, "gdcli")
    parts = Parts(content.decode())
    assert len(content) <= MOST_BYTES
    kept = len(json.loads(parts.document)["iterations"])
    assert 2 <= kept < 40
    notes = parts.data["notes"]
    assert f"the JSON has {kept} of 40 iterations: the first ones, then evenly spaced ones" in notes
    assert "the table has columns for the first 12 of 10,000 unknowns" in notes
    (heat, _) = (panel for panel in parts.data["panels"] if panel["kind"] == "heat")
    assert "The map shows 64 of 100 rows and 64 of 100 columns" in heat["note"]
    row, column = int(heat["traces"][0]["y"][-1]), int(heat["traces"][0]["x"][40])
    last = record.result.values["W"]
    assert (row, column) == (99, evenly(100, 64)[40])
    assert heat["frames"][-1][63 * 64 + 40] == last[row][column]


def test_steps_of_a_long_run_are_kept_in_bounded_memory_with_both_ends_of_it() -> None:
    steps = Thinned[int](20_000)
    for i in range(100_000):
        steps.add(i, i)
    kept = steps.things
    assert len(kept) <= 20_000
    assert kept[:10_000] == list(range(10_000))
    gaps = {after - before for before, after in pairwise(kept[10_000:])}
    assert len(gaps) == 1
    assert 100_000 - kept[-1] <= gaps.pop()


def test_what_few_keep_more_keep_too() -> None:
    few, more = Thinned[int](40), Thinned[int](100)
    for i in range(5_000):
        for each in (few, more):
            each.add(i, i)
    assert set(few.things) <= set(more.things)
    assert len(few.things) <= 40
    assert len(more.things) <= 100


@pytest.mark.parametrize(("count", "most"), [(5, 10), (10, 10), (11, 10), (1000, 10), (1000, 999), (3, 2)])
def test_evenly_has_both_ends_and_no_place_twice(count: int, most: int) -> None:
    places = evenly(count, most)
    assert places == sorted(set(places))
    assert len(places) == min(count, most)
    assert (places[0], places[-1]) == (0, count - 1)


def test_many_runs_have_fewer_states_each_at_the_same_places_in_every_panel() -> None:
    routes = [Route(f"run {k}", list(range(2_000)), list(map(float, range(2_000))), [1.0] * 2_000) for k in range(20)]
    axis = Axis("iteration", 0.0, 1.0)
    figure = with_fewer_states(Figure("", "", [CurvesPanel(name, axis, axis, routes) for name in ("loss", "norm")]))
    paths = [curve for panel in figure.panels if isinstance(panel, CurvesPanel) for curve in panel.curves]
    assert {tuple(path.counts) for path in paths} == {tuple(evenly(2_000, 400))}
    assert all(path.x == path.counts for path in paths)


# Heights and bands


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, 0.0), (5.0, 0.5), (10.0, 1.0), (55.0, 1.5), (100.0, 2.0), (-1.0, 0.0), (101.0, 2.0)]
)
def test_band_is_the_place_between_levels(value: float, expected: float) -> None:
    assert band(value, [0.0, 10.0, 100.0]) == expected


def test_no_number_is_in_no_band() -> None:
    assert band(math.nan, [0.0, 1.0]) is None
    assert band(None, [0.0, 1.0]) is None


def test_height_is_linear_unless_all_would_be_at_the_bottom() -> None:
    assert scale_of_heights([float(i * i) for i in range(100)]) == "linear"
    assert scale_of_heights([math.exp(i / 2) for i in range(100)]) == "bands"
    assert scales_to_choose([0.0, 3.0]) == ["linear", "log", "bands"]
    assert scales_to_choose([-1.0, 3.0]) == ["linear", "bands"]


# Text from outside


def hostile_page(folder: Path) -> Path:
    """A page in which every text that can come from outside tries to be more than text."""
    figure, record = drawn(gdcli.minimize("x**2 + (y < 2)*y**2", x=3, y=1, lr=0.1, steps=10))
    texts = msgspec.to_builtins(figure)
    for panel in texts["panels"]:
        panel["title"] = HOSTILE
        for axis in ("x", "y"):
            panel[axis]["label"] = HOSTILE
        for path in panel.get("paths", []) + panel.get("curves", []):
            path["label"] = HOSTILE
    figure = replace(msgspec.convert(texts, Figure), title=HOSTILE, subtitle=HOSTILE)
    settings = replace(record.settings, expression=HOSTILE, values={HOSTILE: HOSTILE})
    record = replace(record, message=HOSTILE, settings=settings)
    file = folder / "hostile.html"
    file.write_bytes(page(figure, record, HOSTILE))
    return file


def test_text_from_outside_adds_no_element(tmp_path: Path, saved: Callable[[str], Path]) -> None:
    tags = Parts(hostile_page(tmp_path).read_text()).tags
    assert tags == Parts(saved("plane").read_text()).tags


def test_expression_with_signs_of_html_is_escaped_everywhere(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "run.html"
    words = ["minimize", "x*(x<script) + 0*(x>2)", "--x", "3", "--script", "5", "--wrt", "x", "--save", str(file)]
    assert run(*words).code == 0
    text = file.read_text()
    assert "x<script" not in text
    assert Parts(text).data["title"] == "minimize x*(x<script) + 0*(x>2)"
    assert shlex.split(Parts(text).data["command"]) == ["gdcli", *words]


def test_config_that_is_no_expression_makes_no_page(run: Run, tmp_path: Path) -> None:
    config, file = tmp_path / "run.json", tmp_path / "run.html"
    config.write_text(json.dumps({"expression": HOSTILE, "values": {"x": HOSTILE}}))
    assert run("minimize", "--config", str(config), "--save", str(file)).code == 2
    assert not file.exists()


# In the browser


@pytest.fixture(scope="module")
def opened(browser: Browser, saved: Callable[[str], Path]) -> Callable[..., Browser]:
    """Show a page at its first state, with controls that work: ``opened("plane", width=390)``.

    A page takes seconds to draw its surface: each has a tab, in which it stays open, unless it is to be ``fresh``.
    """
    there: set[str] = set()

    def open_page(name: str, *, ready: str = "flat", width: int = 1280, fresh: bool = False, **media: str) -> Browser:
        browser.show(name)
        if fresh or name not in there:
            browser.open(saved(name), width, **media)
            there.add(name)
        browser.prefer(**media)
        browser.resize(width)
        browser.wait(f"performance.getEntriesByName('{ready}').length")
        slide(browser, 0)
        return browser

    return open_page


def position(browser: Browser) -> int:
    return int(browser.js("document.getElementById('slider').value"))


def slide(browser: Browser, place: int) -> None:
    slider = "document.getElementById('slider')"
    browser.js(f"({slider}.value = {place}, {slider}.dispatchEvent(new Event('input')), 0)")


def click(browser: Browser, selector: str) -> None:
    browser.js(f"(document.querySelector({json.dumps(selector)}).click(), 0)")


def exact_state(browser: Browser) -> dict[str, float]:
    """The numbers of the present state, as they stand on the page."""
    names = browser.js("[...document.querySelectorAll('#state dt')].map(each => each.textContent)")
    numbers = browser.js("[...document.querySelectorAll('#state dd')].map(each => each.textContent)")
    return dict(zip(names, map(float, numbers), strict=True))


def points(browser: Browser) -> list[list[list[float]]]:
    """Where the present points are: of each flat panel, of each run, (x, y)."""
    found = browser.js(
        "[...document.querySelectorAll('.overlay')].map(each => [...each.querySelectorAll('.point')].toReversed()"
        ".map(point => [point.dataset.x, point.dataset.y]))"
    )
    return [[[float(number) if number != "null" else math.nan for number in run] for run in panel] for panel in found]


def states_of(file: Path) -> list[Any]:
    document = json.loads(Parts(file.read_text()).document)
    return [*document["iterations"], document["result"]]


PHONE = 390  # pixels
FIRST_ON_A_PHONE = ("line", "layer")  # the other pages are wide at first and become narrow


@pytest.mark.parametrize("name", PAGES)
def test_page_draws_everything_without_an_error_and_without_a_request(
    name: str, opened: Callable[..., Browser], saved: Callable[[str], Path]
) -> None:
    browser = opened(name, ready="all", width=PHONE if name in FIRST_ON_A_PHONE else 1280, fresh=True)
    data = Parts(saved(name).read_text()).data
    assert browser.js("document.querySelectorAll('.panel .main-svg').length") >= len(data["panels"])
    alts = browser.js("[...document.querySelectorAll('[role=img]')].map(each => each.ariaLabel)")
    assert alts == [panel["alt"] for panel in data["panels"]]
    assert all(re.search(r"\d", alt) for alt in alts)
    told = [
        event for event in browser.events if event["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown")
    ]
    logged = [event["params"]["entry"] for event in browser.events if event["method"] == "Log.entryAdded"]
    assert not told
    assert not [entry for entry in logged if entry["level"] == "error"]
    requests = [event["params"]["request"]["url"] for event in browser.events if "request" in event.get("params", {})]
    assert [url for url in requests if not url.startswith("data:")] == [saved(name).as_uri()]


@pytest.mark.parametrize("name", PAGES)
def test_phone_needs_no_scrolling_to_the_side(name: str, opened: Callable[..., Browser]) -> None:
    browser = opened(name, width=PHONE)
    browser.wait("document.documentElement.scrollWidth === document.documentElement.clientWidth")
    assert browser.js("[innerWidth, document.documentElement.scrollWidth - document.documentElement.clientWidth]") == [
        390,
        0,
    ]
    assert browser.js("Math.max(...[...document.querySelectorAll('.panel')].map(each => each.offsetWidth))") <= 390
    lefts = browser.js("[...new Set([...document.querySelectorAll('.panel')].map(each => each.offsetLeft))]")
    assert len(lefts) == 1  # one column


def test_slider_moves_the_point_in_all_panels_together(
    opened: Callable[..., Browser], saved: Callable[[str], Path]
) -> None:
    browser = opened("plane", ready="all")
    slide(browser, 123)
    state = states_of(saved("plane"))[123]
    values, grads = state["values"], state["grads"]
    norm = math.hypot(grads["x"], grads["y"])
    assert exact_state(browser) == {
        "iteration": 123, "loss": state["loss"], "x": values["x"], "y": values["y"], "grad x": grads["x"],
        "grad y": grads["y"], "gradient norm": pytest.approx(norm, rel=1e-15),
    }  # fmt: skip
    (plane,), (loss,), (gradient,) = points(browser)
    assert plane == [values["x"], values["y"]]
    assert loss == [123, state["loss"]]
    assert gradient == [123, pytest.approx(norm, rel=1e-15)]
    last = "document.querySelector('.surface .plot').data.at(-1)"
    browser.wait(f"{last}.x[0] === {values['x']}")
    assert browser.js(f"[{last}.y[0], {last}.z[0]]") == [values["y"], state["loss"]]


def test_download_is_the_document_of_json(
    opened: Callable[..., Browser], saved: Callable[[str], Path], tmp_path: Path, run: Run
) -> None:
    browser = opened("plane")
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path), eventsEnabled=True)
    click(browser, "#download")
    file = tmp_path / "gdcli-minimize.json"
    for _ in range(200):
        browser.js("new Promise(done => setTimeout(done, 25))")
        if file.exists() and file.stat().st_size:
            break
    assert file.read_text() == run(*PAGES["plane"], "--json").out


def test_surface_has_the_height_that_is_chosen(opened: Callable[..., Browser]) -> None:
    browser = opened("plane", ready="all")
    corner = "document.querySelector('.surface .plot').data[0].z[3][5]"
    value = browser.js(corner)
    choose = (
        "(s => { s.value = 'log'; s.dispatchEvent(new Event('change')); return 0; })(document.querySelector('select'))"
    )
    browser.js(choose)
    assert browser.js(corner) == pytest.approx(math.log10(value), rel=1e-12)
    title = "document.querySelector('.surface .plot').layout.scene.zaxis.title.text"
    assert browser.js(title) == "value, logarithmic"


def test_surface_can_be_turned_without_a_mouse(opened: Callable[..., Browser]) -> None:
    browser = opened("plane", ready="all")
    eye = "document.querySelector('.surface .plot').layout.scene.camera.eye"
    x, y, z = (browser.js(f"{eye}.{axis}") for axis in "xyz")
    click(browser, "button[aria-label='Rotate the surface right']")
    browser.wait(f"{eye}.x !== {x}")
    angle = math.pi / 12
    turned = [x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle), z]
    assert [browser.js(f"{eye}.{axis}") for axis in "xyz"] == pytest.approx(turned)


def test_click_on_a_row_goes_to_its_state(opened: Callable[..., Browser], saved: Callable[[str], Path]) -> None:
    browser = opened("line")
    click(browser, "tbody tr:nth-child(8)")
    assert position(browser) == 7
    row = browser.js("[...document.querySelector('tr[aria-current]').cells].map(cell => Number(cell.textContent))")
    state = states_of(saved("line"))[7]
    numbers = [7, state["loss"], state["values"]["x"], state["grads"]["x"], abs(state["grads"]["x"])]
    assert row == pytest.approx(numbers, rel=1e-5)
    assert points(browser)[0] == [[state["values"]["x"], state["loss"]]]
    assert float(browser.js("document.querySelector('.tangent').dataset.slope")) == state["grads"]["x"]


def test_player_plays_to_the_end_and_can_be_paused(opened: Callable[..., Browser]) -> None:
    browser = opened("line")
    browser.js("(window.looks = 0, performance.now = () => 20 * looks++, 0)")  # a busy machine skips no state
    click(browser, "#play")
    browser.js("""new Promise(done => {
        const [slider, play] = ["slider", "play"].map(id => document.getElementById(id));
        (function look() { slider.value > 1 ? done(play.click()) : setTimeout(look, 5); })();
    })""")
    stopped = position(browser)
    assert 1 < stopped < 30
    assert browser.js("document.getElementById('play').ariaLabel") == "Play"
    assert points(browser)[1][0][0] == exact_state(browser)["iteration"] == stopped
    click(browser, "#play")
    browser.wait("document.getElementById('slider').value == 30")
    browser.wait("document.getElementById('play').ariaLabel === 'Play'")
    browser.js("delete performance.now")
    assert points(browser)[1][0][0] == 30


def test_keys_do_what_the_buttons_do(opened: Callable[..., Browser]) -> None:
    browser = opened("line")
    for key, expected in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 30), ("Home", 0)]:
        browser.press(key)
        assert position(browser) == expected
    browser.press(" ")
    browser.wait("document.getElementById('slider').value > 0")
    browser.press(" ")
    assert browser.js("document.getElementById('play').ariaLabel") == "Play"
    browser.js("(document.querySelector('tr[aria-current]').focus(), 0)")
    before = position(browser)
    browser.press("ArrowDown")
    browser.press("ArrowDown")
    assert position(browser) == before
    browser.press("Enter")
    assert position(browser) == before + 2
    assert browser.js("document.activeElement.getAttribute('aria-current')") == "true"


def test_little_motion_is_wanted_and_the_player_jumps(opened: Callable[..., Browser]) -> None:
    browser = opened("line", prefers_reduced_motion="reduce")
    noted = "(window.asked = [], window.usual = setTimeout, setTimeout = (f, ms) => (asked.push(ms), usual(f, ms)), 0)"
    browser.js(noted)
    click(browser, "#play")
    browser.wait("document.getElementById('slider').value > 0")
    click(browser, "#play")
    asked_for = browser.js("(setTimeout = usual, asked)")
    assert 1000 in asked_for  # a second between two states
    assert 30 not in asked_for


def test_matrices_change_with_the_slider(opened: Callable[..., Browser], saved: Callable[[str], Path]) -> None:
    browser = opened("layer")
    state = states_of(saved("layer"))[2]
    slide(browser, 2)
    plots = "[...document.querySelectorAll('.heat .plot')].map(plot => plot.data[0].z)"
    browser.wait(f"JSON.stringify({plots}[0][0]) === '{json.dumps(state['values']['W'][0], separators=(',', ':'))}'")
    assert browser.js(plots) == [state["values"]["W"], state["grads"]["W"]]


def test_run_of_a_race_is_switched_off_in_all_panels(opened: Callable[..., Browser]) -> None:
    browser = opened("race", ready="all")
    slide(browser, 5)
    everything = points(browser)
    assert len(everything) == 3
    assert all(len(panel) == 3 and not math.isnan(panel[1][0]) for panel in everything)
    click(browser, "#runs label:nth-of-type(2) input")
    assert all(math.isnan(panel[1][0]) and not math.isnan(panel[0][0]) for panel in points(browser))
    visible = (
        "[...document.querySelectorAll('.plot')].map(plot => plot.data.filter(t => t.meta.role === 'path')[1].visible)"
    )
    assert browser.js(visible) == [False] * 4
    click(browser, "#runs label:nth-of-type(2) input")
    assert points(browser) == everything
    assert browser.js(visible) == [True] * 4


def test_points_of_a_race_are_the_states_of_each_run_at_the_iteration(opened: Callable[..., Browser]) -> None:
    browser = opened("race")
    slide(browser, 5)
    labels = browser.js("[...document.querySelectorAll('#runs label')].map(each => each.children[2].textContent)")
    for label, plane in zip(labels, points(browser)[0], strict=True):
        race = gdcli.minimize("himmelblau", optimizer=label, lr=0.01, steps=5, diagnose=False).result()
        assert plane == [race.result.values["x"], race.result.values["y"]]


def test_page_is_light_or_dark_as_the_reader_prefers_or_switches(opened: Callable[..., Browser]) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    ink = "document.querySelector('.function .plot').layout.font.color"
    colours = f"[{ground}, {ink}]"
    light_colours = opened("line", prefers_color_scheme="light").js(colours)
    page = opened("line", fresh=True, prefers_color_scheme="dark")
    dark_colours = page.js(colours)
    assert light_colours == ["rgb(246, 247, 249)", "#1c2330"]
    assert dark_colours == ["rgb(18, 21, 27)", "#e6eaf1"]
    page.prefer(prefers_color_scheme="light")
    page.wait(f"JSON.stringify({colours}) === '{json.dumps(light_colours, separators=(',', ':'))}'")
    click(page, "#theme")
    assert page.js(colours) == dark_colours


def test_hostile_text_runs_nothing_and_is_shown_as_it_is(browser: Browser, tmp_path: Path) -> None:
    browser.show("hostile")
    browser.open(hostile_page(tmp_path))
    browser.wait("performance.getEntriesByName('all').length")
    slide(browser, 3)
    assert browser.js("window.hacked === undefined")
    assert browser.js("document.querySelectorAll('img, b').length") == 0
    shown = [
        "document.title",
        *(f"document.getElementById('{name}').textContent" for name in ("title", "subtitle", "command")),
    ]
    for text in shown:
        assert browser.js(text).strip() == HOSTILE.strip("\u2028 ") or browser.js(text) == HOSTILE
    title = browser.js("document.querySelector('.curves .xtitle').textContent")
    assert "<b>bold</b> %{x} &lt;" in title
