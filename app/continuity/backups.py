"""Making backups, and deleting them when their days are over (C12, C14).

The book and the keys are copied into folders of their own, so that they can be kept in
different places; the keys' folder holds a few days only. Once the last backup of the keys
from before an erasure is gone, whatever backup of the book is left opens nothing of that
person: that many days are the *horizon*.
"""

import hashlib
import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa

from app.config import Settings
from app.continuity import copies, ledger_file, sealing
from app.continuity.folders import alone, folder, scratch, settle, write_whole
from app.continuity.models import BOOK, KEYS_BACKUP, BackupRun
from app.core import erasures
from app.core.database import KEYS, clear_journal, connect_to_read, db
from app.web import pages

log = logging.getLogger("reserved.continuity")

SUFFIX = ".backup"
CHECKSUM = ".sha256"
DRAFT = ".partial"
SCRATCH_SECONDS = 24 * 3600  # after which what a crash left is nobody's any more


class _Hashed:
    """A file that is written, and the SHA-256 and size of what was."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, piece: bytes) -> int:
        self.digest.update(piece)
        self.size += len(piece)
        return self._file.write(piece)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self.write(piece)


def create(*, now: datetime) -> list[BackupRun]:
    """Back up the book and then the keys, export the ledger, delete what is old.

    The keys come second: whoever is in the copied book has their key in the copied keys,
    unless they were erased in between. Commits.

    Raises AlreadyRunning, or what a copy raises, after a row about it.
    """
    settings = pages.settings()
    db.session.rollback()
    with alone(settings.backup_dir):
        made = [_create_one(kind, settings, now=now) for kind in (BOOK, KEYS_BACKUP)]
        ledger_file.export_ledger()
    forget_old(now=now)
    found = [db.session.get_one(BackupRun, run_id) for run_id in made]
    for run in found:
        db.session.expunge(run)
    db.session.rollback()  # reading them began a unit of work, which keeps others waiting
    return found


def _create_one(kind: str, settings: Settings, *, now: datetime) -> int:
    name = f"{kind}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}{SUFFIX}"
    run = BackupRun(kind=kind, begun_at=now, name=name)
    db.session.add(run)
    db.session.flush()
    run_id = run.id
    db.session.commit()  # nothing is locked while the copy is made
    try:
        size, digest = _write(kind, settings, name, now=now)
    except Exception as error:  # whatever it is, its kind is kept, and it goes on being raised
        db.session.rollback()
        db.session.execute(
            sa.update(BackupRun)
            .where(BackupRun.id == run_id)
            .values(failure=type(error).__name__[:60])
        )
        db.session.commit()
        log.error("backup failed: %s %s", kind, type(error).__name__)  # noqa: TRY400
        raise
    done = db.session.get_one(BackupRun, run_id)
    done.done_at, done.size, done.digest = now, size, digest
    db.session.commit()
    return run_id


def _write(kind: str, settings: Settings, name: str, *, now: datetime) -> tuple[int, str]:
    """Write one backup and its checksum; return its size and SHA-256."""
    engine = db.engines[KEYS if kind == KEYS_BACKUP else None]
    header = {
        "kind": kind,
        "at": now.astimezone(UTC).isoformat(),
        "database": engine.dialect.name,
        "migration": migration_of(engine),
        "ledger": len(erasures.entries()),
    }
    place = folder(folder(settings.backup_dir) / kind) / name
    draft = place.with_name(name + DRAFT)
    try:
        with scratch(settings.backup_dir) as away, _private(draft) as file:
            hashed = _Hashed(file)
            pieces = copies.copy(engine.url, away)
            sealing.write(hashed, header, pieces, settings.master_key)
            file.flush()
            os.fsync(file.fileno())
        digest = hashed.digest.hexdigest()
        write_whole(checksum_of(place), f"{digest}  {name}\n".encode())
        draft.replace(place)
        settle(place.parent)
    finally:
        draft.unlink(missing_ok=True)
    return hashed.size, digest


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def checksum_of(backup: Path) -> Path:
    """Return where a backup's SHA-256 lies, as `sha256sum --check` reads it."""
    return backup.with_name(backup.name + CHECKSUM)


def migration_of(engine: sa.Engine) -> str:
    """Return the migration at which a database stands; "" where it has none."""
    with connect_to_read(engine) as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")) or "")


# -- What is old --------------------------------------------------------------------------


def kept_days(kind: str, settings: Settings) -> int:
    """Return for how many days a backup of a kind stays."""
    return settings.keys_backup_days if kind == KEYS_BACKUP else settings.backup_days


def files(kind: str, settings: Settings) -> list[Path]:
    """Return the backups of a kind that are there, oldest first."""
    found = (settings.backup_dir / kind).glob(f"*{SUFFIX}")
    return sorted(found, key=lambda path: (_made_at(path), path.name))


def _made_at(path: Path) -> datetime:
    """Return when a backup was made, by its own words; by its file's time where it has none."""
    try:
        with path.open("rb") as file:
            return sealing.read_header(file).made_at
    except (sealing.NoBackup, FileNotFoundError):
        return _touched_at(path)


def _touched_at(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return datetime.max.replace(tzinfo=UTC)


def _is_left(path: Path) -> bool:
    """Whether a crash left this draft: by the machine's clock, as its time is."""
    return _touched_at(path).timestamp() < time.time() - SCRATCH_SECONDS


def _old(settings: Settings, *, now: datetime) -> Iterator[Path]:
    """Yield the files whose days are over, whether or not a row knows of them."""
    for kind in (BOOK, KEYS_BACKUP):
        end = now - timedelta(days=kept_days(kind, settings))
        for path in (settings.backup_dir / kind).glob(f"*{SUFFIX}"):
            if _made_at(path) <= end:
                yield path
        for path in (settings.backup_dir / kind).glob(f"*{DRAFT}"):
            if _is_left(path):
                yield path


def forget_old(*, now: datetime) -> list[str]:
    """Delete the backups whose days are over, and what a crash left; return their names.

    Commits where there is something to note.
    """
    settings = pages.settings()
    gone = []
    for path in list(_old(settings, now=now)):
        path.unlink(missing_ok=True)
        checksum_of(path).unlink(missing_ok=True)
        settle(path.parent)
        gone.append(path.name)
    for path in settings.backup_dir.glob("scratch-*"):
        if _is_left(path):
            shutil.rmtree(path, ignore_errors=True)
    if gone:
        db.session.execute(
            sa.update(BackupRun)
            .where(BackupRun.name.in_(gone), BackupRun.gone_at.is_(None))
            .values(gone_at=now)
        )
        db.session.commit()
        clear_journal()
    return gone
