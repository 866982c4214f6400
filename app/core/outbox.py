"""The outbox: work written in the transaction that wants it, done after it (D11).

A job row holds a topic and ids, never a personal value. It is committed with
what caused it, so a rollback leaves no mail and a crash loses none. The worker
runs due jobs; each is leased, so that two workers don't run it together, and a
crash in the middle runs it again: handlers must come to the same end twice.
"""

import logging
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Mapped

from app.core.database import Base, after_commit, changed, db, plain, table
from app.core.purposes import TOPIC, unit
from app.core.vault import PersonUnknown

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
# After 2, 2, 4, 8 … minutes: twelve tries span a day and a half.
MOST_ATTEMPTS = 12


def wait_after(attempts: int) -> timedelta:
    """Return how long a job waits that has been tried so often, before it would be again."""
    return max(LEASE, timedelta(minutes=2 ** (attempts - 1)))


Handler = Callable[[dict[str, Any], datetime], None]
_handlers: dict[str, Handler] = {}


class Job(Base):
    """One piece of work to be done after the commit that wrote it."""

    __tablename__ = "job"
    __table_args__ = (
        sa.Index(
            "ix_job_due",
            "not_before",
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    topic: Mapped[str] = plain(sa.String(60))
    payload: Mapped[dict[str, Any]] = plain()  # ids only
    created_at: Mapped[datetime] = plain()
    not_before: Mapped[datetime] = plain()
    attempts: Mapped[int] = plain(default=0)
    last_error: Mapped[str | None] = plain(sa.String(200))  # a type's name, no message
    done_at: Mapped[datetime | None] = plain()


# Core, and built once: the verbs that must be quick write a job too.
_INSERT = sa.insert(table(Job)).returning(table(Job).c.id)


def handles(topic: str) -> Callable[[Handler], Handler]:
    """Register the decorated function as the one that does jobs of `topic`."""

    def register(handler: Handler) -> Handler:
        _handlers[topic] = handler
        return handler

    return register


def topics() -> list[str]:
    """Return the topics that there are handlers for."""
    return sorted(_handlers)


def enqueue(
    topic: str, payload: dict[str, Any], *, now: datetime, not_before: datetime | None = None
) -> None:
    """Write a job in the present transaction; the worker is woken after its commit."""
    due = not_before or now
    job = {"topic": topic, "payload": payload, "created_at": now, "not_before": due, "attempts": 0}
    job_id = int(db.session.connection().execute(_INSERT, job).scalar_one())
    if due <= now:
        wake: Callable[[int], None] = current_app.extensions["wake_worker"]
        after_commit(lambda: wake(job_id))


def run_due(*, now: datetime, most: int = 100) -> int:
    """Run the jobs that are due, oldest first, and return how many were done."""
    due = (
        sa.select(Job.id)
        .where(Job.done_at.is_(None), Job.not_before <= now, Job.attempts < MOST_ATTEMPTS)
        .order_by(Job.not_before, Job.id)
        .limit(most)
    )
    ids = list(db.session.scalars(due))
    db.session.rollback()
    return sum(run_job(job_id, now=now) for job_id in ids)


def run_job(job_id: int, *, now: datetime) -> bool:
    """Run one job if it is due and nobody else has it; return whether it was done.

    A job that fails is tried again later; its error's type is kept with it, and
    its trace without any message, which might quote a person's data, is logged.
    """
    leased = _lease(job_id, now=now)
    if leased is None:
        return False
    topic, payload = leased
    try:
        # The job's number names what it makes, so that a second try makes the same again.
        with unit(TOPIC, topic):
            _handlers[topic]({**payload, "job": job_id}, now)
        db.session.execute(sa.update(Job).where(Job.id == job_id).values(done_at=now))
        db.session.commit()
    except PersonUnknown:
        # Whoever it was about has been erased meanwhile: trying again would end the same.
        db.session.rollback()
        db.session.execute(
            sa.update(Job)
            .where(Job.id == job_id)
            .values(done_at=now, last_error=PersonUnknown.__name__)
        )
        db.session.commit()
    except Exception as error:  # noqa: BLE001 (whatever fails, the job must be kept)
        db.session.rollback()
        _note_failure(job_id, error)
        return False
    return True


def _lease(job_id: int, *, now: datetime) -> tuple[str, dict[str, Any]] | None:
    """Take a job by moving its due time ahead: whoever's update counts has it."""
    row = db.session.execute(
        sa.select(Job.topic, Job.payload, Job.attempts, Job.not_before).where(
            Job.id == job_id, Job.done_at.is_(None), Job.not_before <= now
        )
    ).one_or_none()
    if row is None:
        db.session.rollback()
        return None
    wait = wait_after(row.attempts + 1)
    taken = db.session.execute(
        sa.update(Job)
        .where(Job.id == job_id, Job.done_at.is_(None), Job.not_before == row.not_before)
        .values(not_before=now + wait, attempts=row.attempts + 1)
    )
    db.session.commit()
    return (row.topic, row.payload) if changed(taken) else None


def _note_failure(job_id: int, error: Exception) -> None:
    name = type(error).__name__
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("job failed: id=%s error=%s\n%s", job_id, name, frames)
    try:
        db.session.execute(sa.update(Job).where(Job.id == job_id).values(last_error=name[:200]))
        db.session.commit()
    except sa.exc.SQLAlchemyError:
        db.session.rollback()  # perhaps what the job met: its lease stands, and so it is tried
