"""What is free, read from the counters in one statement.

Holds whose time has passed are still in the counters until a writer needs their
places; a reader gives them back in its own sum.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa

from app.booking.catalogue import SessionOffer, StayOffer, closed_within
from app.booking.inventory import ONE_NIGHT
from app.booking.models import AS_HELD, Night, Reservation, ReservationLine, SessionPlaces
from app.booking.reads import read
from app.core.database import table

_night, _places = table(Night), table(SessionPlaces)
_reservation, _line = table(Reservation), table(ReservationLine)
_no_date = sa.cast(sa.null(), sa.Date)

# Places that nobody has any more, though the counters still say so.
_RUN_OUT = (
    sa.select(_reservation.c.id)
    .where(_reservation.c.status == AS_HELD, _reservation.c.held_until <= sa.bindparam("now"))
    .scalar_subquery()
)
_NIGHTS = (
    sa.select(
        _night.c.offer_id,
        _night.c.night,
        _no_date.label("until"),
        _night.c.taken,
        _night.c.capacity,
    )
    .where(
        _night.c.offer_id.in_(sa.bindparam("offers", expanding=True)),
        _night.c.night >= sa.bindparam("first"),
        _night.c.night < sa.bindparam("last"),
    )
    .union_all(
        sa.select(
            _line.c.offer_id, _line.c.arrive, _line.c.depart, sa.literal(-1), sa.literal(0)
        ).where(_line.c.reservation_id.in_(_RUN_OUT), _line.c.kind == "stay")
    )
)
_SEATS = (
    sa.select(_places.c.offer_id, _places.c.starts_at, _places.c.taken, _places.c.capacity)
    .where(
        _places.c.offer_id.in_(sa.bindparam("offers", expanding=True)),
        _places.c.starts_at >= sa.bindparam("first"),
        _places.c.starts_at < sa.bindparam("last"),
    )
    .union_all(
        sa.select(_line.c.offer_id, _line.c.starts_at, -_line.c.quantity, sa.literal(0)).where(
            _line.c.reservation_id.in_(_RUN_OUT), _line.c.kind == "session"
        )
    )
)


@dataclass(slots=True)
class FreeNights:
    """Free units by offer and night; a night that isn't listed is wholly free."""

    left: dict[tuple[int, date], int] = field(default_factory=dict)

    def on(self, offer: StayOffer, night: date) -> int:
        """Return how many units of an offer are free for a night; none where it is closed."""
        if offer.closed_on(night):
            return 0
        return self.left.get((offer.id, night), offer.units)

    def through(self, offer: StayOffer, arrive: date, depart: date) -> int:
        """Return how many units are free on every night of [arrive, depart)."""
        if offer.closed and closed_within(offer.closed, arrive, depart):
            return 0
        least, night = offer.units, arrive
        while night < depart and least > 0:
            least = min(least, self.left.get((offer.id, night), offer.units))
            night += ONE_NIGHT
        return least


@dataclass(slots=True)
class FreeSeats:
    """Free seats by offer and start; a start that isn't listed is wholly free."""

    left: dict[tuple[int, datetime], int] = field(default_factory=dict)

    def at(self, offer: SessionOffer, starts_at: datetime) -> int:
        """Return how many seats a session has left."""
        return self.left.get((offer.id, starts_at), offer.seats)


def _nights(first: date, last: date) -> list[date]:
    return [first + ONE_NIGHT * n for n in range((last - first).days)]


def free_nights(
    offers: Collection[StayOffer], first: date, last: date, *, now: datetime
) -> FreeNights:
    """Read what is free on the nights of [first, last), in one statement."""
    rows = read(
        _NIGHTS,
        {"offers": [offer.id for offer in offers], "first": first, "last": last},
        now=now,
    )
    units: Mapping[int, int] = {offer.id: offer.units for offer in offers}
    free = FreeNights()
    left = free.left
    for offer_id, night, until, taken, capacity in rows:
        if until is None:
            left[offer_id, night] = left.get((offer_id, night), 0) + capacity - taken
            continue
        # A hold that ran out. Its nights are in the counters, perhaps further on in the rows.
        if offer_id in units:
            for gone in _nights(max(night, first), min(until, last)):
                left[offer_id, gone] = left.get((offer_id, gone), 0) - taken
    return free


def free_seats(
    offers: Collection[SessionOffer], first: datetime, last: datetime, *, now: datetime
) -> FreeSeats:
    """Read what is free of the sessions that start in [first, last), in one statement."""
    rows = read(
        _SEATS,
        {"offers": [offer.id for offer in offers], "first": first, "last": last},
        now=now,
    )
    free = FreeSeats()
    for offer_id, starts_at, taken, capacity in rows:
        key = (offer_id, starts_at)
        free.left[key] = free.left.get(key, 0) + capacity - taken
    return free
