"""Holding places while a visitor pays, and letting go of holds that ran out.

A hold is a reservation with a time. Readers discount one whose time has passed;
the next writer who needs places releases it, with no job having to run.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.booking.catalogue import Catalogue
from app.booking.inventory import (
    AfterTheEnd,
    Claim,
    NightsClaim,
    PlacesTaken,
    SeatsClaim,
    give_back,
    take,
)
from app.booking.models import (
    AS_HELD,
    HELD,
    RELEASED,
    Basket,
    OfferRow,
    Reservation,
    ReservationLine,
    VenueRow,
)
from app.booking.prices import Quote, QuoteLine
from app.booking.seating import seat, unseat
from app.booking.seating_plan import Fragmented
from app.core.database import changed, db, in_one_go, table
from app.policy import facts

# A payment page stays open for 30 minutes at least. We wait longer than that, so
# that nobody is paying for a place already given away.
HOLD_TIME = timedelta(minutes=35)
facts.declare("hold_time", HOLD_TIME)  # the terms say so
# However often a card is refused, places don't stay shut to others for ever.
HOLD_MOST = timedelta(hours=2)

# Without 0, 1, I and O: a reference is read out on the telephone.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_LETTERS = bytes(ord(_ALPHABET[byte % 32]) for byte in range(256))  # 32 divides 256: all alike

_reservation, _line, _offer = table(Reservation), table(ReservationLine), table(OfferRow)
_basket = table(Basket)

_INSERT = sa.insert(_reservation).returning(_reservation.c.id)
_INSERT_STAY = sa.insert(_line).returning(_line.c.id)
_INSERT_LINES = sa.insert(_line)
_CLAIMS = (
    sa.select(
        _line.c.id,
        _line.c.kind,
        _line.c.offer_id,
        _line.c.arrive,
        _line.c.depart,
        _line.c.starts_at,
        _line.c.quantity,
        _offer.c.units,
        _offer.c.seats,
    )
    .join(_offer, _offer.c.id == _line.c.offer_id)
    .where(
        _line.c.reservation_id == sa.bindparam("reservation"),
        _line.c.kind.in_(("stay", "session")),
    )
    .order_by(_line.c.id)
)
_CLOSES = sa.select(VenueRow.closes_on, VenueRow.zone).where(VenueRow.closes_on.is_not(None))
_RUN_OUT = (
    sa.select(_reservation.c.id)
    .where(_reservation.c.status == AS_HELD, _reservation.c.held_until <= sa.bindparam("now"))
    .order_by(_reservation.c.held_until)
    .limit(50)
)


@dataclass(frozen=True, slots=True)
class Held:
    """What a hold returns: enough to go on to checkout."""

    reservation_id: int
    reference: str
    held_until: datetime


def new_reference(drawn: bytes | None = None) -> str:
    """Return a reference of eight letters and digits; the database keeps it unique.

    It is random, or made of eight bytes that somebody has drawn at random before.
    """
    return (drawn or secrets.token_bytes(8)).translate(_LETTERS).decode()


def hold(
    catalogue: Catalogue,
    quote: Quote,
    *,
    language: str,
    now: datetime,
    basket_id: int | None = None,
    person_id: str | None = None,
    reference: str | None = None,
) -> Held:
    """Hold everything in `quote` for HOLD_TIME, in the present transaction.

    `reference` is a new one, unless the caller has drawn it before, so that a form sent
    twice can find what it made.

    The caller commits. Raises PlacesTaken with nothing written; AfterTheEnd, which is one,
    beyond the last day of service.
    """
    connection = db.session.connection()
    claims = claims_of(catalogue, quote.lines)
    _refuse_after_the_end(claims, catalogue.venue.closes_on, catalogue.venue.zone)
    take(connection, claims)
    until = now + HOLD_TIME
    reference = reference or new_reference()
    reservation_id = connection.execute(
        _INSERT,
        {
            "reference": reference,
            "person_id": person_id,
            "basket_id": basket_id,
            "status": HELD,
            "language": language,
            "currency": quote.currency,
            "total_minor": quote.total_minor,
            "quote_digest": quote.digest,
            "cancellation": catalogue.venue.cancellation.to_json(),
            "first_start": _first_start(catalogue, quote.lines),
            "created_at": now,
            "held_since": now,
            "held_until": until,
            "link_serial": 1,
            "sequence": 0,
        },
    ).scalar_one()
    try:
        _write_lines(connection, catalogue, reservation_id, quote.lines)
    except Fragmented as error:
        connection.execute(sa.delete(_reservation).where(_reservation.c.id == reservation_id))
        give_back(connection, claims)
        raise PlacesTaken(claims) from error
    return Held(reservation_id, reference, until)


def ends_after(claim: Claim, day: date, zone: ZoneInfo) -> bool:
    """Whether a stay ends, or a session begins, after a day by the calendar of the place."""
    if isinstance(claim, NightsClaim):
        return claim.depart > day
    return claim.starts_at.astimezone(zone).date() > day


def _refuse_after_the_end(claims: list[Claim], closes_on: date | None, zone: ZoneInfo) -> None:
    if closes_on is None:
        return
    late = [claim for claim in claims if ends_after(claim, closes_on, zone)]
    if late:
        raise AfterTheEnd(late)


def claims_of(catalogue: Catalogue, lines: Sequence[QuoteLine]) -> list[Claim]:
    """Return the places that the lines of a quote take: a unit a stay, a seat a person."""
    claims: list[Claim] = []
    for line in lines:
        if line.kind == "stay" and line.offer_id and line.arrive and line.depart:
            units = catalogue.stays_by_id[line.offer_id].units
            claims.append(NightsClaim(line.offer_id, line.arrive, line.depart, 1, units))
        elif line.kind == "session" and line.offer_id and line.starts_at:
            seats = catalogue.sessions_by_id[line.offer_id].seats
            claims.append(SeatsClaim(line.offer_id, line.starts_at, line.quantity, seats))
    return claims


def _first_start(catalogue: Catalogue, lines: Sequence[QuoteLine]) -> datetime:
    """Return when the first thing begins; a stay begins at check-in on its first day."""
    venue = catalogue.venue
    return min(
        line.starts_at or datetime.combine(line.arrive or date.max, venue.check_in, venue.zone)
        for line in lines
        if line.starts_at or line.arrive
    )


def _write_lines(
    connection: Connection, catalogue: Catalogue, reservation_id: int, lines: Sequence[QuoteLine]
) -> None:
    rows = [
        {
            "reservation_id": reservation_id,
            "position": position,
            "wish": line.wish,
            "kind": line.kind,
            "offer_id": line.offer_id,
            "extra_id": line.extra_id,
            "charge_id": line.charge_id,
            "label": dict(line.label),
            "arrive": line.arrive,
            "depart": line.depart,
            "starts_at": line.starts_at,
            "ends_at": line.ends_at,
            "adults": line.adults,
            "children": line.children,
            "quantity": line.quantity,
            "unit_minor": line.unit_minor,
            "total_minor": line.total_minor,
            "vat_bp": line.vat_bp,
            "vat_minor": line.vat_minor,
            "nightly": [[night.isoformat(), minor] for night, minor in line.nightly],
        }
        for position, line in enumerate(lines)
    ]
    # Only a stay's own number is needed, for its unit; whatever else goes in by one call.
    plain = [row for row in rows if row["kind"] != "stay"]
    for row, line in zip(rows, lines, strict=True):
        if line.kind == "stay":
            assert line.offer_id
            assert line.arrive
            assert line.depart
            line_id = connection.execute(_INSERT_STAY, row).scalar_one()
            units = catalogue.stays_by_id[line.offer_id].units
            seat(connection, line_id, line.offer_id, line.arrive, line.depart, units=units)
    if plain:
        connection.execute(_INSERT_LINES, plain)


# -- Claims of what is already written --------------------------------------------------


def line_claims(connection: Connection, reservation_id: int) -> list[tuple[int, Claim]]:
    """Return the places that each of a reservation's lines takes, by the line's number."""
    rows = connection.execute(_CLAIMS, {"reservation": reservation_id})
    return [
        (
            row.id,
            NightsClaim(row.offer_id, row.arrive, row.depart, 1, row.units)
            if row.kind == "stay"
            else SeatsClaim(row.offer_id, row.starts_at, row.quantity, row.seats),
        )
        for row in rows
    ]


def let_go(connection: Connection, reservation_id: int) -> None:
    """Give back the places and units of a reservation. Its status is the caller's to move first."""
    lines = line_claims(connection, reservation_id)
    give_back(connection, [claim for _, claim in lines])
    unseat(connection, [line for line, claim in lines if isinstance(claim, NightsClaim)])


