"""A visitor who opens pages and sends forms as a browser does, and needs no cookie jar for it.

What is sent is what the page's own form holds, hidden fields included, so a journey
breaks when a page forgets something. Works on the test client and on a real server.
"""

import http.client
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from flask import Flask

from tests.servers import LiveServer

NAME, EMAIL = "Wilhelmine Kanarienvogel", "wilhelmine.kanarienvogel@post.example"
ARRIVE, DEPART = "2031-06-02", "2031-06-05"  # Monday to Thursday


@dataclass
class Page:
    """What came back."""

    url: str
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @cached_property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @cached_property
    def soup(self) -> BeautifulSoup:
        """The body as HTML."""
        return BeautifulSoup(self.text, "html.parser")

    @cached_property
    def words(self) -> str:
        """What a reader sees of the page's main part, in one line."""
        main = self.soup.find("main") or self.soup
        return " ".join(main.get_text(" ").split())

    @property
    def title(self) -> str:
        """The first heading."""
        heading = self.soup.find("h1")
        return heading.get_text(" ", strip=True) if heading else ""

    def all(self, header: str) -> list[str]:
        """Return every value of a header."""
        return [value for name, value in self.headers if name.lower() == header.lower()]

    def header(self, name: str) -> str | None:
        """Return a header's value, or None."""
        found = self.all(name)
        assert len(found) < 2, f"{name} was sent {len(found)} times"
        return found[0] if found else None

    def form(self, ending: str = "") -> "Sheet":
        """Return the page's form whose address ends so; the first that is no search."""
        for tag in self.soup.find_all("form"):
            action = urljoin(self.url, str(tag.get("action") or self.url))
            buttons = [str(b.get("formaction")) for b in tag.find_all("button", formaction=True)]
            if tag.get("role") == "search" and not ending:
                continue
            if urlsplit(action).path == "/cookies" and ending != "/cookies":
                continue  # the banner's and the foot's, on every page
            for target in [action, *(urljoin(self.url, one) for one in buttons)]:
                if urlsplit(target).path.endswith(ending):
                    return Sheet(tag, target)
        raise AssertionError(f"There is no form to {ending!r} on {self.url}: {self.title}")

    def said_beside(self, name: str) -> str:
        """Return the error that belongs to a field, by the wiring that a screen reader follows."""
        control = self.soup.find(attrs={"name": name})
        assert isinstance(control, Tag), f"no field {name} on {self.url}"
        if control.get("aria-invalid") != "true":
            return ""
        described = str(control.get("aria-describedby") or "").split()
        found = [self.soup.find(id=one) for one in described if one.endswith("-error")]
        return " ".join(tag.get_text(" ", strip=True) for tag in found if tag)

    def typed_in(self, name: str) -> str:
        """Return what a field shows."""
        control = self.soup.find(attrs={"name": name})
        assert isinstance(control, Tag), f"no field {name} on {self.url}"
        return value_of(control) or ""


def value_of(control: Tag) -> str | None:
    """Return what a browser would send of a control; None for a box that isn't ticked."""
    if control.name == "select":
        chosen = control.find("option", selected=True) or control.find("option")
        return str(chosen.get("value", "")) if isinstance(chosen, Tag) else ""
    if control.name == "textarea":
        return control.get_text()
    if control.get("type") in ("checkbox", "radio") and not control.has_attr("checked"):
        return None
    return str(control.get("value", ""))


@dataclass
class Sheet:
    """A form on a page, as it would be sent."""

    tag: Tag
    url: str
    values: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        controls = self.tag.find_all(["input", "select", "textarea"])
        pairs = ((str(c["name"]), value_of(c)) for c in controls if c.has_attr("name"))
        self.values = {name: value for name, value in pairs if value is not None}


