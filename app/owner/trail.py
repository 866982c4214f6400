"""The audit trail as the house writes and reads it."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import abort

from app.accounts.sessions import current_account
from app.booking.models import Reservation
from app.core import audit
from app.core.audit import AuditEntry
from app.core.database import db

PER_PAGE = 50
MOST_FAULTS = 20  # that are told; the first says enough
COMMAND = "command"
"""The role of whoever runs a command on the machine; the actor's number is 0 then."""


def record(verb: str, kind: str, subject: int, /, *, now: datetime, **detail: object) -> None:
    """Write what whoever is signed in does, in the transaction that does it.

    `detail` holds amounts, dates and states: no personal value. The caller commits.
    """
    account = current_account() or abort(404)
    audit.enter(account.id, account.role, verb, kind, subject, now=now, **detail)


def entries(
    *, verb: str = "", kind: str = "", day: date | None = None, zone: ZoneInfo, page: int = 1
) -> tuple[list[AuditEntry], bool]:
    """Return a page of what was done, newest first, and whether there is more.

    `day` is a day by the clock of `zone`.
    """
    query = sa.select(AuditEntry).order_by(AuditEntry.position.desc())
    if verb:
        query = query.where(AuditEntry.verb == verb)
    if kind:
        query = query.where(AuditEntry.kind == kind)
    if day is not None:
        begins = datetime(day.year, day.month, day.day, tzinfo=zone)
        ends = datetime.combine(day + timedelta(days=1), begins.time(), tzinfo=zone)
        query = query.where(AuditEntry.at >= begins, AuditEntry.at < ends)
    query = query.offset((page - 1) * PER_PAGE).limit(PER_PAGE + 1)
    found = list(db.session.scalars(query))
    return found[:PER_PAGE], len(found) > PER_PAGE


def references(found: Iterable[AuditEntry]) -> dict[int, str]:
    """Return the references of the reservations that entries are about, by their numbers."""
    wanted = {one.subject for one in found if one.kind == "reservation"}
    if not wanted:
        return {}
    query = sa.select(Reservation.id, Reservation.reference).where(Reservation.id.in_(wanted))
    return {row.id: row.reference for row in db.session.execute(query)}


def first_faults() -> list[tuple[int, str]]:
    """Return the first places where the chain isn't as it was written; [] where it is sound."""
    return list(islice(audit.faults(), MOST_FAULTS))
