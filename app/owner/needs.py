"""What needs somebody: lines of the first page, each put there by the part that knows of it.

    needs.register("messages", lambda n: ngettext(…), "owner.messages", count=_unread)
    needs.register("backups", None, "owner.system", look=_late)

A `count` is a statement for a number; all of them go to the database as one. What isn't a
number in the books has a `look`, which says its line itself, or nothing; with a `count`
beside it, it is only asked where that isn't 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.core.database import db
from app.core.languages import ngettext
from app.core.outbox import MOST_ATTEMPTS, Job

Count = Callable[[datetime], sa.Select[Any]]
Words = Callable[[int], str]
Look = Callable[[datetime], str]


@dataclass(frozen=True, slots=True)
class Need:
    """One line: what needs somebody, and the page where something can be done about it."""

    name: str
    text: str
    endpoint: str
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    words: Words | None
    endpoint: str
    count: Count | None
    look: Look | None
    anchor: str | None


_known: dict[str, _Known] = {}


def register(
    name: str,
    words: Words | None,
    endpoint: str,
    *,
    count: Count | None = None,
    look: Look | None = None,
    anchor: str | None = None,
) -> None:
    """Have the first page look after something, under a name that nobody else has.

    `count(now)` returns a SELECT of one number, which `words(number)` puts into a sentence
    when it isn't 0; `look(now)` returns the sentence itself, "" while all is well.
    `endpoint` opens without values; `anchor` is the part of its page.
    """
    if (words is None) == (look is None) or (words is not None and count is None):
        raise ValueError(name)
    _known[name] = _Known(words, endpoint, count, look, anchor)


def needs(*, now: datetime) -> list[Need]:
    """Return what needs somebody, in the order of registering. One statement counts it all."""
    counted = {
        name: one.count(now).scalar_subquery().label(name)
        for name, one in _known.items()
        if one.count is not None
    }
    numbers: dict[str, Any] = {}
    if counted:
        numbers = dict(db.session.execute(sa.select(*counted.values())).one()._mapping)
    found = []
    for name, one in _known.items():
        number = int(numbers.get(name, 1) or 0)
        if not number:
            continue
        text = one.words(number) if one.words is not None else ""
        text = one.look(now) if one.look is not None else text
        if text:
            found.append(Need(name, text, one.endpoint, one.anchor))
    return found


# -- Work that gave up ------------------------------------------------------------------------

# The tries span a day and a half; by then somebody of the house should know.
_GAVE_UP = (Job.done_at.is_(None), Job.attempts >= MOST_ATTEMPTS)
_MOST_SHOWN = 100


def given_up() -> list[Job]:
    """Return the jobs that ran out of tries, oldest first."""
    query = sa.select(Job).where(*_GAVE_UP).order_by(Job.id).limit(_MOST_SHOWN)
    return list(db.session.scalars(query))


def try_again(*, now: datetime) -> int:
    """Have the worker try everything again that ran out of tries; return how much it is.

    The caller commits; the worker finds them within a minute.
    """
    ids = [job.id for job in given_up()]
    if ids:
        # Moved by a second each, so that a relay that just came back isn't overrun.
        for place, job_id in enumerate(ids):
            due = now + timedelta(seconds=place)
            db.session.execute(
                sa.update(Job).where(Job.id == job_id, *_GAVE_UP).values(attempts=0, not_before=due)
            )
    return len(ids)


def _how_many_gave_up(_now: datetime) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(Job).where(*_GAVE_UP)


register(
    "given-up",
    lambda number: ngettext(
        "%(num)d mail or task couldn’t be done, and isn’t tried any more.",
        "%(num)d mails or tasks couldn’t be done, and aren’t tried any more.",
        number,
    ),
    "owner.given_up",
    count=_how_many_gave_up,
)
