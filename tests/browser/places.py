"""Every kind of page that the site has, in every state that a guest or the owner can bring it to."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.guest import Guest, fresh_nights
from tests.servers import LiveServer, run_flask

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
    """Addresses of pages that somebody has brought into a state, and the owner's cookie."""

    addresses: dict[str, str]
    basket_with_taken: str
    empty_checkout: str
    owner_link: str
    owner: Page


def prepare(chromium: Browser, demo: LiveServer) -> Places:
    """Book, hold, cancel and sign in, so that each page has something to show."""
    addresses = dict(PUBLIC)

    def guest() -> Guest:
        context = chromium.new_context(base_url=demo.url, locale="en-GB")
        context.set_default_timeout(10_000)
        return Guest(context.new_page())

    _choose(guest(), addresses)
    checkout = _book(guest(), addresses)
    _let_run_out(guest(), addresses, demo)
    taken = _take_away(guest(), guest())
    owner = guest().page
    link = re.search(r"/account/enter/\S+", run_flask(demo.environ, "owner", "link"))
    assert link
    owner.goto(link[0])
    owner.locator("main form [type=submit]").click()
    owner.wait_for_url("**/owner/")
    another = re.search(r"/account/enter/\S+", run_flask(demo.environ, "owner", "link"))
    assert another
    return Places(addresses, taken, checkout, another[0], owner)


def _choose(guest: Guest, addresses: dict[str, str]) -> None:
    arrive, depart = fresh_nights()
    addresses["search results"] = f"/search?arrive={arrive}&depart={depart}"
    addresses["stay, arrival chosen"] = f"/offers/reed-room?arrive={arrive}"
    addresses["stay, chosen"] = f"/offers/reed-room?arrive={arrive}&depart={depart}"
    addresses["stay, impossible"] = f"/offers/reed-room?arrive={arrive}&depart={depart}&adults=9"
    guest.page.goto(f"/search?arrive={arrive}&depart={depart}")
    times = guest.page.locator(".session a").first
    addresses["session, chosen"] = times.get_attribute("href") or ""


def _book(guest: Guest, addresses: dict[str, str]) -> str:
    """Go the whole way, and cancel a second booking; return a checkout that is still empty."""
    page = guest.page
    empty = guest.checkout()
    page.context.clear_cookies()
    addresses["basket"] = ""
    guest.search(fresh_nights())
    guest.put_stay_into_basket()
    addresses["basket"] = page.url
    guest.hold()
    addresses["checkout"] = page.url
    guest.say_who()
    addresses["pay"] = page.url
    guest.go_to_pay()
    addresses["demo bank"] = page.url
    page.context.clear_cookies()

    guest.checkout()
    guest.say_who()
    guest.go_to_pay()
    guest.press("[formaction$='/secure'], [formaction*='/secure?']")
    addresses["demo bank, second step"] = page.url
    page.context.clear_cookies()

    guest.checkout()
    guest.say_who()
    guest.go_to_pay()
    guest.press("[formaction*='/later-fails']")
    addresses["waiting for the money"] = page.url
    page.context.clear_cookies()

    guest.checkout()
    guest.say_who()
    guest.go_to_pay()
    guest.pay()
    addresses["confirmed"] = page.url
    page.context.clear_cookies()

    guest.checkout()
    guest.say_who()
    guest.go_to_pay()
    guest.pay()
    page.locator("main details > summary").click()
    guest.press("form[action*='/cancel'] [type=submit]")
    addresses["cancelled"] = page.url
    return empty


def _let_run_out(guest: Guest, addresses: dict[str, str], demo: LiveServer) -> None:
    """Hold two nights, and turn the end of the hold back, as 35 minutes would."""
    addresses["hold run out"] = guest.checkout()
    book = sqlite3.connect(Path(demo.environ["INSTANCE_DIR"]) / "book.db", timeout=10)
    with book:
        book.execute(
            "UPDATE reservation SET held_until = datetime('now', '-1 hour')"
            " WHERE id = (SELECT max(id) FROM reservation)"
        )
    book.close()


def _take_away(slow: Guest, fast: Guest) -> str:
    """Let one guest hold what is in the basket of another; return the other's basket."""
    arrive, depart = fresh_nights()
    boathouse = f"/offers/boathouse?arrive={arrive}&depart={depart}"
    for guest in (slow, fast):
        guest.page.goto(boathouse)
        guest.put_stay_into_basket()
    fast.hold()
    return slow.page.url


def visit(page: Page, places: Places) -> Iterator[str]:
    """Lead a page to every place, one after the other, and tell its name."""
    for name, address in places.addresses.items():
        page.goto(address)
        yield name
        page.context.clear_cookies()
    yield from _answers(page, places)
    page.goto(places.owner_link)
    yield "sign in by link"
    page.context.add_cookies(places.owner.context.cookies())  # type: ignore[arg-type]
    for name, address in OWNER.items():
        page.goto(address)
        yield name
    page.goto(OWNER["owner: reservations"])
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
