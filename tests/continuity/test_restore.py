"""A restored book is whole or refused, and whoever was erased since is gone again (C12)."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.reservations import prove
from app.continuity import backups, copies, ledger_file, restore, serving
from app.continuity.drill_person import make_person
from app.continuity.ledger_file import LedgerUnsound
from app.continuity.models import BOOK, KEYS_BACKUP
from app.continuity.restore import BackupNewer, BrokenOff, NoKeys, WrongKind
from app.continuity.sealing import BackupAltered, NoBackup, OtherMasterKey
from app.core import erasures
from app.core.database import KEYS, db
from tests.continuity.steps import count, erase, left_in_book, left_in_keys, opens, put_by_hand
from tests.servers import ROOT, run_flask, surroundings


def refused(place):
    found = serving.check(place)
    return found.code if found else None


@pytest.mark.clause("C12")
@pytest.mark.both_databases(usually="sqlite")
def test_whoever_was_erased_since_is_gone_from_the_restored_book(
    place, person, clock, settings, newest
):
    backups.create(now=clock())
    other = make_person(now=clock())  # whom no backup knows
    erase(person, now=clock())

    report = restore.restore(newest(), None, now=clock())

    assert (report.replayed, report.persons) == (2, 2)
    assert left_in_book(person) == left_in_keys(person) == 0
    assert not opens(person)
    assert count("person") == 0
    assert count("offer") > 0
    assert prove(now=clock()) == []
    assert refused(place) is None
    assert other.person_ids

    again = restore.finish(now=clock())
    assert (again.replayed, again.persons) == (0, 0)


@pytest.mark.clause("C12")
@pytest.mark.both_databases(usually="postgresql")
def test_the_old_book_can_be_read_again_for_those_who_were_not_erased(place, person, clock, newest):
    backups.create(now=clock())
    db.session.execute(sa.text("UPDATE offer SET picture = 'spoilt'"))
    db.session.commit()

    restore.restore(newest(), None, now=clock())

    spoilt = db.session.scalar(sa.text("SELECT count(*) FROM offer WHERE picture = 'spoilt'"))
    assert spoilt == 0
    assert opens(person)
    assert left_in_book(person) == len(person.in_book)


@pytest.mark.clause("C12")
@pytest.mark.both_databases(usually="sqlite")
def test_restored_by_hand_nobody_is_served_until_the_replay(
    place, person, clock, settings, newest, tmp_path, serve, environ
):
    backups.create(now=clock())
    erase(person, now=clock())
    put_by_hand(newest(), BOOK, settings, tmp_path)
    db.session.remove()

    server = serve()
    pages = {path: server.get(path)[0] for path in ("/", "/account/sign-in", "/readyz", "/nothing")}
    open_still = server.get("/healthz")[0]
    ready = server.get("/readyz")[1]
    said = run_flask(environ, "privacy", "replay")

    assert set(pages.values()) == {503}
    assert open_still == 200
    assert "2 to replay" in ready
    assert "backup restore --finish" in server.output
    assert not any(one in ready + server.output for one in person.person_ids)
    assert "Replayed 2 erasures; 2 persons" in said
    end = time.monotonic() + 60
    while server.get("/readyz")[0] != 200 and time.monotonic() < end:
        pass
    assert server.get("/")[0] == 200
    assert left_in_book(person) == 0


@pytest.mark.clause("C12")
def test_preparing_to_serve_replays_by_itself_and_says_so(
    place, person, clock, settings, newest, tmp_path, environ
):
    backups.create(now=clock())
    erase(person, now=clock())
    put_by_hand(newest(), BOOK, settings, tmp_path)

    said = run_flask(environ, "prepare")

    assert "Replayed 2 erasures" in said
    assert refused(place) is None
    assert left_in_book(person) == 0


@pytest.mark.clause("C12")
@pytest.mark.both_databases(usually="sqlite")
def test_with_both_lost_the_ledgers_file_destroys_the_keys_again(
    place, person, clock, settings, newest, tmp_path
):
    backups.create(now=clock())
    erase(person, now=clock())
    put_by_hand(newest(KEYS_BACKUP), KEYS_BACKUP, settings, tmp_path)
    put_by_hand(newest(), BOOK, settings, tmp_path)
    assert opens(person)
    assert refused(place) == serving.LEDGER_BEHIND

    report = restore.restore(newest(), newest(KEYS_BACKUP), now=clock())

    assert (report.merged, report.keys_destroyed, report.persons) == (2, 2, 2)
    assert left_in_book(person) == left_in_keys(person) == 0
    assert not opens(person)
    assert refused(place) is None
    assert ledger_file.read(ledger_file.path_of(settings)) == [
        one._replace(at=one.at.replace(microsecond=0)) for one in erasures.entries()
    ]


@pytest.mark.clause("C12")
@pytest.mark.both_databases(usually="postgresql")
def test_keys_alone_brought_back_by_hand_are_destroyed_again(
    place, person, clock, settings, newest, tmp_path
):
    backups.create(now=clock())
    erase(person, now=clock())
    put_by_hand(newest(KEYS_BACKUP), KEYS_BACKUP, settings, tmp_path)

    assert refused(place) == serving.LEDGER_BEHIND
    report = restore.finish(now=clock())

    assert (report.merged, report.keys_destroyed) == (2, 2)
    assert left_in_keys(person) == 0


@pytest.mark.clause("C12")
@pytest.mark.both_databases(usually="sqlite")
def test_past_the_horizon_no_backup_opens_an_erased_person(
    place, person, clock, settings, newest, tmp_path
):
    backups.create(now=clock())
    erase(person, now=clock())
    clock.move(timedelta(days=settings.keys_backup_days))
    backups.create(now=clock())

    books, keys = (backups.files(kind, settings) for kind in (BOOK, KEYS_BACKUP))
    assert (len(books), len(keys)) == (2, 1)
    put_by_hand(books[0], BOOK, settings, tmp_path)
    put_by_hand(keys[0], KEYS_BACKUP, settings, tmp_path)

    assert left_in_book(person) == len(person.in_book)
    assert left_in_keys(person) == 0
    assert not opens(person)


@pytest.mark.clause("C12")
def test_a_ledgers_file_that_was_edited_is_refused_before_anything_is_touched(
    place, person, clock, settings, newest
):
    backups.create(now=clock())
    erase(person, now=clock())
    path = ledger_file.path_of(settings)
    first, *rest = path.read_text().splitlines()
    edited = {**json.loads(first), "person": "00" * 32}
    path.write_text("\n".join([json.dumps(edited), *rest]) + "\n")

    with pytest.raises(LedgerUnsound):
        restore.restore(newest(), None, now=clock())

    assert left_in_book(person) == 0
    assert refused(place) is None


@pytest.mark.clause("C14")
@pytest.mark.both_databases(usually="postgresql")
def test_what_must_not_be_restored_is_refused_and_nothing_is_touched(
    place, person, clock, settings, newest, tmp_path
):
    backups.create(now=clock())
    book, before = newest(), count("job")
    altered, foreign = tmp_path / "altered.backup", tmp_path / "foreign.backup"
    whole = bytearray(book.read_bytes())
    whole[-1] ^= 1
    altered.write_bytes(whole)
    foreign.write_text("no backup")

    for path, keys, error in (
        (altered, None, BackupAltered),
        (foreign, None, NoBackup),
        (newest(KEYS_BACKUP), None, WrongKind),
        (book, book, WrongKind),
    ):
        with pytest.raises(error):
            restore.restore(path, keys, now=clock())
    other = replace(settings, master_key=b"another master key, of the same length")
    with pytest.raises(OtherMasterKey):
        restore.open_backup(book, BOOK, tmp_path / "x", other)

    assert count("job") == before
    assert refused(place) is None


@pytest.mark.clause("C14")
def test_a_checksum_that_differs_is_noticed(place, clock, newest):
    backups.create(now=clock())
    backups.checksum_of(newest()).write_text(f"{'0' * 64}  {newest().name}\n")

    with pytest.raises(BackupAltered):
        restore.restore(newest(), None, now=clock())


def test_a_backup_of_newer_tables_is_refused(place, clock, newest):
    db.session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    db.session.commit()
    backups.create(now=clock())

    with pytest.raises(BackupNewer, match="9999"):
        restore.restore(newest(), None, now=clock())


def test_without_any_keys_a_restore_says_that_they_are_needed(place, clock, newest):
    backups.create(now=clock())
    with db.engines[KEYS].begin() as connection:
        for table in ("blind_index", "person_key"):
            connection.execute(sa.text(f"DROP TABLE {table}"))

    with pytest.raises(NoKeys):
        restore.restore(newest(), None, now=clock())


@pytest.mark.clause("C12")
@pytest.mark.both_databases(usually="sqlite")
def test_a_restore_that_breaks_off_is_refused_until_it_is_done_again(
    place, person, clock, settings, newest, monkeypatch
):
    backups.create(now=clock())
    erase(person, now=clock())
    with monkeypatch.context() as broken:
        broken.setattr(copies, "put", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            restore.restore(newest(), newest(KEYS_BACKUP), now=clock())

    assert place.test_client().get("/").status_code == 503
    assert place.test_client().get("/healthz").status_code == 200
    with pytest.raises(BrokenOff, match=newest().name):
        restore.finish(now=clock())

    restore.restore(newest(), newest(KEYS_BACKUP), now=clock())
    assert place.test_client().get("/").status_code == 200
    assert left_in_book(person) == 0


@pytest.mark.clause("C12")
@pytest.mark.both_databases(usually="postgresql")
def test_a_restore_that_breaks_off_after_the_copy_can_be_finished(
    place, person, clock, newest, monkeypatch
):
    backups.create(now=clock())
    erase(person, now=clock())
    with monkeypatch.context() as broken:
        broken.setattr(restore, "replay", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            restore.restore(newest(), None, now=clock())
    db.session.rollback()

    assert place.test_client().get("/").status_code == 503
    report = restore.finish(now=clock())

    assert report.persons == 2
    assert place.test_client().get("/").status_code == 200
    assert left_in_book(person) == 0


@pytest.mark.clause("C12")
def test_killed_at_any_moment_a_restore_leaves_a_whole_book_or_a_refusal(
    place, person, clock, settings, newest, environ
):
    backups.create(now=clock())
    erase(person, now=clock())
    db.session.remove()
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "backup", "restore", str(newest())]

    for patience in (0.0, 0.02, 0.1):
        process = subprocess.Popen(
            command, cwd=ROOT, env=surroundings(environ), stdout=subprocess.DEVNULL
        )
        while process.poll() is None and not serving.mark_of(settings).exists():
            pass
        end = time.monotonic() + patience
        while time.monotonic() < end:
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()

        with closing(sqlite3.connect(settings.instance_dir / "book.db")) as book:
            assert book.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert refused(place) is not None

    run_flask(environ, "backup", "restore", str(newest()))
    assert refused(place) is None
    assert left_in_book(person) == 0


def test_a_damaged_book_is_replaced_too(place, person, clock, settings, newest):
    backups.create(now=clock())
    db.session.remove()
    for engine in db.engines.values():
        engine.dispose()
    (settings.instance_dir / "book.db").write_bytes(b"rubbish" * 5000)
    (settings.instance_dir / "book.db-wal").unlink(missing_ok=True)
    (settings.instance_dir / "book.db-shm").unlink(missing_ok=True)

    restore.restore(newest(), None, now=clock())

    assert opens(person)


@pytest.mark.both_databases(usually="sqlite")
def test_unpacking_changes_nothing_else(place, clock, newest, tmp_path, environ):
    backups.create(now=clock())
    run_flask(environ, "backup", "restore", str(newest()), "--into", str(tmp_path / "out"))

    (made,) = (tmp_path / "out").iterdir()
    assert made.read_bytes()[:5] in (b"SQLit", b"PGDMP")
    assert refused(place) is None
