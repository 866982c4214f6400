"""The worker's sign of life: a row that it writes every minute.

In the database, and not a file: the worker may run on another machine than the pages.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from app.core.database import Base, changed, db, plain, table
from app.core.worker import every_minute

WORKER = "worker"


class Heartbeat(Base):
    """When something of the house last showed that it runs."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = plain(sa.String(20), primary_key=True)
    at: Mapped[datetime] = plain()


_beats = table(Heartbeat)


@every_minute
def beat(now: datetime) -> None:
    """Write that the worker runs. Commits."""
    update = sa.update(_beats).where(_beats.c.name == WORKER).values(at=now)
    if not changed(db.session.execute(update)):
        db.session.execute(sa.insert(_beats).values(name=WORKER, at=now))
    db.session.commit()


def last_beat() -> datetime | None:
    """Return when the worker last showed that it runs; None if it never did."""
    return db.session.scalar(sa.select(_beats.c.at).where(_beats.c.name == WORKER))
