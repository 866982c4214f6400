"""Upgrading an installation whose new code already lies there, and going back (C14, C19).

Nobody is served meanwhile: what was written between the backup and a failure would be lost
with it. The backup is verified before anything is touched. Where a step fails, both
databases are put back as they were; an upgrade that broke off is put back by `rollback`.

Going back after an upgrade that succeeded loses what was written since, so the present
state is backed up first. Whoever was erased since is gone from the former book too: it is
brought to the newest form, the ledger of erasures is replayed, and then the migrations go
down to where the former code is at home.

The backup is written without the tables of backups: the former release may not have them.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import flask_migrate
import sqlalchemy as sa

from app.booking.reservations import prove
from app.config import Settings
from app.continuity import backups, copies, restore, sealing, serving
from app.continuity.backups import DRAFT, SUFFIX, checksum_of, migration_of
from app.continuity.folders import AlreadyRunning, alone, folder, scratch, settle, write_whole
from app.continuity.models import BOOK, KEYS_BACKUP, BackupRun
from app.continuity.upgrade_errors import (
    BackupFailed,
    BackupGone,
    CountersWrong,
    FormerCannotHold,
    NoSiteYet,
    NothingToRollBack,
    NotPutBack,
    RestoreUnfinished,
    UpgradeBrokeOff,
    UpgradeFailed,
    UpgradeRunning,
)
from app.core import audit, schema
from app.core.audit import AuditEntry
from app.core.database import KEYS, connect_to_read, db, let_go
from app.core.erasures import ErasureEntry
from app.core.errors import DomainError
from app.web import pages
from app.web.pages import running_app

BEGUN, DONE, FAILED, BACK = "begun", "done", "failed", "back"
UPGRADING = "upgrading"
"""The stage that the mark of `serving` has while an upgrade is under way."""

KINDS = (BOOK, KEYS_BACKUP)
Say = Callable[[str], None]
Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Record:
    """The last upgrade, as a file tells it: no personal value in it."""

    state: str
    begun_at: str  # ISO 8601
    was: str  # the migration of before
    became: str = ""
    book: str = ""  # the backups' names
    keys: str = ""

    @property
    def since(self) -> datetime:
        """When it began."""
        return datetime.fromisoformat(self.begun_at)


def _quiet(_words: str) -> None:
    """Say nothing."""


def _home(settings: Settings) -> Path:
    return settings.instance_dir / "upgrade"


def last_upgrade(settings: Settings) -> Record | None:
    """Return what is known of the last upgrade; None where there was none."""
    try:
        return Record(**json.loads((_home(settings) / "last.json").read_text()))
    except FileNotFoundError:
        return None


def _keep(record: Record, settings: Settings) -> Record:
    write_whole(folder(_home(settings)) / "last.json", json.dumps(asdict(record)).encode())
    return record


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    db.session.rollback()
    try:
        held = alone(_home(settings))
        held.__enter__()
    except AlreadyRunning as error:
        raise UpgradeRunning from error
    try:
        yield
    finally:
        held.__exit__(None, None, None)


# -- Upgrading ----------------------------------------------------------------------------


def upgrade(prepare: Step, *, now: datetime, say: Say = _quiet) -> Record:
    """Back up, migrate both databases, prove the counters, prepare, and serve again.

    `prepare` publishes what is missing; it comes last, when nothing is left that may fail
    for want of a form of the tables.

    Raises UpgradeRunning, NoSiteYet, UpgradeBrokeOff, RestoreUnfinished or BackupFailed
    with everything as it was; UpgradeFailed with everything as it was again; NotPutBack.
    """
    settings = pages.settings()
    with _only_one(settings):
        was = migration_of(db.engine)
        if not was:
            raise NoSiteYet
        _refuse_unfinished(settings)
        record = Record(BEGUN, now.astimezone(UTC).isoformat(), was)
        serving.mark(settings, stage=UPGRADING, files=[])
        try:
            made = _back_up(settings, now=now, say=say)
        except Exception as error:  # whatever it is: nothing was changed, so all is served again
            serving.unmark(settings)
            raise BackupFailed(why=_why(error)) from error
        record = _keep(replace(record, **{one.kind: one.name for one in made}), settings)
        serving.mark(settings, stage=UPGRADING, files=_files(record))
        try:
            _carry_out(prepare, made, was, settings, now=now, say=say)
        except BaseException as error:
            # Alembic's commands leave by SystemExit; and whoever presses Ctrl+C wants it back.
            _undo(record, error, settings, say=say)
            if not isinstance(error, Exception | SystemExit):
                raise
            raise UpgradeFailed(why=_why(error)) from error
        return _keep(replace(record, state=DONE, became=migration_of(db.engine)), settings)


def _refuse_unfinished(settings: Settings) -> None:
    record, marked = last_upgrade(settings), serving.read_mark(settings)
    if record is not None and record.state == BEGUN:
        raise UpgradeBrokeOff
    # Left closed by a rollback, or by a crash before the backup was there: nothing is lost.
    harmless = {"stage": UPGRADING, "files": []}
    left_by_rollback = record is not None and record.state == BACK
    if marked is not None and marked != harmless and not left_by_rollback:
        raise RestoreUnfinished(command=serving.FINISH)


def _carry_out(
    prepare: Step, made: list[BackupRun], was: str, settings: Settings, *, now: datetime, say: Say
) -> None:
    say("Migrating both databases …")
    let_go()
    schema.upgrade(running_app())
    say("Proving the counters from the reservations …")
    wrong = prove(now=now)
    db.session.rollback()
    if wrong:
        raise CountersWrong(count=len(wrong))
    db.session.add_all(made)
    if _has_trail():
        audit.enter(0, "command", "system.upgraded", "system", 0, now=now, before=was)
    db.session.commit()
    say("Preparing …")
    # From here on, who is served next is served by the new form.
    serving.mark(settings, stage=restore.FINISHING, files=[])
    prepare()
    db.session.rollback()
    if serving.read_mark(settings) is not None:
        restore.finish(now=now, say=say)


def _undo(record: Record, error: BaseException, settings: Settings, *, say: Say) -> None:
    """Put both databases back. Raises NotPutBack, with nobody served."""
    say("That failed. Putting both databases back as they were …")
    try:
        _put_back(record, settings)
    except Exception as then:  # noqa: BLE001 (whatever it is, nobody may be served)
        serving.mark(settings, stage=UPGRADING, files=_files(record))
        raise NotPutBack(
            why=_why(error), then=_why(then), book=record.book, keys=record.keys
        ) from error
    _keep(replace(record, state=FAILED), settings)


def _why(error: BaseException) -> str:
    """Return what may be said of an error: ours in words, another's by its type alone."""
    return error.say() if isinstance(error, DomainError) else type(error).__name__


