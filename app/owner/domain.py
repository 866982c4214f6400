"""What the owner can do to a reservation."""

from app.booking.models import Reservation
from app.booking.reservations import get_for_update
from app.core.database import db


def renew_guest_link(reservation_id: int) -> Reservation:
    """Make the guest's link worthless and leave a new one in its place; the caller commits.

    For a link that went to the wrong person: the key is made from this serial number.
    """
    reservation = get_for_update(reservation_id)
    reservation.link_serial += 1
    db.session.flush()
    return reservation
