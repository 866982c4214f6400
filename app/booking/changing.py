"""Changing what is booked, from the house's side: days, room, kind of room, party, session.

Places are swapped by the same counters as every sale, seats by the same verbs, in one
transaction: it is done wholly, or a conflict is explained and nothing has changed. What
would happen can be looked at first (`change_preview`), which writes nothing; the act is told what
was seen there, and refuses if the figure has changed since. The caller commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.booking.catalogue import Catalogue, Venue
from app.booking.change_preview import must_stay
from app.booking.change_price import (
    Change,
    Draft,
    Target,
    digest_of,
    draft,
    first_start_of,
    nights,
    nights_of,
    present,
    target_of,
)
from app.booking.inventory import (
    ONE_NIGHT,
    Claim,
    NightsClaim,
    PlacesTaken,
    SeatsClaim,
    full_nights,
    swap,
)
from app.booking.models import (
    CONFIRMED,
    OfferRow,
    Reservation,
    ReservationLine,
    Seating,
    UnitRow,
)
from app.booking.reservations import NotConfirmed, get_for_update
from app.booking.rooms import NotSeated, lock_units, unit_of
from app.booking.seating import UnitOccupied, seat, seat_there, unseat
from app.booking.seating_plan import Fragmented
from app.booking.signals import reservation_changed
from app.core.database import db, table
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.outbox import enqueue

_seating = table(Seating)


class PriceMoved(DomainError):
    """The price isn't the one that the page showed; `difference_minor` is the fresh one."""

    message = N_(
        "While the page was open, the price has changed. Please look at the difference again."
    )

    def __init__(self, difference_minor: int) -> None:
        super().__init__()
        self.difference_minor = difference_minor


class NightsFull(DomainError):
    """There is no place left on these nights, or in that session; nothing was changed."""

    message = N_("There is no place left for that. Nothing has been changed.")

    def __init__(self, nights: Sequence[date] = ()) -> None:
        super().__init__()
        self.nights = tuple(nights)


class NotBelowNothing(DomainError):
    """A discount would be more than what is left to pay for."""

    message = N_("The discount would be more than the price. Please keep the old price.")


@dataclass(frozen=True, slots=True)
class Changed:
    """What was done: the price before and after, in minor units, and who else got another room."""

    before: Target
    after: Target
    difference_minor: int
    moved: tuple[int, ...]


def change(
    catalogue: Catalogue,
    line_id: int,
    wanted: Change,
    *,
    price: str,
    expected: int | None,
    now: datetime,
) -> Changed:
    """Change a confirmed stay or session, all of it or nothing, in a savepoint.

    `price` is ANEW or KEPT; `expected` the difference that the page showed, in minor units,
    None leaves it open. Raises NotConfirmed, PriceMoved, NightsFull, UnitOccupied,
    NotSeated, NotBelowNothing, and what `target_of` and `draft` refuse.
    """
    with db.session.begin_nested():
        line = locked(line_id)
        target = target_of(line, wanted, catalogue, now=now)
        drawn = draft(catalogue, line.reservation.lines, line, target, price)
        if expected is not None and expected != drawn.difference_minor:
            raise PriceMoved(drawn.difference_minor)
        before = present(line)
        moved = _take_places(line, target, catalogue, now=now)
        _write(line.reservation, line, drawn, catalogue.venue, now=now)
        return Changed(before, target, drawn.difference_minor, tuple(moved))


def tell_guest(reservation_id: int, *, now: datetime) -> None:
    """Have the guest told by mail how their reservation is now. The caller commits."""
    enqueue("mail", {"template": "changed", "reservation_id": reservation_id}, now=now)


def locked(line_id: int) -> ReservationLine:
    """Return a stay's or session's line, its reservation locked and both as they are now.

    Raises NotConfirmed where there is none that is confirmed.
    """
    found = db.session.get(ReservationLine, line_id)
    if found is None or not found.takes_places:
        raise NotConfirmed
    reservation = get_for_update(found.reservation_id)
    db.session.refresh(reservation, ["lines"])
    for line in reservation.lines:
        db.session.refresh(line)
    if reservation.status != CONFIRMED:
        raise NotConfirmed
    return found


def _take_places(
    line: ReservationLine, target: Target, catalogue: Catalogue, *, now: datetime
) -> list[int]:
    """Swap counters and seats; return the lines of others that got another room."""
    connection = db.session.connection()
    of = _how_many(target.offer_id)
    if line.kind == "session":
        _swap_seats(connection, line, target, of)
        return []
    gone, come = _nights_swapped(line, target, of)
    try:
        swap(connection, gone, come)
    except PlacesTaken as error:
        raise NightsFull(full_nights(connection, come)) from error
    asked = target.unit_id is not None
    if asked or (target.offer_id, target.arrive, target.depart) != (
        line.offer_id,
        line.arrive,
        line.depart,
    ):
        return _seat_anew(connection, line, target, catalogue, of, now=now)
    return []


