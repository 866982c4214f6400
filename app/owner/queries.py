"""What the owner's pages read: a few statements each, however much there is to show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.models import Person
from app.booking.catalogue import Catalogue
from app.booking.models import (
    AS_HELD,
    ASKED,
    CANCELLED,
    CONFIRMED,
    HELD,
    Reservation,
    ReservationLine,
    Seating,
    UnitRow,
)
from app.core.database import db
from app.core.datamap import Kind
from app.core.vault import PersonUnknown, vault
from app.owner.masking import hidden
from app.owner.words import RUN_OUT
from app.payments.attempts import needs_a_look
from app.policy.models import Agreement, DocumentVersion

PAGE_SIZE = 25
# Lists on the first page; who needs more of them is on the page of reservations.
FEW = 10
SESSIONS_AHEAD = timedelta(days=7)
_MOST_SEATS = 300


@dataclass(frozen=True, slots=True)
class Visit:
    """One stay as the first page shows it."""

    reference: str
    guest: str
    label: dict[str, str]
    unit: str
    arrive: date
    depart: date
    adults: int
    children: int


@dataclass(frozen=True, slots=True)
class Seats:
    """Some seats of one session, taken by one reservation."""

    reference: str
    guest: str
    quantity: int
    held: bool


@dataclass(frozen=True, slots=True)
class Start:
    """One session: when, how full, and who comes."""

    label: dict[str, str]
    starts_at: datetime
    seats: int
    taken: int
    parties: tuple[Seats, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One reservation as lists show it."""

    reference: str
    person_id: str | None
    guest: str
    status: str
    first_start: datetime
    labels: tuple[dict[str, str], ...]
    total_minor: int
    currency: str
    held_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Today:
    """Everything on the first page."""

    day: date
    arrivals: tuple[Visit, ...]
    departures: tuple[Visit, ...]
    in_house: tuple[Visit, ...]
    sessions: tuple[Start, ...]
    newest: tuple[Row, ...]
    holds: tuple[Row, ...]
    odd: tuple[Row, ...]  # money that a person has to look at
    persons: frozenset[str]  # whose names these are


# -- The first page -------------------------------------------------------------------------


def today(catalogue: Catalogue, *, now: datetime) -> Today:
    """Return what the day brings, by the calendar of the place."""
    zone = catalogue.venue.zone
    day = now.astimezone(zone).date()
    stays = _stays_around(day)
    seats = _seats_from(day, zone, now=now)
    newest = db.session.scalars(
        _listed()
        .where(Reservation.status.in_((CONFIRMED, CANCELLED)))
        .order_by(Reservation.id.desc())
        .limit(FEW)
    ).all()
    holds = db.session.scalars(
        _listed()
        .where(Reservation.status == AS_HELD, Reservation.held_until > now)
        .where(Reservation.kind != ASKED)  # which holds no place, and may be open for weeks
        .order_by(Reservation.held_until)
        .limit(FEW)
    ).all()
    odd = db.session.scalars(_listed().where(needs_a_look(now=now)).order_by(Reservation.id)).all()
    names = guest_names(
        [row.person_id for row in (*stays, *seats)]
        + [reservation.person_id for reservation in (*newest, *holds, *odd)]
    )
    visits = _visits(stays, names)
    return Today(
        day=day,
        arrivals=tuple(visit for visit in visits if visit.arrive == day),
        departures=tuple(visit for visit in visits if visit.depart == day),
        in_house=tuple(visit for visit in visits if visit.arrive < day < visit.depart),
        sessions=_starts(seats, catalogue, names),
        newest=tuple(_row(reservation, names, now=now) for reservation in newest),
        holds=tuple(_row(reservation, names, now=now) for reservation in holds),
        odd=tuple(_row(reservation, names, now=now) for reservation in odd),
        persons=frozenset(names),
    )


