"""A stay is moved, made longer or shorter, or put elsewhere wholly or not at all, at its price.

Whatever the house does, in whatever order and however many do it at once, counters, lines
and rooms agree afterwards, and nothing is double-booked.
"""

import contextlib
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.accounts.models import Person
from app.booking.catalogue import Basis
from app.booking.change_preview import preview
from app.booking.change_price import ANEW, KEPT, Change, StayOver, TheyAreHere
from app.booking.changing import NightsFull, PriceMoved, change, locked, tell_guest
from app.booking.checks import DateInPast, DatesBackwards, NoAdult, NoSuchSession
from app.booking.holds import hold
from app.booking.inventory import PlacesTaken
from app.booking.models import (
    CONFIRMED,
    ChargeRow,
    ExtraRow,
    OfferRow,
    RateRow,
    Reservation,
    ReservationLine,
    UnitRow,
)
from app.booking.presence import NotLikeThat, NotToday, check_in, check_out, no_show, take_back
from app.booking.prices import SessionWish, StayWish, quote
from app.booking.reservations import NotConfirmed, cancel_one, prove
from app.booking.rooms import block, pin, unblock, unit_of
from app.booking.seating import UnitOccupied, misblocked, misseated
from app.booking.shop import shop
from app.core.database import db
from app.core.errors import DomainError
from app.core.outbox import Job
from app.core.vault import vault
from app.payments.due import outstanding
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
    seats_of,
    taken,
)

SUITE = 3
TODAY = FIRST - timedelta(days=1)


def house(units=2, seats=4):
    """A house with a second kind of room, a fee, a tax a night and an extra."""
    open_house(units=units, seats=seats)
    db.session.add_all(
        (
            OfferRow(
                id=SUITE, slug="suite", kind="stay", texts={"en": {"name": "Suite"}}, picture="",
                units=1, adults_most=4, children_most=2, guests_most=4, nights_least=1,
                nights_most=30, vat_bp=700, rates=[RateRow(minor=300)],
                unit_rows=[UnitRow(position=0, name="Suite")],
            ),
            ChargeRow(
                code="tax", texts={"en": {"name": "Tax"}}, kind="tax",
                basis=Basis.PER_ADULT_NIGHT.value, minor=5,
            ),
            ExtraRow(
                code="breakfast", texts={"en": {"name": "Breakfast"}}, minor=10,
                basis=Basis.PER_PERSON_NIGHT.value, most=1, offer_kinds="stay",
            ),
        )
    )  # fmt: skip
    db.session.commit()
    catalogue = shop().catalogue
    db.session.rollback()
    return catalogue


def firm(held, paid=None):
    person = Person(id=vault().new_person(), created_at=NOW)
    db.session.add(person)
    db.session.flush()
    reservation = db.session.get_one(Reservation, held.reservation_id)
    reservation.status, reservation.held_until = CONFIRMED, None
    reservation.person_id = person.id
    reservation.paid_minor = reservation.total_minor if paid is None else paid
    db.session.flush()
    return reservation.lines[0].id


def book(catalogue, first, nights, *, adults=1, extras=(), paid=None):
    """Book a stay for good and return the id of its line. Raises PlacesTaken."""
    room = catalogue.stays_by_id[ROOM]
    wish = StayWish(room, night(first), night(first + nights), adults, 0, extras)
    return firm(hold(catalogue, quote(catalogue, [wish]), language="en", now=NOW), paid)


def seats(catalogue, people):
    wish = SessionWish(catalogue.sessions_by_id[BOAT], TOUR, people)
    return firm(hold(catalogue, quote(catalogue, [wish]), language="en", now=NOW))


def do(catalogue, line_id, *, price=ANEW, expected=None, now=NOW, **wanted):
    return change(catalogue, line_id, Change(**wanted), price=price, expected=expected, now=now)


def of(line_id):
    return db.session.get_one(ReservationLine, line_id)


