"""When an account was used last, and which of its sessions are over."""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts.models import Account, SessionRow
from app.core.database import db


def note_use(account_id: int, *, now: datetime) -> None:
    """Note that somebody is signed in today: it isn't an account that nobody uses."""
    db.session.execute(
        sa.update(Account)
        .where(Account.id == account_id)
        .values(used_on=now.date(), warned_at=None)
    )


def is_past(
    roles: Collection[str], limits: tuple[timedelta, timedelta], *, now: datetime
) -> sa.ColumnElement[bool]:
    """Say of a session of these roles that it was idle, or there, for too long."""
    idle, absolute = limits
    theirs = sa.select(Account.id).where(Account.role.in_(roles))
    return sa.and_(
        SessionRow.account_id.in_(theirs),
        sa.or_(SessionRow.created_at <= now - absolute, SessionRow.seen_at <= now - idle),
    )
