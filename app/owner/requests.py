"""What the house sees of requests about people's own data: whose clock runs out next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from app.booking.models import Reservation, VenueRow
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_
from app.owner.queries import guest_names, reservation_by_reference
from app.privacy import requests
from app.privacy.models import PrivacyRequest

FEW = 20
"""So many of those that were answered are listed."""


class NobodyThere(DomainError):
    """There is no such reservation, or its guest is gone."""

    message = N_("No reservation with a guest has this reference. Please check it.")


@dataclass(frozen=True, slots=True)
class Row:
    """One request in a list."""

    request: PrivacyRequest
    guest: str
    day: date  # on which it came
    term: date
    left: int  # days after today; less than none once it is overdue


@dataclass(frozen=True, slots=True)
class Board:
    """Everything on the page of requests."""

    waiting: tuple[Row, ...]  # the nearest clock first: those that are overdue
    closed: tuple[Row, ...]
    by_itself: int  # how many the site has answered without anybody

    @property
    def persons(self) -> set[str]:
        """Whose names it shows."""
        rows = (*self.waiting, *self.closed)
        return {str(row.request.person_id) for row in rows if row.guest}


@dataclass(frozen=True, slots=True)
class Nearest:
    """What the first page shows: how many wait, and the nearest clock."""

    count: int
    request: PrivacyRequest
    term: date
    left: int


def board(*, now: datetime) -> Board:
    """Return what waits, what was answered lately, and how much needed nobody."""
    waiting, closed = requests.waiting(), requests.closed(FEW)
    names = guest_names(one.person_id for one in (*waiting, *closed))
    itself = sa.select(sa.func.count()).where(PrivacyRequest.by_itself)
    return Board(
        tuple(_rows(waiting, names, now=now)),
        tuple(_rows(closed, names, now=now)),
        int(db.session.scalar(itself) or 0),
    )


def _rows(found: Sequence[PrivacyRequest], names: dict[str, str], *, now: datetime) -> list[Row]:
    return [
        Row(
            one,
            names.get(one.person_id or "", ""),
            requests.day_here(one.made_at),
            requests.term_of(one),
            requests.days_left(one, now=now),
        )
        for one in found
    ]


def nearest(*, now: datetime) -> Nearest | None:
    """Return how many requests wait for the house, and the one whose clock runs out next.

    Of those that the site does by itself, only what is about to be late.
    """
    waiting = [
        one
        for one in requests.waiting()
        if not one.by_itself or requests.days_left(one, now=now) <= requests.SOON
    ]
    if not waiting:
        return None
    first = waiting[0]
    return Nearest(len(waiting), first, requests.term_of(first), requests.days_left(first, now=now))


def open_count() -> sa.Select[int]:
    """Return the statement for how many aren't answered, by whomever."""
    query = sa.select(sa.func.count()).select_from(PrivacyRequest)
    return query.where(PrivacyRequest.answered_at.is_(None))


def enter(reference: str, kind: str, words: str, came_on: date, *, now: datetime) -> PrivacyRequest:
    """Write down what a guest asked by letter or telephone. The caller commits.

    Raises NobodyThere, NotThenYet.
    """
    reservation = reservation_by_reference(reference.upper().replace(" ", ""))
    if reservation is None or reservation.person_id is None:
        raise NobodyThere
    return requests.record(reservation.person_id, kind, words=words, came_on=came_on, now=now)


def set_law(law: str, country: str) -> None:
    """Choose whose clock runs from now on, and whose law says how long papers are kept.

    Clocks that run already go on as they began. The caller commits.
    """
    venue = db.session.scalars(sa.select(VenueRow)).one()
    venue.rights_law, venue.country = law, country


def law() -> tuple[str, str]:
    """Return the law and the country that were chosen."""
    venue = db.session.scalars(sa.select(VenueRow)).one()
    return venue.rights_law, venue.country


def references_of(person_id: str | None) -> list[str]:
    """Return the references of somebody's latest reservations, to look them up by."""
    if person_id is None:
        return []
    query = sa.select(Reservation.reference).where(Reservation.person_id == person_id)
    return list(db.session.scalars(query.order_by(Reservation.id.desc()).limit(FEW)))
