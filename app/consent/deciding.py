"""Choosing: one verb for every yes and no, wherever it comes from.

It writes the receipt, and makes grants, carries them over, or ends them. What
was noted under a grant that ends is gone with it, in the same transaction.
"""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts import restrictions
from app.accounts.models import Account
from app.consent import chain, notice, receipts
from app.consent.choices import Choice, mark_of, runs_out
from app.consent.models import AccountRefusal, Grant
from app.consent.notice import Notice
from app.consent.register import OF_CATEGORY
from app.consent.signals import DNT, GPC
from app.core import withdrawals
from app.core.database import after_commit, changed, clear_journal, db, table
from app.core.datamap import Purpose
from app.core.limits import Limit
from app.core.tokens import digest_of_token
from app.web.cookies import OPTIONAL, Category

# A hotel's whole Wi-Fi may stand behind one network; a program that fills the chain doesn't.
CHOOSING = Limit("choose", burst=200, per_hour=2000)

OVERRULED = ""
"""What stands for an account's signal once an explicit yes has overruled it."""

NOTED = (Category.STATISTICS, Category.SUGGESTIONS)
"""The categories under which the server keeps lines: each has a grant and a random number."""

_FOR = {
    Category.STATISTICS: Purpose.STATISTICS,
    Category.SUGGESTIONS: Purpose.SUGGESTIONS,
}

_grants, _refusals = table(Grant), table(AccountRefusal)
_TOKEN_BYTES = 16


@dataclass(frozen=True, slots=True)
class Controller:
    """Who asks: its name, and its address on the web."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A choice that was made, and the random numbers that its cookies are to hold."""

    choice: Choice
    tokens: Mapping[Category, str]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How an answer was given: where, under which signal, by whom if they are signed in."""

    how: str  # "banner", "page", "footer", "signal"
    shown: Notice
    controller: Controller
    signal: str = ""
    account_id: int | None = None
    person_id: str | None = None


def decide(
    answers: Mapping[Category, bool],
    previous: Choice | None,
    held: Mapping[Category, str],
    around: Circumstances,
    *,
    now: datetime,
) -> Decided:
    """Record an answer and make it so.

    `answers` has the categories that were answered; the others stay as `previous`
    had them. `held` has the random numbers that the browser sent along and that are
    its own. A yes covers what the question that was shown said, and no more; under a
    signal it overrules that, and is recorded as doing so. The caller commits.
    """
    now = now.replace(microsecond=0)
    # Of two answers that one browser gives at once, the second finds what the first did.
    chain.hold()
    said = _all_said(answers, previous, around.shown, now)
    choice = Choice(
        receipt_id=secrets.token_urlsafe(_TOKEN_BYTES),
        made_at=now,
        answers=said,
        over_signal=bool(around.signal and any(said.values())),
        counts_from=_counts_from(answers, previous),
    )
    controller = around.controller
    notice.record(around.shown, now=now)
    chain.append(
        receipts.record(
            choice,
            around.shown,
            how=around.how,
            signal=around.signal,
            site_url=controller.url,
            site_name=controller.name,
        ),
        now=now,
    )
    tokens = _renew_grants(choice, previous, held, around.person_id, now=now)
    if around.person_id is not None:
        _take_back_objections(answers, around.person_id, now=now)
    if around.account_id is not None:
        _keep_for_account(choice, around, now=now)
    marks = {category: mark_of(token) for category, token in tokens.items()}
    return Decided(replace(choice, marks=marks), tokens)


def _counts_from(answers: Mapping[Category, bool], previous: Choice | None) -> datetime | None:
    """Return since when what is carried over counts; None where nothing is."""
    if previous is None or not any(c not in answers for c in previous.answers):
        return None
    return previous.counts_from or previous.made_at


def _all_said(
    answers: Mapping[Category, bool], previous: Choice | None, shown: Notice, now: datetime
) -> dict[Category, str]:
    """Return what is said of each category now, as a choice keeps it.

    A yes covers what the question said that was answered: where that was an older one,
    and more has come since, it is asked again. Of what wasn't asked, nothing is said.
    """
    about = {part.code: part.inventory for part in shown.parts}
    said = {}
    for category in OPTIONAL:
        if category in answers:
            if not answers[category]:
                said[category] = ""
            elif category in about:
                said[category] = about[category]
        elif previous and category in previous.answers:
            yes = previous.answers[category]
            said[category] = yes if yes and _still_stands(previous, category, now) else ""
        elif category in about:
            said[category] = ""
    return said


def _still_stands(previous: Choice, category: Category, now: datetime) -> bool:
    """Whether an earlier yes may be carried over: an old cookie is no proof of that.

    One that was withdrawn since has lost its grant. Of preferences the server keeps
    nothing, so there the cookie's word is all there is.
    """
    if category not in NOTED:
        return True
    alive = sa.select(_grants.c.id).where(
        _grants.c.receipt_id == previous.receipt_id,
        _grants.c.category == category,
        _grants.c.expires_at > now,
    )
    return db.session.connection().execute(alive).first() is not None


def _renew_grants(
    choice: Choice,
    previous: Choice | None,
    held: Mapping[Category, str],
    person_id: str | None,
    *,
    now: datetime,
) -> dict[Category, str]:
    """End the grants that aren't given any more, carry over the others, make new ones."""
    connection = db.session.connection()
    granted = [category for category in NOTED if category in choice.granted]
    mine = sa.or_(
        _grants.c.receipt_id == (previous.receipt_id if previous else ""),
        _grants.c.token_digest.in_([digest_of_token(token) for token in held.values()]),
    )
    end_grants(mine, _grants.c.category.not_in(granted), now=now)
    tokens = {}
    for category in granted:
        token = held.get(category, "")
        if not (token and previous and _goes_on(choice, previous, category, token, person_id)):
            token = secrets.token_urlsafe(_TOKEN_BYTES)
            # One that this browser doesn't know of any more can't be read by anybody either.
            end_grants(mine, _grants.c.category == category, now=now)
            connection.execute(
                sa.insert(Grant),
                {
                    "receipt_id": choice.receipt_id,
                    "category": category.value,
                    "token_digest": digest_of_token(token),
                    "person_id": person_id,
                    "granted_at": choice.made_at,
                    "expires_at": choice.until,
                },
            )
        tokens[category] = token
    return tokens


