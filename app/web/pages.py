"""The frame around every page: what templates know, what is private, what is logged.

One request passes: carried choices and language → guard → view → headers,
compression → one line in the log, which has method, route, status and time and
nothing of the visitor (D8).
"""

import gzip
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from time import perf_counter
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

import brotli
from flask import Flask, Response, current_app, g, request
from jinja2 import StrictUndefined

from app.config import Settings
from app.core.cards import holds_card_number
from app.core.database import PATIENCE_OF_PAGES, patience, reading
from app.core.languages import (
    BY_CODE,
    DEFAULT,
    current_language,
    current_locale,
    gettext,
    ngettext,
    set_language,
)
from app.core.money import format_money
from app.web import languages, links

access = logging.getLogger("reserved.access")

P = ParamSpec("P")
R = TypeVar("R")

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"))
VARY = "Accept-Encoding, Accept-Language, Cookie, Sec-GPC, DNT"
"""What a page depends on, beside its address."""
_NOBODYS = ("assets", "health")  # blueprints that ask nobody who they are
_PATIENCE = patience.get()  # outside of requests
_MUCH = 1024  # bytes below which compressing a page gains nothing


@dataclass(frozen=True, slots=True)
class Site:
    """What the frame says of the place."""

    name: str
    emblem_alt: str = ""
    email: str = ""  # where its mails come from
    controller: str = ""  # who is responsible for people's data, if not whom the name says


@dataclass(frozen=True, slots=True)
class LanguageLink:
    """A link to this very page in another language."""

    code: str
    name: str
    url: str
    current: bool


def settings() -> Settings:
    """Return the settings of the running app."""
    found: Settings = current_app.extensions["settings"]
    return found


def outside_url(endpoint: str, **values: str) -> str:
    """Return the whole address of a page, as mails and other sites show it.

    From the configured address and never from a request's Host; the same to the letter
    whoever asks for it, and in commands too.
    """
    return settings().site_url + current_app.url_map.bind("").build(endpoint, values)


def site_here() -> Site:
    """Return what the frame of every page knows of the place."""
    found: Site = current_app.extensions["site"]()
    return found


def running_app() -> Flask:
    """Return the running app itself, for what outlives the request or the command."""
    app: Any = current_app
    found: Flask = app._get_current_object()
    return found


def private_page(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view whose pages show somebody's own things: never stored, never compressed."""

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        g.private = True
        return view(*args, **kwargs)

    return wrapped


def _address() -> tuple[str, list[tuple[str, str]]]:
    """Return the path of the page at hand, and its query without what shouldn't be repeated."""
    # A page that answers a form stands at an address that only takes forms.
    methods = request.url_rule.methods if request.url_rule else None
    path = request.path if methods and "GET" in methods else g.get("page_path", "/")
    # A card number that somebody typed into a search isn't shown again anywhere (C03).
    kept = [
        (name, value)
        for name, value in request.args.items(multi=True)
        if not holds_card_number(value[:500])
    ]
    return path, kept


def own_address() -> str:
    """Return the address of the page at hand on this site, for a form to come back to."""
    path, query = _address()
    return f"{path}?{urlencode(query)}" if query else path


def language_links() -> list[LanguageLink]:
    """Return links to the page at hand in each language."""
    path, query = _address()
    kept = [(name, value) for name, value in query if name != "lang"]
    now = current_language()
    return [
        LanguageLink(
            language.tag,
            language.name,
            f"{path}?{urlencode([*kept, ('lang', code)])}",
            code == now,
        )
        for code, language in BY_CODE.items()
    ]


def _context() -> dict[str, Any]:
    extensions = current_app.extensions
    return {
        "site": extensions["site"](),
        "demo": extensions["settings"].demo,
        "html_lang": BY_CODE[current_language()].tag,
        "lang_code": current_language(),
        "languages": language_links(),
        "own_address": own_address,
        "basket_count": _basket_count(),
        "carried": g.get("carried", {}),
    }


def _basket_count() -> int:
    """How many wishes are in the visitor's basket, if booking knows of one."""
    count: Callable[[], int] | None = g.get("count_basket")
    return count() if count else 0


def _begin() -> None:
    g.began = perf_counter()
    g.carried = {}
    reading.set(request.method in ("GET", "HEAD"))
    patience.set(PATIENCE_OF_PAGES)
    languages.choose_language()
    if (fault := g.pop("session_fault", None)) is not None and request.blueprint not in _NOBODYS:
        # Whose page it is can't be looked up: nobody is told that they aren't signed in.
        raise fault


def _end(_error: BaseException | None) -> None:
    # A thread serves many requests, and a test many apps: nothing may be left behind.
    reading.set(False)
    patience.set(_PATIENCE)
    set_language(DEFAULT)


def _compress(response: Response) -> Response:
    """Compress public pages only: a page with a secret and a visitor's text in it
    would give the secret away by its length (BREACH)."""
    if (
        g.get("private")
        or response.status_code != 200
        or response.mimetype != "text/html"
        or response.is_streamed
        or "Content-Encoding" in response.headers
    ):
        return response
    response.headers["Vary"] = VARY
    accepted = request.headers.get("Accept-Encoding", "")
    body = response.get_data()
    if len(body) < _MUCH:
        return response
    if "br" in accepted:
        response.set_data(brotli.compress(body, quality=4))
        response.headers["Content-Encoding"] = "br"
    elif "gzip" in accepted:
        response.set_data(gzip.compress(body, 5))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _log(response: Response) -> Response:
    rule = request.url_rule.rule if request.url_rule else "-"
    took = (perf_counter() - g.get("began", perf_counter())) * 1000
    # A method is a word that the visitor chose, like everything else in a request.
    method = request.method if request.method in _METHODS else "-"
    access.info("%s %s %d %.1fms", method, rule, response.status_code, took)
    return response


def money(minor: int, currency: str) -> str:
    """Return an amount in minor units as text in the current language."""
    return format_money(minor, currency, current_locale())


def init_app(app: Flask) -> None:
    """Put the frame around every page."""
    app.before_request(_begin)
    app.teardown_request(_end)
    app.after_request(_log)
    app.after_request(_compress)
    languages.init_app(app)
    links.init_app(app)
    app.context_processor(_context)
    env = app.jinja_env
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.globals.update(_=gettext, ngettext=ngettext, money=money)
