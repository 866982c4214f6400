"""What an erasure would do, table by table, and what has to end before it can.

The tables come from the data map: the rows of a table go, unless it is one of those that
accounting keeps. So a table that somebody adds can't be forgotten.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from app.booking.models import ASKED, BOOKING, CONFIRMED, HELD, Reservation
from app.core.database import db
from app.payments.due import outstanding
from app.payments.models import KEPT as KEPT_CARD
from app.payments.models import Dispute, Payment, Refund
from app.payments.refunds import refundable
from app.payments.states import AUTHORISED, PENDING, PROCESSING, REQUESTED, REVIEW
from app.privacy.archiving import (
    ANONYMISED_TABLES,
    INVOICE,
    NO_PAPERS,
    Papers,
    day_here,
    papers_of,
)
from app.privacy.tables import PersonTable, person_tables

GOES, ANONYMISED, KEPT = "goes", "anonymised", "kept"

# Estimates, in days, of what ends by itself and names no day: from when it began.
_COMING, _GOING, _DISPUTED = 14, 10, 90
_INSTANT = timedelta(microseconds=1)
_LOOK_AGAIN = timedelta(days=6)  # what is late is looked at once a week, and not every day

STAY, UNPAID, PAYMENT, REFUND, DISPUTE = "stay", "unpaid", "payment", "refund", "dispute"


@dataclass(frozen=True, slots=True)
class Item:
    """What happens to some rows of one table."""

    table: str
    fate: str  # one of the three above
    rows: int
    ground: str = ""  # of what stays: where the law asks for it, as the country cites it
    until: date | None = None  # the first day on which it isn't kept any more


@dataclass(frozen=True, slots=True)
class Blocker:
    """Something open, which has to end before anything goes."""

    kind: str  # one of the five above
    reference: str  # of the reservation
    until: date  # the last day on which it is open, as far as anybody can tell


@dataclass(frozen=True, slots=True)
class Plan:
    """What an erasure would do, and the day on which it can; None: now."""

    items: tuple[Item, ...]
    blockers: tuple[Blocker, ...]
    runs_on: date | None

    def of(self, fate: str) -> list[Item]:
        """Return what meets one fate."""
        return [item for item in self.items if item.fate == fate]


def plan(person_ids: Collection[str], *, now: datetime) -> Plan:
    """Say for every table that holds something of these persons what would become of it."""
    papers = papers_of(person_ids, now=now)
    items = [item for table in person_tables() for item in _fates(table, person_ids, papers)]
    items.sort(key=lambda item: (GOES, ANONYMISED, KEPT).index(item.fate))
    open_things = tuple(blockers(person_ids, now=now))
    last = max((one.until for one in open_things), default=None)
    return Plan(tuple(items), open_things, last + timedelta(days=1) if last else None)


def rows_of(table: PersonTable, person_ids: Collection[str]) -> int:
    """Return how many rows of a table are these persons'."""
    keys = list(sa.inspect(table.model).primary_key)
    found = table.rows(person_ids).order_by(None).with_only_columns(*keys).subquery()
    return int(db.session.scalar(sa.select(sa.func.count()).select_from(found)) or 0)


def _fates(table: PersonTable, person_ids: Collection[str], papers: Papers) -> Iterator[Item]:
    kept = papers.counts.get(table.name, 0)
    goes = rows_of(table, person_ids) - kept
    if table.name == "erasure":
        return  # of which this one would be another
    if goes > 0:
        yield Item(table.name, GOES, goes)
    if kept and table.name in ANONYMISED_TABLES:
        # The books of the house's money, or that it was asked; whose they were is forgotten.
        law = table.name not in NO_PAPERS
        yield Item(
            table.name,
            ANONYMISED,
            kept,
            papers.ground if law else "",
            papers.until.get(table.name) if law else None,
        )
    elif kept and table.name == INVOICE:
        yield Item(table.name, KEPT, kept, papers.ground, papers.until.get(INVOICE))


# -- What is open -------------------------------------------------------------------------


def blockers(person_ids: Collection[str], *, now: datetime) -> Iterator[Blocker]:
    """Yield what has to end first, each with the last day on which it is open."""
    today = day_here(now)
    yield from _stays(person_ids, today, now=now)
    query = (
        sa.select(Payment)
        .join(Payment.reservation)
        .where(Reservation.person_id.in_(person_ids))
        .execution_options(populate_existing=True)
    )
    for payment in db.session.scalars(query):
        reference = payment.reservation.reference
        if _is_coming(payment):
            yield Blocker(PAYMENT, reference, _guess(payment.changed_at, _COMING, today))
        for refund in payment.refunds:
            if _is_going(refund):
                yield Blocker(REFUND, reference, _guess(refund.created_at, _GOING, today))
        for dispute in payment.disputes:
            if _is_open(dispute):
                yield Blocker(DISPUTE, reference, _guess(dispute.opened_at, _DISPUTED, today))


def _stays(person_ids: Collection[str], today: date, *, now: datetime) -> Iterator[Blocker]:
    query = (
        sa.select(Reservation)
        .where(Reservation.person_id.in_(person_ids), Reservation.status.in_((CONFIRMED, HELD)))
        .execution_options(populate_existing=True)
    )
    for reservation in db.session.scalars(query):
        if reservation.status == HELD:
            until = reservation.held_until
            if reservation.kind == ASKED and until is not None and until > now:
                yield Blocker(UNPAID, reservation.reference, day_here(until - _INSTANT))
            continue
        last = last_day(reservation)
        if reservation.kind == BOOKING and _is_on(reservation, last, today, now=now):
            yield Blocker(STAY, reservation.reference, last)
        if outstanding(reservation):
            due = reservation.balance_due_at
            day = day_here(due) if due is not None and due > now else today + _LOOK_AGAIN
            yield Blocker(UNPAID, reservation.reference, day)


def _is_on(reservation: Reservation, last: date, today: date, *, now: datetime) -> bool:
    """Whether a booking isn't over: its last hour for a session, its last day for a stay."""
    ends = [line.ends_at for line in reservation.lines if line.ends_at is not None]
    nights = any(line.depart is not None for line in reservation.lines)
    return last >= today if nights or not ends else max(ends) > now


def last_day(reservation: Reservation) -> date:
    """Return the day, by the calendar of the place, on which the last of a booking is over."""
    days = [day_here(reservation.first_start)]
    for line in reservation.lines:
        if line.depart is not None:
            days.append(line.depart)
        if line.ends_at is not None:
            days.append(day_here(line.ends_at))
    return max(days)


def _is_coming(payment: Payment) -> bool:
    if payment.state in (PROCESSING, AUTHORISED):
        return True
    if payment.state == REVIEW:  # somebody of the house has to say what becomes of it
        return refundable(payment) > 0
    # A kept card may have been charged; nobody knows until the provider has said so.
    return payment.way == KEPT_CARD and payment.state in ("created", PENDING)


def _is_going(refund: Refund) -> bool:
    return refund.state in (REQUESTED, PENDING)


def _is_open(dispute: Dispute) -> bool:
    return dispute.state in ("inquiry", "open")


def _guess(begun: datetime, days: int, today: date) -> date:
    """Return the day on which something that begins like that has ended, but none that is past."""
    return max(day_here(begun) + timedelta(days=days), today + _LOOK_AGAIN)
