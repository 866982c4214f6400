"""Every page fits a small phone and a finger, and satisfies axe, by day and by night."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, StorageState

from tests.browser.places import Places, prepare, visit
from tests.servers import LiveServer

PHONE = {"width": 320, "height": 640}
DESK = {"width": 1280, "height": 900}

TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

# What is smaller and yet enough (WCAG 2.2, 2.5.8): links within a sentence, and what nobody
# sees. A box is as large as the label around it.
SMALL_TARGETS = """[...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter(element => {
    if (!element.checkVisibility() || element.closest(".visually-hidden")) return false;
    const inSentence = element.matches("a") && getComputedStyle(element).display === "inline";
    const box = (element.closest("label") ?? element).getBoundingClientRect();
    return !inSentence && (box.width < 24 || box.height < 24);
  }).map(element => element.outerHTML.slice(0, 120))"""

# What depends on colours and width; all the rest is the same by day and by night.
BY_NIGHT = ("color-contrast", "link-in-text-block", "scrollable-region-focusable")


@pytest.fixture
def places(open_page: Callable[..., Page], demo: LiveServer) -> Places:
    """Pages with something to show."""
    return prepare(open_page().context, demo)


def violations(page: Page, *rules: str) -> list[str]:
    """Return what axe, which is on the page, finds wrong with it, each with the first place."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]


def look(page: Page) -> list[str]:
    """Return what is wrong with a page on a phone by day, and on a desk by night."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    page.evaluate(AXE_SCRIPT)
    wrong = [f"{one} (phone, by day)" for one in violations(page)]
    if (by := page.evaluate(TOO_WIDE)) > 0:
        wrong.append(f"{by} pixels wider than the screen")
    wrong += [f"smaller than a finger: {one}" for one in page.evaluate(SMALL_TARGETS)]

    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(DESK)
    return wrong + [f"{one} (desk, by night)" for one in violations(page, *BY_NIGHT)]


def test_two_fields_share_a_row_only_where_both_can_be_read(
    open_page: Callable[..., Page], the_owners: StorageState
) -> None:
    page = open_page(storage_state=the_owners)
    page.goto("/account/profile")
    for width, least in ((320, 240), (390, 300), (768, 200)):
        page.set_viewport_size({"width": width, "height": 800})
        fields = page.locator(".group > .pair input:visible").all()
        widths = [field.bounding_box()["width"] for field in fields]

        assert widths
        assert min(widths) >= least, (width, widths)


def test_every_page_by_day_and_night_on_a_phone_and_a_desk(page: Page, places: Places) -> None:
    wrong = {name: found for name in visit(page, places) if (found := look(page))}

    assert not wrong
