"""What the owner can do to a reservation."""

from datetime import datetime

import sqlalchemy as sa

from app.booking.models import Reservation
from app.booking.reservations import get_for_update
from app.core import withdrawals
from app.core.database import db


def renew_guest_link(reservation_id: int, *, now: datetime) -> Reservation:
    """Make the guest's link worthless and leave a new one in its place; the caller commits.

    For a link that went to the wrong person: the key is made from this serial number.
    """
    reservation = get_for_update(reservation_id)
    former = (reservation.reference, reservation.link_serial)
    withdrawals.note(withdrawals.LINK, [former], now=now)
    reservation.link_serial += 1
    db.session.flush()
    return reservation


@withdrawals.carries_out(withdrawals.LINK)
def _renew_again(wanted: withdrawals.Wanted) -> None:
    """Go on to the link that was good in the end: its guest has that one."""
    query = sa.select(Reservation.id, Reservation.reference, Reservation.link_serial)
    for found_id, reference, before in db.session.execute(query).all():
        serial = before
        while wanted.since(reference, serial) is not None:
            serial += 1
        if serial > before:
            renewed = sa.update(Reservation).where(Reservation.id == found_id)
            db.session.execute(renewed.values(link_serial=serial))
