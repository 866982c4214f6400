"""What a guest wishes for is theirs to say, change and take back, and is forgotten in time."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.booking.models import Reservation, ReservationLine
from app.booking.reservations import cancel, get_for_update
from app.booking.shop import shop
from app.core.database import db
from app.core.sweeps import named
from app.guestbook.models import StayWish
from app.guestbook.wishes import (
    WISH_DAYS,
    NotAgreed,
    TooLateToWish,
    Wishes,
    put_wishes,
    wishes_of,
    wishes_today,
)
from tests.house.visitor import Visitor, key_of, reference_of
from tests.owner.guests import book, details, seats, stay

DAY = timedelta(days=1)
ARRIVE, DEPART = date(2031, 6, 2), date(2031, 6, 5)
ADA = details("Ada Lovelace", "ada@example.org")
ALL = Wishes("21:30", "two", "no nuts", "A cot, please.")


@pytest.fixture
def booked(visitor):
    """A reservation's page: from 2 to 5 June 2031."""
    return visitor.book()


def wishes_page(visitor, page):
    return visitor.open(f"/reservations/{reference_of(page)}/wishes?key={key_of(page)}")


def kept():
    db.session.rollback()
    row = db.session.scalars(sa.select(StayWish)).one_or_none()
    return row and Wishes(row.arrival or "", row.bed or "", row.diet or "", row.words or "")


def put(reference, said, clock, *, agreed=True):
    zone = shop().venue.zone
    row = db.session.scalar(sa.select(Reservation).where(Reservation.reference == reference))
    put_wishes(get_for_update(row.id), said, agreed=agreed, zone=zone, now=clock())
    db.session.commit()
    return row


# -- Said -------------------------------------------------------------------------------------


@pytest.mark.clause("C18")
def test_right_after_booking_a_guest_can_say_what_they_wish_for(place, visitor, booked):
    link = booked.soup.find("a", href=lambda href: href and "/wishes?" in href)
    form = visitor.open(link["href"]).form()

    after = visitor.send(
        form, arrival="21.30", bed="two", diet="no nuts", diet_agreed="y", words="A cot, please."
    )

    assert reference_of(after) == reference_of(booked)
    for said in ("21:30", "Two beds", "no nuts", "A cot, please."):
        assert said in after.words
    with place.app_context():
        assert kept() == ALL


@pytest.mark.clause("C01")
def test_everything_is_optional_and_says_why_and_what_happens_without_it(place, visitor, booked):
    page = wishes_page(visitor, booked)

    after = visitor.send(page.form())

    assert after.status == 200
    with place.app_context():
        assert kept() is None
    assert "required" not in str(page.form().tag)
    for name in ("arrival", "diet", "words"):
        ids = page.soup.find(attrs={"name": name})["aria-describedby"].split()
        assert any("Without it" in page.soup.find(id=one).get_text() for one in ids)


@pytest.mark.clause("C18")
def test_a_diet_is_kept_with_an_express_yes_only(place, visitor, booked):
    page = wishes_page(visitor, booked)
    assert not page.soup.find(attrs={"name": "diet_agreed"}).has_attr("checked")

    refused = visitor.send(page.form(), diet="halal")

    assert refused.status == 422
    assert "Please tick" in refused.said_beside("diet_agreed")
    assert refused.typed_in("diet") == "halal"
    with place.app_context():
        assert kept() is None


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("7", "07:00"),
        ("7:05", "07:05"),
        ("23h59", "23:59"),
        ("00:00", "00:00"),
        ("18:30:00", "18:30"),
        (" 18.30 ", "18:30"),
    ],
)
def test_a_time_may_be_typed_as_people_write_it(place, visitor, booked, typed, said):
    visitor.send(wishes_page(visitor, booked).form(), arrival=typed)

    with place.app_context():
        assert kept().arrival == said


@pytest.mark.parametrize("typed", ["24:00", "late", "12:60", "٣:٣٠", "-1", "7pm", "1" * 15])
def test_what_is_no_time_is_answered_beside_the_field(visitor, booked, typed):
    page = visitor.send(wishes_page(visitor, booked).form(), arrival=typed, words="Hello")

    assert page.status == 422
    assert "time of day" in page.said_beside("arrival")
    assert (page.typed_in("arrival"), page.typed_in("words").strip()) == (typed, "Hello")


def test_a_bed_that_there_is_not_is_refused(visitor, booked):
    assert visitor.send(wishes_page(visitor, booked).form(), bed="water").status == 422


def test_who_comes_for_a_tour_is_asked_for_no_bed(visitor):
    booked = visitor.pay(visitor.tell(visitor.hold(visitor.choose_session())))

    page = wishes_page(visitor, booked)
    after = visitor.send(page.form(), words="We sing.", bed="two", arrival="12:00")

    assert page.soup.find(attrs={"name": "bed"}) is None
    assert "We sing." in after.words
    assert "Two beds" not in after.words