def _stays_around(day: date) -> Sequence[sa.Row[Any]]:
    """Return the lines of confirmed stays that have a unit on a night or on the one before.

    That is everybody who arrives, stays on, or leaves on that day. The seating's key
    leads there however many stays the book has.
    """
    line = ReservationLine
    query = (
        sa.select(
            line.id,
            line.label,
            line.arrive,
            line.depart,
            line.adults,
            line.children,
            Reservation.reference,
            Reservation.person_id,
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


def _visits(rows: Sequence[sa.Row[Any]], names: dict[str, str]) -> list[Visit]:
    # Of two nights the later one counts: tonight's unit, but for who leaves.
    by_line = {row.id: row for row in rows}
    return [
        Visit(
            reference=row.reference,
            guest=names.get(row.person_id, ""),
            label=row.label,
            unit=row.unit,
            arrive=row.arrive,
            depart=row.depart,
            adults=row.adults,
            children=row.children,
        )
        for row in by_line.values()
    ]


def _seats_from(day: date, zone: ZoneInfo, *, now: datetime) -> Sequence[sa.Row[Any]]:
    """Return the lines of sessions from the beginning of a day on, for a week."""
    line = ReservationLine
    begin = datetime.combine(day, time.min, zone)
    query = (
        sa.select(
            line.offer_id,
            line.label,
            line.starts_at,
            line.quantity,
            Reservation.reference,
            Reservation.person_id,
            Reservation.status,
        )
        .join(Reservation, Reservation.id == line.reservation_id)
        .where(
            line.kind == "session",
            line.starts_at >= begin,
            line.starts_at < begin + SESSIONS_AHEAD,
            _is_live(now),
        )
        .order_by(line.starts_at, line.offer_id, line.id)
        .limit(_MOST_SEATS)
    )
    return db.session.execute(query).all()


def _starts(
    rows: Sequence[sa.Row[Any]], catalogue: Catalogue, names: dict[str, str]
) -> tuple[Start, ...]:
    grouped: dict[tuple[datetime, int], list[sa.Row[Any]]] = {}
    for row in rows:
        grouped.setdefault((row.starts_at, row.offer_id), []).append(row)
    starts = []
    for (starts_at, offer_id), together in grouped.items():
        offer = catalogue.sessions_by_id.get(offer_id)
        taken = sum(row.quantity for row in together)
        starts.append(
            Start(
                label=together[0].label,
                starts_at=starts_at,
                seats=offer.seats if offer else taken,
                taken=taken,
                parties=tuple(
                    Seats(
                        row.reference,
                        names.get(row.person_id, ""),
                        row.quantity,
                        held=row.status == HELD,
                    )
                    for row in together
                ),
            )
        )
    return tuple(starts)


# -- Lists of reservations ------------------------------------------------------------------


def page_of_reservations(status: str | None, page: int, *, now: datetime) -> tuple[list[Row], bool]:
    """Return one page of reservations, newest first, and whether there is another.

    `page` counts from 1; `status` is one of the model's, or None for all.
    """
    query = _listed().order_by(Reservation.id.desc())
    if status is not None:
        query = query.where(Reservation.status == status)
    query = query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE + 1)
    found = db.session.scalars(query).all()
    return _rows(found[:PAGE_SIZE], now=now), len(found) > PAGE_SIZE


def reservations_of(email: str, *, now: datetime) -> list[Row]:
    """Return the latest reservations of everybody who gave exactly that e-mail address."""
    people = vault().find(Kind.EMAIL, email)
    # Who restricted the use of their address isn't found by it: their reference is enough.
    away = hidden(people)
    people = [person_id for person_id in people if person_id not in away]
    if not people:
        return []
    # Somebody who booked a hundred times is looked for by reference.
    query = _listed().where(Reservation.person_id.in_(people[-200:]))
    found = db.session.scalars(query.order_by(Reservation.id.desc()).limit(PAGE_SIZE)).all()
    return _rows(found, now=now)


def _listed() -> sa.Select[Reservation]:
    return sa.select(Reservation).options(selectinload(Reservation.lines))


def _rows(reservations: Sequence[Reservation], *, now: datetime) -> list[Row]:
    names = guest_names(reservation.person_id for reservation in reservations)
    return [_row(reservation, names, now=now) for reservation in reservations]


def _row(reservation: Reservation, names: dict[str, str], *, now: datetime) -> Row:
    return Row(
        reference=reservation.reference,
        person_id=reservation.person_id,
        guest=names.get(reservation.person_id or "", ""),
        status=shown_status(reservation, now=now),
        first_start=reservation.first_start,
        labels=tuple(
            line.label
            for line in reservation.lines
            if line.kind in ("stay", "session") or reservation.kind == ASKED
        ),
        total_minor=reservation.total_minor,
        currency=reservation.currency,
        held_until=reservation.held_until,
        created_at=reservation.created_at,
    )


def persons_of(rows: Iterable[Row]) -> set[str]:
    """Return the persons whose names a list shows."""
    return {row.person_id for row in rows if row.person_id and row.guest}


def shown_status(reservation: Reservation, *, now: datetime) -> str:
    """Return the status to show: a hold whose time has passed isn't held any more."""
    until = reservation.held_until
    if reservation.status == HELD and (until is None or until <= now):
        return RUN_OUT
    return reservation.status


def _is_live(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(
        Reservation.status == CONFIRMED,
        sa.and_(Reservation.status == AS_HELD, Reservation.held_until > now),
    )


# -- One reservation ------------------------------------------------------------------------


def reservation_by_reference(reference: str) -> Reservation | None:
    """Return a reservation with its lines and person."""
    query = (
        sa.select(Reservation)
        .where(Reservation.reference == reference)
        .options(selectinload(Reservation.lines), joinedload(Reservation.person))
    )
    return db.session.scalar(query)


def agreements_of(reservation: Reservation) -> list[tuple[str, int, str, datetime]]:
    """Return what was agreed to for a reservation: document, version, language, when."""
    query = (
        sa.select(
            DocumentVersion.document,
            DocumentVersion.number,
            DocumentVersion.language,
            Agreement.agreed_at,
        )
        .join(DocumentVersion, DocumentVersion.id == Agreement.version_id)
        .where(
            Agreement.reservation_reference == reservation.reference,
            Agreement.person_id == reservation.person_id,
        )
        .order_by(Agreement.agreed_at, DocumentVersion.document.desc())
    )
    return [(row[0], row[1], row[2], row[3]) for row in db.session.execute(query)]


def unit_names(line_ids: Sequence[int]) -> dict[int, str]:
    """Return the name of the unit that each stay has; several, for one that moves."""
    if not line_ids:
        return {}
    query = (
        sa.select(Seating.line_id, UnitRow.name)
        .join(UnitRow, UnitRow.id == Seating.unit_id)
        .where(Seating.line_id.in_(line_ids))
        .group_by(Seating.line_id, UnitRow.id, UnitRow.name)
        .order_by(Seating.line_id, sa.func.min(Seating.night))
    )
    names: dict[int, list[str]] = {}
    for line_id, name in db.session.execute(query):
        names.setdefault(line_id, []).append(name)
    return {line_id: ", ".join(units) for line_id, units in names.items()}


def guest_names(person_ids: Iterable[str | None]) -> dict[str, str]:
    """Return people's names, opened; nobody's that has been erased, or may not be seen."""
    ids = {person_id for person_id in person_ids if person_id}
    ids -= hidden(ids)
    if not ids:
        return {}
    query = sa.select(Person.id, Person._name).where(Person.id.in_(ids))
    vault().unlock(ids)
    names: dict[str, str] = {}
    for person_id, sealed in db.session.execute(query):
        if sealed is None:
            continue
        try:
            names[person_id] = vault().open(person_id, "person.name", sealed)
        except PersonUnknown:
            continue
    return names
