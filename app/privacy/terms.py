"""The terms of reservations and papers: once as a date, once as what the database looks for.

A purge must take away what a page said it would, so each term stands here in both shapes,
side by side; the property test holds them together.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.booking.models import (
    CANCELLED,
    CONFIRMED,
    HELD,
    RELEASED,
    Reservation,
    ReservationLine,
    VenueRow,
)
from app.core.database import db, table
from app.core.sweeps import first_day_after
from app.payments.models import Dispute, Invoice, LedgerEntry, Payment, Refund, SavedMeans
from app.payments.states import OPEN, REVIEW
from app.privacy.laws import Law, claims_until, law_of, papers_until

UNPAID_KEPT = timedelta(days=30)
"""How long what was held and never paid is kept."""

SHRUNK = ""
"""The digest of the quote of a reservation that was shrunk to what statistics need."""

_reservation, _line, _payment = table(Reservation), table(ReservationLine), table(Payment)
_refund, _dispute, _entry = table(Refund), table(Dispute), table(LedgerEntry)
_invoice, _means = table(Invoice), table(SavedMeans)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the house is: whose law it is, and whose calendar."""

    country: str  # ISO 3166-1
    zone: ZoneInfo

    @property
    def law(self) -> Law:
        """What the country's law asks."""
        return law_of(self.country)

    def day(self, instant: datetime) -> date:
        """Return the day of an instant in the place's calendar."""
        return instant.astimezone(self.zone).date()


def place() -> Place:
    """Return the place; without a venue, the one that a venue begins as."""
    found = db.session.execute(sa.select(VenueRow.country, VenueRow.zone)).first()
    return Place(found.country, ZoneInfo(found.zone)) if found else Place("DE", ZoneInfo("UTC"))


# -- As dates -------------------------------------------------------------------------------


def ended_on(reservation: Reservation, where: Place) -> date:
    """Return the last day of what was booked, in the place's calendar."""
    ends = [where.day(reservation.first_start)]
    for line in reservation.lines:
        if line.depart is not None:
            ends.append(line.depart)
        if line.ends_at is not None:
            ends.append(where.day(line.ends_at))
    return max(ends)


def claims_end(reservation: Reservation, where: Place) -> date:
    """Return the first day on which nobody can have a claim from a reservation."""
    return claims_until(ended_on(reservation, where), where.country)


def paper_ends(paper: Invoice, where: Place) -> date:
    """Return the first day on which nobody asks for a paper any more."""
    return papers_until(where.day(paper.issued_at), where.country)


def books_end(reservation_ids: Collection[int], where: Place) -> date | None:
    """Return the first day on which nobody asks for these reservations any more; None for none.

    Counted from whatever came last: the end of what was booked, money that moved, a paper.
    """
    if not reservation_ids:
        return None
    mine = _reservation.c.id.in_(reservation_ids)
    paid = _payment.c.id.in_(
        sa.select(_payment.c.id).where(_payment.c.reservation_id.in_(reservation_ids))
    )
    of_lines = _line.c.reservation_id.in_(reservation_ids)
    looks: list[tuple[sa.Column[Any], sa.ColumnElement[bool]]] = [
        (_reservation.c.first_start, mine),
        (_line.c.depart, of_lines),
        (_line.c.ends_at, of_lines),
        (_payment.c.changed_at, paid),
        (_invoice.c.issued_at, _invoice.c.reservation_id.in_(reservation_ids)),
    ]
    for one, when in (
        (_entry, _entry.c.at),
        (_refund, _refund.c.changed_at),
        (_dispute, _dispute.c.changed_at),
    ):
        looks.append((when, one.c.payment_id.in_(sa.select(_payment.c.id).where(paid))))
    latest = [
        db.session.scalar(sa.select(sa.func.max(column, type_=column.type)).where(condition))
        for column, condition in looks
    ]
    days = [where.day(at) if isinstance(at, datetime) else at for at in latest if at is not None]
    return papers_until(max(days), where.country)


def unpaid_ends(reservation: Reservation) -> date:
    """Return the first day on which what was never paid is gone."""
    ran_out = reservation.held_until or reservation.released_at or reservation.created_at
    return first_day_after(ran_out + UNPAID_KEPT)


# -- As conditions --------------------------------------------------------------------------


def _this_year(now: datetime, where: Place) -> int:
    return where.day(now).year


def _new_year(year: int, where: Place) -> datetime:
    """Return when a year begins in the place, as an instant."""
    return datetime.combine(date(year, 1, 1), time(), where.zone).astimezone(UTC)


def ended_before_year(year: int, where: Place) -> sa.ColumnElement[bool]:
    """Say that what was booked ended before a year began, in the place's calendar."""
    instant = _new_year(year, where)
    later = (
        sa.exists()
        .where(_line.c.reservation_id == _reservation.c.id)
        .where(sa.or_(_line.c.depart >= date(year, 1, 1), _line.c.ends_at >= instant))
    )
    return sa.and_(_reservation.c.first_start < instant, ~later)


def claims_are_over(now: datetime, where: Place) -> sa.ColumnElement[bool]:
    """Say that nobody can have a claim from a reservation: `claims_end` has come."""
    return ended_before_year(_this_year(now, where) - where.law.claims_years, where)


def books_begin(now: datetime, where: Place) -> datetime:
    """Return since when the law still asks for papers: the beginning of a year."""
    return _new_year(_this_year(now, where) - where.law.papers_years, where)


