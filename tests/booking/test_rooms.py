"""From the house's side nothing is double-booked either: blocks and pins take places like guests.

What is pinned or blocked is never moved; whoever else is in the way gets another room for
all their nights, or the house is told that it can't be done, and nothing has changed.
"""

import contextlib
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.accounts.models import Person
from app.booking.holds import hold
from app.booking.inventory import PlacesTaken
from app.booking.models import CONFIRMED, Block, Reservation, ReservationLine, UnitRow
from app.booking.reservations import prove
from app.booking.rooms import BadBlock, NotSeated, block, pin, reseat, unblock, unit_of
from app.booking.seating import UnitOccupied, misblocked, misseated
from app.cli import prove_command
from app.core.database import db
from app.core.vault import vault
from tests.booking.places import (
    FIRST,
    NOW,
    at_once,
    night,
    open_house,
    refusals,
    seats_of,
    stay,
)

TODAY = FIRST - timedelta(days=1)


def book(house, first, nights):
    """Book a stay for good and return the id of its line. Raises PlacesTaken."""
    held = hold(house, stay(house, first, nights), language="en", now=NOW)
    person = Person(id=vault().new_person(), created_at=NOW)
    db.session.add(person)
    db.session.flush()
    db.session.execute(
        sa.update(Reservation)
        .where(Reservation.id == held.reservation_id)
        .values(status=CONFIRMED, held_until=None, person_id=person.id)
    )
    return db.session.scalar(
        sa.select(ReservationLine.id).where(ReservationLine.reservation_id == held.reservation_id)
    )


def keep(unit, first, nights):
    return block(unit, night(first), night(first + nights), "repair", today=TODAY, now=NOW)


def units():
    return list(db.session.scalars(sa.select(UnitRow.id).order_by(UnitRow.position)))


def sound():
    """Whether counters, lines, blocks and seats say the same."""
    db.session.flush()
    connection = db.session.connection()
    return prove(now=NOW) == [] and misseated(connection) == [] and misblocked(connection) == []


@pytest.mark.both_databases
def test_a_blocked_room_is_sold_to_nobody_until_it_is_given_back(context):
    house = open_house(units=2)
    first, _ = units()
    made = keep(first, 2, 3)

    book(house, 1, 4)

    with pytest.raises(PlacesTaken):
        book(house, 4, 2)
    assert sound()
    unblock(made.id)
    unblock(made.id)
    book(house, 4, 2)
    assert sound()


@pytest.mark.both_databases
def test_the_command_names_counters_stays_and_blocks_that_do_not_agree(context):
    house = open_house(units=2)
    stay, made = book(house, 1, 4), keep(units()[1], 2, 3)
    runner = context.test_cli_runner()
    good = runner.invoke(prove_command)

    for column, one in (("line_id", stay), ("block_id", made.id)):
        db.session.execute(
            sa.text(f"DELETE FROM seating WHERE {column} = :id AND night = :night"),
            {"id": one, "night": night(3)},
        )
    db.session.commit()
    bad = runner.invoke(prove_command)

    assert good.exit_code == 0, good.output
    assert "Every counter and every seating agrees" in good.output
    assert bad.exit_code == 1
    assert f"line {stay}: it hasn't one unit" in bad.output
    assert f"block {made.id}: it hasn't one unit" in bad.output


@pytest.mark.both_databases
def test_whoever_is_in_the_way_of_a_block_gets_another_room_for_all_their_nights(context):
    house = open_house(units=2)
    first, second = units()
    guest = book(house, 1, 4)
    assert unit_of(guest) == first

    keep(first, 3, 5)

    assert unit_of(guest) == second
    assert {on for _, on in seats_of(guest)} == {night(n) for n in range(1, 5)}
    assert sound()


@pytest.mark.both_databases
def test_a_full_house_cannot_be_blocked_and_says_so(context):
    house = open_house(units=2)
    book(house, 1, 4)
    book(house, 1, 4)

    with pytest.raises(PlacesTaken):
        keep(units()[0], 2, 1)

    assert sound()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Block)) == 0


