"""What was backed up, and what a drill found: facts for the owner and the policy's page."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from app.core.database import Base, plain

BOOK, KEYS_BACKUP = "book", "keys"


class BackupRun(Base):
    """One backup that was made, or failed."""

    __tablename__ = "backup_run"
    __table_args__ = (sa.CheckConstraint("kind IN ('book', 'keys')", name="known_kind"),)

    id: Mapped[int] = plain(primary_key=True)
    kind: Mapped[str] = plain(sa.String(4))
    begun_at: Mapped[datetime] = plain(index=True)
    done_at: Mapped[datetime | None] = plain()
    name: Mapped[str] = plain(sa.String(80))  # of the file
    size: Mapped[int | None] = plain(sa.BigInteger)
    digest: Mapped[str | None] = plain(sa.String(64))  # SHA-256 of the encrypted file
    failure: Mapped[str | None] = plain(sa.String(60))  # a type's name
    gone_at: Mapped[datetime | None] = plain()  # deleted because its term was over


class DrillRun(Base):
    """One rehearsal: back up, erase, restore a copy, replay, look for what must be gone."""

    __tablename__ = "drill_run"

    id: Mapped[int] = plain(primary_key=True)
    at: Mapped[datetime] = plain(index=True)
    passed: Mapped[bool] = plain()
    checks: Mapped[dict[str, Any]] = plain()  # {check: True or a type's name}
    seconds: Mapped[int] = plain()
