"""What a page says is free is what the next writer gets."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.booking.availability import free_nights, free_seats
from app.booking.holds import HOLD_TIME, hold, release_run_out
from app.booking.inventory import PlacesTaken
from app.core.database import db
from tests.booking.places import BOAT, FIRST, NOW, ROOM, TOUR, night, open_house, stay, tour

AFTER = NOW + HOLD_TIME


def test_where_nothing_was_ever_booked_everything_is_free(context):
    house = open_house(units=3, seats=4)
    room, boat = house.stays_by_id[ROOM], house.sessions_by_id[BOAT]

    nights = free_nights([room], FIRST, night(30), now=NOW)
    seats = free_seats([boat], TOUR, TOUR + timedelta(days=30), now=NOW)

    assert nights.through(room, FIRST, night(30)) == 3
    assert seats.at(boat, TOUR) == 4


@pytest.mark.both_databases
def test_a_stay_can_have_as_many_units_as_its_fullest_night(context):
    house = open_house(units=3)
    room = house.stays_by_id[ROOM]
    hold(house, stay(house, 1, 2), language="en", now=NOW)
    hold(house, stay(house, 2, 1), language="en", now=NOW)

    free = free_nights([room], FIRST, night(10), now=NOW)

    assert [free.on(room, night(n)) for n in range(4)] == [3, 2, 1, 3]
    assert free.through(room, night(0), night(1)) == 3
    assert free.through(room, night(0), night(3)) == 1
    assert free.through(room, night(3), night(9)) == 3


@pytest.mark.both_databases
def test_a_run_out_hold_counts_only_on_its_nights_within_the_window(context):
    house = open_house(units=1)
    room = house.stays_by_id[ROOM]
    hold(house, stay(house, 0, 6), language="en", now=NOW)

    held = free_nights([room], night(2), night(4), now=NOW)
    later = free_nights([room], night(2), night(4), now=AFTER)

    assert [held.on(room, night(n)) for n in (2, 3)] == [0, 0]
    assert later.left == {(ROOM, night(2)): 1, (ROOM, night(3)): 1}


@pytest.mark.both_databases
def test_readers_and_writers_agree_whatever_was_held_and_ran_out(context):
    house = open_house(units=2, seats=3)
    room, boat = house.stays_by_id[ROOM], house.sessions_by_id[BOAT]
    wishes = st.one_of(st.tuples(st.integers(0, 6), st.integers(1, 4)), st.integers(1, 2))

    def price(wish):
        return stay(house, *wish) if isinstance(wish, tuple) else tour(house, wish)

    @settings(max_examples=30)
    @given(st.lists(st.tuples(wishes, st.booleans()), max_size=8), wishes)
    def history(held, wish):
        for each, runs_out in held:
            now = NOW if runs_out else NOW + timedelta(minutes=1)
            with suppress(PlacesTaken):
                hold(house, price(each), language="en", now=now)
        if isinstance(wish, tuple):
            first, depart = night(wish[0]), night(sum(wish))
            said = free_nights([room], first, depart, now=AFTER).through(room, first, depart) > 0
        else:
            said = free_seats([boat], TOUR, TOUR + timedelta(1), now=AFTER).at(boat, TOUR) >= wish

        db.session.commit()
        release_run_out(now=AFTER)
        try:
            hold(house, price(wish), language="en", now=AFTER)
            got = True
        except PlacesTaken:
            got = False
        assert said == got

        db.session.rollback()
        release_run_out(now=AFTER + timedelta(hours=1))  # the next example begins with all free
        db.session.rollback()

    history()


@pytest.mark.both_databases
def test_reading_is_one_statement_however_much_is_booked(context, count_queries):
    house = open_house(units=100)
    room, boat = house.stays_by_id[ROOM], house.sessions_by_id[BOAT]
    for _ in range(50):
        hold(house, stay(house, 0, 5), language="en", now=NOW)

    with count_queries() as sent:
        free_nights([room], FIRST, night(60), now=AFTER)
        free_seats([boat], TOUR, TOUR + timedelta(days=60), now=AFTER)

    assert len(sent) == 2
