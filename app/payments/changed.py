"""What a changed reservation costs its guest: a rise becomes a balance that their link can pay.

What was paid beyond the new total isn't given back by itself: a person decides.
"""

from datetime import datetime, timedelta
from typing import Any

from app.booking.models import Reservation
from app.booking.shop import shop
from app.booking.signals import reservation_changed
from app.payments.balances import NOT_TOLD, TO_PAY_AGAIN
from app.payments.plan import at_six, due_date
from app.payments.saved import end


@reservation_changed.connect
def ask_for_the_rise(
    reservation: Reservation, *, difference_minor: int, now: datetime, **_: Any
) -> None:
    """Make what is owed after a change a balance.

    What was never paid through here, such as a booking paid at the door, is asked for
    where it was to be paid before.
    """
    paid, total = reservation.paid_minor, reservation.total_minor
    if reservation.deposit_minor is None or reservation.deposit_minor >= total:
        # What made it firm has become a part of the price, or all of it.
        partly = 0 < paid < total
        reservation.deposit_minor = paid if partly else None
        reservation.balance_due_at = _due(reservation, now=now) if partly else None
    elif paid < total:
        reservation.balance_due_at = _due(reservation, now=now)
    if difference_minor > 0 and paid < total:
        reservation.balance_told = NOT_TOLD
        # A kept card was promised another amount: what is more now is paid by the guest's hand.
        end(reservation.id, now=now)


def _due(reservation: Reservation, *, now: datetime) -> datetime:
    """Return when the balance is due: as the terms have it, but with some days to pay it in.

    Before the first start, unless that is over: then within those days.
    """
    venue = shop().venue
    usual = due_date(reservation.first_start, venue)
    soon = at_six((now + TO_PAY_AGAIN).astimezone(venue.zone).date(), venue.zone)
    if usual >= now + TO_PAY_AGAIN - timedelta(days=1):
        return usual
    return min(soon, reservation.first_start) if reservation.first_start > now else soon
