"""What lies beyond the last day of service: who holds it, who has booked it, what goes back.

The same look serves the dry run and the act. A reservation that lies wholly beyond is
cancelled by the house, of one that lies partly beyond only those stays and sessions; either
way all that was paid for it goes back, and nothing is charged for it any more.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.booking.catalogue import Venue
from app.booking.changing import tell_guest
from app.booking.dropping import drop_wishes
from app.booking.holds import release
from app.booking.models import (
    AS_HELD,
    BOOKING,
    CONFIRMED,
    HELD,
    Reservation,
    ReservationLine,
)
from app.booking.reservations import get_for_update
from app.core.database import db
from app.core.outbox import enqueue
from app.payments import links, saved
from app.payments.by_house import cancel_by_house, left_of
from app.payments.due import outstanding
from app.payments.models import Dispute, Payment, Refund
from app.payments.refunds import refundable, request_refund
from app.payments.states import CLAIMING, OPEN

BECAUSE = "by_us"
"""Why it goes back; the guest is told in words."""


@dataclass(frozen=True, slots=True)
class Beyond:
    """One reservation that lies beyond: what becomes of it. Sums in minor units."""

    reservation_id: int
    reference: str
    person_id: str | None
    whole: bool
    wishes: tuple[int, ...]  # those that go
    refund_minor: int
    owed_minor: int  # what is asked for no more
    blocked: bool  # a dispute decides where the money goes


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What was done with one reservation."""

    whole: bool
    refund_minor: int
    links: int


# -- Looking ------------------------------------------------------------------------------


def _late(last_day: date, venue: Venue) -> sa.ColumnElement[bool]:
    """Say of a line that it ends after the last day, by the calendar of the place."""
    after = datetime.combine(last_day + timedelta(days=1), time(), venue.zone)
    return sa.or_(ReservationLine.depart > last_day, ReservationLine.starts_at >= after)


def _to_come(venue: Venue, *, now: datetime) -> sa.ColumnElement[bool]:
    """Say of a line that it hasn't begun: who is in the house isn't sent away by a program."""
    today = now.astimezone(venue.zone).date()
    return sa.or_(ReservationLine.arrive > today, ReservationLine.starts_at > now)


def _booked(*where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(Reservation.id)
        .where(
            Reservation.kind == BOOKING,
            sa.exists().where(ReservationLine.reservation_id == Reservation.id, *where),
        )
        .order_by(Reservation.id)
    )


def held_beyond(last_day: date, venue: Venue) -> list[int]:
    """Return the holds that reach beyond the last day, run out or not."""
    query = _booked(_late(last_day, venue)).where(Reservation.status == AS_HELD)
    return list(db.session.scalars(query))


def booked_beyond(last_day: date, venue: Venue, *, now: datetime) -> sa.Select[Any]:
    """Return the statement for what is booked beyond the last day and hasn't begun."""
    query = _booked(_late(last_day, venue), _to_come(venue, now=now))
    return query.where(Reservation.status == CONFIRMED)


def begun_beyond(last_day: date, venue: Venue, *, now: datetime) -> list[str]:
    """Return the references of stays that began and last beyond: a person talks to them."""
    query = _booked(_late(last_day, venue), ~_to_come(venue, now=now))
    query = query.where(Reservation.status == CONFIRMED)
    found = sa.select(Reservation.reference).where(Reservation.id.in_(query.order_by(None)))
    return list(db.session.scalars(found.order_by(Reservation.reference)))


def late_wishes(
    reservation: Reservation, last_day: date, venue: Venue, *, now: datetime
) -> frozenset[int]:
    """Return which wishes of a reservation end after the last day, and haven't begun."""
    today = now.astimezone(venue.zone).date()
    found = set()
    for line in reservation.lines:
        if line.kind == "stay" and line.arrive and line.depart:
            if line.depart > last_day and line.arrive > today:
                found.add(line.wish)
        elif line.kind == "session" and line.starts_at:
            day = line.starts_at.astimezone(venue.zone).date()
            if day > last_day and line.starts_at > now:
                found.add(line.wish)
    return frozenset(found)


def _all_go(reservation: Reservation, wishes: Collection[int]) -> bool:
    main = [line for line in reservation.lines if line.takes_places]
    return all(line.wish in wishes for line in main)


def look(last_day: date, venue: Venue, *, now: datetime) -> list[Beyond]:
    """Say of everything that is booked beyond what becomes of it. A few statements; reads only."""
    query = (
        sa.select(Reservation)
        .where(Reservation.id.in_(booked_beyond(last_day, venue, now=now).order_by(None)))
        .options(selectinload(Reservation.lines))
        .order_by(Reservation.first_start, Reservation.id)
    )
    reservations = db.session.scalars(query).all()
    left, blocked = left_of_all([one.id for one in reservations])
    return [
        _said(one, late_wishes(one, last_day, venue, now=now), left, blocked)
        for one in reservations
    ]


def _said(
    one: Reservation, wishes: frozenset[int], left: dict[int, int], blocked: set[int]
) -> Beyond:
    whole = _all_go(one, wishes)
    total = sum(line.total_minor for line in one.lines if line.wish not in wishes)
    most = left.get(one.id, 0)
    back = most if whole else min(most, max(0, one.paid_minor - total))
    owed = outstanding(one)
    owed_after = 0 if whole else min(owed, max(0, total - one.paid_minor))
    return Beyond(
        one.id, one.reference, one.person_id, whole, tuple(sorted(wishes)), back,
        owed - owed_after, one.id in blocked,
    )  # fmt: skip


