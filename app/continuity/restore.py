"""Coming back from a backup: verified first, replaced whole, served only after the replay.

The present keys' database stays: it lacks the keys of whoever was erased since, and has the
ledgers that say so, and what was taken back. Only where it is lost too is it restored
(`--keys`); then the file of the ledger of erasures beside the backups is taken in first, and
the keys of the erased are destroyed again.

While it lasts, a mark has every process refuse (`serving`). A crash before the mark leaves
the former book; after it, a refusal until it was done again or finished.
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from flask import current_app

from app.config import Settings
from app.continuity import copies, ledger_file, sealing, serving
from app.continuity.backups import checksum_of
from app.continuity.copies import OtherDatabase
from app.continuity.folders import alone, folder, scratch
from app.continuity.models import BOOK, KEYS_BACKUP
from app.continuity.sealing import BackupAltered, Header
from app.core import erasures, schema, sweeps, withdrawals
from app.core.database import KEYS, clear_journal, connect_to_read, db, let_go
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.vault import PersonKey
from app.privacy.replaying import replay
from app.web.pages import running_app

REPLACING, FINISHING = "replacing", "finishing"
Say = Callable[[str], None]


class WrongKind(DomainError):
    """A backup of the keys was given for the book, or the other way round."""

    message = N_("That is a backup of the %(found)s, and one of the %(wanted)s is needed.")


class BackupNewer(DomainError):
    """A backup was made by a newer version of the software."""

    message = N_(
        "That backup was made by a newer version of this software (migration %(migration)s). "
        "Install that version first."
    )


class NoKeys(DomainError):
    """The keys' database is empty: nothing of the book could be read."""

    message = N_(
        "The keys’ database is empty, so that nothing of any person could be read. Give a "
        "backup of the keys too, with --keys."
    )


class BrokenOff(DomainError):
    """A restore broke off while it was replacing the databases."""

    message = N_(
        "A restore broke off while it was putting the backup in its place. Run it again from "
        "the beginning: backup restore %(files)s"
    )


class NotReplayed(DomainError):
    """Erasures are still missing in the book after the replay."""

    message = N_("Erasures that were not replayed: %(count)s. Nobody is served until they are.")


@dataclass(slots=True)
class Report:
    """What a restore did."""

    restored: list[str] = field(default_factory=list)
    made_at: str | None = None  # when the book's backup was begun
    merged: int = 0  # entries that the ledger took in from its file
    keys_destroyed: int = 0
    replayed: int = 0  # entries of the ledger
    persons: int = 0  # who were there again, and are gone again
    withdrawals: int = 0  # entries of the ledger of what was taken back
    purged: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)  # sweeps that failed, to run again


def _quiet(_words: str) -> None:
    """Say nothing."""


# -- Opening ------------------------------------------------------------------------------


def open_backup(path: Path, kind: str, place: Path, settings: Settings) -> Header:
    """Verify a backup as a whole and write the copy that it holds to `place`.

    Raises NoBackup, WrongKind, BackupAltered, OtherMasterKey, OtherDatabase or BackupNewer.
    """
    with path.open("rb") as file:
        header = sealing.read_header(file)
    if header.kind != kind:
        raise WrongKind(found=header.kind, wanted=kind)
    _compare_checksum(path)
    with path.open("rb") as file, place.open("xb") as copied:
        os.fchmod(copied.fileno(), 0o600)
        for piece in sealing.read(file, settings.master_key):
            copied.write(piece)
    # Only now are the header's words proved.
    url = sa.make_url(settings.keys_database_url if kind == KEYS_BACKUP else settings.database_url)
    if header.database != url.get_backend_name():
        raise OtherDatabase(found=header.database)
    known = {one.revision for one in ScriptDirectory(schema.MIGRATIONS).walk_revisions()}
    if header.migration not in known:
        raise BackupNewer(migration=header.migration)
    if header.database == "sqlite":
        _check_sqlite(place)
    return header


def _compare_checksum(path: Path) -> None:
    """Compare with the file's checksum, where one lies beside it. Raises BackupAltered."""
    try:
        wanted = checksum_of(path).read_text().split()[0]
    except (FileNotFoundError, IndexError):
        return  # the seal proves more than a checksum does
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
            raise BackupAltered


def _check_sqlite(place: Path) -> None:
    with closing(sqlite3.connect(place)) as connection:
        if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise BackupAltered


# -- Restoring ----------------------------------------------------------------------------


