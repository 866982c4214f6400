"""Every yes ends when somebody else becomes responsible: it was said to the former one (C24)."""

from datetime import datetime

from blinker import Namespace

from app.consent import permissions
from app.consent.deciding import end_grants
from app.consent.models import PersonPermission

every_yes_ended = Namespace().signal("every-yes-ended")
"""Sent inside the transaction: what was kept for a yes, and for nothing else, goes with it."""


def end_every_yes(*, now: datetime) -> dict[str, int]:
    """End every cookie choice's grant, with what was noted under it, and every permission.

    What was said is still proved by receipts and history, under the former name. What lies
    in a visitor's cookie ends by `controller_since`. Returns how many ended. Done twice, the
    second finds nothing. The caller commits.
    """
    grants = end_grants(now=now)
    ended = permissions.end(
        PersonPermission.ended_at.is_(None), how=permissions.HANDED_OVER, now=now
    )
    every_yes_ended.send(None)
    return {"grants": grants, "permissions": ended}
