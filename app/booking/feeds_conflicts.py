"""Where a partner's calendar and the house's own book disagree, and the ways out of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from app.booking.feeds_in import place
from app.booking.inventory import PlacesTaken
from app.booking.models import (
    DISMISSED,
    ECHO,
    OPEN,
    Feed,
    FeedConflict,
    Reservation,
    ReservationLine,
    Seating,
    UnitRow,
)
from app.booking.rooms import pin, reseat
from app.booking.seating import UnitOccupied
from app.booking.seating_plan import Fragmented, NoSeating
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_

_TAKEN = (PlacesTaken, UnitOccupied, Fragmented, NoSeating)


class NoOtherRoom(DomainError):
    """Whoever is there finds no other room: two bookings, and one room."""

    message = N_(
        "No other room is free for all those nights. Please move the guest to other nights, or "
        "ask the partner to take their booking back."
    )


class ConflictOver(DomainError):
    """It isn't one any more: settled by somebody else, or by the partner."""

    message = N_("This conflict is settled already.")


@dataclass(frozen=True, slots=True)
class InTheWay:
    """A stay that has the room on nights that a partner says are theirs."""

    line_id: int
    reference: str
    arrive: date
    depart: date


def in_the_way(conflicts: Collection[FeedConflict]) -> dict[int, list[InTheWay]]:
    """Return by conflict which stays have its room then. One statement for all."""
    query = (
        sa.select(
            FeedConflict.id,
            ReservationLine.id.label("line_id"),
            Reservation.reference,
            ReservationLine.arrive,
            ReservationLine.depart,
        )
        .join(Feed, Feed.id == FeedConflict.feed_id)
        .join(
            Seating,
            sa.and_(
                Seating.unit_id == Feed.unit_id,
                Seating.night >= FeedConflict.first,
                Seating.night < FeedConflict.until,
            ),
        )
        .join(ReservationLine, ReservationLine.id == Seating.line_id)
        .join(Reservation, Reservation.id == ReservationLine.reservation_id)
        .where(FeedConflict.id.in_([one.id for one in conflicts]))
        .distinct()
        .order_by(FeedConflict.id, ReservationLine.arrive)
    )
    found: dict[int, list[InTheWay]] = {}
    for row in db.session.execute(query) if conflicts else ():
        stay = InTheWay(row.line_id, row.reference, row.arrive, row.depart)
        found.setdefault(row.id, []).append(stay)
    return found


def dismiss(conflict_id: int) -> FeedConflict:
    """Leave a conflict as it is: nothing is blocked for it. Raises ConflictOver."""
    found = _conflict(conflict_id, OPEN)
    found.state = DISMISSED
    return found


def call_another(conflict_id: int) -> FeedConflict:
    """Say of nights taken for an echo that they are another booking. Raises ConflictOver."""
    found = _conflict(conflict_id, ECHO)
    found.state = OPEN
    return found


def move_away(conflict_id: int, *, today: date, now: datetime) -> FeedConflict:
    """Give whoever is in the way another room, and keep this one for the partner's booking.

    Raises ConflictOver, and NoOtherRoom, after which the caller rolls back.
    """
    found = _conflict(conflict_id, OPEN)
    feed = db.session.get_one(Feed, found.feed_id)
    for stay in in_the_way([found]).get(found.id, []):
        _move(stay.line_id, feed, today=today)
    try:
        place(feed, (max(found.first, today), found.until), today=today, now=now)
    except _TAKEN as error:
        raise NoOtherRoom from error
    db.session.delete(found)
    db.session.flush()
    return found


def _move(line_id: int, feed: Feed, *, today: date) -> None:
    pin(line_id, pinned=False)
    query = sa.select(UnitRow.id).where(
        UnitRow.offer_id == feed.offer_id, UnitRow.id != feed.unit_id, UnitRow.position >= 0
    )
    for unit_id in db.session.scalars(query.order_by(UnitRow.position)).all():
        try:
            with db.session.begin_nested():
                reseat(line_id, unit_id, today=today)
        except _TAKEN:
            continue
        return
    raise NoOtherRoom


def _conflict(conflict_id: int, state: str) -> FeedConflict:
    found = db.session.get(FeedConflict, conflict_id, with_for_update=True)
    if found is None or found.state != state:
        raise ConflictOver
    return found
