"""What the policy and the owner's pages tell of backups: facts of this installation."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import aliased

from app.config import Settings
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
    """Return them, with one small query. For pages and for the owner's Today."""
    settings: Settings = current_app.extensions["settings"]
    book, keys, failed, drill = _newest()
    if failed and book and keys and failed.begun_at < min(book.begun_at, keys.begun_at):
        failed = None
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


def _newest() -> tuple[BackupRun | None, BackupRun | None, BackupRun | None, DrillRun | None]:
    """Return the newest backups of book and keys that were finished, failure, and drill."""
    row = db.session.execute(_newest_query()).one()
    return row[0], row[1], row[2], row[3]


@cache
def _newest_query() -> Any:
    book, keys, failed = (aliased(BackupRun) for _ in range(3))
    done = BackupRun.done_at.is_not(None)
    drill = sa.select(DrillRun.id).order_by(DrillRun.at.desc()).limit(1).scalar_subquery()
    # A row of its own, so that there is an answer where there is nothing yet.
    return (
        sa.select(book, keys, failed, DrillRun)
        .select_from(sa.select(sa.literal(1).label("one")).subquery())
        .outerjoin(book, book.id == _last(BackupRun.kind == BOOK, done))
        .outerjoin(keys, keys.id == _last(BackupRun.kind == KEYS_BACKUP, done))
        .outerjoin(failed, failed.id == _last(BackupRun.failure.is_not(None)))
        .outerjoin(DrillRun, DrillRun.id == drill)
    )


def _last(*which: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    query = sa.select(BackupRun.id).where(*which)
    order = BackupRun.begun_at.desc(), BackupRun.id.desc()
    return query.order_by(*order).limit(1).scalar_subquery()
