"""What was paid for a reservation, what went back, and what is still to come."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.booking.models import Reservation
from app.core.database import db
from app.payments.due import outstanding
from app.payments.models import Payment, Refund
from app.payments.states import FAILED, PENDING, REQUESTED, REVIEW, SUCCEEDED

PAID, LOOKED_AT = "paid", "looked_at"
RETURNED, RETURNING, STUCK, OTHERWISE = "returned", "returning", "stuck", "otherwise"
_OF_REFUND = {
    SUCCEEDED: RETURNED,
    PENDING: RETURNING,
    REQUESTED: RETURNING,
    FAILED: STUCK,
}


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that came or went, on a day of the place; `minor` is negative for what went back.

    `kind` is "paid", "looked_at" (it came, and somebody looks at it), "returned",
    "returning" (asked for, on its way), "stuck" (it did not arrive) or "otherwise" (it did
    not arrive, and the house gave it back in another way).
    """

    day: date
    kind: str
    means: str
    minor: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """All movements, oldest first; sums in minor units of the reservation's currency."""

    movements: tuple[Movement, ...]
    here_minor: int  # paid, less what went back
    outstanding_minor: int


def receipt_of(reservation: Reservation, zone: ZoneInfo) -> Receipt:
    """Return what was paid, with two statements. Raises PersonUnknown after an erasure."""
    query = (
        sa.select(Payment)
        .where(
            Payment.reservation_id == reservation.id,
            Payment.captured_minor > 0,
            # Money in another currency is with somebody who looks at it.
            Payment.currency == reservation.currency,
        )
        .options(selectinload(Payment.refunds))
        .order_by(Payment.paid_at, Payment.id)
    )
    movements: list[Movement] = []
    here = 0
    for payment in db.session.scalars(query):
        movements.append(_came(payment, zone))
        here += payment.captured_minor
        for refund in payment.refunds:
            if refund.state in _OF_REFUND:
                movements.append(_went(refund, zone))
            if refund.state == SUCCEEDED or refund.made_good_at is not None:
                here -= refund.amount_minor
    movements.sort(key=lambda movement: movement.day)
    return Receipt(tuple(movements), here, outstanding(reservation))


def _came(payment: Payment, zone: ZoneInfo) -> Movement:
    moment = payment.paid_at or payment.changed_at
    kind = LOOKED_AT if payment.state == REVIEW else PAID
    means = payment.method_hint or ""
    return Movement(moment.astimezone(zone).date(), kind, means, payment.captured_minor)


def _went(refund: Refund, zone: ZoneInfo) -> Movement:
    day = (refund.made_good_at or refund.changed_at).astimezone(zone).date()
    kind = OTHERWISE if refund.made_good_at is not None else _OF_REFUND[refund.state]
    return Movement(day, kind, "", -refund.amount_minor)
