"""Offers that were looked at by those who agreed to suggestions, and by nobody else.

As a line of the activity log, a glance is written under a `Permission` in a
statement that looks once more whether the grant is alive. An offer stands there
once, with when it was last opened; withdrawal takes all of it at once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from flask import Response, after_this_request
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine

from app.consent.afterwards import afterwards, is_opened_by_a_person, write_line
from app.consent.frame import Permission
from app.consent.models import Glance, Grant
from app.core.database import db, table
from app.web.cookies import Category

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


def _trimmed() -> sa.sql.dml.ReturningDelete[tuple[int]]:
    """Return the statement that lets the oldest go."""
    own = sa.select(_grants.c.id).where(*_alive()).scalar_subquery()
    latest = (
        sa.select(_glances.c.what)
        .where(_glances.c.grant_id == own)
        .order_by(_glances.c.last_at.desc(), _glances.c.what)
        .limit(MOST)
    )
    older = sa.delete(_glances).where(_glances.c.grant_id == own, _glances.c.what.not_in(latest))
    return older.returning(_glances.c.grant_id)


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
    noted = write_line(engine, _UPSERT[engine.dialect.name], values)
    if noted:
        write_line(engine, _TRIM, values)
    return noted


def note_afterwards(permission: Permission, what: str, *, now: datetime) -> None:
    """Note it once the present page has been sent, if a person opened it: nobody waits for it."""

    @after_this_request
    def _after(response: Response) -> Response:
        if is_opened_by_a_person(response):
            afterwards(response, lambda engine: note(engine, permission, what, now=now))
        return response


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
