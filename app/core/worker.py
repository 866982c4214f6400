"""The worker: Huey, embedded on SQLite by default, on Redis where there are several machines.

The truth is the outbox. Huey only wakes the worker for a job that is due now,
and looks through the outbox every minute for those that a crash left.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app

from app.config import Settings
from app.core import outbox
from app.core.database import db
from app.core.purposes import RECURRING, unit

if TYPE_CHECKING:
    from huey import Huey

log = logging.getLogger(__name__)

Periodic = Callable[[datetime], None]
_periodic: list[Periodic] = []


def every_minute(work: Periodic) -> Periodic:
    """Have the worker do `work` every minute, with the present instant."""
    _periodic.append(work)
    return work


def recurring() -> list[str]:
    """Return the names of what is done every minute: "privacy.purging.purge_daily"."""
    return [_name_of(work) for work in _periodic]


def _name_of(work: Periodic) -> str:
    module = work.__module__ or ""  # what Python itself brings along has none
    return f"{module.removeprefix('app.')}.{work.__name__}"


def make_huey(settings: Settings) -> "Huey":
    """Return the queue that this installation uses."""
    # Lazily: commands and tests that need no queue start without it.
    from huey import RedisHuey, SqliteHuey

    if settings.redis_url:
        return RedisHuey("reserved", url=settings.redis_url)
    settings.instance_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return SqliteHuey("reserved", filename=str(settings.instance_dir / "queue.db"))


def make_waker(settings: Settings) -> Callable[[int], None]:
    """Return what web processes call after a commit: it wakes the worker for one job."""
    kept: list[Any] = []

    def wake(job_id: int) -> None:
        if settings.testing:
            return
        try:
            if not kept:
                huey = make_huey(settings)
                kept.append(huey.task(name="run_job")(_nowhere))
            kept[0](job_id)
        except Exception as error:  # noqa: BLE001 (the job is in the outbox: it is found later)
            log.error(  # noqa: TRY400 (a trace quotes its message, which may quote a person)
                "the worker could not be woken: %s", type(error).__name__
            )

    return wake


def _nowhere(job_id: int) -> None:
    """Stand for the worker's task in a process that only sends it."""


def run_worker(app: Flask, settings: Settings) -> None:
    """Work until told to stop."""
    from huey import crontab  # lazily, as above

    huey = make_huey(settings)
    clock = app.extensions["clock"]

    def run_job(job_id: int) -> None:
        with app.app_context():
            # A job that isn't done now is in the outbox, and found by a later sweep.
            if may_work():
                outbox.run_job(job_id, now=clock())

    def sweep() -> None:
        with app.app_context():
            tidy(clock())

    huey.task(name="run_job")(run_job)
    huey.periodic_task(crontab(), name="sweep")(sweep)
    sweep()  # what a stop left behind isn't kept waiting for a minute
    huey.create_consumer(workers=1, initial_delay=0.1, backoff=1.15, max_delay=1.0).run()


def may_work() -> bool:
    """Whether anything may be done with this book; what looks at it says no in its log."""
    look: Callable[[], bool] | None = current_app.extensions.get("may_work")
    return look is None or look()


def tidy(now: datetime) -> None:
    """Run what is due every minute, each part for itself: one that fails stops no other."""
    if not may_work():
        return
    try:
        outbox.run_due(now=now)
    except Exception as error:  # noqa: BLE001 (a book that can't be written to is, in a minute)
        db.session.rollback()
        log.error("the outbox waits: %s", type(error).__name__)  # noqa: TRY400 (as above)
    for work in _periodic:
        try:
            with unit(RECURRING, _name_of(work)):
                work(now)
        except Exception as error:  # noqa: BLE001 (the next part must run)
            log.error(  # noqa: TRY400 (as above)
                "periodic work failed: %s %s", work.__name__, type(error).__name__
            )