def take_again(connection: Connection, reservation_id: int) -> None:
    """Take the places of a released reservation once more.

    Raises PlacesTaken with nothing written; AfterTheEnd, which is one, beyond the last day
    of service, however long ago it was held.
    """
    lines = line_claims(connection, reservation_id)
    claims = [claim for _, claim in lines]
    closes = connection.execute(_CLOSES).one_or_none()
    if closes is not None:
        _refuse_after_the_end(claims, closes.closes_on, ZoneInfo(closes.zone))
    take(connection, claims)
    seated: list[int] = []
    for line_id, claim in lines:
        if not isinstance(claim, NightsClaim):
            continue
        try:
            seat(connection, line_id, claim.offer_id, claim.arrive, claim.depart, units=claim.of)
        except Fragmented as error:
            unseat(connection, seated)
            give_back(connection, claims)
            raise PlacesTaken(claims) from error
        seated.append(line_id)


# -- The hold that a basket has -----------------------------------------------------------

_LOCK_BASKET = (
    sa.select(_basket.c.id).where(_basket.c.id == sa.bindparam("basket")).with_for_update()
)
_OF_BASKET = sa.select(
    _reservation.c.id,
    _reservation.c.reference,
    _reservation.c.quote_digest,
    _reservation.c.held_until,
    _reservation.c.link_serial,
    _reservation.c.person_id,
).where(_reservation.c.basket_id == sa.bindparam("basket"), _reservation.c.status == AS_HELD)


