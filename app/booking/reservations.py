"""What can become of a hold: confirmed, given up, cancelled, and what is owed back then.

The verbs take a reservation that was locked by `get_for_update`; the caller commits.
On PostgreSQL a reservation is always locked before counters of nights, so that
no two writers wait for each other in a circle.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.booking.cancellation import CancellationPolicy, refund_due
from app.booking.holds import HOLD_MOST, HOLD_TIME, let_go, take_again
from app.booking.inventory import AfterTheEnd, PlacesTaken
from app.booking.models import (
    AS_HELD,
    ASKED,
    CANCELLED,
    CONFIRMED,
    HELD,
    RELEASED,
    Basket,
    Reservation,
    ReservationLine,
    VenueRow,
)
from app.booking.signals import reservation_cancelled
from app.booking.standing import Back, coming_back
from app.core.database import UtcDateTime, db, table
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.outbox import enqueue

_reservation, _line = table(Reservation), table(ReservationLine)
_which = _reservation.c.id == sa.bindparam("reservation")
_LOCK_STATUS = sa.select(_reservation.c.status).where(_which).with_for_update()
_CONFIRM = (
    sa.update(_reservation)
    .where(_which, _reservation.c.status == sa.bindparam("was"))
    .values(status=CONFIRMED, confirmed_at=sa.bindparam("now"), held_until=None, released_at=None)
    .returning(_reservation.c.basket_id)
)
_CANCEL = (
    sa.update(_reservation)
    .where(_which)
    .values(
        status=CANCELLED,
        cancelled_at=sa.bindparam("now"),
        refund_minor=sa.bindparam("refund"),
        sequence=_reservation.c.sequence + 1,
    )
)
_TERMS = sa.select(
    _reservation.c.status,
    _reservation.c.cancellation,
    _reservation.c.total_minor,
    _reservation.c.paid_minor,
    _reservation.c.deposit_minor,
    _reservation.c.source,
    _reservation.c.first_start,
    _reservation.c.confirmed_at,
    _reservation.c.created_at,
    sa.select(VenueRow.zone).scalar_subquery().label("zone"),
).where(_which)
_LOCK_TERMS = _TERMS.with_for_update(of=_reservation)
_TOTALS = (
    sa.select(_line.c.total_minor)
    .where(_line.c.reservation_id == sa.bindparam("reservation"))
    .order_by(_line.c.position)
)


class PlacesGone(DomainError):
    """The hold had run out, and somebody else has the places now. Nothing was changed."""

    message = N_("Your hold had run out, and someone else has booked those places since.")


class ClosedByThen(PlacesGone):
    """The place has closed by then: nobody else has it either. Nothing was changed."""

    message = N_("This place closes before then, so it can’t be booked any more.")


class ReservationCancelled(DomainError):
    """It was cancelled; it can't be confirmed any more."""

    message = N_("This reservation has been cancelled.")


class NotConfirmed(DomainError):
    """Only what was confirmed can be cancelled."""

    message = N_("This reservation isn’t confirmed, so there is nothing to cancel.")


class HoldPassed(DomainError):
    """The time to pay has run out."""

    message = N_("The time for paying has run out, so the places are free again for everybody.")


class RefundChanged(DomainError):
    """What comes back is no longer what the page showed."""

    message = N_(
        "While the page was open, the amount you get back has changed. Please look at it again."
    )


