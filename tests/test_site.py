"""The documentation as a site (docs/mkdocs.yml): it is built without a warning, and works without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser

pytest.importorskip("material", reason="mkdocs-material is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.process]

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    words = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--quiet",
        "-f",
        str(ROOT / "docs" / "mkdocs.yml"),
        "-d",
        str(folder),
    ]
    built = subprocess.run(
        words, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.glob("**/*.html"))
    assert len(pages) > 20
    for page in pages:
        tags = re.findall(r"<(?:link|script|img|iframe|source)\b[^>]*>", page.read_text(encoding="utf-8"))
        targets = re.findall(r'(?:href|src)="([^"]*)"', " ".join(tags))
        elsewhere = [target for target in targets if re.match(r"(?:[a-z]+:)?//", target)]
        missing = [target for target in targets if page.name != "404.html" and not (page.parent / target).exists()]
        assert not elsewhere, page
        assert not missing, page
    styles = "".join(path.read_text(encoding="utf-8") for path in site.glob("assets/**/*.css"))
    assert not re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", styles)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_search_works_in_a_page_that_is_opened_from_a_file(site: Path) -> None:
    with Browser() as browser:
        browser.open(site / "docs" / "watch.html", width=390)
        assert browser.js("document.documentElement.scrollWidth") <= 390
        browser.js("document.querySelector('#__search').click()")
        browser.js("document.querySelector('.md-search__input').focus()")
        browser.js(
            "(() => { const box = document.querySelector('.md-search__input'); box.value = 'zero-grad-forgotten';"
            " box.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true})); })()"
        )
        browser.wait("document.querySelectorAll('.md-search-result__item').length > 0")
        found = browser.js("[...document.querySelectorAll('.md-search-result__item a')].map(link => link.href).join()")
        assert "docs/watch.html" in found
        fetched = [
            event["params"]["request"]["url"]
            for event in browser.events
            if event["method"] == "Network.requestWillBeSent"
        ]
        assert fetched
        assert not [url for url in fetched if not url.startswith(("file:", "data:"))]
