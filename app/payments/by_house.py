"""Cancelling by the house: what goes back is decided by a person, with a reason."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from app.booking.cancellation import StayBegun
from app.booking.models import Reservation
from app.booking.reservations import (
    RefundChanged,
    cancel,
    get_for_update,
    refund_if_cancelled,
)
from app.core.database import db
from app.payments.by_hand import REASONS
from app.payments.models import Payment, Refund
from app.payments.refunds import RefundTooMuch, refundable

BECAUSE: Final = REASONS
"""Why the house cancels or gives back what it does; for the house's own books."""


def left_of(reservation: Reservation) -> int:
    """Return what may still go back of a reservation's payments, in minor units."""
    query = sa.select(Payment).where(
        Payment.reservation_id == reservation.id, Payment.captured_minor > 0
    )
    return sum(refundable(payment) for payment in db.session.scalars(query))


def by_terms(reservation: Reservation, *, now: datetime) -> int | None:
    """Return what the terms would give back now; None once the stay has begun."""
    try:
        return min(left_of(reservation), refund_if_cancelled(reservation, now=now))
    except StayBegun:
        return None


def cancel_by_house(
    reservation_id: int,
    amount: int,
    *,
    because: str,
    seen_left: int,
    now: datetime,
    closing: bool = False,
) -> int:
    """Cancel for the sum that the house has decided on, in minor units; return it.

    `seen_left` is what the page said could go back; `closing`: the guest is told that it is
    because the place closes. The caller commits. Raises RefundTooMuch; RefundChanged where
    something else went back since the page was drawn, or a dispute stands in the way;
    NotConfirmed and ReservationCancelled.
    """
    if because not in BECAUSE:
        raise ValueError(because)
    reservation = get_for_update(reservation_id)
    left = left_of(reservation)
    if not 0 <= amount <= left:
        raise RefundTooMuch
    if left != seen_left:
        raise RefundChanged
    cancel(reservation, expected_refund=None, decided=amount, closing=closing, now=now)
    _say_why(reservation_id, because, amount)
    return amount


def _say_why(reservation_id: int, because: str, amount: int) -> None:
    """Keep the reason with the refunds that the cancellation asked for; all of it must go."""
    query = (
        sa.select(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.reservation_id == reservation_id, Refund.reason == "cancelled")
    )
    refunds = db.session.scalars(query).all()
    if sum(refund.amount_minor for refund in refunds) != amount:
        raise RefundChanged
    for refund in refunds:
        refund.because = because
    db.session.flush()