# -- The backup ---------------------------------------------------------------------------


def _back_up(settings: Settings, *, now: datetime, say: Say) -> list[BackupRun]:
    """Write both backups, and open each again: an upgrade leans on them."""
    made = []
    with alone(settings.backup_dir), scratch(settings.backup_dir) as away:
        for kind in KINDS:
            say(f"Backing up the {kind} …")
            run = _write(kind, settings, away, now=now)
            restore.open_backup(_path(kind, run.name, settings), kind, away / kind, settings)
            made.append(run)
    return made


def _write(kind: str, settings: Settings, away: Path, *, now: datetime) -> BackupRun:
    engine = _engine(kind)
    at = now.astimezone(UTC)
    name = f"{kind}-{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}{SUFFIX}"
    place = folder(folder(settings.backup_dir) / kind) / name
    draft = place.with_name(name + DRAFT)
    header = {
        "kind": kind,
        "at": at.isoformat(),
        "database": engine.dialect.name,
        "migration": migration_of(engine),
        "ledger": _ledger_length(),
    }
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            sealing.write(file, header, copies.copy(engine.url, away), settings.master_key)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        write_whole(checksum_of(place), f"{digest}  {name}\n".encode())
        draft.replace(place)
        settle(place.parent)
    finally:
        draft.unlink(missing_ok=True)
    return BackupRun(kind=kind, begun_at=now, done_at=now, name=name, size=size, digest=digest)


