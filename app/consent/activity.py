"""The activity log: pages and clicks of those who agreed to statistics, and of nobody else.

A line is written under a `Permission`, in one statement that looks once more
whether the grant is alive: where it was withdrawn, whatever the cookie says,
nothing is inserted. A line has the route and never the path, the referring host
and never its page, families of equipment and never the agent string, the minute
and never the second.
"""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from dateutil.relativedelta import relativedelta
from sqlalchemy.engine import Engine

from app.consent.afterwards import write_line
from app.consent.deciding import end_grants
from app.consent.frame import Permission
from app.consent.models import ActivityLine, Glance, Grant
from app.consent.register import ACTIVITY_MONTHS, CLICKS
from app.core.database import db, table
from app.core.errors import DomainError
from app.core.languages import N_
from app.web.agents import Agent
from app.web.cookies import Category

PAGE, CLICK = "page", "click"
PAGE_SIZE = 100
MOST_A_MINUTE = 60
"""Lines of one grant in one minute: nobody reads faster, and a program can't fill the book."""

_LONGEST_HOST = 100
_lines, _grants = table(ActivityLine), table(Grant)


class ClickUndeclared(DomainError):
    """Something was sent as a click that the site doesn't count."""

    message = N_("That isn’t something we count.")


def _guarded() -> sa.sql.dml.ReturningInsert[Any]:
    """Return the only statement that writes a line."""
    given = ("at", "kind", "what", "referring_host", "device", "browser", "system")
    values = [sa.bindparam(name, type_=_lines.c[name].type) for name in given]
    this_minute = (
        sa.select(sa.func.count())
        .select_from(_lines)
        .where(_lines.c.grant_id == _grants.c.id, _lines.c.at == sa.bindparam("at"))
        .scalar_subquery()
    )
    alive = sa.select(_grants.c.id, *values).where(
        _grants.c.token_digest == sa.bindparam("token_digest"),
        _grants.c.category == Category.STATISTICS.value,
        _grants.c.expires_at > sa.bindparam("now", type_=_grants.c.expires_at.type),
        this_minute < MOST_A_MINUTE,
    )
    return sa.insert(_lines).from_select(["grant_id", *given], alive).returning(_lines.c.id)


_INSERT = _guarded()


def note_page(
    engine: Engine,
    permission: Permission,
    rule: str,
    agent: Agent,
    *,
    referring_host: str = "",
    now: datetime,
) -> bool:
    """Note that a page was opened, by its route; tell whether a line was written.

    Takes a connection of its own and commits. Raises ValueError for a permission
    to something else.
    """
    return _note(engine, permission, PAGE, rule, agent, referring_host, now)


def note_click(
    engine: Engine, permission: Permission, name: str, agent: Agent, *, now: datetime
) -> bool:
    """Note a click on something that the site marks; tell whether a line was written.

    As `note_page`; raises ClickUndeclared for a name that the register doesn't have.
    """
    if name not in CLICKS:
        raise ClickUndeclared
    return _note(engine, permission, CLICK, name, agent, "", now)


def _note(
    engine: Engine,
    permission: Permission,
    kind: str,
    what: str,
    agent: Agent,
    referring_host: str,
    now: datetime,
) -> bool:
    if permission.category != Category.STATISTICS:
        raise ValueError("Lines are noted under a permission to statistics.")
    values = {
        "token_digest": permission.token_digest,
        "now": now,
        "at": now.replace(second=0, microsecond=0),
        "kind": kind,
        "what": what,
        "referring_host": referring_host,
        "device": agent.device,
        "browser": agent.browser,
        "system": agent.system,
    }
    return write_line(engine, _INSERT, values)


def host_of(referrer: str, own_host: str) -> str:
    """Return the host that led here, in lower case; "" where it is ours, none, or no site's.

    `referrer` is the header as it came, `own_host` this site's own, a port may follow.
    A number or a name without a dot is a machine in somebody's own network, and tells
    of them.
    """
    try:
        host = (urlsplit(referrer[:2000]).hostname or "").rstrip(".")
    except ValueError:
        return ""
    if host == urlsplit(f"//{own_host}").hostname or "." not in host or len(host) > _LONGEST_HOST:
        return ""
    if not host.isascii() or not host.replace("-", "").replace(".", "").isalnum():
        return ""
    try:
        ip_address(host)
    except ValueError:
        return host
    return ""


# -- Reading one's own ----------------------------------------------------------------------


def own_lines(
    permission: Permission, page: int, *, now: datetime
) -> tuple[Sequence[ActivityLine], bool]:
    """Return a page of what was noted in this browser, newest first, and whether there is more.

    `page` counts from 1.
    """
    return _page_of(_grants.c.token_digest == permission.token_digest, page, now)


def lines_of(
    person_id: str, permission: Permission | None, page: int, *, now: datetime
) -> tuple[Sequence[ActivityLine], bool]:
    """Return a page of what was noted of a person in all browsers where they signed in.

    Of the present browser too, unless somebody else signed in with it before: what
    they did there is theirs.
    """
    mine = _grants.c.person_id == person_id
    if permission is not None:
        here = sa.and_(
            _grants.c.token_digest == permission.token_digest, _grants.c.person_id.is_(None)
        )
        mine = sa.or_(mine, here)
    return _page_of(mine, page, now)


def _page_of(
    mine: sa.ColumnElement[bool], page: int, now: datetime
) -> tuple[Sequence[ActivityLine], bool]:
    query = (
        sa.select(ActivityLine)
        .join(Grant, Grant.id == ActivityLine.grant_id)
        .where(mine, _grants.c.category == Category.STATISTICS.value, _grants.c.expires_at > now)
        .order_by(_lines.c.at.desc(), _lines.c.id.desc())
        .offset((page - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE + 1)
    )
    found = db.session.scalars(query).all()
    return found[:PAGE_SIZE], len(found) > PAGE_SIZE


# -- Going ------------------------------------------------------------------------------------


def end_everywhere(person_id: str, *, now: datetime) -> None:
    """End a person's yes to statistics in every browser, with all lines. The caller commits."""
    end_grants(
        _grants.c.person_id == person_id,
        _grants.c.category == Category.STATISTICS.value,
        now=now,
    )


def line_is_old(now: datetime) -> sa.ColumnElement[bool]:
    """Say of a line that it has reached its longest life."""
    return ActivityLine.at <= now - relativedelta(months=ACTIVITY_MONTHS)


def glance_is_old(now: datetime) -> sa.ColumnElement[bool]:
    """Say of a glance that it has reached its longest life."""
    return Glance.last_at <= now - relativedelta(months=ACTIVITY_MONTHS)
