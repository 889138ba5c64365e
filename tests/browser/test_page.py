"""The page in a real browser, opened from disk: it asks for nothing, says nothing on the console,
and never scrolls sideways."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from ecoaudit.reporters import REPORTERS, Content
from tests.reporters.examples import (
    a_bench,
    a_plan,
    a_run,
    a_served_run,
    with_nothing_that_fits,
)
from tests.reporters.ledgers import a_ledger, in_long_words
from tests.reporters.whole_plan import a_whole_plan

pytestmark = pytest.mark.browser

LONG = "a-clinic-with-a-name-that-nobody-would-write-but-somebody-will-" * 3
CONTENTS = {
    "plan": Content(a_plan(), (a_run(),), "ecoaudit report plan.json run.json -o page.html"),
    "whole-plan": Content(a_whole_plan(), (), "ecoaudit report plan.json -o page.html"),
    "nothing-fits": Content(with_nothing_that_fits(a_plan())),
    "run": Content(None, (a_run(),), "ecoaudit report run.json -o page.html"),
    "long-names": Content(a_plan(LONG), (a_run(LONG),)),
    "bench": Content(None, (a_bench(),), "ecoaudit report run.json -o page.html"),
    "served": Content(None, (a_served_run(LONG),), "ecoaudit report run.json -o page.html"),
    "ledger": Content(command="ecoaudit report ledger.json -o page.html", ledger=a_ledger()),
    "long-ledger": Content(ledger=in_long_words(a_ledger(), LONG)),
}


@pytest.fixture(scope="module", params=CONTENTS)
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pages") / f"{request.param}.html"
    place.write_text(REPORTERS[".html"]().render(CONTENTS[request.param]), "utf-8")
    return place


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    wider: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wider


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_a_page_from_disk(browser: Browser, page_file: Path, width: int, scheme: str) -> None:
    dark = scheme == "dark"
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    requests: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(page_file.as_uri(), wait_until="networkidle")
    asked = [url for url in requests if not url.startswith("data:")]
    page.screenshot(path=page_file.with_name(f"{page_file.stem}-{width}-{scheme}.png"))
    assert asked == [page_file.as_uri()]
    assert said == []
    assert sideways(page) <= 0
    for details in page.locator("details").all():
        details.evaluate("each => { each.open = true }")
    assert sideways(page) <= 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(19, 23, 21)" if dark else "rgb(252, 251, 248)")
    context.close()


def test_a_page_is_whole_without_javascript(browser: Browser, page_file: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 900, "height": 800})
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator("h1").is_visible()
    assert page.locator("main section h2").first.is_visible()
    summaries = page.locator("summary")
    if summaries.count():
        inside = page.locator("details .table-box").first
        assert not inside.is_visible()
        summaries.first.click()
        assert inside.is_visible()
    context.close()


def test_the_first_screen_of_a_bench_says_what_it_is_about(
    browser: Browser, tmp_path: Path
) -> None:
    """Which load and why, waits, energies, share in time; and what the whole bench took."""
    place = tmp_path / "bench.html"
    place.write_text(REPORTERS[".html"]().render(CONTENTS["bench"]), "utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(place.as_uri())
    for said in (
        "The figures are those of level 4",
        "The whole bench, from its first rest",
        "First token, median",
        "Whole answer, median",
        "Answers in time",
        "Energy per request",
        "One more request adds",
        "With its part of a day at rest",
    ):
        box = page.get_by_text(said).first.bounding_box()
        assert box is not None, said
        assert box["y"] + box["height"] < 800, said
    page.close()


def test_the_first_screen_of_a_plan_is_enough_to_decide(browser: Browser, tmp_path: Path) -> None:
    """The option, its first limit, its cost of a year, its power of a day, and what to do next."""
    place = tmp_path / "plan.html"
    content = Content(replace(a_whole_plan(), runs=[]))  # no warning of random weights above it
    place.write_text(REPORTERS[".html"]().render(content), "utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(place.as_uri())
    for said in (
        "Qwen3-4B in int4 on one NVIDIA L4",
        "The first limit it would meet is energy per day",
        "To run, each year",
        "Energy per working day",
        "Without electricity",
        "What to do next",
        "Measure it:",
        "The answer changes when",
    ):
        box = page.get_by_text(said).first.bounding_box()
        assert box is not None, said
        assert box["y"] + box["height"] < 800, said
    page.close()


@pytest.mark.parametrize(("paper", "width"), [("A4", 680), ("Letter", 702)])
def test_nothing_is_cut_off_on_paper(
    browser: Browser, page_file: Path, paper: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark")
    page = context.new_page()
    page.emulate_media(media="print")
    page.goto(page_file.as_uri())
    assert sideways(page) <= 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = page.pdf(format=paper)
    assert printed.startswith(b"%PDF-")
    assert len(printed) > 10_000
    context.close()
