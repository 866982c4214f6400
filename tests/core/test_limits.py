"""A limit counts exactly, forgives evenly, and remembers nobody (D8, C17)."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.core.database import db
from app.core.limits import (
    Bucket,
    Limit,
    TooManyRequests,
    network_pseudonym,
    spend,
)
from app.core.sweeps import named

LIMIT = Limit("test", burst=5, per_hour=60)
SECRET = b"s" * 32


def spend_until_refused(who, *, now, most=1000):
    """Return how many requests were let through."""
    for count in range(most):
        try:
            spend(LIMIT, who, now=now)
            db.session.commit()
        except TooManyRequests:
            db.session.rollback()
            return count
    return most


@pytest.mark.both_databases
def test_the_burst_is_exact_and_others_are_not_affected(context, clock):
    assert spend_until_refused("one", now=clock()) == 5
    assert spend_until_refused("one", now=clock()) == 0
    assert spend_until_refused("two", now=clock()) == 5


@pytest.mark.both_databases
def test_it_is_forgiven_evenly_and_never_beyond_the_burst(context, clock):
    spend_until_refused("one", now=clock())

    after_a_minute = spend_until_refused("one", now=clock.move(timedelta(seconds=61)))
    after_a_day = spend_until_refused("one", now=clock.move(timedelta(days=1)))

    assert (after_a_minute, after_a_day) == (1, 5)


@pytest.mark.both_databases
def test_a_clock_that_goes_back_shuts_nobody_out_and_lets_nobody_through(context, clock):
    spend_until_refused("one", now=clock())

    assert spend_until_refused("one", now=clock.move(-timedelta(seconds=5))) == 0
    assert spend_until_refused("one", now=clock.move(timedelta(minutes=10))) == 5


@pytest.mark.both_databases
def test_threads_that_come_together_get_no_more_than_the_burst(app, clock):
    passed = []

    def come():
        with app.app_context():
            try:
                spend(LIMIT, "crowd", now=clock())
                db.session.commit()
                passed.append(1)
            except TooManyRequests:
                db.session.rollback()

    threads = [threading.Thread(target=come) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(passed) == 5


@pytest.mark.clause("C09")
@pytest.mark.clause("C17")
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "192.0.2.250", True),
        ("192.0.2.7", "192.0.3.7", False),
        ("2001:db8:1:22::1", "2001:db8:1:2f:ffff::9", True),
        ("2001:db8:1:22::1", "2001:db8:1:122::1", False),
        ("", "no address", True),
    ],
)
def test_a_network_is_a_pseudonym(clock, one, other, same):
    first, second = (network_pseudonym(SECRET, address, now=clock()) for address in (one, other))

    assert (first == second) is same
    assert len(first) == 32
    assert one not in first or not one


@pytest.mark.clause("C09")
@pytest.mark.clause("C17")
def test_the_pseudonym_changes_every_day_and_with_the_secret(clock):
    today = network_pseudonym(SECRET, "192.0.2.7", now=clock())
    tomorrow = network_pseudonym(SECRET, "192.0.2.7", now=clock.move(timedelta(days=1)))
    elsewhere = network_pseudonym(b"t" * 32, "192.0.2.7", now=clock())

    assert len({today, tomorrow, elsewhere}) == 3


@pytest.mark.clause("C12")
@pytest.mark.both_databases
def test_yesterdays_limits_are_forgotten(context, clock):
    spend(LIMIT, "old", now=clock())
    spend(LIMIT, "new", now=clock.move(timedelta(hours=23)))
    db.session.commit()

    gone = named("limits").carry_out(clock.move(timedelta(hours=2)))

    assert gone == 1
    assert list(db.session.scalars(sa.select(Bucket.name))) == ["test:new"]
