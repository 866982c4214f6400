"""The browsers that are signed in to an account, each a session that can be ended."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from app.accounts.models import Account, SessionRow
from app.accounts.sessions import end_session, limits_of
from app.core.database import db


class Device(NamedTuple):
    """One signed-in browser."""

    row_id: int
    code: str  # `device_code`'s
    present: bool  # whether it is the one at hand
    since: datetime
    seen_at: datetime
    unused_until: datetime  # when it is signed out if nobody uses it
    until: datetime  # when it is signed out at the latest


def devices_of(account: Account, *, present: int | None, now: datetime) -> list[Device]:
    """Return the live sessions of an account, the one whose row is `present` first."""
    idle, absolute = limits_of(account.role)
    rows = db.session.scalars(
        sa.select(SessionRow)
        .where(
            SessionRow.account_id == account.id,
            SessionRow.created_at > now - absolute,
            SessionRow.seen_at > now - idle,
        )
        .order_by((SessionRow.id == (present or 0)).desc(), SessionRow.seen_at.desc())
    )
    return [
        Device(
            row.id,
            row.device,
            row.id == present,
            row.created_at,
            row.seen_at,
            min(row.seen_at + idle, row.created_at + absolute),
            row.created_at + absolute,
        )
        for row in rows
    ]


def end_device(account: Account, row_id: int) -> bool:
    """End one session of an account, and tell whether it had such a one. The caller commits."""
    mine = sa.select(SessionRow.id).where(
        SessionRow.id == row_id, SessionRow.account_id == account.id
    )
    found = db.session.scalar(mine)
    if found is None:
        return False
    end_session(found)
    return True
