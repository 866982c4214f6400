"""Backups are consistent, sealed, for their owner only, and gone when their days are over."""

import hashlib
import json
import logging
import os
import stat
import threading
from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from app.booking.holds import hold
from app.booking.prices import StayWish, quote
from app.booking.reservations import prove
from app.booking.shop import shop
from app.continuity import backups, copies, daily
from app.continuity.copies import ToolMissing, ToolOlder
from app.continuity.drill_copy import copied_site
from app.continuity.drill_person import make_person
from app.continuity.folders import AlreadyRunning, alone
from app.continuity.models import BOOK, KEYS_BACKUP, BackupRun
from app.core.database import db
from app.core.errors import DomainError
from app.core.worker import tidy
from tests.continuity.steps import count, erase
from tests.servers import run_flask


def runs():
    found = list(db.session.scalars(sa.select(BackupRun).order_by(BackupRun.id)))
    db.session.expunge_all()
    db.session.rollback()
    return found


@pytest.mark.clause("C14")
@pytest.mark.both_databases
def test_a_backup_under_write_load_is_a_sound_book(place, clock, settings, newest):
    stop = threading.Event()
    booked = []

    def keep_booking():
        with place.app_context():
            catalogue = shop().catalogue
            offer = next(iter(catalogue.stays_by_id.values()))
            db.session.rollback()
            for day in range(10, 300):
                if stop.is_set():
                    return
                arrive = (clock() + timedelta(days=day)).date()
                wish = StayWish(offer, arrive, arrive + timedelta(days=3), 1)
                try:
                    hold(catalogue, quote(catalogue, [wish]), language="en", now=clock())
                except DomainError:
                    db.session.rollback()
                    continue
                db.session.commit()
                booked.append(day)

    writer = threading.Thread(target=keep_booking)
    writer.start()
    try:
        while len(booked) < 3:
            assert writer.is_alive()
        for _ in range(2):
            backups.create(now=clock())
    finally:
        stop.set()
        writer.join()

    with copied_site(settings, newest()) as copy, copy.app_context():
        assert count("reservation") >= 3
        assert prove(now=clock()) == []
        if db.engine.dialect.name == "sqlite":
            assert db.session.scalar(sa.text("PRAGMA integrity_check")) == "ok"
            assert db.session.execute(sa.text("PRAGMA foreign_key_check")).all() == []
        lines = db.session.scalar(
            sa.text("SELECT count(DISTINCT reservation_id) FROM reservation_line")
        )
        assert lines == count("reservation")


@pytest.mark.clause("C14")
@pytest.mark.both_databases
def test_a_backup_says_nothing_and_is_for_its_owner_only(person, clock, settings, newest):
    made = backups.create(now=clock())

    assert [run.kind for run in made] == [BOOK, KEYS_BACKUP]
    for run in made:
        path = newest(run.kind)
        whole = path.read_bytes()
        assert not any(needle in whole for needle in (*person.in_book, *person.in_keys))
        assert b"CREATE TABLE" not in whole
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        digest = hashlib.sha256(whole).hexdigest()
        assert (run.size, run.digest, run.done_at) == (len(whole), digest, clock())
        assert backups.checksum_of(path).read_text() == f"{digest}  {path.name}\n"
    assert sorted(path.name for path in settings.backup_dir.iterdir()) == [
        ".lock", "book", "erasures.jsonl", "keys",
    ]  # fmt: skip


@pytest.mark.clause("C12")
@pytest.mark.clause("C14")
def test_the_keys_backups_are_gone_after_their_days_and_the_books_after_theirs(
    place, clock, settings, newest
):
    backups.create(now=clock())
    stray = newest(KEYS_BACKUP).with_name("copied-by-hand.backup")  # no row knows of it
    stray.write_bytes(newest(KEYS_BACKUP).read_bytes())

    clock.move(timedelta(days=settings.keys_backup_days, seconds=-1))
    assert backups.forget_old(now=clock()) == []
    clock.move(timedelta(seconds=1))
    assert len(backups.forget_old(now=clock())) == 2

    assert list((settings.backup_dir / "keys").iterdir()) == []
    assert len(backups.files(BOOK, settings)) == 1
    assert [run.gone_at for run in runs()] == [None, clock()]

    clock.move(timedelta(days=settings.backup_days))
    backups.forget_old(now=clock())
    assert list((settings.backup_dir / "book").iterdir()) == []


@pytest.mark.clause("C12")
def test_the_worker_keeps_to_the_keys_days(place, clock, settings, newest):
    backups.create(now=clock())
    old = newest(KEYS_BACKUP)

    clock.move(timedelta(days=settings.keys_backup_days))
    tidy(clock())

    assert not old.exists()
    assert not backups.checksum_of(old).exists()


