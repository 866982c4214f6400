"""Ways in that somebody ended: noted as they end, and ended once more in an older book."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account, Passkey, SessionRow
from app.accounts.sessions import session_ended
from app.core import withdrawals
from app.core.clock import utcnow
from app.core.database import db
from app.core.withdrawals import ACCESS, PASSKEY, SESSION, Wanted, carries_out


@session_ended.connect
def _note_session(_sender: object, row_ids: Collection[int], **_more: Any) -> None:
    query = sa.select(SessionRow.id_digest).where(SessionRow.id.in_(row_ids))
    ended = db.session.scalars(query).all() if row_ids else ()
    withdrawals.note(SESSION, ((digest,) for digest in ended), now=utcnow())


@carries_out(SESSION)
def _end_sessions(wanted: Wanted) -> None:
    rows = db.session.execute(sa.select(SessionRow.id, SessionRow.id_digest)).all()
    gone = [row.id for row in rows if wanted.since(row.id_digest) is not None]
    db.session.execute(sa.delete(SessionRow).where(SessionRow.id.in_(gone)))


def remove_passkeys(*which: sa.ColumnElement[bool], now: datetime) -> int:
    """Remove the passkeys that meet these conditions; return how many. The caller commits."""
    gone = db.session.scalars(sa.delete(Passkey).where(*which).returning(Passkey.credential_id))
    known = [(one,) for one in gone]
    withdrawals.note(PASSKEY, known, now=now)
    return len(known)


@carries_out(PASSKEY)
def _remove_passkeys(wanted: Wanted) -> None:
    rows = db.session.execute(sa.select(Passkey.id, Passkey.credential_id)).all()
    gone = [row.id for row in rows if wanted.since(row.credential_id) is not None]
    db.session.execute(sa.delete(Passkey).where(Passkey.id.in_(gone)))


def note_access(accounts: Iterable[Account], *, now: datetime, back: bool = False) -> None:
    """Note that somebody's access to the house ended, or is `back`. The caller commits."""
    withdrawals.note(ACCESS, ((one.person_id,) for one in accounts), now=now, lifted=back)


@carries_out(ACCESS)
def _suspend(wanted: Wanted) -> None:
    for account in db.session.scalars(sa.select(Account).where(Account.suspended_at.is_(None))):
        account.suspended_at = wanted.since(account.person_id)
