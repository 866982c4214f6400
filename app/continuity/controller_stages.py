"""What happens on the day of a change: stage by stage, each committed before the next begins.

Each stage can be begun again: a crash anywhere, and the worker goes on where it stopped.
Whoever said no is erased before anybody else is responsible for what is left of them.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.accounts import disclosures
from app.accounts.claims import persons_of
from app.accounts.models import Account, Claim
from app.booking.models import VenueRow
from app.consent.ending import end_every_yes
from app.continuity import controller_package as package
from app.continuity.controller import JOB, PAGE
from app.continuity.controller_models import DATA, DONE, RUNNING, ControllerChange
from app.continuity.controller_people import Subject, forecast, objectors, subjects
from app.continuity.controller_words import CAME, WENT
from app.core import audit
from app.core.database import db
from app.core.erasures import ASKED
from app.core.outbox import handles
from app.core.stages import next_stage
from app.core.worker import every_minute
from app.policy import announcing, telling
from app.privacy import erasing
from app.privacy.erasure_people import OnlyOwner

log = logging.getLogger(__name__)

AT_ONCE = 20
"""So many subjects are read, sealed and committed together: others can write in between."""
SAID_FOR = timedelta(days=30)
"""So long every page says who has become responsible."""
COMMAND = "worker"

Stage = Callable[[ControllerChange, datetime], bool]


def stages(way: str) -> list[tuple[str, Stage]]:
    """Return the stages in their order; each tells whether it is finished."""
    if way == DATA:
        return [("count", _count), ("pack", _pack), ("erase", _erase), ("done", _finish)]
    return [
        ("count", _count),
        ("erase", _erase),
        ("note", _note),
        ("switch", _switch),
        ("done", _finish),
    ]


@handles(JOB)
def _go_on(payload: dict[str, Any], now: datetime) -> None:
    go_on(payload["controller_change_id"], now=now)


@every_minute
def run_due(now: datetime) -> None:
    """Carry on with a change that was begun. Commits."""
    running = sa.select(ControllerChange.id).where(ControllerChange.state == RUNNING)
    change_id = db.session.scalar(running)
    db.session.rollback()
    if change_id is None:
        return
    try:
        go_on(change_id, now=now)
    except Exception as error:  # noqa: BLE001 (it is tried again; nothing else may wait for it)
        db.session.rollback()
        log.error("a change waits: id=%s error=%s", change_id, type(error).__name__)  # noqa: TRY400


def go_on(change_id: int, *, now: datetime) -> None:
    """Carry on with a change where it stopped. Commits, a part at a time."""
    while True:
        db.session.rollback()
        change = db.session.get(
            ControllerChange, change_id, with_for_update=True, populate_existing=True
        )
        if change is None or change.state != RUNNING:
            db.session.rollback()
            return
        name, stage = next_stage(stages(change.way), change.stage)
        if stage(change, now):
            change.stage, change.cursor = name, ""
        db.session.commit()


def _count(change: ControllerChange, now: datetime) -> bool:
    """Write down what becomes of everybody, while it can be counted."""
    found = forecast(change, now=now)
    change.counts = {**found.by_fate, "bookings": found.bookings, "went": found.handed_over}
    return True


def _each(change: ControllerChange) -> list[Subject]:
    """Return the next few subjects of a stage that goes through all."""
    found = subjects(change, after=change.cursor, most=AT_ONCE)
    if found:
        change.cursor = found[-1].lead
    return found


def _pack(change: ControllerChange, now: datetime) -> bool:
    """Seal a record of each who stays, and note for them that it goes."""
    found = _each(change)
    for one in found:
        if one.goes(DATA):
            package.keep_record(change, one, now=now)
            _disclose(change, one.going, now=now)
    return not found


def _note(change: ControllerChange, now: datetime) -> bool:
    """Note for each who comes along with the site that somebody else has their data now."""
    found = _each(change)
    for one in found:
        if one.goes(change.way):
            _disclose(change, one.person_ids, now=now)
    return not found


def _disclose(change: ControllerChange, person_ids: tuple[str, ...], *, now: datetime) -> None:
    for person_id in person_ids:
        disclosures.note(person_id, change.code, disclosures.HANDED_OVER, now=now)


def _erase(change: ControllerChange, now: datetime) -> bool:
    """Begin the erasure of whoever said no, one after the other.

    What is open postpones it, and what the law asks for stays, as in every erasure.
    """
    waiting = sorted(one for one in objectors(change) if one > change.cursor)
    if not waiting:
        return True
    person_id = change.cursor = waiting[0]
    account = db.session.scalar(
        sa.select(Account).where(
            sa.or_(
                Account.person_id == person_id,
                Account.id.in_(sa.select(Claim.account_id).where(Claim.person_id == person_id)),
            )
        )
    )
    group = persons_of(account) if account is not None else [person_id]
    language = telling.languages_of([person_id])[person_id]
    # Whoever has come to run the place since can't go before somebody else does.
    with suppress(OnlyOwner):
        erasing.begin(group, ASKED, now=now, language=language)
    return False


def _switch(change: ControllerChange, now: datetime) -> bool:
    """Make the new one responsible from now on; every yes to the former one ends."""
    venue = db.session.get_one(VenueRow, 1, with_for_update=True)
    venue.controller = {
        "name": change.name,
        "address": list(change.address),
        "email": change.email,
        "country": change.country,
    }
    venue.controller_since = now
    change.counts = {**change.counts, **end_every_yes(now=now)}
    _say(change, CAME, "came", now=now)
    return True


def _say(change: ControllerChange, kind: str, what: str, *, now: datetime) -> None:
    """Have a line on every page for a while: who is responsible now, or for what went."""
    announcing.announce(
        f"{change.code}-{what}",
        kind,
        url=PAGE,
        since=now,
        until=now + SAID_FOR,
        now=now,
        day=change.changes_on,
        name=change.name,
    )


def _finish(change: ControllerChange, now: datetime) -> bool:
    announcing.end(change.code, now=now)
    if change.way == DATA:
        _say(change, WENT, "went", now=now)
    change.state, change.live, change.done_at = DONE, None, now
    audit.enter(0, COMMAND, "controller.done", "controller", change.id, now=now, way=change.way)
    return True
