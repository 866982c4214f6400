"""In a real browser, with a finger made of software: a passkey is made, and opens the door."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import CDPSession, Page, expect

from app import create_app
from app.accounts.models import SessionRow
from app.accounts.sessions import PROOF_LIFE
from app.config import Settings
from app.core.database import db
from tests.accounts.ways import PASSWORD, make_guest
from tests.servers import LiveServer

pytestmark = pytest.mark.clause("C04")

SECURITY = "/account/security"
BUTTON = "[data-passkey] button"
LISTED = "main form[action$='/remove']"
_numbers = count()


@pytest.fixture
def within(demo: LiveServer) -> Iterator[Flask]:
    """The served site once more, in this process, to prepare what a browser then finds."""
    app = create_app(Settings.from_env(demo.environ))
    yield app
    with app.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def email(within: Flask) -> str:
    """The address of a guest whom no other test knows."""
    email = f"guest{next(_numbers)}@post.example"
    make_guest(within, lambda: datetime.now(UTC), email)
    return email


class Finger:
    """An authenticator inside Chromium (WebAuthn's own automation), which says yes."""

    def __init__(self, page: Page) -> None:
        """Put it into the device that shows a page."""
        self.devtools: CDPSession = page.context.new_cdp_session(page)
        self.devtools.send("WebAuthn.enable")
        self.number = self.devtools.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )["authenticatorId"]

    def keys(self) -> list[dict[str, object]]:
        """Return what it holds."""
        held = self.devtools.send("WebAuthn.getCredentials", {"authenticatorId": self.number})
        return list(held["credentials"])

    def is_wrong(self) -> None:
        """From now on it is not the person's finger."""
        self.devtools.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self.number, "isUserVerified": False}
        )


@pytest.fixture
def finger(page: Page) -> Finger:
    """A device with a finger on it, showing `page`."""
    return Finger(page)


def sign_in(page: Page, email: str) -> None:
    """Come in with a password, or as far as that goes."""
    page.goto("/account/sign-in")
    page.fill("[name=name]", email)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")


def add_passkey(page: Page) -> None:
    """Add one, and put the recovery codes away."""
    page.goto(SECURITY)
    page.click(BUTTON)
    expect(page.locator("main code")).to_have_count(10)
    page.click("main a.button")
    expect(page.locator(LISTED)).to_have_count(1)


def sign_out(page: Page) -> None:
    """Sign out on the page that lists devices."""
    page.goto(SECURITY)
    page.click("#devices form[action$='/sign-out'] button")
    page.wait_for_url("**/signed-out")


def test_a_passkey_is_made_and_opens_the_door(page: Page, finger: Finger, email: str) -> None:
    sign_in(page, email)
    page.wait_for_url("**/account")
    add_passkey(page)
    sign_out(page)

    page.goto(f"/account/sign-in?next={SECURITY}")
    page.click(BUTTON)
    page.wait_for_url(f"**{SECURITY}")

    (key,) = finger.keys()
    assert key["isResidentCredential"]
    assert key["rpId"] == "localhost"
    expect(page.locator(LISTED)).to_have_count(1)
    expect(page.locator("#second")).to_contain_text("Last used just now")


def test_it_is_the_second_step_after_a_password(page: Page, finger: Finger, email: str) -> None:
    sign_in(page, email)
    page.wait_for_url("**/account")
    add_passkey(page)
    sign_out(page)

    sign_in(page, email)
    page.wait_for_url(re.compile(r"/account/sign-in/[\w-]+"))
    page.click(BUTTON)
    page.wait_for_url("**/account")

    page.goto(SECURITY)
    assert page.url.endswith(SECURITY)


def test_it_shows_once_more_who_is_there(
    page: Page, finger: Finger, email: str, within: Flask
) -> None:
    sign_in(page, email)
    page.wait_for_url("**/account")
    add_passkey(page)
    with within.app_context():
        db.session.execute(sa.update(SessionRow).values(proved_at=datetime.now(UTC) - PROOF_LIFE))
        db.session.commit()

    page.goto(f"{SECURITY}/password")
    page.wait_for_url("**/account/confirm?**")
    page.click(BUTTON)

    page.wait_for_url(f"**{SECURITY}/password")


def test_a_press_that_comes_too_late_leads_to_the_question_who_is_there(
    page: Page, finger: Finger, email: str, within: Flask
) -> None:
    sign_in(page, email)
    page.goto(SECURITY)
    with within.app_context():
        late = datetime.now(UTC) - PROOF_LIFE - timedelta(minutes=1)
        db.session.execute(sa.update(SessionRow).values(proved_at=late))
        db.session.commit()

    page.click(BUTTON)

    page.wait_for_url("**/account/confirm?**")
    assert finger.keys() == []


def test_a_device_has_one_for_an_account_and_says_so(
    page: Page, finger: Finger, email: str
) -> None:
    sign_in(page, email)
    add_passkey(page)

    page.click(BUTTON)

    expect(page.locator("[data-when=known]")).to_be_visible()
    assert len(finger.keys()) == 1


def test_another_finger_opens_nothing_and_the_page_stays_of_use(
    page: Page, finger: Finger, email: str
) -> None:
    sign_in(page, email)
    add_passkey(page)
    sign_out(page)
    finger.is_wrong()

    page.goto("/account/sign-in")
    page.click(BUTTON)

    expect(page.locator("[data-when=failed]")).to_be_visible()
    expect(page.locator(BUTTON)).to_be_enabled()
    page.goto(SECURITY)
    assert "/account/sign-in" in page.url


def test_without_scripts_no_button_shows_and_all_else_works(
    open_page: Callable[..., Page], email: str
) -> None:
    page = open_page(javascript=False)
    page.goto("/account/sign-in")
    expect(page.locator("[data-passkey]")).to_be_hidden()

    sign_in(page, email)
    page.goto(SECURITY)

    expect(page.locator("[data-passkey]")).to_be_hidden()
    expect(page.locator("[data-no-passkeys]")).to_be_visible()
    expect(page.locator("#devices .line")).to_have_count(1)
