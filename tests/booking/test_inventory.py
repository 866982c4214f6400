"""No night and no session is ever taken more often than there are places, by whatever way."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.booking.holds import hold
from app.booking.inventory import NightsClaim, PlacesTaken, SeatsClaim, give_back, take
from app.booking.models import Night, OfferRow, Reservation, SessionPlaces
from app.core.database import db, in_one_go
from tests.booking.places import (
    BOAT,
    NOW,
    ROOM,
    TOUR,
    at_once,
    night,
    open_house,
    refusals,
    stay,
    taken,
    tour,
)

UNITS, SEATS = 3, 5

nights_claims = st.builds(
    lambda first, nights, quantity: NightsClaim(
        ROOM, night(first), night(first + nights), quantity, UNITS
    ),
    st.integers(0, 6),
    st.integers(1, 4),
    st.integers(1, 2),
)
seats_claims = st.builds(
    lambda day, people: SeatsClaim(BOAT, TOUR + timedelta(days=day), people, SEATS),
    st.integers(0, 1),
    st.integers(1, 4),
)
claims = st.lists(st.one_of(nights_claims, seats_claims), min_size=1, max_size=3)


def places(claim):
    on = claim.nights() if isinstance(claim, NightsClaim) else [claim.starts_at]
    return Counter(dict.fromkeys(on, claim.quantity))


def most(place):
    return SEATS if place.__class__ is TOUR.__class__ else UNITS


@pytest.mark.both_databases
def test_counters_are_those_of_a_model_that_just_counts(context):
    open_house(UNITS, SEATS)

    @settings(max_examples=60)
    @given(st.lists(st.tuples(claims, st.booleans()), max_size=12))
    def history(steps):
        model, live = Counter(), []
        for wanted, gives_back_first in steps:
            if gives_back_first and live:
                gone = live.pop(len(live) // 2)
                give_back(db.session.connection(), gone)
                model.subtract(sum(map(places, gone), Counter()))
            asked = sum(map(places, wanted), Counter())
            fits = all(model[place] + count <= most(place) for place, count in asked.items())
            try:
                take(db.session.connection(), wanted)
            except PlacesTaken:
                assert not fits
            else:
                assert fits
                model.update(asked)
                live.append(wanted)
            assert taken() == +model
        db.session.rollback()

    history()


@pytest.mark.both_databases
def test_back_to_back_stays_share_no_night(context):
    open_house(units=1)
    connection = db.session.connection()

    take(connection, [NightsClaim(ROOM, night(0), night(2), 1, 1)])
    take(connection, [NightsClaim(ROOM, night(2), night(4), 1, 1)])

    assert taken() == {night(n): 1 for n in range(4)}


@pytest.mark.both_databases
def test_a_refusal_names_what_is_taken_and_moves_nothing(context):
    open_house(units=1, seats=4)
    connection = db.session.connection()
    take(connection, [NightsClaim(ROOM, night(1), night(2), 1, 1)])
    free = SeatsClaim(BOAT, TOUR, 2, 4)
    full = NightsClaim(ROOM, night(0), night(3), 1, 1)

    with pytest.raises(PlacesTaken) as refusal:
        take(connection, [free, full])

    assert refusal.value.claims == [full]
    assert taken() == {night(1): 1}
    take(connection, [free])  # the transaction goes on


@pytest.mark.both_databases
def test_a_new_counter_has_what_the_offer_has_and_not_what_an_old_catalogue_says(context):
    open_house(units=3, seats=5)

    take(db.session.connection(), [NightsClaim(ROOM, night(0), night(2), 1, 9)])
    take(db.session.connection(), [SeatsClaim(BOAT, TOUR, 1, 9)])

    assert set(db.session.scalars(sa.select(Night.capacity))) == {3}
    assert set(db.session.scalars(sa.select(SessionPlaces.capacity))) == {5}


@pytest.mark.both_databases
def test_who_makes_a_counter_waits_for_the_owner_who_is_changing_the_offer(context, app):
    open_house(units=3)
    db.session.get(OfferRow, ROOM, with_for_update={"key_share": True}).units = 2
    db.session.flush()

    def buy():
        with app.app_context():
            take(db.session.connection(), [NightsClaim(ROOM, night(0), night(1), 1, 3)])
            db.session.commit()

    buyer = threading.Thread(target=buy)
    buyer.start()
    buyer.join(0.3)
    waited = buyer.is_alive()
    db.session.commit()
    buyer.join()

    assert waited
    assert db.session.scalars(sa.select(Night.capacity)).all() == [2]


def test_two_lines_of_one_basket_count_together(context):
    open_house(units=1)
    connection = db.session.connection()
    twice = [
        NightsClaim(ROOM, night(0), night(2), 1, 1),
        NightsClaim(ROOM, night(1), night(3), 1, 1),
    ]

    with pytest.raises(PlacesTaken):
        take(connection, twice)

    assert not taken()


@pytest.mark.both_databases
@pytest.mark.parametrize("model", [Night, SessionPlaces])
@pytest.mark.parametrize("count", [-1, 2])
def test_the_database_itself_refuses_what_cannot_be(context, model, count):
    open_house(units=1, seats=1)
    wanted = [NightsClaim(ROOM, night(0), night(1), 1, 1), SeatsClaim(BOAT, TOUR, 1, 1)]
    take(db.session.connection(), wanted)

    with pytest.raises(sa.exc.IntegrityError):
        db.session.connection().execute(sa.update(model).values(taken=count))

    db.session.rollback()


@pytest.mark.both_databases
@pytest.mark.parametrize("price", [lambda house: stay(house, 0, 3), lambda house: tour(house, 1)])
def test_of_many_who_want_the_last_places_as_many_get_one_as_there_are(app, price):
    with app.app_context():
        house = open_house(units=3, seats=3)

    def book():
        return in_one_go(lambda: hold(house, price(house), language="en", now=NOW))

    ends = at_once(app, *[book] * 8)

    assert len(refusals(ends)) == 5
    assert all(isinstance(end, PlacesTaken) for end in refusals(ends))
    with app.app_context():
        assert set(taken().values()) == {3}
        assert db.session.scalar(sa.select(sa.func.count(Reservation.id))) == 3


@pytest.mark.both_databases
def test_writers_that_want_several_things_in_another_order_do_not_wait_in_a_circle(app):
    with app.app_context():
        open_house(units=50, seats=50)
    one = NightsClaim(ROOM, night(0), night(3), 1, 50)
    other = NightsClaim(ROOM, night(2), night(5), 1, 50)
    seat = SeatsClaim(BOAT, TOUR, 1, 50)

    def work(wanted):
        for _ in range(5):
            in_one_go(lambda: take(db.session.connection(), wanted))

    ends = at_once(
        app, *(lambda w=w: work(w) for w in ([one, other, seat], [seat, other, one]) * 2)
    )

    assert refusals(ends) == []
    with app.app_context():
        assert taken()[TOUR] == 20
        assert taken()[night(2)] == 40


def test_taking_costs_the_same_however_much_is_booked(context, count_queries):
    house = open_house(units=200)
    with count_queries() as first:
        hold(house, stay(house, 0, 7), language="en", now=NOW)
    for _ in range(150):
        hold(house, stay(house, 0, 7), language="en", now=NOW)

    with count_queries() as later:
        hold(house, stay(house, 0, 7), language="en", now=NOW)

    assert len(later) <= len(first)
    assert len(later) <= 5, later
