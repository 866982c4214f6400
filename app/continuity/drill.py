"""The rehearsal: everything that must hold after a restore, tried on a copy (C12, C17).

A made-up person with values that exist nowhere else is written by the site's own verbs
into a copy of both databases, backed up, erased, restored by hand and replayed. Then the
bytes of the copy are searched for them, and every other row is compared. Another one says
yes to something before the backup and takes it back after it. The live
databases are only read, but for one row about the outcome; nothing leaves the machine.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask, current_app

from app.accounts.models import Person
from app.config import Settings
from app.consent import permissions
from app.continuity import backups, copies, ledger_file, restore, serving
from app.continuity.drill_copy import copied_site
from app.continuity.drill_person import Canary, make_person
from app.continuity.drill_state import Rows, find_bytes, rows
from app.continuity.models import BOOK, KEYS_BACKUP, DrillRun
from app.core import erasures, withdrawals
from app.core.database import db
from app.core.datamap import Purpose
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.vault import PersonUnknown, vault
from app.privacy import erasing
from app.privacy.models import DONE, Erasure

CHECKS = {
    "copied": "both databases were copied, and the copy was brought up to date",
    "searchable": "the search finds the made-up person while they are there",
    "sealed": "the backup holds nothing of them that could be read",
    "erased": "they were erased, every store confirmed",
    "in_ledger": "the ledger has them, in the database and in its file",
    "taken_back": "somebody else took a yes back, and its ledger has that",
    "restored": "the backup of before was restored, and they are in it again",
    "refused": "nobody is served from it: 503, but for /healthz",
    "replayed": "the ledger was replayed",
    "served": "then everybody is served again",
    "gone_from_book": "the search finds nothing of them in the book’s bytes",
    "gone_from_keys": "the search finds nothing of them in the keys’ bytes",
    "unreadable": "with the present keys, the old backup opens nothing of theirs",
    "still_a_no": "what was taken back is not allowed again",
    "others": "every row of others is as it was",
    "horizon": "the backup of the keys is gone once its days are over",
}


class NoBackupYet(DomainError):
    """There is no backup of the book to rehearse with."""

    message = N_("There is no backup yet. Make one first: backup create")


class CheckFailed(AssertionError):
    """Something that must hold doesn't."""


def drill(*, now: datetime, backup: Path | None = None, latest: bool = False) -> DrillRun:
    """Rehearse on a copy of the present book, or of a backup's; note and return the outcome.

    Raises NoBackupYet. What fails within the rehearsal is in the outcome. Commits.
    """
    settings: Settings = current_app.extensions["settings"]
    if latest:
        there = backups.files(BOOK, settings)
        if not there:
            raise NoBackupYet
        backup = there[-1]
    db.session.rollback()
    began = time.monotonic()
    # Told of one by one, so that what was never reached counts as failed.
    checks: dict[str, bool | str] = dict.fromkeys(CHECKS, "not reached")
    try:
        with copied_site(settings, backup) as app, app.app_context():
            _Rehearsal(app, checks, now).run()
    except Exception as error:  # noqa: BLE001 (a drill tells of whatever went wrong)
        open_ = next((name for name, came in checks.items() if came is not True), None)
        if open_ and checks[open_] == "not reached":
            checks[open_] = type(error).__name__
    run = DrillRun(
        at=now,
        passed=all(came is True for came in checks.values()),
        checks=checks,
        seconds=round(time.monotonic() - began),
    )
    db.session.add(run)
    db.session.commit()
    return run


