"""Which unit a stay gets, and moving later stays when that is what it takes (D3).

The counters have already said that every night has a unit left. That doesn't
mean that one unit is free for all the nights; but stays are intervals, and
intervals can always be told apart into as many units as the fullest night
needs. So a unit that is free at first is followed as far as it goes, and where
another stay begins on it, what both units have from there on is exchanged, up
to the next night on which neither has a stay running. Every exchange gets
further; no sale is lost to fragmentation.

Only stays that begin after the new one are moved: never a guest who is in the
house.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.booking.inventory import ONE_NIGHT
from app.booking.models import (
    CONFIRMED,
    HELD,
    Night,
    Reservation,
    ReservationLine,
    Seating,
    UnitRow,
)
from app.core.database import table

_seating, _unit, _night = table(Seating), table(UnitRow), table(Night)
_reservation, _line = table(Reservation), table(ReservationLine)

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
    .group_by(_seating.c.line_id)
)
_LIVE_STAYS = (
    sa.select(_line.c.id, _line.c.offer_id, _line.c.arrive, _line.c.depart)
    .join(_reservation, _reservation.c.id == _line.c.reservation_id)
    .where(_reservation.c.status.in_((HELD, CONFIRMED)), _line.c.kind == "stay")
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


class NoSeating(AssertionError):
    """The counters promised a unit that the seating doesn't have: the book is damaged."""


def seat(
    connection: Connection, line_id: int, offer_id: int, arrive: date, depart: date, *, units: int
) -> int:
    """Give a stay a unit for [arrive, depart) and return the unit's id.

    The nights' counters must have been taken in the same transaction. Raises
    NoSeating if they promised what isn't there.
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


class _WindowTooShort(Exception):
    """An exchange would have to look further ahead than was read."""


@dataclass(slots=True)
class _Plan:
    """Who has which unit on which night, as far as it was read; and what was moved."""

    rows: dict[int, dict[date, int]]  # unit → night → line
    until: date  # nights from here on were not read

    def free_until(self, unit: int, night: date) -> date:
        """The first night from `night` on that isn't free on a unit."""
        taken = self.rows[unit]
        while night < self.until and night not in taken:
            night += ONE_NIGHT
        return night

    def freest(self, night: date) -> int:
        """The unit that is free for longest from `night` on; of equals the first.

        Raises NoSeating where none is free on that night.
        """
        unit = max(self.rows, key=lambda u: self.free_until(u, night))
        if night in self.rows[unit]:
            raise NoSeating
        return unit

    def runs_over(self, unit: int, night: date) -> bool:
        """Whether one stay has the unit both the night before and this night."""
        line = self.rows[unit].get(night - ONE_NIGHT)
        if line is not None and night >= self.until:
            raise _WindowTooShort
        return line is not None and line == self.rows[unit].get(night)

    def exchange(self, one: int, other: int, start: date) -> None:
        """Exchange what two units have from `start` to where neither has a stay running."""
        end = start + ONE_NIGHT
        while self.runs_over(one, end) or self.runs_over(other, end):
            end += ONE_NIGHT
        mine, theirs = self.rows[one], self.rows[other]
        night = start
        while night < end:
            a, b = mine.pop(night, None), theirs.pop(night, None)
            if b is not None:
                mine[night] = b
            if a is not None:
                theirs[night] = a
            night += ONE_NIGHT


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
        plan = _Plan({unit: dict(taken) for unit, taken in before.items()}, depart + ahead)
        try:
            unit = _clear(plan, arrive, depart)
        except _WindowTooShort:
            ahead *= 2
            continue
        _write(connection, before, plan.rows)
        return unit


def _clear(plan: _Plan, arrive: date, depart: date) -> int:
    unit = plan.freest(arrive)
    while (reached := plan.free_until(unit, arrive)) < depart:
        plan.exchange(unit, plan.freest(reached), reached)
    return unit


def _read(
    connection: Connection, offer_id: int, first: date, until: date
) -> dict[int, dict[date, int]]:
    """Return the seating of an offer for the nights of [first, until), by unit and night."""
    rows = connection.execute(
        sa.select(_unit.c.id, _seating.c.night, _seating.c.line_id)
        .select_from(_unit)
        .outerjoin(
            _seating,
            sa.and_(
                _seating.c.unit_id == _unit.c.id,
                _seating.c.night >= first,
                _seating.c.night < until,
            ),
        )
        .where(_unit.c.offer_id == offer_id)
        .order_by(_unit.c.position)
    )
    seats: dict[int, dict[date, int]] = {}
    for unit_id, night, line_id in rows:
        taken = seats.setdefault(unit_id, {})
        if night is not None:
            taken[night] = line_id
    return seats


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
