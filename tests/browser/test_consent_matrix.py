"""What a real browser holds and asks for, in every state of consent, is what the register says."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import BrowserContext, Page, Request, expect
from playwright.sync_api import Error as PlaywrightError

from app import create_app
from app.config import Settings
from app.consent.models import ActivityLine
from app.consent.register import REGISTER
from app.core.database import db
from app.web.cookies import Category
from tests.browser.conftest import way_in
from tests.browser.guest import Guest, fresh_nights
from tests.consent.matrix import STATES, State
from tests.house.routes import NOWHERE, gets
from tests.servers import LiveServer

pytestmark = [
    pytest.mark.clause("C09"),
    pytest.mark.clause("C10"),
    pytest.mark.clause("C11"),
    pytest.mark.browser,
]

# "no jar" is a browser's own setting: tests/browser/test_journey.py books with such a one.
LIVED = [state for state in STATES if state.keeps_cookies]
# All of them are crawled over HTTP in every run; in a browser, those that differ most.
_ALWAYS = {"none", "refused", "all", "GPC", "yes in spite of GPC", "withdrawn"}
STATES_OF_A_RUN = [
    pytest.param(one, id=one.name, marks=[] if one.name in _ALWAYS else pytest.mark.slow)
    for one in LIVED
]
BY_NAME = {cookie.name: cookie for cookie in REGISTER}
STORED = """async () => ({
  local: {...localStorage},
  session: {...sessionStorage},
  databases: (await indexedDB.databases()).map(one => one.name),
  caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).map(one => one.scope),
  scripts_see: document.cookie,
  window: window.name,
})"""
NOTHING = {
    "local": {},
    "session": {},
    "databases": [],
    "caches": [],
    "workers": [],
    "scripts_see": "",
    "window": "",
}


class Surfer:
    """Somebody in a state of consent, before a real browser."""

    def __init__(self, page: Page, state: State) -> None:
        """Arrive, and answer by the site's own buttons and switches."""
        self.page, self.state = page, state
        self.hosts: set[str | None] = set()
        self.clicks: list[str] = []  # what was fetched to count clicks, or sent
        page.context.on("request", self._note)
        if state.signals_from_the_start:
            page.context.set_extra_http_headers(dict(state.headers))
        for said in state.answers:
            self._answer(said)
        page.context.set_extra_http_headers(dict(state.headers))
        page.goto("/")
        self.clicks.clear()  # what was counted before it was withdrawn

    def _note(self, request: Request) -> None:
        parts = urlsplit(request.url)
        self.hosts.add(parts.hostname)
        if parts.path == "/cookies/clicks" or "/clicks." in parts.path:
            self.clicks.append(parts.path)

    def _answer(self, said: dict[str, str]) -> None:
        self.page.goto("/cookies")
        for category in (one.value for one in Category if one != Category.NECESSARY):
            self.page.locator(f"[name={category}]").set_checked(category in said)
        with self.page.expect_event("domcontentloaded"):
            self.page.locator(f".choosing [name=choice][value={said['choice']}]").click()

    def look_around(self) -> None:
        """Open the main pages, press what is counted, choose a language, fill a basket."""
        arrive, depart = fresh_nights()
        for path in ("/contact", "/cookies", "/cookies/log", "/no/such/page"):
            self.page.goto(path)
        guest = Guest(self.page)
        self.page.goto(f"/search?arrive={arrive}&depart={depart}&adults=2")
        with self.page.expect_event("domcontentloaded"):
            self.page.locator(".result__offer a").first.click()
        guest.put_stay_into_basket()
        self.page.goto("/")
        with self.page.expect_event("domcontentloaded"):
            self.page.locator(".foot a[lang=de]").click()


def held(context: BrowserContext) -> dict[str, Any]:
    """Return what the browser keeps of cookies, by their names."""
    return {str(cookie["name"]): cookie for cookie in context.cookies()}


# What a browser without scripts does is what the crawl over HTTP has seen in every state.
@pytest.fixture(
    params=[
        pytest.param(True, id="scripts"),
        pytest.param(False, id="no scripts", marks=pytest.mark.slow),
    ]
)
def javascript(request: pytest.FixtureRequest) -> bool:
    """Whether the browser runs scripts."""
    return bool(request.param)


@pytest.fixture
def surfer(open_page: Callable[..., Page], state: State, javascript: bool) -> Surfer:
    """Somebody in a state, whose browser would let the site have service workers."""
    return Surfer(open_page(javascript=javascript, service_workers="allow"), state)


