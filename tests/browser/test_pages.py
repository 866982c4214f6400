"""Every page fits a small phone and a finger, and satisfies axe, by day and by night."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.places import Places, prepare, visit
from tests.servers import LiveServer

# What is smaller and yet counts as a target (WCAG 2.2, 2.5.8): links within a sentence, and
# what nobody sees. A box is as large as the label around it.
SMALL_TARGETS = """() => [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter(element => {
    if (!element.checkVisibility() || element.closest(".visually-hidden")) return false;
    const inSentence = element.matches("a") && getComputedStyle(element).display === "inline";
    const box = (element.closest("label") ?? element).getBoundingClientRect();
    return !inSentence && (box.width < 24 || box.height < 24);
  }).map(element => element.outerHTML.slice(0, 120))"""

TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def places(chromium: Browser, demo: LiveServer) -> Iterator[Places]:
    """Pages with something to show."""
    contexts = set(chromium.contexts)
    yield prepare(chromium, demo)
    for context in set(chromium.contexts) - contexts:
        context.close()


def violations(page: Page, **options: Any) -> list[str]:
    """Return what axe finds wrong with a page, with the first place where it is."""
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found["violations"]]


def test_on_a_phone_by_day(open_page: Callable[..., Page], places: Places) -> None:
    page = open_page(width=320, height=640, has_touch=True)
    wrong: dict[str, list[str]] = {}

    for name in visit(page, places):
        found = violations(page)
        if (by := page.evaluate(TOO_WIDE)) > 0:
            found.append(f"{by} pixels wider than the screen")
        found += [f"smaller than a finger: {one}" for one in page.evaluate(SMALL_TARGETS)]
        if found:
            wrong[name] = found

    assert not wrong


def test_on_a_desk_by_night(open_page: Callable[..., Page], places: Places) -> None:
    page = open_page(width=1280, dark=True)
    # What depends on colour and width; the rest is the same by day.
    rules = ["color-contrast", "link-in-text-block", "scrollable-region-focusable"]
    wrong: dict[str, list[str]] = {}

    for name in visit(page, places):
        if found := violations(page, runOnly=rules):
            wrong[name] = found

    assert not wrong
