"""Sessions as rows: found by the hash of their id, ended by deleting the row (D13).

Only somebody who signed in has a session. Everyone else gets `NoSession`, which
can't be written to, so no visitor is ever given a cookie by accident. What the
session holds is fixed at sign-in (whose it is, and the token for forms), so a
page never writes to it either; reading costs one look-up, and that only where a
cookie came along.

A session knows when its person last proved who they are, and whether with two
factors. Each proof gives it a new id: a copy of the old one is worth nothing.
"""

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Never, ParamSpec

import sqlalchemy as sa
from blinker import Namespace
from flask import Flask, Request, Response, abort, g, redirect, request, session, url_for
from flask.sessions import SessionInterface, SessionMixin
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user

from app.accounts.models import GUEST, HOUSE, OWNER, READER, STAFF, Account, SessionRow
from app.accounts.using import is_past, note_use
from app.config import Settings
from app.core.clock import utcnow
from app.core.database import PATIENCE_OF_PAGES, db, only_reading, patience, writing
from app.core.languages import N_
from app.core.tokens import digest_of_token
from app.web.cookies import Category, Cookie, cookie_name
from app.web.errors import log_error

SESSION = Cookie(
    "session",
    Category.NECESSARY,
    N_("Keeps you signed in until you sign out"),
    None,
    clause="C04",
    needed_for=N_("staying signed in from page to page"),
)
# ASVS 5.0.0, 7.3: a limit without use, and one that use can't move.
IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=12)
# Whoever runs the place sees many people's details.
HOUSE_IDLE_LIMIT = timedelta(minutes=15)
HOUSE_ABSOLUTE_LIMIT = timedelta(hours=8)
PROOF_LIFE = timedelta(minutes=10)
"""How long a proof of who one is counts for what is sensitive."""
# Moving the time at every request would make a writer of every page.
SEEN_EVERY = timedelta(minutes=1)

session_ended = Namespace().signal("session-ended")
"""Sent before rows go that somebody ends, and not time: `row_ids`, in their transaction."""
session_begun = Namespace().signal("session-begun")
"""sender: the Account that a session begins for; sent inside the transaction that begins it."""

_TOKEN_BYTES = 32
_LONGEST_COOKIE = 100  # characters; ours has 43

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]


# -- What Flask calls the session -----------------------------------------------------------


class _FixedSession(SessionMixin):
    """A session that is read and never written."""

    is_kept = False

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __setitem__(self, name: str, value: object) -> Never:
        raise RuntimeError(f"Nothing is kept in sessions, {name!r} neither.")

    def __delitem__(self, name: str) -> Never:
        raise RuntimeError(f"Nothing is taken out of sessions, {name!r} neither.")


class NoSession(_FixedSession):
    """The session of everyone who isn't signed in: there is none."""

    def __init__(self) -> None:
        super().__init__({})


class KeptSession(_FixedSession):
    """The session of somebody signed in, as its row had it when the request began.

    Flask-WTF finds its token under "csrf_token", Flask-Login whose it is under
    "_user_id"; neither has a reason to write.
    """

    is_kept = True

    def __init__(self, row: Any) -> None:
        super().__init__({"csrf_token": row.csrf_token, "_user_id": str(row.account_id)})
        self.row_id: int = row.id
        self.account_id: int = row.account_id
        self.proved_at: datetime | None = row.proved_at
        self.strong: bool = row.strong
        self.news_at: datetime | None = row.news_at