def _swap_seats(connection: Connection, line: ReservationLine, target: Target, of: int) -> None:
    assert line.starts_at
    assert target.starts_at
    claims: tuple[list[Claim], list[Claim]] = ([], [])
    more = target.quantity - line.quantity
    if line.starts_at != target.starts_at:
        claims[0].append(SeatsClaim(target.offer_id, line.starts_at, line.quantity, of))
        claims[1].append(SeatsClaim(target.offer_id, target.starts_at, target.quantity, of))
    elif more:
        claims[more > 0].append(SeatsClaim(target.offer_id, target.starts_at, abs(more), of))
    try:
        swap(connection, *claims)
    except PlacesTaken as error:
        raise NightsFull from error


def _nights_swapped(
    line: ReservationLine, target: Target, of: int
) -> tuple[list[Claim], list[Claim]]:
    """Return what nights are given back, and which taken; those of both stay as they are."""
    assert target.arrive
    assert target.depart
    assert line.offer_id
    was, will = nights_of(line), set(nights(target.arrive, target.depart))
    both = was & will if line.offer_id == target.offer_id else set()
    return (
        [_claim(line.offer_id, night, of) for night in _runs(was - both)],
        [_claim(target.offer_id, night, of) for night in _runs(will - both)],
    )


def _claim(offer_id: int, run: tuple[date, date], of: int) -> Claim:
    return NightsClaim(offer_id, run[0], run[1], 1, of)


def _runs(nights: set[date]) -> list[tuple[date, date]]:
    """Return nights as runs of [first, until)."""
    runs: list[tuple[date, date]] = []
    for night in sorted(nights):
        if runs and runs[-1][1] == night:
            runs[-1] = (runs[-1][0], night + ONE_NIGHT)
        else:
            runs.append((night, night + ONE_NIGHT))
    return runs


def _seat_anew(
    connection: Connection,
    line: ReservationLine,
    target: Target,
    catalogue: Catalogue,
    of: int,
    *,
    now: datetime,
) -> list[int]:
    """Give the stay its room: the one that is asked for, its own, or whichever is free.

    Returns the lines of others that got another one. Raises UnitOccupied and NotSeated.
    """
    assert target.arrive
    assert target.depart
    assert line.offer_id
    lock_units(connection, {line.offer_id, target.offer_id})
    own = unit_of(line.id) if target.offer_id == line.offer_id else None
    unseat(connection, [line.id])
    unit = target.unit_id or own
    if unit is not None and (
        must_stay(line, target, catalogue, now=now) or not _taken(connection, unit, target)
    ):
        if not db.session.scalar(
            sa.select(UnitRow.id).where(UnitRow.id == unit, UnitRow.offer_id == target.offer_id)
        ):
            raise NotSeated
        today = now.astimezone(catalogue.venue.zone).date()
        return seat_there(
            connection, unit, target.offer_id, target.arrive, target.depart,
            units=of, today=today, line_id=line.id,
        )  # fmt: skip
    try:
        seat(connection, line.id, target.offer_id, target.arrive, target.depart, units=of)
    except Fragmented as error:
        raise UnitOccupied from error
    return []


def _taken(connection: Connection, unit_id: int, target: Target) -> bool:
    query = sa.select(sa.literal(1)).where(
        _seating.c.unit_id == unit_id,
        _seating.c.night >= target.arrive,
        _seating.c.night < target.depart,
    )
    return connection.execute(query.limit(1)).scalar() is not None


def _write(
    reservation: Reservation, line: ReservationLine, drawn: Draft, venue: Venue, *, now: datetime
) -> None:
    """Write the lines, and what follows from them, to a reservation."""
    by_id = {one.id: one for one in reservation.lines}
    position = max(one.position for one in reservation.lines)
    with db.session.no_autoflush:
        for line_id, priced in drawn.lines:
            if line_id is None:
                position += 1
                one = ReservationLine(position=position, pinned=False)
                reservation.lines.append(one)
            else:
                one = by_id[line_id]
            for name in _FIELDS:
                setattr(one, name, getattr(priced, name))
            one.label = dict(priced.label)
            one.nightly = [[night.isoformat(), minor] for night, minor in priced.nightly]
        for line_id in drawn.dropped:
            reservation.lines.remove(by_id[line_id])
        total = sum(one.total_minor for one in reservation.lines)
        if total < 0:
            raise NotBelowNothing
        reservation.total_minor = total
        reservation.first_start = first_start_of(reservation.lines, venue)
        reservation.quote_digest = digest_of(reservation.currency, reservation.lines)
        reservation.sequence += 1
        reservation_changed.send(reservation, difference_minor=drawn.difference_minor, now=now)
    db.session.flush()


_FIELDS = (
    "kind", "wish", "offer_id", "extra_id", "charge_id", "arrive", "depart", "starts_at",
    "ends_at", "adults", "children", "quantity", "unit_minor", "total_minor", "vat_bp",
    "vat_minor",
)  # fmt: skip


def _how_many(offer_id: int) -> int:
    query = sa.select(sa.func.coalesce(OfferRow.units, OfferRow.seats))
    return int(db.session.scalar(query.where(OfferRow.id == offer_id)) or 0)