def restore(book: Path | None, keys: Path | None, *, now: datetime, say: Say = _quiet) -> Report:
    """Put backups in the place of the present databases, replay the ledger, and serve again.

    Raises what `open_backup` raises, NoKeys, AlreadyRunning or CopyFailed, with everything as
    it was; and after that LedgerUnsound or NotReplayed, with nobody served.
    """
    settings: Settings = current_app.extensions["settings"]
    report = Report()
    with alone(settings.backup_dir), scratch(settings.backup_dir) as away:
        opened = []
        for path, kind in ((keys, KEYS_BACKUP), (book, BOOK)):
            if path is not None:
                say(f"Verifying {path.name} …")
                header = open_backup(path, kind, away / kind, settings)
                opened.append((kind, away / kind))
                report.restored.append(path.name)
                report.made_at = header.at
                if kind == BOOK and header.made_at < now - withdrawals.kept_for():
                    say("It is so old that not all is known any more that was taken back since.")
        if keys is None and not _has_keys():
            raise NoKeys
        # A sound ledger before anything is touched: it is needed after it.
        ledger_file.read(ledger_file.path_of(settings))
        taken_back = _known_so_far(say, now=now)
        serving.mark(settings, stage=REPLACING, files=report.restored)
        for kind, copied in opened:
            say(f"Putting the {kind} in its place …")
            let_go()
            copies.put(db.engines[KEYS if kind == KEYS_BACKUP else None].url, copied)
        serving.mark(settings, stage=FINISHING, files=report.restored)
        return _finish(report, taken_back, now=now, say=say)


def _known_so_far(say: Say, *, now: datetime) -> list[withdrawals.Entry]:
    """Return what was taken back in the present book, and have the present ledger know it.

    Its worker may have stopped before it got to that. A book that can't be read tells nothing.
    """
    try:
        found = withdrawals.noted()
        withdrawals.complete(now=now)
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        say("What was taken back in the last moments can’t be read from the present databases.")
        return []
    return found


def _has_keys() -> bool:
    with connect_to_read(db.engines[KEYS]) as connection:
        return sa.inspect(connection).has_table(PersonKey.__tablename__)


def unpack(path: Path, into: Path) -> tuple[Path, Header]:
    """Verify a backup and write the copy that it holds into a folder; nothing else changes.

    Raises what `open_backup` raises.
    """
    settings: Settings = current_app.extensions["settings"]
    with path.open("rb") as file:
        kind = sealing.read_header(file).kind
    with scratch(settings.backup_dir) as away:
        header = open_backup(path, kind, away / kind, settings)
        suffix = ".db" if header.database == "sqlite" else ".dump"
        place = folder(into) / path.with_suffix(suffix).name
        shutil.move(away / kind, place)
    return place, header


# -- Finishing ----------------------------------------------------------------------------


def finish(*, now: datetime, say: Say = _quiet) -> Report:
    """Do what a restore leaves to be done, after a crash or a restore by hand; serve again.

    May be run at any time, as often as one likes. Raises BrokenOff, LedgerUnsound,
    NotReplayed or AlreadyRunning.
    """
    settings: Settings = current_app.extensions["settings"]
    marked = serving.read_mark(settings)
    if marked is not None and marked.get("stage") != FINISHING:
        raise BrokenOff(files=" ".join(marked.get("files", [])))
    with alone(settings.backup_dir):
        return _finish(Report(), [], now=now, say=say)


def _finish(
    report: Report, taken_back: list[withdrawals.Entry], *, now: datetime, say: Say
) -> Report:
    settings: Settings = current_app.extensions["settings"]
    db.session.rollback()  # looking at the tables waits for whoever writes
    if not schema.is_newest():
        say("Bringing the tables to the newest form …")
        let_go()
        schema.upgrade(running_app())
    report.merged = ledger_file.merge()
    report.keys_destroyed = ledger_file.destroy_keys_again()
    _replay(report, now=now, say=say)
    withdrawals.complete(taken_back, now=now)
    _take_back(report, now=now, say=say)
    say("Purging what is past its date …")
    for outcome in sweeps.carry_out(sweeps.sweeps(), now=now):
        if outcome.failure:
            report.failed.append(outcome.sweep.name)
        if outcome.count:
            report.purged[outcome.sweep.name] = outcome.count
    db.session.rollback()
    ledger_file.export_ledger()
    clear_journal()
    serving.unmark(settings)
    return report


def _replay(report: Report, *, now: datetime, say: Say) -> None:
    """Erase again whom the ledger has and this book has still. Raises NotReplayed."""
    missing = _missing()
    if not missing:
        return
    say(f"Replaying {len(missing)} erasures …")
    report.persons = replay(missing, now=now)
    db.session.commit()
    report.replayed = len(missing)
    left = _missing()
    if left:
        raise NotReplayed(count=len(left))


def _take_back(report: Report, *, now: datetime, say: Say) -> None:
    """Carry out in the book what was taken back since."""
    lacking = len(withdrawals.missing(now=now))
    db.session.rollback()
    if lacking:
        say(f"Taking back {lacking} times what was taken back since …")
        report.withdrawals = withdrawals.replay(now=now)


def _missing() -> list[int]:
    found = erasures.missing()
    db.session.rollback()
    return found
