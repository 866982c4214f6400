"""What a request carries of a visitor's consent: read once, before anything else asks.

A page asks `consent()`; a writer asks `permission(…)` and gets one only from a
live yes. Reading costs no statement, except for somebody who is signed in.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from flask import Flask, Response, current_app, g, has_request_context, request, session
from flask_wtf.csrf import generate_csrf

from app.accounts.sessions import current_account
from app.consent import deciding, notice
from app.consent.choices import Choice, from_cookie, to_cookie
from app.consent.deciding import (
    CHOOSING,
    NOTED,
    Circumstances,
    Controller,
    Decided,
    decide,
    refusal_of,
)
from app.consent.register import CHOICE, OF_CATEGORY
from app.consent.signals import signal_in
from app.core.clock import utcnow
from app.core.database import after_commit, db, writing
from app.core.limits import TooManyRequests, spend
from app.core.tokens import digest_of_token
from app.core.vault import derive
from app.web.cookies import OPTIONAL, Category
from app.web.network import network
from app.web.pages import settings

NO_JAR = "none"
"""What the address carries once a browser has shown that it keeps no cookies."""
GATE: Final = "reserved.consent"
"""Under this name the gate finds what is permitted, in the request's environment."""
_MACHINES = frozenset({"assets", "health", "machines"})
_MAKE = object()


@dataclass(frozen=True, slots=True)
class Consent:
    """What a visitor has said so far, and what their browser says for them."""

    choice: Choice | None = None
    signal: str = ""
    keeps_cookies: bool = True

    @property
    def refused_for_them(self) -> bool:
        """Whether the browser's signal is what counts."""
        return bool(self.signal) and not (self.choice and self.choice.over_signal)

    @property
    def granted(self) -> frozenset[Category]:
        """The categories with a yes that counts now."""
        if self.choice is None or self.refused_for_them:
            return frozenset()
        return self.choice.granted

    @property
    def asks(self) -> tuple[Category, ...]:
        """The categories that the banner asks about; empty where there is no banner."""
        if self.signal or not self.keeps_cookies:
            return ()
        return self.choice.unanswered if self.choice else OPTIONAL

    @property
    def line(self) -> str:
        """Which line stands in the banner's place: "signal", "no-jar" or ""."""
        if self.refused_for_them:
            return "signal"
        return "" if self.keeps_cookies or self.choice else "no-jar"

    @property
    def waits(self) -> tuple[Category, ...]:
        """The categories whose yes doesn't cover what they have become: nothing is added under
        them, and nothing taken away, until that is answered."""
        return self.choice.outgrown if self.choice and not self.refused_for_them else ()

    def allows(self, category: Category) -> bool:
        """Whether something of a category may be stored or noted now."""
        return category == Category.NECESSARY or category in self.granted

    @property
    def frame_key(self) -> tuple[object, ...]:
        """What a page's frame depends on: pages are shared only between the same."""
        line = self.signal if self.line == "signal" else self.line
        return (self.asks, line, tuple(sorted(self.granted)))


class Permission:
    """A live yes to one category, and the grant that stands for it on the server.

    Only `permission` makes one. Whoever writes under it hands `token_digest` to
    the database, which looks once more whether the grant is alive.
    """

    __slots__ = ("category", "token_digest")

    def __init__(self, key: object, category: Category, token_digest: bytes) -> None:
        if key is not _MAKE:
            raise TypeError("A permission comes from a live choice only.")
        self.category = category
        self.token_digest = token_digest


def consent() -> Consent:
    """Return what the present request's visitor has said."""
    found: Consent | None = g.get("consent")
    # A form that the guard refused gets its page before anything was read.
    return found or _read(utcnow())


def permission(category: Category) -> Permission | None:
    """Return the permission to note something under a category, or None."""
    from_now = g.get("consent")
    if from_now is None or category not in from_now.granted:
        return None
    token = held_tokens().get(category)
    return Permission(_MAKE, category, digest_of_token(token)) if token else None


def held_tokens() -> dict[Category, str]:
    """Return the random numbers that the browser sent along and that are its own, by category.

    Its own are those that were given out with its choice. One that somebody planted
    beside it is none: what this visitor does would be noted where another can read it.
    """
    decided: Decided | None = g.get("decided")
    if decided is not None:
        return dict(decided.tokens)
    choice = consent().choice
    found = {category: OF_CATEGORY[category].value() for category in NOTED}
    return {c: one for c, one in found.items() if choice and choice.marks_as_its_own(c, one)}


def living(*, now: datetime) -> frozenset[Category]:
    """Return the categories with a yes that is alive on the server too, for pages that show it.

    A yes that was ended from another browser still stands in this one's cookie, and
    does nothing. One statement at most.
    """
    granted = consent().granted
    if granted.isdisjoint(NOTED):
        return granted
    alive = deciding.alive_among(held_tokens().values(), now=now)
    return frozenset(one for one in granted if one not in NOTED or one in alive)


def choose(answers: dict[Category, bool], around: Circumstances, *, now: datetime) -> Choice:
    """Record the present visitor's answer. The caller commits.

    From the commit on it counts, and the response carries its cookies. Where the
    commit fails, the browser isn't told of a choice that nobody could prove.
    """
    decided = decide(answers, consent().choice, held_tokens(), around, now=now)
    after_commit(lambda: keep(decided))
    return decided.choice


