"""Closing the place down: the owner's verbs, and the days that a plan has to keep (C13).

A plan has three days: the last day of service, the day until which everybody can take their
data along, and the day on which it is erased. It does nothing until it is begun; from then
on the worker carries it out, stage by stage (`closing_stages`). Until the erasure begins it
can be stopped. Days that people were told only move later.

Sources: GB/T 35273-2020, 6.4 (stop collecting, tell everybody, delete or anonymise); PIPL,
article 47 (delete where a service ends); GDPR, articles 12(3), 17(1)(a) and 20.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from app.booking.models import VenueRow
from app.continuity import closing_people
from app.continuity.closing_models import LIVE, PLANNED, RUNNING, STOPPED, Closing
from app.continuity.closing_words import ANNOUNCED, CLOSING, MOVED, MOVING_ON, STAYS_OPEN
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_
from app.policy import announcing, facts, telling
from app.privacy.archiving import day_here

NOTICE_LEAST = timedelta(days=30)
"""From the announcement to the last day: as long as any request to us may take (GDPR, 12(3))."""
NOTICE_USUAL = timedelta(days=90)
DOWNLOADS_LEAST = timedelta(days=30)
"""From the last day to the end of downloads: who asks on the last day is still answered."""
DOWNLOADS_USUAL = timedelta(days=60)
ERASED_WITHIN = timedelta(days=15)
"""From the end of downloads to the erasure, at most (GB/T 35273-2020, 8.5: 15 working days)."""

facts.declare("closing_notice", NOTICE_LEAST)
facts.declare("closing_downloads", DOWNLOADS_LEAST)
facts.declare("closing_erased", ERASED_WITHIN)


class BadDay(DomainError):
    """A day that a plan can't have; `field` is the one that is meant."""

    field = "last_day"


class NoticeTooShort(BadDay):
    """People wouldn't know early enough; `least` is the first day that is possible."""

    message = N_("People have to know earlier. The last day can be %(least)s or later.")


class DownloadsTooShort(BadDay):
    """Nobody could take their data along; `least` is the first day that is possible."""

    field = "downloads_until"
    message = N_("Everybody needs time to take their data along: until %(least)s or later.")


class ErasureTooSoon(BadDay):
    """It would cut the downloads short; `least` is the first day that is possible."""

    field = "erase_on"
    message = N_("Downloads are open until then. The erasure can be on %(least)s or later.")


class ErasureTooLate(BadDay):
    """Nobody needs the data any more; `most` is the last day that is possible."""

    field = "erase_on"
    message = N_("Nobody needs the data for so long. The erasure can be on %(most)s or before.")


class OnlyLater(BadDay):
    """People were told the former day, `told`; `field` says which."""

    message = N_("People were told %(told)s. A day can move later, never earlier.")

    def __init__(self, field: str, told: date) -> None:
        super().__init__(told=told)
        self.field = field


class AlreadyPlanned(DomainError):
    """There is one plan at a time."""

    message = N_("There is a plan already. Change its days, or stop it first.")


class NoPlan(DomainError):
    """There is nothing to begin, move or stop."""

    message = N_("No closing is planned any more, so nothing was changed.")


class TooLateToStop(DomainError):
    """The erasure has begun; what is gone doesn't come back."""

    message = N_("The erasure has begun. From here on nothing can be stopped or moved.")


class PlaceUntyped(DomainError):
    """What was typed isn't the place's name."""

    message = N_("Please type the name of the place exactly as it stands here: %(name)s.")


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a plan, by the calendar of the place."""

    last_day: date
    downloads_until: date
    erase_on: date


# -- The plan -----------------------------------------------------------------------------


def proposed(*, now: datetime) -> Days:
    """Return sensible days for a plan that begins today."""
    last = day_here(now) + NOTICE_USUAL
    until = last + DOWNLOADS_USUAL
    return Days(last, until, until + timedelta(days=1))


def check(days: Days, *, now: datetime) -> None:
    """Refuse days that leave people too little time. Raises a BadDay."""
    if days.last_day < (least := day_here(now) + NOTICE_LEAST):
        raise NoticeTooShort(least=least)
    check_distances(days)


def check_distances(days: Days) -> None:
    """Refuse days that are too near to each other, or too far. Raises a BadDay."""
    if days.downloads_until < (least := days.last_day + DOWNLOADS_LEAST):
        raise DownloadsTooShort(least=least)
    if days.erase_on <= days.downloads_until:
        raise ErasureTooSoon(least=days.downloads_until + timedelta(days=1))
    if days.erase_on > (most := days.downloads_until + ERASED_WITHIN):
        raise ErasureTooLate(most=most)


def current() -> Closing | None:
    """Return the plan that waits or runs, or else the one that was made last; for a page."""
    newest = sa.select(Closing).order_by(Closing.id.desc()).limit(1)
    return db.session.scalar(newest.execution_options(populate_existing=True))


def live() -> Closing | None:
    """Return the plan that waits to be begun, or runs."""
    found = current()
    return found if found is not None and found.state in LIVE else None


def days_of(closing: Closing) -> Days:
    """Return a plan's days."""
    return Days(closing.last_day, closing.downloads_until, closing.erase_on)


