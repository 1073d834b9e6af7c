"""The report in a real browser: opens without a sound, fits a phone, prints on A4."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim import api
from tests.report_folders import HOSTILE, comparison

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.extra,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield found
        found.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    titles = {"base": "Baseline", "hostile": HOSTILE, "long": "word" * 30}
    return api.report(comparison(tmp_path_factory.mktemp("report"), titles, 3))


@pytest.fixture
def opened(chromium, report, request) -> Iterator[Any]:
    """Open the report in the size and scheme asked for; every message and request is kept."""
    width, scheme = request.param
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.heard = []
    page.on("console", lambda message: page.heard.append(message.text))
    page.on("dialog", lambda dialog: page.heard.append(dialog.message))
    page.on("request", lambda asked: page.heard.append(asked.url[:60]) if not asked.url.startswith("data:") else None)
    page.goto(report.as_uri())
    yield page
    page.close()


WIDE, DARK, PHONE = (1200, "light"), (1200, "dark"), (390, "light")


@pytest.mark.parametrize("opened", [WIDE, DARK, PHONE], indirect=True, ids=["wide", "dark", "phone"])
def test_it_opens_alone_and_fits(opened, report):
    assert opened.heard == [report.as_uri()[:60]], "one request, no message, no dialog"
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert opened.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 300)")
    assert opened.evaluate("document.scripts.length") == 0
    assert "alert('x')" in opened.evaluate("document.querySelector('h1').textContent")


@pytest.mark.parametrize("opened", [PHONE], indirect=True)
def test_wide_tables_scroll_inside_the_page(opened):
    over = "[...document.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth + 1).length"
    assert opened.evaluate(over) > 0
    assert opened.evaluate("[...document.querySelectorAll('.scroll')].every(box => box.clientWidth <= 390)")


@pytest.mark.parametrize("opened", [WIDE, DARK], indirect=True, ids=["light", "dark"])
def test_text_stands_out_from_the_paper(opened):
    """Contrast of at least 4.5 to 1 (WCAG AA) for body text, soft text, links and verdicts."""
    colours = opened.evaluate(
        """() => ['body', 'figcaption', 'nav a', '.unclear', '.better', 'dt'].map(name => {
            const found = document.querySelector(name);
            return found ? getComputedStyle(found).color : getComputedStyle(document.body).color })"""
    )
    paper = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert all(contrast(colour, paper) >= 4.5 for colour in colours), colours


@pytest.mark.parametrize("opened", [WIDE], indirect=True)
def test_it_prints_on_a4_with_nothing_cut_off(opened, tmp_path):
    target = tmp_path / "report.pdf"
    opened.pdf(path=str(target), prefer_css_page_size=True)
    content = target.read_bytes()
    boxes = {tuple(round(float(n)) for n in box.split()) for box in re.findall(rb"/MediaBox\s*\[([^\]]+)\]", content)}
    assert boxes == {(0, 0, 595, 842)}
    opened.emulate_media(media="print")
    opened.set_viewport_size({"width": 680, "height": 960})  # 180 mm between the margins
    assert opened.evaluate("document.documentElement.scrollWidth") <= 680
    assert opened.evaluate("[...document.images].every(i => i.getBoundingClientRect().right <= 681)")


def contrast(one: str, other: str) -> float:
    lights = sorted((luminance(one), luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: str) -> float:
    parts = [int(n) / 255 for n in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (n / 12.92 if n <= 0.04045 else ((n + 0.055) / 1.055) ** 2.4 for n in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
