"""Who of the house opened whose details: noted as it happens, shown to whom it concerns."""

from collections.abc import Collection
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.models import Account, Reading
from app.core.database import db, table
from app.core.languages import N_
from app.core.vault import PersonUnknown, vault

KEPT_MONTHS = 12
KEPT = timedelta(days=365)

LIST, RESERVATION, MAIL, MESSAGE = "list", "reservation", "mail", "message"
DETAIL, EXPORT, SURVEY, REQUEST = "detail", "export", "survey", "request"
PARTNER, REVIEW = "partner", "review"
WHAT = {
    LIST: N_("your name, in a list"),
    RESERVATION: N_("everything about a reservation of yours"),
    MAIL: N_("a mail to you"),
    MESSAGE: N_("your messages with the house"),
    DETAIL: N_("one of your details"),
    EXPORT: N_("your details, for a file that the house made"),
    SURVEY: N_("what you wrote to us after your stay"),
    REQUEST: N_("what you asked about your own data"),
    PARTNER: N_("what you allowed a partner to get, on a sheet for that partner"),
    REVIEW: N_("your review, before it was shown"),
}

DETAILS = {
    "email": N_("your e-mail address"),
    "phone": N_("your telephone number"),
    "billing_address": N_("your billing address"),
    "shipping_address": N_("your shipping address"),
    "company": N_("your company"),
    "wechat_id": N_("your WeChat ID"),
    "language": N_("your language"),
}
"""What is opened one at a time, as the person whose it is reads of it."""

OTHER = "other"
PURPOSES = {
    "arrival": N_("to arrange your arrival"),
    "question": N_("for a question about your reservation"),
    "lost": N_("because something was lost or found"),
    "billing": N_("for a bill or a payment"),
    "letter": N_("to write to several guests"),
    "authority": N_("because an authority asked for it"),
    OTHER: N_("for another reason"),
}
"""What a detail was opened for."""

MOST_REASON = 400  # characters, of all that was typed on a day together

_reading = table(Reading)
# Both know ON CONFLICT; neither knows the other's.
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Shown(NamedTuple):
    """One line of what a person is shown: who looked, at what, when last, how often that day."""

    day: date
    role: str
    what: str
    times: int
    at: datetime
    detail: str = ""
    purpose: str = ""
    reason: str = ""


def note(reader: Account, person_ids: Collection[str], what: str, *, now: datetime) -> None:
    """Note that somebody of the house was shown something of these persons.

    One statement however many they are. The caller commits.
    """
    if not person_ids:
        return
    day = now.date()
    rows = [
        {
            "person_id": person_id,
            "reader_id": reader.id,
            "role": reader.role,
            "what": what,
            "day": day,
            "detail": "",
            "purpose": "",
            "times": 1,
            "at": now,
        }
        for person_id in sorted(set(person_ids))
    ]
    _put(rows, {})


def note_purpose(
    reader: Account,
    person_ids: Collection[str],
    what: str,
    *,
    purpose: str,
    reason: str = "",
    detail: str = "",
    now: datetime,
) -> None:
    """Note what something of these persons was opened for, in a word of PURPOSES.

    `reason` is what the reader typed; said again that day in other words, it stands beside.
    Raises PersonUnknown for who was erased. The caller commits.
    """
    if not person_ids:
        return
    day = now.date()
    same = {"reader_id": reader.id, "what": what, "day": day, "detail": detail, "purpose": purpose}
    ids = sorted(set(person_ids))
    vault().unlock(ids)
    said = _reasons_so_far(ids, same) if reason else {}
    rows = [
        {
            **same,
            "person_id": person_id,
            "role": reader.role,
            "reason": _sealed_reason(person_id, said.get(person_id, ""), reason),
            "times": 1,
            "at": now,
        }
        for person_id in ids
    ]
    _put(rows, {"reason": True} if reason else {})


def _reasons_so_far(person_ids: Collection[str], same: dict[str, Any]) -> dict[str, str]:
    query = sa.select(Reading).filter_by(**same).where(Reading.person_id.in_(person_ids))
    return {row.person_id: row.reason or "" for row in db.session.scalars(query)}


def _sealed_reason(person_id: str, before: str, reason: str) -> bytes | None:
    if not reason:
        return None
    known = before.split("; ") if before else []
    text = before if reason in known else "; ".join([*known, reason])
    return vault().seal(person_id, "reading.reason", text[:MOST_REASON])


def _put(rows: list[dict[str, Any]], more: dict[str, bool]) -> None:
    """Insert rows, or count on; `more` names the columns that the newest row decides."""
    connection = db.session.connection()
    insert = _INSERTS[connection.dialect.name]
    statement = insert(Reading.__table__).values(rows)
    newest = {name: statement.excluded[name] for name in ("at", *more)}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person_id", "reader_id", "what", "day", "detail", "purpose"],
            set_={"times": _reading.c.times + 1, **newest},
        )
    )


def of_persons(person_ids: Collection[str], *, most: int = 200) -> list[Shown]:
    """Return what was read of these persons, newest first.

    They are one person, who booked more than once: a list that showed them all was
    opened once, and three reservations that were opened were three.
    """
    times = sa.case(
        (_reading.c.what == LIST, sa.func.max(_reading.c.times)),
        else_=sa.func.sum(_reading.c.times),
    )
    at = sa.func.max(_reading.c.at, type_=_reading.c.at.type)
    together = [_reading.c[name] for name in ("day", "reader_id", "role", "what")]
    together += [_reading.c.detail, _reading.c.purpose]
    query = (
        sa.select(*together, times, at)
        .where(_reading.c.person_id.in_(person_ids))
        .group_by(*together)
        .order_by(at.desc(), _reading.c.what, _reading.c.detail, _reading.c.purpose)
        .limit(most)
    )
    rows = db.session.execute(query).all()
    typed = _typed(person_ids) if any(row.purpose for row in rows) else {}
    return [
        Shown(
            row.day,
            row.role,
            row.what,
            row[-2],
            row[-1],
            row.detail,
            row.purpose,
            typed.get((row.day, row.reader_id, row.what, row.detail, row.purpose), ""),
        )
        for row in rows
    ]


def _typed(person_ids: Collection[str]) -> dict[tuple[Any, ...], str]:
    """Return the reasons that were typed, by what they belong to; none of who was erased."""
    query = sa.select(Reading).where(
        Reading.person_id.in_(person_ids), Reading._reason.is_not(None)
    )
    vault().unlock(person_ids)
    found: dict[tuple[Any, ...], str] = {}
    for row in db.session.scalars(query):
        key = (row.day, row.reader_id, row.what, row.detail, row.purpose)
        with suppress(PersonUnknown):
            found[key] = row.reason or ""
    return found


def is_old(now: datetime) -> sa.ColumnElement[bool]:
    """Say of what was noted that it is older than `KEPT`."""
    return Reading.day < (now - KEPT).date()
