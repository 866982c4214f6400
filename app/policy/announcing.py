"""Announcements: one calm line with a link on every page, for as long as it is so (C13, C25).

A line is of a kind, registered with its words by the feature that it is about; a row says
which, since when and until when, and its facts. Pages need no cookie and no script for it,
and nothing is stored on anybody's device: it goes when its time is over, not by a click.

Reading it costs nearly nothing: each process remembers for a few seconds what is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app, has_request_context, url_for
from sqlalchemy.exc import SQLAlchemyError

from app.core.clock import utcnow
from app.core.database import after_commit, db, reading, table
from app.core.languages import N_, gettext
from app.policy.facts_kept import Fact, keep, worded
from app.policy.notice_models import Announcement

GRAVE, WEIGHTY, CALM = 0, 1, 2
"""How much a line matters; the graver stands above the others."""

FRESH = timedelta(seconds=3)
"""So long a process goes on saying what it read; after it, every page says what is there."""

MORE = N_("What this means for you")
_row = table(Announcement)


@dataclass(frozen=True, slots=True)
class _Kind:
    text: str
    more: str
    gravity: int


@dataclass(frozen=True, slots=True)
class Line:
    """One announcement that is there: what, and of which kind."""

    code: str
    kind: str
    since: datetime
    until: datetime | None
    facts: Mapping[str, Any]
    endpoint: str
    values: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The line in the current language."""
        return gettext(_kinds[self.kind].text, **worded(self.facts))

    @property
    def more(self) -> str:
        """The words of its link, in the current language."""
        return gettext(_kinds[self.kind].more)

    @property
    def url(self) -> str:
        """Where its link leads."""
        return url_for(self.endpoint, **self.values)


@dataclass(slots=True)
class _Memo:
    """What a process remembers, and since when by the site's clock."""

    read_at: datetime | None = None
    lines: tuple[Line, ...] = ()


_kinds: dict[str, _Kind] = {}


def kind(name: str, text: str, *, more: str = MORE, gravity: int = WEIGHTY) -> str:
    """Register a kind of announcement; `text` and `more` are marked by N_. Returns its name.

    `text` may name facts: "… on %(day)s …". Raises ValueError for a name with other words.
    """
    if _kinds.setdefault(name, _Kind(text, more, gravity)) != _Kind(text, more, gravity):
        raise ValueError(f"There are two kinds of announcement called {name}.")
    return name


def announce(
    code: str,
    kind: str,
    *,
    url: tuple[str, dict[str, Any]],
    since: datetime,
    until: datetime | None,
    now: datetime,
    **facts: Fact,
) -> None:
    """Have a line on every page from `since` until before `until`, or until it is ended.

    `code` names it: announcing it again changes it. `url` is an endpoint and its values.
    `facts` fill the kind's text and are the same for everybody. The caller commits.
    Raises KeyError for a kind that nobody registered.
    """
    _kinds[kind].text % dict.fromkeys(facts, "")  # a text that lacks a fact fails here
    values = {
        "kind": kind,
        "since": since,
        "until": until,
        "facts": keep(facts),
        "endpoint": url[0],
        "endpoint_values": url[1],
    }
    found = db.session.scalar(sa.select(Announcement).where(Announcement.code == code))
    if found is None:
        db.session.add(Announcement(code=code, **values))
    else:
        for name, value in values.items():
            setattr(found, name, value)
    db.session.flush()
    _forget()


def end(code: str, *, now: datetime) -> None:
    """End a line now; nothing happens to one that has ended, or never was. The caller commits."""
    over = sa.or_(_row.c.until.is_(None), _row.c.until > now)
    db.session.execute(
        sa.update(Announcement).where(Announcement.code == code, over).values(until=now)
    )
    _forget()


def live(now: datetime) -> list[Line]:
    """Return the lines that are there at an instant, the gravest first, then the newest."""
    found = [
        line
        for line in _lines(now)
        if line.kind in _kinds and line.since <= now and (line.until is None or now < line.until)
    ]
    newest = sorted(found, key=lambda line: (line.since, line.code), reverse=True)
    return sorted(newest, key=lambda line: _kinds[line.kind].gravity)


def page_key(now: datetime) -> tuple[Any, ...]:
    """Return what a rendered page's announcements depend on, to keep it by."""
    return tuple((line.code, line.kind, repr(line.facts), line.endpoint) for line in live(now))


def _lines(now: datetime) -> tuple[Line, ...]:
    """Return every line that isn't over, as it was at most a few seconds ago."""
    memo = _memo()
    if memo.read_at is not None and memo.read_at <= now < memo.read_at + FRESH:
        return memo.lines
    query = sa.select(
        _row.c.code,
        _row.c.kind,
        _row.c.since,
        _row.c.until,
        _row.c.facts,
        _row.c.endpoint,
        _row.c.endpoint_values,
    ).where(sa.or_(_row.c.until.is_(None), _row.c.until > now))
    try:
        with db.session.no_autoflush:
            lines = tuple(Line(*row) for row in db.session.execute(query))
    except SQLAlchemyError:
        # A page about an error must not fail once more: it says what was known.
        return memo.lines
    if reading.get():  # what somebody is about to write may still be taken back
        memo.read_at, memo.lines = now, lines
    return lines


def _memo() -> _Memo:
    found: _Memo = current_app.extensions["announcements"]
    return found


def _forget() -> None:
    """Let this process look again, once what was written is there for everybody."""
    memo = _memo()

    def forget() -> None:
        memo.read_at = None

    after_commit(forget)


def _on_page() -> list[Line]:
    return live(utcnow()) if has_request_context() else []


def init_app(app: Flask) -> None:
    """Give templates `announcements()`, and this process its memory."""
    app.extensions["announcements"] = _Memo()
    app.jinja_env.globals["announcements"] = _on_page
