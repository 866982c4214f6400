"""Finding reservations: by what is sealed, exactly; by what isn't, page by page."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.booking.details import tidy_name
from app.booking.models import Reservation, ReservationLine
from app.core.database import db
from app.core.datamap import Kind
from app.core.vault import vault
from app.owner import queries
from app.owner.masking import hidden
from app.owner.queries import PAGE_SIZE, Row

SOURCES = ("web", "phone", "walk_in")

# Somebody who booked a hundred times is looked for by reference.
_MOST_PERSONS = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for that is nobody's: state, dates of arrival, offer and way it came."""

    status: str | None = None
    first: date | None = None
    last: date | None = None
    offer_id: int | None = None
    source: str | None = None

    @property
    def narrow(self) -> bool:
        """Whether anything but the state is looked for."""
        return any((self.first, self.last, self.offer_id, self.source))


def by_name(name: str, *, now: datetime) -> list[Row]:
    """Return the latest reservations of everybody of exactly that name.

    The whole of it, however it is spelt in capitals or spaced: a name is sealed, and only
    one keyed digest of it is kept.
    """
    people = vault().find(Kind.NAME, tidy_name(name))
    # Who restricted the use of their name isn't found by it: their reference is enough.
    away = hidden(people)
    people = [person_id for person_id in people if person_id not in away]
    if not people:
        return []
    query = (
        sa.select(Reservation)
        .options(selectinload(Reservation.lines))
        .where(Reservation.person_id.in_(people[-_MOST_PERSONS:]))
        .order_by(Reservation.id.desc())
        .limit(PAGE_SIZE)
    )
    return queries.rows_of(db.session.scalars(query).all(), now=now)


def page_of(wanted: Wanted, page: int, *, zone: ZoneInfo, now: datetime) -> tuple[list[Row], bool]:
    """Return one page of what is looked for, and whether there is another.

    The newest first; by the day of arrival where days were said. `page` counts from 1.
    """
    query = sa.select(Reservation).options(selectinload(Reservation.lines))
    if wanted.status is not None:
        query = query.where(Reservation.status == wanted.status)
    if wanted.source is not None:
        query = query.where(Reservation.source == wanted.source)
    if wanted.first is not None:
        query = query.where(Reservation.first_start >= _midnight(wanted.first, zone))
    if wanted.last is not None:
        after = wanted.last + timedelta(days=1)
        query = query.where(Reservation.first_start < _midnight(after, zone))
    if wanted.offer_id is not None:
        query = query.where(
            sa.exists().where(
                ReservationLine.reservation_id == Reservation.id,
                ReservationLine.offer_id == wanted.offer_id,
            )
        )
    by_day = wanted.first is not None or wanted.last is not None
    order = (Reservation.first_start, Reservation.id) if by_day else (Reservation.id.desc(),)
    query = query.order_by(*order).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE + 1)
    found = db.session.scalars(query).all()
    return queries.rows_of(found[:PAGE_SIZE], now=now), len(found) > PAGE_SIZE


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)