@pytest.mark.clause("C12")
def test_a_key_file_that_cannot_be_read_goes_by_its_files_time(place, clock, settings):
    folder = settings.backup_dir / "keys"
    folder.mkdir(parents=True)
    (folder / "odd.backup").write_bytes(b"nothing of ours")
    (folder / "README").write_text("not ours to delete")

    gone = backups.forget_old(now=clock())

    assert gone == ["odd.backup"]
    assert [path.name for path in folder.iterdir()] == ["README"]


@pytest.mark.clause("C14")
def test_a_backup_that_fails_is_a_row_and_a_line_in_the_log(place, clock, settings, caplog):
    settings.backup_dir.mkdir()
    (settings.backup_dir / "keys").write_text("in the way")

    with caplog.at_level(logging.ERROR), pytest.raises(FileExistsError):
        backups.create(now=clock())

    book, keys = runs()
    assert (book.failure, keys.failure, keys.done_at) == (None, "FileExistsError", None)
    assert "backup failed: keys FileExistsError" in caplog.text
    assert len(backups.files(BOOK, settings)) == 1


def test_two_backups_are_never_made_at_once(place, clock, settings):
    with alone(settings.backup_dir), pytest.raises(AlreadyRunning):
        backups.create(now=clock())

    assert runs() == []


@pytest.mark.clause("C14")
def test_the_worker_backs_up_once_a_night(place, clock):
    made = []
    clock.move(timedelta(hours=-9))  # eleven in the evening, the day before
    for _ in range(2 * 24):
        tidy(clock())
        made.append(len(runs()) // 2)
        clock.move(timedelta(hours=1))

    hours = [number for number, (one, two) in enumerate(pairwise(made)) if one != two]
    assert hours == [1, 25]


def test_who_sleeps_at_night_is_backed_up_by_day(place, clock):
    assert not daily.is_due(now=clock())
    clock.move(timedelta(hours=27))
    assert daily.is_due(now=clock())
    backups.create(now=clock())
    assert not daily.is_due(now=clock() + timedelta(hours=10))
    assert daily.is_due(now=clock() + timedelta(hours=27))


@pytest.mark.both_databases
def test_the_command_tells_a_program_what_it_made(place, environ, settings):
    rows = json.loads(run_flask(environ, "backup", "create", "--json"))

    assert [row["kind"] for row in rows] == ["book", "keys"]
    for row in rows:
        path = settings.backup_dir / row["kind"] / row["name"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]


@pytest.mark.parametrize(("version", "error"), [(None, ToolMissing), ("9.6.1", ToolOlder)])
@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgres)],
                         indirect=True)  # fmt: skip
def test_a_program_of_postgresql_that_is_missing_or_old_is_named(
    place, clock, tmp_path, monkeypatch, version, error
):
    programs = tmp_path / "programs"
    programs.mkdir()
    if version:
        (programs / "pg_dump").write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n")
        (programs / "pg_dump").chmod(0o700)
    monkeypatch.setattr(copies, "DEBIAN", tmp_path / "nowhere")
    monkeypatch.setenv("PATH", str(programs))

    with pytest.raises(error, match="pg_dump"):
        backups.create(now=clock())

    assert runs()[0].failure == error.__name__


@pytest.mark.clause("C14")
def test_the_password_of_a_database_is_in_no_command(monkeypatch, tmp_path):
    url = sa.make_url("postgresql+psycopg://me:sesame@/book?host=/nowhere")

    assert copies._around(url)["PGPASSWORD"] == "sesame"
    assert "PGPASSWORD" not in os.environ


def test_what_a_crash_left_is_cleared_away(place, clock, settings):
    backups.create(now=clock())
    old, young = (settings.backup_dir / f"scratch-{name}" for name in ("old", "young"))
    for path in (old, young):
        path.mkdir()
    os.utime(old, (0, 0))
    draft = settings.backup_dir / "keys" / "keys-x.backup.partial"
    draft.write_bytes(b"half")
    os.utime(draft, (0, 0))

    backups.forget_old(now=clock())

    assert not old.exists()
    assert young.exists()
    assert not draft.exists()


@pytest.mark.clause("C12")
def test_the_ledgers_file_follows_each_erasure(place, clock, settings):
    made = make_person(now=clock())
    from_file = settings.backup_dir / "erasures.jsonl"
    assert not from_file.exists()

    erase(made, now=clock())

    lines = from_file.read_text().splitlines()
    assert len(lines) == len(made.person_ids)
    assert not any(person_id in from_file.read_text() for person_id in made.person_ids)