def paper_is_over(now: datetime, where: Place) -> sa.ColumnElement[bool]:
    """Say that nobody asks for a paper any more: `paper_ends` has come."""
    return _invoice.c.issued_at < books_begin(now, where)


def books_are_over(now: datetime, where: Place) -> sa.ColumnElement[bool]:
    """Say that nobody asks for a reservation, its papers or its money any more."""
    oldest = _this_year(now, where) - where.law.papers_years
    instant = books_begin(now, where)
    moved = (
        sa.exists()
        .where(_payment.c.reservation_id == _reservation.c.id)
        .where(sa.or_(_payment.c.changed_at >= instant, _moved_since(instant)))
    )
    written = sa.exists().where(
        _invoice.c.reservation_id == _reservation.c.id, _invoice.c.issued_at >= instant
    )
    return sa.and_(ended_before_year(oldest, where), ~moved, ~written)


def _moved_since(instant: datetime) -> sa.ColumnElement[bool]:
    of_payment = [
        sa.exists().where(one.c.payment_id == _payment.c.id, when >= instant)
        for one, when in (
            (_entry, _entry.c.at),
            (_refund, _refund.c.changed_at),
            (_dispute, _dispute.c.changed_at),
        )
    ]
    return sa.or_(*of_payment)


def touches_the_books() -> sa.ColumnElement[bool]:
    """Say that a reservation has something that the house's books are made of."""
    paid = sa.exists().where(
        _payment.c.reservation_id == _reservation.c.id,
        sa.or_(
            _payment.c.state.in_((*OPEN, REVIEW)),
            *(
                sa.exists().where(one.c.payment_id == _payment.c.id)
                for one in (_entry, _refund, _dispute)
            ),
        ),
    )
    papers = sa.exists().where(_invoice.c.reservation_id == _reservation.c.id)
    kept = sa.exists().where(_means.c.reservation_id == _reservation.c.id)
    return sa.or_(paid, papers, kept)


def was_never_paid(now: datetime) -> sa.ColumnElement[bool]:
    """Say that a hold ran out `UNPAID_KEPT` ago, and no money ever moved."""
    ran_out = sa.func.coalesce(
        _reservation.c.held_until,
        _reservation.c.released_at,
        _reservation.c.created_at,
        type_=_reservation.c.created_at.type,
    )
    return sa.and_(
        _reservation.c.status == RELEASED,
        ran_out <= now - UNPAID_KEPT,
        ~touches_the_books(),
    )


def counts() -> sa.ColumnElement[bool]:
    """Say that a reservation is more than a hold that was let go: firm, or with money in it."""
    return sa.or_(
        _reservation.c.status.in_((CONFIRMED, CANCELLED)),
        sa.and_(_reservation.c.status == RELEASED, touches_the_books()),
    )


def persons_whose_claims_are_over(now: datetime, where: Place) -> sa.Select[Any]:
    """Return the statement that selects the persons whose last booking's claims are over."""
    over = sa.and_(counts(), claims_are_over(now, where))
    other = _reservation.alias("other")
    return (
        sa.select(_reservation.c.person_id)
        .where(_reservation.c.person_id.is_not(None), over)
        .where(
            ~sa.exists().where(
                other.c.person_id == _reservation.c.person_id,
                sa.or_(
                    other.c.status == HELD,
                    other.c.id.not_in(sa.select(_reservation.c.id).where(over)),
                ),
            )
        )
        .distinct()
    )


def is_in_the_books(reservation: Reservation) -> bool:
    """Tell whether a reservation that was let go has something that the books are made of."""
    query = sa.select(_reservation.c.id).where(
        _reservation.c.id == reservation.id, touches_the_books()
    )
    return db.session.scalar(query) is not None


def has_booked(person_id: str) -> bool:
    """Tell whether a person has a reservation that is more than a hold that was let go."""
    query = sa.select(_reservation.c.id).where(_reservation.c.person_id == person_id, counts())
    return db.session.scalar(query.limit(1)) is not None


def last_ends(person_id: str, where: Place) -> tuple[date | None, date | None]:
    """Return when the claims from a person's last booking end, and when what was never paid goes.

    As `claims_end` and `unpaid_ends` of all of their reservations, the latest of each, with
    three statements however many there are.
    """
    mine = sa.and_(_reservation.c.person_id == person_id, counts())
    ends = []
    start, ran_out = _reservation.c.first_start, _reservation.c.created_at.type
    first = db.session.scalar(sa.select(sa.func.max(start, type_=start.type)).where(mine))
    if first is not None:
        days = db.session.execute(
            sa.select(
                sa.func.max(_line.c.depart, type_=_line.c.depart.type),
                sa.func.max(_line.c.ends_at, type_=_line.c.ends_at.type),
            )
            .join(_reservation, _reservation.c.id == _line.c.reservation_id)
            .where(mine)
        ).one()
        ends = [where.day(first), *([days[0]] if days[0] else [])]
        ends += [where.day(days[1])] if days[1] else []
    waited = db.session.scalar(
        sa.select(
            sa.func.max(
                sa.func.coalesce(
                    _reservation.c.held_until, _reservation.c.released_at, _reservation.c.created_at
                ),
                type_=ran_out,
            )
        ).where(_reservation.c.person_id == person_id, ~counts())
    )
    return (
        claims_until(max(ends), where.country) if ends else None,
        first_day_after(waited + UNPAID_KEPT) if waited is not None else None,
    )