@pytest.mark.parametrize("number", [0, 1])
def test_a_guest_in_the_house_and_a_pinned_one_keep_their_rooms(context, number):
    house = open_house(units=3)
    who = (book(house, 0, 6), book(house, 2, 3))[number]
    pin(who, pinned=number == 1)

    with pytest.raises(UnitOccupied) as refused:
        block(units()[number], night(3), night(4), "repair", today=night(1), now=NOW)

    assert refused.value.line_ids == [who]


def test_a_stay_goes_to_the_room_that_the_house_chose_and_changes_with_who_is_there(context):
    house = open_house(units=2)
    first, second = units()
    one, other = book(house, 1, 3), book(house, 2, 3)

    moved = reseat(one, second, today=TODAY)

    assert moved == [other]
    assert (unit_of(one), unit_of(other)) == (second, first)
    assert sound()


def test_a_room_of_another_offer_and_what_is_no_stay_are_refused(context):
    house = open_house(units=1)
    line = book(house, 1, 2)
    db.session.execute(sa.update(Reservation).values(status="cancelled"))

    with pytest.raises(NotSeated):
        reseat(line, units()[0], today=TODAY)
    with pytest.raises(NotSeated):
        pin(line, pinned=True)


@pytest.mark.parametrize(("first", "until"), [(3, 3), (4, 3), (-2, 1), (0, 400)])
def test_nights_of_a_block_lie_ahead_and_are_a_year_at_most(context, first, until):
    open_house(units=1)

    with pytest.raises(BadBlock):
        block(units()[0], night(first), night(until), "other", today=TODAY, now=NOW)


@pytest.mark.parametrize("count", [2, 4])
def test_whatever_the_house_does_counters_lines_and_rooms_agree(context, count):
    house = open_house(units=count)
    rooms = units()
    place = st.tuples(st.integers(0, 14), st.integers(1, 5), st.integers(0, count - 1))
    steps = st.lists(
        st.tuples(st.sampled_from(["book", "block", "unblock", "reseat", "pin"]), place),
        max_size=30,
    )

    def try_it(what, first, nights, number, lines, blocks):
        if what == "book":
            lines.append(book(house, first, nights))
        elif what == "block":
            blocks.append(keep(rooms[number], first, nights).id)
        elif what == "unblock" and blocks:
            unblock(blocks.pop(number % len(blocks)))
        elif what == "reseat" and lines:
            reseat(lines[first % len(lines)], rooms[number], today=TODAY)
        elif what == "pin" and lines:
            pin(lines[first % len(lines)], pinned=number % 2 == 0)

    @settings(max_examples=40)
    @given(steps)
    def history(steps):
        lines, blocks = [], []
        for what, (first, nights, number) in steps:
            fixed = {line: unit_of(line) for line in lines if pinned(line)}
            with contextlib.suppress(PlacesTaken, UnitOccupied), db.session.begin_nested():
                try_it(what, first, nights, number, lines, blocks)
            assert sound()
            if what != "reseat":
                assert {line: unit_of(line) for line in fixed} == fixed
        db.session.rollback()

    history()


def pinned(line):
    return db.session.scalar(sa.select(ReservationLine.pinned).where(ReservationLine.id == line))


@pytest.mark.both_databases
def test_stays_that_are_put_into_each_others_rooms_at_once_wait_their_turn(app, database):
    with app.app_context():
        house = open_house(units=2)
        lines = [book(house, 1, 4), book(house, 3, 4)]
        rooms = [unit_of(line) for line in lines]
        db.session.commit()
        engine = db.engine
    middle = threading.Barrier(2)

    def meet(_connection, _cursor, statement, *_more):
        # Both would be here at once, each with the other's room still to be had.
        if statement.startswith("DELETE FROM seating"):
            with contextlib.suppress(threading.BrokenBarrierError):
                middle.wait(1)

    def go(line, room):
        def work():
            reseat(line, room, today=TODAY)
            db.session.commit()

        return work

    sa.event.listen(engine, "after_cursor_execute", meet)
    ends = at_once(app, go(lines[0], rooms[1]), go(lines[1], rooms[0]))
    sa.event.remove(engine, "after_cursor_execute", meet)

    assert middle.broken
    assert refusals(ends) == []
    with app.app_context():
        assert sound()
