"""Comparing everything once a day, and on a page only what has moved since.

What agreed then and wasn't touched still agrees: attempts, refunds, disputes and the
ledger say when they moved, and the ledger is never changed. So a page looks at what
didn't agree at the last whole comparison and at what moved since, and adds to the sums
of then. A row that somebody changes behind our back is found by the next whole one:
money then stays on the page, and places of nights long past, which nobody can sell
any more, are told in the worker's log.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from app.booking.models import Reservation
from app.booking.shop import NothingOnOffer, shop
from app.core.database import Base, db, in_one_go, plain
from app.core.worker import every_minute
from app.payments.audit import Audit, audit
from app.payments.ledger import SIGNED
from app.payments.models import Dispute, LedgerEntry, Payment, Refund

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
# What is written down says when it was begun, and may be there a little later.
MARGIN = timedelta(hours=1)
# Of more than that, looking at everything is as quick.
_MOST_MOVED = 5_000
MONTHS = 12


class Compared(Base):
    """When everything was last compared with everything, and what didn't agree then.

    One row. A page need only look at that, and at what has moved since.
    """

    __tablename__ = "compared"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = plain(primary_key=True, default=1)
    at: Mapped[datetime] = plain()
    reservation_ids: Mapped[list[Any]] = plain()  # of those that didn't agree
    # The ledger up to that instant: [[first day of a month, currency, kind, minor units], …]
    sums: Mapped[list[Any]] = plain()


@dataclass(frozen=True, slots=True)
class Sum:
    """What the ledger says of one kind in one month: `begins` is None for all before."""

    begins: date | None
    currency: str
    kind: str
    minor: int


@every_minute
def daily(now: datetime) -> None:
    """Compare everything, once a day. Commits."""
    last = db.session.scalar(sa.select(Compared.at))
    db.session.rollback()
    if last is None or last <= now - EVERY:
        found = in_one_go(partial(compare_all, now=now))
        if places := sum(one.code == "places" for one in found.mismatches):
            log.error("places disagree with reservations: %d; see the command prove", places)


def compare_all(*, now: datetime) -> Audit:
    """Compare everything with everything, and keep what the next page needs of it.

    The caller commits.
    """
    found = audit(now=now)
    references = {one.reference for one in found.mismatches if one.reference}
    query = sa.select(Reservation.id).where(Reservation.reference.in_(references))
    row = db.session.get(Compared, 1) or Compared(id=1)
    row.at = now
    row.reservation_ids = list(db.session.scalars(query))
    row.sums = _kept_sums(now)
    db.session.add(row)
    db.session.flush()
    return found


def compare_moved(*, now: datetime) -> Audit:
    """Return what doesn't agree now, without looking at what hasn't moved for long."""
    last = db.session.get(Compared, 1)
    return audit(now=now, only=_moved(last) if last is not None else None)


def _moved(last: Compared) -> Collection[int] | None:
    """Return the reservations whose money may have moved; None if they are too many."""
    since = last.at - MARGIN
    paid = sa.select(Payment.reservation_id)
    of_payment = Payment.reservation_id
    moved = sa.union(
        paid.where(Payment.changed_at >= since),
        sa.select(of_payment).join(Refund).where(Refund.changed_at >= since),
        sa.select(of_payment).join(Dispute).where(Dispute.changed_at >= since),
        sa.select(of_payment)
        .join(LedgerEntry, LedgerEntry.payment_id == Payment.id)
        .where(LedgerEntry.at >= since),
        sa.select(Reservation.id).where(Reservation.cancelled_at >= since),
    )
    found = set(db.session.scalars(moved.limit(_MOST_MOVED + 1))) | set(last.reservation_ids)
    return found if len(found) <= _MOST_MOVED else None


# -- The ledger, month by month -------------------------------------------------------------


def last_months(day: date) -> list[date]:
    """Return the first days of the last months, the oldest first."""
    count = day.year * 12 + day.month - 1
    return [date(month // 12, month % 12 + 1, 1) for month in range(count - MONTHS + 1, count + 1)]


def ledger_sums(begins: Sequence[date], zone: ZoneInfo) -> list[Sum]:
    """Return what moved in each of these months, and before, by kind and currency.

    `begins` are the first days of months in a row, by the calendar of the place.
    """
    last = db.session.get(Compared, 1)
    if last is None:
        return _sums(begins, zone)
    since = last.at - MARGIN
    then = [
        Sum(_month(date.fromisoformat(begin) if begin else None, begins), currency, kind, minor)
        for begin, currency, kind, minor in last.sums
    ]
    return [*then, *_sums(begins, zone, LedgerEntry.at >= since)]


def _month(begin: date | None, begins: Sequence[date]) -> date | None:
    return begin if begin in begins else None


def _kept_sums(now: datetime) -> list[list[Any]]:
    try:
        zone = shop().venue.zone
    except NothingOnOffer:
        return []
    begins = last_months(now.astimezone(zone).date())
    found = _sums(begins, zone, LedgerEntry.at < now - MARGIN)
    return [
        [one.begins.isoformat() if one.begins else "", one.currency, one.kind, one.minor]
        for one in found
    ]


def _sums(begins: Sequence[date], zone: ZoneInfo, *where: sa.ColumnElement[bool]) -> list[Sum]:
    index: Any = sa.case(
        *(
            (LedgerEntry.at >= datetime.combine(begin, time.min, zone), number)
            for number, begin in reversed(list(enumerate(begins)))
        ),
        else_=-1,
    )
    query = (
        sa.select(
            index.label("month"),
            LedgerEntry.currency,
            LedgerEntry.kind,
            sa.func.sum(SIGNED).label("minor"),
        )
        .where(*where)
        .group_by(index, LedgerEntry.currency, LedgerEntry.kind)
        .order_by(LedgerEntry.currency)
    )
    rows: Iterable[Any] = db.session.execute(query)
    return [
        Sum(begins[row.month] if row.month >= 0 else None, row.currency, row.kind, int(row.minor))
        for row in rows
    ]
