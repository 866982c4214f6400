"""A clock that is set back or ahead, or that summer time moves, sells nothing twice (C16)."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.accounts.sessions import HOUSE_IDLE_LIMIT
from app.booking.models import Reservation
from app.booking.reservations import prove
from app.continuity import daily
from app.continuity.models import BackupRun
from app.core.database import db
from app.core.limits import Limit, TooManyRequests, spend
from app.core.worker import tidy
from tests.accounts.ways import sign_in
from tests.house.visitor import Visitor

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def states(app, clock):
    """Return what became of each reservation, having proved the counters."""
    with app.app_context():
        assert prove(now=clock()) == []
        found = db.session.scalars(sa.select(Reservation.status).order_by(Reservation.id)).all()
        db.session.rollback()
        return found


def worker_looks(app, clock):
    with app.app_context():
        tidy(clock())


@pytest.mark.both_databases(usually="sqlite")
def test_an_hour_back_within_a_hold_neither_frees_it_nor_sells_it_twice(place, clock, visitor):
    clock.move(DAY)
    details = visitor.hold(visitor.choose_stay("boathouse"))
    clock.move(-HOUR)
    worker_looks(place, clock)

    taken = Visitor(place).choose_stay("boathouse")
    assert "/hold" not in taken.text or Visitor(place).hold(taken).status == 409
    page = visitor.open(details.url)
    assert page.status == 200
    done = visitor.pay(visitor.tell(page))

    assert "You are expected" in done.words
    assert states(place, clock) == ["confirmed"]


@pytest.mark.both_databases(usually="sqlite")
def test_a_day_ahead_within_a_payment_sells_the_nights_once(place, clock, visitor):
    check = visitor.tell(visitor.hold(visitor.choose_stay("boathouse")))
    bank = visitor.send(check.form("/pay"))
    clock.move(DAY)
    worker_looks(place, clock)
    other = Visitor(place)
    bought = other.pay(other.tell(other.hold(other.choose_stay("boathouse"))))
    assert "You are expected" in bought.words
    clock.move(-DAY)

    late = visitor.follow(visitor.send(bank.form("/pay"), go_on=False))
    worker_looks(place, clock)

    assert late.status in (200, 409)
    assert sorted(states(place, clock)).count("confirmed") == 1


def test_a_clock_set_back_to_before_the_terms_asks_to_wait_and_then_books(
    place, clock, visitor, caplog
):
    details = visitor.hold(visitor.choose_stay("boathouse"))
    clock.move(-365 * DAY)

    refused = visitor.tell(details)
    assert refused.status == 503
    assert "try again in a minute" in refused.title
    assert "Traceback" not in caplog.text
    assert "File " not in caplog.text
    clock.move(365 * DAY)

    assert "You are expected" in visitor.pay(visitor.tell(details)).words
    assert states(place, clock) == ["confirmed"]


def test_a_session_outlives_its_limits_by_no_more_than_the_clock_was_set_back(place, clock):
    owner = sign_in(place, clock, place.test_client())
    clock.move(-HOUR)

    assert owner.get("/owner/").status_code == 200
    clock.move(HOUR + HOUSE_IDLE_LIMIT)
    assert owner.get("/owner/").status_code == 303


def test_a_day_ahead_ends_a_session_and_a_day_back_does_not_lock_anybody_out(place, clock):
    owner = sign_in(place, clock, place.test_client())
    clock.move(DAY)
    assert owner.get("/owner/").status_code == 303
    again = sign_in(place, clock, place.test_client())
    clock.move(-DAY)

    assert again.get("/owner/").status_code == 200
    assert again.get("/owner/system").status_code == 200


@pytest.mark.both_databases
def test_a_clock_set_back_counts_as_no_more_than_was_asked_for(context, clock):
    limit = Limit("test", burst=5, per_hour=60)
    spend(limit, "me", now=clock())
    clock.move(-HOUR)

    for _ in range(4):
        spend(limit, "me", now=clock())
    with pytest.raises(TooManyRequests):
        spend(limit, "me", now=clock())
    spend(limit, "me", now=clock.move(timedelta(minutes=5)))
    db.session.rollback()


def test_backups_go_on_after_a_day_on_which_the_clock_was_years_ahead(place, clock):
    years = timedelta(days=3650)
    with place.app_context():
        for kind in ("book", "keys"):
            at = clock() + years
            db.session.add(BackupRun(kind=kind, begun_at=at, done_at=at, name=kind))
        db.session.commit()
        clock.set(datetime(2031, 5, 6, 2, 30, tzinfo=UTC))  # half past four at the place

        assert daily.is_due(now=clock())


@pytest.mark.parametrize(
    ("arrive", "depart", "nights"),
    [("2031-10-25", "2031-10-27", 2), ("2032-03-27", "2032-03-29", 2)],
)
def test_nights_over_a_change_of_summer_time_are_whole_nights(place, clock, arrive, depart, nights):
    visitor = Visitor(place)
    visitor.dates = {"arrive": arrive, "depart": depart}

    basket = visitor.choose_stay("reed-room")
    done = visitor.pay(visitor.tell(visitor.hold(basket)))

    assert f"{nights} nights" in basket.words
    assert "You are expected" in done.words
    assert states(place, clock) == ["confirmed"]


def test_a_hold_in_the_hour_that_comes_twice_lasts_as_long_as_any(place, clock, visitor):
    clock.set(datetime(2031, 10, 26, 0, 50, tzinfo=UTC))  # ten to three, for the first time
    visitor.dates = {"arrive": "2031-11-10", "depart": "2031-11-13"}
    details = visitor.hold(visitor.choose_stay("reed-room"))
    clock.move(timedelta(minutes=20))  # ten past two, for the second time
    worker_looks(place, clock)

    assert "You are expected" in visitor.pay(visitor.tell(visitor.open(details.url))).words

    clock.move(timedelta(minutes=50))
    gone = visitor.hold(visitor.choose_stay("boathouse"))
    clock.move(timedelta(minutes=36))
    worker_looks(place, clock)
    assert gone.status == 200
    assert states(place, clock) == ["confirmed", "released"]
