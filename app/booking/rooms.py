"""What the house does with its units: keep one to itself, pin a stay, seat it elsewhere.

The verbs take and give back places by the same counters as every sale, so that nothing
can be double-booked from the house's side either. The caller commits, and rolls back
after an error: a conflict is explained, never half done.
"""

from collections.abc import Collection
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.booking.inventory import NightsClaim, give_back, swap, take
from app.booking.models import CONFIRMED, Block, OfferRow, ReservationLine, Seating, UnitRow
from app.booking.seating import seat_there, unseat
from app.core.database import db, table
from app.core.errors import DomainError
from app.core.languages import N_

REASONS = {
    "repair": N_("Repair"),
    "own_use": N_("Own use"),
    "closed": N_("Closed"),
    "other": N_("Other"),
}
"""Why the house keeps a unit from guests, in words."""
PARTNER = "partner"
REASON_WORDS = {**REASONS, PARTNER: N_("Booked elsewhere")}
"""Why a unit is kept from guests, by the house or by a partner's calendar."""

MOST_NIGHTS = 366


class BadBlock(DomainError):
    """The nights of a block are none, too many, or long over."""

    message = N_("Please give a first night from today on, and an end after it, a year at most.")


class NotSeated(DomainError):
    """Only a stay that is booked or held has a room."""

    message = N_("This has no room: it is no stay, or it isn’t booked any more.")


def block(
    unit_id: int,
    first: date,
    until: date,
    reason: str,
    *,
    today: date,
    now: datetime,
    feed_id: int | None = None,
) -> Block:
    """Keep a unit from guests for the nights of [first, until).

    `feed_id` is the partner's calendar that says it is taken, if one does. Stays that are
    there later go to other units of the same offer. Raises BadBlock, PlacesTaken where
    another offer of nights is sold out, and UnitOccupied.
    """
    if not (today <= first < until) or (until - first).days > MOST_NIGHTS:
        raise BadBlock
    connection = db.session.connection()
    unit, units = _unit(unit_id)
    take(connection, [NightsClaim(unit.offer_id, first, until, 1, units)])
    made = Block(
        offer_id=unit.offer_id,
        unit_id=unit_id,
        first=first,
        until=until,
        reason=reason,
        made_at=now,
        feed_id=feed_id,
    )
    db.session.add(made)
    db.session.flush()
    seat_there(
        connection, unit_id, unit.offer_id, first, until,
        units=units, today=today, block_id=made.id,
    )  # fmt: skip
    return made


def unblock(block_id: int) -> None:
    """Give the nights of a block back to guests. Does nothing where it is gone already."""
    found = db.session.get(Block, block_id, with_for_update=True)
    if found is None:
        return
    _, units = _unit(found.unit_id)
    claim = NightsClaim(found.offer_id, found.first, found.until, 1, units)
    connection = db.session.connection()
    give_back(connection, [claim])
    connection.execute(sa.delete(table(Seating)).where(Seating.block_id == block_id))
    db.session.delete(found)
    db.session.flush()


def reshape(block_id: int, first: date, until: date, *, today: date) -> None:
    """Have a block keep the nights of [first, until) in place of those that it kept.

    Its nights that stay are not let go in between. Raises as `block` does; then the caller
    must roll back.
    """
    if not first < until or (until - first).days > MOST_NIGHTS:
        raise BadBlock
    found = db.session.get_one(Block, block_id, with_for_update=True)
    unit, units = _unit(found.unit_id)
    connection = db.session.connection()
    was = NightsClaim(unit.offer_id, found.first, found.until, 1, units)
    swap(connection, [was], [NightsClaim(unit.offer_id, first, until, 1, units)])
    seats = table(Seating)
    outside = sa.or_(seats.c.night < first, seats.c.night >= until)
    connection.execute(sa.delete(seats).where(seats.c.block_id == block_id, outside))
    added = ((first, min(found.first, until)), (max(found.until, first), until))
    for begin, end in added:
        if begin < end:
            seat_there(
                connection, unit.id, unit.offer_id, begin, end,
                units=units, today=today, block_id=block_id,
            )  # fmt: skip
    found.first, found.until = first, until
    db.session.flush()


def reseat(line_id: int, unit_id: int, *, today: date) -> list[int]:
    """Put a stay into another unit of its offer, for all its nights; return whose room changed.

    Raises NotSeated and UnitOccupied.
    """
    line = _stay(line_id)
    unit, units = _unit(unit_id)
    if unit.offer_id != line.offer_id or line.arrive is None or line.depart is None:
        raise NotSeated
    connection = db.session.connection()
    lock_units(connection, {unit.offer_id})
    unseat(connection, [line_id])
    return seat_there(
        connection, unit_id, unit.offer_id, line.arrive, line.depart,
        units=units, today=today, line_id=line_id,
    )  # fmt: skip


def lock_units(connection: Connection, offer_ids: Collection[int]) -> None:
    """Wait for whoever moves stays among the units of offers, and have them wait.

    In the order of everybody who moves stays: before seats are let go, which locks one unit.
    """
    query = sa.select(UnitRow.id).where(UnitRow.offer_id.in_(offer_ids))
    connection.execute(query.order_by(UnitRow.id).with_for_update())


def pin(line_id: int, *, pinned: bool) -> None:
    """Keep a stay in the unit that it has, or let it be moved again. Raises NotSeated."""
    _stay(line_id).pinned = pinned
    db.session.flush()


def unit_of(line_id: int) -> int | None:
    """Return the unit that a stay has."""
    query = sa.select(sa.func.min(Seating.unit_id)).where(Seating.line_id == line_id)
    return db.session.scalar(query)


def _stay(line_id: int) -> ReservationLine:
    """Return the line of a confirmed stay, its reservation locked. Raises NotSeated."""
    line = db.session.get(ReservationLine, line_id, populate_existing=True)
    if line is None or line.kind != "stay":
        raise NotSeated
    db.session.refresh(line.reservation, with_for_update=True)
    if line.reservation.status != CONFIRMED:
        raise NotSeated
    return line


def _unit(unit_id: int) -> tuple[UnitRow, int]:
    """Return a unit, and how many its offer has. Raises sqlalchemy.exc.NoResultFound."""
    query = sa.select(UnitRow, OfferRow.units).join(OfferRow, OfferRow.id == UnitRow.offer_id)
    unit, units = db.session.execute(query.where(UnitRow.id == unit_id)).one()
    return unit, units or 0