def _goes_on(
    choice: Choice, previous: Choice, category: Category, token: str, person_id: str | None
) -> bool:
    """Let a grant go on under a new choice, and tell whether there was one to go on.

    Only one that hangs on the choice before, and so was given to this very browser:
    whoever had planted its number there would read on. Nor one of another person,
    who has used the same browser.
    """
    its_own = [
        _grants.c.token_digest == digest_of_token(token),
        _grants.c.category == category,
        _grants.c.receipt_id == previous.receipt_id,
        _grants.c.expires_at > choice.made_at,
    ]
    values: dict[str, object] = {"receipt_id": choice.receipt_id, "expires_at": choice.until}
    if person_id is not None:
        its_own.append(sa.or_(_grants.c.person_id.is_(None), _grants.c.person_id == person_id))
        values["person_id"] = person_id
    result = db.session.execute(sa.update(Grant).where(*its_own).values(**values))
    return changed(result) == 1


def _keep_for_account(choice: Choice, around: Circumstances, *, now: datetime) -> None:
    """Let a signal count for the account too, until it is overruled by an explicit yes."""
    whose = _refusals.c.account_id == around.account_id
    kept = db.session.execute(sa.select(_refusals).where(whose)).one_or_none()
    values = {"receipt_id": choice.receipt_id, "signal": around.signal, "at": now}
    if around.how == "signal" and kept is None:
        values |= {"account_id": around.account_id}
        db.session.execute(sa.insert(_refusals).values(**values))
        _note_signal(around, around.signal, now=now)
    elif around.how == "signal" and kept is not None and _is_past(kept, now):
        db.session.execute(sa.update(_refusals).where(whose).values(**values))
        _note_signal(around, around.signal, now=now)
    elif around.how != "signal" and choice.granted and kept is not None:
        values["signal"] = OVERRULED
        db.session.execute(sa.update(_refusals).where(whose).values(**values))
        _note_signal(around, kept.signal, now=now, lifted=True)


def _note_signal(
    around: Circumstances, signal: str, *, now: datetime, lifted: bool = False
) -> None:
    if around.person_id is not None and signal != OVERRULED:
        said = (around.person_id, signal)
        withdrawals.note(withdrawals.SIGNAL, [said], now=now, lifted=lifted)


