"""A real browser before the real server, on the demo place.

Every page is watched: a request to anywhere but the site, an error or a refusal
by the content security policy in the console, an exception in a script: each
fails the test, whatever else it looked at.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Response,
    Route,
    StorageState,
    sync_playwright,
)

from tests.conftest import lacking
from tests.servers import LiveServer, run_flask

# Without these Chromium speaks to its maker's hosts in the background.
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def whole_program() -> str:
    """Return where Chromium is, with all that stands around its pages."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    return path or lacking(f"Chromium is not here: none of {', '.join(names)} on the path")


@pytest.fixture(scope="session")
def start(playwright: Playwright) -> Iterator[Callable[..., Browser]]:
    """Start a program of Chromium's: `start(path)`, with Playwright's own words for it."""
    started: list[Browser] = []
    # Chromium's own sandbox can't be made by root.
    rights = ("--no-sandbox",) if os.geteuid() == 0 else ()

    def start(path: str, **options: Any) -> Browser:
        args = [*QUIET, *rights]
        browser = playwright.chromium.launch(executable_path=path, args=args, **options)
        started.append(browser)
        return browser

    yield start
    for browser in started:
        browser.close()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives the browsers: there can't be a second one in a process."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(start: Callable[..., Browser]) -> Browser:
    """Debian's Chromium, started once for all tests.

    Without its windows, where that package is here: the same pages, for a third of the work.
    """
    return start(shutil.which("chromium-headless-shell") or whole_program())


@pytest.fixture(scope="session")
def whole_chromium(start: Callable[..., Browser]) -> Browser:
    """Chromium with what the one without windows lacks: notices, for one."""
    return start(whole_program())


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The demo place behind its real server, as bin/run brings it up; all tests visit it."""
    folder = tmp_path_factory.mktemp("demo")
    environ = {"SITE_MODE": "demo", "INSTANCE_DIR": str(folder / "instance")}
    run_flask(environ, "prepare")
    with LiveServer(environ, logs=folder, workers=1) as server:
        yield server


def way_in(demo: LiveServer) -> str:
    """Return the path of a new link for the owner; it opens once, and ends those before it."""
    found = re.search(r"/account/enter/\S+", run_flask(demo.environ, "owner", "link"))
    assert found
    return found[0]


@pytest.fixture(scope="session")
def the_owners(chromium: Browser, demo: LiveServer) -> StorageState:
    """The cookies of the owner, who has come in: `open_page(storage_state=the_owners)`.

    Nobody may come in as often as there are tests.
    """
    context = chromium.new_context(base_url=demo.url, service_workers="block")
    page = context.new_page()
    page.goto(way_in(demo))
    page.locator("main form [type=submit]").click()
    page.wait_for_url("**/owner/**")
    cookies = context.storage_state()
    context.close()
    return cookies


class Watch:
    """Listens to a page and keeps what should not have happened."""

    def __init__(self, origin: str) -> None:
        """Watch for requests to anywhere but `origin`."""
        self.origin = origin
        self.complaints: list[str] = []
        self._answered: set[str] = set()

    def over(self, context: BrowserContext) -> None:
        """Watch all pages of a context from now on."""
        context.route("**/*", self._route)
        context.on("response", self._response)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(f"exception: {error.error}"))

    def _route(self, route: Route) -> None:
        parts = urlsplit(route.request.url)
        if f"{parts.scheme}://{parts.netloc}" == self.origin or parts.scheme in ("data", "blob"):
            route.continue_()
        else:
            self.complaints.append(f"request to elsewhere: {route.request.url}")
            route.abort()

    def _response(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self._answered.add(response.url)

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium calls every page with a status of 400 or more a resource that failed to load.
        is_page = message.text.startswith("Failed to load resource: the server responded")
        if message.type == "error" and not (is_page and message.location["url"] in self._answered):
            self.complaints.append(f"console: {message.text} ({message.location['url']})")


@pytest.fixture
def watch(demo: LiveServer) -> Iterator[Watch]:
    """What went wrong on the test's pages. A test that means it takes it from `complaints`."""
    watching = Watch(demo.url)
    yield watching
    assert not watching.complaints, "\n".join(watching.complaints)


@pytest.fixture
def open_page(chromium: Browser, demo: LiveServer, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Open a new visitor's page: `open_page(javascript=False, width=320, dark=True)`.

    Addresses may be relative: `page.goto("/cookies")`. Other keywords are
    Playwright's own for a new context: `locale="de-DE"`, `extra_http_headers={…}`.
    """
    contexts: list[BrowserContext] = []

    def open_page(
        *,
        javascript: bool = True,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        **options: Any,
    ) -> Page:
        context = chromium.new_context(
            **{
                "base_url": demo.url,
                "java_script_enabled": javascript,
                "viewport": {"width": width, "height": height},
                "color_scheme": "dark" if dark else "light",
                "locale": "en-GB",
                "timezone_id": "Europe/Berlin",
                "reduced_motion": "reduce",
                "service_workers": "block",
                **options,
            }
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        watch.over(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A new visitor's page, on a desk, with scripts, by day."""
    return open_page()
