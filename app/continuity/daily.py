"""What the worker does about backups: one a night, and what is old goes (C12).

The first hours after `QUIET` at the place are the time for it. Whoever's machine sleeps at
night gets it later: once the last one is more than `OVERDUE` ago.
"""

import logging
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.booking.models import VenueRow
from app.continuity import backups, ledger_file
from app.continuity.folders import AlreadyRunning
from app.continuity.models import BOOK, KEYS_BACKUP, BackupRun
from app.core import withdrawals
from app.core.database import db, only_reading
from app.core.worker import every_minute
from app.policy.models import DocumentVersion

log = logging.getLogger("reserved.continuity")

QUIET = range(3, 6)  # hours at the place
OVERDUE = timedelta(hours=26)
TRY_AGAIN = timedelta(hours=1)  # after one that failed, or never came to its end


@every_minute
def back_up_nightly(now: datetime) -> None:
    """Delete what is old, write the ledger's file where it lags, and back up once a night."""
    backups.forget_old(now=now)
    ledger_file.export_ledger()
    if is_due(now=now):
        withdrawals.complete(now=now)  # should the keys' database be an older one
        try:
            backups.create(now=now)
        except AlreadyRunning:
            log.warning("a backup is being made already")


def is_due(*, now: datetime) -> bool:
    """Whether a backup should be made now: none of this day, in the quiet hours or overdue."""
    with only_reading():
        zone = db.session.scalar(sa.select(VenueRow.zone).limit(1)) or "UTC"
        there = now.astimezone(ZoneInfo(zone))
        # One of a time to come was made while the clock was wrong, and says nothing of today.
        known = sa.select(sa.func.max(BackupRun.begun_at)).where(BackupRun.begun_at <= now)
        began = db.session.scalar(known)
        done = [
            db.session.scalar(known.where(BackupRun.kind == kind, BackupRun.done_at.is_not(None)))
            for kind in (BOOK, KEYS_BACKUP)
        ]
        since = db.session.scalar(sa.select(sa.func.min(DocumentVersion.published_at)))
    if began is not None and began > now - TRY_AGAIN:
        return False
    finished = min((at for at in done if at), default=None) if all(done) else None
    if finished is not None and finished.astimezone(ZoneInfo(zone)).date() == there.date():
        return False
    # With none yet, the site's own beginning counts.
    last = finished or since
    return there.hour in QUIET or (last is not None and last <= now - OVERDUE)
