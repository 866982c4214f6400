"""What is due for a reservation: all of it, a deposit first, or the balance."""

from datetime import datetime

import sqlalchemy as sa

from app.booking.models import CONFIRMED, Reservation
from app.payments.models import BALANCE, DEPOSIT, FULL


def outstanding(reservation: Reservation) -> int:
    """Return what is still to be paid of a firm reservation, in minor units.

    Only one that was made firm by a deposit has a balance.
    """
    if reservation.status != CONFIRMED or reservation.deposit_minor is None:
        return 0
    return max(0, reservation.total_minor - reservation.paid_minor)


def at_the_place(reservation: Reservation) -> int:
    """Return what is paid at the place, in minor units: of what the house made firm unpaid.

    It is nowhere overdue, and whether it was paid there isn't in our books.
    """
    made_here = reservation.status == CONFIRMED and reservation.source != "web"
    if not made_here or reservation.deposit_minor is not None:
        return 0
    return max(0, reservation.total_minor - reservation.paid_minor)


def due_now(reservation: Reservation) -> tuple[str, int]:
    """Return which part a guest who goes to pay now pays, and how much, in minor units."""
    if reservation.status == CONFIRMED:
        return BALANCE, outstanding(reservation)
    if reservation.deposit_minor is not None:
        return DEPOSIT, reservation.deposit_minor
    return FULL, reservation.total_minor


def owing() -> tuple[sa.ColumnElement[bool], ...]:
    """Say of a reservation that it was made firm by a deposit and has a balance."""
    return (
        Reservation.status == CONFIRMED,
        Reservation.deposit_minor.is_not(None),
        Reservation.paid_minor < Reservation.total_minor,
    )


def overdue(*, now: datetime) -> sa.ColumnElement[bool]:
    """Say of a reservation that its balance should have been paid by now."""
    return sa.and_(Reservation.balance_due_at < now, *owing())
