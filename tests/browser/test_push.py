"""In a real browser a device is told once its button was pressed, and it keeps nothing else."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Browser, CDPSession, Page, expect

from app import create_app
from app.config import Settings
from app.consent.register import ON_REQUEST
from app.core.database import db
from app.policy.notice_models import PushSubscription
from tests.accounts.ways import PASSWORD, make_guest
from tests.servers import LiveServer

pytestmark = pytest.mark.clause("C13")

NOTICES = "/account/notices"
BUTTON = "[data-push] form button"
ENDPOINT = "https://fcm.googleapis.com/fcm/send/of-a-test"
_numbers = count()

# The maker's push service is the one thing that can't be reached from here: what it would
# answer is said in its place. All else is the browser's own.
SERVICE = """
PushManager.prototype.subscribe = async function (options) {
  window.asked = options;
  const point = await crypto.subtle.generateKey(
    { name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", point.publicKey));
  const text = (bytes) => btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return { endpoint: "%s", toJSON: () => ({ endpoint: "%s",
    keys: { p256dh: text(raw), auth: text(new Uint8Array(16)) } }) };
};
""".replace("%s", ENDPOINT)

STORED = """async () => ({
  workers: (await navigator.serviceWorker.getRegistrations()).map((one) => one.scope),
  caches: await caches.keys(),
  databases: (await indexedDB.databases()).map((one) => one.name),
  local: localStorage.length,
  session: sessionStorage.length,
})"""
SCRIPTS = """async () => (await navigator.serviceWorker.getRegistrations()).map(
  (one) => (one.active || one.waiting || one.installing).scriptURL)"""
SHOWN = """async () => {
  const one = await navigator.serviceWorker.getRegistration("/push/");
  return (await one.getNotifications()).map(
    ({ title, body, lang, tag, data }) => ({ title, body, lang, tag, data }));
}"""
NOTHING = {"workers": [], "caches": [], "databases": [], "local": 0, "session": 0}


@pytest.fixture(scope="module")
def chromium(whole_chromium: Browser) -> Browser:
    """The browser of this module: without its windows it shows no notices."""
    return whole_chromium


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
def phone(within: Flask, open_page: Callable[..., Page]) -> Page:
    """A signed-in guest's page, in a browser that lets the site show notices."""
    email = f"told{next(_numbers)}@post.example"
    make_guest(within, lambda: datetime.now(UTC), email)
    page = open_page(width=320, service_workers="allow", permissions=["notifications"])
    page.add_init_script(SERVICE)
    page.goto("/account/sign-in")
    page.fill("[name=name]", email)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/account")
    return page


def registration_of(devtools: CDPSession, page: Page) -> str:
    """Return the browser's own number of the worker, once it runs."""
    seen: list[str] = []

    def note(event: dict[str, list[dict[str, str]]]) -> None:
        seen.extend(one["registrationId"] for one in event["registrations"])

    devtools.on("ServiceWorker.workerRegistrationUpdated", note)
    devtools.send("ServiceWorker.enable")
    for _ in range(50):
        if seen:
            return seen[-1]
        page.wait_for_timeout(100)
    raise AssertionError("There is no worker.")


def test_nothing_is_registered_or_stored_before_the_button_is_pressed(phone: Page) -> None:
    phone.goto(NOTICES)
    expect(phone.locator(BUTTON)).to_be_visible()

    assert phone.evaluate(STORED) == NOTHING


def test_the_button_registers_the_worker_and_what_is_pushed_is_shown(
    phone: Page, demo: LiveServer, within: Flask
) -> None:
    phone.goto(NOTICES)
    before = {one["name"] for one in phone.context.cookies()}
    phone.click(BUTTON)
    phone.wait_for_url("**done=on")

    with within.app_context():
        kept = [one.endpoint for one in db.session.scalars(sa.select(PushSubscription))]
    assert ENDPOINT in kept
    # A registration without a subscription is one that was taken away: the page forgets it.
    # Here the subscription is only said, so the worker is registered once more by hand, after
    # the page has done so.
    phone.wait_for_function(
        "async () => !(await navigator.serviceWorker.getRegistrations()).length"
    )
    phone.evaluate("navigator.serviceWorker.register('/push.js', { scope: '/push/' })")
    devtools = phone.context.new_cdp_session(phone)
    number = registration_of(devtools, phone)
    said = {
        "title": "Haus Rohrdommel",
        "url": f"{demo.url}/privacy",
        "lang": "en",
        "tag": "closing",
    }
    for text in ("We close on 30 September.", "We close on 1 October after all."):
        said["text"] = text
        devtools.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": demo.url, "registrationId": number, "data": json.dumps(said)},
        )
        phone.wait_for_function(
            f"async (text) => ({SHOWN})().then((all) => all.some((one) => one.body === text))",
            arg=text,
        )

    # Pushed twice, it is there once: the later one took the place of the earlier.
    assert phone.evaluate(SHOWN) == [
        {
            "title": said["title"],
            "body": said["text"],
            "lang": "en",
            "tag": "closing",
            "data": said["url"],
        }
    ]
    assert phone.evaluate(STORED) == {**NOTHING, "workers": [f"{demo.url}/push/"]}
    assert {one["name"] for one in phone.context.cookies()} == before
    # It is what the register tells of.
    [script] = phone.evaluate(SCRIPTS)
    assert script in {f"{demo.url}/{one.name}" for one in ON_REQUEST}
    # No page is the worker's to watch.
    assert phone.evaluate("navigator.serviceWorker.controller") is None


def test_the_button_takes_it_away_and_the_browser_forgets_it_too(
    phone: Page, within: Flask
) -> None:
    phone.goto(NOTICES)
    phone.click(BUTTON)
    phone.wait_for_url("**done=on")
    phone.click("[data-device] form button")
    phone.wait_for_url("**done=off")

    expect(phone.locator("[data-device]")).to_have_count(0)
    phone.wait_for_function("navigator.serviceWorker.getRegistrations().then((all) => !all.length)")
    assert phone.evaluate(STORED) == NOTHING


@pytest.mark.clause("C11")
def test_signing_out_leaves_nothing_of_it_on_the_device(phone: Page) -> None:
    phone.goto(NOTICES)
    phone.click(BUTTON)
    phone.wait_for_url("**done=on")
    # The subscription is only said: the page that is shown now has taken the worker away.
    phone.wait_for_function("navigator.serviceWorker.getRegistrations().then((all) => !all.length)")
    phone.evaluate("navigator.serviceWorker.register('/push.js', { scope: '/push/' })")
    assert phone.evaluate(STORED) != NOTHING

    phone.goto("/account")
    phone.locator("form[action$='/sign-out'] [type=submit]").first.click()
    phone.wait_for_url("**/signed-out")

    phone.wait_for_function("navigator.serviceWorker.getRegistrations().then((all) => !all.length)")
    assert phone.evaluate(STORED) == NOTHING
    assert "session" not in {one["name"] for one in phone.context.cookies()}


def test_whoever_says_no_to_the_browser_is_told_so_and_nothing_is_kept(
    phone: Page, within: Flask
) -> None:
    phone.add_init_script("Notification.requestPermission = async () => 'denied';")
    phone.goto(NOTICES)
    phone.click(BUTTON)

    expect(phone.locator("[data-when=denied]")).to_be_visible()
    assert phone.evaluate(STORED) == NOTHING


def test_without_scripts_the_page_says_that_mails_do_the_same(
    within: Flask, open_page: Callable[..., Page]
) -> None:
    email = f"told{next(_numbers)}@post.example"
    make_guest(within, lambda: datetime.now(UTC), email)
    page = open_page(javascript=False)
    page.goto("/account/sign-in")
    page.fill("[name=name]", email)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/account")

    page.goto(NOTICES)

    expect(page.locator(BUTTON)).to_be_hidden()
    expect(page.locator("[data-no-push]")).to_be_visible()