def get_for_update(reservation_id: int) -> Reservation:
    """Return a reservation, locked until the commit and as it is in the database now.

    Raises sqlalchemy.exc.NoResultFound where there is none.
    """
    query = (
        sa.select(Reservation)
        .where(Reservation.id == reservation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found: Reservation = db.session.execute(query).scalar_one()
    return found


def is_held(reservation: Reservation, *, now: datetime) -> bool:
    """Whether the places are held for this visitor at that instant."""
    until = reservation.held_until
    return reservation.status == HELD and until is not None and until > now


def confirm(reservation: Reservation, *, now: datetime) -> None:
    """Make a reservation firm and write the confirmation mail's job.

    A hold that ran out takes its places again first, if they are still there.
    Does nothing to a confirmed one. Raises PlacesGone, with nothing changed,
    and ReservationCancelled.
    """
    db.session.flush()
    confirm_one(reservation.id, now=now)
    db.session.refresh(reservation)


def confirm_one(reservation_id: int, *, now: datetime) -> None:
    """Do what `confirm` does, for a reservation that nobody has loaded.

    A hold becomes firm in one guarded statement. One that ran out and was not
    released yet still has its places in the counters, so it is no other case.
    """
    connection = db.session.connection()
    values = {"reservation": reservation_id, "now": now}
    firm = connection.execute(_CONFIRM, {**values, "was": HELD}).one_or_none()
    if firm is None:
        status = connection.execute(_LOCK_STATUS, {"reservation": reservation_id}).scalar_one()
        if status == CONFIRMED:
            return
        if status == CANCELLED:
            raise ReservationCancelled
        try:
            take_again(connection, reservation_id)
        except AfterTheEnd as error:
            raise ClosedByThen from error
        except PlacesTaken as error:
            raise PlacesGone from error
        firm = connection.execute(_CONFIRM, {**values, "was": RELEASED}).one()
    if firm.basket_id is not None:
        # What was booked isn't in the basket any more: a form sent again books nothing.
        connection.execute(sa.delete(table(Basket)).where(Basket.id == firm.basket_id))
    enqueue("mail", {"template": "confirmed", "reservation_id": reservation_id}, now=now)


def extend_hold(reservation: Reservation, *, until: datetime, now: datetime) -> None:
    """Keep the places until a later time. Raises HoldPassed where they aren't held any more."""
    if not is_held(reservation, now=now):
        raise HoldPassed
    if reservation.held_until is None or until > reservation.held_until:
        reservation.held_until = until
        db.session.flush()


def empty_basket(reservation: Reservation) -> None:
    """Delete the basket that a hold came from: what is being paid for isn't held anew by it.

    The caller commits.
    """
    if reservation.basket_id is not None:
        db.session.execute(sa.delete(Basket).where(Basket.id == reservation.basket_id))
        db.session.expire(reservation, ["basket_id"])


def renew_hold(reservation: Reservation, *, now: datetime) -> None:
    """Begin the holding time anew, as paying begins, but not beyond HOLD_MOST in all.

    Raises HoldPassed.
    """
    until = min(now + HOLD_TIME, reservation.held_since + HOLD_MOST)
    extend_hold(reservation, until=until, now=now)


def revive(reservation: Reservation, *, now: datetime) -> None:
    """Hold the places of a hold that ran out once more, for HOLD_TIME from now.

    Does nothing to a live hold. Raises PlacesGone, with nothing changed, and
    HoldPassed where the visitor holds their basket anew elsewhere, or where the
    house had said until when a sum can be paid.
    """
    if is_held(reservation, now=now):
        return
    if reservation.kind == ASKED:
        raise HoldPassed
    if reservation.status == RELEASED:
        if _held_elsewhere(reservation):
            raise HoldPassed
        try:
            take_again(db.session.connection(), reservation.id)
        except AfterTheEnd as error:
            raise ClosedByThen from error
        except PlacesTaken as error:
            raise PlacesGone from error
    elif reservation.status != HELD:
        raise HoldPassed
    reservation.status = HELD
    reservation.released_at = None
    reservation.held_since = now
    reservation.held_until = now + HOLD_TIME
    db.session.flush()


def _held_elsewhere(reservation: Reservation) -> bool:
    return reservation.basket_id is not None and bool(
        db.session.scalar(
            sa.select(sa.func.count()).where(
                Reservation.basket_id == reservation.basket_id, Reservation.status == AS_HELD
            )
        )
    )


def refund_if_cancelled(reservation: Reservation, *, now: datetime) -> int:
    """Return what the terms give back if it is cancelled at that instant, in minor units.

    By the policy as it stood at booking. Raises StayBegun from the first start on.
    """
    connection = db.session.connection()
    terms = connection.execute(_TERMS, {"reservation": reservation.id}).one()
    return _refund(connection, reservation.id, terms, now=now)


def back_if_cancelled(reservation: Reservation, *, now: datetime) -> Back:
    """Return what would go back if it is cancelled at that instant: of the terms' share, what
    is left to give. Raises StayBegun from the first start on.
    """
    return coming_back(reservation, due_minor=refund_if_cancelled(reservation, now=now))


def _refund(connection: Connection, reservation_id: int, terms: Any, *, now: datetime) -> int:
    due = refund_due(
        CancellationPolicy.from_json(terms.cancellation),
        terms.total_minor,
        connection.execute(_TOTALS, {"reservation": reservation_id}).scalars().all(),
        terms.first_start,
        ZoneInfo(terms.zone),
        booked_at=terms.confirmed_at or terms.created_at,
        cancelled_at=now,
    )
    # Of a deposit alone comes back what is above the share that is kept of the whole; of
    # what the house booked for somebody who pays at the place, nothing has come yet.
    in_parts = terms.deposit_minor is not None or terms.source != "web"
    unpaid = terms.total_minor - terms.paid_minor if in_parts else 0
    # What was paid beyond a price that has sunk since is no part of what the terms keep.
    beyond: int = max(0, terms.paid_minor - terms.total_minor)
    return max(0, due - max(0, unpaid)) + beyond


def cancel(
    reservation: Reservation,
    *,
    expected_refund: int | None,
    now: datetime,
    decided: int | None = None,
    closing: bool = False,
) -> int:
    """Cancel a confirmed reservation; give its places back and tell payments.

    `expected_refund` is what the page showed, in minor units: of the terms' share, what is
    left to give back; None leaves it open.
    `decided` is what the house gives back in place of the terms' share: then it is the
    house that cancels, also what has begun, and the guest's mail says so; and, where it is
    `closing`, why.
    Returns what the terms give back, or what was decided. Raises NotConfirmed, StayBegun and
    RefundChanged.
    """
    db.session.flush()
    return cancel_one(
        reservation.id,
        expected_refund=expected_refund,
        now=now,
        decided=decided,
        closing=closing,
    )


def cancel_one(
    reservation_id: int,
    *,
    expected_refund: int | None,
    now: datetime,
    decided: int | None = None,
    closing: bool = False,
) -> int:
    """Do what `cancel` does, for a reservation that nobody has loaded."""
    connection = db.session.connection()
    terms = connection.execute(_LOCK_TERMS, {"reservation": reservation_id}).one()
    if terms.status != CONFIRMED:
        raise ReservationCancelled if terms.status == CANCELLED else NotConfirmed
    by_house = decided is not None
    refund = decided if decided is not None else _refund(connection, reservation_id, terms, now=now)
    if expected_refund is not None:
        seen = db.session.get_one(Reservation, reservation_id)
        if coming_back(seen, due_minor=refund).minor != expected_refund:
            raise RefundChanged
    connection.execute(_CANCEL, {"reservation": reservation_id, "now": now, "refund": refund})
    let_go(connection, reservation_id)
    # What listens gets the row as it is now, and so does whoever has it loaded.
    reservation = db.session.get_one(Reservation, reservation_id, populate_existing=True)
    reservation_cancelled.send(reservation, refund_minor=refund, now=now)
    mail: dict[str, Any] = {"template": "cancelled", "reservation_id": reservation_id}
    said = {"by_house": True, "closing": closing}
    enqueue("mail", {**mail, "said": said} if by_house else mail, now=now)
    return refund


_COUNTERS = sa.text(
    "SELECT offer_id, CAST(night AS TEXT), taken FROM night WHERE taken > 0 AND night >= :day "
    "UNION ALL SELECT offer_id, CAST(starts_at AS TEXT), taken FROM session_places "
    "WHERE taken > 0 AND starts_at >= :start"
).bindparams(sa.bindparam("day", type_=sa.Date()), sa.bindparam("start", type_=UtcDateTime()))
_LIVE_PLACES = (
    sa.text(
        "SELECT l.offer_id, l.arrive, l.depart, NULL AS starts_at, count(*) AS places "
        "FROM reservation_line l JOIN reservation r ON r.id = l.reservation_id "
        "WHERE r.status IN ('held', 'confirmed') AND l.kind = 'stay' AND l.depart > :day "
        "GROUP BY l.offer_id, l.arrive, l.depart "
        "UNION ALL SELECT l.offer_id, NULL, NULL, CAST(l.starts_at AS TEXT), sum(l.quantity) "
        "FROM reservation_line l JOIN reservation r ON r.id = l.reservation_id "
        "WHERE r.status IN ('held', 'confirmed') AND l.kind = 'session' AND l.starts_at >= :start "
        "GROUP BY l.offer_id, l.starts_at "
        "UNION ALL SELECT offer_id, first, until, NULL, 1 FROM unit_block WHERE until > :day"
    )
    .bindparams(sa.bindparam("day", type_=sa.Date()), sa.bindparam("start", type_=UtcDateTime()))
    .columns(
        sa.column("offer_id", sa.Integer),
        sa.column("arrive", sa.Date),
        sa.column("depart", sa.Date),
        sa.column("starts_at", sa.String),
        sa.column("places", sa.Integer),
    )
)
_EVER = datetime(1, 1, 2, tzinfo=UTC)


def prove(*, now: datetime, ahead_only: bool = False) -> list[tuple[int, str, int, int]]:
    """Re-prove the counters from the lines, which are the ledger.

    Returns what doesn't agree: (offer id, night or start, counted, taken). Holds
    that ran out and weren't released yet count, as they do in the counters. All that
    there ever was is read, unless only what lies ahead is asked for, which doesn't grow
    with the years: from two days back, as the day of the place may not be that of UTC.
    """
    start = now - timedelta(days=2) if ahead_only else _EVER
    from_lines = _live_places(start)
    found: list[tuple[int, str, int, int]] = []
    rows = db.session.execute(_COUNTERS, {"day": start.date(), "start": start}).all()
    counters = {(offer, key): taken for offer, key, taken in rows}
    for place in sorted(counters.keys() | from_lines.keys()):
        counted, taken = from_lines.get(place, 0), counters.get(place, 0)
        if counted != taken:
            found.append((*place, counted, taken))
    return found


def _live_places(start: datetime) -> dict[tuple[int, str], int]:
    """Count the places that live lines and blocks take, by offer and night or start."""
    first = start.date().toordinal()
    rows = db.session.execute(_LIVE_PLACES, {"day": start.date(), "start": start})
    count: dict[tuple[int, str], int] = {}
    for offer_id, arrive, depart, starts_at, places in rows:
        if starts_at is not None:
            count[offer_id, starts_at] = count.get((offer_id, starts_at), 0) + int(places)
            continue
        for ordinal in range(max(arrive.toordinal(), first), depart.toordinal()):
            key = (offer_id, arrive.fromordinal(ordinal).isoformat())
            count[key] = count.get(key, 0) + int(places)
    return count
