"""A hold takes places for a while, and they come back exactly once, however it ends."""

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.accounts.models import Person
from app.booking.availability import free_nights, free_seats
from app.booking.holds import HOLD_TIME, hold, new_reference, release, release_run_out
from app.booking.inventory import PlacesTaken
from app.booking.models import CONFIRMED, RELEASED, Reservation, ReservationLine
from app.booking.reservations import (
    NotConfirmed,
    PlacesGone,
    ReservationCancelled,
    cancel,
    confirm,
    get_for_update,
    prove,
    revive,
)
from app.booking.seating import misseated
from app.core.database import db, in_one_go
from app.core.outbox import Job
from app.core.vault import vault
from tests.booking.places import (
    BOAT,
    FIRST,
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

UNITS, SEATS = 2, 3
AFTER = NOW + HOLD_TIME


def someone():
    """A person, as a confirmed reservation needs one."""
    person = Person(id=vault().new_person(), created_at=NOW)
    db.session.add(person)
    db.session.flush()
    return person.id


class Holds(RuleBasedStateMachine):
    """Holds that are made, expire, are paid, given up and cancelled, beside a simple model."""

    def __init__(self):
        """Begin with nothing booked; all of it happens in one transaction."""
        super().__init__()
        db.session.rollback()
        self.house = open_house_once()
        self.now = NOW
        self.model = {}  # reservation → [status, held until, places]

    def teardown(self):
        db.session.rollback()

    def live(self):
        """The places that the model says are taken, run-out holds included."""
        entries = self.model.values()
        return sum((e[2] for e in entries if e[0] in ("held", "confirmed")), Counter())

    def fits(self, places):
        live = self.live()
        return all(
            live[place] + count <= (SEATS if place == TOUR else UNITS)
            for place, count in places.items()
        )

    def one(self, which):
        if not self.model:
            return None, None
        number = list(self.model)[which % len(self.model)]
        return number, self.model[number]

    def try_to_hold(self, quote, places):
        try:
            held = hold(self.house, quote, language="en", now=self.now, person_id=someone())
        except PlacesTaken:
            assert not self.fits(places)
        else:
            assert self.fits(places)
            self.model[held.reservation_id] = ["held", self.now + HOLD_TIME, places]

    @rule(first=st.integers(0, 5), nights=st.integers(1, 3))
    def hold_nights(self, first, nights):
        places = Counter(night(first + n) for n in range(nights))
        self.try_to_hold(stay(self.house, first, nights), places)

    @rule(people=st.integers(1, 2))
    def hold_seats(self, people):
        self.try_to_hold(tour(self.house, people), Counter({TOUR: people}))

    @rule(minutes=st.integers(1, 40))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule(which=st.integers(0, 50))
    def it_expires(self, which):
        number, entry = self.one(which)
        if number is None:
            return
        due = entry[0] == "held" and entry[1] <= self.now
        assert release(number, now=self.now) == due
        if due:
            entry[0] = "released"

    @rule(which=st.integers(0, 50))
    def they_give_up(self, which):
        number, entry = self.one(which)
        if number is None:
            return
        assert release(number, now=self.now, only_run_out=False) == (entry[0] == "held")
        if entry[0] == "held":
            entry[0] = "released"

    @rule(which=st.integers(0, 50))
    def they_hold_on(self, which):
        number, entry = self.one(which)
        if number is None or entry[0] not in ("held", "released"):
            return
        again = entry[0] == "held" or self.fits(entry[2])
        try:
            revive(get_for_update(number), now=self.now)
        except PlacesGone:
            assert not again
            return
        assert again
        if entry[0] == "released" or entry[1] <= self.now:
            entry[:2] = ["held", self.now + HOLD_TIME]

    @rule(which=st.integers(0, 50))
    def they_pay(self, which):
        number, entry = self.one(which)
        if number is None:
            return
        there = entry[0] in ("held", "confirmed") or self.fits(entry[2])
        try:
            confirm(get_for_update(number), now=self.now)
        except ReservationCancelled:
            assert entry[0] == "cancelled"
        except PlacesGone:
            assert entry[0] == "released"
            assert not there
        else:
            assert there
            entry[0] = "confirmed"

    @rule(which=st.integers(0, 50))
    def they_cancel(self, which):
        number, entry = self.one(which)
        if number is None:
            return
        try:
            cancel(get_for_update(number), expected_refund=None, now=self.now)
        except (NotConfirmed, ReservationCancelled):
            assert entry[0] != "confirmed"
        else:
            assert entry[0] == "confirmed"
            entry[0] = "cancelled"

    @invariant()
    def counters_lines_and_rooms_agree(self):
        assert taken() == +self.live()
        assert prove(now=self.now) == []
        assert misseated(db.session.connection()) == []
        statuses = dict(db.session.execute(sa.select(Reservation.id, Reservation.status)).all())
        assert statuses == {number: entry[0] for number, entry in self.model.items()}


_house = []


def open_house_once():
    """The house of the running test, which was opened before its examples."""
    return _house[-1]


@pytest.mark.both_databases
def test_places_come_back_once_in_whatever_order_holds_end(context):
    _house[:] = [open_house(UNITS, SEATS)]

    run_state_machine_as_test(
        Holds, settings=settings(max_examples=25, stateful_step_count=25, deadline=None)
    )


@pytest.mark.both_databases
def test_a_hold_that_ran_out_is_free_for_readers_and_for_the_next_writer_without_any_job(context):
    house = open_house(units=1, seats=2)
    first = hold(house, stay(house, 0, 2), language="en", now=NOW)
    hold(house, tour(house, 2), language="en", now=NOW)
    db.session.commit()
    room, boat = house.stays_by_id[ROOM], house.sessions_by_id[BOAT]

    nights = free_nights([room], FIRST, night(5), now=AFTER)
    seats = free_seats([boat], TOUR, TOUR + timedelta(hours=1), now=AFTER)
    released = release_run_out(now=AFTER)
    second = hold(house, stay(house, 0, 2), language="en", now=AFTER)

    assert nights.through(room, FIRST, night(2)) == 1
    assert seats.at(boat, TOUR) == 2
    assert released == 2
    assert db.session.get(Reservation, first.reservation_id).status == RELEASED
    assert taken() == {night(0): 1, night(1): 1}
    assert second.held_until == AFTER + HOLD_TIME


def test_a_hold_lasts_to_its_last_second(context):
    house = open_house(units=1)
    hold(house, stay(house, 0, 1), language="en", now=NOW)
    db.session.commit()

    assert release_run_out(now=AFTER - timedelta(seconds=1)) == 0
    assert release_run_out(now=AFTER) == 1


def test_however_many_holds_ran_out_the_next_writer_finds_all_places_free(context):
    house = open_house(units=120)
    for _ in range(120):
        hold(house, stay(house, 0, 1), language="en", now=NOW)
    db.session.commit()

    released = release_run_out(now=AFTER)

    assert released == 120
    assert taken() == {}


@pytest.mark.both_databases
def test_two_who_release_one_hold_give_its_places_back_once(app):
    with app.app_context():
        house = open_house(units=2)
        gone = hold(house, stay(house, 0, 2), language="en", now=NOW)
        hold(house, stay(house, 0, 2), language="en", now=AFTER)
        db.session.commit()

    ends = at_once(app, *[lambda: release_run_out(now=AFTER)] * 4)

    assert sorted(ends) == [0, 0, 0, 1]
    with app.app_context():
        assert taken() == {night(0): 1, night(1): 1}
        assert db.session.get(Reservation, gone.reservation_id).status == RELEASED


@pytest.mark.both_databases
def test_paying_and_expiring_at_once_end_in_one_of_two_ways(app):
    with app.app_context():
        house = open_house(units=1)
        held = hold(house, stay(house, 0, 2), language="en", now=NOW, person_id=someone())
        db.session.commit()

    def pay():
        in_one_go(lambda: confirm(get_for_update(held.reservation_id), now=AFTER))

    ends = at_once(app, pay, lambda: release_run_out(now=AFTER))

    # Released first, the places are still there to be taken again: paid is paid.
    assert refusals(ends) == []
    with app.app_context():
        assert db.session.get(Reservation, held.reservation_id).status == CONFIRMED
        assert taken() == {night(0): 1, night(1): 1}
        assert prove(now=AFTER) == []


@pytest.mark.both_databases
def test_a_refused_hold_leaves_nothing_behind(context):
    house = open_house(units=1)
    hold(house, stay(house, 1, 1), language="en", now=NOW)
    db.session.commit()

    with pytest.raises(PlacesTaken):
        hold(house, stay(house, 0, 3), language="en", now=NOW)
    db.session.commit()

    assert db.session.scalar(sa.select(sa.func.count(Reservation.id))) == 1
    assert db.session.scalar(sa.select(sa.func.count(ReservationLine.id))) == 1
    assert taken() == {night(1): 1}


def test_confirming_writes_one_job_and_confirming_again_none(context):
    house = open_house()
    held = hold(house, stay(house, 0, 1), language="en", now=NOW, person_id=someone())

    for _ in range(2):
        confirm(get_for_update(held.reservation_id), now=NOW)

    jobs = db.session.scalars(sa.select(Job)).all()
    assert [job.payload["template"] for job in jobs] == ["confirmed"]
    assert jobs[0].payload["reservation_id"] == held.reservation_id


def test_whoever_has_a_reservation_loaded_sees_what_became_of_it(context):
    house = open_house()
    held = hold(house, stay(house, 0, 1), language="en", now=NOW)
    reservation = get_for_update(held.reservation_id)
    reservation.person_id = someone()  # not written yet

    confirm(reservation, now=NOW)
    confirmed = reservation.status, reservation.confirmed_at, reservation.held_until
    cancel(reservation, expected_refund=0, now=AFTER)

    assert confirmed == (CONFIRMED, NOW, None)
    assert (reservation.status, reservation.cancelled_at) == ("cancelled", AFTER)
    assert (reservation.refund_minor, reservation.sequence) == (0, 1)


def test_references_are_easy_to_read_out_and_never_the_same(context):
    references = {new_reference() for _ in range(2_000)}

    assert len(references) == 2_000
    assert set("".join(references)) == set("23456789ABCDEFGHJKLMNPQRSTUVWXYZ")
    assert {len(reference) for reference in references} == {8}


@pytest.mark.both_databases
def test_confirming_and_cancelling_cost_the_same_however_much_is_booked(context, count_queries):
    house = open_house(units=200)

    def all_of_it():
        held = hold(house, stay(house, 0, 3), language="en", now=NOW, person_id=someone())
        with count_queries() as sent:
            confirm(get_for_update(held.reservation_id), now=NOW)
            cancel(get_for_update(held.reservation_id), expected_refund=None, now=NOW)
        return len(sent)

    early = all_of_it()
    for _ in range(100):
        hold(house, stay(house, 0, 3), language="en", now=NOW)

    assert all_of_it() <= early
