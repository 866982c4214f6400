"""Taking places and giving them back: the one verb that every writer goes through (D3).

A counter a night (or session) of an offer says how many are taken; the
database refuses more than there are. Nothing here looks at reservations: the
cost of a hold doesn't grow with the number of them.

SQLite lets one writer in at a time, so what is read stays true until it is
written. PostgreSQL locks the counters, always in the order of their keys, so
that two writers can wait for each other but never in a circle.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from app.booking.models import Night, OfferRow, SessionPlaces
from app.core.database import changed, table
from app.core.errors import DomainError
from app.core.languages import N_

ONE_NIGHT = timedelta(days=1)


class PlacesTaken(DomainError):
    """Somebody else has what was asked for. Nothing was written."""

    message = N_("Someone has just taken that.")

    def __init__(self, claims: "Sequence[Claim]") -> None:
        super().__init__()
        self.claims = claims


class AfterTheEnd(PlacesTaken):
    """Nobody has it: the place has closed by then. Nothing was written."""

    message = N_("This place closes before then, so it can’t be booked any more.")


@dataclass(frozen=True, slots=True)
class NightsClaim:
    """Units of a stay offer for the nights of [arrive, depart).

    `of` is how many there are as far as the caller knows; a new counter asks the offer itself.
    """

    offer_id: int
    arrive: date
    depart: date
    quantity: int
    of: int

    def nights(self) -> list[date]:
        """The nights, in order."""
        return [self.arrive + ONE_NIGHT * n for n in range((self.depart - self.arrive).days)]


@dataclass(frozen=True, slots=True)
class SeatsClaim:
    """Seats of one session. `of` is how many it has as far as the caller knows."""

    offer_id: int
    starts_at: datetime
    quantity: int
    of: int


Claim = NightsClaim | SeatsClaim

_night, _places = table(Night), table(SessionPlaces)
_offer: sa.BindParameter[int] = sa.bindparam("o")
_first: sa.BindParameter[date] = sa.bindparam("a")
_last: sa.BindParameter[date] = sa.bindparam("d")
_start: sa.BindParameter[datetime] = sa.bindparam("s")
_count: sa.BindParameter[int] = sa.bindparam("n")

# Built once: SQLAlchemy then finds each in its cache of compiled statements.
_READ = (
    sa.select(_night.c.night, _night.c.capacity - _night.c.taken)
    .where(_night.c.offer_id == _offer, _night.c.night >= _first, _night.c.night < _last)
    .order_by(_night.c.night)
)
_LOCK = _READ.with_for_update()
_MOVE = (
    sa.update(_night)
    .where(_night.c.offer_id == _offer, _night.c.night >= _first, _night.c.night < _last)
    .values(taken=_night.c.taken + _count)
)
# SQLite has one writer: what the count says stays true while the same statement moves.
_other = _night.alias()
_MOVE_IF_FREE = _MOVE.where(
    sa.select(sa.func.count())
    .where(
        _other.c.offer_id == _offer,
        _other.c.night >= _first,
        _other.c.night < _last,
        _other.c.taken + _count <= _other.c.capacity,
    )
    .scalar_subquery()
    == sa.bindparam("nights")
)
_READ_SEATS = sa.select(_places.c.capacity - _places.c.taken).where(
    _places.c.offer_id == _offer, _places.c.starts_at == _start
)
_LOCK_SEATS = _READ_SEATS.with_for_update()
_MOVE_SEATS = (
    sa.update(_places)
    .where(_places.c.offer_id == _offer, _places.c.starts_at == _start)
    .values(taken=_places.c.taken + _count)
)
# How many there are is read as the counter is made: the caller's catalogue may be older than
# the owner's last change. PostgreSQL waits there for whoever is changing it (FOR SHARE).
_offers = table(OfferRow)
_UNITS, _SEATS = (
    sa.select(column).where(_offers.c.id == _offer).with_for_update(read=True).scalar_subquery()
    for column in (_offers.c.units, _offers.c.seats)
)
_INSERT = {
    dialect: (
        insert(_night)
        .values(offer_id=_offer, night=sa.bindparam("a"), capacity=_UNITS, taken=0)
        .on_conflict_do_nothing(),
        insert(_places)
        .values(offer_id=_offer, starts_at=sa.bindparam("s"), capacity=_SEATS, taken=0)
        .on_conflict_do_nothing(),
    )
    for dialect, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}


def _key(claim: Claim) -> tuple[int, int, str]:
    if isinstance(claim, NightsClaim):
        return 0, claim.offer_id, claim.arrive.isoformat()
    return 1, claim.offer_id, claim.starts_at.isoformat()


def take(connection: Connection, claims: Iterable[Claim]) -> None:
    """Take all the places or none, in the transaction of `connection`.

    Raises PlacesTaken, with the claims that can't be met, before anything is
    moved; the caller may go on with the transaction.
    """
    ordered = sorted(claims, key=_key)
    if _taken_at_once(connection, ordered):
        return
    free = _lock_all(connection, ordered)
    wanted: Counter[tuple[int, date | datetime]] = Counter()
    for claim in ordered:
        for place in _places_of(claim):
            wanted[place] += claim.quantity
    short = [c for c in ordered if any(wanted[p] > free[p] for p in _places_of(c))]
    if short:
        raise PlacesTaken(short)
    for claim in ordered:
        _move(connection, claim, claim.quantity)


def full_nights(connection: Connection, claims: Sequence[Claim]) -> list[date]:
    """Return the nights of claims on which no unit is left, in the order of the claims."""
    nights: list[date] = []
    for claim in claims:
        if isinstance(claim, NightsClaim):
            found = connection.execute(
                sa.select(_night.c.night)
                .where(
                    _night.c.offer_id == claim.offer_id,
                    _night.c.night >= claim.arrive,
                    _night.c.night < claim.depart,
                    _night.c.taken >= _night.c.capacity,
                )
                .order_by(_night.c.night)
            )
            nights += found.scalars()
    return nights


def give_back(connection: Connection, claims: Iterable[Claim]) -> None:
    """Give places back, in the transaction of `connection`, in the order of their keys."""
    ordered = sorted(claims, key=_key)
    if connection.dialect.name == "postgresql":
        _lock_all(connection, ordered)
    for claim in ordered:
        _move(connection, claim, -claim.quantity)


def swap(connection: Connection, gone: Iterable[Claim], come: Iterable[Claim]) -> None:
    """Give places back and take others for them, all or nothing, in one transaction.

    Raises PlacesTaken, with the claims of `come` that can't be met, before anything is moved.
    """
    leave, enter = sorted(gone, key=_key), sorted(come, key=_key)
    # Together and in their order: two writers that swap crosswise wait, but never in a circle.
    free = _lock_all(connection, sorted([*leave, *enter], key=_key))
    wanted: Counter[tuple[int, date | datetime]] = Counter()
    for by, claims in ((-1, leave), (1, enter)):
        for claim in claims:
            for place in _places_of(claim):
                wanted[place] += by * claim.quantity
    short = [c for c in enter if any(wanted[p] > free[p] for p in _places_of(c))]
    if short:
        raise PlacesTaken(short)
    for claim in leave:
        _move(connection, claim, -claim.quantity)
    for claim in enter:
        _move(connection, claim, claim.quantity)


def _taken_at_once(connection: Connection, claims: Sequence[Claim]) -> bool:
    """Take one stay whose nights have counters, in one statement; return whether that was done.

    What it can't do, or what isn't free, is left to the way that can say why.
    """
    if len(claims) != 1 or connection.dialect.name != "sqlite":
        return False
    claim = claims[0]
    if not isinstance(claim, NightsClaim):
        return False
    nights = (claim.depart - claim.arrive).days
    moved = connection.execute(_MOVE_IF_FREE, {**_moving(claim, claim.quantity), "nights": nights})
    return changed(moved) == nights


def _places_of(claim: Claim) -> list[tuple[int, date | datetime]]:
    if isinstance(claim, NightsClaim):
        return [(claim.offer_id, night) for night in claim.nights()]
    return [(claim.offer_id, claim.starts_at)]


def _lock_all(
    connection: Connection, claims: Sequence[Claim]
) -> dict[tuple[int, date | datetime], int]:
    """Make the counters that are missing, lock all, and return how many places are free.

    All are made before any is locked: who changes an offer has it locked before its counters.
    """
    postgres = connection.dialect.name == "postgresql"
    there = {claim: _make(connection, claim) for claim in claims}
    free: dict[tuple[int, date | datetime], int] = {}
    for claim in claims:
        if isinstance(claim, SeatsClaim):
            where = {"o": claim.offer_id, "s": claim.starts_at}
            seats = connection.execute(_LOCK_SEATS if postgres else _READ_SEATS, where)
            free[claim.offer_id, claim.starts_at] = int(seats.scalar_one())
            continue
        rows = there[claim]
        if postgres or rows is None:
            where = _nights_of(claim)
            rows = connection.execute(_LOCK if postgres else _READ, where).all()
        for night, left in rows:
            free[claim.offer_id, night] = left
    return free


def _make(connection: Connection, claim: Claim) -> Sequence[Any] | None:
    """Make a claim's counters that are missing; return a stay's where none was."""
    insert_nights, insert_seats = _INSERT[connection.dialect.name]
    if isinstance(claim, SeatsClaim):
        connection.execute(insert_seats, {"o": claim.offer_id, "s": claim.starts_at})
        return None
    rows = connection.execute(_READ, _nights_of(claim)).all()
    known = {night for night, _ in rows}
    missing = [{"o": claim.offer_id, "a": night} for night in claim.nights() if night not in known]
    if not missing:
        return rows
    connection.execute(insert_nights, missing)
    return None


def _nights_of(claim: NightsClaim) -> dict[str, Any]:
    return {"o": claim.offer_id, "a": claim.arrive, "d": claim.depart}


def _move(connection: Connection, claim: Claim, by: int) -> None:
    if isinstance(claim, NightsClaim):
        connection.execute(_MOVE, _moving(claim, by))
    else:
        connection.execute(_MOVE_SEATS, {"o": claim.offer_id, "s": claim.starts_at, "n": by})


def _moving(claim: NightsClaim, by: int) -> dict[str, Any]:
    return {"o": claim.offer_id, "a": claim.arrive, "d": claim.depart, "n": by}
