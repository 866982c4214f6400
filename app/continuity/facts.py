"""What the policy and the owner's pages tell of backups: facts of this installation."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask import current_app

from app.config import Settings
from app.continuity.backups import last_done
from app.continuity.models import BOOK, KEYS_BACKUP, BackupRun, DrillRun
from app.core.database import db


@dataclass(frozen=True, slots=True)
class Facts:
    """How long backups stay, and when it was last proved that erasures outlive them."""

    book_days: int
    keys_days: int  # the horizon
    book_at: datetime | None  # the newest backup of the book that was finished
    keys_at: datetime | None
    failed_at: datetime | None  # the newest that failed, if it is newer than these
    failure: str | None  # a type's name
    drill_at: datetime | None
    drill_passed: bool | None


def facts() -> Facts:
    """Return them, with four small queries. For pages and for the owner's Today."""
    settings: Settings = current_app.extensions["settings"]
    book, keys = last_done(BOOK), last_done(KEYS_BACKUP)
    failed = db.session.scalar(
        sa.select(BackupRun)
        .where(BackupRun.failure.is_not(None))
        .order_by(BackupRun.begun_at.desc())
        .limit(1)
    )
    if failed and book and keys and failed.begun_at < min(book.begun_at, keys.begun_at):
        failed = None
    drill = db.session.scalar(sa.select(DrillRun).order_by(DrillRun.at.desc()).limit(1))
    return Facts(
        book_days=settings.backup_days,
        keys_days=settings.keys_backup_days,
        book_at=book.begun_at if book else None,
        keys_at=keys.begun_at if keys else None,
        failed_at=failed.begun_at if failed else None,
        failure=failed.failure if failed else None,
        drill_at=drill.at if drill else None,
        drill_passed=drill.passed if drill else None,
    )