class Visitor:
    """Somebody with a browser, or what is left of one: by default without a cookie jar."""

    def __init__(
        self,
        at: Flask | LiveServer,
        *,
        headers: Mapping[str, str] | None = None,
        cookies: bool = False,
        base: str = "http://localhost",
    ) -> None:
        """Arrive, with headers that go along with every request."""
        self.headers = dict(headers or {})
        self.live = at if isinstance(at, LiveServer) else None
        self.client = None if isinstance(at, LiveServer) else at.test_client(use_cookies=cookies)
        self.base = base
        self.seen: list[Page] = []
        self.dates = {"arrive": ARRIVE, "depart": DEPART}
        if self.live:  # a real server goes by the real clock
            first = datetime.now(UTC).date() + timedelta(days=40)
            last = first + timedelta(days=3)
            self.dates = {"arrive": first.isoformat(), "depart": last.isoformat()}

    def open(self, url: str, **options: Any) -> Page:
        """Open a page; redirects aren't followed."""
        return self.ask("GET", url, **options)

    def follow(self, page: Page) -> Page:
        """Go where a redirect leads, and on until a page comes."""
        hops = 0
        while page.status in (301, 302, 303, 307, 308):
            page = self.open(page.header("Location") or "")
            hops += 1
            assert hops < 9, "round in circles"
        return page

    def send(self, sheet: Sheet, *, go_on: bool = True, drop: str = "", **typed: str) -> Page:
        """Send a form with something typed into it, and go where that leads."""
        values = {**sheet.values, **{name.replace("__", "-"): v for name, v in typed.items()}}
        values.pop(drop, None)
        if str(sheet.tag.get("method", "get")).lower() == "get":
            page = self.open(f"{sheet.url.partition('?')[0]}?{urlencode(values)}")
        else:
            page = self.ask("POST", sheet.url, data=values)
        return self.follow(page) if go_on else page

    def ask(
        self,
        method: str,
        url: str,
        *,
        data: Mapping[str, str] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """Send a request and return the answer."""
        parts = urlsplit(url)
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        body = urlencode(data).encode() if isinstance(data, Mapping) else data
        sent = {**self.headers, **(headers or {})}
        if isinstance(data, Mapping):
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        page = (self._live if self.live else self._here)(method, path, body, sent)
        self.seen.append(page)
        return page

    def _here(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Page:
        assert self.client is not None
        given = {name: value for name, value in headers.items() if name != "Content-Type"}
        answer = self.client.open(
            path,
            base_url=self.base,
            method=method,
            data=body,
            headers=given,
            content_type=headers.get("Content-Type"),
        )
        return Page(path, answer.status_code, list(answer.headers), answer.get_data())

    def _live(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Page:
        assert self.live is not None
        with closing(http.client.HTTPConnection("127.0.0.1", self.live.port, timeout=20)) as line:
            line.request(method, path, body=body, headers={"Host": self.live.host, **headers})
            answer = line.getresponse()
            return Page(path, answer.status, answer.getheaders(), answer.read())

    # -- Steps of a booking ---------------------------------------------------------------

    def choose_stay(self, slug: str = "reed-room", query: str = "", **typed: str) -> Page:
        """Put nights into the basket, and see it."""
        page = self.open(f"/offers/{slug}?{query}")
        return self.send(page.form("/stay"), **{**self.dates, **typed})

    def choose_session(self, slug: str = "sauna", query: str = "", **typed: str) -> Page:
        """Put seats into the basket, and see it."""
        times = self.open(f"/offers/{slug}?{query}")
        start = times.soup.select_one(".session a")
        assert start is not None
        page = self.open(str(start["href"]))
        return self.send(page.form("/session"), **typed)

    def hold(self, basket: Page) -> Page:
        """Hold what is in a basket, and see the form for the details."""
        return self.send(basket.form("/hold"))

    def tell(self, details: Page, **typed: str) -> Page:
        """Say who books, with only what is needed unless more is given."""
        return self.send(details.form(), **{"name": NAME, "email": EMAIL, "agrees": "y", **typed})

    def pay(self, check: Page) -> Page:
        """Pay at the demo bank and come back to the reservation."""
        bank = self.send(check.form())
        pay = bank.form("/pay")
        return self.send(Sheet(pay.tag, pay.url))

    def book(self, **typed: str) -> Page:
        """Book nights from the first page to the reservation's own."""
        return self.pay(self.tell(self.hold(self.choose_stay()), **typed))


def reference_of(page: Page) -> str:
    """Return the reference that a reservation's page shows."""
    found = page.soup.select_one(".reference__text")
    assert found is not None, page.words
    return found.get_text(strip=True)


def key_of(page: Page) -> str:
    """Return the key in a reservation's address."""
    found = re.search(r"[?&]key=([\w-]+)", page.url)
    assert found, page.url
    return found[1]


def address_of(page: Page) -> str:
    """Return a page's address without what only language and basket add."""
    return urlsplit(page.url).path