def at(day, hour=12):
    return datetime(day.year, day.month, day.day, hour, tzinfo=NOW.tzinfo)


def sound():
    """Whether counters, lines, blocks, seats and sums say the same."""
    db.session.flush()
    connection = db.session.connection()
    for reservation in db.session.scalars(sa.select(Reservation)):
        assert reservation.total_minor == sum(line.total_minor for line in reservation.lines)
        for line in reservation.lines:
            if line.kind == "stay":
                assert sum(minor for _, minor in line.nightly) == line.total_minor
                assert len(line.nightly) == line.quantity == (line.depart - line.arrive).days
    return prove(now=NOW) == [] and misseated(connection) == [] and misblocked(connection) == []


@pytest.mark.both_databases
@pytest.mark.clause("C16")
def test_a_longer_stay_takes_its_nights_and_its_price_with_fees_taxes_and_extras(context):
    catalogue = house()
    breakfast = catalogue.extras_by_code["breakfast"]
    line = book(catalogue, 1, 2, adults=2, extras=((breakfast, 1),))
    was = of(line).reservation
    assert was.total_minor == 2 * (100 + 2 * 5 + 2 * 10)

    done = do(catalogue, line, depart=night(5), expected=260)

    assert done.difference_minor == 260
    assert was.total_minor == 4 * 130
    assert {(one.kind, one.quantity, one.total_minor) for one in was.lines} == {
        ("stay", 4, 400), ("tax", 8, 40), ("extra", 8, 80),
    }  # fmt: skip
    assert taken() == {night(n): 1 for n in range(1, 5)}
    assert {on for _, on in seats_of(line)} == {night(n) for n in range(1, 5)}
    assert was.sequence == 1
    assert sound()


@pytest.mark.clause("C16")
def test_with_the_price_kept_every_line_keeps_its_sum(context):
    catalogue = house()
    line = book(catalogue, 1, 2)

    done = do(catalogue, line, price=KEPT, arrive=night(3), depart=night(6))

    reservation = of(line).reservation
    assert done.difference_minor == 0
    assert [one.total_minor for one in reservation.lines] == [200, 10]
    assert [minor for _, minor in of(line).nightly] == [67, 67, 66]
    assert reservation.first_start == at(night(3), 15)
    assert sound()


def test_the_price_is_that_of_a_quote_and_so_is_its_fingerprint(context):
    catalogue = house()
    line = book(catalogue, 1, 2)

    do(catalogue, line, arrive=night(4), depart=night(9), adults=2)

    wish = StayWish(catalogue.stays_by_id[ROOM], night(4), night(9), 2)
    assert of(line).reservation.quote_digest == quote(catalogue, [wish]).digest


@pytest.mark.both_databases
def test_another_kind_of_room_is_taken_and_the_old_one_given_back(context):
    catalogue = house()
    line = book(catalogue, 1, 2)

    done = do(catalogue, line, offer_id=SUITE)

    assert done.difference_minor == 400
    assert (of(line).label, of(line).vat_bp) == ({"en": "Suite"}, 700)
    assert sound()
    with pytest.raises(NightsFull):
        do(catalogue, book(catalogue, 2, 1), offer_id=SUITE)
    assert sound()


@pytest.mark.both_databases
def test_a_conflict_names_its_nights_and_leaves_everything_as_it_was(context):
    catalogue = house(units=1)
    line = book(catalogue, 1, 2)
    book(catalogue, 4, 2)

    with pytest.raises(NightsFull) as refused:
        do(catalogue, line, depart=night(6))

    assert refused.value.nights == (night(4), night(5))
    assert of(line).depart == night(3)
    assert of(line).reservation.total_minor == 210
    assert of(line).reservation.sequence == 0
    assert sound()


