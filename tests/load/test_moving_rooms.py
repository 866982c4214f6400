"""While one guest's stay is moved to another unit, it may be given up: it leaves nothing behind.

PostgreSQL lets both happen at once; SQLite has one writer.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.booking.holds import hold, release
from app.booking.prices import StayWish, quote
from app.booking.shop import shop
from app.core.database import db, in_one_go
from tests.conftest import SettableClock
from tests.load.books import Books

PATIENCE = 20  # seconds


def _hold(first: date, arrive: int, depart: int, clock: SettableClock) -> int:
    """Hold a suite for the nights from `arrive` on, counted from the first; return its id."""
    catalogue = shop().catalogue
    suite = catalogue.stay("lagoon-suite")
    assert suite is not None
    assert suite.units == 2
    days = (first + timedelta(days=day) for day in (arrive, depart))
    priced = quote(catalogue, [StayWish(suite, *days, adults=2)])
    held = in_one_go(lambda: hold(catalogue, priced, language="en", now=clock()))
    return held.reservation_id


def _wait_until_somebody_waits() -> None:
    """Wait until a connection of this database waits for a lock that another one holds."""
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    end = time.monotonic() + PATIENCE
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.scalar(waiting):
            assert time.monotonic() < end, "nobody waits: the two no longer meet"
            time.sleep(0.01)


@pytest.mark.clause("C16")
@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_stay_that_is_given_up_while_it_is_moved_frees_its_unit(
    place: Flask, books: Books, clock: SettableClock
) -> None:
    """The unit is free on its nights for whoever comes next, and so the nights can be sold."""
    first = clock().date() + timedelta(days=60)
    with place.app_context():
        gone = _hold(first, 4, 5, clock)  # on the first unit
        _hold(first, 4, 5, clock)  # on the second
        _hold(first, 5, 7, clock)  # on the first: in the way of nights 4 and 5
        later = _hold(first, 6, 9, clock)  # on the second: changes places with it
        in_one_go(lambda: release(gone, now=clock(), only_run_out=False))

    def book() -> int:
        with place.app_context():
            return _hold(first, 4, 6, clock)

    with ThreadPoolExecutor(1) as elsewhere, place.app_context():
        assert release(later, now=clock(), only_run_out=False)
        booking = elsewhere.submit(book)
        _wait_until_somebody_waits()
        db.session.commit()
        booking.result(PATIENCE)

    books.assert_in_order()
    with place.app_context():
        _hold(first, 7, 9, clock)
        _hold(first, 7, 9, clock)
    books.assert_in_order()