def lock_basket(basket_id: int) -> bool:
    """Let nobody else hold the same basket until the commit; return whether it is still there.

    A form that was sent twice waits here for its twin, and then finds the twin's hold.
    """
    connection = db.session.connection()
    if connection.dialect.name == "sqlite":
        return True  # whoever writes has the whole database to themselves, since before it was read
    return connection.execute(_LOCK_BASKET, {"basket": basket_id}).scalar() is not None


def hold_of_basket(basket_id: int) -> Any:
    """Return a row of what a hold is known by and until when, run out or not; or None."""
    found = db.session.connection().execute(_OF_BASKET, {"basket": basket_id})
    return found.one_or_none()


def is_taken(reference: str) -> bool:
    """Tell whether there is a reservation of that reference, whatever has become of it."""
    known = sa.select(_reservation.c.id).where(_reservation.c.reference == reference)
    return db.session.connection().execute(known).first() is not None


# -- Holds that ran out ------------------------------------------------------------------


def release(reservation_id: int, *, now: datetime, only_run_out: bool = True) -> bool:
    """Release one hold in the present transaction; return whether it was this call that did.

    Of two that try, the guarded update lets one through: places go back once.
    """
    connection = db.session.connection()
    guarded: list[Any] = [_reservation.c.id == reservation_id, _reservation.c.status == HELD]
    if only_run_out:
        guarded.append(_reservation.c.held_until <= now)
    moved = connection.execute(
        sa.update(_reservation).where(*guarded).values(status=RELEASED, released_at=now)
    )
    if changed(moved) != 1:
        return False
    let_go(connection, reservation_id)
    return True


def release_run_out(*, now: datetime) -> int:
    """Release every hold whose time has passed, each in a transaction of its own.

    Commits. Return how many were released.
    """
    released = 0
    while ids := db.session.connection().execute(_RUN_OUT, {"now": now}).scalars().all():
        db.session.rollback()
        for reservation_id in ids:
            released += in_one_go(partial(release, reservation_id, now=now))
    return released
