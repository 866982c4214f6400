"""A file of guests: asked for again, with a reason, noted for each who is in it, and rare.

First everything is noted, in one transaction; only then a row is written. What is streamed
is read in batches, each let go before the next, so that a slow line holds nobody up.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from app.accounts.models import Account
from app.accounts.readings import EXPORT, note_purpose
from app.booking.models import CANCELLED, CONFIRMED, Reservation
from app.core import audit
from app.core.database import db, only_reading
from app.core.errors import DomainError
from app.core.languages import N_, current_locale
from app.core.limits import Limit, TooManyRequests, spend
from app.core.vault import PersonUnknown, load_address, vault
from app.owner.figures_files import harmless
from app.owner.masking import hidden
from app.web.addresses import format_address

MOST_DAYS = 366
MOST_A_DAY = 3
# Named by the day: a new day has a bucket of its own, and none is ever forgiven within one.
_A_DAY = Limit("guest-export", burst=MOST_A_DAY, per_hour=0)
_BATCH = 200


class EnoughToday(DomainError):
    """The day's files are made."""

    message = N_("That is enough for a day: files of guests made: %(most)d. Please come tomorrow.")


class SpanIsWrong(DomainError):
    """The last day lies before the first, or too far after it."""

    message = N_("Please choose a last day after the first, at most a year later.")


class NobodyThen(DomainError):
    """Nobody in that span."""

    message = N_("Nobody has a reservation that begins in those days. No file was made.")


def begin(
    reader: Account,
    first: date,
    last: date,
    zone: ZoneInfo,
    *,
    columns: Sequence[str],
    purpose: str,
    reason: str,
    now: datetime,
) -> list[int]:
    """Note a file for each guest in it, and in the trail; return its reservations' ids.

    It holds those whose reservation begins from `first` to `last` (days of `zone`). Raises
    SpanIsWrong, EnoughToday and NobodyThen; after them roll back. The caller commits.
    """
    if not timedelta(0) <= last - first <= timedelta(days=MOST_DAYS):
        raise SpanIsWrong
    try:
        spend(_A_DAY, f"{now:%Y-%m-%d}", now=now)
    except TooManyRequests as error:
        raise EnoughToday(most=MOST_A_DAY) from error
    found = _seen(db.session.execute(_within(first, last, zone)).all())
    persons = sorted({row.person_id for row in found})
    if not persons:
        raise NobodyThen
    for start in range(0, len(persons), _BATCH):
        note_purpose(
            reader,
            _living(persons[start : start + _BATCH]),
            EXPORT,
            purpose=purpose,
            reason=reason,
            now=now,
        )
    # What was typed of the reason may name somebody: it is sealed with those it is about.
    audit.enter(
        reader.id,
        reader.role,
        "guests-exported",
        "guests",
        0,
        now=now,
        count=len(persons),
        purpose=purpose,
        columns=list(columns),
        first=first.isoformat(),
        last=last.isoformat(),
    )
    return [row.id for row in found]


def _within(first: date, last: date, zone: ZoneInfo) -> sa.Select[int, str | None]:
    begins = datetime.combine(first, time.min, zone)
    ends = datetime.combine(last + timedelta(days=1), time.min, zone)
    return (
        sa.select(Reservation.id, Reservation.person_id)
        .where(
            Reservation.first_start >= begins,
            Reservation.first_start < ends,
            Reservation.status.in_((CONFIRMED, CANCELLED)),
            Reservation.person_id.is_not(None),
        )
        .order_by(Reservation.first_start, Reservation.id)
    )


def _seen(rows: Sequence[sa.Row[int, str | None]]) -> list[sa.Row[int, str | None]]:
    """Return the rows but those of persons whom the house may not see: no file has them."""
    persons = sorted({row.person_id for row in rows})
    away: set[str] = set()
    for start in range(0, len(persons), _BATCH):
        away |= hidden(persons[start : start + _BATCH])
    return [row for row in rows if row.person_id not in away]


def _living(person_ids: Sequence[str]) -> list[str]:
    """Return those who weren't erased: nobody else has anything to show, or a key to note it."""
    vault().unlock(person_ids)
    known: dict[str, object] = db.session.info.get("keys", {})
    return [person_id for person_id in person_ids if person_id in known]


def lines(
    ids: Sequence[int], columns: Sequence[str], head: Sequence[str], zone: ZoneInfo
) -> Iterator[bytes]:
    """Yield the file (RFC 4180) part by part, in UTF-8 with the mark that spreadsheets know."""
    yield "\ufeff".encode() + _csv([list(head)])
    for start in range(0, len(ids), _BATCH):
        with only_reading():
            rows = _rows(ids[start : start + _BATCH], columns, zone)
        yield _csv(rows)


def _rows(ids: Sequence[int], columns: Sequence[str], zone: ZoneInfo) -> list[list[str]]:
    query = (
        sa.select(Reservation)
        .where(Reservation.id.in_(ids))
        .options(joinedload(Reservation.person))
    )
    found = {one.id: one for one in db.session.scalars(query)}
    vault().unlock([one.person_id for one in found.values() if one.person_id])
    rows = []
    # Nobody's, since: who was erased while the file was made.
    for one in (found[n] for n in ids if n in found and found[n].person is not None):
        with suppress(PersonUnknown):  # erased while the file was made
            day = one.first_start.astimezone(zone).date().isoformat()
            rows.append([one.reference, day, *(_value(one, name) for name in columns)])
    return rows


def _value(reservation: Reservation, column: str) -> str:
    if column == "language":
        return reservation.language
    value: str = getattr(reservation.person, column) or ""
    if value and column.endswith("_address"):
        return ", ".join(format_address(load_address(value) or {}, current_locale()))
    return value


def _csv(rows: list[list[str]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()
