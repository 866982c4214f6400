"""Wishes for a stay: said by the guest until they arrive, shown on the days, forgotten after.

Nothing in them is needed. A diet may tell of somebody's health or religion (GDPR art. 9):
it is only taken with the guest's express yes, and emptying the field takes that back.
"""

from collections.abc import Collection
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.booking.models import CONFIRMED, Reservation, ReservationLine
from app.core import withdrawals
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.vault import PersonUnknown, vault
from app.guestbook.models import StayWish

WISH_DAYS = 14
"""How long wishes are kept after the last day: until nobody asks what went wrong with them."""

# By UTC: a day has begun in every zone, so nobody needs to look up where the house is.
_EVERYWHERE = time(12)

TWO_BEDS, ONE_BED = "two", "one"
_ALL, _DIET = "all", "diet"  # what was taken back


class TooLateToWish(DomainError):
    """Said after the guest arrived, or of what isn't booked."""

    message = N_("Wishes can be said until you arrive. Please tell us in person, or write to us.")


class NotAgreed(DomainError):
    """A diet without the yes that it may be known."""

    message = N_("Please tick that the house may know this, or leave the field empty.")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a guest asked for; "" is what they didn't say."""

    arrival: str = ""  # wall time, HH:MM
    bed: str = ""  # TWO_BEDS or ONE_BED
    diet: str = ""
    words: str = ""

    def __bool__(self) -> bool:
        return any(astuple(self))


# -- Said by the guest ------------------------------------------------------------------------


def days_of(reservation: Reservation, zone: ZoneInfo) -> tuple[date, date]:
    """Return the first and the last day of a reservation, by the calendar of the place."""
    first = reservation.first_start.astimezone(zone).date()
    last = first
    for line in reservation.lines:
        if line.depart is not None:
            last = max(last, line.depart)
        elif line.ends_at is not None:
            last = max(last, line.ends_at.astimezone(zone).date())
    return first, last


def may_wish(reservation: Reservation, zone: ZoneInfo, *, now: datetime) -> bool:
    """Tell whether wishes can be said still: until the house notes the arrival, or its day ends.

    For seats alone, until they begin.
    """
    if reservation.status != CONFIRMED or reservation.person_id is None:
        return False
    if any(line.arrived_at or line.no_show_at for line in reservation.lines):
        return False
    if not has_nights(reservation):
        return now < reservation.first_start
    first, _ = days_of(reservation, zone)
    return now < datetime.combine(first + timedelta(days=1), time.min, zone)


def has_nights(reservation: Reservation) -> bool:
    """Tell whether a reservation has a bed in it, and so a time of arrival."""
    return any(line.kind == "stay" for line in reservation.lines)


def put_wishes(
    reservation: Reservation, said: Wishes, *, agreed: bool, zone: ZoneInfo, now: datetime
) -> None:
    """Write down what a guest asks for, in place of what they asked for before.

    The reservation is locked by the caller, who commits. `agreed`: the house may know of
    the diet. Nothing said is nothing kept, and
    what was said can be taken back at any time. Raises TooLateToWish, NotAgreed.
    """
    row = db.session.get(StayWish, reservation.id)
    if not said:
        if row is not None:
            _note(row, reservation, _ALL, now=now)
            db.session.delete(row)
        return
    if not may_wish(reservation, zone, now=now):
        raise TooLateToWish
    if said.diet and not agreed:
        raise NotAgreed
    if row is None:
        row = StayWish(reservation_id=reservation.id, person_id=reservation.person_id)
        db.session.add(row)
    elif row._diet is not None and not said.diet:
        _note(row, reservation, _DIET, now=now)
    row.changed_at = now
    row.arrival, row.bed = said.arrival or None, said.bed or None
    row.diet, row.words = said.diet or None, said.words or None


def _note(row: StayWish, reservation: Reservation, what: str, *, now: datetime) -> None:
    taken_back = (row.person_id, reservation.reference, what)
    withdrawals.note(withdrawals.WISH, [taken_back], now=now)


@withdrawals.carries_out(withdrawals.WISH)
def _forget_again(wanted: withdrawals.Wanted) -> None:
    query = sa.select(StayWish, Reservation.reference).join(
        Reservation, Reservation.id == StayWish.reservation_id
    )
    for row, reference in db.session.execute(query).all():
        if wanted.since(row.person_id, reference, _ALL) is not None:
            db.session.delete(row)
        elif wanted.since(row.person_id, reference, _DIET) is not None:
            row._diet = None


# -- Shown ------------------------------------------------------------------------------------


def wishes_of(reservation: Reservation) -> Wishes:
    """Return what was asked for with a reservation, for the guest's own page."""
    return wishes_for([reservation.id]).get(reservation.id, Wishes())


def wishes_for(reservation_ids: Collection[int]) -> dict[int, Wishes]:
    """Return what was asked for with each of several reservations, with one statement."""
    if not reservation_ids:
        return {}
    query = sa.select(StayWish).where(StayWish.reservation_id.in_(reservation_ids))
    rows = list(db.session.scalars(query))
    vault().unlock({row.person_id for row in rows})
    found: dict[int, Wishes] = {}
    for row in rows:
        try:
            found[row.reservation_id] = Wishes(
                row.arrival or "", row.bed or "", row.diet or "", row.words or ""
            )
        except PersonUnknown:
            continue
    return found


def wishes_today(reservation: Reservation, zone: ZoneInfo, *, now: datetime) -> Wishes:
    """Return what the house is shown with a reservation: nothing but on its own days."""
    first, last = days_of(reservation, zone)
    if reservation.status != CONFIRMED or not first <= now.astimezone(zone).date() <= last:
        return Wishes()
    return wishes_of(reservation)


# -- Forgotten --------------------------------------------------------------------------------


def forgotten_at(reservation: Reservation) -> datetime | None:
    """Return when the wishes for a stay are forgotten, in UTC; None: at once, it won't be."""
    if reservation.status != CONFIRMED:
        return None
    ends = [line.ends_at for line in reservation.lines if line.ends_at is not None]
    ends += [
        datetime.combine(line.depart, _EVERYWHERE, UTC)
        for line in reservation.lines
        if line.depart is not None
    ]
    return max(ends) + timedelta(days=WISH_DAYS) if ends else None


def are_over(now: datetime) -> sa.ColumnElement[bool]:
    """Say of wishes that their stay ended WISH_DAYS ago, or won't be: as `forgotten_at`."""
    line, cutoff = ReservationLine, now.astimezone(UTC) - timedelta(days=WISH_DAYS)
    begun = (cutoff - timedelta(hours=_EVERYWHERE.hour)).date()
    still = sa.exists().where(
        line.reservation_id == StayWish.reservation_id,
        Reservation.id == line.reservation_id,
        Reservation.status == CONFIRMED,
        sa.or_(line.depart > begun, line.ends_at > cutoff),
    )
    return ~still.correlate(StayWish)
