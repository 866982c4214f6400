"""The worker does what is due, and goes on when a part of it fails or it was away (D11)."""

import logging
import shutil
import time
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.core import outbox, worker
from app.core.database import db
from app.core.outbox import Job, enqueue
from app.core.worker import make_waker, tidy
from tests.house.visitor import Visitor


@pytest.fixture
def periodic(monkeypatch):
    """The work of every minute, in the test's hands."""
    works = []
    monkeypatch.setattr(worker, "_periodic", works)
    return works


def test_one_part_that_fails_stops_no_other_and_says_no_word(context, clock, periodic, caplog):
    done = []

    def fails(now):
        raise ValueError("Kanarie")

    periodic += [fails, done.append]
    with caplog.at_level(logging.DEBUG):
        tidy(clock())

    assert done == [clock()]
    assert "fails ValueError" in caplog.text
    assert "Kanarie" not in caplog.text


def test_a_part_that_leaves_a_transaction_open_spoils_no_other(context, clock, periodic):
    def leaves_it_open(now):
        db.session.execute(sa.text("UPDATE nothing SET x = 1"))

    def writes(now):
        enqueue("later", {}, now=now, not_before=now + timedelta(days=1))
        db.session.commit()

    periodic += [leaves_it_open, writes]
    tidy(clock())

    assert db.session.scalar(sa.select(sa.func.count()).select_from(Job)) == 1


def test_the_house_registers_its_own_work():
    names = {work.__name__ for work in worker._periodic}

    assert "tidy" in names


def test_what_is_due_is_done_every_minute(context, clock, periodic, monkeypatch):
    done = []
    monkeypatch.setattr(
        outbox, "_handlers", {"test": lambda payload, now: done.append(payload["n"])}
    )
    enqueue("test", {"n": 1}, now=clock())
    db.session.commit()

    tidy(clock())

    assert done == [1]


def test_a_queue_that_is_away_costs_a_visitor_nothing(settings, tmp_path, caplog):
    nowhere = tmp_path / "a file"
    nowhere.write_text("")
    wake = make_waker(replace(settings, testing=False, instance_dir=nowhere))

    wake(7)

    assert "could not be woken" in caplog.text
    assert str(nowhere) not in caplog.text


def test_a_mail_goes_out_by_the_worker_even_if_it_was_away(
    furnished_long_ago, instance, database, serve, environ, tmp_path, request
):
    for file in ("book.db", "keys.db"):
        shutil.copyfile(furnished_long_ago / file, instance / file)
    visitor = Visitor(serve())
    visitor.book()
    assert not list(instance.glob("mail/*.eml"))

    request.getfixturevalue("live_worker")

    end = time.monotonic() + 20
    while not list(instance.glob("mail/*.eml")) and time.monotonic() < end:
        time.sleep(0.1)
    [mail] = instance.glob("mail/*.eml")
    assert "-confirmed" in mail.name
