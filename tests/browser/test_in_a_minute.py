"""A stranger with nothing but a keyboard refuses, agrees to one thing, reads all that was noted
of them, and takes it back: within a minute, in every language, with scripts and without."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from app.consent.words import page_word
from app.core.languages import BY_CODE, LANGUAGES, gettext, use_language

pytestmark = [
    pytest.mark.clause("C09"),
    pytest.mark.clause("C10"),
    pytest.mark.clause("C18"),
    pytest.mark.browser,
]

MOST_KEYS, MOST_PAGES = 100, 8
# The keystroke-level model (Card, Moran and Newell, 1980): an average typist, and getting
# ready for each step; and a page that comes over a slow line.
A_KEY, A_THOUGHT, A_PAGE = 0.28, 1.35, 1.5  # seconds

FOCUS = """() => {
  const held = document.activeElement, box = held.getBoundingClientRect();
  const style = getComputedStyle(held), shown = held.labels?.[0] ?? held;
  const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return {
    tag: held.tagName,
    visible: held.matches(":focus-visible"),
    marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    large: box.width >= 24 && box.height >= 16,
    // Browsers scroll by whole pixels, and boxes end between them.
    inside: box.top > -1 && box.bottom < innerHeight + 1
      && box.left > -1 && box.right < innerWidth + 1,
    uncovered: !!at && (held.contains(at) || shown.contains(at) || at.contains(held)),
  };
}"""
SEEN = {"visible": True, "marked": True, "large": True, "inside": True, "uncovered": True}


class Stranger:
    """Somebody with four keys: Tab, Shift and Tab, Enter, Space. They see what has the focus."""

    def __init__(self, page: Page) -> None:
        """Sit down before a page."""
        self.page = page
        self.keys = self.steps = self.pages = 0
        page.on("domcontentloaded", self._note_page)

    def _note_page(self, _page: Page) -> None:
        self.pages += 1

    def press(self, key: str) -> None:
        """Press one key."""
        self.keys += 1
        self.page.keyboard.press(key)

    def reach(self, wanted: Locator, *, back: bool = False) -> None:
        """Go on, or back, until a thing has the focus; see it each time on the way."""
        self.steps += 1
        expect(wanted).to_be_visible()
        element = wanted.element_handle()
        assert element
        for _ in range(40):
            self.press("Shift+Tab" if back else "Tab")
            self.look()
            if element.evaluate("wanted => wanted === document.activeElement"):
                return
        raise AssertionError(f"{wanted} is out of reach on {self.page.url}")

    def look(self) -> None:
        """Fail unless what has the focus can be seen, and that it has it."""
        found: dict[str, Any] = {}
        until = monotonic() + 5
        while monotonic() < until:  # the browser scrolls a moment after the key
            found = self.page.evaluate(FOCUS)
            if found.items() >= SEEN.items():
                break
        if found.pop("tag") != "BODY":  # between the last thing and the first
            markup = self.page.evaluate("document.activeElement.outerHTML")
            assert found == SEEN, f"{self.page.url}: {markup}"

    def enter(self, wanted: Locator, *, back: bool = False) -> None:
        """Reach a link or a button that leads to a page, and press Enter."""
        self.reach(wanted, back=back)
        with self.page.expect_event("load"):  # nobody presses a key before the page is there
            self.press("Enter")

    @property
    def seconds(self) -> float:
        """How long an average person takes for all of it."""
        return self.keys * A_KEY + self.steps * A_THOUGHT + self.pages * A_PAGE


def refuse(stranger: Stranger, *, scripts: bool) -> None:
    """Say no in the banner, at the first page."""
    page = stranger.page
    page.goto("/")
    no = page.locator(".asking").get_by_role("button", name=gettext("Refuse all"), exact=True)
    if scripts:
        stranger.reach(no)
        stranger.press("Enter")
        expect(page.locator(".asked[role=status]")).to_be_focused()
    else:
        stranger.enter(no)
    expect(page.locator(".asking")).to_have_count(0)
    expect(page.locator(".foot .withdraw")).to_be_hidden()
    assert {cookie["name"] for cookie in page.context.cookies()} == {"choice"}


def agree_to_statistics(stranger: Stranger) -> None:
    """Open the cookie page from the foot of the page, switch one thing on, and save."""
    page = stranger.page
    foot = page.get_by_role("contentinfo")
    stranger.enter(foot.get_by_role("link", name=gettext("Cookies"), exact=True), back=True)
    switch = page.get_by_role("switch", name=gettext("Statistics"), exact=True)
    stranger.reach(switch)
    expect(switch).not_to_be_checked()
    stranger.press("Space")
    expect(switch).to_be_checked()
    stranger.enter(page.get_by_role("button", name=gettext("Save my choice"), exact=True))
    expect(page.get_by_role("switch", checked=True)).to_have_count(1)
    expect(page.locator("#choice ~ dl")).to_contain_text(gettext("Statistics"))
    assert {cookie["name"] for cookie in page.context.cookies()} == {"choice", "statistics"}


def read_the_log(stranger: Stranger) -> None:
    """Open another page, come back, and read the line that it left."""
    page = stranger.page
    foot = page.get_by_role("contentinfo")
    stranger.enter(foot.get_by_role("link", name=gettext("Contact"), exact=True), back=True)
    stranger.enter(foot.get_by_role("link", name=gettext("Cookies"), exact=True), back=True)
    log = gettext("What was noted in this browser, line by line")
    stranger.enter(page.get_by_role("main").get_by_role("link", name=log, exact=True), back=True)
    lines = page.locator(".log li")
    expect(lines.filter(has_text=page_word("/contact"))).to_have_count(1)
    expect(lines.filter(has_text=page_word("/cookies"))).not_to_have_count(0)


def withdraw(stranger: Stranger) -> None:
    """Press the button at the foot, and see that nothing is left."""
    page = stranger.page
    assert page.url.endswith("/cookies/log")
    name = gettext("Withdraw my consent")
    stranger.enter(
        page.get_by_role("contentinfo").get_by_role("button", name=name, exact=True), back=True
    )
    assert page.url.endswith("/cookies/log")
    expect(page.locator(".log li")).to_have_count(0)
    expect(page.locator("main .notice")).to_be_visible()
    expect(page.locator(".foot .withdraw")).to_be_hidden()
    assert {cookie["name"] for cookie in page.context.cookies()} == {"choice"}


# Each language in every run, in one of the two ways; in both with bin/test --all.
WAYS = [
    pytest.param(
        code,
        scripts,
        id=f"{code}, {'scripts' if scripts else 'no scripts'}",
        marks=[] if scripts == (number % 2 == 0) else pytest.mark.slow,
    )
    for number, code in enumerate(LANGUAGES)
    for scripts in (True, False)
]


@pytest.mark.parametrize(("code", "scripts"), WAYS)
def test_by_keyboard_alone_within_a_minute(
    open_page: Callable[..., Page], code: str, scripts: bool
) -> None:
    tag = BY_CODE[code].tag
    stranger = Stranger(open_page(javascript=scripts, locale=tag))

    with use_language(code):
        refuse(stranger, scripts=scripts)
        agree_to_statistics(stranger)
        read_the_log(stranger)
        withdraw(stranger)

    assert stranger.page.locator("html").get_attribute("lang") == tag
    assert stranger.keys <= MOST_KEYS
    assert stranger.pages <= MOST_PAGES
    assert stranger.seconds < 60
    print(f"{code}: {stranger.keys} keys, {stranger.pages} pages, {stranger.seconds:.0f} s")