def test_a_preview_writes_nothing_and_says_what_is_in_the_way_and_who(context):
    catalogue = house(units=2)
    line, other = book(catalogue, 1, 2), book(catalogue, 4, 2)
    pin(other, pinned=True)
    db.session.commit()
    unit = unit_of(other)

    seen = preview(catalogue, of(line), Change(depart=night(6), unit_id=unit), ANEW, now=NOW)

    assert seen.draft.difference_minor == 315
    assert not seen.is_possible
    assert [(one.reference, one.first, one.until, one.stays_put) for one in seen.there] == [
        (of(other).reservation.reference, night(4), night(6), True)
    ]
    assert not db.session.dirty
    with pytest.raises(UnitOccupied):
        do(catalogue, line, depart=night(6), unit_id=unit)


def test_a_price_that_moved_since_it_was_shown_is_shown_again(context):
    catalogue = house()
    line = book(catalogue, 1, 2)

    with pytest.raises(PriceMoved) as refused:
        do(catalogue, line, depart=night(4), expected=100)

    assert refused.value.difference_minor == 105
    assert of(line).depart == night(3)


def test_who_lives_in_a_room_stays_in_it_when_they_stay_longer_and_others_move(context):
    catalogue = house(units=2)
    guest, next_one = book(catalogue, 0, 3), book(catalogue, 3, 2)
    here, now = unit_of(guest), at(night(1))
    do(catalogue, next_one, unit_id=here)

    moved = do(catalogue, guest, depart=night(5), now=now).moved

    assert unit_of(guest) == here
    assert moved == (next_one,)
    with pytest.raises(TheyAreHere):
        do(catalogue, guest, arrive=night(2), now=now)
    with pytest.raises(TheyAreHere):
        do(catalogue, guest, offer_id=SUITE, now=now)
    assert sound()


def test_who_checked_in_this_afternoon_is_moved_for_nobody(context):
    catalogue = house(units=2)
    guest, other = book(catalogue, 1, 2), book(catalogue, 2, 2)
    check_in(of(guest), today=night(1), now=at(night(1), 16))

    with pytest.raises(UnitOccupied):
        do(catalogue, other, unit_id=unit_of(guest), now=at(night(1), 17))


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ({"arrive": FIRST + timedelta(days=9)}, DatesBackwards),
        ({"arrive": NOW.date() - timedelta(days=1)}, DateInPast),
        ({"adults": 0}, NoAdult),
    ],
)
def test_what_no_calendar_has_is_refused(context, wanted, refusal):
    catalogue = house()
    line = book(catalogue, 1, 2)

    with pytest.raises(refusal):
        do(catalogue, line, **wanted)


def test_what_is_over_or_cancelled_stays_as_it_was(context):
    catalogue = house()
    line, gone = book(catalogue, 1, 2), book(catalogue, 1, 2)
    cancel_one(of(gone).reservation_id, expected_refund=None, now=NOW)

    with pytest.raises(StayOver):
        do(catalogue, line, depart=night(9), now=at(night(4)))
    with pytest.raises(NotConfirmed):
        do(catalogue, gone, depart=night(9))


@pytest.mark.both_databases
def test_seats_go_to_another_start_and_their_number_changes(context):
    catalogue = house(seats=4)
    line = seats(catalogue, 2)
    tomorrow = TOUR + timedelta(days=1)

    moved = do(catalogue, line, starts_at=tomorrow, adults=4)

    assert moved.difference_minor == 200
    assert taken() == {tomorrow: 4}
    assert of(line).reservation.first_start == tomorrow
    with pytest.raises(NightsFull):
        do(catalogue, line, adults=5)
    with pytest.raises(NoSuchSession):
        do(catalogue, line, starts_at=tomorrow + timedelta(minutes=5))
    do(catalogue, line, adults=1)
    assert taken() == {tomorrow: 1}
    assert sound()


# -- Money ----------------------------------------------------------------------------------


