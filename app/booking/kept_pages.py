"""Pages kept with what they read, and served again while the same reads say the same.

Rendering is most of what a public page costs, and most visitors ask for what
somebody else has just been shown. A kept page is never stale, not for a second:
each request reads the catalogue's version and the counters anew and compares
them, and only then takes the page that was made from the very same answers.

Nothing personal is kept: pages are shared only between visitors without basket,
without session and without suggestions of their own, who said the same about
cookies and like the same light and language.
"""

import gzip
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from hashlib import sha256
from typing import ParamSpec

import brotli
from flask import Flask, Response, current_app, g, make_response, request, session
from flask.typing import ResponseReturnValue

from app.booking.blueprint import basket_key
from app.booking.reads import Read, fetch
from app.booking.shop import has_ended, shop
from app.consent.frame import consent
from app.core.clock import utcnow
from app.policy import announcing
from app.web import languages
from app.web.cookies import Category
from app.web.pages import VARY

MOST_PAGES = 256
MOST_QUERY = 500  # bytes
MOST_BYTES = 100_000  # of one page; larger ones aren't kept

P = ParamSpec("P")


@dataclass(slots=True)
class Page:
    """A page as bytes, and what must still be true for it to be shown."""

    version: int
    reads: list[Read]
    valid_until: datetime | None
    body: bytes
    etag: str
    coded: dict[str, bytes] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def still_true(self, *, now: datetime) -> bool:
        """Whether the same reads give the same answers now."""
        if self.valid_until is not None and now >= self.valid_until:
            return False
        if shop().catalogue.version != self.version:
            return False
        return all(fetch(read.statement, read.values, now=now) == read.rows for read in self.reads)

    def in_coding(self, accepted: str) -> tuple[bytes, str]:
        """Return the body and its content coding; each coding is made twice at most."""
        coding = "br" if "br" in accepted else "gzip" if "gzip" in accepted else ""
        if not coding:
            return self.body, ""
        times = self.asked[coding] = self.asked.get(coding, 0) + 1
        if times <= 2:
            # Most pages are asked for once: quickly then, and well for all who come after.
            self.coded[coding] = _compressed(self.body, coding, well=times == 2)
        return self.coded[coding], coding


def _compressed(body: bytes, coding: str, *, well: bool) -> bytes:
    if coding == "br":
        found: bytes = brotli.compress(body, quality=6 if well else 3)
        return found
    return gzip.compress(body, 6 if well else 1)


def kept_page(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Keep a view's pages for visitors who have neither basket, session nor suggestions."""

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        long = len(request.query_string) > MOST_QUERY  # no search of ours, and too long to keep
        own = basket_key() or getattr(session, "is_kept", False)
        if long or own or consent().allows(Category.SUGGESTIONS):
            return view(*args, **kwargs)
        pages: OrderedDict[tuple[object, ...], Page] = current_app.extensions["kept_pages"]
        key = (
            request.path,
            request.query_string,
            languages.page_key(),
            consent().frame_key,
            announcing.page_key(utcnow()),
            has_ended(),  # the frame leads nowhere any more from the day after the last
        )
        page = pages.get(key)
        if page is None or not page.still_true(now=utcnow()):
            g.noted = []
            # What is offered may change while the page is made: it counts as made from what
            # was there at its beginning.
            version = shop().catalogue.version
            response = make_response(view(*args, **kwargs))
            body = response.get_data()
            if response.status_code != 200 or len(body) > MOST_BYTES:
                return response
            page = Page(
                version,
                g.noted,
                g.get("valid_until"),
                body,
                f'"{sha256(body).hexdigest()[:20]}"',
            )
            pages[key] = page
            while len(pages) > MOST_PAGES:
                pages.popitem(last=False)
        return _answer(page)

    return wrapped


def _answer(page: Page) -> Response:
    body, coding = page.in_coding(request.headers.get("Accept-Encoding", ""))
    response = Response(body, content_type="text/html; charset=utf-8")
    # A weak tag: the same page in another coding is the same page.
    response.headers["ETag"] = f"W/{page.etag}"
    response.headers["Vary"] = VARY
    if coding:
        response.headers["Content-Encoding"] = coding
    if request.headers.get("If-None-Match") == f"W/{page.etag}":
        response.status_code = 304
        response.set_data(b"")
    return response


def init_app(app: Flask) -> None:
    """Make room for the pages of this process."""
    app.extensions["kept_pages"] = OrderedDict()
