"""The stages of a closing, which the worker goes through by itself (C13).

Each step is a transaction that locks the plan first, does one thing, and notes it: a crash
anywhere, and the next minute goes on there; nobody is told twice, nothing goes back twice.
While it waits for a day it goes on looking for what came in beyond the last one: a payment
that was on its way, or a booking that was being made as the plan began.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from enum import Enum

import sqlalchemy as sa

from app.booking.catalogue import Venue
from app.booking.models import VenueRow
from app.booking.shop import shop
from app.continuity import closing, closing_certificate, closing_money, closing_people
from app.continuity.closing_models import DONE, RUNNING, Closing
from app.continuity.closing_words import ENDED
from app.core import audit
from app.core.database import db, only_reading
from app.core.stages import next_stage
from app.core.worker import every_minute
from app.policy import announcing
from app.privacy import stores
from app.privacy.archiving import day_here

log = logging.getLogger("reserved.continuity")

BY_ITSELF = "command"
"""The trail's word for who isn't a person."""
_AT_ONCE = 20  # erasures begun in one step
_STEPS = 200  # in one minute: the worker has other work as well


class Step(Enum):
    """What a step says: this stage is done, there is more of it, or it waits for a day."""

    DONE = "done"
    MORE = "more"
    WAIT = "wait"


Stage = Callable[[Closing, datetime], Step]


def stages() -> list[tuple[str, Stage]]:
    """Return the stages in their order."""
    return [
        ("announced", _announce),
        ("refunded", _refund),
        ("ended", _wait_for_the_end),
        ("shut", _shut),
        ("erased", _erase),
        ("cleared", _clear),
        ("certified", _certify),
    ]


@every_minute
def run_due(now: datetime) -> None:
    """Go on with the closing that runs, if there is one. Commits."""
    with only_reading():
        found = db.session.scalar(sa.select(Closing.id).where(Closing.state == RUNNING))
    if found is not None:
        go_on(found, now=now)


def go_on(closing_id: int, *, now: datetime) -> None:
    """Carry on with a closing where it stands, as far as it goes now. Commits, step by step."""
    for _ in range(_STEPS):
        db.session.rollback()
        found = db.session.get(Closing, closing_id, with_for_update=True, populate_existing=True)
        if found is None or found.state != RUNNING:
            db.session.rollback()
            return
        name, stage = next_stage(stages(), found.stage)
        step = stage(found, now)
        if step is Step.DONE and found.state == RUNNING:
            found.stage = name
        db.session.commit()
        if step is Step.WAIT:
            return


def _trail(verb: str, found: Closing, *, now: datetime, **detail: object) -> None:
    audit.enter(0, BY_ITSELF, verb, "closing", found.id, now=now, **detail)


# -- Until the last day -------------------------------------------------------------------


def _announce(found: Closing, now: datetime) -> Step:
    """Say it on every page, and have everybody told: in the step that notes it."""
    closing.announce(found, now=now)
    closing.tell_everybody(found, now=now)
    _trail("closing.announced", found, now=now)
    return Step.DONE


def _refund(found: Closing, now: datetime) -> Step:
    """Let holds go and cancel what lies beyond, one reservation a step."""
    return Step.MORE if _one_beyond(found, now=now) else Step.DONE


def _one_beyond(found: Closing, *, now: datetime) -> bool:
    """Do the next one that lies beyond the last day; whether there was one."""
    venue: Venue = shop().venue
    for reservation_id in closing_money.held_beyond(found.last_day, venue):
        if closing_money.let_go(reservation_id, now=now):
            found.add(released=1)
            return True
    query = closing_money.booked_beyond(found.last_day, venue, now=now).limit(1)
    reservation_id = db.session.scalar(query)
    if reservation_id is None:
        return False
    done = closing_money.cancel_beyond(
        reservation_id, found.last_day, venue, serial=closing.code_of(found), now=now
    )
    if done is None:
        return False
    what = "cancelled" if done.whole else "parts"
    found.add(**{what: 1, "refunded": done.refund_minor, "links": done.links})
    audit.enter(
        0,
        BY_ITSELF,
        "closing.cancelled" if done.whole else "closing.parts",
        "reservation",
        reservation_id,
        now=now,
        amount=done.refund_minor,
        currency=venue.currency,
    )
    return True


def _wait_for_the_end(found: Closing, now: datetime) -> Step:
    """Wait until the last day is over; then say so, once, and until when data can be fetched."""
    if _one_beyond(found, now=now):
        return Step.MORE
    if day_here(now) <= found.last_day:
        return Step.WAIT
    closing.announce(found, now=now)
    closing.tell(found, "ended", ENDED, now=now)
    _trail("closing.ended", found, now=now)
    return Step.DONE


# -- The erasure --------------------------------------------------------------------------


def _shut(found: Closing, now: datetime) -> Step:
    """Wait for the day of the erasure; then nothing can be stopped any more."""
    if _one_beyond(found, now=now):
        return Step.MORE
    if day_here(now) < found.erase_on:
        return Step.WAIT
    for link_id in closing_people.open_links():
        found.add(links=int(closing_money.withdraw_link(link_id, now=now)))
    persons, _ = closing_people.how_many()
    found.add(persons=persons, let_go=closing_people.let_balances_go())
    found.erasing_at = now
    venue = db.session.scalars(sa.select(VenueRow).with_for_update()).one()
    venue.closed_at = now
    announcing.end(closing.code_of(found), now=now)
    _trail("closing.erasing", found, now=now, people=persons)
    return Step.DONE


def _erase(found: Closing, now: datetime) -> Step:
    """Have the next few erased by the usual verbs; wait for those that wait."""
    groups = closing_people.next_groups(_AT_ONCE)
    if groups:
        # Each commits for itself, so the plan is let go of meanwhile: nothing else moves it now.
        closing_people.erase(groups, now=now)
        return Step.MORE
    return Step.DONE if closing_people.nobody_left() else Step.WAIT


def _clear(found: Closing, now: datetime) -> Step:
    """Delete what visitors left without a name, in the step that counts it."""
    cleared = dict(found.counts.get("cleared", {}))
    for name, count in closing_people.clear_up().items():
        cleared[name] = cleared.get(name, 0) + count
    found.counts = {**found.counts, "cleared": cleared}
    return Step.DONE


def _certify(found: Closing, now: datetime) -> Step:
    """Overwrite what is deleted, and sign what was done."""
    closing_id = found.id
    stores.overwrite()
    if not stores.is_overwritten():
        return Step.WAIT
    found = db.session.get_one(Closing, closing_id, with_for_update=True, populate_existing=True)
    found.done_at, found.stage = now, "certified"
    found.certificate = closing_certificate.certify(found)
    found.state = DONE
    _trail("closing.done", found, now=now, people=int(found.counts.get("persons", 0)))
    return Step.WAIT