class RowSessions(SessionInterface):
    """Opens sessions from their rows. No response is ever given a cookie here."""

    def __init__(self, settings: Settings) -> None:
        self._cookie = cookie_name(settings, SESSION.name)

    def open_session(self, app: Flask, request: Request) -> KeptSession | NoSession:
        """Return the session that a request's cookie names, if it is alive."""
        token = request.cookies.get(self._cookie)
        if not token or len(token) > _LONGEST_COOKIE:
            return NoSession()
        patience.set(PATIENCE_OF_PAGES)  # before the request's own beginning, until its end
        try:
            return _opened(token, now=utcnow()) or NoSession()
        except sa.exc.SQLAlchemyError as error:
            # Raised from here, it would cost even the error page its headers.
            g.session_fault = error
            return NoSession()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Change nothing; say that the page depends on who asks."""
        if isinstance(session, KeptSession):
            response.vary.add("Cookie")


def _opened(token: str, *, now: datetime) -> KeptSession | None:
    """Look a session up, and note at most once a minute that it is in use.

    This is its own short unit of work, over before the request's begins.
    """
    # A made-up cookie must not be able to take the write lock.
    with only_reading():
        row = db.session.execute(_FIND, {"digest": digest_of_token(token)}).one_or_none()
    if row is None or row.suspended_at is not None:
        return None
    idle, absolute = limits_of(row.role)
    if row.created_at + absolute <= now or row.seen_at + idle <= now:
        return None
    if row.seen_at + SEEN_EVERY <= now:
        try:
            _note_use(row, now=now)
        except sa.exc.SQLAlchemyError as error:
            # Where nothing can be written, they can still read: it is noted the next time.
            log_error(error)
    return KeptSession(row)


def _note_use(row: Any, *, now: datetime) -> None:
    with writing(hurried=True):
        db.session.execute(sa.update(SessionRow).where(SessionRow.id == row.id).values(seen_at=now))
        if row.used_on != now.date():
            note_use(row.account_id, now=now)
        db.session.commit()


_FIND = (
    sa.select(
        SessionRow.id,
        SessionRow.account_id,
        SessionRow.csrf_token,
        SessionRow.created_at,
        SessionRow.seen_at,
        SessionRow.proved_at,
        SessionRow.strong,
        SessionRow.news_at,
        Account.role,
        Account.suspended_at,
        Account.used_on,
    )
    .join(Account, Account.id == SessionRow.account_id)
    .where(SessionRow.id_digest == sa.bindparam("digest"))
)


def limits_of(role: str) -> tuple[timedelta, timedelta]:
    """Return how long a session of a role lasts without use, and at the longest."""
    if role in HOUSE:
        return HOUSE_IDLE_LIMIT, HOUSE_ABSOLUTE_LIMIT
    return IDLE_LIMIT, ABSOLUTE_LIMIT


# -- Verbs ----------------------------------------------------------------------------------


def begin_session(account: Account, *, now: datetime, strong: bool, device: str = "") -> str:
    """Begin a session and return its token, which is kept nowhere but in the cookie.

    `strong` says that two factors were shown; `device` is `device_code`'s. The id is
    always new, whatever cookie the browser came with, so a planted one is worth
    nothing. Dead sessions of everybody are cleared away on the occasion. Flushes; the
    caller commits.
    """
    db.session.execute(
        sa.delete(SessionRow).where(is_over(now)),
        execution_options={"synchronize_session": False},
    )
    note_use(account.id, now=now)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    db.session.execute(
        sa.insert(SessionRow).values(
            id_digest=digest_of_token(token),
            account_id=account.id,
            csrf_token=secrets.token_hex(_TOKEN_BYTES),
            created_at=now,
            seen_at=now,
            proved_at=now,
            strong=strong,
            device=device,
        )
    )
    session_begun.send(account)
    return token


def is_over(now: datetime) -> sa.ColumnElement[bool]:
    """Say of a session that it is over: too long without use, or too long altogether."""
    house, guests = (is_past(roles, limits_of(roles[0]), now=now) for roles in (HOUSE, (GUEST,)))
    return sa.or_(house, guests)


def renew_present_session(*, now: datetime, strong: bool = False) -> str:
    """Note a fresh proof, give the present session a new id, and return its token.

    `strong` only ever adds: who showed two factors before has shown them. The caller
    commits, and keeps the token in the cookie. Raises RuntimeError without a session.
    """
    present = current_session()
    if present is None:
        raise RuntimeError("There is no session to renew.")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    db.session.execute(
        sa.update(SessionRow)
        .where(SessionRow.id == present.row_id)
        .values(
            id_digest=digest_of_token(token),
            csrf_token=secrets.token_hex(_TOKEN_BYTES),
            proved_at=now,
            strong=present.strong or strong,
        )
    )
    return token


def end_session(row_id: int) -> None:
    """End one session; a copy of its cookie is worth nothing from the commit on."""
    session_ended.send(None, row_ids=[row_id])
    db.session.execute(sa.delete(SessionRow).where(SessionRow.id == row_id))


def end_present_session() -> bool:
    """End the session that this request came with, and tell whether there was one."""
    present = current_session()
    if present is None:
        return False
    end_session(present.row_id)
    return True


def end_all(account: Account, *, except_row: int | None = None) -> int:
    """End every session of an account, or all but one, and return how many there were."""
    others = (SessionRow.account_id == account.id, SessionRow.id != (except_row or 0))
    ended = db.session.scalars(sa.select(SessionRow.id).where(*others)).all()
    session_ended.send(None, row_ids=ended)
    db.session.execute(sa.delete(SessionRow).where(SessionRow.id.in_(ended)))
    return len(ended)


# -- Who is asking --------------------------------------------------------------------------


class SignedIn(UserMixin):
    """An account in the words of Flask-Login."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def get_id(self) -> str:
        """Return the id that the session holds."""
        return str(self.account.id)


