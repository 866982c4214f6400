"""Whoever the counters let in gets one room for all their nights, and a guest in the house stays.

Later stays change rooms when that is what it takes, so a room that is free in pieces
costs nobody their booking.
"""

from collections import Counter
from contextlib import suppress
from functools import partial
from threading import Event

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.booking.holds import hold, let_go
from app.booking.inventory import PlacesTaken
from app.booking.models import RELEASED, Reservation, ReservationLine, Seating
from app.booking.seating import misseated
from app.booking.seating_plan import NoSeating
from app.core.database import db, in_one_go
from tests.booking.places import NOW, at_once, night, open_house, refusals, seats_of, stay


def book(house, first, nights):
    """Hold a stay and return the id of its line. Raises PlacesTaken."""
    held = hold(house, stay(house, first, nights), language="en", now=NOW)
    line = sa.select(ReservationLine.id).where(
        ReservationLine.reservation_id == held.reservation_id
    )
    return db.session.scalar(line)


def call_off(line_id):
    """Release the hold of a line."""
    line = db.session.get(ReservationLine, line_id)
    which = sa.update(Reservation).where(Reservation.id == line.reservation_id)
    db.session.execute(which.values(status=RELEASED))
    let_go(db.session.connection(), line.reservation_id)


def unit_of(line_id):
    (unit,) = {unit for unit, _ in seats_of(line_id)}
    return unit


stays = st.tuples(st.integers(0, 12), st.integers(1, 6))
steps = st.lists(st.one_of(stays, st.integers(0, 20)), max_size=25)


@pytest.mark.both_databases
@pytest.mark.parametrize("units", [1, 3, 20])
def test_a_stay_is_accepted_exactly_when_each_night_has_a_room_left(context, units):
    house = open_house(units)
    crowd = 1 if units < 20 else 8  # so that a large house fills up too

    def try_to_book(model, live, first, nights):
        wanted = range(first, first + nights)
        before = {line: seats_of(line) for line, (arrive, _) in live.items() if arrive <= first}
        fits = all(model[on] < units for on in wanted)
        try:
            line = book(house, first, nights)
        except PlacesTaken:
            assert not fits
            return
        assert fits
        model.update(wanted)
        live[line] = (first, nights)
        for guest, rooms in before.items():
            assert seats_of(guest) == rooms, "somebody who had arrived was moved"

    @settings(max_examples=25)
    @given(steps)
    def history(steps):
        model, live = Counter(), {}
        for step in steps:
            if isinstance(step, tuple):
                for _ in range(crowd):
                    try_to_book(model, live, *step)
            elif live:
                line = list(live)[step % len(live)]
                first, nights = live.pop(line)
                model.subtract(range(first, first + nights))
                call_off(line)
            assert misseated(db.session.connection()) == []
        db.session.rollback()

    history()


def in_pieces(house):
    """Leave nights 1 to 4 free, but in no room of the two; return who stays in them.

    guest is in the house, short has the other room from night 3, and late comes on
    night 7 to the guest's room: only where short and late change rooms is one free.
    """
    passing = book(house, 0, 3)
    guest, short, late = book(house, 0, 3), book(house, 3, 5), book(house, 7, 5)
    call_off(passing)
    assert unit_of(guest) == unit_of(late) != unit_of(short)
    return guest, short, late


def test_rooms_free_in_pieces_are_put_together_for_a_longer_stay(context):
    house = open_house(units=2)
    guest, short, late = in_pieces(house)
    before = unit_of(guest), unit_of(short), unit_of(late)

    new = book(house, 1, 4)

    assert (unit_of(guest), unit_of(late), unit_of(short)) == before
    assert unit_of(new) == unit_of(late)
    assert misseated(db.session.connection()) == []


def test_a_chain_of_stays_longer_than_was_first_looked_at_is_followed_to_its_end(context):
    house = open_house(units=2)
    _, short, late = in_pieces(house)
    others, last = [], late
    for first in range(11, 91, 10):  # each begins before the one in the other room ends
        others.append(book(house, first, 11))
        assert unit_of(others[-1]) != unit_of(last)
        last = others[-1]
    before = [unit_of(line) for line in (short, late, *others)]

    book(house, 1, 4)

    after = [unit_of(line) for line in (short, late, *others)]
    assert all(new != old for new, old in zip(after, before, strict=True))
    assert misseated(db.session.connection()) == []


def test_a_large_house_is_searched_from_another_room_each_time(context):
    house = open_house(units=40)

    lines = [book(house, 0, 2) for _ in range(40)]

    assert len({unit_of(line) for line in lines}) == 40
    assert [unit_of(line) for line in lines[:3]] != sorted({unit_of(line) for line in lines})[:3]


def test_seating_that_contradicts_the_lines_is_noticed(context):
    house = open_house(units=2)
    line, gone = book(house, 0, 2), book(house, 5, 1)
    fine = misseated(db.session.connection())

    db.session.execute(sa.update(Seating).where(Seating.night == night(1)).values(night=night(2)))
    which = sa.select(ReservationLine.reservation_id).where(ReservationLine.id == gone)
    released = sa.update(Reservation).where(Reservation.id.in_(which)).values(status=RELEASED)
    db.session.execute(released.execution_options(synchronize_session=False))

    assert fine == []
    assert misseated(db.session.connection()) == [line, gone]


def test_seating_that_contradicts_the_counters_gives_nobody_a_room_twice(context):
    house = open_house(units=1)
    book(house, 0, 1)
    db.session.execute(sa.update(Seating).values(night=night(1)))

    with pytest.raises(NoSeating):
        book(house, 1, 1)


@pytest.mark.both_databases
def test_no_room_is_given_twice_however_many_book_at_once(app):
    with app.app_context():
        house = open_house(units=4)

    def work(number):
        for turn in range(12):
            first = (turn * 5 + number * 3) % 14
            with suppress(PlacesTaken):
                in_one_go(partial(book, house, first, 1 + number % 4))

    ends = at_once(app, *(lambda n=n: work(n) for n in range(4)))

    assert refusals(ends) == []
    with app.app_context():
        assert misseated(db.session.connection()) == []


@pytest.mark.both_databases
def test_a_stay_that_is_called_off_while_another_moves_it_leaves_no_trace(app):
    with app.app_context():
        house = open_house(units=2)
        _, _, late = in_pieces(house)
        db.session.commit()
    moved, left = Event(), Event()

    def arrive():
        book(house, 1, 4)  # late changes rooms for it, though none of its nights are wanted
        moved.set()
        left.wait(0.5)  # who waits for the database can't say so
        db.session.commit()

    def leave():
        moved.wait(10)
        in_one_go(lambda: call_off(late))
        left.set()

    ends = at_once(app, arrive, leave)

    assert refusals(ends) == []
    with app.app_context():
        assert seats_of(late) == set()
        assert misseated(db.session.connection()) == []