def left_of_all(ids: Sequence[int]) -> tuple[dict[int, int], set[int]]:
    """Return what may still go back, by reservation, as `left_of` says; and whose is disputed."""
    paid = sa.select(Payment.id, Payment.reservation_id, Payment.captured_minor).where(
        Payment.reservation_id.in_(ids), Payment.captured_minor > 0
    )
    gone = (
        sa.select(Refund.payment_id, sa.func.sum(Refund.amount_minor))
        .join(Payment, Payment.id == Refund.payment_id)
        .where(
            Payment.reservation_id.in_(ids),
            sa.or_(Refund.state.in_(CLAIMING), Refund.made_good_at.is_not(None)),
        )
        .group_by(Refund.payment_id)
    )
    disputed = (
        sa.select(Dispute.payment_id)
        .join(Payment, Payment.id == Dispute.payment_id)
        .where(
            Payment.reservation_id.in_(ids),
            sa.or_(sa.and_(Dispute.state == "open", ~Dispute.refundable), Dispute.state == "lost"),
        )
    )
    went = {row[0]: int(row[1] or 0) for row in db.session.execute(gone)}
    stuck = set(db.session.scalars(disputed))
    left: dict[int, int] = {}
    blocked: set[int] = set()
    for payment_id, reservation_id, captured in db.session.execute(paid):
        if payment_id in stuck:
            blocked.add(reservation_id)
            continue
        rest = max(0, captured - went.get(payment_id, 0))
        left[reservation_id] = left.get(reservation_id, 0) + rest
    return left, blocked


# -- Doing it -----------------------------------------------------------------------------


def let_go(reservation_id: int, *, now: datetime) -> bool:
    """Release a hold, close its pages at the provider, and tell whom it was mailed to.

    A payment that comes all the same is sent back by itself, as for any hold that ran out.
    The caller commits.
    """
    reservation = get_for_update(reservation_id)
    if reservation.status != HELD or not release(reservation_id, now=now, only_run_out=False):
        return False
    _close_pages(reservation_id, now=now)
    if reservation.person_id is not None:
        enqueue("mail", {"template": "closing_released", "reservation_id": reservation_id}, now=now)
    return True


def cancel_beyond(
    reservation_id: int, last_day: date, venue: Venue, *, serial: str, now: datetime
) -> Cancelled | None:
    """Cancel what one reservation has beyond the last day; None where there is nothing.

    `serial` names the closing: with the reservation's own count it makes each refund one
    that happens once. The caller commits.
    """
    reservation = get_for_update(reservation_id)
    db.session.refresh(reservation, ["lines"])
    if reservation.status != CONFIRMED:
        return None
    wishes = late_wishes(reservation, last_day, venue, now=now)
    if not wishes:
        return None
    whole = _all_go(reservation, wishes)
    if whole:
        back = left_of(reservation)
        cancel_by_house(
            reservation_id, back, because=BECAUSE, seen_left=back, closing=True, now=now
        )
        gone = _withdraw_links(reservation, now=now)
    else:
        drop_wishes(reservation, wishes, venue, now=now)
        _close_pages(reservation_id, now=now)
        back = _give_back_surplus(reservation, serial, now=now)
        if not outstanding(reservation):
            saved.end(reservation_id, now=now)
        tell_guest(reservation_id, now=now)
        gone = 0
    return Cancelled(whole, back, gone)


def _give_back_surplus(reservation: Reservation, serial: str, *, now: datetime) -> int:
    """Ask for what was paid beyond the new total to go back, the last payment first."""
    left = surplus = max(0, reservation.paid_minor - reservation.total_minor)
    query = (
        sa.select(Payment)
        .where(Payment.reservation_id == reservation.id, Payment.captured_minor > 0)
        .order_by(Payment.paid_at.desc().nulls_last(), Payment.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for payment in db.session.scalars(query).all():
        part = min(left, refundable(payment))
        if part > 0:
            cause = f"{serial}:{reservation.sequence}:{payment.id}"
            refund = request_refund(payment, part, reason="owner", cause=cause, now=now)
            refund.because = BECAUSE
            left -= part
    db.session.flush()
    return surplus - left


def _close_pages(reservation_id: int, *, now: datetime) -> None:
    """Have nobody pay any more what was asked before."""
    query = sa.select(Payment.id).where(
        Payment.reservation_id == reservation_id, Payment.state.in_(OPEN)
    )
    for payment_id in db.session.scalars(query).all():
        enqueue("payments.close", {"payment_id": payment_id}, now=now)


def _withdraw_links(reservation: Reservation, *, now: datetime) -> int:
    """Withdraw the open links about a booking that is cancelled; return how many."""
    return sum(withdraw_link(link.id, now=now) for link in links.about(reservation))


def withdraw_link(link_id: int, *, now: datetime) -> bool:
    """Let a link be paid no more, unless it was, or a payment for it is on its way."""
    link = db.session.get_one(Reservation, link_id, populate_existing=True)
    if link.status != HELD:
        return False
    try:
        links.withdraw(link_id, now=now)
    except (links.PaidAlready, links.PaymentComing):
        return False
    return True
