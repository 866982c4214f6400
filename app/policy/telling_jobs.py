"""The worker's side of telling people: who, in batches, each claimed before and marked after.

A crash between sending and marking sends once more, after a while: whoever must know of a
breach is told rather twice than not at all. It is the same message then, with the same
Message-ID, which a mail program shows once; what is pushed takes the earlier one's place.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app, render_template, url_for

from app.accounts.disclosures import MAIL_NOTICE
from app.accounts.mailing import post
from app.accounts.models import Person
from app.core.database import changed, db, only_reading, table
from app.core.languages import gettext, use_language
from app.core.mail import make_message
from app.core.outbox import LEASE, MOST_ATTEMPTS, enqueue, handles
from app.core.vault import PersonUnknown
from app.policy import push, telling
from app.policy.facts_kept import plainly, worded
from app.policy.notice_models import FAILED, MAIL, NOWHERE, TOLD, WAITING, Matter, Told
from app.web.pages import Site, settings

log = logging.getLogger(__name__)

SEND = "notice.send"
BATCH = 100
"""How many are told by one job; the next one goes on."""
_MISSES = 5
"""So many failures one after the other: the relay is away, and the batch ends."""
_PAUSE = timedelta(minutes=5)

_told = table(Told)


class _Nowhere(Exception):
    """There is no address any more."""


class _Claimed(NamedTuple):
    """Somebody who is being told right now, by this process."""

    id: int
    person_id: str
    how: str
    tries: int


@handles(telling.GATHER)
def gather(payload: dict[str, Any], now: datetime) -> None:
    """Find out who is to be told and write it down, all of it or nothing; then begin."""
    # Opening many addresses takes a while: nobody waits for a lock meanwhile.
    with only_reading():
        found = telling.plan(payload["to"], now=now)
    matter = db.session.scalar(
        sa.select(Matter).where(Matter.id == payload["matter_id"]).with_for_update()
    )
    if matter is None or matter.gathered_at is not None:
        return
    rows = list(telling.rows_for(found, matter, now=now))
    there = _there({row["person_id"] for row in rows})
    rows = [row for row in rows if row["person_id"] in there]
    if rows:
        db.session.execute(sa.insert(_told), rows)
    matter.gathered_at = now
    enqueue(SEND, {"matter_id": matter.id}, now=now)


def _there(ids: set[str]) -> set[str]:
    """Return who of these hasn't been erased since they were found."""
    found: set[str] = set()
    for part in telling.some(ids):
        found |= set(db.session.scalars(sa.select(Person.id).where(Person.id.in_(part))))
    return found


@handles(SEND)
def send_batch(payload: dict[str, Any], now: datetime) -> None:
    """Tell the next of those who wait, and have the job for those after them written."""
    matter_id = payload["matter_id"]
    with only_reading():
        due = [
            _Claimed(*row)
            for row in db.session.execute(
                sa.select(Told.id, Told.person_id, Told.how, Told.tries)
                .where(Told.matter_id == matter_id, Told.state == WAITING, Told.not_before <= now)
                .order_by(Told.id)
                .limit(BATCH)
            )
        ]
        languages = telling.languages_of([one.person_id for one in due]) if due else {}
    misses = 0
    for one in due:
        if not _claim(one, now=now):
            continue  # somebody else has just told them, or is about to
        misses = 0 if _tell(one, matter_id, languages[one.person_id], now=now) else misses + 1
        if misses == _MISSES:
            break
    _go_on(matter_id, now=now, pause=misses == _MISSES)


def _go_on(matter_id: int, *, now: datetime, pause: bool) -> None:
    """Write the job for who still waits. The outbox commits it."""
    first = db.session.scalar(
        sa.select(sa.func.min(_told.c.not_before, type_=_told.c.not_before.type)).where(
            Told.matter_id == matter_id, Told.state == WAITING
        )
    )
    if first is not None:
        earliest = now + _PAUSE if pause else now
        enqueue(SEND, {"matter_id": matter_id}, now=now, not_before=max(first, earliest))


