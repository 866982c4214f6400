"""Clicks are counted by a script that only those are sent who agreed, and by its declared names."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from app.consent.register import CLICKS
from tests.browser.guest import Guest, fresh_nights

TEMPLATES = Path(__file__).parent.parent.parent / "templates"
MARK = re.compile(r"""data-click"?\s*[=:]\s*"([^"]*)\"""")


def answer(page: Page, choice: str) -> None:
    """Answer the cookie question as its form does."""
    page.goto("/contact")
    said = page.request.post("/cookies", form={"choice": choice, "from": "banner"})
    assert said.ok


def listen(page: Page) -> list[Request]:
    """Return a list to which every click that is sent is added."""
    sent: list[Request] = []
    page.context.on("request", lambda r: sent.append(r) if r.url.endswith("/clicks") else None)
    return sent


def name_in(request: Request) -> str:
    """Return what a click was sent as, and see that it is all that was sent."""
    parts = re.findall(r'name="(\w+)"\r\n\r\n(.*?)\r\n', request.post_data or "")
    ((field, name),) = parts
    assert field == "click"
    return str(name)


def read_log(page: Page, lines: int) -> str:
    """Return the visitor's log once it has so many lines: they are written after the answers."""
    for _ in range(50):
        page.goto("/cookies/log")
        if page.locator(".log li").count() >= lines:
            break
    return page.locator("main").inner_text()


@pytest.mark.clause("C09")
def test_every_mark_in_a_template_is_declared_and_every_declared_one_is_used() -> None:
    marks = {mark for path in TEMPLATES.rglob("*.html") for mark in MARK.findall(path.read_text())}

    assert marks == CLICKS.keys()


@pytest.mark.clause("C09")
def test_a_way_to_a_booking_is_told_by_its_marked_clicks(page: Page) -> None:
    answer(page, "accept")
    sent = listen(page)
    guest = Guest(page)

    guest.choose_in_calendar()
    guest.touch("[data-click=extras] input")
    guest.put_stay_into_basket()
    guest.hold()
    guest.say_who()
    guest.go_to_pay()
    page.goto("/")
    guest.press("[data-click=map]")

    names = [name_in(request) for request in sent]
    assert names == ["offer", "choose", "choose", "extras", "pay", "map"]
    log = read_log(page, lines=12)
    assert all(said in log for said in CLICKS.values())


@pytest.mark.clause("C09")
def test_a_keyboard_counts_like_a_mouse_and_a_label_counts_once(page: Page) -> None:
    answer(page, "accept")
    sent = listen(page)
    page.goto("/offers/reed-room")

    page.locator("[data-click=extras] label").first.click()
    page.locator("[data-click=choose] a").first.focus()
    with page.expect_event("domcontentloaded"):
        page.keyboard.press("Enter")

    assert [name_in(request) for request in sent] == ["extras", "choose"]


@pytest.mark.clause("C09")
@pytest.mark.parametrize("choice", ["", "refuse"])
def test_who_did_not_agree_is_sent_no_such_script_and_sends_nothing(
    page: Page, choice: str
) -> None:
    if choice:
        answer(page, choice)
    sent = listen(page)
    Guest(page).search(fresh_nights())

    assert page.locator("script[src*=clicks]").count() == 0
    assert sent == []


@pytest.mark.clause("C09")
def test_a_click_leaves_nothing_on_the_device(page: Page) -> None:
    answer(page, "accept")
    before = {cookie["name"] for cookie in page.context.cookies()}
    Guest(page).search(fresh_nights())

    assert {cookie["name"] for cookie in page.context.cookies()} == before
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.evaluate("document.cookie") == ""


@pytest.mark.clause("C09")
def test_the_real_server_notes_pages_and_the_button_ends_it_without_a_script(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(javascript=False, width=320)
    answer(page, "accept")

    page.goto("/offers/sauna?adults=2")
    log = read_log(page, lines=1)

    assert "A room or a tour" in log
    page.locator("main form:has([value=statistics]) button").click()
    expect(page.locator(".log li")).to_have_count(0)
