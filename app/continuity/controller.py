"""A change of controller: planned, announced, objected to, carried out or stopped (C24).

People are told who the new one is and how to reach it, and can say no, before anything goes
(PIPL, Article 22; GB/T 35273-2020, 9.3; GDPR, Articles 13, 14 and 21). Nothing begins
without notice, nor before the window to object is over: the verbs refuse, and so does the
database. What happens on the day is in `controller_stages`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from app.accounts.models import HOUSE, Account, Person
from app.booking.models import VenueRow
from app.continuity import controller_sealing as sealing
from app.continuity.controller_models import (
    ANNOUNCED,
    DATA,
    DONE,
    PLANNED,
    RUNNING,
    STOPPED,
    WINDOW_DAYS,
    ControllerChange,
    ControllerObjection,
)
from app.continuity.controller_words import COMING, OFF, TOLD, facts_of
from app.core import withdrawals
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.outbox import enqueue
from app.policy import announcing, facts, telling
from app.privacy.archiving import day_here

JOB = "continuity.controller"
WINDOW = timedelta(days=WINDOW_DAYS)
SHOWN_FOR = timedelta(days=90)
"""So long the public page tells of one that was stopped."""
PAGE = ("controller.show", dict[str, object]())

facts.declare("controller_window", WINDOW)


class UnderWay(DomainError):
    """There is one already that people were told of."""

    message = N_("A change was announced already. Only one can be under way at a time.")


class TooSoon(DomainError):
    """The day would leave people less time than the window."""

    message = N_(
        "Between the notice and the change there must be at least %(days)s days, so that "
        "people can read it and say no. The first day possible is %(day)s."
    )


class KeyMissing(DomainError):
    """Data are to go, and nothing to seal them for was given."""

    message = N_("To hand the data over we must seal them: please paste the new one’s public key.")


class NotPlanned(DomainError):
    """It was announced, carried out or stopped meanwhile."""

    message = N_("This change isn’t waiting for that any more.")


class NotYet(DomainError):
    """The day hasn't come."""

    message = N_("Nothing is handed over before the day that people were told: %(day)s.")


class NoticeNotSent(DomainError):
    """Not everybody was told yet."""

    message = N_("Not everybody was told yet. Nothing is handed over before that.")


class NameDiffers(DomainError):
    """What was typed isn't the new controller's name."""

    message = N_("That isn’t the name of the new one. Please type it as it stands above.")


class WindowOver(DomainError):
    """Nothing is announced, or what was announced is being carried out."""

    message = N_("There is nothing to say no to at this moment.")


class OfTheHouse(DomainError):
    """Whoever runs the place doesn't object by a page."""

    message = N_("Your account runs this place. Please settle this with its owner.")


@dataclass(frozen=True, slots=True)
class NewController:
    """What the owner says of a change. Days are those of the place's calendar."""

    name: str
    address: list[str]
    email: str
    country: str
    way: str
    changes_on: date
    public_key: str = ""
    texts: dict[str, str] = field(default_factory=dict)


# -- Which --------------------------------------------------------------------------------


def live(*, to_write: bool = False) -> ControllerChange | None:
    """Return the change that is planned, announced or being carried out."""
    query = sa.select(ControllerChange).where(ControllerChange.live.is_not(None))
    if to_write:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.scalar(query)


def shown(*, now: datetime) -> ControllerChange | None:
    """Return the change that everybody may read of: announced, done, or stopped lately."""
    query = (
        sa.select(ControllerChange)
        .where(ControllerChange.announced_at.is_not(None))
        .order_by(ControllerChange.id.desc())
        .limit(1)
    )
    found = db.session.scalar(query)
    if found is not None and found.stopped_at is not None and found.stopped_at <= now - SHOWN_FOR:
        return None
    return found


def former_ones() -> list[ControllerChange]:
    """Return the changes that are over, the latest first."""
    query = sa.select(ControllerChange).where(ControllerChange.state.in_((DONE, STOPPED)))
    return list(db.session.scalars(query.order_by(ControllerChange.id.desc()).limit(20)))


def first_day(*, now: datetime) -> date:
    """Return the first day for which a change may be announced now."""
    return day_here(now) + WINDOW


# -- The owner's verbs --------------------------------------------------------------------


def plan(new: NewController, *, now: datetime) -> ControllerChange:
    """Plan a change, or plan it anew; nobody is told yet. The caller commits.

    Raises UnderWay, TooSoon, KeyMissing or NotAKey.
    """
    change = live(to_write=True)
    if change is not None and change.state != PLANNED:
        raise UnderWay
    _refuse_too_soon(new.changes_on, now=now)
    if new.way == DATA and not new.public_key.strip():
        raise KeyMissing
    key = sealing.pem_of(sealing.read_public(new.public_key)) if new.way == DATA else ""
    venue = db.session.get_one(VenueRow, 1)
    if change is None:
        change = ControllerChange(state=PLANNED, live=1, made_at=now, counts={})
    change.name, change.address, change.email = new.name, list(new.address), new.email
    change.country, change.abroad = new.country, new.country != venue.country
    change.way, change.public_key, change.texts = new.way, key, dict(new.texts)
    change.former = responsible_name(venue)
    change.changes_day = new.changes_on.toordinal()
    db.session.add(change)
    db.session.flush()
    return change


def responsible_name(venue: VenueRow) -> str:
    """Return who is responsible now."""
    return str(venue.controller["name"]) if venue.controller else venue.name


def _refuse_too_soon(day: date, *, now: datetime) -> None:
    first = first_day(now=now)
    if day < first:
        raise TooSoon(days=WINDOW_DAYS, day=first)


