"""Nobody is served from a book that is older than a ledger: of erasures, of withdrawals (C12).

Whoever was erased would be there again, and what was taken back allowed. So every process
looks as it starts, and once a minute after that: at the ledgers, at what this book says was
carried out in it, and at the file beside the backups of the ledger of erasures. A restore
that is under way or broke off is known by a file (`INSTANCE_DIR/restoring.json`), which costs
a look at the file system each request and no query. While there is a reason, every address
answers 503 except static files and `/healthz`; `/readyz` says why, without a word about
anybody.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app

from app.config import Settings
from app.continuity import ledger_file
from app.continuity.folders import folder, write_whole
from app.core import withdrawals
from app.core.clock import utcnow
from app.core.database import KEYS, connect_to_read, db, table
from app.core.erasures import Applied, ErasureEntry
from app.core.languages import BY_CODE, N_, gettext, use_language
from app.core.withdrawals import Withdrawal, WithdrawalEntry
from app.web.languages import negotiate

log = logging.getLogger("reserved.continuity")

LOOK_EVERY = 60  # seconds, while all is well
LOOK_AGAIN = 5  # seconds, while nobody is served
SETTLES_WITHIN = 0.5  # seconds from an entry in the ledger to its note in the book
OPEN = ("/healthz", "/static/")

UNFINISHED, BEHIND, LEDGER_BEHIND, UNSOUND = "unfinished", "behind", "ledger", "unsound"
ALLOWED_AGAIN = "allowed-again"
FINISH = "flask --app wsgi backup restore --finish"
_WHY = {
    UNFINISHED: "a restore has begun and is not finished",
    BEHIND: "the book is older than the ledger of erasures",
    LEDGER_BEHIND: "the ledger of erasures is older than its file beside the backups",
    ALLOWED_AGAIN: "the book is older than the ledger of what was taken back",
    UNSOUND: "the file of the ledger of erasures is not sound",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nobody is served, in operators' words: no personal value in it."""

    code: str
    count: int = 0  # entries that were not replayed, where that is known

    def __str__(self) -> str:
        number = f" ({self.count} to replay)" if self.count else ""
        return f"{_WHY[self.code]}{number}; run: {FINISH}"


# -- The mark of a restore ----------------------------------------------------------------


def mark_of(settings: Settings) -> Path:
    """Return the file that is there while a restore is under way."""
    return settings.instance_dir / "restoring.json"


def mark(settings: Settings, **words: Any) -> None:
    """Have nobody served from now on: a restore begins."""
    folder(settings.instance_dir)
    write_whole(mark_of(settings), json.dumps(words).encode())


