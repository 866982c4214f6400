"""Which unit a stay gets, and moving later stays when that is what it takes (D3).

The counters have already said that every night has a unit left. That doesn't
mean that one unit is free for all the nights; but stays are intervals, and
intervals can always be told apart into as many units as the fullest night
needs. So a unit that is free at first is followed as far as it goes, and where
another stay begins on it, what both units have from there on is exchanged, up
to the next night on which neither has a stay running. Every exchange gets
further; no sale is lost to fragmentation.

Only stays that begin after the new one are moved: never a guest who is in the
house. What the house has pinned to a unit, or blocked, is never moved either. That
is the one thing that can cost a sale: where nothing but moving it would help, the
new stay is refused (`Fragmented`).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.booking.inventory import ONE_NIGHT
from app.booking.models import (
    CONFIRMED,
    HELD,
    Block,
    Night,
    Reservation,
    ReservationLine,
    Seating,
    UnitRow,
)
from app.booking.seating_plan import Fragmented, NoSeating, Plan, WindowTooShort, cleared
from app.core.database import table
from app.core.errors import DomainError
from app.core.languages import N_

_seating, _unit, _night = table(Seating), table(UnitRow), table(Night)
_reservation, _line = table(Reservation), table(ReservationLine)
_block = table(Block)

_offer: sa.BindParameter[int] = sa.bindparam("o")
_first: sa.BindParameter[date] = sa.bindparam("a")
_last: sa.BindParameter[date] = sa.bindparam("d")
_taken = (
    sa.select(sa.literal(1))
    .where(_seating.c.unit_id == _unit.c.id, _seating.c.night >= _first, _seating.c.night < _last)
    .exists()
)
_free_unit = (
    sa.select(_unit.c.id)
    .where(_unit.c.offer_id == _offer, _unit.c.position >= sa.bindparam("p"), ~_taken)
    .order_by(_unit.c.position)
    .limit(1)
    .subquery("free")
)
# The nights are those of the counters, which were taken just before.
_SEAT_IF_FREE = (
    sa.insert(_seating)
    .from_select(
        ["unit_id", "night", "line_id"],
        sa.select(_free_unit.c.id, _night.c.night, sa.bindparam("line", type_=sa.Integer))
        .select_from(_free_unit.join(_night, sa.true()))
        .where(_night.c.offer_id == _offer, _night.c.night >= _first, _night.c.night < _last),
    )
    .returning(_seating.c.unit_id)
)
_SEAT = sa.insert(_seating)
_SEATED = (
    sa.select(
        _seating.c.line_id,
        sa.func.count().label("nights"),
        sa.func.count(_unit.c.id.distinct()).label("units"),
        sa.func.min(_seating.c.night).label("first"),
        sa.func.max(_seating.c.night).label("last"),
        sa.func.min(_unit.c.offer_id).label("offer_id"),
    )
    .join(_unit, _unit.c.id == _seating.c.unit_id)
    .where(_seating.c.line_id.is_not(None))
    .group_by(_seating.c.line_id)
)
_BLOCKED = (
    sa.select(
        _seating.c.block_id,
        sa.func.max(_seating.c.unit_id),
        sa.func.count(),
        sa.func.min(_seating.c.night),
        sa.func.max(_seating.c.night),
    )
    .where(_seating.c.block_id.is_not(None))
    .group_by(_seating.c.block_id)
)
_LIVE_STAYS = (
    sa.select(_line.c.id, _line.c.offer_id, _line.c.arrive, _line.c.depart)
    .join(_reservation, _reservation.c.id == _line.c.reservation_id)
    .where(_reservation.c.status.in_((HELD, CONFIRMED)), _line.c.kind == "stay")
)
_THERE = (
    sa.select(
        _seating.c.line_id,
        _seating.c.block_id,
        sa.or_(_line.c.pinned, _line.c.arrived_at.is_not(None)).label("pinned"),
        _line.c.arrive,
        _line.c.depart,
    )
    .outerjoin(_line, _line.c.id == _seating.c.line_id)
    .where(
        _seating.c.unit_id == sa.bindparam("unit"),
        _seating.c.night >= _first,
        _seating.c.night < _last,
    )
    .distinct()
    .order_by(_line.c.arrive)
)
_UNSEAT = sa.delete(_seating).where(_seating.c.line_id == sa.bindparam("line"))
# Whoever moves stays has locked all units of the offer, this one too.
_WAIT_FOR_MOVES = (
    sa.select(_unit.c.id)
    .where(
        _unit.c.id
        == sa.select(sa.func.min(_seating.c.unit_id))
        .where(_seating.c.line_id == sa.bindparam("line"))
        .scalar_subquery()
    )
    .with_for_update(read=True, key_share=True)
)


class UnitOccupied(DomainError):
    """The unit has somebody who can't be moved: in the house, pinned, or a block."""

    message = N_("Somebody is there who can’t be moved. Free the room first, or take another.")

    def __init__(self, line_ids: Sequence[int] = ()) -> None:
        super().__init__()
        self.line_ids = line_ids