class _Rehearsal:
    """One rehearsal, in the copy's application context."""

    def __init__(self, app: Flask, checks: dict[str, bool | str], now: datetime) -> None:
        self.app, self.checks, self.now = app, checks, now
        self.settings: Settings = app.extensions["settings"]
        self.canary: Canary
        self.other: str  # a person of whom nothing else is known
        self.before: Rows
        self.backup: Path

    def run(self) -> None:
        """Go through the checks in order; those that others need end it when they fail."""
        for name in CHECKS:
            step: Callable[[], None] = getattr(self, f"_{name}")
            try:
                step()
                self.checks[name] = True
            except CheckFailed as error:
                self.checks[name] = str(error) or "CheckFailed"
            finally:
                db.session.rollback()

    def _copied(self) -> None:
        # What the copy is behind with goes first, so that nothing of it is seen as a loss later.
        restore.finish(now=self.now)
        self.before = rows()
        self.canary = make_person(now=self.now)
        self.other = vault().new_person()
        db.session.add(Person(id=self.other, created_at=self.now))
        permissions.give(self.other, Purpose.SURVEY, how=permissions.ACCOUNT, now=self.now)
        db.session.commit()

    def _searchable(self) -> None:
        self.canary.collect()
        for needles in (self.canary.in_book, self.canary.in_keys):
            _hold(bool(needles), "nothing to search for")
        _hold(find_bytes(self.canary.in_book, keys=False) == len(self.canary.in_book), "book")
        _hold(find_bytes(self.canary.in_keys, keys=True) == len(self.canary.in_keys), "keys")

    def _sealed(self) -> None:
        backups.create(now=self.now)
        self.backup = backups.files(BOOK, self.settings)[-1]
        needles = [*self.canary.in_book, *self.canary.in_keys, *self.canary.words]
        for kind in (BOOK, KEYS_BACKUP):
            for path in backups.files(kind, self.settings):
                whole = path.read_bytes()
                _hold(not any(needle in whole for needle in needles), kind)

    def _erased(self) -> None:
        # By its date: whoever asks gets a last mail first, and a copy has no way out.
        erasure = erasing.begin(self.canary.person_ids, erasures.TERM, now=self.now, language="en")
        erasure_id = erasure.id
        db.session.commit()
        _carry_out(erasure_id, now=self.now)

    def _in_ledger(self) -> None:
        marks = set(map(erasures.person_digest, self.canary.person_ids))
        _hold(marks <= {entry.person_digest for entry in erasures.entries()}, "database")
        there = ledger_file.read(ledger_file.path_of(self.settings))
        _hold(marks <= {entry.person_digest for entry in there}, "file")

    def _taken_back(self) -> None:
        permissions.take_back([self.other], Purpose.SURVEY, now=self.now)
        db.session.commit()
        withdrawals.enter({}, self.now)  # as its job does
        db.session.commit()
        _hold(not self._allows(), "it stands")

    def _restored(self) -> None:
        copied = self.settings.instance_dir / "restored"
        restore.open_backup(self.backup, BOOK, copied, self.settings)
        db.session.remove()
        url = db.engine.url
        db.engine.dispose()
        copies.put(url, copied)
        copied.unlink()
        _hold(self._allows(), "no yes")
        _hold(find_bytes(self.canary.in_book, keys=False) == len(self.canary.in_book), "book")

    def _refused(self) -> None:
        _hold(serving.check(self.app) is not None, "not noticed")
        for path, status in (("/", 503), ("/readyz", 503), ("/healthz", 200)):
            _hold(self._get(path) == status, path)

    def _replayed(self) -> None:
        _hold(restore.finish(now=self.now).replayed > 0, "nothing was replayed")
        for erasure in _running():
            _carry_out(erasure, now=self.now)

    def _served(self) -> None:
        _hold(serving.check(self.app) is None, "refused")
        _hold(self._get("/readyz") == 200, "/readyz")

    def _gone_from_book(self) -> None:
        found = find_bytes([*self.canary.in_book, *self.canary.words], keys=False)
        _hold(found == 0, f"{found} of {len(self.canary.in_book)} values are there")

    def _gone_from_keys(self) -> None:
        found = find_bytes([*self.canary.in_keys, *self.canary.words], keys=True)
        _hold(found == 0, f"{found} of {len(self.canary.in_keys)} values are there")

    def _unreadable(self) -> None:
        for person_id, where, value in self.canary.sealed:
            try:
                vault().open(person_id, where, value)
            except PersonUnknown:
                continue
            raise CheckFailed(where)

    def _still_a_no(self) -> None:
        _hold(not self._allows(), "it is allowed again")

    def _others(self) -> None:
        after = rows()
        for table, former in self.before.items():
            _hold(former <= after[table], table)

    def _horizon(self) -> None:
        days = timedelta(days=self.settings.keys_backup_days)
        backups.forget_old(now=self.now + days)
        _hold(not backups.files(KEYS_BACKUP, self.settings), "still there")

    def _allows(self) -> bool:
        return bool(permissions.permitted([self.other], Purpose.SURVEY))

    def _get(self, path: str) -> int:
        host = {"Host": self.settings.hosts[0]}
        base = self.settings.site_url
        return self.app.test_client().get(path, headers=host, base_url=base).status_code


def _hold(what: bool, why: str) -> None:
    if not what:
        raise CheckFailed(why)


def _running() -> list[int]:
    rows = db.session.execute(
        db.select(Erasure.id).where(Erasure.state != DONE, Erasure.begun_at.is_not(None))
    )
    found = [row.id for row in rows]
    db.session.rollback()
    return found


def _carry_out(erasure_id: int, *, now: datetime) -> None:
    """Go on with an erasure until every store has confirmed."""
    for _ in range(20):
        erasing.go_on(erasure_id, now=now)
        state = db.session.scalar(db.select(Erasure.state).where(Erasure.id == erasure_id))
        db.session.rollback()
        if state == DONE:
            return
    raise CheckFailed("not every store confirmed")