def plan(days: Days, *, now: datetime) -> Closing:
    """Write a plan down, or other days for one that hasn't begun. The caller commits.

    Nothing happens by it, and nobody sees it but the house. Raises a BadDay, AlreadyPlanned.
    """
    _lock_venue()
    check(days, now=now)
    found = current()
    if found is not None and found.state not in (PLANNED, STOPPED):
        raise AlreadyPlanned
    if found is None or found.state == STOPPED:
        found = Closing(state=PLANNED, stage="", made_at=now, counts={})
        db.session.add(found)
    found.last_day, found.downloads_until = days.last_day, days.downloads_until
    found.erase_on = days.erase_on
    db.session.flush()
    return found


def withdraw(*, now: datetime) -> None:
    """Throw away a plan that hasn't begun. The caller commits. Raises NoPlan."""
    _lock_venue()
    found = current()
    if found is None or found.state != PLANNED:
        raise NoPlan
    db.session.delete(found)
    db.session.flush()


def begin(*, typed: str, now: datetime) -> Closing:
    """Begin the plan: from now on nothing after the last day can be booked. The caller commits.

    The worker announces it, refunds what lies beyond, and goes on to the erasure by itself.
    Begun twice it begins once. Raises PlaceUntyped, NoPlan, a BadDay.
    """
    venue = _lock_venue()
    if " ".join(typed.split()).casefold() != venue.name.casefold():
        raise PlaceUntyped(name=venue.name)
    found = current()
    if found is not None and found.state == RUNNING:
        return found
    if found is None or found.state != PLANNED:
        raise NoPlan
    check(days_of(found), now=now)
    found.state, found.begun_at = RUNNING, now
    venue.closes_on = found.last_day
    db.session.flush()
    return found


def move(days: Days, *, now: datetime) -> Closing:
    """Move the days of a plan that runs, later only, and tell everybody. The caller commits.

    A day that has passed stays as it was. Raises NoPlan, TooLateToStop, a BadDay.
    """
    venue = _lock_venue()
    found = _running()
    was = days_of(found)
    for field in ("last_day", "downloads_until", "erase_on"):
        told, wanted = getattr(was, field), getattr(days, field)
        if wanted < told or (wanted != told and told < day_here(now)):
            raise OnlyLater(field, told)
    check_distances(days)
    if days == was:
        return found
    found.last_day, found.downloads_until = days.last_day, days.downloads_until
    found.erase_on = days.erase_on
    found.moved += 1
    venue.closes_on = found.last_day
    db.session.flush()
    if found.stage:  # else nobody has been told the former days
        announce(found, now=now)
        _tell(found, f"moved-{found.moved}", MOVED, now=now)
    return found


def stop(*, now: datetime) -> Closing:
    """Stop a plan that runs: the place stays open, and everybody is told. The caller commits.

    What was cancelled stays cancelled, and what was paid back stays paid back. Raises NoPlan,
    TooLateToStop.
    """
    venue = _lock_venue()
    found = _running()
    found.state, found.stopped_at = STOPPED, now
    venue.closes_on = None
    db.session.flush()
    announcing.end(code_of(found), now=now)
    if found.stage:
        _tell(found, "stopped", STAYS_OPEN, now=now)
    return found


def _running() -> Closing:
    found = current()
    if found is None or found.state != RUNNING:
        raise NoPlan
    if found.erasing_at is not None:
        raise TooLateToStop
    return found


def _lock_venue() -> VenueRow:
    """Return the place's row, locked: one act about its end at a time."""
    query = sa.select(VenueRow).with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(query).one()


# -- Saying so ----------------------------------------------------------------------------


def code_of(closing: Closing) -> str:
    """Return the name of a plan's announcement, and the beginning of its messages' names."""
    return f"closing-{closing.id}"


def announce(closing: Closing, *, now: datetime) -> None:
    """Have a line on every page: of the closing, or once it has come, of the downloads."""
    over = day_here(now) > closing.last_day
    announcing.announce(
        code_of(closing),
        MOVING_ON if over else CLOSING,
        url=("closing.show", {}),
        since=now,
        until=None,
        now=now,
        day=closing.last_day,
        downloads=closing.downloads_until,
    )


def tell_everybody(closing: Closing, *, now: datetime) -> None:
    """Tell everybody that the place closes, once."""
    _tell(closing, "announced", ANNOUNCED, now=now)


def _tell(closing: Closing, what: str, kind: str, *, now: datetime) -> None:
    telling.tell(
        f"{code_of(closing)}-{what}",
        kind,
        # Named now: once their booking is cancelled they would have nothing with us any more.
        to=closing_people.everybody(),
        url=("closing.show", {}),
        now=now,
        day=closing.last_day,
        downloads=closing.downloads_until,
        erasure=closing.erase_on,
    )


def tell(closing: Closing, what: str, kind: str, *, now: datetime) -> None:
    """Tell everybody something of a plan, once for each `what`. The caller commits."""
    _tell(closing, what, kind, now=now)
