"""The reservations of an account: those of everybody that its person is."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.accounts.claims import persons_of
from app.accounts.models import Account
from app.booking.catalogue import Venue
from app.booking.models import AS_HELD, ASKED, CANCELLED, CONFIRMED, Reservation
from app.core.database import db


class Mine(NamedTuple):
    """What somebody booked, as their own page lists it."""

    ahead: list[Reservation]  # the soonest first, what has begun and isn't over included
    unpaid: list[Reservation]  # held while they pay
    past: list[Reservation]  # the latest first
    cancelled: list[Reservation]  # the latest first


def reservations_of(account: Account, venue: Venue, *, now: datetime) -> Mine:
    """Return an account's reservations, by three statements however many they are.

    What was never paid and isn't held any more is no reservation.
    """
    query = (
        sa.select(Reservation)
        .where(
            Reservation.person_id.in_(persons_of(account)),
            sa.or_(
                Reservation.status.in_((CONFIRMED, CANCELLED)),
                sa.and_(Reservation.status == AS_HELD, Reservation.held_until > now),
            ),
            # What the house asked for and then withdrew was never booked.
            sa.or_(Reservation.kind != ASKED, Reservation.status != CANCELLED),
        )
        .options(selectinload(Reservation.lines))
        .order_by(Reservation.first_start, Reservation.id)
    )
    mine = Mine([], [], [], [])
    for found in db.session.scalars(query):
        if found.status == CANCELLED:
            mine.cancelled.insert(0, found)
        elif found.status != CONFIRMED:
            mine.unpaid.append(found)
        elif end_of(found, venue) > now:
            mine.ahead.append(found)
        else:
            mine.past.insert(0, found)
    return mine


def end_of(reservation: Reservation, venue: Venue) -> datetime:
    """Return when the last of what was booked is over."""
    ends = [reservation.first_start]
    for line in reservation.lines:
        if line.ends_at is not None:
            ends.append(line.ends_at)
        elif line.depart is not None:
            ends.append(datetime.combine(line.depart, venue.check_out, venue.zone))
    return max(ends)
