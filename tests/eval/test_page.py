"""The report in a real browser: it opens from disk, filters, sorts, searches, pages, prints, and is accessible."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from classifier.cli import main

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium, as Debian's package chromium gives"),
]
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="module")
def report(model_directory: Path, seed_rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on rows with a column to slice by; many rows were trained on, which it says."""
    place = tmp_path_factory.mktemp("page")
    data = place / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in seed_rows), encoding="utf-8")
    line = ["eval", str(model_directory), str(data), "-o", str(place / "report"), "--slice", "register", "--quiet"]
    assert main([*line, "--allow-overlap", "--threshold", "cynicism=0.05"]) == 0
    return place / "report" / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield running
        running.close()


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    """The page, with every message of the console and every request kept."""
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    opened.messages, opened.requests = [], []
    opened.on("console", lambda message: opened.messages.append(message.text))
    opened.on("pageerror", lambda error: opened.messages.append(str(error)))
    opened.on("request", lambda request: opened.requests.append(request.url))
    opened.goto(report.as_uri())
    yield opened
    opened.close()


def visible(page: Any) -> list[Any]:
    return [item for item in page.query_selector_all("#mistakes article") if item.is_visible()]


def test_it_opens_from_disk_without_a_request_or_a_complaint(page: Any, report: Path) -> None:
    assert page.requests == [report.as_uri()]
    assert page.messages == []
    assert "Macro-F1" in page.inner_text("main")
    assert "trained on" in page.inner_text(".note")


def test_mistakes_come_fifty_at_a_time(page: Any) -> None:
    total = len(page.query_selector_all("#mistakes article"))
    assert total > 100
    assert len(visible(page)) == 50
    page.click("#more")
    assert len(visible(page)) == 100
    assert page.inner_text("#count") == f"100 of {total} shown"


def test_mistakes_are_filtered_by_label_and_kind(page: Any) -> None:
    page.select_option("#filter-label", "cynicism")
    page.select_option("#filter-kind", "false positive")
    shown = visible(page)
    assert shown
    assert {(item.get_attribute("data-label"), item.get_attribute("data-kind")) for item in shown} == {
        ("cynicism", "false positive")
    }


def test_mistakes_are_filtered_by_slice(page: Any) -> None:
    page.select_option("#filter-slice", "register: comment")
    assert all("register: comment" in (item.get_attribute("data-slices") or "") for item in visible(page))
    assert visible(page)


def test_mistakes_are_searched_in_their_text(page: Any) -> None:
    word = visible(page)[3].query_selector("p").inner_text().split()[2]
    page.fill("#filter-search", word.upper())
    assert visible(page)
    assert all(word.lower() in item.inner_text().lower() for item in visible(page))
    page.fill("#filter-search", "no paragraph says this")
    assert visible(page) == []


def test_mistakes_are_sorted_from_the_least_sure(page: Any) -> None:
    before = [item.text_content() for item in page.query_selector_all("#mistakes article")]
    page.select_option("#filter-order", "unsure")
    assert [item.text_content() for item in visible(page)] == before[::-1][:50]


def test_without_scripts_every_mistake_stands_there(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("#mistakes article").count() > 100
    assert page.locator("#mistakes article").last.is_visible()
    assert not page.locator(".tools").is_visible()
    context.close()


def test_it_prints_whole(browser: Any, report: Path, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    page.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert page.evaluate("Array.from(document.querySelectorAll('#mistakes article')).every((item) => !item.hidden)")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser: Any, report: Path, scheme: str, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = browser.new_page(color_scheme=scheme, bypass_csp=True)  # axe is a script of its own
    page.goto(report.as_uri())
    found = axe.Axe().run(page).response["violations"]
    serious = {fault["id"]: fault["nodes"][0]["html"] for fault in found if fault["impact"] in ("serious", "critical")}
    assert serious == {}
    page.screenshot(path=tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000
    page.close()


def test_the_keyboard_reaches_the_filters(page: Any) -> None:
    page.focus("#filter-label")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "filter-kind"