def keep(decided: Decided) -> None:
    """Make an answer that was recorded count from here on, in this very response too."""
    g.decided = decided
    _set(replace(consent(), choice=decided.choice))


def circumstances(how: str, shown: notice.Notice | None = None) -> Circumstances:
    """Return how the present request's answer is given."""
    account = current_account() if getattr(session, "is_kept", False) else None
    name: str = current_app.extensions["controller_name"]()
    return Circumstances(
        how=how,
        shown=shown or notice.present(),
        controller=Controller(name, settings().site_url),
        signal=consent().signal,
        account_id=account.id if account else None,
        person_id=account.person_id if account else None,
    )


def _before() -> None:
    """Read what came with the request, before any view."""
    now = utcnow()
    _read(now)
    if request.blueprint not in _MACHINES:
        _hear_signal(now)
        _end_strays(now)


def _read(now: datetime) -> Consent:
    choice = _still_ours(from_cookie(CHOICE.value(), _secret(), now=now))
    keeps_cookies = choice is not None or request.args.get("cookies") != NO_JAR
    if not keeps_cookies:
        g.carried["cookies"] = NO_JAR
    return _set(Consent(choice, signal_in(request.headers), keeps_cookies))


def _still_ours(choice: Choice | None) -> Choice | None:
    """Return a choice without the yes that was said to whoever was responsible before (C24).

    That is asked again. A no stays a no: the new one may do no more than the former.
    """
    if choice is None or not any(choice.answers.values()) or request.blueprint in _MACHINES:
        return choice
    since: datetime | None = current_app.extensions["controller_since"]()
    if since is None or choice.made_at >= since:
        return choice
    said = {category: answer for category, answer in choice.answers.items() if not answer}
    return replace(choice, answers=said, marks={}) if said else None


def _hear_signal(now: datetime) -> None:
    """Let a signal, or an account's, end an earlier yes; and keep a signal for the account."""
    said = consent()
    account = current_account() if getattr(session, "is_kept", False) else None
    kept = refusal_of(account.id) if account else None
    made_at = said.choice.made_at if said.choice else None
    later = kept is not None and (made_at is None or made_at < kept.at)
    news = (
        account is not None
        and kept is None
        and said.refused_for_them
        and deciding.may_be_kept(account.id, now=now)
    )
    if kept is not None and later and not said.signal:
        # Of two answers the later counts, and the account's was given by a signal.
        said = _set(replace(said, signal=kept.signal))
    any_yes = bool(said.choice and any(said.choice.answers.values()))
    if news or (any_yes and (said.refused_for_them or later)):
        around = circumstances("signal")
        with writing():
            _end_by_signal(around, now)


def _end_by_signal(around: Circumstances, now: datetime) -> None:
    try:
        # An old yes can be sent with a signal as often as anybody likes: each would be an
        # entry in the chain.
        spend(CHOOSING, network(now), now=now)
    except TooManyRequests:
        _set(replace(consent(), choice=None))  # a refusal all the same, without a receipt
        return
    choose(dict.fromkeys(OPTIONAL, False), around, now=now)
    db.session.commit()


def _end_strays(now: datetime) -> None:
    """End what the browser has a number for and no yes: its choice was deleted, or overtaken."""
    said = consent()
    strays = [
        token
        for category in NOTED
        if (token := OF_CATEGORY[category].value())
        and not said.allows(category)
        and category not in said.waits
    ]
    # Looked up first: a made-up cookie must not be able to take the write lock.
    if strays and deciding.alive_among(strays, now=now):
        with writing():
            deciding.end(strays, now=now)
            db.session.commit()


def _give_cookies(response: Response) -> Response:
    """Set the cookies of a new answer, and take back what isn't permitted any more."""
    said: Consent | None = g.get("consent")
    if said is None or request.blueprint in _MACHINES:
        return response
    decided: Decided | None = g.get("decided")
    if decided is not None:
        choice = decided.choice
        seconds = int((choice.until - choice.made_at).total_seconds())
        CHOICE.keep(response, to_cookie(choice, _secret()), seconds=seconds)
        for category, token in decided.tokens.items():
            OF_CATEGORY[category].keep(response, token, seconds=seconds)
    for category, cookie in OF_CATEGORY.items():
        if cookie.value() and not said.allows(category) and category not in said.waits:
            cookie.forget(response)
    return response


def _set(found: Consent) -> Consent:
    g.consent = found
    request.environ[GATE] = found.granted
    return found


def _secret() -> bytes:
    found: bytes = current_app.extensions["choice_secret"]
    return found


def _answer_token() -> str:
    """Return the session's token for the frame's own forms, or "" where there is no session.

    A page with a token in it is private: it is neither stored nor compressed.
    """
    if not getattr(session, "is_kept", False):
        return ""
    g.private = True
    found: str = generate_csrf()
    return found


def _context() -> dict[str, Any]:
    return {
        # Mails have no request, and nobody's answer.
        "consent": consent() if has_request_context() else Consent(),
        "cookie_notice": notice.present,
        "cookie_notice_digest": notice.present_digest,
        "answer_token": _answer_token,
    }


def init_app(app: Flask) -> None:
    """Read each visitor's consent before anything else does."""
    app.extensions["choice_secret"] = derive(
        app.extensions["settings"].secret_key, "reserved: choices"
    )
    app.before_request(_before)
    app.after_request(_give_cookies)
    app.context_processor(_context)
