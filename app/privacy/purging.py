"""The purge: what would go, what went, and what is told of it on the policy's page."""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import sqlalchemy as sa

from app.core.database import clear_journal, db, in_one_go
from app.core.sweeps import DAY, Outcome, Sweep, carry_out, sweeps
from app.core.worker import every_minute
from app.privacy import inactive, tidying  # noqa: F401 (their sweeps register themselves)
from app.privacy.models import PurgeRun

log = logging.getLogger(__name__)


def due(*, now: datetime) -> list[tuple[Sweep, int]]:
    """Return every sweep in its order, and how much would go. Reads only: the dry run."""
    return [(sweep, sweep.count(now)) for sweep in sweeps()]


def purge(
    chosen: list[Sweep], *, now: datetime, told: Callable[[Outcome], None] = lambda _: None
) -> list[Outcome]:
    """Run sweeps, keep in numbers what they did, and overwrite what went. Commits.

    `told` hears of each as it ends.
    """
    outcomes = []
    for outcome in carry_out(chosen, now=now):
        told(outcome)
        outcomes.append(outcome)
    in_one_go(lambda: _keep(outcomes, now=now))
    clear_journal()
    return outcomes


def _keep(outcomes: Iterable[Outcome], *, now: datetime) -> None:
    """Add to the day's row; a second run of the day mends what failed in the first."""
    day = now.astimezone(UTC).date()
    run = db.session.get(PurgeRun, day, with_for_update=True, populate_existing=True)
    if run is None:
        run = PurgeRun(day=day, at=now, counts={}, failed=[])
        db.session.add(run)
    counts, failed = dict(run.counts), set(run.failed)
    for one in outcomes:
        counts[one.sweep.name] = counts.get(one.sweep.name, 0) + one.count
        (failed.add if one.failure else failed.discard)(one.sweep.name)
    run.at, run.counts, run.failed = now, counts, sorted(failed)
    db.session.flush()


def last_run() -> PurgeRun | None:
    """Return what the latest purge did, or None before the first."""
    return db.session.scalar(sa.select(PurgeRun).order_by(PurgeRun.day.desc()).limit(1))


@every_minute
def purge_daily(now: datetime) -> None:
    """Run the daily sweeps, once on each day that the worker sees."""
    done = db.session.scalar(sa.select(PurgeRun.day).where(PurgeRun.day == now.date()))
    db.session.rollback()
    if done is None:
        failed = [one.sweep.name for one in purge(sweeps(DAY), now=now) if one.failure]
        if failed:
            log.error("the purge of the day failed in part: %s", ", ".join(failed))