def _ledger_length() -> int:
    with connect_to_read(db.engines[KEYS]) as connection:
        if not sa.inspect(connection).has_table(ErasureEntry.__tablename__):
            return 0
        query = sa.select(sa.func.count()).select_from(ErasureEntry.__table__)
        return int(connection.scalar(query) or 0)


def _engine(kind: str) -> sa.Engine:
    return db.engines[KEYS if kind == KEYS_BACKUP else None]


def _path(kind: str, name: str, settings: Settings) -> Path:
    return settings.backup_dir / kind / name


def _has_trail() -> bool:
    """Whether the book has an audit trail: former releases' have none."""
    return sa.inspect(db.session.connection()).has_table(AuditEntry.__tablename__)


def _files(record: Record) -> list[str]:
    return [f"{BOOK}/{record.book}", f"--keys {KEYS_BACKUP}/{record.keys}"]


# -- Going back ---------------------------------------------------------------------------


def rollback(*, now: datetime, say: Say = _quiet) -> Record:
    """Bring back the book of before the last upgrade, with the erasures since replayed.

    After an upgrade that broke off, both databases are put back as they were. After one
    that succeeded, the present state is backed up first. Where migrations went down,
    nobody is served until the former code is there and was prepared.

    Raises UpgradeRunning, NothingToRollBack, BackupGone, and what `backups.create` and
    `restore.restore` raise: then it may be run again. Raises FormerCannotHold once all is
    back but for the way down.
    """
    settings = pages.settings()
    with _only_one(settings):
        record = last_upgrade(settings)
        if record is None or record.state not in (BEGUN, DONE):
            raise NothingToRollBack
        if not _path(BOOK, record.book, settings).exists():
            raise BackupGone(name=record.book)
        if record.state == BEGUN:
            say("Putting both databases back as they were …")
            _put_back(record, settings)
            return _keep(replace(record, state=FAILED), settings)
        say("Backing up what is there now …")
        for run in backups.create(now=now):
            say(f"  {run.kind}/{run.name}")
        restore.restore(_path(BOOK, record.book, settings), None, now=now, say=say)
        # Restored, the book has the newest form; it goes with its table where that goes down.
        if _has_trail():
            before = record.became
            audit.enter(0, "command", "system.rolled_back", "system", 0, now=now, before=before)
            db.session.commit()
        record = _keep(replace(record, state=BACK), settings)
        if migration_of(db.engine) != record.was:
            _go_down(record.was, settings, say=say)
        return record


def _put_back(record: Record, settings: Settings) -> None:
    """Put both backups in the place of what is there, and serve again."""
    db.session.rollback()
    with alone(settings.backup_dir), scratch(settings.backup_dir) as away:
        for kind, name in ((KEYS_BACKUP, record.keys), (BOOK, record.book)):
            restore.open_backup(_path(kind, name, settings), kind, away / kind, settings)
        for kind in KINDS:
            let_go()
            copies.put(_engine(kind).url, away / kind)
    serving.unmark(settings)


def _go_down(to: str, settings: Settings, *, say: Say) -> None:
    """Bring both databases to the former form. Raises FormerCannotHold, and they are served."""
    say(f"Migrating both databases down to {to} …")
    # Until the former code is there, nothing that lies here could serve it.
    serving.mark(settings, stage=restore.FINISHING, files=[])
    app = running_app()
    if "migrate" not in app.extensions:
        schema.init_app(app)
    with alone(settings.backup_dir), scratch(settings.backup_dir) as away:
        for kind in KINDS:
            with (away / kind).open("xb") as file:
                file.writelines(copies.copy(_engine(kind).url, away))
        let_go()
        try:
            flask_migrate.downgrade(revision=to)
        except (Exception, SystemExit) as error:
            for kind in KINDS:
                let_go()
                copies.put(_engine(kind).url, away / kind)
            serving.unmark(settings)
            raise FormerCannotHold(why=_why(error)) from error
    let_go()