def refuse_other_name(change: ControllerChange, typed: str) -> None:
    """Raise NameDiffers where somebody typed something else than the new one's name."""
    if " ".join(typed.split()).casefold() != " ".join(change.name.split()).casefold():
        raise NameDiffers


def announce(change: ControllerChange, *, now: datetime) -> None:
    """Tell everybody, on every page and by mail; the window begins. The caller commits.

    Raises NotPlanned or TooSoon.
    """
    db.session.refresh(change, with_for_update=True)
    if change.state != PLANNED:
        raise NotPlanned
    _refuse_too_soon(change.changes_on, now=now)
    today = day_here(now).toordinal()
    change.state, change.announced_at, change.announced_day = ANNOUNCED, now, today
    db.session.flush()
    announcing.announce(
        change.code,
        COMING,
        url=PAGE,
        since=now,
        until=None,
        now=now,
        day=change.changes_on,
        name=change.name,
    )
    telling.tell(change.code, TOLD, to=telling.everybody(), url=PAGE, now=now, **facts_of(change))


def stop(change: ControllerChange, *, now: datetime) -> None:
    """Call a change off; whoever was told of it is told that too. The caller commits.

    Raises NotPlanned once the hand-over has begun.
    """
    db.session.refresh(change, with_for_update=True)
    if change.state not in (PLANNED, ANNOUNCED):
        raise NotPlanned
    was_announced = change.state == ANNOUNCED
    change.state, change.live, change.stopped_at = STOPPED, None, now
    db.session.flush()
    if was_announced:
        announcing.end(change.code, now=now)
        telling.tell(
            f"{change.code}-off",
            OFF,
            to=telling.everybody(),
            url=PAGE,
            now=now,
            **facts_of(change),
        )


def refuse_before_its_time(change: ControllerChange, *, now: datetime) -> None:
    """Raise NotPlanned, NotYet or NoticeNotSent while a change may not begin."""
    if change.state != ANNOUNCED:
        raise NotPlanned
    if day_here(now) < change.changes_on:
        raise NotYet(day=change.changes_on)
    if not telling.counts(change.code).finished:
        raise NoticeNotSent


def begin(change: ControllerChange, *, now: datetime) -> None:
    """Begin the hand-over: from here on nobody can object, and nothing can be stopped.

    The worker carries it out. The caller commits. Raises NotPlanned, NotYet or NoticeNotSent.
    """
    db.session.refresh(change, with_for_update=True)
    refuse_before_its_time(change, now=now)
    today = day_here(now).toordinal()
    change.state, change.begun_at, change.begun_day = RUNNING, now, today
    change.stage = change.cursor = ""
    db.session.flush()
    enqueue(JOB, {"controller_change_id": change.id}, now=now)


# -- A person's verbs ---------------------------------------------------------------------


def may_object(change: ControllerChange | None) -> bool:
    """Whether a no would still count."""
    return change is not None and change.state == ANNOUNCED


def object_to(person_ids: Collection[str], *, now: datetime) -> None:
    """Say no for these persons; said twice it stands once. The caller commits.

    Raises WindowOver or OfTheHouse.
    """
    change = live(to_write=True)
    if change is None or change.state != ANNOUNCED:
        raise WindowOver
    house = sa.select(Account.id).where(Account.person_id.in_(person_ids), Account.role.in_(HOUSE))
    if db.session.scalar(house.limit(1)) is not None:
        raise OfTheHouse
    standing = {one.person_id for one in objections(change, person_ids) if not one.withdrawn_at}
    fresh = [person_id for person_id in person_ids if person_id not in standing]
    for person_id in fresh:
        db.session.add(
            ControllerObjection(change_id=change.id, person_id=person_id, objected_at=now)
        )
    db.session.flush()
    said = ((person_id, change.made_at) for person_id in fresh)
    withdrawals.note(withdrawals.HANDOVER, said, now=now)


def take_back(person_ids: Collection[str], *, now: datetime) -> None:
    """Take a no back; that it was said stays on record. The caller commits.

    Raises WindowOver.
    """
    change = live(to_write=True)
    if change is None or change.state != ANNOUNCED:
        raise WindowOver
    ended = db.session.scalars(
        sa.update(ControllerObjection)
        .where(
            ControllerObjection.change_id == change.id,
            ControllerObjection.person_id.in_(person_ids),
            ControllerObjection.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now)
        .returning(ControllerObjection.person_id)
    ).all()
    said = ((person_id, change.made_at) for person_id in ended)
    withdrawals.note(withdrawals.HANDOVER, said, now=now, lifted=True)


@withdrawals.carries_out(withdrawals.HANDOVER)
def _object_again(wanted: withdrawals.Wanted) -> None:
    change = live()
    if change is None or change.state != ANNOUNCED:
        return
    standing = sa.select(ControllerObjection.person_id).where(
        ControllerObjection.change_id == change.id, ControllerObjection.withdrawn_at.is_(None)
    )
    others = sa.select(Person.id).where(Person.id.not_in(standing))
    for person_id in db.session.scalars(others).all():
        at = wanted.since(person_id, change.made_at)
        if at is not None:
            db.session.add(
                ControllerObjection(change_id=change.id, person_id=person_id, objected_at=at)
            )


def objections(change: ControllerChange, person_ids: Collection[str]) -> list[ControllerObjection]:
    """Return what these persons said to a change, the latest first."""
    query = sa.select(ControllerObjection).where(
        ControllerObjection.change_id == change.id, ControllerObjection.person_id.in_(person_ids)
    )
    return list(db.session.scalars(query.order_by(ControllerObjection.id.desc())))