@withdrawals.carries_out(withdrawals.SIGNAL)
def _refuse_again(wanted: withdrawals.Wanted) -> None:
    """Let a signal count for an account again; its receipt is the visitor's, and not here."""
    for account in db.session.execute(sa.select(Account.id, Account.person_id)).all():
        for signal in (GPC, DNT):
            at = wanted.since(account.person_id, signal)
            if at is not None and refusal_of(account.id) is None:
                said = AccountRefusal(account_id=account.id, receipt_id="", signal=signal, at=at)
                db.session.merge(said)


def _take_back_objections(
    answers: Mapping[Category, bool], person_id: str, *, now: datetime
) -> None:
    """End a person's objection to what they said yes to just now: the later word counts."""
    for category in NOTED:
        if answers.get(category):
            restrictions.lift([person_id], _FOR[category], restrictions.OBJECT, now=now)


def object_to(category: Category, person_ids: Collection[str], *, now: datetime) -> None:
    """End what persons said yes to in all their browsers, with what was noted.

    The caller writes their objection down, and commits.
    """
    end_grants(_grants.c.person_id.in_(person_ids), _grants.c.category == category, now=now)


def claim(held: Collection[str], person_id: str, *, now: datetime) -> None:
    """Say whose the grants of a browser are, once they sign in. The caller commits.

    What they have objected to since their account is there isn't taken up, but ended; and so
    is what somebody else said yes to, who signed in with this browser before: what is done
    here from now on would be noted as theirs, and shown to them.
    """
    if held:
        digests = [digest_of_token(token) for token in held]
        another = sa.and_(_grants.c.person_id.is_not(None), _grants.c.person_id != person_id)
        end_grants(_grants.c.token_digest.in_(digests), another, now=now)
        for category in NOTED:
            if restrictions.restricted([person_id], _FOR[category]):
                its_own = (_grants.c.token_digest.in_(digests), _grants.c.category == category)
                end_grants(*its_own, now=now)
        db.session.execute(
            sa.update(Grant)
            .where(
                _grants.c.token_digest.in_(digests),
                _grants.c.person_id.is_(None),
            )
            .values(person_id=person_id)
        )


def refusal_of(account_id: int) -> AccountRefusal | None:
    """Return the refusal by signal that counts for an account."""
    kept = db.session.get(AccountRefusal, account_id)
    return kept if kept is not None and kept.signal != OVERRULED else None


def may_be_kept(account_id: int, *, now: datetime) -> bool:
    """Tell whether a signal is news for an account: it has none, or overruled one long ago.

    Otherwise a browser that sends it with every request would at once undo what
    the same person has said yes to in another.
    """
    kept = db.session.get(AccountRefusal, account_id)
    return kept is None or _is_past(kept, now)


def _is_past(kept: Any, now: datetime) -> bool:
    return kept.signal == OVERRULED and runs_out(kept.at) <= now


def alive_among(tokens: Collection[str], *, now: datetime) -> frozenset[Category]:
    """Return the categories in which a living grant hangs on any of these random numbers."""
    found = sa.select(_grants.c.category).where(
        _grants.c.token_digest.in_([digest_of_token(token) for token in tokens]),
        _grants.c.expires_at > now,
    )
    return frozenset(map(Category, db.session.connection().scalars(found)))


def end(tokens: Collection[str], *, now: datetime) -> None:
    """End the grants of these random numbers, and what was noted. The caller commits."""
    end_grants(_grants.c.token_digest.in_(map(digest_of_token, tokens)), now=now)


def end_grants(*which: sa.ColumnElement[bool], now: datetime) -> int:
    """End the grants that meet these conditions, with all that was noted; return how many.

    The caller commits.
    """
    ended = db.session.connection().scalars(
        sa.delete(_grants).where(*which).returning(_grants.c.token_digest)
    )
    digests = ended.all()
    if digests:
        withdrawals.note(withdrawals.CHOICE, ((one,) for one in digests), now=now)
        after_commit(clear_journal)
    return len(digests)


@withdrawals.carries_out(withdrawals.CHOICE)
def _end_again(wanted: withdrawals.Wanted) -> None:
    for row in db.session.execute(sa.select(_grants.c.id, _grants.c.token_digest)).all():
        if wanted.since(row.token_digest) is not None:
            db.session.execute(sa.delete(_grants).where(_grants.c.id == row.id))


def ran_out(now: datetime) -> sa.ColumnElement[bool]:
    """Say of a grant that its choice ran out; all that hangs on it goes with it."""
    return Grant.expires_at <= now


assert set(NOTED) <= set(OF_CATEGORY)
