"""After signing out, Back shows nothing personal: in Chromium, Firefox and WebKit as they come."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import way_in, whole_program
from tests.browser.drivers import Engine, Firefox, WebKit
from tests.servers import LiveServer

pytestmark = [pytest.mark.clause("C04"), pytest.mark.clause("C11"), pytest.mark.browser]

OUT = "form[action$='/sign-out'] button"


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def remembering(request: pytest.FixtureRequest, start: Callable[..., Browser]) -> Iterator[Page]:
    """A page of a Chromium that keeps pages for Back, which Playwright's own habit forbids."""
    browser = start(whole_program(), ignore_default_args=["--disable-back-forward-cache"])
    yield browser.new_page(java_script_enabled=request.param)
    browser.close()


def test_back_in_chromium(demo: LiveServer, remembering: Page) -> None:
    page = remembering
    page.goto(demo.url + way_in(demo))
    page.locator("main form button").click()
    page.goto(f"{demo.url}/owner/reservations")
    seen = page.locator("main").inner_text()

    page.locator(OUT).click()
    page.wait_for_url("**/signed-out")
    page.go_back()

    assert "Reserved" not in page.title()
    assert page.url.partition("?")[0].endswith("/account/sign-in")
    assert "@" not in page.locator("main").inner_text()
    assert seen != page.locator("main").inner_text()


@pytest.mark.slow
@pytest.mark.parametrize("engine", [Firefox, WebKit])
def test_back_elsewhere(demo: LiveServer, tmp_path: Path, engine: type[Engine]) -> None:
    with engine(tmp_path) as browser:
        # That it keeps pages at all: what a script left in one is there after Back.
        browser.open(f"{demo.url}/contact")
        browser.run("window.left = 'here'")
        browser.open(f"{demo.url}/terms")
        browser.back()
        kept = browser.run("return window.left || ''")
        browser.open(demo.url + way_in(demo))
        browser.press("main form button")
        browser.open(f"{demo.url}/owner/reservations")
        seen = browser.text()

        browser.press(OUT)
        browser.back()

        assert kept == "here"
        assert "@" in seen or "Reservations" in seen
        assert browser.run("return location.pathname") == "/account/sign-in"
        assert "Reservations" not in browser.text()
