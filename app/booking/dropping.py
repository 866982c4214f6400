"""Taking wishes out of a firm reservation: what is left stays as it was agreed.

A wish is a stay or a session with its extras, fees and taxes. Its places go back, its lines
go, and the total falls by what they cost; nothing else of the reservation changes.
"""

from collections.abc import Collection
from datetime import datetime

from app.booking.catalogue import Venue
from app.booking.change_price import digest_of, first_start_of
from app.booking.holds import line_claims
from app.booking.inventory import NightsClaim, give_back
from app.booking.models import CONFIRMED, Reservation
from app.booking.reservations import NotConfirmed
from app.booking.seating import unseat
from app.booking.signals import reservation_changed
from app.core.database import db


def drop_wishes(
    reservation: Reservation, wishes: Collection[int], venue: Venue, *, now: datetime
) -> int:
    """Take wishes out of a locked reservation; return by how much its total fell (minor units).

    Payments are told by `reservation_changed`; the caller commits, gives back what was paid
    beyond the new total, and tells the guest. Raises NotConfirmed, and ValueError where no
    wish would be left: then all of it is to be cancelled.
    """
    if reservation.status != CONFIRMED:
        raise NotConfirmed
    going = [line for line in reservation.lines if line.wish in wishes]
    staying = [line for line in reservation.lines if line.wish not in wishes]
    if not any(line.takes_places for line in staying):
        raise ValueError("nothing would be left")
    connection = db.session.connection()
    ids = {line.id for line in going}
    claims = [found for found in line_claims(connection, reservation.id) if found[0] in ids]
    give_back(connection, [claim for _, claim in claims])
    unseat(connection, [line for line, claim in claims if isinstance(claim, NightsClaim)])
    before = reservation.total_minor
    with db.session.no_autoflush:
        for line in going:
            reservation.lines.remove(line)
        reservation.total_minor = sum(line.total_minor for line in staying)
        reservation.first_start = first_start_of(staying, venue)
        reservation.quote_digest = digest_of(reservation.currency, staying)
        reservation.sequence += 1
        difference = reservation.total_minor - before
        reservation_changed.send(reservation, difference_minor=difference, now=now)
    db.session.flush()
    return -difference
