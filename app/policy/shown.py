"""Who was shown that a document changes, once each, and who noticed (C25).

Being shown a version, pressing “noted” or going on using the site is recorded as *noticed*.
It is never an agreement, and never a yes to anything optional: nothing here writes either.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.models import Account, Claim, Person, SessionRow
from app.accounts.sessions import ABSOLUTE_LIMIT
from app.core.database import changed, db, table
from app.policy.models import Agreement, DocumentVersion, VersionNotice

BUTTON, USE = "button", "use"
"""How it was noticed: by a press of the button, or by coming again once it is in force."""
ANOTHER_VISIT = ABSOLUTE_LIMIT
"""From so long after on, it is another visit: no session lasts longer."""

_KEY_BYTES = 18
_LONGEST_KEY = 40
_version, _notice = table(DocumentVersion), table(VersionNotice)
_account, _claim, _person = table(Account), table(Claim), table(Person)
_agreement = table(Agreement)
# Both know ON CONFLICT; neither knows the other's.
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A version that somebody is shown now, for the first time."""

    person_id: str
    document: str
    number: int
    language: str
    summary: str
    effective_at: datetime
    coming: bool
    key: str  # of its button, kept nowhere but in the page; the row has its digest


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be shown to somebody now, and which rows are noticed by their coming again."""

    prompts: tuple[Prompt, ...] = ()
    noticed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """How many were shown a version on a page, and noticed it."""

    shown: int = 0
    pressed: int = 0
    by_use: int = 0
    agreed: int = 0  # persons with an agreement to it


def of_account(account_id: int, language: str, *, now: datetime) -> Found:
    """Return what an account's person is to be shown. One statement."""
    own = sa.select(_account.c.person_id).where(_account.c.id == account_id)
    claimed = sa.select(_claim.c.person_id).where(_claim.c.account_id == account_id)
    return _found(own.scalar_subquery(), sa.union_all(own, claimed), language, now=now)


def of_person(person_id: str, language: str, *, now: datetime) -> Found:
    """Return what a guest without an account is to be shown. One statement."""
    return _found(sa.literal(person_id), [person_id], language, now=now)


def _found(own: Any, persons: Any, language: str, *, now: datetime) -> Found:
    """Look for versions that people were told of, that count or will, and that are new to them.

    Who agreed to a version, or came only once it was in force, needs no prompt.
    """
    mine = sa.and_(
        _notice.c.document == _version.c.document,
        _notice.c.number == _version.c.number,
        _notice.c.person_id.in_(persons),
    )
    later = _version.alias()
    replaced = sa.exists().where(
        later.c.document == _version.c.document,
        later.c.number > _version.c.number,
        later.c.effective_at <= now,
        later.c.withdrawn_at.is_(None),
    )
    agreed_to = _version.alias()
    agreed = (
        sa.exists()
        .where(_agreement.c.person_id.in_(persons))
        .where(_agreement.c.version_id == agreed_to.c.id)
        .where(agreed_to.c.document == _version.c.document)
        .where(agreed_to.c.number >= _version.c.number)
    )
    there = sa.exists().where(_person.c.id == own, _person.c.created_at < _version.c.effective_at)
    columns = [_version.c[name] for name in ("document", "number", "language", "summary")]
    query = (
        sa.select(
            own.label("person_id"), *columns, _version.c.effective_at,
            _notice.c.id, _notice.c.shown_at, _notice.c.noticed_at,
        )
        .select_from(_version.outerjoin(_notice, mine))
        .where(_version.c.language == language, _version.c.summary != "")
        .where(_version.c.withdrawn_at.is_(None))
        .where(sa.not_(replaced), sa.not_(agreed), there)
        .order_by(_version.c.effective_at, _version.c.document, _version.c.number)
    )  # fmt: skip
    rows = db.session.execute(query).all()
    return Found(
        tuple(
            Prompt(
                row.person_id, row.document, row.number, row.language, row.summary,
                row.effective_at, row.effective_at > now, secrets.token_urlsafe(_KEY_BYTES),
            )
            for row in rows
            if row.id is None
        ),
        tuple(row.id for row in rows if _comes_again(row, now)),
    )  # fmt: skip


def _comes_again(row: Any, now: datetime) -> bool:
    """Whether somebody who saw it before is here again, and it is in force."""
    return (
        row.id is not None
        and row.noticed_at is None
        and row.effective_at <= now
        and row.shown_at + ANOTHER_VISIT <= now
    )


def record(found: Found, *, now: datetime) -> None:
    """Write down what somebody was shown, once a person and version. The caller commits."""
    connection = db.session.connection()
    if found.prompts:
        insert = _INSERTS[connection.dialect.name]
        rows = [
            {
                "person_id": one.person_id,
                "document": one.document,
                "number": one.number,
                "language": one.language,
                "key_digest": _digest(one.key),
                "shown_at": now,
                "noticed_how": "",
            }
            for one in found.prompts
        ]
        connection.execute(insert(_notice).values(rows).on_conflict_do_nothing())
    if found.noticed:
        _note(_notice.c.id.in_(found.noticed), USE, now=now)


def press(key: str, *, now: datetime) -> bool:
    """Record that somebody pressed “noted”; tell whether there was anything to note.

    The caller commits.
    """
    if not key or len(key) > _LONGEST_KEY:
        return False
    return _note(_notice.c.key_digest == _digest(key), BUTTON, now=now)


def _note(which: sa.ColumnElement[bool], how: str, *, now: datetime) -> bool:
    statement = sa.update(_notice).where(which, _notice.c.noticed_at.is_(None))
    return bool(changed(db.session.execute(statement.values(noticed_at=now, noticed_how=how))))


def _digest(key: str) -> bytes:
    # The key is random in full, so a plain hash can't be searched back.
    return sha256(key.encode()).digest()


def counts(document: str, number: int) -> Shown:
    """Return how many were shown a version, noticed it, and agreed to it."""
    mine = (_notice.c.document == document, _notice.c.number == number)
    query = sa.select(_notice.c.noticed_how, sa.func.count()).where(*mine)
    rows = db.session.execute(query.group_by(_notice.c.noticed_how))
    found = {str(how): int(number) for how, number in rows}
    agreed = (
        sa.select(sa.func.count(_agreement.c.person_id.distinct()))
        .join(_version, _version.c.id == _agreement.c.version_id)
        .where(_version.c.document == document, _version.c.number == number)
    )
    return Shown(
        shown=sum(found.values()),
        pressed=found.get(BUTTON, 0),
        by_use=found.get(USE, 0),
        agreed=int(db.session.scalar(agreed) or 0),
    )


def note_news(row_id: int, *, now: datetime) -> None:
    """Note that it was looked up what a session's person should know. The caller commits."""
    db.session.execute(sa.update(SessionRow).where(SessionRow.id == row_id).values(news_at=now))
