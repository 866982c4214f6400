"""Work is done once its cause is committed: never for a rollback, and again after a crash (D11)."""

import logging
import threading
from contextlib import suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.core import outbox
from app.core.database import db
from app.core.outbox import LEASE, MOST_ATTEMPTS, Job, enqueue, run_due, run_job


class Crash(BaseException):
    """The machine goes down: nothing of ours catches it."""


@pytest.fixture
def done(monkeypatch):
    """What the handler of "test" has done, and what it is to raise."""
    seen = []

    def handler(payload, now):
        seen.append({name: value for name, value in payload.items() if name != "job"})
        if trouble := payload.get("raises"):
            raise {"crash": Crash, "error": ValueError}[trouble](payload.get("says"))

    monkeypatch.setattr(outbox, "_handlers", {"test": handler})
    return seen


@pytest.fixture
def woken(app):
    """The jobs that the worker was woken for."""
    ids = []
    app.extensions["wake_worker"] = ids.append
    return ids


def jobs():
    found = list(db.session.execute(sa.select(Job.attempts, Job.last_error, Job.done_at)))
    db.session.rollback()
    return [tuple(row) for row in found]


@pytest.mark.both_databases
def test_a_rollback_leaves_no_work_and_wakes_nobody(context, clock, done, woken):
    enqueue("test", {"n": 1}, now=clock())
    db.session.rollback()
    enqueue("test", {"n": 2}, now=clock())
    assert woken == []
    db.session.commit()

    assert len(woken) == 1
    assert run_due(now=clock()) == 1
    assert done == [{"n": 2}]
    assert run_due(now=clock()) == 0


def test_work_for_later_waits_for_its_time(context, clock, done, woken):
    enqueue("test", {"n": 1}, now=clock(), not_before=clock() + timedelta(hours=1))
    db.session.commit()

    assert woken == []
    assert run_due(now=clock.move(timedelta(minutes=59))) == 0
    assert run_due(now=clock.move(timedelta(minutes=1))) == 1
    assert done == [{"n": 1}]


@pytest.mark.both_databases
def test_a_crash_in_the_middle_does_it_again_once_the_lease_is_over(context, clock, done):
    payload = {"raises": "crash"}
    enqueue("test", payload, now=clock())
    db.session.commit()
    with pytest.raises(Crash):
        run_due(now=clock())
    db.session.rollback()

    meanwhile = run_due(now=clock.move(LEASE - timedelta(seconds=1)))
    db.session.execute(sa.update(Job).values(payload={}))
    db.session.commit()
    again = run_due(now=clock.move(timedelta(seconds=1)))

    assert (meanwhile, again) == (0, 1)
    assert done == [payload, {}]


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_a_failure_is_kept_without_its_words_and_tried_again(context, clock, done, caplog):
    enqueue("test", {"raises": "error", "says": "Kanarie Zwölfelf"}, now=clock())
    db.session.commit()

    with caplog.at_level(logging.DEBUG):
        assert run_due(now=clock()) == 0

    assert jobs() == [(1, "ValueError", None)]
    assert "job failed" in caplog.text
    assert "ValueError" in caplog.text
    assert "Kanarie" not in caplog.text


def test_one_that_always_fails_is_tried_for_a_day_and_a_half_and_stops_no_other(
    context, clock, done
):
    begun = clock()
    enqueue("test", {"raises": "error"}, now=begun)
    db.session.commit()
    last = begun
    for _ in range(60 * 24 * 4 // 15):
        before = len(done)
        run_due(now=clock.move(timedelta(minutes=15)))
        if len(done) > before:
            last = clock()
    enqueue("test", {"fine": 1}, now=clock())
    db.session.commit()

    assert run_due(now=clock()) == 1
    assert done.count({"raises": "error"}) == MOST_ATTEMPTS
    assert timedelta(hours=30) < last - begun < timedelta(hours=40)


def test_a_topic_that_nobody_handles_is_kept(context, clock, done):
    enqueue("unheard of", {}, now=clock())
    db.session.commit()

    assert run_due(now=clock()) == 0
    assert jobs() == [(1, "KeyError", None)]


@pytest.mark.both_databases
def test_two_workers_do_not_do_the_same(app, clock, done):
    with app.app_context():
        enqueue("test", {}, now=clock())
        db.session.commit()
        [job_id] = db.session.scalars(sa.select(Job.id))
    results = []
    together = threading.Barrier(2)

    def both_have_looked(_c, _cursor, statement, *_):
        if statement.startswith("SELECT job.topic"):
            with suppress(threading.BrokenBarrierError):  # on SQLite the second waits outside
                together.wait(0.5)

    def work():
        with app.app_context():
            results.append(run_job(job_id, now=clock()))

    event.listen(Engine, "after_cursor_execute", both_have_looked)
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    event.remove(Engine, "after_cursor_execute", both_have_looked)

    assert sorted(results) == [False, True]
    assert done == [{}]


def test_a_second_try_goes_by_the_same_number(context, clock, monkeypatch):
    numbers = []

    def handler(payload, now):
        numbers.append(payload["job"])
        if len(numbers) < 2:
            raise ValueError

    monkeypatch.setattr(outbox, "_handlers", {"test": handler})
    for _ in range(2):
        enqueue("test", {}, now=clock())
    db.session.commit()
    run_due(now=clock())
    run_due(now=clock.move(LEASE))

    assert numbers[0] == numbers[2] != numbers[1]


def test_what_a_failing_job_wrote_is_undone(context, clock, monkeypatch):
    def handler(payload, now):
        enqueue("other", {}, now=now)
        raise ValueError

    monkeypatch.setattr(outbox, "_handlers", {"test": handler})
    enqueue("test", {}, now=clock())
    db.session.commit()

    run_due(now=clock())

    assert len(jobs()) == 1
