"""Every yes ends when somebody else becomes responsible: it was said to the former one (C24)."""

from datetime import datetime

import sqlalchemy as sa
from blinker import Namespace

from app.consent.models import Grant, PersonPermission
from app.consent.permissions import HANDED_OVER
from app.core.database import after_commit, changed, clear_journal, db

every_yes_ended = Namespace().signal("every-yes-ended")
"""Sent inside the transaction: what was kept for a yes, and for nothing else, goes with it."""


def end_every_yes(*, now: datetime) -> dict[str, int]:
    """End every cookie choice's grant, with what was noted under it, and every permission.

    What was said is still proved by receipts and history, under the former name. What lies
    in a visitor's cookie ends by `controller_since`. Returns how many ended. Done twice, the
    second finds nothing. The caller commits.
    """
    grants = changed(db.session.execute(sa.delete(Grant)))
    permissions = changed(
        db.session.execute(
            sa.update(PersonPermission)
            .where(PersonPermission.ended_at.is_(None))
            .values(ended_at=now, ended_how=HANDED_OVER)
        )
    )
    if grants:
        after_commit(clear_journal)
    every_yes_ended.send(None)
    return {"grants": grants, "permissions": permissions}
