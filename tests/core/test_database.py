"""A page that only reads can't write, writers lose nothing, and time is aware (D3, D4)."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from app.booking.models import VenueRow
from app.core.database import (
    KEYS,
    UtcDateTime,
    after_commit,
    db,
    in_one_go,
    patience,
    reading,
    writing,
)
from app.core.outbox import Job
from tests.servers import ROOT, surroundings

COUNTER = sa.text("SELECT attempts FROM job WHERE id = 1")
CLIMB = """
import os, sys
from flask import Flask
from app.core.database import KEYS, db
import sqlalchemy as sa
app = Flask("climb")
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
app.config["SQLALCHEMY_BINDS"] = {KEYS: os.environ["KEYS_DATABASE_URL"]}
db.init_app(app)
with app.app_context():
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[1])):
        seen = db.session.execute(sa.text("SELECT attempts FROM job WHERE id = 1")).scalar_one()
        db.session.execute(sa.text("UPDATE job SET attempts = :n WHERE id = 1"), {"n": seen + 1})
        db.session.commit()
"""


def a_job(now):
    job = Job(id=1, topic="test", payload={}, created_at=now, not_before=now, attempts=0)
    db.session.add(job)
    db.session.commit()


def test_sqlite_is_set_up_for_many_processes(context):
    def pragma(name):
        return db.session.execute(sa.text(f"PRAGMA {name}")).scalar_one()

    assert pragma("journal_mode") == "wal"
    assert pragma("foreign_keys") == 1
    assert pragma("busy_timeout") >= 5000
    assert pragma("synchronous") == 2  # FULL
    assert pragma("secure_delete") == 1


def test_the_keys_database_is_set_up_alike(context):
    with db.engines[KEYS].connect() as connection:
        found = [
            connection.execute(sa.text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "foreign_keys", "secure_delete")
        ]

    assert found == ["wal", 1, 1]


def test_a_writer_takes_the_lock_as_it_begins_and_a_reader_does_not(context):
    with db.engine.connect() as writer, db.engine.connect() as second:
        writer.execute(sa.text("SELECT 1"))
        assert writer.in_transaction()

        waits = patience.set(0)
        with pytest.raises(sa.exc.OperationalError, match="locked"):
            second.execute(sa.text("SELECT 1"))
        patience.reset(waits)

        token = reading.set(True)
        try:
            assert db.session.execute(sa.text("SELECT 1")).scalar_one() == 1
        finally:
            reading.reset(token)
            db.session.rollback()


@pytest.mark.load
def test_no_update_of_several_processes_is_lost(context, clock, environ):
    a_job(clock())
    each, processes = 150, 4

    started = [
        subprocess.Popen(
            [sys.executable, "-c", CLIMB, str(each)],
            cwd=ROOT, env=surroundings(environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(processes)
    ]  # fmt: skip
    for process in started:
        assert process.stdout.readline() == b"ready\n"
    for process in started:
        process.stdin.write(b"go\n")
        process.stdin.close()
    for process in started:
        process.stdout.read()
        process.stdout.close()

    assert [process.wait(60) for process in started] == [0] * processes
    assert db.session.execute(COUNTER).scalar_one() == each * processes


@pytest.mark.both_databases
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_that_writes_fails(app, clock, method):
    with app.app_context():
        a_job(clock())

    def writes():
        db.session.execute(sa.text("UPDATE job SET attempts = 7"))
        db.session.commit()
        return "written"

    app.add_url_rule("/writes", view_func=writes, methods=["GET", "POST"])
    client = app.test_client()

    refused = client.open("/writes", method=method)
    with app.app_context():
        before = db.session.execute(COUNTER).scalar_one()
    taken = client.post("/writes")

    assert (refused.status_code, before) == (500, 0)
    assert (taken.status_code, taken.text) == (200, "written")


@pytest.mark.both_databases
def test_a_page_may_write_where_it_says_so(app, clock):
    with app.app_context():
        a_job(clock())

    def writes():
        with writing():
            db.session.execute(sa.text("UPDATE job SET attempts = 7"))
            db.session.commit()
        return str(db.session.execute(COUNTER).scalar_one())

    def then_reads():
        with writing():
            pass
        db.session.execute(sa.text("UPDATE job SET attempts = 8"))
        return "written"

    app.add_url_rule("/writes", view_func=writes)
    app.add_url_rule("/reads", view_func=then_reads)

    assert app.test_client().get("/writes").text == "7"
    assert app.test_client().get("/reads").status_code == 500


@pytest.mark.both_databases
def test_reading_never_leaks_into_the_next_request(app, clock):
    with app.app_context():
        a_job(clock())
    app.add_url_rule("/fails", view_func=lambda: 1 / 0)
    client = app.test_client()

    for _ in range(3):
        assert client.get("/fails").status_code == 500
        client.get("/healthz")

    assert reading.get() is False
    with app.app_context():
        db.session.execute(sa.text("UPDATE job SET attempts = 1"))
        db.session.commit()


@pytest.mark.both_databases
def test_being_ready_takes_no_lock(app):
    with app.app_context(), db.engine.connect() as writer:
        writer.execute(sa.text("SELECT 1"))
        answer = app.test_client().get("/readyz")

    assert (answer.status_code, answer.text) == (200, "ready\n")


@pytest.mark.both_databases
def test_instants_come_back_aware_and_in_utc(context):
    there = timezone(timedelta(hours=5, minutes=30))
    job = Job(
        topic="t",
        payload={},
        created_at=datetime(2031, 3, 30, 2, 30, tzinfo=there),
        not_before=datetime(2031, 1, 1, tzinfo=UTC),
    )
    db.session.add(job)
    db.session.commit()
    db.session.expire_all()

    assert job.created_at == datetime(2031, 3, 29, 21, 0, tzinfo=UTC)
    assert job.created_at.tzinfo is UTC
    with pytest.raises(ValueError, match="zone"):
        UtcDateTime().process_bind_param(datetime(2031, 1, 1), None)  # noqa: DTZ001


@pytest.mark.both_databases
def test_what_waits_for_the_commit_is_forgotten_by_a_rollback(context, clock):
    done = []
    db.session.execute(sa.text("SELECT 1"))
    after_commit(lambda: done.append("rolled back"))
    db.session.rollback()

    db.session.execute(sa.text("SELECT 1"))
    after_commit(lambda: done.append("committed"))
    assert done == []
    db.session.commit()
    db.session.commit()

    assert done == ["committed"]


def test_work_that_lost_a_race_is_done_again_and_other_failures_are_not(context, clock):
    class Lost(Exception):
        sqlstate = "40001"

    class Broken(Exception):
        sqlstate = "42601"

    tried = []

    def work(error, times):
        tried.append(error)
        if len(tried) <= times:
            raise sa.exc.DBAPIError("SELECT", {}, error())
        return len(tried)

    assert in_one_go(lambda: work(Lost, 3)) == 4
    tried.clear()
    with pytest.raises(sa.exc.DBAPIError):
        in_one_go(lambda: work(Lost, 4))
    assert len(tried) == 4
    tried.clear()
    with pytest.raises(sa.exc.DBAPIError):
        in_one_go(lambda: work(Broken, 1))
    assert len(tried) == 1
    assert not db.session().in_transaction()


@pytest.mark.clause("C26")
def test_an_erased_value_is_gone_from_the_file(context, instance, clock):
    db.session.add(VenueRow(**_venue("Zwölfelfkanarie" * 40)))
    db.session.commit()
    assert b"lfelfkanarie" in everything(instance)

    db.session.execute(sa.delete(VenueRow))
    db.session.commit()
    db.session.execute(sa.text("SELECT 1"))
    db.session.rollback()
    with db.engine.connect() as connection:
        connection.connection.dbapi_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert b"lfelfkanarie" not in everything(instance)


def everything(instance):
    return b"".join(file.read_bytes() for file in instance.glob("book.db*"))


def _venue(text):
    return {
        "id": 1,
        "name": "House",
        "texts": {"en": {"tagline": text}},
        "picture": "",
        "zone": "Europe/Berlin",
        "currency": "EUR",
        "address": [],
        "email": "",
        "phone": "",
        "cancellation": "{}",
        "check_in": "15:00",
        "check_out": "11:00",
        "months_ahead": 12,
    }
