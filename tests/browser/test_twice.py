"""Whoever goes back, presses twice or has two tabs books once."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.guest import RESERVATION, Guest, fresh_nights
from tests.servers import LiveServer


def count(demo: LiveServer, table: str) -> int:
    """Return how many rows a table has."""
    book = sqlite3.connect(Path(demo.environ["INSTANCE_DIR"]) / "book.db", timeout=10)
    try:
        (number,) = book.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(number)
    finally:
        book.close()


def test_back_after_the_confirmation_books_nothing_more(page: Page, demo: LiveServer) -> None:
    guest = Guest(page)
    guest.checkout()
    guest.say_who()
    guest.go_to_pay()
    reference = guest.pay()
    made = count(demo, "reservation"), count(demo, "payment")

    for _ in range(3):  # the bank, the last look, the details
        page.go_back()
        assert not page.locator("main form[method=post] .button--primary").count(), page.url
    page.goto("/basket")

    assert not page.locator(".line").count()
    assert (count(demo, "reservation"), count(demo, "payment")) == made
    page.go_back()
    assert reference in page.content()


def test_the_second_tab_leads_to_the_same_confirmation(page: Page, demo: LiveServer) -> None:
    guest = Guest(page)
    guest.checkout()
    guest.say_who()
    other = page.context.new_page()
    other.goto(page.url)
    guest.go_to_pay()
    guest.pay()
    made = count(demo, "reservation"), count(demo, "payment")

    other.locator("main form .button--primary").click()

    other.wait_for_url(RESERVATION)
    assert other.url.partition("?")[0] == page.url.partition("?")[0]
    assert (count(demo, "reservation"), count(demo, "payment")) == made


@pytest.mark.parametrize("javascript", [True, False], ids=["with-script", "without-script"])
def test_a_double_click_holds_once_and_pays_once(
    open_page: Callable[..., Page], demo: LiveServer, javascript: bool
) -> None:
    page = open_page(javascript=javascript)
    guest = Guest(page)
    guest.search(fresh_nights())
    guest.put_stay_into_basket()
    before = count(demo, "reservation"), count(demo, "payment")

    page.locator("form[action*='/hold'] .button--primary").dblclick()
    page.locator("#email").wait_for()
    guest.say_who()
    page.wait_for_url("**/pay*")
    page.locator("main form .button--primary").dblclick()
    page.locator(".demo-bank").wait_for()
    page.locator(".demo-bank .button--primary").dblclick()
    page.wait_for_url(RESERVATION)

    assert (count(demo, "reservation"), count(demo, "payment")) == (before[0] + 1, before[1] + 1)