login_manager = LoginManager()
# Its protection compares address and browser, which change on the way; the row decides.
login_manager.session_protection = None


@login_manager.user_loader
def _load(account_id: str) -> SignedIn | None:
    account = db.session.get(Account, int(account_id))
    return SignedIn(account) if account else None


@login_manager.unauthorized_handler
def _ask_to_sign_in() -> ResponseReturnValue:
    # After a form there is nothing to come back to: its address may not be a page.
    back = request.full_path.removesuffix("?") if request.method in ("GET", "HEAD") else None
    return redirect(url_for("accounts.sign_in", next=back), 303)


def current_account() -> Account | None:
    """Return the account that is signed in, its real row, or None."""
    return current_user.account if current_user.is_authenticated else None


def current_session() -> KeptSession | None:
    """Return the session that this request came with, as it was when the request began."""
    present = session._get_current_object()  # type: ignore[attr-defined]
    return present if isinstance(present, KeptSession) else None


def has_proved_lately(*, now: datetime) -> bool:
    """Tell whether the person at hand proved who they are within `PROOF_LIFE`."""
    present = current_session()
    proved_at = present.proved_at if present else None
    return proved_at is not None and now < proved_at + PROOF_LIFE


def account_required(view: View[P]) -> View[P]:
    """Let only somebody signed in through; others are asked to sign in first."""

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        g.private = True
        if current_account() is None:
            unauthorized: ResponseReturnValue = login_manager.unauthorized()
            return unauthorized
        return view(*args, **kwargs)

    return wrapped


def proof_required(view: View[P]) -> View[P]:
    """Ask again who it is before what is sensitive, unless they proved it just now.

    A form sent too late leads, after the proof, to its own page, or to the page of
    the account's security where it has none.
    """

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if has_proved_lately(now=utcnow()):
            return view(*args, **kwargs)
        methods = request.url_rule.methods if request.url_rule else None
        back = request.path if methods and "GET" in methods else url_for("accounts.security")
        return redirect(url_for("accounts.confirm", next=back), 303)

    return account_required(wrapped)


_RANK = {GUEST: 0, READER: 1, STAFF: 2, OWNER: 3}


def may(account: Account, role: str) -> bool:
    """Tell whether an account has a role, or one above it."""
    return _RANK[account.role] >= _RANK[role]


def ask_the_house(role: str = READER) -> ResponseReturnValue | None:
    """Return the answer to whoever may not open the owner's pages; None for who may.

    A stranger is asked to sign in, a guest finds nothing here (404), somebody of the
    house who showed one factor only sets up the second first, and a role that may
    not do this is told so (403).
    """
    account, present = current_account(), current_session()
    if account is None or present is None:
        unauthorized: ResponseReturnValue = login_manager.unauthorized()
        return unauthorized
    if not account.of_the_house:
        abort(404)
    if not present.strong:
        return redirect(url_for("accounts.security", _anchor="second"), 303)
    if not may(account, role):
        abort(403)
    return None


def init_app(app: Flask, settings: Settings) -> None:
    """Open sessions from rows, and tell Flask-Login who is asking."""
    app.session_interface = RowSessions(settings)
    # Without its context processor: it would load the account for every page.
    login_manager.init_app(app, add_context_processor=False)
