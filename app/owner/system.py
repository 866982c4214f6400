"""How the installation stands: its versions, its databases, its worker, queue and disk (C19)."""

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import current_app

from app.config import Settings
from app.core.database import KEYS, connect_to_read, db
from app.core.heartbeat import WORKER, Heartbeat, last_beat
from app.core.outbox import MOST_ATTEMPTS, Job
from app.core.version import VERSION
from app.owner import system_checks
from app.owner.system_checks import URGENT, Check
from app.policy.models import DocumentVersion

MIGRATIONS = Path(__file__).parent.parent.parent / "migrations" / "versions"
SILENT_AFTER = timedelta(minutes=5)  # it beats every minute
LATE_AFTER = timedelta(minutes=15)  # a due job that nobody did
BACKUP_LATE_AFTER = timedelta(days=2)  # one a night
DRILL_LATE_AFTER = timedelta(days=35)
FAILED_OFTEN = 3  # tries: some minutes, after which it is no hiccup
LEAST_FREE = 500_000_000  # bytes of disk: a backup needs room beside the book
# When the site was made ready; nothing where it wasn't yet.
_BEGAN = sa.select(sa.func.min(DocumentVersion.published_at))
_REVISION = re.compile(r"""^(down_)?revision\b[^=\n]*=\s*['"]([^'"\n]+)['"]""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """One of the two databases; empty texts where it doesn't answer."""

    name: str  # "book" or "keys"
    answers: bool
    product: str = ""
    migration: str = ""
    pending: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """The work that waits."""

    waiting: int
    due: int
    oldest_due: datetime | None
    given_up: int  # tried as often as jobs are
    failing: int = 0  # tried several times, and still tried again


@dataclass(frozen=True, slots=True)
class System:
    """All that the owner's page of the system shows."""

    version: str
    python: str
    databases: list[DatabaseFacts]
    beat: datetime | None
    queue: Queue
    free: int  # bytes
    backups: Any  # the facts of app.continuity; None where nothing makes backups
    checks: list[Check]
    troubles: list[str]  # codes of what needs somebody, for words
    missing: list[str]  # codes of what never was yet: nothing is wrong, but nothing is proved


def system(settings: Settings, *, now: datetime) -> System:
    """Return how the installation stands now: a dozen small queries, nothing over the net."""
    databases = [_database("book", db.engine), _database("keys", db.engines[KEYS])]
    beat, waiting, backups = last_beat(), queue(now=now), _backups()
    free = shutil.disk_usage(settings.instance_dir).free
    found = system_checks.checks(settings)
    troubles = [f"{one.name}_silent" for one in databases if not one.answers]
    troubles += ["pending"] if any(one.pending for one in databases) else []
    troubles += _of_the_worker(beat, waiting.oldest_due, now=now)
    troubles += ["given_up"] if waiting.given_up else []
    troubles += ["failing"] if waiting.failing else []
    troubles += ["disk"] if free < LEAST_FREE else []
    troubles += _of_backups(backups, db.session.scalar(_BEGAN), now=now)
    troubles += ["settings"] if any(one.level == URGENT for one in found) else []
    return System(
        version=VERSION,
        python=sys.version.split()[0],
        databases=databases,
        beat=beat,
        queue=waiting,
        free=free,
        backups=backups,
        checks=found,
        troubles=troubles,
        missing=_missing(beat, backups, troubles),
    )


def _missing(beat: datetime | None, backups: Any, troubles: list[str]) -> list[str]:
    """Return the codes of what never happened yet, as on a first day; not what is late."""
    found = ["no_worker"] if beat is None and "worker" not in troubles else []
    if backups is not None:
        if None in (backups.book_at, backups.keys_at) and "backup_late" not in troubles:
            found.append("no_backup")
        if backups.drill_at is None and "drill_late" not in troubles:
            found.append("no_drill")
    return found


def pressing(settings: Settings, *, now: datetime) -> list[str]:
    """Return the codes of what can't wait, with few queries: for the owner's Today."""
    beat, oldest_due, began, failing = _glance(now=now)
    found = _of_the_worker(beat, oldest_due, now=now)
    found += ["failing"] if failing else []
    found += ["disk"] if shutil.disk_usage(settings.instance_dir).free < LEAST_FREE else []
    found += _of_backups(_backups(), began, now=now)
    # A rehearsal can wait; what was given up has a line of its own.
    return [code for code in found if code != "drill_late"]


def _glance(*, now: datetime) -> tuple[datetime | None, datetime | None, datetime | None, int]:
    """Return at once the worker's last beat, the oldest due job, the site's beginning, failures."""
    beat = sa.select(Heartbeat.at).where(Heartbeat.name == WORKER)
    due = sa.select(sa.func.min(Job.not_before)).where(Job.done_at.is_(None), _is_due(now))
    failing = sa.select(sa.func.count()).where(Job.done_at.is_(None), _IS_FAILING)
    row = db.session.execute(
        sa.select(
            beat.scalar_subquery().label("beat"),
            due.scalar_subquery().label("due"),
            _BEGAN.scalar_subquery().label("began"),
            failing.scalar_subquery().label("failing"),
        )
    ).one()
    return row[0], row[1], row[2], row[3]


# -- Databases ----------------------------------------------------------------------------


def _database(name: str, engine: sa.Engine) -> DatabaseFacts:
    sqlite = engine.dialect.name == "sqlite"
    asked = "SELECT sqlite_version()" if sqlite else "SHOW server_version"
    try:
        with connect_to_read(engine) as connection:
            version = str(connection.scalar(sa.text(asked))).split()[0]
            present = str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))
    except sa.exc.SQLAlchemyError:
        return DatabaseFacts(name, answers=False)
    product = f"{'SQLite' if sqlite else 'PostgreSQL'} {version}"
    return DatabaseFacts(name, True, product, present, pending(present))


