"""Every kind of page of the site, in every state that a guest or the owner can bring it to."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from bs4 import BeautifulSoup
from playwright.sync_api import APIResponse, BrowserContext, Page, expect

from tests.browser.conftest import way_in
from tests.browser.guest import fresh_nights
from tests.servers import LiveServer

PUBLIC = {
    "home": "/",
    "search": "/search",
    "search with errors": "/search?arrive=2027-03-09&depart=2027-03-07&adults=two&children=99",
    "search, too many": "/search?arrive=2027-03-01&depart=2027-03-20&adults=12",
    "stay": "/offers/reed-room",
    "session": "/offers/kayak-tour",
    "no basket": "/basket",
    "contact": "/contact",
    "terms": "/terms",
    "privacy": "/privacy",
    "recipients": "/privacy/recipients",
    "not found": "/nothing/here",
    "only for forms": "/offers/reed-room/stay",
    "sign in": "/account/sign-in",
    "useless link": "/account/enter/nothing",
    "signed out": "/account/signed-out",
}
OWNER = {
    "owner: today": "/owner/",
    "owner: reservations": "/owner/reservations",
    "owner: mail": "/owner/mail",
}


@dataclass(frozen=True, slots=True)
class Places:
    """Addresses of pages that somebody has brought into a state, and the owner's way in."""

    addresses: dict[str, str]
    basket_with_taken: str
    empty_checkout: str
    owner_link: str  # opens once


class Hand:
    """Sends the forms of pages without drawing them: quick, where the way isn't what is tested."""

    def __init__(self, context: BrowserContext) -> None:
        """Use the cookies of a context; it has none at first."""
        self.context = context
        self.url = ""
        self.page = BeautifulSoup()

    def open(self, path: str) -> "Hand":
        """Fetch a page."""
        return self._take(self.context.request.get(path))

    def send(self, selector: str, **said: str) -> "Hand":
        """Send the form that a button belongs to, with what the page says in it and `said`."""
        button = self.page.select_one(selector)
        assert button, f"{selector} is not on {self.url}"
        form = button.find_parent("form")
        assert form
        values = {
            str(field["name"]): str(field.get("value", ""))
            for field in form.select("input[name]:not([type=checkbox])")
        }
        for choice in form.select("select[name]"):
            chosen = choice.select_one("option[selected]")
            values[str(choice["name"])] = str(chosen["value"]) if chosen else ""
        address = str(button.get("formaction") or form.get("action") or self.url)
        return self._take(
            self.context.request.post(urljoin(self.url, address), form={**values, **said})
        )

    def choose(self, offer: str = "reed-room") -> "Hand":
        """Put two nights into a new basket."""
        self.context.clear_cookies()
        arrive, depart = fresh_nights()
        self.open(f"/offers/{offer}?arrive={arrive}&depart={depart}")
        return self.send("form[action*='/stay'] .button--primary")

    def hold(self) -> "Hand":
        """Hold what is in the basket."""
        return self.send("form[action*='/hold'] .button--primary")

    def go_to_bank(self) -> "Hand":
        """Say who books, and go to pay."""
        self.send("#agrees", name="Zoë Müller", email="zoe@example.org", agrees="y")
        return self.send("main form .button--primary")

    def _take(self, answer: APIResponse) -> "Hand":
        self.url, self.page = answer.url, BeautifulSoup(answer.text(), "html.parser")
        return self


def prepare(context: BrowserContext, demo: LiveServer) -> Places:
    """Book, hold, cancel and sign in, so that each page has something to show."""
    hand = Hand(context)
    addresses = {**PUBLIC, **_choices(hand)}
    addresses["basket"] = hand.choose().url
    addresses["details"] = hand.hold().url
    bank = hand.go_to_bank().url
    addresses["pay"] = f"{addresses['details'].partition('?')[0]}/pay"
    addresses["demo bank"] = bank
    addresses["demo bank, second step"] = f"{bank}/secure"
    hand.choose().hold().go_to_bank().send("[formaction*='/later-fails']")
    addresses["waiting for the money"] = hand.url
    hand.choose().hold().go_to_bank().send(".demo-bank .button--primary")
    addresses["confirmed"] = hand.url
    hand.choose().hold().go_to_bank().send(".demo-bank .button--primary")
    addresses["cancelled"] = hand.send("form[action*='/cancel'] [type=submit]").url
    addresses["hold run out"] = hand.choose().hold().url
    _turn_back_the_last_hold(demo)
    return Places(addresses, _take_away(hand), hand.choose().hold().url, way_in(demo))


def _choices(hand: Hand) -> dict[str, str]:
    arrive, depart = fresh_nights()
    nights = f"arrive={arrive}&depart={depart}"
    times = hand.open(f"/search?{nights}").page.select_one(".session a")
    assert times
    return {
        "search results": f"/search?{nights}",
        "stay, arrival chosen": f"/offers/reed-room?arrive={arrive}",
        "stay, chosen": f"/offers/reed-room?{nights}",
        "stay, impossible": f"/offers/reed-room?{nights}&adults=9",
        "session, chosen": str(times["href"]),
    }


def _turn_back_the_last_hold(demo: LiveServer) -> None:
    """End the newest hold, as 35 minutes would."""
    book = sqlite3.connect(Path(demo.environ["INSTANCE_DIR"]) / "book.db", timeout=10)
    with book:
        book.execute(
            "UPDATE reservation SET held_until = datetime('now', '-1 hour')"
            " WHERE id = (SELECT max(id) FROM reservation)"
        )
    book.close()


def _take_away(hand: Hand) -> str:
    """Let one guest hold what another has in their basket; return the other's basket."""
    slow = hand.choose("boathouse").url
    line = hand.page.select_one(".line a")
    assert line
    hand.context.clear_cookies()
    hand.open(str(line["href"]).partition("&basket=")[0])
    hand.send("form[action*='/stay'] .button--primary").hold()
    return slow


def visit(page: Page, places: Places) -> Iterator[str]:
    """Lead a page to every place, one after the other, and tell its name. Signs the owner in."""
    for name, address in places.addresses.items():
        page.goto(address)
        yield name
        page.context.clear_cookies()
    yield from _answers(page, places)
    page.goto(places.owner_link)
    yield "sign in by link"
    page.locator("main form [type=submit]").click()
    page.wait_for_url("**/owner/")
    for name, address in OWNER.items():
        page.goto(address)
        yield name
    page.goto(OWNER["owner: reservations"])
    with page.expect_event("domcontentloaded"):
        page.locator("main table a").first.click()
    yield "owner: one reservation"
    page.context.clear_cookies()


def _answers(page: Page, places: Places) -> Iterator[str]:
    """Pages that answer a form which can't be met."""
    page.goto("/offers/reed-room")
    page.locator("form[action*='/stay'] .button--primary").click()
    expect(page.locator(".notice--error")).to_be_visible()
    yield "stay with errors"
    page.goto(places.basket_with_taken)
    page.locator("form[action*='/hold'] [type=submit]").click()
    expect(page.locator(".line .field__error")).to_be_visible()
    yield "basket, something taken"
    page.goto(places.empty_checkout)
    page.locator("#wants_invoice").check()
    page.locator("main form > details > summary").click()
    page.locator("#phone").fill("12")
    page.locator("main form > .button--primary").click()
    expect(page.locator(".notice--error")).to_be_visible()
    yield "details with errors"
