"""What became of a reservation, in the order in which it happened, and the mails about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.booking.models import Reservation
from app.core.audit import AuditEntry
from app.core.database import db
from app.core.outbox import Job

_MOST = 100


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: a word of ours for it, or what the audit trail has."""

    at: datetime
    what: str
    entry: AuditEntry | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail about a reservation. `sent_at` is None while it waits, or was given up."""

    template: str
    ordered_at: datetime
    sent_at: datetime | None
    failed: bool


def events_of(reservation: Reservation) -> list[Event]:
    """Return a reservation's history, oldest first; one statement."""
    times = (
        ("made", reservation.created_at),
        ("confirmed", reservation.confirmed_at),
        ("released", reservation.released_at),
        ("cancelled", reservation.cancelled_at),
        ("reminded", reservation.reminded_at),
    )
    found = [Event(at, what) for what, at in times if at is not None]
    found += _of_lines(reservation)
    query = (
        sa.select(AuditEntry)
        .where(AuditEntry.kind == "reservation", AuditEntry.subject == reservation.id)
        .order_by(AuditEntry.position.desc())
        .limit(_MOST)
    )
    entries: Iterable[AuditEntry] = db.session.scalars(query)
    found += [Event(entry.at, entry.verb, entry) for entry in entries]
    return sorted(found, key=lambda event: event.at)


def _of_lines(reservation: Reservation) -> list[Event]:
    return [
        Event(at, what)
        for line in reservation.lines
        for what, at in (
            ("arrived", line.arrived_at),
            ("left", line.left_at),
            ("no_show", line.no_show_at),
        )
        if at is not None
    ]


def mails_of(reservation: Reservation) -> list[Mail]:
    """Return the mails ordered for a reservation's guest, oldest first; one statement.

    What a mail said isn't kept: a job has a template's name and a number.
    """
    query = (
        sa.select(Job.payload, Job.created_at, Job.done_at, Job.last_error)
        .where(
            Job.topic == "mail",
            # None was ordered before there was a reservation; jobs are many.
            Job.created_at >= reservation.created_at,
            Job.payload["reservation_id"].as_integer() == reservation.id,
        )
        .order_by(Job.id)
        .limit(_MOST)
    )
    return [
        Mail(
            template=str(row.payload.get("template", "")),
            ordered_at=row.created_at,
            sent_at=row.done_at,
            failed=row.done_at is None and row.last_error is not None,
        )
        for row in db.session.execute(query)
    ]
