"""A guest in a browser, by mouse or by keyboard alone, from the first page to the confirmation.

Steps find what they press by addresses and names, never by words, so that they
are the same in every language.
"""

import re
from datetime import UTC, date, datetime, timedelta
from itertools import count

from playwright.sync_api import Page, expect

_weeks = count()

RESERVATION = re.compile(r"/reservations/\w+\?.*key=")


def fresh_nights() -> tuple[date, date]:
    """Return two nights that no other test of this process asks for, a Monday and a Tuesday."""
    day = datetime.now(UTC).date() + timedelta(days=60, weeks=next(_weeks))
    arrive = day - timedelta(days=day.weekday())
    return arrive, arrive + timedelta(days=2)


class Guest:
    """Somebody with a mouse, or a finger."""

    def __init__(self, page: Page) -> None:
        """Sit down before a page."""
        self.page = page

    def press(self, selector: str) -> None:
        """Press the first such link or button, and wait for the page that it leads to."""
        with self.page.expect_event("domcontentloaded"):
            self.touch(selector)

    def touch(self, selector: str) -> None:
        """Press what leads to no other page."""
        self.page.locator(selector).first.click()

    def tick(self, selector: str) -> None:
        """Tick a box."""
        self.page.locator(selector).check()

    def write(self, selector: str, text: str) -> None:
        """Write into a field."""
        self.page.locator(selector).fill(text)

    # -- The steps ------------------------------------------------------------------------

    def search(self, nights: tuple[date, date]) -> None:
        """Search for some nights from the first page, and choose the first offer that is free."""
        self.page.goto("/")
        for name, day in zip(("arrive", "depart"), nights, strict=True):
            self.write(f"#{name}", day.isoformat())
        self.press("form[role=search] [type=submit]")
        self.press(".result__offer a")

    def choose_in_calendar(self) -> None:
        """Go to a room from the first page, and choose two free nights in its calendar."""
        self.page.goto("/")
        self.press(".card__title a[href*='/offers/reed-room']")
        for _ in range(2):
            self.press(".calendar [rel=next]")
        self.press("td.is-free:has(+ .is-free + .is-free) a")
        self.press("td.is-arrive + td + td a")
        expect(self.page.locator("td.is-depart")).to_be_visible()

    def put_stay_into_basket(self) -> None:
        """Put the chosen stay into the basket."""
        self.press("form[action*='/stay'] .button--primary")

    def add_kayak_tour(self) -> None:
        """Go on from the basket and add seats in the next kayak tour that has some."""
        self.press("main a[href*='/search']")
        self.press(".card__title a[href*='/offers/kayak-tour']")
        while not self.page.locator(".session a").count():
            self.press("#times [rel=next]")
        self.press(".session a")
        self.press("form[action*='/session'] .button--primary")

    def hold(self) -> None:
        """Hold what is in the basket."""
        self.press("form[action*='/hold'] .button--primary")
        expect(self.page.locator("#email")).to_be_visible()

    def say_who(self) -> None:
        """Leave no more than a booking needs, and go on."""
        self.write("#name", "Zoë Müller")
        self.write("#email", "zoe@example.org")
        self.tick("#agrees")
        self.press("main form .button--primary")

    def go_to_pay(self) -> None:
        """Press the button that books."""
        self.press("main form .button--primary")
        expect(self.page.locator(".demo-bank")).to_be_visible()

    def pay(self) -> str:
        """Pay at the demo bank; return the reference of the reservation."""
        self.press(".demo-bank .button--primary")
        self.page.wait_for_url(RESERVATION)
        return self.page.locator(".reference__text").inner_text()

    def calendar_file(self) -> str:
        """Take the reservation's calendar file."""
        with self.page.expect_download() as download:
            self.touch("a[download]")
        return download.value.path().read_text(encoding="utf-8")

    def checkout(self) -> str:
        """Hold two nights; return the address of the page that asks for details."""
        self.search(fresh_nights())
        self.put_stay_into_basket()
        self.hold()
        return self.page.url


class KeyboardGuest(Guest):
    """Somebody without a mouse."""

    def reach(self, selector: str) -> None:
        """Tab to the first such element."""
        wanted = self.page.wait_for_selector(selector)
        assert wanted
        for _ in range(250):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never leads to {selector} on {self.page.url}")

    def touch(self, selector: str) -> None:
        """Press Enter on it."""
        self.reach(selector)
        self.page.keyboard.press("Enter")

    def tick(self, selector: str) -> None:
        """Press the space bar on it."""
        self.reach(selector)
        self.page.keyboard.press("Space")
        expect(self.page.locator(selector)).to_be_checked()

    def write(self, selector: str, text: str) -> None:
        """Type it."""
        self.reach(selector)
        self.page.keyboard.type(text)