def _claim(one: _Claimed, *, now: datetime) -> bool:
    """Take somebody who waits: whoever's update counts tells them."""
    wait = max(LEASE, timedelta(minutes=2**one.tries))
    taken = db.session.execute(
        sa.update(Told)
        .where(
            Told.id == one.id,
            Told.state == WAITING,
            Told.not_before <= now,
            Told.tries == one.tries,
        )
        .values(not_before=now + wait, tries=one.tries + 1)
    )
    db.session.commit()
    return bool(changed(taken))


def _tell(one: _Claimed, matter_id: int, language: str, *, now: datetime) -> bool:
    """Tell one person and mark it; whether it went well. What failed is tried again later."""
    try:
        matter = db.session.get_one(Matter, matter_id)
        if one.how == MAIL:
            _mail(one, matter, language, now=now)
        else:
            _push(one, matter, now=now)
    except (PersonUnknown, _Nowhere):
        # Erased, or without an address by now. A person's row takes theirs along.
        db.session.rollback()
        _mark(one, state=NOWHERE)
    except Exception as error:  # noqa: BLE001 (the next one must be told, whatever failed here)
        db.session.rollback()
        # Without its message or trace, which might quote a person's data.
        log.error("telling failed: %s %s", one.how, type(error).__name__)  # noqa: TRY400
        if one.tries + 1 >= MOST_ATTEMPTS:
            _mark(one, state=FAILED)
        return False
    else:
        _mark(one, state=TOLD, at=now)
    return True


def _mark(one: _Claimed, **values: Any) -> None:
    db.session.execute(sa.update(Told).where(Told.id == one.id).values(**values))
    db.session.commit()


def _mail(one: _Claimed, matter: Matter, language: str, *, now: datetime) -> None:
    """Write a person's mail in their language and hand it over."""
    person = db.session.get(Person, one.person_id)
    if person is None or not (email := person.email):
        raise _Nowhere
    name, base = person.name or "", settings().site_url
    host = urlsplit(base).hostname or "localhost"
    kind = telling.kind_of(matter.kind)
    with use_language(language), current_app.test_request_context(base_url=base):
        site: Site = current_app.extensions["site"]()
        subject = telling.subject_of(matter.kind, matter.facts)
        text = render_template(
            kind.template,
            site=site,
            name=name,
            language=language,
            url=address_of(matter, language),
            said=worded(matter.facts),
            facts=plainly(matter.facts),
        )
    message = make_message(
        f"Subject: {subject} · {site.name}\n{text}",
        sender=(site.name, site.email or f"no-reply@{host}"),
        to=(name, email),
        # The same for a second try, so that a mail program shows it once.
        message_id=f"<notice.{matter.id}.{one.id}@{host}>",
        language=language,
        now=now,
    )
    post(
        message,
        person_id=one.person_id,
        what=MAIL_NOTICE,
        name=f"notice-{matter.id}-{one.id}",
        now=now,
    )


def _push(one: _Claimed, matter: Matter, *, now: datetime) -> None:
    """Push a matter to every browser of a person who asked for it there."""
    kind = telling.kind_of(matter.kind)

    def say(language: str) -> Mapping[str, str]:
        base = settings().site_url
        with use_language(language), current_app.test_request_context(base_url=base):
            return {
                "title": current_app.extensions["site"]().name,
                "text": gettext(kind.push or kind.subject, **worded(matter.facts)),
                "url": address_of(matter, language) or base + "/",
                "lang": language,
                "tag": matter.code,
            }

    if not push.send_to(one.person_id, say, now=now):
        raise _Nowhere


def address_of(matter: Matter, language: str) -> str:
    """Return where one reads more of a matter, in a language; "" where it has no page."""
    if matter.endpoint is None:
        return ""
    return url_for(matter.endpoint, **{**matter.endpoint_values, "lang": language}, _external=True)