def seat(
    connection: Connection, line_id: int, offer_id: int, arrive: date, depart: date, *, units: int
) -> int:
    """Give a stay a unit for [arrive, depart) and return the unit's id.

    The nights' counters must have been taken in the same transaction. Raises Fragmented,
    with nothing written, and NoSeating if the counters promised what isn't there.
    """
    where = {"o": offer_id, "a": arrive, "d": depart, "line": line_id}
    # In a small house fill the first room first; in a large one begin anywhere,
    # or a search would walk past hundreds of taken rooms each time.
    start = 0 if units <= 16 else (arrive.toordinal() * 31 + line_id) % units
    for first in (start, 0) if start else (0,):
        unit_id = connection.execute(_SEAT_IF_FREE, {**where, "p": first}).scalar()
        if unit_id is not None:
            return int(unit_id)
    unit = _make_room(connection, offer_id, arrive, depart)
    nights = range((depart - arrive).days)
    connection.execute(
        _SEAT,
        [{"unit_id": unit, "night": arrive + ONE_NIGHT * n, "line_id": line_id} for n in nights],
    )
    return unit


def unseat(connection: Connection, line_ids: Sequence[int]) -> None:
    """Take the units of these stays away from them.

    On PostgreSQL somebody may be moving one of them just now. The nights where it
    stands are looked up only when that is done; or it would be left standing where
    it was moved to.
    """
    for line_id in line_ids:
        if connection.dialect.name == "postgresql":
            connection.execute(_WAIT_FOR_MOVES, {"line": line_id})
        connection.execute(_UNSEAT, {"line": line_id})


def misseated(connection: Connection) -> list[int]:
    """Return the ids of the lines whose seating is not as it should be.

    A live stay has one unit of its offer, for exactly its nights; no other line has
    any. That no unit is given twice is kept by the primary key.
    """
    seated = {
        row.line_id: (row.offer_id, row.nights, row.first, row.last, row.units)
        for row in connection.execute(_SEATED)
    }
    should = {
        line: (offer, (depart - arrive).days, arrive, depart - ONE_NIGHT, 1)
        for line, offer, arrive, depart in connection.execute(_LIVE_STAYS)
    }
    lines = sorted(seated.keys() | should.keys())
    return [line for line in lines if seated.get(line) != should.get(line)]


def misblocked(connection: Connection) -> list[int]:
    """Return the ids of the blocks that don't have their unit for exactly their nights."""
    seated = {row.block_id: tuple(row)[1:] for row in connection.execute(_BLOCKED)}
    should = {
        block: (unit, (until - first).days, first, until - ONE_NIGHT)
        for block, unit, first, until in connection.execute(
            sa.select(_block.c.id, _block.c.unit_id, _block.c.first, _block.c.until)
        )
    }
    blocks = sorted(seated.keys() | should.keys())
    return [block for block in blocks if seated.get(block) != should.get(block)]


