"""What a change would do, looked at before it is done: its price, and who is in the way."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from app.booking.availability import free_nights, free_seats
from app.booking.catalogue import Catalogue
from app.booking.change_price import (
    Change,
    Draft,
    Target,
    draft,
    nights,
    nights_of,
    present,
    target_of,
)
from app.booking.inventory import ONE_NIGHT
from app.booking.models import Reservation, ReservationLine, Seating
from app.booking.rooms import unit_of
from app.core.database import db


@dataclass(frozen=True, slots=True)
class There:
    """Who has a room on nights that somebody else is to have it."""

    reference: str | None  # None: the house itself has blocked it
    first: date
    until: date
    stays_put: bool  # in the house, pinned or blocked: never moved


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do; nothing of it is done. All sums in minor units."""

    target: Target
    draft: Draft
    full: tuple[date, ...]  # nights without a place
    seats_short: bool
    there: tuple[There, ...]
    unit_id: int | None  # the room they would have; None: whichever is free
    same: bool  # nothing would change

    @property
    def is_possible(self) -> bool:
        """Whether nothing is known to be in the way."""
        return not (self.full or self.seats_short or any(one.stays_put for one in self.there))


def preview(
    catalogue: Catalogue, line: ReservationLine, change: Change, price: str, *, now: datetime
) -> Preview:
    """Return what a change would do, without writing anything.

    Raises what `target_of` and `draft` refuse.
    """
    target = target_of(line, change, catalogue, now=now)
    drawn = draft(catalogue, line.reservation.lines, line, target, price)
    if line.kind == "session":
        short = _seats_short(catalogue, line, target, now=now)
        return Preview(target, drawn, (), short, (), None, target == present(line))
    own = unit_of(line.id)
    wanted = target.unit_id or (own if target.offer_id == line.offer_id else None)
    there = _who_is_there(wanted, line, target, now=now, catalogue=catalogue) if wanted else ()
    if there and not must_stay(line, target, catalogue, now=now):
        # Nobody asked for this very room, so they get another rather than whoever is in it.
        wanted, there = None, ()
    same = _plainly(target) == _plainly(present(line)) and target.unit_id in (None, own)
    full = _fullnights(catalogue, line, target, now=now)
    return Preview(target, drawn, full, False, there, wanted, same)


def _plainly(target: Target) -> tuple[object, ...]:
    return target.offer_id, target.arrive, target.depart, target.adults, target.children


def must_stay(
    line: ReservationLine, target: Target, catalogue: Catalogue, *, now: datetime
) -> bool:
    """Whether a stay has to have the very room: asked for, pinned, or somebody lives in it."""
    if target.unit_id is not None:
        return True
    today = now.astimezone(catalogue.venue.zone).date()
    here = line.arrived_at is not None or (line.arrive is not None and line.arrive < today)
    return target.offer_id == line.offer_id and (line.pinned or here)


def _fullnights(
    catalogue: Catalogue, line: ReservationLine, target: Target, *, now: datetime
) -> tuple[date, ...]:
    offer = catalogue.stays_by_id.get(target.offer_id)
    if offer is None or target.arrive is None or target.depart is None:
        return ()
    free = free_nights([offer], target.arrive, target.depart, now=now)
    own = nights_of(line) if line.offer_id == target.offer_id else set()
    wanted = nights(target.arrive, target.depart)
    return tuple(n for n in wanted if n not in own and free.on(offer, n) < 1)


def _seats_short(
    catalogue: Catalogue, line: ReservationLine, target: Target, *, now: datetime
) -> bool:
    offer = catalogue.sessions_by_id.get(target.offer_id)
    if offer is None or target.starts_at is None:
        return False
    at = target.starts_at
    left = free_seats([offer], at, at.replace(microsecond=1), now=now).at(offer, at)
    return target.quantity > left + (line.quantity if line.starts_at == at else 0)


def _who_is_there(
    unit_id: int, line: ReservationLine, target: Target, *, now: datetime, catalogue: Catalogue
) -> tuple[There, ...]:
    today = now.astimezone(catalogue.venue.zone).date()
    query = (
        sa.select(
            Reservation.reference,
            Seating.block_id,
            sa.func.min(Seating.night).label("first"),
            sa.func.max(Seating.night).label("last"),
            ReservationLine.arrive,
            ReservationLine.pinned,
            ReservationLine.arrived_at,
        )
        .select_from(Seating)
        .outerjoin(ReservationLine, ReservationLine.id == Seating.line_id)
        .outerjoin(Reservation, Reservation.id == ReservationLine.reservation_id)
        .where(
            Seating.unit_id == unit_id,
            Seating.night >= target.arrive,
            Seating.night < target.depart,
            sa.or_(Seating.line_id.is_(None), Seating.line_id != line.id),
        )
        .group_by(
            Seating.block_id, ReservationLine.id, Reservation.reference, ReservationLine.arrive,
            ReservationLine.pinned, ReservationLine.arrived_at,
        )
        .order_by(sa.func.min(Seating.night))
    )  # fmt: skip
    return tuple(
        There(
            row.reference,
            row.first,
            row.last + ONE_NIGHT,
            stays_put=row.arrive is None
            or row.arrive < today
            or row.pinned
            or row.arrived_at is not None,
        )
        for row in db.session.execute(query)
    )
