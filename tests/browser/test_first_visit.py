"""Looking around leaves nothing on the device and weighs little; a basket is one cookie."""

import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from app.consent.register import REGISTER
from tests.browser.guest import Guest, fresh_nights

MOST_BYTES = 14_000  # of HTML, CSS and JavaScript with their headers: one round trip of TCP
MOST_REQUESTS = 3
_CODE = ("Document", "Stylesheet", "Script")

STORED = """async () => ({
  local: localStorage.length,
  session: sessionStorage.length,
  databases: (await indexedDB.databases()).length,
  caches: (await caches.keys()).length,
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  script_cookies: document.cookie,
})"""


@pytest.mark.clause("C11")
def test_browsing_and_searching_leave_nothing_on_the_device(page: Page) -> None:
    arrive, depart = fresh_nights()
    search = f"/search?arrive={arrive}&depart={depart}&adults=2&children=1"
    room = f"/offers/reed-room?arrive={arrive}&depart={depart}"
    paths = ["/", search, room, "/offers/kayak-tour", "/contact", "/privacy", "/?lang=fr"]

    for path in (*paths, "/terms", "/basket", "/account/sign-in", "/nothing/here"):
        page.goto(path)

        assert page.context.cookies() == [], path
        assert not any(page.evaluate(STORED).values()), path


@pytest.mark.clause("C11")
def test_a_basket_is_remembered_by_the_one_cookie_that_is_declared(page: Page) -> None:
    guest = Guest(page)
    guest.search(fresh_nights())
    guest.put_stay_into_basket()

    (cookie,) = page.context.cookies()
    declared = {one.name: one for one in REGISTER}[cookie["name"]]
    assert cookie["value"] == urlsplit(page.url).path.removeprefix("/basket/")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    assert declared.seconds is not None
    assert cookie["expires"] <= time.time() + declared.seconds + 60
    assert not any(page.evaluate(STORED).values())


def test_the_whole_way_adds_no_other_cookie(page: Page) -> None:
    guest = Guest(page)
    guest.checkout()
    guest.say_who()
    guest.go_to_pay()
    guest.pay()

    assert {cookie["name"] for cookie in page.context.cookies()} <= {one.name for one in REGISTER}


def test_a_first_visit_weighs_little(page: Page) -> None:
    kinds: dict[str, str] = {}
    sizes: dict[str, int] = {}
    tools = page.context.new_cdp_session(page)
    tools.send("Network.enable")

    def answered(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]

    def finished(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = int(event["encodedDataLength"])

    tools.on("Network.responseReceived", answered)
    tools.on("Network.loadingFinished", finished)
    page.goto("/", wait_until="networkidle")

    # Pictures come after the words; the icon is one of them.
    counted = {kinds[one]: size for one, size in sizes.items() if kinds[one] in _CODE}
    others = [kind for kind in kinds.values() if kind not in ("Image", "Other")]
    assert sorted(counted) == sorted(_CODE)
    assert len(others) <= MOST_REQUESTS
    assert sum(counted.values()) <= MOST_BYTES
