"""Every state of consent that a visitor can be in, and what the site may do in each.

A `State` is lived by a `Visit`: somebody with a cookie jar (or none) who gave these
answers, and whose browser sends these headers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.cookies import Morsel, SimpleCookie
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from app.consent.register import OF_CATEGORY, REGISTER
from app.core.database import Base, db
from app.web.cookies import OPTIONAL, Category, cookie_name
from tests.consent.reader import PHONE, Reader

ACCEPT, REFUSE = {"choice": "accept"}, {"choice": "refuse"}
SIGNAL_TABLES = frozenset(
    ("consent_entry", "consent_notice", "consent_grant", "limit_bucket", "withdrawal", "job")
)
"""What a signal that ends a yes writes: its receipt, that it ended, and the limit on how often."""

FRAME = (b'<section class="asking"', b'<section class="asked"', b"<script defer")


def only(category: Category) -> dict[str, str]:
    """Return the answer that has one switch on."""
    return {"choice": "custom", category.value: "on"}


@dataclass(frozen=True)
class State:
    """What somebody has said, and how their browser is set."""

    name: str
    answers: tuple[dict[str, str], ...] = ()
    permits: frozenset[Category] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    signals_from_the_start: bool = True
    """Whether the headers went along with the answers already."""
    keeps_cookies: bool = True

    @property
    def has_choice(self) -> bool:
        """Whether the browser has an answer in it."""
        return bool(self.answers) and self.keeps_cookies

    @property
    def frame(self) -> frozenset[bytes]:
        """What of consent a page's frame has: the question, the line in its place, the script."""
        question, line, script = FRAME
        found = {script} if Category.STATISTICS in self.permits else set()
        if not self.has_choice:
            found |= {line} if self.headers or not self.keeps_cookies else {question}
        elif self.headers and not self.permits:
            found |= {line}
        return frozenset(found)

    @property
    def tables(self) -> frozenset[str]:
        """The tables that opening pages may write to."""
        found = {"activity_line"} if Category.STATISTICS in self.permits else set()
        found |= {"glance"} if Category.SUGGESTIONS in self.permits else set()
        return frozenset(found)

    @property
    def cookies(self) -> frozenset[str]:
        """The names that the register allows."""
        allowed = {Category.NECESSARY, *self.permits}
        return frozenset(cookie.name for cookie in REGISTER if cookie.category in allowed)

    @property
    def forbidden(self) -> list[str]:
        """The names of optional cookies that must not stay in the browser."""
        return [OF_CATEGORY[one].name for one in OPTIONAL if one not in self.permits]


_ALL = frozenset(OPTIONAL)
_GPC, _DNT = {"Sec-GPC": "1"}, {"DNT": "1"}
STATES = (
    State("none"),
    State("refused", (REFUSE,)),
    *(State(one.value, (only(one),), frozenset({one})) for one in OPTIONAL),
    State("all", (ACCEPT,), _ALL),
    State("GPC", headers=_GPC),
    State("DNT", headers=_DNT),
    State("GPC after a yes", (ACCEPT,), headers=_GPC, signals_from_the_start=False),
    State("yes in spite of GPC", (ACCEPT,), _ALL, headers=_GPC),
    State("refused, and GPC", (REFUSE,), headers=_GPC),
    State("withdrawn", (ACCEPT, REFUSE)),
    State("withdrawn in part", (ACCEPT, only(Category.STATISTICS)), frozenset({OPTIONAL[1]})),
    State("no jar", keeps_cookies=False),
    State("no jar, and a yes", (ACCEPT,), keeps_cookies=False),
)
BY_NAME = {state.name: state for state in STATES}


@dataclass(frozen=True)
class Seen:
    """A response, as the register sees it."""

    path: str
    response: TestResponse

    @property
    def status(self) -> int:
        """Its status."""
        return self.response.status_code

    @cached_property
    def sent(self) -> list[Morsel[str]]:
        """Every cookie that it sets or takes back."""
        headers = self.response.headers.getlist("Set-Cookie")
        return [morsel for header in headers for morsel in SimpleCookie(header).values()]

    @property
    def given(self) -> list[Morsel[str]]:
        """Every cookie that it sets."""
        return [morsel for morsel in self.sent if not is_taken_back(morsel)]

    @property
    def taken_back(self) -> set[str]:
        """The names of those that it takes back."""
        return {morsel.key for morsel in self.sent if is_taken_back(morsel)}


def is_taken_back(morsel: Morsel[str]) -> bool:
    """Tell whether a cookie was sent to end another."""
    return morsel["max-age"] == "0" and not morsel.value


class Visit:
    """Somebody in a state of consent, who opens pages."""

    def __init__(self, app: Flask, state: State, base: str = "http://localhost") -> None:
        """Arrive, and answer as the state has it."""
        self.app, self.state, self.base = app, state, base
        self.client = Reader(app, app.response_class, use_cookies=state.keeps_cookies)
        self.client.environ_base = {"HTTP_USER_AGENT": PHONE, "REMOTE_ADDR": "203.0.113.77"}
        self.answered = [self._answer(said) for said in state.answers]

    def _answer(self, said: Mapping[str, str]) -> Seen:
        headers = self.state.headers if self.state.signals_from_the_start else {}
        seen = self.ask("POST", "/cookies", data={**said, "from": "banner"}, headers=headers)
        assert seen.status == 303
        return seen

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> Seen:
        """Send a request with these headers and no others."""
        return Seen(
            path,
            self.client.open(
                path, method=method, base_url=self.base, headers=dict(headers or {}), **options
            ),
        )

    def open(self, path: str, **headers: str) -> Seen:
        """Open a page, with the headers that the browser always sends."""
        if not self.state.keeps_cookies:
            path = f"{path}{'&' if '?' in path else '?'}cookies=none"
        return self.ask("GET", path, headers={**self.state.headers, **headers})

    def plant(self, *names: str) -> None:
        """Put cookies of our names into the browser that it was never given."""
        for name in names:
            self.client.set_cookie(self._name(name), "planted", domain="localhost")

    def _name(self, name: str) -> str:
        return cookie_name(self.app.extensions["settings"], name)

    def crawl(self, paths: list[str]) -> Iterator[Seen]:
        """Open one address after the other."""
        return (self.open(path) for path in paths)


def book_of(app: Flask) -> dict[str, set[tuple[Any, ...]]]:
    """Return every row of every table of the book."""
    with app.app_context():
        connection = db.session.connection()
        return {
            table.name: {tuple(map(str, row)) for row in connection.execute(sa.select(table))}
            for table in Base.metadata.sorted_tables
        }


def changed_tables(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Return the names of tables in which anything is another."""
    return {name for name in before if before[name] != after[name]}