def test_a_rise_can_be_paid_by_the_link_and_a_fall_gives_nothing_back_by_itself(context):
    catalogue = house()
    line = book(catalogue, 1, 2)
    reservation = of(line).reservation

    do(catalogue, line, depart=night(5))

    assert (reservation.paid_minor, outstanding(reservation)) == (210, 210)
    assert NOW < reservation.balance_due_at <= reservation.first_start
    do(catalogue, line, depart=night(2))
    assert (reservation.total_minor, reservation.paid_minor) == (105, 210)
    assert outstanding(reservation) == 0
    assert reservation.deposit_minor is None


def test_a_balance_moves_with_its_stay_and_leaves_days_to_pay_it_in(context):
    catalogue = house()
    line = book(catalogue, 40, 2, paid=50)
    reservation = of(line).reservation
    reservation.deposit_minor, reservation.balance_due_at = 50, at(night(26), 18)

    do(catalogue, line, arrive=night(60), depart=night(62))
    assert reservation.balance_due_at == at(night(46), 18)

    do(catalogue, line, arrive=NOW.date() + timedelta(days=5), depart=night(0))
    assert NOW + timedelta(days=2) < reservation.balance_due_at < reservation.first_start


def test_the_guest_is_told_only_if_the_house_wishes(context):
    catalogue = house()
    line = book(catalogue, 1, 2)
    do(catalogue, line, depart=night(4))
    assert db.session.scalars(sa.select(Job)).all() == []

    tell_guest(of(line).reservation_id, now=NOW)

    (job,) = db.session.scalars(sa.select(Job))
    assert job.payload["template"] == "changed"


# -- Who came -------------------------------------------------------------------------------


def test_they_come_and_go_on_their_days_and_what_was_noted_is_taken_back(context):
    catalogue = house()
    line = of(book(catalogue, 1, 2))

    with pytest.raises(NotToday):
        check_in(line, today=night(0), now=NOW)
    with pytest.raises(NotToday):
        check_out(line, today=night(0), now=NOW)
    check_in(line, today=night(1), now=NOW)
    with pytest.raises(NotLikeThat):
        no_show(catalogue, line, give_back=True, today=night(1), now=NOW)
    check_out(line, today=night(3), now=NOW)

    assert [take_back(line) for _ in range(3)] == ["left_at", "arrived_at", ""]


def test_who_leaves_has_come_unless_it_is_noted_that_they_never_did(context):
    catalogue = house()
    left, never = of(book(catalogue, 1, 2)), of(book(catalogue, 1, 2))
    no_show(catalogue, never, give_back=False, today=night(1), now=NOW)

    check_out(left, today=night(2), now=NOW)

    assert left.arrived_at == left.left_at == NOW
    with pytest.raises(NotLikeThat):
        check_out(never, today=night(2), now=NOW)


@pytest.mark.parametrize(("give_back", "left"), [(False, 4), (True, 1)])
def test_the_nights_of_who_never_came_are_sold_again_only_if_the_house_says_so(
    context, give_back, left
):
    catalogue = house()
    line_id = book(catalogue, 1, 4)

    no_show(catalogue, locked(line_id), give_back=give_back, today=night(1), now=at(night(1), 22))

    assert len(taken()) == left
    assert of(line_id).no_show_at
    assert of(line_id).reservation.total_minor == 420
    assert sound()


# -- All of it, in any order, and at once ---------------------------------------------------


