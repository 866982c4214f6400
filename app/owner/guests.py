"""A guest as the house sees them: their reservations, and each detail hidden until it is asked for.

Every booking has a person of its own. Who they are together is known by the address: those
who gave the same one are shown as one guest, by their reservations.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.models import Account
from app.accounts.readings import DETAIL, DETAILS, OTHER, note_purpose
from app.booking.models import Reservation
from app.core import audit
from app.core.database import db
from app.core.datamap import Kind
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.vault import PersonUnknown, vault
from app.owner.masking import hidden, refuse_hidden

MOST_SHOWN = 50  # reservations of one guest, newest first


class NothingToShow(DomainError):
    """The guest didn't give that detail, or has been erased."""

    message = N_("There is nothing there: your guest didn’t tell us, or it has been erased.")


class SayWhatFor(DomainError):
    """Another purpose than those of the list, without a word on it."""

    message = N_("Please say in a few words what for. Your guest can read it.")


@dataclass(frozen=True, slots=True)
class Guest:
    """One guest: the reservation by which they were opened, and all that are theirs."""

    opened_by: Reservation
    name: str
    reservations: tuple[Reservation, ...]
    restricted: bool = False  # they asked that who they are isn't used for now

    @property
    def persons(self) -> set[str]:
        """The ids of everybody that the guest is in the books; nobody's who may not be seen."""
        if self.restricted:
            return set()
        return {found.person_id for found in self.reservations if found.person_id}


def guest_of(reference: str) -> Guest | None:
    """Return whose reservation that is; None for one that is nobody's, or not there."""
    found = db.session.scalar(
        sa.select(Reservation)
        .where(Reservation.reference == reference)
        .options(joinedload(Reservation.person), selectinload(Reservation.lines))
    )
    if found is None or found.person is None:
        return None
    try:
        name, email = found.person.name or "", found.person.email
    except PersonUnknown:
        return None
    persons = {found.person.id, *(vault().find(Kind.EMAIL, email)[-200:] if email else ())}
    away = hidden(persons)
    if found.person.id in away:
        return Guest(found, "", (found,), restricted=True)
    persons -= away
    query = (
        sa.select(Reservation)
        .where(Reservation.person_id.in_(persons))
        .options(selectinload(Reservation.lines))
        .order_by(Reservation.first_start.desc(), Reservation.id.desc())
        .limit(MOST_SHOWN)
    )
    return Guest(found, name, tuple(db.session.scalars(query)))


def newest_of(email: str) -> str | None:
    """Return the reference of the newest reservation that was made under exactly that address."""
    persons = set(vault().find(Kind.EMAIL, email)[-200:])
    persons -= hidden(persons)
    query = sa.select(Reservation.reference).where(Reservation.person_id.in_(persons))
    return db.session.scalar(query.order_by(Reservation.id.desc()).limit(1)) if persons else None


def given(reservation: Reservation, *, restricted: bool = False) -> dict[str, bool]:
    """Return which details there are of whose reservation it is; none of them is opened.

    None of who is `restricted`: not even that there are some.
    """
    person = None if restricted else reservation.person
    there = {name: bool(person and getattr(person, f"_{name}", None)) for name in DETAILS}
    return {**there, "language": person is not None}


def reveal(
    reservation: Reservation,
    detail: str,
    *,
    reader: Account,
    purpose: str,
    word: str,
    now: datetime,
) -> str:
    """Return one detail as it is kept, and note for the guest that it was opened, and what for.

    An address is JSON (`vault.load_address`), a language its code. Raises SayWhatFor,
    DetailsRestricted and NothingToShow. The caller commits before anything is shown.
    """
    if purpose == OTHER and not word:
        raise SayWhatFor
    person = reservation.person
    if person is None:
        raise NothingToShow
    refuse_hidden(person.id)
    value: str | None = reservation.language if detail == "language" else None
    with suppress(PersonUnknown):
        value = value or getattr(person, detail)
        if value:
            note_purpose(
                reader,
                [person.id],
                DETAIL,
                detail=detail,
                purpose=purpose,
                reason=word if purpose == OTHER else "",
                now=now,
            )
            audit.enter(
                reader.id,
                reader.role,
                "detail-opened",
                "reservation",
                reservation.id,
                now=now,
                detail=detail,
                purpose=purpose,
            )
            return value
    raise NothingToShow