@pytest.mark.parametrize("state", STATES_OF_A_RUN)
def test_a_browser_holds_what_the_register_allows_and_asks_nobody_else(
    surfer: Surfer, state: State, javascript: bool
) -> None:
    surfer.look_around()

    cookies = held(surfer.page.context)

    allowed = {cookie.name for cookie in REGISTER if cookie.name in state.cookies}
    expected = {"basket"} | ({"choice"} if state.answers else set())
    expected |= {category.value for category in state.permits}
    assert set(cookies) == expected
    assert set(cookies) <= allowed
    for name, cookie in cookies.items():
        longest = BY_NAME[name].seconds
        flags = {one: cookie[one] for one in ("httpOnly", "sameSite", "path", "secure")}
        assert flags == {"httpOnly": True, "sameSite": "Lax", "path": "/", "secure": False}
        assert longest is not None
        assert time.time() < cookie["expires"] <= time.time() + longest + 60
        assert cookie["domain"] == "localhost"
    assert surfer.page.evaluate(STORED) == NOTHING
    assert surfer.hosts == {"localhost"}
    assert bool(surfer.clicks) == (javascript and Category.STATISTICS in state.permits)
    assert ("/cookies/clicks" in surfer.clicks) == bool(surfer.clicks)


@pytest.fixture
def within(demo: LiveServer) -> Iterator[Flask]:
    """The served site once more, in this process, to look at what it has written."""
    app = create_app(Settings.from_env(demo.environ))
    yield app
    with app.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


def lines(app: Flask) -> int:
    """Return how many lines the activity log has."""
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(ActivityLine)) or 0


def pages(app: Flask) -> list[str]:
    """Return an address of each rule at which there is a page, and no file."""
    values = {**NOWHERE, "slug": "reed-room", "number": "1", "document": "privacy"}
    client = app.test_client()
    found = {one.path: client.get(one.path) for one in gets(app, values)}
    return [path for path, answer in found.items() if answer.mimetype == "text/html"]


@contextmanager
def pass_over_files() -> Iterator[None]:
    """Go on where what was opened is a file to keep: the page before it stays."""
    try:
        yield
    except PlaywrightError as error:
        if "Download is starting" not in error.message:
            raise


def enter(page: Page, demo: LiveServer) -> None:
    """Come in as whoever runs the place."""
    page.goto(way_in(demo))
    with page.expect_event("domcontentloaded"):
        page.locator("main form [type=submit]").click()


# It takes its time: in every run who refuses, before a third of the pages; with bin/test --all
# everybody, before each of them.
@pytest.mark.parametrize(
    ("name", "owner", "stride"),
    [
        *(pytest.param(one.name, False, 1, id=one.name, marks=pytest.mark.slow) for one in LIVED),
        pytest.param("refused", False, 3, id="whoever refuses"),
        pytest.param("refused", True, 1, id="the owner", marks=pytest.mark.slow),
    ],
)
def test_every_page_of_the_site_keeps_to_it(
    open_page: Callable[..., Page],
    demo: LiveServer,
    within: Flask,
    name: str,
    owner: bool,
    stride: int,
    javascript: bool,
) -> None:
    state = next(one for one in LIVED if one.name == name)
    page = open_page(javascript=javascript, service_workers="allow")
    surfer = Surfer(page, state)
    if owner:
        enter(page, demo)
    paths, before = pages(within), lines(within)
    allowed = {"choice"} if state.answers else set()
    allowed |= {category.value for category in state.permits} | ({"session"} if owner else set())

    wrong = {}
    for path in paths[::stride]:
        with pass_over_files():
            page.goto(path, wait_until="domcontentloaded")
        found = (set(held(page.context)) - allowed, page.evaluate(STORED))
        if found != (set(), NOTHING):
            wrong[path] = found

    assert len(paths) > 100
    assert wrong == {}
    assert surfer.hosts == {"localhost"}
    assert (lines(within) > before) == (Category.STATISTICS in state.permits)
    assert bool(surfer.clicks) == (javascript and Category.STATISTICS in state.permits)


def test_each_cookie_of_the_register_comes_to_be_held(page: Page, demo: LiveServer) -> None:
    surfer = Surfer(page, next(state for state in LIVED if state.name == "all"))
    surfer.look_around()
    enter(page, demo)

    assert set(held(page.context)) == set(BY_NAME)


def test_what_was_planted_is_taken_back_from_a_browser(page: Page) -> None:
    page.goto("/")
    optional = [cookie.name for cookie in REGISTER if cookie.category != Category.NECESSARY]
    host = f"{urlsplit(page.url).scheme}://{urlsplit(page.url).netloc}"
    page.context.add_cookies([{"name": n, "value": "planted", "url": host} for n in optional])

    page.goto("/contact")

    assert page.context.cookies() == []
    expect(page.locator(".asking")).to_be_visible()