def pending(present: str) -> tuple[str, ...]:
    """Return the migrations after the present one, oldest first.

    By the files' own words: Alembic itself would cost every server a dozen megabytes.
    """
    after: dict[str, str] = {}
    for path in sorted(MIGRATIONS.glob("*.py")):
        words = {bool(down): number for down, number in _REVISION.findall(path.read_text())}
        if False in words:
            after[words.get(True, "")] = words[False]
    found: list[str] = []
    while (present := after.get(present, "")) and present not in found:
        found.append(present)
    return tuple(found)


# -- Work ---------------------------------------------------------------------------------


def queue(*, now: datetime) -> Queue:
    """Return how much work waits: one statement over what isn't done."""
    due = _is_due(now)
    row = db.session.execute(
        sa.select(
            sa.func.count().filter(Job.attempts < MOST_ATTEMPTS),
            sa.func.count().filter(due),
            sa.func.min(Job.not_before).filter(due),
            sa.func.count().filter(Job.attempts >= MOST_ATTEMPTS),
            sa.func.count().filter(_IS_FAILING),
        ).where(Job.done_at.is_(None))
    ).one()
    return Queue(*row)


_IS_FAILING = sa.and_(
    Job.attempts >= FAILED_OFTEN, Job.attempts < MOST_ATTEMPTS, Job.last_error.is_not(None)
)


def _is_due(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(Job.not_before <= now, Job.attempts < MOST_ATTEMPTS)


def _of_the_worker(
    beat: datetime | None, oldest_due: datetime | None, *, now: datetime
) -> list[str]:
    found = []
    # A site that was made this minute has had no worker yet, and no work for one.
    silent_since = beat or oldest_due
    if silent_since is not None and now - silent_since > SILENT_AFTER:
        found.append("worker")
    if oldest_due is not None and now - oldest_due > LATE_AFTER:
        found.append("queue")
    return found


# -- Backups ------------------------------------------------------------------------------


def _backups() -> Any:
    """Return the facts of backups, which a feature above hands in; None where there are none."""
    facts: Callable[[], Any] | None = current_app.extensions.get("backup_facts")
    return facts() if facts is not None else None


def _of_backups(backups: Any, began: datetime | None, *, now: datetime) -> list[str]:
    if backups is None:
        return []
    found = []
    made = [at for at in (backups.book_at, backups.keys_at) if at is not None]
    # With none yet, the site's own beginning counts.
    since = min(made) if len(made) == 2 else began
    if since is not None and now - since > BACKUP_LATE_AFTER:
        found.append("backup_late")
    if backups.failed_at is not None:
        found.append("backup_failed")
    if backups.drill_passed is False:
        found.append("drill_failed")
    elif (since := backups.drill_at or began) is not None and now - since > DRILL_LATE_AFTER:
        found.append("drill_late")
    return found
