"""Who of the house opened whose details: noted as it happens, shown to whom it concerns."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.models import Account, Reading
from app.core.database import db, table
from app.core.languages import N_

KEPT_MONTHS = 12
KEPT = timedelta(days=365)

LIST, RESERVATION, MAIL, REQUEST = "list", "reservation", "mail", "request"
WHAT = {
    LIST: N_("your name, in a list"),
    RESERVATION: N_("everything about a reservation of yours"),
    MAIL: N_("a mail to you"),
    REQUEST: N_("what you asked about your own data"),
}

_reading = table(Reading)
# Both know ON CONFLICT; neither knows the other's.
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Shown(NamedTuple):
    """One line of what a person is shown: who looked, at what, when last, how often that day."""

    day: date
    role: str
    what: str
    times: int
    at: datetime


def note(reader: Account, person_ids: Collection[str], what: str, *, now: datetime) -> None:
    """Note that somebody of the house was shown something of these persons.

    One statement however many they are. The caller commits.
    """
    if not person_ids:
        return
    day = now.date()
    rows = [
        {
            "person_id": person_id,
            "reader_id": reader.id,
            "role": reader.role,
            "what": what,
            "day": day,
            "times": 1,
            "at": now,
        }
        for person_id in sorted(set(person_ids))
    ]
    connection = db.session.connection()
    insert = _INSERTS[connection.dialect.name]
    statement = insert(Reading).values(rows)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person_id", "reader_id", "what", "day"],
            set_={"times": _reading.c.times + 1, "at": statement.excluded.at},
        )
    )


def of_persons(person_ids: Collection[str], *, most: int = 200) -> list[Shown]:
    """Return what was read of these persons, newest first.

    They are one person, who booked more than once: a list that showed them all was
    opened once, and three reservations that were opened were three.
    """
    times = sa.case(
        (_reading.c.what == LIST, sa.func.max(_reading.c.times)),
        else_=sa.func.sum(_reading.c.times),
    )
    at = sa.func.max(_reading.c.at, type_=_reading.c.at.type)
    query = (
        sa.select(_reading.c.day, _reading.c.role, _reading.c.what, times, at)
        .where(_reading.c.person_id.in_(person_ids))
        .group_by(_reading.c.day, _reading.c.reader_id, _reading.c.role, _reading.c.what)
        .order_by(at.desc(), _reading.c.what)
        .limit(most)
    )
    return [Shown(*row) for row in db.session.execute(query)]


def is_old(now: datetime) -> sa.ColumnElement[bool]:
    """Say of what was noted that it is older than `KEPT`."""
    return Reading.day < (now - KEPT).date()
