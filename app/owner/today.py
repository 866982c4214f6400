"""One day of the house: who comes, stays and leaves, what they asked for, and taken seats.

A few statements, however much there is to show. What guests wish for is read for the
present day alone, whichever day is looked at.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from app.booking.models import (
    AS_HELD,
    ASKED,
    CANCELLED,
    CONFIRMED,
    HELD,
    OfferRow,
    Reservation,
    ReservationLine,
    Seating,
    UnitRow,
)
from app.core.database import db
from app.guestbook.wishes import Wishes, wishes_for
from app.owner.masking import hidden
from app.owner.queries import Row, guest_names, is_live, row_of
from app.payments.attempts import needs_a_look

# Lists on the first page; who needs more of them is on the page of reservations.
FEW = 10
SESSIONS_AHEAD = timedelta(days=7)
_MOST_SEATS = 300

Extras = Mapping[tuple[int, int], tuple[tuple[dict[str, str], int], ...]]


@dataclass(frozen=True, slots=True)
class Visit:
    """One stay as the first page shows it."""

    reference: str
    line_id: int
    guest: str
    label: dict[str, str]
    unit: str
    arrive: date
    depart: date
    adults: int
    children: int
    extras: tuple[tuple[dict[str, str], int], ...]  # what, and how many
    wishes: Wishes
    owed_minor: int
    currency: str
    arrived: bool
    left: bool
    no_show: bool


@dataclass(frozen=True, slots=True)
class Seats:
    """Some seats of one session, taken by one reservation."""

    reference: str
    guest: str
    adults: int
    children: int
    quantity: int
    held: bool
    extras: tuple[tuple[dict[str, str], int], ...]
    wishes: Wishes


@dataclass(frozen=True, slots=True)
class Start:
    """One session: when, how full, and who comes."""

    slug: str  # of its offer
    label: dict[str, str]
    starts_at: datetime
    seats: int
    taken: int
    parties: tuple[Seats, ...]


@dataclass(frozen=True, slots=True)
class Today:
    """Everything on the first page."""

    day: date
    is_today: bool
    arrivals: tuple[Visit, ...]
    departures: tuple[Visit, ...]
    in_house: tuple[Visit, ...]
    sessions: tuple[Start, ...]
    newest: tuple[Row, ...]
    holds: tuple[Row, ...]
    odd: tuple[Row, ...]  # money that a person has to look at
    persons: frozenset[str]  # whose names these are

    @property
    def to_clean(self) -> list[str]:
        """Return the units that somebody leaves."""
        return sorted({visit.unit for visit in self.departures})

    @property
    def to_make_ready(self) -> list[str]:
        """Return the units that somebody comes to."""
        return sorted({visit.unit for visit in self.arrivals if not visit.no_show})


def today(zone: ZoneInfo, *, now: datetime, day: date | None = None) -> Today:
    """Return what a day brings, by the calendar of the place; the present one unless said."""
    present = now.astimezone(zone).date()
    day = day or present
    stays = _stays_around(day)
    seats = _seats_from(day, zone, now=now)
    lists = _lists(now=now)
    names = guest_names(
        [row.person_id for row in (*stays, *seats)]
        + [reservation.person_id for one in lists.values() for reservation in one]
    )
    # Who comes later in the week isn't here yet: nothing is read of what they wish for.
    here = [*stays, *(row for row in seats if row.starts_at.astimezone(zone).date() == day)]
    ids = {row.reservation_id for row in here}
    wishes = _wishes(here) if day == present else {}
    # Of those here and those in the lists at once.
    listed = {one.id: one for found in lists.values() for one in found}
    lines = _lines(ids | set(listed))
    for one in listed.values():
        set_committed_value(one, "lines", lines[one.id])
    extras = _extras(lines)
    visits = _visits(stays, names, wishes, extras)
    return Today(
        day=day,
        is_today=day == present,
        arrivals=tuple(visit for visit in visits if visit.arrive == day),
        departures=tuple(visit for visit in visits if visit.depart == day),
        in_house=tuple(visit for visit in visits if visit.arrive < day < visit.depart),
        sessions=_starts(seats, names, wishes, extras),
        **{
            name: tuple(row_of(reservation, names, now=now) for reservation in found)
            for name, found in lists.items()
        },
        persons=frozenset(names),
    )


def _wishes(rows: Sequence[sa.Row[Any]]) -> dict[int, Wishes]:
    """Return what was asked for, by reservation; nothing of whom the house may not see."""
    found = wishes_for({row.reservation_id for row in rows})
    away = hidden(row.person_id for row in rows if row.reservation_id in found)
    theirs = {row.reservation_id for row in rows if row.person_id in away}
    return {number: asked for number, asked in found.items() if number not in theirs}


# -- Stays ------------------------------------------------------------------------------------


def _stays_around(day: date) -> Sequence[sa.Row[Any]]:
    """Return the lines of confirmed stays that have a unit on a night or on the one before.

    That is everybody who arrives, stays on, or leaves on that day. The seating's key
    leads there however many stays the book has.
    """
    line = ReservationLine
    query = (
        sa.select(
            line.id,
            line.reservation_id,
            line.wish,
            line.label,
            line.arrive,
            line.depart,
            line.adults,
            line.children,
            line.arrived_at,
            line.left_at,
            line.no_show_at,
            Reservation.reference,
            Reservation.person_id,
            Reservation.currency,
            _OWED,
            UnitRow.name.label("unit"),
        )
        .select_from(UnitRow)
        .join(Seating, Seating.unit_id == UnitRow.id)
        .join(line, line.id == Seating.line_id)
        .join(Reservation, Reservation.id == line.reservation_id)
        .where(
            # The units are few; naming them lets the search begin with the key's first column.
            Seating.unit_id.in_(sa.select(UnitRow.id)),
            Seating.night.in_((day - timedelta(days=1), day)),
            Reservation.status == CONFIRMED,
        )
        .order_by(line.arrive, line.id, Seating.night)
    )
    return db.session.execute(query).all()


# As `payments.due` says of one: a deposit was paid, or the house made it firm unpaid.
_OWED = sa.case(
    (
        sa.or_(Reservation.deposit_minor.is_not(None), Reservation.source != "web"),
        sa.case(
            (
                Reservation.total_minor > Reservation.paid_minor,
                Reservation.total_minor - Reservation.paid_minor,
            ),
            else_=0,
        ),
    ),
    else_=0,
).label("owed_minor")


def _visits(
    rows: Sequence[sa.Row[Any]],
    names: Mapping[str, str],
    wishes: Mapping[int, Wishes],
    extras: Extras,
) -> list[Visit]:
    # Of two nights the later one counts: tonight's unit, but for who leaves.
    by_line = {row.id: row for row in rows}
    return [
        Visit(
            reference=row.reference,
            line_id=row.id,
            guest=names.get(row.person_id, ""),
            label=row.label,
            unit=row.unit,
            arrive=row.arrive,
            depart=row.depart,
            adults=row.adults,
            children=row.children,
            extras=extras.get((row.reservation_id, row.wish), ()),
            wishes=wishes.get(row.reservation_id, Wishes()),
            owed_minor=row.owed_minor,
            currency=row.currency,
            arrived=row.arrived_at is not None,
            left=row.left_at is not None,
            no_show=row.no_show_at is not None,
        )
        for row in by_line.values()
    ]


def _lines(reservation_ids: Iterable[int]) -> dict[int, list[ReservationLine]]:
    """Return the lines of reservations, in their order."""
    found: dict[int, list[ReservationLine]] = {one: [] for one in reservation_ids}
    line = ReservationLine
    query = sa.select(line).where(line.reservation_id.in_(found))
    if found:
        for one in db.session.scalars(query.order_by(line.reservation_id, line.position)):
            found[one.reservation_id].append(one)
    return found


def _extras(lines: Mapping[int, list[ReservationLine]]) -> Extras:
    """Return what was added, by reservation and wish: each label with how many of it."""
    found: dict[tuple[int, int], tuple[tuple[dict[str, str], int], ...]] = {}
    for reservation_id, together in lines.items():
        for line in together:
            if line.kind == "extra":
                key = (reservation_id, line.wish)
                found[key] = (*found.get(key, ()), (line.label, line.quantity))
    return found


# -- Seats ------------------------------------------------------------------------------------


def _seats_from(day: date, zone: ZoneInfo, *, now: datetime) -> Sequence[sa.Row[Any]]:
    """Return the lines of sessions from the beginning of a day on, for a week."""
    begin = datetime.combine(day, time.min, zone)
    line = ReservationLine
    query = _seats(now).where(line.starts_at >= begin, line.starts_at < begin + SESSIONS_AHEAD)
    return db.session.execute(query.limit(_MOST_SEATS)).all()


def _seats(now: datetime) -> sa.Select[Any]:
    line = ReservationLine
    return (
        sa.select(
            line.id,
            line.reservation_id,
            line.wish,
            line.offer_id,
            line.label,
            line.starts_at,
            line.adults,
            line.children,
            line.quantity,
            Reservation.reference,
            Reservation.person_id,
            Reservation.status,
            OfferRow.slug,
            OfferRow.seats,
        )
        .join(Reservation, Reservation.id == line.reservation_id)
        .outerjoin(OfferRow, OfferRow.id == line.offer_id)
        .where(line.kind == "session", is_live(now))
        .order_by(line.starts_at, line.offer_id, line.id)
    )


def _starts(
    rows: Sequence[sa.Row[Any]],
    names: Mapping[str, str],
    wishes: Mapping[int, Wishes],
    extras: Extras,
) -> tuple[Start, ...]:
    grouped: dict[tuple[datetime, int], list[sa.Row[Any]]] = {}
    for row in rows:
        grouped.setdefault((row.starts_at, row.offer_id), []).append(row)
    starts = []
    for (starts_at, _), together in grouped.items():
        taken = sum(row.quantity for row in together)
        starts.append(
            Start(
                slug=together[0].slug or "",
                label=together[0].label,
                starts_at=starts_at,
                seats=together[0].seats or taken,
                taken=taken,
                parties=tuple(
                    Seats(
                        reference=row.reference,
                        guest=names.get(row.person_id, ""),
                        adults=row.adults,
                        children=row.children,
                        quantity=row.quantity,
                        held=row.status == HELD,
                        extras=extras.get((row.reservation_id, row.wish), ()),
                        wishes=wishes.get(row.reservation_id, Wishes()),
                    )
                    for row in together
                ),
            )
        )
    return tuple(starts)


def manifest(
    slug: str, starts_at: datetime, zone: ZoneInfo, *, now: datetime
) -> tuple[Start | None, frozenset[str]]:
    """Return one session with all who come, and whose names these are; None for an empty one."""
    query = _seats(now).where(ReservationLine.starts_at == starts_at, OfferRow.slug == slug)
    rows = db.session.execute(query).all()
    names = guest_names(row.person_id for row in rows)
    ids = {row.reservation_id for row in rows}
    on_the_day = starts_at.astimezone(zone).date() == now.astimezone(zone).date()
    wishes = _wishes(rows) if on_the_day else {}
    starts = _starts(rows, names, wishes, _extras(_lines(ids)))
    return (starts[0] if starts else None), frozenset(names)


# -- Lists ------------------------------------------------------------------------------------


def _lists(*, now: datetime) -> dict[str, list[Reservation]]:
    """Return the newest reservations, those held, and those whose money needs a look.

    Their lines are still to be read.
    """
    of_each = {
        "newest": sa.select(Reservation.id)
        .where(Reservation.status.in_((CONFIRMED, CANCELLED)))
        .order_by(Reservation.id.desc())
        .limit(FEW),
        "holds": sa.select(Reservation.id)
        # A link to pay holds no place: the page of payments has it.
        .where(Reservation.status == AS_HELD, Reservation.held_until > now)
        .where(Reservation.kind != ASKED)
        .order_by(Reservation.held_until)
        .limit(FEW),
        "odd": sa.select(Reservation.id).where(needs_a_look(now=now)),
    }
    together = sa.union_all(
        *(
            sa.select(sa.literal(name).label("list"), one.subquery().c.id)
            for name, one in of_each.items()
        )
    ).subquery()
    query = (
        sa.select(together.c.list, Reservation)
        .join(Reservation, Reservation.id == together.c.id)
        .order_by(Reservation.id.desc())
    )
    found: dict[str, list[Reservation]] = {name: [] for name in of_each}
    for name, reservation in db.session.execute(query):
        found[name].append(reservation)
    found["holds"].sort(key=lambda one: one.held_until or one.created_at)
    found["odd"].reverse()
    return found
