"""A stranger books two nights and a tour in one go, however they move and whatever they block."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import QUIET, Watch, whole_program
from tests.browser.guest import Guest, KeyboardGuest, fresh_nights
from tests.servers import LiveServer


def book(guest: Guest, *, by_calendar: bool = False) -> None:
    """Book a room for two nights and a kayak tour, and take the calendar file."""
    if by_calendar:
        guest.choose_in_calendar()
    else:
        guest.search(fresh_nights())
    guest.put_stay_into_basket()
    guest.add_kayak_tour()
    assert guest.page.locator(".line").count() == 2

    guest.hold()
    guest.say_who()
    guest.go_to_pay()
    reference = guest.pay()

    assert reference in guest.page.url
    file = guest.calendar_file()
    assert file.startswith("BEGIN:VCALENDAR")
    assert file.count("BEGIN:VEVENT") == 2


def test_by_mouse(page: Page) -> None:
    book(Guest(page))

    assert language_of(page) == "en"


def test_by_keyboard_alone_in_german(open_page: Callable[..., Page]) -> None:
    page = open_page(locale="de-DE")

    book(KeyboardGuest(page), by_calendar=True)

    assert language_of(page) == "de"


def test_without_javascript_in_french(open_page: Callable[..., Page]) -> None:
    page = open_page(javascript=False, locale="fr-FR")

    book(Guest(page))

    assert language_of(page) == "fr"


def test_on_a_small_phone_in_chinese(open_page: Callable[..., Page]) -> None:
    page = open_page(width=320, height=568, has_touch=True, is_mobile=True, locale="zh-CN")

    book(Guest(page), by_calendar=True)

    assert language_of(page) == "zh"


def language_of(page: Page) -> str:
    """Return the language that a page says it is in."""
    return (page.locator("html").get_attribute("lang") or "").split("-")[0]


@pytest.fixture
def page_without_cookies(
    chromium: Browser, demo: LiveServer, watch: Watch, tmp_path: Path
) -> Iterator[Page]:
    """A page of a browser whose owner has blocked all cookies in its settings."""
    settings = tmp_path / "Default" / "Preferences"
    settings.parent.mkdir()
    blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    settings.write_text(json.dumps(blocked))
    context = chromium.browser_type.launch_persistent_context(
        tmp_path,
        executable_path=whole_program(),
        args=[*QUIET],
        chromium_sandbox=False,
        base_url=demo.url,
        locale="en-GB",
    )
    watch.over(context)
    yield context.pages[0]
    context.close()


def test_with_all_cookies_blocked(page_without_cookies: Page) -> None:
    book(Guest(page_without_cookies))

    assert page_without_cookies.context.cookies() == []