def seat_there(
    connection: Connection,
    unit_id: int,
    offer_id: int,
    first: date,
    until: date,
    *,
    units: int,
    today: date,
    line_id: int | None = None,
    block_id: int | None = None,
) -> list[int]:
    """Give a stay or a block that very unit for [first, until); who is there goes elsewhere.

    The nights' counters must have been taken, and a stay's own seats let go, in the same
    transaction. Returns the lines that moved. Raises UnitOccupied where somebody there is
    in the house since before `today`, pinned, or a block, or finds no other unit: then
    the caller must roll back.
    """
    connection.execute(
        sa.select(_unit.c.id)
        .where(_unit.c.offer_id == offer_id)
        .order_by(_unit.c.id)
        .with_for_update()
    )
    there = connection.execute(_THERE, {"unit": unit_id, "a": first, "d": until}).all()
    fixed = [row for row in there if row.line_id is None or row.pinned or row.arrive < today]
    if fixed:
        raise UnitOccupied([row.line_id for row in fixed if row.line_id is not None])
    moved = [row.line_id for row in there]
    for line in moved:
        connection.execute(_UNSEAT, {"line": line})
    nights = range((until - first).days)
    owner = {"line_id": line_id, "block_id": block_id}
    connection.execute(
        _SEAT, [{"unit_id": unit_id, "night": first + ONE_NIGHT * n, **owner} for n in nights]
    )
    try:
        for row in there:
            seat(connection, row.line_id, offer_id, row.arrive, row.depart, units=units)
    except (Fragmented, NoSeating) as error:
        raise UnitOccupied(moved) from error
    return moved


def _make_room(connection: Connection, offer_id: int, arrive: date, depart: date) -> int:
    """Exchange later stays between units until one is free for all of [arrive, depart)."""
    # Two units exchange at once, so on PostgreSQL two writers mustn't do it together.
    connection.execute(
        sa.select(_unit.c.id)
        .where(_unit.c.offer_id == offer_id)
        .order_by(_unit.c.id)
        .with_for_update()
    )
    ahead = timedelta(days=14)
    while True:
        before = _read(connection, offer_id, arrive - ONE_NIGHT, depart + ahead)
        try:
            unit, after = cleared(before, arrive, depart)
        except WindowTooShort:
            ahead *= 2
            continue
        _write(connection, before.rows, after.rows)
        return unit


def _read(connection: Connection, offer_id: int, first: date, until: date) -> Plan:
    """Return the seating of an offer for the nights of [first, until), by unit and night."""
    rows = connection.execute(
        sa.select(
            _unit.c.id,
            _seating.c.night,
            _seating.c.line_id,
            _seating.c.block_id,
            # Who has checked in stays where they are, on the day of their arrival too.
            sa.or_(_line.c.pinned, _line.c.arrived_at.is_not(None)),
        )
        .select_from(_unit)
        .outerjoin(
            _seating,
            sa.and_(
                _seating.c.unit_id == _unit.c.id,
                _seating.c.night >= first,
                _seating.c.night < until,
            ),
        )
        .outerjoin(_line, _line.c.id == _seating.c.line_id)
        # A unit that the house gave up stands below zero, with the stays it had.
        .where(_unit.c.offer_id == offer_id, _unit.c.position >= 0)
        .order_by(_unit.c.position)
    )
    plan = Plan({}, until, set())
    for unit_id, night, line_id, block_id, pinned in rows:
        taken = plan.rows.setdefault(unit_id, {})
        if night is None:
            continue
        who = line_id if block_id is None else -block_id
        taken[night] = who
        if pinned or block_id is not None:
            plan.fixed.add(who)
    return plan


def _write(
    connection: Connection, before: dict[int, dict[date, int]], after: dict[int, dict[date, int]]
) -> None:
    """Store what was moved: all that left first, so that no key is ever there twice."""
    gone = [
        {"u": unit, "t": night}
        for unit, taken in before.items()
        for night, line in taken.items()
        if after[unit].get(night) != line
    ]
    # Blocks are fixed, so whatever moved is a stay.
    come = [
        {"unit_id": unit, "night": night, "line_id": line}
        for unit, taken in after.items()
        for night, line in taken.items()
        if before[unit].get(night) != line
    ]
    if gone:
        connection.execute(
            sa.delete(_seating).where(
                _seating.c.unit_id == sa.bindparam("u"), _seating.c.night == sa.bindparam("t")
            ),
            gone,
        )
    if come:
        connection.execute(_SEAT, come)
