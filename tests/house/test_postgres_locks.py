"""Beside a transaction that is stuck elsewhere, PostgreSQL lets no page hang (C19).

As on SQLite, where somebody writes: see `test_unavailable`.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import psycopg
import pytest
import sqlalchemy as sa

from app.booking.models import Reservation
from app.core import database as core_database
from app.core import schema
from app.core.database import PATIENCE_OF_PAGES, db, patience, patiently, writing
from app.core.unavailable import BUSY, why_unavailable
from app.privacy.stores import overwrite
from app.web import pages
from tests.accounts.ways import sign_in

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize("database", ["postgresql"], indirect=True),
    pytest.mark.clause("C19"),
]

SHORTLY = 50  # milliseconds
LONGEST = 20  # seconds that a test waits for what must come
WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def elsewhere(database, monkeypatch):
    """Have another program hold a lock; pages are impatient, so that tests needn't be."""
    monkeypatch.setattr(pages, "PATIENCE_OF_PAGES", SHORTLY)

    @contextmanager
    def hold(statement):
        with closing(psycopg.connect(database.url)) as other:
            other.execute(statement)
            yield other
            other.rollback()

    return hold


def wait_until(connection, question):
    """Wait until a question is answered by yes."""
    end = time.monotonic() + LONGEST
    while not connection.execute(question).fetchone()[0]:
        assert time.monotonic() < end, question
        time.sleep(0.01)


def timeouts():
    """Return what the connection at hand waits for a lock, and for us, at the most."""
    names = ("lock_timeout", "idle_in_transaction_session_timeout")
    return [db.session.scalar(sa.text(f"SHOW {name}")) for name in names]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT key_digest FROM basket FOR UPDATE",
        "LOCK TABLE night IN EXCLUSIVE MODE",
        "LOCK TABLE reservation IN EXCLUSIVE MODE",
    ],
)
def test_a_hold_is_asked_to_come_again_and_succeeds_once_the_lock_is_gone(
    place, visitor, elsewhere, statement
):
    basket = visitor.choose_stay()

    with elsewhere(statement):
        began = time.monotonic()
        refused = visitor.send(basket.form("/hold"), go_on=False)
        took = time.monotonic() - began
        read = visitor.open("/offers/reed-room").status

    assert (refused.status, refused.header("Retry-After")) == (503, "10")
    assert refused.title == "Not just now: please try again in a minute"
    assert took < LONGEST
    assert read == 200
    held = visitor.send(refused.form("/hold"))
    assert held.status == 200
    with place.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Reservation)) == 1


def test_a_page_that_cannot_be_read_says_so_and_nobody_is_signed_out(
    place, clock, elsewhere, monkeypatch
):
    monkeypatch.setattr("app.accounts.sessions.PATIENCE_OF_PAGES", SHORTLY)
    owner = sign_in(place, clock, place.test_client())

    for locked in ("session", "venue"):
        with elsewhere(f'LOCK TABLE "{locked}" IN ACCESS EXCLUSIVE MODE'):
            assert owner.get("/owner/").status_code == 503

    assert owner.get("/owner/").status_code == 200


def test_pages_wait_for_less_than_jobs_and_each_connection_is_told_when_that_changes(context):
    def after_a_rollback():
        db.session.rollback()
        return timeouts()

    told = [after_a_rollback()]
    token = patience.set(PATIENCE_OF_PAGES)
    told.append(after_a_rollback())
    with writing(hurried=True):
        told.append(timeouts())
    told += [after_a_rollback(), after_a_rollback()]
    patience.reset(token)
    told.append(after_a_rollback())

    of_jobs, of_pages = ["15s", "0"], ["5s", "5min"]
    assert told == [of_jobs, of_pages, ["250ms", "5min"], of_pages, of_pages, of_jobs]


@pytest.mark.parametrize(
    ("locked", "work"),
    [("alembic_version", schema.upgrade), ("activity_line", lambda _app: overwrite())],
)
def test_migrations_and_the_vacuum_wait_as_long_as_it_takes(
    context, database, elsewhere, locked, work
):
    def impatiently():
        token = patience.set(SHORTLY)
        try:
            with context.app_context():
                work(context)
        finally:
            patience.reset(token)

    db.session.rollback()
    with (
        elsewhere(f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE") as other,
        ThreadPoolExecutor(1) as thread,
        closing(psycopg.connect(database.url, autocommit=True)) as watch,
    ):
        working = thread.submit(impatiently)
        wait_until(watch, f"{WAITING} AND state_change < clock_timestamp() - interval '0.2 s'")
        other.rollback()
        working.result(LONGEST)


def test_what_a_page_began_and_left_alone_is_ended_and_keeps_no_lock(
    context, database, monkeypatch
):
    monkeypatch.setattr(core_database, "_LEFT_ALONE", SHORTLY)
    db.session.rollback()
    token = patience.set(SHORTLY)
    db.session.execute(sa.text("LOCK TABLE night IN EXCLUSIVE MODE"))
    pid = db.session.scalar(sa.text("SELECT pg_backend_pid()"))

    with closing(psycopg.connect(database.url, autocommit=True)) as watch:
        wait_until(watch, f"SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = {pid}")
    with pytest.raises(sa.exc.DBAPIError) as gone:
        db.session.execute(sa.text("SELECT 1"))
    db.session.rollback()
    patience.reset(token)

    assert why_unavailable(gone.value) == BUSY
    assert db.session.scalar(sa.text("SELECT 1")) == 1


def test_as_long_as_it_takes_is_a_day(context):
    db.session.rollback()
    with patiently():
        assert timeouts() == ["1d", "0"]
    db.session.rollback()
