"""A plan to close the place down, and how far it has come (C13)."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from app.core.database import Base, plain

PLANNED, RUNNING, STOPPED, DONE = "planned", "running", "stopped", "done"
LIVE = (PLANNED, RUNNING)


class Closing(Base):
    """One plan: its three days, its state, and the last stage that is finished.

    Nothing of anybody is in it: numbers, days, and where the law asks for something.
    """

    __tablename__ = "closing"
    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('planned', 'running', 'stopped', 'done')", name="known_state"
        ),
        sa.CheckConstraint(
            "last_day < downloads_until AND downloads_until < erase_on", name="days_in_order"
        ),
        sa.CheckConstraint(
            "state != 'done' OR (done_at IS NOT NULL AND certificate IS NOT NULL)",
            name="done_is_certified",
        ),
        sa.CheckConstraint(
            "state != 'stopped' OR (stopped_at IS NOT NULL AND erasing_at IS NULL)",
            name="stopped_in_time",
        ),
        # Two plans under way would take turns with the same guests.
        sa.Index(
            "uq_closing_state_running",
            "state",
            unique=True,
            sqlite_where=sa.text("state = 'running'"),
            postgresql_where=sa.text("state = 'running'"),
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    state: Mapped[str] = plain(sa.String(8))
    stage: Mapped[str] = plain(sa.String(12), default="", server_default="")
    last_day: Mapped[date] = plain()  # of service: the last on which somebody departs
    downloads_until: Mapped[date] = plain()  # this day included
    erase_on: Mapped[date] = plain()
    made_at: Mapped[datetime] = plain()
    begun_at: Mapped[datetime | None] = plain()
    moved: Mapped[int] = plain(default=0, server_default="0")  # how often its days moved
    stopped_at: Mapped[datetime | None] = plain()
    erasing_at: Mapped[datetime | None] = plain()  # from here on nothing can be stopped
    done_at: Mapped[datetime | None] = plain()
    # What it did: {"cancelled", "parts", "released", "links", "refunded": minor units, …}.
    counts: Mapped[dict[str, Any]] = plain()
    certificate: Mapped[str | None] = plain(sa.Text)

    def add(self, **counts: int) -> None:
        """Count what was done, in the transaction that does it."""
        known = dict(self.counts)
        for name, count in counts.items():
            known[name] = known.get(name, 0) + count
        self.counts = known
