"""Whom bookings make known to the house: guests who are expected, or are about to book.

Registers itself with `policy.telling`, which may not know bookings.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.booking.models import CONFIRMED, HELD, Reservation, ReservationLine
from app.core.database import db, table
from app.policy import telling

_reservation, _line = table(Reservation), table(ReservationLine)


def current(now: datetime) -> sa.Select[Any]:
    """Select the persons of bookings and asked sums that aren't over."""
    ahead = sa.exists().where(
        _line.c.reservation_id == _reservation.c.id,
        sa.or_(_line.c.ends_at > now, _line.c.depart >= now.date()),
    )
    return (
        sa.select(_reservation.c.person_id)
        .where(
            _reservation.c.person_id.is_not(None),
            sa.or_(
                sa.and_(
                    _reservation.c.status == CONFIRMED,
                    sa.or_(_reservation.c.first_start > now, ahead),
                ),
                sa.and_(_reservation.c.status == HELD, _reservation.c.held_until > now),
            ),
        )
        .distinct()
    )


def languages(person_ids: Collection[str]) -> dict[str, str]:
    """Return the language of the last booking of each of these persons that has one."""
    query = (
        sa.select(_reservation.c.person_id, _reservation.c.language)
        .where(_reservation.c.person_id.in_(person_ids))
        .order_by(_reservation.c.id)
    )
    return {row.person_id: row.language for row in db.session.execute(query)}


telling.audience("booking", telling.Audience(current, languages))
