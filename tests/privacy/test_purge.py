"""The dry run says what the run then does, and changes nothing; a failed part stops no other."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import Person
from app.booking.models import Reservation
from app.core import outbox
from app.core import sweeps as registry
from app.core.database import db
from app.core.outbox import MOST_ATTEMPTS, Job
from app.core.sweeps import DAY, MINUTE, SweepStuck, named, sweeps
from app.core.tidying import JOB_KEPT
from app.core.vault import PersonKey
from app.privacy import purge_cli, purging  # noqa: F401 (its command)
from app.privacy.cli import privacy_cli
from app.privacy.models import ExportChunk, PurgeRun
from tests.payments.till import open_the_place
from tests.privacy import histories
from tests.privacy.histories import EVENTS


@pytest.fixture
def past(app, clock):
    """A place of which everything is long past; the clock stands years later."""
    with app.app_context():
        open_the_place()
        for number, event in enumerate((*EVENTS, *EVENTS)):
            event(clock() + timedelta(days=number), 5)
        # Somebody who asked once, and of whom nothing else was ever there.
        histories.person(clock())
        histories.wishes(clock() + timedelta(days=30), 5)
        db.session.commit()
    clock.move(timedelta(days=5 * 366))
    return app


def dump(instance):
    """Everything in both databases, as text."""
    said = []
    for file in ("book.db", "keys.db"):
        with closing(sqlite3.connect(instance / file)) as connection:
            said += list(connection.iterdump())
    return said


def purge(app, *options):
    """Run the command, and return what it printed as JSON."""
    done = app.test_cli_runner().invoke(privacy_cli, ["purge", "--json", *options])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.clause("C12")
def test_the_dry_run_says_what_the_run_does_and_changes_nothing(past, instance):
    before = dump(instance)
    would = purge(past, "--dry-run")
    assert dump(instance) == before

    went = purge(past)

    assert went["sweeps"] == would["sweeps"]
    assert went["total"] > 10
    assert {line["sweep"] for line in went["sweeps"] if line["count"]} >= {
        "unpaid",
        "bookings",
        "sessions",
        "mail-links",
        "readings",
        "requests",
        "restrictions",
        "permissions",
        "survey-links",
        "wishes",
        "download_pieces",
        "incident_people",
        "objections",
        "handed_over",
    }


@pytest.mark.clause("C12")
def test_it_says_of_each_why_it_goes(past):
    done = past.test_cli_runner().invoke(privacy_cli, ["purge"])

    assert "reservations that were held and never paid" in done.output
    assert "30 days after the time to pay ran out" in done.output
    assert "BGB §§ 195, 199" in done.output
    assert done.exit_code == 0


def test_what_is_purged_a_second_time_is_nothing(past):
    purge(past)
    purge(past)

    assert purge(past)["total"] == 0


@pytest.mark.clause("C12")
def test_who_never_paid_goes_with_their_key(context, clock):
    open_the_place()
    histories.unpaid(clock(), 5)
    db.session.commit()

    early = named("unpaid").carry_out(clock.move(timedelta(days=30)))
    late = named("unpaid").carry_out(clock.move(timedelta(minutes=35)))

    assert (early, late) == (0, 1)
    for gone in (Reservation, Person, PersonKey):
        assert db.session.scalar(sa.select(sa.func.count()).select_from(gone)) == 0


@pytest.mark.clause("C12")
@pytest.mark.parametrize("name", ["unpaid", "bookings", "papers", "requests"])
def test_without_its_sweep_something_would_stay(past, monkeypatch, name, clock):
    monkeypatch.delitem(registry._sweeps, name)
    purge(past)
    clock.move(timedelta(days=10 * 366))
    without = purge(past)
    monkeypatch.undo()

    left = purge(past, "--dry-run")

    assert name not in {line["sweep"] for line in without["sweeps"]}
    assert {line["sweep"] for line in left["sweeps"] if line["count"]} >= {name}


def test_a_part_that_fails_is_told_and_stops_no_other(past, monkeypatch, client, clock):
    def fails(keys, now):
        raise ValueError("Kanarie")

    monkeypatch.setitem(registry._sweeps, "unpaid", replace(named("unpaid"), remove=fails))

    done = past.test_cli_runner().invoke(privacy_cli, ["purge"])

    assert done.exit_code == 1
    assert "FAILED: ValueError" in done.output
    assert "Kanarie" not in done.output
    with past.app_context():
        run = purging.last_run()
        assert run.failed == ["unpaid"]
        assert run.counts["bookings"] > 0
    assert "One part of it failed" in client.get("/privacy/retention").text


def test_the_worker_purges_once_a_day_and_mends_nothing_twice(past, clock):
    with past.app_context():
        purging.purge_daily(clock())
        first = purging.last_run()
        assert first.counts["unpaid"] > 0
        at = first.at
        purging.purge_daily(clock.move(timedelta(hours=1)))
        assert purging.last_run().at == at
        purging.purge_daily(clock.move(timedelta(days=1)))

        days = db.session.scalars(sa.select(PurgeRun.day)).all()

    assert len(days) == 2


def test_a_sweep_that_takes_nothing_away_stops(past, clock):
    with past.app_context():
        stuck = replace(named("unpaid"), remove=lambda keys, now: None, batch=1)

        with pytest.raises(SweepStuck):
            stuck.carry_out(clock())


def test_a_big_book_goes_in_batches(past, clock, count_queries):
    with past.app_context():
        sweep = replace(named("unpaid"), batch=1)
        due = sweep.count(clock())

        with count_queries() as sent:
            gone = sweep.carry_out(clock())

    assert gone == due == 4
    assert sum("DELETE FROM reservation" in one for one in sent) == 4


def test_a_minute_without_anything_to_do_costs_a_statement_a_sweep(context, clock, count_queries):
    with count_queries() as sent:
        registry.sweep_every_minute(clock())

    assert len(sent) == len(sweeps(MINUTE))
    assert all(one.startswith("SELECT") for one in sent)
    assert len(sweeps(DAY)) > len(sweeps(MINUTE))


@pytest.mark.both_databases
@pytest.mark.clause("C12")
def test_jobs_are_forgotten_a_while_after_they_were_done_or_given_up_and_others_are_not(
    context, clock, monkeypatch
):
    def fail(_payload, _now):
        raise OSError

    monkeypatch.setitem(outbox._handlers, "test-never", fail)
    for topic, done_at in (("test-never", None), ("test-done", clock())):
        db.session.add(
            Job(topic=topic, payload={}, created_at=clock(), not_before=clock(), done_at=done_at)
        )
    db.session.commit()
    for _ in range(MOST_ATTEMPTS):
        last_try = clock()
        outbox.run_due(now=last_try)
        clock.set(db.session.scalar(sa.select(Job.not_before).where(Job.topic == "test-never")))
        db.session.rollback()
    db.session.add(Job(topic="test-ahead", payload={}, created_at=clock(), not_before=clock()))
    db.session.commit()

    early = named("jobs").carry_out(last_try + JOB_KEPT - timedelta(seconds=1))
    late = named("jobs").carry_out(last_try + JOB_KEPT)

    assert (early, late) == (1, 1)
    assert db.session.scalars(sa.select(Job.topic)).all() == ["test-ahead"]


@pytest.mark.clause("C17")
def test_a_download_is_gone_on_time(context, clock):
    open_the_place()
    histories.unpaid(clock(), 5)
    histories.wishes(clock(), 5)
    db.session.commit()

    registry.sweep_every_minute(clock.move(timedelta(hours=72, minutes=-1)))
    before = db.session.scalar(sa.select(sa.func.count()).select_from(ExportChunk))
    registry.sweep_every_minute(clock.move(timedelta(minutes=1)))

    assert before == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ExportChunk)) == 0