@pytest.mark.clause("C14")
def test_wishes_open_with_the_key_alone(visitor, booked):
    reference, nobody = reference_of(booked), Visitor(visitor.client.application)

    for path in ("wishes", "arrival", "reminders"):
        for key in ("", "A" * 24, key_of(booked)[:-1]):
            page = nobody.open(f"/reservations/{reference}/{path}?key={key}")
            assert page.status == 404
    for path in ("wishes", "reminders"):
        sent = nobody.ask("POST", f"/reservations/{reference}/{path}?key=A", data={"words": "x"})
        assert sent.status == 404


@pytest.mark.clause("C05")
def test_in_the_database_nobody_can_read_what_was_asked_for(place, clock):
    with place.app_context():
        put(book(stay("reed-room", ARRIVE, DEPART), now=clock(), who=ADA), ALL, clock)
        row = db.session.execute(sa.text("SELECT * FROM stay_wish")).one()

    assert not any(b"nuts" in bytes(str(value), "utf-8") for value in row)
    assert isinstance(row.diet, bytes)


# -- Until when -------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.clause("C18")
def test_wishes_can_be_changed_until_the_day_of_arrival_is_over(place, clock):
    with place.app_context():
        reference = book(stay("reed-room", ARRIVE, DEPART), now=clock(), who=ADA)
        # 21:59 and 22:00 UTC are the last minute of the second of June there, and midnight.
        clock.set(clock().replace(month=6, day=2, hour=21, minute=59))
        put(reference, ALL, clock)
        put(reference, Wishes(words="Later."), clock)
        assert kept() == Wishes(words="Later.")
        clock.move(timedelta(minutes=1))
        with pytest.raises(TooLateToWish):
            put(reference, ALL, clock)
        db.session.rollback()

        put(reference, Wishes(), clock)
        assert kept() is None


@pytest.mark.both_databases
def test_who_has_arrived_or_has_cancelled_tells_the_house_in_person(place, clock):
    with place.app_context():
        arrived = book(stay("reed-room", ARRIVE, DEPART), now=clock(), who=ADA)
        db.session.execute(sa.update(ReservationLine).values(arrived_at=clock()))
        db.session.commit()
        cancelled = book(stay("boathouse", ARRIVE, DEPART), now=clock(), who=ADA)
        row = db.session.scalar(sa.select(Reservation).where(Reservation.reference == cancelled))
        cancel(get_for_update(row.id), expected_refund=None, now=clock())
        db.session.commit()
        for reference in (arrived, cancelled):
            with pytest.raises(TooLateToWish):
                put(reference, ALL, clock)
            db.session.rollback()
        other = book(stay("lagoon-suite", ARRIVE, DEPART), now=clock(), who=ADA)
        with pytest.raises(NotAgreed):
            put(other, ALL, clock, agreed=False)


def test_after_arrival_the_page_offers_to_forget_and_nothing_else(place, visitor, booked, clock):
    visitor.send(wishes_page(visitor, booked).form(), words="A cot.")
    clock.set(clock().replace(month=6, day=3))

    late = wishes_page(visitor, booked)
    refused = visitor.ask("POST", late.url, data={"words": "Two cots."})
    forgot = visitor.send(late.form())

    assert refused.status == 409
    assert "until you arrive" in refused.words
    assert "A cot." not in forgot.words
    with place.app_context():
        assert kept() is None


# -- Shown to the house, and forgotten --------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.clause("C18")
def test_the_house_is_shown_wishes_on_the_days_of_the_stay_alone(place, clock):
    with place.app_context():
        row = put(book(stay("reed-room", ARRIVE, DEPART), now=clock(), who=ADA), ALL, clock)
        zone = shop().venue.zone
        shown = {}
        for day in (1, 2, 5, 6):
            now = clock().replace(month=6, day=day)
            shown[day] = wishes_today(row, zone, now=now)

        assert shown == {1: Wishes(), 2: ALL, 5: ALL, 6: Wishes()}
        assert wishes_of(row) == ALL


@pytest.mark.both_databases
@pytest.mark.clause("C12")
@pytest.mark.clause("C18")
def test_wishes_are_forgotten_after_their_term_and_not_before(place, clock):
    with place.app_context():
        put(book(stay("reed-room", ARRIVE, DEPART), now=clock(), who=ADA), ALL, clock)
        last = clock().replace(month=6, day=5 + WISH_DAYS - 1, hour=12)

        assert named("wishes").carry_out(last) == 0
        assert kept() == ALL

        assert named("wishes").carry_out(last + DAY) == 1
        assert kept() is None


@pytest.mark.both_databases
def test_wishes_for_what_is_cancelled_are_forgotten_at_once(place, clock):
    with place.app_context():
        start = shop().catalogue.session("sauna").schedule.occurrences(ARRIVE, ARRIVE)[0].starts_at
        row = put(book(seats("sauna", start), now=clock(), who=ADA), Wishes(words="x"), clock)
        assert named("wishes").carry_out(clock()) == 0
        cancel(get_for_update(row.id), expected_refund=None, now=clock())
        db.session.commit()

        assert named("wishes").carry_out(clock()) == 1
