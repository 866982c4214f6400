"""Offers that were looked at by those who agreed to suggestions, and by nobody else.

As a line of the activity log, a glance is written under a `Permission` in a
statement that looks once more whether the grant is alive. An offer stands there
once, with when it was last opened; withdrawal takes all of it at once.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import sqlalchemy as sa
from flask import Response, after_this_request, request
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine

from app.consent.frame import Permission
from app.consent.models import Glance, Grant
from app.core.database import db, reading, table
from app.web.cookies import Category

log = logging.getLogger(__name__)

MOST = 50
"""Offers of one grant: older ones go."""

_glances, _grants = table(Glance), table(Grant)


class Line(NamedTuple):
    """One offer in a visitor's own log, by the word for it in its address."""

    what: str
    last_at: datetime


def _alive() -> tuple[sa.ColumnElement[bool], ...]:
    """Return what makes a grant one of this visitor's, for suggestions, and alive."""
    return (
        _grants.c.token_digest == sa.bindparam("token_digest"),
        _grants.c.category == Category.SUGGESTIONS.value,
        _grants.c.expires_at > sa.bindparam("now", type_=_grants.c.expires_at.type),
    )


def _guarded(dialect: str) -> sa.sql.dml.ReturningInsert[tuple[int]]:
    """Return the only statement that writes a glance."""
    insert = postgresql.insert(_glances) if dialect == "postgresql" else sqlite.insert(_glances)
    values = (
        sa.bindparam("what", type_=_glances.c.what.type),
        sa.bindparam("now", type_=_glances.c.last_at.type),
    )
    written = insert.from_select(
        ["grant_id", "what", "last_at"], sa.select(_grants.c.id, *values).where(*_alive())
    )
    # What it returns is asked for: of an insert, not every driver tells how many rows it met.
    return written.on_conflict_do_update(
        index_elements=["grant_id", "what"], set_={"last_at": insert.excluded.last_at}
    ).returning(_glances.c.grant_id)


def _trimmed() -> sa.Delete:
    """Return the statement that lets the oldest go."""
    own = sa.select(_grants.c.id).where(*_alive()).scalar_subquery()
    latest = (
        sa.select(_glances.c.what)
        .where(_glances.c.grant_id == own)
        .order_by(_glances.c.last_at.desc(), _glances.c.what)
        .limit(MOST)
    )
    return sa.delete(_glances).where(_glances.c.grant_id == own, _glances.c.what.not_in(latest))


_UPSERT = {name: _guarded(name) for name in ("sqlite", "postgresql")}
_TRIM = _trimmed()
_LATEST = (
    sa.select(_glances.c.what, _glances.c.last_at)
    .join(_grants, _grants.c.id == _glances.c.grant_id)
    .where(*_alive())
    .order_by(_glances.c.last_at.desc(), _glances.c.what)
)


def note(engine: Engine, permission: Permission, what: str, *, now: datetime) -> bool:
    """Note that an offer was opened; tell whether it was.

    Takes a connection of its own and commits. Raises ValueError for a permission
    to something else.
    """
    values = {**_values(permission, now.replace(microsecond=0)), "what": what}
    before = reading.set(False)  # a page was only read; this is a unit of work of its own
    try:
        with engine.begin() as connection:
            noted = connection.execute(_UPSERT[engine.dialect.name], values).first() is not None
            if noted:
                connection.execute(_TRIM, values)
            return noted
    except sa.exc.IntegrityError:
        return False  # PostgreSQL: withdrawn between looking and writing
    finally:
        reading.reset(before)


def note_afterwards(permission: Permission, what: str, *, now: datetime) -> None:
    """Note it once the present page has been sent, if there was one: nobody waits for it."""
    if request.method != "GET" or request.headers.get("Sec-Purpose", "").startswith("prefetch"):
        return  # nobody has opened it
    write = partial(_note_quietly, db.engine, permission, what, now)

    @after_this_request
    def _after(response: Response) -> Response:
        if response.status_code == 200:
            response.call_on_close(write)
        return response


def _note_quietly(engine: Engine, permission: Permission, what: str, now: datetime) -> None:
    try:
        note(engine, permission, what, now=now)
    except sa.exc.SQLAlchemyError as error:
        # The page has been sent. Its visitor loses a place in an order, and no more.
        log.error(  # noqa: TRY400 (a trace quotes its message, which may quote a person)
            "an offer that was looked at wasn't noted: type=%s", type(error).__name__
        )


def looked_at(permission: Permission, *, now: datetime) -> list[str]:
    """Return the offers that were looked at, the latest first. One statement."""
    return [line.what for line in lines(permission, now=now)]


def lines(permission: Permission, *, now: datetime) -> Sequence[Line]:
    """Return all that is noted here about the present visitor, the latest first."""
    rows = db.session.connection().execute(_LATEST, _values(permission, now))
    return [Line(*row) for row in rows]


def _values(permission: Permission, now: datetime) -> dict[str, object]:
    if permission.category != Category.SUGGESTIONS:
        raise ValueError("Offers are noted under a permission to suggestions.")
    return {"token_digest": permission.token_digest, "now": now}
