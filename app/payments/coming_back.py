"""What comes back of a reservation, so that the words of pages and mails follow the money.

The terms say what a guest is owed, the books what can go: whatever went back before, out of
goodwill, is gone already, and what a bank looks into is the bank's to decide.
"""

import sqlalchemy as sa

from app.booking.models import Reservation
from app.booking.standing import Back
from app.core.database import db
from app.payments.models import Payment, Refund
from app.payments.refunds import is_blocked, refundable
from app.payments.states import CLAIMING

_WENT = sa.or_(Refund.state.in_(CLAIMING), Refund.made_good_at.is_not(None))
# A surplus was never part of the price, and so never of what the terms give back.
_OF_THE_PRICE = Refund.reason.not_in(("late", "surplus"))


def coming_back(reservation: Reservation, *, due_minor: int | None = None) -> Back:
    """Return what comes back of a reservation, and what has before.

    `due_minor` is what the terms would give back; without it, the reservation is cancelled,
    and what counts is what was asked for then, or has gone since if that is more.
    """
    payments = list(
        db.session.scalars(
            sa.select(Payment).where(
                Payment.reservation_id == reservation.id, Payment.captured_minor > 0
            )
        )
    )
    blocked = any(is_blocked(payment) for payment in payments)
    ended = reservation.cancelled_at
    if due_minor is not None or ended is None:
        left = sum(refundable(payment) for payment in payments)
        return Back(min(left, due_minor or 0), _sum(reservation, _WENT), blocked)
    # What never arrived was asked for anew in its place.
    asked = sa.and_(Refund.reason == "cancelled", Refund.failure.is_distinct_from("never_arrived"))
    minor = max(
        _sum(reservation, asked), _sum(reservation, sa.and_(_WENT, Refund.created_at >= ended))
    )
    return Back(minor, _sum(reservation, sa.and_(_WENT, Refund.created_at < ended)), blocked)


def _sum(reservation: Reservation, which: sa.ColumnElement[bool]) -> int:
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(Refund.amount_minor), 0))
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.reservation_id == reservation.id, _OF_THE_PRICE, which)
    )
    return int(db.session.scalar(query) or 0)