def try_it(catalogue, rooms, been, verb, first, nights, yes):  # noqa: C901, PLR0912 (one branch a verb)
    lines, blocks, tours, today = been["lines"], been["blocks"], been["tours"], been["today"]
    now, price = at(today), ANEW if yes else KEPT
    line = lines[first % len(lines)] if lines else None
    if verb == "book":
        lines.append(book(catalogue, first, nights))
    elif verb == "seats":
        tours.append(seats(catalogue, nights))
    elif verb == "day":
        been["today"] = max(today, night(first - 4))
    elif verb == "block":
        room = rooms[first % len(rooms)]
        made = block(room, night(first), night(first + nights), "repair", today=today, now=now)
        blocks.append(made.id)
    elif verb == "unblock" and blocks:
        unblock(blocks.pop())
    elif verb == "tour" and tours:
        start = TOUR + timedelta(days=first)
        do(catalogue, tours[0], starts_at=start, adults=nights, price=price, now=now)
    elif line is None or verb in ("tour", "unblock"):
        return
    elif verb == "cancel":
        cancel_one(of(line).reservation_id, expected_refund=None, now=now)
    elif verb == "pin":
        pin(line, pinned=yes)
    elif verb in ("come", "go"):
        (check_in if verb == "come" else check_out)(locked(line), today=today, now=now)
    elif verb == "never":
        no_show(catalogue, locked(line), give_back=yes, today=today, now=now)
    elif verb == "undo":
        take_back(locked(line))
    else:
        to = of(line)
        do(catalogue, line, price=price, now=now, **{
            "move": {"arrive": night(first), "depart": night(first + nights)},
            "longer": {"depart": to.depart + timedelta(days=nights)},
            "shorter": {"depart": to.depart - timedelta(days=1)},
            "suite": {"offer_id": SUITE if yes else ROOM},
            "room": {"unit_id": rooms[nights % len(rooms)]},
            "party": {"adults": nights, "children": first % 2},
        }[verb])  # fmt: skip


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.clause("C16")
def test_whatever_the_house_does_in_whatever_order_everything_agrees(context, count):
    catalogue = house(units=count)
    rooms = list(db.session.scalars(sa.select(UnitRow.id).where(UnitRow.offer_id == ROOM)))
    verbs = (
        "book", "move", "longer", "shorter", "suite", "room", "party", "pin", "block",
        "unblock", "cancel", "come", "go", "never", "undo", "seats", "tour", "day",
    )  # fmt: skip
    steps = st.lists(
        st.tuples(st.sampled_from(verbs), st.integers(0, 9), st.integers(1, 4), st.booleans()),
        max_size=25,
    )

    @settings(max_examples=60)
    @given(steps)
    def history(steps):
        been = {"lines": [], "blocks": [], "tours": [], "today": TODAY}
        for step in steps:
            fixed = {n: unit_of(n) for n in been["lines"] if stays_put(n, been["today"])}
            with contextlib.suppress(PlacesTaken, DomainError), db.session.begin_nested():
                try_it(catalogue, rooms, been, *step)
            db.session.expire_all()
            assert sound()
            if step[0] not in ("room", "cancel", "suite"):
                assert {n: unit_of(n) for n in fixed if unit_of(n)} == {
                    n: unit for n, unit in fixed.items() if unit_of(n)
                }
        db.session.rollback()

    history()


def stays_put(line_id, today):
    line = of(line_id)
    return line.pinned or line.arrived_at is not None or line.arrive < today


@pytest.mark.both_databases
@pytest.mark.clause("C16")
def test_eight_at_once_want_the_same_room_and_one_of_them_gets_it(app, database):
    with app.app_context():
        catalogue = house(units=9)
        lines = [book(catalogue, 20 + n, 2) for n in range(8)]
        db.session.commit()

    def go(line):
        def work():
            do(catalogue, line, arrive=night(1), depart=night(3), offer_id=SUITE)
            db.session.commit()

        return work

    ends = at_once(app, *(go(line) for line in lines))

    assert [type(end) for end in refusals(ends)] == [NightsFull] * 7
    with app.app_context():
        assert sound()


@pytest.mark.both_databases
def test_stays_that_change_places_crosswise_never_wait_in_a_circle(app, database):
    with app.app_context():
        catalogue = house(units=2)
        one, other = book(catalogue, 1, 3), book(catalogue, 8, 3)
        db.session.commit()

    def go(line, first):
        def work():
            for turn in range(6):
                start = first if turn % 2 else 9 - first
                do(catalogue, line, arrive=night(start), depart=night(start + 3))
                db.session.commit()

        return work

    ends = at_once(app, go(one, 1), go(other, 8))

    assert refusals(ends) == []
    with app.app_context():
        assert sound()