def read_mark(settings: Settings) -> dict[str, Any] | None:
    """Return what the restore that is under way noted; None where there is none."""
    try:
        found = json.loads(mark_of(settings).read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def unmark(settings: Settings) -> None:
    """Serve again: the restore is finished."""
    mark_of(settings).unlink(missing_ok=True)


# -- Looking ------------------------------------------------------------------------------


def look(*, now: datetime) -> Refusal | None:
    """Return why nobody may be served now, or None. A few small queries on each database."""
    settings: Settings = current_app.extensions["settings"]
    if mark_of(settings).exists():
        return Refusal(UNFINISHED)
    try:
        found = _look_at_ledger(settings, now)
    except ledger_file.LedgerUnsound:
        return Refusal(UNSOUND)
    if found is not None:
        # An erasure that began this moment is in the ledger first, and then in the book.
        time.sleep(SETTLES_WITHIN)
        found = _look_at_ledger(settings, now)
    return found


def _look_at_ledger(settings: Settings, now: datetime) -> Refusal | None:
    entered = _keys_of(db.engines[KEYS], ErasureEntry)
    last = ledger_file.last_line(ledger_file.path_of(settings))
    if last is not None and last.position > len(entered):
        return Refusal(LEDGER_BEHIND, last.position - len(entered))
    missing = entered - _keys_of(db.engine, Applied) if entered else set()
    if missing:
        return Refusal(BEHIND, len(missing))
    # What is in this ledger was in the book before: looked at in this order, it is there.
    taken_back = _keys_of(db.engines[KEYS], WithdrawalEntry, withdrawals.in_force(now=now))
    allowed = taken_back - _keys_of(db.engine, Withdrawal) if taken_back else set()
    return Refusal(ALLOWED_AGAIN, len(allowed)) if allowed else None


def _keys_of(engine: sa.Engine, model: type[Any], *which: sa.ColumnElement[bool]) -> set[Any]:
    """Return primary keys of a table; none where it isn't there, as in an older book."""
    found = table(model)
    [key] = found.primary_key.columns
    with connect_to_read(engine) as connection:
        if not sa.inspect(connection).has_table(found.name):
            return set()
        return set(connection.scalars(sa.select(key).where(*which)))


# -- Refusing -----------------------------------------------------------------------------

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
TITLE = N_("We will be back shortly")
TEXT = N_(
    "This site is being brought back from a backup, and isn’t open yet. Nothing of yours is "
    "lost. Please try again in a few minutes."
)


class Door:
    """Stands around the application: closed while there is a reason."""

    def __init__(self, app: Flask, inner: WSGI, settings: Settings) -> None:
        self._app, self._inner = app, inner
        self._mark = mark_of(settings)
        self._refusal: Refusal | None = None
        # A server's first request looks; a test's would count the queries.
        self._next = time.monotonic() + LOOK_EVERY if settings.testing else 0.0

    def check(self) -> Refusal | None:
        """Look now, and go by it."""
        with self._app.app_context():
            try:
                self._refusal = look(now=utcnow())
            except sa.exc.SQLAlchemyError as error:
                # A database that doesn't answer is told by /readyz and by every page.
                log.error("could not look: %s", type(error).__name__)  # noqa: TRY400
        if self._refusal:
            log.error("not serving: %s", self._refusal)
        self._next = time.monotonic() + (LOOK_AGAIN if self._refusal else LOOK_EVERY)
        return self._refusal

    def may_work(self) -> bool:
        """Whether the worker may do anything: it looks every time it asks."""
        return self.check() is None

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer 503 while there is a reason; else let the application answer."""
        path = environ.get("PATH_INFO", "")
        if path.startswith(OPEN):
            return self._inner(environ, start)
        if self._mark.exists():
            self._refusal, self._next = Refusal(UNFINISHED), 0.0  # looks once it is gone
        elif time.monotonic() >= self._next:
            self.check()
        if self._refusal is None:
            return self._inner(environ, start)
        return self._refused(self._refusal, path, environ, start)

    def _refused(
        self, refusal: Refusal, path: str, environ: dict[str, Any], start: Callable[..., Any]
    ) -> Iterable[bytes]:
        if path == "/readyz":
            kind, body = "text/plain", f"not ready: {refusal}\n"
        else:
            kind, body = "text/html", _page(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        words = body.encode()
        start(
            "503 Service Unavailable",
            [
                ("Content-Type", f"{kind}; charset=utf-8"),
                ("Content-Length", str(len(words))),
                ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "same-origin"),
                ("Cache-Control", "no-store"),
                ("Retry-After", "120"),
            ],
        )
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [words]


def _page(accept_language: str) -> str:
    """Return the page that says so: without a template, which might ask the book."""
    code = negotiate(accept_language)
    with use_language(code):
        title, text = escape(gettext(TITLE)), escape(gettext(TEXT))
    return (
        f'<!doctype html><html lang="{BY_CODE[code].tag}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f"<main><h1>{title}</h1><p>{text}</p></main></html>"
    )


def init_app(app: Flask, settings: Settings) -> None:
    """Stand around the application."""
    door = Door(app, app.wsgi_app, settings)
    app.extensions["door"] = door
    app.extensions["may_work"] = door.may_work
    app.wsgi_app = door  # type: ignore[assignment,method-assign]


def check(app: Flask) -> Refusal | None:
    """Look now, whenever this process looked last, and go by it from here on."""
    door: Door = app.extensions["door"]
    return door.check()
