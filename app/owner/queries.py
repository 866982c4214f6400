"""What the owner's pages read: a few statements each, however much there is to show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.models import Person
from app.booking.models import (
    AS_HELD,
    ASKED,
    CONFIRMED,
    HELD,
    Reservation,
    Seating,
    UnitRow,
)
from app.core.database import db
from app.core.datamap import Kind
from app.core.languages import gettext
from app.core.vault import PersonUnknown, vault
from app.owner.masking import hidden
from app.owner.words import RUN_OUT
from app.policy.models import Agreement, DocumentVersion

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class Row:
    """One reservation as lists show it."""

    id: int
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


# -- Lists of reservations ------------------------------------------------------------------


def reservations_of(email: str, *, now: datetime) -> list[Row]:
    """Return the latest reservations of everybody who gave exactly that e-mail address."""
    people = vault().find(Kind.EMAIL, email)
    # Who restricted the use of their address isn't found by it: their reference is enough.
    away = hidden(people)
    people = [person_id for person_id in people if person_id not in away]
    if not people:
        return []
    # Somebody who booked a hundred times is looked for by reference.
    query = listed().where(Reservation.person_id.in_(people[-200:]))
    found = db.session.scalars(query.order_by(Reservation.id.desc()).limit(PAGE_SIZE)).all()
    return rows_of(found, now=now)


def listed() -> sa.Select[Reservation]:
    """Return the statement for reservations with their lines."""
    return sa.select(Reservation).options(selectinload(Reservation.lines))


def rows_of(reservations: Sequence[Reservation], *, now: datetime) -> list[Row]:
    """Return reservations, with their lines, as lists show them."""
    names = guest_names(reservation.person_id for reservation in reservations)
    return [row_of(reservation, names, now=now) for reservation in reservations]


def row_of(reservation: Reservation, names: dict[str, str], *, now: datetime) -> Row:
    """Return a reservation as lists show it, with the name of its person."""
    return Row(
        id=reservation.id,
        reference=reservation.reference,
        person_id=reservation.person_id,
        guest=names.get(reservation.person_id or "", ""),
        status=shown_status(reservation, now=now),
        first_start=reservation.first_start,
        labels=tuple(
            line.label
            for line in reservation.lines
            if line.takes_places or reservation.kind == ASKED
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


def is_live(now: datetime) -> sa.ColumnElement[bool]:
    """Say of a reservation that it is firm, or held and not run out."""
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
        if line_id is not None:
            names.setdefault(line_id, []).append(name)
    return {line_id: gettext(", ").join(units) for line_id, units in names.items()}


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
